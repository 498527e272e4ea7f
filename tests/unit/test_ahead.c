// SPDX-License-Identifier: GPL-2.0-only
/* Readahead: what it fetches, what it must not delay, and that it never leaves stale bytes. */
#include "page_bed.h"
#include "../../engine/core/ahead.h"
#include "../../engine/core/cache.h"
#include "../../engine/core/pcache.h"

#define PAGES 100

static struct pb *bed(void)
{
	struct pb *b = pb_new(11);

	b->e->cfg.cache_pages = 200;
	assert_int_equal(eng_cache_create(b->e), 0);
	b->channels = 32;
	return b;
}

static void vai(struct pb *b, u32 vai, u32 pages)
{
	pb_vai(b, vai, ENG_CLASS_NORMAL, pages);
	b->real[vai]->readahead = true;
}

/* Pages 0 to PAGES - 1, the i-th of seed i, on a real server and not in the cache. */
static struct pb *real_bed(void)
{
	struct pb *b = bed();
	u32 i;

	pb_server(b, 0, 2000, 9000);
	pb_join_all(b);
	vai(b, 0, PAGES);
	pb_write_pages(b, PAGES, 0);
	for (i = 0; i < PAGES; i++)
		eng_cache_drop(b->e, b->real[0]->slot, i);
	return b;
}

static void answer(struct pb *b, struct amp_hdr h)
{
	u8 page[ANM_PAGE_SIZE];

	pb_fill(page, (u32)(h.key.offset >> ANM_PAGE_SHIFT));
	pb_page(b, 0, h, page, h.page_version);
}

/* The same on a played server; with it the client has read pages 10 to 12, one by one. */
static struct pb *played_bed(void)
{
	struct pb *b = bed();
	u32 i;

	pb_play(b, 0, 2000, 9000);
	vai(b, 0, PAGES);
	for (i = 0; i < PAGES; i++) {
		struct pb_io *p = pb_write(b, 0, i, 0, ANM_PAGE_SIZE, i);

		pb_ack(b, 0, AMP_PAGE_OUT);
		assert_int_equal(pb_wait(b, p, NULL), 0);
		eng_cache_drop(b->e, b->real[0]->slot, i);
	}
	for (i = 10; i < 13; i++)
		eng_ahead_read(b->e, b->real[0], i, 1);
	return b;
}

static u32 asked(struct pb *b)
{
	pb_run(b, 1);
	return pb_inbox(b, 0, AMP_PAGE_IN);
}

/* As the NFS side does it. */
static void client_reads(struct pb *b, u32 page_no)
{
	struct pb_io *p = pb_read(b, 0, page_no);
	u8 got[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE];

	eng_ahead_read(b->e, b->real[0], page_no, 1);
	assert_int_equal(pb_wait(b, p, got), 0);
	pb_fill(want, page_no);
	assert_memory_equal(got, want, sizeof(got));
}

static void right(struct pb *b, struct pb_io *p, u32 seed)
{
	u8 got[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE];

	assert_int_equal(pb_wait(b, p, got), 0);
	pb_fill(want, seed);
	assert_memory_equal(got, want, sizeof(got));
}

static void figures(struct pb *b, u64 issued, u64 used, u64 wasted)
{
	assert_int_equal(b->real[0]->ahead_issued, issued);
	assert_int_equal(b->real[0]->ahead_used, used);
	assert_int_equal(b->real[0]->ahead_wasted, wasted);
	assert_int_equal(b->e->stats.ahead_issued, issued);
	assert_int_equal(b->e->stats.ahead_used, used);
	assert_int_equal(b->e->stats.ahead_wasted, wasted);
}

static void a_reader_in_order_finds_the_pages_there(void **state)
{
	struct pb *b = real_bed();
	u32 i;

	for (i = 1; i < PAGES; i++)
		client_reads(b, i);
	/* All but the first three; none of them fetched twice. */
	assert_int_equal(b->real[0]->cache_hits, PAGES - 4);
	assert_int_equal(b->e->stats.pages_read, PAGES - 1);
	figures(b, PAGES - 4, PAGES - 4, 0);
	assert_int_equal(b->e->aheads, 0);
	pb_free(b);
}

static void and_one_who_reads_backwards(void **state)
{
	struct pb *b = real_bed();
	u32 i;

	for (i = PAGES - 1; i; i--)
		client_reads(b, i);
	assert_int_equal(b->real[0]->cache_hits, PAGES - 4);
	figures(b, PAGES - 4, PAGES - 4, 0);
	pb_free(b);
}

