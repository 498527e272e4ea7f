/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * anemone-memserverd: the memory server's core behind a UDP socket.
 *
 *   main.c     options, start and end, the event loop
 *   net.c      the UDP socket: batches in and out, the path's MTU
 *   control.c  status and withdrawal over the Unix socket
 */
#ifndef ANM_MEMSERVERD_H
#define ANM_MEMSERVERD_H

#include "../core/control.h"
#include "../../proto/ctlserver_user.h"

#define MEMD_BATCH	 32	   /* datagrams a system call */
#define MEMD_BATCHES_MAX 8	   /* batches read before others get a turn */
#define MEMD_SOCK_BYTES	 (4 << 20) /* wanted socket buffers; the system may give less */
#define MEMD_MTU_MS	 5000	   /* look at the route again while there is no session */

struct memd_net;

/**
 * struct memd - the daemon.
 * @up:        configuration as it was started with, and the port really bound
 * @mtu_given: by the user: the route is not asked
 * @leaving:   GOODBYE is on its way, the end follows
 * @signalled: by a signal
 * @state:     last enum mem_state that was told to people
 * @armed:     when the timer comes; U64_MAX: it is not set
 */
struct memd {
	struct memserver *m;
	struct memd_net *net;
	struct ctlserver *ctl;
	struct mem_ctl_up up;
	bool mtu_given;
	bool verbose;
	bool leaving;
	bool signalled;
	u8 state;
	u64 mtu_checked;
	u64 armed;
};

u64 memd_now(void);

/* main.c */
void memd_log(const char *fmt, ...) __printf(1, 2);
void memd_leave(struct memd *d);

/* net.c */

/**
 * memd_net_open() - bind the socket.
 * @engine: decides the family
 * @listen: own address, or any
 * @port:   own port, 0 for any; the one bound on return
 * @err:    filled with words when NULL is returned
 */
struct memd_net *memd_net_open(const struct anm_peer *engine, const struct anm_addr *listen,
			       u16 *port, char *err, size_t errlen);
void memd_net_close(struct memd_net *n);
int memd_net_fd(const struct memd_net *n);

/** memd_net_recv() - hand what has come to the core. Bounded; epoll tells if there is more. */
void memd_net_recv(struct memd_net *n, struct memserver *m);

/** memd_net_send() - send what the core has. Return: true when the socket is full: wait for it. */
bool memd_net_send(struct memd_net *n, struct memserver *m);

/** memd_net_errors() - datagrams that the system refused to send. */
u64 memd_net_errors(const struct memd_net *n);

/** memd_route_mtu() - MTU of the way to the engine, 0 when there is none. */
u16 memd_route_mtu(const struct anm_peer *engine, const struct anm_addr *listen);

/* control.c */
struct ctlserver *memd_control_open(struct memd *d, const char *path, char *err, size_t errlen);

#endif
