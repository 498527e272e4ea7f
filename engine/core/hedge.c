// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hedged reads: when the server of one copy takes longer than it nearly always does, that
 * of the other copy is asked too. The first good answer is taken, the other question
 * forgotten; its answer finds its channel on to other numbers, or free, and is dropped as
 * late. Each has a page of its own to answer into.
 */
#include "pageop.h"

#define HEDGE_PERCENT 5	   /* of the reads that could be hedged, at most */
#define HEDGE_COST    100  /* of a hedge; each such read brings HEDGE_PERCENT */
#define HEDGE_SAVE    1600 /* that may be saved up */

/* ---- how long reads take ---- */

static u32 lag_bucket(u64 ns)
{
	u64 v = ns >> LAG_SHIFT;
	u32 top;

	BUILD_BUG_ON(LAG_SUB != 4);
	if (v < LAG_SUB)
		return (u32)v;
	top = 63 - (u32)__builtin_clzll(v);
	return min((top - 1) * LAG_SUB + (u32)(v >> (top - 2)) % LAG_SUB, LAG_BUCKETS - 1);
}

/* Where the next bucket begins. */
static u64 lag_bound(u32 bucket)
{
	u32 top = bucket / LAG_SUB + 1;

	if (bucket < LAG_SUB)
		return (u64)(bucket + 1) << LAG_SHIFT;
	return (u64)(LAG_SUB + bucket % LAG_SUB + 1) << (top - 2 + LAG_SHIFT);
}

static u64 lag_p95(const struct eng_lag *lag)
{
	u32 i = LAG_BUCKETS, above = 0;

	while (i && (above + lag->count[i - 1]) * LAG_TAIL <= lag->total)
		above += lag->count[--i];
	return i ? lag_bound(i - 1) : 0;
}

void eng_lag_add(struct eng_lag *lag, u64 ns)
{
	u32 i;

	lag->count[lag_bucket(ns)]++;
	lag->total++;
	if (lag->total >= LAG_MAX) {
		lag->total = 0;
		for (i = 0; i < LAG_BUCKETS; i++) {
			lag->count[i] /= 2;
			lag->total += lag->count[i];
		}
	}
	if (lag->total < LAG_MIN || ++lag->looks < LAG_LOOK)
		return;
	lag->looks = 0;
	lag->p95_ns = lag_p95(lag);
}

/* ---- hedging ---- */

/* That of the copy which is not being asked, if it can well be bothered. */
static struct eng_server *hedge_server(struct engine *e, const struct pg_op *op)
{
	const struct map_entry *me = op_entry(e, op);
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX && !(me->vai_flags & MAP_DOUBT); i++) {
		struct eng_server *sv = eng_server_at(e, map_current(me, i));

		if (sv && sv->slot != op->copy[0].slot && !(op->skip & BIT(i)) &&
		    sv->state == ENG_SERVER_LIVE && !sv->queued && sv->in_flight < sv->win.cwnd)
			return sv;
	}
	return NULL;
}

static void hedge_begin(struct engine *e, struct eng_xfer *xf)
{
	struct pg_op *op = container_of(xf, struct pg_copy, xf)->op;
	struct pg_copy *c = &op->copy[1];
	struct eng_server *sv;

	if (op->hedge || e->hedge_credit < HEDGE_COST)
		return;
	sv = hedge_server(e, op);
	op->hedge = sv ? anm_page_alloc() : NULL;
	if (!op->hedge)
		return;
	e->hedge_credit -= HEDGE_COST;
	e->stats.reads_hedged++;
	op->io.vai->hedged++;
	op_ask(e, op, c, sv, op->hedge, xf->done);
}

void op_hedge_arm(struct engine *e, const struct pg_op *op, struct eng_xfer *xf, u64 p95_ns)
{
	if (op->move || op->io.vai->no_hedge || op->io.vai->copies < 2)
		return;
	e->hedge_credit = min_t(u32, e->hedge_credit + HEDGE_PERCENT, HEDGE_SAVE);
	if (!p95_ns)
		return;
	xf->slow = hedge_begin;
	xf->slow_ns = p95_ns;
}

/* The other one is not wanted any more. */
static void hedge_drop(struct engine *e, struct pg_copy *c)
{
	struct eng_server *sv = c->xf.sv;

	if (c->xf.state == XFER_IDLE)
		return;
	/* It would take longer than this: without it only the quick ones were counted. */
	if (c->xf.state == XFER_FLIGHT)
		eng_lag_add(&sv->lag, e->now - c->xf.first_ns);
	eng_xfer_cancel(e, &c->xf);
	copy_release(e, c);
	eng_xfer_pump(e, sv);
}

bool op_hedge_settle(struct engine *e, struct pg_op *op, struct pg_copy *c, bool good)
{
	struct pg_copy *first = &op->copy[0], *second = &op->copy[1];
	struct anm_page *page = op->hedge;

	if (!page)
		return false;
	if (!good && c == first)
		return true;
	op->hedge = NULL;
	if (good && c == second) {
		hedge_drop(e, first);
		swap(page, op->fetch);
		e->stats.hedges_won++;
		op->io.vai->hedges_won++;
	} else if (good) {
		hedge_drop(e, second);
	}
	anm_page_put(page);
	return !good && first->xf.state != XFER_IDLE;
}
