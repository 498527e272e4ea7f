// SPDX-License-Identifier: GPL-2.0-only
/* VAIs: names, sizes, reservation, handles, swap header, deletion. */
#include <unistd.h>

#include "nfs_bed.h"

#define MIB (1ull << 20)

static struct eng_err err;

static int add(const char *name, u64 size, u8 class)
{
	struct eng_vai_params p = {.size = size, .client = bed_ip4(10, 0, 0, 2), .class = class};

	strscpy(p.name, name, sizeof(p.name));
	memset(&err, 0, sizeof(err));
	return eng_vai_add(bed.e, &p, &err);
}

static void expect(int rc, int want, const char *words)
{
	assert_int_equal(rc, want);
	if (!strstr(err.msg, words))
		fail_msg("'%s' does not say '%s'", err.msg, words);
	assert_true(strlen(err.msg) < sizeof(err.msg) - 1);
}

static void names(void **state)
{
	static const char *const bad[] = {"",	      ".",   "..", "a/b", "a b",
					  "\xc3\xa4", "a\n", "%s", "/a"};
	char name[ENG_NAME_MAX + 2];
	struct eng_vai_params p = {.size = MIB, .client = bed_ip4(10, 0, 0, 2)};
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		expect(add(bad[i], MIB, 0), -EINVAL, "bad VAI name");
	memset(p.name, 'x', sizeof(p.name));
	expect(eng_vai_add(bed.e, &p, &err), -EINVAL, "64");
	memset(name, 'x', ENG_NAME_MAX);
	name[ENG_NAME_MAX] = 0;
	assert_int_equal(add(name, MIB, 0), 0);
	assert_int_equal(add("A.b_c-9", MIB, 0), 0);
	assert_int_equal(add("...", MIB, 0), 0);
	expect(add("A.b_c-9", MIB, 0), -EEXIST, "exists");
	assert_int_equal(add("a.b_c-9", MIB, 0), 0);
	assert_int_equal(eng_vai_add(bed.e, &p, NULL), -EINVAL);
}

static void sizes(void **state)
{
	(void)state;
	expect(add("v", 0, 0), -EINVAL, "too small");
	expect(add("v", 36864, 0), -EINVAL, "40 KiB");
	expect(add("v", 40961, 0), -EINVAL, "multiple of 4096");
	expect(add("v", ~0ull, 0), -EINVAL, "multiple");
	expect(add("v", ~0ull & ~4095ull, 0), -EINVAL, "too large");
	expect(add("v", 1ull << 44, 0), -EINVAL, "too large");
	bed.servers[0].donation = AMP_DONATION_PAGES_MAX;
	assert_int_equal(add("v", ENG_VAI_SIZE_MAX, 0), 0);
	assert_int_equal(bed_export("v")->vai.npages, U32_MAX);
	assert_int_equal(add("w", ENG_VAI_SIZE_MIN, 0), 0);
	expect(add("c", MIB, 2), -EINVAL, "class");
}

static void client_addresses(void **state)
{
	struct eng_vai_params p = {.name = "v", .size = MIB};
	static const u8 bad4[] = {0, 224, 255};
	u32 i;

	(void)state;
	assert_int_equal(eng_vai_add(bed.e, &p, &err), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(bad4); i++) {
		p.client = bed_ip4(bad4[i], 1, 2, 3);
		assert_int_equal(eng_vai_add(bed.e, &p, &err), -EINVAL);
	}
	memset(p.client.b, 0, 16);
	p.client.b[0] = 0xff;
	assert_int_equal(eng_vai_add(bed.e, &p, &err), -EINVAL);
	p.client.b[0] = 0x20;
	assert_int_equal(eng_vai_add(bed.e, &p, &err), 0);
	assert_int_equal(bed_export("v")->vai.client_id, (u32)~anm_crc32c(~0u, p.client.b, 16));
	p.client = bed_ip4(10, 1, 2, 3);
	strscpy(p.name, "w", sizeof(p.name));
	assert_int_equal(eng_vai_add(bed.e, &p, &err), 0);
	assert_int_equal(bed_export("w")->vai.client_id, 0x0a010203);
}

