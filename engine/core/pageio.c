// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page operations: one at a time on a page, in the order in which they came. Nothing here
 * calls back from within a callback: what completes and what may begin are put on lists
 * that the outermost caller works off.
 */
#include "ahead.h"
#include "cache.h"
#include "writeback.h"

#define BUSY_BITS 14

struct eng_busy_table {
	struct list_head ready;	   /* may begin */
	struct list_head finished; /* ->done to be called */
	bool running;
	bool closing;
	struct hlist_head head[1u << BUSY_BITS];
};

void op_key(const struct pg_op *op, struct amp_key *key)
{
	key->client = op->io.vai->client_id;
	key->vai = op->io.vai->vai_id;
	key->offset = (u64)op->io.page_no << ANM_PAGE_SHIFT;
}

struct map_entry *op_entry(struct engine *e, const struct pg_op *op)
{
	return op->entry == ENG_MAP_NONE ? NULL : map_entry(e->map, op->entry);
}

static bool op_whole(const struct pg_op *op)
{
	return op->io.write && op->io.len == ANM_PAGE_SIZE;
}

/* ---- ordering ---- */

static struct hlist_head *busy_head(struct engine *e, const struct eng_vai *vai, u32 page_no)
{
	u64 h = map_hash(e->map, vai->slot, page_no);

	/* High bits: the page map's buckets are chosen by the low ones. */
	return &e->busy->head[h >> (64 - BUSY_BITS)];
}

static struct pg_op *busy_find(struct hlist_head *head, const struct eng_pageio *io)
{
	struct pg_op *op;

	hlist_for_each_entry(op, head, node)
		if (op->io.page_no == io->page_no && op->io.vai == io->vai)
			return op;
	return NULL;
}

void op_complete(struct engine *e, struct pg_op *op, int err)
{
	struct eng_busy_table *bt = e->busy;

	if (op->fetch)
		eng_page_give(e, op->fetch);
	op->fetch = NULL;
	if (op->hedge)
		anm_page_put(op->hedge);
	op->hedge = NULL;
	if (op->packed)
		anm_page_put(op->packed);
	op->packed = NULL;
	hlist_del(&op->node);
	if (!list_empty(&op->wait)) {
		struct pg_op *next = list_first_entry(&op->wait, struct pg_op, link);

		list_del(&next->link);
		list_splice_tail_init(&op->wait, &next->wait);
		hlist_add_head(&next->node, busy_head(e, next->io.vai, next->io.page_no));
		list_add_tail(&next->link, &bt->ready);
	}
	op->io.err = err;
	list_add_tail(&op->link, &bt->finished);
}

static void op_begin(struct engine *e, struct pg_op *op);

void busy_run(struct engine *e)
{
	struct eng_busy_table *bt = e->busy;
	struct pg_op *op;

	if (bt->running)
		return;
	bt->running = true;
	for (;;) {
		if (!list_empty(&bt->finished)) {
			op = list_first_entry(&bt->finished, struct pg_op, link);
			list_del(&op->link);
			op->io.vai->in_flight--;
			op->io.done(e, &op->io, op->io.err);
		} else if (!list_empty(&bt->ready)) {
			op = list_first_entry(&bt->ready, struct pg_op, link);
			list_del(&op->link);
			op_begin(e, op);
		} else {
			break;
		}
	}
	bt->running = false;
	if (bt->closing)
		return;
	eng_ahead_again(e);
	eng_flush_again(e);
}

/* ---- what others call ---- */

static void op_begin(struct engine *e, struct pg_op *op)
{
	if (e->busy->closing) {
		op_complete(e, op, -EIO);
		return;
	}
	op->entry = map_find(e->map, op->io.vai->slot, op->io.page_no);
	if (op->move)
		op_move(e, op);
	else if (op->ahead)
		op_ahead(e, op);
	else if (op->flush)
		op_flush(e, op);
	else if (op_whole(op))
		op_write(e, op);
	else if (op_dirty(e, op))
		return;
	else if (op->entry == ENG_MAP_NONE)
		op_never_written(e, op);
	else if (!op_cached(e, op))
		op_fetch(e, op);
}

