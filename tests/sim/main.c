// SPDX-License-Identifier: GPL-2.0-only
/*
 * sim [--seeds N] [--seed S] [--jobs J] [--seconds T] [--stop] [--twice] [--trace]
 *
 * Seeds are shared among worker processes. A worker ends at its first broken promise, or
 * crashes; the parent says which seed it was and starts another for the rest.
 */
#include "sim.h"

#include <getopt.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SIM_COMMIT
#define SIM_COMMIT "unknown"
#endif
#define JOBS_MAX   64
#define SEED_CPU_S 120 /* processor time of one seed; more is a loop without end */

struct sim *sim_current;

struct totals {
	u64 seeds, events, reads, writes, acked, failed, lost, retransmits, late, jukebox;
	u64 datagrams, virtual_ns, alloc_failures, orphans;
	u64 restarts, drained, removed, discards, resizes, revived, deaths;
	u64 resent, spurious, hedged, hedges_won, splits, aheads, aheads_used;
	u64 dirty, overwritten, flushed, unflushed;
};

/* Shared with the workers. */
static struct shared {
	u64 next, end; /* seeds to be taken */
	volatile bool stop;
	u32 failures;
	u64 running[JOBS_MAX];
	struct totals t;
} * sh;

static const char *program;

void sim_fail(struct sim *w, const char *fmt, ...)
{
	va_list ap;

	sim_alloc_fail = 0;
	va_start(ap, fmt);
	printf("FAILED seed %llu at %.6f s, event %llu: ", w->seed, (double)w->now / 1e9,
	       w->events);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n  commit %s\n  replay: %s --seed %llu --trace\n", SIM_COMMIT, program, w->seed);
	fflush(stdout);
	_exit(1);
}

void sim_say(struct sim *w, const char *fmt, ...)
{
	va_list ap;

	if (likely(!w->trace))
		return;
	va_start(ap, fmt);
	printf("%12.6f ", (double)w->now / 1e9);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

static void add(u64 *to, u64 n)
{
	__atomic_fetch_add(to, n, __ATOMIC_RELAXED);
}

static void account(const struct sim *w)
{
	struct totals *t = &sh->t;

	add(&t->seeds, 1);
	add(&t->events, w->events);
	add(&t->reads, w->n.reads);
	add(&t->writes, w->n.writes);
	add(&t->acked, w->n.acked);
	add(&t->failed, w->n.failed);
	add(&t->lost, w->n.lost);
	add(&t->retransmits, w->n.retransmits);
	add(&t->late, w->n.late);
	add(&t->jukebox, w->n.jukebox);
	add(&t->datagrams, w->n.datagrams);
	add(&t->orphans, w->n.orphans);
	add(&t->restarts, w->n.restarts);
	add(&t->drained, w->n.drained);
	add(&t->removed, w->n.removed);
	add(&t->discards, w->n.discards);
	add(&t->resizes, w->n.resizes);
	add(&t->revived, w->n.revived);
	add(&t->deaths, w->n.deaths);
	add(&t->resent, w->n.resent);
	add(&t->spurious, w->n.spurious);
	add(&t->hedged, w->n.hedged);
	add(&t->hedges_won, w->n.hedges_won);
	add(&t->aheads, w->n.aheads);
	add(&t->aheads_used, w->n.aheads_used);
	add(&t->dirty, w->n.dirty);
	add(&t->overwritten, w->n.overwritten);
	add(&t->flushed, w->n.flushed);
	add(&t->unflushed, w->n.unflushed);
	add(&t->splits, w->n.splits);
	add(&t->virtual_ns, w->now);
	add(&t->alloc_failures, sim_alloc_failures);
}

static void run_seed(u64 seed, bool trace, bool twice)
{
	struct itimerval cpu = {.it_value.tv_sec = SEED_CPU_S};
	static struct sim w;
	u64 first;

	setitimer(ITIMER_VIRTUAL, &cpu, NULL);
	sim_run(seed, trace, &w);
	account(&w);
	if (!twice)
		return;
	first = w.digest;
	sim_run(seed, false, &w);
	if (w.digest != first)
		sim_fail(&w, "the same seed goes another way");
}

static void worker(u32 slot, bool twice)
{
	u64 seed;

	while (!sh->stop) {
		seed = __atomic_fetch_add(&sh->next, 1, __ATOMIC_RELAXED);
		if (seed >= sh->end)
			break;
		sh->running[slot] = seed;
		run_seed(seed, false, twice);
	}
	fflush(stdout);
	_exit(0);
}

static pid_t worker_start(u32 slot, bool twice)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		worker(slot, twice);
	}
	if (pid < 0)
		perror("fork");
	return pid;
}

