// SPDX-License-Identifier: GPL-2.0-only
/* Copies of a page that do not match their CRC, with servers played by the test. */
#include "page_bed.h"

static struct pb *bed(void)
{
	struct pb *b = pb_new(1);

	pb_play(b, 0, 1000, 9000);
	return b;
}

/* A critical page on the two played servers, being read. Return: which of them was asked. */
static u32 pair_read(struct pb *b, struct pb_io **p)
{
	pb_play(b, 1, 1000, 9000);
	*p = pb_write(b, 1, 1, 0, ANM_PAGE_SIZE, 1);
	pb_ack(b, 0, AMP_PAGE_OUT);
	assert_false((*p)->done); /* promise 2 */
	pb_ack(b, 1, AMP_PAGE_OUT);
	assert_int_equal(pb_wait(b, *p, NULL), 0);
	*p = pb_read(b, 1, 1);
	pb_run(b, 1);
	return pb_inbox(b, 0, AMP_PAGE_IN) ? 0 : 1;
}

static void answer_page(struct pb *b, u32 node, bool good)
{
	struct amp_hdr h = pb_hear(b, node, AMP_PAGE_IN, NULL);
	u8 page[ANM_PAGE_SIZE];

	pb_fill(page, 1);
	if (good) {
		pb_page(b, node, h, page, h.page_version);
		return;
	}
	h.type = AMP_PAGE;
	h.part_len = ANM_PAGE_SIZE;
	h.form_len = ANM_PAGE_SIZE;
	h.page_crc = 1;
	pb_say(b, node, &h, page, 0);
}

static void p2_a_copy_garbled_on_its_way_is_kept(void **state)
{
	struct pb *b = bed();
	struct pb_io *p;
	u32 first = pair_read(b, &p);

	answer_page(b, first, false);
	answer_page(b, first, true);
	assert_true(p->done);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(b->e->stats.pages_bad, 0);
	assert_int_equal(b->vai[1].degraded, 0);
	pb_free(b);
}

/* A critical page that one server's copy of does not match twice, read from the other. */
static u32 bad_read(struct pb *b, struct pb_io **p)
{
	u32 bad = pair_read(b, p);

	answer_page(b, bad, false);
	answer_page(b, bad, false);
	assert_int_equal(b->e->stats.pages_bad, 0); /* it could be the only one */
	answer_page(b, !bad, true);
	assert_int_equal(b->e->stats.pages_bad, 1);
	assert_false((*p)->done);
	return bad;
}

static void p2_a_bad_copy_is_written_anew(void **state)
{
	struct pb *b = bed();
	struct pb_io *p;
	u32 bad = bad_read(b, &p);

	pb_ack(b, !bad, AMP_PAGE_OUT);
	assert_false(p->done);
	pb_ack(b, bad, AMP_PAGE_OUT);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(b->vai[1].degraded, 0);
	assert_int_equal(pb_info(b, 0).mapped, 1);
	assert_int_equal(pb_info(b, 1).mapped, 1);
	pb_run(b, 1);
	assert_int_equal(pb_inbox(b, 0, AMP_DISCARD) + pb_inbox(b, 1, AMP_DISCARD), 0);
	pb_free(b);
}

/* There is a third: better that one. */
static void p2_a_bad_copy_goes_to_another_server(void **state)
{
	struct pb *b = bed();
	struct pb_io *p;
	u32 bad;

	bad = pair_read(b, &p);
	pb_play(b, 2, 1000, 9000);
	answer_page(b, bad, false);
	answer_page(b, bad, false);
	answer_page(b, !bad, true);
	pb_ack(b, !bad, AMP_PAGE_OUT);
	assert_int_equal(pb_info(b, bad).mapped, 1);
	pb_ack(b, 2, AMP_PAGE_OUT);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(b->vai[1].degraded, 0);
	assert_int_equal(pb_info(b, bad).mapped, 0);
	assert_int_equal(pb_info(b, 2).mapped, 1);
	pb_run(b, 1);
	assert_true(pb_inbox(b, bad, AMP_DISCARD) > 0);
	assert_int_equal(pb_inbox(b, !bad, AMP_DISCARD), 0);
	pb_free(b);
}

/* The reader has its page, so the server with the bad copy has one chance. */
static void p10_a_bad_copy_is_given_up_soon(void **state)
{
	struct pb *b = bed();
	struct pb_io *p;
	u32 bad = bad_read(b, &p);

	pb_ack(b, !bad, AMP_PAGE_OUT);
	pb_run(b, 1500);
	assert_true(p->done);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(b->vai[1].degraded, 1);
	assert_int_equal(pb_info(b, bad).mapped, 0);
	assert_int_equal(pb_info(b, !bad).mapped, 1);
	pb_free(b);
}

/* Nobody has it but the server whose copies are bad: then it is not believed alone. */
static void p9_the_good_copy_stays_when_only_the_bad_is_replaced(void **state)
{
	struct pb *b = bed();
	struct pb_io *p;
	u32 bad = bad_read(b, &p);

	pb_ack(b, bad, AMP_PAGE_OUT);
	while (!p->done)
		pb_nack(b, !bad, AMP_PAGE_OUT, AMP_E_INVAL, 0);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(pb_info(b, bad).mapped, 1);
	assert_int_equal(pb_info(b, !bad).mapped, 1);
	pb_free(b);
}

/* It was the network that was bad, and now it is the only copy. */
static void p9_a_bad_copy_stays_when_the_other_goes(void **state)
{
	struct pb *b = bed();
	struct pb_io *p;
	u32 bad = bad_read(b, &p);

	assert_int_equal(eng_server_remove(b->e, bad ? "play0" : "play1", true, NULL), 0);
	pb_ack(b, bad, AMP_PAGE_OUT);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(pb_info(b, bad).mapped, 1);
	pb_run(b, 1);
	assert_int_equal(pb_inbox(b, bad, AMP_DISCARD), 0);
	pb_free(b);
}

/* All that there is does not match: an error, and the copies stay. */
static void p8_the_only_copy_is_kept_although_bad(void **state)
{
	struct pb *b = bed();
	struct pb_io *p = pb_write(b, 0, 1, 0, ANM_PAGE_SIZE, 1);
	u32 n;

	pb_ack(b, 0, AMP_PAGE_OUT);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	p = pb_read(b, 0, 1);
	for (n = 0; !p->done && n < 10; n++) {
		pb_run(b, 1);
		answer_page(b, 0, false);
	}
	assert_int_equal(pb_wait(b, p, NULL), -EIO);
	assert_int_equal(b->e->stats.pages_bad, 0);
	assert_int_equal(pb_info(b, 0).mapped, 1);
	p = pb_read(b, 0, 1);
	pb_run(b, 1);
	answer_page(b, 0, true);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p2_a_copy_garbled_on_its_way_is_kept),
		cmocka_unit_test(p2_a_bad_copy_is_written_anew),
		cmocka_unit_test(p2_a_bad_copy_goes_to_another_server),
		cmocka_unit_test(p10_a_bad_copy_is_given_up_soon),
		cmocka_unit_test(p9_the_good_copy_stays_when_only_the_bad_is_replaced),
		cmocka_unit_test(p9_a_bad_copy_stays_when_the_other_goes),
		cmocka_unit_test(p8_the_only_copy_is_kept_although_bad),
	};

	return cmocka_run_group_tests_name("bad", tests, NULL, NULL);
}
