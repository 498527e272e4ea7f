// SPDX-License-Identifier: GPL-2.0-only
/* The daemons' end of the control interface: generic netlink messages on a Unix socket. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <netlink/genl/genl.h>
#include "ctlserver_user.h"

#define EVENT_MSG_MAX 512
#define RUN_ROUNDS    64 /* messages sent or requests read for one connection a run */

struct outmsg {
	struct list_head link;
	struct nl_msg *msg;
};

struct dump {
	bool on;
	uint8_t cmd;
	uint32_t seq;
	u32 cursor;
};

struct conn {
	struct ctlserver *s;
	int fd;
	bool may_write;
	bool subscribed;
	bool wants_out;
	struct list_head out;
	unsigned int nout;
	struct dump dump;
};

struct ctlserver {
	int listen_fd;
	int ep;
	const struct ctls_ops *ops;
	void *ctx;
	struct conn *conns[CTLS_CONNS_MAX];
	unsigned int nconns;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static void watch(struct conn *c, bool out)
{
	struct epoll_event ev = {.events = out ? EPOLLOUT : EPOLLIN, .data.ptr = c};

	if (c->wants_out == out)
		return;
	c->wants_out = out;
	epoll_ctl(c->s->ep, EPOLL_CTL_MOD, c->fd, &ev);
}

/* A full house leaves newcomers in the backlog, where they cost nothing. */
static void watch_listener(struct ctlserver *s)
{
	struct epoll_event ev = {.events = s->nconns < CTLS_CONNS_MAX ? EPOLLIN : 0};

	epoll_ctl(s->ep, EPOLL_CTL_MOD, s->listen_fd, &ev);
}

static void conn_close(struct conn *c)
{
	struct ctlserver *s = c->s;
	struct outmsg *o, *tmp;
	unsigned int i;

	list_for_each_entry_safe(o, tmp, &c->out, link) {
		nlmsg_free(o->msg);
		free(o);
	}
	close(c->fd);
	for (i = 0; i < s->nconns; i++) {
		if (s->conns[i] != c)
			continue;
		s->conns[i] = s->conns[--s->nconns];
		break;
	}
	watch_listener(s);
	free(c);
}

/* Takes the message. Without memory the connection cannot be kept in step. */
static int conn_queue(struct conn *c, struct nl_msg *msg)
{
	struct outmsg *o = msg ? malloc(sizeof(*o)) : NULL;

	if (!o) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	o->msg = msg;
	list_add_tail(&o->link, &c->out);
	c->nout++;
	return 0;
}

static struct nl_msg *new_msg(size_t size, uint8_t cmd, uint32_t seq, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(size);

	if (msg && !genlmsg_put(msg, 0, seq, ANM_CTL_MSG_TYPE, 0, flags, cmd, 1)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

/* The kernel's own form of an acknowledgement, capped, with the words behind it. */
static int queue_ack(struct conn *c, const struct nlmsghdr *req, int code, const char *why)
{
	int flags = NLM_F_CAPPED | (code && why[0] ? NLM_F_ACK_TLVS : 0);
	struct nl_msg *msg = nlmsg_alloc_size(1024);
	struct nlmsgerr e = {.error = code, .msg = *req};

	if (!msg || !nlmsg_put(msg, 0, req->nlmsg_seq, NLMSG_ERROR, 0, flags) ||
	    nlmsg_append(msg, &e, sizeof(e), NLMSG_ALIGNTO) ||
	    ((flags & NLM_F_ACK_TLVS) && nla_put_string(msg, NLMSGERR_ATTR_MSG, why))) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return conn_queue(c, msg);
}

static int queue_done(struct conn *c, int code)
{
	struct nl_msg *msg = nlmsg_alloc_size(256);

	if (!msg || !nlmsg_put(msg, 0, c->dump.seq, NLMSG_DONE, 0, NLM_F_MULTI) ||
	    nlmsg_append(msg, &code, sizeof(code), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return conn_queue(c, msg);
}

static int dump_step(struct conn *c)
{
	const struct ctls_ops *ops = c->s->ops;
	struct nl_msg *msg = new_msg(ANM_CTL_MSG_MAX, c->dump.cmd, c->dump.seq, NLM_F_MULTI);
	int rc;

	if (!msg)
		return -ENOMEM;
	rc = ops->dump(c->s->ctx, c->dump.cmd, msg, &c->dump.cursor);
	if (rc > 0)
		return conn_queue(c, msg);
	nlmsg_free(msg);
	c->dump.on = false;
	return queue_done(c, rc);
}

/* Tells why a request may not be carried out, NULL if it may. */
static const char *check(struct conn *c, struct nlmsghdr *nlh, struct nlattr **attrs, int *code)
{
	const struct ctls_ops *ops = c->s->ops;
	struct genlmsghdr *g = nlmsg_data(nlh);

	*code = -EINVAL;
	if (nlh->nlmsg_type != ANM_CTL_MSG_TYPE || nlmsg_datalen(nlh) < (int)sizeof(*g))
		return "not a control message";
	*code = -EOPNOTSUPP;
	if (!g->cmd || g->cmd > ops->cmd_max || g->version != 1)
		return "no such command: are tool and daemon of the same version?";
	if ((nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP && !(ops->dumps >> g->cmd & 1))
		return "this command has no dump";
	*code = -EPERM;
	if ((ops->writes >> g->cmd & 1) && !c->may_write)
		return "only root and the daemon's own user may do this";
	*code = -EINVAL;
	if (WARN_ON_ONCE(ops->attr_max > CTL_ATTR_MAX) ||
	    genlmsg_parse(nlh, 0, attrs, ops->attr_max, ops->policy) < 0)
		return "malformed attributes";
	return NULL;
}

static int carry_out(struct conn *c, struct nlmsghdr *nlh, struct nlattr **attrs)
{
	struct genlmsghdr *g = nlmsg_data(nlh);
	struct ctls_req req = {.cmd = g->cmd, .attrs = attrs};
	int rc;

	req.reply = new_msg(ANM_CTL_MSG_MAX, g->cmd, nlh->nlmsg_seq, 0);
	if (!req.reply)
		return -ENOMEM;
	rc = c->s->ops->doit(c->s->ctx, &req);
	if (!rc && req.subscribe)
		c->subscribed = true;
	if (!rc && nlmsg_datalen(nlmsg_hdr(req.reply)) > (int)GENL_HDRLEN)
		rc = conn_queue(c, req.reply);
	else
		nlmsg_free(req.reply);
	return queue_ack(c, nlh, rc, req.err);
}

static int request(struct conn *c, struct nlmsghdr *nlh)
{
	struct nlattr *attrs[CTL_ATTR_MAX + 1];
	struct genlmsghdr *g = nlmsg_data(nlh);
	const char *why;
	int code;

	why = check(c, nlh, attrs, &code);
	if (why)
		return queue_ack(c, nlh, code, why);
	if ((nlh->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		return carry_out(c, nlh, attrs);
	c->dump = (struct dump){.on = true, .cmd = g->cmd, .seq = nlh->nlmsg_seq};
	return 0;
}

/* Return: 1 when a message left, 0 when none waits, -EAGAIN when it must wait. */
static int send_one(struct conn *c)
{
	struct outmsg *o;
	struct nlmsghdr *nlh;

	if (list_empty(&c->out))
		return 0;
	o = list_first_entry(&c->out, struct outmsg, link);
	nlh = nlmsg_hdr(o->msg);
	if (send(c->fd, nlh, nlh->nlmsg_len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	list_del(&o->link);
	nlmsg_free(o->msg);
	free(o);
	c->nout--;
	return 1;
}

static int receive_one(struct conn *c)
{
	char buf[ANM_CTL_MSG_MAX] __attribute__((aligned(16)));
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return -errno;
	if (n < NLMSG_HDRLEN || n > (ssize_t)sizeof(buf) || !nlmsg_ok(nlh, n))
		return -EPIPE; /* end of stream, or nobody who speaks this */
	return request(c, nlh);
}

/* Sends before it reads: a caller that does not take answers gets no further ones. */
static void conn_run(struct conn *c)
{
	int rounds, rc = 0;

	for (rounds = 0; rounds < RUN_ROUNDS; rounds++) {
		rc = send_one(c);
		if (!rc)
			rc = c->dump.on ? dump_step(c) : receive_one(c);
		if (rc < 0)
			break;
	}
	if (rc < 0 && rc != -EAGAIN && rc != -EINTR)
		conn_close(c);
	else
		watch(c, !list_empty(&c->out) || c->dump.on);
}

static void accept_one(struct ctlserver *s)
{
	struct epoll_event ev = {.events = EPOLLIN};
	socklen_t len = sizeof(struct ucred);
	struct ucred cred;
	struct conn *c;
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	ev.data.ptr = c;
	if (!c || s->nconns == CTLS_CONNS_MAX ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) ||
	    epoll_ctl(s->ep, EPOLL_CTL_ADD, fd, &ev)) {
		free(c);
		close(fd);
		return;
	}
	c->s = s;
	c->fd = fd;
	c->may_write = cred.uid == 0 || cred.uid == geteuid();
	INIT_LIST_HEAD(&c->out);
	s->conns[s->nconns++] = c;
	watch_listener(s);
}

static bool has_listener(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && !connect(fd, (const struct sockaddr *)sun, sizeof(*sun));

	if (fd >= 0)
		close(fd);
	return yes;
}

static int make_parent(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return mkdir(dir, 0755) && errno != EEXIST ? -errno : 0;
}

static int listen_on(struct ctlserver *s, const char *path, char *err, size_t errlen)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct epoll_event ev = {.events = EPOLLIN};

	if (strlen(path) >= sizeof(sun.sun_path)) {
		snprintf(err, errlen, "%s: longer than a socket's path may be", path);
		return -ENAMETOOLONG;
	}
	strcpy(sun.sun_path, path);
	if (has_listener(&sun)) {
		snprintf(err, errlen, "%s: another daemon listens there; give --control PATH",
			 path);
		return -EADDRINUSE;
	}
	if (make_parent(path))
		goto fail;
	if (unlink(path) && errno != ENOENT)
		goto fail;
	s->ep = epoll_create1(EPOLL_CLOEXEC);
	s->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->ep < 0 || s->listen_fd < 0 ||
	    bind(s->listen_fd, (struct sockaddr *)&sun, sizeof(sun)))
		goto fail;
	strcpy(s->path, path);
	/* Everyone may look; who may change is checked at each request. */
	if (chmod(path, 0666) || listen(s->listen_fd, 16) ||
	    epoll_ctl(s->ep, EPOLL_CTL_ADD, s->listen_fd, &ev))
		goto fail;
	return 0;
fail:
	snprintf(err, errlen, "%s: %s", path, strerror(errno));
	return -errno;
}

struct ctlserver *ctls_open(const char *path, const struct ctls_ops *ops, void *ctx, char *err,
			    size_t errlen)
{
	struct ctlserver *s = calloc(1, sizeof(*s));

	if (!s) {
		snprintf(err, errlen, "no memory");
		return NULL;
	}
	s->ops = ops;
	s->ctx = ctx;
	s->listen_fd = -1;
	s->ep = -1;
	if (listen_on(s, path, err, errlen)) {
		ctls_close(s);
		return NULL;
	}
	return s;
}

void ctls_close(struct ctlserver *s)
{
	if (!s)
		return;
	while (s->nconns)
		conn_close(s->conns[0]);
	if (s->path[0])
		unlink(s->path);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	if (s->ep >= 0)
		close(s->ep);
	free(s);
}

int ctls_fd(const struct ctlserver *s)
{
	return s->ep;
}

void ctls_run(struct ctlserver *s)
{
	struct epoll_event ev[CTLS_CONNS_MAX + 1];
	int i, n = epoll_wait(s->ep, ev, CTLS_CONNS_MAX + 1, 0);

	for (i = 0; i < n; i++) {
		if (ev[i].data.ptr)
			conn_run(ev[i].data.ptr);
		else
			accept_one(s);
	}
}

void ctls_flush(struct ctlserver *s, int ms)
{
	struct pollfd p = {.fd = s->ep, .events = POLLIN};
	unsigned int i, waiting;

	for (; ms > 0; ms -= 10) {
		for (i = 0, waiting = 0; i < s->nconns; i++)
			waiting += s->conns[i]->nout;
		if (!waiting)
			return;
		if (poll(&p, 1, 10) > 0)
			ctls_run(s);
	}
}

struct nl_msg *ctls_event_begin(struct ctlserver *s, uint8_t cmd)
{
	unsigned int i;

	for (i = 0; i < s->nconns; i++)
		if (s->conns[i]->subscribed)
			return new_msg(EVENT_MSG_MAX, cmd, 0, 0);
	return NULL;
}

void ctls_event_end(struct ctlserver *s, struct nl_msg *msg)
{
	unsigned int i = s->nconns;

	while (i--) {
		struct conn *c = s->conns[i];

		if (!c->subscribed)
			continue;
		nlmsg_get(msg);
		if (c->nout >= CTLS_EVENTS_QUEUE || conn_queue(c, msg))
			conn_close(c);
		else
			watch(c, true);
	}
	nlmsg_free(msg);
}
