/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The load generator of bench/native: one closed loop for every protocol, so that the client costs
 * alike whoever the server is. Single-threaded; everything below blocks.
 *
 *   main.c       options, the result as a line of JSON
 *   loop.c       the loop: N requests outstanding, every answer checked
 *   link.c       connections
 *   proto_*.c    what goes over the wire
 *   echo.c       a program of its own: the bare server that is the floor of all
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "../../proto/services.h"
#include "../workloads/workload_util.h"

#define LOAD_DEPTH_MAX	  256  /* requests outstanding */
#define LOAD_REQUEST_HEAD 512  /* bytes of a request besides a page */
#define LOAD_DGRAM_MAX	  8192 /* bytes of an answer in a datagram */

/**
 * struct load - one run.
 * @host, @port, @mount_port, @path: where the pages are; @path as the protocol has it, or NULL
 * @fd:     the connection
 * @fill:   write every page once instead of reading at random
 * @pages:  their number, from @first on
 * @ops:    how many requests are measured
 * @random: state of what picks pages
 */
struct load {
	const struct load_proto *proto;
	const char *host;
	u16 port;
	u16 mount_port;
	char *path;
	int fd;
	bool fill;
	u64 first;
	u64 pages;
	u64 ops;
	u32 depth;
	u64 random;
};

/**
 * struct load_answer - what an answer says.
 * @tag:  of the request, where the protocol carries one
 * @data: the page read; NULL when none came
 */
struct load_answer {
	u32 tag;
	const u8 *data;
};

/**
 * struct load_proto - a protocol.
 * @stream:  TCP; otherwise a datagram a request, and one an answer
 * @ordered: answers carry no tag but come in the order of the requests
 * @open:    connect, and do what comes before the first page; NULL: connect alone.
 *           Return: 0, or -1 with a message on stderr
 * @request: write one, with the page behind it when l->fill. Return: its length
 * @answer:  read one. Return: bytes used, 0 when some are missing, -1 when it is none, or an error
 */
struct load_proto {
	const char *name;
	bool stream;
	bool ordered;
	int (*open)(struct load *l);
	u32 (*request)(struct load *l, u32 tag, u64 page, u8 *buf);
	int (*answer)(struct load *l, const u8 *buf, u32 len, struct load_answer *a);
};

extern const struct load_proto load_echo, load_nfs_udp, load_nfs_tcp, load_nbd, load_memcached,
	load_redis;

/** struct load_result - what a loop took. */
struct load_result {
	u64 ops;
	u64 ns;
	struct wl_latency latency;
};

/** load_now() - the monotonic clock, ns. */
u64 load_now(void);

/**
 * load_run() - do @ops requests.
 * @r: latency.us must have room; NULL for a run that is not measured
 * Return: 0, or -1 with a message on stderr: an answer was wrong, or did not come.
 */
int load_run(struct load *l, u64 ops, struct load_result *r);

/** load_connect() - a socket of @type from a privileged port. Return: it, or -1 with a message. */
int load_connect(const char *host, u16 port, int type);
/** load_send(), load_recv() - all of @n bytes. Return: false with a message. */
bool load_send(int fd, const void *p, size_t n);
bool load_recv(int fd, void *p, size_t n);

/* ---- what the pages hold, here and in echo.c ---- */

#define LOAD_WORDS (ANM_PAGE_SIZE / sizeof(u64))

static inline u64 load_word(u64 page, u32 i)
{
	return page * 0x9e3779b97f4a7c15ULL + i;
}

static inline void load_page_fill(void *data, u64 page)
{
	u64 w;
	u32 i;

	for (i = 0; i < LOAD_WORDS; i++) {
		w = load_word(page, i);
		memcpy((u8 *)data + i * sizeof(w), &w, sizeof(w));
	}
}

/* ---- echo: READ of NFS in its size, nothing of its contents ---- */

#define ECHO_REQUEST 132
#define ECHO_HEAD    128 /* of the answer, before the page */

/** struct echo_head - begins request and answer; in the byte order of this machine. */
struct echo_head {
	u32 tag;
	u32 unused;
	u64 page;
};

#endif
