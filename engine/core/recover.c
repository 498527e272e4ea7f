// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inventories of servers into the page map. An entry may come at any time, also while
 * clients write: what it says is only believed where it is newer than what we know.
 *
 * A page that no inventory has is "never written" only when so many memories have told
 * theirs that one of them would have it. Until then, and for ever if too many are lost, it
 * is unknown (promise 8): a READ gets an error, not zeros.
 */
#include "elder.h"
#include "form.h"
#include "recover.h"
#include "reserve.h"
#include "stale.h"

#define RECOVER_TICK_NS (10 * NS_PER_MS)

void eng_version_raise(struct engine *e, u64 version)
{
	u64 epoch = e->version_next >> 32;

	e->version_next = max(e->version_next, version);
	if (e->version_next >> 32 > epoch)
		eng_event(e, ENG_EV_VERSIONS, "", e->version_next >> 32);
}

void eng_recover_lossy(struct engine *e, const struct map_entry *me)
{
	struct eng_vai *vai = eng_vai_at(e, me->vai_flags & MAP_VAI_MASK);

	if (!vai || vai->lossy || vai->deleting)
		return;
	if (map_held(me)) {
		vai->thin = true;
		return;
	}
	vai->lossy = true;
	eng_event(e, ENG_EV_VAI_LOSSY, vai->name, 0);
}

/*
 * A page that was acknowledged had a copy on as many memories as its class calls for. When
 * fewer than that are not heard of, and no page was short of copies before, one of
 * the others would have told of it.
 */
bool eng_recover_unknown(const struct engine *e, const struct eng_vai *vai)
{
	return eng_recover_newer(e, vai) ||
	       (vai->restored && vai->degraded && e->recover.missing + e->recover.lost);
}

/* Pages that have too few copies in this life have been told of, so they do not count here. */
bool eng_recover_newer(const struct engine *e, const struct eng_vai *vai)
{
	const struct eng_recover *r = &e->recover;
	u32 spare = vai->thin ? 0 : vai->copies - 1;

	return vai->holes || (vai->restored && r->missing + r->lost > spare);
}

/*
 * Memories that are there no more, with pages in them of which the next life is to hear that they
 * are lost or short of copies. Whose pages the last ones had is known when the sweep has seen to them.
 */
static u32 memories_gone(const struct engine *e, const struct eng_vai *vai)
{
	return (vai->restored ? e->recover.lost : 0) + eng_servers_unswept(e);
}

bool eng_recover_holes(const struct engine *e, const struct eng_vai *vai)
{
	u32 spare = vai->thin || vai->degraded ? 0 : vai->copies - 1;

	return vai->holes || vai->lossy || memories_gone(e, vai) > spare;
}

bool eng_recover_thin(const struct engine *e, const struct eng_vai *vai)
{
	return vai->thin || vai->degraded || memories_gone(e, vai);
}

/* ---- who is missing ---- */

static void recover_count(struct engine *e)
{
	const struct eng_servers *ss = e->servers;
	u32 i, n = 0, gone = 0;

	for (i = 0; i < ss->nslots; i++) {
		if (!ss->slot[i] || !ss->slot[i]->awaited)
			continue;
		n++;
		gone += ss->slot[i]->was_gone;
	}
	e->recover.missing = n;
	e->recover.gone = gone;
}

void eng_recover_begin(struct engine *e)
{
	struct eng_recover *r = &e->recover;

	if (r->active)
		return;
	r->active = true;
	r->pages = 0;
	r->began_ns = e->now;
}

/* Servers that have been asked already may have told of pages of it that nobody knew. */
void eng_recover_restored(struct engine *e)
{
	struct eng_servers *ss = e->servers;
	u32 i;

	e->recover.vais = true;
	eng_recover_begin(e);
	for (i = 0; i < ss->nslots; i++) {
		struct eng_server *sv = ss->slot[i];

		if (!sv || !sv->inventoried || sv->state == ENG_SERVER_GONE)
			continue;
		sv->inventoried = false;
		sv->awaited = true;
		if (eng_server_usable(sv))
			eng_recover_joined(e, sv);
	}
	recover_count(e);
}

