// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a memory server does with pages, and with hostile datagrams.
 */
#include "mem_bed.h"
#include "../../memserver/core/store.h"

static void p1_pages_come_back_at_every_mtu(void **state)
{
	static const u16 mtus[] = {AMP_MTU_MIN, 1400, 1492, 1500, 2000, 4224, 9000, AMP_MTU_MAX};
	u32 i, n;

	for (i = 0; i < ARRAY_SIZE(mtus); i++) {
		struct mem_bed *b = mb_joined(mtus[i]);

		for (n = 0; n < DONATION; n++)
			mb_store_page(b, n * 1000003, n + 1, n);
		for (n = 0; n < DONATION; n++)
			mb_expect_page(b, n * 1000003, n + 1, n);
		assert_int_equal(mb_status(b).used, DONATION);
		mb_free(b);
	}
}

static void p1_parts_in_any_order_lost_and_again(void **state)
{
	static const u8 orders[][8] = {{0, 1, 2},	   {0, 2, 1},	      {1, 0, 2},
				       {1, 2, 0},	   {2, 0, 1},	      {2, 1, 0},
				       {0, 0, 1, 1, 0, 2}, {2, 2, 2, 2, 1, 0}};
	static const u8 lengths[] = {3, 3, 3, 3, 3, 3, 6, 6};
	struct mem_bed *b = mb_joined(1500);
	u8 page[ANM_PAGE_SIZE];
	u32 i, k;

	mb_store_page(b, 1, 1, 0);
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		struct amp_hdr h = mb_message(b, AMP_PAGE_OUT, 0, 1, i + 2);

		mb_fill(page, i + 2);
		h.page_crc = mb_page_crc(page);
		for (k = 0; k < lengths[i]; k++) {
			/* until the last part is here the old page is, whole */
			mb_expect_page(b, 1, i + 1, i ? i + 1 : 0);
			mb_send_part(b, h, page, orders[i][k]);
		}
		mb_expect(b, AMP_ACK, AMP_OK);
		mb_expect_page(b, 1, i + 2, i + 2);
		mb_expect_silence(b);
	}
	assert_int_equal(mb_status(b).stats.duplicates, 6);
	mb_free(b);
}

static void p3_parts_of_two_messages_never_mix(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	struct amp_hdr one, two;
	u8 first[ANM_PAGE_SIZE], second[ANM_PAGE_SIZE];

	mb_fill(first, 1);
	mb_fill(second, 2);
	one = mb_message(b, AMP_PAGE_OUT, 0, 1, 1);
	one.page_crc = mb_page_crc(first);
	two = mb_message(b, AMP_PAGE_OUT, 0, 1, 2);
	two.page_crc = mb_page_crc(second);
	mb_send_part(b, one, first, 0);
	mb_send_part(b, one, first, 1);
	mb_send_part(b, two, second, 2);
	mb_send_part(b, one, first, 2);
	mb_expect_silence(b);
	mb_send_part(b, two, second, 0);
	mb_send_part(b, two, second, 1);
	mb_expect(b, AMP_ACK, AMP_OK);
	mb_expect_page(b, 1, 2, 2);
	assert_int_equal(mb_status(b).stats.late, 1);
	mb_free(b);
}

static void p3_duplicate_gets_the_same_answer(void **state)
{
	struct mem_bed *b = mb_joined(9000);
	struct amp_hdr h = mb_page_out(b, 0, 1, 5, 1);
	u8 page[ANM_PAGE_SIZE];

	mb_expect(b, AMP_ACK, AMP_OK);
	/* a newer one on another channel meanwhile */
	mb_page_out(b, 2, 1, 6, 2);
	mb_expect(b, AMP_ACK, AMP_OK);
	mb_fill(page, 1);
	mb_send_parts(b, h, page);
	mb_expect(b, AMP_ACK, AMP_OK);
	assert_int_equal(b->got.page_version, 5);
	mb_expect_page(b, 1, 6, 2);
	assert_int_equal(mb_status(b).stats.duplicates, 1);
	assert_int_equal(mb_status(b).stats.pages_stored, 2);
	/* the same number with other content is no duplicate */
	h.page_version = 9;
	mb_send_parts(b, h, page);
	mb_expect_silence(b);
	assert_int_equal(mb_status(b).stats.malformed, 1);
	mb_free(b);
}

