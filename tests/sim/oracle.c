// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every page may hold. A page has candidates: the bytes of the last acknowledged
 * WRITE, of one in flight, of those that failed (they may have been carried out or not,
 * or be carried out later). A WRITE that is acknowledged ends all that are older; so does
 * a READ that returned something newer. A READ may return what was a candidate at any
 * moment while it was under way, and nothing else.
 */
#include "oracle.h"

#define WORDS  (ANM_PAGE_SIZE / 8)
#define SPREAD 0x9e3779b97f4a7c15ull
/* READs and WRITEs are put off while contents are given back: not for longer when all is calm. */
#define EMPTY_NS (20 * NS_PER_S)
/* What is lost is said at once (promise 8): within this of the engine's last hearing of the call. */
#define LOST_NS NS_PER_S

u8 zeros[ANM_PAGE_SIZE];

static u64 fill_id(u32 vai, u32 life, u32 page_no, u32 gen)
{
	return (u64)(vai + 1 + life * SIM_VAIS_MAX) << 56 | (u64)page_no << 32 | gen;
}

/* Words of a page that differ; the rest are all the same. By generation, as swapped pages are. */
static u32 fill_words(u32 page_no, u32 gen)
{
	u32 kind = (u32)((page_no * 7919ull + gen) * SPREAD >> 40);

	switch (kind % 8) {
	case 0: /* of zeros */
	case 1: /* of one word */
		return 0;
	case 2:
	case 3:
	case 4: /* packs, more or less well */
		return 1 + kind / 8 % WORDS;
	default:
		return WORDS;
	}
}

/* Each word tells what it is of and where it belongs: what is torn or shifted does not match. */
void oracle_fill(u8 *page, u32 vai, u32 life, u32 page_no, u32 gen)
{
	u64 id = fill_id(vai, life, page_no, gen);
	u32 i, differ = fill_words(page_no, gen);

	if (!differ && gen % 2)
		id = 0;
	for (i = 0; i < WORDS; i++)
		put_unaligned_be64(i < differ ? id ^ i * SPREAD : id, page + 8 * i);
}

u32 fill_gen(const u8 *data, u32 off)
{
	u32 word = (off + 7) / 8;

	return (u32)(get_unaligned_be64(data + word * 8 - off) ^ word * SPREAD);
}

struct sim_page *page_of(struct sim *w, u32 vai, u32 page_no)
{
	return &w->vai[vai].page[page_no];
}

void note(struct sim *w, struct sim_page *p, const char *what, u32 op, u32 gen, u32 stat)
{
	struct sim_note *n = &p->note[p->notes++ % SIM_HISTORY];

	n->at = w->now;
	n->what = what;
	n->op = op;
	n->gen = gen;
	n->stat = stat;
}

void oracle_history(struct sim *w, u32 vai, u32 page_no)
{
	const struct sim_page *p = page_of(w, vai, page_no);
	u32 i;

	printf("history of v%u p%u (client c%u, vai id %x), oldest first:\n", vai, page_no,
	       w->vai[vai].client, w->vai[vai].vai_id);
	for (i = p->notes > SIM_HISTORY ? p->notes - SIM_HISTORY : 0; i < p->notes; i++) {
		const struct sim_note *n = &p->note[i % SIM_HISTORY];

		printf("  %12.6f %-14s op %u gen %u stat %u\n", (double)n->at / 1e9, n->what, n->op,
		       n->gen, n->stat);
	}
	for (i = 0; i < p->n; i++)
		printf("  candidate gen %u%s\n", p->cand[i].gen,
		       p->cand[i].removed == SIM_NEVER ? "" : " (no more)");
}

/* ---- candidates ---- */

void cand_add(struct sim_page *p, u32 gen, u8 *data)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 2;
		p->cand = realloc(p->cand, p->cap * sizeof(*p->cand));
		if (!p->cand)
			abort();
	}
	p->cand[p->n].gen = gen;
	p->cand[p->n].removed = SIM_NEVER;
	p->cand[p->n].revived = false;
	p->cand[p->n].uncut = false;
	p->cand[p->n++].data = data;
}

