#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Module tests inside one machine; prints one line a test. Topology:
#
#    initial namespace          netns anm-e                 netns anm-m
#    client 10.9.0.2 --veth-- 10.9.0.1 engine
#         fd00:9::2           fd00:9::1
#                               10.9.1.1 --------veth------ 10.9.1.2 memory server "far"
#                               lo ::1 and memory server "near" at UDP port 20406
#         10.9.2.2 -----------------veth----------------------- 10.9.2.1
#       fd00:9:2::2                                           fd00:9:2::1
#
# Usage: [KMOD_DIR=where the modules are] guest.sh MTU
set -u
mtu=$1
mods=${KMOD_DIR:-/lib/modules/$(uname -r)/updates}
out=/tmp/kmod-test.out

e() { ip netns exec anm-e "$@"; }
m() { ip netns exec anm-m "$@"; }
eng() { e engctl -c module "$@"; }
probe() { rpcprobe 10.9.0.1 "$@"; }

# check NAME COMMAND...: ok if the command succeeds; what it says is shown if not
check()
{
	local name=$1

	shift
	if "$@" > $out 2>&1; then
		echo "ok - $name"
	else
		echo "not ok - $name: $*"
		sed 's/^/#   /' $out
	fi
}

# refused NAME WORDS COMMAND...: ok if the command fails and says WORDS
refused()
{
	local name=$1 words=$2

	shift 2
	if "$@" > $out 2>&1; then
		echo "not ok - $name: not refused: $*"
	elif ! { cat $out; dmesg | tail -n 3; } | grep -q "$words"; then
		echo "not ok - $name: refused without '$words'"
		sed 's/^/#   /' $out
	else
		echo "ok - $name"
	fi
}

# Try COMMAND for up to SECONDS.
await()
{
	local i limit=$1

	shift
	for ((i = 0; i < limit * 5; i++)); do
		"$@" > /dev/null 2>&1 && return 0
		sleep 0.2
	done
	"$@"
}

topology()
{
	ip netns add anm-e && ip netns add anm-m &&
	ip link add vc type veth peer name ve && ip link set ve netns anm-e &&
	ip link add vn type veth peer name vm && ip link set vn netns anm-e &&
	ip link set vm netns anm-m &&
	ip link add vs type veth peer name vt && ip link set vt netns anm-m &&
	ip addr add fd00:9::2/64 dev vc nodad && ip -n anm-e addr add fd00:9::1/64 dev ve nodad &&
	ip addr add 10.9.0.2/24 dev vc && ip link set vc mtu "$mtu" up &&
	ip -n anm-e addr add 10.9.0.1/24 dev ve && ip -n anm-e link set ve mtu "$mtu" up &&
	ip -n anm-e addr add 10.9.1.1/24 dev vn && ip -n anm-e link set vn mtu "$mtu" up &&
	ip -n anm-m addr add 10.9.1.2/24 dev vm && ip -n anm-m link set vm mtu "$mtu" up &&
	ip -n anm-e link set lo up && ip -n anm-m link set lo up &&
	ip addr add 10.9.2.2/24 dev vs && ip addr add fd00:9:2::2/64 dev vs nodad &&
	ip link set vs mtu "$mtu" up && ip -n anm-m addr add 10.9.2.1/24 dev vt &&
	ip -n anm-m addr add fd00:9:2::1/64 dev vt nodad &&
	ip -n anm-m link set vt mtu "$mtu" up &&
	ip -n anm-m route add 10.9.0.2 via 10.9.2.2 &&
	ip -n anm-m route add fd00:9::2 via fd00:9:2::2
}

load() { insmod $mods/anemone_engine.ko autostart=0 && insmod $mods/anemone_memserver.ko; }
unload() { rmmod anemone_engine && rmmod anemone_memserver; }
unloaded() { ! grep -q ^anemone_ /proc/modules; }

load_again_and_again()
{
	local i

	for ((i = 0; i < 5; i++)); do
		insmod $mods/anemone_engine.ko && insmod $mods/anemone_memserver.ko \
			engine=127.0.0.1 donate=8M port=20406 && unload || return 1
	done
	unloaded
}

test_parameters()
{
	local ko

	check p9_load_and_unload_again_and_again load_again_and_again
	ko=$mods/anemone_engine.ko
	refused bad_uuid_is_refused 'bad uuid' insmod "$ko" uuid=123
	refused short_secret_is_refused 'bad uuid, secret' insmod "$ko" secret=ff
	refused amp_port_shared_is_refused 'port of its own' insmod "$ko" amp_port=2049
	refused absurd_timing_is_refused 'time to death' insmod "$ko" dead_ms=1
	ko=$mods/anemone_memserver.ko
	refused missing_donation_is_refused 'donate=' insmod "$ko" engine=10.9.1.1
	refused bad_donation_is_refused 'donate=' insmod "$ko" engine=10.9.1.1 donate=4Q
	refused donation_beyond_memory_is_refused 'not enough memory' \
		insmod "$ko" engine=10.9.1.1 donate=64G
	refused bad_engine_address_is_refused 'bad engine' insmod "$ko" engine=10.9.1 donate=8M
	check nothing_stays_after_refusals unloaded
}

