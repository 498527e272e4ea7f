// SPDX-License-Identifier: GPL-2.0-only
/*
 * The directory that a VAI is exported as: ".", ".." and one file, for ever the same.
 * LOOKUP, READDIR, READDIRPLUS (RFC 1813, 3.3.3, 3.3.16, 3.3.17).
 */
#include "nfs_priv.h"

#define DIR_END_LEN 8 /* what nfs3_put_readdir_end() takes */

/* Entry @i has cookie @i + 1. ".." of the exported root is the root itself. */
static const struct dir_entry {
	const char *name;
	u32 node;
} dir_entries[] = {
	{".", 0},
	{"..", 0},
	{ENG_FILE_NAME, 1},
};

/* Constant, because the directory is: cookies stay good over a restart. */
static const u8 dir_verf[NFS3_COOKIEVERF_LEN] = {'a', 'n', 'm', 'd', 'i', 'r', 0, 1};

static void fh_of(const struct eng_export *x, u32 node, struct nfs3_fh *fh)
{
	memset(fh, 0, sizeof(*fh));
	fh->len = ENG_FH_LEN;
	memcpy(fh->data, x->fh[node], ENG_FH_LEN);
}

/* Return: index into dir_entries, or -1. */
static int dir_find(const struct nfs3_name *name)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(dir_entries); i++) {
		if (strlen(dir_entries[i].name) == name->len &&
		    !memcmp(dir_entries[i].name, name->s, name->len))
			return i;
	}
	return -1;
}

int nfs_lookup(struct eng_call *call)
{
	struct nfs3_fattr obj, dir;
	struct nfs3_dirop_args a;
	struct eng_export *x;
	struct nfs3_fh fh;
	u32 node, stat;
	int i;

	eng_call_gather(call, ENG_SCRATCH_LEN);
	if (nfs3_get_dirop(&call->args, &a))
		return -EINVAL;
	stat = nfs_resolve(call, &a.dir, &x, &node);
	if (stat)
		return nfs_fail(call, stat);
	if (eng_call_reply(call, ENG_REPLY_CAP))
		return -EAGAIN;
	nfs_fattr_of(x, node, &dir);
	i = dir_find(&a.name);
	if (node)
		stat = NFS3ERR_NOTDIR;
	else if (a.name.len > NFS3_NAME_MAX)
		stat = NFS3ERR_NAMETOOLONG;
	else if (i < 0)
		stat = NFS3ERR_NOENT;
	if (stat) {
		nfs3_put_fail(&call->res, call->hdr.proc, stat, &dir, NULL);
		return 0;
	}
	node = dir_entries[i].node;
	fh_of(x, node, &fh);
	nfs_fattr_of(x, node, &obj);
	nfs3_put_lookup_ok(&call->res, &fh, &obj, &dir);
	return 0;
}

static u32 readdir_check(const struct nfs3_readdir_args *a, u32 node)
{
	if (!node && !a->cookie)
		return NFS3_OK;
	if (node)
		return NFS3ERR_NOTDIR;
	if (a->cookie > ARRAY_SIZE(dir_entries) ||
	    memcmp(a->cookieverf, dir_verf, sizeof(dir_verf)))
		return NFS3ERR_BAD_COOKIE;
	return NFS3_OK;
}

/* Entries after the cookie, as many as fit in @limit. Return: how many; *@eof. */
static u32 readdir_fill(struct eng_call *call, const struct eng_export *x, u64 cookie, u32 limit,
			bool *eof)
{
	bool plus = call->hdr.proc == NFS3_READDIRPLUS;
	struct nfs3_fattr attr;
	struct nfs3_dirent de;
	struct nfs3_fh fh;
	u32 n = 0;
	u32 i;

	for (i = (u32)cookie; i < ARRAY_SIZE(dir_entries); i++) {
		nfs_fattr_of(x, dir_entries[i].node, &attr);
		fh_of(x, dir_entries[i].node, &fh);
		de.fileid = attr.fileid;
		de.name = dir_entries[i].name;
		de.cookie = i + 1;
		de.attr = &attr;
		de.fh = &fh;
		if (!nfs3_put_dirent(&call->res, &de, plus, limit))
			break;
		n++;
	}
	*eof = i == ARRAY_SIZE(dir_entries);
	return n;
}

/* READDIR and READDIRPLUS. The limit is on the result that follows the RPC header. */
int nfs_readdir(struct eng_call *call)
{
	struct nfs3_readdir_args a;
	struct nfs3_fattr dir;
	struct eng_export *x;
	u32 node, stat, begin;
	bool eof;

	if (nfs3_get_readdir(&call->args, call->hdr.proc == NFS3_READDIRPLUS, &a))
		return -EINVAL;
	stat = nfs_resolve(call, &a.dir, &x, &node);
	if (stat)
		return nfs_fail(call, stat);
	if (eng_call_reply(call, ENG_REPLY_CAP))
		return -EAGAIN;
	begin = call->res.pos;
	nfs_fattr_of(x, node, &dir);
	stat = readdir_check(&a, node);
	if (!stat) {
		u32 limit = begin + min_t(u32, a.maxcount, ENG_REPLY_CAP - begin);

		nfs3_put_readdir_ok(&call->res, &dir, dir_verf);
		if (!readdir_fill(call, x, a.cookie, limit, &eof) &&
		    (!eof || call->res.pos + DIR_END_LEN > limit))
			stat = NFS3ERR_TOOSMALL;
	}
	if (stat) {
		xdr_out_init(&call->res, call->out->head, call->out->head_cap);
		call->res.pos = begin;
		nfs3_put_fail(&call->res, call->hdr.proc, stat, &dir, NULL);
	} else {
		nfs3_put_readdir_end(&call->res, eof);
	}
	return 0;
}