/* Its HELLO was no late one: has it another memory than the one with our pages? */
static void recover_compare(struct engine *e, struct eng_server *sv)
{
	if (sv->known_boot && sv->known_boot != sv->boot) {
		e->recover.lost++;
		sv->stale_below = 0;
		sv->doubt_below = 0;
	}
	sv->known_boot = 0;
}

int eng_recover_expect(struct engine *e, const struct eng_server_info *before)
{
	struct amp_hello m = {.boot = 0};
	struct eng_server *sv;
	u16 code;

	memcpy(m.server_uuid, before->uuid, sizeof(m.server_uuid));
	if (!memchr_inv(before->uuid, 0, sizeof(m.server_uuid)))
		return -EINVAL;
	sv = eng_server_by_uuid(e, before->uuid);
	/* It may have said HELLO before we were told of it. */
	if (sv && (!e->cfg.hold || sv->awaited))
		return -EEXIST;
	if (!sv) {
		sv = eng_server_new(e, &m, NULL, &code);
		if (!sv)
			return code == AMP_E_FULL ? -ENFILE : -ENOMEM;
		strscpy(sv->name, before->name, sizeof(sv->name));
		sv->heard_ns = e->now;
	}
	sv->known_boot = before->boot;
	sv->stale_below = max(sv->stale_below, before->stale_below);
	sv->doubt_below = before->stale_below;
	if (sv->heard)
		recover_compare(e, sv);
	sv->drain_asked = before->drain_asked;
	sv->was_gone = before->gone;
	sv->awaited = true;
	recover_count(e);
	eng_recover_begin(e);
	return 0;
}

void eng_recover_go(struct engine *e)
{
	u32 i;

	if (!e->cfg.hold)
		return;
	e->cfg.hold = false;
	e->recover.began_ns = e->now;
	for (i = 0; i < e->servers->nslots; i++)
		if (eng_server_usable(e->servers->slot[i]))
			eng_recover_joined(e, e->servers->slot[i]);
}

bool eng_recovering(const struct engine *e)
{
	return e->recover.active;
}

void eng_recover_boot(struct engine *e, struct eng_server *sv, u64 boot)
{
	if (!sv->boot && sv->awaited)
		sv->boot = boot;
}

void eng_recover_inherit(struct eng_server *sv, struct eng_server *old)
{
	/* Not known which it had: then it may have been that one. */
	if (!old->awaited || old->heard || !old->known_boot)
		return;
	sv->awaited = true;
	sv->known_boot = old->known_boot;
	sv->stale_below = old->stale_below;
	sv->doubt_below = old->doubt_below;
	old->awaited = false;
	old->inventoried = true;
}

void eng_recover_forget(struct engine *e, struct eng_server *sv)
{
	/* One that was to tell, though nobody waited for it, could have had pages of before too. */
	if (sv->awaited || (sv->boot && sv->donation && !sv->inventoried && !sv->told_empty)) {
		e->recover.lost++;
		sv->awaited = false;
		sv->inventoried = true; /* counted once */
		recover_count(e);
	}
	/* Messages that are to fail yet are in it. */
	if (sv->inv && !sv->inv->busy) {
		anm_free(sv->inv);
		sv->inv = NULL;
	}
}

void eng_recover_cancel(struct engine *e, struct eng_server *sv)
{
	u32 i;

	if (!sv->inv)
		return;
	for (i = 0; i < ENG_INV_LANES; i++)
		eng_xfer_cancel(e, &sv->inv->lane[i].xf);
	anm_free(sv->inv);
	sv->inv = NULL;
}

/* ---- what an inventory says ---- */

static void unknown_count(struct engine *e, const struct amp_inventory_item *it)
{
	struct eng_recover *r = &e->recover;
	u32 i;

	e->stats.inventory_unknown++;
	for (i = 0; i < r->nunknown; i++)
		if (r->unknown[i].client_id == it->client && r->unknown[i].vai_id == it->vai)
			break;
	if (i == ENG_UNKNOWN_VAIS)
		return;
	if (i == r->nunknown) {
		r->unknown[i].client_id = it->client;
		r->unknown[i].vai_id = it->vai;
		r->unknown[i].pages = 0;
		r->nunknown++;
	}
	r->unknown[i].pages++;
}

