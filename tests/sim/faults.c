// SPDX-License-Identifier: GPL-2.0-only
/* What goes wrong, when, and until when. */
#include "sim.h"

#define ROUGH_LOSS   100 /* of 10000: what retransmission always makes good within seconds */
#define ROUGH_GARBLE 100

/* All ends are known when a fault begins. */
static void trouble_until(struct sim *w, u64 end)
{
	w->last_trouble = max(w->last_trouble, end);
}

u64 sim_calm_since(const struct sim *w)
{
	const struct sim_mix *m = &w->mix;
	bool rough = m->loss > ROUGH_LOSS || m->garble > ROUGH_GARBLE || m->tail;

	if (rough && !w->calm_net)
		return SIM_NEVER;
	/* A session that nobody answers in any more may live that long. */
	return w->last_trouble + SIM_CALM_NS + m->dead_ms * NS_PER_MS;
}

static u64 fault_length(struct sim *w)
{
	return sim_log(w, 10 * NS_PER_MS, 15 * NS_PER_S);
}

/* A server that is up, and not down for good in any other way. */
static int pick_server(struct sim *w)
{
	u32 i = sim_below(w, w->mix.servers);

	return w->sv[i].m && !w->sv[i].frozen && !w->sv[i].leaving ? (int)i : -1;
}

static void fault_memory(struct sim *w, bool goodbye)
{
	int i = pick_server(w);
	u64 back = w->now + fault_length(w);

	if (i < 0 || w->crashes >= w->mix.crashes_max)
		return;
	w->crashes++;
	if (goodbye) {
		sim_say(w, "fault: s%d leaves", i);
		server_leave(w, (u32)i);
		trouble_until(w, w->now + 2 * NS_PER_S);
		return;
	}
	sim_say(w, "fault: s%d crashes, back at %llu ms", i, back / NS_PER_MS);
	server_stop(w, (u32)i);
	trouble_until(w, back);
	ev_push(w, back, EV_SERVER_START, (u8)i, 0, NULL);
}

/* The others go on without it, for good; the engine may hope for ever. */
static void fault_death(struct sim *w)
{
	int i = pick_server(w);

	if (i < 0)
		return;
	sim_say(w, "fault: s%d is dead for good", i);
	w->mix.weight[F_DEATH] = 0;
	w->n.deaths++;
	w->crashes++;
	w->sv[i].dead = true;
	server_stop(w, (u32)i);
	trouble_until(w, w->now + w->mix.repair_ms * NS_PER_MS);
}

static void fault_link(struct sim *w, u8 fault)
{
	u64 end = w->now + fault_length(w);
	int i = pick_server(w);
	struct sim_server *sv;

	if (i < 0)
		return;
	sv = &w->sv[i];
	if (fault == F_FREEZE) {
		sv->frozen = true;
		ev_push(w, end, EV_THAW, (u8)i, sv->life, NULL);
	} else if (fault == F_PARTITION && !sv->cut) {
		sv->cut = (u8)(1 + sim_below(w, 3));
		ev_push(w, end, EV_HEAL, (u8)i, F_PARTITION, NULL);
	} else if (fault == F_SLOW && !sv->slow_ns) {
		sv->slow_ns = sim_log(w, w->mix.storm ? 3 * NS_PER_S : NS_PER_MS, 12 * NS_PER_S);
		ev_push(w, end, EV_HEAL, (u8)i, F_SLOW, NULL);
	} else {
		return;
	}
	sim_say(w, "fault: s%d %s until %llu ms (cut %u, slow %llu us)", i,
		fault == F_FREEZE      ? "stands still"
		: fault == F_PARTITION ? "is cut off"
				       : "is slow",
		end / NS_PER_MS, sv->cut, sv->slow_ns / 1000);
	trouble_until(w, end);
}

static void fault_session(struct sim *w)
{
	static const u16 mtus[] = {1280, 1500, 4096, 9000};
	int i = pick_server(w);
	u16 mtu = mtus[sim_below(w, ARRAY_SIZE(mtus))];

	if (i < 0)
		return;
	sim_say(w, "fault: s%d changes its MTU to %u", i, mtu);
	server_path(w, (u32)i, mtu);
	mem_set_mtu(w->sv[i].m, mtu, w->now);
	trouble_until(w, w->now + NS_PER_S);
}

static void fault_alloc(struct sim *w)
{
	w->alloc_until = w->now + fault_length(w);
	sim_alloc_fail = w->mix.alloc_fail;
	sim_say(w, "fault: allocations fail until %llu ms", w->alloc_until / NS_PER_MS);
	ev_push(w, w->alloc_until, EV_HEAL, 0, F_ALLOC, NULL);
	trouble_until(w, w->alloc_until);
}

static void fault_client(struct sim *w)
{
	u32 c = sim_below(w, w->mix.clients);

	w->cl[c].down_until = w->now + sim_log(w, NS_PER_MS, 5 * NS_PER_S);
	sim_say(w, "fault: c%u has no link until %llu ms", c, w->cl[c].down_until / NS_PER_MS);
	trouble_until(w, w->cl[c].down_until);
	client_reset(w, c);
}

/* ---- rubbish ---- */

