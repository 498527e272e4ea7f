// SPDX-License-Identifier: GPL-2.0-only
/* Servers that are to go: drained, by the operator or of their own accord, and removed. */
#include "page_bed.h"
#include "../../engine/core/exports.h"

#define SRV 1000 /* pages that a server donates */

static struct eng_err err;
static struct pb *bed_zones(u32 servers, const char *const *zones)
{
	struct pb *b = pb_new(11);
	u32 i;

	for (i = 0; i < servers; i++) {
		b->node[i].zone = zones ? zones[i] : NULL;
		pb_server(b, i, SRV, 9000);
	}
	pb_join_all(b);
	return b;
}

static struct mem_status status(struct pb *b, u32 node)
{
	struct mem_status st;

	mem_get_status(b->node[node].m, &st, b->now);
	return st;
}

static void p9_a_drained_server_has_nothing_of_use(void **state)
{
	struct pb *b = bed_zones(3, NULL);

	pb_vai(b, 0, ENG_CLASS_NORMAL, 900);
	pb_write_pages(b, 600, 1);
	assert_in_range(pb_info(b, 1).mapped, 199, 201);
	assert_int_equal(eng_server_drain(b->e, "mem1", true, &err), 0);
	assert_int_equal(eng_server_drain(b->e, "mem1", true, &err), -EALREADY);
	assert_int_equal(pb_info(b, 1).drain, ENG_DRAIN_MOVING);
	pb_run(b, 3000);
	assert_int_equal(pb_info(b, 1).mapped, 0);
	assert_int_equal(pb_info(b, 1).drain, ENG_DRAIN_DONE);
	assert_int_equal(status(b, 1).used, 0);
	assert_int_equal(status(b, 1).drain, MEM_DRAIN_DONE);
	assert_false(status(b, 1).leaving);
	pb_run(b, 3000);
	pb_events(b);
	assert_int_equal(b->events[ENG_EV_SERVER_DRAINING], 1);
	assert_int_equal(b->events[ENG_EV_SERVER_DRAINED], 1);
	pb_kill(b, 1);
	pb_read_pages(b, 600, 1);
	assert_int_equal(eng_server_remove(b->e, "mem1", false, &err), -EBUSY);
	pb_run(b, 6000);
	assert_int_equal(eng_server_remove(b->e, "mem1", false, &err), 0);
	assert_int_equal(eng_server_remove(b->e, "mem1", false, &err), -ENOENT);
	pb_run(b, 200);
	assert_int_equal(eng_servers_count(b->e, false), 2);
	pb_free(b);
}

static void a_drain_is_refused_when_the_rest_cannot_hold_it(void **state)
{
	struct pb *b = bed_zones(3, NULL);

	pb_vai(b, 0, ENG_CLASS_NORMAL, 2 * SRV + 100);
	assert_int_equal(eng_server_drain(b->e, "mem0", true, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "400 KiB are missing"));
	assert_int_equal(eng_server_drain(b->e, "nobody", true, &err), -ENOENT);
	assert_int_equal(eng_server_drain(b->e, "mem0", false, &err), -EALREADY);
	pb_server(b, 3, 200, 1500);
	pb_join_all(b);
	/* By UUID; a second one would again be too many. */
	assert_int_equal(eng_server_drain(b->e, "a0a0a0a0-a0a0-a0a0-a0a0-a0a0a0a0a0a0", true, &err),
			 0);
	assert_int_equal(eng_server_drain(b->e, "mem3", true, &err), -ENOSPC);
	pb_free(b);
}

static void p4_no_room_is_promised_on_a_drained_server(void **state)
{
	struct pb *b = bed_zones(2, NULL);
	struct eng_vai_params p = {.name = "v", .size = (u64)(SRV + 1) << ANM_PAGE_SHIFT};

	p.client.b[15] = 1;
	assert_int_equal(eng_server_drain(b->e, "mem0", true, &err), 0);
	assert_int_equal(eng_vai_add(b->e, &p, &err), -ENOSPC);
	assert_int_equal(eng_server_drain(b->e, "mem0", false, &err), 0);
	assert_int_equal(eng_vai_add(b->e, &p, &err), 0);
	pb_free(b);
}

