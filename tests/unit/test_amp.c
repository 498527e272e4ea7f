// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../proto/amp.h"
#include "fuzz.h"

static struct amp_hdr sample(u8 type)
{
	struct amp_hdr h = {
		.protocol = AMP_VERSION,
		.type = type,
		.nparts = 1,
		.channel = 5,
		.code = 0,
		.seq = 0x01020304,
		.session = 0x05060708,
		.key = {0x0a000001, 0xdeadbeef, 0x123456789000ull},
		.page_version = 0x0000a1a2a3a4a5a6ull,
		.page_crc = 0xcafef00d,
	};

	if (type == AMP_PAGE_OUT || type == AMP_PAGE) {
		h.part = 1;
		h.nparts = 3;
		h.part_off = 1368;
		h.part_len = 1368;
		h.form_len = ANM_PAGE_SIZE;
	}
	return h;
}

static int tail_copy(const struct anm_rec *rec, u32 off, void *dst, u32 n)
{
	memcpy(dst, (const u8 *)rec->ctx + off, n);
	return 0;
}

static int decode(const u8 *buf, u32 len, struct amp_hdr *h)
{
	u8 *exact = fuzz_exact(buf, len);
	struct anm_rec rec = {.head = exact, .head_len = len, .len = len};
	int rc = amp_hdr_decode(&rec, h);

	free(exact);
	return rc;
}

static void assert_same(const struct amp_hdr *a, const struct amp_hdr *b)
{
	assert_int_equal(a->protocol, b->protocol);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->part, b->part);
	assert_int_equal(a->nparts, b->nparts);
	assert_int_equal(a->channel, b->channel);
	assert_int_equal(a->code, b->code);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->session, b->session);
	assert_int_equal(a->key.client, b->key.client);
	assert_int_equal(a->key.vai, b->key.vai);
	assert_true(a->key.offset == b->key.offset);
	assert_true(a->page_version == b->page_version);
	assert_int_equal(a->part_off, b->part_off);
	assert_int_equal(a->part_len, b->part_len);
	assert_int_equal(a->page_crc, b->page_crc);
	assert_int_equal(a->form, b->form);
	assert_int_equal(a->form_len, b->form_len);
}

static void headers_come_back(void **state)
{
	u8 buf[AMP_HDR_LEN + 2000];
	struct amp_hdr h, d;
	u64 seed = 3;
	u8 type;

	(void)state;
	for (type = AMP_HELLO; type <= AMP_TYPE_MAX; type++) {
		fuzz_fill(&seed, buf, sizeof(buf));
		h = sample(type);
		h.code = type == AMP_NACK ? AMP_E_STALE : 0;
		if (h.nparts == 1)
			h.part_len = 33;
		amp_hdr_encode(buf, &h);
		assert_int_equal(decode(buf, sizeof(buf), &d), 0);
		assert_same(&h, &d);
	}
}

static void the_layout_is_the_documented_one(void **state)
{
	static const u8 want[52] = {
		'A',  'N',  'M',  'P',	1,    8,    1,	  3,	0,    5,    0,	  0,	1,
		2,    3,    4,	  5,	6,    7,    8,	  10,	0,    0,    1,	  0xde, 0xad,
		0xbe, 0xef, 0,	  0,	0x12, 0x34, 0x56, 0x78, 0x90, 0,    0,	  0,	0xa1,
		0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 5,    0x58, 5,	0x58, 0xca, 0xfe, 0xf0, 0x0d,
	};
	struct amp_hdr h = sample(AMP_PAGE_OUT);
	u8 buf[AMP_HDR_LEN], crc[4];

	(void)state;
	amp_hdr_encode(buf, &h);
	assert_memory_equal(buf, want, sizeof(want));
	assert_null(memchr_inv(buf + 56, 0, 22));
	assert_int_equal(get_unaligned_be16(buf + 78), ANM_PAGE_SIZE);
	memcpy(crc, buf + 52, 4);
	memset(buf + 52, 0, 4);
	assert_int_equal(get_unaligned_be32(crc), ~anm_crc32c(~0u, buf, AMP_HDR_LEN));
}

