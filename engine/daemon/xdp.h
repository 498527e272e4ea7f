/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AF_XDP under door_xdp.c: the program on the interface (xdp_prog.c), and the memory and rings
 * that frames are exchanged through (xdp_ring.c).
 */
#ifndef ANM_ENG_XDP_H
#define ANM_ENG_XDP_H

#include <xdp/xsk.h>
#include "../../proto/services.h"

#define XDP_CHUNK     4096 /* bytes of the memory's units; the system takes no more than a page */
#define XDP_RX_CHUNKS 2048 /* that frames may come in to */
#define XDP_TX_SLOTS  1024 /* frames on their way out, each of several chunks */
#define XDP_TX_CHUNKS 3	   /* of a slot at most: a jumbo frame */
#define XDP_RX_MAX    (XDP_CHUNK - 256) /* longest frame taken: the system keeps room before it */
#define XDP_PORTS_MAX 2
#define XDP_ADDRS_MAX 64 /* IPv4 addresses that this machine has */
#define XDP_QUEUE     0	 /* of the interface; frames of others go to the sockets */

/* Newer than the headers of some distributions: the frame goes on in the next chunk, since 6.6. */
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0)
#endif

/* What the program's table of addresses says. */
enum xdp_addr_kind {
	XDP_ADDR_OTHER = 1, /* this machine's, but not served through this door */
	XDP_ADDR_SERVED,
};

/** struct xdp_addr - an IPv4 address of this machine. */
struct xdp_addr {
	__be32 ip;
	u32 kind;
};

/**
 * struct xdp_prog - the program on an interface; it goes with the process, however that ends.
 * @fd, @link: program, and what attaches it
 * @xsks:  map of sockets by queue
 * @table: map of this machine's addresses
 * @addrs: what is in @table, @naddrs of them
 */
struct xdp_prog {
	int fd;
	int link;
	int xsks;
	int table;
	u32 naddrs;
	struct xdp_addr addrs[XDP_ADDRS_MAX];
};

/**
 * xdp_prog_open() - load the program and its maps; nothing is attached yet.
 * @mac:   of the interface
 * @ports: UDP ports to be taken, @n of them
 *
 * The program takes whole IPv4 datagrams without options that are for @mac, an address served and
 * one of @ports, fit one chunk, and come from an address that can be a client's. All else goes on
 * to the system. Return: 0 or a negative errno with nothing left open.
 */
int xdp_prog_open(struct xdp_prog *p, const u8 mac[6], const u16 *ports, u32 n);

/** xdp_prog_attach() - have it see what comes in. Return: 0 or a negative errno. */
int xdp_prog_attach(struct xdp_prog *p, int ifindex);

/** xdp_prog_addrs() - say which addresses this machine has. Return: 0 or a negative errno. */
int xdp_prog_addrs(struct xdp_prog *p, const struct xdp_addr *addrs, u32 n);

/** xdp_prog_close() - take it off. A struct of zeros and -1 is fine. */
void xdp_prog_close(struct xdp_prog *p);

/**
 * struct xdp_ring - an AF_XDP socket, its memory and its rings.
 * @area, @bytes: the memory: chunks to receive into, then slots to send from
 * @chunks: of a slot
 * @left:  chunks of a slot that are not sent yet
 * @free:  stack of slots, @nfree of them
 */
struct xdp_ring {
	struct xsk_umem *umem;
	struct xsk_socket *xsk;
	struct xsk_ring_prod fill;
	struct xsk_ring_cons done;
	struct xsk_ring_cons rx;
	struct xsk_ring_prod tx;
	u8 *area;
	size_t bytes;
	u32 chunks;
	u32 nfree;
	u16 free[XDP_TX_SLOTS];
	u8 left[XDP_TX_SLOTS];
};

/**
 * xdp_ring_open() - take the memory, make the socket, bind it to the interface.
 * @frame: longest frame to be sent; it may have to be less, see xdp_ring_frame()
 *
 * Return: 0 or a negative errno with nothing left open.
 */
int xdp_ring_open(struct xdp_ring *r, const char *interface, u32 frame);

/** xdp_ring_close() - give it all back. A struct of zeros is fine. */
void xdp_ring_close(struct xdp_ring *r);

/** xdp_ring_frame() - bytes of the longest frame that can be sent. */
static inline u32 xdp_ring_frame(const struct xdp_ring *r)
{
	return r->chunks * XDP_CHUNK;
}

/** xdp_ring_room() - whether @n frames can be put. */
bool xdp_ring_room(struct xdp_ring *r, u32 n);

/** xdp_ring_slot() - where the next frame is to be written; there has to be room for one. */
u8 *xdp_ring_slot(struct xdp_ring *r);

/** xdp_ring_put() - what is in that slot, @len bytes, is to be sent. */
void xdp_ring_put(struct xdp_ring *r, const u8 *slot, u32 len);

/**
 * xdp_ring_send() - have the system send what was put.
 * Return: false when the device is full: once more, soon.
 */
bool xdp_ring_send(struct xdp_ring *r);

/** xdp_ring_dropped() - frames that the system found no room for in the rings, ever. */
u64 xdp_ring_dropped(const struct xdp_ring *r);

#endif
