// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ktime.h>
#include <linux/module.h>

#include "clock_kernel.h"

void anm_clock_init(struct anm_clock *c, enum hrtimer_restart (*tick)(struct hrtimer *timer))
{
	c->at = U64_MAX;
	hrtimer_init(&c->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
	c->timer.function = tick;
}

void anm_clock_arm(struct anm_clock *c, u64 now, u64 ns)
{
	u64 at = now + clamp_t(u64, ns, ANM_TICK_MIN_NS, ANM_TICK_MAX_NS);

	if (c->stopping || at >= c->at)
		return;
	c->at = at;
	hrtimer_start(&c->timer, ns_to_ktime(at), HRTIMER_MODE_ABS_SOFT);
}

void anm_module_hold(bool *held, bool want)
{
	if (want == *held)
		return;
	if (!want)
		module_put(THIS_MODULE);
	else if (!try_module_get(THIS_MODULE))
		return; /* being removed already */
	*held = want;
}
