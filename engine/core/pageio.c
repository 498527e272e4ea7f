// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page operations: one at a time on a page, in the order in which they came; copies
 * fetched, merged and stored. Nothing here calls back from within a callback: what
 * completes and what may begin are put on lists that the outermost caller works off.
 */
#include "pageop.h"
#include "recover.h"

#define BUSY_BITS 14

struct eng_busy_table {
	struct list_head ready;	   /* may begin */
	struct list_head finished; /* ->done to be called */
	bool running;
	bool closing;
	struct hlist_head head[1u << BUSY_BITS];
};

void op_key(const struct pg_op *op, struct amp_key *key)
{
	key->client = op->io.vai->client_id;
	key->vai = op->io.vai->vai_id;
	key->offset = (u64)op->io.page_no << ANM_PAGE_SHIFT;
}

struct map_entry *op_entry(struct engine *e, const struct pg_op *op)
{
	return op->entry == ENG_MAP_NONE ? NULL : map_entry(e->map, op->entry);
}

static bool op_whole(const struct pg_op *op)
{
	return op->io.write && op->io.len == ANM_PAGE_SIZE;
}

/* ---- ordering ---- */

static struct hlist_head *busy_head(struct engine *e, const struct eng_pageio *io)
{
	u64 h = map_hash(e->map, io->vai->slot, io->page_no);

	/* High bits: the page map's buckets are chosen by the low ones. */
	return &e->busy->head[h >> (64 - BUSY_BITS)];
}

static struct pg_op *busy_find(struct hlist_head *head, const struct eng_pageio *io)
{
	struct pg_op *op;

	hlist_for_each_entry(op, head, node)
		if (op->io.page_no == io->page_no && op->io.vai == io->vai)
			return op;
	return NULL;
}

void op_complete(struct engine *e, struct pg_op *op, int err)
{
	struct eng_busy_table *bt = e->busy;

	if (op->fetch)
		anm_page_put(op->fetch);
	op->fetch = NULL;
	hlist_del(&op->node);
	if (!list_empty(&op->wait)) {
		struct pg_op *next = list_first_entry(&op->wait, struct pg_op, link);

		list_del(&next->link);
		list_splice_tail_init(&op->wait, &next->wait);
		hlist_add_head(&next->node, busy_head(e, &next->io));
		list_add_tail(&next->link, &bt->ready);
	}
	op->io.err = err;
	list_add_tail(&op->link, &bt->finished);
}

static void op_begin(struct engine *e, struct pg_op *op);

void busy_run(struct engine *e)
{
	struct eng_busy_table *bt = e->busy;
	struct pg_op *op;

	if (bt->running)
		return;
	bt->running = true;
	for (;;) {
		if (!list_empty(&bt->finished)) {
			op = list_first_entry(&bt->finished, struct pg_op, link);
			list_del(&op->link);
			op->io.vai->in_flight--;
			op->io.done(e, &op->io, op->io.err);
		} else if (!list_empty(&bt->ready)) {
			op = list_first_entry(&bt->ready, struct pg_op, link);
			list_del(&op->link);
			op_begin(e, op);
		} else {
			break;
		}
	}
	bt->running = false;
}

/* ---- fetching ---- */

static void op_lost(struct engine *e, struct pg_op *op, struct map_entry *me)
{
	e->stats.pages_lost++;
	if (!(me->vai_flags & MAP_LOST)) {
		me->vai_flags |= MAP_LOST;
		op->io.vai->lost++;
		eng_event(e, ENG_EV_PAGE_LOST, op->io.vai->name,
			  (u64)op->io.page_no << ANM_PAGE_SHIFT);
	}
	op_complete(e, op, -EIO);
}

/* ->fetch holds the page as it was: give it to the reader, or lay the new bytes over it. */
static void op_fetched(struct engine *e, struct pg_op *op)
{
	struct eng_pageio *io = &op->io;
	u8 *data = anm_page_data(op->fetch);

	if (op->move) {
		op_move_fetched(e, op);
		return;
	}
	if (io->write) {
		memcpy(data + io->off, (u8 *)anm_page_data(io->page) + io->off, io->len);
		anm_page_put(io->page);
	}
	io->page = op->fetch;
	op->fetch = NULL;
	if (io->write) {
		e->stats.pages_merged++;
		op_write(e, op);
	} else {
		op_complete(e, op, 0);
	}
}

