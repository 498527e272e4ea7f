// SPDX-License-Identifier: GPL-2.0-only
/* Copies made anew after a death: which, when, and what a client sees of it. */
#include "page_bed.h"
#include "../../engine/core/exports.h"

static struct pb *bed(u32 servers, u8 class, u32 pages)
{
	struct pb *b = pb_new(7);
	u32 i;

	b->e->cfg.repair_after_ms = 1000;
	for (i = 0; i < servers; i++)
		pb_server(b, i, 2000, 9000);
	pb_join_all(b);
	pb_vai(b, 0, class, pages);
	return b;
}

/* Every page has its copies, on different live servers, and the counts agree. */
static void whole(struct pb *b)
{
	u64 mapped[PB_NODES] = {0};
	u32 cursor = 0, budget = U32_MAX, idx, i;

	while ((idx = map_scan(b->e->map, &cursor, &budget)) != ENG_MAP_NONE) {
		const struct map_entry *me = map_entry(b->e->map, idx);

		assert_int_equal(me->vai_flags & MAP_DEGRADED, 0);
		assert_true(map_server(me, 0) != map_server(me, 1));
		for (i = 0; i < b->real[0]->copies; i++) {
			u16 slot = map_server(me, 0) == ENG_SLOT_NONE ? map_server(me, 1)
								      : map_server(me, i);

			assert_true(eng_server_usable(eng_server_at(b->e, slot)));
			mapped[slot]++;
		}
	}
	for (i = 0; i < PB_NODES; i++)
		if (eng_server_usable(eng_server_at(b->e, (u16)i)))
			assert_int_equal(eng_server_at(b->e, (u16)i)->mapped, mapped[i]);
	assert_int_equal(b->real[0]->degraded, 0);
	assert_int_equal(b->real[0]->in_flight, 0);
	assert_int_equal(b->e->pages_in_flight, 0);
}

static void p9_copies_are_made_anew_after_a_death(void **state)
{
	struct pb *b = bed(3, ENG_CLASS_CRITICAL, 300);

	pb_write_pages(b, 300, 1);
	pb_kill(b, 0);
	pb_run(b, 5500); /* dead, and not yet overdue */
	pb_events(b);
	assert_int_equal(b->events[ENG_EV_SERVER_DEAD], 1);
	assert_int_equal(b->events[ENG_EV_VAI_DEGRADED], 1);
	assert_int_equal(b->real[0]->degraded, 200);
	assert_int_equal(b->e->stats.pages_moved, 0);
	pb_run(b, 2500);
	whole(b);
	assert_int_equal(b->e->stats.pages_moved, 200);
	pb_events(b);
	assert_int_equal(b->events[ENG_EV_VAI_REPAIRED], 1);
	pb_kill(b, 1); /* the new copies are all there is of some */
	pb_read_pages(b, 300, 1);
	pb_run(b, 20000);
	pb_events(b);
	assert_int_equal(b->events[ENG_EV_VAI_DEGRADED], 2);
	assert_int_equal(b->events[ENG_EV_VAI_REPAIRED], 1);
	assert_int_equal(b->events[ENG_EV_SERVER_DEAD], 2);
	assert_int_equal(b->real[0]->degraded, 300);
	assert_true(b->e->stats.moves_failed == 0 || b->e->stats.moves_failed < 300 * 6);
	pb_free(b);
}

static void p9_a_server_that_joins_takes_the_missing_copies(void **state)
{
	struct pb *b = bed(2, ENG_CLASS_CRITICAL, 300);

	pb_write_pages(b, 300, 1);
	pb_kill(b, 0);
	pb_run(b, 30000);
	assert_int_equal(b->real[0]->degraded, 300);
	pb_server(b, 3, 2000, 1500);
	pb_run(b, 3000);
	whole(b);
	pb_read_pages(b, 300, 1);
	pb_free(b);
}

