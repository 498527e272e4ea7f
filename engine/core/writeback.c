// SPDX-License-Identifier: GPL-2.0-only
#include "writeback.h"
#include "cache.h"
#include "pcache.h"
#include "pageop.h"
#include "server.h"

#define DIRTY_SHARE	2		      /* one page of so many of the budget may be dirty */
#define FLUSHES_MAX	64		      /* pages being stored */
#define FLUSH_RETRY_NS	(200 * NS_PER_MS)     /* after one that could not be stored */
#define FLUSH_LOOK_NS	(100 * NS_PER_MS)     /* between two looks at the VAIs */
#define UNFLUSHED_NS	(10 * NS_PER_S)	      /* without a WRITE: then a VAI counts as flushed */
#define DIRTY_DROP_STEP (4 * ENG_SWEEP_BATCH) /* entries of the cache looked at */

u32 eng_dirty_pages(const struct engine *e)
{
	return e->cache ? pcache_dirty(e->cache->table) : 0;
}

static u32 dirty_find(const struct engine *e, const struct eng_vai *vai, u32 page_no)
{
	u32 i = PCACHE_NONE;

	if (vai->dirty)
		i = eng_cache_find(e, vai->slot, page_no);
	return i != PCACHE_NONE && pcache_is_dirty(e->cache->table, i) ? i : PCACHE_NONE;
}

bool eng_dirty_has(const struct engine *e, const struct eng_vai *vai, u32 page_no)
{
	return dirty_find(e, vai, page_no) != PCACHE_NONE;
}

static void dirty_failed(struct eng_vai *vai, struct pcache_entry *en, bool failed)
{
	if (failed && !en->failed)
		vai->degraded++;
	else if (!failed && en->failed)
		vai->degraded--;
	en->failed = failed;
}

/* It is stored, or given up. Whoever calls takes it off its list. */
static void dirty_end(struct eng_vai *vai, struct pcache_entry *en)
{
	dirty_failed(vai, en, false);
	vai->dirty--;
}

/* ---- READs and WRITEs ---- */

/*
 * May pages be left dirty, and is that kept where an engine made after a crash will find it?
 * If not yet, it is asked for.
 */
static bool dirty_may(struct engine *e, struct eng_vai *vai, const struct pg_op *op)
{
	if (!vai->writeback || !e->cache || e->flush.only || op->io.through)
		return false;
	vai->dirty_ns = e->now;
	if (!vai->unflushed) {
		vai->unflushed = true;
		eng_event(e, ENG_EV_VAI_UNFLUSHED, vai->name, 0);
	}
	return vai->kept;
}

static bool dirty_full(const struct engine *e)
{
	const struct pcache *c = e->cache->table;

	return pcache_dirty(c) >= c->cap / DIRTY_SHARE;
}

/* @i: where an older one is, which goes, or PCACHE_NONE. */
static void dirty_put(struct engine *e, struct pg_op *op, u32 i)
{
	struct pcache *c = e->cache->table;
	struct eng_vai *vai = op->io.vai;
	u64 version = eng_version_draw(e);

	e->stats.dirty_writes++;
	if (i != PCACHE_NONE && c->entry[i].list == PCACHE_DIRTY) {
		e->stats.dirty_overwritten++;
		vai->overwritten++;
	}
	i = eng_cache_put(e, vai, op->io.page_no, version, op->io.page);
	if (pcache_is_dirty(c, i))
		return;
	pcache_soil(c, PCACHE_DIRTY, i);
	vai->dirty++;
}

bool op_write_back(struct engine *e, struct pg_op *op)
{
	u32 i;

	if (op->move || op->flush || op->settle || !dirty_may(e, op->io.vai, op))
		return false;
	i = dirty_find(e, op->io.vai, op->io.page_no);
	if (i == PCACHE_NONE && dirty_full(e)) {
		e->stats.dirty_full++;
		return false;
	}
	dirty_put(e, op, i);
	op_release(e, op, 0); /* one with a bad copy may have been pinned */
	op_complete(e, op, 0);
	return true;
}

