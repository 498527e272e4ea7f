// SPDX-License-Identifier: GPL-2.0-only
#include "priv.h"
#include "cache.h"
#include "server.h"
#include "writeback.h"

#define ENG_EPOCH_MASK	  0xffffull
#define ENG_VERSION_EPOCH 32 /* shift of the epoch in page versions */

static void engine_config(struct engine *e, const struct eng_config *cfg)
{
	e->cfg = *cfg;
	if (!e->cfg.heartbeat_ms)
		e->cfg.heartbeat_ms = ENG_HEARTBEAT_MS;
	if (!e->cfg.dead_ms)
		e->cfg.dead_ms = ENG_DEAD_MS;
	if (!e->cfg.recover_ms)
		e->cfg.recover_ms = ENG_RECOVER_MS;
	/* Fewer than two heartbeats would make every lost one a death. */
	e->cfg.dead_ms = max(e->cfg.dead_ms, 2 * e->cfg.heartbeat_ms);
	if (!e->cfg.repair_after_ms)
		e->cfg.repair_after_ms = ENG_REPAIR_MS;
	if (!e->cfg.move_rate)
		e->cfg.move_rate = ENG_MOVE_RATE;
	/* An engine that was restarted is above all versions of before. */
	e->version_next = (e->cfg.epoch & ENG_EPOCH_MASK) << ENG_VERSION_EPOCH | 1;
}

struct engine *eng_create(const struct eng_config *cfg, u64 now)
{
	struct engine *e = anm_big_alloc(sizeof(*e));

	if (!e)
		return NULL;
	INIT_LIST_HEAD(&e->outq);
	e->now = now;
	e->born = now;
	engine_config(e, cfg);
	anm_random(&e->write_verf, sizeof(e->write_verf));
	e->zero_page = anm_page_alloc();
	if (!e->zero_page)
		goto fail;
	memset(anm_page_data(e->zero_page), 0, ANM_PAGE_SIZE);
	if (cfg->hold)
		eng_recover_begin(e);
	if (eng_map_create(e) || eng_busy_create(e) || eng_servers_create(e) ||
	    eng_forms_create(e) || eng_exports_create(e) || eng_mover_create(e) ||
	    eng_cache_create(e))
		goto fail;
	return e;
fail:
	eng_destroy(e);
	return NULL;
}

/* Page operations end first, while those who wait for them are still there. */
void eng_destroy(struct engine *e)
{
	struct anm_out *out;

	if (!e)
		return;
	eng_busy_destroy(e);
	eng_mover_destroy(e);
	if (e->exports)
		eng_exports_destroy(e);
	eng_servers_destroy(e);
	eng_cache_destroy(e);
	eng_map_destroy(e);
	eng_forms_destroy(e);
	while ((out = eng_out_next(e)))
		anm_out_free(out);
	while (e->nspare)
		anm_page_put(e->spare[--e->nspare]);
	if (e->zero_page)
		anm_page_put(e->zero_page);
	anm_big_free(e);
}

struct anm_page *eng_page_take(struct engine *e)
{
	return e->nspare ? e->spare[--e->nspare] : anm_page_alloc();
}

void eng_page_give(struct engine *e, struct anm_page *page)
{
	if (e->nspare < ENG_SPARE_PAGES && !anm_page_shared(page))
		e->spare[e->nspare++] = page;
	else
		anm_page_put(page);
}

void eng_set_wallclock(struct engine *e, s64 real_minus_mono)
{
	e->real_minus_mono = real_minus_mono;
}

u64 eng_tick_due(struct engine *e)
{
	return max_t(u64, eng_xfer_due(e, eng_flush_due(e)), ENG_TICK_MIN_NS);
}

/* What need not be done so often as messages have to be watched. */
static void engine_chores(struct engine *e)
{
	u64 servers, exports, mover, flush;

	if (e->chores_ns && e->now - e->chores_ns < ENG_CHORES_NS)
		return;
	servers = eng_servers_tick(e);
	exports = min(eng_exports_tick(e), eng_recover_tick(e));
	mover = eng_mover_tick(e);
	flush = eng_flush_tick(e);
	eng_cache_tick(e);
	e->chores_ns = e->now;
	e->chores_due = e->now + clamp(min(min(servers, exports), min(mover, flush)),
				       (u64)ENG_CHORES_NS, (u64)ENG_TICK_MAX_NS);
}

u64 eng_tick(struct engine *e, u64 now)
{
	e->now = max(e->now, now);
	eng_xfer_tick(e);
	engine_chores(e);
	return min(eng_tick_due(e), max(e->chores_due - e->now, (u64)ENG_TICK_MIN_NS));
}

/* ---- output ---- */

void eng_out_queue(struct engine *e, struct anm_out *out)
{
	if (e->outq_len >= ENG_OUTQ_MAX && (out->is_amp || out->to.door != ANM_DOOR_TCP)) {
		e->stats.outq_full++;
		anm_out_free(out);
		return;
	}
	if (out->is_amp)
		e->stats.amp_out++;
	list_add_tail(&out->link, &e->outq);
	e->outq_len++;
}

struct anm_out *eng_out_next(struct engine *e)
{
	struct anm_out *out = list_first_entry_or_null(&e->outq, struct anm_out, link);

	if (!out)
		return NULL;
	list_del(&out->link);
	e->outq_len--;
	return out;
}

/* ---- events: head and tail only grow, the ring is indexed by their remainder ---- */

void eng_event(struct engine *e, u8 type, const char *name, u64 value)
{
	struct eng_event *ev = &e->events[e->ev_head++ % ENG_EVENTS_MAX];

	BUILD_BUG_ON(ENG_EVENTS_MAX & (ENG_EVENTS_MAX - 1));
	if (e->ev_head - e->ev_tail > ENG_EVENTS_MAX)
		e->ev_tail++;
	memset(ev, 0, sizeof(*ev));
	ev->type = type;
	ev->value = value;
	strscpy(ev->name, name, sizeof(ev->name));
}

bool eng_event_next(struct engine *e, struct eng_event *ev)
{
	if (e->ev_tail == e->ev_head)
		return false;
	*ev = e->events[e->ev_tail++ % ENG_EVENTS_MAX];
	return true;
}

/* ---- status ---- */

void eng_get_status(struct engine *e, struct eng_status *st, u64 now)
{
	e->now = max(e->now, now);
	memset(st, 0, sizeof(*st));
	st->cfg = e->cfg;
	memset(st->cfg.secret, 0, sizeof(st->cfg.secret)); /* nobody's who asks for status */
	st->servers = eng_servers_count(e, false);
	st->servers_live = eng_servers_count(e, true);
	st->donated_pages = eng_pool_donated(e);
	st->map_entries = eng_map_entries(e);
	st->map_bytes = eng_map_bytes(e);
	st->pages_in_flight = e->pages_in_flight;
	st->uptime_ns = e->now - e->born;
	st->stats = e->stats;
	eng_exports_status(e, st);
	eng_recover_status(e, st);
	eng_mover_status(e, st);
	eng_cache_status(e, st);
	eng_flush_status(e, st);
}
