// SPDX-License-Identifier: GPL-2.0-only
/* The engine that memory server tests play. */
#include "mem_bed.h"

struct mem_config mb_config(u16 mtu)
{
	struct mem_config cfg = {
		.server_uuid = {1, 2, 3},
		.name = "test",
		.donation = DONATION,
		.mtu = mtu,
		.channels = CHANNELS,
		.engine = {.addr = {{[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}}, .port = AMP_PORT},
	};

	return cfg;
}

struct mem_bed *mb_new(u16 mtu)
{
	struct mem_config cfg = mb_config(mtu);
	struct mem_bed *b = test_calloc(1, sizeof(*b));

	b->live = anm_alloc_live;
	b->now = MS(1000);
	b->engine = cfg.engine;
	b->mtu = mtu;
	memset(b->uuid, 0xe1, sizeof(b->uuid));
	b->m = mem_create(&cfg, b->now);
	assert_non_null(b->m);
	return b;
}

void mb_free(struct mem_bed *b)
{
	mem_destroy(b->m);
	assert_int_equal(anm_alloc_live, b->live);
	test_free(b);
}

struct mem_status mb_status(struct mem_bed *b)
{
	struct mem_status st;

	mem_get_status(b->m, &st, b->now);
	return st;
}

/* ---- datagrams ---- */

void mb_feed_from(struct mem_bed *b, const struct anm_peer *from, const void *buf, u32 len)
{
	/* a buffer of just that length, so that a read past its end is seen */
	u8 *exact = test_malloc(len ? len : 1);
	struct anm_rec rec = {.head = exact, .head_len = len, .len = len};

	memcpy(exact, buf, len);
	mem_amp_in(b->m, from, &rec, b->now);
	test_free(exact);
}

void mb_feed(struct mem_bed *b, const void *buf, u32 len)
{
	mb_feed_from(b, &b->engine, buf, len);
}

bool mb_hear(struct mem_bed *b)
{
	struct anm_out *out = mem_out_next(b->m);
	struct anm_rec rec;
	u8 flat[AMP_MTU_MAX];
	u32 len;
	u16 i;

	if (!out)
		return false;
	assert_true(out->is_amp);
	assert_true(out->len <= sizeof(flat));
	memcpy(flat, out->head, out->head_len);
	len = out->head_len;
	for (i = 0; i < out->nfrags; i++) {
		memcpy(flat + len, (u8 *)anm_page_data(out->frags[i].page) + out->frags[i].off,
		       out->frags[i].len);
		len += out->frags[i].len;
	}
	assert_int_equal(len, out->len);
	assert_memory_equal(&out->to.addr, &b->engine.addr, sizeof(out->to.addr));
	anm_out_free(out);
	rec = (struct anm_rec){.head = flat, .head_len = len, .len = len};
	assert_int_equal(amp_hdr_decode(&rec, &b->got), 0);
	b->got_len = len;
	if (b->got.type == AMP_PAGE)
		memcpy(b->page + b->got.part_off, flat + AMP_HDR_LEN, b->got.part_len);
	if (b->got.type == AMP_INVENTORY_LIST)
		memcpy(b->page, flat + AMP_HDR_LEN, b->got.part_len);
	return true;
}

void mb_expect_silence(struct mem_bed *b)
{
	assert_false(mb_hear(b));
}

void mb_expect(struct mem_bed *b, u8 type, u16 code)
{
	assert_true(mb_hear(b));
	assert_int_equal(b->got.type, type);
	assert_int_equal(b->got.code, code);
}

struct amp_hdr mb_control(struct mem_bed *b, u8 type, u32 seq)
{
	struct amp_hdr h = {
		.protocol = AMP_VERSION,
		.type = type,
		.nparts = 1,
		.channel = AMP_CHANNEL_NONE,
		.seq = seq,
		.session = b->session,
	};

	return h;
}

void mb_send_hdr(struct mem_bed *b, const struct amp_hdr *h)
{
	u8 buf[AMP_HDR_LEN];

	amp_hdr_encode(buf, h);
	mb_feed(b, buf, sizeof(buf));
}

/* ---- the session ---- */

u32 mb_pass(struct mem_bed *b, u64 ms, u8 type)
{
	u64 end = b->now + MS(ms), wait;
	u32 n = 0;

	for (;;) {
		wait = mem_tick(b->m, b->now);
		assert_true(wait > 0);
		while (mb_hear(b))
			n += b->got.type == type;
		if (b->now >= end)
			return n;
		b->now = min(b->now + wait, end);
	}
}

void mb_await_hello(struct mem_bed *b)
{
	u32 i;

	for (i = 0; i < 1000; i++) {
		u64 wait = mem_tick(b->m, b->now);

		if (mb_hear(b)) {
			assert_int_equal(b->got.type, AMP_HELLO);
			return;
		}
		b->now += wait;
	}
	fail_msg("no HELLO");
}

struct amp_welcome mb_welcome_of(struct mem_bed *b)
{
	struct amp_welcome w = {
		.epoch = 7,
		.session = ++b->session,
		.heartbeat_ms = HEARTBEAT,
		.dead_ms = DEAD,
		.mtu = b->mtu,
		.channels = CHANNELS,
	};

