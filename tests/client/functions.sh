# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The made-up machine that each test of anemone-client starts with, and what a test asks of it.

FAKE_TOOLS="id uname mount.nfs umount umount.nfs swapon swapoff dd mkswap modprobe modinfo ip ethtool getent nc rpcinfo systemd-escape"

# A machine that is fit: NFS with swap, 1 GiB free, no swap, one route, an engine that answers.
make_machine() {
	local tool

	FAKE=$(mktemp -d "${TMPDIR:-/tmp}/anemone-client-test.XXXXXX")
	R=$FAKE/root
	export FAKE ANEMONE_CLIENT_ROOT=$R
	mkdir -p "$FAKE"/{bin,fail,signal,modules} "$R"/{boot,run,etc/anemone/client,srv} \
		"$R"/proc/sys/vm "$R"/sys/module/sunrpc/parameters "$R"/sys/class/net/eth0
	for tool in $FAKE_TOOLS; do
		ln -s "$HERE/fake" "$FAKE/bin/$tool"
	done
	echo "10.0.0.1 engine1 other" >"$R/etc/hosts"
	echo 0 >"$FAKE/uid"
	echo on >"$FAKE/sg"
	: >"$FAKE/calls"
	echo "sysfs /sys sysfs rw 0 0" >"$R/proc/mounts"
	printf 'Filename\tType\tSize\tUsed\tPriority\n' >"$R/proc/swaps"
	printf 'MemTotal: 2097152 kB\nMemFree: 900000 kB\nMemAvailable: 1048576 kB\n' >"$R/proc/meminfo"
	printf 'nodev\tproc\n' >"$R/proc/filesystems"
	printf 'CONFIG_NFS_SWAP=y\nCONFIG_NFS_DISABLE_UDP_SUPPORT=y\n' >"$R/boot/config-6.1.0-fake"
	echo 65536 >"$R/proc/sys/vm/min_free_kbytes"
	echo 9000 >"$R/sys/class/net/eth0/mtu"
	echo 16 >"$R/sys/module/sunrpc/parameters/udp_slot_table_entries"
	echo 65536 >"$R/sys/module/sunrpc/parameters/tcp_max_slot_table_entries"
	touch "$FAKE/modules/nfs" "$FAKE/modules/nfsv3"
	echo 'rpcbind does not answer' >"$FAKE/fail/rpcinfo"
	T=10.0.0.1:/vai1
	DIR=$R/run/anemone/10.0.0.1/vai1
}

# The same machine with the rebuilt nfs.ko.
with_udp() {
	echo anemone_udp=y >"$FAKE/modules/nfs"
	touch "$FAKE/modules/anemone_udpfix"
}

# client ARGS...: runs the real program; output in $FAKE/out, status in $status.
client() {
	status=0
	# shellcheck disable=SC2086 # "busybox sh" is two words
	PATH=$FAKE/bin:$PATH $CLIENT_SHELL "$CLIENT" "$@" >"$FAKE/out" 2>&1 || status=$?
}

fail() {
	echo "    $*"
	[ ! -s "$FAKE/out" ] || sed 's/^/    | /' "$FAKE/out"
	exit 1
}

expect_status() {
	[ "$status" = "$1" ] || fail "exit status $status, expected $1"
}

expect_output() {
	grep -qF -- "$1" "$FAKE/out" || fail "output lacks: $1"
}

expect_call() {
	grep -qF -- "$1" "$FAKE/calls" || fail "no call of: $1 (calls: $(tr '\n' ';' <"$FAKE/calls"))"
}

expect_no_call() {
	! grep -q -- "^$1" "$FAKE/calls" || fail "there was a call of: $1"
}

# Everything of the machine that an attach may change, as text.
machine_state() {
	cat "$R/proc/mounts" "$R/proc/swaps"
	cat "$R/sys/module/sunrpc/parameters/udp_slot_table_entries"
	find "$R/run" "$R/srv" -mindepth 1 ! -path '*/.state' ! -path "$R/run/anemone" | sort
}

# expect_undone ARGS...: the attach fails and leaves the machine as it was.
expect_undone() {
	local before

	before=$(machine_state)
	client attach "$@"
	[ "$status" != 0 ] || fail "the attach succeeded"
	[ "$(machine_state)" = "$before" ] ||
		fail "not undone: $(diff <(echo "$before") <(machine_state))"
	[ -z "$(find "$R/run" -name '*.lock')" ] || fail "the lock was left behind"
}

attached() {
	client attach "$T" "$@"
	expect_status 0
}

# use_swap KIB: so much is swapped out to the attached VAI.
use_swap() {
	sed -i "s/ 307200 [0-9]* / 307200 $1 /" "$R/proc/swaps"
}
