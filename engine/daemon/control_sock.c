// SPDX-License-Identifier: GPL-2.0-only
/* The daemon's control socket: requests of anemone_genl.h to the core, and events. */
#include <stdio.h>
#include <string.h>
#include "daemon.h"

static const char *const event_names[] = {
	[ENG_EV_SERVER_JOIN] = "memory server joined",
	[ENG_EV_SERVER_LEAVE] = "memory server left",
	[ENG_EV_SERVER_SUSPECT] = "memory server does not answer",
	[ENG_EV_SERVER_DEAD] = "memory server given up",
	[ENG_EV_VAI_ADDED] = "VAI created",
	[ENG_EV_VAI_DELETED] = "VAI deleted",
	[ENG_EV_VAI_MOUNTED] = "VAI mounted",
	[ENG_EV_VAI_UNMOUNTED] = "VAI unmounted",
	[ENG_EV_PAGE_LOST] = "page lost",
	[ENG_EV_RECOVERED] = "page map rebuilt",
	[ENG_EV_VAI_LOSSY] = "pages lost with a memory server's memory",
	[ENG_EV_VERSIONS] = "page versions reach into the next epoch",
	[ENG_EV_VAI_DEGRADED] = "VAI degraded: pages have too few copies",
	[ENG_EV_VAI_REPAIRED] = "VAI repaired",
	[ENG_EV_SERVER_DRAINED] = "memory server drained",
	[ENG_EV_SERVER_DRAINING] = "memory server is being drained",
	[ENG_EV_SERVER_DRAIN_CANCELLED] = "drain of memory server cancelled",
	[ENG_EV_SERVER_SWEPT] = "what was lost with a memory server's memory is known",
	[ENG_EV_SERVER_BEHIND] = "memory server may have pages that are out of date",
	[ENG_EV_SERVER_CURRENT] = "memory server has forgotten all that was out of date",
	[ENG_EV_VAI_UNFLUSHED] = "pages of a VAI are to be stored later",
	[ENG_EV_VAI_FLUSHED] = "all pages of a VAI are stored",
};

static int do_vai_new(struct daemon *d, struct ctls_req *req, struct eng_err *err)
{
	int rc = eng_ctl_vai_new(d->e, req->attrs, err);

	return rc ? rc : eng_ctl_vai_get(req->reply, d->e, req->attrs, err);
}

static int do_down(struct daemon *d, struct ctls_req *req, struct eng_err *err)
{
	int rc = eng_ctl_down_check(d->e, eng_ctl_forced(req->attrs), err);

	if (!rc)
		d->stopping = true;
	return rc;
}

static int do_up(struct daemon *d, struct ctls_req *req, struct eng_err *err)
{
	struct eng_ctl_up up;
	int rc;

	if (d->e) {
		snprintf(err->msg, sizeof(err->msg), "the daemon's engine is up already");
		return -EEXIST;
	}
	rc = eng_ctl_up_parse(req->attrs, &up, err);
	if (rc)
		return rc;
	rc = daemon_up(d, &up);
	if (rc)
		snprintf(err->msg, sizeof(err->msg), "%.150s", d->why);
	return rc;
}

static int no_engine(struct daemon *d, struct ctls_req *req)
{
	if (req->cmd == ANM_ENG_CMD_DOWN) {
		d->stopping = true;
		return 0;
	}
	snprintf(req->err, sizeof(req->err),
		 "the daemon waits for its configuration: 'engctl up --attach'");
	return -ENODEV;
}