bool cand_live(const struct sim_cand *c)
{
	return c->removed == SIM_NEVER;
}

void cand_purge(struct sim_page *p)
{
	u32 i, n = 0;

	if (p->readers)
		return;
	for (i = 0; i < p->n; i++) {
		if (cand_live(&p->cand[i]))
			p->cand[n++] = p->cand[i];
		else if (p->cand[i].data != zeros)
			free(p->cand[i].data);
	}
	p->n = n;
}

static void cand_end_older(struct sim *w, struct sim_page *p, u32 gen)
{
	u32 i;

	for (i = 0; i < p->n; i++)
		if (p->cand[i].gen < gen && cand_live(&p->cand[i]))
			p->cand[i].removed = w->now;
	cand_purge(p);
}

static u32 cand_count(const struct sim_page *p)
{
	u32 i, n = 0;

	for (i = 0; i < p->n; i++)
		n += cand_live(&p->cand[i]);
	return n;
}

u8 *page_copy(const u8 *from)
{
	u8 *data = malloc(ANM_PAGE_SIZE);

	if (!data)
		abort();
	if (from)
		memcpy(data, from, ANM_PAGE_SIZE);
	return data;
}

static void page_initial(struct sim *w, u32 vai, u32 page_no)
{
	struct sim_vai *v = &w->vai[vai];

	cand_add(&v->page[page_no], 0, page_no ? zeros : page_copy(v->header));
}

static void header_make(struct sim *w, u32 vai)
{
	struct sim_vai *v = &w->vai[vai];
	struct eng_export *x = eng_vai_by_name(w->e, v->name, (u32)strlen(v->name));

	memset(v->header, 0, sizeof(v->header));
	eng_swap_header(&x->vai, v->header);
}

void oracle_init(struct sim *w, u32 vai)
{
	struct sim_vai *v = &w->vai[vai];
	u32 i;

	v->page = calloc(SIM_FILE_PAGES_MAX, sizeof(*v->page));
	if (!v->page)
		abort();
	header_make(w, vai);
	v->restored = false;
	v->emptied = 0;
	for (i = 0; i < v->npages; i++)
		page_initial(w, vai, i);
}

/* Generations go on: what was there before is not taken for what comes. */
static void page_empty(struct sim_page *p)
{
	u32 k;

	for (k = 0; k < p->n; k++)
		if (p->cand[k].data != zeros)
			free(p->cand[k].data);
	p->n = 0;
	p->may_be_lost = false;
	p->moved = false;
	p->doubted = false;
	p->found = 0;
}

void oracle_emptied(struct sim *w, u32 vai)
{
	struct sim_vai *v = &w->vai[vai];
	u32 i;

	for (i = 0; i < v->npages; i++) {
		page_empty(&v->page[i]);
		page_initial(w, vai, i);
	}
}

/* The swap header that was never written is that of the new size. */
void oracle_resized(struct sim *w, u32 vai, u32 npages)
{
	struct sim_vai *v = &w->vai[vai];
	struct sim_page *p = &v->page[0];
	u8 old[ANM_PAGE_SIZE];
	u32 i;

	for (i = npages; i < v->npages; i++)
		page_empty(&v->page[i]);
	for (i = v->npages; i < npages; i++)
		page_initial(w, vai, i);
	memcpy(old, v->header, sizeof(old));
	header_make(w, vai);
	for (i = 0; i < p->n; i++)
		if (!p->cand[i].gen && !memcmp(p->cand[i].data, old, sizeof(old)))
			memcpy(p->cand[i].data, v->header, ANM_PAGE_SIZE);
}

void oracle_free(struct sim *w, u32 vai)
{
	struct sim_vai *v = &w->vai[vai];
	u32 i, k;

	for (i = 0; v->page && i < v->npages; i++) {
		for (k = 0; k < v->page[i].n; k++)
			if (v->page[i].cand[k].data != zeros)
				free(v->page[i].cand[k].data);
		free(v->page[i].cand);
	}
	free(v->page);
	v->page = NULL;
}

/* ---- pages of an operation ---- */

