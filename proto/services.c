// SPDX-License-Identifier: GPL-2.0-only
/*
 * What services.h promises and no platform needs to do its own way.
 */
#include "services.h"

int anm_rec_copy(const struct anm_rec *rec, u32 off, void *dst, u32 n)
{
	if (off > rec->len || n > rec->len - off)
		return -EFAULT;
	if (off <= rec->head_len && n <= rec->head_len - off) {
		memcpy(dst, rec->head + off, n);
		return 0;
	}
	return rec->copy ? rec->copy(rec, off, dst, n) : -EFAULT;
}

bool anm_rec_share(const struct anm_rec *rec, u32 off, u32 n, struct anm_frags *frags)
{
	frags->n = 0;
	return rec->share && off <= rec->len && n <= rec->len - off &&
	       rec->share(rec, off, n, frags);
}

void anm_frags_put(struct anm_frags *frags)
{
	while (frags->n)
		anm_page_put(frags->frag[--frags->n].page);
}

static const u8 *frag_data(const struct anm_frag *f)
{
	return (u8 *)anm_page_data(f->page) + f->off;
}

/* Receive buffers may be larger than a page: the longer the run, the quicker it is summed. */
u32 anm_frags_crc32c(u32 crc, const struct anm_frags *frags)
{
	u32 i = 0;

	while (i < frags->n) {
		const u8 *run = frag_data(&frags->frag[i]);
		u32 len = 0;

		do
			len += frags->frag[i++].len;
		while (i < frags->n && frag_data(&frags->frag[i]) == run + len);
		crc = anm_crc32c(crc, run, len);
	}
	return crc;
}

struct anm_out *anm_out_alloc(u32 head_cap, u16 max_frags)
{
	struct anm_out *out;

	out = anm_alloc(struct_size(out, frags, max_frags) + head_cap);
	if (!out)
		return NULL;
	INIT_LIST_HEAD(&out->link);
	out->head = (u8 *)&out->frags[max_frags];
	out->head_cap = head_cap;
	out->max_frags = max_frags;
	return out;
}

void anm_out_add_page(struct anm_out *out, struct anm_page *page, u16 off, u16 len)
{
	struct anm_frag *frag;

	if (WARN_ON_ONCE(out->nfrags >= out->max_frags || (u32)off + len > ANM_PAGE_SIZE))
		return;
	anm_page_get(page);
	frag = &out->frags[out->nfrags++];
	frag->page = page;
	frag->off = off;
	frag->len = len;
	out->len += len;
}

u32 anm_out_memory(const struct anm_out *out)
{
	return (u32)struct_size(out, frags, out->max_frags) + out->head_cap +
	       out->nfrags * ANM_PAGE_SIZE;
}

void anm_out_free(struct anm_out *out)
{
	u16 i;

	if (!out)
		return;
	for (i = 0; i < out->nfrags; i++)
		anm_page_put(out->frags[i].page);
	anm_free(out);
}
