/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The platform of services.h in user space. Names and rules are those of the
 * kernel, as strict as there (min() and max() want equal types), so that what
 * compiles here compiles in a module. Included by services.h, never directly.
 */
#ifndef ANM_SERVICES_USER_H
#define ANM_SERVICES_USER_H

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lz4.h>

#include <linux/types.h> /* __be16 and so on: types of their own for sparse */

#include "list_user.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef long long s64;

#ifndef U8_MAX
#define U8_MAX	((u8)~0U)
#define U16_MAX ((u16)~0U)
#define U32_MAX ((u32)~0U)
#define U64_MAX ((u64)~0ULL)
#define S32_MAX ((s32)(U32_MAX >> 1))
#define S64_MAX ((s64)(U64_MAX >> 1))
#endif

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define fallthrough	__attribute__((__fallthrough__))
#define __packed	__attribute__((__packed__))
#define __aligned(x)	__attribute__((__aligned__(x)))
#define __printf(a, b)	__attribute__((__format__(printf, a, b)))
#define __maybe_unused	__attribute__((__unused__))
#define __always_unused __attribute__((__unused__))
#define __must_check	__attribute__((__warn_unused_result__))
#define noinline	__attribute__((__noinline__))
#ifndef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#endif

#define BUILD_BUG_ON(cond) _Static_assert(!(cond), "BUILD_BUG_ON: " #cond)
#ifndef static_assert
#define static_assert _Static_assert
#endif
#define ARRAY_SIZE(a)	     (sizeof(a) / sizeof((a)[0]))
#define sizeof_field(t, m)   sizeof(((t *)0)->m)
#define struct_size(p, m, n) (sizeof(*(p)) + sizeof((p)->m[0]) * (size_t)(n))
#define BIT(n)		     (1UL << (n))
#define BIT_ULL(n)	     (1ULL << (n))
#define DIV_ROUND_UP(n, d)   (((n) + (d)-1) / (d))
#define round_down(x, y)     ((x) & ~((__typeof__(x))((y)-1)))
#define round_up(x, y)	     ((((x)-1) | ((__typeof__(x))((y)-1))) + 1)
#define ALIGN(x, a)	     round_up(x, a)
#define IS_ALIGNED(x, a)     (((x) & ((__typeof__(x))(a)-1)) == 0)
#define READ_ONCE(x)	     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)     (*(volatile __typeof__(x) *)&(x) = (v))

/* Comparing addresses of the two is the compiler's cue to complain when types differ. */
#define anm_cmp_(x, y, op)              \
	({                              \
		__typeof__(x) x_ = (x); \
		__typeof__(y) y_ = (y); \
		(void)(&x_ == &y_);     \
		x_ op y_ ? x_ : y_;     \
	})
#define min(x, y)	    anm_cmp_(x, y, <)
#define max(x, y)	    anm_cmp_(x, y, >)
#define min_t(t, x, y)	    min((t)(x), (t)(y))
#define max_t(t, x, y)	    max((t)(x), (t)(y))
#define min3(x, y, z)	    min((__typeof__(x))min(x, y), z)
#define max3(x, y, z)	    max((__typeof__(x))max(x, y), z)
#define clamp(v, lo, hi)    min((__typeof__(v))max(v, lo), hi)
#define clamp_t(t, v, l, h) clamp((t)(v), (t)(l), (t)(h))
#define swap(a, b)                         \
	do {                               \
		__typeof__(a) swap_ = (a); \
		(a) = (b);                 \
		(b) = swap_;               \
	} while (0)

/* ---- byte order, unaligned access ---- */

#ifdef __CHECKER__
#define __force __attribute__((force))
#else
#define __force
#endif

#define cpu_to_be16(x) ((__force __be16)htobe16(x))
#define cpu_to_be32(x) ((__force __be32)htobe32(x))
#define cpu_to_be64(x) ((__force __be64)htobe64(x))
#define be16_to_cpu(x) ((u16)be16toh((__force u16)(x)))
#define be32_to_cpu(x) ((u32)be32toh((__force u32)(x)))
#define be64_to_cpu(x) ((u64)be64toh((__force u64)(x)))
#define cpu_to_le16(x) ((__force __le16)htole16(x))
#define cpu_to_le32(x) ((__force __le32)htole32(x))
#define cpu_to_le64(x) ((__force __le64)htole64(x))
#define le16_to_cpu(x) ((u16)le16toh((__force u16)(x)))
#define le32_to_cpu(x) ((u32)le32toh((__force u32)(x)))
#define le64_to_cpu(x) ((u64)le64toh((__force u64)(x)))

#define ANM_UNALIGNED_(bits, order)                                        \
	static inline u##bits get_unaligned_##order##bits(const void *p)   \
	{                                                                  \
		__##order##bits v;                                         \
                                                                           \
		memcpy(&v, p, sizeof(v));                                  \
		return order##bits##_to_cpu(v);                            \
	}                                                                  \
	static inline void put_unaligned_##order##bits(u##bits v, void *p) \
	{                                                                  \
		__##order##bits w = cpu_to_##order##bits(v);               \
                                                                           \
		memcpy(p, &w, sizeof(w));                                  \
	}
ANM_UNALIGNED_(16, be)
ANM_UNALIGNED_(32, be)
ANM_UNALIGNED_(64, be)
ANM_UNALIGNED_(16, le)
ANM_UNALIGNED_(32, le)
ANM_UNALIGNED_(64, le)

