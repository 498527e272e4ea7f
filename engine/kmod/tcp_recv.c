// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests over TCP. A record that lies whole in one skb goes to the core from
 * there; others are gathered in pages that are taken as the bytes come, not by
 * what a record mark claims.
 */
#include <linux/slab.h>
#include <net/tcp.h>

#include "tcp.h"

#define MARK_LAST 0x80000000u

/* Where a record lies whole in an skb. */
struct skb_place {
	struct sk_buff *skb;
	u32 off;
};

static int skb_rec_copy(const struct anm_rec *rec, u32 off, void *dst, u32 n)
{
	const struct skb_place *place = rec->ctx;

	if (off > rec->len || n > rec->len - off)
		return -EFAULT;
	return skb_copy_bits(place->skb, place->off + off, dst, n) ? -EFAULT : 0;
}

static int pages_rec_copy(const struct anm_rec *rec, u32 off, void *dst, u32 n)
{
	const struct tcp_rec *r = rec->ctx;

	if (off > rec->len || n > rec->len - off)
		return -EFAULT;
	while (n) {
		u32 in = offset_in_page(off);
		u32 some = min_t(u32, n, PAGE_SIZE - in);

		memcpy(dst, page_address(r->pages[off >> PAGE_SHIFT]) + in, some);
		dst += some;
		off += some;
		n -= some;
	}
	return 0;
}

/* Hand a record to the core. Return: 0, -EAGAIN when it has to be kept, -EPROTO. */
static int rec_in(struct tcp_conn *conn, const struct anm_rec *rec)
{
	struct inst *inst = conn->door->inst;
	u64 now = inst_begin(inst);
	int rc;

	rc = eng_rpc_in(inst->core, &conn->peer, rec, now);
	if (rc == -EAGAIN) {
		if (list_empty(&conn->stall))
			list_add_tail(&conn->stall, &conn->door->stalled);
		inst_soon(inst, now);
	}
	inst_end(inst);
	conn->active = jiffies;
	return rc;
}

/* No memory to gather in: try again a tick later. */
static void conn_stall(struct tcp_conn *conn)
{
	struct inst *inst = conn->door->inst;
	u64 now = inst_begin(inst);

	if (list_empty(&conn->stall))
		list_add_tail(&conn->stall, &conn->door->stalled);
	inst_soon(inst, now);
	inst_end(inst);
}

static int rec_in_pages(struct tcp_conn *conn)
{
	struct tcp_rec *r = &conn->rec;
	struct anm_rec rec = {
		.head = page_address(r->pages[0]),
		.head_len = min_t(u32, r->len, PAGE_SIZE),
		.len = r->len,
		.copy = pages_rec_copy,
		.ctx = r,
	};

	return rec_in(conn, &rec);
}

static int rec_in_skb(struct tcp_conn *conn, struct sk_buff *skb, u32 off, u32 len)
{
	struct skb_place place = {.skb = skb, .off = off};
	struct anm_rec rec = {.len = len, .copy = skb_rec_copy, .ctx = &place};

	if (off < skb_headlen(skb)) {
		rec.head = skb->data + off;
		rec.head_len = min(skb_headlen(skb) - off, len);
	}
	return rec_in(conn, &rec);
}

void tcp_rec_free(struct tcp_rec *r)
{
	u32 i;

	if (!r->pages)
		return;
	for (i = 0; i < DOOR_REC_PAGES && r->pages[i]; i++)
		put_page(r->pages[i]);
	kfree(r->pages);
	r->pages = NULL;
}

/* The record is dealt with. One page stays for the next; big ones give theirs back. */
static void rec_reset(struct tcp_rec *r)
{
	u32 i;

	r->len = 0;
	r->whole = false;
	if (!r->pages)
		return;
	for (i = 1; i < DOOR_REC_PAGES && r->pages[i]; i++) {
		put_page(r->pages[i]);
		r->pages[i] = NULL;
	}
}

/* Append bytes of @skb. Return: bytes taken, fewer when memory runs out. */
static u32 rec_gather(struct tcp_rec *r, struct sk_buff *skb, u32 off, u32 len)
{
	u32 done = 0;

	if (!r->pages)
		r->pages = kcalloc(DOOR_REC_PAGES, sizeof(*r->pages), GFP_ATOMIC | __GFP_NOWARN);
	if (!r->pages)
		return 0;
	while (done < len) {
		struct page **page = &r->pages[r->len >> PAGE_SHIFT];
		u32 in = offset_in_page(r->len);
		u32 n = min_t(u32, len - done, PAGE_SIZE - in);

		if (!*page)
			*page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);
		if (!*page || skb_copy_bits(skb, off + done, page_address(*page) + in, n))
			break;
		r->len += n;
		done += n;
	}
	return done;
}

