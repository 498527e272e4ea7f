// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine ends without a word and is made again, as engctl does it: from a file with
 * the VAIs and servers of the last save, held until all of them are told. A save follows
 * each command of the operator, and with some delay each event (engctl monitor --save).
 *
 * What was sent before is still under way: messages of old sessions, replies, requests.
 * Only that no request is under way for longer than the engine keeps silent (ENG_GRACE_NS)
 * is taken for granted, as the engine does.
 *
 * Memory may be short at any step of it; then it is all done again.
 */
#include "sim.h"

#define SAVE_MIN_NS  NS_PER_MS
#define SAVE_MAX_NS  (300 * NS_PER_MS)
#define TOLD_MAX_NS  (100 * NS_PER_MS) /* from the start until all is told */
#define AGAIN_MAX_NS (3 * NS_PER_S)
#define SHORT_NS     (100 * NS_PER_MS) /* until it is tried again without memory */

/* ---- the file ---- */

void conf_save(struct sim *w)
{
	struct sim_conf *c = &w->conf;
	struct eng_server_info sv;
	struct eng_vai_info vai;
	struct eng_status st;
	struct eng_err err;
	u32 slot = 0, i;

	if (!w->e || w->e->cfg.hold)
		return;
	c->nvais = 0;
	while (eng_vai_get(w->e, &slot, &vai))
		if (!vai.deleting && c->nvais < ARRAY_SIZE(c->vai))
			c->vai[c->nvais++] = vai.p;
	c->nservers = 0;
	slot = 0;
	while (eng_server_get(w->e, &slot, &sv) && c->nservers < ARRAY_SIZE(c->server)) {
		if (sv.state == ENG_SERVER_LEFT && sv.drain == ENG_DRAIN_DONE)
			continue;
		c->server[c->nservers++] = sv;
	}
	eng_get_status(w->e, &st, w->now);
	c->epoch = max(c->epoch, st.epoch_next);
	for (i = 0; i < c->nvais; i++)
		eng_vai_kept(w->e, c->vai[i].name, c->vai[i].unflushed, &err);
	sim_say(w, "saved: %u VAIs, %u servers, epoch %llu", c->nvais, c->nservers, c->epoch);
}

/* Somebody who listens to events saves soon after. */
void conf_events(struct sim *w)
{
	struct eng_event ev;
	bool some = false;

	while (eng_event_next(w->e, &ev)) {
		some = true;
		sim_say(w, "event %u %s %llu", ev.type, ev.name, ev.value);
	}
	if (some && !w->save_asked) {
		w->save_asked = true;
		ev_push(w, w->now + sim_log(w, SAVE_MIN_NS, SAVE_MAX_NS), EV_SAVE, 0, w->elife,
			NULL);
	}
}

void conf_turn(struct sim *w, u32 elife)
{
	if (elife != w->elife)
		return;
	w->save_asked = false;
	conf_save(w);
}

const struct eng_server_info *conf_server(const struct sim *w, u32 i)
{
	u32 k;

	for (k = 0; k < w->conf.nservers; k++)
		if (!memcmp(w->conf.server[k].uuid, w->sv[i].cfg.server_uuid, 16))
			return &w->conf.server[k];
	return NULL;
}

const struct eng_vai_params *conf_vai(const struct sim *w, const char *name)
{
	u32 k;

	for (k = 0; k < w->conf.nvais; k++)
		if (!strcmp(w->conf.vai[k].name, name))
			return &w->conf.vai[k];
	return NULL;
}

/* ---- the end ---- */

static void engine_end(struct sim *w)
{
	u32 fail = sim_alloc_fail, c;

	sim_alloc_fail = 0;
	engine_account(w);
	eng_destroy(w->e);
	sim_alloc_fail = fail;
	w->e = NULL;
	w->save_asked = false;
	for (c = 0; c < w->mix.clients; c++)
		client_reset(w, c);
}

/* It is there again at @back, and some time later answers. */
static void engine_again(struct sim *w, u64 back)
{
	w->last_trouble = max(w->last_trouble, back + w->mix.recover_ms * NS_PER_MS + TOLD_MAX_NS);
	ev_push(w, back, EV_ENGINE_START, 0, w->elife, NULL);
}

