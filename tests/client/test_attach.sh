# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# attach: what it does when all goes well, what it refuses, and that a failing step undoes the rest.

test_attach_mounts_and_swaps() {
	attached
	expect_output "$T is swap now: 300 MiB"
	expect_call "mount.nfs $T $DIR -o vers=3,proto=tcp,mountproto=tcp,port=2049,mountport=20048,nolock,hard,"
	expect_call "swapon $DIR/swapfile"
	expect_no_call 'swapoff'
	client status
	expect_status 0
	expect_output swapping
}

test_attach_ports_from_rpcbind() {
	rm "$FAKE/fail/rpcinfo"
	printf '%s\n' '   program vers proto   port  service' '    100003    3   udp   1111  nfs' \
		'    100003    3   tcp   2222  nfs' '    100005    3   tcp   3333  mountd' >"$FAKE/rpcinfo"
	attached
	expect_call 'port=2222,mountport=3333,'
}

test_attach_given_ports_ask_nobody() {
	attached --port 4049 --mountport 4048
	expect_call 'port=4049,mountport=4048,'
	expect_no_call rpcinfo
}

test_attach_elsewhere() {
	attached --mountpoint "$R/srv/swap" --priority 5
	expect_call "mount.nfs $T $R/srv/swap -o"
	expect_call "swapon -p 5 $R/srv/swap/swapfile"
	client detach "$R/srv/swap"
	expect_status 0
	[ ! -e "$R/srv/swap" ] || fail "the directory that attach made is still there"
}

test_attach_ipv6() {
	T='[2001:db8::1]:/vai1'
	attached
	expect_call "mount.nfs $T $R/run/anemone/2001:db8::1/vai1 -o vers=3,proto=tcp6,mountproto=tcp6,"
	client detach "$T"
	expect_status 0
	expect_output 'is detached'
}

test_attach_twice_is_once() {
	attached
	: >"$FAKE/calls"
	attached
	expect_output 'attached already'
	expect_no_call mount.nfs
	expect_no_call swapon
	client attach "$T" --priority 3
	expect_status 1
	client attach "$T" --proto udp
	expect_status 1
	client attach "$T" --mountpoint "$R/srv/other"
	expect_status 1
	[ "$(grep -c swapfile "$R/proc/swaps")" = 1 ] || fail "swap was lost"
}

test_attach_several() {
	attached
	client attach 10.0.0.1:/vai2
	expect_status 0
	client attach 10.0.0.7:/vai1
	expect_status 0
	[ "$(grep -c swapfile "$R/proc/swaps")" = 3 ] || fail "not three swap areas"
}

test_attach_finishes_what_is_half_there() {
	attached
	sed -i '/swapfile/d' "$R/proc/swaps"
	client status
	expect_status 1
	expect_output 'mounted, not swapping'
	: >"$FAKE/calls"
	attached
	expect_no_call mount.nfs
	expect_call swapon
}

test_attach_udp_sets_slots_and_loads_the_fix() {
	with_udp
	attached --proto udp
	expect_call 'proto=udp,mountproto=udp,'
	expect_call 'rsize=8192,wsize=8192'
	expect_call 'modprobe anemone_udpfix'
	[ "$(cat "$R/sys/module/sunrpc/parameters/udp_slot_table_entries")" = 128 ] ||
		fail "the slot table was not set"
}

test_attach_udp_refused_by_stock_kernel() {
	expect_undone "$T" --proto udp
	expect_output 'built without UDP'
	expect_output 'udp-module install'
	expect_no_call mount.nfs
}

test_attach_udp_without_the_fix_warns() {
	with_udp
	rm "$FAKE/modules/anemone_udpfix"
	attached --proto udp
	expect_output 'warning: module anemone_udpfix is not available'
}

test_attach_refuses_without_root() {
	echo 1000 >"$FAKE/uid"
	expect_undone "$T"
	expect_output 'needs root'
}

test_attach_refuses_kernel_without_nfs_swap() {
	echo '# CONFIG_NFS_SWAP is not set' >"$R/boot/config-6.1.0-fake"
	expect_undone "$T"
	expect_output 'CONFIG_NFS_SWAP'
	expect_no_call mount.nfs
}

test_attach_probes_kernel_without_config() {
	rm "$R/boot/config-6.1.0-fake"
	echo 'ffffffffc0000000 T xprt_write_space [sunrpc]' >"$R/proc/kallsyms"
	expect_undone "$T"
	expect_output 'CONFIG_NFS_SWAP'
	echo 'ffffffffc0000000 T rpc_clnt_swap_activate	[sunrpc]' >"$R/proc/kallsyms"
	attached
}

