// SPDX-License-Identifier: GPL-2.0-only
/*
 * NFS clients: many calls outstanding, sent again with the same xid until there is an
 * answer; never two WRITEs of one page at a time, as swap and the page cache see to.
 */
#include "sim.h"

#define NET_CLIENTS   2
#define TIMEO_MAX_NS  (3 * NS_PER_S)
#define HANG_NS	      (20 * NS_PER_S) /* longest that a call may take when nothing is wrong */
#define PICKS	      6
#define UDP_PAGES_MAX (ENG_UDP_IO_MAX / ANM_PAGE_SIZE)

void client_init(struct sim *w, u32 c)
{
	struct sim_client *cl = &w->cl[c];

	cl->addr = sim_peer(NET_CLIENTS, (u8)(2 + c), 0, 0).addr;
	cl->tcp = sim_chance(w, w->mix.tcp);
	cl->port = (u16)(600 + sim_below(w, 400));
	cl->deaf = sim_chance(w, 1000);
	cl->mtu = sim_chance(w, 2000) ? 1500 : 9000;
	cl->conn = 1;
	cl->connected = true;
	cl->limit = 1 + sim_below(w, SIM_OUTSTANDING);
	ev_push(w, w->now, EV_CLIENT, (u8)c, 0, NULL);
}

/* ---- sending ---- */

static void op_send(struct sim *w, struct sim_op *op)
{
	struct sim_client *c = &w->cl[op->client];

	op->tries++;
	if (c->tcp) {
		if (c->connected)
			net_rpc(w, wire_call(w, op), op->client, true);
		return;
	}
	net_rpc(w, wire_call(w, op), op->client, true);
	ev_push(w, w->now + op->rto, EV_RETRANSMIT, op->client, op->idx, NULL);
	if (op->kind == OP_WRITE && w->phase == PH_FAULTS && sim_chance(w, w->mix.late_write)) {
		w->n.late++;
		ev_push(w, w->now + sim_log(w, 10 * NS_PER_MS, 20 * NS_PER_S), EV_RPC_TO_ENGINE,
			op->client, 0, wire_call(w, op));
	}
}

void client_retransmit(struct sim *w, u32 idx)
{
	struct sim_op *op = w->ops[idx];

	if (op->done)
		return;
	op->rto = min(2 * op->rto, (u64)TIMEO_MAX_NS);
	w->n.retransmits++;
	sim_say(w, "c%u sends op %u again", op->client, idx);
	op_send(w, op);
}

static struct sim_op *op_new(struct sim *w, u32 c, u32 vai, u8 kind)
{
	struct sim_op *op = calloc(1, sizeof(*op));

	if (w->nops == w->ops_cap) {
		w->ops_cap = w->ops_cap ? 2 * w->ops_cap : 1024;
		w->ops = realloc(w->ops, w->ops_cap * sizeof(*w->ops));
	}
	if (!op || !w->ops)
		abort();
	op->idx = w->nops;
	op->xid = w->xid_base + op->idx;
	w->ops[w->nops++] = op;
	op->client = (u8)c;
	op->vai = (u8)vai;
	op->life = w->vai[vai].life;
	op->kind = kind;
	op->start = w->now;
	op->rto = w->mix.timeo_ns;
	op->unstable = op->idx % 8 == 7;
	return op;
}

static void op_start(struct sim *w, struct sim_op *op)
{
	static const char *const names[] = {"MNT", "LOOKUP", "GETATTR", "COMMIT", "READ", "WRITE"};
	struct sim_client *c = &w->cl[op->client];
	u64 size = (u64)w->vai[op->vai].npages << ANM_PAGE_SHIFT;

	op->want = op->count;
	if (op->off + op->count > size) {
		op->beyond = true;
		op->want = op->off < size ? (u32)(size - op->off) : 0;
		if (op->kind == OP_WRITE)
			op->want = 0;
	}
	if (op->foreign)
		op->want = 0;
	sim_say(w, "c%u op %u xid %x %s v%u p%llu+%llu %u bytes%s%s", op->client, op->idx, op->xid,
		names[op->kind], op->vai, op->off >> ANM_PAGE_SHIFT, op->off & ANM_PAGE_MASK,
		op->count, op->foreign ? " foreign" : "", op->beyond ? " beyond" : "");
	c->open[c->nopen++] = op->idx;
	if (op->kind == OP_READ || op->kind == OP_WRITE)
		oracle_start(w, op);
	op_send(w, op);
}

