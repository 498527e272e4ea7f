/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Elders (decision 0006). A version of a page that one server alone has was perhaps never
 * acknowledged, and the version before it was: one server's death must not take both. So an
 * entry with MAP_ELDER names the server with its version first, and second one with the version
 * before, which is kept until there are two copies of the newer one. It counts for nothing
 * meanwhile. It is the page again when the server with the newer version is gone and that
 * version cannot have been acknowledged. Nor read: a READ writes it back before it answers.
 */
#ifndef ANM_ENG_ELDER_H
#define ANM_ENG_ELDER_H

#include "pageop.h"

/**
 * eng_elder_may() - can elders be of use?
 * Not if memories were lost that may have had the newer version too.
 */
bool eng_elder_may(const struct engine *e, const struct eng_vai *vai);

/**
 * eng_elder_begin() - is an older copy to be kept as one?
 * Not if there may be pages with fewer copies than the class calls for: then a single one may
 * well be of a version that was acknowledged.
 */
bool eng_elder_begin(const struct engine *e, const struct eng_vai *vai);

/**
 * eng_elder_pick() - which of an entry's copies to keep, when another server has a newer version.
 * @newer: its slot
 *
 * Return: a slot, ENG_SLOT_NONE if none is to be kept.
 */
u16 eng_elder_pick(struct engine *e, const struct eng_vai *vai, const struct map_entry *me,
		   u16 newer);

/** eng_elder_best() - the same where the bytes are known to be the newer one's; not on @bad. */
u16 eng_elder_best(struct engine *e, const struct map_entry *me, u16 newer, u16 bad);

/** eng_elder_set() - name @newer and @elder, or none; whoever counts ->mapped has done so. */
void eng_elder_set(struct map_entry *me, u16 newer, u16 elder);

/** eng_elder_drop() - it is not needed, if there is one: its server is to forget older versions. */
void eng_elder_drop(struct engine *e, const struct eng_vai *vai, struct map_entry *me,
		    u64 older_than);

/** eng_elder_ready() - is it the page, should nobody else have it? */
bool eng_elder_ready(struct engine *e, const struct eng_vai *vai, const struct map_entry *me);

/** eng_elder_take() - it is, with this version. The server with the newer one forgets that. */
void eng_elder_take(struct engine *e, const struct eng_vai *vai, struct map_entry *me, u64 version);

#endif
