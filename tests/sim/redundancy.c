// SPDX-License-Identifier: GPL-2.0-only
/* Copies that must be there, and room that there is for them. */
#include "oracle.h"

/* One that is on its way out takes nothing new. */
static bool server_draining(struct sim *w, u32 i)
{
	const struct eng_server *sv = eng_server_by_uuid(w->e, w->sv[i].cfg.server_uuid);

	return sv && eng_server_draining(sv);
}

/* It could take the page now. */
static bool has_room(struct sim *w, u32 i, u32 vai, u32 page_no)
{
	return w->sv[i].m && !server_draining(w, i) && server_used(w, i) < w->sv[i].cfg.donation &&
	       !holds(w, i, vai, page_no, 0);
}

static bool others_have_room(struct sim *w, u32 vai, u32 page_no)
{
	u32 i;

	for (i = 0; i < w->mix.servers; i++)
		if (has_room(w, i, vai, page_no))
			return true;
	return false;
}

struct makes_room {
	bool known, can[SIM_SERVERS_MAX];
};

/* Fewer servers have or could take a page of the operation than its class calls for. */
bool no_room(struct sim *w, const struct sim_op *op)
{
	struct span s;
	u32 i, k, n;

	for (k = 0; op_span(op, k, &s); k++) {
		for (i = 0, n = 0; i < w->mix.servers; i++)
			n += has_room(w, i, op->vai, s.page_no) ||
			     engine_names(w, i, w->vai[op->vai].name, s.page_no);
		if (n < w->vai[op->vai].copies)
			return true;
	}
	return false;
}

/* It is full, but has a page that another server could take. */
static bool can_make_room(struct sim *w, u32 i)
{
	u32 v, p;

	for (v = 0; v < w->mix.vais; v++)
		for (p = 0; w->vai[v].page && p < w->vai[v].npages; p++)
			if (engine_names(w, i, w->vai[v].name, p) && others_have_room(w, v, p))
				return true;
	return false;
}

/*
 * A copy more could be stored somewhere: not where there is one, nor where all is full.
 * @make: servers that can make room, once that is known
 */
static bool room_for_copy(struct sim *w, u32 vai, u32 page_no, struct makes_room *make)
{
	u32 i;

	if (others_have_room(w, vai, page_no))
		return true;
	for (i = 0; i < w->mix.servers && !make->known; i++)
		make->can[i] = w->sv[i].m && !server_draining(w, i) && can_make_room(w, i);
	make->known = true;
	for (i = 0; i < w->mix.servers; i++)
		if (make->can[i] && !holds(w, i, vai, page_no, 0))
			return true;
	return false;
}

/*
 * Copies that READs are sent to. They may differ after a WRITE that failed, until a READ
 * settles it: whichever of them is lost, what was acknowledged is not.
 */
static u32 named_copies(struct sim *w, u32 vai, u32 page_no)
{
	u32 i, n = 0;

	for (i = 0; i < w->mix.servers; i++)
		n += engine_reads(w, i, w->vai[vai].name, page_no) && holds(w, i, vai, page_no, 1);
	return n;
}

static void pool_say(struct sim *w)
{
	struct eng_server_info info;
	u32 slot = 0;

	while (eng_server_get(w->e, &slot, &info)) {
		const struct eng_server *sv = eng_server_at(w->e, info.slot);

		printf("  %s state %u, %llu pages of %llu: mapped %llu, pending %u, extra %llu, "
		       "discards %u%s\n",
		       info.name, info.state, info.used, info.donation, info.mapped, sv->pending,
		       sv->extra, sv->ndiscards, info.drain ? ", draining" : "");
	}
}

bool oracle_redundancy(struct sim *w, bool must)
{
	struct makes_room make = {.known = false};
	bool whole = true;
	u32 v, i;

	for (v = 0; v < w->mix.vais; v++) {
		if (w->vai[v].state == VAI_DELETING)
			continue;
		for (i = 0; w->vai[v].page && i < w->vai[v].npages; i++) {
			struct sim_page *p = page_of(w, v, i);
			u32 n;

			if (!p->gen || !only_written(p) || page_lost(w, v, i))
				continue;
			n = named_copies(w, v, i);
			/* A dirty page for which there is no room stays one. */
			if (n >= w->vai[v].copies ||
			    ((n || dirty_holds(w, v, i, 1)) && !room_for_copy(w, v, i, &make)))
				continue;
			whole = false;
			if (!must)
				return false;
			oracle_history(w, v, i);
			pool_say(w);
			sim_fail(w, "promise 9: v%u p%u has %u copies of %u after repair", v, i, n,
				 w->vai[v].copies);
		}
	}
	return whole;
}
