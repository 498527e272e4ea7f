// SPDX-License-Identifier: GPL-2.0-only
#include "workload_util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#define OPTIONS_MAX 16 /* of one workload */

bool wl_quiet;
bool wl_progress_on_stderr;

/* Where words for people go, or NULL. */
static FILE *text_out(void)
{
	if (!wl_quiet)
		return stdout;
	return wl_progress_on_stderr ? stderr : NULL;
}

uint64_t wl_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void wl_rng_seed(struct wl_rng *r, uint64_t seed)
{
	/* Neighbouring seeds must not give neighbouring sequences. */
	seed += 0x9e3779b97f4a7c15u;
	seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9u;
	seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebu;
	seed ^= seed >> 31;
	r->state = seed ? seed : 1;
}

uint64_t wl_rng_next(struct wl_rng *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1du;
}

uint64_t wl_majflt(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return (uint64_t)ru.ru_majflt;
}

void wl_counters_read(struct wl_counters *c)
{
	struct rusage ru;
	FILE *f = fopen("/proc/vmstat", "r");
	char line[128];

	memset(c, 0, sizeof(*c));
	getrusage(RUSAGE_SELF, &ru);
	c->majflt = (uint64_t)ru.ru_majflt;
	c->minflt = (uint64_t)ru.ru_minflt;
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "pswpin %lu", &c->pswpin);
		sscanf(line, "pswpout %lu", &c->pswpout);
	}
	fclose(f);
}

void wl_counters_since(struct wl_counters *c, const struct wl_counters *start)
{
	wl_counters_read(c);
	c->majflt -= start->majflt;
	c->minflt -= start->minflt;
	c->pswpin -= start->pswpin;
	c->pswpout -= start->pswpout;
}

void wl_latency_init(struct wl_latency *l, size_t max)
{
	memset(l, 0, sizeof(*l));
	l->max = max;
	l->us = wl_map((max ? max : 1) * sizeof(*l->us));
	/* Best effort: recording a fault should not cause the next one. */
	if (mlock(l->us, max * sizeof(*l->us)))
		memset(l->us, 0, max * sizeof(*l->us));
}

void wl_latency_add(struct wl_latency *l, double us)
{
	if (l->count < l->max)
		l->us[l->count++] = (float)us;
	else
		l->lost++;
}

static int compare_float(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

void wl_latency_summary(struct wl_latency *l, struct wl_summary *s)
{
	double sum = 0;

	memset(s, 0, sizeof(*s));
	if (!l->count)
		return;
	for (size_t i = 0; i < l->count; i++)
		sum += l->us[i];
	qsort(l->us, l->count, sizeof(*l->us), compare_float);
	s->mean = sum / (double)l->count;
	s->p50 = l->us[l->count / 2];
	s->p99 = l->us[l->count - 1 - l->count / 100];
	s->max = l->us[l->count - 1];
}

size_t wl_parse_size(const char *text)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);
	size_t unit = WL_MIB;

	if (end == text || *text == '-')
		return 0;
	if (*end == 'K' || *end == 'k')
		unit = 1024;
	else if (*end == 'G' || *end == 'g')
		unit = 1024u * (size_t)WL_MIB;
	else if (*end && *end != 'M' && *end != 'm')
		return 0;
	if (*end && end[1])
		return 0;
	if (n > SIZE_MAX / 2 / unit)
		return 0;
	return (size_t)n * unit;
}

uint64_t wl_parse_number(const char *text, const char *what)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (end == text || *end || errno || *text == '-') {
		fprintf(stderr, "%s: %s: not a number: %s\n", program_invocation_short_name, what,
			text);
		exit(2);
	}
	return n;
}

void wl_usage(int opt, const char *usage)
{
	fputs(usage, opt == 'h' ? stdout : stderr);
	exit(opt == 'h' ? 0 : 2);
}

/* One of the common options, or what is no option at all. */
static void common_option(int opt, struct wl_options *o, const char *usage)
{
	switch (opt) {
	case 's':
		o->bytes = wl_parse_size(optarg);
		if (!o->bytes)
			wl_usage('?', usage);
		break;
	case 'p':
		o->passes = wl_parse_number(optarg, "--passes");
		if (!o->passes)
			wl_usage('?', usage);
		break;
	case 'r':
		o->seed = wl_parse_number(optarg, "--seed");
		break;
	case 'c':
		o->corrupt = true;
		break;
	case 'P':
		wl_progress_on_stderr = true;
		break;
	case 'j':
		wl_quiet = true;
		break;
	default:
		wl_usage(opt, usage);
	}
}

int wl_getopt(int argc, char **argv, const struct option *own, struct wl_options *o,
	      const char *usage)
{
	static const struct {
		struct option option;
		unsigned int takes;
	} common[] = {
		{{"size", required_argument, NULL, 's'}, WL_SIZE},
		{{"passes", required_argument, NULL, 'p'}, WL_PASSES},
		{{"seed", required_argument, NULL, 'r'}, WL_SEED},
		{{"corrupt", no_argument, NULL, 'c'}, WL_CORRUPT},
		{{"json", no_argument, NULL, 'j'}, 0},
		{{"progress", no_argument, NULL, 'P'}, 0},
		{{"help", no_argument, NULL, 'h'}, 0},
	};
	struct option options[OPTIONS_MAX] = {0};
	size_t n = 0, i;
	int opt;

	for (i = 0; i < sizeof(common) / sizeof(*common); i++)
		if ((common[i].takes & o->takes) == common[i].takes)
			options[n++] = common[i].option;
	for (; own && own->name && n < OPTIONS_MAX - 1; own++)
		options[n++] = *own;
	for (;;) {
		opt = getopt_long(argc, argv, "", options, NULL);
		if (opt == -1 || (opt != '?' && !strchr("sprcjPh", opt)))
			return opt;
		common_option(opt, o, usage);
	}
}

void *wl_map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	madvise(p, bytes, MADV_NOHUGEPAGE);
	return p;
}

void wl_progress(const char *what, uint64_t done, uint64_t total)
{
	static uint64_t last_ns, began_ns;
	static const char *phase;
	uint64_t now = wl_now_ns();
	FILE *out = text_out();

	if (!out)
		return;
	if (phase != what) {
		phase = what;
		began_ns = last_ns = now;
	}
	if (now - last_ns < WL_PROGRESS_MS * 1000000ull)
		return;
	last_ns = now;
	fprintf(out, "  %s: %3lu%% after %lu s, %lu major faults so far\n", what,
		total ? done * 100 / total : 0, (now - began_ns) / 1000000000u, wl_majflt());
	fflush(out);
}

void wl_say(const char *format, ...)
{
	FILE *out = text_out();
	va_list args;

	if (!out)
		return;
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fflush(out);
}
