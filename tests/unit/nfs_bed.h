/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bed for tests of the NFS side alone: an engine whose page side is an array in
 * memory, and a client that makes calls and reads answers. Included by one test program
 * each; its definitions of the page side's functions take the place of the real ones
 * (the programs are linked with -z muldefs, and their own objects come first).
 *
 * With NFS_BED_REAL it is the client alone, for a program that has a whole engine.
 *
 * The page side here completes at once, or (bed.defer) when bed_run() says so, in any
 * order but the order of operations on one page; it fails what bed.fail tells it to.
 */
#ifndef ANM_NFS_BED_H
#define ANM_NFS_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/core/nfs_priv.h"

#define BED_PAGES_MAX 8192 /* largest VAI */
#define BED_SERVERS   4
#define BED_PAYLOAD   (2u << 20) /* longest call */

static struct {
	struct engine *e;
	u64 now;
	struct anm_page **pages[ENG_VAIS_MAX];
	struct eng_server_info servers[BED_SERVERS];
	u32 nservers;
	struct eng_pageio *pending[ENG_PAGES_MAX]; /* oldest first */
	u32 npending;
	bool defer;
	int fail;	/* error for pageios; 0 none */
	s64 fail_page;	/* only of this page, -1 any */
	u64 starts;	/* pageios started */
	u64 stores;	/* of those, writes that were stored */
	u32 reap_steps; /* calls that eng_vai_reap() takes */
	u32 xid;
	struct anm_peer from;
	u32 uid;
	u32 flavor;
	u32 head_len; /* bytes of a record that are linear; 0 random */
	u64 seed;
	u8 *call;
	u32 call_len;
	u8 *reply;
	u32 reply_len;
	struct anm_peer reply_to;
	struct rpc_reply rpc;
	struct xdr_in res;
	long live_before;
} bed;

static __maybe_unused u32 bed_rand(u32 n)
{
	bed.seed = bed.seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)((bed.seed >> 33) % n);
}

static __maybe_unused struct anm_addr bed_ip4(u8 a, u8 b, u8 c, u8 d)
{
	struct anm_addr addr = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};

	return addr;
}

#ifdef NFS_BED_REAL
/* The program's own: the oldest RPC reply, NULL if there is none. */
static struct anm_out *bed_next_reply(void);
#else

/* ---- what engine.c and the page side would do ---- */

void eng_out_queue(struct engine *e, struct anm_out *out)
{
	list_add_tail(&out->link, &e->outq);
	e->outq_len++;
}

struct anm_out *eng_out_next(struct engine *e)
{
	struct anm_out *out;

	if (list_empty(&e->outq))
		return NULL;
	out = list_first_entry(&e->outq, struct anm_out, link);
	list_del(&out->link);
	e->outq_len--;
	return out;
}

void eng_event(struct engine *e, u8 type, const char *name, u64 value)
{
	struct eng_event *ev = &e->events[e->ev_head++ % ENG_EVENTS_MAX];

	ev->type = type;
	strscpy(ev->name, name, sizeof(ev->name));
	ev->value = value;
}

bool eng_event_next(struct engine *e, struct eng_event *ev)
{
	if (e->ev_tail == e->ev_head)
		return false;
	*ev = e->events[e->ev_tail++ % ENG_EVENTS_MAX];
	return true;
}

u64 eng_pool_donated(struct engine *e)
{
	u64 sum = 0;
	u32 i;

	(void)e;
	for (i = 0; i < bed.nservers; i++)
		sum += bed.servers[i].state == ENG_SERVER_LIVE ? bed.servers[i].donation : 0;
	return sum;
}

u32 eng_servers_count(struct engine *e, bool live_only)
{
	u32 n = 0;
	u32 i;

	(void)e;
	for (i = 0; i < bed.nservers; i++)
		n += !live_only || bed.servers[i].state == ENG_SERVER_LIVE;
	return n;
}

