/* SPDX-License-Identifier: GPL-2.0-only */
/* A page operation's insides, shared by the files of page operations. */
#ifndef ANM_ENG_PAGEOP_H
#define ANM_ENG_PAGEOP_H

#include "pagemap.h"
#include "server.h"

#define PG_TRIES_MAX 4 /* fetches, or copies that failed, before an operation gives up */
/* Of a move, and of the write that it becomes; and one with a bad copy. */
#define PG_TRIED_MAX (2 * (PG_TRIES_MAX + ENG_COPIES_MAX) + 1)

enum pg_copy_state {
	PG_COPY_WANT, /* no server yet */
	PG_COPY_SENT, /* on its way */
	PG_COPY_STORED,
};

/**
 * struct pg_copy - one copy of a page being written; the first also serves fetches.
 * @xf:    the message
 * @op:    whose copy it is
 * @slot:  the server, pinned, or ENG_SLOT_NONE
 * @state: enum pg_copy_state
 * @fresh: counted in the server's @pending
 * @untold: the server had not told what it holds when it was asked to store it
 */
struct pg_copy {
	struct eng_xfer xf;
	struct pg_op *op;
	u16 slot;
	u8 state;
	bool fresh;
	bool untold;
};

/**
 * struct pg_op - a page operation.
 * @io:      what the NFS side sees of it
 * @node:    in the busy table, while it is the one that its page is busy with
 * @wait:    later ones on the same page
 * @link:    on @wait of that one, or on the ready or finished list
 * @fetch:   page being fetched into
 * @hedge:   the same of a second server, which was asked too by @copy[1]; NULL when none is
 * @from:    server that @fetch came from
 * @version: of the write
 * @form, @form_len, @crc: of the page written; see form.h
 * @packed:  its bytes, if they are not ->io.page's
 * @entry:   in the page map, or ENG_MAP_NONE
 * @born:    @entry was made by this write; gone again if it fails
 * @tries:   fetches, or copies that failed
 * @skip:    bitmap of copies that did not do in this round of fetches
 * @uncertain: a failed copy may be stored all the same; if not, servers had no room
 * @failed:  a copy failed, and not for want of room or for its version
 * @settle:  a READ that writes back what it has read: an elder, or over a bad copy
 * @restamp: a server knows a newer version: draw another
 * @ncopies: to be written, in @copy
 * @ntried:  servers in @tried
 * @tried:   servers that failed, pinned, perhaps with the page on them
 * @untold:  bitmap of @tried: those of which pg_copy.untold is true
 * @copy:    copies on their way
 * @move:    of the mover: the same page and version, to other servers
 * @rewrite: of these, one that is written anew, under a new version, like a write
 * @storing: of these, one that is past its fetch
 * @ahead:   nobody has asked for it yet: read into the cache, see ahead.h
 * @flush:   a dirty page being stored, see writeback.h
 * @dirty:   of these, the version of the dirty page
 * @doubt:   server whose copy did not match its CRC, and which is asked again; ENG_SLOT_NONE
 * @bad:     server whose copy did not match its CRC twice, or ENG_SLOT_NONE
 * @leave:   of these, a server that the page is to leave, or ENG_SLOT_NONE
 */
struct pg_op {
	struct eng_pageio io;
	struct hlist_node node;
	struct list_head wait;
	struct list_head link;
	struct anm_page *fetch;
	struct anm_page *hedge;
	struct anm_page *packed;
	u64 version;
	u32 crc;
	u32 entry;
	u16 form_len;
	u8 form;
	bool born;
	bool uncertain;
	bool failed;
	bool settle;
	bool restamp;
	u8 tries;
	u8 skip;
	u8 ncopies;
	u8 ntried;
	u16 tried[PG_TRIED_MAX];
	u16 untold;
	struct pg_copy copy[ENG_COPIES_MAX];
	bool move;
	bool rewrite;
	bool storing;
	bool ahead;
	bool flush;
	u64 dirty;
	u16 doubt;
	u16 bad;
	u16 leave;
	u16 from;
};

static inline struct pg_op *op_of(struct eng_pageio *io)
{
	return container_of(io, struct pg_op, io);
}

/* pageio.c */
void op_key(const struct pg_op *op, struct amp_key *key);
struct map_entry *op_entry(struct engine *e, const struct pg_op *op);
bool entry_holds(const struct map_entry *me, u16 slot);

/**
 * eng_pageio_storing() - is a page just being stored on a server under this version?
 * Then its operation decides what becomes of that copy.
 */
bool eng_pageio_storing(struct engine *e, struct eng_vai *vai, u32 page_no, u16 slot, u64 version);

/** eng_pageio_busy() - is an operation on the page under way? */
bool eng_pageio_busy(struct engine *e, struct eng_vai *vai, u32 page_no);

/** op_complete() - the end; the next operation on the page may begin. */
void op_complete(struct engine *e, struct pg_op *op, int err);

/** busy_run() - carry out what became ready or done. Last call of every answer. */
void busy_run(struct engine *e);

/* pageread.c */

