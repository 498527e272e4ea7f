# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The manual page, --help, the completion and the program know the same options and commands.

MAN=$TOP/docs/man/anemone-client.8

# The long options in a text, one a line.
options_in() {
	grep -oE -- '(^|[^A-Za-z0-9-])--[a-z-]*[a-z]' | grep -oE -- '--[a-z-]+' | sort -u
}

help_options() {
	client --help
	options_in <"$FAKE/out"
}

man_options() {
	grep -oE '\bFl -[a-z-]*[a-z]' "$MAN" | sed 's/^Fl /-/' | sort -u
}

same() {
	[ "$1" = "$2" ] || fail "they differ: $(diff <(echo "$1") <(echo "$2"))"
}

once_docs_help_and_man_page_agree() {
	[ "$(help_options | wc -l)" -gt 10 ] || fail "no options found in --help"
	same "$(help_options)" "$(man_options)"
}

once_docs_every_option_of_help_is_understood() {
	local option

	for option in $(help_options); do
		grep -rqE -- "^[[:space:]]*(.*\| )?$option( \|.*)?\)" "$CLIENT" \
			"$TOP"/client-setup/lib "$TOP/client-setup/nfs-udp/build" ||
			fail "no code takes $option"
	done
}

once_docs_every_option_understood_is_in_help() {
	local option

	for option in $(grep -hE '^[[:space:]]+-.*\)' "$CLIENT" "$TOP"/client-setup/lib/*.sh | options_in); do
		help_options | grep -qx -- "$option" || fail "$option is not in --help"
	done
}

once_docs_commands() {
	local command

	client --help
	for command in attach detach status doctor udp-module; do
		expect_output "anemone-client $command"
		grep -qE "^\.Cm $command" "$MAN" || fail "$command is not in the manual page"
	done
}

once_docs_man_pages_are_well_formed() {
	local page

	for page in "$TOP"/docs/man/*.[0-9]; do
		mandoc -T lint -W warning "$page" >"$FAKE/out" 2>&1 || fail "$page"
	done
}

once_docs_config_example_is_accepted() {
	sed 's/=$/=/' "$TOP/packaging/etc/client/example.conf" >"$R/etc/anemone/client/example.conf"
	client attach --name example
	expect_status 0
	expect_output '192.0.2.1:/render1 is swap now'
}
