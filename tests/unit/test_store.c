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

static struct amp_key key_of(u32 client, u32 vai, u64 page)
{
	struct amp_key key = {.client = client, .vai = vai, .offset = page << ANM_PAGE_SHIFT};

	return key;
}

/* Bytes of a page, told by @seed. */
static void fill(u8 *to, u32 seed, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		to[i] = (u8)(seed * 2654435761u >> (i % 24) ^ i);
}

static u16 put_form(struct store *s, const struct amp_key *key, u64 version, u8 form, u16 len,
		    u32 seed, u64 *have)
{
	struct store_page page = {.version = version, .crc = seed, .form = form, .len = len};
	void *buf = store_buffer(s);
	u16 code;

	assert_non_null(buf);
	fill(buf, seed, len);
	code = store_put(s, key, &page, &buf, have);
	if (buf)
		store_buffer_free(s, buf);
	return code;
}

static u16 put(struct store *s, u64 page_no, u64 version, u32 seed)
{
	struct amp_key key = key_of(CLIENT, VAI, page_no);
	u64 have;

	return put_form(s, &key, version, AMP_FORM_RAW, ANM_PAGE_SIZE, seed, &have);
}

static u16 put_packed(struct store *s, u64 page_no, u64 version, u16 len, u32 seed)
{
	struct amp_key key = key_of(CLIENT, VAI, page_no);
	u64 have;

	return put_form(s, &key, version, AMP_FORM_LZ4, len, seed, &have);
}

static u16 discard(struct store *s, u64 page_no, u64 version)
{
	struct amp_key key = key_of(CLIENT, VAI, page_no);
	u64 have;

	return store_discard(s, &key, version, &have);
}

static void expect_form(struct store *s, u64 page_no, u64 version, u8 form, u16 len, u32 seed)
{
	struct amp_key key = key_of(CLIENT, VAI, page_no);
	struct store_page page;
	u8 want[ANM_PAGE_SIZE];

	assert_true(store_get(s, &key, &page));
	assert_int_equal(page.version, version);
	assert_int_equal(page.crc, seed);
	assert_int_equal(page.form, form);
	assert_int_equal(page.len, len);
	fill(want, seed, len);
	assert_memory_equal(page.bytes, want, len);
}

static void expect_page(struct store *s, u64 page_no, u64 version, u32 seed)
{
	expect_form(s, page_no, version, AMP_FORM_RAW, ANM_PAGE_SIZE, seed);
}

static void p1_get_returns_what_was_put(void **state)
{
	struct store *s = store_create(100, 1);
	struct amp_key other;
	struct store_page page;
	u32 i;

	for (i = 0; i < 100; i++)
		assert_int_equal(put(s, i * 7, i + 1, i), AMP_OK);
	for (i = 0; i < 100; i++)
		expect_page(s, i * 7, i + 1, i);
	other = key_of(CLIENT, VAI, 1);
	assert_false(store_get(s, &other, &page));
	other = key_of(CLIENT + 1, VAI, 7);
	assert_false(store_get(s, &other, &page));
	other = key_of(CLIENT, VAI + 1, 7);
	assert_false(store_get(s, &other, &page));
	store_destroy(s);
}

static void p1_every_form_comes_back(void **state)
{
	struct store *s = store_create(8000, 1);
	u16 len;

	for (len = 1; len <= AMP_LZ4_LEN_MAX; len++)
		assert_int_equal(put_packed(s, len, 1, len, len), AMP_OK);
	for (len = 1; len <= AMP_LZ4_LEN_MAX; len++)
		expect_form(s, len, 1, AMP_FORM_LZ4, len, len);
	/* each in place of one of another length, and back */
	for (len = 1; len <= AMP_LZ4_LEN_MAX; len++)
		assert_int_equal(put_packed(s, len, 2, AMP_LZ4_LEN_MAX + 1 - len, len), AMP_OK);
	for (len = 1; len <= AMP_LZ4_LEN_MAX; len++)
		expect_form(s, len, 2, AMP_FORM_LZ4, AMP_LZ4_LEN_MAX + 1 - len, len);
	for (len = 1; len <= AMP_LZ4_LEN_MAX; len++)
		assert_int_equal(discard(s, len, 3), AMP_OK);
	assert_int_equal(store_chunks(s), 0);
	store_destroy(s);
}

