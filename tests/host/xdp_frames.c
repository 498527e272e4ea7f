// SPDX-License-Identifier: GPL-2.0-only
/*
 * One frame with a NULL call to the engine, made by hand, and what becomes of it.
 *
 *   xdp_frames INTERFACE MAC FROM TO PORT CASE    prints "answered" or "silent"
 *   xdp_frames probe                              exit status 0 if AF_XDP is to be had here, else 1
 *                                                 and why
 *
 * An answer must be a good one, to the Ethernet address that the call came from. "answered
 * unfinished": its UDP checksum was left to a device that never came.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_xdp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ETH	  14
#define IP	  20
#define UDP	  8
#define CALL	  40 /* an RPC call without arguments or credentials */
#define REPLY	  24
#define FROM_PORT 700
#define MF	  0x2000
#define CUT	  24   /* bytes of the first of two fragments */
#define SILENT_MS 400  /* for so long there must be no answer */
#define ANSWER_MS 5000 /* and by then, there must be */

struct frame {
	size_t len;
	uint8_t b[256];
};

static uint8_t own_mac[6], to_mac[6];
static uint32_t from, to, xid;
static uint16_t port;

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t add(uint32_t sum, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		sum += i & 1 ? p[i] : p[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of the addresses in the IP header, protocol and length. */
static uint32_t pseudo(const uint8_t *ip, uint16_t len)
{
	return add(17 + len, ip + 12, 8);
}

/* The IP header over @n bytes of payload; @options: bytes of them, no-operations. */
static void put_ip(struct frame *f, size_t n, size_t options, uint16_t frag)
{
	uint8_t *ip = f->b + ETH;
	size_t len = IP + options;

	memset(ip, 0, len);
	ip[0] = 0x40 | len / 4;
	put16(ip + 2, len + n);
	put16(ip + 4, 0x1234);
	put16(ip + 6, frag);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, &from, 4);
	memcpy(ip + 16, &to, 4);
	memset(ip + IP, 1, options);
	put16(ip + 10, ~fold(add(0, ip, len)));
	f->len = ETH + len + n;
}

static void put_call(struct frame *f, size_t options)
{
	static const uint32_t words[CALL / 4] = {[2] = 2, [3] = 100003, [4] = 3};
	uint8_t *udp = f->b + ETH + IP + options, *rpc = udp + UDP;
	size_t i;

	memcpy(f->b, to_mac, 6);
	memcpy(f->b + 6, own_mac, 6);
	put16(f->b + 12, ETHERTYPE_IP);
	put_ip(f, UDP + CALL, options, 0);
	put16(udp, FROM_PORT);
	put16(udp + 2, port);
	put16(udp + 4, UDP + CALL);
	put16(udp + 6, 0);
	for (i = 0; i < CALL / 4; i++)
		put32(rpc + 4 * i, words[i]);
	put32(rpc, xid);
	put16(udp + 6, ~fold(pseudo(f->b + ETH, UDP + CALL) + add(0, udp, UDP + CALL)));
}

/* The two halves of it; the first in @f, the rest in @rest. */
static void cut(struct frame *f, struct frame *rest)
{
	*rest = *f;
	memmove(rest->b + ETH + IP, f->b + ETH + IP + CUT, UDP + CALL - CUT);
	put_ip(rest, UDP + CALL - CUT, 0, CUT / 8);
	put_ip(f, CUT, 0, MF);
}

/* Return: false for a case that there is none of. */
static bool make(const char *what, struct frame *f, struct frame *rest)
{
	uint8_t *ip = f->b + ETH, *udp = ip + IP;

	rest->len = 0;
	if (!strcmp(what, "from-engine"))
		from = to;
	else if (!strcmp(what, "from-loopback"))
		from = htonl(INADDR_LOOPBACK + 0x10000); /* not the one that lo has */
	else if (!strcmp(what, "other-mac"))
		to_mac[5] ^= 1;
	else if (!strcmp(what, "another-mac"))
		to_mac[2] ^= 1;
	put_call(f, strcmp(what, "options") ? 0 : 4);
	if (!strcmp(what, "unfinished"))
		put16(udp + 6, fold(pseudo(ip, UDP + CALL)));
	else if (!strcmp(what, "bad-sum"))
		put16(udp + 6, get16(udp + 6) ^ 1);
	else if (!strcmp(what, "no-sum"))
		put16(udp + 6, 0);
	else if (!strcmp(what, "bad-ip-sum"))
		put16(ip + 10, get16(ip + 10) ^ 1);
	else if (!strcmp(what, "too-long"))
		put16(udp + 4, UDP + CALL + 1);
	else if (!strcmp(what, "multicast"))
		f->b[6] |= 1;
	else if (!strcmp(what, "fragments"))
		cut(f, rest);
	else
		return strstr("plain options from-engine from-loopback other-mac another-mac "
			      "other-address elsewhere",
			      what);
	return true;
}

/* Whether it is the answer; complains of one that is not good. */
static bool is_answer(const uint8_t *b, size_t n, const char **why)
{
	const uint8_t *ip = b + ETH, *udp = ip + IP;
	uint32_t id = htonl(xid);

	if (n < ETH + IP + UDP + REPLY || get16(b + 12) != ETHERTYPE_IP || ip[9] != 17 ||
	    get16(udp) != port || memcmp(udp + UDP, &id, 4))
		return false;
	if (memcmp(b, own_mac, 6) || memcmp(b + 6, to_mac, 6))
		*why = "its Ethernet addresses are not those of the call";
	else if (memcmp(ip + 12, &to, 4) || memcmp(ip + 16, &from, 4))
		*why = "its IP addresses are not those of the call";
	else if (fold(add(0, ip, IP)) != 0xffff)
		*why = "its IP checksum is wrong";
	else if (get16(udp + 4) != UDP + REPLY || get16(ip + 2) != IP + UDP + REPLY)
		*why = "its lengths are wrong";
	else if (get16(udp + 6) == fold(pseudo(ip, UDP + REPLY)))
		*why = "answered unfinished";
	else if (fold(pseudo(ip, UDP + REPLY) + add(0, udp, UDP + REPLY)) != 0xffff)
		*why = "its UDP checksum is wrong";
	return true;
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool wait_answer(int fd, int ms, const char **why)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	long end = now_ms() + ms;
	uint8_t buf[2048];
	ssize_t n;

	while (now_ms() < end) {
		if (poll(&p, 1, end - now_ms()) <= 0)
			continue;
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n > 0 && is_answer(buf, n, why))
			return true;
	}
	return false;
}

