# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# The pool: repair, drain, removal, zones, sizes and contents.

# fill NAME / check NAME: 8 MiB through NFS
fill() {
	"$IO/nfs_io" fill 127.0.0.1 "$nfs" "$mnt" "$1" $((8 << 20))
}

check() {
	"$IO/nfs_io" check 127.0.0.1 "$nfs" "$mnt" "$1" $((8 << 20)) >/dev/null
}

memctl() {
	"$BIN/memctl" --socket "$WORK/$1.sock" "${@:2}"
}

# server_field NAME KEY: a value of 'server list --json'
server_field() {
	ctl server list --json | tr -d '\n' | sed 's/}/}\n/g' |
		sed -n "s/.*\"name\": \"$1\".*\"$2\": \"\{0,1\}\([a-z0-9]*\).*/\1/p"
}

# vai_field NAME KEY
vai_field() {
	ctl vai show "$1" --json | sed -n "s/.*\"$2\": \"*\([a-z0-9]*\).*/\1/p"
}

# said WORD: in the log of 'engctl monitor'; exactly once
said_once() {
	[ "$(grep -c "\"$1\"" "$WORK/events")" = 1 ]
}

pool_of() {
	appliance --repair-after-ms 500 "$@" || return
	start_server mem3 32M && await 10 is_live mem3 || return
	ctl monitor --json >"$WORK/events" 2>/dev/null &
	pids[monitor]=$!
	sleep 0.3
}

whole() {
	[ "$(vai_field "$1" degraded_pages)" = 0 ]
}

not_whole() {
	! whole "$1"
}

# With the answer to its next heartbeat.
knows_it_may_go() {
	memctl "$1" | grep -q 'drain: done'
}

group_pool_repair() {
	pool_of || return
	ctl vai create crit --size 8M --client 127.0.0.1 --class critical >/dev/null
	fill crit || not_ok fill
	stop mem1 KILL
	await 10 is_not_live mem1 && await 10 not_whole crit && await 10 whole crit
	verdict p9_copies_are_made_anew $?
	await 5 said_once vai-degraded && await 5 said_once vai-repaired &&
		await 5 said_once server-dead
	verdict events_are_told_once $? "$(cat "$WORK/events")"
	ctl server remove mem1 >/dev/null
	verdict a_repaired_server_is_removed $?
	stop mem2 KILL
	check crit
	verdict p9_the_new_copies_are_good $?
}

group_pool_drain() {
	pool_of || return
	ctl vai create crit --size 8M --client 127.0.0.1 --class critical >/dev/null
	ctl vai create norm --size 8M --client 127.0.0.1 >/dev/null
	fill crit && fill norm || not_ok fill
	ctl server remove mem2 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'is alive' "$WORK/err"
	verdict a_live_server_is_not_removed $? "$(cat "$WORK/err")"
	timeout 30 "$BIN/engctl" --control "$SOCK" server drain mem2 --wait >"$WORK/out"
	verdict p9_drained $? "$(cat "$WORK/out")"
	await 3 knows_it_may_go mem2 && memctl mem2 --json | grep -q '"used_pages": 0'
	verdict a_drained_server_has_nothing $?
	await 5 said_once server-draining && await 5 said_once server-drained
	verdict drain_events_are_told_once $? "$(cat "$WORK/events")"
	ctl server list | grep -q '^mem2 .* drained$'
	verdict a_drained_server_is_shown $?
	ctl server drain mem3 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'missing' "$WORK/err"
	verdict p4_drain_refused_that_the_rest_cannot_hold $? "$(cat "$WORK/err")"
	memctl mem2 down && wait "${pids[mem2]}"
	verdict a_drained_server_may_go $?
	check crit && check norm
	verdict p9_drain_loses_nothing $?
}

group_pool_leave() {
	pool_of || return
	ctl vai create norm --size 8M --client 127.0.0.1 >/dev/null
	fill norm || not_ok fill
	memctl mem1 down 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q -- '--drain' "$WORK/err"
	verdict refusal_names_the_drain $? "$(cat "$WORK/err")"
	timeout 30 "$BIN/memctl" --socket "$WORK/mem1.sock" down --drain >"$WORK/out" &&
		wait "${pids[mem1]}"
	verdict p9_a_server_leaves_by_itself $? "$(cat "$WORK/out")"
	check norm
	verdict p9_leaving_loses_nothing $?
	ctl server remove mem1 >/dev/null
	verdict one_that_left_is_removed $?
	ctl vai create big --size 40M --client 127.0.0.1 >/dev/null
	timeout 30 "$BIN/memctl" --socket "$WORK/mem2.sock" down --drain 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'refuses' "$WORK/err"
	verdict p4_may_not_leave_when_it_is_needed $? "$(cat "$WORK/err")"
	memctl mem2 --json | grep -q '"drain": "no"' || await 3 is_live mem2
	verdict and_stays_in_use $?
}

# service_stop NAME SECONDS: what the unit of the daemon does, with a limit of its own
service_stop() {
	local options

	options=$(sed -n 's/^ExecStop=-[^ ]*memctl //p' "$TOP/packaging/systemd/anemone-memserverd.service")
	[ -n "$options" ] || return 1
	# shellcheck disable=SC2086
	timeout $(($2 + 20)) "$BIN/memctl" --socket "$WORK/$1.sock" \
		${options/'${DRAIN_SECONDS}'/$2} >"$WORK/out" 2>&1
}

