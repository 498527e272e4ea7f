// SPDX-License-Identifier: GPL-2.0-only
#include "page_bed.h"
#include "../frags.h"

static u64 bed_random_state;

static void bed_random(void *p, size_t n)
{
	u8 *b = p;

	while (n--) {
		bed_random_state =
			bed_random_state * 6364136223846793005ull + 1442695040888963407ull;
		*b++ = (u8)(bed_random_state >> 56);
	}
}

u32 pb_rand(struct pb *b, u32 n)
{
	b->rng = b->rng * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)((b->rng >> 33) % n);
}

static struct anm_peer pb_peer(u8 host, u16 port)
{
	struct anm_peer p;

	memset(&p, 0, sizeof(p));
	p.addr.b[10] = 0xff;
	p.addr.b[11] = 0xff;
	p.addr.b[12] = 10;
	p.addr.b[15] = host;
	p.port = port;
	return p;
}

struct eng_config pb_config(void)
{
	struct eng_config cfg = {.epoch = 1};

	memset(cfg.engine_uuid, 0xee, sizeof(cfg.engine_uuid));
	return cfg;
}

struct pb *pb_new(u64 seed)
{
	struct eng_config cfg = pb_config();
	struct pb *b = calloc(1, sizeof(*b));
	u32 i;

	assert_non_null(b);
	b->live = anm_alloc_live;
	bed_random_state = seed;
	anm_random_hook = bed_random;
	b->rng = seed * 2 + 1;
	b->now = PB_MS(1000);
	b->tick_at = b->now;
	b->delay_ns = 50000;
	b->channels = 4;
	b->eng_peer = pb_peer(1, AMP_PORT);
	b->e = eng_create(&cfg, b->now);
	assert_non_null(b->e);
	for (i = 0; i < PB_VAIS; i++) {
		struct eng_vai *v = &b->vai[i];

		v->slot = (u16)i;
		v->copies = (u8)(1 + i);
		v->vai_id = 0x1000 + i;
		v->client_id = 0x0a000064;
		v->npages = PB_PAGES;
		memset(v->uuid, 0x10 + (int)i, sizeof(v->uuid));
		scnprintf(v->name, sizeof(v->name), "vai%u", i);
	}
	for (i = 0; i < PB_NODES; i++)
		b->node[i].peer = pb_peer((u8)(10 + i), (u16)(5000 + i));
	return b;
}

static void pb_drain(struct pb *b)
{
	struct anm_out *out;
	u32 i;

	while ((out = eng_out_next(b->e)))
		anm_out_free(out);
	for (i = 0; i < PB_NODES; i++)
		while (b->node[i].m && (out = mem_out_next(b->node[i].m)))
			anm_out_free(out);
}

void pb_restart(struct pb *b, const struct eng_config *cfg)
{
	struct anm_out *out;

	while ((out = eng_out_next(b->e)))
		anm_out_free(out);
	eng_destroy(b->e);
	b->e = eng_create(cfg, b->now);
	assert_non_null(b->e);
	b->tick_at = b->now;
	memset(b->real, 0, sizeof(b->real));
}

void pb_inbox_clear(struct pb *b)
{
	while (b->inbox_len)
		free(b->inbox[--b->inbox_len]);
}

void pb_free(struct pb *b)
{
	u32 i;

	pb_drain(b);
	eng_destroy(b->e);
	for (i = 0; i < PB_NODES; i++)
		if (b->node[i].m)
			mem_destroy(b->node[i].m);
	while (b->wire) {
		struct pb_msg *m = b->wire;

		b->wire = m->next;
		free(m);
	}
	pb_inbox_clear(b);
	assert_int_equal(anm_alloc_live, b->live);
	anm_random_hook = NULL;
	free(b);
}

/* ---- the network ---- */

static void wire_add(struct pb *b, const struct pb_msg *m, u64 delay)
{
	struct pb_msg *c = malloc(sizeof(*c) + m->len), **at = &b->wire;

	assert_non_null(c);
	memcpy(c, m, sizeof(*c) + m->len);
	c->at = b->now + delay;
	while (*at && (*at)->at <= c->at)
		at = &(*at)->next;
	c->next = *at;
	*at = c;
}

static bool chance(struct pb *b, u32 per_thousand)
{
	return per_thousand && pb_rand(b, 1000) < per_thousand;
}

