// SPDX-License-Identifier: GPL-2.0-only
/*
 * A restarted engine and real memory servers: all that was written is there again, and what
 * nobody has is not made up.
 */
#include "recover_bed.h"

static void p9_restart_keeps_every_page(void **state)
{
	u32 lives;

	(void)state;
	begin(1);
	servers(3);
	vais_make();
	for (lives = 0; lives < 3; lives++) {
		u64 before;

		write_all(1000 * lives);
		restart(3);
		before = pb->now;
		assert_true(eng_recovering(pb->e));
		recovered();
		assert_true(pb->now - before >= ENG_GRACE_NS);
		assert_true(pb->now - before < 6 * NS_PER_S);
		assert_int_equal(status().awaited, 0);
		assert_int_equal(status().stored_pages, 2 * DIV_ROUND_UP(PAGES, 3));
		read_all(1000 * lives);
		/* what was never written is known not to have been */
		assert_int_equal(pb_wait(pb, pb_read(pb, 0, 1), NULL), 0);
	}
	assert_int_equal(pb->e->stats.discards_dropped, 0);
	end();
}

static void p3_versions_are_above_all_that_were_seen(void **state)
{
	struct eng_event ev;
	u64 last;

	(void)state;
	begin(2);
	servers(2);
	vais_make();
	write_all(0);
	restart_with(2, 9);
	recovered();
	write_all(500);
	last = pb->e->version_next;
	assert_true(last >> 32 == 9);
	/* as a module is that was loaded by hand, with another epoch */
	restart_with(2, 1);
	recovered();
	assert_true(pb->e->version_next >= last);
	assert_int_equal(status().epoch_next, 9);
	read_all(500);
	write_all(700);
	read_all(700);
	/* a life that uses up the numbers of its epoch says so, for the next one to be above */
	while (eng_event_next(pb->e, &ev))
		;
	pb->e->version_next = (12ull << 32) - 5;
	write_all(900);
	assert_int_equal(status().epoch_next, 12);
	while (eng_event_next(pb->e, &ev) && ev.type != ENG_EV_VERSIONS)
		;
	assert_int_equal(ev.type, ENG_EV_VERSIONS);
	assert_int_equal(ev.value, 12);
	restart_with(2, 13);
	recovered();
	read_all(900);
	end();
}

static int rpc(u8 door, u32 proc)
{
	struct xdr_out x;

	bed.from.door = door;
	bed.now = pb->now;
	bed_call(&x, proc);
	if (proc == NFS3_GETATTR)
		bed_put_fh(&x, names[0], 1);
	return bed_send(&x);
}

static void p1_nobody_is_told_anything_meanwhile(void **state)
{
	(void)state;
	begin(3);
	servers(2);
	vais_make();
	write_all(0);
	restart(3); /* one never comes */
	assert_false(eng_has_room(pb->e, &bed.from.addr));
	assert_int_equal(rpc(ANM_DOOR_UDP, NFS3_GETATTR), -EAGAIN);
	assert_int_equal(rpc(ANM_DOOR_TCP, NFS3_GETATTR), -EAGAIN);
	assert_int_equal(pb->e->stats.recover_held, 2);
	pb_run(pb, 5000);
	assert_true(list_empty(&replies));
	assert_int_equal(rpc(ANM_DOOR_TCP, NFS3_NULL), 0);
	pb_run(pb, 0);
	assert_true(bed_take());
	assert_true(eng_recovering(pb->e));
	assert_int_equal(status().awaited, 1);
	recovered();
	assert_true(eng_has_room(pb->e, &bed.from.addr));
	assert_int_equal(rpc(ANM_DOOR_TCP, NFS3_GETATTR), 0);
	pb_run(pb, 0);
	assert_true(bed_take());
	end();
}

