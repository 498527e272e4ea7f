// SPDX-License-Identifier: GPL-2.0-only
/*
 * MOUNT version 3 (RFC 1813, appendix I).
 */
#include "mount3.h"

#define LIST_END_LEN 4 /* the FALSE that ends a list */

const char *mount3_get_path(struct xdr_in *x, u32 *n)
{
	return (const char *)xdr_get_opaque(x, MOUNT3_PATH_MAX, n);
}

void mount3_put_mnt_ok(struct xdr_out *x, const u8 *fh, u32 fh_len, const u32 *flavors, u32 n)
{
	u32 i;

	xdr_put_u32(x, MNT3_OK);
	xdr_put_opaque(x, fh, fh_len);
	xdr_put_u32(x, n);
	for (i = 0; i < n; i++)
		xdr_put_u32(x, flavors[i]);
}

void mount3_put_mnt_fail(struct xdr_out *x, enum mount3_stat stat)
{
	xdr_put_u32(x, stat);
}

/* An entry was written from @start on: does it stand, or is it taken back for want of room? */
static bool entry_stands(struct xdr_out *x, u32 start)
{
	if (!x->bad && x->cap - x->pos >= LIST_END_LEN)
		return true;
	x->pos = start;
	x->bad = false;
	return false;
}

bool mount3_put_dump(struct xdr_out *x, const char *host, const char *path)
{
	u32 start = x->pos;

	if (x->bad)
		return false;
	xdr_put_bool(x, true);
	xdr_put_string(x, host);
	xdr_put_string(x, path);
	return entry_stands(x, start);
}

bool mount3_put_export(struct xdr_out *x, const char *path, const char *const *groups, u32 n)
{
	u32 start = x->pos;
	u32 i;

	if (x->bad)
		return false;
	xdr_put_bool(x, true);
	xdr_put_string(x, path);
	for (i = 0; i < n && !x->bad; i++) {
		xdr_put_bool(x, true);
		xdr_put_string(x, groups[i]);
	}
	xdr_put_bool(x, false);
	return entry_stands(x, start);
}

void mount3_put_list_end(struct xdr_out *x)
{
	xdr_put_bool(x, false);
}
