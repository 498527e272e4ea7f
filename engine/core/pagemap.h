/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page map: which servers hold the current version of a page. Linear hashing in
 * chunks that are taken one at a time, so that it grows by bounded steps in softirq
 * and never rehashes. It does not shrink; freed entries are used again.
 */
#ifndef ANM_ENG_PAGEMAP_H
#define ANM_ENG_PAGEMAP_H

#include "priv.h"

#define ENG_MAP_NONE	0xffffffffu /* no entry */
#define ENG_VERSION_MAX ((1ull << 48) - 1)

#define MAP_VAI_MASK 0x07ffu /* of map_entry.vai_flags: the VAI's slot */
#define MAP_DOUBT    0x0800u /* only known of from servers that may be out of date, see stale.h */
#define MAP_ELDER    0x1000u /* copy 1 is of a version before, see elder.h; so is MAP_DEGRADED set */
#define MAP_DEGRADED 0x2000u /* fewer copies at hand than there should be; counted in the VAI */
#define MAP_LOST     0x4000u /* no copy was left when last read; counted, and the event is out */
#define MAP_USED     0x8000u /* not on the free list */

/* Of map_entry.where: two server slots, and the number of a pattern above them. */
#define MAP_SLOT_BITS	 11
#define MAP_SLOT_MASK	 ((1u << MAP_SLOT_BITS) - 1) /* also: no server */
#define MAP_PATTERN_BITS (32 - ENG_COPIES_MAX * MAP_SLOT_BITS)

/**
 * struct map_entry - a stored page (20 bytes).
 * @vai_flags:  VAI slot and MAP_ flags
 * @version_hi, @version_lo: 48 bits
 * @page_no:    page in the VAI
 * @where:      slots of the servers that hold it, and what it is filled with (form.h)
 * @next:       next entry of the bucket or of the free list, ENG_MAP_NONE at the end
 */
struct map_entry {
	u16 vai_flags;
	u16 version_hi;
	u32 version_lo;
	u32 page_no;
	u32 where;
	u32 next;
};

/** map_server() - slot of the server with copy @i, ENG_SLOT_NONE if none. */
static inline u16 map_server(const struct map_entry *me, u32 i)
{
	u32 slot = me->where >> (i * MAP_SLOT_BITS) & MAP_SLOT_MASK;

	return slot == MAP_SLOT_MASK ? ENG_SLOT_NONE : (u16)slot;
}

static inline void map_server_set(struct map_entry *me, u32 i, u16 slot)
{
	u32 shift = i * MAP_SLOT_BITS;

	me->where = (me->where & ~(MAP_SLOT_MASK << shift)) | (slot & MAP_SLOT_MASK) << shift;
}

/** map_held() - does it name any copy? */
static inline bool map_held(const struct map_entry *me)
{
	return map_server(me, 0) != ENG_SLOT_NONE || map_server(me, 1) != ENG_SLOT_NONE;
}

/** map_elder() - slot of the server with the version before, ENG_SLOT_NONE if none. */
static inline u16 map_elder(const struct map_entry *me)
{
	return me->vai_flags & MAP_ELDER ? map_server(me, 1) : ENG_SLOT_NONE;
}

/** map_current() - map_server(), but for the elder: copies of the entry's version. */
static inline u16 map_current(const struct map_entry *me, u32 i)
{
	return i && (me->vai_flags & MAP_ELDER) ? ENG_SLOT_NONE : map_server(me, i);
}

/** map_pattern() - number of the pattern that fills the page, 0 if that is not known. */
static inline u32 map_pattern(const struct map_entry *me)
{
	return me->where >> (ENG_COPIES_MAX * MAP_SLOT_BITS);
}

static inline void map_pattern_set(struct map_entry *me, u32 pattern)
{
	u32 shift = ENG_COPIES_MAX * MAP_SLOT_BITS;

	me->where = (me->where & ((1u << shift) - 1)) | pattern << shift;
}

static inline u64 map_version(const struct map_entry *me)
{
	return (u64)me->version_hi << 32 | me->version_lo;
}

static inline void map_version_set(struct map_entry *me, u64 version)
{
	me->version_hi = (u16)(version >> 32);
	me->version_lo = (u32)version;
}

/** map_hash() - keyed hash of a page's identity; the busy table uses it too. */
u64 map_hash(const struct eng_map *map, u16 vai_slot, u32 page_no);

/** map_find() - index of the page's entry, or ENG_MAP_NONE. */
u32 map_find(struct eng_map *map, u16 vai_slot, u32 page_no);

/**
 * map_prefetch() - map_find() will be called soon: have the bucket fetched.
 * map_prefetch_entry() - a little later, when the bucket is there: its first entry too.
 */
void map_prefetch(struct eng_map *map, u16 vai_slot, u32 page_no);
void map_prefetch_entry(struct eng_map *map, u16 vai_slot, u32 page_no);

/**
 * map_insert() - make an entry, without servers, version 0. The page has none yet.
 * Return: its index, stable until map_remove(); ENG_MAP_NONE without memory.
 */
u32 map_insert(struct eng_map *map, u16 vai_slot, u32 page_no);

/** map_remove() - drop an entry. */
void map_remove(struct eng_map *map, u32 idx);

/** map_entry() - the entry at @idx. Valid as long as the entry. */
struct map_entry *map_entry(struct eng_map *map, u32 idx);

/**
 * map_scan() - next entry in use at or after *@cursor, for sweeps.
 * @budget: entries that may be looked at; counted down
 *
 * Return: an index, *@cursor behind it; ENG_MAP_NONE when the budget is used up or
 * the end is reached, which is when map_scan_end() is true.
 */
u32 map_scan(struct eng_map *map, u32 *cursor, u32 *budget);
bool map_scan_end(const struct eng_map *map, u32 cursor);

#endif
