/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies that are out of date, on a server that could not be told so. As long as the engine lives
 * its page map knows better. The next life hears of the copy from that server, and of the newer
 * one from another, unless that is missing: so with the server is kept which versions may be out of
 * date, and what only it has of these is no answer while others have not told (promises 1, 8).
 */
#ifndef ANM_ENG_STALE_H
#define ANM_ENG_STALE_H

#include "pagemap.h"
#include "server.h"

/**
 * eng_stale_note() - the server was to forget something, or would have been if what it has were
 * known, and cannot be told at the moment. Does nothing when it is live: it is told soon.
 */
void eng_stale_note(struct engine *e, struct eng_server *sv);

/** eng_stale_doubt() - may a newer copy of the page be on a server that has not told? */
bool eng_stale_doubt(const struct engine *e, const struct eng_vai *vai, const struct map_entry *me);

/**
 * eng_stale_look() - the mover passes a page: it is no more in doubt when all others have told, and
 * lost when one of them never will.
 * Return: false if it is to be looked at again.
 */
bool eng_stale_look(struct engine *e, struct eng_vai *vai, struct map_entry *me);

/** eng_stale_begin() - the mover begins to look at all pages. */
void eng_stale_begin(struct engine *e);

/**
 * eng_stale_end() - it has looked at all.
 * Return: true if it is to look again: a server is there that may yet turn out to be current.
 */
bool eng_stale_end(struct engine *e);

#endif
