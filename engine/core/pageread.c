// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page read: fetched from a server that has it, and given to the reader or laid
 * under a partial write. Never written: zeros, and no server is asked.
 */
#include "ahead.h"
#include "cache.h"
#include "elder.h"
#include "form.h"
#include "recover.h"
#include "stale.h"

static void op_lost(struct engine *e, struct pg_op *op, struct map_entry *me)
{
	e->stats.pages_lost++;
	if (!(me->vai_flags & MAP_LOST)) {
		me->vai_flags |= MAP_LOST;
		op->io.vai->lost++;
		eng_event(e, ENG_EV_PAGE_LOST, op->io.vai->name,
			  (u64)op->io.page_no << ANM_PAGE_SHIFT);
	}
	op_complete(e, op, -EIO);
}

static u16 op_elder(struct engine *e, const struct pg_op *op)
{
	const struct map_entry *me = op_entry(e, op);

	return me ? map_elder(me) : ENG_SLOT_NONE;
}

/* Another server's copy did not match its CRC twice, and a good one was read. */
static bool op_bad_copy(struct engine *e, const struct pg_op *op)
{
	return op->bad != ENG_SLOT_NONE && op->bad != op->from &&
	       entry_holds(op_entry(e, op), op->bad);
}

/*
 * The bad copy is replaced by a write of the page, to another server if there is one. It is not
 * given up before: it may be good, and the network bad, and the server with the other may die.
 */
static void op_shun_bad(struct engine *e, struct pg_op *op)
{
	e->stats.pages_bad++;
	op->tried[op->ntried++] = op->bad;
	eng_server_at(e, op->bad)->pins++;
}

/* Give it to the reader, or lay the new bytes over it. */
void op_fetched(struct engine *e, struct pg_op *op)
{
	struct eng_pageio *io = &op->io;
	u8 *data = anm_page_data(op->fetch);
	bool bad = op_bad_copy(e, op);

	if (bad)
		op_shun_bad(e, op);
	if (op->move) {
		op_move_fetched(e, op, bad);
		return;
	}
	if (io->write) {
		memcpy(data + io->off, (u8 *)anm_page_data(io->page) + io->off, io->len);
		anm_page_put(io->page);
	}
	io->page = op->fetch;
	op->fetch = NULL;
	if (io->write) {
		e->stats.pages_merged++;
		op_write(e, op);
	} else if (bad || op_elder(e, op) != ENG_SLOT_NONE) {
		op->settle = true;
		op_write(e, op);
	} else {
		op_complete(e, op, 0);
	}
}

void op_never_written(struct engine *e, struct pg_op *op)
{
	if (eng_recover_unknown(e, op->io.vai)) {
		e->stats.reads_unknown++;
		op_complete(e, op, -EIO);
		return;
	}
	if (!op->io.write) {
		e->stats.pages_zero++;
		if (op->io.page_no) {
			anm_page_get(e->zero_page);
			op->io.page = e->zero_page;
			op_complete(e, op, 0);
			return;
		}
	}
	op->fetch = anm_page_alloc();
	if (!op->fetch) {
		e->stats.no_memory++;
		op_complete(e, op, -ENOMEM);
		return;
	}
	memset(anm_page_data(op->fetch), 0, ANM_PAGE_SIZE);
	if (!op->io.page_no)
		eng_swap_header(op->io.vai, anm_page_data(op->fetch));
	op_fetched(e, op);
}

/*
 * A copy not yet tried in this round: one in doubt, so that a good one is not given up for
 * what the network did; else a live server before a suspect one, then the less busy.
 */
static struct eng_server *fetch_pick(struct engine *e, const struct pg_op *op,
				     const struct map_entry *me)
{
	struct eng_server *best = NULL;
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		struct eng_server *sv = eng_server_at(e, map_current(me, i));

		if (!eng_server_usable(sv) || (op->skip & BIT(i)))
			continue;
		if (sv->slot == op->doubt)
			return sv;
		if (!best || (sv->state == ENG_SERVER_LIVE && best->state != ENG_SERVER_LIVE) ||
		    (sv->state == best->state && sv->nxfers < best->nxfers))
			best = sv;
	}
	if (!best && !(op->skip & BIT(1)) && eng_elder_ready(e, op->io.vai, me))
		return eng_server_at(e, map_elder(me));
	return best;
}

