// SPDX-License-Identifier: GPL-2.0-only
/* Write-back: what is answered before it is stored, and that it is stored, and when it is not lost. */
#include "page_bed.h"
#include "../../engine/core/cache.h"
#include "../../engine/core/control.h"
#include "../../engine/core/exports.h"
#include "../../engine/core/writeback.h"

static struct eng_err err;

static void vai_make(struct pb *b, bool restored)
{
	struct eng_vai_params p = {.size = 60 << ANM_PAGE_SHIFT, .writeback = true};

	scnprintf(p.name, sizeof(p.name), "real0");
	p.client.b[10] = 0xff;
	p.client.b[11] = 0xff;
	p.client.b[12] = 10;
	p.uuid[0] = 1;
	p.restored = restored;
	p.unflushed = restored;
	assert_int_equal(eng_vai_add(b->e, &p, &err), 0);
	b->real[0] = eng_vai_at(b->e, 0);
	assert_non_null(b->real[0]);
}

/* A VAI that is written back, and kept as such. */
static struct pb *bed(u32 servers, u32 cache_pages)
{
	struct pb *b = pb_new(12);
	u32 i;

	b->e->cfg.cache_pages = cache_pages;
	assert_int_equal(eng_cache_create(b->e), 0);
	for (i = 0; i < servers; i++)
		pb_server(b, i, 2000, 9000);
	pb_join_all(b);
	vai_make(b, false);
	assert_int_equal(pb_write_now(b, 0, 59, 59), 0);
	assert_int_equal(eng_vai_kept(b->e, "real0", true, &err), 0);
	assert_true(b->real[0]->kept);
	pb_events(b);
	return b;
}

static u32 dirty(struct pb *b)
{
	struct eng_status st;

	eng_get_status(b->e, &st, b->now);
	assert_int_equal(st.dirty_pages, eng_dirty_pages(b->e));
	return st.dirty_pages;
}

static struct eng_vai_info info(struct pb *b)
{
	struct eng_vai_info i;
	u32 slot = 0;

	assert_true(eng_vai_get(b->e, &slot, &i));
	return i;
}

/* Answered at once, whatever servers do. */
static void write_dirty(struct pb *b, u32 page_no, u32 seed)
{
	struct pb_io *p = pb_write(b, 0, page_no, 0, ANM_PAGE_SIZE, seed);

	assert_true(p->done);
	assert_int_equal(pb_wait(b, p, NULL), 0);
}

/* The same of a READ: no server is asked. */
static void read_dirty(struct pb *b, u32 page_no, u32 seed)
{
	u8 got[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE];
	struct pb_io *p = pb_read(b, 0, page_no);

	assert_true(p->done);
	assert_int_equal(pb_wait(b, p, got), 0);
	pb_fill(want, seed);
	assert_memory_equal(got, want, sizeof(got));
}

/* The cache forgets what is stored: what servers have is seen. */
static void forget(struct pb *b, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		eng_cache_drop(b->e, b->real[0]->slot, i);
}

static void a_write_is_answered_before_it_is_stored(void **state)
{
	struct pb *b = bed(1, 100);
	u64 stored = b->e->stats.pages_written;
	u32 i;

	for (i = 0; i < 40; i++)
		write_dirty(b, i, i + 1);
	assert_int_equal(dirty(b), 40);
	assert_int_equal(info(b).dirty_pages, 40);
	assert_int_equal(b->e->stats.pages_written, stored);
	for (i = 0; i < 40; i++)
		read_dirty(b, i, i + 1);
	pb_run(b, 100);
	assert_int_equal(dirty(b), 0);
	assert_int_equal(b->e->stats.pages_written, stored + 40);
	assert_int_equal(info(b).flushed, 40);
	assert_int_equal(info(b).dirty_pages, 0);
	for (i = 0; i < 40; i++)
		read_dirty(b, i, i + 1);
	forget(b, 40);
	for (i = 0; i < 40; i++)
		assert_int_equal(pb_read_now(b, 0, i, i + 1), 0);
	assert_int_equal(b->e->stats.pages_read, 40);
	pb_free(b);
}

