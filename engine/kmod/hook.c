// SPDX-License-Identifier: GPL-2.0-only
/* The UDP door: NFS, MOUNT and AMP datagrams, answered in softirq. */
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/netfilter_ipv6.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>

#include "inst.h"
#include "tcp.h"

static bool hook_is_ours(const struct inst *inst, u16 port)
{
	const struct eng_ctl_up *up = &inst->up;

	return port && (port == up->nfs_port || port == up->amp_port || port == up->mount_port);
}

static unsigned int hook_in(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct inst *inst = priv;
	struct anm_dgram d;
	u64 now;

	if (!hook_is_ours(inst, anm_dgram_port(skb, state->pf)))
		return NF_ACCEPT;
	if (anm_dgram_parse(skb, state, &d, &inst->stats))
		return NF_DROP;
	if (!anm_dgram_to(&d, &inst->up.listen))
		return NF_ACCEPT;
	now = inst_begin(inst);
	if (d.port == inst->up.amp_port) {
		eng_amp_in(inst->core, &d.from, &d.rec, now);
		tcp_wake_stalled(inst);
	} else {
		eng_rpc_in(inst->core, &d.from, &d.rec, now);
	}
	inst_end(inst);
	consume_skb(skb);
	return NF_STOLEN;
}

#if IS_ENABLED(CONFIG_NF_DEFRAG_IPV6)
/*
 * IPv4 fragments have been put together before LOCAL_IN, IPv6 ones only if
 * somebody asks for it. Where the module is not to be had, calls that come in
 * fragments over IPv6 go unanswered, as they would without this module.
 */
static void defrag_open(struct inst *inst)
{
	typeof(nf_defrag_ipv6_enable) *enable = symbol_request(nf_defrag_ipv6_enable);

	if (!enable)
		return;
	inst->defrag = !enable(inst->net);
	if (!inst->defrag)
		symbol_put(nf_defrag_ipv6_enable);
}

static void defrag_close(struct inst *inst)
{
	typeof(nf_defrag_ipv6_disable) *disable;

	if (!inst->defrag)
		return;
	inst->defrag = false;
	disable = symbol_get(nf_defrag_ipv6_disable);
	if (disable) {
		disable(inst->net);
		symbol_put(nf_defrag_ipv6_disable);
	}
	symbol_put(nf_defrag_ipv6_enable);
}
#else
static void defrag_open(struct inst *inst)
{
}

static void defrag_close(struct inst *inst)
{
}
#endif

int hook_open(struct inst *inst)
{
	int rc;

	defrag_open(inst);
	rc = anm_hooks_open(inst->net, &inst->hooks, hook_in, inst);
	if (rc)
		defrag_close(inst);
	return rc;
}

void hook_close(struct inst *inst)
{
	defrag_close(inst);
	anm_hooks_close(inst->net, &inst->hooks);
}