static u16 fetch_split(struct engine *e, struct eng_xfer *xf, u8 *buf)
{
	struct eng_pageio *io = &container_of(xf, struct pg_copy, xf)->op->io;

	return io->split(e, io, xf->sv->mtu, buf);
}

static bool held_elsewhere(struct engine *e, const struct map_entry *me,
			   const struct eng_server *sv)
{
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		const struct eng_server *other = eng_server_at(e, map_current(me, i));

		if (other != sv && eng_server_usable(other))
			return true;
	}
	return false;
}

void op_ask(struct engine *e, struct pg_op *op, struct pg_copy *c, struct eng_server *sv,
	    struct anm_page *page,
	    void (*done)(struct engine *e, struct eng_xfer *xf, enum xfer_result res))
{
	u16 elder = op_elder(e, op);

	c->slot = sv->slot;
	sv->pins++;
	c->xf.type = AMP_PAGE_IN;
	c->xf.urgent = !op->move && !op->ahead;
	c->xf.patient = !held_elsewhere(e, op_entry(e, op), sv);
	c->xf.slow = NULL;
	op_key(op, &c->xf.key);
	c->xf.version = elder == sv->slot ? 1 : map_version(op_entry(e, op));
	c->xf.page = page;
	c->xf.frags = op->io.share && !op->move ? &op->io.frags : NULL;
	c->xf.done = done;
	c->xf.split = NULL;
	if (c == &op->copy[0] && op->tries == 1 && op->io.split && elder == ENG_SLOT_NONE)
		c->xf.split = fetch_split;
	if (op->ahead)
		op_ahead_arm(&c->xf, sv);
	else if (c == &op->copy[0])
		op_hedge_arm(e, op, &c->xf, sv->lag.p95_ns);
	eng_xfer_start(e, sv, &c->xf);
}

static void fetch_done(struct engine *e, struct eng_xfer *xf, enum xfer_result res);

static void fetch_next(struct engine *e, struct pg_op *op)
{
	struct map_entry *me = op_entry(e, op);
	struct eng_server *sv;

	if (eng_stale_doubt(e, op->io.vai, me)) {
		e->stats.reads_unknown += !op->move;
		op_complete(e, op, -EIO);
		return;
	}
	sv = fetch_pick(e, op, me);
	if (!sv && op->skip && op->tries < PG_TRIES_MAX) {
		op->skip = 0;
		sv = fetch_pick(e, op, me);
	}
	if (!sv) {
		op->skip = 0;
		if (op->move || fetch_pick(e, op, me))
			op_complete(e, op, -EIO);
		else
			op_lost(e, op, me);
		return;
	}
	if (op->fetch && anm_page_shared(op->fetch)) {
		anm_page_put(op->fetch);
		op->fetch = NULL;
	}
	if (!op->fetch)
		op->fetch = eng_page_take(e);
	if (!op->fetch) {
		e->stats.no_memory++;
		op_complete(e, op, -ENOMEM);
		return;
	}
	op->tries++;
	op_ask(e, op, &op->copy[0], sv, op->fetch, fetch_done);
}

void op_fetch(struct engine *e, struct pg_op *op)
{
	int known = op_known(e, op);

	if (!known) {
		fetch_next(e, op);
	} else if (known < 0) {
		e->stats.no_memory++;
		op_complete(e, op, known);
	} else {
		e->stats.reads_filled++;
		op_fetched(e, op);
	}
}

/*
 * Newer than acknowledged: from a write that failed for its client but reached this
 * server. Having been read it must not be unread, so the older copies count no more.
 */
static void fetch_newer(struct engine *e, struct pg_op *op, struct map_entry *me, u64 version)
{
	u16 elder = map_elder(me);
	struct amp_key key;
	u32 i;

	if (elder == ENG_SLOT_NONE)
		elder = eng_elder_pick(e, op->io.vai, me, op->from);
	op_key(op, &key);
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		u16 slot = map_server(me, i);

		if (slot == ENG_SLOT_NONE || slot == op->from || slot == elder)
			continue;
		eng_copy_drop(e, me, i);
		eng_discard_page(e, slot, &key, version);
	}
	eng_elder_set(me, op->from, elder);
	eng_entry_version(e, me, version);
	eng_entry_judge(e, op->io.vai, me);
	if (me->vai_flags & MAP_DEGRADED)
		eng_mover_kick(e, ENG_KICK_PAGE);
}

