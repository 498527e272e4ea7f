// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page's move: fetched from a copy at hand and stored, as it is and under the version
 * that it has, on servers that do not hold it; then the map names these, and copies that
 * are too many are forgotten. It waits its turn for the page like any other operation.
 *
 * A discard that is still on its way names the version that it spares. A page that goes
 * back to a server which was told to forget it would not be spared, so then all of its
 * copies are written anew under a new version.
 */
#include "cache.h"
#include "elder.h"
#include "pageop.h"
#include "recover.h"

#define YIELD_TRIES 2 /* transmissions after which a move makes way */

enum eng_copy_rank eng_copy_rank(struct engine *e, u16 slot)
{
	const struct eng_server *sv = eng_server_at(e, slot);

	if (!sv || sv->state == ENG_SERVER_GONE)
		return ENG_COPY_NONE;
	if (!eng_server_usable(sv))
		return e->now - sv->away_ns < e->cfg.repair_after_ms * NS_PER_MS ? ENG_COPY_AWAY
										 : ENG_COPY_OVERDUE;
	if (eng_server_draining(sv))
		return ENG_COPY_DRAINING;
	return sv->state == ENG_SERVER_SUSPECT ? ENG_COPY_SUSPECT : ENG_COPY_GOOD;
}

/* To a page that is to leave a server, that is as good as being drained. */
static enum eng_copy_rank move_rank(struct engine *e, u16 slot, u16 leave)
{
	enum eng_copy_rank rank = eng_copy_rank(e, slot);

	return slot == leave && rank < ENG_COPY_DRAINING ? ENG_COPY_DRAINING : rank;
}

static void copies_count(struct engine *e, const struct map_entry *me, u16 leave,
			 struct eng_copies *c)
{
	u32 i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		enum eng_copy_rank rank = move_rank(e, map_current(me, i), leave);

		c->at_hand += rank <= ENG_COPY_DRAINING;
		c->lasting += rank <= ENG_COPY_SUSPECT;
		c->awaited += rank == ENG_COPY_AWAY;
		c->draining |= rank == ENG_COPY_DRAINING;
	}
}

void eng_copies_count(struct engine *e, const struct map_entry *me, struct eng_copies *c)
{
	copies_count(e, me, ENG_SLOT_NONE, c);
}

/* ---- where to ---- */

struct move_ask {
	struct eng_place_ask ask;
	u16 avoid[PG_TRIED_MAX + ENG_COPIES_MAX], peers[2 * ENG_COPIES_MAX];
};

/* @op: NULL as long as there is none. */
static void move_ask(struct engine *e, const struct map_entry *me, const struct pg_op *op,
		     u16 leave, struct move_ask *m)
{
	struct eng_place_ask *ask = &m->ask;
	u32 i;

	memset(ask, 0, sizeof(*ask));
	ask->avoid = m->avoid;
	ask->peers = m->peers;
	ask->state = ENG_SERVER_LIVE;
	for (i = 0; op && i < op->ntried; i++)
		m->avoid[ask->nr_avoid++] = op->tried[i];
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		u16 slot = map_server(me, i);
		enum eng_copy_rank rank = move_rank(e, slot, leave);

		m->avoid[ask->nr_avoid++] = slot;
		if (slot == map_current(me, i) && rank != ENG_COPY_DRAINING &&
		    rank < ENG_COPY_OVERDUE)
			m->peers[ask->nr_peers++] = slot;
		if (op && op->storing)
			m->peers[ask->nr_peers++] = op->copy[i].slot;
	}
}

/* Over the version before is the best place: there it needs no room, and nothing is left over. */
static struct eng_server *move_elder(struct engine *e, const struct map_entry *me,
				     const struct pg_op *op, u16 leave)
{
	struct eng_server *sv = eng_server_at(e, map_elder(me));
	const struct eng_server *peer = eng_server_at(e, map_server(me, 0));
	u32 i;

	if (!sv || eng_copy_rank(e, sv->slot) != ENG_COPY_GOOD || sv->slot == leave ||
	    (peer && eng_zones_clash(peer, sv)))
		return NULL;
	if (op && (op_tried(op, sv->slot) || op_targets(op, sv->slot)))
		return NULL;
	for (i = 0; op && op->storing && i < op->ncopies; i++) {
		peer = eng_server_at(e, op->copy[i].slot);
		if (peer && eng_zones_clash(peer, sv))
			return NULL;
	}
	return sv;
}

static struct eng_server *move_place(struct engine *e, const struct map_entry *me,
				     const struct pg_op *op, u16 leave)
{
	struct eng_server *sv = move_elder(e, me, op, leave);
	struct move_ask m;

	if (sv)
		return sv;
	move_ask(e, me, op, leave, &m);
	return eng_place(e, &m.ask);
}

static struct eng_server *move_pick(struct engine *e, const struct pg_op *op)
{
	return move_place(e, op_entry(e, op), op, op->leave);
}

