// SPDX-License-Identifier: GPL-2.0-only
/* The engine and the memory servers, each fed with what arrives and emptied of what leaves. */
#include "sim.h"
#include "../../memserver/core/priv.h"

#define NET_ENGINE  0
#define NET_SERVERS 1

struct anm_peer sim_peer(u8 net, u8 host, u16 port, u8 door)
{
	struct anm_peer p;

	memset(&p, 0, sizeof(p));
	p.addr.b[10] = 0xff;
	p.addr.b[11] = 0xff;
	p.addr.b[12] = 10;
	p.addr.b[14] = net;
	p.addr.b[15] = host;
	p.port = port;
	p.door = door;
	return p;
}

static bool same_addr(const struct anm_peer *a, const struct anm_peer *b)
{
	return !memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

/* ---- the engine ---- */

static int server_at(struct sim *w, const struct anm_peer *p)
{
	u32 i;

	for (i = 0; i < w->mix.servers; i++)
		if (same_addr(&w->sv[i].peer, p) && w->sv[i].peer.port == p->port)
			return (int)i;
	return -1;
}

/*
 * An answer to a stranger: no bytes and no handle of anybody's (promise 5). One word alone, as
 * of an EXPORT that a garbled call may become, is neither: what NFS carried out has attributes.
 */
static void stranger_answered(struct sim *w, const struct sim_pkt *pkt)
{
	u32 idx = get_unaligned_be32(pkt->buf) - w->xid_base;

	if (idx >= w->nops || pkt->len <= RPC_ACCEPTED_LEN + 4)
		return;
	if (get_unaligned_be32(pkt->buf + 8) || get_unaligned_be32(pkt->buf + 20))
		return;
	if (!get_unaligned_be32(pkt->buf + RPC_ACCEPTED_LEN) && w->ops[idx]->kind != OP_GETATTR)
		sim_fail(w, "promise 5: a stranger's copy of call %u was carried out", idx);
}

/* @split: it is a memory server's, and comes from there. */
static void engine_reply(struct sim *w, struct sim_pkt *pkt, bool split)
{
	u32 idx = get_unaligned_be32(pkt->buf) - w->xid_base, c;
	struct sim_op *op;

	for (c = 0; c < w->mix.clients; c++)
		if (!memcmp(&w->cl[c].addr, &pkt->to.addr, sizeof(pkt->to.addr)))
			break;
	if (c == w->mix.clients) {
		stranger_answered(w, pkt);
		free(pkt);
		return;
	}
	if (idx < w->nops) {
		op = w->ops[idx];
		if (op->client != c)
			sim_fail(w,
				 "promise 5: client %u is sent the answer to call %u of client %u",
				 c, idx, op->client);
		if (pkt->len >= RPC_ACCEPTED_LEN + 4 && !get_unaligned_be32(pkt->buf + 20))
			oracle_emitted(w, op, get_unaligned_be32(pkt->buf + RPC_ACCEPTED_LEN));
	}
	if (split && (w->cl[c].deaf || pkt->len + 28 > w->cl[c].mtu)) {
		free(pkt);
		return;
	}
	memcpy(&pkt->conn, pkt->to.opaque, sizeof(pkt->conn));
	net_rpc(w, pkt, c, false);
}

void engine_account(struct sim *w)
{
	if (!w->e)
		return;
	w->n.hedged += w->e->stats.reads_hedged;
	w->n.hedges_won += w->e->stats.hedges_won;
	w->n.aheads += w->e->stats.ahead_issued;
	w->n.aheads_used += w->e->stats.ahead_used;
	w->n.dirty += w->e->stats.dirty_writes;
	w->n.overwritten += w->e->stats.dirty_overwritten;
	w->n.flushed += w->e->stats.dirty_flushed;
	w->n.resent += w->e->stats.amp_retransmits;
	w->n.spurious += w->e->stats.amp_spurious;
}

/* A tick that is due later is left out when it comes. */
static void engine_tick_in(struct sim *w, u64 ns)
{
	if (w->tick_at > w->now && w->tick_at <= w->now + ns)
		return;
	w->tick_at = w->now + ns;
	ev_push(w, w->tick_at, EV_ENGINE_TICK, 0, w->elife, NULL);
}

void engine_limits(struct sim *w)
{
	struct engine *e = w->e;
	u32 i;

	if (e->outq_len > ENG_OUTQ_MAX || e->pages_in_flight > ENG_PAGES_MAX)
		sim_fail(w, "promise 7: %u messages queued, %u pages in flight", e->outq_len,
			 e->pages_in_flight);
	for (i = 0; i < e->servers->nslots; i++) {
		const struct eng_server *sv = e->servers->slot[i];

		if (sv && (sv->in_flight > sv->channels || sv->ndiscards > ENG_DISCARDS_MAX))
			sim_fail(w, "promise 7: %s has %u of %u channels in use, %u discards",
				 sv->name, sv->in_flight, sv->channels, sv->ndiscards);
	}
}

void engine_collect(struct sim *w)
{
	struct anm_out *out;
	struct sim_pkt *pkt;
	int i;

	engine_limits(w);
	conf_events(w);
	engine_tick_in(w, eng_tick_due(w->e));
	while ((out = eng_out_next(w->e))) {
		pkt = pkt_of(out);
		if (pkt->len != out->len)
			sim_fail(w, "promise 6: a message of %u bytes says %u", pkt->len, out->len);
		if (!out->is_amp) {
			anm_out_free(out);
			engine_reply(w, pkt, false);
			continue;
		}
		i = server_at(w, &out->to);
		anm_out_free(out);
		pkt->from = w->eng_peer;
		if (i < 0)
			free(pkt);
		else
			net_amp(w, pkt, (u32)i, true);
	}
}

/* Without processor time everything waits, in its order. */
static bool engine_stalled(struct sim *w, struct sim_ev *ev)
{
	if (w->now >= w->stall_until)
		return false;
	ev_push(w, w->stall_until, ev->type, ev->who, ev->arg, ev->pkt);
	return true;
}

void engine_amp(struct sim *w, struct sim_ev *ev)
{
	struct anm_rec rec;

	if (!w->e) {
		free(ev->pkt);
		return;
	}
	if (engine_stalled(w, ev))
		return;
	net_say_amp(w, "taken", ev->who, false, ev->pkt);
	pkt_rec(w, ev->pkt, &rec);
	eng_amp_in(w->e, &ev->pkt->from, &rec, w->now);
	pkt_rec_free(&rec);
	free(ev->pkt);
	engine_collect(w);
}

static int engine_take(struct sim *w, const struct sim_pkt *pkt)
{
	u32 idx = pkt->len >= 4 ? get_unaligned_be32(pkt->buf) - w->xid_base : U32_MAX;
	struct anm_rec rec;
	int rc;

	if (idx < w->nops)
		w->ops[idx]->taken = w->now;
	pkt_rec(w, pkt, &rec);
	rc = eng_rpc_in(w->e, &pkt->from, &rec, w->now);
	pkt_rec_free(&rec);
	engine_collect(w);
	return rc;
}

static void door_arm(struct sim *w, u32 client)
{
	if (!w->cl[client].door_armed)
		ev_push(w, w->now + NS_PER_MS, EV_DOOR, (u8)client, 0, NULL);
	w->cl[client].door_armed = true;
}

/* What has been refused for want of room comes first, as in a stream. */
void engine_door(struct sim *w, u32 client)
{
	struct sim_client *c = &w->cl[client];

	c->door_armed = false;
	while (w->e && c->ndoor && w->now >= w->stall_until && eng_has_room(w->e, &c->addr)) {
		if (engine_take(w, c->door[0]) == -EAGAIN)
			break;
		free(c->door[0]);
		c->ndoor--;
		memmove(c->door, c->door + 1, c->ndoor * sizeof(c->door[0]));
	}
	if (c->ndoor)
		door_arm(w, client);
}

/*
 * What no duplicate-request cache can know: nothing that was sent in a life before, or that
 * an engine of before has answered, comes once this one answers; see restart.c.
 */
static bool request_of_before(const struct sim *w, const struct sim_pkt *pkt)
{
	u32 idx = pkt->len >= 4 ? get_unaligned_be32(pkt->buf) - w->xid_base : U32_MAX;
	const struct sim_op *op = idx < w->nops ? w->ops[idx] : NULL;

	if (engine_recovering(w))
		return false;
	return pkt->elife != w->elife || (op && op->done && op->elife < w->elife);
}

void engine_rpc(struct sim *w, struct sim_ev *ev)
{
	struct sim_pkt *pkt = ev->pkt;
	struct sim_client *c = &w->cl[ev->who];
	int rc;

	if (!w->e || request_of_before(w, pkt)) {
		free(pkt);
		return;
	}
	if (engine_stalled(w, ev))
		return;
	if (pkt->from.door == ANM_DOOR_TCP) {
		if (pkt->conn != c->conn) {
			free(pkt);
			return;
		}
		if (c->ndoor || engine_take(w, pkt) == -EAGAIN) {
			if (c->ndoor == ARRAY_SIZE(c->door))
				sim_fail(w, "the simulator's door is too small");
			c->door[c->ndoor++] = pkt;
			door_arm(w, ev->who);
			return;
		}
		free(pkt);
		return;
	}
	rc = engine_take(w, pkt);
	if (rc && rc != -EAGAIN)
		sim_fail(w, "promise 6: %d for a datagram", rc);
	free(pkt);
}

void engine_tick(struct sim *w, u32 elife)
{
	struct sim_ev ev = {.type = EV_ENGINE_TICK, .arg = elife};
	u64 ns;

	if (!w->e || elife != w->elife || w->now != w->tick_at)
		return;
	if (engine_stalled(w, &ev)) {
		w->tick_at = w->stall_until;
		return;
	}
	ns = eng_tick(w->e, w->now);
	if (!ns || ns > NS_PER_S)
		sim_fail(w, "the engine wants its next tick in %llu ns", ns);
	if (!w->calm_net && sim_chance(w, 500))
		ns += sim_rand(w) % (20 * NS_PER_MS);
	engine_tick_in(w, ns);
	engine_collect(w);
}

/* ---- memory servers ---- */

/* The route to a client, as far as the server can know. */
static int server_mtu(void *ctx, const struct anm_addr *to)
{
	struct sim *w = ctx;
	u32 c;

	for (c = 0; c < w->mix.clients; c++)
		if (!memcmp(&w->cl[c].addr, to, sizeof(*to)))
			return sim_chance(w, 9900) ? (int)w->cl[c].mtu : 9000;
	sim_fail(w, "promise 5: a server is to answer a stranger");
}

void server_init(struct sim *w, u32 i)
{
	static const u16 mtus[] = {1280, 1500, 1500, 4096, 4224, 9000, 9216};
	struct sim_server *sv = &w->sv[i];

	memset(sv->cfg.server_uuid, 0x50 + (int)i, sizeof(sv->cfg.server_uuid));
	scnprintf(sv->cfg.name, sizeof(sv->cfg.name), "s%u", i);
	sv->cfg.mtu = mtus[sim_below(w, ARRAY_SIZE(mtus))];
	sv->cfg.channels = w->mix.storm ? 64 : (u16)sim_log(w, 1, 64);
	sv->cfg.engine = sim_peer(NET_ENGINE, 1, AMP_PORT, ANM_DOOR_UDP);
	sv->narrow = sim_chance(w, 1500);
	if (w->mix.split && sim_chance(w, 7500)) {
		sv->cfg.path_mtu = server_mtu;
		sv->cfg.path_ctx = w;
		sv->cfg.mtu = sim_chance(w, 8000) ? 9000 : sv->cfg.mtu;
	}
}

/* The link has another MTU, and so has the path, unless something on it has less. */
void server_path(struct sim *w, u32 i, u16 mtu)
{
	struct sim_server *sv = &w->sv[i];

	sv->path_mtu = sv->narrow ? min_t(u32, mtu, MEM_MTU_FALLBACK) : mtu;
}

/* In the engine's place, and as from there. */
static void server_reply(struct sim *w, u32 i, struct sim_pkt *pkt)
{
	if (memcmp(&pkt->to.local, &w->eng_peer.addr, sizeof(pkt->to.local)) ||
	    pkt->to.local_port != SIM_NFS_PORT)
		sim_fail(w, "promise 6: s%u answers in the place of a stranger", i);
	w->n.splits++;
	sim_say(w, "s%u answers call xid %x", i, get_unaligned_be32(pkt->buf));
	if (w->sv[i].cut & 2)
		free(pkt);
	else
		engine_reply(w, pkt, true);
}

static void server_collect(struct sim *w, u32 i)
{
	struct sim_server *sv = &w->sv[i];
	struct anm_out *out;
	struct sim_pkt *pkt;

	while ((out = mem_out_next(sv->m))) {
		bool split = out->is_split;

		pkt = pkt_of(out);
		anm_out_free(out);
		if (split) {
			server_reply(w, i, pkt);
			continue;
		}
		pkt->from = sv->peer;
		pkt->conn = sv->life;
		net_amp(w, pkt, i, false);
	}
	if (store_chunks(sv->m->store) > sv->cfg.donation)
		sim_fail(w, "promise 7: s%u uses %llu pages of %llu", i, store_chunks(sv->m->store),
			 sv->cfg.donation);
}

void server_start(struct sim *w, u32 i)
{
	struct sim_server *sv = &w->sv[i];
	u32 fail = sim_alloc_fail;

	/* Perhaps another lease, certainly another port. */
	if (!sv->life || sim_chance(w, 3000))
		sv->peer = sim_peer(NET_SERVERS, (u8)(10 + i + 10 * sim_below(w, 20)), 0,
				    ANM_DOOR_UDP);
	sv->peer.port = (u16)(1024 + sim_below(w, 60000));
	sv->life++;
	sv->leaving = false;
	sv->drained = false;
	sv->given_up = false;
	server_path(w, i, sv->cfg.mtu);
	sim_alloc_fail = 0;
	sv->m = mem_create(&sv->cfg, w->now);
	sim_alloc_fail = fail;
	if (!sv->m)
		sim_fail(w, "no memory server");
	sim_say(w, "s%u starts, %llu pages, MTU %u, %u channels", i, sv->cfg.donation, sv->cfg.mtu,
		sv->cfg.channels);
	ev_push(w, w->now, EV_SERVER_TICK, (u8)i, sv->life, NULL);
}

void server_stop(struct sim *w, u32 i)
{
	struct sim_server *sv = &w->sv[i];

	sim_say(w, "s%u is gone, %llu pages with it", i, server_used(w, i));
	if (sv->drained)
		oracle_drained(w, i);
	oracle_memory_going(w, i);
	w->gone++;
	mem_destroy(sv->m);
	sv->m = NULL;
	sv->life++;
}

void server_amp(struct sim *w, struct sim_ev *ev)
{
	struct sim_server *sv = &w->sv[ev->who];
	struct anm_rec rec;

	if (!sv->m || sv->frozen) {
		free(ev->pkt);
		return;
	}
	net_say_amp(w, "taken", ev->who, true, ev->pkt);
	pkt_rec(w, ev->pkt, &rec);
	mem_amp_in(sv->m, &ev->pkt->from, &rec, w->now);
	pkt_rec_free(&rec);
	free(ev->pkt);
	server_collect(w, ev->who);
}

void server_tick(struct sim *w, u32 i, u32 life)
{
	struct sim_server *sv = &w->sv[i];
	u64 ns;

	if (!sv->m || sv->frozen || sv->life != life)
		return;
	ns = mem_tick(sv->m, w->now);
	server_collect(w, i);
	if (sv->m->state == MEM_LEFT) {
		u64 back = w->now + sim_log(w, 10 * NS_PER_MS, 5 * NS_PER_S);

		server_stop(w, i);
		w->last_trouble = max(w->last_trouble, back);
		ev_push(w, back, EV_SERVER_START, (u8)i, 0, NULL);
		return;
	}
	ev_push(w, w->now + ns, EV_SERVER_TICK, (u8)i, life, NULL);
}

void server_leave(struct sim *w, u32 i)
{
	w->sv[i].leaving = true;
	mem_leave(w->sv[i].m, w->now);
	server_collect(w, i);
}

bool server_holds(struct sim *w, u32 i, const struct amp_key *key, const u8 **data)
{
	static u8 pages[SIM_SERVERS_MAX][ANM_PAGE_SIZE];
	struct store_page page;
	u8 *raw = pages[i];
	u32 off;

	if (!w->sv[i].m || !store_get(w->sv[i].m->store, key, &page))
		return false;
	*data = page.form == AMP_FORM_RAW ? page.bytes : raw;
	if (page.form == AMP_FORM_LZ4 && !anm_lz4_unpack(raw, page.bytes, page.len))
		sim_fail(w, "promise 1: s%u holds what is no page", i);
	for (off = 0; page.form == AMP_FORM_FILL && off < ANM_PAGE_SIZE; off += AMP_FILL_LEN)
		memcpy(raw + off, page.bytes, AMP_FILL_LEN);
	return true;
}

u64 server_version(struct sim *w, u32 i, const struct amp_key *key)
{
	struct store_page page;

	return w->sv[i].m && store_get(w->sv[i].m->store, key, &page) ? page.version : 0;
}

/* The page's entry, if it names server @i. */
static const struct map_entry *entry_naming(struct sim *w, u32 i, const char *vai, u32 page_no,
					    u16 *slot)
{
	const struct eng_server *sv;
	struct eng_export *x;
	const struct map_entry *me;
	u32 idx;

	if (!w->e)
		return NULL;
	sv = eng_server_by_uuid(w->e, w->sv[i].cfg.server_uuid);
	x = eng_vai_by_name(w->e, vai, (u32)strlen(vai));
	if (!sv || !x || !w->sv[i].m || sv->boot != w->sv[i].m->boot)
		return NULL;
	idx = map_find(w->e->map, x->vai.slot, page_no);
	if (idx == ENG_MAP_NONE)
		return NULL;
	me = map_entry(w->e->map, idx);
	*slot = sv->slot;
	return map_server(me, 0) == sv->slot || map_server(me, 1) == sv->slot ? me : NULL;
}

bool engine_names(struct sim *w, u32 i, const char *vai, u32 page_no)
{
	u16 slot;

	return entry_naming(w, i, vai, page_no, &slot);
}

bool engine_reads(struct sim *w, u32 i, const char *vai, u32 page_no)
{
	u16 slot;
	const struct map_entry *me = entry_naming(w, i, vai, page_no, &slot);

	return me && map_elder(me) != slot;
}

bool engine_doubts(struct sim *w, u32 i, const char *vai, u32 page_no)
{
	u16 slot;
	const struct map_entry *me = entry_naming(w, i, vai, page_no, &slot);

	return me && me->vai_flags & MAP_DOUBT;
}

const u8 *engine_dirty(struct sim *w, const char *vai, u32 page_no)
{
	struct eng_export *x;
	u32 i;

	if (!w->e || !w->e->cache)
		return NULL;
	x = eng_vai_by_name(w->e, vai, (u32)strlen(vai));
	i = x ? eng_cache_find(w->e, x->vai.slot, page_no) : PCACHE_NONE;
	if (i == PCACHE_NONE || !pcache_is_dirty(w->e->cache->table, i))
		return NULL;
	return anm_page_data(w->e->cache->table->entry[i].page);
}

u64 server_used(struct sim *w, u32 i)
{
	return w->sv[i].m ? store_pages(w->sv[i].m->store) : 0;
}
