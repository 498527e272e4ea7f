// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames: Ethernet (IEEE 802.3, 802.1Q), IPv4 (RFC 791), IPv6 (RFC 8200), UDP
 * (RFC 768).
 */
#include "frame.h"

#define IPV4_DF	      0x4000
#define IPV4_MF	      0x2000
#define IPV4_OFF_MASK 0x1fff

#define IPV6_HOPOPTS  0
#define IPV6_ROUTING  43
#define IPV6_FRAGMENT 44
#define IPV6_AH	      51
#define IPV6_DSTOPTS  60

/* ---- checksums ---- */

static u64 sum_add(u64 sum, u64 v)
{
	sum += v;
	return sum + (sum < v);
}

static u16 sum_fold(u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)sum;
}

/* Eight bytes at a time: 2^64 - 1 is a multiple of 2^16 - 1, so the wide sum folds to the same. */
static u64 sum_bytes(const u8 *p, u32 n)
{
	u64 sum = 0;
	u64 v;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		sum = sum_add(sum, v);
	}
	if (n) {
		v = 0;
		memcpy(&v, p, n);
		sum = sum_add(sum, v);
	}
	return sum;
}

void frame_csum_join(struct frame_csum *c, const struct frame_csum *tail)
{
	u64 sum = tail->sum;

	if (c->len & 1) {
		/* Every byte of the tail sits in the other half of its 16-bit word. */
		u16 s = sum_fold(sum);

		sum = (u16)(s << 8 | s >> 8);
	}
	c->sum = sum_add(c->sum, sum);
	c->len += tail->len;
}

void frame_csum_add(struct frame_csum *c, const void *p, u32 n)
{
	struct frame_csum tail = {.sum = sum_bytes(p, n), .len = n};

	frame_csum_join(c, &tail);
}

u16 frame_csum_fold(const struct frame_csum *c)
{
	__be16 folded = (__force __be16)(u16)~sum_fold(c->sum);

	return be16_to_cpu(folded);
}

u16 frame_csum_replace(u16 csum, u16 from, u16 to)
{
	return (u16)~sum_fold((u64)(u16)~csum + (u16)~from + to);
}

static void put_csum(u8 *p, const struct frame_csum *c)
{
	put_unaligned_be16(frame_csum_fold(c), p);
}

void frame_csum_pseudo(struct frame_csum *c, const struct anm_addr *src, const struct anm_addr *dst,
		       u32 udp_len)
{
	u8 tail[8] = {[7] = FRAME_PROTO_UDP};
	u32 skip = anm_addr_is_v4(src) ? 12 : 0;

	put_unaligned_be32(udp_len, tail);
	frame_csum_add(c, src->b + skip, 16 - skip);
	frame_csum_add(c, dst->b + skip, 16 - skip);
	frame_csum_add(c, tail, sizeof(tail));
}

/* ---- decoding ---- */

/*
 * struct cursor - the frame as the decoders see it.
 * @len: bytes at hand; @whole: bytes that there are
 */
struct cursor {
	const u8 *buf;
	u32 len;
	u32 whole;
	u32 flags;
};

/* Bytes [off, off + n), NULL when they are not at hand. */
static const u8 *at(const struct cursor *c, u32 off, u32 n)
{
	return off <= c->len && n <= c->len - off ? c->buf + off : NULL;
}

static enum frame_verdict decode_udp(const struct cursor *c, struct frame_in *f)
{
	const u8 *p = at(c, f->l4_off, FRAME_UDP_LEN);
	struct frame_csum sum = {0};
	u32 len;

	if (f->l4_len < FRAME_UDP_LEN)
		return FRAME_BAD_UDP;
	if (!p)
		return FRAME_SHORT;
	f->sport = get_unaligned_be16(p);
	f->dport = get_unaligned_be16(p + 2);
	len = get_unaligned_be16(p + 4);
	if (len < FRAME_UDP_LEN || len > f->l4_len)
		return FRAME_BAD_UDP;
	f->data_off = f->l4_off + FRAME_UDP_LEN;
	f->data_len = len - FRAME_UDP_LEN;
	if (c->flags & FRAME_UDP_CSUM_OK)
		return FRAME_UDP;
	/* Checksum 0: none was made. IPv6 does not allow that (RFC 8200, 8.1). */
	if (!get_unaligned_be16(p + 6))
		return f->family == 4 ? FRAME_UDP : FRAME_BAD_UDP_CSUM;
	if (!at(c, f->l4_off, len)) {
		f->csum_left = true;
		return FRAME_UDP;
	}
	frame_csum_pseudo(&sum, &f->src, &f->dst, len);
	frame_csum_add(&sum, p, len);
	return frame_csum_fold(&sum) ? FRAME_BAD_UDP_CSUM : FRAME_UDP;
}