static void p8_no_page_is_dirty_before_that_is_kept(void **state)
{
	struct pb *b = bed(1, 100);
	struct pb_io *p;

	/* Switched off and on, it is to be kept anew. */
	assert_int_equal(eng_vai_cache(b->e, "real0", ENG_CACHE_ON, &err), 0);
	pb_run(b, 2000);
	pb_events(b);
	assert_int_equal(b->events[ENG_EV_VAI_FLUSHED], 1);
	assert_false(info(b).p.unflushed);
	assert_true(info(b).told);
	assert_int_equal(eng_vai_cache(b->e, "real0", ENG_CACHE_WRITEBACK, &err), 0);
	p = pb_write(b, 0, 3, 0, ANM_PAGE_SIZE, 1);
	assert_false(p->done);
	assert_int_equal(dirty(b), 0);
	pb_events(b);
	assert_int_equal(b->events[ENG_EV_VAI_UNFLUSHED], 2);
	assert_true(info(b).p.unflushed);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(eng_vai_kept(b->e, "real0", true, &err), 0);
	write_dirty(b, 3, 2);
	assert_int_equal(dirty(b), 1);
	assert_int_equal(eng_vai_kept(b->e, "nobody", true, &err), -ENOENT);
	pb_free(b);
}

/* What was kept is out of date when it is told of. */
static void p8_kept_is_of_no_use_once_it_is_flushed(void **state)
{
	struct pb *b = bed(1, 100);
	struct pb_io *p;

	pb_run(b, 12000);
	pb_events(b);
	assert_int_equal(b->events[ENG_EV_VAI_FLUSHED], 1);
	assert_int_equal(eng_vai_kept(b->e, "real0", true, &err), 0);
	p = pb_write(b, 0, 3, 0, ANM_PAGE_SIZE, 1);
	assert_false(p->done);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(eng_vai_kept(b->e, "real0", false, &err), 0);
	assert_false(b->real[0]->kept);
	pb_free(b);
}

static void a_critical_vai_is_refused(void **state)
{
	struct eng_vai_params p = {.size = 60 << ANM_PAGE_SHIFT, .class = ENG_CLASS_CRITICAL};
	struct pb *b = bed(2, 100);

	p.client = info(b).p.client;
	scnprintf(p.name, sizeof(p.name), "crit");
	p.writeback = true;
	assert_int_equal(eng_vai_add(b->e, &p, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "critical"));
	p.writeback = false;
	assert_int_equal(eng_vai_add(b->e, &p, &err), 0);
	assert_int_equal(eng_vai_cache(b->e, "crit", ENG_CACHE_WRITEBACK, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "critical"));
	assert_int_equal(eng_vai_cache(b->e, "crit", ENG_CACHE_ON, &err), 0);
	assert_int_equal(eng_vai_cache(b->e, "crit", 3, &err), -EINVAL);
	pb_free(b);
}

/* It would not be written back, without a word; but what was kept is taken as it is. */
static void without_a_cache_it_is_refused(void **state)
{
	struct eng_vai_params p = {.size = 60 << ANM_PAGE_SHIFT, .writeback = true};
	struct pb *b = bed(2, 100);
	struct eng_cache *cache = b->e->cache;

	p.client = info(b).p.client;
	scnprintf(p.name, sizeof(p.name), "late");
	b->e->cache = NULL;
	assert_int_equal(eng_vai_add(b->e, &p, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "no page cache"));
	assert_int_equal(eng_vai_cache(b->e, "real0", ENG_CACHE_WRITEBACK, &err), -EINVAL);
	assert_int_equal(eng_vai_cache(b->e, "real0", ENG_CACHE_ON, &err), 0);
	p.restored = true;
	memset(p.uuid, 7, sizeof(p.uuid));
	assert_int_equal(eng_vai_add(b->e, &p, &err), 0);
	b->e->cache = cache;
	pb_free(b);
}

