// SPDX-License-Identifier: GPL-2.0-only
/*
 * NFS version 3 over UDP and TCP. The path is that of a file: its directory is mounted, its name
 * looked up. The bytes of a call before the file handle's offset are made once.
 */
#include <sys/socket.h>
#include <unistd.h>
#include "../../proto/mount3.h"
#include "../../proto/nfs3.h"
#include "../../proto/rpc.h"
#include "load.h"

#define CALL_MAX   (LOAD_REQUEST_HEAD / 2)
#define NAME	   "load"
#define REPLY_MAX  1024
#define RECORD_MAX LOAD_DGRAM_MAX

static struct nfs3_fh file;
static struct rpc_call head = {.flavor = RPC_AUTH_SYS, .name = NAME, .name_len = sizeof(NAME) - 1};

static void call_begin(struct xdr_out *x, u32 xid, u32 prog, u32 vers, u32 proc)
{
	head.xid = xid;
	head.prog = prog;
	head.vers = vers;
	head.proc = proc;
	rpc_call_encode(x, &head);
}

/* Steps over the head of a reply to a status of 0. Return: the xid is *xid, all was well. */
static bool reply_begin(struct xdr_in *x, u32 *xid)
{
	struct rpc_reply r;

	if (rpc_reply_decode(x, &r) || r.stat != RPC_MSG_ACCEPTED || r.detail != RPC_SUCCESS)
		return false;
	*xid = r.xid;
	return !xdr_get_u32(x) && !x->bad;
}

static void get_fh(struct xdr_in *x, struct nfs3_fh *fh)
{
	const u8 *p = xdr_get_opaque(x, NFS3_FH_MAX, &fh->len);

	if (p)
		memcpy(fh->data, p, fh->len);
}

/* One call and its reply. Return: a handle, which is what both MNT and LOOKUP give first. */
static bool call_for_fh(int fd, bool stream, struct xdr_out *x, struct nfs3_fh *fh)
{
	u8 buf[REPLY_MAX], mark[RPC_MARK_LEN];
	struct xdr_in in;
	u32 len, xid;

	if (stream) {
		rpc_mark_encode(mark, x->pos);
		if (!load_send(fd, mark, sizeof(mark)) || !load_send(fd, x->buf, x->pos) ||
		    !load_recv(fd, mark, sizeof(mark)))
			return false;
		len = get_unaligned_be32(mark) & ~RPC_MARK_LAST;
		if (len > sizeof(buf) || !load_recv(fd, buf, len))
			return false;
	} else {
		ssize_t n = load_send(fd, x->buf, x->pos) ? recv(fd, buf, sizeof(buf), 0) : -1;

		len = n > 0 ? n : 0;
	}
	xdr_in_init(&in, buf, len);
	if (!reply_begin(&in, &xid))
		return false;
	get_fh(&in, fh);
	return !in.bad && fh->len;
}

static bool mount_dir(struct load *l, const char *dir, struct nfs3_fh *root)
{
	bool stream = l->proto->stream, good;
	u8 buf[MOUNT3_PATH_MAX + CALL_MAX];
	struct xdr_out x;
	int fd = load_connect(l->host, l->mount_port, stream ? SOCK_STREAM : SOCK_DGRAM);

	if (fd < 0)
		return false;
	xdr_out_init(&x, buf, sizeof(buf));
	call_begin(&x, 1, MOUNT_PROGRAM, MOUNT_V3, MOUNT3_MNT);
	xdr_put_string(&x, dir);
	good = call_for_fh(fd, stream, &x, root);
	close(fd);
	return good;
}

static int nfs_open(struct load *l)
{
	char *name = l->path ? strrchr(l->path, '/') : NULL;
	struct nfs3_fh root;
	u8 buf[CALL_MAX * 2];
	struct xdr_out x;

	if (!name || name == l->path) {
		fprintf(stderr, "load: --path /DIRECTORY/FILE is needed\n");
		return -1;
	}
	*name = '\0';
	if (!mount_dir(l, l->path, &root)) {
		fprintf(stderr, "load: cannot mount %s\n", l->path);
		return -1;
	}
	l->fd = load_connect(l->host, l->port, l->proto->stream ? SOCK_STREAM : SOCK_DGRAM);
	if (l->fd < 0)
		return -1;
	xdr_out_init(&x, buf, sizeof(buf));
	call_begin(&x, 2, NFS_PROGRAM, NFS_V3, NFS3_LOOKUP);
	xdr_put_opaque(&x, root.data, root.len);
	xdr_put_string(&x, name + 1);
	if (call_for_fh(l->fd, l->proto->stream, &x, &file))
		return 0;
	fprintf(stderr, "load: no %s in %s\n", name + 1, l->path);
	return -1;
}

static u32 nfs_call(struct load *l, u32 tag, u64 page, u8 *buf)
{
	struct xdr_out x;

	xdr_out_init(&x, buf, LOAD_REQUEST_HEAD + ANM_PAGE_SIZE);
	call_begin(&x, tag, NFS_PROGRAM, NFS_V3, l->fill ? NFS3_WRITE : NFS3_READ);
	xdr_put_opaque(&x, file.data, file.len);
	xdr_put_u64(&x, page << ANM_PAGE_SHIFT);
	xdr_put_u32(&x, ANM_PAGE_SIZE);
	if (l->fill) {
		xdr_put_u32(&x, NFS3_FILE_SYNC);
		xdr_put_u32(&x, ANM_PAGE_SIZE);
		load_page_fill(xdr_reserve(&x, ANM_PAGE_SIZE), page);
	}
	return x.pos;
}

static u32 nfs_record(struct load *l, u32 tag, u64 page, u8 *buf)
{
	u32 n = nfs_call(l, tag, page, buf + RPC_MARK_LEN);

	rpc_mark_encode(buf, n);
	return n + RPC_MARK_LEN;
}

static int nfs_reply(struct load *l, const u8 *buf, u32 len, struct load_answer *a)
{
	struct xdr_in x;
	u32 xid, n;

	xdr_in_init(&x, buf, len);
	if (!reply_begin(&x, &xid))
		return -1;
	a->tag = xid;
	if (l->fill)
		return len;
	if (xdr_get_bool(&x))
		xdr_take(&x, NFS3_FATTR_LEN);
	n = xdr_get_u32(&x);
	xdr_get_bool(&x); /* end of file */
	a->data = xdr_get_opaque(&x, ANM_PAGE_SIZE, &n);
	return x.bad || n != ANM_PAGE_SIZE ? -1 : (int)len;
}

static int nfs_record_in(struct load *l, const u8 *buf, u32 len, struct load_answer *a)
{
	u32 mark, n;
	int rc;

	if (len < RPC_MARK_LEN)
		return 0;
	mark = get_unaligned_be32(buf);
	n = mark & ~RPC_MARK_LAST;
	if (!(mark & RPC_MARK_LAST) || n > RECORD_MAX)
		return -1; /* nobody sends a page in pieces */
	if (len < RPC_MARK_LEN + n)
		return 0;
	rc = nfs_reply(l, buf + RPC_MARK_LEN, n, a);
	return rc > 0 ? (int)(RPC_MARK_LEN + n) : -1;
}

const struct load_proto load_nfs_udp = {
	.name = "nfs-udp",
	.open = nfs_open,
	.request = nfs_call,
	.answer = nfs_reply,
};

const struct load_proto load_nfs_tcp = {
	.name = "nfs-tcp",
	.stream = true,
	.open = nfs_open,
	.request = nfs_record,
	.answer = nfs_record_in,
};
