// SPDX-License-Identifier: GPL-2.0-only
/* The caller's end of the control interface: generic netlink or a Unix socket. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <netlink/genl/genl.h>
#include <netlink/genl/ctrl.h>
#include "ctlclient_user.h"

#define RECV_MAX 65536

static int fail(struct ctl *c, int code, const char *what)
{
	snprintf(c->err, sizeof(c->err), "%s: %s", what, strerror(-code));
	return code;
}

static void set_timeout(int fd, int seconds)
{
	struct timeval tv = {.tv_sec = seconds};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static int unix_connect(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
		rc = errno == ECONNREFUSED ? -ENOENT : -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int open_daemon(struct ctl *c, const char *path)
{
	c->fd = unix_connect(path);
	if (c->fd == -ENOENT) {
		snprintf(c->err, sizeof(c->err), "no daemon listens at %s", path);
		return -ENOENT;
	}
	if (c->fd < 0)
		return fail(c, c->fd, path);
	c->type = ANM_CTL_MSG_TYPE;
	set_timeout(c->fd, CTL_TIMEOUT_S);
	return 0;
}

static int open_module(struct ctl *c, const char *family, const char *group)
{
	int one = 1;

	c->module = true;
	c->nl = nl_socket_alloc();
	if (!c->nl || genl_connect(c->nl) < 0)
		return fail(c, -ENOMEM, "generic netlink");
	c->fd = nl_socket_get_fd(c->nl);
	c->type = genl_ctrl_resolve(c->nl, family);
	if (c->type < 0) {
		snprintf(c->err, sizeof(c->err), "the kernel module of %s is not loaded", family);
		return -ENOENT;
	}
	if (group) {
		c->group = genl_ctrl_resolve_grp(c->nl, family, group);
		if (c->group < 0)
			c->group = 0;
	}
	setsockopt(c->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(c->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	set_timeout(c->fd, CTL_TIMEOUT_S);
	return 0;
}

int ctl_open(struct ctl *c, const char *where, const char *family, const char *group)
{
	memset(c, 0, sizeof(*c));
	c->fd = -1;
	c->seq = 1;
	if (!strcmp(where, CTL_MODULE))
		return open_module(c, family, group);
	return open_daemon(c, where);
}

void ctl_close(struct ctl *c)
{
	if (c->nl)
		nl_socket_free(c->nl);
	else if (c->fd >= 0)
		close(c->fd);
	c->nl = NULL;
	c->fd = -1;
}

const char *ctl_default(const char *sock)
{
	int fd = unix_connect(sock);

	/* A socket that may not be used is still where the user meant to go. */
	if (fd == -ENOENT)
		return CTL_MODULE;
	if (fd >= 0)
		close(fd);
	return sock;
}

struct nl_msg *ctl_msg(struct ctl *c, uint8_t cmd, bool dump)
{
	struct nl_msg *msg = nlmsg_alloc_size(ANM_CTL_MSG_MAX);
	int flags = NLM_F_REQUEST | NLM_F_ACK | (dump ? NLM_F_DUMP : 0);

