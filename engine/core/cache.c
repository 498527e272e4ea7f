// SPDX-License-Identifier: GPL-2.0-only
#include "ahead.h"
#include "cache.h"
#include "pcache.h"
#include "writeback.h"

/* High bits of the hash: the page map's buckets are chosen by the low ones. */
static u32 cache_hash(const struct engine *e, u16 slot, u32 page_no)
{
	return (u32)(map_hash(e->map, slot, page_no) >> 32);
}

u32 eng_cache_find(const struct engine *e, u16 slot, u32 page_no)
{
	if (!e->cache)
		return PCACHE_NONE;
	return pcache_find(e->cache->table, cache_hash(e, slot, page_no), slot, page_no);
}

void eng_cache_prefetch(struct engine *e, const struct eng_vai *vai, u32 page_no)
{
	if (vai->cached)
		pcache_prefetch(e->cache->table, cache_hash(e, vai->slot, page_no));
}

void eng_cache_prefetch_entry(struct engine *e, const struct eng_vai *vai, u32 page_no)
{
	if (vai->cached)
		pcache_prefetch_entry(e->cache->table, cache_hash(e, vai->slot, page_no));
}

static struct anm_page *cache_look(const struct engine *e, const struct map_entry *me, u32 *idx)
{
	const struct pcache_entry *en;

	*idx = eng_cache_find(e, me->vai_flags & MAP_VAI_MASK, me->page_no);
	if (*idx == PCACHE_NONE)
		return NULL;
	en = &e->cache->table->entry[*idx];
	return en->version == map_version(me) ? en->page : NULL;
}

bool eng_cache_has(struct engine *e, const struct map_entry *me)
{
	u32 idx;

	return cache_look(e, me, &idx);
}

/* ---- using it ---- */

/* The last that is left of the page: stored again, it is as good as ever. */
static void move_cached(struct engine *e, struct pg_op *op, struct anm_page *page)
{
	e->stats.cache_saved++;
	anm_page_get(page);
	op->fetch = page;
	op->copy[0].xf.form = AMP_FORM_RAW;
	op->copy[0].xf.form_len = ANM_PAGE_SIZE;
	op->copy[0].xf.crc = ~anm_crc32c(~0u, anm_page_data(page), ANM_PAGE_SIZE);
	op_fetched(e, op);
}

bool op_copy_fetched(struct engine *e, struct pg_op *op, struct anm_page *page)
{
	op->fetch = anm_page_alloc();
	if (!op->fetch)
		return false;
	memcpy(anm_page_data(op->fetch), anm_page_data(page), ANM_PAGE_SIZE);
	op_fetched(e, op);
	return true;
}

/* Who has read a page has it now, and most likely writes it before it is read again. */
static void cache_used(struct engine *e, struct eng_vai *vai, u32 idx, bool read)
{
	struct pcache *c = e->cache->table;

	e->stats.cache_hits++;
	vai->cache_hits++;
	if (c->entry[idx].ahead)
		eng_ahead_used(e, vai);
	c->entry[idx].ahead = false;
	if (read)
		pcache_spend(c, idx);
}

bool op_cached(struct engine *e, struct pg_op *op)
{
	struct eng_vai *vai = op->io.vai;
	struct anm_page *page;
	u32 idx;

	/* Same-filled pages are in the map. */
	if (!e->cache || (vai->no_cache && !op->move) || map_pattern(op_entry(e, op)))
		return false;
	page = cache_look(e, op_entry(e, op), &idx);
	if (op->move) {
		if (page)
			move_cached(e, op, page);
		return page;
	}
	if (!page) {
		e->stats.cache_misses++;
		vai->cache_misses++;
		return false;
	}
	cache_used(e, vai, idx, !op->io.write);
	if (op->io.write)
		return op_copy_fetched(e, op, page);
	anm_page_get(page);
	op->io.page = page;
	op_complete(e, op, 0);
	return true;
}

/* ---- filling it ---- */

u32 eng_cache_put(struct engine *e, struct eng_vai *vai, u32 page_no, u64 version,
		  struct anm_page *page)
{
	u32 hash = cache_hash(e, vai->slot, page_no);

	vai->cached = true;
	return pcache_put(e->cache->table, hash, vai->slot, page_no, version, page);
}

void eng_cache_ahead(struct engine *e, const struct pg_op *op)
{
	u64 version = map_version(op_entry(e, op));
	u32 i = eng_cache_put(e, op->io.vai, op->io.page_no, version, op->fetch);

	e->cache->table->entry[i].ahead = true;
}

void eng_cache_stored(struct engine *e, const struct pg_op *op)
{
	struct eng_vai *vai = op->io.vai;

	if (!e->cache || op->flush)
		return;
	if (!op->move)
		eng_dirty_stored(e, vai, op->io.page_no);
	/* A move has the page in the form that servers keep it in, which may be packed. */
	if (!vai->no_cache && !op->move && !map_pattern(op_entry(e, op)))
		eng_cache_put(e, vai, op->io.page_no, op->version, op->io.page);
	else if (vai->cached)
		eng_cache_drop(e, vai->slot, op->io.page_no);
}

static void cache_evicted(struct pcache *c, const struct pcache_entry *en)
{
	struct engine *e = c->ctx;
	struct eng_vai *vai = eng_vai_at(e, en->vai);

	if (vai)
		vai->cache_evictions++;
	e->stats.cache_evictions++;
}

static void cache_unused(struct pcache *c, const struct pcache_entry *en)
{
	struct engine *e = c->ctx;

	eng_ahead_wasted(e, eng_vai_at(e, en->vai));
}

/* ---- emptying it ---- */

void eng_cache_drop(struct engine *e, u16 vai_slot, u32 page_no)
{
	u32 idx = eng_cache_find(e, vai_slot, page_no);

	if (idx != PCACHE_NONE && !pcache_is_dirty(e->cache->table, idx))
		pcache_drop(e->cache->table, idx);
}

void eng_cache_tick(struct engine *e)
{
	struct eng_cache *c = e->cache;

	if (!c || c->no_memory == e->stats.no_memory)
		return;
	c->no_memory = e->stats.no_memory;
	pcache_shrink(c->table, ENG_CACHE_RELIEF);
}

/* ---- the whole ---- */

int eng_cache_create(struct engine *e)
{
	BUILD_BUG_ON(PCACHE_PAGES_MAX < ENG_CACHE_MAX);
	if (!e->cfg.cache_pages)
		return 0;
	e->cache = anm_alloc(sizeof(*e->cache));
	if (!e->cache)
		return -ENOMEM;
	e->cache->table = pcache_create(e->cfg.cache_pages, &pcache_s3fifo);
	if (!e->cache->table)
		return -ENOMEM;
	e->cache->table->evicted = cache_evicted;
	e->cache->table->unused = cache_unused;
	e->cache->table->ctx = e;
	return 0;
}

void eng_cache_destroy(struct engine *e)
{
	if (!e->cache)
		return;
	/* The VAIs are gone. */
	if (e->cache->table)
		e->cache->table->unused = NULL;
	pcache_destroy(e->cache->table);
	anm_free(e->cache);
	e->cache = NULL;
}

void eng_cache_status(const struct engine *e, struct eng_status *st)
{
	st->cached_pages = e->cache ? e->cache->table->used : 0;
}
