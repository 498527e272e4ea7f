// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page operations against real memory server cores: ordering, merging, copies, loss;
 * and random operations over a faulty network against a model.
 */
#include "page_bed.h"

static struct pb *bed(u64 seed, u32 servers, u64 donation, u16 mtu)
{
	struct pb *b = pb_new(seed);
	u32 i;

	for (i = 0; i < servers; i++)
		pb_server(b, i, donation, mtu);
	pb_join_all(b);
	assert_int_equal(eng_servers_count(b->e, true), servers);
	return b;
}

static bool event_seen(struct pb *b, u8 type, u32 *count)
{
	struct eng_event ev;

	*count = 0;
	while (eng_event_next(b->e, &ev))
		*count += ev.type == type;
	return *count;
}

/* ---- one thing at a time ---- */

static void never_written_pages_read_as_zeros(void **state)
{
	static const u8 zero[ANM_PAGE_SIZE];
	struct pb *b = pb_new(1);
	u8 got[ANM_PAGE_SIZE];
	struct pb_io *p;

	/* No server at all: none is needed. */
	p = pb_read(b, 0, 5);
	assert_true(p->done);
	assert_int_equal(pb_wait(b, p, got), 0);
	assert_memory_equal(got, zero, sizeof(got));
	assert_int_equal(b->e->stats.pages_zero, 1);
	assert_int_equal(eng_map_entries(b->e), 0);
	pb_free(b);
}

static void page_0_is_born_with_a_swap_header(void **state)
{
	struct pb *b = bed(2, 1, 100, 9000);
	u8 got[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE] = {0};
	u8 bytes[ANM_PAGE_SIZE];

	eng_swap_header(&b->vai[0], want);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 0), got), 0);
	assert_memory_equal(got, want, sizeof(got));
	assert_memory_equal(got + ANM_PAGE_SIZE - 10, "SWAPSPACE2", 10);
	/* A partial write lands on top of it. */
	assert_int_equal(pb_wait(b, pb_write(b, 0, 0, 0, 100, 7), NULL), 0);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 0), got), 0);
	pb_fill(bytes, 7);
	memcpy(want, bytes, 100);
	assert_memory_equal(got, want, sizeof(got));
	pb_free(b);
}

static void partial_writes_are_merged(void **state)
{
	struct pb *b = bed(3, 2, 100, 1500);
	u8 got[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE] = {0}, bytes[ANM_PAGE_SIZE];

	assert_int_equal(pb_wait(b, pb_write(b, 1, 9, 4000, 96, 1), NULL), 0);
	pb_fill(bytes, 1);
	memcpy(want + 4000, bytes + 4000, 96);
	assert_int_equal(pb_wait(b, pb_write(b, 1, 9, 1, 2, 2), NULL), 0);
	pb_fill(bytes, 2);
	memcpy(want + 1, bytes + 1, 2);
	assert_int_equal(pb_wait(b, pb_read(b, 1, 9), got), 0);
	assert_memory_equal(got, want, sizeof(got));
	assert_int_equal(b->e->stats.pages_merged, 2);
	assert_int_equal(b->vai[1].stored, 1);
	pb_free(b);
}

static void p1_operations_on_a_page_run_in_order(void **state)
{
	struct pb *b = bed(4, 1, 100, 9000);
	struct pb_io *p[21];
	u8 got[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE];
	u32 i;

	for (i = 0; i < 20; i += 2) {
		p[i] = pb_write(b, 0, 3, 0, ANM_PAGE_SIZE, i);
		p[i + 1] = pb_read(b, 0, 3);
	}
	p[20] = pb_read(b, 0, 3);
	assert_int_equal(b->vai[0].in_flight, 21);
	pb_run(b, 100);
	for (i = 0; i < 21; i++) {
		assert_true(p[i]->done);
		assert_true(!i || p[i]->order == p[i - 1]->order + 1);
	}
	for (i = 1; i < 21; i += i < 19 ? 2 : 1) {
		pb_fill(want, i < 20 ? i - 1 : 18);
		memcpy(got, p[i]->expect, ANM_PAGE_SIZE);
		assert_memory_equal(got, want, sizeof(got));
	}
	for (i = 0; i < 21; i++)
		free(p[i]);
	assert_int_equal(b->vai[0].in_flight, 0);
	pb_free(b);
}

