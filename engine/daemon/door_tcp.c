// SPDX-License-Identifier: GPL-2.0-only
/*
 * NFS and MOUNT over TCP: records in, replies out. Nothing is ever dropped on
 * a living connection; instead it is not read on while the core has no room
 * for its client, or while it does not take its answers.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../../proto/addr_user.h"
#include "../../proto/rpc.h"
#include "daemon.h"

#define READ_MAX    (256u << 10) /* bytes read at once */
#define READ_SCARCE (4u << 10)	 /* ... while replies take much memory: each call may add one */
#define REC_KEEP    (64u << 10)	 /* a record buffer larger than this is given back at once */
#define SEND_IOVS   512
#define SEND_BATCH  32
#define USER_TMO_MS 120000 /* a client that takes no bytes for so long is gone */
#define LISTENERS   2

/* What anm_peer.opaque holds for this door. */
struct tcp_way {
	u32 slot;
	u32 gen;
} __packed;

/*
 * @rec, @rec_len, @rec_cap: a record that has not all come, or (@whole) one that the core had no
 *                           room for
 * @held, @held_len:         bytes of the stream behind it, read already
 * @out, @sent, @unsent:     replies; bytes of the first that have left; memory of them all
 */
struct conn {
	struct sink sink;
	struct tcp_door *door;
	int fd;
	u32 slot;
	u32 gen;
	u32 watched;
	struct anm_addr addr;
	u16 port;
	bool whole;
	bool waits;
	bool dirty;
	struct rpc_rm rm;
	u8 *rec;
	u32 rec_len;
	u32 rec_cap;
	u8 *held;
	u32 held_len;
	struct list_head out;
	u32 sent;
	u64 unsent;
};

struct listener {
	struct sink sink;
	struct tcp_door *door;
	int fd;
};

struct tcp_door {
	struct daemon *d;
	struct listener listeners[LISTENERS];
	struct conn *conns[DOOR_TCP_CONNS_MAX];
	u32 max; /* connections: no more than there are file descriptors for */
	u32 gen;
	u32 nwaits;
	u32 ndirty;
	u64 held;   /* bytes in rec and held, all connections */
	u64 unsent; /* memory of replies, all connections */
	u8 buf[READ_MAX];
};

static void conn_watch(struct conn *c)
{
	bool full = c->unsent >= DOOR_TCP_UNSENT_MAX ||
		    (c->unsent >= DOOR_TCP_UNSENT_FAIR && c->door->unsent >= DOOR_TCP_UNSENT_ALL);
	u32 want = c->waits || full ? 0 : EPOLLIN;

	if (c->unsent)
		want |= EPOLLOUT;
	if (want == c->watched)
		return;
	c->watched = want;
	daemon_rewatch(c->door->d, c->fd, &c->sink, want);
}

static void set_waits(struct conn *c, bool waits)
{
	if (c->waits == waits)
		return;
	c->waits = waits;
	c->door->nwaits += waits ? 1 : -1;
	if (waits)
		COUNT(c->door->d, door_tcp_waits);
}

static void set_dirty(struct conn *c, bool dirty)
{
	if (c->dirty == dirty)
		return;
	c->dirty = dirty;
	c->door->ndirty += dirty ? 1 : -1;
}

static void rec_free(struct conn *c)
{
	c->door->held -= c->rec_cap;
	free(c->rec);
	c->rec = NULL;
	c->rec_cap = 0;
	c->rec_len = 0;
}

static void held_free(struct conn *c)
{
	c->door->held -= c->held_len;
	free(c->held);
	c->held = NULL;
	c->held_len = 0;
}

/* A reply that has left, or never will. */
static void out_drop(struct conn *c, struct anm_out *out)
{
	c->unsent -= anm_out_memory(out);
	c->door->unsent -= anm_out_memory(out);
	list_del(&out->link);
	anm_out_free(out);
}

static void conn_close(struct conn *c)
{
	struct tcp_door *t = c->door;
	struct anm_out *out, *tmp;

	list_for_each_entry_safe(out, tmp, &c->out, link)
		out_drop(c, out);
	set_waits(c, false);
	set_dirty(c, false);
	rec_free(c);
	held_free(c);
	close(c->fd);
	t->conns[c->slot] = NULL;
	free(c);
}

