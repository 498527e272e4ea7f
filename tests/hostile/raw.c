// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames: headers that lie, fragments that do not fit, tags, broadcasts. A call's
 * xid says what has to become of it: MUST_NOT be answered, or SHALL be.
 */
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostile.h"

#define MUST_NOT 0xbad00000u
#define SHALL	 0x600d0000u
#define XID_KIND 0xffff0000u
#define ETH	 14u
#define IP	 (ETH + 20u)
#define UDP	 8u
#define SRC_PORT 900
#define ROUNDS	 3
#define PACE	 32
#define DF	 0x4000
#define MF	 0x2000

struct frame {
	uint32_t len;
	uint8_t b[FRAME_MAX + 64];
};

static int raw = -1;
static uint8_t mac[6], own_mac[6];
static struct in_addr own;
static struct msg m;
static struct frame f;
static uint8_t answered[65536]; /* xids of SHALL */

static void raw_open(void)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct ifreq ifr = {0};
	char line[200], ip[32], hw[32];
	unsigned int x[6], i;
	FILE *arp;
	int fd = udp_open(opt.nfs, true);

	rpc_call(&m, rnd(), PROG_NFS, 3, 0);
	udp_ask(fd, &m, NULL, NULL); /* and now the neighbour is known */
	close(fd);
	arp = fopen("/proc/net/arp", "r");
	while (arp && fgets(line, sizeof(line), arp))
		if (sscanf(line, "%31s %*s %*s %31s", ip, hw) == 2 &&
		    !strcmp(ip, inet_ntoa(opt.to)) &&
		    sscanf(hw, "%x:%x:%x:%x:%x:%x", x, x + 1, x + 2, x + 3, x + 4, x + 5) == 6)
			for (i = 0; i < 6; i++)
				mac[i] = x[i];
	if (arp)
		fclose(arp);
	raw = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	strncpy(ifr.ifr_name, opt.dev ? opt.dev : "", IFNAMSIZ - 1);
	if (raw < 0 || ioctl(raw, SIOCGIFHWADDR, &ifr))
		die("raw socket");
	memcpy(own_mac, ifr.ifr_hwaddr.sa_data, 6);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCGIFADDR, &ifr))
		die("address of the device");
	own = ((struct sockaddr_in *)&ifr.ifr_addr)->sin_addr;
	close(fd);
	ll.sll_ifindex = if_nametoindex(opt.dev);
	if (bind(raw, (struct sockaddr *)&ll, sizeof(ll)))
		die("raw socket");
	memset(answered, 0, sizeof(answered));
}

/* What the target says meanwhile. */
static void raw_look(int ms)
{
	static uint8_t b[65536];
	struct pollfd pfd = {.fd = raw, .events = POLLIN};
	uint32_t xid, ihl;
	ssize_t n;

	while (poll(&pfd, 1, ms) > 0) {
		n = recv(raw, b, sizeof(b), MSG_DONTWAIT);
		if (n < (int)(IP + UDP + 4) || memcmp(b + 6, mac, 6) || get16(b + 12) != ETH_P_IP ||
		    b[23] != IPPROTO_UDP || memcmp(b + 30, &own, 4))
			continue;
		ihl = (b[14] & 15) * 4u;
		if (get16(b + ETH + ihl) != opt.nfs && get16(b + ETH + ihl) != opt.amp)
			continue;
		tally.answers++;
		if (memcmp(b + 26, &opt.to, 4))
			wrong("an answer comes from %d.%d.%d.%d", b[26], b[27], b[28], b[29]);
		xid = get32(b + ETH + ihl + UDP);
		if ((xid & XID_KIND) == MUST_NOT)
			wrong("what must not be answered was: %u", xid & 0xffff);
		if ((xid & XID_KIND) == SHALL)
			answered[xid & 0xffff] = 1;
	}
}