static enum frame_verdict decode_l4(const struct cursor *c, struct frame_in *f)
{
	if (f->proto != FRAME_PROTO_UDP)
		return FRAME_OTHER;
	return f->is_frag ? FRAME_FRAGMENT : decode_udp(c, f);
}

static enum frame_verdict decode_ipv4(const struct cursor *c, struct frame_in *f)
{
	const u8 *p = at(c, f->ip_off, FRAME_IPV4_LEN);
	struct frame_csum sum = {0};
	u32 hlen, total, frag;

	if (!p)
		return FRAME_SHORT;
	hlen = (p[0] & 15u) * 4;
	total = get_unaligned_be16(p + 2);
	if (hlen < FRAME_IPV4_LEN || total < hlen || total > c->whole - f->ip_off)
		return FRAME_BAD_IP;
	if (!at(c, f->ip_off, hlen))
		return FRAME_SHORT;
	frame_csum_add(&sum, p, hlen);
	if (!(c->flags & FRAME_IP_CSUM_OK) && frame_csum_fold(&sum))
		return FRAME_BAD_IP_CSUM;

	f->family = 4;
	f->tos = p[1];
	f->ttl = p[8];
	f->proto = p[9];
	f->src = anm_addr_v4(get_unaligned_be32(p + 12));
	f->dst = anm_addr_v4(get_unaligned_be32(p + 16));
	f->ip_len = total;
	f->l4_off = f->ip_off + hlen;
	f->l4_len = total - hlen;
	frag = get_unaligned_be16(p + 6);
	f->frag_id = get_unaligned_be16(p + 4);
	f->frag_off = (frag & IPV4_OFF_MASK) * 8;
	f->frag_more = frag & IPV4_MF;
	f->frag_df = frag & IPV4_DF;
	f->is_frag = f->frag_more || f->frag_off;
	return decode_l4(c, f);
}

/* One extension header at l4_off: FRAME_UDP to go on, anything else ends the walk. */
static enum frame_verdict step_over_ext(const struct cursor *c, struct frame_in *f)
{
	const u8 *p = at(c, f->l4_off, 8);
	u32 n;

	if (f->l4_len < 8)
		return FRAME_BAD_EXT;
	if (!p)
		return FRAME_SHORT;
	n = f->proto == IPV6_FRAGMENT ? 8 : f->proto == IPV6_AH ? (p[1] + 2u) * 4 : (p[1] + 1u) * 8;
	if (n > f->l4_len)
		return FRAME_BAD_EXT;
	if (f->proto == IPV6_ROUTING && p[3])
		return FRAME_BAD_EXT;
	if (f->proto == IPV6_FRAGMENT) {
		f->frag_off = get_unaligned_be16(p + 2) & ~7u;
		f->frag_more = p[3] & 1;
		f->frag_id = get_unaligned_be32(p + 4);
		f->is_frag = f->frag_more || f->frag_off;
	}
	f->proto = p[0];
	f->l4_off += n;
	f->l4_len -= n;
	return FRAME_UDP;
}

static enum frame_verdict walk_ext(const struct cursor *c, struct frame_in *f)
{
	enum frame_verdict v;
	u32 i;

	for (i = 0;; i++) {
		switch (f->proto) {
		case IPV6_HOPOPTS:
			if (i)
				return FRAME_BAD_EXT;
			break;
		case IPV6_ROUTING:
		case IPV6_FRAGMENT:
		case IPV6_AH:
		case IPV6_DSTOPTS:
			break;
		default:
			return decode_l4(c, f);
		}
		if (i == FRAME_IPV6_EXT_MAX)
			return FRAME_BAD_EXT;
		v = step_over_ext(c, f);
		if (v != FRAME_UDP)
			return v;
		/* What follows in a later fragment is not a header. */
		if (f->frag_off)
			return decode_l4(c, f);
	}
}

static enum frame_verdict decode_ipv6(const struct cursor *c, struct frame_in *f)
{
	const u8 *p = at(c, f->ip_off, FRAME_IPV6_LEN);
	u32 payload;

