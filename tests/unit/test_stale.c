// SPDX-License-Identifier: GPL-2.0-only
/* Copies that a server could not be told to forget, and what the next life makes of them. */
#include "recover_bed.h"

static struct eng_server_info kept[2];

static void keep(void)
{
	struct eng_server_info info;
	u32 slot = 0;

	while (eng_server_get(pb->e, &slot, &info))
		kept[info.uuid[0] & 1] = info;
}

static u32 holder(u32 page_no)
{
	const struct map_entry *me =
		map_entry(pb->e->map, map_find(pb->e->map, pb->real[0]->slot, page_no));

	return pb_info(pb, 0).slot == map_server(me, 0) ? 0 : 1;
}

/* Two servers, and pages of the normal VAI that only the second has; the first ones of them. */
static void two_servers(u64 seed, u32 page[2])
{
	u32 p, n = 0;

	begin(seed);
	servers(2);
	vais_make();
	write_all(0);
	for (p = 0; p < PAGES && n < 2; p += 3)
		if (holder(p) == 1)
			page[n++] = p;
	assert_int_equal(n, 2);
	pb_events(pb);
}

/* A page of the second server is overwritten while it cannot be reached. */
static void overwrite_unseen(u32 page_no)
{
	pb->node[1].cut = true;
	assert_int_equal(pb_write_now(pb, 0, page_no, 5000), 0);
	assert_int_equal(holder(page_no), 0);
	pb_events(pb);
	assert_int_equal(pb->events[ENG_EV_SERVER_BEHIND], 1);
	keep();
	assert_int_equal(kept[0].stale_below, 0);
	assert_true(kept[1].stale_below > 0);
}

/* Another engine, that is told what was kept. */
static void next_life(void)
{
	struct eng_config cfg = pb_config();
	u32 i;

	cfg.epoch = ++epoch;
	pb_restart(pb, &cfg);
	adopt();
	for (i = 0; i < ARRAY_SIZE(kept); i++)
		assert_int_equal(eng_recover_expect(pb->e, &kept[i]), 0);
	for (i = 0; i < PB_VAIS; i++)
		assert_int_equal(vai_make(i, true, 0), 0);
}

/* The next life, with the second server alone, which has the first page as it was before. */
static void behind_alone(u64 seed, u32 page[2])
{
	two_servers(seed, page);
	overwrite_unseen(page[0]);
	pb->node[1].cut = false;
	pb->node[0].cut = true;
	next_life();
	recovered();
}

static void a_server_that_can_be_told_is_current_again(void **state)
{
	u32 page[2];

	(void)state;
	two_servers(1, page);
	overwrite_unseen(page[0]);
	pb->node[1].cut = false;
	pb_run(pb, 20000);
	pb_events(pb);
	assert_int_equal(pb->events[ENG_EV_SERVER_CURRENT], 1);
	assert_int_equal(pb_info(pb, 1).stale_below, 0);
	/* One that is only slow to be told is not worth an event. */
	assert_int_equal(pb_write_now(pb, 0, page[1], 6000), 0);
	pb_run(pb, 100);
	pb_events(pb);
	assert_int_equal(pb->events[ENG_EV_SERVER_BEHIND], 1);
	end();
}

static void p1_an_old_copy_is_no_answer_while_others_are_missing(void **state)
{
	u32 page[2];

	(void)state;
	behind_alone(2, page);
	assert_int_equal(status().awaited, 1);
	assert_int_equal(pb_read_now(pb, 0, page[0], 0), -EIO);
	/* Nobody can say which of its pages are old. Nor are they lost: the other one will tell. */
	assert_int_equal(pb_read_now(pb, 0, page[1], page[1]), -EIO);
	pb_run(pb, 20000);
	assert_int_equal(pb->real[0]->lost, 0);
	/* What is written now is in no doubt. */
	assert_int_equal(pb_write_now(pb, 0, page[1], 7000), 0);
	assert_int_equal(pb_read_now(pb, 0, page[1], 7000), 0);
	pb->node[0].cut = false;
	pb_run(pb, 20000);
	assert_int_equal(status().awaited, 0);
	assert_int_equal(pb_read_now(pb, 0, page[0], 5000), 0);
	assert_int_equal(pb_read_now(pb, 0, page[1], 7000), 0);
	assert_int_equal(pb_info(pb, 1).stale_below, 0);
	end();
}

/* It stays so over as many lives as it takes. */
static void p1_what_is_out_of_date_is_kept_again(void **state)
{
	u32 page[2];

	(void)state;
	behind_alone(3, page);
	pb_run(pb, 20000);
	keep();
	assert_true(kept[1].stale_below > 0);
	next_life();
	recovered();
	assert_int_equal(pb_read_now(pb, 0, page[0], 0), -EIO);
	end();
}

