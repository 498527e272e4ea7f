// SPDX-License-Identifier: GPL-2.0-only
/* Windows, timeouts that prove spurious, and who goes first. */
#include "page_bed.h"

#define US(n) ((u64)(n)*1000)

static u64 now;

/* @n answers after @rtt each, the window used up, @gap apart. */
static void answers(struct eng_window *w, u32 n, u64 rtt, u64 gap)
{
	while (n--) {
		now += gap;
		eng_window_sample(w, rtt, now);
		eng_window_answered(w, w->cwnd);
	}
}

static struct eng_window window(u32 channels)
{
	struct eng_window w;

	now = PB_MS(5000);
	eng_window_reset(&w, channels);
	return w;
}

static void p7_a_window_grows_with_answers_up_to_the_channels(void **state)
{
	struct eng_window w = window(64);

	assert_int_equal(w.cwnd, WIN_INIT);
	answers(&w, 1, US(200), US(10));
	assert_int_equal(w.cwnd, WIN_INIT + 1);
	/* Not used up: nothing is learnt of it. */
	eng_window_sample(&w, US(200), ++now);
	eng_window_answered(&w, w.cwnd - 1);
	assert_int_equal(w.cwnd, WIN_INIT + 1);
	answers(&w, 1000, US(200), US(10));
	assert_int_equal(w.cwnd, 64);
	w = window(2);
	assert_int_equal(w.cwnd, 2);
	answers(&w, 10, US(200), US(10));
	assert_int_equal(w.cwnd, 2);
}

static void losses_of_one_window_halve_it_once(void **state)
{
	struct eng_window w = window(64);
	u32 cut, i;

	answers(&w, 1000, US(200), US(10));
	cut = eng_window_lost(&w, now - PB_MS(5), now);
	now += PB_MS(1);
	for (i = 0; i < 10; i++)
		assert_int_equal(eng_window_lost(&w, now - PB_MS(2), now), cut);
	assert_int_equal(w.cwnd, 32);
	/* From now on it grows by one a window. */
	answers(&w, 32, US(200), US(10));
	assert_int_equal(w.cwnd, 33);
	for (i = 0; i < 10; i++) {
		assert_int_equal(eng_window_lost(&w, now, now + 1), ++cut);
		now += 2;
	}
	assert_int_equal(w.cwnd, WIN_MIN);
	w = window(2);
	eng_window_lost(&w, now, now);
	assert_int_equal(w.cwnd, 2);
}

static void a_queue_on_the_way_stops_growth(void **state)
{
	struct eng_window w = window(64);
	u32 was;

	answers(&w, 4, US(200), US(10));
	was = w.cwnd;
	answers(&w, 20, PB_MS(5), US(10)); /* the first few before it shows */
	assert_true(w.cwnd <= was + 4);
	was = w.cwnd;
	answers(&w, 1000, PB_MS(5), US(10));
	assert_int_equal(w.cwnd, was);
	/* Gone: it grows again, slowly. */
	answers(&w, 40, US(200), US(10));
	assert_in_range(w.cwnd, was + 1, was + 2);
	/* A path that is just long is no queue, once it has been like that for a while. */
	now += 2 * WIN_LEAST_NS;
	answers(&w, 1, PB_MS(5), US(10));
	now += 2 * WIN_LEAST_NS;
	answers(&w, 4000, PB_MS(5), US(10));
	assert_int_equal(w.cwnd, 64);
}

static void a_pause_closes_the_window_a_little(void **state)
{
	struct eng_window w = window(64);

	eng_window_send(&w, 0, now);
	answers(&w, 1000, US(200), US(10));
	eng_window_send(&w, 1, now + 2 * WIN_IDLE_NS);
	assert_int_equal(w.cwnd, 64);
	now += 4 * WIN_IDLE_NS;
	eng_window_send(&w, 0, now);
	assert_int_equal(w.cwnd, WIN_INIT);
	answers(&w, 64, US(200), US(10));
	assert_int_equal(w.cwnd, 64);
}

