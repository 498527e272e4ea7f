/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's page cache: raw pages by <VAI slot, page>, each with the version of its
 * bytes. A version is drawn once in all lives of an engine, so a page may be used if, and
 * only if, the page map names the very version. Whatever changes or drops a map entry
 * thereby makes the cached page worthless, wherever it is done; that it is also dropped
 * from the cache, where that is easy, only saves memory. It is never asked for a page
 * that the map does not have. Dirty pages have versions that the map never has: for them
 * see writeback.h.
 */
#ifndef ANM_ENG_CACHE_H
#define ANM_ENG_CACHE_H

#include "pagemap.h"

struct pg_op;
struct pcache;

#define ENG_CACHE_RELIEF 256 /* pages given up, a tick, when memory was short */

/**
 * struct eng_cache - the cache.
 * @table:     pages and policy
 * @no_memory: eng_stats.no_memory when the tick last looked
 */
struct eng_cache {
	struct pcache *table;
	u64 no_memory;
};

int eng_cache_create(struct engine *e); /* 0 or -ENOMEM; without a budget there is none */
void eng_cache_destroy(struct engine *e);

/**
 * op_cached() - carry out a READ, or the reading part of a partial WRITE, from the cache.
 * A move is served only when no copy is at hand: then the cache saves the page.
 * Return: true if it was; else the page has to be fetched.
 */
bool op_cached(struct engine *e, struct pg_op *op);

/**
 * op_copy_fetched() - go on with a copy of @page in ->fetch, as if it had been fetched.
 * Return: false without memory for it.
 */
bool op_copy_fetched(struct engine *e, struct pg_op *op, struct anm_page *page);

/** eng_cache_find() - index of the entry that has the page, whatever its version; PCACHE_NONE. */
u32 eng_cache_find(const struct engine *e, u16 vai_slot, u32 page_no);

/** eng_cache_put() - pcache_put(). */
u32 eng_cache_put(struct engine *e, struct eng_vai *vai, u32 page_no, u64 version,
		  struct anm_page *page);

/** eng_cache_prefetch(), eng_cache_prefetch_entry() - as map_prefetch() and its sister. */
void eng_cache_prefetch(struct engine *e, const struct eng_vai *vai, u32 page_no);
void eng_cache_prefetch_entry(struct engine *e, const struct eng_vai *vai, u32 page_no);

/** eng_cache_ahead() - a page was fetched and checked that nobody has asked for yet. */
void eng_cache_ahead(struct engine *e, const struct pg_op *op);

/** eng_cache_stored() - a page is stored as often as it should be. Not for writeback.c's stores. */
void eng_cache_stored(struct engine *e, const struct pg_op *op);

/** eng_cache_has() - is the page of a map entry there, and right? Not counted as a use. */
bool eng_cache_has(struct engine *e, const struct map_entry *me);

/** eng_cache_drop() - its page is of no use any more. Not of those that are dirty. */
void eng_cache_drop(struct engine *e, u16 vai_slot, u32 page_no);

/** eng_cache_tick() - give up pages when memory was short. Bounded. */
void eng_cache_tick(struct engine *e);

/** eng_cache_status() - fills what eng_get_status() tells of it. */
void eng_cache_status(const struct engine *e, struct eng_status *st);

#endif
