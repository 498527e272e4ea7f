// SPDX-License-Identifier: GPL-2.0-only
/*
 * NFS version 3 (RFC 1813): arguments and results.
 */
#include "nfs3.h"

#define DIR_END_LEN 8 /* no more entries, eof */

/* ---- arguments ---- */

static void get_fh(struct xdr_in *x, struct nfs3_fh *fh)
{
	const u8 *p = xdr_get_opaque(x, NFS3_FH_MAX, &fh->len);

	memset(fh->data, 0, sizeof(fh->data));
	if (p)
		memcpy(fh->data, p, fh->len);
}

static void get_time(struct xdr_in *x, struct nfs3_time *t)
{
	t->sec = xdr_get_u32(x);
	t->nsec = xdr_get_u32(x);
}

static int result(const struct xdr_in *x)
{
	return x->bad ? -EINVAL : 0;
}

int nfs3_get_fh(struct xdr_in *x, struct nfs3_fh *fh)
{
	get_fh(x, fh);
	return result(x);
}

static bool get_optional_u32(struct xdr_in *x, u32 *v)
{
	if (!xdr_get_bool(x))
		return false;
	*v = xdr_get_u32(x);
	return true;
}

static u32 get_time_how(struct xdr_in *x, struct nfs3_time *t)
{
	u32 how = xdr_get_u32(x);

	if (how > NFS3_SET_TO_CLIENT_TIME)
		x->bad = true;
	else if (how == NFS3_SET_TO_CLIENT_TIME)
		get_time(x, t);
	return how;
}

int nfs3_get_setattr(struct xdr_in *x, struct nfs3_setattr_args *a)
{
	memset(a, 0, sizeof(*a));
	get_fh(x, &a->fh);
	a->attr.set_mode = get_optional_u32(x, &a->attr.mode);
	a->attr.set_uid = get_optional_u32(x, &a->attr.uid);
	a->attr.set_gid = get_optional_u32(x, &a->attr.gid);
	a->attr.set_size = xdr_get_bool(x);
	if (a->attr.set_size)
		a->attr.size = xdr_get_u64(x);
	a->attr.atime_how = get_time_how(x, &a->attr.atime);
	a->attr.mtime_how = get_time_how(x, &a->attr.mtime);
	a->guarded = xdr_get_bool(x);
	if (a->guarded)
		get_time(x, &a->guard_ctime);
	return result(x);
}

int nfs3_get_dirop(struct xdr_in *x, struct nfs3_dirop_args *a)
{
	get_fh(x, &a->dir);
	a->name.s = (const char *)xdr_get_opaque(x, U32_MAX, &a->name.len);
	return result(x);
}

int nfs3_get_access(struct xdr_in *x, struct nfs3_access_args *a)
{
	get_fh(x, &a->fh);
	a->access = xdr_get_u32(x);
	return result(x);
}

int nfs3_get_read(struct xdr_in *x, struct nfs3_read_args *a)
{
	get_fh(x, &a->fh);
	a->offset = xdr_get_u64(x);
	a->count = xdr_get_u32(x);
	return result(x);
}

int nfs3_get_commit(struct xdr_in *x, struct nfs3_read_args *a)
{
	return nfs3_get_read(x, a);
}

int nfs3_get_readdir(struct xdr_in *x, bool plus, struct nfs3_readdir_args *a)
{
	get_fh(x, &a->dir);
	a->cookie = xdr_get_u64(x);
	xdr_get_fixed(x, a->cookieverf, sizeof(a->cookieverf));
	a->dircount = xdr_get_u32(x);
	a->maxcount = plus ? xdr_get_u32(x) : a->dircount;
	return result(x);
}

int nfs3_get_write(struct xdr_in *x, u32 rec_len, struct nfs3_write_args *a)
{
	u32 len, left;

	get_fh(x, &a->fh);
	a->offset = xdr_get_u64(x);
	a->count = xdr_get_u32(x);
	a->stable = xdr_get_u32(x);
	len = xdr_get_u32(x);
	a->data_off = x->pos;
	if (a->stable > NFS3_FILE_SYNC || len != a->count || rec_len < x->pos)
		x->bad = true;
	if (x->bad)
		return -EINVAL;
	left = rec_len - x->pos;
	/* The second comparison cannot wrap once the first has passed. */
	if (len > left || xdr_padded(len) - len > left - len) {
		x->bad = true;
		return -EINVAL;
	}
	return 0;
}

/* ---- results ---- */

