// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine over UDP as another ONC RPC implementation sees it (libtirpc, with
 * XDR calls of our own).
 *
 *   rpc_udp test   NFSPORT MOUNTPORT VAI SIZE OTHER [ADDR ADDR2]
 *                                                      all tests; OTHER is a VAI of another client,
 *                                                      the addresses are the engine's, both
 *   rpc_udp handle NFSPORT MOUNTPORT VAI               print the handle of the VAI's directory
 *   rpc_udp lost   NFSPORT MOUNTPORT VAI SIZE          some pages read as NFS3ERR_IO, the others well
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <rpc/rpc.h>
#include "report.h"

#define NFS_PROG   100003
#define MOUNT_PROG 100005
#define PAGE	   4096u
#define IO_MAX	   32768u
#define BUF_SIZE   40000
#define FH_MAX	   64
#define OPS	   3000

enum {
	GETATTR = 1,
	SETATTR,
	LOOKUP,
	ACCESS,
	READLINK,
	READ,
	WRITE,
	CREATE,
	MKDIR,
	SYMLINK,
	MKNOD,
	REMOVE,
	RMDIR,
	RENAME,
	LINK,
	READDIR,
	READDIRPLUS,
	FSSTAT,
	FSINFO,
	PATHCONF,
	COMMIT
};
enum {
	OK = 0,
	E_NOENT = 2,
	E_IO = 5,
	E_ACCES = 13,
	E_FBIG = 27,
	E_ROFS = 30,
	E_STALE = 70,
	E_BADHANDLE = 10001,
	E_NOTSUPP = 10004
};

struct fh {
	u_int len;
	char data[FH_MAX];
};

static const char *host = "127.0.0.1", *host2 = "127.0.0.2";
static int nfs_port, mount_port;
static const char *vai, *other_vai;
static uint64_t size, state;
static char *model;
static struct fh root, file;
static CLIENT *nfs, *mnt;

static CLIENT *client(int prog, int vers, int port, int uid)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval wait = {.tv_sec = 1};
	int sock = RPC_ANYSOCK;
	CLIENT *c;

	inet_pton(AF_INET, host, &sin.sin_addr);
	c = clntudp_bufcreate(&sin, prog, vers, wait, &sock, BUF_SIZE, BUF_SIZE);
	if (c && uid >= 0)
		c->cl_auth = authunix_create("test", uid, uid, 0, NULL);
	return c;
}

static enum clnt_stat call(CLIENT *c, int proc, xdrproc_t enc, void *in, xdrproc_t dec, void *out)
{
	struct timeval total = {.tv_sec = 10};

	return clnt_call(c, proc, enc, in, dec, out, total);
}

static bool_t x_void(XDR *x, void *p)
{
	(void)x;
	(void)p;
	return TRUE;
}

static bool_t x_fh(XDR *x, struct fh *fh)
{
	char *p = fh->data;

	return xdr_bytes(x, &p, &fh->len, FH_MAX);
}

/* Just the status; what follows is not read. */
static bool_t x_status(XDR *x, uint32_t *st)
{
	return xdr_uint32_t(x, st);
}

struct attr {
	uint32_t type, mode, nlink, uid, gid;
	uint64_t size, used;
};

static bool_t x_attr(XDR *x, struct attr *a)
{
	uint32_t skip;
	int i;

	if (!xdr_uint32_t(x, &a->type) || !xdr_uint32_t(x, &a->mode) ||
	    !xdr_uint32_t(x, &a->nlink) || !xdr_uint32_t(x, &a->uid) || !xdr_uint32_t(x, &a->gid) ||
	    !xdr_uint64_t(x, &a->size) || !xdr_uint64_t(x, &a->used))
		return FALSE;
	for (i = 0; i < 12; i++) /* rdev, fsid, fileid, three times */
		if (!xdr_uint32_t(x, &skip))
			return FALSE;
	return TRUE;
}

static bool_t x_post_attr(XDR *x)
{
	struct attr a;
	uint32_t follows;

	return xdr_uint32_t(x, &follows) && (!follows || x_attr(x, &a));
}

static bool_t x_wcc(XDR *x)
{
	uint32_t follows, skip, i;

	if (!xdr_uint32_t(x, &follows))
		return FALSE;
	for (i = 0; follows && i < 6; i++)
		if (!xdr_uint32_t(x, &skip))
			return FALSE;
	return x_post_attr(x);
}

struct attr_res {
	uint32_t status;
	struct attr a;
};

