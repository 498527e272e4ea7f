// SPDX-License-Identifier: GPL-2.0-only
#include "slots.h"

#define SLOTS_MAX 8 /* in a chunk */

/**
 * struct shared - the beginning of a chunk that packed pages share.
 * @link:  among those of its class with room, unless it is full
 * @class: index of slot_count
 * @map:   slots in use
 */
struct shared {
	struct list_head link;
	u8 class;
	u8 map;
};

/* A page's length is in front of its bytes, or at the end of a chunk of its own. */
#define LEN_BYTES    2
#define SHARED_BYTES ((sizeof(struct shared) + 7) & ~7ul)
#define SLOT_SIZE(n) (((ANM_PAGE_SIZE - SHARED_BYTES) / (n)) & ~7ul)

/* Pages that share a chunk; see bench/pack for what this is worth. */
static const u8 slot_count[SLOTS_CLASSES] = {SLOTS_MAX, 6, 5, 4, 3, 2};

static u32 slot_size(u32 class)
{
	return SLOT_SIZE(slot_count[class]);
}

/* SLOTS_CLASSES: it wants a chunk of its own. */
static u32 class_of(u32 len)
{
	u32 c;

	for (c = 0; c < SLOTS_CLASSES; c++)
		if (len + LEN_BYTES <= slot_size(c))
			break;
	return c;
}

static bool is_alone(const void *bytes)
{
	return !((uintptr_t)bytes & ANM_PAGE_MASK);
}

static struct shared *shared_of(const void *bytes)
{
	return (struct shared *)((uintptr_t)bytes & ~(uintptr_t)ANM_PAGE_MASK);
}

static bool shared_full(const struct shared *sh)
{
	return sh->map == (1u << slot_count[sh->class]) - 1;
}

int slots_init(struct slots *s, u64 nr, u32 spare)
{
	u32 c;

	BUILD_BUG_ON(SLOT_SIZE(2) > AMP_LZ4_LEN_MAX);
	BUILD_BUG_ON(AMP_LZ4_LEN_MAX + LEN_BYTES > ANM_PAGE_SIZE);
	s->nr = nr;
	s->used = 0;
	for (c = 0; c < SLOTS_CLASSES; c++)
		INIT_LIST_HEAD(&s->partial[c]);
	memset(s->lent, 0, sizeof(s->lent));
	s->pool = anm_pool_create(nr + spare + SLOTS_LENT);
	return s->pool ? 0 : -ENOMEM;
}

/* ---- loans ---- */

static struct slots_lent *lent_at(struct slots *s, const void *bytes)
{
	return &s->lent[hash_64((uintptr_t)bytes >> ANM_PAGE_SHIFT, SLOTS_LENT_BITS)];
}

static void lent_end(struct slots *s, struct slots_lent *l)
{
	anm_pool_unlend(s->pool, l->page);
	if (l->dropped)
		anm_pool_free(s->pool, l->bytes);
	l->page = NULL;
}

struct anm_page *slots_lend(struct slots *s, void *bytes)
{
	struct slots_lent *l = lent_at(s, bytes);

	if (!is_alone(bytes))
		return NULL;
	if (l->page && l->bytes != bytes) {
		if (anm_page_shared(l->page))
			return NULL;
		lent_end(s, l);
	}
	if (!l->page) {
		l->page = anm_pool_lend(s->pool, bytes);
		if (!l->page)
			return NULL;
		l->bytes = bytes;
		l->dropped = false;
	}
	anm_page_get(l->page);
	return l->page;
}

/* A chunk that had one page is free, now or when the last message with it is gone. */
static void alone_drop(struct slots *s, void *bytes)
{
	struct slots_lent *l = lent_at(s, bytes);

	s->used--;
	if (l->page && l->bytes == bytes) {
		l->dropped = true;
		if (!anm_page_shared(l->page))
			lent_end(s, l);
		return;
	}
	anm_pool_free(s->pool, bytes);
}