static void p1_a_fill_takes_no_chunk(void **state)
{
	struct store *s = store_create(1, 1);
	struct amp_key key = key_of(CLIENT, VAI, 5);
	u64 have;

	assert_int_equal(store_chunks(s), 0);
	assert_int_equal(put_form(s, &key, 1, AMP_FORM_FILL, AMP_FILL_LEN, 77, &have), AMP_OK);
	expect_form(s, 5, 1, AMP_FORM_FILL, AMP_FILL_LEN, 77);
	/* none would mean that nothing is stored, and nobody would ask */
	assert_int_equal(store_chunks(s), 1);
	assert_int_equal(put(s, 6, 1, 6), AMP_OK);
	assert_int_equal(store_chunks(s), 1);
	expect_page(s, 6, 1, 6);
	assert_int_equal(put(s, 5, 2, 7), AMP_E_FULL);
	expect_form(s, 5, 1, AMP_FORM_FILL, AMP_FILL_LEN, 77);
	assert_int_equal(discard(s, 6, 2), AMP_OK);
	assert_int_equal(put(s, 5, 2, 7), AMP_OK);
	expect_page(s, 5, 2, 7);
	assert_int_equal(put_form(s, &key, 3, AMP_FORM_FILL, AMP_FILL_LEN, 78, &have), AMP_OK);
	assert_int_equal(put(s, 6, 1, 6), AMP_OK);
	assert_int_equal(store_pages(s), 2);
	store_destroy(s);
}

static void p3_older_version_is_refused(void **state)
{
	struct store *s = store_create(10, 1);
	struct amp_key key = key_of(CLIENT, VAI, 3);
	u64 have;

	assert_int_equal(put(s, 3, 5, 1), AMP_OK);
	assert_int_equal(put_form(s, &key, 4, AMP_FORM_RAW, ANM_PAGE_SIZE, 9, &have), AMP_E_STALE);
	assert_int_equal(have, 5);
	expect_page(s, 3, 5, 1);
	assert_int_equal(put(s, 3, 6, 2), AMP_OK);
	expect_page(s, 3, 6, 2);
	assert_int_equal(store_pages(s), 1);
	store_destroy(s);
}

static void p3_same_version_again_is_done_already(void **state)
{
	struct store *s = store_create(10, 1);

	assert_int_equal(put(s, 3, 5, 1), AMP_OK);
	assert_int_equal(put(s, 3, 5, 1), AMP_OK);
	assert_int_equal(put(s, 3, 5, 77), AMP_E_INVAL);
	assert_int_equal(put_packed(s, 3, 5, 100, 1), AMP_E_INVAL);
	expect_page(s, 3, 5, 1);
	assert_int_equal(put_packed(s, 4, 5, 100, 1), AMP_OK);
	assert_int_equal(put_packed(s, 4, 5, 101, 1), AMP_E_INVAL);
	expect_form(s, 4, 5, AMP_FORM_LZ4, 100, 1);
	store_destroy(s);
}

static void p4_donation_is_all_there_and_no_more(void **state)
{
	struct store *s = store_create(64, 1);
	u32 i;

	for (i = 0; i < 64; i++)
		assert_int_equal(put(s, i, 1, i), AMP_OK);
	assert_int_equal(put(s, 64, 1, 64), AMP_E_FULL);
	/* replacing needs no room */
	assert_int_equal(put(s, 5, 2, 64), AMP_OK);
	expect_page(s, 5, 2, 64);
	assert_int_equal(store_pages(s), 64);
	assert_int_equal(store_chunks(s), 64);
	store_destroy(s);
}

/* As many pages as chunks: whatever becomes of them, each can be stored anew in any form. */
static void p4_pages_that_no_longer_pack_have_room(void **state)
{
	enum { NR = 64 };
	struct store *s = store_create(NR, 1);
	u64 version = 1;
	u32 i, round;

	srandom(7);
	for (round = 0; round < 50; round++) {
		for (i = 0; i < NR; i++, version++) {
			u32 page = round % 2 ? (u32)random() % NR : i;
			u16 len = (u16)(1 + random() % AMP_LZ4_LEN_MAX);

			if (round && random() % 3 == 0)
				assert_int_equal(put(s, page, version, i), AMP_OK);
			else
				assert_int_equal(put_packed(s, page, version, len, i), AMP_OK);
			assert_true(store_chunks(s) <= store_pages(s));
		}
	}
	for (i = 0; i < NR; i++, version++)
		assert_int_equal(put(s, i, version, i), AMP_OK);
	assert_int_equal(store_chunks(s), NR);
	store_destroy(s);
}

