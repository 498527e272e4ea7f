// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../proto/frame.h"
#include "fuzz.h"

static struct frame_tx tx4(void)
{
	struct frame_tx t = {.dst_mac = {2, 0, 0, 0, 0, 1},
			     .src_mac = {2, 0, 0, 0, 0, 2},
			     .sport = 2049,
			     .dport = 700};

	t.src = anm_addr_v4(0x0a000001);
	t.dst = anm_addr_v4(0x0a000002);
	return t;
}

static struct frame_tx tx6(void)
{
	struct frame_tx t = tx4();
	u32 i;

	for (i = 0; i < 16; i++) {
		t.src.b[i] = (u8)(0x20 + i);
		t.dst.b[i] = (u8)(0x80 + i);
	}
	return t;
}

/* A whole datagram in one packet. */
static u32 build(u8 *buf, const struct frame_tx *t, const u8 *data, u32 n)
{
	struct frame_cut cut = {.id = 0x1234};
	struct frame_csum sum = {0};
	u32 at;

	assert_int_equal(frame_cut_next(t, FRAME_UDP_LEN + n, 9000, &cut), 1);
	assert_false(cut.frag);
	at = frame_put_headers(buf, t, &cut);
	assert_int_equal(at, frame_headers_len(t, &cut));
	frame_put_udp(buf + at, t, FRAME_UDP_LEN + n);
	memcpy(buf + at + FRAME_UDP_LEN, data, n);
	frame_csum_add(&sum, data, n);
	frame_udp_seal(buf + at, t, &sum);
	assert_int_equal(frame_cut_next(t, FRAME_UDP_LEN + n, 9000, &cut), 0);
	return at + FRAME_UDP_LEN + n;
}

static enum frame_verdict decode(const u8 *buf, u32 len, u32 whole, u32 flags, struct frame_in *f)
{
	u8 *exact = fuzz_exact(buf, len);
	enum frame_verdict v = frame_decode(exact, len, whole, flags, f);

	if (v == FRAME_UDP) {
		assert_true((u64)f->data_off + f->data_len <= whole);
		assert_true(f->l4_off >= f->ip_off &&
			    f->l4_off + f->l4_len == f->ip_off + f->ip_len);
		assert_true(f->data_off == f->l4_off + 8 && f->data_len + 8 <= f->l4_len);
	}
	assert_true(f->nvlans <= FRAME_VLANS_MAX);
	free(exact);
	return v;
}

/* ---- checksums ---- */

