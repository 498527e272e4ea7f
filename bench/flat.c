// SPDX-License-Identifier: GPL-2.0-only
/*
 * flat: what a READ of 4 KiB takes the engine's core, over the number of memory servers and of pages in
 * the page map. The core is the one that modules and daemons are built of; the servers are a few
 * lines below, which answer at once, so that a hundred million pages need no memory but the map's.
 * From the record that a client sent to the reply, with the way to the server and back.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../engine/core/exports.h"
#include "../engine/core/pagemap.h"
#include "../engine/core/server.h"
#include "../proto/nfs3.h"
#include "../proto/rpc.h"
#include "../proto/xdr.h"

#define MTU	       9000
#define BEDS_MAX       8
#define ROUNDS_MAX     99
#define QUIET_MS       3600000u /* no server has to be heard for so long */
#define PAGES_OF_ALL   1000000ull
#define SERVERS_OF_ALL 4u

static const char usage[] =
	"usage: flat [--rounds N] [--reads N] [--most PAGES] [--json FILE]\n"
	"  --rounds N    times that each case is measured, in turns (default 9)\n"
	"  --reads N     reads of a case in a round (default 200000)\n"
	"  --most PAGES  leave out the cases with more pages, 23 bytes each (default 100000000)\n"
	"  --json FILE   the figures too\n";

/* A case: an engine that has so many servers, and so many pages of one VAI on them. */
struct bed {
	struct engine *e;
	struct eng_export *x;
	u64 pages;
	u32 servers;
	double ns[ROUNDS_MAX];
};

static const struct {
	u32 servers;
	u64 pages;
} cases[] = {
	{1, PAGES_OF_ALL},	     {SERVERS_OF_ALL, PAGES_OF_ALL}, {16, PAGES_OF_ALL},
	{64, PAGES_OF_ALL},	     {SERVERS_OF_ALL, 100000},	     {SERVERS_OF_ALL, 10000000},
	{SERVERS_OF_ALL, 100000000},
};

static u8 wire[MTU - AMP_UDP_OVERHEAD]; /* what a server says */
static u32 page_crc;
static const struct anm_peer client = {
	.addr.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2},
	.port = 800,
	.door = ANM_DOOR_UDP,
};

static void die(const char *what)
{
	fprintf(stderr, "flat: %s\n", what);
	exit(1);
}

static u64 clock_now(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (u64)ts.tv_sec * NS_PER_S + (u64)ts.tv_nsec;
}

static u64 now_ns(void)
{
	return clock_now(CLOCK_MONOTONIC);
}

