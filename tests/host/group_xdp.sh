# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# The daemon with AF_XDP beside its sockets: the same answers, nothing taken that is not ours, and
# nothing left on the interface.
#
#     namespace NS-out: client, mem2 --veth "cable"-- namespace NS-in: engine, mem1

XDP_CLIENT=10.68.0.2
XDP_ENGINE=10.68.0.1
XDP_ENGINE2=10.68.0.3
XDP_ELSEWHERE=10.69.0.1 # the engine's too, on another interface

# xdp_namespaces MTU
xdp_namespaces() {
	NS=anmx$$
	ip netns add "$NS-in" 2>/dev/null || return 1
	spaces=("$NS-in")
	ip netns add "$NS-out" && spaces+=("$NS-out") &&
		ip -n "$NS-in" link set lo up && ip -n "$NS-out" link set lo up &&
		ip -n "$NS-in" link add name cable mtu "$1" type veth \
			peer name cable mtu "$1" netns "$NS-out" &&
		ip -n "$NS-in" addr add $XDP_ENGINE/24 dev cable &&
		ip -n "$NS-in" addr add $XDP_ENGINE2/24 dev cable &&
		ip -n "$NS-in" addr add $XDP_ELSEWHERE/32 dev lo &&
		ip -n "$NS-out" addr add $XDP_CLIENT/24 dev cable &&
		ip -n "$NS-in" link set cable up && ip -n "$NS-out" link set cable up || return 1
	wrap=(nsenter "--net=/run/netns/$NS-in")
	out=(nsenter "--net=/run/netns/$NS-out")
	away[mem2]=$NS-out
	mac=$(ip -n "$NS-in" -br link show cable | awk '{print $3}')
}

xdp_end() {
	ctl down --force >/dev/null 2>&1
	stop_all
	wrap=()
	away=()
	namespaces_end
	rm -rf "$WORK"/mem?
}

# engined SECONDS OPTION...: a daemon that is to end by itself, what it says in $WORK/said
engined() {
	timeout "$1" "${wrap[@]}" "$BIN/anemone-engined" --nfs-port 0 --mount-port 0 --amp-port 0 \
		--control "$WORK/other.sock" --state "$WORK/other" "${@:2}" >"$WORK/said" 2>&1
}

has_program() {
	ip -n "$NS-in" -d link show cable | grep -q prog/xdp
}

has_no_program() {
	! has_program
}

# is_door NAME
is_door() {
	ctl status --json | grep -q "\"door\": \"$1\""
}

xdp_bed() {
	xdp_namespaces "$1" &&
		up_anew --heartbeat-ms 200 --dead-ms 1000 --door xdp --interface cable &&
		start_server mem1 32M &&
		start_server mem2 32M --engine $XDP_ENGINE:"$amp" --listen $XDP_CLIENT:0 &&
		await 10 is_live mem1 && await 10 is_live mem2 &&
		ctl vai create udp --size "$SIZE" --client $XDP_CLIENT --class critical >/dev/null &&
		ctl vai create tcp --size "$SIZE" --client $XDP_CLIENT >/dev/null &&
		ctl vai create other --size 1M --client 192.0.2.9 >/dev/null
}

# frame CASE ANSWER DOOR COUNTER: what becomes of such a frame, and which counter alone it adds to
frame() {
	local names=(door_xdp_in door_xdp_malformed door_xdp_checksum) n said wrong="" count
	declare -A before=()
	local from=$XDP_CLIENT to=$XDP_ENGINE

	case $1 in
	other-address) to=10.68.0.77 ;;
	elsewhere) to=$XDP_ELSEWHERE ;;
	esac
	for n in "${names[@]}"; do
		before[$n]=$(field $n)
	done
	said=$("${out[@]}" "$IO/xdp_frames" cable "$mac" $from $to "$nfs" "$1" 2>&1)
	# shellcheck disable=SC2053
	[[ $said == $2 ]] || wrong="$said;"
	for n in "${names[@]}"; do
		count=0
		[ "$n" != "${3-}" ] || count=1
		[ $(($(field $n) - ${before[$n]})) -eq $count ] || wrong+=" $n not $count more;"
	done
	[ -z "$wrong" ]
	verdict "${4-p6}_xdp_frame_$1" $? "$wrong"
}

xdp_frames() {
	frame plain answered door_xdp_in
	frame unfinished answered door_xdp_in
	frame no-sum answered door_xdp_in
	frame bad-sum silent door_xdp_checksum
	frame bad-ip-sum silent door_xdp_malformed
	frame too-long silent door_xdp_malformed
	frame options 'answered*'
	frame fragments 'answered*'
	frame elsewhere 'answered*'
	frame multicast 'answered*'
	frame other-mac silent
	frame another-mac silent
	frame other-address silent
	frame from-engine silent "" p5
	frame from-loopback silent "" p5
}

# by_frame TO: whether a call to that address is taken by AF_XDP
by_frame() {
	local before

	before=$(field door_xdp_in)
	"${out[@]}" "$IO/xdp_frames" cable "$mac" $XDP_CLIENT "$1" "$nfs" plain | grep -q '^answered' &&
		[ "$(field door_xdp_in)" -gt "$before" ]
}

xdp_addresses() {
	by_frame 10.68.0.4
	verdict xdp_knows_whose_addresses_are_not_its $((! $?))
	ip -n "$NS-in" addr add 10.68.0.4/24 dev cable
	await 10 by_frame 10.68.0.4
	verdict xdp_learns_of_a_new_address $?
	ip -n "$NS-in" addr del 10.68.0.4/24 dev cable
	await 10 eval '! by_frame 10.68.0.4'
	verdict xdp_forgets_an_old_address $?
}

