// SPDX-License-Identifier: GPL-2.0-only
/* UDP datagrams as netfilter's LOCAL_IN hooks see them: whole, routed, firewalled, unchecked. */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/netfilter_ipv4.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/route.h>

#include "link_kernel.h"

/*
 * After the filter and security tables and whatever rewrites addresses, before
 * connection tracking confirms: for the firewall these are packets to this
 * machine like any other.
 */
#define HOOK_PRIORITY (NF_IP_PRI_CONNTRACK_HELPER - 1)

int anm_hooks_open(struct net *net, struct anm_hooks *h, nf_hookfn *fn, void *priv)
{
	int rc;

	while (h->n < ARRAY_SIZE(h->ops)) {
		struct nf_hook_ops *ops = &h->ops[h->n];

		ops->hook = fn;
		ops->priv = priv;
		ops->pf = h->n ? NFPROTO_IPV6 : NFPROTO_IPV4;
		ops->hooknum = NF_INET_LOCAL_IN;
		ops->priority = HOOK_PRIORITY;
		rc = nf_register_net_hook(net, ops);
		if (rc) {
			anm_hooks_close(net, h);
			return rc;
		}
		h->n++;
	}
	return 0;
}

void anm_hooks_close(struct net *net, struct anm_hooks *h)
{
	if (!h->n)
		return;
	while (h->n)
		nf_unregister_net_hook(net, &h->ops[--h->n]);
	/* No packet is in a hook any more once this returns. */
	synchronize_net();
}

/* Offset of the UDP header from skb->data, or negative when there is none to be seen. */
static int udp_offset(const struct sk_buff *skb, u8 pf)
{
	if (pf == NFPROTO_IPV4) {
		const struct iphdr *ih = ip_hdr(skb);

		if (ih->protocol != IPPROTO_UDP || ip_is_fragment(ih))
			return -ENOENT;
		return skb_network_offset(skb) + ih->ihl * 4;
	}
	if (ipv6_hdr(skb)->nexthdr != IPPROTO_UDP)
		return -ENOENT;
	return skb_network_offset(skb) + sizeof(struct ipv6hdr);
}

u16 anm_dgram_port(const struct sk_buff *skb, u8 pf)
{
	int off = udp_offset(skb, pf);
	const struct udphdr *uh;
	struct udphdr buf;

	if (off < 0)
		return 0;
	uh = skb_header_pointer(skb, off, sizeof(buf), &buf);
	return uh ? ntohs(uh->dest) : 0;
}

static int dgram_copy(const struct anm_rec *rec, u32 off, void *dst, u32 n)
{
	const struct sk_buff *skb = rec->ctx;

	if (off > rec->len || n > rec->len - off)
		return -EFAULT;
	/* The record is the tail of the packet. */
	return skb_copy_bits(skb, skb->len - rec->len + off, dst, n) ? -EFAULT : 0;
}

/* Bytes [off, off + n) of one of the packet's fragments; false if that makes too many frags. */
static bool share_fragment(const skb_frag_t *f, u32 off, u32 n, struct anm_frags *frags)
{
	off += skb_frag_off(f);
	while (n) {
		struct anm_frag *to = &frags->frag[frags->n];

		if (frags->n == ANM_FRAGS_MAX)
			return false;
		to->page = skb_frag_page(f) + (off >> PAGE_SHIFT);
		to->off = offset_in_page(off);
		to->len = min_t(u32, n, PAGE_SIZE - to->off);
		get_page(to->page);
		frags->n++;
		off += to->len;
		n -= to->len;
	}
	return true;
}

/*
 * Not what a program of this machine may still write to, nor pages of the reserve that is kept to
 * free memory with.
 */
static bool dgram_share(const struct anm_rec *rec, u32 off, u32 n, struct anm_frags *frags)
{
	struct sk_buff *skb = rec->ctx;
	u32 at = skb_headlen(skb), i;

	off += skb->len - rec->len;
	if (PAGE_SIZE != ANM_PAGE_SIZE || off < at || skb_has_frag_list(skb) ||
	    skb_has_shared_frag(skb) || skb_zcopy(skb) || skb_pfmemalloc(skb))
		return false;
	for (i = 0; i < skb_shinfo(skb)->nr_frags && n; i++) {
		const skb_frag_t *f = &skb_shinfo(skb)->frags[i];
		u32 len = skb_frag_size(f), piece;

		if (off < at + len) {
			piece = min(n, at + len - off);
			if (!share_fragment(f, off - at, piece, frags))
				break;
			off += piece;
			n -= piece;
		}
		at += len;
	}
	if (n)
		anm_frags_put(frags);
	return !n;
}

