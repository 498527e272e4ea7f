/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The simulator: the real cores of one engine, several memory servers and several
 * clients in one process, on a network and a clock that are made up. Everything that
 * happens follows from the seed.
 *
 *   main.c      seeds, worker processes, what is printed
 *   mix.c       what a seed draws: sizes, faults, their weights
 *   world.c     the event loop, the phases of a run, the checks at its end
 *   net.c       events, datagrams and records on their way
 *   nodes.c     memory servers and the engine, as the network sees them
 *   faults.c    what goes wrong, and when it is over
 *   client.c    NFS clients: what they do and when they do it again
 *   wire.c      calls and replies of those, in RPC and NFS
 *   oracle.c    what every page may hold, and who has to hold it
 *   redundancy.c  copies that must be there, and room for them
 *   revive.c    the same after the engine was restarted
 *   operator.c  what a human does: adds VAIs, deletes them, drains servers, ...
 *   restart.c   the engine ends and is made again from what was saved
 *   services_sim.c  services.h with failing allocations, in place of services_user.c
 */
#ifndef ANM_SIM_H
#define ANM_SIM_H

#include "../../engine/core/cache.h"
#include "../../engine/core/nfs_priv.h"
#include "../../engine/core/pagemap.h"
#include "../../engine/core/pcache.h"
#include "../../engine/core/server.h"
#include "../../memserver/core/memserver.h"

#define SIM_SERVERS_MAX	   8
#define SIM_CLIENTS_MAX	   4
#define SIM_VAIS_MAX	   8
#define SIM_FILE_PAGES_MAX 160 /* a VAI */
#define SIM_LIVES_MAX	   30
#define SIM_RESTARTS_MAX   7	       /* of the engine */
#define SIM_ENGINES_MAX	   64	       /* lives of it: more, as some begin without memory */
#define SIM_IO_PAGES_MAX   32	       /* a READ or WRITE */
#define SIM_OUTSTANDING	   16	       /* of a client */
#define SIM_CANDS_PARTIAL  6	       /* things that a page may hold: no partial write above */
#define SIM_CANDS_MAX	   24	       /* no write at all above */
#define SIM_HISTORY	   24	       /* lines kept of a page */
#define SIM_EVENTS_MAX	   20000000ull /* a run that takes more does not end */
#define SIM_START_NS	   NS_PER_S
#define SIM_CALM_NS	   (15 * NS_PER_S) /* after trouble, until nothing may be blamed on it */
#define SIM_MS(n)	   ((u64)(n)*NS_PER_MS)
#define SIM_NEVER	   U64_MAX
#define SIM_NFS_PORT	   2049

/* ---- what a seed draws ---- */

enum sim_fault {
	F_CRASH,     /* a memory server is gone, its memory too; it comes back empty */
	F_LEAVE,     /* it says goodbye first */
	F_FREEZE,    /* it stands still and then goes on, with its memory */
	F_PARTITION, /* a server's packets get lost, one way or both */
	F_SLOW,	     /* a server takes its time */
	F_SESSION,   /* a server begins another session, at another MTU */
	F_STALL,     /* the engine gets no processor time */
	F_ALLOC,     /* allocations fail now and then */
	F_CLIENT,    /* a client's link is down; its connection breaks */
	F_HOSTILE,   /* rubbish from strangers */
	F_ENGINE,    /* the engine is gone, and made again */
	F_DEATH,     /* a memory server is gone for good: nobody starts or removes it */
	F_MAX,
};

/** struct sim_mix - one seed's choice. Chances are of 10000. */
struct sim_mix {
	u32 servers, clients, vais;
	u32 heartbeat_ms, dead_ms, repair_ms;
	u64 fault_ns; /* how long things go wrong */
	u32 ops;      /* READs and WRITEs until then, about */
	u32 loss, dup, garble, tail;
	u64 delay_ns, jitter_ns, tail_ns;
	u32 late_write; /* an old WRITE comes again after seconds */
	u64 think_ns;
	u64 timeo_ns; /* first retransmission over UDP */
	u32 write_share, partial, large, foreign, boundary;
	u32 hot;       /* of operations that go to few pages */
	u32 tcp;       /* clients that use it */
	u32 nonlinear; /* packets that do not lie in one piece */
	u32 crashes_max;
	u64 fault_gap_ns;
	u32 weight[F_MAX];
	u32 alloc_fail; /* of a million */
	bool storm;	/* slow servers, long sessions */
	u32 deletes;	/* VAIs deleted and made again */
	u32 discards, resizes, drains, removes;
	u32 restarts_max, recover_ms;
	bool dies;     /* there is to be one F_DEATH */
	u32 split;     /* VAIs of which servers may answer READs; half of the servers can */
	u32 cache;     /* pages */
	u32 order;     /* READs that go on where one before ended */
	u32 writeback; /* VAIs of one copy that are written back */
	u32 modes;     /* how often that is changed, or the engine flushed */
};