test_attach_refuses_kernel_without_nfs() {
	rm "$FAKE/modules/nfs"
	expect_undone "$T"
	expect_output 'no NFS client'
}

test_attach_refuses_unreachable_engine() {
	echo 'Connection refused' >"$FAKE/fail/nc"
	expect_undone "$T"
	expect_output 'does not answer at TCP port 20048'
	rm "$FAKE/fail/nc"
	echo 'Network is unreachable' >"$FAKE/fail/ip"
	expect_undone "$T"
	expect_output 'no route'
}

test_attach_believes_mount_when_nc_cannot_probe() {
	echo "nc: invalid option -- 'z'" >"$FAKE/fail/nc"
	attached
}

test_attach_refuses_occupied_mountpoint() {
	mkdir "$R/srv/data"
	echo "/dev/sda1 $R/srv/data ext4 rw 0 0" >>"$R/proc/mounts"
	expect_undone "$T" --mountpoint "$R/srv/data"
	expect_output 'is mounted there'
}

test_attach_refuses_second_mount_of_the_vai() {
	mkdir "$R/srv/data"
	echo "$T $R/srv/data nfs rw,vers=3 0 0" >>"$R/proc/mounts"
	expect_undone "$T"
	expect_output "it is mounted at $R/srv/data"
}

test_attach_respects_the_lock() {
	mkdir -p "$R/run/anemone/.state"
	ln -s $$ "$R/run/anemone/.state/10.0.0.1@vai1.state.lock"
	client attach "$T"
	expect_status 1
	expect_output "process $$ is working on it"
	[ -h "$R/run/anemone/.state/10.0.0.1@vai1.state.lock" ] || fail "took the other's lock away"
	ln -sf 999999999 "$R/run/anemone/.state/10.0.0.1@vai1.state.lock"
	attached
}

# ---- undo: every step in turn fails ----

test_undo_mkdir_fails() {
	expect_undone "$T" --mountpoint "$R/srv/no/such/parent"
	expect_output 'cannot be made'
	expect_no_call mount.nfs
}

test_undo_mount_fails() {
	echo 'mount.nfs: access denied by server while mounting' >"$FAKE/fail/mount.nfs"
	expect_undone "$T"
	expect_output 'access denied'
	expect_output 'engctl vai list'
	expect_no_call swapon
}

test_undo_no_swapfile() {
	touch "$FAKE/no-swapfile"
	expect_undone "$T"
	expect_output "holds no file 'swapfile'"
	expect_call umount.nfs
}

test_undo_swapon_fails() {
	echo 'swapon failed: Invalid argument' >"$FAKE/fail/swapon"
	expect_undone "$T" --priority 4
	expect_output 'Invalid argument'
	expect_call umount.nfs
}

test_undo_swapon_does_nothing() {
	touch "$FAKE/swapon-lies"
	expect_undone "$T"
	expect_output 'swapon did nothing'
}

# After a power cut of engine and memory servers nobody knows what is in the VAI: an I/O error.
test_attach_renews_a_header_that_is_lost() {
	: >"$FAKE/header-lost"
	attached --priority 7
	expect_output 'it gets a new swap header'
	expect_call " of=$DIR/swapfile bs=4096 count=1 conv=notrunc,fsync"
	[ -z "$(find "$R/run" -name 'header.*')" ] || fail "the header was left behind"
	[ "$(grep -c "^swapon -p 7 $DIR/swapfile" "$FAKE/calls")" = 2 ] || fail "not swapped on again"
}

test_attach_leaves_a_header_that_can_be_read() {
	echo 'swapon failed: Invalid argument' >"$FAKE/fail/swapon"
	expect_undone "$T"
	expect_no_call 'dd .*of=/.*/swapfile'
}

test_undo_a_header_cannot_be_made() {
	: >"$FAKE/header-lost"
	echo 'mkswap: write failed' >"$FAKE/fail/mkswap"
	expect_undone "$T"
	expect_no_call 'dd .*of=/.*/swapfile'
	expect_output 'read swap header failed'
}

test_undo_state_cannot_be_written() {
	mkdir -p "$R/run/anemone/.state/10.0.0.1@vai1.state.new"
	expect_undone "$T"
	expect_output 'cannot be written'
	expect_call "swapoff $DIR/swapfile"
}