static void read_dirty(struct engine *e, struct pg_op *op, u32 i)
{
	e->stats.cache_hits++;
	op->io.vai->cache_hits++;
	op->io.page = e->cache->table->entry[i].page;
	anm_page_get(op->io.page);
}

bool op_dirty(struct engine *e, struct pg_op *op)
{
	u32 i = dirty_find(e, op->io.vai, op->io.page_no);

	if (i == PCACHE_NONE)
		return false;
	if (!op->io.write) {
		read_dirty(e, op, i);
		op_complete(e, op, 0);
	} else if (!op_copy_fetched(e, op, e->cache->table->entry[i].page)) {
		e->stats.no_memory++;
		op_complete(e, op, -ENOMEM);
	}
	return true;
}

/* A WRITE may not overtake another one that waits. */
bool op_passes(struct engine *e, const struct pg_op *first, struct pg_op *op)
{
	bool whole = op->io.len == ANM_PAGE_SIZE;
	u32 i;

	if (!first->flush || op->flush || op->move || op->ahead)
		return false;
	i = dirty_find(e, op->io.vai, op->io.page_no);
	if (i == PCACHE_NONE || (op->io.write && (!whole || !list_empty(&first->wait) ||
						  !dirty_may(e, op->io.vai, op))))
		return false;
	if (op->io.write)
		dirty_put(e, op, i);
	else
		read_dirty(e, op, i);
	return true;
}

void eng_dirty_stored(struct engine *e, struct eng_vai *vai, u32 page_no)
{
	u32 i = dirty_find(e, vai, page_no);

	if (i == PCACHE_NONE)
		return;
	dirty_end(vai, &e->cache->table->entry[i]);
	pcache_drop(e->cache->table, i);
}

/* ---- storing ---- */

void op_flush(struct engine *e, struct pg_op *op)
{
	u32 i = dirty_find(e, op->io.vai, op->io.page_no);

	if (i == PCACHE_NONE) {
		op_complete(e, op, 0); /* a WRITE that was before it has stored the page */
		return;
	}
	op->io.page = e->cache->table->entry[i].page;
	anm_page_get(op->io.page);
	op->dirty = e->cache->table->entry[i].version;
	op_write(e, op);
}

/* It is stored. If it was written again meanwhile, only what was before that is. */
static void flush_stored(struct engine *e, const struct pg_op *op, u32 i)
{
	struct pcache *c = e->cache->table;
	struct eng_vai *vai = op->io.vai;

	e->stats.dirty_flushed++;
	vai->flushed++;
	if (c->entry[i].version != op->dirty) {
		dirty_failed(vai, &c->entry[i], false);
		pcache_soil(c, PCACHE_DIRTY, i);
		return;
	}
	dirty_end(vai, &c->entry[i]);
	if (vai->no_cache || map_pattern(op_entry(e, op))) {
		pcache_drop(c, i);
		return;
	}
	c->entry[i].version = op->version;
	pcache_clean(c, i);
}

static void flush_done(struct engine *e, struct eng_pageio *io, int err)
{
	u32 i = dirty_find(e, io->vai, io->page_no);

	e->flush.in_flight--;
	e->flush.again |= !err;
	if (i != PCACHE_NONE && !err) {
		flush_stored(e, op_of(io), i);
	} else if (i != PCACHE_NONE) {
		e->stats.dirty_failed++;
		if (!e->cache->table->entry[i].failed)
			eng_mover_kick(e, ENG_KICK_PAGE);
		dirty_failed(io->vai, &e->cache->table->entry[i], true);
		pcache_soil(e->cache->table, PCACHE_DIRTY, i);
		e->flush.retry_ns = e->now + FLUSH_RETRY_NS;
	}
	eng_pageio_free(e, io);
}

/* Return: false without memory. */
static bool flush_start(struct engine *e, struct eng_vai *vai, u32 i)
{
	struct pcache *c = e->cache->table;
	struct eng_pageio *io = eng_pageio_alloc(e);

	if (!io)
		return false;
	io->vai = vai;
	io->page_no = c->entry[i].page_no;
	io->len = ANM_PAGE_SIZE;
	io->write = true;
	io->done = flush_done;
	op_of(io)->flush = true;
	e->flush.in_flight++;
	pcache_soil(c, PCACHE_FLUSH, i);
	eng_pageio_start(e, io);
	return true;
}

