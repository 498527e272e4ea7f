// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole engine: a client that speaks NFS at one side, real memory servers behind a
 * faulty network at the other. Every byte that is read is compared with a model.
 */
#define NFS_BED_REAL
#include "nfs_bed.h"
#include "page_bed.h"

#define PAGES	 200
#define SIZE	 (PAGES * ANM_PAGE_SIZE + 0u)
#define REPLY_MS 60000 /* simulated; bounded retransmission is far below (promise 10) */
#define PAST_MAX 64

static struct pb *pb;
static struct list_head replies;
static u8 model[SIZE];
static u8 data[SIZE];

/* WRITE calls as they were sent, to be sent again by a network with a long memory. */
static struct {
	u8 *p;
	u32 len;
} past[PAST_MAX];

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

static void engine_new(u64 seed)
{
	memset(&bed, 0, sizeof(bed));
	INIT_LIST_HEAD(&replies);
	pb = pb_new(seed);
	pb->reply = take_reply;
	bed.e = pb->e;
	bed.seed = seed;
	bed.xid = 1000;
	bed.flavor = RPC_AUTH_SYS;
	bed.from.addr = bed_ip4(192, 0, 2, 7);
	bed.from.port = 700;
	memset(past, 0, sizeof(past));
}

static void engine_free(void)
{
	struct anm_out *out;
	u32 i;

	while ((out = bed_next_reply()))
		anm_out_free(out);
	for (i = 0; i < PAST_MAX; i++)
		free(past[i].p);
	free(bed.call);
	free(bed.reply);
	pb_free(pb);
}

static int vai_add(const char *name, u8 class)
{
	struct eng_vai_params p = {.size = SIZE, .client = bed.from.addr, .class = class};
	struct eng_err err;

	strscpy(p.name, name, sizeof(p.name));
	memset(model, 0, sizeof(model));
	bed.now = pb->now;
	if (eng_vai_add(bed.e, &p, &err))
		return -1;
	eng_swap_header(&bed_export(name)->vai, model);
	return 0;
}

/* Let time pass until an answer is there. */
static void await_reply(void)
{
	u64 end = pb->now + REPLY_MS * NS_PER_MS;

	pb_run(pb, 0);
	while (list_empty(&replies) && pb->now < end)
		pb_run(pb, 1);
	assert_true(bed_take());
	assert_int_equal(bed.rpc.detail, RPC_SUCCESS);
}

/* Send what is in bed.call; the status of its answer. Other answers are thrown away. */
static u32 call_now(struct xdr_out *x)
{
	u32 xid = bed_sent_xid();

	bed.now = pb->now;
	bed.call_len = x->pos;
	assert_int_equal(bed_feed(bed.call, bed.call_len), 0);
	do
		await_reply();
	while (bed.rpc.xid != xid);
	return xdr_get_u32(&bed.res);
}

static u32 write_now(u64 off, u32 n)
{
	struct xdr_out x;
	u32 i, stat;

	for (i = 0; i < n; i++)
		data[i] = (u8)bed_rand(256);
	bed_call_write(&x, bed.xid++, "v", off, data, n);
	stat = call_now(&x);
	if (stat)
		return stat;
	assert_int_equal(bed_get_write(), n);
	memcpy(model + off, data, n);
	i = bed_rand(PAST_MAX);
	free(past[i].p);
	past[i].p = malloc(bed.call_len);
	past[i].len = bed.call_len;
	memcpy(past[i].p, bed.call, bed.call_len);
	return 0;
}

/* Nothing but the model's bytes will do; an error is returned. */
static u32 read_now(u64 off, u32 n)
{
	struct xdr_out x;
	const u8 *p;
	u32 stat;
	bool eof;

	bed_call_read(&x, "v", off, n);
	stat = call_now(&x);
	if (stat)
		return stat;
	assert_int_equal(bed_get_read(&p, &eof), n);
	assert_memory_equal(p, model + off, n);
	return 0;
}

