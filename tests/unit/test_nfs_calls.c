// SPDX-License-Identifier: GPL-2.0-only
/* Every procedure of NFSv3 and every refusal of ONC RPC, as a client sees them. */
#include "nfs_bed.h"

#define SIZE (64ull << 20)

static int setup(void **state)
{
	struct eng_err err;

	bed_setup(state);
	return bed_vai("swap0", SIZE, &err);
}

#define CALL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, bed_teardown)

/* A call with a handle as its only argument. */
static u32 fh_call(u32 proc, u32 node)
{
	struct xdr_out x;

	bed_call(&x, proc);
	bed_put_fh(&x, "swap0", node);
	return bed_stat(&x);
}

static void null_and_unknown_programs(void **state)
{
	static const u32 progs[] = {100227, 100021, 100024, 100000, 0, ~0u};
	struct xdr_out x;
	u32 i;

	(void)state;
	bed.flavor = RPC_AUTH_NONE;
	bed.from.port = 50000;
	bed_call(&x, NFS3_NULL);
	assert_int_equal(bed_send(&x), 0);
	assert_int_equal(bed.rpc.detail, RPC_SUCCESS);
	assert_int_equal(bed.reply_len, RPC_ACCEPTED_LEN);
	for (i = 0; i < ARRAY_SIZE(progs); i++) {
		bed_call_as(&x, progs[i], 3, 0, 99 + i);
		assert_int_equal(bed_send(&x), 0);
		assert_int_equal(bed.rpc.xid, 99 + i);
		assert_int_equal(bed.rpc.stat, RPC_MSG_ACCEPTED);
		assert_int_equal(bed.rpc.detail, RPC_PROG_UNAVAIL);
	}
	assert_int_equal(bed.e->stats.rpc_unavail, ARRAY_SIZE(progs));
}

static void versions_and_procedures(void **state)
{
	static const u32 progs[] = {NFS_PROGRAM, MOUNT_PROGRAM};
	static const u32 procs[] = {NFS3_PROC_MAX + 1, MOUNT3_PROC_MAX + 1};
	struct xdr_out x;
	u32 i, v;

	(void)state;
	for (i = 0; i < 2; i++) {
		for (v = 0; v < 6; v++) {
			bed_call_as(&x, progs[i], v, 0, v);
			assert_int_equal(bed_send(&x), 0);
			if (v == 3) {
				assert_int_equal(bed.rpc.detail, RPC_SUCCESS);
				continue;
			}
			assert_int_equal(bed.rpc.detail, RPC_PROG_MISMATCH);
			assert_int_equal(bed.rpc.low, 3);
			assert_int_equal(bed.rpc.high, 3);
		}
		bed_call_as(&x, progs[i], 3, procs[i], 7);
		assert_int_equal(bed_send(&x), 0);
		assert_int_equal(bed.rpc.detail, RPC_PROC_UNAVAIL);
		bed_call_as(&x, progs[i], 3, ~0u, 7);
		assert_int_equal(bed_send(&x), 0);
		assert_int_equal(bed.rpc.detail, RPC_PROC_UNAVAIL);
	}
}

static void rpc_version_and_credentials(void **state)
{
	struct xdr_out x;

	(void)state;
	bed_call(&x, NFS3_NULL);
	xdr_patch_u32(&x, 8, 3);
	assert_int_equal(bed_send(&x), 0);
	assert_int_equal(bed.rpc.stat, RPC_MSG_DENIED);
	assert_int_equal(bed.rpc.detail, RPC_MISMATCH);
	assert_int_equal(bed.rpc.low, 2);
	assert_int_equal(bed.rpc.high, 2);
	bed_call(&x, NFS3_NULL);
	xdr_patch_u32(&x, 24, RPC_AUTH_GSS);
	assert_int_equal(bed_send(&x), 0);
	assert_int_equal(bed.rpc.stat, RPC_MSG_DENIED);
	assert_int_equal(bed.rpc.detail, RPC_AUTH_ERROR);
	assert_int_not_equal(bed.rpc.low, RPC_AUTH_OK);
	assert_int_equal(bed.e->stats.rpc_denied, 2);
	/* A reply is never answered; a stream that carries one is not RPC. */
	bed_call(&x, NFS3_NULL);
	xdr_patch_u32(&x, 4, RPC_REPLY);
	bed.rpc.xid = 0;
	assert_int_equal(bed_send(&x), 0);
	assert_int_equal(bed.rpc.xid, 0);
	assert_int_equal(bed.e->stats.rpc_malformed, 1);
	bed.from.door = ANM_DOOR_TCP;
	assert_int_equal(bed_send(&x), -EPROTO);
}

