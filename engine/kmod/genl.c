// SPDX-License-Identifier: GPL-2.0-only
/* Generic netlink: family "anemone_engine", one engine a network namespace. */
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "../../proto/extack_kernel.h"
#include "inst.h"

static struct genl_family family;
static bool events_on; /* the family is registered: its group exists */

static const struct genl_multicast_group groups[] = {
	{.name = ANM_ENG_MCGRP_EVENTS},
};

/* Lock the namespace's engine. Return: NULL, unlocked and with extack set, if there is none. */
static struct inst *inst_get(struct net *net, struct netlink_ext_ack *extack)
{
	struct anm_net *an = anm_net(net);

	mutex_lock(&an->lock);
	if (an->inst)
		return an->inst;
	mutex_unlock(&an->lock);
	NL_SET_ERR_MSG(extack, "there is no engine in this network namespace: bring one up");
	return NULL;
}

static void inst_put(struct inst *inst)
{
	mutex_unlock(&anm_net(inst->net)->lock);
}

static int genl_up(struct sk_buff *skb, struct genl_info *info)
{
	struct eng_err err = {};
	struct eng_ctl_up up;
	int rc;

	rc = eng_ctl_up_parse(info->attrs, &up, &err);
	if (!rc && (!up.nfs_port || !up.mount_port || !up.amp_port)) {
		rc = -EINVAL;
		snprintf(err.msg, sizeof(err.msg), "port 0 is none");
	}
	if (!rc && up.door == ENG_DOOR_XDP) {
		rc = -EOPNOTSUPP;
		snprintf(err.msg, sizeof(err.msg),
			 "the module needs no AF_XDP: give --door socket, or --daemon");
	}
	if (!rc)
		rc = engine_up(genl_info_net(info), &up, &err);
	memzero_explicit(&up, sizeof(up));
	return rc ? anm_extack(info->extack, err.msg, rc) : 0;
}

static int genl_down(struct sk_buff *skb, struct genl_info *info)
{
	struct inst *inst = inst_get(genl_info_net(info), info->extack);
	struct anm_net *an = anm_net(genl_info_net(info));
	struct eng_err err = {};
	int rc;

	if (!inst)
		return -ENODEV;
	inst_begin(inst);
	rc = eng_ctl_down_check(inst->core, eng_ctl_forced(info->attrs), &err);
	inst_end(inst);
	if (!rc) {
		an->inst = NULL;
		inst_destroy(inst);
	}
	mutex_unlock(&an->lock);
	return rc ? anm_extack(info->extack, err.msg, rc) : 0;
}

static struct sk_buff *reply_new(struct genl_info *info, void **hdr)
{
	struct sk_buff *msg = genlmsg_new(ANM_CTL_MSG_MAX, GFP_KERNEL);

	if (!msg)
		return NULL;
	*hdr = genlmsg_put_reply(msg, info, &family, 0, info->genlhdr->cmd);
	if (*hdr)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static int reply_send(struct sk_buff *msg, void *hdr, struct genl_info *info, int rc)
{
	if (rc) {
		nlmsg_free(msg);
		return rc;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

static int genl_status(struct sk_buff *skb, struct genl_info *info)
{
	struct anm_counter door[ANM_DOOR_NCOUNTERS];
	struct eng_ctl_up up;
	struct sk_buff *msg;
	struct inst *inst;
	void *hdr;
	u64 now;
	int rc;

	msg = reply_new(info, &hdr);
	if (!msg)
		return -ENOMEM;
	inst = inst_get(genl_info_net(info), info->extack);
	if (!inst) {
		nlmsg_free(msg);
		return -ENODEV;
	}
	anm_door_list(&inst->stats, door);
	up = inst->up;
	up.doors = door;
	up.ndoors = ANM_DOOR_NCOUNTERS;
	now = inst_begin(inst);
	rc = eng_ctl_status(msg, inst->core, &up, now);
	inst_end(inst);
	inst_put(inst);
	return reply_send(msg, hdr, info, rc);
}

/* VAI_NEW and VAI_GET: both answer with the VAI. */
static int genl_vai(struct sk_buff *skb, struct genl_info *info)
{
	struct eng_err err = {};
	struct sk_buff *msg;
	struct inst *inst;
	void *hdr;
	int rc = 0;

	msg = reply_new(info, &hdr);
	if (!msg)
		return -ENOMEM;
	inst = inst_get(genl_info_net(info), info->extack);
	if (!inst) {
		nlmsg_free(msg);
		return -ENODEV;
	}
	inst_begin(inst);
	if (info->genlhdr->cmd == ANM_ENG_CMD_VAI_NEW)
		rc = eng_ctl_vai_new(inst->core, info->attrs, &err);
	if (!rc)
		rc = eng_ctl_vai_get(msg, inst->core, info->attrs, &err);
	inst_end(inst);
	inst_put(inst);
	if (rc)
		anm_extack(info->extack, err.msg, rc);
	return reply_send(msg, hdr, info, rc);
}

/* Commands that change something and answer with nothing. */
static int genl_change(struct sk_buff *skb, struct genl_info *info)
{
	struct inst *inst = inst_get(genl_info_net(info), info->extack);
	struct eng_err err = {};
	int rc;

	if (!inst)
		return -ENODEV;
	inst_soon(inst, inst_begin(inst));
	rc = eng_ctl_change(inst->core, info->genlhdr->cmd, info->attrs, &err);
	inst_end(inst);
	inst_put(inst);
	return rc ? anm_extack(info->extack, err.msg, rc) : 0;
}

static int genl_pages(struct sk_buff *skb, struct genl_info *info)
{
	struct eng_err err = {};
	struct sk_buff *msg;
	struct inst *inst;
	void *hdr;
	int rc;

	msg = reply_new(info, &hdr);
	if (!msg)
		return -ENOMEM;
	inst = inst_get(genl_info_net(info), info->extack);
	if (!inst) {
		nlmsg_free(msg);
		return -ENODEV;
	}
	inst_begin(inst);
	rc = eng_ctl_pages(msg, inst->core, info->attrs, &err);
	inst_end(inst);
	inst_put(inst);
	if (rc)
		anm_extack(info->extack, err.msg, rc);
	return reply_send(msg, hdr, info, rc);
}

typedef int (*dump_next_fn)(struct anm_nlmsg *msg, struct engine *e, u32 *slot);

/* One object a message, until @skb is full; the cursor is in cb->args[0]. */
static int dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd, dump_next_fn next)
{
	struct inst *inst = inst_get(sock_net(skb->sk), cb->extack);
	u32 slot = cb->args[0];
	int rc;

	if (!inst)
		return -ENODEV;
	inst_begin(inst);
	do {
		void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					&family, NLM_F_MULTI, cmd);

		rc = hdr ? next(skb, inst->core, &slot) : -EMSGSIZE;
		if (rc == 1)
			genlmsg_end(skb, hdr);
		else if (hdr)
			genlmsg_cancel(skb, hdr);
	} while (rc == 1);
	inst_end(inst);
	inst_put(inst);
	cb->args[0] = slot;
	if (rc == -EMSGSIZE && !skb->len)
		return rc;
	return skb->len;
}

static int genl_vai_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump(skb, cb, ANM_ENG_CMD_VAI_GET, eng_ctl_vai_next);
}

