# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Memory that the kernel keeps for itself (vm.min_free_kbytes). Pages are written out when memory is
# short, and sending them takes memory: the default of a small machine, below 2 MiB, can be used up.

MIN_FREE_KIB=8192 # the kernel's own choice for 4 GiB
MIN_FREE_FILE=$PROC/sys/vm/min_free_kbytes
MIN_FREE_STATE=$STATE/min_free # the value before, while we have raised it

raise_min_free() {
	local now

	now=$(read_value "$MIN_FREE_FILE")
	[ -n "$now" ] && [ "$now" -lt $MIN_FREE_KIB ] || return 0
	[ -e "$MIN_FREE_STATE" ] || echo "$now" >"$MIN_FREE_STATE"
	undo="min_free $undo"
	if echo $MIN_FREE_KIB >"$MIN_FREE_FILE"; then
		say "vm.min_free_kbytes raised from $now to $MIN_FREE_KIB while a VAI is attached"
	else
		warn "cannot raise vm.min_free_kbytes to $MIN_FREE_KIB: memory to send pages with may run out"
	fi
}

# With the last VAI gone, as it was, unless somebody has set it otherwise meanwhile.
restore_min_free() {
	local before

	[ -e "$MIN_FREE_STATE" ] && [ -z "$(attached_targets)" ] || return 0
	before=$(read_value "$MIN_FREE_STATE")
	rm -f "$MIN_FREE_STATE"
	[ "$(read_value "$MIN_FREE_FILE")" != $MIN_FREE_KIB ] || echo "$before" >"$MIN_FREE_FILE"
}
