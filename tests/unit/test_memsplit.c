// SPDX-License-Identifier: GPL-2.0-only
/*
 * A memory server answers READs in the engine's place, when it is asked to and can; in every
 * other case the engine gets the page.
 */
#include "mem_bed.h"
#include "../../memserver/core/priv.h"

#define HEAD_LEN 128

static int path_mtu; /* of the path to the client */

static int mtu_to(void *ctx, const struct anm_addr *to)
{
	assert_null(ctx);
	assert_int_equal(to->b[15], 2);
	return path_mtu;
}

/* Joined, with page 1 of version 5. */
static struct mem_bed *split_bed(bool can, u16 mtu)
{
	struct mem_bed *b = mb_new(mtu);

	path_mtu = mtu;
	if (can)
		b->m->cfg.path_mtu = mtu_to;
	mb_join(b);
	mb_store_page(b, 1, 5, 77);
	return b;
}

static struct amp_split some_split(void)
{
	struct amp_split sp = {
		.client = {{[10] = 0xff, [11] = 0xff, 10, 0, 1, 2}},
		.engine = {{[10] = 0xff, [11] = 0xff, 10, 0, 1, 1}},
		.client_port = 800,
		.engine_port = 2049,
		.head_len = HEAD_LEN,
	};
	u32 i;

	for (i = 0; i < HEAD_LEN; i++)
		sp.head[i] = (u8)(i * 7);
	return sp;
}

static void send_raw(struct mem_bed *b, struct amp_hdr h, const u8 *payload, u16 len)
{
	u8 buf[AMP_HDR_LEN + 512];

	h.part_len = len;
	memcpy(buf + AMP_HDR_LEN, payload, len);
	amp_hdr_encode(buf, &h);
	mb_feed(b, buf, AMP_HDR_LEN + len);
}

static struct amp_hdr ask(struct mem_bed *b, u64 version, const struct amp_split *sp)
{
	struct amp_hdr h = mb_message(b, AMP_PAGE_IN, 1, 1, version);
	u8 payload[AMP_SPLIT_LEN_MAX];

	send_raw(b, h, payload, amp_split_encode(payload, sp));
	return h;
}

static void expect_reply(struct mem_bed *b, const struct amp_split *sp, u32 seed)
{
	struct anm_out *out = mem_out_next(b->m);
	u8 want[ANM_PAGE_SIZE];

	assert_non_null(out);
	mb_fill(want, seed);
	assert_true(out->is_split && !out->is_amp);
	assert_memory_equal(&out->to.addr, &sp->client, sizeof(sp->client));
	assert_memory_equal(&out->to.local, &sp->engine, sizeof(sp->engine));
	assert_int_equal(out->to.port, sp->client_port);
	assert_int_equal(out->to.local_port, sp->engine_port);
	assert_int_equal(out->len, sp->head_len + ANM_PAGE_SIZE);
	assert_int_equal(out->head_len, sp->head_len);
	assert_memory_equal(out->head, sp->head, sp->head_len);
	assert_int_equal(out->nfrags, 1);
	assert_memory_equal((u8 *)anm_page_data(out->frags[0].page) + out->frags[0].off, want,
			    ANM_PAGE_SIZE);
	anm_out_free(out);
}

static void p1_the_server_answers_the_client_then_the_engine(void **state)
{
	struct mem_bed *b = split_bed(true, 9000);
	struct amp_split sp = some_split();

	ask(b, 5, &sp);
	expect_reply(b, &sp, 77);
	mb_expect(b, AMP_ACK, AMP_OK);
	assert_int_equal(b->got.page_version, 5);
	mb_expect_silence(b);
	assert_int_equal(mb_status(b).stats.split_replies, 1);
	mb_free(b);
}