static void p2_critical_pages_are_on_two_servers(void **state)
{
	struct pb *b = bed(5, 3, 200, 9000);
	u32 i, n = 0;

	for (i = 0; i < 100; i++)
		assert_int_equal(pb_write_now(b, 1, i, i), 0);
	for (i = 0; i < 3; i++)
		n += (u32)pb_info(b, i).mapped;
	assert_int_equal(n, 200);
	assert_int_equal(b->e->stats.pages_written, 200);
	/* Any one may go. */
	pb_kill(b, 1);
	pb_run(b, 6000);
	for (i = 0; i < 100; i++)
		assert_int_equal(pb_read_now(b, 1, i, i), 0);
	pb_free(b);
}

static void p2_one_copy_is_not_enough(void **state)
{
	struct pb *b = bed(6, 1, 100, 9000);

	assert_int_equal(pb_write_now(b, 1, 1, 1), -ENOSPC);
	assert_int_equal(b->e->stats.pages_written, 0);
	assert_int_equal(eng_map_entries(b->e), 0);
	assert_int_equal(pb_write_now(b, 0, 1, 1), 0);
	pb_free(b);
}

static void writes_without_servers_fail_at_once(void **state)
{
	struct pb *b = pb_new(7);
	struct pb_io *p = pb_write(b, 0, 1, 0, ANM_PAGE_SIZE, 1);

	assert_true(p->done);
	assert_int_equal(pb_wait(b, p, NULL), -ENOSPC);
	pb_free(b);
}

static void a_full_pool_refuses_new_pages_only(void **state)
{
	struct pb *b = bed(8, 2, 16, 9000);
	u32 i;

	for (i = 0; i < 32; i++)
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
	assert_int_equal(pb_write_now(b, 0, 32, 1), -ENOSPC);
	for (i = 0; i < 32; i++)
		assert_int_equal(pb_write_now(b, 0, i, 100 + i), 0);
	for (i = 0; i < 32; i++)
		assert_int_equal(pb_read_now(b, 0, i, 100 + i), 0);
	pb_free(b);
}

static void says_usage(struct pb *b, u32 node, u64 donation, u64 used)
{
	struct amp_hdr h = pb_hdr(b, node, AMP_HEARTBEAT);
	struct amp_usage u = {.donation = donation, .used = used};
	u8 buf[AMP_USAGE_LEN];

	h.part_len = sizeof(buf);
	amp_usage_encode(buf, &u);
	pb_say(b, node, &h, buf, 0);
}

/* It offers a thousand times what the others have, has nothing, and says so page by page. */
static void p2_p6_a_lie_about_capacity_costs_no_page(void **state)
{
	struct pb *b = pb_new(3);
	u32 i, refused = 0;

	pb_server(b, 1, 600, 9000);
	pb_server(b, 2, 600, 9000);
	pb_join_all(b);
	pb_play(b, 0, 600000, 9000);
	pb_vai(b, 0, ENG_CLASS_CRITICAL, 400);
	for (i = 1; i < 300; i++) {
		struct pb_io *p = pb_write(b, 0, i, 0, ANM_PAGE_SIZE, i);
		u64 start = b->now;

		if (i % 50 == 0)
			says_usage(b, 0, 600000, 0);
		while (!p->done && b->now - start < PB_MS(500)) {
			for (; pb_inbox(b, 0, AMP_PAGE_OUT); refused++)
				pb_nack(b, 0, AMP_PAGE_OUT, AMP_E_FULL, 0);
			pb_run(b, 1);
		}
		assert_true(p->done);
		assert_int_equal(pb_wait(b, p, NULL), 0);
	}
	/* It is believed again with each HEARTBEAT, and not before. */
	assert_in_range(refused, 6, 30);
	assert_int_equal(pb_info(b, 0).mapped, 0);
	assert_int_equal(pb_info(b, 0).nacks, refused);
	assert_int_equal(pb_info(b, 1).mapped, 299);
	assert_int_equal(pb_info(b, 2).mapped, 299);
	for (i = 1; i < 300; i++)
		assert_int_equal(pb_read_now(b, 0, i, i), 0);
	pb_free(b);
}

