/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the cores need from the platform that they run on: types, byte order,
 * lists, memory, pages, CRC, keyed hash, random. The cores take nothing else
 * from outside; locks and clocks stay with whoever drives them.
 *
 * The two platform headers below define the same names. Adding a platform
 * (a simulator with failing allocations, a fuzzer) means adding a header or
 * linking other bodies for the functions of services_user.h, never a
 * conditional in the core.
 *
 * Types:   u8 u16 u32 u64 s32 s64 bool __be16 __be32 __be64, cpu_to_beNN,
 *          beNN_to_cpu, {get,put}_unaligned_beNN, min/max/min_t,
 *          ARRAY_SIZE, container_of, BUILD_BUG_ON, WARN_ON_ONCE, likely,
 *          struct list_head and hlist_head with the kernel's usual verbs,
 *          __rol32 style helpers as needed.
 *
 * Memory (all may fail with NULL and never sleep, but for the two "big" ones):
 *   void *anm_alloc(size_t n)        zeroed, at most 64 KiB, any context
 *   void anm_free(void *p)
 *   void *anm_big_alloc(size_t n)    zeroed, any size, process context only
 *   void anm_big_free(void *p)
 *
 * Pages: 4096 aligned bytes with a reference count, so that one page can be
 * in a table and in a packet that is still on its way out.
 *   struct anm_page *anm_page_alloc(void)     one reference, not zeroed
 *   void anm_page_get(struct anm_page *p)     any context, atomic
 *   void anm_page_put(struct anm_page *p)
 *   void *anm_page_data(struct anm_page *p)
 *   bool anm_page_shared(struct anm_page *p)  more than one reference
 *
 * Donated memory: a pool whose objects are all taken when it is created.
 *   struct anm_pool *anm_pool_create(u64 nr)  nr objects of 4096 bytes, process
 *                                             context; NULL when not all are had
 *   void anm_pool_destroy(struct anm_pool *p)
 *   void *anm_pool_alloc(struct anm_pool *p)  never more than nr, never sleeps
 *   void anm_pool_free(struct anm_pool *p, void *obj)
 *   struct anm_page *anm_pool_lend(struct anm_pool *p, void *obj)
 *                                             the object as a page with one reference, which
 *                                             others may share; NULL when it cannot be one. The
 *                                             object stays where it is, and is lent only once
 *   void anm_pool_unlend(struct anm_pool *p, struct anm_page *page)
 *                                             nobody else has a reference any more, or the pool
 *                                             is about to be destroyed
 * All objects are given back before the pool is destroyed. Calls on one pool
 * are serialised by the caller.
 *
 *   void anm_copy_away(void *dst, const void *src, size_t n)  as memcpy(), of bytes that
 *                                             nobody will look at soon: not into the processor's
 *                                             cache, if it has a way to
 *
 * Arithmetic:
 *   u32 anm_crc32c(u32 crc, const void *p, size_t n)   Castagnoli, no
 *                      inversion inside: start with ~0, invert the result
 *   u64 anm_siphash(const u8 key[16], const void *p, size_t n)  SipHash-2-4
 *   int anm_memneq(const void *a, const void *b, size_t n)  constant time
 *   void anm_random(void *p, size_t n)                 any context
 *
 * LZ4 of one page (block format), any context, no memory but what is given:
 *   ANM_LZ4_WORK       bytes of scratch that packing needs, about 16 KiB
 *   u32 anm_lz4_pack(void *dst, u32 cap, const void *page, void *work)
 *                      bytes at dst; 0 when they would be more than cap
 *   bool anm_lz4_unpack(void *page, const void *src, u32 len)
 *                      false unless src makes exactly a page; never reads or writes outside
 */
#ifndef ANM_SERVICES_H
#define ANM_SERVICES_H

#ifdef __KERNEL__
#include "services_kernel.h"
#else
#include "services_user.h"
#endif

#define ANM_PAGE_SIZE  4096u
#define ANM_PAGE_SHIFT 12
#define ANM_PAGE_MASK  (ANM_PAGE_SIZE - 1)
#define NS_PER_MS      1000000ull
#define NS_PER_S       1000000000ull

/** anm_prefetch() - @p will be looked at soon: have the processor fetch it meanwhile. */
static inline void anm_prefetch(const void *p)
{
	__builtin_prefetch(p);
}

/** struct anm_addr - an IPv6 address; IPv4 is v4-mapped (::ffff:a.b.c.d). */
struct anm_addr {
	u8 b[16];
};

/**
 * struct anm_peer - the other end of a request, and the way back to it.
 * @addr:   address the packet came from
 * @local:  our address that it was sent to, and that the answer leaves from; zero:
 *          the route chooses. Datagrams only
 * @port:   port that it came from, host order
 * @local_port: port that it was sent to, and that the answer leaves from
 * @door:   enum anm_door
 * @opaque: the door's own (device, L2 header, connection id). The core
 *          copies it and hands it back with the answer, and never looks inside.
 */