/* The @i-th page's share of it; false when there is none. */
bool op_span(const struct sim_op *op, u32 i, struct span *s)
{
	u64 page_no = (op->off >> ANM_PAGE_SHIFT) + i;
	u64 begin = max(op->off, page_no << ANM_PAGE_SHIFT);
	u64 end = min(op->off + op->want, (page_no + 1) << ANM_PAGE_SHIFT);

	if (begin >= end)
		return false;
	s->page_no = (u32)page_no;
	s->off = begin & ANM_PAGE_MASK;
	s->len = (u32)(end - begin);
	s->pos = (u32)(begin - op->off);
	return true;
}

bool oracle_may_write(const struct sim *w, u32 vai, u32 page_no, bool partial)
{
	const struct sim_page *p = &w->vai[vai].page[page_no];

	return !p->writing && cand_count(p) < (partial ? SIM_CANDS_PARTIAL : SIM_CANDS_MAX);
}

static void write_start(struct sim *w, struct sim_op *op, const struct span *s, u32 i)
{
	struct sim_page *p = page_of(w, op->vai, s->page_no);
	u32 n = p->n, k;
	u8 *data, fill[ANM_PAGE_SIZE];

	op->gen[i] = ++p->gen;
	p->writing = true;
	p->lost_copies = 0;
	note(w, p, "WRITE", op->idx, p->gen, 0);
	oracle_fill(fill, op->vai, op->life, s->page_no, p->gen);
	if (s->len == ANM_PAGE_SIZE) {
		cand_add(p, p->gen, page_copy(fill));
		return;
	}
	for (k = 0; k < n; k++) {
		if (!cand_live(&p->cand[k]))
			continue;
		data = page_copy(p->cand[k].data);
		memcpy(data + s->off, fill + s->off, s->len);
		cand_add(p, p->gen, data);
	}
}

void oracle_start(struct sim *w, struct sim_op *op)
{
	struct span s;
	u32 i;

	op->bad = w->e ? w->e->stats.pages_bad : 0;

	for (i = 0; op_span(op, i, &s); i++) {
		if (op->kind == OP_WRITE)
			write_start(w, op, &s, i);
		else
			page_of(w, op->vai, s.page_no)->readers++;
	}
}

/* ---- who holds it ---- */

struct amp_key key_of(const struct sim *w, u32 vai, u32 page_no)
{
	struct amp_key key = {
		.client = w->vai[vai].client_id,
		.vai = w->vai[vai].vai_id,
		.offset = (u64)page_no << ANM_PAGE_SHIFT,
	};

	return key;
}

static bool is_cand(const struct sim_page *p, u32 from, const u8 *data)
{
	u32 k;

	for (k = 0; k < p->n; k++)
		if (cand_live(&p->cand[k]) && p->cand[k].gen >= from &&
		    !memcmp(p->cand[k].data, data, ANM_PAGE_SIZE))
			return true;
	return false;
}

/* Does the server hold a candidate of generation @from or later? */
bool holds(struct sim *w, u32 server, u32 vai, u32 page_no, u32 from)
{
	struct amp_key key = key_of(w, vai, page_no);
	const u8 *data;

	return server_holds(w, server, &key, &data) &&
	       is_cand(page_of(w, vai, page_no), from, data);
}

bool dirty_holds(struct sim *w, u32 vai, u32 page_no, u32 from)
{
	const u8 *data = engine_dirty(w, w->vai[vai].name, page_no);

	return data && is_cand(page_of(w, vai, page_no), from, data);
}

static u32 copies(struct sim *w, u32 vai, u32 page_no, u32 from)
{
	u32 i, n = 0;

	for (i = 0; i < w->mix.servers; i++)
		n += holds(w, i, vai, page_no, from);
	return n;
}

/* Something that was written may still be read: gen 0 is what nobody has to hold. */
bool only_written(const struct sim_page *p)
{
	u32 k;

	for (k = 0; k < p->n; k++)
		if (cand_live(&p->cand[k]) && !p->cand[k].gen)
			return false;
	return true;
}

