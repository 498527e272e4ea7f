// SPDX-License-Identifier: GPL-2.0-only
/*
 * A WRITE that reached one of two servers: the copy of before stays until the new one is on
 * two, and is the page again when the new one is gone first; but what was read is never unread.
 */
#include "recover_bed.h"
#include "../../engine/core/elder.h"

enum { N = 20, CRITICAL = 1 };

static struct map_entry *entry(u32 page_no)
{
	return map_entry(pb->e->map, map_find(pb->e->map, pb->real[CRITICAL]->slot, page_no));
}

static u16 slot(u32 node)
{
	return pb_info(pb, node).slot;
}

/* Pages are named as often as the servers' counters say. */
static void counts_agree(void)
{
	u32 mapped[ENG_SERVERS_MAX] = {0}, cursor = 0, budget = U32_MAX, idx, i;

	while ((idx = map_scan(pb->e->map, &cursor, &budget)) != ENG_MAP_NONE)
		for (i = 0; i < ENG_COPIES_MAX; i++)
			if (map_server(map_entry(pb->e->map, idx), i) != ENG_SLOT_NONE)
				mapped[map_server(map_entry(pb->e->map, idx), i)]++;
	for (i = 0; i < pb->e->servers->nslots; i++)
		if (pb->e->servers->slot[i])
			assert_int_equal(pb->e->servers->slot[i]->mapped, mapped[i]);
}

/* All pages of the VAI are acknowledged with @salt, then written anew, which node 1 alone gets. */
static void half_write(u32 salt)
{
	struct pb_io *io[N];
	u32 i;

	for (i = 0; i < N; i++)
		assert_int_equal(pb_write_now(pb, CRITICAL, i, salt + i), 0);
	pb->node[0].cut = true;
	for (i = 0; i < N; i++)
		io[i] = pb_write(pb, CRITICAL, i, 0, ANM_PAGE_SIZE, 1000 + salt + i);
	pb_run(pb, 50);
	restart(2);
	for (i = 0; i < N; i++) {
		assert_int_equal(io[i]->err, -EIO);
		free(io[i]);
	}
	pb->node[0].cut = false;
}

/* A new engine has heard of both servers, and nothing was moved yet. */
static void crashed(u64 seed)
{
	u32 i;

	begin(seed);
	/* In parts from one server, as a whole from the other. */
	pb_server(pb, 0, 2000, 1500);
	pb_server(pb, 1, 2000, 9000);
	pb_join_all(pb);
	vais_make();
	half_write(1);
	for (i = 0; i < 5000 && status().awaited; i++)
		pb_run(pb, 1);
	assert_true(eng_recovering(pb->e));
	for (i = 0; i < N; i++) {
		assert_int_equal(map_server(entry(i), 0), slot(1));
		assert_int_equal(map_elder(entry(i)), slot(0));
		assert_true(entry(i)->vai_flags & MAP_DEGRADED);
	}
	assert_int_equal(pb->real[CRITICAL]->degraded, N);
	counts_agree();
}

static void reads_as(u32 salt, int err)
{
	u32 i;

	for (i = 0; i < N; i++)
		assert_int_equal(pb_read_now(pb, CRITICAL, i, salt + i), err);
}

static void whole(void)
{
	u32 i;

	for (i = 0; i < N; i++) {
		assert_int_equal(map_elder(entry(i)), ENG_SLOT_NONE);
		assert_int_equal(entry(i)->vai_flags & MAP_DEGRADED, 0);
	}
	assert_int_equal(pb->real[CRITICAL]->degraded, 0);
	counts_agree();
}

static void p9_what_was_acknowledged_outlives_the_half_written(void **state)
{
	(void)state;
	crashed(1);
	pb_kill(pb, 1);
	recovered();
	pb_run(pb, 6000);
	reads_as(1, 0);
	counts_agree();
	/* and is on two servers as soon as there are two */
	pb_server(pb, 2, 2000, 9000);
	pb_run(pb, 6000);
	whole();
	pb_kill(pb, 0);
	pb_run(pb, 6000);
	reads_as(1, 0);
	end();
}

/* Nobody reads it, so repair has to find out. */
static void p9_repair_takes_the_copy_before(void **state)
{
	(void)state;
	crashed(2);
	pb->e->cfg.repair_after_ms = 1000;
	pb_kill(pb, 1);
	recovered();
	pb_server(pb, 2, 2000, 9000);
	pb_run(pb, 15000);
	whole();
	pb_kill(pb, 0);
	pb_run(pb, 6000);
	reads_as(1, 0);
	end();
}