/* ---- the world ---- */

/** struct sim_pkt - a datagram or record on its way. */
struct sim_pkt {
	struct anm_peer from, to;
	u32 conn;  /* TCP: connection that it belongs to; AMP: life of the server that sent it */
	u32 elife; /* RPC: of the engine, when it was made */
	u32 len;
	u8 buf[];
};

enum sim_ev_type {
	EV_AMP_TO_ENGINE,
	EV_AMP_TO_SERVER,
	EV_RPC_TO_ENGINE,
	EV_RPC_TO_CLIENT,
	EV_ENGINE_TICK, /* arg of these: life of the engine */
	EV_ENGINE_START,
	EV_ENGINE_TOLD,
	EV_ENGINE_CRASH,
	EV_SAVE,
	EV_SERVER_TICK, /* arg: life */
	EV_SERVER_START,
	EV_THAW,
	EV_HEAL,
	EV_FAULT,
	EV_CLIENT,
	EV_CONNECT,
	EV_DOOR,
	EV_RETRANSMIT, /* arg: operation */
	EV_OPERATOR,
	EV_PHASE,
};

struct sim_ev {
	u64 at, seq;
	u8 type, who;
	u32 arg;
	struct sim_pkt *pkt;
};

/**
 * struct sim_server - a memory server.
 * @m:    NULL while it is down
 * @life: counts starts; events of an earlier life are void
 * @cut:  packets lost: 1 to it, 2 from it
 * @path_mtu: longer ones never arrive; see server_path()
 * @dead: it does not come back
 * @given_up:  the operator had this memory removed
 */
struct sim_server {
	struct memserver *m;
	struct mem_config cfg;
	struct anm_peer peer;
	u32 life;
	u8 cut;
	bool frozen, leaving, dead;
	bool drained; /* it left because nothing was left on it */
	bool given_up;
	u64 slow_ns;
	u32 path_mtu;
	bool narrow; /* the path carries no more than 1500 */
};

enum sim_op_kind { OP_MNT, OP_LOOKUP, OP_GETATTR, OP_COMMIT, OP_READ, OP_WRITE };

/**
 * struct sim_op - a call.
 * @foreign: of somebody else's VAI: must come to nothing
 * @beyond:  reaches past the end of the file
 * @gen:     WRITE: of each page, what is written
 * @emitted: the engine has answered, with @stat
 * @unstable: WRITE: not FILE_SYNC
 */
struct sim_op {
	u32 idx, xid;
	u8 kind, client, vai, life;
	bool foreign, beyond, done, emitted, unstable;
	u64 off;
	u32 count, want; /* asked for; of those within the file */
	u32 gen[SIM_IO_PAGES_MAX + 1];
	u64 start, rto;
	u64 taken; /* when the engine last took it up */
	u32 tries;
	u32 stat;
	u32 elife;    /* of the engine that answered */
	bool no_room; /* the engine said so, and it was so */
	u64 bad;      /* copies that the engine had given up for their CRC when it began */
};

/**
 * struct sim_client - a client.
 * @mtu:  of the path from the memory servers
 * @deaf: something keeps away what comes from there although it says that it is the engine
 */
struct sim_client {
	struct anm_addr addr;
	bool tcp;
	bool deaf;
	u32 mtu;
	u16 port;
	u32 conn;
	bool connected;
	u64 down_until;
	u64 fifo_to, fifo_from;			   /* TCP: when the last one arrives */
	struct sim_pkt *door[4 * SIM_OUTSTANDING]; /* TCP: taken by nobody yet */
	u32 ndoor;
	bool door_armed;
	u32 open[SIM_OUTSTANDING]; /* operations */
	u32 nopen;
	u32 limit;
	u64 backoff; /* not before */
	u32 sweep_vai, sweep_page;
};