/* More pages than chunks: what cannot be stored is refused, and what was there stays. */
static void p4_a_page_that_grows_is_refused_not_lost(void **state)
{
	struct store *s = store_create(4, 1);
	u32 i;

	for (i = 0; i < 8; i++)
		assert_int_equal(put_packed(s, i, 1, 2000, i), AMP_OK);
	assert_int_equal(store_chunks(s), 4);
	assert_int_equal(put_packed(s, 8, 1, 10, 8), AMP_E_FULL);
	assert_int_equal(put(s, 0, 2, 100), AMP_E_FULL);
	assert_int_equal(put_packed(s, 0, 2, 2100, 100), AMP_E_FULL);
	expect_form(s, 0, 1, AMP_FORM_LZ4, 2000, 0);
	/* smaller ones fit where it was */
	assert_int_equal(put_packed(s, 0, 2, 300, 101), AMP_OK);
	expect_form(s, 0, 2, AMP_FORM_LZ4, 300, 101);
	for (i = 1; i < 8; i++)
		expect_form(s, i, 1, AMP_FORM_LZ4, 2000, i);
	/* of a chunk that is given up a page of any size can be made */
	assert_int_equal(discard(s, 2, 9), AMP_OK);
	assert_int_equal(put(s, 3, 2, 103), AMP_OK);
	expect_page(s, 3, 2, 103);
	store_destroy(s);
}

static void packed_pages_share_chunks(void **state)
{
	static const struct {
		u16 len;
		u32 pages;
	} t[] = {{500, 8}, {670, 6}, {800, 5}, {1000, 4}, {1350, 3}, {2030, 2}, {2100, 1}};
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		struct store *s = store_create(32, 1);

		for (k = 0; k < 4 * t[i].pages; k++)
			assert_int_equal(put_packed(s, k, 1, t[i].len, k), AMP_OK);
		assert_int_equal(store_chunks(s), 4);
		store_destroy(s);
	}
}

static void p6_bad_versions_and_offsets_are_refused(void **state)
{
	struct store *s = store_create(4, 1);
	struct amp_key key = {.offset = 4095};

	assert_int_equal(put(s, 0, 0, 0), AMP_E_INVAL);
	assert_int_equal(put(s, 0, STORE_VERSION_MAX + 1, 0), AMP_E_INVAL);
	assert_int_equal(put(s, 0, STORE_VERSION_MAX, 0), AMP_OK);
	expect_page(s, 0, STORE_VERSION_MAX, 0);
	assert_false(store_key_valid(&key));
	key.offset = 1ull << 44;
	assert_false(store_key_valid(&key));
	key.offset = (1ull << 44) - ANM_PAGE_SIZE;
	assert_true(store_key_valid(&key));
	store_destroy(s);
	assert_null(store_create(0, 1));
	assert_null(store_create(STORE_PAGES_MAX + 1, 1));
}

static void p3_discard_spares_newer_pages(void **state)
{
	struct store *s = store_create(4, 1);
	struct amp_key key = key_of(CLIENT, VAI, 1);
	u64 have;

	put(s, 1, 10, 0);
	assert_int_equal(store_discard(s, &key, 10, &have), AMP_E_STALE);
	assert_int_equal(have, 10);
	expect_page(s, 1, 10, 0);
	assert_int_equal(store_discard(s, &key, 11, &have), AMP_OK);
	assert_int_equal(store_pages(s), 0);
	assert_int_equal(store_discard(s, &key, 11, &have), AMP_OK);
	store_destroy(s);
}

/* Discard all of VAI older than @version; count pages and calls. */
static u64 discard_all(struct store *s, u64 version, u32 max, u32 *calls)
{
	u64 before = store_pages(s), step;
	u16 code;

	*calls = 0;
	do {
		step = store_pages(s);
		code = store_discard_vai(s, CLIENT, VAI, version, max);
		assert_true(step - store_pages(s) <= max);
		assert_true(++*calls < 1000);
	} while (code == AMP_E_MORE);
	assert_int_equal(code, AMP_OK);
	return before - store_pages(s);
}

