// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams: NFS, MOUNT and AMP sockets. Read and sent in batches. An answer
 * leaves from the address that the request came to.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../../proto/addr_user.h"
#include "../../proto/frame.h"
#include "../../proto/udp_user.h"
#include "daemon.h"

#define BATCH	    64
#define DGRAM_MAX   (ENG_UDP_IO_MAX + ENG_HEAD_MAX + 64)
#define IOVS_MAX    (ENG_UDP_IO_MAX / ANM_PAGE_SIZE + 6) /* head, pages cut at both ends, padding */
#define ROUNDS	    4					 /* batches read a wake-up */
#define SOCKBUF	    (4 << 20)
#define CONTROL_LEN CMSG_SPACE(sizeof(struct in6_pktinfo))

BUILD_BUG_ON(CONTROL_LEN + CMSG_SPACE(sizeof(u16)) > UDPB_CONTROL);

enum { SOCK_NFS, SOCK_MOUNT, SOCK_AMP, SOCK_NR };

struct udp_sock {
	struct sink sink;
	struct udp_door *door;
	int fd;
	int family;
	bool is_amp;
	u16 port;
	bool full; /* waits for EPOLLOUT */
	struct list_head out;
	u32 nout;
	struct udp_batch batch;
};

struct udp_door {
	struct daemon *d;
	struct udp_sock socks[SOCK_NR];
	struct mmsghdr msgs[BATCH]; /* to read into; the sockets take turns */
	struct iovec iovs[BATCH];
	struct sockaddr_storage from[BATCH];
	u8 bufs[BATCH][DGRAM_MAX];
	u8 controls[BATCH][CONTROL_LEN] __aligned(16);
};

static void set_options(struct udp_sock *s)
{
	int one = 1, buf = SOCKBUF, probe4 = IP_PMTUDISC_PROBE, probe6 = IPV6_PMTUDISC_PROBE;

	/* As much as the system lets us have; bursts of a client's WRITEs are large. */
	setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &buf, sizeof(buf));
	setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buf, sizeof(buf));
	setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &buf, sizeof(buf));
	setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &buf, sizeof(buf));
	if (s->family == AF_INET6)
		setsockopt(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	else
		setsockopt(s->fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	if (!s->is_amp)
		return;
	/* AMP cuts its own parts: DF always, and no stranger's ICMP shrinks the path. */
	setsockopt(s->fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe4, sizeof(probe4));
	if (s->family == AF_INET6)
		setsockopt(s->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe6, sizeof(probe6));
}

/* Return: the socket's error, 0 with *port as bound. */
static int sock_bind(struct udp_sock *s, const struct anm_addr *listen, u16 *port)
{
	int zero = 0;
	struct sockaddr_storage ss;
	struct anm_addr a;
	socklen_t len;

	s->family = AF_INET6;
	s->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 && errno == EAFNOSUPPORT) {
		s->family = AF_INET;
		s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	}
	if (s->fd < 0)
		return -errno;
	if (s->family == AF_INET6)
		setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	set_options(s);
	len = addr_to_sockaddr(listen, *port, s->family, 0, &ss);
	if (bind(s->fd, (struct sockaddr *)&ss, len))
		return -errno;
	len = sizeof(ss);
	if (getsockname(s->fd, (struct sockaddr *)&ss, &len))
		return -errno;
	addr_from_sockaddr(&ss, &a, port);
	s->port = *port;
	return 0;
}

static void way_from_control(struct msghdr *mh, struct anm_peer *from, struct udp_way *way)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *pi = (struct in6_pktinfo *)CMSG_DATA(c);

			memcpy(&from->local, &pi->ipi6_addr, 16);
			way->ifindex = pi->ipi6_ifindex;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo *pi = (struct in_pktinfo *)CMSG_DATA(c);

			from->local = anm_addr_v4(ntohl(pi->ipi_addr.s_addr));
			way->ifindex = pi->ipi_ifindex;
		}
	}
}

