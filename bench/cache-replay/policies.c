// SPDX-License-Identifier: GPL-2.0-only
/* Policies to compare with, as the table wants them. */
#include "replay.h"

static void insert_head(struct pcache *c, u32 i)
{
	c->entry[i].freq = 0;
	pcache_push(c, PCACHE_MAIN, i);
}

static u32 take_tail(struct pcache *c)
{
	u32 i = c->list[PCACHE_MAIN].tail;

	pcache_unlink(c, i);
	return i;
}

static bool no_ghost(struct pcache *c, u32 i)
{
	return false;
}

static void hit_nothing(struct pcache *c, u32 i)
{
}

static void hit_to_head(struct pcache *c, u32 i)
{
	pcache_unlink(c, i);
	pcache_push(c, PCACHE_MAIN, i);
}

static void hit_mark(struct pcache *c, u32 i)
{
	c->entry[i].freq = 1;
}

static u32 clock_victim(struct pcache *c)
{
	u32 i = take_tail(c);

	while (c->entry[i].freq) {
		insert_head(c, i);
		i = take_tail(c);
	}
	return i;
}

const struct pcache_policy policy_fifo = {
	.name = "fifo",
	.insert = insert_head,
	.hit = hit_nothing,
	.victim = take_tail,
	.gone = no_ghost,
};

const struct pcache_policy policy_lru = {
	.name = "lru",
	.insert = insert_head,
	.hit = hit_to_head,
	.victim = take_tail,
	.gone = no_ghost,
};

const struct pcache_policy policy_clock = {
	.name = "clock",
	.insert = insert_head,
	.hit = hit_mark,
	.victim = clock_victim,
	.gone = no_ghost,
};