bool eng_pageio_storing(struct engine *e, struct eng_vai *vai, u32 page_no, u16 slot, u64 version)
{
	const struct eng_pageio io = {.vai = vai, .page_no = page_no};
	const struct pg_op *op = busy_find(busy_head(e, vai, page_no), &io);

	return op && op->version == version && (op_targets(op, slot) || op_tried(op, slot));
}

bool eng_pageio_busy(struct engine *e, struct eng_vai *vai, u32 page_no)
{
	const struct eng_pageio io = {.vai = vai, .page_no = page_no};

	return busy_find(busy_head(e, vai, page_no), &io);
}

void eng_page_soon(struct engine *e, const struct eng_vai *vai, u32 page_no)
{
	map_prefetch(e->map, vai->slot, page_no);
	anm_prefetch(busy_head(e, vai, page_no));
	eng_cache_prefetch(e, vai, page_no);
}

void eng_page_sooner(struct engine *e, const struct eng_vai *vai, u32 page_no)
{
	map_prefetch_entry(e->map, vai->slot, page_no);
	eng_cache_prefetch_entry(e, vai, page_no);
}

struct eng_pageio *eng_pageio_alloc(struct engine *e)
{
	struct pg_op *op;
	u32 i;

	if (e->pages_in_flight >= ENG_PAGES_MAX)
		return NULL;
	op = anm_alloc(sizeof(*op));
	if (!op)
		return NULL;
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		op->copy[i].op = op;
		op->copy[i].slot = ENG_SLOT_NONE;
	}
	op->doubt = ENG_SLOT_NONE;
	op->bad = ENG_SLOT_NONE;
	op->leave = ENG_SLOT_NONE;
	INIT_LIST_HEAD(&op->wait);
	e->pages_in_flight++;
	return &op->io;
}

void eng_pageio_free(struct engine *e, struct eng_pageio *io)
{
	if (io->page)
		eng_page_give(e, io->page);
	anm_frags_put(&io->frags);
	anm_free(op_of(io));
	e->pages_in_flight--;
}

void eng_pageio_start(struct engine *e, struct eng_pageio *io)
{
	struct pg_op *op = op_of(io), *first;
	struct hlist_head *head = busy_head(e, io->vai, io->page_no);

	io->vai->in_flight++;
	io->vai->touched = true;
	first = busy_find(head, io);
	if (first && op_passes(e, first, op)) {
		list_add_tail(&op->link, &e->busy->finished);
		busy_run(e);
		return;
	}
	if (first) {
		list_add_tail(&op->link, &first->wait);
		if (first->ahead)
			op_ahead_yield(e, first, io->write);
		return;
	}
	hlist_add_head(&op->node, head);
	list_add_tail(&op->link, &e->busy->ready);
	busy_run(e);
}

int eng_busy_create(struct engine *e)
{
	struct eng_busy_table *bt = anm_big_alloc(sizeof(*bt));

	if (!bt)
		return -ENOMEM;
	INIT_LIST_HEAD(&bt->ready);
	INIT_LIST_HEAD(&bt->finished);
	e->busy = bt;
	return 0;
}

/* Waiters come after: with the table closing they fail as soon as they begin. */
static void op_abort(struct engine *e, struct pg_op *op)
{
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		eng_xfer_cancel(e, &op->copy[i].xf);
		copy_release(e, &op->copy[i]);
	}
	for (i = 0; i < op->ntried; i++)
		eng_server_at(e, op->tried[i])->pins--;
	op->ntried = 0;
	if (op->born)
		op_unborn(e, op);
	op_complete(e, op, -EIO);
}

void eng_busy_destroy(struct engine *e)
{
	struct eng_busy_table *bt = e->busy;
	u32 i;

	if (!bt)
		return;
	bt->closing = true;
	for (i = 0; i < ARRAY_SIZE(bt->head); i++) {
		while (!hlist_empty(&bt->head[i])) {
			op_abort(e, hlist_entry(bt->head[i].first, struct pg_op, node));
			busy_run(e);
		}
	}
	anm_big_free(bt);
	e->busy = NULL;
}
