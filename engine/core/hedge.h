/* SPDX-License-Identifier: GPL-2.0-only */
/* How long a server's reads take, and when the other copy's server is asked as well. */
#ifndef ANM_ENG_HEDGE_H
#define ANM_ENG_HEDGE_H

#include "../../proto/services.h"

#define LAG_SHIFT   14	 /* 16 us: the finest that is told apart */
#define LAG_SUB	    4u	 /* buckets that each doubling is cut into */
#define LAG_BUCKETS 64u	 /* up to 2 s */
#define LAG_MAX	    512u /* reads counted; then all counts are halved, so that old ones fade */
#define LAG_MIN	    64u	 /* below so many nothing can be said */
#define LAG_LOOK    16u	 /* reads between two looks */
#define LAG_TAIL    20u	 /* one of so many takes longer than the 95th percentile */

/**
 * struct eng_lag - a histogram of the time from sending a read to its answer.
 * @count:  by bucket; @total: their sum
 * @looks:  reads since @p95_ns was worked out
 * @p95_ns: the 95th percentile, a quarter too much at most; 0 while too few are known
 */
struct eng_lag {
	u16 count[LAG_BUCKETS];
	u16 total, looks;
	u64 p95_ns;
};

/** eng_lag_add() - a read took, or has taken so far, @ns. */
void eng_lag_add(struct eng_lag *lag, u64 ns);

#endif