/* @from has answered with @version: that is the page. */
static void fetch_settle(struct engine *e, struct pg_op *op, struct map_entry *me, u64 version)
{
	if (version > ENG_VERSION_MAX)
		return;
	if (map_elder(me) == op->from) {
		eng_elder_take(e, op->io.vai, me, version);
		eng_entry_judge(e, op->io.vai, me);
		eng_mover_kick(e, ENG_KICK_PAGE);
	} else if (version > map_version(me)) {
		fetch_newer(e, op, me, version);
	}
}

/* Is the version that @slot answered with the page? */
static bool fetch_right(struct engine *e, const struct pg_op *op, const struct map_entry *me,
			u16 slot, u64 version)
{
	if (map_elder(me) == slot)
		return version && eng_elder_ready(e, op->io.vai, me);
	/* An inventory may have told meanwhile of a newer copy elsewhere. */
	return version == map_version(me) || (version > map_version(me) && entry_holds(me, slot));
}

/* Return: it is to be asked once more. */
static bool fetch_doubts(struct pg_op *op, u16 slot)
{
	bool again = op->doubt != slot && op->bad != slot;

	op->doubt = again ? slot : ENG_SLOT_NONE;
	if (!again)
		op->bad = slot;
	return again;
}

/* Bytes that were left where they arrived are wanted in a page after all. */
static void op_gather(struct pg_op *op)
{
	struct anm_frags *frags = &op->io.frags;
	u8 *to = anm_page_data(op->fetch);
	u32 i;

	for (i = 0; i < frags->n; i++) {
		const struct anm_frag *f = &frags->frag[i];

		memcpy(to, (u8 *)anm_page_data(f->page) + f->off, f->len);
		to += f->len;
	}
	anm_frags_put(frags);
}

static void fetch_done(struct engine *e, struct eng_xfer *xf, enum xfer_result res)
{
	struct pg_copy *c = container_of(xf, struct pg_copy, xf);
	struct pg_op *op = c->op;
	struct map_entry *me = op_entry(e, op);
	/* A move takes it as it is. */
	bool broken = res == XFER_OK && !op->move && !xf->answered && !op_unform(e, xf);
	u16 slot = c->slot;
	bool good = res == XFER_OK && !broken && fetch_right(e, op, me, slot, xf->got_version);
	bool wait;
	u32 i = map_server(me, 0) == slot ? 0 : 1;

	copy_release(e, c);
	wait = op_hedge_settle(e, op, c, good);
	if (good) {
		op->from = slot;
		fetch_settle(e, op, me, xf->got_version);
		me->vai_flags &= (u16)~MAP_LOST;
		op->io.answered = xf->answered;
		/* It is to be written back. */
		if (op->io.frags.n && (map_elder(me) != ENG_SLOT_NONE || op_bad_copy(e, op)))
			op_gather(op);
		if (xf->answered || op->io.frags.n) {
			op_complete(e, op, 0);
		} else {
			if (xf->form == AMP_FORM_FILL)
				eng_entry_fill(e, me, anm_page_data(op->fetch));
			op_fetched(e, op);
		}
	} else {
		anm_frags_put(&op->io.frags);
		if (broken) {
			e->stats.amp_crc++;
			op->bad = slot;
		}
		if (res != XFER_CRC || !fetch_doubts(op, slot))
			op->skip |= BIT(i);
		/* A live session says that it has not got it: this copy is lost. */
		if (res == XFER_REFUSED && xf->code == AMP_E_NOENT && map_server(me, i) == slot) {
			eng_copy_drop(e, me, i);
			eng_recover_lossy(e, me);
			eng_entry_judge(e, op->io.vai, me);
			eng_mover_kick(e, ENG_KICK_PAGE);
		}
		if (!wait)
			fetch_next(e, op);
	}
	busy_run(e);
}
