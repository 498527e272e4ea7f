// SPDX-License-Identifier: GPL-2.0-only
/* Channels, parts, retransmission and refusals, with servers played by the test. */
#include "page_bed.h"

static struct pb *bed(u16 mtu)
{
	struct pb *b = pb_new(1);

	pb_play(b, 0, 1000, mtu);
	return b;
}

static struct pb_io *write_page(struct pb *b, u32 page_no, u32 seed)
{
	return pb_write(b, 0, page_no, 0, ANM_PAGE_SIZE, seed);
}

static void pages_leave_in_parts_that_fit_the_mtu(void **state)
{
	static const u16 mtus[] = {1280, 1500, 2100, 4176, 4300, 9000};
	u8 got[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE];
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(mtus); i++) {
		struct pb *b = bed(mtus[i]);
		struct pb_io *p = write_page(b, 3, i);
		struct amp_hdr h;

		pb_run(b, 1);
		assert_int_equal(pb_inbox(b, 0, AMP_PAGE_OUT), amp_nparts(mtus[i], ANM_PAGE_SIZE));
		for (j = 0; j < b->inbox_len; j++)
			assert_true(b->inbox[j]->len + AMP_UDP_OVERHEAD <= mtus[i]);
		h = pb_hear(b, 0, AMP_PAGE_OUT, got);
		pb_fill(want, i);
		assert_memory_equal(got, want, sizeof(got));
		assert_int_equal(h.page_crc, ~anm_crc32c(~0u, want, ANM_PAGE_SIZE));
		assert_int_equal(h.key.client, 0x0a000064);
		assert_int_equal(h.key.vai, 0x1000);
		assert_int_equal(h.key.offset, 3 * ANM_PAGE_SIZE);
		assert_int_equal(h.seq, 1);
		h.type = AMP_ACK;
		h.form_len = 0;
		h.nparts = 1;
		h.part_len = 0;
		pb_say(b, 0, &h, NULL, 0);
		assert_true(p->done);
		assert_int_equal(pb_wait(b, p, NULL), 0);
		pb_free(b);
	}
}

static void p7_the_window_is_the_number_of_channels(void **state)
{
	struct pb *b = bed(9000); /* of 4 channels */
	struct pb_io *p[10];
	u32 i;

	for (i = 0; i < 10; i++)
		p[i] = write_page(b, i, i);
	pb_run(b, 1);
	assert_int_equal(pb_inbox(b, 0, AMP_PAGE_OUT), 4);
	assert_int_equal(pb_info(b, 0).in_flight, 4);
	assert_int_equal(pb_info(b, 0).queued, 6);
	for (i = 0; i < 10; i++) {
		struct amp_hdr h = pb_ack(b, 0, AMP_PAGE_OUT);

		assert_int_equal(h.key.offset, i * ANM_PAGE_SIZE); /* FIFO */
		assert_int_equal(h.seq, 1 + i / 4);
		assert_true(p[i]->done);
		free(p[i]);
	}
	assert_int_equal(pb_info(b, 0).in_flight, 0);
	pb_free(b);
}

static void p3_late_answers_change_nothing(void **state)
{
	struct pb *b = bed(9000);
	struct pb_io *p = write_page(b, 1, 1);
	struct amp_hdr h = pb_hear(b, 0, AMP_PAGE_OUT, NULL), a;
	u64 late = b->e->stats.amp_late;
	u8 page[ANM_PAGE_SIZE] = {0};

	a = h;
	a.type = AMP_ACK;
	a.form_len = 0;
	a.part_len = 0;
	a.page_crc = 0;
	a.form_len = 0;
	/* Of other numbers, of no channel. */
	a.seq = h.seq + 1;
	pb_say(b, 0, &a, NULL, 0);
	a.seq = h.seq - 1;
	pb_say(b, 0, &a, NULL, 0);
	a.seq = h.seq;
	a.channel = 77;
	pb_say(b, 0, &a, NULL, 0);
	a.channel = (u16)(h.channel + 1);
	pb_say(b, 0, &a, NULL, 0);
	assert_false(p->done);
	assert_int_equal(b->e->stats.amp_late, late + 4);
	/* Of another page, of the wrong kind. */
	a.channel = h.channel;
	a.key.offset += ANM_PAGE_SIZE;
	pb_say(b, 0, &a, NULL, 0);
	a.key = h.key;
	pb_page(b, 0, h, page, 1);
	assert_false(p->done);
	assert_true(b->e->stats.amp_malformed >= 2);
	/* The right one, twice. */
	pb_say(b, 0, &a, NULL, 0);
	assert_true(p->done);
	pb_say(b, 0, &a, NULL, 0);
	assert_int_equal(b->e->stats.amp_late, late + 5);
	assert_int_equal(b->e->stats.pages_written, 1);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_free(b);
}

