// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../proto/rpc.h"
#include "fuzz.h"

static u32 gids16[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static struct rpc_call sample(u32 name_len, u32 ngids)
{
	static char name[400];
	struct rpc_call c = {.xid = 0x12345678,
			     .prog = 100003,
			     .vers = 3,
			     .proc = 7,
			     .flavor = RPC_AUTH_SYS,
			     .stamp = 9,
			     .uid = 1000,
			     .gid = 100,
			     .ngids = ngids,
			     .name = name,
			     .name_len = name_len};

	memset(name, 'n', sizeof(name));
	memcpy(c.gids, gids16, sizeof(c.gids));
	return c;
}

static u32 encode(const struct rpc_call *c, u8 *buf, u32 cap)
{
	struct xdr_out x;

	xdr_out_init(&x, buf, cap);
	rpc_call_encode(&x, c);
	assert_false(x.bad);
	return x.pos;
}

static int decode(const u8 *buf, u32 len, struct rpc_call *c)
{
	u8 *exact = fuzz_exact(buf, len);
	struct xdr_in x;
	int rc;

	xdr_in_init(&x, exact, len);
	rc = rpc_call_decode(&x, c);
	if (!rc && c->name_len)
		assert_memory_equal(c->name, buf + (c->name - (char *)exact), c->name_len);
	assert_true(x.pos <= x.len);
	free(exact);
	return rc;
}

static void calls_come_back(void **state)
{
	static const u32 shapes[][2] = {{0, 0}, {1, 1}, {11, 5}, {255, 16}};
	u8 buf[512];
	u32 i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct rpc_call c = sample(shapes[i][0], shapes[i][1]), d;

		n = encode(&c, buf, sizeof(buf));
		assert_int_equal(decode(buf, n, &d), 0);
		assert_int_equal(d.xid, c.xid);
		assert_int_equal(d.rpcvers, 2);
		assert_int_equal(d.prog, c.prog);
		assert_int_equal(d.vers, c.vers);
		assert_int_equal(d.proc, c.proc);
		assert_int_equal(d.flavor, RPC_AUTH_SYS);
		assert_int_equal(d.uid, 1000);
		assert_int_equal(d.gid, 100);
		assert_int_equal(d.ngids, shapes[i][1]);
		assert_memory_equal(d.gids, gids16, 4 * d.ngids);
		assert_int_equal(d.name_len, shapes[i][0]);
	}
}

static void auth_none_call_is_forty_bytes(void **state)
{
	static const u8 call[RPC_CALL_HEAD_MIN] = {
		0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0x86, 0xa3, 0, 0, 0, 3,
	};
	struct rpc_call c;

	(void)state;
	assert_int_equal(decode(call, sizeof(call), &c), 0);
	assert_int_equal(c.prog, 100003);
	assert_int_equal(c.flavor, RPC_AUTH_NONE);
	assert_int_equal(c.proc, 0);
}

static void p6_every_truncation_of_a_call(void **state)
{
	struct rpc_call c = sample(11, 5), d;
	u8 buf[512];
	u32 n, len = encode(&c, buf, sizeof(buf));

	(void)state;
	for (n = 0; n < len; n++)
		assert_int_equal(decode(buf, n, &d), n < 8 ? -EPROTO : -EINVAL);
}

static void p6_what_is_no_call_is_never_answered(void **state)
{
	struct rpc_call c = sample(3, 0), d;
	u8 buf[512];
	u32 len = encode(&c, buf, sizeof(buf));

	(void)state;
	buf[7] = RPC_REPLY;
	assert_int_equal(decode(buf, len, &d), -EPROTO);
	buf[7] = 2;
	assert_int_equal(decode(buf, len, &d), -EPROTO);
	buf[7] = RPC_CALL;
	buf[11] = 3;
	assert_int_equal(decode(buf, len, &d), -EPROTONOSUPPORT);
	assert_int_equal(d.xid, c.xid);
}