/* What it missed meanwhile it must not serve; what is too many it forgets. */
static void p1_a_server_that_comes_back_has_no_say(void **state)
{
	struct pb *b = bed(3, ENG_CLASS_CRITICAL, 300);
	u64 moved;

	pb_write_pages(b, 300, 1);
	b->node[0].cut = true;
	pb_run(b, 5500);
	pb_write_pages(b, 100, 5000); /* onto the other two */
	pb_run(b, 3000);
	whole(b);
	moved = b->e->stats.pages_moved;
	assert_true(moved > 0);
	b->node[0].cut = false;
	pb_run(b, 6000);
	assert_int_equal(pb_info(b, 0).state, ENG_SERVER_LIVE);
	assert_int_equal(pb_info(b, 0).mapped, 0);
	assert_int_equal(pb_info(b, 0).used, 0);
	pb_read_pages(b, 100, 5000);
	assert_int_equal(b->e->stats.pages_moved, moved);
	whole(b);
	pb_free(b);
}

static void back_in_time_nothing_is_moved(void **state)
{
	struct pb *b = bed(3, ENG_CLASS_CRITICAL, 300);

	b->e->cfg.repair_after_ms = 60000;
	pb_write_pages(b, 300, 1);
	b->node[0].cut = true;
	pb_run(b, 8000);
	assert_int_equal(b->real[0]->degraded, 200);
	b->node[0].cut = false;
	pb_run(b, 6000);
	assert_int_equal(b->e->stats.pages_moved, 0);
	pb_events(b);
	assert_int_equal(b->events[ENG_EV_VAI_DEGRADED], 1);
	assert_int_equal(b->events[ENG_EV_VAI_REPAIRED], 1);
	whole(b);
	pb_read_pages(b, 300, 1);
	pb_free(b);
}

static void a_memory_that_is_lost_is_repaired_at_once(void **state)
{
	struct pb *b = bed(3, ENG_CLASS_CRITICAL, 300);

	b->e->cfg.repair_after_ms = 600000;
	pb_write_pages(b, 300, 1);
	pb_kill(b, 1);
	pb_server(b, 1, 2000, 9000); /* another boot */
	pb_run(b, 3000);
	whole(b);
	pb_read_pages(b, 300, 1);
	pb_free(b);
}

static void p8_what_is_lost_is_listed_and_stays_an_error(void **state)
{
	struct pb *b = bed(3, ENG_CLASS_NORMAL, 90);
	u32 cursor = 0, pages[128], n = 0, i;
	int k;

	pb_write_pages(b, 90, 1);
	pb_kill(b, 2);
	pb_server(b, 2, 2000, 9000);
	pb_run(b, 8000);
	while (cursor != U32_MAX) {
		k = eng_vai_pages(b->e, "real0", ENG_PAGES_LOST, &cursor, pages + n, 7);
		assert_true(k >= 0);
		n += (u32)k;
	}
	assert_int_equal(n, 30);
	assert_int_equal(b->real[0]->degraded, 30);
	for (i = 0; i < n; i++)
		assert_int_equal(pb_read_now(b, 0, pages[i], 0), -EIO);
	assert_int_equal(pb_write_now(b, 0, pages[0], 77), 0);
	assert_int_equal(b->real[0]->degraded, 29);
	assert_int_equal(pb_read_now(b, 0, pages[0], 77), 0);
	cursor = 0;
	assert_int_equal(eng_vai_pages(b->e, "nobody", 0, &cursor, pages, 7), -ENOENT);
	pb_free(b);
}