static void p3_answers_to_a_read_of_before_are_late(void **state)
{
	struct pb *b = bed(1500);
	u8 one[ANM_PAGE_SIZE], two[ANM_PAGE_SIZE], got[ANM_PAGE_SIZE];
	struct amp_hdr h1, h2;
	struct pb_io *p;
	u64 v;

	pb_fill(one, 1);
	pb_fill(two, 2);
	p = write_page(b, 1, 1);
	v = pb_ack(b, 0, AMP_PAGE_OUT).page_version;
	assert_int_equal(pb_wait(b, p, NULL), 0);
	p = pb_read(b, 0, 1);
	h1 = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	assert_true(h1.page_version == v);
	pb_page(b, 0, h1, one, v);
	assert_int_equal(pb_wait(b, p, got), 0);
	assert_memory_equal(got, one, sizeof(got));
	p = pb_read(b, 0, 1);
	h2 = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	assert_int_equal(h2.channel, h1.channel);
	pb_page(b, 0, h1, two, v); /* would do by its version */
	assert_false(p->done);
	pb_page(b, 0, h2, one, v);
	assert_int_equal(pb_wait(b, p, got), 0);
	assert_memory_equal(got, one, sizeof(got));
	pb_free(b);
}

static struct pb_io *stored_then_read(struct pb *b, u64 *version)
{
	struct pb_io *p = write_page(b, 1, 1);

	*version = pb_ack(b, 0, AMP_PAGE_OUT).page_version;
	assert_int_equal(pb_wait(b, p, NULL), 0);
	return pb_read(b, 0, 1);
}

static void p1_a_page_is_made_of_parts_of_one_answer(void **state)
{
	struct pb *b = bed(1500);
	u8 one[ANM_PAGE_SIZE], two[ANM_PAGE_SIZE], got[ANM_PAGE_SIZE];
	struct amp_hdr h, part;
	u32 size = amp_part_size(1500);
	struct pb_io *p;
	u64 v;

	pb_fill(one, 1);
	pb_fill(two, 2);
	p = stored_then_read(b, &v);
	h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	/* The last two parts of the older page, then all of a newer, then the first again. */
	part = h;
	part.type = AMP_PAGE;
	part.nparts = (u8)amp_nparts(1500, ANM_PAGE_SIZE);
	part.page_version = v;
	part.form_len = ANM_PAGE_SIZE;
	part.page_crc = ~anm_crc32c(~0u, one, ANM_PAGE_SIZE);
	for (part.part = 1; part.part < part.nparts; part.part++) {
		part.part_off = (u16)(part.part * size);
		part.part_len = (u16)min(size, ANM_PAGE_SIZE - part.part_off);
		pb_say(b, 0, &part, one + part.part_off, 0);
		pb_say(b, 0, &part, one + part.part_off, 0);
	}
	assert_false(p->done);
	pb_page(b, 0, h, two, v + 1);
	assert_true(p->done);
	assert_int_equal(pb_wait(b, p, got), 0);
	assert_memory_equal(got, two, sizeof(got));
	assert_int_equal(b->e->stats.amp_crc, 0);
	pb_free(b);
}