static void wire_send(struct pb *b, struct pb_msg *m)
{
	u64 delay = b->delay_ns;

	if (chance(b, b->reorder))
		delay += pb_rand(b, 40) * NS_PER_MS;
	if (chance(b, b->garble) && m->len > AMP_HDR_LEN)
		m->buf[AMP_HDR_LEN + pb_rand(b, m->len - AMP_HDR_LEN)] ^= (u8)(1 + pb_rand(b, 255));
	if (!chance(b, b->loss))
		wire_add(b, m, delay);
	if (chance(b, b->dup))
		wire_add(b, m, delay + pb_rand(b, 3000) * NS_PER_MS);
}

static struct pb_msg *flatten(const struct anm_out *out)
{
	struct pb_msg *m = calloc(1, sizeof(*m) + out->len);
	u32 n = out->head_len, i;

	assert_non_null(m);
	assert_true(out->is_amp && out->len <= AMP_MTU_MAX);
	memcpy(m->buf, out->head, n);
	for (i = 0; i < out->nfrags; i++) {
		const struct anm_frag *f = &out->frags[i];

		memcpy(m->buf + n, (u8 *)anm_page_data(f->page) + f->off, f->len);
		n += f->len;
	}
	assert_int_equal(n, out->len);
	m->len = n;
	return m;
}

static int node_of(const struct pb *b, const struct anm_peer *to)
{
	int i;

	for (i = 0; i < PB_NODES; i++)
		if (!memcmp(&b->node[i].peer.addr, &to->addr, sizeof(to->addr)) &&
		    b->node[i].peer.port == to->port)
			return i;
	return -1;
}

static void collect(struct pb *b)
{
	struct anm_out *out;
	struct pb_msg *m;
	u32 i;

	while ((out = eng_out_next(b->e))) {
		if (!out->is_amp && b->reply) {
			b->reply(b, out);
			continue;
		}
		m = flatten(out);
		m->node = node_of(b, &out->to);
		m->from = b->eng_peer;
		if (m->node >= 0 && !b->node[m->node].cut)
			wire_send(b, m);
		free(m);
		anm_out_free(out);
	}
	for (i = 0; i < PB_NODES; i++) {
		struct pb_node *n = &b->node[i];

		while (n->m && (out = mem_out_next(n->m))) {
			m = flatten(out);
			m->node = -1;
			m->from = n->peer;
			if (!n->cut)
				wire_send(b, m);
			free(m);
			anm_out_free(out);
		}
	}
}

/* Bytes that begin anywhere in a page, and go on in another. */
static bool share(const struct anm_rec *rec, u32 off, u32 n, struct anm_frags *frags)
{
	struct pb *b = rec->ctx;

	if (!test_frags(frags, pb_rand(b, ANM_PAGE_SIZE), rec->head + off, n))
		return false;
	b->shared++;
	return true;
}

static void deliver(struct pb *b, struct pb_msg *m)
{
	/* In two pieces, as from a paged packet. */
	struct anm_rec rec = {.head = m->buf, .head_len = m->len, .len = m->len, .ctx = b};
	struct pb_node *n = m->node >= 0 ? &b->node[m->node] : NULL;

	rec.share = b->share ? share : NULL;
	if (!n) {
		eng_amp_in(b->e, &m->from, &rec, b->now);
		free(m);
	} else if (n->m) {
		mem_amp_in(n->m, &m->from, &rec, b->now);
		free(m);
	} else {
		assert_true(b->inbox_len < PB_INBOX);
		b->inbox[b->inbox_len++] = m;
	}
}

static u64 next_time(const struct pb *b)
{
	u64 at = b->tick_at;
	u32 i;

	if (b->wire)
		at = min(at, b->wire->at);
	for (i = 0; i < PB_NODES; i++)
		if (b->node[i].m)
			at = min(at, b->node[i].tick_at);
	return at;
}

void pb_run(struct pb *b, u64 ms)
{
	u64 end = b->now + ms * NS_PER_MS;
	u32 i;

	for (;;) {
		collect(b);
		b->tick_at = min(b->tick_at, max(b->e->now, b->now) + eng_tick_due(b->e));
		if (next_time(b) > end)
			break;
		b->now = max(b->now, next_time(b));
		while (b->wire && b->wire->at <= b->now) {
			struct pb_msg *m = b->wire;

			b->wire = m->next;
			deliver(b, m);
		}
		if (b->tick_at <= b->now)
			b->tick_at = b->now + eng_tick(b->e, b->now);
		for (i = 0; i < PB_NODES; i++) {
			struct pb_node *n = &b->node[i];

			if (n->m && n->tick_at <= b->now)
				n->tick_at = b->now + max(mem_tick(n->m, b->now), NS_PER_MS);
		}
	}
	b->now = end;
}

