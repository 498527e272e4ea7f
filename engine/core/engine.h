/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine as a pure state machine: one shard. What a door or a control
 * plane may call. It is given RPC records, AMP datagrams and clock ticks, and
 * it queues messages to send.
 *
 * Locking: all calls on one engine are made under one lock that the driver
 * owns (a spinlock with softirqs off in the module; a single thread in the
 * daemon). Messages are taken from the queue under the lock and sent without.
 * No call sleeps, but for eng_create() and eng_destroy().
 *
 * Time: every entry takes @now, nanoseconds of a monotonic clock; wall-clock
 * time for file attributes is given by eng_set_wallclock().
 */
#ifndef ANM_ENGINE_H
#define ANM_ENGINE_H

#include "../../proto/services.h"
#include "../../proto/amp.h"

struct engine;

/* Named limits (promise 7). */
#define ENG_VAIS_MAX	     1024  /* VAIs an engine */
#define ENG_CLIENTS_MAX	     1024  /* distinct client addresses */
#define ENG_SERVERS_MAX	     1024  /* memory servers known */
#define ENG_CLIENT_REQS_MAX  512   /* READ and WRITE in flight or queued, a client */
#define ENG_CLIENT_PAGES_MAX 16384 /* page operations of those, a client (64 MiB) */
/*
 * At so many (4 MiB) connections are not read on: what came first ends first, and a READ waits
 * behind little. A datagram cannot wait outside.
 */
#define ENG_TCP_PAGES_MAX 1024
#define ENG_PAGES_MAX	  65536	     /* the same, all clients (256 MiB) */
#define ENG_DRC_ENTRIES	  65536	     /* remembered non-idempotent calls, a client; see drc.h */
#define ENG_UDP_IO_MAX	  32768	     /* bytes a READ or WRITE over UDP */
#define ENG_TCP_IO_MAX	  (1u << 20) /* the same over TCP */
#define ENG_UDP_IO_PREF	  8192	     /* what FSINFO advises: two pages to a jumbo frame */
#define ENG_TCP_IO_PREF	  131072
/* RPC header, both credentials at their largest, NFS arguments before the data: fits. */
#define ENG_HEAD_MAX	   1024
#define ENG_RPC_MAX	   (ENG_TCP_IO_MAX + 4096)	  /* longest record */
#define ENG_VAI_SIZE_MIN   (10 * ANM_PAGE_SIZE)		  /* what mkswap accepts */
#define ENG_VAI_SIZE_MAX   ((1ull << 44) - ANM_PAGE_SIZE) /* 16 TiB: 32-bit page count */
#define ENG_XFER_TRIES_MAX 8 /* transmissions of one message before its server is suspect */
#define ENG_SILENT_NS	   (500 * NS_PER_MS) /* or fewer, if only this server is silent so long */
#define ENG_OUTQ_MAX	   16384	     /* messages waiting to be taken by the driver */
#define ENG_ROOM_WAIT_NS   (20 * NS_PER_S)   /* for so long a WRITE is put off while room is made */
#define ENG_CACHE_MAX	   16777216	     /* the largest eng_config.cache_pages: 64 GiB */
#define ENG_NAME_MAX	   64		     /* bytes of a name, without NUL */
#define ENG_GRACE_NS	   NS_PER_S /* after a restart nothing is answered for so long at least */
#define ENG_RECOVER_MS	   30000    /* default of eng_config.recover_ms */
#define ENG_REPAIR_MS	   10000    /* default of eng_config.repair_after_ms */
#define ENG_TICK_MIN_NS	   (NS_PER_MS / 4)
#define ENG_TICK_MAX_NS	   NS_PER_S
#define ENG_MOVE_RATE	   25000 /* default of eng_config.move_rate: 100 MB/s */

enum eng_class {
	ENG_CLASS_NORMAL,   /* one copy */
	ENG_CLASS_CRITICAL, /* two copies on different servers */
};

/** enum eng_compress - are a VAI's pages compressed? */
enum eng_compress {
	ENG_COMPRESS_AUTO, /* while it pays */
	ENG_COMPRESS_ON,   /* always tried */
	ENG_COMPRESS_OFF,
};

