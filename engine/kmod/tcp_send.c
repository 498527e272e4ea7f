// SPDX-License-Identifier: GPL-2.0-only
/* Replies over TCP: record mark, head and pages, without waiting. */
#include <linux/bvec.h>
#include <linux/version.h>
#include <net/tcp.h>

#include "tcp.h"

#define MARK_LEN  4
#define MARK_LAST 0x80000000u

static int send_head(struct tcp_conn *conn, const struct anm_out *out, u32 off, bool more)
{
	struct msghdr msg = {.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0)};
	__be32 mark = cpu_to_be32(out->len | MARK_LAST);
	struct kvec vec[2] = {
		{.iov_base = &mark, .iov_len = MARK_LEN},
		{.iov_base = out->head, .iov_len = out->head_len},
	};
	size_t len = MARK_LEN + out->head_len;

	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, vec, ARRAY_SIZE(vec), len);
	iov_iter_advance(&msg.msg_iter, off);
	return tcp_sendmsg_locked(conn->sk, &msg, len - off);
}

/* The pages themselves go out, not a copy: TCP takes references of its own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
static int send_page(struct tcp_conn *conn, struct page *page, u32 off, u32 len, bool more)
{
	struct msghdr msg = {.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_SPLICE_PAGES |
					  (more ? MSG_MORE : 0)};
	struct bio_vec vec;

	bvec_set_page(&vec, page, len, off);
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, len);
	return tcp_sendmsg_locked(conn->sk, &msg, len);
}
#else
static int send_page(struct tcp_conn *conn, struct page *page, u32 off, u32 len, bool more)
{
	return tcp_sendpage_locked(conn->sk, page, off, len,
				   MSG_DONTWAIT | MSG_NOSIGNAL |
					   (more ? MSG_MORE | MSG_SENDPAGE_NOTLAST : 0));
}
#endif

/* Send one piece of conn->out from conn->out_off. Return: bytes or a negative error. */
static int send_piece(struct tcp_conn *conn, bool more)
{
	const struct anm_out *out = conn->out;
	u32 at = MARK_LEN + out->head_len;
	u16 i;

	if (conn->out_off < at)
		return send_head(conn, out, conn->out_off, more || out->nfrags);
	for (i = 0; i < out->nfrags; i++) {
		const struct anm_frag *f = &out->frags[i];
		u32 skip = conn->out_off - at;

		if (skip < f->len)
			return send_page(conn, f->page, f->off + skip, f->len - skip,
					 more || i + 1 < out->nfrags);
		at += f->len;
	}
	return -EINVAL;
}

/* Take the next reply; *@more tells whether another one is waiting. */
static bool send_next(struct tcp_conn *conn, bool *more)
{
	spin_lock_bh(&conn->out_lock);
	if (!conn->out && !list_empty(&conn->outq)) {
		conn->out = list_first_entry(&conn->outq, struct anm_out, link);
		conn->out_off = 0;
		list_del(&conn->out->link);
	}
	*more = !list_empty(&conn->outq);
	spin_unlock_bh(&conn->out_lock);
	return conn->out;
}

/* Under out_lock. */
static void unsent_add(struct tcp_conn *conn, long n)
{
	conn->out_bytes += n;
	atomic_long_add(n, &conn->door->unsent);
}

static void send_done(struct tcp_conn *conn)
{
	struct anm_out *out = conn->out;

	spin_lock_bh(&conn->out_lock);
	conn->out = NULL;
	unsent_add(conn, -(long)anm_out_memory(out));
	spin_unlock_bh(&conn->out_lock);
	anm_out_free(out);
}

void tcp_conn_send(struct tcp_conn *conn)
{
	bool more;
	int n;

	if (conn->closed)
		return;
	while (send_next(conn, &more)) {
		n = send_piece(conn, more);
		if (n == -EAGAIN || n == -ENOMEM || n == -ENOBUFS)
			return; /* write_space or the sweep go on */
		if (n <= 0) {
			tcp_conn_kill(conn);
			return;
		}
		conn->active = jiffies;
		conn->out_off += n;
		if (conn->out_off == MARK_LEN + conn->out->len)
			send_done(conn);
	}
	if (conn->paused)
		tcp_conn_queue(conn);
}

void tcp_conn_drop_out(struct tcp_conn *conn)
{
	struct anm_out *out, *next;
	LIST_HEAD(drop);

	spin_lock_bh(&conn->out_lock);
	list_splice_init(&conn->outq, &drop);
	if (conn->out)
		list_add(&conn->out->link, &drop);
	conn->out = NULL;
	unsent_add(conn, -(long)conn->out_bytes);
	spin_unlock_bh(&conn->out_lock);
	list_for_each_entry_safe(out, next, &drop, link)
		anm_out_free(out);
}

/* Put @out into the queue. Return: true if the caller should see to sending. */
static bool reply_queue(struct tcp_conn *conn, struct anm_out *out)
{
	bool send;

	spin_lock_bh(&conn->out_lock);
	if (conn->closed) {
		spin_unlock_bh(&conn->out_lock);
		anm_out_free(out);
		return false;
	}
	list_add_tail(&out->link, &conn->outq);
	unsent_add(conn, anm_out_memory(out));
	send = !conn->in_read;
	spin_unlock_bh(&conn->out_lock);
	return send;
}

void tcp_reply(struct inst *inst, struct anm_out *out)
{
	struct tcp_conn *conn;
	struct tcp_door *door;
	bool sent = false;
	u32 id;

	memcpy(&id, out->to.opaque, sizeof(id));
	local_bh_disable();
	rcu_read_lock();
	door = READ_ONCE(inst->tcp);
	conn = door ? xa_load(&door->conns, id) : NULL;
	if (!conn || !kref_get_unless_zero(&conn->ref)) {
		anm_out_free(out);
		goto unlock;
	}
	if (reply_queue(conn, out)) {
		if (spin_trylock(&conn->sk->sk_lock.slock)) {
			if (!sock_owned_by_user_nocheck(conn->sk)) {
				tcp_conn_send(conn);
				sent = true;
			}
			spin_unlock(&conn->sk->sk_lock.slock);
		}
		if (!sent)
			tcp_conn_queue(conn);
	}
	tcp_conn_put(conn);
unlock:
	rcu_read_unlock();
	local_bh_enable();
}
