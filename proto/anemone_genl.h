/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Control of Anemone over generic netlink: families "anemone_engine" and
 * "anemone_memsrv". The daemons speak the same messages (struct nlmsghdr,
 * struct genlmsghdr, attributes; NLMSG_ERROR and NLMSG_DONE as the kernel
 * sends them) over a Unix socket of type SOCK_SEQPACKET, one message a packet,
 * with nlmsg_type ANM_CTL_MSG_TYPE in place of the family's number.
 *
 * Integers are in host byte order, ports too. Addresses are 16 bytes, IPv6,
 * with IPv4 as v4-mapped (::ffff:a.b.c.d). UUIDs are 16 bytes. Strings end
 * with NUL and the lengths named here do not count it. Sizes are bytes unless
 * they say pages; a page is 4096 bytes. Times are nanoseconds unless they say
 * otherwise.
 *
 * Commands that change something need CAP_NET_ADMIN in the network namespace;
 * UP, which takes the machine's memory, in the initial user namespace (Unix
 * socket: root or the daemon's own user). A refusal carries its reason in words as
 * the extended acknowledgement's NLMSGERR_ATTR_MSG.
 *
 * New attributes and commands are added at the end, and nothing is renumbered.
 */
#ifndef _UAPI_ANEMONE_GENL_H
#define _UAPI_ANEMONE_GENL_H

#define ANM_ENG_GENL_NAME    "anemone_engine"
#define ANM_ENG_GENL_VERSION 1
#define ANM_ENG_MCGRP_EVENTS "events"

#define ANM_MEM_GENL_NAME    "anemone_memsrv"
#define ANM_MEM_GENL_VERSION 1

#define ANM_CTL_MSG_TYPE 0x20 /* nlmsg_type on the daemons' Unix sockets */
#define ANM_CTL_NAME_MAX 64   /* bytes of a VAI's or server's name */
#define ANM_CTL_MSG_MAX	 8192 /* longest message, either way */
#define ANM_CTL_FILE_MAX 255  /* bytes of a file's name */

#define ANM_ENG_SOCK_PATH "/run/anemone/engine.sock"
#define ANM_MEM_SOCK_PATH "/run/anemone/memserver.sock"

/**
 * enum anm_eng_cmd - commands of the engine.
 * @ANM_ENG_CMD_UP: make the namespace's engine. ANM_ENG_A_CONFIG, of which
 *	@ANM_ENG_CFG_UUID and @ANM_ENG_CFG_SECRET are required. EEXIST when there is one
 * @ANM_ENG_CMD_DOWN: end it. Refused with EBUSY while a VAI is mounted or pages are not
 *	stored yet (ANM_ENG_ST_DIRTY_PAGES), unless there is ANM_ENG_A_FORCE
 * @ANM_ENG_CMD_STATUS_GET: answered by ANM_ENG_A_CONFIG (without the secret),
 *	ANM_ENG_A_STATUS and ANM_ENG_A_COUNTERS
 * @ANM_ENG_CMD_VAI_NEW: ANM_ENG_A_VAI with name, size and client; class and uuid
 *	when wanted. Answered by the whole ANM_ENG_A_VAI as it was made. EEXIST,
 *	EINVAL, ENOSPC (the pool cannot back it), ENFILE, ENOMEM
 * @ANM_ENG_CMD_VAI_DEL: ANM_ENG_A_VAI with the name. ENOENT; EBUSY while it is
 *	mounted, unless there is ANM_ENG_A_FORCE
 * @ANM_ENG_CMD_VAI_GET: dump: one ANM_ENG_A_VAI a message. Otherwise ANM_ENG_A_VAI
 *	with the name; ENOENT
 * @ANM_ENG_CMD_SERVER_GET: dump: one ANM_ENG_A_SERVER a message
 * @ANM_ENG_CMD_EVENT: sent to the multicast group with ANM_ENG_A_EVENT
 * @ANM_ENG_CMD_SUBSCRIBE: on a daemon's Unix socket only: send events on this
 *	connection from now on, as the multicast group would
 * @ANM_ENG_CMD_SERVER_EXPECT: after UP with ANM_ENG_CFG_HOLD: ANM_ENG_A_SERVER with
 *	UUID, name, boot if it is known, STALE_BELOW, DRAIN_ASKED and GONE, of a memory
 *	server known before a restart. EEXIST, ENFILE, ENOMEM, EINVAL
 * @ANM_ENG_CMD_RECOVER_GO: all servers and VAIs of before have been told: ends
 *	ANM_ENG_CFG_HOLD
 * @ANM_ENG_CMD_DISCARD_UNKNOWN: have the servers forget the pages of VAIs that the
 *	engine does not know (ANM_ENG_ST_UNKNOWN_VAIS). EBUSY while recovering
 * @ANM_ENG_CMD_SERVER_DRAIN: ANM_ENG_A_SERVER with name (or UUID as text): move its pages
 *	to the others; ANM_ENG_A_CANCEL: leave off. ENOENT, EALREADY, EINVAL; ENOSPC when
 *	the others cannot hold what is stored and reserved
 * @ANM_ENG_CMD_SERVER_REMOVE: ANM_ENG_A_SERVER with name (or UUID as text): forget it.
 *	ENOENT; EBUSY while it is alive, has pages or has not told, unless there is ANM_ENG_A_FORCE
 * @ANM_ENG_CMD_VAI_RESIZE: ANM_ENG_A_VAI with name and size. ENOENT, EINVAL, EBUSY
 *	(mounted, or still being cut), ENOSPC
 * @ANM_ENG_CMD_VAI_DISCARD: ANM_ENG_A_VAI with the name: give its contents back. ENOENT;
 *	EBUSY while it is mounted, unless there is ANM_ENG_A_FORCE
 * @ANM_ENG_CMD_VAI_SET: ANM_ENG_A_VAI with the name and what is to change:
 *	ANM_ENG_VAI_HEDGE, ANM_ENG_VAI_COMPRESS, ANM_ENG_VAI_SAME_FILLED,
 *	ANM_ENG_VAI_SPLIT, ANM_ENG_VAI_CACHE, ANM_ENG_VAI_READAHEAD, ANM_ENG_VAI_KEPT. ENOENT,
 *	EINVAL
 * @ANM_ENG_CMD_PAGES_GET: ANM_ENG_A_VAI with the name, ANM_ENG_A_PAGES with kind and
 *	cursor. Answered by ANM_ENG_A_PAGES: the offsets found in a bounded step, and the
 *	cursor to go on from
 * @ANM_ENG_CMD_FLUSH: leave no page unstored from now on, and store those that are;
 *	ANM_ENG_A_CANCEL: take that back
 */
