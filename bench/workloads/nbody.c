// SPDX-License-Identifier: GPL-2.0-only
/*
 * nbody: gravity among many bodies by the method of Barnes and Hut. Each step
 * builds an octree over all bodies, walks it once for each of them, and moves
 * them.
 *
 * Verified: the tree's mass and centre are those of the bodies; the forces add
 * up to almost nothing, as Newton's third law has it; those of some bodies are
 * computed anew from all others. What is printed as a hash covers every bit of
 * the result: it is the same with the same options on the same processor, however
 * the memory was swapped, and --expect makes another one a failure.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload_util.h"

#define DEPTH_MAX      80 /* of the tree: bodies that need more are in one place */
#define STACK_MAX      (8 * DEPTH_MAX)
#define NODES_PER_BODY 2    /* room for the tree; one has about 0.6 */
#define SOFTENING      1e-6 /* added to squared distances */
#define TIME_STEP      1e-4
#define SAMPLES	       16   /* bodies whose force is computed from all others */
#define FORCE_ERROR    0.05 /* of the samples, relative */
#define BALANCE_ERROR  0.01 /* sum of the forces to sum of their sizes */
#define CENTRE_ERROR   1e-9

static const char usage[] =
	"usage: nbody [options]\n"
	"  --bodies N     (default 400000; about 200 bytes each)\n"
	"  --steps N      (default 1)\n"
	"  --theta X      accuracy, in hundredths: less is more exact (default 80)\n"
	"  --seed N       of where they are (default 1)\n"
	"  --expect HASH  of the result; another one is wrong\n"
	"  --corrupt      flip a bit before the last check: with --expect shows that it bites\n"
	"  --json         one JSON line, nothing else, on stdout\n"
	"  --progress     with --json: progress on stderr\n"
	"Exit status: 0 the result is right, 1 it is wrong, 2 could not run.\n";

struct vec {
	double x, y, z;
};

struct body {
	struct vec at, moves, pull;
	double mass;
};

/** struct node - a cube of space: @child is 0 for nothing, N for a node, -N for a body */
struct node {
	struct vec centre;
	double mass;
	int32_t child[8];
};

struct system {
	struct body *body;
	struct node *node; /* number 1 is the root; 0 is not used */
	int32_t bodies, nodes, nodes_max;
	struct wl_options o;
	uint64_t steps, theta_percent, expected;
	bool expects;
	double size;	/* of the root's cube */
	struct vec low; /* its corner */
	unsigned int wrong;
	double force_error, balance;
	struct wl_rng rng;
};

static double uniform(struct wl_rng *rng)
{
	return (double)(wl_rng_next(rng) >> 11) / 9007199254740992.0;
}

/* In the order of a walk through space, and in clusters: parts of a cube get uneven shares. */
static int32_t place(struct system *s, int32_t first, int32_t count, struct vec low, double size)
{
	double share[8], sum = 0;
	int32_t left = count, n;

	if (count == 1) {
		s->body[first] = (struct body){
			.at = {low.x + size * uniform(&s->rng), low.y + size * uniform(&s->rng),
			       low.z + size * uniform(&s->rng)},
			.mass = (0.5 + uniform(&s->rng)) / s->bodies,
		};
		return first + 1;
	}
	for (int i = 0; i < 8; i++)
		sum += share[i] = 0.2 + uniform(&s->rng);
	for (int i = 0; i < 8; i++) {
		struct vec corner = {low.x + (i & 4 ? size / 2 : 0), low.y + (i & 2 ? size / 2 : 0),
				     low.z + (i & 1 ? size / 2 : 0)};

		n = i == 7 ? left : (int32_t)(count * share[i] / sum + uniform(&s->rng));
		if (n > left)
			n = left;
		left -= n;
		if (n)
			first = place(s, first, n, corner, size / 2);
		wl_progress("place", (uint64_t)first, (uint64_t)s->bodies);
	}
	return first;
}

/* ---- the tree ---- */

