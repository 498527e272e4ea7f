// SPDX-License-Identifier: GPL-2.0-only
/* The page map: finding, growing, its price in memory, sweeping. */
#include "page_bed.h"

#define BYTES_A_PAGE 24

static struct engine *map_new(void)
{
	struct engine *e = anm_big_alloc(sizeof(*e));

	assert_non_null(e);
	assert_int_equal(eng_map_create(e), 0);
	return e;
}

static void map_drop(struct engine *e)
{
	eng_map_destroy(e);
	anm_big_free(e);
}

static u32 random_page(u64 i)
{
	u64 x = i * 0x9e3779b97f4a7c15ull;

	x ^= x >> 29;
	return (u32)(x * 0xbf58476d1ce4e5b9ull >> 32);
}

static void price(u32 n, bool random)
{
	struct engine *e = map_new();
	u32 i, idx;

	for (i = 0; i < n; i++) {
		u32 page = random ? random_page(i) : i;

		if (random && map_find(e->map, 3, page) != ENG_MAP_NONE)
			continue;
		idx = map_insert(e->map, 3, page);
		assert_true(idx != ENG_MAP_NONE);
		map_version_set(map_entry(e->map, idx), 0xffff00000000ull + i);
	}
	assert_true(eng_map_entries(e) > n - n / 100);
	print_message("# %u pages %s: %llu bytes, %.2f a page\n", n,
		      random ? "at random" : "in a row", eng_map_bytes(e),
		      (double)eng_map_bytes(e) / eng_map_entries(e));
	assert_true(eng_map_bytes(e) <= BYTES_A_PAGE * eng_map_entries(e));
	for (i = 0; i < n; i += 7) {
		u32 page = random ? random_page(i) : i;

		idx = map_find(e->map, 3, page);
		assert_true(idx != ENG_MAP_NONE);
		assert_int_equal(map_entry(e->map, idx)->page_no, page);
		if (!random)
			assert_true(map_version(map_entry(e->map, idx)) == 0xffff00000000ull + i);
		assert_true(map_find(e->map, 4, page) == ENG_MAP_NONE);
	}
	map_drop(e);
}

static void map_costs_24_bytes_a_page(void **state)
{
	static const u32 sizes[] = {1000, 100000, 1000000};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		price(sizes[i], false);
		price(sizes[i], true);
	}
}

/* Against an array: inserts, removals and look-ups at random. */
static void map_agrees_with_a_model(void **state)
{
	enum { PAGES = 20000 };
	struct engine *e = map_new();
	static u64 model[PAGES];
	u64 x = 42, n = 0;
	u32 step;

	memset(model, 0, sizeof(model));
	for (step = 1; step < 200000; step++) {
		u32 page, idx;

		x = x * 6364136223846793005ull + 1442695040888963407ull;
		page = (u32)(x >> 40) % PAGES;
		idx = map_find(e->map, page & 1, page);
		assert_int_equal(idx != ENG_MAP_NONE, model[page] != 0);
		if (idx != ENG_MAP_NONE)
			assert_true(map_version(map_entry(e->map, idx)) == model[page]);
		if (idx == ENG_MAP_NONE) {
			idx = map_insert(e->map, page & 1, page);
			map_version_set(map_entry(e->map, idx), step);
			model[page] = step;
			n++;
		} else if (x >> 20 & 1) {
			map_remove(e->map, idx);
			model[page] = 0;
			n--;
		}
		assert_int_equal(eng_map_entries(e), n);
	}
	map_drop(e);
}

static void map_scan_meets_every_entry_once(void **state)
{
	struct engine *e = map_new();
	u32 cursor = 0, seen = 0, rounds = 0, i;
	static u8 hit[5000];

	memset(hit, 0, sizeof(hit));
	for (i = 0; i < 5000; i++)
		map_insert(e->map, 0, i);
	for (i = 0; i < 5000; i += 3)
		map_remove(e->map, map_find(e->map, 0, i));
	while (!map_scan_end(e->map, cursor)) {
		u32 budget = 100, idx;

		rounds++;
		while ((idx = map_scan(e->map, &cursor, &budget)) != ENG_MAP_NONE) {
			assert_int_equal(hit[map_entry(e->map, idx)->page_no]++, 0);
			seen++;
		}
	}
	assert_int_equal(seen, eng_map_entries(e));
	assert_int_equal(rounds, 50);
	map_drop(e);
}

/* What is freed is used again before more is taken. */
static void map_reuses_entries(void **state)
{
	struct engine *e = map_new();
	u64 bytes;
	u32 i, round;

	for (i = 0; i < 3000; i++)
		map_insert(e->map, 0, i);
	bytes = eng_map_bytes(e);
	for (round = 1; round < 10; round++) {
		for (i = 0; i < 3000; i++)
			map_remove(e->map, map_find(e->map, (u16)(round - 1), i));
		assert_int_equal(eng_map_entries(e), 0);
		for (i = 0; i < 3000; i++)
			map_insert(e->map, (u16)round, i);
	}
	assert_true(eng_map_bytes(e) == bytes);
	map_drop(e);
}

static void map_survives_failing_allocations(void **state)
{
	struct engine *e = map_new();
	u32 i, failed = 0;
	long live = anm_alloc_live;

	for (i = 0; i < 20000; i++) {
		u32 idx;

		anm_fail_after = (long)(i % 3) - 1;
		idx = map_insert(e->map, 0, i);
		anm_fail_after = -1;
		if (idx == ENG_MAP_NONE) {
			failed++;
			assert_true(map_insert(e->map, 0, i) != ENG_MAP_NONE);
		}
	}
	assert_true(failed > 10);
	assert_true(anm_alloc_live > live);
	for (i = 0; i < 20000; i++)
		assert_true(map_find(e->map, 0, i) != ENG_MAP_NONE);
	map_drop(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_costs_24_bytes_a_page),
		cmocka_unit_test(map_agrees_with_a_model),
		cmocka_unit_test(map_scan_meets_every_entry_once),
		cmocka_unit_test(map_reuses_entries),
		cmocka_unit_test(map_survives_failing_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