enum eng_same_filled {
	ENG_SAME_FILLED_ON, /* pages of one repeated word are kept as that word */
	ENG_SAME_FILLED_OFF,
};

enum eng_cache_mode {
	ENG_CACHE_OFF,
	ENG_CACHE_ON,	     /* write-through */
	ENG_CACHE_WRITEBACK, /* WRITEs are answered before they are stored */
};

/**
 * struct eng_config - how an engine is made.
 * @engine_uuid:  identity of the pool
 * @secret:       key of the file handles; the same secret and VAI UUID give the
 *                same handle after a restart
 * @epoch:        larger at each start
 * @insecure:     take requests from client ports of 1024 and above
 * @heartbeat_ms: 0 for the default (1000)
 * @dead_ms:      0 for the default (5000)
 * @recover_ms:   how long known servers are waited for after a restart; 0 for the default
 * @hold:         nothing is answered, and no inventory asked for, until eng_recover_go()
 * @repair_after_ms: how long a server may be away before its copies are made anew
 *                elsewhere; 0 for the default (10000)
 * @move_rate:    pages a second that repair and drain may move; 0 for the default (25000)
 * @overcommit:   per cent of the donations that may be promised beyond them; 0 none
 * @cache_pages:  budget of the page cache, taken as pages come; at most ENG_CACHE_MAX; 0 none
 */
struct eng_config {
	u8 engine_uuid[16];
	u8 secret[16];
	u64 epoch;
	bool insecure;
	u32 heartbeat_ms;
	u32 dead_ms;
	u32 recover_ms;
	bool hold;
	u32 repair_after_ms;
	u32 move_rate;
	u32 overcommit;
	u32 cache_pages;
};

/** struct eng_err - a refusal in words: what, why, what to do. Filled by control calls. */
struct eng_err {
	char msg[160];
};

/**
 * eng_create() - make an engine.
 * Context: process, may sleep. Return: the engine or NULL without memory.
 */
struct engine *eng_create(const struct eng_config *cfg, u64 now);

/** eng_destroy() - free everything, queued messages too. Context: process. */
void eng_destroy(struct engine *e);

/**
 * eng_set_wallclock() - tell the time of day for file attributes.
 * @real_minus_mono: nanoseconds to add to @now values
 */
void eng_set_wallclock(struct engine *e, s64 real_minus_mono);

/**
 * eng_rpc_in() - take one RPC record (NFS or MOUNT) of a client.
 * @from: the sender; kept for the answer
 * @rec:  the record, without record mark; not kept
 * @now:  monotonic ns
 *
 * Return: 0 when consumed (answered now, later, or counted and dropped);
 * -EAGAIN when a limit is reached: a TCP door keeps the record and asks again
 * once eng_has_room() says so, a UDP door drops it (it has been counted if the
 * peer's door is UDP); if that says so already, memory was short: ask again after a
 * millisecond. -EPROTO when a stream is not RPC: a TCP door closes.
 */
int eng_rpc_in(struct engine *e, const struct anm_peer *from, const struct anm_rec *rec, u64 now);

/** eng_has_room() - false while eng_rpc_in() would answer -EAGAIN to a full-sized request. */
bool eng_has_room(struct engine *e, const struct anm_addr *client);

/** eng_amp_in() - take one AMP datagram. Always consumed. */
void eng_amp_in(struct engine *e, const struct anm_peer *from, const struct anm_rec *rec, u64 now);

/**
 * eng_tick() - let time pass: retransmission, heartbeats, reclaim. Bounded work.
 * Return: ns until it wants to be called again (ENG_TICK_MIN_NS to ENG_TICK_MAX_NS).
 */
u64 eng_tick(struct engine *e, u64 now);

/**
 * eng_tick_due() - what was sent since the last tick may want the next one earlier.
 * To be asked after calls that may have queued messages. Return: ns from then, as eng_tick().
 */
u64 eng_tick_due(struct engine *e);

