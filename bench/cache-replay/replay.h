/* SPDX-License-Identifier: GPL-2.0-only */
/* A recorded trace of READs and WRITEs, replayed through the engine's table of cached pages. */
#ifndef ANM_BENCH_REPLAY_H
#define ANM_BENCH_REPLAY_H

#include "../../engine/core/pcache.h"

#define NEVER U32_MAX

/** struct trace_op - a READ or WRITE of @n pages from @first on. */
struct trace_op {
	u32 first, n;
	bool write;
};

/**
 * struct trace - one that was recorded.
 * @npages:   highest page, and one
 * @distinct: pages that were written or read
 * @accesses: pages of all operations
 */
struct trace {
	struct trace_op *op;
	size_t nops;
	u32 npages, distinct;
	size_t accesses;
};

/** enum replay_way - what becomes of a page that was read: the client has it now. */
enum replay_way {
	WAY_KEEP,  /* it is kept, or gets in: as a cache does it whose clients have none */
	WAY_LEAVE, /* it leaves, and does not get in */
	WAY_SPEND, /* it is the first to leave when room is wanted, and does not get in */
	WAYS,
};

/**
 * struct replay - how, and what came of it. Pages.
 * @policy: NULL: the best that there is, which knows the future
 * @way:    what becomes of a page that was read
 * @ahead:  pages are read ahead
 * @reads, @hits: pages read that the cache could have had, and those that it had
 * @whole:  READs of which it had every page
 * @nreads: READs
 * @issued, @used, @wasted: of the pages read ahead
 */
struct replay {
	const struct pcache_policy *policy;
	u32 budget;
	enum replay_way way;
	bool ahead;
	u64 reads, hits, nreads, whole;
	u64 issued, used, wasted;
};

/* policies.c: those that did not win */
extern const struct pcache_policy policy_fifo, policy_lru, policy_clock;

/** replay_run() - with a table of its own. False without memory. */
bool replay_run(const struct trace *t, struct replay *r);

/** best_run() - Belady's: what is read again last goes first. */
bool best_run(const struct trace *t, struct replay *r);

#endif
