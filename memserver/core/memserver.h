/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory server as a pure state machine. Given AMP datagrams and ticks, it
 * queues datagrams to send. All calls under one lock of the driver's; none
 * sleeps but mem_create() and mem_destroy().
 */
#ifndef ANM_MEMSERVER_H
#define ANM_MEMSERVER_H

#include "../../proto/services.h"
#include "../../proto/amp.h"

struct memserver;

#define MEM_HELLO_MIN_MS     250  /* HELLO again after this, doubling to ... */
#define MEM_HELLO_MAX_MS     4000 /* ... this */
#define MEM_DISCARD_BATCH    256  /* pages dropped a DISCARD_VAI message */
#define MEM_OUTQ_MAX	     4096 /* messages waiting to be taken by the driver */
#define MEM_PURGE_BATCH	     1024 /* pages dropped a tick when another engine takes over */
#define MEM_MTU_FALLBACK     1500 /* tried when HELLOs at a larger MTU stay unanswered ... */
#define MEM_MTU_TRIES	     3	  /* ... so many times */
#define MEM_GOODBYE_MS	     200  /* GOODBYE again after this ... */
#define MEM_GOODBYE_TRIES    5	  /* ... so many times altogether */
#define MEM_TICK_MAX_MS	     200  /* mem_tick() wants to be called at least this often */
#define MEM_HEARTBEAT_MIN_MS 10	  /* a WELCOME outside of these is refused */
#define MEM_HEARTBEAT_MAX_MS 60000
#define MEM_DEAD_MAX_MS	     600000

/**
 * struct mem_config - how a memory server is made.
 * @server_uuid: identity, the same over restarts
 * @pool_uuid:   pool to join, zero for any
 * @name:        for people
 * @donation:    pages; all are taken in mem_create()
 * @mtu:         of the link towards the engine; brought within AMP_MTU_MIN and AMP_MTU_MAX
 * @channels:    offered to the engine; 0: AMP_CHANNELS_DEFAULT, at most AMP_CHANNELS_MAX
 * @engine:      where HELLO goes (its opaque part is the driver's)
 * @zone:        what fails together with it; empty for unknown
 * @path_mtu:    MTU of the path to an address, or negative if there is none; called under the
 *               driver's lock, with @path_ctx. NULL where the driver cannot send what does not
 *               come from itself: then no READ is answered in the engine's place
 */
struct mem_config {
	u8 server_uuid[16];
	u8 pool_uuid[16];
	char name[AMP_NAME_MAX];
	u64 donation;
	u16 mtu;
	u16 channels;
	struct anm_peer engine;
	char zone[AMP_ZONE_MAX];
	int (*path_mtu)(void *ctx, const struct anm_addr *to);
	void *path_ctx;
};

enum mem_state {
	MEM_JOINING, /* HELLO sent, no answer yet */
	MEM_JOINED,  /* in a session */
	MEM_REFUSED, /* the engine said no; the reason is kept; HELLO goes on, slowly */
	MEM_LEFT,    /* said GOODBYE */
};

enum mem_drain_state {
	MEM_DRAIN_NONE,
	MEM_DRAIN_MOVING,  /* the engine moves the pages elsewhere, or has not answered yet */
	MEM_DRAIN_DONE,	   /* nothing that is needed is left here */
	MEM_DRAIN_REFUSED, /* the other servers cannot hold the pages */
};

/**
 * mem_create() - take the donation and start to say HELLO.
 * Context: process, may sleep. Return: the server; NULL when memory is short, or
 * the donation is zero or above STORE_PAGES_MAX.
 */
struct memserver *mem_create(const struct mem_config *cfg, u64 now);

/** mem_destroy() - free all, pages and queued messages too. Context: process, may sleep. */
void mem_destroy(struct memserver *m);

/** mem_amp_in() - take one AMP datagram. Always consumed. */
void mem_amp_in(struct memserver *m, const struct anm_peer *from, const struct anm_rec *rec,
		u64 now);

/** mem_tick() - HELLO, heartbeats, session timeout. Return: ns until wanted again. */
u64 mem_tick(struct memserver *m, u64 now);

/** mem_leave() - say GOODBYE; state MEM_LEFT follows when acknowledged or timed out. */
void mem_leave(struct memserver *m, u64 now);

/**
 * mem_drain() - ask the engine to move the pages elsewhere, or (@on false) not to.
 * How far that is, mem_get_status() tells. Ends with mem_destroy() only.
 */
void mem_drain(struct memserver *m, bool on, u64 now);

/**
 * mem_needed() - would pages be missed that are here?
 * Also while the engine is away: it will ask for them. Not when it said that all is moved.
 */
bool mem_needed(const struct memserver *m);

/** mem_out_next() - take the oldest queued message, NULL if none. Ownership passes. */
struct anm_out *mem_out_next(struct memserver *m);

/** mem_set_mtu() - the link's MTU changed; says HELLO anew. */
void mem_set_mtu(struct memserver *m, u16 mtu, u64 now);

#define MEM_COUNTERS(X)                                                        \
	X(amp_in, "AMP datagrams taken")                                       \
	X(amp_out, "AMP datagrams sent")                                       \
	X(malformed, "datagrams dropped as malformed")                         \
	X(unknown, "datagrams dropped: not from the engine, or of no session") \
	X(version, "datagrams of another protocol version")                    \
	X(pages_stored, "pages stored")                                        \
	X(pages_served, "pages sent")                                          \
	X(split_replies, "READs answered in the engine's place")               \
	X(pages_discarded, "pages discarded")                                  \
	X(stale_refused, "pages refused: a newer version is stored")           \
	X(full_refused, "pages refused: donation used up")                     \
	X(crc_refused, "pages refused: bytes do not match the CRC")            \
	X(absent, "pages asked for that are not here")                         \
	X(duplicates, "messages answered again, not carried out again")        \
	X(late, "messages of an older sequence number, dropped")               \
	X(no_memory, "messages dropped: no memory for the answer")             \
	X(outq_full, "messages dropped: too many wait to be sent")             \
	X(sessions, "sessions begun")                                          \
	X(purged, "pages dropped because another engine took over")            \
	X(inventories, "lists of stored pages sent")

struct mem_stats {
#define X(name, help) u64 name;
	MEM_COUNTERS(X)
#undef X
};

struct mem_status {
	struct mem_config cfg;
	u8 state;
	u16 refuse_code; /* enum amp_code of the last REFUSE */
	u8 engine_uuid[16];
	u64 epoch;
	u32 session;
	u16 mtu, channels;
	u64 used;	/* 4096-byte chunks of the donation that pages are in */
	u64 meta_bytes; /* memory beyond the donated pages */
	u64 uptime_ns;
	u64 last_heard_ns; /* ago */
	struct mem_stats stats;
	u8 drain;     /* enum mem_drain_state; asked for by either side */
	bool leaving; /* asked for by mem_drain() */
	u64 pages;    /* stored; packed ones share chunks */
};

/** mem_refuse_words() - for people: why an engine said no, and what to do about it. */
const char *mem_refuse_words(u16 code);

/** mem_get_status() - all that can be known. Context: as all calls. */
void mem_get_status(struct memserver *m, struct mem_status *st, u64 now);

#endif
