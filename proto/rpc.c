// SPDX-License-Identifier: GPL-2.0-only
/*
 * ONC RPC (RFC 5531): headers and record marking.
 */
#include "rpc.h"

/* Body of AUTH_SYS credentials (RFC 5531, appendix A). */
static bool auth_sys_decode(const u8 *body, u32 len, struct rpc_call *call)
{
	struct xdr_in x;
	u32 i;

	xdr_in_init(&x, body, len);
	call->stamp = xdr_get_u32(&x);
	call->name = (const char *)xdr_get_opaque(&x, RPC_AUTH_NAME_MAX, &call->name_len);
	call->uid = xdr_get_u32(&x);
	call->gid = xdr_get_u32(&x);
	call->ngids = xdr_get_u32(&x);
	if (call->ngids > RPC_AUTH_GIDS_MAX)
		x.bad = true;
	for (i = 0; i < call->ngids && !x.bad; i++)
		call->gids[i] = xdr_get_u32(&x);
	return !x.bad && !xdr_in_left(&x);
}

static bool cred_decode(const u8 *body, u32 len, struct rpc_call *call)
{
	switch (call->flavor) {
	case RPC_AUTH_NONE:
		return !len;
	case RPC_AUTH_SYS:
		if (auth_sys_decode(body, len, call))
			return true;
		call->uid = 0;
		call->gid = 0;
		call->ngids = 0;
		return false;
	default:
		return false;
	}
}

int rpc_call_decode(struct xdr_in *x, struct rpc_call *call)
{
	u32 type, cred_len, verf_flavor, verf_len;
	const u8 *cred;
	bool cred_ok;

	memset(call, 0, sizeof(*call));
	call->xid = xdr_get_u32(x);
	type = xdr_get_u32(x);
	if (x->bad || type != RPC_CALL)
		return -EPROTO;
	call->rpcvers = xdr_get_u32(x);
	if (x->bad)
		return -EINVAL;
	if (call->rpcvers != RPC_VERSION)
		return -EPROTONOSUPPORT;
	call->prog = xdr_get_u32(x);
	call->vers = xdr_get_u32(x);
	call->proc = xdr_get_u32(x);

	call->flavor = xdr_get_u32(x);
	cred = xdr_get_opaque(x, RPC_AUTH_BODY_MAX, &cred_len);
	verf_flavor = xdr_get_u32(x);
	xdr_get_opaque(x, RPC_AUTH_BODY_MAX, &verf_len);
	if (x->bad)
		return -EINVAL;

	cred_ok = cred_decode(cred, cred_len, call);
	if (!cred_ok)
		call->auth_stat = RPC_AUTH_BADCRED;
	else if (verf_flavor != RPC_AUTH_NONE || verf_len)
		call->auth_stat = RPC_AUTH_BADVERF;
	return call->auth_stat == RPC_AUTH_OK ? 0 : -EACCES;
}

void rpc_call_encode(struct xdr_out *x, const struct rpc_call *call)
{
	u32 at, i;

	xdr_put_u32(x, call->xid);
	xdr_put_u32(x, RPC_CALL);
	xdr_put_u32(x, RPC_VERSION);
	xdr_put_u32(x, call->prog);
	xdr_put_u32(x, call->vers);
	xdr_put_u32(x, call->proc);
	xdr_put_u32(x, call->flavor);
	at = x->pos;
	xdr_put_u32(x, 0);
	if (call->flavor == RPC_AUTH_SYS) {
		xdr_put_u32(x, call->stamp);
		xdr_put_opaque(x, call->name, call->name_len);
		xdr_put_u32(x, call->uid);
		xdr_put_u32(x, call->gid);
		xdr_put_u32(x, call->ngids);
		for (i = 0; i < min_t(u32, call->ngids, RPC_AUTH_GIDS_MAX); i++)
			xdr_put_u32(x, call->gids[i]);
		xdr_patch_u32(x, at, x->pos - at - 4);
	}
	xdr_put_u32(x, RPC_AUTH_NONE);
	xdr_put_u32(x, 0);
}

void rpc_put_accepted(struct xdr_out *x, u32 xid, enum rpc_accept_stat stat)
{
	xdr_put_u32(x, xid);
	xdr_put_u32(x, RPC_REPLY);
	xdr_put_u32(x, RPC_MSG_ACCEPTED);
	xdr_put_u32(x, RPC_AUTH_NONE);
	xdr_put_u32(x, 0);
	xdr_put_u32(x, stat);
}

