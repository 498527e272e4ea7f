/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The platform of services.h in the kernel (6.1 and later). Included by
 * services.h, never directly.
 */
#ifndef ANM_SERVICES_KERNEL_H
#define ANM_SERVICES_KERNEL_H

#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/lz4.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif
#include <crypto/algapi.h>

/* A page of ours is a page of the kernel's, so that it can go into an skb as it is. */
#define anm_page page

static inline void *anm_alloc(size_t n)
{
	return kzalloc(n, GFP_ATOMIC | __GFP_NOWARN);
}

static inline void anm_free(void *p)
{
	kfree(p);
}

void *anm_big_alloc(size_t n);

static inline void anm_big_free(void *p)
{
	kvfree(p);
}

static inline struct page *anm_page_alloc(void)
{
	return alloc_page(GFP_ATOMIC | __GFP_NOWARN);
}

static inline void anm_page_get(struct page *p)
{
	get_page(p);
}

static inline void anm_page_put(struct page *p)
{
	put_page(p);
}

/* Never highmem: the pages come from alloc_page() without __GFP_HIGHMEM or from an skb. */
static inline void *anm_page_data(struct page *p)
{
	return page_address(p);
}

static inline bool anm_page_shared(struct page *p)
{
	return page_count(p) > 1;
}

void anm_copy_away(void *dst, const void *src, size_t n);

struct anm_pool;
struct anm_pool *anm_pool_create(u64 nr);
void anm_pool_destroy(struct anm_pool *p);
void *anm_pool_alloc(struct anm_pool *p);
void anm_pool_free(struct anm_pool *p, void *obj);

/* The pool's reference is that of whoever has borrowed. */
static inline struct page *anm_pool_lend(struct anm_pool *p, void *obj)
{
	return PAGE_SHIFT == 12 ? virt_to_page(obj) : NULL;
}

static inline void anm_pool_unlend(struct anm_pool *p, struct page *page)
{
}

u32 anm_crc32c(u32 crc, const void *p, size_t n);

/* Choose how anm_crc32c() goes about it; at load, process context. */
void anm_crc32c_init(void);

u64 anm_siphash(const u8 key[16], const void *p, size_t n);

/* Nonzero if the @n bytes differ; takes the same time wherever they do. */
static inline int anm_memneq(const void *a, const void *b, size_t n)
{
	return crypto_memneq(a, b, n) != 0;
}

#define ANM_LZ4_WORK LZ4_MEM_COMPRESS

static inline u32 anm_lz4_pack(void *dst, u32 cap, const void *page, void *work)
{
	return (u32)LZ4_compress_default(page, dst, SZ_4K, (int)cap, work);
}

static inline bool anm_lz4_unpack(void *page, const void *src, u32 len)
{
	return LZ4_decompress_safe(src, page, (int)len, SZ_4K) == SZ_4K;
}

static inline void anm_random(void *p, size_t n)
{
	get_random_bytes(p, n);
}

#endif
