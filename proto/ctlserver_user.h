/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemons' end of the control interface of anemone_genl.h: a Unix socket of
 * type SOCK_SEQPACKET that speaks generic netlink messages. One thread; nothing
 * here blocks. Connections, and what waits to be sent on one, are bounded: a
 * request is read only when the answer to the last one has left.
 */
#ifndef ANM_CTLSERVER_USER_H
#define ANM_CTLSERVER_USER_H

#include <stdbool.h>
#include <stdint.h>
#include "nl.h"

#define CTLS_CONNS_MAX	  32  /* connections; further ones wait in the backlog */
#define CTLS_EVENTS_QUEUE 256 /* events that wait for a slow subscriber, then it is hung up on */

struct ctlserver;

/**
 * struct ctls_req - a request to be carried out.
 * @cmd:       command of the family
 * @attrs:     parsed top level
 * @reply:     fill it for an answer; left empty: only the acknowledgement is sent
 * @err:       words of a refusal, empty for strerror()
 * @subscribe: set it to have events sent on this connection
 */
struct ctls_req {
	uint8_t cmd;
	struct nlattr **attrs;
	struct nl_msg *reply;
	char err[160];
	bool subscribe;
};

#define CTL_ATTR_MAX 31

/**
 * struct ctls_ops - what a daemon answers with.
 * @cmd_max:  highest command
 * @attr_max: highest top-level attribute, at most CTL_ATTR_MAX
 * @policy:   of the attributes
 * @writes:   bit mask of commands that only root and the daemon's user may give
 * @dumps:    bit mask of commands that may be asked as a dump
 * @doit:     carry out; 0 or a negative errno
 * @dump:     put one object at *@cursor (0 at first) and advance it; 1 when put,
 *            0 at the end, negative errno
 */
struct ctls_ops {
	int cmd_max;
	int attr_max;
	const struct nla_policy *policy;
	uint32_t writes;
	uint32_t dumps;
	int (*doit)(void *ctx, struct ctls_req *req);
	int (*dump)(void *ctx, uint8_t cmd, struct nl_msg *msg, u32 *cursor);
};

/**
 * ctls_open() - listen.
 * @path: of the socket; its directory is made if missing. A socket that a
 *        daemon left behind is replaced, one with a listener is not
 * @ops:  kept
 * @ctx:  handed to @ops
 * @err:  filled with words when NULL is returned
 */
struct ctlserver *ctls_open(const char *path, const struct ctls_ops *ops, void *ctx, char *err,
			    size_t errlen);

/** ctls_close() - hang up on everybody and remove the socket. NULL is fine. */
void ctls_close(struct ctlserver *s);

/** ctls_fd() - becomes readable when ctls_run() has something to do. */
int ctls_fd(const struct ctlserver *s);

/** ctls_run() - accept, read, carry out, answer. Bounded work. */
void ctls_run(struct ctlserver *s);

/** ctls_flush() - try for up to @ms to get out what waits, before the daemon ends. */
void ctls_flush(struct ctlserver *s, int ms);

/** ctls_event_begin() - an event message to put attributes into, NULL if nobody listens. */
struct nl_msg *ctls_event_begin(struct ctlserver *s, uint8_t cmd);

/** ctls_event_end() - send it to all subscribers; takes it. Not from within @ops. */
void ctls_event_end(struct ctlserver *s, struct nl_msg *msg);

#endif
