// SPDX-License-Identifier: GPL-2.0-only
/*
 * CRC32C for the modules: by tables, or by the processor's own instruction
 * where it has one. Which is faster is measured once, at load, as an emulated
 * processor may well carry the instruction out bit by bit. Neither needs the
 * FPU, another module or process context.
 */
#include <linux/crc32.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/static_call.h>
#ifdef CONFIG_X86_64
#include <asm/cpufeature.h>
#endif

#include "services.h"

#define PROBE_RUNS 8
#define LANE	   1360u /* bytes: three make a page, but for 16 bytes */

static u32 crc_tables(u32 crc, const void *p, size_t n)
{
	return __crc32c_le(crc, p, n);
}

DEFINE_STATIC_CALL(crc_best, crc_tables);

u32 anm_crc32c(u32 crc, const void *p, size_t n)
{
	return static_call(crc_best)(crc, p, n);
}

#ifdef CONFIG_X86_64
/* One after the other: the result of each is what the next has to wait for. */
static u32 crc_lane(u32 crc, const u8 *b, size_t n)
{
	u64 c = crc;

	for (; n >= 8; n -= 8, b += 8)
		asm("crc32q %1, %0" : "+r"(c) : "rm"(get_unaligned((const u64 *)b)));
	crc = c;
	for (; n; n--, b++)
		asm("crc32b %1, %0" : "+r"(crc) : "rm"(*b));
	return crc;
}

/* What a CRC becomes with LANE zeros behind it, the sum of what its eight digits become. */
static u32 lane_zeros[8][16] __read_mostly;

static u32 lane_shift(u32 crc)
{
	u32 i, sum = 0;

	for (i = 0; i < 8; i++)
		sum ^= lane_zeros[i][crc >> (4 * i) & 15];
	return sum;
}

static void lane_init(const void *zeros)
{
	u32 i, j;

	for (i = 0; i < 8; i++)
		for (j = 0; j < 16; j++)
			lane_zeros[i][j] = crc_tables(j << (4 * i), zeros, LANE);
}

/* Three at a time: the processor can begin a step in each cycle, and ends it three later. */
static u32 crc_insn(u32 crc, const void *p, size_t n)
{
	const u8 *b = p;

	for (; n >= 3 * LANE; n -= 3 * LANE, b += 3 * LANE) {
		u64 c0 = crc, c1 = 0, c2 = 0;
		u32 i;

		for (i = 0; i < LANE; i += 8) {
			const u8 *w = b + i;

			asm("crc32q %1, %0" : "+r"(c0) : "rm"(get_unaligned((const u64 *)w)));
			w += LANE;
			asm("crc32q %1, %0" : "+r"(c1) : "rm"(get_unaligned((const u64 *)w)));
			w += LANE;
			asm("crc32q %1, %0" : "+r"(c2) : "rm"(get_unaligned((const u64 *)w)));
		}
		crc = lane_shift(lane_shift(c0) ^ (u32)c1) ^ (u32)c2;
	}
	return crc_lane(crc, b, n);
}

typedef u32 (*crc_fn)(u32 crc, const void *p, size_t n);

/* The shortest of a few runs over a page, ns. */
static u64 probe(crc_fn fn, const void *page, u32 *crc)
{
	u64 best = U64_MAX;
	int i;

	for (i = 0; i < PROBE_RUNS; i++) {
		u64 t = ktime_get_ns();

		*crc = fn(~0u, page, ANM_PAGE_SIZE);
		best = min(best, ktime_get_ns() - t);
	}
	return best;
}

void anm_crc32c_init(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	u32 by_tables, by_insn;
	void *data;

	if (!page || !boot_cpu_has(X86_FEATURE_XMM4_2))
		goto out;
	data = page_address(page);
	memset(data, 0, ANM_PAGE_SIZE);
	lane_init(data);
	get_random_bytes(data, ANM_PAGE_SIZE);
	if (probe(crc_insn, data, &by_insn) < probe(crc_tables, data, &by_tables) &&
	    !WARN_ON_ONCE(by_insn != by_tables))
		static_call_update(crc_best, crc_insn);
out:
	if (page)
		put_page(page);
}
#else
void anm_crc32c_init(void)
{
}
#endif
