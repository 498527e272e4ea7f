// SPDX-License-Identifier: GPL-2.0-only
/* Clients: addresses that have a VAI. Others get no state of any kind (promise 5). */
#include "exports.h"

static const u8 v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static struct hlist_head *client_bucket(struct eng_exports *x, const struct anm_addr *addr)
{
	u64 fold = get_unaligned_be64(addr->b) ^ get_unaligned_be64(addr->b + 8);

	return &x->clients[hash_64(fold, ENG_HASH_BITS)];
}

struct eng_client *eng_client_find(struct eng_exports *x, const struct anm_addr *addr)
{
	struct eng_client *c;

	hlist_for_each_entry(c, client_bucket(x, addr), node) {
		if (eng_addr_eq(&c->addr, addr))
			return c;
	}
	return NULL;
}

struct eng_client *eng_client_take(struct eng_exports *x, const struct anm_addr *addr, int *err)
{
	struct eng_client *c = eng_client_find(x, addr);

	if (c) {
		c->vais++;
		return c;
	}
	*err = -ENFILE;
	if (x->nclients >= ENG_CLIENTS_MAX)
		return NULL;
	*err = -ENOMEM;
	c = anm_alloc(sizeof(*c));
	if (!c)
		return NULL;
	if (eng_drc_init(&c->drc)) {
		anm_free(c);
		return NULL;
	}
	c->addr = *addr;
	c->vais = 1;
	INIT_LIST_HEAD(&c->queue);
	hlist_add_head(&c->node, client_bucket(x, addr));
	list_add_tail(&c->link, &x->client_list);
	x->nclients++;
	return c;
}

void eng_client_put(struct eng_exports *x, struct eng_client *c)
{
	if (--c->vais)
		return;
	WARN_ON_ONCE(c->reqs || c->pages || !list_empty(&c->queue));
	eng_drc_destroy(&c->drc);
	hlist_del(&c->node);
	list_del(&c->link);
	x->nclients--;
	anm_free(c);
}

u32 eng_client_id(const struct anm_addr *addr)
{
	if (!memcmp(addr->b, v4_mapped, sizeof(v4_mapped)))
		return get_unaligned_be32(addr->b + 12);
	return ~anm_crc32c(~0u, addr->b, sizeof(addr->b));
}
