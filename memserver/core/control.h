/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control plane of a memory server: attributes of anemone_genl.h into
 * configuration, and what the core tells into attributes. Called by the
 * module's generic netlink handlers and by the daemon's Unix socket.
 *
 * @attrs is the parsed top level, ANM_MEM_A_MAX + 1 pointers, checked against
 * mem_ctl_policy. What takes a memory server is called under its lock and does
 * not sleep. Functions that fill a message return -EMSGSIZE when it is full.
 */
#ifndef ANM_MEM_CONTROL_H
#define ANM_MEM_CONTROL_H

#include "../../proto/nl.h"
#include "memserver.h"

/** mem_ctl_policy - of the top-level attributes, for every command. */
extern const struct nla_policy mem_ctl_policy[ANM_MEM_A_MAX + 1];

/** struct mem_err - a refusal in words: what, why, what to do. */
struct mem_err {
	char msg[160];
};

/**
 * struct mem_ctl_up - a memory server and its door.
 * @cfg:    of the core; cfg.engine has address and port, the rest is the driver's
 * @listen: own address, all zero for any
 * @port:   own AMP port, host order
 * @doors, @ndoors: counters of the door, only for mem_ctl_status(); may be none
 *
 * cfg.mtu is 0 when not given: the driver puts in the link's.
 */
struct mem_ctl_up {
	struct mem_config cfg;
	struct anm_addr listen;
	u16 port;
	const struct anm_counter *doors;
	u32 ndoors;
};

/** mem_ctl_up_defaults() - ports at their default, all else zero. */
void mem_ctl_up_defaults(struct mem_ctl_up *up);

/**
 * mem_ctl_up_check() - refuse what makes no sense.
 * Return: 0 or -EINVAL with @err filled.
 */
int mem_ctl_up_check(const struct mem_ctl_up *up, struct mem_err *err);

/** mem_ctl_up_parse() - read and check ANM_MEM_A_CONFIG of UP. 0 or -EINVAL. No lock needed. */
int mem_ctl_up_parse(struct nlattr **attrs, struct mem_ctl_up *up, struct mem_err *err);

/** mem_ctl_forced() - whether ANM_MEM_A_FORCE is there. */
bool mem_ctl_forced(struct nlattr **attrs);

/**
 * mem_ctl_down_check() - may the memory server be ended?
 * Return: 0, or -EBUSY with @err filled when mem_needed() and @force is false.
 */
int mem_ctl_down_check(struct memserver *m, u64 now, bool force, struct mem_err *err);

/**
 * mem_ctl_status() - put configuration, status and counters: answers STATUS_GET.
 * @up: the door as it is (with the port really bound); its cfg is not read
 */
int mem_ctl_status(struct anm_nlmsg *msg, struct memserver *m, const struct mem_ctl_up *up,
		   u64 now);

/**
 * mem_ctl_drain() - DRAIN: ask the engine to move the pages elsewhere, or no more.
 * Return: 0, or -ENOTCONN with @err filled.
 */
int mem_ctl_drain(struct memserver *m, u64 now, struct nlattr **attrs, struct mem_err *err);

#endif
