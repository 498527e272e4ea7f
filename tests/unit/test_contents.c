// SPDX-License-Identifier: GPL-2.0-only
/* VAIs' contents given back, sizes changed, pools overcommitted. */
#include "page_bed.h"
#include "../../engine/core/exports.h"

static struct eng_err err;

static struct pb *bed(u8 class, u32 pages)
{
	struct pb *b = pb_new(3);
	u32 i;

	for (i = 0; i < 3; i++)
		pb_server(b, i, 1000, 9000);
	pb_join_all(b);
	pb_vai(b, 0, class, pages);
	return b;
}

static struct eng_export *export(struct pb *b)
{
	return container_of(b->real[0], struct eng_export, vai);
}

static void fill(struct pb *b, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		assert_int_equal(pb_write_now(b, 0, i, i + 1), 0);
}

static u64 used(struct pb *b)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < 3; i++)
		sum += pb_info(b, i).used;
	return sum;
}

static void zero(struct pb *b, u32 page)
{
	u8 got[ANM_PAGE_SIZE];

	assert_int_equal(pb_wait(b, pb_read(b, 0, page), got), 0);
	assert_null(memchr_inv(got, 0, sizeof(got)));
}

static u64 reserved(struct pb *b)
{
	struct eng_status st;

	eng_get_status(b->e, &st, b->now);
	return st.reserved_pages;
}

static void a_discard_gives_all_back(void **state)
{
	struct pb *b = bed(ENG_CLASS_CRITICAL, 400);
	u64 before = b->e->version_next;

	fill(b, 300);
	assert_int_equal(eng_vai_discard(b->e, "nobody", false, &err), -ENOENT);
	eng_vai_used(b->e, export(b), true);
	assert_int_equal(eng_vai_discard(b->e, "real0", false, &err), -EBUSY);
	eng_vai_unused(b->e, export(b));
	assert_int_equal(eng_vai_discard(b->e, "real0", false, &err), 0);
	assert_int_equal(eng_vai_discard(b->e, "real0", false, &err), -EBUSY);
	pb_run(b, 3000);
	assert_false(b->real[0]->emptying);
	assert_int_equal(b->real[0]->stored, 0);
	assert_int_equal(eng_map_entries(b->e), 0);
	assert_int_equal(used(b), 0);
	assert_true(b->real[0]->discarded_below > before + 299);
	assert_int_equal(reserved(b), 800); /* still its own */
	zero(b, 7);
	fill(b, 50);
	pb_run(b, 3000);
	assert_int_equal(used(b), 100);
	assert_int_equal(pb_read_now(b, 0, 49, 50), 0);
	pb_free(b);
}

static void a_discard_waits_for_what_is_in_progress(void **state)
{
	struct pb *b = bed(ENG_CLASS_NORMAL, 400);
	struct pb_io *w;

	fill(b, 20);
	w = pb_write(b, 0, 30, 0, ANM_PAGE_SIZE, 5);
	assert_int_equal(eng_vai_discard(b->e, "real0", false, &err), 0);
	assert_true(b->real[0]->emptying);
	assert_int_equal(pb_wait(b, w, NULL), 0);
	pb_run(b, 2000);
	zero(b, 30);
	assert_int_equal(used(b), 0);
	assert_int_equal(eng_vai_discard(b->e, "real0", false, &err), 0);
	assert_int_equal(eng_vai_del(b->e, "real0", false, &err), 0);
	pb_run(b, 2000);
	assert_int_equal(reserved(b), 0);
	assert_int_equal(b->e->exports->emptying, 0);
	pb_free(b);
}

/* The client says UMNT; a late duplicate, or a client that is back, must not cost the pages. */
static void discarded_some_time_after_unmount(void **state)
{
	struct pb *b = bed(ENG_CLASS_NORMAL, 400);
	struct eng_export *x = export(b);

	fill(b, 20);
	eng_vai_unmounted(b->e, x, 1);
	pb_run(b, 20000);
	assert_int_equal(b->real[0]->stored, 20); /* it was not asked for */
	x->discard_on_unmount = true;
	eng_vai_used(b->e, x, true);
	eng_vai_unused(b->e, x);
	eng_vai_unmounted(b->e, x, 2);
	pb_run(b, 3000);
	eng_vai_used(b->e, x, true); /* back again */
	pb_run(b, 10000);
	eng_vai_unmounted(b->e, x, 2); /* the same call, late */
	pb_run(b, 20000);
	assert_int_equal(b->real[0]->stored, 20);
	eng_vai_unused(b->e, x);
	eng_vai_unmounted(b->e, x, 3);
	pb_run(b, 8000);
	assert_int_equal(b->real[0]->stored, 0);
	assert_int_equal(used(b), 0);
	pb_free(b);
}