test_undo_restores_udp_slots() {
	with_udp
	echo 'swapon failed: Invalid argument' >"$FAKE/fail/swapon"
	expect_undone "$T" --proto udp
	expect_call 'modprobe anemone_udpfix'
}

test_undo_keeps_a_mount_that_was_there() {
	mkdir "$R/srv/data"
	touch "$R/srv/data/swapfile"
	echo "$T $R/srv/data nfs rw,vers=3 0 0" >>"$R/proc/mounts"
	echo 'swapon failed: Invalid argument' >"$FAKE/fail/swapon"
	expect_undone "$T" --mountpoint "$R/srv/data"
	expect_no_call umount
}

test_undo_on_signal_while_mounting() {
	touch "$FAKE/signal/mount.nfs"
	expect_undone "$T"
	expect_call umount.nfs
}

test_undo_on_signal_while_swapping_on() {
	touch "$FAKE/signal/swapon"
	expect_undone "$T"
	expect_call "swapoff $DIR/swapfile"
}

test_attach_by_host_name() {
	T=engine1:/vai1
	attached
	expect_call 'ip route get 10.0.0.1'
	expect_undone nobody:/vai1
	expect_output 'the name is unknown'
	expect_no_call "mount.nfs nobody"
}

test_attach_raises_min_free_and_detach_restores_it() {
	echo 1659 >"$R/proc/sys/vm/min_free_kbytes"
	attached
	expect_output 'vm.min_free_kbytes raised from 1659 to 8192'
	[ "$(cat "$R/proc/sys/vm/min_free_kbytes")" = 8192 ] || fail "min_free_kbytes was not raised"
	client detach "$T"
	expect_status 0
	[ "$(cat "$R/proc/sys/vm/min_free_kbytes")" = 1659 ] || fail "min_free_kbytes is not as before"
}

test_attach_that_fails_restores_min_free() {
	echo 1659 >"$R/proc/sys/vm/min_free_kbytes"
	echo 'swapon: nothing doing' >"$FAKE/fail/swapon"
	client attach "$T"
	expect_status 1
	[ "$(cat "$R/proc/sys/vm/min_free_kbytes")" = 1659 ] || fail "min_free_kbytes is not as before"
}

test_detach_leaves_min_free_that_somebody_else_set() {
	echo 1659 >"$R/proc/sys/vm/min_free_kbytes"
	attached
	echo 50000 >"$R/proc/sys/vm/min_free_kbytes"
	client detach "$T"
	expect_status 0
	[ "$(cat "$R/proc/sys/vm/min_free_kbytes")" = 50000 ] || fail "min_free_kbytes was changed"
}

# Without scatter-gather a jumbo frame needs more than a page in a row, which a machine short of
# memory does not have: it stood still for ever.
test_attach_limits_frames_without_scatter_gather() {
	echo off >"$FAKE/sg"
	attached
	expect_output 'eth0 has no scatter-gather'
	expect_call 'ip route add 10.0.0.1 dev eth0 mtu 3400'
	client attach 10.0.0.1:/vai2
	expect_status 0
	client detach "$T"
	expect_status 0
	[ -e "$FAKE/route" ] || fail "the route is gone although a VAI needs it"
	client detach 10.0.0.1:/vai2
	expect_status 0
	[ ! -e "$FAKE/route" ] || fail "the route was left behind"
}

test_attach_limits_frames_through_a_gateway() {
	echo off >"$FAKE/sg"
	echo '10.0.0.1 via 10.9.0.254 dev eth0 src 10.9.0.2 uid 0' >"$FAKE/route"
	attached
	expect_call 'ip route add 10.0.0.1 via 10.9.0.254 dev eth0 mtu 3400'
}

test_attach_that_fails_removes_the_route() {
	echo off >"$FAKE/sg"
	echo 'swapon: nothing doing' >"$FAKE/fail/swapon"
	client attach "$T"
	expect_status 1
	expect_call 'ip route add'
	[ ! -e "$FAKE/route" ] || fail "the route was left behind"
	[ -z "$(find "$R/run" -name '*.route')" ] || fail "a state file was left behind"
}

test_attach_leaves_frames_alone() {
	attached
	client detach "$T"
	echo off >"$FAKE/sg"
	attached --keep-mtu
	client detach "$T"
	echo 1500 >"$R/sys/class/net/eth0/mtu"
	attached
	expect_no_call 'ip route add'
}
