// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a seed draws. Every kind of fault is absent from about half of the runs: a run
 * with all of them at once hides what a few would show.
 */
#include "sim.h"

u64 sim_rand(struct sim *w)
{
	u64 z = (w->rng += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

u32 sim_below(struct sim *w, u32 n)
{
	return n ? (u32)((sim_rand(w) >> 32) * n >> 32) : 0;
}

bool sim_chance(struct sim *w, u32 of_10000)
{
	return of_10000 && sim_below(w, 10000) < of_10000;
}

u64 sim_log(struct sim *w, u64 lo, u64 hi)
{
	u64 span = lo;
	u32 doublings = 0;

	while (span < hi / 2) {
		span *= 2;
		doublings++;
	}
	span = lo << sim_below(w, doublings + 1);
	return min(span + sim_rand(w) % span, hi);
}

/* Nothing half of the time. */
static u64 maybe_log(struct sim *w, u64 lo, u64 hi)
{
	return sim_chance(w, 5000) ? sim_log(w, lo, hi) : 0;
}

static void mix_network(struct sim *w)
{
	struct sim_mix *m = &w->mix;

	m->delay_ns = sim_log(w, 20000, 5 * NS_PER_MS);
	m->jitter_ns = maybe_log(w, 10000, 20 * NS_PER_MS);
	m->loss = (u32)maybe_log(w, 10, 1500);
	m->dup = (u32)maybe_log(w, 10, 1000);
	m->garble = (u32)maybe_log(w, 10, 500);
	m->tail = (u32)maybe_log(w, 1, 200);
	m->tail_ns = sim_log(w, 10 * NS_PER_MS, 16 * NS_PER_S);
	m->late_write = (u32)maybe_log(w, 50, 3000);
	m->nonlinear = sim_chance(w, 5000) ? 3000 : 0;
}

static void mix_clients(struct sim *w)
{
	struct sim_mix *m = &w->mix;

	m->clients = 1 + sim_below(w, SIM_CLIENTS_MAX);
	m->vais = m->clients + sim_below(w, SIM_VAIS_MAX / 2);
	m->tcp = sim_chance(w, 3300) ? 0 : sim_chance(w, 5000) ? 10000 : 5000;
	m->ops = (u32)sim_log(w, 150, 4000);
	m->think_ns = sim_log(w, 20000, 20 * NS_PER_MS);
	m->timeo_ns = sim_log(w, 30 * NS_PER_MS, 2 * NS_PER_S);
	m->write_share = 2000 + sim_below(w, 7000);
	m->partial = (u32)maybe_log(w, 100, 5000);
	m->large = (u32)maybe_log(w, 100, 5000);
	m->foreign = (u32)maybe_log(w, 50, 500);
	m->boundary = (u32)maybe_log(w, 100, 1000);
	m->hot = (u32)maybe_log(w, 1000, 9500);
}

static void mix_faults(struct sim *w)
{
	struct sim_mix *m = &w->mix;
	u32 i;

	for (i = 0; i < F_DEATH; i++)
		m->weight[i] = sim_chance(w, 4000) ? 1 + sim_below(w, 4) : 0;
	m->crashes_max = sim_below(w, 5);
	m->deletes = (u32)maybe_log(w, 50, 2000);
	m->discards = (u32)maybe_log(w, 50, 2000);
	m->resizes = (u32)maybe_log(w, 50, 2000);
	m->drains = (u32)maybe_log(w, 50, 3000);
	m->removes = (u32)maybe_log(w, 50, 2000);
	m->restarts_max = sim_below(w, SIM_RESTARTS_MAX);
	m->recover_ms = (u32)sim_log(w, 1200, 20000);
	m->fault_gap_ns = sim_log(w, 100 * NS_PER_MS, 6 * NS_PER_S);
	m->alloc_fail = (u32)sim_log(w, 100, 50000);
}

/*
 * Servers that answer only after their messages have been given up, in sessions that go
 * on all the same: what an old message does then is the servers' business alone.
 */
static void mix_storm(struct sim *w)
{
	struct sim_mix *m = &w->mix;

	m->storm = true;
	m->servers = 2 + sim_below(w, 2);
	m->heartbeat_ms = 500 + sim_below(w, 1000);
	m->dead_ms = 20000 + sim_below(w, 20000);
	m->fault_ns = 30 * NS_PER_S + sim_rand(w) % (40 * NS_PER_S);
	m->fault_gap_ns = sim_log(w, 500 * NS_PER_MS, 3 * NS_PER_S);
	m->weight[F_SLOW] = 6;
	m->weight[F_PARTITION] = 2;
	m->write_share = 8000;
	m->hot = 9500;
	m->think_ns = sim_log(w, 5 * NS_PER_MS, 40 * NS_PER_MS);
	m->ops = 4000;
}

u64 sim_aside(struct sim *w, u64 what)
{
	u64 rng = w->rng;

	w->rng ^= what;
	return rng;
}

static void mix_cache(struct sim *w)
{
	u64 rng = sim_aside(w, 0xcac4e);

	w->mix.cache = (u32)maybe_log(w, 1, 1000);
	w->mix.order = w->mix.cache ? (u32)sim_log(w, 500, 9000) : 0;
	if (w->mix.cache && sim_chance(w, 6000)) {
		w->mix.writeback = (u32)sim_log(w, 2500, 10000);
		w->mix.modes = (u32)maybe_log(w, 50, 2000);
	}
	w->rng = rng;
}

void sim_mix_draw(struct sim *w)
{
	struct sim_mix *m = &w->mix;

	memset(m, 0, sizeof(*m));
	m->servers = 2 + sim_below(w, 5);
	m->heartbeat_ms = (u32)sim_log(w, 50, 1000);
	/* Servers look at the clock every MEM_TICK_MAX_MS: with less they would never stay. */
	m->dead_ms = max(m->heartbeat_ms * (2 + sim_below(w, 5)), 2u * MEM_TICK_MAX_MS);
	m->repair_ms = (u32)sim_log(w, 50, 10000);
	m->fault_ns = sim_log(w, 3 * NS_PER_S, 40 * NS_PER_S);
	mix_network(w);
	mix_clients(w);
	mix_faults(w);
	m->split = (u32)maybe_log(w, 2500, 10000);
	if (sim_chance(w, 1000))
		mix_storm(w);
	mix_cache(w);
	m->dies = m->servers > 2 && sim_chance(w, 2000);
	if (m->dies)
		m->weight[F_DEATH] = 4;
}

void sim_mix_say(const struct sim *w)
{
	const struct sim_mix *m = &w->mix;

	printf("mix: %u servers, %u clients, %u VAIs, heartbeat %u ms, dead %u ms, repair after %u "
	       "ms, "
	       "%llu ms of faults, %u operations\n",
	       m->servers, m->clients, m->vais, m->heartbeat_ms, m->dead_ms, m->repair_ms,
	       m->fault_ns / NS_PER_MS, m->ops);
	printf("mix: of 10000: loss %u dup %u garble %u tail %u late %u write %u partial %u large "
	       "%u; delay %llu us, jitter %llu us, tail %llu ms, timeo %llu ms, think %llu us\n",
	       m->loss, m->dup, m->garble, m->tail, m->late_write, m->write_share, m->partial,
	       m->large, m->delay_ns / 1000, m->jitter_ns / 1000, m->tail_ns / NS_PER_MS,
	       m->timeo_ns / NS_PER_MS, m->think_ns / 1000);
	printf("mix: crash %u (%u at most) leave %u freeze %u partition %u slow %u session %u "
	       "stall %u alloc %u (%u of 1e6) client %u hostile %u, every %llu ms\n",
	       m->weight[F_CRASH], m->crashes_max, m->weight[F_LEAVE], m->weight[F_FREEZE],
	       m->weight[F_PARTITION], m->weight[F_SLOW], m->weight[F_SESSION], m->weight[F_STALL],
	       m->weight[F_ALLOC], m->alloc_fail, m->weight[F_CLIENT], m->weight[F_HOSTILE],
	       m->fault_gap_ns / NS_PER_MS);
	printf("mix: engine %u (%u at most), recovers within %u ms; delete %u discard %u resize %u "
	       "drain %u remove %u; split %u, cache %u pages, in order %u, written back %u, "
	       "switched %u%s\n",
	       m->weight[F_ENGINE], m->restarts_max, m->recover_ms, m->deletes, m->discards,
	       m->resizes, m->drains, m->removes, m->split, m->cache, m->order, m->writeback,
	       m->modes, m->dies ? "; one server dies" : "");
}
