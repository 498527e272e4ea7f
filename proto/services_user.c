// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bodies of services_user.h.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "services.h"

#include <isa-l/crc.h>
#include <limits.h>
#include <malloc.h>
#include <sodium.h>
#include <stdatomic.h>
#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define BUILT_WITH_ASAN true
#else
#define ASAN_POISON_MEMORY_REGION(p, n)	  ((void)(p))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p))
#define BUILT_WITH_ASAN			  false
#endif

bool anm_warn_fatal = BUILT_WITH_ASAN;
long anm_fail_after = -1;
bool anm_fail_sticky;
long anm_alloc_live;
void (*anm_random_hook)(void *p, size_t n);

void anm_warn(const char *file, int line, const char *what)
{
	fprintf(stderr, "WARNING at %s:%d: %s\n", file, line, what);
	if (anm_warn_fatal)
		abort();
}

ptrdiff_t strscpy(char *dst, const char *src, size_t cap)
{
	size_t n = strnlen(src, cap);

	if (!cap)
		return -E2BIG;
	if (n == cap) {
		memcpy(dst, src, cap - 1);
		dst[cap - 1] = '\0';
		return -E2BIG;
	}
	memcpy(dst, src, n + 1);
	return (ptrdiff_t)n;
}

int scnprintf(char *buf, size_t cap, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!cap)
		return 0;
	va_start(ap, fmt);
	n = vsnprintf(buf, cap, fmt, ap);
	va_end(ap);
	if (n < 0)
		return 0;
	return (size_t)n < cap ? n : (int)(cap - 1);
}

void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *b = p;

	for (; n; n--, b++) {
		if (*b != (u8)c)
			return (void *)b;
	}
	return NULL;
}

static bool fail_now(void)
{
	if (likely(anm_fail_after < 0))
		return false;
	if (anm_fail_after > 0) {
		anm_fail_after--;
		return false;
	}
	if (!anm_fail_sticky)
		anm_fail_after = -1;
	return true;
}

static void live_add(long n)
{
	__atomic_fetch_add(&anm_alloc_live, n, __ATOMIC_RELAXED);
}

#define HEAP_KEEP (256 << 20) /* free bytes at its top that are not given back */
#define HEAP_STEP (1 << 20)   /* it grows by so much more than is asked for */

void anm_heap_keep(void)
{
	mallopt(M_TRIM_THRESHOLD, HEAP_KEEP);
	mallopt(M_TOP_PAD, HEAP_STEP);
}

void *anm_big_alloc(size_t n)
{
	void *p;

	if (fail_now())
		return NULL;
	p = calloc(1, n ? n : 1);
	if (p)
		live_add(1);
	return p;
}

void anm_big_free(void *p)
{
	if (p)
		live_add(-1);
	free(p);
}

void *anm_alloc(size_t n)
{
	return anm_big_alloc(n);
}

void anm_free(void *p)
{
	anm_big_free(p);
}

struct anm_page {
	atomic_uint refs;
	void *data;
};

struct anm_page *anm_page_alloc(void)
{
	struct anm_page *p;

	if (fail_now())
		return NULL;
	p = malloc(sizeof(*p));
	if (!p)
		return NULL;
	p->data = aligned_alloc(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
	if (!p->data) {
		free(p);
		return NULL;
	}
	atomic_init(&p->refs, 1);
	live_add(1);
	return p;
}

void anm_page_get(struct anm_page *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
}

void anm_page_put(struct anm_page *p)
{
	if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(p->data);
	free(p);
	live_add(-1);
}

void *anm_page_data(struct anm_page *p)
{
	return p->data;
}

bool anm_page_shared(struct anm_page *p)
{
	return atomic_load_explicit(&p->refs, memory_order_acquire) > 1;
}

/*
 * Free objects form a stack through their own first bytes; there is no other
 * bookkeeping. Callers serialise, as they do for everything else of a core.
 */
struct anm_pool {
	u8 *base;
	u64 nr;
	u64 used;
	void *free;
};

/* Room for others that a donation leaves: taking the last page would bring out the OOM killer. */
#define POOL_LEAVE_SHARE 16

static bool memory_suffices(u64 bytes)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *f;

