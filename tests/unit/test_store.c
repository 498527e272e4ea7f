// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page store alone: versions, room, discards, what it costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../memserver/core/store.h"

#define CLIENT 0x0a000001u
#define VAI    0xfeed0001u

/* Objects are only pointers to the store; a number is as good as a page here. */
static void *obj(unsigned long n)
{
	return (void *)(n * 8 + 8);
}

static struct amp_key key_of(u32 client, u32 vai, u64 page)
{
	struct amp_key key = {.client = client, .vai = vai, .offset = page << ANM_PAGE_SHIFT};

	return key;
}

static u16 put(struct store *s, u64 page_no, u64 version, u32 crc, void *o, void **old)
{
	struct amp_key key = key_of(CLIENT, VAI, page_no);
	struct store_page page = {.version = version, .crc = crc, .obj = o};
	u64 have;

	return store_put(s, &key, &page, old, &have);
}

static void expect_page(struct store *s, u64 page_no, u64 version, u32 crc, void *o)
{
	struct amp_key key = key_of(CLIENT, VAI, page_no);
	struct store_page page;

	assert_true(store_get(s, &key, &page));
	assert_int_equal(page.version, version);
	assert_int_equal(page.crc, crc);
	assert_ptr_equal(page.obj, o);
}

static void drain(struct store *s)
{
	void *objs[64];

	while (store_used(s))
		store_drain(s, ARRAY_SIZE(objs), objs);
	store_destroy(s);
}

static void p1_get_returns_what_was_put(void **state)
{
	struct store *s = store_create(100);
	struct amp_key other;
	struct store_page page;
	void *old;
	unsigned long i;

	for (i = 0; i < 100; i++) {
		assert_int_equal(put(s, i * 7, i + 1, (u32)i, obj(i), &old), AMP_OK);
		assert_null(old);
	}
	for (i = 0; i < 100; i++)
		expect_page(s, i * 7, i + 1, (u32)i, obj(i));
	other = key_of(CLIENT, VAI, 1);
	assert_false(store_get(s, &other, &page));
	other = key_of(CLIENT + 1, VAI, 7);
	assert_false(store_get(s, &other, &page));
	other = key_of(CLIENT, VAI + 1, 7);
	assert_false(store_get(s, &other, &page));
	drain(s);
}

static void p3_older_version_is_refused(void **state)
{
	struct store *s = store_create(10);
	struct amp_key key = key_of(CLIENT, VAI, 3);
	struct store_page page = {.version = 4, .crc = 9, .obj = obj(2)};
	void *old;
	u64 have;

	assert_int_equal(put(s, 3, 5, 1, obj(1), &old), AMP_OK);
	assert_int_equal(store_put(s, &key, &page, &old, &have), AMP_E_STALE);
	assert_int_equal(have, 5);
	assert_ptr_equal(old, obj(2));
	expect_page(s, 3, 5, 1, obj(1));
	assert_int_equal(put(s, 3, 6, 2, obj(2), &old), AMP_OK);
	assert_ptr_equal(old, obj(1));
	expect_page(s, 3, 6, 2, obj(2));
	assert_int_equal(store_used(s), 1);
	drain(s);
}

static void p3_same_version_again_is_done_already(void **state)
{
	struct store *s = store_create(10);
	void *old;

	assert_int_equal(put(s, 3, 5, 1, obj(1), &old), AMP_OK);
	assert_int_equal(put(s, 3, 5, 1, obj(2), &old), AMP_OK);
	assert_ptr_equal(old, obj(2));
	assert_int_equal(put(s, 3, 5, 77, obj(2), &old), AMP_E_INVAL);
	assert_ptr_equal(old, obj(2));
	expect_page(s, 3, 5, 1, obj(1));
	drain(s);
}

