// SPDX-License-Identifier: GPL-2.0-only
#include "elder.h"
#include "form.h"

bool eng_elder_may(const struct engine *e, const struct eng_vai *vai)
{
	return vai->copies == ENG_COPIES_MAX && !vai->holes && !e->recover.lost;
}

bool eng_elder_begin(const struct engine *e, const struct eng_vai *vai)
{
	return eng_elder_may(e, vai) && !vai->thin;
}

u16 eng_elder_best(struct engine *e, const struct map_entry *me, u16 newer, u16 bad)
{
	enum eng_copy_rank best = ENG_COPY_NONE;
	u16 pick = ENG_SLOT_NONE;
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		u16 slot = map_current(me, i);
		enum eng_copy_rank rank = eng_copy_rank(e, slot);

		if (slot == newer || slot == bad || rank >= best)
			continue;
		best = rank;
		pick = slot;
	}
	return pick;
}

u16 eng_elder_pick(struct engine *e, const struct eng_vai *vai, const struct map_entry *me,
		   u16 newer)
{
	return eng_elder_begin(e, vai) ? eng_elder_best(e, me, newer, newer) : ENG_SLOT_NONE;
}

void eng_elder_set(struct map_entry *me, u16 newer, u16 elder)
{
	map_server_set(me, 0, newer);
	map_server_set(me, 1, elder);
	me->vai_flags &= (u16)~MAP_ELDER;
	if (elder != ENG_SLOT_NONE)
		me->vai_flags |= MAP_ELDER;
}

void eng_elder_drop(struct engine *e, const struct eng_vai *vai, struct map_entry *me,
		    u64 older_than)
{
	if (map_elder(me) != ENG_SLOT_NONE)
		eng_copy_discard(e, vai, me, 1, older_than);
}

/*
 * Every memory has told what it held, so nobody else had the newer version, and it was not
 * acknowledged.
 */
bool eng_elder_ready(struct engine *e, const struct eng_vai *vai, const struct map_entry *me)
{
	return eng_server_usable(eng_server_at(e, map_elder(me))) &&
	       !eng_server_usable(eng_server_at(e, map_server(me, 0))) && !e->recover.missing &&
	       eng_elder_may(e, vai);
}

void eng_elder_take(struct engine *e, const struct eng_vai *vai, struct map_entry *me, u64 version)
{
	u16 slot = map_elder(me);

	if (map_server(me, 0) != ENG_SLOT_NONE)
		eng_copy_discard(e, vai, me, 0, e->version_next);
	eng_elder_set(me, slot, ENG_SLOT_NONE);
	eng_entry_version(e, me, version);
}
