# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# Servers that are not what they say, contents that nobody knows, starts that go wrong half way.

# says_log NAME TEXT
says_log() {
	grep -q -- "$2" "$WORK/$1.log"
}

group_badinput_servers() {
	local other=00000000-0000-4000-8000-000000000001

	appliance --repair-after-ms 500 || return
	ctl vai create norm --size 8M --client 127.0.0.1 >/dev/null
	fill norm || not_ok fill
	# as after cloning a machine
	cp -r "$WORK/mem1" "$WORK/clone"
	start_server clone 32M --listen 127.0.0.2:0
	await 5 says_log clone 'a server with this UUID is live at another address'
	verdict p6_a_clone_is_refused $? "$(cat "$WORK/clone.log")"
	start_server stranger 32M --pool $other
	await 5 says_log stranger 'another pool'
	verdict p6_a_server_of_another_pool_is_refused $? "$(cat "$WORK/stranger.log")"
	await 3 eval '[ "$(field amp_refused)" -ge 2 ]'
	verdict p6_refusals_are_counted $?
	[ "$(ctl server list --json | grep -c '"name"')" = 2 ] && is_live mem1 && is_live mem2
	verdict the_pool_is_as_before $? "$(ctl server list)"
	check norm
	verdict p1_a_clone_costs_no_page $?
	stop mem1 KILL
	await 10 is_live clone
	verdict once_the_first_is_gone_it_may $? "$(cat "$WORK/clone.log")"
}

unknown_is() {
	[ "$(field unknown_vais)" = "$1" ] && [ "$(field unknown_pages)" = "$2" ]
}

# used_is PAGES: stored on the servers together, by their own count
used_is() {
	local n sum=0

	for n in mem1 mem2 mem3; do
		sum=$((sum + $(memctl $n --json | sed -n 's/.*"used_pages": \([0-9]*\).*/\1/p')))
	done
	[ $sum = "$1" ]
}

# The configuration is one of before "gone" was made.
group_badinput_unknown_vai() {
	local pages=$((8 << 8))

	restart_bed || return
	ctl vai delete norm >/dev/null
	ctl save >/dev/null
	cp "$WORK/kept/engine.json" "$WORK/old.json"
	ctl vai create gone --size 8M --client 127.0.0.1 >/dev/null
	fill crit && fill gone || not_ok fill
	ctl down --force >/dev/null
	cp "$WORK/kept/engine.json" "$WORK/new.json"
	ctl restore "$WORK/old.json" --state "$WORK/kept" >/dev/null && up && await 20 recovered
	verdict up_with_an_old_file $?
	unknown_is 1 $pages && [ "$(field inventory_unknown)" = $pages ] &&
		ctl status | grep -q "unknown *$pages pages of 1 VAI"
	verdict unknown_vais_are_counted_and_shown $? "$(ctl status --json | grep unknown)"
	used_is $((3 * pages))
	verdict p9_unknown_pages_are_kept $?
	# the file is found again
	ctl down --force >/dev/null
	ctl restore "$WORK/new.json" --state "$WORK/kept" >/dev/null && up && await 20 recovered &&
		unknown_is 0 0 && check gone
	verdict p1_p9_known_again_it_is_whole $?
	ctl down --force >/dev/null
	ctl restore "$WORK/old.json" --state "$WORK/kept" >/dev/null && up && await 20 recovered
	ctl vai forget-unknown >/dev/null && unknown_is 0 0 && await 10 used_is $((2 * pages))
	verdict forgotten_when_told_to $? "$(ctl server list)"
	check crit
	verdict p1_forgetting_spares_what_is_known $?
	restart_end
}

engine_is_gone() {
	[ ! -S "$SOCK" ]
}

group_badinput_start() {
	local file=$WORK/kept/engine.json

	restart_bed || return
	fill crit || not_ok fill
	ctl down --force >/dev/null
	grep -v '"epoch"' "$file" >"$WORK/before"
	"$BIN/anemone-engined" --nfs-port "$nfs" --mount-port 0 --amp-port 0 --state "$WORK/other" \
		--control "$WORK/other.sock" 2>"$WORK/other.log" &
	pids[other]=$!
	await 5 test -S "$WORK/other.sock"
	refused up_with_a_port_in_use 1 'the engine is not up: ' up --daemon --state "$WORK/kept" \
		--no-rpcbind
	await 3 engine_is_gone && grep -v '"epoch"' "$file" | cmp - "$WORK/before"
	verdict nothing_is_half_up $?
	stop other
	up && await 20 recovered && check crit
	verdict p1_p9_all_is_there_when_it_succeeds $?
	restart_end
}
