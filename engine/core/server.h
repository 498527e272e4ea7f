/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory servers as the engine sees them.
 *
 * A slot number stands for one memory: a server that comes back with another boot id
 * gets a new slot, and the old one stays ENG_SERVER_GONE until no entry of the page map
 * and no operation names it any more. So an entry needs no generation number, and a slot
 * that is used again is never taken for what it was.
 */
#ifndef ANM_ENG_SERVER_H
#define ANM_ENG_SERVER_H

#include "priv.h"
#include "hedge.h"
#include "window.h"
#include "xfer.h"

#define ENG_HEARTBEAT_MS      1000
#define ENG_DEAD_MS	      5000
#define ENG_DISCARDS_MAX      4096 /* remembered, a server; more are left to the inventory */
#define ENG_DISCARD_BITS      12
#define ENG_SWEEP_BATCH	      2048 /* map entries looked at, a tick */
#define ENG_TICK_XFERS_MAX    1024 /* timeouts carried out, a tick; failures told, too */
#define ENG_LIVENESS_NS	      (50 * NS_PER_MS)
#define ENG_LATE_NS	      (120 * NS_PER_S) /* a datagram is not on its way for longer */
#define ENG_HELLOS_KEPT	      8		       /* sequence numbers, to know late duplicates */
#define ENG_RIVAL_NS	      (10 * NS_PER_S)  /* one that is refused says HELLO within that */
#define ENG_SESSION_SLOT_BITS 10	       /* low bits of a session id: the slot */
#define ENG_ROOM_WANTS_MAX    256	       /* pages that make room for others, a round */
#define ENG_SERVER_GONE	      0xff /* state of a slot whose memory is lost, not shown outside */

/**
 * struct eng_channel - a stop-and-wait lane.
 * @xf:         in flight, or NULL
 * @seq:        of the last message, 0 before the first of a session
 * @resent_seq: of the last one that was sent more than once and answered, 0 none; its
 *              second answer would prove that the first was only late
 * @resent_cut: see eng_window_lost(); @resent_ns: from its first transmission to the answer
 */
struct eng_channel {
	struct eng_xfer *xf;
	u32 seq;
	u16 next_free;
	u32 resent_seq;
	u32 resent_cut;
	u64 resent_ns;
};

/** struct eng_discard - a page (or all of a VAI's) that a server is to forget. */
struct eng_discard {
	struct list_head link;
	struct hlist_node node; /* in eng_servers.discards, but for @all */
	struct eng_server *sv;
	struct amp_key key;
	u64 version;
	bool all;
};

/**
 * struct eng_server - one memory.
 * @session:    0 when there is none; its low bits are the slot
 * @boot:       as it said; @prev_boot: of the memory that it had before, 0 none
 * @splits:     it can answer READs itself
 * @extra:      pages that it has beyond @mapped + @pending, as of its last heartbeat
 * @saved:      the other way: what they take less than a page each, as of then
 * @mapped:     references from the page map
 * @pending:    new copies on their way
 * @pins:       operations that name the slot
 * @rival_ns:   when another port of its address said HELLO with another memory, 0 never
 * @hello_seq:  of the HELLO that its session answers, then of those before
 * @answer_ns:  when a data message was last answered
 * @suspect_ns: since when it is suspect; @unanswered: for messages, not for silence
 * @free_chan:  first free channel, ENG_SLOT_NONE none
 * @urgent, @queue: messages that wait; @queued: how many, both
 * @urgent_run: urgent ones sent in a row while others waited
 * @lag:        how long reads take
 * @nxfers:     queued, in flight or failing
 * @awaited:    known from before a restart, and its inventory is not in
 * @was_gone:   eng_server_info.gone, as it was then
 * @inventoried: the page map has all that it holds
 * @told_empty: it said in its HELLO that it holds nothing
 * @unswept:    there were pages on it when its memory was given up
 * @overflowed: during its inventory discards were not remembered
 * @heard:      a message of a session came: it has the memory that its HELLO told of
 * @known_boot: of the memory that it had before the restart, 0 if not known or once it is heard
 * @inv:        an inventory in progress, or NULL
 * @drain_asked: by the operator; @leaving: by itself. Either way its pages are moved
 * @drain_refused: the others cannot hold its pages, so it is not drained although @leaving
 * @wiped:      told to forget all that is left; @drained: and has done so
 * @drain_total: pages that it had when its drain began
 * @away_ns:    since when it is dead or left
 * @discard_ns: when a discard was last queued or answered, 0 never
 * @sent_version: highest version of which a copy was sent there, or it has told of
 * @stale_below: older copies there may be out of date, see stale.h; 0: none is
 * @doubt_below: the same, as it was kept from the life before: of what was written since we know
 * @settling: since the mover began its round nothing speaks against that being over
 * @wiped_below: it was told to forget all pages of older versions, perhaps not yet
 * @room_wanted: a page would go there if it were not full
 */
