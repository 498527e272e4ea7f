# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the tests in the virtual machines share.

DONATION=256M
SERVERS="mem1 mem2"
STATE_WAIT=90 # seconds that a change of state may take on a slow machine

fail()
{
	echo "FAILED: $*"
	exit 1
}

# fails COMMAND...: it must
fails()
{
	if "$@"; then
		fail "went through: $*"
	fi
}

# refused WORDS COMMAND...: it fails and says WORDS
refused()
{
	local words=$1 out

	shift
	if out=$("$@" 2>&1); then
		fail "not refused: $*: $out"
	fi
	echo "$out"
	grep -qiE "$words" <<< "$out" || fail "refused without '$words': $*"
}

# await SECONDS COMMAND...: until it succeeds
await()
{
	local end=$((SECONDS + $1))

	shift
	until "$@" > /dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "does not come true: $*"
		sleep 0.3
	done
}

# counter NAME: of the engine
counter() { on engine engctl status --json | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p"; }

# counters: all of the engine, one "NAME VALUE" a line
counters()
{
	on engine engctl status --json |
		sed -n '/"counters"/,$s/.*"\([a-z0-9_]*\)": \([0-9]*\),\{0,1\}$/\1 \2/p'
}

# grown BEFORE NAME: by how much a counter is above that of an earlier list
grown()
{
	local before now

	before=$(sed -n "s/^$2 //p" <<< "$1")
	now=$(counter "$2")
	if [ -z "$before" ] || [ -z "$now" ]; then
		echo "no counter $2" # no number: whatever compares it fails
		return 1
	fi
	echo $((now - before))
}

# still BEFORE NAME...: these counters have not moved
still()
{
	local before=$1 name by

	shift
	for name in "$@"; do
		by=$(grown "$before" "$name") || fail "$by"
		[ "$by" -eq 0 ] || fail "counter $name grew by $by"
	done
}

# snmp MACHINE PROTOCOL FIELD: a counter of /proc/net/snmp
snmp()
{
	on "$1" "awk -v f=$3 '\$1 == \"$2:\" { if (n++) print \$c;
		else for (i = 2; i <= NF; i++) if (\$i == f) c = i }' /proc/net/snmp"
}

# live N: that many memory servers are
live() { [ "$(on engine "engctl server list --json | grep -c '\"live\"'")" -eq "$1" ]; }

vai()
{
	local name=$1 size=$2

	shift 2
	on engine engctl vai create "$name" --size "$size" --client "$(lab_addr client)" "$@"
}

no_vai_left() { on engine 'engctl vai list --json' | grep -q '"vais": \[\]'; }

# client_is_clean [CLIENT]: as it was, nothing mounted, no swap, no state
client_is_clean()
{
	on "${1:-client}" '! grep -q " nfs " /proc/mounts && [ $(wc -l < /proc/swaps) -eq 1 ] &&
		[ ! -e /run/anemone/'"$ENGINE_ADDR"' ] &&
		[ -z "$(ls -A /run/anemone/.state 2>/dev/null)" ] && ! ip route | grep " mtu "'
}

appliance_comes_up()
{
	on engine 'rpcbind -w 2>/dev/null || rpcbind'
	appliance_up $DONATION $SERVERS
	live 2
}

# After a failure the next test starts from scratch as far as that is possible.
after_failure()
{
	local m v

	echo "--- the engine after the failure"
	on -t 20 engine engctl
	for m in client client2; do
		lab_running $m || continue
		on -t 60 $m 'ps | grep -E "thrash|dd " | grep -v grep; killall -9 thrash dd 2>/dev/null
			killall -CONT thrash 2>/dev/null; anemone-client detach --all --force
			umount -f -l /mnt 2>/dev/null; true'
	done
	for v in $(on -t 20 engine engctl vai list --json | sed -n 's/.*"name": "\(.*\)".*/\1/p'); do
		on -t 20 engine engctl vai delete "$v" --force
	done
	lab_net set all drop=0 corrupt=0 dup=0 reorder=0
}

consoles_are_clean() { lab_console_check; }