bool eng_server_get(struct engine *e, u32 *slot, struct eng_server_info *info)
{
	(void)e;
	if (*slot >= bed.nservers)
		return false;
	*info = bed.servers[(*slot)++];
	return true;
}

bool eng_vai_reap(struct engine *e, struct eng_vai *vai)
{
	u32 i;

	(void)e;
	assert_true(vai->deleting);
	if (bed.reap_steps && bed.reap_steps--)
		return false;
	for (i = 0; bed.pages[vai->slot] && i < BED_PAGES_MAX; i++) {
		if (bed.pages[vai->slot][i])
			anm_page_put(bed.pages[vai->slot][i]);
	}
	free(bed.pages[vai->slot]);
	bed.pages[vai->slot] = NULL;
	vai->stored = 0;
	return true;
}

struct eng_pageio *eng_pageio_alloc(struct engine *e)
{
	struct eng_pageio *io;

	if (e->pages_in_flight >= ENG_PAGES_MAX)
		return NULL;
	io = anm_alloc(sizeof(*io));
	if (io)
		e->pages_in_flight++;
	return io;
}

void eng_pageio_free(struct engine *e, struct eng_pageio *io)
{
	if (io->page)
		anm_page_put(io->page);
	e->pages_in_flight--;
	anm_free(io);
}

static struct anm_page **bed_page(const struct eng_pageio *io)
{
	struct anm_page ***dir = &bed.pages[io->vai->slot];

	assert_true(io->page_no < io->vai->npages && io->vai->npages <= BED_PAGES_MAX);
	assert_true(io->len && io->off + io->len <= ANM_PAGE_SIZE);
	if (!*dir)
		*dir = calloc(BED_PAGES_MAX, sizeof(**dir));
	return &(*dir)[io->page_no];
}

static void bed_store(struct eng_pageio *io)
{
	struct anm_page **p = bed_page(io);
	struct anm_page *old = *p;
	struct anm_page *page;
	long fail = anm_fail_after;

	anm_fail_after = -1;
	page = anm_page_alloc();
	anm_fail_after = fail;
	if (old)
		memcpy(anm_page_data(page), anm_page_data(old), ANM_PAGE_SIZE);
	else if (io->page_no)
		memset(anm_page_data(page), 0, ANM_PAGE_SIZE);
	else
		eng_swap_header(io->vai, anm_page_data(page));
	memcpy((u8 *)anm_page_data(page) + io->off, (u8 *)anm_page_data(io->page) + io->off,
	       io->len);
	if (old)
		anm_page_put(old);
	else
		io->vai->stored++;
	*p = page;
	bed.stores++;
}

static void bed_finish(struct eng_pageio *io)
{
	struct anm_page **p = bed_page(io);
	int err = bed.fail;

	if (bed.fail_page >= 0 && bed.fail_page != io->page_no)
		err = 0;
	if (!err && io->write) {
		bed_store(io);
	} else if (!err && !*p && io->page_no) {
		io->page = bed.e->zero_page;
		anm_page_get(io->page);
	} else if (!err && !*p) {
		io->page = anm_page_alloc();
		if (io->page)
			eng_swap_header(io->vai, anm_page_data(io->page));
		else
			err = -ENOMEM;
	} else if (!err) {
		io->page = *p;
		anm_page_get(io->page);
	}
	io->done(bed.e, io, err);
}

/* Nothing here lies far apart. */
void eng_page_soon(struct engine *e, const struct eng_vai *vai, u32 page_no)
{
}

void eng_page_sooner(struct engine *e, const struct eng_vai *vai, u32 page_no)
{
}

void eng_pageio_start(struct engine *e, struct eng_pageio *io)
{
	assert_ptr_equal(e, bed.e);
	assert_true(io->write == (io->page != NULL));
	bed.starts++;
	if (!bed.defer) {
		bed_finish(io);
		return;
	}
	assert_true(bed.npending < ENG_PAGES_MAX);
	bed.pending[bed.npending++] = io;
}