/*
 * The oldest first. Of VAIs that are given back they will be dropped. Those that could not be stored
 * wait their time, and nobody waits for them.
 */
static void flush_run(struct engine *e)
{
	struct pcache *c = e->cache->table;
	u32 looks = FLUSHES_MAX, i;

	while (e->flush.in_flight < FLUSHES_MAX && looks--) {
		struct eng_vai *vai;

		i = c->list[PCACHE_DIRTY].tail;
		if (i == PCACHE_NONE)
			return;
		vai = eng_vai_at(e, c->entry[i].vai);
		if (vai->deleting || vai->emptying ||
		    (c->entry[i].failed && e->now < e->flush.retry_ns))
			pcache_soil(c, PCACHE_DIRTY, i);
		else if (!flush_start(e, vai, i))
			return;
	}
}

void eng_flush_again(struct engine *e)
{
	if (!e->flush.again)
		return;
	e->flush.again = false;
	flush_run(e);
}

bool eng_dirty_drop(struct engine *e, struct eng_vai *vai, u32 from)
{
	struct pcache *c = e->cache ? e->cache->table : NULL;
	u32 n = 0;

	while (vai->dirty && vai->drop_entry < c->entries && n++ < DIRTY_DROP_STEP) {
		u32 i = vai->drop_entry++;
		struct pcache_entry *en = &c->entry[i];

		if (!pcache_is_dirty(c, i) || en->vai != vai->slot || en->page_no < from)
			continue;
		dirty_end(vai, en);
		pcache_drop(c, i);
	}
	return !vai->dirty || vai->drop_entry == c->entries;
}

/* ---- VAIs, and the whole ---- */

/* From here on it need not be kept as one with dirty pages; before there is one again, it is. */
static void vai_flushed(struct engine *e, struct eng_vai *vai)
{
	vai->unflushed = false;
	vai->kept = false;
	eng_event(e, ENG_EV_VAI_FLUSHED, vai->name, 0);
}

static bool flush_look(struct engine *e)
{
	bool some = false;
	u32 i;

	for (i = 0; i < ENG_VAIS_MAX; i++) {
		struct eng_vai *vai = eng_vai_at(e, (u16)i);

		if (!vai || !vai->unflushed)
			continue;
		if (!vai->dirty &&
		    (!vai->writeback || e->flush.only || e->now - vai->dirty_ns >= UNFLUSHED_NS))
			vai_flushed(e, vai);
		some |= vai->unflushed;
	}
	return some;
}

u64 eng_flush_due(const struct engine *e)
{
	if (!e->cache || !e->cache->table->list[PCACHE_DIRTY].n ||
	    e->flush.in_flight >= FLUSHES_MAX)
		return ENG_TICK_MAX_NS;
	return ENG_CHORES_NS;
}

u64 eng_flush_tick(struct engine *e)
{
	if (!e->cache)
		return ENG_TICK_MAX_NS;
	flush_run(e);
	if (e->now >= e->flush.look_ns)
		e->flush.look_ns = e->now + (flush_look(e) ? FLUSH_LOOK_NS : ENG_TICK_MAX_NS);
	return min(eng_flush_due(e), e->flush.look_ns - e->now);
}

void eng_flush(struct engine *e, bool on)
{
	e->flush.only = on;
	e->flush.look_ns = e->now;
}

u32 eng_unflushed(struct engine *e)
{
	u32 i, n = 0;

	for (i = 0; i < ENG_VAIS_MAX; i++) {
		const struct eng_vai *vai = eng_vai_at(e, (u16)i);

		n += vai && (vai->unflushed || vai->told);
	}
	return n;
}

void eng_flush_status(const struct engine *e, struct eng_status *st)
{
	st->dirty_pages = eng_dirty_pages(e);
	st->flushing = e->flush.only;
}
