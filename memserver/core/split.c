// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replies to clients in the engine's place: the head is the engine's, the page is ours. The
 * bytes are proven before they leave: behind us nobody looks at them but the client.
 */
#include "priv.h"

int mem_split_read(const struct amp_hdr *h, const struct anm_rec *rec, struct amp_split *sp)
{
	u8 buf[AMP_SPLIT_LEN_MAX];

	if (h->part_len > sizeof(buf) || anm_rec_copy(rec, AMP_HDR_LEN, buf, h->part_len))
		return -EINVAL;
	return amp_split_decode(buf, h->part_len, sp);
}

static bool split_fits(const struct memserver *m, const struct amp_split *sp)
{
	int mtu = m->cfg.path_mtu(m->cfg.path_ctx, &sp->client);

	return mtu > 0 && amp_split_frame(sp) <= (u32)mtu;
}

bool mem_split_reply(struct memserver *m, const struct amp_split *sp, const struct store_page *page)
{
	struct anm_peer to = {
		.addr = sp->client,
		.local = sp->engine,
		.port = sp->client_port,
		.local_port = sp->engine_port,
		.door = ANM_DOOR_UDP,
	};
	struct anm_page *copy;
	struct anm_out *out;

	if (!m->cfg.path_mtu || page->form != AMP_FORM_RAW ||
	    ~anm_crc32c(~0u, page->bytes, ANM_PAGE_SIZE) != page->crc || !split_fits(m, sp))
		return false;
	out = mem_out_new(m, &to, sp->head_len, 1);
	if (!out)
		return false;
	copy = mem_page_share(m, page);
	if (!copy) {
		anm_out_free(out);
		return false;
	}
	memcpy(out->head, sp->head, sp->head_len);
	anm_out_add_page(out, copy, 0, ANM_PAGE_SIZE);
	anm_page_put(copy);
	out->is_amp = false;
	out->is_split = true;
	mem_out_queue(m, out);
	m->stats.split_replies++;
	return true;
}
