// SPDX-License-Identifier: GPL-2.0-only
/* ONC RPC at the door: programs, versions, credentials, and the refusals of each. */
#include "nfs_priv.h"

#define PORT_RESERVED_END 1024		     /* ports below need privileges at the client */
#define OUTQ_ROOM	  (ENG_OUTQ_MAX / 2) /* no new calls above: answers must not be lost */
#define IO_PAGES_MAX	  (ENG_TCP_IO_MAX / ANM_PAGE_SIZE + 1)

void eng_call_gather(struct eng_call *call, u32 n)
{
	const struct anm_rec *rec = call->rec;
	struct xdr_in *args = &call->args;

	n = min3(n, rec->len, (u32)ENG_SCRATCH_LEN);
	if (args->len >= n)
		return;
	if (rec->head_len >= n) {
		args->buf = rec->head;
		args->len = rec->head_len;
		return;
	}
	if (anm_rec_copy(rec, 0, call->e->exports->scratch, n)) {
		args->buf = rec->head;
		args->len = rec->head_len;
		return;
	}
	args->buf = call->e->exports->scratch;
	args->len = n;
}

int eng_call_reply(struct eng_call *call, u32 cap)
{
	call->out = anm_out_alloc(cap, 0);
	if (!call->out) {
		call->e->stats.no_memory++;
		return -EAGAIN;
	}
	call->out->to = *call->from;
	xdr_out_init(&call->res, call->out->head, cap);
	rpc_put_accepted(&call->res, call->hdr.xid, RPC_SUCCESS);
	return 0;
}

void eng_reply_finish(struct anm_out *out, const struct xdr_out *res)
{
	WARN_ON_ONCE(res->bad);
	out->head_len = res->pos;
	out->len += res->pos;
}

void eng_reply_send(struct engine *e, struct anm_out *out)
{
	e->stats.rpc_replies++;
	eng_out_queue(e, out);
}

bool eng_call_insecure(struct eng_call *call)
{
	if (call->from->port < PORT_RESERVED_END || call->e->cfg.insecure)
		return false;
	call->e->stats.rpc_insecure++;
	return true;
}

/* Whatever the reply was going to be, begin it anew. */
static int reply_anew(struct eng_call *call)
{
	if (!call->out && eng_call_reply(call, RPC_REPLY_HEAD_MAX))
		return -EAGAIN;
	xdr_out_init(&call->res, call->out->head, call->out->head_cap);
	return 0;
}

static int reply_plain(struct eng_call *call, enum rpc_accept_stat stat)
{
	if (reply_anew(call))
		return -EAGAIN;
	rpc_put_accepted(&call->res, call->hdr.xid, stat);
	return 0;
}

static int reply_mismatch(struct eng_call *call, u32 low, u32 high)
{
	if (reply_anew(call))
		return -EAGAIN;
	rpc_put_prog_mismatch(&call->res, call->hdr.xid, low, high);
	return 0;
}

/* Denied: the RPC version, or the credentials. */
static int reply_denied(struct eng_call *call, bool version)
{
	if (reply_anew(call))
		return -EAGAIN;
	if (version)
		rpc_put_mismatch(&call->res, call->hdr.xid);
	else
		rpc_put_auth_error(&call->res, call->hdr.xid, call->hdr.auth_stat);
	call->e->stats.rpc_denied++;
	return 0;
}

static int call_unavail(struct eng_call *call, u32 vers, u32 proc_max)
{
	int rc;

	if (call->hdr.vers != vers)
		rc = reply_mismatch(call, vers, vers);
	else if (call->hdr.proc > proc_max)
		rc = reply_plain(call, RPC_PROC_UNAVAIL);
	else
		return 1;
	if (!rc)
		call->e->stats.rpc_unavail++;
	return rc;
}

/* While the page map is rebuilt nobody is told anything but that we are here: NULL. */
static bool call_held(const struct eng_call *call)
{
	if (!eng_recovering(call->e) || !call->hdr.proc)
		return false;
	call->e->stats.recover_held++;
	return true;
}

static int call_program(struct eng_call *call)
{
	int rc;

	switch (call->hdr.prog) {
	case NFS_PROGRAM:
		rc = call_unavail(call, NFS_V3, NFS3_PROC_MAX);
		if (rc > 0 && call_held(call))
			return -EAGAIN;
		return rc > 0 ? eng_nfs_call(call) : rc;
	case MOUNT_PROGRAM:
		rc = call_unavail(call, MOUNT_V3, MOUNT3_PROC_MAX);
		if (rc > 0 && call_held(call))
			return -EAGAIN;
		return rc > 0 ? eng_mount_call(call) : rc;
	default:
		rc = reply_plain(call, RPC_PROG_UNAVAIL);
		if (!rc)
			call->e->stats.rpc_unavail++;
		return rc;
	}
}

/* Decode the header, find who serves it. As eng_rpc_in() returns, and with the reply begun. */
static int call_dispatch(struct eng_call *call)
{
	int rc;

	eng_call_gather(call, ENG_HEAD_MAX);
	rc = rpc_call_decode(&call->args, &call->hdr);
	switch (rc) {
	case 0:
		break;
	case -EPROTONOSUPPORT:
		return reply_denied(call, true);
	case -EACCES:
		return reply_denied(call, false);
	default:
		call->e->stats.rpc_malformed++;
		return -EPROTO;
	}
	rc = call_program(call);
	if (rc == -EINVAL) {
		rc = reply_plain(call, RPC_GARBAGE_ARGS);
		if (!rc)
			call->e->stats.rpc_garbage++;
	}
	return rc;
}

int eng_rpc_in(struct engine *e, const struct anm_peer *from, const struct anm_rec *rec, u64 now)
{
	bool udp = from->door == ANM_DOOR_UDP;
	struct eng_call call;
	int rc;

	e->now = max(e->now, now);
	memset(&call, 0, sizeof(call));
	call.e = e;
	call.from = from;
	call.rec = rec;
	if (e->outq_len >= OUTQ_ROOM) {
		e->stats.queue_full++;
		rc = -EAGAIN;
	} else {
		rc = call_dispatch(&call);
	}
	/* A record that is not taken will be seen again through TCP, never through UDP. */
	if (rc != -EAGAIN || udp)
		e->stats.rpc_in++;
	if (rc) {
		anm_out_free(call.out);
		return rc == -EPROTO && udp ? 0 : rc;
	}
	if (call.out) {
		eng_reply_finish(call.out, &call.res);
		eng_reply_send(e, call.out);
	}
	return 0;
}

bool eng_has_room(struct engine *e, const struct anm_addr *client)
{
	struct eng_client *c;

	if (e->outq_len >= OUTQ_ROOM || eng_recovering(e))
		return false;
	c = eng_client_find(e->exports, client);
	return !c || eng_req_has_room(e, c, IO_PAGES_MAX, ANM_DOOR_TCP);
}
