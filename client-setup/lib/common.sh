# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What all commands share: messages, names, state files, and readers of /proc.

# Tests put a machine of their own making under this prefix.
ROOT=${ANEMONE_CLIENT_ROOT:-}
PROC=$ROOT/proc
SYS=$ROOT/sys
RUN=$ROOT/run/anemone
STATE=$RUN/.state
CONFIG=$ROOT/etc/anemone/client

SWAPFILE_NAME=swapfile # the one file of every VAI
NFS_PORT=2049          # where an engine answers when rpcbind does not tell
MOUNT_PORT=20048
NAME_MAX=64       # bytes of a VAI's name
MOUNT_LIMIT_S=60  # the longest that mounting may take
PROBE_LIMIT_S=5   # the longest that asking the engine something may take
UMOUNT_LIMIT_S=30 # the longest that unmounting may take
TIMED_OUT=124     # and above: exit status of timeout for what did not end by itself

say() {
	echo "$PROG: $*"
}

warn() {
	echo "$PROG: warning: $*" >&2
}

# refuse WHAT [WHY [DO]]: say what was refused, why, and what to do about it; then stop.
refuse() {
	echo "$PROG: $1" >&2
	[ -z "${2-}" ] || echo "  why: $2" >&2
	[ -z "${3-}" ] || echo "  do:  $3" >&2
	exit 1
}

wrong_usage() {
	echo "$PROG: $1" >&2
	echo "  do:  $PROG --help" >&2
	exit 2
}

have() {
	command -v "$1" >/dev/null 2>&1
}

need_root() {
	[ "$(id -u)" = 0 ] || refuse "cannot $1" "this needs root" "sudo $PROG $1 ..."
}

# run_limited SECONDS COMMAND...: give up on a command that hangs, as NFS may.
run_limited() {
	local limit_s="$1"
	shift
	if have timeout; then
		timeout "$limit_s" "$@"
	else
		"$@"
	fi
}

