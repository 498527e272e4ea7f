/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XDR (RFC 4506) cursors over a buffer. The first error sticks: later gets
 * return zeros and later puts write nothing, so a caller may decode or encode a
 * whole structure and look at ->bad once. No cursor ever passes its end.
 *
 * Context: any. Nothing is allocated; pointers returned lie in the buffer.
 */
#ifndef ANM_XDR_H
#define ANM_XDR_H

#include "services.h"

#define XDR_UNIT 4

/** xdr_padded() - bytes that @n bytes of opaque data take, padding included; @n < 2^32 - 3. */
static inline u32 xdr_padded(u32 n)
{
	return (n + 3) & ~3u;
}

/**
 * struct xdr_in - a decoding cursor.
 * @buf: the bytes; offset 0 of the record when used with rpc_call_decode()
 * @len: how many
 * @pos: next byte; never above @len
 * @bad: something was missing or out of its limits
 */
struct xdr_in {
	const u8 *buf;
	u32 len;
	u32 pos;
	bool bad;
};

/**
 * struct xdr_out - an encoding cursor.
 * @buf: room
 * @cap: bytes of room
 * @pos: bytes written; never above @cap
 * @bad: something did not fit; the bytes written before it stand
 */
struct xdr_out {
	u8 *buf;
	u32 cap;
	u32 pos;
	bool bad;
};

static inline void xdr_in_init(struct xdr_in *x, const void *buf, u32 len)
{
	x->buf = buf;
	x->len = len;
	x->pos = 0;
	x->bad = false;
}

static inline void xdr_out_init(struct xdr_out *x, void *buf, u32 cap)
{
	x->buf = buf;
	x->cap = cap;
	x->pos = 0;
	x->bad = false;
}

/** xdr_take() - step over @n raw bytes. Return: the first of them, NULL (and bad) if missing. */
const u8 *xdr_take(struct xdr_in *x, u32 n);

u32 xdr_get_u32(struct xdr_in *x);
u64 xdr_get_u64(struct xdr_in *x);

/** xdr_get_bool() - 0 or 1; anything else is bad (RFC 4506, 4.4). */
bool xdr_get_bool(struct xdr_in *x);

/** xdr_get_fixed() - @n bytes of fixed opaque data and their padding (4.9); zeros when bad. */
void xdr_get_fixed(struct xdr_in *x, void *dst, u32 n);

/**
 * xdr_get_opaque() - variable opaque data or a string (4.10, 4.11), in place.
 * @max: longest allowed; longer is bad
 * @n:   its length is stored here, 0 when bad
 *
 * Padding is stepped over, its value not looked at.
 * Return: the first byte (not NUL-terminated), or NULL when bad. Never NULL when good.
 */
const u8 *xdr_get_opaque(struct xdr_in *x, u32 max, u32 *n);

/**
 * xdr_get_string() - a string (4.11) copied out with a NUL behind it.
 * @dst: room for @cap bytes
 * @cap: a string of @cap bytes or more is bad, and so is one with a NUL inside
 *
 * Return: its length, 0 when bad (@dst is "" then).
 */
u32 xdr_get_string(struct xdr_in *x, char *dst, u32 cap);

/** xdr_in_left() - bytes not yet read. */
static inline u32 xdr_in_left(const struct xdr_in *x)
{
	return x->len - x->pos;
}

/** xdr_reserve() - step over @n raw bytes to be written. Return: the first, NULL (bad) if full. */
u8 *xdr_reserve(struct xdr_out *x, u32 n);

void xdr_put_u32(struct xdr_out *x, u32 v);
void xdr_put_u64(struct xdr_out *x, u64 v);
void xdr_put_bool(struct xdr_out *x, bool v);

/** xdr_put_fixed() - fixed opaque data, zero-padded. */
void xdr_put_fixed(struct xdr_out *x, const void *src, u32 n);

/** xdr_put_opaque() - length, data, zero padding. */
void xdr_put_opaque(struct xdr_out *x, const void *src, u32 n);

/** xdr_put_string() - the same for a NUL-terminated string. */
void xdr_put_string(struct xdr_out *x, const char *s);

/** xdr_patch_u32() - overwrite the word at offset @at, which must have been written. */
void xdr_patch_u32(struct xdr_out *x, u32 at, u32 v);

#endif