/* Take bytes of a record mark; once it is whole, look at it. Return: bytes taken or -EPROTO. */
static int rec_mark(struct tcp_rec *r, struct sk_buff *skb, u32 off, u32 len)
{
	u32 n = min_t(u32, len, sizeof(r->mark) - r->mark_have);
	u32 mark;

	if (skb_copy_bits(skb, off, r->mark + r->mark_have, n))
		return -EPROTO;
	r->mark_have += n;
	if (r->mark_have < sizeof(r->mark))
		return n;
	mark = get_unaligned_be32(r->mark);
	r->last = mark & MARK_LAST;
	r->frag_left = mark & ~MARK_LAST;
	/* Empty fragments carry nothing and could go on for ever. */
	if (!r->frag_left || r->frag_left > ENG_RPC_MAX - r->len)
		return -EPROTO;
	return n;
}

/* A fragment has ended. Return: 0 or what the core said of the record. */
static int rec_frag_end(struct tcp_conn *conn)
{
	struct tcp_rec *r = &conn->rec;
	int rc;

	r->mark_have = 0;
	if (!r->last)
		return 0;
	rc = rec_in_pages(conn);
	if (rc == -EAGAIN)
		r->whole = true;
	else
		rec_reset(r);
	return rc;
}

/*
 * Take bytes of a fragment. Return: bytes taken; 0 or a negative error in *@rc when
 * reading has to stop.
 */
static u32 rec_bytes(struct tcp_conn *conn, struct sk_buff *skb, u32 off, u32 len, int *rc)
{
	struct tcp_rec *r = &conn->rec;
	u32 n = min(len, r->frag_left);

	if (r->last && !r->len && n == r->frag_left) {
		*rc = rec_in_skb(conn, skb, off, n);
		if (*rc != -EAGAIN) {
			r->mark_have = 0;
			r->frag_left = 0;
			return n;
		}
		/* To be kept, so it has to leave the skb. */
		n = rec_gather(r, skb, off, n);
		r->frag_left -= n;
		if (!r->frag_left) {
			r->mark_have = 0;
			r->whole = true;
		}
		return n;
	}
	n = rec_gather(r, skb, off, n);
	r->frag_left -= n;
	*rc = r->frag_left ? (n ? 0 : -ENOMEM) : rec_frag_end(conn);
	return n;
}

static bool conn_may_read(struct tcp_conn *conn)
{
	u32 unsent = READ_ONCE(conn->out_bytes);

	conn->paused = unsent > DOOR_UNSENT_MAX ||
		       (unsent > DOOR_UNSENT_FAIR &&
			atomic_long_read(&conn->door->unsent) > DOOR_UNSENT_ALL_MAX);
	return !conn->paused && !READ_ONCE(conn->dying) && !conn->closed && !conn->drain &&
	       !conn->rec.whole;
}

/* The actor of tcp_read_sock(). Return: bytes used; fewer than @len ends the reading. */
static int conn_recv(read_descriptor_t *desc, struct sk_buff *skb, unsigned int off, size_t len)
{
	struct tcp_conn *conn = desc->arg.data;
	struct tcp_rec *r = &conn->rec;
	size_t used = 0;
	int rc = 0;

	while (used < len && !rc && conn_may_read(conn)) {
		if (r->mark_have < sizeof(r->mark)) {
			/* A record begins: it has its own time to be completed. */
			if (!r->mark_have && !r->len)
				conn->active = jiffies;
			rc = rec_mark(r, skb, off + used, len - used);
			if (rc > 0) {
				used += rc;
				rc = 0;
			}
		} else {
			used += rec_bytes(conn, skb, off + used, len - used, &rc);
		}
	}
	if (rc == -EPROTO)
		tcp_conn_kill(conn);
	if (rc == -ENOMEM)
		conn_stall(conn);
	if (used < len)
		desc->count = 0;
	return used;
}

/* A record that was kept: ask again. Return: true when there is none any more. */
static bool rec_retry(struct tcp_conn *conn)
{
	int rc;

	if (!conn->rec.whole)
		return true;
	rc = rec_in_pages(conn);
	if (rc == -EAGAIN)
		return false;
	if (rc == -EPROTO)
		tcp_conn_kill(conn);
	rec_reset(&conn->rec);
	return true;
}

static void conn_in_read(struct tcp_conn *conn, bool in_read)
{
	spin_lock_bh(&conn->out_lock);
	conn->in_read = in_read;
	spin_unlock_bh(&conn->out_lock);
}

void tcp_conn_read(struct tcp_conn *conn)
{
	read_descriptor_t desc = {.arg.data = conn, .count = 1};

	if (conn->closed)
		return;
	conn_in_read(conn, true);
	if (rec_retry(conn) && conn_may_read(conn))
		tcp_read_sock(conn->sk, &desc, conn_recv);
	conn_in_read(conn, false);
	tcp_conn_send(conn);
}
