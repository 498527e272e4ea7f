// SPDX-License-Identifier: GPL-2.0-only
/* Slots of memory servers, and what time makes of them. */
#include "recover.h"
#include "server.h"
#include "stale.h"

/* ---- slots ---- */

static void server_free(struct engine *e, struct eng_server *sv)
{
	struct eng_servers *ss = e->servers;

	if (sv->state == ENG_SERVER_GONE)
		ss->gone--;
	ss->slot[sv->slot] = NULL;
	while (ss->nslots && !ss->slot[ss->nslots - 1])
		ss->nslots--;
	eng_discard_clear(e, sv);
	eng_recover_forget(e, sv);
	anm_free(sv->chan);
	anm_free(sv);
}

/* Nobody names the slot any more. */
static bool server_unused(const struct eng_server *sv)
{
	return !sv->mapped && !sv->pins && !sv->nxfers;
}

/* A free slot, or that of a server that is away and has nothing of ours. */
static u32 server_slot(struct engine *e)
{
	struct eng_servers *ss = e->servers;
	struct eng_server *sv;
	u32 i;

	for (i = 0; i < ENG_SERVERS_MAX; i++)
		if (!ss->slot[i])
			return i;
	for (i = 0; i < ENG_SERVERS_MAX; i++) {
		sv = ss->slot[i];
		if (sv->state != ENG_SERVER_LIVE && sv->state != ENG_SERVER_SUSPECT &&
		    !sv->awaited && server_unused(sv)) {
			server_free(e, sv);
			return i;
		}
	}
	return ENG_SLOT_NONE;
}

/* It is not there any more, and there is something that it is to forget, or may be. */
static void server_untold(struct engine *e, struct eng_server *sv)
{
	if (sv->ndiscards || (!sv->inventoried && !sv->told_empty))
		eng_stale_note(e, sv);
}

static void server_away(struct engine *e, struct eng_server *sv, u8 state, u8 event)
{
	bool was_usable = eng_server_usable(sv);

	sv->state = state;
	sv->away_ns = e->now;
	server_untold(e, sv);
	eng_xfer_fail_all(e, sv, XFER_GONE);
	if (was_usable)
		eng_event(e, event, sv->name, sv->mapped);
	eng_mover_kick(e, ENG_KICK_SERVER);
}

/* Its memory is given up. */
static void server_gone(struct engine *e, struct eng_server *sv, u8 event)
{
	sv->session = 0;
	server_away(e, sv, ENG_SERVER_GONE, event);
	eng_discard_clear(e, sv);
	/* At once: from here on nobody names this memory to the next life. */
	eng_recover_forget(e, sv);
	sv->unswept = sv->mapped;
	e->servers->gone++;
}

void eng_server_forget(struct engine *e, struct eng_server *sv)
{
	if (eng_server_usable(sv))
		eng_server_goodbye(e, sv);
	/* It may come back with its memory all the same. */
	e->recover.doubt_below = max(e->recover.doubt_below, sv->doubt_below);
	server_gone(e, sv, ENG_EV_SERVER_LEAVE);
}

struct eng_server *eng_server_new(struct engine *e, const struct amp_hello *m,
				  struct eng_server *old, u16 *code)
{
	struct eng_servers *ss = e->servers;
	struct eng_server *sv = anm_alloc(sizeof(*sv));
	u32 slot;

	if (sv)
		sv->chan = anm_alloc(AMP_CHANNELS_MAX * sizeof(*sv->chan));
	if (!sv || !sv->chan) {
		anm_free(sv);
		e->stats.no_memory++;
		*code = AMP_E_NOMEM;
		return NULL;
	}
	if (old) {
		sv->prev_boot = old->boot;
		sv->drain_asked = eng_server_kept_drain(old);
		eng_recover_inherit(sv, old);
		server_gone(e, old, ENG_EV_SERVER_DEAD);
	}
	slot = server_slot(e);
	if (slot == ENG_SLOT_NONE) {
		eng_recover_forget(e, sv);
		anm_free(sv->chan);
		anm_free(sv);
		*code = AMP_E_FULL;
		return NULL;
	}
	sv->slot = (u16)slot;
	sv->state = ENG_SERVER_DEAD;
	memcpy(sv->uuid, m->server_uuid, sizeof(sv->uuid));
	sv->boot = m->boot;
	if (m->used) {
		sv->stale_below = max(sv->stale_below, e->recover.doubt_below);
		sv->doubt_below = max(sv->doubt_below, e->recover.doubt_below);
	}
	sv->free_chan = ENG_SLOT_NONE;
	INIT_LIST_HEAD(&sv->urgent);
	INIT_LIST_HEAD(&sv->queue);
	INIT_LIST_HEAD(&sv->flight);
	INIT_LIST_HEAD(&sv->discards);
	ss->slot[slot] = sv;
	ss->nslots = max(ss->nslots, slot + 1);
	return sv;
}