static bool_t x_attr_res(XDR *x, struct attr_res *r)
{
	return xdr_uint32_t(x, &r->status) && (r->status || x_attr(x, &r->a));
}

struct mnt_res {
	uint32_t status;
	struct fh fh;
	uint32_t nflavors;
};

static bool_t x_mnt_res(XDR *x, struct mnt_res *r)
{
	if (!xdr_uint32_t(x, &r->status) || r->status)
		return r->status != 0;
	return x_fh(x, &r->fh) && xdr_uint32_t(x, &r->nflavors);
}

static bool_t x_path(XDR *x, char **s)
{
	return xdr_string(x, s, 1024);
}

struct dirop {
	struct fh *dir;
	char *name;
};

static bool_t x_dirop(XDR *x, struct dirop *a)
{
	return x_fh(x, a->dir) && xdr_string(x, &a->name, 255);
}

struct lookup_res {
	uint32_t status;
	struct fh fh;
};

static bool_t x_lookup_res(XDR *x, struct lookup_res *r)
{
	return xdr_uint32_t(x, &r->status) && (r->status || x_fh(x, &r->fh));
}

struct io {
	struct fh *fh;
	uint64_t off;
	uint32_t count;
	uint32_t stable;
	char *data;
};

static bool_t x_read_args(XDR *x, struct io *a)
{
	return x_fh(x, a->fh) && xdr_uint64_t(x, &a->off) && xdr_uint32_t(x, &a->count);
}

static bool_t x_write_args(XDR *x, struct io *a)
{
	return x_read_args(x, a) && xdr_uint32_t(x, &a->stable) &&
	       xdr_bytes(x, &a->data, &a->count, IO_MAX);
}

struct io_res {
	uint32_t status, count, eof, committed;
	u_int len;
	char *data;
	uint64_t verf;
};

static bool_t x_read_res(XDR *x, struct io_res *r)
{
	if (!xdr_uint32_t(x, &r->status) || !x_post_attr(x))
		return FALSE;
	return r->status || (xdr_uint32_t(x, &r->count) && xdr_uint32_t(x, &r->eof) &&
			     xdr_bytes(x, &r->data, &r->len, IO_MAX));
}

static bool_t x_write_res(XDR *x, struct io_res *r)
{
	if (!xdr_uint32_t(x, &r->status) || !x_wcc(x))
		return FALSE;
	return r->status || (xdr_uint32_t(x, &r->count) && xdr_uint32_t(x, &r->committed) &&
			     xdr_uint64_t(x, &r->verf));
}

static char data[IO_MAX + 4];

static enum clnt_stat do_read(CLIENT *c, struct fh *fh, uint64_t off, uint32_t n, struct io_res *r)
{
	struct io a = {.fh = fh, .off = off, .count = n};

	*r = (struct io_res){.data = data};
	return call(c, READ, (xdrproc_t)x_read_args, &a, (xdrproc_t)x_read_res, r);
}

static enum clnt_stat do_write(CLIENT *c, struct fh *fh, uint64_t off, uint32_t n, char *p,
			       struct io_res *r)
{
	struct io a = {.fh = fh, .off = off, .count = n, .stable = 2, .data = p};

	*r = (struct io_res){0};
	return call(c, WRITE, (xdrproc_t)x_write_args, &a, (xdrproc_t)x_write_res, r);
}

static uint32_t getattr_status(CLIENT *c, struct fh *fh)
{
	struct attr_res r = {.status = ~0u};

	call(c, GETATTR, (xdrproc_t)x_fh, fh, (xdrproc_t)x_attr_res, &r);
	return r.status;
}

static const char *mount_status(const char *name, struct mnt_res *r)
{
	char path[128], *p = path;

	snprintf(path, sizeof(path), "/%s", name);
	*r = (struct mnt_res){0};
	if (call(mnt, 1, (xdrproc_t)x_path, &p, (xdrproc_t)x_mnt_res, r) != RPC_SUCCESS)
		return FAIL("%s", clnt_sperror(mnt, "MNT"));
	return NULL;
}

static const char *test_null(void)
{
	nfs = client(NFS_PROG, 3, nfs_port, 0);
	mnt = client(MOUNT_PROG, 3, mount_port, 0);
	EXPECT(nfs && mnt, "%s", clnt_spcreateerror("client"));
	EXPECT(!call(nfs, 0, (xdrproc_t)x_void, NULL, (xdrproc_t)x_void, NULL), "%s",
	       clnt_sperror(nfs, "NFS"));
	EXPECT(!call(mnt, 0, (xdrproc_t)x_void, NULL, (xdrproc_t)x_void, NULL), "%s",
	       clnt_sperror(mnt, "MOUNT"));
	return NULL;
}

