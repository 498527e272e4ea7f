# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A pool that servers join, leave and die in, and an engine that comes and goes, under a client
# that swaps hard all the time to a VAI of class critical and verifies every page.

POOL_SERVERS="mem1 mem2 mem3 mem4"
POOL_DONATION=128M
POOL_VAI=184M
POOL_WAIT=400      # seconds until the pool is whole again, on a busy machine
POOL_PARTITION_S=30

pool_up()
{
	# shellcheck disable=SC2086
	appliance_up $POOL_DONATION $POOL_SERVERS
	live 4
	vai swap $POOL_VAI --class critical
	on client anemone-client attach "$ENGINE_ADDR:/swap"
}

# Pass after pass over more memory than the machine has, until told to stop; a line each. In no
# memory cgroup: the kernel kills in one when its swap stands still for a second or two.
swap_hard()
{
	rm -f "$logs/swapping"
	(on -t 3000 client 'rm -f /tmp/stop; until [ -e /tmp/stop ]; do
		thrash --size 64 --touches 800 --json || exit 1
	done' > "$logs/swapping" 2>&1
	echo "status $?" >> "$logs/swapping") &
	await 600 grep -q bad_pages "$logs/swapping"
}

# field NAME [COMMAND...]: a number of what engctl tells as JSON, of all objects together
field()
{
	local name=$1

	shift
	on engine "engctl --json ${*:-status}" |
		sed -n "s/.*\"$name\": \([0-9]*\).*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}

redundant() { [ "$(field degraded_pages)" -eq 0 ] && [ "$(field lost_pages vai show swap)" -eq 0 ]; }

# whole_again LIVE: so many servers live, every page with two copies, and the client swaps on
whole_again()
{
	local passes

	await $POOL_WAIT live "$1"
	await $POOL_WAIT redundant
	passes=$(grep -c bad_pages "$logs/swapping")
	await 600 more_passes $((passes + 1))
	! grep -E '"bad_pages":[1-9]|^status' "$logs/swapping" || fail "bad pages, or an end"
}

more_passes()
{
	! grep '^status' "$logs/swapping" || return 0
	[ "$(grep -c bad_pages "$logs/swapping")" -ge "$1" ]
}

server_joins()
{
	on "$1" depmod -a \&\& memctl up --engine "$ENGINE_ADDR" --donate $POOL_DONATION --name "$1"
}

p9_a_server_is_killed()
{
	lab_kill mem1
	whole_again 3
}

p9_a_server_comes_back_empty()
{
	lab_start mem1:320
	lab_wait mem1
	server_joins mem1
	whole_again 4
}

p9_a_server_is_drained()
{
	on -t 400 engine engctl server drain mem2 --wait
	on mem2 memctl down
	whole_again 3
	server_joins mem2
}

p9_a_server_is_cut_off()
{
	lab_netdown mem3
	sleep $POOL_PARTITION_S
	lab_netup mem3
	whole_again 4
}

p9_the_engine_is_loaded_again()
{
	on engine 'engctl down --force && ! grep -q ^anemone_ /proc/modules && engctl up'
	whole_again 4
}

# What a real machine keeps on its disk, a guest has in memory.
p9_the_engine_crashes()
{
	on engine cat /etc/anemone/engine.json > "$logs/engine.json"
	lab_kill engine
	lab_start engine:256
	lab_wait engine
	lab_push engine "$logs/engine.json" /etc/anemone/engine.json 600
	on engine 'depmod -a && engctl up'
	whole_again 4
}

p1_every_page_was_right()
{
	local pauses

	on client touch /tmp/stop
	await 600 grep -q '^status' "$logs/swapping"
	! grep -E '"bad_pages":[1-9]' "$logs/swapping"
	grep -q '^status 0' "$logs/swapping"
	pauses=$(sed -n 's/.*"standstill_s":\([0-9.]*\).*/\1/p' "$logs/swapping" | xargs)
	echo "# the longest standstill of each pass, seconds: $pauses"
	appliance_detach client swap
	client_is_clean
	# shellcheck disable=SC2086
	appliance_down $POOL_SERVERS
}
