// SPDX-License-Identifier: GPL-2.0-only
/*
 * The swap header that a VAI is born with, so that swapon works with no mkswap.
 * Layout: union swap_header of the client's kernel (include/linux/swap.h), version 1,
 * as mkswap(8) writes it: 1024 bytes for boot code, the fields, and the signature in
 * the last ten bytes of the page.
 *
 * The fields are in the client's own byte order. Little endian is written; a client of
 * the other order sees a swapped version 1, which its swapon understands.
 */
#include "priv.h"

#define SWAP_VERSION	 1
#define SWAP_OFF_VERSION 1024
#define SWAP_OFF_LAST	 1028
#define SWAP_OFF_NR_BAD	 1032
#define SWAP_OFF_UUID	 1036
#define SWAP_OFF_LABEL	 1052
#define SWAP_LABEL_LEN	 15 /* of 16 bytes: mkswap keeps a NUL */
#define SWAP_OFF_MAGIC	 4086
#define SWAP_MAGIC	 "SWAPSPACE2"
#define SWAP_MAGIC_LEN	 10

void eng_swap_header(const struct eng_vai *vai, void *page)
{
	u8 *p = page;
	size_t label = min_t(size_t, strlen(vai->name), SWAP_LABEL_LEN);

	BUILD_BUG_ON(SWAP_OFF_MAGIC + SWAP_MAGIC_LEN != ANM_PAGE_SIZE);
	memset(p, 0, ANM_PAGE_SIZE);
	put_unaligned_le32(SWAP_VERSION, p + SWAP_OFF_VERSION);
	put_unaligned_le32(vai->npages - 1, p + SWAP_OFF_LAST);
	put_unaligned_le32(0, p + SWAP_OFF_NR_BAD);
	memcpy(p + SWAP_OFF_UUID, vai->uuid, sizeof(vai->uuid));
	memcpy(p + SWAP_OFF_LABEL, vai->name, label);
	memcpy(p + SWAP_OFF_MAGIC, SWAP_MAGIC, SWAP_MAGIC_LEN);
}