/* ---- real servers ---- */

void pb_server(struct pb *b, u32 node, u64 donation, u16 mtu)
{
	struct pb_node *n = &b->node[node];

	memset(&n->cfg, 0, sizeof(n->cfg));
	memset(n->cfg.server_uuid, 0xa0 + (int)node, sizeof(n->cfg.server_uuid));
	scnprintf(n->cfg.name, sizeof(n->cfg.name), "mem%u", node);
	n->cfg.donation = donation;
	n->cfg.mtu = mtu;
	n->cfg.channels = 8;
	n->cfg.engine = b->eng_peer;
	if (n->zone)
		strscpy(n->cfg.zone, n->zone, sizeof(n->cfg.zone));
	n->m = mem_create(&n->cfg, b->now);
	assert_non_null(n->m);
	n->tick_at = b->now;
}

void pb_vai(struct pb *b, u32 vai, u8 class, u32 pages)
{
	struct eng_vai_params p = {.size = (u64)pages << ANM_PAGE_SHIFT, .class = class};
	struct eng_err err;
	u32 i;

	scnprintf(p.name, sizeof(p.name), "real%u", vai);
	p.client = pb_peer(100, 0).addr;
	p.uuid[0] = (u8)(1 + vai);
	if (eng_vai_add(b->e, &p, &err))
		fail_msg("%s", err.msg);
	for (i = 0; i < ENG_VAIS_MAX; i++)
		if (eng_vai_at(b->e, (u16)i) && !strcmp(eng_vai_at(b->e, (u16)i)->name, p.name))
			b->real[vai] = eng_vai_at(b->e, (u16)i);
	assert_non_null(b->real[vai]);
}

void pb_kill(struct pb *b, u32 node)
{
	mem_destroy(b->node[node].m);
	b->node[node].m = NULL;
}

void pb_join_all(struct pb *b)
{
	pb_run(b, 2000);
}

/* ---- played servers ---- */

struct amp_hdr pb_hdr(const struct pb *b, u32 node, u8 type)
{
	struct amp_hdr h = {
		.protocol = AMP_VERSION,
		.type = type,
		.nparts = 1,
		.channel = AMP_CHANNEL_NONE,
		.session = b->node[node].session,
	};

	return h;
}

void pb_say(struct pb *b, u32 node, const struct amp_hdr *h, const void *payload, u32 pad_to)
{
	u8 buf[AMP_MTU_MAX] = {0};
	struct anm_rec rec = {.head = buf, .head_len = AMP_HDR_LEN + h->part_len};

	if (payload)
		memcpy(buf + AMP_HDR_LEN, payload, h->part_len);
	amp_hdr_encode(buf, h);
	rec.head_len = max(rec.head_len, pad_to);
	rec.len = rec.head_len;
	eng_amp_in(b->e, &b->node[node].peer, &rec, b->now);
}

void pb_say_hello(struct pb *b, u32 node, u64 donation, u16 mtu)
{
	struct pb_node *n = &b->node[node];
	struct amp_hello m = {
		.boot = n->boot, .donation = donation, .mtu = mtu, .channels = b->channels};
	struct amp_hdr h = pb_hdr(b, node, AMP_HELLO);
	u8 buf[AMP_HELLO_LEN];

	m.flags = n->hello_flags;
	memset(m.server_uuid, 0xa0 + (int)node, sizeof(m.server_uuid));
	scnprintf(m.name, sizeof(m.name), "play%u", node);
	amp_hello_encode(buf, &m);
	h.session = 0;
	h.seq = ++n->seq;
	h.part_len = AMP_HELLO_LEN;
	pb_say(b, node, &h, buf, mtu - AMP_UDP_OVERHEAD);
}

