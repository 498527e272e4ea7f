// SPDX-License-Identifier: GPL-2.0-only
/* What pages may hold besides when an engine was made anew, or a server came back. */
#include "oracle.h"
#include "../../memserver/core/priv.h"

/* A WRITE of a part of the page that is under way may be laid over it. */
static void revive_merged(struct sim *w, struct sim_page *p, const u8 *data)
{
	u8 fill[ANM_PAGE_SIZE], *merged;
	struct span s;
	u32 i, k;

	for (i = 0; i < w->nops; i++) {
		const struct sim_op *op = w->ops[i];

		if (op->done || op->kind != OP_WRITE)
			continue;
		for (k = 0; op_span(op, k, &s); k++) {
			if (page_of(w, op->vai, s.page_no) != p || s.len == ANM_PAGE_SIZE)
				continue;
			oracle_fill(fill, op->vai, op->life, s.page_no, op->gen[k]);
			merged = page_copy(data);
			memcpy(merged + s.off, fill + s.off, s.len);
			cand_add(p, op->gen[k], merged);
		}
	}
}

static void revive(struct sim *w, struct sim_page *p, const u8 *data, u32 from)
{
	if (p->writing)
		revive_merged(w, p, data);
	cand_add(p, 0, page_copy(data));
	p->cand[p->n - 1].revived = true;
	w->revived = true;
	note(w, p, "may come back", from, 0, 0);
}

/* Return: which candidate it is. */
static u32 revive_unless_live(struct sim *w, struct sim_page *p, const u8 *data, u32 from)
{
	u32 k;

	for (k = 0; k < p->n; k++)
		if (cand_live(&p->cand[k]) && !memcmp(p->cand[k].data, data, ANM_PAGE_SIZE))
			return k;
	revive(w, p, data, from);
	return p->n - 1;
}

/* engctl has kept that what the server has of the page may be out of date. */
static bool behind(struct sim *w, u32 vai, u32 page_no, u32 server)
{
	const struct eng_server_info *s = conf_server(w, server);
	struct amp_key key = key_of(w, vai, page_no);

	return s && server_version(w, server, &key) < s->stale_below;
}

/* And the engine waits for as many others with the page as the class calls for. */
static bool others_awaited(struct sim *w, const struct eng_vai_params *saved, u32 vai, u32 page_no,
			   u32 but)
{
	u32 need = saved->holes ? 0 : saved->degraded ? 1 : w->vai[vai].copies, i, n = 0;

	for (i = 0; i < w->mix.servers; i++)
		n += i != but && holds(w, i, vai, page_no, 1) && conf_server(w, i);
	return n >= need;
}

/*
 * A copy that is out of date, on a server that was away when it should have been
 * discarded: nobody knows that it is old once the engine has forgotten, unless that was kept, or
 * a newer one is told of (decision 0006, "what remains"). Not what was discarded: engctl has kept
 * since when.
 */
static void revive_stale(struct sim *w, const struct eng_vai_params *saved, u32 vai, u32 page_no,
			 bool given_up)
{
	struct amp_key key = key_of(w, vai, page_no);
	struct sim_page *p = page_of(w, vai, page_no);
	const u8 *data;
	u32 i, k;

	for (i = 0; i < w->mix.servers; i++) {
		if ((given_up && !w->sv[i].given_up) || !server_holds(w, i, &key, &data) ||
		    server_version(w, i, &key) < saved->discarded_below)
			continue;
		if (!given_up && behind(w, vai, page_no, i)) {
			p->doubted = true;
			w->revived = true;
			if (others_awaited(w, saved, vai, page_no, i))
				continue;
		}
		k = revive_unless_live(w, p, data, i);
		p->cand[k].uncut |= given_up;
	}
}

/* The page that a message carries as a whole. */
static bool under_way_page(const struct amp_hdr *h, const u8 *form, u8 *page)
{
	u32 off;

	if (h->nparts > 1 || h->part_len != h->form_len ||
	    ~anm_crc32c(~0u, form, h->form_len) != h->page_crc)
		return false;
	if (h->form == AMP_FORM_LZ4)
		return anm_lz4_unpack(page, form, h->form_len);
	if (ANM_PAGE_SIZE % h->form_len)
		return false;
	for (off = 0; off < ANM_PAGE_SIZE; off += h->form_len)
		memcpy(page + off, form, h->form_len);
	return true;
}

/*
 * The same before the server has it: a message that was given up long ago, of a session that
 * goes on until the new engine is heard of. In parts, those of partial WRITEs are not recognised.
 */
static void revive_under_way(struct sim *w, const struct sim_ev *ev)
{
	const struct eng_vai_params *saved;
	u8 page[ANM_PAGE_SIZE];
	struct amp_hdr h;
	struct anm_rec rec;
	u32 v, page_no;
	int rc;

	pkt_rec(w, ev->pkt, &rec);
	rc = amp_hdr_decode(&rec, &h);
	pkt_rec_free(&rec);
	if (rc || h.type != AMP_PAGE_OUT || h.part_len < AMP_FILL_LEN)
		return;
	for (v = 0; v < w->mix.vais; v++)
		if (w->vai[v].page && w->vai[v].vai_id == h.key.vai)
			break;
	page_no = (u32)(h.key.offset >> ANM_PAGE_SHIFT);
	if (v == w->mix.vais || page_no >= w->vai[v].npages)
		return;
	saved = conf_vai(w, w->vai[v].name);
	if (!saved || saved->unflushed || h.page_version < saved->discarded_below)
		return;
	if (under_way_page(&h, ev->pkt->buf + AMP_HDR_LEN, page)) {
		revive_unless_live(w, page_of(w, v, page_no), page, ev->who);
		return;
	}
	if (h.part_len < 16)
		return;
	oracle_fill(page, v, w->vai[v].life, page_no,
		    fill_gen(ev->pkt->buf + AMP_HDR_LEN, h.part_off));
	if (!memcmp(page + h.part_off, ev->pkt->buf + AMP_HDR_LEN, h.part_len))
		revive_unless_live(w, page_of(w, v, page_no), page, ev->who);
}

