// SPDX-License-Identifier: GPL-2.0-only
/* Requests in flight: limits, all-or-nothing acceptance, shortages, malformed calls. */
#include "nfs_bed.h"

#define SIZE (16ull << 20)

static u8 data[ENG_TCP_IO_MAX];

static int setup(void **state)
{
	struct eng_err err;

	bed_setup(state);
	return bed_vai("v", SIZE, &err);
}

#define REQ_TEST(f) cmocka_unit_test_setup_teardown(f, setup, bed_teardown)

static int read_call(u64 off, u32 n)
{
	struct xdr_out x;

	bed_call_read(&x, "v", off, n);
	return bed_send(&x);
}

static int write_call(u32 xid, u64 off, u32 n)
{
	struct xdr_out x;

	bed_call_write(&x, xid, "v", off, data, n);
	return bed_send(&x);
}

/* At the limit the newest is turned away, the older ones are all answered. */
static void p7_requests_a_client(void **state)
{
	struct eng_client *c = bed_export("v")->client;
	u32 i, answers = 0;

	(void)state;
	bed.defer = true;
	for (i = 0; i < ENG_CLIENT_REQS_MAX; i++)
		assert_int_equal(i & 1 ? read_call(i * 64, 64) : write_call(i, i * 64, 64), 0);
	assert_int_equal(c->reqs, ENG_CLIENT_REQS_MAX);
	assert_false(eng_has_room(bed.e, &bed.from.addr));
	assert_int_equal(read_call(0, 1), -EAGAIN);
	assert_int_equal(write_call(9999, 0, 1), -EAGAIN);
	bed.from.door = ANM_DOOR_TCP;
	assert_int_equal(write_call(9999, 0, 1), -EAGAIN);
	assert_int_equal(bed.e->stats.queue_full, 3);
	/* UDP ones are lost and counted as taken, the TCP one will come again. */
	assert_int_equal(bed.e->stats.rpc_in, ENG_CLIENT_REQS_MAX + 2);
	/* Calls that need no place in the queue pass. */
	assert_true(bed_run());
	assert_true(eng_has_room(bed.e, &bed.from.addr));
	assert_int_equal(write_call(9999, 0, 1), 0);
	while (bed_run())
		;
	while (bed_take()) {
		assert_int_equal(xdr_get_u32(&bed.res), NFS3_OK);
		answers++;
	}
	assert_int_equal(answers, ENG_CLIENT_REQS_MAX);
	assert_int_equal(c->reqs, 0);
	assert_int_equal(c->pages, 0);
	assert_int_equal(bed.e->pages_in_flight, 0);
}

static void p7_pages_a_client(void **state)
{
	struct eng_client *c = bed_export("v")->client;
	struct anm_addr other = bed_ip4(10, 0, 0, 77);
	u32 n = 0;

	(void)state;
	bed.defer = true;
	bed.from.door = ANM_DOOR_TCP;
	while (eng_has_room(bed.e, &bed.from.addr)) {
		assert_int_equal(read_call(1, ENG_TCP_IO_MAX), 0);
		n++;
	}
	assert_int_equal(n, ENG_TCP_PAGES_MAX / 257);
	assert_int_equal(read_call(1, ENG_TCP_IO_MAX), -EAGAIN);
	assert_int_equal(c->reqs, n);
	/* A datagram that waits is lost: there is more room for them. */
	bed.from.door = ANM_DOOR_UDP;
	while (!read_call(1, ENG_UDP_IO_MAX))
		n++;
	assert_true(c->pages <= ENG_CLIENT_PAGES_MAX && c->pages > ENG_TCP_PAGES_MAX);
	assert_true(n == ENG_CLIENT_REQS_MAX || c->pages + 9 > ENG_CLIENT_PAGES_MAX);
	/* Somebody without a VAI is told to go ahead: refusals need no room. */
	assert_true(eng_has_room(bed.e, &other));
	while (bed_run())
		;
	assert_int_equal(c->pages, 0);
}

