// SPDX-License-Identifier: GPL-2.0-only
/* Listeners of the TCP door, and the table of its connections. */
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "tcp.h"

static void listen_data_ready(struct sock *sk)
{
	struct tcp_listener *l;

	/* Until a child has callbacks of its own it calls this one too, with no user data. */
	rcu_read_lock();
	l = rcu_dereference_sk_user_data(sk);
	if (l && sk->sk_state == TCP_LISTEN)
		queue_work(anm_wq, &l->work);
	rcu_read_unlock();
}

static void listen_work(struct work_struct *work)
{
	struct tcp_listener *l = container_of(work, struct tcp_listener, work);
	struct socket *sock;

	while (!READ_ONCE(l->door->closing) && !kernel_accept(l->sock, &sock, O_NONBLOCK)) {
		if (tcp_conn_create(l->door, sock, l)) {
			/* At a limit: this one is told so by a reset. */
			anm_door_inc(&l->door->inst->stats, tcp_refused);
			sock_no_linger(sock->sk);
			sock_release(sock);
		}
		cond_resched();
	}
}

/* Where to bind: @ss for family @family. Return: its length. */
static int listen_addr(const struct anm_addr *addr, int family, u16 port,
		       struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)ss;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		in->sin_addr.s_addr = anm_addr_is_v4(addr) ? anm_addr_v4(addr) : htonl(INADDR_ANY);
		return sizeof(*in);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, addr, sizeof(in6->sin6_addr));
		return sizeof(*in6);
	}
}

static struct socket *listen_socket(struct net *net, const struct anm_addr *addr, int family,
				    u16 port)
{
	struct sockaddr_storage ss;
	struct socket *sock;
	int len = listen_addr(addr, family, port, &ss);
	int rc;

	rc = sock_create_kern(net, family, SOCK_STREAM, IPPROTO_TCP, &sock);
	if (rc)
		return ERR_PTR(rc);
	sock_set_reuseaddr(sock->sk);
#if IS_ENABLED(CONFIG_IPV6)
	if (family == AF_INET6)
		sock->sk->sk_ipv6only = false;
#endif
	rc = kernel_bind(sock, (struct sockaddr *)&ss, len);
	if (rc) {
		sock_release(sock);
		return ERR_PTR(rc);
	}
	return sock;
}

/* Both families by one socket where there is IPv6, and IPv4 alone where there is not. */
static struct socket *listen_open(struct net *net, const struct anm_addr *addr, u16 port)
{
	struct socket *sock;

	if (anm_addr_is_v4(addr))
		return listen_socket(net, addr, AF_INET, port);
	sock = listen_socket(net, addr, AF_INET6, port);
	if (IS_ERR(sock) && PTR_ERR(sock) != -EADDRINUSE && anm_addr_any(addr))
		sock = listen_socket(net, addr, AF_INET, port);
	return sock;
}

static int listener_start(struct tcp_door *door, u16 port)
{
	struct tcp_listener *l = &door->listener[door->nlisteners];
	struct socket *sock = listen_open(door->inst->net, &door->inst->up.listen, port);
	struct sock *sk;
	int rc;

	if (IS_ERR(sock))
		return PTR_ERR(sock);
	l->door = door;
	l->sock = sock;
	INIT_WORK(&l->work, listen_work);
	door->nlisteners++;
	sk = sock->sk;
	write_lock_bh(&sk->sk_callback_lock);
	l->data_ready = sk->sk_data_ready;
	/* Not inherited by children, who get user data of their own. */
	__rcu_assign_sk_user_data_with_flags(sk, l, SK_USER_DATA_NOCOPY);
	sk->sk_data_ready = listen_data_ready;
	write_unlock_bh(&sk->sk_callback_lock);
	rc = kernel_listen(sock, DOOR_BACKLOG);
	return rc;
}

static void listeners_stop(struct tcp_door *door)
{
	unsigned int i;

	WRITE_ONCE(door->closing, true);
	for (i = 0; i < door->nlisteners; i++) {
		struct sock *sk = door->listener[i].sock->sk;

		write_lock_bh(&sk->sk_callback_lock);
		rcu_assign_sk_user_data(sk, NULL);
		sk->sk_data_ready = door->listener[i].data_ready;
		write_unlock_bh(&sk->sk_callback_lock);
	}
	/* No callback queues the work any more after this. */
	synchronize_net();
	for (i = 0; i < door->nlisteners; i++) {
		cancel_work_sync(&door->listener[i].work);
		sock_release(door->listener[i].sock);
	}
}

