// SPDX-License-Identifier: GPL-2.0-only
/* Reads that follow on each other: what will be asked for next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../engine/core/stream.h"

#define NPAGES 100000
#define MAX    32

static struct streams st;
static struct stream_range r;

static int setup(void **state)
{
	memset(&st, 0, sizeof(st));
	return 0;
}

static bool reads(u32 first, u32 n)
{
	return streams_read(&st, first, n, NPAGES, MAX, &r);
}

/* Read on from @at, 8 pages a time; what is asked for ahead has no gap and is not asked for twice. */
static u32 follow(u32 at, int step, u32 times, bool *asked)
{
	u32 i, n = 0;

	while (times--) {
		if (reads(at, 8)) {
			for (i = r.first; i < r.first + r.n; i++) {
				assert_true(i < NPAGES);
				assert_false(asked[i]);
				asked[i] = true;
			}
			n += r.n;
		}
		at += (u32)(step * 8);
	}
	return n;
}

static void reads_in_order_are_a_stream(void **state)
{
	static bool asked[NPAGES];
	u32 i;

	memset(asked, 0, sizeof(asked));
	assert_false(reads(1000, 8));
	assert_false(reads(1008, 8));
	assert_true(reads(1016, 8));
	assert_int_equal(r.first, 1024);
	assert_int_equal(r.n, STREAM_AHEAD_NEW);
	for (i = 0; i < r.n; i++)
		asked[r.first + i] = true;
	assert_true(follow(1024, 1, 100, asked) > 700);
	for (i = 1024; i < 1024 + 800; i++)
		assert_true(asked[i]);
}

static bool again(struct stream_range *to)
{
	return streams_again(&st, NPAGES, MAX, to);
}

/* What was given back is to be had later, and only once. */
static void what_there_was_no_room_for_comes_later(void **state)
{
	struct stream_range none;

	assert_false(again(&none));
	reads(1000, 8);
	reads(1008, 8);
	assert_false(again(&none));
	assert_true(reads(1016, 8));
	assert_false(again(&none));
	stream_back(&r, 2);
	assert_true(again(&r));
	assert_int_equal(r.first, 1026);
	assert_int_equal(r.n, STREAM_AHEAD_NEW - 2);
	assert_false(again(&none));
	/* The last read is of no stream. */
	stream_back(&r, 0);
	reads(50000, 1);
	assert_false(again(&none));
}

static void downwards_too(void **state)
{
	static bool asked[NPAGES];
	u32 i;

	memset(asked, 0, sizeof(asked));
	assert_false(reads(5000, 8));
	assert_false(reads(4992, 8));
	assert_true(reads(4984, 8));
	assert_int_equal(r.first + r.n, 4984);
	assert_int_equal(r.n, STREAM_AHEAD_NEW);
	for (i = 0; i < r.n; i++)
		asked[r.first + i] = true;
	assert_true(follow(4976, -1, 100, asked) > 700);
	for (i = 4976; i > 4976 - 700; i--)
		assert_true(asked[i]);
}

/* Of quicksort: from both ends. Of others: what they still have is left out. */
static void several_at_a_time_with_gaps(void **state)
{
	u32 i, k, n[STREAMS] = {0};

	for (i = 0; i < 200; i++) {
		for (k = 0; k < STREAMS; k++) {
			u32 at = 20000 * (k + 1) - (k % 2 ? i * 12 : 0) + (k % 2 ? 0 : i * 12);

			if (reads(at, 8)) {
				assert_true(r.first > 20000 * (k + 1) - 5000);
				assert_true(r.first < 20000 * (k + 1) + 5000);
				n[k] += r.n;
			}
		}
	}
	for (k = 0; k < STREAMS; k++)
		assert_true(n[k] > 1500);
}

static void reads_that_overtake_each_other_do_not_end_it(void **state)
{
	u32 i, n = 0;

	for (i = 0; i < 100; i++)
		if (reads(1000 + 8 * (i ^ 1), 8))
			n += r.n;
	assert_true(n > 600);
}

static void reads_at_random_are_none(void **state)
{
	u64 x = 1;
	u32 i, n = 0;

	for (i = 0; i < 20000; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		if (reads((u32)((x >> 33) % (NPAGES - 8)), 8))
			n += r.n;
	}
	assert_true(n < 200);
}

static void p7_ends_are_kept(void **state)
{
	u64 x = 1;
	u32 i, at = 0;

	for (i = 0; i < 300000; i++) {
		u32 npages = 1 + i % 3 * 100, n;

		x = x * 6364136223846793005ull + 1442695040888963407ull;
		n = 1 + (u32)(x >> 33) % 9;
		at = (x >> 60) ? at + n : (u32)(x >> 40) % npages;
		at %= npages;
		if (i % 2)
			at = npages - 1 - at;
		n = min(n, npages - at);
		if (x >> 63)
			streams_used(&st);
		else if (x >> 62)
			streams_wasted(&st);
		assert_in_range(streams_ahead(&st), STREAM_AHEAD_MIN, STREAM_AHEAD_MAX);
		if (!streams_read(&st, at, n, npages, MAX, &r))
			continue;
		assert_in_range(r.n, 1, MAX);
		/* A VAI may have become smaller: nothing behind its end. */
		assert_in_range(r.first, 1, npages - 1);
		assert_true(r.first + r.n <= npages);
		stream_back(&r, (u32)(x >> 20) % (r.n + 1));
	}
}

static void what_was_not_asked_for_comes_again(void **state)
{
	reads(1000, 8);
	reads(1008, 8);
	assert_true(reads(1016, 8));
	stream_back(&r, 3);
	assert_true(reads(1024, 8));
	assert_int_equal(r.first, 1032);
	reads(5000, 8);
	reads(4992, 8);
	assert_true(reads(4984, 8));
	stream_back(&r, 10);
	assert_true(reads(4976, 8));
	assert_int_equal(r.first + r.n, 4974);
}

static void use_makes_it_longer_and_waste_shorter(void **state)
{
	u32 i;

	assert_int_equal(streams_ahead(&st), STREAM_AHEAD_NEW);
	for (i = 0; i < 1000; i++)
		streams_used(&st);
	assert_int_equal(streams_ahead(&st), STREAM_AHEAD_MAX);
	for (i = 0; i < 10; i++)
		streams_wasted(&st);
	assert_int_equal(streams_ahead(&st), STREAM_AHEAD_MAX - 10);
	/* Half of them wasted: as little as there is. */
	for (i = 0; i < 1000; i++) {
		streams_used(&st);
		streams_wasted(&st);
	}
	assert_int_equal(streams_ahead(&st), STREAM_AHEAD_MIN);
	/* One of ten: more. */
	for (i = 0; i < 1000; i++)
		if (i % 10)
			streams_used(&st);
		else
			streams_wasted(&st);
	assert_true(streams_ahead(&st) > STREAM_AHEAD_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reads_in_order_are_a_stream, setup),
		cmocka_unit_test_setup(what_there_was_no_room_for_comes_later, setup),
		cmocka_unit_test_setup(downwards_too, setup),
		cmocka_unit_test_setup(several_at_a_time_with_gaps, setup),
		cmocka_unit_test_setup(reads_that_overtake_each_other_do_not_end_it, setup),
		cmocka_unit_test_setup(reads_at_random_are_none, setup),
		cmocka_unit_test_setup(p7_ends_are_kept, setup),
		cmocka_unit_test_setup(what_was_not_asked_for_comes_again, setup),
		cmocka_unit_test_setup(use_makes_it_longer_and_waste_shorter, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
