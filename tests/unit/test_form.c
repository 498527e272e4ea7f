// SPDX-License-Identifier: GPL-2.0-only
/* Same-filled and packed pages: how they cross, where they are kept, what is known of them. */
#include "page_bed.h"
#include "../../engine/core/form.h"

static struct pb *played(u32 servers, u16 mtu)
{
	struct pb *b = pb_new(1);
	u32 i;

	for (i = 0; i < servers; i++)
		pb_play(b, i, 100000, mtu);
	return b;
}

static struct pb *real(u32 servers)
{
	struct pb *b = pb_new(1);
	u32 i;

	for (i = 0; i < servers; i++)
		pb_server(b, i, 3000, 1500);
	pb_join_all(b);
	return b;
}

static void page_of(u8 *page, u64 word)
{
	u32 off;

	for (off = 0; off < ANM_PAGE_SIZE; off += 8)
		memcpy(page + off, &word, 8);
}

/* The first @random bytes do not pack, the rest does. */
static void page_mixed(u8 *page, u32 seed, u32 random)
{
	pb_fill(page, seed);
	memset(page + random, (int)seed, ANM_PAGE_SIZE - random);
}

static int store(struct pb *b, u32 vai, u32 page_no, const u8 *page)
{
	return pb_wait(b, pb_write_page(b, vai, page_no, page), NULL);
}

static void expect(struct pb *b, u32 vai, u32 page_no, const u8 *want)
{
	u8 got[ANM_PAGE_SIZE];

	assert_int_equal(pb_wait(b, pb_read(b, vai, page_no), got), 0);
	assert_memory_equal(got, want, ANM_PAGE_SIZE);
}

static struct map_entry *entry(struct pb *b, u32 vai, u32 page_no)
{
	u32 idx = map_find(b->e->map, b->vai[vai].slot, page_no);

	assert_true(idx != ENG_MAP_NONE);
	return map_entry(b->e->map, idx);
}

/* ---- same-filled ---- */

static void a_fill_crosses_as_eight_bytes_and_is_read_from_the_map(void **state)
{
	static const u64 words[] = {0, 0x0123456789abcdefull, ~0ull};
	struct pb *b = played(1, 1500);
	u8 page[ANM_PAGE_SIZE], sent[ANM_PAGE_SIZE];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		struct amp_hdr h, a;
		struct pb_io *p;

		page_of(page, words[i]);
		p = pb_write_page(b, 0, i, page);
		h = pb_hear(b, 0, AMP_PAGE_OUT, sent);
		assert_int_equal(h.nparts, 1);
		assert_int_equal(h.form, AMP_FORM_FILL);
		assert_int_equal(h.form_len, AMP_FILL_LEN);
		assert_int_equal(h.part_len, AMP_FILL_LEN);
		assert_memory_equal(sent, page, AMP_FILL_LEN);
		assert_int_equal(h.page_crc, ~anm_crc32c(~0u, page, AMP_FILL_LEN));
		assert_false(p->done); /* promise 2: not before a server has the record */
		a = pb_answer_to(h, AMP_ACK);
		pb_say(b, 0, &a, NULL, 0);
		assert_int_equal(pb_wait(b, p, NULL), 0);
		expect(b, 0, i, page);
	}
	assert_int_equal(pb_inbox(b, 0, AMP_PAGE_IN), 0);
	assert_int_equal(b->e->stats.reads_filled, 3);
	assert_int_equal(b->e->stats.pages_filled, 3);
	pb_free(b);
}

static void p1_a_partial_write_ends_a_fill(void **state)
{
	struct pb *b = real(1);
	u8 page[ANM_PAGE_SIZE], bytes[ANM_PAGE_SIZE];

	page_of(page, 0x1111111111111111ull);
	pb_fill(bytes, 7);
	assert_int_equal(store(b, 0, 3, page), 0);
	assert_true(map_pattern(entry(b, 0, 3)));
	assert_int_equal(pb_wait(b, pb_write(b, 0, 3, 100, 50, 7), NULL), 0);
	assert_false(map_pattern(entry(b, 0, 3)));
	memcpy(page + 100, bytes + 100, 50);
	expect(b, 0, 3, page);
	/* and one that makes it the same all over again begins another */
	page_of(page, 0);
	assert_int_equal(store(b, 0, 4, page), 0);
	page[5] = 1;
	assert_int_equal(store(b, 0, 4, page), 0);
	assert_false(map_pattern(entry(b, 0, 4)));
	expect(b, 0, 4, page);
	page[5] = 0;
	assert_int_equal(store(b, 0, 4, page), 0);
	assert_true(map_pattern(entry(b, 0, 4)));
	expect(b, 0, 4, page);
	pb_free(b);
}

