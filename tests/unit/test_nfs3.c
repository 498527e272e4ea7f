// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../proto/nfs3.h"
#include "fuzz.h"

static u8 buf[1024];
static struct xdr_out o;

static void begin(void)
{
	xdr_out_init(&o, buf, sizeof(buf));
	xdr_put_opaque(&o, "0123456789abcdefghijklmnopqrstuvwxyz{|}~", 40);
}

/* What a decoder made of something, as far as tests want to see it. */
union args {
	struct nfs3_fh fh;
	struct nfs3_setattr_args setattr;
	struct nfs3_dirop_args dirop;
	struct nfs3_access_args access;
	struct nfs3_read_args read;
	struct nfs3_write_args write;
	struct nfs3_readdir_args readdir;
};

/* @len bytes at hand of a record of @rec bytes. */
static int decode(u32 proc, const u8 *p, u32 len, u32 rec, union args *a)
{
	u8 *exact = fuzz_exact(p, len);
	struct xdr_in x;
	int rc;

	memset(a, 0, sizeof(*a));
	xdr_in_init(&x, exact, len);
	switch (proc) {
	case NFS3_SETATTR:
		rc = nfs3_get_setattr(&x, &a->setattr);
		break;
	case NFS3_LOOKUP:
		rc = nfs3_get_dirop(&x, &a->dirop);
		if (!rc)
			assert_true(a->dirop.name.s + a->dirop.name.len <= (char *)exact + len);
		break;
	case NFS3_ACCESS:
		rc = nfs3_get_access(&x, &a->access);
		break;
	case NFS3_READ:
		rc = nfs3_get_read(&x, &a->read);
		break;
	case NFS3_COMMIT:
		rc = nfs3_get_commit(&x, &a->read);
		break;
	case NFS3_WRITE:
		rc = nfs3_get_write(&x, rec, &a->write);
		if (!rc)
			assert_true((u64)a->write.data_off + xdr_padded(a->write.count) <= rec);
		break;
	case NFS3_READDIR:
	case NFS3_READDIRPLUS:
		rc = nfs3_get_readdir(&x, proc == NFS3_READDIRPLUS, &a->readdir);
		break;
	default:
		rc = nfs3_get_fh(&x, &a->fh);
	}
	assert_int_equal(rc ? -EINVAL : 0, rc);
	assert_true(x.pos <= x.len);
	assert_int_equal(rc != 0, x.bad);
	/* Every args struct begins with the handle. */
	assert_true(a->fh.len <= NFS3_FH_MAX);
	free(exact);
	return rc;
}

/* Arguments of every procedure, all options on. */
static void put_args(u32 proc)
{
	begin();
	switch (proc) {
	case NFS3_SETATTR:
		xdr_put_bool(&o, true);
		xdr_put_u32(&o, 0600);
		xdr_put_bool(&o, true);
		xdr_put_u32(&o, 11);
		xdr_put_bool(&o, true);
		xdr_put_u32(&o, 12);
		xdr_put_bool(&o, true);
		xdr_put_u64(&o, 1ull << 40);
		xdr_put_u32(&o, NFS3_SET_TO_CLIENT_TIME);
		xdr_put_u64(&o, 5ull << 32 | 6);
		xdr_put_u32(&o, NFS3_SET_TO_SERVER_TIME);
		xdr_put_bool(&o, true);
		xdr_put_u64(&o, 7ull << 32 | 8);
		break;
	case NFS3_LOOKUP:
		xdr_put_string(&o, "swapfile!");
		break;
	case NFS3_ACCESS:
		xdr_put_u32(&o, 0x3f);
		break;
	case NFS3_READ:
	case NFS3_COMMIT:
		xdr_put_u64(&o, 0x123456789000ull);
		xdr_put_u32(&o, 8192);
		break;
	case NFS3_WRITE:
		xdr_put_u64(&o, 0x123456789000ull);
		xdr_put_u32(&o, 5);
		xdr_put_u32(&o, NFS3_DATA_SYNC);
		xdr_put_opaque(&o, "hello", 5);
		break;
	case NFS3_READDIR:
	case NFS3_READDIRPLUS:
		xdr_put_u64(&o, 3);
		xdr_put_fixed(&o, "verifier", 8);
		xdr_put_u32(&o, 1000);
		if (proc == NFS3_READDIRPLUS)
			xdr_put_u32(&o, 2000);
		break;
	}
	assert_false(o.bad);
}

