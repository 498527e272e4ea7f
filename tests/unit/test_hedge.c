// SPDX-License-Identifier: GPL-2.0-only
/* Reads that take long are asked of the other copy too. */
#include "page_bed.h"

#define WARM 100 /* reads before the percentile is known well */

/* ---- the percentile ---- */

static void the_percentile_is_right_within_a_quarter(void **state)
{
	struct eng_lag lag = {.total = 0};
	u64 x = 1, p95;
	u32 i;

	for (i = 0; i < LAG_MIN - 1; i++)
		eng_lag_add(&lag, 100000);
	assert_true(lag.p95_ns == 0);
	for (i = 0; i < 2000; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		eng_lag_add(&lag, 200000 + (x >> 33) % 1000000);
	}
	p95 = lag.p95_ns; /* of 0.2 to 1.2 ms: 1.15 ms */
	assert_true(p95 >= 1100000 && p95 <= 1500000);
	/* All becomes slower: forgotten after some hundreds. */
	for (i = 0; i < 3 * LAG_MAX; i++)
		eng_lag_add(&lag, PB_MS(20));
	assert_true(lag.p95_ns >= PB_MS(20) && lag.p95_ns <= PB_MS(25));
	/* Neither nothing nor for ever breaks it. */
	for (i = 0; i < 3 * LAG_MAX; i++)
		eng_lag_add(&lag, i % 2 ? 0 : ~0ull);
	assert_true(lag.p95_ns >= NS_PER_S);
	for (i = 0; i < 3 * LAG_MAX; i++)
		eng_lag_add(&lag, 0);
	assert_true(lag.p95_ns > 0 && lag.p95_ns < 20000);
}

/* ---- hedges ---- */

static void answer(struct pb *b, u32 node, struct amp_hdr h)
{
	u8 page[ANM_PAGE_SIZE];

	pb_fill(page, (u32)(h.key.offset >> ANM_PAGE_SHIFT));
	pb_page(b, node, h, page, h.page_version);
}

static bool asked(struct pb *b, u32 node)
{
	return pb_inbox(b, node, AMP_PAGE_IN) > 0;
}

/* The first asked for a read just begun. */
static u32 first_asked(struct pb *b)
{
	pb_run(b, 1);
	assert_true(asked(b, 0) != asked(b, 1));
	return asked(b, 0) ? 0 : 1;
}

/* Two servers, pages 0 to 9 on both, and reads of 1 ms so far. */
static struct pb *bed(void)
{
	struct pb *b = pb_new(1);
	u32 i;

	pb_play(b, 0, 1000, 9000);
	pb_play(b, 1, 1000, 9000);
	for (i = 0; i < 10; i++) {
		struct pb_io *p = pb_write(b, 1, i, 0, ANM_PAGE_SIZE, i);

		pb_ack(b, 0, AMP_PAGE_OUT);
		pb_ack(b, 1, AMP_PAGE_OUT);
		assert_int_equal(pb_wait(b, p, NULL), 0);
	}
	for (i = 0; i < 2 * WARM; i++) {
		/* each in turn */
		struct eng_server *other = b->e->servers->slot[i % 2];
		struct pb_io *p;

		other->nxfers += 5;
		p = pb_read(b, 1, i % 10);
		other->nxfers -= 5;
		answer(b, !(i % 2), pb_hear(b, !(i % 2), AMP_PAGE_IN, NULL));
		assert_int_equal(pb_wait(b, p, NULL), 0);
	}
	assert_int_equal(b->e->stats.reads_hedged, 0);
	assert_in_range(pb_info(b, 0).read_p95_ns, PB_MS(1), PB_MS(2));
	assert_in_range(pb_info(b, 1).read_p95_ns, PB_MS(1), PB_MS(2));
	return b;
}

static void right(struct pb *b, struct pb_io *p, u32 seed)
{
	u8 got[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE];

	assert_int_equal(pb_wait(b, p, got), 0);
	pb_fill(want, seed);
	assert_memory_equal(got, want, sizeof(got));
}

