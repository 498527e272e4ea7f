# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What the running kernel can do. Each answer is yes, no or unknown.

RELEASE=$(uname -r)
UDP_SLOTS=128 # requests in flight over UDP; the kernel's default of 16 is few

# The configuration of the running kernel on standard output; fails if it is nowhere.
kernel_config() {
	local file

	if [ -r "$PROC/config.gz" ]; then
		gzip -dc "$PROC/config.gz"
		return
	fi
	for file in "$ROOT/boot/config-$RELEASE" "$ROOT/lib/modules/$RELEASE/config"; do
		if [ -r "$file" ]; then
			cat "$file"
			return
		fi
	done
	return 1
}

# kernel_option NAME: y, m, n, or unknown without a configuration to look at.
kernel_option() {
	local config

	config=$(kernel_config) || { echo unknown && return; }
	config=$(echo "$config" | sed -n "s/^CONFIG_$1=//p")
	echo "${config:-n}"
}

module_loaded() {
	[ -d "$SYS/module/$1" ]
}

# Can NFS files be swapped to? Without a configuration, sunrpc's own symbols tell.
nfs_swap_ability() {
	case $(kernel_option NFS_SWAP) in
	y) echo yes && return ;;
	n) echo no && return ;;
	esac
	if grep -q ' rpc_clnt_swap_activate' "$PROC/kallsyms" 2>/dev/null; then
		echo yes
	elif module_loaded sunrpc && [ -r "$PROC/kallsyms" ]; then
		echo no
	else
		echo unknown
	fi
}

# Is there an NFS client, loaded or to be loaded?
nfs_ability() {
	if grep -qw nfs "$PROC/filesystems" 2>/dev/null || modinfo nfs >/dev/null 2>&1; then
		echo yes
	else
		echo no
	fi
}

# Does the NFS client, the loaded one or else the one to be loaded, speak UDP?
nfs_udp_ability() {
	if [ -e "$SYS/module/nfs/parameters/anemone_udp" ]; then
		echo yes
		return
	fi
	if ! module_loaded nfs && [ "$(modinfo -F anemone_udp nfs 2>/dev/null)" = y ]; then
		echo yes
		return
	fi
	case $(kernel_option NFS_DISABLE_UDP_SUPPORT) in
	y) echo no ;;
	n) echo yes ;;
	*) echo unknown ;;
	esac
}

# Loads the NFS client; the kernel loads nfsv3 itself when it mounts.
load_nfs() {
	grep -qw nfs "$PROC/filesystems" 2>/dev/null || modprobe nfs 2>/dev/null
	grep -qw nfs "$PROC/filesystems" 2>/dev/null
}