server_up()
{
	m memctl up --module --state /tmp/far --engine 10.9.1.1 --donate 100M --name far &&
	e memctl up --module --state /tmp/near --engine 10.9.0.1 --donate 60M --name near \
		--listen :20406
}

up() { e engctl up --state /tmp/engine "$@"; }
live() { [ "$(eng server list --json | grep -c '"live"')" -eq "$1" ]; }

test_up()
{
	check load load
	refused no_engine_is_said 'no engine' eng vai list
	ip netns exec anm-e nc -l -p 2049 < /dev/null > /dev/null 2>&1 &
	local nc=$!
	await 5 e sh -c 'netstat -tln | grep -q :2049'
	refused taken_port_is_refused 'is taken' up
	kill $nc
	check up up
	refused port_of_the_engine_beside_it_is_refused 'needs its own' \
		e memctl up --module --state /tmp/near --engine 10.9.0.1 --donate 8M --name near
	refused port_of_the_engine_beside_it_is_refused_ipv6 'needs its own' \
		e memctl up --module --state /tmp/near --engine fd00:9::1 --donate 8M --name near
	check servers_up server_up
	check servers_join_over_veth_and_loopback await 10 live 2
	refused p4_vai_beyond_the_pool_is_refused 'pool has' \
		eng vai create big --size 1G --client 10.9.0.2
	check vai_create eng vai create v1 --size 40M --client 10.9.0.2 --class critical
	check vai_create_normal eng vai create v2 --size 20M --client 10.9.0.2
	check vai_create_ipv6 eng vai create v6 --size 10M --client fd00:9::2
	check other_namespaces_have_no_engine sh -c '! engctl -c module vai list'
}

test_protocol()
{
	local p port mark

	for p in udp tcp; do
		for port in 2049 20048; do
			check "null_${p}_$port" probe null $p "$port"
		done
	done
	check loopback_tcp e rpcprobe 127.0.0.1 null tcp 2049
	check loopback_udp e rpcprobe 127.0.0.1 null udp 2049
	check ipv6_tcp e rpcprobe ::1 null tcp 2049
	check ipv6_udp e rpcprobe ::1 null udp 2049
	check record_in_single_bytes probe dribble
	check record_in_fragments probe fragments
	for mark in 0xffffffff 0x80000000 0x00000000 0x80200000; do
		check "p6_mark_${mark}_ends_the_connection" probe badmark "$mark"
	done
	check p6_garbage_is_survived probe garbage 1
	check p7_connections_of_an_address_are_bounded probe many 70 64
	check connections_are_given_back await 10 probe many 60 60
	check p7_slow_reader_is_bounded_and_served probe slow-reader /v2 60 1048576 2
	check p1_io_tcp probe io tcp /v2 100000 60 20
	check p1_io_udp_fragmented_both_ways probe io udp /v2 32768 60 20
	check p1_io_udp_pages probe io udp /v2 4096 60 20
	check p1_io_ipv6_tcp rpcprobe fd00:9::1 io tcp /v6 32768 30 10
	check p1_io_ipv6_udp_fragmented_both_ways rpcprobe fd00:9::1 io udp /v6 32768 30 10
	refused p5_vai_of_another_client_is_refused 'MNT refused' probe io tcp /v6 4096 1 10
	check p2_io_critical probe io tcp /v1 65536 60 40
	check p2_fill_critical probe fill /v1 500
	check doors_count sh -c 'ip netns exec anm-e engctl -c module status --json --verbose |
		grep -q "door_tx_fragmented"'
}