/* Its own last words are out already, unless it crashed. */
static void worker_failed(u32 slot, int status)
{
	sh->failures++;
	if (!WIFSIGNALED(status) && WEXITSTATUS(status) == 1)
		return;
	printf("FAILED seed %llu: %s %d\n  commit %s\n  replay: %s --seed %llu --trace\n",
	       sh->running[slot], WIFSIGNALED(status) ? "signal" : "exit status",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), SIM_COMMIT, program,
	       sh->running[slot]);
}

static void report(time_t seconds)
{
	const struct totals *t = &sh->t;
	double min = (double)(seconds ? seconds : 1) / 60;

	printf("%llu seeds, %u failed; %ld s, %.0f seeds a minute; %.1f h simulated\n", t->seeds,
	       sh->failures, (long)seconds, (double)t->seeds / min, (double)t->virtual_ns / 3.6e12);
	printf("%llu READs, %llu WRITEs (%llu acknowledged, %llu failed), %llu READs failed, %llu "
	       "put off; %llu sent again, %llu late; %llu datagrams, %llu failed allocations, "
	       "%llu pages of deleted VAIs left on servers\n",
	       t->reads, t->writes, t->acked, t->failed, t->lost, t->jukebox, t->retransmits,
	       t->late, t->datagrams, t->alloc_failures, t->orphans);
	printf("%llu engines restarted, %llu servers drained away, %llu removed, %llu dead for "
	       "good; %llu VAIs emptied, %llu resized; %llu READs of what a restart may bring "
	       "back\n",
	       t->restarts, t->drained, t->removed, t->deaths, t->discards, t->resizes, t->revived);
	printf("%llu messages to servers sent again, %llu of them for nothing; %llu reads hedged, "
	       "%llu answered by the second first; %llu READs answered by servers; %llu pages read "
	       "ahead, %llu of them used\n",
	       t->resent, t->spurious, t->hedged, t->hedges_won, t->splits, t->aheads,
	       t->aheads_used);
	printf("%llu pages left dirty, %llu of them written again before they were stored, %llu "
	       "stored later; %llu VAIs lost for that with the engine\n",
	       t->dirty, t->overwritten, t->flushed, t->unflushed);
}

static int run_many(u32 jobs, bool twice, bool stop_at_first, u32 seconds)
{
	time_t begin = time(NULL);
	pid_t pid[JOBS_MAX] = {0};
	u32 i, alive = jobs;
	int status;

	for (i = 0; i < jobs; i++)
		pid[i] = worker_start(i, twice);
	while (alive) {
		pid_t p = waitpid(-1, &status, seconds ? WNOHANG : 0);

		if (seconds && time(NULL) - begin >= (time_t)seconds)
			sh->stop = true;
		if (p < 0)
			break;
		if (!p) {
			usleep(50000);
			continue;
		}
		for (i = 0; i < jobs && pid[i] != p; i++)
			;
		if (i == jobs)
			continue;
		if (!status) {
			alive--;
			continue;
		}
		worker_failed(i, status);
		if (stop_at_first)
			sh->stop = true;
		pid[i] = worker_start(i, twice);
	}
	report(time(NULL) - begin);
	return sh->failures ? 1 : 0;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: %s [--seeds N] [--seed S] [--jobs J] [--seconds T] [--stop] "
		"[--twice] [--trace]\n",
		program);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seeds", required_argument, NULL, 'n'},   {"seed", required_argument, NULL, 's'},
		{"jobs", required_argument, NULL, 'j'},	   {"stop", no_argument, NULL, 'x'},
		{"seconds", required_argument, NULL, 't'}, {"trace", no_argument, NULL, 'v'},
		{"twice", no_argument, NULL, '2'},	   {NULL, 0, NULL, 0},
	};
	u64 seeds = 1, seed = 1;
	u32 jobs = (u32)sysconf(_SC_NPROCESSORS_ONLN), seconds = 0;
	bool stop = false, trace = false, twice = false;
	int c;

	program = argv[0];
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			seeds = strtoull(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'j':
			jobs = (u32)strtoul(optarg, NULL, 0);
			break;
		case 't':
			seconds = (u32)strtoul(optarg, NULL, 0);
			break;
		case 'x':
			stop = true;
			break;
		case 'v':
			trace = true;
			break;
		case '2':
			twice = true;
			break;
		default:
			return usage();
		}
	}
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED || optind != argc)
		return usage();
	if (seeds == 1) {
		run_seed(seed, trace, twice);
		printf("seed %llu: all promises kept\n", seed);
		return 0;
	}
	sh->next = seed;
	sh->end = seed + seeds;
	return run_many(clamp_t(u32, jobs, 1, JOBS_MAX), twice, stop, seconds);
}
