# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# status: what is attached, and whether it still is what attach left.

# Sets the variables that both outputs show, for one target.
read_attachment() {
	local file

	file=$(state_file "$1")
	if [ -e "$file" ]; then
		dir=$(state_get "$file" mountpoint)
		proto=$(state_get "$file" proto)
	else
		dir=$(mounted_at "$1")
		proto=
	fi
	swap_size_kib='' swap_used_kib='' swap_priority=''
	if [ "$(mount_field "$dir" source)" != "$1" ]; then
		condition='not mounted'
	elif ! read_swap "$dir/$SWAPFILE_NAME"; then
		condition='mounted, not swapping'
	elif [ ! -e "$file" ]; then
		condition='swapping, not recorded'
	else
		condition=swapping
	fi
	[ "$condition" = swapping ] || status=1
}

status_json() {
	local target separator=''

	printf '{"attached":['
	for target in $(attached_targets); do
		read_attachment "$target"
		printf '%s{"target":' "$separator"
		json_string "$target"
		printf ',"state":'
		json_string "$condition"
		printf ',"mountpoint":'
		json_string "$dir"
		printf ',"proto":'
		json_string "$proto"
		printf ',"priority":'
		json_number "$swap_priority"
		printf ',"size_kib":'
		json_number "$swap_size_kib"
		printf ',"used_kib":'
		json_number "$swap_used_kib"
		printf '}'
		separator=,
	done
	printf ']}\n'
}

mib() {
	[ -z "$1" ] || echo "$(($1 / 1024)) MiB"
}

status_text() {
	local target format='%-24s %-22s %-5s %-4s %10s %10s  %s\n'
	local targets

	targets=$(attached_targets)
	if [ -z "$targets" ]; then
		echo "No VAI is attached."
		return
	fi
	# shellcheck disable=SC2059 # one format for all lines
	printf "$format" VAI STATE PROTO PRIO SIZE USED MOUNTPOINT
	for target in $targets; do
		read_attachment "$target"
		# shellcheck disable=SC2059
		printf "$format" "$target" "$condition" "${proto:--}" "${swap_priority:--}" \
			"$(mib "$swap_size_kib")" "$(mib "$swap_used_kib")" "$dir"
	done
}

cmd_status() {
	local json=no status=0 dir proto condition

	while [ $# -gt 0 ]; do
		case $1 in
		--help) usage && exit 0 ;;
		--json) json=yes ;;
		*) wrong_usage "status takes no '$1'" ;;
		esac
		shift
	done
	if [ $json = yes ]; then
		status_json
	else
		status_text
	fi
	return $status
}
