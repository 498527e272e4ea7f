// SPDX-License-Identifier: GPL-2.0-only
/* The table of cached pages: budget, policy, and that it never gives out the wrong page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../engine/core/pcache.h"

#define KEYS 600

static u64 rng = 1;

static u32 draw(u32 n)
{
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)((rng >> 33) % n);
}

static u32 hash_of(u32 key)
{
	return key * 0x9e3779b1u >> 20; /* few values: buckets get long */
}

static u32 find(struct pcache *c, u32 key)
{
	return pcache_find(c, hash_of(key), (u16)(key & 3), key);
}

/* The table's reference is the only one. */
static void put(struct pcache *c, u32 key, u64 version)
{
	struct anm_page *page = anm_page_alloc();

	assert_non_null(page);
	memcpy(anm_page_data(page), &version, sizeof(version));
	pcache_put(c, hash_of(key), (u16)(key & 3), key, version, page);
	anm_page_put(page);
}

static bool use(struct pcache *c, u32 key)
{
	u32 i = find(c, key);

	if (i == PCACHE_NONE)
		return false;
	c->policy->hit(c, i);
	return true;
}

static void a_page_is_found_until_it_is_dropped(void **state)
{
	struct pcache *c = pcache_create(10, &pcache_s3fifo);
	long live = anm_alloc_live;
	u64 v;

	put(c, 5, 77);
	assert_int_equal(find(c, 6), PCACHE_NONE);
	assert_int_equal(pcache_find(c, hash_of(5), 2, 5), PCACHE_NONE); /* another VAI's */
	memcpy(&v, anm_page_data(c->entry[find(c, 5)].page), sizeof(v));
	assert_int_equal(v, 77);
	put(c, 5, 78);
	assert_int_equal(c->used, 1);
	assert_int_equal(c->entry[find(c, 5)].version, 78);
	pcache_drop(c, find(c, 5));
	assert_int_equal(find(c, 5), PCACHE_NONE);
	assert_int_equal(c->used, 0);
	assert_int_equal(anm_alloc_live, live);
	pcache_destroy(c);
}

static void p7_the_budget_holds_and_pages_are_what_was_put(void **state)
{
	u32 caps[] = {1, 2, 9, 100, 500}, i, n, k;
	long live = anm_alloc_live;

	for (k = 0; k < ARRAY_SIZE(caps); k++) {
		struct pcache *c = pcache_create(caps[k], &pcache_s3fifo);
		u64 last[KEYS] = {0}, v;

		for (n = 1; n < 20000; n++) {
			u32 key = draw(2) ? draw(KEYS) : draw(20);

			i = find(c, key);
			if (i != PCACHE_NONE) {
				memcpy(&v, anm_page_data(c->entry[i].page), sizeof(v));
				assert_int_equal(v, last[key]);
				assert_int_equal(c->entry[i].version, v);
			}
			if (i != PCACHE_NONE && !draw(8)) {
				pcache_drop(c, i);
				last[key] = 0;
			} else if (i == PCACHE_NONE || draw(2)) {
				put(c, key, n);
				last[key] = n;
				assert_int_not_equal(find(c, key), PCACHE_NONE);
			} else {
				use(c, key);
			}
			i = find(c, draw(KEYS));
			if (i != PCACHE_NONE && !draw(4))
				pcache_spend(c, i);
			if (!draw(500))
				pcache_shrink(c, draw(c->cap + 5));
			assert_true(c->used <= c->cap);
			assert_true(c->list[PCACHE_GHOST].n <= c->cap);
			assert_int_equal(c->used, c->list[PCACHE_MAIN].n + c->list[PCACHE_SMALL].n +
							  c->list[PCACHE_SPENT].n);
			assert_int_equal(c->entries, c->used + c->list[PCACHE_GHOST].n +
							     c->list[PCACHE_FREE].n);
		}
		pcache_destroy(c);
	}
	assert_int_equal(anm_alloc_live, live);
}

