// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDR cursors (RFC 4506).
 */
#include "xdr.h"

const u8 *xdr_take(struct xdr_in *x, u32 n)
{
	const u8 *p;

	if (x->bad || n > x->len - x->pos) {
		x->bad = true;
		return NULL;
	}
	p = x->buf + x->pos;
	x->pos += n;
	return p;
}

u32 xdr_get_u32(struct xdr_in *x)
{
	const u8 *p = xdr_take(x, 4);

	return p ? get_unaligned_be32(p) : 0;
}

u64 xdr_get_u64(struct xdr_in *x)
{
	const u8 *p = xdr_take(x, 8);

	return p ? get_unaligned_be64(p) : 0;
}

bool xdr_get_bool(struct xdr_in *x)
{
	u32 v = xdr_get_u32(x);

	if (v > 1)
		x->bad = true;
	return v == 1;
}

/* @n bytes and their padding; careful with @n close to 2^32. */
static const u8 *take_padded(struct xdr_in *x, u32 n)
{
	if (n > x->len) {
		x->bad = true;
		return NULL;
	}
	return xdr_take(x, xdr_padded(n));
}

void xdr_get_fixed(struct xdr_in *x, void *dst, u32 n)
{
	const u8 *p = take_padded(x, n);

	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

const u8 *xdr_get_opaque(struct xdr_in *x, u32 max, u32 *n)
{
	u32 len = xdr_get_u32(x);
	const u8 *p;

	*n = 0;
	if (len > max)
		x->bad = true;
	p = take_padded(x, len);
	if (p)
		*n = len;
	return p;
}

u32 xdr_get_string(struct xdr_in *x, char *dst, u32 cap)
{
	const u8 *p;
	u32 n;

	if (!cap) {
		x->bad = true;
		return 0;
	}
	p = xdr_get_opaque(x, cap - 1, &n);
	if (!p || memchr(p, 0, n)) {
		x->bad = true;
		dst[0] = '\0';
		return 0;
	}
	memcpy(dst, p, n);
	dst[n] = '\0';
	return n;
}

u8 *xdr_reserve(struct xdr_out *x, u32 n)
{
	u8 *p;

	if (x->bad || n > x->cap - x->pos) {
		x->bad = true;
		return NULL;
	}
	p = x->buf + x->pos;
	x->pos += n;
	return p;
}

void xdr_put_u32(struct xdr_out *x, u32 v)
{
	u8 *p = xdr_reserve(x, 4);

	if (p)
		put_unaligned_be32(v, p);
}

void xdr_put_u64(struct xdr_out *x, u64 v)
{
	u8 *p = xdr_reserve(x, 8);

	if (p)
		put_unaligned_be64(v, p);
}

void xdr_put_bool(struct xdr_out *x, bool v)
{
	xdr_put_u32(x, v);
}

void xdr_put_fixed(struct xdr_out *x, const void *src, u32 n)
{
	u8 *p;

	if (n > x->cap) {
		x->bad = true;
		return;
	}
	p = xdr_reserve(x, xdr_padded(n));
	if (!p)
		return;
	memcpy(p, src, n);
	memset(p + n, 0, xdr_padded(n) - n);
}

void xdr_put_opaque(struct xdr_out *x, const void *src, u32 n)
{
	xdr_put_u32(x, n);
	xdr_put_fixed(x, src, n);
}

void xdr_put_string(struct xdr_out *x, const char *s)
{
	xdr_put_opaque(x, s, (u32)min_t(size_t, strlen(s), U32_MAX));
}

void xdr_patch_u32(struct xdr_out *x, u32 at, u32 v)
{
	if (x->bad || WARN_ON_ONCE(at > x->pos || x->pos - at < 4))
		return;
	put_unaligned_be32(v, x->buf + at);
}
