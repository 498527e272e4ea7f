// SPDX-License-Identifier: GPL-2.0-only
/* One TCP connection: its socket's callbacks, its work, its end. */
#include <linux/slab.h>
#include <net/tcp.h>

#include "tcp.h"

static void conn_free(struct kref *ref)
{
	struct tcp_conn *conn = container_of(ref, struct tcp_conn, ref);
	struct tcp_door *door = conn->door;

	tcp_rec_free(&conn->rec);
	sock_put(conn->sk);
	kfree_rcu(conn, rcu);
	/* The door waits a grace period after the last one: we are inside of it. */
	if (atomic_dec_and_test(&door->nconns))
		wake_up(&door->gone);
}

void tcp_conn_put(struct tcp_conn *conn)
{
	rcu_read_lock();
	kref_put(&conn->ref, conn_free);
	rcu_read_unlock();
}

void tcp_conn_queue(struct tcp_conn *conn)
{
	if (!kref_get_unless_zero(&conn->ref))
		return;
	if (!queue_work(anm_wq, &conn->work))
		tcp_conn_put(conn);
}

void tcp_conn_kill(struct tcp_conn *conn)
{
	WRITE_ONCE(conn->dying, true);
	tcp_conn_queue(conn);
}

static void conn_data_ready(struct sock *sk)
{
	struct tcp_conn *conn;

	rcu_read_lock();
	conn = rcu_dereference_sk_user_data(sk);
	if (!conn)
		goto unlock;
	/* In softirq the socket's lock is ours; from the backlog it is somebody's who owns it. */
	if (in_softirq() && !sock_owned_by_user_nocheck(sk))
		tcp_conn_read(conn);
	else
		tcp_conn_queue(conn);
unlock:
	rcu_read_unlock();
}

static void conn_state_change(struct sock *sk)
{
	struct tcp_conn *conn;

	rcu_read_lock();
	conn = rcu_dereference_sk_user_data(sk);
	if (conn)
		tcp_conn_queue(conn);
	rcu_read_unlock();
}

static void conn_write_space(struct sock *sk)
{
	struct tcp_conn *conn;

	rcu_read_lock();
	conn = rcu_dereference_sk_user_data(sk);
	if (conn && sk_stream_is_writeable(sk)) {
		if (sk->sk_socket)
			clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		tcp_conn_queue(conn);
	}
	rcu_read_unlock();
}

static void conn_callbacks_set(struct tcp_conn *conn)
{
	struct sock *sk = conn->sk;

	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_sk_user_data(sk, conn);
	conn->state_change = sk->sk_state_change;
	conn->write_space = sk->sk_write_space;
	sk->sk_data_ready = conn_data_ready;
	sk->sk_state_change = conn_state_change;
	sk->sk_write_space = conn_write_space;
	write_unlock_bh(&sk->sk_callback_lock);
}

static void conn_callbacks_clear(struct tcp_conn *conn)
{
	struct sock *sk = conn->sk;

	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_sk_user_data(sk, NULL);
	sk->sk_data_ready = conn->data_ready;
	sk->sk_state_change = conn->state_change;
	sk->sk_write_space = conn->write_space;
	write_unlock_bh(&sk->sk_callback_lock);
}

/* Process context, once: only the work calls it. Drops the table's reference. */
static void conn_close(struct tcp_conn *conn)
{
	struct inst *inst = conn->door->inst;

	conn_callbacks_clear(conn);
	lock_sock(conn->sk);
	spin_lock_bh(&conn->out_lock);
	conn->closed = true;
	spin_unlock_bh(&conn->out_lock);
	tcp_conn_drop_out(conn);
	release_sock(conn->sk);

	spin_lock_bh(&inst->lock);
	list_del_init(&conn->stall);
	spin_unlock_bh(&inst->lock);
	/* By reset, unless it has ended in order before. */
	sock_no_linger(conn->sk);
	sock_release(conn->sock);
	conn->sock = NULL;
	xa_erase_bh(&conn->door->conns, conn->id);
	tcp_conn_put(conn);
}

