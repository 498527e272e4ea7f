// SPDX-License-Identifier: GPL-2.0-only
/*
 * On the wire between the target and the others: --dev is the port of a bridge
 * that the target hangs on. What went to its AMP port or NFS port goes there again:
 * at once, late, damaged with and without the checksum made good, in another order.
 */
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostile.h"

#define KEPT 512
#define ETH  14u
#define IP   (ETH + 20u)

struct kept {
	uint32_t len;
	uint8_t b[FRAME_MAX];
};

static struct kept kept[KEPT];
static uint32_t nkept;

static int replay_open(void)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	ll.sll_ifindex = if_nametoindex(opt.dev);
	if (fd < 0 || bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		die("raw socket");
	return fd;
}

static void seal(struct kept *k)
{
	uint32_t n = get16(k->b + IP + 4), sum = n + IPPROTO_UDP, i;

	for (i = 0; i < 8; i += 2)
		sum += get16(k->b + ETH + 12 + i);
	put16(k->b + IP + 6, 0);
	if (IP + n <= k->len)
		put16(k->b + IP + 6, inet_sum(k->b + IP, n, sum) ?: 0xffff);
}

static void again(int fd, const struct kept *from)
{
	static struct kept k;
	uint32_t at;

	k = *from;
	switch (rnd_below(4)) {
	case 0: /* a bit turned; the header's own CRC or the page's has to tell */
		at = IP + 8 + rnd_below(k.len - IP - 8);
		k.b[at] ^= 1 << rnd_below(8);
		break;
	case 1: /* cut */
		k.len = IP + 8 + rnd_below(k.len - IP - 8);
		put16(k.b + IP + 4, k.len - IP);
		put16(k.b + ETH + 2, k.len - ETH);
		put16(k.b + ETH + 10, 0);
		put16(k.b + ETH + 10, inet_sum(k.b + ETH, 20, 0));
		break;
	default:
		break;
	}
	seal(&k);
	tally.sent++;
	if (send(fd, k.b, k.len, 0) < 0)
		tally.failed++;
}

static bool wanted(const uint8_t *b, int n)
{
	return n > (int)(IP + 8 + 4) && n <= (int)FRAME_MAX && get16(b + 12) == ETH_P_IP &&
	       b[ETH] == 0x45 && b[ETH + 9] == IPPROTO_UDP && !(get16(b + ETH + 6) & 0x3fff) &&
	       !memcmp(b + ETH + 16, &opt.to, 4) &&
	       (get16(b + IP + 2) == opt.amp || get16(b + IP + 2) == opt.nfs);
}

void attack_replay(void)
{
	static uint8_t b[65536];
	int fd = replay_open();
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	struct sockaddr_ll from;
	socklen_t len;
	int n;

	while (!time_over()) {
		if (poll(&pfd, 1, 50) <= 0) {
			if (nkept)
				again(fd, &kept[rnd_below(nkept < KEPT ? nkept : KEPT)]);
			continue;
		}
		len = sizeof(from);
		n = recvfrom(fd, b, sizeof(b), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		if (from.sll_pkttype != PACKET_OUTGOING || !wanted(b, n))
			continue;
		tally.answers++;
		if (rnd_below(8) == 0) {
			kept[nkept % KEPT].len = n;
			memcpy(kept[nkept++ % KEPT].b, b, n);
		}
		if (nkept && rnd_below(4) == 0)
			again(fd, &kept[rnd_below(nkept < KEPT ? nkept : KEPT)]);
	}
	if (!nkept)
		wrong("nothing passed on %s: nothing replayed", opt.dev);
	close(fd);
}
