// SPDX-License-Identifier: GPL-2.0-only
/*
 * funnelsort: what quicksort does, by a cache-oblivious sort: it moves close to
 * the least number of pages that a sort can move between memory and swap,
 * whatever the size of either is, which it need not know.
 *
 * The lazy funnelsort of Brodal and Fagerberg: the cube root of n runs are
 * sorted one after the other and merged by a funnel, a binary tree of mergers
 * with a buffer on each edge. The buffers' sizes follow from halving the tree's
 * height again and again, and they lie in memory in that order. A buffer is
 * filled when it is found empty.
 *
 * It needs a second array as long as the first, as any merge sort.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sort_util.h"
#include "workload_util.h"

#define BASE	   1024u /* integers: shorter ones are sorted by plain merging */
#define HEIGHT_MAX 21u	 /* of a funnel: the cube root of 2^63 */

/**
 * struct merger - one node of a funnel and the buffer on the edge above it
 * @buf: the integers from @head to @tail wait in it; @cap fit
 * @last: nothing comes after these
 * Nodes are numbered as in a heap: those of n are 2n and 2n + 1. The leaves are the runs.
 */
struct merger {
	uint32_t *buf;
	uint64_t head, tail, cap;
	bool last;
};

/** struct funnel - room for the largest one, used by all */
struct funnel {
	struct merger *node;
	uint32_t *room;
	uint64_t used; /* integers of @room */
	unsigned int height;
	uint64_t sorted, total; /* for progress */
};

/* Levels of the funnel for so many integers: its leaves are at least their cube root. */
static unsigned int funnel_height(uint64_t count)
{
	unsigned int h = 1;

	while (h < HEIGHT_MAX && (uint64_t)1 << 3 * h < count)
		h++;
	return h;
}

/* Integers in each buffer in the middle of a tree of this height: its leaves to the power of 3/2. */
static uint64_t buffer_size(unsigned int height)
{
	uint64_t leaves = (uint64_t)1 << height, root = (uint64_t)1 << height / 2;

	return leaves * (height % 2 ? root * 3 / 2 : root);
}

/* Buffers inside of the tree of that height at @node; only counted when there is no room. */
static void place_buffers(struct funnel *f, uint64_t node, unsigned int height)
{
	unsigned int top = (height + 1) / 2, bottom = height / 2;
	uint64_t first = node << top;

	if (height < 2)
		return;
	place_buffers(f, node, top);
	for (uint64_t n = first; n < first + ((uint64_t)1 << top); n++) {
		if (f->room) {
			f->node[n] = (struct merger){.buf = f->room + f->used,
						     .cap = buffer_size(height)};
		}
		f->used += buffer_size(height);
		place_buffers(f, n, bottom);
	}
}

static void fill(struct funnel *f, uint64_t n)
{
	struct merger *m = &f->node[n], *left = &f->node[2 * n], *right = left + 1;

	m->head = m->tail = 0;
	while (m->tail < m->cap) {
		if (left->head == left->tail && !left->last)
			fill(f, 2 * n);
		if (right->head == right->tail && !right->last)
			fill(f, 2 * n + 1);
		if (left->head == left->tail && right->head == right->tail) {
			m->last = true;
			return;
		}
		if (right->head == right->tail ||
		    (left->head < left->tail && left->buf[left->head] <= right->buf[right->head]))
			m->buf[m->tail++] = left->buf[left->head++];
		else
			m->buf[m->tail++] = right->buf[right->head++];
	}
	/* What is in the array's full length has nothing behind it. */
	m->last =
		left->last && right->last && left->head == left->tail && right->head == right->tail;
}

/* Merge runs of @run integers (the last may be shorter or missing) from @from into @to. */
static void merge(struct funnel *f, const uint32_t *from, uint32_t *to, uint64_t count,
		  uint64_t run)
{
	uint64_t leaves = (uint64_t)1 << f->height;

	f->used = 0;
	place_buffers(f, 1, f->height);
	f->node[1] = (struct merger){.buf = to, .cap = count};
	for (uint64_t i = 0; i < leaves; i++) {
		uint64_t start = i * run < count ? i * run : count;
		uint64_t len = count - start < run ? count - start : run;

		f->node[leaves + i] = (struct merger){
			.buf = (uint32_t *)from + start, .tail = len, .cap = len, .last = true};
	}
	fill(f, 1);
}

/* Short ranges: insertion, then merging of pairs to and fro; the result is in @a. */
static void sort_base(uint32_t *a, uint32_t *other, uint64_t count)
{
	uint32_t *from = a, *to = other, *t;
	uint64_t run = SORT_SHORT;

	for (uint64_t i = 0; i < count; i += run)
		sort_insertion(a + i, count - i < run ? count - i : run);
	for (; run < count; run *= 2) {
		for (uint64_t i = 0; i < count; i += 2 * run) {
			uint64_t mid = count - i < run ? count : i + run;
			uint64_t end = count - i < 2 * run ? count : i + 2 * run;
			uint64_t l = i, r = mid;

			for (uint64_t k = i; k < end; k++)
				to[k] = r == end || (l < mid && from[l] <= from[r]) ? from[l++]
										    : from[r++];
		}
		t = from;
		from = to;
		to = t;
	}
	if (from != a)
		memcpy(a, from, count * sizeof(*a));
}

/* Sort what is in @a; the result is in @other if @over, else in @a. */
static void funnelsort(struct funnel *f, uint32_t *a, uint32_t *other, uint64_t count, bool over)
{
	unsigned int height = funnel_height(count);
	uint64_t run = (count + ((uint64_t)1 << height) - 1) >> height, len;

	if (count <= BASE) {
		sort_base(a, other, count);
		if (over)
			memcpy(other, a, count * sizeof(*a));
		f->sorted += count;
		wl_progress("sort", f->sorted, f->total);
		return;
	}
	/* The runs end up where the result does not. */
	for (uint64_t i = 0; i < count; i += run) {
		len = count - i < run ? count - i : run;
		funnelsort(f, a + i, other + i, len, !over);
	}
	f->height = height;
	merge(f, over ? a : other, over ? other : a, count, run);
}

/* ---- what it needs besides: the other array, the nodes, the buffers ---- */

static uint64_t node_count(uint64_t count)
{
	return (uint64_t)2 << funnel_height(count);
}

static size_t scratch_bytes(uint64_t count)
{
	struct funnel f = {0};

	place_buffers(&f, 1, funnel_height(count));
	return node_count(count) * sizeof(struct merger) + (count + f.used) * sizeof(uint32_t);
}

static void sort(uint32_t *a, uint64_t count, void *scratch)
{
	struct funnel f = {.node = scratch, .total = count};
	uint32_t *other = (uint32_t *)(f.node + node_count(count));

	f.room = other + count;
	funnelsort(&f, a, other, count, false);
}

int main(int argc, char **argv)
{
	static const struct sort_algorithm algorithm = {
		.name = "funnelsort", .sort = sort, .scratch_bytes = scratch_bytes};

	return sort_main(&algorithm, argc, argv);
}
