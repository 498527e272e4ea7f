// SPDX-License-Identifier: GPL-2.0-only
#include "server.h"

/* ---- sending ---- */

static void xfer_header(const struct eng_xfer *xf, struct amp_hdr *h)
{
	memset(h, 0, sizeof(*h));
	h->protocol = AMP_VERSION;
	h->type = xf->type;
	h->nparts = 1;
	h->channel = xf->channel;
	h->seq = xf->seq;
	h->session = xf->sv->session;
	h->key = xf->key;
	h->page_version = xf->version;
}

static void xfer_send_page(struct engine *e, const struct eng_xfer *xf, struct amp_hdr *h)
{
	const struct eng_server *sv = xf->sv;
	u32 part, nparts = amp_nparts(sv->mtu, xf->form_len);

	h->page_crc = xf->crc;
	h->form = xf->form;
	h->form_len = xf->form_len;
	for (part = 0; part < nparts; part++) {
		struct anm_out *out;

		amp_part_cut(h, sv->mtu, (u8)part);
		out = eng_amp_make(e, &sv->peer, h, NULL, 1);
		if (!out)
			return; /* as if lost on the way: it is sent again */
		anm_out_add_page(out, xf->page, h->part_off, h->part_len);
		eng_out_queue(e, out);
	}
}

/* Only the first transmission: what is lost of it, the engine makes good itself. */
static u16 xfer_split(struct engine *e, struct eng_xfer *xf, u8 *buf)
{
	const struct eng_server *sv = xf->sv;
	u16 len = 0;

	if (xf->split && sv->splits && sv->state == ENG_SERVER_LIVE)
		len = xf->split(e, xf, buf);
	xf->split = NULL;
	xf->splits = len;
	return len;
}

static void xfer_transmit(struct engine *e, struct eng_xfer *xf)
{
	u8 split[AMP_SPLIT_LEN_MAX];
	struct amp_hdr h;
	struct anm_out *out;

	xf->tries++;
	xf->sent_ns = e->now;
	xf->spared = false;
	xf->slow_due = xf->slow && xf->tries == 1;
	wheel_arm(&e->servers->wheel, &xf->timer, e->now,
		  e->now + (xf->slow_due ? min(xf->slow_ns, xf->rto_ns) : xf->rto_ns));
	xfer_header(xf, &h);
	if (xf->type == AMP_PAGE_OUT) {
		xfer_send_page(e, xf, &h);
		return;
	}
	h.part_len = xfer_split(e, xf, split);
	out = eng_amp_make(e, &xf->sv->peer, &h, split, 0);
	if (out)
		eng_out_queue(e, out);
}

static void xfer_resend(struct engine *e, struct eng_xfer *xf)
{
	struct eng_server *sv = xf->sv;

	/* Another message, to which ACK is no answer. */
	if (xf->splits && !xf->renew) {
		eng_window_lost(&sv->win, xf->seq_ns, e->now);
		xf->renew = true;
	}
	if (xf->renew) {
		xf->renew = false;
		xf->resent = false;
		xf->parts = 0;
		xf->seq = ++sv->chan[xf->channel].seq;
		xf->seq_ns = e->now;
	} else {
		if (!xf->resent)
			xf->cut = eng_window_lost(&sv->win, xf->seq_ns, e->now);
		xf->resent = true;
	}
	sv->retransmits++;
	e->stats.amp_retransmits++;
	xfer_transmit(e, xf);
}

/* ---- channels ---- */

static void xfer_channels_reset(struct eng_server *sv)
{
	u16 i;

	for (i = 0; i < sv->channels; i++)
		sv->chan[i] = (struct eng_channel){.next_free = (u16)(i + 1)};
	if (i)
		sv->chan[i - 1].next_free = ENG_SLOT_NONE;
	sv->free_chan = sv->channels ? 0 : ENG_SLOT_NONE;
}

/* The urgent first, but the others are not to starve. */
static struct eng_xfer *xfer_next(struct eng_server *sv)
{
	bool others = !list_empty(&sv->queue);

