// SPDX-License-Identifier: GPL-2.0-only
#include "form.h"

#define PATTERN_BITS 8

/** struct form_codec - a way to pack a page. */
struct form_codec {
	u8 form;
	u16 len_max; /* more is not worth it */
	u32 (*pack)(void *dst, u32 cap, const void *page, void *work);
	bool (*unpack)(void *page, const void *src, u32 len);
};

static const struct form_codec codec_lz4 = {
	.form = AMP_FORM_LZ4,
	.len_max = AMP_LZ4_LEN_MAX,
	.pack = anm_lz4_pack,
	.unpack = anm_lz4_unpack,
};

/** struct pattern - what pages are filled with. */
struct pattern {
	u64 word;
	u32 pages; /* entries of the map that name it, 0 free */
	u16 next;  /* of its hash chain, or free */
};

/**
 * struct eng_forms - the shard's. A shard runs under one lock with softirqs off, so that one
 * scratch is enough, however many processors there are.
 * @patterns: by number; [0] is none
 * @head:     hash chains of those in use, 0 ends
 * @free:     first free one, 0 none
 * @key:      of the hash
 * @packed:   what is to be unpacked, while its page is made
 * @work:     for packing
 */
struct eng_forms {
	struct pattern patterns[ENG_PATTERNS_MAX + 1];
	u16 head[1u << PATTERN_BITS];
	u16 free;
	u8 key[16];
	u8 packed[AMP_LZ4_LEN_MAX];
	u64 work[(ANM_LZ4_WORK + 7) / 8];
};

int eng_forms_create(struct engine *e)
{
	struct eng_forms *f = anm_big_alloc(sizeof(*f));
	u32 i;

	BUILD_BUG_ON(AMP_FILL_LEN != sizeof(f->patterns[0].word));
	if (!f)
		return -ENOMEM;
	for (i = 1; i < ENG_PATTERNS_MAX; i++)
		f->patterns[i].next = (u16)(i + 1);
	f->free = 1;
	anm_random(f->key, sizeof(f->key));
	e->forms = f;
	return 0;
}

void eng_forms_destroy(struct engine *e)
{
	anm_big_free(e->forms);
	e->forms = NULL;
}

/* ---- patterns ---- */

static u16 *pattern_head(struct eng_forms *f, u64 word)
{
	return &f->head[anm_siphash(f->key, &word, sizeof(word)) >> (64 - PATTERN_BITS)];
}

/* Its number, one page more; 0 with the table full. */
static u32 pattern_take(struct eng_forms *f, u64 word)
{
	u16 *head = pattern_head(f, word), i;

	for (i = *head; i && f->patterns[i].word != word; i = f->patterns[i].next)
		;
	if (!i && f->free) {
		i = f->free;
		f->free = f->patterns[i].next;
		f->patterns[i].word = word;
		f->patterns[i].next = *head;
		*head = i;
	}
	if (i)
		f->patterns[i].pages++;
	return i;
}

static void pattern_put(struct eng_forms *f, u32 i)
{
	struct pattern *p = &f->patterns[i];
	u16 *link = pattern_head(f, p->word);

	if (--p->pages)
		return;
	while (*link != i) {
		if (WARN_ON_ONCE(!*link))
			return;
		link = &f->patterns[*link].next;
	}
	*link = p->next;
	p->next = f->free;
	f->free = (u16)i;
}

void eng_entry_fill(struct engine *e, struct map_entry *me, const void *fill)
{
	u32 old = map_pattern(me), i = 0;
	u64 word;

	if (fill) {
		memcpy(&word, fill, sizeof(word));
		i = pattern_take(e->forms, word);
		e->stats.patterns_full += !i;
	}
	if (old)
		pattern_put(e->forms, old);
	map_pattern_set(me, i);
}

void eng_entry_version(struct engine *e, struct map_entry *me, u64 version)
{
	if (map_version(me) != version)
		eng_entry_fill(e, me, NULL);
	me->vai_flags &= (u16)~MAP_DOUBT;
	map_version_set(me, version);
}

