// SPDX-License-Identifier: GPL-2.0-only
/*
 * thrash: touch more anonymous memory than there is RAM, at random, and verify
 * every word of every page touched.  Three phases: fill all pages; touch pages
 * at random, verify each and rewrite some; verify all pages in order, once or
 * more often.
 *
 * A page's content follows from the seed, its number and its generation, so
 * that another page's bytes and an older version of its own bytes show alike.
 * The latency of a major fault is the time of the first load of a page when
 * the process's count of major faults grew over that load.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "workload_util.h"

#define BAD_SHOWN_MAX 5 /* bad pages described one by one */
#define WORD_STEP     0x9e3779b97f4a7c15u

static const char usage[] =
	"usage: thrash [options]\n"
	"  --size SIZE      memory to touch, MiB or with K, M, G (default 150M)\n"
	"  --touches N      random touches (default 20000)\n"
	"  --writes PERCENT of the touches that rewrite the page (default 50)\n"
	"  --passes N       verify all pages so often at the end (default 1)\n"
	"  --seed N         of the order and the content (default 1)\n"
	"  --corrupt N      flip a bit in N pages before the last phase: shows that the check "
	"bites\n"
	"  --json           one JSON line, nothing else, on stdout\n"
	"  --progress       with --json: progress on stderr\n"
	"Exit status: 0 every page was right, 1 some were bad, 2 could not run.\n";

/**
 * struct thrash - one run
 * @mem: the pages; @pages of them
 * @generation: of each page, what was last written to it
 * @verified: pages compared word by word; @bad of them were wrong
 * @random_s, @verify_s, @total_s: seconds
 * @page_ns: when work on a page began; @standstill_ns: the longest that it took, in any phase
 * @random, @total: counters of the random phase and of all
 */
struct thrash {
	uint64_t *mem;
	uint32_t *generation;
	struct wl_options o;
	uint64_t pages, touches, corrupt;
	unsigned int writes_percent;
	uint64_t verified, bad;
	double random_s, verify_s, total_s;
	uint64_t page_ns, standstill_ns;
	struct wl_counters random, total;
	struct wl_latency latency;
	struct wl_rng rng;
};

static uint64_t *page_of(struct thrash *t, uint64_t page)
{
	return t->mem + page * WL_WORDS;
}

/* The first word of a page; the others follow by WORD_STEP. */
static uint64_t pattern(const struct thrash *t, uint64_t page)
{
	struct wl_rng r;

	wl_rng_seed(&r, t->o.seed ^ page << 32 ^ t->generation[page]);
	return wl_rng_next(&r);
}

static void fill(struct thrash *t, uint64_t page)
{
	uint64_t *p = page_of(t, page), word = pattern(t, page);

	for (size_t i = 0; i < WL_WORDS; i++, word += WORD_STEP)
		p[i] = word;
}

static void verify(struct thrash *t, uint64_t page)
{
	const uint64_t *p = page_of(t, page);
	uint64_t word = pattern(t, page);

	t->verified++;
	for (size_t i = 0; i < WL_WORDS; i++, word += WORD_STEP) {
		if (p[i] == word)
			continue;
		if (t->bad++ < BAD_SHOWN_MAX)
			fprintf(stderr,
				"thrash: page %lu generation %u word %zu: found %016lx, "
				"should be %016lx\n",
				page, t->generation[page], i, p[i], word);
		return;
	}
}

/* A page is done. */
static void page_done(struct thrash *t)
{
	uint64_t now = wl_now_ns();

	if (t->page_ns && now - t->page_ns > t->standstill_ns)
		t->standstill_ns = now - t->page_ns;
	t->page_ns = now;
}

static void fill_phase(struct thrash *t)
{
	uint64_t began = wl_now_ns();

	for (uint64_t i = 0; i < t->pages; i++) {
		fill(t, i);
		page_done(t);
		wl_progress("fill", i, t->pages);
	}
	wl_say("fill:   %lu pages in %.2f s\n", t->pages, (double)(wl_now_ns() - began) / 1e9);
}

static void touch(struct thrash *t, uint64_t page)
{
	volatile const uint64_t *first = page_of(t, page);
	uint64_t faults = wl_majflt();
	uint64_t began = wl_now_ns();
	uint64_t took;

	(void)*first;
	took = wl_now_ns() - began;
	if (wl_majflt() != faults)
		wl_latency_add(&t->latency, (double)took / 1e3);
}

static void random_phase(struct thrash *t)
{
	struct wl_counters start;
	uint64_t began = wl_now_ns();

	wl_counters_read(&start);
	for (uint64_t i = 0; i < t->touches; i++) {
		uint64_t page = wl_rng_next(&t->rng) % t->pages;

		touch(t, page);
		verify(t, page);
		if (wl_rng_next(&t->rng) % 100 < t->writes_percent) {
			t->generation[page]++;
			fill(t, page);
		}
		page_done(t);
		wl_progress("random", i, t->touches);
	}
	t->random_s = (double)(wl_now_ns() - began) / 1e9;
	wl_counters_since(&t->random, &start);
	wl_say("random: %lu touches in %.2f s, %lu major faults, %lu pages in, %lu out\n",
	       t->touches, t->random_s, t->random.majflt, t->random.pswpin, t->random.pswpout);
}