void slots_end(struct slots *s)
{
	u32 i;

	WARN_ON_ONCE(s->used);
	for (i = 0; i < SLOTS_LENT; i++)
		if (s->lent[i].page)
			lent_end(s, &s->lent[i]);
	if (s->pool)
		anm_pool_destroy(s->pool);
	s->pool = NULL;
}

void *slots_buffer(struct slots *s)
{
	return anm_pool_alloc(s->pool);
}

void slots_buffer_free(struct slots *s, void *buf)
{
	anm_pool_free(s->pool, buf);
}

static struct shared *shared_room(struct slots *s, u32 class)
{
	return list_first_entry_or_null(&s->partial[class], struct shared, link);
}

bool slots_fit(const struct slots *s, u32 len, const void *old)
{
	const struct shared *sh = old && !is_alone(old) ? shared_of(old) : NULL;
	u32 c, class = class_of(len);

	if (s->used < s->nr || (old && !sh) || (sh && !(sh->map & (sh->map - 1))))
		return true;
	if (sh && sh->class >= class)
		return true;
	for (c = class; c < SLOTS_CLASSES; c++)
		if (!list_empty(&s->partial[c]))
			return true;
	return false;
}

static struct shared *shared_new(struct slots *s, u32 class)
{
	struct shared *sh;

	if (s->used == s->nr)
		return NULL;
	sh = anm_pool_alloc(s->pool);
	if (WARN_ON_ONCE(!sh))
		return NULL;
	s->used++;
	sh->class = (u8) class;
	sh->map = 0;
	list_add(&sh->link, &s->partial[class]);
	return sh;
}

/* A slot that is too large is better than none. */
static struct shared *shared_find(struct slots *s, u32 class)
{
	struct shared *sh = shared_room(s, class);

	if (!sh)
		sh = shared_new(s, class);
	while (!sh && ++class < SLOTS_CLASSES)
		sh = shared_room(s, class);
	return sh;
}

static void *shared_put(struct slots *s, struct shared *sh, const void *buf, u32 len)
{
	u16 len16 = (u16)len;
	u32 i = 0;
	u8 *slot;

	while (sh->map & (1u << i))
		i++;
	sh->map |= (u8)(1u << i);
	if (shared_full(sh))
		list_del(&sh->link);
	slot = (u8 *)sh + SHARED_BYTES + i * slot_size(sh->class);
	memcpy(slot, &len16, LEN_BYTES);
	memcpy(slot + LEN_BYTES, buf, len);
	return slot + LEN_BYTES;
}

void *slots_put(struct slots *s, void **buf, u32 len)
{
	u32 class = class_of(len);
	u16 len16 = (u16)len;
	struct shared *sh;
	void *bytes = *buf;

	if (class < SLOTS_CLASSES) {
		sh = shared_find(s, class);
		return sh ? shared_put(s, sh, bytes, len) : NULL;
	}
	if (s->used == s->nr)
		return NULL;
	s->used++;
	if (len < ANM_PAGE_SIZE)
		memcpy((u8 *)bytes + ANM_PAGE_SIZE - LEN_BYTES, &len16, LEN_BYTES);
	*buf = NULL;
	return bytes;
}

u32 slots_len(const void *bytes)
{
	u16 len;

	if (is_alone(bytes))
		memcpy(&len, (const u8 *)bytes + ANM_PAGE_SIZE - LEN_BYTES, LEN_BYTES);
	else
		memcpy(&len, (const u8 *)bytes - LEN_BYTES, LEN_BYTES);
	return len;
}

void slots_drop(struct slots *s, void *bytes)
{
	struct shared *sh;
	u32 i;

	if (is_alone(bytes)) {
		alone_drop(s, bytes);
		return;
	}
	sh = shared_of(bytes);
	i = (u32)((u8 *)bytes - (u8 *)sh - SHARED_BYTES) / slot_size(sh->class);
	if (WARN_ON_ONCE(!(sh->map & (1u << i))))
		return;
	if (shared_full(sh))
		list_add(&sh->link, &s->partial[sh->class]);
	sh->map &= (u8) ~(1u << i);
	if (sh->map)
		return;
	list_del(&sh->link);
	s->used--;
	anm_pool_free(s->pool, sh);
}
