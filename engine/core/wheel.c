// SPDX-License-Identifier: GPL-2.0-only
#include "wheel.h"

void wheel_init(struct wheel *w, u64 now)
{
	u32 i;

	memset(w, 0, sizeof(*w));
	w->done = now >> WHEEL_SLOT_SHIFT;
	for (i = 0; i < WHEEL_SLOTS; i++)
		INIT_LIST_HEAD(&w->slot[i]);
}

/* Rounded up, so that a timer is due when its slot has been reached. */
static u64 wheel_slot_of(u64 due_ns)
{
	return (due_ns >> WHEEL_SLOT_SHIFT) + 1;
}

void wheel_arm(struct wheel *w, struct wheel_timer *t, u64 now, u64 due_ns)
{
	u32 i;

	wheel_disarm(w, t);
	due_ns = clamp(due_ns, now, now + WHEEL_NS_MAX);
	t->due_ns = due_ns;
	i = wheel_slot_of(due_ns) % WHEEL_SLOTS;
	list_add_tail(&t->link, &w->slot[i]);
	w->used[i / 64] |= BIT_ULL(i % 64);
	t->armed = true;
	w->armed++;
}

void wheel_disarm(struct wheel *w, struct wheel_timer *t)
{
	u32 i = wheel_slot_of(t->due_ns) % WHEEL_SLOTS;

	if (!t->armed)
		return;
	list_del(&t->link);
	if (list_empty(&w->slot[i]))
		w->used[i / 64] &= ~BIT_ULL(i % 64);
	t->armed = false;
	w->armed--;
}

/* First slot number in (from, to] that holds a timer, or to + 1. At most one turn. */
static u64 wheel_seek(const struct wheel *w, u64 from, u64 to)
{
	u64 s = from + 1;

	while (s <= to) {
		u32 i = s % WHEEL_SLOTS;
		u64 bits = w->used[i / 64] >> (i % 64);

		if (bits) {
			s += __builtin_ctzll(bits);
			return min(s, to + 1);
		}
		s += 64 - i % 64;
	}
	return to + 1;
}

/*
 * When nobody has looked for a whole turn, timers armed since lie among those that are
 * due; they are told apart by their own time.
 */
struct wheel_timer *wheel_expire(struct wheel *w, u64 now)
{
	u64 end = now >> WHEEL_SLOT_SHIFT;
	struct wheel_timer *t;

	if (end > w->done + WHEEL_SLOTS)
		w->done = end - WHEEL_SLOTS;
	while (w->armed) {
		u64 s = wheel_seek(w, w->done, end);

		if (s > end)
			break;
		list_for_each_entry(t, &w->slot[s % WHEEL_SLOTS], link) {
			if (t->due_ns <= now) {
				w->done = s - 1;
				wheel_disarm(w, t);
				return t;
			}
		}
		w->done = s;
	}
	w->done = end;
	return NULL;
}

u64 wheel_next(const struct wheel *w, u64 now, u64 max)
{
	u64 s, at;

	if (!w->armed)
		return max;
	s = wheel_seek(w, w->done, w->done + WHEEL_SLOTS);
	at = s << WHEEL_SLOT_SHIFT;
	return at > now ? min(at - now, max) : 0;
}