static void uuids(void **state)
{
	struct eng_vai_params p = {.size = MIB, .client = bed_ip4(10, 0, 0, 2)};
	u8 first[ENG_FH_LEN];
	u32 i;

	(void)state;
	assert_int_equal(add("drawn", MIB, 0), 0);
	assert_int_equal(bed_export("drawn")->vai.uuid[6] >> 4, 4);
	assert_int_equal(bed_export("drawn")->vai.uuid[8] >> 6, 2);
	for (i = 0; i < 16; i++)
		p.uuid[i] = (u8)(i + 1);
	strscpy(p.name, "given", sizeof(p.name));
	assert_int_equal(eng_vai_add(bed.e, &p, &err), 0);
	assert_memory_equal(bed_export("given")->vai.uuid, p.uuid, 16);
	assert_int_equal(bed_export("given")->vai.vai_id, 0x01020304);
	memcpy(first, bed_export("given")->fh[1], ENG_FH_LEN);
	strscpy(p.name, "twin", sizeof(p.name));
	p.uuid[15] = 99;
	expect(eng_vai_add(bed.e, &p, &err), -EEXIST, "given");
	/* The handle depends on nothing but secret and UUID. */
	assert_int_equal(eng_vai_del(bed.e, "given", false, &err), 0);
	eng_exports_tick(bed.e);
	p.uuid[15] = 16;
	strscpy(p.name, "again", sizeof(p.name));
	assert_int_equal(eng_vai_add(bed.e, &p, &err), 0);
	assert_memory_equal(bed_export("again")->fh[1], first, ENG_FH_LEN);
	bed.e->cfg.secret[3] ^= 1;
	eng_fh_keys(bed.e->exports, bed.e->cfg.secret);
	eng_fh_make(bed.e->exports, p.uuid, ENG_FH_FILE, first);
	assert_memory_not_equal(bed_export("again")->fh[1] + 24, first + 24, 16);
}

static void p4_reservation(void **state)
{
	struct eng_status st;

	(void)state;
	bed.nservers = 0;
	expect(add("v", MIB, 0), -ENOSPC, "donated by 0 servers");
	bed_server(128 * 256);
	bed_server(128 * 256);
	expect(add("v", 257 * MIB, 0), -ENOSPC,
	       "needs 257 MiB, pool has 256 MiB unreserved of 256 MiB donated by 2 servers");
	assert_int_equal(add("v", 200 * MIB, 0), 0);
	expect(add("w", 57 * MIB, 0), -ENOSPC, "pool has 56 MiB unreserved of 256 MiB");
	expect(add("w", 29 * MIB, ENG_CLASS_CRITICAL), -ENOSPC, "58 MiB (two copies)");
	assert_int_equal(add("w", 28 * MIB, ENG_CLASS_CRITICAL), 0);
	expect(add("x", ENG_VAI_SIZE_MIN, 0), -ENOSPC, "pool has 0 MiB");
	eng_exports_status(bed.e, &st);
	assert_true(st.reserved_pages == 256 * 256);
	assert_int_equal(st.vais, 2);
	assert_int_equal(st.clients, 1);
	assert_int_equal(bed_export("w")->vai.copies, 2);
	/* A server that left: what is reserved stays, nothing new fits. */
	bed.servers[1].state = ENG_SERVER_DEAD;
	expect(add("x", ENG_VAI_SIZE_MIN, 0), -ENOSPC, "128 MiB donated by 1 server:");
	bed.servers[1].state = ENG_SERVER_LIVE;
	assert_int_equal(eng_vai_del(bed.e, "v", false, &err), 0);
	expect(add("x", MIB, 0), -ENOSPC, "0 MiB");
	eng_exports_tick(bed.e);
	assert_int_equal(add("x", 200 * MIB, 0), 0);
	eng_exports_status(bed.e, &st);
	assert_true(st.reserved_pages == 256 * 256);
}