void rpc_put_prog_mismatch(struct xdr_out *x, u32 xid, u32 low, u32 high)
{
	rpc_put_accepted(x, xid, RPC_PROG_MISMATCH);
	xdr_put_u32(x, low);
	xdr_put_u32(x, high);
}

static void put_denied(struct xdr_out *x, u32 xid, enum rpc_reject_stat stat)
{
	xdr_put_u32(x, xid);
	xdr_put_u32(x, RPC_REPLY);
	xdr_put_u32(x, RPC_MSG_DENIED);
	xdr_put_u32(x, stat);
}

void rpc_put_mismatch(struct xdr_out *x, u32 xid)
{
	put_denied(x, xid, RPC_MISMATCH);
	xdr_put_u32(x, RPC_VERSION);
	xdr_put_u32(x, RPC_VERSION);
}

void rpc_put_auth_error(struct xdr_out *x, u32 xid, enum rpc_auth_stat stat)
{
	put_denied(x, xid, RPC_AUTH_ERROR);
	xdr_put_u32(x, stat);
}

static void accepted_decode(struct xdr_in *x, struct rpc_reply *r)
{
	u32 n;

	xdr_get_u32(x); /* verifier: whichever */
	xdr_get_opaque(x, RPC_AUTH_BODY_MAX, &n);
	r->detail = xdr_get_u32(x);
	if (r->detail == RPC_PROG_MISMATCH) {
		r->low = xdr_get_u32(x);
		r->high = xdr_get_u32(x);
	} else if (r->detail > RPC_SYSTEM_ERR) {
		x->bad = true;
	}
}

static void denied_decode(struct xdr_in *x, struct rpc_reply *r)
{
	r->detail = xdr_get_u32(x);
	r->low = xdr_get_u32(x);
	if (r->detail == RPC_MISMATCH)
		r->high = xdr_get_u32(x);
	else if (r->detail != RPC_AUTH_ERROR)
		x->bad = true;
}

int rpc_reply_decode(struct xdr_in *x, struct rpc_reply *r)
{
	memset(r, 0, sizeof(*r));
	r->xid = xdr_get_u32(x);
	if (xdr_get_u32(x) != RPC_REPLY)
		x->bad = true;
	r->stat = xdr_get_u32(x);
	if (r->stat == RPC_MSG_ACCEPTED)
		accepted_decode(x, r);
	else if (r->stat == RPC_MSG_DENIED)
		denied_decode(x, r);
	else
		x->bad = true;
	return x->bad ? -EPROTO : 0;
}

/* ---- record marking ---- */

void rpc_rm_init(struct rpc_rm *rm, u32 max)
{
	memset(rm, 0, sizeof(*rm));
	rm->max = max;
}

/* The mark is complete: what does it announce? */
static int mark_take(struct rpc_rm *rm)
{
	u32 mark = get_unaligned_be32(rm->mark);
	u32 len = mark & RPC_FRAG_MAX;

	rm->last = mark & RPC_MARK_LAST;
	if (!len && (!rm->last || !rm->len))
		return -EPROTO;
	if (len > rm->max - rm->len)
		return -EMSGSIZE;
	rm->frag_left = len;
	return 0;
}

int rpc_rm_step(struct rpc_rm *rm, const u8 *p, u32 n, struct rpc_rm_step *s)
{
	memset(s, 0, sizeof(*s));
	if (rm->dead)
		return rm->dead;
	while (rm->have < RPC_MARK_LEN && s->used < n) {
		rm->mark[rm->have++] = p[s->used++];
		if (rm->have < RPC_MARK_LEN)
			continue;
		rm->dead = mark_take(rm);
		if (rm->dead)
			return rm->dead;
	}
	s->off = s->used;
	if (rm->have < RPC_MARK_LEN)
		return 0;

	s->len = min(rm->frag_left, n - s->used);
	s->used += s->len;
	rm->len += s->len;
	rm->frag_left -= s->len;
	if (rm->frag_left)
		return 0;
	rm->have = 0;
	s->done = rm->last;
	if (s->done)
		rm->len = 0;
	return 0;
}
