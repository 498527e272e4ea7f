// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inventories of servers that the test plays: who has the newest version, and what an
 * engine makes of answers that make no sense.
 */
#include "recover_bed.h"

#define CLIENT_ID 0xc0000207u
#define ITEMS_MAX 400

static void item(u8 *buf, u32 n, u32 vai, u32 page_no, u64 version)
{
	struct amp_inventory_item it = {
		.client = CLIENT_ID,
		.vai = vai,
		.page_no = page_no,
		.version = version,
	};

	assert_true(n < ITEMS_MAX);
	amp_inventory_item_encode(buf + n * AMP_INVENTORY_ITEM_LEN, &it);
}

static u32 vai_id(u32 i)
{
	return (0x31 + i) * 0x01010101u;
}

static struct amp_hdr answer(u32 node, u16 code, u64 next, const u8 *items, u32 len)
{
	struct amp_hdr ask = pb_hear(pb, node, AMP_INVENTORY, NULL), a = ask;

	a.type = AMP_INVENTORY_LIST;
	a.code = code;
	a.page_version = next;
	a.part_len = (u16)len;
	pb_say(pb, node, &a, items, 0);
	return ask;
}

/* Until it is asked (again). */
static void asked(u32 node)
{
	u32 i;

	pb_inbox_clear(pb);
	for (i = 0; i < 1000 && !pb_inbox(pb, node, AMP_INVENTORY); i++)
		pb_run(pb, 1);
}

static void play(u32 node, u64 donation)
{
	pb->node[node].boot = 0x1000 + node;
	pb_play(pb, node, donation, 9000);
}

static const struct map_entry *entry(u32 i, u32 page_no)
{
	u32 idx = map_find(pb->e->map, pb->real[i]->slot, page_no);

	return idx == ENG_MAP_NONE ? NULL : map_entry(pb->e->map, idx);
}

static u32 copies(const struct map_entry *me)
{
	return (map_server(me, 0) != ENG_SLOT_NONE) + (map_server(me, 1) != ENG_SLOT_NONE);
}

static void started(u32 nodes)
{
	begin(6);
	restart(nodes);
}

static void p3_the_newest_version_wins(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN];
	struct amp_hdr h;

	(void)state;
	started(3);
	play(0, 100);
	item(buf, 0, vai_id(0), 5, 100);
	item(buf, 1, vai_id(1), 6, 100);
	item(buf, 2, vai_id(0), 7, 300);
	item(buf, 3, vai_id(0), 7, 300); /* told twice */
	answer(0, AMP_OK, 10, buf, 4 * AMP_INVENTORY_ITEM_LEN);
	play(1, 100);
	item(buf, 0, vai_id(0), 5, 200); /* newer */
	item(buf, 1, vai_id(1), 6, 100); /* the other copy */
	item(buf, 2, vai_id(0), 7, 200); /* older */
	answer(1, AMP_OK, 10, buf, 3 * AMP_INVENTORY_ITEM_LEN);
	play(2, 100);
	item(buf, 0, vai_id(1), 6, 100); /* one too many */
	answer(2, AMP_OK, 10, buf, AMP_INVENTORY_ITEM_LEN);
	pb_run(pb, 10);
	assert_int_equal(map_version(entry(0, 5)), 200);
	assert_int_equal(copies(entry(0, 5)), 1);
	assert_int_equal(copies(entry(1, 6)), 2);
	assert_int_equal(map_version(entry(0, 7)), 300);
	assert_int_equal(copies(entry(0, 7)), 1);
	h = pb_ack(pb, 0, AMP_DISCARD);
	assert_int_equal(h.key.offset, 5 * ANM_PAGE_SIZE);
	assert_int_equal(h.page_version, 200);
	h = pb_ack(pb, 1, AMP_DISCARD);
	assert_int_equal(h.key.offset, 7 * ANM_PAGE_SIZE);
	assert_int_equal(h.page_version, 300);
	h = pb_ack(pb, 2, AMP_DISCARD);
	assert_int_equal(h.page_version, 101);
	assert_true(pb->e->version_next > 300);
	assert_int_equal(pb_info(pb, 0).mapped, 2);
	assert_int_equal(pb_info(pb, 1).mapped, 2);
	assert_int_equal(pb_info(pb, 2).mapped, 0);
	assert_int_equal(pb->e->stats.inventory_stale, 3);
	end();
}