/** struct sim_cand - something that a page may hold. @removed: since when no more. */
struct sim_cand {
	u32 gen;
	u64 removed;
	u8 *data;
	bool revived; /* the engine's restart may bring it back; see oracle_engine_gone() */
	bool uncut;   /* a server that was given up may, whenever it comes */
};

struct sim_note {
	u64 at;
	u32 op, gen, stat;
	const char *what;
};

/**
 * struct sim_page - what is known of a page.
 * @lost_copies: copies of the write in progress that went down with a memory
 * @may_be_lost: the last memory that held it is gone; @found: until when that was so
 * @moved: the same if the engine still names that one: a move's answer was under way
 */
struct sim_page {
	struct sim_cand *cand;
	u32 n, cap;
	u32 gen;
	u32 readers;
	u32 lost_copies;
	bool writing, may_be_lost, moved, doubted;
	u64 found;
	struct sim_note note[SIM_HISTORY];
	u32 notes;
};

/* VAI_CLOSING: nothing new is begun, it is to be deleted, or what ->todo says. */
enum sim_vai_state { VAI_NONE, VAI_ADDED, VAI_MOUNTED, VAI_READY, VAI_CLOSING, VAI_DELETING };

enum sim_todo { TODO_DELETE, TODO_DISCARD, TODO_RESIZE };

/** struct sim_conf - what engctl has saved. */
struct sim_conf {
	u64 epoch;
	u32 nservers, nvais;
	struct eng_server_info server[SIM_SERVERS_MAX];
	struct eng_vai_params vai[SIM_VAIS_MAX];
};

struct sim_vai {
	char name[16];
	u8 state, client, copies;
	u8 life; /* how often it was made */
	u8 todo;
	bool split;
	bool writeback;
	bool restored; /* it was there when the engine was restarted */
	bool holes;    /* and pages of it were lost before, as engctl had saved */
	u64 emptied;   /* when contents were last given back */
	u32 npages;
	u32 vai_id, client_id;
	u8 fh[2][ENG_FH_LEN];
	struct sim_page *page;
	bool busy;		  /* a MNT or LOOKUP is on its way */
	u32 read_end;		  /* where those in order go on */
	u8 header[ANM_PAGE_SIZE]; /* page 0 when it was never written */
};

enum sim_phase { PH_FAULTS, PH_SETTLE, PH_JOIN, PH_REPAIR, PH_SWEEP, PH_DELETE, PH_END };

struct sim {
	u64 seed, rng, digest;
	u64 now;
	bool trace;
	struct sim_mix mix;
	u8 phase;
	u64 phase_at;
	bool calm_net; /* faults of the network are over */

	struct sim_ev *heap;
	u32 nheap, heap_cap;
	u64 ev_seq, events;

	struct engine *e;
	struct anm_peer eng_peer;
	u64 stall_until;
	u64 tick_at;
	struct sim_server sv[SIM_SERVERS_MAX];
	struct sim_client cl[SIM_CLIENTS_MAX];
	struct sim_vai vai[SIM_VAIS_MAX];
	struct sim_op **ops;
	u32 nops, ops_cap, data_ops, xid_base;
	u64 write_verf[SIM_ENGINES_MAX + 1];

	struct sim_conf conf;
	u32 elife;    /* of the engine, from 1 */
	u32 ends;     /* how often it crashed */
	bool revived; /* pages have candidates that the restart may have brought back */
	u64 went;     /* when it was told all and left to itself */
	bool save_asked;
	u32 removed;	/* servers removed by force */
	u32 gone;	/* memories that are no more */
	u32 told;	/* of both, when the engine was told all */
	bool told_lost; /* then one was no more that engctl had saved */

	u32 active;	  /* faults in progress */
	u64 last_trouble; /* when the last was over */
	u32 crashes;
	u64 alloc_until;

