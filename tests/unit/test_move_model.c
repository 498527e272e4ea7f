// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves among all else that happens: servers are cut off, lose their memory, are drained,
 * kept, removed, join again, on a network that loses, repeats and reorders, and memory is
 * short at times. A model says what every page may read as. ANM_SEED=N runs that seed
 * alone, ANM_SEEDS=N that many.
 */
#include "page_bed.h"
#include "../../engine/core/exports.h"

#define PAGES	64
#define SERVERS 5
#define STEPS	250
#define OPEN	8 /* operations at a time */

struct model {
	u32 acked;     /* seed of the last acknowledged write; 0 never written */
	u32 failed[8]; /* writes since then of which nobody knows */
	u32 nfailed;
	bool busy;
};

struct open_op {
	struct pb_io *io;
	u32 page, seed; /* 0: a read */
};

static struct model model[PAGES];
static struct open_op ops[OPEN];
static u32 next_seed, down;
static bool lossy, normal;

static u32 seed_of(const u8 *page, const struct model *m)
{
	static const u8 zero[ANM_PAGE_SIZE];
	u8 want[ANM_PAGE_SIZE];
	u32 i;

	for (i = 0; i <= m->nfailed; i++) {
		u32 s = i ? m->failed[i - 1] : m->acked;

		if (s)
			pb_fill(want, s);
		if (!memcmp(page, s ? want : zero, ANM_PAGE_SIZE))
			return s;
	}
	return U32_MAX;
}

static void op_end(struct pb *b, struct open_op *o)
{
	struct model *m = &model[o->page];
	u8 got[ANM_PAGE_SIZE];
	int err = pb_wait(b, o->io, got);

	m->busy = false;
	o->io = NULL;
	if (o->seed && err) {
		assert_true(m->nfailed < ARRAY_SIZE(m->failed));
		m->failed[m->nfailed++] = o->seed;
	} else if (o->seed) {
		m->acked = o->seed;
		m->nfailed = 0;
	} else if (!err) {
		u32 s = seed_of(got, m), i = 0, n = 0;

		if (s == U32_MAX)
			fail_msg("page %u is none of what was written", o->page);
		if (s == m->acked)
			return;
		/* Read once, it stays; those that failed after it may still turn up. */
		while (m->failed[i++] != s)
			;
		while (i < m->nfailed)
			m->failed[n++] = m->failed[i++];
		m->nfailed = n;
		m->acked = s;
	}
}

static void op_begin(struct pb *b, struct open_op *o)
{
	struct model *m;

	o->page = 1 + pb_rand(b, PAGES - 1);
	m = &model[o->page];
	if (m->busy)
		return;
	m->busy = true;
	o->seed = pb_rand(b, 2) && m->nfailed < ARRAY_SIZE(m->failed) ? ++next_seed : 0;
	o->io = o->seed ? pb_write(b, 0, o->page, 0, ANM_PAGE_SIZE, o->seed)
			: pb_read(b, 0, o->page);
}

static bool whole(struct pb *b)
{
	u32 i;

	if (b->real[0]->degraded || b->e->mover == NULL)
		return false;
	for (i = 0; i < SERVERS; i++)
		if (b->node[i].cut)
			return false;
	return true;
}

/* One thing that goes wrong, or that an operator does. */
static void trouble(struct pb *b)
{
	u32 n = pb_rand(b, SERVERS);
	char name[8];

	scnprintf(name, sizeof(name), "mem%u", n);
	switch (pb_rand(b, 12)) {
	case 0:
		b->node[n].cut = true;
		break;
	case 1:
	case 2:
		b->node[n].cut = false;
		break;
	case 3: /* the memory is lost: only when that costs no page */
		if (!normal && !down && whole(b)) {
			pb_kill(b, n);
			down = n + 1;
		}
		break;
	case 4:
		anm_fail_after = -1;
		if (down) {
			b->node[down - 1].cut = false;
			pb_server(b, down - 1, 200, pb_rand(b, 2) ? 1500 : 9000);
		}
		down = 0;
		break;
	case 5:
	case 6:
		eng_server_drain(b->e, name, true, NULL);
		break;
	case 7:
		eng_server_drain(b->e, name, false, NULL);
		break;
	case 8:
		eng_server_remove(b->e, name, false, NULL);
		break;
	case 9:
		if (b->node[n].m)
			mem_drain(b->node[n].m, pb_rand(b, 2), b->now);
		break;
	case 10:
		anm_fail_after = pb_rand(b, 30);
		break;
	case 11:
		b->loss = b->dup = b->reorder = lossy ? pb_rand(b, 100) : 0;
		break;
	}
}

