// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages on their way out. The rule: answer on the device and to the
 * Ethernet address that the request came from, with no route looked up and no
 * queue but the device's. Where that is not known (HELLO, loopback, tunnels),
 * the IP stack sends.
 */
#include <linux/etherdevice.h>
#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>
#include <net/route.h>

#include "link_kernel.h"

#define XMIT_TTL    64
#define XMIT_L3_MAX (sizeof(struct ipv6hdr) + sizeof(struct frag_hdr))

/**
 * struct xmit - one message while it is being sent.
 * @net:    namespace
 * @out:    the message
 * @link:   the way, out of the peer's opaque part
 * @v4:     family
 * @whole:  one packet with DF, or none
 * @l3:     bytes of IP header in front of UDP, for an unfragmented packet
 * @dgram:  length of the datagram, UDP header included
 * @udp:    its header, checksum filled in when it goes out in fragments
 * @id:     identification of the fragments
 * @has_id: it has been drawn
 */
struct xmit {
	struct net *net;
	struct anm_out *out;
	struct anm_link link;
	bool v4;
	bool whole;
	u32 l3;
	u32 dgram;
	struct udphdr udp;
	__be32 id;
	bool has_id;
};

static void xmit_prepare(struct xmit *x, struct net *net, struct anm_out *out)
{
	x->net = net;
	x->out = out;
	anm_link_get(&out->to, &x->link);
	x->v4 = anm_addr_is_v4(&out->to.addr);
	x->whole = out->is_amp || out->is_split;
	x->l3 = x->v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	x->dgram = out->len + sizeof(struct udphdr);
	x->udp.source = htons(out->to.local_port);
	x->udp.dest = htons(out->to.port);
	x->udp.len = htons(x->dgram);
	x->udp.check = 0;
	x->has_id = false;
}

/* The UDP checksum over pseudo header and @csum; not folded to zero, which would mean "none". */
static __sum16 xmit_magic(const struct xmit *x, __wsum csum)
{
	const struct in6_addr *to = (const struct in6_addr *)x->out->to.addr.b;
	const struct in6_addr *from = (const struct in6_addr *)x->out->to.local.b;

	if (x->v4)
		return csum_tcpudp_magic(anm_addr_v4(&x->out->to.local),
					 anm_addr_v4(&x->out->to.addr), x->dgram, IPPROTO_UDP,
					 csum);
	return csum_ipv6_magic(from, to, x->dgram, IPPROTO_UDP, csum);
}

/* Checksum in software over the whole message: it will be cut up. */
static void xmit_checksum(struct xmit *x)
{
	const struct anm_out *out = x->out;
	u32 off = sizeof(x->udp);
	__wsum csum;
	u16 i;

	csum = csum_partial(&x->udp, sizeof(x->udp), 0);
	csum = csum_block_add(csum, csum_partial(out->head, out->head_len, 0), off);
	off += out->head_len;
	for (i = 0; i < out->nfrags; i++) {
		const struct anm_frag *f = &out->frags[i];
		const u8 *data = anm_page_data(f->page);

		csum = csum_block_add(csum, csum_partial(data + f->off, f->len, 0), off);
		off += f->len;
	}
	x->udp.check = xmit_magic(x, csum) ?: CSUM_MANGLED_0;
}

/* Append [off, off + len) of the message's pages to @skb; each slice takes a reference. */
static int xmit_add_pages(struct sk_buff *skb, const struct anm_out *out, u32 off, u32 len)
{
	u32 at = out->head_len;
	u16 i;

	for (i = 0; i < out->nfrags && len; at += out->frags[i].len, i++) {
		const struct anm_frag *f = &out->frags[i];
		u32 skip, n;

		if (off >= at + f->len)
			continue;
		skip = off - at;
		n = min_t(u32, f->len - skip, len);
		if (skb_shinfo(skb)->nr_frags == MAX_SKB_FRAGS)
			return -EMSGSIZE;
		get_page(f->page);
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, f->page, f->off + skip, n,
				PAGE_SIZE);
		off += n;
		len -= n;
	}
	return len ? -EINVAL : 0;
}

/*
 * An skb that holds bytes [off, off + len) of the datagram (UDP header
 * included), with @room bytes of headroom; data starts at the transport header.
 */
static struct sk_buff *xmit_skb(const struct xmit *x, u32 room, u32 off, u32 len, int *err)
{
	const struct anm_out *out = x->out;
	u32 udp = off ? 0 : sizeof(x->udp);
	u32 from = off ? off - sizeof(x->udp) : 0; /* of the message */
	u32 bytes = len - udp;
	u32 linear = from < out->head_len ? min(out->head_len - from, bytes) : 0;
	struct sk_buff *skb;