static const char *test_mount_and_lookup(void)
{
	struct lookup_res l = {.status = ~0u};
	struct dirop a = {.dir = &root, .name = "swapfile"};
	struct mnt_res m;
	const char *why = mount_status(vai, &m);

	if (why)
		return why;
	EXPECT(m.status == OK && m.fh.len > 0 && m.nflavors > 0, "MNT: status %u", m.status);
	root = m.fh;
	call(nfs, LOOKUP, (xdrproc_t)x_dirop, &a, (xdrproc_t)x_lookup_res, &l);
	EXPECT(l.status == OK, "LOOKUP: status %u", l.status);
	file = l.fh;
	a.name = "nothing";
	call(nfs, LOOKUP, (xdrproc_t)x_dirop, &a, (xdrproc_t)x_lookup_res, &l);
	EXPECT(l.status == E_NOENT, "LOOKUP of nothing: status %u", l.status);
	return NULL;
}

static const char *test_getattr(void)
{
	struct attr_res r = {.status = ~0u};

	call(nfs, GETATTR, (xdrproc_t)x_fh, &file, (xdrproc_t)x_attr_res, &r);
	EXPECT(!r.status && r.a.type == 1, "status %u, type %u", r.status, r.a.type);
	EXPECT(r.a.size == size && r.a.used >= size, "size %llu, used %llu",
	       (unsigned long long)r.a.size, (unsigned long long)r.a.used);
	call(nfs, GETATTR, (xdrproc_t)x_fh, &root, (xdrproc_t)x_attr_res, &r);
	EXPECT(!r.status && r.a.type == 2, "root: status %u, type %u", r.status, r.a.type);
	return NULL;
}

static const char *read_all(void)
{
	struct io_res r;
	uint64_t off;

	for (off = 0; off < size; off += IO_MAX) {
		EXPECT(!do_read(nfs, &file, off, IO_MAX, &r) && !r.status && r.len == IO_MAX,
		       "read at %llu: status %u, %u bytes", (unsigned long long)off, r.status,
		       r.len);
		EXPECT(!memcmp(data, model + off, IO_MAX), "bytes differ near %llu",
		       (unsigned long long)off);
	}
	return NULL;
}

static const char *test_random_io(void)
{
	uint64_t off, verf = 0;
	struct io_res r;
	uint32_t n;
	int i;

	for (off = 0; off < size; off += IO_MAX) { /* the model begins with what is there */
		EXPECT(!do_read(nfs, &file, off, IO_MAX, &r) && !r.status, "read");
		memcpy(model + off, data, IO_MAX);
	}
	for (i = 0; i < OPS; i++) {
		n = 1 + rnd(&state) % IO_MAX;
		off = rnd(&state) % (size - n);
		if (rnd(&state) % 2) {
			n = (n + PAGE - 1) / PAGE * PAGE;
			off = off / PAGE * PAGE;
			n = off + n > size ? size - off : n;
		}
		if (rnd(&state) % 2) {
			fill_random((uint8_t *)model + off, n, &state);
			EXPECT(!do_write(nfs, &file, off, n, model + off, &r) && !r.status &&
				       r.count == n,
			       "op %d: write: status %u, %u of %u", i, r.status, r.count, n);
			EXPECT(r.committed == 2, "op %d: committed %u", i, r.committed);
			EXPECT(!verf || verf == r.verf, "the verifier changed");
			verf = r.verf;
		} else {
			EXPECT(!do_read(nfs, &file, off, n, &r) && !r.status && r.len == n &&
				       r.count == n,
			       "op %d: read: status %u, %u of %u", i, r.status, r.len, n);
			EXPECT(!memcmp(data, model + off, n), "op %d: bytes differ", i);
		}
	}
	return read_all();
}

