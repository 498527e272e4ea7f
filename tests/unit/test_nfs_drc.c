// SPDX-License-Identifier: GPL-2.0-only
/* The duplicate-request cache (promise 3): by itself, and as clients meet it. */
#include "nfs_bed.h"

#define SIZE (64 * ANM_PAGE_SIZE)

static u8 old_bytes[3 * ANM_PAGE_SIZE];
static u8 new_bytes[3 * ANM_PAGE_SIZE];
static u8 kept[BED_PAYLOAD];

static int setup(void **state)
{
	struct eng_err err;

	bed_setup(state);
	memset(old_bytes, 'o', sizeof(old_bytes));
	memset(new_bytes, 'n', sizeof(new_bytes));
	return bed_vai("v", SIZE, &err);
}

#define DRC_TEST(f) cmocka_unit_test_setup_teardown(f, setup, bed_teardown)

static void write_ok(u32 xid, const u8 *p, u32 n)
{
	struct xdr_out x;

	bed_call_write(&x, xid, "v", ANM_PAGE_SIZE, p, n);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	assert_int_equal(bed_get_write(), n);
}

static void expect_bytes(u8 c, u32 n)
{
	struct xdr_out x;
	const u8 *p;
	bool eof;
	u32 i;

	bed_call_read(&x, "v", ANM_PAGE_SIZE, n);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	assert_int_equal(bed_get_read(&p, &eof), n);
	for (i = 0; i < n; i++)
		assert_int_equal(p[i], c);
}

/* An old WRITE, sent again by the network after a newer one: answered, not done. */
static void p3_late_duplicate_changes_nothing(void **state)
{
	u32 kept_len, i;
	u64 stores;

	(void)state;
	write_ok(100, old_bytes, sizeof(old_bytes));
	kept_len = bed.call_len;
	memcpy(kept, bed.call, kept_len);
	write_ok(101, new_bytes, sizeof(new_bytes));
	stores = bed.stores;
	for (i = 0; i < 5; i++) {
		bed.from.port = (u16)(900 + i); /* a reconnected client comes from elsewhere */
		bed.from.door = i & 1 ? ANM_DOOR_TCP : ANM_DOOR_UDP;
		assert_int_equal(bed_feed(kept, kept_len), 0);
		assert_true(bed_take());
		assert_int_equal(bed.rpc.xid, 100);
		assert_int_equal(bed.reply_to.port, 900 + i);
		assert_int_equal(xdr_get_u32(&bed.res), NFS3_OK);
		assert_int_equal(bed_get_write(), sizeof(old_bytes));
	}
	assert_true(bed.stores == stores);
	assert_int_equal(bed.e->stats.drc_replays, 5);
	expect_bytes('n', sizeof(new_bytes));
}

/* The page changed at the client between two transmissions of the same call. */
static void p3_retransmission_with_other_bytes(void **state)
{
	u8 mixed[ANM_PAGE_SIZE];

	(void)state;
	memset(mixed, 'm', sizeof(mixed));
	write_ok(200, old_bytes, ANM_PAGE_SIZE);
	write_ok(201, new_bytes, ANM_PAGE_SIZE);
	write_ok(200, mixed, ANM_PAGE_SIZE);
	expect_bytes('n', ANM_PAGE_SIZE);
	assert_int_equal(bed.e->stats.drc_replays, 1);
}

/* The same xid for another call (a second mount, a rebooted client) is another call. */
static void same_xid_other_arguments(void **state)
{
	struct xdr_out x;

	(void)state;
	write_ok(300, old_bytes, ANM_PAGE_SIZE);
	write_ok(300, new_bytes, ANM_PAGE_SIZE - 1);
	bed_call_write(&x, 300, "v", 5 * ANM_PAGE_SIZE, new_bytes, ANM_PAGE_SIZE);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	assert_int_equal(bed.e->stats.drc_replays, 0);
	assert_int_equal(bed.stores, 3);
}

static void p3_in_progress_udp_is_dropped(void **state)
{
	struct xdr_out x;
	u32 i;

	(void)state;
	bed.defer = true;
	bed_call_write(&x, 400, "v", ANM_PAGE_SIZE, old_bytes, 2 * ANM_PAGE_SIZE);
	for (i = 0; i < 4; i++)
		assert_int_equal(bed_send(&x), 0);
	assert_int_equal(bed.starts, 2);
	assert_int_equal(bed.e->outq_len, 0);
	assert_int_equal(bed.e->stats.drc_in_progress, 3);
	while (bed_run())
		;
	assert_true(bed_take());
	assert_int_equal(xdr_get_u32(&bed.res), NFS3_OK);
	assert_false(bed_take());
}

