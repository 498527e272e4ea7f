// SPDX-License-Identifier: GPL-2.0-only
/* The engine's page cache: who is served from it, and when it must not be. */
#include "page_bed.h"
#include "../../engine/core/cache.h"
#include "../../engine/core/exports.h"
#include "../../engine/core/pcache.h"

static struct pb *bed(u32 servers, u32 cache_pages)
{
	struct pb *b = pb_new(11);
	u32 i;

	b->e->cfg.repair_after_ms = 1000;
	b->e->cfg.cache_pages = cache_pages;
	assert_int_equal(eng_cache_create(b->e), 0);
	for (i = 0; i < servers; i++)
		pb_server(b, i, 2000, 9000);
	pb_join_all(b);
	return b;
}

static u32 cached(struct pb *b)
{
	struct eng_status st;

	eng_get_status(b->e, &st, b->now);
	return st.cached_pages;
}

static struct map_entry *entry(struct pb *b, u32 vai, u32 page_no)
{
	u16 slot = b->real[vai] ? b->real[vai]->slot : b->vai[vai].slot;
	u32 idx = map_find(b->e->map, slot, page_no);

	assert_int_not_equal(idx, ENG_MAP_NONE);
	return map_entry(b->e->map, idx);
}

static u64 asked(struct pb *b)
{
	return b->e->stats.pages_read;
}

static void a_written_page_is_read_without_a_server(void **state)
{
	struct pb *b = bed(1, 100);

	assert_int_equal(pb_write_now(b, 0, 3, 1), 0);
	assert_int_equal(b->e->stats.pages_written, 1);
	assert_int_equal(pb_read_now(b, 0, 3, 1), 0);
	assert_int_equal(pb_write_now(b, 0, 3, 2), 0);
	assert_int_equal(pb_read_now(b, 0, 3, 2), 0);
	assert_int_equal(asked(b), 0);
	assert_int_equal(b->e->stats.cache_hits, 2);
	assert_int_equal(b->vai[0].cache_hits, 2);
	assert_int_equal(cached(b), 1);
	pb_free(b);
}

/* Its reader has it now; a copy here would be in the way of one that nobody else has. */
static void a_fetched_page_is_not_kept(void **state)
{
	struct pb *b = bed(1, 100);

	assert_int_equal(pb_write_now(b, 0, 3, 1), 0);
	eng_cache_drop(b->e, b->vai[0].slot, 3);
	assert_int_equal(pb_read_now(b, 0, 3, 1), 0);
	assert_int_equal(cached(b), 0);
	assert_int_equal(pb_read_now(b, 0, 3, 1), 0);
	assert_int_equal(asked(b), 2);
	assert_int_equal(b->e->stats.cache_misses, 2);
	assert_int_equal(b->e->stats.cache_hits, 0);
	pb_free(b);
}

static void a_page_that_was_read_goes_first(void **state)
{
	struct pb *b = bed(1, 20);
	u32 i;

	for (i = 0; i < 20; i++)
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
	/* While there is room for it, it may be read again. */
	for (i = 19; i >= 10; i--) {
		assert_int_equal(pb_read_now(b, 0, i, i), 0);
		assert_int_equal(pb_read_now(b, 0, i, i), 0);
	}
	assert_int_equal(asked(b), 0);
	for (i = 20; i < 30; i++)
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
	for (i = 0; i < 10; i++)
		assert_int_equal(pb_read_now(b, 0, i, i), 0);
	assert_int_equal(asked(b), 0);
	for (i = 10; i < 20; i++)
		assert_int_equal(pb_read_now(b, 0, i, i), 0);
	assert_int_equal(asked(b), 10);
	pb_free(b);
}

/* Before it is stored nobody may read it: the server may be the one that dies with it. */
static void p1_a_write_is_not_in_the_cache_before_it_is_stored(void **state)
{
	struct pb *b = bed(1, 100);
	struct pb_io *w;

	w = pb_write(b, 0, 3, 0, ANM_PAGE_SIZE, 1);
	assert_false(w->done);
	assert_int_equal(cached(b), 0);
	assert_int_equal(pb_wait(b, w, NULL), 0);
	assert_int_equal(cached(b), 1);
	pb_free(b);
}

