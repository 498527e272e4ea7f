/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page store: <client, VAI, page number> -> version, CRC and the object
 * that holds the bytes. Everything is taken at creation: 28 bytes a page for
 * the entry and 3 for its hash bucket, plus a fixed part below 128 KiB.
 *
 * Objects are 4096 bytes of the caller's pool. The store only keeps pointers:
 * what it no longer wants it hands back.
 *
 * No locks; any context, but for store_create() and store_destroy().
 */
#ifndef ANM_MEM_STORE_H
#define ANM_MEM_STORE_H

#include "../../proto/services.h"
#include "../../proto/amp.h"

#define STORE_PAGES_MAX	  0xfffffff0ull /* 32-bit entry numbers: just under 16 TiB */
#define STORE_SPACES_MAX  2048		/* distinct <client, VAI>: twice what an engine exports */
#define STORE_VERSION_MAX ((1ull << 48) - 1)
#define STORE_SCAN_MAX	  4096 /* entries looked at in one bounded call */

struct store;

/**
 * struct store_page - what is known of one page.
 * @version: 1 to STORE_VERSION_MAX
 * @crc:     as the writer gave it
 * @obj:     4096 bytes
 */
struct store_page {
	u64 version;
	u32 crc;
	void *obj;
};

/**
 * store_create() - make a store with room for @nr pages.
 * Context: process. Return: the store; NULL without memory, or when @nr is zero or too large.
 */
struct store *store_create(u64 nr);

/** store_destroy() - free an empty store (see store_drain()). Context: process. */
void store_destroy(struct store *s);

/** store_used() - pages stored. store_bytes() - memory that the store itself takes. */
u64 store_used(const struct store *s);
u64 store_bytes(const struct store *s);

/** store_key_valid() - the offset is a page's and the page number fits. */
bool store_key_valid(const struct amp_key *key);

/**
 * store_put() - store a page, or replace an older version of it.
 * @key:  valid by store_key_valid()
 * @page: version, CRC and object; on AMP_OK the store owns the object
 * @old:  the object that the caller gets back in exchange: the older version's,
 *        @page->obj itself when this very version is already here (AMP_OK) or
 *        on any refusal, NULL when the page is new
 * @have: the version stored after the call, 0 when there is none
 *
 * Return: AMP_OK; AMP_E_STALE when a newer version is stored; AMP_E_FULL when
 * there is no room; AMP_E_INVAL for a bad version, or for a stored version with
 * another CRC.
 */
u16 store_put(struct store *s, const struct amp_key *key, const struct store_page *page, void **old,
	      u64 *have);

/** store_get() - look a page up. Return: whether it is here; @page is filled then. */
bool store_get(struct store *s, const struct amp_key *key, struct store_page *page);

/**
 * store_discard() - forget a page if it is older than @version.
 * @obj:  the object to give back, NULL when there was none
 * @have: the version that stays, 0 when there is none
 *
 * Return: AMP_OK also when the page was not here; AMP_E_STALE when what is
 * stored is not older.
 */
u16 store_discard(struct store *s, const struct amp_key *key, u64 version, void **obj, u64 *have);

/**
 * store_discard_vai() - forget pages of <client, VAI> that are older than @version.
 * @max:  at most so many
 * @objs: room for @max objects to give back
 * @n:    how many there are
 *
 * Looks at STORE_SCAN_MAX entries at most, and goes on where the call before
 * ended as long as @version stays the same.
 *
 * Return: AMP_OK when all is done, AMP_E_MORE when another call is needed.
 */
u16 store_discard_vai(struct store *s, u32 client, u32 vai, u64 version, u32 max, void **objs,
		      u32 *n);

/**
 * store_drain() - forget any pages.
 * @max:  at most so many
 * @objs: room for @max objects to give back
 *
 * Looks at STORE_SCAN_MAX entries at most, so it may find none although there
 * are some: call until store_used() is zero.
 *
 * Return: how many objects there are.
 */
u32 store_drain(struct store *s, u32 max, void **objs);

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
