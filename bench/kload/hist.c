// SPDX-License-Identifier: GPL-2.0-only
#include "kload.h"

static u32 slot_of(u64 v)
{
	u32 top;

	if (v < 1 << HIST_SUB_BITS)
		return v;
	top = fls64(v) - 1 - HIST_SUB_BITS;
	return ((top + 1) << HIST_SUB_BITS) + ((v >> top) & ((1 << HIST_SUB_BITS) - 1));
}

/* The smallest value of a slot. */
static u64 slot_value(u32 slot)
{
	u32 top = slot >> HIST_SUB_BITS;
	u64 sub = slot & ((1 << HIST_SUB_BITS) - 1);

	return top ? (sub | 1 << HIST_SUB_BITS) << (top - 1) : sub;
}

void kload_hist_add(struct kload_hist *h, u64 v)
{
	h->slot[slot_of(v)]++;
	h->max = max(h->max, v);
	h->n++;
}

u64 kload_hist_at(const struct kload_hist *h, u32 permille)
{
	u64 want = div_u64(h->n * permille, 1000), seen = 0;
	u32 i;

	for (i = 0; i < HIST_SLOTS; i++) {
		seen += h->slot[i];
		if (seen > want)
			return slot_value(i);
	}
	return h->max;
}