static void bounds(struct system *s)
{
	struct vec low = s->body[0].at, high = low;

	for (int32_t i = 1; i < s->bodies; i++) {
		const struct vec *p = &s->body[i].at;

		low.x = fmin(low.x, p->x);
		low.y = fmin(low.y, p->y);
		low.z = fmin(low.z, p->z);
		high.x = fmax(high.x, p->x);
		high.y = fmax(high.y, p->y);
		high.z = fmax(high.z, p->z);
	}
	s->low = low;
	s->size = fmax(high.x - low.x, fmax(high.y - low.y, high.z - low.z)) * (1 + 1e-12);
}

static int octant(struct vec *low, double half, const struct vec *p)
{
	int o = 0;

	if (p->x >= low->x + half) {
		low->x += half;
		o |= 4;
	}
	if (p->y >= low->y + half) {
		low->y += half;
		o |= 2;
	}
	if (p->z >= low->z + half) {
		low->z += half;
		o |= 1;
	}
	return o;
}

static int32_t new_node(struct system *s)
{
	if (s->nodes == s->nodes_max) {
		fprintf(stderr, "nbody: the tree has more than %d nodes\n", s->nodes_max);
		exit(2);
	}
	memset(&s->node[s->nodes], 0, sizeof(*s->node));
	return s->nodes++;
}

static void insert(struct system *s, int32_t b)
{
	struct vec low = s->low;
	double half = s->size / 2;
	int32_t *where, at = 1, inner;

	for (int depth = 0; depth < DEPTH_MAX; depth++, half /= 2) {
		where = &s->node[at].child[octant(&low, half, &s->body[b].at)];
		if (!*where) {
			*where = -(b + 1);
			return;
		}
		if (*where < 0) {
			struct vec corner = low;

			/* Its body goes one deeper, and so do we. */
			inner = new_node(s);
			s->node[inner].child[octant(&corner, half / 2, &s->body[-*where - 1].at)] =
				*where;
			*where = inner;
		}
		at = *where;
	}
	fprintf(stderr, "nbody: two bodies are in one place\n");
	exit(2);
}

static void weigh(struct system *s, int32_t n)
{
	struct node *node = &s->node[n];
	struct vec sum = {0};
	double mass = 0, m;
	struct vec at;

	for (int i = 0; i < 8; i++) {
		int32_t c = node->child[i];

		if (!c)
			continue;
		if (c > 0) {
			weigh(s, c);
			m = s->node[c].mass;
			at = s->node[c].centre;
		} else {
			m = s->body[-c - 1].mass;
			at = s->body[-c - 1].at;
		}
		sum.x += at.x * m;
		sum.y += at.y * m;
		sum.z += at.z * m;
		mass += m;
	}
	node->mass = mass;
	node->centre = (struct vec){sum.x / mass, sum.y / mass, sum.z / mass};
}

static void build(struct system *s)
{
	bounds(s);
	s->nodes = 1;
	new_node(s);
	for (int32_t b = 0; b < s->bodies; b++) {
		insert(s, b);
		wl_progress("tree", (uint64_t)b, (uint64_t)s->bodies);
	}
	weigh(s, 1);
}

/* ---- forces ---- */

static void add_pull(struct vec *pull, const struct vec *at, const struct vec *from, double mass)
{
	double x = from->x - at->x, y = from->y - at->y, z = from->z - at->z;
	double d2 = x * x + y * y + z * z + SOFTENING;
	double f = mass / (d2 * sqrt(d2));

	pull->x += f * x;
	pull->y += f * y;
	pull->z += f * z;
}

static struct vec pull_on(const struct system *s, int32_t b)
{
	struct {
		int32_t node;
		double size;
	} stack[STACK_MAX];
	const struct vec *at = &s->body[b].at;
	double theta = (double)s->theta_percent / 100;
	struct vec pull = {0};
	int depth = 0;

	stack[depth].node = 1;
	stack[depth++].size = s->size;
	while (depth) {
		const struct node *n = &s->node[stack[--depth].node];
		double size = stack[depth].size;
		double x = n->centre.x - at->x, y = n->centre.y - at->y, z = n->centre.z - at->z;

		if (size * size < theta * theta * (x * x + y * y + z * z)) {
			add_pull(&pull, at, &n->centre, n->mass);
			continue;
		}
		for (int i = 0; i < 8; i++) {
			int32_t c = n->child[i];

			if (c < 0 && -c - 1 != b) {
				add_pull(&pull, at, &s->body[-c - 1].at, s->body[-c - 1].mass);
			} else if (c > 0) {
				stack[depth].node = c;
				stack[depth++].size = size / 2;
			}
		}
	}
	return pull;
}