static void item_surplus(struct engine *e, u16 slot, const struct amp_inventory_item *it,
			 u64 older_than)
{
	struct amp_key key = {
		.client = it->client,
		.vai = it->vai,
		.offset = (u64)it->page_no << ANM_PAGE_SHIFT,
	};

	eng_discard_page(e, slot, &key, older_than);
}

/* The page's newest version is this one: of older copies one is kept for the moment. */
static void item_newest(struct engine *e, struct eng_server *sv, struct eng_vai *vai,
			struct map_entry *me, const struct amp_inventory_item *it)
{
	u16 elder = eng_elder_pick(e, vai, me, sv->slot);
	bool held = false;
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		u16 slot = map_server(me, i);

		if (slot == sv->slot)
			held = true;
		if (slot == sv->slot || slot == elder || slot == ENG_SLOT_NONE)
			continue;
		eng_copy_drop(e, me, i);
		item_surplus(e, slot, it, it->version);
		e->stats.inventory_stale++;
	}
	if (!held) {
		sv->mapped++;
		e->recover.pages++;
	}
	eng_elder_set(me, sv->slot, elder);
	eng_entry_version(e, me, it->version);
	me->vai_flags &= (u16)~MAP_LOST;
	if (it->version < sv->doubt_below)
		me->vai_flags |= MAP_DOUBT;
	eng_entry_judge(e, vai, me);
}

/*
 * Older than what we know. It is kept if a single server has the newer version, and nobody can
 * have read that. Of several only the newest would do, and which one that is nobody knows.
 */
static void item_older(struct engine *e, struct eng_server *sv, struct eng_vai *vai,
		       struct map_entry *me, const struct amp_inventory_item *it)
{
	u16 newer = map_current(me, map_server(me, 0) == ENG_SLOT_NONE);
	bool single = map_server(me, 0) == ENG_SLOT_NONE || map_server(me, 1) == ENG_SLOT_NONE;
	bool storing;

	if (newer != ENG_SLOT_NONE && single && !vai->touched && eng_elder_begin(e, vai)) {
		eng_elder_set(me, newer, sv->slot);
		sv->mapped++;
		e->recover.pages++;
		return;
	}
	/* A move may just be storing the page over it. */
	storing = eng_pageio_storing(e, vai, me->page_no, map_elder(me), map_version(me));
	eng_elder_drop(e, vai, me, map_version(me) + !storing);
	item_surplus(e, sv->slot, it, map_version(me));
	e->stats.inventory_stale++;
}

/*
 * Another copy of the version that we know. It may be one more than the class calls for, and is
 * kept all the same: the server of the other one may have died a moment ago. The mover has one
 * of them forgotten when both have been heard since.
 */
static void item_copy(struct engine *e, struct eng_server *sv, struct eng_vai *vai,
		      struct map_entry *me, const struct amp_inventory_item *it)
{
	u32 i, n = 0;

	if (it->version >= sv->doubt_below)
		me->vai_flags &= (u16)~MAP_DOUBT;
	/* It was on two servers, whatever became of the other: it may have been acknowledged. */
	eng_elder_drop(e, vai, me, it->version);
	for (i = 0; i < ENG_COPIES_MAX; i++)
		n += map_server(me, i) != ENG_SLOT_NONE;
	/* A copy that is there is worth more than one on a server that is away. */
	for (i = 0; i < ENG_COPIES_MAX && n >= ENG_COPIES_MAX; i++) {
		u16 slot = map_server(me, i);

		if (slot == ENG_SLOT_NONE || eng_server_usable(eng_server_at(e, slot)))
			continue;
		eng_copy_drop(e, me, i);
		item_surplus(e, slot, it, it->version + 1);
		n--;
	}
	if (n >= ENG_COPIES_MAX) {
		item_surplus(e, sv->slot, it, it->version + 1);
		e->stats.inventory_stale++;
		return;
	}
	if (n >= vai->copies)
		e->recover.surplus_ns = e->now;
	map_server_set(me, map_server(me, 0) == ENG_SLOT_NONE ? 0 : 1, sv->slot);
	me->vai_flags &= (u16)~MAP_LOST;
	sv->mapped++;
	e->recover.pages++;
	eng_entry_judge(e, vai, me);
}

static void item_known(struct engine *e, struct eng_server *sv, struct eng_vai *vai,
		       struct map_entry *me, const struct amp_inventory_item *it)
{
	u64 version = map_version(me);

