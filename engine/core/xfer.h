/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages to memory servers: stop-and-wait on channels, retransmission, and the
 * cutting and joining of pages. One struct eng_xfer is one message and its answer.
 */
#ifndef ANM_ENG_XFER_H
#define ANM_ENG_XFER_H

#include "priv.h"
#include "wheel.h"

struct eng_server;

#define XFER_STALL_NS	(2 * NS_PER_MS) /* a timer seen so late: it was the engine that stood still */
#define XFER_URGENT_RUN 8 /* urgent messages that may go first in a row while others wait */

enum xfer_result {
	XFER_OK,      /* stored, fetched (->page is all there and matches its CRC), or forgotten */
	XFER_REFUSED, /* NACK; ->code says why */
	XFER_CRC,     /* fetched, but the bytes do not match their CRC */
	XFER_TIMEOUT, /* given up, or the path is dead: may or may not be done */
	XFER_GONE,    /* the server died, left or lost its memory: may or may not be done */
};

enum xfer_state {
	XFER_IDLE,
	XFER_QUEUED,  /* waits for the window to open */
	XFER_FLIGHT,  /* on a channel */
	XFER_FAILING, /* waits for the tick to tell its owner */
};

/**
 * struct eng_xfer - a message. Embedded in its owner's struct, zeroed at first.
 * Set before eng_xfer_start():
 * @type:    AMP_PAGE_OUT, AMP_PAGE_IN, AMP_DISCARD, AMP_DISCARD_VAI or AMP_INVENTORY
 * @key:     the page
 * @version: PAGE_OUT: its version; PAGE_IN: the oldest that will do; DISCARD: older go;
 *           INVENTORY: the entry to begin with
 * @urgent:  a client waits for just this: it goes before those that are not, up to
 *           XFER_URGENT_RUN in a row
 * @patient: it has nowhere else to go: its server is given all transmissions to answer
 * @slow:    if not NULL, called when there is no answer @slow_ns after it was first sent,
 *           or when it is to be sent again, whichever is first; never from eng_xfer_start()
 * @page:    PAGE_OUT: the form's bytes, not to change until done; PAGE_IN: where they go, not
 *           shared with anybody. The owner's reference.
 * @frags:   PAGE_IN: if not NULL, a raw page may be left where it arrived, which these tell;
 *           ->page is as it was then. Empty at first
 * @form, @form_len, @crc: PAGE_OUT: of these bytes; PAGE_IN: set when done
 * @split:   PAGE_IN: if not NULL, the server may answer the client; as eng_pageio.split, NULL
 *           once it was called
 * @done:    called once, never from within eng_xfer_start()
 * Set when done:
 * @code:    enum amp_code of the ACK or NACK
 * @got_version: the version that the answer names
 * @answered: PAGE_IN: the server has answered the client, ->page is as it was
 * @list:    INVENTORY: the answer, valid in ->done only; its payload has @list_len bytes
 */
struct eng_xfer {
	u8 type;
	u8 state;
	u8 result;
	u8 tries;
	bool renew;  /* the next transmission is a new message: the last one was refused */
	bool resent; /* its answer tells no round trip time (Karn) */
	bool urgent;
	bool patient;
	bool slow_due; /* its timer is for ->slow */
	bool spared;   /* its timer was put off, see XFER_STALL_NS */
	u8 parts;      /* PAGE_IN: bitmap of those that are in */
	u8 form;
	u16 form_len;
	bool splits; /* the message in flight has asked for a reply to the client */
	bool answered;
	u16 channel;
	u16 code;
	u32 seq;
	u32 crc;
	struct amp_key key;
	u64 version;
	u64 got_version;
	struct anm_page *page;
	struct anm_frags *frags;
	struct eng_server *sv;
	struct list_head link; /* on the server's queue or flight list, or the failing list */
	struct wheel_timer timer;
	u64 first_ns; /* when it got its channel */
	u64 seq_ns;   /* when its sequence number was first sent */
	u64 sent_ns;
	u64 rto_ns;
	u32 cut; /* of the window, when it was sent again */
	u64 slow_ns;
	void (*slow)(struct engine *e, struct eng_xfer *xf);
	u16 (*split)(struct engine *e, struct eng_xfer *xf, u8 *buf);
	void (*done)(struct engine *e, struct eng_xfer *xf, enum xfer_result res);
	const struct anm_rec *list;
	u32 list_len;
};

/**
 * eng_xfer_start() - queue a message at a server that is live or suspect.
 * It leaves at once if the window is open; else it waits its turn, FIFO among the urgent
 * and among the others.
 */
void eng_xfer_start(struct engine *e, struct eng_server *sv, struct eng_xfer *xf);

/** eng_xfer_cancel() - forget it wherever it is; ->done is not called. */
void eng_xfer_cancel(struct engine *e, struct eng_xfer *xf);

/** eng_xfer_pump() - send what waits for the window to open; due after eng_xfer_cancel(). */
void eng_xfer_pump(struct engine *e, struct eng_server *sv);

/** eng_xfer_fail_all() - give up all of a server's; their owners hear of it in ticks. */
void eng_xfer_fail_all(struct engine *e, struct eng_server *sv, enum xfer_result res);

/** eng_xfer_session() - a new session with the same memory: all in flight starts over. */
void eng_xfer_session(struct engine *e, struct eng_server *sv);

/**
 * eng_xfer_answer() - take PAGE, ACK or NACK of a server.
 * @h:   its header; the session has been checked
 * @rec: the datagram
 */
void eng_xfer_answer(struct engine *e, struct eng_server *sv, const struct amp_hdr *h,
		     const struct anm_rec *rec);

/** eng_xfer_tick() - retransmit, give up, tell. Bounded. */
void eng_xfer_tick(struct engine *e);

/** eng_xfer_due() - ns until eng_xfer_tick() is wanted, at most @max. */
u64 eng_xfer_due(struct engine *e, u64 max);

#endif
