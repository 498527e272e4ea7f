// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floor: netfilter hooks that do the least that a server in softirq can do with messages of
 * the same sizes. An echo turns a request round and hangs a page behind it, with no copy and no
 * checksum; a forward sends packets on from one device to another and the answers back, so
 * that a forward and an echo in a row are the wire distance of engine and memory server.
 * Hooks sit at ingress; only messages that come in IP fragments are taken at LOCAL_IN.
 */
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_netdev.h>
#include <linux/udp.h>
#include <net/ip.h>

#include "kload.h"

#define HOOKS_MAX   8
#define ECHO_HEAD   8 /* xid and length, echoed */
#define REPLY_MAX   (2 * ANM_PAGE_SIZE)
#define STORE_ORDER 1 /* so many bytes are hung behind it at most: REPLY_MAX */

/**
 * struct hook - one hook of an echo or of either side of a forward.
 * @other: forward: the device that packets leave by
 * @near:  forward: the client's side; its addresses are learnt
 */
struct hook {
	struct nf_hook_ops ops;
	struct net *net;
	struct net_device *other;
	bool near;
	struct kload_hop *hop;
};

static struct hook hooks[HOOKS_MAX];
static unsigned int nhooks;
static struct page *store;
static u16 ip_id;

/* One client, one chain. */
static struct {
	struct kload_hop server;
	struct kload_hop client;
} chain;

static void add_page(struct sk_buff *skb, u32 off, u32 len)
{
	u32 first = min_t(u32, len, PAGE_SIZE - off % PAGE_SIZE);
	u32 part[2] = {first, len - first}, i;

	for (i = 0; i < 2 && part[i]; off += part[i++]) {
		struct page *page = store + off / PAGE_SIZE;

		get_page(page);
		skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, off % PAGE_SIZE, part[i],
				PAGE_SIZE);
	}
}

static void xmit(struct sk_buff *skb, struct net_device *dev)
{
	skb_dst_drop(skb);
	skb_push(skb, ETH_HLEN);
	skb_reset_mac_header(skb);
	skb->ip_summed = CHECKSUM_NONE;
	skb->dev = dev;
	skb->pkt_type = PACKET_HOST;
	dev_queue_xmit(skb);
}

/* What the packets of an answer have in common. */
struct headers {
	struct ethhdr eth;
	struct iphdr ip;
};

/* A later fragment of an answer. */
static struct sk_buff *fragment(const struct headers *h, u32 off, u32 len, bool more)
{
	u32 room = LL_MAX_HEADER + ETH_HLEN + sizeof(struct iphdr);
	struct sk_buff *skb = alloc_skb(room, GFP_ATOMIC);
	struct iphdr *ih;

	if (!skb)
		return NULL;
	skb_reserve(skb, LL_MAX_HEADER);
	skb_put_data(skb, &h->eth, ETH_HLEN);
	skb_pull(skb, ETH_HLEN);
	skb_reset_network_header(skb);
	ih = skb_put_data(skb, &h->ip, sizeof(*ih));
	ih->frag_off = htons(off >> 3 | (more ? IP_MF : 0));
	ih->tot_len = htons(sizeof(*ih) + len);
	ip_send_check(ih);
	skb->protocol = htons(ETH_P_IP);
	add_page(skb, off, len);
	return skb;
}

static void turn_round(struct sk_buff *skb, u32 reply_len, bool more, u32 first)
{
	struct iphdr *ih = ip_hdr(skb);
	struct udphdr *uh = (struct udphdr *)(ih + 1);
	struct ethhdr *eth = eth_hdr(skb);
	u8 mac[ETH_ALEN];

	ether_addr_copy(mac, eth->h_source);
	ether_addr_copy(eth->h_source, eth->h_dest);
	ether_addr_copy(eth->h_dest, mac);
	swap(ih->saddr, ih->daddr);
	ih->ttl = 64;
	ih->id = htons(++ip_id);
	ih->frag_off = htons(more ? IP_MF : IP_DF);
	ih->tot_len = htons(sizeof(*ih) + first);
	ip_send_check(ih);
	swap(uh->source, uh->dest);
	uh->len = htons(sizeof(*uh) + reply_len);
	uh->check = 0;
}

/* @skb starts at the IP header and may be written to. */
static void echo(struct sk_buff *skb, struct net_device *dev, u32 reply_len)
{
	const u32 head = sizeof(struct iphdr) + sizeof(struct udphdr) + ECHO_HEAD;
	u32 each = (READ_ONCE(dev->mtu) - sizeof(struct iphdr)) & ~7u;
	u32 dgram = sizeof(struct udphdr) + reply_len;
	u32 first = min(dgram, each), off, n;
	struct headers h;

	if (pskb_trim(skb, head)) {
		kfree_skb(skb);
		return;
	}
	turn_round(skb, reply_len, first < dgram, first);
	skb_orphan(skb);
	add_page(skb, 0, first - sizeof(struct udphdr) - ECHO_HEAD);
	h.eth = *eth_hdr(skb);
	h.ip = *ip_hdr(skb);
	xmit(skb, dev);
	for (off = first; off < dgram; off += n) {
		n = min(each, dgram - off);
		skb = fragment(&h, off, n, off + n < dgram);
		if (skb)
			xmit(skb, dev);
	}
}

