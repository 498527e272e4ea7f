/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VAIs as they are exported, and the clients that may use them. Shared by the files of
 * the NFS side.
 */
#ifndef ANM_ENG_EXPORTS_H
#define ANM_ENG_EXPORTS_H

#include "priv.h"
#include "drc.h"

#define ENG_FH_LEN     40	       /* bytes of a file handle */
#define ENG_FH_MAGIC   0x414e4601u     /* "ANF", layout 1 */
#define ENG_IN_USE_NS  (60 * NS_PER_S) /* data traffic that long ago: still mounted */
#define ENG_FILE_NAME  "swapfile"
#define ENG_HASH_BITS  8
#define ENG_SPLIT_XIDS 512 /* a power of two, and what a client may have in flight */
/* A client that does not get the servers' replies: it is not sent any for so long. */
#define ENG_SPLIT_PAUSE_NS     NS_PER_S
#define ENG_SPLIT_PAUSE_MAX_NS (64 * NS_PER_S)
#define ENG_SCRATCH_LEN	       2560 /* both credentials and the longest path, or two names */

enum eng_fh_kind {
	ENG_FH_DIR = 1,
	ENG_FH_FILE = 2,
};

/**
 * struct eng_split - a client's READs that servers were asked to answer.
 * @xid:    the last ones, by their low bits. A wrong 0 at first costs a pause
 * @resume_ns: no more are asked for before
 * @pause_ns: how long the last pause was
 */
struct eng_split {
	u32 xid[ENG_SPLIT_XIDS];
	u64 resume_ns;
	u64 pause_ns;
};

/**
 * struct eng_client - an address that has a VAI.
 * @node:  in eng_exports.clients
 * @link:  in eng_exports.client_list
 * @vais:  VAIs that are its own; freed at 0
 * @reqs:  READ and WRITE requests accepted and not answered (ENG_CLIENT_REQS_MAX)
 * @pages: page operations of those (ENG_CLIENT_PAGES_MAX)
 * @queue: the requests, oldest first
 * @split: READs that servers were asked to answer
 */
struct eng_client {
	struct hlist_node node;
	struct list_head link;
	struct anm_addr addr;
	u32 vais;
	u32 reqs;
	u32 pages;
	struct list_head queue;
	struct eng_drc drc;
	struct eng_split split;
};

/** struct eng_node - attributes of the directory or the file that can be set. Wall-clock ns. */
struct eng_node {
	u32 mode, uid, gid;
	u64 atime, mtime, ctime;
};

/**
 * struct eng_export - a VAI as clients see it.
 * @vai:      what the page side knows of it; first, so that both are one pointer
 * @id_node:  in eng_exports.by_id
 * @size:     bytes
 * @class:    enum eng_class
 * @fh:       the two handles, [0] of the directory, [1] of the file
 * @fsid:     of the attributes
 * @node:     [0] of the directory, [1] of the file
 * @mnt:      a MNT came and no UMNT since
 * @in_use:   counted as mounted
 * @data_ns:  when data was last read or written, 0 never (or since UMNT)
 * @reqs:     requests in flight; it is not freed before they are done
 * @reserved_pages: promised, copies not counted; more than its size while it shrinks
 * @discard_on_unmount: give the contents back when the client has unmounted it
 * @split: READs of one page over UDP may be answered by memory servers
 * @split_reads: so many were
 * @umnt_seen, @umnt_xid: the last UMNT, to know its duplicates
 * @discard_at: when to do so unless the client is back, 0 never
 */
struct eng_export {
	struct eng_vai vai;
	struct hlist_node id_node;
	struct eng_client *client;
	u64 size;
	u8 class;
	u8 fh[2][ENG_FH_LEN];
	u64 fsid;
	struct eng_node node[2];
	bool mnt, in_use;
	u64 data_ns;
	u32 reqs;
	u64 reads, writes, read_bytes, written_bytes, errors, denied, zero_reads;
	u64 read_ns_ema, write_ns_ema;
	u64 reserved_pages;
	bool discard_on_unmount;
	bool split;
	u64 split_reads;
	bool umnt_seen;
	u32 umnt_xid;
	u64 discard_at;
};