static void raw_send(const struct frame *fr)
{
	tally.sent++;
	if (send(raw, fr->b, fr->len, 0) < 0)
		tally.failed++;
	raw_look(0);
	if (tally.sent % PACE == 0)
		usleep(1000);
}

static void seal_ip(struct frame *fr)
{
	uint32_t hl = (fr->b[ETH] & 15) * 4u;

	put16(fr->b + ETH + 10, 0);
	put16(fr->b + ETH + 10, inet_sum(fr->b + ETH, hl, 0));
}

/* @at: the UDP header; over its own length. */
static void seal_udp(struct frame *fr, uint32_t at)
{
	uint32_t n = get16(fr->b + at + 4), sum = n + IPPROTO_UDP, i;
	uint16_t c;

	for (i = 0; i < 8; i += 2)
		sum += get16(fr->b + ETH + 12 + i);
	put16(fr->b + at + 6, 0);
	c = inet_sum(fr->b + at, n, sum);
	put16(fr->b + at + 6, c ? c : 0xffff);
}

static void put_addrs(struct frame *fr, const uint8_t dst[6], uint32_t saddr, uint32_t daddr)
{
	memcpy(fr->b, dst, 6);
	memcpy(fr->b + 6, own_mac, 6);
	memcpy(fr->b + ETH + 12, &saddr, 4);
	memcpy(fr->b + ETH + 16, &daddr, 4);
}

/* A good NULL call, as a frame with @opts bytes of IP options. */
static void call_frame(struct frame *fr, uint32_t xid, const uint8_t *options, uint32_t opts)
{
	uint32_t at = IP + opts;

	rpc_call(&m, xid, PROG_NFS, 3, 0);
	memset(fr, 0, sizeof(*fr));
	put16(fr->b + 12, ETH_P_IP);
	fr->b[ETH] = 0x45 + opts / 4;
	put16(fr->b + ETH + 2, 20 + opts + UDP + m.len);
	put16(fr->b + ETH + 4, rnd());
	fr->b[ETH + 8] = 64;
	fr->b[ETH + 9] = IPPROTO_UDP;
	put_addrs(fr, mac, own.s_addr, opt.to.s_addr);
	if (opts)
		memcpy(fr->b + IP, options, opts);
	put16(fr->b + at, SRC_PORT);
	put16(fr->b + at + 2, opt.nfs);
	put16(fr->b + at + 4, UDP + m.len);
	memcpy(fr->b + at + UDP, m.b, m.len);
	fr->len = at + UDP + m.len;
	seal_ip(fr);
	seal_udp(fr, at);
}

/* ---- headers ---- */

static void ip_lies(void)
{
	static const uint16_t lens[] = {0, 1, 19, 20, 21, 27, 28, 29, 60, 1500, 65535};
	uint32_t i, good;

	for (i = 0; i < 256; i++) { /* version and header length */
		if (i == 0x45)
			continue;
		call_frame(&f, MUST_NOT | 1, NULL, 0);
		f.b[ETH] = i;
		if (rnd_below(2) && (i & 15) >= 5)
			seal_ip(&f);
		raw_send(&f);
	}
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		call_frame(&f, MUST_NOT | 2, NULL, 0);
		put16(f.b + ETH + 2, lens[i]);
		seal_ip(&f);
		raw_send(&f);
	}
	call_frame(&f, 0, NULL, 0);
	good = f.len;
	for (i = ETH; i < good; i++) { /* frames that end before the packet */
		call_frame(&f, MUST_NOT | 3, NULL, 0);
		f.len = i;
		raw_send(&f);
	}
	for (i = 0; i < 16; i++) {
		call_frame(&f, MUST_NOT | 4, NULL, 0);
		f.b[ETH + 10] ^= 1 << rnd_below(8);
		raw_send(&f);
	}
}

