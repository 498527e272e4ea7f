// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small NFS client that does what no polite one does: records in single
 * bytes, absurd marks, hundreds of connections, replies left unread. It shares
 * no code with the project. IPv4 and IPv6; exit status 0 when the server did
 * what the command's name promises.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PROG_NFS   100003u
#define PROG_MOUNT 100005u
#define PORT_NFS   2049
#define PORT_MOUNT 20048
#define BUF_MAX	   (2u << 20)
#define REPLY_MS   5000
#define UDP_TRIES  20

struct buf {
	uint32_t len;
	uint8_t b[BUF_MAX];
};

static struct buf call, reply;
static const char *host;
static uint32_t xid;

static void die(const char *what)
{
	fprintf(stderr, "rpcprobe: %s: %s\n", what, errno ? strerror(errno) : "no");
	exit(1);
}

static void put(uint32_t v)
{
	v = htonl(v);
	memcpy(call.b + call.len, &v, 4);
	call.len += 4;
}

static void put_bytes(const void *p, uint32_t n)
{
	put(n);
	memcpy(call.b + call.len, p, n);
	memset(call.b + call.len + n, 0, 3);
	call.len += (n + 3) & ~3u;
}

static uint32_t get(uint32_t off)
{
	uint32_t v;

	if (off + 4 > reply.len) {
		errno = 0;
		die("reply too short");
	}
	memcpy(&v, reply.b + off, 4);
	return ntohl(v);
}

/* Begin a call of version 3 with AUTH_SYS, uid 0; four bytes in front are the record mark's. */
static void begin(uint32_t prog, uint32_t proc)
{
	call.len = 4;
	put(++xid);
	put(0);
	put(2);
	put(prog);
	put(3);
	put(proc);
	put(1);
	put(28);
	put(0);
	put(5);
	memcpy(call.b + call.len, "probe\0\0", 8);
	call.len += 8;
	put(0);
	put(0);
	put(0);
	put(0);
	put(0);
}

static void mark(void)
{
	uint32_t m = htonl((call.len - 4) | 0x80000000u);

	memcpy(call.b, &m, 4);
}

/* A socket from a privileged port, connected. */
static int dial(int type, int port)
{
	static int from = 1023;
	struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICHOST}, *ai;
	struct sockaddr_storage own = {};
	char service[8];
	int fd, one = 1, tries = 0;

	snprintf(service, sizeof(service), "%d", port);
	errno = 0;
	if (getaddrinfo(host, service, &hints, &ai))
		die(host);
	own.ss_family = ai->ai_family;
	do {
		fd = socket(ai->ai_family, type, 0);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		((struct sockaddr_in *)&own)->sin_port = htons(from);
		from = from > 400 ? from - 1 : 1023;
		if (!bind(fd, (struct sockaddr *)&own, ai->ai_addrlen) &&
		    !connect(fd, ai->ai_addr, ai->ai_addrlen))
			break;
		if (errno == ECONNRESET)
			break; /* refused at a limit; the caller's send finds out */
		if (errno != EADDRINUSE && errno != EADDRNOTAVAIL)
			die("connect");
		close(fd);
		fd = -1;
	} while (++tries < 600);
	freeaddrinfo(ai);
	if (fd < 0)
		die("no port left");
	return fd;
}

static void send_all(int fd, const void *p, size_t n)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			die("send");
		p = (const char *)p + k;
		n -= k;
	}
}

/* Return: bytes; 0 when the peer has closed or reset. */
static size_t recv_all(int fd, void *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		ssize_t k;

		errno = ETIMEDOUT;
		if (poll(&pfd, 1, REPLY_MS) <= 0)
			die("no reply");
		k = recv(fd, (char *)p + got, n - got, 0);
		if (k <= 0)
			return 0;
		got += k;
	}
	return n;
}

/* One reply record over TCP. Return: false when the connection is gone. */
static int record(int fd)
{
	uint32_t m;

	if (!recv_all(fd, &m, 4))
		return 0;
	reply.len = ntohl(m) & 0x7fffffff;
	errno = EMSGSIZE;
	if (reply.len > BUF_MAX)
		die("reply");
	return recv_all(fd, reply.b, reply.len) != 0;
}

/* Offset of the results of an accepted, successful reply to @id. */
static uint32_t results(uint32_t id)
{
	errno = 0;
	if (get(0) != id || get(4) != 1 || get(8) != 0 || get(20) != 0)
		die("not an accepted reply");
	return 24;
}

static uint32_t ask_tcp(int fd)
{
	mark();
	send_all(fd, call.b, call.len);
	errno = ECONNRESET;
	if (!record(fd))
		die("connection");
	return results(xid);
}

static uint32_t ask_udp(int fd)
{
	for (int i = 0; i < UDP_TRIES; i++) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};

		if (send(fd, call.b + 4, call.len - 4, 0) < 0)
			die("send");
		while (poll(&pfd, 1, 500) > 0) {
			ssize_t n = recv(fd, reply.b, BUF_MAX, 0);

			if (n < 0)
				die("recv");
			reply.len = n;
			if (get(0) == xid)
				return results(xid);
		}
	}
	errno = ETIMEDOUT;
	die("no reply");
	return 0;
}