static void hostile_parts_are_dropped(void **state)
{
	struct pb *b = bed(1500);
	u8 one[ANM_PAGE_SIZE];
	struct amp_hdr h, part;
	struct pb_io *p;
	u64 v, bad;

	pb_fill(one, 1);
	p = stored_then_read(b, &v);
	h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	part = h;
	part.type = AMP_PAGE;
	part.page_version = v;
	part.form_len = ANM_PAGE_SIZE;
	part.page_crc = ~anm_crc32c(~0u, one, ANM_PAGE_SIZE);
	bad = b->e->stats.amp_malformed;
	part.nparts = 1;
	part.part_len = 64;
	pb_say(b, 0, &part, one, 0);
	part.nparts = (u8)amp_nparts(1500, ANM_PAGE_SIZE);
	pb_say(b, 0, &part, one, 0);
	part.part_len = (u16)amp_part_size(1500);
	part.part_off = 8;
	pb_say(b, 0, &part, one, 0);
	assert_int_equal(b->e->stats.amp_malformed, bad + 3);
	assert_false(p->done);
	pb_page(b, 0, h, one, v);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_free(b);
}

static void a_page_that_fails_its_crc_is_asked_for_again(void **state)
{
	struct pb *b = bed(9000);
	u8 page[ANM_PAGE_SIZE], got[ANM_PAGE_SIZE];
	struct amp_hdr h, bad;
	struct pb_io *p;
	u64 v;

	pb_fill(page, 1);
	p = stored_then_read(b, &v);
	h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	bad = h;
	bad.type = AMP_PAGE;
	bad.page_version = v;
	bad.part_len = ANM_PAGE_SIZE;
	bad.form_len = ANM_PAGE_SIZE;
	bad.page_crc = 12345;
	pb_say(b, 0, &bad, page, 0);
	assert_false(p->done);
	assert_int_equal(b->e->stats.amp_crc, 1);
	assert_int_equal(pb_info(b, 0).crc_errors, 1);
	h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	pb_page(b, 0, h, page, v);
	assert_int_equal(pb_wait(b, p, got), 0);
	assert_memory_equal(got, page, sizeof(got));
	/* Always wrong: an error in the end, not wrong bytes. */
	p = pb_read(b, 0, 1);
	while (!p->done) {
		h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
		bad.seq = h.seq;
		bad.channel = h.channel;
		pb_say(b, 0, &bad, page, 0);
	}
	assert_int_equal(pb_wait(b, p, NULL), -EIO);
	assert_int_equal(b->e->stats.amp_crc, 5);
	pb_free(b);
}

static void lost_messages_are_sent_again_with_growing_patience(void **state)
{
	struct pb *b = bed(9000);
	struct pb_io *p = write_page(b, 1, 1);
	u64 start = b->now, last = 0, gap = 0;
	u32 n = 0;

	while (!p->done && b->now - start < PB_MS(30000) && n < ENG_XFER_TRIES_MAX) {
		pb_run(b, 1);
		if (!pb_inbox(b, 0, AMP_PAGE_OUT))
			continue;
		pb_hear(b, 0, AMP_PAGE_OUT, NULL);
		if (n > 1)
			assert_true(b->now - last + PB_MS(5) >= gap);
		gap = n ? b->now - last : 0;
		last = b->now;
		n++;
		/* It must not be declared dead before it is given up. */
		pb_say(b, 0,
		       &(struct amp_hdr){.protocol = 1,
					 .type = AMP_ACK,
					 .nparts = 1,
					 .channel = 3,
					 .session = b->node[0].session},
		       NULL, 0);
	}
	assert_int_equal(n, ENG_XFER_TRIES_MAX);
	assert_true(gap > PB_MS(900) && gap < PB_MS(1100));
	assert_int_equal(b->e->stats.amp_retransmits, ENG_XFER_TRIES_MAX - 1);
	pb_run(b, 1100);
	assert_int_equal(b->e->stats.amp_timeouts, 1);
	assert_int_equal(pb_info(b, 0).state, ENG_SERVER_SUSPECT);
	/* The only server there is: asked once more, and it answers. */
	pb_ack(b, 0, AMP_PAGE_OUT);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(pb_info(b, 0).state, ENG_SERVER_LIVE);
	pb_free(b);
}

