/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page map after a restart: servers tell what they hold (INVENTORY), the newest
 * version of each page wins. Every server whose memory is new to this engine and not
 * empty is asked once, whether or not anybody waits for it.
 */
#ifndef ANM_ENG_RECOVER_H
#define ANM_ENG_RECOVER_H

#include "pagemap.h"
#include "server.h"

#define ENG_INV_LANES	   16 /* INVENTORY messages in flight, a server */
#define ENG_INV_LANES_LATE 4  /* the same while clients' requests are carried out */
#define ENG_INV_CHUNK	   AMP_INVENTORY_SCAN
#define ENG_INV_STEP_MIN   1024 /* entries that an answer with room left must have looked at */
#define ENG_INV_RETRY_NS   (500 * NS_PER_MS)
#define ENG_INV_DISCARDS   (ENG_DISCARDS_MAX / 2) /* no more is asked while so many wait */
/* Versions above are nobody's: an engine that believed them would run out of numbers. */
#define ENG_VERSION_SANE (ENG_VERSION_MAX - (1ull << 31))

/** struct eng_inv_lane - a range of entries that is being asked for. */
struct eng_inv_lane {
	struct eng_xfer xf;
	struct eng_server *sv;
	u64 cursor, end;
	bool busy;
};

/**
 * struct eng_inventory - of one server, in progress.
 * @next:     first entry that no lane has been given
 * @end:      entries from here on hold nothing
 * @busy:     lanes in flight
 * @retry_ns: nothing is asked before
 */
struct eng_inventory {
	u64 next, end;
	u32 busy;
	u64 retry_ns;
	struct eng_inv_lane lane[ENG_INV_LANES];
};

/** eng_recover_boot() - a server is there and says which memory it has. */
void eng_recover_boot(struct engine *e, struct eng_server *sv, u64 boot);

/** eng_recover_joined() - a session has begun: ask for the inventory, or go on with it. */
void eng_recover_joined(struct engine *e, struct eng_server *sv);

/**
 * eng_recover_inherit() - a server is there with another memory than it had: if it was never heard
 * with that one, a late HELLO spoke of it, and what the server had before is still to be told.
 */
void eng_recover_inherit(struct eng_server *sv, struct eng_server *old);

/** eng_recover_heard() - a message of its session came: its HELLO was no late one. */
void eng_recover_heard(struct engine *e, struct eng_server *sv);

/**
 * eng_recover_listing() - is the server telling what it holds at this moment?
 * Nothing is discarded meanwhile: the answer could tell of a page that is gone.
 */
static inline bool eng_recover_listing(const struct eng_server *sv)
{
	return sv->inv && sv->inv->busy;
}

/** eng_recover_forget() - the memory is lost, or the slot is given up. */
void eng_recover_forget(struct engine *e, struct eng_server *sv);

/** eng_recover_cancel() - the engine ends. */
void eng_recover_cancel(struct engine *e, struct eng_server *sv);

/** eng_recover_lossy() - a copy was lost: if it was the last one, note it with the VAI. */
void eng_recover_lossy(struct engine *e, const struct map_entry *me);

/** eng_recover_unknown() - may a page that is not in the page map have been written? */
bool eng_recover_unknown(const struct engine *e, const struct eng_vai *vai);

/** eng_recover_newer() - may there be a newer version of a page that one server has told of? */
bool eng_recover_newer(const struct engine *e, const struct eng_vai *vai);

/** eng_recover_holes() - is that to be asked again after the next restart, whoever is there? */
bool eng_recover_holes(const struct engine *e, const struct eng_vai *vai);

/** eng_recover_thin() - may pages have fewer copies than the class calls for? */
bool eng_recover_thin(const struct engine *e, const struct eng_vai *vai);

/** eng_recover_again() - discards to it were not remembered: have it tell again what it holds. */
void eng_recover_again(struct eng_server *sv);

/** eng_version_raise() - versions drawn from now on are at least @version. */
void eng_version_raise(struct engine *e, u64 version);

#endif