/* RFC 1071, section 3. */
static void csum_known_answer(void **state)
{
	static const u8 bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	static const u8 ip[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
				0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
	struct frame_csum c = {0};

	(void)state;
	frame_csum_add(&c, bytes, sizeof(bytes));
	assert_int_equal(frame_csum_fold(&c), (u16)~0xddf2);
	memset(&c, 0, sizeof(c));
	frame_csum_add(&c, ip, sizeof(ip));
	assert_int_equal(frame_csum_fold(&c), 0xb861);
}

/* Word by word, as the RFC has it. */
static u16 csum_plain(const u8 *p, u32 n)
{
	u32 sum = 0, i;

	for (i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (u32)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}

static void csum_in_pieces_at_odd_places(void **state)
{
	u64 seed = 1071;
	u8 buf[257];
	u32 round, n, a, b;

	(void)state;
	for (round = 0; round < 20000; round++) {
		struct frame_csum c = {0}, tail = {0};

		n = fuzz_below(&seed, sizeof(buf) + 1);
		fuzz_fill(&seed, buf, n);
		if (round % 7 == 0)
			memset(buf, 0xff, n);
		a = fuzz_below(&seed, n + 1);
		b = a + fuzz_below(&seed, n - a + 1);
		frame_csum_add(&c, buf, a);
		frame_csum_add(&c, buf + a, b - a);
		frame_csum_add(&tail, buf + b, n - b);
		frame_csum_join(&c, &tail);
		assert_int_equal(c.len, n);
		assert_int_equal(frame_csum_fold(&c), csum_plain(buf, n));
	}
}

static void csum_replace_is_like_summing_anew(void **state)
{
	u64 seed = 1624;
	u8 buf[20];
	u32 round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		u32 at = 2 * fuzz_below(&seed, 10);
		u16 to = (u16)fuzz_u64(&seed), old, from;

		fuzz_fill(&seed, buf, sizeof(buf));
		buf[(at + 2) % 20] = 1; /* never all zero, where 0 and -0 differ */
		old = csum_plain(buf, sizeof(buf));
		from = get_unaligned_be16(buf + at);
		put_unaligned_be16(to, buf + at);
		assert_int_equal(frame_csum_replace(old, from, to), csum_plain(buf, sizeof(buf)));
	}
}

/* ---- one packet ---- */

static void packets_come_back(void **state)
{
	u8 buf[4096], data[301];
	struct frame_in f;
	u64 seed = 2;
	u32 i, n, len;

	(void)state;
	fuzz_fill(&seed, data, sizeof(data));
	for (i = 0; i < 12; i++) {
		struct frame_tx t = i & 1 ? tx6() : tx4();

		t.nvlans = (u8)(i % 3);
		t.vlan[0] = 0x2064;
		t.vlan[1] = 7;
		t.df = i & 2;
		t.tos = 0x28;
		n = (u32)(i * 27 + (i & 1));
		len = build(buf, &t, data, n);
		assert_int_equal(decode(buf, len, len, 0, &f), FRAME_UDP);
		assert_int_equal(f.family, i & 1 ? 6 : 4);
		assert_int_equal(f.nvlans, t.nvlans);
		assert_memory_equal(f.vlan, t.vlan, 2 * t.nvlans);
		assert_memory_equal(f.src_mac, t.src_mac, 6);
		assert_memory_equal(f.dst_mac, t.dst_mac, 6);
		assert_true(anm_addr_equal(&f.src, &t.src) && anm_addr_equal(&f.dst, &t.dst));
		assert_int_equal(f.sport, 2049);
		assert_int_equal(f.dport, 700);
		assert_int_equal(f.ttl, 64);
		assert_int_equal(f.tos, 0x28);
		assert_int_equal(f.data_len, n);
		assert_memory_equal(buf + f.data_off, data, n);
		assert_int_equal(f.frag_df, i & 1 ? 0 : !!(i & 2));
		/* Ethernet pads short frames */
		memset(buf + len, 0xaa, 60);
		assert_int_equal(decode(buf, len + 60, len + 60, 0, &f), FRAME_UDP);
		assert_int_equal(f.data_len, n);
		/* and from the IP header on */
		assert_int_equal(frame_decode_ip(buf + frame_l2_len(&t), len - frame_l2_len(&t),
						 len - frame_l2_len(&t), 0, &f),
				 FRAME_UDP);
		assert_int_equal(f.ip_off, 0);
	}
}

static void a_checksum_of_zero_is_never_sent(void **state)
{
	struct frame_tx t = tx4();
	u8 buf[128], data[2];
	struct frame_in f;
	u32 v, seen = 0, len;

	(void)state;
	for (v = 0; v < 65536; v++) {
		put_unaligned_be16((u16)v, data);
		len = build(buf, &t, data, 2);
		assert_int_not_equal(get_unaligned_be16(buf + len - 4), 0);
		seen += get_unaligned_be16(buf + len - 4) == 0xffff;
		assert_int_equal(decode(buf, len, len, 0, &f), FRAME_UDP);
	}
	assert_true(seen >= 1);
}

static void a_missing_checksum(void **state)
{
	u8 buf[128];
	struct frame_tx t = tx4();
	struct frame_in f;
	u32 len = build(buf, &t, (const u8 *)"abcd", 4);

	(void)state;
	put_unaligned_be16(0, buf + len - 6);
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_UDP);
	t = tx6();
	len = build(buf, &t, (const u8 *)"abcd", 4);
	put_unaligned_be16(0, buf + len - 6);
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_BAD_UDP_CSUM);
	assert_int_equal(decode(buf, len, len, FRAME_UDP_CSUM_OK, &f), FRAME_UDP);
}

static void a_checksum_may_be_left_to_others(void **state)
{
	u8 buf[256], data[100] = {1};
	struct frame_tx t = tx4();
	struct frame_in f;
	u32 len = build(buf, &t, data, sizeof(data));

	(void)state;
	assert_int_equal(decode(buf, len - 50, len, 0, &f), FRAME_UDP);
	assert_true(f.csum_left);
	assert_int_equal(f.data_len, 100);
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_UDP);
	assert_false(f.csum_left);
	buf[len - 1] ^= 1;
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_BAD_UDP_CSUM);
	assert_int_equal(decode(buf, len, len, FRAME_UDP_CSUM_OK, &f), FRAME_UDP);
	buf[14 + 8] ^= 1; /* TTL */
	assert_int_equal(decode(buf, len, len, FRAME_UDP_CSUM_OK, &f), FRAME_BAD_IP_CSUM);
	assert_int_equal(decode(buf, len, len, FRAME_UDP_CSUM_OK | FRAME_IP_CSUM_OK, &f),
			 FRAME_UDP);
}