static void p1_the_second_answers_first_and_the_first_is_late(void **state)
{
	struct pb *b = bed();
	struct pb_io *p = pb_read(b, 1, 3), *next;
	u32 one = first_asked(b), two = !one;
	struct amp_hdr h1 = pb_hear(b, one, AMP_PAGE_IN, NULL), h2;
	u64 late = b->e->stats.amp_late;

	assert_true(asked(b, two));
	assert_false(asked(b, one)); /* it was not sent again, only elsewhere */
	h2 = pb_hear(b, two, AMP_PAGE_IN, NULL);
	assert_int_equal(h2.key.offset, h1.key.offset);
	assert_true(h2.page_version == h1.page_version);
	answer(b, two, h2);
	assert_true(p->done);
	right(b, p, 3);
	assert_int_equal(b->e->stats.hedges_won, 1);
	assert_int_equal(b->vai[1].hedged, 1);
	assert_int_equal(b->vai[1].hedges_won, 1);
	assert_int_equal(pb_info(b, 0).in_flight + pb_info(b, 1).in_flight, 0);
	answer(b, one, h1);
	assert_int_equal(b->e->stats.amp_late, late + 1);
	/* The channel goes on: a new number, which the old answer is not for. */
	b->e->servers->slot[two]->nxfers += 5;
	next = pb_read(b, 1, 4);
	b->e->servers->slot[two]->nxfers -= 5;
	answer(b, one, h1);
	assert_false(next->done);
	h2 = pb_hear(b, one, AMP_PAGE_IN, NULL);
	assert_int_equal(h2.channel, h1.channel);
	assert_int_equal(h2.seq, h1.seq + 1);
	answer(b, one, h2);
	right(b, next, 4);
	assert_int_equal(b->e->servers->slot[0]->pins + b->e->servers->slot[1]->pins, 0);
	pb_free(b);
}

static void p1_the_first_answers_first_after_all(void **state)
{
	struct pb *b = bed();
	struct pb_io *p = pb_read(b, 1, 3);
	u32 one = first_asked(b), two = !one;
	struct amp_hdr h1 = pb_hear(b, one, AMP_PAGE_IN, NULL), h2;
	u64 late = b->e->stats.amp_late;

	h2 = pb_hear(b, two, AMP_PAGE_IN, NULL);
	answer(b, one, h1);
	right(b, p, 3);
	answer(b, two, h2);
	assert_int_equal(b->e->stats.amp_late, late + 1);
	assert_int_equal(b->e->stats.reads_hedged, 1);
	assert_int_equal(b->e->stats.hedges_won, 0);
	assert_int_equal(pb_info(b, two).in_flight, 0);
	assert_int_equal(b->e->servers->slot[0]->pins + b->e->servers->slot[1]->pins, 0);
	pb_free(b);
}

/* A bad answer of one leaves it to the other; nobody is asked a third time before. */
static void p8_a_bad_answer_waits_for_the_other(void **state)
{
	struct pb *b = bed();
	u32 turn;

	for (turn = 0; turn < 2; turn++) {
		struct pb_io *p = pb_read(b, 1, 3 + turn);
		u32 one = first_asked(b), two = !one;
		struct amp_hdr h1 = pb_hear(b, one, AMP_PAGE_IN, NULL), bad;
		struct amp_hdr h2 = pb_hear(b, two, AMP_PAGE_IN, NULL);

		bad = turn ? h2 : h1;
		bad.type = AMP_NACK;
		bad.code = AMP_E_NOENT;
		bad.page_version = 0;
		pb_say(b, turn ? two : one, &bad, NULL, 0);
		assert_false(p->done);
		pb_run(b, 1);
		assert_false(asked(b, turn ? two : one));
		answer(b, turn ? one : two, turn ? h1 : h2);
		right(b, p, 3 + turn);
	}
	assert_int_equal(b->e->stats.hedges_won, 1);
	assert_int_equal(b->vai[1].lost, 0);
	pb_free(b);
}

/* Both are bad: an error, once both have said so. */
static void p8_two_bad_answers_are_a_lost_page(void **state)
{
	struct pb *b = bed();
	struct pb_io *p = pb_read(b, 1, 3);
	u32 one = first_asked(b), i;
	struct amp_hdr h[2] = {pb_hear(b, one, AMP_PAGE_IN, NULL),
			       pb_hear(b, !one, AMP_PAGE_IN, NULL)};

	for (i = 0; i < 2; i++) {
		assert_false(p->done);
		h[i].type = AMP_NACK;
		h[i].code = AMP_E_NOENT;
		h[i].page_version = 0;
		pb_say(b, i ? !one : one, &h[i], NULL, 0);
	}
	assert_int_equal(pb_wait(b, p, NULL), -EIO);
	assert_int_equal(b->vai[1].lost, 1);
	assert_int_equal(b->e->servers->slot[0]->pins + b->e->servers->slot[1]->pins, 0);
	pb_free(b);
}

/* A write of a part: the winner's page becomes the new one, the loser's answer is not laid over it. */
static void p1_a_partial_write_over_a_hedged_read(void **state)
{
	u8 want[ANM_PAGE_SIZE], part[ANM_PAGE_SIZE], got[ANM_PAGE_SIZE];
	struct pb *b = bed();
	struct pb_io *p = pb_write(b, 1, 3, 100, 1000, 77);
	u32 one = first_asked(b), two = !one, i;
	struct amp_hdr h1 = pb_hear(b, one, AMP_PAGE_IN, NULL);

	pb_fill(want, 3);
	pb_fill(part, 77);
	memcpy(want + 100, part + 100, 1000);
	answer(b, two, pb_hear(b, two, AMP_PAGE_IN, NULL));
	answer(b, one, h1);
	for (i = 0; i < 2; i++) {
		struct amp_hdr h = pb_hear(b, i, AMP_PAGE_OUT, got);

		assert_memory_equal(got, want, sizeof(got));
		h = pb_answer_to(h, AMP_ACK);
		pb_say(b, i, &h, NULL, 0);
	}
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(b->e->stats.hedges_won, 1);
	pb_free(b);
}