static void a_pair_needs_two_others(void **state)
{
	struct pb *b = bed_zones(3, NULL);

	pb_vai(b, 0, ENG_CLASS_CRITICAL, SRV);
	assert_int_equal(eng_server_drain(b->e, "mem0", true, &err), 0);
	assert_int_equal(eng_server_drain(b->e, "mem1", true, &err), -ENOSPC);
	pb_free(b);
}

static void zones_count_when_a_drain_is_asked_for(void **state)
{
	static const char *const zones[] = {"a", "a", "b"};
	struct pb *b = bed_zones(3, zones);

	pb_vai(b, 0, ENG_CLASS_CRITICAL, 300);
	pb_write_pages(b, 200, 1);
	assert_int_equal(pb_info(b, 2).mapped, 200); /* one copy of each */
	assert_int_equal(eng_server_drain(b->e, "mem2", true, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "zones"));
	assert_int_equal(eng_server_drain(b->e, "mem1", true, &err), 0);
	pb_run(b, 3000);
	assert_int_equal(pb_info(b, 1).drain, ENG_DRAIN_DONE);
	assert_int_equal(pb_info(b, 0).mapped, 200);
	pb_read_pages(b, 200, 1);
	pb_free(b);
}

static void p9_a_zone_that_dies_takes_no_page_with_it(void **state)
{
	static const char *const zones[] = {"a", "a", "b", "b", "c"};
	struct pb *b = bed_zones(5, zones);

	b->e->cfg.repair_after_ms = 500;
	pb_vai(b, 0, ENG_CLASS_CRITICAL, 400);
	pb_write_pages(b, 400, 1);
	pb_kill(b, 0);
	pb_kill(b, 1);
	pb_run(b, 9000);
	pb_read_pages(b, 400, 1);
	assert_int_equal(b->real[0]->degraded, 0);
	pb_kill(b, 2);
	pb_kill(b, 3);
	pb_run(b, 6000);
	pb_read_pages(b, 400, 1);
	pb_free(b);
}

static void p4_pairs_are_promised_across_zones_only(void **state)
{
	static const char *const zones[] = {"a", "a", "b"};
	struct pb *b = bed_zones(3, zones);
	struct eng_vai_params p = {.name = "v", .class = ENG_CLASS_CRITICAL};

	p.client.b[15] = 1;
	p.size = (u64)(SRV + 1) << ANM_PAGE_SHIFT;
	assert_int_equal(eng_vai_add(b->e, &p, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "4 KiB missing in another server or zone"));
	p.size = (u64)SRV << ANM_PAGE_SHIFT;
	assert_int_equal(eng_vai_add(b->e, &p, &err), 0);
	pb_free(b);
}

static void a_cancelled_drain_leaves_off(void **state)
{
	struct pb *b = bed_zones(3, NULL);
	u64 left;

	b->e->cfg.move_rate = 50;
	pb_vai(b, 0, ENG_CLASS_NORMAL, 900);
	pb_write_pages(b, 600, 1);
	assert_int_equal(eng_server_drain(b->e, "mem0", true, &err), 0);
	pb_run(b, 1000);
	left = pb_info(b, 0).mapped;
	assert_in_range(left, 100, 190);
	assert_int_equal(pb_info(b, 0).drain_total, 200);
	assert_int_equal(eng_server_drain(b->e, "mem0", false, &err), 0);
	pb_run(b, 3000);
	assert_in_range(pb_info(b, 0).mapped, left - 1, left);
	assert_int_equal(pb_info(b, 0).drain, ENG_DRAIN_NONE);
	assert_int_equal(pb_info(b, 0).used, pb_info(b, 0).mapped);
	pb_events(b);
	assert_int_equal(b->events[ENG_EV_SERVER_DRAIN_CANCELLED], 1);
	assert_int_equal(b->events[ENG_EV_SERVER_DRAINED], 0);
	pb_read_pages(b, 600, 1);
	pb_free(b);
}

