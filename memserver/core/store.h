/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page store: <client, VAI, page number> -> version, CRC, form and bytes. Everything
 * is taken at creation: the donation (slots.h), and for each entry 28 bytes and 3 for
 * its hash bucket, plus a fixed part below 128 KiB. There are STORE_SHARE entries for
 * each chunk donated: packed pages share chunks, and a fill needs none.
 *
 * No locks; any context, but for store_create() and store_destroy().
 */
#ifndef ANM_MEM_STORE_H
#define ANM_MEM_STORE_H

#include "slots.h"

#define STORE_SHARE 3 /* entries for each chunk; see bench/pack */
/* 32-bit entry numbers: just above 5 TiB. */
#define STORE_PAGES_MAX	  (0xfffffff0ull / STORE_SHARE)
#define STORE_SPACES_MAX  2048 /* distinct <client, VAI>: twice what an engine exports */
#define STORE_VERSION_MAX ((1ull << 48) - 1)
#define STORE_SCAN_MAX	  4096 /* entries looked at in one bounded call */

struct store;

/**
 * struct store_page - what is known of one page.
 * @version: 1 to STORE_VERSION_MAX
 * @crc:     as the writer gave it, as are @form and @len, which fit each other
 * @form:    enum amp_form
 * @len:     of @bytes
 * @bytes:   store_get(): valid until the store is changed
 */
struct store_page {
	u64 version;
	u32 crc;
	u8 form;
	u16 len;
	const void *bytes;
};

/**
 * store_create() - make a store.
 * @nr:      chunks of 4096 bytes
 * @buffers: how many may be out at a time, besides
 *
 * Context: process. Return: the store; NULL without memory, or when @nr is zero or too large.
 */
struct store *store_create(u64 nr, u32 buffers);

/** store_destroy() - free it, and all that is in it. No buffer is out. Context: process. */
void store_destroy(struct store *s);

/**
 * store_chunks() - chunks of the donation in use; at least one while a page is stored, so
 * that none means empty. store_pages() - pages stored. store_bytes() - memory beyond
 * the donation.
 */
u64 store_chunks(const struct store *s);
u64 store_pages(const struct store *s);
u64 store_bytes(const struct store *s);

/** store_buffer() - 4096 bytes to put a page together in; NULL when all are out. */
void *store_buffer(struct store *s);
void store_buffer_free(struct store *s, void *buf);

/** store_key_valid() - the offset is a page's and the page number fits. */
bool store_key_valid(const struct amp_key *key);

/**
 * store_put() - store a page, or replace an older version of it.
 * @key:  valid by store_key_valid()
 * @page: all but its bytes
 * @buf:  a buffer that holds them; NULL afterwards if the store has kept it
 * @have: the version stored after the call, 0 when there is none
 *
 * Return: AMP_OK, also when this very version is already here; AMP_E_STALE when a newer
 * version is stored; AMP_E_FULL when there is no room; AMP_E_INVAL for a bad version, or
 * for a stored version with another CRC or form.
 */
u16 store_put(struct store *s, const struct amp_key *key, const struct store_page *page, void **buf,
	      u64 *have);

/**
 * store_prefetch() - a page will be looked up soon: have the processor fetch what is needed first.
 * store_prefetch_entry() - a little later: what is needed then.
 */
void store_prefetch(struct store *s, const struct amp_key *key);
void store_prefetch_entry(struct store *s, const struct amp_key *key);

/** store_get() - look a page up. Return: whether it is here; @page is filled then. */
bool store_get(struct store *s, const struct amp_key *key, struct store_page *page);

/**
 * store_lend() - share the bytes of a page that store_get() has found just now.
 * Return: a page that begins with them, and keeps them whatever becomes of the store, with a
 * reference for the caller; NULL if they have to be copied.
 */
struct anm_page *store_lend(struct store *s, const struct store_page *page);

/**
 * store_discard() - forget a page if it is older than @version.
 * @have: the version that stays, 0 when there is none
 *
 * Return: AMP_OK also when the page was not here; AMP_E_STALE when what is
 * stored is not older.
 */
u16 store_discard(struct store *s, const struct amp_key *key, u64 version, u64 *have);

/**
 * store_discard_vai() - forget pages of <client, VAI> that are older than @version.
 * @max: at most so many
 *
 * Looks at STORE_SCAN_MAX entries at most, and goes on where the call before
 * ended as long as @version stays the same.
 *
 * Return: AMP_OK when all is done, AMP_E_MORE when another call is needed.
 */
u16 store_discard_vai(struct store *s, u32 client, u32 vai, u64 version, u32 max);

/**
 * store_drain() - forget any pages, @max at most.
 *
 * Looks at STORE_SCAN_MAX entries at most, so it may find none although there
 * are some: call until store_pages() is zero.
 */
void store_drain(struct store *s, u32 max);

/**
 * store_list() - what is stored, by entry number. A page keeps its number while it is stored.
 * @cursor: number to begin with; afterwards that to go on with
 * @end:    numbers from here on are not looked at
 * @max:    items at most
 * @items:  room for them
 * @n:      how many there are
 *
 * Looks at entries from *@cursor to below @end; bounded by the caller.
 *
 * Return: whether there may be pages at or above *@cursor.
 */
bool store_list(const struct store *s, u64 *cursor, u64 end, u32 max,
		struct amp_inventory_item *items, u32 *n);

#endif