static void p7_discard_vai_is_bounded_and_complete(void **state)
{
	struct store *s = store_create(20000, 1);
	struct amp_key foreign = key_of(CLIENT, VAI + 1, 0);
	struct store_page page;
	u32 calls, i;
	u64 have;

	assert_int_equal(put_form(s, &foreign, 1, AMP_FORM_FILL, AMP_FILL_LEN, 0, &have), AMP_OK);
	for (i = 0; i < 10000; i++)
		assert_int_equal(put_packed(s, i, i < 5000 ? 1 : 9, 10, i), AMP_OK);
	assert_int_equal(discard_all(s, 9, 256, &calls), 5000);
	assert_true(calls >= 5000 / 256);
	assert_int_equal(store_pages(s), 5001);
	expect_form(s, 5000, 9, AMP_FORM_LZ4, 10, 5000);
	/* another version begins from the start again */
	assert_int_equal(discard_all(s, 10, 512, &calls), 5000);
	assert_int_equal(store_pages(s), 1);
	assert_true(store_get(s, &foreign, &page));
	assert_int_equal(discard_all(s, 10, 512, &calls), 0);
	assert_int_equal(calls, 1);
	store_destroy(s);
}

static void p7_spaces_are_bounded_and_come_back(void **state)
{
	struct store *s = store_create(STORE_SPACES_MAX + 10, 1);
	struct amp_key key;
	u64 have;
	u32 i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < STORE_SPACES_MAX; i++) {
			key = key_of(i & 3, i, 0);
			assert_int_equal(put_form(s, &key, 1, AMP_FORM_RAW, ANM_PAGE_SIZE, i,
						  &have),
					 AMP_OK);
		}
		key = key_of(9, 0, 0);
		assert_int_equal(put_form(s, &key, 1, AMP_FORM_RAW, ANM_PAGE_SIZE, i, &have),
				 AMP_E_FULL);
		for (i = 0; i < STORE_SPACES_MAX; i++) {
			key = key_of(i & 3, i, 0);
			assert_int_equal(store_discard(s, &key, 2, &have), AMP_OK);
		}
		assert_int_equal(store_pages(s), 0);
		assert_int_equal(store_chunks(s), 0);
	}
	store_destroy(s);
}

static void entry_costs_at_most_32_bytes(void **state)
{
	static const u64 sizes[] = {1000, 20000};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct store *s = store_create(sizes[i], 1);
		struct store *t = store_create(2 * sizes[i], 1);

		/* what each further page costs, and what is there in any case */
		assert_true(store_bytes(t) - store_bytes(s) <= 32 * STORE_SHARE * sizes[i]);
		assert_true(2 * store_bytes(s) - store_bytes(t) <= 128 * 1024);
		store_destroy(s);
		store_destroy(t);
	}
}

static void create_survives_any_failed_allocation(void **state)
{
	struct store *s;
	long live = anm_alloc_live;
	int i;

	for (i = 0; i < 10; i++) {
		anm_fail_after = i;
		s = store_create(100, 1);
		if (s)
			break;
		assert_int_equal(anm_alloc_live, live);
	}
	anm_fail_after = -1;
	assert_int_equal(i, 5);
	store_destroy(s);
	assert_int_equal(anm_alloc_live, live);
}

/* ---- random work against a plain model ---- */

#define MODEL_PAGES 300
#define MODEL_VAIS  3

struct model {
	u64 version[MODEL_VAIS][MODEL_PAGES];
	u32 seed[MODEL_VAIS][MODEL_PAGES];
	u64 used;
};

/* What a seed is stored as. */
static u8 model_form(u32 seed, u16 *len)
{
	static const u8 forms[] = {AMP_FORM_RAW, AMP_FORM_LZ4, AMP_FORM_LZ4, AMP_FORM_FILL};
	u8 form = forms[seed % ARRAY_SIZE(forms)];

	*len = form == AMP_FORM_RAW ? ANM_PAGE_SIZE : AMP_FILL_LEN;
	if (form == AMP_FORM_LZ4)
		*len = (u16)(1 + seed * 2654435761u % AMP_LZ4_LEN_MAX);
	return form;
}

