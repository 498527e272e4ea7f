/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A memory server against an engine played by the test: it hears every
 * datagram that the server sends and says what it likes. Helpers fail the
 * test that runs when what they expect does not come.
 */
#ifndef ANM_TEST_MEM_BED_H
#define ANM_TEST_MEM_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../memserver/core/memserver.h"

#define DONATION     64
#define CHANNELS     8
#define HEARTBEAT    1000
#define DEAD	     5000
#define CLIENT	     0x0a000001u
#define VAI	     0xfeed0001u
#define MS(n)	     ((u64)(n)*NS_PER_MS)
#define LAST_VERSION ((1ull << 48) - 1)

/**
 * struct mem_bed - a server and the engine that the test plays.
 * @seq: of the last message on each channel
 * @got: header of the last datagram heard, @len its length
 * @page: the page that the last complete PAGE brought, or the list of an INVENTORY_LIST
 */
struct mem_bed {
	struct memserver *m;
	struct anm_peer engine;
	u64 now;
	u32 session;
	u16 mtu;
	u8 uuid[16];
	u32 seq[CHANNELS];
	struct amp_hdr got;
	u32 got_len;
	u8 page[AMP_MTU_MAX];
	long live;
};

struct mem_config mb_config(u16 mtu);
struct mem_bed *mb_new(u16 mtu);
void mb_free(struct mem_bed *b);
struct mem_status mb_status(struct mem_bed *b);
void mb_feed_from(struct mem_bed *b, const struct anm_peer *from, const void *buf, u32 len);
void mb_feed(struct mem_bed *b, const void *buf, u32 len);
/* Hear the next datagram; false when there is none. */
bool mb_hear(struct mem_bed *b);
void mb_expect_silence(struct mem_bed *b);
void mb_expect(struct mem_bed *b, u8 type, u16 code);
struct amp_hdr mb_control(struct mem_bed *b, u8 type, u32 seq);
void mb_send_hdr(struct mem_bed *b, const struct amp_hdr *h);
/* Let @ms pass in small steps; count the datagrams of @type heard meanwhile. */
u32 mb_pass(struct mem_bed *b, u64 ms, u8 type);
/* Tick until a HELLO comes; it is in b->got then. */
void mb_await_hello(struct mem_bed *b);
struct amp_welcome mb_welcome_of(struct mem_bed *b);
void mb_send_welcome(struct mem_bed *b, const struct anm_peer *from, u32 seq,
		     const struct amp_welcome *w);
void mb_join(struct mem_bed *b);
struct mem_bed *mb_joined(u16 mtu);
void mb_fill(u8 *page, u32 seed);
u32 mb_page_crc(const u8 *page);
struct amp_hdr mb_message(struct mem_bed *b, u8 type, u16 channel, u32 page_no, u64 version);
void mb_send_part(struct mem_bed *b, struct amp_hdr h, const u8 *page, u8 part);
void mb_send_parts(struct mem_bed *b, struct amp_hdr h, const u8 *page);
/* A whole PAGE_OUT of the page that @seed makes; the header as it was sent. */
struct amp_hdr mb_page_out(struct mem_bed *b, u16 channel, u32 page_no, u64 version, u32 seed);
void mb_store_page(struct mem_bed *b, u32 page_no, u64 version, u32 seed);
void mb_hear_page(struct mem_bed *b, u64 version, u32 seed);
void mb_expect_page(struct mem_bed *b, u32 page_no, u64 version, u32 seed);
void mb_expect_absent(struct mem_bed *b, u32 page_no);

#endif