/* All clients together have a limit too. */
static void p7_pages_of_all_clients(void **state)
{
	struct eng_vai_params p = {.size = SIZE};
	u32 i, n = 0;

	(void)state;
	bed.defer = true;
	bed.from.door = ANM_DOOR_TCP;
	for (i = 0; i < ENG_PAGES_MAX / (ENG_TCP_PAGES_MAX - 257) + 1; i++) {
		snprintf(p.name, sizeof(p.name), "v%u", i);
		p.client = bed_ip4(10, 9, 0, (u8)i);
		assert_int_equal(eng_vai_add(bed.e, &p, NULL), 0);
		bed.from.addr = p.client;
		while (eng_has_room(bed.e, &p.client)) {
			struct xdr_out x;

			bed_call_read(&x, p.name, 0, ENG_TCP_IO_MAX);
			assert_int_equal(bed_send(&x), 0);
			n += 256;
		}
	}
	assert_true(n <= ENG_PAGES_MAX && n > ENG_PAGES_MAX - 512);
	assert_int_equal(bed.e->pages_in_flight, n);
}

/* Answers wait for a driver that does not take them: no new calls, none lost. */
static void p7_output_queue(void **state)
{
	struct xdr_out x;
	u32 i;

	(void)state;
	for (i = 0; i < ENG_OUTQ_MAX; i++) {
		bed_call(&x, NFS3_NULL);
		if (bed_feed(bed.call, x.pos))
			break;
	}
	assert_true(i < ENG_OUTQ_MAX && i > 1000);
	assert_false(eng_has_room(bed.e, &bed.from.addr));
	bed_drop_all();
	assert_true(eng_has_room(bed.e, &bed.from.addr));
}

/* Each allocation of each call fails once: nothing is left behind, the next try works. */
static void every_allocation_fails_once(void **state)
{
	struct eng_client *c = bed_export("v")->client;
	u32 kind, i, xid = 0;
	int rc;

	(void)state;
	bed.from.door = ANM_DOOR_TCP;
	for (kind = 0; kind < 4; kind++) {
		for (i = 0;; i++) {
			long live = anm_alloc_live;
			u64 starts = bed.starts;

			anm_fail_after = i;
			if (kind < 2)
				rc = kind ? write_call(++xid, 5000, 20000) : read_call(5000, 20000);
			else
				rc = kind == 2 ? read_call(SIZE, 1) : read_call(0, 0);
			if (anm_fail_after >= 0)
				break;
			assert_int_equal(rc, -EAGAIN);
			assert_true(bed.starts == starts);
			assert_int_equal(bed.e->outq_len, 0);
			assert_int_equal(c->reqs, 0);
			assert_int_equal(bed.e->pages_in_flight, 0);
			assert_int_equal(anm_alloc_live, live);
			assert_int_equal(eng_drc_entries(&c->drc), kind > 1);
		}
		anm_fail_after = -1;
		assert_int_equal(rc, 0);
		assert_int_equal(i > 1, kind < 2);
		bed_drop_all();
	}
	assert_true(bed.e->stats.no_memory > 12);
}

/* The record cannot be read to its end (a paged packet that lied): nothing happens. */
static int bad_copy(const struct anm_rec *rec, u32 off, void *dst, u32 n)
{
	(void)rec, (void)off, (void)dst, (void)n;
	return -EFAULT;
}

static void record_that_cannot_be_read(void **state)
{
	struct anm_rec rec = {.head_len = 200, .copy = bad_copy};
	struct xdr_out x;

	(void)state;
	bed_call_write(&x, 1, "v", 0, data, 8192);
	rec.head = bed.call;
	rec.len = x.pos;
	assert_int_equal(eng_rpc_in(bed.e, &bed.from, &rec, 5), 0);
	assert_true(bed_take());
	assert_int_equal(bed.rpc.detail, RPC_GARBAGE_ARGS);
	rec.head_len = 20;
	assert_int_equal(eng_rpc_in(bed.e, &bed.from, &rec, 5), 0);
	assert_false(bed_take());
	assert_int_equal(bed.e->stats.rpc_malformed, 1);
	assert_int_equal(bed.starts, 0);
	assert_int_equal(bed.e->pages_in_flight, 0);
}

