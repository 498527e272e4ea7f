// SPDX-License-Identifier: GPL-2.0-only
/* Walks over the page map, a batch at a time. */
#include "cache.h"
#include "form.h"
#include "recover.h"
#include "server.h"
#include "writeback.h"

void eng_copy_drop(struct engine *e, struct map_entry *me, u32 i)
{
	struct eng_server *sv = eng_server_at(e, map_server(me, i));

	map_server_set(me, i, ENG_SLOT_NONE);
	if (i)
		me->vai_flags &= (u16)~MAP_ELDER;
	if (!WARN_ON_ONCE(!sv || !sv->mapped))
		sv->mapped--;
}

u32 eng_servers_unswept(const struct engine *e)
{
	const struct eng_servers *ss = e->servers;
	u32 i, n = 0;

	for (i = 0; ss && ss->gone && i < ss->nslots; i++)
		n += ss->slot[i] && ss->slot[i]->state == ENG_SERVER_GONE && ss->slot[i]->mapped;
	return n;
}

/*
 * Entries that lose their last copy stay: they are what tells a lost page from one that
 * was never written.
 */
bool eng_sweep_tick(struct engine *e)
{
	struct eng_servers *ss = e->servers;
	u32 budget = ENG_SWEEP_BATCH, idx, i;

	if (!eng_servers_unswept(e))
		return false;
	if (map_scan_end(e->map, ss->sweep))
		ss->sweep = 0;
	while ((idx = map_scan(e->map, &ss->sweep, &budget)) != ENG_MAP_NONE) {
		struct map_entry *me = map_entry(e->map, idx);

		for (i = 0; i < ENG_COPIES_MAX; i++) {
			const struct eng_server *sv = eng_server_at(e, map_server(me, i));

			if (sv && sv->state == ENG_SERVER_GONE) {
				eng_copy_drop(e, me, i);
				eng_recover_lossy(e, me);
			}
		}
	}
	return true;
}

void eng_entry_drop(struct engine *e, struct eng_vai *vai, u32 idx)
{
	struct map_entry *me = map_entry(e->map, idx);
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++)
		if (map_server(me, i) != ENG_SLOT_NONE)
			eng_copy_drop(e, me, i);
	if (me->vai_flags & MAP_DEGRADED)
		vai->degraded--;
	eng_entry_fill(e, me, NULL);
	eng_cache_drop(e, vai->slot, me->page_no);
	map_remove(e->map, idx);
	vai->stored--;
}

static void reap_entries(struct engine *e, struct eng_vai *vai)
{
	u32 budget = ENG_SWEEP_BATCH, idx;

	while (vai->stored && (idx = map_scan(e->map, &vai->reap_entry, &budget)) != ENG_MAP_NONE)
		if ((map_entry(e->map, idx)->vai_flags & MAP_VAI_MASK) == vai->slot)
			eng_entry_drop(e, vai, idx);
}

/* Pages to be forgotten one by one may have to wait for room on their server's list. */
static bool trim_room(struct engine *e, const struct map_entry *me)
{
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		const struct eng_server *sv = eng_server_at(e, map_server(me, i));

		if (sv && sv->state == ENG_SERVER_LIVE && sv->ndiscards >= ENG_DISCARDS_MAX / 2)
			return false;
	}
	return true;
}

bool eng_vai_trim(struct engine *e, struct eng_vai *vai)
{
	u32 budget = ENG_SWEEP_BATCH, idx, i;
	struct amp_key key = {.client = vai->client_id, .vai = vai->vai_id};

	if (vai->in_flight || !eng_dirty_drop(e, vai, vai->empty_from))
		return false;
	while ((idx = map_scan(e->map, &vai->reap_entry, &budget)) != ENG_MAP_NONE) {
		const struct map_entry *me = map_entry(e->map, idx);

		if ((me->vai_flags & MAP_VAI_MASK) != vai->slot || me->page_no < vai->empty_from)
			continue;
		if (!trim_room(e, me)) {
			vai->reap_entry = idx;
			return false;
		}
		key.offset = (u64)me->page_no << ANM_PAGE_SHIFT;
		for (i = 0; i < ENG_COPIES_MAX; i++)
			eng_discard_page(e, map_server(me, i), &key, e->version_next);
		eng_entry_drop(e, vai, idx);
	}
	return map_scan_end(e->map, vai->reap_entry);
}

/*
 * Servers that are away are told when they are back. A VAI of the same UUID may be made
 * meanwhile: its versions are above the one given here.
 */
bool eng_vai_reap(struct engine *e, struct eng_vai *vai)
{
	struct amp_key key = {.client = vai->client_id, .vai = vai->vai_id};

	if (vai->in_flight || !eng_dirty_drop(e, vai, 0))
		return false;
	reap_entries(e, vai);
	if (vai->stored && !map_scan_end(e->map, vai->reap_entry))
		return false;
	WARN_ON_ONCE(vai->stored);
	while (vai->reap_server < e->servers->nslots) {
		if (!eng_discard_vai(e, (u16)vai->reap_server, &key, e->version_next))
			return false;
		vai->reap_server++;
	}
	return true;
}
