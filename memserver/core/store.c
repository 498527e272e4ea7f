// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page store.
 *
 * Entries are numbered. Their fixed part (20 bytes) is in one array, the
 * pointers to the bytes in another, so that walking a chain touches neither
 * pointers nor pages. The 64 bits of <client, VAI> are kept once, in a small
 * table of spaces, and entries name them by 12 bits.
 */
#include "store.h"

#define NONE	   U32_MAX
#define SPACE_NONE 0xffff
#define SPACE_FREE 0xfff /* of an entry that is in no space */
#define FORM_SHIFT 12
#define SPACE_BITS 10

/* Three buckets for four pages: chains of 1.3 when all is used, 3 bytes a page. */
#define BUCKETS_OF(nr) max_t(u64, (nr)*3 / 4, 1)

struct entry {
	u16 space_form; /* 12 bits of space, the form above them */
	u16 version_hi;
	u32 version_lo;
	u32 page_no;
	u32 crc;
	u32 next; /* in the bucket's chain or the free list */
};

/**
 * struct space - a <client, VAI> that pages are stored of.
 * @client:       the client's id
 * @vai:          the VAI's id
 * @pages:        how many; the space is free when zero
 * @scan:         entry number that a discard of the whole goes on with
 * @scan_version: the version that this discard is for
 * @next:         in the hash chain or the free list
 */
struct space {
	u32 client;
	u32 vai;
	u32 pages;
	u32 scan;
	u64 scan_version;
	u16 next;
};

/** union place - where a page's bytes are: in the donation, or, of a fill, here. */
union place {
	void *bytes;
	u8 fill[AMP_FILL_LEN];
};

/** struct lookup - where a page's chain begins, as of the last look. */
struct lookup {
	u32 *bucket;
	u32 page_no;
	u16 space; /* SPACE_NONE: nothing is known */
};

struct store {
	struct slots slots;
	struct lookup last;
	struct entry *entries;
	union place *places;
	u32 *buckets;
	u64 nr; /* entries */
	u64 nbuckets;
	u64 pages;
	u32 free;
	u32 drain; /* no entry below it is in use by a drain in progress */
	u64 top;   /* no entry at or above it is in use */
	u8 hash_key[16];
	u16 space_free;
	u16 space_heads[1 << SPACE_BITS];
	struct space spaces[STORE_SPACES_MAX];
};

static u16 entry_space(const struct entry *e)
{
	return e->space_form & SPACE_FREE;
}

static u8 entry_form(const struct entry *e)
{
	return (u8)(e->space_form >> FORM_SHIFT);
}

static void entry_set(struct entry *e, u16 space, u8 form)
{
	e->space_form = (u16)(form << FORM_SHIFT | space);
}

static u64 entry_version(const struct entry *e)
{
	return (u64)e->version_hi << 32 | e->version_lo;
}

static void entry_set_version(struct entry *e, u64 version)
{
	e->version_hi = (u16)(version >> 32);
	e->version_lo = (u32)version;
}

/* After the donation: it refuses what the machine does not have before it takes anything. */
static bool store_alloc(struct store *s, u64 chunks, u32 buffers)
{
	if (slots_init(&s->slots, chunks, buffers))
		return false;
	s->entries = anm_big_alloc(s->nr * sizeof(*s->entries));
	s->places = anm_big_alloc(s->nr * sizeof(*s->places));
	s->buckets = anm_big_alloc(s->nbuckets * sizeof(*s->buckets));
	return s->entries && s->places && s->buckets;
}

struct store *store_create(u64 nr, u32 buffers)
{
	struct store *s;
	u64 i;

