// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a human does. An action is a function in the table below; it is tried every
 * so often while things go wrong, and says what it did with sim_say().
 */
#include "sim.h"

#define TURN_NS (300 * NS_PER_MS)

static u64 donated(const struct sim *w)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < w->mix.servers; i++)
		sum += w->sv[i].cfg.donation;
	return sum;
}

static u64 reserved(const struct sim *w)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < w->mix.vais; i++)
		/* One that was being deleted is not restored. */
		if (w->vai[i].state != VAI_NONE &&
		    eng_vai_by_name(w->e, w->vai[i].name, (u32)strlen(w->vai[i].name)))
			sum += (u64)w->vai[i].npages * w->vai[i].copies;
	return sum;
}

static int vai_add(struct sim *w, u32 i, u32 npages)
{
	const struct sim_vai *v = &w->vai[i];
	struct eng_vai_params p = {
		.size = (u64)npages << ANM_PAGE_SHIFT,
		.client = w->cl[v->client].addr,
		.class = v->copies == 2 ? ENG_CLASS_CRITICAL : ENG_CLASS_NORMAL,
		.no_hedge = i % 4 == 3,
		.readahead = i % 2 == 0,
		.split = v->split,
		.writeback = v->writeback,
	};
	struct eng_err err;
	u32 fail = sim_alloc_fail;
	int rc;

	strscpy(p.name, v->name, sizeof(p.name));
	sim_alloc_fail = 0;
	rc = eng_vai_add(w->e, &p, &err);
	sim_alloc_fail = fail;
	conf_save(w);
	engine_collect(w);
	return rc;
}

/* VAIs are made as soon as the pool has room for them. */
static void act_add(struct sim *w)
{
	u32 i;

	for (i = 0; i < w->mix.vais; i++) {
		struct sim_vai *v = &w->vai[i];
		struct eng_export *x;
		int rc;

		if (v->state != VAI_NONE)
			continue;
		rc = vai_add(w, i, v->npages);
		if (rc == -ENOSPC)
			continue;
		if (rc)
			sim_fail(w, "v%u cannot be made: %d", i, rc);
		v->state = VAI_ADDED;
		v->life++;
		x = eng_vai_by_name(w->e, v->name, (u32)strlen(v->name));
		v->vai_id = x->vai.vai_id;
		v->client_id = x->vai.client_id;
		oracle_init(w, i);
		sim_say(w, "operator: v%u of %u pages, %u copies, for c%u", i, v->npages, v->copies,
			v->client);
		if (reserved(w) > donated(w))
			sim_fail(w, "promise 4: %llu pages promised of %llu", reserved(w),
				 donated(w));
	}
}

/* What the pool does not have is refused (promise 4). */
static void act_add_too_large(struct sim *w)
{
	u32 i, npages = (u32)(donated(w) - reserved(w)) + 10;
	int rc;

	for (i = 0; i < w->mix.vais && w->vai[i].state != VAI_NONE; i++)
		;
	if (i == w->mix.vais)
		return;
	rc = vai_add(w, i, npages);
	if (rc != -ENOSPC)
		sim_fail(w, "promise 4: a VAI of %u pages is answered %d, %llu of %llu are taken",
			 npages, rc, reserved(w), donated(w));
}

static bool vai_open(const struct sim *w, u32 vai)
{
	const struct sim_client *c = &w->cl[w->vai[vai].client];
	u32 i;

	for (i = 0; i < c->nopen; i++)
		if (w->ops[c->open[i]]->vai == vai)
			return true;
	return false;
}

static void vai_delete(struct sim *w, u32 vai)
{
	struct sim_vai *v = &w->vai[vai];
	struct eng_err err;

	if (eng_vai_del(w->e, v->name, true, &err))
		sim_fail(w, "v%u cannot be deleted: %s", vai, err.msg);
	v->state = VAI_DELETING;
	conf_save(w);
	sim_say(w, "operator: v%u is deleted", vai);
	engine_collect(w);
}

/*
 * One is taken out of use, deleted when its client is done, and made again under its old
 * name: nothing of before may be found in it.
 */
static void act_delete(struct sim *w)
{
	u32 i;

	for (i = 0; i < w->mix.vais; i++) {
		struct sim_vai *v = &w->vai[i];

		if (v->state == VAI_READY && v->life < SIM_LIVES_MAX &&
		    sim_chance(w, w->mix.deletes)) {
			v->state = VAI_CLOSING;
			v->todo = TODO_DELETE;
		} else if (v->state == VAI_CLOSING && v->todo == TODO_DELETE && !vai_open(w, i)) {
			vai_delete(w, i);
		} else if (v->state == VAI_DELETING &&
			   !eng_vai_by_name(w->e, v->name, (u32)strlen(v->name))) {
			oracle_free(w, i);
			v->state = VAI_NONE;
		}
	}
}

