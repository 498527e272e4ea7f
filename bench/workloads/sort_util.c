// SPDX-License-Identifier: GPL-2.0-only
#include "sort_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload_util.h"

static const char usage[] =
	"usage: quicksort | funnelsort [options]\n"
	"  --size SIZE   memory to sort, MiB or with K, M, G (default 300M)\n"
	"  --passes N    sort that many times, each with other numbers (default 1)\n"
	"  --seed N      of the numbers (default 1)\n"
	"  --corrupt     change one integer before verifying: shows that the check bites\n"
	"  --json        one JSON line, nothing else, on stdout\n"
	"  --progress    with --json: progress on stderr\n"
	"Exit status: 0 every pass was right, 1 a result was wrong, 2 could not run.\n";

/** struct multiset - says whether two arrays hold the same integers, in any order */
struct multiset {
	uint64_t sum, xor_all, sum_mixed;
};

struct sort_run {
	const struct sort_algorithm *algorithm;
	uint32_t *a;
	void *scratch;
	struct wl_options o;
	uint64_t count;
	size_t scratch_bytes;
	uint64_t unsorted, changed; /* neighbours out of order; passes with other integers */
	double fill_s, sort_s, verify_s;
	struct wl_counters sort, total;
};

void sort_insertion(uint32_t *a, uint64_t count)
{
	for (uint64_t i = 1; i < count; i++) {
		uint32_t x = a[i];
		uint64_t j = i;

		for (; j && a[j - 1] > x; j--)
			a[j] = a[j - 1];
		a[j] = x;
	}
}

static void multiset_add(struct multiset *m, uint32_t x)
{
	uint64_t mixed = (x + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;

	m->sum += x;
	m->xor_all ^= mixed;
	m->sum_mixed += mixed ^ mixed >> 29;
}

static void fill(struct sort_run *s, uint64_t pass, struct multiset *before)
{
	struct wl_rng rng;

	wl_rng_seed(&rng, s->o.seed + pass);
	for (uint64_t i = 0; i < s->count; i++) {
		s->a[i] = (uint32_t)(wl_rng_next(&rng) >> 32);
		multiset_add(before, s->a[i]);
		if (!(i & 0xffff))
			wl_progress("fill", i, s->count);
	}
}

static void verify(struct sort_run *s, const struct multiset *before)
{
	struct multiset after = {0};

	for (uint64_t i = 0; i < s->count; i++) {
		multiset_add(&after, s->a[i]);
		if (i && s->a[i - 1] > s->a[i])
			s->unsorted++;
		if (!(i & 0xffff))
			wl_progress("verify", i, s->count);
	}
	if (memcmp(&after, before, sizeof(after)))
		s->changed++;
}

static void one_pass(struct sort_run *s, uint64_t pass)
{
	struct multiset before = {0};
	struct wl_counters start, now;
	uint64_t t0 = wl_now_ns(), t1, t2, t3;

	fill(s, pass, &before);
	t1 = wl_now_ns();
	wl_counters_read(&start);
	s->algorithm->sort(s->a, s->count, s->scratch);
	wl_counters_since(&now, &start);
	t2 = wl_now_ns();
	if (s->o.corrupt)
		s->a[s->count / 2] ^= 1;
	verify(s, &before);
	t3 = wl_now_ns();
	s->fill_s += (double)(t1 - t0) / 1e9;
	s->sort_s += (double)(t2 - t1) / 1e9;
	s->verify_s += (double)(t3 - t2) / 1e9;
	s->sort.majflt += now.majflt;
	s->sort.minflt += now.minflt;
	wl_say("pass %lu: fill %.2f s, sort %.2f s with %lu major and %lu minor faults, "
	       "verify %.2f s\n",
	       pass + 1, (double)(t1 - t0) / 1e9, (double)(t2 - t1) / 1e9, now.majflt, now.minflt,
	       (double)(t3 - t2) / 1e9);
}

static void report(const struct sort_run *s)
{
	wl_say("all: %.2f s, %lu major faults, %lu pages swapped in, %lu out\n",
	       s->fill_s + s->sort_s + s->verify_s, s->total.majflt, s->total.pswpin,
	       s->total.pswpout);
	wl_say("integers verified: %lu, out of order: %lu, passes with other integers: %lu\n",
	       s->count * s->o.passes, s->unsorted, s->changed);
	if (!wl_quiet)
		return;
	printf("{\"workload\":\"%s\",\"integers\":%lu,\"passes\":%lu,\"seed\":%lu,"
	       "\"fill_s\":%.3f,\"sort_s\":%.3f,\"verify_s\":%.3f,\"sort_major_faults\":%lu,"
	       "\"sort_minor_faults\":%lu,\"major_faults\":%lu,\"minor_faults\":%lu,"
	       "\"pswpin\":%lu,\"pswpout\":%lu,\"pages_verified\":%lu,\"unsorted\":%lu,"
	       "\"changed\":%lu}\n",
	       s->algorithm->name, s->count, s->o.passes, s->o.seed, s->fill_s, s->sort_s,
	       s->verify_s, s->sort.majflt, s->sort.minflt, s->total.majflt, s->total.minflt,
	       s->total.pswpin, s->total.pswpout,
	       s->o.passes * s->count * sizeof(uint32_t) / WL_PAGE, s->unsorted, s->changed);
}

static void parse_options(struct sort_run *s, int argc, char **argv)
{
	s->o = (struct wl_options){.takes = WL_SIZE | WL_PASSES | WL_SEED | WL_CORRUPT,
				   .bytes = 300u * WL_MIB,
				   .passes = 1,
				   .seed = 1};
	wl_getopt(argc, argv, NULL, &s->o, usage);
	s->count = s->o.bytes / sizeof(uint32_t);
	if (optind != argc || !s->count)
		wl_usage('?', usage);
}

int sort_main(const struct sort_algorithm *algorithm, int argc, char **argv)
{
	struct sort_run s = {.algorithm = algorithm};
	struct wl_counters start;

	parse_options(&s, argc, argv);
	s.a = wl_map(s.count * sizeof(*s.a));
	if (algorithm->scratch_bytes) {
		s.scratch_bytes = algorithm->scratch_bytes(s.count);
		s.scratch = wl_map(s.scratch_bytes);
	}
	wl_say("%s: %lu MiB, %lu integers, %lu MiB besides, seed %lu\n", algorithm->name,
	       s.count * sizeof(*s.a) / WL_MIB, s.count, s.scratch_bytes / WL_MIB, s.o.seed);
	wl_counters_read(&start);
	for (uint64_t pass = 0; pass < s.o.passes; pass++)
		one_pass(&s, pass);
	wl_counters_since(&s.total, &start);
	report(&s);
	return s.unsorted || s.changed ? 1 : 0;
}