static void p6_credentials_have_limits(void **state)
{
	struct rpc_call c, d;
	u8 buf[1024];
	u32 n;

	(void)state;
	c = sample(256, 0);
	n = encode(&c, buf, sizeof(buf));
	assert_int_equal(decode(buf, n, &d), -EACCES);
	assert_int_equal(d.auth_stat, RPC_AUTH_BADCRED);
	assert_int_equal(d.uid, 0);

	c = sample(4, 16);
	n = encode(&c, buf, sizeof(buf));
	put_unaligned_be32(17, buf + 32 + 4 + 4 + 4 + 8); /* the count of gids */
	assert_int_equal(decode(buf, n, &d), -EACCES);
	put_unaligned_be32(15, buf + 32 + 4 + 4 + 4 + 8); /* one left over */
	assert_int_equal(decode(buf, n, &d), -EACCES);
	put_unaligned_be32(0xffffffff, buf + 32 + 4 + 4 + 4 + 8);
	assert_int_equal(decode(buf, n, &d), -EACCES);
	assert_int_equal(d.ngids, 0);

	c = sample(0, 0);
	n = encode(&c, buf, sizeof(buf));
	put_unaligned_be32(RPC_AUTH_BODY_MAX + 1, buf + 28);
	assert_int_equal(decode(buf, sizeof(buf), &d), -EINVAL);
	put_unaligned_be32(20, buf + 28);
	put_unaligned_be32(RPC_AUTH_GSS, buf + 24);
	assert_int_equal(decode(buf, n, &d), -EACCES);
	assert_int_equal(d.proc, 7);
	put_unaligned_be32(RPC_AUTH_NONE, buf + 24); /* AUTH_NONE with a body */
	assert_int_equal(decode(buf, n, &d), -EACCES);
	put_unaligned_be32(RPC_AUTH_SYS, buf + 24);
	put_unaligned_be32(1, buf + n - 8); /* a verifier that is not AUTH_NONE */
	assert_int_equal(decode(buf, n, &d), -EACCES);
	assert_int_equal(d.auth_stat, RPC_AUTH_BADVERF);
}

static void replies(void **state)
{
	u8 buf[64];
	struct xdr_out x;
	struct xdr_in in;
	struct rpc_reply r;
	u32 i;

	(void)state;
	for (i = RPC_SUCCESS; i <= RPC_SYSTEM_ERR; i++) {
		xdr_out_init(&x, buf, sizeof(buf));
		if (i == RPC_PROG_MISMATCH)
			rpc_put_prog_mismatch(&x, 77, 3, 4);
		else
			rpc_put_accepted(&x, 77, i);
		assert_int_equal(x.pos,
				 i == RPC_PROG_MISMATCH ? RPC_REPLY_HEAD_MAX : RPC_ACCEPTED_LEN);
		xdr_in_init(&in, buf, x.pos);
		assert_int_equal(rpc_reply_decode(&in, &r), 0);
		assert_int_equal(xdr_in_left(&in), 0);
		assert_int_equal(r.xid, 77);
		assert_int_equal(r.stat, RPC_MSG_ACCEPTED);
		assert_int_equal(r.detail, i);
		assert_int_equal(r.high, i == RPC_PROG_MISMATCH ? 4 : 0);
	}
	xdr_out_init(&x, buf, sizeof(buf));
	rpc_put_mismatch(&x, 78);
	assert_memory_equal(buf, "\0\0\0\116\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\2", 24);
	xdr_in_init(&in, buf, x.pos);
	assert_int_equal(rpc_reply_decode(&in, &r), 0);
	assert_int_equal(r.stat, RPC_MSG_DENIED);
	xdr_out_init(&x, buf, sizeof(buf));
	rpc_put_auth_error(&x, 78, RPC_AUTH_TOOWEAK);
	assert_memory_equal(buf, "\0\0\0\116\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\5", 20);
	for (i = 0; i < x.pos; i++) {
		xdr_in_init(&in, buf, i);
		assert_int_equal(rpc_reply_decode(&in, &r), -EPROTO);
	}
}