/*
 * The last one that a READ could be sent to. There may be more: of a write that went
 * elsewhere in the end, and the engine is about to have it discarded.
 */
bool known_elsewhere(struct sim *w, u32 but, u32 vai, u32 page_no)
{
	u32 i;

	if (dirty_holds(w, vai, page_no, 1))
		return true;
	for (i = 0; i < w->mix.servers; i++)
		if (i != but && engine_names(w, i, w->vai[vai].name, page_no) &&
		    holds(w, i, vai, page_no, 1))
			return true;
	return false;
}

/*
 * Copies differ: a restarted engine takes the newest, if only one server has that. Of the same
 * bytes in an older version it cannot know that they are the same.
 */
static bool copies_differ(struct sim *w, u32 vai, u32 page_no)
{
	struct amp_key key = key_of(w, vai, page_no);
	u64 version, first = 0;
	u32 i;

	for (i = 0; i < w->mix.servers; i++) {
		if (!holds(w, i, vai, page_no, 1))
			continue;
		version = server_version(w, i, &key);
		if (first && version != first)
			return true;
		first = version;
	}
	return false;
}

static bool last_known(struct sim *w, u32 server, u32 vai, u32 page_no)
{
	if (engine_recovering(w))
		return copies(w, vai, page_no, 1) == 1 || copies_differ(w, vai, page_no);
	return copies(w, vai, page_no, 1) == 1 || !known_elsewhere(w, server, vai, page_no);
}

/* What came back may look like what need not: a page of zeros that was cut off. */
static bool holds_revived(struct sim *w, u32 server, u32 vai, u32 page_no)
{
	const struct sim_page *p = page_of(w, vai, page_no);
	struct amp_key key = key_of(w, vai, page_no);
	const struct sim_cand *c;
	const u8 *data;
	u32 k;

	if (!server_holds(w, server, &key, &data))
		return false;
	for (k = 0; k < p->n; k++) {
		c = &p->cand[k];
		if (cand_live(c) && (c->revived || c->uncut) &&
		    !memcmp(c->data, data, ANM_PAGE_SIZE))
			return true;
	}
	return false;
}

/*
 * What came back though it was cut off or out of date (decisions 0006 and 0007) is the page for
 * the engine, which has no zeros to fall back on: with the memory that brought it the page is
 * lost, and a READ gets an error (promise 8). Only copies that the engine names could stand in;
 * while it still learns them, any that is right.
 */
static bool last_revived(struct sim *w, u32 server, u32 vai, u32 page_no)
{
	u32 i;

	if (!holds_revived(w, server, vai, page_no))
		return false;
	if (engine_recovering(w))
		return !copies(w, vai, page_no, 1);
	for (i = 0; i < w->mix.servers; i++)
		if (i != server && engine_names(w, i, w->vai[vai].name, page_no) &&
		    (holds(w, i, vai, page_no, 1) || holds_revived(w, i, vai, page_no)))
			return false;
	return true;
}

/* Without @server nothing is left that a READ could be answered with. */
static bool goes_with(struct sim *w, u32 server, u32 vai, u32 page_no)
{
	if (dirty_holds(w, vai, page_no, 1))
		return false;
	if (holds(w, server, vai, page_no, 1))
		return last_known(w, server, vai, page_no);
	return last_revived(w, server, vai, page_no);
}

/*
 * What is left of it is on servers that may be out of date, and another is lost that may have had
 * a newer copy.
 */
static bool doubt_lost(const struct sim *w, u32 vai, const struct sim_page *p)
{
	return p->doubted && w->vai[vai].restored && (w->vai[vai].holes || memories_lost(w));
}

void oracle_memory_going(struct sim *w, u32 server)
{
	u32 v, i;

	for (v = 0; v < w->mix.vais; v++) {
		for (i = 0; w->vai[v].page && i < w->vai[v].npages; i++) {
			struct sim_page *p = page_of(w, v, i);

			if (!p->gen ||
			    (!holds(w, server, v, i, 1) && !last_revived(w, server, v, i)))
				continue;
			if (p->writing && holds(w, server, v, i, p->gen))
				p->lost_copies++;
			note(w, p, "memory gone", server, 0, 0);
			if (goes_with(w, server, v, i))
				p->may_be_lost = true;
			/* That a dirty page is stored there may be about to be heard of, too. */
			else if (dirty_holds(w, v, i, 1) ||
				 !engine_names(w, server, w->vai[v].name, i))
				p->moved = true;
		}
	}
}

