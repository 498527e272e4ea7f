# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# Whatever happens to one part, two clients of class critical go on and never see a wrong page.
#
#     namespace NS-in: engine, clients, mem1 to mem3 --veth-- namespace NS-out: mem4
#
# Who may not make namespaces has all on loopback, and no link to cut.

SURVIVE_DEAD=800
SURVIVE_MEND_S=10 # bound of each wait

# A server's MTU is 1500 all over, as between machines.
survive_start_server() {
	if [ -n "${away[$1]-}" ]; then
		start_server "$1" 16M --engine "10.67.0.1:$amp" --listen 10.67.0.2:0 --mtu 1500
	else
		start_server "$1" 16M --mtu 1500
	fi
}

survive_namespaces() {
	NS=anms$$
	ip netns add "$NS-in" 2>/dev/null || return 0
	spaces=("$NS-in")
	ip netns add "$NS-out" && spaces+=("$NS-out") &&
		ip -n "$NS-in" link set lo up && ip -n "$NS-out" link set lo up &&
		ip -n "$NS-in" link add name cable type veth peer name cable netns "$NS-out" &&
		ip -n "$NS-in" addr add 10.67.0.1/24 dev cable &&
		ip -n "$NS-out" addr add 10.67.0.2/24 dev cable &&
		ip -n "$NS-in" link set cable up && ip -n "$NS-out" link set cable up || return 1
	wrap=(nsenter "--net=/run/netns/$NS-in")
	away[mem4]=$NS-out
}

survive_end() {
	ctl down --force >/dev/null 2>&1
	stop_all
	wrap=()
	away=()
	namespaces_end
}

# events_from: 'engctl monitor' into $WORK/events, from now on. It also keeps the configuration
# up to date, as the service of the appliance does, for an engine that is killed.
events_from() {
	stop monitor
	: >"$WORK/events"
	"${wrap[@]}" "$BIN/engctl" --control "$SOCK" monitor --json --save >"$WORK/events" 2>/dev/null &
	pids[monitor]=$!
	sleep 0.2
}

survive_bed() {
	local n

	rm -rf "$WORK"/mem?
	survive_namespaces || return 1
	up_anew --heartbeat-ms 100 --dead-ms $SURVIVE_DEAD --repair-after-ms 200 || return 1
	for n in mem1 mem2 mem3 mem4; do
		survive_start_server $n
	done
	for n in mem1 mem2 mem3 mem4; do
		await 10 is_live $n || return 1
	done
	for n in one two; do
		ctl vai create $n --size $CLIENT_SIZE --client 127.0.0.1 --class critical \
			>/dev/null || return 1
	done
	clients_begin one two
	ctl save >/dev/null
}

# told EVENT NAME: how often
told() {
	grep "\"event\":\"$1\"" "$WORK/events" | grep -c "\"name\":\"$2\""
}