static void heartbeat(u32 node)
{
	struct amp_usage u = {.donation = 100, .used = 2};
	struct amp_hdr h = pb_hdr(pb, node, AMP_HEARTBEAT);
	u8 buf[AMP_USAGE_LEN];

	amp_usage_encode(buf, &u);
	h.part_len = AMP_USAGE_LEN;
	pb_say(pb, node, &h, buf, 0);
}

/* A page was being moved when the engine ended: either copy may turn out to be the only one. */
static void p9_a_surplus_copy_is_kept_until_both_are_heard(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN];
	u32 n = 0, i;

	(void)state;
	started(2);
	play(0, 100);
	item(buf, 0, vai_id(0), 5, 100);
	item(buf, 1, vai_id(0), 6, 100);
	answer(0, AMP_OK, 10, buf, 2 * AMP_INVENTORY_ITEM_LEN);
	pb_run(pb, 100);
	play(1, 100);
	answer(1, AMP_OK, 10, buf, 2 * AMP_INVENTORY_ITEM_LEN);
	recovered();
	assert_int_equal(copies(entry(0, 5)), 2);
	assert_int_equal(copies(entry(0, 6)), 2);
	/* Only the one that has just told is heard. */
	heartbeat(1);
	pb_run(pb, 1500);
	assert_int_equal(pb_inbox(pb, 0, AMP_DISCARD) + pb_inbox(pb, 1, AMP_DISCARD), 0);
	heartbeat(0);
	heartbeat(1);
	for (i = 0; i < 4000; i++) {
		pb_run(pb, 1);
		if (pb_inbox(pb, 1, AMP_DISCARD)) {
			assert_int_equal(pb_ack(pb, 1, AMP_DISCARD).page_version, 101);
			n++;
		}
	}
	assert_int_equal(n, 2);
	assert_int_equal(copies(entry(0, 5)), 1);
	assert_int_equal(copies(entry(0, 6)), 1);
	assert_int_equal(pb_info(pb, 0).mapped + pb_info(pb, 1).mapped, 2);
	end();
}