/*
 * The copy that it was moved to went down with a memory when the engine had not heard of it
 * yet: then it took that for the page, and had the one forgotten that it was moved from.
 */
bool page_lost(struct sim *w, u32 vai, u32 page_no)
{
	const struct sim_page *p = page_of(w, vai, page_no);

	return p->may_be_lost || doubt_lost(w, vai, p) ||
	       (p->moved && !known_elsewhere(w, SIM_SERVERS_MAX, vai, page_no));
}

/* If it comes back all the same, in a life that was told of others, it may be taken for out of date. */
void oracle_server_removed(struct sim *w, u32 server)
{
	u32 v, i;

	for (v = 0; v < w->mix.vais; v++) {
		for (i = 0; w->vai[v].page && i < w->vai[v].npages; i++) {
			struct sim_page *p = page_of(w, v, i);

			p->doubted |= holds(w, server, v, i, 1);
			if (!p->gen || !goes_with(w, server, v, i))
				continue;
			note(w, p, "server removed", server, 0, 0);
			p->may_be_lost = true;
		}
	}
}

void oracle_drained(struct sim *w, u32 server)
{
	u32 v, i;

	for (v = 0; v < w->mix.vais; v++) {
		for (i = 0; w->vai[v].page && i < w->vai[v].npages; i++) {
			struct sim_page *p = page_of(w, v, i);
			bool last = p->gen && only_written(p) && !p->may_be_lost &&
				    !doubt_lost(w, v, p) && holds(w, server, v, i, 1) &&
				    copies(w, v, i, 1) == 1 && !dirty_holds(w, v, i, 1);

			if (w->vai[v].state == VAI_DELETING ||
			    (!last && !engine_names(w, server, w->vai[v].name, i)))
				continue;
			oracle_history(w, v, i);
			sim_fail(w, "promise 9: s%u is drained and goes with v%u p%u", server, v,
				 i);
		}
	}
}

/* ---- what the engine says ---- */

/* It may be only in the engine if what is kept for the one after a crash says so. */
static bool left_dirty(struct sim *w, const struct sim_op *op, u32 page_no, u32 gen)
{
	const struct eng_vai_params *saved = conf_vai(w, w->vai[op->vai].name);

	return !op->unstable && saved && saved->unflushed && dirty_holds(w, op->vai, page_no, gen);
}

/* Promise 2: when WRITE's answer leaves, the copies are there. */
static void write_emitted(struct sim *w, struct sim_op *op)
{
	struct span s;
	u32 i, n;

	for (i = 0; op_span(op, i, &s); i++) {
		struct sim_page *p = page_of(w, op->vai, s.page_no);

		note(w, p, "answered", op->idx, op->gen[i], 0);
		n = copies(w, op->vai, s.page_no, op->gen[i]) + p->lost_copies;
		if (n >= w->vai[op->vai].copies || left_dirty(w, op, s.page_no, op->gen[i]))
			continue;
		/* One that was stored was read meanwhile, garbled on its way, and could not be replaced. */
		if (n && w->e->stats.pages_bad != (op->start < w->went ? 0 : op->bad))
			continue;
		oracle_history(w, op->vai, s.page_no);
		sim_fail(w,
			 "promise 2: WRITE %u of v%u p%u gen %u is acknowledged with %u of %u "
			 "copies",
			 op->idx, op->vai, s.page_no, op->gen[i], n, w->vai[op->vai].copies);
	}
}

/* Nothing went wrong since long before the operation began. */
static bool calm(const struct sim *w, const struct sim_op *op)
{
	u64 since = sim_calm_since(w);

	return since != SIM_NEVER && op->start > since;
}

