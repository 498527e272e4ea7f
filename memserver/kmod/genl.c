// SPDX-License-Identifier: GPL-2.0-only
/* Generic netlink: family "anemone_memsrv", one memory server a network namespace. */
#include <linux/module.h>
#include <net/genetlink.h>

#include "../../proto/extack_kernel.h"
#include "inst.h"

static struct genl_family family;

/* Lock the namespace's memory server. Return: NULL with *@rc and extack set if there is none. */
static struct inst *inst_get(struct genl_info *info, int *rc)
{
	struct anm_net *an = anm_net(genl_info_net(info));

	*rc = mutex_lock_killable(&an->lock);
	if (*rc || an->inst)
		return *rc ? NULL : an->inst;
	mutex_unlock(&an->lock);
	NL_SET_ERR_MSG(info->extack, "there is no memory server in this network namespace");
	*rc = -ENODEV;
	return NULL;
}

static void inst_put(struct genl_info *info)
{
	mutex_unlock(&anm_net(genl_info_net(info))->lock);
}

static int genl_up(struct sk_buff *skb, struct genl_info *info)
{
	struct mem_err err = {};
	struct mem_ctl_up up;
	int rc;

	rc = mem_ctl_up_parse(info->attrs, &up, &err);
	if (!rc)
		rc = memserver_up(genl_info_net(info), &up, &err);
	return rc ? anm_extack(info->extack, err.msg, rc) : 0;
}

/* DOWN and DRAIN. */
static int genl_change(struct sk_buff *skb, struct genl_info *info)
{
	bool down = info->genlhdr->cmd == ANM_MEM_CMD_DOWN;
	struct mem_err err = {};
	struct inst *inst;
	u64 now;
	int rc;

	inst = inst_get(info, &rc);
	if (!inst)
		return rc;
	now = inst_begin(inst);
	rc = down ? mem_ctl_down_check(inst->core, now, mem_ctl_forced(info->attrs), &err)
		  : mem_ctl_drain(inst->core, now, info->attrs, &err);
	inst_end(inst);
	if (down && !rc) {
		anm_net(genl_info_net(info))->inst = NULL;
		inst_destroy(inst, true);
	}
	inst_put(info);
	return rc ? anm_extack(info->extack, err.msg, rc) : 0;
}

static int genl_status(struct sk_buff *skb, struct genl_info *info)
{
	struct anm_counter door[ANM_DOOR_NCOUNTERS];
	struct sk_buff *msg = NULL;
	struct mem_ctl_up up;
	struct inst *inst;
	void *hdr = NULL;
	u64 now;
	int rc;

	inst = inst_get(info, &rc);
	if (!inst)
		return rc;
	rc = -ENOMEM;
	msg = genlmsg_new(ANM_CTL_MSG_MAX, GFP_KERNEL);
	if (msg)
		hdr = genlmsg_put_reply(msg, info, &family, 0, info->genlhdr->cmd);
	if (hdr) {
		anm_door_list(&inst->stats, door);
		up = inst->up;
		up.doors = door;
		up.ndoors = ANM_DOOR_NCOUNTERS;
		now = inst_begin(inst);
		rc = mem_ctl_status(msg, inst->core, &up, now);
		inst_end(inst);
	}
	inst_put(info);
	if (rc) {
		nlmsg_free(msg);
		return rc;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

/* A donation is the machine's memory: rights in a namespace of one's own do not suffice. */
static const struct genl_small_ops ops[] = {
	{.cmd = ANM_MEM_CMD_UP, .flags = GENL_ADMIN_PERM, .doit = genl_up},
	{.cmd = ANM_MEM_CMD_DOWN, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_change},
	{.cmd = ANM_MEM_CMD_STATUS_GET, .doit = genl_status},
	{.cmd = ANM_MEM_CMD_DRAIN, .flags = GENL_UNS_ADMIN_PERM, .doit = genl_change},
};

static struct genl_family family = {
	.name = ANM_MEM_GENL_NAME,
	.version = ANM_MEM_GENL_VERSION,
	.maxattr = ANM_MEM_A_MAX,
	.policy = mem_ctl_policy,
	.netnsok = true,
	/* Taking and freeing a donation takes seconds: nobody else's netlink is to wait for that. */
	.parallel_ops = true,
	.module = THIS_MODULE,
	.small_ops = ops,
	.n_small_ops = ARRAY_SIZE(ops),
	.resv_start_op = ANM_MEM_CMD_UP,
};

int genl_open(void)
{
	return genl_register_family(&family);
}

void genl_close(void)
{
	genl_unregister_family(&family);
}
