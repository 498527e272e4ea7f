// SPDX-License-Identifier: GPL-2.0-only
/*
 * S3-FIFO (Yang et al., SOSP 2023): new pages go through a small queue, from which only
 * those that were used again get into the main one; what left the small queue is
 * remembered for a while, and gets into the main queue at once when it comes back. A scan
 * goes through the small queue and leaves the main one alone.
 */
#include "pcache.h"

#define SMALL_SHARE 10 /* one page of so many is on probation */
#define HAND_MAX    32 /* entries that are given another chance, for one victim */

static void s3_insert(struct pcache *c, u32 i)
{
	bool ghost = c->entry[i].list == PCACHE_GHOST;

	if (ghost)
		pcache_unlink(c, i);
	c->entry[i].freq = 0;
	pcache_push(c, ghost ? PCACHE_MAIN : PCACHE_SMALL, i);
}

static void s3_hit(struct pcache *c, u32 i)
{
	if (c->entry[i].freq < PCACHE_FREQ_MAX)
		c->entry[i].freq++;
}

static u32 main_victim(struct pcache *c)
{
	u32 n, i;

	for (n = 0;; n++) {
		i = c->list[PCACHE_MAIN].tail;
		pcache_unlink(c, i);
		if (!c->entry[i].freq || n == HAND_MAX)
			return i;
		c->entry[i].freq--;
		pcache_push(c, PCACHE_MAIN, i);
	}
}

static u32 s3_victim(struct pcache *c)
{
	u32 n, i;

	for (n = 0; c->list[PCACHE_SMALL].n > c->cap / SMALL_SHARE || !c->list[PCACHE_MAIN].n;
	     n++) {
		i = c->list[PCACHE_SMALL].tail;
		pcache_unlink(c, i);
		if (c->entry[i].freq < 2 || n == HAND_MAX)
			return i;
		c->entry[i].freq = 0;
		pcache_push(c, PCACHE_MAIN, i);
	}
	return main_victim(c);
}

/* Only those of the small queue have something to prove. */
static bool s3_gone(struct pcache *c, u32 i)
{
	if (c->entry[i].list != PCACHE_SMALL)
		return false;
	if (c->list[PCACHE_GHOST].n >= c->cap)
		pcache_forget(c, c->list[PCACHE_GHOST].tail);
	pcache_push(c, PCACHE_GHOST, i);
	return true;
}

const struct pcache_policy pcache_s3fifo = {
	.name = "s3-fifo",
	.insert = s3_insert,
	.hit = s3_hit,
	.victim = s3_victim,
	.gone = s3_gone,
};
