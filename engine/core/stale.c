// SPDX-License-Identifier: GPL-2.0-only
#include "elder.h"
#include "recover.h"
#include "stale.h"

void eng_stale_note(struct engine *e, struct eng_server *sv)
{
	bool noted = sv->stale_below > sv->sent_version &&
		     (sv->inventoried || sv->stale_below >= e->cfg.epoch << 32);

	sv->settling = false;
	if (sv->state == ENG_SERVER_LIVE || sv->state == ENG_SERVER_GONE || noted)
		return;
	sv->stale_below = e->version_next;
	eng_event(e, ENG_EV_SERVER_BEHIND, sv->name, 0);
}

bool eng_stale_doubt(const struct engine *e, const struct eng_vai *vai, const struct map_entry *me)
{
	return me->vai_flags & MAP_DOUBT && map_held(me) && eng_recover_newer(e, vai);
}

/* It stays in doubt: should a server tell of it once more, it is no better for that. */
static bool stale_give_up(struct engine *e, struct eng_vai *vai, struct map_entry *me)
{
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		const struct eng_server *sv = eng_server_at(e, map_server(me, i));

		if (sv && sv->ndiscards >= ENG_DISCARDS_MAX / 2)
			return false;
	}
	for (i = 0; i < ENG_COPIES_MAX; i++)
		if (map_server(me, i) != ENG_SLOT_NONE)
			eng_copy_discard(e, vai, me, i, map_version(me) + 1);
	eng_recover_lossy(e, me);
	return true;
}

bool eng_stale_look(struct engine *e, struct eng_vai *vai, struct map_entry *me)
{
	if (!(me->vai_flags & MAP_DOUBT))
		return true;
	if (!eng_recover_newer(e, vai)) {
		me->vai_flags &= (u16)~MAP_DOUBT;
		return true;
	}
	return e->recover.missing || !map_held(me) || stale_give_up(e, vai, me);
}

/* Is it known of all pages what the server's copies are worth, and has it forgotten the others? */
static bool stale_settled(const struct engine *e, const struct eng_server *sv)
{
	return sv->stale_below && sv->state == ENG_SERVER_LIVE && sv->inventoried &&
	       !sv->ndiscards && !sv->discard_busy && !e->recover.missing;
}

void eng_stale_begin(struct engine *e)
{
	u32 i;

	for (i = 0; i < e->servers->nslots; i++) {
		struct eng_server *sv = e->servers->slot[i];

		if (sv)
			sv->settling = stale_settled(e, sv);
	}
}

bool eng_stale_end(struct engine *e)
{
	bool some = false;
	u32 i;

	for (i = 0; i < e->servers->nslots; i++) {
		struct eng_server *sv = e->servers->slot[i];

		if (!sv || !sv->stale_below || !eng_server_usable(sv))
			continue;
		if (sv->settling && stale_settled(e, sv)) {
			sv->stale_below = 0;
			sv->doubt_below = 0;
			eng_event(e, ENG_EV_SERVER_CURRENT, sv->name, 0);
		} else {
			some |= !e->recover.missing; /* else its inventory is another round */
		}
	}
	return some;
}