/** eng_out_next() - take the oldest queued message, NULL if none. Ownership passes. */
struct anm_out *eng_out_next(struct engine *e);

/* ---- control ---- */

/**
 * struct eng_vai_params - a VAI to be.
 * @name:   export path without the leading slash: letters, digits, '.', '_', '-'
 * @uuid:   identity; all zero to have one drawn
 * @size:   bytes, a multiple of the page size
 * @client: who may use it
 * @class:  enum eng_class
 * @restored: it was there before the engine was restarted: pages that are in no inventory
 *          are unknown, not zeros, while a server is missing
 * @discarded_below: inventory entries of older versions are dropped
 * @holes:  pages were lost before the restart: what is in no inventory is unknown for good
 * @degraded: pages had fewer copies than the class calls for: the next memory that is
 *          lost may be one too many
 * @discard_on_unmount: give the contents back when the client has unmounted it
 * @no_hedge: reads that take long are not asked of the other copy's server too
 * @compress: enum eng_compress
 * @same_filled: enum eng_same_filled
 * @split:  READs of one page over UDP may be answered by memory servers
 * @no_cache: its pages are not kept in the page cache
 * @writeback: WRITEs are answered when their pages are in it, and stored later; not for critical
 *          VAIs. A crash of the engine then loses all of the VAI
 * @unflushed: told: it may have such pages. With @restored: it had when the engine ended
 * @readahead: pages that a client will ask for next, if it reads in order, are fetched into the
 *          page cache
 */
struct eng_vai_params {
	char name[ENG_NAME_MAX + 1];
	u8 uuid[16];
	u64 size;
	struct anm_addr client;
	u8 class;
	bool restored;
	bool holes;
	bool degraded;
	u64 discarded_below;
	bool discard_on_unmount;
	bool no_hedge;
	u8 compress;
	u8 same_filled;
	bool split;
	bool no_cache;
	bool writeback;
	bool unflushed;
	bool readahead;
};

/**
 * struct eng_vai_info - what can be known of a VAI. Counters since it was made.
 * @mounted:     a MNT without UMNT, or data traffic within the last minute
 * @deleting:    refused to clients, its pages are being given back
 * @emptying:    pages behind its end, or all, are being given back
 * @degraded_pages: pages with fewer copies at hand than the class calls for
 * @filled_pages: pages written that were same-filled
 * @packed_pages: pages written that were compressed, to @packed_bytes
 * @skipped_pages: pages written that were not tried, since those before did not pack
 * @cache_hits, @cache_misses: pages found in the cache, or not
 * @cache_evictions: pages that left the cache for want of room
 * @told:        eng_vai_kept() was last called with true
 * @dirty_pages: in the cache and not stored yet
 * @flushed:     dirty pages stored
 * @overwritten: dirty pages written again before they were stored
 * @ahead_issued: pages asked of servers before the client asked for them
 * @ahead_used, @ahead_wasted: of those it then did; those that went unused, or never came. The
 *                rest are still on their way or in the cache.
 * @ahead_pages: how far it is read ahead at the moment
 * @read_ns_ema: smoothed time from request to reply, ns
 */
struct eng_vai_info {
	struct eng_vai_params p;
	u64 stored_pages;
	u64 lost_pages;
	u64 reads, writes, read_bytes, written_bytes, errors, denied;
	u64 zero_reads; /* pages read that were never written */
	u64 read_ns_ema, write_ns_ema;
	bool mounted, deleting;
	u32 outstanding;
	bool emptying;
	u64 degraded_pages;
	u64 hedged, hedges_won; /* page reads asked of a second server; answered by it first */
	u64 filled_pages, packed_pages, packed_bytes, skipped_pages;
	u64 split_reads; /* of @reads, answered by memory servers */
	u64 cache_hits, cache_misses, cache_evictions;
	bool told;
	u32 dirty_pages;
	u64 flushed, overwritten;
	u64 ahead_issued, ahead_used, ahead_wasted;
	u32 ahead_pages;
};

/** eng_vai_add() - reserve and export. -EEXIST, -EINVAL, -ENOSPC (pool), -ENFILE, -ENOMEM. */
int eng_vai_add(struct engine *e, const struct eng_vai_params *p, struct eng_err *err);