/* Over TCP the connection may have broken: the one answer goes to the newest. */
static void p3_in_progress_tcp_is_reattached(void **state)
{
	struct xdr_out x;
	u32 i;

	(void)state;
	bed.defer = true;
	bed.from.door = ANM_DOOR_TCP;
	bed_call_write(&x, 500, "v", ANM_PAGE_SIZE, old_bytes, 2 * ANM_PAGE_SIZE);
	for (i = 0; i < 3; i++) {
		bed.from.port = (u16)(700 + i);
		bed.from.opaque[0] = (u8)i;
		assert_int_equal(bed_send(&x), 0);
	}
	assert_int_equal(bed.starts, 2);
	while (bed_run())
		;
	assert_true(bed_take());
	assert_int_equal(bed.reply_to.port, 702);
	assert_int_equal(bed.reply_to.opaque[0], 2);
	assert_int_equal(xdr_get_u32(&bed.res), NFS3_OK);
	assert_int_equal(bed_get_write(), 2 * ANM_PAGE_SIZE);
	assert_false(bed_take());
}

/*
 * Every answer is remembered, that of a shortage too: the client asks anew with another
 * xid (RFC 1813, NFS3ERR_JUKEBOX), so what comes with this one is a late copy.
 */
static void p3_errors_and_shortages(void **state)
{
	struct xdr_out x;

	(void)state;
	bed.fail = -EIO;
	bed_call_write(&x, 600, "v", 0, old_bytes, 4096);
	assert_int_equal(bed_stat(&x), NFS3ERR_IO);
	bed.fail = 0;
	assert_int_equal(bed_stat(&x), NFS3ERR_IO);
	assert_int_equal(bed.starts, 1);
	bed.fail = -ENOMEM;
	bed_call_write(&x, 601, "v", 0, old_bytes, 4096);
	assert_int_equal(bed_stat(&x), NFS3ERR_JUKEBOX);
	bed.fail = 0;
	bed_call_write(&x, 603, "v", 0, new_bytes, 4096);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	bed_call_write(&x, 601, "v", 0, old_bytes, 4096);
	assert_int_equal(bed_stat(&x), NFS3ERR_JUKEBOX);
	assert_int_equal(bed.starts, 3);
	/* Not accepted at all: nothing to remember either. */
	bed_call_write(&x, 602, "v", 0, old_bytes, 4096);
	anm_fail_after = 2;
	assert_int_equal(bed_send(&x), -EAGAIN);
	anm_fail_after = -1;
	assert_int_equal(bed_stat(&x), NFS3_OK);
	assert_int_equal(bed.starts, 4);
}

/* Refused because of how the VAI was at that time: a late copy finds it otherwise. */
static void p3_what_was_refused_stays_refused(void **state)
{
	struct eng_export *x = bed_export("v");
	struct xdr_out c;

	(void)state;
	x->vai.emptying = true;
	bed_call_write(&c, 700, "v", 0, old_bytes, 4096);
	assert_int_equal(bed_stat(&c), NFS3ERR_JUKEBOX);
	x->vai.emptying = false;
	assert_int_equal(bed_stat(&c), NFS3ERR_JUKEBOX);
	assert_int_equal(bed.starts, 0);
	bed_call_write(&c, 701, "v", SIZE, old_bytes, 4096);
	assert_int_equal(bed_stat(&c), NFS3ERR_FBIG);
	x->size += 4096; /* it grows */
	x->vai.npages++;
	assert_int_equal(bed_stat(&c), NFS3ERR_FBIG);
	assert_int_equal(bed.starts, 0);
	bed_call_write(&c, 702, "v", SIZE, new_bytes, 4096);
	assert_int_equal(bed_stat(&c), NFS3_OK);
	x->size -= 4096; /* and is cut */
	x->vai.npages--;
	assert_int_equal(bed_stat(&c), NFS3_OK);
	assert_int_equal(bed.starts, 1);
	assert_int_equal(bed.e->stats.drc_replays, 3);
}

static void setattr_call(struct xdr_out *x, u32 xid, u32 mode)
{
	u32 i;

	bed_call_as(x, NFS_PROGRAM, NFS_V3, NFS3_SETATTR, xid);
	bed_put_fh(x, "v", 1);
	xdr_put_bool(x, true);
	xdr_put_u32(x, mode);
	for (i = 0; i < 6; i++)
		xdr_put_u32(x, 0);
}

static void p3_late_setattr_changes_nothing(void **state)
{
	struct xdr_out x;

	(void)state;
	setattr_call(&x, 700, 0600);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	setattr_call(&x, 701, 0640);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	setattr_call(&x, 700, 0600);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	assert_int_equal(bed_export("v")->node[1].mode, 0640);
	assert_int_equal(bed.e->stats.drc_replays, 1);
}

