// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linear hashing (Litwin, 1980): buckets are split one at a time, in order, one with
 * each entry that takes the load past MAP_LOAD. One chunk holds buckets and entries in
 * that same proportion, so a split never needs memory that the entry has not brought.
 */
#include "pagemap.h"

#define MAP_LOAD	  2 /* entries a bucket */
#define MAP_CHUNK_BYTES	  2048
#define MAP_CHUNK_BUCKETS 46
#define MAP_CHUNK_ENTRIES (MAP_CHUNK_BUCKETS * MAP_LOAD)
#define MAP_FANOUT_BITS	  6
#define MAP_FANOUT	  (1u << MAP_FANOUT_BITS)
#define MAP_ROOT_MAX	  8192u /* pointers: 64 KiB, the most that anm_alloc() gives */
/* 3.09e9 pages, 11.5 TiB stored in one shard. */
#define MAP_CHUNKS_MAX (MAP_ROOT_MAX << (2 * MAP_FANOUT_BITS))

struct map_chunk {
	u32 bucket[MAP_CHUNK_BUCKETS];
	struct map_entry entry[MAP_CHUNK_ENTRIES];
};

struct map_leaf {
	struct map_chunk *chunk[MAP_FANOUT];
};

struct map_mid {
	struct map_leaf *leaf[MAP_FANOUT];
};

/**
 * struct eng_map - the table.
 * @root:     a directory of three levels; this one doubles, MAP_ROOT_MAX at most
 * @root_cap: pointers in it
 * @chunks:   chunks taken
 * @tail:     entries ever used: those at or above it are not in the free list
 * @free:     first of the free list
 * @entries:  in use
 * @level:    buckets are 2^level + split
 * @split:    next bucket to split
 * @bytes:    memory of all this
 * @key:      random, so that a client cannot choose pages that collide
 */
struct eng_map {
	struct map_mid **root;
	u32 root_cap;
	u32 chunks;
	u32 tail;
	u32 free;
	u32 entries;
	u32 level;
	u32 split;
	u64 bytes;
	u64 key;
};

static struct map_chunk *map_chunk_at(struct eng_map *map, u32 n)
{
	return map->root[n >> (2 * MAP_FANOUT_BITS)]
		->leaf[(n >> MAP_FANOUT_BITS) & (MAP_FANOUT - 1)]
		->chunk[n & (MAP_FANOUT - 1)];
}

static u32 *map_bucket(struct eng_map *map, u32 b)
{
	return &map_chunk_at(map, b / MAP_CHUNK_BUCKETS)->bucket[b % MAP_CHUNK_BUCKETS];
}

struct map_entry *map_entry(struct eng_map *map, u32 idx)
{
	return &map_chunk_at(map, idx / MAP_CHUNK_ENTRIES)->entry[idx % MAP_CHUNK_ENTRIES];
}

/* Finalizer of SplitMix64: every bit of the input reaches every bit of the result. */
u64 map_hash(const struct eng_map *map, u16 vai_slot, u32 page_no)
{
	u64 h = ((u64)vai_slot << 32 | page_no) ^ map->key;

	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
	return h ^ (h >> 31);
}

static u32 map_bucket_of(const struct eng_map *map, u16 vai_slot, u32 page_no)
{
	u32 h = (u32)map_hash(map, vai_slot, page_no);
	u32 b = h & ((1u << map->level) - 1);

	return b < map->split ? h & ((2u << map->level) - 1) : b;
}

static u32 *map_head(struct eng_map *map, u16 vai_slot, u32 page_no)
{
	return map_bucket(map, map_bucket_of(map, vai_slot, page_no));
}

void map_prefetch(struct eng_map *map, u16 vai_slot, u32 page_no)
{
	anm_prefetch(map_head(map, vai_slot, page_no));
}

void map_prefetch_entry(struct eng_map *map, u16 vai_slot, u32 page_no)
{
	u32 idx = *map_head(map, vai_slot, page_no);

	if (idx != ENG_MAP_NONE)
		anm_prefetch(map_entry(map, idx));
}

u32 map_find(struct eng_map *map, u16 vai_slot, u32 page_no)
{
	u32 idx = *map_head(map, vai_slot, page_no);

	while (idx != ENG_MAP_NONE) {
		const struct map_entry *me = map_entry(map, idx);

		if (me->page_no == page_no && (me->vai_flags & MAP_VAI_MASK) == vai_slot)
			break;
		idx = me->next;
	}
	return idx;
}

static void *map_alloc(struct eng_map *map, size_t n)
{
	void *p = anm_alloc(n);

	if (p)
		map->bytes += n;
	return p;
}

static int map_root_grow(struct eng_map *map)
{
	u32 cap = map->root_cap ? map->root_cap * 2 : 1;
	struct map_mid **root;

	if (cap > MAP_ROOT_MAX)
		return -ENOMEM;
	root = map_alloc(map, cap * sizeof(*root));
	if (!root)
		return -ENOMEM;
	if (map->root) {
		memcpy(root, map->root, map->root_cap * sizeof(*root));
		map->bytes -= map->root_cap * sizeof(*root);
		anm_free(map->root);
	}
	map->root = root;
	map->root_cap = cap;
	return 0;
}