static void p8_what_a_missing_server_may_have_is_unknown(void **state)
{
	struct pb_node *away;
	u64 before;
	u32 p, gone = 0;

	(void)state;
	begin(4);
	servers(2);
	vais_make();
	write_all(0);
	away = &pb->node[1];
	away->cut = true;
	restart(2);
	before = pb->now;
	recovered();
	assert_true(pb->now - before >= ENG_RECOVER_MS * NS_PER_MS);
	for (p = 0; p < PAGES; p++) {
		struct pb_io *io = pb_read(pb, 0, p);
		u8 page[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE];
		int err = pb_wait(pb, io, page);

		pb_fill(want, p);
		if (!err)
			assert_memory_equal(page, want, sizeof(page));
		else
			assert_int_equal(err, -EIO);
		gone += err && p % 3 == 0;
	}
	assert_true(gone > 10);
	/* two copies, two servers: nothing is missing of what was written */
	for (p = 0; p < PAGES; p += 3)
		assert_int_equal(pb_read_now(pb, 1, p, PAGES + p), 0);
	/* part of an unknown page cannot be written, a whole one can, and stays */
	assert_int_equal(pb_wait(pb, pb_write(pb, 0, 1, 100, 200, 77), NULL), -EIO);
	assert_int_equal(pb_write_now(pb, 0, 1, 4711), 0);
	for (p = 0; p < 90; p += 3)
		assert_int_equal(pb_write_now(pb, 0, p, 5000 + p), 0);
	away->cut = false;
	pb_run(pb, 10000);
	assert_int_equal(status().awaited, 0);
	assert_int_equal(pb_read_now(pb, 0, 1, 4711), 0);
	for (p = 0; p < PAGES; p += 3)
		assert_int_equal(pb_read_now(pb, 0, p, p < 90 ? 5000 + p : p), 0);
	assert_int_equal(pb_wait(pb, pb_read(pb, 0, 2), NULL), 0);
	end();
}

/* Writes are lost for certain, so zeros would be a lie, also after the next restart. */
static void p8_a_memory_that_came_back_empty_leaves_holes(void **state)
{
	struct eng_vai_info info;
	u64 boot;
	u32 p, lost = 0;

	(void)state;
	begin(5);
	servers(2);
	vais_make();
	write_all(0);
	boot = pb->e->servers->slot[1]->boot;
	pb_kill(pb, 1);
	{
		struct eng_config cfg = pb_config();

		cfg.epoch = ++epoch;
		pb_restart(pb, &cfg);
		adopt();
	}
	expect(0, pb->node[0].m ? 0 : 1);
	expect(1, boot);
	vai_make(0, true, 0);
	vai_make(1, true, 0);
	pb_server(pb, 1, 2000, 1500);
	recovered();
	for (p = 0; p < PAGES; p += 3)
		lost += pb_read_now(pb, 0, p, p) == -EIO;
	assert_true(lost > 10);
	assert_int_equal(pb_wait(pb, pb_read(pb, 0, 1), NULL), -EIO);
	for (p = 0; p < PAGES; p += 3)
		assert_int_equal(pb_read_now(pb, 1, p, PAGES + p), 0);
	bed_info(names[0], &info);
	assert_true(info.p.holes);
	/* of two copies one may be lost; another one, before they are two again, may not */
	assert_int_equal(pb_wait(pb, pb_read(pb, 1, 1), NULL), 0);
	bed_info(names[1], &info);
	assert_false(info.p.holes);
	assert_true(info.p.degraded);
	pb->e->recover.lost++;
	assert_int_equal(pb_wait(pb, pb_read(pb, 1, 1), NULL), -EIO);
	bed_info(names[1], &info);
	assert_true(info.p.holes);
	end();
}

/* It proves nothing about the memory that is waited for. */
static void p8_a_late_hello_of_another_memory_loses_nothing(void **state)
{
	struct eng_config cfg = pb_config();
	u64 boot[2];

	(void)state;
	begin(16);
	servers(2);
	vais_make();
	write_all(0);
	boot[0] = pb->e->servers->slot[0]->boot;
	boot[1] = pb->e->servers->slot[1]->boot;
	cfg.epoch = ++epoch;
	pb_restart(pb, &cfg);
	adopt();
	expect(0, boot[0]);
	expect(1, boot[1]);
	vai_make(0, true, 0);
	vai_make(1, true, 0);
	pb->node[1].boot = boot[1] + 1;
	pb_say_hello(pb, 1, 2000, 1500);
	recovered();
	assert_int_equal(status().awaited, 0);
	assert_int_equal(pb->e->recover.lost, 0);
	read_all(0);
	assert_int_equal(pb_wait(pb, pb_read(pb, 0, 1), NULL), 0);
	end();
}

