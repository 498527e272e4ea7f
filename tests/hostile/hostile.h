/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hostile peer: what a machine on the same Ethernet can throw at an engine
 * or a memory server. It shares no code with the project.
 *
 *   hostile.c  options, the list of attacks, summary
 *   wire.c     random numbers, checksums, RPC and AMP messages
 *   udp.c      RPC over UDP: malformed calls, forged and stolen handles
 *   tcp.c      streams: marks, trickles, crowds, readers that do not read
 *   raw.c      frames: headers that lie, fragments, tags, broadcasts
 *   amp.c      AMP from nobody, bad HELLOs, crowds of servers
 *   rogue.c    a memory server that joins, and then lies
 *   replay.c   on the wire: old frames again, late, damaged
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MSG_MAX	   70000u /* longer than any datagram */
#define PROG_NFS   100003u
#define PROG_MOUNT 100005u
#define FH_MAX	   64u
#define FRAME_MAX  9300u

/* NFS and MOUNT statuses */
#define ST_ACCES     13u
#define ST_STALE     70u
#define ST_BADHANDLE 10001u

#define AMP_HDR	       80u
#define AMP_HELLO_BODY 160u

enum {
	AMP_HELLO = 1,
	AMP_WELCOME,
	AMP_REFUSE,
	AMP_HEARTBEAT,
	AMP_HEARTBEAT_ACK,
	AMP_GOODBYE,
	AMP_GOODBYE_ACK,
	AMP_PAGE_OUT,
	AMP_PAGE_IN,
	AMP_PAGE,
	AMP_DISCARD,
	AMP_DISCARD_VAI,
	AMP_ACK,
	AMP_NACK,
};

struct msg {
	uint32_t len;
	uint8_t b[MSG_MAX];
};

/**
 * struct opts - what to attack, and how hard.
 * @to:	     address of the target
 * @count:   messages an attack
 * @seconds: an attack ends after that long, done or not
 * @conns:   connections of the crowds
 * @dev:     device for raw frames, NULL: none
 * @vai:     a VAI that is not ours, NULL: none known
 * @fh:	     a handle of it
 */
struct opts {
	struct in_addr to;
	uint16_t nfs, mount, amp;
	uint64_t seed;
	uint32_t count, seconds, conns;
	const char *dev, *vai;
	uint8_t fh[FH_MAX];
	uint32_t fh_len;
};

extern struct opts opt;

/* What came of the running attack. */
struct tally {
	uint64_t sent, failed, answers;
};

extern struct tally tally;

/* hostile.c */
void wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void die(const char *what) __attribute__((noreturn));
bool time_over(void);
double now_s(void);

/* wire.c */
uint64_t rnd(void);
uint32_t rnd_below(uint32_t n);
void rnd_bytes(void *p, uint32_t n);
uint32_t crc32c(uint32_t crc, const void *p, uint32_t n);
void put16(uint8_t *p, uint16_t v);
void put32(uint8_t *p, uint32_t v);
void put64(uint8_t *p, uint64_t v);
uint16_t get16(const uint8_t *p);
uint32_t get32(const uint8_t *p);
uint64_t get64(const uint8_t *p);
uint16_t inet_sum(const void *p, uint32_t n, uint32_t sum);
void rpc_call(struct msg *m, uint32_t xid, uint32_t prog, uint32_t vers, uint32_t proc);
void rpc_u32(struct msg *m, uint32_t v);
void rpc_u64(struct msg *m, uint64_t v);
void rpc_bytes(struct msg *m, const void *p, uint32_t n);
void nfs_call(struct msg *m, uint32_t xid, uint32_t proc, const uint8_t *fh, uint32_t fh_len);
int64_t rpc_status(const uint8_t *b, uint32_t len, uint32_t xid);
void mutate(struct msg *m);
void amp_msg(struct msg *m, uint8_t type, uint32_t session, uint32_t seq);
void amp_seal(struct msg *m);
void amp_hello(struct msg *m, const uint8_t uuid[16], uint64_t donation, uint16_t mtu);
int udp_open(uint16_t port, bool reserved);
void udp_push(int fd, const void *p, uint32_t n);
void udp_send(int fd, const void *p, uint32_t n);
int udp_wait(int fd, void *p, uint32_t n, int ms);
int64_t udp_ask(int fd, const struct msg *m, uint8_t *reply, uint32_t *len);

/* the attacks */
void attack_rpc(void);
void attack_handles(void);
void attack_rpc_other(void);
void attack_marks(void);
void attack_streams(void);
void attack_trickle(void);
void attack_crowd(void);
void attack_unread(void);
void attack_urgent(void);
void attack_late(void);
void attack_headers(void);
void attack_fragments(void);
void attack_links(void);
void attack_syns(void);
void attack_amp(void);
void attack_hello(void);
void attack_servers(void);
void attack_rogue(void);
void attack_replay(void);

#endif
