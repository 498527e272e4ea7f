// SPDX-License-Identifier: GPL-2.0-only
/*
 * cache-replay: what the engine's page cache would have had of the pages that a client read,
 * with several policies and budgets. The table and S3-FIFO are the engine's own code, and so is
 * what reads ahead; time does not pass: a page that is asked for is there at once.
 */
#include <getopt.h>

#include "replay.h"

#define TRACE_PAGES_MAX (1u << 28)
#define BUDGETS_MAX	16

static const char usage[] =
	"usage: cache-replay [options] TRACE...\n"
	"  --budgets PERCENT,...  of the pages that the trace touches (default 5,10,25,50)\n"
	"  --ahead                and once more with readahead\n"
	"A trace has lines \"R PAGE COUNT\" and \"W PAGE COUNT\"; .gz is understood. Prints a line "
	"of JSON\n"
	"for each trace, budget and way to choose.\n";

struct options {
	u32 budget[BUDGETS_MAX];
	u32 nbudgets;
	bool ahead;
};

static bool trace_add(struct trace *t, size_t *room, struct trace_op op)
{
	void *more;

	if (t->nops == *room) {
		*room = *room ? 2 * *room : 1024;
		more = realloc(t->op, *room * sizeof(*t->op));
		if (!more)
			return false;
		t->op = more;
	}
	t->op[t->nops++] = op;
	t->npages = max(t->npages, op.first + op.n);
	t->accesses += op.n;
	return true;
}

static bool trace_parse(struct trace *t, FILE *f)
{
	size_t room = 0;
	u32 first, n;
	char kind;
	int got;

	while ((got = fscanf(f, " %c %u %u", &kind, &first, &n)) == 3) {
		struct trace_op op = {.first = first, .n = n, .write = kind == 'W'};

		if ((kind != 'R' && kind != 'W') || !n || n > TRACE_PAGES_MAX ||
		    first > TRACE_PAGES_MAX - n || !trace_add(t, &room, op))
			return false;
	}
	return got == EOF && t->nops && t->accesses < NEVER;
}

static bool trace_count(struct trace *t)
{
	u8 *seen = calloc(t->npages, 1);
	size_t i;
	u32 no;

	for (i = 0; seen && i < t->nops; i++) {
		for (no = t->op[i].first; no < t->op[i].first + t->op[i].n; no++) {
			t->distinct += !seen[no];
			seen[no] = 1;
		}
	}
	free(seen);
	return seen;
}

/* A child: no shell looks at the name. */
static bool trace_read(const char *name, struct trace *t)
{
	size_t len = strlen(name);
	char line[4096];
	FILE *f;
	bool ok;

	memset(t, 0, sizeof(*t));
	if (len > 3 && !strcmp(name + len - 3, ".gz")) {
		if (strchr(name, '\'') ||
		    snprintf(line, sizeof(line), "gzip -dc '%s'", name) >= (int)sizeof(line))
			return false;
		f = popen(line, "r");
		ok = f && trace_parse(t, f);
		return f && !pclose(f) && ok && trace_count(t);
	}
	f = fopen(name, "r");
	ok = f && trace_parse(t, f) && trace_count(t);
	if (f)
		fclose(f);
	return ok;
}

static const char *const way_name[WAYS] = {
	[WAY_KEEP] = "keep",
	[WAY_LEAVE] = "leave",
	[WAY_SPEND] = "spend",
};

static void report(const char *name, const struct trace *t, u32 percent, const struct replay *r)
{
	printf("{\"trace\":\"%s\",\"pages\":%u,\"budget_percent\":%u,\"budget_pages\":%u,"
	       "\"policy\":\"%s\",\"way\":\"%s\",\"ahead\":%s,\"reads\":%llu,\"hits\":%llu,"
	       "\"requests\":%llu,\"whole\":%llu,\"issued\":%llu,\"used\":%llu,\"wasted\":%llu}\n",
	       name, t->distinct, percent, r->budget, r->policy ? r->policy->name : "best",
	       way_name[r->way], r->ahead ? "true" : "false", r->reads, r->hits, r->nreads,
	       r->whole, r->issued, r->used, r->wasted);
}

static bool one(const char *name, const struct trace *t, u32 percent, struct replay r)
{
	r.budget = max_t(u32, (u32)((u64)t->distinct * percent / 100), 1);
	if (!(r.policy ? replay_run : best_run)(t, &r))
		return false;
	report(name, t, percent, &r);
	return true;
}

/* Every way to choose, with one budget. */
static bool ways(const char *name, const struct trace *t, u32 percent, bool with_ahead)
{
	static const struct pcache_policy *const policies[] = {
		&policy_fifo,
		&policy_lru,
		&policy_clock,
		&pcache_s3fifo,
	};
	u32 p, way, ahead;

	for (p = 0; p < ARRAY_SIZE(policies); p++) {
		for (way = 0; way < WAYS; way++) {
			for (ahead = 0; ahead <= with_ahead; ahead++) {
				struct replay r = {.policy = policies[p]};

				r.way = way;
				r.ahead = ahead;
				if (!one(name, t, percent, r))
					return false;
			}
		}
	}
	return one(name, t, percent, (struct replay){0});
}

static bool all(const char *name, const struct trace *t, const struct options *o)
{
	u32 i;

	for (i = 0; i < o->nbudgets; i++)
		if (!ways(name, t, o->budget[i], o->ahead))
			return false;
	return true;
}

static bool budgets(struct options *o, char *text)
{
	char *word, *end;

	o->nbudgets = 0;
	for (word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		unsigned long percent = strtoul(word, &end, 10);

		if (*end || !percent || percent > 100 || o->nbudgets == BUDGETS_MAX)
			return false;
		o->budget[o->nbudgets++] = (u32)percent;
	}
	return o->nbudgets;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"budgets", required_argument, NULL, 'b'},
		{"ahead", no_argument, NULL, 'a'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options o = {.budget = {5, 10, 25, 50}, .nbudgets = 4};
	struct trace t;
	bool ok = true;
	int opt;

	while (ok && (opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'a') {
			o.ahead = true;
		} else if (opt == 'h') {
			fputs(usage, stdout);
			return 0;
		} else {
			ok = opt == 'b' && budgets(&o, optarg);
		}
	}
	if (!ok || optind == argc) {
		fputs(usage, stderr);
		return 2;
	}
	for (; optind < argc; optind++) {
		ok = trace_read(argv[optind], &t);
		if (!ok)
			fprintf(stderr, "cache-replay: %s: not a trace\n", argv[optind]);
		ok = ok && all(argv[optind], &t, &o);
		free(t.op);
		if (!ok)
			return 1;
	}
	return 0;
}
