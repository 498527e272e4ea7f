// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floor: answers with the page asked for, out of an array, and does nothing else.
 *
 *   echo blocking|batch PORT PAGES       recvfrom and sendto, or recvmmsg and sendmmsg
 *   echo packet INTERFACE ADDR PORT PAGES   the same in batches below UDP and IP: ADDR belongs to
 *                                           nobody, the client's neighbour table has it here
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include "load.h"

#define BATCH	64
#define SOCKBUF (8 << 20)
#define HEADERS (sizeof(struct ether_header) + sizeof(struct iphdr) + sizeof(struct udphdr))

struct frame {
	struct ether_header eth;
	struct iphdr ip;
	struct udphdr udp;
	u8 payload[ECHO_HEAD];
} __packed;

static u8 *pages;
static u64 npages;

static struct mmsghdr msg[BATCH];
static struct iovec iov[BATCH][2];
static struct sockaddr_storage peer[BATCH];
static u8 bufs[BATCH][2048];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int sock(int family, int type, int protocol)
{
	int buf = SOCKBUF, fd = socket(family, type, protocol);

	if (fd < 0)
		die("echo: socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buf, sizeof(buf));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buf, sizeof(buf));
	return fd;
}

static int udp(u16 port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = sock(AF_INET, SOCK_DGRAM, 0);

	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		die("echo: bind");
	return fd;
}

/* What is asked for by @head, or NULL. */
static u8 *asked(const void *head, size_t len)
{
	struct echo_head h;

	if (len != ECHO_REQUEST)
		return NULL;
	memcpy(&h, head, sizeof(h));
	return h.page < npages ? pages + (h.page << ANM_PAGE_SHIFT) : NULL;
}

static void blocking(int fd)
{
	struct msghdr h = {.msg_name = peer, .msg_iov = iov[0], .msg_iovlen = 2};
	socklen_t len;
	ssize_t n;
	u8 *page;

	for (;;) {
		len = sizeof(peer[0]);
		n = recvfrom(fd, bufs[0], sizeof(bufs[0]), 0, (struct sockaddr *)peer, &len);
		page = n < 0 ? NULL : asked(bufs[0], n);
		if (!page)
			continue;
		h.msg_namelen = len;
		iov[0][0] = (struct iovec){bufs[0], ECHO_HEAD};
		iov[0][1] = (struct iovec){page, ANM_PAGE_SIZE};
		if (sendmsg(fd, &h, 0) < 0)
			perror("echo: send");
	}
}

/* Return: messages in msg[]. */
static int receive(int fd)
{
	int i, n;

	for (i = 0; i < BATCH; i++) {
		iov[i][0] = (struct iovec){bufs[i], sizeof(bufs[i])};
		msg[i].msg_hdr.msg_iov = iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
		msg[i].msg_hdr.msg_name = &peer[i];
		msg[i].msg_hdr.msg_namelen = sizeof(peer[i]);
	}
	n = recvmmsg(fd, msg, BATCH, MSG_WAITFORONE, NULL);
	if (n < 0)
		die("echo: receive");
	return n;
}

static void reply(int fd, int n)
{
	int sent, rc;

	for (sent = 0; sent < n; sent += rc) {
		rc = sendmmsg(fd, msg + sent, n - sent, 0);
		if (rc <= 0)
			die("echo: send");
	}
}

static void batch(int fd)
{
	int i, n, m;
	u8 *page;

	for (;;) {
		n = receive(fd);
		for (i = m = 0; i < n; i++) {
			page = asked(bufs[i], msg[i].msg_len);
			if (!page)
				continue;
			msg[m].msg_hdr.msg_name = &peer[i];
			msg[m].msg_hdr.msg_iov = iov[i];
			msg[m++].msg_hdr.msg_iovlen = 2;
			iov[i][0].iov_len = ECHO_HEAD;
			iov[i][1] = (struct iovec){page, ANM_PAGE_SIZE};
		}
		reply(fd, m);
	}
}

static u16 ip_sum(const u8 *p)
{
	u32 sum = 0, i;

	for (i = 0; i < sizeof(struct iphdr); i += 2)
		sum += get_unaligned_be16(p + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* The way back: all addresses turned round, no UDP checksum, which IPv4 allows. */
static void turn(struct frame *f)
{
	u8 mac[ETH_ALEN];
	u32 addr = f->ip.saddr;
	u16 port = f->udp.source;

	memcpy(mac, f->eth.ether_shost, ETH_ALEN);
	memcpy(f->eth.ether_shost, f->eth.ether_dhost, ETH_ALEN);
	memcpy(f->eth.ether_dhost, mac, ETH_ALEN);
	f->ip.saddr = f->ip.daddr;
	f->ip.daddr = addr;
	f->ip.tot_len = htons(sizeof(f->ip) + sizeof(f->udp) + ECHO_HEAD + ANM_PAGE_SIZE);
	f->ip.check = 0;
	f->ip.check = ip_sum((u8 *)f + offsetof(struct frame, ip));
	f->udp.source = f->udp.dest;
	f->udp.dest = port;
	f->udp.len = htons(sizeof(f->udp) + ECHO_HEAD + ANM_PAGE_SIZE);
	f->udp.check = 0;
}

static void packet(int fd, u32 addr, u16 port)
{
	int i, n, m;
	u8 *page;

	for (;;) {
		n = receive(fd);
		for (i = m = 0; i < n; i++) {
			struct frame *f = (struct frame *)bufs[i];

			if (msg[i].msg_len < HEADERS || f->ip.daddr != addr || f->ip.ihl != 5 ||
			    f->ip.protocol != IPPROTO_UDP || f->udp.dest != htons(port))
				continue;
			page = asked(f->payload, msg[i].msg_len - HEADERS);
			if (!page)
				continue;
			turn(f);
			msg[m].msg_hdr.msg_name = NULL;
			msg[m].msg_hdr.msg_namelen = 0;
			msg[m].msg_hdr.msg_iov = iov[i];
			msg[m++].msg_hdr.msg_iovlen = 2;
			iov[i][0].iov_len = HEADERS + ECHO_HEAD;
			iov[i][1] = (struct iovec){page, ANM_PAGE_SIZE};
		}
		reply(fd, m);
	}
}

/* Only what comes in for @addr is taken up here at all. */
static int packet_socket(const char *interface, u32 addr)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 sizeof(struct ether_header) + offsetof(struct iphdr, daddr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(addr), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = {.len = ARRAY_SIZE(code), .filter = code};
	struct sockaddr_ll ll = {.sll_family = AF_PACKET,
				 .sll_protocol = cpu_to_be16(ETH_P_IP),
				 .sll_ifindex = (int)if_nametoindex(interface)};
	int one = 1, fd = sock(AF_PACKET, SOCK_RAW, 0);

	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ||
	    bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		die("echo: packet socket");
	return fd;
}

static void fill(const char *count)
{
	u64 i;

	npages = wl_parse_number(count, "PAGES");
	pages = wl_map(npages << ANM_PAGE_SHIFT);
	for (i = 0; i < npages; i++)
		load_page_fill(pages + (i << ANM_PAGE_SHIFT), i);
}

int main(int argc, char **argv)
{
	struct in_addr addr;

	if (argc == 6 && !strcmp(argv[1], "packet") && inet_pton(AF_INET, argv[3], &addr) == 1) {
		fill(argv[5]);
		packet(packet_socket(argv[2], addr.s_addr), addr.s_addr,
		       wl_parse_number(argv[4], "PORT"));
	} else if (argc == 4 && (!strcmp(argv[1], "blocking") || !strcmp(argv[1], "batch"))) {
		fill(argv[3]);
		(argv[1][1] == 'l' ? blocking : batch)(udp(wl_parse_number(argv[2], "PORT")));
	}
	fputs("Usage: echo blocking|batch PORT PAGES\n"
	      "       echo packet INTERFACE ADDR PORT PAGES\n",
	      stderr);
	return 2;
}
