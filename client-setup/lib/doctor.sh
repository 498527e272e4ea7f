# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# doctor: is this machine fit to swap to remote memory? Looks, changes nothing.

JUMBO_MTU=9000
TCP_SLOTS_MIN=128   # requests that one connection must be able to have in flight

# finding LEVEL NAME TEXT [FIX]: one line of the report. LEVEL is ok, warn or fail.
finding() {
	[ "$1" != fail ] || failed=1
	if [ "$json" = yes ]; then
		printf '%s{"check":' "$separator"
		json_string "$2"
		printf ',"result":'
		json_string "$1"
		printf ',"text":'
		json_string "$3"
		printf ',"fix":'
		json_string "${4-}"
		printf '}'
		separator=,
		return
	fi
	printf '%-4s  %-10s  %s\n' "$1" "$2" "$3"
	[ "$1" = ok ] || [ -z "${4-}" ] || printf '%18sfix: %s\n' '' "$4"
}

check_kernel_nfs() {
	if [ "$(nfs_ability)" = yes ]; then
		finding ok nfs "kernel $RELEASE has an NFS client"
	else
		finding fail nfs "kernel $RELEASE has no NFS client" \
			"install the full kernel package of your distribution"
	fi
	case $(nfs_swap_ability) in
	yes) finding ok nfs-swap "the kernel can swap to NFS files" ;;
	no)
		finding fail nfs-swap "the kernel cannot swap to NFS files" \
			"boot a kernel with CONFIG_NFS_SWAP=y; Debian's own have it"
		;;
	*)
		finding warn nfs-swap "cannot tell whether the kernel can swap to NFS files" \
			"load sunrpc and look again, or look for CONFIG_NFS_SWAP in the kernel's configuration"
		;;
	esac
}

check_udp() {
	case $(nfs_udp_ability) in
	yes) ;;
	no)
		finding ok nfs-udp "the NFS client has TCP only, which is enough (udp: $PROG udp-module install)"
		return
		;;
	*)
		finding warn nfs-udp "cannot tell whether the NFS client speaks UDP" \
			"attach over tcp, or try --proto udp"
		return
		;;
	esac
	finding ok nfs-udp "the NFS client speaks UDP"
	if module_loaded anemone_udpfix || modinfo anemone_udpfix >/dev/null 2>&1; then
		finding ok udpfix "the module against lost UDP wake-ups is there"
	else
		finding warn udpfix "the module against lost UDP wake-ups is missing" \
			"$PROG udp-module install"
	fi
	check_udp_slots
}

check_udp_slots() {
	local slots

	slots=$(read_value "$SYS/module/sunrpc/parameters/udp_slot_table_entries")
	if [ -z "$slots" ]; then
		return
	elif [ "$slots" -ge $UDP_SLOTS ]; then
		finding ok udp-slots "$slots requests in flight over UDP"
	else
		finding warn udp-slots "only $slots requests in flight over UDP" \
			"attach --proto udp sets it; or: echo $UDP_SLOTS > /sys/module/sunrpc/parameters/udp_slot_table_entries"
	fi
}

check_tcp_slots() {
	local slots

	slots=$(read_value "$SYS/module/sunrpc/parameters/tcp_max_slot_table_entries")
	if [ -z "$slots" ]; then
		return
	elif [ "$slots" -ge $TCP_SLOTS_MIN ]; then
		finding ok tcp-slots "up to $slots requests in flight over TCP"
	else
		finding warn tcp-slots "at most $slots requests in flight over TCP" \
			"echo 65536 > /sys/module/sunrpc/parameters/tcp_max_slot_table_entries"
	fi
}

check_tools() {
	local tool

	for tool in mount.nfs:nfs-common swapon:mount swapoff:mount; do
		if have "${tool%:*}"; then
			finding ok tool "${tool%:*} is installed"
		else
			finding fail tool "${tool%:*} is not installed" "apt-get install ${tool#*:}"
		fi
	done
}

