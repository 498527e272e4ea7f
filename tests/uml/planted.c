// SPDX-License-Identifier: GPL-2.0-only
/* Bugs on purpose, one a load, to see that the kernel under test tells of them. */
#include <linux/bottom_half.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>

static char *bug = "";
module_param(bug, charp, 0);
MODULE_PARM_DESC(bug, "the name of one in the table");

static DEFINE_SPINLOCK(lock_a);
static DEFINE_SPINLOCK(lock_b);
static DEFINE_MUTEX(mutex);
static int shift_by = 40;

static void out_of_bounds(void)
{
	u8 *p = kmalloc(40, GFP_KERNEL);

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(p);
	p[40] = 1;
	kfree(p);
}

static void out_of_bounds_vmalloc(void)
{
	u8 *p = vmalloc(40);

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(p);
	p[40] = 1;
	vfree(p);
}

static void use_after_free(void)
{
	u8 *p = kmalloc(40, GFP_KERNEL);

	if (!p)
		return;
	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	p[8] = 1;
}

static void shift(void)
{
	OPTIMIZER_HIDE_VAR(shift_by);
	WRITE_ONCE(shift_by, 1 << shift_by);
}

static void leak(void)
{
	int i;

	/* More than one: an old stack may still have the last. */
	for (i = 0; i < 8; i++)
		(void)kmalloc(40, GFP_KERNEL);
}

static void lock_order(void)
{
	spin_lock(&lock_a);
	spin_lock(&lock_b);
	spin_unlock(&lock_b);
	spin_unlock(&lock_a);
	spin_lock(&lock_b);
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
	spin_unlock(&lock_b);
}

/* A softirq that waits for what it has interrupted would wait for ever. */
static void softirq_takes(struct tasklet_struct *t)
{
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
}

static void softirq_sleeps(struct tasklet_struct *t)
{
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
}

static DECLARE_TASKLET(taker, softirq_takes);
static DECLARE_TASKLET(sleeper, softirq_sleeps);

static void run_tasklet(struct tasklet_struct *t)
{
	tasklet_schedule(t);
	tasklet_kill(t);
}

static void softirq(void)
{
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
	run_tasklet(&taker);
}

static void mutex_in_softirq(void)
{
	run_tasklet(&sleeper);
}

static void on_time(struct timer_list *t)
{
}

static void timer_freed(void)
{
	struct timer_list *t = kmalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return;
	timer_setup(t, on_time, 0);
	mod_timer(t, jiffies + 1000 * HZ);
	kfree(t);
}

static const struct {
	const char *name;
	void (*plant)(void);
} bugs[] = {
	{"out-of-bounds", out_of_bounds},
	{"out-of-bounds-vmalloc", out_of_bounds_vmalloc},
	{"use-after-free", use_after_free},
	{"shift", shift},
	{"leak", leak},
	{"lock-order", lock_order},
	{"softirq", softirq},
	{"mutex-in-softirq", mutex_in_softirq},
	{"timer-freed", timer_freed},
};

static int __init planted_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (strcmp(bug, bugs[i].name))
			continue;
		bugs[i].plant();
		return -EAGAIN; /* nothing to stay for */
	}
	return -EINVAL;
}

module_init(planted_init);
MODULE_DESCRIPTION("Anemone: bugs on purpose");
MODULE_LICENSE("GPL");
