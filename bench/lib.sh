# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the parts of bench/run share. A part is a script in bench/parts; its line "# part: NAME - what"
# is what bench/run --list says. It measures in turns:
#
#	. bench/lib.sh
#	bench_begin NAME
#	bench_lab client:384 engine:256 mem1:1280     the machines, with the appliance and the workloads
#	devices_up anemone nbd                        (devices.sh)
#	for ((r = 1; r <= rounds; r++)); do
#		for d in "${DEVICES[@]}"; do
#			device_on "$d"
#			bench_turn "$d" WORKLOAD "$r" MB COMMAND
#			device_off "$d"
#		done
#	done
#	bench_end
#
# bench/report makes the table. BENCH_QUICK, BENCH_ROUNDS, BENCH_ONLY, BENCH_CLIENT and BENCH_LIMIT are
# options of bench/run.

set -uo pipefail
BENCH_SEED=1
BENCH_CLIENT_DIR=/tmp/anemone-bench # where a user's own client gets the workloads
BENCH_TURN_S=900                    # no turn may take longer
BENCH_KILLED=137                    # exit status
BENCH_RUNS_MAX=3                    # of a turn that is killed
BENCH_WORKLOADS=(quicksort funnelsort testswap nbody thrash blockread costof)
BENCH_SCRIPTS=(quicksorts povray-spheres spheres ns2-aodv)

bench_say() { printf '[%4d s] %s: %s\n' $SECONDS "$bench_part" "$*" >&2; }

bench_die()
{
	bench_say "$*"
	exit 1
}

# bench_begin PART: its turns are kept from here on
bench_begin()
{
	bench_part=$1
	BENCH_TURNS=bench/out/$1.jsonl
	: > "$BENCH_TURNS"
	# shellcheck source=tests/lab/lib.sh
	. tests/lab/lib.sh
	# shellcheck source=tests/lab/knfsd.sh
	. tests/lab/knfsd.sh
	# shellcheck source=tests/appliance.sh
	. tests/appliance.sh
	# shellcheck source=bench/devices.sh
	. bench/devices.sh
}

# bench_pick NORMAL QUICK: one of the two
bench_pick()
{
	if [ -n "$BENCH_QUICK" ]; then
		echo "$2"
	else
		echo "$1"
	fi
}

# bench_rounds NORMAL QUICK
bench_rounds() { echo "${BENCH_ROUNDS:-$(bench_pick "$1" "$2")}"; }

# bench_modules NAME...: modules of the stock kernel that the lab's root has not
bench_modules()
{
	local name file

	for name in "$@"; do
		while read -r file; do
			lab_overlay "$file:/lib/modules/${file#*/lib/modules/}"
		done < <(modprobe -d "$KROOT61" -S "$KREL61" --show-depends "$name" | awk '/^insmod/ { print $2 }')
	done
}

# bench_lab MACHINE...: as lab_up wants them. Other machines than the client are not burdened with
# its files: CLIENT_FILES and SERVER_FILES say what else there is.
bench_lab()
{
	local common m

	bench_machines=("${@%%:*}")
	appliance_overlay
	common=("${LAB_FILES[@]}")
	for m in "$@"; do
		LAB_FILES=("${common[@]}")
		case $m in
		client*)
			lab_overlay "${BENCH_WORKLOADS[@]/#/build/bin/}" "${BENCH_SCRIPTS[@]/#/bench/workloads/}" \
				"${CLIENT_FILES[@]}"
			;;
		mem*) lab_overlay "${SERVER_FILES[@]}" ;;
		esac
		lab_start "$m"
	done
	for m in "${bench_machines[@]}"; do
		lab_wait "$m" || bench_die "$m does not come up"
	done
	on client "depmod -a; echo 32768 > /proc/sys/vm/min_free_kbytes"
	bench_say "machines: $*"
}

# POV-Ray and ns-2 for the client of the lab, with the files that they read.
bench_programs()
{
	local f

	CLIENT_FILES+=("$(command -v povray):/usr/bin/povray" "$(command -v ns):/usr/bin/ns")
	while read -r f; do
		CLIENT_FILES+=("$f:$f")
	done < <(find /etc/povray /usr/share/povray-3.7/povray.ini /usr/share/tcltk/tcl8.6 -type f \
		! -path '*/tzdata/*' ! -path '*/msgs/*' ! -path '*/encoding/*' 2>/dev/null)
}