static void p7_more_patterns_than_the_table_holds(void **state)
{
	struct pb *b = real(1);
	u32 n = ENG_PATTERNS_MAX + 40, i, round;
	u8 page[ANM_PAGE_SIZE];

	b->vai[0].npages = n;
	/* Each round with other patterns: those of the round before are given up. */
	for (round = 1; round <= 3; round++) {
		u64 full = b->e->stats.patterns_full;

		for (i = 0; i < n; i++) {
			page_of(page, (u64)round << 32 | i);
			assert_int_equal(store(b, 0, i, page), 0);
		}
		assert_true(b->e->stats.patterns_full > full);
		for (i = 0; i < n; i++) {
			page_of(page, (u64)round << 32 | i);
			expect(b, 0, i, page);
		}
	}
	/* One pattern needs one place, however many pages. */
	page_of(page, 5);
	for (i = 0; i < n; i++)
		assert_int_equal(store(b, 0, i, page), 0);
	for (i = 0; i < n; i++)
		assert_int_equal(map_pattern(entry(b, 0, i)), map_pattern(entry(b, 0, 0)));
	pb_free(b);
}

static void p9_a_fill_is_learnt_again_by_reading(void **state)
{
	struct pb *b = real(1);
	u8 page[ANM_PAGE_SIZE];
	u64 read;

	page_of(page, 0x2222);
	assert_int_equal(store(b, 0, 3, page), 0);
	/* As an inventory leaves it. */
	eng_entry_fill(b->e, entry(b, 0, 3), NULL);
	read = b->e->stats.pages_read;
	expect(b, 0, 3, page);
	assert_int_equal(b->e->stats.pages_read, read + 1);
	assert_true(map_pattern(entry(b, 0, 3)));
	expect(b, 0, 3, page);
	assert_int_equal(b->e->stats.pages_read, read + 1);
	pb_free(b);
}

/* Of another version nothing is known. */
static void p1_another_version_is_another_page(void **state)
{
	struct pb *b = real(1);
	u8 page[ANM_PAGE_SIZE];
	struct map_entry *me;

	page_of(page, 0x3333);
	assert_int_equal(store(b, 0, 3, page), 0);
	me = entry(b, 0, 3);
	eng_entry_version(b->e, me, map_version(me));
	assert_true(map_pattern(me));
	eng_entry_version(b->e, me, map_version(me) + 1);
	assert_false(map_pattern(me));
	pb_free(b);
}

static void p9_a_fill_outlives_its_servers_and_is_stored_anew(void **state)
{
	struct pb *b = real(2);
	u8 page[ANM_PAGE_SIZE];

	pb_vai(b, 0, ENG_CLASS_CRITICAL, 100);
	page_of(page, 0x4444);
	assert_int_equal(store(b, 0, 3, page), 0);
	pb_kill(b, 0);
	pb_kill(b, 1);
	pb_run(b, 20000);
	assert_int_equal(b->real[0]->degraded, 1);
	expect(b, 0, 3, page);
	assert_int_equal(b->real[0]->lost, 0);
	pb_server(b, 2, 100, 1500);
	pb_server(b, 3, 100, 1500);
	pb_run(b, 20000);
	assert_int_equal(b->real[0]->degraded, 0);
	/* and they have it, not only the map */
	eng_entry_fill(b->e, map_entry(b->e->map, map_find(b->e->map, b->real[0]->slot, 3)), NULL);
	expect(b, 0, 3, page);
	pb_free(b);
}

/* ---- packed ---- */