static void p6_every_truncation_of_a_frame(void **state)
{
	u8 buf[256], data[60] = {1};
	struct frame_in f;
	u32 i, n, len;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct frame_tx t = i ? tx6() : tx4();

		t.nvlans = 2;
		len = build(buf, &t, data, sizeof(data));
		for (n = 0; n < len; n++) {
			assert_int_not_equal(decode(buf, n, n, 0, &f), FRAME_UDP);
			/* the whole is there, the head is short */
			assert_int_equal(decode(buf, n, len, 0, &f),
					 n < len - sizeof(data) ? FRAME_SHORT : FRAME_UDP);
		}
	}
}

/* Behind the Ethernet header, the checksums see every flipped bit but some. */
static void p6_every_flipped_bit_of_a_packet(void **state)
{
	u8 buf[128];
	struct frame_in f;
	struct frame_tx t = tx4();
	u32 bit, len = build(buf, &t, (const u8 *)"abcdefg", 7);

	(void)state;
	for (bit = 8 * 14; bit < 8 * len; bit++) {
		buf[bit / 8] ^= (u8)(1u << bit % 8);
		assert_int_not_equal(decode(buf, len, len, 0, &f), FRAME_UDP);
		buf[bit / 8] ^= (u8)(1u << bit % 8);
	}
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_UDP);
}

static void reseal_ip(u8 *ip)
{
	put_unaligned_be16(0, ip + 10);
	put_unaligned_be16(csum_plain(ip, (ip[0] & 15u) * 4), ip + 10);
}

static void p6_lengths_that_lie(void **state)
{
	struct frame_tx t = tx4();
	u8 good[128], buf[128];
	u32 len = build(good, &t, (const u8 *)"abcdefgh", 8);
	struct frame_in f;
	u32 v;

	(void)state;
	for (v = 0; v < 65536; v++) { /* total length */
		memcpy(buf, good, len);
		put_unaligned_be16((u16)v, buf + 16);
		reseal_ip(buf + 14);
		assert_int_equal(decode(buf, len, len, FRAME_UDP_CSUM_OK, &f),
				 v < 20 || v > 36 ? FRAME_BAD_IP
				 : v < 36	  ? FRAME_BAD_UDP
						  : FRAME_UDP);
	}
	for (v = 0; v < 65536; v++) { /* UDP length */
		memcpy(buf, good, len);
		put_unaligned_be16((u16)v, buf + 38);
		assert_int_equal(decode(buf, len, len, FRAME_UDP_CSUM_OK, &f),
				 v < 8 || v > 16 ? FRAME_BAD_UDP : FRAME_UDP);
	}
	for (v = 0; v < 256; v++) { /* version and header length */
		memcpy(buf, good, len);
		buf[14] = (u8)v;
		if (v == 0x45)
			continue;
		assert_int_not_equal(decode(buf, len, len, FRAME_IP_CSUM_OK, &f), FRAME_UDP);
	}
}

static void ipv4_options_are_stepped_over(void **state)
{
	struct frame_tx t = tx4();
	u8 plain[128], buf[160];
	u32 words, len = build(plain, &t, (const u8 *)"abcdefgh", 8);
	struct frame_in f;

	(void)state;
	for (words = 0; words <= 10; words++) {
		memcpy(buf, plain, 34);
		memset(buf + 34, 1, 4 * words); /* NOP options */
		memcpy(buf + 34 + 4 * words, plain + 34, len - 34);
		buf[14] = (u8)(0x45 + words);
		put_unaligned_be16((u16)(36 + 4 * words), buf + 16);
		reseal_ip(buf + 14);
		assert_int_equal(decode(buf, len + 4 * words, len + 4 * words, 0, &f), FRAME_UDP);
		assert_int_equal(f.data_off, 42 + 4 * words);
	}
}

static void others_are_left_alone(void **state)
{
	struct frame_tx t = tx4();
	u8 buf[128];
	u32 len = build(buf, &t, (const u8 *)"abcdefgh", 8);
	struct frame_in f;

	(void)state;
	buf[14 + 9] = 6; /* TCP */
	reseal_ip(buf + 14);
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_OTHER);
	put_unaligned_be16(0x0806, buf + 12); /* ARP */
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_OTHER);
	put_unaligned_be16(FRAME_TYPE_IPV6, buf + 12); /* version 4 inside */
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_BAD_IP);
	memset(buf, 0, sizeof(buf)); /* tags without end */
	for (len = 12; len + 4 <= sizeof(buf); len += 4)
		put_unaligned_be16(FRAME_TYPE_VLAN, buf + len);
	assert_int_equal(decode(buf, sizeof(buf), sizeof(buf), 0, &f), FRAME_OTHER);
}

