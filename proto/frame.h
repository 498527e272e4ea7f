/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ethernet, VLAN tags, IPv4, IPv6 and UDP: one frame decoded in one pass, and
 * headers written for what is sent; the internet checksum over pieces.
 *
 * Nothing in a received frame is trusted, whatever layer has seen it before.
 * Context: any. Nothing is allocated.
 */
#ifndef ANM_FRAME_H
#define ANM_FRAME_H

#include "services.h"

#define FRAME_ETH_LEN	    14
#define FRAME_VLAN_LEN	    4
#define FRAME_VLANS_MAX	    2 /* 802.1ad outside, 802.1Q inside */
#define FRAME_IPV4_LEN	    20
#define FRAME_IPV6_LEN	    40
#define FRAME_IPV6_FRAG_LEN 8
#define FRAME_IPV6_EXT_MAX  8 /* extension headers walked over; more is an error */
#define FRAME_UDP_LEN	    8
/* Most that frame_put_headers() writes. */
#define FRAME_HEADERS_MAX \
	(FRAME_ETH_LEN + FRAME_VLANS_MAX * FRAME_VLAN_LEN + FRAME_IPV6_LEN + FRAME_IPV6_FRAG_LEN)
#define FRAME_IP_PAYLOAD_MAX (65535 - FRAME_IPV4_LEN) /* by either family, to keep it simple */
#define FRAME_MTU_MIN	     576
#define FRAME_TTL	     64

#define FRAME_TYPE_IPV4 0x0800
#define FRAME_TYPE_IPV6 0x86dd
#define FRAME_TYPE_VLAN 0x8100
#define FRAME_TYPE_QINQ 0x88a8
#define FRAME_PROTO_UDP 17

/* ---- addresses ---- */

/** anm_addr_is_v4() - is it v4-mapped? */
static inline bool anm_addr_is_v4(const struct anm_addr *a)
{
	static const u8 mapped[12] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(a->b, mapped, sizeof(mapped));
}

/** anm_addr_v4() - v4-mapped address of @ip, host order. */
static inline struct anm_addr anm_addr_v4(u32 ip)
{
	struct anm_addr a = {.b = {[10] = 0xff, [11] = 0xff}};

	put_unaligned_be32(ip, a.b + 12);
	return a;
}

static inline bool anm_addr_equal(const struct anm_addr *a, const struct anm_addr *b)
{
	return !memcmp(a->b, b->b, sizeof(a->b));
}

/* ---- decoding ---- */

/** enum frame_verdict - what a frame is, or what is wrong with it. */
enum frame_verdict {
	FRAME_UDP,	/* a whole UDP datagram */
	FRAME_FRAGMENT, /* good, but a fragment: addresses and fragment fields are filled */
	FRAME_OTHER,	/* not IP, or IP but not UDP: somebody else's */
	FRAME_SHORT,	/* ends within a header */
	FRAME_BAD_IP,	/* version, header length or total length do not fit */
	FRAME_BAD_IP_CSUM,
	FRAME_BAD_EXT, /* IPv6 extension headers: too many, too long, or to be routed on */
	FRAME_BAD_UDP, /* UDP length does not fit */
	FRAME_BAD_UDP_CSUM,
	FRAME_VERDICTS,
};

/* Flags of the decoders: somebody else has checked. */
#define FRAME_IP_CSUM_OK  0x1
#define FRAME_UDP_CSUM_OK 0x2

/**
 * struct frame_in - what a frame says. Offsets count from the buffer's start.
 * @src_mac, @dst_mac: zero when decoded from the IP header on
 * @nvlans, @vlan: tags, outermost first: TCI with priority bits
 * @family:      4 or 6
 * @src, @dst:   addresses
 * @proto:       of the payload, behind extension headers
 * @ttl, @tos:   hop limit; traffic class
 * @ip_off, @ip_len: the packet, padding behind it cut off
 * @is_frag, @frag_more, @frag_df: fragment fields; an atomic IPv6 fragment is none
 * @frag_id, @frag_off: identification; bytes
 * @l4_off, @l4_len: what IP carries
 * @sport, @dport: UDP ports
 * @data_off, @data_len: UDP payload
 * @csum_left:   the UDP checksum is there but could not be verified, because
 *               the buffer does not hold the whole packet
 */
struct frame_in {
	u8 dst_mac[6];
	u8 src_mac[6];
	u8 nvlans;
	u8 family;
	u8 proto;
	u8 ttl;
	u8 tos;
	bool is_frag, frag_more, frag_df;
	bool csum_left;
	u16 vlan[FRAME_VLANS_MAX];
	u16 sport, dport;
	struct anm_addr src, dst;
	u32 frag_id;
	u32 frag_off;
	u32 ip_off, ip_len;
	u32 l4_off, l4_len;
	u32 data_off, data_len;
};