enum anm_eng_cmd {
	ANM_ENG_CMD_UNSPEC,
	ANM_ENG_CMD_UP,
	ANM_ENG_CMD_DOWN,
	ANM_ENG_CMD_STATUS_GET,
	ANM_ENG_CMD_VAI_NEW,
	ANM_ENG_CMD_VAI_DEL,
	ANM_ENG_CMD_VAI_GET,
	ANM_ENG_CMD_SERVER_GET,
	ANM_ENG_CMD_EVENT,
	ANM_ENG_CMD_SUBSCRIBE,
	ANM_ENG_CMD_SERVER_EXPECT,
	ANM_ENG_CMD_RECOVER_GO,
	ANM_ENG_CMD_DISCARD_UNKNOWN,
	ANM_ENG_CMD_SERVER_DRAIN,
	ANM_ENG_CMD_SERVER_REMOVE,
	ANM_ENG_CMD_VAI_RESIZE,
	ANM_ENG_CMD_VAI_DISCARD,
	ANM_ENG_CMD_PAGES_GET,
	ANM_ENG_CMD_VAI_SET,
	ANM_ENG_CMD_FLUSH,

	__ANM_ENG_CMD_MAX,
};
#define ANM_ENG_CMD_MAX (__ANM_ENG_CMD_MAX - 1)

/**
 * enum anm_eng_attr - attributes of the engine's messages.
 * @ANM_ENG_A_PAD: aligns 64-bit values, no content
 * @ANM_ENG_A_CONFIG: nested, enum anm_eng_cfg_attr
 * @ANM_ENG_A_STATUS: nested, enum anm_eng_status_attr
 * @ANM_ENG_A_COUNTERS: nested, a list of ANM_COUNTERS_A_COUNTER
 * @ANM_ENG_A_VAI: nested, enum anm_eng_vai_attr
 * @ANM_ENG_A_SERVER: nested, enum anm_eng_server_attr
 * @ANM_ENG_A_EVENT: nested, enum anm_eng_event_attr
 * @ANM_ENG_A_FORCE: flag: do it although it is in use
 * @ANM_ENG_A_CANCEL: flag: undo it
 * @ANM_ENG_A_PAGES: nested, enum anm_eng_pages_attr
 */
enum anm_eng_attr {
	ANM_ENG_A_UNSPEC,
	ANM_ENG_A_PAD,
	ANM_ENG_A_CONFIG,
	ANM_ENG_A_STATUS,
	ANM_ENG_A_COUNTERS,
	ANM_ENG_A_VAI,
	ANM_ENG_A_SERVER,
	ANM_ENG_A_EVENT,
	ANM_ENG_A_FORCE,
	ANM_ENG_A_CANCEL,
	ANM_ENG_A_PAGES,

	__ANM_ENG_A_MAX,
};
#define ANM_ENG_A_MAX (__ANM_ENG_A_MAX - 1)

/**
 * enum anm_eng_cfg_attr - how an engine is made.
 * @ANM_ENG_CFG_UUID: 16 bytes, identity of the engine and its pool
 * @ANM_ENG_CFG_SECRET: 16 bytes, key of the file handles; never reported
 * @ANM_ENG_CFG_EPOCH: u64, grows at each start; default 1
 * @ANM_ENG_CFG_LISTEN: 16 bytes, address to serve on; default any
 * @ANM_ENG_CFG_NFS_PORT: u16, default 2049
 * @ANM_ENG_CFG_MOUNT_PORT: u16, default 20048
 * @ANM_ENG_CFG_AMP_PORT: u16, default 20405
 * @ANM_ENG_CFG_TCP: u8, 0: no TCP listeners; default 1
 * @ANM_ENG_CFG_INSECURE: u8, 1: take client ports of 1024 and above; default 0
 * @ANM_ENG_CFG_HEARTBEAT_MS: u32, default 1000, 10 to 60000
 * @ANM_ENG_CFG_DEAD_MS: u32, default 5000, at least twice the heartbeat, at most 600000
 * @ANM_ENG_CFG_RECOVER_MS: u32, how long the servers of before are waited for after a
 *	restart; default 30000, 1000 to 3600000
 * @ANM_ENG_CFG_HOLD: u8, 1: nothing is answered until RECOVER_GO; default 0
 * @ANM_ENG_CFG_FILE: string up to 255 bytes: where this configuration is kept. Only remembered
 * @ANM_ENG_CFG_REPAIR_AFTER_MS: u32, how long a server may be away before its copies are
 *	made anew, default 10000, 1 to 86400000
 * @ANM_ENG_CFG_MOVE_RATE: u32, pages a second that repair and drain may move, default 25000
 * @ANM_ENG_CFG_OVERCOMMIT: u32, per cent that may be reserved beyond the donations,
 *	default 0, at most 1000
 * @ANM_ENG_CFG_CACHE_PAGES: u32, budget of the page cache, default 0: none, at most 2^24
 * @ANM_ENG_CFG_DOOR: u8, enum anm_eng_door; default ANM_ENG_DOOR_SOCKET. Told is the one in use
 * @ANM_ENG_CFG_INTERFACE: string up to 15 bytes, for AF_XDP
 */