/* Eight pages a READ, which are half of the window by themselves: asked for when it is answered. */
static void a_reader_of_many_pages_finds_them_too(void **state)
{
	struct pb *b = real_bed();
	struct eng_server *sv = b->e->servers->slot[pb_info(b, 0).slot];
	struct pb_io *p[8];
	u32 at, i;

	for (at = 8; at + 8 <= PAGES; at += 8) {
		sv->win.cwnd = 16;
		for (i = 0; i < 8; i++)
			p[i] = pb_read(b, 0, at + i);
		eng_ahead_read(b->e, b->real[0], at, 8);
		for (i = 0; i < 8; i++)
			right(b, p[i], at + i);
		eng_ahead_answered(b->e, b->real[0]);
		assert_true(sv->in_flight <= 8);
	}
	/* All but the first three READs. */
	assert_int_equal(b->real[0]->cache_hits, at - 8 - 24);
	assert_int_equal(b->real[0]->ahead_wasted, 0);
	pb_free(b);
}

static void it_is_off_unless_asked_for(void **state)
{
	struct pb *b = real_bed();
	u32 i;

	b->real[0]->readahead = false;
	for (i = 1; i < 50; i++)
		client_reads(b, i);
	b->real[0]->readahead = true;
	b->real[0]->no_cache = true;
	for (i = 50; i < PAGES; i++)
		client_reads(b, i);
	figures(b, 0, 0, 0);
	pb_free(b);
}

/* The WRITE goes first; what was read ahead comes too late for anybody. */
static void p1_a_write_ends_it_and_is_what_is_read(void **state)
{
	struct pb *b = played_bed();
	struct amp_hdr h;
	struct pb_io *w;

	assert_true(asked(b) >= 2);
	h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	assert_int_equal(h.key.offset >> ANM_PAGE_SHIFT, 13);
	w = pb_write(b, 0, 13, 0, ANM_PAGE_SIZE, 1000);
	assert_int_equal(b->real[0]->ahead_wasted, 1);
	pb_run(b, 1);
	assert_int_equal(pb_inbox(b, 0, AMP_PAGE_OUT), 1);
	answer(b, h); /* before the WRITE is stored */
	pb_ack(b, 0, AMP_PAGE_OUT);
	answer(b, h); /* and after */
	assert_int_equal(pb_wait(b, w, NULL), 0);
	pb_inbox_clear(b);
	right(b, pb_read(b, 0, 13), 1000);
	assert_int_equal(pb_inbox(b, 0, AMP_PAGE_IN), 0);
	pb_free(b);
}

static bool cached(struct pb *b, u32 page_no)
{
	u32 idx = map_find(b->e->map, b->real[0]->slot, page_no);

	return eng_cache_has(b->e, map_entry(b->e->map, idx));
}

/* A WRITE that fails may be on its server all the same: nothing of before may be in the cache. */
static void p1_a_failed_write_after_it_leaves_nothing(void **state)
{
	struct pb *b = real_bed();
	struct pb_io *w;
	u32 i;

	for (i = 10; i < 13; i++)
		client_reads(b, i);
	pb_run(b, 5);
	assert_true(cached(b, 13));
	b->node[0].cut = true;
	w = pb_write(b, 0, 13, 0, ANM_PAGE_SIZE, 1000);
	assert_int_equal(pb_wait(b, w, NULL), -EIO);
	assert_false(cached(b, 13));
	assert_true(b->real[0]->ahead_wasted >= 1);
	b->node[0].cut = false;
	pb_run(b, 8000);
	assert_int_equal(pb_read_now(b, 0, 13, 13), 0);
	pb_free(b);
}

static void p1_another_version_is_not_cached(void **state)
{
	struct pb *b = played_bed();
	struct amp_hdr h;
	u8 page[ANM_PAGE_SIZE];
	struct pb_io *p;

	assert_true(asked(b) >= 2);
	h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	pb_fill(page, 77);
	pb_page(b, 0, h, page, h.page_version + 1);
	assert_int_equal(b->real[0]->ahead_wasted, 1);
	/* It is asked for again, and is what the server says. */
	pb_inbox_clear(b);
	p = pb_read(b, 0, 13);
	h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	pb_page(b, 0, h, page, h.page_version + 1);
	right(b, p, 77);
	pb_free(b);
}

static void a_reader_takes_what_is_on_its_way(void **state)
{
	struct pb *b = played_bed();
	struct amp_hdr h;
	struct pb_io *p;
	u32 n = asked(b);

	h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	p = pb_read(b, 0, 13);
	assert_int_equal(asked(b), n - 1); /* not once more */
	answer(b, h);
	assert_true(p->done);
	right(b, p, 13);
	assert_int_equal(b->real[0]->ahead_used, 1);
	assert_int_equal(b->real[0]->cache_hits, 1);
	pb_free(b);
}