static struct pb *three_real_servers(u8 class)
{
	struct pb *b = pb_new(1);
	u32 i;

	b->delay_ns = PB_MS(30);
	for (i = 0; i < 3; i++)
		pb_server(b, i, 1000, 9000);
	pb_join_all(b);
	pb_vai(b, 0, class, PB_PAGES);
	pb_write_pages(b, 64, 1);
	return b;
}

/* ms until all of 64 pages are written at once, or read. */
static u64 time_of_pages(struct pb *b, bool write, u32 seed)
{
	struct pb_io *p[64];
	u64 start = b->now;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = write ? write_page(b, i, seed + i) : pb_read(b, 0, i);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		u8 got[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE];

		assert_int_equal(pb_wait(b, p[i], write ? NULL : got), 0);
		pb_fill(want, seed + i);
		assert_true(write || !memcmp(got, want, sizeof(got)));
	}
	return (b->now - start) / NS_PER_MS;
}

static void p10_a_silent_server_is_not_waited_for_while_others_answer(void **state)
{
	struct pb *b = three_real_servers(ENG_CLASS_CRITICAL);
	u64 write_ms = time_of_pages(b, true, 100), read_ms = time_of_pages(b, false, 100);

	b->node[1].cut = true;
	assert_in_range(time_of_pages(b, true, 200), 0, 2 * write_ms + 1000);
	b->node[1].cut = false;
	pb_run(b, 10000);
	b->node[2].cut = true;
	assert_in_range(time_of_pages(b, false, 200), 0, 2 * read_ms + 1000);
	pb_free(b);
}

static void p8_the_server_of_the_only_copy_is_waited_for(void **state)
{
	struct pb *b = three_real_servers(ENG_CLASS_NORMAL);
	struct pb_io *p[64];
	u32 i;

	b->node[1].cut = true;
	for (i = 0; i < 64; i++)
		p[i] = pb_read(b, 0, i);
	pb_run(b, 3000);
	b->node[1].cut = false;
	for (i = 0; i < 64; i++) {
		u8 got[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE];

		assert_int_equal(pb_wait(b, p[i], got), 0);
		pb_fill(want, 1 + i);
		assert_memory_equal(got, want, sizeof(got));
	}
	pb_free(b);
}

static void round_trips_set_the_timeout(void **state)
{
	struct pb *b = bed(9000);
	struct pb_io *p;
	u32 i;

	assert_true(pb_info(b, 0).rto_ns == WIN_RTO_INIT_NS);
	for (i = 0; i < 50; i++) {
		p = write_page(b, i, i);
		pb_run(b, 29);
		pb_ack(b, 0, AMP_PAGE_OUT);
		assert_int_equal(pb_wait(b, p, NULL), 0);
	}
	assert_true(pb_info(b, 0).srtt_ns >= PB_MS(29) && pb_info(b, 0).srtt_ns <= PB_MS(31));
	assert_true(pb_info(b, 0).rto_ns >= PB_MS(30) && pb_info(b, 0).rto_ns <= PB_MS(45));
	/* An answer to a message sent twice says nothing about the time (Karn). */
	p = write_page(b, 1, 1);
	pb_run(b, 60);
	assert_true(pb_inbox(b, 0, AMP_PAGE_OUT) >= 2);
	pb_ack(b, 0, AMP_PAGE_OUT);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_true(pb_info(b, 0).srtt_ns <= PB_MS(31));
	pb_free(b);
}

