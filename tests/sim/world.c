// SPDX-License-Identifier: GPL-2.0-only
/*
 * One run: faults and load; then everything is healed and every call must be answered,
 * every server be back, every page readable; then the VAIs are deleted and nothing may
 * be left of them.
 */
#include "sim.h"

#define PHASE_NS	(50 * NS_PER_MS)
#define SETTLE_MAX_NS	(120 * NS_PER_S)
#define JOIN_MAX_NS	(60 * NS_PER_S)
#define REPAIR_MAX_NS	(60 * NS_PER_S)
#define DELETE_MAX_NS	(60 * NS_PER_S)
#define DONATION_SPREAD 3

/* ---- the beginning ---- */

static bool vai_writeback(struct sim *w, u32 i)
{
	u64 rng = sim_aside(w, 0xd117 + i);
	bool yes = w->vai[i].copies == 1 && sim_chance(w, w->mix.writeback);

	w->rng = rng;
	return yes;
}

static void world_vais(struct sim *w)
{
	u32 i;

	for (i = 0; i < w->mix.vais; i++) {
		struct sim_vai *v = &w->vai[i];

		scnprintf(v->name, sizeof(v->name), "vai%u", i);
		v->client = (u8)(i % w->mix.clients);
		v->copies = sim_chance(w, 6000) ? 2 : 1;
		v->split = sim_chance(w, w->mix.split);
		v->writeback = vai_writeback(w, i);
		v->npages = (u32)sim_log(w, ENG_VAI_SIZE_MIN / ANM_PAGE_SIZE, SIM_FILE_PAGES_MAX);
	}
}

/*
 * Together a little or a lot more than what the VAIs need, in unequal shares. Where one
 * dies, any of the others alone may have room for all of it, or not.
 */
static void world_servers(struct sim *w)
{
	u64 need = 0, share[SIM_SERVERS_MAX], sum = 0;
	u32 slack = sim_chance(w, 3000) ? 100 : 110 + sim_below(w, 200), i;

	if (w->mix.dies && sim_chance(w, 6000))
		slack = 100 * DONATION_SPREAD * SIM_SERVERS_MAX;

	for (i = 0; i < w->mix.vais; i++)
		need += (u64)w->vai[i].npages * w->vai[i].copies;
	for (i = 0; i < w->mix.servers; i++) {
		share[i] = 2 + sim_below(w, DONATION_SPREAD);
		sum += share[i];
	}
	for (i = 0; i < w->mix.servers; i++) {
		u64 start = w->now;

		server_init(w, i);
		w->sv[i].cfg.donation = need * slack * share[i] / sum / 100 + 1;
		if (sim_chance(w, 2000))
			start += sim_rand(w) % w->mix.fault_ns;
		w->last_trouble = max(w->last_trouble, start);
		ev_push(w, start, EV_SERVER_START, (u8)i, 0, NULL);
	}
}

static void world_begin(struct sim *w)
{
	u32 i;

	sim_services_seed(w->seed);
	w->rng = w->seed * 0x2127599bf4325c37ull + 1;
	w->now = SIM_START_NS;
	w->xid_base = (u32)sim_rand(w);
	sim_mix_draw(w);
	if (w->trace)
		sim_mix_say(w);
	w->eng_peer = sim_peer(0, 1, AMP_PORT, ANM_DOOR_UDP);
	w->conf.epoch = sim_below(w, 3);
	engine_start(w);
	world_vais(w);
	world_servers(w);
	for (i = 0; i < w->mix.clients; i++)
		client_init(w, i);
	ev_push(w, w->now + 50 * NS_PER_MS, EV_OPERATOR, 0, 0, NULL);
	ev_push(w, w->now + w->mix.fault_gap_ns, EV_FAULT, 0, 0, NULL);
	ev_push(w, w->now + PHASE_NS, EV_PHASE, 0, 0, NULL);
}

/* ---- phases ---- */

static void phase_set(struct sim *w, u8 phase)
{
	static const char *const names[] = {"faults", "settle", "join", "repair",
					    "sweep",  "delete", "end"};

	w->phase = phase;
	w->phase_at = w->now;
	sim_say(w, "==== %s", names[phase]);
}

