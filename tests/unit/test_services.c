// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fuzz.h"

static u32 crc(const void *p, size_t n)
{
	return ~anm_crc32c(~0u, p, n);
}

/* The check value of the Castagnoli polynomial, and RFC 3720, B.4. */
static void crc32c_known_answers(void **state)
{
	u8 zeros[32] = {0};
	u8 ones[32];
	u8 up[32];
	u32 i;

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (i = 0; i < sizeof(up); i++)
		up[i] = (u8)i;
	assert_int_equal(crc("123456789", 9), 0xe3069283);
	assert_int_equal(crc(zeros, 32), 0x8a9136aa);
	assert_int_equal(crc(ones, 32), 0x62a8ab43);
	assert_int_equal(crc(up, 32), 0x46dd794e);
	assert_int_equal(crc("", 0), 0);
}

static void crc32c_in_pieces(void **state)
{
	u8 buf[300];
	u64 seed = 1;
	u32 cut;

	(void)state;
	fuzz_fill(&seed, buf, sizeof(buf));
	for (cut = 0; cut <= sizeof(buf); cut++) {
		u32 c = anm_crc32c(~0u, buf, cut);

		c = anm_crc32c(c, buf + cut, sizeof(buf) - cut);
		assert_int_equal(~c, crc(buf, sizeof(buf)));
	}
}

/* Aumasson and Bernstein, SipHash, appendix A. */
static void siphash_known_answer(void **state)
{
	u8 key[16], msg[15];
	u32 i;

	(void)state;
	for (i = 0; i < 16; i++)
		key[i] = (u8)i;
	for (i = 0; i < 15; i++)
		msg[i] = (u8)i;
	assert_true(anm_siphash(key, msg, sizeof(msg)) == 0xa129ca6149be45e5ull);
	assert_true(anm_siphash(key, msg, 0) == 0x726fdb47dd0e0e31ull);
}

static void memneq_and_random(void **state)
{
	u8 a[32], b[32];

	(void)state;
	anm_random(a, sizeof(a));
	anm_random(b, sizeof(b));
	assert_true(anm_memneq(a, b, sizeof(a)));
	memcpy(b, a, sizeof(a));
	assert_false(anm_memneq(a, b, sizeof(a)));
	b[31] ^= 1;
	assert_true(anm_memneq(a, b, sizeof(a)));
	assert_false(anm_memneq(a, b, 31));
}

static void count_up(void *p, size_t n)
{
	memset(p, 7, n);
}

static void random_can_be_made_repeatable(void **state)
{
	u8 a[4];

	(void)state;
	anm_random_hook = count_up;
	anm_random(a, sizeof(a));
	anm_random_hook = NULL;
	assert_int_equal(get_unaligned_be32(a), 0x07070707);
}

static void byte_order(void **state)
{
	u8 b[9] = {0};

	(void)state;
	put_unaligned_be64(0x0102030405060708ull, b + 1);
	assert_int_equal(b[1], 1);
	assert_int_equal(b[8], 8);
	assert_true(get_unaligned_be64(b + 1) == 0x0102030405060708ull);
	assert_int_equal(get_unaligned_be32(b + 1), 0x01020304);
	assert_int_equal(get_unaligned_be16(b + 7), 0x0708);
	assert_int_equal(get_unaligned_le32(b + 1), 0x04030201);
	assert_true(be64_to_cpu(cpu_to_be64(5)) == 5);
}

static void arithmetic(void **state)
{
	char small[4];

	(void)state;
	assert_int_equal(min_t(u32, 3, 4), 3);
	assert_int_equal(max_t(u32, 3, 4), 4);
	assert_int_equal(clamp_t(int, 9, 1, 5), 5);
	assert_int_equal(DIV_ROUND_UP(4096, 1368), 3);
	assert_int_equal(round_up(5u, 4u), 8);
	assert_int_equal(round_down(7u, 4u), 4);
	assert_int_equal(fls(0), 0);
	assert_int_equal(fls(0x80), 8);
	assert_int_equal(ilog2(4096), 12);
	assert_int_equal(roundup_pow_of_two(5), 8);
	assert_int_equal(roundup_pow_of_two(8), 8);
	assert_int_equal(rol32(0x80000001u, 1), 3);
	assert_int_equal(strscpy(small, "abc", sizeof(small)), 3);
	assert_int_equal(strscpy(small, "abcd", sizeof(small)), -E2BIG);
	assert_string_equal(small, "abc");
	assert_int_equal(scnprintf(small, sizeof(small), "%d", 123456), 3);
	assert_string_equal(small, "123");
	assert_ptr_equal(memchr_inv("aaab", 'a', 4), memchr_inv("aaab", 'a', 4));
	assert_null(memchr_inv("aaaa", 'a', 4));
}

struct item {
	int v;
	struct list_head link;
	struct hlist_node node;
};