static const u32 procs[] = {NFS3_GETATTR, NFS3_SETATTR, NFS3_LOOKUP,	  NFS3_ACCESS, NFS3_READ,
			    NFS3_WRITE,	  NFS3_READDIR, NFS3_READDIRPLUS, NFS3_COMMIT};

static void arguments_come_back(void **state)
{
	union args a;

	(void)state;
	put_args(NFS3_GETATTR);
	assert_int_equal(decode(NFS3_GETATTR, buf, o.pos, 0, &a), 0);
	assert_int_equal(a.fh.len, 40);
	assert_memory_equal(a.fh.data, buf + 4, 40);

	put_args(NFS3_SETATTR);
	assert_int_equal(decode(NFS3_SETATTR, buf, o.pos, 0, &a), 0);
	assert_int_equal(a.setattr.attr.mode, 0600);
	assert_int_equal(a.setattr.attr.uid, 11);
	assert_int_equal(a.setattr.attr.gid, 12);
	assert_true(a.setattr.attr.size == 1ull << 40);
	assert_int_equal(a.setattr.attr.atime_how, NFS3_SET_TO_CLIENT_TIME);
	assert_int_equal(a.setattr.attr.atime.nsec, 6);
	assert_int_equal(a.setattr.attr.mtime_how, NFS3_SET_TO_SERVER_TIME);
	assert_true(a.setattr.guarded);
	assert_int_equal(a.setattr.guard_ctime.sec, 7);

	put_args(NFS3_LOOKUP);
	assert_int_equal(decode(NFS3_LOOKUP, buf, o.pos, 0, &a), 0);
	assert_int_equal(a.dirop.name.len, 9);

	put_args(NFS3_READ);
	assert_int_equal(decode(NFS3_READ, buf, o.pos, 0, &a), 0);
	assert_true(a.read.offset == 0x123456789000ull);
	assert_int_equal(a.read.count, 8192);

	put_args(NFS3_READDIR);
	assert_int_equal(decode(NFS3_READDIR, buf, o.pos, 0, &a), 0);
	assert_int_equal(a.readdir.maxcount, 1000);
	put_args(NFS3_READDIRPLUS);
	assert_int_equal(decode(NFS3_READDIRPLUS, buf, o.pos, 0, &a), 0);
	assert_memory_equal(a.readdir.cookieverf, "verifier", 8);
	assert_int_equal(a.readdir.dircount, 1000);
	assert_int_equal(a.readdir.maxcount, 2000);
}

static void p6_every_truncation_is_garbage(void **state)
{
	union args a;
	u32 i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(procs); i++) {
		put_args(procs[i]);
		assert_int_equal(decode(procs[i], buf, o.pos, o.pos, &a), 0);
		for (n = 0; n < o.pos; n++)
			assert_int_equal(decode(procs[i], buf, n, n, &a), -EINVAL);
	}
}

static void write_data_may_lie_elsewhere(void **state)
{
	union args a;
	u32 head;

	(void)state;
	put_args(NFS3_WRITE);
	head = o.pos - 8;
	assert_int_equal(decode(NFS3_WRITE, buf, head, o.pos, &a), 0);
	assert_int_equal(a.write.data_off, head);
	assert_int_equal(a.write.count, 5);
	assert_int_equal(a.write.stable, NFS3_DATA_SYNC);
	/* without its padding, without its data */
	assert_int_equal(decode(NFS3_WRITE, buf, head, o.pos - 1, &a), -EINVAL);
	assert_int_equal(decode(NFS3_WRITE, buf, head, head, &a), -EINVAL);
	assert_int_equal(decode(NFS3_WRITE, buf, head, 0, &a), -EINVAL);
	/* more than asked for is not looked at */
	assert_int_equal(decode(NFS3_WRITE, buf, head, 0xffffffff, &a), 0);
}

static void writes_of_nothing_and_of_every_kind(void **state)
{
	union args a;
	u32 kind;

	(void)state;
	for (kind = NFS3_UNSTABLE; kind <= NFS3_FILE_SYNC; kind++) {
		begin();
		xdr_put_u64(&o, 0);
		xdr_put_u32(&o, 0);
		xdr_put_u32(&o, kind);
		xdr_put_u32(&o, 0);
		assert_int_equal(decode(NFS3_WRITE, buf, o.pos, o.pos, &a), 0);
		assert_int_equal(a.write.stable, kind);
		assert_int_equal(a.write.count, 0);
		assert_int_equal(a.write.data_off, o.pos);
	}
}

