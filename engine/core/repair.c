// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages are moved, and when. Nothing is kept about a page but a flag in its entry;
 * when servers come and go the map is looked through, a batch a tick, in up to four
 * passes: one counts, and has copies forgotten that are too many, one repairs the pages that
 * have too few, one empties the servers that are drained. So the endangered come first. The
 * last makes room on servers that are full, where pages found no place though others have
 * room: those others hold the page already, as it is when they were away while the full ones
 * took all that was written. What could not be done is tried again, later and later.
 */
#include "cache.h"
#include "elder.h"
#include "exports.h"
#include "pageop.h"
#include "stale.h"
#include "writeback.h"

#define MOVES_MAX	  16		   /* pages in flight */
#define MOVES_BUSY	  1		   /* the same while clients' messages wait for a channel */
#define MOVE_BURST_NS	  (20 * NS_PER_MS) /* of the rate, that may be saved up */
#define MOVE_STEP_NS	  NS_PER_MS	   /* between batches */
#define MOVE_PASS_NS	  (500 * NS_PER_MS) /* between passes for the sake of single pages */
#define MOVE_RETRY_MIN_NS NS_PER_S
#define MOVE_RETRY_MAX_NS (16 * NS_PER_S)
#define MOVE_PLACE_COST	  16 /* entries that could be looked at while a server is sought */
#define MOVE_EVENT_NS	  (50 * NS_PER_MS)
#define PAGES_LOOK	  (4 * ENG_SWEEP_BATCH) /* entries that eng_vai_pages() looks at */

enum move_phase {
	MOVE_IDLE,
	MOVE_COUNT,
	MOVE_REPAIR,
	MOVE_DRAIN,
	MOVE_ROOM,
	MOVE_WAIT, /* for the last of those in flight */
};

/**
 * struct eng_mover - the passes.
 * @phase:     enum move_phase
 * @cursor:    in the page map
 * @again:     something happened that asks for another round
 * @ios:       moves in flight
 * @in_flight: how many
 * @repairs:   entries found that want repair, this round
 * @failed:    moves that failed or were not even begun, this round; @moved: the others
 * @next_ns:   when the next round begins; U64_MAX: when it is asked for
 * @begun_ns:  when the last one began
 * @overdue_ns: when a server that is away will be so for too long; U64_MAX never
 * @retry_ns:  delay after the next round that fails
 * @credit_ns: saved up: a move costs NS_PER_S / rate
 * @paid_ns:   up to when @credit_ns has been given
 * @event_ns:  when the VAIs are looked at next
 * @told:      VAIs of which DEGRADED has been told, REPAIRED not
 */
struct eng_mover {
	u8 phase;
	u32 cursor;
	bool again;
	struct list_head ios;
	u32 in_flight;
	u64 repairs, failed, moved;
	u64 next_ns, begun_ns, overdue_ns, retry_ns;
	u64 credit_ns, paid_ns;
	u64 event_ns;
	u32 told;
};

/* ---- redundancy of entries and VAIs ---- */

void eng_entry_judge(struct engine *e, struct eng_vai *vai, struct map_entry *me)
{
	struct eng_copies c;

	eng_copies_count(e, me, &c);
	if (c.at_hand < vai->copies) {
		if (!(me->vai_flags & MAP_DEGRADED))
			vai->degraded++;
		me->vai_flags |= MAP_DEGRADED;
	} else if (me->vai_flags & MAP_DEGRADED) {
		vai->degraded--;
		me->vai_flags &= (u16)~MAP_DEGRADED;
	}
}

/* @counted: the count is complete, so DEGRADED may be told, with the number. */
static void mover_events(struct engine *e, bool counted)
{
	struct eng_mover *m = e->mover;
	u32 i;

	m->told = 0;
	for (i = 0; i < ENG_VAIS_MAX; i++) {
		struct eng_vai *vai = eng_vai_at(e, (u16)i);

		if (!vai || vai->deleting)
			continue;
		if (vai->degraded && !vai->degraded_told && counted) {
			vai->degraded_told = true;
			eng_event(e, ENG_EV_VAI_DEGRADED, vai->name, vai->degraded);
		} else if (!vai->degraded && vai->degraded_told) {
			vai->degraded_told = false;
			eng_event(e, ENG_EV_VAI_REPAIRED, vai->name, 0);
		}
		/* After a restart it counts once every server of before has been asked, and has answered. */
		if (!vai->degraded && counted && !e->recover.missing &&
		    !(vai->restored && e->recover.lost))
			vai->thin = false;
		m->told += vai->degraded_told;
	}
}