/* What is saved after it names the server no more, so it has to say that pages may be lost. */
static void p8_a_server_removed_before_it_told_leaves_holes_at_once(void **state)
{
	struct eng_vai_info info;
	struct eng_err err;

	(void)state;
	begin(13);
	servers(2);
	vais_make();
	write_all(0);
	pb->node[1].cut = true;
	restart(2);
	bed_info(names[0], &info);
	assert_false(info.p.holes);
	assert_int_equal(eng_server_remove(pb->e, "mem1", true, &err), 0);
	bed_info(names[0], &info);
	assert_true(info.p.holes);
	recovered();
	assert_int_equal(pb_wait(pb, pb_read(pb, 0, 1), NULL), -EIO);
	end();
}

/*
 * So it is with one whose pages were known: as long as the sweep has not seen to them, nobody can
 * say which VAIs had pages on it.
 */
static void p8_a_server_removed_with_pages_leaves_holes_until_swept(void **state)
{
	struct eng_vai_info info;
	struct eng_err err;

	(void)state;
	begin(14);
	servers(3);
	vais_make();
	write_all(0);
	pb_kill(pb, 2);
	assert_int_equal(eng_server_remove(pb->e, "mem2", true, &err), 0);
	bed_info(names[0], &info);
	assert_true(info.p.holes);
	bed_info(names[1], &info);
	assert_false(info.p.holes);
	assert_true(info.p.degraded);
	pb_run(pb, 20000);
	pb_events(pb);
	assert_int_equal(pb->events[ENG_EV_SERVER_SWEPT], 1);
	assert_int_equal(pb->events[ENG_EV_VAI_LOSSY], 1);
	bed_info(names[0], &info);
	assert_true(info.p.holes);		/* it had pages there */
	eng_mover_kick(pb->e, ENG_KICK_SERVER); /* all is counted once more */
	pb_run(pb, 5000);
	bed_info(names[1], &info);
	assert_false(info.p.holes || info.p.degraded); /* all have two copies again */
	end();
}

static void a_vai_without_pages_on_it_has_none_when_it_is_swept(void **state)
{
	struct eng_vai_info info;
	struct eng_err err;

	(void)state;
	begin(15);
	servers(2);
	vais_make();
	assert_int_equal(pb_write_now(pb, 0, 0, 1), 0);
	pb_run(pb, 100);
	{
		u32 gone = pb->e->servers->slot[0]->mapped ? 1 : 0;
		const char *name = gone ? "mem1" : "mem0";

		/* The other one has the page; give this one a page of the critical VAI alone. */
		assert_int_equal(pb_write_now(pb, 1, 0, 1), 0);
		pb_kill(pb, gone);
		assert_int_equal(eng_server_remove(pb->e, name, true, &err), 0);
	}
	bed_info(names[0], &info);
	assert_true(info.p.holes);
	pb_run(pb, 20000);
	bed_info(names[0], &info);
	assert_false(info.p.holes);
	end();
}

/*
 * Pages were short of copies when the engine ended: a single memory that is not there may have
 * had one that nobody else has. That all which is known has its copies does not change it.
 */
static void p8_a_thin_vai_stays_so_while_a_memory_is_missing(void **state)
{
	(void)state;
	begin(12);
	servers(3);
	vais_make();
	write_all(0);
	pb->node[2].cut = true;
	restart(3);
	pb->real[1]->thin = true; /* as engctl had saved */
	recovered();
	pb_run(pb, 20000);
	eng_mover_kick(pb->e, ENG_KICK_SERVER); /* all is counted once more */
	pb_run(pb, 5000);
	assert_int_equal(pb->real[1]->degraded, 0);
	assert_int_equal(status().awaited, 1);
	assert_true(pb->real[1]->thin);
	assert_int_equal(pb_wait(pb, pb_read(pb, 1, 1), NULL), -EIO);
	pb->node[2].cut = false;
	pb_run(pb, 20000);
	assert_int_equal(status().awaited, 0);
	assert_int_equal(pb->real[1]->degraded, 0);
	assert_false(pb->real[1]->thin);
	assert_int_equal(pb_wait(pb, pb_read(pb, 1, 1), NULL), 0);
	read_all(0);
	end();
}

