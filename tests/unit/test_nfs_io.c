// SPDX-License-Identifier: GPL-2.0-only
/* READ and WRITE of all sizes and alignments against a model; limits, errors, ends. */
#include "nfs_bed.h"

#define MODEL_PAGES 600
#define MODEL_SIZE  (MODEL_PAGES * ANM_PAGE_SIZE + 0u)

static u8 model[MODEL_SIZE];
static u8 data[2u << 20];

static void model_start(void)
{
	struct eng_err err;

	assert_int_equal(bed_vai("v", MODEL_SIZE, &err), 0);
	memset(model, 0, sizeof(model));
	eng_swap_header(&bed_export("v")->vai, model);
}

static void fill(u8 *p, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		p[i] = (u8)bed_rand(256);
}

static u32 door_max(void)
{
	return bed.from.door == ANM_DOOR_UDP ? ENG_UDP_IO_MAX : ENG_TCP_IO_MAX;
}

/* Offsets and counts as people and kernels choose them, and as nobody does. */
static u64 some_offset(void)
{
	u64 off = bed_rand(MODEL_SIZE);

	return bed_rand(3) ? off : off & ~(u64)ANM_PAGE_MASK;
}

static u32 some_count(void)
{
	static const u32 usual[] = {0,	  1,	 3,	511,   4095,  4096,  4097,
				    8192, 12288, 32767, 32768, 65536, 131072};

	if (bed_rand(2))
		return usual[bed_rand(ARRAY_SIZE(usual))];
	return bed_rand(bed_rand(10) ? 20000 : 1200000);
}

static void check_read(u64 off, u32 n)
{
	u32 want = off >= MODEL_SIZE ? 0 : min3(n, door_max(), (u32)(MODEL_SIZE - off));
	struct xdr_out x;
	const u8 *p;
	bool eof;
	u32 got;

	bed_call_read(&x, "v", off, n);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	got = bed_get_read(&p, &eof);
	assert_int_equal(got, want);
	assert_int_equal(eof, off >= MODEL_SIZE || (n && off + want == MODEL_SIZE));
	if (got)
		assert_memory_equal(p, model + off, got);
}

static void check_write(u64 off, u32 n)
{
	struct xdr_out x;
	u32 got;

	fill(data, min(n, 64u));
	memset(data + min(n, 64u), (int)bed_rand(256), n - min(n, 64u));
	bed_call_write(&x, bed.xid++, "v", off, data, n);
	if (off + n > MODEL_SIZE) {
		assert_int_equal(bed_stat(&x), NFS3ERR_FBIG);
		return;
	}
	assert_int_equal(bed_stat(&x), NFS3_OK);
	got = bed_get_write();
	assert_int_equal(got, min(n, door_max()));
	memcpy(model + off, data, got);
}

static void model_run(enum anm_door door, u32 rounds)
{
	model_start();
	bed.from.door = door;
	while (rounds--) {
		if (bed_rand(2))
			check_read(some_offset(), some_count());
		else
			check_write(some_offset(), some_count());
	}
	bed.from.door = ANM_DOOR_TCP;
	check_read(0, ENG_TCP_IO_MAX);
	check_read(ENG_TCP_IO_MAX, ENG_TCP_IO_MAX);
}

static void p1_model_udp(void **state)
{
	(void)state;
	model_run(ANM_DOOR_UDP, 1500);
}

static void p1_model_tcp(void **state)
{
	(void)state;
	model_run(ANM_DOOR_TCP, 600);
}

/* Every alignment of the first and last byte in a page, for a few lengths. */
static void p1_every_alignment(void **state)
{
	u32 off;

	(void)state;
	model_start();
	for (off = 0; off < 2 * ANM_PAGE_SIZE; off += 61) {
		check_write(ANM_PAGE_SIZE + off, 5000);
		check_write(ANM_PAGE_SIZE + off, 1);
		check_read(off, 9000 + off % 7);
	}
	check_read(0, 32768);
}