static void p4_growing_reserves(void **state)
{
	struct pb *b = bed(ENG_CLASS_NORMAL, 400);
	u8 got[ANM_PAGE_SIZE];

	fill(b, 20);
	assert_int_equal(eng_vai_resize(b->e, "real0", 3001 * 4096, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "4 KiB missing"));
	assert_int_equal(eng_vai_resize(b->e, "real0", 4095, &err), -EINVAL);
	assert_int_equal(eng_vai_resize(b->e, "real0", 4096, &err), -EINVAL);
	assert_int_equal(eng_vai_resize(b->e, "none", 4096, &err), -ENOENT);
	eng_vai_used(b->e, export(b), true);
	assert_int_equal(eng_vai_resize(b->e, "real0", 3000 * 4096, &err), -EBUSY);
	eng_vai_unused(b->e, export(b));
	assert_int_equal(eng_vai_resize(b->e, "real0", 3000 * 4096, &err), 0);
	assert_int_equal(reserved(b), 3000);
	assert_int_equal(export(b)->size, 3000 * 4096);
	assert_int_equal(pb_write_now(b, 0, 2999, 9), 0);
	/* The header that nobody wrote tells the new size. */
	assert_int_equal(eng_vai_discard(b->e, "real0", false, &err), 0);
	pb_run(b, 2000);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 0), got), 0);
	assert_int_equal(get_unaligned_le32(got + 1028), 2999);
	pb_free(b);
}

static void shrinking_forgets_the_pages_behind_the_end(void **state)
{
	struct pb *b = bed(ENG_CLASS_CRITICAL, 400);
	u32 i;

	fill(b, 400);
	assert_int_equal(eng_vai_resize(b->e, "real0", 150 * 4096, &err), 0);
	assert_int_equal(eng_vai_resize(b->e, "real0", 150 * 4096, &err), -EBUSY);
	assert_int_equal(reserved(b), 800); /* until it is done */
	pb_run(b, 3000);
	assert_int_equal(reserved(b), 300);
	assert_int_equal(b->real[0]->stored, 150);
	assert_int_equal(used(b), 300);
	for (i = 0; i < 150; i++)
		assert_int_equal(pb_read_now(b, 0, i, i + 1), 0);
	assert_int_equal(eng_vai_resize(b->e, "real0", 400 * 4096, &err), 0);
	for (i = 150; i < 400; i++)
		zero(b, i);
	assert_int_equal(pb_write_now(b, 0, 399, 1234), 0);
	pb_run(b, 3000);
	assert_int_equal(pb_read_now(b, 0, 399, 1234), 0);
	pb_free(b);
}

/* Who is away may have what was cut off; as long as that is so the end stays where it is. */
static void p1_no_growing_over_pages_that_may_come_back(void **state)
{
	struct pb *b = bed(ENG_CLASS_NORMAL, 400);
	u32 i;

	fill(b, 400);
	b->node[1].cut = true;
	pb_run(b, 8000);
	assert_int_equal(pb_info(b, 1).state, ENG_SERVER_DEAD);
	assert_int_equal(eng_vai_resize(b->e, "real0", 150 * 4096, &err), 0);
	pb_run(b, 3000);
	assert_false(b->real[0]->emptying);
	assert_int_equal(eng_vai_resize(b->e, "real0", 400 * 4096, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "cut off"));
	assert_int_equal(eng_vai_resize(b->e, "real0", 140 * 4096, &err), 0);
	b->node[1].cut = false;
	pb_run(b, 8000);
	assert_int_equal(pb_info(b, 1).state, ENG_SERVER_LIVE);
	assert_int_equal(eng_vai_resize(b->e, "real0", 400 * 4096, &err), 0);
	for (i = 0; i < 140; i++)
		assert_int_equal(pb_read_now(b, 0, i, i + 1), 0);
	for (i = 140; i < 400; i++)
		zero(b, i);
	pb_free(b);
}

static void overcommit_is_as_much_as_was_asked_for(void **state)
{
	struct pb *b = bed(ENG_CLASS_NORMAL, 3000);
	struct eng_vai_params p = {.name = "more", .size = 1500 * 4096};

	p.client.b[15] = 1;
	assert_int_equal(eng_vai_add(b->e, &p, &err), -ENOSPC);
	b->e->cfg.overcommit = 50;
	p.size += 4096;
	assert_int_equal(eng_vai_add(b->e, &p, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "4 KiB missing"));
	p.size -= 4096;
	assert_int_equal(eng_vai_add(b->e, &p, &err), 0);
	assert_int_equal(reserved(b), 4500);
	pb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_discard_gives_all_back),
		cmocka_unit_test(a_discard_waits_for_what_is_in_progress),
		cmocka_unit_test(discarded_some_time_after_unmount),
		cmocka_unit_test(p4_growing_reserves),
		cmocka_unit_test(shrinking_forgets_the_pages_behind_the_end),
		cmocka_unit_test(p1_no_growing_over_pages_that_may_come_back),
		cmocka_unit_test(overcommit_is_as_much_as_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