struct eng_server {
	u16 slot;
	u8 state;
	u8 uuid[16];
	u64 boot, prev_boot;
	char name[AMP_NAME_MAX + 1];
	char zone[AMP_ZONE_MAX];
	struct anm_peer peer;
	u32 session, last_session;
	u32 nhellos;
	u32 hello_seq[ENG_HELLOS_KEPT];
	u16 mtu, channels;
	bool splits;
	u64 donation, used, extra, saved;
	u64 mapped;
	u32 pending, pins;
	u64 heard_ns, answer_ns, suspect_ns, rival_ns;
	bool unanswered;

	struct eng_channel *chan;
	u16 free_chan;
	struct list_head urgent, queue, flight;
	u32 nxfers, in_flight, queued, urgent_run;
	struct eng_window win;
	struct eng_lag lag;

	struct list_head discards;
	u32 ndiscards;
	bool discard_busy;
	struct eng_xfer discard_xf;

	u64 pages_out, pages_in, retransmits, spurious, timeouts, nacks, crc_errors;

	/* recover.c; see there */
	bool awaited, was_gone, heard, inventoried, told_empty, overflowed, unswept;
	u64 known_boot;
	struct eng_inventory *inv;
	bool drain_asked, leaving, drain_refused, wiped, drained;
	u64 drain_total;
	u64 away_ns;
	u64 discard_ns;
	u64 sent_version, stale_below, doubt_below;
	bool settling;
	u64 wiped_below;
	bool room_wanted;
};

/**
 * struct eng_servers - all of them.
 * @slot:    by number, NULL free
 * @nslots:  one above the highest in use
 * @turn:    round robin of place.c
 * @failing: messages whose owners are to be told
 * @gone:    slots in state ENG_SERVER_GONE
 * @sweep:   where the sweep of the page map goes on
 * @live_ns: when liveness is looked at next
 * @discards: pages that some server is to forget
 * @room_wants: pages that found no place though there is room; ENG_ROOM_WANTS_MAX at most
 */
struct eng_servers {
	struct eng_server *slot[ENG_SERVERS_MAX];
	u32 nslots;
	u32 turn;
	struct list_head failing;
	u32 gone;
	u32 sweep;
	u64 live_ns;
	struct wheel wheel;
	struct hlist_head discards[1u << ENG_DISCARD_BITS];
	u32 room_wants;
};

/** eng_server_at() - the server in a slot; NULL for ENG_SLOT_NONE and free slots. */
static inline struct eng_server *eng_server_at(struct engine *e, u16 slot)
{
	return slot < ENG_SERVERS_MAX ? e->servers->slot[slot] : NULL;
}

/** eng_server_usable() - may be talked to: live or suspect. */
static inline bool eng_server_usable(const struct eng_server *sv)
{
	return sv && (sv->state == ENG_SERVER_LIVE || sv->state == ENG_SERVER_SUSPECT);
}

/** eng_server_draining() - its pages are to go elsewhere, and nothing new is to come. */
static inline bool eng_server_draining(const struct eng_server *sv)
{
	return sv->drain_asked || (sv->leaving && !sv->drain_refused);
}

/** eng_server_kept_drain() - is the drain that the operator asked for still to be done? */
static inline bool eng_server_kept_drain(const struct eng_server *sv)
{
	/* Drained and then ended in order: with that what was asked for is done. */
	return sv->drain_asked && !(sv->drained && sv->state == ENG_SERVER_LEFT);
}

/** eng_server_pages() - pages on it, as well as can be known. */
static inline u64 eng_server_pages(const struct eng_server *sv)
{
	return sv->mapped + sv->pending + sv->extra;
}

/**
 * eng_server_has_room() - for one page more.
 *
 * Where no more is promised than was donated, a server is given as many pages as it donates
 * and no more, so that all fit even if none of them packs (promise 4). An operator who promises
 * more bets on how they pack: then it counts what they take. Pages since the last heartbeat
 * are taken for whole ones.
 */
static inline bool eng_server_has_room(const struct engine *e, const struct eng_server *sv)
{
	u64 pages = eng_server_pages(sv);

	if (e->cfg.overcommit)
		pages -= min(pages, sv->saved);
	return pages < sv->donation;
}

/* server.c */

/**
 * eng_server_new() - a slot for a server with a memory that is new to us.
 * @old: the server as it was before it lost its memory, or NULL; its slot is given up
 *
 * Return: the server, not yet joined; NULL with *@code = why it is refused.
 */
struct eng_server *eng_server_new(struct engine *e, const struct amp_hello *m,
				  struct eng_server *old, u16 *code);
struct eng_server *eng_server_by_uuid(struct engine *e, const u8 *uuid);

/** eng_server_joined() - a session has begun. */
void eng_server_joined(struct engine *e, struct eng_server *sv);

/** eng_server_forget() - removed by the operator: its slot is given up. */
void eng_server_forget(struct engine *e, struct eng_server *sv);

/** eng_server_left() - it said GOODBYE. */
void eng_server_left(struct engine *e, struct eng_server *sv);

/** eng_server_heartbeat() - it is there. */
void eng_server_heartbeat(struct engine *e, struct eng_server *sv);

/** eng_server_usage() - it has @used pages, ours and others. */
void eng_server_usage(struct eng_server *sv, u64 used);