/* Operations complete in any order; several requests at once; each READ is of its time. */
static void p1_out_of_order_completion(void **state)
{
	struct xdr_out x;
	const u8 *p;
	bool eof;
	u32 i, round;

	(void)state;
	model_start();
	bed.from.door = ANM_DOOR_TCP;
	for (round = 0; round < 60; round++) {
		u64 off = bed_rand(MODEL_SIZE - 200000);
		u32 n = 1 + bed_rand(150000);
		u32 replies = 0;

		bed.defer = true;
		fill(data, 64);
		memset(data + 64, (int)round, n);
		bed_call_write(&x, bed.xid++, "v", off, data, n);
		assert_int_equal(bed_send(&x), 0);
		memcpy(model + off, data, n);
		/* Started after the WRITE, so it must see it although nothing is done yet. */
		bed_call_read(&x, "v", off, n);
		assert_int_equal(bed_send(&x), 0);
		assert_int_equal(bed.e->outq_len, 0);
		assert_int_equal(bed_export("v")->reqs, 2);
		while (bed_run())
			;
		bed.defer = false;
		for (i = 0; i < 2; i++) {
			assert_true(bed_take());
			replies++;
			assert_int_equal(xdr_get_u32(&bed.res), NFS3_OK);
			if (bed.rpc.xid == bed.xid - 2) {
				assert_int_equal(bed_get_write(), n);
			} else {
				assert_int_equal(bed_get_read(&p, &eof), n);
				assert_memory_equal(p, model + off, n);
			}
		}
		assert_int_equal(replies, 2);
		check_read(off, n);
	}
}

static void read_and_write_at_the_end(void **state)
{
	struct xdr_out x;
	const u8 *p;
	bool eof;

	(void)state;
	model_start();
	check_read(MODEL_SIZE - 1, 1);
	check_read(MODEL_SIZE - 1, 4096);
	check_read(MODEL_SIZE, 1);
	check_read(MODEL_SIZE - 4096, 8192);
	bed_call_read(&x, "v", ~0ull, 4096);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	assert_int_equal(bed_get_read(&p, &eof), 0);
	assert_true(eof);
	bed_call_read(&x, "v", ~0ull, ~0u);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	bed_call_write(&x, bed.xid++, "v", ~0ull - 100, data, 200);
	assert_int_equal(bed_stat(&x), NFS3ERR_FBIG);
	bed_call_write(&x, bed.xid++, "v", MODEL_SIZE, data, 1);
	assert_int_equal(bed_stat(&x), NFS3ERR_FBIG);
	bed_call_write(&x, bed.xid++, "v", MODEL_SIZE, data, 0);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	assert_int_equal(bed_get_write(), 0);
	assert_int_equal(bed.stores, 0);
}

/* The length of the data is not the count: no guess is made. */
static void write_count_disagrees(void **state)
{
	struct xdr_out x;

	(void)state;
	model_start();
	bed_call(&x, NFS3_WRITE);
	bed_put_fh(&x, "v", 1);
	xdr_put_u64(&x, 0);
	xdr_put_u32(&x, 4096);
	xdr_put_u32(&x, NFS3_FILE_SYNC);
	xdr_put_opaque(&x, data, 4000);
	assert_int_equal(bed_send(&x), 0);
	assert_int_equal(bed.rpc.detail, RPC_GARBAGE_ARGS);
	assert_int_equal(bed.e->stats.rpc_garbage, 1);
	assert_int_equal(bed.starts, 0);
}

static u32 stat_with_fail(bool write, int err)
{
	struct xdr_out x;

	bed.fail = err;
	bed.fail_page = 2;
	memset(data, 0x5a, 5 * ANM_PAGE_SIZE);
	if (write)
		bed_call_write(&x, bed.xid++, "v", 100, data, 5 * ANM_PAGE_SIZE);
	else
		bed_call_read(&x, "v", 100, 5 * ANM_PAGE_SIZE);
	return bed_stat(&x);
}

/* One page of several is lost: the whole request says so, never part of the truth. */
static void p8_lost_page_is_an_error(void **state)
{
	struct eng_vai_info info;

	(void)state;
	model_start();
	assert_int_equal(stat_with_fail(false, -EIO), NFS3ERR_IO);
	assert_false(xdr_get_bool(&bed.res));
	assert_int_equal(xdr_in_left(&bed.res), 0);
	assert_int_equal(stat_with_fail(true, -EIO), NFS3ERR_IO);
	assert_int_equal(stat_with_fail(true, -ENOSPC), NFS3ERR_NOSPC);
	assert_false(xdr_get_bool(&bed.res));
	assert_false(xdr_get_bool(&bed.res));
	assert_int_equal(xdr_in_left(&bed.res), 0);
	assert_int_equal(stat_with_fail(true, -ENOMEM), NFS3ERR_JUKEBOX);
	assert_int_equal(stat_with_fail(true, -EAGAIN), NFS3ERR_JUKEBOX);
	assert_int_equal(bed.e->stats.nfs_errors, 5);
	bed_info("v", &info);
	assert_int_equal(info.errors, 5);
	assert_int_equal(info.outstanding, 0);
}