static void op_never_written(struct engine *e, struct pg_op *op)
{
	if (eng_recover_unknown(e, op->io.vai)) {
		e->stats.reads_unknown++;
		op_complete(e, op, -EIO);
		return;
	}
	if (!op->io.write) {
		e->stats.pages_zero++;
		if (op->io.page_no) {
			anm_page_get(e->zero_page);
			op->io.page = e->zero_page;
			op_complete(e, op, 0);
			return;
		}
	}
	op->fetch = anm_page_alloc();
	if (!op->fetch) {
		e->stats.no_memory++;
		op_complete(e, op, -ENOMEM);
		return;
	}
	memset(anm_page_data(op->fetch), 0, ANM_PAGE_SIZE);
	if (!op->io.page_no)
		eng_swap_header(op->io.vai, anm_page_data(op->fetch));
	op_fetched(e, op);
}

/* A copy not yet tried in this round; a live server before a suspect one, then the less busy. */
static struct eng_server *fetch_pick(struct engine *e, const struct pg_op *op,
				     const struct map_entry *me)
{
	struct eng_server *best = NULL;
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		struct eng_server *sv = eng_server_at(e, me->server[i]);

		if (!eng_server_usable(sv) || (op->skip & BIT(i)))
			continue;
		if (!best || (sv->state == ENG_SERVER_LIVE && best->state != ENG_SERVER_LIVE) ||
		    (sv->state == best->state && sv->nxfers < best->nxfers))
			best = sv;
	}
	return best;
}

static void fetch_done(struct engine *e, struct eng_xfer *xf, enum xfer_result res);

void op_fetch(struct engine *e, struct pg_op *op)
{
	struct map_entry *me = op_entry(e, op);
	struct pg_copy *c = &op->copy[0];
	struct eng_server *sv = fetch_pick(e, op, me);

	if (!sv && op->skip && op->tries < PG_TRIES_MAX) {
		op->skip = 0;
		sv = fetch_pick(e, op, me);
	}
	if (!sv) {
		op->skip = 0;
		if (op->move || fetch_pick(e, op, me))
			op_complete(e, op, -EIO);
		else
			op_lost(e, op, me);
		return;
	}
	if (op->fetch && anm_page_shared(op->fetch)) {
		anm_page_put(op->fetch);
		op->fetch = NULL;
	}
	if (!op->fetch)
		op->fetch = anm_page_alloc();
	if (!op->fetch) {
		e->stats.no_memory++;
		op_complete(e, op, -ENOMEM);
		return;
	}
	op->tries++;
	c->slot = sv->slot;
	sv->pins++;
	c->xf.type = AMP_PAGE_IN;
	op_key(op, &c->xf.key);
	c->xf.version = map_version(me);
	c->xf.page = op->fetch;
	c->xf.done = fetch_done;
	eng_xfer_start(e, sv, &c->xf);
}

/*
 * Newer than acknowledged: from a write that failed for its client but reached this
 * server. Having been read it must not be unread, so the older copy goes.
 */
static void fetch_newer(struct engine *e, struct pg_op *op, struct map_entry *me, u64 version)
{
	struct amp_key key;
	u32 i;

	op_key(op, &key);
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		u16 slot = me->server[i];

		if (slot == ENG_SLOT_NONE || slot == op->copy[0].slot)
			continue;
		eng_copy_drop(e, me, i);
		eng_discard_page(e, slot, &key, version);
		eng_mover_kick(e, ENG_KICK_PAGE);
	}
	map_version_set(me, version);
	eng_entry_judge(e, op->io.vai, me);
}