	if (!list_empty(&sv->urgent) && (!others || sv->urgent_run < XFER_URGENT_RUN)) {
		sv->urgent_run = others ? sv->urgent_run + 1 : 0;
		return list_first_entry(&sv->urgent, struct eng_xfer, link);
	}
	sv->urgent_run = 0;
	return list_first_entry_or_null(&sv->queue, struct eng_xfer, link);
}

static void xfer_pump(struct engine *e, struct eng_server *sv)
{
	while (sv->free_chan != ENG_SLOT_NONE && sv->in_flight < sv->win.cwnd) {
		struct eng_xfer *xf = xfer_next(sv);
		struct eng_channel *ch = &sv->chan[sv->free_chan];

		if (!xf)
			break;
		eng_window_send(&sv->win, sv->in_flight, e->now);
		xf->channel = sv->free_chan;
		sv->free_chan = ch->next_free;
		ch->xf = xf;
		xf->seq = ++ch->seq;
		xf->state = XFER_FLIGHT;
		list_move_tail(&xf->link, &sv->flight);
		sv->queued--;
		sv->in_flight++;
		xf->first_ns = e->now;
		xf->seq_ns = e->now;
		xf->rto_ns = sv->win.rto_ns;
		xfer_transmit(e, xf);
	}
}

/* Off the queue, channel or list that it is on. */
static void xfer_detach(struct engine *e, struct eng_xfer *xf)
{
	struct eng_server *sv = xf->sv;

	list_del(&xf->link);
	switch (xf->state) {
	case XFER_QUEUED:
		sv->queued--;
		break;
	case XFER_FLIGHT:
		wheel_disarm(&e->servers->wheel, &xf->timer);
		sv->chan[xf->channel].xf = NULL;
		sv->chan[xf->channel].next_free = sv->free_chan;
		sv->free_chan = xf->channel;
		sv->in_flight--;
		break;
	}
	sv->nxfers--;
	xf->state = XFER_IDLE;
}

void eng_xfer_start(struct engine *e, struct eng_server *sv, struct eng_xfer *xf)
{
	xf->sv = sv;
	xf->state = XFER_QUEUED;
	xf->tries = 0;
	xf->parts = 0;
	xf->renew = false;
	xf->resent = false;
	xf->splits = false;
	xf->answered = false;
	if (xf->type == AMP_PAGE_OUT)
		sv->sent_version = max(sv->sent_version, xf->version);
	list_add_tail(&xf->link, xf->urgent ? &sv->urgent : &sv->queue);
	sv->nxfers++;
	sv->queued++;
	xfer_pump(e, sv);
}

void eng_xfer_cancel(struct engine *e, struct eng_xfer *xf)
{
	if (xf->state != XFER_IDLE)
		xfer_detach(e, xf);
}

void eng_xfer_pump(struct engine *e, struct eng_server *sv)
{
	if (eng_server_usable(sv))
		xfer_pump(e, sv);
}

static void xfer_finish(struct engine *e, struct eng_xfer *xf, enum xfer_result res)
{
	struct eng_server *sv = xf->sv;

	xfer_detach(e, xf);
	if (eng_server_usable(sv))
		xfer_pump(e, sv);
	xf->done(e, xf, res); /* @xf may be no more */
}

static void xfer_fail_list(struct engine *e, struct list_head *list, enum xfer_result res,
			   bool patient_too)
{
	struct eng_xfer *xf, *next;

	list_for_each_entry_safe(xf, next, list, link) {
		if (xf->patient && !patient_too)
			continue;
		xfer_detach(e, xf);
		xf->sv->nxfers++;
		xf->state = XFER_FAILING;
		xf->result = res;
		list_add_tail(&xf->link, &e->servers->failing);
	}
}

static void xfer_fail(struct engine *e, struct eng_server *sv, enum xfer_result res,
		      bool patient_too)
{
	xfer_fail_list(e, &sv->flight, res, patient_too);
	xfer_fail_list(e, &sv->urgent, res, patient_too);
	xfer_fail_list(e, &sv->queue, res, patient_too);
}