static void step(struct system *s)
{
	build(s);
	for (int32_t b = 0; b < s->bodies; b++) {
		s->body[b].pull = pull_on(s, b);
		wl_progress("forces", (uint64_t)b, (uint64_t)s->bodies);
	}
}

static void move(struct system *s)
{
	for (int32_t b = 0; b < s->bodies; b++) {
		struct body *p = &s->body[b];

		p->moves.x += p->pull.x * TIME_STEP;
		p->moves.y += p->pull.y * TIME_STEP;
		p->moves.z += p->pull.z * TIME_STEP;
		p->at.x += p->moves.x * TIME_STEP;
		p->at.y += p->moves.y * TIME_STEP;
		p->at.z += p->moves.z * TIME_STEP;
	}
}

/* ---- is it right? ---- */

static void wrong(struct system *s, const char *what, double value, double limit)
{
	s->wrong++;
	fprintf(stderr, "nbody: %s: %g, at most %g would be right\n", what, value, limit);
}

static double length(const struct vec *v)
{
	return sqrt(v->x * v->x + v->y * v->y + v->z * v->z);
}

/* What the bodies say of the tree's root, and their forces of each other. */
static void check_sums(struct system *s)
{
	struct vec centre = {0}, force = {0}, off;
	double mass = 0, sizes = 0;

	for (int32_t b = 0; b < s->bodies; b++) {
		const struct body *p = &s->body[b];

		mass += p->mass;
		centre.x += p->mass * p->at.x;
		centre.y += p->mass * p->at.y;
		centre.z += p->mass * p->at.z;
		force.x += p->mass * p->pull.x;
		force.y += p->mass * p->pull.y;
		force.z += p->mass * p->pull.z;
		sizes += p->mass * length(&p->pull);
	}
	off = (struct vec){centre.x / mass - s->node[1].centre.x,
			   centre.y / mass - s->node[1].centre.y,
			   centre.z / mass - s->node[1].centre.z};
	if (!(length(&off) <= CENTRE_ERROR))
		wrong(s, "distance of the tree's centre from the bodies'", length(&off),
		      CENTRE_ERROR);
	if (!(fabs(mass - s->node[1].mass) <= CENTRE_ERROR))
		wrong(s, "mass that is not in the tree", fabs(mass - s->node[1].mass),
		      CENTRE_ERROR);
	s->balance = length(&force) / sizes;
	if (!(s->balance <= BALANCE_ERROR))
		wrong(s, "sum of all forces", s->balance, BALANCE_ERROR);
}

/* Of all samples together: one that is pulled to all sides alike has next to no force. */
static void check_samples(struct system *s)
{
	double off = 0, all = 0;

	for (int i = 0; i < SAMPLES; i++) {
		int32_t b = (int32_t)(wl_rng_next(&s->rng) % (uint64_t)s->bodies);
		struct vec pull = {0}, d;

		for (int32_t other = 0; other < s->bodies; other++) {
			if (other != b)
				add_pull(&pull, &s->body[b].at, &s->body[other].at,
					 s->body[other].mass);
		}
		d = (struct vec){pull.x - s->body[b].pull.x, pull.y - s->body[b].pull.y,
				 pull.z - s->body[b].pull.z};
		off += d.x * d.x + d.y * d.y + d.z * d.z;
		all += pull.x * pull.x + pull.y * pull.y + pull.z * pull.z;
		wl_progress("check", (uint64_t)i, SAMPLES);
	}
	s->force_error = sqrt(off / all);
	if (!(s->force_error <= FORCE_ERROR))
		wrong(s, "error of the forces", s->force_error, FORCE_ERROR);
}

