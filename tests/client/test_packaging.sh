# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Units, completion, and what make install puts where.

# staged: the whole project installed below $FAKE/dest, with empty programs.
staged() {
	local program

	mkdir -p "$FAKE/build/bin"
	for program in anemone-engined anemone-memserverd engctl memctl; do
		printf '#!/bin/sh\n' >"$FAKE/build/bin/$program"
	done
	"$TOP/packaging/install" "$FAKE/dest" /usr "$FAKE/build" >"$FAKE/out" 2>&1 || fail "install"
}

once_packaging_install_and_uninstall() {
	staged
	[ -x "$FAKE/dest/usr/sbin/engctl" ] || fail "engctl is not installed"
	[ -e "$FAKE/dest/lib/systemd/system/anemone-client@.service" ] || fail "no unit"
	[ -e "$FAKE/dest/usr/share/man/man8/anemone-client.8" ] || fail "no manual page"
	echo mine >"$FAKE/dest/etc/anemone/engine.conf"
	staged
	grep -qx mine "$FAKE/dest/etc/anemone/engine.conf" || fail "settings were overwritten"
	"$TOP/packaging/install" --uninstall "$FAKE/dest" /usr || fail "uninstall"
	[ "$(find "$FAKE/dest" -type f)" = "$FAKE/dest/etc/anemone/engine.conf" ] ||
		fail "left: $(find "$FAKE/dest" -type f)"
	[ ! -d "$FAKE/dest/usr/lib/anemone" ] || fail "an empty directory is left"
}

once_packaging_installed_client_runs() {
	staged
	CLIENT=$FAKE/dest/usr/sbin/anemone-client
	attached
	client udp-module build --kdir /nonexistent
	expect_status 1
	expect_output 'no kernel headers'
}

once_packaging_other_prefix() {
	mkdir -p "$FAKE/build"
	cp -r "$TOP/packaging" "$FAKE/" # the script is read, not changed
	staged
	rm -r "$FAKE/dest"
	"$TOP/packaging/install" "$FAKE/dest" /usr/local "$FAKE/build" || fail "install"
	grep -q '^ExecStart=/usr/local/sbin/anemone-client' \
		"$FAKE/dest/lib/systemd/system/anemone-client@.service" || fail "the unit names the wrong place"
}

once_packaging_units_are_valid() {
	local unit units=()

	mkdir "$FAKE/units"
	for unit in "$TOP"/packaging/systemd/*.service; do
		# The programs are not installed where the tests run; a template needs an instance.
		sed 's#=+*/usr/sbin/[a-z-]*#=/bin/true#; /^Documentation/d' "$unit" \
			>"$FAKE/units/$(basename "${unit/@/@x}")"
		units+=("$FAKE/units/$(basename "${unit/@/@x}")")
	done
	systemd-analyze verify "${units[@]}" >"$FAKE/out" 2>&1 || fail "systemd-analyze verify"
	[ ! -s "$FAKE/out" ] || fail "systemd-analyze has something to say"
}

once_packaging_units_call_what_exists() {
	local option

	for option in $(sed -n 's/^Exec.* \(--[a-z]*\).*/\1/p' "$TOP"/packaging/systemd/anemone-client@.service); do
		client --help
		expect_output "$option"
	done
}

once_packaging_units_of_memory_servers_call_what_exists() {
	local option options

	options=$(sed -n 's/^Exec[A-Za-z]*=-*[^ ]*memctl //p' "$TOP"/packaging/systemd/*.service |
		grep -oE -- '--[a-z]+' | sort -u)
	[ "$(wc -w <<<"$options")" -ge 5 ] || fail "no options found"
	for option in $options; do
		grep -q "^	{\"${option#--}\", [a-z]*_argument" "$TOP/memserver/ctl/main.c" ||
			fail "a unit gives memctl $option"
	done
}

# completes FILE FUNCTION WORD...: what the last word completes to, on one line.
completes() {
	local file="$1" function="$2"

	shift 2
	(
		complete() { :; }
		# shellcheck disable=SC1090
		. "$TOP/packaging/bash-completion/$file"
		anemone-client() { echo '{"attached":[{"target":"10.0.0.1:/vai1"}]}'; }
		engctl() { echo '{"vais": [{"name": "disk1"}, {"name": "disk2"}]}'; }
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		COMP_LINE="$*"
		COMP_POINT=${#COMP_LINE}
		COMPREPLY=()
		"$function"
		echo "${COMPREPLY[*]}"
	)
}

expect_completion() {
	local expected="$1" got

	shift
	got=$(completes "$@")
	[ "$got" = "$expected" ] || fail "completes to '$got', not to '$expected'"
}

once_packaging_completion() {
	expect_completion 'attach' anemone-client _anemone_client anemone-client at
	expect_completion 'tcp udp' anemone-client _anemone_client anemone-client attach --proto ''
	expect_completion '--mountport --mountpoint' anemone-client _anemone_client anemone-client attach --mount
	expect_completion '10.0.0.1:/vai1' anemone-client _anemone_client anemone-client detach 10
	expect_completion 'create set list show delete resize discard forget-unknown' engctl _engctl engctl vai ''
	expect_completion 'disk1 disk2' engctl _engctl engctl --json vai delete d
	expect_completion 'critical' engctl _engctl engctl vai create x --class c
	expect_completion '--uuid' engctl _engctl engctl up --u
	expect_completion '--verbose --version' engctl _engctl engctl --v
	expect_completion '--json' memctl _memctl memctl status --j
	expect_completion '--donate' memctl _memctl memctl up --engine 10.0.0.1 --d
}

# ctl_completion_knows_all_options PROGRAM SOURCE
ctl_completion_knows_all_options() {
	local option options

	options=$(sed -n 's/^\t{"\([a-z-]*\)", [a-z]*_argument.*/\1/p' "$TOP/$2")
	[ "$(wc -w <<<"$options")" -ge 10 ] || fail "no options found in $2"
	for option in $options; do
		# what takes a value is named once more, in a pattern of its own
		grep -vE '\)( return ;;)?$' "$TOP/packaging/bash-completion/$1" |
			grep -E -- "--$option\b" >"$FAKE/out" ||
			fail "the completion of $1 lacks --$option"
	done
}

once_packaging_completion_knows_all_options() {
	local option

	client --help
	for option in $(grep -oE -- '--[a-z]+' "$FAKE/out" | sort -u); do
		grep -q -- "$option" "$TOP/packaging/bash-completion/anemone-client" ||
			fail "the completion lacks $option"
	done
	ctl_completion_knows_all_options engctl engine/ctl/main.c
	ctl_completion_knows_all_options memctl memserver/ctl/main.c
}