static void expect_gone(int fd)
{
	errno = 0;
	if (record(fd))
		die("the connection should have been closed");
}

static int cmd_null(char **a)
{
	int tcp = !strcmp(a[0], "tcp"), port = atoi(a[1]);
	int fd = dial(tcp ? SOCK_STREAM : SOCK_DGRAM, port);

	begin(port == PORT_MOUNT ? PROG_MOUNT : PROG_NFS, 0);
	if (tcp)
		ask_tcp(fd);
	else
		ask_udp(fd);
	return 0;
}

static int cmd_dribble(char **a)
{
	int fd = dial(SOCK_STREAM, PORT_NFS);
	struct timespec ts = {.tv_nsec = 2000000};

	(void)a;
	begin(PROG_NFS, 0);
	mark();
	for (uint32_t i = 0; i < call.len; i++) {
		send_all(fd, call.b + i, 1);
		nanosleep(&ts, NULL);
	}
	if (!record(fd))
		die("connection");
	results(xid);
	return 0;
}

/* The record in many fragments of a few bytes, and two records in one segment after it. */
static int cmd_fragments(char **a)
{
	int fd = dial(SOCK_STREAM, PORT_NFS);
	static uint8_t out[8192];
	uint32_t n = 0;

	(void)a;
	begin(PROG_NFS, 0);
	for (uint32_t i = 4; i < call.len; i += 8) {
		uint32_t k = call.len - i < 8 ? call.len - i : 8;
		uint32_t m = htonl(k | (i + k == call.len ? 0x80000000u : 0));

		memcpy(out + n, &m, 4);
		memcpy(out + n + 4, call.b + i, k);
		n += 4 + k;
	}
	for (int i = 0; i < 2; i++) {
		begin(PROG_NFS, 0);
		mark();
		memcpy(out + n, call.b, call.len);
		n += call.len;
	}
	send_all(fd, out, n);
	for (uint32_t i = xid - 2; i <= xid; i++) {
		if (!record(fd))
			die("connection");
		results(i);
	}
	return 0;
}

/* A mark that no record may have: the connection has to end, at once. */
static int cmd_badmark(char **a)
{
	int fd = dial(SOCK_STREAM, PORT_NFS);
	uint32_t m = htonl(strtoul(a[0], NULL, 0));

	send_all(fd, &m, 4);
	expect_gone(fd);
	return 0;
}

/* Random bytes as one record and as a datagram: whatever comes back, the next call works. */
static int cmd_garbage(char **a)
{
	int udp = dial(SOCK_DGRAM, PORT_NFS), amp = dial(SOCK_DGRAM, 20405);

	srandom(atoi(a[0]));
	for (int i = 0; i < 200; i++) {
		int fd = dial(SOCK_STREAM, i & 1 ? PORT_NFS : PORT_MOUNT);

		call.len = 4 + random() % 3000;
		for (uint32_t k = 4; k < call.len; k++)
			call.b[k] = random();
		mark();
		send(fd, call.b, call.len, MSG_NOSIGNAL);
		send(udp, call.b + 4, call.len - 4, 0);
		send(amp, call.b + 4, call.len - 4, 0);
		close(fd);
	}
	return cmd_null((char *[]){"tcp", "2049"});
}

static int cmd_many(char **a)
{
	int n = atoi(a[0]), want = atoi(a[1]), good = 0;
	int *fd = calloc(n, sizeof(*fd));

	for (int i = 0; i < n; i++) {
		fd[i] = dial(SOCK_STREAM, PORT_NFS);
		begin(PROG_NFS, 0);
		mark();
		if (send(fd[i], call.b, call.len, MSG_NOSIGNAL) > 0 && record(fd[i]))
			good++;
	}
	printf("%d of %d connections served\n", good, n);
	if (a[2])
		sleep(atoi(a[2]));
	return good != want;
}

/* The handle of EXPORT's file, by MNT and LOOKUP. */
static uint32_t handle(const char *export, uint8_t *fh)
{
	int mnt = dial(SOCK_STREAM, PORT_MOUNT), nfs = dial(SOCK_STREAM, PORT_NFS);
	uint32_t off, n;

	begin(PROG_MOUNT, 1);
	put_bytes(export, strlen(export));
	off = ask_tcp(mnt);
	errno = 0;
	if (get(off))
		die("MNT refused");
	n = get(off + 4);
	memcpy(fh, reply.b + off + 8, n);
	begin(PROG_NFS, 3);
	put_bytes(fh, n);
	put_bytes("swapfile", 8);
	off = ask_tcp(nfs);
	if (get(off))
		die("LOOKUP refused");
	n = get(off + 4);
	memcpy(fh, reply.b + off + 8, n);
	close(mnt);
	close(nfs);
	return n;
}

static void put_read(const uint8_t *fh, uint32_t fhlen, uint64_t off, uint32_t n)
{
	begin(PROG_NFS, 6);
	put_bytes(fh, fhlen);
	put(off >> 32);
	put(off);
	put(n);
}