static void the_timeout_follows_the_round_trips(void **state)
{
	struct eng_window w = window(64);
	u32 i;

	assert_true(w.rto_ns == WIN_RTO_INIT_NS);
	answers(&w, 200, US(100), US(100));
	assert_true(w.rto_ns == WIN_RTO_MIN_NS);
	for (i = 0; i < 50; i++) {
		answers(&w, 1, PB_MS(10), PB_MS(1));
		answers(&w, 1, PB_MS(30), PB_MS(1));
	}
	assert_true(w.rto_ns > PB_MS(45) && w.rto_ns < PB_MS(80));
	/* Sixty-four quick answers within one round trip do not make it forget. */
	answers(&w, 64, PB_MS(10), US(50));
	assert_true(w.rto_ns > PB_MS(40));
	answers(&w, 100, PB_MS(10), PB_MS(10));
	assert_true(w.rto_ns < PB_MS(11));
	eng_window_backoff(&w, PB_MS(200));
	assert_true(w.rto_ns == PB_MS(200));
	answers(&w, 1, PB_MS(10), PB_MS(10));
	assert_true(w.rto_ns < PB_MS(12));
}

static void spurious_timeouts_are_undone_and_learnt_from(void **state)
{
	struct eng_window w = window(64);
	u64 floor = WIN_RTO_MIN_NS;
	u32 cut, i;

	answers(&w, 1000, US(200), US(10));
	cut = eng_window_lost(&w, now - PB_MS(4), now);
	eng_window_lost(&w, now - PB_MS(4), now);
	assert_int_equal(w.cwnd, 32);
	assert_true(eng_window_early(&w, US(99)));
	assert_false(eng_window_early(&w, US(101)));
	/* One of two: perhaps the other was lost indeed. */
	eng_window_spurious(&w, cut, PB_MS(30), now);
	assert_int_equal(w.cwnd, 32);
	assert_true(w.floor_ns == 2 * WIN_RTO_MIN_NS && w.rto_ns > PB_MS(30));
	eng_window_spurious(&w, cut, PB_MS(30), now);
	assert_int_equal(w.cwnd, 64);
	assert_true(w.floor_ns == 2 * WIN_RTO_MIN_NS); /* one stop counts once */
	/* A server that stands still for 30 ms again and again. */
	for (i = 0; i < 5; i++) {
		now += PB_MS(500);
		cut = eng_window_lost(&w, now, now);
		eng_window_spurious(&w, cut, PB_MS(30), now);
		answers(&w, 1000, US(200), US(100));
		assert_true(w.floor_ns >= floor && w.rto_ns == w.floor_ns);
		floor = w.floor_ns;
	}
	assert_true(floor > PB_MS(30) && floor < PB_MS(40));
	assert_int_equal(w.cwnd, 64);
	/* Of a cut long ago: the window is not touched. */
	cut = eng_window_lost(&w, now, now);
	eng_window_spurious(&w, cut - 1, PB_MS(30), now);
	assert_int_equal(w.cwnd, 32);
	for (i = 0; i < 20; i++)
		answers(&w, 1, US(200), WIN_CALM_NS);
	assert_true(w.floor_ns == WIN_RTO_MIN_NS && w.rto_ns == WIN_RTO_MIN_NS);
	for (i = 0; i < 20; i++) {
		now++;
		eng_window_spurious(&w, eng_window_lost(&w, now, now), 5 * NS_PER_S, now);
	}
	assert_true(w.floor_ns == WIN_FLOOR_MAX_NS && w.rto_ns == WIN_RTO_MAX_NS);
}

/* ---- with messages ---- */

static struct pb *bed(u16 channels)
{
	struct pb *b = pb_new(1);

	b->channels = channels;
	pb_play(b, 0, 1000, 9000);
	return b;
}

static struct pb_io *write_page(struct pb *b, u32 page_no)
{
	return pb_write(b, 0, page_no, 0, ANM_PAGE_SIZE, page_no);
}

static void stored(struct pb *b, u32 from, u32 to)
{
	for (; from < to; from++) {
		struct pb_io *p = write_page(b, from);

		pb_ack(b, 0, AMP_PAGE_OUT);
		assert_int_equal(pb_wait(b, p, NULL), 0);
	}
}

/* All that was heard is answered at once. Return: how many. */
static u32 ack_all(struct pb *b)
{
	struct amp_hdr h[64];
	u32 i, n = b->inbox_len;

	assert_true(n <= ARRAY_SIZE(h));
	for (i = 0; i < n; i++) {
		struct anm_rec rec = {.head = b->inbox[i]->buf,
				      .head_len = b->inbox[i]->len,
				      .len = b->inbox[i]->len};

		assert_int_equal(amp_hdr_decode(&rec, &h[i]), 0);
		h[i] = pb_answer_to(h[i], AMP_ACK);
	}
	pb_inbox_clear(b);
	for (i = 0; i < n; i++)
		pb_say(b, 0, &h[i], NULL, 0);
	return n;
}