static const char *test_ends(void)
{
	struct io_res r;

	EXPECT(!do_read(nfs, &file, size - 10, PAGE, &r) && !r.status, "read: %u", r.status);
	EXPECT(r.len == 10 && r.eof, "short read: %u bytes, eof %u", r.len, r.eof);
	EXPECT(!do_read(nfs, &file, size, PAGE, &r) && !r.status && !r.len && r.eof,
	       "read at the end: %u, %u bytes", r.status, r.len);
	EXPECT(!do_read(nfs, &file, ~0ull - 10, PAGE, &r) && (r.status || (!r.len && r.eof)),
	       "read at the end of numbers: %u, %u bytes", r.status, r.len);
	EXPECT(!do_write(nfs, &file, size, PAGE, model, &r) && r.status == E_FBIG,
	       "write at the end: %u", r.status);
	EXPECT(!do_write(nfs, &file, size - 1, 2, model, &r) && r.status == E_FBIG,
	       "write across the end: %u", r.status);
	EXPECT(!do_write(nfs, &file, ~0ull - 1, 4, model, &r) && r.status, "write at 2^64");
	return read_all();
}

static const char *test_forged_handles(void)
{
	uint32_t st;
	struct fh f;
	u_int i;

	for (i = 0; i < file.len * 8; i++) {
		f = file;
		f.data[i / 8] ^= 1 << i % 8;
		st = getattr_status(nfs, &f);
		EXPECT(st == E_BADHANDLE || st == E_STALE, "bit %u: status %u", i, st);
	}
	for (i = 0; i < file.len; i++) {
		f = file;
		f.len = i;
		st = getattr_status(nfs, &f);
		EXPECT(st == E_BADHANDLE || st == E_STALE, "%u bytes: status %u", i, st);
	}
	return NULL;
}

static const char *test_credentials(void)
{
	CLIENT *user = client(NFS_PROG, 3, nfs_port, 1000),
	       *none = client(NFS_PROG, 3, nfs_port, -1);
	struct io_res r = {.status = 0};
	enum clnt_stat st;

	EXPECT(!do_read(user, &file, 0, PAGE, &r) && r.status == E_ACCES, "read as 1000: %u",
	       r.status);
	EXPECT(!do_write(user, &file, 0, PAGE, model, &r) && r.status == E_ACCES,
	       "write as 1000: %u", r.status);
	st = do_read(none, &file, 0, PAGE, &r);
	EXPECT(st == RPC_AUTHERROR || (!st && r.status == E_ACCES), "read as nobody: %d, %u", st,
	       r.status);
	clnt_destroy(user);
	clnt_destroy(none);
	return read_all();
}

static const char *test_other_client(void)
{
	struct mnt_res m;
	const char *why = mount_status(other_vai, &m);

	if (why)
		return why;
	EXPECT(m.status == E_ACCES, "MNT: status %u", m.status);
	return NULL;
}

static const char *expect_stat(int prog, int vers, int proc, enum clnt_stat want)
{
	CLIENT *c = client(prog, vers, prog == MOUNT_PROG ? mount_port : nfs_port, 0);
	enum clnt_stat st = call(c, proc, (xdrproc_t)x_void, NULL, (xdrproc_t)x_void, NULL);
	struct rpc_err e;

	clnt_geterr(c, &e);
	clnt_destroy(c);
	EXPECT(st == want, "program %d version %d procedure %d: %s", prog, vers, proc,
	       clnt_sperrno(st));
	EXPECT(st != RPC_PROGVERSMISMATCH || (e.re_vers.low == 3 && e.re_vers.high == 3),
	       "versions %u to %u", (unsigned)e.re_vers.low, (unsigned)e.re_vers.high);
	return NULL;
}

static const char *test_refusals(void)
{
	static const struct {
		int prog, vers, proc;
		enum clnt_stat want;
	} list[] = {
		{100227, 3, 0, RPC_PROGUNAVAIL},	{400000, 1, 0, RPC_PROGUNAVAIL},
		{NFS_PROG, 2, 0, RPC_PROGVERSMISMATCH}, {NFS_PROG, 4, 0, RPC_PROGVERSMISMATCH},
		{NFS_PROG, 3, 22, RPC_PROCUNAVAIL},	{NFS_PROG, 3, 1000, RPC_PROCUNAVAIL},
		{MOUNT_PROG, 3, 6, RPC_PROCUNAVAIL},	{NFS_PROG, 3, READ, RPC_CANTDECODEARGS},
	};
	const char *why = NULL;
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(*list) && !why; i++)
		why = expect_stat(list[i].prog, list[i].vers, list[i].proc, list[i].want);
	return why;
}

/* Arguments that all of them can be read from: names, then plenty of zeros. */
static bool_t x_dirop_and_zeros(XDR *x, struct dirop *a)
{
	uint32_t zero = 0;
	int i;

	if (!x_dirop(x, a))
		return FALSE;
	for (i = 0; i < 24; i++)
		if (!xdr_uint32_t(x, &zero))
			return FALSE;
	return TRUE;
}

