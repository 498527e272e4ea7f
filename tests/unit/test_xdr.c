// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../proto/xdr.h"
#include "fuzz.h"

/* One of everything; 4 + 8 + 4 + 4 + 8 + 8 + 4 + 8 bytes. */
static u32 put_sample(u8 *buf, u32 cap, bool *bad)
{
	struct xdr_out x;

	xdr_out_init(&x, buf, cap);
	xdr_put_u32(&x, 0x01020304);
	xdr_put_u64(&x, 0x05060708090a0b0cull);
	xdr_put_bool(&x, true);
	xdr_put_fixed(&x, "abc", 3);
	xdr_put_opaque(&x, "defg", 4);
	xdr_put_string(&x, "h");
	xdr_put_opaque(&x, "", 0);
	xdr_put_string(&x, "ij");
	*bad = x.bad;
	return x.pos;
}
#define SAMPLE_LEN 48

static bool get_sample(const u8 *buf, u32 len)
{
	struct xdr_in x;
	char s[8];
	u8 f[3];
	u32 n;

	xdr_in_init(&x, buf, len);
	if (xdr_get_u32(&x) != 0x01020304 || xdr_get_u64(&x) != 0x05060708090a0b0cull ||
	    !xdr_get_bool(&x))
		return false;
	xdr_get_fixed(&x, f, 3);
	if (memcmp(f, "abc", 3))
		return false;
	if (!xdr_get_opaque(&x, 100, &n) || n != 4)
		return false;
	if (xdr_get_string(&x, s, sizeof(s)) != 1 || strcmp(s, "h"))
		return false;
	if (!xdr_get_opaque(&x, 100, &n) || n)
		return false;
	return xdr_get_string(&x, s, sizeof(s)) == 2 && !x.bad && !xdr_in_left(&x);
}

static void round_trip_and_bytes(void **state)
{
	static const u8 want[SAMPLE_LEN] = "\1\2\3\4\5\6\7\10\11\12\13\14\0\0\0\1abc\0\0\0\0\4defg"
					   "\0\0\0\1h\0\0\0\0\0\0\0\0\0\0\2ij\0";
	u8 buf[SAMPLE_LEN];
	bool bad;

	(void)state;
	assert_int_equal(put_sample(buf, sizeof(buf), &bad), SAMPLE_LEN);
	assert_false(bad);
	assert_memory_equal(buf, want, SAMPLE_LEN);
	assert_true(get_sample(buf, SAMPLE_LEN));
}

static void p6_every_truncation_is_noticed(void **state)
{
	u8 buf[SAMPLE_LEN], *cut;
	bool bad;
	u32 n;

	(void)state;
	put_sample(buf, sizeof(buf), &bad);
	for (n = 0; n < SAMPLE_LEN; n++) {
		cut = fuzz_exact(buf, n);
		assert_false(get_sample(cut, n));
		free(cut);
	}
}

static void p6_no_write_past_the_end(void **state)
{
	u8 buf[SAMPLE_LEN + 8];
	bool bad;
	u32 cap;

	(void)state;
	for (cap = 0; cap < SAMPLE_LEN; cap++) {
		memset(buf, 0xee, sizeof(buf));
		assert_true(put_sample(buf, cap, &bad) <= cap);
		assert_true(bad);
		assert_null(memchr_inv(buf + cap, 0xee, sizeof(buf) - cap));
	}
}

static void p6_absurd_lengths(void **state)
{
	static const u32 lens[] = {5,	       6,	   7,	       8,
				   9,	       0x7fffffff, 0x80000000, 0xfffffffb,
				   0xfffffffc, 0xfffffffd, 0xfffffffe, 0xffffffff};
	u8 buf[8] = {0}, *p;
	struct xdr_in x;
	char s[16];
	u32 i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		put_unaligned_be32(lens[i], buf);
		p = fuzz_exact(buf, sizeof(buf));
		xdr_in_init(&x, p, sizeof(buf));
		assert_null(xdr_get_opaque(&x, U32_MAX, &n));
		assert_int_equal(n, 0);
		assert_true(x.bad);
		xdr_in_init(&x, p, sizeof(buf));
		assert_int_equal(xdr_get_string(&x, s, sizeof(s)), 0);
		assert_true(x.bad);
		xdr_in_init(&x, p, sizeof(buf));
		assert_null(xdr_take(&x, lens[i] | 16));
		free(p);
	}
}