static void attributes_not_set_are_not_set(void **state)
{
	union args a;
	u32 i;

	(void)state;
	begin();
	for (i = 0; i < 7; i++)
		xdr_put_u32(&o, 0);
	assert_int_equal(decode(NFS3_SETATTR, buf, o.pos, 0, &a), 0);
	assert_false(a.setattr.attr.set_mode || a.setattr.attr.set_uid || a.setattr.attr.set_gid ||
		     a.setattr.attr.set_size || a.setattr.guarded);
	assert_int_equal(a.setattr.attr.atime_how, NFS3_DONT_CHANGE);
	assert_int_equal(a.setattr.attr.mtime_how, NFS3_DONT_CHANGE);
}

static void p6_absurd_write_lengths(void **state)
{
	static const u32 lens[] = {6,	       8,	   9,	       0x7fffffff, 0x80000000,
				   0xfffffff0, 0xfffffffc, 0xfffffffd, 0xffffffff};
	union args a;
	u32 i, head;

	(void)state;
	put_args(NFS3_WRITE);
	head = o.pos - 8;
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		int want = lens[i] <= 8 ? 0 : -EINVAL;

		put_unaligned_be32(lens[i], buf + head - 4);
		assert_int_equal(decode(NFS3_WRITE, buf, o.pos, o.pos, &a), -EINVAL);
		put_unaligned_be32(lens[i], buf + head - 12); /* count agrees now */
		assert_int_equal(decode(NFS3_WRITE, buf, o.pos, o.pos, &a), want);
		assert_int_equal(decode(NFS3_WRITE, buf, head, o.pos, &a), want);
	}
	put_args(NFS3_WRITE);
	put_unaligned_be32(3, buf + head - 8); /* no such stable_how */
	assert_int_equal(decode(NFS3_WRITE, buf, o.pos, o.pos, &a), -EINVAL);
}

static void p6_handles_and_times_have_limits(void **state)
{
	union args a;

	(void)state;
	memset(buf, 1, sizeof(buf));
	put_unaligned_be32(64, buf);
	assert_int_equal(decode(NFS3_GETATTR, buf, 68, 68, &a), 0);
	put_unaligned_be32(65, buf);
	assert_int_equal(decode(NFS3_GETATTR, buf, 100, 100, &a), -EINVAL);
	put_args(NFS3_SETATTR);
	put_unaligned_be32(3, buf + o.pos - 16); /* mtime: no such time_how */
	assert_int_equal(decode(NFS3_SETATTR, buf, o.pos, o.pos, &a), -EINVAL);
}

static void p6_spoiled_arguments_end(void **state)
{
	u64 seed = 1813;
	u8 copy[256];
	union args a;
	u32 i, j, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(procs); i++) {
		put_args(procs[i]);
		for (j = 0; j < 20000; j++) {
			memcpy(copy, buf, o.pos);
			fuzz_mutate(&seed, copy, o.pos);
			n = fuzz_below(&seed, 4) ? o.pos : fuzz_below(&seed, o.pos);
			decode(procs[i], copy, n, n + fuzz_below(&seed, 3) * 50000, &a);
		}
	}
}

/* ---- results ---- */

static const struct nfs3_fattr attr = {
	.type = NFS3_REG,
	.mode = 0600,
	.nlink = 1,
	.uid = 2,
	.gid = 3,
	.size = 4,
	.used = 5,
	.rdev_major = 6,
	.rdev_minor = 7,
	.fsid = 8,
	.fileid = 9,
	.atime = {10, 11},
	.mtime = {12, 13},
	.ctime = {14, 15},
};

static u32 word(u32 i)
{
	return get_unaligned_be32(buf + 4 * i);
}

static void fattr_layout(void **state)
{
	static const u32 want[] = {0, 1, 0600, 1, 2, 3,	 0,  4,	 0,  5,	 6,
				   7, 0, 8,    0, 9, 10, 11, 12, 13, 14, 15};
	u32 i;

	(void)state;
	xdr_out_init(&o, buf, sizeof(buf));
	nfs3_put_getattr_ok(&o, &attr);
	assert_int_equal(o.pos, 4 + NFS3_FATTR_LEN);
	for (i = 0; i < ARRAY_SIZE(want); i++)
		assert_int_equal(word(i), want[i]);
}