/**
 * struct eng_exports - all of the NFS side.
 * @fh_key:   derived from the secret, for the two halves of a handle's tag
 * @slots:    VAIs by slot
 * @nvais:    slots in use
 * @deleting: VAIs being deleted
 * @reserved: pages promised, copies counted
 * @reserved_critical: of those, pages (counted once) that need two servers
 * @by_id:    VAIs by vai_id
 * @reqs:     requests in flight, all clients
 * @emptying: VAIs with pages that are being given back
 * @scratch:  first bytes of a record that does not lie in one piece; of the call in progress
 */
struct eng_exports {
	u8 fh_key[2][16];
	struct eng_export *slots[ENG_VAIS_MAX];
	u32 nvais;
	u32 deleting;
	u64 reserved;
	u64 reserved_critical;
	struct hlist_head by_id[1u << ENG_HASH_BITS];
	struct hlist_head clients[1u << ENG_HASH_BITS];
	struct list_head client_list;
	u32 nclients;
	u32 reqs;
	u32 emptying;
	u8 scratch[ENG_SCRATCH_LEN];
};

/* client.c */

/** eng_client_find() - the client at @addr, or NULL. */
struct eng_client *eng_client_find(struct eng_exports *x, const struct anm_addr *addr);

/**
 * eng_client_take() - the client at @addr, made if need be, one VAI more.
 * Return: NULL without memory or at ENG_CLIENTS_MAX, *@err says which.
 */
struct eng_client *eng_client_take(struct eng_exports *x, const struct anm_addr *addr, int *err);

/** eng_client_put() - one VAI less; frees it with the last. */
void eng_client_put(struct eng_exports *x, struct eng_client *c);

/** eng_client_id() - the 32 bits that stand for an address in struct amp_key. */
u32 eng_client_id(const struct anm_addr *addr);

/** eng_addr_eq() - same address? */
static inline bool eng_addr_eq(const struct anm_addr *a, const struct anm_addr *b)
{
	return !memcmp(a->b, b->b, sizeof(a->b));
}

/* vai.c */

/** eng_vai_by_name() - the VAI called @name, or NULL; a deleting one is found too. */
struct eng_export *eng_vai_by_name(const struct engine *e, const char *name, u32 len);

/** eng_vai_used() - note that the client uses the VAI: MNT (@mnt) or data traffic. */
void eng_vai_used(struct engine *e, struct eng_export *x, bool mnt);

/** eng_vai_unused() - the client said UMNT. */
void eng_vai_unused(struct engine *e, struct eng_export *x);

/** eng_wall_ns() - time of day of the call in progress, for attributes. */
u64 eng_wall_ns(const struct engine *e);

/* contents.c */

/** eng_contents_tick() - one step for each VAI whose pages are being given back. True: more. */
bool eng_contents_tick(struct engine *e);

/** eng_vai_unmounted() - by UMNT with @xid: give the contents back soon, if asked for. */
void eng_vai_unmounted(struct engine *e, struct eng_export *x, u32 xid);

/* fh.c */

/** eng_fh_keys() - derive the keys of handles from the configured secret. */
void eng_fh_keys(struct eng_exports *x, const u8 secret[16]);

/** eng_fh_make() - the handle of a VAI's directory or file. */
void eng_fh_make(const struct eng_exports *x, const u8 uuid[16], u8 kind, u8 fh[ENG_FH_LEN]);

/**
 * eng_fh_find() - whose handle it is.
 * @kind: set to enum eng_fh_kind
 *
 * Return: 0 and *@x; -EBADF for a handle that this engine's secret did not make;
 * -ESTALE when its VAI is gone or going.
 */
int eng_fh_find(const struct engine *e, const u8 *fh, u32 len, struct eng_export **x, u8 *kind);

#endif