static void p6_replies_that_make_no_sense(void **state)
{
	/* type, stat, then verifier and accept_stat or reject_stat and auth_stat */
	static const u32 t[][5] = {
		{RPC_CALL, RPC_MSG_ACCEPTED, 0, 0, RPC_SUCCESS},
		{RPC_REPLY, 2, 0, 0, 0},
		{RPC_REPLY, RPC_MSG_ACCEPTED, 0, 0, RPC_SYSTEM_ERR + 1},
		{RPC_REPLY, RPC_MSG_ACCEPTED, 0, RPC_AUTH_BODY_MAX + 1, 0},
		{RPC_REPLY, RPC_MSG_DENIED, 2, 0, 0},
	};
	u8 buf[1024] = {0};
	struct rpc_reply r;
	struct xdr_in in;
	u32 i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		for (j = 0; j < 5; j++)
			put_unaligned_be32(t[i][j], buf + 4 + 4 * j);
		xdr_in_init(&in, buf, sizeof(buf));
		assert_int_equal(rpc_reply_decode(&in, &r), -EPROTO);
	}
}

static void p6_spoiled_calls_end(void **state)
{
	struct rpc_call c = sample(11, 5), d;
	u8 good[512], buf[512];
	u32 i, len = encode(&c, good, sizeof(good));
	u64 seed = 42;

	(void)state;
	for (i = 0; i < 200000; i++) {
		memcpy(buf, good, len);
		fuzz_mutate(&seed, buf, len);
		decode(buf, fuzz_below(&seed, 8) ? len : fuzz_below(&seed, len + 1), &d);
		assert_true(d.ngids <= RPC_AUTH_GIDS_MAX && d.name_len <= RPC_AUTH_NAME_MAX);
	}
}

/* ---- record marking ---- */

/* Three records: 3 bytes in one fragment; 2 + 1 bytes; 2 bytes and an empty last fragment. */
static const u8 stream[] = {0x80, 0, 0, 3,   'a', 'b', 'c', 0, 0,   0,	 2,    'd', 'e', 0x80,
			    0,	  0, 1, 'f', 0,	  0,   0,   2, 'g', 'h', 0x80, 0,   0,	 0};

/* What the stream says, with '.' at each record's end. */
static void reassemble(struct rpc_rm *rm, const u8 *p, u32 n, char *out)
{
	struct rpc_rm_step s;
	u8 *exact = fuzz_exact(p, n), *q = exact;

	out += strlen(out);
	while (n) {
		assert_int_equal(rpc_rm_step(rm, q, n, &s), 0);
		assert_true(s.used >= 1 && s.used <= n && s.off + s.len == s.used);
		memcpy(out, q + s.off, s.len);
		out += s.len;
		if (s.done)
			*out++ = '.';
		*out = '\0';
		q += s.used;
		n -= s.used;
	}
	free(exact);
}

/* Cuts anywhere: bit i of @cuts cuts behind byte at[i]. */
static void check_cuts(u32 cuts, const u8 *at, u32 nat)
{
	struct rpc_rm rm;
	char out[64] = "";
	u32 i, from = 0;

	rpc_rm_init(&rm, 3);
	for (i = 0; i < nat; i++) {
		if (!(cuts & BIT(i)))
			continue;
		reassemble(&rm, stream + from, at[i] - from, out);
		from = at[i];
	}
	reassemble(&rm, stream + from, (u32)sizeof(stream) - from, out);
	assert_string_equal(out, "abc.def.gh.");
	assert_int_equal(rpc_rm_known(&rm), 0);
}