/** eng_vai_hedge() - ask the other copy's server too when a read takes long, or do not. -ENOENT. */
int eng_vai_hedge(struct engine *e, const char *name, bool on, struct eng_err *err);

/**
 * eng_vai_cache() - keep its pages in the page cache from now on, or do not.
 * What is there when it is switched off is not used; it leaves as others come. Dirty pages
 * are stored all the same.
 * @mode: enum eng_cache_mode
 *
 * Return: 0, -ENOENT, -EINVAL (write-back of a critical VAI, or without a page cache).
 */
int eng_vai_cache(struct engine *e, const char *name, u8 mode, struct eng_err *err);

/**
 * eng_vai_kept() - what eng_vai_params.unflushed was when the VAI was last written to where an
 * engine made after a crash will be told of it. Only then may there be dirty pages. -ENOENT.
 */
int eng_vai_kept(struct engine *e, const char *name, bool on, struct eng_err *err);

/** eng_flush() - leave no page dirty from now on and store those that are, or take that back. */
void eng_flush(struct engine *e, bool on);

/** eng_dirty_pages() - pages that would be lost if the engine ended now. */
u32 eng_dirty_pages(const struct engine *e);

/** eng_unflushed() - number of VAIs that are kept, or are to be, as such with dirty pages. */
u32 eng_unflushed(struct engine *e);

/** eng_vai_readahead() - set eng_vai_params.readahead, in effect at once. -ENOENT. */
int eng_vai_readahead(struct engine *e, const char *name, bool on, struct eng_err *err);

/**
 * eng_vai_del() - stop exporting, discard its pages in the background.
 * -ENOENT, -EBUSY when it is mounted and @force is false.
 */
int eng_vai_del(struct engine *e, const char *name, bool force, struct eng_err *err);

/**
 * eng_vai_get() - the VAI at or after slot @*slot; advances @*slot past it.
 * Return: true if there was one. Slots are stable while a VAI lives.
 */
bool eng_vai_get(struct engine *e, u32 *slot, struct eng_vai_info *info);

/**
 * eng_vai_discard() - forget the contents: every page is as if never written, and its
 * memory is the pool's again. In the background; until it is done, READ and WRITE are
 * put off. -ENOENT; -EBUSY when it is mounted and @force is false.
 */
int eng_vai_discard(struct engine *e, const char *name, bool force, struct eng_err *err);

/**
 * eng_vai_resize() - change the size of a VAI that is not mounted.
 * Larger reserves more; smaller forgets the pages behind the new end, in the background.
 * The swap header fits the new size if the client never wrote it.
 * -ENOENT, -EINVAL, -EBUSY (mounted, still being cut, or larger while servers that are away
 * may have pages that were cut off), -ENOSPC.
 */
int eng_vai_resize(struct engine *e, const char *name, u64 size, struct eng_err *err);

/**
 * eng_vai_forms() - change how a VAI's pages are stored from now on; may be in use.
 * @compress, @same_filled: -1: as it is
 *
 * Return: 0, -ENOENT, or -EINVAL for a value that there is none of.
 */
int eng_vai_forms(struct engine *e, const char *name, int compress, int same_filled,
		  struct eng_err *err);

enum eng_page_kind {
	ENG_PAGES_LOST,	    /* no copy at hand */
	ENG_PAGES_DEGRADED, /* fewer copies at hand than the class calls for, not none */
};

/**
 * eng_vai_pages() - offsets of a VAI's pages of one kind, a bounded step of a search.
 * @cursor: 0 at first; U32_MAX when all has been looked through
 * @pages:  page numbers found, @max at most
 *
 * Return: how many, or -ENOENT.
 */
int eng_vai_pages(struct engine *e, const char *name, u8 kind, u32 *cursor, u32 *pages, u32 max);

/** eng_vai_split() - set eng_vai_params.split, in effect at once. -ENOENT. */
int eng_vai_split(struct engine *e, const char *name, bool on, struct eng_err *err);