/* Its server comes back empty at once, so that nothing but its new memory tells. */
static void p9_a_new_memory_takes_the_half_written_along(void **state)
{
	(void)state;
	crashed(3);
	pb_kill(pb, 1);
	recovered();
	pb_server(pb, 1, 2000, 9000);
	pb_run(pb, 8000);
	reads_as(1, 0);
	whole();
	end();
}

static void p9_repair_stores_over_the_copy_before(void **state)
{
	u32 i;

	(void)state;
	crashed(4);
	recovered();
	pb_run(pb, 3000);
	whole();
	for (i = 0; i < N; i++)
		assert_true(entry_holds(entry(i), slot(0)) && entry_holds(entry(i), slot(1)));
	assert_int_equal(pb->e->stats.pages_moved, N);
	assert_int_equal(pb_info(pb, 0).used, N);
	pb_kill(pb, 1);
	pb_run(pb, 6000);
	reads_as(1001, 0);
	end();
}

/* There may be another copy of what was half written, so it may have been acknowledged. */
static void p8_a_missing_server_may_have_what_was_acknowledged(void **state)
{
	struct pb_node *away;

	(void)state;
	begin(5);
	servers(3);
	vais_make();
	away = &pb->node[2];
	away->cut = true;
	pb_run(pb, 6000);
	half_write(1);
	expect(2, 0);
	recovered();
	pb_kill(pb, 1);
	pb_run(pb, 6000);
	assert_int_equal(status().awaited, 1);
	reads_as(1, -EIO);
	away->cut = false;
	pb_run(pb, 6000);
	assert_int_equal(status().awaited, 0);
	reads_as(1, 0);
	end();
}

/* As above, but it has lost its memory. */
static void p8_a_lost_memory_may_have_had_what_was_acknowledged(void **state)
{
	(void)state;
	begin(6);
	servers(3);
	vais_make();
	pb_kill(pb, 2);
	pb_run(pb, 6000);
	half_write(1);
	expect(2, 4711);
	pb_server(pb, 2, 2000, 9000);
	recovered();
	pb->e->cfg.move_rate = 1; /* almost none */
	pb_kill(pb, 1);
	pb_run(pb, 6000);
	assert_int_equal(pb_read_now(pb, CRITICAL, N - 1, 0), -EIO);
	end();
}

/* It is read before there are two copies. */
static void read_before_repair(bool share)
{
	u64 version;

	crashed(7);
	pb->share = share;
	pb->e->cfg.move_rate = 1;
	recovered();
	version = map_version(entry(N - 1));
	assert_int_equal(map_elder(entry(N - 1)), slot(0));
	reads_as(1001, 0);
	assert_true(map_version(entry(N - 1)) > version);
	assert_int_equal(pb->shared != 0, share);
	whole();
	pb_kill(pb, 1);
	pb_run(pb, 6000);
	reads_as(1001, 0);
	end();
}

static void p1_what_was_read_of_the_half_written_stays(void **state)
{
	(void)state;
	read_before_repair(false);
}

/* What is written back was not copied when it came. */
static void p1_what_was_left_where_it_arrived_is_written_back(void **state)
{
	(void)state;
	read_before_repair(true);
}

/* There is nowhere to write it back to: it is answered, and nothing older ever again. */
static void p1_what_was_read_alone_stays_an_error(void **state)
{
	(void)state;
	crashed(8);
	pb->node[0].cut = true;
	recovered();
	pb_run(pb, 6000);
	reads_as(1001, 0);
	assert_int_equal(map_elder(entry(0)), ENG_SLOT_NONE);
	pb_kill(pb, 1);
	pb_run(pb, 6000);
	pb->node[0].cut = false;
	pb_run(pb, 6000);
	reads_as(1, -EIO);
	counts_agree();
	end();
}

/* It is written back over the copy before, and what it was read from is gone by then. */
static void p9_what_was_written_back_over_the_copy_before_stays(void **state)
{
	struct pb_io *io;

	(void)state;
	crashed(12);
	pb->e->cfg.move_rate = 1;
	recovered();
	pb->delay_ns = PB_MS(10);
	io = pb_read(pb, CRITICAL, N - 1);
	pb_run(pb, 25);
	assert_int_equal(map_elder(entry(N - 1)), slot(0));
	pb_kill(pb, 1);
	pb_run(pb, 6000);
	assert_int_equal(pb_wait(pb, io, NULL), 0);
	assert_int_equal(map_server(entry(N - 1), 0), slot(0));
	assert_int_equal(pb_read_now(pb, CRITICAL, N - 1, 1001 + N - 1), 0);
	counts_agree();
	pb_server(pb, 2, 2000, 9000);
	pb->e->cfg.move_rate = 1000;
	pb_run(pb, 6000);
	pb_kill(pb, 0);
	pb_run(pb, 6000);
	assert_int_equal(pb_read_now(pb, CRITICAL, N - 1, 1001 + N - 1), 0);
	end();
}