	if (it->version > version)
		item_newest(e, sv, vai, me, it);
	else if (entry_holds(me, sv->slot))
		return; /* told twice, or written since it was told */
	else if (it->version == version)
		item_copy(e, sv, vai, me, it);
	else
		item_older(e, sv, vai, me, it);
}

/*
 * It is about to be forgotten there, so nobody may rely on it: of a WRITE that failed, for
 * example. Or it has just come with an operation that is under way, which sees to it.
 */
static bool item_doomed(struct engine *e, const struct eng_server *sv, struct eng_vai *vai,
			const struct amp_inventory_item *it)
{
	struct amp_key key = {
		.client = it->client,
		.vai = it->vai,
		.offset = (u64)it->page_no << ANM_PAGE_SHIFT,
	};

	return it->version < sv->wiped_below || eng_discard_asked(e, sv->slot, &key, it->version) ||
	       eng_pageio_storing(e, vai, it->page_no, sv->slot, it->version);
}

/* Return: 0, or -ENOMEM: to be told again. */
static int inventory_item(struct engine *e, struct eng_server *sv,
			  const struct amp_inventory_item *it)
{
	struct eng_vai *vai = eng_vai_of(e, it->client, it->vai);
	u32 idx;

	if (!it->version || it->version > ENG_VERSION_SANE) {
		e->stats.inventory_bad++;
		return 0;
	}
	eng_version_raise(e, it->version + 1);
	sv->sent_version = max(sv->sent_version, it->version);
	if (!vai) {
		unknown_count(e, it);
		return 0;
	}
	if (vai->deleting) {
		e->stats.inventory_stale++; /* the server is told to forget all of it */
		return 0;
	}
	if (item_doomed(e, sv, vai, it)) {
		e->stats.inventory_stale++;
		return 0;
	}
	if (it->page_no >= vai->npages || it->version < vai->discarded_below) {
		if (it->page_no >= vai->npages)
			e->stats.inventory_beyond++;
		else
			e->stats.inventory_stale++;
		item_surplus(e, sv->slot, it, it->version + 1);
		return 0;
	}
	idx = map_find(e->map, vai->slot, it->page_no);
	if (idx != ENG_MAP_NONE) {
		item_known(e, sv, vai, map_entry(e->map, idx), it);
		return 0;
	}
	idx = map_insert(e->map, vai->slot, it->page_no);
	if (idx == ENG_MAP_NONE) {
		e->stats.no_memory++;
		return -ENOMEM;
	}
	vai->stored++;
	item_newest(e, sv, vai, map_entry(e->map, idx), it);
	return 0;
}

static int inventory_items(struct engine *e, struct eng_server *sv, const struct eng_xfer *xf)
{
	u32 off, end = AMP_HDR_LEN + xf->list_len;
	struct amp_inventory_item it;
	u8 buf[AMP_INVENTORY_ITEM_LEN];
	int rc = 0;

	for (off = AMP_HDR_LEN; off < end && !rc; off += sizeof(buf)) {
		if (anm_rec_copy(xf->list, off, buf, sizeof(buf)) ||
		    amp_inventory_item_decode(buf, sizeof(buf), &it))
			return -EINVAL;
		rc = inventory_item(e, sv, &it);
		if (rc)
			break;
		e->stats.inventory_pages++;
	}
	return rc;
}

/* An answer that would not lead on to the end in good time is none. */
static bool inventory_sane(const struct eng_server *sv, const struct eng_inv_lane *l)
{
	u32 n = l->xf.list_len / AMP_INVENTORY_ITEM_LEN, room = amp_inventory_room(sv->mtu);
	u64 next = l->xf.got_version;

	if (l->xf.list_len % AMP_INVENTORY_ITEM_LEN || n > room)
		return false;
	if (l->xf.code == AMP_OK)
		return true;
	return l->xf.code == AMP_E_MORE && next > l->cursor && next - l->cursor >= n &&
	       (n == room || next - l->cursor >= ENG_INV_STEP_MIN);
}

/* ---- asking ---- */

static void inventory_pump(struct engine *e, struct eng_server *sv);

