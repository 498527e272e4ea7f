/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page I/O: what the NFS side asks of the page side. One struct eng_pageio is
 * one page's share of a READ or WRITE. Operations on the same page run one
 * after the other, in the order in which they were started (promise 1);
 * different pages run in parallel.
 */
#ifndef ANM_ENG_PAGEIO_H
#define ANM_ENG_PAGEIO_H

#include "engine.h"

struct eng_vai;

/**
 * struct eng_pageio - one page's share of a request.
 * Set by the caller:
 * @vai:     the VAI; its in-flight count keeps it alive
 * @page_no: page in the VAI
 * @off:     first byte in the page
 * @len:     bytes; @off + @len <= 4096
 * @write:   direction
 * @page:    WRITE: holds the new bytes at [off, off + len), a reference that the
 *           pageio owns; the page side fills in the rest of a partial page.
 *           READ: NULL; when done without error, the page with the bytes (it
 *           may be the shared zero page), a reference that the pageio owns.
 * @share:   READ of a whole page: it may come as @frags instead
 * @frags:   READ: when done without error, if there are any, the page's bytes, where they arrived.
 *           @page is NULL then. References that the pageio owns
 * @done:    called once, perhaps from within eng_pageio_start(), never from within
 *           itself: a pageio started in ->done is carried out after it returns.
 *           @err is 0, -EIO (lost or no server answers: promise 8), -ENOSPC (no
 *           server has room) or -ENOMEM (a shortage of the moment: ask the client
 *           to try again). The caller frees the pageio, there or later.
 * @through: WRITE: not to be left dirty
 * @split:   READ of a whole page: if not NULL, its server may answer in the engine's place.
 *           Called at most once, when the server is asked, over a path of @mtu: writes a struct
 *           amp_split, AMP_SPLIT_LEN_MAX bytes at most. Return: bytes, 0 for not after all.
 * @answered: the server did: @page stays NULL
 * @err:     what ->done was given
 * @owner, @req_link: the caller's own
 *
 * Only eng_pageio_alloc() makes one: the page side keeps its own state around it.
 * @vai->in_flight counts it from eng_pageio_start() until ->done is called.
 */
struct eng_pageio {
	struct eng_vai *vai;
	u32 page_no;
	u16 off;
	u16 len;
	bool write;
	bool answered;
	bool share;
	bool through;
	int err;
	struct anm_page *page;
	struct anm_frags frags;
	u16 (*split)(struct engine *e, struct eng_pageio *io, u16 mtu, u8 *buf);
	void (*done)(struct engine *e, struct eng_pageio *io, int err);
	void *owner;
	struct list_head req_link;
};

/**
 * eng_pageio_alloc() - take a zeroed pageio (page NULL).
 * Return: NULL at ENG_PAGES_MAX or without memory.
 */
struct eng_pageio *eng_pageio_alloc(struct engine *e);

/** eng_pageio_free() - give it back, with its page references. Not while in progress. */
void eng_pageio_free(struct engine *e, struct eng_pageio *io);

/**
 * eng_page_soon() - an operation on this page will be started soon.
 * eng_page_sooner() - the same, a little later.
 *
 * What it looks up first lies anywhere in memory. That is fetched while the request is
 * still being read and put together.
 */
void eng_page_soon(struct engine *e, const struct eng_vai *vai, u32 page_no);
void eng_page_sooner(struct engine *e, const struct eng_vai *vai, u32 page_no);

/** eng_pageio_start() - begin; ->done may run before this returns. */
void eng_pageio_start(struct engine *e, struct eng_pageio *io);

#endif