static void udp_lies(void)
{
	static const uint16_t lens[] = {0, 1, 7, 65535, 1000};
	uint32_t i;

	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		call_frame(&f, MUST_NOT | 5, NULL, 0);
		put16(f.b + IP + 4, lens[i]);
		if (lens[i] >= 8 && lens[i] < 1200)
			seal_udp(&f, IP);
		raw_send(&f);
	}
	for (i = 8; i < UDP + 72; i++) { /* a datagram that ends before the packet: cut calls */
		call_frame(&f, MUST_NOT | 6, NULL, 0);
		put16(f.b + IP + 4, i);
		seal_udp(&f, IP);
		if (i < UDP + 68)
			raw_send(&f);
	}
	for (i = 0; i < 200; i++) { /* a bit turned anywhere under the checksum */
		uint32_t at = IP + rnd_below(f.len - IP);

		call_frame(&f, MUST_NOT | 7, NULL, 0);
		f.b[at] ^= 1 << rnd_below(8);
		raw_send(&f);
	}
	for (i = 0; i < 16; i++) {
		call_frame(&f, MUST_NOT | 8, NULL, 0);
		put16(f.b + IP + 6, 1 + (rnd() >> 48) % 0xfffd);
		if (i == 0)
			put16(f.b + IP + 6, 0xffff);
		raw_send(&f);
	}
}

/* What is odd but good: has to be answered. */
static void odd_but_good(void)
{
	static const uint8_t nops[4] = {1, 1, 1, 0}, ralert[4] = {148, 4, 0, 0};
	uint32_t i;

	for (i = 0; i < ROUNDS; i++) {
		call_frame(&f, SHALL | 1, nops, 4);
		raw_send(&f);
		call_frame(&f, SHALL | 2, ralert, 4);
		raw_send(&f);
		call_frame(&f, SHALL | 3, NULL, 0); /* no checksum: RFC 768 allows it */
		put16(f.b + IP + 6, 0);
		raw_send(&f);
		call_frame(&f, SHALL | 4, NULL, 0); /* padding behind the packet */
		f.len += 100;
		rnd_bytes(f.b + f.len - 100, 100);
		raw_send(&f);
		raw_look(300);
	}
	for (i = 1; i <= 4; i++)
		if (!answered[i])
			wrong("odd but good call %u is not answered", i);
}

static void ip_options(void)
{
	static uint8_t o[40];
	static const uint8_t kinds[] = {0, 1, 7, 68, 131, 137, 130, 148, 134, 255};
	uint32_t i, n;

	for (i = 0; i < 300 && !time_over(); i++) {
		n = 4 * (1 + rnd_below(10));
		rnd_bytes(o, n);
		o[0] = kinds[rnd_below(10)];
		o[1] = rnd_below(2) ? n : rnd_below(45);
		o[2] = rnd_below(2) ? 4 : rnd_below(45);
		call_frame(&f, 0x0dd00000, o, n);
		raw_send(&f);
	}
}

void attack_headers(void)
{
	raw_open();
	ip_lies();
	udp_lies();
	ip_options();
	odd_but_good();
	raw_look(300);
	close(raw);
}

/* ---- fragments ---- */

/* Bytes [off, off + n) of the packet in @whole, as a fragment with offset @to. */
static void fragment(const struct frame *whole, uint16_t id, uint32_t off, uint32_t n, uint32_t to,
		     bool more)
{
	static struct frame p;

	memset(&p, 0, sizeof(p));
	memcpy(p.b, whole->b, IP);
	memcpy(p.b + IP, whole->b + IP + off, n);
	p.len = IP + n;
	put16(p.b + ETH + 2, 20 + n);
	put16(p.b + ETH + 4, id);
	put16(p.b + ETH + 6, to / 8 | (more ? MF : 0));
	seal_ip(&p);
	raw_send(&p);
}

