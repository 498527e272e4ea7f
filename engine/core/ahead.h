/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Readahead: what a client will ask for next, if it reads in order, is fetched into the page cache.
 * It is an operation on its page like any other, so that no WRITE of the page runs beside it, and
 * the page gets the version that the page map has, or is not cached.
 *
 * Nobody waits for it. It is asked only of a server that has no message waiting and half of its
 * window open, it is sent once, and whatever goes wrong ends it: those who ask for the page in
 * earnest find out for themselves. A WRITE ends it at once. A READ of a page that is on its way
 * takes what comes.
 */
#ifndef ANM_ENG_AHEAD_H
#define ANM_ENG_AHEAD_H

#include "pageop.h"

#define AHEAD_BURST 32	/* pages asked for after one READ */
#define AHEADS_MAX  256 /* pages being read ahead, all VAIs */

/** eng_ahead_read() - a client reads @n pages from @first on; call it when these are under way. */
void eng_ahead_read(struct engine *e, struct eng_vai *vai, u32 first, u32 n);

/**
 * eng_ahead_answered() - one of these reads was answered. When it came it may have filled the
 * window itself; now there is room. May be called from ->done.
 */
void eng_ahead_answered(struct engine *e, struct eng_vai *vai);

/** eng_ahead_again() - page operations have run: what eng_ahead_answered() put off. */
void eng_ahead_again(struct engine *e);

/** eng_ahead_used() - a page in the cache that was read ahead was asked for. */
void eng_ahead_used(struct engine *e, struct eng_vai *vai);

/** eng_ahead_wasted() - one went without that. @vai: NULL if it is gone. */
void eng_ahead_wasted(struct engine *e, struct eng_vai *vai);

/** op_ahead() - begin. */
void op_ahead(struct engine *e, struct pg_op *op);

/** op_ahead_arm() - before @xf is sent to @sv: it is not sent twice. */
void op_ahead_arm(struct eng_xfer *xf, const struct eng_server *sv);

/** op_ahead_yield() - another operation waits for the page of @op, and has been put on its list. */
void op_ahead_yield(struct engine *e, struct pg_op *op, bool write);

#endif
