# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Swapping to a VAI: every byte comes back right, whatever the network does.

SWAP_LIMIT=900 # seconds for one pass over one and a half times the client's memory

# Counters that stay still on a network that loses nothing.
SWAP_FAULTS="rpc_malformed rpc_denied rpc_garbage nfs_denied nfs_badhandle nfs_stale nfs_errors
	no_memory pages_lost amp_malformed amp_unknown amp_crc amp_timeouts outq_full
	door_rx_malformed door_rx_checksum door_tx_too_big door_tx_no_device door_tx_no_route
	door_tx_no_memory door_tcp_refused"

# thrash OPTION...: on the client, by its JSON line: every page verified, none bad, and
# at least as many pages swapped out as the first argument says
thrash()
{
	local least=$1 out

	shift
	out=$(on -t $SWAP_LIMIT client "$* --json")
	echo "$out"
	grep -q '"bad_pages":0}' <<< "$out" || fail "bad pages"
	[ "$(number "$out" pswpout)" -ge "$least" ] || fail "hardly swapped"
	[ "$(number "$out" pswpin)" -ge $((least / 2)) ] || fail "hardly swapped in"
	[ "$(number "$out" pages_verified)" -ge "$(number "$out" pages)" ] || fail "not all verified"
}

# number JSON KEY
number() { sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" <<< "$1"; }

# swap_under_pressure PROTO [OPTION...]: one and a half times the memory that the client's kernel has,
# at random, all verified.
swap_under_pressure()
{
	local proto=$1 before memory size

	shift
	memory=$(lab_memory client)
	size=$((memory * 3 / 2 + 1))
	before=$(counters)
	# From half full on, Linux gives up the slot of a page that it reads, and all is
	# written twice: that is tested where it costs less.
	appliance_attach client swap $((size * 2 + 20))M --proto "$proto" "$@"
	on client grep -q "proto=$proto" /proc/mounts
	thrash $((memory * 1024 / 4 / 2)) "thrash --size $size --touches 1500"
	[ "$(grown "$before" nfs_reads)" -gt 1000 ] || fail "few READs"
	# shellcheck disable=SC2086
	still "$before" $SWAP_FAULTS
	lab_minfree client 1024 # detaching wants free memory
	appliance_detach client swap
	client_is_clean
}

p1_swap_over_tcp() { swap_under_pressure tcp; }

p1_swap_over_udp()
{
	local udp tcp before

	appliance_udp_client
	before=$(counters)
	udp=$(snmp client Udp InDatagrams)
	tcp=$(snmp client Tcp InSegs)
	# Whole pages in one frame: the lab's network devices have no scatter-gather.
	lab_minfree client 32768
	swap_under_pressure udp --keep-mtu
	udp=$(($(snmp client Udp InDatagrams) - udp))
	tcp=$(($(snmp client Tcp InSegs) - tcp))
	echo "client: $udp datagrams, $tcp segments; engine: $(grown "$before" door_tx_frames) frames"
	[ "$udp" -ge "$(grown "$before" nfs_reads)" ] || fail "the READs did not come over UDP"
	[ "$tcp" -lt 200 ] || fail "$tcp segments over TCP"
	still "$before" drc_in_progress
	on client anemone-client udp-module status
}

# What the switch does to every thousandth frame or so, from and to everybody.
faulty_network()
{
	# A flipped bit in ARP, which has no checksum, would test ARP.
	fixed_neighbours
	lab_net seed 1
	lab_net set all "$@"
}

good_network() { lab_net set all drop=0 corrupt=0 dup=0 reorder=0; }

fixed_neighbours()
{
	local m other

	for m in $(lab_machines); do
		on "$m" "$(for other in $(lab_machines); do
			[ "$other" = "$m" ] || echo "ip neigh replace $(lab_addr "$other") lladdr \
				$(lab_mac "$other") dev eth0 nud permanent;"
		done)"
	done
}

# made FAULT: how often the switch made it
made() { lab_net stats | sed -n "s/^made .*\b$1=\([0-9]*\).*/\1/p"; }

faults_were_made()
{
	local f

	lab_net stats
	for f in drop corrupt dup reorder; do
		[ "$(made $f)" -gt 10 ] || fail "the switch made $(made $f) times $f"
	done
}

p1_p3_swap_through_a_faulty_network()
{
	local before segments

	before=$(counters)
	segments=$(snmp client Tcp RetransSegs)
	appliance_attach client lossy 96M
	faulty_network drop=2000 corrupt=1000 dup=5000 reorder=5000
	thrash 4000 "lab-cgroup 18 thrash --size 36 --touches 1500"
	good_network
	faults_were_made
	[ "$(grown "$before" amp_retransmits)" -gt 10 ] || fail "AMP sent nothing again"
	[ "$(grown "$before" door_rx_checksum)" -gt 0 ] || fail "no datagram with a bad checksum"
	[ "$(snmp client Tcp RetransSegs)" -gt "$segments" ] || fail "TCP sent nothing again"
	still "$before" nfs_errors pages_lost rpc_malformed amp_crc
	appliance_detach client lossy
	client_is_clean
}

p3_udp_through_a_faulty_network()
{
	local before

	appliance_udp_client
	before=$(counters)
	appliance_attach client lossyudp 64M --proto udp
	faulty_network drop=500 corrupt=500 dup=20000 reorder=5000
	thrash 2000 "lab-cgroup 16 thrash --size 28 --touches 500"
	good_network
	faults_were_made
	[ "$(($(grown "$before" drc_replays) + $(grown "$before" drc_in_progress)))" -gt 0 ] ||
		fail "the engine saw no duplicate"
	still "$before" nfs_errors pages_lost
	appliance_detach client lossyudp
	client_is_clean
}

p1_small_swap()
{
	local before

	before=$(counters)
	appliance_attach client small 128M --keep-mtu
	thrash 5000 "lab-cgroup 26 thrash --size 52 --touches 1000"
	# shellcheck disable=SC2086
	still "$before" $SWAP_FAULTS
	appliance_detach client small
	client_is_clean
}
