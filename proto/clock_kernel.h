/* SPDX-License-Identifier: GPL-2.0-only */
/* What drives an instance of either module: its clock, and its hold on the module. */
#ifndef ANM_CLOCK_KERNEL_H
#define ANM_CLOCK_KERNEL_H

#include <linux/hrtimer.h>

#include "services.h"

#define ANM_TICK_MIN_NS (NS_PER_MS / 4)
#define ANM_TICK_MAX_NS NS_PER_S

/**
 * struct anm_clock - a timer that calls the core; all but @timer under the instance's lock.
 * @timer:    fires in softirq
 * @at:       when, ktime ns; U64_MAX while it is not armed
 * @stopping: the instance is ending: not armed any more
 */
struct anm_clock {
	struct hrtimer timer;
	u64 at;
	bool stopping;
};

/** anm_clock_init() - not armed yet. @tick: begins with anm_clock_fired(), never restarts. */
void anm_clock_init(struct anm_clock *c, enum hrtimer_restart (*tick)(struct hrtimer *timer));

/** anm_clock_arm() - tick no later than @ns from @now, within ANM_TICK_MIN_NS and _MAX_NS. */
void anm_clock_arm(struct anm_clock *c, u64 now, u64 ns);

/** anm_clock_fired() - it has ticked: it can be armed for any time again. */
static inline void anm_clock_fired(struct anm_clock *c)
{
	c->at = U64_MAX;
}

/**
 * anm_module_hold() - refuse rmmod, or let it be.
 * @held: whether a reference to the module is held; the caller's to lock
 * @want: whether one should be
 *
 * Context: any.
 */
void anm_module_hold(bool *held, bool want);

#endif
