// SPDX-License-Identifier: GPL-2.0-only
/* Calls for one page each, and what their replies must look like. */
#include <linux/jhash.h>

#include "kload.h"

#define PAGE_SEED 0x5eed
#define LAST_WORD (ANM_PAGE_SIZE - sizeof(u64))
#define ECHO_MIN  8 /* xid and length of the answer */

static u32 page_of(const struct kload_run *r, u32 i)
{
	return (r->c->seq ? i : jhash_1word(r->base + i, PAGE_SEED)) % r->c->pages;
}

static int build_echo(struct kload_run *r)
{
	if (r->c->req_len < ECHO_MIN || r->c->req_len > KLOAD_HEAD_MAX + ANM_PAGE_SIZE ||
	    r->c->reply_len < ECHO_MIN || r->c->tcp)
		return -EINVAL;
	memset(r->head, 0, sizeof(r->head));
	r->head_len = min_t(u32, r->c->req_len, 128);
	put_unaligned_be32(r->c->reply_len, r->head + 4);
	return 0;
}

static void build_data(struct kload_run *r)
{
	u32 noise = r->c->fill == KLOAD_RANDOM ? ANM_PAGE_SIZE : ANM_PAGE_SIZE / 2;

	get_random_bytes(r->data, noise);
	memset(r->data + noise, 'a', ANM_PAGE_SIZE - noise);
}

int kload_call_build(struct kload_run *r)
{
	static const struct rpc_call sys = {
		.prog = NFS_PROGRAM,
		.vers = NFS_V3,
		.flavor = RPC_AUTH_SYS,
		.name = "kload",
		.name_len = 5,
	};
	bool write = r->c->op == KLOAD_WRITE;
	struct rpc_call call = sys;
	struct xdr_out x;

	build_data(r);
	if (r->c->op == KLOAD_ECHO)
		return build_echo(r);
	call.proc = write ? NFS3_WRITE : NFS3_READ;
	r->mark = r->c->tcp ? RPC_MARK_LEN : 0;
	r->xid_at = r->mark;
	xdr_out_init(&x, r->head, sizeof(r->head));
	xdr_reserve(&x, r->mark);
	rpc_call_encode(&x, &call);
	xdr_put_opaque(&x, r->c->fh.data, r->c->fh.len);
	r->offset_at = x.pos;
	xdr_put_u64(&x, 0);
	xdr_put_u32(&x, ANM_PAGE_SIZE);
	if (write) {
		xdr_put_u32(&x, NFS3_FILE_SYNC);
		xdr_put_u32(&x, ANM_PAGE_SIZE);
	}
	if (x.bad)
		return -EINVAL;
	r->head_len = x.pos;
	if (r->mark)
		rpc_mark_encode(r->head, x.pos - r->mark + (write ? ANM_PAGE_SIZE : 0));
	return 0;
}

static void number_page(struct kload_run *r, u64 number)
{
	if (r->c->fill == KLOAD_SAME)
		memset64((u64 *)r->data, number, ANM_PAGE_SIZE / sizeof(u64));
	put_unaligned(number, (u64 *)r->data);
	put_unaligned(number, (u64 *)(r->data + LAST_WORD));
}

u32 kload_call_next(struct kload_run *r, u32 i, u64 at)
{
	struct kload_wait *w = &r->ring[i % KLOAD_RING];

	w->xid = r->base + i;
	w->page = page_of(r, i);
	w->waiting = true;
	w->at = at;
	put_unaligned_be32(w->xid, r->head + r->xid_at);
	if (r->c->op == KLOAD_ECHO)
		return r->c->req_len - r->head_len;
	put_unaligned_be64((u64)w->page << ANM_PAGE_SHIFT, r->head + r->offset_at);
	if (r->c->op == KLOAD_READ)
		return 0;
	number_page(r, w->page + r->c->shift);
	return ANM_PAGE_SIZE;
}

static void skip_post_op(struct xdr_in *x)
{
	if (xdr_get_bool(x))
		xdr_take(x, NFS3_FATTR_LEN);
}

static void check_read(struct kload_run *r, struct xdr_in *x, u64 page)
{
	const u8 *data;
	u32 count, n;

	skip_post_op(x);
	count = xdr_get_u32(x);
	xdr_get_bool(x); /* eof */
	data = xdr_get_opaque(x, ANM_PAGE_SIZE, &n);
	if (x->bad || xdr_in_left(x) || count != ANM_PAGE_SIZE || n != ANM_PAGE_SIZE)
		r->bad_len++;
	else if (get_unaligned((const u64 *)data) != page ||
		 get_unaligned((const u64 *)(data + LAST_WORD)) != page)
		r->bad_data++;
}

static void check_write(struct kload_run *r, struct xdr_in *x)
{
	u32 count, committed;

	if (xdr_get_bool(x))
		xdr_take(x, 24); /* attributes before: size, mtime, ctime */
	skip_post_op(x);
	count = xdr_get_u32(x);
	committed = xdr_get_u32(x);
	xdr_take(x, NFS3_WRITEVERF_LEN);
	if (x->bad || xdr_in_left(x) || count != ANM_PAGE_SIZE)
		r->bad_len++;
	else if (committed != NFS3_FILE_SYNC)
		r->bad_nfs++;
}

/* The request that @xid answers, once. */
static struct kload_wait *answered(struct kload_run *r, u32 xid)
{
	struct kload_wait *w = &r->ring[(xid - r->base) % KLOAD_RING];

	if (!w->waiting || w->xid != xid) {
		r->bad_xid++;
		return NULL;
	}
	w->waiting = false;
	r->got++;
	kload_hist_add(&r->hist, kload_cycles() - w->at);
	return w;
}

void kload_reply_check(struct kload_run *r, const u8 *p, u32 len)
{
	struct kload_wait *w;
	struct rpc_reply rpc;
	struct xdr_in x;
	u32 stat;

	xdr_in_init(&x, p, len);
	w = answered(r, len < 4 ? ~r->base : get_unaligned_be32(p));
	if (!w)
		return;
	r->reply_min = min(r->reply_min, len);
	r->reply_max = max(r->reply_max, len);
	if (r->c->op == KLOAD_ECHO) {
		if (len != r->c->reply_len || get_unaligned_be32(p + 4) != len)
			r->bad_len++;
		return;
	}
	if (rpc_reply_decode(&x, &rpc) || rpc.stat != RPC_MSG_ACCEPTED ||
	    rpc.detail != RPC_SUCCESS) {
		r->bad_rpc++;
		return;
	}
	stat = xdr_get_u32(&x);
	if (stat || x.bad) {
		if (!r->bad_nfs++)
			r->nfs_stat = stat;
		return;
	}
	if (r->c->op == KLOAD_READ)
		check_read(r, &x, w->page);
	else
		check_write(r, &x);
}