static void lists(void **state)
{
	struct item it[4], *e, *n;
	LIST_HEAD(a);
	LIST_HEAD(b);
	int i, want;

	(void)state;
	assert_true(list_empty(&a));
	assert_null(list_first_entry_or_null(&a, struct item, link));
	for (i = 0; i < 4; i++) {
		it[i].v = i;
		list_add_tail(&it[i].link, &a);
	}
	want = 0;
	list_for_each_entry(e, &a, link)
		assert_int_equal(e->v, want++);
	list_for_each_entry_reverse(e, &a, link) assert_int_equal(e->v, --want);
	list_for_each_entry_safe(e, n, &a, link) {
		if (e->v & 1)
			list_move(&e->link, &b);
	}
	assert_int_equal(list_first_entry(&b, struct item, link)->v, 3);
	list_splice_init(&b, &a);
	assert_true(list_empty(&b));
	assert_int_equal(list_first_entry(&a, struct item, link)->v, 3);
	assert_int_equal(list_last_entry(&a, struct item, link)->v, 2);
	list_for_each_entry_safe(e, n, &a, link)
		list_del_init(&e->link);
	assert_true(list_empty(&a));
}

static void hlists(void **state)
{
	struct item it[4], *e;
	struct hlist_node *n;
	HLIST_HEAD(h);
	int i, want = 3;

	(void)state;
	for (i = 0; i < 4; i++) {
		it[i].v = i;
		INIT_HLIST_NODE(&it[i].node);
		assert_true(hlist_unhashed(&it[i].node));
		hlist_add_head(&it[i].node, &h);
	}
	hlist_for_each_entry(e, &h, node)
		assert_int_equal(e->v, want--);
	hlist_del_init(&it[2].node);
	hlist_del_init(&it[2].node);
	assert_ptr_equal(it[3].node.next, &it[1].node);
	hlist_for_each_entry_safe(e, n, &h, node)
		hlist_del(&e->node);
	assert_true(hlist_empty(&h));
}

static int tail_copy(const struct anm_rec *rec, u32 off, void *dst, u32 n)
{
	memcpy(dst, (const u8 *)rec->ctx + off, n);
	return 0;
}

static void p6_rec_copy_never_leaves_the_record(void **state)
{
	u8 bytes[8] = {0, 1, 2, 3, 4, 5, 6, 7}, dst[8];
	struct anm_rec rec = {
		.head = bytes, .head_len = 5, .len = 8, .copy = tail_copy, .ctx = bytes};
	u32 off, n;

	(void)state;
	for (off = 0; off < 12; off++) {
		for (n = 0; n <= 8; n++) {
			int rc = anm_rec_copy(&rec, off, dst, n);

			assert_int_equal(rc, off + n <= 8 ? 0 : -EFAULT);
			if (!rc)
				assert_memory_equal(dst, bytes + off, n);
		}
	}
	assert_int_equal(anm_rec_copy(&rec, 0xffffffff, dst, 2), -EFAULT);
	assert_int_equal(anm_rec_copy(&rec, 2, dst, 0xffffffff), -EFAULT);
	rec.copy = NULL;
	assert_int_equal(anm_rec_copy(&rec, 4, dst, 2), -EFAULT);
	assert_int_equal(anm_rec_copy(&rec, 3, dst, 2), 0);
}

static bool share_all(const struct anm_rec *rec, u32 off, u32 n, struct anm_frags *frags)
{
	struct anm_page *page = rec->ctx;

	assert_true(off <= rec->len && n <= rec->len - off);
	anm_page_get(page);
	frags->frag[frags->n++] = (struct anm_frag){page, (u16)off, (u16)n};
	return true;
}

static void p6_what_is_shared_never_leaves_the_record(void **state)
{
	struct anm_page *page = anm_page_alloc();
	struct anm_rec rec = {.len = 8, .share = share_all, .ctx = page};
	struct anm_frags f;
	u32 off, n;

	(void)state;
	assert_non_null(page);
	for (off = 0; off < 12; off++) {
		for (n = 0; n <= 8; n++) {
			assert_int_equal(anm_rec_share(&rec, off, n, &f), off + n <= 8);
			assert_int_equal(f.n, off + n <= 8);
			anm_frags_put(&f);
			assert_int_equal(f.n, 0);
		}
	}
	assert_false(anm_rec_share(&rec, 0xffffffff, 2, &f));
	assert_false(anm_rec_share(&rec, 2, 0xffffffff, &f));
	rec.share = NULL;
	assert_false(anm_rec_share(&rec, 0, 1, &f));
	assert_false(anm_page_shared(page));
	anm_page_put(page);
}

static void pieces_have_the_crc_of_the_whole(void **state)
{
	struct anm_page *page = anm_page_alloc();
	struct anm_frags f = {.n = 3, .frag = {{page, 7, 100}, {page, 107, 1}, {page, 108, 900}}};
	struct anm_frags apart = {.n = 2, .frag = {{page, 500, 20}, {page, 40, 60}}};
	u8 *data;
	u32 i, crc;

	(void)state;
	assert_non_null(page);
	data = anm_page_data(page);
	for (i = 0; i < ANM_PAGE_SIZE; i++)
		data[i] = (u8)(i * 31 >> 3);
	assert_int_equal(anm_frags_crc32c(~0u, &f), anm_crc32c(~0u, data + 7, 1001));
	crc = anm_crc32c(anm_crc32c(~0u, data + 500, 20), data + 40, 60);
	assert_int_equal(anm_frags_crc32c(~0u, &apart), crc);
	anm_page_put(page);
}