static void p3_late_duplicate_changes_nothing(void **state)
{
	struct mem_bed *b = mb_joined(9000);
	struct amp_hdr old = mb_page_out(b, 0, 1, 5, 1), h;
	u8 page[ANM_PAGE_SIZE];

	mb_expect(b, AMP_ACK, AMP_OK);
	mb_page_out(b, 0, 1, 6, 2);
	mb_expect(b, AMP_ACK, AMP_OK);
	mb_fill(page, 1);
	mb_send_parts(b, old, page);
	mb_expect_silence(b);
	assert_int_equal(mb_status(b).stats.late, 1);
	/* the old version as a new message: refused by its version */
	h = mb_message(b, AMP_PAGE_OUT, 3, 1, 5);
	h.page_crc = mb_page_crc(page);
	mb_send_parts(b, h, page);
	mb_expect(b, AMP_NACK, AMP_E_STALE);
	assert_int_equal(b->got.page_version, 6);
	assert_int_equal(mb_status(b).stats.stale_refused, 1);
	mb_expect_page(b, 1, 6, 2);
	mb_free(b);
}

static void p3_sequence_numbers_wrap(void **state)
{
	struct mem_bed *b = mb_joined(9000);
	u32 i;

	b->seq[0] = 0x70000000;
	mb_store_page(b, 0, 1, 0);
	b->seq[0] = 0xe0000000;
	mb_store_page(b, 0, 1, 0);
	b->seq[0] = 0xfffffff0;
	for (i = 1; i < 40; i++)
		mb_store_page(b, i, 1, i);
	assert_int_equal(mb_status(b).stats.late, 0);
	mb_free(b);
}

static void p1_wrong_crc_is_refused(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	struct amp_hdr h;
	u8 page[ANM_PAGE_SIZE];

	mb_store_page(b, 1, 1, 1);
	mb_fill(page, 2);
	h = mb_message(b, AMP_PAGE_OUT, 0, 1, 2);
	h.page_crc = mb_page_crc(page);
	page[4000] ^= 1;
	mb_send_parts(b, h, page);
	mb_expect(b, AMP_NACK, AMP_E_CRC);
	assert_int_equal(mb_status(b).stats.crc_refused, 1);
	mb_expect_page(b, 1, 1, 1);
	/* the same again gets the same; a new message with good bytes is taken */
	mb_send_part(b, h, page, 0);
	mb_expect(b, AMP_NACK, AMP_E_CRC);
	mb_store_page(b, 1, 2, 2);
	mb_free(b);
}

static void p4_whole_donation_is_usable_with_all_channels_busy(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	struct amp_hdr h;
	u8 page[ANM_PAGE_SIZE];
	u16 ch;
	u32 i;

	for (i = 0; i < DONATION; i++)
		mb_store_page(b, i, 1, i);
	/* a page half sent on each channel, then a replacement on one of them */
	mb_fill(page, 100);
	for (ch = 0; ch < CHANNELS; ch++) {
		h = mb_message(b, AMP_PAGE_OUT, ch, ch, 2);
		h.page_crc = mb_page_crc(page);
		mb_send_part(b, h, page, 0);
	}
	mb_send_part(b, h, page, 1);
	mb_send_part(b, h, page, 2);
	mb_expect(b, AMP_ACK, AMP_OK);
	mb_page_out(b, 0, DONATION, 1, 1);
	mb_expect(b, AMP_NACK, AMP_E_FULL);
	assert_int_equal(mb_status(b).stats.full_refused, 1);
	assert_int_equal(mb_status(b).stats.no_memory, 0);
	mb_expect_page(b, 0, 1, 0);
	mb_expect_page(b, CHANNELS - 1, 2, 100);
	mb_free(b);
}

static void p8_absent_or_older_than_asked_is_said(void **state)
{
	struct mem_bed *b = mb_joined(9000);
	struct amp_hdr h;

	mb_expect_absent(b, 1);
	mb_store_page(b, 1, 5, 1);
	h = mb_message(b, AMP_PAGE_IN, 2, 1, 6);
	mb_send_hdr(b, &h);
	mb_expect(b, AMP_NACK, AMP_E_NOENT);
	assert_int_equal(b->got.page_version, 5);
	h = mb_message(b, AMP_PAGE_IN, 2, 1, 5);
	mb_send_hdr(b, &h);
	mb_hear_page(b, 5, 1);
	/* asked again: served again, from what is there now */
	mb_store_page(b, 1, 7, 2);
	mb_send_hdr(b, &h);
	mb_hear_page(b, 7, 2);
	assert_int_equal(mb_status(b).stats.absent, 2);
	mb_free(b);
}