/* The contents of a VAI that nobody uses are given up. */
static void vai_discard(struct sim *w, u32 vai)
{
	struct sim_vai *v = &w->vai[vai];
	struct eng_err err;
	int rc = eng_vai_discard(w->e, v->name, true, &err);

	if (rc == -EBUSY)
		return;
	if (rc)
		sim_fail(w, "v%u cannot be discarded: %s", vai, err.msg);
	w->n.discards++;
	sim_say(w, "operator: v%u is emptied", vai);
	conf_save(w);
	oracle_emptied(w, vai);
	v->emptied = w->now;
	v->state = VAI_READY;
}

static void vai_resize(struct sim *w, u32 vai)
{
	u32 npages = (u32)sim_log(w, ENG_VAI_SIZE_MIN / ANM_PAGE_SIZE, SIM_FILE_PAGES_MAX);
	struct sim_vai *v = &w->vai[vai];
	struct eng_err err;
	int rc;

	/* As its client's UMNT does. */
	eng_vai_unused(w->e, eng_vai_by_name(w->e, v->name, (u32)strlen(v->name)));
	rc = eng_vai_resize(w->e, v->name, (u64)npages << ANM_PAGE_SHIFT, &err);
	v->state = VAI_READY;
	if (rc == -ENOSPC || rc == -EBUSY)
		return;
	if (rc)
		sim_fail(w, "v%u cannot be resized: %s", vai, err.msg);
	w->n.resizes++;
	sim_say(w, "operator: v%u has %u pages instead of %u", vai, npages, v->npages);
	conf_save(w);
	if (npages < v->npages)
		v->emptied = w->now;
	if (w->removed && npages > v->npages)
		oracle_uncut(w, vai, npages);
	else
		oracle_resized(w, vai, npages);
	v->npages = npages;
	if (reserved(w) > donated(w))
		sim_fail(w, "promise 4: %llu pages promised of %llu", reserved(w), donated(w));
}

static void contents(struct sim *w, u8 todo, u32 chance, void (*act)(struct sim *w, u32 vai))
{
	u32 i;

	for (i = 0; i < w->mix.vais; i++) {
		struct sim_vai *v = &w->vai[i];

		if (v->state == VAI_READY && sim_chance(w, chance)) {
			v->state = VAI_CLOSING;
			v->todo = todo;
		} else if (v->state == VAI_CLOSING && v->todo == todo && !vai_open(w, i)) {
			act(w, i);
			engine_collect(w);
		}
	}
}

static void act_discard(struct sim *w)
{
	contents(w, TODO_DISCARD, w->mix.discards, vai_discard);
}

static void act_resize(struct sim *w)
{
	contents(w, TODO_RESIZE, w->mix.resizes, vai_resize);
}

/* ---- servers ---- */

static bool server_info(struct sim *w, u32 i, struct eng_server_info *info)
{
	u32 slot = 0;

	while (eng_server_get(w->e, &slot, info))
		if (!memcmp(info->uuid, w->sv[i].cfg.server_uuid, sizeof(info->uuid)))
			return true;
	return false;
}

static void server_drained(struct sim *w, u32 i)
{
	if (w->sv[i].frozen || w->sv[i].leaving || w->crashes >= w->mix.crashes_max)
		return;
	sim_say(w, "operator: s%u is drained and goes", i);
	w->n.drained++;
	w->crashes++;
	w->sv[i].drained = true;
	w->last_trouble = max(w->last_trouble, w->now + 2 * NS_PER_S);
	server_leave(w, i);
}

/* Drains begin, are cancelled, and end with the server's leaving. */
static void act_drain(struct sim *w)
{
	u32 i = sim_below(w, w->mix.servers);
	struct sim_server *sv = &w->sv[i];
	struct eng_server_info info;
	struct mem_status st;
	struct eng_err err;

	if (!sv->m || sv->frozen || sv->leaving || !server_info(w, i, &info))
		return;
	mem_get_status(sv->m, &st, w->now);
	if (st.drain == MEM_DRAIN_DONE) {
		server_drained(w, i);
	} else if (!sim_chance(w, w->mix.drains)) {
		return;
	} else if (sim_chance(w, 5000)) {
		sim_say(w, "operator: s%u %s", i, st.leaving ? "is to stay" : "wants to go");
		mem_drain(sv->m, !st.leaving, w->now);
	} else if (!eng_server_drain(w->e, info.name, !info.drain, &err)) {
		sim_say(w, "operator: drain of s%u %s", i, info.drain ? "cancelled" : "begins");
	}
	engine_collect(w);
}

/* A server that is away is given up. It may come back all the same. */
static void act_remove(struct sim *w)
{
	u32 i = sim_below(w, w->mix.servers);
	struct eng_server_info info;
	struct eng_err err;

	if (w->sv[i].dead || !server_info(w, i, &info) || !sim_chance(w, w->mix.removes) ||
	    (info.state != ENG_SERVER_DEAD && info.state != ENG_SERVER_LEFT))
		return;
	sim_say(w, "operator: s%u is removed", i);
	w->n.removed++;
	w->removed++;
	w->sv[i].given_up = true;
	oracle_server_removed(w, i);
	if (eng_server_remove(w->e, info.name, true, &err))
		sim_fail(w, "s%u cannot be removed: %s", i, err.msg);
	conf_save(w);
	engine_collect(w);
}