static int deliver(struct conn *c, const u8 *p, u32 n)
{
	struct anm_rec rec = {.head = p, .head_len = n, .len = n};
	struct anm_peer from = {.addr = c->addr, .port = c->port, .door = ANM_DOOR_TCP};
	struct tcp_way way = {.slot = c->slot, .gen = c->gen};

	memcpy(from.opaque, &way, sizeof(way));
	return eng_rpc_in(c->door->d->e, &from, &rec, now_ns());
}

/* Grown as bytes come, not as a mark promises: promises cost a stranger nothing. */
static int rec_append(struct conn *c, const u8 *p, u32 n)
{
	u32 need = c->rec_len + n;
	u32 cap = c->rec_cap ? c->rec_cap : 4096;
	u8 *rec;

	while (cap < need)
		cap *= 2;
	if (cap > c->rec_cap) {
		if (c->door->held + cap - c->rec_cap > DOOR_TCP_HELD_MAX)
			return -ENOBUFS;
		rec = realloc(c->rec, cap);
		if (!rec)
			return -ENOMEM;
		c->door->held += cap - c->rec_cap;
		c->rec = rec;
		c->rec_cap = cap;
	}
	memcpy(c->rec + c->rec_len, p, n);
	c->rec_len = need;
	return 0;
}

/* A whole record lies in c->rec. Return: 0, -EAGAIN (kept), -EPROTO. */
static int rec_deliver(struct conn *c)
{
	int rc = deliver(c, c->rec, c->rec_len);

	c->whole = rc == -EAGAIN;
	if (!rc && c->rec_cap > REC_KEEP)
		rec_free(c);
	else if (!rc)
		c->rec_len = 0;
	return rc;
}

/*
 * Takes some of the stream. *used tells how much, all of it unless -EAGAIN: then
 * a whole record waits in c->rec.
 */
static int conn_feed(struct conn *c, const u8 *p, u32 n, u32 *used)
{
	struct rpc_rm_step s;
	int rc = 0;

	for (*used = 0; *used < n && !rc; *used += s.used) {
		const u8 *q = p + *used;

		rc = rpc_rm_step(&c->rm, q, n - *used, &s);
		if (rc)
			return rc;
		if (s.done && !c->rec_len) {
			rc = deliver(c, q + s.off, s.len); /* all here: no copy */
			if (rc != -EAGAIN)
				continue;
			c->whole = true;
			rc = rec_append(c, q + s.off, s.len);
			rc = rc ? rc : -EAGAIN;
			continue;
		}
		rc = s.len ? rec_append(c, q + s.off, s.len) : 0;
		if (!rc && s.done)
			rc = rec_deliver(c);
	}
	return rc;
}

static int hold(struct conn *c, const u8 *p, u32 n)
{
	u8 *held;

	if (!n) {
		held_free(c);
		return 0;
	}
	held = malloc(n);
	if (!held)
		return -ENOMEM;
	memcpy(held, p, n);
	held_free(c);
	c->held = held;
	c->held_len = n;
	c->door->held += n;
	return 0;
}

/* Return: 0 when the connection lives on. */
static int conn_took(struct conn *c, int rc, const u8 *rest, u32 n)
{
	if (rc == -EAGAIN) {
		set_waits(c, true);
		rc = hold(c, rest, n);
	} else if (!rc) {
		set_waits(c, false);
		held_free(c);
	}
	if (!rc) {
		conn_watch(c);
		return 0;
	}
	COUNT(c->door->d, door_tcp_bad);
	conn_close(c);
	return rc;
}

static void conn_retry(struct conn *c)
{
	u32 used = 0;
	int rc = c->whole ? rec_deliver(c) : 0;

	if (!rc && c->held)
		rc = conn_feed(c, c->held, c->held_len, &used);
	conn_took(c, rc, c->held + used, c->held_len - used);
}

