// SPDX-License-Identifier: GPL-2.0-only
/* Random numbers, checksums, RPC and AMP messages, one UDP socket. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostile.h"

#define PORT_TRIES 400
#define ASK_TRIES  5
#define ASK_MS	   1000
#define PACE	   64 /* datagrams between two short pauses */
#define PACE_US	   1000

/* ---- random numbers: xorshift64*, repeatable ---- */

uint64_t rnd(void)
{
	static uint64_t s;

	if (!s)
		s = opt.seed * 0x9e3779b97f4a7c15ull | 1;
	s ^= s >> 12;
	s ^= s << 25;
	s ^= s >> 27;
	return s * 0x2545f4914f6cdd1dull;
}

uint32_t rnd_below(uint32_t n)
{
	return n ? (rnd() >> 32) % n : 0;
}

void rnd_bytes(void *p, uint32_t n)
{
	uint8_t *b = p;

	while (n--)
		*b++ = rnd() >> 56;
}

/* ---- numbers on the wire ---- */

void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

void put64(uint8_t *p, uint64_t v)
{
	put32(p, v >> 32);
	put32(p + 4, v);
}

uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

uint32_t crc32c(uint32_t crc, const void *p, uint32_t n)
{
	const uint8_t *b = p;
	int i;

	crc = ~crc;
	while (n--) {
		crc ^= *b++;
		for (i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

uint16_t inet_sum(const void *p, uint32_t n, uint32_t sum)
{
	const uint8_t *b = p;

	for (; n > 1; n -= 2, b += 2)
		sum += get16(b);
	if (n)
		sum += *b << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* ---- RPC ---- */

void rpc_u32(struct msg *m, uint32_t v)
{
	put32(m->b + m->len, v);
	m->len += 4;
}

void rpc_u64(struct msg *m, uint64_t v)
{
	rpc_u32(m, v >> 32);
	rpc_u32(m, v);
}

void rpc_bytes(struct msg *m, const void *p, uint32_t n)
{
	rpc_u32(m, n);
	memcpy(m->b + m->len, p, n);
	memset(m->b + m->len + n, 0, 3);
	m->len += (n + 3) & ~3u;
}

/* The head of a call, AUTH_SYS of root. */
void rpc_call(struct msg *m, uint32_t xid, uint32_t prog, uint32_t vers, uint32_t proc)
{
	m->len = 0;
	rpc_u32(m, xid);
	rpc_u32(m, 0);
	rpc_u32(m, 2);
	rpc_u32(m, prog);
	rpc_u32(m, vers);
	rpc_u32(m, proc);
	rpc_u32(m, 1);
	rpc_u32(m, 28);
	rpc_u32(m, 0);
	rpc_bytes(m, "hostile", 7);
	rpc_u32(m, 0);
	rpc_u32(m, 0);
	rpc_u32(m, 0);
	rpc_u64(m, 0);
}

/* A well-formed NFSv3 call of @proc about the object @fh. */
void nfs_call(struct msg *m, uint32_t xid, uint32_t proc, const uint8_t *fh, uint32_t fh_len)
{
	static const uint8_t data[512];

	rpc_call(m, xid, PROG_NFS, 3, proc);
	if (!proc)
		return;
	rpc_bytes(m, fh, fh_len);
	switch (proc) {
	case 2: /* SETATTR: nothing set, no guard */
		memset(m->b + m->len, 0, 28);
		m->len += 28;
		break;
	case 3: /* LOOKUP */
		rpc_bytes(m, "swapfile", 8);
		break;
	case 4: /* ACCESS */
		rpc_u32(m, 0x3f);
		break;
	case 6: /* READ */
		rpc_u64(m, 4096);
		rpc_u32(m, 4096);
		break;
	case 7: /* WRITE, FILE_SYNC */
		rpc_u64(m, 4096);
		rpc_u32(m, sizeof(data));
		rpc_u32(m, 2);
		rpc_bytes(m, data, sizeof(data));
		break;
	case 8:
	case 9:
	case 10:
	case 11:
	case 12:
	case 13: /* CREATE to RMDIR */
		rpc_bytes(m, "evil", 4);
		memset(m->b + m->len, 0, 40);
		m->len += 40;
		break;
	case 14:
	case 15: /* RENAME, LINK */
		rpc_bytes(m, "swapfile", 8);
		rpc_bytes(m, fh, fh_len);
		rpc_bytes(m, "evil", 4);
		break;
	case 16:
	case 17: /* READDIR, READDIRPLUS */
		rpc_u64(m, 0);
		rpc_u64(m, 0);
		rpc_u32(m, 4096);
		rpc_u32(m, 4096);
		break;
	case 21: /* COMMIT */
		rpc_u64(m, 0);
		rpc_u32(m, 0);
		break;
	}
}

/*
 * The first word of the results of an accepted call. Return: -1 when it is no
 * reply to @xid, -2 when the call was not carried out.
 */
int64_t rpc_status(const uint8_t *b, uint32_t len, uint32_t xid)
{
	if (len < 12 || get32(b) != xid || get32(b + 4) != 1)
		return -1;
	if (get32(b + 8) || len < 28 || get32(b + 20))
		return -2;
	return get32(b + 24);
}

/* Damage it: bits, words, length. */
void mutate(struct msg *m)
{
	static const uint32_t words[] = {0,	     1,		 3,	     0xff,  0x7fffffff,
					 0x80000000, 0xffffffff, 0xfffffffc, 65536, 400,
					 401,	     64,	 65};
	uint32_t i, n = 1 + rnd_below(4);

	for (i = 0; i < n && m->len; i++) {
		switch (rnd_below(4)) {
		case 0:
			m->b[rnd_below(m->len)] ^= 1 << rnd_below(8);
			break;
		case 1:
			if (m->len >= 4)
				put32(m->b + rnd_below(m->len / 4) * 4,
				      words[rnd_below(sizeof(words) / sizeof(words[0]))]);
			break;
		case 2:
			m->len = rnd_below(m->len + 1);
			break;
		default:
			rnd_bytes(m->b + m->len, 64);
			if (m->len + 64 < MSG_MAX - 64)
				m->len += rnd_below(64);
		}
	}
}

/* ---- AMP ---- */

void amp_msg(struct msg *m, uint8_t type, uint32_t session, uint32_t seq)
{
	m->len = AMP_HDR;
	memset(m->b, 0, AMP_HDR);
	put32(m->b, 0x414e4d50);
	m->b[4] = 1;
	m->b[5] = type;
	m->b[7] = 1;
	put16(m->b + 8, 0xffff);
	put32(m->b + 12, seq);
	put32(m->b + 16, session);
}

/* Header CRC, over the payload too unless that is a page. */
void amp_seal(struct msg *m)
{
	uint32_t crc, n = get16(m->b + 46);

	put32(m->b + 52, 0);
	crc = crc32c(0, m->b, AMP_HDR);
	if (m->b[5] != AMP_PAGE_OUT && m->b[5] != AMP_PAGE && AMP_HDR + n <= MSG_MAX)
		crc = crc32c(crc, m->b + AMP_HDR, n);
	put32(m->b + 52, crc);
}

void amp_hello(struct msg *m, const uint8_t uuid[16], uint64_t donation, uint16_t mtu)
{
	uint8_t *p = m->b + AMP_HDR;

	amp_msg(m, AMP_HELLO, 0, rnd());
	memset(p, 0, FRAME_MAX);
	memcpy(p, uuid, 16);
	put64(p + 32, rnd());
	put64(p + 40, donation);
	put16(p + 56, mtu);
	put16(p + 58, 64);
	memcpy(p + 64, "hostile\n\033[31m", 13);
	put16(m->b + 46, AMP_HELLO_BODY);
	amp_seal(m);
	m->len = mtu - 48u;
	if (m->len < AMP_HDR + AMP_HELLO_BODY || m->len > FRAME_MAX)
		m->len = AMP_HDR + AMP_HELLO_BODY;
}

/* ---- a UDP socket, connected to @port of the target ---- */

int udp_open(uint16_t port, bool reserved)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int i, rc = -1;

	for (i = 0; reserved && rc && i < PORT_TRIES; i++) {
		sin.sin_port = htons(1023 - i);
		rc = bind(fd, (struct sockaddr *)&sin, sizeof(sin));
	}
	sin.sin_port = htons(port);
	sin.sin_addr = opt.to;
	if (fd < 0 || (reserved && rc) || connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		die("UDP socket");
	return fd;
}

/* Leaves alone what has come in. */
void udp_push(int fd, const void *p, uint32_t n)
{
	tally.sent++;
	if (send(fd, p, n, MSG_DONTWAIT) < 0)
		tally.failed++;
}

void udp_send(int fd, const void *p, uint32_t n)
{
	uint8_t junk[2048];

	udp_push(fd, p, n);
	while (recv(fd, junk, sizeof(junk), MSG_DONTWAIT) >= 0)
		tally.answers++;
	if (tally.sent % PACE == 0)
		usleep(PACE_US);
}

/* Return: length of a datagram, -1 when none came in time. */
int udp_wait(int fd, void *p, uint32_t n, int ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	int len;

	if (poll(&pfd, 1, ms) <= 0)
		return -1;
	len = recv(fd, p, n, MSG_DONTWAIT);
	if (len >= 0)
		tally.answers++;
	return len;
}

/* Ask until there is an answer. Return: as rpc_status(), -3 without any answer. */
int64_t udp_ask(int fd, const struct msg *m, uint8_t *reply, uint32_t *len)
{
	uint8_t buf[MSG_MAX];
	int64_t st;
	int i, n;

	for (i = 0; i < ASK_TRIES; i++) {
		tally.sent++;
		if (send(fd, m->b, m->len, 0) < 0)
			tally.failed++;
		while ((n = udp_wait(fd, buf, sizeof(buf), ASK_MS)) >= 0) {
			st = rpc_status(buf, n, get32(m->b));
			if (st == -1)
				continue;
			if (reply) {
				*len = n;
				memcpy(reply, buf, n);
			}
			return st;
		}
	}
	return -3;
}
