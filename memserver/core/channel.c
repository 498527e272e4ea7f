// SPDX-License-Identifier: GPL-2.0-only
/*
 * Channels: stop-and-wait lanes. A sequence number is carried out once; the
 * same again gets the same answer again, a lower one nothing (promise 3). The
 * parts of a page come together in a buffer of their own, which goes to the
 * store only when the whole agrees with its CRC, so that no page
 * is ever torn (promise 1).
 */
#include "priv.h"

static void channel_drop_parts(struct memserver *m, struct mem_channel *ch)
{
	if (ch->buf)
		store_buffer_free(m->store, ch->buf);
	ch->buf = NULL;
}

void mem_channels_reset(struct memserver *m)
{
	u16 i;

	for (i = 0; i < m->cfg.channels; i++) {
		channel_drop_parts(m, &m->ch[i]);
		memset(&m->ch[i], 0, sizeof(m->ch[i]));
	}
}

static struct amp_hdr channel_answer_hdr(struct memserver *m, const struct mem_channel *ch)
{
	struct amp_hdr h = {
		.protocol = AMP_VERSION,
		.nparts = 1,
		.channel = (u16)(ch - m->ch),
		.seq = ch->seq,
		.session = m->session,
		.key = ch->key,
	};

	return h;
}

/* Say again, or for the first time, what became of the message. */
static void channel_answer(struct memserver *m, struct mem_channel *ch, const struct anm_peer *to)
{
	struct amp_hdr h = channel_answer_hdr(m, ch);

	/* a discard that is to be continued was carried out as far as it went */
	h.type = ch->code == AMP_OK || ch->code == AMP_E_MORE ? AMP_ACK : AMP_NACK;
	h.code = ch->code;
	h.page_version = ch->answer_version;
	mem_out_header(m, to, &h);
}

static void channel_done(struct memserver *m, struct mem_channel *ch, const struct anm_peer *to,
			 u16 code, u64 version)
{
	ch->state = MEM_CH_DONE;
	ch->code = code;
	ch->answer_version = version;
	channel_answer(m, ch, to);
}

/* Does it look a page up? */
static bool type_wants_page(u8 type)
{
	return type == AMP_PAGE_IN || type == AMP_PAGE_OUT;
}

static void channel_begin(struct memserver *m, struct mem_channel *ch, const struct amp_hdr *h)
{
	channel_drop_parts(m, ch);
	ch->seq = h->seq;
	ch->state = MEM_CH_PARTS;
	ch->type = h->type;
	ch->nparts = h->nparts;
	ch->parts = 0;
	ch->split = false;
	ch->crc = h->page_crc;
	ch->form = h->form;
	ch->form_len = h->form_len;
	ch->version = h->page_version;
	ch->key = h->key;
}

/* ---- page out: engine -> store ---- */

/* @crc: of what is in the buffer */
static void channel_store(struct memserver *m, struct mem_channel *ch, const struct anm_peer *to,
			  u32 crc)
{
	struct store_page page = {
		.version = ch->version,
		.crc = ch->crc,
		.form = ch->form,
		.len = ch->form_len,
	};
	u64 have;
	u16 code;

	if (crc != ch->crc) {
		m->stats.crc_refused++;
		channel_drop_parts(m, ch);
		channel_done(m, ch, to, AMP_E_CRC, 0);
		return;
	}
	code = store_put(m->store, &ch->key, &page, &ch->buf, &have);
	channel_drop_parts(m, ch);
	if (code == AMP_OK) {
		m->stats.pages_stored++;
		/* It is used again, which the next HEARTBEAT_ACK will say. */
		if (m->sign == AMP_E_DRAINED)
			m->sign = AMP_OK;
	} else if (code == AMP_E_STALE) {
		m->stats.stale_refused++;
	} else if (code == AMP_E_FULL) {
		m->stats.full_refused++;
	}
	channel_done(m, ch, to, code, have);
}

/*
 * All of a raw page, in memory that nobody writes to: it is summed there, and not looked at
 * again when it has been put away. Return: false if it has to be copied first.
 */
static bool channel_put_away(struct mem_channel *ch, const struct amp_hdr *h,
			     const struct anm_rec *rec, u32 *crc)
{
	struct anm_frags frags;
	u8 *to = ch->buf;
	u32 i;

	if (h->form != AMP_FORM_RAW || h->nparts > 1 ||
	    !anm_rec_share(rec, AMP_HDR_LEN, h->part_len, &frags))
		return false;
	*crc = ~anm_frags_crc32c(~0u, &frags);
	for (i = 0; i < frags.n; i++) {
		const struct anm_frag *f = &frags.frag[i];

		anm_copy_away(to, (u8 *)anm_page_data(f->page) + f->off, f->len);
		to += f->len;
	}
	anm_frags_put(&frags);
	return true;
}

