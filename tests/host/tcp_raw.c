// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine's TCP door under streams of our own: records cut anywhere, in
 * many fragments, too long, not RPC at all, and a reader that does not read.
 *
 *   tcp_raw NFSPORT MOUNTPORT VAI
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "report.h"

#define NFS_PROG   100003
#define MOUNT_PROG 100005
#define LAST	   0x80000000u
#define MSG_SIZE   512
#define READ_SIZE  16384
#define READS	   60000 /* more than socket buffers hold */
#define WAIT_S	   10

static int nfs_port, mount_port;
static const char *vai;
static uint64_t state;
static uint8_t fh[64];
static uint32_t fh_len;

static int dial(int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval tv = {.tv_sec = WAIT_S};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	return connect(fd, (struct sockaddr *)&sin, sizeof(sin)) ? -1 : fd;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
	return p + 4;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return ntohl(v);
}

/* A call as root, without record mark. Return: where the arguments go. */
static uint8_t *call_head(uint8_t *p, uint32_t xid, uint32_t prog, uint32_t proc)
{
	const uint32_t words[] = {xid, 0, 2, prog, 3, proc, 1, 20, 0, 0, 0, 0, 0, 0, 0};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		p = put32(p, words[i]);
	return p;
}

static uint32_t null_call(uint8_t *p, uint32_t xid)
{
	return call_head(p, xid, NFS_PROG, 0) - p;
}

static uint32_t read_call(uint8_t *p, uint32_t xid, uint64_t off, uint32_t count)
{
	uint8_t *q = call_head(p, xid, NFS_PROG, 6);

	q = put32(q, fh_len);
	memcpy(q, fh, fh_len);
	q += (fh_len + 3) & ~3u;
	q = put32(put32(q, off >> 32), off);
	return put32(q, count) - p;
}