static void p1_p2_clients_go_on_during_a_drain(void **state)
{
	struct pb *b = bed_zones(4, NULL);
	u32 seed[300], i, n = 0;

	pb_vai(b, 0, ENG_CLASS_CRITICAL, 300);
	for (i = 0; i < 300; i++) {
		seed[i] = i + 1;
		assert_int_equal(pb_write_now(b, 0, i, seed[i]), 0);
	}
	b->e->cfg.move_rate = 300;
	b->loss = 20;
	b->dup = 20;
	b->reorder = 20;
	assert_int_equal(eng_server_drain(b->e, "mem0", true, &err), 0);
	while (pb_info(b, 0).drain != ENG_DRAIN_DONE && n++ < 3000) {
		u32 p = pb_rand(b, 300);

		seed[p] = 1000 + n;
		assert_int_equal(pb_write_now(b, 0, p, seed[p]), 0);
		p = pb_rand(b, 300);
		assert_int_equal(pb_read_now(b, 0, p, seed[p]), 0);
	}
	assert_int_equal(pb_info(b, 0).drain, ENG_DRAIN_DONE);
	pb_kill(b, 0);
	for (i = 0; i < 300; i++)
		assert_int_equal(pb_read_now(b, 0, i, seed[i]), 0);
	assert_int_equal(b->real[0]->degraded, 0);
	pb_free(b);
}

/* A write that began before the server was wiped ends up on it: the wipe must spare it. */
static void p9_a_wipe_spares_what_comes_after_it(void **state)
{
	struct pb *b = bed_zones(2, NULL);
	const struct map_entry *me;
	struct eng_server *sv;
	struct pb_io *w;

	pb_vai(b, 0, ENG_CLASS_NORMAL, 500);
	pb_write_pages(b, 20, 1);
	assert_int_equal(eng_server_drain(b->e, "mem0", true, &err), 0);
	pb_run(b, 3000);
	assert_int_equal(pb_info(b, 0).drain, ENG_DRAIN_DONE);
	sv = b->e->servers->slot[0];
	assert_true(sv->wiped_below > 1);
	b->node[1].cut = true;
	w = pb_write(b, 0, 100, 0, ANM_PAGE_SIZE, 77); /* to mem1, in vain */
	pb_run(b, 100);
	sv->wiped_below = b->e->version_next; /* as if it were wiped now */
	assert_int_equal(eng_server_drain(b->e, "mem0", false, &err), 0);
	assert_int_equal(pb_wait(b, w, NULL), 0);
	me = map_entry(b->e->map, map_find(b->e->map, b->real[0]->slot, 100));
	assert_int_equal(map_server(me, 0), 0);
	assert_true(map_version(me) >= sv->wiped_below);
	assert_int_equal(pb_read_now(b, 0, 100, 77), 0);
	pb_free(b);
}

static void a_server_that_wants_to_go_is_drained(void **state)
{
	struct pb *b = bed_zones(3, NULL);

	pb_vai(b, 0, ENG_CLASS_NORMAL, 900);
	pb_write_pages(b, 300, 1);
	mem_drain(b->node[2].m, true, b->now);
	assert_int_equal(status(b, 2).drain, MEM_DRAIN_MOVING);
	pb_run(b, 4000);
	assert_int_equal(status(b, 2).drain, MEM_DRAIN_DONE);
	assert_int_equal(status(b, 2).used, 0);
	mem_leave(b->node[2].m, b->now);
	pb_run(b, 500);
	assert_int_equal(pb_info(b, 2).state, ENG_SERVER_LEFT);
	pb_kill(b, 2);
	pb_read_pages(b, 300, 1);
	assert_int_equal(eng_server_remove(b->e, "mem2", false, &err), 0);
	pb_free(b);
}

