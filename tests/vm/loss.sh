# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Memory servers die: what is lost is said to be lost, at once; the rest is right.

LOSS_PAGES=512 # written to each VAI

# Mount a VAI at /srv/NAME on the client and fill it with /tmp/NAME.data.
fill_vai()
{
	vai "$1" 16M --class "$2"
	on client "set -e; mkdir -p /srv/$1
		mount -o nolock,vers=3,proto=tcp engine:/$1 /srv/$1
		dd if=/dev/urandom of=/tmp/$1.data bs=4096 count=$LOSS_PAGES
		dd if=/tmp/$1.data of=/srv/$1/swapfile bs=64k conv=notrunc oflag=direct
		dd if=/srv/$1/swapfile bs=64k count=$((LOSS_PAGES / 16)) iflag=direct |
			cmp - /tmp/$1.data"
}

# Page by page, past the client's cache: "right N wrong N error N", and the seconds taken.
read_pages()
{
	on -t 200 client "right=0 wrong=0 error=0 began=\$SECONDS
		for ((i = 0; i < $LOSS_PAGES; i++)); do
			if ! dd if=/srv/$1/swapfile of=/tmp/page bs=4096 count=1 skip=\$i iflag=direct \
				2>/tmp/dd.err; then
				grep -q 'Input/output error' /tmp/dd.err || cat /tmp/dd.err
				error=\$((error + 1))
			elif dd if=/tmp/$1.data bs=4096 count=1 skip=\$i 2>/dev/null |
				cmp -s - /tmp/page; then
				right=\$((right + 1))
			else
				wrong=\$((wrong + 1))
			fi
		done
		echo right \$right wrong \$wrong error \$error seconds \$((SECONDS - began))"
}

one_server_dies()
{
	local out right error before

	fill_vai normal normal
	fill_vai crit critical
	before=$(counters)
	lab_kill mem1
	# A read that comes before the death is noticed ends, too.
	on -t 60 client "dd if=/srv/crit/swapfile bs=64k count=$((LOSS_PAGES / 16)) iflag=direct |
		cmp - /tmp/crit.data"
	await $STATE_WAIT live 1

	out=$(read_pages normal)
	echo "normal: $out"
	read -r _ right _ _ _ error _ _ <<< "$out"
	[[ $out == *"wrong 0 "* ]] || fail "wrong bytes"
	[ "$right" -gt $((LOSS_PAGES / 8)) ] && [ "$error" -gt $((LOSS_PAGES / 8)) ] ||
		fail "one of two servers held neither some nor the others"
	[ "$(grown "$before" pages_lost)" -ge "$error" ] || fail "the lost pages are not counted"
	[ "${out##* }" -lt 60 ] || fail "not at once"

	out=$(read_pages crit)
	echo "critical: $out"
	[[ $out == "right $LOSS_PAGES wrong 0 error 0 "* ]]
	# Two copies cannot be had any more (promise 2); one can.
	fails on -t 60 client "dd if=/tmp/crit.data of=/srv/crit/swapfile bs=4096 count=1 seek=3000 \
		conv=notrunc oflag=direct"
	on -t 60 client "dd if=/tmp/normal.data of=/srv/normal/swapfile bs=64k conv=notrunc \
		oflag=direct && dd if=/srv/normal/swapfile bs=64k count=$((LOSS_PAGES / 16)) \
		iflag=direct | cmp - /tmp/normal.data"
}

no_server_is_left()
{
	local began=$SECONDS

	lab_kill mem2
	refused 'error|space' on -t 60 client "dd if=/tmp/normal.data of=/srv/normal/swapfile bs=4096 \
		count=1 conv=notrunc oflag=direct"
	refused 'error' on -t 60 client \
		"dd if=/srv/crit/swapfile of=/tmp/page bs=4096 count=1 skip=5 iflag=direct"
	echo "both ended after $((SECONDS - began)) s"
	[ $((SECONDS - began)) -lt 60 ] || fail "too long"
	await $STATE_WAIT live 0
	began=$SECONDS
	refused 'error|space' on -t 30 client "dd if=/tmp/normal.data of=/srv/normal/swapfile bs=4096 \
		count=1 conv=notrunc oflag=direct"
	refused 'error' on -t 30 client \
		"dd if=/srv/crit/swapfile of=/tmp/page bs=4096 count=1 skip=5 iflag=direct"
	[ $((SECONDS - began)) -lt 5 ] || fail "not at once: $((SECONDS - began)) s"
	# Nothing that was never written is lost.
	[ "$(on client "dd if=/srv/crit/swapfile bs=4096 count=8 skip=3500 iflag=direct | tr -d '\\0' |
		wc -c")" -eq 0 ]
	refused 'pool has|not created' vai impossible 16M
}

engine_unloads_after_losses()
{
	on -t 60 client 'umount /srv/normal && umount /srv/crit'
	on engine 'engctl vai delete normal && engctl vai delete crit && engctl down'
	fails loaded engine engine
}

p8_p9_p10_the_servers_die()
{
	one_server_dies
	no_server_is_left
	engine_unloads_after_losses
}
