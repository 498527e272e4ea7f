/* SPDX-License-Identifier: GPL-2.0-only */
/* The oracle's insides, shared by oracle.c, redundancy.c and revive.c. */
#ifndef ANM_SIM_ORACLE_H
#define ANM_SIM_ORACLE_H

#include "sim.h"

/** struct span - a page's share of an operation; @pos: where in its bytes. */
struct span {
	u32 page_no, off, len, pos;
};

extern u8 zeros[ANM_PAGE_SIZE];

/** fill_gen() - the generation that bytes of a page at @off are of, if oracle_fill() made them. */
u32 fill_gen(const u8 *data, u32 off);

struct sim_page *page_of(struct sim *w, u32 vai, u32 page_no);
void note(struct sim *w, struct sim_page *p, const char *what, u32 op, u32 gen, u32 stat);
void cand_add(struct sim_page *p, u32 gen, u8 *data);
bool cand_live(const struct sim_cand *c);
void cand_purge(struct sim_page *p);
u8 *page_copy(const u8 *from);
bool op_span(const struct sim_op *op, u32 i, struct span *s);
struct amp_key key_of(const struct sim *w, u32 vai, u32 page_no);
bool holds(struct sim *w, u32 server, u32 vai, u32 page_no, u32 from);
/** dirty_holds() - the same of the engine itself, which has yet to store it. */
bool dirty_holds(struct sim *w, u32 vai, u32 page_no, u32 from);
bool only_written(const struct sim_page *p);
/** memories_lost() - since the engine was told all, or before that and after the last save. */
bool memories_lost(const struct sim *w);
bool page_lost(struct sim *w, u32 vai, u32 page_no);
/** no_room() - fewer servers have or could take a page of it than its class calls for. */
bool no_room(struct sim *w, const struct sim_op *op);
bool known_elsewhere(struct sim *w, u32 but, u32 vai, u32 page_no);

#endif