static void p6_every_flipped_bit_is_caught(void **state)
{
	u8 buf[AMP_HDR_LEN + 1368];
	struct amp_hdr h, d;
	u64 seed = 4;
	u8 type;
	u32 bit;

	(void)state;
	for (type = AMP_HELLO; type <= AMP_TYPE_MAX; type++) {
		bool page = type == AMP_PAGE_OUT || type == AMP_PAGE;

		h = sample(type);
		if (!page)
			h.part_len = 128;
		fuzz_fill(&seed, buf, sizeof(buf));
		amp_hdr_encode(buf, &h);
		for (bit = 0; bit < 8 * (AMP_HDR_LEN + (page ? 0 : 128u)); bit++) {
			buf[bit / 8] ^= (u8)(1u << bit % 8);
			assert_int_equal(decode(buf, sizeof(buf), &d), -EINVAL);
			buf[bit / 8] ^= (u8)(1u << bit % 8);
		}
		assert_int_equal(decode(buf, sizeof(buf), &d), 0);
	}
}

static void p6_every_truncation_is_caught(void **state)
{
	u8 buf[AMP_HDR_LEN + 1368] = {0};
	struct amp_hdr h = sample(AMP_PAGE), d;
	u32 n;

	(void)state;
	amp_hdr_encode(buf, &h);
	for (n = 0; n < sizeof(buf); n++)
		assert_int_equal(decode(buf, n, &d), -EINVAL);
	assert_int_equal(decode(buf, n, &d), 0);
}

static void expect(const struct amp_hdr *h, int want)
{
	static u8 buf[AMP_HDR_LEN + 65536];
	struct amp_hdr d;

	amp_hdr_encode(buf, h);
	assert_int_equal(decode(buf, sizeof(buf), &d), want);
}

/* Well-made headers (good CRC) that say what cannot be. */
static void p6_fields_out_of_range(void **state)
{
	struct amp_hdr h;

	(void)state;
	h = sample(0);
	expect(&h, -EINVAL);
	h = sample(AMP_TYPE_MAX + 1);
	expect(&h, -EINVAL);
	h = sample(AMP_NACK);
	h.code = AMP_CODE_MAX;
	expect(&h, 0);
	h.code = AMP_CODE_MAX + 1;
	expect(&h, -EINVAL);
	h = sample(AMP_PAGE_IN);
	h.channel = AMP_CHANNELS_MAX - 1;
	expect(&h, 0);
	h.channel = AMP_CHANNELS_MAX;
	expect(&h, -EINVAL);
	h.channel = AMP_CHANNEL_NONE;
	expect(&h, 0);
	h = sample(AMP_PAGE_IN);
	h.key.offset = 4095;
	expect(&h, -EINVAL);
	h = sample(AMP_PAGE_IN);
	h.page_version = 1ull << 48;
	expect(&h, -EINVAL);
	h = sample(AMP_ACK);
	h.nparts = 2;
	expect(&h, -EINVAL);
	h = sample(AMP_ACK);
	h.part_off = 8;
	expect(&h, -EINVAL);
}

static void p6_parts_out_of_range(void **state)
{
	static const struct {
		u8 part, nparts;
		u16 off, len;
		int want;
	} t[] = {
		{0, 1, 0, 4096, 0},	  {3, 4, 4095, 1, 0},	    {0, 0, 0, 4096, -EINVAL},
		{1, 1, 0, 4096, -EINVAL}, {0, 5, 0, 1024, -EINVAL}, {0, 1, 0, 0, -EINVAL},
		{0, 1, 1, 4096, -EINVAL}, {0, 1, 4096, 1, -EINVAL}, {0, 1, 65535, 65535, -EINVAL},
		{255, 4, 0, 8, -EINVAL},
	};
	struct amp_hdr h;
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		h = sample(AMP_PAGE);
		h.part = t[i].part;
		h.nparts = t[i].nparts;
		h.part_off = t[i].off;
		h.part_len = t[i].len;
		expect(&h, t[i].want);
	}
}

