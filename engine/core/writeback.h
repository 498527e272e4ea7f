/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Write-back: a WRITE is answered when its page is in the cache, as a dirty one, and the page is
 * stored afterwards. To everybody else that is a WRITE that takes longer: the page map names what
 * servers have, which is older, and what is done to that (moves, inventories) does not touch the
 * dirty page. Only two things do know: an operation that begins asks here first, and nothing
 * but this file takes a dirty page out of the cache or puts another one in its place.
 *
 * A crash of the engine loses dirty pages, and what servers have of them must not be taken for
 * the pages then (promise 8). So the kept file says of a VAI that it may have such pages before
 * there is the first one (->unflushed asks for that, ->kept says that it is so), and until they
 * are stored. An engine that is made from such a file takes all of the VAI for lost.
 */
#ifndef ANM_ENG_WRITEBACK_H
#define ANM_ENG_WRITEBACK_H

#include "priv.h"

struct pg_op;

/** eng_dirty_has() - is the page dirty? */
bool eng_dirty_has(const struct engine *e, const struct eng_vai *vai, u32 page_no);

/** op_dirty() - carry out a READ, or the reading part of a partial WRITE, if the page is dirty. */
bool op_dirty(struct engine *e, struct pg_op *op);

/**
 * op_passes() - carry out @op while its page is just being stored: it need not wait for that.
 * @first: what the page is busy with
 *
 * Return: true if it was, without an error; it has not been in the busy table.
 */
bool op_passes(struct engine *e, const struct pg_op *first, struct pg_op *op);

/** op_write_back() - a WRITE of a whole page by leaving it dirty. Return: false if it may not be. */
bool op_write_back(struct engine *e, struct pg_op *op);

/** op_flush() - begin: store the page as it is now. */
void op_flush(struct engine *e, struct pg_op *op);

/** eng_dirty_stored() - the page was written past the cache: what was dirty is older. */
void eng_dirty_stored(struct engine *e, struct eng_vai *vai, u32 page_no);

/**
 * eng_dirty_drop() - forget dirty pages of a VAI, from page @from on; it is not in use.
 * A bounded step. Return: true when there are none left.
 */
bool eng_dirty_drop(struct engine *e, struct eng_vai *vai, u32 from);

/** eng_flush_again() - a page was stored: the next one, when no operation is about to begin. */
void eng_flush_again(struct engine *e);

/** eng_flush_tick() - begin to store what is dirty; VAIs that are flushed. Return: ns until wanted. */
u64 eng_flush_tick(struct engine *e);

/** eng_flush_due() - ns until eng_flush_tick() is wanted for what has become dirty since. */
u64 eng_flush_due(const struct engine *e);

/** eng_flush_status() - fills what eng_get_status() tells of it. */
void eng_flush_status(const struct engine *e, struct eng_status *st);

#endif
