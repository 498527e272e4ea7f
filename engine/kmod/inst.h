/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One engine in the kernel: a core under a spinlock, its doors and its clock.
 * At most one a network namespace.
 *
 *   main.c      module: parameters, namespaces, init and exit
 *   inst.c      instance: make, end, lock, drain, tick
 *   hook.c      UDP: netfilter hooks in softirq
 *   tcp_door.c  TCP: listeners, accepting, the table of connections
 *   tcp_conn.c  TCP: life of one connection
 *   tcp_recv.c  TCP: record marking, handing records to the core
 *   tcp_send.c  TCP: replies
 *   genl.c      control and events
 */
#ifndef ANM_ENGINE_INST_H
#define ANM_ENGINE_INST_H

#include <linux/netfilter.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../../proto/clock_kernel.h"
#include "../../proto/link_kernel.h"
#include "../../proto/netns_kernel.h"
#include "../core/control.h"
#include "../core/engine.h"

struct tcp_door;

#define INST_TICK_SOON_NS (5 * NS_PER_MS) /* what waits for room, or was just commanded */
#define INST_EVENTS_BATCH 32		  /* events taken a run of the work */

/**
 * struct inst - one engine.
 * @net:       namespace; outlives the instance
 * @lock:      the shard's lock: all calls on @core
 * @core:      the engine
 * @now:       what it was told when the lock was taken; under @lock
 * @up:        how it was asked for
 * @clock:     ticks the core
 * @busy:      a module reference is held because VAIs are in use; under @lock
 * @hooks:     the UDP door
 * @defrag:    IPv6 fragments are put together for us
 * @tcp:       the TCP door, NULL without
 * @events:    sends @ev to the multicast group
 * @ev, @nev:  events taken from the core and not sent yet; under @lock
 * @stats:     of the doors
 */
struct inst {
	struct net *net;
	spinlock_t lock;
	struct engine *core;
	u64 now;
	struct eng_ctl_up up;
	struct anm_clock clock;
	bool busy;
	struct anm_hooks hooks;
	bool defrag;
	struct tcp_door *tcp;
	struct work_struct events;
	struct eng_event ev[INST_EVENTS_BATCH];
	unsigned int nev;
	struct anm_door_stats stats;
};

/**
 * inst_begin() - take the lock to call the core.
 * Return: the time to tell it.
 */
static inline u64 inst_begin(struct inst *inst)
{
	spin_lock_bh(&inst->lock);
	inst->now = ktime_get_ns();
	return inst->now;
}

/**
 * inst_end() - let go of the lock and send what the core has queued.
 * Rearms the clock when there is something to wait for, wakes what waits for
 * room, sees to events and the module reference.
 */
void inst_end(struct inst *inst);

/** inst_soon() - let the clock tick within INST_TICK_SOON_NS. Under the lock. */
void inst_soon(struct inst *inst, u64 now);

/**
 * inst_create() - make an engine and open its doors.
 * Context: process, under anm_net's lock. Return: the instance or an ERR_PTR, with @err filled.
 */
struct inst *inst_create(struct net *net, const struct eng_ctl_up *up, struct eng_err *err);

/** inst_destroy() - close the doors, then end the engine. Context: process. */
void inst_destroy(struct inst *inst);

/* hook.c */
int hook_open(struct inst *inst);
void hook_close(struct inst *inst);

/* genl.c */
int genl_open(void);
void genl_close(void);
void genl_events(struct work_struct *work);

/* main.c */
extern struct workqueue_struct *anm_wq;

/**
 * engine_up() - make the namespace's engine.
 * Context: process. Return: 0; -EEXIST when there is one; -EINTR when killed; the errors of inst_create(); with
 * @err filled.
 */
int engine_up(struct net *net, const struct eng_ctl_up *up, struct eng_err *err);

#endif
