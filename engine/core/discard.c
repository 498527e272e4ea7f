// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that a server holds and nobody will ask it for again. As long as this engine lives only
 * room is at stake, never what a READ returns: the page map does not name that copy any more. For
 * the next one see stale.h. They are kept while a server is away, and told one at a time when
 * it is there.
 */
#include "pageop.h"
#include "recover.h"
#include "server.h"
#include "stale.h"

static struct hlist_head *discard_head(struct engine *e, u16 slot, const struct amp_key *key)
{
	u64 h = map_hash(e->map, slot, (u32)(key->offset >> ANM_PAGE_SHIFT) ^ key->vai);

	return &e->servers->discards[h >> (64 - ENG_DISCARD_BITS)];
}

static void discard_drop(struct engine *e, struct eng_server *sv, struct eng_discard *d)
{
	list_del(&d->link);
	if (!d->all)
		hlist_del(&d->node);
	sv->ndiscards--;
	anm_free(d);
}

static void discard_done(struct engine *e, struct eng_xfer *xf, enum xfer_result res)
{
	struct eng_server *sv = container_of(xf, struct eng_server, discard_xf);
	struct eng_discard *d = list_first_entry_or_null(&sv->discards, struct eng_discard, link);

	sv->discard_busy = false;
	sv->discard_ns = e->now;
	if (!d)
		return;
	switch (res) {
	case XFER_OK:
	case XFER_REFUSED:
	case XFER_CRC:
		if (xf->code != AMP_E_MORE)
			discard_drop(e, sv, d);
		if (sv->stale_below && !sv->ndiscards && !e->recover.missing)
			eng_mover_kick(e, ENG_KICK_PAGE);
		break;
	case XFER_TIMEOUT:
	case XFER_GONE:
		return; /* its next heartbeat or session starts the pump again */
	}
	eng_discard_pump(e, sv);
}

void eng_discard_pump(struct engine *e, struct eng_server *sv)
{
	struct eng_discard *d = list_first_entry_or_null(&sv->discards, struct eng_discard, link);
	struct eng_xfer *xf = &sv->discard_xf;

	if (!d || sv->discard_busy || sv->state != ENG_SERVER_LIVE || eng_recover_listing(sv))
		return;
	memset(xf, 0, sizeof(*xf));
	xf->type = d->all ? AMP_DISCARD_VAI : AMP_DISCARD;
	xf->key = d->key;
	xf->version = d->version;
	xf->done = discard_done;
	sv->discard_busy = true;
	eng_xfer_start(e, sv, xf);
}

static bool discard_add(struct engine *e, struct eng_server *sv, const struct amp_key *key,
			u64 version, bool all)
{
	struct eng_discard *d;

	if (!all)
		eng_stale_note(e, sv);
	if (sv->ndiscards >= ENG_DISCARDS_MAX) {
		e->stats.discards_dropped++;
		eng_recover_again(sv);
		return true;
	}
	d = anm_alloc(sizeof(*d));
	if (!d) {
		e->stats.no_memory++;
		return false;
	}
	d->sv = sv;
	d->key = *key;
	d->version = version;
	d->all = all;
	list_add_tail(&d->link, &sv->discards);
	if (!all)
		hlist_add_head(&d->node, discard_head(e, sv->slot, key));
	sv->ndiscards++;
	sv->discard_ns = e->now;
	eng_discard_pump(e, sv);
	return true;
}

void eng_discard_page(struct engine *e, u16 slot, const struct amp_key *key, u64 version)
{
	struct eng_server *sv = eng_server_at(e, slot);

	if (!sv || sv->state == ENG_SERVER_GONE)
		return;
	if (discard_add(e, sv, key, version, false))
		return;
	e->stats.discards_dropped++;
	eng_recover_again(sv);
}

void eng_copy_discard(struct engine *e, const struct eng_vai *vai, struct map_entry *me, u32 i,
		      u64 version)
{
	struct amp_key key = {
		.client = vai->client_id,
		.vai = vai->vai_id,
		.offset = (u64)me->page_no << ANM_PAGE_SHIFT,
	};
	u16 slot = map_server(me, i);

	eng_copy_drop(e, me, i);
	eng_discard_page(e, slot, &key, version);
}

bool eng_discard_vai(struct engine *e, u16 slot, const struct amp_key *key, u64 version)
{
	struct eng_server *sv = eng_server_at(e, slot);

	if (!sv || sv->state == ENG_SERVER_GONE)
		return true;
	return discard_add(e, sv, key, version, true);
}

bool eng_discard_recent(const struct engine *e, const struct eng_server *sv)
{
	return sv->ndiscards || (sv->discard_ns && e->now - sv->discard_ns < ENG_LATE_NS);
}

bool eng_discard_asked(struct engine *e, u16 slot, const struct amp_key *key, u64 version)
{
	const struct eng_server *sv = eng_server_at(e, slot);
	const struct eng_discard *d;

	if (!sv->ndiscards)
		return false;
	hlist_for_each_entry(d, discard_head(e, slot, key), node)
		if (d->sv == sv && d->key.vai == key->vai && d->key.client == key->client &&
		    d->key.offset == key->offset && version < d->version)
			return true;
	return false;
}

void eng_discard_clear(struct engine *e, struct eng_server *sv)
{
	while (!list_empty(&sv->discards))
		discard_drop(e, sv, list_first_entry(&sv->discards, struct eng_discard, link));
}

/* ---- what operations leave behind ---- */

/*
 * A server that has not told what it holds may have the page as it was before, and nobody
 * knows: it is not to forget that. Nor what it has now in its place, if it has told since. What it has
 * will be told, once more if need be.
 */
void op_spare_untold(struct engine *e, struct pg_op *op)
{
	u32 i, n = 0;

	for (i = 0; i < op->ntried; i++) {
		struct eng_server *sv = eng_server_at(e, op->tried[i]);

		if ((sv->inventoried && !(op->untold & BIT(i))) || sv->state == ENG_SERVER_GONE) {
			op->tried[n++] = op->tried[i];
			continue;
		}
		sv->pins--;
		eng_recover_again(sv);
	}
	op->ntried = (u8)n;
	op->untold = 0;
	for (i = 0; i < op->ncopies; i++) {
		struct eng_server *sv = eng_server_at(e, op->copy[i].slot);

		if (!sv || (sv->inventoried && !op->copy[i].untold) || sv->state == ENG_SERVER_GONE)
			continue;
		copy_release(e, &op->copy[i]);
		eng_recover_again(sv);
	}
}