static void fetch_done(struct engine *e, struct eng_xfer *xf, enum xfer_result res)
{
	struct pg_copy *c = container_of(xf, struct pg_copy, xf);
	struct pg_op *op = c->op;
	struct map_entry *me = op_entry(e, op);
	u32 i = me->server[0] == c->slot ? 0 : 1;

	eng_server_at(e, c->slot)->pins--;
	/* Older: an inventory has told meanwhile of a newer copy elsewhere. */
	if (res == XFER_OK && xf->got_version >= map_version(me)) {
		if (xf->got_version > map_version(me) && xf->got_version <= ENG_VERSION_MAX)
			fetch_newer(e, op, me, xf->got_version);
		me->vai_flags &= (u16)~MAP_LOST;
		op_drop_bad(e, op, me);
		op_fetched(e, op);
	} else {
		/* A live session says that it has not got it: this copy is lost. */
		if (res == XFER_CRC)
			op->bad = c->slot;
		if (res == XFER_REFUSED && xf->code == AMP_E_NOENT && me->server[i] == c->slot) {
			eng_copy_drop(e, me, i);
			eng_recover_lossy(e, me);
			eng_entry_judge(e, op->io.vai, me);
			eng_mover_kick(e, ENG_KICK_PAGE);
		}
		op->skip |= BIT(i);
		op_fetch(e, op);
	}
	busy_run(e);
}

/* ---- storing ---- */

bool entry_holds(const struct map_entry *me, u16 slot)
{
	return me->server[0] == slot || me->server[1] == slot;
}

static bool op_tried(const struct pg_op *op, u16 slot)
{
	u32 i;

	for (i = 0; i < op->ntried; i++)
		if (op->tried[i] == slot)
			return true;
	return false;
}

static bool op_targets(const struct pg_op *op, u16 slot)
{
	u32 i;

	for (i = 0; i < op->ncopies; i++)
		if (op->copy[i].slot == slot)
			return true;
	return false;
}

/* In the zone of a copy that has its server. */
static bool op_zone_clash(struct engine *e, const struct pg_op *op, const struct eng_server *sv)
{
	u32 i;

	for (i = 0; i < op->ncopies; i++) {
		const struct eng_server *peer = eng_server_at(e, op->copy[i].slot);

		if (peer && eng_zones_clash(peer, sv))
			return true;
	}
	return false;
}

bool eng_pageio_storing(struct engine *e, struct eng_vai *vai, u32 page_no, u16 slot, u64 version)
{
	const struct eng_pageio io = {.vai = vai, .page_no = page_no};
	const struct pg_op *op = busy_find(busy_head(e, &io), &io);

	return op && op->version == version && (op_targets(op, slot) || op_tried(op, slot));
}

/* A server that holds the page already and is not yet a target of this write. */
static struct eng_server *write_holder(struct engine *e, const struct pg_op *op, bool again)
{
	const struct map_entry *me = op_entry(e, op);
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		struct eng_server *sv = eng_server_at(e, me->server[i]);

		if (!eng_server_usable(sv) || op_targets(op, sv->slot) || op_zone_clash(e, op, sv))
			continue;
		if (again || (sv->state == ENG_SERVER_LIVE && !eng_server_draining(sv) &&
			      !op_tried(op, sv->slot)))
			return sv;
	}
	return NULL;
}

static struct eng_server *write_elsewhere(struct engine *e, const struct pg_op *op, bool again,
					  u8 state)
{
	u16 targets[ENG_COPIES_MAX];
	struct eng_place_ask ask = {
		.avoid = op->tried,
		.nr_avoid = again ? 0 : op->ntried,
		.peers = targets,
		.nr_peers = op->ncopies,
		.state = state,
	};
	u32 i;

	for (i = 0; i < op->ncopies; i++)
		targets[i] = op->copy[i].slot;
	return eng_place(e, &ask);
}

/*
 * Best first: where it is; elsewhere; where it is although suspect, tried or on its way
 * out; any at all.
 */
static struct eng_server *write_pick(struct engine *e, const struct pg_op *op)
{
	struct eng_server *sv = write_holder(e, op, false);

	if (!sv)
		sv = write_elsewhere(e, op, false, ENG_SERVER_LIVE);
	if (!sv)
		sv = write_holder(e, op, true);
	if (!sv)
		sv = write_elsewhere(e, op, true, ENG_SERVER_LIVE);
	if (!sv)
		sv = write_elsewhere(e, op, true, ENG_SERVER_SUSPECT);
	return sv;
}

