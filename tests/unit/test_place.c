// SPDX-License-Identifier: GPL-2.0-only
/* Which server gets a new page. */
#include "page_bed.h"

static struct pb *bed(u64 d0, u64 d1, u64 d2)
{
	struct pb *b = pb_new(1);

	pb_play(b, 0, d0, 1500);
	pb_play(b, 1, d1, 1500);
	pb_play(b, 2, d2, 1500);
	return b;
}

static struct eng_server *sv(struct pb *b, u32 i)
{
	return b->e->servers->slot[i];
}

static struct eng_server *place(struct pb *b, const u16 *avoid, u8 nr_avoid, u8 state)
{
	struct eng_place_ask ask = {.avoid = avoid, .nr_avoid = nr_avoid, .state = state};

	return eng_place(b->e, &ask);
}

static void the_lowest_ratio_wins(void **state)
{
	struct pb *b = bed(1000, 100, 10);

	sv(b, 0)->mapped = 500;
	sv(b, 1)->mapped = 49;
	sv(b, 2)->mapped = 5;
	assert_ptr_equal(place(b, NULL, 0, ENG_SERVER_LIVE), sv(b, 1));
	sv(b, 1)->mapped = 51;
	sv(b, 0)->mapped = 499;
	assert_ptr_equal(place(b, NULL, 0, ENG_SERVER_LIVE), sv(b, 0));
	/* Pages on their way and pages of others count. */
	sv(b, 0)->pending = 2;
	assert_ptr_equal(place(b, NULL, 0, ENG_SERVER_LIVE), sv(b, 2));
	sv(b, 2)->extra = 1;
	assert_ptr_equal(place(b, NULL, 0, ENG_SERVER_LIVE), sv(b, 0));
	sv(b, 0)->pending = 0;
	sv(b, 0)->mapped = sv(b, 1)->mapped = sv(b, 2)->mapped = 0;
	pb_free(b);
}

static void huge_donations_do_not_overflow(void **state)
{
	struct pb *b = bed(AMP_DONATION_PAGES_MAX, AMP_DONATION_PAGES_MAX / 2, 1000);

	sv(b, 0)->mapped = AMP_DONATION_PAGES_MAX / 2 + 64;
	sv(b, 1)->mapped = AMP_DONATION_PAGES_MAX / 4;
	sv(b, 2)->mapped = 999;
	assert_ptr_equal(place(b, NULL, 0, ENG_SERVER_LIVE), sv(b, 1));
	sv(b, 1)->mapped += 64;
	assert_ptr_equal(place(b, NULL, 0, ENG_SERVER_LIVE), sv(b, 0));
	sv(b, 0)->mapped = sv(b, 1)->mapped = sv(b, 2)->mapped = 0;
	pb_free(b);
}

static void equals_take_turns(void **state)
{
	struct pb *b = bed(100, 100, 100);
	u32 hits[3] = {0}, i;

	for (i = 0; i < 99; i++)
		hits[place(b, NULL, 0, ENG_SERVER_LIVE)->slot]++;
	for (i = 0; i < 3; i++)
		assert_int_equal(hits[i], 33);
	/* The less busy one first. */
	sv(b, 0)->nxfers = 2;
	sv(b, 1)->nxfers = 1;
	sv(b, 2)->nxfers = 2;
	for (i = 0; i < 5; i++)
		assert_ptr_equal(place(b, NULL, 0, ENG_SERVER_LIVE), sv(b, 1));
	sv(b, 0)->nxfers = sv(b, 1)->nxfers = sv(b, 2)->nxfers = 0;
	pb_free(b);
}