static void getattr(void **state)
{
	struct nfs3_fattr a;

	(void)state;
	assert_int_equal(fh_call(NFS3_GETATTR, 1), NFS3_OK);
	bed_get_fattr(&bed.res, &a);
	assert_int_equal(xdr_in_left(&bed.res), 0);
	assert_int_equal(a.type, NFS3_REG);
	assert_int_equal(a.mode, 0600);
	assert_int_equal(a.nlink, 1);
	assert_int_equal(a.uid, 0);
	assert_true(a.size == SIZE);
	assert_true(a.used >= a.size);
	assert_int_equal(a.mtime.sec, 1700000001);
	assert_int_equal(fh_call(NFS3_GETATTR, 0), NFS3_OK);
	bed_get_fattr(&bed.res, &a);
	assert_int_equal(a.type, NFS3_DIR);
	assert_int_equal(a.mode, 0755);
}

static void access_rights(void **state)
{
	static const struct {
		u32 node, uid, flavor, want;
	} t[] = {
		{1, 0, RPC_AUTH_SYS, NFS3_ACCESS_READ | NFS3_ACCESS_MODIFY | NFS3_ACCESS_EXTEND},
		{1, 7, RPC_AUTH_SYS, 0},
		{1, 0, RPC_AUTH_NONE, 0},
		{0, 0, RPC_AUTH_SYS, NFS3_ACCESS_READ | NFS3_ACCESS_LOOKUP},
		{0, 7, RPC_AUTH_SYS, NFS3_ACCESS_READ | NFS3_ACCESS_LOOKUP},
	};
	struct nfs3_fattr a;
	struct xdr_out x;
	u32 i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(t); i++) {
		bed.uid = t[i].uid;
		bed.flavor = t[i].flavor;
		bed_call(&x, NFS3_ACCESS);
		bed_put_fh(&x, "swap0", t[i].node);
		xdr_put_u32(&x, NFS3_ACCESS_ALL);
		assert_int_equal(bed_stat(&x), NFS3_OK);
		assert_true(bed_get_post_op(&bed.res, &a));
		assert_int_equal(xdr_get_u32(&bed.res), t[i].want);
	}
}

static u32 lookup(u32 node, const char *name)
{
	struct xdr_out x;

	bed_call(&x, NFS3_LOOKUP);
	bed_put_fh(&x, "swap0", node);
	xdr_put_string(&x, name);
	return bed_stat(&x);
}

static void lookup_names(void **state)
{
	static const char *const found[] = {".", "..", "swapfile"};
	struct nfs3_fattr a;
	char longname[300];
	const u8 *fh;
	u32 i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(found); i++) {
		assert_int_equal(lookup(0, found[i]), NFS3_OK);
		fh = xdr_get_opaque(&bed.res, 64, &n);
		assert_int_equal(n, ENG_FH_LEN);
		assert_memory_equal(fh, bed_export("swap0")->fh[i == 2], ENG_FH_LEN);
		assert_true(bed_get_post_op(&bed.res, &a));
		assert_int_equal(a.type, i == 2 ? NFS3_REG : NFS3_DIR);
		assert_true(bed_get_post_op(&bed.res, &a));
		assert_int_equal(a.type, NFS3_DIR);
		assert_int_equal(xdr_in_left(&bed.res), 0);
	}
	assert_int_equal(lookup(0, "swapfil"), NFS3ERR_NOENT);
	assert_true(bed_get_post_op(&bed.res, &a));
	assert_int_equal(xdr_in_left(&bed.res), 0);
	assert_int_equal(lookup(0, ""), NFS3ERR_NOENT);
	assert_int_equal(lookup(1, "swapfile"), NFS3ERR_NOTDIR);
	memset(longname, 'x', 256);
	longname[256] = 0;
	assert_int_equal(lookup(0, longname), NFS3ERR_NAMETOOLONG);
}