static void a_page_that_packs_crosses_in_one_frame(void **state)
{
	struct pb *b = played(1, 1500);
	u8 page[ANM_PAGE_SIZE], sent[ANM_PAGE_SIZE], back[ANM_PAGE_SIZE];
	struct amp_hdr h, a;
	struct pb_io *p;

	page_mixed(page, 3, 1300);
	p = pb_write_page(b, 0, 1, page);
	h = pb_hear(b, 0, AMP_PAGE_OUT, sent);
	assert_int_equal(h.form, AMP_FORM_LZ4);
	assert_int_equal(h.nparts, 1);
	assert_true(h.form_len > 1300 && h.form_len <= 1368);
	assert_true(anm_lz4_unpack(back, sent, h.form_len));
	assert_memory_equal(back, page, ANM_PAGE_SIZE);
	a = pb_answer_to(h, AMP_ACK);
	pb_say(b, 0, &a, NULL, 0);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	/* it comes back the same way */
	p = pb_read(b, 0, 1);
	a = pb_hear(b, 0, AMP_PAGE_IN, NULL);
	h.session = a.session;
	h.seq = a.seq;
	h.channel = a.channel;
	h.type = AMP_PAGE;
	pb_say(b, 0, &h, sent, 0);
	assert_int_equal(pb_wait(b, p, back), 0);
	assert_memory_equal(back, page, ANM_PAGE_SIZE);
	pb_free(b);
}

static void p1_every_size_comes_back(void **state)
{
	struct pb *b = real(1);
	u8 page[ANM_PAGE_SIZE];
	u32 i;

	for (i = 0; i < 300; i++) {
		page_mixed(page, i, i * 4096 / 299);
		assert_int_equal(store(b, 0, i, page), 0);
	}
	assert_true(b->e->stats.pages_packed > 150);
	for (i = 0; i < 300; i++) {
		page_mixed(page, i, i * 4096 / 299);
		expect(b, 0, i, page);
		/* merged with what is unpacked, and packed again */
		assert_int_equal(pb_wait(b, pb_write(b, 0, i, 2000, 90, i), NULL), 0);
	}
	for (i = 0; i < 300; i++) {
		u8 bytes[ANM_PAGE_SIZE];

		page_mixed(page, i, i * 4096 / 299);
		pb_fill(bytes, i);
		memcpy(page + 2000, bytes + 2000, 90);
		expect(b, 0, i, page);
	}
	pb_free(b);
}

/* Under a CRC that is right: what does not make a page is not taken for one. */
static void p1_p6_what_does_not_unpack_is_a_bad_copy(void **state)
{
	static const u8 bad[4][12] = {
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0x00},
		{0x1f, 0x41, 0x01, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0x14, 0x41, 0xff, 0xff, 0x50, 1, 2, 3, 4, 5, 0, 0},
	};
	struct pb *b = played(2, 9000);
	u8 page[ANM_PAGE_SIZE], sent[ANM_PAGE_SIZE] = {0};
	struct amp_hdr out;
	u32 i;

	page_mixed(page, 3, 100);
	for (i = 0; i < 4; i++) {
		struct pb_io *p = pb_write_page(b, 1, i, page);
		struct amp_hdr h;
		u32 first;

		pb_ack(b, 0, AMP_PAGE_OUT);
		out = pb_hear(b, 1, AMP_PAGE_OUT, sent);
		h = pb_answer_to(out, AMP_ACK);
		pb_say(b, 1, &h, NULL, 0);
		assert_int_equal(pb_wait(b, p, NULL), 0);
		p = pb_read(b, 1, i);
		pb_run(b, 1);
		first = pb_inbox(b, 0, AMP_PAGE_IN) ? 0 : 1;
		h = pb_hear(b, first, AMP_PAGE_IN, NULL);
		h.type = AMP_PAGE;
		h.form = AMP_FORM_LZ4;
		h.form_len = sizeof(bad[i]);
		h.part_len = sizeof(bad[i]);
		h.page_crc = ~anm_crc32c(~0u, bad[i], sizeof(bad[i]));
		pb_say(b, first, &h, bad[i], 0);
		assert_false(p->done);
		h = pb_hear(b, !first, AMP_PAGE_IN, NULL);
		h.type = AMP_PAGE;
		h.form = out.form;
		h.form_len = out.form_len;
		h.part_len = out.part_len;
		h.page_crc = out.page_crc;
		pb_say(b, !first, &h, sent, 0);
		pb_ack(b, 0, AMP_PAGE_OUT);
		pb_ack(b, 1, AMP_PAGE_OUT);
		assert_int_equal(pb_wait(b, p, sent), 0);
		assert_memory_equal(sent, page, ANM_PAGE_SIZE);
		assert_int_equal(b->e->stats.pages_bad, i + 1);
	}
	pb_free(b);
}

