/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory server's insides, shared by the files of the core and nobody else.
 *
 *   memserver.c  create, destroy, tick, sorting of what comes in, output queue, status
 *   session.c    HELLO, WELCOME, HEARTBEAT, GOODBYE
 *   channel.c    stop-and-wait lanes, parts, what a message does to the store
 *   split.c      replies to clients, in the engine's place
 *   store.c      the pages
 *   slots.c      the donation, cut up
 */
#ifndef ANM_MEM_PRIV_H
#define ANM_MEM_PRIV_H

#include "memserver.h"
#include "store.h"

enum mem_channel_state {
	MEM_CH_NEW,   /* nothing yet in this session */
	MEM_CH_PARTS, /* some parts of a page are here */
	MEM_CH_DONE,  /* carried out and answered */
};

/**
 * struct mem_channel - one stop-and-wait lane.
 * @seq:     of the message begun last; lower ones are late
 * @state:   enum mem_channel_state
 * @type:    of that message, as are @nparts, @version, @crc, @form, @form_len and @key
 * @parts:   bit set of the parts that are here
 * @code:    the answer: enum amp_code; ACK when AMP_OK, otherwise NACK
 * @answer_version: the answer's page version
 * @split:   a PAGE_IN that was answered by a reply to the client, and ACK
 * @buf:     that parts are put together in; NULL unless MEM_CH_PARTS
 */
struct mem_channel {
	u32 seq;
	u8 state;
	u8 type;
	u8 nparts;
	u8 parts;
	u8 form;
	u16 form_len;
	bool split;
	u16 code;
	u32 crc;
	u64 version;
	u64 answer_version;
	struct amp_key key;
	void *buf;
};

/**
 * struct memserver - see memserver.h.
 * @now:       of the call in progress
 * @boot:      drawn anew whenever the memory starts out empty
 * @peer:      the engine as it was heard last in this session: the way back
 * @session:   0 when there is none
 * @mtu:       agreed for the session, as are @channels, @heartbeat_ns and @dead_ns
 * @known:     @engine_uuid and @epoch are of an engine that once said WELCOME
 * @hello_open: a HELLO with @hello_seq waits for its answer
 * @hello_small: that HELLO was at MEM_MTU_FALLBACK
 * @leaving:   GOODBYE was said and not yet acknowledged
 * @draining:  HEARTBEATs say that it wants to go
 * @sign:      enum amp_code of the last HEARTBEAT_ACK
 * @purging:   pages of another engine are being dropped; no HELLO until that is done
 */
struct memserver {
	struct mem_config cfg;
	struct store *store;
	struct mem_channel *ch;
	struct list_head outq;
	u32 outq_len;
	u64 now;
	u64 born;
	u64 boot;
	u8 state;
	u16 refuse_code;

	struct anm_peer peer;
	u32 session;
	u16 mtu;
	u16 channels;
	u64 heartbeat_ns;
	u64 dead_ns;
	u64 last_heard;
	bool known;
	u8 engine_uuid[16];
	u64 epoch;

	bool hello_open;
	bool hello_small;
	u16 hello_mtu;
	u32 hello_seq;
	u32 hello_tries;
	u32 hello_wait_ms;
	u64 next_hello;
	u32 heartbeat_seq;
	u64 next_heartbeat;
	bool leaving;
	u32 goodbye_seq;
	u32 goodbye_tries;
	u64 next_goodbye;
	bool purging;
	bool draining;
	u16 sign;

	struct mem_stats stats;
};

/* memserver.c */

/**
 * mem_out_new() - make a message, or count why not.
 * @head_len: all bytes of the head; zeroed
 * @max_frags: room for page pieces
 * Return: the message with head_len and len set, or NULL.
 */
struct anm_out *mem_out_new(struct memserver *m, const struct anm_peer *to, u32 head_len,
			    u16 max_frags);

/** mem_out_queue() - put it in the queue; takes it. */
void mem_out_queue(struct memserver *m, struct anm_out *out);

/** mem_out_header() - make and queue a message of a header alone. */
void mem_out_header(struct memserver *m, const struct anm_peer *to, const struct amp_hdr *h);

/* session.c */
void mem_session_init(struct memserver *m);
void mem_session_in(struct memserver *m, const struct anm_peer *from, const struct amp_hdr *h,
		    const struct anm_rec *rec);
void mem_session_tick(struct memserver *m);
u64 mem_session_next(const struct memserver *m); /* when the next of its timers is due */
void mem_session_restart(struct memserver *m, u32 delay_ms);
bool mem_session_from_engine(const struct memserver *m, const struct anm_peer *from);
void mem_session_heard(struct memserver *m, const struct anm_peer *from);

/* channel.c */
void mem_channels_reset(struct memserver *m);
void mem_channel_in(struct memserver *m, const struct anm_peer *from, const struct amp_hdr *h,
		    const struct anm_rec *rec);

/* split.c */

/** mem_split_read() - the payload of a PAGE_IN. Return: 0 or -EINVAL. */
int mem_split_read(const struct amp_hdr *h, const struct anm_rec *rec, struct amp_split *sp);

/** mem_split_reply() - queue the reply with a page. Return: whether it will be sent. */
bool mem_split_reply(struct memserver *m, const struct amp_split *sp,
		     const struct store_page *page);

/**
 * mem_page_share() - a stored page, to be sent: itself, or a copy.
 * Return: a reference for the caller; NULL without memory, counted.
 */
struct anm_page *mem_page_share(struct memserver *m, const struct store_page *page);

#endif