static void what_is_written_again_is_stored_once(void **state)
{
	struct pb *b = bed(1, 100);
	u64 stored = b->e->stats.pages_written;
	u32 i;

	for (i = 1; i <= 5; i++)
		write_dirty(b, 3, i);
	assert_int_equal(dirty(b), 1);
	assert_int_equal(info(b).overwritten, 4);
	pb_run(b, 100);
	assert_int_equal(b->e->stats.pages_written, stored + 1);
	forget(b, 10);
	assert_int_equal(pb_read_now(b, 0, 3, 5), 0);
	pb_free(b);
}

static void p7_more_than_its_share_is_stored_at_once(void **state)
{
	struct pb *b = bed(1, 8);
	struct pb_io *p;
	u32 i;

	for (i = 0; i < 4; i++)
		write_dirty(b, i, i + 1);
	p = pb_write(b, 0, 4, 0, ANM_PAGE_SIZE, 5);
	assert_false(p->done);
	assert_int_equal(b->e->stats.dirty_full, 1);
	/* That one is dirty already is no more. */
	write_dirty(b, 0, 11);
	assert_int_equal(dirty(b), 4);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_run(b, 100);
	assert_int_equal(dirty(b), 0);
	assert_int_equal(pb_read_now(b, 0, 0, 11), 0);
	for (i = 1; i < 5; i++)
		assert_int_equal(pb_read_now(b, 0, i, i + 1), 0);
	pb_free(b);
}

static void p1_nobody_waits_for_a_store(void **state)
{
	struct pb *b = bed(1, 100);
	u8 want[ANM_PAGE_SIZE], part[ANM_PAGE_SIZE], got[ANM_PAGE_SIZE];
	struct pb_io *w, *r;

	b->node[0].cut = true;
	write_dirty(b, 3, 1);
	pb_run(b, 5);
	assert_int_equal(b->e->flush.in_flight, 1);
	read_dirty(b, 3, 1);
	write_dirty(b, 3, 2);
	read_dirty(b, 3, 2);
	/* Of a part it does; a WRITE must not overtake it, a READ may. */
	w = pb_write(b, 0, 3, 100, 50, 7);
	assert_false(w->done);
	r = pb_write(b, 0, 3, 100, 60, 8);
	assert_false(r->done);
	read_dirty(b, 3, 2);
	b->node[0].cut = false;
	assert_int_equal(pb_wait(b, w, NULL), 0);
	assert_int_equal(pb_wait(b, r, NULL), 0);
	pb_run(b, 500);
	assert_int_equal(dirty(b), 0);
	forget(b, 10);
	pb_fill(want, 2);
	pb_fill(part, 8);
	memcpy(want + 100, part + 100, 60);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 3), got), 0);
	assert_memory_equal(got, want, sizeof(got));
	pb_free(b);
}

static void p1_only_what_was_stored_is_clean(void **state)
{
	struct pb *b = bed(1, 100);

	write_dirty(b, 3, 1);
	pb_run(b, 100);
	b->delay_ns = 20 * NS_PER_MS;
	write_dirty(b, 4, 1);
	pb_run(b, 3);
	assert_int_equal(b->e->flush.in_flight, 1);
	write_dirty(b, 4, 2);
	pb_run(b, 40); /* the first is stored, the second on its way */
	assert_int_equal(dirty(b), 1);
	read_dirty(b, 4, 2);
	pb_run(b, 500);
	assert_int_equal(dirty(b), 0);
	assert_int_equal(b->real[0]->overwritten, 0);
	forget(b, 10);
	assert_int_equal(pb_read_now(b, 0, 4, 2), 0);
	pb_free(b);
}