/* Of a critical page the version before stays, until the newest is on two servers. */
static void p9_the_version_before_is_kept(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN];
	u32 i;

	(void)state;
	started(3);
	play(0, 100);
	item(buf, 0, vai_id(1), 5, 100);
	item(buf, 1, vai_id(1), 6, 300);
	item(buf, 2, vai_id(1), 7, 100);
	answer(0, AMP_OK, 10, buf, 3 * AMP_INVENTORY_ITEM_LEN);
	play(1, 100);
	item(buf, 0, vai_id(1), 5, 200); /* newer */
	item(buf, 1, vai_id(1), 6, 200); /* older */
	item(buf, 2, vai_id(1), 7, 200);
	answer(1, AMP_OK, 10, buf, 3 * AMP_INVENTORY_ITEM_LEN);
	assert_int_equal(map_elder(entry(1, 5)), pb_info(pb, 0).slot);
	assert_int_equal(map_elder(entry(1, 6)), pb_info(pb, 1).slot);
	assert_int_equal(map_elder(entry(1, 7)), pb_info(pb, 0).slot);
	for (i = 5; i < 8; i++) {
		assert_int_equal(copies(entry(1, i)), 2);
		assert_true(entry(1, i)->vai_flags & MAP_DEGRADED);
	}
	pb_run(pb, 10);
	assert_int_equal(pb_inbox(pb, 0, AMP_DISCARD) + pb_inbox(pb, 1, AMP_DISCARD), 0);
	play(2, 100);
	item(buf, 0, vai_id(1), 5, 200); /* so it may have been acknowledged */
	item(buf, 1, vai_id(1), 6, 250); /* older too, but which of the two is the newer one? */
	item(buf, 2, vai_id(1), 7, 300);
	answer(2, AMP_OK, 10, buf, 3 * AMP_INVENTORY_ITEM_LEN);
	pb_run(pb, 10);
	assert_int_equal(map_elder(entry(1, 5)), ENG_SLOT_NONE);
	assert_int_equal(entry(1, 5)->vai_flags & MAP_DEGRADED, 0);
	assert_int_equal(copies(entry(1, 6)), 1);
	assert_int_equal(map_version(entry(1, 6)), 300);
	assert_int_equal(map_server(entry(1, 7), 0), pb_info(pb, 2).slot);
	assert_int_equal(map_elder(entry(1, 7)), pb_info(pb, 1).slot);
	assert_int_equal(pb_ack(pb, 1, AMP_DISCARD).key.offset, 6 * ANM_PAGE_SIZE);
	assert_int_equal(pb_ack(pb, 2, AMP_DISCARD).key.offset, 6 * ANM_PAGE_SIZE);
	assert_int_equal(pb_ack(pb, 0, AMP_DISCARD).page_version, 200); /* 5 */
	pb_inbox_clear(pb);						/* sent again */
	assert_int_equal(pb_ack(pb, 0, AMP_DISCARD).page_version, 300); /* 7 */
	assert_int_equal(pb_info(pb, 0).mapped, 1);
	assert_int_equal(pb_info(pb, 1).mapped, 2);
	assert_int_equal(pb_info(pb, 2).mapped, 2);
	end();
}

/* Then it may have been read: what is older must not come back. */
static void p1_no_version_before_once_clients_are_served(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN], page[ANM_PAGE_SIZE];
	struct pb_io *io;

	(void)state;
	started(2);
	pb_fill(page, 1);
	play(0, 100);
	item(buf, 0, vai_id(1), 1, 60);
	answer(0, AMP_OK, 10, buf, AMP_INVENTORY_ITEM_LEN);
	recovered();
	play(0, 100);
	io = pb_read(pb, 1, 1);
	pb_page(pb, 0, pb_hear(pb, 0, AMP_PAGE_IN, NULL), page, 60);
	assert_int_equal(pb_wait(pb, io, NULL), 0);
	play(1, 100);
	item(buf, 0, vai_id(1), 1, 50);
	answer(1, AMP_OK, 10, buf, AMP_INVENTORY_ITEM_LEN);
	assert_int_equal(map_elder(entry(1, 1)), ENG_SLOT_NONE);
	pb_run(pb, 10);
	assert_int_equal(pb_ack(pb, 1, AMP_DISCARD).page_version, 60);
	end();
}