static void p8_an_old_copy_is_lost_with_the_newer_one(void **state)
{
	struct eng_vai_info info;
	struct eng_err err;
	u32 page[2];

	(void)state;
	behind_alone(4, page);
	assert_int_equal(eng_server_remove(pb->e, "mem0", false, &err), -EBUSY);
	assert_int_equal(eng_server_remove(pb->e, "mem0", true, &err), 0);
	pb_run(pb, 20000);
	assert_int_equal(pb_read_now(pb, 0, page[0], 0), -EIO);
	assert_int_equal(pb_read_now(pb, 0, page[1], page[1]), -EIO);
	assert_int_equal(pb->real[0]->lost, 2);
	bed_info(names[0], &info);
	assert_true(info.p.holes);
	/* The server has forgotten them, so the next life does not hear of them. */
	assert_int_equal(pb_info(pb, 1).stale_below, 0);
	/* A critical page was on both, in one version. */
	assert_int_equal(pb_read_now(pb, 1, 3, PAGES + 3), 0);
	assert_int_equal(pb_write_now(pb, 0, page[0], 8000), 0);
	assert_int_equal(pb_read_now(pb, 0, page[0], 8000), 0);
	end();
}

/* Removed by mistake it comes back, and is no better than it was. */
static void p1_a_server_that_was_removed_is_no_better_for_it(void **state)
{
	struct eng_err err;
	u32 page[2];

	(void)state;
	two_servers(5, page);
	overwrite_unseen(page[0]);
	pb->node[0].cut = true;
	next_life();
	recovered();
	assert_int_equal(eng_server_remove(pb->e, "mem1", true, &err), 0);
	pb->node[1].cut = false;
	pb_run(pb, 20000);
	assert_int_equal(pb_read_now(pb, 0, page[0], 0), -EIO);
	pb->node[0].cut = false;
	pb_run(pb, 20000);
	assert_int_equal(pb_read_now(pb, 0, page[0], 5000), 0);
	end();
}

static struct eng_server *server(u32 node)
{
	return pb->e->servers->slot[pb_info(pb, node).slot];
}

/* What it was to forget was forgotten here, so it tells of it once more. */
static void p1_told_again_it_is_no_better(void **state)
{
	struct eng_err err;
	u32 page[2], i;

	(void)state;
	behind_alone(6, page);
	assert_int_equal(eng_server_remove(pb->e, "mem0", true, &err), 0);
	for (i = 0; i < 5000 && !server(1)->ndiscards; i++)
		pb_run(pb, 1);
	assert_true(server(1)->ndiscards);
	eng_discard_clear(pb->e, server(1));
	eng_recover_again(server(1));
	pb_run(pb, 20000);
	assert_true(server(1)->inventoried);
	assert_int_equal(pb_read_now(pb, 0, page[0], 0), -EIO);
	assert_int_equal(pb_read_now(pb, 0, page[1], page[1]), -EIO);
	end();
}

/* Nobody knew what it had, so nobody had anything to tell it. */
static void p1_a_server_that_was_away_for_a_life_is_behind(void **state)
{
	u32 page[2];

	(void)state;
	two_servers(7, page);
	keep();
	pb->node[1].cut = true;
	next_life();
	recovered();
	assert_int_equal(pb_write_now(pb, 0, page[0], 5000), 0);
	keep();
	assert_true(kept[1].stale_below > 0);
	pb->node[1].cut = false;
	pb->node[0].cut = true;
	next_life();
	recovered();
	assert_int_equal(pb_read_now(pb, 0, page[0], 0), -EIO);
	pb->node[0].cut = false;
	pb_run(pb, 20000);
	assert_int_equal(pb_read_now(pb, 0, page[0], 5000), 0);
	assert_int_equal(pb_info(pb, 1).stale_below, 0);
	end();
}

/* What it has of later versions than those that were noted it may yet miss the end of. */
static void p1_a_note_of_before_is_raised(void **state)
{
	u32 page[2];
	u64 version;

	(void)state;
	two_servers(8, page);
	keep();
	kept[1].stale_below = 1;
	next_life();
	expect(2, 0); /* it does not come, so the note stays */
	recovered();
	assert_int_equal(pb_info(pb, 1).stale_below, 1);
	version = pb->e->version_next;
	pb->node[1].cut = true;
	assert_int_equal(pb_write_now(pb, 0, page[0], 5000), 0);
	assert_true(pb_info(pb, 1).stale_below >= version);
	end();
}

static void p1_a_discard_that_is_not_remembered_is_found_again(void **state)
{
	struct amp_key key = {.client = 1};
	u32 page[2];

	(void)state;
	two_servers(9, page);
	assert_true(server(1)->inventoried);
	anm_fail_after = 0;
	eng_discard_page(pb->e, server(1)->slot, &key, 5);
	anm_fail_after = -1;
	assert_false(server(1)->inventoried);
	pb_run(pb, 1000);
	assert_true(server(1)->inventoried);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_that_can_be_told_is_current_again),
		cmocka_unit_test(p1_an_old_copy_is_no_answer_while_others_are_missing),
		cmocka_unit_test(p1_what_is_out_of_date_is_kept_again),
		cmocka_unit_test(p1_a_server_that_was_removed_is_no_better_for_it),
		cmocka_unit_test(p1_told_again_it_is_no_better),
		cmocka_unit_test(p1_a_server_that_was_away_for_a_life_is_behind),
		cmocka_unit_test(p1_a_note_of_before_is_raised),
		cmocka_unit_test(p1_a_discard_that_is_not_remembered_is_found_again),
		cmocka_unit_test(p8_an_old_copy_is_lost_with_the_newer_one),
	};

	anm_warn_fatal = true;
	return cmocka_run_group_tests_name("stale", tests, NULL, NULL);
}