# is_number TEXT LOW HIGH
is_number() {
	case $1 in
	'' | *[!0-9]* | 0?* | ??????????*) return 1 ;;
	esac
	[ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

# Splits ENGINE:/VAI into engine, engine_address (no brackets) and vai.
split_target() {
	case $1 in
	*:/*) ;;
	*) wrong_usage "'$1' does not look like ENGINE:/VAI" ;;
	esac
	engine=${1%%:/*}
	vai=${1#*:/}
	engine_address=${engine#[}
	engine_address=${engine_address%]}
	case $engine_address in
	'' | -* | .* | *[!A-Za-z0-9.:%_-]*) wrong_usage "'$engine' is no host name or address" ;;
	esac
	case $engine in
	\[*\]) ;;
	*:*) wrong_usage "write an IPv6 address in brackets: [$engine]:/$vai" ;;
	esac
	case $vai in
	'' | -* | .* | *[!A-Za-z0-9._-]*)
		wrong_usage "'$vai' is no name of a VAI (letters, digits, '.', '_', '-')"
		;;
	esac
	[ ${#vai} -le $NAME_MAX ] || wrong_usage "the name of the VAI is longer than $NAME_MAX bytes"
	target=$engine:/$vai
}

# ---- state files: one for each attached VAI, key=value lines, never executed ----

state_file() {
	local engine="" engine_address="" vai="" target=""

	split_target "$1"
	echo "$STATE/$engine_address@$vai.state"
}

# state_get FILE KEY
state_get() {
	local key value

	while IFS='=' read -r key value; do
		if [ "$key" = "$2" ]; then
			echo "$value"
			return 0
		fi
	done <"$1"
	return 1
}

# The target of every VAI that is attached or left behind half attached, one a line.
attached_targets() {
	local file source dir type rest

	for file in "$STATE"/*.state; do
		[ -e "$file" ] && state_get "$file" target
	done
	while read -r source dir type rest; do
		case $type:$dir in
		nfs:"$RUN"/*)
			file=$(state_file "$source" 2>/dev/null)
			[ -z "$file" ] || [ -e "$file" ] || echo "$source"
			;;
		esac
	done <"$PROC/mounts"
}

# One command at a time works on a VAI. The lock is a symbolic link to the owner's process id.
lock_target() {
	local owner

	mkdir -p "$STATE" || refuse "cannot work on $1" "$STATE cannot be made"
	# Whoever could write there could choose what root mounts and unmounts.
	[ -O "$STATE" ] || refuse "cannot work on $1" "$STATE belongs to somebody else" \
		"rm -r $STATE"
	lock=$(state_file "$1").lock
	until ln -s "$$" "$lock" 2>/dev/null; do
		owner=$(readlink "$lock") || continue
		if [ -e "/proc/$owner" ]; then
			lock=
			refuse "cannot work on $1" "process $owner is working on it" \
				"wait for it to end, then try again"
		fi
		rm -f "$lock"
	done
}

unlock_target() {
	[ -z "${lock-}" ] || rm -f "$lock"
	lock=
}

# ---- readers of /proc ----

# The directory where ENGINE:/VAI is mounted; fails if it is not.
mounted_at() {
	local source dir type rest

	while read -r source dir type rest; do
		if [ "$source" = "$1" ] && [ "$type" = nfs ]; then
			echo "$dir"
			return 0
		fi
	done <"$PROC/mounts"
	return 1
}

# mount_field DIR source|options of the topmost mount at DIR; fails if nothing is mounted there.
mount_field() {
	local source dir type options rest found

	found=
	while read -r source dir type options rest; do
		[ "$dir" != "$1" ] || case $2 in
		source) found=$source ;;
		options) found=$options ;;
		esac
	done <"$PROC/mounts"
	[ -z "$found" ] || echo "$found"
	[ -n "$found" ]
}

# Sets swap_size_kib, swap_used_kib and swap_priority of a swap file; fails if it is not in use.
read_swap() {
	local path type size used priority

	while read -r path type size used priority; do
		if [ "$path" = "$1" ]; then
			swap_size_kib=$size
			swap_used_kib=$used
			swap_priority=$priority
			return 0
		fi
	done <"$PROC/swaps"
	return 1
}

# Free KiB in all swap areas but the given one.
other_swap_free_kib() {
	local path type size used rest free

	free=0
	while read -r path type size used rest; do
		case $path in
		Filename | "$1") ;;
		*) free=$((free + size - used)) ;;
		esac
	done <"$PROC/swaps"
	echo $free
}

# meminfo_kib KEY
meminfo_kib() {
	local key value rest

	while read -r key value rest; do
		if [ "$key" = "$1:" ]; then
			echo "$value"
			return 0
		fi
	done <"$PROC/meminfo"
	return 1
}

# read_value FILE: the first line of a /proc or /sys file, nothing if it cannot be read.
read_value() {
	local line

	line=
	if [ -r "$1" ]; then
		read -r line <"$1" || :
	fi
	echo "$line"
}

# ---- the engine, seen from here ----

# The numeric address of a host. Fails with 1 if the name is unknown, with 2 if nothing here can tell.
resolve() {
	local address names name

	case $1 in
	*:*) echo "$1" && return ;;
	*[!0-9.]*) ;;
	*) echo "$1" && return ;;
	esac
	if have getent; then
		address=$(getent hosts "$1") || return 1
		echo "${address%%[[:space:]]*}"
		return
	fi
	[ -r "$ROOT/etc/hosts" ] || return 2
	while read -r address names; do
		for name in $names; do
			[ "$name" != "$1" ] || { echo "$address" && return; }
		done
	done <"$ROOT/etc/hosts"
	return 2
}

# Sets route_device and route_mtu of the way to a host. Fails with 1 if there is none or the name is
# unknown, with 2 if nothing here can tell.
read_route() {
	local words

	route_device='' route_mtu='' route_via='' route_address=''
	have ip || return 2
	route_address=$(resolve "$1") || return
	words=$(ip route get "$route_address" 2>/dev/null)
	# shellcheck disable=SC2086 # the MTU may stand on a second line
	set -- $words
	while [ $# -gt 1 ]; do
		case $1 in
		dev) route_device=$2 ;;
		mtu) route_mtu=$2 ;;
		via) route_via=$2 ;;
		esac
		shift
	done
	[ -n "$route_device" ] || return 1
	[ -n "$route_mtu" ] || route_mtu=$(read_value "$SYS/class/net/$route_device/mtu")
	[ -n "$route_mtu" ] || return 2
}

# port_answers HOST PORT: yes, no, or unknown if there is no tool to tell.
port_answers() {
	local errors

	have nc || { echo unknown && return; }
	if errors=$(run_limited $PROBE_LIMIT_S nc -z -w $PROBE_LIMIT_S "$1" "$2" 2>&1 </dev/null); then
		echo yes
		return
	fi
	case $errors in
	*'invalid option'* | *'nrecognized option'* | *[Uu]sage*) echo unknown ;;
	*) echo no ;;
	esac
}

json_string() {
	printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"
}

# json_number TEXT: null if it is none.
json_number() {
	case $1 in
	'' | *[!0-9-]*) printf null ;;
	*) printf '%s' "$1" ;;
	esac
}