void oracle_emitted(struct sim *w, struct sim_op *op, u32 stat)
{
	sim_say(w, "engine answers op %u: %u", op->idx, stat);
	if (op->foreign) {
		if (!stat)
			sim_fail(w, "promise 5: op %u of c%u on v%u of c%u succeeded", op->idx,
				 op->client, op->vai, w->vai[op->vai].client);
		return;
	}
	/* A late copy; its VAI is gone. */
	if (op->life != w->vai[op->vai].life || !w->vai[op->vai].page ||
	    w->vai[op->vai].state == VAI_DELETING)
		return;
	if (op->kind == OP_WRITE) {
		if (op->emitted && op->elife == w->elife && op->stat != stat)
			sim_fail(w, "promise 3: WRITE %u was answered %u, its duplicate %u",
				 op->idx, op->stat, stat);
		if (!op->beyond && !op->done && (!op->emitted || op->elife != w->elife) && !stat)
			write_emitted(w, op);
	}
	if (stat == NFS3ERR_IO && !op->emitted && calm(w, op) && w->now - op->taken > LOST_NS)
		sim_fail(w, "promise 8: op %u on v%u is told of a loss after %llu ms", op->idx,
			 op->vai, (w->now - op->taken) / NS_PER_MS);
	if (stat == NFS3ERR_NOSPC || stat == NFS3ERR_JUKEBOX)
		op->no_room = no_room(w, op);
	op->emitted = true;
	op->elife = w->elife;
	op->stat = stat;
}

static bool span_lost(struct sim *w, const struct sim_op *op)
{
	struct span s;
	u32 i;

	for (i = 0; op_span(op, i, &s); i++) {
		const struct sim_page *p = page_of(w, op->vai, s.page_no);

		if (page_lost(w, op->vai, s.page_no) || p->found >= op->start)
			return true;
	}
	return false;
}

/*
 * What was never written, or is lost, is an error for good (decision 0006) if engctl had saved
 * that pages are lost, or a memory that was to tell, or had told, is there no more.
 */
static bool span_unknown(struct sim *w, const struct sim_op *op)
{
	struct span s;
	u32 i;

	if (!w->vai[op->vai].restored || !(w->vai[op->vai].holes || memories_lost(w)))
		return false;
	for (i = 0; op_span(op, i, &s); i++)
		if (!only_written(page_of(w, op->vai, s.page_no)))
			return true;
	return false;
}

/* An error needs a reason. */
static void error_check(struct sim *w, struct sim_op *op, u32 stat)
{
	struct span s = {0};

	op_span(op, 0, &s);
	if (stat == NFS3ERR_JUKEBOX) {
		w->n.jukebox++;
		if (w->vai[op->vai].emptied &&
		    (!calm(w, op) || op->start < w->vai[op->vai].emptied + EMPTY_NS))
			return;
		/* Room is being made: servers are away, or the pool is lopsided. */
		if (op->kind == OP_WRITE &&
		    (!calm(w, op) || ((w->crashes || w->elife > 1) && op->no_room)))
			return;
		if (!sim_alloc_failures)
			sim_fail(w, "promise 10: op %u put off, and memory was never short",
				 op->idx);
		return;
	}
	if (stat == NFS3ERR_IO || (stat == NFS3ERR_NOSPC && op->kind == OP_WRITE)) {
		if (span_lost(w, op) || span_unknown(w, op) || !calm(w, op))
			return;
		/* What is left of the pool is too little, full of unknown pages, or lopsided for long. */
		if (stat == NFS3ERR_NOSPC && (w->crashes || w->elife > 1) && op->no_room)
			return;
		oracle_history(w, op->vai, s.page_no);
		sim_fail(w, "promise %s: op %u on v%u p%u fails with %u, nothing is wrong",
			 stat == NFS3ERR_NOSPC ? "4" : "8, 9", op->idx, op->vai, s.page_no, stat);
	}
	sim_fail(w, "promise 1: op %u on v%u p%u fails with %u", op->idx, op->vai, s.page_no, stat);
}

