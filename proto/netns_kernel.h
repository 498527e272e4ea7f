/* SPDX-License-Identifier: GPL-2.0-only */
/* The instance of a network namespace: at most one of each module. */
#ifndef ANM_NETNS_KERNEL_H
#define ANM_NETNS_KERNEL_H

#include <linux/mutex.h>
#include <net/net_namespace.h>

struct inst; /* each module's own */

/**
 * struct anm_net - what a module keeps for a namespace.
 * @lock: making, ending and controlling of the instance; sleeps
 * @inst: the instance or NULL
 */
struct anm_net {
	struct mutex lock;
	struct inst *inst;
};

/** anm_net() - of @net; between anm_net_register() and anm_net_unregister(). */
struct anm_net *anm_net(struct net *net);

/**
 * anm_net_claim() - begin to make the instance of a namespace.
 * Context: process, may sleep. Return: 0 with the lock held, for anm_net_settle(); without it
 * -EEXIST when there is one already, -EINTR when killed.
 */
int anm_net_claim(struct net *net);

/**
 * anm_net_settle() - the namespace has this instance now; lets go of the lock.
 * @inst: or an ERR_PTR: then there is none
 *
 * Return: 0 or the error in @inst.
 */
int anm_net_settle(struct net *net, struct inst *inst);

/**
 * anm_net_register() - keep a struct anm_net for each namespace.
 * @end: ends the instance of a namespace that goes, or of all of them when the
 *       module does. Context: process, under anm_net's lock
 *
 * Return: 0 or a negative errno.
 */
int anm_net_register(void (*end)(struct inst *inst));
void anm_net_unregister(void);

#endif