	memcpy(w.engine_uuid, b->uuid, sizeof(w.engine_uuid));
	return w;
}

void mb_send_welcome(struct mem_bed *b, const struct anm_peer *from, u32 seq,
		     const struct amp_welcome *w)
{
	u8 buf[AMP_HDR_LEN + AMP_WELCOME_LEN];
	struct amp_hdr h = mb_control(b, AMP_WELCOME, seq);

	h.part_len = AMP_WELCOME_LEN;
	amp_welcome_encode(buf + AMP_HDR_LEN, w);
	amp_hdr_encode(buf, &h);
	mb_feed_from(b, from, buf, sizeof(buf));
}

void mb_join(struct mem_bed *b)
{
	struct amp_welcome w;

	mb_await_hello(b);
	w = mb_welcome_of(b);
	mb_send_welcome(b, &b->engine, b->got.seq, &w);
	assert_int_equal(mb_status(b).state, MEM_JOINED);
	assert_int_equal(mb_status(b).session, b->session);
	memset(b->seq, 0, sizeof(b->seq));
}

struct mem_bed *mb_joined(u16 mtu)
{
	struct mem_bed *b = mb_new(mtu);

	mb_join(b);
	return b;
}

/* ---- pages ---- */

void mb_fill(u8 *page, u32 seed)
{
	u32 i;

	for (i = 0; i < ANM_PAGE_SIZE; i += 4)
		put_unaligned_be32(seed * 2654435761u + i, page + i);
}

u32 mb_page_crc(const u8 *page)
{
	return ~anm_crc32c(~0u, page, ANM_PAGE_SIZE);
}

struct amp_hdr mb_message(struct mem_bed *b, u8 type, u16 channel, u32 page_no, u64 version)
{
	struct amp_hdr h = mb_control(b, type, ++b->seq[channel]);

	h.channel = channel;
	h.key.client = CLIENT;
	h.key.vai = VAI;
	h.key.offset = (u64)page_no << ANM_PAGE_SHIFT;
	h.page_version = version;
	return h;
}

void mb_send_part(struct mem_bed *b, struct amp_hdr h, const u8 *page, u8 part)
{
	u8 buf[AMP_MTU_MAX];

	if (!h.form_len)
		h.form_len = ANM_PAGE_SIZE;
	amp_part_cut(&h, b->mtu, part);
	memcpy(buf + AMP_HDR_LEN, page + h.part_off, h.part_len);
	amp_hdr_encode(buf, &h);
	mb_feed(b, buf, AMP_HDR_LEN + h.part_len);
}

void mb_send_parts(struct mem_bed *b, struct amp_hdr h, const u8 *page)
{
	u8 part;

	for (part = 0; part < amp_nparts(b->mtu, h.form_len ? h.form_len : ANM_PAGE_SIZE); part++)
		mb_send_part(b, h, page, part);
}

struct amp_hdr mb_page_out(struct mem_bed *b, u16 channel, u32 page_no, u64 version, u32 seed)
{
	struct amp_hdr h = mb_message(b, AMP_PAGE_OUT, channel, page_no, version);
	u8 page[ANM_PAGE_SIZE];

	mb_fill(page, seed);
	h.page_crc = mb_page_crc(page);
	mb_send_parts(b, h, page);
	return h;
}

void mb_store_page(struct mem_bed *b, u32 page_no, u64 version, u32 seed)
{
	mb_page_out(b, 0, page_no, version, seed);
	mb_expect(b, AMP_ACK, AMP_OK);
	assert_int_equal(b->got.page_version, version);
}

void mb_hear_page(struct mem_bed *b, u64 version, u32 seed)
{
	u8 want[ANM_PAGE_SIZE];
	u32 n = amp_nparts(b->mtu, ANM_PAGE_SIZE), i;

	mb_fill(want, seed);
	memset(b->page, 0xa5, sizeof(b->page));
	for (i = 0; i < n; i++) {
		mb_expect(b, AMP_PAGE, AMP_OK);
		assert_int_equal(b->got.part, i);
		assert_int_equal(b->got.nparts, n);
		assert_int_equal(b->got.page_version, version);
		assert_int_equal(b->got.page_crc, mb_page_crc(want));
		assert_true(b->got_len + AMP_UDP_OVERHEAD <= b->mtu);
	}
	assert_memory_equal(b->page, want, ANM_PAGE_SIZE);
}

void mb_expect_page(struct mem_bed *b, u32 page_no, u64 version, u32 seed)
{
	struct amp_hdr h = mb_message(b, AMP_PAGE_IN, 1, page_no, 0);

	mb_send_hdr(b, &h);
	mb_hear_page(b, version, seed);
}

void mb_expect_absent(struct mem_bed *b, u32 page_no)
{
	struct amp_hdr h = mb_message(b, AMP_PAGE_IN, 1, page_no, 0);

	mb_send_hdr(b, &h);
	mb_expect(b, AMP_NACK, AMP_E_NOENT);
}
