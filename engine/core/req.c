// SPDX-License-Identifier: GPL-2.0-only
/*
 * READ and WRITE in flight. A request is cut into page operations that run in parallel;
 * the answer leaves when the last is done. All that a request will ever need (pageios,
 * pages for the data, the reply) is taken when it is accepted, so it is accepted whole
 * or not at all, and once accepted it is always answered.
 */
#include "ahead.h"
#include "nfs_priv.h"

#define REQ_REPLY_CAP 192 /* both READ's answer before the data and WRITE's whole answer */
#define EMA_SHIFT     3	  /* a new sample weighs 1/8 */

static u32 io_pages(u64 offset, u32 count)
{
	u32 first = offset & ANM_PAGE_MASK;

	return (first + count + ANM_PAGE_MASK) >> ANM_PAGE_SHIFT;
}

bool eng_req_has_room(const struct engine *e, const struct eng_client *c, u32 npages, u8 door)
{
	u32 max = door == ANM_DOOR_TCP ? ENG_TCP_PAGES_MAX : ENG_CLIENT_PAGES_MAX;

	return c->reqs < ENG_CLIENT_REQS_MAX && c->pages + npages <= max &&
	       e->pages_in_flight + npages <= ENG_PAGES_MAX;
}

void eng_req_reattach(struct eng_req *req, const struct anm_peer *from)
{
	req->from = *from;
}

static void req_free(struct engine *e, struct eng_req *req)
{
	struct eng_pageio *io, *next;

	list_for_each_entry_safe(io, next, &req->ios, req_link) {
		list_del(&io->req_link);
		eng_pageio_free(e, io);
	}
	anm_out_free(req->out);
	anm_free(req);
}

/* ---- the end of one ---- */

static u64 ema(u64 old, u64 sample)
{
	if (!old)
		return sample;
	return old - (old >> EMA_SHIFT) + (sample >> EMA_SHIFT);
}

static u32 stat_of(int err)
{
	switch (err) {
	case 0:
		return NFS3_OK;
	case -ENOSPC:
		return NFS3ERR_NOSPC;
	case -ENOMEM:
	case -EAGAIN:
		return NFS3ERR_JUKEBOX;
	default:
		return NFS3ERR_IO;
	}
}

/* A READ's reply up to the bytes. */
static void read_head(struct engine *e, const struct eng_req *req, struct xdr_out *res)
{
	struct nfs3_fattr attr;

	rpc_put_accepted(res, req->xid, RPC_SUCCESS);
	nfs_fattr_of(req->x, 1, &attr);
	nfs3_put_read_ok(res, &attr, req->count, req->eof);
}

static u16 read_split(struct engine *e, struct eng_pageio *io, u16 mtu, u8 *buf)
{
	return eng_split_payload(e, io->owner, mtu, buf, read_head);
}

static void read_answer(struct engine *e, struct eng_req *req, struct xdr_out *res)
{
	u32 pad = xdr_padded(req->count) - req->count, i;
	struct eng_pageio *io;

	read_head(e, req, res);
	list_for_each_entry(io, &req->ios, req_link) {
		for (i = 0; i < io->frags.n; i++)
			anm_out_add_page(req->out, io->frags.frag[i].page, io->frags.frag[i].off,
					 io->frags.frag[i].len);
		if (io->frags.n)
			continue;
		anm_out_add_page(req->out, io->page, io->off, io->len);
		req->x->zero_reads += io->page == e->zero_page;
	}
	if (pad)
		anm_out_add_page(req->out, e->zero_page, 0, (u16)pad);
	req->x->read_bytes += req->count;
}

static void write_answer(struct engine *e, struct eng_req *req, struct xdr_out *res)
{
	struct nfs3_fattr attr;
	struct nfs3_wcc w;

	nfs_wcc_before(req->x, 1, &w);
	nfs_touch(e, &req->x->node[1], true);
	nfs_fattr_of(req->x, 1, &attr);
	w.after = &attr;
	nfs3_put_write_ok(res, &w, req->count, NFS3_FILE_SYNC, e->write_verf);
	req->x->written_bytes += req->count;
}