static void p6_absurd_items_are_counted(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN];
	struct eng_err err;
	u64 next;
	u32 i;

	(void)state;
	started(1);
	play(0, 100);
	next = pb->e->version_next;
	item(buf, 0, vai_id(0), PAGES, 5);	     /* beyond the end */
	item(buf, 1, vai_id(0), U32_MAX, 5);	     /* far beyond */
	item(buf, 2, vai_id(0), 1, 0);		     /* no version */
	item(buf, 3, vai_id(0), 1, ENG_VERSION_MAX); /* the last of all */
	item(buf, 4, vai_id(0), 1, U64_MAX);	     /* none at all */
	item(buf, 5, 0xdeadbeef, 1, 5);		     /* no such VAI */
	item(buf, 6, 0xdeadbeef, 2, 5);
	put_unaligned_be32(1, buf + 7 * AMP_INVENTORY_ITEM_LEN);
	item(buf, 7, vai_id(0), 1, 5);
	put_unaligned_be32(1, buf + 7 * AMP_INVENTORY_ITEM_LEN); /* another client */
	item(buf, 8, vai_id(0), 1, 5);
	answer(0, AMP_OK, 10, buf, 9 * AMP_INVENTORY_ITEM_LEN);
	recovered();
	assert_int_equal(eng_map_entries(pb->e), 1);
	assert_int_equal(pb->e->stats.inventory_beyond, 2);
	assert_int_equal(pb->e->stats.inventory_bad, 3);
	assert_int_equal(pb->e->stats.inventory_unknown, 3);
	assert_int_equal(status().unknown_vais, 2);
	assert_int_equal(status().unknown_pages, 3);
	assert_int_equal(pb->e->version_next, next);
	/* unknown pages stay, until somebody says otherwise */
	assert_int_equal(pb_inbox(pb, 0, AMP_DISCARD_VAI), 0);
	pb_inbox_clear(pb);
	pb_say_hello(pb, 0, 100, 9000); /* it was silent: it is let in again */
	pb->node[0].session = pb_hear(pb, 0, AMP_WELCOME, NULL).session;
	assert_int_equal(eng_recover_discard_unknown(pb->e, &err), 2);
	assert_int_equal(status().unknown_vais, 0);
	for (i = 0; i < 10; i++) {
		pb_run(pb, 1);
		if (pb_inbox(pb, 0, AMP_DISCARD))
			pb_ack(pb, 0, AMP_DISCARD);
	}
	assert_int_equal(pb_ack(pb, 0, AMP_DISCARD_VAI).key.vai, 0xdeadbeef);
	end();
}

static void p7_answers_that_lead_nowhere_are_not_followed(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN];
	struct amp_hdr h;
	u32 i, n = 0;

	(void)state;
	started(1);
	play(0, 100);
	item(buf, 0, vai_id(0), 1, 5);
	answer(0, AMP_E_MORE, 0, buf, AMP_INVENTORY_ITEM_LEN); /* the same again */
	asked(0);
	answer(0, AMP_E_MORE, 1, buf, AMP_INVENTORY_ITEM_LEN); /* one at a time */
	asked(0);
	answer(0, AMP_OK, 1, buf, AMP_INVENTORY_ITEM_LEN + 1); /* half an item */
	asked(0);
	pb_nack(pb, 0, AMP_INVENTORY, AMP_E_INVAL, 0);
	assert_int_equal(pb->e->stats.inventory_bad, 4);
	assert_int_equal(status().awaited, 1);
	assert_true(eng_recovering(pb->e));
	/* it is asked again, but not as fast as it answers */
	for (i = 0; i < 20; i++) {
		pb_run(pb, 100);
		while (pb_inbox(pb, 0, AMP_INVENTORY)) {
			answer(0, AMP_E_MORE, 0, buf, 0);
			n++;
		}
	}
	assert_in_range(n, 2, 8);
	asked(0);
	h = answer(0, AMP_OK, 1, buf, AMP_INVENTORY_ITEM_LEN);
	assert_int_equal(h.page_version, 0);
	assert_int_equal(status().awaited, 0);
	assert_non_null(entry(0, 1));
	end();
}

/* Ends because its donation does. */
static void p7_an_endless_server_comes_to_an_end(void **state)
{
	u32 i, asked = 0;

	(void)state;
	started(1);
	play(0, (1 << 20) / AMP_INVENTORY_SHARE);
	for (i = 0; i < 100 && status().awaited; i++) {
		pb_run(pb, 1);
		while (pb_inbox(pb, 0, AMP_INVENTORY)) {
			struct amp_hdr a = pb_hear(pb, 0, AMP_INVENTORY, NULL);

			a.type = AMP_INVENTORY_LIST;
			a.code = AMP_E_MORE;
			a.page_version += ENG_INV_STEP_MIN;
			pb_say(pb, 0, &a, NULL, 0);
			asked++;
		}
	}
	assert_int_equal(status().awaited, 0);
	assert_int_equal(asked, (1 << 20) / ENG_INV_STEP_MIN);
	end();
}