/*
 * A page that no server has is saved if the cache has it. The map itself is as good as a copy,
 * as long as the engine lives.
 */
static bool entry_wants_repair(struct engine *e, const struct eng_vai *vai,
			       const struct map_entry *me, const struct eng_copies *c)
{
	return c->at_hand + c->awaited < vai->copies && !eng_stale_doubt(e, vai, me) &&
	       (c->at_hand || map_pattern(me) || eng_cache_has(e, me) ||
		(!c->awaited && eng_elder_ready(e, vai, me)));
}

static bool entry_wants_out(const struct engine *e, const struct eng_vai *vai,
			    const struct map_entry *me, const struct eng_copies *c)
{
	return c->draining && !eng_stale_doubt(e, vai, me) && c->lasting + c->awaited < vai->copies;
}

/* ---- moves ---- */

static void mover_done(struct engine *e, struct eng_pageio *io, int err)
{
	struct eng_mover *m = e->mover;

	list_del(&io->req_link);
	m->in_flight--;
	if (err) {
		m->failed++;
		if (err != -EAGAIN)
			e->stats.moves_failed++;
	} else {
		m->moved++;
	}
	eng_pageio_free(e, io);
}

static u64 mover_cost(const struct engine *e)
{
	return NS_PER_S / max(e->cfg.move_rate, 1u);
}

static void mover_start(struct engine *e, struct eng_vai *vai, u32 page_no, u16 leave)
{
	struct eng_mover *m = e->mover;
	struct eng_pageio *io = eng_move_alloc(e, vai, page_no, leave);

	if (!io) {
		m->failed++;
		return;
	}
	io->done = mover_done;
	list_add_tail(&io->req_link, &m->ios);
	m->in_flight++;
	m->credit_ns -= min(m->credit_ns, mover_cost(e));
	eng_pageio_start(e, io);
}

static bool clients_wait(const struct engine *e)
{
	const struct eng_servers *ss = e->servers;
	u32 i;

	for (i = 0; i < ss->nslots; i++)
		if (ss->slot[i] && ss->slot[i]->queued)
			return true;
	return false;
}

static bool mover_may_start(const struct engine *e, bool busy)
{
	const struct eng_mover *m = e->mover;

	return m->in_flight < (busy ? MOVES_BUSY : MOVES_MAX) && m->credit_ns >= mover_cost(e);
}

/* ---- passes ---- */

void eng_mover_kick(struct engine *e, enum eng_kick why)
{
	struct eng_mover *m = e->mover;

	if (why == ENG_KICK_SERVER) {
		m->retry_ns = MOVE_RETRY_MIN_NS;
		m->next_ns = min(m->next_ns, e->now);
		if (m->phase == MOVE_DRAIN || m->phase == MOVE_ROOM)
			m->phase = MOVE_WAIT;
	} else {
		m->next_ns = min(m->next_ns, max(e->now, m->begun_ns + MOVE_PASS_NS));
	}
	m->again = true;
}

static void mover_begin(struct engine *e)
{
	struct eng_mover *m = e->mover;
	u32 i;

	m->phase = MOVE_COUNT;
	m->cursor = 0;
	m->again = false;
	m->repairs = 0;
	m->failed = 0;
	m->moved = 0;
	m->begun_ns = e->now;
	m->next_ns = U64_MAX;
	m->overdue_ns = U64_MAX;
	eng_stale_begin(e);
	for (i = 0; i < e->servers->nslots; i++) {
		const struct eng_server *sv = e->servers->slot[i];
		u64 due;

		if (!sv || sv->state == ENG_SERVER_GONE || eng_server_usable(sv))
			continue;
		due = sv->away_ns + e->cfg.repair_after_ms * NS_PER_MS;
		if (due > e->now)
			m->overdue_ns = min(m->overdue_ns, due);
	}
}

static bool any_draining(const struct engine *e)
{
	u32 i;

	for (i = 0; i < e->servers->nslots; i++) {
		const struct eng_server *sv = e->servers->slot[i];

		if (eng_server_usable(sv) && eng_server_draining(sv) && sv->mapped)
			return true;
	}
	return false;
}

static void room_end(struct engine *e)
{
	u32 i;

	for (i = 0; i < e->servers->nslots; i++)
		if (e->servers->slot[i])
			e->servers->slot[i]->room_wanted = false;
	e->servers->room_wants = 0;
}