static int inbox_find(struct pb *b, u32 node, u8 type, struct amp_hdr *h)
{
	u32 i;

	for (i = 0; i < b->inbox_len; i++) {
		struct pb_msg *m = b->inbox[i];
		struct anm_rec rec = {.head = m->buf, .head_len = m->len, .len = m->len};

		if (m->node != (int)node)
			continue;
		assert_int_equal(amp_hdr_decode(&rec, h), 0);
		if (h->type == type)
			return (int)i;
	}
	return -1;
}

u32 pb_inbox(struct pb *b, u32 node, u8 type)
{
	u32 i, n = 0;

	for (i = 0; i < b->inbox_len; i++)
		n += b->inbox[i]->node == (int)node && b->inbox[i]->buf[5] == type;
	return n;
}

static void inbox_drop(struct pb *b, u32 i)
{
	free(b->inbox[i]);
	memmove(&b->inbox[i], &b->inbox[i + 1], (--b->inbox_len - i) * sizeof(b->inbox[0]));
}

struct amp_hdr pb_hear(struct pb *b, u32 node, u8 type, u8 *page)
{
	struct amp_hdr h, first;
	u32 part = 0;
	int i;

	pb_run(b, 1);
	do {
		i = inbox_find(b, node, type, &h);
		assert_true(i >= 0);
		if (!part)
			first = h;
		assert_int_equal(h.part, part);
		if (page && h.part_len)
			memcpy(page + h.part_off, b->inbox[i]->buf + AMP_HDR_LEN, h.part_len);
		inbox_drop(b, (u32)i);
	} while (++part < h.nparts);
	return first;
}

void pb_silence(struct pb *b, u32 node)
{
	struct eng_server *sv = b->e->servers->slot[pb_info(b, node).slot];

	sv->heard_ns = b->now - b->e->cfg.dead_ms * NS_PER_MS / 2;
}

void pb_play(struct pb *b, u32 node, u64 donation, u16 mtu)
{
	struct pb_node *n = &b->node[node];

	if (!n->boot)
		n->boot = 0xb007 + node;
	pb_say_hello(b, node, donation, mtu);
	n->session = pb_hear(b, node, AMP_WELCOME, NULL).session;
}

struct amp_hdr pb_answer_to(struct amp_hdr h, u8 type)
{
	h.type = type;
	h.nparts = 1;
	h.part_len = 0;
	h.page_crc = 0;
	h.form = 0;
	h.form_len = 0;
	return h;
}

struct amp_hdr pb_ack(struct pb *b, u32 node, u8 type)
{
	struct amp_hdr h = pb_hear(b, node, type, NULL), a = pb_answer_to(h, AMP_ACK);

	pb_say(b, node, &a, NULL, 0);
	return h;
}

void pb_nack(struct pb *b, u32 node, u8 type, u16 code, u64 version)
{
	struct amp_hdr a = pb_answer_to(pb_hear(b, node, type, NULL), AMP_NACK);

	a.code = code;
	a.page_version = version;
	pb_say(b, node, &a, NULL, 0);
}

void pb_page(struct pb *b, u32 node, struct amp_hdr ask, const u8 *page, u64 version)
{
	u16 mtu = b->e->servers->slot[ask.session & 1023]->mtu;
	u32 part;

	ask.type = AMP_PAGE;
	ask.page_version = version;
	ask.page_crc = ~anm_crc32c(~0u, page, ANM_PAGE_SIZE);
	ask.form_len = ANM_PAGE_SIZE;
	for (part = 0; part < amp_nparts(mtu, ANM_PAGE_SIZE); part++) {
		amp_part_cut(&ask, mtu, (u8)part);
		pb_say(b, node, &ask, page + ask.part_off, 0);
	}
}

/* ---- page operations ---- */

static u32 pb_order;

void pb_fill(u8 *page, u32 seed)
{
	u64 x = seed * 0x9e3779b97f4a7c15ull + 1;
	u32 i;

	for (i = 0; i < ANM_PAGE_SIZE; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(page + i, &x, 8);
	}
}

static void gather(const struct anm_frags *frags, u8 *page)
{
	u32 i, n = 0;

	for (i = 0; i < frags->n; i++) {
		const struct anm_frag *f = &frags->frag[i];

		memcpy(page + n, (u8 *)anm_page_data(f->page) + f->off, f->len);
		n += f->len;
	}
	assert_int_equal(n, ANM_PAGE_SIZE);
}