static void wcc_layout(void **state)
{
	struct nfs3_wcc w = {.has_before = true,
			     .size = 1ull << 32,
			     .mtime = {1, 2},
			     .ctime = {3, 4},
			     .after = &attr};

	(void)state;
	xdr_out_init(&o, buf, sizeof(buf));
	nfs3_put_write_ok(&o, &w, 4096, NFS3_FILE_SYNC, 0x1122334455667788ull);
	assert_int_equal(o.pos, 4 + 28 + 4 + 84 + 16);
	assert_int_equal(word(1), 1);
	assert_int_equal(word(2), 1);
	assert_int_equal(word(4), 1);
	assert_int_equal(word(7), 4);
	assert_int_equal(word(8), 1);
	assert_int_equal(word(30), 4096);
	assert_int_equal(word(31), 2);
	assert_int_equal(word(32), 0x11223344);
	xdr_out_init(&o, buf, sizeof(buf));
	nfs3_put_commit_ok(&o, NULL, 5);
	assert_int_equal(o.pos, 20);
	assert_int_equal(word(4), 5);
}

static void read_result_ends_where_data_begins(void **state)
{
	(void)state;
	xdr_out_init(&o, buf, sizeof(buf));
	nfs3_put_read_ok(&o, NULL, 4096, true);
	assert_int_equal(o.pos, 20);
	assert_int_equal(word(2), 4096);
	assert_int_equal(word(3), 1);
	assert_int_equal(word(4), 4096);
}

static void other_results_have_their_lengths(void **state)
{
	struct nfs3_fh fh = {.len = 40};
	struct nfs3_fsstat st = {.tbytes = 1};
	struct nfs3_fsinfo fi = {.rtmax = 1, .properties = 9};
	struct nfs3_pathconf pc = {.name_max = 255, .case_preserving = true};

	(void)state;
	xdr_out_init(&o, buf, sizeof(buf));
	nfs3_put_lookup_ok(&o, &fh, &attr, NULL);
	assert_int_equal(o.pos, 4 + 44 + 88 + 4);
	xdr_out_init(&o, buf, sizeof(buf));
	nfs3_put_access_ok(&o, &attr, 0x1f);
	assert_int_equal(o.pos, 4 + 88 + 4);
	assert_int_equal(word(23), 0x1f);
	xdr_out_init(&o, buf, sizeof(buf));
	nfs3_put_fsstat_ok(&o, NULL, &st);
	assert_int_equal(o.pos, 8 + 6 * 8 + 4);
	xdr_out_init(&o, buf, sizeof(buf));
	nfs3_put_fsinfo_ok(&o, NULL, &fi);
	assert_int_equal(o.pos, 8 + 7 * 4 + 8 + 8 + 4);
	assert_int_equal(word(13), 9);
	xdr_out_init(&o, buf, sizeof(buf));
	nfs3_put_pathconf_ok(&o, NULL, &pc);
	assert_int_equal(o.pos, 8 + 6 * 4);
	assert_int_equal(word(7), 1);
	xdr_out_init(&o, buf, sizeof(buf));
	nfs3_put_setattr_ok(&o, NULL);
	assert_int_equal(o.pos, 12);
}