static struct eng_server_info kept[3];

static void keep(void)
{
	struct eng_server_info info;
	u32 slot = 0;

	while (eng_server_get(pb->e, &slot, &info))
		kept[info.uuid[0] - 0xa0] = info;
}

/* The next life, told what was kept. Return: ns until clients are served. */
static u64 next_life(void)
{
	struct eng_config cfg = pb_config();
	u64 before;
	u32 i;

	cfg.epoch = ++epoch;
	pb_restart(pb, &cfg);
	adopt();
	for (i = 0; i < ARRAY_SIZE(kept); i++)
		assert_int_equal(eng_recover_expect(pb->e, &kept[i]), 0);
	for (i = 0; i < PB_VAIS; i++)
		assert_int_equal(vai_make(i, true, 0), 0);
	before = pb->now;
	recovered();
	keep();
	return pb->now - before;
}

static void critical_all(bool write)
{
	u32 p;

	for (p = 0; p < PAGES; p++)
		assert_int_equal(write ? pb_write_now(pb, 1, p, p) : pb_read_now(pb, 1, p, p), 0);
}

/* Dead, and all that it had is elsewhere: clients do not stand still for it, life after life. */
static void p10_a_server_that_was_gone_is_not_waited_for_long(void **state)
{
	u64 ns;

	(void)state;
	begin(16);
	servers(3);
	vais_make();
	critical_all(true);
	pb->node[2].cut = true;
	pb_run(pb, 2 * ENG_DEAD_MS);
	keep();
	assert_true(kept[2].state == ENG_SERVER_DEAD && kept[2].mapped && !kept[2].gone);
	pb_run(pb, 30000);
	keep();
	assert_true(kept[2].gone && !kept[0].gone && !kept[1].gone);
	ns = next_life();
	assert_true(ns >= ENG_DEAD_MS * NS_PER_MS && ns < ENG_RECOVER_MS * NS_PER_MS / 2);
	critical_all(false);
	pb_run(pb, 2 * ENG_DEAD_MS);
	keep();
	assert_true(kept[2].gone && kept[2].awaited);
	assert_true(next_life() < ENG_RECOVER_MS * NS_PER_MS / 2);
	/* It is missing, though: what nobody tells of may be there. */
	assert_int_equal(status().awaited, 1);
	assert_int_equal(pb_wait(pb, pb_read(pb, 0, 1), NULL), -EIO);
	pb->node[2].cut = false;
	pb_run(pb, 20000);
	keep();
	assert_false(kept[2].gone || kept[2].awaited);
	assert_int_equal(pb_wait(pb, pb_read(pb, 0, 1), NULL), 0);
	critical_all(false);
	end();
}

/* Dead with pages that only it has; or heard of again: for that one clients do wait. */
static void p8_a_server_that_may_have_pages_is_waited_for(void **state)
{
	(void)state;
	begin(17);
	servers(3);
	vais_make();
	write_all(0);
	pb->node[2].cut = true;
	pb_run(pb, 60000);
	keep();
	assert_true(kept[2].state == ENG_SERVER_DEAD && kept[2].mapped && !kept[2].gone);
	assert_true(next_life() >= ENG_RECOVER_MS * NS_PER_MS);
	/* not known to have nothing, but not heard of: the same again */
	pb_run(pb, 60000);
	keep();
	assert_true(!kept[2].mapped && !kept[2].gone);
	assert_true(next_life() >= ENG_RECOVER_MS * NS_PER_MS);
	pb->node[2].cut = false;
	pb_run(pb, 20000);
	assert_int_equal(status().awaited, 0);
	read_all(0);
	end();
}