static void p6_forms_out_of_range(void **state)
{
	static const struct {
		u8 form;
		u16 form_len, off, len;
		int want;
	} t[] = {
		{AMP_FORM_RAW, 4096, 0, 4096, 0},
		{AMP_FORM_RAW, 4095, 0, 4095, -EINVAL},
		{AMP_FORM_RAW, 0, 0, 1, -EINVAL},
		{AMP_FORM_RAW, 8192, 0, 4096, -EINVAL},
		{AMP_FORM_LZ4, 1, 0, 1, 0},
		{AMP_FORM_LZ4, 0, 0, 1, -EINVAL},
		{AMP_FORM_LZ4, AMP_LZ4_LEN_MAX, 0, AMP_LZ4_LEN_MAX, 0},
		{AMP_FORM_LZ4, AMP_LZ4_LEN_MAX + 1, 0, 100, -EINVAL},
		{AMP_FORM_LZ4, 65535, 0, 100, -EINVAL},
		{AMP_FORM_LZ4, 100, 0, 101, -EINVAL},
		{AMP_FORM_LZ4, 100, 96, 8, -EINVAL},
		{AMP_FORM_FILL, AMP_FILL_LEN, 0, AMP_FILL_LEN, 0},
		{AMP_FORM_FILL, AMP_FILL_LEN + 1, 0, AMP_FILL_LEN, -EINVAL},
		{AMP_FORM_FILL, 4096, 0, 4096, -EINVAL},
		{AMP_FORM_MAX + 1, 4096, 0, 4096, -EINVAL},
		{255, 8, 0, 8, -EINVAL},
	};
	struct amp_hdr h;
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		h = sample(AMP_PAGE_OUT);
		h.part = 0;
		h.form = t[i].form;
		h.form_len = t[i].form_len;
		h.part_off = t[i].off;
		h.part_len = t[i].len;
		expect(&h, t[i].want);
	}
	/* What carries no page has no form. */
	h = sample(AMP_PAGE_IN);
	h.form_len = ANM_PAGE_SIZE;
	expect(&h, -EINVAL);
	h = sample(AMP_ACK);
	h.form = AMP_FORM_FILL;
	expect(&h, -EINVAL);
}

/* What is cut is taken, and nothing else is. */
static void p6_parts_fit_their_path(void **state)
{
	static const u16 mtus[] = {1280, 1500, 4224, 9000};
	static const u16 lens[] = {1, 8, 1151, 1152, 1153, 1368, 1369, 3072, 4096};
	struct amp_hdr h = {0}, bad;
	u32 i, k, part;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(mtus); i++) {
		for (k = 0; k < ARRAY_SIZE(lens); k++) {
			u32 sum = 0;

			h.form_len = lens[k];
			for (part = 0; part < amp_nparts(mtus[i], lens[k]); part++) {
				amp_part_cut(&h, mtus[i], (u8)part);
				assert_true(amp_part_valid(&h, mtus[i]));
				assert_int_equal(h.part_off, sum);
				sum += h.part_len;
				bad = h;
				bad.part_len--;
				assert_false(amp_part_valid(&bad, mtus[i]));
				bad = h;
				bad.part_off++;
				assert_false(amp_part_valid(&bad, mtus[i]));
				bad = h;
				bad.nparts++;
				assert_false(amp_part_valid(&bad, mtus[i]));
			}
			assert_int_equal(sum, lens[k]);
		}
	}
}

static void another_version_is_told_from_damage(void **state)
{
	struct amp_hdr h = sample(AMP_HELLO), d;
	u8 buf[AMP_HDR_LEN];

	(void)state;
	h.protocol = AMP_VERSION + 1;
	h.type = 200; /* what it may mean there is unknown here */
	amp_hdr_encode(buf, &h);
	assert_int_equal(decode(buf, sizeof(buf), &d), -EPROTO);
	assert_same(&h, &d);
}

static void p6_authentication_is_not_pretended(void **state)
{
	struct amp_hdr h = sample(AMP_PAGE_IN), d;
	u8 buf[AMP_HDR_LEN];
	u32 at;

	(void)state;
	for (at = 56; at < AMP_HDR_LEN; at++) {
		amp_hdr_encode(buf, &h);
		buf[at] = 1;
		memset(buf + 52, 0, 4);
		put_unaligned_be32(~anm_crc32c(~0u, buf, AMP_HDR_LEN), buf + 52);
		assert_int_equal(decode(buf, sizeof(buf), &d), -EINVAL);
	}
}

static void payload_may_lie_outside_of_the_head(void **state)
{
	u8 buf[AMP_HDR_LEN + AMP_HELLO_LEN];
	struct amp_hdr h = sample(AMP_HELLO), d;
	struct anm_rec rec = {.head = buf, .len = sizeof(buf), .copy = tail_copy, .ctx = buf};
	u64 seed = 9;

	(void)state;
	fuzz_fill(&seed, buf, sizeof(buf));
	h.part_len = AMP_HELLO_LEN;
	amp_hdr_encode(buf, &h);
	for (rec.head_len = 0; rec.head_len <= sizeof(buf); rec.head_len++)
		assert_int_equal(amp_hdr_decode(&rec, &d), 0);
	buf[sizeof(buf) - 1] ^= 1;
	rec.head_len = AMP_HDR_LEN;
	assert_int_equal(amp_hdr_decode(&rec, &d), -EINVAL);
}

