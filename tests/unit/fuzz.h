/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small helpers of the tests that feed decoders: a repeatable generator, and
 * buffers that end where their bytes end, so that AddressSanitizer sees a read
 * one byte too far.
 */
#ifndef ANM_TEST_FUZZ_H
#define ANM_TEST_FUZZ_H

#include "../../proto/services.h"

/* SplitMix64's constants: a plain counter, well mixed. */
static inline u64 fuzz_u64(u64 *seed)
{
	u64 z = *seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline u32 fuzz_below(u64 *seed, u32 n)
{
	return (u32)(fuzz_u64(seed) % n);
}

static inline void fuzz_fill(u64 *seed, u8 *p, u32 n)
{
	while (n--)
		*p++ = (u8)fuzz_u64(seed);
}

/* A heap copy of exactly @n bytes; free() it. */
static inline u8 *fuzz_exact(const void *p, u32 n)
{
	u8 *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	if (n)
		memcpy(copy, p, n);
	return copy;
}

/* Spoil @p a little: some bytes, bits or words that are likely to hurt. */
static inline void fuzz_mutate(u64 *seed, u8 *p, u32 n)
{
	static const u32 nasty[] = {0, 1, 3, 4, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff};
	u32 i, hits = 1 + fuzz_below(seed, 4);

	for (i = 0; n && i < hits; i++) {
		u32 at = fuzz_below(seed, n);

		if (fuzz_below(seed, 3) == 0 && n >= 4)
			put_unaligned_be32(nasty[fuzz_below(seed, ARRAY_SIZE(nasty))],
					   p + (at & ~3u) - ((at & ~3u) > n - 4 ? 4 : 0));
		else if (fuzz_below(seed, 2))
			p[at] ^= (u8)(1u << fuzz_below(seed, 8));
		else
			p[at] = (u8)fuzz_u64(seed);
	}
}

#endif