check_min_free() {
	local now

	now=$(read_value "$MIN_FREE_FILE")
	[ -n "$now" ] || return 0
	if [ "$now" -ge $MIN_FREE_KIB ]; then
		finding ok min-free "vm.min_free_kbytes is $now"
	else
		finding warn min-free "vm.min_free_kbytes is $now: little to send pages with when memory is short" \
			"attach raises it to $MIN_FREE_KIB while a VAI is attached; or sysctl -w vm.min_free_kbytes=$MIN_FREE_KIB"
	fi
}

check_path() {
	read_route "$1"
	case $? in
	1)
		finding fail route "there is no route to $1, or the name is unknown" "ip route get $1"
		return
		;;
	2)
		finding warn route "cannot look at the route to $1" "apt-get install iproute2 libc-bin"
		return
		;;
	esac
	if [ "$route_mtu" -gt $LINEAR_MTU ] && [ "$(scatter_gather "$route_device")" != on ]; then
		finding warn mtu "$route_mtu to $1 by $route_device, which has no scatter-gather, or there is no ethtool to tell" \
			"attach limits the frames to $LINEAR_MTU bytes if it has none; apt-get install ethtool"
	elif [ "$route_mtu" -ge $JUMBO_MTU ]; then
		finding ok mtu "$route_mtu to $1 by $route_device: a page fits one packet"
	else
		finding warn mtu "$route_mtu to $1 by $route_device: a page takes several packets" \
			"where all machines and switches can: ip link set dev $route_device mtu $JUMBO_MTU"
	fi
}

check_engine_ports() {
	local number

	for number in $MOUNT_PORT $NFS_PORT; do
		case $(port_answers "$1" $number) in
		yes) finding ok engine "$1 answers at TCP port $number" ;;
		no)
			finding fail engine "$1 does not answer at TCP port $number" \
				"is the engine up there (engctl status)? other ports? a firewall between?"
			;;
		esac
	done
}

# An attached VAI must be mounted so that its pages outlive a pause of the engine.
check_mount() {
	local dir options option wrong=''

	dir=$(mounted_at "$1") || {
		finding fail mount "$1 was attached and is not mounted" "$PROG detach $1"
		return
	}
	options=$(mount_field "$dir" options)
	for option in hard vers=3; do
		case ",$options," in
		*,"$option",*) ;;
		*) wrong="$wrong $option" ;;
		esac
	done
	case ",$options," in
	*,nolock,* | *,local_lock=all,*) ;;
	*) wrong="$wrong nolock" ;;
	esac
	if [ -z "$wrong" ]; then
		finding ok mount "$1 is mounted with hard, nolock, vers=3"
	else
		finding fail mount "$1 is mounted without:$wrong" "$PROG detach $1, then attach it again"
	fi
	read_swap "$dir/$SWAPFILE_NAME" ||
		finding fail swap "$1 is mounted and not swapped to" "$PROG attach $1"
}

examine() {
	local target

	check_kernel_nfs
	[ "$(nfs_ability)" = no ] || check_udp
	check_tools
	check_min_free
	check_tcp_slots
	if [ -n "$1" ]; then
		check_path "$1"
		check_engine_ports "$1"
	fi
	for target in $(attached_targets); do
		split_target "$target"
		[ "$engine_address" = "$1" ] || check_path "$engine_address"
		check_mount "$target"
	done
}

cmd_doctor() {
	local json=no host='' separator='' failed=0 engine engine_address vai

	while [ $# -gt 0 ]; do
		case $1 in
		--help) usage && exit 0 ;;
		--json) json=yes ;;
		-*) wrong_usage "doctor has no option $1" ;;
		*)
			[ -z "$host" ] || wrong_usage "one engine at a time: '$1' is too many"
			case $1 in
			*:/*) split_target "$1" ;;
			*) split_target "$1:/any" ;;
			esac
			host=$engine_address
			;;
		esac
		shift
	done
	[ $json = no ] || printf '{"checks":['
	examine "$host"
	[ $json = no ] || printf '],"ok":%s}\n' "$([ $failed = 0 ] && echo true || echo false)"
	return $failed
}
