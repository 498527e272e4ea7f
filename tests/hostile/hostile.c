// SPDX-License-Identifier: GPL-2.0-only
/*
 * hostile - throw bad input at an engine or a memory server.
 *
 * Each attack is bounded in count and time and seeded. Afterwards the target has
 * to answer a plain call over UDP and TCP as before. Prints a line an attack;
 * exit status 0 when nothing was answered that must not be, and the target lives.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "hostile.h"

struct opts opt = {
	.nfs = 2049,
	.mount = 20048,
	.amp = 20405,
	.seed = 1,
	.count = 2000,
	.seconds = 20,
	.conns = 200,
};
struct tally tally;
static unsigned int wrongs;
static double attack_end;
static const char *handle_of;

static const struct attack {
	const char *name;
	void (*run)(void);
	bool raw;   /* needs a device */
	bool alone; /* only when asked for by name */
} attacks[] = {
	{"rpc", attack_rpc, false, false},
	{"rpc-other", attack_rpc_other, false, false},
	{"handles", attack_handles, false, false},
	{"marks", attack_marks, false, false},
	{"streams", attack_streams, false, false},
	{"trickle", attack_trickle, false, false},
	{"urgent", attack_urgent, false, false},
	{"unread", attack_unread, false, false},
	{"crowd", attack_crowd, false, false},
	{"headers", attack_headers, true, false},
	{"fragments", attack_fragments, true, false},
	{"links", attack_links, true, false},
	{"syns", attack_syns, true, false},
	{"amp", attack_amp, false, false},
	{"hello", attack_hello, false, false},
	{"late", attack_late, false, true},
	{"servers", attack_servers, false, true},
	{"rogue", attack_rogue, false, true},
	{"replay", attack_replay, true, true},
};

#define NATTACKS (sizeof(attacks) / sizeof(attacks[0]))

