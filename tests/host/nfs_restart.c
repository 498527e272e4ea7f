// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client that works on while the engine dies and comes back, and servers too (libnfs,
 * TCP). Each page carries its number and generation; a page has one call at a time. A call
 * that fails because the connection did is made again with the same bytes, as a hard mount
 * does; an error that the engine answers is an error, and made again, too.
 *
 *   nfs_restart HOST NFSPORT MOUNTPORT VAI SIZE STOPFILE
 *
 * Works until STOPFILE is there, then reads every page. Says the longest that it waited for
 * one answer, and "ok" or what is wrong. At SIGUSR1 it reads every page while it works on,
 * and says: answers, wrong pages, errors, longest pause in ms since the last time.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <nfsc/libnfs.h>
#include "report.h"

#define PAGE	   4096u
#define LANES	   16
#define TIMEOUT_MS 60000
#define FILE_NAME  "/swapfile"

#define ERRORS_SAID 10
#define END_S	    30 /* for all pages to be read in the end */

/*
 * @page: what it works on
 * @gen:  being written; reads expect what is acknowledged
 * @begun_ns: made for the first time
 * @in_round: the round is not over before this call
 */
struct lane {
	uint64_t page, begun_ns;
	uint32_t gen;
	bool write;
	bool busy;
	bool in_round;
	uint8_t buf[PAGE];
};

static struct nfs_context *nfs;
static struct nfsfh *fh;
static struct lane lanes[LANES];
static uint32_t *acked;
static bool *taken;
static uint64_t npages, state, answers, retries, bad, errors, longest_ns, pause_ns;
static bool ending;
static uint64_t verified = UINT64_MAX; /* all below have been called for in this round */
static uint32_t round_calls;	       /* of these in flight */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void pattern(uint8_t *p, uint64_t page, uint32_t gen)
{
	uint64_t s = (page + 1) * 0x9e3779b97f4a7c15ull ^ ((uint64_t)gen << 32 | 1);

	fill_random(p, PAGE, &s);
}

static void lane_start(struct lane *l);

static void lane_send(struct lane *l);

/* A page that was never written is zeros, but for the first one, the swap header. */
static void check(struct lane *l, const void *data, int n)
{
	uint8_t want[PAGE];

	if (acked[l->page])
		pattern(want, l->page, acked[l->page]);
	else if (l->page)
		memset(want, 0, PAGE);
	else
		return;
	if (n != (int)PAGE || memcmp(data, want, PAGE)) {
		bad++;
		fprintf(stderr, "page %llu: not generation %u\n", (unsigned long long)l->page,
			acked[l->page]);
	}
}

static void lane_done(int rc, struct nfs_context *ctx, void *data, void *arg)
{
	struct lane *l = arg;
	uint64_t now = now_ns();

	(void)ctx;
	if (rc < 0) {
		retries++;
		/* else the connection is gone, or libnfs's own time-out has come; rc is the same */
		if (strstr(nfs_get_error(nfs), "NFS3ERR") && ++errors <= ERRORS_SAID)
			fprintf(stderr, "page %llu, generation %u: %s\n",
				(unsigned long long)l->page, acked[l->page], nfs_get_error(nfs));
		lane_send(l);
		return;
	}
	pause_ns = max_u64(pause_ns, now - l->begun_ns);
	longest_ns = max_u64(longest_ns, pause_ns);
	answers++;
	if (l->write)
		acked[l->page] = l->gen;
	else
		check(l, data, rc);
	taken[l->page] = false;
	l->busy = false;
	round_calls -= l->in_round;
	l->in_round = false;
	lane_start(l);
}

static void lane_send(struct lane *l)
{
	int rc = l->write ? nfs_pwrite_async(nfs, fh, l->page * PAGE, PAGE, l->buf, lane_done, l)
			  : nfs_pread_async(nfs, fh, l->page * PAGE, PAGE, lane_done, l);

	if (rc) {
		fprintf(stderr, "cannot call: %s\n", nfs_get_error(nfs));
		exit(1);
	}
}

static void round_add(struct lane *l)
{
	round_calls += !l->in_round;
	l->in_round = true;
}