	if (!p)
		return FRAME_SHORT;
	payload = get_unaligned_be16(p + 4);
	if (payload > c->whole - f->ip_off - FRAME_IPV6_LEN)
		return FRAME_BAD_IP;
	f->family = 6;
	f->tos = (u8)(get_unaligned_be16(p) >> 4);
	f->proto = p[6];
	f->ttl = p[7];
	memcpy(f->src.b, p + 8, 16);
	memcpy(f->dst.b, p + 24, 16);
	/* A v4-mapped address on the wire would pass for an IPv4 client's (RFC 4942, 2.2). */
	if (anm_addr_is_v4(&f->src) || anm_addr_is_v4(&f->dst))
		return FRAME_BAD_IP;
	f->ip_len = FRAME_IPV6_LEN + payload;
	f->l4_off = f->ip_off + FRAME_IPV6_LEN;
	f->l4_len = payload;
	return walk_ext(c, f);
}

static enum frame_verdict decode_ip(const struct cursor *c, struct frame_in *f)
{
	const u8 *p = at(c, f->ip_off, 1);

	if (!p)
		return FRAME_SHORT;
	if (p[0] >> 4 == 4)
		return decode_ipv4(c, f);
	return p[0] >> 4 == 6 ? decode_ipv6(c, f) : FRAME_BAD_IP;
}

enum frame_verdict frame_decode_ip(const u8 *buf, u32 len, u32 whole, u32 flags, struct frame_in *f)
{
	const struct cursor c = {buf, len, max(whole, len), flags};

	memset(f, 0, sizeof(*f));
	return decode_ip(&c, f);
}

enum frame_verdict frame_decode(const u8 *buf, u32 len, u32 whole, u32 flags, struct frame_in *f)
{
	const struct cursor c = {buf, len, max(whole, len), flags};
	const u8 *p = at(&c, 0, FRAME_ETH_LEN);
	u32 off = FRAME_ETH_LEN;
	u16 type;

	memset(f, 0, sizeof(*f));
	if (!p)
		return FRAME_SHORT;
	memcpy(f->dst_mac, p, 6);
	memcpy(f->src_mac, p + 6, 6);
	type = get_unaligned_be16(p + 12);
	while (type == FRAME_TYPE_VLAN || type == FRAME_TYPE_QINQ) {
		if (f->nvlans == FRAME_VLANS_MAX)
			return FRAME_OTHER;
		p = at(&c, off, FRAME_VLAN_LEN);
		if (!p)
			return FRAME_SHORT;
		f->vlan[f->nvlans++] = get_unaligned_be16(p);
		type = get_unaligned_be16(p + 2);
		off += FRAME_VLAN_LEN;
	}
	f->ip_off = off;
	p = at(&c, off, 1);
	if (type != FRAME_TYPE_IPV4 && type != FRAME_TYPE_IPV6)
		return FRAME_OTHER;
	if (!p)
		return FRAME_SHORT;
	if (p[0] >> 4 != (type == FRAME_TYPE_IPV4 ? 4 : 6))
		return FRAME_BAD_IP;
	return decode_ip(&c, f);
}

const char *frame_verdict_name(enum frame_verdict v)
{
	static const char *const names[] = {
		[FRAME_UDP] = "udp",
		[FRAME_FRAGMENT] = "fragment",
		[FRAME_OTHER] = "other",
		[FRAME_SHORT] = "short",
		[FRAME_BAD_IP] = "bad-ip",
		[FRAME_BAD_IP_CSUM] = "bad-ip-checksum",
		[FRAME_BAD_EXT] = "bad-extension-header",
		[FRAME_BAD_UDP] = "bad-udp",
		[FRAME_BAD_UDP_CSUM] = "bad-udp-checksum",
	};

	BUILD_BUG_ON(ARRAY_SIZE(names) != FRAME_VERDICTS);
	return (u32)v < ARRAY_SIZE(names) ? names[v] : "?";
}

/* ---- encoding ---- */

int frame_cut_next(const struct frame_tx *t, u32 udp_len, u32 mtu, struct frame_cut *cut)
{
	bool v4 = anm_addr_is_v4(&t->src);
	u32 room, start;

	if (udp_len > FRAME_IP_PAYLOAD_MAX || udp_len < FRAME_UDP_LEN || mtu < FRAME_MTU_MIN)
		return -EMSGSIZE;
	start = cut->off + cut->len;
	if (start >= udp_len)
		return 0;
	room = mtu - (v4 ? FRAME_IPV4_LEN : FRAME_IPV6_LEN);
	cut->frag = udp_len > room;
	if (cut->frag && t->df)
		return -EMSGSIZE;
	if (cut->frag)
		room = (v4 ? room : room - FRAME_IPV6_FRAG_LEN) & ~7u;
	cut->off = start;
	cut->len = min(room, udp_len - start);
	cut->more = start + cut->len < udp_len;
	return 1;
}