static void refusals_are_told_apart(void **state)
{
	struct pb *b = bed(9000);
	struct pb_io *p = write_page(b, 1, 1);
	struct amp_hdr h;

	/* Garbled on the way: sent again at once, as a new message. */
	pb_nack(b, 0, AMP_PAGE_OUT, AMP_E_CRC, 0);
	h = pb_hear(b, 0, AMP_PAGE_OUT, NULL);
	assert_int_equal(h.seq, 2);
	/* Short of memory: a little later, as a new message. */
	h.type = AMP_NACK;
	h.code = AMP_E_NOMEM;
	h.part_len = 0;
	h.page_crc = 0;
	h.form_len = 0;
	pb_say(b, 0, &h, NULL, 0);
	pb_run(b, 1);
	assert_int_equal(pb_inbox(b, 0, AMP_PAGE_OUT), 0);
	pb_run(b, 150);
	h = pb_ack(b, 0, AMP_PAGE_OUT);
	assert_int_equal(h.seq, 3);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	/* Full: no room anywhere. */
	p = write_page(b, 2, 2);
	while (!p->done)
		pb_nack(b, 0, AMP_PAGE_OUT, AMP_E_FULL, 0);
	assert_int_equal(pb_wait(b, p, NULL), -ENOSPC);
	assert_int_equal(pb_info(b, 0).mapped, 1);
	pb_free(b);
}

static void a_newer_version_there_makes_ours_newer(void **state)
{
	struct pb *b = bed(9000);
	struct pb_io *p = write_page(b, 1, 1);
	struct amp_hdr h;

	pb_nack(b, 0, AMP_PAGE_OUT, AMP_E_STALE, 0x700000000000ull);
	h = pb_ack(b, 0, AMP_PAGE_OUT);
	assert_true(h.page_version == 0x700000000001ull);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_free(b);
}

static void p8_a_copy_that_is_not_there_is_lost(void **state)
{
	struct pb *b = bed(9000);
	u8 page[ANM_PAGE_SIZE];
	struct pb_io *p;
	struct amp_hdr h;
	u64 v;

	pb_fill(page, 1);
	p = stored_then_read(b, &v);
	pb_nack(b, 0, AMP_PAGE_IN, AMP_E_NOENT, 0);
	assert_int_equal(pb_wait(b, p, NULL), -EIO);
	assert_int_equal(b->vai[0].lost, 1);
	assert_int_equal(pb_info(b, 0).mapped, 0);
	/* Older than what was acknowledged: the same. */
	p = stored_then_read(b, &v);
	h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	pb_page(b, 0, h, page, v - 1);
	assert_int_equal(pb_wait(b, p, NULL), -EIO);
	assert_int_equal(b->vai[0].lost, 2);
	pb_free(b);
}

static void a_new_session_starts_over_what_is_in_flight(void **state)
{
	struct pb *b = bed(9000);
	struct pb_io *p[6];
	u32 old = b->node[0].session, i;

	for (i = 0; i < 6; i++)
		p[i] = write_page(b, i, i);
	pb_run(b, 1);
	pb_inbox_clear(b);
	pb_play(b, 0, 1000, 1500); /* same boot, smaller path */
	assert_int_not_equal(b->node[0].session, old);
	for (i = 0; i < 6; i++) {
		struct amp_hdr h = pb_ack(b, 0, AMP_PAGE_OUT);

		assert_int_equal(h.key.offset, i * ANM_PAGE_SIZE);
		assert_int_equal(h.seq, 1 + i / 4);
		assert_int_equal(h.session, b->node[0].session);
		assert_int_equal(pb_wait(b, p[i], NULL), 0);
	}
	pb_free(b);
}

static struct pb_io *write_twice(struct pb *b, u32 seed)
{
	return pb_write(b, 1, 1, 0, ANM_PAGE_SIZE, seed);
}

/* Promise 2: what the first server stored is gone before the second one has stored it. */
static void p2_a_copy_that_vanished_meanwhile_is_stored_again(void **state)
{
	struct pb *b = bed(9000);
	struct pb_io *p;
	u32 i;

	for (i = 1; i < 3; i++)
		pb_play(b, i, 1000, 9000);
	p = write_twice(b, 1);
	pb_run(b, 1);
	for (i = 0; !pb_inbox(b, i, AMP_PAGE_OUT); i++)
		;
	pb_ack(b, i, AMP_PAGE_OUT);
	b->node[i].boot++;
	pb_silence(b, i);
	pb_play(b, i, 1000, 9000);
	/* The write still names the slot of the memory that is gone: it is not free yet. */
	pb_run(b, 60);
	assert_int_equal(b->e->servers->gone, 1);
	for (i = 0; !pb_inbox(b, i, AMP_PAGE_OUT); i++)
		;
	pb_ack(b, i, AMP_PAGE_OUT);
	assert_false(p->done);
	pb_run(b, 1);
	for (i = 0; !pb_inbox(b, i, AMP_PAGE_OUT); i++)
		;
	pb_ack(b, i, AMP_PAGE_OUT);
	assert_true(p->done);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_run(b, 60);
	assert_int_equal(b->e->servers->gone, 0);
	pb_free(b);
}