static void only_live_ones_with_room(void **state)
{
	struct pb *b = bed(100, 100, 100);
	u16 avoid[2] = {2, 1};

	sv(b, 0)->mapped = 100;
	assert_ptr_equal(place(b, avoid, 1, ENG_SERVER_LIVE), sv(b, 1));
	assert_null(place(b, avoid, 2, ENG_SERVER_LIVE));
	sv(b, 0)->mapped = 99;
	assert_ptr_equal(place(b, avoid, 2, ENG_SERVER_LIVE), sv(b, 0));
	sv(b, 0)->mapped = 0;
	eng_server_suspect(b->e, sv(b, 0));
	assert_null(place(b, avoid, 2, ENG_SERVER_LIVE));
	assert_ptr_equal(place(b, avoid, 2, ENG_SERVER_SUSPECT), sv(b, 0));
	eng_server_left(b->e, sv(b, 0));
	assert_null(place(b, avoid, 2, ENG_SERVER_SUSPECT));
	eng_server_full(sv(b, 1));
	assert_null(place(b, avoid, 1, ENG_SERVER_LIVE));
	pb_free(b);
}

static void never_the_zone_of_another_copy(void **state)
{
	struct pb *b = bed(100, 100, 100);
	u16 peer = 0;
	struct eng_place_ask ask = {.peers = &peer, .nr_peers = 1, .state = ENG_SERVER_LIVE};

	strscpy(sv(b, 0)->zone, "rack1", AMP_ZONE_MAX);
	strscpy(sv(b, 1)->zone, "rack1", AMP_ZONE_MAX);
	sv(b, 2)->mapped = 99; /* however full it is */
	assert_ptr_equal(eng_place(b->e, &ask), sv(b, 2));
	peer = 2; /* carries none: any but itself */
	sv(b, 2)->mapped = 0;
	assert_true(eng_place(b->e, &ask) != sv(b, 2));
	peer = ENG_SLOT_NONE;
	sv(b, 0)->mapped = sv(b, 1)->mapped = 50;
	assert_ptr_equal(eng_place(b->e, &ask), sv(b, 2));
	peer = 1;
	strscpy(sv(b, 2)->zone, "rack1", AMP_ZONE_MAX);
	assert_null(eng_place(b->e, &ask));
	strscpy(sv(b, 2)->zone, "rack2", AMP_ZONE_MAX);
	assert_ptr_equal(eng_place(b->e, &ask), sv(b, 2));
	sv(b, 2)->drain_asked = true;
	assert_null(eng_place(b->e, &ask));
	sv(b, 0)->mapped = sv(b, 1)->mapped = 0;
	pb_free(b);
}

#define SPREAD_PAGES 1000000u

/* Unequal servers: donations of 1 to 4 parts; 80 % of all is filled. */
static void spread(u32 n)
{
	struct eng_place_ask ask = {.state = ENG_SERVER_LIVE};
	struct pb *b = pb_new(n);
	struct eng_servers *ss = b->e->servers;
	u64 parts = 0, low = 1000000, high = 0;
	u32 i;

	for (i = 0; i < n; i++)
		parts += 1 + (i * 7 + 3) % 4;
	for (i = 0; i < n; i++) {
		struct eng_server *s = anm_alloc(sizeof(*s));

		assert_non_null(s);
		s->slot = (u16)i;
		s->donation = (1 + (i * 7 + 3) % 4) * (SPREAD_PAGES * 5ull / 4) / parts + 1;
		INIT_LIST_HEAD(&s->discards);
		ss->slot[i] = s;
	}
	ss->nslots = n;
	for (i = 0; i < SPREAD_PAGES; i++)
		eng_place(b->e, &ask)->mapped++;
	for (i = 0; i < n; i++) {
		u64 per = ss->slot[i]->mapped * 100000 / ss->slot[i]->donation;

		low = min(low, per);
		high = max(high, per);
		anm_free(ss->slot[i]);
		ss->slot[i] = NULL;
	}
	ss->nslots = 0;
	printf("# %u pages on %u unequal servers: %.3f %% to %.3f %% used\n", SPREAD_PAGES, n,
	       (double)low / 1000, (double)high / 1000);
	assert_true(high - low < 2000);
	pb_free(b);
}

static void a_million_pages_are_spread_within_two_points(void **state)
{
	spread(2);
	spread(16);
	spread(64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_ratio_wins),
		cmocka_unit_test(huge_donations_do_not_overflow),
		cmocka_unit_test(equals_take_turns),
		cmocka_unit_test(only_live_ones_with_room),
		cmocka_unit_test(never_the_zone_of_another_copy),
		cmocka_unit_test(a_million_pages_are_spread_within_two_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
