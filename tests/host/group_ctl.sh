# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# engctl: what it refuses and how, its output, who may do what, its pages.

# refused NAME STATUS TEXT ARGUMENT...: engctl ends with STATUS and says TEXT on standard error
refused() {
	local name=$1 want=$2 text=$3 status

	shift 3
	ctl "$@" >"$WORK/stdout" 2>"$WORK/err"
	status=$?
	[ $status -eq "$want" ] && grep -qF -- "$text" "$WORK/err" &&
		grep -q '^engctl: ' "$WORK/err" && [ ! -s "$WORK/stdout" ]
	verdict "ctl_$name" $? "exit status $status, said: $(cat "$WORK/err")"
}

group_ctl_refusals() {
	local name64 client="--client 127.0.0.1"

	name64=$(printf 'n%.0s' {1..64})
	appliance || return
	# shellcheck disable=SC2086
	{
		refused size_missing 2 '--size' vai create x $client
		refused client_missing 2 '--client' vai create x --size 1M
		refused name_missing 2 'name of a VAI' vai create --size 1M $client
		refused size_word 1 'not a size' vai create x --size lots $client
		refused size_negative 1 'not a size' vai create x --size=-4M $client
		refused size_empty 1 'not a size' vai create x --size '' $client
		refused size_zero 1 'the least' vai create x --size 0 $client
		refused size_small 1 'the least' vai create x --size 4096 $client
		refused size_odd 1 'multiple of 4096' vai create x --size 1000001 $client
		refused size_huge 1 'at most' vai create x --size 1P $client
		refused size_past_64_bits 1 'too large' vai create x --size 99999999999P $client
		refused name_over_64 1 '65 bytes long' vai create "${name64}n" --size 1M $client
		refused name_slash 1 'only letters' vai create a/b --size 1M $client
		refused name_blank 1 'only letters' vai create 'a b' --size 1M $client
		refused name_utf8 1 'only letters' vai create 'vä' --size 1M $client
		refused name_empty 2 'empty' vai create '' --size 1M $client
		refused client_word 1 'not the IPv4 or IPv6 address' vai create x --size 1M --client me
		refused client_mask 1 'not the IPv4' vai create x --size 1M --client 10.0.0.0/8
		refused client_any 1 'not the IPv4' vai create x --size 1M --client 0.0.0.0
		refused client_any6 1 'not the IPv4' vai create x --size 1M --client ::
		refused class 1 'normal' vai create x --size 1M $client --class golden
		refused uuid 1 'not a UUID' vai create x --size 1M $client --uuid 1234
		refused p4_larger_than_pool 1 'not created' vai create x --size 65M $client
		refused p4_copies_count 1 'not created' vai create x --size 33M $client --class critical
		refused show_unknown 1 'no VAI "nope"' vai show nope
		refused delete_unknown 1 'nope' vai delete nope
		refused unknown_command 2 'no such command' vai frobnicate x
		refused unknown_option 2 'does not take' status --size 1M
		refused extra_argument 2 'unexpected argument' vai list all
	}
	ctl vai create "$name64" --size 1M --client 127.0.0.1 >/dev/null
	verdict ctl_name_of_64 $?
	refused duplicate 1 'exists' vai create "$name64" --size 1M --client 127.0.0.1
	ctl vai create v6 --size 1M --client 2001:db8::7 --json | grep -q '"client": "2001:db8::7"'
	verdict ctl_ipv6_client $?
	"$BIN/engctl" --control "$WORK/nobody.sock" 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'no daemon listens' "$WORK/err"
	verdict ctl_no_daemon $?
	"$BIN/engctl" --frobnicate 2>/dev/null
	[ $? -eq 2 ]
	verdict ctl_bad_option $?
	[ "$(ctl vai list --json | grep -c '"name"')" = 2 ]
	verdict ctl_refusals_left_nothing_behind $?
}

group_ctl_without_server() {
	start_engine || return
	refused p4_vai_without_a_server 1 'not created' vai create x --size 1M --client 127.0.0.1
	ctl server list | grep -q 'No memory server'
	verdict ctl_empty_server_list $?
	ctl vai list | grep -q 'no VAIs'
	verdict ctl_empty_vai_list $?
}

group_ctl_output() {
	local n

	appliance || return
	ctl vai create out --size 1M --client 127.0.0.1 --class critical >/dev/null
	ctl | grep -q '^engine .* up ' && [ "$(ctl | grep -c '^mem.* live$')" = 2 ]
	verdict ctl_no_argument_shows_status $?
	for n in status 'vai list' 'vai show out' 'server list'; do
		# shellcheck disable=SC2086
		ctl $n --json | python3 -m json.tool >/dev/null
		verdict "ctl_json_${n// /_}" $?
	done
	ctl --json vai show out | grep -q '"class": "critical"'
	verdict ctl_json_before_the_command $?
	[ "$(field reserved_pages)" = 512 ]
	verdict ctl_critical_reserves_two_copies $?
	if ctl | grep -q $'\033'; then false; else true; fi
	verdict ctl_no_colours_into_a_pipe $?
	# many objects: more than one packet, and a reader slower than the engine
	for n in $(seq 40); do
		ctl vai create "m$n" --size 40K --client 127.0.0.1 >/dev/null || break
	done
	[ "$(ctl vai list --json | grep -c '"name"')" = 41 ]
	verdict ctl_dump_of_many $?
}