static void p1_a_failed_write_leaves_nothing_in_the_cache(void **state)
{
	struct pb *b = bed(1, 100);
	struct pb_io *w;

	assert_int_equal(pb_write_now(b, 0, 3, 1), 0);
	b->node[0].cut = true;
	w = pb_write(b, 0, 3, 0, ANM_PAGE_SIZE, 2);
	assert_int_equal(pb_wait(b, w, NULL), -EIO);
	assert_int_equal(cached(b), 0);
	/* What the server says counts, now and from then on. */
	b->node[0].cut = false;
	pb_run(b, 8000);
	assert_int_equal(pb_read_now(b, 0, 3, 1), 0);
	assert_int_equal(asked(b), 1);
	pb_free(b);
}

static void a_partial_write_is_laid_over_a_copy(void **state)
{
	u8 old[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE], bytes[ANM_PAGE_SIZE], got[ANM_PAGE_SIZE];
	struct pb *b = bed(1, 100);
	struct pcache_entry *en;
	struct anm_page *page;
	struct pb_io *w;

	assert_int_equal(pb_write_now(b, 0, 3, 1), 0);
	/* A reader's answer may still be on its way out. */
	w = pb_read(b, 0, 3);
	assert_int_equal(pb_wait(b, w, old), 0);
	en = b->e->cache->table->entry;
	while (!en->page)
		en++;
	page = en->page;
	anm_page_get(page);
	assert_int_equal(pb_wait(b, pb_write(b, 0, 3, 100, 50, 2), NULL), 0);
	assert_memory_equal(anm_page_data(page), old, sizeof(old));
	anm_page_put(page);
	memcpy(want, old, sizeof(want));
	pb_fill(bytes, 2);
	memcpy(want + 100, bytes + 100, 50);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 3), got), 0);
	assert_memory_equal(got, want, sizeof(got));
	assert_int_equal(asked(b), 0);
	assert_int_equal(b->e->stats.pages_merged, 1);
	/* Without the cache it is the same. */
	eng_cache_drop(b->e, b->vai[0].slot, 3);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 3), got), 0);
	assert_memory_equal(got, want, sizeof(got));
	pb_free(b);
}

static void p1_another_version_is_not_served(void **state)
{
	struct pb *b = bed(1, 100);
	struct map_entry *me;

	assert_int_equal(pb_write_now(b, 0, 3, 1), 0);
	me = entry(b, 0, 3);
	map_version_set(me, map_version(me) - 1); /* as an inventory may, upwards */
	assert_int_equal(pb_read_now(b, 0, 3, 1), 0);
	assert_int_equal(asked(b), 1);
	/* The server's version counts from now on: it is the cached one. */
	assert_int_equal(pb_read_now(b, 0, 3, 1), 0);
	assert_int_equal(asked(b), 1);
	pb_free(b);
}

static void p1_discarded_pages_are_gone_from_the_cache(void **state)
{
	static const u8 zero[ANM_PAGE_SIZE];
	struct pb *b = bed(1, 100);
	u8 got[ANM_PAGE_SIZE];
	struct eng_err err;
	u32 i;

	pb_vai(b, 0, ENG_CLASS_NORMAL, 50);
	for (i = 1; i < 40; i++)
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
	assert_int_equal(cached(b), 39);
	assert_int_equal(eng_vai_resize(b->e, b->real[0]->name, 20 * ANM_PAGE_SIZE, &err), 0);
	pb_run(b, 2000);
	assert_int_equal(cached(b), 19);
	assert_int_equal(eng_vai_discard(b->e, b->real[0]->name, true, &err), 0);
	pb_run(b, 2000);
	assert_int_equal(cached(b), 0);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 7), got), 0);
	assert_memory_equal(got, zero, sizeof(zero));
	pb_free(b);
}

static void p7_the_budget_is_kept(void **state)
{
	struct pb *b = bed(1, 20);
	u32 i;

	for (i = 0; i < 200; i++)
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
	assert_int_equal(cached(b), 20);
	assert_int_equal(b->e->stats.cache_evictions, 180);
	for (i = 0; i < 200; i++)
		assert_int_equal(pb_read_now(b, 0, i, i), 0);
	pb_free(b);
}

