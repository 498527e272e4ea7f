// SPDX-License-Identifier: GPL-2.0-only
/* An AF_XDP socket and the memory that it shares with the system. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "xdp.h"

#define RING_LEN   2048 /* entries of the rings */
#define DONE_LEN   4096 /* of the one for what was sent: room for all slots */
#define SEND_BATCH 32	/* frames, at least, that a system call sends, if the device takes them */
#define SNDBUF	   (32 << 20)

/* Newer than the headers of some distributions: frames in several chunks, since Linux 6.6. */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif

BUILD_BUG_ON(RING_LEN < XDP_RX_CHUNKS);
BUILD_BUG_ON(DONE_LEN < XDP_TX_SLOTS * XDP_TX_CHUNKS);

static int make_memory(struct xdp_ring *r)
{
	const struct xsk_umem_config cfg = {
		.fill_size = RING_LEN,
		.comp_size = DONE_LEN,
		.frame_size = XDP_CHUNK,
	};

	r->bytes = (XDP_RX_CHUNKS + XDP_TX_SLOTS * (size_t)r->chunks) * XDP_CHUNK;
	r->area = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->area == MAP_FAILED) {
		r->area = NULL;
		return -errno;
	}
	return xsk_umem__create(&r->umem, r->area, r->bytes, &r->fill, &r->done, &cfg);
}

static int make_socket(struct xdp_ring *r, const char *interface)
{
	const struct xsk_socket_config cfg = {
		.rx_size = RING_LEN,
		.tx_size = RING_LEN,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_USE_NEED_WAKEUP | (r->chunks > 1 ? XDP_USE_SG : 0),
	};

	return xsk_socket__create(&r->xsk, interface, XDP_QUEUE, r->umem, &r->rx, &r->tx, &cfg);
}

static void fill_all(struct xdp_ring *r)
{
	u32 i, at = 0;

	xsk_ring_prod__reserve(&r->fill, XDP_RX_CHUNKS, &at);
	for (i = 0; i < XDP_RX_CHUNKS; i++)
		*xsk_ring_prod__fill_addr(&r->fill, at + i) = (u64)i * XDP_CHUNK;
	xsk_ring_prod__submit(&r->fill, XDP_RX_CHUNKS);
	for (i = 0; i < XDP_TX_SLOTS; i++)
		r->free[r->nfree++] = i;
}

static int ring_try(struct xdp_ring *r, const char *interface, u32 chunks)
{
	int rc, buf = SNDBUF;

	memset(r, 0, sizeof(*r));
	r->chunks = chunks;
	rc = make_memory(r);
	if (!rc)
		rc = make_socket(r, interface);
	if (rc) {
		xdp_ring_close(r);
		return rc;
	}
	setsockopt(xsk_socket__fd(r->xsk), SOL_SOCKET, SO_SNDBUFFORCE, &buf, sizeof(buf));
	fill_all(r);
	return 0;
}

int xdp_ring_open(struct xdp_ring *r, const char *interface, u32 frame)
{
	u32 chunks = min((frame + XDP_CHUNK - 1) / XDP_CHUNK, (u32)XDP_TX_CHUNKS);
	int rc = ring_try(r, interface, chunks);

	/* The system, or the device, has no frames in several chunks. */
	if (rc && chunks > 1)
		rc = ring_try(r, interface, 1);
	return rc;
}

void xdp_ring_close(struct xdp_ring *r)
{
	if (r->xsk)
		xsk_socket__delete(r->xsk);
	if (r->umem)
		xsk_umem__delete(r->umem);
	if (r->area)
		munmap(r->area, r->bytes);
	memset(r, 0, sizeof(*r));
}

/* Slots whose frames have left are free again. */
static void reap(struct xdp_ring *r)
{
	u32 at = 0, n = xsk_ring_cons__peek(&r->done, DONE_LEN, &at);
	u32 i;

	for (i = 0; i < n; i++) {
		u64 addr = *xsk_ring_cons__comp_addr(&r->done, at + i);
		u32 slot = (addr / XDP_CHUNK - XDP_RX_CHUNKS) / r->chunks;

		if (!--r->left[slot])
			r->free[r->nfree++] = slot;
	}
	xsk_ring_cons__release(&r->done, n);
}

bool xdp_ring_room(struct xdp_ring *r, u32 n)
{
	if (r->nfree < n)
		reap(r);
	return r->nfree >= n && xsk_prod_nb_free(&r->tx, n * r->chunks) >= n * r->chunks;
}

u8 *xdp_ring_slot(struct xdp_ring *r)
{
	size_t slot = r->free[r->nfree - 1];

	return r->area + (XDP_RX_CHUNKS + slot * r->chunks) * XDP_CHUNK;
}

void xdp_ring_put(struct xdp_ring *r, const u8 *slot, u32 len)
{
	u32 i, at = 0, n = (len + XDP_CHUNK - 1) / XDP_CHUNK;

	r->left[r->free[--r->nfree]] = n;
	xsk_ring_prod__reserve(&r->tx, n, &at);
	for (i = 0; i < n; i++, len -= XDP_CHUNK)
		*xsk_ring_prod__tx_desc(&r->tx, at + i) = (struct xdp_desc){
			.addr = slot - r->area + i * XDP_CHUNK,
			.len = min(len, (u32)XDP_CHUNK),
			.options = i + 1 < n ? XDP_PKT_CONTD : 0,
		};
	xsk_ring_prod__submit(&r->tx, n);
}

bool xdp_ring_send(struct xdp_ring *r)
{
	u32 tries = (RING_LEN - xsk_prod_nb_free(&r->tx, RING_LEN)) / SEND_BATCH + 1;
	int fd = xsk_socket__fd(r->xsk);

	while (tries-- && xsk_prod_nb_free(&r->tx, RING_LEN) < RING_LEN) {
		if (!xsk_ring_prod__needs_wakeup(&r->tx))
			return true;
		if (sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN)
			/* Else it is down or gone: nothing to wait for. */
			return errno != EBUSY && errno != ENOBUFS;
	}
	reap(r);
	return xsk_prod_nb_free(&r->tx, RING_LEN) == RING_LEN;
}

u64 xdp_ring_dropped(const struct xdp_ring *r)
{
	struct xdp_statistics st = {0};
	socklen_t len = sizeof(st);

	if (getsockopt(xsk_socket__fd(r->xsk), SOL_XDP, XDP_STATISTICS, &st, &len))
		return 0;
	return st.rx_dropped + st.rx_ring_full;
}