static void p6_record_marks_over_all_segmentations(void **state)
{
	u8 at[14];
	u32 cuts, i, shift;

	(void)state;
	/* Overlapping windows of cut places: all neighbourhoods of the 29 bytes. */
	for (shift = 1; shift + ARRAY_SIZE(at) <= sizeof(stream); shift += 7) {
		for (i = 0; i < ARRAY_SIZE(at); i++)
			at[i] = (u8)(shift + i);
		for (cuts = 0; cuts < BIT(ARRAY_SIZE(at)); cuts++)
			check_cuts(cuts, at, ARRAY_SIZE(at));
	}
}

static void record_marks_byte_by_byte(void **state)
{
	u8 at[sizeof(stream) - 1];
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(at); i++)
		at[i] = (u8)(i + 1);
	check_cuts(BIT(ARRAY_SIZE(at)) - 1, at, ARRAY_SIZE(at));
}

static int feed(u32 max, const char *bytes, u32 n)
{
	struct rpc_rm rm;
	struct rpc_rm_step s;
	u32 at = 0;
	int rc = 0;

	rpc_rm_init(&rm, max);
	while (at < n && !rc) {
		rc = rpc_rm_step(&rm, (const u8 *)bytes + at, n - at, &s);
		at += s.used;
	}
	if (rc)
		assert_int_equal(rpc_rm_step(&rm, (const u8 *)bytes, n, &s), rc);
	return rc;
}

static void p6_record_marks_have_limits(void **state)
{
	(void)state;
	assert_int_equal(feed(10, "\x80\0\0\12", 4), 0);
	assert_int_equal(feed(10, "\x80\0\0\13", 4), -EMSGSIZE);
	assert_int_equal(feed(10, "\xff\xff\xff\xff", 4), -EMSGSIZE);
	assert_int_equal(feed(10, "\x7f\xff\xff\xff", 4), -EMSGSIZE);
	assert_int_equal(feed(5, "\0\0\0\3abc\0\0\0\3", 11), -EMSGSIZE);
	assert_int_equal(feed(5, "\0\0\0\3abc\0\0\0\2", 11), 0);
	assert_int_equal(feed(5, "\0\0\0\0", 4), -EPROTO);
	assert_int_equal(feed(5, "\x80\0\0\0", 4), -EPROTO);
	assert_int_equal(feed(5, "\0\0\0\3abc\0\0\0\0", 11), -EPROTO);
	assert_int_equal(feed(0, "\x80\0\0\1", 4), -EMSGSIZE);
}

static void known_length_is_told_by_the_mark(void **state)
{
	struct rpc_rm rm;
	struct rpc_rm_step s;
	u8 mark[RPC_MARK_LEN];

	(void)state;
	rpc_mark_encode(mark, 4096);
	rpc_rm_init(&rm, 8192);
	assert_int_equal(rpc_rm_step(&rm, mark, 4, &s), 0);
	assert_int_equal(s.len, 0);
	assert_false(s.done);
	assert_int_equal(rpc_rm_known(&rm), 4096);
	assert_true(rm.last);
}

static void p6_random_streams_end(void **state)
{
	u64 seed = 7;
	u8 buf[64];
	u32 i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		fuzz_fill(&seed, buf, sizeof(buf));
		buf[0] &= 0x80;
		buf[1] = 0;
		buf[2] = 0;
		buf[3] &= 15;
		feed(32, (char *)buf, sizeof(buf));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_come_back),
		cmocka_unit_test(auth_none_call_is_forty_bytes),
		cmocka_unit_test(p6_every_truncation_of_a_call),
		cmocka_unit_test(p6_what_is_no_call_is_never_answered),
		cmocka_unit_test(p6_credentials_have_limits),
		cmocka_unit_test(replies),
		cmocka_unit_test(p6_replies_that_make_no_sense),
		cmocka_unit_test(p6_spoiled_calls_end),
		cmocka_unit_test(p6_record_marks_over_all_segmentations),
		cmocka_unit_test(record_marks_byte_by_byte),
		cmocka_unit_test(p6_record_marks_have_limits),
		cmocka_unit_test(known_length_is_told_by_the_mark),
		cmocka_unit_test(p6_random_streams_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