static void hostile_rpc(struct sim *w)
{
	u32 c = sim_below(w, w->mix.clients);
	struct sim_pkt *pkt = NULL;

	if (w->nops && sim_chance(w, 7000))
		pkt = wire_call(w, w->ops[sim_below(w, w->nops)]);
	if (!pkt) {
		u32 i;

		pkt = pkt_new(sim_below(w, 300));
		for (i = 0; i < pkt->len; i++)
			pkt->buf[i] = (u8)sim_rand(w);
	}
	pkt->from = sim_peer(9, (u8)(1 + sim_below(w, 200)), (u16)(600 + sim_below(w, 400)),
			     ANM_DOOR_UDP);
	if (sim_chance(w, 3000)) { /* cut short, from a client: no call that it made */
		pkt->from.addr = w->cl[c].addr;
		pkt->len = min(pkt->len, 40 + sim_below(w, 80));
		if (pkt->len >= 4)
			put_unaligned_be32(w->xid_base - 1 - sim_below(w, 1000), pkt->buf);
	} else if (sim_chance(w, 5000) && pkt->len > 4) {
		pkt->buf[4 + sim_below(w, pkt->len - 4)] ^= (u8)(1 << sim_below(w, 8));
	}
	ev_push(w, w->now, EV_RPC_TO_ENGINE, (u8)c, 0, pkt);
}

static void hostile_amp(struct sim *w)
{
	u32 i = sim_below(w, w->mix.servers), n;
	struct sim_pkt *pkt = pkt_new(1 + sim_below(w, 400));
	bool to_server = sim_chance(w, 5000);

	for (n = 0; n < pkt->len; n++)
		pkt->buf[n] = (u8)sim_rand(w);
	if (pkt->len >= 6 && sim_chance(w, 8000)) {
		put_unaligned_be32(AMP_MAGIC, pkt->buf);
		pkt->buf[4] = AMP_VERSION;
		pkt->buf[5] = (u8)(1 + sim_below(w, AMP_TYPE_MAX));
	}
	pkt->from = to_server ? w->eng_peer : w->sv[i].peer;
	if (sim_chance(w, 3000))
		pkt->from = sim_peer(9, 7, 7, ANM_DOOR_UDP);
	ev_push(w, w->now, to_server ? EV_AMP_TO_SERVER : EV_AMP_TO_ENGINE, (u8)i, 0, pkt);
}

static void fault_hostile(struct sim *w)
{
	u32 n = 1 + sim_below(w, 20);

	sim_say(w, "fault: %u pieces of rubbish", n);
	while (n--) {
		if (sim_chance(w, 6000))
			hostile_rpc(w);
		else
			hostile_amp(w);
	}
}

/* ---- one after the other ---- */

static u8 fault_pick(struct sim *w)
{
	u32 sum = 0, at, i;

	for (i = 0; i < F_MAX; i++)
		sum += w->mix.weight[i];
	if (!sum)
		return F_MAX;
	at = sim_below(w, sum);
	for (i = 0; at >= w->mix.weight[i]; i++)
		at -= w->mix.weight[i];
	return (u8)i;
}

void fault_next(struct sim *w)
{
	u8 f = fault_pick(w);

	if (w->phase != PH_FAULTS || f == F_MAX)
		return;
	switch (f) {
	case F_CRASH:
	case F_LEAVE:
		fault_memory(w, f == F_LEAVE);
		break;
	case F_FREEZE:
	case F_PARTITION:
	case F_SLOW:
		fault_link(w, f);
		break;
	case F_SESSION:
		fault_session(w);
		break;
	case F_STALL:
		w->stall_until = max(w->stall_until, w->now + sim_log(w, NS_PER_MS, 3 * NS_PER_S));
		sim_say(w, "fault: the engine stands still until %llu ms",
			w->stall_until / NS_PER_MS);
		trouble_until(w, w->stall_until);
		break;
	case F_ALLOC:
		fault_alloc(w);
		break;
	case F_CLIENT:
		fault_client(w);
		break;
	case F_HOSTILE:
		fault_hostile(w);
		break;
	case F_ENGINE:
		engine_crash(w);
		break;
	case F_DEATH:
		fault_death(w);
		break;
	}
	ev_push(w, w->now + sim_rand(w) % (2 * w->mix.fault_gap_ns), EV_FAULT, 0, 0, NULL);
}

void fault_server_start(struct sim *w, u32 i)
{
	if (!w->sv[i].m && !w->sv[i].dead)
		server_start(w, i);
}

void fault_thaw(struct sim *w, u32 i)
{
	struct sim_server *sv = &w->sv[i];

	if (!sv->frozen)
		return;
	sim_say(w, "s%u goes on", i);
	sv->frozen = false;
	sv->life++; /* ticks of before it stood still are void */
	ev_push(w, w->now, EV_SERVER_TICK, (u8)i, sv->life, NULL);
}

void fault_heal(struct sim *w, u32 i, u32 what)
{
	if (what == F_PARTITION)
		w->sv[i].cut = 0;
	else if (what == F_SLOW)
		w->sv[i].slow_ns = 0;
	else if (w->now >= w->alloc_until)
		sim_alloc_fail = 0;
}

void faults_stop(struct sim *w)
{
	u32 i;

	w->calm_net = true;
	w->stall_until = 0;
	w->alloc_until = 0;
	sim_alloc_fail = 0;
	w->last_trouble = w->now;
	if (engine_recovering(w))
		w->last_trouble += w->mix.recover_ms * NS_PER_MS;
	engine_start(w);
	for (i = 0; i < w->mix.clients; i++)
		w->cl[i].down_until = 0;
	for (i = 0; i < w->mix.servers; i++) {
		w->sv[i].cut = 0;
		w->sv[i].slow_ns = 0;
		fault_thaw(w, i);
		fault_server_start(w, i);
	}
}