void copy_release(struct engine *e, struct pg_copy *c)
{
	struct eng_server *sv = eng_server_at(e, c->slot);

	if (!sv)
		return;
	if (c->fresh)
		sv->pending--;
	sv->pins--;
	c->fresh = false;
	c->slot = ENG_SLOT_NONE;
	c->state = PG_COPY_WANT;
}

/* The server stays pinned while the operation may yet have to tell it to forget the page. */
void copy_failed(struct engine *e, struct pg_op *op, struct pg_copy *c)
{
	u16 slot = c->slot;

	op->tries++;
	if (!op_tried(op, slot) && op->ntried < PG_TRIED_MAX) {
		op->tried[op->ntried++] = slot;
		eng_server_at(e, slot)->pins++;
	}
	copy_release(e, c);
}

/* Copies of this write that no entry will name are forgotten; all pins are let go. */
void op_release(struct engine *e, struct pg_op *op, u64 older_than)
{
	const struct map_entry *me = op_entry(e, op);
	struct amp_key key;
	u32 i;

	op_key(op, &key);
	for (i = 0; i < op->ncopies; i++) {
		u16 slot = op->copy[i].slot;

		if (slot == ENG_SLOT_NONE)
			continue;
		copy_release(e, &op->copy[i]);
		if (!entry_holds(me, slot))
			eng_discard_page(e, slot, &key, older_than);
	}
	for (i = 0; i < op->ntried; i++) {
		eng_server_at(e, op->tried[i])->pins--;
		if (!entry_holds(me, op->tried[i]))
			eng_discard_page(e, op->tried[i], &key, older_than);
	}
	op->ntried = 0;
}

/* The entry goes with the write that made it, unless an inventory gave it a page meanwhile. */
static void op_unborn(struct engine *e, struct pg_op *op)
{
	if (map_version(op_entry(e, op)))
		op->io.vai->stored++;
	else
		map_remove(e->map, op->entry);
	op->born = false;
}

static void op_write_failed(struct engine *e, struct pg_op *op, int err)
{
	op_spare_untold(e, op);
	op_release(e, op, op->version + 1);
	if (op->born)
		op_unborn(e, op);
	op_complete(e, op, err);
}

static void op_write_stored(struct engine *e, struct pg_op *op)
{
	struct map_entry *me = op_entry(e, op);
	struct amp_key key;
	u16 old;
	u32 i;

	op_key(op, &key);
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		old = me->server[i];
		if (old == ENG_SLOT_NONE || op_targets(op, old))
			continue;
		eng_copy_drop(e, me, i);
		eng_discard_page(e, old, &key, op->version);
	}
	for (i = 0; i < op->ncopies; i++)
		if (!entry_holds(me, op->copy[i].slot))
			eng_server_at(e, op->copy[i].slot)->mapped++;
	for (i = 0; i < ENG_COPIES_MAX; i++)
		me->server[i] = i < op->ncopies ? op->copy[i].slot : ENG_SLOT_NONE;
	map_version_set(me, op->version);
	me->vai_flags &= (u16)~MAP_LOST;
	eng_entry_judge(e, op->io.vai, me);
	if (op->born)
		op->io.vai->stored++;
	op_release(e, op, op->version + 1);
	op_complete(e, op, 0);
}

static void write_done(struct engine *e, struct eng_xfer *xf, enum xfer_result res);

void copy_send(struct engine *e, struct pg_op *op, struct pg_copy *c, struct eng_server *sv)
{
	c->slot = sv->slot;
	c->state = PG_COPY_SENT;
	c->fresh = !entry_holds(op_entry(e, op), sv->slot);
	if (c->fresh)
		sv->pending++;
	sv->pins++;
	c->xf.type = AMP_PAGE_OUT;
	op_key(op, &c->xf.key);
	c->xf.version = op->version;
	c->xf.page = op->io.page;
	c->xf.crc = op->crc;
	c->xf.done = op->move && !op->rewrite ? eng_move_done : write_done;
	eng_xfer_start(e, sv, &c->xf);
}