	*err = -ENOMEM;
	skb = alloc_skb(room + udp + linear, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, room);
	skb_reset_transport_header(skb);
	if (udp)
		skb_put_data(skb, &x->udp, sizeof(x->udp));
	skb_put_data(skb, out->head + from, linear);
	*err = xmit_add_pages(skb, out, from + linear, bytes - linear);
	if (*err) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

/* Leave the checksum to the device, or to the last moment before it. */
static void xmit_checksum_offload(struct xmit *x, struct sk_buff *skb)
{
	struct udphdr *uh = udp_hdr(skb);

	uh->check = ~xmit_magic(x, 0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct udphdr, check);
}

/* @frag_off: offset in bytes, of a fragment; @more: not the last one */
static void xmit_ipv4(struct xmit *x, struct sk_buff *skb, u32 frag_off, bool more, bool df)
{
	struct iphdr *ih = skb_push(skb, sizeof(*ih));

	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_IP);
	memset(ih, 0, sizeof(*ih));
	ih->version = 4;
	ih->ihl = sizeof(*ih) / 4;
	ih->tot_len = htons(skb->len);
	ih->ttl = XMIT_TTL;
	ih->protocol = IPPROTO_UDP;
	ih->saddr = anm_addr_v4(&x->out->to.local);
	ih->daddr = anm_addr_v4(&x->out->to.addr);
	ih->frag_off = htons(frag_off >> 3 | (more ? IP_MF : 0) | (df ? IP_DF : 0));
	if (frag_off || more) {
		if (!x->has_id) {
			__ip_select_ident(x->net, ih, 1);
			x->id = (__force __be32)ih->id;
			x->has_id = true;
		}
		ih->id = (__force __be16)x->id;
	}
	ip_send_check(ih);
}

static void xmit_ipv6(struct xmit *x, struct sk_buff *skb, u32 frag_off, bool more)
{
	const struct in6_addr *to = (const struct in6_addr *)x->out->to.addr.b;
	const struct in6_addr *from = (const struct in6_addr *)x->out->to.local.b;
	u8 next = IPPROTO_UDP;
	struct ipv6hdr *ih;

	if (frag_off || more) {
		struct frag_hdr *fh = skb_push(skb, sizeof(*fh));

		if (!x->has_id)
			x->id = ipv6_select_ident(x->net, to, from);
		x->has_id = true;
		fh->nexthdr = next;
		fh->reserved = 0;
		fh->frag_off = htons(frag_off | (more ? IP6_MF : 0));
		fh->identification = x->id;
		next = IPPROTO_FRAGMENT;
	}
	ih = skb_push(skb, sizeof(*ih));
	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_IPV6);
	memset(ih, 0, sizeof(*ih));
	ih->version = 6;
	ih->payload_len = htons(skb->len - sizeof(*ih));
	ih->nexthdr = next;
	ih->hop_limit = XMIT_TTL;
	ih->saddr = *from;
	ih->daddr = *to;
}

static void xmit_l3(struct xmit *x, struct sk_buff *skb, u32 frag_off, bool more, bool df)
{
	if (x->v4)
		xmit_ipv4(x, skb, frag_off, more, df);
	else
		xmit_ipv6(x, skb, frag_off, more);
}

/* Put the Ethernet header on and hand it to the device. */
static int xmit_frame(const struct xmit *x, struct sk_buff *skb, struct net_device *dev)
{
	skb->dev = dev;
	if (dev_hard_header(skb, dev, ntohs(skb->protocol), x->link.mac, NULL, skb->len) < 0) {
		kfree_skb(skb);
		return -ENODEV;
	}
	skb_reset_mac_header(skb);
	dev_queue_xmit(skb);
	return 0;
}

static int xmit_fragments(struct xmit *x, struct net_device *dev)
{
	u32 frag = x->v4 ? 0 : sizeof(struct frag_hdr);
	u32 mtu = READ_ONCE(dev->mtu);
	u32 each, off, n;
	int err;

	/* Some devices let themselves be set to less than IP can do with. */
	if (mtu < x->l3 + frag + 8)
		return -EMSGSIZE;
	each = (mtu - x->l3 - frag) & ~7u;

	xmit_checksum(x);
	for (off = 0; off < x->dgram; off += n) {
		struct sk_buff *skb;

		n = min(each, x->dgram - off);
		skb = xmit_skb(x, LL_RESERVED_SPACE(dev) + XMIT_L3_MAX, off, n, &err);
		if (!skb)
			return err;
		xmit_l3(x, skb, off, off + n < x->dgram, false);
		err = xmit_frame(x, skb, dev);
		if (err)
			return err;
	}
	return 0;
}

/* Answer by frame; under rcu_read_lock() so that the device stays. */
static int xmit_direct(struct xmit *x, struct anm_door_stats *st)
{
	struct net_device *dev = dev_get_by_index_rcu(x->net, x->link.ifindex);
	struct sk_buff *skb;
	int err;

	if (!dev || !(READ_ONCE(dev->flags) & IFF_UP))
		return -ENODEV;
	if (x->l3 + x->dgram > READ_ONCE(dev->mtu)) {
		if (x->whole)
			return -EMSGSIZE;
		anm_door_inc(st, tx_fragmented);
		return xmit_fragments(x, dev);
	}
	skb = xmit_skb(x, LL_RESERVED_SPACE(dev) + XMIT_L3_MAX, 0, x->dgram, &err);
	if (!skb)
		return err;
	xmit_checksum_offload(x, skb);
	xmit_l3(x, skb, 0, false, x->whole);
	return xmit_frame(x, skb, dev);
}

