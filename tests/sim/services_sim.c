// SPDX-License-Identifier: GPL-2.0-only
/*
 * services.h for the simulator: quick, the same for the same seed, and with allocations
 * that fail when told so. It takes the place of services_user.c.
 */
#include "sim.h"

#include <isa-l/crc.h>
#include <sodium.h>

struct anm_page {
	u32 refs;
	struct anm_page *next;
	u8 *data; /* that of a pool, or its own */
	u8 own[ANM_PAGE_SIZE];
};

struct anm_pool {
	u64 nr, used;
};

bool anm_warn_fatal = true;
long anm_fail_after = -1;
bool anm_fail_sticky;
long anm_alloc_live;
void (*anm_random_hook)(void *p, size_t n);

u32 sim_alloc_fail;
u64 sim_alloc_failures;
static u64 random_state, fail_state;
#ifndef __SANITIZE_ADDRESS__
static struct anm_page *page_cache;
#endif

static u64 draw(u64 *state)
{
	u64 z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

void sim_services_seed(u64 seed)
{
	random_state = seed ^ 0x5bd1e9955bd1e995ull;
	fail_state = seed ^ 0x2545f4914f6cdd1dull;
	sim_alloc_fail = 0;
	sim_alloc_failures = 0;
}

static bool fail_now(void)
{
	if (likely(!sim_alloc_fail) || draw(&fail_state) % 1000000 >= sim_alloc_fail)
		return false;
	sim_alloc_failures++;
	return true;
}

void anm_warn(const char *file, int line, const char *what)
{
	sim_fail(sim_current, "promise 6: WARN at %s:%d: %s", file, line, what);
}

ptrdiff_t strscpy(char *dst, const char *src, size_t cap)
{
	size_t n = strnlen(src, cap);

	if (!cap)
		return -E2BIG;
	memcpy(dst, src, n == cap ? cap - 1 : n);
	dst[n == cap ? cap - 1 : n] = '\0';
	return n == cap ? -E2BIG : (ptrdiff_t)n;
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
	return n < 0 ? 0 : min_t(int, n, (int)cap - 1);
}

void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *b = p;

	for (; n; n--, b++)
		if (*b != (u8)c)
			return (void *)b;
	return NULL;
}

void *anm_alloc(size_t n)
{
	void *p;

	if (fail_now())
		return NULL;
	p = calloc(1, n ? n : 1);
	if (!p)
		abort();
	anm_alloc_live++;
	return p;
}

void anm_free(void *p)
{
	anm_alloc_live -= p != NULL;
	free(p);
}

void *anm_big_alloc(size_t n)
{
	return anm_alloc(n);
}

void anm_big_free(void *p)
{
	anm_free(p);
}

struct anm_page *anm_page_alloc(void)
{
	struct anm_page *p = NULL;

	if (fail_now())
		return NULL;
#ifndef __SANITIZE_ADDRESS__
	p = page_cache;
	if (p)
		page_cache = p->next;
#endif
	if (!p)
		p = malloc(sizeof(*p));
	if (!p)
		abort();
	/* Whoever forgets to fill it in must be seen, and seen again for the same seed. */
	p->data = p->own;
	memset(p->data, 0xa5, ANM_PAGE_SIZE);
	p->refs = 1;
	anm_alloc_live++;
	return p;
}

void anm_page_get(struct anm_page *p)
{
	p->refs++;
}

void anm_page_put(struct anm_page *p)
{
	if (--p->refs)
		return;
	anm_alloc_live--;
#ifdef __SANITIZE_ADDRESS__
	free(p);
#else
	p->next = page_cache;
	page_cache = p;
#endif
}

void *anm_page_data(struct anm_page *p)
{
	return p->data;
}

bool anm_page_shared(struct anm_page *p)
{
	return p->refs > 1;
}

struct anm_pool *anm_pool_create(u64 nr)
{
	struct anm_pool *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->nr = nr;
	return p;
}

void anm_pool_destroy(struct anm_pool *p)
{
	WARN_ON_ONCE(p->used);
	free(p);
}

void *anm_pool_alloc(struct anm_pool *p)
{
	void *obj;

	if (p->used == p->nr)
		return NULL;
	/* aligned, as it is elsewhere: the store finds the chunk of a slot by that */
	obj = aligned_alloc(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
	if (!obj)
		abort();
	p->used++;
	return obj;
}

void anm_pool_free(struct anm_pool *p, void *obj)
{
	WARN_ON_ONCE(!p->used);
	p->used--;
	free(obj);
}

struct anm_page *anm_pool_lend(struct anm_pool *p, void *obj)
{
	struct anm_page *page = malloc(sizeof(*page));

	/* No failure is drawn for it: addresses, which are not the seed's, say when it is called. */
	if (!page)
		abort();
	page->data = obj;
	page->refs = 1;
	return page;
}

void anm_pool_unlend(struct anm_pool *p, struct anm_page *page)
{
	WARN_ON_ONCE(page->refs != 1);
	free(page);
}

u32 anm_crc32c(u32 crc, const void *p, size_t n)
{
	return crc32_iscsi((unsigned char *)p, (int)n, crc);
}

u64 anm_siphash(const u8 key[16], const void *p, size_t n)
{
	u8 out[crypto_shorthash_BYTES];

	crypto_shorthash(out, p, n, key);
	return get_unaligned_le64(out);
}

int anm_memneq(const void *a, const void *b, size_t n)
{
	return memcmp(a, b, n) != 0;
}

void anm_random(void *p, size_t n)
{
	u8 *b = p;

	while (n--)
		*b++ = (u8)(draw(&random_state) >> 32);
}