/** eng_busy() - number of VAIs in use (mounted): unloading is refused unless forced. */
u32 eng_busy(struct engine *e);

/* ---- restart ---- */

struct eng_server_info;

/**
 * eng_recover_expect() - after eng_create(): a server known before; its inventory is awaited.
 * Requests are held back until all have come, or recover_ms have passed.
 * @before: what eng_server_get() told of it. Its @uuid and @name; its @boot, 0 if that is not
 *          known: when it comes back with another one its pages are lost; @drain_asked: that
 *          is to go on; @stale_below; @gone: it is waited for as
 *          long as silence makes a server dead, not for all of recover_ms
 *
 * Return: 0; -EEXIST when it is known already, -ENFILE, -ENOMEM, -EINVAL for a zero UUID.
 */
int eng_recover_expect(struct engine *e, const struct eng_server_info *before);

/** eng_recover_go() - all VAIs and servers from before have been told: ends eng_config.hold. */
void eng_recover_go(struct engine *e);

/** eng_recovering() - are requests held back? */
bool eng_recovering(const struct engine *e);

/**
 * eng_recover_discard_unknown() - have the servers forget the pages of VAIs that there are none of.
 * Return: how many VAIs; -EBUSY while recovering.
 */
int eng_recover_discard_unknown(struct engine *e, struct eng_err *err);

enum eng_server_state { ENG_SERVER_LIVE, ENG_SERVER_SUSPECT, ENG_SERVER_DEAD, ENG_SERVER_LEFT };

enum eng_drain_state {
	ENG_DRAIN_NONE,
	ENG_DRAIN_MOVING, /* its pages are moved to others */
	ENG_DRAIN_DONE,	  /* nothing of use is left on it */
};

/** struct eng_server_info - what can be known of a memory server. Pages, ns. */
struct eng_server_info {
	u8 uuid[16];
	char name[AMP_NAME_MAX + 1];
	struct anm_addr addr;
	u16 port;
	u8 state;
	u16 mtu, channels;
	u64 donation, used; /* as it says itself */
	u64 mapped;	    /* pages that the page map has on it */
	u64 pages_out, pages_in, retransmits, timeouts, nacks, crc_errors;
	u64 srtt_ns, rto_ns;
	u32 in_flight, queued, cwnd;
	u64 spurious;	   /* of @retransmits those that were for nothing */
	u64 read_p95_ns;   /* of demand reads; 0 while too few are known */
	u64 last_heard_ns; /* ago */
	u64 boot;	   /* of the memory that its pages are in */
	u64 stale_below;   /* copies of older versions may be out of date; 0: none is */
	bool awaited;	   /* known from before a restart, and its inventory is not in */
	bool gone;	   /* dead or left, and nothing of use is known to be on it */
	char zone[AMP_ZONE_MAX];
	u8 drain;	  /* enum eng_drain_state; pages left: @mapped */
	u64 drain_total;  /* pages that it had when its drain began */
	bool drain_asked; /* by eng_server_drain(), and not done with: to go on after a restart */
	u16 slot;
};

bool eng_server_get(struct engine *e, u32 *slot, struct eng_server_info *info);

/**
 * eng_server_drain() - move a server's pages to the others, or (@on false) leave off.
 * In the background, see eng_server_info; the event DRAINED tells the end.
 * -ENOENT; -ENOSPC when the others cannot hold what is stored and promised; -EALREADY;
 * -EINVAL when the server is dead or gone, or a name is that of several.
 */
int eng_server_drain(struct engine *e, const char *name_or_uuid, bool on, struct eng_err *err);

/**
 * eng_server_remove() - forget a server. Pages that only it has are lost.
 * -ENOENT; -EINVAL; without @force -EBUSY while it is alive or pages are mapped to it.
 */
int eng_server_remove(struct engine *e, const char *name_or_uuid, bool force, struct eng_err *err);

/*
 * Counters of the engine, each a drop with its reason or a total. X(name, "what it counts").
 * Generic code (netlink, JSON, the simulator) walks the list.
 */