static void p3_a_duplicate_tells_the_engine_again_not_the_client(void **state)
{
	struct mem_bed *b = split_bed(true, 9000);
	struct amp_split sp = some_split();
	struct amp_hdr h = ask(b, 5, &sp);
	u8 payload[AMP_SPLIT_LEN_MAX];
	u16 len = amp_split_encode(payload, &sp);

	expect_reply(b, &sp, 77);
	mb_expect(b, AMP_ACK, AMP_OK);
	send_raw(b, h, payload, len);
	mb_expect(b, AMP_ACK, AMP_OK);
	mb_expect_silence(b);
	/* the next question is a plain one: the first, come late, has no effect any more */
	mb_expect_page(b, 1, 5, 77);
	send_raw(b, h, payload, len);
	mb_expect_silence(b);
	assert_int_equal(mb_status(b).stats.late, 1);
	assert_int_equal(mb_status(b).stats.split_replies, 1);
	mb_free(b);
}

static void p1_another_version_goes_to_the_engine(void **state)
{
	struct mem_bed *b = split_bed(true, 9000);
	struct amp_split sp = some_split();

	ask(b, 4, &sp); /* a newer one is here */
	mb_hear_page(b, 5, 77);
	ask(b, 6, &sp);
	mb_expect(b, AMP_NACK, AMP_E_NOENT);
	mb_expect_silence(b);
	assert_int_equal(mb_status(b).stats.split_replies, 0);
	mb_free(b);
}

static void p1_bytes_gone_bad_do_not_reach_the_client(void **state)
{
	struct mem_bed *b = split_bed(true, 9000);
	struct amp_split sp = some_split();
	const struct amp_key key = {CLIENT, VAI, ANM_PAGE_SIZE};
	struct store_page page;

	assert_true(store_get(b->m->store, &key, &page));
	((u8 *)page.bytes)[100] ^= 1;
	ask(b, 5, &sp);
	mb_expect(b, AMP_PAGE, AMP_OK); /* the engine will see */
	mb_expect_silence(b);
	mb_free(b);
}

static void what_does_not_fit_goes_to_the_engine(void **state)
{
	struct mem_bed *b = split_bed(true, 9000);
	struct amp_split sp = some_split();

	path_mtu = 20 + 8 + HEAD_LEN + ANM_PAGE_SIZE - 1;
	ask(b, 5, &sp);
	mb_hear_page(b, 5, 77);
	path_mtu = -ENETUNREACH;
	ask(b, 5, &sp);
	mb_hear_page(b, 5, 77);
	mb_expect_silence(b);
	path_mtu = 20 + 8 + HEAD_LEN + ANM_PAGE_SIZE;
	ask(b, 5, &sp);
	expect_reply(b, &sp, 77);
	mb_expect(b, AMP_ACK, AMP_OK);
	/* IPv6 takes 20 bytes more */
	memset(&sp.client, 0, sizeof(sp.client));
	sp.client.b[0] = 0xfd;
	sp.client.b[15] = 2;
	sp.engine = sp.client;
	ask(b, 5, &sp);
	mb_hear_page(b, 5, 77);
	path_mtu += 20;
	ask(b, 5, &sp);
	expect_reply(b, &sp, 77);
	mb_expect(b, AMP_ACK, AMP_OK);
	mb_free(b);
}

static void without_memory_the_engine_gets_the_page(void **state)
{
	struct mem_bed *b = split_bed(true, 9000);
	struct amp_split sp = some_split();
	u32 i;

	for (i = 0; i < 3; i++) {
		struct anm_out *out;

		anm_fail_after = i;
		ask(b, 5, &sp);
		anm_fail_after = -1;
		while ((out = mem_out_next(b->m)))
			anm_out_free(out);
		/* asked again, plainly */
		mb_expect_page(b, 1, 5, 77);
	}
	mb_free(b);
}