static void put_time(struct xdr_out *x, const struct nfs3_time *t)
{
	xdr_put_u32(x, t->sec);
	xdr_put_u32(x, t->nsec);
}

void nfs3_put_fattr(struct xdr_out *x, const struct nfs3_fattr *a)
{
	xdr_put_u32(x, a->type);
	xdr_put_u32(x, a->mode);
	xdr_put_u32(x, a->nlink);
	xdr_put_u32(x, a->uid);
	xdr_put_u32(x, a->gid);
	xdr_put_u64(x, a->size);
	xdr_put_u64(x, a->used);
	xdr_put_u32(x, a->rdev_major);
	xdr_put_u32(x, a->rdev_minor);
	xdr_put_u64(x, a->fsid);
	xdr_put_u64(x, a->fileid);
	put_time(x, &a->atime);
	put_time(x, &a->mtime);
	put_time(x, &a->ctime);
}

void nfs3_put_post_op(struct xdr_out *x, const struct nfs3_fattr *a)
{
	xdr_put_bool(x, a != NULL);
	if (a)
		nfs3_put_fattr(x, a);
}

void nfs3_put_wcc(struct xdr_out *x, const struct nfs3_wcc *w)
{
	bool before = w && w->has_before;

	xdr_put_bool(x, before);
	if (before) {
		xdr_put_u64(x, w->size);
		put_time(x, &w->mtime);
		put_time(x, &w->ctime);
	}
	nfs3_put_post_op(x, w ? w->after : NULL);
}

static void put_post_op_fh(struct xdr_out *x, const struct nfs3_fh *fh)
{
	xdr_put_bool(x, fh != NULL);
	if (fh)
		xdr_put_opaque(x, fh->data, fh->len);
}

void nfs3_put_getattr_ok(struct xdr_out *x, const struct nfs3_fattr *a)
{
	xdr_put_u32(x, NFS3_OK);
	nfs3_put_fattr(x, a);
}

void nfs3_put_setattr_ok(struct xdr_out *x, const struct nfs3_wcc *w)
{
	xdr_put_u32(x, NFS3_OK);
	nfs3_put_wcc(x, w);
}

void nfs3_put_lookup_ok(struct xdr_out *x, const struct nfs3_fh *fh, const struct nfs3_fattr *obj,
			const struct nfs3_fattr *dir)
{
	xdr_put_u32(x, NFS3_OK);
	xdr_put_opaque(x, fh->data, fh->len);
	nfs3_put_post_op(x, obj);
	nfs3_put_post_op(x, dir);
}

void nfs3_put_access_ok(struct xdr_out *x, const struct nfs3_fattr *a, u32 access)
{
	xdr_put_u32(x, NFS3_OK);
	nfs3_put_post_op(x, a);
	xdr_put_u32(x, access);
}

void nfs3_put_read_ok(struct xdr_out *x, const struct nfs3_fattr *a, u32 count, bool eof)
{
	xdr_put_u32(x, NFS3_OK);
	nfs3_put_post_op(x, a);
	xdr_put_u32(x, count);
	xdr_put_bool(x, eof);
	xdr_put_u32(x, count);
}

void nfs3_put_write_ok(struct xdr_out *x, const struct nfs3_wcc *w, u32 count, u32 committed,
		       u64 verf)
{
	xdr_put_u32(x, NFS3_OK);
	nfs3_put_wcc(x, w);
	xdr_put_u32(x, count);
	xdr_put_u32(x, committed);
	xdr_put_u64(x, verf);
}

void nfs3_put_commit_ok(struct xdr_out *x, const struct nfs3_wcc *w, u64 verf)
{
	xdr_put_u32(x, NFS3_OK);
	nfs3_put_wcc(x, w);
	xdr_put_u64(x, verf);
}

void nfs3_put_readdir_ok(struct xdr_out *x, const struct nfs3_fattr *dir,
			 const u8 verf[NFS3_COOKIEVERF_LEN])
{
	xdr_put_u32(x, NFS3_OK);
	nfs3_put_post_op(x, dir);
	xdr_put_fixed(x, verf, NFS3_COOKIEVERF_LEN);
}

bool nfs3_put_dirent(struct xdr_out *x, const struct nfs3_dirent *e, bool plus, u32 limit)
{
	u32 start = x->pos;

	if (x->bad)
		return false;
	limit = min(limit, x->cap);
	xdr_put_bool(x, true);
	xdr_put_u64(x, e->fileid);
	xdr_put_string(x, e->name);
	xdr_put_u64(x, e->cookie);
	if (plus) {
		nfs3_put_post_op(x, e->attr);
		put_post_op_fh(x, e->fh);
	}
	if (!x->bad && x->pos <= limit && limit - x->pos >= DIR_END_LEN)
		return true;
	x->pos = start;
	x->bad = false;
	return false;
}