static void payloads(void **state)
{
	struct amp_hello h = {.boot = 1ull << 60,
			      .donation = 2,
			      .used = 3,
			      .mtu = 9000,
			      .channels = 64,
			      .name = "server-1"},
			 h2;
	struct amp_welcome w = {.epoch = 7,
				.session = 8,
				.heartbeat_ms = 1000,
				.dead_ms = 5000,
				.mtu = 1500,
				.channels = 32},
			   w2;
	struct amp_usage u = {1ull << 34, 5, AMP_USAGE_LEAVING, 0}, u2;
	u8 buf[AMP_HELLO_LEN], *cut;
	u32 n;

	(void)state;
	memset(h.server_uuid, 1, 16);
	memset(h.pool_uuid, 2, 16);
	memset(w.engine_uuid, 3, 16);
	memset(buf, 0xee, sizeof(buf));
	amp_hello_encode(buf, &h);
	assert_int_equal(amp_hello_decode(buf, AMP_HELLO_LEN, &h2), 0);
	assert_memory_equal(&h, &h2, sizeof(h));
	amp_welcome_encode(buf, &w);
	assert_int_equal(amp_welcome_decode(buf, AMP_WELCOME_LEN, &w2), 0);
	assert_memory_equal(&w, &w2, sizeof(w));
	amp_usage_encode(buf, &u);
	assert_int_equal(amp_usage_decode(buf, AMP_USAGE_LEN, &u2), 0);
	assert_memory_equal(&u, &u2, sizeof(u));
	for (n = 0; n < AMP_HELLO_LEN; n++) {
		cut = fuzz_exact(buf, n);
		assert_int_equal(amp_hello_decode(cut, n, &h2), -EINVAL);
		assert_int_equal(amp_welcome_decode(cut, n, &w2), n < 40 ? -EINVAL : 0);
		assert_int_equal(amp_usage_decode(cut, n, &u2), n < 24 ? -EINVAL : 0);
		free(cut);
	}
}

static void a_page_is_cut_to_fit_the_path(void **state)
{
	u32 mtu;

	(void)state;
	for (mtu = 0; mtu <= 65535; mtu++) {
		u32 size = amp_part_size((u16)mtu), n = amp_nparts((u16)mtu, ANM_PAGE_SIZE);

		assert_int_equal(size % 8, 0);
		assert_true(size >= 1024 && size <= 4096 && n >= 1 && n <= AMP_PARTS_MAX);
		assert_true(size * n >= 4096 && size * (n - 1) < 4096);
		if (mtu >= AMP_MTU_MIN)
			assert_true(size + AMP_HDR_LEN + AMP_UDP_OVERHEAD <= mtu);
	}
	assert_int_equal(amp_nparts(1280, ANM_PAGE_SIZE), 4);
	assert_int_equal(amp_nparts(1500, ANM_PAGE_SIZE), 3);
	assert_int_equal(amp_nparts(4224, ANM_PAGE_SIZE), 1);
	assert_int_equal(amp_nparts(9000, ANM_PAGE_SIZE), 1);
	assert_int_equal(amp_nparts(1500, 1368), 1);
	assert_int_equal(amp_nparts(1500, 1369), 2);
	assert_int_equal(amp_nparts(1500, AMP_FILL_LEN), 1);
}

static void names(void **state)
{
	u32 i;

	(void)state;
	for (i = AMP_HELLO; i <= AMP_TYPE_MAX; i++)
		assert_string_not_equal(amp_type_name((u8)i), "?");
	for (i = AMP_OK; i <= AMP_CODE_MAX; i++)
		assert_string_not_equal(amp_code_name((u16)i), "?");
	assert_string_equal(amp_type_name(0), "?");
	assert_string_equal(amp_type_name(255), "?");
	assert_string_equal(amp_code_name(65535), "?");
}

/* Random fields behind a good CRC: what is accepted is within its limits. */
static void p6_hostile_headers(void **state)
{
	u8 buf[AMP_HDR_LEN + 300];
	u64 seed = 11;
	u32 i, good = 0;

	(void)state;
	for (i = 0; i < 300000; i++) {
		struct amp_hdr h = sample((u8)(1 + fuzz_below(&seed, AMP_TYPE_MAX))), d;
		u32 n = AMP_HDR_LEN + fuzz_below(&seed, 300);

		h.part_len = (u16)fuzz_below(&seed, 300);
		amp_hdr_encode(buf, &h);
		fuzz_mutate(&seed, buf + 4, 48);
		memset(buf + 52, 0, 4);
		put_unaligned_be32(~anm_crc32c(~0u, buf, AMP_HDR_LEN), buf + 52);
		if (decode(buf, n, &d))
			continue;
		good++;
		assert_true(d.part < d.nparts && d.nparts <= AMP_PARTS_MAX);
		assert_true(d.part_len <= n - AMP_HDR_LEN);
		assert_true(d.part_off + d.part_len <= 4096);
		assert_true(d.type && d.type <= AMP_TYPE_MAX && d.page_version < 1ull << 48);
	}
	assert_true(good > 100);
}