static void limits_and_strings(void **state)
{
	u8 buf[12] = {0, 0, 0, 5, 'a', 'b', 'c', 'd', 'e'};
	struct xdr_in x;
	char s[6];
	u32 n;

	(void)state;
	xdr_in_init(&x, buf, sizeof(buf));
	assert_non_null(xdr_get_opaque(&x, 5, &n));
	xdr_in_init(&x, buf, sizeof(buf));
	assert_null(xdr_get_opaque(&x, 4, &n));
	xdr_in_init(&x, buf, sizeof(buf));
	assert_int_equal(xdr_get_string(&x, s, 6), 5);
	assert_string_equal(s, "abcde");
	xdr_in_init(&x, buf, sizeof(buf));
	assert_int_equal(xdr_get_string(&x, s, 5), 0);
	assert_string_equal(s, "");
	assert_true(x.bad);
	buf[6] = 0;
	xdr_in_init(&x, buf, sizeof(buf));
	assert_int_equal(xdr_get_string(&x, s, 6), 0);
	assert_true(x.bad);
}

static void errors_stick(void **state)
{
	u8 buf[16] = {0, 0, 0, 2};
	struct xdr_out o;
	struct xdr_in x;

	(void)state;
	xdr_in_init(&x, buf, sizeof(buf));
	assert_false(xdr_get_bool(&x)); /* 2 is no boolean */
	assert_true(x.bad);
	assert_int_equal(xdr_get_u32(&x), 0);
	assert_true(xdr_get_u64(&x) == 0);
	assert_null(xdr_take(&x, 0));

	xdr_out_init(&o, buf, 6);
	xdr_put_u64(&o, 1);
	assert_true(o.bad);
	xdr_put_u32(&o, 1);
	assert_int_equal(o.pos, 0);
	xdr_patch_u32(&o, 0, 1);
	assert_null(xdr_reserve(&o, 1));
}

static void patching(void **state)
{
	u8 buf[8];
	struct xdr_out o;

	(void)state;
	xdr_out_init(&o, buf, 8);
	xdr_put_u64(&o, 0);
	xdr_patch_u32(&o, 4, 9);
	assert_int_equal(buf[7], 9);
	assert_false(o.bad);
	/* only what has been written */
	anm_warn_fatal = false;
	xdr_patch_u32(&o, 5, 7);
	xdr_patch_u32(&o, 9, 7);
	xdr_patch_u32(&o, 0xffffffff, 7);
	anm_warn_fatal = true;
	assert_int_equal(buf[7], 9);
}

static void exactly_full(void **state)
{
	u8 buf[4], back[4];
	struct xdr_out o;
	struct xdr_in x;
	char c;

	(void)state;
	xdr_out_init(&o, buf, 4);
	xdr_put_fixed(&o, "wxyz", 4);
	assert_false(o.bad);
	xdr_in_init(&x, buf, 4);
	xdr_get_fixed(&x, back, 4);
	assert_false(x.bad);
	assert_memory_equal(back, "wxyz", 4);
	xdr_in_init(&x, buf, 4);
	assert_int_equal(xdr_get_string(&x, &c, 0), 0);
	assert_true(x.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip_and_bytes),
		cmocka_unit_test(p6_every_truncation_is_noticed),
		cmocka_unit_test(p6_no_write_past_the_end),
		cmocka_unit_test(p6_absurd_lengths),
		cmocka_unit_test(limits_and_strings),
		cmocka_unit_test(errors_stick),
		cmocka_unit_test(patching),
		cmocka_unit_test(exactly_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