/**
 * frame_decode() - read one Ethernet frame.
 * @buf:   its first bytes
 * @len:   how many are at @buf: at least all headers, or FRAME_SHORT
 * @whole: length of the whole frame, >= @len; larger when the rest lies elsewhere
 * @flags: FRAME_IP_CSUM_OK, FRAME_UDP_CSUM_OK
 * @f:     filled as far as decoding went
 */
enum frame_verdict frame_decode(const u8 *buf, u32 len, u32 whole, u32 flags, struct frame_in *f);

/** frame_decode_ip() - the same for a packet that begins with its IP header. */
enum frame_verdict frame_decode_ip(const u8 *buf, u32 len, u32 whole, u32 flags,
				   struct frame_in *f);

/** frame_verdict_name() - for people and counters. */
const char *frame_verdict_name(enum frame_verdict v);

/* ---- checksums (RFC 1071) ---- */

/**
 * struct frame_csum - one's complement sum of a run of bytes.
 * @sum: not folded, in memory order
 * @len: bytes summed; odd lengths are continued correctly
 */
struct frame_csum {
	u64 sum;
	u32 len;
};

/** frame_csum_add() - append @n bytes to the run; begin with a zeroed struct. */
void frame_csum_add(struct frame_csum *c, const void *p, u32 n);

/** frame_csum_join() - append a run that was summed on its own (a page, say). */
void frame_csum_join(struct frame_csum *c, const struct frame_csum *tail);

/** frame_csum_fold() - the checksum, host order: complement of the sum, 0 when all is well. */
u16 frame_csum_fold(const struct frame_csum *c);

/**
 * frame_csum_replace() - @csum of a packet after a 16-bit word at an even offset
 * went from @from to @to (RFC 1624). All in host order.
 */
u16 frame_csum_replace(u16 csum, u16 from, u16 to);

/* ---- encoding ---- */

/**
 * struct frame_tx - where a packet goes.
 * @vlan, @nvlans: tags to write, outermost first; two make the outer one 802.1ad
 * @src, @dst: both v4-mapped, or both IPv6
 * @ttl:  0 for FRAME_TTL
 * @df:   IPv4: never fragment. IPv6: frame_cut_next() refuses to
 */
struct frame_tx {
	u8 dst_mac[6];
	u8 src_mac[6];
	u8 nvlans;
	u8 ttl;
	u8 tos;
	bool df;
	u16 vlan[FRAME_VLANS_MAX];
	u16 sport, dport;
	struct anm_addr src, dst;
};

/**
 * struct frame_cut - one IP packet's share of a UDP datagram (header included).
 * Zeroed, but for @id, before the first frame_cut_next().
 * @id:   IP identification, for all pieces
 * @off:  first byte, a multiple of 8
 * @len:  bytes
 * @more: not the last
 * @frag: one of several
 */
struct frame_cut {
	u32 id;
	u32 off;
	u32 len;
	bool more;
	bool frag;
};

/**
 * frame_cut_next() - the next piece.
 * @udp_len: UDP header and payload, at most FRAME_IP_PAYLOAD_MAX
 * @mtu:     of the link, at least FRAME_MTU_MIN
 *
 * Return: 1 when @cut was filled, 0 when there are no more; -EMSGSIZE when the
 * datagram is too long, or does not fit one packet and @t->df forbids more.
 */
int frame_cut_next(const struct frame_tx *t, u32 udp_len, u32 mtu, struct frame_cut *cut);

/** frame_headers_len() - bytes that frame_put_headers() will write. */
u32 frame_headers_len(const struct frame_tx *t, const struct frame_cut *cut);

/**
 * frame_put_headers() - write Ethernet, VLAN and IP headers of one packet.
 * @buf: room for FRAME_HEADERS_MAX bytes
 *
 * @cut->len bytes of the UDP datagram from @cut->off follow them.
 * Return: bytes written; the IP header begins at frame_l2_len(@t).
 */
u32 frame_put_headers(u8 *buf, const struct frame_tx *t, const struct frame_cut *cut);

/** frame_l2_len() - Ethernet header and tags. */
static inline u32 frame_l2_len(const struct frame_tx *t)
{
	return FRAME_ETH_LEN + t->nvlans * FRAME_VLAN_LEN;
}

/** frame_put_udp() - write the UDP header with checksum 0. @udp_len: with the header. */
void frame_put_udp(u8 buf[FRAME_UDP_LEN], const struct frame_tx *t, u32 udp_len);

/**
 * frame_udp_seal() - put the checksum into a UDP header.
 * @udp:  header as frame_put_udp() left it
 * @data: sum of the payload, all @udp_len - 8 bytes of it
 *
 * Never writes 0, which would mean "none".
 */
void frame_udp_seal(u8 udp[FRAME_UDP_LEN], const struct frame_tx *t, const struct frame_csum *data);

/** frame_csum_pseudo() - append the pseudo header (RFC 768, RFC 8200) to a run. */
void frame_csum_pseudo(struct frame_csum *c, const struct anm_addr *src, const struct anm_addr *dst,
		       u32 udp_len);

#endif