static void p7_a_share_of_the_reads_is_hedged_at_most(void **state)
{
	struct pb *b = bed();
	u32 i, n = 2 * WARM;

	/* All of them are slow, and get slower before that is known. */
	for (i = 0; i < 400; i++, n++) {
		struct pb_io *p = pb_read(b, 1, i % 10);
		u32 one = first_asked(b);
		struct amp_hdr h = pb_hear(b, one, AMP_PAGE_IN, NULL);

		pb_run(b, 1 + i / 20);
		answer(b, one, h);
		assert_int_equal(pb_wait(b, p, NULL), 0);
		pb_run(b, 1);
		pb_inbox_clear(b);
	}
	assert_true(b->e->stats.reads_hedged >= 10);
	assert_true(b->e->stats.reads_hedged * 20 <= n);
	pb_free(b);
}

static void expect_no_hedge(struct pb *b)
{
	struct pb_io *p = pb_read(b, 1, 3);
	u32 one = first_asked(b);
	struct amp_hdr h = pb_hear(b, one, AMP_PAGE_IN, NULL);

	pb_run(b, 3);
	assert_false(asked(b, !one));
	pb_inbox_clear(b);
	answer(b, one, h);
	right(b, p, 3);
	assert_int_equal(b->e->stats.reads_hedged, 0);
}

static void nobody_is_bothered_who_should_not_be(void **state)
{
	struct pb *b = bed();
	struct eng_server *const *sv = b->e->servers->slot;
	u32 i;

	b->vai[1].no_hedge = true;
	expect_no_hedge(b);
	b->vai[1].no_hedge = false;
	/* No credits left at the other. */
	for (i = 0; i < 2; i++)
		sv[i]->queued++;
	expect_no_hedge(b);
	for (i = 0; i < 2; i++) {
		sv[i]->queued--;
		sv[i]->state = ENG_SERVER_SUSPECT; /* both, and of two such one is asked */
		sv[i]->suspect_ns = b->now;
	}
	expect_no_hedge(b);
	pb_free(b);
}

/* Whichever goes away while both are asked. */
static void p9_a_server_leaves_while_both_are_asked(void **state)
{
	u32 turn;

	for (turn = 0; turn < 3; turn++) {
		struct pb *b = bed();
		struct pb_io *p = pb_read(b, 1, 3);
		u32 one = first_asked(b), gone = turn ? !one : one;
		struct amp_hdr h[2], bye = pb_hdr(b, gone, AMP_GOODBYE);

		h[one] = pb_hear(b, one, AMP_PAGE_IN, NULL);
		h[!one] = pb_hear(b, !one, AMP_PAGE_IN, NULL);
		pb_say(b, gone, &bye, NULL, 0);
		if (turn < 2) {
			pb_run(b, 2);
			assert_false(p->done);
			answer(b, !gone, h[!gone]);
			right(b, p, 3);
		} else { /* it is not even told before the other answers */
			answer(b, !gone, h[!gone]);
			right(b, p, 3);
			pb_run(b, 2);
		}
		assert_int_equal(b->e->servers->slot[0]->pins + b->e->servers->slot[1]->pins, 0);
		assert_int_equal(b->e->servers->slot[gone]->nxfers, 0);
		pb_free(b);
	}
}

static void destroyed_while_both_are_asked(void **state)
{
	struct pb *b = bed();
	struct pb_io *p = pb_read(b, 1, 3);
	u32 one = first_asked(b);

	pb_hear(b, one, AMP_PAGE_IN, NULL);
	pb_hear(b, !one, AMP_PAGE_IN, NULL);
	eng_busy_destroy(b->e);
	assert_int_equal(p->err, -EIO);
	free(p);
	assert_int_equal(b->e->servers->slot[0]->pins + b->e->servers->slot[1]->pins, 0);
	pb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_percentile_is_right_within_a_quarter),
		cmocka_unit_test(p1_the_second_answers_first_and_the_first_is_late),
		cmocka_unit_test(p1_the_first_answers_first_after_all),
		cmocka_unit_test(p8_a_bad_answer_waits_for_the_other),
		cmocka_unit_test(p8_two_bad_answers_are_a_lost_page),
		cmocka_unit_test(p1_a_partial_write_over_a_hedged_read),
		cmocka_unit_test(p7_a_share_of_the_reads_is_hedged_at_most),
		cmocka_unit_test(nobody_is_bothered_who_should_not_be),
		cmocka_unit_test(p9_a_server_leaves_while_both_are_asked),
		cmocka_unit_test(destroyed_while_both_are_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