static void channel_page_out(struct memserver *m, struct mem_channel *ch,
			     const struct anm_peer *from, const struct amp_hdr *h,
			     const struct anm_rec *rec)
{
	u32 crc;

	if (!store_key_valid(&h->key)) {
		channel_done(m, ch, from, AMP_E_INVAL, 0);
		return;
	}
	if (!ch->buf)
		ch->buf = store_buffer(m->store);
	if (WARN_ON_ONCE(!ch->buf)) {
		m->stats.no_memory++;
		return;
	}
	store_prefetch_entry(m->store, &h->key);
	if (channel_put_away(ch, h, rec, &crc)) {
		channel_store(m, ch, from, crc);
		return;
	}
	if (anm_rec_copy(rec, AMP_HDR_LEN, (u8 *)ch->buf + h->part_off, h->part_len)) {
		m->stats.malformed++;
		return;
	}
	ch->parts |= (u8)(1u << h->part);
	if (ch->parts == (1u << h->nparts) - 1)
		channel_store(m, ch, from, ~anm_crc32c(~0u, ch->buf, ch->form_len));
}

/* ---- page in: store -> engine ---- */

static struct anm_out *channel_page_part(struct memserver *m, const struct anm_peer *to,
					 struct amp_hdr *h, struct anm_page *page, u8 part)
{
	struct anm_out *out = mem_out_new(m, to, AMP_HDR_LEN, 1);

	if (!out)
		return NULL;
	amp_part_cut(h, m->mtu, part);
	amp_hdr_encode(out->head, h);
	anm_out_add_page(out, page, h->part_off, h->part_len);
	return out;
}

struct anm_page *mem_page_share(struct memserver *m, const struct store_page *sp)
{
	struct anm_page *page = store_lend(m->store, sp);

	if (page)
		return page;
	page = anm_page_alloc();
	if (page)
		memcpy(anm_page_data(page), sp->bytes, sp->len);
	else
		m->stats.no_memory++;
	return page;
}

/* A part that cannot be had is left out: the engine asks again. */
static void channel_page_send(struct memserver *m, struct mem_channel *ch,
			      const struct anm_peer *to, const struct store_page *sp)
{
	struct amp_hdr h = channel_answer_hdr(m, ch);
	struct anm_page *page = mem_page_share(m, sp);
	u8 part, nparts = (u8)amp_nparts(m->mtu, sp->len);
	struct anm_out *out;

	if (!page)
		return;
	h.type = AMP_PAGE;
	h.page_version = sp->version;
	h.page_crc = sp->crc;
	h.form = sp->form;
	h.form_len = sp->len;
	for (part = 0; part < nparts; part++) {
		out = channel_page_part(m, to, &h, page, part);
		if (!out)
			break;
		mem_out_queue(m, out);
	}
	if (part == nparts)
		m->stats.pages_served++;
	anm_page_put(page);
}

/* @split: how to answer the client itself, or NULL; with no other version than the one named. */
static void channel_page_in(struct memserver *m, struct mem_channel *ch,
			    const struct anm_peer *from, const struct amp_split *split)
{
	struct store_page sp = {.version = 0};

	ch->state = MEM_CH_DONE;
	if (!store_key_valid(&ch->key)) {
		channel_done(m, ch, from, AMP_E_INVAL, 0);
		return;
	}
	if (!store_get(m->store, &ch->key, &sp) || sp.version < ch->version) {
		m->stats.absent++;
		channel_done(m, ch, from, AMP_E_NOENT, sp.version);
		return;
	}
	if (split && sp.version == ch->version && mem_split_reply(m, split, &sp)) {
		ch->split = true;
		channel_done(m, ch, from, AMP_OK, sp.version);
		return;
	}
	channel_page_send(m, ch, from, &sp);
}

/* ---- discards ---- */

static void channel_discard(struct memserver *m, struct mem_channel *ch,
			    const struct anm_peer *from)
{
	u64 have = 0, before = store_pages(m->store);
	u16 code = AMP_E_INVAL;

	if (store_key_valid(&ch->key))
		code = store_discard(m->store, &ch->key, ch->version, &have);
	m->stats.pages_discarded += before - store_pages(m->store);
	channel_done(m, ch, from, code, have);
}

static void channel_discard_vai(struct memserver *m, struct mem_channel *ch,
				const struct anm_peer *from)
{
	u64 before = store_pages(m->store);
	u16 code = store_discard_vai(m->store, ch->key.client, ch->key.vai, ch->version,
				     MEM_DISCARD_BATCH);

	m->stats.pages_discarded += before - store_pages(m->store);
	channel_done(m, ch, from, code, 0);
}