	f = fopen("/proc/meminfo", "re");
	if (!f)
		return true;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	}
	fclose(f);
	return !kib || bytes <= (kib - kib / POOL_LEAVE_SHARE) * 1024;
}

/* Resident now, locked if the limits allow: a donation that is swapped out is no donation. */
static bool make_resident(void *p, size_t n)
{
	if (!mlock(p, n))
		return true;
#ifdef MADV_POPULATE_WRITE
	if (!madvise(p, n, MADV_POPULATE_WRITE))
		return true;
	if (errno != EINVAL)
		return false;
#endif
	memset(p, 0, n);
	return true;
}

struct anm_pool *anm_pool_create(u64 nr)
{
	struct anm_pool *p;
	u64 i;

	if (!nr || nr > (u64)SSIZE_MAX / ANM_PAGE_SIZE || fail_now())
		return NULL;
	if (!memory_suffices(nr * ANM_PAGE_SIZE))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->nr = nr;
	p->base = mmap(NULL, nr * ANM_PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->base == MAP_FAILED)
		goto err_free;
	if (!make_resident(p->base, nr * ANM_PAGE_SIZE))
		goto err_unmap;
	for (i = nr; i-- > 0;) {
		*(void **)(p->base + i * ANM_PAGE_SIZE) = p->free;
		p->free = p->base + i * ANM_PAGE_SIZE;
	}
	ASAN_POISON_MEMORY_REGION(p->base, nr * ANM_PAGE_SIZE);
	return p;

err_unmap:
	munmap(p->base, nr * ANM_PAGE_SIZE);
err_free:
	free(p);
	return NULL;
}

void anm_pool_destroy(struct anm_pool *p)
{
	if (!p)
		return;
	ASAN_UNPOISON_MEMORY_REGION(p->base, p->nr * ANM_PAGE_SIZE);
	munmap(p->base, p->nr * ANM_PAGE_SIZE);
	free(p);
}

void *anm_pool_alloc(struct anm_pool *p)
{
	void *obj = p->free;

	if (!obj)
		return NULL;
	ASAN_UNPOISON_MEMORY_REGION(obj, ANM_PAGE_SIZE);
	p->free = *(void **)obj;
	p->used++;
	return obj;
}

void anm_pool_free(struct anm_pool *p, void *obj)
{
	u64 off = (u64)((u8 *)obj - p->base);

	if (WARN_ON_ONCE(off >= p->nr * ANM_PAGE_SIZE || off % ANM_PAGE_SIZE || !p->used))
		return;
	*(void **)obj = p->free;
	p->free = obj;
	p->used--;
	ASAN_POISON_MEMORY_REGION(obj, ANM_PAGE_SIZE);
}

/*
 * A page whose bytes are not its own. It is none of the allocations that fail for tests: whether
 * one is needed is up to the objects' addresses.
 */
struct anm_page *anm_pool_lend(struct anm_pool *p, void *obj)
{
	struct anm_page *page = malloc(sizeof(*page));

	if (!page)
		return NULL;
	page->data = obj;
	atomic_init(&page->refs, 1);
	live_add(1);
	return page;
}

void anm_pool_unlend(struct anm_pool *p, struct anm_page *page)
{
	if (WARN_ON_ONCE(anm_page_shared(page)))
		return;
	free(page);
	live_add(-1);
}

u32 anm_crc32c(u32 crc, const void *p, size_t n)
{
	const u8 *b = p;

	while (n) {
		int piece = (int)min_t(size_t, n, INT_MAX);

		crc = crc32_iscsi((unsigned char *)b, piece, crc);
		b += piece;
		n -= (size_t)piece;
	}
	return crc;
}

u64 anm_siphash(const u8 key[16], const void *p, size_t n)
{
	u8 out[crypto_shorthash_BYTES];

	BUILD_BUG_ON(crypto_shorthash_KEYBYTES != 16 || crypto_shorthash_BYTES != 8);
	crypto_shorthash(out, p, n, key);
	return get_unaligned_le64(out);
}

int anm_memneq(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) != 0;
}

void anm_random(void *p, size_t n)
{
	if (anm_random_hook)
		anm_random_hook(p, n);
	else
		randombytes_buf(p, n);
}
