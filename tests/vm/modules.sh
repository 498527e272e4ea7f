# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel modules: not to be had while in use, gone without a trace else.

loaded() { on "$1" grep -q "^anemone_$2" /proc/modules; }

p9_modules_in_use_stay()
{
	local m

	appliance_attach client busy 32M
	thrash 1000 "lab-cgroup 12 thrash --size 20 --touches 200"
	refused 'in use' on engine engctl down
	refused 'in use|busy|unavailable' on engine rmmod anemone_engine
	# Pages are still stored: thrash ended, but its slots are not discarded.
	for m in $SERVERS; do
		refused 'stored' on "$m" memctl down
		refused 'in use|busy|unavailable' on "$m" rmmod anemone_memserver
	done
	loaded engine engine
	loaded mem1 memserver
	# All this did no harm.
	thrash 1000 "lab-cgroup 12 thrash --size 20 --touches 200"
	appliance_detach client busy
	client_is_clean
}

p9_modules_unload_and_load_again()
{
	local i

	for i in 1 2; do
		# shellcheck disable=SC2086
		appliance_down $SERVERS
		fails loaded engine engine
		fails loaded mem1 memserver
		on engine '! rpcinfo -p 2>/dev/null | grep -q "10000[35]"'
		# shellcheck disable=SC2086
		appliance_up $DONATION $SERVERS
		appliance_attach client reloaded 32M
		thrash 1000 "lab-cgroup 12 thrash --size 20 --touches 200"
		appliance_detach client reloaded
	done
	# shellcheck disable=SC2086
	appliance_down $SERVERS
}