group_ctl_monitor() {
	local i

	appliance || return
	"$BIN/engctl" --control "$SOCK" monitor --json >"$WORK/events" 2>/dev/null &
	pids[monitor]=$!
	sleep 0.5
	ctl vai create seen --size 1M --client 127.0.0.1 >/dev/null
	"$IO/rpc_udp" handle "$nfs" "$mnt" seen >/dev/null
	ctl vai delete seen --force >/dev/null
	stop mem2 KILL
	await 10 grep -q server-dead "$WORK/events"
	for i in vai-created vai-mounted vai-deleted server-dead; do
		grep -q "\"event\":\"$i\"" "$WORK/events"
		verdict "ctl_monitor_$i" $? "$(cat "$WORK/events")"
	done
}

group_ctl_down() {
	local pid

	appliance || return
	pid=${pids[engine]}
	ctl vai create used --size 1M --client 127.0.0.1 >/dev/null
	"$IO/rpc_udp" handle "$nfs" "$mnt" used >/dev/null
	refused p9_down_while_in_use 1 'in use' down --state "$WORK/engine"
	kill -0 "$pid" 2>/dev/null
	verdict ctl_refused_down_leaves_the_engine_up $?
	ctl down --force --state "$WORK/engine" >/dev/null
	verdict ctl_down_forced $?
	wait "$pid"
	verdict ctl_daemon_ends_well $?
	unset 'pids[engine]'
	[ ! -e "$SOCK" ]
	verdict ctl_socket_is_removed $?
}

group_ctl_up_daemon() {
	ctl up --daemon --nfs-port 0 --mount-port 0 --amp-port 0 --state "$WORK/engine" \
		--listen 127.0.0.1 --no-rpcbind >/dev/null
	verdict ctl_up_daemon $?
	ctl status | grep -q 'serves *127.0.0.1'
	verdict ctl_up_hands_options_on $?
	refused up_twice 1 'up already' up --daemon --state "$WORK/engine"
	"$BIN/anemone-engined" --control "$SOCK" --state "$WORK/engine" --nfs-port 0 --mount-port 0 \
		--amp-port 0 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'another daemon' "$WORK/err"
	verdict daemon_twice_on_one_socket $? "$(cat "$WORK/err")"
	ctl down --state "$WORK/engine" >/dev/null
	verdict ctl_down $?
	refused up_bad_port 2 'not a port' up --daemon --nfs-port 70000
	refused up_bad_address 2 'not an address' up --daemon --listen nowhere
}

# as_nobody COMMAND...
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

group_ctl_unprivileged() {
	local dir=$WORK/nobody

	if [ "$(id -u)" -ne 0 ]; then
		echo "# not root: who may do what is not tested"
		return
	fi
	chmod 755 "$WORK"
	install -d -o 65534 -g 65534 "$dir"
	cp "$BIN/anemone-engined" "$BIN/engctl" "$dir"
	start_engine || return
	as_nobody "$dir/engctl" --control "$SOCK" status >/dev/null
	verdict p5_anyone_may_look $?
	as_nobody "$dir/engctl" --control "$SOCK" down 2>"$WORK/err"
	[ $? -eq 1 ] && grep -q 'only root' "$WORK/err"
	verdict p5_others_may_not_change $? "$(cat "$WORK/err")"
	stop engine

	# not by the function: the number must be the daemon's, to end it by
	setpriv --reuid=65534 --regid=65534 --clear-groups "$dir/anemone-engined" --control "$dir/s" \
		--state "$dir/state" --nfs-port 0 --mount-port 0 --amp-port 0 2>"$WORK/nobody.log" &
	pids[nobody]=$!
	await 10 as_nobody "$dir/engctl" --control "$dir/s" status
	verdict daemon_runs_unprivileged $?
	grep -q 'memory is not locked' "$WORK/nobody.log"
	verdict daemon_says_that_memory_is_not_locked $?
	as_nobody "$dir/engctl" --control "$dir/s" vai create x --size 1M --client 127.0.0.1 \
		2>"$WORK/err"
	grep -q 'not created' "$WORK/err" && ! grep -q 'only root' "$WORK/err"
	verdict p5_the_daemons_own_user_may_change $? "$(cat "$WORK/err")"
}

# long_options: of a help text on standard input, one a line
long_options() {
	grep -oE -- '--[a-z][a-z-]+' | sort -u
}

# man_options PAGE: those of a manual page, marked with .Fl
man_options() {
	grep -oE -- '(Fl|,) -[a-z][a-z-]+' "$1" | sed -E 's/.* -/--/' | sort -u
}

all_help() {
	"$BIN/$1" --help
	[ "$1" = engctl ] || return
	for c in status up down 'vai create' 'vai set' 'vai list' 'vai show' 'vai delete' 'vai resize' \
		'vai discard' 'server list' 'server show' 'server drain' 'server remove' monitor \
		save restore 'vai forget-unknown'; do
		# shellcheck disable=SC2086
		"$BIN/engctl" $c --help
	done
}

group_manual() {
	local p page

	for p in engctl anemone-engined memctl anemone-memserverd; do
		page=$TOP/docs/man/$p.8
		[ -e "$page" ] || {
			not_ok "manual_$p" "there is no $page"
			continue
		}
		diff <(all_help "$p" | long_options) <(man_options "$page") >"$WORK/diff"
		verdict "manual_${p}_lists_the_options_of_help" $? "$(tr '\n' ' ' <"$WORK/diff")"
		"$BIN/$p" --version | grep -qE "^$p [0-9]+\.[0-9]+"
		verdict "version_$p" $?
	done
}