xdp_data() { # MTU
	TEST_SUFFIX=_by_xdp_$1 counted "${out[@]}" "$IO/rpc_udp" test "$nfs" "$mnt" udp "$SIZE" \
		other $XDP_ENGINE $XDP_ENGINE2
	TEST_SUFFIX=_beside_xdp_$1 counted "${out[@]}" "$IO/nfs_io" test $XDP_ENGINE "$nfs" "$mnt" \
		tcp "$SIZE"
	[ "$(field door_xdp_in)" -gt 3000 ] && [ "$(field door_xdp_out)" -gt 3000 ] &&
		[ "$(field pages_lost)" = 0 ] && [ "$(field amp_crc)" = 0 ]
	verdict "xdp_carries_it_at_mtu_$1" $? "$(ctl status -v | grep -E 'door|lost|crc')"
}

xdp_status() {
	local before

	is_door xdp && ctl status | grep -q 'door  *AF_XDP on cable' && has_program
	verdict xdp_is_shown_in_status $? "$(ctl status | head -n 8)"
	# No client does anything now; the server at the other end of the cable beats every 200 ms.
	before=$(field door_xdp_in)
	sleep 1
	[ "$(field door_xdp_in)" = "$before" ]
	verdict xdp_leaves_memory_servers_to_the_sockets $?
}

# What cannot be had is refused in words, or passed over if that was asked for.
xdp_refusals() {
	engined 10 --door xdp
	[ $? -eq 1 ] && grep -q 'on which interface' "$WORK/said"
	verdict xdp_needs_an_interface $? "$(cat "$WORK/said")"
	engined 10 --door xdp --interface nowhere0
	[ $? -eq 1 ] && grep -q 'AF_XDP on nowhere0: no such interface' "$WORK/said"
	verdict xdp_on_no_interface_is_refused $? "$(cat "$WORK/said")"
	engined 10 --door xdp --interface lo
	[ $? -eq 1 ] && grep -q 'AF_XDP on lo: .*not Ethernet' "$WORK/said"
	verdict xdp_on_loopback_is_refused $? "$(cat "$WORK/said")"
	engined 4 --door auto --interface nowhere0
	[ $? -eq 124 ] && grep -q 'AF_XDP on nowhere0: .*goes on with sockets' "$WORK/said"
	verdict auto_goes_on_with_sockets $? "$(cat "$WORK/said")"
}

xdp_second() {
	engined 10 --door xdp --interface cable
	[ $? -eq 1 ] && grep -q 'AF_XDP on cable: .*busy' "$WORK/said" && has_program
	verdict xdp_for_a_second_daemon_is_refused $? "$(cat "$WORK/said")"
}

xdp_restarts() {
	is_live mem1 && is_live mem2 &&
		"${out[@]}" "$IO/nfs_io" fill $XDP_ENGINE "$nfs" "$mnt" tcp "$SIZE"
	verdict xdp_pages_are_there_before_a_crash $?
	kill_engine
	await 5 has_no_program
	verdict p9_xdp_killed_leaves_no_program $? "$(ip -n "$NS-in" -d link show cable)"
	up && await 20 recovered && is_door xdp && has_program
	verdict p9_xdp_is_back_after_a_restart $?
	"${out[@]}" "$IO/nfs_io" check $XDP_ENGINE "$nfs" "$mnt" tcp "$SIZE"
	verdict p9_xdp_restart_loses_nothing $?
	ctl down --force >/dev/null && await 5 has_no_program
	verdict xdp_ended_leaves_no_program $?
	up && await 20 recovered
	ip -n "$NS-in" link del cable
	await 10 is_door socket && [ "$(ctl status --json | grep -c '"door"')" = 1 ]
	verdict p9_xdp_without_its_interface_goes_on $? "$(ctl status | head -n 6)"
}

# Nothing of it can be had here: then that has to be said.
xdp_not_here() { # WHY
	local why=': (Operation not permitted|Operation not supported|Function not implemented'

	why+='|Address family not supported by protocol|Invalid argument)'
	engined 10 --door xdp --interface cable
	[ $? -eq 1 ] && grep -qE "AF_XDP on cable: .*$why" "$WORK/said"
	verdict "xdp_is_not_to_be_had_here_and_says_so" $? "$1; $(cat "$WORK/said")"
	engined 4 --door auto --interface cable
	[ $? -eq 124 ] && grep -q 'AF_XDP on cable: .*goes on with sockets' "$WORK/said"
	verdict auto_goes_on_with_sockets $? "$(cat "$WORK/said")"
}

group_xdp() {
	local out mac mtu why

	xdp_namespaces 1500 || {
		echo "# no network namespaces here: no interface to try it on"
		namespaces_end
		return
	}
	if ! why=$("${wrap[@]}" "$IO/xdp_frames" probe); then
		echo "# not to be had here: $why"
		xdp_not_here "$why"
		xdp_end
		return
	fi
	xdp_refusals
	xdp_end
	for mtu in 9000 1500; do
		if xdp_bed $mtu; then
			xdp_data $mtu
		else
			not_ok "xdp_bed_$mtu" "does not come up: $(cat "$WORK/up.err")"
		fi
		[ $mtu = 1500 ] || xdp_end
	done
	xdp_status
	xdp_second
	xdp_frames
	xdp_addresses
	xdp_restarts
	xdp_end
}