# The client of a user's own: the workloads go there, and what it swaps to is used.
bench_remote()
{
	make -s -j2 workloads >&2 || bench_die "the workloads do not build"
	bench_machines=()
	tar c -C build/bin "${BENCH_WORKLOADS[@]}" -C "$PWD/bench/workloads" "${BENCH_SCRIPTS[@]}" \
		-C "$PWD/tests/lab/guest" lab-cgroup |
		bench_ssh "mkdir -p $BENCH_CLIENT_DIR && tar x -C $BENCH_CLIENT_DIR" ||
		bench_die "cannot copy the workloads to $BENCH_CLIENT"
	bench_ssh "swapon --show=NAME --noheadings" | grep -q . ||
		bench_die "$BENCH_CLIENT has no swap: anemone-client attach ENGINE:/VAI there first"
}

# shellcheck disable=SC2029 # it is to be expanded here
bench_ssh() { ${BENCH_SSH:-ssh} "$BENCH_CLIENT" "$@"; }

# on_client COMMAND
on_client()
{
	if [ -n "$BENCH_CLIENT" ]; then
		bench_ssh "PATH=$BENCH_CLIENT_DIR:\$PATH; $*"
	else
		on -t $BENCH_TURN_S client "$*"
	fi
}

# bench_cpu: a JSON object with the processor time so far of every machine, nanoseconds
bench_cpu()
{
	local m sep=''

	printf '{'
	for m in "${bench_machines[@]}"; do
		printf '%s"%s":%s' "$sep" "$m" "$(lab_cpu_ns "$m")"
		sep=,
	done
	printf '}'
}

# bench_turn CASE WORKLOAD ROUND MB COMMAND: run it on the client in that much memory (0: all that there is),
# and keep what it took and what it says itself, and what the device CASE says, if it has a hook for that.
# What the kernel kills because its pages do not leave the limited memory soon enough runs again, and is told of.
bench_turn()
{
	local said cpu cost words extra status run=0

	bench_say "round $3: $2 on $1"
	while :; do
		cpu=$(bench_cpu)
		said=$(on_client "$([ "$4" = 0 ] || echo "lab-cgroup $4") costof --output /tmp/turn.out $5 2>/tmp/turn.err ||
			{ s=\$?; tail -n 20 /tmp/turn.err /tmp/turn.out >&2; exit \$s; }; tail -n 1 /tmp/turn.out") && break
		status=$?
		[ $status -eq $BENCH_KILLED ] && [ $((++run)) -lt $BENCH_RUNS_MAX ] || bench_die "$2 on $1 failed ($status)"
		bench_say "$2 on $1: the kernel killed it"
		bench_kills=yes
		printf '{"case":"%s","workload":"%s","killed":%d}\n' "$1" "$2" "$3" >> "$BENCH_TURNS"
	done
	cost=${said%%$'\n'*} words=${said#*$'\n'}
	case $words in
	'{'*) ;;
	*) bench_die "$2 on $1 said: $words" ;;
	esac
	extra=$(device_hook "$1" extra) || bench_die "$2 on $1: its figures are not to be had"
	printf '{"case":"%s","workload":"%s","round":%d,"limit_mb":%d,"command":"%s","cost":%s,"result":%s,"extra":%s,"cpu":[%s,%s]}\n' \
		"$1" "$2" "$3" "$4" "${5//\"/}" "$cost" "$words" "${extra:-null}" "$cpu" "$(bench_cpu)" >> "$BENCH_TURNS"
	python3 bench/report --turn < <(tail -n 1 "$BENCH_TURNS") >&2
}

# bench_left_out CASE REASON: said aloud, and kept for the table
bench_left_out()
{
	bench_say "$1 is left out: $2"
	printf '{"case":"%s","left_out":"%s"}\n' "$1" "$2" >> "$BENCH_TURNS"
}

# bench_end: the machines must be well, then they go
bench_end()
{
	[ -n "$BENCH_CLIENT" ] && return
	printf '{"machine":{"linux":"%s","qemu":"%s","mtu":%d}}\n' "$KREL61" \
		"$("$QEMU" --version | sed -n '1s/.*version \([^ ]*\).*/\1/p')" "$LAB_MTU" >> "$BENCH_TURNS"
	# The kernel's report of a kill has one.
	lab_console_check ${bench_kills:+"Call Trace"} || bench_die "a console shows trouble"
	lab_down
}