/* ---- IPv6 extension headers ---- */

struct ext {
	u8 type;
	u8 units; /* length field */
};

/* A packet with @n extension headers before UDP; no checksum. */
static u32 build_ext(u8 *buf, const struct ext *e, u32 n)
{
	struct frame_tx t = tx6();
	u8 plain[128];
	u32 i, at = 54, len = build(plain, &t, (const u8 *)"abcdefgh", 8);

	memcpy(buf, plain, 54);
	buf[20] = n ? e[0].type : 17;
	for (i = 0; i < n; i++) {
		u32 size = e[i].type == 44   ? 8
			   : e[i].type == 51 ? (e[i].units + 2u) * 4
					     : (e[i].units + 1u) * 8;

		memset(buf + at, 0, size);
		buf[at] = i + 1 < n ? e[i + 1].type : 17;
		buf[at + 1] = e[i].type == 44 ? 0 : e[i].units;
		at += size;
	}
	memcpy(buf + at, plain + 54, len - 54);
	put_unaligned_be16((u16)(at - 54 + len - 54), buf + 18);
	return at + len - 54;
}

static void extension_headers_are_stepped_over(void **state)
{
	static const struct ext e[] = {{0, 0}, {60, 2}, {43, 0}, {44, 0}, {51, 4}, {60, 0}};
	u8 buf[512];
	struct frame_in f;
	u32 n, len, cut;

	(void)state;
	for (n = 0; n <= ARRAY_SIZE(e); n++) {
		len = build_ext(buf, e, n);
		assert_int_equal(decode(buf, len, len, 0, &f), FRAME_UDP);
		assert_int_equal(f.data_len, 8);
		assert_false(f.is_frag);
		for (cut = 0; cut < len; cut++)
			assert_int_not_equal(decode(buf, cut, cut, 0, &f), FRAME_UDP);
	}
}

static void p6_extension_headers_are_bounded(void **state)
{
	struct ext e[FRAME_IPV6_EXT_MAX + 1];
	u8 buf[512];
	struct frame_in f;
	u32 i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(e); i++)
		e[i] = (struct ext){60, 0};
	len = build_ext(buf, e, FRAME_IPV6_EXT_MAX);
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_UDP);
	len = build_ext(buf, e, FRAME_IPV6_EXT_MAX + 1);
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_BAD_EXT);
	e[1].type = 0; /* hop-by-hop comes first or not at all */
	len = build_ext(buf, e, 2);
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_BAD_EXT);
	e[0] = (struct ext){43, 0};
	len = build_ext(buf, e, 1);
	buf[54 + 3] = 1; /* segments left: not for us */
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_BAD_EXT);
	e[0].type = 60;
	len = build_ext(buf, e, 1);
	buf[55] = 255; /* longer than the packet */
	assert_int_equal(decode(buf, len, len, 0, &f), FRAME_BAD_EXT);
}

static void p5_mapped_addresses_on_the_wire_are_refused(void **state)
{
	struct frame_tx t = tx6();
	struct anm_addr v4 = anm_addr_v4(0x0a000001);
	u8 buf[128];
	struct frame_in f;
	u32 len = build(buf, &t, (const u8 *)"ab", 2);

	(void)state;
	memcpy(buf + 14 + 8, v4.b, 16);
	assert_int_equal(decode(buf, len, len, FRAME_UDP_CSUM_OK, &f), FRAME_BAD_IP);
}

/* ---- fragments ---- */

static void check_fragments(const struct frame_tx *t, u32 n, u32 mtu)
{
	static u8 data[65536], whole[65536];
	struct frame_cut cut = {.id = 0xabcd};
	struct frame_csum sum = {0};
	u8 buf[10000];
	struct frame_in f;
	u64 seed = n;
	u32 at, next = 0;
	int rc;

	frame_put_udp(data, t, n + 8);
	fuzz_fill(&seed, data + 8, n);
	frame_csum_add(&sum, data + 8, n);
	frame_udp_seal(data, t, &sum);
	while ((rc = frame_cut_next(t, n + 8, mtu, &cut)) == 1) {
		at = frame_put_headers(buf, t, &cut);
		assert_int_equal(at, frame_headers_len(t, &cut));
		assert_true(at - frame_l2_len(t) + cut.len <= mtu);
		memcpy(buf + at, data + cut.off, cut.len);
		assert_int_equal(decode(buf, at + cut.len, at + cut.len, 0, &f),
				 cut.frag ? FRAME_FRAGMENT : FRAME_UDP);
		assert_int_equal(f.frag_off, next);
		assert_int_equal(f.frag_more, cut.more);
		assert_int_equal(f.l4_len, cut.len);
		if (cut.frag)
			assert_int_equal(f.frag_id, 0xabcd);
		memcpy(whole + next, buf + f.l4_off, f.l4_len);
		next += cut.len;
		assert_int_equal(cut.more, next < n + 8);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(next, n + 8);
	assert_memory_equal(whole, data, n + 8);
}

static void datagrams_are_cut_and_come_together(void **state)
{
	static const u32 sizes[] = {0,	  1,	1000, 1464, 1465, 1472,	 1473,
				    1480, 4096, 8192, 8960, 8972, 32900, FRAME_IP_PAYLOAD_MAX - 8};
	static const u32 mtus[] = {576, 1280, 1500, 9000};
	struct frame_tx four = tx4(), six = tx6();
	u32 i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(mtus); j++) {
			check_fragments(&four, sizes[i], mtus[j]);
			check_fragments(&six, sizes[i], mtus[j]);
		}
	}
}