static void p7_the_window_bounds_what_is_in_flight(void **state)
{
	static const u32 rounds[] = {16, 32, 64, 64, 24};
	struct pb_io *p[200];
	struct pb *b = bed(64);
	u32 i;

	for (i = 0; i < 200; i++)
		p[i] = write_page(b, i);
	assert_int_equal(pb_info(b, 0).cwnd, WIN_INIT);
	assert_int_equal(pb_info(b, 0).queued, 200 - WIN_INIT);
	for (i = 0; i < ARRAY_SIZE(rounds); i++) {
		pb_run(b, 1);
		assert_int_equal(pb_info(b, 0).in_flight, rounds[i]);
		assert_int_equal(ack_all(b), rounds[i]);
	}
	for (i = 0; i < 200; i++)
		assert_int_equal(pb_wait(b, p[i], NULL), 0);
	assert_int_equal(b->e->stats.amp_retransmits, 0);
	pb_free(b);
}

/* Reads go first, but of XFER_URGENT_RUN + 1 messages one is a write. */
static void reads_overtake_writes_that_do_not_starve(void **state)
{
	u8 page[ANM_PAGE_SIZE];
	struct pb_io *r[24], *w[6];
	struct pb *b = bed(1);
	u32 i, reads = 0, writes = 0;

	stored(b, 0, 24);
	for (i = 0; i < ARRAY_SIZE(w); i++)
		w[i] = write_page(b, 100 + i);
	for (i = 0; i < ARRAY_SIZE(r); i++)
		r[i] = pb_read(b, 0, i);
	pb_ack(b, 0, AMP_PAGE_OUT); /* on its way already */
	writes++;
	while (writes < ARRAY_SIZE(w) || reads < ARRAY_SIZE(r)) {
		pb_run(b, 1);
		if (pb_inbox(b, 0, AMP_PAGE_IN)) {
			struct amp_hdr h = pb_hear(b, 0, AMP_PAGE_IN, NULL);

			assert_int_equal(h.key.offset, reads * ANM_PAGE_SIZE); /* FIFO */
			pb_fill(page, reads++);
			pb_page(b, 0, h, page, h.page_version);
			continue;
		}
		assert_int_equal(pb_ack(b, 0, AMP_PAGE_OUT).key.offset,
				 (100 + writes++) * ANM_PAGE_SIZE);
		if (reads < ARRAY_SIZE(r))
			assert_int_equal(reads, (writes - 1) * XFER_URGENT_RUN);
	}
	for (i = 0; i < ARRAY_SIZE(w); i++)
		assert_int_equal(pb_wait(b, w[i], NULL), 0);
	for (i = 0; i < ARRAY_SIZE(r); i++)
		assert_int_equal(pb_wait(b, r[i], NULL), 0);
	pb_free(b);
}

static void what_is_lost_on_a_quick_path_is_sent_again_within_milliseconds(void **state)
{
	struct pb *b = bed(4);
	struct pb_io *p;
	u32 ms;

	stored(b, 0, 40);
	assert_true(pb_info(b, 0).rto_ns <= PB_MS(5));
	p = write_page(b, 50);
	pb_hear(b, 0, AMP_PAGE_OUT, NULL);
	for (ms = 1; !pb_inbox(b, 0, AMP_PAGE_OUT); ms++)
		pb_run(b, 1);
	assert_in_range(ms, 3, 7);
	pb_ack(b, 0, AMP_PAGE_OUT);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(b->e->stats.amp_retransmits, 1);
	assert_int_equal(b->e->stats.amp_spurious, 0);
	pb_free(b);
}

/* The same answer twice: the message had arrived, and was sent again for nothing. */
static void a_second_answer_tells_a_spurious_timeout(void **state)
{
	struct pb *b = bed(64);
	struct pb_io *p;
	struct amp_hdr h;

	stored(b, 0, 40);
	p = write_page(b, 50);
	h = pb_hear(b, 0, AMP_PAGE_OUT, NULL);
	pb_run(b, 6);
	assert_int_equal(pb_inbox(b, 0, AMP_PAGE_OUT), 1);
	assert_int_equal(pb_info(b, 0).cwnd, WIN_INIT / 2);
	pb_run(b, 2);
	h = pb_answer_to(h, AMP_ACK);
	pb_say(b, 0, &h, NULL, 0);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(pb_info(b, 0).spurious, 0);
	pb_say(b, 0, &h, NULL, 0);
	assert_int_equal(pb_info(b, 0).spurious, 1);
	assert_int_equal(pb_info(b, 0).cwnd, WIN_INIT);
	assert_true(pb_info(b, 0).rto_ns >= PB_MS(8));
	/* A third one, or one of another number, tells nothing more. */
	pb_say(b, 0, &h, NULL, 0);
	h.seq--;
	pb_say(b, 0, &h, NULL, 0);
	assert_int_equal(pb_info(b, 0).spurious, 1);
	assert_int_equal(b->e->stats.amp_late, 3);
	pb_free(b);
}

