// SPDX-License-Identifier: GPL-2.0-only
/* MOUNT: who gets which handle, what showmount sees, what counts as mounted. */
#include "nfs_bed.h"

#define SIZE (1ull << 20)

static int setup(void **state)
{
	struct eng_vai_params p = {.name = "theirs", .size = SIZE};
	struct eng_err err;

	bed_setup(state);
	assert_int_equal(bed_vai("ours", SIZE, &err), 0);
	p.client = bed_ip4(192, 168, 200, 201);
	return eng_vai_add(bed.e, &p, &err);
}

#define MNT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, bed_teardown)

static void path_call(struct xdr_out *x, u32 proc, const char *path)
{
	bed_call_as(x, MOUNT_PROGRAM, MOUNT_V3, proc, bed.xid++);
	xdr_put_string(x, path);
}

static u32 mnt(const char *path)
{
	struct xdr_out x;

	path_call(&x, MOUNT3_MNT, path);
	return bed_stat(&x);
}

static void umnt(const char *path)
{
	struct xdr_out x;

	path_call(&x, MOUNT3_UMNT, path);
	assert_int_equal(bed_send(&x), 0);
	assert_int_equal(bed.reply_len, RPC_ACCEPTED_LEN);
}

static void mnt_paths(void **state)
{
	static const char *const good[] = {"/ours", "ours", "/ours/", "//ours//"};
	u32 i, n;

	(void)state;
	for (i = 0; i < 2 * ARRAY_SIZE(good); i++) {
		bed.from.door = i & 1 ? ANM_DOOR_TCP : ANM_DOOR_UDP;
		assert_int_equal(mnt(good[i / 2]), MNT3_OK);
		assert_memory_equal(xdr_get_opaque(&bed.res, 64, &n), bed_export("ours")->fh[0],
				    ENG_FH_LEN);
		assert_int_equal(n, ENG_FH_LEN);
		assert_int_equal(xdr_get_u32(&bed.res), 1);
		assert_int_equal(xdr_get_u32(&bed.res), RPC_AUTH_SYS);
		assert_int_equal(xdr_in_left(&bed.res), 0);
	}
	assert_int_equal(mnt("/our"), MNT3ERR_NOENT);
	assert_int_equal(mnt("/"), MNT3ERR_NOENT);
	assert_int_equal(mnt(""), MNT3ERR_NOENT);
	assert_int_equal(mnt("/ours/swapfile"), MNT3ERR_NOTDIR);
	assert_int_equal(bed.e->stats.mnt_denied, 4);
}

static void p5_mnt_of_others(void **state)
{
	struct eng_vai_info info;

	(void)state;
	assert_int_equal(mnt("/theirs"), MNT3ERR_ACCES);
	assert_int_equal(xdr_in_left(&bed.res), 0);
	bed.from.port = 40000;
	assert_int_equal(mnt("/ours"), MNT3ERR_ACCES);
	assert_int_equal(bed.e->stats.mnt_denied, 2);
	assert_int_equal(bed.e->stats.rpc_insecure, 1);
	bed_info("theirs", &info);
	assert_int_equal(info.denied, 1);
	assert_int_equal(eng_busy(bed.e), 0);
	bed.e->cfg.insecure = true;
	assert_int_equal(mnt("/ours"), MNT3_OK);
}

static void too_long_path_is_garbage(void **state)
{
	struct xdr_out x;
	char path[1100];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[1024] = 0;
	assert_int_equal(mnt(path), MNT3ERR_NOENT);
	memset(path, 'a', sizeof(path));
	path[1028] = 0;
	path_call(&x, MOUNT3_MNT, path);
	assert_int_equal(bed_send(&x), 0);
	assert_int_equal(bed.rpc.detail, RPC_GARBAGE_ARGS);
}

static u32 list_call(u32 proc)
{
	struct xdr_out x;

	bed_call_as(&x, MOUNT_PROGRAM, MOUNT_V3, proc, bed.xid++);
	assert_int_equal(bed_send(&x), 0);
	assert_int_equal(bed.rpc.detail, RPC_SUCCESS);
	return bed.reply_len;
}

/* Read EXPORT's list. Return: entries; the last with its group in @name and @group. */
static u32 read_exports(char name[80], char group[80])
{
	u32 n = 0;

	while (xdr_get_bool(&bed.res)) {
		xdr_get_string(&bed.res, name, 80);
		assert_true(xdr_get_bool(&bed.res));
		xdr_get_string(&bed.res, group, 80);
		assert_false(xdr_get_bool(&bed.res));
		n++;
	}
	assert_false(bed.res.bad);
	assert_int_equal(xdr_in_left(&bed.res), 0);
	return n;
}

static void export_and_dump(void **state)
{
	char name[80], group[80];

	(void)state;
	/* Open to all: showmount runs anywhere and as anybody. */
	bed.from.addr = bed_ip4(172, 16, 0, 1);
	bed.from.port = 33333;
	bed.flavor = RPC_AUTH_NONE;
	list_call(MOUNT3_EXPORT);
	assert_int_equal(read_exports(name, group), 2);
	assert_string_equal(name, "/theirs");
	assert_string_equal(group, "192.168.200.201");
	list_call(MOUNT3_DUMP);
	assert_int_equal(bed.reply_len, RPC_ACCEPTED_LEN + 4);
	bed.from.addr = bed_ip4(10, 0, 0, 2);
	bed.from.port = 900;
	assert_int_equal(mnt("/ours"), MNT3_OK);
	list_call(MOUNT3_DUMP);
	assert_true(xdr_get_bool(&bed.res));
	xdr_get_string(&bed.res, group, 80);
	xdr_get_string(&bed.res, name, 80);
	assert_string_equal(group, "10.0.0.2");
	assert_string_equal(name, "/ours");
	assert_false(xdr_get_bool(&bed.res));
}

