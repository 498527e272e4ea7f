// SPDX-License-Identifier: GPL-2.0-only
/* Calls and replies as they are on the wire. */
#include "sim.h"

#define CALL_MAX (SIM_IO_PAGES_MAX * ANM_PAGE_SIZE + 8192)

static u8 call_buf[CALL_MAX];

/* The bytes that a WRITE carries: each page's share of its own generation. */
static void put_data(struct xdr_out *x, const struct sim_op *op)
{
	u8 page[ANM_PAGE_SIZE];
	u32 done = 0, i;

	xdr_put_u32(x, op->count);
	for (i = 0; done < op->count; i++) {
		u64 pos = op->off + done;
		u32 off = pos & ANM_PAGE_MASK;
		u32 len = min(ANM_PAGE_SIZE - off, op->count - done);
		u8 *at = xdr_reserve(x, len);

		oracle_fill(page, op->vai, op->life, (u32)(pos >> ANM_PAGE_SHIFT), op->gen[i]);
		memcpy(at, page + off, len);
		done += len;
	}
	if (done & 3)
		memset(xdr_reserve(x, 4 - (done & 3)), 0, 4 - (done & 3));
}

static void put_args(struct sim *w, struct xdr_out *x, const struct sim_op *op)
{
	const struct sim_vai *v = &w->vai[op->vai];
	char path[ENG_NAME_MAX + 2];

	switch (op->kind) {
	case OP_MNT:
		scnprintf(path, sizeof(path), "/%s", v->name);
		xdr_put_string(x, path);
		break;
	case OP_LOOKUP:
		xdr_put_opaque(x, v->fh[0], ENG_FH_LEN);
		xdr_put_string(x, ENG_FILE_NAME);
		break;
	case OP_GETATTR:
		xdr_put_opaque(x, v->fh[1], ENG_FH_LEN);
		break;
	default:
		xdr_put_opaque(x, v->fh[1], ENG_FH_LEN);
		xdr_put_u64(x, op->off);
		xdr_put_u32(x, op->count);
		break;
	}
	if (op->kind == OP_WRITE) {
		xdr_put_u32(x, op->unstable ? NFS3_UNSTABLE : NFS3_FILE_SYNC);
		put_data(x, op);
	}
}

struct sim_pkt *wire_call(struct sim *w, const struct sim_op *op)
{
	static const u32 procs[] = {
		[OP_MNT] = MOUNT3_MNT,	   [OP_LOOKUP] = NFS3_LOOKUP, [OP_GETATTR] = NFS3_GETATTR,
		[OP_COMMIT] = NFS3_COMMIT, [OP_READ] = NFS3_READ,     [OP_WRITE] = NFS3_WRITE,
	};
	const struct sim_client *c = &w->cl[op->client];
	struct rpc_call call = {
		.xid = op->xid,
		.prog = op->kind == OP_MNT ? MOUNT_PROGRAM : NFS_PROGRAM,
		.vers = 3,
		.proc = procs[op->kind],
		.flavor = RPC_AUTH_SYS,
		.name = "client",
		.name_len = 6,
	};
	struct sim_pkt *pkt;
	struct xdr_out x;

	xdr_out_init(&x, call_buf, sizeof(call_buf));
	rpc_call_encode(&x, &call);
	put_args(w, &x, op);
	if (x.bad)
		sim_fail(w, "the simulator's call does not fit");
	pkt = pkt_new(x.pos);
	memcpy(pkt->buf, call_buf, x.pos);
	pkt->from.addr = c->addr;
	pkt->from.port = c->port;
	pkt->from.door = c->tcp ? ANM_DOOR_TCP : ANM_DOOR_UDP;
	pkt->from.local = w->eng_peer.addr;
	pkt->from.local_port = SIM_NFS_PORT;
	memcpy(pkt->from.opaque, &c->conn, sizeof(c->conn));
	pkt->conn = c->conn;
	pkt->elife = w->elife;
	return pkt;
}

/* post_op_attr; only sizes matter here. */
static void get_attr(struct xdr_in *x, struct sim_reply *r, bool optional)
{
	if (optional && !xdr_get_bool(x))
		return;
	xdr_take(x, 20);
	r->size = xdr_get_u64(x);
	r->used = xdr_get_u64(x);
	xdr_take(x, NFS3_FATTR_LEN - 36);
}

static void get_wcc(struct xdr_in *x, struct sim_reply *r)
{
	if (xdr_get_bool(x))
		xdr_take(x, 24);
	get_attr(x, r, true);
}

static void get_result(struct xdr_in *x, const struct sim_op *op, struct sim_reply *r)
{
	u32 n;

	switch (op->kind) {
	case OP_MNT:
	case OP_LOOKUP:
		r->data = xdr_get_opaque(x, NFS3_FH_MAX, &n);
		x->bad |= n != ENG_FH_LEN;
		break;
	case OP_GETATTR:
		get_attr(x, r, false);
		break;
	case OP_READ:
		get_attr(x, r, true);
		r->count = xdr_get_u32(x);
		r->eof = xdr_get_bool(x);
		r->data = xdr_get_opaque(x, ENG_TCP_IO_MAX, &n);
		x->bad |= n != r->count || xdr_in_left(x);
		break;
	case OP_WRITE:
		get_wcc(x, r);
		r->count = xdr_get_u32(x);
		x->bad |= xdr_get_u32(x) != NFS3_FILE_SYNC;
		r->verf = xdr_get_u64(x);
		x->bad |= xdr_in_left(x) != 0;
		break;
	case OP_COMMIT:
		get_wcc(x, r);
		r->verf = xdr_get_u64(x);
		break;
	}
}

void wire_reply(struct sim *w, const struct sim_op *op, const struct sim_pkt *pkt,
		struct sim_reply *r)
{
	struct rpc_reply rpc;
	struct xdr_in x;

	memset(r, 0, sizeof(*r));
	xdr_in_init(&x, pkt->buf, pkt->len);
	if (rpc_reply_decode(&x, &rpc))
		sim_fail(w, "promise 6: op %u gets a reply that is none", op->idx);
	r->accepted = rpc.stat == RPC_MSG_ACCEPTED && rpc.detail == RPC_SUCCESS;
	if (!r->accepted)
		sim_fail(w, "promise 6: op %u is refused: %u %u", op->idx, rpc.stat, rpc.detail);
	r->stat = xdr_get_u32(&x);
	if (!r->stat)
		get_result(&x, op, r);
	if (x.bad)
		sim_fail(w, "promise 6: op %u gets a malformed reply", op->idx);
}
