// SPDX-License-Identifier: GPL-2.0-only
/*
 * The best possible: for every page it is known when it is read next, and the page that is
 * read last is let go. One that is written before it is read again is not kept at all.
 */
#include "replay.h"

/* struct heap_item - page @no is read next at access @at; out of date if the page says otherwise. */
struct heap_item {
	u32 at, no;
};

/**
 * struct best - a run.
 * @later:   by access: when the page is read next, or NEVER
 * @next:    by page in the cache: when it is read next; NEVER: it is not in the cache
 * @heap:    the latest first
 */
struct best {
	u32 *later, *next;
	u8 *written;
	struct heap_item *heap;
	size_t len;
	u32 used;
};

static void heap_push(struct best *b, struct heap_item it)
{
	size_t i = b->len++;

	while (i && b->heap[(i - 1) / 2].at < it.at) {
		b->heap[i] = b->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	b->heap[i] = it;
}

static struct heap_item heap_pop(struct best *b)
{
	struct heap_item top = b->heap[0], it = b->heap[--b->len];
	size_t i = 0, kid;

	for (;;) {
		kid = 2 * i + 1;
		if (kid >= b->len)
			break;
		if (kid + 1 < b->len && b->heap[kid + 1].at > b->heap[kid].at)
			kid++;
		if (b->heap[kid].at <= it.at)
			break;
		b->heap[i] = b->heap[kid];
		i = kid;
	}
	b->heap[i] = it;
	return top;
}

static void look_ahead(const struct trace *t, struct best *b)
{
	size_t at = t->accesses, i;
	u32 n;

	/* Here @next is: by page, when it is next read, if that is before it is written. */
	for (i = t->nops; i--;) {
		const struct trace_op *op = &t->op[i];

		for (n = op->n; n--;) {
			b->later[--at] = b->next[op->first + n];
			b->next[op->first + n] = op->write ? NEVER : (u32)at;
		}
	}
	memset(b->next, 0xff, t->npages * sizeof(*b->next));
}

static void keep(struct best *b, u32 budget, u32 no, u32 at)
{
	struct heap_item it;

	b->used -= b->next[no] != NEVER;
	b->next[no] = at;
	if (at == NEVER)
		return;
	b->used++;
	heap_push(b, (struct heap_item){.at = at, .no = no});
	while (b->used > budget) {
		it = heap_pop(b);
		if (b->next[it.no] == it.at) {
			b->next[it.no] = NEVER;
			b->used--;
		}
	}
}

static void go(const struct trace *t, struct replay *r, struct best *b)
{
	size_t at = 0, i;
	u32 n;

	for (i = 0; i < t->nops; i++) {
		const struct trace_op *op = &t->op[i];
		u32 seen = 0, had = 0;

		for (n = 0; n < op->n; n++, at++) {
			u32 no = op->first + n;

			b->written[no] |= op->write;
			seen += !op->write && b->written[no];
			had += !op->write && b->written[no] && b->next[no] == (u32)at;
			keep(b, r->budget, no, b->later[at]);
		}
		r->reads += seen;
		r->hits += had;
		r->nreads += !!seen;
		r->whole += seen && seen == had;
	}
}

bool best_run(const struct trace *t, struct replay *r)
{
	struct best b = {
		.later = malloc(t->accesses * sizeof(u32)),
		.next = malloc(t->npages * sizeof(u32)),
		.written = calloc(t->npages, 1),
		.heap = malloc((t->accesses + 1) * sizeof(struct heap_item)),
	};
	bool ok = b.later && b.next && b.written && b.heap;

	if (ok) {
		memset(b.next, 0xff, t->npages * sizeof(*b.next));
		look_ahead(t, &b);
		go(t, r, &b);
	}
	free(b.later);
	free(b.next);
	free(b.written);
	free(b.heap);
	return ok;
}