static void mover_phase_end(struct engine *e)
{
	struct eng_mover *m = e->mover;

	if (m->phase == MOVE_COUNT) {
		mover_events(e, true);
		m->failed += eng_stale_end(e);
		m->phase = m->repairs ? MOVE_REPAIR : MOVE_DRAIN;
	} else {
		m->phase++;
	}
	if (m->phase == MOVE_DRAIN && !any_draining(e))
		m->phase = MOVE_ROOM;
	if (m->phase == MOVE_WAIT)
		room_end(e);
	m->cursor = 0;
}

static void mover_round_end(struct engine *e)
{
	struct eng_mover *m = e->mover;

	m->phase = MOVE_IDLE;
	if (m->overdue_ns != U64_MAX)
		m->next_ns = min(m->next_ns, m->overdue_ns);
	if (m->again)
		return;
	if (m->failed || any_draining(e)) {
		m->next_ns = min(m->next_ns, e->now + m->retry_ns);
		m->retry_ns =
			m->moved ? MOVE_RETRY_MIN_NS : min(2 * m->retry_ns, (u64)MOVE_RETRY_MAX_NS);
	} else {
		m->retry_ns = MOVE_RETRY_MIN_NS;
	}
}

/* The server that the page is to leave, so that another page has room there. */
static u16 entry_makes_room(struct engine *e, const struct map_entry *me)
{
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		const struct eng_server *sv = eng_server_at(e, map_current(me, i));

		if (eng_server_usable(sv) && sv->room_wanted)
			return sv->slot;
	}
	return ENG_SLOT_NONE;
}

static u32 room_look(struct engine *e, struct eng_vai *vai, const struct map_entry *me,
		     const struct eng_copies *c)
{
	u16 leave = entry_makes_room(e, me);

	if (leave == ENG_SLOT_NONE || entry_wants_repair(e, vai, me, c))
		return 0;
	if (eng_move_possible(e, me, leave)) {
		e->servers->room_wants--;
		mover_start(e, vai, me->page_no, leave);
	}
	return MOVE_PLACE_COST;
}

/*
 * An inventory told of one copy too many. Both servers have been heard since, or it is too early
 * to say which of the two there will be.
 */
static void surplus_look(struct engine *e, struct eng_vai *vai, struct map_entry *me)
{
	u32 i, drop = 1;

	if (vai->copies >= ENG_COPIES_MAX || map_server(me, 0) == ENG_SLOT_NONE ||
	    map_server(me, 1) == ENG_SLOT_NONE)
		return;
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		const struct eng_server *sv = eng_server_at(e, map_server(me, i));

		if (!eng_server_usable(sv))
			return; /* its coming back, or its end, is another round */
		if (sv->state != ENG_SERVER_LIVE || sv->heard_ns <= e->recover.surplus_ns) {
			e->mover->failed++;
			return;
		}
	}
	if (eng_copy_rank(e, map_server(me, 0)) > eng_copy_rank(e, map_server(me, 1)))
		drop = 0;
	eng_copy_discard(e, vai, me, drop, map_version(me) + 1);
	e->stats.inventory_stale++;
}

/* Return: what the look has cost beyond one of the budget. */
static u32 mover_look(struct engine *e, struct map_entry *me)
{
	struct eng_vai *vai = eng_vai_at(e, me->vai_flags & MAP_VAI_MASK);
	struct eng_mover *m = e->mover;
	struct eng_copies c;

	/* Version 0: its first write is not done. */
	if (!vai || vai->deleting || vai->emptying || !map_version(me))
		return 0;
	eng_copies_count(e, me, &c);
	if (m->phase == MOVE_COUNT) {
		/* The next life of the engine is not to take it for the page. */
		if (!eng_elder_may(e, vai))
			eng_elder_drop(e, vai, me, map_version(me) + 1);
		surplus_look(e, vai, me);
		m->failed += !eng_stale_look(e, vai, me);
		eng_entry_judge(e, vai, me);
		m->repairs += entry_wants_repair(e, vai, me, &c);
		return 0;
	}
	if (m->phase == MOVE_ROOM)
		return room_look(e, vai, me, &c);
	if (m->phase == MOVE_REPAIR ? !entry_wants_repair(e, vai, me, &c)
				    : !entry_wants_out(e, vai, me, &c))
		return 0;
	/* Pages that nobody can take, perhaps millions, must not be fetched in vain. */
	if (!eng_move_possible(e, me, ENG_SLOT_NONE)) {
		m->failed++;
		eng_move_want(e, me);
		return MOVE_PLACE_COST;
	}
	mover_start(e, vai, me->page_no, ENG_SLOT_NONE);
	return 0;
}

