// SPDX-License-Identifier: GPL-2.0-only
/*
 * blockread: latency of single random reads of 4 KiB from a file or a block
 * device, past the page cache; every word of every page is verified. Before it
 * the pages have to be written, with --fill.
 *
 * The first page is left alone: it may be the header of a swap file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workload_util.h"

#define CHUNK	  32u /* pages written at once */
#define WORD_STEP 0x9e3779b97f4a7c15u

static const char usage[] =
	"usage: blockread [options] FILE\n"
	"  --size SIZE   of the part to use, MiB or with K, M, G (default 16M)\n"
	"  --fill        write its pages, read nothing\n"
	"  --trials N    (default 25)\n"
	"  --reads N     in each (default 100)\n"
	"  --seed N      of the pages' order (default 1)\n"
	"  --json        one JSON line, nothing else, on stdout\n"
	"Exit status: 0 all was right, 1 a page was wrong, 2 could not run.\n";

struct reading {
	const char *path;
	int fd;
	uint64_t *buf;
	struct wl_options o;
	uint64_t pages, trials, reads;
	bool fill;
	uint64_t bad;
	double mean, least, most; /* of the trials' means, microseconds */
	struct wl_latency latency;
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint64_t first_word(uint64_t page)
{
	struct wl_rng rng;

	wl_rng_seed(&rng, page);
	return wl_rng_next(&rng);
}

static void fill(struct reading *r)
{
	for (uint64_t page = 1; page < r->pages; page += CHUNK) {
		uint64_t n = r->pages - page < CHUNK ? r->pages - page : CHUNK;

		for (uint64_t i = 0; i < n; i++) {
			uint64_t word = first_word(page + i);

			for (size_t w = 0; w < WL_WORDS; w++, word += WORD_STEP)
				r->buf[i * WL_WORDS + w] = word;
		}
		if (pwrite(r->fd, r->buf, n * WL_PAGE, (off_t)(page * WL_PAGE)) !=
		    (ssize_t)(n * WL_PAGE))
			die(r->path);
	}
	if (fsync(r->fd))
		die(r->path);
}

static double read_one(struct reading *r, uint64_t page)
{
	uint64_t word = first_word(page), began = wl_now_ns(), took;

	if (pread(r->fd, r->buf, WL_PAGE, (off_t)(page * WL_PAGE)) != WL_PAGE)
		die(r->path);
	took = wl_now_ns() - began;
	for (size_t w = 0; w < WL_WORDS; w++, word += WORD_STEP) {
		if (r->buf[w] == word)
			continue;
		r->bad++;
		fprintf(stderr, "blockread: page %lu word %zu: found %016lx, should be %016lx\n",
			page, w, r->buf[w], word);
		break;
	}
	return (double)took / 1e3;
}

static void all_trials(struct reading *r)
{
	struct wl_rng rng;

	wl_rng_seed(&rng, r->o.seed);
	for (uint64_t t = 0; t < r->trials; t++) {
		double sum = 0, us;

		for (uint64_t i = 0; i < r->reads; i++) {
			us = read_one(r, 1 + wl_rng_next(&rng) % (r->pages - 1));
			wl_latency_add(&r->latency, us);
			sum += us;
		}
		sum /= (double)r->reads;
		r->mean += sum / (double)r->trials;
		if (!t || sum < r->least)
			r->least = sum;
		if (!t || sum > r->most)
			r->most = sum;
	}
}

static void parse_options(struct reading *r, int argc, char **argv)
{
	static const struct option options[] = {
		{"fill", no_argument, NULL, 'f'},
		{"trials", required_argument, NULL, 't'},
		{"reads", required_argument, NULL, 'n'},
		{0},
	};
	int opt;

	r->trials = 25;
	r->reads = 100;
	r->o = (struct wl_options){.takes = WL_SIZE | WL_SEED, .bytes = 16u * WL_MIB, .seed = 1};
	while ((opt = wl_getopt(argc, argv, options, &r->o, usage)) != -1) {
		switch (opt) {
		case 'f':
			r->fill = true;
			break;
		case 't':
			r->trials = wl_parse_number(optarg, "--trials");
			break;
		case 'n':
			r->reads = wl_parse_number(optarg, "--reads");
			break;
		}
	}
	r->pages = r->o.bytes / WL_PAGE;
	if (optind + 1 != argc || r->pages < 2 || !r->trials || !r->reads)
		wl_usage('?', usage);
	r->path = argv[optind];
}

static void report(struct reading *r)
{
	struct wl_summary s;

	wl_latency_summary(&r->latency, &s);
	wl_say("%lu trials of %lu reads: mean %.1f us, of a trial %.1f to %.1f; "
	       "p50 %.1f, p99 %.1f; bad pages: %lu\n",
	       r->trials, r->reads, r->mean, r->least, r->most, s.p50, s.p99, r->bad);
	if (wl_quiet)
		printf("{\"workload\":\"blockread\",\"trials\":%lu,\"reads\":%lu,\"seed\":%lu,"
		       "\"mean_us\":%.2f,\"least_us\":%.2f,\"most_us\":%.2f,\"p50_us\":%.2f,"
		       "\"p99_us\":%.2f,\"bad_pages\":%lu}\n",
		       r->trials, r->reads, r->o.seed, r->mean, r->least, r->most, s.p50, s.p99,
		       r->bad);
}

int main(int argc, char **argv)
{
	struct reading r = {0};

	parse_options(&r, argc, argv);
	r.fd = open(r.path, (r.fill ? O_RDWR : O_RDONLY) | O_DIRECT);
	if (r.fd < 0)
		die(r.path);
	r.buf = wl_map((size_t)CHUNK * WL_PAGE);
	if (r.fill) {
		fill(&r);
		return 0;
	}
	wl_latency_init(&r.latency, r.trials * r.reads);
	all_trials(&r);
	report(&r);
	return r.bad ? 1 : 0;
}
