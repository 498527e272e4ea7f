# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The build of nfs.ko with UDP, against the headers and the source package of the stock kernel.

BUILD=$TOP/client-setup/nfs-udp/build

# Sets kdir and tarball to what the lab fetched.
stock_kernel() {
	kdir=$("$TOP/tests/lab/env" KDIR61)
	tarball=$("$TOP/tests/lab/env" LINUX_SOURCE61_TAR)
}

build() {
	status=0
	"$BUILD" "$@" --out "$FAKE/modules.out" >"$FAKE/out" 2>&1 || status=$?
}

refused_build() {
	build "$@"
	expect_status 1
	[ ! -e "$FAKE/modules.out" ] || fail "refused, and yet put modules in place"
}

once_udp_module_builds_and_fits_the_stock_kernel() {
	local kdir tarball

	stock_kernel
	build --kdir "$kdir" --source "$tarball"
	expect_status 0
	expect_output "all 173 exports have the stock module's CRCs"
	[ "$(modinfo -F anemone_udp "$FAKE/modules.out/nfs.ko")" = y ] || fail "nfs.ko is not marked"
	[ "$(modinfo -F depends "$FAKE/modules.out/anemone_udpfix.ko")" = sunrpc ] ||
		fail "anemone_udpfix.ko does not depend on sunrpc"
	modinfo -F parm "$FAKE/modules.out/anemone_udpfix.ko" | grep -q ^replayed: ||
		fail "anemone_udpfix.ko has no counter of replays"
}

# One CRC of the stock module differs: the result must not be called good.
once_udp_module_refuses_other_crcs() {
	local kdir tarball file

	stock_kernel
	mkdir -p "$FAKE/src/kdir"
	for file in "${kdir%/*}"/*; do # headers refer to their neighbours
		ln -s "$file" "$FAKE/src/"
	done
	for file in "$kdir"/* "$kdir"/.[a-z]*; do
		ln -s "$file" "$FAKE/src/kdir/"
	done
	rm "$FAKE/src/kdir/Module.symvers"
	sed '/\tfs\/nfs\/nfs\t/ { s/^0x......../0x12345678/; :rest; n; b rest }' "$kdir/Module.symvers" \
		>"$FAKE/src/kdir/Module.symvers"
	refused_build --kdir "$FAKE/src/kdir" --source "$tarball"
	expect_output "differ from the stock module's"
}

once_udp_module_refuses_source_of_another_version() {
	local kdir tarball

	stock_kernel
	mkdir -p "$FAKE/source/fs/nfs"
	printf 'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 1\n' >"$FAKE/source/Makefile"
	refused_build --kdir "$kdir" --source "$FAKE/source"
	expect_output 'is 6.1.1, but the headers'
	echo 'no archive' >"$FAKE/source.tar.xz"
	refused_build --kdir "$kdir" --source "$FAKE/source.tar.xz"
	refused_build --kdir "$kdir" --source "$FAKE/nothing"
	expect_output 'Install linux-source-6.1'
}

once_udp_module_refuses_missing_headers() {
	refused_build --kdir "$FAKE"
	expect_output 'Install linux-headers-'
	status=0
	"$BUILD" --kdir >"$FAKE/out" 2>&1 || status=$?
	expect_status 1
	expect_output '--kdir needs a value'
	build --no-such-option
	expect_status 2
	client udp-module build --kdir "$FAKE"
	expect_status 1
	expect_output 'no kernel headers'
}

once_udp_module_status_and_remove() {
	client udp-module status
	expect_status 0
	expect_output 'installed: no'
	expect_output 'udpfix:    not loaded'
	client udp-module remove
	expect_status 0
	expect_output 'not installed'
	with_udp
	mkdir -p "$R/lib/modules/6.1.0-fake/updates/anemone" "$R/etc/modprobe.d" \
		"$R/sys/module/anemone_udpfix/parameters"
	touch "$R"/lib/modules/6.1.0-fake/updates/anemone/nfs.ko "$R/etc/modprobe.d/anemone-nfs-udp.conf"
	echo 41 >"$R/sys/module/anemone_udpfix/parameters/replayed"
	client udp-module
	expect_output 'installed: yes'
	expect_output 'wake-ups replayed 41'
	printf '#!/bin/sh\n' >"$FAKE/bin/depmod"
	chmod +x "$FAKE/bin/depmod"
	client udp-module remove
	expect_status 0
	[ ! -e "$R/lib/modules/6.1.0-fake/updates/anemone" ] || fail "the modules are still there"
	[ ! -e "$R/etc/modprobe.d/anemone-nfs-udp.conf" ] || fail "the settings are still there"
}