void eng_xfer_fail_all(struct engine *e, struct eng_server *sv, enum xfer_result res)
{
	xfer_fail(e, sv, res, true);
}

void eng_xfer_session(struct engine *e, struct eng_server *sv)
{
	struct eng_xfer *xf;

	/* From the last to the first, each to the front: they go before those that wait. */
	while (!list_empty(&sv->flight)) {
		xf = list_last_entry(&sv->flight, struct eng_xfer, link);
		list_move(&xf->link, xf->urgent ? &sv->urgent : &sv->queue);
		wheel_disarm(&e->servers->wheel, &xf->timer);
		xf->state = XFER_QUEUED;
		xf->tries = 0;
		xf->parts = 0;
		xf->renew = false;
		xf->resent = false;
	}
	sv->queued += sv->in_flight;
	sv->in_flight = 0;
	eng_window_reset(&sv->win, sv->channels);
	xfer_channels_reset(sv);
	xfer_pump(e, sv);
}

/* ---- answers ---- */

static void xfer_spurious(struct engine *e, struct eng_server *sv, u32 cut, u64 rtt)
{
	sv->spurious++;
	e->stats.amp_spurious++;
	eng_window_spurious(&sv->win, cut, rtt, e->now);
}

/*
 * It is done. An answer does not tell which transmission it answers; one that comes too
 * soon for the last is that of one before. Otherwise time will tell: when the same answer
 * comes once more, the last transmission was for nothing.
 */
static void xfer_answered(struct engine *e, struct eng_xfer *xf)
{
	struct eng_server *sv = xf->sv;
	struct eng_channel *ch = &sv->chan[xf->channel];
	u64 rtt = e->now - xf->seq_ns;

	if (!xf->resent) {
		eng_window_sample(&sv->win, rtt, e->now);
	} else if (eng_window_early(&sv->win, e->now - xf->sent_ns)) {
		xfer_spurious(e, sv, xf->cut, rtt);
	} else {
		ch->resent_seq = xf->seq;
		ch->resent_cut = xf->cut;
		ch->resent_ns = rtt;
	}
	eng_window_answered(&sv->win, sv->in_flight);
	if (xf->type == AMP_PAGE_IN && xf->urgent)
		eng_lag_add(&sv->lag, e->now - xf->first_ns);
}

/*
 * Of a page in parts only the first counts: when that one came late for the first answer,
 * the others did for the second.
 */
static void xfer_late(struct engine *e, struct eng_server *sv, const struct amp_hdr *h)
{
	struct eng_channel *ch = h->channel < sv->channels ? &sv->chan[h->channel] : NULL;

	e->stats.amp_late++;
	if (!ch || h->part || !h->seq || ch->resent_seq != h->seq)
		return;
	ch->resent_seq = 0;
	xfer_spurious(e, sv, ch->resent_cut, ch->resent_ns);
}

static void xfer_refused(struct engine *e, struct eng_xfer *xf, const struct amp_hdr *h)
{
	xf->sv->nacks++;
	xf->code = h->code;
	xf->got_version = h->page_version;
	switch (h->code) {
	case AMP_E_CRC: /* garbled on the way there */
		e->stats.amp_crc++;
		xf->sv->crc_errors++;
		fallthrough;
	case AMP_E_NOMEM:
		/* The same number again would get the same answer again. */
		xf->renew = true;
		if (h->code == AMP_E_CRC && xf->tries < ENG_XFER_TRIES_MAX)
			xfer_resend(e, xf);
		return;
	case AMP_E_SESSION:
		return; /* it will say HELLO */
	}
	xfer_finish(e, xf, XFER_REFUSED);
}

/* Of the same answer as the parts that are in? */
static bool xfer_same_page(const struct eng_xfer *xf, const struct amp_hdr *h)
{
	return h->page_version == xf->got_version && h->page_crc == xf->crc &&
	       h->form == xf->form && h->form_len == xf->form_len;
}

