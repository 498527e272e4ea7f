# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# The engine's restart: killed under load, ended and begun anew, its file with errors.

# up [OPTION...]: an engine that keeps its configuration in $WORK/kept
up() {
	ctl up --daemon --state "$WORK/kept" --no-rpcbind "$@" >/dev/null 2>"$WORK/up.err" || {
		cat "$WORK/up.err" >&2
		return 1
	}
	nfs=$(field nfs_port)
	mnt=$(field mount_port)
	amp=$(field amp_port)
}

# kill_engine [SIGNAL]: the daemon of $SOCK, which engctl started; at once
kill_engine() {
	local pid

	pid=$("${wrap[@]}" ss -xlpH src "$SOCK" | sed -n 's/.*pid=\([0-9]*\).*/\1/p')
	[ -n "$pid" ] && kill "-${1-KILL}" "$pid"
}

# up_anew [OPTION...]: the first life of one that has the same ports after each restart
up_anew() {
	rm -rf "$WORK/kept" "$WORK/stop"
	up --nfs-port 0 --mount-port 0 --amp-port 0 --insecure "$@" || return 1
	ctl down >/dev/null
	up --nfs-port "$nfs" --mount-port "$mnt" --amp-port "$amp"
}

# clients_begin VAI...: work on each until clients_end
clients_begin() {
	local n

	for n; do
		"${wrap[@]}" "$IO/nfs_restart" 127.0.0.1 "$nfs" "$mnt" "$n" "$CLIENT_SIZE" \
			"$WORK/stop" >"$WORK/$n.out" 2>"$WORK/$n.err" &
		pids[$n]=$!
	done
}