/* Two copies need two servers, and room on both sides for each pair. */
static void p4_critical_needs_pairs(void **state)
{
	(void)state;
	bed.nservers = 0;
	bed_server(1000 * 256);
	expect(add("v", MIB, ENG_CLASS_CRITICAL), -ENOSPC, "two live memory servers, there is 1");
	bed_server(10 * 256);
	expect(add("v", 11 * MIB, ENG_CLASS_CRITICAL), -ENOSPC, "cannot be spread");
	assert_int_equal(add("v", 6 * MIB, ENG_CLASS_CRITICAL), 0);
	expect(add("w", 5 * MIB, ENG_CLASS_CRITICAL), -ENOSPC, "cannot be spread");
	assert_int_equal(add("w", 4 * MIB, ENG_CLASS_CRITICAL), 0);
	assert_int_equal(add("n", 990 * MIB, 0), 0);
	expect(add("m", MIB, 0), -ENOSPC, "0 MiB unreserved");
}

static void p7_table_full(void **state)
{
	struct eng_vai_params p = {.size = ENG_VAI_SIZE_MIN, .client = bed_ip4(10, 0, 0, 2)};
	u32 i, slot = 0, n = 0;
	struct eng_vai_info info;

	(void)state;
	for (i = 0; i < ENG_VAIS_MAX; i++) {
		snprintf(p.name, sizeof(p.name), "v%u", i);
		p.client = bed_ip4(10, 0, (u8)(i >> 8), (u8)i);
		assert_int_equal(eng_vai_add(bed.e, &p, &err), 0);
	}
	strscpy(p.name, "more", sizeof(p.name));
	expect(eng_vai_add(bed.e, &p, &err), -ENFILE, "1024 VAIs");
	while (eng_vai_get(bed.e, &slot, &info))
		n++;
	assert_int_equal(n, ENG_VAIS_MAX);
	assert_int_equal(eng_vai_del(bed.e, "v500", false, &err), 0);
	eng_exports_tick(bed.e);
	assert_int_equal(eng_vai_add(bed.e, &p, &err), 0);
	assert_int_equal(bed_export("more")->vai.slot, 500);
}

static void deletion(void **state)
{
	struct eng_vai_info info;
	struct eng_event ev;
	struct xdr_out x;
	u32 slot = 0;

	(void)state;
	expect(eng_vai_del(bed.e, "none", true, &err), -ENOENT, "no VAI");
	assert_int_equal(add("v", MIB, 0), 0);
	bed_call_write(&x, 1, "v", 8192, "abcd", 4);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	expect(eng_vai_del(bed.e, "v", false, &err), -EBUSY, "in use");
	bed.defer = true;
	bed_call_read(&x, "v", 8192, 4096);
	assert_int_equal(bed_send(&x), 0);
	bed.reap_steps = 3;
	assert_int_equal(eng_vai_del(bed.e, "v", true, &err), 0);
	expect(eng_vai_del(bed.e, "v", true, &err), -ENOENT, "already");
	expect(add("v", MIB, 0), -EEXIST, "still being deleted");
	assert_int_equal(eng_busy(bed.e), 0);
	/* A request is in flight: nothing is reaped under it, its answer still comes. */
	assert_true(eng_exports_tick(bed.e) <= NS_PER_MS);
	assert_int_equal(bed.reap_steps, 3);
	assert_true(bed_run());
	assert_true(bed_take());
	assert_int_equal(xdr_get_u32(&bed.res), NFS3_OK);
	for (slot = 0; slot < 3; slot++)
		eng_exports_tick(bed.e);
	slot = 0;
	assert_true(eng_vai_get(bed.e, &slot, &info));
	assert_true(info.deleting);
	eng_exports_tick(bed.e);
	slot = 0;
	assert_false(eng_vai_get(bed.e, &slot, &info));
	assert_int_equal(bed.e->exports->nclients, 0);
	assert_int_equal(bed.e->exports->reserved, 0);
	assert_true(eng_event_next(bed.e, &ev) && ev.type == ENG_EV_VAI_ADDED);
	assert_true(eng_event_next(bed.e, &ev) && ev.type == ENG_EV_VAI_MOUNTED);
	assert_true(eng_event_next(bed.e, &ev) && ev.type == ENG_EV_VAI_UNMOUNTED);
	assert_true(eng_event_next(bed.e, &ev) && ev.type == ENG_EV_VAI_DELETED);
	assert_false(eng_event_next(bed.e, &ev));
}