static void p3_discard_spares_newer(void **state)
{
	struct mem_bed *b = mb_joined(9000);
	struct amp_hdr h;

	mb_store_page(b, 1, 5, 1);
	h = mb_message(b, AMP_DISCARD, 2, 1, 5);
	mb_send_hdr(b, &h);
	mb_expect(b, AMP_NACK, AMP_E_STALE);
	mb_expect_page(b, 1, 5, 1);
	h = mb_message(b, AMP_DISCARD, 2, 1, 6);
	mb_send_hdr(b, &h);
	mb_expect(b, AMP_ACK, AMP_OK);
	mb_expect_absent(b, 1);
	/* a repeat of the discard does not touch what was stored since */
	mb_store_page(b, 1, 4, 4);
	mb_send_hdr(b, &h);
	mb_expect(b, AMP_ACK, AMP_OK);
	mb_expect_page(b, 1, 4, 4);
	assert_int_equal(mb_status(b).stats.pages_discarded, 1);
	mb_free(b);
}

static void p7_discard_vai_reports_progress(void **state)
{
	struct mem_bed *b = mb_new(9000);
	struct mem_config cfg = mb_config(9000);
	struct amp_hdr h;
	u32 i, calls = 0;

	mem_destroy(b->m);
	cfg.donation = 2000;
	b->m = mem_create(&cfg, b->now);
	mb_join(b);
	for (i = 0; i < 1000; i++)
		mb_store_page(b, i, i < 990 ? 1 : 3, i);
	do {
		h = mb_message(b, AMP_DISCARD_VAI, 4, 0, 2);
		mb_send_hdr(b, &h);
		assert_true(mb_hear(b));
		assert_true(++calls < 10);
	} while (b->got.type == AMP_ACK && b->got.code == AMP_E_MORE);
	assert_int_equal(b->got.type, AMP_ACK);
	assert_int_equal(calls, 990 / MEM_DISCARD_BATCH + 1);
	assert_int_equal(mb_status(b).used, 10);
	mb_expect_absent(b, 989);
	mb_expect_page(b, 990, 3, 990);
	mb_free(b);
}

static void p1_a_page_on_its_way_out_keeps_its_bytes(void **state)
{
	struct mem_bed *b = mb_joined(9000);
	struct amp_hdr h;

	mb_store_page(b, 1, 1, 1);
	h = mb_message(b, AMP_PAGE_IN, 1, 1, 0);
	mb_send_hdr(b, &h);
	/* before the driver sends it, the page is overwritten and its object used again */
	mb_page_out(b, 0, 1, 2, 2);
	mb_page_out(b, 2, 9, 1, 9);
	mb_hear_page(b, 1, 1);
	mb_free(b);
}

static void p7_output_queue_is_bounded(void **state)
{
	struct mem_bed *b = mb_joined(9000);
	struct amp_hdr h = mb_message(b, AMP_PAGE_IN, 1, 77, 0);
	u32 i, n = 0;

	for (i = 0; i < MEM_OUTQ_MAX + 100; i++)
		mb_send_hdr(b, &h);
	while (mb_hear(b))
		n++;
	assert_int_equal(n, MEM_OUTQ_MAX);
	assert_int_equal(mb_status(b).stats.outq_full, 100);
	mb_expect_absent(b, 77);
	mb_free(b);
}

static void p6_no_memory_drops_and_counts(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	struct amp_hdr h;
	int i;

	mb_store_page(b, 1, 5, 1);
	h = mb_message(b, AMP_PAGE_IN, 1, 1, 0);
	/* Three parts, and no copy of the page. */
	for (i = 0; i < 3; i++) {
		anm_fail_after = i;
		anm_fail_sticky = true;
		mb_send_hdr(b, &h);
		anm_fail_sticky = false;
		anm_fail_after = -1;
		while (mb_hear(b))
			;
		assert_int_equal(mb_status(b).stats.no_memory, i + 1);
	}
	mb_send_hdr(b, &h);
	mb_hear_page(b, 5, 1);
	mb_free(b);
}