static void p8_lost_pages_read_as_errors_at_once(void **state)
{
	struct pb *b = bed(9, 1, 100, 9000);
	struct pb_io *p;
	u32 n;

	assert_int_equal(pb_write_now(b, 0, 4, 4), 0);
	pb_kill(b, 0);
	pb_run(b, 6000);
	event_seen(b, ENG_EV_PAGE_LOST, &n);
	p = pb_read(b, 0, 4);
	assert_true(p->done);
	assert_int_equal(pb_wait(b, p, NULL), -EIO);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 4), NULL), -EIO);
	assert_int_equal(pb_wait(b, pb_write(b, 0, 4, 8, 8, 1), NULL), -EIO);
	assert_int_equal(b->e->stats.pages_lost, 3);
	assert_int_equal(b->vai[0].lost, 1);
	assert_true(event_seen(b, ENG_EV_PAGE_LOST, &n));
	assert_int_equal(n, 1);
	/* A new server does not bring it back; a whole new page is a page again. */
	pb_server(b, 1, 100, 9000);
	pb_join_all(b);
	assert_int_equal(pb_wait(b, pb_read(b, 0, 4), NULL), -EIO);
	assert_int_equal(pb_write_now(b, 0, 4, 44), 0);
	assert_int_equal(pb_read_now(b, 0, 4, 44), 0);
	assert_int_equal(b->vai[0].stored, 1);
	pb_free(b);
}

static void p8_a_restarted_server_has_lost_its_pages(void **state)
{
	struct pb *b = bed(10, 1, 100, 9000);
	u32 i;

	for (i = 0; i < 50; i++)
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
	pb_kill(b, 0);
	pb_server(b, 0, 100, 9000);
	pb_run(b, 8000);
	assert_int_equal(eng_servers_count(b->e, true), 1);
	assert_int_equal(pb_info(b, 0).mapped, 0);
	for (i = 0; i < 50; i++)
		assert_int_equal(pb_wait(b, pb_read(b, 0, i), NULL), -EIO);
	for (i = 0; i < 50; i++)
		assert_int_equal(pb_write_now(b, 0, i, 1000 + i), 0);
	for (i = 0; i < 50; i++)
		assert_int_equal(pb_read_now(b, 0, i, 1000 + i), 0);
	/* The slot of the memory that is gone is free again. */
	pb_run(b, 200);
	assert_int_equal(b->e->servers->gone, 0);
	pb_free(b);
}

/* Slots of lost memories are swept out of the map; the dead that may return stay in it. */
static void the_sweep_takes_lost_memories_only(void **state)
{
	struct pb *b = bed(18, 3, 500, 9000);
	u64 on2;
	u32 i, lost = 0;

	for (i = 1; i < 300; i++)
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
	on2 = pb_info(b, 2).mapped;
	b->node[2].cut = true;
	pb_run(b, 6000);
	pb_kill(b, 1);
	pb_server(b, 1, 500, 9000);
	pb_run(b, 6000);
	assert_int_equal(b->e->servers->gone, 0);
	assert_int_equal(b->e->servers->nslots, 4);
	assert_null(b->e->servers->slot[1]);
	assert_int_equal(pb_info(b, 2).mapped, on2);
	b->node[2].cut = false;
	pb_run(b, 8000);
	for (i = 1; i < 300; i++)
		lost += pb_read_now(b, 0, i, i) == -EIO;
	assert_int_equal(lost, 299 - pb_info(b, 0).mapped - on2);
	assert_int_equal(b->vai[0].stored, 299);
	pb_free(b);
}

static void p10_a_silent_server_does_not_hang_the_client(void **state)
{
	struct pb *b = bed(11, 2, 100, 9000);
	struct pb_io *rd, *wr;
	u64 start;

	assert_int_equal(pb_write_now(b, 0, 1, 1), 0);
	assert_int_equal(pb_write_now(b, 0, 2, 2), 0);
	b->node[0].cut = true;
	start = b->now;
	rd = pb_read(b, 0, 1);
	wr = pb_write(b, 0, 1, 0, ANM_PAGE_SIZE, 11);
	assert_true(pb_wait(b, rd, NULL) == 0 || b->now - start <= PB_MS(6000));
	assert_int_equal(pb_wait(b, wr, NULL), 0);
	assert_true(b->now - start <= PB_MS(12000));
	assert_int_equal(pb_read_now(b, 0, 1, 11), 0);
	pb_free(b);
}

