# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# detach: bring the pages of a VAI back, stop swapping to it, unmount it.

DETACH_MARGIN_KIB=16384 # memory that must stay free when all pages are back
PROGRESS_S=5            # seconds between two lines of progress, where it is no terminal

# Refuses to swap off what does not fit: the machine would start to kill processes.
check_memory() {
	local available room margin

	available=$(meminfo_kib MemAvailable) || return 0
	room=$((available + $(other_swap_free_kib "$1")))
	# A small machine may never have the full margin free; a few pages must not need it.
	margin=$DETACH_MARGIN_KIB
	[ "$swap_used_kib" -ge $margin ] || margin=$swap_used_kib
	[ $((swap_used_kib + margin)) -gt $room ] || return 0
	refuse "cannot detach $target" \
		"$((swap_used_kib / 1024)) MiB are swapped out to it, and only $((room / 1024)) MiB of memory and other swap are free" \
		"end some programs, add other swap, or use --force (the kernel may kill programs)"
}

show_progress() {
	if [ -t 1 ]; then
		printf '\r%s: %s: %d MiB to bring back ' "$PROG" "$target" $((swap_used_kib / 1024))
	elif [ $((progress_ticks % PROGRESS_S)) -eq 0 ]; then
		say "$target: $((swap_used_kib / 1024)) MiB to bring back"
	fi
	progress_ticks=$((progress_ticks + 1))
}

# Interrupted: the kernel takes the area back into use when its swapoff is signalled.
stop_swapoff() {
	trap - HUP INT TERM
	kill "$swapoff_pid" 2>/dev/null
	wait "$swapoff_pid" 2>/dev/null
	unlock_target
	refuse "stopped" "$target is still attached" ""
}

# Another process, such as systemd at shutdown, may be bringing the same pages back.
wait_for_other_swapoff() {
	local before

	while read_swap "$1"; do
		before=$swap_used_kib
		sleep 2
		read_swap "$1" || return 0
		[ "$swap_used_kib" -lt "$before" ] || return 1
	done
}

swap_off() {
	local file="$1" errors status reason

	read_swap "$file" || return 0
	[ "$force" = yes ] || check_memory "$file"
	errors=$STATE/swapoff.$$
	progress_ticks=1
	swapoff "$file" >"$errors" 2>&1 &
	swapoff_pid=$!
	trap stop_swapoff HUP INT TERM
	sleep 0.1
	while kill -0 "$swapoff_pid" 2>/dev/null; do
		sleep 1
		read_swap "$file" && show_progress
	done
	wait "$swapoff_pid"
	status=$?
	trap - HUP INT TERM
	[ ! -t 1 ] || [ $progress_ticks -eq 1 ] || echo
	reason=$(tail -n 1 "$errors")
	rm -f "$errors"
	if [ $status -eq 0 ] || wait_for_other_swapoff "$file"; then
		return 0
	fi
	refuse "cannot detach $target" "${reason:-swapoff ended with status $status}" \
		"end some programs, then try again; it is still attached"
}

# unmount_vai DIR FORCE. mount.nfs's own umount tells the engine, busybox's does not.
unmount_vai() {
	local unmount="umount"

	mount_field "$1" source >/dev/null || return 0
	! have umount.nfs || unmount="umount.nfs"
	if run_limited $UMOUNT_LIMIT_S "$unmount" "$1" >/dev/null 2>&1 ||
		! mount_field "$1" source >/dev/null; then
		return 0
	fi
	[ "$2" = yes ] && umount -f -l "$1"
}

# octal_be32 NUMBER: its four bytes as escapes of printf.
octal_be32() {
	printf '\\%03o\\%03o\\%03o\\%03o' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255))
}

