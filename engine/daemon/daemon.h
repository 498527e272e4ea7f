/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * anemone-engined: the engine's core over sockets. One thread owns everything.
 *
 *   main.c          options, start, the loop, end
 *   door_udp.c      NFS, MOUNT and AMP datagrams
 *   door_xdp.c      the same as whole frames, over xdp_prog.c and xdp_ring.c
 *   door_tcp.c      NFS and MOUNT records over TCP
 *   control_sock.c  the control socket
 */
#ifndef ANM_ENG_DAEMON_H
#define ANM_ENG_DAEMON_H

#include <sys/epoll.h>
#include "../../proto/ctlserver_user.h"
#include "../core/control.h"
#include "counters.h"

#define DOOR_UDP_QUEUE	     8192 /* messages that wait for a full socket buffer, a socket */
#define DOOR_TCP_CONNS_MAX   1024 /* connections */
#define DOOR_TCP_CONNS_ADDR  64	  /* of these from one address */
#define DOOR_FDS	     64	  /* files that are not connections */
#define DOOR_TCP_HELD_MAX    (256u << 20) /* bytes of unfinished records, all connections */
#define DOOR_TCP_UNSENT_MAX  (4u << 20)	  /* memory of unsent replies at which one is not read on */
#define DOOR_TCP_UNSENT_ALL  (64u << 20)  /* the same, all connections ... */
#define DOOR_TCP_UNSENT_FAIR (64u << 10)  /* ... but for those that hold less than this */

/** struct sink - who is called when a descriptor is ready. Embedded in its owner. */
struct sink {
	void (*ready)(struct sink *sink, uint32_t events);
};

enum door_counter {
#define X(name, help) DC_##name,
	DOOR_COUNTERS(X)
#undef X
		DC_NR,
};

struct udp_door;
struct xdp_door;
struct tcp_door;

/**
 * struct udp_way - what anm_peer.opaque holds for datagrams.
 * @sock:    socket by which they go, if they go by one
 * @framed:  to be sent through the XDP door, if that is open, to @mac
 */
struct udp_way {
	u8 sock;
	bool framed;
	u8 mac[6];
	u32 ifindex;
} __packed;
BUILD_BUG_ON(sizeof(struct udp_way) > sizeof(((struct anm_peer *)0)->opaque));

struct daemon {
	struct eng_ctl_up up;
	struct engine *e;
	int ep;
	bool verbose;
	bool stopping;
	bool flushed;	 /* while ->ending: there are no dirty pages left */
	uint64_t ending; /* it is to stop, at the latest then; 0: it is not */
	uint64_t ticked; /* when the core was last ticked, and when it wants to be again */
	uint64_t wanted;
	uint64_t armed; /* when the timer comes; U64_MAX: it is not set */
	struct udp_door *udp;
	struct xdp_door *xdp; /* NULL: none */
	struct tcp_door *tcp;
	struct ctlserver *ctl;
	struct anm_counter counters[DC_NR];
	char why[160]; /* what udp_open() or tcp_open() failed of */
};

#define COUNT(d, name) ((d)->counters[DC_##name].value++)

/** now_ns() - the monotonic clock. */
uint64_t now_ns(void);

/** daemon_watch() - add a descriptor to the loop. 0 or a negative errno. */
int daemon_watch(struct daemon *d, int fd, struct sink *sink, uint32_t events);

/** daemon_rewatch() - change what is waited for. */
void daemon_rewatch(struct daemon *d, int fd, struct sink *sink, uint32_t events);

/**
 * daemon_up() - make the engine and open its doors.
 * Return: 0, or a negative errno with d->why filled and nothing left behind.
 */
int daemon_up(struct daemon *d, const struct eng_ctl_up *up);

/* door_udp.c; open functions put bound ports into d->up; on error close what was opened */
int udp_open(struct daemon *d);
void udp_close(struct daemon *d);
void udp_queue(struct daemon *d, struct anm_out *out); /* takes it */
void udp_flush(struct daemon *d);

/** udp_sock_of() - which socket a port is that of; false if of none. */
bool udp_sock_of(struct daemon *d, u16 port, u8 *sock);

/** udp_take() - hand a datagram for the socket @sock to the core. */
void udp_take(struct daemon *d, u8 sock, const struct anm_peer *from, const struct anm_rec *rec,
	      u64 now);

/*
 * door_xdp.c; to be opened after the sockets. xdp_open() returns 0 without a door if there need not be
 * one, else a negative errno with d->why filled.
 */
int xdp_open(struct daemon *d);
void xdp_close(struct daemon *d);

/** xdp_queue() - write it into a frame. Return: false if it has to go by a socket. */
bool xdp_queue(struct daemon *d, const struct anm_out *out, const struct udp_way *way);
void xdp_flush(struct daemon *d);

/** xdp_check() - now and then: is the interface what it was? Not to be called by a sink. */
void xdp_check(struct daemon *d);

/* door_tcp.c */
int tcp_open(struct daemon *d);
void tcp_close(struct daemon *d);
void tcp_queue(struct daemon *d, struct anm_out *out); /* takes it */
void tcp_flush(struct daemon *d);
void tcp_resume(struct daemon *d); /* lets waiting connections try again */

/* control_sock.c */
int control_open(struct daemon *d, const char *path);
void control_close(struct daemon *d);
void control_events(struct daemon *d);

#endif