/* An engine that has been told everything before anything is asked. */
static void servers_may_come_before_the_configuration(void **state)
{
	struct eng_config cfg = pb_config();

	(void)state;
	begin(8);
	servers(2);
	vais_make();
	write_all(0);
	cfg.epoch = 2;
	cfg.hold = true;
	pb_restart(pb, &cfg);
	adopt();
	pb_run(pb, 60000);
	assert_true(eng_recovering(pb->e));
	assert_int_equal(pb->e->stats.inventory_pages, 0);
	expect(0, 0);
	expect(1, 0);
	assert_int_equal(vai_make(0, true, 0), 0);
	assert_int_equal(vai_make(1, true, 0), 0);
	eng_recover_go(pb->e);
	recovered();
	assert_int_equal(pb->e->stats.inventory_unknown, 0);
	read_all(0);
	end();
}

static void p9_a_drain_goes_on_after_a_restart(void **state)
{
	struct eng_config cfg = pb_config();
	u32 i;

	(void)state;
	begin(12);
	servers(4);
	vais_make();
	write_all(0);
	assert_int_equal(eng_server_drain(pb->e, "mem1", true, NULL), 0);
	assert_int_equal(eng_server_drain(pb->e, "mem2", true, NULL), 0);
	assert_true(pb_info(pb, 1).drain_asked);
	assert_false(pb_info(pb, 0).drain_asked);
	pb_run(pb, 5);
	assert_true(pb_info(pb, 1).mapped > 0);
	cfg.epoch = 2;
	cfg.hold = true;
	pb_restart(pb, &cfg);
	adopt();
	for (i = 0; i < 4; i++)
		expect_server(i, 0, i == 1 || i == 2);
	assert_int_equal(vai_make(0, true, 0), 0);
	assert_int_equal(vai_make(1, true, 0), 0);
	eng_recover_go(pb->e);
	/* before it is there: it is not drained then */
	assert_int_equal(eng_server_drain(pb->e, "mem2", false, NULL), 0);
	recovered();
	assert_true(pb_info(pb, 1).drain_asked);
	assert_true(pb_info(pb, 1).drain_total > 0);
	assert_int_equal(pb_info(pb, 2).drain, ENG_DRAIN_NONE);
	pb_run(pb, 5000);
	assert_int_equal(pb_info(pb, 1).drain, ENG_DRAIN_DONE);
	assert_int_equal(pb_info(pb, 1).mapped, 0);
	assert_true(pb_info(pb, 2).mapped > 0);
	/* Ended in order, it is done with. */
	mem_leave(pb->node[1].m, pb->now);
	pb_run(pb, 500);
	assert_false(pb_info(pb, 1).drain_asked);
	pb_kill(pb, 1);
	read_all(0);
	end();
}

/* One that the file did not know, or one restored while the engine runs. */
static void a_vai_may_come_after_the_inventories(void **state)
{
	struct eng_config cfg = pb_config();

	(void)state;
	begin(9);
	servers(2);
	vais_make();
	write_all(0);
	cfg.epoch = 2;
	pb_restart(pb, &cfg);
	adopt();
	pb_run(pb, 10000);
	assert_false(eng_recovering(pb->e));
	assert_int_equal(status().unknown_vais, 2);
	assert_int_equal(vai_make(0, true, 0), 0);
	assert_int_equal(vai_make(1, true, 0), 0);
	assert_true(eng_recovering(pb->e));
	recovered();
	read_all(0);
	assert_int_equal(status().unknown_vais, 0);
	end();
}