static void finish(struct pb *b)
{
	char name[8];
	u32 i;

	anm_fail_after = -1;
	b->loss = b->dup = b->reorder = 0;
	for (i = 0; i < OPEN; i++)
		if (ops[i].io)
			op_end(b, &ops[i]);
	if (down)
		pb_server(b, down - 1, 200, 9000);
	for (i = 0; i < SERVERS; i++) {
		scnprintf(name, sizeof(name), "mem%u", i);
		b->node[i].cut = false;
		eng_server_drain(b->e, name, false, NULL);
		mem_drain(b->node[i].m, false, b->now);
	}
	pb_run(b, 40000);
	assert_int_equal(b->real[0]->degraded, 0);
	assert_int_equal(b->e->pages_in_flight, 0);
	for (i = 1; i < PAGES; i++) {
		ops[0].page = i;
		ops[0].seed = 0;
		model[i].busy = true;
		ops[0].io = pb_read(b, 0, i);
		while (!ops[0].io->done)
			pb_run(b, 1);
		assert_int_equal(ops[0].io->err, 0);
		op_end(b, &ops[0]);
	}
	for (i = 0; i < SERVERS; i++)
		assert_int_equal(pb_info(b, i).state, ENG_SERVER_LIVE);
}

static u64 run_seed(u64 seed)
{
	struct pb *b = pb_new(seed);
	u64 moved;
	u32 i, k;

	memset(model, 0, sizeof(model));
	memset(ops, 0, sizeof(ops));
	next_seed = 0;
	down = 0;
	lossy = seed & 1;
	normal = seed % 3 == 2;
	b->e->cfg.repair_after_ms = 100 + pb_rand(b, 3000);
	b->e->cfg.move_rate = 20 + pb_rand(b, 2000);
	for (i = 0; i < SERVERS; i++)
		pb_server(b, i, 200, i & 1 ? 1500 : 9000);
	pb_join_all(b);
	pb_vai(b, 0, normal ? ENG_CLASS_NORMAL : ENG_CLASS_CRITICAL, PAGES);
	for (i = 0; i < STEPS; i++) {
		for (k = 0; k < OPEN; k++) {
			if (ops[k].io && ops[k].io->done)
				op_end(b, &ops[k]);
			else if (!ops[k].io && b->e->pages_in_flight < ENG_PAGES_MAX &&
				 anm_fail_after < 0)
				op_begin(b, &ops[k]);
		}
		if (!pb_rand(b, 6))
			trouble(b);
		pb_run(b, 1 + pb_rand(b, pb_rand(b, 8) ? 20 : 3000));
	}
	finish(b);
	moved = b->e->stats.pages_moved;
	pb_free(b);
	return moved;
}

static void p1_p2_p9_moves_among_faults_match_the_model(void **state)
{
	const char *one = getenv("ANM_SEED"), *many = getenv("ANM_SEEDS");
	u64 seed = one ? strtoull(one, NULL, 0) : 1, last, moved = 0;

	for (last = one ? seed : many ? strtoull(many, NULL, 0) : 20; seed <= last; seed++) {
		print_message("# seed %llu\n", (unsigned long long)seed);
		moved += run_seed(seed);
	}
	printf("# %llu pages moved\n", (unsigned long long)moved);
	assert_true(one || moved > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_p2_p9_moves_among_faults_match_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