enum anm_eng_cfg_attr {
	ANM_ENG_CFG_UNSPEC,
	ANM_ENG_CFG_PAD,
	ANM_ENG_CFG_UUID,
	ANM_ENG_CFG_SECRET,
	ANM_ENG_CFG_EPOCH,
	ANM_ENG_CFG_LISTEN,
	ANM_ENG_CFG_NFS_PORT,
	ANM_ENG_CFG_MOUNT_PORT,
	ANM_ENG_CFG_AMP_PORT,
	ANM_ENG_CFG_TCP,
	ANM_ENG_CFG_INSECURE,
	ANM_ENG_CFG_HEARTBEAT_MS,
	ANM_ENG_CFG_DEAD_MS,
	ANM_ENG_CFG_RECOVER_MS,
	ANM_ENG_CFG_HOLD,
	ANM_ENG_CFG_FILE,
	ANM_ENG_CFG_REPAIR_AFTER_MS,
	ANM_ENG_CFG_MOVE_RATE,
	ANM_ENG_CFG_OVERCOMMIT,
	ANM_ENG_CFG_CACHE_PAGES,
	ANM_ENG_CFG_DOOR,
	ANM_ENG_CFG_INTERFACE,

	__ANM_ENG_CFG_MAX,
};
#define ANM_ENG_CFG_MAX (__ANM_ENG_CFG_MAX - 1)

/**
 * enum anm_eng_status_attr - the engine as a whole.
 * @ANM_ENG_ST_VAIS: u32, exported
 * @ANM_ENG_ST_VAIS_BUSY: u32, of these mounted
 * @ANM_ENG_ST_CLIENTS: u32
 * @ANM_ENG_ST_SERVERS: u32, memory servers known
 * @ANM_ENG_ST_SERVERS_LIVE: u32
 * @ANM_ENG_ST_DONATED_PAGES: u64, of live servers
 * @ANM_ENG_ST_RESERVED_PAGES: u64, promised to VAIs, copies counted
 * @ANM_ENG_ST_STORED_PAGES: u64, written and not yet discarded
 * @ANM_ENG_ST_MAP_ENTRIES: u64, of the page map
 * @ANM_ENG_ST_MAP_BYTES: u64, memory of the page map
 * @ANM_ENG_ST_PAGES_IN_FLIGHT: u32, page operations in progress or queued
 * @ANM_ENG_ST_UPTIME_NS: u64
 * @ANM_ENG_ST_RECOVERING: u8, 1: the page map is being rebuilt, requests are held back
 * @ANM_ENG_ST_AWAITED: u32, servers known from before a restart whose inventory is not in
 * @ANM_ENG_ST_RECOVER_PAGES: u64, copies of pages learnt of from inventories
 * @ANM_ENG_ST_RECOVER_NS: u64, how long recovery has taken so far, or took
 * @ANM_ENG_ST_UNKNOWN_VAIS: u32, that servers have pages of and the engine does not know
 * @ANM_ENG_ST_UNKNOWN_PAGES: u64, of those
 * @ANM_ENG_ST_EPOCH_NEXT: u64, an engine that is started next needs an epoch above this
 * @ANM_ENG_ST_DEGRADED_PAGES: u64, with fewer copies at hand than their class calls for
 * @ANM_ENG_ST_SERVERS_DRAINING: u32, or drained
 * @ANM_ENG_ST_MOVES_IN_FLIGHT: u32, pages being moved
 * @ANM_ENG_ST_CACHED_PAGES: u32, in the page cache
 * @ANM_ENG_ST_DIRTY_PAGES: u32, of these, not stored yet
 * @ANM_ENG_ST_FLUSHING: u8, 1: by ANM_ENG_CMD_FLUSH no page is left so
 */