	struct {
		u64 reads, writes, acked, failed, lost, retransmits, late, jukebox, datagrams,
			orphans, restarts, drained, removed, discards, resizes, revived, deaths,
			resent, spurious, hedged, hedges_won, splits, aheads, aheads_used, dirty,
			overwritten, flushed, unflushed;
	} n;
};

/* main.c */

/** sim_fail() - a promise is broken: say so and how to see it again. Does not return. */
void sim_fail(struct sim *w, const char *fmt, ...) __printf(2, 3) __attribute__((noreturn));
/** sim_say() - a line of the event log, when that is wanted. */
void sim_say(struct sim *w, const char *fmt, ...) __printf(2, 3);
/** sim_run() - world.c: one seed. */
void sim_run(u64 seed, bool trace, struct sim *w);
extern struct sim *sim_current;

/* services_sim.c */
extern u32 sim_alloc_fail; /* of a million */
extern u64 sim_alloc_failures;
void sim_services_seed(u64 seed);

/* mix.c */
u64 sim_rand(struct sim *w);
u32 sim_below(struct sim *w, u32 n);
bool sim_chance(struct sim *w, u32 of_10000);
/** sim_log() - between @lo and @hi, each order of magnitude as likely. */
u64 sim_log(struct sim *w, u64 lo, u64 hi);
void sim_mix_draw(struct sim *w);
void sim_mix_say(const struct sim *w);
/**
 * sim_aside() - draw numbers for @what from now on that are no others', so that a run without it
 * is the same as if there were no such thing. Return: what ->rng is to be set to afterwards.
 */
u64 sim_aside(struct sim *w, u64 what);

/* net.c */
void ev_push(struct sim *w, u64 at, u8 type, u8 who, u32 arg, struct sim_pkt *pkt);
struct sim_ev ev_pop(struct sim *w);
void ev_free_all(struct sim *w);
struct sim_pkt *pkt_new(u32 len);
struct sim_pkt *pkt_of(const struct anm_out *out);
void pkt_rec(struct sim *w, const struct sim_pkt *pkt, struct anm_rec *rec);
void pkt_rec_free(struct anm_rec *rec);
u64 net_delay(struct sim *w);
void net_amp(struct sim *w, struct sim_pkt *pkt, u32 server, bool to_server);
void net_rpc(struct sim *w, struct sim_pkt *pkt, u32 client, bool to_engine);
void net_say_amp(struct sim *w, const char *how, u32 server, bool to_server,
		 const struct sim_pkt *pkt);

/* nodes.c */
void engine_collect(struct sim *w);
void engine_amp(struct sim *w, struct sim_ev *ev);
void engine_rpc(struct sim *w, struct sim_ev *ev);
void engine_tick(struct sim *w, u32 elife);
/* It is about to be ended: what it has counted goes into the totals. */
void engine_account(struct sim *w);
void engine_door(struct sim *w, u32 client);
void engine_limits(struct sim *w);
void server_init(struct sim *w, u32 i);
void server_start(struct sim *w, u32 i);
void server_stop(struct sim *w, u32 i);
void server_amp(struct sim *w, struct sim_ev *ev);
void server_tick(struct sim *w, u32 i, u32 life);
void server_leave(struct sim *w, u32 i);
bool server_holds(struct sim *w, u32 i, const struct amp_key *key, const u8 **data);
/** server_version() - of a page that the server holds; 0 if it does not. */
u64 server_version(struct sim *w, u32 i, const struct amp_key *key);
u64 server_used(struct sim *w, u32 i);
void server_path(struct sim *w, u32 i, u16 mtu);
/** engine_names() - does the engine's page map say that server @i holds the page? */
bool engine_names(struct sim *w, u32 i, const char *vai, u32 page_no);
/** engine_reads() - and would it read it there? Not the version before, which waits (elder.h). */
bool engine_reads(struct sim *w, u32 i, const char *vai, u32 page_no);
/** engine_doubts() - it names @i, but does not know whether that is the page (stale.h). */
bool engine_doubts(struct sim *w, u32 i, const char *vai, u32 page_no);
/** engine_dirty() - the bytes of a page that the engine has answered for and not stored, or NULL. */
const u8 *engine_dirty(struct sim *w, const char *vai, u32 page_no);
struct anm_peer sim_peer(u8 net, u8 host, u16 port, u8 door);

