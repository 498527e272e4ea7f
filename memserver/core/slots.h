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

#define SLOTS_CLASSES 6

/**
 * struct slots - a donation.
 * @pool:    its chunks, and @spare more for pages that are still coming in
 * @nr:      chunks that pages may be in
 * @used:    chunks that pages are in
 * @partial: by class, shared chunks with room
 */
struct slots {
	struct anm_pool *pool;
	u64 nr;
	u64 used;
	struct list_head partial[SLOTS_CLASSES];
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

/** slots_len() - bytes of a page shorter than 4096 that slots_put() took. */
u32 slots_len(const void *bytes);

/** slots_drop() - forget a page. */
void slots_drop(struct slots *s, void *bytes);

#endif