#define ENG_COUNTERS(X)                                                                    \
	X(rpc_in, "RPC records taken")                                                     \
	X(rpc_replies, "RPC replies sent")                                                 \
	X(rpc_malformed, "RPC records dropped as malformed")                               \
	X(rpc_denied, "RPC calls refused: RPC version, credentials")                       \
	X(rpc_unavail, "RPC calls of unknown programs, versions, procedures")              \
	X(rpc_garbage, "RPC calls answered GARBAGE_ARGS")                                  \
	X(rpc_insecure, "RPC calls refused for their source port")                         \
	X(mnt_denied, "MNT calls refused")                                                 \
	X(nfs_denied, "NFS calls for another client's VAI")                                \
	X(nfs_badhandle, "NFS calls with a forged or malformed handle")                    \
	X(nfs_stale, "NFS calls with a handle of a VAI that is gone")                      \
	X(nfs_reads, "READ calls")                                                         \
	X(nfs_writes, "WRITE calls")                                                       \
	X(nfs_errors, "NFS calls answered with an I/O error")                              \
	X(drc_replays, "duplicates answered from the duplicate-request cache")             \
	X(drc_in_progress, "duplicates of a call in progress, dropped")                    \
	X(queue_full, "requests dropped or delayed: the client's queue was full")          \
	X(no_memory, "requests dropped or delayed: no memory")                             \
	X(pages_read, "pages fetched from servers")                                        \
	X(pages_written, "page copies stored on servers")                                  \
	X(pages_zero, "pages read that were never written")                                \
	X(pages_filled, "same-filled pages written: their bytes do not cross the network") \
	X(reads_filled, "pages read that the page map knows to be same-filled")            \
	X(patterns_full, "same-filled pages whose pattern the page map has no room for")   \
	X(pages_packed, "pages compressed")                                                \
	X(packed_bytes, "bytes that they were compressed to")                              \
	X(pages_skipped, "pages not compressed, for those before did not pack")            \
	X(pages_lost, "page reads that failed: no copy left")                              \
	X(pages_merged, "partial pages: read, modified, written")                          \
	X(amp_in, "AMP datagrams taken")                                                   \
	X(amp_out, "AMP datagrams sent")                                                   \
	X(amp_malformed, "AMP datagrams dropped as malformed")                             \
	X(amp_unknown, "AMP datagrams from unknown addresses or of no session")            \
	X(amp_late, "AMP answers that nobody waits for any more")                          \
	X(amp_crc, "pages from servers that did not match their CRC")                      \
	X(amp_retransmits, "AMP messages sent again")                                      \
	X(amp_spurious, "of those for nothing: the answer was only late")                  \
	X(amp_timeouts, "AMP messages given up")                                           \
	X(amp_refused, "HELLO messages refused")                                           \
	X(amp_version, "AMP datagrams of another protocol version")                        \
	X(discards_dropped, "discards not remembered: pages that a server keeps in vain")  \
	X(outq_full, "messages dropped: output queue full")                                \
	X(recover_held, "requests dropped or delayed: the page map is being rebuilt")      \
	X(inventory_pages, "page copies that inventories told of")                         \
	X(inventory_stale, "of those older than another copy, or one too many")            \
	X(inventory_unknown, "of those of VAIs that there are none of")                    \
	X(inventory_beyond, "of those beyond their VAI's end")                             \
	X(inventory_bad, "inventory answers that make no sense")                           \
	X(reads_unknown, "page reads that failed: what was there is not known")            \
	X(pages_moved, "pages moved or copied anew by repair and drain")                   \
	X(moves_failed, "page moves given up, to be tried again")                          \
	X(moves_yielded, "page moves broken off for a client's sake")                      \
	X(pages_bad, "page copies written anew: they did not match their CRC")             \
	X(reads_hedged, "page reads for which a second server was asked")                  \
	X(hedges_won, "of those answered by the second server first")                      \
	X(split_asked, "READs that memory servers were asked to answer")                   \
	X(split_reads, "READs that they did answer")                                       \
	X(split_again, "READs that came again after that: answered by the engine")         \
	X(cache_hits, "pages found in the cache: no server was asked")                     \
	X(cache_misses, "pages not found in the cache")                                    \
	X(cache_evictions, "pages that left the cache for want of room")                   \
	X(cache_saved, "pages that no server had any more, stored again from the cache")   \
	X(dirty_writes, "pages left dirty: answered before they were stored")              \
	X(dirty_overwritten, "of those written again before they were stored")             \
	X(dirty_flushed, "dirty pages stored")                                             \
	X(dirty_failed, "dirty pages that could not be stored, to be tried again")         \
	X(dirty_full, "pages stored at once: as many are dirty as may be")                 \
	X(ahead_issued, "pages asked of servers before clients asked for them")            \
	X(ahead_used, "of those that clients then asked for")                              \
	X(ahead_wasted, "of those that went unused, or never came")