static void what_does_not_pack_is_soon_not_tried(void **state)
{
	struct pb *b = real(2);
	u8 page[ANM_PAGE_SIZE];
	u32 i;

	for (i = 0; i < FORM_WINDOW + FORM_SKIP; i++)
		assert_int_equal(pb_write_now(b, 0, i % PB_PAGES, i), 0);
	assert_int_equal(b->e->stats.pages_packed, 0);
	assert_int_equal(b->e->stats.pages_skipped, FORM_SKIP);
	/* A sample again; that packs, so it goes on. */
	for (i = 0; i < 3 * FORM_WINDOW; i++) {
		page_mixed(page, i, 1000);
		assert_int_equal(store(b, 0, i, page), 0);
	}
	assert_int_equal(b->e->stats.pages_packed, 3 * FORM_WINDOW);
	assert_int_equal(b->e->stats.pages_skipped, FORM_SKIP);
	/* Another VAI has its own content. */
	for (i = 0; i < FORM_WINDOW + 1; i++)
		assert_int_equal(pb_write_now(b, 1, i, i), 0);
	assert_int_equal(b->vai[1].pack_skip, FORM_SKIP - 1);
	assert_int_equal(b->vai[0].pack_skip, 0);
	pb_free(b);
}

/* The operator decides, for what is written from then on. */
static void switches_are_kept_to(void **state)
{
	struct pb *b = real(1);
	u8 page[ANM_PAGE_SIZE], zero[ANM_PAGE_SIZE] = {0};
	struct eng_vai_info info;
	struct eng_err err;
	u32 i, slot = 0;

	pb_vai(b, 0, ENG_CLASS_NORMAL, 400);
	page_mixed(page, 1, 500);
	assert_int_equal(store(b, 0, 1, page), 0);
	assert_int_equal(store(b, 0, 2, zero), 0);
	assert_int_equal(eng_vai_forms(b->e, "real0", ENG_COMPRESS_OFF, ENG_SAME_FILLED_OFF, &err),
			 0);
	assert_int_equal(store(b, 0, 3, page), 0);
	assert_int_equal(store(b, 0, 4, zero), 0);
	assert_int_equal(store(b, 0, 2, zero), 0);
	assert_true(eng_vai_get(b->e, &slot, &info));
	assert_int_equal(info.packed_pages, 1);
	assert_true(info.packed_bytes > 500 && info.packed_bytes < 700);
	assert_int_equal(info.filled_pages, 1);
	assert_int_equal(info.p.compress, ENG_COMPRESS_OFF);
	assert_int_equal(info.p.same_filled, ENG_SAME_FILLED_OFF);
	/* what was stored before, and after, is read all the same */
	expect(b, 0, 1, page);
	expect(b, 0, 2, zero);
	expect(b, 0, 3, page);
	expect(b, 0, 4, zero);
	/* never given up when it is to be on; same-filled as it was */
	assert_int_equal(eng_vai_forms(b->e, "real0", ENG_COMPRESS_ON, -1, &err), 0);
	for (i = 0; i < 2 * FORM_WINDOW; i++)
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
	assert_int_equal(store(b, 0, 5, zero), 0);
	slot = 0;
	assert_true(eng_vai_get(b->e, &slot, &info));
	assert_int_equal(info.skipped_pages, 0);
	assert_int_equal(info.packed_pages, 2);
	assert_int_equal(info.filled_pages, 1);
	assert_int_equal(eng_vai_forms(b->e, "real0", ENG_COMPRESS_OFF + 1, -1, &err), -EINVAL);
	assert_int_equal(eng_vai_forms(b->e, "nobody", ENG_COMPRESS_ON, -1, &err), -ENOENT);
	pb_free(b);
}

/* A shortage costs the saving, not the page. */
static void without_memory_a_page_goes_as_it_is(void **state)
{
	struct pb *b = real(1);
	u8 page[ANM_PAGE_SIZE];
	struct pb_io *p;

	page_mixed(page, 1, 500);
	anm_fail_after = 2; /* behind the operation and its page */
	p = pb_write_page(b, 0, 1, page);
	anm_fail_after = -1;
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(b->e->stats.pages_packed, 0);
	expect(b, 0, 1, page);
	assert_int_equal(store(b, 0, 2, page), 0);
	assert_int_equal(b->e->stats.pages_packed, 1);
	/* nor is what fills a page forgotten for want of a page to read it into */
	page_of(page, 9);
	assert_int_equal(store(b, 0, 3, page), 0);
	anm_fail_after = 1;
	p = pb_read(b, 0, 3);
	anm_fail_after = -1;
	assert_int_equal(pb_wait(b, p, NULL), -ENOMEM);
	expect(b, 0, 3, page);
	pb_free(b);
}

