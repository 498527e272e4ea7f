// SPDX-License-Identifier: GPL-2.0-only
/* Status and withdrawal over the Unix socket. */
#include "daemon.h"

static int control_down(struct memd *d, struct ctls_req *req)
{
	struct mem_err err = {{0}};
	int rc = mem_ctl_down_check(d->m, memd_now(), mem_ctl_forced(req->attrs), &err);

	if (rc) {
		snprintf(req->err, sizeof(req->err), "%s", err.msg);
		return rc;
	}
	memd_leave(d);
	return 0;
}

static int control_drain(struct memd *d, struct ctls_req *req)
{
	struct mem_err err = {{0}};
	int rc = mem_ctl_drain(d->m, memd_now(), req->attrs, &err);

	snprintf(req->err, sizeof(req->err), "%s", err.msg);
	return rc;
}

static int control_doit(void *ctx, struct ctls_req *req)
{
	struct memd *d = ctx;

	switch (req->cmd) {
	case ANM_MEM_CMD_UP:
		snprintf(req->err, sizeof(req->err),
			 "this daemon is a memory server already; start another one for more");
		return -EEXIST;
	case ANM_MEM_CMD_DOWN:
		return control_down(d, req);
	case ANM_MEM_CMD_STATUS_GET:
		return mem_ctl_status(req->reply, d->m, &d->up, memd_now());
	case ANM_MEM_CMD_DRAIN:
		return control_drain(d, req);
	default:
		return -EOPNOTSUPP;
	}
}

static const struct ctls_ops control_ops = {
	.cmd_max = ANM_MEM_CMD_MAX,
	.attr_max = ANM_MEM_A_MAX,
	.policy = mem_ctl_policy,
	.writes = 1u << ANM_MEM_CMD_UP | 1u << ANM_MEM_CMD_DOWN | 1u << ANM_MEM_CMD_DRAIN,
	.doit = control_doit,
};

struct ctlserver *memd_control_open(struct memd *d, const char *path, char *err, size_t errlen)
{
	return ctls_open(path, &control_ops, d, err, errlen);
}
