/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The TCP door: NFS and MOUNT over record-marked streams (RFC 5531, section 11).
 *
 * A request that arrives while nobody owns the socket is read, carried out and
 * its messages sent within the receiving softirq; so is a reply that falls due
 * in an AMP answer's softirq. Whenever the socket is owned or its lock taken,
 * the connection's work does the same in process context. Locks, outer first:
 * the socket's, the instance's, out_lock. A socket's lock is only tried, never
 * waited for, by whoever may hold another socket's.
 */
#ifndef ANM_ENGINE_TCP_H
#define ANM_ENGINE_TCP_H

#include <linux/kref.h>
#include <linux/net.h>
#include <linux/xarray.h>
#include <net/sock.h>

#include "inst.h"

#define DOOR_CONNS_MAX	    1024 /* connections an instance */
#define DOOR_CONNS_ADDR_MAX 64	 /* of these from one address */
#define DOOR_BACKLOG	    128
#define DOOR_UNSENT_MAX	    (4u << 20)	/* a connection with more memory in replies is not read */
#define DOOR_UNSENT_ALL_MAX (64u << 20) /* the same, all connections ... */
#define DOOR_UNSENT_FAIR    (64u << 10) /* ... but for those that hold less than this */
#define DOOR_IDLE_MS	    (10 * 60 * 1000)
#define DOOR_PARTIAL_MS	    (60 * 1000) /* a record begun and not continued */
#define DOOR_DRAIN_MS	    (15 * 1000) /* for the peer to acknowledge our FIN */
#define DOOR_SWEEP_MS	    1000
#define DOOR_KEEPIDLE_S	    60
#define DOOR_KEEPINTVL_S    15
#define DOOR_KEEPCNT	    5
#define DOOR_DEAD_PEER_MS   (120 * 1000) /* unacknowledged bytes this old end the connection */
#define DOOR_LISTENERS	    2
#define DOOR_WAKE_BATCH	    16 /* stalled connections looked at a time */
#define DOOR_REC_PAGES	    DIV_ROUND_UP(ENG_RPC_MAX, PAGE_SIZE)

struct tcp_listener {
	struct tcp_door *door;
	struct socket *sock;
	struct work_struct work;
	void (*data_ready)(struct sock *sk); /* the socket's own */
};

/**
 * struct tcp_door - listeners and connections of an instance.
 * @conns:   by id
 * @nconns:  connections not yet freed
 * @gone:    woken when @nconns falls to 0
 * @stalled: connections that wait for room in the core; under inst->lock
 * @sweep:   ends idle connections, retries what got stuck for want of memory
 * @unsent:  memory of all replies that wait
 * @closing: no new connections
 */
struct tcp_door {
	struct inst *inst;
	struct tcp_listener listener[DOOR_LISTENERS];
	unsigned int nlisteners;
	struct xarray conns;
	u32 next_id;
	atomic_t nconns;
	wait_queue_head_t gone;
	struct list_head stalled;
	struct delayed_work sweep;
	atomic_long_t unsent;
	bool closing;
};

/**
 * struct tcp_rec - a record on its way in; under the socket's lock.
 * @mark:      of the current fragment, as far as it is here
 * @mark_have: bytes of it
 * @frag_left: bytes of the fragment still to come
 * @last:      it is the record's last one
 * @len:       bytes gathered in @pages
 * @pages:     DOOR_REC_PAGES slots, made with the first record that needs them
 * @whole:     complete, but the core had no room: kept until it has
 */
struct tcp_rec {
	u8 mark[4];
	u8 mark_have;
	bool last;
	bool whole;
	u32 frag_left;
	u32 len;
	struct page **pages;
};

/**
 * struct tcp_conn - one connection.
 * @ref:      table, work, lookups
 * @sk:       held for as long as this struct lives
 * @sock:     until closed
 * @work:     reads, sends and closes in process context
 * @id:       in door->conns and in anm_peer.opaque
 * @peer:     as the core gets it
 * @dying:    is to be closed by @work, by reset
 * @idle:     has been quiet for too long: to be drained
 * @drain:    nothing more to do: our FIN is to go or has gone out. The socket is only
 *            closed when it has been acknowledged, as one that was closed before
 *            has no timers in a namespace it does not pin; under the socket's lock
 * @closed:   socket and queue are gone; written under the socket's lock and out_lock
 * @rec:      incoming
 * @stall:    in door->stalled, under inst->lock
 * @paused:   not read for too many unsent bytes; under the socket's lock
 * @out_lock: protects the five below
 * @outq:     replies not begun
 * @out_bytes: memory of these and @out
 * @in_read:  the socket's owner sends what is queued when it has done reading
 * @out:      reply being sent; with @out_off under the socket's lock
 * @out_off:  bytes of it sent, its record mark counted
 * @active:   jiffies of the last record's beginning or end, or reply byte
 */
struct tcp_conn {
	struct tcp_door *door;
	struct kref ref;
	struct rcu_head rcu;
	struct sock *sk;
	struct socket *sock;
	struct work_struct work;
	u32 id;
	struct anm_peer peer;
	bool dying;
	bool idle;
	bool drain;
	bool closed;
	bool paused;
	struct tcp_rec rec;
	struct list_head stall;
	spinlock_t out_lock;
	struct list_head outq;
	u32 out_bytes;
	bool in_read;
	struct anm_out *out;
	u32 out_off;
	unsigned long active;
	void (*data_ready)(struct sock *sk);
	void (*state_change)(struct sock *sk);
	void (*write_space)(struct sock *sk);
};

/* tcp_door.c */
int tcp_open(struct inst *inst, struct eng_err *err);
void tcp_close_door(struct inst *inst);

/** tcp_reply() - queue a reply and send it if the socket can be had. Takes @out. No lock held. */
void tcp_reply(struct inst *inst, struct anm_out *out);

/** tcp_wake_stalled() - let connections go on for which there is room again. Under inst->lock. */
void tcp_wake_stalled(struct inst *inst);

/* tcp_conn.c */
int tcp_conn_create(struct tcp_door *door, struct socket *sock, const struct tcp_listener *l);
void tcp_conn_put(struct tcp_conn *conn);
void tcp_conn_queue(struct tcp_conn *conn);

/** tcp_conn_kill() - have the work close it, by reset. Any context. */
void tcp_conn_kill(struct tcp_conn *conn);

/* tcp_recv.c; with the socket's lock */
void tcp_conn_read(struct tcp_conn *conn);
void tcp_rec_free(struct tcp_rec *rec);

/* tcp_send.c */
void tcp_conn_send(struct tcp_conn *conn); /* with the socket's lock */
void tcp_conn_drop_out(struct tcp_conn *conn);

#endif