static void pages_are_counted_by_reference(void **state)
{
	long before = anm_alloc_live;
	struct anm_page *p = anm_page_alloc();
	struct anm_out *out = anm_out_alloc(100, 2);

	(void)state;
	assert_non_null(p);
	assert_non_null(out);
	assert_int_equal((uintptr_t)anm_page_data(p) % ANM_PAGE_SIZE, 0);
	assert_false(anm_page_shared(p));
	memset(out->head, 1, 100);
	out->head_len = out->len = 100;
	anm_out_add_page(out, p, 0, 4096);
	anm_out_add_page(out, p, 4000, 96);
	assert_int_equal(out->len, 100 + 4096 + 96);
	assert_int_equal(out->nfrags, 2);
	assert_true(anm_page_shared(p));
	anm_out_free(out);
	assert_false(anm_page_shared(p));
	anm_page_put(p);
	anm_out_free(NULL);
	assert_int_equal(anm_alloc_live, before);
}

static void p7_a_message_takes_no_more_pages_than_it_has_room_for(void **state)
{
	struct anm_page *p = anm_page_alloc();
	struct anm_out *out = anm_out_alloc(0, 1);

	(void)state;
	anm_warn_fatal = false;
	anm_out_add_page(out, p, 1, 4096);
	assert_int_equal(out->nfrags, 0);
	anm_out_add_page(out, p, 0, 1);
	anm_out_add_page(out, p, 0, 1);
	assert_int_equal(out->nfrags, 1);
	anm_warn_fatal = true;
	anm_out_free(out);
	anm_page_put(p);
}

static void allocations_fail_when_told_to(void **state)
{
	void *a, *b;

	(void)state;
	anm_fail_after = 1;
	a = anm_alloc(10);
	assert_non_null(a);
	assert_null(anm_page_alloc());
	b = anm_big_alloc(10);
	assert_non_null(b);
	anm_fail_after = 0;
	anm_fail_sticky = true;
	assert_null(anm_alloc(1));
	assert_null(anm_out_alloc(1, 1));
	assert_null(anm_pool_create(1));
	anm_fail_sticky = false;
	anm_fail_after = -1;
	anm_free(a);
	anm_big_free(b);
}

static void p4_a_pool_has_all_it_promised_and_no_more(void **state)
{
	enum { NR = 300 };
	struct anm_pool *p = anm_pool_create(NR);
	void *obj[NR];
	u32 round, i;

	(void)state;
	assert_non_null(p);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < NR; i++) {
			obj[i] = anm_pool_alloc(p);
			assert_non_null(obj[i]);
			assert_int_equal((uintptr_t)obj[i] % ANM_PAGE_SIZE, 0);
			memset(obj[i], (int)i, ANM_PAGE_SIZE);
		}
		assert_null(anm_pool_alloc(p));
		for (i = 0; i < NR; i++) {
			assert_null(memchr_inv(obj[i], (u8)i, ANM_PAGE_SIZE));
			anm_pool_free(p, obj[i]);
		}
	}
	anm_pool_destroy(p);
	anm_pool_destroy(NULL);
}

static void p4_a_pool_that_cannot_be_had_is_refused(void **state)
{
	(void)state;
	assert_null(anm_pool_create(0));
	assert_null(anm_pool_create(1ull << 34));
	assert_null(anm_pool_create(~0ull));
}

static void a_warning_is_told(void **state)
{
	int i;

	(void)state;
	anm_warn_fatal = false;
	for (i = 0; i < 2; i++)
		assert_true(WARN_ON_ONCE(i >= 0));
	assert_false(WARN_ON_ONCE(i < 0));
	anm_warn_fatal = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c_known_answers),
		cmocka_unit_test(crc32c_in_pieces),
		cmocka_unit_test(siphash_known_answer),
		cmocka_unit_test(memneq_and_random),
		cmocka_unit_test(random_can_be_made_repeatable),
		cmocka_unit_test(byte_order),
		cmocka_unit_test(arithmetic),
		cmocka_unit_test(lists),
		cmocka_unit_test(hlists),
		cmocka_unit_test(p6_rec_copy_never_leaves_the_record),
		cmocka_unit_test(p6_what_is_shared_never_leaves_the_record),
		cmocka_unit_test(pieces_have_the_crc_of_the_whole),
		cmocka_unit_test(pages_are_counted_by_reference),
		cmocka_unit_test(p7_a_message_takes_no_more_pages_than_it_has_room_for),
		cmocka_unit_test(allocations_fail_when_told_to),
		cmocka_unit_test(p4_a_pool_has_all_it_promised_and_no_more),
		cmocka_unit_test(p4_a_pool_that_cannot_be_had_is_refused),
		cmocka_unit_test(a_warning_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
