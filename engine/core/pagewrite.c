// SPDX-License-Identifier: GPL-2.0-only
/* A page written: its copies sent out at once, and again elsewhere when a server fails. */
#include "cache.h"
#include "elder.h"
#include "form.h"
#include "recover.h"
#include "writeback.h"

bool entry_holds(const struct map_entry *me, u16 slot)
{
	return map_server(me, 0) == slot || map_server(me, 1) == slot;
}

bool op_tried(const struct pg_op *op, u16 slot)
{
	u32 i;

	for (i = 0; i < op->ntried; i++)
		if (op->tried[i] == slot)
			return true;
	return false;
}

bool op_targets(const struct pg_op *op, u16 slot)
{
	u32 i;

	for (i = 0; i < op->ncopies; i++)
		if (op->copy[i].slot == slot)
			return true;
	return false;
}

/* In the zone of a copy that has its server. */
static bool op_zone_clash(struct engine *e, const struct pg_op *op, const struct eng_server *sv)
{
	u32 i;

	for (i = 0; i < op->ncopies; i++) {
		const struct eng_server *peer = eng_server_at(e, op->copy[i].slot);

		if (peer && eng_zones_clash(peer, sv))
			return true;
	}
	return false;
}

/* A server that holds the page already and is not yet a target of this write. */
static struct eng_server *write_holder(struct engine *e, const struct pg_op *op, bool again)
{
	const struct map_entry *me = op_entry(e, op);
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		struct eng_server *sv = eng_server_at(e, map_server(me, i));

		if (!eng_server_usable(sv) || op_targets(op, sv->slot) || op_zone_clash(e, op, sv))
			continue;
		if (again || (sv->state == ENG_SERVER_LIVE && !eng_server_draining(sv) &&
			      sv->slot != op->leave && !op_tried(op, sv->slot)))
			return sv;
	}
	return NULL;
}

struct write_ask {
	struct eng_place_ask ask;
	u16 targets[ENG_COPIES_MAX];
};

static void write_ask(const struct pg_op *op, bool again, u8 state, struct write_ask *w)
{
	u32 i;

	w->ask.avoid = op->tried;
	w->ask.nr_avoid = again ? 0 : op->ntried;
	w->ask.peers = w->targets;
	w->ask.nr_peers = op->ncopies;
	w->ask.state = state;
	for (i = 0; i < op->ncopies; i++)
		w->targets[i] = op->copy[i].slot;
}

static struct eng_server *write_elsewhere(struct engine *e, const struct pg_op *op, bool again,
					  u8 state)
{
	struct write_ask w;

	write_ask(op, again, state, &w);
	return eng_place(e, &w.ask);
}

/*
 * It cannot be placed. If that is for how full the servers are room is made, and the client is to
 * try again, but not for ever.
 *
 * Return: -EAGAIN or -ENOSPC.
 */
static int write_want(struct engine *e, const struct pg_op *op)
{
	struct eng_vai *vai = op->io.vai;
	struct write_ask w;

	write_ask(op, true, ENG_SERVER_LIVE, &w);
	if (!eng_place_want(e, &w.ask))
		return -ENOSPC;
	eng_mover_kick(e, ENG_KICK_PAGE);
	if (op->move || op->settle)
		return -ENOSPC;
	if (!vai->room_ns)
		vai->room_ns = e->now;
	return e->now - vai->room_ns < ENG_ROOM_WAIT_NS ? -EAGAIN : -ENOSPC;
}

/*
 * Best first: where it is; elsewhere; where it is although suspect, tried or on its way
 * out; any at all.
 */
static struct eng_server *write_pick(struct engine *e, const struct pg_op *op)
{
	struct eng_server *sv = write_holder(e, op, false);

	if (!sv)
		sv = write_elsewhere(e, op, false, ENG_SERVER_LIVE);
	if (!sv)
		sv = write_holder(e, op, true);
	if (!sv)
		sv = write_elsewhere(e, op, true, ENG_SERVER_LIVE);
	if (!sv)
		sv = write_elsewhere(e, op, true, ENG_SERVER_SUSPECT);
	return sv;
}