/* Pages of VAIs that were deleted when the engine ended take room until this. */
static void act_forget(struct sim *w)
{
	struct eng_err err;
	int n = eng_recover_discard_unknown(w->e, &err);

	if (n > 0)
		sim_say(w, "operator: pages of %d unknown VAIs are given back", n);
	engine_collect(w);
}

/* A VAI is written back or through from now on. */
static void vai_mode(struct sim *w, u32 i)
{
	static const u8 modes[] = {ENG_CACHE_WRITEBACK, ENG_CACHE_ON, ENG_CACHE_OFF,
				   ENG_CACHE_WRITEBACK};
	u8 mode = modes[sim_below(w, ARRAY_SIZE(modes))];
	struct eng_err err;
	int rc = eng_vai_cache(w->e, w->vai[i].name, mode, &err);
	bool refuse = mode == ENG_CACHE_WRITEBACK && w->vai[i].copies == 2;

	/* One that was being deleted was not restored. */
	if (rc != (refuse ? -EINVAL : 0) && rc != -ENOENT)
		sim_fail(w, "v%u: cache mode %u is answered %d", i, mode, rc);
	sim_say(w, "operator: v%u has cache mode %u", i, mode);
	conf_save(w);
}

/* As "engctl down" does: the engine ends when nothing would be lost, or goes on as before. */
static void flush(struct sim *w)
{
	if (!w->e->flush.only) {
		sim_say(w, "operator: the engine is to flush");
		eng_flush(w->e, true);
	} else if (sim_chance(w, 3000)) {
		sim_say(w, "operator: it need not");
		eng_flush(w->e, false);
	} else if (!eng_dirty_pages(w->e)) {
		conf_save(w);
		engine_crash(w);
	}
}

/* What draws numbers of its own is not in the table. */
static void act_writeback(struct sim *w)
{
	u64 rng = sim_aside(w, 0xb4c4);
	u32 i = sim_below(w, w->mix.vais);

	if (sim_chance(w, w->mix.modes) && w->vai[i].state >= VAI_ADDED &&
	    w->vai[i].state <= VAI_READY)
		vai_mode(w, i);
	if (w->e->flush.only ? sim_chance(w, 5000) : sim_chance(w, w->mix.modes / 4))
		flush(w);
	w->rng = rng;
	if (w->e)
		engine_collect(w);
}

static const struct {
	const char *name;
	u32 chance; /* a turn, of 10000 */
	void (*act)(struct sim *w);
} actions[] = {
	{"add", 10000, act_add},
	{"delete", 10000, act_delete},
	{"add too large", 500, act_add_too_large},
	{"discard", 10000, act_discard},
	{"resize", 10000, act_resize},
	{"drain", 10000, act_drain},
	{"remove", 10000, act_remove},
	{"forget unknown", 300, act_forget},
};

void operator_turn(struct sim *w)
{
	u32 i;

	if (w->phase != PH_FAULTS)
		return;
	for (i = 0; w->e && !w->e->cfg.hold && i < ARRAY_SIZE(actions); i++)
		if (sim_chance(w, actions[i].chance))
			actions[i].act(w);
	if (w->mix.writeback && w->e && !w->e->cfg.hold)
		act_writeback(w);
	ev_push(w, w->now + TURN_NS, EV_OPERATOR, 0, 0, NULL);
}

/* ---- at the end ---- */

void operator_delete_all(struct sim *w)
{
	u32 i;

	for (i = 0; i < w->mix.vais; i++)
		if (w->vai[i].state == VAI_DELETING)
			oracle_free(w, i);
		else if (w->vai[i].state != VAI_NONE)
			vai_delete(w, i);
}

/* Does anybody hold a page of it? */
static bool vai_held(struct sim *w, u32 vai)
{
	const struct sim_vai *v = &w->vai[vai];
	struct amp_key key = {.client = v->client_id, .vai = v->vai_id};
	const u8 *data;
	u32 i, k;

	for (i = 0; i < v->npages; i++) {
		key.offset = (u64)i << ANM_PAGE_SHIFT;
		for (k = 0; k < w->mix.servers; k++)
			if (server_holds(w, k, &key, &data))
				return true;
	}
	return false;
}

/*
 * Every VAI is gone, and so is every page of those that were there to the end. (Of one
 * deleted before, a page may have been stored by a message that was late.)
 */
bool operator_all_deleted(struct sim *w)
{
	u32 i;

	if (w->e->exports->nvais)
		return false;
	for (i = 0; i < w->mix.vais; i++)
		if (w->vai[i].page && vai_held(w, i))
			return false;
	for (i = 0; i < w->mix.servers; i++)
		w->n.orphans += server_used(w, i);
	return true;
}