/* The page is lost to the pool, but not to the engine: read, and stored again. */
static void p8_the_cache_saves_what_no_server_has(void **state)
{
	struct pb *b = bed(2, 100);
	u32 i;

	pb_vai(b, 0, ENG_CLASS_NORMAL, 60);
	for (i = 0; i < 60; i++)
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
	pb_kill(b, 0);
	pb_run(b, 5500);
	for (i = 0; i < 60; i++)
		assert_int_equal(pb_read_now(b, 0, i, i), 0);
	assert_int_equal(b->e->stats.pages_lost, 0);
	pb_run(b, 10000);
	assert_true(b->e->stats.cache_saved > 20);
	assert_int_equal(b->real[0]->degraded, 0);
	for (i = 0; i < 60; i++)
		eng_cache_drop(b->e, b->real[0]->slot, i);
	for (i = 0; i < 60; i++)
		assert_int_equal(pb_read_now(b, 0, i, i), 0);
	assert_true(asked(b) >= 60);
	pb_free(b);
}

static void p8_what_is_not_cached_is_lost(void **state)
{
	struct pb *b = bed(1, 100);

	pb_vai(b, 0, ENG_CLASS_NORMAL, 60);
	assert_int_equal(pb_write_now(b, 0, 1, 1), 0);
	assert_int_equal(pb_write_now(b, 0, 2, 2), 0);
	eng_cache_drop(b->e, b->real[0]->slot, 2);
	pb_kill(b, 0);
	pb_run(b, 8000);
	assert_int_equal(pb_read_now(b, 0, 1, 1), 0);
	assert_int_equal(pb_read_now(b, 0, 2, 2), -EIO);
	pb_free(b);
}

static void a_vai_may_be_left_out(void **state)
{
	struct pb *b = bed(1, 100);

	assert_int_equal(pb_write_now(b, 0, 1, 1), 0);
	assert_int_equal(cached(b), 1);
	b->vai[0].no_cache = true;
	assert_int_equal(pb_read_now(b, 0, 1, 1), 0);
	assert_int_equal(pb_write_now(b, 0, 1, 2), 0);
	assert_int_equal(pb_read_now(b, 0, 1, 2), 0);
	assert_int_equal(cached(b), 0);
	assert_int_equal(asked(b), 2);
	assert_int_equal(b->e->stats.cache_hits + b->e->stats.cache_misses, 0);
	pb_free(b);
}

static void a_vai_is_switched_while_it_is_used(void **state)
{
	struct pb *b = bed(1, 100);
	struct eng_vai_info info;
	struct eng_err err;
	u32 slot = 0;

	pb_vai(b, 0, ENG_CLASS_NORMAL, 60);
	assert_int_equal(pb_write_now(b, 0, 1, 1), 0);
	assert_int_equal(eng_vai_cache(b->e, b->real[0]->name, false, &err), 0);
	assert_int_equal(pb_read_now(b, 0, 1, 1), 0);
	assert_int_equal(asked(b), 1);
	assert_int_equal(eng_vai_cache(b->e, b->real[0]->name, true, &err), 0);
	assert_int_equal(pb_read_now(b, 0, 1, 1), 0);
	assert_int_equal(asked(b), 1);
	/* What was written meanwhile is not hidden by what was there before. */
	assert_int_equal(eng_vai_cache(b->e, b->real[0]->name, false, &err), 0);
	assert_int_equal(pb_write_now(b, 0, 1, 2), 0);
	assert_true(eng_vai_get(b->e, &slot, &info));
	assert_true(info.p.no_cache);
	assert_int_equal(info.cache_hits, 1);
	assert_int_equal(eng_vai_cache(b->e, b->real[0]->name, true, &err), 0);
	assert_int_equal(pb_read_now(b, 0, 1, 2), 0);
	assert_int_equal(asked(b), 2);
	assert_int_equal(eng_vai_cache(b->e, "nobody", true, &err), -ENOENT);
	pb_free(b);
}

static void figures_are_of_the_vai(void **state)
{
	struct pb *b = bed(1, 20);
	struct eng_vai_info info;
	u32 i, slot = 0;

	pb_vai(b, 0, ENG_CLASS_NORMAL, 60);
	for (i = 0; i < 30; i++)
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
	for (i = 0; i < 30; i++)
		assert_int_equal(pb_read_now(b, 0, i, i), 0);
	assert_true(eng_vai_get(b->e, &slot, &info));
	assert_true(info.cache_evictions >= 10);
	assert_int_equal(info.cache_evictions, b->e->stats.cache_evictions);
	assert_int_equal(info.cache_misses, asked(b));
	assert_int_equal(info.cache_hits, 30 - asked(b));
	pb_free(b);
}