bool eng_move_possible(struct engine *e, const struct map_entry *me, u16 leave)
{
	return move_place(e, me, NULL, leave);
}

void eng_move_want(struct engine *e, const struct map_entry *me)
{
	struct move_ask m;

	move_ask(e, me, NULL, ENG_SLOT_NONE, &m);
	eng_place_want(e, &m.ask);
}

static u32 move_missing(struct engine *e, const struct pg_op *op)
{
	u32 copies = clamp_t(u32, op->io.vai->copies, 1, ENG_COPIES_MAX);
	struct eng_copies c;

	copies_count(e, op_entry(e, op), op->leave, &c);
	return copies > (u32)c.lasting + c.awaited ? copies - c.lasting - c.awaited : 0;
}

void op_move(struct engine *e, struct pg_op *op)
{
	const struct map_entry *me = op_entry(e, op);
	struct eng_copies c;

	/* Much may have happened since it was found. */
	if (!me || !map_version(me) || op->io.vai->deleting || op->io.vai->emptying ||
	    !move_missing(e, op)) {
		op_complete(e, op, 0);
		return;
	}
	eng_copies_count(e, me, &c);
	if (!c.at_hand && !map_pattern(me) && !eng_cache_has(e, me) &&
	    (c.awaited || !eng_elder_ready(e, op->io.vai, me)))
		op_complete(e, op, -EIO);
	else if (!move_pick(e, op))
		op_complete(e, op, -ENOSPC);
	else if (c.at_hand || !op_cached(e, op))
		op_fetch(e, op);
}

/* ---- storing ---- */

/*
 * The best of the old copies and the new ones stay in the map. A server of the new ones
 * may have died since it answered, one of the old may be back.
 */
static u32 move_settle(struct engine *e, struct pg_op *op, struct map_entry *me)
{
	u32 copies = clamp_t(u32, op->io.vai->copies, 1, ENG_COPIES_MAX), i, rank, n = 0, fresh = 0;
	u16 elder = map_elder(me), all[2 * ENG_COPIES_MAX],
	    keep[ENG_COPIES_MAX] = {ENG_SLOT_NONE, ENG_SLOT_NONE};
	struct amp_key key;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		bool stored = i < op->ncopies && op->copy[i].state == PG_COPY_STORED;

		all[i] = map_current(me, i);
		all[ENG_COPIES_MAX + i] = stored ? op->copy[i].slot : ENG_SLOT_NONE;
	}
	for (rank = ENG_COPY_GOOD; rank < ENG_COPY_NONE; rank++)
		for (i = 0; i < ARRAY_SIZE(all) && n < copies; i++)
			if (move_rank(e, all[i], op->leave) == rank)
				keep[n++] = all[i];
	if (elder != ENG_SLOT_NONE && (keep[0] == elder || keep[1] == elder)) {
		me->vai_flags &= (u16)~MAP_ELDER;
		fresh++;
	} else if (n == copies) {
		eng_elder_drop(e, op->io.vai, me, e->version_next);
	}
	op_key(op, &key);
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		if (all[i] == ENG_SLOT_NONE || all[i] == keep[0] || all[i] == keep[1])
			continue;
		eng_copy_drop(e, me, i);
		eng_discard_page(e, all[i], &key, op->version + 1);
	}
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		if (keep[i] == ENG_SLOT_NONE || entry_holds(me, keep[i]))
			continue;
		eng_server_at(e, keep[i])->mapped++;
		map_server_set(me, map_server(me, 0) == ENG_SLOT_NONE ? 0 : 1, keep[i]);
		fresh++;
	}
	return fresh;
}

static void move_finish(struct engine *e, struct pg_op *op)
{
	struct map_entry *me = op_entry(e, op);
	int err = op->tries ? -EIO : -ENOSPC;
	u32 fresh, i;

	/* An inventory may have told meanwhile of a newer version than the one that was moved. */
	for (i = 0; i < op->ncopies && map_version(me) != op->version; i++)
		op->copy[i].state = PG_COPY_WANT;
	fresh = move_settle(e, op, me);
	if (fresh) {
		e->stats.pages_moved += fresh;
		me->vai_flags &= (u16)~MAP_LOST;
		err = 0;
	}
	op_release(e, op, op->version + 1);
	eng_entry_judge(e, op->io.vai, me);
	op_complete(e, op, err);
}

/*
 * The page is stored anew, under a new version. What is stored of this move already either is
 * stored over or goes with the servers that were tried.
 */
static void move_rewrite(struct engine *e, struct pg_op *op)
{
	u32 i;

	for (i = 0; i < op->ncopies; i++)
		if (op->copy[i].state == PG_COPY_STORED)
			copy_failed(e, op, &op->copy[i]);
	op->restamp = false;
	op->rewrite = true;
	e->stats.pages_moved++;
	op_write(e, op);
}