/* A write that failed but reached one server: once read it is not unread. */
static void p1_what_was_read_once_is_not_unread(void **state)
{
	struct pb *b = bed(9000);
	u8 page[ANM_PAGE_SIZE], got[ANM_PAGE_SIZE];
	struct amp_hdr h;
	struct pb_io *p;
	u64 v1, v2;

	pb_play(b, 1, 1000, 9000);
	p = write_twice(b, 1);
	pb_ack(b, 0, AMP_PAGE_OUT);
	v1 = pb_ack(b, 1, AMP_PAGE_OUT).page_version;
	assert_int_equal(pb_wait(b, p, NULL), 0);
	p = write_twice(b, 2);
	v2 = pb_ack(b, 0, AMP_PAGE_OUT).page_version;
	assert_true(v2 > v1);
	while (!p->done)
		pb_nack(b, 1, AMP_PAGE_OUT, AMP_E_INVAL, 0);
	assert_int_equal(pb_wait(b, p, NULL), -EIO);
	/* Make the read go to the first server, which answers with the newer page. */
	b->e->servers->slot[1]->nxfers += 5;
	p = pb_read(b, 1, 1);
	b->e->servers->slot[1]->nxfers -= 5;
	h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	assert_true(h.page_version == v1);
	pb_fill(page, 2);
	pb_page(b, 0, h, page, v2);
	/* It is written to both before the reader gets it. The second does not take it. */
	assert_false(p->done);
	while (!p->done) {
		pb_run(b, 1);
		if (pb_inbox(b, 0, AMP_PAGE_OUT))
			pb_ack(b, 0, AMP_PAGE_OUT);
		if (pb_inbox(b, 1, AMP_PAGE_OUT))
			pb_nack(b, 1, AMP_PAGE_OUT, AMP_E_INVAL, 0);
	}
	assert_int_equal(pb_wait(b, p, got), 0);
	assert_memory_equal(got, page, sizeof(got));
	assert_true(pb_hear(b, 1, AMP_DISCARD, NULL).page_version >= v2);
	assert_int_equal(pb_info(b, 1).mapped, 0);
	p = pb_read(b, 1, 1);
	h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	assert_true(h.page_version > v2);
	pb_page(b, 0, h, page, h.page_version);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_free(b);
}

/*
 * A server that has not told what it holds stores a WRITE, tells of that, and the WRITE fails: what it
 * had before may have been acknowledged, and is gone, so it keeps what it has now.
 */
static void p9_what_a_failed_write_replaced_unseen_is_not_discarded(void **state)
{
	struct pb *b = bed(9000);
	struct pb_io *p;

	pb_play(b, 1, 1000, 9000);
	b->e->servers->slot[1]->inventoried = false;
	p = pb_write(b, 1, 1, 0, ANM_PAGE_SIZE, 1);
	pb_ack(b, 1, AMP_PAGE_OUT);
	b->e->servers->slot[1]->inventoried = true;
	while (!p->done) {
		pb_run(b, 1);
		if (pb_inbox(b, 0, AMP_PAGE_OUT))
			pb_nack(b, 0, AMP_PAGE_OUT, AMP_E_INVAL, 0);
	}
	assert_int_equal(pb_wait(b, p, NULL), -EIO);
	pb_run(b, 1);
	assert_int_equal(pb_inbox(b, 1, AMP_DISCARD), 0);
	pb_free(b);
}