/** eng_server_suspect() - messages to it are not answered. */
void eng_server_suspect(struct engine *e, struct eng_server *sv);

/** eng_server_answered() - it answered a message: no longer suspect. */
void eng_server_answered(struct engine *e, struct eng_server *sv);

/** eng_server_full() - it refused a page: has no room until a heartbeat says otherwise. */
void eng_server_full(struct eng_server *sv);

/* hello.c */

/** eng_server_goodbye() - tell it that its session is over. */
void eng_server_goodbye(struct engine *e, struct eng_server *sv);

/**
 * eng_amp_make() - make an AMP datagram.
 * @h:       header; @h->part_len bytes at @payload, or NULL for page bytes that the
 *           caller appends (@nfrags of room)
 *
 * Return: the message, for eng_out_queue(); NULL without memory, counted.
 */
struct anm_out *eng_amp_make(struct engine *e, const struct anm_peer *to, const struct amp_hdr *h,
			     const u8 *payload, u16 nfrags);

/* place.c */

/**
 * struct eng_place_ask - where may a copy of a page go?
 * @avoid: slots that will not do, @nr_avoid of them
 * @peers: slots of the page's other copies, @nr_peers of them; ENG_SLOT_NONE is none
 * @state: ENG_SERVER_LIVE or ENG_SERVER_SUSPECT
 */
struct eng_place_ask {
	const u16 *avoid;
	const u16 *peers;
	u8 nr_avoid;
	u8 nr_peers;
	u8 state;
};

/**
 * eng_place() - the policy: which server gets a copy of a page.
 * Never one that is full, being drained, or in the zone of another copy.
 *
 * Return: the server or NULL.
 */
struct eng_server *eng_place(struct engine *e, const struct eng_place_ask *ask);

/**
 * eng_place_want() - eng_place() had none: the full servers that would do are to be made room
 * on, if others have some. eng_mover_tick() moves pages away from them.
 * Return: false if there is no room anywhere, or no server would do.
 */
bool eng_place_want(struct engine *e, const struct eng_place_ask *ask);

/** eng_zones_clash() - both carry a zone and it is the same. */
bool eng_zones_clash(const struct eng_server *a, const struct eng_server *b);

/* discard.c */

/** eng_discard_page() - have a server forget a page older than @version, when it can be told. */
void eng_discard_page(struct engine *e, u16 slot, const struct amp_key *key, u64 version);

/** eng_discard_vai() - the same for a whole VAI. False without memory: try again. */
bool eng_discard_vai(struct engine *e, u16 slot, const struct amp_key *key, u64 version);

/** eng_discard_pump() - send the next one if none is on its way. */
void eng_discard_pump(struct engine *e, struct eng_server *sv);

/**
 * eng_discard_recent() - may an old discard still arrive at the server?
 * If so, a page must not be stored there again under a version that it had before.
 */
bool eng_discard_recent(const struct engine *e, const struct eng_server *sv);

/** eng_discard_asked() - is the server to forget this version of a page, and has not yet? */
bool eng_discard_asked(struct engine *e, u16 slot, const struct amp_key *key, u64 version);

/** eng_discard_clear() - forget them: the memory is lost. */
void eng_discard_clear(struct engine *e, struct eng_server *sv);

/* sweep.c */

struct map_entry;

/** eng_copy_drop() - a page's copy @i is no more. */
void eng_copy_drop(struct engine *e, struct map_entry *me, u32 i);

/** eng_copy_discard() - the same, and its server is to forget it if it is older than @version. */
void eng_copy_discard(struct engine *e, const struct eng_vai *vai, struct map_entry *me, u32 i,
		      u64 version);

/** eng_entry_drop() - remove a page from the map; its copies are no more. */
void eng_entry_drop(struct engine *e, struct eng_vai *vai, u32 idx);

/** eng_servers_unswept() - memories that are gone, but not out of the page map yet. */
u32 eng_servers_unswept(const struct engine *e);

/** eng_sweep_tick() - take slots of lost memories out of the page map, a batch. True: more to do. */
bool eng_sweep_tick(struct engine *e);

/* repair.c */

enum eng_kick {
	ENG_KICK_PAGE,	 /* a copy was found missing */
	ENG_KICK_SERVER, /* a server came, went, or is to be drained: begin with the endangered */
};

/** eng_mover_kick() - have the page map looked through for pages to be moved. */
void eng_mover_kick(struct engine *e, enum eng_kick why);

/** eng_entry_judge() - set or clear an entry's MAP_DEGRADED, and count it. */
void eng_entry_judge(struct engine *e, struct eng_vai *vai, struct map_entry *me);

/* drain.c */

/** eng_server_leaving() - what a HEARTBEAT says: it wants to go, or stay. */
void eng_server_leaving(struct engine *e, struct eng_server *sv, bool leaving);

/** eng_server_sign() - enum amp_code for HEARTBEAT_ACK: how far its drain is. */
u16 eng_server_sign(const struct eng_server *sv);

/** eng_drain_tick() - wipe servers that have nothing of use left. */
void eng_drain_tick(struct engine *e);

#endif