static u32 readdir_call(u32 proc, u32 node, u64 cookie, const u8 *verf, u32 count)
{
	struct xdr_out x;

	bed_call(&x, proc);
	bed_put_fh(&x, "swap0", node);
	xdr_put_u64(&x, cookie);
	xdr_put_fixed(&x, verf, 8);
	if (proc == NFS3_READDIRPLUS)
		xdr_put_u32(&x, count);
	xdr_put_u32(&x, count);
	return bed_stat(&x);
}

/* Read a listing in pieces of @count bytes. Return: number of calls. */
static u32 list_all(u32 proc, u32 count)
{
	static const char *const names[] = {".", "..", "swapfile"};
	struct nfs3_fattr a;
	u8 verf[8] = {0};
	char name[256];
	u64 cookie = 0;
	u32 seen = 0, calls = 0, n;
	bool eof = false;

	while (!eof) {
		assert_true(++calls < 10);
		assert_int_equal(readdir_call(proc, 0, cookie, verf, count), NFS3_OK);
		assert_true(bed.reply_len - RPC_ACCEPTED_LEN <= count);
		assert_true(bed_get_post_op(&bed.res, &a));
		xdr_get_fixed(&bed.res, verf, 8);
		while (xdr_get_bool(&bed.res)) {
			u64 fileid = xdr_get_u64(&bed.res);

			assert_true(seen < 3);
			xdr_get_string(&bed.res, name, sizeof(name));
			assert_string_equal(name, names[seen]);
			cookie = xdr_get_u64(&bed.res);
			seen++;
			if (proc == NFS3_READDIR)
				continue;
			assert_true(bed_get_post_op(&bed.res, &a));
			assert_true(a.fileid == fileid);
			assert_true(xdr_get_bool(&bed.res));
			assert_memory_equal(xdr_get_opaque(&bed.res, 64, &n),
					    bed_export("swap0")->fh[seen == 3], ENG_FH_LEN);
		}
		eof = xdr_get_bool(&bed.res);
		assert_false(bed.res.bad);
		assert_int_equal(xdr_in_left(&bed.res), 0);
	}
	assert_int_equal(seen, 3);
	return calls;
}

static void readdir_pieces(void **state)
{
	u8 verf[8] = {0};

	(void)state;
	assert_int_equal(list_all(NFS3_READDIR, 4096), 1);
	assert_int_equal(list_all(NFS3_READDIR, ~0u), 1);
	assert_int_equal(list_all(NFS3_READDIRPLUS, 32768), 1);
	assert_int_equal(list_all(NFS3_READDIR, 150), 3);
	assert_int_equal(list_all(NFS3_READDIRPLUS, 320), 3);
	assert_int_equal(readdir_call(NFS3_READDIR, 0, 0, verf, 100), NFS3ERR_TOOSMALL);
	assert_int_equal(readdir_call(NFS3_READDIR, 0, 0, verf, 0), NFS3ERR_TOOSMALL);
	assert_int_equal(readdir_call(NFS3_READDIRPLUS, 0, 0, verf, 200), NFS3ERR_TOOSMALL);
	assert_int_equal(readdir_call(NFS3_READDIR, 0, 2, verf, 4096), NFS3ERR_BAD_COOKIE);
	assert_int_equal(readdir_call(NFS3_READDIR, 0, ~0ull, verf, 4096), NFS3ERR_BAD_COOKIE);
	assert_int_equal(readdir_call(NFS3_READDIR, 1, 0, verf, 4096), NFS3ERR_NOTDIR);
}

static void file_system_calls(void **state)
{
	struct nfs3_fattr a;
	u32 door, node;

	(void)state;
	for (door = ANM_DOOR_UDP; door <= ANM_DOOR_TCP; door++) {
		bed.from.door = (u8)door;
		for (node = 0; node < 2; node++) {
			assert_int_equal(fh_call(NFS3_FSINFO, node), NFS3_OK);
			assert_true(bed_get_post_op(&bed.res, &a));
			assert_int_equal(xdr_get_u32(&bed.res), door ? 1 << 20 : 32768);
			assert_int_equal(xdr_get_u32(&bed.res), door ? 131072 : 8192);
			assert_int_equal(xdr_get_u32(&bed.res), 4096);
			assert_int_equal(xdr_get_u32(&bed.res), door ? 1 << 20 : 32768);
			assert_int_equal(xdr_get_u32(&bed.res), door ? 131072 : 8192);
			assert_int_equal(xdr_in_left(&bed.res), 4 + 4 + 8 + 8 + 4);
		}
	}
	assert_int_equal(fh_call(NFS3_FSSTAT, 0), NFS3_OK);
	assert_true(bed_get_post_op(&bed.res, &a));
	assert_true(xdr_get_u64(&bed.res) == SIZE);
	assert_int_equal(xdr_in_left(&bed.res), 5 * 8 + 4);
	assert_int_equal(fh_call(NFS3_PATHCONF, 0), NFS3_OK);
	assert_true(bed_get_post_op(&bed.res, &a));
	assert_int_equal(xdr_in_left(&bed.res), 6 * 4);
}

