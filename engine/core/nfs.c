// SPDX-License-Identifier: GPL-2.0-only
/*
 * NFS version 3 (RFC 1813): who may use which handle, the procedures that tell about
 * the file system, and those that a swap file's directory refuses.
 */
#include "nfs_priv.h"

u32 nfs_resolve(struct eng_call *call, const struct nfs3_fh *fh, struct eng_export **res, u32 *node)
{
	struct engine *e = call->e;
	struct eng_export *x = NULL;
	u8 kind = 0;
	int rc = eng_fh_find(e, fh->data, fh->len, &x, &kind);

	if (rc == -EBADF) {
		e->stats.nfs_badhandle++;
		return NFS3ERR_BADHANDLE;
	}
	/* Before STALE: a VAI on its way out is still nobody else's business. */
	if (x && (!eng_addr_eq(&call->from->addr, &x->client->addr) || eng_call_insecure(call))) {
		e->stats.nfs_denied++;
		x->denied++;
		return NFS3ERR_ACCES;
	}
	if (rc) {
		e->stats.nfs_stale++;
		return NFS3ERR_STALE;
	}
	*res = x;
	*node = kind == ENG_FH_FILE;
	return NFS3_OK;
}

int nfs_fail(struct eng_call *call, u32 stat)
{
	if (!call->out && eng_call_reply(call, ENG_REPLY_CAP))
		return -EAGAIN;
	nfs3_put_fail(&call->res, call->hdr.proc, stat, NULL, NULL);
	return 0;
}

bool nfs_is_owner(const struct eng_call *call, const struct eng_node *n)
{
	return call->hdr.flavor == RPC_AUTH_SYS && (!call->hdr.uid || call->hdr.uid == n->uid);
}

u32 nfs_call_sum(const struct eng_call *call, u32 begin, u32 end)
{
	u32 crc = ~call->hdr.proc;

	return ~anm_crc32c(crc, call->args.buf + begin, end - begin);
}

/* Calls that change the directory: refused once their arguments make sense. */
static int nfs_refuse_change(struct eng_call *call)
{
	struct nfs3_dirop_args a;
	struct eng_export *x;
	struct nfs3_fh fh;
	u32 node, stat;
	int rc;

	eng_call_gather(call, ENG_SCRATCH_LEN);
	if (call->hdr.proc == NFS3_LINK) {
		/* The file first, then the directory and the name. */
		if (nfs3_get_fh(&call->args, &fh))
			return -EINVAL;
	}
	rc = nfs3_get_dirop(&call->args, &a);
	if (rc)
		return rc;
	stat = nfs_resolve(call, &a.dir, &x, &node);
	if (!stat && call->hdr.proc == NFS3_RENAME) {
		rc = nfs3_get_dirop(&call->args, &a);
		if (rc)
			return rc;
	}
	if (!stat)
		stat = node ? NFS3ERR_NOTDIR : NFS3ERR_ROFS;
	return nfs_fail(call, stat);
}

/* READLINK: there are no symbolic links. */
static int nfs_readlink(struct eng_call *call)
{
	struct eng_export *x;
	struct nfs3_fh fh;
	u32 node, stat;
	int rc = nfs3_get_fh(&call->args, &fh);

	if (rc)
		return rc;
	stat = nfs_resolve(call, &fh, &x, &node);
	return nfs_fail(call, stat ? stat : NFS3ERR_INVAL);
}

static void put_fsstat(struct eng_call *call, const struct eng_export *x,
		       const struct nfs3_fattr *a)
{
	/* All of the file's bytes are reserved: the file system is full, and holds one file. */
	struct nfs3_fsstat s = {.tbytes = x->size, .tfiles = 1};

	nfs3_put_fsstat_ok(&call->res, a, &s);
}

static void put_fsinfo(struct eng_call *call, const struct eng_export *x,
		       const struct nfs3_fattr *a)
{
	bool udp = call->from->door == ANM_DOOR_UDP;
	struct nfs3_fsinfo i = {
		.rtmax = udp ? ENG_UDP_IO_MAX : ENG_TCP_IO_MAX,
		.rtpref = udp ? ENG_UDP_IO_PREF : ENG_TCP_IO_PREF,
		.rtmult = ANM_PAGE_SIZE,
		.wtmult = ANM_PAGE_SIZE,
		.dtpref = ANM_PAGE_SIZE,
		.maxfilesize = x->size,
		.time_delta = {.sec = 0, .nsec = 1},
		.properties = NFS3_FSF_HOMOGENEOUS | NFS3_FSF_CANSETTIME,
	};

	i.wtmax = i.rtmax;
	i.wtpref = i.rtpref;
	nfs3_put_fsinfo_ok(&call->res, a, &i);
}

static void put_pathconf(struct eng_call *call, __always_unused const struct eng_export *x,
			 const struct nfs3_fattr *a)
{
	struct nfs3_pathconf p = {
		.linkmax = 1,
		.name_max = NFS3_NAME_MAX,
		.no_trunc = true,
		.chown_restricted = true,
		.case_preserving = true,
	};

	nfs3_put_pathconf_ok(&call->res, a, &p);
}

/* FSSTAT, FSINFO, PATHCONF: the same argument, attributes in the answer. */
static int nfs_fs_call(struct eng_call *call,
		       void (*put)(struct eng_call *call, const struct eng_export *x,
				   const struct nfs3_fattr *a))
{
	struct nfs3_fattr attr;
	struct eng_export *x;
	struct nfs3_fh fh;
	u32 node, stat;

	if (nfs3_get_fh(&call->args, &fh))
		return -EINVAL;
	stat = nfs_resolve(call, &fh, &x, &node);
	if (stat)
		return nfs_fail(call, stat);
	if (eng_call_reply(call, ENG_REPLY_CAP))
		return -EAGAIN;
	nfs_fattr_of(x, node, &attr);
	put(call, x, &attr);
	return 0;
}

int eng_nfs_call(struct eng_call *call)
{
	switch (call->hdr.proc) {
	case NFS3_NULL:
		return eng_call_reply(call, RPC_REPLY_HEAD_MAX);
	case NFS3_GETATTR:
		return nfs_getattr(call);
	case NFS3_SETATTR:
		return nfs_setattr(call);
	case NFS3_LOOKUP:
		return nfs_lookup(call);
	case NFS3_ACCESS:
		return nfs_access(call);
	case NFS3_READLINK:
		return nfs_readlink(call);
	case NFS3_READ:
		return nfs_read(call);
	case NFS3_WRITE:
		return nfs_write(call);
	case NFS3_READDIR:
	case NFS3_READDIRPLUS:
		return nfs_readdir(call);
	case NFS3_FSSTAT:
		return nfs_fs_call(call, put_fsstat);
	case NFS3_FSINFO:
		return nfs_fs_call(call, put_fsinfo);
	case NFS3_PATHCONF:
		return nfs_fs_call(call, put_pathconf);
	case NFS3_COMMIT:
		return nfs_commit(call);
	default:
		return nfs_refuse_change(call);
	}
}
