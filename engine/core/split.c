// SPDX-License-Identifier: GPL-2.0-only
/*
 * Split page-in: READs that memory servers answer in the engine's place (decision 0012).
 * Nobody tells the engine whether a server's reply arrived. A call that comes again says that
 * perhaps it did not: the engine answers it, and for a while all others of that client. So a
 * client that no server reaches is slow now and then, but never hangs (promise 10).
 */
#include "nfs_priv.h"

static void split_pause(struct engine *e, struct eng_split *s)
{
	bool soon = e->now - s->resume_ns < s->pause_ns;

	if (e->now < s->resume_ns)
		return;
	s->pause_ns = soon ? min(2 * s->pause_ns, (u64)ENG_SPLIT_PAUSE_MAX_NS) : ENG_SPLIT_PAUSE_NS;
	s->resume_ns = e->now + s->pause_ns;
}

/* May a server be asked to answer this call? Not the same one twice. */
static bool split_once(struct engine *e, struct eng_split *s, u32 xid)
{
	u32 *seen = &s->xid[xid % ENG_SPLIT_XIDS];

	if (*seen == xid) {
		e->stats.split_again++;
		split_pause(e, s);
		return false;
	}
	if (e->now < s->resume_ns)
		return false;
	*seen = xid;
	return true;
}

u16 eng_split_payload(struct engine *e, const struct eng_req *req, u16 mtu, u8 *buf,
		      void (*put)(struct engine *e, const struct eng_req *req, struct xdr_out *res))
{
	struct amp_split s = {
		.client = req->from.addr,
		.engine = req->from.local,
		.client_port = req->from.port,
		.engine_port = req->from.local_port,
	};
	struct xdr_out res;

	xdr_out_init(&res, s.head, sizeof(s.head));
	put(e, req, &res);
	s.head_len = (u16)res.pos;
	if (WARN_ON_ONCE(res.bad) || !amp_split_valid(&s) || amp_split_frame(&s) > mtu ||
	    !split_once(e, &req->x->client->split, req->xid))
		return 0;
	e->stats.split_asked++;
	return amp_split_encode(buf, &s);
}