static void verify_phase(struct thrash *t)
{
	uint64_t began = wl_now_ns();
	double took;

	for (uint64_t i = 0; i < t->pages; i++) {
		verify(t, i);
		page_done(t);
		wl_progress("verify", i, t->pages);
	}
	took = (double)(wl_now_ns() - began) / 1e9;
	t->verify_s += took;
	wl_say("verify: %lu pages in %.2f s\n", t->pages, took);
}

static void corrupt(struct thrash *t)
{
	uint64_t step = t->pages / (t->corrupt ? t->corrupt : 1);

	for (uint64_t i = 0; i < t->corrupt; i++) {
		uint64_t bit = wl_rng_next(&t->rng) % (WL_PAGE * 8);

		page_of(t, i * step)[bit / 64] ^= 1ull << bit % 64;
	}
}

static void report(struct thrash *t, bool json)
{
	struct wl_summary s;

	wl_latency_summary(&t->latency, &s);
	wl_say("random major faults: %zu, latency us: mean %.0f, p50 %.0f, p99 %.0f, max %.0f\n",
	       t->latency.count, s.mean, s.p50, s.p99, s.max);
	wl_say("all: %.2f s, %lu major faults, %lu pages swapped in, %lu out\n", t->total_s,
	       t->total.majflt, t->total.pswpin, t->total.pswpout);
	wl_say("longest standstill: %.3f s\n", (double)t->standstill_ns / 1e9);
	wl_say("pages verified: %lu, bad pages: %lu\n", t->verified, t->bad);
	if (json)
		printf("{\"workload\":\"thrash\",\"pages\":%lu,\"touches\":%lu,\"seed\":%lu,"
		       "\"random_s\":%.3f,\"verify_s\":%.3f,\"total_s\":%.3f,"
		       "\"random_major_faults\":%zu,\"fault_us_mean\":%.1f,\"fault_us_p50\":%.1f,"
		       "\"fault_us_p99\":%.1f,"
		       "\"fault_us_max\":%.1f,\"standstill_s\":%.3f,"
		       "\"major_faults\":%lu,\"minor_faults\":%lu,"
		       "\"pswpin\":%lu,\"pswpout\":%lu,\"pages_verified\":%lu,\"bad_pages\":%lu}\n",
		       t->pages, t->touches, t->o.seed, t->random_s, t->verify_s, t->total_s,
		       t->latency.count, s.mean, s.p50, s.p99, s.max,
		       (double)t->standstill_ns / 1e9, t->total.majflt, t->total.minflt,
		       t->total.pswpin, t->total.pswpout, t->verified, t->bad);
}

static void parse_options(struct thrash *t, int argc, char **argv)
{
	static const struct option options[] = {
		{"touches", required_argument, NULL, 't'},
		{"writes", required_argument, NULL, 'w'},
		{"corrupt", required_argument, NULL, 'b'},
		{0},
	};
	int opt;

	t->touches = 20000;
	t->writes_percent = 50;
	t->o = (struct wl_options){.takes = WL_SIZE | WL_PASSES | WL_SEED,
				   .bytes = 150u * WL_MIB,
				   .passes = 1,
				   .seed = 1};
	while ((opt = wl_getopt(argc, argv, options, &t->o, usage)) != -1) {
		switch (opt) {
		case 't':
			t->touches = wl_parse_number(optarg, "--touches");
			break;
		case 'w':
			t->writes_percent = (unsigned int)wl_parse_number(optarg, "--writes");
			break;
		case 'b':
			t->corrupt = wl_parse_number(optarg, "--corrupt");
			break;
		}
	}
	t->pages = t->o.bytes / WL_PAGE;
	if (optind != argc || !t->pages || t->corrupt > t->pages || t->writes_percent > 100)
		wl_usage('?', usage);
}

int main(int argc, char **argv)
{
	struct thrash t = {0};
	struct wl_counters start;
	uint64_t began;

	parse_options(&t, argc, argv);
	t.mem = wl_map(t.pages * WL_PAGE);
	t.generation = wl_map(t.pages * sizeof(*t.generation));
	/* Best effort: the program's own book-keeping should not be swapped. */
	mlock(t.generation, t.pages * sizeof(*t.generation));
	wl_latency_init(&t.latency, t.touches);
	wl_rng_seed(&t.rng, t.o.seed);

	wl_say("thrash: %lu MiB, %lu random touches, %u%% of them write, seed %lu\n",
	       t.pages * WL_PAGE / WL_MIB, t.touches, t.writes_percent, t.o.seed);
	wl_counters_read(&start);
	began = wl_now_ns();
	fill_phase(&t);
	random_phase(&t);
	corrupt(&t);
	for (uint64_t i = 0; i < t.o.passes; i++)
		verify_phase(&t);
	t.total_s = (double)(wl_now_ns() - began) / 1e9;
	wl_counters_since(&t.total, &start);
	report(&t, wl_quiet);
	return t.bad ? 1 : 0;
}