/* No page of before is seen after: READ and WRITE wait until all are gone. */
static void p1_put_off_while_contents_go(void **state)
{
	struct eng_export *x;

	(void)state;
	model_start();
	assert_int_equal(stat_with_fail(true, 0), NFS3_OK);
	x = bed_export("v");
	x->vai.emptying = true;
	assert_int_equal(stat_with_fail(true, 0), NFS3ERR_JUKEBOX);
	assert_int_equal(stat_with_fail(false, 0), NFS3ERR_JUKEBOX);
	x->vai.emptying = false;
	assert_int_equal(stat_with_fail(false, 0), NFS3_OK);
}

/* Answers carry pages, they do not copy them. */
static void read_answer_references_pages(void **state)
{
	struct anm_out *out;
	struct xdr_out x;

	(void)state;
	model_start();
	bed.from.door = ANM_DOOR_TCP;
	check_write(2 * ANM_PAGE_SIZE, 2 * ANM_PAGE_SIZE);
	bed_call_read(&x, "v", 2 * ANM_PAGE_SIZE, 3 * ANM_PAGE_SIZE - 1);
	assert_int_equal(bed_feed(bed.call, x.pos), 0);
	out = eng_out_next(bed.e);
	assert_non_null(out);
	assert_int_equal(out->nfrags, 4);
	assert_ptr_equal(out->frags[0].page, bed.pages[0][2]);
	assert_ptr_equal(out->frags[1].page, bed.pages[0][3]);
	assert_ptr_equal(out->frags[2].page, bed.e->zero_page);
	assert_ptr_equal(out->frags[3].page, bed.e->zero_page);
	assert_int_equal(out->frags[3].len, 1);
	anm_out_free(out);
}

static void counters_and_latency(void **state)
{
	struct eng_vai_info info;
	struct xdr_out x;

	(void)state;
	model_start();
	check_write(8192, 4096);
	check_read(8192, 4096);
	check_read(12288, 8192);
	bed_info("v", &info);
	assert_int_equal(info.reads, 2);
	assert_int_equal(info.writes, 1);
	assert_int_equal(info.read_bytes, 12288);
	assert_int_equal(info.written_bytes, 4096);
	assert_int_equal(info.zero_reads, 2);
	assert_int_equal(info.stored_pages, 1);
	assert_true(info.mounted);
	bed.defer = true;
	bed_call_read(&x, "v", 0, 4096);
	assert_int_equal(bed_send(&x), 0);
	bed_info("v", &info);
	assert_int_equal(info.outstanding, 1);
	bed.e->now += 8000;
	assert_true(bed_run());
	bed_info("v", &info);
	assert_int_equal(info.read_ns_ema, 8000);
	assert_int_equal(info.outstanding, 0);
	bed_drop_all();
	bed_call_read(&x, "v", 0, 4096);
	assert_int_equal(bed_send(&x), 0);
	bed.e->now += 16000;
	assert_true(bed_run());
	bed_info("v", &info);
	assert_int_equal(info.read_ns_ema, 9000);
	assert_int_equal(bed.e->stats.nfs_reads, 4);
	assert_int_equal(bed.e->stats.nfs_writes, 1);
}

/* What a WRITE leaves in the attributes: mtime and ctime move, always forward. */
static void write_moves_times(void **state)
{
	struct nfs3_fattr a, b;
	struct xdr_out x;
	u32 i;

	(void)state;
	model_start();
	memset(&a, 0, sizeof(a));
	for (i = 0; i < 3; i++) {
		bed_call_write(&x, bed.xid++, "v", 0, data, 100);
		assert_int_equal(bed_stat(&x), NFS3_OK);
		assert_true(xdr_get_bool(&bed.res));
		assert_true(xdr_get_u64(&bed.res) == MODEL_SIZE);
		if (i) {
			assert_int_equal(xdr_get_u32(&bed.res), a.mtime.sec);
			assert_int_equal(xdr_get_u32(&bed.res), a.mtime.nsec);
			assert_int_equal(xdr_get_u32(&bed.res), a.ctime.sec);
			assert_int_equal(xdr_get_u32(&bed.res), a.ctime.nsec);
		} else {
			xdr_take(&bed.res, 16);
		}
		assert_true(bed_get_post_op(&bed.res, &b));
		assert_true(b.ctime.sec > a.ctime.sec || b.ctime.nsec > a.ctime.nsec);
		assert_true(b.used >= b.size && b.size == MODEL_SIZE);
		a = b;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(p1_model_udp),
		BED_TEST(p1_model_tcp),
		BED_TEST(p1_every_alignment),
		BED_TEST(p1_out_of_order_completion),
		BED_TEST(read_and_write_at_the_end),
		BED_TEST(write_count_disagrees),
		BED_TEST(p8_lost_page_is_an_error),
		BED_TEST(p1_put_off_while_contents_go),
		BED_TEST(read_answer_references_pages),
		BED_TEST(counters_and_latency),
		BED_TEST(write_moves_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