static bool_t x_two_dirops(XDR *x, struct dirop *a)
{
	return x_dirop(x, &a[0]) && x_dirop(x, &a[1]);
}

static bool_t x_link(XDR *x, struct dirop *a)
{
	return x_fh(x, &file) && x_dirop(x, a);
}

static const char *test_read_only_directory(void)
{
	static const int procs[] = {CREATE, MKDIR, SYMLINK, MKNOD, REMOVE, RMDIR, RENAME, LINK};
	struct dirop a[2] = {{&root, "new"}, {&root, "newer"}};
	xdrproc_t enc;
	uint32_t st;
	size_t i;

	for (i = 0; i < sizeof(procs) / sizeof(*procs); i++) {
		enc = procs[i] == RENAME ? (xdrproc_t)x_two_dirops
		      : procs[i] == LINK ? (xdrproc_t)x_link
					 : (xdrproc_t)x_dirop_and_zeros;
		st = ~0u;
		call(nfs, procs[i], enc, a, (xdrproc_t)x_status, &st);
		EXPECT(st == E_ROFS || st == E_NOTSUPP, "procedure %d: status %u", procs[i], st);
	}
	return NULL;
}

/* ---- datagrams of our own ---- */

static int raw_socket(const char *to, int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval tv = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, to, &sin.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		return -1;
	return fd;
}

static int encode_call(char *p, uint32_t xid, int proc, xdrproc_t enc, void *in)
{
	struct opaque_auth none = {.oa_flavor = AUTH_NONE};
	char cred[64];
	struct opaque_auth sys = {.oa_flavor = AUTH_SYS, .oa_base = cred};
	uint32_t zero = 0, vals[] = {xid, 0, 2, NFS_PROG, 3, proc};
	char *name = "test";
	XDR x, c;
	size_t i;
	int n;

	xdrmem_create(&c, cred, sizeof(cred), XDR_ENCODE);
	xdr_uint32_t(&c, &zero);
	xdr_string(&c, &name, 255);
	for (i = 0; i < 3; i++) /* uid, gid, no groups */
		xdr_uint32_t(&c, &zero);
	sys.oa_length = xdr_getpos(&c);
	xdrmem_create(&x, p, BUF_SIZE, XDR_ENCODE);
	for (i = 0; i < sizeof(vals) / sizeof(*vals); i++)
		xdr_uint32_t(&x, &vals[i]);
	xdr_opaque_auth(&x, &sys);
	xdr_opaque_auth(&x, &none);
	n = enc(&x, in) ? (int)xdr_getpos(&x) : -1;
	return n;
}

static const char *test_answers_from_where_asked(void)
{
	char msg[BUF_SIZE];
	int fd = raw_socket(host2, nfs_port);
	int n = encode_call(msg, 77, 0, (xdrproc_t)x_void, NULL);

	/* A connected socket takes answers from that address only. */
	EXPECT(send(fd, msg, n, 0) == n, "send: %s", strerror(errno));
	EXPECT(recv(fd, msg, sizeof(msg), 0) >= 24, "no answer from %s", host2);
	close(fd);
	return NULL;
}

static const char *raw_write(int fd, uint32_t xid, uint64_t off, char *bytes)
{
	struct io a = {.fh = &file, .off = off, .count = PAGE, .stable = 2, .data = bytes};
	char msg[BUF_SIZE];
	int n = encode_call(msg, xid, WRITE, (xdrproc_t)x_write_args, &a);
	uint32_t got = 0;

	EXPECT(send(fd, msg, n, 0) == n, "send: %s", strerror(errno));
	EXPECT(recv(fd, msg, sizeof(msg), 0) >= 28, "no answer to a WRITE");
	memcpy(&got, msg, 4);
	EXPECT(ntohl(got) == xid, "answer to %u in place of %u", ntohl(got), xid);
	memcpy(&got, msg + 24, 4);
	EXPECT(!got, "WRITE: status %u", ntohl(got));
	return NULL;
}

static const char *test_late_duplicate(void)
{
	char first[PAGE], second[PAGE];
	int fd = raw_socket(host, nfs_port), i;
	struct io_res r;
	const char *why;

	for (i = 0; i < 100; i++) {
		uint64_t off = (rnd(&state) % (size / PAGE)) * PAGE;
		uint32_t xid = 1000 + 2 * i;

		fill_random((uint8_t *)first, PAGE, &state);
		fill_random((uint8_t *)second, PAGE, &state);
		why = raw_write(fd, xid, off, first);
		why = why ? why : raw_write(fd, xid + 1, off, second);
		why = why ? why : raw_write(fd, xid, off, first); /* the late one */
		if (why)
			return why;
		memcpy(model + off, second, PAGE);
		EXPECT(!do_read(nfs, &file, off, PAGE, &r) && !r.status, "read");
		EXPECT(!memcmp(data, second, PAGE), "round %d: the late duplicate was written", i);
	}
	close(fd);
	return NULL;
}