/* ---- malformed ---- */

/* A valid call of procedure @proc of NFS. */
static void valid_call(struct xdr_out *x, u32 proc)
{
	u32 node = proc == NFS3_READ || proc == NFS3_WRITE || proc == NFS3_COMMIT ||
		   proc == NFS3_SETATTR || proc == NFS3_LINK;
	u32 i;

	bed_call(x, proc);
	if (proc == NFS3_NULL)
		return;
	bed_put_fh(x, "v", node);
	switch (proc) {
	case NFS3_SETATTR:
		xdr_put_u32(x, 1);
		xdr_put_u32(x, 0600);
		for (i = 0; i < 6; i++)
			xdr_put_u32(x, 0);
		break;
	case NFS3_ACCESS:
		xdr_put_u32(x, 0x3f);
		break;
	case NFS3_READ:
	case NFS3_COMMIT:
		xdr_put_u64(x, 4000);
		xdr_put_u32(x, 9000);
		break;
	case NFS3_WRITE:
		xdr_put_u64(x, 4000);
		xdr_put_u32(x, 201);
		xdr_put_u32(x, 0);
		xdr_put_opaque(x, data, 201);
		break;
	case NFS3_LINK:
		bed_put_fh(x, "v", 0);
		xdr_put_string(x, "name");
		break;
	case NFS3_RENAME:
		xdr_put_string(x, "name");
		bed_put_fh(x, "v", 0);
		xdr_put_string(x, "name2");
		break;
	case NFS3_READDIRPLUS:
		xdr_put_u32(x, 0);
		fallthrough;
	case NFS3_READDIR:
		for (i = 0; i < 4; i++)
			xdr_put_u32(x, 0);
		xdr_put_u32(x, 4096);
		break;
	default:
		if (proc == NFS3_LOOKUP || (proc >= NFS3_CREATE && proc <= NFS3_RMDIR))
			xdr_put_string(x, "swapfile");
	}
}

static void valid_mount_call(struct xdr_out *x, u32 proc)
{
	bed_call_as(x, MOUNT_PROGRAM, MOUNT_V3, proc, bed.xid++);
	if (proc == MOUNT3_MNT || proc == MOUNT3_UMNT)
		xdr_put_string(x, "/v");
}

#define CALLS (NFS3_PROC_MAX + 1 + MOUNT3_PROC_MAX + 1)

static void valid(struct xdr_out *x, u32 i)
{
	if (i <= NFS3_PROC_MAX)
		valid_call(x, i);
	else
		valid_mount_call(x, i - NFS3_PROC_MAX - 1);
}

/* At most one answer, and a whole one: bed_take() looks at it. */
static void feed_any(const u8 *p, u32 len)
{
	int rc = bed_feed(p, len);
	u32 answers = 0;

	assert_true(rc == 0 || rc == -EAGAIN || rc == -EPROTO);
	while (bed_take())
		answers++;
	assert_true(answers <= 1);
	assert_int_equal(bed.e->pages_in_flight, 0);
}

static void p6_every_truncation(void **state)
{
	struct xdr_out x;
	u32 i, len;

	(void)state;
	for (i = 0; i < CALLS; i++) {
		valid(&x, i);
		for (len = 0; len < x.pos; len++) {
			u64 starts = bed.starts;

			bed.from.door = len & 1 ? ANM_DOOR_TCP : ANM_DOOR_UDP;
			feed_any(bed.call, len);
			assert_true(bed.starts == starts);
		}
		bed.rpc.detail = 99;
		feed_any(bed.call, x.pos);
		assert_int_equal(bed.rpc.detail, RPC_SUCCESS);
	}
	assert_true(bed.e->stats.rpc_garbage > 500);
	assert_true(bed.e->stats.rpc_malformed > 500);
}

