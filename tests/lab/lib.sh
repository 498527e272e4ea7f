# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Machines for tests: QEMU guests with Debian's stock cloud kernel on one
# Ethernet segment.  A test sources this file and reads like this:
#
#	. tests/lab/lib.sh
#	lab_overlay build/bin/thrash engine/kmod/anemone_engine.ko
#	lab_up client engine mem1 mem2:1024
#	on engine insmod /lib/modules/lab/anemone_engine.ko
#	on client 'lab-cgroup 100 thrash --size 150'
#	lab_console_check
#	lab_down
#
# Everything ends with the shell that sourced the file, however it ends.
#
# Settings (environment):
#   KERNEL       6.1 (default) or 6.12
#   LAB_MTU      1500 or 9000 (default 1500)
#   LAB_ACCEL    QEMU's -accel (default tcg,thread=multi)
#   LAB_ICOUNT   QEMU's -icount (default none)
#   LAB_APPEND   more kernel arguments for every guest
#   LAB_DISK     an ext4 image with a Debian of its own: machines start from it, not from the lab's
#                root; it has to start /usr/sbin/lab-agent, and is written to
#   LAB_TIMEOUT  seconds a command may take in a guest (default 600)
#   LAB_RUN      run directory; given: it is kept, and the machines outlive the shell
#   LAB_KEEP     1: keep the run directory (it is kept anyway after a failure)

LAB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_MTU=${LAB_MTU:-1500}
LAB_ACCEL=${LAB_ACCEL:-tcg,thread=multi}
LAB_TIMEOUT=${LAB_TIMEOUT:-600}
LAB_BOOT_TIMEOUT=${LAB_BOOT_TIMEOUT:-180}
LAB_STOP_TIMEOUT=20
LAB_FILES=()
LAB_ATEXIT=()
declare -gA LAB_QEMU=()
LAB_PERSISTENT=${LAB_RUN:+1}

lab_log() { echo "lab: $*" >&2; }
lab_die() { lab_log "$*"; exit 1; }

# ---- set up and tear down ---------------------------------------------------

_lab_init()
{
	local paths

	[ -z "${_lab_ready:-}" ] || return 0
	paths=$("$LAB_DIR/env") || lab_die "the cache could not be filled"
	eval "$paths"
	export GUEST_USERLAND
	LAB_TOOLS=$("$LAB_DIR/tools") || lab_die "the lab's tools do not build"
	export AGENT=$LAB_TOOLS/agent
	case ${KERNEL:-6.1} in
	6.1) _lab_image=$KERNEL61 _lab_kroot=$KROOT61 _lab_krel=$KREL61 ;;
	6.12) _lab_image=$KERNEL612 _lab_kroot=$KROOT612 _lab_krel=$KREL612 ;;
	*) lab_die "KERNEL=$KERNEL: 6.1 or 6.12" ;;
	esac
	LAB_RUN=${LAB_RUN:-$(mktemp -d "${TMPDIR:-/tmp}/anemone-lab.XXXXXX")}
	mkdir -p "$LAB_RUN"
	LAB_RUN=$(cd "$LAB_RUN" && pwd)
	if [ -z "$LAB_PERSISTENT" ]; then
		# Even SIGKILL of this shell leaves nothing running.
		setsid "$LAB_TOOLS/labctl" guard $$ "$LAB_RUN" </dev/null >/dev/null 2>&1 9>&- &
		echo $! > "$LAB_RUN/guard.pid"
		disown
		trap _lab_exit EXIT
		trap 'exit 130' INT
		trap 'exit 143' TERM HUP
	fi
	_lab_ready=1
}

# A command for the end of the test, before the machines go.
lab_atexit() { LAB_ATEXIT+=("$*"); }

_lab_exit()
{
	local status=$? c

	set +e
	trap '' INT TERM HUP
	for c in "${LAB_ATEXIT[@]}"; do
		eval "$c" || true
	done
	if [ $status -ne 0 ] && [ -d "$LAB_RUN" ]; then
		LAB_KEEP=1
		_lab_console_tails
	fi
	lab_down
	exit $status
}

_lab_console_tails()
{
	local f

	for f in "$LAB_RUN"/*.console; do
		[ -s "$f" ] || continue
		lab_log "end of ${f##*/}:"
		tail -n 15 "$f" | tr -d '\r' >&2
	done
	lab_log "the whole is kept in $LAB_RUN"
}