static void some_range(u64 *off, u32 *n)
{
	*n = 1 + bed_rand(bed_rand(3) ? 5000 : 32768);
	*off = bed_rand(SIZE - *n);
	if (bed_rand(2)) {
		*off &= ~(u64)ANM_PAGE_MASK;
		*n = ALIGN(*n, ANM_PAGE_SIZE);
		*n = min(*n, (u32)(SIZE - *off));
	}
}

/* An old WRITE turns up again: whatever the answer, nothing may change. */
static void replay_past(void)
{
	u32 i = bed_rand(PAST_MAX);

	if (!past[i].p)
		return;
	bed.now = pb->now;
	assert_int_equal(bed_feed(past[i].p, past[i].len), 0);
}

static void random_work(u32 rounds)
{
	u64 off;
	u32 n;

	while (rounds--) {
		bed.from.door = bed_rand(2) ? ANM_DOOR_UDP : ANM_DOOR_TCP;
		some_range(&off, &n);
		if (bed_rand(2))
			assert_int_equal(write_now(off, n), NFS3_OK);
		else
			assert_int_equal(read_now(off, n), NFS3_OK);
		if (!bed_rand(3))
			replay_past();
	}
	bed.from.door = ANM_DOOR_TCP;
	assert_int_equal(read_now(0, SIZE), NFS3_OK);
}

static void p1_p3_model_on_a_good_network(void **state)
{
	(void)state;
	engine_new(11);
	pb_server(pb, 0, 1000, 9000);
	pb_server(pb, 1, 1000, 1500);
	pb_join_all(pb);
	assert_int_equal(vai_add("v", ENG_CLASS_NORMAL), 0);
	random_work(400);
	assert_true(bed.e->stats.drc_replays > 20);
	assert_true(bed.e->stats.pages_merged > 20);
	engine_free();
}

static void p1_p3_model_on_a_bad_network(void **state)
{
	u64 seed;

	(void)state;
	for (seed = 1; seed <= 3; seed++) {
		engine_new(seed);
		pb_server(pb, 0, 1000, 1500);
		pb_server(pb, 1, 1000, 9000);
		pb_server(pb, 2, 1000, 1500);
		pb_join_all(pb);
		assert_int_equal(vai_add("v", (u8)(seed & 1)), 0);
		pb->loss = 20;
		pb->dup = 30;
		pb->reorder = 50;
		pb->garble = 10;
		random_work(150);
		assert_true(bed.e->stats.amp_retransmits > 10);
		engine_free();
	}
}

/* One of two servers goes: a critical VAI loses nothing, readable and writable. */
static void p9_critical_survives_a_server(void **state)
{
	(void)state;
	engine_new(5);
	pb_server(pb, 0, 1000, 9000);
	pb_server(pb, 1, 1000, 9000);
	pb_server(pb, 2, 1000, 9000);
	pb_join_all(pb);
	assert_int_equal(vai_add("v", ENG_CLASS_CRITICAL), 0);
	random_work(100);
	pb_kill(pb, 1);
	random_work(100);
	engine_free();
}

/* The only copy goes: an error at once, then and later; what was never written is zeros. */
static void p8_normal_loses_with_an_error(void **state)
{
	struct eng_vai_info info;
	u64 before;

	(void)state;
	engine_new(6);
	pb_server(pb, 0, 1000, 9000);
	pb_join_all(pb);
	assert_int_equal(vai_add("v", ENG_CLASS_NORMAL), 0);
	assert_int_equal(write_now(ANM_PAGE_SIZE, 3 * ANM_PAGE_SIZE), NFS3_OK);
	pb_kill(pb, 0);
	assert_int_equal(read_now(0, 2 * ANM_PAGE_SIZE), NFS3ERR_IO);
	pb_run(pb, 10000);
	before = pb->now;
	assert_int_equal(read_now(ANM_PAGE_SIZE, ANM_PAGE_SIZE), NFS3ERR_IO);
	assert_true(pb->now - before <= 2 * NS_PER_MS);
	assert_int_equal(read_now(0, ANM_PAGE_SIZE), NFS3_OK);
	assert_int_equal(read_now(10 * ANM_PAGE_SIZE, ANM_PAGE_SIZE), NFS3_OK);
	assert_int_equal(write_now(10 * ANM_PAGE_SIZE, ANM_PAGE_SIZE), NFS3ERR_NOSPC);
	assert_true(pb->now - before <= 10 * NS_PER_MS);
	bed_info("v", &info);
	assert_true(info.lost_pages >= 1 && info.errors >= 3);
	engine_free();
}

