// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames through AF_XDP: requests that a small program on the interface picks, and answers that
 * leave by the same interface to the Ethernet address that the request came from. Beside it the
 * sockets of door_udp.c stay open; what does not fit here goes by them.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../../proto/addr_user.h"
#include "../../proto/frame.h"
#include "daemon.h"
#include "xdp.h"

#define BATCH	 64
#define ROUNDS	 4	  /* batches taken a wake-up */
#define CHECK_NS NS_PER_S /* how often MTU and addresses are looked at */
#define IDS	 256	  /* counters of IPv4 identifications */

/**
 * struct xdp_door - the door; none if the daemon has no pointer to it.
 * @full:     the device has not taken all yet: waits for EPOLLOUT
 * @pieces:   the frame last received goes on in the next chunk
 * @id:       of the next IPv4 packet, by the address that it goes to, so that nobody can tell those
 *            of others from his own; @key: which of them that is
 */
struct xdp_door {
	struct sink sink;
	struct daemon *d;
	struct xdp_prog prog;
	struct xdp_ring ring;
	int ctl;
	int ifindex;
	u32 mtu;
	u8 mac[6];
	bool full, pieces;
	u8 key[16];
	u16 id[IDS];
	u64 checked;
};

/* ---- the interface ---- */

static int ask(const struct xdp_door *x, unsigned long what, struct ifreq *ifr)
{
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", x->d->up.interface);
	return ioctl(x->ctl, what, ifr) ? -errno : 0;
}