static void ranges_are_asked_for_in_parallel(void **state)
{
	(void)state;
	started(1);
	play(0, 1 << 20); /* of 4 channels */
	pb_run(pb, 1);
	assert_int_equal(pb_inbox(pb, 0, AMP_INVENTORY), 4);
	/* the end, known to one, is known to all */
	answer(0, AMP_OK, 10, NULL, 0);
	assert_int_equal(status().awaited, 1);
	pb_run(pb, 0);
	while (status().awaited)
		answer(0, AMP_OK, 4096, NULL, 0);
	assert_int_equal(pb_inbox(pb, 0, AMP_INVENTORY), 0);
	end();
}

static void p9_the_end_is_not_that_of_ranges_below(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN];

	(void)state;
	started(1);
	play(0, 9000 / AMP_INVENTORY_SHARE);
	item(buf, 0, vai_id(0), 1, 5);
	answer(0, AMP_E_MORE, 4096, buf, AMP_INVENTORY_ITEM_LEN);
	item(buf, 0, vai_id(0), 2, 5);
	assert_int_equal(answer(0, AMP_E_MORE, 6000, buf, AMP_INVENTORY_ITEM_LEN).page_version,
			 4096);
	assert_int_equal(answer(0, AMP_OK, 8192, NULL, 0).page_version, 8192);
	assert_int_equal(status().awaited, 1);
	item(buf, 0, vai_id(0), 3, 5);
	assert_int_equal(answer(0, AMP_E_MORE, 7100, buf, AMP_INVENTORY_ITEM_LEN).page_version,
			 6000);
	assert_int_equal(status().awaited, 1);
	item(buf, 0, vai_id(0), 4, 5);
	assert_int_equal(answer(0, AMP_OK, 8192, buf, AMP_INVENTORY_ITEM_LEN).page_version, 7100);
	assert_int_equal(status().awaited, 0);
	assert_non_null(entry(0, 4));
	assert_non_null(entry(0, 1));
	assert_non_null(entry(0, 2));
	assert_non_null(entry(0, 3));
	end();
}

/* A READ is on its way to one server when another one says that it has something newer. */
static void p1_an_inventory_meets_a_read(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN], older[ANM_PAGE_SIZE], newer[ANM_PAGE_SIZE];
	u8 got[ANM_PAGE_SIZE];
	struct amp_hdr ask;
	struct pb_io *io;

	(void)state;
	started(2);
	pb_fill(older, 1);
	pb_fill(newer, 2);
	play(0, 100);
	item(buf, 0, vai_id(0), 1, 50);
	answer(0, AMP_OK, 10, buf, AMP_INVENTORY_ITEM_LEN);
	recovered();
	play(0, 100);
	io = pb_read(pb, 0, 1);
	ask = pb_hear(pb, 0, AMP_PAGE_IN, NULL);
	play(1, 100);
	item(buf, 0, vai_id(0), 1, 60);
	answer(1, AMP_OK, 10, buf, AMP_INVENTORY_ITEM_LEN);
	pb_page(pb, 0, ask, older, 50);
	assert_false(io->done);
	pb_page(pb, 1, pb_hear(pb, 1, AMP_PAGE_IN, NULL), newer, 60);
	assert_int_equal(pb_wait(pb, io, got), 0);
	assert_memory_equal(got, newer, sizeof(got));
	end();
}