/* Right after a retransmission, sooner than any answer ever came. */
static void an_early_answer_tells_a_spurious_timeout(void **state)
{
	struct pb *b = bed(64);
	struct pb_io *p;
	struct amp_hdr h;
	u32 i;

	for (i = 0; i < 40; i++) {
		p = write_page(b, i);
		pb_run(b, 9);
		pb_ack(b, 0, AMP_PAGE_OUT);
		assert_int_equal(pb_wait(b, p, NULL), 0);
	}
	p = write_page(b, 50);
	h = pb_hear(b, 0, AMP_PAGE_OUT, NULL);
	while (!pb_inbox(b, 0, AMP_PAGE_OUT))
		pb_run(b, 1);
	h = pb_answer_to(h, AMP_ACK);
	pb_say(b, 0, &h, NULL, 0);
	assert_int_equal(pb_info(b, 0).spurious, 1);
	assert_int_equal(pb_info(b, 0).cwnd, WIN_INIT);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	/* And its second answer is the same news. */
	pb_say(b, 0, &h, NULL, 0);
	assert_int_equal(pb_info(b, 0).spurious, 1);
	pb_free(b);
}

/* The clock ticks late, and before the answers that lie there are looked at. */
static void an_engine_that_stood_still_resends_nothing(void **state)
{
	struct pb *b = bed(64);
	struct pb_io *p;
	struct amp_hdr h;

	stored(b, 0, 40);
	p = write_page(b, 50);
	h = pb_hear(b, 0, AMP_PAGE_OUT, NULL);
	b->now += PB_MS(50);
	eng_tick(b->e, b->now);
	h = pb_answer_to(h, AMP_ACK);
	pb_say(b, 0, &h, NULL, 0);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(b->e->stats.amp_retransmits, 0);
	/* Without an answer it is sent again soon after. */
	p = write_page(b, 51);
	pb_hear(b, 0, AMP_PAGE_OUT, NULL);
	b->now += PB_MS(500);
	eng_tick(b->e, b->now);
	pb_run(b, 4);
	assert_int_equal(pb_inbox(b, 0, AMP_PAGE_OUT), 1);
	pb_ack(b, 0, AMP_PAGE_OUT);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_free(b);
}

static void nobody_ticks_while_nothing_is_in_flight(void **state)
{
	struct pb *b = bed(64);
	struct pb_io *p;

	stored(b, 0, 40);
	pb_run(b, 5);
	assert_true(eng_tick_due(b->e) == ENG_TICK_MAX_NS);
	assert_true(eng_tick(b->e, b->now + PB_MS(100)) >= ENG_LIVENESS_NS);
	b->now += PB_MS(100);
	p = write_page(b, 50);
	assert_true(eng_tick_due(b->e) >= PB_MS(3) && eng_tick_due(b->e) <= PB_MS(5));
	pb_ack(b, 0, AMP_PAGE_OUT);
	assert_true(eng_tick_due(b->e) == ENG_TICK_MAX_NS);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p7_a_window_grows_with_answers_up_to_the_channels),
		cmocka_unit_test(losses_of_one_window_halve_it_once),
		cmocka_unit_test(a_queue_on_the_way_stops_growth),
		cmocka_unit_test(a_pause_closes_the_window_a_little),
		cmocka_unit_test(the_timeout_follows_the_round_trips),
		cmocka_unit_test(spurious_timeouts_are_undone_and_learnt_from),
		cmocka_unit_test(p7_the_window_bounds_what_is_in_flight),
		cmocka_unit_test(reads_overtake_writes_that_do_not_starve),
		cmocka_unit_test(what_is_lost_on_a_quick_path_is_sent_again_within_milliseconds),
		cmocka_unit_test(a_second_answer_tells_a_spurious_timeout),
		cmocka_unit_test(an_early_answer_tells_a_spurious_timeout),
		cmocka_unit_test(an_engine_that_stood_still_resends_nothing),
		cmocka_unit_test(nobody_ticks_while_nothing_is_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