static int look_at_interface(struct xdp_door *x)
{
	struct ifreq ifr;
	int rc = ask(x, SIOCGIFINDEX, &ifr);

	if (rc)
		return rc;
	x->ifindex = ifr.ifr_ifindex;
	rc = ask(x, SIOCGIFHWADDR, &ifr);
	if (rc)
		return rc;
	if (ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return -EPFNOSUPPORT;
	memcpy(x->mac, ifr.ifr_hwaddr.sa_data, sizeof(x->mac));
	rc = ask(x, SIOCGIFMTU, &ifr);
	x->mtu = ifr.ifr_mtu;
	return rc;
}

static void add_addr(struct xdp_addr *addrs, u32 *n, __be32 ip, bool served)
{
	u32 i;

	for (i = 0; i < *n && addrs[i].ip != ip; i++)
		;
	if (i == XDP_ADDRS_MAX) {
		*n = XDP_ADDRS_MAX + 1;
		return;
	}
	if (i == *n)
		addrs[(*n)++] = (struct xdp_addr){ip, XDP_ADDR_OTHER};
	if (served)
		addrs[i].kind = XDP_ADDR_SERVED;
}

/* An address may have a label behind the name. */
static bool is_of_interface(const char *name, const char *interface)
{
	size_t n = strlen(interface);

	return !strncmp(name, interface, n) && (!name[n] || name[n] == ':');
}

/* Tell the program which addresses are this machine's; served are those on the interface. */
static int look_at_addresses(struct xdp_door *x)
{
	const struct anm_addr *listen = &x->d->up.listen;
	struct xdp_addr addrs[XDP_ADDRS_MAX];
	struct ifaddrs *all, *i;
	struct anm_addr a;
	u32 n = 0;
	__be32 ip;

	if (getifaddrs(&all))
		return -errno;
	for (i = all; i && n <= XDP_ADDRS_MAX; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
			continue;
		ip = (__force __be32)((struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr;
		a = anm_addr_v4(be32_to_cpu(ip));
		add_addr(addrs, &n, ip,
			 is_of_interface(i->ifa_name, x->d->up.interface) &&
				 (addr_is_any(listen) || anm_addr_equal(listen, &a)));
	}
	freeifaddrs(all);
	return n > XDP_ADDRS_MAX ? -E2BIG : xdp_prog_addrs(&x->prog, addrs, n);
}

/* ---- in ---- */

/*
 * A frame that was never on a wire, as between virtual machines, may have but the pseudo header's
 * sum where the checksum belongs, for the device to finish that it never met. There is nothing else
 * to see that by. Taken for one are so 2^-16 of the frames that are broken, as many as pass a
 * checksum of 16 bits anyway.
 */
static bool unfinished(const u8 *buf, const struct frame_in *f)
{
	struct frame_csum sum = {0};

	frame_csum_pseudo(&sum, &f->src, &f->dst, FRAME_UDP_LEN + f->data_len);
	return get_unaligned_be16(buf + f->l4_off + 6) + frame_csum_fold(&sum) == 0xffff;
}

static void take(struct xdp_door *x, const u8 *buf, u32 len, u64 now)
{
	struct daemon *d = x->d;
	struct anm_peer from = {.door = ANM_DOOR_UDP};
	struct udp_way way = {.ifindex = x->ifindex, .framed = true};
	struct anm_rec rec;
	struct frame_in f;
	enum frame_verdict v = frame_decode(buf, len, len, 0, &f);

	if (v == FRAME_BAD_UDP_CSUM && unfinished(buf, &f))
		v = FRAME_UDP;
	if (v != FRAME_UDP || !udp_sock_of(d, f.dport, &way.sock)) {
		if (v == FRAME_BAD_UDP_CSUM)
			COUNT(d, door_xdp_checksum);
		else
			COUNT(d, door_xdp_malformed);
		return;
	}
	COUNT(d, door_xdp_in);
	from.addr = f.src;
	from.local = f.dst;
	from.port = f.sport;
	from.local_port = f.dport;
	memcpy(way.mac, f.src_mac, sizeof(way.mac));
	memcpy(from.opaque, &way, sizeof(way));
	rec = (struct anm_rec){.head = buf + f.data_off, .head_len = f.data_len, .len = f.data_len};
	udp_take(d, way.sock, &from, &rec, now);
}

static u32 read_batch(struct xdp_door *x)
{
	struct xdp_ring *r = &x->ring;
	u32 at = 0, to = 0, i, n = xsk_ring_cons__peek(&r->rx, BATCH, &at);
	u64 now;

	if (!n)
		return 0;
	now = now_ns();
	/*
	 * As many as were filled in at the start are ever out. But the system gives out a frame before
	 * it lets go of the entry that it came from: then we come again.
	 */
	if (xsk_ring_prod__reserve(&r->fill, n, &to) != n) {
		xsk_ring_cons__cancel(&r->rx, n);
		return 0;
	}
	for (i = 0; i < n; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&r->rx, at + i);

		/* What follows in another chunk the program has not seen. */
		if (x->pieces || desc->options & XDP_PKT_CONTD)
			COUNT(x->d, door_xdp_malformed);
		else
			take(x, r->area + desc->addr, desc->len, now);
		x->pieces = desc->options & XDP_PKT_CONTD;
		*xsk_ring_prod__fill_addr(&r->fill, to + i) = desc->addr;
	}
	xsk_ring_prod__submit(&r->fill, n);
	xsk_ring_cons__release(&r->rx, n);
	return n;
}

static void watch(struct xdp_door *x, bool full)
{
	if (x->full == full)
		return;
	x->full = full;
	daemon_rewatch(x->d, xsk_socket__fd(x->ring.xsk), &x->sink,
		       EPOLLIN | (full ? EPOLLOUT : 0));
}

static void ready(struct sink *sink, uint32_t events)
{
	struct xdp_door *x = container_of(sink, struct xdp_door, sink);
	int i;

	for (i = 0; i < ROUNDS && read_batch(x) == BATCH; i++)
		;
	if (xsk_ring_prod__needs_wakeup(&x->ring.fill))
		recvfrom(xsk_socket__fd(x->ring.xsk), NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

/* ---- out ---- */

/* The checksum of the message, which is the first packet's to carry. */
static struct frame_csum sum_of(const struct anm_out *out)
{
	struct frame_csum sum = {0};
	u16 i;

	frame_csum_add(&sum, out->head, out->head_len);
	for (i = 0; i < out->nfrags; i++)
		frame_csum_add(&sum, (u8 *)anm_page_data(out->frags[i].page) + out->frags[i].off,
			       out->frags[i].len);
	return sum;
}

/*
 * What bytes [off, end) of the message have in common with a piece of it that begins at *@at, which
 * is moved behind the piece.
 */
static u8 *copy_piece(u8 *p, const u8 *piece, u32 len, u32 *at, u32 off, u32 end)
{
	u32 from = max(off, *at), to = min(end, *at + len);

	if (from < to) {
		memcpy(p, piece + from - *at, to - from);
		p += to - from;
	}
	*at += len;
	return p;
}

static void copy_message(u8 *p, const struct anm_out *out, u32 off, u32 n)
{
	u32 at = 0;
	u16 i;

	p = copy_piece(p, out->head, out->head_len, &at, off, off + n);
	for (i = 0; i < out->nfrags; i++) {
		const struct anm_frag *f = &out->frags[i];

		p = copy_piece(p, (u8 *)anm_page_data(f->page) + f->off, f->len, &at, off, off + n);
	}
}

/* One packet of the datagram, all of it or a fragment. */
static u32 write_frame(u8 *frame, const struct frame_tx *t, const struct frame_cut *cut,
		       const struct anm_out *out)
{
	u8 *p = frame + frame_put_headers(frame, t, cut);
	u32 len = p - frame + cut->len;
	struct frame_csum sum;

	if (cut->off) {
		copy_message(p, out, cut->off - FRAME_UDP_LEN, cut->len);
		return len;
	}
	sum = sum_of(out);
	frame_put_udp(p, t, FRAME_UDP_LEN + out->len);
	frame_udp_seal(p, t, &sum);
	copy_message(p + FRAME_UDP_LEN, out, 0, cut->len - FRAME_UDP_LEN);
	return len;
}

/* Packets that it takes, 0 if it cannot go this way. */
static u32 packets(const struct frame_tx *t, u32 udp_len, u32 mtu)
{
	struct frame_cut cut = {0};
	u32 n = 0;
	int rc;

	while ((rc = frame_cut_next(t, udp_len, mtu, &cut)) == 1)
		n++;
	return rc ? 0 : n;
}

static bool has_room(struct xdp_door *x, u32 n)
{
	return n && (xdp_ring_room(&x->ring, n) ||
		     (!x->full && xdp_ring_send(&x->ring) && xdp_ring_room(&x->ring, n)));
}

bool xdp_queue(struct daemon *d, const struct anm_out *out, const struct udp_way *way)
{
	struct xdp_door *x = d->xdp;
	struct frame_tx t = {
		.sport = out->to.local_port,
		.dport = out->to.port,
		.src = out->to.local,
		.dst = out->to.addr,
		.df = out->is_amp,
	};
	struct frame_cut cut = {0};
	u32 mtu, udp_len = FRAME_UDP_LEN + out->len;

	if (!x)
		return false;
	mtu = min(x->mtu, xdp_ring_frame(&x->ring) - FRAME_ETH_LEN);
	if (!has_room(x, packets(&t, udp_len, mtu))) {
		COUNT(d, door_xdp_by_socket);
		return false;
	}
	memcpy(t.src_mac, x->mac, sizeof(t.src_mac));
	memcpy(t.dst_mac, way->mac, sizeof(t.dst_mac));
	if (!t.df)
		cut.id = x->id[anm_siphash(x->key, &t.dst, sizeof(t.dst)) % IDS]++;
	while (frame_cut_next(&t, udp_len, mtu, &cut) == 1) {
		u8 *frame = xdp_ring_slot(&x->ring);

		xdp_ring_put(&x->ring, frame, write_frame(frame, &t, &cut, out));
		COUNT(d, door_xdp_out);
	}
	return true;
}

void xdp_flush(struct daemon *d)
{
	if (d->xdp)
		watch(d->xdp, !xdp_ring_send(&d->xdp->ring));
}

/* ---- open, close ---- */

static int try_open(struct xdp_door *x, const char **what)
{
	struct daemon *d = x->d;
	/* Not AMP: were NFS flooded, memory servers would be lost from the same ring. */
	u16 ports[XDP_PORTS_MAX] = {d->up.nfs_port, d->up.mount_port};
	int rc;

	*what = "no such interface, or not Ethernet";
	x->ctl = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rc = x->ctl < 0 ? -errno : look_at_interface(x);
	if (rc)
		return rc;
	*what = "the program is refused (it needs CAP_NET_ADMIN and CAP_BPF, and Linux 5.18)";
	rc = xdp_prog_open(&x->prog, x->mac, ports, ARRAY_SIZE(ports));
	if (rc)
		return rc;
	*what = "the machine's addresses cannot be told to it";
	rc = look_at_addresses(x);
	if (rc)
		return rc;
	*what = "no AF_XDP socket (it needs CAP_NET_RAW and memory that may be locked)";
	rc = xdp_ring_open(&x->ring, d->up.interface, x->mtu + FRAME_ETH_LEN);
	if (rc)
		return rc;
	rc = xsk_socket__update_xskmap(x->ring.xsk, x->prog.xsks);
	if (!rc)
		rc = daemon_watch(d, xsk_socket__fd(x->ring.xsk), &x->sink, EPOLLIN);
	if (rc)
		return rc;
	*what = "the program cannot be attached";
	return xdp_prog_attach(&x->prog, x->ifindex);
}

int xdp_open(struct daemon *d)
{
	const char *what = "no memory";
	struct xdp_door *x;
	int rc = -ENOMEM;

	if (d->up.door == ENG_DOOR_SOCKET)
		return 0;
	d->xdp = x = calloc(1, sizeof(*x));
	if (x) {
		x->d = d;
		x->sink.ready = ready;
		x->ctl = -1;
		x->prog = (struct xdp_prog){-1, -1, -1, -1, 0, {{0}}};
		anm_random(x->key, sizeof(x->key));
		anm_random(x->id, sizeof(x->id));
		rc = try_open(x, &what);
	}
	if (!rc) {
		d->up.door = ENG_DOOR_XDP;
		return 0;
	}
	snprintf(d->why, sizeof(d->why), "AF_XDP on %s: %s: %s", d->up.interface, what,
		 strerror(-rc));
	xdp_close(d);
	if (d->up.door == ENG_DOOR_XDP)
		return rc;
	fprintf(stderr, "anemone-engined: %s; goes on with sockets\n", d->why);
	d->why[0] = '\0';
	d->up.door = ENG_DOOR_SOCKET;
	return 0;
}

void xdp_close(struct daemon *d)
{
	struct xdp_door *x = d->xdp;

	if (!x)
		return;
	xdp_prog_close(&x->prog);
	xdp_ring_close(&x->ring);
	if (x->ctl >= 0)
		close(x->ctl);
	free(x);
	d->xdp = NULL;
}

void xdp_check(struct daemon *d)
{
	struct xdp_door *x = d->xdp;
	int ifindex, rc;
	u8 mac[6];

	if (!x || d->ticked < x->checked + CHECK_NS)
		return;
	x->checked = d->ticked;
	d->counters[DC_door_xdp_dropped].value = xdp_ring_dropped(&x->ring);
	ifindex = x->ifindex;
	memcpy(mac, x->mac, sizeof(mac));
	rc = look_at_interface(x);
	if (!rc && (ifindex != x->ifindex || memcmp(mac, x->mac, sizeof(mac))))
		rc = -ENODEV;
	if (!rc)
		rc = look_at_addresses(x);
	if (rc != -ENODEV && rc != -E2BIG)
		return; /* a shortage of the moment: what the program was told stands */
	fprintf(stderr,
		"anemone-engined: AF_XDP on %s: the interface is not what it was: %s; goes "
		"on with sockets\n",
		d->up.interface, strerror(-rc));
	xdp_close(d);
	d->up.door = ENG_DOOR_SOCKET;
}