# clients_end VAI...: every page was right all the time, and still is
clients_end() {
	local n

	: >"$WORK/stop"
	for n; do
		wait "${pids[$n]}"
		verdict "p1_p9_${n}_reads_as_it_was_written" $? "$(tail -n 3 "$WORK/$n.err")"
		sed -n '/^#/p' "$WORK/$n.out"
		unset "pids[$n]"
	done
	[ "$(ctl vai list --json | grep -c '"lost_pages": 0')" = $# ]
	verdict p8_nothing_is_lost $?
}

restart_bed() {
	up_anew --listen 127.0.0.1 --heartbeat-ms 200 --dead-ms 1000 "$@" || return 1
	start_server mem1 48M && start_server mem2 48M && start_server mem3 48M &&
		await 10 is_live mem1 && await 10 is_live mem2 && await 10 is_live mem3 &&
		ctl vai create crit --size "$SIZE" --client 127.0.0.1 --class critical >/dev/null &&
		ctl vai create norm --size "$SIZE" --client 127.0.0.1 >/dev/null && ctl save >/dev/null
}

restart_end() {
	ctl down --force >/dev/null 2>&1
	stop_all
}

recovered() {
	ctl status --json | grep -q '"recovering": false'
}

group_restart_under_load() {
	local i CLIENT_SIZE=$SIZE

	restart_bed || {
		not_ok "restart_bed" "does not come up"
		return
	}
	clients_begin crit norm
	sleep 1
	for i in 1 2 3; do
		kill_engine
		sleep 0.3
		up
		verdict "p9_restart_${i}_after_kill" $?
		await 20 recovered
		verdict "p9_restart_${i}_recovers" $? "$(ctl status)"
		sleep 1
	done
	ctl down --force >/dev/null && up && await 20 recovered
	verdict p9_down_and_up_under_load $?
	sleep 1
	clients_end crit norm
	restart_end
}

group_restart_missing_server() {
	local pid

	restart_bed || return
	"$IO/nfs_io" fill 127.0.0.1 "$nfs" "$mnt" crit "$SIZE" && "$IO/nfs_io" fill 127.0.0.1 "$nfs" \
		"$mnt" norm "$SIZE"
	kill_engine
	pid=${pids[mem2]}
	kill -STOP "$pid"
	up --recover-ms 2000
	ctl status | grep -q 'recovering *[0-2] of 3 servers'
	verdict ctl_status_tells_of_the_recovery $? "$(ctl status | grep recover)"
	timeout 20 "$IO/nfs_io" check 127.0.0.1 "$nfs" "$mnt" crit "$SIZE"
	verdict p9_critical_is_whole_without_a_server $?
	"$IO/nfs_io" lost 127.0.0.1 "$nfs" "$mnt" norm "$SIZE"
	verdict p8_what_the_missing_server_has_is_an_error $?
	kill -CONT "$pid"
	await 10 is_live mem2
	await 10 sh -c "'$BIN/engctl' -c '$SOCK' status --json | grep -q '\"awaited_servers\": 0'"
	"$IO/nfs_io" check 127.0.0.1 "$nfs" "$mnt" norm "$SIZE"
	verdict p9_its_pages_are_back_with_it $?
	restart_end
}

# drained NAME
drained() {
	ctl server list | grep -q "^$1 .* drained$"
}

group_restart_drain() {
	local file=$WORK/kept/engine.json n

	restart_bed --move-rate 1000 || return
	for n in crit norm; do
		"$IO/nfs_io" fill 127.0.0.1 "$nfs" "$mnt" $n "$SIZE"
	done
	ctl server drain mem2 >/dev/null && [ "$(grep -c '"drain": true' "$file")" = 1 ]
	verdict a_drain_is_kept $?
	sleep 0.5
	kill_engine
	up && await 20 recovered
	ctl server list | grep -q '^mem2 .* draining, [1-9][0-9]* of [1-9][0-9]* pages left$'
	verdict p9_a_drain_goes_on_after_a_restart $? "$(ctl server list)"
	await 60 drained mem2 && await 3 knows_it_may_go mem2 && memctl mem2 down &&
		wait "${pids[mem2]}"
	verdict p9_and_comes_to_its_end $? "$(ctl server list)"
	# What was emptied and has left is not waited for.
	ctl down --force >/dev/null && up && await 20 recovered && [ "$(field awaited_servers)" = 0 ] &&
		! grep -q '"name": "mem2"' "$file"
	verdict a_drained_server_is_not_awaited $? "$(ctl server list)"
	for n in crit norm; do
		"$IO/nfs_io" check 127.0.0.1 "$nfs" "$mnt" $n "$SIZE"
		verdict "p9_${n}_is_whole_after_drain_and_restart" $?
	done
	start_server mem2 48M
	await 10 is_live mem2
	verdict it_is_used_when_it_comes_back $? "$(ctl server list)"
	ctl server drain mem2 >/dev/null && ctl server drain mem2 --cancel >/dev/null &&
		! grep -q '"drain": true' "$file"
	verdict a_cancelled_drain_is_not_kept $?
	restart_end
}

group_restart_lost_memory() {
	restart_bed || return
	"$IO/nfs_io" fill 127.0.0.1 "$nfs" "$mnt" crit "$SIZE" && "$IO/nfs_io" fill 127.0.0.1 "$nfs" \
		"$mnt" norm "$SIZE"
	kill_engine
	stop mem2 KILL
	up
	start_server mem2 48M
	await 20 recovered
	"$IO/nfs_io" check 127.0.0.1 "$nfs" "$mnt" crit "$SIZE"
	verdict p9_critical_is_whole_after_both_crashed $?
	"$IO/nfs_io" lost 127.0.0.1 "$nfs" "$mnt" norm "$SIZE"
	verdict p8_an_empty_memory_is_no_zeros $?
	# and not after the next restart either, when nobody remembers
	ctl down --force >/dev/null && up && await 20 recovered
	"$IO/nfs_io" lost 127.0.0.1 "$nfs" "$mnt" norm "$SIZE"
	verdict p8_nor_after_another_restart $?
	restart_end
}

group_restart_file() {
	local file=$WORK/kept/engine.json copy=$WORK/copy.json line

	restart_bed || return
	[ "$(stat -c %a "$file")" = 600 ]
	verdict p5_file_is_private $?
	grep -q '"name": "crit"' "$file" && [ "$(grep -c '"boot"' "$file")" = 3 ]
	verdict ctl_commands_save $?
	ctl vai create more --size 1M --client ::1 >/dev/null && grep -q '"name": "more"' "$file" &&
		ctl vai delete more >/dev/null && ! grep -q '"name": "more"' "$file"
	verdict ctl_delete_saves $?
	grep -q "engctl --control $SOCK monitor --save" "$WORK/up.err" &&
		ctl status | grep -q "not saved .* no 'engctl monitor --save' runs" &&
		ctl status --json | grep -q '"saver": false'
	verdict ctl_tells_that_nobody_saves $? "$(cat "$WORK/up.err")"
	"$BIN/engctl" -c "$SOCK" monitor --save >/dev/null 2>&1 &
	pids[saver]=$!
	await 10 eval 'ctl status --json | grep -q "\"saver\": true"' && ! ctl status | grep 'not saved'
	verdict ctl_tells_that_somebody_saves $?
	start_server mem4 8M
	await 10 grep -q '"name": "mem4"' "$file"
	verdict ctl_monitor_saves $?
	stop saver
	ctl status --json | grep -q '"saver": false'
	verdict ctl_tells_that_nobody_saves_any_more $?
	cp "$file" "$copy"
	ctl restore "$copy" --check | grep -q 'all right: 2 VAIs, 4 memory servers'
	verdict ctl_restore_check $?
	refused restore_while_up 1 'is up' restore "$copy" --state "$WORK/kept"
	ctl down >/dev/null
	line=$(grep -n '"name": "norm"' "$copy" | cut -d: -f1)
	sed -i "${line}s/norm/no rm/" "$copy"
	refused restore_names_the_line 1 "$copy:$line: vais[1].name: only letters" restore "$copy"
	sed -i "${line}s/no rm/renamed/" "$copy"
	ctl restore "$copy" --state "$WORK/kept" >/dev/null && up && ctl vai list | grep -q '^renamed '
	verdict ctl_restore $?
	ctl down >/dev/null
	sed -i 's/"epoch"/"epoche"/' "$file"
	cp "$file" "$WORK/before"
	refused up_with_a_bad_file 1 'epoche: no such key' up --daemon --state "$WORK/kept" --no-rpcbind
	cmp -s "$file" "$WORK/before" && [ ! -e "$SOCK" ]
	verdict ctl_nothing_half_applied $?
	printf '{ "version": 1,' >"$file"
	refused up_with_half_a_file 1 "$file:1: " up --daemon --state "$WORK/kept" --no-rpcbind
	ctl restore "$copy" --state "$WORK/kept" >/dev/null && grep -q '"holes": true' "$file" &&
		! grep -q '"holes": false' "$file" &&
		[ "$(sed -n 's/.*"epoch": \([0-9]*\).*/\1/p' "$file")" -gt 256 ]
	verdict p8_restore_over_what_cannot_be_read_assumes_the_worst $? "$(cat "$file")"
	sed -i '/"name": "mem4"/s/mem4/was4/; /"servers"/,$s/"uuid": "[0-9a-f]/"uuid": "f/' "$copy"
	ctl restore "$copy" --state "$WORK/kept" >/dev/null && grep -q '"was4"' "$file" && grep -q '"mem4"' "$file"
	verdict p9_restore_forgets_no_server $? "$(cat "$file")"
	refused save_without_engine 1 'no daemon listens' save
	restart_end
}
