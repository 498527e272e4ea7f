// SPDX-License-Identifier: GPL-2.0-only
/* The way to a file handle: MNT, then LOOKUP, as any client does. */
#include "../../proto/mount3.h"
#include "kload.h"

#define TRIES	  5 /* a mount daemon may have to be asked first */
#define REPLY_MAX 1024

struct ask {
	u8 call[KLOAD_HEAD_MAX];
	u8 reply[REPLY_MAX];
};

static void begin(struct xdr_out *x, struct ask *a, u32 prog, u32 proc)
{
	struct rpc_call call = {
		.xid = get_random_u32(),
		.prog = prog,
		.vers = 3,
		.proc = proc,
		.flavor = RPC_AUTH_SYS,
		.name = "kload",
		.name_len = 5,
	};

	xdr_out_init(x, a->call, sizeof(a->call));
	rpc_call_encode(x, &call);
}

static int exchange(struct socket *sock, struct ask *a, u32 len)
{
	struct kvec vec;
	struct msghdr msg;
	int i, n = 0;

	for (i = 0; i < TRIES; i++) {
		msg = (struct msghdr){};
		vec = (struct kvec){a->call, len};
		n = kernel_sendmsg(sock, &msg, &vec, 1, len);
		if (n < 0)
			break;
		msg = (struct msghdr){};
		vec = (struct kvec){a->reply, sizeof(a->reply)};
		n = kernel_recvmsg(sock, &msg, &vec, 1, sizeof(a->reply), 0);
		if (n != -EAGAIN)
			break;
	}
	return n;
}

/* Send the call in @a; both results begin with a status and a handle. */
static int ask(struct kload_cmd *c, u16 port, struct ask *a, u32 len, struct nfs3_fh *fh)
{
	struct rpc_reply rpc;
	struct socket *sock;
	struct xdr_in x;
	const u8 *p;
	int n;

	n = kload_socket(c, port, &sock);
	if (n)
		return n;
	n = exchange(sock, a, len);
	sock_release(sock);
	if (n < 0)
		return n;
	xdr_in_init(&x, a->reply, n);
	if (rpc_reply_decode(&x, &rpc) || rpc.stat != RPC_MSG_ACCEPTED || rpc.detail)
		return -EPROTO;
	if (xdr_get_u32(&x))
		return -EACCES;
	p = xdr_get_opaque(&x, NFS3_FH_MAX, &fh->len);
	if (!p)
		return -EPROTO;
	memcpy(fh->data, p, fh->len);
	return 0;
}

int kload_mount(struct kload_cmd *c, u16 mount_port, const char *path, const char *name)
{
	struct ask *a = kzalloc(sizeof(*a), GFP_KERNEL);
	struct nfs3_fh dir;
	struct xdr_out x;
	int err;

	if (!a)
		return -ENOMEM;
	begin(&x, a, MOUNT_PROGRAM, MOUNT3_MNT);
	xdr_put_string(&x, path);
	err = x.bad ? -EINVAL : ask(c, mount_port, a, x.pos, &dir);
	if (err)
		goto out;
	begin(&x, a, NFS_PROGRAM, NFS3_LOOKUP);
	xdr_put_opaque(&x, dir.data, dir.len);
	xdr_put_string(&x, name);
	err = x.bad ? -EINVAL : ask(c, c->port, a, x.pos, &c->fh);
out:
	kfree(a);
	return err;
}
