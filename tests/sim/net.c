// SPDX-License-Identifier: GPL-2.0-only
/* Events in the order of their time, and what is on its way. */
#include "../frags.h"
#include "sim.h"

#define TCP_DELAY_MAX_NS (2 * NS_PER_S) /* what is late is sent again, and all waits for it */

/* ---- events: a binary heap; equal times in the order in which they were pushed ---- */

static bool ev_before(const struct sim_ev *a, const struct sim_ev *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

void ev_push(struct sim *w, u64 at, u8 type, u8 who, u32 arg, struct sim_pkt *pkt)
{
	struct sim_ev ev = {.at = at, .type = type, .who = who, .arg = arg, .pkt = pkt};
	u32 i;

	if (w->nheap == w->heap_cap) {
		w->heap_cap = w->heap_cap ? 2 * w->heap_cap : 1024;
		w->heap = realloc(w->heap, w->heap_cap * sizeof(*w->heap));
		if (!w->heap)
			abort();
	}
	ev.seq = w->ev_seq++;
	for (i = w->nheap++; i && ev_before(&ev, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = ev;
}

struct sim_ev ev_pop(struct sim *w)
{
	struct sim_ev top = w->heap[0], last = w->heap[--w->nheap];
	u32 i = 0, c;

	while ((c = 2 * i + 1) < w->nheap) {
		if (c + 1 < w->nheap && ev_before(&w->heap[c + 1], &w->heap[c]))
			c++;
		if (!ev_before(&w->heap[c], &last))
			break;
		w->heap[i] = w->heap[c];
		i = c;
	}
	w->heap[i] = last;
	return top;
}

void ev_free_all(struct sim *w)
{
	while (w->nheap)
		free(w->heap[--w->nheap].pkt);
	free(w->heap);
	w->heap = NULL;
}

/* ---- packets ---- */

struct sim_pkt *pkt_new(u32 len)
{
	struct sim_pkt *pkt = malloc(sizeof(*pkt) + len);

	if (!pkt)
		abort();
	memset(pkt, 0, sizeof(*pkt));
	pkt->len = len;
	return pkt;
}

struct sim_pkt *pkt_of(const struct anm_out *out)
{
	struct sim_pkt *pkt = pkt_new(out->len);
	u32 n = out->head_len, i;

	memcpy(pkt->buf, out->head, n);
	for (i = 0; i < out->nfrags; i++) {
		const struct anm_frag *f = &out->frags[i];

		memcpy(pkt->buf + n, (u8 *)anm_page_data(f->page) + f->off, f->len);
		n += f->len;
	}
	pkt->to = out->to;
	return pkt;
}

static struct sim_pkt *pkt_copy(const struct sim_pkt *from)
{
	struct sim_pkt *pkt = pkt_new(from->len);

	memcpy(pkt, from, sizeof(*pkt) + from->len);
	return pkt;
}

static int rec_copy(const struct anm_rec *rec, u32 off, void *dst, u32 n)
{
	const struct sim_pkt *pkt = rec->ctx;

	if (off > pkt->len || n > pkt->len - off)
		return -EFAULT;
	memcpy(dst, pkt->buf + off, n);
	return 0;
}

/* In two pages, in no place of them in particular. */
static bool rec_share(const struct anm_rec *rec, u32 off, u32 n, struct anm_frags *frags)
{
	const struct sim_pkt *pkt = rec->ctx;

	return test_frags(frags, pkt->buf[off] * 16u, pkt->buf + off, n);
}

/* Now and then only the beginning is linear, in a buffer of just that size. */
void pkt_rec(struct sim *w, const struct sim_pkt *pkt, struct anm_rec *rec)
{
	memset(rec, 0, sizeof(*rec));
	rec->head = pkt->buf;
	rec->head_len = pkt->len;
	rec->len = pkt->len;
	rec->copy = rec_copy;
	rec->ctx = (void *)pkt;
	if (sim_chance(w, w->mix.nonlinear)) {
		u8 *head;

		rec->head_len = sim_below(w, min(pkt->len, 300u) + 1);
		head = malloc(rec->head_len ? rec->head_len : 1);
		if (!head)
			abort();
		memcpy(head, pkt->buf, rec->head_len);
		rec->head = head;
		rec->share = rec_share;
	}
}

void pkt_rec_free(struct anm_rec *rec)
{
	const struct sim_pkt *pkt = rec->ctx;

	if (rec->head != pkt->buf)
		free((void *)rec->head);
}

/* ---- the network ---- */

u64 net_delay(struct sim *w)
{
	const struct sim_mix *m = &w->mix;
	u64 d = m->delay_ns;

	if (w->calm_net)
		return d;
	if (m->jitter_ns)
		d += sim_rand(w) % m->jitter_ns;
	if (sim_chance(w, m->tail)) {
		/* Each doubling half as likely: many are late, few are very late. */
		u64 tail = m->tail_ns / 64;

		while (tail < m->tail_ns && sim_chance(w, 5000))
			tail *= 2;
		d += tail + sim_rand(w) % tail;
	}
	return d;
}

void net_say_amp(struct sim *w, const char *how, u32 server, bool to_server,
		 const struct sim_pkt *pkt)
{
	struct anm_rec rec;
	struct amp_hdr h;

	if (!w->trace)
		return;
	memset(&rec, 0, sizeof(rec));
	rec.head = pkt->buf;
	rec.head_len = pkt->len;
	rec.len = pkt->len;
	if (amp_hdr_decode(&rec, &h)) {
		sim_say(w, "amp %s s%u %s: garbled, %u bytes", to_server ? "to" : "from", server,
			how, pkt->len);
		return;
	}
	sim_say(w, "amp %s s%u %s: %s ses=%x ch=%d seq=%u %s part=%u/%u vai=%x p%llu v=%llx",
		to_server ? "to" : "from", server, how, amp_type_name(h.type), h.session,
		(s16)h.channel, h.seq, h.code ? amp_code_name(h.code) : "", h.part + 1, h.nparts,
		h.key.vai, h.key.offset >> ANM_PAGE_SHIFT, h.page_version);
}

static void amp_send(struct sim *w, struct sim_pkt *pkt, u32 server, bool to_server)
{
	const struct sim_server *sv = &w->sv[server];
	u64 at = w->now + net_delay(w);

	if (sv->slow_ns)
		at += sv->slow_ns / 2 + sim_rand(w) % sv->slow_ns;
	if (!w->calm_net && sim_chance(w, w->mix.garble)) {
		u32 bits = 1 + sim_below(w, 3);

		while (bits--)
			pkt->buf[sim_below(w, pkt->len)] ^= (u8)(1 << sim_below(w, 8));
	}
	ev_push(w, at, to_server ? EV_AMP_TO_SERVER : EV_AMP_TO_ENGINE, (u8)server, 0, pkt);
}

void net_amp(struct sim *w, struct sim_pkt *pkt, u32 server, bool to_server)
{
	const struct sim_server *sv = &w->sv[server];

	w->n.datagrams++;
	if ((sv->cut & (to_server ? 1 : 2)) || pkt->len + 28 > sv->path_mtu ||
	    (!w->calm_net && sim_chance(w, w->mix.loss))) {
		net_say_amp(w, "lost", server, to_server, pkt);
		free(pkt);
		return;
	}
	if (!w->calm_net && sim_chance(w, w->mix.dup))
		amp_send(w, pkt_copy(pkt), server, to_server);
	amp_send(w, pkt, server, to_server);
}

static void tcp_send(struct sim *w, struct sim_pkt *pkt, u32 client, bool to_engine)
{
	struct sim_client *c = &w->cl[client];
	u64 *last = to_engine ? &c->fifo_to : &c->fifo_from;
	u64 at = max(w->now, c->down_until) + min(net_delay(w), TCP_DELAY_MAX_NS);

	*last = max(*last, at);
	ev_push(w, *last, to_engine ? EV_RPC_TO_ENGINE : EV_RPC_TO_CLIENT, (u8)client, 0, pkt);
}

/* UDP has a checksum: what is garbled is lost. */
void net_rpc(struct sim *w, struct sim_pkt *pkt, u32 client, bool to_engine)
{
	u8 type = to_engine ? EV_RPC_TO_ENGINE : EV_RPC_TO_CLIENT;
	struct sim_client *c = &w->cl[client];

	w->n.datagrams++;
	if (c->tcp) {
		tcp_send(w, pkt, client, to_engine);
		return;
	}
	if (w->now < c->down_until ||
	    (!w->calm_net && sim_chance(w, w->mix.loss + w->mix.garble))) {
		sim_say(w, "rpc %s c%u lost: xid=%x", to_engine ? "from" : "to", client,
			get_unaligned_be32(pkt->buf));
		free(pkt);
		return;
	}
	if (!w->calm_net && sim_chance(w, w->mix.dup))
		ev_push(w, w->now + net_delay(w), type, (u8)client, 0, pkt_copy(pkt));
	ev_push(w, w->now + net_delay(w), type, (u8)client, 0, pkt);
}