/* Send every copy that has no server yet to one, @first before others; end when none is on its way. */
static void move_send(struct engine *e, struct pg_op *op, struct eng_server *first)
{
	bool sent = false;
	u32 i;

	for (i = 0; i < op->ncopies; i++) {
		struct pg_copy *c = &op->copy[i];
		struct eng_server *sv = NULL;

		/* Asked twice, the policy names another. */
		if (c->state == PG_COPY_WANT && op->tries <= PG_TRIES_MAX)
			sv = first ? first : move_pick(e, op);
		first = NULL;
		if (sv && !eng_discard_recent(e, sv))
			copy_send(e, op, c, sv);
		sent |= c->state == PG_COPY_SENT;
	}
	if (!sent)
		move_finish(e, op);
}

void op_move_fetched(struct engine *e, struct pg_op *op, bool bad)
{
	const struct map_entry *me = op_entry(e, op);
	struct eng_server *sv;
	u32 i;

	op->io.page = op->fetch;
	op->fetch = NULL;
	op->version = map_version(me);
	op->form = op->copy[0].xf.form;
	op->form_len = op->copy[0].xf.form_len;
	op->crc = op->copy[0].xf.crc;
	op->tries = 0;
	op->storing = true;
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		op->copy[i].slot = ENG_SLOT_NONE;
		op->copy[i].state = PG_COPY_WANT;
	}
	op->ncopies = (u8)min_t(u32, move_missing(e, op), ENG_COPIES_MAX);
	sv = op->ncopies ? move_pick(e, op) : NULL;
	if (bad || (sv && eng_discard_recent(e, sv)))
		move_rewrite(e, op);
	else
		move_send(e, op, sv);
}

/*
 * The server has a newer version, that a WRITE which failed has left there, and would refuse this
 * one for ever. Its inventory is in, so nobody counts on what it has.
 */
static bool move_outdone(struct engine *e, const struct pg_op *op, const struct pg_copy *c)
{
	return c->xf.got_version > op->version && c->xf.got_version <= ENG_VERSION_SANE &&
	       map_version(op_entry(e, op)) == op->version &&
	       eng_server_at(e, c->slot)->inventoried;
}

void eng_move_done(struct engine *e, struct eng_xfer *xf, enum xfer_result res)
{
	struct pg_copy *c = container_of(xf, struct pg_copy, xf);
	struct pg_op *op = c->op;
	bool stale = res == XFER_REFUSED && xf->code == AMP_E_STALE;
	u32 i;

	if (stale && xf->got_version == op->version)
		res = XFER_OK; /* it has just this one */
	if (res == XFER_OK) {
		c->state = PG_COPY_STORED;
	} else if (stale && move_outdone(e, op, c)) {
		eng_version_raise(e, xf->got_version + 1);
		op->restamp = true;
		copy_release(e, c);
	} else {
		if (res == XFER_REFUSED && xf->code == AMP_E_FULL)
			eng_server_full(eng_server_at(e, c->slot));
		copy_failed(e, op, c);
	}
	for (i = 0; i < op->ncopies; i++)
		if (op->copy[i].state == PG_COPY_SENT)
			return;
	if (op->restamp && map_version(op_entry(e, op)) == op->version)
		move_rewrite(e, op);
	else
		move_send(e, op, NULL);
	busy_run(e);
}

/* ---- what the mover calls ---- */

struct eng_pageio *eng_move_alloc(struct engine *e, struct eng_vai *vai, u32 page_no, u16 leave)
{
	struct eng_pageio *io = eng_pageio_alloc(e);

	if (!io)
		return NULL;
	io->vai = vai;
	io->page_no = page_no;
	io->len = ANM_PAGE_SIZE;
	op_of(io)->move = true;
	op_of(io)->leave = leave;
	return io;
}

/* Somebody waits for its end: others on its page, or all of a VAI that is given back. */
static bool move_awaited(const struct pg_op *op)
{
	return !list_empty(&op->wait) || op->io.vai->emptying || op->io.vai->deleting;
}

static bool move_hangs(const struct pg_op *op)
{
	u32 i;

	if (!move_awaited(op) || op->rewrite)
		return false;
	for (i = 0; i < ENG_COPIES_MAX; i++)
		if (op->copy[i].xf.state == XFER_FLIGHT && op->copy[i].xf.tries >= YIELD_TRIES)
			return true;
	return false;
}

bool eng_move_yield(struct engine *e, struct eng_pageio *io)
{
	struct pg_op *op = op_of(io);
	u32 i;

	if (!move_hangs(op))
		return false;
	e->stats.moves_yielded++;
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		struct pg_copy *c = &op->copy[i];
		struct eng_server *sv = eng_server_at(e, c->slot);

		if (c->xf.state == XFER_IDLE)
			continue;
		eng_xfer_cancel(e, &c->xf);
		if (op->storing)
			copy_failed(e, op, c); /* it may be stored there all the same */
		else
			copy_release(e, c);
		eng_xfer_pump(e, sv);
	}
	if (op->storing)
		move_finish(e, op);
	else
		op_complete(e, op, -EAGAIN);
	busy_run(e);
	return true;
}