static void empty(struct pb *b, const char *name)
{
	struct eng_err err;

	assert_int_equal(eng_server_drain(b->e, name, true, &err), 0);
	pb_run(b, 3000);
	assert_int_equal(eng_server_drain(b->e, name, false, &err), 0);
	pb_run(b, 1000);
}

/* To and fro: a server that was told to forget a page gets it under a new version. */
static void p1_a_packed_page_that_moves_is_not_cached(void **state)
{
	u8 page[ANM_PAGE_SIZE], got[ANM_PAGE_SIZE];
	struct pb *b = bed(2, 100);
	u64 version;

	pb_vai(b, 0, ENG_CLASS_NORMAL, 60);
	pb_fill(page, 1);
	memset(page + 500, 0, sizeof(page) - 500);
	assert_int_equal(pb_wait(b, pb_write_page(b, 0, 1, page), NULL), 0);
	assert_int_equal(b->e->stats.pages_packed, 1);
	version = map_version(entry(b, 0, 1));
	empty(b, "mem0");
	empty(b, "mem1");
	empty(b, "mem0");
	assert_true(b->e->stats.pages_moved >= 2);
	assert_true(map_version(entry(b, 0, 1)) > version);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 1), got), 0);
	assert_memory_equal(got, page, sizeof(got));
	pb_free(b);
}

static void p6_short_memory_is_given_back(void **state)
{
	struct pb *b = bed(1, 100);
	struct pb_io *p;
	u32 i;

	for (i = 0; i < 10; i++)
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
	/* No page to lay the new bytes over. */
	p = pb_write(b, 0, 1, 0, ANM_PAGE_SIZE, 1);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	p = pb_write(b, 0, 20, 0, ANM_PAGE_SIZE, 1);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(cached(b), 11);
	b->e->stats.no_memory++;
	pb_run(b, 50);
	assert_int_equal(cached(b), 0);
	assert_int_equal(pb_read_now(b, 0, 4, 4), 0);
	pb_free(b);
}

static void p6_a_copy_that_cannot_be_had_puts_the_write_off(void **state)
{
	struct pb *b = bed(1, 100);
	struct pb_io *p;
	struct eng_pageio *io;
	u8 got[ANM_PAGE_SIZE];

	assert_int_equal(pb_write_now(b, 0, 1, 1), 0);
	p = pb_write(b, 0, 2, 0, 10, 9); /* so that what is drawn below is all that is needed */
	assert_int_equal(pb_wait(b, p, NULL), 0);
	/* pageio and data are taken before; the copy is what fails. */
	anm_fail_after = 2;
	anm_fail_sticky = true;
	p = pb_write(b, 0, 1, 0, 10, 2);
	anm_fail_after = -1;
	anm_fail_sticky = false;
	io = p->io;
	assert_null(io);
	assert_int_equal(pb_wait(b, p, NULL), -ENOMEM);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 1), got), 0);
	assert_int_equal(pb_read_now(b, 0, 1, 1), 0);
	pb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_written_page_is_read_without_a_server),
		cmocka_unit_test(a_fetched_page_is_not_kept),
		cmocka_unit_test(a_page_that_was_read_goes_first),
		cmocka_unit_test(p1_a_write_is_not_in_the_cache_before_it_is_stored),
		cmocka_unit_test(p1_a_failed_write_leaves_nothing_in_the_cache),
		cmocka_unit_test(a_partial_write_is_laid_over_a_copy),
		cmocka_unit_test(p1_another_version_is_not_served),
		cmocka_unit_test(p1_discarded_pages_are_gone_from_the_cache),
		cmocka_unit_test(p7_the_budget_is_kept),
		cmocka_unit_test(p8_the_cache_saves_what_no_server_has),
		cmocka_unit_test(p8_what_is_not_cached_is_lost),
		cmocka_unit_test(a_vai_may_be_left_out),
		cmocka_unit_test(a_vai_is_switched_while_it_is_used),
		cmocka_unit_test(figures_are_of_the_vai),
		cmocka_unit_test(p1_a_packed_page_that_moves_is_not_cached),
		cmocka_unit_test(p6_short_memory_is_given_back),
		cmocka_unit_test(p6_a_copy_that_cannot_be_had_puts_the_write_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
