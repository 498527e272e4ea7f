/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The caller's end of the control interface of anemone_genl.h, for the command
 * line tools: one way to ask the module (generic netlink) and a daemon (Unix
 * socket). Blocking; no call waits for longer than CTL_TIMEOUT_S.
 */
#ifndef ANM_CTLCLIENT_USER_H
#define ANM_CTLCLIENT_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netlink/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include "anemone_genl.h"

#define CTL_MODULE    "module" /* ctl_open(): the kernel module, not a socket */
#define CTL_TIMEOUT_S 30       /* for an answer; taking a donation may need seconds */
#define CTL_ERR_MAX   256

/**
 * struct ctl - a connection to a module or daemon.
 * @fd:     the socket; poll it for events
 * @type:   nlmsg_type of the family
 * @group:  multicast group number, 0 for none; module only
 * @module: generic netlink, not a Unix socket
 * @seq:    of the last request
 * @nl:     libnl's socket, NULL for a daemon
 * @err:    the last refusal in words; never empty after a call that failed
 */
struct ctl {
	int fd;
	int type;
	int group;
	bool module;
	uint32_t seq;
	struct nl_sock *nl;
	char err[CTL_ERR_MAX];
};

/**
 * ctl_cb - takes one answer.
 * @cmd:  its command
 * @nlh:  the message; genlmsg_parse(nlh, 0, tb, max, NULL) reads its attributes
 * @arg:  the caller's own
 *
 * Return: 0 to go on, a negative errno to end the call with it.
 */
typedef int (*ctl_cb)(uint8_t cmd, struct nlmsghdr *nlh, void *arg);

/**
 * ctl_open() - connect.
 * @c:      filled; c->err says why not
 * @where:  CTL_MODULE or the path of a daemon's socket
 * @family: ANM_ENG_GENL_NAME or ANM_MEM_GENL_NAME
 * @group:  multicast group to resolve, or NULL
 *
 * Return: 0; -ENOENT when no module or daemon is there; another negative errno.
 */
int ctl_open(struct ctl *c, const char *where, const char *family, const char *group);

/** ctl_close() - hang up; also right after a ctl_open() that failed. */
void ctl_close(struct ctl *c);

/**
 * ctl_default() - where to connect when the user does not say.
 * @sock: the daemon's usual socket
 *
 * Return: @sock if a daemon listens there, else CTL_MODULE.
 */
const char *ctl_default(const char *sock);

/**
 * ctl_msg() - begin a request.
 * @cmd:  command of the family
 * @dump: ask for all objects
 *
 * Return: a message to put attributes into, or NULL without memory.
 */
struct nl_msg *ctl_msg(struct ctl *c, uint8_t cmd, bool dump);

/**
 * ctl_call() - send a request and take all its answers.
 * @msg: from ctl_msg(); freed here in any case. NULL is answered by -ENOMEM
 * @cb:  called for each answer; NULL when none is expected
 *
 * Return: 0 or a negative errno with c->err filled.
 */
int ctl_call(struct ctl *c, struct nl_msg *msg, ctl_cb cb, void *arg);

/**
 * ctl_subscribe() - have events sent on this connection.
 * @cmd: the family's SUBSCRIBE command, for a daemon
 *
 * Return: 0 or a negative errno.
 */
int ctl_subscribe(struct ctl *c, uint8_t cmd);

/**
 * ctl_events() - take the events that have come; waits for at least one.
 * Return: 0; -EPIPE when the daemon is gone; -EINTR; -ENOBUFS when events were
 * lost because they were not read in time; what @cb returned.
 */
int ctl_events(struct ctl *c, ctl_cb cb, void *arg);

#endif