static void req_answer(struct engine *e, struct eng_req *req, u32 stat)
{
	u64 ns = e->now - req->started_ns;
	struct anm_out *out = req->out;
	struct eng_export *x = req->x;
	struct xdr_out res;

	xdr_out_init(&res, out->head, out->head_cap);
	if (stat || req->write)
		rpc_put_accepted(&res, req->xid, RPC_SUCCESS);
	if (stat) {
		nfs3_put_fail(&res, req->write ? NFS3_WRITE : NFS3_READ, stat, NULL, NULL);
		e->stats.nfs_errors++;
		x->errors++;
	} else if (req->write) {
		write_answer(e, req, &res);
		x->write_ns_ema = ema(x->write_ns_ema, ns);
	} else {
		read_answer(e, req, &res);
		x->read_ns_ema = ema(x->read_ns_ema, ns);
	}
	out->to = req->from;
	eng_reply_finish(out, &res);
}

/* A server has sent the reply already. */
static bool req_answered(struct engine *e, struct eng_req *req)
{
	struct eng_export *x = req->x;

	if (req->err || !list_first_entry(&req->ios, struct eng_pageio, req_link)->answered)
		return false;
	e->stats.split_reads++;
	x->split_reads++;
	x->read_bytes += req->count;
	x->read_ns_ema = ema(x->read_ns_ema, e->now - req->started_ns);
	return true;
}

static void req_finish(struct engine *e, struct eng_req *req)
{
	struct eng_vai *read = req->write ? NULL : &req->x->vai;
	struct eng_client *c = req->x->client;
	u32 stat = stat_of(req->err);
	struct anm_out *out = NULL;

	if (!req_answered(e, req)) {
		req_answer(e, req, stat);
		swap(out, req->out);
	}
	/* JUKEBOX too: the client tries again with a new xid, and a late copy of this call is old. */
	if (req->drc)
		eng_drc_done(&c->drc, req->drc, stat);
	list_del(&req->link);
	c->reqs--;
	c->pages -= req->npages;
	req->x->reqs--;
	e->exports->reqs--;
	req_free(e, req);
	if (out)
		eng_reply_send(e, out);
	if (read)
		eng_ahead_answered(e, read);
}

/* One pageio done, or the loop that started them. May free @req. */
static void req_done_one(struct engine *e, struct eng_req *req, int err)
{
	if (err && !req->err)
		req->err = err;
	if (!--req->pending)
		req_finish(e, req);
}

static void req_io_done(struct engine *e, struct eng_pageio *io, int err)
{
	struct eng_req *req = io->owner;

	if (WARN_ON_ONCE(!err && !io->page && !io->frags.n && !io->answered))
		err = -EIO;
	req_done_one(e, req, err);
}

/* ---- the beginning ---- */

/*
 * READ of just one page over UDP. Its bytes may go on as they came in: the reply will soon be gone,
 * which a TCP client can put off.
 */
static bool req_is_page(const struct eng_req *req)
{
	return !req->write && req->from.door == ANM_DOOR_UDP && req->count == ANM_PAGE_SIZE &&
	       !(req->offset & ANM_PAGE_MASK);
}

/* One frag a page, one for XDR's padding. */
static u16 req_frags(const struct eng_req *req)
{
	if (req->write)
		return 0;
	return req_is_page(req) ? ANM_FRAGS_MAX : (u16)(req->npages + 1);
}