# End all machines, the switch and the guard; delete the run directory.
lab_down()
{
	local f

	[ -n "${LAB_RUN:-}" ] && [ -d "$LAB_RUN" ] || return 0
	for f in "$LAB_RUN"/*.pid; do
		[ "$f" = "$LAB_RUN/guard.pid" ] || _lab_end "$f" TERM
	done
	_lab_end "$LAB_RUN/guard.pid" KILL
	if [ -n "$LAB_PERSISTENT" ] || [ "${LAB_KEEP:-}" != 1 ]; then
		rm -rf "$LAB_RUN"
	fi
	_lab_ready=
	[ -n "$LAB_PERSISTENT" ] || LAB_RUN=
}

# _lab_pid FILE: the process of a pid file if it still is ours
_lab_pid()
{
	local pid

	[ -s "$1" ] || return 1
	read -r pid < "$1" || return 1
	# The process may end while it is looked at.
	{ tr '\0' '\n' < "/proc/$pid/cmdline" | grep -qF "$LAB_RUN"; } 2>/dev/null || return 1
	echo "$pid"
}

# End the process of a pid file: SIGTERM first, SIGKILL if that is not heard.
_lab_end()
{
	local pid i

	if pid=$(_lab_pid "$1"); then
		kill "-$2" "$pid" 2>/dev/null || true
		for ((i = 0; i < 100; i++)); do
			_lab_pid "$1" >/dev/null || break
			[ $i -ne 60 ] || kill -KILL "$pid" 2>/dev/null || true
			sleep 0.05
		done
	fi
	rm -f "$1"
}

# lab_overlay SRC[:DST]...: put files of the project into the guests that start
# from now on: .ko files in /lib/modules/lab, others in /usr/local/sbin.
lab_overlay()
{
	local spec

	for spec in "$@"; do
		[ -e "${spec%%:*}" ] || lab_die "no ${spec%%:*} to put into the guests"
		LAB_FILES+=("$spec")
	done
}

# lab_qemu NAME ARGUMENT...: more of QEMU's arguments for the machine when it starts, a disk say
lab_qemu() { LAB_QEMU[$1]+=" ${*:2}"; }

# ---- machines ---------------------------------------------------------------

# lab_addr NAME: the machine's IPv4 address
lab_addr()
{
	case $1 in
	engine) echo 10.77.0.1 ;;
	mem[1-8]) echo "10.77.0.$((10 + ${1#mem}))" ;;
	client) echo 10.77.0.101 ;;
	client[1-8]) echo "10.77.0.$((100 + ${1#client}))" ;;
	*) lab_die "machine $1: engine, mem1-mem8, client, client2-client8" ;;
	esac
}

lab_mac() { printf '52:54:00:4d:00:%02x\n' "$(lab_addr "$1" | cut -d. -f4)"; }

# Megabytes of a machine that does not say.
_lab_memory()
{
	case $1 in
	client*) echo 256 ;;
	*) echo 512 ;;
	esac
}

# lab_up NAME[:MB[:CPUS]]...: start the machines and wait until all answer.
lab_up()
{
	local spec name began=$SECONDS

	for spec in "$@"; do
		lab_start "$spec"
	done
	for spec in "$@"; do
		name=${spec%%:*}
		lab_wait "$name"
	done
	lab_log "${*%%:*} up after $((SECONDS - began)) s (Linux $_lab_krel, MTU $LAB_MTU)"
}

# lab_start NAME[:MB[:CPUS]]: start one machine, do not wait for it.
lab_start()
{
	local name mb cpus base initrd

	IFS=: read -r name mb cpus <<< "$1"
	lab_addr "$name" >/dev/null || exit 1
	_lab_init
	_lab_switch
	! lab_running "$name" || lab_die "$name runs already"
	if [ -n "${LAB_DISK:-}" ]; then
		initrd=$("$LAB_DIR/mkinitramfs" disk "$_lab_kroot" "$_lab_krel") || exit 1
		_lab_qemu "$name" "${mb:-$(_lab_memory "$name")}" "${cpus:-1}" "$initrd"
		return
	fi
	base=$("$LAB_DIR/mkinitramfs" base "$_lab_kroot" "$_lab_krel") || exit 1
	initrd=$base
	if [ ${#LAB_FILES[@]} -gt 0 ]; then
		initrd=$LAB_RUN/$name.initrd
		cat "$base" "$("$LAB_DIR/mkinitramfs" overlay "$base" "${LAB_FILES[@]}")" > "$initrd" ||
			exit 1
	fi
	_lab_qemu "$name" "${mb:-$(_lab_memory "$name")}" "${cpus:-1}" "$initrd"
}

_lab_switch()
{
	! _lab_pid "$LAB_RUN/switch.pid" >/dev/null || return 0
	setsid "$LAB_TOOLS/switch" "$LAB_RUN/switch.sock" "$LAB_RUN/switch.ctl" \
		</dev/null >"$LAB_RUN/switch.log" 2>&1 9>&- &
	echo $! > "$LAB_RUN/switch.pid"
	disown
	for ((i = 0; i < 100; i++)); do
		[ ! -S "$LAB_RUN/switch.sock" ] || return 0
		sleep 0.05
	done
	lab_die "the switch does not start: $(cat "$LAB_RUN/switch.log")"
}

_lab_qemu()
{
	local name=$1 mb=$2 cpus=$3 initrd=$4 run=$LAB_RUN/$1 i chan=() disk=() more

	for ((i = 0; i < 6; i++)); do
		chan+=(-chardev "socket,id=cmd$i,path=$run.cmd$i,server=on,wait=off"
			-device "virtserialport,chardev=cmd$i,name=lab.cmd$i")
	done
	if [ -n "${LAB_DISK:-}" ]; then
		disk=(-drive "file=$LAB_DISK,if=none,id=disk,format=raw,cache=unsafe"
			-device "virtio-blk-pci,drive=disk,romfile=")
	fi
	read -ra more <<< "${LAB_QEMU[$name]:-}"
	rm -f "$run".cmd? "$run.qmp" "$run.pid" "$run.cpus"
	# Machines that start again append to their console log.
	setsid "$QEMU" -name "$name" -machine pc,usb=off,vmport=off -nodefaults -no-user-config \
		-display none -cpu max -accel "$LAB_ACCEL" ${LAB_ICOUNT:+-icount "$LAB_ICOUNT"} \
		-m "$mb" -smp "$cpus" \
		-kernel "$_lab_image" -initrd "$initrd" -no-reboot -pidfile "$run.pid" \
		-append "console=ttyS0 loglevel=5 panic=-1 oops=panic mitigations=off tsc=reliable \
no_timer_check random.trust_cpu=on rootfstype=ramfs rcupdate.rcu_cpu_stall_timeout=100 \
lab.name=$name lab.addr=$(lab_addr "$name")/24 lab.mtu=$LAB_MTU ${LAB_APPEND:-}" \
		-chardev "file,id=con,path=$run.console,append=on" -serial chardev:con \
		-qmp "unix:$run.qmp,server=on,wait=off" \
		-netdev "stream,id=net0,server=off,addr.type=unix,addr.path=$LAB_RUN/switch.sock" \
		-device "virtio-net-pci,netdev=net0,host_mtu=$LAB_MTU,romfile=,mac=$(lab_mac "$name")" \
		-device virtio-serial-pci,max_ports=8 "${chan[@]}" "${disk[@]}" "${more[@]}" \
		</dev/null >"$run.log" 2>&1 9>&- &
	disown
	for ((i = 0; i < 200; i++)); do
		[ ! -S "$run.cmd5" ] || [ ! -s "$run.pid" ] || return 0
		sleep 0.05
	done
	lab_die "$name does not start: $(cat "$run.log")"
}

# lab_wait NAME: until the machine's agent answers
lab_wait()
{
	if ! "$LAB_TOOLS/labctl" run -t "$LAB_BOOT_TIMEOUT" "$LAB_RUN/$1" true; then
		lab_log "$1 did not come up: $(cat "$LAB_RUN/$1.log")"
		return 1
	fi
}

lab_running() { _lab_pid "$LAB_RUN/$1.pid" >/dev/null; }

# lab_machines: names of those that run
lab_machines()
{
	local f

	for f in "$LAB_RUN"/*.qmp; do
		[ -e "$f" ] || continue
		f=${f##*/}
		! lab_running "${f%.qmp}" || echo "${f%.qmp}"
	done
}

