# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# attach: mount a VAI and swap to its file, or leave everything as it was.

# Over UDP a request must never fill the socket's send buffer (the kernel's client can then wait
# for ever), and all requests in flight must fit the reassembly memory of the other side.
UDP_IO_SIZE=8192

attach_defaults() {
	target='' name='' priority='' proto='' port='' mountport='' mountpoint='' rsize='' wsize=''
	keep_mtu=no
}

# set_attach_option KEY VALUE: one setting, from the command line or a configuration file.
set_attach_option() {
	case $1 in
	priority) is_number "$2" 0 32767 || wrong_usage "priority '$2' is not 0 to 32767" ;;
	port | mountport) is_number "$2" 1 65535 || wrong_usage "$1 '$2' is not 1 to 65535" ;;
	rsize | wsize) is_number "$2" 4096 1048576 || wrong_usage "$1 '$2' is not 4096 to 1048576" ;;
	proto)
		case $2 in
		tcp | udp) ;;
		*) wrong_usage "proto '$2' is neither tcp nor udp" ;;
		esac
		;;
	mountpoint)
		case $2 in
		*[!A-Za-z0-9._/:@%+,=-]*) wrong_usage "mountpoint '$2' has characters other than letters, digits and ._/:@%+,=-" ;;
		/?*) ;;
		*) wrong_usage "mountpoint '$2' does not begin with /" ;;
		esac
		;;
	keep_mtu)
		case $2 in
		yes | no) ;;
		*) wrong_usage "keep_mtu '$2' is neither yes nor no" ;;
		esac
		;;
	target) ;;
	*) return 1 ;;
	esac
	eval "$1=\$2"
}