static void create_survives_any_failed_allocation(void **state)
{
	struct mem_config cfg = mb_config(1500);
	long live = anm_alloc_live;
	struct memserver *m = NULL;
	int i;

	for (i = 0; i < 20 && !m; i++) {
		anm_fail_after = i;
		m = mem_create(&cfg, 0);
		if (!m)
			assert_int_equal(anm_alloc_live, live);
	}
	anm_fail_after = -1;
	assert_true(i > 4);
	assert_non_null(m);
	mem_destroy(m);
	cfg.donation = 0;
	assert_null(mem_create(&cfg, 0));
	cfg.donation = AMP_DONATION_PAGES_MAX;
	assert_null(mem_create(&cfg, 0));
	assert_int_equal(anm_alloc_live, live);
}

static void metadata_costs_at_most_32_bytes_a_page(void **state)
{
	struct mem_config cfg = mb_config(1500);
	struct mem_status st[2];
	u32 i;

	for (i = 0; i < 2; i++) {
		struct memserver *m;

		cfg.donation = 5000 * (i + 1);
		m = mem_create(&cfg, 0);
		mem_get_status(m, &st[i], 0);
		mem_destroy(m);
	}
	/* so many can be stored: those that are packed share the donation's pages */
	assert_true(st[1].meta_bytes - st[0].meta_bytes <= 32 * STORE_SHARE * 5000);
	assert_true(st[1].meta_bytes >= 28 * STORE_SHARE * 10000);
}

/* ---- tests: hostile input ---- */

/* One plausible message, then damage: flipped bits, cut off, or random fields under a good CRC. */
static void hostile_form(struct mem_bed *b, struct amp_hdr *h)
{
	static const u16 lens[] = {AMP_FILL_LEN, ANM_PAGE_SIZE, 1, 700, AMP_LZ4_LEN_MAX, 0, 65535};
	u8 nparts;

	h->form = (u8)(random() % (AMP_FORM_MAX + 2));
	h->form_len = lens[random() % ARRAY_SIZE(lens)];
	nparts = (u8)amp_nparts(b->mtu, h->form_len);
	amp_part_cut(h, b->mtu, nparts ? (u8)(random() % nparts) : 0);
	if (h->type == AMP_PAGE_OUT && amp_form_valid(h->form, h->form_len))
		return;
	h->nparts = 1;
	h->part = 0;
	h->part_off = 0;
	h->part_len = (u16)(random() % 1400);
	if (random() % 8 == 0)
		return;
	h->form = 0;
	h->form_len = 0;
}

static void hostile(struct mem_bed *b, u8 *buf)
{
	struct amp_hdr h = mb_control(b, (u8)(1 + random() % AMP_TYPE_MAX), (u32)random() % 8);
	u32 len = (u32)random() % 5000, i;

	h.channel = (u16)(random() % (CHANNELS + 2));
	h.session = random() % 8 ? b->session : (u32)random();
	h.key.client = CLIENT;
	h.key.vai = VAI + (u32)random() % 3;
	h.key.offset = (u64)random() % 100 << (random() % 8 ? ANM_PAGE_SHIFT : random() % 60);
	h.page_version = random() % 8 ? (u64)random() % 1000 : (u64)random() << (random() % 40);
	h.part = (u8)(random() % 5);
	h.nparts = (u8)(random() % 6);
	h.part_off = (u16)random();
	h.code = (u16)(random() % 8 ? 0 : random() % (AMP_CODE_MAX + 2));
	if (random() % 2) {
		hostile_form(b, &h);
		len = h.part_len;
	} else {
		h.part_len = (u16)len;
	}
	for (i = 0; i < len; i++)
		buf[AMP_HDR_LEN + i] = (u8)random();
	amp_hdr_encode(buf, &h);
	len += AMP_HDR_LEN;
	if (random() % 4 == 0)
		buf[(u32)random() % len] ^= (u8)(1 << random() % 8);
	if (random() % 8 == 0)
		len = (u32)random() % len;
	mb_feed(b, buf, len);
}

static void p6_hostile_datagrams_break_nothing(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	u8 *buf = test_malloc(AMP_HDR_LEN + 65536);
	struct mem_status st;
	u32 i;

	srandom(20405);
	for (i = 0; i < 60000; i++) {
		hostile(b, buf);
		while (mb_hear(b))
			;
		if (mb_status(b).state != MEM_JOINED)
			mb_join(b);
	}
	st = mb_status(b);
	assert_true(st.stats.malformed > 1000);
	assert_true(st.stats.unknown > 500);
	assert_true(st.stats.late > 1000);
	assert_true(st.used <= DONATION);
	/* and it still does its work */
	mb_pass(b, DEAD + 1000, AMP_HELLO);
	mb_join(b);
	mb_store_page(b, 1, LAST_VERSION, 1);
	mb_expect_page(b, 1, LAST_VERSION, 1);
	mb_free(b);
	test_free(buf);
}

