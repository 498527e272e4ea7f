# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Servers in a network namespace of their own, on a processor of their own, for the measurements that
# need no machines: sourced by bench/native and the part scale.
#
#	. bench/netns.sh
#	netns_begin NAME                      WORK, BIN, BENCH; all ends with the shell
#	netns_add "$client_ns" "$server_ns"
#	start_engine e 10.77.0.2 2049
#	start_memserver e m1 10.77.0.2 2051 64000000
#	await "the server" has_live e 1

# shellcheck disable=SC2034 # who sources this has it
client_cpu=0
server_cpu=1
server_ns=anm-bench-s-$$
declare -A pids
AWAIT_S=60 # a memory server takes its whole donation first

die() {
	echo "${0##*/}: $*" >&2
	tail -n 5 "$WORK"/*.log >&2
	exit 1
}

netns_begin() {
	BIN=$PWD/build/bin
	# shellcheck disable=SC2034
	BENCH=$PWD/build/bench
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/anemone-$1.XXXXXX")
	netns_all=()
	trap netns_end EXIT
	trap 'exit 1' INT TERM
}

# netns_add NAME...
netns_add() {
	local ns

	for ns in "$@"; do
		ip netns add "$ns" || die "no network namespaces"
		netns_all+=("$ns")
		ip -n "$ns" link set lo up
	done
}

# Some servers have started others, which only their namespace tells.
end_servers() {
	local i left

	for ((i = 0; i < 60; i++)); do
		left=$(ip netns pids "$server_ns" 2>/dev/null)
		[ -n "$left" ] || return 0
		# Asked once, given three seconds, then ended.
		[ $i -ne 0 ] || echo "$left" | xargs kill 2>/dev/null
		[ $i -ne 59 ] || echo "$left" | xargs kill -KILL 2>/dev/null
		sleep 0.05
	done
}

netns_end() {
	local ns

	end_servers
	for ns in "${netns_all[@]}"; do
		ip netns del "$ns" 2>/dev/null
	done
	mountpoint -q "$WORK/tmpfs" && umount "$WORK/tmpfs"
	rm -rf "$WORK"
}

# serve NAME COMMAND...: in the server's namespace, on its core
serve() {
	local name=$1

	shift
	ip netns exec "$server_ns" taskset -c $server_cpu "$@" >>"$WORK/$name.log" 2>&1 &
	pids[$name]=$!
}

# await WHAT COMMAND...
await() {
	local i what=$1

	shift
	for ((i = 0; i < AWAIT_S * 20; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	die "$what does not come up"
}

listens() {
	ip netns exec "$server_ns" ss -Hlntu "sport = :$1" | grep -q .
}

# ---- an engine and its memory servers ----

# ctl ENGINE COMMAND...: engctl
ctl() {
	"$BIN/engctl" --control "$WORK/$1.sock" "${@:2}"
}

# has_live ENGINE N: whether N memory servers are there
has_live() {
	[ "$(ctl "$1" server list | grep -c "live$")" -ge "$2" ]
}

# start_engine NAME ADDRESS PORT [OPTION...]: NFS at that port, MOUNT at the next, memory servers at the one after
start_engine() {
	serve "$1" "$BIN/anemone-engined" --listen "$2" --nfs-port "$3" --mount-port $(($3 + 1)) \
		--amp-port $(($3 + 2)) --control "$WORK/$1.sock" --state "$WORK/$1" "${@:4}"
	await "$1" ctl "$1" status
}

# start_memserver ENGINE NAME ADDRESS AMP-PORT BYTES
start_memserver() {
	serve "$2" "$BIN/anemone-memserverd" --engine "$3:$4" --listen "$3:0" --donate "$5" --name "$2" \
		--mtu 9000 --state "$WORK/$2" --control "$WORK/$2.sock"
}
