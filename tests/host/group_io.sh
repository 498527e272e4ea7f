# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# Data: every byte that comes back is the one that went in, or there is an error.

group_io() {
	appliance || return
	ctl vai create tcp --size "$SIZE" --client 127.0.0.1 >/dev/null
	ctl vai create udp --size "$SIZE" --client 127.0.0.1 >/dev/null
	ctl vai create other --size 1M --client 192.0.2.9 >/dev/null
	counted "$IO/nfs_io" test 127.0.0.1 "$nfs" "$mnt" tcp "$SIZE"
	counted "$IO/rpc_udp" test "$nfs" "$mnt" udp "$SIZE" other
	counted "$IO/tcp_raw" "$nfs" "$mnt" tcp

	[ "$(field pages_lost)" = 0 ] && [ "$(field amp_crc)" = 0 ]
	verdict io_loses_no_page $?
	[ "$(field rpc_malformed)" -gt 0 ] && [ "$(field nfs_badhandle)" -gt 0 ] &&
		[ "$(field door_udp_oversized)" -gt 0 ] && [ "$(field door_tcp_bad)" -gt 0 ]
	verdict p6_hostile_input_is_counted $?
}

# all_pages_back: the pages of a deleted VAI are no longer stored at the servers
all_pages_back() {
	local m

	for m in mem1 mem2; do
		"$BIN/memctl" --socket "$WORK/$m.sock" --json | grep -q '"used_pages": 0' || return 1
	done
}

group_delete() {
	appliance || return
	ctl vai create gone --size 8M --client 127.0.0.1 >/dev/null
	"$IO/nfs_io" fill 127.0.0.1 "$nfs" "$mnt" gone $((8 << 20)) &&
		"$IO/nfs_io" check 127.0.0.1 "$nfs" "$mnt" gone $((8 << 20)) >/dev/null
	verdict fill_and_check $?
	ctl vai delete gone 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'not deleted' "$WORK/err"
	verdict vai_in_use_is_not_deleted $? "$(cat "$WORK/err")"
	ctl vai delete gone --force >/dev/null && await 10 all_pages_back
	verdict deleted_vai_gives_its_pages_back $?
	"$IO/nfs_io" check 127.0.0.1 "$nfs" "$mnt" gone $((8 << 20)) >/dev/null 2>&1
	verdict deleted_vai_is_not_exported $((! $?))
}

group_server_killed() {
	local v

	appliance || return
	ctl vai create crit --size 8M --client 127.0.0.1 --class critical >/dev/null
	ctl vai create norm --size 8M --client 127.0.0.1 >/dev/null
	for v in crit norm; do
		"$IO/nfs_io" fill 127.0.0.1 "$nfs" "$mnt" $v $((8 << 20)) || not_ok "fill_$v"
	done
	stop mem1 KILL
	await 10 is_not_live mem1
	"$IO/nfs_io" check 127.0.0.1 "$nfs" "$mnt" crit $((8 << 20))
	verdict p9_server_killed_loses_nothing_of_a_critical_vai $?
	"$IO/nfs_io" lost 127.0.0.1 "$nfs" "$mnt" norm $((8 << 20))
	verdict p8_lost_pages_of_a_normal_vai_are_errors_at_once $?
	"$IO/rpc_udp" lost "$nfs" "$mnt" norm $((8 << 20))
	verdict p8_lost_pages_are_nfs3err_io $?
	[ "$(field pages_lost)" -gt 0 ]
	verdict p8_lost_pages_are_counted $?

	stop mem2 KILL
	await 10 is_not_live mem2
	timeout 20 "$IO/nfs_io" fill 127.0.0.1 "$nfs" "$mnt" norm $((8 << 20)) 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q '^write at' "$WORK/err"
	verdict p10_write_without_a_server_fails_and_does_not_hang $? "$(cat "$WORK/err")"
}

# A server that goes quiet for less than the time to death only costs time.
group_server_stopped() {
	appliance --dead-ms 5000 || return
	ctl vai create quiet --size 4M --client 127.0.0.1 >/dev/null
	"$IO/nfs_io" fill 127.0.0.1 "$nfs" "$mnt" quiet $((4 << 20)) || not_ok fill
	kill -STOP "${pids[mem1]}"
	(
		sleep 1
		kill -CONT "${pids[mem1]}"
	) &
	"$IO/nfs_io" check 127.0.0.1 "$nfs" "$mnt" quiet $((4 << 20))
	verdict p10_server_quiet_for_a_second_loses_nothing $?
	wait $!
}

group_restart() {
	local uuid=6f9619ff-8b86-d011-b42d-00cf4fc964ff before after epoch

	appliance || return
	ctl vai create same --size 1M --client 127.0.0.1 --uuid $uuid >/dev/null
	before=$("$IO/rpc_udp" handle "$nfs" "$mnt" same)
	epoch=$(field epoch)
	stop engine
	start_engine --amp-port "$amp" && await 15 is_live mem1 && await 15 is_live mem2
	verdict servers_join_a_restarted_engine $?
	[ "$(field epoch)" -gt "$epoch" ]
	verdict epoch_grows $?
	ctl vai create same --size 1M --client 127.0.0.1 --uuid $uuid >/dev/null
	after=$("$IO/rpc_udp" handle "$nfs" "$mnt" same)
	[ -n "$before" ] && [ "$before" = "$after" ]
	verdict handles_are_stable_over_restarts $? "$before / $after"
	[ "$(stat -c %a "$WORK/engine/secret")" = 600 ]
	verdict secret_is_for_its_owner_only $?
	rm -r "$WORK/engine"
	stop engine
	start_engine --amp-port "$amp" && await 15 is_live mem1
	ctl vai create same --size 1M --client 127.0.0.1 --uuid $uuid >/dev/null
	after=$("$IO/rpc_udp" handle "$nfs" "$mnt" same)
	[ -n "$after" ] && [ "$before" != "$after" ]
	verdict another_secret_gives_other_handles $?
}