/* ---- what to do ---- */

static u32 pages_max(const struct sim *w, u32 c)
{
	return w->cl[c].tcp ? SIM_IO_PAGES_MAX : UDP_PAGES_MAX;
}

static void pick_range(struct sim *w, struct sim_op *op)
{
	const struct sim_vai *v = &w->vai[op->vai];
	u32 first = sim_below(w, v->npages), n = 1;

	if (sim_chance(w, w->mix.hot))
		first = sim_below(w, min(v->npages, 5u));
	if (sim_chance(w, w->mix.large))
		n = 1 + sim_below(w, pages_max(w, op->client));
	n = min(n, v->npages - first);
	op->off = (u64)first << ANM_PAGE_SHIFT;
	op->count = n << ANM_PAGE_SHIFT;
	if (sim_chance(w, w->mix.partial)) {
		u32 skip = sim_below(w, min(op->count, ANM_PAGE_SIZE));

		op->off += skip;
		op->count = 1 + sim_below(w, op->count - skip);
	}
}

/* In order, for the engine to read ahead. */
static void pick_next(struct sim *w, struct sim_op *op)
{
	struct sim_vai *v = &w->vai[op->vai];
	u32 first = v->read_end < v->npages ? v->read_end : 0, n = 1 + sim_below(w, 4);

	n = min(n, v->npages - first);
	op->off = (u64)first << ANM_PAGE_SHIFT;
	op->count = n << ANM_PAGE_SHIFT;
	v->read_end = first + n;
}

/* Around the end of the file. */
static void pick_end(struct sim *w, struct sim_op *op)
{
	u64 size = (u64)w->vai[op->vai].npages << ANM_PAGE_SHIFT;

	switch (sim_below(w, 4)) {
	case 0: /* the last page */
		op->off = size - ANM_PAGE_SIZE;
		op->count = ANM_PAGE_SIZE;
		break;
	case 1: /* across */
		op->off = size - 1 - sim_below(w, 2 * ANM_PAGE_SIZE);
		op->count = (u32)(size - op->off) + 1 + sim_below(w, 3000);
		break;
	case 2: /* behind */
		op->off = size + (u64)sim_below(w, 3) * ANM_PAGE_SIZE;
		op->count = ANM_PAGE_SIZE;
		break;
	default: /* up to the end */
		op->off = size - 1 - sim_below(w, 3 * ANM_PAGE_SIZE);
		op->count = (u32)(size - op->off);
		break;
	}
}

static bool may_write(const struct sim *w, const struct sim_op *op)
{
	u64 size = (u64)w->vai[op->vai].npages << ANM_PAGE_SHIFT, p;

	if (op->foreign || op->off + op->count > size)
		return true;
	for (p = op->off & ~(u64)ANM_PAGE_MASK; p < op->off + op->count; p += ANM_PAGE_SIZE) {
		bool partial = p < op->off || p + ANM_PAGE_SIZE > op->off + op->count;

		if (!oracle_may_write(w, op->vai, (u32)(p >> ANM_PAGE_SHIFT), partial))
			return false;
	}
	return true;
}

static void data_op(struct sim *w, u32 c, u32 vai, bool foreign)
{
	struct sim_op *op = op_new(w, c, vai, OP_READ);
	u32 i;

	w->data_ops++;
	op->foreign = foreign;
	if (sim_chance(w, w->mix.write_share))
		op->kind = OP_WRITE;
	for (i = 0; i < PICKS; i++) {
		if (op->kind == OP_READ && w->mix.order && sim_chance(w, w->mix.order))
			pick_next(w, op);
		else if (sim_chance(w, w->mix.boundary))
			pick_end(w, op);
		else
			pick_range(w, op);
		if (op->kind == OP_READ || may_write(w, op))
			break;
	}
	if (i == PICKS)
		op->kind = OP_READ;
	if (op->kind == OP_READ)
		w->n.reads++;
	else
		w->n.writes++;
	op_start(w, op);
}

