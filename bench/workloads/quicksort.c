// SPDX-License-Identifier: GPL-2.0-only
/*
 * quicksort: fill memory with random 32-bit integers, sort them in place by
 * quicksort, and prove that the result is sorted and holds the same integers.
 *
 * The quicksort is written out here because the C library's qsort() is a merge
 * sort in a buffer of the same size.  It is the plain one: median of three,
 * Hoare's partition, insertion sort for short ranges, no change of algorithm
 * when the data is unkind; the shorter side goes on a stack, so the stack's
 * depth is at most the logarithm of the length.
 */
#include "sort_util.h"
#include "workload_util.h"

#define STACK_MAX 64

static void swap(uint32_t *x, uint32_t *y)
{
	uint32_t t = *x;

	*x = *y;
	*y = t;
}

/*
 * Hoare: afterwards nothing in a[0..split] is greater than anything behind it;
 * both sides hold at least one element.
 */
static uint64_t partition(uint32_t *a, uint64_t count)
{
	uint64_t mid = (count - 1) / 2, last = count - 1, i = 0, j = last;
	uint32_t pivot;

	if (a[mid] < a[0])
		swap(&a[mid], &a[0]);
	if (a[last] < a[0])
		swap(&a[last], &a[0]);
	if (a[last] < a[mid])
		swap(&a[last], &a[mid]);
	pivot = a[mid];
	for (;; i++, j--) {
		while (a[i] < pivot)
			i++;
		while (a[j] > pivot)
			j--;
		if (i >= j)
			return j;
		swap(&a[i], &a[j]);
	}
}

static void quicksort(uint32_t *a, uint64_t count, void *scratch)
{
	struct {
		uint32_t *a;
		uint64_t count;
	} stack[STACK_MAX];
	unsigned int depth = 0;
	uint64_t total = count, done = 0, left;

	for (;;) {
		while (count > SORT_SHORT) {
			left = partition(a, count) + 1;
			/* The longer side waits, the shorter goes on. */
			if (left > count - left) {
				stack[depth].a = a;
				stack[depth++].count = left;
				a += left;
				count -= left;
			} else {
				stack[depth].a = a + left;
				stack[depth++].count = count - left;
				count = left;
			}
		}
		sort_insertion(a, count);
		done += count;
		if ((done & 0xfff) < SORT_SHORT)
			wl_progress("sort", done, total);
		if (!depth)
			return;
		a = stack[--depth].a;
		count = stack[depth].count;
	}
}

int main(int argc, char **argv)
{
	static const struct sort_algorithm algorithm = {.name = "quicksort", .sort = quicksort};

	return sort_main(&algorithm, argc, argv);
}