/* Length of the answer that is asked for, 0 if this is not for an echo. */
static u32 echo_wanted(struct sk_buff *skb)
{
	const u32 head = sizeof(struct iphdr) + sizeof(struct udphdr) + ECHO_HEAD;
	const struct iphdr *ih;
	const struct udphdr *uh;
	u32 len;

	if (skb->protocol != htons(ETH_P_IP) || !pskb_may_pull(skb, head))
		return 0;
	ih = ip_hdr(skb);
	uh = (const struct udphdr *)(ih + 1);
	if (ih->ihl != 5 || ih->protocol != IPPROTO_UDP || ip_is_fragment(ih) ||
	    uh->dest != htons(KLOAD_ECHO_PORT))
		return 0;
	len = get_unaligned_be32((const u8 *)(uh + 1) + 4);
	return len < ECHO_HEAD || len > REPLY_MAX ? 0 : len;
}

static unsigned int echo_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const u32 head = sizeof(struct iphdr) + sizeof(struct udphdr) + ECHO_HEAD;
	u32 len = echo_wanted(skb);

	if (!len)
		return NF_ACCEPT;
	if (skb_shared(skb) || skb_ensure_writable(skb, head))
		kfree_skb(skb);
	else
		echo(skb, state->in, len);
	return NF_STOLEN;
}

/* To the server if it is for an echo, whole or in fragments; to the client if from the server. */
static bool forward_wanted(const struct hook *h, struct sk_buff *skb)
{
	const u32 head = sizeof(struct iphdr) + sizeof(struct udphdr);
	const struct iphdr *ih;

	if (skb->protocol != htons(ETH_P_IP) || !pskb_may_pull(skb, head))
		return false;
	ih = ip_hdr(skb);
	if (ih->ihl != 5 || ih->protocol != IPPROTO_UDP)
		return false;
	return h->near ? true : ih->saddr == chain.server.to && ih->daddr == chain.server.local;
}

static unsigned int forward_hook(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct hook *h = priv;
	struct iphdr *ih;
	struct udphdr *uh;

	if (!forward_wanted(h, skb))
		return NF_ACCEPT;
	if (skb_shared(skb) || skb_ensure_writable(skb, sizeof(*ih) + sizeof(*uh))) {
		kfree_skb(skb);
		return NF_STOLEN;
	}
	ih = ip_hdr(skb);
	if (h->near) {
		chain.client.local = ih->daddr;
		chain.client.to = ih->saddr;
		ether_addr_copy(chain.client.mac, eth_hdr(skb)->h_source);
	}
	/* The addresses change, so the checksum would too. */
	uh = (struct udphdr *)(ih + 1);
	if (!(ih->frag_off & htons(IP_OFFSET)))
		uh->check = 0;
	ih->saddr = h->hop->local;
	ih->daddr = h->hop->to;
	ih->ttl--;
	ip_send_check(ih);
	ether_addr_copy(eth_hdr(skb)->h_source, h->other->dev_addr);
	ether_addr_copy(eth_hdr(skb)->h_dest, h->hop->mac);
	skb_orphan(skb);
	xmit(skb, h->other);
	return NF_STOLEN;
}

/* Hooks hold no device: whoever sets them up takes them down before the namespaces go. */
static int hook_add(struct net *net, nf_hookfn *fn, struct net_device *dev, const struct hook *with)
{
	struct hook *h = &hooks[nhooks];
	int err;

	if (nhooks == HOOKS_MAX)
		return -ENOSPC;
	*h = *with;
	h->net = net;
	h->ops.hook = fn;
	h->ops.priv = h;
	h->ops.pf = dev ? NFPROTO_NETDEV : NFPROTO_IPV4;
	h->ops.hooknum = dev ? (unsigned int)NF_NETDEV_INGRESS : NF_INET_LOCAL_IN;
	h->ops.dev = dev;
	err = nf_register_net_hook(net, &h->ops);
	if (err)
		return err;
	get_net(net);
	nhooks++;
	return 0;
}

int kload_echo_add(struct net *net, const char *name, bool local_in)
{
	static const struct hook plain;
	struct net_device *dev;
	int err = 0;

	if (!store) {
		store = alloc_pages(GFP_KERNEL | __GFP_ZERO, STORE_ORDER);
		if (!store)
			return -ENOMEM;
		split_page(store, STORE_ORDER);
	}
	dev = dev_get_by_name(net, name);
	if (!dev)
		return -ENODEV;
	if (!local_in)
		err = hook_add(net, echo_hook, dev, &plain);
	if (!err)
		err = hook_add(net, echo_hook, NULL, &plain);
	dev_put(dev);
	return err;
}

int kload_forward_add(struct net *net, const char *near, const char *far,
		      const struct kload_hop *hop)
{
	struct net_device *n = dev_get_by_name(net, near), *f = dev_get_by_name(net, far);
	struct hook to_server = {.other = f, .near = true, .hop = &chain.server};
	struct hook to_client = {.other = n, .hop = &chain.client};
	int err = -ENODEV;

	if (n && f) {
		chain.server = *hop;
		err = hook_add(net, forward_hook, n, &to_server);
		if (!err)
			err = hook_add(net, forward_hook, f, &to_client);
	}
	dev_put(n);
	dev_put(f);
	return err;
}

void kload_echo_end(void)
{
	while (nhooks) {
		struct hook *h = &hooks[--nhooks];

		nf_unregister_net_hook(h->net, &h->ops);
		put_net(h->net);
	}
	if (store) {
		put_page(store);
		put_page(store + 1);
	}
	store = NULL;
}