static bool send_all(int fd, const void *p, size_t n)
{
	return send(fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool recv_all(int fd, void *p, size_t n)
{
	return recv(fd, p, n, MSG_WAITALL) == (ssize_t)n;
}

/* One reply; the first bytes of it. Return: its length, 0 on error. */
static uint32_t reply(int fd, uint8_t *p, uint32_t max)
{
	static uint8_t waste[65536];
	uint32_t len, left, n;
	uint8_t mark[4];

	if (!recv_all(fd, mark, 4))
		return 0;
	len = get32(mark) & ~LAST;
	n = len < max ? len : max;
	if (!(get32(mark) & LAST) || !recv_all(fd, p, n))
		return 0;
	for (left = len - n; left; left -= n) {
		n = left < sizeof(waste) ? left : sizeof(waste);
		if (!recv_all(fd, waste, n))
			return 0;
	}
	return len;
}

static const char *answered(int fd, uint32_t xid)
{
	uint8_t r[64];

	EXPECT(reply(fd, r, sizeof(r)) >= 24, "no answer to %u", xid);
	EXPECT(get32(r) == xid, "answer to %u in place of %u", get32(r), xid);
	EXPECT(!get32(r + 20), "call %u not accepted: %u", xid, get32(r + 20));
	return NULL;
}

static const char *alive(void)
{
	uint8_t msg[MSG_SIZE];
	uint32_t n = null_call(msg + 4, 99);
	int fd = dial(nfs_port);
	const char *why;

	put32(msg, LAST | n);
	EXPECT(fd >= 0 && send_all(fd, msg, n + 4), "a new connection is not served");
	why = answered(fd, 99);
	close(fd);
	return why;
}

static const char *test_handle(void)
{
	uint8_t msg[MSG_SIZE], r[256], *q;
	int fd = dial(mount_port);
	char path[80];
	size_t n;

	n = snprintf(path, sizeof(path), "/%s", vai);
	q = call_head(msg + 4, 1, MOUNT_PROG, 1);
	q = put32(q, n);
	memset(q, 0, (n + 3) & ~3u);
	memcpy(q, path, n);
	q += (n + 3) & ~3u;
	put32(msg, LAST | (q - msg - 4));
	EXPECT(send_all(fd, msg, q - msg) && reply(fd, r, sizeof(r)) > 32, "no answer to MNT");
	EXPECT(!get32(r + 24), "MNT: status %u", get32(r + 24));
	fh_len = get32(r + 28);
	EXPECT(fh_len <= sizeof(fh), "handle of %u bytes", fh_len);
	memcpy(fh, r + 32, fh_len);
	close(fd);

	fd = dial(nfs_port); /* LOOKUP swapfile */
	q = call_head(msg + 4, 2, NFS_PROG, 3);
	q = put32(q, fh_len);
	memcpy(q, fh, fh_len);
	q = put32(q + ((fh_len + 3) & ~3u), 8);
	memcpy(q, "swapfile", 8);
	put32(msg, LAST | (q + 8 - msg - 4));
	EXPECT(send_all(fd, msg, q + 8 - msg) && reply(fd, r, sizeof(r)) > 32 && !get32(r + 24),
	       "LOOKUP");
	fh_len = get32(r + 28);
	memcpy(fh, r + 32, fh_len);
	close(fd);
	return NULL;
}

static const char *test_byte_by_byte(void)
{
	uint8_t msg[MSG_SIZE];
	uint32_t n = null_call(msg + 4, 7), i;
	int fd = dial(nfs_port);
	const char *why;

	put32(msg, LAST | n);
	for (i = 0; i < n + 4; i++)
		EXPECT(send_all(fd, msg + i, 1), "send");
	why = answered(fd, 7);
	close(fd);
	return why;
}

static const char *test_many_fragments(void)
{
	uint8_t msg[MSG_SIZE], out[8 * MSG_SIZE];
	uint32_t n, i, len, xid;
	int fd = dial(nfs_port);
	const char *why = NULL;

	for (xid = 1; xid < 200 && !why; xid++) {
		uint8_t *q = out;

		n = read_call(msg, xid, 0, 4096);
		for (i = 0; i < n; i += len) {
			len = 1 + rnd(&state) % 20;
			len = i + len > n ? n - i : len;
			q = put32(q, len | (i + len == n ? LAST : 0));
			memcpy(q, msg + i, len);
			q += len;
		}
		EXPECT(send_all(fd, out, q - out), "send");
		why = answered(fd, xid);
	}
	close(fd);
	return why;
}

static const char *test_many_records_at_once(void)
{
	static uint8_t out[200 * 128];
	uint8_t *q = out;
	uint32_t xid, n;
	int fd = dial(nfs_port);
	const char *why = NULL;

	for (xid = 1; xid <= 200; xid++) {
		n = null_call(q + 4, xid);
		put32(q, LAST | n);
		q += n + 4;
	}
	EXPECT(send_all(fd, out, q - out), "send");
	for (xid = 1; xid <= 200 && !why; xid++)
		why = answered(fd, xid);
	close(fd);
	return why;
}

/* Return: whether the other side hung up. */
static bool hung_up(int fd)
{
	uint8_t b[64];
	ssize_t n;

	while ((n = recv(fd, b, sizeof(b), 0)) > 0)
		;
	return n == 0 || errno == ECONNRESET;
}

static const char *test_bad_streams(void)
{
	static const uint32_t marks[] = {LAST | 0x7fffffff, 0x7fffffff, LAST | (2 << 20), LAST, 0};
	uint8_t msg[4096];
	size_t i;
	int fd;

	for (i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		fd = dial(nfs_port);
		put32(msg, marks[i]);
		EXPECT(send_all(fd, msg, 4), "send");
		EXPECT(hung_up(fd), "mark %08x was taken", marks[i]);
		close(fd);
	}
	for (i = 0; i < 50; i++) {
		fd = dial(nfs_port);
		fill_random(msg, sizeof(msg), &state);
		put32(msg, LAST | (sizeof(msg) - 4));
		send(fd, msg, sizeof(msg), MSG_NOSIGNAL);
		close(fd);
	}
	return alive();
}

static const char *test_promised_but_not_sent(void)
{
	uint8_t mark[4];
	int fds[50], i;
	const char *why;

	put32(mark, LAST | (1 << 20));
	for (i = 0; i < 50; i++) {
		fds[i] = dial(nfs_port);
		EXPECT(fds[i] >= 0 && send_all(fds[i], mark, 4), "send");
	}
	why = alive();
	for (i = 0; i < 50; i++)
		close(fds[i]);
	return why;
}

/* Sends READs until the engine takes no more. Return: how many were sent whole, and the rest of one. */
static uint32_t stuff(int fd, uint8_t *msg, uint32_t *rest)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint32_t xid, n, sent = 0;
	ssize_t rc;

	*rest = 0;
	for (xid = 1; xid <= READS; xid++) {
		n = read_call(msg + 4, xid, 0, READ_SIZE) + 4;
		put32(msg, LAST | (n - 4));
		for (sent = 0; sent < n; sent += rc) {
			rc = send(fd, msg + sent, n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
			if (rc >= 0)
				continue;
			rc = 0;
			if (poll(&p, 1, 1500) <= 0) {
				*rest = sent;
				return xid - 1;
			}
		}
	}
	return READS;
}

static const char *test_slow_reader(void)
{
	static uint8_t seen[READS + 2];
	uint8_t msg[MSG_SIZE], r[64];
	uint32_t sent, rest, n, i;
	int fd = dial(nfs_port), small = 4096;
	const char *why;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	sent = stuff(fd, msg, &rest);
	why = alive();
	if (why)
		return why;
	EXPECT(sent < READS, "the engine took %u READs of 16 KiB with nobody reading", sent);
	printf("# %u READs of 16 KiB taken, nobody reading\n", sent);
	memset(seen, 0, sizeof(seen));
	for (i = 0; i < sent; i++) {
		EXPECT(reply(fd, r, sizeof(r)) > READ_SIZE, "answer %u of %u is missing", i, sent);
		n = get32(r);
		EXPECT(n >= 1 && n <= sent && !seen[n], "answer to %u, twice or to nobody", n);
		seen[n] = 1;
		EXPECT(!get32(r + 24), "READ %u: status %u", n, get32(r + 24));
	}
	if (rest) { /* the one that got stuck half way goes through now */
		n = read_call(msg + 4, sent + 1, 0, READ_SIZE) + 4;
		EXPECT(send_all(fd, msg + rest, n - rest), "send of the rest");
		EXPECT(reply(fd, r, sizeof(r)) > READ_SIZE, "no answer to the last one");
	}
	close(fd);
	return NULL;
}

static const struct test tests[] = {
	{"tcp_raw_mount_and_lookup", test_handle},
	{"tcp_record_byte_by_byte", test_byte_by_byte},
	{"tcp_record_in_many_fragments", test_many_fragments},
	{"tcp_many_records_at_once", test_many_records_at_once},
	{"p6_tcp_bad_streams_are_closed", test_bad_streams},
	{"p6_tcp_promised_bytes_cost_nothing", test_promised_but_not_sent},
	{"p7_tcp_slow_reader_is_not_read_from", test_slow_reader},
};

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: tcp_raw NFSPORT MOUNTPORT VAI\n");
		return 2;
	}
	nfs_port = atoi(argv[1]);
	mount_port = atoi(argv[2]);
	vai = argv[3];
	state = seed_from_env();
	return run_tests(tests, sizeof(tests) / sizeof(*tests));
}