static const char *test_malformed(void)
{
	struct io a = {.fh = &file, .off = 0, .count = PAGE, .stable = 2, .data = model};
	int fd = raw_socket(host, nfs_port), i, n, len;
	char msg[BUF_SIZE], bad[BUF_SIZE];
	const char *why;

	n = encode_call(msg, 5, WRITE, (xdrproc_t)x_write_args, &a);
	for (len = 0; len < 300; len++)
		send(fd, msg, len, 0);
	for (i = 0; i < 2000;
	     i++) { /* heads bit-flipped, and noise; never the offset or the data */
		memcpy(bad, msg, n);
		bad[4 + rnd(&state) % 90] ^= 1 << rnd(&state) % 8;
		send(fd, bad, 100 + rnd(&state) % (n - 200), 0);
		len = rnd(&state) % 1500;
		fill_random((uint8_t *)bad, len, &state);
		send(fd, bad, len, 0);
	}
	memset(bad, 0xff, sizeof(bad));
	send(fd, bad, sizeof(bad), 0);
	close(fd);
	EXPECT(!call(nfs, 0, (xdrproc_t)x_void, NULL, (xdrproc_t)x_void, NULL), "%s",
	       clnt_sperror(nfs, "afterwards"));
	why = read_all();
	return why;
}

static const struct test tests[] = {
	{"udp_null", test_null},
	{"udp_mount_and_lookup", test_mount_and_lookup},
	{"udp_getattr", test_getattr},
	{"p1_udp_random_io_matches_model", test_random_io},
	{"udp_reads_and_writes_at_the_end", test_ends},
	{"p5_udp_forged_handles_are_refused", test_forged_handles},
	{"p5_udp_other_users_are_refused", test_credentials},
	{"p5_udp_other_clients_vai_is_refused", test_other_client},
	{"udp_unknown_programs_versions_procedures", test_refusals},
	{"udp_directory_is_read_only", test_read_only_directory},
	{"udp_answers_from_the_address_asked", test_answers_from_where_asked},
	{"p3_udp_late_duplicate_changes_nothing", test_late_duplicate},
	{"p6_udp_malformed_datagrams", test_malformed},
};

static int print_handle(void)
{
	struct mnt_res m;
	u_int i;

	mnt = client(MOUNT_PROG, 3, mount_port, 0);
	if (!mnt || mount_status(vai, &m) || m.status)
		return 1;
	for (i = 0; i < m.fh.len; i++)
		printf("%02x", (unsigned char)m.fh.data[i]);
	putchar('\n');
	return 0;
}

static int count_lost(void)
{
	unsigned long long good = 0, lost = 0, other = 0;
	struct io_res r;
	uint64_t off;

	if (test_null() || test_mount_and_lookup())
		return 1;
	for (off = 0; off < size; off += PAGE) {
		if (do_read(nfs, &file, off, PAGE, &r))
			other++;
		else if (!r.status && r.len == PAGE)
			good++;
		else if (r.status == E_IO)
			lost++;
		else
			other++;
	}
	printf("# %llu pages read, %llu NFS3ERR_IO, %llu other answers\n", good, lost, other);
	return !lost || !good || other;
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: rpc_udp test|handle|lost NFSPORT MOUNTPORT VAI [SIZE OTHER "
				"[ADDR ADDR2]]\n");
		return 2;
	}
	nfs_port = atoi(argv[2]);
	mount_port = atoi(argv[3]);
	vai = argv[4];
	if (!strcmp(argv[1], "handle"))
		return print_handle();
	if (argc < 6)
		return 2;
	size = strtoull(argv[5], NULL, 0);
	if (!strcmp(argv[1], "lost"))
		return count_lost();
	if (argc != 7 && argc != 9)
		return 2;
	if (argc == 9) {
		host = argv[7];
		host2 = argv[8];
	}
	other_vai = argv[6];
	state = seed_from_env();
	model = calloc(1, size + IO_MAX);
	return run_tests(tests, sizeof(tests) / sizeof(*tests));
}