/* The same in an engine that lives: a WRITE fails for its client, and is read afterwards. */
static void p1_p9_what_was_read_of_a_failed_write_stays(void **state)
{
	u8 got[ANM_PAGE_SIZE], newer[ANM_PAGE_SIZE];
	u32 i, salt[N], n = 0;
	struct pb_io *io[N];

	(void)state;
	begin(9);
	servers(2);
	vais_make();
	for (i = 0; i < N; i++)
		assert_int_equal(pb_write_now(pb, CRITICAL, i, 1 + i), 0);
	pb->node[0].cut = true;
	for (i = 0; i < N; i++)
		io[i] = pb_write(pb, CRITICAL, i, 0, ANM_PAGE_SIZE, 1001 + i);
	for (i = 0; i < N; i++)
		assert_int_not_equal(pb_wait(pb, io[i], NULL), 0);
	pb->node[0].cut = false;
	pb_run(pb, 6000);
	/* mostly node 1 is asked, which has the newer version */
	for (i = 0; i < N; i++) {
		pb_silence(pb, 0);
		pb_run(pb, 60);
		assert_int_equal(pb_wait(pb, pb_read(pb, CRITICAL, i), got), 0);
		pb_fill(newer, 1001 + i);
		salt[i] = memcmp(got, newer, sizeof(got)) ? 1 + i : 1001 + i;
		n += salt[i] > 1000;
		counts_agree();
	}
	assert_true(n > N / 2);
	whole();
	pb_kill(pb, 1);
	pb_run(pb, 6000);
	for (i = 0; i < N; i++)
		assert_int_equal(pb_read_now(pb, CRITICAL, i, salt[i]), 0);
	end();
}

/* A partial WRITE over it, and one that fails. */
static void p1_writes_replace_both(void **state)
{
	u8 want[ANM_PAGE_SIZE], over[ANM_PAGE_SIZE], got[ANM_PAGE_SIZE];

	(void)state;
	crashed(10);
	pb->e->cfg.move_rate = 1;
	recovered();
	assert_int_equal(pb_wait(pb, pb_write(pb, CRITICAL, N - 1, 100, 200, 77), NULL), 0);
	assert_int_equal(map_elder(entry(N - 1)), ENG_SLOT_NONE);
	pb_fill(want, 1001 + N - 1);
	pb_fill(over, 77);
	memcpy(want + 100, over + 100, 200);
	assert_int_equal(pb_write_now(pb, CRITICAL, N - 2, 5), 0);
	counts_agree();
	pb_kill(pb, 1);
	pb_run(pb, 6000);
	assert_int_equal(pb_wait(pb, pb_read(pb, CRITICAL, N - 1), got), 0);
	assert_memory_equal(got, want, sizeof(want));
	assert_int_equal(pb_read_now(pb, CRITICAL, N - 2, 5), 0);
	end();
}

/* Its server is to go: it goes, with the copy before. */
static void p9_a_drain_does_not_wait_for_the_copy_before(void **state)
{
	(void)state;
	crashed(11);
	pb_server(pb, 2, 2000, 9000);
	pb_server(pb, 3, 2000, 9000);
	pb_run(pb, 500);
	recovered();
	assert_int_equal(eng_server_drain(pb->e, "mem0", true, NULL), 0);
	pb_run(pb, 6000);
	assert_int_equal(pb_info(pb, 0).drain, ENG_DRAIN_DONE);
	assert_int_equal(pb_info(pb, 0).mapped, 0);
	whole();
	pb_kill(pb, 0);
	reads_as(1001, 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p9_what_was_acknowledged_outlives_the_half_written),
		cmocka_unit_test(p9_repair_takes_the_copy_before),
		cmocka_unit_test(p9_a_new_memory_takes_the_half_written_along),
		cmocka_unit_test(p9_repair_stores_over_the_copy_before),
		cmocka_unit_test(p8_a_missing_server_may_have_what_was_acknowledged),
		cmocka_unit_test(p8_a_lost_memory_may_have_had_what_was_acknowledged),
		cmocka_unit_test(p1_what_was_read_of_the_half_written_stays),
		cmocka_unit_test(p1_what_was_left_where_it_arrived_is_written_back),
		cmocka_unit_test(p1_what_was_read_alone_stays_an_error),
		cmocka_unit_test(p9_what_was_written_back_over_the_copy_before_stays),
		cmocka_unit_test(p1_p9_what_was_read_of_a_failed_write_stays),
		cmocka_unit_test(p1_writes_replace_both),
		cmocka_unit_test(p9_a_drain_does_not_wait_for_the_copy_before),
	};

	anm_warn_fatal = true;
	return cmocka_run_group_tests_name("elder", tests, NULL, NULL);
}
