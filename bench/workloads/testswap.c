// SPDX-License-Identifier: GPL-2.0-only
/*
 * testswap: write an array from its beginning to its end, then read it in the
 * same order and verify every word; what a swap device does in order.
 */
#include <stdio.h>
#include <stdlib.h>

#include "workload_util.h"

#define BAD_SHOWN_MAX 5
#define WORD_STEP     0x9e3779b97f4a7c15u

static const char usage[] =
	"usage: testswap [options]\n"
	"  --size SIZE   of the array, MiB or with K, M, G (default 300M)\n"
	"  --passes N    write and verify that many times, each with other words (default 1)\n"
	"  --seed N      of the words (default 1)\n"
	"  --corrupt     flip a bit before verifying: shows that the check bites\n"
	"  --json        one JSON line, nothing else, on stdout\n"
	"  --progress    with --json: progress on stderr\n"
	"Exit status: 0 every word was right, 1 some were not, 2 could not run.\n";

struct array_run {
	uint64_t *a;
	struct wl_options o;
	uint64_t words;
	uint64_t bad; /* words */
	double write_s, verify_s;
	struct wl_counters total;
};

/* Words step on from one that the pass draws, so another page's or pass's words differ. */
static uint64_t first_word(const struct array_run *r, uint64_t pass)
{
	struct wl_rng rng;

	wl_rng_seed(&rng, r->o.seed + pass);
	return wl_rng_next(&rng);
}

static void write_all(struct array_run *r, uint64_t word)
{
	for (uint64_t i = 0; i < r->words; i++, word += WORD_STEP) {
		r->a[i] = word;
		if (!(i & 0xffff))
			wl_progress("write", i, r->words);
	}
}

static void verify_all(struct array_run *r, uint64_t word)
{
	for (uint64_t i = 0; i < r->words; i++, word += WORD_STEP) {
		if (r->a[i] != word && r->bad++ < BAD_SHOWN_MAX)
			fprintf(stderr, "testswap: word %lu: found %016lx, should be %016lx\n", i,
				r->a[i], word);
		if (!(i & 0xffff))
			wl_progress("verify", i, r->words);
	}
}

static void one_pass(struct array_run *r, uint64_t pass)
{
	uint64_t word = first_word(r, pass), t0 = wl_now_ns(), t1, t2;

	write_all(r, word);
	t1 = wl_now_ns();
	if (r->o.corrupt)
		r->a[r->words / 2] ^= 1;
	verify_all(r, word);
	t2 = wl_now_ns();
	r->write_s += (double)(t1 - t0) / 1e9;
	r->verify_s += (double)(t2 - t1) / 1e9;
	wl_say("pass %lu: write %.2f s, verify %.2f s\n", pass + 1, (double)(t1 - t0) / 1e9,
	       (double)(t2 - t1) / 1e9);
}

static void report(const struct array_run *r)
{
	uint64_t pages = r->words / WL_WORDS * r->o.passes;

	wl_say("all: %lu major faults, %lu pages swapped in, %lu out\n", r->total.majflt,
	       r->total.pswpin, r->total.pswpout);
	wl_say("pages verified: %lu, bad words: %lu\n", pages, r->bad);
	if (!wl_quiet)
		return;
	printf("{\"workload\":\"testswap\",\"passes\":%lu,\"seed\":%lu,\"write_s\":%.3f,"
	       "\"verify_s\":%.3f,\"major_faults\":%lu,\"minor_faults\":%lu,\"pswpin\":%lu,"
	       "\"pswpout\":%lu,\"pages_verified\":%lu,\"bad_words\":%lu}\n",
	       r->o.passes, r->o.seed, r->write_s, r->verify_s, r->total.majflt, r->total.minflt,
	       r->total.pswpin, r->total.pswpout, pages, r->bad);
}

static void parse_options(struct array_run *r, int argc, char **argv)
{
	r->o = (struct wl_options){.takes = WL_SIZE | WL_PASSES | WL_SEED | WL_CORRUPT,
				   .bytes = 300u * WL_MIB,
				   .passes = 1,
				   .seed = 1};
	wl_getopt(argc, argv, NULL, &r->o, usage);
	r->words = r->o.bytes / WL_PAGE * WL_WORDS;
	if (optind != argc || !r->words)
		wl_usage('?', usage);
}

int main(int argc, char **argv)
{
	struct array_run r = {0};
	struct wl_counters start;

	parse_options(&r, argc, argv);
	r.a = wl_map(r.words * sizeof(*r.a));
	wl_say("testswap: %lu MiB, seed %lu\n", r.words * sizeof(*r.a) / WL_MIB, r.o.seed);
	wl_counters_read(&start);
	for (uint64_t pass = 0; pass < r.o.passes; pass++)
		one_pass(&r, pass);
	wl_counters_since(&r.total, &start);
	report(&r);
	return r.bad ? 1 : 0;
}
