// SPDX-License-Identifier: GPL-2.0-only
#include "../../engine/core/stream.h"
#include "replay.h"

#define BURST 32 /* as the engine's: pages asked for ahead at a time */

/* struct run - a replay under way. @written: bytes, by page */
struct run {
	struct pcache *c;
	struct replay *r;
	struct anm_page *page; /* one for all: nobody looks at the bytes */
	struct streams streams;
	u8 *written;
};

static u32 hash_of(u32 no)
{
	u64 h = (no + 1) * 0x9e3779b97f4a7c15ull;

	return (u32)(h >> 29);
}

static u32 find(const struct run *x, u32 no)
{
	return pcache_find(x->c, hash_of(no), 0, no);
}

static u32 put(struct run *x, u32 no)
{
	return pcache_put(x->c, hash_of(no), 0, no, 1, x->page);
}

static void unused(struct pcache *c, const struct pcache_entry *en)
{
	struct run *x = c->ctx;

	x->r->wasted++;
	streams_wasted(&x->streams);
}

/* Return: it was there. */
static bool read_page(struct run *x, u32 no)
{
	struct pcache *c = x->c;
	u32 i = find(x, no);

	if (i == PCACHE_NONE) {
		if (x->r->way == WAY_KEEP)
			put(x, no);
		return false;
	}
	if (c->entry[i].ahead) {
		c->entry[i].ahead = false;
		x->r->used++;
		streams_used(&x->streams);
	}
	if (x->r->way == WAY_LEAVE)
		pcache_drop(c, i);
	else if (x->r->way == WAY_SPEND)
		pcache_spend(c, i);
	else
		c->policy->hit(c, i);
	return true;
}

static void read_ahead(struct run *x, const struct trace *t, const struct trace_op *op)
{
	struct stream_range range;
	u32 no;

	if (!streams_read(&x->streams, op->first, op->n, t->npages, BURST, &range))
		return;
	for (no = range.first; no < range.first + range.n; no++) {
		if (!x->written[no] || find(x, no) != PCACHE_NONE)
			continue;
		x->r->issued++;
		x->c->entry[put(x, no)].ahead = true;
	}
}

static void read_op(struct run *x, const struct trace_op *op)
{
	u32 no, seen = 0, had = 0;

	for (no = op->first; no < op->first + op->n; no++) {
		if (!x->written[no])
			continue;
		seen++;
		had += read_page(x, no);
	}
	x->r->reads += seen;
	x->r->hits += had;
	x->r->nreads += !!seen;
	x->r->whole += seen && seen == had;
}

static void write_op(struct run *x, const struct trace_op *op)
{
	u32 no;

	for (no = op->first; no < op->first + op->n; no++) {
		x->written[no] = 1;
		put(x, no);
	}
}

bool replay_run(const struct trace *t, struct replay *r)
{
	struct run x = {.r = r};
	bool ok;
	size_t i;

	x.c = pcache_create(r->budget, r->policy);
	x.page = anm_page_alloc();
	x.written = calloc(t->npages, 1);
	ok = x.c && x.page && x.written;
	if (ok) {
		x.c->ctx = &x;
		x.c->unused = unused;
	}
	for (i = 0; ok && i < t->nops; i++) {
		if (t->op[i].write) {
			write_op(&x, &t->op[i]);
			continue;
		}
		read_op(&x, &t->op[i]);
		if (r->ahead)
			read_ahead(&x, t, &t->op[i]);
	}
	if (x.c)
		x.c->unused = NULL;
	pcache_destroy(x.c);
	if (x.page)
		anm_page_put(x.page);
	free(x.written);
	return ok;
}