void wrong(const char *fmt, ...)
{
	va_list ap;

	wrongs++;
	printf("hostile: WRONG: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

void die(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	exit(2);
}

double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

bool time_over(void)
{
	return now_s() > attack_end;
}

static bool alive_udp(void)
{
	static struct msg m;
	int fd = udp_open(opt.nfs, true);
	int64_t st;

	rpc_call(&m, rnd(), PROG_NFS, 3, 0);
	st = udp_ask(fd, &m, NULL, NULL);
	close(fd);
	return st != -3;
}

static bool alive_tcp(void)
{
	static struct msg m;
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(opt.nfs), .sin_addr = opt.to};
	struct timeval tv = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint8_t b[64];
	bool ok;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	rpc_call(&m, 0x11111111, PROG_NFS, 3, 0);
	memmove(m.b + 4, m.b, m.len);
	put32(m.b, m.len | 0x80000000);
	ok = !connect(fd, (struct sockaddr *)&sin, sizeof(sin)) &&
	     send(fd, m.b, m.len + 4, MSG_NOSIGNAL) == (ssize_t)m.len + 4 &&
	     recv(fd, b, sizeof(b), 0) >= 28 && get32(b + 4) == 0x11111111;
	close(fd);
	return ok;
}

static void run(const struct attack *a)
{
	double began = now_s();
	unsigned int before = wrongs;
	int i;

	memset(&tally, 0, sizeof(tally));
	attack_end = began + opt.seconds;
	a->run();
	/* What was done to the connections of this address may need a moment to be cleared up. */
	for (i = 0; i < 10 && !alive_tcp(); i++)
		sleep(1);
	if (i == 10)
		wrong("after %s a call over TCP is not answered", a->name);
	if (!alive_udp())
		wrong("after %s a call over UDP is not answered", a->name);
	printf("hostile: %-10s sent %llu, not let out %llu, answers %llu, %.1f s%s\n", a->name,
	       (unsigned long long)tally.sent, (unsigned long long)tally.failed,
	       (unsigned long long)tally.answers, now_s() - began,
	       wrongs == before ? "" : ", WRONG");
	fflush(stdout);
}

/* What MNT of @vai gives to this machine, in hex: for --fh of another one. */
static int print_handle(const char *vai)
{
	static struct msg m;
	static uint8_t b[MSG_MAX];
	uint32_t len = 0, n, i;
	char path[80];

	snprintf(path, sizeof(path), "/%s", vai);
	rpc_call(&m, rnd(), PROG_MOUNT, 3, 1);
	rpc_bytes(&m, path, strlen(path));
	if (udp_ask(udp_open(opt.mount, true), &m, b, &len) || len < 32)
		return 1;
	n = get32(b + 28);
	for (i = 0; i < n && 32 + i < len; i++)
		printf("%02x", b[32 + i]);
	printf("\n");
	return n && n <= FH_MAX ? 0 : 1;
}

static void usage(void)
{
	unsigned int i;

	printf("usage: hostile [options] ADDRESS [ATTACK]...\n"
	       "  --nfs, --mount, --amp PORT  of the engine\n"
	       "  --seed N, --count N, --seconds N  an attack\n"
	       "  --conns N                   of a crowd\n"
	       "  --dev DEVICE                for raw frames; without it there are none\n"
	       "  --vai NAME                  a VAI of somebody else\n"
	       "  --fh HEX                    a handle of it\n"
	       "  --handle NAME               print the handle of our own VAI, attack nothing\n"
	       "Attacks (all but those with * unless some are named):");
	for (i = 0; i < NATTACKS; i++)
		printf(" %s%s", attacks[i].name, attacks[i].alone ? "*" : "");
	printf("\nExit status: 0 the target lives and never said what it must not, 1 not so,\n"
	       "2 could not run.\n");
	exit(2);
}

static void parse_fh(const char *hex)
{
	unsigned int v;

	for (; sscanf(hex, "%2x", &v) == 1 && opt.fh_len < FH_MAX; hex += 2) {
		opt.fh[opt.fh_len++] = v;
		if (!hex[1])
			break;
	}
}

static char **parse(int argc, char **argv)
{
	static const struct option longs[] = {{"nfs", 1, NULL, 'n'},	{"mount", 1, NULL, 'm'},
					      {"amp", 1, NULL, 'a'},	{"seed", 1, NULL, 's'},
					      {"count", 1, NULL, 'c'},	{"seconds", 1, NULL, 't'},
					      {"conns", 1, NULL, 'x'},	{"dev", 1, NULL, 'd'},
					      {"vai", 1, NULL, 'v'},	{"fh", 1, NULL, 'f'},
					      {"handle", 1, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'n':
			opt.nfs = atoi(optarg);
			break;
		case 'm':
			opt.mount = atoi(optarg);
			break;
		case 'a':
			opt.amp = atoi(optarg);
			break;
		case 's':
			opt.seed = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			opt.count = atoi(optarg);
			break;
		case 't':
			opt.seconds = atoi(optarg);
			break;
		case 'x':
			opt.conns = atoi(optarg);
			break;
		case 'd':
			opt.dev = optarg;
			break;
		case 'v':
			opt.vai = optarg;
			break;
		case 'f':
			parse_fh(optarg);
			break;
		case 'h':
			handle_of = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind == argc || !inet_aton(argv[optind], &opt.to))
		usage();
	return argv + optind + 1;
}

int main(int argc, char **argv)
{
	char **names = parse(argc, argv), **name;
	unsigned int i, ran = 0;

	signal(SIGPIPE, SIG_IGN);
	if (handle_of)
		return print_handle(handle_of);
	for (i = 0; i < NATTACKS; i++) {
		bool asked = false;

		for (name = names; *name; name++)
			asked |= !strcmp(*name, attacks[i].name);
		if (*names ? !asked : attacks[i].alone || (attacks[i].raw && !opt.dev))
			continue;
		run(&attacks[i]);
		ran++;
	}
	if (!ran)
		usage();
	printf("hostile: %u attacks, %u wrong, seed %llu\n", ran, wrongs,
	       (unsigned long long)opt.seed);
	return wrongs ? 1 : 0;
}