static int carry_out(void *ctx, struct ctls_req *req)
{
	struct daemon *d = ctx;
	struct eng_err err = {""};
	int rc;

	if (!d->e && req->cmd != ANM_ENG_CMD_UP && req->cmd != ANM_ENG_CMD_SUBSCRIBE)
		return no_engine(d, req);
	switch (req->cmd) {
	case ANM_ENG_CMD_DOWN:
		rc = do_down(d, req, &err);
		break;
	case ANM_ENG_CMD_STATUS_GET:
		d->up.doors = d->counters;
		d->up.ndoors = DC_NR;
		rc = eng_ctl_status(req->reply, d->e, &d->up, now_ns());
		break;
	case ANM_ENG_CMD_VAI_NEW:
		rc = do_vai_new(d, req, &err);
		break;
	case ANM_ENG_CMD_VAI_GET:
		rc = eng_ctl_vai_get(req->reply, d->e, req->attrs, &err);
		break;
	case ANM_ENG_CMD_SUBSCRIBE:
		req->subscribe = true;
		rc = 0;
		break;
	case ANM_ENG_CMD_UP:
		rc = do_up(d, req, &err);
		break;
	case ANM_ENG_CMD_PAGES_GET:
		rc = eng_ctl_pages(req->reply, d->e, req->attrs, &err);
		break;
	default:
		rc = eng_ctl_change(d->e, req->cmd, req->attrs, &err);
		break;
	}
	snprintf(req->err, sizeof(req->err), "%s", err.msg);
	return rc;
}

static int dump(void *ctx, uint8_t cmd, struct nl_msg *msg, u32 *cursor)
{
	struct daemon *d = ctx;

	if (!d->e)
		return -ENODEV;
	if (cmd == ANM_ENG_CMD_VAI_GET)
		return eng_ctl_vai_next(msg, d->e, cursor);
	return eng_ctl_server_next(msg, d->e, cursor);
}

static const struct ctls_ops ops = {
	.cmd_max = ANM_ENG_CMD_MAX,
	.attr_max = ANM_ENG_A_MAX,
	.policy = eng_ctl_policy,
	.writes = 1u << ANM_ENG_CMD_UP | 1u << ANM_ENG_CMD_DOWN | 1u << ANM_ENG_CMD_VAI_NEW |
		  1u << ANM_ENG_CMD_VAI_DEL | 1u << ANM_ENG_CMD_SERVER_EXPECT |
		  1u << ANM_ENG_CMD_RECOVER_GO | 1u << ANM_ENG_CMD_DISCARD_UNKNOWN |
		  1u << ANM_ENG_CMD_SERVER_DRAIN | 1u << ANM_ENG_CMD_SERVER_REMOVE |
		  1u << ANM_ENG_CMD_VAI_RESIZE | 1u << ANM_ENG_CMD_VAI_DISCARD |
		  1u << ANM_ENG_CMD_VAI_SET | 1u << ANM_ENG_CMD_FLUSH,
	.dumps = 1u << ANM_ENG_CMD_VAI_GET | 1u << ANM_ENG_CMD_SERVER_GET,
	.doit = carry_out,
	.dump = dump,
};

struct control_sink {
	struct sink sink;
	struct daemon *d;
};

static void control_ready(struct sink *sink, uint32_t events)
{
	struct control_sink *cs = container_of(sink, struct control_sink, sink);

	(void)events;
	ctls_run(cs->d->ctl);
}

int control_open(struct daemon *d, const char *path)
{
	static struct control_sink cs = {.sink.ready = control_ready};
	char err[256];

	d->ctl = ctls_open(path, &ops, d, err, sizeof(err));
	if (!d->ctl) {
		fprintf(stderr, "anemone-engined: control socket: %s\n", err);
		return -EIO;
	}
	cs.d = d;
	return daemon_watch(d, ctls_fd(d->ctl), &cs.sink, EPOLLIN);
}

void control_close(struct daemon *d)
{
	if (d->ctl)
		ctls_flush(d->ctl, 200);
	ctls_close(d->ctl);
	d->ctl = NULL;
}

void control_events(struct daemon *d)
{
	struct eng_event ev;
	struct nl_msg *msg;

	while (d->e && eng_event_next(d->e, &ev)) {
		if (d->verbose)
			fprintf(stderr, "anemone-engined: %s: %s\n",
				ev.type < ARRAY_SIZE(event_names) ? event_names[ev.type] : "?",
				ev.name);
		msg = ctls_event_begin(d->ctl, ANM_ENG_CMD_EVENT);
		if (!msg)
			continue;
		if (eng_ctl_event(msg, &ev))
			nlmsg_free(msg);
		else
			ctls_event_end(d->ctl, msg);
	}
}