static void fragments_good(void)
{
	uint32_t i, k, n;
	uint16_t id;

	for (i = 0; i < ROUNDS; i++) {
		call_frame(&f, SHALL | 5, NULL, 0);
		n = f.len - IP;
		id = rnd();
		/* Eight bytes each, the last first. */
		for (k = (n - 1) / 8 + 1; k-- > 0;)
			fragment(&f, id, k * 8, n - k * 8 < 8 ? n - k * 8 : 8, k * 8,
				 k * 8 + 8 < n);
		raw_look(300);
	}
	if (!answered[5])
		wrong("a call in fragments is not answered");
}

void attack_fragments(void)
{
	uint32_t i, n, off;
	uint16_t id;

	raw_open();
	call_frame(&f, MUST_NOT | 9, NULL, 0);
	n = f.len - IP;
	for (i = 0; i < opt.count && !time_over(); i++) {
		id = rnd();
		switch (rnd_below(7)) {
		case 0: /* the first of some, the others never */
			fragment(&f, id, 0, 8 + 8 * rnd_below(8), 0, true);
			break;
		case 1: /* the last alone */
			fragment(&f, id, 64, n - 64, 64 + 8 * rnd_below(8000), false);
			break;
		case 2: /* overlapping */
			fragment(&f, id, 0, 48, 0, true);
			fragment(&f, id, 32, 32, 32, true);
			fragment(&f, id, 40, n - 40, 40, false);
			break;
		case 3: /* beyond 65535 */
			fragment(&f, id, 0, 80, 65528, rnd_below(2));
			break;
		case 4: /* inside of another one */
			fragment(&f, id, 0, 72, 0, true);
			fragment(&f, id, 24, 4, 24, false);
			break;
		case 5: /* two ends */
			fragment(&f, id, 72, 8, 72, false);
			fragment(&f, id, 72, 8, 200, false);
			fragment(&f, id, 0, 72, 0, true);
			break;
		default: /* lengths that are no multiple of 8, and empty ones */
			off = 8 * rnd_below(8);
			fragment(&f, id, off, rnd_below(8), off, true);
		}
	}
	fragments_good();
	close(raw);
}

/* ---- links and addresses ---- */

static void tagged(void)
{
	static const uint16_t tags[] = {0, 1, 5, 100, 4095, 0xe001};
	static struct frame t;
	uint32_t i, depth, cut;

	for (i = 0; i < 120; i++) {
		call_frame(&f, 0x0dd10000, NULL, 0);
		depth = 1 + rnd_below(4);
		memset(&t, 0, sizeof(t));
		memcpy(t.b, f.b, 12);
		t.len = 12;
		while (depth--) {
			put16(t.b + t.len, rnd_below(2) ? 0x8100 : 0x88a8);
			put16(t.b + t.len + 2, tags[rnd_below(6)]);
			t.len += 4;
		}
		memcpy(t.b + t.len, f.b + 12, f.len - 12);
		cut = t.len + f.len - 12;
		t.len = rnd_below(3) ? cut : ETH + rnd_below(cut - ETH);
		raw_send(&t);
	}
}

static void addresses(void)
{
	static const uint8_t bcast[6] = {255, 255, 255, 255, 255, 255};
	static const uint8_t mcast[6] = {1, 0, 0x5e, 0, 0, 1}, other[6] = {2, 9, 9, 9, 9, 9};
	uint32_t net = htonl(0xffffff00) & own.s_addr, all = net | htonl(255);
	const uint32_t dst[] = {0xffffffff, all, net, htonl(0xe0000001), htonl(0x7f000001), 0};
	const uint32_t src[] = {
		0,	   0xffffffff, all, htonl(0xe0000001), htonl(0x7f000001), opt.to.s_addr,
		own.s_addr};
	uint32_t i, k;

	/* If a call to everybody is answered at all, then from an address that is somebody's. */
	for (i = 0; i < sizeof(dst) / sizeof(dst[0]); i++) {
		call_frame(&f, (i < 4 ? 0x0dd30000 : MUST_NOT) | (10 + i), NULL, 0);
		for (k = 0; k < 3; k++) {
			put_addrs(&f, k == 0 ? mac : k == 1 ? bcast : mcast, own.s_addr, dst[i]);
			seal_ip(&f);
			seal_udp(&f, IP);
			raw_send(&f);
		}
	}
	for (i = 0; i < 6; i++) {
		call_frame(&f, MUST_NOT | (20 + i), NULL, 0);
		put_addrs(&f, i % 2 ? mac : bcast, src[i], i % 2 ? opt.to.s_addr : all);
		seal_ip(&f);
		seal_udp(&f, IP);
		raw_send(&f);
	}
	/* A frame for another machine, and for all machines, with the target's own address. */
	call_frame(&f, MUST_NOT | 30, NULL, 0);
	memcpy(f.b, other, 6);
	raw_send(&f);
	call_frame(&f, 0x0dd40000, NULL, 0);
	memcpy(f.b, bcast, 6);
	raw_send(&f);
	call_frame(&f, 0x0dd20000, NULL, 0); /* from port 0, and from the server's own port */
	put16(f.b + IP, 0);
	seal_udp(&f, IP);
	raw_send(&f);
}

