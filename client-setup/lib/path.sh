# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The path to an engine: what a network device needs to send when there is hardly any memory.
#
# A device without scatter-gather sends from one piece of memory. For a jumbo frame that is more
# than a page in a row, which a machine under memory pressure does not have: not one page would be
# swapped out any more, and the machine would stand still for ever. So the path to the engine gets
# a route of its own, whose MTU makes a frame fit a page, with the headers that Linux puts around it.

LINEAR_MTU=3400 # 4096 less the kernel's room for headers (320) and struct skb_shared_info (320)

# scatter_gather DEVICE: on, off, or unknown if there is no tool to tell.
scatter_gather() {
	local word value rest

	have ethtool || { echo unknown && return; }
	ethtool -k "$1" 2>/dev/null | while read -r word value rest; do
		[ "$word" != scatter-gather: ] || { echo "$value" && break; }
	done | grep . || echo unknown
}

# Leaves what it did in $STATE/ADDRESS.route: the words after `ip route del`.
limit_path_mtu() {
	local file words

	[ "$keep_mtu" = no ] && read_route "$engine_address" || return 0
	[ "$route_mtu" -gt $LINEAR_MTU ] || return 0
	case $(scatter_gather "$route_device") in
	on) return ;;
	unknown)
		warn "cannot tell whether $route_device sends jumbo frames without much memory (ethtool is not" \
			"installed); if it has no scatter-gather, this machine may stand still when memory is short"
		return
		;;
	esac
	words="$route_address ${route_via:+via $route_via }dev $route_device"
	file=$STATE/$engine_address.route
	undo="path_mtu $undo"
	# shellcheck disable=SC2086 # words
	if echo "$words" >"$file" && ip route add $words mtu $LINEAR_MTU; then
		say "$route_device has no scatter-gather: frames to $engine_address limited to $LINEAR_MTU bytes"
		return
	fi
	rm -f "$file"
	warn "cannot limit the MTU to $engine_address to $LINEAR_MTU, which $route_device without" \
		"scatter-gather needs: this machine may stand still when memory is short"
}

# When no VAI of the engine is attached any more.
restore_path_mtu() {
	local file=$STATE/$engine_address.route other

	[ -e "$file" ] || return 0
	for other in "$STATE/$engine_address"@*.state; do
		[ ! -e "$other" ] || return 0
	done
	# shellcheck disable=SC2046 # words
	ip route del $(cat "$file") mtu $LINEAR_MTU 2>/dev/null # somebody may have removed it
	rm -f "$file"
}