static void a_scan_leaves_what_is_used_often(void **state)
{
	struct pcache *c = pcache_create(100, &pcache_s3fifo);
	u32 n, i, left = 0;

	for (n = 0; n < 3; n++)
		for (i = 0; i < 50; i++)
			if (!use(c, i))
				put(c, i, 1);
	for (i = 1000; i < 6000; i++)
		put(c, i, 1);
	for (i = 0; i < 50; i++)
		left += find(c, i) != PCACHE_NONE;
	assert_true(left > 45);
	pcache_destroy(c);
}

/* What comes back soon after it went is worth more than what is new. */
static void a_ghost_comes_back_for_good(void **state)
{
	struct pcache *c = pcache_create(100, &pcache_s3fifo);
	u32 i;

	for (i = 0; i < 150; i++)
		put(c, i, 1);
	assert_int_equal(find(c, 0), PCACHE_NONE);
	put(c, 0, 2);
	assert_int_equal(c->entry[find(c, 0)].list, PCACHE_MAIN);
	for (i = 200; i < 300; i++)
		put(c, i, 1);
	assert_int_not_equal(find(c, 0), PCACHE_NONE);
	pcache_destroy(c);
}

/* The last one first: who had it last will want it last. */
static void spent_pages_go_first(void **state)
{
	struct pcache *c = pcache_create(10, &pcache_s3fifo);
	u32 i;

	for (i = 0; i < 10; i++)
		put(c, i, 1);
	pcache_spend(c, find(c, 9));
	pcache_spend(c, find(c, 4));
	pcache_spend(c, find(c, 7));
	pcache_spend(c, find(c, 4)); /* once more: as it was */
	put(c, 9, 2);		     /* no longer */
	put(c, 10, 1);
	assert_int_equal(find(c, 7), PCACHE_NONE);
	assert_int_not_equal(find(c, 4), PCACHE_NONE);
	put(c, 11, 1);
	assert_int_equal(find(c, 4), PCACHE_NONE);
	assert_int_not_equal(find(c, 9), PCACHE_NONE);
	assert_int_not_equal(find(c, 0), PCACHE_NONE);
	pcache_spend(c, find(c, 10));
	pcache_shrink(c, 1);
	assert_int_equal(find(c, 10), PCACHE_NONE);
	assert_int_equal(c->used, 9);
	pcache_destroy(c);
}

static void p6_without_memory_there_is_no_table(void **state)
{
	long live = anm_alloc_live;
	int i;

	for (i = 0; i < 3; i++) {
		anm_fail_after = i;
		assert_null(pcache_create(10, &pcache_s3fifo));
		assert_int_equal(anm_alloc_live, live);
	}
	anm_fail_after = -1;
}

static u32 unused_pages;

static void count_unused(struct pcache *c, const struct pcache_entry *en)
{
	assert_non_null(en->page);
	assert_true(en->ahead);
	assert_ptr_equal(c->ctx, &unused_pages);
	unused_pages++;
}

/* Fetched ahead and never asked for: told once, whatever the end was. */
static void what_was_fetched_ahead_in_vain_is_told(void **state)
{
	struct pcache *c = pcache_create(10, &pcache_s3fifo);
	u32 key;

	unused_pages = 0;
	c->unused = count_unused;
	c->ctx = &unused_pages;
	for (key = 0; key < 10; key++) {
		put(c, key, 1);
		c->entry[find(c, key)].ahead = key < 8;
	}
	c->entry[find(c, 7)].ahead = false; /* it was used */
	pcache_drop(c, find(c, 0));
	assert_int_equal(unused_pages, 1);
	put(c, 1, 2); /* other bytes in its place */
	assert_int_equal(unused_pages, 2);
	assert_false(c->entry[find(c, 1)].ahead);
	put(c, 1, 3);
	assert_int_equal(unused_pages, 2);
	for (key = 100; key < 130; key++)
		put(c, key, 1);
	assert_int_equal(unused_pages, 7);
	pcache_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_found_until_it_is_dropped),
		cmocka_unit_test(p7_the_budget_holds_and_pages_are_what_was_put),
		cmocka_unit_test(a_scan_leaves_what_is_used_often),
		cmocka_unit_test(a_ghost_comes_back_for_good),
		cmocka_unit_test(spent_pages_go_first),
		cmocka_unit_test(p6_without_memory_there_is_no_table),
		cmocka_unit_test(what_was_fetched_ahead_in_vain_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