static void a_server_that_cannot_says_so_and_sends_the_page(void **state)
{
	struct amp_split sp = some_split();
	struct mem_bed *b = mb_new(9000);
	struct amp_hello hello;
	u32 can;

	for (can = 0; can < 2; can++) {
		struct anm_out *out;

		b->m->cfg.path_mtu = can ? mtu_to : NULL;
		b->now += MS(5000);
		mem_tick(b->m, b->now);
		out = mem_out_next(b->m);
		assert_non_null(out);
		assert_int_equal(amp_hello_decode(out->head + AMP_HDR_LEN, AMP_HELLO_LEN, &hello),
				 0);
		assert_int_equal(hello.flags, can ? AMP_HELLO_SPLIT : 0);
		anm_out_free(out);
	}
	mb_free(b);
	b = split_bed(false, 9000);
	ask(b, 5, &sp);
	mb_hear_page(b, 5, 77);
	mb_expect_silence(b);
	mb_free(b);
}

static void p6_forged_payloads_are_counted_and_dropped(void **state)
{
	struct mem_bed *b = split_bed(true, 9000);
	struct amp_split sp = some_split(), bad;
	struct amp_hdr h = mb_message(b, AMP_PAGE_IN, 1, 1, 5);
	u8 payload[AMP_SPLIT_LEN_MAX + 8] = {0};
	u16 len = amp_split_encode(payload, &sp);
	u32 n = 0, i;

	for (i = 1; i < len; i++, n++)
		send_raw(b, h, payload, (u16)i);
	send_raw(b, h, payload, len + 4);
	send_raw(b, h, payload, AMP_SPLIT_LEN_MAX + 8);
	n += 2;
	for (i = 0; i < 6; i++, n++) {
		bad = sp;
		switch (i) {
		case 0:
			bad.client.b[12] = 224;
			break;
		case 1:
			bad.client.b[12] = 127;
			break;
		case 2:
			memset(bad.client.b + 12, 0, 4);
			break;
		case 3:
			bad.client_port = 0;
			break;
		case 4:
			bad.engine.b[0] = 0xfd; /* another family */
			break;
		case 5:
			bad.head_len = 126;
			break;
		}
		len = amp_split_encode(payload, &bad);
		send_raw(b, h, payload, len);
	}
	mb_expect_silence(b);
	assert_int_equal(mb_status(b).stats.malformed, n);
	/* they have not used up the sequence number */
	len = amp_split_encode(payload, &sp);
	send_raw(b, h, payload, len);
	expect_reply(b, &sp, 77);
	mb_expect(b, AMP_ACK, AMP_OK);
	mb_free(b);
}

static void p5_strangers_cannot_ask(void **state)
{
	struct mem_bed *b = split_bed(true, 9000);
	struct amp_split sp = some_split();
	struct anm_peer stranger = b->engine;
	struct amp_hdr h = mb_message(b, AMP_PAGE_IN, 1, 1, 5);
	u8 buf[AMP_HDR_LEN + AMP_SPLIT_LEN_MAX];

	h.part_len = amp_split_encode(buf + AMP_HDR_LEN, &sp);
	amp_hdr_encode(buf, &h);
	stranger.addr.b[15]++;
	mb_feed_from(b, &stranger, buf, AMP_HDR_LEN + h.part_len);
	h.session++;
	amp_hdr_encode(buf, &h);
	mb_feed(b, buf, AMP_HDR_LEN + h.part_len);
	mb_expect_silence(b);
	assert_int_equal(mb_status(b).stats.unknown, 2);
	assert_int_equal(mb_status(b).stats.split_replies, 0);
	mb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_the_server_answers_the_client_then_the_engine),
		cmocka_unit_test(p3_a_duplicate_tells_the_engine_again_not_the_client),
		cmocka_unit_test(p1_another_version_goes_to_the_engine),
		cmocka_unit_test(p1_bytes_gone_bad_do_not_reach_the_client),
		cmocka_unit_test(what_does_not_fit_goes_to_the_engine),
		cmocka_unit_test(without_memory_the_engine_gets_the_page),
		cmocka_unit_test(a_server_that_cannot_says_so_and_sends_the_page),
		cmocka_unit_test(p6_forged_payloads_are_counted_and_dropped),
		cmocka_unit_test(p5_strangers_cannot_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