enum anm_eng_status_attr {
	ANM_ENG_ST_UNSPEC,
	ANM_ENG_ST_PAD,
	ANM_ENG_ST_VAIS,
	ANM_ENG_ST_VAIS_BUSY,
	ANM_ENG_ST_CLIENTS,
	ANM_ENG_ST_SERVERS,
	ANM_ENG_ST_SERVERS_LIVE,
	ANM_ENG_ST_DONATED_PAGES,
	ANM_ENG_ST_RESERVED_PAGES,
	ANM_ENG_ST_STORED_PAGES,
	ANM_ENG_ST_MAP_ENTRIES,
	ANM_ENG_ST_MAP_BYTES,
	ANM_ENG_ST_PAGES_IN_FLIGHT,
	ANM_ENG_ST_UPTIME_NS,
	ANM_ENG_ST_RECOVERING,
	ANM_ENG_ST_AWAITED,
	ANM_ENG_ST_RECOVER_PAGES,
	ANM_ENG_ST_RECOVER_NS,
	ANM_ENG_ST_UNKNOWN_VAIS,
	ANM_ENG_ST_UNKNOWN_PAGES,
	ANM_ENG_ST_EPOCH_NEXT,
	ANM_ENG_ST_DEGRADED_PAGES,
	ANM_ENG_ST_SERVERS_DRAINING,
	ANM_ENG_ST_MOVES_IN_FLIGHT,
	ANM_ENG_ST_CACHED_PAGES,
	ANM_ENG_ST_DIRTY_PAGES,
	ANM_ENG_ST_FLUSHING,

	__ANM_ENG_ST_MAX,
};
#define ANM_ENG_ST_MAX (__ANM_ENG_ST_MAX - 1)

/** enum anm_eng_door - how datagrams come in. */
enum anm_eng_door {
	ANM_ENG_DOOR_SOCKET,
	ANM_ENG_DOOR_AUTO, /* AF_XDP beside the sockets if it is to be had; only asked for */
	ANM_ENG_DOOR_XDP,  /* not without it; the module refuses it */
	ANM_ENG_DOOR_HOOK, /* netfilter's hooks; only told */
};

/** enum anm_vai_class - how many copies of a page are kept. */
enum anm_vai_class {
	ANM_VAI_CLASS_NORMAL,	/* one */
	ANM_VAI_CLASS_CRITICAL, /* two, on different servers */
};

/** enum anm_vai_compress - are pages compressed? */
enum anm_vai_compress {
	ANM_VAI_COMPRESS_AUTO, /* while it pays */
	ANM_VAI_COMPRESS_ON,   /* always tried */
	ANM_VAI_COMPRESS_OFF,
};

/** enum anm_vai_same_filled - are pages of one repeated word kept as that word? */
enum anm_vai_same_filled {
	ANM_VAI_SAME_FILLED_ON,
	ANM_VAI_SAME_FILLED_OFF,
};

/** enum anm_vai_cache - are pages kept in the page cache? */
enum anm_vai_cache {
	ANM_VAI_CACHE_OFF,
	ANM_VAI_CACHE_ON,	 /* when they are stored */
	ANM_VAI_CACHE_WRITEBACK, /* and stored when they have been answered for */
};

/** enum anm_vai_flags - bits of ANM_ENG_VAI_FLAGS. */
enum anm_vai_flags {
	ANM_VAI_F_MOUNTED = 1,	 /* in use: mounted, or data traffic within the last minute */
	ANM_VAI_F_DELETING = 2,	 /* no longer exported; its pages are being given back */
	ANM_VAI_F_RESTORED = 4,	 /* NEW: it was there before a restart; needs ANM_ENG_VAI_UUID */
	ANM_VAI_F_HOLES = 8,	 /* NEW, with RESTORED: pages were lost; told: there are such */
	ANM_VAI_F_DEGRADED = 16, /* NEW, with RESTORED: pages had too few copies; told: may have */
	ANM_VAI_F_EMPTYING = 32, /* all pages, or those behind its end, are being given back */
	ANM_VAI_F_DISCARD_ON_UNMOUNT = 64,
	/* NEW, with RESTORED: pages may have gone with the engine; told: to be kept, some may */
	ANM_VAI_F_UNFLUSHED = 128,
	ANM_VAI_F_KEPT = 256, /* ANM_ENG_VAI_KEPT was 1 last */
};

