/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shard's insides, shared by the files of the core and nobody else.
 *
 *   engine.c    create, destroy, tick, output queue, events, status
 *   -- NFS side --                          -- page side --
 *   dispatch.c  ONC RPC dispatch            pageio.c   page operations, one at a time; their copies:
 *                                           pageread.c, pagewrite.c
 *                                           hedge.c    the other copy, asked when one takes long
 *   nfs.c ...   NFSv3 procedures            pagemap.c  <client, VAI, offset> -> servers, version
 *   mount.c     MOUNT v3                    place.c    which server gets a new page
 *   req.c       READ and WRITE in flight    server.c   membership: hello, heartbeat, death
 *   drc.c       duplicate-request cache     xfer.c     channels, retransmission
 *                                           window.c   how many, how fast
 *   vai.c       VAIs, who uses them         discard.c  pages to be forgotten
 *   client.c    client addresses, queues    hello.c    HELLO, heartbeats, goodbyes
 *   fh.c        file handles                sweep.c    walks over the page map
 *   split.c     READs that servers answer
 *   reserve.c   reservation                 wheel.c    timers of messages
 *   contents.c  discard, resize             recover.c  the page map after a restart
 *                                           move.c     one page to another server
 *                                           repair.c   which pages, and when
 *                                           drain.c    servers that are to go
 *                                           elder.c    copies of the version before
 *                                           form.c     same-filled and packed pages
 *                                           cache.c    pages in the engine's own memory; the
 *                                                      table: pcache.c, pcache_s3fifo.c
 *                                           writeback.c  those that are stored later
 *                                           ahead.c    pages read before they are asked for; what
 *                                                      that may be: stream.c
 */
#ifndef ANM_ENG_PRIV_H
#define ANM_ENG_PRIV_H

#include "engine.h"
#include "pageio.h"
#include "stream.h"

#define ENG_EVENTS_MAX	 256
#define ENG_CHORES_NS	 NS_PER_MS /* between two of what eng_tick() does besides messages */
#define ENG_COPIES_MAX	 2
#define ENG_SLOT_NONE	 0xffffu /* no server, no channel */
#define ENG_UNKNOWN_VAIS 64	 /* VAIs of which servers have pages and the engine knows nothing */

struct eng_map;	       /* pagemap.c */
struct eng_servers;    /* server.c */
struct eng_exports;    /* vai.c: VAIs and clients */
struct eng_busy_table; /* pageio.c */
struct eng_mover;      /* repair.c */
struct eng_forms;      /* form.c */
struct eng_cache;      /* cache.c */

/** struct eng_unknown - pages of a VAI that the engine does not have. */
struct eng_unknown {
	u32 client_id;
	u32 vai_id;
	u64 pages;
};

/**
 * struct eng_recover - the rebuilding of the page map (recover.c).
 * @active:   requests are held back
 * @began_ns: since when
 * @vais:     there are VAIs of before: without there is nothing to hold back
 * @missing:  servers known from before whose inventory is not in
 * @gone:     of them those that were gone already, see struct eng_server_info
 * @lost:     of them those that came back empty, or never will
 * @surplus_ns: when one copy too many of a page was last learnt of
 * @doubt_below: highest eng_server.doubt_below of servers that were removed
 * @pages:    copies of pages that were learnt of
 * @took_ns:  how long the last recovery took
 * @tick_ns:  nothing to look at before
 * @unknown:  whose pages are on servers although there is no such VAI
 */
struct eng_recover {
	bool active;
	bool vais;
	u64 began_ns;
	u32 missing;
	u32 gone;
	u32 lost;
	u64 surplus_ns;
	u64 doubt_below;
	u64 pages;
	u64 took_ns, tick_ns;
	u32 nunknown;
	struct eng_unknown unknown[ENG_UNKNOWN_VAIS];
};

/**
 * struct eng_flusher - stores dirty pages (writeback.c).
 * @in_flight: pages being stored
 * @only:      no page is left dirty any more
 * @again:     one was stored, the next may begin
 * @retry_ns:  none that could not be stored is tried again before
 * @look_ns:   when VAIs are looked at next
 */
struct eng_flusher {
	u32 in_flight;
	bool only, again;
	u64 retry_ns, look_ns;
};

#define ENG_SPARE_PAGES 16