static void no_server_no_vai(void **state)
{
	(void)state;
	engine_new(7);
	assert_int_not_equal(vai_add("v", ENG_CLASS_NORMAL), 0);
	pb_server(pb, 0, PAGES - 1, 9000);
	pb_join_all(pb);
	assert_int_not_equal(vai_add("v", ENG_CLASS_NORMAL), 0);
	engine_free();
}

/* Promise 4: a VAI of the whole pool can be written to its last page, and then again. */
static void p4_whole_pool(void **state)
{
	u32 round;

	(void)state;
	engine_new(8);
	pb_server(pb, 0, PAGES / 2, 9000);
	pb_server(pb, 1, PAGES / 2, 9000);
	pb_join_all(pb);
	assert_int_equal(vai_add("v", ENG_CLASS_NORMAL), 0);
	bed.from.door = ANM_DOOR_TCP;
	for (round = 0; round < 3; round++) {
		assert_int_equal(write_now(0, SIZE), NFS3_OK);
		assert_int_equal(read_now(0, SIZE), NFS3_OK);
	}
	engine_free();
}

/* Deleting gives the servers' memory and the reservation back, in the background. */
static void deletion_empties_the_servers(void **state)
{
	struct eng_status st;
	struct eng_err err;
	struct xdr_out x;

	(void)state;
	engine_new(9);
	pb_server(pb, 0, 1000, 9000);
	pb_join_all(pb);
	assert_int_equal(vai_add("v", ENG_CLASS_NORMAL), 0);
	bed.from.door = ANM_DOOR_TCP;
	assert_int_equal(write_now(0, SIZE), NFS3_OK);
	bed_call_read(&x, "v", 0, SIZE);
	bed.now = pb->now;
	assert_int_equal(bed_feed(bed.call, x.pos), 0);
	assert_int_equal(eng_vai_del(bed.e, "v", false, &err), -EBUSY);
	assert_int_equal(eng_vai_del(bed.e, "v", true, &err), 0);
	await_reply();
	assert_int_equal(xdr_get_u32(&bed.res), NFS3_OK);
	pb_run(pb, 5000);
	eng_get_status(bed.e, &st, pb->now);
	assert_int_equal(st.vais, 0);
	assert_int_equal(st.reserved_pages, 0);
	assert_int_equal(st.map_entries, 0);
	assert_int_equal(pb_info(pb, 0).used, 0);
	assert_int_equal(vai_add("v", ENG_CLASS_NORMAL), 0);
	assert_int_equal(read_now(0, SIZE), NFS3_OK);
	engine_free();
}

/* Destroyed with everything under way: nothing leaks, nothing is touched afterwards. */
static void destroyed_in_the_middle(void **state)
{
	struct xdr_out x;
	u32 i;

	(void)state;
	engine_new(10);
	pb_server(pb, 0, 1000, 9000);
	pb_join_all(pb);
	assert_int_equal(vai_add("v", ENG_CLASS_NORMAL), 0);
	bed.from.door = ANM_DOOR_TCP;
	assert_int_equal(write_now(0, SIZE), NFS3_OK);
	for (i = 0; i < 20; i++) {
		if (i & 1)
			bed_call_read(&x, "v", i * 1000, 100000);
		else
			bed_call_write(&x, bed.xid++, "v", i * 1000, data, 100000);
		assert_int_equal(bed_feed(bed.call, x.pos), 0);
	}
	assert_true(bed.e->exports->reqs > 10);
	engine_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_p3_model_on_a_good_network),
		cmocka_unit_test(p1_p3_model_on_a_bad_network),
		cmocka_unit_test(p9_critical_survives_a_server),
		cmocka_unit_test(p8_normal_loses_with_an_error),
		cmocka_unit_test(no_server_no_vai),
		cmocka_unit_test(p4_whole_pool),
		cmocka_unit_test(deletion_empties_the_servers),
		cmocka_unit_test(destroyed_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