/**
 * enum anm_eng_vai_attr - a VAI. Counters run since it was made.
 * @ANM_ENG_VAI_NAME: string, 1 to 64 bytes: letters, digits, '.', '_', '-'
 * @ANM_ENG_VAI_UUID: 16 bytes; drawn when absent
 * @ANM_ENG_VAI_SIZE: u64, a multiple of the page size
 * @ANM_ENG_VAI_CLIENT: 16 bytes, the one address that may use it
 * @ANM_ENG_VAI_CLASS: u8, enum anm_vai_class; default normal
 * @ANM_ENG_VAI_FLAGS: u32, enum anm_vai_flags; of these NEW takes those that say so
 * @ANM_ENG_VAI_STORED_PAGES: u64
 * @ANM_ENG_VAI_LOST_PAGES: u64
 * @ANM_ENG_VAI_READS: u64, calls
 * @ANM_ENG_VAI_WRITES: u64, calls
 * @ANM_ENG_VAI_READ_BYTES: u64
 * @ANM_ENG_VAI_WRITTEN_BYTES: u64
 * @ANM_ENG_VAI_ZERO_READS: u64, pages read that were never written
 * @ANM_ENG_VAI_ERRORS: u64, calls answered with an I/O error
 * @ANM_ENG_VAI_DENIED: u64, calls of others
 * @ANM_ENG_VAI_READ_NS: u64, smoothed time from request to reply
 * @ANM_ENG_VAI_WRITE_NS: u64
 * @ANM_ENG_VAI_OUTSTANDING: u32, calls in progress
 * @ANM_ENG_VAI_DISCARDED_BELOW: u64, pages of lower versions are of contents that were given up
 * @ANM_ENG_VAI_DEGRADED_PAGES: u64, with fewer copies at hand than the class calls for
 * @ANM_ENG_VAI_DISCARD_ON_UNMOUNT: u8, 1: give the contents back when it is unmounted
 * @ANM_ENG_VAI_HEDGE: u8, 0: reads that take long are not asked of the other copy's server
 * @ANM_ENG_VAI_HEDGED: u64, page reads for which a second server was asked
 * @ANM_ENG_VAI_HEDGES_WON: u64, of those answered by the second first
 * @ANM_ENG_VAI_COMPRESS: u8, enum anm_vai_compress; default auto
 * @ANM_ENG_VAI_SAME_FILLED: u8, enum anm_vai_same_filled; default on
 * @ANM_ENG_VAI_FILLED_PAGES: u64, pages written that were same-filled
 * @ANM_ENG_VAI_PACKED_PAGES: u64, pages written that were compressed
 * @ANM_ENG_VAI_PACKED_BYTES: u64, what they were compressed to
 * @ANM_ENG_VAI_SKIPPED_PAGES: u64, pages written that were not tried, since those before
 *	did not pack
 * @ANM_ENG_VAI_SPLIT: u8, 1: READs of one page over UDP may be answered by memory servers
 * @ANM_ENG_VAI_SPLIT_READS: u64, calls that were
 * @ANM_ENG_VAI_CACHE: u8, enum anm_vai_cache; default on
 * @ANM_ENG_VAI_CACHE_HITS: u64, pages found in the cache
 * @ANM_ENG_VAI_CACHE_MISSES: u64, pages that had to be fetched
 * @ANM_ENG_VAI_CACHE_EVICTIONS: u64, pages that left the cache for want of room
 * @ANM_ENG_VAI_READAHEAD: u8, 1: pages are fetched into the cache ahead of a client that reads in
 *	order; default 0
 * @ANM_ENG_VAI_AHEAD_ISSUED: u64, pages asked of servers before the client asked for them
 * @ANM_ENG_VAI_AHEAD_USED: u64, of those that it then asked for
 * @ANM_ENG_VAI_AHEAD_WASTED: u64, of those that went unused, or never came
 * @ANM_ENG_VAI_AHEAD_PAGES: u32, how far it is read ahead at the moment
 * @ANM_ENG_VAI_KEPT: u8, SET only: whether ANM_VAI_F_UNFLUSHED was told when the VAI was last written
 *	to where it will be found after a crash. While it is not 1 no page is left unstored
 * @ANM_ENG_VAI_DIRTY_PAGES: u64, in the page cache and not stored yet
 * @ANM_ENG_VAI_FLUSHED: u64, of such pages stored
 * @ANM_ENG_VAI_OVERWRITTEN: u64, such pages written again before they were stored
 */
enum anm_eng_vai_attr {
	ANM_ENG_VAI_UNSPEC,
	ANM_ENG_VAI_PAD,
	ANM_ENG_VAI_NAME,
	ANM_ENG_VAI_UUID,
	ANM_ENG_VAI_SIZE,
	ANM_ENG_VAI_CLIENT,
	ANM_ENG_VAI_CLASS,
	ANM_ENG_VAI_FLAGS,
	ANM_ENG_VAI_STORED_PAGES,
	ANM_ENG_VAI_LOST_PAGES,
	ANM_ENG_VAI_READS,
	ANM_ENG_VAI_WRITES,
	ANM_ENG_VAI_READ_BYTES,
	ANM_ENG_VAI_WRITTEN_BYTES,
	ANM_ENG_VAI_ZERO_READS,
	ANM_ENG_VAI_ERRORS,
	ANM_ENG_VAI_DENIED,
	ANM_ENG_VAI_READ_NS,
	ANM_ENG_VAI_WRITE_NS,
	ANM_ENG_VAI_OUTSTANDING,
	ANM_ENG_VAI_DISCARDED_BELOW,
	ANM_ENG_VAI_DEGRADED_PAGES,
	ANM_ENG_VAI_DISCARD_ON_UNMOUNT,
	ANM_ENG_VAI_HEDGE,
	ANM_ENG_VAI_HEDGED,
	ANM_ENG_VAI_HEDGES_WON,
	ANM_ENG_VAI_COMPRESS,
	ANM_ENG_VAI_SAME_FILLED,
	ANM_ENG_VAI_FILLED_PAGES,
	ANM_ENG_VAI_PACKED_PAGES,
	ANM_ENG_VAI_PACKED_BYTES,
	ANM_ENG_VAI_SKIPPED_PAGES,
	ANM_ENG_VAI_SPLIT,
	ANM_ENG_VAI_SPLIT_READS,
	ANM_ENG_VAI_CACHE,
	ANM_ENG_VAI_CACHE_HITS,
	ANM_ENG_VAI_CACHE_MISSES,
	ANM_ENG_VAI_CACHE_EVICTIONS,
	ANM_ENG_VAI_READAHEAD,
	ANM_ENG_VAI_AHEAD_ISSUED,
	ANM_ENG_VAI_AHEAD_USED,
	ANM_ENG_VAI_AHEAD_WASTED,
	ANM_ENG_VAI_AHEAD_PAGES,
	ANM_ENG_VAI_KEPT,
	ANM_ENG_VAI_DIRTY_PAGES,
	ANM_ENG_VAI_FLUSHED,
	ANM_ENG_VAI_OVERWRITTEN,

	__ANM_ENG_VAI_MAX,
};
#define ANM_ENG_VAI_MAX (__ANM_ENG_VAI_MAX - 1)