static void p9_moves_keep_the_form(void **state)
{
	struct pb *b = real(3);
	u8 page[ANM_PAGE_SIZE];
	u64 packed;
	u32 i;

	pb_vai(b, 0, ENG_CLASS_CRITICAL, 300);
	for (i = 0; i < 120; i++) {
		page_mixed(page, i, i % 3 ? i * 30 : 0);
		assert_int_equal(store(b, 0, i, page), 0);
	}
	packed = b->e->stats.pages_packed;
	pb_kill(b, 0);
	pb_run(b, 30000);
	assert_int_equal(b->real[0]->degraded, 0);
	assert_true(b->e->stats.pages_moved > 20);
	assert_int_equal(b->e->stats.pages_packed, packed);
	pb_kill(b, 1); /* only the new copies are left of some */
	pb_run(b, 6000);
	for (i = 0; i < 120; i++) {
		page_mixed(page, i, i % 3 ? i * 30 : 0);
		expect(b, 0, i, page);
	}
	pb_free(b);
}

static void heartbeat(struct pb *b, u64 donation, u64 used)
{
	struct amp_usage u = {.donation = donation, .used = used};
	struct amp_hdr h = pb_hdr(b, 0, AMP_HEARTBEAT);
	u8 buf[AMP_USAGE_LEN];

	amp_usage_encode(buf, &u);
	h.seq = 99;
	h.part_len = AMP_USAGE_LEN;
	pb_say(b, 0, &h, buf, 0);
}

/* Pages that a server of ten takes until it counts as full, @n of them stored already. */
static u32 takes(struct pb *b, u32 n)
{
	u8 page[ANM_PAGE_SIZE];
	u32 more = 0;

	for (;; more++) {
		struct pb_io *p;

		page_mixed(page, n + more, 100);
		p = pb_write_page(b, 0, n + more, page);
		if (p->done) {
			assert_int_equal(pb_wait(b, p, NULL), -ENOSPC);
			return more;
		}
		pb_ack(b, 0, AMP_PAGE_OUT);
		assert_int_equal(pb_wait(b, p, NULL), 0);
	}
}

static void p4_only_overcommit_counts_on_packing(void **state)
{
	struct eng_config cfg = pb_config();
	u32 overcommit;

	for (overcommit = 0; overcommit <= 200; overcommit += 200) {
		struct pb *b = pb_new(1);

		cfg.overcommit = overcommit;
		pb_restart(b, &cfg);
		pb_play(b, 0, 10, 1500);
		assert_int_equal(takes(b, 0), 10);
		heartbeat(b, 10, 4);
		assert_int_equal(takes(b, 10), overcommit ? 6 : 0);
		/* no more than it has, whatever it says */
		heartbeat(b, 10, 10);
		assert_int_equal(takes(b, 16), 0);
		pb_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fill_crosses_as_eight_bytes_and_is_read_from_the_map),
		cmocka_unit_test(p1_a_partial_write_ends_a_fill),
		cmocka_unit_test(p7_more_patterns_than_the_table_holds),
		cmocka_unit_test(p9_a_fill_is_learnt_again_by_reading),
		cmocka_unit_test(p1_another_version_is_another_page),
		cmocka_unit_test(p9_a_fill_outlives_its_servers_and_is_stored_anew),
		cmocka_unit_test(a_page_that_packs_crosses_in_one_frame),
		cmocka_unit_test(p1_every_size_comes_back),
		cmocka_unit_test(p1_p6_what_does_not_unpack_is_a_bad_copy),
		cmocka_unit_test(what_does_not_pack_is_soon_not_tried),
		cmocka_unit_test(switches_are_kept_to),
		cmocka_unit_test(without_memory_a_page_goes_as_it_is),
		cmocka_unit_test(p9_moves_keep_the_form),
		cmocka_unit_test(p4_only_overcommit_counts_on_packing),
	};

	return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