/* A failure half way leaves an empty directory node, to be used by the next try. */
static int map_chunk_add(struct eng_map *map)
{
	u32 n = map->chunks, i;
	struct map_mid **mid;
	struct map_leaf **leaf;
	struct map_chunk *c;

	if (n >= MAP_CHUNKS_MAX)
		return -ENOMEM;
	if ((n >> (2 * MAP_FANOUT_BITS)) >= map->root_cap && map_root_grow(map))
		return -ENOMEM;
	mid = &map->root[n >> (2 * MAP_FANOUT_BITS)];
	if (!*mid)
		*mid = map_alloc(map, sizeof(**mid));
	if (!*mid)
		return -ENOMEM;
	leaf = &(*mid)->leaf[(n >> MAP_FANOUT_BITS) & (MAP_FANOUT - 1)];
	if (!*leaf)
		*leaf = map_alloc(map, sizeof(**leaf));
	if (!*leaf)
		return -ENOMEM;
	c = map_alloc(map, MAP_CHUNK_BYTES);
	if (!c)
		return -ENOMEM;
	for (i = 0; i < MAP_CHUNK_BUCKETS; i++)
		c->bucket[i] = ENG_MAP_NONE;
	(*leaf)->chunk[n & (MAP_FANOUT - 1)] = c;
	map->chunks++;
	return 0;
}

static u32 map_entry_take(struct eng_map *map)
{
	u32 idx = map->free;

	if (idx != ENG_MAP_NONE) {
		map->free = map_entry(map, idx)->next;
		return idx;
	}
	if (map->tail == map->chunks * MAP_CHUNK_ENTRIES && map_chunk_add(map))
		return ENG_MAP_NONE;
	return map->tail++;
}

/* Entries of bucket ->split whose next hash bit is set move to the new bucket. */
static void map_split(struct eng_map *map)
{
	u32 from = map->split, to = from + (1u << map->level);
	u32 *link = map_bucket(map, from);
	u32 *tail = map_bucket(map, to);

	while (*link != ENG_MAP_NONE) {
		u32 idx = *link;
		struct map_entry *me = map_entry(map, idx);
		u64 h = map_hash(map, me->vai_flags & MAP_VAI_MASK, me->page_no);

		if (!(h >> map->level & 1)) {
			link = &me->next;
			continue;
		}
		*link = me->next;
		me->next = ENG_MAP_NONE;
		*tail = idx;
		tail = &me->next;
	}
	if (++map->split == 1u << map->level) {
		map->level++;
		map->split = 0;
	}
}

u32 map_insert(struct eng_map *map, u16 vai_slot, u32 page_no)
{
	u32 idx = map_entry_take(map);
	struct map_entry *me;
	u32 *bucket;

	if (idx == ENG_MAP_NONE)
		return idx;
	me = map_entry(map, idx);
	memset(me, 0, sizeof(*me));
	me->vai_flags = (vai_slot & MAP_VAI_MASK) | MAP_USED;
	me->page_no = page_no;
	map_server_set(me, 0, ENG_SLOT_NONE);
	map_server_set(me, 1, ENG_SLOT_NONE);
	bucket = map_head(map, vai_slot, page_no);
	me->next = *bucket;
	*bucket = idx;
	map->entries++;
	if (map->entries > MAP_LOAD * ((1u << map->level) + map->split))
		map_split(map);
	return idx;
}

void map_remove(struct eng_map *map, u32 idx)
{
	struct map_entry *me = map_entry(map, idx);
	u16 vai_slot = me->vai_flags & MAP_VAI_MASK;
	u32 *link = map_head(map, vai_slot, me->page_no);

	while (*link != idx) {
		if (WARN_ON_ONCE(*link == ENG_MAP_NONE))
			return;
		link = &map_entry(map, *link)->next;
	}
	*link = me->next;
	me->vai_flags = 0;
	me->next = map->free;
	map->free = idx;
	map->entries--;
}

bool map_scan_end(const struct eng_map *map, u32 cursor)
{
	return cursor >= map->tail;
}

u32 map_scan(struct eng_map *map, u32 *cursor, u32 *budget)
{
	while (*cursor < map->tail && *budget) {
		u32 idx = (*cursor)++;

		(*budget)--;
		if (map_entry(map, idx)->vai_flags & MAP_USED)
			return idx;
	}
	return ENG_MAP_NONE;
}

int eng_map_create(struct engine *e)
{
	struct eng_map *map;

	BUILD_BUG_ON(sizeof(struct map_entry) != 20);
	BUILD_BUG_ON(sizeof(struct map_chunk) > MAP_CHUNK_BYTES);
	BUILD_BUG_ON(ENG_VAIS_MAX > MAP_VAI_MASK + 1);
	BUILD_BUG_ON(ENG_SERVERS_MAX > MAP_SLOT_MASK);
	map = anm_alloc(sizeof(*map));
	if (!map)
		return -ENOMEM;
	map->bytes = sizeof(*map);
	map->free = ENG_MAP_NONE;
	anm_random(&map->key, sizeof(map->key));
	e->map = map;
	if (map_chunk_add(map)) {
		eng_map_destroy(e);
		return -ENOMEM;
	}
	return 0;
}

static void map_mid_free(struct map_mid *mid)
{
	u32 i, j;

	for (i = 0; i < MAP_FANOUT && mid->leaf[i]; i++) {
		for (j = 0; j < MAP_FANOUT; j++)
			anm_free(mid->leaf[i]->chunk[j]);
		anm_free(mid->leaf[i]);
	}
	anm_free(mid);
}

void eng_map_destroy(struct engine *e)
{
	struct eng_map *map = e->map;
	u32 i;

	if (!map)
		return;
	for (i = 0; i < map->root_cap && map->root[i]; i++)
		map_mid_free(map->root[i]);
	anm_free(map->root);
	anm_free(map);
	e->map = NULL;
}

u64 eng_map_entries(struct engine *e)
{
	return e->map->entries;
}

u64 eng_map_bytes(struct engine *e)
{
	return e->map->bytes;
}