/* As many as there can be: over TCP all are told, over UDP what one datagram holds. */
static void export_of_many(void **state)
{
	struct eng_vai_params p = {.size = ENG_VAI_SIZE_MIN};
	char name[80], group[80];
	u32 i;

	(void)state;
	for (i = 0; i < 16; i++)
		p.client.b[i] = (u8)(0xa0 + i);
	for (i = 2; i < ENG_VAIS_MAX; i++) {
		snprintf(p.name, sizeof(p.name), "%064u", i);
		p.client.b[15] = (u8)i;
		assert_int_equal(eng_vai_add(bed.e, &p, NULL), 0);
	}
	list_call(MOUNT3_EXPORT);
	assert_true(bed.reply_len > 50000);
	assert_true(read_exports(name, group) > 300);
	bed.from.door = ANM_DOOR_TCP;
	list_call(MOUNT3_EXPORT);
	assert_int_equal(read_exports(name, group), ENG_VAIS_MAX);
	assert_string_equal(group, "a0a1:a2a3:a4a5:a6a7:a8a9:aaab:acad:aeff");
	for (i = 0; i < 60; i++) {
		struct xdr_out x;

		bed_call_as(&x, MOUNT_PROGRAM, MOUNT_V3, MOUNT3_EXPORT, 1);
		anm_fail_after = i;
		if (!bed_send(&x))
			break;
		assert_int_equal(bed.e->outq_len, 0);
	}
	anm_fail_after = -1;
	assert_true(i > 30 && i < 60);
}

static void mounted_state(void **state)
{
	struct eng_event ev;
	struct xdr_out x;
	u32 i;

	(void)state;
	while (eng_event_next(bed.e, &ev))
		;
	assert_int_equal(eng_busy(bed.e), 0);
	assert_int_equal(mnt("/ours"), MNT3_OK);
	assert_int_equal(mnt("/ours"), MNT3_OK);
	assert_int_equal(eng_busy(bed.e), 1);
	assert_true(eng_event_next(bed.e, &ev));
	assert_int_equal(ev.type, ENG_EV_VAI_MOUNTED);
	assert_string_equal(ev.name, "ours");
	assert_false(eng_event_next(bed.e, &ev));
	/* Others' UMNT does nothing. */
	bed.from.addr = bed_ip4(10, 0, 0, 9);
	umnt("/ours");
	assert_int_equal(eng_busy(bed.e), 1);
	bed.from.addr = bed_ip4(10, 0, 0, 2);
	umnt("/ours");
	assert_int_equal(eng_busy(bed.e), 0);
	assert_true(eng_event_next(bed.e, &ev));
	assert_int_equal(ev.type, ENG_EV_VAI_UNMOUNTED);
	/* Data traffic without MNT (the engine restarted): in use, until a minute passed. */
	bed_call_read(&x, "ours", 0, 4096);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	assert_int_equal(eng_busy(bed.e), 1);
	for (i = 0; i < 2; i++) {
		bed.e->now += 31 * NS_PER_S;
		eng_exports_tick(bed.e);
		assert_int_equal(eng_busy(bed.e), !i);
	}
	assert_int_equal(mnt("/ours"), MNT3_OK);
	bed_call_as(&x, MOUNT_PROGRAM, MOUNT_V3, MOUNT3_UMNTALL, 5);
	assert_int_equal(bed_send(&x), 0);
	assert_int_equal(bed.reply_len, RPC_ACCEPTED_LEN);
	assert_int_equal(eng_busy(bed.e), 0);
}

/* Contents are at stake: a UMNT that any user of the client can send does not count. */
static void p5_umnt_discards_if_asked_for(void **state)
{
	struct eng_export *x = bed_export("ours");
	u16 port = bed.from.port;

	(void)state;
	assert_int_equal(mnt("/ours"), MNT3_OK);
	umnt("/ours");
	assert_int_equal(x->discard_at, 0);
	x->discard_on_unmount = true;
	assert_int_equal(mnt("/ours"), MNT3_OK);
	bed.from.port = 40000;
	umnt("/ours");
	assert_int_equal(x->discard_at, 0);
	bed.from.port = port;
	umnt("/ours");
	assert_true(x->discard_at > bed.e->now);
	assert_int_equal(mnt("/ours"), MNT3_OK);
	assert_int_equal(x->discard_at, 0);
	/* The same call once more, late. */
	bed.xid--;
	bed.xid--;
	umnt("/ours");
	assert_int_equal(x->discard_at, 0);
	x->discard_on_unmount = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MNT_TEST(mnt_paths),
		MNT_TEST(p5_mnt_of_others),
		MNT_TEST(too_long_path_is_garbage),
		MNT_TEST(export_and_dump),
		MNT_TEST(export_of_many),
		MNT_TEST(mounted_state),
		MNT_TEST(p5_umnt_discards_if_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