static void p6_what_cannot_be_cut_is_refused(void **state)
{
	struct frame_tx t = tx4();
	struct frame_cut cut = {0};

	(void)state;
	assert_int_equal(frame_cut_next(&t, FRAME_IP_PAYLOAD_MAX + 1, 1500, &cut), -EMSGSIZE);
	assert_int_equal(frame_cut_next(&t, 0xffffffff, 1500, &cut), -EMSGSIZE);
	assert_int_equal(frame_cut_next(&t, 100, 0, &cut), -EMSGSIZE);
	assert_int_equal(frame_cut_next(&t, 7, 1500, &cut), -EMSGSIZE);
	t.df = true;
	assert_int_equal(frame_cut_next(&t, 1481, 1500, &cut), -EMSGSIZE);
	assert_int_equal(frame_cut_next(&t, 1480, 1500, &cut), 1);
	t = tx6();
	t.df = true;
	assert_int_equal(frame_cut_next(&t, 1461, 1500, &(struct frame_cut){0}), -EMSGSIZE);
	assert_int_equal(frame_cut_next(&t, 1460, 1500, &(struct frame_cut){0}), 1);
}

static void p6_spoiled_and_random_frames_end(void **state)
{
	static const struct ext e[] = {{0, 0}, {60, 2}, {43, 0}, {44, 0}, {51, 4}};
	u8 good[2][512], buf[512];
	struct frame_tx t = tx4();
	struct frame_in f;
	u32 i, n, len[2], hits[FRAME_VERDICTS] = {0};
	u64 seed = 791;

	(void)state;
	t.nvlans = 1;
	len[0] = build(good[0], &t, (const u8 *)"abcdefghijkl", 12);
	len[1] = build_ext(good[1], e, ARRAY_SIZE(e));
	for (i = 0; i < 300000; i++) {
		n = len[i & 1];
		memcpy(buf, good[i & 1], n);
		fuzz_mutate(&seed, buf + 12, n - 12);
		if (fuzz_below(&seed, 4) == 0)
			n = fuzz_below(&seed, n + 1);
		hits[decode(buf, n, n + fuzz_below(&seed, 2) * 100, (u32)fuzz_u64(&seed) & 3,
			    &f)]++;
	}
	for (i = 0; i < FRAME_VERDICTS; i++) {
		assert_true(hits[i] > 0);
		assert_string_not_equal(frame_verdict_name(i), "?");
	}
	assert_string_equal(frame_verdict_name(FRAME_VERDICTS), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csum_known_answer),
		cmocka_unit_test(csum_in_pieces_at_odd_places),
		cmocka_unit_test(csum_replace_is_like_summing_anew),
		cmocka_unit_test(packets_come_back),
		cmocka_unit_test(a_checksum_of_zero_is_never_sent),
		cmocka_unit_test(a_missing_checksum),
		cmocka_unit_test(a_checksum_may_be_left_to_others),
		cmocka_unit_test(p6_every_truncation_of_a_frame),
		cmocka_unit_test(p6_every_flipped_bit_of_a_packet),
		cmocka_unit_test(p6_lengths_that_lie),
		cmocka_unit_test(ipv4_options_are_stepped_over),
		cmocka_unit_test(others_are_left_alone),
		cmocka_unit_test(extension_headers_are_stepped_over),
		cmocka_unit_test(p6_extension_headers_are_bounded),
		cmocka_unit_test(p5_mapped_addresses_on_the_wire_are_refused),
		cmocka_unit_test(datagrams_are_cut_and_come_together),
		cmocka_unit_test(p6_what_cannot_be_cut_is_refused),
		cmocka_unit_test(p6_spoiled_and_random_frames_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
