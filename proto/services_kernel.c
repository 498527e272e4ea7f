// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bodies of services_kernel.h: pools, big memory, SipHash.
 *
 * A pool is a row of mempools over one slab cache. The mempools' own allocation
 * function gives nothing to a caller that cannot sleep, so after creation only
 * the reserve is ever handed out: nr objects, no more.
 */
#include "services.h"

#include <linux/atomic.h>
#include <linux/mempool.h>
#include <linux/sched/signal.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

/* A mempool's array of elements is kmalloc'ed: 4096 pointers are still an easy allocation. */
#define POOL_CHUNK 4096u
/* Share of the available memory that a donation leaves to others. */
#define POOL_LEAVE_SHARE 16
/* While the pool is being filled, pages that must stay available. */
#define POOL_LEAVE_PAGES 4096

/**
 * struct anm_pool - nr objects in chunks.
 * @cache:   slab cache of the objects
 * @lock:    protects @cur and the pairing of chunk and object
 * @nchunks: number of @chunk
 * @cur:     chunks below it have all their objects free, chunks above have none
 * @chunk:   mempools; all but the last have POOL_CHUNK elements
 */
struct anm_pool {
	struct kmem_cache *cache;
	spinlock_t lock;
	u64 nchunks;
	u64 cur;
	mempool_t **chunk;
};

void *anm_big_alloc(size_t n)
{
	/* kvmalloc() refuses more than INT_MAX; vmalloc() does not. */
	if (n > INT_MAX)
		return __vmalloc(n, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	return kvzalloc(n, GFP_KERNEL | __GFP_NOWARN);
}

u64 anm_siphash(const u8 key[16], const void *p, size_t n)
{
	siphash_key_t k = {{get_unaligned_le64(key), get_unaligned_le64(key + 8)}};

	return siphash(p, n, &k);
}

static void *pool_obj_alloc(gfp_t gfp, void *cache)
{
	if (!gfpflags_allow_blocking(gfp))
		return NULL;
	cond_resched();
	return kmem_cache_alloc(cache, gfp | __GFP_NORETRY | __GFP_NOWARN);
}

static void pool_obj_free(void *obj, void *cache)
{
	kmem_cache_free(cache, obj);
}

static struct kmem_cache *pool_cache_create(void)
{
	static atomic_t serial = ATOMIC_INIT(0);
	char name[32];

	scnprintf(name, sizeof(name), "anemone_pool-%u", (u32)atomic_inc_return(&serial));
	return kmem_cache_create(name, ANM_PAGE_SIZE, ANM_PAGE_SIZE, 0, NULL);
}

static bool pool_memory_suffices(u64 nr)
{
	long avail = si_mem_available();

	return avail > 0 && DIV_ROUND_UP(nr, PAGE_SIZE / ANM_PAGE_SIZE) <=
				    (u64)(avail - avail / POOL_LEAVE_SHARE);
}

static int pool_fill(struct anm_pool *p, u64 nr)
{
	while (p->nchunks < DIV_ROUND_UP(nr, POOL_CHUNK)) {
		u32 n = min_t(u64, nr - p->nchunks * POOL_CHUNK, POOL_CHUNK);
		mempool_t *mp;

		/* Whoever asked for gigabytes can change their mind. */
		if (fatal_signal_pending(current))
			return -EINTR;
		if (si_mem_available() < POOL_LEAVE_PAGES)
			return -ENOMEM;
		mp = mempool_create_node(n, pool_obj_alloc, pool_obj_free, p->cache,
					 GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, NUMA_NO_NODE);
		if (!mp)
			return -ENOMEM;
		p->chunk[p->nchunks++] = mp;
		cond_resched();
	}
	p->cur = p->nchunks - 1;
	return 0;
}

struct anm_pool *anm_pool_create(u64 nr)
{
	struct anm_pool *p;

	BUILD_BUG_ON(PAGE_SIZE % ANM_PAGE_SIZE);
	if (!nr || nr > U64_MAX / ANM_PAGE_SIZE || !pool_memory_suffices(nr))
		return NULL;
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return NULL;
	spin_lock_init(&p->lock);
	p->cache = pool_cache_create();
	p->chunk = anm_big_alloc(DIV_ROUND_UP(nr, POOL_CHUNK) * sizeof(*p->chunk));
	if (p->cache && p->chunk && !pool_fill(p, nr))
		return p;
	anm_pool_destroy(p);
	return NULL;
}

void anm_pool_destroy(struct anm_pool *p)
{
	u64 i;

	if (!p)
		return;
	for (i = 0; i < p->nchunks; i++) {
		/* An object that was not given back stays in the cache, which then stays too. */
		WARN_ON_ONCE(p->chunk[i]->curr_nr != p->chunk[i]->min_nr);
		mempool_destroy(p->chunk[i]);
		cond_resched();
	}
	anm_big_free(p->chunk);
	kmem_cache_destroy(p->cache);
	kfree(p);
}

void *anm_pool_alloc(struct anm_pool *p)
{
	unsigned long flags;
	void *obj;

	spin_lock_irqsave(&p->lock, flags);
	if (!p->chunk[p->cur]->curr_nr && p->cur)
		p->cur--;
	obj = mempool_alloc(p->chunk[p->cur], GFP_NOWAIT | __GFP_NOWARN);
	spin_unlock_irqrestore(&p->lock, flags);
	return obj;
}

void anm_pool_free(struct anm_pool *p, void *obj)
{
	unsigned long flags;
	mempool_t *mp;

	spin_lock_irqsave(&p->lock, flags);
	mp = p->chunk[p->cur];
	if (mp->curr_nr == mp->min_nr && p->cur + 1 < p->nchunks)
		mp = p->chunk[++p->cur];
	/* A full mempool would give the object back to the slab: one was freed twice. */
	if (!WARN_ON_ONCE(mp->curr_nr == mp->min_nr))
		mempool_free(obj, mp);
	spin_unlock_irqrestore(&p->lock, flags);
}