/*
 * A page is told from one that was never written by as many copies as the class calls
 * for, on servers that are waited for; by one if engctl has saved that copies may be
 * missing; by none if it has saved that pages are lost. What happened since the last save
 * is not known to the new engine: a page that went to a server which joined just then
 * can read as never written while that server is away.
 */
static void revive_initial(struct sim *w, const struct eng_vai_params *saved, u32 vai, u32 page_no)
{
	u32 need = saved->holes ? 0 : saved->degraded ? 1 : w->vai[vai].copies, i, n = 0;
	struct sim_page *p = page_of(w, vai, page_no);

	if (!p->gen || !only_written(p))
		return;
	for (i = 0; i < w->mix.servers; i++)
		n += holds(w, i, vai, page_no, 1) && conf_server(w, i);
	if (n < need)
		revive(w, p, page_no ? zeros : w->vai[vai].header, U32_MAX);
}

/*
 * Pages of it were perhaps in the engine alone, and are gone. Nobody can say which, so all count
 * as lost: whatever servers have of them must not be seen again.
 */
static void unflushed_gone(struct sim *w, u32 vai)
{
	u32 i;

	w->n.unflushed++;
	for (i = 0; i < w->vai[vai].npages; i++) {
		struct sim_page *p = page_of(w, vai, i);

		if (!p->gen)
			continue;
		note(w, p, "went with engine", w->elife, 0, 0);
		p->may_be_lost = true;
	}
}

void oracle_engine_gone(struct sim *w)
{
	u32 v, i;

	for (v = 0; v < w->mix.vais; v++) {
		const struct eng_vai_params *saved = conf_vai(w, w->vai[v].name);

		if (!w->vai[v].page || w->vai[v].state == VAI_DELETING || !saved)
			continue;
		w->vai[v].restored = true;
		if (saved->unflushed) {
			unflushed_gone(w, v);
			continue;
		}
		for (i = 0; i < w->vai[v].npages; i++) {
			revive_initial(w, saved, v, i);
			revive_stale(w, saved, v, i, false);
		}
	}
	for (i = 0; i < w->nheap; i++)
		if (w->heap[i].type == EV_AMP_TO_SERVER)
			revive_under_way(w, &w->heap[i]);
}

/*
 * A server that was removed by force, and comes back with its memory, may have pages that
 * were cut off in between: nobody could tell it (decision 0007). Only such a one may.
 */
void oracle_uncut(struct sim *w, u32 vai, u32 npages)
{
	struct eng_vai_params any = {.discarded_below =
					     conf_vai(w, w->vai[vai].name)->discarded_below};
	u32 i, old = w->vai[vai].npages;

	oracle_resized(w, vai, npages);
	for (i = old; i < npages; i++)
		revive_stale(w, &any, vai, i, true);
}

void oracle_told(struct sim *w)
{
	const struct eng_server_info *s;
	u32 i;

	w->told = w->gone + w->removed;
	w->told_lost = false;
	for (i = 0; i < w->mix.servers; i++) {
		s = conf_server(w, i);
		w->told_lost |= s && s->boot && (!w->sv[i].m || w->sv[i].m->boot != s->boot);
	}
	for (i = 0; i < w->mix.vais; i++) {
		const struct eng_vai_params *saved = conf_vai(w, w->vai[i].name);

		w->vai[i].holes = saved && (saved->holes || saved->unflushed);
	}
}

bool memories_lost(const struct sim *w)
{
	return w->told_lost || w->gone + w->removed != w->told;
}

/* One that is dead for good is waited for in vain. */
static bool servers_missing(struct sim *w)
{
	const struct eng_server *sv;
	u32 i, n = 0;

	for (i = 0; i < w->mix.servers; i++) {
		sv = eng_server_by_uuid(w->e, w->sv[i].cfg.server_uuid);
		n += sv && sv->awaited && w->sv[i].dead;
	}
	return w->e->recover.missing > n;
}

static bool doubted(struct sim *w, u32 vai, u32 page_no)
{
	u32 i;

	for (i = 0; i < w->mix.servers; i++)
		if (engine_doubts(w, i, w->vai[vai].name, page_no))
			return true;
	return false;
}

/* Every server has told: where the right page was found, nothing else can come. */
void oracle_recovered(struct sim *w)
{
	u32 v, i, k;

	if (!w->revived || engine_recovering(w) || servers_missing(w))
		return;
	w->revived = false;
	for (v = 0; v < w->mix.vais; v++) {
		for (i = 0; w->vai[v].page && i < w->vai[v].npages; i++) {
			struct sim_page *p = page_of(w, v, i);

			if (!known_elsewhere(w, SIM_SERVERS_MAX, v, i))
				continue;
			for (k = 0; k < p->n; k++)
				if (p->cand[k].revived && cand_live(&p->cand[k]))
					p->cand[k].removed = w->now;
			cand_purge(p);
			p->doubted &= doubted(w, v, i);
		}
	}
}
