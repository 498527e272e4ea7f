// SPDX-License-Identifier: GPL-2.0-only
/* NFSv3 attributes: GETATTR, SETATTR, ACCESS (RFC 1813, 3.3.1, 3.3.2, 3.3.4). */
#include "nfs_priv.h"

#define MODE_BITS 07777

void nfs_time_of(struct nfs3_time *t, u64 wall_ns)
{
	t->sec = (u32)div_u64(wall_ns, NS_PER_S);
	t->nsec = (u32)(wall_ns - (u64)t->sec * NS_PER_S);
}

void nfs_fattr_of(const struct eng_export *x, u32 node, struct nfs3_fattr *a)
{
	const struct eng_node *n = &x->node[node];

	memset(a, 0, sizeof(*a));
	a->type = node ? NFS3_REG : NFS3_DIR;
	a->mode = n->mode;
	a->nlink = node ? 1 : 2;
	a->uid = n->uid;
	a->gid = n->gid;
	/* used = size: swapon refuses a file with holes. */
	a->size = node ? x->size : ANM_PAGE_SIZE;
	a->used = a->size;
	a->fsid = x->fsid;
	a->fileid = node ? ENG_FILEID_FILE : ENG_FILEID_DIR;
	nfs_time_of(&a->atime, n->atime);
	nfs_time_of(&a->mtime, n->mtime);
	nfs_time_of(&a->ctime, n->ctime);
}

void nfs_wcc_before(const struct eng_export *x, u32 node, struct nfs3_wcc *w)
{
	const struct eng_node *n = &x->node[node];

	memset(w, 0, sizeof(*w));
	w->has_before = true;
	w->size = node ? x->size : ANM_PAGE_SIZE;
	nfs_time_of(&w->mtime, n->mtime);
	nfs_time_of(&w->ctime, n->ctime);
}

/* Clients compare ctime for equality, so two changes never carry the same one. */
void nfs_touch(struct engine *e, struct eng_node *n, bool mtime)
{
	n->ctime = max(eng_wall_ns(e), n->ctime + 1);
	if (mtime)
		n->mtime = n->ctime;
}

int nfs_getattr(struct eng_call *call)
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
	nfs3_put_getattr_ok(&call->res, &attr);
	return 0;
}

static u64 time_set(const struct engine *e, u64 old, u32 how, const struct nfs3_time *t)
{
	if (how == NFS3_SET_TO_SERVER_TIME)
		return eng_wall_ns(e);
	if (how == NFS3_SET_TO_CLIENT_TIME)
		return t->sec * NS_PER_S + t->nsec;
	return old;
}

static bool same_time(const struct nfs3_time *a, const struct nfs3_time *b)
{
	return a->sec == b->sec && a->nsec == b->nsec;
}

/* May it be done at all? What chmod, chown, touch and truncate to the same size ask for. */
static u32 setattr_check(const struct eng_call *call, const struct nfs3_setattr_args *a,
			 const struct eng_export *x, u32 node)
{
	struct nfs3_time ctime;

	if (!node)
		return NFS3ERR_ROFS;
	if (!nfs_is_owner(call, &x->node[node]))
		return NFS3ERR_ACCES;
	/* Giving the file away is root's: whoever owns it may read all of the swap. */
	if (call->hdr.uid && ((a->attr.set_uid && a->attr.uid != x->node[node].uid) ||
			      (a->attr.set_gid && a->attr.gid != x->node[node].gid)))
		return NFS3ERR_PERM;
	if (a->attr.set_size && a->attr.size != x->size)
		return NFS3ERR_INVAL;
	if ((a->attr.atime_how == NFS3_SET_TO_CLIENT_TIME && a->attr.atime.nsec >= NS_PER_S) ||
	    (a->attr.mtime_how == NFS3_SET_TO_CLIENT_TIME && a->attr.mtime.nsec >= NS_PER_S))
		return NFS3ERR_INVAL;
	nfs_time_of(&ctime, x->node[node].ctime);
	if (a->guarded && !same_time(&a->guard_ctime, &ctime))
		return NFS3ERR_NOT_SYNC;
	return NFS3_OK;
}

static void setattr_do(struct engine *e, struct eng_node *n, const struct nfs3_sattr *s)
{
	nfs_touch(e, n, false);
	if (s->set_mode)
		n->mode = s->mode & MODE_BITS;
	if (s->set_uid)
		n->uid = s->uid;
	if (s->set_gid)
		n->gid = s->gid;
	n->atime = time_set(e, n->atime, s->atime_how, &s->atime);
	n->mtime = time_set(e, n->mtime, s->mtime_how, &s->mtime);
}

/* Carry it out, or repeat the answer of the first time (promise 3). Return: its status. */
static u32 setattr_once(struct eng_call *call, const struct nfs3_setattr_args *a,
			struct eng_export *x, u32 node, struct nfs3_wcc *w, u32 sum)
{
	struct eng_drc *drc = &x->client->drc;
	struct drc_entry *d = eng_drc_find(drc, call->hdr.xid, sum);
	u32 stat;

	if (d) {
		call->e->stats.drc_replays++;
		return d->status;
	}
	d = eng_drc_add(drc, call->hdr.xid, sum, NULL, call->e->now);
	if (!d)
		return NFS3ERR_JUKEBOX;
	stat = setattr_check(call, a, x, node);
	if (!stat) {
		nfs_wcc_before(x, node, w);
		setattr_do(call->e, &x->node[node], &a->attr);
	}
	eng_drc_done(drc, d, stat);
	return stat;
}

int nfs_setattr(struct eng_call *call)
{
	u32 begin = call->args.pos;
	struct nfs3_setattr_args a;
	struct nfs3_wcc w = {0};
	struct nfs3_fattr attr;
	struct eng_export *x;
	u32 node, stat, sum;

	if (nfs3_get_setattr(&call->args, &a))
		return -EINVAL;
	sum = nfs_call_sum(call, begin, call->args.pos);
	stat = nfs_resolve(call, &a.fh, &x, &node);
	if (stat)
		return nfs_fail(call, stat);
	/* The reply first: what cannot be answered is not done. */
	if (eng_call_reply(call, ENG_REPLY_CAP))
		return -EAGAIN;
	stat = setattr_once(call, &a, x, node, &w, sum);
	nfs_fattr_of(x, node, &attr);
	w.after = &attr;
	if (stat)
		nfs3_put_fail(&call->res, call->hdr.proc, stat, NULL, &w);
	else
		nfs3_put_setattr_ok(&call->res, &w);
	return 0;
}

int nfs_access(struct eng_call *call)
{
	struct nfs3_access_args a;
	struct nfs3_fattr attr;
	struct eng_export *x;
	u32 node, stat, may;

	if (nfs3_get_access(&call->args, &a))
		return -EINVAL;
	stat = nfs_resolve(call, &a.fh, &x, &node);
	if (stat)
		return nfs_fail(call, stat);
	if (eng_call_reply(call, ENG_REPLY_CAP))
		return -EAGAIN;
	/* EXTEND too, although the size is fixed: clients take writing to need both. */
	if (!node)
		may = NFS3_ACCESS_READ | NFS3_ACCESS_LOOKUP;
	else if (nfs_is_owner(call, &x->node[node]))
		may = NFS3_ACCESS_READ | NFS3_ACCESS_MODIFY | NFS3_ACCESS_EXTEND;
	else
		may = 0;
	nfs_fattr_of(x, node, &attr);
	nfs3_put_access_ok(&call->res, &attr, a.access & may);
	return 0;
}