static void allocation_failures(void **state)
{
	struct xdr_out x;
	u32 i;
	int rc;

	(void)state;
	for (i = 0;; i++) {
		anm_fail_after = i;
		rc = add("v", MIB, 0);
		anm_fail_after = -1;
		if (!rc)
			break;
		expect(rc, -ENOMEM, "no memory");
		assert_int_equal(bed.e->exports->nvais, 0);
		assert_int_equal(bed.e->exports->nclients, 0);
		assert_int_equal(bed.e->exports->reserved, 0);
	}
	assert_int_equal(i, 2 + DRC_TABLES);
	bed_call_read(&x, "v", 0, 4096);
	assert_int_equal(bed_stat(&x), NFS3_OK);
}

/* The header as the client's tools see it, in a file of the VAI's size. */
static void swap_header_satisfies_the_tools(void **state)
{
	char path[] = "/tmp/anm-swaphdr-XXXXXX", cmd[200], line[400];
	u8 page[ANM_PAGE_SIZE];
	const u8 *p;
	struct xdr_out x;
	FILE *f;
	bool eof;
	int fd;

	(void)state;
	assert_int_equal(add("my-swap.0", 8 * MIB, 0), 0);
	memset(page, 0xff, sizeof(page));
	bed_call_read(&x, "my-swap.0", 0, 4096);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	assert_int_equal(bed_get_read(&p, &eof), 4096);
	assert_memory_equal(p + 4086, "SWAPSPACE2", 10);
	assert_int_equal(get_unaligned_le32(p + 1024), 1);
	assert_int_equal(get_unaligned_le32(p + 1028), 2047);
	assert_int_equal(get_unaligned_le32(p + 1032), 0);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 8 * MIB), 0);
	assert_int_equal(pwrite(fd, p, 4096, 0), 4096);
	close(fd);
	snprintf(cmd, sizeof(cmd), "PATH=$PATH:/sbin:/usr/sbin blkid -p -o export %s; swaplabel %s",
		 path, path);
	f = popen(cmd, "r");
	assert_non_null(f);
	line[fread(line, 1, sizeof(line) - 1, f)] = 0;
	pclose(f);
	unlink(path);
	assert_non_null(strstr(line, "TYPE=swap"));
	assert_non_null(strstr(line, "VERSION=1"));
	assert_non_null(strstr(line, "LABEL=my-swap.0"));
	assert_non_null(strstr(line, "LABEL: my-swap.0"));
}

/* Byte for byte what mkswap writes for the same size, UUID and label. */
static void swap_header_is_that_of_mkswap(void **state)
{
	char path[] = "/tmp/anm-mkswap-XXXXXX", cmd[300];
	u8 ours[ANM_PAGE_SIZE], theirs[ANM_PAGE_SIZE];
	struct eng_vai v = {.npages = 2048, .name = "a-name-of-more-than-16-bytes"};
	int fd, i, n = 0;

	(void)state;
	for (i = 0; i < 16; i++)
		v.uuid[i] = (u8)(0x11 * i + 1);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 8 * MIB), 0);
	n = snprintf(cmd, sizeof(cmd), "PATH=$PATH:/sbin:/usr/sbin mkswap -q -L %.16s -U ", v.name);
	for (i = 0; i < 16; i++)
		n += snprintf(cmd + n, sizeof(cmd) - n, "%s%02x",
			      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", v.uuid[i]);
	snprintf(cmd + n, sizeof(cmd) - n, " %s 2>/dev/null", path);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(pread(fd, theirs, 4096, 0), 4096);
	close(fd);
	unlink(path);
	eng_swap_header(&v, ours);
	assert_memory_equal(ours, theirs, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(names),
		BED_TEST(sizes),
		BED_TEST(client_addresses),
		BED_TEST(uuids),
		BED_TEST(p4_reservation),
		BED_TEST(p4_critical_needs_pairs),
		BED_TEST(p7_table_full),
		BED_TEST(deletion),
		BED_TEST(allocation_failures),
		BED_TEST(swap_header_satisfies_the_tools),
		BED_TEST(swap_header_is_that_of_mkswap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
