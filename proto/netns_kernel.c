// SPDX-License-Identifier: GPL-2.0-only
#include <net/netns/generic.h>

#include "netns_kernel.h"

static unsigned int net_id;
static void (*net_end)(struct inst *inst);

struct anm_net *anm_net(struct net *net)
{
	return net_generic(net, net_id);
}

int anm_net_claim(struct net *net)
{
	struct anm_net *an = anm_net(net);

	if (mutex_lock_killable(&an->lock))
		return -EINTR;
	if (!an->inst)
		return 0;
	mutex_unlock(&an->lock);
	return -EEXIST;
}

int anm_net_settle(struct net *net, struct inst *inst)
{
	struct anm_net *an = anm_net(net);

	if (!IS_ERR(inst))
		an->inst = inst;
	mutex_unlock(&an->lock);
	return PTR_ERR_OR_ZERO(inst);
}

static int __net_init net_init(struct net *net)
{
	mutex_init(&anm_net(net)->lock);
	return 0;
}

static void __net_exit net_exit(struct net *net)
{
	struct anm_net *an = anm_net(net);

	mutex_lock(&an->lock);
	if (an->inst)
		net_end(an->inst);
	an->inst = NULL;
	mutex_unlock(&an->lock);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.exit = net_exit,
	.id = &net_id,
	.size = sizeof(struct anm_net),
};

int anm_net_register(void (*end)(struct inst *inst))
{
	net_end = end;
	return register_pernet_subsys(&net_ops);
}

void anm_net_unregister(void)
{
	unregister_pernet_subsys(&net_ops);
}