static void pb_done(struct engine *e, struct eng_pageio *io, int err)
{
	struct pb_io *p = io->owner;

	assert_false(p->done);
	p->done = true;
	p->err = err;
	p->order = ++pb_order;
	if (!io->write && !err && io->frags.n) {
		assert_null(io->page);
		gather(&io->frags, p->expect);
	} else if (!io->write && !err) {
		assert_non_null(io->page);
		memcpy(p->expect, anm_page_data(io->page), ANM_PAGE_SIZE);
	}
	eng_pageio_free(e, io);
	p->io = NULL;
	if (p->then)
		p->then(p);
}

static struct pb_io *pb_io_new(struct pb *b, u32 vai, u32 page_no)
{
	struct pb_io *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->b = b;
	p->io = eng_pageio_alloc(b->e);
	assert_non_null(p->io);
	p->io->vai = b->real[vai] ? b->real[vai] : &b->vai[vai];
	p->io->page_no = page_no;
	p->io->len = ANM_PAGE_SIZE;
	p->io->owner = p;
	p->io->done = pb_done;
	b->e->now = b->now;
	return p;
}

static struct pb_io *write_start(struct pb *b, u32 vai, u32 page_no, u16 off, u16 len,
				 const u8 *bytes)
{
	struct pb_io *p = pb_io_new(b, vai, page_no);

	p->io->write = true;
	p->io->off = off;
	p->io->len = len;
	p->io->page = anm_page_alloc();
	assert_non_null(p->io->page);
	memset(anm_page_data(p->io->page), 0x55, ANM_PAGE_SIZE);
	memcpy((u8 *)anm_page_data(p->io->page) + off, bytes + off, len);
	eng_pageio_start(b->e, p->io);
	return p;
}

struct pb_io *pb_write(struct pb *b, u32 vai, u32 page_no, u16 off, u16 len, u32 seed)
{
	u8 buf[ANM_PAGE_SIZE];

	pb_fill(buf, seed);
	return write_start(b, vai, page_no, off, len, buf);
}

struct pb_io *pb_write_page(struct pb *b, u32 vai, u32 page_no, const u8 *page)
{
	return write_start(b, vai, page_no, 0, ANM_PAGE_SIZE, page);
}

struct pb_io *pb_read(struct pb *b, u32 vai, u32 page_no)
{
	struct pb_io *p = pb_io_new(b, vai, page_no);

	p->io->share = b->share;
	eng_pageio_start(b->e, p->io);
	return p;
}

int pb_wait(struct pb *b, struct pb_io *p, u8 *page)
{
	int err, i;

	for (i = 0; i < 20000 && !p->done; i++)
		pb_run(b, 1);
	assert_true(p->done);
	err = p->err;
	if (page && !err)
		memcpy(page, p->expect, ANM_PAGE_SIZE);
	free(p);
	return err;
}

int pb_write_now(struct pb *b, u32 vai, u32 page_no, u32 seed)
{
	return pb_wait(b, pb_write(b, vai, page_no, 0, ANM_PAGE_SIZE, seed), NULL);
}

int pb_read_now(struct pb *b, u32 vai, u32 page_no, u32 seed)
{
	u8 got[ANM_PAGE_SIZE], want[ANM_PAGE_SIZE];
	int err = pb_wait(b, pb_read(b, vai, page_no), got);

	if (!err) {
		pb_fill(want, seed);
		assert_memory_equal(got, want, ANM_PAGE_SIZE);
	}
	return err;
}

void pb_write_pages(struct pb *b, u32 n, u32 seed)
{
	u32 i;

	for (i = 0; i < n; i++)
		assert_int_equal(pb_write_now(b, 0, i, seed + i), 0);
}

void pb_read_pages(struct pb *b, u32 n, u32 seed)
{
	u32 i;

	for (i = 0; i < n; i++)
		assert_int_equal(pb_read_now(b, 0, i, seed + i), 0);
}

void pb_events(struct pb *b)
{
	struct eng_event ev;

	while (eng_event_next(b->e, &ev))
		b->events[ev.type]++;
}

struct eng_server_info pb_info(struct pb *b, u32 node)
{
	struct eng_server_info info;
	u32 slot = 0;

	while (eng_server_get(b->e, &slot, &info))
		if (!memcmp(&info.addr, &b->node[node].peer.addr, sizeof(info.addr)))
			return info;
	fail_msg("no server %u", node);
	return info;
}
