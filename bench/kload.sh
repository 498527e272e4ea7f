# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sourced, after tests/uml/guest.sh, by guests in which kload measures the appliance: everything
# is in namespaces of one kernel, so that a figure is all that one operation takes, the client's
# part included:
#
#   c client --- e engine --- m1, m2 memory servers        c --- k free for others
#   c --- f echo                    c --- g forward --- f echo
#
# Set before: MTU, PAGES (of a file), ROUNDS, OPS, ONLY (a regular expression of cases; empty: all).
# The working directory has build/bin; modprobe knows the modules; die() ends the guest.
state=/run/anemone
far=10.9.5.2
cases=() # each: case, transport, words for `run`. In this order they are run, round after round.

say() { echo "# $*"; }

# kload NS WORDS...: one command to the load generator; prints what it answers
kload()
{
	# shellcheck disable=SC2016
	in_ns "$1" bash -c 'echo "$*" > /proc/anemone-kload && cat /proc/anemone-kload' - "${@:2}"
}

anm_e() { in_ns e build/bin/engctl -c module "$@"; }
servers_live() { [ "$(anm_e server list --json | grep -c '"live"')" -eq "$1" ]; }

topology()
{
	netns c e m1 m2 k f g &&
		wire c ce 10.9.1.2 e ec 10.9.1.1 "$MTU" &&
		wire e em1 10.9.2.1 m1 me 10.9.2.2 "$MTU" &&
		wire e em2 10.9.3.1 m2 me 10.9.3.2 "$MTU" &&
		wire c ck 10.9.4.2 k kc 10.9.4.1 "$MTU" &&
		wire c cf 10.9.5.1 f fc $far "$MTU" &&
		wire c cg 10.9.6.2 g gc 10.9.6.1 "$MTU" &&
		wire g gf 10.9.7.1 f fg 10.9.7.2 "$MTU" || return 1
	# Memory servers reach the client themselves, as on any switch.
	wire c cm1 10.9.8.2 m1 mc 10.9.8.1 "$MTU" && wire c cm2 10.9.9.2 m2 mc 10.9.9.1 "$MTU" &&
		ip -n m1 route add 10.9.1.2 via 10.9.8.2 && ip -n m2 route add 10.9.1.2 via 10.9.9.2
}

floors_up()
{
	kload f echo dev=fc && kload f echo dev=fg &&
		kload g forward near=gc far=gf local=10.9.7.1 to=10.9.7.2 mac="$(mac f fg)"
}

# knows "COMMAND" OPTION: engctl does
knows()
{
	# shellcheck disable=SC2086
	build/bin/engctl $1 --help | grep -q -e "$2"
}

# vai NAME [OPTION...]: a VAI of the file's size with nothing special but what is named. Not
# zero when engctl does not know an option.
vai()
{
	local option plain=()

	for option in "${@:2}"; do
		[[ $option != --* ]] || knows "vai create" "$option" || return 1
	done
	for option in cache readahead compress same-filled split; do
		if knows "vai create" "--$option" && [[ " $* " != *" --$option "* ]]; then
			plain+=("--$option" off)
		fi
	done
	anm_e vai create "$1" --size $((PAGES / 256))M --client 10.9.1.2 "${plain[@]}" "${@:2}"
}

# pool_up: the engine, two servers
pool_up()
{
	local mb=$((PAGES / 256)) n cache=()

	! knows up --cache-size || cache=(--cache-size $((mb + 32))M)

	modprobe anemone_engine autostart=0 && modprobe anemone_memserver || return 1
	in_ns e build/bin/engctl up --state $state/engine --no-rpcbind "${cache[@]}" || return 1
	for n in 1 2; do
		in_ns m$n build/bin/memctl up --module --state $state/m$n --name m$n \
			--engine 10.9.$((n + 1)).1 --donate $((4 * mb + 8))M || return 1
	done
	await 20 servers_live 2 && vai one && vai two --class critical
}

# ---- cases --------------------------------------------------------------------------------