/* What failing procedures leave after the status: words of resfail, all "nothing follows". */
static const struct {
	u32 proc, words, stat;
} changes[] = {
	{NFS3_CREATE, 2, NFS3ERR_ROFS},	 {NFS3_MKDIR, 2, NFS3ERR_ROFS},
	{NFS3_SYMLINK, 2, NFS3ERR_ROFS}, {NFS3_MKNOD, 2, NFS3ERR_ROFS},
	{NFS3_REMOVE, 2, NFS3ERR_ROFS},	 {NFS3_RMDIR, 2, NFS3ERR_ROFS},
	{NFS3_RENAME, 4, NFS3ERR_ROFS},	 {NFS3_LINK, 3, NFS3ERR_ROFS},
};

static void changes_are_refused(void **state)
{
	struct xdr_out x;
	u32 i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		bed_call(&x, changes[i].proc);
		if (changes[i].proc == NFS3_LINK)
			bed_put_fh(&x, "swap0", 1);
		bed_put_fh(&x, "swap0", 0);
		xdr_put_string(&x, "new");
		if (changes[i].proc == NFS3_RENAME) {
			bed_put_fh(&x, "swap0", 0);
			xdr_put_string(&x, "newer");
		}
		assert_int_equal(bed_stat(&x), changes[i].stat);
		for (j = 0; j < changes[i].words; j++)
			assert_int_equal(xdr_get_u32(&bed.res), 0);
		assert_false(bed.res.bad);
		assert_int_equal(xdr_in_left(&bed.res), 0);
	}
	assert_int_equal(fh_call(NFS3_READLINK, 1), NFS3ERR_INVAL);
}

static void wrong_kinds(void **state)
{
	struct xdr_out x;
	u32 proc;

	(void)state;
	for (proc = NFS3_READ; proc <= NFS3_COMMIT; proc += NFS3_COMMIT - NFS3_READ) {
		bed_call(&x, proc);
		bed_put_fh(&x, "swap0", 0);
		xdr_put_u64(&x, 0);
		xdr_put_u32(&x, 4096);
		assert_int_equal(bed_stat(&x), NFS3ERR_INVAL);
	}
}

static void commit(void **state)
{
	struct nfs3_fattr a;
	struct xdr_out x;

	(void)state;
	bed_call(&x, NFS3_COMMIT);
	bed_put_fh(&x, "swap0", 1);
	xdr_put_u64(&x, 0);
	xdr_put_u32(&x, 0);
	assert_int_equal(bed_stat(&x), NFS3_OK);
	assert_true(xdr_get_bool(&bed.res));
	xdr_take(&bed.res, 24);
	assert_true(bed_get_post_op(&bed.res, &a));
	assert_true(xdr_get_u64(&bed.res) == bed.e->write_verf);
	assert_int_equal(xdr_in_left(&bed.res), 0);
}

/* SETATTR with the given parts; @ctime NULL for no guard. */
static u32 setattr(const struct nfs3_sattr *s, const struct nfs3_time *ctime)
{
	struct xdr_out x;

	bed_call(&x, NFS3_SETATTR);
	bed_put_fh(&x, "swap0", 1);
	xdr_put_bool(&x, s->set_mode);
	if (s->set_mode)
		xdr_put_u32(&x, s->mode);
	xdr_put_bool(&x, s->set_uid);
	if (s->set_uid)
		xdr_put_u32(&x, s->uid);
	xdr_put_bool(&x, s->set_gid);
	if (s->set_gid)
		xdr_put_u32(&x, s->gid);
	xdr_put_bool(&x, s->set_size);
	if (s->set_size)
		xdr_put_u64(&x, s->size);
	xdr_put_u32(&x, s->atime_how);
	if (s->atime_how == NFS3_SET_TO_CLIENT_TIME) {
		xdr_put_u32(&x, s->atime.sec);
		xdr_put_u32(&x, s->atime.nsec);
	}
	xdr_put_u32(&x, s->mtime_how);
	if (s->mtime_how == NFS3_SET_TO_CLIENT_TIME) {
		xdr_put_u32(&x, s->mtime.sec);
		xdr_put_u32(&x, s->mtime.nsec);
	}
	xdr_put_bool(&x, ctime != NULL);
	if (ctime) {
		xdr_put_u32(&x, ctime->sec);
		xdr_put_u32(&x, ctime->nsec);
	}
	return bed_stat(&x);
}