/* ---- arithmetic ---- */

static inline u32 rol32(u32 v, unsigned int n)
{
	return (v << (n & 31)) | (v >> (-n & 31));
}

static inline u32 ror32(u32 v, unsigned int n)
{
	return (v >> (n & 31)) | (v << (-n & 31));
}

static inline u64 rol64(u64 v, unsigned int n)
{
	return (v << (n & 63)) | (v >> (-n & 63));
}

static inline int fls(unsigned int x)
{
	return x ? 32 - __builtin_clz(x) : 0;
}

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline int ilog2(u64 x)
{
	return fls64(x) - 1;
}

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline unsigned long roundup_pow_of_two(unsigned long n)
{
	return n > 1 ? 1UL << fls64(n - 1) : 1;
}

static inline u64 div_u64(u64 n, u32 d)
{
	return n / d;
}

static inline u64 div64_u64(u64 n, u64 d)
{
	return n / d;
}

/* Multiplicative (Fibonacci) hashing: 2^bits / golden ratio, high bits kept. */
static inline u32 hash_32(u32 v, unsigned int bits)
{
	return (v * 0x61C88647u) >> (32 - bits);
}

static inline u32 hash_64(u64 v, unsigned int bits)
{
	return (u32)((v * 0x61C8864680B583EBull) >> (64 - bits));
}

/* ---- strings ---- */

/* Always NUL-terminates; the length copied or -E2BIG when it was cut. */
ptrdiff_t strscpy(char *dst, const char *src, size_t cap);
/* Like snprintf(), but returns what was really written. */
int scnprintf(char *buf, size_t cap, const char *fmt, ...) __printf(3, 4);
/* First byte that is not @c, or NULL. */
void *memchr_inv(const void *p, int c, size_t n);

/* ---- complaints ---- */

/*
 * WARN_ON_ONCE() prints once a place. It also aborts when anm_warn_fatal is
 * set; it starts out set in builds with AddressSanitizer, clear in others.
 */
extern bool anm_warn_fatal;
void anm_warn(const char *file, int line, const char *what);

#define WARN_ON_ONCE(cond)                                            \
	({                                                            \
		static bool warned_;                                  \
		bool bad_ = !!(cond);                                 \
                                                                      \
		if (unlikely(bad_) && (!warned_ || anm_warn_fatal)) { \
			warned_ = true;                               \
			anm_warn(__FILE__, __LINE__, #cond);          \
		}                                                     \
		unlikely(bad_);                                       \
	})

/* ---- memory ---- */

/*
 * Failing allocations, for tests. anm_fail_after < 0: none fails (the start
 * value). n >= 0: n more succeed, then one fails and the counter is -1 again,
 * or, with anm_fail_sticky, all fail until it is set anew. anm_alloc(),
 * anm_big_alloc(), anm_page_alloc() and anm_pool_create() count.
 * anm_alloc_live is the number of allocations (pages too, pools not) that have
 * not been given back: a leak check. Not for programs with threads.
 */
extern long anm_fail_after;
extern bool anm_fail_sticky;
extern long anm_alloc_live;

/**
 * anm_heap_keep() - let the heap stay as large as it once was.
 *
 * Pages come and go with every message: given back to the system they would be asked for again, and
 * cleared, a moment later. For programs whose memory is locked anyway; call it first.
 */
void anm_heap_keep(void);

void *anm_alloc(size_t n);
void anm_free(void *p);
void *anm_big_alloc(size_t n);
void anm_big_free(void *p);

struct anm_page;
struct anm_page *anm_page_alloc(void);
void anm_page_get(struct anm_page *p);
void anm_page_put(struct anm_page *p);
void *anm_page_data(struct anm_page *p);
bool anm_page_shared(struct anm_page *p);

static inline void anm_copy_away(void *dst, const void *src, size_t n)
{
	memcpy(dst, src, n);
}

struct anm_pool;
struct anm_pool *anm_pool_create(u64 nr);
void anm_pool_destroy(struct anm_pool *p);
void *anm_pool_alloc(struct anm_pool *p);
void anm_pool_free(struct anm_pool *p, void *obj);
struct anm_page *anm_pool_lend(struct anm_pool *p, void *obj);
void anm_pool_unlend(struct anm_pool *p, struct anm_page *page);

/* ---- CRC, hash, random ---- */

u32 anm_crc32c(u32 crc, const void *p, size_t n);
u64 anm_siphash(const u8 key[16], const void *p, size_t n);
/* Nonzero if the @n bytes differ; takes the same time wherever they do. */
int anm_memneq(const void *a, const void *b, size_t n);
void anm_random(void *p, size_t n);

#define ANM_LZ4_WORK LZ4_STREAM_MINSIZE

static inline u32 anm_lz4_pack(void *dst, u32 cap, const void *page, void *work)
{
	return (u32)LZ4_compress_fast_extState(work, page, dst, 4096, (int)cap, 1);
}

static inline bool anm_lz4_unpack(void *page, const void *src, u32 len)
{
	return LZ4_decompress_safe(src, page, (int)len, 4096) == 4096;
}
/* When set, called in place of the real source: simulators and tests draw the same again. */
extern void (*anm_random_hook)(void *p, size_t n);

#endif