void nfs3_put_readdir_end(struct xdr_out *x, bool eof)
{
	xdr_put_bool(x, false);
	xdr_put_bool(x, eof);
}

void nfs3_put_fsstat_ok(struct xdr_out *x, const struct nfs3_fattr *a, const struct nfs3_fsstat *s)
{
	xdr_put_u32(x, NFS3_OK);
	nfs3_put_post_op(x, a);
	xdr_put_u64(x, s->tbytes);
	xdr_put_u64(x, s->fbytes);
	xdr_put_u64(x, s->abytes);
	xdr_put_u64(x, s->tfiles);
	xdr_put_u64(x, s->ffiles);
	xdr_put_u64(x, s->afiles);
	xdr_put_u32(x, s->invarsec);
}

void nfs3_put_fsinfo_ok(struct xdr_out *x, const struct nfs3_fattr *a, const struct nfs3_fsinfo *i)
{
	xdr_put_u32(x, NFS3_OK);
	nfs3_put_post_op(x, a);
	xdr_put_u32(x, i->rtmax);
	xdr_put_u32(x, i->rtpref);
	xdr_put_u32(x, i->rtmult);
	xdr_put_u32(x, i->wtmax);
	xdr_put_u32(x, i->wtpref);
	xdr_put_u32(x, i->wtmult);
	xdr_put_u32(x, i->dtpref);
	xdr_put_u64(x, i->maxfilesize);
	put_time(x, &i->time_delta);
	xdr_put_u32(x, i->properties);
}

void nfs3_put_pathconf_ok(struct xdr_out *x, const struct nfs3_fattr *a,
			  const struct nfs3_pathconf *p)
{
	xdr_put_u32(x, NFS3_OK);
	nfs3_put_post_op(x, a);
	xdr_put_u32(x, p->linkmax);
	xdr_put_u32(x, p->name_max);
	xdr_put_bool(x, p->no_trunc);
	xdr_put_bool(x, p->chown_restricted);
	xdr_put_bool(x, p->case_insensitive);
	xdr_put_bool(x, p->case_preserving);
}

void nfs3_put_fail(struct xdr_out *x, u32 proc, enum nfs3_stat stat, const struct nfs3_fattr *attr,
		   const struct nfs3_wcc *wcc)
{
	xdr_put_u32(x, stat);
	switch (proc) {
	case NFS3_GETATTR:
		break;
	case NFS3_LOOKUP:
	case NFS3_ACCESS:
	case NFS3_READLINK:
	case NFS3_READ:
	case NFS3_READDIR:
	case NFS3_READDIRPLUS:
	case NFS3_FSSTAT:
	case NFS3_FSINFO:
	case NFS3_PATHCONF:
		nfs3_put_post_op(x, attr);
		break;
	case NFS3_SETATTR:
	case NFS3_WRITE:
	case NFS3_CREATE:
	case NFS3_MKDIR:
	case NFS3_SYMLINK:
	case NFS3_MKNOD:
	case NFS3_REMOVE:
	case NFS3_RMDIR:
	case NFS3_COMMIT:
		nfs3_put_wcc(x, wcc);
		break;
	case NFS3_RENAME:
		nfs3_put_wcc(x, wcc);
		nfs3_put_wcc(x, wcc);
		break;
	case NFS3_LINK:
		nfs3_put_post_op(x, attr);
		nfs3_put_wcc(x, wcc);
		break;
	default:
		WARN_ON_ONCE(true);
	}
}

const char *nfs3_proc_name(u32 proc)
{
	static const char *const names[] = {
		"NULL",	  "GETATTR", "SETATTR",	 "LOOKUP", "ACCESS",  "READLINK",
		"READ",	  "WRITE",   "CREATE",	 "MKDIR",  "SYMLINK", "MKNOD",
		"REMOVE", "RMDIR",   "RENAME",	 "LINK",   "READDIR", "READDIRPLUS",
		"FSSTAT", "FSINFO",  "PATHCONF", "COMMIT",
	};

	BUILD_BUG_ON(ARRAY_SIZE(names) != NFS3_PROC_MAX + 1);
	return proc < ARRAY_SIZE(names) ? names[proc] : "?";
}