group_pool_stop() {
	pool_of --move-rate 200 || return
	ctl vai create norm --size 8M --client 127.0.0.1 >/dev/null
	fill norm || not_ok fill
	service_stop mem1 120 && wait "${pids[mem1]}" && ! grep -q lost "$WORK/out"
	verdict p9_a_service_that_stops_is_drained $? "$(cat "$WORK/out")"
	check norm
	verdict p9_a_stopped_service_loses_nothing $?
	timeout 30 "$BIN/memctl" --socket "$WORK/mem2.sock" down --drain --timeout 1 >"$WORK/out" 2>&1
	[ $? -eq 1 ] && grep -q 'not drained within 1 s' "$WORK/out" && is_draining mem2
	verdict a_drain_has_a_limit_and_goes_on $? "$(cat "$WORK/out")"
	service_stop mem2 1 && grep -q 'not drained within' "$WORK/out" &&
		grep -q 'pages were stored here; those without a second copy are lost' "$WORK/out" &&
		wait "${pids[mem2]}"
	verdict a_service_stops_in_the_end $? "$(cat "$WORK/out")"
	stop engine KILL
	await 10 eval 'memctl mem3 --json | grep -q "\"state\": \"joining\""'
	memctl mem3 down 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'an engine that is not there' "$WORK/err"
	verdict p9_what_an_engine_that_is_away_needs_is_kept $? "$(cat "$WORK/err")"
	service_stop mem3 120 && grep -q 'are lost' "$WORK/out" && wait "${pids[mem3]}"
	verdict a_service_stops_without_an_engine $? "$(cat "$WORK/out")"
}

is_draining() {
	ctl server list | grep -q "^$1 .* draining, "
}

group_pool_zones() {
	start_engine --repair-after-ms 500 && start_server mem1 32M --zone a &&
		start_server mem2 32M --zone a && await 10 is_live mem1 && await 10 is_live mem2 || return
	ctl vai create crit --size 8M --client 127.0.0.1 --class critical 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'zone' "$WORK/err"
	verdict p4_one_zone_makes_no_pair $? "$(cat "$WORK/err")"
	start_server mem3 32M --zone b
	await 10 is_live mem3
	ctl vai create crit --size 8M --client 127.0.0.1 --class critical >/dev/null && fill crit
	[ "$(server_field mem3 mapped_pages)" = 2048 ] && [ "$(server_field mem3 zone)" = b ]
	verdict p9_no_zone_has_both_copies $?
	stop mem1 KILL
	stop mem2 KILL
	check crit
	verdict p9_a_zone_dies $?
}

group_pool_contents() {
	pool_of --overcommit 50 || return
	ctl vai create v --size 8M --client 127.0.0.1 --discard-on-unmount >/dev/null
	[ "$(vai_field v discard_on_unmount)" = true ]
	verdict discard_on_unmount_is_shown $?
	[ "$(vai_field v hedge)" = true ] && ctl vai set v --hedge off >/dev/null &&
		[ "$(vai_field v hedge)" = false ] && ! ctl vai set v --hedge maybe 2>/dev/null
	verdict a_switch_is_set $?
	[ "$(vai_field v split)" = false ] && ctl vai set v --split on >/dev/null &&
		[ "$(vai_field v split)" = true ] && ! ctl vai set v --split maybe 2>/dev/null
	verdict split_reads_are_switched $?
	ctl server show mem1 | grep -q '  window  *[0-9]* messages' &&
		! ctl server show nobody 2>/dev/null
	verdict a_server_is_shown $?
	ctl vai set v --compress off --same-filled off >/dev/null && [ "$(vai_field v compress)" = off ] &&
		[ "$(vai_field v same_filled)" = off ]
	verdict vai_set_is_shown $?
	! ctl vai set v --compress maybe 2>/dev/null
	verdict vai_set_refuses_nonsense $?
	fill v || not_ok fill
	ctl vai discard v 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'in use' "$WORK/err"
	verdict contents_in_use_are_not_discarded $? "$(cat "$WORK/err")"
	ctl vai discard v --force >/dev/null && await 10 eval '[ "$(field stored_pages)" = 0 ]'
	verdict contents_are_discarded $?
	ctl vai create w --size 8M --client 127.0.0.1 >/dev/null
	ctl vai resize w --size 200M 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'missing' "$WORK/err"
	verdict p4_growth_that_is_not_there_is_refused $? "$(cat "$WORK/err")"
	ctl vai resize w --size 130M >/dev/null && [ "$(vai_field w size)" = $((130 << 20)) ]
	verdict overcommit_counts $?
	ctl vai resize w --size 4M >/dev/null && await 5 eval '[ "$(vai_field w size)" = 4194304 ]'
	verdict shrunk $?
	[ "$(field overcommit)" = 50 ] && [ "$(field repair_after_ms)" = 500 ]
	verdict options_are_shown $?
}

group_pool_lost() {
	pool_of || return
	ctl vai create norm --size 8M --client 127.0.0.1 >/dev/null
	fill norm || not_ok fill
	stop mem2 KILL
	await 10 is_not_live mem2
	await 10 not_whole norm
	ctl vai show norm --json | grep -q '"lost_offsets"' && ctl vai show norm | grep -q 'lost at [0-9]'
	verdict p8_lost_pages_are_listed $?
	ctl server remove mem2 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'force' "$WORK/err"
	verdict a_server_with_the_only_copies_is_not_removed $? "$(cat "$WORK/err")"
	ctl server remove mem2 --force >/dev/null && ! ctl server list | grep -q '^mem2 '
	verdict removed_by_force $?
	"$IO/nfs_io" lost 127.0.0.1 "$nfs" "$mnt" norm $((8 << 20))
	verdict p8_its_pages_are_lost $?
}
