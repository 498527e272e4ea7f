// SPDX-License-Identifier: GPL-2.0-only
/* Duplicate-request cache; see drc.h for what it is for and how long it remembers. */
#include "drc.h"

#define DRC_CHUNK_BYTES 4096
#define DRC_AGE_CHUNKS	32 /* given back in one call of eng_drc_age() */
#define DRC_NEAR_BITS	5  /* so many xids in a row, their low bits, have neighbours for buckets */

/**
 * struct drc_chunk - entries that were added one after the other.
 * @newest:      when the last of them was added
 * @used:        entries handed out, in order
 * @in_progress: entries with a request
 * @entries:     the first @used of them
 */
struct drc_chunk {
	u64 newest;
	u16 used;
	u16 in_progress;
	struct drc_entry entries[DRC_CHUNK_ENTRIES];
};

int eng_drc_init(struct eng_drc *drc)
{
	const size_t n = DRC_TABLE_BUCKETS * sizeof(*drc->tables[0]);
	u32 i;

	BUILD_BUG_ON(sizeof(struct drc_entry) != 24);
	BUILD_BUG_ON(sizeof(struct drc_chunk) > DRC_CHUNK_BYTES);
	BUILD_BUG_ON(DRC_CHUNKS_MAX * DRC_CHUNK_ENTRIES > DRC_NONE);
	drc->oldest = 0;
	drc->nchunks = 0;
	for (i = 0; i < DRC_TABLES; i++) {
		drc->tables[i] = anm_alloc(n);
		if (!drc->tables[i]) {
			eng_drc_destroy(drc);
			return -ENOMEM;
		}
		memset(drc->tables[i], 0xff, n);
	}
	return 0;
}

/* ---- buckets ---- */

/*
 * A client counts its xids up: calls in a row are in one cache line of heads, and what is behind
 * those was added in a row too.
 */
static u16 *drc_bucket(const struct eng_drc *drc, u32 xid)
{
	u32 row = hash_32(xid >> DRC_NEAR_BITS, DRC_BUCKET_BITS - DRC_NEAR_BITS);
	u32 i = row << DRC_NEAR_BITS | (xid & (BIT(DRC_NEAR_BITS) - 1));

	return &drc->tables[i / DRC_TABLE_BUCKETS][i % DRC_TABLE_BUCKETS];
}

static struct drc_entry *drc_entry(const struct eng_drc *drc, u32 number)
{
	return &drc->chunks[number / DRC_CHUNK_ENTRIES]->entries[number % DRC_CHUNK_ENTRIES];
}

struct drc_entry *eng_drc_find(const struct eng_drc *drc, u32 xid, u32 sum)
{
	u32 i = *drc_bucket(drc, xid);

	while (i != DRC_NONE) {
		struct drc_entry *d = drc_entry(drc, i);

		if (d->xid == xid && d->sum == sum)
			return d;
		i = d->next;
	}
	return NULL;
}

/* ---- chunks ---- */

static u32 drc_ring(const struct eng_drc *drc, u32 n)
{
	return (drc->oldest + n) % DRC_CHUNKS_MAX;
}

/* What is behind an entry of the oldest chunk is of that chunk too, and goes with it. */
static void drc_unhash(const struct eng_drc *drc, u32 number)
{
	u16 *link = drc_bucket(drc, drc_entry(drc, number)->xid);

	while (*link != DRC_NONE && *link != number)
		link = &drc_entry(drc, *link)->next;
	*link = DRC_NONE;
}

static void drc_empty(const struct eng_drc *drc, u32 index)
{
	struct drc_chunk *c = drc->chunks[index];
	u32 i;

	for (i = 0; i < c->used; i++)
		drc_unhash(drc, index * DRC_CHUNK_ENTRIES + i);
	c->used = 0;
}

/* The oldest chunk, emptied and taken out, if it may go. */
static struct drc_chunk *drc_take_oldest(struct eng_drc *drc, bool aged_only, u64 now)
{
	struct drc_chunk *c = drc->chunks[drc->oldest];

	if (!drc->nchunks || c->in_progress || (aged_only && now - c->newest < DRC_AGE_NS))
		return NULL;
	drc_empty(drc, drc->oldest);
	drc->chunks[drc->oldest] = NULL;
	drc->oldest = drc_ring(drc, 1);
	drc->nchunks--;
	return c;
}

/*
 * Index of a chunk with a free entry, DRC_NONE if there is none to be had. Without memory the call
 * is turned away rather than an entry forgotten before its time.
 */
static u32 drc_room(struct eng_drc *drc, u64 now)
{
	struct drc_chunk *c;
	u32 i;

	if (drc->nchunks) {
		i = drc_ring(drc, drc->nchunks - 1);
		if (drc->chunks[i]->used < DRC_CHUNK_ENTRIES)
			return i;
	}
	c = drc_take_oldest(drc, drc->nchunks < DRC_CHUNKS_MAX, now);
	if (!c && drc->nchunks < DRC_CHUNKS_MAX)
		c = anm_alloc(sizeof(*c));
	if (!c)
		return DRC_NONE;
	i = drc_ring(drc, drc->nchunks++);
	drc->chunks[i] = c;
	return i;
}

void eng_drc_destroy(struct eng_drc *drc)
{
	u32 i;

	for (i = 0; i < DRC_CHUNKS_MAX; i++) {
		WARN_ON_ONCE(drc->chunks[i] && drc->chunks[i]->in_progress);
		anm_free(drc->chunks[i]);
		drc->chunks[i] = NULL;
	}
	drc->nchunks = 0;
	for (i = 0; i < DRC_TABLES; i++) {
		anm_free(drc->tables[i]);
		drc->tables[i] = NULL;
	}
}

/* ---- entries ---- */

struct drc_entry *eng_drc_add(struct eng_drc *drc, u32 xid, u32 sum, struct eng_req *req, u64 now)
{
	u16 *bucket = drc_bucket(drc, xid);
	u32 index = drc_room(drc, now);
	struct drc_entry *d;
	struct drc_chunk *c;

	if (index == DRC_NONE)
		return NULL;
	c = drc->chunks[index];
	d = &c->entries[c->used];
	d->xid = xid;
	d->sum = sum;
	d->req = req;
	d->status = 0;
	d->chunk = (u16)index;
	d->next = *bucket;
	*bucket = (u16)(index * DRC_CHUNK_ENTRIES + c->used);
	c->used++;
	c->in_progress += req != NULL;
	c->newest = now;
	return d;
}

void eng_drc_done(struct eng_drc *drc, struct drc_entry *d, u32 status)
{
	if (d->req)
		drc->chunks[d->chunk]->in_progress--;
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
	u32 i, n = 0;

	for (i = 0; i < drc->nchunks; i++)
		n += drc->chunks[drc_ring(drc, i)]->used;
	return n;
}
