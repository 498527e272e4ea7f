// SPDX-License-Identifier: GPL-2.0-only
/* The UDP socket: batches in, batches out, never a fragment. */
#include "daemon.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../proto/addr_user.h"
#include "../../proto/udp_user.h"

#define RX_BYTES (AMP_MTU_MAX + 64)
#define TX_FRAGS 3 /* page pieces of an AMP datagram: it has at most one */

BUILD_BUG_ON(MEMD_BATCH > UDPB_MSGS || MEMD_BATCH * (TX_FRAGS + 1) > UDPB_IOVS);

/**
 * struct memd_net - socket, and room for a batch each way.
 * @tx: taken from the core and not yet sent, from @tx_first, @tx_n of them
 */
struct memd_net {
	int fd;
	int family;
	u64 errors;
	struct mmsghdr rx_msg[MEMD_BATCH];
	struct iovec rx_iov[MEMD_BATCH];
	struct sockaddr_storage rx_addr[MEMD_BATCH];
	u8 rx_buf[MEMD_BATCH][RX_BYTES];
	struct anm_out *tx[MEMD_BATCH];
	struct udp_batch batch;
	u32 tx_first;
	u32 tx_n;
};

static int net_family(const struct anm_addr *a)
{
	return addr_is_v4(a) ? AF_INET : AF_INET6;
}

/*
 * DF on every datagram, and no trust in ICMP: the path was proven by a padded
 * HELLO. Larger buffers than the system grants are not worth failing for.
 */
static int net_options(int fd, int family)
{
	int probe = IP_PMTUDISC_PROBE, probe6 = IPV6_PMTUDISC_PROBE, bytes = MEMD_SOCK_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (family == AF_INET)
		return setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe));
	return setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe6, sizeof(probe6));
}

static int net_bind(struct memd_net *n, const struct anm_addr *listen, u16 *port)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(listen, *port, n->family, 0, &ss);

	n->fd = socket(n->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->fd < 0 || net_options(n->fd, n->family) || bind(n->fd, (void *)&ss, len))
		return -errno;
	len = sizeof(ss);
	if (getsockname(n->fd, (void *)&ss, &len))
		return -errno;
	addr_from_sockaddr(&ss, &(struct anm_addr){{0}}, port);
	return 0;
}

struct memd_net *memd_net_open(const struct anm_peer *engine, const struct anm_addr *listen,
			       u16 *port, char *err, size_t errlen)
{
	int family = net_family(&engine->addr), rc;
	char text[ADDR_TEXT_MAX];
	struct memd_net *n;
	u32 i;

	if (!addr_is_any(listen) && net_family(listen) != family) {
		snprintf(err, errlen, "the engine and the own address are of different families");
		return NULL;
	}
	n = calloc(1, sizeof(*n));
	if (!n) {
		snprintf(err, errlen, "out of memory");
		return NULL;
	}
	n->family = family;
	n->batch.seg_max = 0;
	rc = net_bind(n, listen, port);
	if (rc) {
		snprintf(err, errlen, "cannot listen on %s port %u: %s%s",
			 addr_format(listen, text, sizeof(text)), *port, strerror(-rc),
			 rc == -EADDRINUSE ? "; give --listen :0 to take any free port" : "");
		memd_net_close(n);
		return NULL;
	}
	for (i = 0; i < MEMD_BATCH; i++) {
		n->rx_iov[i].iov_base = n->rx_buf[i];
		n->rx_iov[i].iov_len = RX_BYTES;
		n->rx_msg[i].msg_hdr.msg_iov = &n->rx_iov[i];
		n->rx_msg[i].msg_hdr.msg_iovlen = 1;
		n->rx_msg[i].msg_hdr.msg_name = &n->rx_addr[i];
	}
	return n;
}

void memd_net_close(struct memd_net *n)
{
	if (!n)
		return;
	while (n->tx_n) {
		anm_out_free(n->tx[n->tx_first++]);
		n->tx_n--;
	}
	if (n->fd >= 0)
		close(n->fd);
	free(n);
}

int memd_net_fd(const struct memd_net *n)
{
	return n->fd;
}

u64 memd_net_errors(const struct memd_net *n)
{
	return n->errors;
}

/* ---- in ---- */

void memd_net_recv(struct memd_net *n, struct memserver *m)
{
	int batch, got, i;

	for (batch = 0; batch < MEMD_BATCHES_MAX; batch++) {
		for (i = 0; i < MEMD_BATCH; i++)
			n->rx_msg[i].msg_hdr.msg_namelen = sizeof(n->rx_addr[i]);
		got = recvmmsg(n->fd, n->rx_msg, MEMD_BATCH, 0, NULL);
		for (i = 0; i < got; i++) {
			u32 len = n->rx_msg[i].msg_len;
			struct anm_rec rec = {.head = n->rx_buf[i], .head_len = len, .len = len};
			struct anm_peer from = {.door = ANM_DOOR_UDP};

			addr_from_sockaddr(&n->rx_addr[i], &from.addr, &from.port);
			mem_amp_in(m, &from, &rec, memd_now());
		}
		/* answers must not pile up in the core while a flood comes in */
		memd_net_send(n, m);
		if (got < MEMD_BATCH)
			return;
	}
}

/* ---- out ---- */

static void net_tx_refill(struct memd_net *n, struct memserver *m)
{
	struct anm_out *out;

	n->tx_first = 0;
	while (n->tx_n < MEMD_BATCH && (out = mem_out_next(m))) {
		if (WARN_ON_ONCE(out->nfrags > TX_FRAGS)) {
			anm_out_free(out);
			continue;
		}
		n->tx[n->tx_n++] = out;
	}
}

static void net_tx_done(struct memd_net *n, u32 count)
{
	while (count--) {
		anm_out_free(n->tx[n->tx_first++]);
		n->tx_n--;
	}
}

/* All of tx fits into a batch. */
static int net_tx_send(struct memd_net *n, bool *again)
{
	u32 i;

	udp_batch_begin(&n->batch);
	for (i = 0; i < n->tx_n; i++)
		udp_batch_add(&n->batch, n->tx[n->tx_first + i], n->family, 0, NULL, 0);
	return udp_batch_send(&n->batch, n->fd, again);
}

bool memd_net_send(struct memd_net *n, struct memserver *m)
{
	bool again;
	int sent;

	for (;;) {
		if (!n->tx_n)
			net_tx_refill(n, m);
		if (!n->tx_n)
			return false;
		sent = net_tx_send(n, &again);
		if (sent > 0) {
			net_tx_done(n, (u32)sent);
		} else if (again || sent == -EINTR) {
			continue;
		} else if (sent == -EAGAIN) {
			return true;
		} else {
			/* too long for the link, no route: lost, as on any network */
			n->errors++;
			net_tx_done(n, 1);
		}
	}
}

/* ---- the path ---- */

u16 memd_route_mtu(const struct anm_peer *engine, const struct anm_addr *listen)
{
	int family = net_family(&engine->addr), mtu = 0, rc;
	struct sockaddr_storage to, own;
	socklen_t len = sizeof(mtu), own_len;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	own_len = addr_to_sockaddr(listen, 0, family, 0, &own);
	rc = bind(fd, (void *)&own, own_len);
	if (!rc)
		rc = connect(fd, (void *)&to,
			     addr_to_sockaddr(&engine->addr, engine->port, family, 0, &to));
	if (!rc && family == AF_INET)
		rc = getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &len);
	else if (!rc)
		rc = getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &len);
	close(fd);
	return rc ? 0 : (u16)clamp(mtu, AMP_MTU_MIN, AMP_MTU_MAX);
}
