/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One memory server in the kernel: a core under a spinlock, its UDP door and
 * its clock. At most one a network namespace.
 *
 *   main.c   module: parameters, namespaces, init and exit
 *   inst.c   instance: make, end, lock, drain, tick
 *   hook.c   AMP datagrams: netfilter hooks in softirq
 *   path.c   the MTU of the path to the engine, and its changes
 *   genl.c   control
 */
#ifndef ANM_MEMSERVER_INST_H
#define ANM_MEMSERVER_INST_H

#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../../proto/clock_kernel.h"
#include "../../proto/link_kernel.h"
#include "../../proto/netns_kernel.h"
#include "../core/control.h"
#include "../core/memserver.h"

#define INST_LEAVE_MS	 1500 /* wait for the engine's answer to GOODBYE */
#define INST_PATH_MS	 5000 /* the path's MTU is looked up this often, without any event */
#define INST_MTU_DEFAULT 1500 /* while there is no route */

/**
 * struct inst - one memory server.
 * @net:      namespace; outlives the instance
 * @lock:     all calls on @core
 * @core:     the memory server
 * @up:       how it was asked for
 * @mtu:      of the path, as the core knows it; of @path alone
 * @fixed_mtu: it was given, not to be looked up
 * @clock:    ticks the core
 * @busy:     a module reference is held because pages are stored that are needed; under @lock
 * @path:     looks the path up
 * @nb:       hears of devices
 * @hooks:    the UDP door
 * @stats:    of the door
 */
struct inst {
	struct net *net;
	spinlock_t lock;
	struct memserver *core;
	struct mem_ctl_up up;
	u16 mtu;
	bool fixed_mtu;
	struct anm_clock clock;
	bool busy;
	struct delayed_work path;
	struct notifier_block nb;
	struct anm_hooks hooks;
	struct anm_door_stats stats;
};

/** inst_begin() - take the lock to call the core. Return: the time to tell it. */
static inline u64 inst_begin(struct inst *inst)
{
	spin_lock_bh(&inst->lock);
	return ktime_get_ns();
}

/** inst_end() - let go of the lock and send what the core has queued. */
void inst_end(struct inst *inst);

/**
 * inst_create() - take the donation and say HELLO.
 * Context: process, under anm_net's lock. Return: the instance or an ERR_PTR with @err filled.
 */
struct inst *inst_create(struct net *net, const struct mem_ctl_up *up, struct mem_err *err);

/**
 * inst_destroy() - end it and free the donation. Context: process.
 * @leave: say GOODBYE first and wait a little for the answer
 */
void inst_destroy(struct inst *inst, bool leave);

/* hook.c */
int hook_open(struct inst *inst);
void hook_close(struct inst *inst);

/* path.c */
u16 path_mtu(const struct inst *inst);
/* Whether what goes to the engine would come back to this memory server. */
bool path_to_itself(struct net *net, const struct mem_ctl_up *up);
int path_mtu_to(void *ctx, const struct anm_addr *to);
int path_open(struct inst *inst);
void path_close(struct inst *inst);

/* genl.c */
int genl_open(void);
void genl_close(void);

/* main.c */

/**
 * memserver_up() - make the namespace's memory server.
 * Context: process. Return: 0; -EEXIST when there is one; -EINTR when killed; the errors of
 * inst_create(); with @err filled.
 */
int memserver_up(struct net *net, const struct mem_ctl_up *up, struct mem_err *err);

#endif