/* restart.c */
void engine_start(struct sim *w);
void engine_told(struct sim *w, u32 elife);
void engine_crash(struct sim *w);
/** engine_recovering() - it is not there, or does not know its pages yet. */
bool engine_recovering(const struct sim *w);
void conf_save(struct sim *w);
void conf_events(struct sim *w);
void conf_turn(struct sim *w, u32 elife);
const struct eng_server_info *conf_server(const struct sim *w, u32 i);
const struct eng_vai_params *conf_vai(const struct sim *w, const char *name);

/* faults.c */
void fault_next(struct sim *w);
void fault_server_start(struct sim *w, u32 i);
void fault_thaw(struct sim *w, u32 i);
void fault_heal(struct sim *w, u32 i, u32 what);
void faults_stop(struct sim *w);
/** sim_calm_since() - nothing that goes wrong after this may be blamed on a fault. */
u64 sim_calm_since(const struct sim *w);

/* client.c */
void client_init(struct sim *w, u32 c);
void client_turn(struct sim *w, u32 c);
void client_reset(struct sim *w, u32 c);
void client_connect(struct sim *w, u32 c);
void client_retransmit(struct sim *w, u32 op);
void client_reply(struct sim *w, struct sim_ev *ev);
/** client_sweep() - read everything. Return: there is nothing left to do. */
bool client_sweep(struct sim *w, u32 c);
void clients_watch(struct sim *w);

/* wire.c */
struct sim_pkt *wire_call(struct sim *w, const struct sim_op *op);

/** struct sim_reply - what a reply says. */
struct sim_reply {
	u32 xid;
	bool accepted;
	u32 stat;
	u32 count;
	bool eof;
	u64 verf;
	u64 size, used;
	const u8 *data; /* READ: bytes; MNT, LOOKUP: the handle */
};
void wire_reply(struct sim *w, const struct sim_op *op, const struct sim_pkt *pkt,
		struct sim_reply *r);

/* oracle.c, redundancy.c, revive.c */
void oracle_init(struct sim *w, u32 vai);
void oracle_free(struct sim *w, u32 vai);
/** oracle_fill() - the bytes of a WRITE; @life: of the VAI. */
void oracle_fill(u8 *page, u32 vai, u32 life, u32 page_no, u32 gen);
bool oracle_may_write(const struct sim *w, u32 vai, u32 page_no, bool partial);
void oracle_start(struct sim *w, struct sim_op *op);
void oracle_emitted(struct sim *w, struct sim_op *op, u32 stat);
void oracle_write_done(struct sim *w, struct sim_op *op, u32 stat);
void oracle_read_done(struct sim *w, struct sim_op *op, const struct sim_reply *r);
/** oracle_memory_going() - a memory is about to be lost. */
void oracle_memory_going(struct sim *w, u32 server);
/** oracle_server_removed() - the engine is to forget a server that may be there. */
void oracle_server_removed(struct sim *w, u32 server);
/** oracle_drained() - a server leaves that said nothing of use was left on it. */
void oracle_drained(struct sim *w, u32 server);
/** oracle_engine_gone() - just before: what may come back that was not, or not be known? */
void oracle_engine_gone(struct sim *w);
/** oracle_told() - all that was saved has been told to a new engine. */
void oracle_told(struct sim *w);
/** oracle_recovered() - the engine has heard of all servers: what it did not find will not come. */
void oracle_recovered(struct sim *w);
/** oracle_emptied() - all of a VAI is as if never written. */
void oracle_emptied(struct sim *w, u32 vai);
/** oracle_resized() - it has @npages from now on; ->npages is as before. */
void oracle_resized(struct sim *w, u32 vai, u32 npages);
/** oracle_uncut() - the same; what was cut off before may come back. */
void oracle_uncut(struct sim *w, u32 vai, u32 npages);
void oracle_history(struct sim *w, u32 vai, u32 page_no);
/**
 * oracle_redundancy() - is every page that is not lost stored as often as its class asks?
 * @must: fail if not
 */
bool oracle_redundancy(struct sim *w, bool must);

/* operator.c */
void operator_turn(struct sim *w);
void operator_delete_all(struct sim *w);
bool operator_all_deleted(struct sim *w);

#endif