static void p10_a_server_that_dies_in_the_middle(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN];

	(void)state;
	started(1);
	play(0, 9000);
	item(buf, 0, vai_id(0), 1, 5);
	answer(0, AMP_E_MORE, 2000, buf, AMP_INVENTORY_ITEM_LEN);
	pb_run(pb, 8000);
	assert_int_equal(pb_info(pb, 0).state, ENG_SERVER_DEAD);
	assert_int_equal(status().awaited, 1);
	pb_inbox_clear(pb);
	/* back, with its memory: on from where it was */
	play(0, 9000);
	item(buf, 0, vai_id(0), 2, 6);
	while (status().awaited) {
		struct amp_hdr h = answer(0, AMP_OK, 9000, buf, AMP_INVENTORY_ITEM_LEN);

		assert_true(h.page_version == 2000 || h.page_version % ENG_INV_CHUNK == 0);
	}
	assert_non_null(entry(0, 1));
	assert_non_null(entry(0, 2));
	end();
}

static void p8_a_server_that_loses_its_memory_in_the_middle(void **state)
{
	(void)state;
	started(1);
	play(0, 9000);
	pb_run(pb, 1);
	pb_inbox_clear(pb);
	pb->node[0].boot = 0x2000;
	pb_silence(pb, 0);
	pb_play(pb, 0, 9000, 9000);
	recovered();
	assert_int_equal(status().awaited, 0);
	assert_int_equal(pb_wait(pb, pb_read(pb, 0, 1), NULL), -EIO);
	end();
}

static void p9_no_memory_for_the_map_is_not_the_end(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN];
	u32 i, tries;

	(void)state;
	started(1);
	play(0, 1000 / AMP_INVENTORY_SHARE);
	for (i = 0; i < 300; i++)
		item(buf, i, vai_id(0), i, 5 + i);
	for (tries = 0; tries < 3; tries++) {
		anm_fail_after = 0;
		answer(0, AMP_OK, 1000, buf, 300 * AMP_INVENTORY_ITEM_LEN);
		anm_fail_after = -1;
		asked(0);
	}
	answer(0, AMP_OK, 1000, buf, 300 * AMP_INVENTORY_ITEM_LEN);
	assert_int_equal(status().awaited, 0);
	assert_int_equal(status().stored_pages, 300);
	assert_int_equal(pb_info(pb, 0).mapped, 300);
	end();
}

static void p3_discarded_contents_do_not_come_back(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN];
	struct eng_config cfg = pb_config();

	(void)state;
	begin(7);
	cfg.epoch = 2;
	pb_restart(pb, &cfg);
	adopt();
	expect(0, 0);
	assert_int_equal(vai_make(0, true, 1000), 0);
	play(0, 100);
	item(buf, 0, vai_id(0), 1, 999);
	item(buf, 1, vai_id(0), 2, 1000);
	answer(0, AMP_OK, 10, buf, 2 * AMP_INVENTORY_ITEM_LEN);
	assert_null(entry(0, 1));
	assert_non_null(entry(0, 2));
	assert_int_equal(pb_ack(pb, 0, AMP_DISCARD).key.offset, ANM_PAGE_SIZE);
	end();
}