static void model_put(struct store *s, struct model *m, u32 vai, u32 page, u64 version, u32 seed)
{
	struct amp_key key = key_of(CLIENT, vai, page);
	u64 *v = &m->version[vai][page], have;
	u16 len, code;
	u8 form = model_form(seed, &len);

	/* the same version is the same page */
	if (*v == version)
		return;
	code = put_form(s, &key, version, form, len, seed, &have);
	if (*v > version) {
		assert_int_equal(code, AMP_E_STALE);
	} else if (code == AMP_E_FULL) {
		assert_true(store_chunks(s) == MODEL_PAGES || m->used == STORE_SHARE * MODEL_PAGES);
	} else {
		assert_int_equal(code, AMP_OK);
		m->used += !*v;
		*v = version;
		m->seed[vai][page] = seed;
	}
	assert_int_equal(have, *v);
}

static void model_discard(struct store *s, struct model *m, u32 vai, u32 page, u64 version)
{
	struct amp_key key = key_of(CLIENT, vai, page);
	u64 *v = &m->version[vai][page], have;
	u16 code = store_discard(s, &key, version, &have);

	assert_int_equal(code, *v && *v >= version ? AMP_E_STALE : AMP_OK);
	if (code == AMP_OK) {
		m->used -= !!*v;
		*v = 0;
	}
}

static void model_check(struct store *s, const struct model *m)
{
	u32 vai, page;

	assert_int_equal(store_pages(s), m->used);
	for (vai = 0; vai < MODEL_VAIS; vai++) {
		for (page = 0; page < MODEL_PAGES; page++) {
			struct amp_key key = key_of(CLIENT, vai, page);
			u32 seed = m->seed[vai][page];
			u8 want[ANM_PAGE_SIZE];
			struct store_page sp;
			bool here = store_get(s, &key, &sp);
			u16 len;

			assert_int_equal(here, m->version[vai][page] != 0);
			if (!here)
				continue;
			assert_int_equal(sp.version, m->version[vai][page]);
			assert_int_equal(sp.crc, seed);
			assert_int_equal(sp.form, model_form(seed, &len));
			assert_int_equal(sp.len, len);
			fill(want, seed, len);
			assert_memory_equal(sp.bytes, want, len);
		}
	}
}

static void p1_p3_random_work_agrees_with_a_model(void **state)
{
	struct store *s = store_create(MODEL_PAGES, 1);
	struct model *m = test_calloc(1, sizeof(*m));
	u32 step;

	srandom(20405);
	for (step = 0; step < 100000; step++) {
		u32 vai = (u32)random() % MODEL_VAIS, page = (u32)random() % MODEL_PAGES;
		u64 version = step / 8 + 1 + (u32)random() % 2000;

		if (random() % 3)
			model_put(s, m, vai, page, version, step);
		else
			model_discard(s, m, vai, page, version);
		if (step % 5000 == 0)
			model_check(s, m);
	}
	model_check(s, m);
	store_destroy(s);
	test_free(m);
}

/* Every page once, whatever the pieces, and nothing that is not there. */
static void p9_list_tells_of_every_page(void **state)
{
	enum { NR = 1000 };
	struct store *s = store_create(NR, 1);
	struct amp_inventory_item items[7];
	bool seen[NR] = {false};
	u64 cursor = 0, before;
	u32 i, n, all = 0;
	bool more;

	(void)state;
	assert_false(store_list(s, &cursor, NR, ARRAY_SIZE(items), items, &n));
	assert_int_equal(n, 0);
	for (i = 0; i < 600; i++)
		assert_int_equal(put_packed(s, i, 1000 + i, 10, i), AMP_OK);
	for (i = 0; i < 600; i += 3)
		assert_int_equal(discard(s, i, STORE_VERSION_MAX), AMP_OK);
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
	store_destroy(s);
}

/* The same page of another VAI that takes the place of one that is gone. */
static void pages_of_a_new_vai_are_found(void **state)
{
	struct store *s = store_create(1000, 1);
	struct store_page page;
	struct amp_key key;
	u64 have;
	u32 i;

	(void)state;
	assert_non_null(s);
	for (i = 0; i < 20; i++) {
		key = key_of(CLIENT, VAI + i, 0);
		assert_int_equal(put_form(s, &key, 1, AMP_FORM_RAW, ANM_PAGE_SIZE, i, &have),
				 AMP_OK);
		key = key_of(CLIENT, VAI + i, 1);
		assert_false(store_get(s, &key, &page));
		key = key_of(CLIENT, VAI + i, 0);
		assert_true(store_get(s, &key, &page));
		assert_int_equal(page.crc, i);
		assert_int_equal(store_discard(s, &key, 2, &have), AMP_OK);
	}
	store_destroy(s);
}