static void lane_done(struct engine *e, struct eng_xfer *xf, enum xfer_result res)
{
	struct eng_inv_lane *l = container_of(xf, struct eng_inv_lane, xf);
	struct eng_server *sv = l->sv;
	struct eng_inventory *inv = sv->inv;
	int rc = -EAGAIN;

	l->busy = false;
	inv->busy--;
	if (res == XFER_OK && inventory_sane(sv, l))
		rc = inventory_items(e, sv, xf);
	else if (res == XFER_OK || res == XFER_REFUSED)
		e->stats.inventory_bad++;
	if (rc) {
		/* the same again later; what was taken of it does no harm */
		inv->retry_ns = e->now + ENG_INV_RETRY_NS;
	} else if (xf->code == AMP_OK) {
		inv->end = min(inv->end, l->cursor);
		l->cursor = l->end;
	} else {
		l->cursor = min(xf->got_version, l->end);
	}
	if (sv->state == ENG_SERVER_GONE)
		eng_recover_forget(e, sv);
	else
		inventory_pump(e, sv);
}

static void lane_start(struct engine *e, struct eng_server *sv, struct eng_inv_lane *l)
{
	memset(&l->xf, 0, sizeof(l->xf));
	l->sv = sv;
	l->busy = true;
	sv->inv->busy++;
	l->xf.type = AMP_INVENTORY;
	l->xf.version = l->cursor;
	l->xf.done = lane_done;
	eng_xfer_start(e, sv, &l->xf);
}

static void inventory_done(struct engine *e, struct eng_server *sv)
{
	anm_free(sv->inv);
	sv->inv = NULL;
	/* Discards that were not remembered: what they were for is found by another round. */
	sv->inventoried = !sv->overflowed;
	sv->overflowed = false;
	sv->awaited = false;
	/* What it has beyond what is mapped was not yet known when it said how much. */
	eng_server_usage(sv, sv->used);
	if (eng_server_draining(sv))
		sv->drain_total = max(sv->drain_total, sv->mapped);
	recover_count(e);
	eng_mover_kick(e, ENG_KICK_SERVER);
}

static void inventory_pump(struct engine *e, struct eng_server *sv)
{
	struct eng_inventory *inv = sv->inv;
	u32 max = e->recover.active ? ENG_INV_LANES : ENG_INV_LANES_LATE, i;
	bool rest = false;

	if (!eng_server_usable(sv) || !sv->session)
		return;
	if (sv->discard_busy)
		max = 0; /* what it answers then may be gone a moment later */
	for (i = 0; i < ENG_INV_LANES; i++) {
		struct eng_inv_lane *l = &inv->lane[i];

		if (l->busy)
			continue;
		if (l->cursor >= min(l->end, inv->end) && inv->next < inv->end) {
			if (inv->busy >= max || inv->retry_ns > e->now)
				continue;
			l->cursor = inv->next;
			l->end = inv->next + ENG_INV_CHUNK;
			inv->next = l->end;
		}
		if (l->cursor >= min(l->end, inv->end))
			continue;
		rest = true;
		if (inv->busy < max && inv->retry_ns <= e->now && sv->ndiscards < ENG_INV_DISCARDS)
			lane_start(e, sv, l);
	}
	if (!inv->busy && !rest && inv->next >= inv->end)
		inventory_done(e, sv);
	eng_discard_pump(e, sv);
}

/* False without memory: to be tried again. */
static bool inventory_begin(struct engine *e, struct eng_server *sv)
{
	sv->inv = anm_alloc(sizeof(*sv->inv));
	if (!sv->inv) {
		e->stats.no_memory++;
		return false;
	}
	sv->inv->end = min_t(u64, sv->donation, AMP_DONATION_PAGES_MAX) * AMP_INVENTORY_SHARE;
	inventory_pump(e, sv);
	return true;
}

/*
 * One that says it is empty, and of which nothing is expected, is not asked. But its HELLO
 * may be a late one, from before there was something: that it is not shows with the
 * next message of the session.
 */
void eng_recover_joined(struct engine *e, struct eng_server *sv)
{
	if (sv->inventoried || e->cfg.hold)
		return;
	if (sv->inv) {
		sv->inv->retry_ns = 0;
		inventory_pump(e, sv);
		return;
	}
	sv->told_empty = !sv->awaited && !sv->used;
	if (!sv->told_empty)
		inventory_begin(e, sv);
}