/* The operation that made an entry fails, when an inventory has found the page meanwhile. */
static void p1_an_inventory_meets_a_write(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN], page[ANM_PAGE_SIZE];
	struct pb_io *failing, *good;

	(void)state;
	started(2);
	play(0, 100);
	answer(0, AMP_OK, 0, NULL, 0);
	recovered();
	play(0, 100);
	failing = pb_write(pb, 0, 1, 0, ANM_PAGE_SIZE, 1);
	good = pb_write(pb, 0, 2, 0, ANM_PAGE_SIZE, 2);
	pb_run(pb, 1);
	play(1, 100);
	item(buf, 0, vai_id(0), 1, 50);
	item(buf, 1, vai_id(0), 2, 60);
	answer(1, AMP_OK, 10, buf, 2 * AMP_INVENTORY_ITEM_LEN);
	assert_int_equal(map_version(entry(0, 1)), 50);
	pb_nack(pb, 0, AMP_PAGE_OUT, AMP_E_INVAL, 0);
	/* it is tried elsewhere, and fails there too */
	for (; !failing->done; pb_run(pb, 1)) {
		if (pb_inbox(pb, 1, AMP_PAGE_OUT))
			pb_nack(pb, 1, AMP_PAGE_OUT, AMP_E_INVAL, 0);
		else if (pb_inbox(pb, 0, AMP_PAGE_OUT) > 1)
			pb_nack(pb, 0, AMP_PAGE_OUT, AMP_E_INVAL, 0);
		else if (pb_inbox(pb, 0, AMP_PAGE_OUT)) {
			struct amp_hdr h = pb_hear(pb, 0, AMP_PAGE_OUT, NULL), a;
			bool mine = h.key.offset == ANM_PAGE_SIZE;

			a = pb_answer_to(h, mine ? AMP_NACK : AMP_ACK);
			a.code = mine ? AMP_E_INVAL : AMP_OK;
			pb_say(pb, 0, &a, NULL, 0);
		}
	}
	assert_int_not_equal(pb_wait(pb, failing, NULL), 0);
	assert_int_equal(map_version(entry(0, 1)), 50);
	assert_int_equal(copies(entry(0, 1)), 1);
	assert_true(good->done);
	assert_int_equal(pb_wait(pb, good, NULL), 0);
	assert_true(map_version(entry(0, 2)) > 60);
	assert_int_equal(copies(entry(0, 2)), 1);
	assert_int_equal(pb->real[0]->stored, 2);
	pb_inbox_clear(pb);
	pb_fill(page, 9);
	good = pb_read(pb, 0, 1);
	pb_page(pb, 1, pb_hear(pb, 1, AMP_PAGE_IN, NULL), page, 50);
	assert_int_equal(pb_wait(pb, good, NULL), 0);
	end();
}

/* All copies of a WRITE that are on their way to @node are refused. */
static void refuse(struct pb_io *io, u32 node)
{
	u32 i;

	for (i = 0; i < 50 && !io->done; i++) {
		pb_run(pb, 1);
		if (pb_inbox(pb, node, AMP_PAGE_OUT))
			pb_nack(pb, node, AMP_PAGE_OUT, AMP_E_INVAL, 0);
	}
	assert_int_equal(pb_wait(pb, io, NULL), -EIO);
}

/* It has told of a page, of version @version. Told twice: it is asked again. */
static void told_of(u32 node, u32 vai, u32 page_no, u64 version)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN];
	u32 i;

	item(buf, 0, vai_id(vai), page_no, version);
	for (i = 0; i < 2; i++) {
		if (!pb_inbox(pb, node, AMP_INVENTORY))
			asked(node);
		answer(node, AMP_OK, 10, buf, AMP_INVENTORY_ITEM_LEN);
	}
	pb_run(pb, 100);
	assert_int_equal(pb_inbox(pb, node, AMP_DISCARD), 0);
	assert_non_null(entry(vai, page_no));
	assert_int_equal(map_version(entry(vai, page_no)), version);
}

/* A WRITE that failed must not cost what the server had, and nobody knew of yet. */
static void p9_a_failed_write_spares_what_was_not_told(void **state)
{
	struct pb_io *io;
	u64 version;

	(void)state;
	started(1);
	recovered(); /* without it */
	play(0, 100);
	io = pb_write(pb, 0, 1, 0, ANM_PAGE_SIZE, 1);
	refuse(io, 0);
	told_of(0, 0, 1, 50);
	end();
	/* The same for a copy that it took, while the other one failed. */
	started(2);
	recovered();
	play(0, 100);
	play(1, 100);
	io = pb_write(pb, 1, 2, 0, ANM_PAGE_SIZE, 1);
	pb_run(pb, 1);
	version = pb_ack(pb, 1, AMP_PAGE_OUT).page_version;
	refuse(io, 0);
	told_of(1, 1, 2, version);
	end();
}