/* The next page's share of the request; for a WRITE with its bytes. */
static int req_add_io(struct eng_call *call, struct eng_req *req, const struct eng_io *r, u32 done)
{
	struct engine *e = call->e;
	u64 pos = r->offset + done;
	u32 page_no = (u32)(pos >> ANM_PAGE_SHIFT);
	struct eng_pageio *io;

	eng_page_sooner(e, &r->x->vai, page_no);
	if (done / ANM_PAGE_SIZE + 1 < req->npages)
		eng_page_soon(e, &r->x->vai, page_no + 1);
	io = eng_pageio_alloc(e);
	if (!io)
		return -ENOMEM;
	list_add_tail(&io->req_link, &req->ios);
	io->vai = &r->x->vai;
	io->page_no = page_no;
	io->off = pos & ANM_PAGE_MASK;
	io->len = min(ANM_PAGE_SIZE - io->off, r->count - done);
	io->write = r->write;
	io->through = r->through;
	io->owner = req;
	io->done = req_io_done;
	if (!r->write) {
		io->share = req_is_page(req);
		if (r->x->split && io->share)
			io->split = read_split;
		return io->len;
	}
	io->page = eng_page_take(e);
	if (!io->page)
		return -ENOMEM;
	if (anm_rec_copy(call->rec, r->data_off + done, anm_page_data(io->page) + io->off, io->len))
		return -EFAULT;
	return io->len;
}

/*
 * Allocate all of a request. Nothing that anybody else sees has changed yet.
 * Return: NULL and *@err: -ENOMEM, or -EFAULT when the record cannot be read.
 */
static struct eng_req *req_build(struct eng_call *call, const struct eng_io *r, u32 npages,
				 int *err)
{
	struct engine *e = call->e;
	struct eng_req *req = anm_alloc(sizeof(*req));
	u32 done = 0;
	int n;

	*err = -ENOMEM;
	if (!req)
		return NULL;
	INIT_LIST_HEAD(&req->ios);
	req->x = r->x;
	req->from = *call->from;
	req->xid = call->hdr.xid;
	req->write = r->write;
	req->offset = r->offset;
	req->count = r->count;
	req->eof = r->offset + r->count == r->x->size;
	req->npages = npages;
	req->pending = npages + 1;
	req->started_ns = e->now;
	req->out = anm_out_alloc(REQ_REPLY_CAP, req_frags(req));
	if (!req->out)
		goto fail;
	while (done < r->count) {
		n = req_add_io(call, req, r, done);
		if (n < 0) {
			*err = n;
			goto fail;
		}
		done += n;
	}
	if (r->write) {
		req->drc = eng_drc_add(&r->x->client->drc, req->xid, r->sum, req, e->now);
		if (!req->drc)
			goto fail;
	}
	return req;
fail:
	req_free(e, req);
	return NULL;
}

static void req_account(struct engine *e, struct eng_req *req)
{
	struct eng_client *c = req->x->client;

	list_add_tail(&req->link, &c->queue);
	c->reqs++;
	c->pages += req->npages;
	req->x->reqs++;
	e->exports->reqs++;
	if (req->write) {
		e->stats.nfs_writes++;
		req->x->writes++;
	} else {
		e->stats.nfs_reads++;
		req->x->reads++;
	}
	eng_vai_used(e, req->x, false);
}

int eng_req_start(struct eng_call *call, const struct eng_io *r)
{
	u32 npages = io_pages(r->offset, r->count);
	struct engine *e = call->e;
	struct eng_pageio *io, *next;
	struct eng_req *req;
	int err;

	if (!eng_req_has_room(e, r->x->client, npages, call->from->door)) {
		e->stats.queue_full++;
		return -EAGAIN;
	}
	req = req_build(call, r, npages, &err);
	if (!req && err == -EFAULT)
		return -EINVAL;
	if (!req) {
		e->stats.no_memory++;
		return -EAGAIN;
	}
	req_account(e, req);
	/* Held by the extra count: the last ->done must not free it under the loop. */
	list_for_each_entry_safe(io, next, &req->ios, req_link)
		eng_pageio_start(e, io);
	req_done_one(e, req, 0);
	if (!r->write)
		eng_ahead_read(e, &r->x->vai, (u32)(r->offset >> ANM_PAGE_SHIFT), npages);
	return 0;
}
