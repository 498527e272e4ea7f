/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A whole engine that can be restarted: VAIs, memory servers of page_bed.h, and a client.
 */
#ifndef ANM_TEST_RECOVER_BED_H
#define ANM_TEST_RECOVER_BED_H

#define NFS_BED_REAL
#include "nfs_bed.h"
#include "page_bed.h"
#include "../../engine/core/recover.h"

#define PAGES PB_PAGES

static const char *const names[PB_VAIS] = {"normal", "critical"};
static struct pb *pb;
static u64 epoch;

/* UDP or TCP answers that the bed looks at; it has none of its own. */
static struct list_head replies;

static void take_reply(struct pb *b, struct anm_out *out)
{
	(void)b;
	list_add_tail(&out->link, &replies);
}

static struct anm_out *bed_next_reply(void)
{
	struct anm_out *out = list_first_entry_or_null(&replies, struct anm_out, link);

	if (out)
		list_del(&out->link);
	return out;
}

static __maybe_unused void adopt(void)
{
	pb->reply = take_reply;
	bed.e = pb->e;
	bed.now = pb->now;
}

static __maybe_unused void begin(u64 seed)
{
	memset(&bed, 0, sizeof(bed));
	INIT_LIST_HEAD(&replies);
	epoch = 1;
	pb = pb_new(seed);
	bed.seed = seed;
	bed.xid = 1000;
	bed.flavor = RPC_AUTH_SYS;
	bed.from.addr = bed_ip4(192, 0, 2, 7);
	bed.from.port = 700;
	adopt();
}

static __maybe_unused void end(void)
{
	struct anm_out *out;

	while ((out = bed_next_reply()))
		anm_out_free(out);
	free(bed.call);
	free(bed.reply);
	pb_free(pb);
}

static __maybe_unused int vai_make(u32 i, bool restored, u64 discarded_below)
{
	struct eng_vai_params p = {
		.size = PAGES * ANM_PAGE_SIZE,
		.client = bed.from.addr,
		.class = i ? ENG_CLASS_CRITICAL : ENG_CLASS_NORMAL,
		.restored = restored,
		.discarded_below = discarded_below,
	};
	struct eng_err err;
	int rc;

	strscpy(p.name, names[i], sizeof(p.name));
	memset(p.uuid, 0x31 + (int)i, sizeof(p.uuid));
	rc = eng_vai_add(pb->e, &p, &err);
	if (!rc)
		pb->real[i] = &eng_vai_by_name(pb->e, names[i], (u32)strlen(names[i]))->vai;
	return rc;
}

static __maybe_unused void vais_make(void)
{
	assert_int_equal(vai_make(0, false, 0), 0);
	assert_int_equal(vai_make(1, false, 0), 0);
}

static __maybe_unused void expect_server(u32 node, u64 boot, bool drain)
{
	struct eng_server_info before = {.name = "memN", .boot = boot, .drain_asked = drain};

	before.name[3] = (char)('0' + node);
	memset(before.uuid, 0xa0 + (int)node, sizeof(before.uuid));
	assert_int_equal(eng_recover_expect(pb->e, &before), 0);
}

static __maybe_unused void expect(u32 node, u64 boot)
{
	expect_server(node, boot, false);
}

/* Dies, and starts again with the VAIs and the first @nodes servers known. */
static __maybe_unused void restart_with(u32 nodes, u64 e)
{
	struct eng_config cfg = pb_config();
	u32 i;

	epoch = e;
	cfg.epoch = e;
	pb_restart(pb, &cfg);
	adopt();
	for (i = 0; i < nodes; i++)
		expect(i, 0);
	for (i = 0; i < PB_VAIS; i++)
		assert_int_equal(vai_make(i, true, 0), 0);
}

static __maybe_unused void restart(u32 nodes)
{
	restart_with(nodes, epoch + 1);
}

static __maybe_unused void recovered(void)
{
	u32 i;

	for (i = 0; i < 60000 && eng_recovering(pb->e); i++)
		pb_run(pb, 1);
	assert_false(eng_recovering(pb->e));
}

static __maybe_unused void write_all(u32 salt)
{
	u32 v, p;

	for (v = 0; v < PB_VAIS; v++)
		for (p = 0; p < PAGES; p += 3)
			assert_int_equal(pb_write_now(pb, v, p, salt + v * PAGES + p), 0);
}

static __maybe_unused void read_all(u32 salt)
{
	u32 v, p;

	for (v = 0; v < PB_VAIS; v++)
		for (p = 0; p < PAGES; p += 3)
			assert_int_equal(pb_read_now(pb, v, p, salt + v * PAGES + p), 0);
}

static __maybe_unused struct eng_status status(void)
{
	struct eng_status st;

	eng_get_status(pb->e, &st, pb->now);
	return st;
}

static __maybe_unused void servers(u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		pb_server(pb, i, 2000, i & 1 ? 1500 : 9000);
	pb_join_all(pb);
}

#endif
