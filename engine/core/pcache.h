/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table of pages with a fixed budget, and the policy that says which one goes when it
 * is full. It knows nothing of servers and operations: see cache.c for those.
 *
 * All memory but the pages is taken when it is made. Every call is bounded and may be
 * made in softirq, but for pcache_create() and pcache_destroy().
 */
#ifndef ANM_ENG_PCACHE_H
#define ANM_ENG_PCACHE_H

#include "../../proto/services.h"

#define PCACHE_NONE	 0xffffffffu
#define PCACHE_PAGES_MAX (1u << 24) /* budget */
#define PCACHE_FREQ_MAX	 3

enum pcache_list_id {
	PCACHE_FREE,
	PCACHE_MAIN,
	PCACHE_SMALL, /* new ones, on probation */
	PCACHE_GHOST, /* without a page: was here not long ago */
	PCACHE_SPENT, /* of no use, most likely: the first to go */
	PCACHE_DIRTY, /* not stored anywhere else: none that goes. The oldest at the tail */
	PCACHE_FLUSH, /* the same, and being stored */
	PCACHE_LISTS,
};

/**
 * struct pcache_entry - a page, or the memory of one (40 bytes).
 * @page:    NULL for ghosts
 * @version: of the page's bytes
 * @chain:   next entry of the hash bucket
 * @prev, @next: on its list
 * @list:    enum pcache_list_id
 * @freq:    uses, up to PCACHE_FREQ_MAX; the policy's own
 * @ahead:   fetched before anybody asked, and not yet asked for
 * @failed:  dirty, and it could not be stored so far
 */
struct pcache_entry {
	struct anm_page *page;
	u64 version;
	u32 page_no;
	u32 hash;
	u32 chain;
	u32 prev, next;
	u16 vai;
	u8 list : 3;
	u8 freq : 2;
	u8 ahead : 1;
	u8 failed : 1;
};

/** struct pcache_list - @head is the newest; @n of them. */
struct pcache_list {
	u32 head, tail;
	u32 n;
};

struct pcache;

/**
 * struct pcache_policy - which pages are kept.
 * @insert: the page of entry @i is new; put it on a list
 * @hit:    it was used
 * @victim: take the one off its list that is to go; there is at least one on its lists. A
 *          bounded step. Dirty pages are on none of them
 * @gone:   its page is gone: keep it as a ghost on a list, or return false
 */
struct pcache_policy {
	const char *name;
	void (*insert)(struct pcache *c, u32 i);
	void (*hit)(struct pcache *c, u32 i);
	u32 (*victim)(struct pcache *c);
	bool (*gone)(struct pcache *c, u32 i);
};

/**
 * struct pcache - the table.
 * @cap:     budget, pages
 * @used:    pages in it
 * @entries: of @entry; twice the budget, for the ghosts
 * @mask:    of the hash, to get a bucket
 * @entry, @bucket: big memory
 * @evicted: called before a page leaves for want of room; may be NULL
 * @unused:  called before one that is still @ahead leaves, for whatever reason; may be NULL
 * @ctx:     the owner's own, for @evicted and @unused
 */
struct pcache {
	const struct pcache_policy *policy;
	u32 cap;
	u32 used;
	u32 entries;
	u32 mask;
	struct pcache_list list[PCACHE_LISTS];
	struct pcache_entry *entry;
	u32 *bucket;
	void (*evicted)(struct pcache *c, const struct pcache_entry *en);
	void (*unused)(struct pcache *c, const struct pcache_entry *en);
	void *ctx;
};

extern const struct pcache_policy pcache_s3fifo;

/**
 * pcache_create() - make a table for @cap pages (1 to PCACHE_PAGES_MAX).
 * Context: process, may sleep. Return: the table or NULL without memory.
 */
struct pcache *pcache_create(u32 cap, const struct pcache_policy *policy);

/** pcache_destroy() - free it and let go of its pages. Context: process. */
void pcache_destroy(struct pcache *c);

/**
 * pcache_find() - the entry that has the page of this key.
 * @hash: of the key, well mixed; always the same for the same key
 *
 * Return: its index, valid until the next call that changes the table; PCACHE_NONE.
 */
u32 pcache_find(const struct pcache *c, u32 hash, u16 vai, u32 page_no);

/**
 * pcache_prefetch() - pcache_find() will be called soon: have the bucket fetched.
 * pcache_prefetch_entry() - a little later: its first entry too.
 */
void pcache_prefetch(const struct pcache *c, u32 hash);
void pcache_prefetch_entry(const struct pcache *c, u32 hash);

/**
 * pcache_put() - have the table hold @page for the key, in place of what it held.
 * Takes a reference of its own; nobody may change the bytes from now on. Others may go.
 * Return: the index.
 */
u32 pcache_put(struct pcache *c, u32 hash, u16 vai, u32 page_no, u64 version,
	       struct anm_page *page);

/** pcache_drop() - the page at @i is not to be had any more; no ghost is kept. */
void pcache_drop(struct pcache *c, u32 i);

/** pcache_spend() - the page at @i will not be asked for soon: it goes before all others. */
void pcache_spend(struct pcache *c, u32 i);

/** pcache_is_dirty() - is the page at @i not stored anywhere else? */
static inline bool pcache_is_dirty(const struct pcache *c, u32 i)
{
	return c->entry[i].list == PCACHE_DIRTY || c->entry[i].list == PCACHE_FLUSH;
}

/** pcache_dirty() - how many are dirty. Whoever makes them so leaves at least one that is not. */
static inline u32 pcache_dirty(const struct pcache *c)
{
	return c->list[PCACHE_DIRTY].n + c->list[PCACHE_FLUSH].n;
}

/**
 * pcache_soil() - the page at @i is dirty from now on.
 * @list: PCACHE_DIRTY, as the newest; PCACHE_FLUSH
 */
void pcache_soil(struct pcache *c, enum pcache_list_id list, u32 i);

/** pcache_clean() - a dirty page is stored now: one as if just put. */
void pcache_clean(struct pcache *c, u32 i);

/** pcache_shrink() - let up to @n pages go, as if room were wanted. Dirty ones stay. */
void pcache_shrink(struct pcache *c, u32 n);

/* For policies: lists of entries. */
void pcache_push(struct pcache *c, enum pcache_list_id list, u32 i);
void pcache_unlink(struct pcache *c, u32 i);

/** pcache_forget() - a ghost is no more. */
void pcache_forget(struct pcache *c, u32 i);

#endif