static void setattr_what_tools_send(void **state)
{
	struct nfs3_sattr chmod = {.set_mode = true, .mode = 0640};
	struct nfs3_sattr chown = {.set_uid = true, .uid = 1000};
	struct nfs3_sattr same = {.set_size = true, .size = SIZE};
	struct nfs3_sattr shorter = {.set_size = true, .size = 0};
	struct nfs3_sattr touch = {.atime_how = 1, .mtime_how = 2, .mtime = {12345, 678}};
	struct nfs3_time old;
	struct nfs3_fattr a;

	(void)state;
	assert_int_equal(setattr(&chmod, NULL), NFS3_OK);
	assert_true(xdr_get_bool(&bed.res));
	xdr_take(&bed.res, 24);
	assert_true(bed_get_post_op(&bed.res, &a));
	assert_int_equal(xdr_in_left(&bed.res), 0);
	assert_int_equal(a.mode, 0640);
	old = a.ctime;
	assert_int_equal(setattr(&touch, &a.ctime), NFS3_OK);
	assert_int_equal(setattr(&touch, &old), NFS3ERR_NOT_SYNC);
	assert_int_equal(setattr(&same, NULL), NFS3_OK);
	assert_int_equal(setattr(&shorter, NULL), NFS3ERR_INVAL);
	assert_int_equal(fh_call(NFS3_GETATTR, 1), NFS3_OK);
	bed_get_fattr(&bed.res, &a);
	assert_int_equal(a.mtime.sec, 12345);
	assert_int_equal(a.mtime.nsec, 678);
	assert_true(a.size == SIZE);
	/* Only root gives it away; the new owner has then the rights of an owner. */
	bed.uid = 1000;
	assert_int_equal(setattr(&chown, NULL), NFS3ERR_ACCES);
	bed.uid = 0;
	assert_int_equal(setattr(&chown, NULL), NFS3_OK);
	bed.uid = 1000;
	assert_int_equal(setattr(&chmod, NULL), NFS3_OK);
	chown.uid = 1001;
	assert_int_equal(setattr(&chown, NULL), NFS3ERR_PERM);
}

/* READ, WRITE and COMMIT need the rights of root or of the owner. */
static void p5_credentials(void **state)
{
	static const u32 flavors[] = {RPC_AUTH_SYS, RPC_AUTH_NONE};
	struct xdr_out x;
	u32 i;

	(void)state;
	bed.uid = 1000;
	for (i = 0; i < 2; i++) {
		bed.flavor = flavors[i];
		bed_call_read(&x, "swap0", 0, 4096);
		assert_int_equal(bed_stat(&x), NFS3ERR_ACCES);
		bed_call_write(&x, bed.xid++, "swap0", 0, "1234", 4);
		assert_int_equal(bed_stat(&x), NFS3ERR_ACCES);
		bed_call(&x, NFS3_COMMIT);
		bed_put_fh(&x, "swap0", 1);
		xdr_put_u64(&x, 0);
		xdr_put_u32(&x, 0);
		assert_int_equal(bed_stat(&x), NFS3ERR_ACCES);
	}
	assert_int_equal(bed.starts, 0);
	assert_int_equal(bed.e->stats.nfs_denied, 6);
}