/** enum anm_server_state - a memory server as the engine sees it. */
enum anm_server_state {
	ANM_SERVER_LIVE,
	ANM_SERVER_SUSPECT, /* does not answer, not yet given up */
	ANM_SERVER_DEAD,
	ANM_SERVER_LEFT,
};

/** enum anm_drain_state - a server that is to go. */
enum anm_drain_state {
	ANM_DRAIN_NONE,
	ANM_DRAIN_MOVING,  /* its pages are moved to others */
	ANM_DRAIN_DONE,	   /* nothing of use is left on it */
	ANM_DRAIN_REFUSED, /* memory server's status only: the others cannot hold its pages */
};

/** enum anm_pages_kind - which pages of a VAI are asked for. */
enum anm_pages_kind {
	ANM_PAGES_LOST,	    /* no copy at hand */
	ANM_PAGES_DEGRADED, /* fewer than the class calls for, but not none */
};

/**
 * enum anm_eng_pages_attr - a step of the search for pages.
 * @ANM_ENG_PG_KIND: u8, enum anm_pages_kind
 * @ANM_ENG_PG_CURSOR: u32, 0 at first; 0xffffffff: all has been looked through
 * @ANM_ENG_PG_OFFSETS: array of u64, byte offsets in the VAI, in no order
 */
enum anm_eng_pages_attr {
	ANM_ENG_PG_UNSPEC,
	ANM_ENG_PG_PAD,
	ANM_ENG_PG_KIND,
	ANM_ENG_PG_CURSOR,
	ANM_ENG_PG_OFFSETS,

	__ANM_ENG_PG_MAX,
};
#define ANM_ENG_PG_MAX (__ANM_ENG_PG_MAX - 1)

/**
 * enum anm_eng_server_attr - a memory server as the engine sees it.
 * @ANM_ENG_SRV_NAME: string
 * @ANM_ENG_SRV_UUID: 16 bytes
 * @ANM_ENG_SRV_ADDR: 16 bytes
 * @ANM_ENG_SRV_PORT: u16
 * @ANM_ENG_SRV_STATE: u8, enum anm_server_state
 * @ANM_ENG_SRV_MTU: u16, agreed
 * @ANM_ENG_SRV_CHANNELS: u16, agreed
 * @ANM_ENG_SRV_DONATION_PAGES: u64, as it says
 * @ANM_ENG_SRV_USED_PAGES: u64, as it says
 * @ANM_ENG_SRV_MAPPED_PAGES: u64, that the page map has on it
 * @ANM_ENG_SRV_PAGES_OUT: u64, pages stored on it
 * @ANM_ENG_SRV_PAGES_IN: u64, pages fetched from it
 * @ANM_ENG_SRV_RETRANSMITS: u64
 * @ANM_ENG_SRV_TIMEOUTS: u64, messages given up
 * @ANM_ENG_SRV_NACKS: u64
 * @ANM_ENG_SRV_CRC_ERRORS: u64
 * @ANM_ENG_SRV_SRTT_NS: u64
 * @ANM_ENG_SRV_RTO_NS: u64
 * @ANM_ENG_SRV_IN_FLIGHT: u32, messages
 * @ANM_ENG_SRV_QUEUED: u32, messages that wait for the window to open
 * @ANM_ENG_SRV_LAST_HEARD_NS: u64, ago
 * @ANM_ENG_SRV_BOOT: u64, which memory it has: drawn anew when it starts out empty
 * @ANM_ENG_SRV_AWAITED: u8, 1: known from before a restart, and its inventory is not in
 * @ANM_ENG_SRV_ZONE: string, empty when it carries none
 * @ANM_ENG_SRV_DRAIN: u8, enum anm_drain_state; pages left are the mapped ones
 * @ANM_ENG_SRV_DRAIN_TOTAL: u64, pages that it had when its drain began
 * @ANM_ENG_SRV_DRAIN_ASKED: u8, 1: to be drained as SERVER_DRAIN asked, and not done with
 * @ANM_ENG_SRV_CWND: u32, messages that may be in flight now
 * @ANM_ENG_SRV_SPURIOUS: u64, of the retransmits those that were for nothing
 * @ANM_ENG_SRV_READ_P95_NS: u64, 95th percentile of reads; 0 while too few are known
 * @ANM_ENG_SRV_STALE_BELOW: u64, copies of older versions may be out of date; 0: none is
 * @ANM_ENG_SRV_GONE: u8, 1: dead or left, and nothing of use is known to be on it
 */
enum anm_eng_server_attr {
	ANM_ENG_SRV_UNSPEC,
	ANM_ENG_SRV_PAD,
	ANM_ENG_SRV_NAME,
	ANM_ENG_SRV_UUID,
	ANM_ENG_SRV_ADDR,
	ANM_ENG_SRV_PORT,
	ANM_ENG_SRV_STATE,
	ANM_ENG_SRV_MTU,
	ANM_ENG_SRV_CHANNELS,
	ANM_ENG_SRV_DONATION_PAGES,
	ANM_ENG_SRV_USED_PAGES,
	ANM_ENG_SRV_MAPPED_PAGES,
	ANM_ENG_SRV_PAGES_OUT,
	ANM_ENG_SRV_PAGES_IN,
	ANM_ENG_SRV_RETRANSMITS,
	ANM_ENG_SRV_TIMEOUTS,
	ANM_ENG_SRV_NACKS,
	ANM_ENG_SRV_CRC_ERRORS,
	ANM_ENG_SRV_SRTT_NS,
	ANM_ENG_SRV_RTO_NS,
	ANM_ENG_SRV_IN_FLIGHT,
	ANM_ENG_SRV_QUEUED,
	ANM_ENG_SRV_LAST_HEARD_NS,
	ANM_ENG_SRV_BOOT,
	ANM_ENG_SRV_AWAITED,
	ANM_ENG_SRV_ZONE,
	ANM_ENG_SRV_DRAIN,
	ANM_ENG_SRV_DRAIN_TOTAL,
	ANM_ENG_SRV_DRAIN_ASKED,
	ANM_ENG_SRV_CWND,
	ANM_ENG_SRV_SPURIOUS,
	ANM_ENG_SRV_READ_P95_NS,
	ANM_ENG_SRV_STALE_BELOW,
	ANM_ENG_SRV_GONE,