static void p6_bit_flips(void **state)
{
	struct xdr_out x;
	u32 i, round, flips;

	(void)state;
	for (round = 0; round < 600; round++) {
		for (i = 0; i < CALLS; i++) {
			valid(&x, i);
			for (flips = 1 + bed_rand(4); flips; flips--)
				bed.call[bed_rand(x.pos)] ^= (u8)(1 << bed_rand(8));
			bed.from.door = round & 1 ? ANM_DOOR_TCP : ANM_DOOR_UDP;
			feed_any(bed.call, x.pos);
		}
	}
}

/* Every word of every call takes the values that break arithmetic. */
static void p6_absurd_words(void **state)
{
	static const u32 absurd[] = {0,		 1,	     0x7fffffff, 0x80000000, 0xfffffffc,
				     0xfffffffd, 0xffffffff, 65536,	 401,	     0x10000001};
	struct xdr_out x;
	u32 i, at, v;

	(void)state;
	for (i = 0; i < CALLS; i++) {
		valid(&x, i);
		for (at = 0; at + 4 <= x.pos; at += 4) {
			u32 old = get_unaligned_be32(bed.call + at);

			for (v = 0; v < ARRAY_SIZE(absurd); v++) {
				put_unaligned_be32(absurd[v], bed.call + at);
				bed.from.door = v & 1 ? ANM_DOOR_TCP : ANM_DOOR_UDP;
				feed_any(bed.call, x.pos);
			}
			put_unaligned_be32(old, bed.call + at);
		}
	}
}

static void p6_noise(void **state)
{
	u8 noise[600];
	u32 round, i;

	(void)state;
	for (round = 0; round < 5000; round++) {
		for (i = 0; i < sizeof(noise); i++)
			noise[i] = (u8)bed_rand(bed_rand(2) ? 256 : 4);
		feed_any(noise, bed_rand(sizeof(noise)));
	}
}

/* The longest credentials before the longest arguments, not in one piece. */
static void longest_header(void **state)
{
	struct rpc_call c = {.prog = NFS_PROGRAM, .vers = 3, .proc = NFS3_RENAME, .flavor = 1};
	char name[NFS3_NAME_MAX + 1];
	struct xdr_out x;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[NFS3_NAME_MAX] = 0;
	c.name = name;
	c.name_len = RPC_AUTH_NAME_MAX;
	c.ngids = RPC_AUTH_GIDS_MAX;
	valid_call(&x, NFS3_NULL);
	xdr_out_init(&x, bed.call, BED_PAYLOAD);
	rpc_call_encode(&x, &c);
	bed_put_fh(&x, "v", 0);
	xdr_put_string(&x, name);
	bed_put_fh(&x, "v", 0);
	xdr_put_string(&x, name);
	bed.head_len = 40;
	assert_int_equal(bed_stat(&x), NFS3ERR_ROFS);
	c.proc = NFS3_WRITE;
	xdr_out_init(&x, bed.call, BED_PAYLOAD);
	rpc_call_encode(&x, &c);
	bed_put_fh(&x, "v", 1);
	xdr_put_u64(&x, 5);
	xdr_put_u32(&x, 20000);
	xdr_put_u32(&x, 2);
	xdr_put_opaque(&x, data, 20000);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	assert_int_equal(bed_get_write(), 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REQ_TEST(p7_requests_a_client),
		REQ_TEST(p7_pages_a_client),
		REQ_TEST(p7_pages_of_all_clients),
		REQ_TEST(p7_output_queue),
		REQ_TEST(every_allocation_fails_once),
		REQ_TEST(record_that_cannot_be_read),
		REQ_TEST(p6_every_truncation),
		REQ_TEST(p6_bit_flips),
		REQ_TEST(p6_absurd_words),
		REQ_TEST(p6_noise),
		REQ_TEST(longest_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
