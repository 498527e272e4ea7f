// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../proto/mount3.h"
#include "fuzz.h"

static const char *get(const u8 *buf, u32 len, u32 *n, bool *bad)
{
	struct xdr_in x;
	const char *p;

	xdr_in_init(&x, buf, len);
	p = mount3_get_path(&x, n);
	*bad = x.bad;
	return p;
}

static void paths(void **state)
{
	u8 buf[4 + MOUNT3_PATH_MAX + 4] = {0};
	const char *p;
	bool bad;
	u32 n;

	(void)state;
	memcpy(buf, "\0\0\0\5/swap", 9);
	p = get(buf, 12, &n, &bad);
	assert_int_equal(n, 5);
	assert_memory_equal(p, "/swap", 5);
	put_unaligned_be32(MOUNT3_PATH_MAX, buf);
	assert_non_null(get(buf, sizeof(buf), &n, &bad));
	put_unaligned_be32(MOUNT3_PATH_MAX + 1, buf);
	assert_null(get(buf, sizeof(buf), &n, &bad));
	assert_true(bad);
}

static void p6_every_truncation_of_a_path(void **state)
{
	u8 *cut;
	bool bad;
	u32 i, n;

	(void)state;
	for (i = 0; i < 12; i++) {
		cut = fuzz_exact("\0\0\0\5/swap\0\0\0", i);
		assert_null(get(cut, i, &n, &bad));
		assert_int_equal(n, 0);
		free(cut);
	}
}

static void mnt_results(void **state)
{
	static const u8 want[] = {0, 0, 0, 0, 0, 0, 0, 3, 7, 8, 9, 0, 0, 0, 0, 1, 0, 0, 0, 1};
	static const u8 fh[] = {7, 8, 9};
	const u32 flavor = 1;
	struct xdr_out x;
	u8 buf[64];

	(void)state;
	xdr_out_init(&x, buf, sizeof(buf));
	mount3_put_mnt_ok(&x, fh, 3, &flavor, 1);
	assert_int_equal(x.pos, sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
	xdr_out_init(&x, buf, sizeof(buf));
	mount3_put_mnt_fail(&x, MNT3ERR_NOTSUPP);
	assert_int_equal(x.pos, 4);
	assert_int_equal(get_unaligned_be32(buf), 10004);
}

static void export_list_bytes(void **state)
{
	static const u8 want[] = "\0\0\0\1\0\0\0\2/a\0\0\0\0\0\1\0\0\0\1h\0\0\0\0\0\0\0"
				 "\0\0\0\1\0\0\0\2/b\0\0\0\0\0\0"
				 "\0\0\0\0";
	const char *const groups[] = {"h"};
	struct xdr_out x;
	u8 buf[64];

	(void)state;
	xdr_out_init(&x, buf, sizeof(buf));
	assert_true(mount3_put_export(&x, "/a", groups, 1));
	assert_true(mount3_put_export(&x, "/b", NULL, 0));
	mount3_put_list_end(&x);
	assert_false(x.bad);
	assert_int_equal(x.pos, sizeof(want) - 1);
	assert_memory_equal(buf, want, x.pos);
}

/* Whatever the room, the list is whole entries and its end. */
static void p7_lists_stop_at_the_buffers_end(void **state)
{
	const char *const groups[] = {"host-a", "host-b"};
	struct xdr_out x;
	struct xdr_in in;
	u8 buf[128];
	u32 cap, n, i;

	(void)state;
	for (cap = 4; cap <= sizeof(buf); cap++) {
		memset(buf, 0xee, sizeof(buf));
		xdr_out_init(&x, buf, cap);
		for (i = 0; mount3_put_dump(&x, "10.0.0.1", "/swap"); i++)
			;
		assert_int_equal(i, (cap - 4) / 28);
		mount3_put_list_end(&x);
		assert_false(x.bad);
		assert_null(memchr_inv(buf + cap, 0xee, sizeof(buf) - cap));
		xdr_in_init(&in, buf, x.pos);
		for (; xdr_get_bool(&in); i--) {
			assert_non_null(xdr_get_opaque(&in, 255, &n));
			assert_non_null(xdr_get_opaque(&in, 255, &n));
		}
		assert_false(in.bad);
		assert_int_equal(i, 0);

		xdr_out_init(&x, buf, cap);
		for (i = 0; mount3_put_export(&x, "/swap", groups, 2); i++)
			;
		assert_int_equal(i, (cap - 4) / 52);
		mount3_put_list_end(&x);
		assert_false(x.bad);
	}
}

static void a_list_that_went_bad_takes_no_more(void **state)
{
	struct xdr_out x;
	u8 buf[64];

	(void)state;
	xdr_out_init(&x, buf, sizeof(buf));
	x.bad = true;
	assert_false(mount3_put_dump(&x, "h", "/p"));
	assert_false(mount3_put_export(&x, "/p", NULL, 0));
	assert_true(x.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(p6_every_truncation_of_a_path),
		cmocka_unit_test(mnt_results),
		cmocka_unit_test(export_list_bytes),
		cmocka_unit_test(p7_lists_stop_at_the_buffers_end),
		cmocka_unit_test(a_list_that_went_bad_takes_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