	if (!msg)
		return NULL;
	if (!genlmsg_put(msg, 0, ++c->seq, c->type, 0, flags, cmd, ANM_ENG_GENL_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* Finds the words of a refusal behind an error or an end of dump. */
static void read_reason(struct ctl *c, struct nlmsghdr *nlh, int off, int code)
{
	struct nlattr *nla;
	int left = nlmsg_datalen(nlh) - off;

	/* The kernel itself says this of rights, and not which. */
	snprintf(c->err, sizeof(c->err), "%s",
		 code == -EPERM ? "only root (CAP_NET_ADMIN) may do this" : strerror(-code));
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || left < 0)
		return;
	nla = nla_find((struct nlattr *)((char *)nlmsg_data(nlh) + off), left, NLMSGERR_ATTR_MSG);
	if (nla && nla_len(nla) > 0)
		nla_strlcpy(c->err, nla, sizeof(c->err));
}

static int read_error(struct ctl *c, struct nlmsghdr *nlh)
{
	struct nlmsgerr *e = nlmsg_data(nlh);
	int off = sizeof(*e);

	if (nlmsg_datalen(nlh) < off)
		return fail(c, -EPROTO, "answer");
	if (!e->error)
		return 0;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		off += NLMSG_ALIGN(e->msg.nlmsg_len - NLMSG_HDRLEN);
	read_reason(c, nlh, off, e->error);
	return e->error < 0 ? e->error : -EPROTO;
}

static int read_done(struct ctl *c, struct nlmsghdr *nlh)
{
	int code = 0;

	if (nlmsg_datalen(nlh) >= (int)sizeof(code))
		memcpy(&code, nlmsg_data(nlh), sizeof(code));
	if (code < 0)
		read_reason(c, nlh, sizeof(code), code);
	return code < 0 ? code : 0;
}

static int take_one(struct ctl *c, struct nlmsghdr *nlh, ctl_cb cb, void *arg, bool *end)
{
	struct genlmsghdr *g = nlmsg_data(nlh);

	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		*end = true;
		return nlh->nlmsg_type == NLMSG_DONE ? read_done(c, nlh) : read_error(c, nlh);
	}
	if (nlh->nlmsg_type != c->type || nlmsg_datalen(nlh) < (int)sizeof(*g) || !cb)
		return 0;
	return cb(g->cmd, nlh, arg);
}

/* One packet: seq 0 takes events, else the answers to that request. */
static int take_packet(struct ctl *c, char *buf, int len, uint32_t seq, ctl_cb cb, void *arg,
		       bool *end)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	int rc = 0, r;

	for (; nlmsg_ok(nlh, len); nlh = nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_seq != seq)
			continue;
		r = take_one(c, nlh, cb, arg, end);
		if (r && !rc)
			rc = r;
	}
	return rc;
}

static int receive(struct ctl *c, char *buf)
{
	ssize_t n = recv(c->fd, buf, RECV_MAX, 0);

	if (n > 0)
		return n;
	if (n == 0) {
		snprintf(c->err, sizeof(c->err), "the daemon has hung up");
		return -EPIPE;
	}
	if (errno == EAGAIN) {
		snprintf(c->err, sizeof(c->err), "no answer within %d s", CTL_TIMEOUT_S);
		return -ETIMEDOUT;
	}
	return fail(c, -errno, "receive");
}

int ctl_call(struct ctl *c, struct nl_msg *msg, ctl_cb cb, void *arg)
{
	/* libnl and the kernel align to 4 and more */
	char buf[RECV_MAX] __attribute__((aligned(16)));
	struct nlmsghdr *nlh;
	uint32_t seq = c->seq;
	bool end = false;
	int rc = 0, n, r;

	c->err[0] = '\0';
	if (!msg)
		return fail(c, -ENOMEM, "request");
	nlh = nlmsg_hdr(msg);
	n = send(c->fd, nlh, nlh->nlmsg_len, MSG_NOSIGNAL);
	nlmsg_free(msg);
	if (n < 0)
		return fail(c, -errno, "send");
	while (!end) {
		n = receive(c, buf);
		if (n < 0)
			return n;
		r = take_packet(c, buf, n, seq, cb, arg, &end);
		if (r && !rc)
			rc = r;
	}
	if (rc && !c->err[0])
		snprintf(c->err, sizeof(c->err), "%s", strerror(-rc));
	return rc;
}

int ctl_subscribe(struct ctl *c, uint8_t cmd)
{
	int rc;

	if (!c->module)
		rc = ctl_call(c, ctl_msg(c, cmd, false), NULL, NULL);
	else if (!c->group)
		rc = fail(c, -ENOENT, "events");
	else if (nl_socket_add_membership(c->nl, c->group) < 0)
		rc = fail(c, -errno, "events");
	else
		rc = 0;
	if (!rc)
		set_timeout(c->fd, 0);
	return rc;
}

int ctl_events(struct ctl *c, ctl_cb cb, void *arg)
{
	char buf[RECV_MAX] __attribute__((aligned(16)));
	bool end = false;
	int n = receive(c, buf);

	return n < 0 ? n : take_packet(c, buf, n, 0, cb, arg, &end);
}