/* Lost on the way: sent once only, and who waits asks for himself. */
static void p10_it_is_not_sent_again(void **state)
{
	struct pb *b = played_bed();
	struct amp_hdr h, again;
	struct pb_io *p;
	u64 issued = b->real[0]->ahead_issued;

	pb_run(b, 1);
	h = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	pb_inbox_clear(b);
	p = pb_read(b, 0, 13);
	pb_run(b, 300);
	assert_int_equal(b->real[0]->ahead_wasted, issued);
	assert_int_equal(b->e->aheads, 0);
	assert_int_equal(b->e->stats.amp_timeouts, 0);
	again = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	assert_int_equal(again.key.offset, h.key.offset);
	assert_false(again.seq == h.seq && again.channel == h.channel);
	answer(b, h);
	assert_false(p->done);
	answer(b, again);
	right(b, p, 13);
	pb_free(b);
}

/* Half of the window is for those who are waited for, and nothing goes past what waits. */
static void it_does_not_crowd_out_readers(void **state)
{
	struct pb *b = played_bed();
	struct eng_server *sv = b->e->servers->slot[pb_info(b, 0).slot];
	struct pb_io *p[32];
	u32 i, n;

	assert_in_range(sv->in_flight, 1, sv->win.cwnd / 2);
	assert_int_equal(sv->queued, 0);
	pb_run(b, 500);
	assert_int_equal(sv->in_flight, 0);
	pb_inbox_clear(b);
	assert_in_range(sv->win.cwnd, 2, 2 * ARRAY_SIZE(p));
	for (n = 0; n < sv->win.cwnd / 2; n++)
		p[n] = pb_read(b, 0, 60 + n);
	i = b->real[0]->ahead_issued;
	eng_ahead_read(b->e, b->real[0], 13, 1);
	eng_ahead_read(b->e, b->real[0], 14, 1);
	assert_int_equal(b->real[0]->ahead_issued, i);
	for (i = 0; i < n; i++)
		answer(b, pb_hear(b, 0, AMP_PAGE_IN, NULL));
	for (i = 0; i < n; i++)
		right(b, p[i], 60 + i);
	pb_free(b);
}

static void p7_there_are_not_too_many(void **state)
{
	struct pb *b = bed();
	u32 i;

	b->channels = 1024;
	pb_play(b, 0, 2000, 9000);
	vai(b, 0, PB_PAGES);
	for (i = 0; i < PB_PAGES; i++) {
		struct pb_io *p = pb_write(b, 0, i, 0, ANM_PAGE_SIZE, i);

		pb_ack(b, 0, AMP_PAGE_OUT);
		assert_int_equal(pb_wait(b, p, NULL), 0);
		eng_cache_drop(b->e, b->real[0]->slot, i);
	}
	b->e->servers->slot[pb_info(b, 0).slot]->win.cwnd = 1024;
	for (i = 1; i < PB_PAGES; i++) {
		eng_ahead_read(b->e, b->real[0], i, 1);
		assert_true(b->e->aheads <= AHEADS_MAX);
		streams_used(&b->real[0]->streams);
	}
	assert_int_equal(b->e->aheads, AHEADS_MAX);
	assert_int_equal(b->real[0]->ahead_issued, AHEADS_MAX);
	pb_free(b);
}

static void p8_a_lost_page_is_none_until_it_is_read(void **state)
{
	struct pb *b = real_bed();
	u32 i;

	for (i = 10; i < 12; i++)
		client_reads(b, i);
	b->node[0].cut = true;
	for (i = 12; i < 14; i++)
		eng_ahead_read(b->e, b->real[0], i, 1);
	assert_true(b->real[0]->ahead_issued > 0);
	pb_run(b, 8000);
	assert_int_equal(b->real[0]->ahead_wasted, b->real[0]->ahead_issued);
	assert_int_equal(b->e->stats.pages_lost, 0);
	assert_int_equal(b->real[0]->lost, 0);
	assert_int_equal(pb_read_now(b, 0, 14, 14), -EIO);
	pb_free(b);
}

/* Nothing can come of it; and what has to be written back before it is read is not cached. */
static void p8_and_not_asked_for_once_it_is_known(void **state)
{
	struct pb *b = real_bed();
	u32 i;

	for (i = 13; i < PAGES; i++)
		map_entry(b->e->map, map_find(b->e->map, b->real[0]->slot, i))->vai_flags |=
			i % 2 ? MAP_LOST : MAP_ELDER;
	for (i = 10; i < 20; i++)
		eng_ahead_read(b->e, b->real[0], i, 1);
	assert_int_equal(b->real[0]->ahead_issued, 0);
	pb_free(b);
}

