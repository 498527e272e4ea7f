// SPDX-License-Identifier: GPL-2.0-only
/* Servers that are to go: asked by the operator or by themselves, emptied, wiped, removed. */
#include "exports.h"
#include "reserve.h"
#include "server.h"

/* "a1b2..." with or without dashes. */
static bool uuid_read(const char *s, u8 uuid[16])
{
	u32 n = 0;

	for (; *s; s++) {
		u8 v;

		if (*s == '-')
			continue;
		if (*s >= '0' && *s <= '9')
			v = *s - '0';
		else if ((*s | 0x20) >= 'a' && (*s | 0x20) <= 'f')
			v = (*s | 0x20) - 'a' + 10;
		else
			return false;
		if (n == 32)
			return false;
		uuid[n / 2] = (u8)(n & 1 ? uuid[n / 2] << 4 | v : v);
		n++;
	}
	return n == 32;
}

static int server_find(struct engine *e, const char *name, struct eng_server **found,
		       struct eng_err *err)
{
	struct eng_servers *ss = e->servers;
	u8 uuid[16];
	u32 i;

	*found = uuid_read(name, uuid) ? eng_server_by_uuid(e, uuid) : NULL;
	for (i = 0; i < ss->nslots && !*found; i++)
		if (ss->slot[i] && ss->slot[i]->state != ENG_SERVER_GONE &&
		    !strcmp(ss->slot[i]->name, name))
			*found = ss->slot[i];
	if (!*found)
		return eng_refuse(err, -ENOENT,
				  "no memory server of that name or UUID: see the server list");
	for (; i < ss->nslots; i++)
		if (ss->slot[i] && ss->slot[i] != *found && ss->slot[i]->state != ENG_SERVER_GONE &&
		    !strcmp(ss->slot[i]->name, name))
			return eng_refuse(err, -EINVAL,
					  "several memory servers are called %s: give the UUID",
					  name);
	return 0;
}

/* May it go, and all that is promised and stored still be there? */
static int drain_check(struct engine *e, const struct eng_server *sv, struct eng_err *err)
{
	char need[ENG_SIZE_STR], room[ENG_SIZE_STR];
	u64 free = 0;
	u32 i;
	int rc = eng_reserve_without(e, sv->slot, err);

	if (rc)
		return rc;
	for (i = 0; i < e->servers->nslots; i++) {
		const struct eng_server *o = e->servers->slot[i];

		if (!o || o == sv || o->state != ENG_SERVER_LIVE || eng_server_draining(o))
			continue;
		if (o->donation > eng_server_pages(o))
			free += o->donation - eng_server_pages(o);
	}
	if (free >= sv->mapped)
		return 0;
	eng_size_str(need, sv->mapped << ANM_PAGE_SHIFT);
	eng_size_str(room, free << ANM_PAGE_SHIFT);
	return eng_refuse(err, -ENOSPC, "%s are stored on it, the others have %s free: %s", need,
			  room, "add a memory server first");
}

static void drain_begin(struct engine *e, struct eng_server *sv)
{
	sv->wiped = false;
	sv->drained = false;
	sv->drain_total = sv->mapped;
	eng_event(e, ENG_EV_SERVER_DRAINING, sv->name, sv->mapped);
	eng_mover_kick(e, ENG_KICK_SERVER);
}

static void drain_end(struct engine *e, struct eng_server *sv)
{
	sv->wiped = false;
	sv->drained = false;
	eng_event(e, ENG_EV_SERVER_DRAIN_CANCELLED, sv->name, sv->mapped);
	eng_mover_kick(e, ENG_KICK_SERVER);
}

