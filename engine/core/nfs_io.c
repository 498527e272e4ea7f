// SPDX-License-Identifier: GPL-2.0-only
/*
 * READ, WRITE, COMMIT (RFC 1813, 3.3.6, 3.3.7, 3.3.21): arguments and duplicates.
 * What then takes time is in req.c.
 */
#include "nfs_priv.h"

static u32 door_io_max(const struct eng_call *call)
{
	return call->from->door == ANM_DOOR_UDP ? ENG_UDP_IO_MAX : ENG_TCP_IO_MAX;
}

/* Whose file, and may these credentials have its bytes? Return: enum nfs3_stat. */
static u32 io_resolve(struct eng_call *call, const struct nfs3_fh *fh, struct eng_export **x)
{
	u32 node;
	u32 stat = nfs_resolve(call, fh, x, &node);

	if (stat)
		return stat;
	if (!node)
		return NFS3ERR_INVAL;
	if (!nfs_is_owner(call, &(*x)->node[1])) {
		call->e->stats.nfs_denied++;
		(*x)->denied++;
		return NFS3ERR_ACCES;
	}
	return NFS3_OK;
}

/* Nothing to fetch: at or after the end of the file, or no bytes asked for. */
static int read_nothing(struct eng_call *call, const struct eng_export *x, u64 offset)
{
	struct nfs3_fattr attr;

	if (eng_call_reply(call, ENG_REPLY_CAP))
		return -EAGAIN;
	nfs_fattr_of(x, 1, &attr);
	nfs3_put_read_ok(&call->res, &attr, 0, offset >= x->size);
	return 0;
}

int nfs_read(struct eng_call *call)
{
	struct eng_io io = {.write = false};
	struct nfs3_read_args a;
	u32 stat;

	if (nfs3_get_read(&call->args, &a))
		return -EINVAL;
	stat = io_resolve(call, &a.fh, &io.x);
	if (stat)
		return nfs_fail(call, stat);
	/* More than FSINFO offered is answered in part; the client asks for the rest. */
	io.offset = a.offset;
	io.count = min(a.count, door_io_max(call));
	if (!io.count || io.offset >= io.x->size)
		return read_nothing(call, io.x, io.offset);
	io.count = (u32)min_t(u64, io.count, io.x->size - io.offset);
	eng_page_soon(call->e, &io.x->vai, (u32)(io.offset >> ANM_PAGE_SHIFT));
	if (io.x->vai.emptying)
		return nfs_fail(call, NFS3ERR_JUKEBOX);
	return eng_req_start(call, &io);
}

static int write_reply(struct eng_call *call, struct eng_export *x, u32 stat, u32 count)
{
	struct nfs3_fattr attr;
	struct nfs3_wcc w = {.after = &attr};

	if (eng_call_reply(call, ENG_REPLY_CAP))
		return -EAGAIN;
	nfs_fattr_of(x, 1, &attr);
	if (stat)
		nfs3_put_fail(&call->res, NFS3_WRITE, stat, NULL, &w);
	else
		nfs3_put_write_ok(&call->res, &w, count, NFS3_FILE_SYNC, call->e->write_verf);
	return 0;
}

/*
 * Seen before (promise 3). Done: the same answer again. In progress: over UDP the answer
 * to the first will do; over TCP the connection that brought the first may be gone, so
 * the answer goes to the newest.
 */
static int write_again(struct eng_call *call, struct eng_export *x, const struct drc_entry *d,
		       u32 count)
{
	struct engine *e = call->e;
	int rc;

	if (!d->req) {
		rc = write_reply(call, x, d->status, count);
		if (!rc)
			e->stats.drc_replays++;
		return rc;
	}
	if (call->from->door == ANM_DOOR_UDP && d->req->from.door == ANM_DOOR_UDP) {
		e->stats.drc_in_progress++;
		return 0;
	}
	e->stats.drc_replays++;
	eng_req_reattach(d->req, call->from);
	return 0;
}

/*
 * Put off, the client tries again with a new xid; behind the end, there may be another end
 * soon. A late copy of this call must not be carried out then.
 */
static int write_refused(struct eng_call *call, const struct eng_io *io, u32 stat)
{
	struct engine *e = call->e;
	struct eng_drc *drc = &io->x->client->drc;
	struct drc_entry *d = eng_drc_add(drc, call->hdr.xid, io->sum, NULL, e->now);

	if (!d) {
		e->stats.no_memory++;
		return -EAGAIN;
	}
	eng_drc_done(drc, d, stat);
	return nfs_fail(call, stat);
}

int nfs_write(struct eng_call *call)
{
	struct eng_io io = {.write = true};
	u32 begin = call->args.pos;
	struct nfs3_write_args a;
	struct drc_entry *d;
	bool beyond;
	u32 stat;

	if (nfs3_get_write(&call->args, call->rec->len, &a))
		return -EINVAL;
	stat = io_resolve(call, &a.fh, &io.x);
	if (stat)
		return nfs_fail(call, stat);
	eng_page_soon(call->e, &io.x->vai, (u32)(a.offset >> ANM_PAGE_SHIFT));
	beyond = a.offset > io.x->size || a.count > io.x->size - a.offset;
	/* Longer than FSINFO offered: a short write, as 3.3.7 allows; the client sends the rest. */
	io.offset = a.offset;
	io.count = min(a.count, door_io_max(call));
	if (!io.count)
		return write_reply(call, io.x, beyond ? NFS3ERR_FBIG : NFS3_OK, 0);
	io.data_off = a.data_off;
	/* One that COMMIT is to follow: COMMIT has nothing to wait for then. */
	io.through = a.stable != NFS3_FILE_SYNC;
	io.sum = nfs_call_sum(call, begin, a.data_off);
	d = eng_drc_find(&io.x->client->drc, call->hdr.xid, io.sum);
	if (d)
		return write_again(call, io.x, d, io.count);
	if (beyond)
		return write_refused(call, &io, NFS3ERR_FBIG);
	if (io.x->vai.emptying)
		return write_refused(call, &io, NFS3ERR_JUKEBOX);
	return eng_req_start(call, &io);
}

/*
 * Every WRITE that COMMIT is for was stored when it was answered, so there is nothing left to do.
 * What a VAI that is written back answers too early is WRITEs that ask for FILE_SYNC, as swapping does.
 */
int nfs_commit(struct eng_call *call)
{
	struct nfs3_read_args a;
	struct nfs3_fattr attr;
	struct nfs3_wcc w = {0};
	struct eng_export *x;
	u32 stat;

	if (nfs3_get_commit(&call->args, &a))
		return -EINVAL;
	stat = io_resolve(call, &a.fh, &x);
	if (stat)
		return nfs_fail(call, stat);
	if (eng_call_reply(call, ENG_REPLY_CAP))
		return -EAGAIN;
	nfs_wcc_before(x, 1, &w);
	nfs_fattr_of(x, 1, &attr);
	w.after = &attr;
	nfs3_put_commit_ok(&call->res, &w, call->e->write_verf);
	return 0;
}