/* Under the socket's lock: has the peer gone? Return: true if it is time for our FIN. */
static bool conn_check_state(struct tcp_conn *conn)
{
	struct sock *sk = conn->sk;

	if (sk->sk_state == TCP_CLOSE) {
		tcp_conn_kill(conn);
		return false;
	}
	if (conn->drain || READ_ONCE(conn->out_bytes))
		return false;
	if (!READ_ONCE(conn->idle) && (sk->sk_state != TCP_CLOSE_WAIT || tcp_inq(sk)))
		return false;
	conn->drain = true;
	conn->active = jiffies;
	return true;
}

static void conn_work(struct work_struct *work)
{
	struct tcp_conn *conn = container_of(work, struct tcp_conn, work);
	bool fin;

	if (conn->closed)
		goto put;
	if (!READ_ONCE(conn->dying)) {
		lock_sock(conn->sk);
		tcp_conn_send(conn);
		tcp_conn_read(conn);
		fin = conn_check_state(conn);
		release_sock(conn->sk);
		if (fin)
			kernel_sock_shutdown(conn->sock, SHUT_WR);
	}
	if (READ_ONCE(conn->dying))
		conn_close(conn);
put:
	tcp_conn_put(conn);
}

static int conn_peer(struct tcp_conn *conn)
{
	struct sockaddr_storage ss;
	int rc = kernel_getpeername(conn->sock, (struct sockaddr *)&ss);

	if (rc < 0)
		return rc;
	if (ss.ss_family == AF_INET) {
		const struct sockaddr_in *in = (struct sockaddr_in *)&ss;

		anm_addr_set_v4(&conn->peer.addr, in->sin_addr.s_addr);
		conn->peer.port = ntohs(in->sin_port);
	} else {
		const struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;

		memcpy(&conn->peer.addr, &in6->sin6_addr, sizeof(conn->peer.addr));
		conn->peer.port = ntohs(in6->sin6_port);
	}
	conn->peer.door = ANM_DOOR_TCP;
	return 0;
}

static void conn_sock_options(struct sock *sk)
{
	tcp_sock_set_nodelay(sk);
	sock_set_keepalive(sk);
	tcp_sock_set_keepidle(sk, DOOR_KEEPIDLE_S);
	tcp_sock_set_keepintvl(sk, DOOR_KEEPINTVL_S);
	tcp_sock_set_keepcnt(sk, DOOR_KEEPCNT);
	tcp_sock_set_user_timeout(sk, DOOR_DEAD_PEER_MS);
	/* Requests are read and replies sent in softirq. */
	sk->sk_allocation = GFP_ATOMIC;
}

/* Connections that the table holds from @addr. */
static unsigned int conns_from(struct tcp_door *door, const struct anm_addr *addr)
{
	struct tcp_conn *conn;
	unsigned long id;
	unsigned int n = 0;

	rcu_read_lock();
	xa_for_each(&door->conns, id, conn)
		n += !memcmp(&conn->peer.addr, addr, sizeof(*addr));
	rcu_read_unlock();
	return n;
}

int tcp_conn_create(struct tcp_door *door, struct socket *sock, const struct tcp_listener *l)
{
	struct tcp_conn *conn;
	int rc;

	if (atomic_read(&door->nconns) >= DOOR_CONNS_MAX)
		return -EMFILE;
	conn = kzalloc(sizeof(*conn), GFP_KERNEL);
	if (!conn)
		return -ENOMEM;
	conn->door = door;
	conn->sock = sock;
	conn->sk = sock->sk;
	conn->data_ready = l->data_ready;
	conn->active = jiffies;
	kref_init(&conn->ref);
	INIT_WORK(&conn->work, conn_work);
	INIT_LIST_HEAD(&conn->stall);
	INIT_LIST_HEAD(&conn->outq);
	spin_lock_init(&conn->out_lock);
	rc = conn_peer(conn);
	if (!rc && conns_from(door, &conn->peer.addr) >= DOOR_CONNS_ADDR_MAX)
		rc = -EMFILE;
	if (!rc)
		rc = xa_alloc_cyclic_bh(&door->conns, &conn->id, conn, xa_limit_32b, &door->next_id,
					GFP_KERNEL);
	if (rc < 0) {
		kfree(conn);
		return rc;
	}
	memcpy(conn->peer.opaque, &conn->id, sizeof(conn->id));
	atomic_inc(&door->nconns);
	sock_hold(conn->sk);
	conn_sock_options(conn->sk);
	conn_callbacks_set(conn);
	/* What came before the callbacks were there. */
	tcp_conn_queue(conn);
	return 0;
}