static u64 version_draw(struct engine *e)
{
	WARN_ON_ONCE(e->version_next >= ENG_VERSION_MAX);
	eng_version_raise(e, e->version_next + 1);
	return e->version_next - 1;
}

/* None is on its way. Copies that are stored have to be stored again. */
static void op_restamp(struct engine *e, struct pg_op *op)
{
	u32 i;

	op->restamp = false;
	op->version = version_draw(e);
	for (i = 0; i < op->ncopies; i++) {
		if (op->copy[i].state == PG_COPY_STORED)
			copy_failed(e, op, &op->copy[i]);
		else
			op->copy[i].slot = ENG_SLOT_NONE;
	}
}

/* One of the servers chosen was told, since this write began, to forget such old versions. */
static bool op_outdated(const struct pg_op *op, struct eng_server *const *sv)
{
	u32 i;

	for (i = 0; i < op->ncopies; i++)
		if (sv[i] && op->version < sv[i]->wiped_below)
			return true;
	return false;
}

/*
 * Send every copy that has no server, if there is a server for each; else wait for what
 * is on its way, and fail.
 */
static void op_write_copies(struct engine *e, struct pg_op *op)
{
	struct eng_server *sv[ENG_COPIES_MAX] = {NULL};
	bool short_of = op->tries > PG_TRIES_MAX, sent = false;
	u32 i;

	for (i = 0; i < op->ncopies && !short_of; i++) {
		if (op->copy[i].state != PG_COPY_WANT)
			continue;
		sv[i] = write_pick(e, op);
		if (sv[i])
			op->copy[i].slot = sv[i]->slot; /* so that the next pick differs */
		else
			short_of = true;
	}
	if (!short_of && op_outdated(op, sv)) {
		op_restamp(e, op);
		op_write_copies(e, op);
		return;
	}
	for (i = 0; i < op->ncopies; i++) {
		struct pg_copy *c = &op->copy[i];

		if (c->state == PG_COPY_WANT) {
			c->slot = ENG_SLOT_NONE;
			if (!short_of)
				copy_send(e, op, c, sv[i]);
		}
		sent |= c->state == PG_COPY_SENT;
	}
	if (short_of && !sent)
		op_write_failed(e, op, op->uncertain ? -EIO : -ENOSPC);
}

/* An answer came in. Once none is awaited: done, or another round. */
static void op_write_step(struct engine *e, struct pg_op *op)
{
	bool want = false;
	u32 i;

	for (i = 0; i < op->ncopies; i++)
		if (op->copy[i].state == PG_COPY_SENT)
			return;
	if (op->restamp)
		op_restamp(e, op);
	for (i = 0; i < op->ncopies; i++) {
		struct pg_copy *c = &op->copy[i];

		/* Stored by one that died while the other copy was still on its way. */
		if (c->state == PG_COPY_STORED && !eng_server_usable(eng_server_at(e, c->slot))) {
			op->uncertain = true;
			copy_failed(e, op, c);
		}
		want |= c->state == PG_COPY_WANT;
	}
	if (want)
		op_write_copies(e, op);
	else
		op_write_stored(e, op);
}

static void write_done(struct engine *e, struct eng_xfer *xf, enum xfer_result res)
{
	struct pg_copy *c = container_of(xf, struct pg_copy, xf);
	struct pg_op *op = c->op;
	bool stale = res == XFER_REFUSED && xf->code == AMP_E_STALE;

	if (stale && xf->got_version == op->version)
		res = XFER_OK; /* it has just this one */
	if (res == XFER_OK) {
		c->state = PG_COPY_STORED;
	} else {
		if (stale && xf->got_version < ENG_VERSION_MAX) {
			eng_version_raise(e, xf->got_version + 1);
			op->restamp = true;
		}
		if (res == XFER_REFUSED && xf->code == AMP_E_FULL)
			eng_server_full(eng_server_at(e, c->slot));
		else
			op->uncertain = true;
		copy_failed(e, op, c);
	}
	op_write_step(e, op);
	busy_run(e);
}