void engine_crash(struct sim *w)
{
	u64 back = w->now + sim_log(w, 10 * NS_PER_MS, 5 * NS_PER_S);

	if (!w->e || w->ends >= w->mix.restarts_max)
		return;
	w->ends++;
	sim_say(w, "fault: the engine is gone, back at %llu ms", back / NS_PER_MS);
	oracle_engine_gone(w);
	engine_end(w);
	engine_again(w, back);
}

/* ---- the beginning ---- */

/* Memory that is short is short for the engine's beginning, too; not for ever. */
static u32 alloc_fail_begin(struct sim *w)
{
	u32 fail = sim_alloc_fail;

	if (w->elife + 2 >= SIM_ENGINES_MAX)
		sim_alloc_fail = 0;
	return fail;
}

void engine_start(struct sim *w)
{
	struct eng_config cfg = {
		.heartbeat_ms = w->mix.heartbeat_ms,
		.dead_ms = w->mix.dead_ms,
		.repair_after_ms = w->mix.repair_ms,
		.recover_ms = w->mix.recover_ms,
		.cache_pages = w->mix.cache,
	};
	u32 fail;

	if (w->e)
		return;
	w->elife++;
	cfg.epoch = ++w->conf.epoch;
	cfg.hold = w->conf.nvais || w->conf.nservers;
	memset(cfg.engine_uuid, 0xee, sizeof(cfg.engine_uuid));
	memset(cfg.secret, 0x5e, sizeof(cfg.secret));
	fail = alloc_fail_begin(w);
	w->e = eng_create(&cfg, w->now);
	sim_alloc_fail = fail;
	if (!w->e) {
		if (!fail)
			sim_fail(w, "no engine");
		sim_say(w, "no memory for an engine");
		engine_again(w, w->now + SHORT_NS);
		return;
	}
	eng_set_wallclock(w->e, (s64)(1700000000ull * NS_PER_S));
	w->write_verf[w->elife] = w->e->write_verf;
	w->went = w->now;
	sim_say(w, "the engine starts, life %u, epoch %llu", w->elife, cfg.epoch);
	w->tick_at = w->now;
	ev_push(w, w->tick_at, EV_ENGINE_TICK, 0, w->elife, NULL);
	if (cfg.hold)
		ev_push(w, w->now + sim_rand(w) % TOLD_MAX_NS, EV_ENGINE_TOLD, 0, w->elife, NULL);
}

/* Return: 0 or -ENOMEM, nothing else will do. */
static int engine_tell(struct sim *w)
{
	struct eng_err err;
	u32 i;
	int rc;

	for (i = 0; i < w->conf.nservers; i++) {
		rc = eng_recover_expect(w->e, &w->conf.server[i]);
		if (rc == -ENOMEM && sim_alloc_fail)
			return rc;
		if (rc)
			sim_fail(w, "server %s cannot be expected: %d", w->conf.server[i].name, rc);
	}
	for (i = 0; i < w->conf.nvais; i++) {
		struct eng_vai_params p = w->conf.vai[i];

		p.restored = true;
		rc = eng_vai_add(w->e, &p, &err);
		if (rc == -ENOMEM && sim_alloc_fail)
			return rc;
		if (rc)
			sim_fail(w, "VAI %s cannot be restored: %s", p.name, err.msg);
	}
	return 0;
}

/* All that engctl restore tells; then it may go. If that fails, engctl ends it again. */
void engine_told(struct sim *w, u32 elife)
{
	u32 fail;
	int rc;

	if (!w->e || elife != w->elife)
		return;
	fail = alloc_fail_begin(w);
	rc = engine_tell(w);
	sim_alloc_fail = fail;
	if (rc) {
		sim_say(w, "no memory for what the engine is told");
		engine_end(w);
		engine_again(w, w->now + SHORT_NS);
		return;
	}
	oracle_told(w);
	eng_recover_go(w->e);
	w->went = w->now;
	sim_say(w, "the engine is told %u servers, %u VAIs", w->conf.nservers, w->conf.nvais);
	engine_collect(w);
	/* Once more in the middle of it. */
	if (w->phase == PH_FAULTS && sim_chance(w, 2500))
		ev_push(w, w->now + sim_log(w, NS_PER_MS, AGAIN_MAX_NS), EV_ENGINE_CRASH, 0,
			w->elife, NULL);
}

bool engine_recovering(const struct sim *w)
{
	return !w->e || w->e->cfg.hold || eng_recovering(w->e);
}
