/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An engine's page side, memory servers that are real cores or played by the test, and
 * between them a network that delays, loses, repeats, reorders and garbles, the same way
 * for the same seed. Time is simulated.
 */
#ifndef ANM_TEST_PAGE_BED_H
#define ANM_TEST_PAGE_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../engine/core/pagemap.h"
#include "../../engine/core/server.h"
#include "../../memserver/core/memserver.h"

#define PB_NODES 6
#define PB_VAIS	 2
#define PB_PAGES 512 /* a VAI */
#define PB_INBOX 4096
#define PB_MS(n) ((u64)(n)*NS_PER_MS)

/** struct pb_msg - a datagram on its way, or heard by a played server. */
struct pb_msg {
	struct pb_msg *next;
	u64 at;
	int node; /* to this one; -1: to the engine */
	struct anm_peer from;
	u32 len;
	u8 buf[];
};

/** struct pb_node - a place for a memory server. @m is NULL where the test plays it. */
struct pb_node {
	struct memserver *m;
	struct mem_config cfg;
	struct anm_peer peer;
	u64 tick_at;
	bool cut;	  /* nothing gets through */
	const char *zone; /* real: for pb_server() */
	u64 boot;	  /* played: what HELLO says */
	u32 hello_flags;  /* the same */
	u32 session;
	u32 seq;
};

struct pb {
	struct engine *e;
	u64 now;
	u64 tick_at;
	u64 rng;
	u32 loss, dup, reorder, garble; /* per thousand */
	u64 delay_ns;
	u16 channels;	     /* that played servers say they have */
	struct pb_msg *wire; /* by time */
	struct pb_node node[PB_NODES];
	struct eng_vai vai[PB_VAIS];
	struct eng_vai *real[PB_VAIS]; /* where set, in place of these: VAIs that are exported */
	struct anm_peer eng_peer;
	struct pb_msg *inbox[PB_INBOX]; /* for played servers */
	u32 inbox_len;
	/* RPC replies of the engine go here, and belong to it; NULL: there must be none */
	void (*reply)(struct pb *b, struct anm_out *out);
	bool share; /* datagrams lie in pages that nobody writes to */
	u32 shared; /* how often it did */
	long live;
	u32 events[ENG_EV_SERVER_CURRENT + 1]; /* told, as of pb_events() */
};

struct pb *pb_new(u64 seed);
void pb_free(struct pb *b);
/* The engine is gone, with all it knew; another one takes its place. */
void pb_restart(struct pb *b, const struct eng_config *cfg);
/* How pb_new() makes it. */
struct eng_config pb_config(void);
u32 pb_rand(struct pb *b, u32 n);

/* A real server at @node; it says HELLO by itself. */
void pb_server(struct pb *b, u32 node, u64 donation, u16 mtu);
/* It is switched off; its memory is lost. */
void pb_kill(struct pb *b, u32 node);

/** pb_silence() - the engine has not heard of a played server for so long that it doubts it. */
void pb_silence(struct pb *b, u32 node);

/* Let time pass: everything due until then happens. */
void pb_run(struct pb *b, u64 ms);
/* From now on @vai is one that the engine knows; the servers are there. */
void pb_vai(struct pb *b, u32 vai, u8 class, u32 pages);
/* Two seconds, enough to join. */
void pb_join_all(struct pb *b);

/* Played servers: a datagram of @node to the engine, now. */
void pb_say(struct pb *b, u32 node, const struct amp_hdr *h, const void *payload, u32 pad_to);
struct amp_hdr pb_hdr(const struct pb *b, u32 node, u8 type);
void pb_say_hello(struct pb *b, u32 node, u64 donation, u16 mtu);
/* Takes the oldest message to @node of @type; fails the test if there is none. */
struct amp_hdr pb_hear(struct pb *b, u32 node, u8 type, u8 *page);
u32 pb_inbox(struct pb *b, u32 node, u8 type);
void pb_inbox_clear(struct pb *b);
/* HELLO and WELCOME of a played server. */
void pb_play(struct pb *b, u32 node, u64 donation, u16 mtu);
/* The header of an ACK or NACK to the message @h. */
struct amp_hdr pb_answer_to(struct amp_hdr h, u8 type);
/* Answers the oldest message of @type to @node. */
struct amp_hdr pb_ack(struct pb *b, u32 node, u8 type);
void pb_nack(struct pb *b, u32 node, u8 type, u16 code, u64 version);
void pb_page(struct pb *b, u32 node, struct amp_hdr ask, const u8 *page, u64 version);

/** struct pb_io - a page operation and what became of it. */
struct pb_io {
	struct eng_pageio *io;
	u8 expect[ANM_PAGE_SIZE]; /* read: the bytes */
	int err;
	bool done;
	u32 order;
	void (*then)(struct pb_io *p);
	struct pb *b;
};

void pb_fill(u8 *page, u32 seed);
/* Bytes of pb_fill(@seed) written at [off, off + len). */
struct pb_io *pb_write(struct pb *b, u32 vai, u32 page_no, u16 off, u16 len, u32 seed);
/* Just these bytes; those of pb_fill() do not pack. */
struct pb_io *pb_write_page(struct pb *b, u32 vai, u32 page_no, const u8 *page);
struct pb_io *pb_read(struct pb *b, u32 vai, u32 page_no);
/* Run until it is done (20 s at most) and free it; the error. A read's bytes go to @page. */
int pb_wait(struct pb *b, struct pb_io *p, u8 *page);
int pb_write_now(struct pb *b, u32 vai, u32 page_no, u32 seed);
/* Reads and compares with pb_fill(@seed); the error. */
int pb_read_now(struct pb *b, u32 vai, u32 page_no, u32 seed);
/* Pages 0 to @n - 1 of VAI 0, the i-th of seed @seed + i; all must go well. */
void pb_write_pages(struct pb *b, u32 n, u32 seed);
void pb_read_pages(struct pb *b, u32 n, u32 seed);
/* Takes the engine's events. */
void pb_events(struct pb *b);
struct eng_server_info pb_info(struct pb *b, u32 node);

#endif