static void vai_op(struct sim *w, u32 c, u32 vai)
{
	struct sim_vai *v = &w->vai[vai];

	switch (v->state) {
	case VAI_ADDED:
	case VAI_MOUNTED:
		if (v->busy)
			break;
		v->busy = true;
		op_start(w, op_new(w, c, vai, v->state == VAI_ADDED ? OP_MNT : OP_LOOKUP));
		break;
	case VAI_READY:
		if (sim_chance(w, 100))
			op_start(w,
				 op_new(w, c, vai, sim_chance(w, 5000) ? OP_GETATTR : OP_COMMIT));
		else
			data_op(w, c, vai, false);
		break;
	}
}

void client_turn(struct sim *w, u32 c)
{
	struct sim_client *cl = &w->cl[c];
	u32 vai = sim_below(w, w->mix.vais);

	if (w->phase != PH_FAULTS || w->data_ops >= w->mix.ops)
		return;
	ev_push(w, w->now + sim_rand(w) % (2 * w->mix.think_ns), EV_CLIENT, (u8)c, 0, NULL);
	if (cl->nopen >= cl->limit || w->now < cl->backoff || !cl->connected)
		return;
	if (w->vai[vai].client == c)
		vai_op(w, c, vai);
	else if (w->vai[vai].state == VAI_READY && sim_chance(w, w->mix.foreign))
		data_op(w, c, vai, true);
}

/* ---- connections ---- */

void client_reset(struct sim *w, u32 c)
{
	struct sim_client *cl = &w->cl[c];

	if (!cl->tcp || !cl->connected)
		return;
	cl->connected = false;
	cl->conn++;
	while (cl->ndoor)
		free(cl->door[--cl->ndoor]);
	ev_push(w, max(w->now, cl->down_until) + sim_log(w, NS_PER_MS, 500 * NS_PER_MS), EV_CONNECT,
		(u8)c, 0, NULL);
}

/* A new connection, perhaps from another port: all that was not answered goes out again. */
void client_connect(struct sim *w, u32 c)
{
	struct sim_client *cl = &w->cl[c];
	u32 i;

	if (!w->e) {
		ev_push(w, w->now + 100 * NS_PER_MS, EV_CONNECT, (u8)c, 0, NULL);
		return;
	}
	cl->connected = true;
	cl->port = (u16)(600 + sim_below(w, 400));
	sim_say(w, "c%u connects again, %u calls open", c, cl->nopen);
	for (i = 0; i < cl->nopen; i++) {
		w->n.retransmits++;
		op_send(w, w->ops[cl->open[i]]);
	}
}

/* ---- replies ---- */

static void got_handle(struct sim *w, struct sim_op *op, const struct sim_reply *r)
{
	struct sim_vai *v = &w->vai[op->vai];
	u32 node = op->kind == OP_MNT ? 0 : 1;

	v->busy = false;
	if (r->stat == NFS3ERR_JUKEBOX && sim_alloc_failures)
		return;
	if (r->stat)
		sim_fail(w, "promise 5: op %u on the client's own v%u: %u", op->idx, op->vai,
			 r->stat);
	memcpy(v->fh[node], r->data, ENG_FH_LEN);
	v->state = node ? VAI_READY : VAI_MOUNTED;
}

/* A reply may be of an engine that is gone. */
static bool verf_known(const struct sim *w, u64 verf)
{
	u32 i;

	for (i = 1; i <= w->elife; i++)
		if (w->write_verf[i] == verf)
			return true;
	return false;
}