/* A batch of the pass that is on. */
static void mover_step(struct engine *e)
{
	struct eng_mover *m = e->mover;
	u32 budget = ENG_SWEEP_BATCH, idx;
	bool busy = clients_wait(e);

	while (m->phase != MOVE_WAIT) {
		if (m->phase == MOVE_ROOM && !e->servers->room_wants) {
			mover_phase_end(e);
			continue;
		}
		if (m->phase != MOVE_COUNT && !mover_may_start(e, busy))
			return;
		idx = map_scan(e->map, &m->cursor, &budget);
		if (idx != ENG_MAP_NONE)
			budget -= min(budget, mover_look(e, map_entry(e->map, idx)));
		else if (map_scan_end(e->map, m->cursor))
			mover_phase_end(e);
		else
			return;
	}
	if (!m->in_flight)
		mover_round_end(e);
}

/* One that makes way may let others end, so each search begins anew. */
static void mover_yield(struct engine *e)
{
	struct eng_pageio *io;
	bool some;

	do {
		some = false;
		list_for_each_entry(io, &e->mover->ios, req_link) {
			some = eng_move_yield(e, io);
			if (some)
				break;
		}
	} while (some);
}

u64 eng_mover_tick(struct engine *e)
{
	struct eng_mover *m = e->mover;

	m->credit_ns =
		min(m->credit_ns + (e->now - m->paid_ns), max((u64)MOVE_BURST_NS, mover_cost(e)));
	m->paid_ns = e->now;
	mover_yield(e);
	if (e->now >= m->event_ns) {
		m->event_ns = e->now + MOVE_EVENT_NS;
		eng_drain_tick(e);
		if (m->told)
			mover_events(e, false);
	}
	/* Copies that no inventory has told of yet would be made anew in vain. */
	if (e->recover.active)
		return NS_PER_S;
	if (m->phase == MOVE_IDLE && e->now >= m->next_ns)
		mover_begin(e);
	if (m->phase != MOVE_IDLE)
		mover_step(e);
	if (m->phase != MOVE_IDLE)
		return MOVE_STEP_NS;
	return m->next_ns > e->now ? min(m->next_ns - e->now, (u64)NS_PER_S) : 0;
}

int eng_mover_create(struct engine *e)
{
	struct eng_mover *m = anm_alloc(sizeof(*m));

	if (!m)
		return -ENOMEM;
	INIT_LIST_HEAD(&m->ios);
	m->next_ns = U64_MAX;
	m->retry_ns = MOVE_RETRY_MIN_NS;
	m->paid_ns = e->now;
	e->mover = m;
	return 0;
}

/* Page operations are over, moves too. */
void eng_mover_destroy(struct engine *e)
{
	if (!e->mover)
		return;
	WARN_ON_ONCE(e->mover->in_flight);
	anm_free(e->mover);
	e->mover = NULL;
}

void eng_mover_status(struct engine *e, struct eng_status *st)
{
	u32 i;

	st->moves_in_flight = e->mover->in_flight;
	for (i = 0; e->servers && i < e->servers->nslots; i++) {
		const struct eng_server *sv = e->servers->slot[i];

		st->servers_draining += eng_server_usable(sv) && eng_server_draining(sv);
	}
	for (i = 0; i < ENG_VAIS_MAX; i++) {
		const struct eng_vai *vai = eng_vai_at(e, (u16)i);

		st->degraded_pages += vai ? vai->degraded : 0;
	}
}

/* ---- what can be known ---- */

int eng_vai_pages(struct engine *e, const char *name, u8 kind, u32 *cursor, u32 *pages, u32 max)
{
	struct eng_export *x = eng_vai_by_name(e, name, strnlen(name, ENG_NAME_MAX + 1));
	u32 budget = PAGES_LOOK, idx, n = 0;

	if (!x || x->vai.deleting)
		return -ENOENT;
	while (n < max && (idx = map_scan(e->map, cursor, &budget)) != ENG_MAP_NONE) {
		const struct map_entry *me = map_entry(e->map, idx);
		struct eng_copies c;
		bool lost;

		if ((me->vai_flags & MAP_VAI_MASK) != x->vai.slot || !map_version(me))
			continue;
		eng_copies_count(e, me, &c);
		lost = !c.at_hand && !map_pattern(me) && !eng_elder_ready(e, &x->vai, me) &&
		       !eng_dirty_has(e, &x->vai, me->page_no);
		if (kind == ENG_PAGES_LOST ? lost : !lost && c.at_hand < x->vai.copies)
			pages[n++] = me->page_no;
	}
	if (map_scan_end(e->map, *cursor))
		*cursor = U32_MAX;
	return (int)n;
}
