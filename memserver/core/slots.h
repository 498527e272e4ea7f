/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The donation, cut up: where pages' bytes lie. A page of 4096 bytes, or one that packs
 * badly, has a chunk of the pool to itself; packed pages of about one size share one.
 *
 * A chunk in use holds at least one page. So the chunks in use are never more than the
 * pages stored, and as long as no more pages are promised than chunks were donated there is
 * a chunk for every page, however badly it packs and however the others lie (promise 4).
 *
 * All memory is taken at creation, bookkeeping lies in the chunks themselves, and every
 * call is a handful of steps. No locks; any context, but for slots_init() and slots_end().
 */
#ifndef ANM_MEM_SLOTS_H
#define ANM_MEM_SLOTS_H

#include "../../proto/services.h"
#include "../../proto/amp.h"

#define SLOTS_CLASSES	6
#define SLOTS_LENT_BITS 8
#define SLOTS_LENT	(1u << SLOTS_LENT_BITS) /* pages in messages on their way, at most */

/**
 * struct slots_lent - a page that messages share.
 * @page:    NULL: none
 * @bytes:   its chunk
 * @dropped: the store has forgotten it: the chunk goes back to the pool when the loan is over
 */
struct slots_lent {
	struct anm_page *page;
	void *bytes;
	bool dropped;
};

/**
 * struct slots - a donation.
 * @pool:    its chunks, more for pages that are still coming in, and SLOTS_LENT for those
 *           that were dropped while they were lent
 * @lent:    by a hash of the chunk's address
 * @nr:      chunks that pages may be in
 * @used:    chunks that pages are in
 * @partial: by class, shared chunks with room
 */
struct slots {
	struct anm_pool *pool;
	u64 nr;
	u64 used;
	struct list_head partial[SLOTS_CLASSES];
	struct slots_lent lent[SLOTS_LENT];
};

/**
 * slots_init() - take the memory.
 * @nr:    chunks for pages
 * @spare: buffers that may be out at a time besides
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int slots_init(struct slots *s, u64 nr, u32 spare);

/** slots_end() - give it back; all pages and buffers have been. Also if slots_init() failed. */
void slots_end(struct slots *s);

/** slots_buffer() - 4096 bytes to put a page together in; NULL when all are out. */
void *slots_buffer(struct slots *s);
void slots_buffer_free(struct slots *s, void *buf);

/**
 * slots_fit() - is there room for a page?
 * @len: bytes
 * @old: a page that would go first, or NULL
 */
bool slots_fit(const struct slots *s, u32 len, const void *old);

/**
 * slots_put() - keep a page.
 * @buf: a buffer with the bytes; NULL afterwards if it has become the page's own
 * @len: how many, 1 to 4096
 *
 * Return: where they are now; NULL without room.
 */
void *slots_put(struct slots *s, void **buf, u32 len);

/**
 * slots_lend() - share a page, to be sent: its bytes stay as they are as long as somebody has a
 * reference, also when it is dropped.
 *
 * Return: the page that it is the beginning of, with a reference for the caller; NULL if it has
 * to be copied: packed pages that share a chunk, and more than can be lent.
 */
struct anm_page *slots_lend(struct slots *s, void *bytes);

/** slots_len() - bytes of a page shorter than 4096 that slots_put() took. */
u32 slots_len(const void *bytes);

/** slots_drop() - forget a page. */
void slots_drop(struct slots *s, void *bytes);

#endif