/* Writes and reads go on during the repair: the last acknowledged is what is read. */
static void p1_p2_writes_during_moves_win(void **state)
{
	struct pb *b = bed(4, ENG_CLASS_CRITICAL, 200);
	u32 seed[200], i, round, j;

	b->e->cfg.move_rate = 200;
	for (i = 0; i < 200; i++) {
		seed[i] = i + 1;
		assert_int_equal(pb_write_now(b, 0, i, seed[i]), 0);
	}
	pb_kill(b, 3);
	pb_run(b, 5800);
	for (round = 0; round < 300; round++) {
		struct pb_io *w[4];
		u32 p = pb_rand(b, 196);

		for (j = 0; j < 4; j++) {
			seed[p + j] = 1000 + round * 4 + j;
			w[j] = pb_write(b, 0, p + j, 0, ANM_PAGE_SIZE, seed[p + j]);
		}
		pb_run(b, pb_rand(b, 10));
		for (j = 0; j < 4; j++)
			assert_int_equal(pb_wait(b, w[j], NULL), 0);
		p = pb_rand(b, 200);
		assert_int_equal(pb_read_now(b, 0, p, seed[p]), 0);
	}
	pb_run(b, 3000);
	whole(b);
	assert_true(b->e->stats.pages_moved > 0);
	for (i = 0; i < 200; i++)
		assert_int_equal(pb_read_now(b, 0, i, seed[i]), 0);
	pb_free(b);
}

static void the_rate_is_kept(void **state)
{
	struct pb *b = bed(3, ENG_CLASS_CRITICAL, 300);

	b->e->cfg.move_rate = 50;
	pb_write_pages(b, 300, 1);
	pb_kill(b, 0);
	pb_run(b, 8000);
	assert_in_range(b->e->stats.pages_moved, 40, 110);
	pb_run(b, 4000);
	whole(b);
	pb_free(b);
}

/* Nobody answers PAGE_OUT: it may or may not be stored, and a client does not wait for that. */
static void p10_a_move_that_hangs_makes_way(void **state)
{
	struct pb *b = bed(2, ENG_CLASS_CRITICAL, 10);
	struct pb_io *w;
	u64 t;

	pb_write_pages(b, 1, 1);
	pb_kill(b, 0);
	pb_run(b, 8000);
	assert_int_equal(b->real[0]->degraded, 1);
	pb_play(b, 4, 2000, 9000); /* joins, and then says nothing */
	b->node[4].cut = false;
	pb_run(b, 200);
	assert_true(pb_inbox(b, 4, AMP_PAGE_OUT) > 0);
	t = b->now;
	w = pb_read(b, 0, 0);
	assert_int_equal(pb_wait(b, w, NULL), 0);
	assert_true(b->now - t < PB_MS(1000));
	assert_int_equal(b->e->stats.moves_yielded, 1);
	pb_inbox_clear(b);
	pb_run(b, 6000); /* now it is dead */
	pb_inbox_clear(b);
	pb_read_pages(b, 1, 1);
	pb_free(b);
}

/* The same for a VAI whose contents are given back: no client waits for a page, but for all of it. */
static void p10_a_move_that_hangs_makes_way_for_a_discard(void **state)
{
	struct pb *b = bed(2, ENG_CLASS_CRITICAL, 10);

	pb_write_pages(b, 1, 1);
	pb_kill(b, 0);
	pb_run(b, 8000);
	pb_play(b, 4, 2000, 9000);
	b->node[4].cut = false;
	pb_run(b, 200);
	assert_true(pb_inbox(b, 4, AMP_PAGE_OUT) > 0);
	assert_int_equal(eng_vai_discard(b->e, "real0", true, NULL), 0);
	pb_run(b, 1000);
	assert_int_equal(b->e->stats.moves_yielded, 1);
	assert_false(b->real[0]->emptying);
	pb_inbox_clear(b);
	pb_free(b);
}

/* Repair passes over a VAI while pages behind its new end are given back; it comes again. */
static void p9_what_a_cut_was_in_the_way_of_is_repaired(void **state)
{
	struct pb *b = bed(3, ENG_CLASS_CRITICAL, 300);
	struct pb_io *io[4];
	u32 i;

	pb_write_pages(b, 300, 1);
	pb_kill(b, 0);
	pb_run(b, 5900); /* dead, and not yet overdue */
	assert_int_equal(b->e->stats.pages_moved, 0);
	b->node[1].cut = true;
	for (i = 0; i < ARRAY_SIZE(io); i++)
		io[i] = pb_read(b, 0, i);
	assert_int_equal(eng_vai_resize(b->e, "real0", 200ull << ANM_PAGE_SHIFT, NULL), 0);
	pb_run(b, 1000);
	assert_true(b->real[0]->emptying);
	b->node[1].cut = false;
	for (i = 0; i < ARRAY_SIZE(io); i++)
		assert_int_equal(pb_wait(b, io[i], NULL), 0);
	pb_run(b, 5000);
	assert_false(b->real[0]->emptying);
	whole(b);
	pb_read_pages(b, 200, 1);
	pb_free(b);
}

