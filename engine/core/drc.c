// SPDX-License-Identifier: GPL-2.0-only
/* Duplicate-request cache; see drc.h for what it is for and how long it remembers. */
#include "drc.h"

#define DRC_CHUNKS_MAX (ENG_DRC_ENTRIES / DRC_CHUNK_ENTRIES)
#define DRC_AGE_CHUNKS 32 /* given back in one call of eng_drc_age() */

/**
 * struct drc_chunk - entries that were added one after the other.
 * @link:        in eng_drc.chunks
 * @newest:      when the last of them was added
 * @used:        entries handed out, in order
 * @in_progress: entries with a request
 * @live:        entries that have not been forgotten
 * @entries:     the first @used of them
 */
struct drc_chunk {
	struct list_head link;
	u64 newest;
	u16 used;
	u16 in_progress;
	u16 live;
	struct drc_entry entries[DRC_CHUNK_ENTRIES];
};

int eng_drc_init(struct eng_drc *drc)
{
	u32 i;

	INIT_LIST_HEAD(&drc->chunks);
	drc->nchunks = 0;
	for (i = 0; i < DRC_TABLES; i++) {
		drc->tables[i] = anm_alloc(DRC_TABLE_BUCKETS * sizeof(*drc->tables[i]));
		if (!drc->tables[i]) {
			eng_drc_destroy(drc);
			return -ENOMEM;
		}
	}
	return 0;
}

static void drc_unhash(struct drc_entry *d)
{
	if (hlist_unhashed(&d->node))
		return;
	hlist_del_init(&d->node);
	d->chunk->live--;
}

static void drc_empty(struct drc_chunk *c)
{
	u32 i;

	for (i = 0; i < c->used; i++)
		drc_unhash(&c->entries[i]);
	c->used = 0;
}

void eng_drc_destroy(struct eng_drc *drc)
{
	struct drc_chunk *c, *next;
	u32 i;

	list_for_each_entry_safe(c, next, &drc->chunks, link) {
		WARN_ON_ONCE(c->in_progress);
		list_del(&c->link);
		anm_free(c);
	}
	drc->nchunks = 0;
	for (i = 0; i < DRC_TABLES; i++) {
		anm_free(drc->tables[i]);
		drc->tables[i] = NULL;
	}
}

static struct hlist_head *drc_bucket(const struct eng_drc *drc, u32 xid)
{
	u32 i = hash_32(xid, DRC_BUCKET_BITS);

	return &drc->tables[i / DRC_TABLE_BUCKETS][i % DRC_TABLE_BUCKETS];
}

struct drc_entry *eng_drc_find(const struct eng_drc *drc, u32 xid, u32 sum)
{
	struct drc_entry *d;

	hlist_for_each_entry(d, drc_bucket(drc, xid), node) {
		if (d->xid == xid && d->sum == sum)
			return d;
	}
	return NULL;
}

/* The oldest chunk, emptied and unlinked, if it may go. */
static struct drc_chunk *drc_take_oldest(struct eng_drc *drc, bool aged_only, u64 now)
{
	struct drc_chunk *c;

	if (list_empty(&drc->chunks))
		return NULL;
	c = list_first_entry(&drc->chunks, struct drc_chunk, link);
	if (c->in_progress || (aged_only && now - c->newest < DRC_AGE_NS))
		return NULL;
	drc_empty(c);
	list_del(&c->link);
	drc->nchunks--;
	return c;
}

/*
 * A chunk with a free entry. Without memory the call is turned away rather than an
 * entry forgotten before its time.
 */
static struct drc_chunk *drc_room(struct eng_drc *drc, u64 now)
{
	struct drc_chunk *c;

	if (!list_empty(&drc->chunks)) {
		c = list_last_entry(&drc->chunks, struct drc_chunk, link);
		if (c->used < DRC_CHUNK_ENTRIES)
			return c;
	}
	c = drc_take_oldest(drc, drc->nchunks < DRC_CHUNKS_MAX, now);
	if (!c && drc->nchunks < DRC_CHUNKS_MAX)
		c = anm_alloc(sizeof(*c));
	if (!c)
		return NULL;
	list_add_tail(&c->link, &drc->chunks);
	drc->nchunks++;
	return c;
}

struct drc_entry *eng_drc_add(struct eng_drc *drc, u32 xid, u32 sum, struct eng_req *req, u64 now)
{
	struct drc_chunk *c = drc_room(drc, now);
	struct drc_entry *d;

	if (!c)
		return NULL;
	d = &c->entries[c->used++];
	d->xid = xid;
	d->sum = sum;
	d->req = req;
	d->status = 0;
	d->chunk = c;
	hlist_add_head(&d->node, drc_bucket(drc, xid));
	c->live++;
	c->in_progress += req != NULL;
	c->newest = now;
	return d;
}

void eng_drc_done(struct drc_entry *d, u32 status)
{
	if (d->req)
		d->chunk->in_progress--;
	d->req = NULL;
	d->status = status;
}

void eng_drc_age(struct eng_drc *drc, u64 now)
{
	struct drc_chunk *c;
	u32 i;

	for (i = 0; i < DRC_AGE_CHUNKS; i++) {
		c = drc_take_oldest(drc, true, now);
		if (!c)
			return;
		anm_free(c);
	}
}

u32 eng_drc_entries(const struct eng_drc *drc)
{
	const struct drc_chunk *c;
	u32 n = 0;

	list_for_each_entry(c, &drc->chunks, link)
		n += c->live;
	return n;
}