void oracle_write_done(struct sim *w, struct sim_op *op, u32 stat)
{
	struct span s;
	u32 i;

	if (stat) {
		w->n.failed++;
		error_check(w, op, stat);
	} else {
		w->n.acked++;
	}
	for (i = 0; op_span(op, i, &s); i++) {
		struct sim_page *p = page_of(w, op->vai, s.page_no);

		note(w, p, stat ? "failed" : "acknowledged", op->idx, op->gen[i], stat);
		p->writing = false;
		if (stat)
			continue;
		p->moved = false;
		p->doubted = false;
		cand_end_older(w, p, op->gen[i]);
		/* The memory may have gone between its answer and the engine's. */
		if (p->may_be_lost)
			p->found = w->now;
		p->may_be_lost = (p->may_be_lost || p->lost_copies) &&
				 !known_elsewhere(w, SIM_SERVERS_MAX, op->vai, s.page_no);
	}
}

static void wrong_bytes(struct sim *w, const struct sim_op *op, const struct span *s,
			const u8 *data)
{
	u32 first = (s->off + 7) / 8, at = first * 8 - s->off;
	u64 id = 0;

	if (at + 8 <= s->len)
		id = get_unaligned_be64(data + at) ^ first * SPREAD;
	oracle_history(w, op->vai, s->page_no);
	if (at + 8 <= s->len && !get_unaligned_be64(data + at))
		printf("the bytes are zeros\n");
	else if (id >> 56 && ((id >> 32) & 0xffffff) < SIM_FILE_PAGES_MAX)
		printf("the bytes begin as v%llu (life %llu) p%llu gen %llu\n",
		       ((id >> 56) - 1) % SIM_VAIS_MAX, ((id >> 56) - 1) / SIM_VAIS_MAX,
		       (id >> 32) & 0xffffff, id & U32_MAX);
	else
		printf("the bytes are nobody's\n");
	sim_fail(w, "promise 1: READ %u of v%u p%u (%u bytes at %u) returns what it must not",
		 op->idx, op->vai, s->page_no, s->len, s->off);
}

/* Which candidates are these bytes of? What they rule out is ended. */
static void span_read(struct sim *w, const struct sim_op *op, const struct span *s, const u8 *data)
{
	struct sim_page *p = page_of(w, op->vai, s->page_no);
	u32 least = U32_MAX, k;
	bool revived = false;

	for (k = 0; k < p->n; k++) {
		struct sim_cand *c = &p->cand[k];

		if (c->removed < op->start || memcmp(c->data + s->off, data, s->len))
			continue;
		/* Of those that match, one that needs no excuse. */
		revived = c->revived && (revived || least == U32_MAX);
		least = min(least, c->gen);
	}
	if (least == U32_MAX)
		wrong_bytes(w, op, s, data);
	w->n.revived += revived;
	note(w, p, revived ? "READ (revived)" : "READ", op->idx, least, 0);
	for (k = 0; k < p->n; k++) {
		struct sim_cand *c = &p->cand[k];

		/* What comes back with a new engine is not ruled out by an answer of the one before. */
		if (c->revived && op->elife != w->elife)
			continue;
		if (cand_live(c) && !(c->uncut && !least) &&
		    (c->gen < least || (c->gen == least && memcmp(c->data + s->off, data, s->len))))
			c->removed = w->now;
	}
}

void oracle_read_done(struct sim *w, struct sim_op *op, const struct sim_reply *r)
{
	u64 size = (u64)w->vai[op->vai].npages << ANM_PAGE_SHIFT;
	struct span s;
	u32 i;

	if (r->stat) {
		w->n.lost++;
		error_check(w, op, r->stat);
	} else if (r->count != op->want || r->eof != (op->off + op->want >= size)) {
		sim_fail(w, "promise 1: READ %u of %u bytes at %llu of %llu: %u bytes, eof %u",
			 op->idx, op->count, op->off, size, r->count, r->eof);
	}
	for (i = 0; op_span(op, i, &s); i++) {
		struct sim_page *p = page_of(w, op->vai, s.page_no);

		if (r->stat)
			note(w, p, "READ fails", op->idx, 0, r->stat);
		else
			span_read(w, op, &s, r->data + s.pos);
		p->readers--;
		cand_purge(p);
	}
}