static void p10_what_cannot_be_stored_stays(void **state)
{
	struct pb *b = bed(1, 100);
	u32 i;

	b->node[0].cut = true;
	for (i = 0; i < 5; i++)
		write_dirty(b, i, i + 1);
	pb_run(b, 15000);
	assert_int_equal(dirty(b), 5);
	assert_true(b->e->stats.dirty_failed >= 5);
	assert_true(info(b).degraded_pages >= 5);
	pb_events(b);
	assert_int_equal(b->events[ENG_EV_VAI_DEGRADED], 1);
	for (i = 0; i < 5; i++)
		read_dirty(b, i, i + 1);
	assert_int_equal(eng_ctl_down_check(b->e, false, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "5 pages"));
	assert_int_equal(eng_ctl_down_check(b->e, true, &err), 0);
	b->node[0].cut = false;
	pb_run(b, 5000);
	assert_int_equal(dirty(b), 0);
	assert_int_equal(info(b).degraded_pages, 0);
	pb_events(b);
	assert_int_equal(b->events[ENG_EV_VAI_REPAIRED], 1);
	assert_int_equal(eng_ctl_down_check(b->e, false, &err), 0);
	forget(b, 10);
	for (i = 0; i < 5; i++)
		assert_int_equal(pb_read_now(b, 0, i, i + 1), 0);
	pb_free(b);
}

static void p1_a_part_is_laid_over_the_dirty_page(void **state)
{
	u8 want[ANM_PAGE_SIZE], part[ANM_PAGE_SIZE], got[ANM_PAGE_SIZE];
	struct pb *b = bed(1, 100);
	struct pb_io *p;

	assert_int_equal(pb_write_now(b, 0, 3, 1), 0);
	pb_run(b, 100);
	write_dirty(b, 3, 2);
	p = pb_write(b, 0, 3, 100, 50, 3);
	assert_true(p->done);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_fill(want, 2);
	pb_fill(part, 3);
	memcpy(want + 100, part + 100, 50);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 3), got), 0);
	assert_memory_equal(got, want, sizeof(got));
	pb_run(b, 100);
	forget(b, 10);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 3), got), 0);
	assert_memory_equal(got, want, sizeof(got));
	pb_free(b);
}

/* Without memory for the copy it must not be what a server has that it is laid over. */
static void p6_a_part_without_memory_is_put_off(void **state)
{
	struct pb *b = bed(1, 100);
	struct pb_io *p;

	while (b->e->nspare)
		anm_page_put(b->e->spare[--b->e->nspare]);
	write_dirty(b, 3, 2);
	anm_fail_after = 2; /* pageio and data */
	anm_fail_sticky = true;
	p = pb_write(b, 0, 3, 100, 50, 3);
	anm_fail_after = -1;
	anm_fail_sticky = false;
	assert_int_equal(pb_wait(b, p, NULL), -ENOMEM);
	read_dirty(b, 3, 2);
	pb_free(b);
}

static void p1_a_write_past_the_cache_ends_the_dirty_page(void **state)
{
	struct pb *b = bed(1, 100);
	struct pb_io *p;

	b->node[0].cut = true;
	write_dirty(b, 3, 1);
	assert_int_equal(eng_vai_cache(b->e, "real0", ENG_CACHE_OFF, &err), 0);
	p = pb_write(b, 0, 3, 0, ANM_PAGE_SIZE, 2);
	assert_false(p->done);
	assert_int_equal(dirty(b), 1);
	b->node[0].cut = false;
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(dirty(b), 0);
	assert_int_equal(pb_read_now(b, 0, 3, 2), 0);
	pb_run(b, 2000);
	assert_int_equal(pb_read_now(b, 0, 3, 2), 0);
	assert_false(info(b).p.unflushed);
	pb_free(b);
}

