/* SPDX-License-Identifier: GPL-2.0-only */
/* The oracle's insides, shared by oracle.c and revive.c. */
#ifndef ANM_SIM_ORACLE_H
#define ANM_SIM_ORACLE_H

#include "sim.h"

/** struct span - a page's share of an operation; @pos: where in its bytes. */
struct span {
	u32 page_no, off, len, pos;
};

extern u8 zeros[ANM_PAGE_SIZE];

struct sim_page *page_of(struct sim *w, u32 vai, u32 page_no);
void note(struct sim *w, struct sim_page *p, const char *what, u32 op, u32 gen, u32 stat);
void cand_add(struct sim_page *p, u32 gen, u8 *data);
bool cand_live(const struct sim_cand *c);
void cand_purge(struct sim_page *p);
u8 *page_copy(const u8 *from);
bool op_span(const struct sim_op *op, u32 i, struct span *s);
struct amp_key key_of(const struct sim *w, u32 vai, u32 page_no);
bool holds(struct sim *w, u32 server, u32 vai, u32 page_no, u32 from);
bool only_written(const struct sim_page *p);
/** memories_lost() - since the engine was made anew, or while it was gone, as far as it can know. */
bool memories_lost(const struct sim *w);
bool known_elsewhere(struct sim *w, u32 but, u32 vai, u32 page_no);

#endif
