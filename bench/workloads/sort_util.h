/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the sorting workloads share: all but the sorting. Memory is filled with
 * random 32-bit integers, sorted, and the result is proved to be sorted and to
 * hold the same integers.
 */
#ifndef ANEMONE_SORT_UTIL_H
#define ANEMONE_SORT_UTIL_H

#include <stddef.h>
#include <stdint.h>

#define SORT_SHORT 24 /* integers: shorter ranges are sorted by insertion */

/**
 * struct sort_algorithm - one way to sort
 * @name: of the workload
 * @sort: sort @count integers in place, with the scratch memory if it asked for any
 * @scratch_bytes: how much it needs besides the integers themselves, NULL for none
 */
struct sort_algorithm {
	const char *name;
	void (*sort)(uint32_t *a, uint64_t count, void *scratch);
	size_t (*scratch_bytes)(uint64_t count);
};

void sort_insertion(uint32_t *a, uint64_t count);

/** sort_main - options, the passes and the report of a sorting workload; its exit status */
int sort_main(const struct sort_algorithm *algorithm, int argc, char **argv);

#endif