/* ---- making forms ---- */

static bool same_filled(const u8 *data)
{
	return !memcmp(data, data + AMP_FILL_LEN, ANM_PAGE_SIZE - AMP_FILL_LEN);
}

/* Is compression to be tried? */
static bool pack_wanted(struct engine *e, struct eng_vai *vai)
{
	if (vai->compress != ENG_COMPRESS_AUTO)
		return vai->compress == ENG_COMPRESS_ON;
	if (!vai->pack_skip)
		return true;
	vai->pack_skip--;
	vai->skipped++;
	e->stats.pages_skipped++;
	return false;
}

static void pack_tried(struct eng_vai *vai, bool paid)
{
	vai->pack_paid += paid;
	if (++vai->pack_tried < FORM_WINDOW)
		return;
	if (vai->pack_paid < FORM_WORTH)
		vai->pack_skip = FORM_SKIP;
	vai->pack_tried = 0;
	vai->pack_paid = 0;
}

/* Without memory for the packed page it goes as it is. */
static bool form_pack(struct engine *e, struct pg_op *op)
{
	const struct form_codec *c = &codec_lz4;
	struct anm_page *page;
	u32 len;

	if (!pack_wanted(e, op->io.vai))
		return false;
	page = anm_page_alloc();
	if (!page)
		return false;
	len = c->pack(anm_page_data(page), c->len_max, anm_page_data(op->io.page), e->forms->work);
	pack_tried(op->io.vai, len);
	if (!len) {
		anm_page_put(page);
		return false;
	}
	e->stats.pages_packed++;
	e->stats.packed_bytes += len;
	op->io.vai->packed++;
	op->io.vai->packed_bytes += len;
	op->packed = page;
	op->form = c->form;
	op->form_len = (u16)len;
	return true;
}

void op_form(struct engine *e, struct pg_op *op)
{
	const u8 *data = anm_page_data(op->io.page);

	if (op->io.vai->same_filled == ENG_SAME_FILLED_ON && same_filled(data)) {
		op->form = AMP_FORM_FILL;
		op->form_len = AMP_FILL_LEN;
		e->stats.pages_filled++;
		op->io.vai->filled++;
	} else if (!form_pack(e, op)) {
		op->form = AMP_FORM_RAW;
		op->form_len = ANM_PAGE_SIZE;
	}
	op->crc = ~anm_crc32c(~0u, anm_page_data(op_form_page(op)), op->form_len);
}

/* ---- undoing them ---- */

static void page_fill(void *page, u64 word)
{
	u32 off;

	for (off = 0; off < ANM_PAGE_SIZE; off += sizeof(word))
		memcpy((u8 *)page + off, &word, sizeof(word));
}

bool op_unform(struct engine *e, const struct eng_xfer *xf)
{
	u8 *data = anm_page_data(xf->page);
	u64 word;

	switch (xf->form) {
	case AMP_FORM_RAW:
		return true;
	case AMP_FORM_FILL:
		memcpy(&word, data, sizeof(word));
		page_fill(data, word);
		return true;
	case AMP_FORM_LZ4:
		memcpy(e->forms->packed, data, xf->form_len);
		return codec_lz4.unpack(data, e->forms->packed, xf->form_len);
	default:
		return false;
	}
}

int op_known(struct engine *e, struct pg_op *op)
{
	u32 i = map_pattern(op_entry(e, op));
	struct eng_xfer *xf = &op->copy[0].xf;
	u64 word;

	if (!i)
		return 0;
	word = e->forms->patterns[i].word;
	if (!word && !op->io.write && !op->move) {
		anm_page_get(e->zero_page);
		op->fetch = e->zero_page;
		return 1;
	}
	op->fetch = anm_page_alloc();
	if (!op->fetch)
		return -ENOMEM;
	page_fill(anm_page_data(op->fetch), word);
	xf->form = AMP_FORM_FILL;
	xf->form_len = AMP_FILL_LEN;
	xf->crc = ~anm_crc32c(~0u, anm_page_data(op->fetch), AMP_FILL_LEN);
	return 1;
}
