# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# udp-module: build, install and remove the NFS client with UDP (nfs-udp/ does the building).

UDP_CACHE=$ROOT/var/cache/anemone/nfs-udp
MODULE_DIR=$ROOT/lib/modules/$RELEASE/updates/anemone
MODPROBE_CONF=$ROOT/etc/modprobe.d/anemone-nfs-udp.conf

udp_build() {
	local builder="$HERE/nfs-udp/build"

	[ -x "$builder" ] || builder=$LIB/nfs-udp/build
	[ -x "$builder" ] || refuse "cannot build the module" "the build script is not installed"
	"$builder" "$@"
}

# Puts the modules that are on disk now into the running kernel, if nothing uses the old ones.
reload_nfs() {
	if module_loaded nfs && ! modprobe -r anemone_udpfix nfsv3 nfs 2>/dev/null; then
		say "the NFS client is in use: the change takes effect when it is loaded next"
		return
	fi
	modprobe nfs || refuse "cannot load nfs" "modprobe failed" "dmesg | tail"
	[ ! -e "$MODULE_DIR/anemone_udpfix.ko" ] || modprobe anemone_udpfix ||
		warn "cannot load anemone_udpfix; dmesg | tail"
}

udp_install() {
	need_root "install the module"
	udp_build --install "$@" || exit 1
	reload_nfs
	udp_status
}

udp_remove() {
	need_root "remove the module"
	if [ ! -d "$MODULE_DIR" ] && [ ! -e "$MODPROBE_CONF" ]; then
		say "the module is not installed for kernel $RELEASE"
		return
	fi
	rm -rf "$MODULE_DIR" "$UDP_CACHE/$RELEASE"
	# The settings serve the modules of every kernel; they go with the last one.
	ls -d "$ROOT"/lib/modules/*/updates/anemone >/dev/null 2>&1 || rm -f "$MODPROBE_CONF"
	depmod -a "$RELEASE" || warn "depmod failed"
	reload_nfs
	say "removed for kernel $RELEASE"
}

udp_status() {
	local parameters="$SYS/module/anemone_udpfix/parameters"

	if [ -e "$MODULE_DIR/nfs.ko" ]; then
		echo "installed: yes, in $MODULE_DIR"
	elif [ "$(modinfo -F anemone_udp nfs 2>/dev/null)" = y ]; then
		echo "installed: yes, $(modinfo -n nfs)"
	else
		echo "installed: no"
	fi
	if [ -e "$SYS/module/nfs/parameters/anemone_udp" ]; then
		echo "nfs:       loaded, with UDP"
	elif module_loaded nfs; then
		echo "nfs:       loaded, the distribution's own"
	else
		echo "nfs:       not loaded"
	fi
	if [ -d "$parameters" ]; then
		echo "udpfix:    loaded, full buffers $(read_value "$parameters/eagain")," \
			"wake-ups replayed $(read_value "$parameters/replayed")," \
			"sends not watched $(read_value "$parameters/missed")"
	else
		echo "udpfix:    not loaded"
	fi
}

cmd_udp_module() {
	local action="${1-status}"

	[ $# -eq 0 ] || shift
	case $action in
	build) udp_build "$@" ;;
	install) udp_install "$@" ;;
	remove) udp_remove ;;
	status) udp_status ;;
	--help) usage ;;
	*) wrong_usage "udp-module knows build, install, remove and status, not '$action'" ;;
	esac
}