/* What a server is to forget is not what it has, and is not forgotten while it tells. */
static void p2_an_inventory_meets_a_discard(void **state)
{
	struct amp_key key = {.client = CLIENT_ID, .vai = vai_id(0), .offset = ANM_PAGE_SIZE};
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN];

	(void)state;
	started(1);
	play(0, 100);
	pb_run(pb, 1);
	eng_discard_page(pb->e, pb_info(pb, 0).slot, &key, 51);
	pb_run(pb, 10);
	assert_int_equal(pb_inbox(pb, 0, AMP_DISCARD), 0);
	item(buf, 0, vai_id(0), 1, 50);
	item(buf, 1, vai_id(0), 2, 50);
	answer(0, AMP_OK, 10, buf, 2 * AMP_INVENTORY_ITEM_LEN);
	assert_null(entry(0, 1));
	assert_non_null(entry(0, 2));
	assert_int_equal(pb->e->stats.inventory_stale, 1);
	assert_int_equal(pb_ack(pb, 0, AMP_DISCARD).page_version, 51);
	end();
}

/* The copy that it tells of is on its way at this moment: the WRITE decides. */
static void p2_an_inventory_meets_a_copy_under_way(void **state)
{
	u8 buf[ITEMS_MAX * AMP_INVENTORY_ITEM_LEN];
	struct pb_io *io;
	struct amp_hdr h;
	u32 i;

	(void)state;
	started(1);
	recovered(); /* without it */
	play(0, 100);
	io = pb_write(pb, 0, 1, 0, ANM_PAGE_SIZE, 1);
	pb_run(pb, 1);
	h = pb_hear(pb, 0, AMP_PAGE_OUT, NULL);
	item(buf, 0, vai_id(0), 1, h.page_version);
	answer(0, AMP_OK, 10, buf, AMP_INVENTORY_ITEM_LEN);
	assert_int_equal(map_version(entry(0, 1)), 0);
	h.type = AMP_NACK;
	h.code = AMP_E_INVAL;
	h.nparts = 1;
	h.part_len = 0;
	pb_say(pb, 0, &h, NULL, 0);
	for (i = 0; i < 20 && !io->done; i++) {
		pb_run(pb, 1);
		if (pb_inbox(pb, 0, AMP_PAGE_OUT))
			pb_nack(pb, 0, AMP_PAGE_OUT, AMP_E_INVAL, 0);
	}
	assert_int_equal(pb_wait(pb, io, NULL), -EIO);
	assert_null(entry(0, 1));
	assert_int_equal(pb_info(pb, 0).mapped, 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p3_the_newest_version_wins),
		cmocka_unit_test(p9_a_surplus_copy_is_kept_until_both_are_heard),
		cmocka_unit_test(p9_the_version_before_is_kept),
		cmocka_unit_test(p1_no_version_before_once_clients_are_served),
		cmocka_unit_test(p6_absurd_items_are_counted),
		cmocka_unit_test(p7_answers_that_lead_nowhere_are_not_followed),
		cmocka_unit_test(p7_an_endless_server_comes_to_an_end),
		cmocka_unit_test(ranges_are_asked_for_in_parallel),
		cmocka_unit_test(p9_the_end_is_not_that_of_ranges_below),
		cmocka_unit_test(p1_an_inventory_meets_a_read),
		cmocka_unit_test(p10_a_server_that_dies_in_the_middle),
		cmocka_unit_test(p8_a_server_that_loses_its_memory_in_the_middle),
		cmocka_unit_test(p9_no_memory_for_the_map_is_not_the_end),
		cmocka_unit_test(p3_discarded_contents_do_not_come_back),
		cmocka_unit_test(p1_an_inventory_meets_a_write),
		cmocka_unit_test(p9_a_failed_write_spares_what_was_not_told),
		cmocka_unit_test(p2_an_inventory_meets_a_discard),
		cmocka_unit_test(p2_an_inventory_meets_a_copy_under_way),
	};

	anm_warn_fatal = true;
	return cmocka_run_group_tests_name("inventory", tests, NULL, NULL);
}