/* Away and back with its memory: nothing of it is lost, nothing old is read. */
static void p1_a_returning_server_brings_no_old_pages(void **state)
{
	struct pb *b = bed(12, 2, 100, 9000);
	u32 i, on0 = 0;

	for (i = 0; i < 20; i++)
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
	on0 = (u32)pb_info(b, 0).mapped;
	assert_int_equal(on0, 10);
	b->node[0].cut = true;
	pb_run(b, 7000);
	for (i = 0; i < 20; i += 2)
		assert_int_equal(pb_write_now(b, 0, i, 100 + i), 0);
	b->node[0].cut = false;
	pb_run(b, 8000);
	assert_int_equal(eng_servers_count(b->e, true), 2);
	for (i = 0; i < 20; i++)
		assert_int_equal(pb_read_now(b, 0, i, i & 1 ? i : 100 + i), 0);
	/* It was told to forget what has moved. */
	pb_run(b, 3000);
	for (i = 0; i < 2; i++) {
		struct eng_server_info s = pb_info(b, i);
		struct mem_status st;

		mem_get_status(b->node[i].m, &st, b->now);
		assert_int_equal(st.used, s.mapped);
	}
	pb_free(b);
}

static void reaping_empties_map_and_servers(void **state)
{
	struct pb *b = bed(13, 2, 2000, 9000);
	struct mem_status st;
	u32 i, n = 0;

	for (i = 0; i < 500; i++) {
		assert_int_equal(pb_write_now(b, 0, i, i), 0);
		assert_int_equal(pb_write_now(b, 1, i, i), 0);
	}
	b->vai[1].deleting = true;
	while (!eng_vai_reap(b->e, &b->vai[1])) {
		assert_true(n++ < 10);
		pb_run(b, 1);
	}
	assert_int_equal(b->vai[1].stored, 0);
	assert_int_equal(eng_map_entries(b->e), 500);
	pb_run(b, 2000);
	for (i = 0, n = 0; i < 2; i++) {
		mem_get_status(b->node[i].m, &st, b->now);
		n += (u32)st.used;
		assert_int_equal(st.used, pb_info(b, i).mapped);
	}
	assert_int_equal(n, 500);
	for (i = 0; i < 500; i++)
		assert_int_equal(pb_read_now(b, 0, i, i), 0);
	pb_free(b);
}

static u32 chain_left, chain_depth;

static void chain_next(struct pb_io *p)
{
	struct pb *b = p->b;

	assert_int_equal(chain_depth++, 0);
	free(p);
	if (chain_left--) {
		p = pb_read(b, 0, 1 + chain_left % 400);
		assert_false(p->done); /* it has to wait for us to return */
		p->then = chain_next;
	}
	chain_depth--;
}

/* Each starts the next from its callback: the stack must not grow with them. */
static void completions_do_not_nest(void **state)
{
	struct pb *b = bed(14, 1, 100, 9000);
	struct pb_io *p;

	chain_left = 100000;
	p = pb_write(b, 0, 1, 0, ANM_PAGE_SIZE, 1);
	p->then = chain_next;
	pb_run(b, 1000);
	assert_int_equal(chain_left, U32_MAX);
	pb_free(b);
}

static void p7_page_operations_are_bounded(void **state)
{
	struct pb *b = pb_new(15);
	static struct eng_pageio *io[ENG_PAGES_MAX];
	u32 i;

	for (i = 0; i < ENG_PAGES_MAX; i++) {
		io[i] = eng_pageio_alloc(b->e);
		assert_non_null(io[i]);
	}
	assert_null(eng_pageio_alloc(b->e));
	for (i = 0; i < ENG_PAGES_MAX; i++)
		eng_pageio_free(b->e, io[i]);
	assert_int_equal(b->e->pages_in_flight, 0);
	pb_free(b);
}