struct anm_peer {
	struct anm_addr addr;
	struct anm_addr local;
	u16 port;
	u16 local_port;
	u8 door;
	u8 opaque[27];
};

enum anm_door {
	ANM_DOOR_UDP, /* datagrams: answers are bounded, requests may be dropped */
	ANM_DOOR_TCP, /* records: nothing is ever dropped, the door is asked to wait */
};

/** struct anm_frag - @len bytes at @off of a page; whoever holds it holds a reference. */
struct anm_frag {
	struct anm_page *page;
	u16 off;
	u16 len;
};

#define ANM_FRAGS_MAX 3 /* a page of bytes that begins anywhere is in two pages, or three */

/** struct anm_frags - a run of bytes, in order. */
struct anm_frags {
	u32 n;
	struct anm_frag frag[ANM_FRAGS_MAX];
};

/** anm_frags_put() - give the references back; none are left. */
void anm_frags_put(struct anm_frags *frags);

/** anm_frags_crc32c() - as anm_crc32c(), over all of them. */
u32 anm_frags_crc32c(u32 crc, const struct anm_frags *frags);

/**
 * struct anm_rec - one datagram's payload or RPC record, wherever it lies.
 * @head:     linear first bytes
 * @head_len: how many; may be all of it
 * @len:      length of the whole
 * @copy:     copies @n bytes from offset @off to @dst, -EFAULT if out of
 *            range; may be NULL when @head_len == @len
 * @share:    may be NULL: as anm_rec_share(), with a range that is good
 * @ctx:      the owner's own, for @copy and @share
 *
 * Valid during the call that it is passed to, no longer.
 */
struct anm_rec {
	const u8 *head;
	u32 head_len;
	u32 len;
	int (*copy)(const struct anm_rec *rec, u32 off, void *dst, u32 n);
	bool (*share)(const struct anm_rec *rec, u32 off, u32 n, struct anm_frags *frags);
	void *ctx;
};

/**
 * anm_rec_copy() - copy @n bytes from offset @off of the whole record to @dst.
 * Return: 0, or -EFAULT when they are not all in the record (nothing is promised
 * of @dst then).
 */
int anm_rec_copy(const struct anm_rec *rec, u32 off, void *dst, u32 n);

/**
 * anm_rec_share() - have @n bytes from offset @off without a copy.
 * @frags: filled with the pages that they are in, and references to them
 *
 * Nobody writes to these bytes any more. Return: false if they are not in the record, are not in
 * pages, in too many, or in such that others may write to: then they are to be copied.
 */
bool anm_rec_share(const struct anm_rec *rec, u32 off, u32 n, struct anm_frags *frags);

/**
 * struct anm_out - one message on its way out: head, then frags.
 * @link:     in the core's queue, then the driver's own
 * @to:       where to
 * @is_amp:   AMP datagram (never fragmented, DF set); else an RPC reply
 * @is_split: RPC reply that is sent in the engine's place: from its address, which is not
 *            ours, by route, and like AMP in one packet
 * @head:     linear bytes, owned
 * @head_len: how many
 * @len:      head and all frags together
 * @nfrags:   number of @frags
 * @frags:    page pieces, each with a reference
 * @head_cap: room at @head
 * @max_frags: room in @frags
 *
 * The driver takes it from the core's queue under the shard's lock, sends it
 * without, and gives it back with anm_out_free() (any context, no lock).
 */
struct anm_out {
	struct list_head link;
	struct anm_peer to;
	u8 *head;
	u32 head_len;
	u32 len;
	u32 head_cap;
	u16 nfrags;
	u16 max_frags;
	bool is_amp;
	bool is_split;
	struct anm_frag frags[];
};

/**
 * anm_out_alloc() - make a message with room for a head and frags.
 * @head_cap: bytes of room at @head
 * @max_frags: room in @frags
 *
 * The head is zeroed. All of it must fit anm_alloc(): 64 KiB.
 * Context: any. Return: the message with head_len, len and nfrags 0, or NULL.
 */
struct anm_out *anm_out_alloc(u32 head_cap, u16 max_frags);

/**
 * anm_out_add_page() - append a piece of a page; takes a reference of its own.
 * Adds @len to @out->len. The caller sets head_len, and adds it to len itself.
 */
void anm_out_add_page(struct anm_out *out, struct anm_page *page, u16 off, u16 len);

/**
 * anm_out_memory() - bytes that the message keeps from others: itself, its head's room,
 * its pages whole. What is queued is to be bounded by this, not by @out->len: a short
 * answer may well hold a kilobyte.
 */
u32 anm_out_memory(const struct anm_out *out);

/** anm_out_free() - give back the message and its page references. */
void anm_out_free(struct anm_out *out);

#endif