/* The WRITE that fails was not acknowledged, the one before was. */
static void p1_a_failed_write_leaves_the_dirty_page(void **state)
{
	struct pb *b = bed(1, 100);
	struct pb_io *p;

	b->node[0].cut = true;
	write_dirty(b, 3, 1);
	assert_int_equal(eng_vai_cache(b->e, "real0", ENG_CACHE_ON, &err), 0);
	p = pb_write(b, 0, 3, 0, ANM_PAGE_SIZE, 2);
	assert_int_not_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(dirty(b), 1);
	read_dirty(b, 3, 1);
	b->node[0].cut = false;
	pb_run(b, 8000);
	assert_int_equal(dirty(b), 0);
	forget(b, 10);
	assert_int_equal(pb_read_now(b, 0, 3, 1), 0);
	pb_free(b);
}

static void zero(struct pb *b, u32 page_no)
{
	u8 got[ANM_PAGE_SIZE];

	assert_int_equal(pb_wait(b, pb_read(b, 0, page_no), got), 0);
	assert_null(memchr_inv(got, 0, sizeof(got)));
}

static void p1_dirty_pages_go_with_their_contents(void **state)
{
	struct pb *b = bed(1, 100);
	u32 i;

	b->node[0].cut = true;
	for (i = 0; i < 30; i++)
		write_dirty(b, i, i + 1);
	assert_int_equal(eng_vai_resize(b->e, "real0", 20 << ANM_PAGE_SHIFT, &err), 0);
	pb_run(b, 50);
	b->node[0].cut = false;
	pb_run(b, 8000);
	b->node[0].cut = true;
	for (i = 1; i < 10; i++)
		write_dirty(b, i, i + 50);
	assert_int_equal(dirty(b), 9);
	assert_int_equal(eng_vai_discard(b->e, "real0", true, &err), 0);
	b->node[0].cut = false;
	pb_run(b, 8000);
	assert_int_equal(dirty(b), 0);
	for (i = 1; i < 20; i++)
		zero(b, i);
	assert_int_equal(eng_vai_resize(b->e, "real0", 60 << ANM_PAGE_SHIFT, &err), 0);
	for (i = 20; i < 30; i++)
		zero(b, i);
	pb_free(b);
}

static void p1_a_vai_in_the_same_slot_sees_nothing_of_it(void **state)
{
	struct pb *b = bed(1, 100);

	b->node[0].cut = true;
	write_dirty(b, 3, 1);
	assert_int_equal(eng_vai_del(b->e, "real0", true, &err), 0);
	b->node[0].cut = false;
	pb_run(b, 8000);
	assert_int_equal(dirty(b), 0);
	assert_null(eng_vai_at(b->e, 0));
	vai_make(b, false);
	zero(b, 3);
	pb_free(b);
}

static void an_engine_that_is_to_flush_leaves_nothing_dirty(void **state)
{
	struct pb *b = bed(1, 100);
	struct pb_io *p;

	write_dirty(b, 3, 1);
	eng_flush(b->e, true);
	p = pb_write(b, 0, 4, 0, ANM_PAGE_SIZE, 2);
	assert_false(p->done);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_run(b, 500);
	assert_int_equal(dirty(b), 0);
	assert_false(info(b).p.unflushed);
	assert_int_equal(eng_unflushed(b->e), 1); /* it is still kept as one that may have some */
	assert_int_equal(eng_vai_kept(b->e, "real0", false, &err), 0);
	assert_int_equal(eng_unflushed(b->e), 0);
	/* Not after all. */
	eng_flush(b->e, false);
	assert_int_equal(pb_write_now(b, 0, 4, 3), 0);
	assert_int_equal(eng_vai_kept(b->e, "real0", true, &err), 0);
	write_dirty(b, 4, 4);
	pb_free(b);
}

static void the_engine_crashes(struct pb *b)
{
	struct eng_server_info before = {.name = "mem0"};
	struct eng_config cfg = pb_config();

	memcpy(before.uuid, b->node[0].cfg.server_uuid, sizeof(before.uuid));
	cfg.epoch = 2;
	cfg.hold = true;
	cfg.cache_pages = 100;
	cfg.recover_ms = 5000;
	pb_restart(b, &cfg);
	assert_int_equal(eng_recover_expect(b->e, &before), 0);
	vai_make(b, true);
	eng_recover_go(b->e);
	pb_run(b, 8000);
	assert_false(eng_recovering(b->e));
}