static u64 draw(u64 n)
{
	static u64 state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

/* ---- the memory servers ---- */

static void say(struct bed *b, const struct anm_peer *from, const struct amp_hdr *h, u32 len)
{
	struct anm_rec rec = {.head = wire, .head_len = len, .len = len};

	amp_hdr_encode(wire, h);
	eng_amp_in(b->e, from, &rec, now_ns());
}

static void serve(struct bed *b, const struct anm_out *out)
{
	struct anm_rec rec = {.head = out->head, .head_len = out->head_len, .len = out->len};
	struct amp_hdr h;

	if (amp_hdr_decode(&rec, &h))
		die("the engine says what makes no sense");
	if (h.type != AMP_PAGE_IN)
		return;
	h.type = AMP_PAGE;
	h.form = AMP_FORM_RAW;
	h.form_len = ANM_PAGE_SIZE;
	h.page_crc = page_crc;
	amp_part_cut(&h, MTU, 0);
	say(b, &out->to, &h, AMP_HDR_LEN + ANM_PAGE_SIZE);
}

/* Return: replies to the client among what the engine sends; @ok is false if one is no page. */
static u32 carry(struct bed *b, bool *ok)
{
	struct anm_out *out;
	u32 replies = 0;

	while ((out = eng_out_next(b->e))) {
		if (out->is_amp) {
			serve(b, out);
		} else {
			replies++;
			*ok &= out->len > ANM_PAGE_SIZE;
		}
		anm_out_free(out);
	}
	return replies;
}

static void server_join(struct bed *b, u32 i)
{
	struct amp_hello m = {
		.boot = 1, .donation = 1ull << 30, .mtu = MTU, .channels = AMP_CHANNELS_MAX};
	struct amp_hdr h = {.protocol = AMP_VERSION,
			    .type = AMP_HELLO,
			    .nparts = 1,
			    .channel = AMP_CHANNEL_NONE,
			    .seq = 1,
			    .part_len = AMP_HELLO_LEN};
	struct anm_peer from = {.addr = client.addr, .port = 5000};
	bool ok = true;

	from.addr.b[14] = 1;
	from.addr.b[15] = (u8)(i + 1);
	memset(m.server_uuid, (int)i + 1, sizeof(m.server_uuid));
	snprintf(m.name, sizeof(m.name), "mem%u", i);
	memset(wire, 0, sizeof(wire));
	amp_hello_encode(wire + AMP_HDR_LEN, &m);
	say(b, &from, &h, sizeof(wire)); /* padded to what the path can carry */
	carry(b, &ok);
	if (!eng_server_at(b->e, (u16)i) || eng_server_at(b->e, (u16)i)->state != ENG_SERVER_LIVE)
		die("a memory server was not let in");
}

/* ---- a case ---- */

/* As after a WRITE of each page, in any order, but for the way to the servers. */
static void fill(struct bed *b)
{
	u64 page;

	for (page = 0; page < b->pages; page++) {
		u32 idx = map_insert(b->e->map, b->x->vai.slot, (u32)page);
		u16 slot = (u16)(page % b->servers);

		if (idx == ENG_MAP_NONE)
			die("no memory for so many pages: see --most");
		map_server_set(map_entry(b->e->map, idx), 0, slot);
		map_version_set(map_entry(b->e->map, idx), 1);
		eng_server_at(b->e, slot)->mapped++;
	}
	b->x->vai.stored = b->pages;
}

static void bed_make(struct bed *b, u32 servers, u64 pages)
{
	struct eng_config cfg = {.epoch = 1, .heartbeat_ms = QUIET_MS, .dead_ms = 2 * QUIET_MS};
	struct eng_vai_params p = {.name = "v", .client = client.addr};
	struct eng_err err;
	u32 i;

	memset(cfg.engine_uuid, 1, sizeof(cfg.engine_uuid));
	memset(cfg.secret, 1, sizeof(cfg.secret));
	b->servers = servers;
	b->pages = pages;
	b->e = eng_create(&cfg, now_ns());
	if (!b->e)
		die("no memory");
	for (i = 0; i < servers; i++)
		server_join(b, i);
	p.size = max(pages << ANM_PAGE_SHIFT, (u64)ENG_VAI_SIZE_MIN);
	if (eng_vai_add(b->e, &p, &err))
		die(err.msg);
	b->x = eng_vai_by_name(b->e, "v", 1);
	fill(b);
}

static void read_one(struct bed *b, u32 xid)
{
	struct rpc_call c = {.xid = xid,
			     .prog = NFS_PROGRAM,
			     .vers = NFS_V3,
			     .proc = NFS3_READ,
			     .flavor = RPC_AUTH_SYS,
			     .name = "client",
			     .name_len = 6};
	struct anm_rec rec = {0};
	struct xdr_out x;
	bool ok = true;
	u8 call[512];

	xdr_out_init(&x, call, sizeof(call));
	rpc_call_encode(&x, &c);
	xdr_put_opaque(&x, b->x->fh[1], ENG_FH_LEN);
	xdr_put_u64(&x, draw(b->pages) << ANM_PAGE_SHIFT);
	xdr_put_u32(&x, ANM_PAGE_SIZE);
	rec.head = call;
	rec.head_len = x.pos;
	rec.len = x.pos;
	eng_rpc_in(b->e, &client, &rec, now_ns());
	if (carry(b, &ok) != 1 || !ok)
		die("a READ was not answered with a page");
}

/* What every page has in it. */
static void page_make(void)
{
	u32 i;

	for (i = 0; i < ANM_PAGE_SIZE; i++)
		wire[AMP_HDR_LEN + i] = (u8)draw(256);
	page_crc = ~anm_crc32c(~0u, wire + AMP_HDR_LEN, ANM_PAGE_SIZE);
}

static double measure(struct bed *b, u32 reads)
{
	u64 began;
	u32 i;

	for (i = 0; i < reads / 10; i++)
		read_one(b, i);
	eng_tick(b->e, now_ns());
	began = clock_now(CLOCK_THREAD_CPUTIME_ID);
	for (i = 0; i < reads; i++)
		read_one(b, i);
	return (double)(clock_now(CLOCK_THREAD_CPUTIME_ID) - began) / reads;
}

/* ---- the table ---- */

static int by_value(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return d > 0 ? 1 : d < 0 ? -1 : 0;
}

static void show(struct bed *beds, u32 n, u32 rounds, FILE *json)
{
	double base = 0;
	u32 i;

	printf("%8s %11s %10s %-16s %11s %14s\n", "servers", "pages", "ns a READ", "", "to 4, 1e6",
	       "map bytes/page");
	for (i = 0; i < n; i++)
		qsort(beds[i].ns, rounds, sizeof(beds[i].ns[0]), by_value);
	for (i = 0; i < n; i++)
		if (beds[i].servers == SERVERS_OF_ALL && beds[i].pages == PAGES_OF_ALL)
			base = beds[i].ns[rounds / 2];
	for (i = 0; i < n; i++) {
		struct bed *b = &beds[i];
		double map = (double)eng_map_bytes(b->e) / (double)b->pages;
		double ns = b->ns[rounds / 2];
		char spread[40];

		snprintf(spread, sizeof(spread), "(%.0f to %.0f)", b->ns[0], b->ns[rounds - 1]);
		printf("%8u %11llu %10.0f %-16s %11.2f %14.1f\n", b->servers, b->pages, ns, spread,
		       ns / base, map);
		if (json)
			fprintf(json,
				"%s{\"servers\": %u, \"pages\": %llu, \"ns_per_read\": %.1f, "
				"\"min\": %.1f, \"max\": %.1f, \"map_bytes_per_page\": %.2f}",
				i ? ",\n " : "[", b->servers, b->pages, ns, b->ns[0],
				b->ns[rounds - 1], map);
	}
	if (json)
		fputs("]\n", json);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"rounds", required_argument, NULL, 'r'}, {"reads", required_argument, NULL, 'n'},
		{"most", required_argument, NULL, 'm'},	  {"json", required_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},	  {0},
	};
	u32 rounds = 9, reads = 200000, n = 0, r, i;
	static struct bed beds[BEDS_MAX];
	u64 most = 100000000;
	FILE *json = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r') {
			rounds = (u32)strtoul(optarg, NULL, 0);
		} else if (c == 'n') {
			reads = (u32)strtoul(optarg, NULL, 0);
		} else if (c == 'm') {
			most = strtoull(optarg, NULL, 0);
		} else if (c == 'j') {
			json = fopen(optarg, "w");
			if (!json)
				die("the file for the figures cannot be written");
		} else {
			fputs(usage, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
	}
	if (optind < argc || !rounds || rounds > ROUNDS_MAX || !reads) {
		fputs(usage, stderr);
		return 2;
	}
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].pages > most)
			continue;
		fprintf(stderr, "flat: %u servers, %llu pages\n", cases[i].servers, cases[i].pages);
		bed_make(&beds[n++], cases[i].servers, cases[i].pages);
	}
	page_make();
	for (r = 0; r < rounds; r++)
		for (i = 0; i < n; i++)
			beds[i].ns[r] = measure(&beds[i], reads);
	show(beds, n, rounds, json);
	return json && fclose(json);
}