/* What is lent keeps its bytes, whatever becomes of the page; then its chunk can be used again. */
static void p1_lent_pages_keep_their_bytes(void **state)
{
	enum { NR = 20 };
	struct store *s = store_create(NR, 1);
	struct amp_key key = key_of(CLIENT, VAI, 0);
	struct anm_page *old[NR];
	struct store_page page;
	u8 want[ANM_PAGE_SIZE];
	u32 i, lent = 0;

	(void)state;
	assert_non_null(s);
	for (i = 0; i < NR; i++) {
		assert_int_equal(put(s, 0, i + 1, i), AMP_OK);
		assert_true(store_get(s, &key, &page));
		old[i] = store_lend(s, &page);
		lent += old[i] != NULL;
	}
	/* Two chunks may have one place in the table. */
	assert_true(lent > NR / 2);
	assert_int_equal(discard(s, 0, NR + 1), AMP_OK);
	for (i = 0; i < NR; i++)
		assert_int_equal(put(s, i, 100, 100 + i), AMP_OK);
	assert_int_equal(put(s, NR, 100, 0), AMP_E_FULL);
	for (i = 0; i < NR; i++) {
		if (!old[i])
			continue;
		fill(want, i, ANM_PAGE_SIZE);
		assert_memory_equal(anm_page_data(old[i]), want, ANM_PAGE_SIZE);
		anm_page_put(old[i]);
	}
	for (i = 0; i < NR; i++) {
		assert_int_equal(put(s, i, 101, 200 + i), AMP_OK);
		expect_form(s, i, 101, AMP_FORM_RAW, ANM_PAGE_SIZE, 200 + i);
	}
	store_destroy(s);
}

static void what_cannot_be_lent_is_copied(void **state)
{
	struct store *s = store_create(4, 1);
	struct amp_key key = key_of(CLIENT, VAI, 1);
	struct anm_page *a, *b;
	struct store_page page;

	(void)state;
	assert_non_null(s);
	assert_int_equal(put_packed(s, 1, 1, 500, 1), AMP_OK);
	assert_true(store_get(s, &key, &page));
	assert_null(store_lend(s, &page));
	/* One that packs badly has a chunk to itself. */
	assert_int_equal(put_packed(s, 1, 2, AMP_LZ4_LEN_MAX, 2), AMP_OK);
	assert_true(store_get(s, &key, &page));
	a = store_lend(s, &page);
	b = store_lend(s, &page);
	assert_non_null(a);
	assert_ptr_equal(a, b);
	assert_ptr_equal(anm_page_data(a), page.bytes);
	anm_page_put(a);
	anm_page_put(b);
	store_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_get_returns_what_was_put),
		cmocka_unit_test(p1_every_form_comes_back),
		cmocka_unit_test(p1_a_fill_takes_no_chunk),
		cmocka_unit_test(p3_older_version_is_refused),
		cmocka_unit_test(p3_same_version_again_is_done_already),
		cmocka_unit_test(p4_donation_is_all_there_and_no_more),
		cmocka_unit_test(p4_pages_that_no_longer_pack_have_room),
		cmocka_unit_test(p4_a_page_that_grows_is_refused_not_lost),
		cmocka_unit_test(packed_pages_share_chunks),
		cmocka_unit_test(p6_bad_versions_and_offsets_are_refused),
		cmocka_unit_test(p3_discard_spares_newer_pages),
		cmocka_unit_test(p7_discard_vai_is_bounded_and_complete),
		cmocka_unit_test(p7_spaces_are_bounded_and_come_back),
		cmocka_unit_test(entry_costs_at_most_32_bytes),
		cmocka_unit_test(create_survives_any_failed_allocation),
		cmocka_unit_test(p1_p3_random_work_agrees_with_a_model),
		cmocka_unit_test(p9_list_tells_of_every_page),
		cmocka_unit_test(pages_of_a_new_vai_are_found),
		cmocka_unit_test(p1_lent_pages_keep_their_bytes),
		cmocka_unit_test(what_cannot_be_lent_is_copied),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
