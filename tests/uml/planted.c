// SPDX-License-Identifier: GPL-2.0-only
/* Bugs on purpose, one a load, to see that the kernel under test tells of them. */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *bug = "";
module_param(bug, charp, 0);
MODULE_PARM_DESC(bug, "out-of-bounds, use-after-free, lock-order");

static DEFINE_SPINLOCK(lock_a);
static DEFINE_SPINLOCK(lock_b);

static void out_of_bounds(void)
{
	u8 *p = kmalloc(40, GFP_KERNEL);

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(p);
	p[40] = 1;
	kfree(p);
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

static int __init planted_init(void)
{
	if (!strcmp(bug, "out-of-bounds"))
		out_of_bounds();
	else if (!strcmp(bug, "use-after-free"))
		use_after_free();
	else if (!strcmp(bug, "lock-order"))
		lock_order();
	else
		return -EINVAL;
	return -EAGAIN; /* nothing to stay for */
}

module_init(planted_init);
MODULE_DESCRIPTION("Anemone: bugs on purpose");
MODULE_LICENSE("GPL");