struct eng_server *eng_server_by_uuid(struct engine *e, const u8 *uuid)
{
	struct eng_servers *ss = e->servers;
	u32 i;

	for (i = 0; i < ss->nslots; i++) {
		struct eng_server *sv = ss->slot[i];

		if (sv && sv->state != ENG_SERVER_GONE && !memcmp(sv->uuid, uuid, sizeof(sv->uuid)))
			return sv;
	}
	return NULL;
}

/* ---- states ---- */

static void server_alive(struct eng_server *sv)
{
	sv->state = ENG_SERVER_LIVE;
	sv->unanswered = false;
}

void eng_server_joined(struct engine *e, struct eng_server *sv)
{
	bool was_usable = eng_server_usable(sv);

	server_alive(sv);
	eng_xfer_session(e, sv);
	if (!was_usable) {
		eng_event(e, ENG_EV_SERVER_JOIN, sv->name, sv->donation);
		eng_mover_kick(e, ENG_KICK_SERVER);
	}
	eng_discard_pump(e, sv);
}

void eng_server_left(struct engine *e, struct eng_server *sv)
{
	if (sv->state != ENG_SERVER_LEFT)
		server_away(e, sv, ENG_SERVER_LEFT, ENG_EV_SERVER_LEAVE);
}

static void server_suspect(struct engine *e, struct eng_server *sv, bool unanswered)
{
	if (sv->state == ENG_SERVER_LIVE)
		eng_event(e, ENG_EV_SERVER_SUSPECT, sv->name, sv->mapped);
	sv->state = ENG_SERVER_SUSPECT;
	sv->suspect_ns = e->now;
	sv->unanswered |= unanswered;
	server_untold(e, sv);
}

void eng_server_suspect(struct engine *e, struct eng_server *sv)
{
	if (eng_server_usable(sv))
		server_suspect(e, sv, true);
}

void eng_server_answered(struct engine *e, struct eng_server *sv)
{
	sv->answer_ns = e->now;
	if (sv->state == ENG_SERVER_SUSPECT)
		server_alive(sv);
}

/*
 * A path that carries heartbeats but no pages must not look well again with each
 * heartbeat; now and then it is given another chance.
 */
void eng_server_heartbeat(struct engine *e, struct eng_server *sv)
{
	if (sv->state == ENG_SERVER_SUSPECT &&
	    (!sv->unanswered || e->now - sv->suspect_ns >= e->cfg.dead_ms * NS_PER_MS))
		server_alive(sv);
	eng_discard_pump(e, sv);
}

void eng_server_usage(struct eng_server *sv, u64 used)
{
	u64 ours = sv->mapped + sv->pending;

	sv->used = used;
	sv->extra = used > ours ? used - ours : 0;
	sv->saved = used < ours ? ours - used : 0;
}

void eng_server_full(struct eng_server *sv)
{
	u64 ours = sv->mapped + sv->pending;

	sv->extra = sv->donation > ours ? sv->donation - ours : 0;
	sv->saved = 0;
}

/* ---- time ---- */

static void server_liveness(struct engine *e, struct eng_server *sv)
{
	u64 silent = e->now - sv->heard_ns;
	u64 dead_ns = e->cfg.dead_ms * NS_PER_MS;

	if (sv->state == ENG_SERVER_GONE) {
		if (!server_unused(sv))
			return;
		if (sv->unswept)
			eng_event(e, ENG_EV_SERVER_SWEPT, sv->name, 0);
		server_free(e, sv);
	} else if (!eng_server_usable(sv)) {
		return;
	} else if (silent >= dead_ns) {
		sv->session = 0;
		server_away(e, sv, ENG_SERVER_DEAD, ENG_EV_SERVER_DEAD);
	} else if (silent >= dead_ns / 2 && sv->state == ENG_SERVER_LIVE) {
		server_suspect(e, sv, false);
	}
}

u64 eng_servers_tick(struct engine *e)
{
	struct eng_servers *ss = e->servers;
	u32 i;

	if (e->now >= ss->live_ns) {
		ss->live_ns = e->now + ENG_LIVENESS_NS;
		for (i = 0; i < ENG_SERVERS_MAX && i < ss->nslots; i++)
			if (ss->slot[i])
				server_liveness(e, ss->slot[i]);
	}
	if (eng_sweep_tick(e))
		return 0;
	return ss->nslots ? ENG_LIVENESS_NS : NS_PER_S;
}