/* A server has a version before, which nobody may take for the page. */
static void p8_a_crash_loses_all_of_the_vai(void **state)
{
	struct pb *b = bed(1, 100);
	u32 i;

	for (i = 0; i < 20; i++)
		write_dirty(b, i, i + 1);
	pb_run(b, 500);
	b->node[0].cut = true;
	for (i = 0; i < 10; i++)
		write_dirty(b, i, i + 100);
	assert_true(info(b).p.unflushed);
	b->node[0].cut = false;
	the_engine_crashes(b);
	pb_events(b);
	assert_true(b->events[ENG_EV_VAI_LOSSY] >= 1);
	assert_true(info(b).p.holes);
	for (i = 0; i < 30; i++)
		assert_int_equal(pb_read_now(b, 0, i, i + 1), -EIO);
	assert_int_equal(pb_wait(b, pb_write(b, 0, 2, 100, 50, 3), NULL), -EIO);
	/* What is written from now on is there. */
	assert_int_equal(pb_write_now(b, 0, 2, 7), 0);
	assert_int_equal(pb_read_now(b, 0, 2, 7), 0);
	/* Whatever it is kept as now, that stays so in the next life. */
	assert_true(info(b).p.discarded_below > 2ull << 32);
	assert_int_equal(eng_vai_discard(b->e, "real0", true, &err), 0);
	pb_run(b, 2000);
	for (i = 1; i < 30; i++)
		zero(b, i);
	assert_false(info(b).p.holes);
	pb_free(b);
}

static void p6_short_memory_does_not_drop_dirty_pages(void **state)
{
	struct pb *b = bed(1, 100);
	u32 i;

	b->node[0].cut = true;
	for (i = 0; i < 10; i++)
		write_dirty(b, i, i + 1);
	b->e->stats.no_memory++;
	pb_run(b, 50);
	for (i = 0; i < 10; i++)
		read_dirty(b, i, i + 1);
	assert_int_equal(dirty(b), 10);
	pb_free(b);
}

static void a_same_filled_page_leaves_the_cache_when_it_is_stored(void **state)
{
	static const u8 zeros[ANM_PAGE_SIZE];
	struct pb *b = bed(1, 100);
	struct eng_status st;
	u8 got[ANM_PAGE_SIZE];

	assert_int_equal(pb_wait(b, pb_write_page(b, 0, 3, zeros), NULL), 0);
	assert_int_equal(dirty(b), 1);
	pb_run(b, 100);
	eng_get_status(b->e, &st, b->now);
	assert_int_equal(st.dirty_pages, 0);
	assert_int_equal(st.cached_pages, 1); /* the one of the bed */
	assert_int_equal(b->e->stats.pages_filled, 1);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 3), got), 0);
	assert_memory_equal(got, zeros, sizeof(got));
	pb_free(b);
}

/* A move is of the version that the servers have; the page stays as it is. */
static void p1_a_drain_does_not_touch_dirty_pages(void **state)
{
	struct pb *b = bed(2, 100);
	u32 i;

	for (i = 0; i < 30; i++)
		write_dirty(b, i, i + 1);
	pb_run(b, 500);
	/* None is stored for a while, but pages can be moved. */
	b->e->flush.in_flight += 1000;
	for (i = 0; i < 30; i++)
		write_dirty(b, i, i + 100);
	assert_int_equal(eng_server_drain(b->e, "mem0", true, &err), 0);
	pb_run(b, 3000);
	assert_true(b->e->stats.pages_moved > 5);
	assert_int_equal(dirty(b), 30);
	for (i = 0; i < 30; i++)
		read_dirty(b, i, i + 100);
	b->e->flush.in_flight -= 1000;
	pb_run(b, 5000);
	assert_int_equal(dirty(b), 0);
	forget(b, 30);
	for (i = 0; i < 30; i++)
		assert_int_equal(pb_read_now(b, 0, i, i + 100), 0);
	assert_int_equal(pb_info(b, 0).mapped, 0);
	pb_free(b);
}