/* ---- inventory ---- */

/* An answer that cannot be had is left out: the engine asks again. */
static void channel_inventory(struct memserver *m, struct mem_channel *ch,
			      const struct anm_peer *to)
{
	struct amp_inventory_item items[16];
	struct amp_hdr h = channel_answer_hdr(m, ch);
	u32 room = amp_inventory_room(m->mtu), n, i, all = 0;
	u64 cursor = ch->version, end = cursor + AMP_INVENTORY_SCAN;
	struct anm_out *out;
	bool more;

	ch->state = MEM_CH_DONE;
	out = mem_out_new(m, to, AMP_HDR_LEN + room * AMP_INVENTORY_ITEM_LEN, 0);
	if (!out)
		return;
	do {
		more = store_list(m->store, &cursor, end, min_t(u32, room - all, ARRAY_SIZE(items)),
				  items, &n);
		for (i = 0; i < n; i++, all++)
			amp_inventory_item_encode(
				out->head + AMP_HDR_LEN + all * AMP_INVENTORY_ITEM_LEN, &items[i]);
	} while (more && n && all < room);
	h.type = AMP_INVENTORY_LIST;
	h.code = more ? AMP_E_MORE : AMP_OK;
	h.page_version = cursor;
	h.part_len = (u16)(all * AMP_INVENTORY_ITEM_LEN);
	out->head_len = AMP_HDR_LEN + h.part_len;
	out->len = out->head_len;
	amp_hdr_encode(out->head, &h);
	mem_out_queue(m, out);
	m->stats.inventories++;
}

/* ---- what comes in ---- */

static bool channel_same(const struct mem_channel *ch, const struct amp_hdr *h)
{
	return ch->type == h->type && ch->nparts == h->nparts && ch->version == h->page_version &&
	       ch->crc == h->page_crc && ch->form == h->form && ch->form_len == h->form_len &&
	       ch->key.client == h->key.client && ch->key.vai == h->key.vai &&
	       ch->key.offset == h->key.offset;
}

/* The sequence number that the lane is at: a repetition, or another part. */
static void channel_again(struct memserver *m, struct mem_channel *ch, const struct anm_peer *from,
			  const struct amp_hdr *h, const struct anm_rec *rec)
{
	if (!channel_same(ch, h)) {
		m->stats.malformed++;
		return;
	}
	if (ch->state == MEM_CH_PARTS && !(ch->parts & (1u << h->part))) {
		channel_page_out(m, ch, from, h, rec);
		return;
	}
	m->stats.duplicates++;
	if (ch->state != MEM_CH_DONE)
		return;
	/* a page is not kept with the answer; reading it again harms nobody */
	if (ch->type == AMP_PAGE_IN && !ch->split)
		channel_page_in(m, ch, from, NULL);
	else if (ch->type == AMP_INVENTORY)
		channel_inventory(m, ch, from);
	else
		channel_answer(m, ch, from);
}

void mem_channel_in(struct memserver *m, const struct anm_peer *from, const struct amp_hdr *h,
		    const struct anm_rec *rec)
{
	bool splits = h->type == AMP_PAGE_IN && h->part_len;
	struct amp_split split;
	struct mem_channel *ch;
	s32 ahead;

	if (h->channel >= m->channels || (h->type == AMP_PAGE_OUT && !amp_part_valid(h, m->mtu)) ||
	    (splits && mem_split_read(h, rec, &split))) {
		m->stats.malformed++;
		return;
	}
	if (type_wants_page(h->type))
		store_prefetch(m->store, &h->key);
	mem_session_heard(m, from);
	ch = &m->ch[h->channel];
	/* numbers may wrap */
	ahead = (s32)(h->seq - ch->seq);
	if (ahead < 0 || (!ahead && ch->state == MEM_CH_NEW)) {
		m->stats.late++;
		return;
	}
	if (!ahead) {
		channel_again(m, ch, from, h, rec);
		return;
	}
	channel_begin(m, ch, h);
	switch (h->type) {
	case AMP_PAGE_OUT:
		channel_page_out(m, ch, from, h, rec);
		break;
	case AMP_PAGE_IN:
		channel_page_in(m, ch, from, splits ? &split : NULL);
		break;
	case AMP_DISCARD:
		channel_discard(m, ch, from);
		break;
	case AMP_DISCARD_VAI:
		channel_discard_vai(m, ch, from);
		break;
	case AMP_INVENTORY:
		channel_inventory(m, ch, from);
		break;
	}
}