int eng_servers_create(struct engine *e)
{
	struct eng_servers *ss = anm_big_alloc(sizeof(*ss));

	BUILD_BUG_ON(ENG_SERVERS_MAX > 1u << ENG_SESSION_SLOT_BITS);
	if (!ss)
		return -ENOMEM;
	INIT_LIST_HEAD(&ss->failing);
	wheel_init(&ss->wheel, e->now);
	e->servers = ss;
	return 0;
}

/* Page operations are over; what is left in flight are discards. */
void eng_servers_destroy(struct engine *e)
{
	struct eng_servers *ss = e->servers;
	u32 i;

	if (!ss)
		return;
	for (i = 0; i < ENG_SERVERS_MAX; i++) {
		struct eng_server *sv = ss->slot[i];

		if (!sv)
			continue;
		eng_xfer_cancel(e, &sv->discard_xf);
		eng_recover_cancel(e, sv);
		WARN_ON_ONCE(sv->nxfers || sv->pins || sv->pending);
		server_free(e, sv);
	}
	anm_big_free(ss);
	e->servers = NULL;
}

/* ---- what can be known ---- */

u64 eng_pool_donated(struct engine *e)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < e->servers->nslots; i++) {
		const struct eng_server *sv = e->servers->slot[i];

		if (eng_server_usable(sv) && !eng_server_draining(sv))
			sum += sv->donation;
	}
	return sum;
}

u32 eng_servers_count(struct engine *e, bool live_only)
{
	u32 i, n = 0;

	for (i = 0; i < e->servers->nslots; i++) {
		const struct eng_server *sv = e->servers->slot[i];

		if (sv && sv->state != ENG_SERVER_GONE &&
		    (!live_only || sv->state == ENG_SERVER_LIVE))
			n++;
	}
	return n;
}

/*
 * As long as the page map names pages of a memory that is lost, that one is told: who
 * restarts the engine now has to know that there were some.
 */
static u64 server_boot(const struct engine *e, const struct eng_server *sv)
{
	u32 i;

	for (i = 0; i < e->servers->nslots; i++) {
		const struct eng_server *old = e->servers->slot[i];

		if (old && old->state == ENG_SERVER_GONE && old->mapped &&
		    !memcmp(old->uuid, sv->uuid, sizeof(old->uuid)))
			return old->boot;
	}
	return sv->known_boot ? sv->known_boot : sv->boot;
}

/* See struct eng_server_info. An older memory of it may have had pages that count yet. */
static bool is_gone(const struct engine *e, const struct eng_server *sv)
{
	if (sv->awaited)
		return sv->was_gone;
	return (sv->state == ENG_SERVER_DEAD || sv->state == ENG_SERVER_LEFT) && sv->inventoried &&
	       server_unused(sv) && !sv->pending && server_boot(e, sv) == sv->boot;
}

bool eng_server_get(struct engine *e, u32 *slot, struct eng_server_info *info)
{
	const struct eng_server *sv = NULL;

	while (*slot < e->servers->nslots) {
		sv = e->servers->slot[(*slot)++];
		if (sv && sv->state != ENG_SERVER_GONE)
			break;
		sv = NULL;
	}
	if (!sv)
		return false;
	memset(info, 0, sizeof(*info));
	memcpy(info->uuid, sv->uuid, sizeof(info->uuid));
	memcpy(info->name, sv->name, sizeof(info->name));
	info->addr = sv->peer.addr;
	info->port = sv->peer.port;
	info->state = sv->state;
	info->mtu = sv->mtu;
	info->channels = sv->channels;
	info->donation = sv->donation;
	info->used = sv->used;
	info->mapped = sv->mapped;
	info->pages_out = sv->pages_out;
	info->pages_in = sv->pages_in;
	info->retransmits = sv->retransmits;
	info->timeouts = sv->timeouts;
	info->nacks = sv->nacks;
	info->crc_errors = sv->crc_errors;
	info->srtt_ns = sv->win.srtt_ns;
	info->rto_ns = sv->win.rto_ns;
	info->cwnd = sv->win.cwnd;
	info->spurious = sv->spurious;
	info->read_p95_ns = sv->lag.p95_ns;
	info->in_flight = sv->in_flight;
	info->queued = sv->queued;
	info->last_heard_ns = e->now - sv->heard_ns;
	info->boot = server_boot(e, sv);
	info->stale_below = sv->stale_below;
	info->awaited = sv->awaited;
	info->gone = is_gone(e, sv);
	memcpy(info->zone, sv->zone, sizeof(info->zone));
	if (eng_server_draining(sv))
		info->drain = sv->drained ? ENG_DRAIN_DONE : ENG_DRAIN_MOVING;
	info->drain_total = sv->drain_total;
	info->drain_asked = eng_server_kept_drain(sv);
	info->slot = sv->slot;
	return true;
}