void copy_release(struct engine *e, struct pg_copy *c)
{
	struct eng_server *sv = eng_server_at(e, c->slot);

	if (!sv)
		return;
	if (c->fresh)
		sv->pending--;
	sv->pins--;
	c->fresh = false;
	c->slot = ENG_SLOT_NONE;
	c->state = PG_COPY_WANT;
}

/* The server stays pinned while the operation may yet have to tell it to forget the page. */
void copy_failed(struct engine *e, struct pg_op *op, struct pg_copy *c)
{
	u16 slot = c->slot;
	u32 i;

	op->tries++;
	if (!op_tried(op, slot) && op->ntried < PG_TRIED_MAX) {
		op->tried[op->ntried++] = slot;
		eng_server_at(e, slot)->pins++;
	}
	for (i = 0; i < op->ntried && c->untold; i++)
		if (op->tried[i] == slot)
			op->untold |= BIT(i);
	copy_release(e, c);
}

/* Copies of this write that no entry will name are forgotten; all pins are let go. */
void op_release(struct engine *e, struct pg_op *op, u64 older_than)
{
	const struct map_entry *me = op_entry(e, op);
	struct amp_key key;
	u32 i;

	op_key(op, &key);
	for (i = 0; i < op->ncopies; i++) {
		u16 slot = op->copy[i].slot;

		if (slot == ENG_SLOT_NONE)
			continue;
		copy_release(e, &op->copy[i]);
		if (!entry_holds(me, slot))
			eng_discard_page(e, slot, &key, older_than);
	}
	for (i = 0; i < op->ntried; i++) {
		eng_server_at(e, op->tried[i])->pins--;
		if (!entry_holds(me, op->tried[i]))
			eng_discard_page(e, op->tried[i], &key, older_than);
	}
	op->ntried = 0;
	op->untold = 0;
}

void op_unborn(struct engine *e, struct pg_op *op)
{
	if (map_version(op_entry(e, op)))
		op->io.vai->stored++;
	else
		map_remove(e->map, op->entry);
	op->born = false;
}

static u16 op_stored(struct engine *e, const struct pg_op *op)
{
	u32 i;

	for (i = 0; i < op->ncopies; i++)
		if (op->copy[i].state == PG_COPY_STORED &&
		    eng_server_usable(eng_server_at(e, op->copy[i].slot)))
			return op->copy[i].slot;
	return ENG_SLOT_NONE;
}

/*
 * A READ that did not get as many copies written as there should be is answered all the same, so
 * nothing older than what it has read may take its place. Where that was stored is the page, over
 * the elder perhaps; where it was read from comes after. Of a bad copy that could not be replaced
 * nothing is changed as long as the good one is there, or the bad one's server would be believed
 * alone; else it counts no more.
 */
static void op_settle_failed(struct engine *e, struct pg_op *op)
{
	struct map_entry *me = op_entry(e, op);
	bool had = map_elder(me) != ENG_SLOT_NONE;
	u16 slot = op_stored(e, op), elder = eng_elder_best(e, me, slot, op->bad);
	u32 i;

	if (slot == ENG_SLOT_NONE)
		eng_elder_drop(e, op->io.vai, me, op->version + 1);
	if (slot == ENG_SLOT_NONE ||
	    (!had && (slot == op->bad || eng_server_usable(eng_server_at(e, elder)))))
		return;
	if (!entry_holds(me, slot))
		eng_server_at(e, slot)->mapped++;
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		u16 old = map_server(me, i);

		if (old != ENG_SLOT_NONE && old != slot && old != elder)
			eng_copy_discard(e, op->io.vai, me, i, op->version);
	}
	eng_elder_set(me, slot, elder);
	eng_entry_version(e, me, op->version);
	eng_entry_judge(e, op->io.vai, me);
	eng_mover_kick(e, ENG_KICK_PAGE);
}

static void op_write_failed(struct engine *e, struct pg_op *op, int err)
{
	if (op->settle)
		op_settle_failed(e, op);
	op_spare_untold(e, op);
	op_release(e, op, op->version + 1);
	/*
	 * Servers may hold the new bytes under the old entry. What is read next is to be what
	 * they say, so that it stays that way.
	 */
	eng_cache_drop(e, op->io.vai->slot, op->io.page_no);
	if (op->born)
		op_unborn(e, op);
	op_complete(e, op, op->settle ? 0 : err);
}