struct eng_stats {
#define X(name, help) u64 name;
	ENG_COUNTERS(X)
#undef X
};

/** struct eng_status - the engine as a whole. Pages and bytes. */
struct eng_status {
	struct eng_config cfg;
	u32 vais, clients, servers, servers_live;
	u64 donated_pages, reserved_pages, stored_pages;
	u64 map_entries, map_bytes; /* memory of the page map */
	u32 pages_in_flight;
	u64 uptime_ns;
	struct eng_stats stats;
	bool recovering;   /* requests are held back */
	u32 awaited;	   /* servers known from before whose inventory is not in */
	u64 recover_pages; /* copies of pages learnt of from inventories */
	u64 recover_ns;	   /* how long it has taken so far, or took */
	u32 unknown_vais;  /* that servers have pages of, and the engine does not know */
	u64 unknown_pages; /* of those */
	u64 epoch_next;	   /* an engine that is started next needs one above this */
	u64 degraded_pages;
	u32 servers_draining;
	u32 moves_in_flight;
	u32 cached_pages; /* in the page cache */
	u32 dirty_pages;  /* of those, not stored yet */
	bool flushing;	  /* by eng_flush() */
};

void eng_get_status(struct engine *e, struct eng_status *st, u64 now);

/* ---- events ---- */

enum eng_event_type {
	ENG_EV_SERVER_JOIN = 1,
	ENG_EV_SERVER_LEAVE,
	ENG_EV_SERVER_SUSPECT,
	ENG_EV_SERVER_DEAD,
	ENG_EV_VAI_ADDED,
	ENG_EV_VAI_DELETED,
	ENG_EV_VAI_MOUNTED,
	ENG_EV_VAI_UNMOUNTED,
	ENG_EV_PAGE_LOST,
	ENG_EV_RECOVERED,      /* value: pages */
	ENG_EV_VAI_LOSSY,      /* a server lost its memory and, with it, pages of this VAI */
	ENG_EV_VERSIONS,       /* value: what eng_status.epoch_next is from now on */
	ENG_EV_VAI_DEGRADED,   /* pages have fewer copies than the class calls for */
	ENG_EV_VAI_REPAIRED,   /* all have as many again */
	ENG_EV_SERVER_DRAINED, /* nothing of use is left on it */
	ENG_EV_SERVER_DRAINING,
	ENG_EV_SERVER_DRAIN_CANCELLED,
	ENG_EV_SERVER_SWEPT,   /* its memory is gone, and what became of all pages in it is known */
	ENG_EV_SERVER_BEHIND,  /* it cannot be told that copies there are out of date */
	ENG_EV_SERVER_CURRENT, /* it has been told of all */
	ENG_EV_VAI_UNFLUSHED,  /* pages are to be left dirty, once eng_vai_kept() says so */
	ENG_EV_VAI_FLUSHED,    /* there are none any more */
};

/** struct eng_event - something an operator wants to hear of, once. */
struct eng_event {
	u8 type;
	char name[ENG_NAME_MAX + 1]; /* of the server or VAI */
	u64 value; /* PAGE_LOST: byte offset; JOIN: donated pages; DEGRADED: pages */
};

/** eng_event_next() - take the oldest event; a bounded ring, the oldest are overwritten. */
bool eng_event_next(struct engine *e, struct eng_event *ev);

#endif