# number NAME COMMAND...: the number of that name in what the command says, as JSON
number() { "${@:2}" --json | sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" | head -n 1; }
split_reads() { number split_reads eng vai show "$1"; }
split_again() { number split_again eng status --verbose; }
far_replies() { number split_replies m memctl status; }
# more THAN COMMAND...: it says a larger number
more() { [ "$("${@:2}")" -gt "$1" ]; }

# Memory servers answer READs themselves, where all of a reply fits a frame.
test_split()
{
	local before

	check split_create eng vai create s4 --size 10M --client 10.9.0.2 --split on
	check split_create_ipv6 eng vai create s6 --size 10M --client fd00:9::2
	check split_is_switched_on eng vai set s6 --split on
	check split_fill probe fill /s4 200
	check split_fill_ipv6 rpcprobe fd00:9::1 fill /s6 200
	check p1_split probe verify-udp /s4 200
	check p1_split_ipv6 rpcprobe fd00:9::1 verify-udp /s6 200
	check p1_split_parts_and_writes probe io udp /s4 8192 60 10
	check split_fill_again probe fill /s4 200
	check p1_split_tcp probe verify /s4 200
	if [ "$mtu" -lt 4300 ]; then
		check too_large_for_a_frame_the_engine_answers \
			[ "$(split_reads s4)$(split_reads s6)" = 00 ]
		return
	fi
	check reads_are_split more 0 split_reads s4
	check reads_are_split_ipv6 more 0 split_reads s6
	check a_server_elsewhere_answers more 0 far_replies
	# Something on the way does not like replies that come from elsewhere.
	sysctl -q net.ipv4.conf.vs.rp_filter=1
	before=$(split_again)
	check p10_replies_that_are_filtered_are_made_good probe verify-udp /s4 200
	check the_filter_filtered more "$before" split_again
	sysctl -q net.ipv4.conf.vs.rp_filter=0
	check split_is_switched_off eng vai set s4 --split off
	before=$(split_reads s4)
	check p1_split_off probe verify-udp /s4 200
	check nothing_is_split_then [ "$(split_reads s4)" = "$before" ]
}

test_in_use()
{
	refused p9_rmmod_engine_in_use 'in use' rmmod anemone_engine
	refused p9_rmmod_memserver_in_use 'in use' rmmod anemone_memserver
	refused p9_down_in_use 'in use' eng down
	refused p9_memserver_down_in_use 'stored' m memctl down --module
	# One of two servers goes with its namespace: the critical VAI lives on.
	ip netns del anm-m
	check dead_server_is_noticed await 15 live 1
	check p9_critical_vai_survives_a_server probe verify /v1 500
}

# What is open, mounted and running when the engine is forced down does no harm.
test_force()
{
	rpcprobe 10.9.0.1 many 60 60 20 > /dev/null 2>&1 &
	local many=$!
	await 10 sh -c '[ $(netstat -tn | grep -c "10.9.0.1:2049.*ESTABLISHED") -ge 60 ]'
	check forced_down_under_connections eng down --force
	wait $many
	check memserver_forced_down e memctl down --module --force
	check all_unloaded await 5 unloaded
	check load_after_force load
	check up_after_force up
	rpcprobe 10.9.0.1 many 60 60 20 > /dev/null 2>&1 &
	many=$!
	sleep 1
	ip netns del anm-e
	check p9_namespace_gone_under_connections await 10 unload
	kill $many 2> /dev/null
	wait $many 2> /dev/null
	check unloaded_after_namespace unloaded
}

far() { m memctl --module "$@"; }
far_state() { far status --json | grep -q "\"state\": \"$1\""; }
limited_stop() { e memctl --module down --drain --timeout 5 --force > /tmp/stop.out 2>&1; }

# A memory server stays while it has what is needed, whatever the engine does.
test_withdraw()
{
	check links_are_gone await 10 sh -c '! ip link show vc'
	check topology_again topology
	check load_to_withdraw load
	check up_to_withdraw up --state /tmp/engine2 --heartbeat-ms 200 --dead-ms 1000
	check servers_up_to_withdraw server_up
	check servers_join_to_withdraw await 10 live 2
	check vai_create_to_withdraw eng vai create w --size 20M --client 10.9.0.2
	check fill_to_withdraw probe fill /w 500
	e engctl -c module monitor --save > /tmp/saver 2>&1 &
	local saver=$!
	check saver_is_seen await 10 sh -c \
		'ip netns exec anm-e engctl -c module status --json | grep -q "\"saver\": true"'
	check engine_goes_away eng down --force
	check saver_ends_with_its_engine await 10 sh -c "! kill -0 $saver"
	check memserver_notices await 10 far_state joining
	refused p9_rmmod_memserver_while_the_engine_is_away 'in use' rmmod anemone_memserver
	refused p9_down_while_the_engine_is_away 'not there' far down
	check engine_is_back up --state /tmp/engine2
	check p9_pages_are_there_when_it_is_back await 20 probe verify /w 500
	check p9_down_drains far down --drain
	refused p9_rmmod_memserver_that_has_the_rest 'in use' rmmod anemone_memserver
	check p9_pages_are_there_after_the_drain probe verify /w 500
	check a_limited_stop_ends_it limited_stop
	check and_says_what_is_lost grep 'without a second copy are lost' /tmp/stop.out
	check engine_down_after_all eng down --force
	check all_unloaded_again await 5 unloaded
}

# Given modules: what they depend on is in that kernel.
[ -n "${KMOD_DIR:-}" ] || { depmod && modprobe lz4_compress; } # insmod loads nothing by itself
topology || { echo "not ok - topology"; exit 1; }
test_parameters
test_up
test_protocol
test_split
test_in_use
test_force
test_withdraw
