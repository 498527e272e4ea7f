# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# Write-back: what is kept of it and when, and what becomes of a VAI when the engine ends or crashes.

# swap NAME: 8 MiB through NFS, as a client that swaps writes them
swap() {
	"$IO/nfs_io" swap 127.0.0.1 "$nfs" "$mnt" "$1" $((8 << 20))
}

# kept KEY VALUE: in the file, of the one VAI that there is
kept() {
	grep -q "\"$1\": $2" "$WORK/kept/engine.json"
}

# Not by ctl(): in the background that is a shell of its own, and ended without its engctl.
saver_begin() {
	"${wrap[@]}" "$BIN/engctl" --control "$SOCK" monitor --save >/dev/null 2>&1 &
	pids[saver]=$!
}

writeback_bed() {
	up_anew --listen 127.0.0.1 --heartbeat-ms 200 --dead-ms 1000 --cache-size 16M || return 1
	start_server mem1 32M && start_server mem2 32M && await 10 is_live mem1 &&
		await 10 is_live mem2 &&
		ctl vai create v --size 8M --client 127.0.0.1 --cache writeback >/dev/null
}

# Until pages are left dirty: the first ones ask for that.
swap_dirty() {
	swap v && await 10 kept unflushed true && swap v && [ "$(counter dirty_writes)" -gt 0 ]
}

group_writeback_serves() {
	writeback_bed || {
		not_ok "writeback_bed" "does not come up"
		return
	}
	saver_begin
	[ "$(vai_field v writeback)" = true ] && kept writeback true
	verdict writeback_is_shown_and_kept $?
	ctl vai create c --size 1M --client 127.0.0.1 --class critical --cache writeback 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'critical VAI is not written back' "$WORK/err"
	verdict writeback_of_a_critical_vai_is_refused $? "$(cat "$WORK/err")"
	ctl vai set v --cache back 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'on or off or writeback' "$WORK/err"
	verdict writeback_is_a_word $? "$(cat "$WORK/err")"
	swap_dirty
	verdict p8_it_is_kept_and_then_pages_are_left_dirty $? "$(ctl vai show v)"
	ctl vai show v | grep -q 'write-back .*on, .* pages dirty'
	verdict dirty_pages_are_shown $? "$(ctl vai show v)"
	check v
	verdict p1_dirty_pages_are_read $?
	await 20 eval '[ "$(field dirty_pages)" = 0 ]' && [ "$(vai_field v flushed)" -gt 0 ] &&
		[ "$(vai_field v dirty_pages)" = 0 ]
	verdict dirty_pages_are_stored $? "$(ctl vai show v)"
	ctl vai set v --cache off >/dev/null && check v && [ "$(counter pages_read)" -ge 2048 ]
	verdict p1_and_are_right_there $?
	kept unflushed false && kept writeback false
	verdict a_vai_that_is_flushed_is_kept_as_such $? "$(cat "$WORK/kept/engine.json")"
	restart_end
}

group_writeback_ends() {
	writeback_bed || return
	mv "$WORK/kept" "$WORK/aside" && touch "$WORK/kept"
	ctl down 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'not saved' "$WORK/err" && grep -q 'the engine stays up' "$WORK/err" &&
		ctl status >/dev/null
	verdict an_engine_that_cannot_be_kept_stays_up $? "$(cat "$WORK/err")"
	rm "$WORK/kept" && mv "$WORK/aside" "$WORK/kept"
	saver_begin # not before: it would make the directory anew
	swap_dirty && ctl down --force >/dev/null && kept unflushed false
	verdict an_engine_that_ends_stores_first $?
	up && await 20 recovered && check v
	verdict p9_and_nothing_is_lost $?
	stop saver
	saver_begin
	swap_dirty && kill_engine TERM
	verdict a_daemon_is_told_to_end $?
	await 30 eval '! ctl status'
	verdict and_ends $?
	kept unflushed false
	verdict it_stores_first_too $? "$(cat "$WORK/kept/engine.json")"
	stop saver
	up && await 20 recovered && check v
	verdict p9_and_nothing_is_lost_either $?
	saver_begin
	swap_dirty && await 20 eval '[ "$(field dirty_pages)" = 0 ]'
	stop mem1 KILL
	stop mem2 KILL
	swap v && ctl down --force >/dev/null 2>"$WORK/err"
	grep -q 'pages could not be stored in .* s: they go with the engine' "$WORK/err"
	verdict what_cannot_be_stored_is_told_of $? "$(cat "$WORK/err")"
	kept unflushed true
	verdict p8_and_kept $?
	restart_end
}

group_writeback_crashes() {
	writeback_bed || return
	saver_begin
	cp "$WORK/kept/engine.json" "$WORK/copy.json"
	swap_dirty && kill_engine && kept unflushed true
	verdict a_crash_finds_it_kept $?
	stop saver
	grep -q '"unflushed": false' "$WORK/copy.json" &&
		sed -i 's/"boot": "[0-9a-f]*"/"boot": "0000000000000077"/' "$WORK/copy.json" &&
		ctl restore "$WORK/copy.json" --state "$WORK/kept" >/dev/null && kept unflushed true &&
		! kept boot '"0*77"'
	verdict p8_a_copy_of_before_does_not_make_it_good $? "$(cat "$WORK/kept/engine.json")"
	up && await 20 recovered
	verdict the_engine_is_up_again $? "$(ctl status)"
	"$IO/nfs_io" lost 127.0.0.1 "$nfs" "$mnt" v $((8 << 20)) >"$WORK/out"
	[ $? -eq 0 ] && grep -q '^# 2048 pages lost' "$WORK/out"
	verdict p8_all_pages_of_the_vai_are_errors $? "$(cat "$WORK/out")"
	[ "$(vai_field v holes)" = true ]
	verdict p8_and_it_says_so $? "$(ctl vai show v)"
	ctl down --force >/dev/null && up && await 20 recovered &&
		"$IO/nfs_io" lost 127.0.0.1 "$nfs" "$mnt" v $((8 << 20)) >"$WORK/out"
	verdict p8_also_after_another_restart $? "$(cat "$WORK/out")"
	fill v && check v
	verdict what_is_written_anew_is_there $?
	ctl vai discard v --force >/dev/null && await 20 eval '[ "$(vai_field v emptying)" = false ]' &&
		"$IO/nfs_io" lost 127.0.0.1 "$nfs" "$mnt" v $((8 << 20)) >"$WORK/out"
	grep -q '^# 0 pages lost' "$WORK/out"
	verdict contents_that_are_discarded_are_no_errors $? "$(cat "$WORK/out")"
	restart_end
}