	__ANM_ENG_SRV_MAX,
};
#define ANM_ENG_SRV_MAX (__ANM_ENG_SRV_MAX - 1)

/** enum anm_event_type - what happened. */
enum anm_event_type {
	ANM_EV_SERVER_JOIN = 1, /* value: pages donated */
	ANM_EV_SERVER_LEAVE,
	ANM_EV_SERVER_SUSPECT,
	ANM_EV_SERVER_DEAD,
	ANM_EV_VAI_ADDED,
	ANM_EV_VAI_DELETED,
	ANM_EV_VAI_MOUNTED,
	ANM_EV_VAI_UNMOUNTED,
	ANM_EV_PAGE_LOST,    /* value: byte offset */
	ANM_EV_RECOVERED,    /* value: copies of pages learnt of from inventories */
	ANM_EV_VAI_LOSSY,    /* a server lost its memory and with it pages of this VAI */
	ANM_EV_VERSIONS,     /* value: ANM_ENG_ST_EPOCH_NEXT from now on */
	ANM_EV_VAI_DEGRADED, /* value: pages that have too few copies */
	ANM_EV_VAI_REPAIRED,
	ANM_EV_SERVER_DRAINED,	/* value: pages that it had */
	ANM_EV_SERVER_DRAINING, /* value: pages to be moved */
	ANM_EV_SERVER_DRAIN_CANCELLED,
	ANM_EV_SERVER_SWEPT,   /* its memory is gone, and what became of all pages in it is known */
	ANM_EV_SERVER_BEHIND,  /* it cannot be told that copies there are out of date */
	ANM_EV_SERVER_CURRENT, /* it has been told of all */
	ANM_EV_VAI_UNFLUSHED,  /* ANM_VAI_F_UNFLUSHED is to be kept: see ANM_ENG_VAI_KEPT */
	ANM_EV_VAI_FLUSHED,    /* and need not be any more */
};

/**
 * enum anm_eng_event_attr - something that happened, once.
 * @ANM_ENG_EV_TYPE: u8, enum anm_event_type
 * @ANM_ENG_EV_NAME: string, of the server or VAI
 * @ANM_ENG_EV_VALUE: u64, by type
 */
enum anm_eng_event_attr {
	ANM_ENG_EV_UNSPEC,
	ANM_ENG_EV_PAD,
	ANM_ENG_EV_TYPE,
	ANM_ENG_EV_NAME,
	ANM_ENG_EV_VALUE,

	__ANM_ENG_EV_MAX,
};
#define ANM_ENG_EV_MAX (__ANM_ENG_EV_MAX - 1)

/** enum anm_counters_attr - a list of counters. */
enum anm_counters_attr {
	ANM_COUNTERS_A_UNSPEC,
	ANM_COUNTERS_A_COUNTER, /* nested, enum anm_counter_attr; many */
};

/**
 * enum anm_counter_attr - one counter; names may come and go between versions.
 * @ANM_COUNTER_NAME: string
 * @ANM_COUNTER_VALUE: u64
 */
enum anm_counter_attr {
	ANM_COUNTER_UNSPEC,
	ANM_COUNTER_PAD,
	ANM_COUNTER_NAME,
	ANM_COUNTER_VALUE,

	__ANM_COUNTER_MAX,
};
#define ANM_COUNTER_MAX (__ANM_COUNTER_MAX - 1)

/**
 * enum anm_mem_cmd - commands of a memory server.
 * @ANM_MEM_CMD_UP: make the namespace's memory server. ANM_MEM_A_CONFIG, of
 *	which engine address, donation and UUID are required. EEXIST when there is
 *	one, ENOMEM when the donation is not to be had in full
 * @ANM_MEM_CMD_DOWN: leave the engine and free the donation. Refused with EBUSY
 *	while pages are stored, unless there is ANM_MEM_A_FORCE
 * @ANM_MEM_CMD_STATUS_GET: answered by ANM_MEM_A_CONFIG, ANM_MEM_A_STATUS and
 *	ANM_MEM_A_COUNTERS
 * @ANM_MEM_CMD_DRAIN: have the engine move the pages elsewhere; ANM_MEM_A_CANCEL: no
 *	more. The status tells how far it is; DOWN then has nothing to lose
 */
enum anm_mem_cmd {
	ANM_MEM_CMD_UNSPEC,
	ANM_MEM_CMD_UP,
	ANM_MEM_CMD_DOWN,
	ANM_MEM_CMD_STATUS_GET,
	ANM_MEM_CMD_DRAIN,

	__ANM_MEM_CMD_MAX,
};
#define ANM_MEM_CMD_MAX (__ANM_MEM_CMD_MAX - 1)

