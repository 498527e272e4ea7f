# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Attaching and detaching; whom the engine lets in.

plain_mount() { on client "mount -o nolock $1 engine:/$2 /mnt"; }
unmount() { on client umount /mnt; }

# No port is named: rpcbind on the engine tells them.
rpcbind_tells_the_ports()
{
	vai plain 16M
	on client 'rpcinfo -p engine' | tee /dev/stderr |
		awk '$1 == 100003 && $2 == 3 { n[$3 $4] = 1 } $1 == 100005 && $2 == 3 { m[$3 $4] = 1 }
			END { exit !(n["tcp2049"] && n["udp2049"] && m["tcp20048"] && m["udp20048"]) }'
	on client showmount -e engine | grep -q "^/plain *$(lab_addr client)"
	plain_mount "" plain
	on client 'grep -q "^engine:/plain /mnt nfs .*vers=3" /proc/mounts && ls -ls /mnt'
	[ "$(on client stat -c "'%a %s %u'" /mnt/swapfile)" = "600 $((16 << 20)) 0" ]
	unmount
	on engine engctl vai delete plain
}

# Listed for everybody, open for its own client only.
p5_vai_of_another_client_is_refused()
{
	local before

	vai private 16M
	before=$(counters)
	on client2 showmount -e engine | grep -q "^/private *$(lab_addr client)"
	refused 'access denied' on client2 \
		mount -t nfs -o nolock,vers=3,proto=tcp,retry=0 engine:/private /mnt
	refused 'access denied|no such VAI' on client2 anemone-client attach engine:/private
	on client2 '! grep -q " nfs " /proc/mounts && [ ! -e /run/anemone/engine ] &&
		[ -z "$(ls -A /run/anemone/.state)" ]'
	[ "$(grown "$before" mnt_denied)" -ge 2 ]
	# Its own client is let in all the same.
	on client 'anemone-client attach engine:/private && anemone-client detach engine:/private'
	on engine engctl vai delete private
}

p4_vai_beyond_the_donations_is_refused()
{
	local donated=$((2 * ${DONATION%M}))

	refused 'pool has|not created' vai huge $((donated + 1))M
	refused 'pool has|not created' vai huge $((donated / 2 + 1))M --class critical
	vai most $((donated - 64))M
	refused 'pool has|not created' vai more 65M
	on engine engctl vai delete most
	no_vai_left
}

attach_and_detach_again_and_again()
{
	local i

	for i in 1 2 3; do
		appliance_attach client again 64M
		on client anemone-client status
		[ "$(on client 'tail -n +2 /proc/swaps | wc -l')" -eq 1 ]
		on client anemone-client attach "$ENGINE_ADDR:/again" # twice is once
		refused 'in use' on engine engctl vai delete again
		appliance_detach client again
		client_is_clean
	done
	no_vai_left
}

two_vais_at_once()
{
	appliance_attach client one 32M --priority 10
	appliance_attach client two 32M --priority 10
	[ "$(on client 'tail -n +2 /proc/swaps | wc -l')" -eq 2 ]
	# The kernel takes turns between areas of one priority.
	thrash 2000 "lab-cgroup 12 thrash --size 40 --touches 500"
	[ "$(on engine "engctl vai list --json" | sed -n 's/.*"writes": \([0-9]*\).*/\1/p' |
		awk '$1 > 10' | wc -l)" -eq 2 ] || fail "one of the two was not written"
	on client anemone-client detach --all
	client_is_clean
	on engine "engctl vai delete one && engctl vai delete two"
	no_vai_left
}

failed_attach_leaves_nothing()
{
	refused 'access denied|no such' on client anemone-client attach engine:/nosuch
	client_is_clean
	refused 'does not answer|no route|cannot mount' on client anemone-client attach \
		--port 2050 --mountport 20049 engine:/nosuch
	client_is_clean
	# Swapon fails on what is not formatted; then the mount goes, too.
	vai blank 16M
	plain_mount "" blank
	on client 'dd if=/dev/zero of=/mnt/swapfile bs=4k count=1 conv=notrunc'
	unmount
	refused 'cannot swap' on client anemone-client attach engine:/blank
	client_is_clean
	on engine engctl vai delete blank
}

# A program that stands still while its pages are swapped out, the swap is taken
# away, and it goes on and verifies.
swapoff_brings_every_page_back()
{
	appliance_attach client2 back 48M
	on client2 'lab-cgroup 16 thrash --size 32 --touches 400 > /tmp/thrash.log 2>&1 &
		for i in $(seq 600); do
			used=$(awk "NR > 1 { print \$4 }" /proc/swaps)
			[ $used -lt 12000 ] || break
			sleep 0.1
		done
		killall -STOP thrash && sleep 1 && cat /proc/swaps
		for c in /sys/fs/cgroup/lab-*; do echo max > $c/memory.max; done
		[ $(awk "NR > 1 { print \$4 }" /proc/swaps) -ge 12000 ]'
	appliance_detach client2 back
	client_is_clean client2
	on client2 'killall -CONT thrash; for i in $(seq 900); do
			pidof thrash > /dev/null || break; sleep 0.1
		done; cat /tmp/thrash.log
		grep -q "pages verified: [1-9][0-9]*, bad pages: 0" /tmp/thrash.log'
}