static uint64_t hash(const struct system *s)
{
	const uint64_t *word = (const uint64_t *)s->body;
	uint64_t h = 0, words = (uint64_t)s->bodies * sizeof(*s->body) / sizeof(*word);

	for (uint64_t i = 0; i < words; i++) {
		h = (h ^ word[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return h;
}

static void parse_options(struct system *s, int argc, char **argv)
{
	static const struct option options[] = {
		{"bodies", required_argument, NULL, 'b'},
		{"steps", required_argument, NULL, 'n'},
		{"theta", required_argument, NULL, 't'},
		{"expect", required_argument, NULL, 'e'},
		{0},
	};
	uint64_t bodies = 400000;
	int opt;

	s->o = (struct wl_options){.takes = WL_SEED | WL_CORRUPT, .seed = 1};
	s->steps = 1;
	s->theta_percent = 80;
	while ((opt = wl_getopt(argc, argv, options, &s->o, usage)) != -1) {
		switch (opt) {
		case 'b':
			bodies = wl_parse_number(optarg, "--bodies");
			break;
		case 'n':
			s->steps = wl_parse_number(optarg, "--steps");
			break;
		case 't':
			s->theta_percent = wl_parse_number(optarg, "--theta");
			break;
		case 'e':
			s->expected = wl_parse_number(optarg, "--expect");
			s->expects = true;
			break;
		}
	}
	if (optind != argc || bodies < 2 || bodies > INT32_MAX / (2 * NODES_PER_BODY) ||
	    !s->steps || s->theta_percent > 100)
		wl_usage('?', usage);
	s->bodies = (int32_t)bodies;
	s->nodes_max = s->bodies * NODES_PER_BODY + 2;
}

static void report(const struct system *s, uint64_t result, double took,
		   const struct wl_counters *total)
{
	wl_say("%.2f s, %lu major faults, %lu pages swapped in, %lu out\n", took, total->majflt,
	       total->pswpin, total->pswpout);
	wl_say("error of forces %.4f, their sum %.6f; hash 0x%016" PRIx64 ", wrong: %u\n",
	       s->force_error, s->balance, result, s->wrong);
	if (!wl_quiet)
		return;
	printf("{\"workload\":\"nbody\",\"bodies\":%d,\"steps\":%lu,\"seed\":%lu,\"nodes\":%d,"
	       "\"total_s\":%.3f,\"major_faults\":%lu,\"minor_faults\":%lu,\"pswpin\":%lu,"
	       "\"pswpout\":%lu,\"force_error\":%.5f,\"force_sum\":%.7f,"
	       "\"hash\":\"0x%016" PRIx64 "\",\"wrong\":%u}\n",
	       s->bodies, s->steps, s->o.seed, s->nodes, took, total->majflt, total->minflt,
	       total->pswpin, total->pswpout, s->force_error, s->balance, result, s->wrong);
}

int main(int argc, char **argv)
{
	struct system s = {0};
	struct wl_counters start, total;
	uint64_t began, result;
	double took;

	parse_options(&s, argc, argv);
	wl_rng_seed(&s.rng, s.o.seed);
	s.body = wl_map((size_t)s.bodies * sizeof(*s.body));
	s.node = wl_map((size_t)s.nodes_max * sizeof(*s.node));
	wl_say("nbody: %d bodies, %lu steps, seed %lu\n", s.bodies, s.steps, s.o.seed);
	wl_counters_read(&start);
	began = wl_now_ns();
	place(&s, 0, s.bodies, (struct vec){0}, 1);
	for (uint64_t i = 0; i < s.steps; i++) {
		if (i)
			move(&s);
		step(&s);
	}
	check_sums(&s);
	check_samples(&s);
	if (s.o.corrupt)
		((uint64_t *)s.body)[s.bodies / 2] ^= 1;
	result = hash(&s);
	if (s.expects && result != s.expected) {
		s.wrong++;
		fprintf(stderr, "nbody: hash 0x%016" PRIx64 ", expected 0x%016" PRIx64 "\n", result,
			s.expected);
	}
	took = (double)(wl_now_ns() - began) / 1e9;
	wl_counters_since(&total, &start);
	report(&s, result, took, &total);
	return s.wrong ? 1 : 0;
}
