// SPDX-License-Identifier: GPL-2.0-only
/* Full servers make room where a page would find none, though the pool has some. */
#include "page_bed.h"

#define CRITICAL 20 /* pages of VAI 0 */
#define NORMAL	 40 /* of VAI 1; so many fill server 1 */

/* Server 1 is full of pages that might as well be elsewhere. */
static struct pb *bed(void)
{
	struct pb *b = pb_new(11);
	u32 i;

	b->e->cfg.repair_after_ms = 1000;
	pb_server(b, 1, NORMAL, 9000);
	pb_join_all(b);
	pb_vai(b, 1, ENG_CLASS_NORMAL, NORMAL);
	for (i = 0; i < NORMAL; i++)
		assert_int_equal(pb_write_now(b, 1, i, 100 + i), 0);
	return b;
}

static void verify(struct pb *b, u32 critical)
{
	u32 i;

	for (i = 0; i < critical; i++)
		assert_int_equal(pb_read_now(b, 0, i, 1 + i), 0);
	for (i = 0; i < NORMAL; i++)
		assert_int_equal(pb_read_now(b, 1, i, 100 + i), 0);
	assert_int_equal(b->real[0]->degraded, 0);
	assert_int_equal(b->real[1]->degraded, 0);
	assert_int_equal(b->e->stats.pages_lost, 0);
}

/* The one that died had the second copies; the other two have room, on the wrong one. */
static void p9_repair_makes_room_on_a_full_server(void **state)
{
	struct pb *b = bed();
	u32 i;

	pb_server(b, 0, 100, 9000);
	pb_server(b, 2, 100, 9000);
	pb_join_all(b);
	pb_vai(b, 0, ENG_CLASS_CRITICAL, CRITICAL);
	for (i = 0; i < CRITICAL; i++)
		assert_int_equal(pb_write_now(b, 0, i, 1 + i), 0);
	assert_int_equal(pb_info(b, 1).mapped, NORMAL);
	pb_kill(b, 2);
	pb_run(b, 15000);
	assert_int_equal(pb_info(b, 0).mapped, 2 * CRITICAL);
	assert_int_equal(pb_info(b, 1).mapped, NORMAL);
	verify(b, CRITICAL);
	pb_kill(b, 0); /* each critical page is on the other, too */
	for (i = 0; i < CRITICAL; i++)
		assert_int_equal(pb_read_now(b, 0, i, 1 + i), 0);
	pb_free(b);
}

/* A write that finds no pair of servers is put off, and has room made for the next one. */
static void p4_a_write_without_room_has_some_made(void **state)
{
	struct pb *b = bed();

	pb_server(b, 0, 100, 9000);
	pb_join_all(b);
	pb_vai(b, 0, ENG_CLASS_CRITICAL, CRITICAL);
	assert_int_equal(pb_write_now(b, 0, 0, 1), -EAGAIN);
	pb_run(b, 3000);
	assert_int_equal(pb_write_now(b, 0, 0, 1), 0);
	verify(b, 1);
	pb_free(b);
}

/* But not put off for ever. */
static void p10_a_write_that_was_put_off_for_long_fails(void **state)
{
	struct pb *b = bed();

	pb_server(b, 0, 100, 9000);
	pb_join_all(b);
	pb_vai(b, 0, ENG_CLASS_CRITICAL, CRITICAL);
	b->real[0]->room_ns = b->now - ENG_ROOM_WAIT_NS;
	assert_int_equal(pb_write_now(b, 0, 0, 1), -ENOSPC);
	pb_run(b, 3000);
	assert_int_equal(pb_write_now(b, 0, 0, 1), 0);
	assert_int_equal(b->real[0]->room_ns, 0);
	pb_free(b);
}

/* Full is full: nothing is moved to and fro. */
static void a_full_pool_is_left_alone(void **state)
{
	struct pb *b = bed();

	assert_int_equal(pb_write_now(b, 1, 0, 100), 0);
	b->real[1]->copies = 2; /* as if it had been promised */
	assert_int_equal(pb_write_now(b, 1, 0, 100), -ENOSPC);
	pb_run(b, 5000);
	assert_int_equal(b->e->stats.pages_moved, 0);
	assert_int_equal(b->e->servers->room_wants, 0);
	pb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p9_repair_makes_room_on_a_full_server),
		cmocka_unit_test(p4_a_write_without_room_has_some_made),
		cmocka_unit_test(p10_a_write_that_was_put_off_for_long_fails),
		cmocka_unit_test(a_full_pool_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