/* A part's bytes: all of a raw page may be left where they are. */
static bool xfer_take(struct eng_xfer *xf, const struct amp_hdr *h, const struct anm_rec *rec)
{
	if (xf->frags && h->form == AMP_FORM_RAW && h->nparts == 1 &&
	    anm_rec_share(rec, AMP_HDR_LEN, h->part_len, xf->frags))
		return true;
	return !WARN_ON_ONCE(anm_page_shared(xf->page)) &&
	       !anm_rec_copy(rec, AMP_HDR_LEN, (u8 *)anm_page_data(xf->page) + h->part_off,
			     h->part_len);
}

static u32 xfer_crc(const struct eng_xfer *xf)
{
	if (xf->frags && xf->frags->n)
		return ~anm_frags_crc32c(~0u, xf->frags);
	return ~anm_crc32c(~0u, anm_page_data(xf->page), xf->form_len);
}

static void xfer_page(struct engine *e, struct eng_xfer *xf, const struct amp_hdr *h,
		      const struct anm_rec *rec)
{
	if (!amp_part_valid(h, xf->sv->mtu)) {
		e->stats.amp_malformed++;
		return;
	}
	if (h->page_version < xf->version) {
		xf->code = AMP_E_NOENT;
		xf->got_version = h->page_version;
		xfer_finish(e, xf, XFER_REFUSED);
		return;
	}
	/* Two answers to one question may differ: a page is made of parts of one of them. */
	if (xf->parts && !xfer_same_page(xf, h)) {
		if (h->page_version < xf->got_version) {
			e->stats.amp_late++;
			return;
		}
		xf->parts = 0;
	}
	if (xf->parts & BIT(h->part)) {
		e->stats.amp_late++;
		return;
	}
	if (!xfer_take(xf, h, rec)) {
		e->stats.amp_malformed++;
		return;
	}
	xf->got_version = h->page_version;
	xf->crc = h->page_crc;
	xf->form = h->form;
	xf->form_len = h->form_len;
	xf->parts |= BIT(h->part);
	if (xf->parts != BIT(h->nparts) - 1)
		return;
	xfer_answered(e, xf);
	if (xfer_crc(xf) != xf->crc) {
		if (xf->frags)
			anm_frags_put(xf->frags);
		e->stats.amp_crc++;
		xf->sv->crc_errors++;
		xfer_finish(e, xf, XFER_CRC);
		return;
	}
	xf->sv->pages_in++;
	e->stats.pages_read++;
	xfer_finish(e, xf, XFER_OK);
}

static void xfer_acked(struct engine *e, struct eng_xfer *xf, const struct amp_hdr *h)
{
	if (xf->type == AMP_PAGE_IN && (h->code || h->page_version != xf->version)) {
		e->stats.amp_malformed++;
		return;
	}
	xfer_answered(e, xf);
	xf->code = h->code;
	xf->got_version = h->page_version;
	if (xf->type == AMP_PAGE_OUT) {
		xf->sv->pages_out++;
		e->stats.pages_written++;
	} else if (xf->type == AMP_PAGE_IN) {
		xf->sv->pages_in++;
		xf->answered = true;
	}
	xfer_finish(e, xf, XFER_OK);
}

static void xfer_listed(struct engine *e, struct eng_xfer *xf, const struct amp_hdr *h,
			const struct anm_rec *rec)
{
	xfer_answered(e, xf);
	xf->code = h->code;
	xf->got_version = h->page_version;
	xf->list = rec;
	xf->list_len = h->part_len;
	xfer_finish(e, xf, XFER_OK);
}

static bool xfer_answers(const struct eng_xfer *xf, u8 type)
{
	if (type == AMP_NACK)
		return true;
	if (xf->type == AMP_PAGE_IN)
		return type == AMP_PAGE || (xf->splits && type == AMP_ACK);
	return type == (xf->type == AMP_INVENTORY ? AMP_INVENTORY_LIST : AMP_ACK);
}

static bool xfer_key_equal(const struct amp_key *a, const struct amp_key *b)
{
	return a->client == b->client && a->vai == b->vai && a->offset == b->offset;
}