static void memory_shortage_is_an_error_not_a_loss(void **state)
{
	struct pb *b = bed(16, 2, 500, 1500);
	u32 i, failed = 0;

	for (i = 0; i < 200; i++) {
		struct pb_io *p = pb_write(b, 1, i, 0, ANM_PAGE_SIZE, i);

		anm_fail_after = (long)pb_rand(b, 12);
		pb_run(b, 0);
		anm_fail_after = -1;
		assert_int_equal(pb_wait(b, p, NULL), 0);
		p = pb_read(b, 1, i);
		p->b = b;
		failed += pb_wait(b, p, NULL) != 0;
		assert_int_equal(pb_read_now(b, 1, i, i), 0);
	}
	assert_int_equal(failed, 0);
	/* One for the operation itself, none for the page, and none left of those before. */
	while (b->e->nspare)
		anm_page_put(b->e->spare[--b->e->nspare]);
	anm_fail_after = 1;
	assert_int_equal(pb_wait(b, pb_read(b, 1, 1), NULL), -ENOMEM);
	anm_fail_after = -1;
	assert_int_equal(pb_read_now(b, 1, 1, 1), 0);
	pb_free(b);
}

/* Destroyed in the middle of everything: all is called back, nothing leaks. */
static void destroy_fails_what_is_in_progress(void **state)
{
	struct pb *b = bed(17, 2, 100, 1500);
	struct pb_io *p[60];
	u32 i;

	for (i = 0; i < 60; i++)
		p[i] = i & 1 ? pb_read(b, i & 1, i % 7) : pb_write(b, 1, i % 7, i % 100, 3000, i);
	eng_busy_destroy(b->e);
	assert_int_equal(eng_busy_create(b->e), 0);
	for (i = 0; i < 60; i++) {
		assert_true(p[i]->done);
		free(p[i]);
	}
	assert_int_equal(b->vai[0].in_flight + b->vai[1].in_flight, 0);
	pb_free(b);
}

/* ---- a faulty network, against a model ---- */

#define MODEL_PAGES 48
#define MODEL_MAX   64 /* contents that a page may have after writes that failed */

/** struct model_page - what a page may hold: the last write acknowledged, and failed ones since. */
struct model_page {
	u32 n;
	u8 may[MODEL_MAX][ANM_PAGE_SIZE];
};

struct model_op {
	struct pb_io *p;
	bool write;
	u32 vai, page_no, seed;
	u16 off, len;
};

static struct model_page *model;
static u32 model_errors, model_reads;

static struct model_page *model_at(const struct model_op *op)
{
	return &model[op->vai * MODEL_PAGES + op->page_no];
}

static void model_wrote(const struct model_op *op, struct model_page *mp)
{
	u8 bytes[ANM_PAGE_SIZE];
	u32 i, n = mp->n;

	pb_fill(bytes, op->seed);
	for (i = 0; i < n; i++) {
		u8 *to = mp->may[i];

		if (op->p->err) {
			if (mp->n == MODEL_MAX)
				fail_msg("the model is too small");
			to = memcpy(mp->may[mp->n++], mp->may[i], ANM_PAGE_SIZE);
		}
		memcpy(to + op->off, bytes + op->off, op->len);
		if (op->len == ANM_PAGE_SIZE) {
			if (!op->p->err)
				mp->n = 1;
			break;
		}
	}
}

static void model_read(const struct model_op *op, struct model_page *mp)
{
	u32 i;

	for (i = 0; i < mp->n; i++)
		if (!memcmp(mp->may[i], op->p->expect, ANM_PAGE_SIZE))
			break;
	if (i == mp->n)
		fail_msg("vai %u page %u: %u contents allowed, none of them read", op->vai,
			 op->page_no, mp->n);
	/* Once read it may not be unread; failed writes after it may still show. */
	memmove(mp->may[0], mp->may[i], (size_t)(mp->n - i) * ANM_PAGE_SIZE);
	mp->n -= i;
	model_reads++;
}

static struct model_op *model_ops;
static u32 model_nops;