/* What is old enough goes, nothing else does while there is room. */
static void aging(void **state)
{
	struct eng_drc *drc = &bed_export("v")->client->drc;
	u32 i;

	(void)state;
	for (i = 0; i < 10 * DRC_CHUNK_ENTRIES; i++)
		eng_drc_done(drc, eng_drc_add(drc, i, i * 7, NULL, 1), 0);
	eng_drc_age(drc, DRC_AGE_NS);
	assert_int_equal(eng_drc_entries(drc), 10 * DRC_CHUNK_ENTRIES);
	assert_non_null(eng_drc_find(drc, 999, 999 * 7));
	assert_null(eng_drc_find(drc, 999, 999));
	eng_drc_done(drc, eng_drc_add(drc, 5000, 0, NULL, DRC_AGE_NS + 2), 0);
	assert_int_equal(eng_drc_entries(drc), 9 * DRC_CHUNK_ENTRIES + 1);
	assert_null(eng_drc_find(drc, 0, 0));
	eng_drc_age(drc, DRC_AGE_NS + 3);
	assert_int_equal(eng_drc_entries(drc), 1);
	eng_drc_age(drc, 3 * DRC_AGE_NS);
	assert_int_equal(eng_drc_entries(drc), 0);
	assert_int_equal(drc->nchunks, 0);
}

/* Calls of one bucket, old and new: the old ones go, those before them in its chain stay. */
static void one_bucket(void **state)
{
	struct eng_drc *drc = &bed_export("v")->client->drc;
	u32 i, n = 2 * DRC_CHUNK_ENTRIES + 1;

	(void)state;
	for (i = 0; i < n; i++)
		eng_drc_done(drc, eng_drc_add(drc, 5, i, NULL, 1 + i / DRC_CHUNK_ENTRIES), i);
	for (i = 0; i < n; i++)
		assert_int_equal(eng_drc_find(drc, 5, i)->status, i);
	eng_drc_age(drc, DRC_AGE_NS + 1);
	for (i = 0; i < n; i++)
		assert_int_equal(eng_drc_find(drc, 5, i) != NULL, i >= DRC_CHUNK_ENTRIES);
	eng_drc_age(drc, DRC_AGE_NS + 2);
	assert_null(eng_drc_find(drc, 5, n - 2));
	assert_int_equal(eng_drc_find(drc, 5, n - 1)->status, n - 1);
}

/* Promise 7: the cache is bounded, drops its oldest, never one in progress. */
static void p7_bounded(void **state)
{
	struct eng_drc *drc = &bed_export("v")->client->drc;
	struct eng_req *req = (struct eng_req *)&bed;
	struct drc_entry *first, *d;
	u32 i;

	(void)state;
	for (i = 0; i < 2 * ENG_DRC_ENTRIES; i++)
		eng_drc_done(drc, eng_drc_add(drc, i, 1, NULL, 1), i);
	assert_true(eng_drc_entries(drc) <= ENG_DRC_ENTRIES);
	assert_true(eng_drc_entries(drc) > ENG_DRC_ENTRIES - 2 * DRC_CHUNK_ENTRIES);
	assert_null(eng_drc_find(drc, 0, 1));
	d = eng_drc_find(drc, 2 * ENG_DRC_ENTRIES - 1, 1);
	assert_int_equal(d->status, 2 * ENG_DRC_ENTRIES - 1);
	first = eng_drc_add(drc, 7, 7, req, 2);
	for (i = 0; i < 2 * ENG_DRC_ENTRIES; i++) {
		d = eng_drc_add(drc, i, 2, NULL, 3);
		if (!d)
			break;
	}
	assert_true(i < ENG_DRC_ENTRIES);
	assert_ptr_equal(eng_drc_find(drc, 7, 7), first);
	eng_drc_done(drc, first, 0);
	assert_non_null(eng_drc_add(drc, i, 2, NULL, 3));
	assert_null(eng_drc_find(drc, 7, 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRC_TEST(p3_late_duplicate_changes_nothing),
		DRC_TEST(p3_retransmission_with_other_bytes),
		DRC_TEST(same_xid_other_arguments),
		DRC_TEST(p3_in_progress_udp_is_dropped),
		DRC_TEST(p3_in_progress_tcp_is_reattached),
		DRC_TEST(p3_errors_and_shortages),
		DRC_TEST(p3_what_was_refused_stays_refused),
		DRC_TEST(p3_late_setattr_changes_nothing),
		DRC_TEST(aging),
		DRC_TEST(one_bucket),
		DRC_TEST(p7_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