/* Both copies have to go, and there is one place or two: never both to the same. */
static void p2_copies_that_move_together_part(void **state)
{
	u32 servers, idx, i;

	for (servers = 3; servers <= 4; servers++) {
		struct pb *b = bed(2, ENG_CLASS_CRITICAL, 100);
		u32 cursor = 0, budget = U32_MAX, left = 0;

		pb_write_pages(b, 100, 1);
		for (i = 2; i < servers; i++)
			pb_server(b, i, 2000, 9000);
		pb_join_all(b);
		/* asked for one by one, it would be refused with three */
		eng_server_at(b->e, 0)->drain_asked = true;
		eng_server_at(b->e, 1)->drain_asked = true;
		eng_mover_kick(b->e, ENG_KICK_SERVER);
		pb_run(b, 5000);
		while ((idx = map_scan(b->e->map, &cursor, &budget)) != ENG_MAP_NONE) {
			const struct map_entry *me = map_entry(b->e->map, idx);

			assert_true(map_server(me, 0) != ENG_SLOT_NONE);
			assert_true(map_server(me, 1) != ENG_SLOT_NONE);
			assert_true(map_server(me, 0) != map_server(me, 1));
			left += map_server(me, 0) < 2 || map_server(me, 1) < 2;
		}
		assert_int_equal(left, servers == 3 ? 100 : 0);
		pb_read_pages(b, 100, 1);
		pb_free(b);
	}
}

static void p9_the_target_dies_during_moves(void **state)
{
	struct pb *b = bed(4, ENG_CLASS_CRITICAL, 400);

	pb_write_pages(b, 400, 1);
	b->e->cfg.move_rate = 100;
	pb_kill(b, 0);
	pb_run(b, 7000); /* some way into it */
	pb_kill(b, 1);	 /* a target of some, a source of others */
	pb_run(b, 4000);
	b->e->cfg.move_rate = 10000;
	pb_run(b, 12000);
	assert_true(b->e->stats.pages_moved > 0);
	/* Those that had both copies on the two are lost; nobody else is. */
	pb_server(b, 0, 2000, 9000);
	pb_server(b, 1, 2000, 9000);
	pb_run(b, 6000);
	assert_int_equal(b->e->stats.outq_full, 0);
	{
		u32 cursor = 0, pages[512], i, k;
		int n = 0;

		while (cursor != U32_MAX)
			n += eng_vai_pages(b->e, "real0", ENG_PAGES_LOST, &cursor, pages + n,
					   (u32)(512 - n));
		for (i = 0; i < 400; i++) {
			for (k = 0; k < (u32)n && pages[k] != i; k++)
				;
			assert_int_equal(pb_read_now(b, 0, i, 1 + i), k < (u32)n ? -EIO : 0);
		}
		assert_in_range(n, 1, 199);
		assert_int_equal(b->real[0]->degraded, n);
	}
	pb_free(b);
}

static void p9_the_source_dies_during_moves(void **state)
{
	struct pb *b = bed(3, ENG_CLASS_CRITICAL, 200);

	pb_write_pages(b, 200, 1);
	b->e->cfg.move_rate = 100;
	b->node[0].cut = true;
	pb_run(b, 6800);
	b->node[1].cut = true; /* source or target of all moves */
	pb_run(b, 8000);
	b->node[0].cut = false;
	b->node[1].cut = false;
	b->e->cfg.move_rate = 10000;
	pb_run(b, 8000);
	whole(b);
	pb_read_pages(b, 200, 1);
	pb_free(b);
}

