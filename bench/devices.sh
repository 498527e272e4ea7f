# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a client can swap to, all at hand in one lab: the appliance and what else there is. lib.sh is
# sourced before.
#
#	devices_want anemone nbd disk    before the machines start
#	devices_up                       once they run: DEVICES are those that there are
#	device_on nbd; ...; device_off nbd
#
# Each has functions device_NAME_HOOK, with _ for - : want, lacks (says why it cannot be had), up, on,
# extra (an object for the turn), off; any but on and off may be missing. Servers are on mem1, the machine that has the memory; only the
# appliance has the engine between. Those that need memory for pages have all of it filled
# before the first turn.

DEVICE_MB=$(bench_pick 80 48) # of swap on each
DISK_IOPS=154       # 6.5 ms a request, the mean of the thesis' disk (4 to 11)
NVME_IOPS=12500     # 80 us a request
NVMET_NQN=nqn.2005-11.org.example:pages
SERVER=mem1

device_hook() { # NAME HOOK: run it if there is one
	local f=device_${1//-/_}_$2

	! declare -F "$f" >/dev/null || "$f"
}

# devices_want NAME...
devices_want()
{
	local d

	_lab_init
	if [ -n "$BENCH_ONLY" ]; then
		IFS=, read -ra DEVICES <<< "$BENCH_ONLY"
	else
		DEVICES=("$@")
	fi
	CLIENT_FILES=() SERVER_FILES=()
	bench_disks=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/anemone-bench.XXXXXX")
	lab_atexit "rm -rf $bench_disks"
	for d in "${DEVICES[@]}"; do
		declare -F "device_${d//-/_}_on" >/dev/null || bench_die "no swap device $d"
		device_hook "$d" want
	done
}

devices_up()
{
	local d why there=()

	on "$SERVER" depmod -a
	for d in "${DEVICES[@]}"; do
		why=$(device_hook "$d" lacks)
		if [ -n "$why" ]; then
			bench_left_out "$d" "$why"
			continue
		fi
		bench_say "making $d ready"
		if ! device_hook "$d" up || ! device_hook "$d" on || ! device_hook "$d" off; then
			bench_left_out "$d" "this lab cannot swap to it"
			continue
		fi
		there+=("$d")
	done
	DEVICES=("${there[@]}")
	[ ${#there[@]} -gt 0 ] || bench_die "there is nothing to swap to"
}

device_on() { device_hook "$1" on || bench_die "cannot swap to $1"; }
device_off() { device_hook "$1" off || bench_die "cannot stop swapping to $1"; }

# Loads a module on a machine, or says that it cannot.
device_module()
{
	on "$1" "modprobe $2 2>/dev/null" || echo "this kernel has no module $2"
}

# ---- no swap at all; or what a user's own client has, always on ----

device_none_on() { :; }
device_none_off() { :; }
device_swap_on() { :; }
device_swap_off() { :; }

# ---- the appliance: NFS over TCP, engine and memory server are kernel modules ----
#
# anemone-cache: the same with a page cache in the engine, of a quarter of the swap.

# anemone_vai NAME CACHE: a VAI of the engine of both, which the first of them starts
anemone_vai()
{
	if [ -z "${anemone_is_up-}" ]; then
		ENGINE_OPTIONS="--cache-size $((DEVICE_MB / 4))M" appliance_up $((2 * DEVICE_MB + 32))M "$SERVER" || return 1
		anemone_is_up=yes
	fi
	on engine "engctl vai create $1 --size ${DEVICE_MB}M --client $(lab_addr client) --cache $2" >/dev/null
}

device_anemone_up() { anemone_vai bench off; }
device_anemone_on() { on client "anemone-client attach $ENGINE_ADDR:/bench --keep-mtu" >/dev/null; }
device_anemone_off() { on client "anemone-client detach $ENGINE_ADDR:/bench" >/dev/null; }
device_anemone_cache_up() { anemone_vai cached on; }
device_anemone_cache_on() { on client "anemone-client attach $ENGINE_ADDR:/cached --keep-mtu" >/dev/null; }
device_anemone_cache_off() { on client "anemone-client detach $ENGINE_ADDR:/cached" >/dev/null; }

# ---- NFS swap to the kernel's own server on tmpfs ----

device_knfsd_up()
{
	knfsd_start "$SERVER" $((DEVICE_MB + 16)) && knfsd_attach client "$SERVER" $DEVICE_MB
}
device_knfsd_on() { on client "swapon $KNFSD_MNT/swapfile"; }
device_knfsd_off() { on client "swapoff $KNFSD_MNT/swapfile"; }

# ---- nbd-client -swap to nbd-server on tmpfs ----

device_nbd_want()
{
	SERVER_FILES+=("$(command -v nbd-server)")
	CLIENT_FILES+=("$(command -v nbd-client)")
}
device_nbd_lacks() { device_module client nbd; }
device_nbd_up()
{
	on "$SERVER" "set -e
		mkdir -p /srv/nbd
		mount -t tmpfs -o size=$((DEVICE_MB + 16))m nbd /srv/nbd
		dd if=/dev/zero of=/srv/nbd/pages bs=1M count=$DEVICE_MB 2>/dev/null
		printf '%s\n' '[generic]' '[pages]' 'exportname = /srv/nbd/pages' > /srv/nbd/config
		nbd-server -C /srv/nbd/config -p /run/nbd.pid >/dev/null 2>&1" &&
		on client "nbd-client -N pages $SERVER /dev/nbd0 -swap >/dev/null 2>&1 && mkswap /dev/nbd0 >/dev/null"
}
device_nbd_on() { on client "swapon /dev/nbd0"; }
device_nbd_off() { on client "swapoff /dev/nbd0"; }

# ---- NVMe over TCP to a memory disk of the kernel's own target ----

device_nvme_tcp_want()
{
	bench_modules brd nvmet-tcp
	SERVER_FILES+=("${LAB_FILES[@]}")
	LAB_FILES=()
	bench_modules nvme-tcp
	CLIENT_FILES+=("${LAB_FILES[@]}")
	LAB_FILES=()
}
device_nvme_tcp_lacks()
{
	device_module client nvme-tcp
	device_module "$SERVER" nvmet-tcp
}
device_nvme_tcp_up()
{
	on "$SERVER" "set -e
		modprobe brd rd_nr=1 rd_size=$((DEVICE_MB * 1024))
		dd if=/dev/zero of=/dev/ram0 bs=1M count=$DEVICE_MB 2>/dev/null
		mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
		cd /sys/kernel/config/nvmet
		mkdir subsystems/$NVMET_NQN
		echo 1 > subsystems/$NVMET_NQN/attr_allow_any_host
		mkdir subsystems/$NVMET_NQN/namespaces/1
		echo /dev/ram0 > subsystems/$NVMET_NQN/namespaces/1/device_path
		echo 1 > subsystems/$NVMET_NQN/namespaces/1/enable
		mkdir ports/1
		echo tcp > ports/1/addr_trtype
		echo ipv4 > ports/1/addr_adrfam
		echo $(lab_addr "$SERVER") > ports/1/addr_traddr
		echo 4420 > ports/1/addr_trsvcid
		ln -s /sys/kernel/config/nvmet/subsystems/$NVMET_NQN ports/1/subsystems/$NVMET_NQN" &&
		on client "set -e
		echo -n transport=tcp,traddr=$(lab_addr "$SERVER"),trsvcid=4420,nqn=$NVMET_NQN > /dev/nvme-fabrics
		for i in 1 2 3 4 5 6 7 8 9 10; do
			for s in /sys/class/nvme-subsystem/*; do
				grep -qx $NVMET_NQN \$s/subsysnqn || continue
				disk=\$(ls \$s | grep -x 'nvme[0-9]*n1') && ln -sf \$disk /dev/bench-nvme-tcp && break 2
			done
			sleep 0.5
		done
		mkswap /dev/bench-nvme-tcp >/dev/null"
}
device_nvme_tcp_on() { on client "swapon /dev/bench-nvme-tcp"; }
device_nvme_tcp_off() { on client "swapoff /dev/bench-nvme-tcp"; }

# ---- zram: the client's own memory ----

device_zram_want()
{
	bench_modules lzo-rle
	CLIENT_FILES+=("${LAB_FILES[@]}")
	LAB_FILES=()
}
device_zram_lacks() { device_module client zram; }
device_zram_up() { on client "modprobe lzo-rle"; }
device_zram_on()
{
	on client "echo ${DEVICE_MB}M > /sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null &&
		swapon /dev/zram0"
}
device_zram_off() { on client "swapoff /dev/zram0 && echo 1 > /sys/block/zram0/reset"; }

# The most memory of the client that zram took, so far, in MB: an object for the turn.
device_zram_extra() { on client "awk '{ printf \"{\\\"zram_mb\\\":%.1f}\", \$5 / 1048576 }' /sys/block/zram0/mm_stat"; }

# ---- emulated: disks of the client's virtual machine, slowed down by QEMU ----

device_disk_want()
{
	truncate -s ${DEVICE_MB}M "$bench_disks/disk"
	lab_qemu client -drive "file=$bench_disks/disk,if=none,id=slow,format=raw,cache=unsafe,throttling.iops-total=$DISK_IOPS" \
		-device virtio-blk-pci,drive=slow,romfile=,serial=disk
	bench_modules virtio_blk
	CLIENT_FILES+=("${LAB_FILES[@]}")
	LAB_FILES=()
}
device_disk_up() { on client "modprobe virtio_blk && mkswap /dev/vda >/dev/null"; }
device_disk_on() { on client "swapon /dev/vda"; }
device_disk_off() { on client "swapoff /dev/vda"; }

device_nvme_want()
{
	truncate -s ${DEVICE_MB}M "$bench_disks/nvme"
	lab_qemu client -drive "file=$bench_disks/nvme,if=none,id=fast,format=raw,cache=unsafe,throttling.iops-total=$NVME_IOPS" \
		-device nvme,drive=fast,serial=emulated
}
device_nvme_up() { on client "test -b /dev/nvme0n1 && mkswap /dev/nvme0n1 >/dev/null"; }
device_nvme_on() { on client "swapon /dev/nvme0n1"; }
device_nvme_off() { on client "swapoff /dev/nvme0n1"; }