/* More pages become stale while a server is away than are remembered one by one. */
static void discards_that_were_not_remembered_are_found(void **state)
{
	enum { N = ENG_DISCARDS_MAX + 1500 };
	struct eng_vai_params p = {.name = "big", .size = N * ANM_PAGE_SIZE};
	struct mem_status st;
	struct eng_err err;
	struct pb_io *io[64];
	u32 round, i, j;

	(void)state;
	begin(10);
	pb_server(pb, 0, N, 9000);
	pb_join_all(pb);
	p.client = bed.from.addr;
	assert_int_equal(eng_vai_add(pb->e, &p, &err), 0);
	pb->real[0] = &eng_vai_by_name(pb->e, "big", 3)->vai;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < N; i += j) {
			for (j = 0; j < ARRAY_SIZE(io) && i + j < N; j++)
				io[j] = pb_write(pb, 0, i + j, 0, ANM_PAGE_SIZE, round * N + i + j);
			while (j--)
				assert_int_equal(pb_wait(pb, io[j], NULL), 0);
			j = min((u32)ARRAY_SIZE(io), N - i);
		}
		if (round)
			break;
		pb->node[0].cut = true;
		pb_run(pb, 8000);
		pb_server(pb, 1, N, 9000);
		pb_join_all(pb);
	}
	assert_true(pb->e->stats.discards_dropped > 1000);
	pb->node[0].cut = false;
	pb_run(pb, 20000);
	mem_get_status(pb->node[0].m, &st, pb->now);
	assert_int_equal(st.used, 0);
	for (i = 0; i < N; i += 97)
		assert_int_equal(pb_read_now(pb, 0, i, N + i), 0);
	end();
}

#define TRIES_MAX 8

/** struct past - what a page was last acknowledged with, and what was tried since. */
struct past {
	u32 acked, ntried, tried[TRIES_MAX];
};

static void past_try(struct past *h, u32 salt)
{
	if (h->ntried < TRIES_MAX)
		h->tried[h->ntried++] = salt;
}

static void past_ack(struct past *h, u32 salt)
{
	h->acked = salt;
	h->ntried = 0;
}

/* What it reads as is from now on what it was acknowledged with. */
static void past_check(struct past *h, u32 v, u32 p, bool may_fail)
{
	u8 page[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE];
	int err = pb_wait(pb, pb_read(pb, v, p), page);
	u32 i;

	if (may_fail && err == -EIO)
		return;
	assert_int_equal(err, 0);
	if (!h->acked && !h->ntried)
		return;
	for (i = 0; i <= h->ntried; i++) {
		u32 salt = i < h->ntried ? h->tried[i] : h->acked;

		memset(want, 0, sizeof(want));
		if (salt)
			pb_fill(want, salt);
		if (!memcmp(page, want, sizeof(page))) {
			past_ack(h, salt);
			return;
		}
	}
	/* page 0 that was never written is a swap header */
	assert_true(!h->acked && !p);
	h->ntried = 0;
}

static void crash(struct past past[PB_VAIS][PB_PAGES], u32 n, u32 *salt)
{
	struct pb_io *io[PB_PAGES];
	u32 v, p, i;

	for (i = 0; i < 60; i++) {
		struct past *h;

		v = pb_rand(pb, PB_VAIS);
		p = pb_rand(pb, n);
		h = &past[v][p];
		if (!pb_write_now(pb, v, p, ++*salt))
			past_ack(h, *salt);
		else
			past_try(h, *salt);
	}
	/* these are in flight when it dies */
	v = pb_rand(pb, PB_VAIS);
	for (p = 0; p < n; p++) {
		io[p] = pb_write(pb, v, p, 0, ANM_PAGE_SIZE, ++*salt);
		past_try(&past[v][p], *salt);
	}
	pb_run(pb, pb_rand(pb, 3));
	restart(3);
	for (p = 0; p < n; p++) {
		assert_true(io[p]->done); /* the engine's end is one */
		if (!io[p]->err)
			past_ack(&past[v][p], *salt - n + 1 + p);
		free(io[p]);
	}
}

/*
 * Crashes at any moment, on a bad network. After each a page reads as its last
 * acknowledged write, or as one that was in flight when the engine died.
 */
