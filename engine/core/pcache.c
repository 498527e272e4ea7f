// SPDX-License-Identifier: GPL-2.0-only
#include "pcache.h"

/* ---- lists ---- */

void pcache_push(struct pcache *c, enum pcache_list_id list, u32 i)
{
	struct pcache_list *l = &c->list[list];
	struct pcache_entry *en = &c->entry[i];

	en->list = list;
	en->prev = PCACHE_NONE;
	en->next = l->head;
	if (l->head != PCACHE_NONE)
		c->entry[l->head].prev = i;
	else
		l->tail = i;
	l->head = i;
	l->n++;
}

void pcache_unlink(struct pcache *c, u32 i)
{
	struct pcache_entry *en = &c->entry[i];
	struct pcache_list *l = &c->list[en->list];

	if (en->prev != PCACHE_NONE)
		c->entry[en->prev].next = en->next;
	else
		l->head = en->next;
	if (en->next != PCACHE_NONE)
		c->entry[en->next].prev = en->prev;
	else
		l->tail = en->prev;
	l->n--;
}

/* ---- hash ---- */

static u32 hash_find(const struct pcache *c, u32 hash, u16 vai, u32 page_no)
{
	u32 i = c->bucket[hash & c->mask];

	while (i != PCACHE_NONE) {
		const struct pcache_entry *en = &c->entry[i];

		if (en->page_no == page_no && en->vai == vai)
			break;
		i = en->chain;
	}
	return i;
}

static void hash_remove(struct pcache *c, u32 i)
{
	u32 *link = &c->bucket[c->entry[i].hash & c->mask];

	while (*link != i)
		link = &c->entry[*link].chain;
	*link = c->entry[i].chain;
}

void pcache_prefetch(const struct pcache *c, u32 hash)
{
	anm_prefetch(&c->bucket[hash & c->mask]);
}

void pcache_prefetch_entry(const struct pcache *c, u32 hash)
{
	u32 i = c->bucket[hash & c->mask];

	if (i != PCACHE_NONE)
		anm_prefetch(&c->entry[i]);
}

/* ---- entries ---- */

void pcache_forget(struct pcache *c, u32 i)
{
	pcache_unlink(c, i);
	hash_remove(c, i);
	pcache_push(c, PCACHE_FREE, i);
}

/* Another page may take its place in the entry. */
static void page_put(struct pcache *c, struct pcache_entry *en)
{
	if (en->ahead && c->unused)
		c->unused(c, en);
	anm_page_put(en->page);
	en->page = NULL;
	en->ahead = false;
}

static void page_release(struct pcache *c, u32 i)
{
	page_put(c, &c->entry[i]);
	c->used--;
}

static u32 victim(struct pcache *c)
{
	u32 i = c->list[PCACHE_SPENT].head;

	if (i == PCACHE_NONE)
		return c->policy->victim(c);
	pcache_unlink(c, i);
	return i;
}

static void evict(struct pcache *c)
{
	u32 i = victim(c);

	if (c->evicted)
		c->evicted(c, &c->entry[i]);
	page_release(c, i);
	if (c->entry[i].list != PCACHE_SPENT && c->policy->gone(c, i))
		return;
	hash_remove(c, i);
	pcache_push(c, PCACHE_FREE, i);
}

void pcache_shrink(struct pcache *c, u32 n)
{
	while (n-- && c->used > pcache_dirty(c))
		evict(c);
}

u32 pcache_find(const struct pcache *c, u32 hash, u16 vai, u32 page_no)
{
	u32 i = hash_find(c, hash, vai, page_no);

	return i != PCACHE_NONE && c->entry[i].page ? i : PCACHE_NONE;
}

/* Entries are twice the budget, and of ghosts there are no more than that: one is free. */
static u32 entry_new(struct pcache *c, u32 hash, u16 vai, u32 page_no)
{
	struct pcache_entry *en;
	u32 i = c->list[PCACHE_FREE].head;

	pcache_unlink(c, i);
	en = &c->entry[i];
	memset(en, 0, sizeof(*en));
	en->vai = vai;
	en->page_no = page_no;
	en->hash = hash;
	en->chain = c->bucket[hash & c->mask];
	c->bucket[hash & c->mask] = i;
	return i;
}

u32 pcache_put(struct pcache *c, u32 hash, u16 vai, u32 page_no, u64 version, struct anm_page *page)
{
	u32 i = hash_find(c, hash, vai, page_no);

	anm_page_get(page);
	if (i != PCACHE_NONE && c->entry[i].page) {
		page_put(c, &c->entry[i]);
		if (c->entry[i].list == PCACHE_SPENT) {
			pcache_unlink(c, i);
			c->policy->insert(c, i);
		} else if (!pcache_is_dirty(c, i)) {
			c->policy->hit(c, i);
		}
	} else {
		/* What makes room may forget just this ghost. */
		if (c->used >= c->cap) {
			evict(c);
			i = hash_find(c, hash, vai, page_no);
		}
		c->used++;
		if (i == PCACHE_NONE)
			i = entry_new(c, hash, vai, page_no);
		c->policy->insert(c, i);
	}
	c->entry[i].page = page;
	c->entry[i].version = version;
	return i;
}

void pcache_spend(struct pcache *c, u32 i)
{
	if (c->entry[i].list == PCACHE_SPENT)
		return;
	pcache_unlink(c, i);
	pcache_push(c, PCACHE_SPENT, i);
}

void pcache_soil(struct pcache *c, enum pcache_list_id list, u32 i)
{
	pcache_unlink(c, i);
	pcache_push(c, list, i);
}

void pcache_clean(struct pcache *c, u32 i)
{
	pcache_unlink(c, i);
	c->policy->insert(c, i);
}

void pcache_drop(struct pcache *c, u32 i)
{
	page_release(c, i);
	pcache_forget(c, i);
}

/* ---- making one ---- */

struct pcache *pcache_create(u32 cap, const struct pcache_policy *policy)
{
	struct pcache *c = anm_alloc(sizeof(*c));
	u32 i;

	BUILD_BUG_ON(sizeof(struct pcache_entry) != 40);
	BUILD_BUG_ON(PCACHE_LISTS > 8);
	if (!c)
		return NULL;
	c->policy = policy;
	c->cap = clamp_t(u32, cap, 1, PCACHE_PAGES_MAX);
	c->entries = 2 * c->cap;
	c->mask = (u32)roundup_pow_of_two(c->entries) - 1;
	for (i = 0; i < PCACHE_LISTS; i++) {
		c->list[i].head = PCACHE_NONE;
		c->list[i].tail = PCACHE_NONE;
	}
	c->entry = anm_big_alloc((size_t)c->entries * sizeof(*c->entry));
	c->bucket = anm_big_alloc(((size_t)c->mask + 1) * sizeof(*c->bucket));
	if (!c->entry || !c->bucket) {
		pcache_destroy(c);
		return NULL;
	}
	memset(c->bucket, 0xff, ((size_t)c->mask + 1) * sizeof(*c->bucket));
	for (i = 0; i < c->entries; i++)
		pcache_push(c, PCACHE_FREE, i);
	return c;
}

void pcache_destroy(struct pcache *c)
{
	u32 i;

	if (!c)
		return;
	for (i = 0; c->used && i < c->entries; i++)
		if (c->entry[i].page)
			page_release(c, i);
	anm_big_free(c->bucket);
	anm_big_free(c->entry);
	anm_free(c);
}
