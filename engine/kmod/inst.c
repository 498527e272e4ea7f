// SPDX-License-Identifier: GPL-2.0-only
/* An engine in the kernel: core, lock, clock, doors. */
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "inst.h"
#include "tcp.h"

void inst_soon(struct inst *inst, u64 now)
{
	anm_clock_arm(&inst->clock, now, INST_TICK_SOON_NS);
}

/* Under the lock: take events from the core; the work sends them. */
static void events_take(struct inst *inst)
{
	unsigned int had = inst->nev;

	while (inst->nev < INST_EVENTS_BATCH && eng_event_next(inst->core, &inst->ev[inst->nev]))
		inst->nev++;
	if (inst->nev > had && !inst->clock.stopping)
		queue_work(anm_wq, &inst->events);
}

/*
 * Under the lock: rmmod is refused while clients have VAIs mounted, or pages are not stored, or are
 * kept as such: the next engine would take these for lost.
 */
static void busy_update(struct inst *inst)
{
	bool busy =
		eng_busy(inst->core) || eng_dirty_pages(inst->core) || eng_unflushed(inst->core);

	anm_module_hold(&inst->busy, !inst->clock.stopping && busy);
}

static void inst_send(struct inst *inst, struct list_head *outs)
{
	struct anm_out *out, *next;

	list_for_each_entry_safe(out, next, outs, link) {
		list_del(&out->link);
		if (!out->is_amp && out->to.door == ANM_DOOR_TCP)
			tcp_reply(inst, out);
		else
			anm_xmit(inst->net, out, &inst->stats);
	}
}

void inst_end(struct inst *inst)
{
	struct anm_out *out;
	LIST_HEAD(outs);

	while ((out = eng_out_next(inst->core)))
		list_add_tail(&out->link, &outs);
	if (!list_empty(&outs))
		anm_clock_arm(&inst->clock, inst->now, eng_tick_due(inst->core));
	events_take(inst);
	spin_unlock_bh(&inst->lock);

	inst_send(inst, &outs);
}

static enum hrtimer_restart inst_tick(struct hrtimer *timer)
{
	struct inst *inst = container_of(timer, struct inst, clock.timer);
	u64 now = inst_begin(inst);
	u64 next;

	anm_clock_fired(&inst->clock);
	eng_set_wallclock(inst->core, ktime_get_real_ns() - now);
	next = eng_tick(inst->core, now);
	busy_update(inst);
	tcp_wake_stalled(inst);
	anm_clock_arm(&inst->clock, now, next);
	inst_end(inst);
	return HRTIMER_NORESTART;
}

static void inst_free(struct inst *inst)
{
	if (inst->core)
		eng_destroy(inst->core);
	kfree(inst);
}

static struct inst *inst_alloc(struct net *net, const struct eng_ctl_up *up)
{
	struct inst *inst = kzalloc(sizeof(*inst), GFP_KERNEL);

	if (!inst)
		return NULL;
	inst->net = net;
	inst->up = *up;
	inst->up.door = ENG_DOOR_HOOK;
	spin_lock_init(&inst->lock);
	anm_clock_init(&inst->clock, inst_tick);
	INIT_WORK(&inst->events, genl_events);
	inst->core = eng_create(&up->cfg, ktime_get_ns());
	if (!inst->core) {
		inst_free(inst);
		return NULL;
	}
	return inst;
}

/* Doors closed already, or never opened: stop the clock, let go of everything. */
static void inst_stop(struct inst *inst)
{
	spin_lock_bh(&inst->lock);
	inst->clock.stopping = true;
	busy_update(inst);
	spin_unlock_bh(&inst->lock);
	hrtimer_cancel(&inst->clock.timer);
	cancel_work_sync(&inst->events);
	inst_free(inst);
}

struct inst *inst_create(struct net *net, const struct eng_ctl_up *up, struct eng_err *err)
{
	struct inst *inst = inst_alloc(net, up);
	u64 now;
	int rc;

	if (!inst) {
		snprintf(err->msg, sizeof(err->msg), "not enough memory for an engine");
		return ERR_PTR(-ENOMEM);
	}
	if (up->tcp) {
		rc = tcp_open(inst, err);
		if (rc)
			goto stop;
	}
	rc = hook_open(inst);
	if (rc) {
		snprintf(err->msg, sizeof(err->msg), "netfilter refused the hooks (%d)", rc);
		goto close_tcp;
	}
	now = inst_begin(inst);
	eng_set_wallclock(inst->core, ktime_get_real_ns() - now);
	anm_clock_arm(&inst->clock, now, 0);
	inst_end(inst);
	return inst;

close_tcp:
	tcp_close_door(inst);
stop:
	inst_stop(inst);
	return ERR_PTR(rc);
}

void inst_destroy(struct inst *inst)
{
	hook_close(inst);
	tcp_close_door(inst);
	inst_stop(inst);
}