# Settings of /etc/anemone/client/NAME.conf. Without that file NAME is the target itself, written
# as systemd-escape does, so that a template unit needs no file.
read_named_config() {
	local file="$CONFIG/$1.conf" key value

	case $1 in
	*/* | .* | '') wrong_usage "'$1' is no name of a configuration" ;;
	esac
	if [ ! -e "$file" ]; then
		have systemd-escape && target=$(systemd-escape --unescape -- "$1" 2>/dev/null)
		case $target in
		*:/*) return ;;
		esac
		refuse "cannot use the configuration $1" "there is no $file" \
			"write it, with at least TARGET=ENGINE:/VAI"
	fi
	while IFS='=' read -r key value; do
		case $key in
		'' | '#'*) continue ;;
		*[!A-Z]*) wrong_usage "$file: '$key' is no setting" ;;
		esac
		[ -n "$value" ] || continue
		set_attach_option "$(echo "$key" | tr '[:upper:]' '[:lower:]')" "$value" ||
			wrong_usage "$file: '$key' is no setting"
	done <"$file"
	[ -n "$target" ] || wrong_usage "$file: TARGET is missing"
}

parse_attach() {
	attach_defaults
	while [ $# -gt 0 ]; do
		case $1 in
		--help) usage && exit 0 ;;
		--*=*)
			local option="${1%%=*}" value="${1#*=}"
			shift
			set -- "$option" "$value" "$@"
			;;
		--name)
			[ -n "${2-}" ] || wrong_usage "$1 needs a value"
			read_named_config "$2"
			shift 2
			;;
		--priority | --proto | --port | --mountport | --mountpoint | --rsize | --wsize)
			[ -n "${2-}" ] || wrong_usage "$1 needs a value"
			set_attach_option "${1#--}" "$2"
			shift 2
			;;
		--keep-mtu)
			keep_mtu=yes
			shift
			;;
		-*) wrong_usage "attach has no option $1" ;;
		*)
			[ -z "$target" ] || wrong_usage "one VAI at a time: '$1' is too many"
			target=$1
			shift
			;;
		esac
	done
	[ -n "$target" ] || wrong_usage "attach what? ENGINE:/VAI is missing"
	split_target "$target"
}

# Nothing to do if it is attached already, as long as it is attached as asked for.
attached_already() {
	local file dir old

	file=$(state_file "$target")
	[ -e "$file" ] || return 1
	dir=$(state_get "$file" mountpoint)
	[ "$(mount_field "$dir" source)" = "$target" ] || return 1
	read_swap "$dir/$SWAPFILE_NAME" || return 1
	old=$(state_get "$file" proto)
	if [ -n "$proto" ] && [ "$proto" != "$old" ]; then
		refuse "cannot attach $target over $proto" "it is attached over $old" \
			"$PROG detach $target, then attach it again"
	fi
	if [ -n "$priority" ] && [ "$priority" != "$swap_priority" ]; then
		refuse "cannot attach $target with priority $priority" \
			"it is attached with priority $swap_priority" \
			"$PROG detach $target, then attach it again"
	fi
	if [ -n "$mountpoint" ] && [ "$mountpoint" != "$dir" ]; then
		refuse "cannot attach $target at $mountpoint" "it is attached at $dir" \
			"$PROG detach $target, then attach it again"
	fi
	say "$target is attached already, at $dir"
}

check_machine() {
	local tool

	for tool in mount.nfs:nfs-common swapon:mount swapoff:mount; do
		have "${tool%:*}" || refuse "cannot attach $target" "${tool%:*} is not installed" \
			"apt-get install ${tool#*:}"
	done
	load_nfs || refuse "cannot attach $target" "kernel $RELEASE has no NFS client (module nfs)" \
		"install the full kernel package of your distribution"
	[ "$(nfs_swap_ability)" != no ] || refuse "cannot attach $target" \
		"kernel $RELEASE cannot swap to NFS files (CONFIG_NFS_SWAP is off)" \
		"boot a kernel with CONFIG_NFS_SWAP=y; Debian's own have it"
	if [ "$proto" = udp ] && [ "$(nfs_udp_ability)" = no ]; then
		refuse "cannot attach $target over udp" \
			"the NFS client of kernel $RELEASE is built without UDP" \
			"attach over tcp, or: $PROG udp-module install"
	fi
}

# registered_port PROGRAM: what the engine's rpcbind says, from the listing on standard input.
registered_port() {
	local program version transport number rest

	while read -r program version transport number rest; do
		if [ "$program $version $transport" = "$1 3 $proto" ]; then
			echo "$number"
			return
		fi
	done
}

# With both ports given, neither mount.nfs nor the kernel asks rpcbind.
find_ports() {
	local listing

	listing=
	if [ -z "$port" ] || [ -z "$mountport" ]; then
		have rpcinfo &&
			listing=$(run_limited $PROBE_LIMIT_S rpcinfo -p "$engine_address" 2>/dev/null)
		[ -n "$port" ] || port=$(echo "$listing" | registered_port 100003)
		[ -n "$mountport" ] || mountport=$(echo "$listing" | registered_port 100005)
	fi
	: "${port:=$NFS_PORT}" "${mountport:=$MOUNT_PORT}"
}

check_engine() {
	local number

	read_route "$engine_address"
	[ $? -ne 1 ] || refuse "cannot attach $target" \
		"there is no route to $engine, or the name is unknown" \
		"check the name and the network: ip route get $engine_address"
	find_ports
	[ "$proto" = tcp ] || return 0
	for number in "$mountport" "$port"; do
		[ "$(port_answers "$engine_address" "$number")" != no ] ||
			refuse "cannot attach $target" "$engine does not answer at TCP port $number" \
				"is the engine up (engctl status)? does a firewall stand between?"
	done
}

# ---- the steps; each notes how to undo itself ----

undo_attach() {
	local step

	for step in $undo; do
		case $step in
		swapoff) swapoff "$file" ;;
		umount) unmount_vai "$mountpoint" no ;;
		rmdir) remove_mountpoint "$mountpoint" ;;
		path_mtu) restore_path_mtu ;;
		min_free) restore_min_free ;;
		slots) echo "$old_slots" >"$SYS/module/sunrpc/parameters/udp_slot_table_entries" ;;
		esac || warn "undoing the attach: $step failed"
	done
	undo=
}

attach_exit() {
	local status=$?

	trap - EXIT HUP INT TERM
	undo_attach
	unlock_target
	exit $status
}

prepare_udp() {
	local slots="$SYS/module/sunrpc/parameters/udp_slot_table_entries"

	: "${rsize:=$UDP_IO_SIZE}" "${wsize:=$UDP_IO_SIZE}"
	if [ "$wsize" -lt $UDP_IO_SIZE ] || ! module_loaded anemone_udpfix; then
		modprobe anemone_udpfix 2>/dev/null || warn "module anemone_udpfix is not available:" \
			"a full send buffer can stall swap over UDP for ever ($PROG udp-module install)"
	fi
	old_slots=$(read_value "$slots")
	if is_number "$old_slots" 1 $((UDP_SLOTS - 1)); then
		undo="slots $undo"
		echo $UDP_SLOTS >"$slots" || warn "cannot set $slots to $UDP_SLOTS"
	fi
}

make_mountpoint() {
	local there

	default_dir=$RUN/$engine_address/$vai
	: "${mountpoint:=$default_dir}"
	if there=$(mounted_at "$target") && [ "$there" != "$mountpoint" ]; then
		refuse "cannot attach $target at $mountpoint" "it is mounted at $there" \
			"umount $there, or attach with --mountpoint $there"
	fi
	if there=$(mount_field "$mountpoint" source) && [ "$there" != "$target" ]; then
		refuse "cannot attach $target at $mountpoint" "$there is mounted there" \
			"choose another directory with --mountpoint"
	fi
	made_dir=no
	[ ! -d "$mountpoint" ] || return 0
	if [ "$mountpoint" = "$default_dir" ]; then
		mkdir -p "$RUN/$engine_address"
	fi
	mkdir "$mountpoint" || refuse "cannot attach $target" "$mountpoint cannot be made"
	made_dir=yes
	undo="rmdir $undo"
}

mount_options() {
	local family

	family=
	case $engine in
	\[*\]) family=6 ;;
	esac
	printf 'vers=3,proto=%s,mountproto=%s,port=%s,mountport=%s,' \
		"$proto$family" "$proto$family" "$port" "$mountport"
	printf 'nolock,hard,retry=0,noatime,nosuid,nodev,noexec%s%s' \
		"${rsize:+,rsize=$rsize}" "${wsize:+,wsize=$wsize}"
}

# What an error text of mount.nfs means here.
mount_advice() {
	case $1 in
	*'ccess denied'* | *'ermission denied'* | *'No such file'*)
		echo "the engine has no such VAI for this machine's address; there: engctl vai list"
		;;
	*'ailed to find'*protocol*) echo "there is no /etc/protocols: apt-get install netbase" ;;
	*'rotocol not supported'* | *'nvalid argument'* | *'ncorrect mount option'*)
		echo "$PROG doctor; over udp the kernel may lack NFS over UDP"
		;;
	*) echo "is the engine up (engctl status)? does a firewall stand between? $PROG doctor $engine_address" ;;
	esac
}

mount_vai() {
	local errors status

	[ "$(mount_field "$mountpoint" source)" != "$target" ] || return 0
	undo="umount $undo"
	errors=$(run_limited $MOUNT_LIMIT_S mount.nfs "$target" "$mountpoint" -o "$(mount_options)" 2>&1)
	status=$?
	[ $status -eq 0 ] && return
	[ -n "$errors" ] || errors="mount.nfs ended with status $status"
	refuse "cannot mount $target" "$errors" "$(mount_advice "$errors")"
}

start_swapping() {
	errors=$(swapon ${priority:+-p "$priority"} "$file" 2>&1)
}

# Where memory servers lost their pages, at a power cut say, what was in the file is not known any
# more, and reading it is an error for good: the swap header too. Swapping begins with nothing kept,
# so a new header is all that it takes; made elsewhere, since the file takes it only as a whole page.
renew_header() {
	local new="$STATE/header.$$" status

	run_limited $MOUNT_LIMIT_S dd if="$file" of=/dev/null bs=4096 count=1 >/dev/null 2>&1
	status=$?
	if [ $status -eq 0 ] || [ $status -ge $TIMED_OUT ] || ! have mkswap; then
		return 1
	fi
	warn "the engine has lost the contents of $target, as memory servers did theirs; it gets a new swap header"
	truncate -s "$(stat -c %s "$file")" "$new" && mkswap "$new" >/dev/null 2>&1 &&
		run_limited $MOUNT_LIMIT_S dd if="$new" of="$file" bs=4096 count=1 conv=notrunc,fsync >/dev/null 2>&1
	status=$?
	rm -f "$new"
	return $status
}

swap_on() {
	local errors

	file=$mountpoint/$SWAPFILE_NAME
	run_limited $MOUNT_LIMIT_S test -f "$file" || refuse "cannot swap to $target" \
		"it holds no file '$SWAPFILE_NAME'" "is $engine an Anemone engine?"
	! read_swap "$file" || return 0
	undo="swapoff $undo"
	if ! start_swapping && ! { renew_header && start_swapping; }; then
		undo=${undo#swapoff }
		refuse "cannot swap to $target" "$errors" "$PROG doctor $engine_address; dmesg | tail"
	fi
	read_swap "$file" || refuse "cannot swap to $target" "swapon did nothing" "dmesg | tail"
}

state_text() {
	echo "target=$target"
	echo "engine=$engine_address"
	echo "vai=$vai"
	echo "mountpoint=$mountpoint"
	echo "proto=$proto"
	echo "port=$port"
	echo "mountport=$mountport"
	echo "made_dir=$made_dir"
	echo "attached_at=$(date +%s)"
}

# Written last and at once: a state file always tells of a whole attachment.
write_state() {
	local state

	state=$(state_file "$target")
	if state_text 2>/dev/null >"$state.new" && mv "$state.new" "$state"; then
		return
	fi
	rm -f "$state.new" 2>/dev/null
	refuse "cannot attach $target" "$state cannot be written" "df ${state%/*}"
}

cmd_attach() {
	parse_attach "$@"
	need_root attach
	undo='' lock=''
	trap attach_exit EXIT
	trap 'exit 1' HUP INT TERM
	lock_target "$target"
	if attached_already; then
		return 0
	fi
	: "${proto:=tcp}"
	check_machine
	check_engine
	[ "$proto" = tcp ] || prepare_udp
	limit_path_mtu
	raise_min_free
	make_mountpoint
	mount_vai
	swap_on
	write_state
	undo=
	say "$target is swap now: $((swap_size_kib / 1024)) MiB, priority $swap_priority, $proto, at $mountpoint"
}
