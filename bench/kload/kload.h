/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A load generator inside the kernel: NFSv3 READ and WRITE of single pages over UDP or TCP,
 * closed or open loop, every reply checked; and the echo hooks that are the floor to compare
 * with. One file, /proc/anemone-kload: write a command (main.c lists them), read its result.
 *
 * A page of a file under test begins and ends with its number, so that what is read can be
 * checked without a table.
 */
#ifndef ANM_KLOAD_H
#define ANM_KLOAD_H

#include <linux/in.h>
#include <linux/net.h>
#include <net/net_namespace.h>

#include "../../proto/nfs3.h"
#include "../../proto/rpc.h"

#define KLOAD_ECHO_PORT	 20490
#define KLOAD_HEAD_MAX	 512   /* a call without its data */
#define KLOAD_RING	 4096u /* answers may be so far out of order; a power of two */
#define KLOAD_RECV_MAX	 (256u << 10)
#define KLOAD_LOST_MAX	 64 /* then a run is given up */
#define KLOAD_RESULT_MAX 1024

/* User Mode Linux, where this runs, has no get_cycles() of its own. */
static inline u64 kload_cycles(void)
{
	return __builtin_ia32_rdtsc();
}

enum kload_op { KLOAD_READ, KLOAD_WRITE, KLOAD_ECHO };

/* What the pages hold between their first and last words. */
enum kload_fill {
	KLOAD_RANDOM, /* nothing that compresses */
	KLOAD_HALF,   /* half of it noise, half of it one letter */
	KLOAD_SAME,   /* the page's number all over */
};

/**
 * struct kload_cmd - a run, as it was ordered.
 * @net:      namespace of the client
 * @ip, @port: of the server
 * @tcp:      over TCP
 * @op:       what to do
 * @fill:     contents of written pages
 * @fh:       file handle
 * @pages:    of the file
 * @n:        requests
 * @win:      requests outstanding, closed loop
 * @rate:     requests a second, open loop; 0: closed loop
 * @seq:      pages in order, not at random
 * @shift:    written pages hold the number of the one @shift further on: to see the check bite
 * @req_len, @reply_len: sizes of echoed messages
 */
struct kload_cmd {
	struct net *net;
	__be32 ip;
	u16 port;
	bool tcp;
	enum kload_op op;
	enum kload_fill fill;
	struct nfs3_fh fh;
	u32 pages;
	u32 n;
	u32 win;
	u32 rate;
	bool seq;
	u32 shift;
	u32 req_len;
	u32 reply_len;
};

/* Linear inside a power of two: a value is known to a sixteenth. */
#define HIST_SUB_BITS 4
#define HIST_SLOTS    (64 << HIST_SUB_BITS)

/** struct kload_hist - how often which value was seen. */
struct kload_hist {
	u64 n;
	u64 max;
	u32 slot[HIST_SLOTS];
};

void kload_hist_add(struct kload_hist *h, u64 v);
/** kload_hist_at() - value below which @permille of what was seen lies. */
u64 kload_hist_at(const struct kload_hist *h, u32 permille);

/** struct kload_wait - a request that has not been answered. @at: cycles when it was due. */
struct kload_wait {
	u32 xid;
	u32 page;
	bool waiting;
	u64 at;
};

/**
 * struct kload_run - a run under way.
 * @head:   the call without its data, record mark in front over TCP
 * @xid_at, @offset_at: where in it what changes lies; @mark: bytes in front
 * @data:   the page to write
 * @base:   xid of the first request
 * @sent, @got: so far; @lost: given up
 * @reply_len: smallest and largest reply seen, bytes
 */
struct kload_run {
	const struct kload_cmd *c;
	struct socket *sock;
	u8 head[KLOAD_HEAD_MAX];
	u32 head_len;
	u32 mark;
	u32 xid_at;
	u32 offset_at;
	u8 *data;
	u8 *rx;
	u32 have;
	u32 base;
	u32 sent, got, lost;
	u32 reply_min, reply_max;
	u32 bad_xid, bad_rpc, bad_nfs, bad_len, bad_data;
	u32 nfs_stat; /* the first that was not NFS3_OK */
	u64 ns, cpu_ns, cycles;
	struct kload_hist hist;
	struct kload_wait ring[KLOAD_RING];
};

/* Calls and their replies: call.c */
int kload_call_build(struct kload_run *r);
/** kload_call_next() - fill in the @i-th request. Return: bytes of data behind the head. */
u32 kload_call_next(struct kload_run *r, u32 i, u64 at);
void kload_reply_check(struct kload_run *r, const u8 *p, u32 len);
/* The slot of the next request is free: one that a thread of the server sits on holds up the rest. */
static inline bool kload_slot_free(const struct kload_run *r)
{
	return !r->ring[r->sent % KLOAD_RING].waiting;
}

static inline u32 kload_answered(const struct kload_run *r)
{
	return r->got + r->lost;
}

/* Sockets and loops: client.c */
int kload_socket(const struct kload_cmd *c, u16 port, struct socket **sock);
/** kload_run() - carry out @c in the calling thread; the outcome as JSON in @out. */
int kload_run(const struct kload_cmd *c, char *out, size_t n);

/** kload_mount() - MNT @path, LOOKUP @name in it; the handle goes to @c->fh. */
int kload_mount(struct kload_cmd *c, u16 mount_port, const char *path, const char *name);

/* Floors: echo.c */
struct kload_hop {
	__be32 local; /* own address towards the next */
	__be32 to;
	u8 mac[6];
};
int kload_echo_add(struct net *net, const char *dev, bool local_in);
int kload_forward_add(struct net *net, const char *near, const char *far,
		      const struct kload_hop *hop);
void kload_echo_end(void);

#endif
