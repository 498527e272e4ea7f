# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tests; "$logs" is theirs, and one machine, "engine" to the lab.

BOOT_S=300     # a boot, on a busy machine
SHUTDOWN_S=120 # a shutdown
STOP_S=40      # a stop of one unit; nothing is to be drained then, or DRAIN_SECONDS limits it
SETTLE_S=60    # for what comes by itself
DRAIN_SECONDS=5
VAI=10.77.0.1:/render1
CLIENT_UNIT="anemone-client@10.77.0.1:-render1.service" # systemd-escape "$VAI"

# vm [-t SECONDS] COMMAND: by bash on the machine, which ends at the first error; there and here
# "no COMMAND" fails when the command does not (what begins with "!" ends nothing).
no()
{
	if "$@"; then
		echo "it should not: $*"
		exit 1
	fi
}
vm()
{
	local limit=120

	[ "$1" != -t ] || { limit=$2; shift 2; }
	on -t "$limit" engine "set -e -o pipefail; export PATH=/usr/sbin:/usr/bin
		no() { if \"\$@\"; then echo \"it should not: \$*\"; exit 1; fi; }; $*"
}

# await COMMAND: until it is true
await()
{
	vm -t $((SETTLE_S + 30)) "for ((i = 0; i < $SETTLE_S; i++)); do if $1; then exit 0; fi
		sleep 1; done; echo 'not within $SETTLE_S s: $1'; exit 1"
}

boot_vm()
{
	lab_start engine:700
	LAB_BOOT_TIMEOUT=$BOOT_S lab_wait engine
	# "degraded" when a unit failed: then it says which.
	vm -t $BOOT_S 'systemctl is-system-running --wait || { systemctl --failed; false; }'
}

active()
{
	vm "systemctl is-active $*"
}

server_live() { await "engctl server list --json | grep -q '\"live\"'"; }

# stop UNIT...: one after the other, each in time, and none has failed
stop()
{
	local unit

	for unit in "$@"; do
		vm -t $STOP_S "systemctl stop '$unit'"
		vm "systemctl show -P ActiveState '$unit' | grep -x inactive"
	done
}

# Pages of a file in memory go to the VAI, and stay there when the writer is gone.
swap_out()
{
	vm "systemd-run --quiet --wait -p MemoryHigh=12M -p MemoryMax=40M dd if=/dev/urandom \
			of=/dev/shm/pages bs=1M count=32 status=none
		cat /proc/swaps
		test \"\$(swapon --show=USED --bytes --noheadings)\" -gt 8000000"
}

make_install_and_uninstall_leave_no_file()
{
	cd "$logs/files"
	# That the lists tell something: programs, units and modules are in the second.
	for f in sbin/engctl lib/systemd/system/anemone-engine.service updates/anemone/anemone_engine.ko; do
		grep "/$f\$" installed
		no grep "/$f\$" before
	done
	# Settings are the administrator's.
	grep -v '^\./etc/anemone/' uninstalled | diff before -
}

boots_with_nothing_enabled()
{
	boot_vm
	vm "test -z \"\$(systemctl list-units --plain --no-legend 'anemone-*')\"
		id anemone && test -d /run/anemone/.state; no grep ^anemone_ /proc/modules"
}

# As README says.
units_of_the_modules_start()
{
	vm "systemctl enable --now anemone-engine.service anemone-engine-save.service"
	vm "sed -e 's/^ENGINE=.*/ENGINE=10.77.0.1/' -e 's/^DONATE=.*/DONATE=96M/' \
			-e 's/^#*DRAIN_SECONDS=.*/DRAIN_SECONDS=$DRAIN_SECONDS/' \
			-e 's/^\(MEMSERVERD*_OPTIONS\)=.*/\1=--listen :20406/' \
			/usr/share/doc/anemone/memserver.conf > /etc/anemone/memserver.conf
		systemctl enable --now anemone-memserver.service"
	server_live
	vm "engctl vai create render1 --size 64M --client 10.77.0.1"
	vm "test '$CLIENT_UNIT' = \"anemone-client@\$(systemd-escape $VAI).service\"
		systemctl enable --now '$CLIENT_UNIT'; swapon --show | grep render1"
	active anemone-engine anemone-engine-save anemone-memserver "'$CLIENT_UNIT'"
	vm "grep ^anemone_engine /proc/modules; grep ^anemone_memserver /proc/modules"
	swap_out
	vm "sha256sum /dev/shm/pages > /var/tmp/pages.sum"
}

a_stop_in_use_is_refused_and_start_goes_on()
{
	vm -t $STOP_S "systemctl stop anemone-engine || :
		journalctl -b -u anemone-engine.service | grep 'the engine stays up'
		engctl vai list | grep render1"
	vm "sha256sum -c /var/tmp/pages.sum"
	vm "systemctl start anemone-engine"
	active anemone-engine anemone-engine-save
}

# A second memory server, in a namespace of the same machine: with room for all.
a_stop_of_the_memory_server_drains_it()
{
	vm "ip netns add other
		ip link add in type veth peer name out netns other
		ip addr add 10.78.0.1/24 dev in && ip link set in up
		ip netns exec other ip addr add 10.78.0.2/24 dev out
		ip netns exec other ip link set out up
		ip netns exec other memctl up --engine 10.78.0.1 --donate 96M --name other --state /run/other"
	await "engctl server list --json | grep -c '\"live\"' | grep -x 2"
	swap_out
	vm "sha256sum /dev/shm/pages > /var/tmp/pages.sum; engctl server list"
	stop anemone-memserver.service
	vm "journalctl -b -u anemone-memserver.service | grep '0 of .* pages left'
		sha256sum -c /var/tmp/pages.sum
		systemctl start anemone-memserver"
	await "engctl server list --json | grep -c '\"live\"' | grep -x 2"
	vm "ip netns exec other memctl down --drain; ip netns del other; engctl server list
		sha256sum -c /var/tmp/pages.sum; engctl server remove other"
}

# Alone with pages that are needed: they are lost, as was said; no stop hangs on it.
p8_a_stop_that_cannot_drain_ends_in_time()
{
	swap_out
	vm "rm /dev/shm/pages"
	vm -t $((DRAIN_SECONDS + STOP_S)) "systemctl stop anemone-memserver"
	vm "journalctl -b -u anemone-memserver.service | grep 'those without a second copy are lost'
		no grep ^anemone_memserver /proc/modules
		systemctl start anemone-memserver"
	server_live
	active anemone-memserver
}

# By the administrator's word, with pages on the VAI.
reboot()
{
	local i

	swap_out
	vm "echo 'reboots: $SECONDS' > /dev/kmsg; systemctl reboot"
	for ((i = 0; i < SHUTDOWN_S; i++)); do
		if ! lab_running engine; then
			boot_vm
			return
		fi
		sleep 1
	done
	echo "it has not gone down within $SHUTDOWN_S s"
	lab_kill engine
	return 1
}

all_is_back()
{
	vm "engctl; engctl vai list | grep render1"
	server_live
	vm "swapon --show | grep render1; journalctl -b -1 -u '$CLIENT_UNIT' | grep 'is detached'"
	swap_out
	vm "sha256sum /dev/shm/pages > /var/tmp/pages.sum; sha256sum -c /var/tmp/pages.sum"
}

reboot_while_the_modules_swap() { reboot; }
modules_are_back_after_the_boot()
{
	active anemone-engine anemone-memserver
	all_is_back
}

reboot_while_the_daemons_swap() { reboot; }
daemons_are_back_after_the_boot()
{
	active anemone-engined anemone-memserverd
	all_is_back
}

# The engine last, then the engine first; what is enabled comes back by one start.
stops_in_either_order()
{
	stop "$CLIENT_UNIT" anemone-memserver.service anemone-engine.service
	vm "no grep ^anemone_ /proc/modules; test -z \"\$(swapon --show)\"
		systemctl start anemone-engine anemone-memserver '$CLIENT_UNIT'"
	server_live
	stop "$CLIENT_UNIT" anemone-engine.service
	vm "grep ^anemone_memserver /proc/modules; no grep ^anemone_engine /proc/modules"
	stop anemone-memserver.service
	vm "no grep ^anemone_ /proc/modules"
	# The saver waits for the next engine, and does not fail meanwhile.
	sleep 15
	active anemone-engine-save
	vm "systemctl start anemone-memserver"
	vm "systemctl start anemone-engine '$CLIENT_UNIT'"
	server_live
	active anemone-engine anemone-engine-save anemone-memserver "'$CLIENT_UNIT'"
}

# From one to the other without a word more: the units in conflict end first.
units_of_the_daemons_take_over()
{
	stop "$CLIENT_UNIT"
	vm "rm -f /dev/shm/pages; systemctl disable anemone-engine anemone-memserver
		systemctl enable anemone-engined anemone-memserverd anemone-engine-save
		systemctl start anemone-engined && systemctl start anemone-memserverd"
	server_live
	vm "no grep ^anemone_ /proc/modules; engctl vai list | grep render1
		systemctl start '$CLIENT_UNIT'"
	active anemone-engined anemone-engine-save anemone-memserverd "'$CLIENT_UNIT'"
	vm "no systemctl is-active anemone-engine; no systemctl is-active anemone-memserver; ps -o user= -C anemone-engined | grep anemone"
	swap_out
	vm "sha256sum /dev/shm/pages > /var/tmp/pages.sum"
}

p9_a_killed_daemon_is_back()
{
	vm "systemctl kill -s KILL anemone-engined"
	await "systemctl is-active --quiet anemone-engined"
	vm "sha256sum -c /var/tmp/pages.sum"
	server_live
	active anemone-engine-save
}

units_verify()
{
	vm "systemd-analyze verify --man=no /lib/systemd/system/anemone-*.service > /root/said 2>&1 || :
		cat /root/said; test ! -s /root/said"
}

# Of all boots, but for the stop that was refused and the daemon that was killed.
nothing_is_wrong_in_the_journal()
{
	vm "journalctl --no-pager -u 'anemone-*' | cat > /root/journal
		test -s /root/journal
		journalctl --no-pager -p warning -o short-monotonic > /root/warnings"
	vm 'cat /root/warnings' > "$logs/journal-warnings"
	vm 'cat /root/journal' > "$logs/journal-units"
	grep -iE 'anemone|engctl|memctl|ordering cycle' "$logs/journal-warnings" |
		grep -v ': loading out-of-tree module taints kernel' | cut -d : -f 2- |
		diff - <(echo " anemone-engine.service: Failed with result 'exit-code'."
			echo " anemone-engined.service: Main process exited, code=killed, status=9/KILL"
			echo " anemone-engined.service: Failed with result 'signal'.")
}

uninstall_and_install_on_the_machine()
{
	vm "cd /opt/anemone
		no make -s uninstall 2>/root/said
		grep -q 'stop what runs first: systemctl stop .*anemone-engined.service' /root/said
		systemctl stop 'anemone-*'
		make -s uninstall
		test -z \"\$(systemctl list-unit-files --no-legend 'anemone-*')\"
		find / -xdev \( -type f -o -type l \) | sort" > "$logs/files/machine"
	(
		cd "$logs/files"
		sed 's/^\.//' before | sort > debian
		sort machine | comm -23 - debian | grep -i -e anemone -e engctl -e memctl |
			grep -vE '^/(etc|opt|var/lib)/anemone/'
	) > "$logs/files/left" || :
	cat "$logs/files/left"
	[ ! -s "$logs/files/left" ]
	vm "cd /opt/anemone; make -s -o programs install
		systemctl start anemone-engined && engctl vai list | grep render1
		systemctl stop anemone-engined"
}

console_is_clean()
{
	lab_stop engine
	lab_console_check
}
