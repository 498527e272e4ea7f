// SPDX-License-Identifier: GPL-2.0-only
/*
 * The path to the engine: HELLO is padded to its MTU, and a change of it means
 * a new HELLO. Device events only hurry the look-up, which a route that changes
 * without any event gets too.
 */
#include <net/net_namespace.h>

#include "inst.h"

u16 path_mtu(const struct inst *inst)
{
	int mtu = anm_route_mtu(inst->net, &inst->up.cfg.engine.addr, NULL);

	return mtu < 0 ? INST_MTU_DEFAULT : clamp(mtu, AMP_MTU_MIN, AMP_MTU_MAX);
}

int path_mtu_to(void *ctx, const struct anm_addr *to)
{
	const struct inst *inst = ctx;

	return anm_route_mtu(inst->net, to, NULL);
}

bool path_to_itself(struct net *net, const struct mem_ctl_up *up)
{
	const struct anm_peer *engine = &up->cfg.engine;
	u32 ifindex;

	return engine->port == up->port && anm_route_mtu(net, &engine->addr, &ifindex) >= 0 &&
	       ifindex == LOOPBACK_IFINDEX;
}

static void path_look(struct work_struct *work)
{
	struct inst *inst = container_of(work, struct inst, path.work);
	u16 mtu = path_mtu(inst);
	u64 now;

	if (mtu != inst->mtu) {
		inst->mtu = mtu;
		now = inst_begin(inst);
		mem_set_mtu(inst->core, mtu, now);
		inst_end(inst);
	}
	schedule_delayed_work(&inst->path, msecs_to_jiffies(INST_PATH_MS));
}

static int path_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct inst *inst = container_of(nb, struct inst, nb);

	switch (event) {
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
	case NETDEV_CHANGEMTU:
	case NETDEV_UNREGISTER:
		mod_delayed_work(system_wq, &inst->path, 1);
	}
	return NOTIFY_DONE;
}

int path_open(struct inst *inst)
{
	int rc;

	INIT_DELAYED_WORK(&inst->path, path_look);
	if (inst->fixed_mtu)
		return 0;
	inst->nb.notifier_call = path_event;
	rc = register_netdevice_notifier_net(inst->net, &inst->nb);
	if (rc)
		return rc;
	schedule_delayed_work(&inst->path, msecs_to_jiffies(INST_PATH_MS));
	return 0;
}

void path_close(struct inst *inst)
{
	if (inst->fixed_mtu)
		return;
	unregister_netdevice_notifier_net(inst->net, &inst->nb);
	cancel_delayed_work_sync(&inst->path);
}