# Tell the engine that the VAI is unmounted: MOUNT v3 UMNT over TCP (RFC 1813, appendix I). umount.nfs
# does so only where the engine's rpcbind answers, and until it is told the engine takes the VAI to be
# in use. bash, because it can open a connection.
tell_unmounted() {
	local path="/$vai" pad message word

	have bash || return 0
	pad=$((3 - (${#path} + 3) % 4))
	message=
	# Record mark; xid, call, RPC 2, MOUNT, version 3, UMNT, no credentials, no verifier; the path.
	for word in $((0x80000000 | (44 + ${#path} + pad))) $$ 0 2 100005 3 3 0 0 0 0 ${#path}; do
		message=$message$(octal_be32 "$word")
	done
	message=$message$path
	while [ $pad -gt 0 ]; do
		message="$message\\000"
		pad=$((pad - 1))
	done
	# shellcheck disable=SC2016 # bash expands them
	run_limited $PROBE_LIMIT_S bash -c \
		'exec 3<>"/dev/tcp/$1/$2" && printf "$3" >&3 && head -c 28 <&3 >/dev/null' \
		bash "$engine_address" "$1" "$message" 2>/dev/null ||
		warn "the engine could not be told; there, delete the VAI with --force"
}

remove_mountpoint() {
	rmdir "$1" || return 1
	case $1 in
	"$RUN"/*/*) rmdir "${1%/*}" 2>/dev/null || : ;; # another VAI of the same engine may be there
	esac
}

# Detaches $target as far as it is attached; nothing to do is no error.
detach_target() {
	local state dir number

	split_target "$target"
	lock_target "$target"
	trap unlock_target EXIT
	state=$(state_file "$target")
	if [ -e "$state" ]; then
		dir=$(state_get "$state" mountpoint)
		number=$(state_get "$state" mountport)
	elif ! dir=$(mounted_at "$target"); then
		say "$target is not attached"
		unlock_target
		return
	fi
	swap_off "$dir/$SWAPFILE_NAME"
	unmount_vai "$dir" "$force" || refuse "cannot unmount $dir" \
		"something uses it, or the engine does not answer" \
		"see who: fuser -vm $dir; then detach again (--force unmounts it in any case)"
	if [ ! -e "$state" ] || [ "$(state_get "$state" made_dir)" = yes ]; then
		case $dir in
		"$RUN"/*) [ ! -d "$dir" ] || remove_mountpoint "$dir" ;;
		*) [ ! -e "$state" ] || [ ! -d "$dir" ] || rmdir "$dir" ;;
		esac || warn "cannot remove $dir"
	fi
	rm -f "$state"
	tell_unmounted "${number:-$MOUNT_PORT}"
	restore_path_mtu
	restore_min_free
	unlock_target
	say "$target is detached"
}

# The target that a directory belongs to.
target_of_dir() {
	local file source

	for file in "$STATE"/*.state; do
		[ -e "$file" ] || continue
		if [ "$(state_get "$file" mountpoint)" = "$1" ]; then
			state_get "$file" target
			return
		fi
	done
	source=$(mount_field "$1" source) || refuse "cannot detach $1" "no VAI is attached there" \
		"$PROG status"
	echo "$source"
}

# Without a name: the only one, if there is only one.
choose_target() {
	local all count

	all=$(attached_targets)
	count=$(echo "$all" | grep -c .)
	[ "$count" -le 1 ] || refuse "cannot choose what to detach" \
		"$count VAIs are attached: $(echo "$all" | tr '\n' ' ')" "name one, or use --all"
	echo "$all"
}

parse_detach() {
	attach_defaults
	all=no force=no
	while [ $# -gt 0 ]; do
		case $1 in
		--help) usage && exit 0 ;;
		--all) all=yes ;;
		--force) force=yes ;;
		--name)
			[ -n "${2-}" ] || wrong_usage "$1 needs a value"
			read_named_config "$2"
			shift
			;;
		-*) wrong_usage "detach has no option $1" ;;
		*)
			[ -z "$target" ] || wrong_usage "'$1' is too many; use --all for every VAI"
			target=$1
			;;
		esac
		shift
	done
	[ "$all" = no ] || [ -z "$target" ] || wrong_usage "either --all or one VAI"
}

cmd_detach() {
	local status=0 one

	parse_detach "$@"
	need_root detach
	if [ "$all" = yes ]; then
		for one in $(attached_targets); do
			# In a process of its own, so that a refusal does not stop the others.
			(target=$one && detach_target) || status=1
		done
		return $status
	fi
	case $target in
	'') target=$(choose_target) || exit 1 ;;
	/*) target=$(target_of_dir "$target") || exit 1 ;;
	esac
	if [ -z "$target" ]; then
		say "nothing is attached"
		return
	fi
	detach_target
}