# add CASE TRANSPORT WORDS...
add()
{
	[[ -z ${ONLY:-} || $1 =~ ^($ONLY)$ ]] || return 0
	cases+=("$*")
}

# with NAME OPTION VALUE FILL: the words for a VAI that has the option, in $file; says what is left out
# when engctl does not know it
with()
{
	if ! vai "$1" "$2" "$3"; then
		echo "LEFTOUT cases of $1: engctl does not know $2"
		return 1
	fi
	file=$(prepare_file 10.9.1.1 "/$1" "fill=$4") || die "no VAI $1"
}

# add_both CASE WORDS...: over UDP and over TCP
add_both() { add "$1" udp "${@:2}"; add "$1" tcp tcp=1 "${@:2}"; }

# Handles, and what the pages hold: every page is written once, in order.
prepare_file() # IP PATH WORDS...
{
	local fh

	fh=$(kload c mount ip="$1" path="$2" name=swapfile) || return 1
	clean "$(kload c run op=write ip="$1" fh="$fh" n="$PAGES" pages="$PAGES" seq=1 "${@:3}")" ||
		return 1
	clean "$(kload c run op=read ip="$1" fh="$fh" n="$PAGES" pages="$PAGES" seq=1)" || return 1
	echo "ip=$1 fh=$fh pages=$PAGES ${*:3}"
}

# clean RESULT: every reply came, once, and was right
clean()
{
	[[ $1 =~ \"error\":0,.*\"lost\":0,\"bad_xid\":0,\"bad_rpc\":0,\"bad_nfs\":0, ]] &&
		[[ $1 =~ \"bad_len\":0,\"bad_data\":0, ]]
}

# Sizes of the real messages, for the floors.
sizes() # OP WORDS...
{
	local r

	r=$(kload c run op="$1" n=1 "${@:2}") && clean "$r" || return 1
	[[ $r =~ \"request_len\":([0-9]+),\"reply_min\":([0-9]+) ]] &&
		echo "req=${BASH_REMATCH[1]} reply=${BASH_REMATCH[2]}"
}

# What the project has, and what stands beside it: echoes.
appliance_cases()
{
	local one two r w echo1 echo2 file

	one=$(prepare_file 10.9.1.1 /one) || die "no VAI one"
	two=$(prepare_file 10.9.1.1 /two) || die "no VAI two"
	# shellcheck disable=SC2086
	r=$(sizes read $one) && w=$(sizes write $one) || die "no sizes"
	say "messages: read $r, write $w"
	echo1="op=echo port=20490 ip=$far" echo2="op=echo port=20490 ip=10.9.6.1"
	add floor-echo udp "$echo1 $r"
	add floor-two-echoes udp "$echo2 $r"
	add floor-echo-write udp "$echo1 $w"
	add floor-two-echoes-write udp "$echo2 $w"
	add_both read-miss "op=read $one"
	add_both write-1 "op=write $one"
	add_both write-2 "op=write $two"
	! with hit --cache on random || add_both read-hit "op=read $file"
	! with split --split on random || add read-split udp "op=read $file"
	if with lz4 --compress on half; then
		add_both write-lz4 "op=write $file"
		add_both read-lz4 "op=read $file"
	fi
	! with same --same-filled on same || add_both read-same-filled "op=read $file"
}

# ---- the run ------------------------------------------------------------------------------

turn() # ROUND WIN CASE TRANSPORT WORDS...
{
	local r

	# shellcheck disable=SC2086
	r=$(kload c run win="$2" n="$OPS" "${@:5}") || r='null'
	echo "RESULT {\"case\":\"$3\",\"transport\":\"$4\",\"mtu\":$MTU,\"outstanding\":$2,\"round\":$1,\"result\":$r}"
}

rounds()
{
	local round win one

	for ((round = 1; round <= ROUNDS; round++)); do
		for win in 1 16; do
			for one in "${cases[@]}"; do
				# shellcheck disable=SC2086
				turn "$round" $win $one
			done
		done
	done
}