/* Find the route; fills in our address when there is none yet. @foreign: it is not ours. */
static struct dst_entry *xmit_route4(struct net *net, const struct anm_addr *to,
				     struct anm_addr *local, bool foreign)
{
	__be32 saddr = anm_addr_is_v4(local) ? anm_addr_v4(local) : 0;
	struct flowi4 fl4 = {
		.daddr = anm_addr_v4(to),
		.saddr = saddr,
		.flowi4_proto = IPPROTO_UDP,
		.flowi4_flags = foreign ? FLOWI_FLAG_ANYSRC : 0,
	};
	struct rtable *rt = ip_route_output_key(net, &fl4);

	if (IS_ERR(rt))
		return ERR_CAST(rt);
	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-EACCES);
	}
	anm_addr_set_v4(local, fl4.saddr);
	return &rt->dst;
}

#if IS_ENABLED(CONFIG_IPV6)
static struct dst_entry *xmit_route6(struct net *net, const struct anm_addr *to,
				     struct anm_addr *local)
{
	struct flowi6 fl6 = {.flowi6_proto = IPPROTO_UDP};
	struct dst_entry *dst;

	memcpy(&fl6.daddr, to, sizeof(fl6.daddr));
	memcpy(&fl6.saddr, local, sizeof(fl6.saddr));
	dst = ipv6_stub->ipv6_dst_lookup_flow(net, NULL, &fl6, NULL);
	if (!IS_ERR(dst))
		memcpy(local, &fl6.saddr, sizeof(*local));
	return dst;
}
#else
static struct dst_entry *xmit_route6(struct net *net, const struct anm_addr *to,
				     struct anm_addr *local)
{
	return ERR_PTR(-EAFNOSUPPORT);
}
#endif

static struct dst_entry *xmit_route(struct net *net, const struct anm_addr *to,
				    struct anm_addr *local, bool foreign)
{
	if (anm_addr_is_v4(to))
		return xmit_route4(net, to, local, foreign);
	return xmit_route6(net, to, local);
}

/* Let the IP stack send, fragment and find the neighbour. */
static int xmit_routed(struct xmit *x)
{
	struct anm_peer *to = &x->out->to;
	struct dst_entry *dst = xmit_route(x->net, &to->addr, &to->local, x->out->is_split);
	struct sk_buff *skb;
	int err;

	if (IS_ERR(dst))
		return -ENETUNREACH;
	if (x->whole && x->l3 + x->dgram > dst_mtu(dst)) {
		dst_release(dst);
		return -EMSGSIZE;
	}
	skb = xmit_skb(x, LL_RESERVED_SPACE(dst->dev) + XMIT_L3_MAX, 0, x->dgram, &err);
	if (!skb) {
		dst_release(dst);
		return err;
	}
	xmit_checksum_offload(x, skb);
	xmit_l3(x, skb, 0, false, x->whole);
	skb->ignore_df = !x->whole;
	skb_dst_set(skb, dst);
	/* What the stack could not send it has counted itself. */
	if (x->v4) {
		__ip_select_ident(x->net, ip_hdr(skb), 1);
		ip_local_out(x->net, NULL, skb);
	} else {
		ip6_local_out(x->net, NULL, skb);
	}
	return 0;
}

void anm_xmit(struct net *net, struct anm_out *out, struct anm_door_stats *st)
{
	struct xmit x;
	int err = -EMSGSIZE;

	xmit_prepare(&x, net, out);
	if (x.l3 + x.dgram > IP_MAX_MTU)
		goto done;
	rcu_read_lock();
	err = x.link.flags & ANM_LINK_ETH ? xmit_direct(&x, st) : xmit_routed(&x);
	rcu_read_unlock();
done:
	switch (err) {
	case 0:
		anm_door_inc(st, tx_frames);
		break;
	case -ENOMEM:
		anm_door_inc(st, tx_no_memory);
		break;
	case -ENODEV:
		anm_door_inc(st, tx_no_device);
		break;
	case -ENETUNREACH:
		anm_door_inc(st, tx_no_route);
		break;
	default:
		anm_door_inc(st, tx_too_big);
	}
	anm_out_free(out);
}

int anm_route_mtu(struct net *net, const struct anm_addr *to, u32 *ifindex)
{
	struct anm_addr local = {};
	struct dst_entry *dst;
	int mtu;

	rcu_read_lock();
	dst = xmit_route(net, to, &local, false);
	rcu_read_unlock();
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	mtu = dst_mtu(dst);
	if (ifindex)
		*ifindex = dst->dev->ifindex;
	dst_release(dst);
	return mtu;
}