static void p4_donation_is_all_there_and_no_more(void **state)
{
	struct store *s = store_create(64);
	void *old;
	unsigned long i;

	for (i = 0; i < 64; i++)
		assert_int_equal(put(s, i, 1, 0, obj(i), &old), AMP_OK);
	assert_int_equal(put(s, 64, 1, 0, obj(64), &old), AMP_E_FULL);
	assert_ptr_equal(old, obj(64));
	/* replacing needs no room */
	assert_int_equal(put(s, 5, 2, 0, obj(64), &old), AMP_OK);
	assert_ptr_equal(old, obj(5));
	assert_int_equal(store_used(s), 64);
	drain(s);
}

static void p6_bad_versions_and_offsets_are_refused(void **state)
{
	struct store *s = store_create(4);
	struct amp_key key = {.offset = 4095};
	void *old;

	assert_int_equal(put(s, 0, 0, 0, obj(0), &old), AMP_E_INVAL);
	assert_int_equal(put(s, 0, STORE_VERSION_MAX + 1, 0, obj(0), &old), AMP_E_INVAL);
	assert_int_equal(put(s, 0, STORE_VERSION_MAX, 0, obj(0), &old), AMP_OK);
	expect_page(s, 0, STORE_VERSION_MAX, 0, obj(0));
	assert_false(store_key_valid(&key));
	key.offset = 1ull << 44;
	assert_false(store_key_valid(&key));
	key.offset = (1ull << 44) - ANM_PAGE_SIZE;
	assert_true(store_key_valid(&key));
	drain(s);
	assert_null(store_create(0));
	assert_null(store_create(STORE_PAGES_MAX + 1));
}

static void p3_discard_spares_newer_pages(void **state)
{
	struct store *s = store_create(4);
	struct amp_key key = key_of(CLIENT, VAI, 1);
	void *old, *gone;
	u64 have;

	put(s, 1, 10, 0, obj(1), &old);
	assert_int_equal(store_discard(s, &key, 10, &gone, &have), AMP_E_STALE);
	assert_null(gone);
	assert_int_equal(have, 10);
	assert_int_equal(store_discard(s, &key, 11, &gone, &have), AMP_OK);
	assert_ptr_equal(gone, obj(1));
	assert_int_equal(store_used(s), 0);
	assert_int_equal(store_discard(s, &key, 11, &gone, &have), AMP_OK);
	assert_null(gone);
	drain(s);
}

/* Discard all of VAI older than @version; count pages and calls. */
static u32 discard_all(struct store *s, u64 version, u32 max, u32 *calls)
{
	void *objs[512];
	u32 n, pages = 0;
	u16 code;

	*calls = 0;
	do {
		code = store_discard_vai(s, CLIENT, VAI, version, max, objs, &n);
		assert_true(n <= max);
		pages += n;
		assert_true(++*calls < 1000);
	} while (code == AMP_E_MORE);
	assert_int_equal(code, AMP_OK);
	return pages;
}

static void p7_discard_vai_is_bounded_and_complete(void **state)
{
	struct store *s = store_create(20000);
	struct amp_key foreign = key_of(CLIENT, VAI + 1, 0);
	struct store_page page = {.version = 1, .obj = obj(0)};
	u32 calls;
	u64 have;
	void *old;
	unsigned long i;

	assert_int_equal(store_put(s, &foreign, &page, &old, &have), AMP_OK);
	for (i = 0; i < 10000; i++)
		assert_int_equal(put(s, i, i < 5000 ? 1 : 9, 0, obj(i), &old), AMP_OK);
	assert_int_equal(discard_all(s, 9, 256, &calls), 5000);
	assert_true(calls >= 5000 / 256);
	assert_int_equal(store_used(s), 5001);
	expect_page(s, 5000, 9, 0, obj(5000));
	/* another version begins from the start again */
	assert_int_equal(discard_all(s, 10, 512, &calls), 5000);
	assert_int_equal(store_used(s), 1);
	assert_true(store_get(s, &foreign, &page));
	assert_int_equal(discard_all(s, 10, 512, &calls), 0);
	assert_int_equal(calls, 1);
	drain(s);
}

