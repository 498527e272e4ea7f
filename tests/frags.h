/* SPDX-License-Identifier: GPL-2.0-only */
/* What a network device's receive buffers look like to the cores, for the simulated ones. */
#ifndef ANM_TEST_FRAGS_H
#define ANM_TEST_FRAGS_H

#include "../proto/services.h"

/**
 * test_frags() - copy @n bytes into new pages, from @at of the first one on.
 * Return: false without memory.
 */
static inline bool test_frags(struct anm_frags *frags, u32 at, const u8 *bytes, u32 n)
{
	u32 len;

	for (; n; bytes += len, n -= len, at = 0) {
		struct anm_page *page = anm_page_alloc();

		if (!page) {
			anm_frags_put(frags);
			return false;
		}
		len = min(n, ANM_PAGE_SIZE - at);
		memcpy((u8 *)anm_page_data(page) + at, bytes, len);
		frags->frag[frags->n++] = (struct anm_frag){page, (u16)at, (u16)len};
	}
	return true;
}

#endif