/* The next page of the round. One that has a call just now is passed over: that is the check. */
static bool round_next(struct lane *l)
{
	for (; verified < npages && taken[verified]; verified++)
		for (int i = 0; i < LANES; i++)
			if (lanes[i].busy && lanes[i].page == verified)
				round_add(&lanes[i]);
	if (verified >= npages)
		return false;
	l->page = verified++;
	l->write = false;
	round_add(l);
	return true;
}

static void lane_start(struct lane *l)
{
	if (!round_next(l)) {
		if (ending)
			return;
		do
			l->page = 1 + rnd(&state) % (npages - 1);
		while (taken[l->page]);
		l->write = rnd(&state) % 3;
	}
	l->busy = true;
	l->begun_ns = now_ns();
	taken[l->page] = true;
	if (l->write) {
		l->gen = acked[l->page] + 1;
		pattern(l->buf, l->page, l->gen);
	}
	lane_send(l);
}

static bool any_busy(void)
{
	for (int i = 0; i < LANES; i++)
		if (lanes[i].busy)
			return true;
	return false;
}

static void serve(const char *stop)
{
	struct pollfd p;

	p.fd = nfs_get_fd(nfs);
	p.events = nfs_which_events(nfs);
	p.revents = 0;
	if (poll(&p, 1, 100) < 0 && errno != EINTR)
		exit(1);
	/* negative while it cannot connect: it tries again */
	nfs_service(nfs, p.revents);
	if (!ending && !access(stop, F_OK)) {
		ending = true;
		alarm(END_S); /* it fails rather than hangs */
	}
}

static volatile sig_atomic_t asked;
static bool answering;

static void answer_asked(void)
{
	if (asked && !answering) {
		asked = 0;
		answering = true;
		verified = 0;
	}
	if (!answering || verified < npages || round_calls)
		return;
	answering = false;
	printf("%llu %llu %llu %llu\n", (unsigned long long)answers, (unsigned long long)bad,
	       (unsigned long long)errors, (unsigned long long)pause_ns / 1000000);
	fflush(stdout);
	pause_ns = 0;
}

static void ask(int sig)
{
	(void)sig;
	asked = 1;
}

static int mount_it(char **argv)
{
	struct nfs_url *url;
	char text[256];

	nfs = nfs_init_context();
	snprintf(text, sizeof(text),
		 "nfs://%s/%s?version=3&nfsport=%s&mountport=%s&uid=0&gid=0&auto-traverse-mounts=0",
		 argv[1], argv[4], argv[2], argv[3]);
	url = nfs_parse_url_dir(nfs, text);
	nfs_set_timeout(nfs, TIMEOUT_MS);
	nfs_set_autoreconnect(nfs, -1);
	if (!url || nfs_mount(nfs, url->server, url->path) ||
	    nfs_open(nfs, FILE_NAME, O_RDWR, &fh)) {
		fprintf(stderr, "%s\n", FAIL("mount: %s", nfs_get_error(nfs)));
		return 1;
	}
	nfs_destroy_url(url);
	return 0;
}

int main(int argc, char **argv)
{
	int i;

	if (argc != 7) {
		fprintf(stderr, "usage: nfs_restart HOST NFSPORT MOUNTPORT VAI SIZE STOPFILE\n");
		return 2;
	}
	npages = strtoull(argv[5], NULL, 0) / PAGE;
	state = seed_from_env();
	acked = calloc(npages, sizeof(*acked));
	taken = calloc(npages, sizeof(*taken));
	if (!acked || !taken || mount_it(argv))
		return 1;
	signal(SIGUSR1, ask);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < LANES; i++)
		lane_start(&lanes[i]);
	while (!ending || any_busy()) {
		serve(argv[6]);
		answer_asked();
	}
	/* nothing is being written any more: every page */
	verified = 0;
	for (i = 0; i < LANES; i++)
		lane_start(&lanes[i]);
	while (any_busy())
		serve(argv[6]);
	printf("# %llu answers, longest pause %.2f s, %llu calls made again\n",
	       (unsigned long long)answers, longest_ns / 1e9, (unsigned long long)retries);
	printf("%s\n", bad || errors ? "bad" : "ok");
	return bad || errors;
}