/* Complete one deferred operation: any that is the first on its page. */
static __maybe_unused bool bed_run(void)
{
	struct eng_pageio *io;
	u32 i;

	if (!bed.npending)
		return false;
	io = bed.pending[bed_rand(bed.npending)];
	for (i = 0; bed.pending[i]->vai != io->vai || bed.pending[i]->page_no != io->page_no; i++)
		;
	io = bed.pending[i];
	bed.npending--;
	memmove(&bed.pending[i], &bed.pending[i + 1], (bed.npending - i) * sizeof(bed.pending[0]));
	bed_finish(io);
	return true;
}

/* ---- the bed ---- */

static __maybe_unused void bed_server(u64 pages)
{
	bed.servers[bed.nservers].donation = pages;
	bed.servers[bed.nservers++].state = ENG_SERVER_LIVE;
}

static __maybe_unused int bed_setup(void **state)
{
	struct engine *e;

	(void)state;
	memset(&bed, 0, sizeof(bed));
	bed.live_before = anm_alloc_live;
	anm_fail_after = -1;
	bed.fail_page = -1;
	bed.seed = 1;
	bed.now = NS_PER_S;
	bed.xid = 0x1000;
	bed.flavor = RPC_AUTH_SYS;
	bed.from.addr = bed_ip4(10, 0, 0, 2);
	bed.from.port = 800;
	bed.from.door = ANM_DOOR_UDP;
	e = anm_big_alloc(sizeof(*e));
	assert_non_null(e);
	bed.e = e;
	e->now = bed.now;
	e->real_minus_mono = (s64)(1700000000ull * NS_PER_S);
	e->write_verf = 0x0123456789abcdefull;
	e->zero_page = anm_page_alloc();
	memset(anm_page_data(e->zero_page), 0, ANM_PAGE_SIZE);
	memset(e->cfg.secret, 7, sizeof(e->cfg.secret));
	INIT_LIST_HEAD(&e->outq);
	assert_int_equal(eng_exports_create(e), 0);
	bed_server(1 << 20);
	return 0;
}

static __maybe_unused void bed_drop_all(void)
{
	struct anm_out *out;

	while ((out = eng_out_next(bed.e)))
		anm_out_free(out);
}

static __maybe_unused int bed_teardown(void **state)
{
	u32 i, j;

	(void)state;
	anm_fail_after = -1;
	bed.fail = -EIO;
	bed.fail_page = -1;
	while (bed_run())
		;
	bed_drop_all();
	assert_int_equal(bed.e->pages_in_flight, 0);
	assert_int_equal(bed.e->exports->reqs, 0);
	eng_exports_destroy(bed.e);
	for (i = 0; i < ENG_VAIS_MAX; i++) {
		for (j = 0; bed.pages[i] && j < BED_PAGES_MAX; j++) {
			if (bed.pages[i][j])
				anm_page_put(bed.pages[i][j]);
		}
		free(bed.pages[i]);
	}
	for (i = 0; i < ANM_PAGE_SIZE; i++)
		assert_int_equal(((u8 *)anm_page_data(bed.e->zero_page))[i], 0);
	assert_false(anm_page_shared(bed.e->zero_page));
	anm_page_put(bed.e->zero_page);
	anm_big_free(bed.e);
	free(bed.call);
	free(bed.reply);
	assert_int_equal(anm_alloc_live, bed.live_before);
	return 0;
}

static struct anm_out *bed_next_reply(void)
{
	return eng_out_next(bed.e);
}

#define BED_TEST(f) cmocka_unit_test_setup_teardown(f, bed_setup, bed_teardown)

#endif /* NFS_BED_REAL */

static __maybe_unused int bed_vai(const char *name, u64 size, struct eng_err *err)
{
	struct eng_vai_params p = {.size = size, .client = bed_ip4(10, 0, 0, 2)};

	strscpy(p.name, name, sizeof(p.name));
	return eng_vai_add(bed.e, &p, err);
}

static __maybe_unused struct eng_export *bed_export(const char *name)
{
	return eng_vai_by_name(bed.e, name, (u32)strlen(name));
}