/* Arguments that every procedure finds well-formed, with the handle @fh. */
static void any_args(struct xdr_out *x, u32 proc, const u8 *fh)
{
	u32 i;

	bed_call(x, proc);
	xdr_put_opaque(x, fh, ENG_FH_LEN);
	if (proc == NFS3_LINK)
		xdr_put_opaque(x, fh, ENG_FH_LEN);
	if (proc == NFS3_LOOKUP || (proc >= NFS3_CREATE && proc <= NFS3_LINK))
		xdr_put_string(x, "swapfile");
	if (proc == NFS3_RENAME) {
		xdr_put_opaque(x, fh, ENG_FH_LEN);
		xdr_put_string(x, "other");
	}
	if (proc == NFS3_WRITE) {
		xdr_put_u64(x, 0);
		xdr_put_u32(x, 4);
		xdr_put_u32(x, 0);
		xdr_put_opaque(x, "abcd", 4);
	}
	for (i = 0; i < 10; i++)
		xdr_put_u32(x, 0);
}

static void p5_every_call_checks_the_address(void **state)
{
	struct eng_vai_info info;
	struct xdr_out x;
	u32 proc, port;

	(void)state;
	for (port = 0; port < 2; port++) {
		bed.from.addr = port ? bed_ip4(10, 0, 0, 2) : bed_ip4(10, 0, 0, 3);
		bed.from.port = port ? 1024 : 800;
		for (proc = 1; proc <= NFS3_PROC_MAX; proc++) {
			any_args(&x, proc, bed_export("swap0")->fh[1]);
			assert_int_equal(bed_stat(&x), NFS3ERR_ACCES);
		}
	}
	assert_int_equal(bed.e->stats.nfs_denied, 42);
	assert_int_equal(bed.e->stats.rpc_insecure, 21);
	bed_info("swap0", &info);
	assert_int_equal(info.denied, 42);
	assert_int_equal(bed.starts, 0);
	bed.e->cfg.insecure = true;
	assert_int_equal(fh_call(NFS3_GETATTR, 1), NFS3_OK);
}

static void p5_forged_and_stale_handles(void **state)
{
	u8 fh[ENG_FH_LEN], orig[ENG_FH_LEN];
	struct xdr_out x;
	struct eng_err err;
	u32 proc, bit;

	(void)state;
	memcpy(orig, bed_export("swap0")->fh[1], ENG_FH_LEN);
	for (bit = 0; bit < 8 * ENG_FH_LEN; bit++) {
		memcpy(fh, orig, ENG_FH_LEN);
		fh[bit / 8] ^= (u8)(1 << bit % 8);
		any_args(&x, NFS3_GETATTR, fh);
		assert_int_equal(bed_stat(&x), NFS3ERR_BADHANDLE);
	}
	for (proc = 1; proc <= NFS3_PROC_MAX; proc++) {
		any_args(&x, proc, fh);
		assert_int_equal(bed_stat(&x), NFS3ERR_BADHANDLE);
	}
	assert_int_equal(bed.e->stats.nfs_badhandle, 8 * ENG_FH_LEN + NFS3_PROC_MAX);
	bed_call(&x, NFS3_GETATTR);
	xdr_put_opaque(&x, orig, ENG_FH_LEN - 4);
	assert_int_equal(bed_stat(&x), NFS3ERR_BADHANDLE);
	bed_call(&x, NFS3_GETATTR);
	xdr_put_opaque(&x, orig, 0);
	assert_int_equal(bed_stat(&x), NFS3ERR_BADHANDLE);
	assert_int_equal(eng_vai_del(bed.e, "swap0", true, &err), 0);
	any_args(&x, NFS3_GETATTR, orig);
	assert_int_equal(bed_stat(&x), NFS3ERR_STALE);
	eng_exports_tick(bed.e);
	any_args(&x, NFS3_GETATTR, orig);
	assert_int_equal(bed_stat(&x), NFS3ERR_STALE);
	assert_int_equal(bed.e->stats.nfs_stale, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALL_TEST(null_and_unknown_programs),
		CALL_TEST(versions_and_procedures),
		CALL_TEST(rpc_version_and_credentials),
		CALL_TEST(getattr),
		CALL_TEST(access_rights),
		CALL_TEST(lookup_names),
		CALL_TEST(readdir_pieces),
		CALL_TEST(file_system_calls),
		CALL_TEST(changes_are_refused),
		CALL_TEST(wrong_kinds),
		CALL_TEST(commit),
		CALL_TEST(setattr_what_tools_send),
		CALL_TEST(p5_credentials),
		CALL_TEST(p5_every_call_checks_the_address),
		CALL_TEST(p5_forged_and_stale_handles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