/* Packed on its server; page 15 is zeros, which the map knows. */
static void p1_pages_come_as_they_were_written(void **state)
{
	static const u8 zero[ANM_PAGE_SIZE];
	u8 page[ANM_PAGE_SIZE], got[ANM_PAGE_SIZE];
	struct pb *b = real_bed();
	u32 i;

	pb_fill(page, 1);
	memset(page + 500, 0, sizeof(page) - 500);
	b->real[0]->compress = ENG_COMPRESS_ON;
	assert_int_equal(pb_wait(b, pb_write_page(b, 0, 14, page), NULL), 0);
	assert_int_equal(b->e->stats.pages_packed, 1);
	eng_cache_drop(b->e, b->real[0]->slot, 14);
	assert_int_equal(pb_wait(b, pb_write_page(b, 0, 15, zero), NULL), 0);
	for (i = 10; i < 14; i++)
		client_reads(b, i);
	pb_run(b, 5);
	assert_true(cached(b, 14));
	assert_false(cached(b, 15));
	assert_int_equal(pb_wait(b, pb_read(b, 0, 14), got), 0);
	assert_memory_equal(got, page, sizeof(got));
	assert_int_equal(pb_wait(b, pb_read(b, 0, 15), got), 0);
	assert_memory_equal(got, zero, sizeof(got));
	pb_free(b);
}

static void waste_is_counted_however_it_comes_about(void **state)
{
	struct pb *b = real_bed();
	u32 i, n;

	for (i = 10; i < 13; i++)
		client_reads(b, i);
	pb_run(b, 5);
	n = (u32)b->real[0]->ahead_issued;
	assert_true(n >= 3);
	figures(b, n, 0, 0);
	eng_cache_drop(b->e, b->real[0]->slot, 13);
	figures(b, n, 0, 1);
	assert_int_equal(pb_write_now(b, 0, 14, 1), 0);
	figures(b, n, 0, 2);
	pcache_shrink(b->e->cache->table, 1000);
	figures(b, n, 0, n);
	assert_true(streams_ahead(&b->real[0]->streams) < STREAM_AHEAD_NEW);
	pb_free(b);
}

static void an_end_in_the_midst_of_it(void **state)
{
	struct pb *b = real_bed();
	struct eng_err err;
	u32 i;

	vai(b, 1, 60);
	for (i = 0; i < 60; i++)
		assert_int_equal(pb_write_now(b, 1, i, i), 0);
	for (i = 0; i < 60; i++)
		eng_cache_drop(b->e, b->real[1]->slot, i);
	for (i = 10; i < 13; i++)
		eng_ahead_read(b->e, b->real[1], i, 1);
	assert_true(b->e->aheads > 0);
	assert_int_equal(eng_vai_del(b->e, b->real[1]->name, true, &err), 0);
	pb_run(b, 3000);
	assert_int_equal(b->e->aheads, 0);
	assert_int_equal(b->e->pages_in_flight, 0);
	b->real[1] = NULL;
	/* And of the engine. */
	for (i = 20; i < 24; i++)
		eng_ahead_read(b->e, b->real[0], i, 1);
	assert_true(b->e->aheads > 0);
	pb_free(b);
}

static void p6_without_memory_it_is_left_at_that(void **state)
{
	struct pb *b = real_bed();
	u32 i, fail;

	for (fail = 0; fail < 6; fail++) {
		for (i = 1; i < 5; i++) {
			anm_fail_after = (int)fail;
			anm_fail_sticky = true;
			eng_ahead_read(b->e, b->real[0], 10 + 10 * fail + i, 1);
			anm_fail_after = -1;
			anm_fail_sticky = false;
		}
		pb_run(b, 500); /* a message that could not be made is as good as lost */
		assert_int_equal(b->e->aheads, 0);
	}
	for (i = 1; i < PAGES; i++)
		assert_int_equal(pb_read_now(b, 0, i, i), 0);
	pb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_in_order_finds_the_pages_there),
		cmocka_unit_test(and_one_who_reads_backwards),
		cmocka_unit_test(a_reader_of_many_pages_finds_them_too),
		cmocka_unit_test(it_is_off_unless_asked_for),
		cmocka_unit_test(p1_a_write_ends_it_and_is_what_is_read),
		cmocka_unit_test(p1_a_failed_write_after_it_leaves_nothing),
		cmocka_unit_test(p1_another_version_is_not_cached),
		cmocka_unit_test(a_reader_takes_what_is_on_its_way),
		cmocka_unit_test(p10_it_is_not_sent_again),
		cmocka_unit_test(it_does_not_crowd_out_readers),
		cmocka_unit_test(p7_there_are_not_too_many),
		cmocka_unit_test(p8_a_lost_page_is_none_until_it_is_read),
		cmocka_unit_test(p8_and_not_asked_for_once_it_is_known),
		cmocka_unit_test(p1_pages_come_as_they_were_written),
		cmocka_unit_test(waste_is_counted_however_it_comes_about),
		cmocka_unit_test(an_end_in_the_midst_of_it),
		cmocka_unit_test(p6_without_memory_it_is_left_at_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