static void a_vai_is_deleted_during_moves(void **state)
{
	struct pb *b = bed(3, ENG_CLASS_CRITICAL, 300);
	u32 i;

	b->e->cfg.move_rate = 50;
	pb_write_pages(b, 300, 1);
	pb_kill(b, 0);
	pb_run(b, 7500);
	assert_int_equal(eng_vai_del(b->e, "real0", true, NULL), 0);
	pb_run(b, 4000);
	assert_null(eng_vai_at(b->e, 0));
	assert_int_equal(eng_map_entries(b->e), 0);
	for (i = 1; i < 3; i++) {
		assert_int_equal(pb_info(b, i).mapped, 0);
		assert_int_equal(pb_info(b, i).used, 0);
	}
	pb_free(b);
}

static void the_engine_ends_during_moves(void **state)
{
	struct pb *b = bed(3, ENG_CLASS_CRITICAL, 300);

	pb_write_pages(b, 300, 1);
	b->delay_ns = PB_MS(15);
	pb_kill(b, 0);
	pb_run(b, 5000);
	while (!b->e->stats.pages_moved)
		pb_run(b, 5);
	assert_true(b->e->pages_in_flight > 0);
	pb_free(b); /* frees all, says the bed */
}

static void a_shortage_is_tried_again_later(void **state)
{
	struct pb *b = bed(3, ENG_CLASS_CRITICAL, 300);
	u64 missed;

	pb_write_pages(b, 300, 1);
	pb_kill(b, 0);
	pb_run(b, 5900);
	anm_fail_after = 0; /* all of them: servers suffer, too */
	anm_fail_sticky = true;
	pb_run(b, 2000);
	anm_fail_after = -1;
	anm_fail_sticky = false;
	missed = b->e->stats.moves_failed + b->e->stats.no_memory;
	assert_true(missed < 300 * 4);
	pb_run(b, 20000);
	whole(b);
	pb_read_pages(b, 300, 1);
	pb_free(b);
}

/*
 * A page goes back to a server that was told to forget it, and the discard is late: the
 * page must survive it.
 */
static void p3_late_discards_spare_a_page_that_came_back(void **state)
{
	struct pb *b = bed(3, ENG_CLASS_NORMAL, 60);
	u32 i;

	for (i = 0; i < 20; i++) {
		b->reorder = 300;
		b->dup = 300;
		pb_write_pages(b, 60, i * 100);
		assert_int_equal(eng_server_drain(b->e, "mem0", true, NULL), 0);
		pb_run(b, 20 + pb_rand(b, 200));
		assert_int_equal(eng_server_drain(b->e, "mem0", false, NULL), 0);
		assert_int_equal(eng_server_drain(b->e, "mem1", true, NULL), 0);
		pb_run(b, 20 + pb_rand(b, 400));
		assert_int_equal(eng_server_drain(b->e, "mem1", false, NULL), 0);
		pb_read_pages(b, 60, i * 100);
	}
	b->reorder = 0;
	b->dup = 0;
	pb_run(b, 9000);
	pb_read_pages(b, 60, 1900);
	assert_int_equal(b->real[0]->lost, 0);
	whole(b);
	pb_free(b);
}

/* The same, but one copy stays where it is: it changes only once the page has got another. */
static void p9_a_copy_that_stays_changes_last(void **state)
{
	struct pb *b = pb_new(7);
	u8 page[ANM_PAGE_SIZE];
	u32 i, from, to = 2;
	struct amp_hdr h;
	struct pb_io *p;

	for (i = 0; i < 2; i++)
		pb_play(b, i, 1000, 9000);
	pb_vai(b, 0, ENG_CLASS_CRITICAL, 10);
	p = pb_write(b, 0, 5, 0, ANM_PAGE_SIZE, 1);
	pb_ack(b, 0, AMP_PAGE_OUT);
	pb_ack(b, 1, AMP_PAGE_OUT);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_play(b, to, 1000, 9000);
	assert_int_equal(eng_server_drain(b->e, "play0", true, NULL), 0);
	pb_run(b, 1000);
	from = pb_inbox(b, 0, AMP_PAGE_IN) ? 0 : 1;
	h = pb_hear(b, from, AMP_PAGE_IN, NULL);
	pb_fill(page, 1);
	pb_page(b, from, h, page, h.page_version);
	pb_nack(b, to, AMP_PAGE_OUT, AMP_E_STALE, h.page_version + 100);
	pb_run(b, 1);
	assert_int_equal(pb_inbox(b, 1, AMP_PAGE_OUT), 0);
	pb_ack(b, to, AMP_PAGE_OUT);
	pb_ack(b, 1, AMP_PAGE_OUT);
	pb_ack(b, 0, AMP_DISCARD);
	pb_run(b, 10);
	assert_int_equal(pb_info(b, 0).mapped, 0);
	assert_int_equal(pb_info(b, 1).mapped, 1);
	assert_int_equal(pb_info(b, to).mapped, 1);
	pb_free(b);
}