static void op_write_stored(struct engine *e, struct pg_op *op)
{
	struct map_entry *me = op_entry(e, op);
	struct amp_key key;
	u16 old;
	u32 i;

	op_key(op, &key);
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		old = map_server(me, i);
		if (old == ENG_SLOT_NONE || op_targets(op, old))
			continue;
		eng_copy_drop(e, me, i);
		eng_discard_page(e, old, &key, op->version);
	}
	for (i = 0; i < op->ncopies; i++)
		if (!entry_holds(me, op->copy[i].slot)) {
			eng_server_at(e, op->copy[i].slot)->mapped++;
			op->io.vai->room_ns = 0;
		}
	for (i = 0; i < ENG_COPIES_MAX; i++)
		map_server_set(me, i, i < op->ncopies ? op->copy[i].slot : ENG_SLOT_NONE);
	me->vai_flags &= (u16)~MAP_ELDER;
	eng_entry_version(e, me, op->version);
	if (op->form == AMP_FORM_FILL)
		eng_entry_fill(e, me, anm_page_data(op_form_page(op)));
	me->vai_flags &= (u16)~MAP_LOST;
	eng_entry_judge(e, op->io.vai, me);
	if (op->born)
		op->io.vai->stored++;
	eng_cache_stored(e, op);
	op_release(e, op, op->version + 1);
	op_complete(e, op, 0);
}

static void write_done(struct engine *e, struct eng_xfer *xf, enum xfer_result res);

void copy_send(struct engine *e, struct pg_op *op, struct pg_copy *c, struct eng_server *sv)
{
	c->slot = sv->slot;
	c->state = PG_COPY_SENT;
	c->untold = !sv->inventoried;
	c->fresh = !entry_holds(op_entry(e, op), sv->slot);
	if (c->fresh)
		sv->pending++;
	sv->pins++;
	c->xf.type = AMP_PAGE_OUT;
	c->xf.urgent = false;
	/* Chosen again for want of another. */
	c->xf.patient = op_tried(op, sv->slot) && sv->slot != op->bad;
	c->xf.slow = NULL;
	c->xf.split = NULL;
	op_key(op, &c->xf.key);
	c->xf.version = op->version;
	c->xf.page = op_form_page(op);
	c->xf.form = op->form;
	c->xf.form_len = op->form_len;
	c->xf.crc = op->crc;
	c->xf.done = op->move && !op->rewrite ? eng_move_done : write_done;
	eng_xfer_start(e, sv, &c->xf);
}

u64 eng_version_draw(struct engine *e)
{
	WARN_ON_ONCE(e->version_next >= ENG_VERSION_MAX);
	eng_version_raise(e, e->version_next + 1);
	return e->version_next - 1;
}

/* None is on its way. Copies that are stored have to be stored again. */
static void op_restamp(struct engine *e, struct pg_op *op)
{
	u32 i;

	op->restamp = false;
	op->version = eng_version_draw(e);
	for (i = 0; i < op->ncopies; i++) {
		if (op->copy[i].state == PG_COPY_STORED)
			copy_failed(e, op, &op->copy[i]);
		else
			op->copy[i].slot = ENG_SLOT_NONE;
	}
}

/* One of the servers chosen was told, since this write began, to forget such old versions. */
static bool op_outdated(const struct pg_op *op, struct eng_server *const *sv)
{
	u32 i;

	for (i = 0; i < op->ncopies; i++)
		if (sv[i] && op->version < sv[i]->wiped_below)
			return true;
	return false;
}

/* A READ that replaces a bad copy has the page already, and waits for nobody long. */
static u32 op_tries_max(struct engine *e, const struct pg_op *op)
{
	bool mends = op->settle && map_elder(op_entry(e, op)) == ENG_SLOT_NONE;

	return mends && op->failed ? 0 : PG_TRIES_MAX;
}

/* A move must not change the copies that there are before it has got another one. */
static bool op_holds_back(struct engine *e, const struct pg_op *op, struct eng_server *const *sv,
			  u32 i)
{
	const struct map_entry *me = op_entry(e, op);
	bool others = false;
	u32 j;

	for (j = 0; j < op->ncopies; j++)
		others |= sv[j] && !entry_holds(me, sv[j]->slot);
	return op->rewrite && others && entry_holds(me, sv[i]->slot);
}

