# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The whole appliance on the lab's machines; source tests/lab/lib.sh first.
#
#	appliance_overlay            build everything and put it into the guests
#	lab_up engine mem1 mem2 client
#	appliance_up 256M mem1 mem2  load the modules, wait until the servers have joined
#	appliance_attach client vai1 384M
#	...
#	appliance_detach client vai1
#	appliance_down mem1 mem2     unload; fails when something does not unload cleanly

APPLIANCE_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ENGINE_ADDR=$(lab_addr engine)

# Build programs and modules for the guests' kernel and have the guests carry them.
appliance_overlay()
{
	local krel kdir mod

	eval "$("$LAB_DIR/env")"
	case ${KERNEL:-6.1} in
	6.1) krel=$KREL61 kdir=$KDIR61 ;;
	*) krel=$KREL612 kdir=$KDIR612 ;;
	esac
	lab_log "building programs, workloads and modules for $krel"
	make -s -C "$APPLIANCE_TOP" -j2 programs workloads >&2 || lab_die "the programs do not build"
	make -s -C "$APPLIANCE_TOP" modules KDIR="$kdir" >&2 || lab_die "the modules do not build"
	for mod in engine memserver; do
		lab_overlay "$APPLIANCE_TOP/build/kmod/$krel/$mod/anemone_$mod.ko:/lib/modules/$krel/updates/anemone/anemone_$mod.ko"
	done
	lab_overlay "$APPLIANCE_TOP"/build/bin/{engctl,memctl,anemone-engined,anemone-memserverd} \
		"$APPLIANCE_TOP"/build/bin/{thrash,quicksort} \
		"$APPLIANCE_TOP/client-setup/anemone-client"
	for mod in "$APPLIANCE_TOP"/client-setup/lib/*; do
		lab_overlay "$mod:/usr/local/sbin/lib/${mod##*/}"
	done
}

# The client's kernel with NFS over UDP, built once for each kernel and source.
appliance_udp_overlay()
{
	local key out

	key=$(cat "$APPLIANCE_TOP"/client-setup/nfs-udp/* <(echo "$KDIR61 $LINUX_SOURCE61_TAR") |
		sha256sum | cut -c1-12)
	out=${ANEMONE_CACHE:-$HOME/.cache/anemone}/nfs-udp-$KREL61-$key
	if [ ! -d "$out" ]; then
		rm -rf "$out.new"
		"$APPLIANCE_TOP/client-setup/nfs-udp/build" --kdir "$KDIR61" \
			--source "$LINUX_SOURCE61_TAR" --out "$out.new" >&2 ||
			lab_die "nfs.ko with UDP does not build"
		mv "$out.new" "$out"
	fi
	lab_overlay "$out/nfs.ko" "$out/anemone_udpfix.ko" \
		"$APPLIANCE_TOP/client-setup/nfs-udp/anemone-nfs-udp.conf:/lib/modules/lab/anemone-nfs-udp.conf"
}

# From here on the client's nfs.ko is the rebuilt one.
appliance_udp_client()
{
	on client 'set -e; dest=/lib/modules/$(uname -r)/updates/anemone
		if lsmod | grep -q ^nfs; then modprobe -r nfsv3 nfs; fi
		mkdir -p $dest /etc/modprobe.d
		cp /lib/modules/lab/nfs.ko /lib/modules/lab/anemone_udpfix.ko $dest
		cp /lib/modules/lab/anemone-nfs-udp.conf /etc/modprobe.d
		depmod -a; modprobe nfs; anemone-client udp-module status | tee /tmp/udp
		grep -q "nfs: *loaded, with UDP" /tmp/udp; grep -q "udpfix: *loaded" /tmp/udp'
}

# appliance_up DONATION SERVER...: modules into the kernels; the servers join. ENGINE_OPTIONS: of
# engctl up.
appliance_up()
{
	local donation=$1 name

	shift
	on engine "depmod -a && engctl up ${ENGINE_OPTIONS:-}" || return 1
	for name in "$@"; do
		on "$name" depmod -a \&\& memctl up --engine "$ENGINE_ADDR" \
			--donate "$donation" --name "$name" || return 1
	done
	appliance_await_servers $#
}

# appliance_await_servers N: until N servers are live
appliance_await_servers()
{
	local i

	for ((i = 0; i < 60; i++)); do
		if [ "$(on engine "engctl server list --json | grep -c '\"live\"'")" -ge "$1" ]; then
			return 0
		fi
		sleep 0.5
	done
	lab_log "the memory servers have not all joined:"
	on engine engctl server list
	return 1
}

# appliance_attach CLIENT VAI SIZE [OPTION...]: a VAI for the client, swapped to
appliance_attach()
{
	local client=$1 vai=$2 size=$3

	shift 3
	on engine engctl vai create "$vai" --size "$size" --client "$(lab_addr "$client")" &&
		on "$client" anemone-client attach "$ENGINE_ADDR:/$vai" "$@"
}

# appliance_detach CLIENT VAI
appliance_detach()
{
	on "$1" anemone-client detach "$ENGINE_ADDR:/$2" && on engine engctl vai delete "$2"
}

# _appliance_empty SERVER: until the pages of deleted VAIs are forgotten, or they are not
_appliance_empty()
{
	local i

	for ((i = 0; i < 60; i++)); do
		! on "$1" "memctl status --json | grep -q '\"used_pages\": 0\b'" || return 0
		sleep 0.5
	done
}

# appliance_down SERVER...: everything out of the kernels again
appliance_down()
{
	local name

	for name in "$@"; do
		_appliance_empty "$name"
		on "$name" memctl down --force || return 1
		on "$name" '! grep -q ^anemone_ /proc/modules' || return 1
	done
	on engine engctl down || return 1
	on engine '! grep -q ^anemone_ /proc/modules'
}