static __maybe_unused void bed_info(const char *name, struct eng_vai_info *info)
{
	u32 slot = 0;

	while (eng_vai_get(bed.e, &slot, info)) {
		if (!strcmp(info->p.name, name))
			return;
	}
	fail_msg("no VAI %s", name);
}

/* ---- the client ---- */

/* Begin a call in bed.call; the caller adds the arguments. */
static __maybe_unused void bed_call_as(struct xdr_out *x, u32 prog, u32 vers, u32 proc, u32 xid)
{
	struct rpc_call c = {.xid = xid, .prog = prog, .vers = vers, .proc = proc};

	c.flavor = bed.flavor;
	c.uid = bed.uid;
	c.name = "client";
	c.name_len = 6;
	if (!bed.call)
		bed.call = malloc(BED_PAYLOAD);
	xdr_out_init(x, bed.call, BED_PAYLOAD);
	rpc_call_encode(x, &c);
}

static __maybe_unused void bed_call(struct xdr_out *x, u32 proc)
{
	bed_call_as(x, NFS_PROGRAM, NFS_V3, proc, bed.xid++);
}

static int bed_rec_copy(const struct anm_rec *rec, u32 off, void *dst, u32 n)
{
	if (off > rec->len || n > rec->len - off)
		return -EFAULT;
	memcpy(dst, (u8 *)rec->ctx + off, n);
	return 0;
}

/* Put one answer together as the client would see it. */
static __maybe_unused bool bed_take(void)
{
	struct anm_out *out = bed_next_reply();
	u32 i, pos;

	if (!out)
		return false;
	assert_false(out->is_amp);
	free(bed.reply);
	bed.reply = malloc(out->len);
	memcpy(bed.reply, out->head, out->head_len);
	pos = out->head_len;
	for (i = 0; i < out->nfrags; i++) {
		assert_true(pos + out->frags[i].len <= out->len);
		memcpy(bed.reply + pos, (u8 *)anm_page_data(out->frags[i].page) + out->frags[i].off,
		       out->frags[i].len);
		pos += out->frags[i].len;
	}
	assert_int_equal(pos, out->len);
	assert_int_equal(out->len % 4, 0);
	if (out->to.door == ANM_DOOR_UDP)
		assert_true(out->len <= 65507);
	bed.reply_len = out->len;
	bed.reply_to = out->to;
	anm_out_free(out);
	xdr_in_init(&bed.res, bed.reply, bed.reply_len);
	assert_int_equal(rpc_reply_decode(&bed.res, &bed.rpc), 0);
	return true;
}

/* Hand @len bytes of @p to the engine, in a buffer of just that size. */
static __maybe_unused int bed_feed(const u8 *p, u32 len)
{
	u8 *exact = malloc(len ? len : 1);
	u32 head = bed.head_len ? bed.head_len : bed_rand(len + 1);
	struct anm_rec rec = {.len = len, .copy = bed_rec_copy};
	u8 *linear;
	int rc;

	head = min(head, len);
	linear = malloc(head ? head : 1);
	if (len)
		memcpy(exact, p, len);
	memcpy(linear, exact, head);
	rec.head = linear;
	rec.head_len = head;
	rec.ctx = exact;
	bed.now += 1000;
	rc = eng_rpc_in(bed.e, &bed.from, &rec, bed.now);
	free(linear);
	free(exact);
	return rc;
}

/* Send the call; its answer, if there is one now, is in bed.rpc and bed.res. */
static __maybe_unused int bed_send(struct xdr_out *x)
{
	int rc;

	assert_false(x->bad);
	bed.call_len = x->pos;
	rc = bed_feed(bed.call, bed.call_len);
	bed_take();
	return rc;
}

static __maybe_unused u32 bed_sent_xid(void)
{
	return get_unaligned_be32(bed.call);
}