static int open_raw(const char *interface)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
	struct ifreq ifr = {0};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", interface);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr))
		return -1;
	memcpy(own_mac, ifr.ifr_hwaddr.sa_data, 6);
	ll.sll_ifindex = if_nametoindex(interface);
	return bind(fd, (struct sockaddr *)&ll, sizeof(ll)) ? -1 : fd;
}

static int probe(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_XSKMAP, .key_size = 4, .value_size = 4, .max_entries = 1};
	const char *what = "AF_XDP sockets";
	int fd = socket(AF_XDP, SOCK_RAW, 0);

	if (fd >= 0) {
		what = "BPF";
		fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	}
	if (fd < 0)
		printf("%s: %s\n", what, strerror(errno));
	return fd < 0;
}

int main(int argc, char **argv)
{
	struct frame f, rest;
	const char *why = NULL;
	bool silent, answered;
	int fd;

	if (argc == 2 && !strcmp(argv[1], "probe"))
		return probe();
	if (argc != 7 || sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", to_mac, to_mac + 1,
				to_mac + 2, to_mac + 3, to_mac + 4, to_mac + 5) != 6)
		return 2;
	inet_pton(AF_INET, argv[3], &from);
	inet_pton(AF_INET, argv[4], &to);
	port = atoi(argv[5]);
	xid = now_ms() << 8 | (getpid() & 0xff);
	fd = open_raw(argv[1]);
	if (fd < 0 || !make(argv[6], &f, &rest)) {
		fprintf(stderr, "xdp_frames: %s: %s\n", argv[6], strerror(errno));
		return 2;
	}
	silent = strstr("from-engine from-loopback other-mac another-mac other-address bad-sum "
			"bad-ip-sum too-long",
			argv[6]);
	if (send(fd, f.b, f.len, 0) < 0 || (rest.len && send(fd, rest.b, rest.len, 0) < 0)) {
		perror("xdp_frames: send");
		return 2;
	}
	answered = wait_answer(fd, silent ? SILENT_MS : ANSWER_MS, &why);
	puts(why ?: answered ? "answered" : "silent");
	return 0;
}