static int genl_server_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump(skb, cb, ANM_ENG_CMD_SERVER_GET, eng_ctl_server_next);
}

static bool event_take(struct inst *inst, struct eng_event *ev)
{
	bool some;

	spin_lock_bh(&inst->lock);
	some = inst->nev;
	if (some) {
		*ev = inst->ev[0];
		memmove(inst->ev, inst->ev + 1, --inst->nev * sizeof(inst->ev[0]));
	}
	spin_unlock_bh(&inst->lock);
	return some;
}

void genl_events(struct work_struct *work)
{
	struct inst *inst = container_of(work, struct inst, events);
	struct eng_event ev;

	while (event_take(inst, &ev)) {
		struct sk_buff *msg;
		void *hdr;

		if (!READ_ONCE(events_on))
			continue;
		msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
		hdr = msg ? genlmsg_put(msg, 0, 0, &family, 0, ANM_ENG_CMD_EVENT) : NULL;
		if (!hdr || eng_ctl_event(msg, &ev)) {
			nlmsg_free(msg);
			continue;
		}
		genlmsg_end(msg, hdr);
		/* That nobody listens is no error. */
		genlmsg_multicast_netns(&family, inst->net, msg, 0, 0, GFP_KERNEL);
	}
}

/* An engine takes the machine's memory: rights in a namespace of one's own do not suffice for UP. */
static const struct genl_small_ops ops[] = {
	{.cmd = ANM_ENG_CMD_UP, .flags = GENL_ADMIN_PERM, .doit = genl_up},
	{.cmd = ANM_ENG_CMD_DOWN, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_down},
	{.cmd = ANM_ENG_CMD_STATUS_GET, .doit = genl_status},
	{.cmd = ANM_ENG_CMD_VAI_NEW, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_vai},
	{.cmd = ANM_ENG_CMD_VAI_DEL, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_change},
	{.cmd = ANM_ENG_CMD_VAI_GET, .doit = genl_vai, .dumpit = genl_vai_dump},
	{.cmd = ANM_ENG_CMD_SERVER_GET, .dumpit = genl_server_dump},
	{.cmd = ANM_ENG_CMD_SERVER_EXPECT, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_change},
	{.cmd = ANM_ENG_CMD_RECOVER_GO, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_change},
	{.cmd = ANM_ENG_CMD_DISCARD_UNKNOWN, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_change},
	{.cmd = ANM_ENG_CMD_SERVER_DRAIN, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_change},
	{.cmd = ANM_ENG_CMD_SERVER_REMOVE, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_change},
	{.cmd = ANM_ENG_CMD_VAI_RESIZE, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_change},
	{.cmd = ANM_ENG_CMD_VAI_DISCARD, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_change},
	{.cmd = ANM_ENG_CMD_PAGES_GET, .doit = genl_pages},
	{.cmd = ANM_ENG_CMD_VAI_SET, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_change},
	{.cmd = ANM_ENG_CMD_FLUSH, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_change},
};

static struct genl_family family = {
	.name = ANM_ENG_GENL_NAME,
	.version = ANM_ENG_GENL_VERSION,
	.maxattr = ANM_ENG_A_MAX,
	.policy = eng_ctl_policy,
	.netnsok = true,
	.module = THIS_MODULE,
	.small_ops = ops,
	.n_small_ops = ARRAY_SIZE(ops),
	.resv_start_op = ANM_ENG_CMD_UP,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

int genl_open(void)
{
	int rc = genl_register_family(&family);

	WRITE_ONCE(events_on, !rc);
	return rc;
}

void genl_close(void)
{
	/* Instances live on until their namespaces let go of them; their events go nowhere. */
	WRITE_ONCE(events_on, false);
	flush_workqueue(anm_wq);
	genl_unregister_family(&family);
}