/* Send, expect success of RPC; return the first word of the result: its status. */
static __maybe_unused u32 bed_stat(struct xdr_out *x)
{
	bed.rpc.xid = 0;
	assert_int_equal(bed_send(x), 0);
	assert_int_equal(bed.rpc.xid, bed_sent_xid());
	assert_int_equal(bed.rpc.stat, RPC_MSG_ACCEPTED);
	assert_int_equal(bed.rpc.detail, RPC_SUCCESS);
	return xdr_get_u32(&bed.res);
}

static __maybe_unused void bed_put_fh(struct xdr_out *x, const char *name, u32 node)
{
	xdr_put_opaque(x, bed_export(name)->fh[node], ENG_FH_LEN);
}

static __maybe_unused void bed_call_read(struct xdr_out *x, const char *name, u64 off, u32 n)
{
	bed_call(x, NFS3_READ);
	bed_put_fh(x, name, 1);
	xdr_put_u64(x, off);
	xdr_put_u32(x, n);
}

static __maybe_unused void bed_call_write(struct xdr_out *x, u32 xid, const char *name, u64 off,
					  const void *p, u32 n)
{
	bed_call_as(x, NFS_PROGRAM, NFS_V3, NFS3_WRITE, xid);
	bed_put_fh(x, name, 1);
	xdr_put_u64(x, off);
	xdr_put_u32(x, n);
	xdr_put_u32(x, NFS3_UNSTABLE);
	xdr_put_opaque(x, p, n);
}

static __maybe_unused void bed_get_fattr(struct xdr_in *r, struct nfs3_fattr *a)
{
	u32 i;
	u32 *w[] = {&a->type, &a->mode, &a->nlink, &a->uid, &a->gid};

	for (i = 0; i < ARRAY_SIZE(w); i++)
		*w[i] = xdr_get_u32(r);
	a->size = xdr_get_u64(r);
	a->used = xdr_get_u64(r);
	a->rdev_major = xdr_get_u32(r);
	a->rdev_minor = xdr_get_u32(r);
	a->fsid = xdr_get_u64(r);
	a->fileid = xdr_get_u64(r);
	a->atime.sec = xdr_get_u32(r);
	a->atime.nsec = xdr_get_u32(r);
	a->mtime.sec = xdr_get_u32(r);
	a->mtime.nsec = xdr_get_u32(r);
	a->ctime.sec = xdr_get_u32(r);
	a->ctime.nsec = xdr_get_u32(r);
}

/* Step over post_op_attr. */
static __maybe_unused bool bed_get_post_op(struct xdr_in *r, struct nfs3_fattr *a)
{
	if (!xdr_get_bool(r))
		return false;
	bed_get_fattr(r, a);
	return true;
}

/* Read READ's result after the status. Return: the count. */
static __maybe_unused u32 bed_get_read(const u8 **data, bool *eof)
{
	struct nfs3_fattr a;
	u32 count, n, i;

	assert_true(bed_get_post_op(&bed.res, &a));
	count = xdr_get_u32(&bed.res);
	*eof = xdr_get_bool(&bed.res);
	*data = xdr_get_opaque(&bed.res, ENG_TCP_IO_MAX, &n);
	assert_false(bed.res.bad);
	assert_int_equal(n, count);
	assert_int_equal(xdr_in_left(&bed.res), 0);
	for (i = n; i < xdr_padded(n); i++)
		assert_int_equal((*data)[i], 0);
	return count;
}

/* Read WRITE's result after the status. Return: the count. */
static __maybe_unused u32 bed_get_write(void)
{
	struct nfs3_fattr a;
	u32 count;

	if (xdr_get_bool(&bed.res))
		xdr_take(&bed.res, 24);
	assert_true(bed_get_post_op(&bed.res, &a));
	count = xdr_get_u32(&bed.res);
	assert_int_equal(xdr_get_u32(&bed.res), NFS3_FILE_SYNC);
	assert_true(xdr_get_u64(&bed.res) == bed.e->write_verf);
	assert_false(bed.res.bad);
	assert_int_equal(xdr_in_left(&bed.res), 0);
	return count;
}

#endif
