/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Forms of pages (enum amp_form): the smallest is found when a page is written, and undone
 * when it is read. In between, on the wire, at servers and when it is moved, a page is
 * the bytes of its form.
 *
 * What a same-filled page is filled with is kept in the page map besides, so that reading
 * it asks nobody. An entry has room for a small number only; the patterns themselves are in
 * one table. With the table full the pages are stored just the same, and read from servers.
 */
#ifndef ANM_ENG_FORM_H
#define ANM_ENG_FORM_H

#include "pageop.h"

#define ENG_PATTERNS_MAX ((1u << MAP_PATTERN_BITS) - 1)

/*
 * Unless the operator decides, compression switches itself off for a VAI whose pages do not
 * pack: of FORM_WINDOW tried, fewer than FORM_WORTH came below AMP_LZ4_LEN_MAX. The next
 * FORM_SKIP go as they are.
 */
#define FORM_WINDOW 32
#define FORM_WORTH  4
#define FORM_SKIP   992

/**
 * op_form() - choose the form of ->io.page, to be written.
 * Sets ->form, ->form_len, ->crc and, if it packs, ->packed.
 */
void op_form(struct engine *e, struct pg_op *op);

/** op_form_page() - the bytes of the form. */
static inline struct anm_page *op_form_page(const struct pg_op *op)
{
	return op->packed ? op->packed : op->io.page;
}

/** op_unform() - make the page of what was fetched into @xf->page. False if that makes none. */
bool op_unform(struct engine *e, const struct eng_xfer *xf);

/**
 * op_known() - the map knows what fills the page.
 * For a move ->fetch is then as if fetched; for others it is the page.
 *
 * Return: 1 if so; 0 if not; -ENOMEM.
 */
int op_known(struct engine *e, struct pg_op *op);

/** eng_entry_version() - the page has another version now: what filled it is not known any more. */
void eng_entry_version(struct engine *e, struct map_entry *me, u64 version);

/** eng_entry_fill() - the page is filled with the AMP_FILL_LEN bytes at @fill; NULL: not known. */
void eng_entry_fill(struct engine *e, struct map_entry *me, const void *fill);

#endif
