// SPDX-License-Identifier: GPL-2.0-only
/*
 * File handles: be32 magic, kind, three zero bytes, UUID of the VAI, tag of 16 bytes.
 * The tag is two SipHashes of what is before it, under two keys that are derived from
 * the engine's secret: the same after a restart, and not to be guessed (promise 5).
 */
#include "exports.h"

#define FH_OFF_KIND 4
#define FH_OFF_UUID 8
#define FH_OFF_TAG  24

static void fh_derive(const u8 secret[16], const char *label, u8 key[16])
{
	u8 in[16];
	u8 i;

	for (i = 0; i < 2; i++) {
		memset(in, 0, sizeof(in));
		memcpy(in, label, min_t(size_t, strlen(label), sizeof(in) - 1));
		in[sizeof(in) - 1] = i;
		put_unaligned_be64(anm_siphash(secret, in, sizeof(in)), key + 8 * i);
	}
}

void eng_fh_keys(struct eng_exports *x, const u8 secret[16])
{
	fh_derive(secret, "handle tag 0", x->fh_key[0]);
	fh_derive(secret, "handle tag 1", x->fh_key[1]);
}

void eng_fh_make(const struct eng_exports *x, const u8 uuid[16], u8 kind, u8 fh[ENG_FH_LEN])
{
	BUILD_BUG_ON(FH_OFF_TAG + 16 != ENG_FH_LEN);
	put_unaligned_be32(ENG_FH_MAGIC, fh);
	memset(fh + FH_OFF_KIND, 0, 4);
	fh[FH_OFF_KIND] = kind;
	memcpy(fh + FH_OFF_UUID, uuid, 16);
	put_unaligned_be64(anm_siphash(x->fh_key[0], fh, FH_OFF_TAG), fh + FH_OFF_TAG);
	put_unaligned_be64(anm_siphash(x->fh_key[1], fh, FH_OFF_TAG), fh + FH_OFF_TAG + 8);
}

int eng_fh_find(const struct engine *e, const u8 *fh, u32 len, struct eng_export **res, u8 *kind)
{
	struct eng_exports *xs = e->exports;
	u8 want[ENG_FH_LEN];
	struct eng_export *x;
	u32 id;

	if (len != ENG_FH_LEN)
		return -EBADF;
	*kind = fh[FH_OFF_KIND];
	if (*kind != ENG_FH_DIR && *kind != ENG_FH_FILE)
		return -EBADF;
	id = get_unaligned_be32(fh + FH_OFF_UUID);
	hlist_for_each_entry(x, &xs->by_id[hash_32(id, ENG_HASH_BITS)], id_node) {
		if (memcmp(x->vai.uuid, fh + FH_OFF_UUID, sizeof(x->vai.uuid)))
			continue;
		/* Made once when the VAI was: the data path computes no tag. */
		if (anm_memneq(x->fh[*kind - ENG_FH_DIR], fh, ENG_FH_LEN))
			return -EBADF;
		*res = x;
		return x->vai.deleting ? -ESTALE : 0;
	}
	eng_fh_make(xs, fh + FH_OFF_UUID, *kind, want);
	return anm_memneq(want, fh, ENG_FH_LEN) ? -EBADF : -ESTALE;
}
