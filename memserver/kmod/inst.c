// SPDX-License-Identifier: GPL-2.0-only
/* A memory server in the kernel: core, lock, clock. */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "inst.h"

/* Under the lock: rmmod is refused while pages are stored that would be missed. */
static void busy_update(struct inst *inst)
{
	anm_module_hold(&inst->busy, !inst->clock.stopping && mem_needed(inst->core));
}

void inst_end(struct inst *inst)
{
	struct anm_out *out, *next;
	LIST_HEAD(outs);

	while ((out = mem_out_next(inst->core)))
		list_add_tail(&out->link, &outs);
	busy_update(inst);
	spin_unlock_bh(&inst->lock);

	list_for_each_entry_safe(out, next, &outs, link) {
		list_del(&out->link);
		anm_xmit(inst->net, out, &inst->stats);
	}
}

static enum hrtimer_restart inst_tick(struct hrtimer *timer)
{
	struct inst *inst = container_of(timer, struct inst, clock.timer);
	u64 now = inst_begin(inst);

	anm_clock_fired(&inst->clock);
	anm_clock_arm(&inst->clock, now, mem_tick(inst->core, now));
	inst_end(inst);
	return HRTIMER_NORESTART;
}

/* The clock and the core, doors closed already or never opened. */
static void inst_stop(struct inst *inst)
{
	spin_lock_bh(&inst->lock);
	inst->clock.stopping = true;
	busy_update(inst);
	spin_unlock_bh(&inst->lock);
	hrtimer_cancel(&inst->clock.timer);
	mem_destroy(inst->core);
	kfree(inst);
}

static struct inst *inst_alloc(struct net *net, const struct mem_ctl_up *up)
{
	struct inst *inst = kzalloc(sizeof(*inst), GFP_KERNEL);

	if (!inst)
		return NULL;
	inst->net = net;
	inst->up = *up;
	spin_lock_init(&inst->lock);
	anm_clock_init(&inst->clock, inst_tick);
	inst->fixed_mtu = up->cfg.mtu;
	inst->mtu = inst->fixed_mtu ? up->cfg.mtu : path_mtu(inst);
	inst->up.cfg.mtu = inst->mtu;
	/* How HELLO finds its way: by route, from our port. */
	inst->up.cfg.engine.local_port = up->port;
	inst->up.cfg.engine.local = up->listen;
	inst->up.cfg.path_mtu = path_mtu_to;
	inst->up.cfg.path_ctx = inst;
	inst->core = mem_create(&inst->up.cfg, ktime_get_ns());
	if (inst->core)
		return inst;
	kfree(inst);
	return NULL;
}

struct inst *inst_create(struct net *net, const struct mem_ctl_up *up, struct mem_err *err)
{
	struct inst *inst;
	u64 now;
	int rc;

	if (path_to_itself(net, up)) {
		snprintf(err->msg, sizeof(err->msg),
			 "port %u of this machine is the engine's: the memory server beside it "
			 "needs its own, say %u",
			 up->port, up->port + 1);
		return ERR_PTR(-EADDRINUSE);
	}
	inst = inst_alloc(net, up);
	if (!inst) {
		snprintf(err->msg, sizeof(err->msg), "not enough memory to donate %llu MiB",
			 up->cfg.donation >> (20 - ANM_PAGE_SHIFT));
		return ERR_PTR(-ENOMEM);
	}
	rc = hook_open(inst);
	if (rc) {
		snprintf(err->msg, sizeof(err->msg), "netfilter refused the hooks (%d)", rc);
		goto stop;
	}
	rc = path_open(inst);
	if (rc) {
		snprintf(err->msg, sizeof(err->msg), "cannot watch network devices (%d)", rc);
		goto close_hook;
	}
	now = inst_begin(inst);
	anm_clock_arm(&inst->clock, now, 0);
	inst_end(inst);
	return inst;

close_hook:
	hook_close(inst);
stop:
	inst_stop(inst);
	return ERR_PTR(rc);
}

/* Say GOODBYE, and let the engine hear of it before the pages go. */
static void inst_leave(struct inst *inst)
{
	unsigned int ms;
	bool left;
	u64 now;

	now = inst_begin(inst);
	mem_leave(inst->core, now);
	anm_clock_arm(&inst->clock, now, 0);
	inst_end(inst);
	for (ms = 0; ms < INST_LEAVE_MS; ms += 20) {
		struct mem_status st;

		now = inst_begin(inst);
		mem_get_status(inst->core, &st, now);
		inst_end(inst);
		left = st.state == MEM_LEFT;
		if (left)
			break;
		msleep(20);
	}
}

void inst_destroy(struct inst *inst, bool leave)
{
	path_close(inst);
	if (leave)
		inst_leave(inst);
	hook_close(inst);
	inst_stop(inst);
}