void tcp_wake_stalled(struct inst *inst)
{
	struct tcp_door *door = inst->tcp;
	struct tcp_conn *conn, *next;
	unsigned int n = 0;

	if (!door)
		return;
	list_for_each_entry_safe(conn, next, &door->stalled, stall) {
		if (n++ == DOOR_WAKE_BATCH)
			break;
		/* To the end, so that the others get their turn. */
		if (!eng_has_room(inst->core, &conn->peer.addr)) {
			list_move_tail(&conn->stall, &door->stalled);
			continue;
		}
		list_del_init(&conn->stall);
		tcp_conn_queue(conn);
	}
}

static void conn_sweep(struct tcp_conn *conn)
{
	unsigned long quiet = jiffies - READ_ONCE(conn->active);
	bool partial = (READ_ONCE(conn->rec.mark_have) || READ_ONCE(conn->rec.len)) &&
		       !READ_ONCE(conn->rec.whole);

	if (READ_ONCE(conn->drain)) {
		if (quiet > msecs_to_jiffies(DOOR_DRAIN_MS))
			tcp_conn_kill(conn);
	} else if (READ_ONCE(conn->out_bytes)) {
		tcp_conn_queue(conn);
	} else if (quiet > msecs_to_jiffies(DOOR_IDLE_MS)) {
		WRITE_ONCE(conn->idle, true);
		tcp_conn_queue(conn);
	} else if (partial && quiet > msecs_to_jiffies(DOOR_PARTIAL_MS)) {
		tcp_conn_kill(conn);
	}
}

static void door_sweep(struct work_struct *work)
{
	struct tcp_door *door = container_of(work, struct tcp_door, sweep.work);
	struct tcp_conn *conn;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&door->conns, id, conn)
		conn_sweep(conn);
	rcu_read_unlock();
	queue_delayed_work(anm_wq, &door->sweep, msecs_to_jiffies(DOOR_SWEEP_MS));
}

static void conns_stop(struct tcp_door *door)
{
	struct tcp_conn *conn;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&door->conns, id, conn)
		tcp_conn_kill(conn);
	rcu_read_unlock();
	wait_event(door->gone, !atomic_read(&door->nconns));
	synchronize_net();
}

int tcp_open(struct inst *inst, struct eng_err *err)
{
	struct tcp_door *door = kzalloc(sizeof(*door), GFP_KERNEL);
	u16 port = inst->up.nfs_port;
	int rc;

	if (!door) {
		snprintf(err->msg, sizeof(err->msg), "not enough memory for the TCP door");
		return -ENOMEM;
	}
	door->inst = inst;
	xa_init_flags(&door->conns, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_BH);
	init_waitqueue_head(&door->gone);
	INIT_LIST_HEAD(&door->stalled);
	INIT_DELAYED_WORK(&door->sweep, door_sweep);
	inst->tcp = door;
	rc = listener_start(door, port);
	if (!rc && inst->up.mount_port != port) {
		port = inst->up.mount_port;
		rc = listener_start(door, port);
	}
	if (rc) {
		if (rc == -EADDRINUSE)
			snprintf(err->msg, sizeof(err->msg),
				 "TCP port %u is taken: stop the NFS server that has it", port);
		else
			snprintf(err->msg, sizeof(err->msg), "cannot listen on TCP port %u (%d)",
				 port, rc);
		tcp_close_door(inst);
		return rc;
	}
	queue_delayed_work(anm_wq, &door->sweep, msecs_to_jiffies(DOOR_SWEEP_MS));
	return 0;
}

/* The hooks are closed, but the clock still ticks: it finds no door from the middle of this on. */
void tcp_close_door(struct inst *inst)
{
	struct tcp_door *door = inst->tcp;

	if (!door)
		return;
	listeners_stop(door);
	cancel_delayed_work_sync(&door->sweep);
	conns_stop(door);
	spin_lock_bh(&inst->lock);
	WRITE_ONCE(inst->tcp, NULL);
	spin_unlock_bh(&inst->lock);
	/* A tick may still be sending replies that it took under the lock. */
	synchronize_net();
	xa_destroy(&door->conns);
	kfree(door);
}