static void phase_deadline(struct sim *w, u64 ns, const char *what)
{
	u32 c;

	if (w->now - w->phase_at <= ns)
		return;
	for (c = 0; c < w->mix.clients; c++)
		if (w->cl[c].nopen)
			printf("c%u: %u calls open, the first is %u\n", c, w->cl[c].nopen,
			       w->cl[c].open[0]);
	sim_fail(w, "promise 10: %s after %llu s without faults", what, ns / NS_PER_S);
}

static bool calls_open(const struct sim *w)
{
	u32 c;

	for (c = 0; c < w->mix.clients; c++)
		if (w->cl[c].nopen)
			return true;
	return false;
}

static bool servers_live(struct sim *w)
{
	struct eng_server_info info;
	u32 slot = 0, n = 0, i;

	while (eng_server_get(w->e, &slot, &info))
		n += info.state == ENG_SERVER_LIVE;
	for (i = 0; i < w->mix.servers; i++)
		n += w->sv[i].dead;
	return n == w->mix.servers;
}

/* Nothing is under way, and the books agree with what they are about. */
static void books_check(struct sim *w)
{
	struct eng_servers *ss = w->e->servers;
	u32 mapped[ENG_SERVERS_MAX] = {0}, cursor = 0, budget = U32_MAX, idx, i;

	while ((idx = map_scan(w->e->map, &cursor, &budget)) != ENG_MAP_NONE) {
		const struct map_entry *me = map_entry(w->e->map, idx);

		for (i = 0; i < ENG_COPIES_MAX; i++)
			if (map_server(me, i) != ENG_SLOT_NONE)
				mapped[map_server(me, i)]++;
	}
	for (i = 0; i < ENG_SERVERS_MAX; i++) {
		const struct eng_server *sv = ss->slot[i];

		if (!sv && !mapped[i])
			continue;
		if (!sv || sv->mapped != mapped[i] || sv->pins || sv->pending ||
		    sv->nxfers > (u32)sv->discard_busy)
			sim_fail(w,
				 "promise 7: slot %u: mapped %llu, in the map %u, pins %u, pending "
				 "%u, messages %u",
				 i, sv ? sv->mapped : 0, mapped[i], sv ? sv->pins : 0,
				 sv ? sv->pending : 0, sv ? sv->nxfers : 0);
	}
	if (w->e->pages_in_flight || w->e->exports->reqs)
		sim_fail(w, "promise 7: %u pages, %u requests in flight, nobody waits",
			 w->e->pages_in_flight, w->e->exports->reqs);
}

static void phase_sweep(struct sim *w)
{
	bool done = true;
	u32 c;

	for (c = 0; c < w->mix.clients; c++)
		done &= client_sweep(w, c);
	phase_deadline(w, SETTLE_MAX_NS, "pages cannot be read");
	/* Of a READ that was sent twice one answer will do; the other is still under way. */
	if (!done || w->e->pages_in_flight)
		return;
	books_check(w);
	operator_delete_all(w);
	phase_set(w, PH_DELETE);
}

static void phase_turn(struct sim *w)
{
	clients_watch(w);
	oracle_recovered(w);
	switch (w->phase) {
	case PH_FAULTS:
		if (w->now - SIM_START_NS < w->mix.fault_ns)
			break;
		faults_stop(w);
		phase_set(w, PH_SETTLE);
		break;
	case PH_SETTLE:
		phase_deadline(w, SETTLE_MAX_NS, "calls are not answered");
		/* Late copies of old WRITEs still come in meanwhile. */
		if (!calls_open(w) && w->now > sim_calm_since(w))
			phase_set(w, PH_JOIN);
		break;
	case PH_JOIN:
		phase_deadline(w, JOIN_MAX_NS, "not every server is live");
		if (servers_live(w))
			phase_set(w, PH_REPAIR);
		break;
	case PH_REPAIR:
		if (oracle_redundancy(w, w->now - w->phase_at > REPAIR_MAX_NS))
			phase_set(w, PH_SWEEP);
		break;
	case PH_SWEEP:
		phase_sweep(w);
		break;
	case PH_DELETE:
		phase_deadline(w, DELETE_MAX_NS, "deleted VAIs are still there");
		if (operator_all_deleted(w))
			phase_set(w, PH_END);
		break;
	}
	ev_push(w, w->now + PHASE_NS, EV_PHASE, 0, 0, NULL);
}