# told_once EVENT:NAME...
told_once() {
	local ev

	for ev in "$@"; do
		[ "$(told "${ev%:*}" "${ev#*:}")" = 1 ] || {
			echo "$ev"
			return 1
		}
	done
}

is_whole() {
	whole one && whole two
}

is_not_whole() {
	! is_whole
}

answered() {
	[ "$(grep -c '^[0-9]' "$WORK/$1.out")" -gt "$2" ]
}

# read_all CLIENT: every page, while it works on; says what is wrong
read_all() {
	local before line

	before=$(grep -c '^[0-9]' "$WORK/$1.out")
	kill -USR1 "${pids[$1]}" || return 1
	await $SURVIVE_MEND_S answered "$1" "$before" || {
		echo "$1 does not go on"
		return 1
	}
	line=$(tail -n 1 "$WORK/$1.out")
	# shellcheck disable=SC2086 # answers, wrong pages, errors, pause
	set -- "$1" $line
	[ "$5" -le "$longest_ms" ] || longest_ms=$5
	[ "$5" -le "$step_ms" ] || step_ms=$5
	[ "$3" = 0 ] && [ "$4" = 0 ] || {
		echo "$1: $3 wrong pages, $4 errors: $(tail -n 2 "$WORK/$1.err")"
		return 1
	}
}

# survived STEP EVENT:NAME...: all is whole again, nothing was wrong, and what happened was told
# once
survived() {
	local step=$1 n step_ms=0

	shift
	await $SURVIVE_MEND_S is_whole
	verdict "p9_redundancy_is_whole_after_$step" $? "$(ctl vai list)"
	for n in one two; do
		read_all $n >"$WORK/why"
		verdict "p1_p9_${n}_reads_as_it_was_written_after_$step" $? "$(cat "$WORK/why")"
	done
	await 3 told_once "$@" && ! grep -q page-lost "$WORK/events"
	verdict "events_are_told_once_of_$step" $? "$(cat "$WORK/await" "$WORK/events")"
	echo "# after $step: longest pause $step_ms ms"
}

# repaired: the events of both VAIs
repaired=(vai-degraded:one vai-degraded:two vai-repaired:one vai-repaired:two)

survive_kill_server() {
	events_from
	stop mem1 KILL
	await $SURVIVE_MEND_S is_not_live mem1 && await $SURVIVE_MEND_S told_once vai-degraded:one
	survived a_server_is_killed server-suspect:mem1 server-dead:mem1 "${repaired[@]}"
	events_from
	survive_start_server mem1
	await $SURVIVE_MEND_S is_live mem1
	survived it_came_back_empty server-join:mem1
}

# A machine that boots fast: its memory is gone before anybody missed it.
survive_reboot_server() {
	events_from
	stop mem2 KILL
	survive_start_server mem2
	await $SURVIVE_MEND_S told_once server-join:mem2
	survived a_server_reboots_at_once server-dead:mem2 server-join:mem2 "${repaired[@]}"
}

survive_drain() {
	events_from
	timeout 20 "${wrap[@]}" "$BIN/engctl" --control "$SOCK" server drain mem3 --wait >"$WORK/out"
	verdict p9_drained_under_load $? "$(cat "$WORK/out")"
	await 3 knows_it_may_go mem3
	memctl mem3 down && wait "${pids[mem3]}"
	verdict a_drained_server_ends $?
	await 3 told_once server-leave:mem3
	survive_start_server mem3
	await $SURVIVE_MEND_S is_live mem3
	survived drain_and_return server-draining:mem3 server-drained:mem3 server-leave:mem3 \
		server-join:mem3
}

survive_engine() {
	kill_engine
	sleep 0.3
	up
	verdict p9_the_engine_is_up_again $?
	events_from
	await 20 recovered
	survived the_engine_is_killed recovered:
	ctl down --force >/dev/null && up
	verdict p9_the_engine_is_ended_and_up_again $?
	events_from
	await 20 recovered
	survived the_engine_is_ended recovered:
}

# Its memory is as it was, and stale when it is back.
survive_silence() {
	events_from
	kill -STOP "${pids[mem2]}"
	await $SURVIVE_MEND_S told_once server-dead:mem2 && sleep 0.7
	kill -CONT "${pids[mem2]}"
	await $SURVIVE_MEND_S told_once server-join:mem2
	survived a_server_hangs server-suspect:mem2 server-dead:mem2 server-join:mem2 \
		"${repaired[@]}"
}

survive_cut() {
	[ -n "${away[mem4]-}" ] || {
		echo "# no network namespaces here, no link to cut"
		return
	}
	events_from
	ip -n "$NS-in" link set cable down
	await $SURVIVE_MEND_S told_once server-dead:mem4 && sleep 0.7
	ip -n "$NS-in" link set cable up
	await $SURVIVE_MEND_S told_once server-join:mem4
	survived a_server_is_cut_off server-suspect:mem4 server-dead:mem4 server-join:mem4 \
		"${repaired[@]}"
}

group_survive() {
	local longest_ms=0 begun=$SECONDS CLIENT_SIZE=$((4 << 20))

	survive_bed || {
		not_ok survive_bed "does not come up"
		cat "$WORK"/*.log >&2
		survive_end
		return
	}
	sleep 0.5
	survive_kill_server
	survive_reboot_server
	survive_drain
	survive_engine
	survive_silence
	survive_cut
	clients_end one two
	echo "# longest pause of a client $longest_ms ms, all of it $((SECONDS - begun)) s"
	survive_end
}
