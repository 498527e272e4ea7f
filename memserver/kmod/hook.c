// SPDX-License-Identifier: GPL-2.0-only
/* The UDP door: AMP datagrams, answered in softirq. */
#include "inst.h"

static unsigned int hook_in(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct inst *inst = priv;
	struct anm_dgram d;
	u64 now;

	if (anm_dgram_port(skb, state->pf) != inst->up.port)
		return NF_ACCEPT;
	if (anm_dgram_parse(skb, state, &d, &inst->stats))
		return NF_DROP;
	if (!anm_dgram_to(&d, &inst->up.listen))
		return NF_ACCEPT;
	now = inst_begin(inst);
	mem_amp_in(inst->core, &d.from, &d.rec, now);
	inst_end(inst);
	consume_skb(skb);
	return NF_STOLEN;
}

int hook_open(struct inst *inst)
{
	return anm_hooks_open(inst->net, &inst->hooks, hook_in, inst);
}

void hook_close(struct inst *inst)
{
	anm_hooks_close(inst->net, &inst->hooks);
}
