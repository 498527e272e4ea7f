// SPDX-License-Identifier: GPL-2.0-only
/* Bodies of services_kernel.h: pools, big memory, SipHash. */
#include "services.h"

#include <linux/sched/signal.h>
#include <linux/siphash.h>
#include <linux/vmalloc.h>

/* Share of the available memory that a donation leaves to others. */
#define POOL_LEAVE_SHARE 16
/* While the pool is being filled, pages that must stay available; looked at every so many. */
#define POOL_LEAVE_PAGES 4096
#define POOL_LOOK	 1024

/**
 * struct anm_pool - nr objects.
 * @nr:    all of them
 * @nfree: of these in @free: the others are out
 */
struct anm_pool {
	u64 nr;
	u64 nfree;
	void **free;
};

void *anm_big_alloc(size_t n)
{
	/* kvmalloc() refuses more than INT_MAX; vmalloc() does not. */
	if (n > INT_MAX)
		return __vmalloc(n, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	return kvzalloc(n, GFP_KERNEL | __GFP_NOWARN);
}

#ifdef CONFIG_X86_64
/*
 * A store into a line that is in no cache first has the line read from memory, but for those that
 * go past the caches. These are ordered by a fence only.
 */
void anm_copy_away(void *dst, const void *src, size_t n)
{
	const u64 *from = src;
	u64 *to = dst;

	for (; n >= 8; n -= 8, from++, to++)
		asm volatile("movnti %1, %0" : "=m"(*to) : "r"(get_unaligned(from)));
	memcpy(to, from, n);
	asm volatile("sfence" : : : "memory");
}
#else
void anm_copy_away(void *dst, const void *src, size_t n)
{
	memcpy(dst, src, n);
}
#endif

u64 anm_siphash(const u8 key[16], const void *p, size_t n)
{
	siphash_key_t k = {{get_unaligned_le64(key), get_unaligned_le64(key + 8)}};

	return siphash(p, n, &k);
}

static bool pool_memory_suffices(u64 nr)
{
	long avail = si_mem_available();

	return avail > 0 && DIV_ROUND_UP(nr, PAGE_SIZE / ANM_PAGE_SIZE) <=
				    (u64)(avail - avail / POOL_LEAVE_SHARE);
}

/* Pages, cut up where they are larger than ours. */
static int pool_fill(struct anm_pool *p)
{
	while (p->nfree < p->nr) {
		struct page *page;
		u32 off;

		if (!(p->nfree % POOL_LOOK)) {
			/* Whoever asked for gigabytes can change their mind. */
			if (fatal_signal_pending(current))
				return -EINTR;
			if (si_mem_available() < POOL_LEAVE_PAGES)
				return -ENOMEM;
			cond_resched();
		}
		page = alloc_page(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
		if (!page)
			return -ENOMEM;
		for (off = 0; off < PAGE_SIZE; off += ANM_PAGE_SIZE)
			p->free[p->nfree++] = page_address(page) + off;
	}
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
	p->nr = round_up(nr, PAGE_SIZE / ANM_PAGE_SIZE);
	p->free = anm_big_alloc(p->nr * sizeof(*p->free));
	if (p->free && !pool_fill(p))
		return p;
	p->nr = p->nfree;
	anm_pool_destroy(p);
	return NULL;
}

void anm_pool_destroy(struct anm_pool *p)
{
	u64 i;

	if (!p)
		return;
	WARN_ON_ONCE(p->nfree != p->nr);
	for (i = 0; i < p->nfree; i++) {
		/* One that is still in a packet goes when that does. */
		if (!offset_in_page(p->free[i]))
			put_page(virt_to_page(p->free[i]));
		if (!(i % POOL_LOOK))
			cond_resched();
	}
	anm_big_free(p->free);
	kfree(p);
}

void *anm_pool_alloc(struct anm_pool *p)
{
	return p->nfree ? p->free[--p->nfree] : NULL;
}

void anm_pool_free(struct anm_pool *p, void *obj)
{
	if (!WARN_ON_ONCE(p->nfree == p->nr))
		p->free[p->nfree++] = obj;
}
