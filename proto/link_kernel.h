/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The doors to the wire that both kernel modules share: UDP datagrams taken
 * from netfilter's LOCAL_IN hooks (hook_kernel.c) and messages sent as frames
 * or, where there is no Ethernet to answer on, by route (xmit_kernel.c).
 */
#ifndef ANM_LINK_KERNEL_H
#define ANM_LINK_KERNEL_H

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>

#include "door_counters.h"
#include "nl.h"
#include "services.h"

#define ANM_LINK_ETH 1 /* @mac and @ifindex are good: answer by frame */

/**
 * struct anm_link - what the UDP doors keep in anm_peer.opaque: the way back. All zero:
 * by route.
 * @ifindex: device it came in by, of the instance's namespace
 * @mac:     Ethernet address of the sender or of the router before it
 * @flags:   ANM_LINK_*
 */
struct anm_link {
	u32 ifindex;
	u8 mac[ETH_ALEN];
	u8 flags;
};

static inline void anm_link_get(const struct anm_peer *peer, struct anm_link *link)
{
	BUILD_BUG_ON(sizeof(*link) > sizeof(peer->opaque));
	memcpy(link, peer->opaque, sizeof(*link));
}

static inline void anm_link_set(struct anm_peer *peer, const struct anm_link *link)
{
	memset(peer->opaque, 0, sizeof(peer->opaque));
	memcpy(peer->opaque, link, sizeof(*link));
}

static inline bool anm_addr_is_v4(const struct anm_addr *a)
{
	static const u8 mapped[12] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(a->b, mapped, sizeof(mapped));
}

/* The unspecified address of either family. */
static inline bool anm_addr_any(const struct anm_addr *a)
{
	unsigned int from = anm_addr_is_v4(a) ? 12 : 0;

	return !memchr_inv(a->b + from, 0, sizeof(a->b) - from);
}

static inline __be32 anm_addr_v4(const struct anm_addr *a)
{
	__be32 v;

	memcpy(&v, a->b + 12, sizeof(v));
	return v;
}

static inline void anm_addr_set_v4(struct anm_addr *a, __be32 v)
{
	memset(a->b, 0, 10);
	a->b[10] = 0xff;
	a->b[11] = 0xff;
	memcpy(a->b + 12, &v, sizeof(v));
}

/**
 * struct anm_door_stats - what the doors dropped, and why.
 * Counted without a lock; the sum is read by anybody.
 */
struct anm_door_stats {
#define X(name, help) atomic64_t name;
	ANM_DOOR_COUNTERS(X)
#undef X
};

#define ANM_DOOR_NCOUNTERS (sizeof(struct anm_door_stats) / sizeof(atomic64_t))

/** anm_door_list() - the counters as a list for eng_ctl_status() or mem_ctl_status(). */
void anm_door_list(const struct anm_door_stats *st, struct anm_counter list[ANM_DOOR_NCOUNTERS]);

#define anm_door_inc(st, name) atomic64_inc(&(st)->name)

/**
 * struct anm_dgram - one UDP datagram for us. Lives as long as its skb.
 * @from: the sender and, in opaque, its struct anm_link
 * @rec:  the payload
 * @port: port that it was sent to
 */
struct anm_dgram {
	struct anm_peer from;
	struct anm_rec rec;
	u16 port;
};

/**
 * struct anm_hooks - LOCAL_IN of IPv4 and IPv6.
 * @n: of these registered
 */
struct anm_hooks {
	struct nf_hook_ops ops[2];
	unsigned int n;
};

/**
 * anm_hooks_open() - have @fn see what comes in for this machine.
 * @priv: for @fn
 *
 * Context: process. Return: 0, or a negative errno with none registered.
 */
int anm_hooks_open(struct net *net, struct anm_hooks *h, nf_hookfn *fn, void *priv);

/** anm_hooks_close() - afterwards no packet is in @fn any more. None registered is fine. */
void anm_hooks_close(struct net *net, struct anm_hooks *h);

/**
 * anm_dgram_port() - the UDP port that a packet in LOCAL_IN is for.
 * @pf: NFPROTO_IPV4 or NFPROTO_IPV6
 *
 * Context: softirq; nothing is changed. Return: host order, 0 if it is not UDP
 * with its header whole in this packet.
 */
u16 anm_dgram_port(const struct sk_buff *skb, u8 pf);

/**
 * anm_dgram_parse() - check a UDP packet in LOCAL_IN: addressee, length, checksum.
 * Context: softirq. Padding after the datagram is cut off.
 * Return: 0, or -EINVAL when it has to be dropped (counted).
 */
int anm_dgram_parse(struct sk_buff *skb, const struct nf_hook_state *state, struct anm_dgram *d,
		    struct anm_door_stats *st);

/** anm_dgram_to() - whether it was sent to @listen; any address will do if that is unspecified. */
bool anm_dgram_to(const struct anm_dgram *d, const struct anm_addr *listen);

/**
 * anm_xmit() - send one message and free it.
 * @out: to a peer whose opaque part is a struct anm_link
 *
 * AMP and replies in the engine's place leave as one packet with DF or not at all; other
 * RPC replies longer than the MTU leave as IP fragments. Context: any but hard interrupt, no lock held that
 * a driver's transmit could want.
 */
void anm_xmit(struct net *net, struct anm_out *out, struct anm_door_stats *st);

/**
 * anm_route_mtu() - MTU of the path that packets to @to take.
 * @ifindex: set to the device's, if not NULL
 *
 * Context: process or softirq. Return: bytes, or a negative error without a route, or
 * when it leads to more than one machine.
 */
int anm_route_mtu(struct net *net, const struct anm_addr *to, u32 *ifindex);

#endif