void eng_xfer_answer(struct engine *e, struct eng_server *sv, const struct amp_hdr *h,
		     const struct anm_rec *rec)
{
	struct eng_xfer *xf = h->channel < sv->channels ? sv->chan[h->channel].xf : NULL;

	if (!xf || xf->seq != h->seq) {
		xfer_late(e, sv, h);
		return;
	}
	if (!xfer_key_equal(&xf->key, &h->key) || !xfer_answers(xf, h->type)) {
		e->stats.amp_malformed++;
		return;
	}
	if (xf->renew) { /* a second copy of the refusal */
		e->stats.amp_late++;
		return;
	}
	eng_server_answered(e, sv);
	if (h->type == AMP_NACK)
		xfer_refused(e, xf, h);
	else if (h->type == AMP_PAGE)
		xfer_page(e, xf, h, rec);
	else if (h->type == AMP_INVENTORY_LIST)
		xfer_listed(e, xf, h, rec);
	else
		xfer_acked(e, xf, h);
}

/* ---- time ---- */

/*
 * Not a word from this server while others answer: it is not the engine's own doing. A client
 * that swaps cannot wait long for its WRITEs; Linux kills when none ends for seconds.
 */
static bool xfer_silent(const struct engine *e, const struct eng_xfer *xf)
{
	const struct eng_servers *ss = e->servers;
	u32 i;

	if (e->now - xf->first_ns < ENG_SILENT_NS || xf->sv->answer_ns > xf->first_ns)
		return false;
	for (i = 0; i < ss->nslots; i++)
		if (eng_server_usable(ss->slot[i]) && ss->slot[i]->answer_ns > xf->first_ns)
			return true;
	return false;
}

static void xfer_timeout(struct engine *e, struct eng_xfer *xf)
{
	struct eng_server *sv = xf->sv;
	bool silent = !xf->patient && xfer_silent(e, xf);

	/* The answer may have come meanwhile, and be next to be looked at. */
	if (e->now - xf->timer.due_ns > XFER_STALL_NS && !xf->spared) {
		xf->spared = true;
		wheel_arm(&e->servers->wheel, &xf->timer, e->now, e->now + XFER_STALL_NS);
		return;
	}
	if (xf->slow_due) {
		xf->slow_due = false;
		wheel_arm(&e->servers->wheel, &xf->timer, e->now, xf->sent_ns + xf->rto_ns);
		xf->slow(e, xf);
		return;
	}
	if (xf->tries < ENG_XFER_TRIES_MAX && !silent) {
		xf->rto_ns = min(2 * xf->rto_ns, (u64)WIN_RTO_MAX_NS);
		eng_window_backoff(&sv->win, xf->rto_ns);
		xfer_resend(e, xf);
		return;
	}
	sv->timeouts++;
	e->stats.amp_timeouts++;
	eng_server_suspect(e, sv);
	/* Nothing at all was answered meanwhile: what waits behind would fare no better. */
	if (sv->answer_ns <= xf->first_ns)
		xfer_fail(e, sv, XFER_TIMEOUT, !silent);
	else
		xfer_finish(e, xf, XFER_TIMEOUT);
}

void eng_xfer_tick(struct engine *e)
{
	struct eng_servers *ss = e->servers;
	struct wheel_timer *t;
	u32 n;

	for (n = 0; n < ENG_TICK_XFERS_MAX && !list_empty(&ss->failing); n++) {
		struct eng_xfer *xf = list_first_entry(&ss->failing, struct eng_xfer, link);

		xfer_detach(e, xf);
		xf->done(e, xf, xf->result);
	}
	for (n = 0; n < ENG_TICK_XFERS_MAX; n++) {
		t = wheel_expire(&ss->wheel, e->now);
		if (!t)
			break;
		xfer_timeout(e, container_of(t, struct eng_xfer, timer));
	}
}

u64 eng_xfer_due(struct engine *e, u64 max)
{
	if (!list_empty(&e->servers->failing))
		return 0;
	return wheel_next(&e->servers->wheel, e->now, max);
}