static void every_failure_has_its_shape(void **state)
{
	/* Words behind the status without attributes, RFC 1813, 3.3.1 to 3.3.21. */
	static const u8 words[NFS3_PROC_MAX + 1] = {
		[NFS3_GETATTR] = 0,	[NFS3_SETATTR] = 2, [NFS3_LOOKUP] = 1, [NFS3_ACCESS] = 1,
		[NFS3_READLINK] = 1,	[NFS3_READ] = 1,    [NFS3_WRITE] = 2,  [NFS3_CREATE] = 2,
		[NFS3_MKDIR] = 2,	[NFS3_SYMLINK] = 2, [NFS3_MKNOD] = 2,  [NFS3_REMOVE] = 2,
		[NFS3_RMDIR] = 2,	[NFS3_RENAME] = 4,  [NFS3_LINK] = 3,   [NFS3_READDIR] = 1,
		[NFS3_READDIRPLUS] = 1, [NFS3_FSSTAT] = 1,  [NFS3_FSINFO] = 1, [NFS3_PATHCONF] = 1,
		[NFS3_COMMIT] = 2,
	};
	u32 proc;

	(void)state;
	for (proc = NFS3_GETATTR; proc <= NFS3_PROC_MAX; proc++) {
		xdr_out_init(&o, buf, sizeof(buf));
		nfs3_put_fail(&o, proc, NFS3ERR_ROFS, NULL, NULL);
		assert_int_equal(o.pos, 4 + 4 * words[proc]);
		assert_int_equal(word(0), 30);
		assert_null(memchr_inv(buf + 4, 0, o.pos - 4));
		assert_string_not_equal(nfs3_proc_name(proc), "?");
	}
	assert_string_equal(nfs3_proc_name(NFS3_PROC_MAX + 1), "?");
	xdr_out_init(&o, buf, sizeof(buf));
	nfs3_put_fail(&o, NFS3_READ, NFS3ERR_IO, &attr, NULL);
	assert_int_equal(o.pos, 4 + 4 + 84);
}

static void directory_bytes(void **state)
{
	static const u8 want[] = "\0\0\0\0\0\0\0\0verifier"
				 "\0\0\0\1\0\0\0\0\0\0\0\11\0\0\0\1x\0\0\0\0\0\0\0\0\0\0\3"
				 "\0\0\0\0\0\0\0\1\0\0\0\2\7\7\0\0"
				 "\0\0\0\0\0\0\0\1";
	struct nfs3_fh fh = {.len = 2, .data = {7, 7}};
	struct nfs3_dirent e = {.fileid = 9, .name = "x", .cookie = 3, .fh = &fh};

	(void)state;
	xdr_out_init(&o, buf, sizeof(buf));
	nfs3_put_readdir_ok(&o, NULL, (const u8 *)"verifier");
	assert_true(nfs3_put_dirent(&o, &e, true, 1000));
	nfs3_put_readdir_end(&o, true);
	assert_int_equal(o.pos, sizeof(want) - 1);
	assert_memory_equal(buf, want, o.pos);
}

/* Whatever the room, what is there is whole entries and the end. */
static void p7_directories_stop_at_their_limit(void **state)
{
	struct nfs3_fh fh = {.len = 40};
	struct nfs3_dirent e = {
		.fileid = 1, .name = "swapfile", .cookie = 1, .attr = &attr, .fh = &fh};
	u32 plus, limit, n;

	(void)state;
	for (plus = 0; plus < 2; plus++) {
		u32 size = 4 + 8 + 12 + 8 + (plus ? 88 + 4 + 44 : 0);

		for (limit = 24; limit < 600; limit++) {
			xdr_out_init(&o, buf, sizeof(buf));
			nfs3_put_readdir_ok(&o, NULL, (const u8 *)"verifier");
			assert_int_equal(o.pos, 16);
			for (n = 0; nfs3_put_dirent(&o, &e, plus, limit); n++)
				;
			nfs3_put_readdir_end(&o, true);
			assert_false(o.bad);
			assert_true(o.pos <= limit);
			assert_int_equal(n, (limit - 24) / size);
			assert_int_equal(o.pos, 24 + n * size);
		}
	}
	xdr_out_init(&o, buf, 30);
	nfs3_put_readdir_ok(&o, NULL, (const u8 *)"verifier");
	assert_false(nfs3_put_dirent(&o, &e, false, 10000));
	assert_false(o.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_come_back),
		cmocka_unit_test(p6_every_truncation_is_garbage),
		cmocka_unit_test(write_data_may_lie_elsewhere),
		cmocka_unit_test(writes_of_nothing_and_of_every_kind),
		cmocka_unit_test(attributes_not_set_are_not_set),
		cmocka_unit_test(directory_bytes),
		cmocka_unit_test(p6_absurd_write_lengths),
		cmocka_unit_test(p6_handles_and_times_have_limits),
		cmocka_unit_test(p6_spoiled_arguments_end),
		cmocka_unit_test(fattr_layout),
		cmocka_unit_test(wcc_layout),
		cmocka_unit_test(read_result_ends_where_data_begins),
		cmocka_unit_test(other_results_have_their_lengths),
		cmocka_unit_test(every_failure_has_its_shape),
		cmocka_unit_test(p7_directories_stop_at_their_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
