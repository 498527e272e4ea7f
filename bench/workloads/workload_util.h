/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the workloads share: time, the kernel's fault and swap counters, a
 * random generator, latency figures, progress lines and sizes.
 */
#ifndef ANEMONE_WORKLOAD_UTIL_H
#define ANEMONE_WORKLOAD_UTIL_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WL_PAGE	       4096u /* bytes */
#define WL_WORDS       (WL_PAGE / sizeof(uint64_t))
#define WL_MIB	       (1024u * 1024u)
#define WL_PROGRESS_MS 2000 /* between progress lines */

/** wl_now_ns - monotonic time in nanoseconds */
uint64_t wl_now_ns(void);

/** struct wl_rng - xorshift64*; never zero */
struct wl_rng {
	uint64_t state;
};

void wl_rng_seed(struct wl_rng *r, uint64_t seed);
uint64_t wl_rng_next(struct wl_rng *r);

/**
 * struct wl_counters - of the process and the machine at one moment
 * @majflt, @minflt: page faults of this process, with and without I/O
 * @pswpin, @pswpout: pages the machine swapped in and out
 */
struct wl_counters {
	uint64_t majflt, minflt;
	uint64_t pswpin, pswpout;
};

void wl_counters_read(struct wl_counters *c);
void wl_counters_since(struct wl_counters *c, const struct wl_counters *start);

/** wl_majflt - major faults of this process so far; one system call */
uint64_t wl_majflt(void);

/**
 * struct wl_latency - samples in microseconds
 * @us: in a buffer of its own, locked in memory where the limit allows
 * @count: samples taken; those beyond @max are counted in @lost
 */
struct wl_latency {
	float *us;
	size_t count, max, lost;
};

/** struct wl_summary - figures of a struct wl_latency, microseconds */
struct wl_summary {
	double mean, p50, p99, max;
};

/** wl_latency_init - take room for @max samples; exits on failure */
void wl_latency_init(struct wl_latency *l, size_t max);
void wl_latency_add(struct wl_latency *l, double us);
/** wl_latency_summary - sorts the samples */
void wl_latency_summary(struct wl_latency *l, struct wl_summary *s);

/**
 * wl_parse_size - "300", "300M", "2G": plain numbers are MiB
 * Returns bytes, 0 when it is no size.
 */
size_t wl_parse_size(const char *text);

/** wl_parse_number - the value of option @what; exits with 2 when it is no number */
uint64_t wl_parse_number(const char *text, const char *what);

/* Options that several workloads have; --json, --progress and --help all do. */
enum wl_takes {
	WL_SIZE = 1,
	WL_PASSES = 2,
	WL_SEED = 4,
	WL_CORRUPT = 8,
};

/**
 * struct wl_options - the common options of a workload
 * @takes: enum wl_takes: those that it has
 * @bytes, @passes, @seed: their values, the defaults before; 0 bytes or passes cannot be asked for
 * @corrupt: --corrupt was given
 */
struct wl_options {
	unsigned int takes;
	size_t bytes;
	uint64_t passes, seed;
	bool corrupt;
};

/**
 * wl_getopt - getopt_long() for a workload's own options, with the common ones taken care of
 * @own: its own options; their letters are none of jPhsprc
 * Returns the next of its own, -1 behind the last one. Does not return from --help or misuse.
 */
int wl_getopt(int argc, char **argv, const struct option *own, struct wl_options *o,
	      const char *usage);

/** wl_usage - say it and exit: because it was asked for if @opt is 'h', else because of misuse */
void wl_usage(int opt, const char *usage) __attribute__((noreturn));

/** wl_map - anonymous memory in 4 KiB pages, no huge pages; exits on failure */
void *wl_map(size_t bytes);

/**
 * wl_progress - a line now and then
 * @what: the phase
 * @done, @total: units of work
 * Prints at most every WL_PROGRESS_MS on stdout, nothing when quiet.
 */
void wl_progress(const char *what, uint64_t done, uint64_t total);

/** wl_quiet - no progress and no human lines (only JSON is wanted) */
extern bool wl_quiet;
/* ... but for progress and words, which then go to stderr. */
extern bool wl_progress_on_stderr;

/** wl_say - a human line on stdout, unless quiet */
void wl_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
