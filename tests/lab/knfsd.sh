# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Swap over the kernel's own NFS server, for comparison in the same run and
# topology; lib.sh is sourced before.

KNFSD_DIR=/srv/swap
KNFSD_MNT=/mnt/knfsd

# knfsd_start SERVER MB: export a tmpfs of that size
knfsd_start() { on "$1" lab-knfsd $KNFSD_DIR "$2" > /dev/null; }
knfsd_stop() { on "$1" lab-knfsd --stop; }

# knfsd_attach CLIENT SERVER MB [MOUNT-OPTIONS]: mount, make a swap file
knfsd_attach()
{
	local options="vers=3,proto=tcp,nolock,hard,port=2049,mountproto=tcp,mountport=20048"

	on "$1" "set -e
		mkdir -p $KNFSD_MNT
		mount -t nfs -o $options${4:+,$4} $2:$KNFSD_DIR $KNFSD_MNT
		dd if=/dev/zero of=$KNFSD_MNT/swapfile bs=1M count=$3 2>/dev/null
		chmod 600 $KNFSD_MNT/swapfile
		mkswap $KNFSD_MNT/swapfile >/dev/null"
}

# knfsd_swapon CLIENT SERVER MB [MOUNT-OPTIONS]: all of that, and swap to it
knfsd_swapon()
{
	knfsd_attach "$@" && on "$1" "swapon $KNFSD_MNT/swapfile"
}

knfsd_swapoff()
{
	on "$1" "swapoff $KNFSD_MNT/swapfile && umount $KNFSD_MNT"
}
