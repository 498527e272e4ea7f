// SPDX-License-Identifier: GPL-2.0-only
/* AMP from nobody in particular, HELLOs to be refused, a crowd of servers. */
#include <unistd.h>

#include "hostile.h"

#define MTU		1500
#define DONATION_ABSURD ((1ull << 34) + 1)
#define CODE_VERSION	1
#define CODE_POOL	3
#define CODE_DONATION	4
#define CODE_INVAL	11
#define HELLO_TRIES	5

static struct msg m;

/* Whole, cut, damaged, made up: nothing of it is in any session. */
void attack_amp(void)
{
	int fd = udp_open(opt.amp, false);
	uint32_t i, len;
	uint8_t type;

	for (type = 0; type < 20 && !time_over(); type++) {
		amp_msg(&m, type, rnd(), rnd());
		put16(m.b + 46, type % 2 ? 16 : 0);
		memset(m.b + AMP_HDR, 0, 256);
		amp_seal(&m);
		if (type == AMP_HELLO)
			continue;
		for (len = 0; len <= AMP_HDR + 16; len++)
			udp_send(fd, m.b, len);
	}
	for (i = 0; i < opt.count && !time_over(); i++) {
		type = AMP_WELCOME + rnd_below(14);
		amp_msg(&m, type, rnd(), rnd());
		put16(m.b + 8, rnd_below(300)); /* channel */
		m.b[6] = rnd_below(6);
		m.b[7] = rnd_below(6);
		rnd_bytes(m.b + 20, 32);
		m.b[76] = rnd_below(4); /* form, and its length */
		put16(m.b + 78, rnd_below(3) ? 4096 : rnd_below(65536));
		put16(m.b + 46, rnd_below(1500));
		rnd_bytes(m.b + AMP_HDR, 1500);
		amp_seal(&m);
		m.len = AMP_HDR + rnd_below(1500);
		if (rnd_below(2))
			mutate(&m);
		if (m.len > 5 && m.b[5] == AMP_HELLO)
			continue;
		udp_send(fd, m.b, m.len);
	}
	close(fd);
}

/* A HELLO that is to be refused with @code; 0: to be dropped. Never to be welcomed. */
static void hello_refused(int fd, const char *what, uint16_t code)
{
	static uint8_t b[FRAME_MAX];
	uint32_t seq = get32(m.b + 12);
	int i, n;

	for (i = 0; i < HELLO_TRIES; i++) {
		udp_send(fd, m.b, m.len);
		while ((n = udp_wait(fd, b, sizeof(b), code ? 500 : 100)) >= 0) {
			if (n < (int)AMP_HDR || get32(b + 12) != seq)
				continue;
			if (b[5] == AMP_WELCOME)
				wrong("welcomed: %s", what);
			else if (b[5] != AMP_REFUSE || get16(b + 10) != code)
				wrong("%s: answered %u code %u", what, b[5], get16(b + 10));
			if (n > (int)m.len)
				wrong("%s: the answer is longer than the HELLO", what);
			return;
		}
		if (!code)
			return;
	}
	wrong("%s: no answer", what);
}

void attack_hello(void)
{
	int fd = udp_open(opt.amp, false);
	uint8_t uuid[16];
	uint32_t i;

	rnd_bytes(uuid, sizeof(uuid));
	amp_hello(&m, uuid, 0, MTU);
	hello_refused(fd, "a donation of nothing", CODE_DONATION);
	amp_hello(&m, uuid, DONATION_ABSURD, MTU);
	hello_refused(fd, "a donation of more than there is", CODE_DONATION);
	amp_hello(&m, uuid, ~0ull, MTU);
	hello_refused(fd, "a donation of all bits", CODE_DONATION);
	amp_hello(&m, uuid, 1000, MTU);
	m.b[4] = 2;
	amp_seal(&m);
	hello_refused(fd, "another protocol version", CODE_VERSION);
	amp_hello(&m, uuid, 1000, MTU);
	rnd_bytes(m.b + AMP_HDR + 16, 16);
	amp_seal(&m);
	hello_refused(fd, "another pool", CODE_POOL);
	amp_hello(&m, (const uint8_t[16]){0}, 1000, MTU);
	hello_refused(fd, "no identity", CODE_INVAL);
	amp_hello(&m, uuid, 1000, 1279);
	hello_refused(fd, "a path too narrow", CODE_INVAL);
	amp_hello(&m, uuid, 1000, 9217);
	m.len = 9217 - 48;
	hello_refused(fd, "a path too wide", CODE_INVAL);
	amp_hello(&m, uuid, 1000, 9000);
	m.len = AMP_HDR + AMP_HELLO_BODY;
	hello_refused(fd, "not padded to what it claims", 0);
	amp_hello(&m, uuid, 1000, MTU);
	m.b[AMP_HDR + 40] ^= 1;
	hello_refused(fd, "a bad CRC", 0);
	for (i = 0; i < AMP_HDR + AMP_HELLO_BODY && !time_over(); i++) {
		amp_hello(&m, uuid, 1000, MTU);
		udp_send(fd, m.b, i);
	}
	if (udp_wait(fd, m.b, MSG_MAX, 200) > 5 && m.b[5] == AMP_WELCOME)
		wrong("welcomed: a HELLO cut short");
	close(fd);
}

/* As many servers as are welcomed, each of one page, none of them heard of again. */
void attack_servers(void)
{
	int fd = udp_open(opt.amp, false);
	uint8_t uuid[16];
	uint32_t i;

	for (i = 0; i < opt.count && !time_over(); i++) {
		rnd_bytes(uuid, sizeof(uuid));
		amp_hello(&m, uuid, 1, 1280);
		udp_send(fd, m.b, m.len);
	}
	close(fd);
}