/* Ask for much, read nothing for a while, then all of it: every reply has to be there. */
static int cmd_slow_reader(char **a)
{
	uint32_t count = atoi(a[1]), size = atoi(a[2]), fhlen, got;
	uint8_t fh[64];
	int fd, pause = atoi(a[3]);

	fhlen = handle(a[0], fh);
	fd = dial(SOCK_STREAM, PORT_NFS);
	for (uint32_t i = 0; i < count; i++) {
		put_read(fh, fhlen, 0, size);
		mark();
		send_all(fd, call.b, call.len);
	}
	sleep(pause);
	for (got = 0; got < count && record(fd); got++) {
		uint32_t off = 24;

		errno = 0;
		if (get(off) || get(off + 4 + 88) != size)
			die("a READ went wrong");
	}
	printf("%u of %u replies\n", got, count);
	return got != count;
}

static void pattern(uint8_t *p, uint32_t n, uint32_t seed)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = (seed = seed * 1664525 + 1013904223) >> 24;
}

/* WRITE then READ of random places, lengths up to MAX, over "udp" or "tcp"; all compared. */
static int cmd_io(char **a)
{
	int tcp = !strcmp(a[0], "tcp"), times = atoi(a[3]);
	uint32_t max = atoi(a[2]), fhlen, size = atoi(a[4]) << 20;
	static uint8_t data[BUF_MAX];
	uint8_t fh[64];
	int fd;

	fhlen = handle(a[1], fh);
	fd = dial(tcp ? SOCK_STREAM : SOCK_DGRAM, PORT_NFS);
	srandom(times);
	for (int i = 0; i < times; i++) {
		uint32_t n = i % 4 ? 1 + random() % max : max, off;
		uint64_t at = 4096 + random() % (size - 4096 - n);

		pattern(data, n, i);
		begin(PROG_NFS, 7);
		put_bytes(fh, fhlen);
		put(0);
		put(at);
		put(n);
		put(2);
		put_bytes(data, n);
		off = tcp ? ask_tcp(fd) : ask_udp(fd);
		errno = 0;
		if (get(off))
			die("WRITE refused");
		put_read(fh, fhlen, at, n);
		off = tcp ? ask_tcp(fd) : ask_udp(fd);
		if (get(off) || get(off + 92) != n || memcmp(reply.b + off + 104, data, n))
			die("READ gave something else");
	}
	return 0;
}

/* WRITE or READ and compare the first pages after page 0, each with its own content. */
static int pages(const char *export, int count, int write, int udp)
{
	static uint8_t data[4096];
	uint8_t fh[64];
	uint32_t fhlen = handle(export, fh), off;
	int fd = dial(udp ? SOCK_DGRAM : SOCK_STREAM, PORT_NFS);

	for (int i = 1; i <= count; i++) {
		pattern(data, sizeof(data), i);
		if (write) {
			begin(PROG_NFS, 7);
			put_bytes(fh, fhlen);
			put(0);
			put(i * 4096);
			put(sizeof(data));
			put(2);
			put_bytes(data, sizeof(data));
		} else {
			put_read(fh, fhlen, i * 4096, sizeof(data));
		}
		off = udp ? ask_udp(fd) : ask_tcp(fd);
		errno = 0;
		if (get(off))
			die(write ? "WRITE refused" : "READ refused");
		if (!write && memcmp(reply.b + off + 104, data, sizeof(data)))
			die("READ gave something else");
	}
	return 0;
}

static int cmd_fill(char **a)
{
	return pages(a[0], atoi(a[1]), 1, 0);
}

static int cmd_verify(char **a)
{
	return pages(a[0], atoi(a[1]), 0, 0);
}

static int cmd_verify_udp(char **a)
{
	return pages(a[0], atoi(a[1]), 0, 1);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **a);
	} cmds[] = {
		{"null", 2, cmd_null},
		{"dribble", 0, cmd_dribble},
		{"fragments", 0, cmd_fragments},
		{"badmark", 1, cmd_badmark},
		{"garbage", 1, cmd_garbage},
		{"many", 2, cmd_many},
		{"slow-reader", 4, cmd_slow_reader},
		{"io", 5, cmd_io},
		{"fill", 2, cmd_fill},
		{"verify", 2, cmd_verify},
		{"verify-udp", 2, cmd_verify_udp},
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	xid = time(NULL) * 1000 + getpid() * 7919u;
	for (size_t i = 0; argc > 2 && i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		if (strcmp(argv[2], cmds[i].name) || argc < 3 + cmds[i].args)
			continue;
		host = argv[1];
		return cmds[i].run(argv + 3);
	}
	fprintf(stderr, "usage: rpcprobe ADDRESS null udp|tcp PORT | dribble | fragments | "
			"badmark MARK | garbage SEED |\n\tmany N WANT [HOLD_S] | "
			"slow-reader EXPORT COUNT SIZE PAUSE_S | io udp|tcp EXPORT MAX TIMES MIB | "
			"fill|verify|verify-udp EXPORT PAGES\n");
	return 2;
}