static void p6_short_and_empty_datagrams(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	u8 buf[AMP_HDR_LEN] = {0};
	u32 len;

	for (len = 0; len < AMP_HDR_LEN; len++)
		mb_feed(b, buf, len);
	assert_int_equal(mb_status(b).stats.malformed, AMP_HDR_LEN);
	assert_int_equal(mb_status(b).state, MEM_JOINED);
	mb_expect_silence(b);
	mb_free(b);
}

static void p9_inventory_tells_of_every_page(void **state)
{
	static const u16 mtus[] = {1280, 1500, 9000};
	struct amp_inventory_item it;
	bool seen[DONATION];
	struct mem_bed *b;
	struct amp_hdr h;
	u32 i, n, all;
	u64 next;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(mtus); i++) {
		b = mb_joined(mtus[i]);
		for (n = 0; n < DONATION; n++)
			mb_store_page(b, n, 100 + n, n);
		memset(seen, 0, sizeof(seen));
		for (all = 0, next = 0;; next = b->got.page_version) {
			h = mb_control(b, AMP_INVENTORY, ++b->seq[1]);
			h.channel = 1;
			h.page_version = next;
			mb_send_hdr(b, &h);
			assert_true(mb_hear(b));
			assert_int_equal(b->got.type, AMP_INVENTORY_LIST);
			assert_true(b->got_len + AMP_UDP_OVERHEAD <= mtus[i]);
			for (n = 0; n < b->got.part_len / AMP_INVENTORY_ITEM_LEN; n++, all++) {
				amp_inventory_item_decode(b->page + n * AMP_INVENTORY_ITEM_LEN,
							  AMP_INVENTORY_ITEM_LEN, &it);
				assert_int_equal(it.client, CLIENT);
				assert_int_equal(it.vai, VAI);
				assert_int_equal(it.version, 100 + it.page_no);
				assert_false(seen[it.page_no]);
				seen[it.page_no] = true;
			}
			/* once more, as the network may have it */
			n = b->got.part_len;
			mb_send_hdr(b, &h);
			mb_expect(b, AMP_INVENTORY_LIST, b->got.code);
			assert_int_equal(b->got.part_len, n);
			if (b->got.code == AMP_OK)
				break;
			assert_int_equal(b->got.code, AMP_E_MORE);
			assert_true(b->got.page_version > next);
		}
		assert_int_equal(all, DONATION);
		assert_int_equal(mb_status(b).used, DONATION);
		mb_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_pages_come_back_at_every_mtu),
		cmocka_unit_test(p1_parts_in_any_order_lost_and_again),
		cmocka_unit_test(p3_parts_of_two_messages_never_mix),
		cmocka_unit_test(p3_duplicate_gets_the_same_answer),
		cmocka_unit_test(p3_late_duplicate_changes_nothing),
		cmocka_unit_test(p3_sequence_numbers_wrap),
		cmocka_unit_test(p1_wrong_crc_is_refused),
		cmocka_unit_test(p4_whole_donation_is_usable_with_all_channels_busy),
		cmocka_unit_test(p8_absent_or_older_than_asked_is_said),
		cmocka_unit_test(p3_discard_spares_newer),
		cmocka_unit_test(p7_discard_vai_reports_progress),
		cmocka_unit_test(p1_a_page_on_its_way_out_keeps_its_bytes),
		cmocka_unit_test(p7_output_queue_is_bounded),
		cmocka_unit_test(p6_no_memory_drops_and_counts),
		cmocka_unit_test(create_survives_any_failed_allocation),
		cmocka_unit_test(metadata_costs_at_most_32_bytes_a_page),
		cmocka_unit_test(p6_hostile_datagrams_break_nothing),
		cmocka_unit_test(p6_short_and_empty_datagrams),
		cmocka_unit_test(p9_inventory_tells_of_every_page),
	};

	return cmocka_run_group_tests_name("memserver", tests, NULL, NULL);
}
