// SPDX-License-Identifier: GPL-2.0-only
/* Streams: absurd marks, single bytes, crowds, peers that never read. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "hostile.h"

#define LAST	      0x80000000u
#define CROWD_MAX     4000
#define UNREAD_CONNS  8
#define UNREAD_BYTES  (32u << 20) /* of calls, a connection */
#define UNREAD_WINDOW 4096
#define LATE_S	      62
#define TRICKLES      40

static struct msg m;

/* @window: receive buffer, 0: as it is */
static int tcp_open_window(uint16_t port, int window)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = opt.to};
	struct timeval tv = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (window)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window));
	if (!connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		return fd;
	close(fd);
	return -1;
}

static int tcp_open(uint16_t port)
{
	return tcp_open_window(port, 0);
}

static void tcp_reset(int fd)
{
	struct linger l = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}

static bool tcp_put(int fd, const void *p, uint32_t n)
{
	const uint8_t *b = p;
	ssize_t rc;

	tally.sent++;
	while (n) {
		rc = send(fd, b, n, MSG_NOSIGNAL);
		if (rc <= 0) {
			tally.failed++;
			return false;
		}
		b += rc;
		n -= rc;
	}
	return true;
}

/* Return: 1 when the other end closes within @ms, 0 when it does not; answers are read away. */
static int tcp_closed(int fd, int ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	uint8_t junk[65536];
	double end = now_s() + ms / 1000.0;

	while (now_s() < end) {
		if (poll(&pfd, 1, 50) <= 0)
			continue;
		if (recv(fd, junk, sizeof(junk), MSG_DONTWAIT) <= 0 && errno != EAGAIN)
			return 1;
		tally.answers++;
	}
	return 0;
}

/* A NULL call with its record mark. Return: bytes. */
static uint32_t null_record(uint8_t *b, uint32_t xid)
{
	rpc_call(&m, xid, PROG_NFS, 3, 0);
	put32(b, m.len | LAST);
	memcpy(b + 4, m.b, m.len);
	return m.len + 4;
}

/* Read one answer. Return: true if it is to @xid. */
static bool tcp_answer(int fd, uint32_t xid, int ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	uint8_t b[28];
	uint32_t got = 0;
	ssize_t n;

	while (got < sizeof(b)) {
		if (poll(&pfd, 1, ms) <= 0)
			return false;
		n = recv(fd, b + got, sizeof(b) - got, 0);
		if (n <= 0)
			return false;
		got += n;
	}
	tally.answers++;
	return get32(b + 4) == xid;
}

/* Marks that promise what no record has: the connection is ended, and nothing is taken for it. */
void attack_marks(void)
{
	static const uint32_t marks[] = {0,
					 LAST,
					 0x7fffffff,
					 0xffffffff,
					 LAST | (4u << 20),
					 LAST | ((1u << 20) + 4097),
					 0x00200000};
	uint8_t b[2 + sizeof(uint32_t)];
	uint32_t i;
	int fd;

	for (i = 0; i < sizeof(marks) / sizeof(marks[0]) && !time_over(); i++) {
		fd = tcp_open(rnd_below(2) ? opt.nfs : opt.mount);
		if (fd < 0)
			continue;
		put32(b, marks[i]);
		tcp_put(fd, b, 4);
		if (!tcp_closed(fd, 5000))
			wrong("p6: record mark %08x is waited on", marks[i]);
		close(fd);
	}
	/* A record in pieces of a byte each that together are too long. */
	fd = tcp_open(opt.nfs);
	for (i = 0; fd >= 0 && i < opt.count && !time_over(); i++) {
		put32(b, 1);
		b[4] = rnd();
		if (!tcp_put(fd, b, 5))
			break;
	}
	if (fd >= 0)
		tcp_reset(fd);
}

/* Damaged records, noise, ends in the middle. */
void attack_streams(void)
{
	static uint8_t b[1 << 16];
	uint32_t i, n;
	int fd;

	for (i = 0; i < opt.count / 8 && !time_over(); i++) {
		fd = tcp_open(rnd_below(4) ? opt.nfs : opt.mount);
		if (fd < 0)
			continue;
		if (rnd_below(3)) {
			nfs_call(&m, rnd(), rnd_below(23), opt.fh, opt.fh_len);
			mutate(&m);
			n = m.len;
			put32(b, n | (rnd_below(4) ? LAST : 0));
			memcpy(b + 4, m.b, n);
			tcp_put(fd, b, 4 + (rnd_below(4) ? n : rnd_below(n + 1)));
		} else {
			n = rnd_below(sizeof(b));
			rnd_bytes(b, n);
			tcp_put(fd, b, n);
		}
		switch (rnd_below(4)) {
		case 0:
			tcp_reset(fd);
			break;
		case 1:
			shutdown(fd, SHUT_WR);
			tcp_closed(fd, 100);
			close(fd);
			break;
		default:
			close(fd);
		}
	}
}

