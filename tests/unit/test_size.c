// SPDX-License-Identifier: GPL-2.0-only
/* What people write on command lines: sizes and endpoints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../proto/endpoint_user.h"
#include "../../proto/size_user.h"

static void sizes_are_read(void **state)
{
	static const struct {
		const char *text;
		unsigned long long bytes;
	} good[] = {
		{"0", 0},
		{"4096", 4096},
		{"100B", 100},
		{"1k", 1024},
		{"4K", 4096},
		{"512M", 512ull << 20},
		{"4G", 4ull << 30},
		{"1GiB", 1ull << 30},
		{"1gb", 1ull << 30},
		{"1.5G", 3ull << 29},
		{"0.125T", 1ull << 37},
		{"16P", 16ull << 50},
		{"18446744073709551615", ~0ull},
	};
	unsigned long long bytes;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(parse_size(good[i].text, &bytes), 0);
		assert_true(bytes == good[i].bytes);
	}
}

static void p6_bad_sizes_are_refused(void **state)
{
	static const char *const bad[] = {
		"",	 "G",
		"-1",	 "+1",
		"1 G",	 " 1",
		"1G ",	 "1.G",
		".5G",	 "1.5",
		"1.5B",	 "1,5G",
		"0x10",	 "1GG",
		"1Gi",	 "1GiBx",
		"1Q",	 "1e9",
		"1..5G", "1.5.5G",
		"nan",	 "4294967296.00001M",
	};
	static const char *const large[] = {
		"18446744073709551616",
		"99999999999999999999999",
		"16384P",
		"17179869184G",
	};
	unsigned long long bytes = 77;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (parse_size(bad[i], &bytes) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	}
	for (i = 0; i < ARRAY_SIZE(large); i++) {
		if (parse_size(large[i], &bytes) != -ERANGE)
			fail_msg("\"%s\" was taken", large[i]);
	}
	assert_true(bytes == 77);
}

static void sizes_are_pages(void **state)
{
	unsigned int pages = 77;

	assert_int_equal(parse_pages("12289", 100, &pages), -EINVAL);
	assert_int_equal(parse_pages("4097", 1, &pages), -EINVAL);
	assert_int_equal(parse_pages("8M", 2047, &pages), -ERANGE);
	assert_int_equal(parse_pages("many", 2047, &pages), -EINVAL);
	assert_int_equal(pages, 77);
	assert_int_equal(parse_pages("8M", 2048, &pages), 0);
	assert_int_equal(pages, 2048);
	assert_int_equal(parse_pages("0", 0, &pages), 0);
	assert_int_equal(pages, 0);
}

static void sizes_are_written(void **state)
{
	char buf[SIZE_TEXT_MAX];

	assert_string_equal(format_size(0, buf, sizeof(buf)), "0 B");
	assert_string_equal(format_size(1023, buf, sizeof(buf)), "1023 B");
	assert_string_equal(format_size(1024, buf, sizeof(buf)), "1 KiB");
	assert_string_equal(format_size(512ull << 20, buf, sizeof(buf)), "512 MiB");
	assert_string_equal(format_size(3ull << 29, buf, sizeof(buf)), "1.5 GiB");
	assert_string_equal(format_size((2ull << 40) - 1, buf, sizeof(buf)), "1.9 TiB");
	assert_string_equal(format_size(~0ull, buf, sizeof(buf)), "16383.9 PiB");
}

static void endpoints_are_read(void **state)
{
	static const struct {
		const char *text;
		u8 last; /* byte of the address */
		u16 port;
	} good[] = {
		{"10.0.0.7", 7, 5}, {"10.0.0.7:80", 7, 80}, {"[::9]:80", 9, 80},
		{"[::9]", 9, 5},    {"::9", 9, 5},	    {":0", 0xaa, 0},
	};
	struct anm_addr a;
	u16 port;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		memset(&a, 0xaa, sizeof(a));
		port = 5;
		assert_int_equal(endpoint_parse(good[i].text, &a, &port), 0);
		assert_int_equal(a.b[15], good[i].last);
		assert_int_equal(port, good[i].port);
	}
}

static void p6_bad_endpoints_are_refused(void **state)
{
	static const char *const bad[] = {
		"",	  "10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1", "10.0.0.1:8x", "[::1",
		"[::1]x", ":",
	};
	struct anm_addr a;
	u16 port = 5;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (endpoint_parse(bad[i], &a, &port) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	}
	assert_int_equal(port, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read),
		cmocka_unit_test(p6_bad_sizes_are_refused),
		cmocka_unit_test(sizes_are_pages),
		cmocka_unit_test(sizes_are_written),
		cmocka_unit_test(endpoints_are_read),
		cmocka_unit_test(p6_bad_endpoints_are_refused),
	};

	return cmocka_run_group_tests_name("size", tests, NULL, NULL);
}