	BUILD_BUG_ON(sizeof(struct entry) != 20);
	BUILD_BUG_ON(sizeof(union place) != AMP_FILL_LEN);
	BUILD_BUG_ON(STORE_SPACES_MAX > SPACE_FREE);
	BUILD_BUG_ON(STORE_SHARE > AMP_INVENTORY_SHARE);
	BUILD_BUG_ON(AMP_FORM_MAX >= 1 << (16 - FORM_SHIFT));
	if (!nr || nr > STORE_PAGES_MAX)
		return NULL;
	s = anm_big_alloc(sizeof(*s));
	if (!s)
		return NULL;
	s->nr = nr * STORE_SHARE;
	s->nbuckets = BUCKETS_OF(s->nr);
	if (!store_alloc(s, nr, buffers)) {
		store_destroy(s);
		return NULL;
	}
	anm_random(s->hash_key, sizeof(s->hash_key));
	s->last.space = SPACE_NONE;
	for (i = 0; i < s->nr; i++) {
		entry_set(&s->entries[i], SPACE_FREE, 0);
		s->entries[i].next = i + 1 < s->nr ? (u32)(i + 1) : NONE;
	}
	memset(s->buckets, 0xff, s->nbuckets * sizeof(*s->buckets));
	memset(s->space_heads, 0xff, sizeof(s->space_heads));
	for (i = 0; i < STORE_SPACES_MAX; i++)
		s->spaces[i].next = i + 1 < STORE_SPACES_MAX ? (u16)(i + 1) : SPACE_NONE;
	return s;
}

void store_destroy(struct store *s)
{
	if (!s)
		return;
	while (s->pages)
		store_drain(s, STORE_SCAN_MAX);
	slots_end(&s->slots);
	anm_big_free(s->buckets);
	anm_big_free(s->places);
	anm_big_free(s->entries);
	anm_big_free(s);
}

u64 store_pages(const struct store *s)
{
	return s->pages;
}

u64 store_chunks(const struct store *s)
{
	return max(s->slots.used, min(s->pages, (u64)1));
}

u64 store_bytes(const struct store *s)
{
	return sizeof(*s) + s->nr * (sizeof(*s->entries) + sizeof(*s->places)) +
	       s->nbuckets * sizeof(*s->buckets);
}

void *store_buffer(struct store *s)
{
	return slots_buffer(&s->slots);
}

void store_buffer_free(struct store *s, void *buf)
{
	slots_buffer_free(&s->slots, buf);
}

bool store_key_valid(const struct amp_key *key)
{
	return !(key->offset & ANM_PAGE_MASK) && key->offset >> ANM_PAGE_SHIFT <= U32_MAX;
}

/* ---- spaces ---- */

static u16 *space_head(struct store *s, u32 client, u32 vai)
{
	return &s->space_heads[hash_64((u64)client << 32 | vai, SPACE_BITS)];
}

static u16 space_find(struct store *s, u32 client, u32 vai)
{
	u16 i;

	for (i = *space_head(s, client, vai); i != SPACE_NONE; i = s->spaces[i].next) {
		if (s->spaces[i].client == client && s->spaces[i].vai == vai)
			break;
	}
	return i;
}

static u16 space_make(struct store *s, u32 client, u32 vai)
{
	u16 *head = space_head(s, client, vai);
	u16 i = s->space_free;
	struct space *sp;

	if (i == SPACE_NONE)
		return i;
	sp = &s->spaces[i];
	s->space_free = sp->next;
	memset(sp, 0, sizeof(*sp));
	s->last.space = SPACE_NONE;
	sp->client = client;
	sp->vai = vai;
	sp->next = *head;
	*head = i;
	return i;
}

static void space_release(struct store *s, u16 i)
{
	struct space *sp = &s->spaces[i];
	u16 *link = space_head(s, sp->client, sp->vai);

	while (*link != i && *link != SPACE_NONE)
		link = &s->spaces[*link].next;
	if (WARN_ON_ONCE(*link != i))
		return;
	*link = sp->next;
	sp->next = s->space_free;
	s->space_free = i;
}

/* ---- entries ---- */

/* A message asks for the same several times in a row. */
static u32 *bucket(struct store *s, u16 space, u32 page_no)
{
	u32 words[3] = {s->spaces[space].client, s->spaces[space].vai, page_no};
	struct lookup *l = &s->last;

	if (l->space != space || l->page_no != page_no) {
		u32 hash = (u32)anm_siphash(s->hash_key, words, sizeof(words));

		l->bucket = &s->buckets[(hash * s->nbuckets) >> 32];
		l->page_no = page_no;
		l->space = space;
	}
	return l->bucket;
}

/* Of a key; NULL when nothing of its <client, VAI> is stored. */
static const u32 *bucket_key(struct store *s, const struct amp_key *key)
{
	u16 space = space_find(s, key->client, key->vai);

	return space == SPACE_NONE ? NULL : bucket(s, space, (u32)(key->offset >> ANM_PAGE_SHIFT));
}