/* True if answers may go out of the door by which the request came in, as Ethernet frames. */
static bool link_is_ethernet(const struct sk_buff *skb, const struct net_device *dev)
{
	return dev && dev->type == ARPHRD_ETHER && !(dev->flags & IFF_LOOPBACK) &&
	       !netif_is_l3_master(dev) && skb_mac_header_was_set(skb) &&
	       skb_mac_header_len(skb) >= ETH_HLEN && is_valid_ether_addr(eth_hdr(skb)->h_source);
}

static void dgram_from(const struct sk_buff *skb, const struct nf_hook_state *state,
		       const struct udphdr *uh, struct anm_dgram *d)
{
	struct anm_link link = {};

	if (state->pf == NFPROTO_IPV4) {
		anm_addr_set_v4(&d->from.addr, ip_hdr(skb)->saddr);
		anm_addr_set_v4(&d->from.local, ip_hdr(skb)->daddr);
	} else {
		memcpy(&d->from.addr, &ipv6_hdr(skb)->saddr, sizeof(d->from.addr));
		memcpy(&d->from.local, &ipv6_hdr(skb)->daddr, sizeof(d->from.local));
	}
	d->from.port = ntohs(uh->source);
	d->from.door = ANM_DOOR_UDP;
	d->port = ntohs(uh->dest);
	d->from.local_port = d->port;
	if (state->in)
		link.ifindex = state->in->ifindex;
	if (link_is_ethernet(skb, state->in)) {
		ether_addr_copy(link.mac, eth_hdr(skb)->h_source);
		link.flags = ANM_LINK_ETH;
	}
	anm_link_set(&d->from, &link);
}

/* RFC 768: over IPv4 a zero checksum means that there is none; RFC 8200: over IPv6 there must be. */
static bool dgram_checksum_ok(struct sk_buff *skb, const struct nf_hook_state *state, int off,
			      const struct udphdr *uh)
{
	if (!uh->check)
		return state->pf == NFPROTO_IPV4;
	return !nf_checksum(skb, state->hook, off, IPPROTO_UDP, state->pf);
}

/*
 * Sent to a group or to all, by the frame's address or the packet's: an answer would have
 * to come from an address that is nobody's (RFC 1122, 3.2.1.3).
 */
static bool dgram_is_broadcast(const struct sk_buff *skb, u8 pf)
{
	const struct rtable *rt;

	if (skb->pkt_type != PACKET_HOST)
		return true;
	if (pf != NFPROTO_IPV4)
		return ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr);
	rt = skb_rtable(skb);
	return !rt || rt->rt_type != RTN_LOCAL;
}

int anm_dgram_parse(struct sk_buff *skb, const struct nf_hook_state *state, struct anm_dgram *d,
		    struct anm_door_stats *st)
{
	int off = udp_offset(skb, state->pf);
	const struct udphdr *uh;
	u32 len, linear;

	if (dgram_is_broadcast(skb, state->pf)) {
		anm_door_inc(st, rx_broadcast);
		return -EINVAL;
	}
	/* Several datagrams glued together for forwarding are of no use here. */
	if (skb_is_gso(skb) && (skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4))
		goto malformed;
	if (off < 0 || !pskb_may_pull(skb, off + sizeof(*uh)))
		goto malformed;
	uh = (const struct udphdr *)(skb->data + off);
	len = ntohs(uh->len);
	if (len < sizeof(*uh) || len > skb->len - off)
		goto malformed;
	if (len < skb->len - off && pskb_trim_rcsum(skb, off + len))
		goto malformed;
	uh = (const struct udphdr *)(skb->data + off);
	if (!dgram_checksum_ok(skb, state, off, uh)) {
		anm_door_inc(st, rx_checksum);
		return -EINVAL;
	}
	uh = (const struct udphdr *)(skb->data + off);
	dgram_from(skb, state, uh, d);
	linear = skb_headlen(skb) - off - sizeof(*uh);
	d->rec.len = len - sizeof(*uh);
	d->rec.head = (const u8 *)(uh + 1);
	d->rec.head_len = min(linear, d->rec.len);
	d->rec.copy = dgram_copy;
	d->rec.share = dgram_share;
	d->rec.ctx = skb;
	return 0;
malformed:
	anm_door_inc(st, rx_malformed);
	return -EINVAL;
}

bool anm_dgram_to(const struct anm_dgram *d, const struct anm_addr *listen)
{
	return anm_addr_any(listen) || !memcmp(&d->from.local, listen, sizeof(*listen));
}

void anm_door_list(const struct anm_door_stats *st, struct anm_counter list[ANM_DOOR_NCOUNTERS])
{
	unsigned int i = 0;

#define X(n, help) list[i++] = (struct anm_counter){"door_" #n, atomic64_read(&st->n)};
	ANM_DOOR_COUNTERS(X)
#undef X
}