/* A WRITE that failed has left a newer version on the only server that there is to go to. */
static void p9_a_server_with_a_newer_copy_takes_the_page(void **state)
{
	struct pb *b = pb_new(7);
	u8 page[ANM_PAGE_SIZE];
	struct amp_hdr h;
	struct pb_io *p;
	u64 newer;
	u32 from;

	pb_play(b, 0, 1000, 9000);
	pb_play(b, 1, 1000, 9000);
	pb_vai(b, 0, ENG_CLASS_NORMAL, 10);
	p = pb_write(b, 0, 5, 0, ANM_PAGE_SIZE, 1);
	pb_run(b, 1);
	from = pb_inbox(b, 0, AMP_PAGE_OUT) ? 0 : 1;
	newer = pb_ack(b, from, AMP_PAGE_OUT).page_version + 100;
	assert_int_equal(pb_wait(b, p, NULL), 0);
	assert_int_equal(eng_server_drain(b->e, from ? "play1" : "play0", true, NULL), 0);
	pb_run(b, 1000);
	h = pb_hear(b, from, AMP_PAGE_IN, NULL);
	pb_fill(page, 1);
	pb_page(b, from, h, page, h.page_version);
	pb_nack(b, !from, AMP_PAGE_OUT, AMP_E_STALE, newer);
	h = pb_ack(b, !from, AMP_PAGE_OUT);
	assert_true(h.page_version > newer);
	pb_ack(b, from, AMP_DISCARD);
	pb_run(b, 10);
	assert_int_equal(pb_info(b, from).mapped, 0);
	assert_int_equal(pb_info(b, !from).mapped, 1);
	assert_int_equal(b->e->stats.moves_failed, 0);
	pb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p9_copies_are_made_anew_after_a_death),
		cmocka_unit_test(p9_a_server_that_joins_takes_the_missing_copies),
		cmocka_unit_test(p1_a_server_that_comes_back_has_no_say),
		cmocka_unit_test(back_in_time_nothing_is_moved),
		cmocka_unit_test(a_memory_that_is_lost_is_repaired_at_once),
		cmocka_unit_test(p8_what_is_lost_is_listed_and_stays_an_error),
		cmocka_unit_test(p1_p2_writes_during_moves_win),
		cmocka_unit_test(the_rate_is_kept),
		cmocka_unit_test(p10_a_move_that_hangs_makes_way),
		cmocka_unit_test(p10_a_move_that_hangs_makes_way_for_a_discard),
		cmocka_unit_test(p9_what_a_cut_was_in_the_way_of_is_repaired),
		cmocka_unit_test(p2_copies_that_move_together_part),
		cmocka_unit_test(p9_the_target_dies_during_moves),
		cmocka_unit_test(p9_the_source_dies_during_moves),
		cmocka_unit_test(a_vai_is_deleted_during_moves),
		cmocka_unit_test(the_engine_ends_during_moves),
		cmocka_unit_test(a_shortage_is_tried_again_later),
		cmocka_unit_test(p9_a_copy_that_stays_changes_last),
		cmocka_unit_test(p9_a_server_with_a_newer_copy_takes_the_page),
		cmocka_unit_test(p3_late_discards_spare_a_page_that_came_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
