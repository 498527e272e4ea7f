# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# doctor: each thing it looks at, well and not well, and that it changes nothing.

expect_line() {
	grep -Eq "^$1 +$2 .*$3" "$FAKE/out" || fail "no line: $1 $2 $3"
}

test_doctor_fit_machine() {
	local before

	before=$(machine_state)
	client doctor 10.0.0.1
	expect_status 0
	expect_line ok nfs-swap 'can swap to NFS'
	expect_line ok nfs-udp 'TCP only'
	expect_line ok tool 'mount.nfs is installed'
	expect_line ok min-free 65536
	expect_line ok tcp-slots 65536
	expect_line ok mtu '9000 to 10.0.0.1 by eth0'
	expect_line ok engine '10.0.0.1 answers at TCP port 2049'
	! grep -Eq '^(warn|fail)' "$FAKE/out" || fail "complains of a fit machine"
	[ "$(machine_state)" = "$before" ] || fail "the doctor changed the machine"
	expect_no_call modprobe
}

test_doctor_no_nfs_swap() {
	: >"$R/boot/config-6.1.0-fake"
	client doctor
	expect_status 1
	expect_line fail nfs-swap 'cannot swap'
	expect_output 'fix: boot a kernel with CONFIG_NFS_SWAP=y'
}

test_doctor_config_gz() {
	rm "$R/boot/config-6.1.0-fake"
	echo 'CONFIG_NFS_SWAP=y' | gzip >"$R/proc/config.gz"
	client doctor
	expect_status 0
	expect_line ok nfs-swap 'can swap'
	expect_line ok nfs-udp 'speaks UDP'
}

test_doctor_unknown_kernel() {
	rm "$R/boot/config-6.1.0-fake"
	rmdir "$R"/sys/module/sunrpc/parameters 2>/dev/null || rm -r "$R/sys/module/sunrpc"
	client doctor
	expect_status 0
	expect_line warn nfs-swap 'cannot tell'
	expect_line warn nfs-udp 'cannot tell'
}

test_doctor_no_nfs() {
	rm "$FAKE/modules/nfs"
	client doctor
	expect_status 1
	expect_line fail nfs 'has no NFS client'
}

test_doctor_udp_client() {
	with_udp
	client doctor
	expect_status 0
	expect_line ok nfs-udp 'speaks UDP'
	expect_line ok udpfix 'is there'
	expect_line warn udp-slots 'only 16'
	rm "$FAKE/modules/anemone_udpfix"
	echo 128 >"$R/sys/module/sunrpc/parameters/udp_slot_table_entries"
	client doctor
	expect_status 0
	expect_line warn udpfix 'is missing'
	expect_line ok udp-slots 128
}

test_doctor_missing_tools() {
	local tool

	rm "$FAKE/bin/mount.nfs"
	# Only the made-up tools and the plain ones that the program itself needs.
	mkdir "$FAKE/plain"
	for tool in dash busybox sh awk sed grep cat tr cut basename mv touch date sleep readlink dirname head gzip mkdir ln rm timeout; do
		ln -s "$(command -v $tool)" "$FAKE/plain/$tool"
	done
	status=0
	# shellcheck disable=SC2086
	sed "s|^PATH=.*|PATH=$FAKE/bin:$FAKE/plain|" "$CLIENT" >"$FAKE/client"
	ln -s "$TOP/client-setup/lib" "$FAKE/lib"
	# shellcheck disable=SC2086
	PATH=$FAKE/bin:$FAKE/plain $CLIENT_SHELL "$FAKE/client" doctor >"$FAKE/out" 2>&1 || status=$?
	expect_status 1
	expect_line fail tool 'mount.nfs is not installed'
	expect_output 'fix: apt-get install nfs-common'
	status=0
	# shellcheck disable=SC2086
	PATH=$FAKE/bin:$FAKE/plain $CLIENT_SHELL "$FAKE/client" attach "$T" >"$FAKE/out" 2>&1 || status=$?
	expect_status 1
	expect_output 'apt-get install nfs-common'
}

test_doctor_small_min_free() {
	echo 2048 >"$R/proc/sys/vm/min_free_kbytes"
	client doctor
	expect_status 0
	expect_line warn min-free 'is 2048'
	expect_output 'vm.min_free_kbytes=8192'
}

test_doctor_small_slot_table() {
	echo 16 >"$R/sys/module/sunrpc/parameters/tcp_max_slot_table_entries"
	client doctor
	expect_line warn tcp-slots 'at most 16'
}

test_doctor_small_mtu() {
	echo 1500 >"$R/sys/class/net/eth0/mtu"
	client doctor 10.0.0.1
	expect_status 0
	expect_line warn mtu '1500 to 10.0.0.1'
	expect_output 'ip link set dev eth0 mtu 9000'
}

test_doctor_jumbo_without_scatter_gather() {
	echo off >"$FAKE/sg"
	client doctor 10.0.0.1
	expect_status 0
	expect_line warn mtu '9000 to 10.0.0.1 by eth0, which has no scatter-gather'
	expect_output 'limits the frames to 3400 bytes'
}

test_doctor_no_engine() {
	echo 'Connection refused' >"$FAKE/fail/nc"
	client doctor 10.0.0.1
	expect_status 1
	expect_line fail engine 'does not answer at TCP port 2049'
	echo unreachable >"$FAKE/fail/ip"
	client doctor 10.0.0.1
	expect_status 1
	expect_line fail route 'no route'
}

test_doctor_looks_at_mounts() {
	attached
	client doctor
	expect_status 0
	expect_line ok mount 'hard, nolock, vers=3'
	sed -i 's/,hard/,soft/; s/,nolock//' "$R/proc/mounts"
	client doctor
	expect_status 1
	expect_line fail mount 'without: hard nolock'
	sed -i '/ nfs /d' "$R/proc/mounts"
	client doctor
	expect_status 1
	expect_line fail mount 'is not mounted'
}

test_doctor_json() {
	echo 2048 >"$R/proc/sys/vm/min_free_kbytes"
	client doctor --json
	expect_status 0
	python3 - "$FAKE/out" <<'END' || fail "not the JSON it should be"
import json, sys
report = json.load(open(sys.argv[1]))
by_name = {c["check"]: c for c in report["checks"]}
assert report["ok"] is True
assert by_name["nfs-swap"]["result"] == "ok"
assert by_name["min-free"]["result"] == "warn" and "sysctl" in by_name["min-free"]["fix"]
END
	: >"$R/boot/config-6.1.0-fake"
	client doctor --json
	expect_status 1
	python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["ok"] is False' "$FAKE/out" ||
		fail "ok is not false"
}

test_doctor_host_name_without_getent() {
	cat >"$FAKE/client.sh" <<END
have_real() { command -v "\$1" >/dev/null 2>&1; }
have() { [ "\$1" != getent ] && have_real "\$1"; }
END
	# The program as it is, but for one tool that seems not to be installed.
	sed "s|^main \"|. $FAKE/client.sh; &|" "$CLIENT" >"$FAKE/client"
	ln -s "$TOP/client-setup/lib" "$FAKE/lib"
	CLIENT=$FAKE/client
	client doctor engine1
	expect_line ok mtu '9000 to engine1'
	client doctor nobody
	expect_line warn route 'cannot look at'
}