void store_prefetch(struct store *s, const struct amp_key *key)
{
	const u32 *b = bucket_key(s, key);

	if (b)
		anm_prefetch(b);
}

void store_prefetch_entry(struct store *s, const struct amp_key *key)
{
	const u32 *b = bucket_key(s, key);

	if (!b || *b == NONE)
		return;
	anm_prefetch(&s->entries[*b]);
	anm_prefetch(&s->places[*b]);
}

/* The link that points at the page's entry, or at NONE at the end of its chain. */
static u32 *entry_link(struct store *s, u16 space, u32 page_no)
{
	u32 *link = bucket(s, space, page_no);

	while (*link != NONE) {
		struct entry *e = &s->entries[*link];

		if (e->page_no == page_no && entry_space(e) == space)
			break;
		link = &e->next;
	}
	return link;
}

/* As entry_link(), from a key; NULL when nothing of the <client, VAI> is stored. */
static u32 *entry_link_key(struct store *s, const struct amp_key *key)
{
	u16 space = space_find(s, key->client, key->vai);

	return space == SPACE_NONE ? NULL
				   : entry_link(s, space, (u32)(key->offset >> ANM_PAGE_SHIFT));
}

static void entry_remove(struct store *s, u32 *link)
{
	u32 i = *link;
	struct entry *e = &s->entries[i];
	u16 space = entry_space(e);

	if (entry_form(e) != AMP_FORM_FILL)
		slots_drop(&s->slots, s->places[i].bytes);
	*link = e->next;
	e->next = s->free;
	entry_set(e, SPACE_FREE, 0);
	s->free = i;
	if (!--s->pages)
		s->top = 0;
	if (!--s->spaces[space].pages)
		space_release(s, space);
}

/* False without room. */
static bool bytes_put(struct store *s, u32 i, const struct store_page *page, void **buf)
{
	union place *place = &s->places[i];

	if (page->form == AMP_FORM_FILL) {
		memcpy(place->fill, *buf, AMP_FILL_LEN);
		return true;
	}
	place->bytes = slots_put(&s->slots, buf, page->len);
	return place->bytes;
}

static u16 entry_len(const struct store *s, u32 i)
{
	switch (entry_form(&s->entries[i])) {
	case AMP_FORM_FILL:
		return AMP_FILL_LEN;
	case AMP_FORM_LZ4:
		return (u16)slots_len(s->places[i].bytes);
	default:
		return ANM_PAGE_SIZE;
	}
}

static u16 entry_replace(struct store *s, u32 i, const struct store_page *page, void **buf,
			 u64 *have)
{
	struct entry *e = &s->entries[i];
	void *old = entry_form(e) == AMP_FORM_FILL ? NULL : s->places[i].bytes;

	*have = entry_version(e);
	if (*have > page->version)
		return AMP_E_STALE;
	if (*have == page->version)
		return e->crc == page->crc && entry_form(e) == page->form &&
				       entry_len(s, i) == page->len
			       ? AMP_OK
			       : AMP_E_INVAL;
	if (page->form != AMP_FORM_FILL && !slots_fit(&s->slots, page->len, old))
		return AMP_E_FULL;
	/* What it had goes first: a full store has room for the new one only then. */
	if (old)
		slots_drop(&s->slots, old);
	WARN_ON_ONCE(!bytes_put(s, i, page, buf));
	entry_set(e, entry_space(e), page->form);
	e->crc = page->crc;
	entry_set_version(e, page->version);
	*have = page->version;
	return AMP_OK;
}

static u16 entry_add(struct store *s, const struct amp_key *key, const struct store_page *page,
		     void **buf)
{
	u32 page_no = (u32)(key->offset >> ANM_PAGE_SHIFT);
	u32 i = s->free, *head;
	struct entry *e;
	u16 space;

	if (i == NONE)
		return AMP_E_FULL;
	space = space_find(s, key->client, key->vai);
	if (space == SPACE_NONE && s->space_free == SPACE_NONE)
		return AMP_E_FULL;
	if (!bytes_put(s, i, page, buf))
		return AMP_E_FULL;
	if (space == SPACE_NONE)
		space = space_make(s, key->client, key->vai);
	e = &s->entries[i];
	s->free = e->next;
	head = bucket(s, space, page_no);
	entry_set(e, space, page->form);
	e->page_no = page_no;
	e->crc = page->crc;
	entry_set_version(e, page->version);
	e->next = *head;
	*head = i;
	s->spaces[space].pages++;
	s->pages++;
	s->top = max_t(u64, s->top, (u64)i + 1);
	return AMP_OK;
}