static void model_done(struct pb_io *p)
{
	u32 i;

	for (i = 0; i < model_nops; i++)
		if (model_ops[i].p == p)
			break;
	assert_true(i < model_nops);
	if (p->err)
		model_errors++;
	if (model_ops[i].write)
		model_wrote(&model_ops[i], model_at(&model_ops[i]));
	else if (!p->err)
		model_read(&model_ops[i], model_at(&model_ops[i]));
}

static void model_start(struct pb *b, struct model_op *op, u32 seed)
{
	op->vai = pb_rand(b, PB_VAIS);
	op->page_no = pb_rand(b, MODEL_PAGES);
	op->write = pb_rand(b, 100) < 55;
	op->seed = seed;
	op->off = 0;
	op->len = ANM_PAGE_SIZE;
	if (op->write && !pb_rand(b, 3)) {
		op->off = (u16)pb_rand(b, ANM_PAGE_SIZE);
		op->len = (u16)(1 + pb_rand(b, ANM_PAGE_SIZE - op->off));
	}
	op->p = op->write ? pb_write(b, op->vai, op->page_no, op->off, op->len, seed)
			  : pb_read(b, op->vai, op->page_no);
	if (op->p->done)
		model_done(op->p);
	else
		op->p->then = model_done;
}

static void model_begin(struct pb *b)
{
	u32 i;

	model = calloc(PB_VAIS * MODEL_PAGES, sizeof(*model));
	assert_non_null(model);
	for (i = 0; i < PB_VAIS * MODEL_PAGES; i++) {
		model[i].n = 1;
		if (i % MODEL_PAGES == 0)
			eng_swap_header(&b->vai[i / MODEL_PAGES], model[i].may[0]);
	}
	model_errors = 0;
	model_reads = 0;
}

/* @ops operations, @batch at a time; @meddle may change the world between batches. */
static void model_run(struct pb *b, u32 ops, u32 batch, void (*meddle)(struct pb *b, u32 round))
{
	struct model_op *op = calloc(batch, sizeof(*op));
	u32 round, i, ms;

	model_ops = op;
	model_nops = batch;
	for (round = 0; round < ops / batch; round++) {
		if (meddle)
			meddle(b, round);
		memset(op, 0, batch * sizeof(*op));
		for (i = 0; i < batch; i++)
			model_start(b, &op[i], round * batch + i + 1);
		for (i = 0, ms = 0; i < batch; i++) {
			while (!op[i].p->done && ms++ < 60000)
				pb_run(b, 1);
			assert_true(op[i].p->done);
		}
		for (i = 0; i < batch; i++)
			free(op[i].p);
	}
	free(op);
}

static void model_end(struct pb *b)
{
	free(model);
	assert_int_equal(b->vai[0].in_flight + b->vai[1].in_flight, 0);
	assert_true(model_reads > 100);
}

static void model_case(u64 seed, u16 mtu, u32 loss, u32 dup, u32 reorder, u32 garble)
{
	struct pb *b = bed(seed, 3, 200, mtu);

	b->loss = loss;
	b->dup = dup;
	b->reorder = reorder;
	b->garble = garble;
	model_begin(b);
	model_run(b, 3000, 40, NULL);
	model_end(b);
	assert_int_equal(model_errors, 0);
	assert_int_equal(b->e->stats.pages_lost, 0);
	assert_true(!loss || b->e->stats.amp_retransmits > 10);
	assert_true(!dup || b->e->stats.amp_late > 10);
	assert_true(!garble || b->e->stats.amp_crc > 10);
	pb_free(b);
}

static void p1_random_pages_over_a_clean_network(void **state)
{
	model_case(100, 9000, 0, 0, 0, 0);
	model_case(101, 1500, 0, 0, 0, 0);
}

static void p1_random_pages_with_loss(void **state)
{
	model_case(102, 9000, 50, 0, 0, 0);
	model_case(103, 1500, 50, 0, 0, 0);
}

static void p3_random_pages_with_duplicates_and_reordering(void **state)
{
	model_case(104, 9000, 0, 200, 200, 0);
	model_case(105, 1500, 0, 200, 200, 0);
}

static void p1_random_pages_with_everything(void **state)
{
	model_case(106, 9000, 30, 100, 100, 20);
	model_case(107, 1500, 30, 100, 100, 20);
	model_case(108, 1280, 30, 100, 100, 20);
}

