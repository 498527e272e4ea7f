# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# Used by tests/host/run: start and end the daemons, report.

ok() {
	echo "ok - host $1"
	passed=$((passed + 1))
}

not_ok() {
	echo "not ok - host $1${2:+: $2}"
	failed=$((failed + 1))
}

# verdict NAME STATUS [WHY]
verdict() {
	if [ "$2" -eq 0 ]; then ok "$1"; else not_ok "$1" "${3-}"; fi
}

# counted COMMAND...: a program that prints its own lines
counted() {
	local out=$WORK/out status p f

	timeout 300 "$@" 2>&1 | tee "$out"
	status=${PIPESTATUS[0]}
	p=$(grep -c '^ok ' "$out")
	f=$(grep -c '^not ok ' "$out")
	passed=$((passed + p))
	failed=$((failed + f))
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		not_ok "${1##*/}" "exit status $status"
	fi
}

ctl() {
	"${wrap[@]}" "$BIN/engctl" --control "$SOCK" "$@"
}

# field KEY: a number of engctl's status
field() {
	ctl status --json | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p"
}

# await SECONDS COMMAND...: until it succeeds
await() {
	local tries=$(($1 * 20))

	shift
	until "$@" >"$WORK/await" 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}

# start_engine [OPTION...]
start_engine() {
	"$BIN/anemone-engined" --nfs-port 0 --mount-port 0 --amp-port 0 --insecure \
		--control "$SOCK" --state "$WORK/engine" --heartbeat-ms 200 --dead-ms 1000 "$@" \
		2>>"$WORK/engine.log" &
	pids[engine]=$!
	await 10 ctl status || return 1
	nfs=$(field nfs_port)
	mnt=$(field mount_port)
	amp=$(field amp_port)
}

# start_server NAME DONATION [OPTION...]
start_server() {
	local in=("${wrap[@]}")

	[ -z "${away[$1]-}" ] || in=(nsenter "--net=/run/netns/${away[$1]}")
	"${in[@]}" "$BIN/anemone-memserverd" --engine "127.0.0.1:$amp" --donate "$2" --name "$1" \
		--listen 127.0.0.1:0 --state "$WORK/$1" --control "$WORK/$1.sock" "${@:3}" \
		2>>"$WORK/$1.log" &
	pids[$1]=$!
}

is_live() {
	ctl server list | grep -q "^$1 .* live$"
}

is_not_live() {
	! is_live "$1"
}

# stop NAME [SIGNAL]
stop() {
	[ -n "${pids[$1]-}" ] || return 0
	kill "-${2-TERM}" "${pids[$1]}" 2>/dev/null
	wait "${pids[$1]}" 2>/dev/null
	unset "pids[$1]"
}

stop_all() {
	local name

	for name in "${!pids[@]}"; do
		stop "$name"
	done
}

# appliance: an engine and two servers, 32 MiB each
appliance() {
	if start_engine "$@" && start_server mem1 32M && start_server mem2 32M &&
		await 10 is_live mem1 && await 10 is_live mem2; then
		return 0
	fi
	not_ok "appliance" "does not come up"
	cat "$WORK"/*.log >&2
	return 1
}

namespaces_end() {
	local ns

	for ns in "${spaces[@]}"; do
		ip netns del "$ns"
	done
	spaces=()
}

cleanup() {
	# one that engctl started
	[ ! -S "$SOCK" ] || ctl down --force >/dev/null 2>&1
	stop_all
	namespaces_end
	rm -rf "$WORK"
}
