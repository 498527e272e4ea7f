/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timers of messages in flight: a wheel of slots of about a quarter of a millisecond. Arming,
 * disarming and finding the next one cost the same whatever their number.
 */
#ifndef ANM_ENG_WHEEL_H
#define ANM_ENG_WHEEL_H

#include "../../proto/services.h"

#define WHEEL_SLOT_SHIFT 18 /* 0.26 ms a slot */
#define WHEEL_SLOTS	 4096u
#define WHEEL_NS_MAX	 ((u64)(WHEEL_SLOTS - 2) << WHEEL_SLOT_SHIFT) /* longest delay: 1.07 s */

/** struct wheel_timer - embedded in what times out. Zeroed at first. */
struct wheel_timer {
	struct list_head link;
	u64 due_ns;
	bool armed;
};

struct wheel {
	u64 done;  /* slot number up to which all that was due has been taken */
	u32 armed; /* timers */
	u64 used[WHEEL_SLOTS / 64];
	struct list_head slot[WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, u64 now);

/** wheel_arm() - (again); @due_ns is brought into now .. now + WHEEL_NS_MAX. */
void wheel_arm(struct wheel *w, struct wheel_timer *t, u64 now, u64 due_ns);
void wheel_disarm(struct wheel *w, struct wheel_timer *t);

/** wheel_expire() - take one timer that is due, disarmed; NULL when there is none. */
struct wheel_timer *wheel_expire(struct wheel *w, u64 now);

/** wheel_next() - ns until the next timer can be due, at most @max. */
u64 wheel_next(const struct wheel *w, u64 now, u64 max);

#endif