static void p7_spaces_are_bounded_and_come_back(void **state)
{
	struct store *s = store_create(STORE_SPACES_MAX + 10);
	struct store_page page = {.version = 1, .obj = obj(0)};
	struct amp_key key;
	void *old, *gone;
	u64 have;
	u32 i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < STORE_SPACES_MAX; i++) {
			key = key_of(i & 3, i, 0);
			assert_int_equal(store_put(s, &key, &page, &old, &have), AMP_OK);
		}
		key = key_of(9, 0, 0);
		assert_int_equal(store_put(s, &key, &page, &old, &have), AMP_E_FULL);
		assert_ptr_equal(old, page.obj);
		for (i = 0; i < STORE_SPACES_MAX; i++) {
			key = key_of(i & 3, i, 0);
			assert_int_equal(store_discard(s, &key, 2, &gone, &have), AMP_OK);
			assert_non_null(gone);
		}
		assert_int_equal(store_used(s), 0);
	}
	drain(s);
}

static void entry_costs_at_most_32_bytes(void **state)
{
	static const u64 sizes[] = {1000, 100000, 1000000};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct store *s = store_create(sizes[i]);
		struct store *t = store_create(2 * sizes[i]);

		/* what each further page costs, and what is there in any case */
		assert_true(store_bytes(t) - store_bytes(s) <= 32 * sizes[i]);
		assert_true(2 * store_bytes(s) - store_bytes(t) <= 128 * 1024);
		drain(s);
		drain(t);
	}
}

static void create_survives_any_failed_allocation(void **state)
{
	struct store *s;
	long live = anm_alloc_live;
	int i;

	for (i = 0; i < 10; i++) {
		anm_fail_after = i;
		s = store_create(100);
		if (s)
			break;
		assert_int_equal(anm_alloc_live, live);
	}
	anm_fail_after = -1;
	assert_int_equal(i, 4);
	drain(s);
	assert_int_equal(anm_alloc_live, live);
}

/* ---- random work against a plain model ---- */

#define MODEL_PAGES 300
#define MODEL_VAIS  3

struct model {
	u64 version[MODEL_VAIS][MODEL_PAGES];
	void *obj[MODEL_VAIS][MODEL_PAGES];
	u64 used;
};

static void model_put(struct store *s, struct model *m, u32 vai, u32 page, u64 version, void *o)
{
	struct amp_key key = key_of(CLIENT, vai, page);
	struct store_page sp = {.version = version, .crc = (u32)version, .obj = o};
	u64 *v = &m->version[vai][page], have;
	void *old;
	u16 code = store_put(s, &key, &sp, &old, &have);

	if (*v > version) {
		assert_int_equal(code, AMP_E_STALE);
	} else if (!*v && m->used == MODEL_PAGES) {
		assert_int_equal(code, AMP_E_FULL);
	} else {
		assert_int_equal(code, AMP_OK);
		if (*v != version) {
			assert_ptr_equal(old, m->obj[vai][page]);
			m->used += !*v;
			*v = version;
			m->obj[vai][page] = o;
		}
	}
	assert_int_equal(have, *v);
}

static void model_discard(struct store *s, struct model *m, u32 vai, u32 page, u64 version)
{
	struct amp_key key = key_of(CLIENT, vai, page);
	u64 *v = &m->version[vai][page], have;
	void *gone;
	u16 code = store_discard(s, &key, version, &gone, &have);

	assert_int_equal(code, *v && *v >= version ? AMP_E_STALE : AMP_OK);
	if (code == AMP_OK) {
		assert_ptr_equal(gone, m->obj[vai][page]);
		m->used -= !!*v;
		*v = 0;
		m->obj[vai][page] = NULL;
	}
}