int eng_server_drain(struct engine *e, const char *name_or_uuid, bool on, struct eng_err *err)
{
	struct eng_server *sv;
	int rc = server_find(e, name_or_uuid, &sv, err);

	if (rc)
		return rc;
	if (!on && !sv->drain_asked)
		return eng_refuse(err, -EALREADY, "%s is not being drained%s", sv->name,
				  sv->leaving ? " on your request: it wants to leave itself" : "");
	if (!on) {
		sv->drain_asked = false;
		if (!eng_server_draining(sv))
			drain_end(e, sv);
		return 0;
	}
	if (sv->drain_asked)
		return eng_refuse(err, -EALREADY, "%s is being drained already", sv->name);
	if (!eng_server_usable(sv))
		return eng_refuse(err, -EINVAL, "%s is not there, so nothing can be moved: %s",
				  sv->name, "wait for it, or remove it");
	rc = eng_server_draining(sv) ? 0 : drain_check(e, sv, err);
	if (rc)
		return rc;
	if (!eng_server_draining(sv))
		drain_begin(e, sv);
	sv->drain_asked = true;
	return 0;
}

/* A refusal is looked at again with each heartbeat: room may have come. */
void eng_server_leaving(struct engine *e, struct eng_server *sv, bool leaving)
{
	bool was = eng_server_draining(sv);

	if (leaving && (!sv->leaving || sv->drain_refused)) {
		sv->drain_refused = !was && drain_check(e, sv, NULL);
		sv->leaving = true;
	} else if (!leaving) {
		sv->leaving = false;
		sv->drain_refused = false;
	}
	if (!was && eng_server_draining(sv))
		drain_begin(e, sv);
	else if (was && !eng_server_draining(sv))
		drain_end(e, sv);
}

u16 eng_server_sign(const struct eng_server *sv)
{
	if (!eng_server_draining(sv))
		return sv->drain_refused ? AMP_E_FULL : AMP_OK;
	return sv->drained ? AMP_E_DRAINED : AMP_E_MORE;
}

/* Whatever is still there is named by no entry. Versions to come are spared. */
static bool drain_wipe(struct engine *e, struct eng_server *sv)
{
	u32 i;

	if (sv->ndiscards + ENG_VAIS_MAX > ENG_DISCARDS_MAX)
		return false;
	sv->wiped_below = e->version_next;
	for (i = 0; i < ENG_VAIS_MAX; i++) {
		const struct eng_vai *vai = eng_vai_at(e, (u16)i);
		struct amp_key key = {.offset = 0};

		if (!vai)
			continue;
		key.client = vai->client_id;
		key.vai = vai->vai_id;
		if (!eng_discard_vai(e, sv->slot, &key, e->version_next))
			return false;
	}
	return true;
}

static void drain_step(struct engine *e, struct eng_server *sv)
{
	/* What it has not told of yet may be needed. */
	if (!sv->inventoried || sv->mapped || sv->pending || sv->pins) {
		sv->wiped = false;
		sv->drained = false;
	} else if (!sv->wiped) {
		sv->wiped = drain_wipe(e, sv);
	} else if (!sv->drained && !sv->ndiscards && !sv->discard_busy) {
		sv->drained = true;
		eng_event(e, ENG_EV_SERVER_DRAINED, sv->name, sv->drain_total);
	}
}

void eng_drain_tick(struct engine *e)
{
	u32 i;

	for (i = 0; e->servers && i < e->servers->nslots; i++) {
		struct eng_server *sv = e->servers->slot[i];

		if (eng_server_usable(sv) && eng_server_draining(sv))
			drain_step(e, sv);
	}
}

int eng_server_remove(struct engine *e, const char *name_or_uuid, bool force, struct eng_err *err)
{
	struct eng_server *sv;
	int rc = server_find(e, name_or_uuid, &sv, err);

	if (rc)
		return rc;
	if (eng_server_usable(sv) && !force)
		return eng_refuse(err, -EBUSY, "%s is alive: drain it and end it there, %s",
				  sv->name, "or force it and lose the pages that only it has");
	if (sv->awaited && !force)
		return eng_refuse(err, -EBUSY,
				  "%s has not told what it has since the engine was started: wait "
				  "for it, or force it and lose what only it has and what may be "
				  "older elsewhere",
				  sv->name);
	if (sv->mapped && !force)
		return eng_refuse(err, -EBUSY,
				  "%llu pages are on %s and not repaired: wait for it or for the "
				  "repair, or force it and lose those that only it has",
				  sv->mapped, sv->name);
	eng_server_forget(e, sv);
	return 0;
}