void eng_recover_again(struct eng_server *sv)
{
	sv->overflowed = sv->inv != NULL;
	sv->inventoried = false;
	sv->told_empty = false;
}

void eng_recover_heard(struct engine *e, struct eng_server *sv)
{
	sv->heard = true;
	if (sv->was_gone) {
		sv->was_gone = false;
		recover_count(e);
	}
	if (sv->told_empty)
		sv->inventoried = true;
	recover_compare(e, sv);
}

/* ---- time ---- */

/* Inventories that wait for memory, for discards to be told, or after a bad answer. */
static bool inventories_go_on(struct engine *e)
{
	bool some = false;
	u32 i;

	for (i = 0; i < e->servers->nslots; i++) {
		struct eng_server *sv = e->servers->slot[i];

		if (!sv || sv->inventoried || !eng_server_usable(sv) || e->cfg.hold)
			continue;
		if (sv->inv && !sv->inv->busy && sv->inv->retry_ns <= e->now)
			inventory_pump(e, sv);
		else if (!sv->inv && !sv->told_empty)
			inventory_begin(e, sv);
		some |= sv->inv != NULL;
	}
	return some;
}

static void recover_end(struct engine *e)
{
	struct eng_recover *r = &e->recover;
	u32 i;

	/* From now on pages are written that these may have, and cannot be told to forget. */
	for (i = 0; i < e->servers->nslots; i++)
		if (e->servers->slot[i] && e->servers->slot[i]->awaited)
			eng_stale_note(e, e->servers->slot[i]);
	r->active = false;
	r->took_ns = e->now - r->began_ns;
	eng_event(e, ENG_EV_RECOVERED, "", r->pages);
	eng_mover_kick(e, ENG_KICK_SERVER);
}

/*
 * For how long servers are waited for. One that was gone before the restart hardly comes back just
 * now, and nothing was on it: clients need not stand still for that. Should it come all the same, it
 * is one that comes late.
 */
static u64 recover_wait(const struct engine *e)
{
	const struct eng_recover *r = &e->recover;
	u64 ns = e->cfg.recover_ms * NS_PER_MS;

	return r->missing > r->gone ? ns : min(ns, max(e->cfg.dead_ms * NS_PER_MS, ENG_GRACE_NS));
}

u64 eng_recover_tick(struct engine *e)
{
	struct eng_recover *r = &e->recover;
	u64 since = e->now - r->began_ns;
	bool some;

	if (!e->servers || e->now < r->tick_ns)
		return RECOVER_TICK_NS;
	r->tick_ns = e->now + RECOVER_TICK_NS;
	some = inventories_go_on(e);
	if (!r->active || e->cfg.hold)
		return some ? RECOVER_TICK_NS : NS_PER_S;
	if (!r->vais || since >= recover_wait(e) || (since >= ENG_GRACE_NS && !r->missing && !some))
		recover_end(e);
	return RECOVER_TICK_NS;
}

void eng_recover_status(struct engine *e, struct eng_status *st)
{
	const struct eng_recover *r = &e->recover;
	u32 i;

	st->recovering = r->active;
	st->awaited = r->missing;
	st->recover_pages = r->pages;
	st->recover_ns = r->active ? e->now - r->began_ns : r->took_ns;
	st->epoch_next = max(e->cfg.epoch, e->version_next >> 32);
	for (i = 0; i < r->nunknown; i++) {
		if (eng_vai_of(e, r->unknown[i].client_id, r->unknown[i].vai_id))
			continue;
		st->unknown_vais++;
		st->unknown_pages += r->unknown[i].pages;
	}
}

/* ---- what nobody asks for ---- */

int eng_recover_discard_unknown(struct engine *e, struct eng_err *err)
{
	struct eng_recover *r = &e->recover;
	u32 i, j, n = 0;

	if (r->active)
		return eng_refuse(err, -EBUSY, "the page map is being rebuilt: wait for its end");
	for (i = 0; i < r->nunknown; i++) {
		struct amp_key key = {
			.client = r->unknown[i].client_id,
			.vai = r->unknown[i].vai_id,
		};

		if (eng_vai_of(e, key.client, key.vai))
			continue;
		n++;
		for (j = 0; j < e->servers->nslots; j++)
			eng_discard_vai(e, (u16)j, &key, e->version_next);
	}
	r->nunknown = 0;
	return (int)n;
}