static void model_check(struct store *s, const struct model *m)
{
	struct store_page sp;
	u32 vai, page;

	assert_int_equal(store_used(s), m->used);
	for (vai = 0; vai < MODEL_VAIS; vai++) {
		for (page = 0; page < MODEL_PAGES; page++) {
			struct amp_key key = key_of(CLIENT, vai, page);
			bool here = store_get(s, &key, &sp);

			assert_int_equal(here, m->version[vai][page] != 0);
			if (!here)
				continue;
			assert_int_equal(sp.version, m->version[vai][page]);
			assert_int_equal(sp.crc, (u32)m->version[vai][page]);
			assert_ptr_equal(sp.obj, m->obj[vai][page]);
		}
	}
}

static void p1_p3_random_work_agrees_with_a_model(void **state)
{
	struct store *s = store_create(MODEL_PAGES);
	struct model *m = test_calloc(1, sizeof(*m));
	u32 step;

	srandom(20405);
	for (step = 0; step < 200000; step++) {
		u32 vai = (u32)random() % MODEL_VAIS, page = (u32)random() % MODEL_PAGES;
		u64 version = step / 8 + 1 + (u32)random() % 2000;

		if (random() % 3)
			model_put(s, m, vai, page, version, obj(step));
		else
			model_discard(s, m, vai, page, version);
		if (step % 5000 == 0)
			model_check(s, m);
	}
	model_check(s, m);
	drain(s);
	test_free(m);
}

/* Every page once, whatever the pieces, and nothing that is not there. */
static void p9_list_tells_of_every_page(void **state)
{
	enum { NR = 1000 };
	struct store *s = store_create(NR);
	struct amp_inventory_item items[7];
	bool seen[NR] = {false};
	u64 cursor = 0, before;
	u32 i, n, all = 0;
	bool more;
	void *old;

	(void)state;
	assert_false(store_list(s, &cursor, NR, ARRAY_SIZE(items), items, &n));
	assert_int_equal(n, 0);
	for (i = 0; i < 600; i++)
		assert_int_equal(put(s, i, 1000 + i, i, obj(i), &old), AMP_OK);
	for (i = 0; i < 600; i += 3) {
		struct amp_key key = key_of(CLIENT, VAI, i);
		u64 have;

		assert_int_equal(store_discard(s, &key, STORE_VERSION_MAX, &old, &have), AMP_OK);
	}
	cursor = 0;
	do {
		before = cursor;
		more = store_list(s, &cursor, before + 50, ARRAY_SIZE(items), items, &n);
		assert_true(cursor <= before + 50 && cursor - before >= n);
		assert_true(!more || cursor > before);
		for (i = 0; i < n; i++, all++) {
			assert_int_equal(items[i].client, CLIENT);
			assert_int_equal(items[i].vai, VAI);
			assert_int_equal(items[i].version, 1000 + items[i].page_no);
			assert_false(seen[items[i].page_no]);
			seen[items[i].page_no] = true;
		}
	} while (more);
	assert_int_equal(all, 400);
	/* the end is that of what was ever used, not of the donation */
	assert_true(cursor <= 600);
	cursor = 1ull << 40;
	assert_false(store_list(s, &cursor, U64_MAX, ARRAY_SIZE(items), items, &n));
	assert_int_equal(n, 0);
	drain(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_get_returns_what_was_put),
		cmocka_unit_test(p3_older_version_is_refused),
		cmocka_unit_test(p3_same_version_again_is_done_already),
		cmocka_unit_test(p4_donation_is_all_there_and_no_more),
		cmocka_unit_test(p6_bad_versions_and_offsets_are_refused),
		cmocka_unit_test(p3_discard_spares_newer_pages),
		cmocka_unit_test(p7_discard_vai_is_bounded_and_complete),
		cmocka_unit_test(p7_spaces_are_bounded_and_come_back),
		cmocka_unit_test(entry_costs_at_most_32_bytes),
		cmocka_unit_test(create_survives_any_failed_allocation),
		cmocka_unit_test(p1_p3_random_work_agrees_with_a_model),
		cmocka_unit_test(p9_list_tells_of_every_page),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