u16 store_put(struct store *s, const struct amp_key *key, const struct store_page *page, void **buf,
	      u64 *have)
{
	u32 *link;
	u16 code;

	*have = 0;
	if (!page->version || page->version > STORE_VERSION_MAX)
		return AMP_E_INVAL;
	link = entry_link_key(s, key);
	if (link && *link != NONE)
		return entry_replace(s, *link, page, buf, have);
	code = entry_add(s, key, page, buf);
	if (code == AMP_OK)
		*have = page->version;
	return code;
}

bool store_get(struct store *s, const struct amp_key *key, struct store_page *page)
{
	u32 *link = entry_link_key(s, key), i;

	if (!link || *link == NONE)
		return false;
	i = *link;
	page->version = entry_version(&s->entries[i]);
	page->crc = s->entries[i].crc;
	page->form = entry_form(&s->entries[i]);
	page->len = entry_len(s, i);
	page->bytes = page->form == AMP_FORM_FILL ? s->places[i].fill : s->places[i].bytes;
	return true;
}

struct anm_page *store_lend(struct store *s, const struct store_page *page)
{
	return page->form == AMP_FORM_FILL ? NULL : slots_lend(&s->slots, (void *)page->bytes);
}

u16 store_discard(struct store *s, const struct amp_key *key, u64 version, u64 *have)
{
	u32 *link = entry_link_key(s, key);

	*have = 0;
	if (!link || *link == NONE)
		return AMP_OK;
	if (entry_version(&s->entries[*link]) >= version) {
		*have = entry_version(&s->entries[*link]);
		return AMP_E_STALE;
	}
	entry_remove(s, link);
	return AMP_OK;
}

u16 store_discard_vai(struct store *s, u32 client, u32 vai, u64 version, u32 max)
{
	u16 space = space_find(s, client, vai);
	struct space *sp;
	u64 i, end;
	u32 n = 0;

	if (space == SPACE_NONE)
		return AMP_OK;
	sp = &s->spaces[space];
	if (sp->scan_version != version) {
		sp->scan_version = version;
		sp->scan = 0;
	}
	end = min_t(u64, (u64)sp->scan + STORE_SCAN_MAX, s->top);
	for (i = sp->scan; i < end && n < max; i++) {
		struct entry *e = &s->entries[i];

		if (entry_space(e) != space || entry_version(e) >= version)
			continue;
		n++;
		entry_remove(s, entry_link(s, space, e->page_no));
		/* the last page of a space takes the space with it */
		if (!sp->pages)
			return AMP_OK;
	}
	sp->scan = i < s->top ? (u32)i : 0;
	return i < s->top ? AMP_E_MORE : AMP_OK;
}

void store_drain(struct store *s, u32 max)
{
	u64 end = min_t(u64, (u64)s->drain + STORE_SCAN_MAX, s->top);
	u64 i;
	u32 n = 0;

	for (i = s->drain; i < end && n < max && s->pages; i++) {
		struct entry *e = &s->entries[i];

		if (entry_space(e) == SPACE_FREE)
			continue;
		n++;
		entry_remove(s, entry_link(s, entry_space(e), e->page_no));
	}
	s->drain = i < s->top ? (u32)i : 0;
}

bool store_list(const struct store *s, u64 *cursor, u64 end, u32 max,
		struct amp_inventory_item *items, u32 *n)
{
	u64 i;

	end = min(end, s->top);
	*n = 0;
	for (i = *cursor; i < end && *n < max; i++) {
		const struct entry *e = &s->entries[i];

		if (entry_space(e) == SPACE_FREE)
			continue;
		items[*n].client = s->spaces[entry_space(e)].client;
		items[*n].vai = s->spaces[entry_space(e)].vai;
		items[*n].page_no = e->page_no;
		items[*n].version = entry_version(e);
		(*n)++;
	}
	*cursor = i;
	return i < s->top;
}