# on [-t SECONDS] [-i] NAME COMMAND...: run by bash in the guest; output and
# exit status are the command's.  -i passes stdin on.  Status 124: out of time;
# 255: the machine went away.  What stays in the background there must not hold
# stdout: redirect it.
on()
{
	local opts=() limit=$LAB_TIMEOUT name

	while :; do
		case $1 in
		-t) limit=$2; shift 2 ;;
		-i) opts+=(-i); shift ;;
		*) break ;;
		esac
	done
	name=$1
	shift
	"$LAB_TOOLS/labctl" run -t "$limit" "${opts[@]}" "$LAB_RUN/$name" "$*"
}

# lab_push NAME FILE DEST [MODE]: copy a file into a running guest
lab_push()
{
	on -i "$1" "mkdir -p \"\$(dirname '$3')\" && cat > '$3' && chmod ${4:-755} '$3'" < "$2"
}

# lab_cpu_ns NAME: the host's processor time that the machine's processors have had, nanoseconds;
# what emulates its devices is not in it
lab_cpu_ns()
{
	local pid tid

	pid=$(_lab_pid "$LAB_RUN/$1.pid") || return 1
	[ -s "$LAB_RUN/$1.cpus" ] || lab_qmp "$1" '{"execute":"query-cpus-fast"}' |
		grep -o '"thread-id": *[0-9]*' | grep -o '[0-9]*$' > "$LAB_RUN/$1.cpus"
	while read -r tid; do
		[ "$tid" -ne 0 ] || continue # of the processor's topology
		cut -d' ' -f1 "/proc/$pid/task/$tid/schedstat"
	done < "$LAB_RUN/$1.cpus" | awk '{ ns += $1 } END { printf "%.0f\n", ns }'
}