static void conn_read(struct conn *c)
{
	struct tcp_door *t = c->door;
	u32 used;
	ssize_t n;
	int rc;

	n = recv(c->fd, t->buf, t->unsent < DOOR_TCP_UNSENT_ALL ? READ_MAX : READ_SCARCE,
		 MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	rc = conn_feed(c, t->buf, n, &used);
	conn_took(c, rc, t->buf + used, n - used);
}

/* Puts what is left of a reply, its mark first, into iov. */
static int fill_iov(const struct anm_out *out, u8 *mark, u32 skip, struct iovec *iov)
{
	int n = 0, i;

	rpc_mark_encode(mark, out->len);
	for (i = -2; i < out->nfrags; i++) {
		struct iovec v;

		if (i == -2)
			v = (struct iovec){mark, RPC_MARK_LEN};
		else if (i == -1)
			v = (struct iovec){out->head, out->head_len};
		else
			v = (struct iovec){(u8 *)anm_page_data(out->frags[i].page) +
						   out->frags[i].off,
					   out->frags[i].len};
		if (skip >= v.iov_len) {
			skip -= v.iov_len;
			continue;
		}
		v.iov_base = (u8 *)v.iov_base + skip;
		v.iov_len -= skip;
		skip = 0;
		iov[n++] = v;
	}
	return n;
}

static void conn_sent(struct conn *c, size_t n)
{
	struct anm_out *out;

	c->sent += n;
	while (!list_empty(&c->out)) {
		out = list_first_entry(&c->out, struct anm_out, link);
		if (c->sent < out->len + RPC_MARK_LEN)
			break;
		c->sent -= out->len + RPC_MARK_LEN;
		out_drop(c, out);
	}
}

static ssize_t send_batch(struct conn *c)
{
	struct iovec iov[SEND_IOVS];
	u8 marks[SEND_BATCH][RPC_MARK_LEN];
	struct msghdr mh = {.msg_iov = iov};
	struct anm_out *out;
	u32 skip = c->sent;
	int batch = 0;
	ssize_t n;

	list_for_each_entry(out, &c->out, link) {
		if (batch == SEND_BATCH || mh.msg_iovlen + out->nfrags + 2u > SEND_IOVS)
			break;
		mh.msg_iovlen += fill_iov(out, marks[batch++], skip, iov + mh.msg_iovlen);
		skip = 0;
	}
	n = sendmsg(c->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

static void conn_flush(struct conn *c)
{
	ssize_t n;

	set_dirty(c, false);
	while (!list_empty(&c->out)) {
		n = send_batch(c);
		if (n == -EAGAIN)
			break;
		if (n < 0) {
			conn_close(c);
			return;
		}
		conn_sent(c, n);
	}
	conn_watch(c);
}

static void conn_ready(struct sink *sink, uint32_t events)
{
	struct conn *c = container_of(sink, struct conn, sink);

	if (events & (EPOLLERR | EPOLLHUP)) {
		conn_close(c);
		return;
	}
	/* Either of the two may end the connection, so one at a time. */
	if ((events & EPOLLOUT) && c->unsent)
		conn_flush(c);
	else if (events & EPOLLIN)
		conn_read(c);
}

/* Return: a free slot, or t->max when there is none, or none for @addr. */
static u32 conn_slot(const struct tcp_door *t, const struct anm_addr *addr)
{
	u32 i, slot = t->max, same = 0;

	for (i = 0; i < t->max; i++) {
		if (!t->conns[i])
			slot = min(slot, i);
		else if (!memcmp(&t->conns[i]->addr, addr, sizeof(*addr)))
			same++;
	}
	return same < DOOR_TCP_CONNS_ADDR ? slot : t->max;
}

static struct conn *conn_new(struct tcp_door *t, int fd, const struct sockaddr_storage *ss)
{
	int one = 1, tmo = USER_TMO_MS;
	struct anm_addr addr;
	struct conn *c;
	u16 port;
	u32 slot;

	addr_from_sockaddr(ss, &addr, &port);
	slot = conn_slot(t, &addr);
	c = slot < t->max ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return NULL;
	c->addr = addr;
	c->port = port;
	c->sink.ready = conn_ready;
	c->door = t;
	c->fd = fd;
	c->slot = slot;
	c->gen = ++t->gen;
	c->watched = EPOLLIN;
	rpc_rm_init(&c->rm, ENG_RPC_MAX);
	INIT_LIST_HEAD(&c->out);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &tmo, sizeof(tmo));
	t->conns[slot] = c;
	return c;
}

static void listener_ready(struct sink *sink, uint32_t events)
{
	struct listener *l = container_of(sink, struct listener, sink);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct conn *c;
	int fd;

	(void)events;
	fd = accept4(l->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	c = conn_new(l->door, fd, &ss);
	if (!c) {
		COUNT(l->door->d, door_tcp_refused);
		close(fd);
		return;
	}
	COUNT(l->door->d, door_tcp_accepted);
	if (daemon_watch(l->door->d, fd, &c->sink, EPOLLIN))
		conn_close(c);
}

void tcp_queue(struct daemon *d, struct anm_out *out)
{
	struct tcp_way way;
	struct conn *c;

	memcpy(&way, out->to.opaque, sizeof(way));
	c = d->tcp && way.slot < DOOR_TCP_CONNS_MAX ? d->tcp->conns[way.slot] : NULL;
	if (!c || c->gen != way.gen || out->nfrags + 2u > SEND_IOVS) {
		WARN_ON_ONCE(out->nfrags + 2u > SEND_IOVS);
		COUNT(d, door_tcp_gone);
		anm_out_free(out);
		return;
	}
	list_add_tail(&out->link, &c->out);
	c->unsent += anm_out_memory(out);
	d->tcp->unsent += anm_out_memory(out);
	set_dirty(c, true);
}

void tcp_flush(struct daemon *d)
{
	u32 i;

	for (i = 0; d->tcp && d->tcp->ndirty && i < DOOR_TCP_CONNS_MAX; i++)
		if (d->tcp->conns[i] && d->tcp->conns[i]->dirty)
			conn_flush(d->tcp->conns[i]);
}

void tcp_resume(struct daemon *d)
{
	u32 i;

	for (i = 0; d->tcp && d->tcp->nwaits && i < DOOR_TCP_CONNS_MAX; i++) {
		struct conn *c = d->tcp->conns[i];

		if (c && c->waits && eng_has_room(d->e, &c->addr))
			conn_retry(c);
	}
}

static int listener_open(struct tcp_door *t, struct listener *l, u16 port)
{
	struct sockaddr_storage ss;
	int one = 1, zero = 0, family = AF_INET6, type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	socklen_t len;

	l->fd = socket(AF_INET6, type, 0);
	if (l->fd < 0 && errno == EAFNOSUPPORT) {
		family = AF_INET;
		l->fd = socket(AF_INET, type, 0);
	}
	if (l->fd < 0)
		return -errno;
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == AF_INET6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	len = addr_to_sockaddr(&t->d->up.listen, port, family, 0, &ss);
	if (bind(l->fd, (struct sockaddr *)&ss, len) || listen(l->fd, 64))
		return -errno;
	l->sink.ready = listener_ready;
	l->door = t;
	return daemon_watch(t->d, l->fd, &l->sink, EPOLLIN);
}

/* As many connections as there may be files; a listener that can accept none would spin. */
static u32 conns_max(void)
{
	struct rlimit rl;
	rlim_t want = DOOR_TCP_CONNS_MAX + DOOR_FDS;

	if (getrlimit(RLIMIT_NOFILE, &rl))
		return DOOR_TCP_CONNS_ADDR;
	if (rl.rlim_cur < want) {
		rl.rlim_cur = min(want, rl.rlim_max);
		if (setrlimit(RLIMIT_NOFILE, &rl))
			getrlimit(RLIMIT_NOFILE, &rl);
	}
	rl.rlim_cur = min(rl.rlim_cur, want);
	return rl.rlim_cur > DOOR_FDS ? (u32)rl.rlim_cur - DOOR_FDS : 1;
}

/* UDP has bound its ports before: TCP takes the same numbers. */
int tcp_open(struct daemon *d)
{
	u16 ports[LISTENERS] = {d->up.nfs_port, d->up.mount_port};
	int i, rc;

	if (!d->up.tcp)
		return 0;
	d->tcp = calloc(1, sizeof(*d->tcp));
	if (!d->tcp)
		return -ENOMEM;
	d->tcp->d = d;
	d->tcp->max = conns_max();
	for (i = 0; i < LISTENERS; i++)
		d->tcp->listeners[i].fd = -1;
	for (i = 0; i < LISTENERS; i++) {
		if (i && ports[i] == ports[0])
			break;
		rc = listener_open(d->tcp, &d->tcp->listeners[i], ports[i]);
		if (rc) {
			snprintf(d->why, sizeof(d->why), "TCP port %u: %s", ports[i],
				 strerror(-rc));
			return rc;
		}
	}
	return 0;
}

void tcp_close(struct daemon *d)
{
	u32 i;

	if (!d->tcp)
		return;
	for (i = 0; i < DOOR_TCP_CONNS_MAX; i++)
		if (d->tcp->conns[i])
			conn_close(d->tcp->conns[i]);
	for (i = 0; i < LISTENERS; i++)
		if (d->tcp->listeners[i].fd >= 0)
			close(d->tcp->listeners[i].fd);
	free(d->tcp);
	d->tcp = NULL;
}