struct engine {
	struct eng_config cfg;
	u64 now; /* of the call in progress */
	u64 born;
	s64 real_minus_mono;
	u64 write_verf;	  /* constant while this engine lives */
	u64 version_next; /* page versions, 48 bits, only grows */
	struct anm_page *zero_page;
	struct anm_page *spare[ENG_SPARE_PAGES]; /* see eng_page_take() */
	u32 nspare;
	struct list_head outq;
	u32 outq_len;
	u32 pages_in_flight; /* eng_pageio_alloc() minus eng_pageio_free() */
	u32 hedge_credit;    /* see hedge.c */
	u32 aheads;	     /* pages being read ahead */
	bool ahead_again;    /* eng_ahead_again() has to look at the VAI of @ahead_slot */
	u16 ahead_slot;
	u64 chores_ns, chores_due; /* when eng_tick() last did all it does, and is to again */
	struct eng_stats stats;
	struct eng_event events[ENG_EVENTS_MAX];
	u32 ev_head, ev_tail;

	struct eng_map *map;
	struct eng_servers *servers;
	struct eng_busy_table *busy;
	struct eng_exports *exports;
	struct eng_recover recover;
	struct eng_mover *mover;
	struct eng_forms *forms;
	struct eng_cache *cache; /* NULL: no budget */
	struct eng_flusher flush;
};

/**
 * struct eng_vai - what both sides know of a VAI. Embedded first in the NFS
 * side's own struct.
 * @slot:      index in the VAI table, the page map's 16-bit VAI number
 * @vai_id, @client_id: as they go into struct amp_key
 * @npages:    size in pages
 * @copies:    1 or 2, from the class
 * @stored:    pages in the page map; kept by pagemap.c's callers (page side)
 * @lost:      pages found lost since it was made, each counted once
 * @in_flight: pageios that refer to it, counted by the page side from start to done
 * @reap_entry, @reap_server: page side: where eng_vai_reap() goes on; 0 at first
 * @discarded_below: versions below are of contents that were given up
 * @restored:  made before a restart: see eng_recover_unknown()
 * @holes:     what no server has may have been lost in a life before
 * @lossy:     pages were lost in this life: after a restart there are @holes
 * @thin:      pages may have fewer than @copies copies
 * @touched:   a page operation has begun since it was made
 * @cut:       servers may have pages behind its end
 * @emptying:  pages from @empty_from on are being given back
 * @degraded:  entries with MAP_DEGRADED, and dirty pages that could not be stored
 * @degraded_told: the event DEGRADED is out, REPAIRED not yet
 * @room_ns:   since when its WRITEs find no room although it can be made; 0: they do
 * @no_hedge:  see struct eng_vai_params
 * @hedged, @hedges_won: reads asked of a second server, and answered by it first
 * @pack_tried, @pack_paid: pages that were to be packed since the last judgement, and were
 * @pack_skip: pages that are not tried
 * @compress, @same_filled, @filled, @packed, @packed_bytes, @skipped: see engine.h
 * @no_cache:  its pages are not cached
 * @cached:    some are, or were
 * @cache_hits, @cache_misses: pages that were in the cache when wanted, or had to be fetched
 * @cache_evictions: pages that left the cache for want of room
 * @writeback: its pages may be left dirty, see writeback.h
 * @unflushed: there may be dirty ones, or are to be: it is to be kept as such
 * @kept:      it is
 * @told:      and was so when who keeps it told last
 * @dirty:     pages
 * @dirty_ns:  when one was to be left dirty
 * @drop_entry: where eng_dirty_drop() goes on; 0 at first
 * @flushed:   dirty pages stored
 * @overwritten: dirty pages written again before they were: stores saved
 * @readahead: see struct eng_vai_params
 * @streams:   what is read of it in order
 * @ahead_issued, @ahead_used, @ahead_wasted: pages asked for ahead, and what became of them
 */