static void got_data(struct sim *w, struct sim_op *op, const struct sim_reply *r)
{
	if (op->foreign) /* looked at when it was sent */
		return;
	if (op->kind == OP_READ) {
		oracle_read_done(w, op, r);
		return;
	}
	if (op->beyond) {
		if (r->stat != NFS3ERR_FBIG)
			sim_fail(w, "promise 1: WRITE %u past the end of v%u: %u", op->idx, op->vai,
				 r->stat);
		return;
	}
	if (!r->stat && (r->count != op->count || !verf_known(w, r->verf)))
		sim_fail(w, "promise 1: WRITE %u of %u bytes: %u, verifier %llx", op->idx,
			 op->count, r->count, r->verf);
	oracle_write_done(w, op, r->stat);
}

static void op_done(struct sim *w, struct sim_op *op, const struct sim_reply *r)
{
	struct sim_client *c = &w->cl[op->client];
	u64 size = (u64)w->vai[op->vai].npages << ANM_PAGE_SHIFT;
	u32 i;

	op->done = true;
	for (i = 0; c->open[i] != op->idx; i++)
		;
	c->nopen--;
	memmove(&c->open[i], &c->open[i + 1], (c->nopen - i) * sizeof(c->open[0]));
	if (r->stat == NFS3ERR_JUKEBOX)
		c->backoff = w->now + 100 * NS_PER_MS;
	switch (op->kind) {
	case OP_MNT:
	case OP_LOOKUP:
		got_handle(w, op, r);
		break;
	case OP_GETATTR:
		if (r->stat || r->size != size || r->used < size)
			sim_fail(w,
				 "promise 4: v%u of %llu bytes: GETATTR %u, size %llu, used %llu",
				 op->vai, size, r->stat, r->size, r->used);
		break;
	case OP_COMMIT:
		if (r->stat || !verf_known(w, r->verf))
			sim_fail(w, "promise 1: COMMIT %u: %u", op->idx, r->stat);
		break;
	default:
		got_data(w, op, r);
		break;
	}
}

void client_reply(struct sim *w, struct sim_ev *ev)
{
	u32 idx = ev->pkt->len >= 4 ? get_unaligned_be32(ev->pkt->buf) - w->xid_base : U32_MAX;
	struct sim_client *c = &w->cl[ev->who];
	struct sim_op *op = idx < w->nops ? w->ops[idx] : NULL;
	struct sim_reply r;

	if (op && !op->done && (!c->tcp || ev->pkt->conn == c->conn)) {
		wire_reply(w, op, ev->pkt, &r);
		sim_say(w, "c%u op %u is answered: %u", ev->who, idx, r.stat);
		op_done(w, op, &r);
	}
	free(ev->pkt);
}

/* ---- what must come true ---- */

bool client_sweep(struct sim *w, u32 c)
{
	struct sim_client *cl = &w->cl[c];
	struct sim_op *op;

	while (cl->nopen < SIM_OUTSTANDING && cl->sweep_vai < w->mix.vais) {
		struct sim_vai *v = &w->vai[cl->sweep_vai];

		if (v->client != c || (v->state != VAI_READY && v->state != VAI_CLOSING) ||
		    cl->sweep_page == v->npages) {
			cl->sweep_vai++;
			cl->sweep_page = 0;
			continue;
		}
		op = op_new(w, c, cl->sweep_vai, OP_READ);
		op->off = (u64)cl->sweep_page++ << ANM_PAGE_SHIFT;
		op->count = ANM_PAGE_SIZE;
		op_start(w, op);
	}
	return !cl->nopen && cl->sweep_vai == w->mix.vais;
}

/* Promise 10: when nothing is wrong, no call takes for ever. */
void clients_watch(struct sim *w)
{
	u64 since = sim_calm_since(w);
	u32 c, i;

	if (since == SIM_NEVER || w->now < since)
		return;
	for (c = 0; c < w->mix.clients; c++) {
		for (i = 0; i < w->cl[c].nopen; i++) {
			const struct sim_op *op = w->ops[w->cl[c].open[i]];

			if (w->now - max(op->start, since) > HANG_NS)
				sim_fail(w, "promise 10: op %u of c%u waits since %llu ms", op->idx,
					 c, op->start / NS_PER_MS);
		}
	}
}
