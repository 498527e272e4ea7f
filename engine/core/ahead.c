// SPDX-License-Identifier: GPL-2.0-only
#include "ahead.h"
#include "cache.h"
#include "form.h"
#include "writeback.h"

/* ---- what it came to ---- */

void eng_ahead_used(struct engine *e, struct eng_vai *vai)
{
	e->stats.ahead_used++;
	vai->ahead_used++;
	streams_used(&vai->streams);
}

void eng_ahead_wasted(struct engine *e, struct eng_vai *vai)
{
	e->stats.ahead_wasted++;
	if (!vai)
		return;
	vai->ahead_wasted++;
	streams_wasted(&vai->streams);
}

/* ---- one page ---- */

/* What was lost cannot be read, same-filled pages need not be, and others may not: elder.h, stale.h. */
static bool ahead_may(const struct map_entry *me)
{
	return !map_pattern(me) && !(me->vai_flags & (MAP_LOST | MAP_ELDER | MAP_DOUBT));
}

/* A server that no reader would have to wait for because of this. */
static struct eng_server *ahead_server(struct engine *e, const struct map_entry *me)
{
	struct eng_server *best = NULL;
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		struct eng_server *sv = eng_server_at(e, map_current(me, i));

		if (!sv || sv->state != ENG_SERVER_LIVE || sv->queued ||
		    sv->in_flight >= sv->win.cwnd / 2)
			continue;
		if (!best || sv->in_flight < best->in_flight)
			best = sv;
	}
	return best;
}

static void ahead_give_up(struct engine *e, struct pg_op *op)
{
	struct pg_copy *c = &op->copy[0];
	struct eng_server *sv = c->xf.sv;

	eng_xfer_cancel(e, &c->xf);
	copy_release(e, c);
	eng_xfer_pump(e, sv);
	op_complete(e, op, -EAGAIN);
}

static void ahead_slow(struct engine *e, struct eng_xfer *xf)
{
	ahead_give_up(e, container_of(xf, struct pg_copy, xf)->op);
	busy_run(e);
}

void op_ahead_arm(struct eng_xfer *xf, const struct eng_server *sv)
{
	xf->slow = ahead_slow;
	/* A reader may wait by now, and would have asked the other copy's server. */
	xf->slow_ns = sv->lag.p95_ns ? 2 * sv->lag.p95_ns : sv->win.rto_ns;
}

void op_ahead_yield(struct engine *e, struct pg_op *op, bool write)
{
	struct eng_xfer *xf = &op->copy[0].xf;

	if (xf->state == XFER_IDLE)
		return; /* it has yet to begin */
	if (!write && xf->state == XFER_FLIGHT) {
		xf->urgent = true;
		return;
	}
	ahead_give_up(e, op);
	busy_run(e);
}

static void ahead_fetched(struct engine *e, struct eng_xfer *xf, enum xfer_result res)
{
	struct pg_copy *c = container_of(xf, struct pg_copy, xf);
	struct pg_op *op = c->op;
	struct map_entry *me = op_entry(e, op);
	bool good = res == XFER_OK && op_unform(e, xf) && xf->got_version == map_version(me) &&
		    ahead_may(me);

	copy_release(e, c);
	if (good && xf->form == AMP_FORM_FILL)
		eng_entry_fill(e, me, anm_page_data(op->fetch));
	good = good && !op->io.vai->no_cache && !map_pattern(me);
	if (good)
		eng_cache_ahead(e, op);
	op_complete(e, op, good ? 0 : -EAGAIN);
	busy_run(e);
}

void op_ahead(struct engine *e, struct pg_op *op)
{
	const struct map_entry *me = op_entry(e, op);
	struct eng_server *sv = me ? ahead_server(e, me) : NULL;

	/* What servers have of a page that is dirty must not take its place. */
	if (sv && !eng_dirty_has(e, op->io.vai, op->io.page_no))
		op->fetch = anm_page_alloc();
	if (!op->fetch) {
		op_complete(e, op, -EAGAIN);
		return;
	}
	op->tries++;
	op_ask(e, op, &op->copy[0], sv, op->fetch, ahead_fetched);
}

/* ---- which pages ---- */

static void ahead_done(struct engine *e, struct eng_pageio *io, int err)
{
	if (err)
		eng_ahead_wasted(e, io->vai);
	e->aheads--;
	eng_pageio_free(e, io);
}

/* Return: false when it had better be left at that. */
static bool ahead_page(struct engine *e, struct eng_vai *vai, u32 page_no)
{
	u32 idx = map_find(e->map, vai->slot, page_no);
	struct map_entry *me;
	struct eng_pageio *io;

	if (idx == ENG_MAP_NONE)
		return true;
	me = map_entry(e->map, idx);
	if (!ahead_may(me) || eng_cache_has(e, me) || eng_dirty_has(e, vai, page_no) ||
	    eng_pageio_busy(e, vai, page_no))
		return true;
	if (e->aheads >= AHEADS_MAX || e->pages_in_flight >= ENG_PAGES_MAX / 2 ||
	    !ahead_server(e, me))
		return false;
	io = eng_pageio_alloc(e);
	if (!io)
		return false;
	io->vai = vai;
	io->page_no = page_no;
	io->len = ANM_PAGE_SIZE;
	io->done = ahead_done;
	op_of(io)->ahead = true;
	e->aheads++;
	e->stats.ahead_issued++;
	vai->ahead_issued++;
	eng_pageio_start(e, io);
	return true;
}

static bool ahead_wanted(const struct engine *e, const struct eng_vai *vai)
{
	return vai->readahead && e->cache && !vai->no_cache && !vai->deleting && !vai->emptying;
}

static void ahead_range(struct engine *e, struct eng_vai *vai, const struct stream_range *r)
{
	u32 i;

	for (i = 0; i < r->n; i++)
		if (!ahead_page(e, vai, r->s->down ? r->first + r->n - 1 - i : r->first + i))
			break;
	if (i < r->n)
		stream_back(r, i);
}

void eng_ahead_read(struct engine *e, struct eng_vai *vai, u32 first, u32 n)
{
	struct stream_range r;

	if (ahead_wanted(e, vai) &&
	    streams_read(&vai->streams, first, n, vai->npages, AHEAD_BURST, &r))
		ahead_range(e, vai, &r);
}

/* How much is in flight can be told only when no operation is about to begin. */
void eng_ahead_answered(struct engine *e, struct eng_vai *vai)
{
	if (!ahead_wanted(e, vai))
		return;
	e->ahead_again = true;
	e->ahead_slot = vai->slot;
	busy_run(e);
}

void eng_ahead_again(struct engine *e)
{
	struct eng_vai *vai;
	struct stream_range r;

	if (!e->ahead_again)
		return;
	e->ahead_again = false;
	vai = eng_vai_at(e, e->ahead_slot);
	if (vai && ahead_wanted(e, vai) &&
	    streams_again(&vai->streams, vai->npages, AHEAD_BURST, &r))
		ahead_range(e, vai, &r);
}