static void p6_split_bounds(void **state)
{
	struct amp_split sp = {.client_port = 1, .engine_port = 2}, got;
	static const struct {
		u8 b[16];
		bool good;
	} addrs[] = {
		{{[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}, true},
		{{[10] = 0xff, [11] = 0xff, 1, 0, 0, 0}, true},
		{{[10] = 0xff, [11] = 0xff, 223, 255, 255, 254}, true},
		{{[10] = 0xff, [11] = 0xff, 224, 0, 0, 1}, false},
		{{[10] = 0xff, [11] = 0xff, 255, 255, 255, 255}, false},
		{{[10] = 0xff, [11] = 0xff, 127, 0, 0, 1}, false},
		{{[10] = 0xff, [11] = 0xff}, false},
		{{0xfd, [15] = 1}, true},
		{{0x20, 0x01, [15] = 1}, true},
		{{[15] = 2}, true},
		{{[15] = 1}, false},
		{{0}, false},
		{{0xff, 2, [15] = 1}, false},
		{{0xfe, 0x80, [15] = 1}, false},
		{{0xfe, 0xbf, [15] = 1}, false},
	};
	u8 *buf;
	u32 i, len;

	for (i = 0; i < ARRAY_SIZE(addrs); i++) {
		memcpy(&sp.client, addrs[i].b, 16);
		memcpy(&sp.engine, addrs[i].b, 16);
		sp.head_len = AMP_SPLIT_HEAD_MAX;
		assert_int_equal(amp_split_valid(&sp), addrs[i].good);
	}
	memcpy(&sp.client, addrs[0].b, 16);
	memcpy(&sp.engine, addrs[0].b, 16);
	for (i = 0; i < AMP_SPLIT_HEAD_MAX; i++)
		sp.head[i] = (u8)(i + 1);
	for (i = 0; i <= AMP_SPLIT_HEAD_MAX + 4u; i++) {
		sp.head_len = (u16)i;
		assert_int_equal(amp_split_valid(&sp), i && !(i & 3) && i <= AMP_SPLIT_HEAD_MAX);
	}
	for (i = 4; i <= AMP_SPLIT_HEAD_MAX; i += 4) {
		sp.head_len = (u16)i;
		assert_int_equal(amp_split_frame(&sp), 28 + i + ANM_PAGE_SIZE);
		len = AMP_SPLIT_LEN + i;
		buf = malloc(AMP_SPLIT_LEN_MAX);
		assert_int_equal(amp_split_encode(buf, &sp), len);
		buf = realloc(buf, len);
		memset(&got, 0, sizeof(got));
		assert_int_equal(amp_split_decode(buf, len, &got), 0);
		assert_memory_equal(&got, &sp, offsetof(struct amp_split, head));
		assert_memory_equal(got.head, sp.head, i);
		assert_int_equal(amp_split_decode(buf, len - 1, &got), -EINVAL);
		assert_int_equal(amp_split_decode(buf, len + 1, &got), -EINVAL);
		buf[39] = 1; /* of no meaning yet */
		assert_int_equal(amp_split_decode(buf, len, &got), -EINVAL);
		free(buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p6_split_bounds),
		cmocka_unit_test(headers_come_back),
		cmocka_unit_test(the_layout_is_the_documented_one),
		cmocka_unit_test(p6_every_flipped_bit_is_caught),
		cmocka_unit_test(p6_every_truncation_is_caught),
		cmocka_unit_test(p6_fields_out_of_range),
		cmocka_unit_test(p6_parts_out_of_range),
		cmocka_unit_test(p6_forms_out_of_range),
		cmocka_unit_test(p6_parts_fit_their_path),
		cmocka_unit_test(another_version_is_told_from_damage),
		cmocka_unit_test(p6_authentication_is_not_pretended),
		cmocka_unit_test(payload_may_lie_outside_of_the_head),
		cmocka_unit_test(payloads),
		cmocka_unit_test(a_page_is_cut_to_fit_the_path),
		cmocka_unit_test(names),
		cmocka_unit_test(p6_hostile_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