u32 frame_headers_len(const struct frame_tx *t, const struct frame_cut *cut)
{
	u32 n = frame_l2_len(t);

	if (anm_addr_is_v4(&t->src))
		return n + FRAME_IPV4_LEN;
	return n + FRAME_IPV6_LEN + (cut->frag ? FRAME_IPV6_FRAG_LEN : 0);
}

static u8 *put_l2(u8 *p, const struct frame_tx *t, u16 type)
{
	u32 i;

	memcpy(p, t->dst_mac, 6);
	memcpy(p + 6, t->src_mac, 6);
	p += 12;
	for (i = 0; i < t->nvlans; i++, p += FRAME_VLAN_LEN) {
		put_unaligned_be16(i + 1 < t->nvlans ? FRAME_TYPE_QINQ : FRAME_TYPE_VLAN, p);
		put_unaligned_be16(t->vlan[i], p + 2);
	}
	put_unaligned_be16(type, p);
	return p + 2;
}

static u8 *put_ipv4(u8 *p, const struct frame_tx *t, const struct frame_cut *cut)
{
	struct frame_csum sum = {0};
	u16 frag = (u16)(cut->off / 8) | (cut->more ? IPV4_MF : 0) | (t->df ? IPV4_DF : 0);

	p[0] = 0x45;
	p[1] = t->tos;
	put_unaligned_be16((u16)(FRAME_IPV4_LEN + cut->len), p + 2);
	put_unaligned_be16((u16)cut->id, p + 4);
	put_unaligned_be16(frag, p + 6);
	p[8] = t->ttl ? t->ttl : FRAME_TTL;
	p[9] = FRAME_PROTO_UDP;
	put_unaligned_be16(0, p + 10);
	memcpy(p + 12, t->src.b + 12, 4);
	memcpy(p + 16, t->dst.b + 12, 4);
	frame_csum_add(&sum, p, FRAME_IPV4_LEN);
	put_csum(p + 10, &sum);
	return p + FRAME_IPV4_LEN;
}

static u8 *put_ipv6(u8 *p, const struct frame_tx *t, const struct frame_cut *cut)
{
	u32 ext = cut->frag ? FRAME_IPV6_FRAG_LEN : 0;

	put_unaligned_be32(6u << 28 | (u32)t->tos << 20, p);
	put_unaligned_be16((u16)(cut->len + ext), p + 4);
	p[6] = cut->frag ? IPV6_FRAGMENT : FRAME_PROTO_UDP;
	p[7] = t->ttl ? t->ttl : FRAME_TTL;
	memcpy(p + 8, t->src.b, 16);
	memcpy(p + 24, t->dst.b, 16);
	p += FRAME_IPV6_LEN;
	if (!cut->frag)
		return p;
	p[0] = FRAME_PROTO_UDP;
	p[1] = 0;
	put_unaligned_be16((u16)(cut->off | cut->more), p + 2);
	put_unaligned_be32(cut->id, p + 4);
	return p + FRAME_IPV6_FRAG_LEN;
}

u32 frame_put_headers(u8 *buf, const struct frame_tx *t, const struct frame_cut *cut)
{
	u8 *p;

	if (WARN_ON_ONCE(t->nvlans > FRAME_VLANS_MAX || cut->len > FRAME_IP_PAYLOAD_MAX))
		return 0;
	if (anm_addr_is_v4(&t->src))
		p = put_ipv4(put_l2(buf, t, FRAME_TYPE_IPV4), t, cut);
	else
		p = put_ipv6(put_l2(buf, t, FRAME_TYPE_IPV6), t, cut);
	return (u32)(p - buf);
}

void frame_put_udp(u8 buf[FRAME_UDP_LEN], const struct frame_tx *t, u32 udp_len)
{
	put_unaligned_be16(t->sport, buf);
	put_unaligned_be16(t->dport, buf + 2);
	put_unaligned_be16((u16)udp_len, buf + 4);
	put_unaligned_be16(0, buf + 6);
}

void frame_udp_seal(u8 udp[FRAME_UDP_LEN], const struct frame_tx *t, const struct frame_csum *data)
{
	struct frame_csum sum = {0};
	u16 csum;

	frame_csum_pseudo(&sum, &t->src, &t->dst, get_unaligned_be16(udp + 4));
	frame_csum_add(&sum, udp, FRAME_UDP_LEN);
	frame_csum_join(&sum, data);
	csum = frame_csum_fold(&sum);
	put_unaligned_be16(csum ? csum : 0xffff, udp + 6);
}
