/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Duplicate-request cache of one client (promise 3): what became of its WRITE and
 * SETATTR calls, found again by <xid, checksum of procedure and arguments>.
 *
 * The address is the client's, the source port is no part of the key (a client that
 * reconnects comes from another port and sends the same calls again), nor are the
 * credentials (their stamp may differ from one transmission to the next), nor is the
 * data of a WRITE: a client may change a page that it is still writing, and sends the
 * new bytes in the retransmission. With the data in the key the late one of the two
 * would pass as a new call.
 *
 * What is kept of an answer is its status; the rest is made again from the arguments
 * that the duplicate repeats.
 */
#ifndef ANM_ENG_DRC_H
#define ANM_ENG_DRC_H

#include "engine.h"

struct eng_req;

#define DRC_CHUNK_ENTRIES 168 /* a chunk fits 4 KiB */
#define DRC_CHUNKS_MAX	  (ENG_DRC_ENTRIES / DRC_CHUNK_ENTRIES)
#define DRC_BUCKET_BITS	  16
#define DRC_TABLES	  32 /* the hash table in pages: large pieces are hard to get in softirq */
#define DRC_TABLE_BUCKETS ((1u << DRC_BUCKET_BITS) / DRC_TABLES)
#define DRC_NONE	  0xffff /* no entry */

/*
 * Aging. An entry may go when no copy of its call can arrive any more. A copy is either
 * still in the network (the IP stack of a Linux client or a switch holds a datagram for
 * seconds at worst; TCP has its own sequence numbers within a connection and a reset
 * connection's calls are sent again within the client's timeo, 60 s), or has yet to be
 * sent by a client that retries, and that client waits for the answer, so it does not
 * use the page for something newer. DRC_AGE_NS is twice that.
 *
 * ENG_DRC_ENTRIES bounds the memory (1.7 MiB a client at worst, taken 4 KiB at a time
 * and, but for 128 KiB, given back with age). A client that makes more calls than that
 * within DRC_AGE_NS loses the oldest ones first: at 20,000 single-page WRITEs a second,
 * above what a stock client reaches over UDP, an entry lives for 3.2 s, three
 * retransmission timeouts; over TCP one WRITE carries up to 256 pages and entries last
 * far longer.
 */
#define DRC_AGE_NS (120 * NS_PER_S)

/**
 * struct drc_entry - one remembered call (24 bytes).
 * @req:    the request while it is in progress, else NULL
 * @xid, @sum: the key
 * @status: enum nfsstat3 of the answer, once @req is NULL
 * @next:   number of the next entry in the bucket, an older one, or DRC_NONE
 * @chunk:  index of the chunk that it lies in
 */
struct drc_entry {
	struct eng_req *req;
	u32 xid;
	u32 sum;
	u32 status;
	u16 next;
	u16 chunk;
};

/**
 * struct eng_drc - the cache; zeroed memory plus eng_drc_init().
 * @tables:  heads of the buckets, entry numbers, DRC_TABLE_BUCKETS each
 * @chunks:  a ring of chunks, filled one after the other
 * @oldest:  index of the oldest of them
 * @nchunks: how many there are
 */
struct eng_drc {
	u16 *tables[DRC_TABLES];
	struct drc_chunk *chunks[DRC_CHUNKS_MAX];
	u32 oldest;
	u32 nchunks;
};

/** eng_drc_init() - make it empty. Return: 0 or -ENOMEM. Context: any. */
int eng_drc_init(struct eng_drc *drc);

/** eng_drc_destroy() - free all of it; no entry may be in progress. */
void eng_drc_destroy(struct eng_drc *drc);

/** eng_drc_find() - the entry of a call seen before, or NULL. */
struct drc_entry *eng_drc_find(const struct eng_drc *drc, u32 xid, u32 sum);

/**
 * eng_drc_add() - remember a call that is not yet there.
 * @req: its request; NULL needs an eng_drc_done() before anybody looks
 *
 * Return: the entry; NULL when there is no memory, or when the cache is
 * full of calls in progress. The call must not be carried out then.
 */
struct drc_entry *eng_drc_add(struct eng_drc *drc, u32 xid, u32 sum, struct eng_req *req, u64 now);

/** eng_drc_done() - the call has been answered with @status. */
void eng_drc_done(struct eng_drc *drc, struct drc_entry *d, u32 status);

/** eng_drc_age() - give back what is older than DRC_AGE_NS; bounded work a call. */
void eng_drc_age(struct eng_drc *drc, u64 now);

/** eng_drc_entries() - entries that are remembered, for tests and status. */
u32 eng_drc_entries(const struct eng_drc *drc);

#endif
