# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A VAI as a file: what mkswap, dd and chmod do to it works, nothing else.

vai_is_a_file_to_dd_and_mkswap()
{
	vai file 16M
	plain_mount "" file
	on client 'set -e; cd /mnt; f=swapfile
		head -c 3000000 /dev/urandom > /tmp/data
		# Not aligned to pages, at both ends.
		dd if=/tmp/data of=$f bs=1000 seek=1001 conv=notrunc
		sync $f 2>/dev/null || sync
		echo 3 > /proc/sys/vm/drop_caches
		dd if=$f bs=1000 skip=1001 count=3000 | cmp - /tmp/data
		dd if=/tmp/data of=$f bs=4096 seek=2000 count=700 conv=notrunc oflag=direct
		dd if=$f bs=4096 skip=2000 count=700 iflag=direct | cmp -n 2867200 - /tmp/data
		[ $(dd if=$f bs=4096 skip=3500 count=10 | tr -d "\0" | wc -c) -eq 0 ]
		chmod 600 $f
		truncate -s 16777216 $f
		[ "$(stat -c "%a %s" $f)" = "600 16777216" ]
		swapon $f && swapoff $f
		mkswap $f
		swapon $f && grep -q swapfile /proc/swaps && swapoff $f'
	unmount
	on engine engctl vai delete file
}

vai_refuses_other_changes()
{
	local what

	vai fixed 16M
	plain_mount "" fixed
	for what in 'truncate -s 0 swapfile' 'truncate -s 16781312 swapfile' 'cp /etc/hosts swapfile' \
		'touch new' 'mkdir new' 'ln swapfile new' 'ln -s swapfile new' 'mv swapfile new' \
		'rm swapfile' 'mknod new p'; do
		refused 'read-only|not permitted|not supported|too large|can.t|cannot|invalid' \
			on -t 30 client "cd /mnt && $what"
	done
	on client '[ "$(ls -A /mnt)" = swapfile ] && [ "$(stat -c %s /mnt/swapfile)" = 16777216 ] &&
		swapon /mnt/swapfile && swapoff /mnt/swapfile'
	# Nobody but root.
	refused 'denied' on client setpriv --reuid 65534 --clear-groups cat /mnt/swapfile
	unmount
	on engine engctl vai delete fixed
}