void op_write(struct engine *e, struct pg_op *op)
{
	u32 i;

	if (op->entry == ENG_MAP_NONE) {
		op->entry = map_insert(e->map, op->io.vai->slot, op->io.page_no);
		op->born = true;
	}
	if (op->entry == ENG_MAP_NONE) {
		e->stats.no_memory++;
		op_complete(e, op, -ENOMEM);
		return;
	}
	op->version = version_draw(e);
	op->crc = ~anm_crc32c(~0u, anm_page_data(op->io.page), ANM_PAGE_SIZE);
	op->ncopies = clamp_t(u8, op->io.vai->copies, 1, ENG_COPIES_MAX);
	op->tries = 0;
	for (i = 0; i < op->ncopies; i++)
		op->copy[i].state = PG_COPY_WANT;
	for (i = 0; i < ENG_COPIES_MAX; i++)
		op->copy[i].slot = ENG_SLOT_NONE;
	op_write_copies(e, op);
}

/* ---- what the NFS side calls ---- */

static void op_begin(struct engine *e, struct pg_op *op)
{
	if (e->busy->closing) {
		op_complete(e, op, -EIO);
		return;
	}
	op->entry = map_find(e->map, op->io.vai->slot, op->io.page_no);
	if (op->move)
		op_move(e, op);
	else if (op_whole(op))
		op_write(e, op);
	else if (op->entry == ENG_MAP_NONE)
		op_never_written(e, op);
	else
		op_fetch(e, op);
}

struct eng_pageio *eng_pageio_alloc(struct engine *e)
{
	struct pg_op *op;
	u32 i;

	if (e->pages_in_flight >= ENG_PAGES_MAX)
		return NULL;
	op = anm_alloc(sizeof(*op));
	if (!op)
		return NULL;
	for (i = 0; i < ENG_COPIES_MAX; i++) {
		op->copy[i].op = op;
		op->copy[i].slot = ENG_SLOT_NONE;
	}
	op->bad = ENG_SLOT_NONE;
	INIT_LIST_HEAD(&op->wait);
	e->pages_in_flight++;
	return &op->io;
}

void eng_pageio_free(struct engine *e, struct eng_pageio *io)
{
	if (io->page)
		anm_page_put(io->page);
	anm_free(op_of(io));
	e->pages_in_flight--;
}

void eng_pageio_start(struct engine *e, struct eng_pageio *io)
{
	struct pg_op *op = op_of(io), *first;
	struct hlist_head *head = busy_head(e, io);

	io->vai->in_flight++;
	first = busy_find(head, io);
	if (first) {
		list_add_tail(&op->link, &first->wait);
		return;
	}
	hlist_add_head(&op->node, head);
	list_add_tail(&op->link, &e->busy->ready);
	busy_run(e);
}

int eng_busy_create(struct engine *e)
{
	struct eng_busy_table *bt = anm_big_alloc(sizeof(*bt));

	if (!bt)
		return -ENOMEM;
	INIT_LIST_HEAD(&bt->ready);
	INIT_LIST_HEAD(&bt->finished);
	e->busy = bt;
	return 0;
}

/* Waiters come after: with the table closing they fail as soon as they begin. */
static void op_abort(struct engine *e, struct pg_op *op)
{
	u32 i;

	for (i = 0; i < ENG_COPIES_MAX; i++) {
		eng_xfer_cancel(e, &op->copy[i].xf);
		copy_release(e, &op->copy[i]);
	}
	for (i = 0; i < op->ntried; i++)
		eng_server_at(e, op->tried[i])->pins--;
	op->ntried = 0;
	if (op->born)
		op_unborn(e, op);
	op_complete(e, op, -EIO);
}

void eng_busy_destroy(struct engine *e)
{
	struct eng_busy_table *bt = e->busy;
	u32 i;

	if (!bt)
		return;
	bt->closing = true;
	for (i = 0; i < ARRAY_SIZE(bt->head); i++) {
		while (!hlist_empty(&bt->head[i])) {
			op_abort(e, hlist_entry(bt->head[i].first, struct pg_op, node));
			busy_run(e);
		}
	}
	anm_big_free(bt);
	e->busy = NULL;
}