static size_t way_to_control(const struct udp_sock *s, const struct anm_addr *local, u8 *control)
{
	struct cmsghdr *c = (struct cmsghdr *)control;

	if (!memchr_inv(local, 0, sizeof(*local)))
		return 0;
	if (s->family == AF_INET6) {
		struct in6_pktinfo *pi = (struct in6_pktinfo *)CMSG_DATA(c);

		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(*pi));
		memset(pi, 0, sizeof(*pi)); /* the interface is the routing table's choice */
		memcpy(&pi->ipi6_addr, local, 16);
		return CMSG_SPACE(sizeof(*pi));
	} else {
		struct in_pktinfo *pi = (struct in_pktinfo *)CMSG_DATA(c);

		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(*pi));
		memset(pi, 0, sizeof(*pi));
		memcpy(&pi->ipi_spec_dst, local->b + 12, 4);
		return CMSG_SPACE(sizeof(*pi));
	}
}

bool udp_sock_of(struct daemon *d, u16 port, u8 *sock)
{
	for (*sock = 0; *sock < SOCK_NR; (*sock)++)
		if (d->udp->socks[*sock].fd >= 0 && d->udp->socks[*sock].port == port)
			return true;
	return false;
}

void udp_take(struct daemon *d, u8 sock, const struct anm_peer *from, const struct anm_rec *rec,
	      u64 now)
{
	if (d->udp->socks[sock].is_amp)
		eng_amp_in(d->e, from, rec, now);
	else
		eng_rpc_in(d->e, from, rec, now);
}

static void take(struct udp_sock *s, struct mmsghdr *m, const u8 *buf, u64 now)
{
	struct daemon *d = s->door->d;
	struct anm_peer from = {.door = ANM_DOOR_UDP, .local_port = s->port};
	struct udp_way way = {.sock = s - s->door->socks};
	struct anm_rec rec = {.head = buf, .head_len = m->msg_len, .len = m->msg_len};

	if (m->msg_hdr.msg_flags & MSG_TRUNC) {
		COUNT(d, door_udp_oversized);
		return;
	}
	addr_from_sockaddr(m->msg_hdr.msg_name, &from.addr, &from.port);
	way_from_control(&m->msg_hdr, &from, &way);
	memcpy(from.opaque, &way, sizeof(way));
	udp_take(d, way.sock, &from, &rec, now);
}

/* What the last batch has changed, all of them for a first one. */
static void ready_msgs(struct udp_door *door, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		door->iovs[i] = (struct iovec){door->bufs[i], DGRAM_MAX};
		door->msgs[i].msg_hdr = (struct msghdr){.msg_name = &door->from[i],
							.msg_namelen = sizeof(door->from[i]),
							.msg_iov = &door->iovs[i],
							.msg_iovlen = 1,
							.msg_control = door->controls[i],
							.msg_controllen = CONTROL_LEN};
	}
}

static int read_batch(struct udp_sock *s)
{
	struct udp_door *door = s->door;
	u64 now;
	int i, n;

	n = recvmmsg(s->fd, door->msgs, BATCH, MSG_DONTWAIT, NULL);
	now = now_ns();
	for (i = 0; i < n; i++)
		take(s, &door->msgs[i], door->bufs[i], now);
	ready_msgs(door, n);
	return n;
}

static void watch(struct udp_sock *s, bool full)
{
	if (s->full == full)
		return;
	s->full = full;
	daemon_rewatch(s->door->d, s->fd, &s->sink, EPOLLIN | (full ? EPOLLOUT : 0));
}

static void sock_drop(struct udp_sock *s, struct anm_out *out)
{
	list_del(&out->link);
	s->nout--;
	anm_out_free(out);
}

/* Return: messages sent, 0 when the same is to be tried again, or a negative errno for the first one. */
static int send_batch(struct udp_sock *s)
{
	struct udp_batch *b = &s->batch;
	u8 control[CONTROL_LEN] __aligned(16);
	struct anm_out *out;
	struct udp_way way;
	bool again;
	int rc;

	udp_batch_begin(b);
	list_for_each_entry(out, &s->out, link) {
		memcpy(&way, out->to.opaque, sizeof(way));
		if (!udp_batch_add(b, out, s->family, way.ifindex, control,
				   way_to_control(s, &out->to.local, control)))
			break;
	}
	rc = udp_batch_send(b, s->fd, &again);
	return again ? 0 : rc;
}

