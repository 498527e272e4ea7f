// SPDX-License-Identifier: GPL-2.0-only
/* The placement policy: one function, eng_place(), and nothing else decides. */
#include "server.h"

/* Cross products of page counts must fit 64 bits; donations may have 35. */
#define PLACE_SHIFT 3

bool eng_zones_clash(const struct eng_server *a, const struct eng_server *b)
{
	return a->zone[0] && !strncmp(a->zone, b->zone, sizeof(a->zone));
}

static bool place_excluded(struct engine *e, const struct eng_place_ask *ask,
			   const struct eng_server *sv)
{
	u32 i;

	for (i = 0; i < ask->nr_avoid; i++)
		if (ask->avoid[i] == sv->slot)
			return true;
	for (i = 0; i < ask->nr_peers; i++) {
		const struct eng_server *peer = eng_server_at(e, ask->peers[i]);

		if (peer && (peer == sv || eng_zones_clash(peer, sv)))
			return true;
	}
	return false;
}

/* < 0 when @a is the emptier one, compared as fractions; 0 when both are as full. */
static int place_compare(const struct eng_server *a, const struct eng_server *b)
{
	u64 ua = eng_server_pages(a), ub = eng_server_pages(b);
	u64 da = a->donation, db = b->donation;

	if ((da | db) >> 32) {
		ua >>= PLACE_SHIFT;
		ub >>= PLACE_SHIFT;
		da >>= PLACE_SHIFT;
		db >>= PLACE_SHIFT;
	}
	if (ua * db != ub * da)
		return ua * db < ub * da ? -1 : 1;
	if (a->nxfers != b->nxfers)
		return a->nxfers < b->nxfers ? -1 : 1;
	return 0;
}

static bool place_takes_none(const struct eng_server *sv, u8 state)
{
	return !sv || sv->state != state || eng_server_draining(sv);
}

struct eng_server *eng_place(struct engine *e, const struct eng_place_ask *ask)
{
	struct eng_servers *ss = e->servers;
	struct eng_server *best = NULL;
	u32 i, n;

	/* Starting one further each time makes the first of equals a different one. */
	for (i = 0, n = ss->turn; i < ss->nslots; i++, n++) {
		struct eng_server *sv;

		if (n >= ss->nslots)
			n = 0;
		sv = ss->slot[n];
		if (place_takes_none(sv, ask->state) || !eng_server_has_room(e, sv) ||
		    place_excluded(e, ask, sv))
			continue;
		if (!best || place_compare(sv, best) < 0)
			best = sv;
	}
	if (++ss->turn >= ss->nslots)
		ss->turn = 0;
	return best;
}

bool eng_place_want(struct engine *e, const struct eng_place_ask *ask)
{
	struct eng_servers *ss = e->servers;
	bool room = false, some = false;
	u32 i;

	for (i = 0; i < ss->nslots; i++)
		room |= !place_takes_none(ss->slot[i], ask->state) &&
			eng_server_has_room(e, ss->slot[i]);
	for (i = 0; i < ss->nslots && room; i++) {
		struct eng_server *sv = ss->slot[i];

		if (place_takes_none(sv, ask->state) || eng_server_has_room(e, sv) ||
		    place_excluded(e, ask, sv))
			continue;
		sv->room_wanted = true;
		some = true;
	}
	if (some)
		ss->room_wants = min_t(u32, ss->room_wants + 1, ENG_ROOM_WANTS_MAX);
	return some;
}
