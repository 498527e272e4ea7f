// SPDX-License-Identifier: GPL-2.0-only
/*
 * A memory server that joins as any other and then lies: acknowledges what it
 * does not keep, and gives pages that are not what was stored, with CRCs that do
 * not fit, of other versions, twice, for other channels and keys.
 */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostile.h"

#define DONATION (1u << 20) /* pages: 4 GiB that are not there */
#define MTU	 1500
#define PAGE	 4096u
#define PART	 ((MTU - 48u - AMP_HDR) & ~7u)
#define LIES	 6 /* the ways in which a page is not what was stored */

static struct msg out;
static uint8_t in[65536];
static uint32_t session, pages_asked, beats, lies;

static void answer_plain(int fd, uint8_t type, uint16_t code)
{
	amp_msg(&out, type, session, get32(in + 12));
	memcpy(out.b + 8, in + 8, 2);
	put16(out.b + 10, code);
	memcpy(out.b + 20, in + 20, 24);
	amp_seal(&out);
	udp_push(fd, out.b, out.len);
}

/* A page in parts; @how: what is wrong with it, 0 to LIES - 1. */
static void answer_page(int fd, uint32_t how)
{
	static uint8_t page[PAGE];
	uint32_t off, n, crc, parts = (PAGE + PART - 1) / PART, part = 0;

	rnd_bytes(page, 64);
	crc = how ? crc32c(0, page, PAGE) : rnd();
	for (off = 0; off < PAGE; off += n, part++) {
		n = PAGE - off < PART ? PAGE - off : PART;
		amp_msg(&out, AMP_PAGE, session, get32(in + 12) + (how == 1));
		out.b[6] = part;
		out.b[7] = parts;
		memcpy(out.b + 8, in + 8, 2);
		memcpy(out.b + 20, in + 20, 24);
		if (how == 2)
			out.b[35] ^= 0x10; /* another offset */
		if (how == 3)
			put64(out.b + 36, get64(in + 36) - 1);
		put16(out.b + 44, off);
		put16(out.b + 46, n);
		put32(out.b + 48, crc);
		out.b[76] = how ==
			    5; /* called packed, and of a length that a packed page cannot have */
		put16(out.b + 78, PAGE);
		memcpy(out.b + AMP_HDR, page + off, n);
		amp_seal(&out);
		out.len = AMP_HDR + n;
		if (how == 4)
			out.len -= rnd_below(out.len);
		udp_push(fd, out.b, out.len);
	}
}

/*
 * Each lie in its turn, the bad CRC first: a server that is found out is asked only a few times.
 * Never a page whose CRC agrees with itself under the right key, version and
 * sequence number: against such a server only authentication helps.
 */
static void lie(int fd, int n)
{
	if (n < (int)AMP_HDR || get32(in + 16) != session)
		return;
	switch (in[5]) {
	case AMP_PAGE_OUT:
		if (in[6] + 1 == in[7]) {
			answer_plain(fd, AMP_ACK, 0);
			if (rnd_below(4) == 0)
				answer_plain(fd, AMP_NACK, rnd_below(14));
		}
		break;
	case AMP_PAGE_IN:
		pages_asked++;
		if (lies && rnd_below(8) == 0)
			answer_plain(fd, AMP_NACK, 8);
		else if (lies && rnd_below(8) == 0)
			answer_plain(fd, AMP_ACK, rnd_below(14));
		else
			answer_page(fd, lies++ % LIES);
		break;
	case AMP_DISCARD:
	case AMP_DISCARD_VAI:
		answer_plain(fd, AMP_ACK, 0);
		break;
	}
}

static void beat(int fd)
{
	amp_msg(&out, AMP_HEARTBEAT, session, ++beats);
	put16(out.b + 46, 24);
	put64(out.b + AMP_HDR, rnd_below(4) ? DONATION : rnd());
	put64(out.b + AMP_HDR + 8, rnd_below(4) ? 0 : rnd());
	put64(out.b + AMP_HDR + 16, rnd_below(4) ? 0 : rnd());
	amp_seal(&out);
	out.len = AMP_HDR + 24;
	udp_push(fd, out.b, out.len);
}

static bool join(int fd)
{
	uint8_t uuid[16];
	int i, n;

	rnd_bytes(uuid, sizeof(uuid));
	for (i = 0; i < 20; i++) {
		amp_hello(&out, uuid, DONATION, MTU);
		udp_push(fd, out.b, out.len);
		n = udp_wait(fd, in, sizeof(in), 200);
		if (n >= (int)AMP_HDR && in[5] == AMP_WELCOME) {
			session = get32(in + 16);
			return true;
		}
	}
	return false;
}

void attack_rogue(void)
{
	int fd = udp_open(opt.amp, false), n;
	double next = 0;

	session = 0;
	pages_asked = 0;
	if (!join(fd))
		wrong("the rogue was not let in: nothing tested");
	while (session && !time_over()) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};

		if (now_s() > next) {
			beat(fd);
			next = now_s() + 0.1;
		}
		if (poll(&pfd, 1, 50) <= 0)
			continue;
		n = recv(fd, in, sizeof(in), MSG_DONTWAIT);
		tally.answers++;
		lie(fd, n);
	}
	printf("hostile: rogue was asked for %u pages\n", pages_asked);
	close(fd);
}