static void p1_p9_crashes_under_load(void **state)
{
	static struct past past[PB_VAIS][PB_PAGES];
	u32 life, i, n = 48, salt = 1;
	u64 seed;

	(void)state;
	for (seed = 20; seed < 24; seed++) {
		begin(seed);
		servers(3);
		vais_make();
		memset(past, 0, sizeof(past));
		pb->loss = 20;
		pb->dup = 20;
		pb->reorder = 50;
		for (life = 0; life < 6; life++) {
			crash(past, n, &salt);
			recovered();
			for (i = 0; i < PB_VAIS * n; i++)
				past_check(&past[i / n][i % n], i / n, i % n, false);
		}
		end();
	}
}

/*
 * The same with one server out of reach, from before a crash until after the recovery that
 * does without it, with clients at work meanwhile.
 */
static void p1_p8_p9_crashes_with_a_server_away(void **state)
{
	static struct past past[PB_VAIS][PB_PAGES];
	u32 life, i, n = 48, salt = 1, errors = 0;
	u64 seed;

	(void)state;
	for (seed = 30; seed < 34; seed++) {
		begin(seed);
		servers(3);
		vais_make();
		memset(past, 0, sizeof(past));
		pb->loss = 5;
		pb->dup = 20;
		pb->reorder = 50;
		for (life = 0; life < 5; life++) {
			struct pb_node *away = &pb->node[pb_rand(pb, 3)];

			away->cut = true;
			crash(past, n, &salt);
			recovered();
			for (i = 0; i < PB_VAIS * n; i++)
				past_check(&past[i / n][i % n], i / n, i % n, i < n);
			errors += pb->e->stats.reads_unknown;
			for (i = 0; i < 40; i++) {
				u32 v = pb_rand(pb, PB_VAIS), p = pb_rand(pb, n);

				if (!pb_write_now(pb, v, p, ++salt))
					past_ack(&past[v][p], salt);
				else
					past_try(&past[v][p], salt);
			}
			away->cut = false;
			pb_run(pb, 15000);
			assert_int_equal(status().awaited, 0);
			for (i = 0; i < PB_VAIS * n; i++)
				past_check(&past[i / n][i % n], i / n, i % n, false);
		}
		end();
	}
	assert_true(errors);
}

/* With no VAI of before there is nothing to wait for. */
static void nobody_waits_for_servers_alone(void **state)
{
	struct eng_config cfg = pb_config();

	(void)state;
	begin(11);
	cfg.epoch = 2;
	cfg.hold = true;
	pb_restart(pb, &cfg);
	adopt();
	expect(0, 1);
	expect(1, 2);
	assert_true(eng_recovering(pb->e));
	eng_recover_go(pb->e);
	pb_run(pb, 100);
	assert_false(eng_recovering(pb->e));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p9_restart_keeps_every_page),
		cmocka_unit_test(p3_versions_are_above_all_that_were_seen),
		cmocka_unit_test(p1_nobody_is_told_anything_meanwhile),
		cmocka_unit_test(p8_a_thin_vai_stays_so_while_a_memory_is_missing),
		cmocka_unit_test(p10_a_server_that_was_gone_is_not_waited_for_long),
		cmocka_unit_test(p8_a_server_that_may_have_pages_is_waited_for),
		cmocka_unit_test(p8_what_a_missing_server_may_have_is_unknown),
		cmocka_unit_test(p8_a_memory_that_came_back_empty_leaves_holes),
		cmocka_unit_test(p8_a_late_hello_of_another_memory_loses_nothing),
		cmocka_unit_test(p8_a_server_removed_before_it_told_leaves_holes_at_once),
		cmocka_unit_test(p8_a_server_removed_with_pages_leaves_holes_until_swept),
		cmocka_unit_test(a_vai_without_pages_on_it_has_none_when_it_is_swept),
		cmocka_unit_test(servers_may_come_before_the_configuration),
		cmocka_unit_test(p9_a_drain_goes_on_after_a_restart),
		cmocka_unit_test(a_vai_may_come_after_the_inventories),
		cmocka_unit_test(discards_that_were_not_remembered_are_found),
		cmocka_unit_test(p1_p9_crashes_under_load),
		cmocka_unit_test(p1_p8_p9_crashes_with_a_server_away),
		cmocka_unit_test(nobody_waits_for_servers_alone),
	};

	anm_warn_fatal = true;
	return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