static void sock_flush(struct udp_sock *s)
{
	int n;

	while (!list_empty(&s->out)) {
		n = send_batch(s);
		if (n == -EAGAIN || n == -ENOBUFS)
			break;
		if (n < 0) {
			/* Nothing will make this one go: no route, larger than the device. */
			COUNT(s->door->d, door_udp_unsent);
			n = 1;
		}
		while (n--)
			sock_drop(s, list_first_entry(&s->out, struct anm_out, link));
	}
	watch(s, !list_empty(&s->out));
}

static void sock_ready(struct sink *sink, uint32_t events)
{
	struct udp_sock *s = container_of(sink, struct udp_sock, sink);
	int i;

	if (events & EPOLLOUT)
		sock_flush(s);
	for (i = 0; i < ROUNDS && read_batch(s) == BATCH; i++)
		;
}

void udp_queue(struct daemon *d, struct anm_out *out)
{
	struct udp_sock *s;
	struct udp_way way;

	memcpy(&way, out->to.opaque, sizeof(way));
	if (WARN_ON_ONCE(way.sock >= SOCK_NR || out->nfrags + 1u > IOVS_MAX)) {
		anm_out_free(out);
		return;
	}
	if (way.framed && xdp_queue(d, out, &way)) {
		anm_out_free(out);
		return;
	}
	s = &d->udp->socks[way.sock];
	if (s->nout >= DOOR_UDP_QUEUE) {
		COUNT(d, door_udp_unsent);
		anm_out_free(out);
		return;
	}
	list_add_tail(&out->link, &s->out);
	s->nout++;
}

void udp_flush(struct daemon *d)
{
	int i;

	for (i = 0; i < SOCK_NR; i++)
		if (d->udp->socks[i].nout && !d->udp->socks[i].full)
			sock_flush(&d->udp->socks[i]);
}

static int sock_open(struct daemon *d, int i, const char *what, u16 *port)
{
	struct udp_sock *s = &d->udp->socks[i];
	int rc;

	s->is_amp = i == SOCK_AMP;
	rc = sock_bind(s, &d->up.listen, port);
	if (!rc)
		rc = daemon_watch(d, s->fd, &s->sink, EPOLLIN);
	if (rc)
		snprintf(d->why, sizeof(d->why), "UDP port %u for %s: %s", *port, what,
			 strerror(-rc));
	return rc;
}

int udp_open(struct daemon *d)
{
	int i, rc;

	d->udp = calloc(1, sizeof(*d->udp));
	if (!d->udp)
		return -ENOMEM;
	d->udp->d = d;
	ready_msgs(d->udp, BATCH);
	for (i = 0; i < SOCK_NR; i++) {
		d->udp->socks[i].door = d->udp;
		d->udp->socks[i].sink.ready = sock_ready;
		d->udp->socks[i].batch.seg_max = i == SOCK_AMP ? 0 : U16_MAX;
		d->udp->socks[i].fd = -1;
		INIT_LIST_HEAD(&d->udp->socks[i].out);
	}
	rc = sock_open(d, SOCK_NFS, "NFS", &d->up.nfs_port);
	if (!rc && (!d->up.mount_port || d->up.mount_port != d->up.nfs_port))
		rc = sock_open(d, SOCK_MOUNT, "MOUNT", &d->up.mount_port);
	if (!rc)
		rc = sock_open(d, SOCK_AMP, "AMP", &d->up.amp_port);
	return rc;
}

void udp_close(struct daemon *d)
{
	struct anm_out *out, *tmp;
	int i;

	if (!d->udp)
		return;
	for (i = 0; i < SOCK_NR; i++) {
		list_for_each_entry_safe(out, tmp, &d->udp->socks[i].out, link)
			sock_drop(&d->udp->socks[i], out);
		if (d->udp->socks[i].fd >= 0)
			close(d->udp->socks[i].fd);
	}
	free(d->udp);
	d->udp = NULL;
}
