# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# The engine's page cache: served from, switched off, over a restart, when a server dies; readahead.

# counter NAME: of engctl's status
counter() {
	ctl status --json --verbose | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p"
}

group_cache_serves() {
	local before

	appliance --cache-size 16M --repair-after-ms 500 || return
	[ "$(field cache_pages)" = 4096 ]
	verdict cache_budget_is_shown $?
	ctl vai create v --size 8M --client 127.0.0.1 >/dev/null
	fill v && check v
	[ "$(counter pages_read)" = 0 ] && [ "$(vai_field v cache_hits)" -ge 2048 ] &&
		[ "$(field cached_pages)" = 2048 ]
	verdict cache_serves_without_a_server $? "$(ctl vai show v)"
	ctl vai set v --cache maybe 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'on or off' "$WORK/err"
	verdict cache_is_on_or_off $? "$(cat "$WORK/err")"
	ctl vai set nope --cache off 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'no VAI of that name' "$WORK/err"
	verdict set_of_an_unknown_vai_is_refused $? "$(cat "$WORK/err")"
	ctl vai set v --cache off >/dev/null && check v
	[ "$(counter pages_read)" -ge 2048 ] && [ "$(vai_field v cache)" = false ]
	verdict cache_is_switched_off $?
	ctl vai set v --cache on >/dev/null && check v
	before=$(counter pages_read)
	check v && [ "$(counter pages_read)" = "$before" ]
	verdict cache_is_switched_on_again $?
	stop mem1 KILL
	check v
	verdict p8_cached_pages_outlive_their_server $?
	# whole is what it was until the death is noticed
	await 20 eval '[ "$(counter cache_saved)" -gt 0 ]' && await 20 whole v
	verdict p8_cached_pages_are_stored_again $?
	ctl vai set v --cache off >/dev/null && check v
	verdict p8_and_are_good_there $?
	ctl vai create w --size 1M --client 127.0.0.1 --cache off >/dev/null &&
		[ "$(vai_field w cache)" = false ]
	verdict a_vai_is_made_without_cache $?
}

group_cache_reads_ahead() {
	local before

	appliance --cache-size 4M || return
	ctl vai create v --size 16M --client 127.0.0.1 --cache off --readahead on >/dev/null
	fill v && check v
	[ "$(vai_field v ahead_issued)" = 0 ]
	verdict without_cache_nothing_is_read_ahead $?
	ctl vai set v --cache on >/dev/null && check v
	[ "$(vai_field v ahead_used)" -gt 100 ] &&
		[ "$(vai_field v ahead_used)" = "$(counter ahead_used)" ]
	verdict reads_in_order_are_read_ahead $? "$(ctl vai show v)"
	ctl vai show v | grep -q 'readahead .* pages ahead'
	verdict readahead_is_shown $? "$(ctl vai show v)"
	ctl vai set v --readahead maybe 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'on or off' "$WORK/err"
	verdict readahead_is_on_or_off $? "$(cat "$WORK/err")"
	ctl vai set v --readahead off >/dev/null
	before=$(counter ahead_issued)
	check v && [ "$(counter ahead_issued)" = "$before" ]
	verdict readahead_is_switched_off $?
}

group_cache_is_kept() {
	restart_bed || return
	ctl vai set norm --cache off --readahead on >/dev/null && ctl down >/dev/null && up --cache-size 8M
	[ "$(vai_field norm cache)" = false ] && [ "$(vai_field crit cache)" = true ] &&
		[ "$(vai_field norm readahead)" = true ] && [ "$(vai_field crit readahead)" = false ] &&
		[ "$(field cache_pages)" = 2048 ]
	verdict cache_options_are_kept $? "$(ctl status --json)"
	restart_end
}
