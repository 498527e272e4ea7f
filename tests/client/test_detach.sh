# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# detach and status.

test_detach_leaves_nothing() {
	local before

	before=$(machine_state)
	attached
	client detach "$T"
	expect_status 0
	expect_call "swapoff $DIR/swapfile"
	expect_call "umount.nfs $DIR"
	[ "$(machine_state)" = "$before" ] || fail "left: $(diff <(echo "$before") <(machine_state))"
	[ -z "$(ls -A "$R/run/anemone/.state")" ] || fail "a state file is left"
}

test_detach_twice_is_once() {
	client detach "$T"
	expect_status 0
	expect_output 'is not attached'
	client detach
	expect_status 0
	expect_output 'nothing is attached'
	client detach --all
	expect_status 0
	expect_no_call swapoff
}

test_detach_without_a_name_takes_the_only_one() {
	attached
	client detach
	expect_status 0
	expect_output "$T is detached"
}

test_detach_without_a_name_does_not_guess() {
	attached
	client attach 10.0.0.1:/vai2
	client detach
	expect_status 1
	expect_output '2 VAIs are attached'
	expect_no_call swapoff
}

test_detach_one_of_several() {
	attached
	client attach 10.0.0.1:/vai2
	client detach "$DIR"
	expect_status 0
	grep -q "vai2/swapfile" "$R/proc/swaps" || fail "the other one is gone"
	! grep -q "vai1/swapfile" "$R/proc/swaps" || fail "it is still there"
}

test_detach_all() {
	attached
	client attach 10.0.0.1:/vai2
	client attach 10.0.0.7:/vai1
	client detach --all
	expect_status 0
	! grep -q swapfile "$R/proc/swaps" || fail "some are still there"
	! grep -q nfs "$R/proc/mounts" || fail "some are still mounted"
	[ -z "$(find "$R/run/anemone" -name 'vai*')" ] || fail "directories are left"
}

test_detach_all_goes_on_after_a_refusal() {
	attached --mountpoint "$R/srv/a"
	client attach 10.0.0.7:/vai1
	sed -i 's/MemAvailable: .*/MemAvailable: 50000 kB/' "$R/proc/meminfo"
	sed -i '/srv.a.swapfile/ s/ 0 / 100000 /; /10.0.0.7/ s/ 307200 0 / 1000 1000 /' "$R/proc/swaps"
	client detach --all
	expect_status 1
	expect_output 'cannot detach 10.0.0.1:/vai1'
	expect_output '10.0.0.7:/vai1 is detached'
}

test_detach_refuses_when_memory_is_short() {
	attached
	use_swap 1200000
	client detach "$T"
	expect_status 1
	expect_output '1171 MiB are swapped out to it, and only 1024 MiB'
	expect_output '--force'
	expect_no_call swapoff
	expect_no_call umount
	client detach "$T" --force
	expect_status 0
	expect_call swapoff
}

test_detach_counts_other_swap() {
	attached
	use_swap 1200000
	echo '/dev/sda2 partition 400000 100000 -3' >>"$R/proc/swaps"
	client detach "$T"
	expect_status 0
}

test_detach_keeps_a_margin() {
	attached
	use_swap $((1048576 - 16384 + 1))
	client detach "$T"
	expect_status 1
	use_swap $((1048576 - 16384))
	client detach "$T"
	expect_status 0
}

# A small machine may never have the whole margin available.
test_detach_of_little_needs_little() {
	attached
	sed -i 's/MemAvailable: .*/MemAvailable: 10000 kB/' "$R/proc/meminfo"
	use_swap 5001
	client detach "$T"
	expect_status 1
	use_swap 5000
	client detach "$T"
	expect_status 0
}

test_detach_shows_progress() {
	attached
	use_swap 150000
	touch "$FAKE/slow"
	client detach "$T"
	expect_status 0
	client attach "$T"
	use_swap 150000
	script -qec "PATH=$FAKE/bin:\$PATH $CLIENT_SHELL $CLIENT detach $T" /dev/null >"$FAKE/out"
	expect_output '39 MiB to bring back'
	expect_output 'is detached'
}

test_detach_swapoff_fails() {
	attached
	use_swap 1000
	echo 'swapoff failed: Cannot allocate memory' >"$FAKE/fail/swapoff"
	client detach "$T"
	expect_status 1
	expect_output 'Cannot allocate memory'
	expect_output 'still attached'
	expect_no_call umount
	client status
	expect_status 0
}

test_detach_umount_fails_then_again() {
	attached
	echo busy >"$FAKE/fail/umount.nfs"
	client detach "$T"
	expect_status 1
	expect_output 'fuser -vm'
	client status
	expect_status 1
	expect_output 'mounted, not swapping'
	rm "$FAKE/fail/umount.nfs"
	client detach "$T"
	expect_status 0
	! grep -q nfs "$R/proc/mounts" || fail "still mounted"
}

test_detach_force_unmounts_what_hangs() {
	attached
	echo busy >"$FAKE/fail/umount.nfs"
	client detach "$T" --force
	expect_status 0
	expect_call "umount -f -l $DIR"
}

test_detach_interrupted_swapoff_stays_attached() {
	local pid

	attached
	use_swap 150000
	touch "$FAKE/slow"
	# shellcheck disable=SC2086
	PATH=$FAKE/bin:$PATH $CLIENT_SHELL "$CLIENT" detach "$T" >"$FAKE/out" 2>&1 &
	pid=$!
	sleep 0.7
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	expect_status 1
	expect_output 'is still attached'
	expect_no_call umount
	[ -z "$(find "$R/run" -name '*.lock')" ] || fail "the lock was left behind"
}

test_detach_keeps_a_directory_that_was_there() {
	mkdir "$R/srv/mine"
	attached --mountpoint "$R/srv/mine"
	client detach "$T"
	expect_status 0
	[ -d "$R/srv/mine" ] || fail "the directory is gone"
}

test_detach_without_a_state_file() {
	attached
	rm "$R"/run/anemone/.state/*.state
	client status
	expect_status 1
	expect_output 'not recorded'
	client detach --all
	expect_status 0
	! grep -q swapfile "$R/proc/swaps" || fail "still swapping"
	! grep -q nfs "$R/proc/mounts" || fail "still mounted"
	[ ! -d "$DIR" ] || fail "the directory is left"
}

test_detach_directory_of_nobody() {
	client detach /srv/nothing
	expect_status 1
	expect_output 'no VAI is attached there'
}

test_detach_refuses_without_root() {
	attached
	echo 1000 >"$FAKE/uid"
	client detach "$T"
	expect_status 1
	expect_no_call swapoff
}

test_status_nothing() {
	client status
	expect_status 0
	expect_output 'No VAI is attached.'
	client
	expect_output 'No VAI is attached.'
}

test_status_json() {
	attached --priority 12
	use_swap 2048
	client status --json
	expect_status 0
	python3 - "$FAKE/out" "$T" "$DIR" <<'END' || fail "not the JSON it should be"
import json, sys
out, target, directory = sys.argv[1:]
[a] = json.load(open(out))["attached"]
assert a == {"target": target, "state": "swapping", "mountpoint": directory, "proto": "tcp",
             "priority": 12, "size_kib": 307200, "used_kib": 2048}, a
END
	client detach "$T"
	client status --json
	[ "$(cat "$FAKE/out")" = '{"attached":[]}' ] || fail "not empty"
}