/**
 * enum anm_mem_attr - attributes of a memory server's messages.
 * @ANM_MEM_A_PAD: aligns 64-bit values, no content
 * @ANM_MEM_A_CONFIG: nested, enum anm_mem_cfg_attr
 * @ANM_MEM_A_STATUS: nested, enum anm_mem_status_attr
 * @ANM_MEM_A_COUNTERS: nested, a list of ANM_COUNTERS_A_COUNTER
 * @ANM_MEM_A_FORCE: flag: do it although pages are stored
 * @ANM_MEM_A_CANCEL: flag: undo it
 */
enum anm_mem_attr {
	ANM_MEM_A_UNSPEC,
	ANM_MEM_A_PAD,
	ANM_MEM_A_CONFIG,
	ANM_MEM_A_STATUS,
	ANM_MEM_A_COUNTERS,
	ANM_MEM_A_FORCE,
	ANM_MEM_A_CANCEL,

	__ANM_MEM_A_MAX,
};
#define ANM_MEM_A_MAX (__ANM_MEM_A_MAX - 1)

/**
 * enum anm_mem_cfg_attr - how a memory server is made.
 * @ANM_MEM_CFG_ENGINE: 16 bytes, address of the engine
 * @ANM_MEM_CFG_ENGINE_PORT: u16, its AMP port; default 20405
 * @ANM_MEM_CFG_PORT: u16, own AMP port; default 20405
 * @ANM_MEM_CFG_LISTEN: 16 bytes, own address; default any
 * @ANM_MEM_CFG_DONATION: u64, bytes; rounded down to pages
 * @ANM_MEM_CFG_NAME: string, for people, up to 63 bytes
 * @ANM_MEM_CFG_UUID: 16 bytes, identity, kept over restarts
 * @ANM_MEM_CFG_POOL_UUID: 16 bytes, pool to join; default any
 * @ANM_MEM_CFG_MTU: u16, of the path to the engine; default the link's
 * @ANM_MEM_CFG_ZONE: string, up to 31 bytes: what fails together with it; default none
 */
enum anm_mem_cfg_attr {
	ANM_MEM_CFG_UNSPEC,
	ANM_MEM_CFG_PAD,
	ANM_MEM_CFG_ENGINE,
	ANM_MEM_CFG_ENGINE_PORT,
	ANM_MEM_CFG_PORT,
	ANM_MEM_CFG_LISTEN,
	ANM_MEM_CFG_DONATION,
	ANM_MEM_CFG_NAME,
	ANM_MEM_CFG_UUID,
	ANM_MEM_CFG_POOL_UUID,
	ANM_MEM_CFG_MTU,
	ANM_MEM_CFG_ZONE,

	__ANM_MEM_CFG_MAX,
};
#define ANM_MEM_CFG_MAX (__ANM_MEM_CFG_MAX - 1)

/** enum anm_mem_state - a memory server as it sees itself. */
enum anm_mem_state {
	ANM_MEM_JOINING, /* asks the engine to be let in */
	ANM_MEM_JOINED,
	ANM_MEM_REFUSED, /* the engine said no, the reason is in ANM_MEM_ST_REFUSED */
	ANM_MEM_LEFT,
};

/**
 * enum anm_mem_status_attr - a memory server's state.
 * @ANM_MEM_ST_STATE: u8, enum anm_mem_state
 * @ANM_MEM_ST_REFUSE_CODE: u16, enum amp_code of the last refusal
 * @ANM_MEM_ST_REFUSED: string, the same in words
 * @ANM_MEM_ST_ENGINE_UUID: 16 bytes
 * @ANM_MEM_ST_EPOCH: u64, of the engine
 * @ANM_MEM_ST_SESSION: u32
 * @ANM_MEM_ST_MTU: u16, agreed
 * @ANM_MEM_ST_CHANNELS: u16, agreed
 * @ANM_MEM_ST_USED_PAGES: u64, of the donation in use
 * @ANM_MEM_ST_META_BYTES: u64, memory beyond the donated pages
 * @ANM_MEM_ST_UPTIME_NS: u64
 * @ANM_MEM_ST_LAST_HEARD_NS: u64, ago
 * @ANM_MEM_ST_DRAIN: u8, enum anm_drain_state
 * @ANM_MEM_ST_LEAVING: u8, 1: it was this server that asked for it
 * @ANM_MEM_ST_STORED_PAGES: u64; packed ones share pages of the donation
 */
enum anm_mem_status_attr {
	ANM_MEM_ST_UNSPEC,
	ANM_MEM_ST_PAD,
	ANM_MEM_ST_STATE,
	ANM_MEM_ST_REFUSE_CODE,
	ANM_MEM_ST_REFUSED,
	ANM_MEM_ST_ENGINE_UUID,
	ANM_MEM_ST_EPOCH,
	ANM_MEM_ST_SESSION,
	ANM_MEM_ST_MTU,
	ANM_MEM_ST_CHANNELS,
	ANM_MEM_ST_USED_PAGES,
	ANM_MEM_ST_META_BYTES,
	ANM_MEM_ST_UPTIME_NS,
	ANM_MEM_ST_LAST_HEARD_NS,
	ANM_MEM_ST_DRAIN,
	ANM_MEM_ST_LEAVING,
	ANM_MEM_ST_STORED_PAGES,

	__ANM_MEM_ST_MAX,
};
#define ANM_MEM_ST_MAX (__ANM_MEM_ST_MAX - 1)

#endif