/* Pages are not copied out of the datagrams that they came in. */
static void p1_random_pages_left_where_they_arrived(void **state)
{
	struct pb *b = bed(109, 3, 200, 9000);

	b->share = true;
	b->loss = 30;
	b->dup = 100;
	b->reorder = 100;
	b->garble = 20;
	model_begin(b);
	model_run(b, 3000, 40, NULL);
	model_end(b);
	assert_int_equal(model_errors, 0);
	assert_true(b->e->stats.amp_crc > 10);
	assert_true(b->shared > 100);
	pb_free(b);
}

static void meddle_cut(struct pb *b, u32 round)
{
	u32 i;

	for (i = 0; i < 3; i++)
		b->node[i].cut = false;
	if (round % 4 == 1)
		b->node[pb_rand(b, 3)].cut = true;
	if (round % 4 == 3)
		pb_run(b, 9000);
}

/* Servers come and go with their memories: errors are allowed, wrong bytes are not. */
static void p1_random_pages_while_servers_vanish_and_return(void **state)
{
	struct pb *b = bed(110, 3, 200, 1500);

	b->loss = 20;
	b->dup = 100;
	b->reorder = 100;
	model_begin(b);
	model_run(b, 2400, 30, meddle_cut);
	model_end(b);
	print_message("# %u reads right, %u operations failed, %llu late\n", model_reads,
		      model_errors, b->e->stats.amp_late);
	pb_free(b);
}

static void meddle_restart(struct pb *b, u32 round)
{
	if (round % 8 != 7)
		return;
	pb_run(b, 500);
	pb_kill(b, round / 8 % 3);
	pb_server(b, round / 8 % 3, 400, 9000);
	pb_run(b, 8000);
}

/* Restarts lose memories: pages of class normal are lost and say so, never stale. */
static void p8_random_pages_while_servers_restart(void **state)
{
	struct pb *b = bed(111, 3, 400, 9000);

	b->loss = 10;
	b->dup = 50;
	model_begin(b);
	model_run(b, 3000, 30, meddle_restart);
	model_end(b);
	assert_true(b->e->stats.pages_lost > 0);
	assert_true(b->vai[0].lost > 0);
	print_message("# %u reads right, %u operations failed\n", model_reads, model_errors);
	pb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_written_pages_read_as_zeros),
		cmocka_unit_test(page_0_is_born_with_a_swap_header),
		cmocka_unit_test(partial_writes_are_merged),
		cmocka_unit_test(p1_operations_on_a_page_run_in_order),
		cmocka_unit_test(p2_critical_pages_are_on_two_servers),
		cmocka_unit_test(p2_one_copy_is_not_enough),
		cmocka_unit_test(writes_without_servers_fail_at_once),
		cmocka_unit_test(a_full_pool_refuses_new_pages_only),
		cmocka_unit_test(p2_p6_a_lie_about_capacity_costs_no_page),
		cmocka_unit_test(p8_lost_pages_read_as_errors_at_once),
		cmocka_unit_test(p8_a_restarted_server_has_lost_its_pages),
		cmocka_unit_test(the_sweep_takes_lost_memories_only),
		cmocka_unit_test(p10_a_silent_server_does_not_hang_the_client),
		cmocka_unit_test(p1_a_returning_server_brings_no_old_pages),
		cmocka_unit_test(reaping_empties_map_and_servers),
		cmocka_unit_test(completions_do_not_nest),
		cmocka_unit_test(p7_page_operations_are_bounded),
		cmocka_unit_test(memory_shortage_is_an_error_not_a_loss),
		cmocka_unit_test(destroy_fails_what_is_in_progress),
		cmocka_unit_test(p1_random_pages_over_a_clean_network),
		cmocka_unit_test(p1_random_pages_with_loss),
		cmocka_unit_test(p3_random_pages_with_duplicates_and_reordering),
		cmocka_unit_test(p1_random_pages_with_everything),
		cmocka_unit_test(p1_random_pages_left_where_they_arrived),
		cmocka_unit_test(p1_random_pages_while_servers_vanish_and_return),
		cmocka_unit_test(p8_random_pages_while_servers_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