/* ---- the loop ---- */

static void dispatch(struct sim *w, struct sim_ev *ev)
{
	switch (ev->type) {
	case EV_AMP_TO_ENGINE:
		engine_amp(w, ev);
		break;
	case EV_AMP_TO_SERVER:
		server_amp(w, ev);
		break;
	case EV_RPC_TO_ENGINE:
		engine_rpc(w, ev);
		break;
	case EV_RPC_TO_CLIENT:
		client_reply(w, ev);
		break;
	case EV_ENGINE_TICK:
		engine_tick(w, ev->arg);
		break;
	case EV_ENGINE_START:
		w->n.restarts++;
		engine_start(w);
		break;
	case EV_ENGINE_TOLD:
		engine_told(w, ev->arg);
		break;
	case EV_ENGINE_CRASH:
		if (ev->arg == w->elife && w->phase == PH_FAULTS)
			engine_crash(w);
		break;
	case EV_SAVE:
		conf_turn(w, ev->arg);
		break;
	case EV_SERVER_TICK:
		server_tick(w, ev->who, ev->arg);
		break;
	case EV_SERVER_START:
		fault_server_start(w, ev->who);
		break;
	case EV_THAW:
		if (w->sv[ev->who].life == ev->arg)
			fault_thaw(w, ev->who);
		break;
	case EV_HEAL:
		fault_heal(w, ev->who, ev->arg);
		break;
	case EV_FAULT:
		fault_next(w);
		break;
	case EV_CLIENT:
		client_turn(w, ev->who);
		break;
	case EV_CONNECT:
		client_connect(w, ev->who);
		break;
	case EV_DOOR:
		engine_door(w, ev->who);
		break;
	case EV_RETRANSMIT:
		client_retransmit(w, ev->arg);
		break;
	case EV_OPERATOR:
		operator_turn(w);
		break;
	case EV_PHASE:
		phase_turn(w);
		break;
	}
}

static void digest(struct sim *w, const struct sim_ev *ev)
{
	u64 h = w->digest ^ ev->at ^ (u64)ev->type << 56 ^ (u64)ev->who << 48 ^ ev->arg;

	if (ev->pkt)
		h ^= (u64)ev->pkt->len << 32 ^ anm_crc32c(0, ev->pkt->buf, ev->pkt->len);
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
	w->digest = h ^ (h >> 27);
}

static void world_end(struct sim *w)
{
	u32 i;

	sim_alloc_fail = 0;
	engine_account(w);
	eng_destroy(w->e);
	for (i = 0; i < w->mix.servers; i++)
		if (w->sv[i].m)
			mem_destroy(w->sv[i].m);
	for (i = 0; i < w->mix.vais; i++)
		oracle_free(w, i);
	for (i = 0; i < w->mix.clients; i++)
		while (w->cl[i].ndoor)
			free(w->cl[i].door[--w->cl[i].ndoor]);
	while (w->nops)
		free(w->ops[--w->nops]);
	free(w->ops);
	ev_free_all(w);
	if (anm_alloc_live)
		sim_fail(w, "promise 6: %ld pieces of memory are not given back", anm_alloc_live);
}

void sim_run(u64 seed, bool trace, struct sim *w)
{
	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->trace = trace;
	sim_current = w;
	world_begin(w);
	while (w->phase != PH_END) {
		struct sim_ev ev = ev_pop(w);

		w->now = ev.at;
		digest(w, &ev);
		if (++w->events > SIM_EVENTS_MAX)
			sim_fail(w, "promise 6: the run does not end");
		dispatch(w, &ev);
	}
	world_end(w);
}