/* What a server may have stored in vain it is told to forget, and nothing newer. */
static void stray_copies_are_discarded(void **state)
{
	struct pb *b = bed(9000);
	struct pb_io *p = write_page(b, 1, 1);
	u64 v;
	u32 i;

	pb_run(b, 1);
	pb_play(b, 1, 1000, 9000);
	for (i = 0; i < 80 && !pb_inbox(b, 1, AMP_PAGE_OUT); i++) {
		struct amp_hdr beat = pb_hdr(b, 0, AMP_HEARTBEAT);
		u8 usage[AMP_USAGE_LEN];

		amp_usage_encode(usage, &(struct amp_usage){.donation = 1000});
		beat.part_len = sizeof(usage);
		pb_say(b, 0, &beat, usage, 0);
		beat.session = b->node[1].session;
		pb_say(b, 1, &beat, usage, 0);
		pb_run(b, 100);
	}
	v = pb_ack(b, 1, AMP_PAGE_OUT).page_version;
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_inbox_clear(b);
	pb_play(b, 0, 1000, 9000); /* well again */
	assert_true(pb_ack(b, 0, AMP_DISCARD).page_version == v + 1);
	assert_int_equal(pb_info(b, 1).mapped, 1);
	assert_int_equal(pb_info(b, 0).mapped, 0);
	pb_free(b);
}

/* A wheel's timers come in time, none early, none missed, whatever the gaps. */
static void the_wheel_keeps_time(void **state)
{
	enum { TIMERS = 500 };
	static struct wheel w;
	static struct wheel_timer t[TIMERS];
	u64 now = PB_MS(12345), x = 1, fired = 0, armed = 0;
	struct wheel_timer *due;
	u32 step;

	memset(t, 0, sizeof(t));
	wheel_init(&w, now);
	assert_true(wheel_next(&w, now, 77) == 77);
	for (step = 0; step < 20000; step++) {
		u32 i;

		x = x * 6364136223846793005ull + 1442695040888963407ull;
		i = (u32)(x >> 40) % TIMERS;
		if (x >> 33 & 1) {
			wheel_arm(&w, &t[i], now, now + (x >> 34) % PB_MS(1000));
			armed++;
		} else if (x >> 32 & 1) {
			wheel_disarm(&w, &t[i]);
		}
		now += step % 1000 == 999 ? PB_MS(3000) : (x >> 20) % PB_MS(3);
		while ((due = wheel_expire(&w, now))) {
			assert_true(due->due_ns <= now);
			assert_false(due->armed);
			fired++;
		}
		for (i = 0; i < TIMERS; i++)
			assert_true(!t[i].armed || t[i].due_ns + PB_MS(3) > now);
		assert_true(wheel_next(&w, now, PB_MS(2000)) > 0);
	}
	assert_true(fired > 1000 && fired < armed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_leave_in_parts_that_fit_the_mtu),
		cmocka_unit_test(p7_the_window_is_the_number_of_channels),
		cmocka_unit_test(p3_late_answers_change_nothing),
		cmocka_unit_test(p3_answers_to_a_read_of_before_are_late),
		cmocka_unit_test(p1_a_page_is_made_of_parts_of_one_answer),
		cmocka_unit_test(hostile_parts_are_dropped),
		cmocka_unit_test(a_page_that_fails_its_crc_is_asked_for_again),
		cmocka_unit_test(lost_messages_are_sent_again_with_growing_patience),
		cmocka_unit_test(p10_a_silent_server_is_not_waited_for_while_others_answer),
		cmocka_unit_test(p8_the_server_of_the_only_copy_is_waited_for),
		cmocka_unit_test(round_trips_set_the_timeout),
		cmocka_unit_test(refusals_are_told_apart),
		cmocka_unit_test(a_newer_version_there_makes_ours_newer),
		cmocka_unit_test(p8_a_copy_that_is_not_there_is_lost),
		cmocka_unit_test(a_new_session_starts_over_what_is_in_flight),
		cmocka_unit_test(p2_a_copy_that_vanished_meanwhile_is_stored_again),
		cmocka_unit_test(p1_what_was_read_once_is_not_unread),
		cmocka_unit_test(p9_what_a_failed_write_replaced_unseen_is_not_discarded),
		cmocka_unit_test(stray_copies_are_discarded),
		cmocka_unit_test(the_wheel_keeps_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