/* A WRITE that is stored at once, one behind it that is not, and two stores of the page that meet. */
static void p6_stores_of_one_page_wait_for_each_other(void **state)
{
	struct pb *b = bed(2, 64);
	struct pb_io *through, *later;

	(void)state;
	b->delay_ns = 20 * NS_PER_MS;
	write_dirty(b, 3, 1);
	assert_int_equal(eng_vai_cache(b->e, "real0", ENG_CACHE_ON, &err), 0);
	through = pb_write(b, 0, 3, 0, ANM_PAGE_SIZE, 2);
	assert_int_equal(eng_vai_cache(b->e, "real0", ENG_CACHE_WRITEBACK, &err), 0);
	later = pb_write(b, 0, 3, 0, ANM_PAGE_SIZE, 3);
	pb_run(b, 500);
	assert_int_equal(pb_wait(b, through, NULL), 0);
	assert_int_equal(pb_wait(b, later, NULL), 0);
	assert_int_equal(dirty(b), 0);
	assert_int_equal(pb_read_now(b, 0, 3, 3), 0);
	pb_free(b);
}

/* Pages without a place are tried again in their time, and others are stored meanwhile. */
static void p10_what_cannot_be_stored_holds_up_nobody(void **state)
{
	struct pb *b = bed(1, 100);
	u32 i;

	(void)state;
	write_dirty(b, 1, 1);
	pb_run(b, 500);
	assert_int_equal(dirty(b), 0);
	eng_server_full(b->e->servers->slot[pb_info(b, 0).slot]);
	for (i = 20; i < 30; i++)
		write_dirty(b, i, i);
	write_dirty(b, 1, 2); /* it has a place */
	pb_run(b, 50);
	assert_int_equal(b->e->stats.dirty_failed, 10);
	assert_int_equal(dirty(b), 10);
	pb_run(b, 5000); /* the server says that there is room */
	assert_int_equal(dirty(b), 0);
	pb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_is_answered_before_it_is_stored),
		cmocka_unit_test(p8_no_page_is_dirty_before_that_is_kept),
		cmocka_unit_test(p8_kept_is_of_no_use_once_it_is_flushed),
		cmocka_unit_test(a_critical_vai_is_refused),
		cmocka_unit_test(without_a_cache_it_is_refused),
		cmocka_unit_test(what_is_written_again_is_stored_once),
		cmocka_unit_test(p7_more_than_its_share_is_stored_at_once),
		cmocka_unit_test(p1_nobody_waits_for_a_store),
		cmocka_unit_test(p1_only_what_was_stored_is_clean),
		cmocka_unit_test(p10_what_cannot_be_stored_stays),
		cmocka_unit_test(p1_a_part_is_laid_over_the_dirty_page),
		cmocka_unit_test(p6_a_part_without_memory_is_put_off),
		cmocka_unit_test(p1_a_write_past_the_cache_ends_the_dirty_page),
		cmocka_unit_test(p1_a_failed_write_leaves_the_dirty_page),
		cmocka_unit_test(p1_dirty_pages_go_with_their_contents),
		cmocka_unit_test(p1_a_vai_in_the_same_slot_sees_nothing_of_it),
		cmocka_unit_test(an_engine_that_is_to_flush_leaves_nothing_dirty),
		cmocka_unit_test(p8_a_crash_loses_all_of_the_vai),
		cmocka_unit_test(p6_short_memory_does_not_drop_dirty_pages),
		cmocka_unit_test(a_same_filled_page_leaves_the_cache_when_it_is_stored),
		cmocka_unit_test(p1_a_drain_does_not_touch_dirty_pages),
		cmocka_unit_test(p6_stores_of_one_page_wait_for_each_other),
		cmocka_unit_test(p10_what_cannot_be_stored_holds_up_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
