# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the command line and the configuration files accept.

refused_usage() {
	client "$@"
	expect_status 2
	expect_no_call mount.nfs
	expect_no_call swapon
}

test_args_help_and_version() {
	client --help
	expect_status 0
	expect_output 'Usage: anemone-client attach ENGINE:/VAI'
	client --version
	expect_status 0
	grep -Eqx 'anemone-client [0-9]+\.[0-9]+\.[0-9]+' "$FAKE/out" || fail "no version"
}

test_args_bad_targets() {
	local target

	for target in nonsense 10.0.0.1 10.0.0.1: 10.0.0.1:/ :/vai 10.0.0.1:/a/b '10.0.0.1:/a b' \
		10.0.0.1:/../x -x:/vai '10.0.0.1;reboot:/vai' fe80::1:/vai \
		"10.0.0.1:/$(printf '%065d' 0)"; do
		refused_usage attach "$target"
	done
	client attach "10.0.0.1:/$(printf '%064d' 0)"
	expect_status 0
}

test_args_bad_values() {
	refused_usage attach
	refused_usage attach "$T" --priority
	refused_usage attach "$T" --priority -1
	refused_usage attach "$T" --priority 32768
	refused_usage attach "$T" --priority 1x
	refused_usage attach "$T" --proto rdma
	refused_usage attach "$T" --port 0
	refused_usage attach "$T" --port 65536
	refused_usage attach "$T" --mountport 99999999999999999999
	refused_usage attach "$T" --mountpoint relative
	refused_usage attach "$T" --mountpoint '/mnt/with space'
	refused_usage attach "$T" --wsize 512
	refused_usage attach "$T" --target 10.0.0.9:/other
	refused_usage attach "$T" --no-such-option
	refused_usage attach "$T" 10.0.0.1:/vai2
	refused_usage detach --all "$T"
	refused_usage detach --no-such-option
	refused_usage status extra
	refused_usage doctor --no-such-option
	refused_usage udp-module explode
	refused_usage no-such-command
}

test_args_equals_sign_form() {
	client attach --priority=7 "$T" --proto=tcp
	expect_status 0
	expect_call "swapon -p 7 $DIR/swapfile"
}

test_args_named_config() {
	printf '# made for a test\nTARGET=%s\nPRIORITY=9\nPORT=3049\nMOUNTPORT=30048\nRSIZE=\n' "$T" \
		>"$R/etc/anemone/client/fast.conf"
	client attach --name fast
	expect_status 0
	expect_call "swapon -p 9 $DIR/swapfile"
	expect_call 'port=3049,mountport=30048'
	client detach --name fast
	expect_status 0
	expect_output 'is detached'
}

test_args_named_config_runs_nothing() {
	printf 'TARGET=$(touch %s/owned)\n' "$FAKE" >"$R/etc/anemone/client/evil.conf"
	client attach --name evil
	expect_status 2
	printf 'TARGET=%s\nPATH=/evil\n' "$T" >"$R/etc/anemone/client/evil.conf"
	client attach --name evil
	expect_status 2
	expect_output 'is no setting'
	[ ! -e "$FAKE/owned" ] || fail "the configuration was executed"
	refused_usage attach --name ../evil
}

test_args_named_without_file_is_an_escaped_target() {
	client attach --name 10.0.0.1:-vai1
	expect_status 0
	expect_output "$T is swap now"
	client attach --name nonsense
	expect_status 1
	expect_output 'TARGET=ENGINE:/VAI'
}