struct eng_vai {
	u16 slot;
	u8 copies;
	bool deleting;
	u32 vai_id;
	u32 client_id;
	u32 npages;
	u64 stored;
	u64 lost;
	u32 in_flight;
	u32 reap_entry;
	u32 reap_server;
	bool emptying;
	bool degraded_told;
	u32 empty_from;
	u64 degraded;
	char name[ENG_NAME_MAX + 1];
	u8 uuid[16];
	u64 discarded_below;
	bool restored;
	bool holes;
	bool lossy;
	bool thin;
	bool touched;
	bool cut;
	u64 room_ns;
	bool no_hedge;
	u64 hedged, hedges_won;
	u16 pack_tried, pack_paid, pack_skip;
	u8 compress, same_filled;
	u64 filled, packed, packed_bytes, skipped;
	bool no_cache, cached;
	u64 cache_hits, cache_misses, cache_evictions;
	bool writeback, unflushed, kept, told;
	u32 dirty;
	u64 dirty_ns;
	u32 drop_entry;
	u64 flushed, overwritten;
	bool readahead;
	struct streams streams;
	u64 ahead_issued, ahead_used, ahead_wasted;
};

/* engine.c */

/**
 * eng_page_take() - as anm_page_alloc(). eng_page_give() - as anm_page_put().
 * Operations need a page for a moment, one after the other: the last few are kept for the next.
 */
struct anm_page *eng_page_take(struct engine *e);
void eng_page_give(struct engine *e, struct anm_page *page);

/**
 * eng_out_queue() - hand over a message to send; takes it. At ENG_OUTQ_MAX AMP datagrams
 * and answers over UDP are dropped; answers over TCP are not, the requests are bounded.
 */
void eng_out_queue(struct engine *e, struct anm_out *out);
void eng_event(struct engine *e, u8 type, const char *name, u64 value);

/* Page side, called by engine.c and the NFS side. create functions return 0 or -ENOMEM. */
int eng_map_create(struct engine *e);
void eng_map_destroy(struct engine *e);
int eng_busy_create(struct engine *e);
void eng_busy_destroy(struct engine *e); /* also fails what is in progress with -EIO */
int eng_servers_create(struct engine *e);
void eng_servers_destroy(struct engine *e);
int eng_forms_create(struct engine *e);
void eng_forms_destroy(struct engine *e);
u64 eng_servers_tick(struct engine *e); /* but for messages; ns until wanted again */
u64 eng_map_entries(struct engine *e);
u64 eng_map_bytes(struct engine *e);

/** eng_pool_donated() - pages donated by servers that live or are suspect, and are to stay. */
u64 eng_pool_donated(struct engine *e);
u32 eng_servers_count(struct engine *e, bool live_only);

/**
 * eng_vai_reap() - drop a bounded number of a deleting VAI's pages from the map,
 * and tell the servers. Called from the tick until it returns true: all gone, and
 * what servers must still be told no longer needs @vai. False while ->in_flight.
 */
bool eng_vai_reap(struct engine *e, struct eng_vai *vai);

/** eng_vai_of() - the VAI with this key, NULL if there is none. A deleting one is found too. */
struct eng_vai *eng_vai_of(struct engine *e, u32 client_id, u32 vai_id);

/** eng_vai_at() - the VAI in a slot, NULL if none. */
struct eng_vai *eng_vai_at(struct engine *e, u16 slot);

/* recover.c, for the NFS side and engine.c */

/** eng_recover_begin() - requests are held back from now on. */
void eng_recover_begin(struct engine *e);

/** eng_recover_restored() - a VAI was made that was there before a restart. */
void eng_recover_restored(struct engine *e);

/** eng_recover_tick() - begin, go on, end. Return: ns until wanted again. */
u64 eng_recover_tick(struct engine *e);

/** eng_recover_status() - fills what eng_get_status() tells of it. */
void eng_recover_status(struct engine *e, struct eng_status *st);

/**
 * eng_vai_trim() - drop pages from ->empty_from on from the map, and tell the servers.
 * A bounded step, as eng_vai_reap(). False while ->in_flight, or more is to be done.
 */
bool eng_vai_trim(struct engine *e, struct eng_vai *vai);

/* repair.c */
int eng_mover_create(struct engine *e);
void eng_mover_destroy(struct engine *e);
u64 eng_mover_tick(struct engine *e); /* ns until wanted again */
void eng_mover_status(struct engine *e, struct eng_status *st);

/* NFS side, called by engine.c */
int eng_exports_create(struct engine *e);
void eng_exports_destroy(struct engine *e);
u64 eng_exports_tick(struct engine *e); /* DRC age, deleting VAIs */
/* fills vais, clients, reserved_pages, stored_pages */
void eng_exports_status(struct engine *e, struct eng_status *st);

/** eng_swap_header() - write page 0 of an untouched VAI: a valid swap header. */
void eng_swap_header(const struct eng_vai *vai, void *page);

#endif