# lab_shell NAME: an interactive shell
lab_shell()
{
	"$LAB_TOOLS/labctl" run -T "$LAB_RUN/$1" \
		"export TERM=${TERM:-vt100} PS1='$1# '; exec bash --norc -i"
}

# lab_qmp NAME JSON: one QMP command
lab_qmp() { "$LAB_TOOLS/labctl" qmp "$LAB_RUN/$1.qmp" "$2"; }

# lab_stop NAME: power off in good order
lab_stop()
{
	local i

	on -t 5 "$1" 'sync; (sleep 0.2; poweroff -f) >/dev/null 2>&1 &' || true
	for ((i = 0; i < LAB_STOP_TIMEOUT * 10; i++)); do
		lab_running "$1" || { rm -f "$LAB_RUN/$1.pid"; return 0; }
		sleep 0.1
	done
	lab_log "$1 does not power off"
	lab_kill "$1"
}

# lab_kill NAME: pull the plug
lab_kill() { _lab_end "$LAB_RUN/$1.pid" KILL; }

# lab_pause NAME, lab_resume NAME: the machine stands still, its network too
lab_pause() { lab_qmp "$1" '{"execute":"stop"}' >/dev/null; }
lab_resume() { lab_qmp "$1" '{"execute":"cont"}' >/dev/null; }

# lab_netdown NAME, lab_netup NAME: pull the network cable, plug it in
lab_netdown() { _lab_link "$1" false; }
lab_netup() { _lab_link "$1" true; }
_lab_link()
{
	lab_qmp "$1" "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"net0\",\"up\":$2}}" \
		>/dev/null
}

# lab_net COMMAND: the switch's control: stats; seed N; capture FILE|off (pcap);
# set NAME|all drop=PPM corrupt=PPM dup=PPM reorder=PPM (frames from NAME)
lab_net()
{
	local words=("$@")

	if [ "${1:-}" = set ] && [ "${2:-}" != all ]; then
		words[1]=$(lab_mac "$2")
	fi
	"$LAB_TOOLS/labctl" switch "$LAB_RUN/switch.ctl" "${words[*]}"
}

# ---- checks and recipes -----------------------------------------------------

# lab_console_check [IGNORED-REGEX]: fail when a console shows trouble
lab_console_check()
{
	local f bad=0 found

	for f in "$LAB_RUN"/*.console; do
		found=$(tr -d '\r' < "$f" | grep -aEf "$LAB_DIR/trouble" |
			{ if [ -n "${1:-}" ]; then grep -avE "$1"; else cat; fi; }) || true
		if [ -n "$found" ]; then
			lab_log "${f##*/} shows trouble:"
			echo "$found" | head -n 20 >&2
			bad=1
		fi
	done
	return $bad
}

# lab_memory NAME: megabytes that its kernel has to give
lab_memory() { on "$1" "awk '/^MemTotal/ { print int(\$2 / 1024) }' /proc/meminfo"; }

# lab_minfree NAME KB: memory the kernel keeps for itself; a client under global
# pressure needs more than its default (65536 for 256 MB is ample)
lab_minfree() { on "$1" "echo $2 > /proc/sys/vm/min_free_kbytes"; }