/* Each time with a new memory: in the midst of its drain, and after its end. */
static void one_that_went_drained_is_used_when_it_comes_back(void **state)
{
	struct pb *b = bed_zones(3, NULL);

	pb_vai(b, 0, ENG_CLASS_NORMAL, 900);
	pb_write_pages(b, 30, 1);
	assert_int_equal(eng_server_drain(b->e, "mem1", true, &err), 0);
	pb_run(b, 4000);
	assert_int_equal(pb_info(b, 1).drain, ENG_DRAIN_DONE);
	pb_kill(b, 1);
	pb_server(b, 1, SRV, 1500);
	pb_run(b, 2000);
	assert_int_equal(pb_info(b, 1).state, ENG_SERVER_LIVE);
	assert_int_not_equal(pb_info(b, 1).drain, ENG_DRAIN_NONE);
	pb_run(b, 4000);
	mem_leave(b->node[1].m, b->now);
	pb_run(b, 500);
	assert_int_equal(pb_info(b, 1).state, ENG_SERVER_LEFT);
	pb_kill(b, 1);
	pb_server(b, 1, SRV, 1500);
	pb_run(b, 4000);
	assert_int_equal(pb_info(b, 1).state, ENG_SERVER_LIVE);
	assert_int_equal(pb_info(b, 1).drain, ENG_DRAIN_NONE);
	assert_int_equal(b->events[ENG_EV_SERVER_DRAINED], 0);
	pb_write_pages(b, 300, 1);
	assert_true(pb_info(b, 1).mapped > 0);
	pb_read_pages(b, 300, 1);
	pb_free(b);
}

static void a_server_that_may_not_go_hears_so(void **state)
{
	struct pb *b = bed_zones(2, NULL);

	pb_vai(b, 0, ENG_CLASS_NORMAL, SRV + 1);
	pb_write_pages(b, 100, 1);
	mem_drain(b->node[1].m, true, b->now);
	pb_run(b, 1500);
	assert_int_equal(status(b, 1).drain, MEM_DRAIN_REFUSED);
	assert_int_equal(pb_info(b, 1).drain, ENG_DRAIN_NONE);
	mem_drain(b->node[1].m, false, b->now);
	pb_run(b, 1500);
	assert_int_equal(status(b, 1).drain, MEM_DRAIN_NONE);
	mem_drain(b->node[1].m, true, b->now);
	pb_run(b, 1500);
	pb_server(b, 2, SRV, 1500); /* there is room now */
	pb_run(b, 5000);
	assert_int_equal(status(b, 1).drain, MEM_DRAIN_DONE);
	pb_read_pages(b, 100, 1);
	pb_free(b);
}

static void removed_by_force_its_pages_are_lost(void **state)
{
	struct pb *b = bed_zones(2, NULL);
	u32 i, lost = 0;

	pb_vai(b, 0, ENG_CLASS_NORMAL, 500);
	pb_write_pages(b, 100, 1);
	pb_kill(b, 0);
	pb_run(b, 7000);
	assert_int_equal(eng_server_remove(b->e, "mem0", false, &err), -EBUSY);
	assert_int_equal(eng_server_remove(b->e, "mem0", true, &err), 0);
	pb_run(b, 1000);
	assert_int_equal(eng_servers_count(b->e, false), 1);
	for (i = 0; i < 100; i++)
		lost += pb_read_now(b, 0, i, 1 + i) == -EIO;
	assert_int_equal(lost, 50);
	/* Alive: it is sent away, may come again, and still has what it had. */
	assert_int_equal(eng_server_remove(b->e, "mem1", true, &err), 0);
	pb_run(b, 6000);
	assert_int_equal(pb_info(b, 1).state, ENG_SERVER_LIVE);
	assert_int_equal(pb_info(b, 1).mapped, 50);
	pb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p9_a_drained_server_has_nothing_of_use),
		cmocka_unit_test(a_drain_is_refused_when_the_rest_cannot_hold_it),
		cmocka_unit_test(p4_no_room_is_promised_on_a_drained_server),
		cmocka_unit_test(a_pair_needs_two_others),
		cmocka_unit_test(zones_count_when_a_drain_is_asked_for),
		cmocka_unit_test(p9_a_zone_that_dies_takes_no_page_with_it),
		cmocka_unit_test(p4_pairs_are_promised_across_zones_only),
		cmocka_unit_test(a_cancelled_drain_leaves_off),
		cmocka_unit_test(p1_p2_clients_go_on_during_a_drain),
		cmocka_unit_test(p9_a_wipe_spares_what_comes_after_it),
		cmocka_unit_test(a_server_that_wants_to_go_is_drained),
		cmocka_unit_test(one_that_went_drained_is_used_when_it_comes_back),
		cmocka_unit_test(a_server_that_may_not_go_hears_so),
		cmocka_unit_test(removed_by_force_its_pages_are_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