/*
 * Send every copy that has no server, if there is a server for each; else wait for what
 * is on its way, and fail.
 */
static void op_write_copies(struct engine *e, struct pg_op *op)
{
	struct eng_server *sv[ENG_COPIES_MAX] = {NULL};
	bool short_of = op->tries > op_tries_max(e, op), sent = false;
	int err = -ENOSPC;
	u32 i;

	for (i = 0; i < op->ncopies && !short_of; i++) {
		if (op->copy[i].state != PG_COPY_WANT)
			continue;
		sv[i] = write_pick(e, op);
		if (sv[i]) {
			op->copy[i].slot = sv[i]->slot; /* so that the next pick differs */
		} else {
			err = write_want(e, op);
			short_of = true;
		}
	}
	if (!short_of && op_outdated(op, sv)) {
		op_restamp(e, op);
		op_write_copies(e, op);
		return;
	}
	for (i = 0; i < op->ncopies; i++) {
		struct pg_copy *c = &op->copy[i];

		if (c->state == PG_COPY_WANT) {
			c->slot = ENG_SLOT_NONE;
			if (!short_of && !op_holds_back(e, op, sv, i))
				copy_send(e, op, c, sv[i]);
		}
		sent |= c->state == PG_COPY_SENT;
	}
	if (short_of && !sent)
		op_write_failed(e, op, op->uncertain ? -EIO : err);
}

/* An answer came in. Once none is awaited: done, or another round. */
static void op_write_step(struct engine *e, struct pg_op *op)
{
	bool want = false;
	u32 i;

	for (i = 0; i < op->ncopies; i++)
		if (op->copy[i].state == PG_COPY_SENT)
			return;
	if (op->restamp)
		op_restamp(e, op);
	for (i = 0; i < op->ncopies; i++) {
		struct pg_copy *c = &op->copy[i];

		/* Stored by one that died while the other copy was still on its way. */
		if (c->state == PG_COPY_STORED && !eng_server_usable(eng_server_at(e, c->slot))) {
			op->uncertain = true;
			op->failed = true;
			copy_failed(e, op, c);
		}
		want |= c->state == PG_COPY_WANT;
	}
	if (want)
		op_write_copies(e, op);
	else
		op_write_stored(e, op);
}

static void write_done(struct engine *e, struct eng_xfer *xf, enum xfer_result res)
{
	struct pg_copy *c = container_of(xf, struct pg_copy, xf);
	struct pg_op *op = c->op;
	bool stale = res == XFER_REFUSED && xf->code == AMP_E_STALE;

	if (stale && xf->got_version == op->version)
		res = XFER_OK; /* it has just this one */
	if (res == XFER_OK) {
		c->state = PG_COPY_STORED;
	} else {
		if (stale && xf->got_version <= ENG_VERSION_SANE) {
			eng_version_raise(e, xf->got_version + 1);
			op->restamp = true;
		}
		if (res == XFER_REFUSED && xf->code == AMP_E_FULL)
			eng_server_full(eng_server_at(e, c->slot));
		else
			op->uncertain = true;
		op->failed |= !stale && (res != XFER_REFUSED || xf->code != AMP_E_FULL);
		copy_failed(e, op, c);
	}
	op_write_step(e, op);
	busy_run(e);
}

void op_write(struct engine *e, struct pg_op *op)
{
	u32 i;

	if (op_write_back(e, op))
		return;
	if (op->entry == ENG_MAP_NONE) {
		op->entry = map_insert(e->map, op->io.vai->slot, op->io.page_no);
		op->born = true;
	}
	if (op->entry == ENG_MAP_NONE) {
		e->stats.no_memory++;
		op_complete(e, op, -ENOMEM);
		return;
	}
	op->version = eng_version_draw(e);
	if (!op->move)
		op_form(e, op);
	op->ncopies = clamp_t(u8, op->io.vai->copies, 1, ENG_COPIES_MAX);
	op->tries = 0;
	op->failed = false;
	for (i = 0; i < op->ncopies; i++)
		op->copy[i].state = PG_COPY_WANT;
	for (i = 0; i < ENG_COPIES_MAX; i++)
		op->copy[i].slot = ENG_SLOT_NONE;
	op_write_copies(e, op);
}
