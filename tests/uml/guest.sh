# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sourced first by scripts that are init in User Mode Linux. The root file system is the
# host's, read-only; what is written goes to /run.

# Read now: what is mounted later may cover the tree.
console_trouble=$(< "$(dirname "${BASH_SOURCE[0]}")/../lab/trouble")

guest_init()
{
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	mount -t tmpfs tmpfs /run
	mount -t tmpfs tmpfs /mnt
	mkdir -p /run/netns
	stty -onlcr
	ip link set lo up
}

# guest_modules DIR NAME...: where modprobe finds modules of a build; /lib/modules is the host's
guest_modules()
{
	local name

	mkdir -p /run/modprobe.d
	for name in "${@:2}"; do
		echo "install anemone_$name insmod $1/$name/anemone_$name.ko \$CMDLINE_OPTS"
	done > /run/modprobe.d/anemone.conf
}

# The kernel's log without what lockdep tells of User Mode Linux itself: a new process looks through
# its own maps without a lock.
guest_log()
{
	dmesg | awk '
		{ line[NR] = $0 }
		END {
			for (i = 1; i <= NR; i++) {
				if (line[i] ~ /WARNING: suspicious RCU/ && line[i + 3] ~ /maple_tree/)
					i = after(i)
				print line[i]
			}
		}
		# The line after such a report; I itself when it is another one.
		function after(i,    j, own) {
			for (j = i; j < i + 60 && j <= NR; j++) {
				own = own || line[j] ~ /\] force_flush_all\+/
				if (own && line[j] ~ /\] fork_handler\+/)
					return j + 1
			}
			return i
		}'
}

# What a healthy kernel does not say, and what comes after it.
guest_console()
{
	guest_log | grep -a -A 30 -E "$console_trouble" | head -n 200 | sed 's/^/CONSOLE /'
}

# To the end, whatever happens: init must not return.
guest_end()
{
	guest_console
	echo DONE
	poweroff -f -d
}

# netns NAME...: namespaces with their loopback up
netns()
{
	local ns

	for ns in "$@"; do
		ip netns add "$ns" && ip -n "$ns" link set lo up || return 1
	done
}

# in_ns NAME COMMAND...: `ip netns exec` also makes mount namespaces, and takes its time
in_ns() { nsenter --net="/run/netns/$1" "${@:2}"; }

# wire NS DEV ADDR NS DEV ADDR MTU: a veth pair between two namespaces
wire()
{
	ip link add "$2" netns "$1" mtu "$7" type veth peer name "$5" netns "$4" mtu "$7" &&
		ip -n "$1" addr add "$3/24" dev "$2" && ip -n "$1" link set "$2" up &&
		ip -n "$4" addr add "$6/24" dev "$5" && ip -n "$4" link set "$5" up
}

# mac NS DEV
mac() { ip -n "$1" -o link show "$2" | sed 's/.*link\/ether \([0-9a-f:]*\).*/\1/'; }

# await SECONDS COMMAND...: try until it succeeds
await()
{
	local i limit=$1

	shift
	for ((i = 0; i < limit * 10; i++)); do
		"$@" > /dev/null 2>&1 && return 0
		sleep 0.1
	done
	"$@"
}