/** op_never_written() - the page has no entry: zeros, or the swap header. */
void op_never_written(struct engine *e, struct pg_op *op);

/** op_fetched() - ->fetch holds the page as it was, and belongs to this operation. */
void op_fetched(struct engine *e, struct pg_op *op);

/** op_fetch() - get the page from a server that has it; op_move_fetched() follows, for a move. */
void op_fetch(struct engine *e, struct pg_op *op);

/** op_ask() - ask @sv for the page; the answer goes to @page, and @c's owner hears of it. */
void op_ask(struct engine *e, struct pg_op *op, struct pg_copy *c, struct eng_server *sv,
	    struct anm_page *page,
	    void (*done)(struct engine *e, struct eng_xfer *xf, enum xfer_result res));

/* hedge.c */

/** op_hedge_arm() - before @xf, a read, is sent: if it takes long the other copy is asked. */
void op_hedge_arm(struct engine *e, const struct pg_op *op, struct eng_xfer *xf, u64 p95_ns);

/**
 * op_hedge_settle() - @c was answered, @good or not; ->fetch is the good page then.
 * Return: the other one is still on its way and may do better.
 */
bool op_hedge_settle(struct engine *e, struct pg_op *op, struct pg_copy *c, bool good);

/* pagewrite.c */

/** op_tried() - did this server fail in this write? */
bool op_tried(const struct pg_op *op, u16 slot);

/** op_targets() - is this server to have a copy of this write? */
bool op_targets(const struct pg_op *op, u16 slot);

/** op_unborn() - the entry goes with the write that made it, unless an inventory gave it a page. */
void op_unborn(struct engine *e, struct pg_op *op);

/** eng_version_draw() - the next version of a page. */
u64 eng_version_draw(struct engine *e);

/**
 * op_write() - store ->io.page under a new version on as many servers as there should be, or leave
 * it dirty.
 */
void op_write(struct engine *e, struct pg_op *op);

/** copy_send() - to @sv; write_done() or eng_move_done() hears of the answer. */
void copy_send(struct engine *e, struct pg_op *op, struct pg_copy *c, struct eng_server *sv);

/** copy_release() - it has no server any more. */
void copy_release(struct engine *e, struct pg_copy *c);

/** copy_failed() - the same; its server is remembered in ->tried. */
void copy_failed(struct engine *e, struct pg_op *op, struct pg_copy *c);

/** op_release() - let go of all servers; those that the entry does not name are to forget it. */
void op_release(struct engine *e, struct pg_op *op, u64 older_than);

/* discard.c */

/** op_spare_untold() - a WRITE failed: servers whose inventory is not in keep what they have. */
void op_spare_untold(struct engine *e, struct pg_op *op);

/* move.c */

/** op_move() - begin. */
void op_move(struct engine *e, struct pg_op *op);

/** op_move_fetched() - go on; @bad: a copy was found to be bad, and is to be written anew. */
void op_move_fetched(struct engine *e, struct pg_op *op, bool bad);
void eng_move_done(struct engine *e, struct eng_xfer *xf, enum xfer_result res);

/**
 * eng_move_alloc() - a move of a page, for eng_pageio_start(): to where it is missing, or
 * away from the server in slot @leave unless that is ENG_SLOT_NONE. Its ->done hears 0 (moved, or
 * no need to), -ENOSPC (no server to go to), -EIO, -ENOMEM or -EAGAIN (broken off).
 * Return: NULL without memory.
 */
struct eng_pageio *eng_move_alloc(struct engine *e, struct eng_vai *vai, u32 page_no, u16 leave);

/** eng_move_possible() - there is a server that could take a copy of the page; @leave: as above. */
bool eng_move_possible(struct engine *e, const struct map_entry *me, u16 leave);

/** eng_move_want() - there is none, but there could be one: eng_place_want(). */
void eng_move_want(struct engine *e, const struct map_entry *me);

/**
 * eng_move_yield() - break off a move that hangs while others wait for its page or VAI.
 * Return: true if it was; it and other moves may be gone then.
 */
bool eng_move_yield(struct engine *e, struct eng_pageio *io);

/** enum eng_copy_rank - how good a copy is to have, best first. */
enum eng_copy_rank {
	ENG_COPY_GOOD,
	ENG_COPY_SUSPECT,
	ENG_COPY_DRAINING, /* at hand, but not for long */
	ENG_COPY_AWAY,	   /* on a server that may come back with it soon */
	ENG_COPY_OVERDUE,  /* the same, not expected any more */
	ENG_COPY_NONE,
};

/** eng_copy_rank() - of a copy on the server in @slot. */
enum eng_copy_rank eng_copy_rank(struct engine *e, u16 slot);

/**
 * struct eng_copies - a page's copies, counted.
 * @at_hand: can be read; draining ones too
 * @lasting: at hand and not draining
 * @awaited: away, but not for long yet
 */
struct eng_copies {
	u8 at_hand;
	u8 lasting;
	u8 awaited;
	bool draining;
};

void eng_copies_count(struct engine *e, const struct map_entry *me, struct eng_copies *c);

#endif