/* Good calls byte by byte over many connections at once: each is answered. */
void attack_trickle(void)
{
	uint8_t b[TRICKLES][128];
	uint32_t len = 0, at, i, n = 0;
	int fd[TRICKLES];

	for (i = 0; i < TRICKLES; i++) {
		fd[i] = tcp_open(opt.nfs);
		len = null_record(b[i], i);
	}
	for (at = 0; at < len; at++) {
		for (i = 0; i < TRICKLES; i++)
			if (fd[i] >= 0)
				tcp_put(fd[i], &b[i][at], 1);
		usleep(2000);
	}
	for (i = 0; i < TRICKLES; i++) {
		if (fd[i] < 0)
			continue;
		n += tcp_answer(fd[i], i, 5000);
		/* Half of them go while a further record has begun. */
		tcp_put(fd[i], b[i], i % len);
		if (i % 2)
			tcp_reset(fd[i]);
		else
			close(fd[i]);
	}
	if (n != TRICKLES)
		wrong("%u of %u calls in single bytes were answered", n, TRICKLES);
}

/* Urgent data in a record, and a half-closed connection that still wants its answer. */
void attack_urgent(void)
{
	uint8_t b[128];
	uint32_t len, i;
	int fd;

	for (i = 0; i < 40 && !time_over(); i++) {
		fd = tcp_open(opt.nfs);
		if (fd < 0)
			continue;
		len = null_record(b, i);
		tcp_put(fd, b, i);
		tally.sent++;
		if (send(fd, b + i, 1, MSG_OOB | MSG_NOSIGNAL) < 0)
			tally.failed++;
		tcp_put(fd, b + i + 1, len - i - 1);
		tcp_closed(fd, 20);
		if (i % 2)
			tcp_reset(fd);
		else
			close(fd);
	}
	fd = tcp_open(opt.nfs);
	if (fd < 0)
		return;
	len = null_record(b, 77);
	tcp_put(fd, b, len);
	shutdown(fd, SHUT_WR);
	if (!tcp_answer(fd, 77, 5000))
		wrong("no answer on a half-closed connection");
	close(fd);
}

/* Calls and calls, and not one answer read. */
void attack_unread(void)
{
	static uint8_t b[1 << 16];
	int fd[UNREAD_CONNS];
	uint32_t sent[UNREAD_CONNS] = {0}, n = 0, i;
	bool some = true;

	while (n + 128 < sizeof(b))
		n += null_record(b + n, n);
	for (i = 0; i < UNREAD_CONNS; i++) {
		fd[i] = tcp_open_window(opt.nfs, UNREAD_WINDOW);
		if (fd[i] < 0)
			continue;
		fcntl(fd[i], F_SETFL, O_NONBLOCK);
	}
	while (some && !time_over()) {
		some = false;
		for (i = 0; i < UNREAD_CONNS; i++) {
			ssize_t rc = -1;

			if (fd[i] >= 0 && sent[i] < UNREAD_BYTES)
				rc = send(fd[i], b + sent[i] % n, n - sent[i] % n, MSG_NOSIGNAL);
			if (rc > 0) {
				sent[i] += rc;
				tally.sent++;
			}
			some |= fd[i] >= 0 && sent[i] < UNREAD_BYTES && (rc > 0 || errno == EAGAIN);
		}
		usleep(1000);
	}
	/* Whoever watches the target's memory has a moment to look. */
	sleep(2);
	for (i = 0; i < UNREAD_CONNS; i++)
		if (fd[i] >= 0)
			tcp_reset(fd[i]);
}

/* More connections than there are to be had, each with a record begun. */
void attack_crowd(void)
{
	static int fd[CROWD_MAX];
	uint32_t i, n = opt.conns < CROWD_MAX ? opt.conns : CROWD_MAX;
	uint8_t b[128];

	for (i = 0; i < n && !time_over(); i++) {
		fd[i] = tcp_open(i % 2 ? opt.nfs : opt.mount);
		if (fd[i] < 0) {
			tally.failed++;
			continue;
		}
		fcntl(fd[i], F_SETFL, O_NONBLOCK);
		null_record(b, i);
		tally.sent++;
		if (send(fd[i], b, 1 + rnd_below(43), MSG_NOSIGNAL) < 0)
			tally.failed++;
	}
	n = i;
	sleep(2);
	for (i = 0; i < n; i++) {
		if (fd[i] < 0)
			continue;
		if (i % 3)
			tcp_reset(fd[i]);
		else
			close(fd[i]);
	}
}

/*
 * A polite one, for once: quiet for longer than an unfinished record may take, then
 * a record in two halves. It is the record's age that counts, not the connection's.
 */
void attack_late(void)
{
	uint8_t b[128];
	uint32_t len = null_record(b, 1);
	int fd = tcp_open(opt.nfs);

	tcp_put(fd, b, len);
	if (!tcp_answer(fd, 1, 5000))
		wrong("a call is not answered");
	sleep(LATE_S);
	len = null_record(b, 2);
	tcp_put(fd, b, len / 2);
	usleep(2500000);
	tcp_put(fd, b + len / 2, len - len / 2);
	if (!tcp_answer(fd, 2, 5000))
		wrong("a record in two halves after a minute of quiet is not answered");
	close(fd);
}