static void noise(void)
{
	static const uint16_t types[] = {0x0800, 0x86dd, 0x0806, 0x0004, 0x8864, 0x88cc, 0xffff};
	uint32_t i;

	for (i = 0; i < opt.count / 4 && !time_over(); i++) {
		memset(&f, 0, sizeof(f));
		f.len = ETH + rnd_below(1486);
		rnd_bytes(f.b, f.len);
		memcpy(f.b, mac, 6);
		memcpy(f.b + 6, own_mac, 6);
		put16(f.b + 12, types[rnd_below(7)]);
		if (get16(f.b + 12) == 0x0806)
			memset(f.b + ETH, 0, 2); /* no ARP of ours: others live on this segment */
		if (get16(f.b + 12) == 0x86dd) {
			f.b[ETH] = 0x60;
			f.b[ETH + 6] = rnd_below(2) ? 17 : 44;
			put16(f.b + ETH + 42, opt.nfs);
		}
		raw_send(&f);
	}
}

void attack_links(void)
{
	raw_open();
	tagged();
	addresses();
	noise();
	raw_look(300);
	close(raw);
}

/* ---- TCP headers, and connections that are never opened ---- */

static void tcp_frame(uint32_t saddr, uint8_t flags, uint32_t extra)
{
	uint32_t sum, n = 20 + extra, i;
	uint8_t *t = f.b + IP;

	memset(&f, 0, sizeof(f));
	put16(f.b + 12, ETH_P_IP);
	f.b[ETH] = 0x45;
	put16(f.b + ETH + 2, 20 + n);
	f.b[ETH + 8] = 64;
	f.b[ETH + 9] = IPPROTO_TCP;
	put_addrs(&f, mac, saddr, opt.to.s_addr);
	put16(t, 1024 + rnd_below(60000));
	put16(t + 2, opt.nfs);
	put32(t + 4, rnd());
	put32(t + 8, rnd());
	t[12] = rnd_below(8) ? 0x50 : rnd_below(16) << 4;
	t[13] = flags;
	put16(t + 14, 1000);
	rnd_bytes(t + 20, extra);
	sum = n + IPPROTO_TCP;
	for (i = 0; i < 8; i += 2)
		sum += get16(f.b + ETH + 12 + i);
	put16(t + 16, inet_sum(t, n, sum) ^ (rnd_below(8) ? 0 : 1));
	f.len = IP + n;
	seal_ip(&f);
}

void attack_syns(void)
{
	uint32_t i, from;

	raw_open();
	for (i = 0; i < opt.count && !time_over(); i++) {
		from = rnd_below(4) ? htonl((ntohl(own.s_addr) & ~0xffu) | (200 + rnd_below(50)))
				    : own.s_addr;
		tcp_frame(from, rnd_below(2) ? 2 : rnd() >> 56, rnd_below(2) ? 0 : rnd_below(200));
		raw_send(&f);
	}
	close(raw);
}
