// SPDX-License-Identifier: GPL-2.0-only
/*
 * The session with the engine: HELLO until WELCOME, heartbeats until silence,
 * GOODBYE. Pages outlive sessions; only another engine's arrival empties the
 * store.
 */
#include "priv.h"

static bool mem_uuid_is_zero(const u8 *uuid)
{
	return !memchr_inv(uuid, 0, 16);
}

static bool mem_uuid_equal(const u8 *a, const u8 *b)
{
	return !memcmp(a, b, 16);
}

bool mem_session_from_engine(const struct memserver *m, const struct anm_peer *from)
{
	return from->port == m->cfg.engine.port &&
	       !memcmp(&from->addr, &m->cfg.engine.addr, sizeof(from->addr));
}

void mem_session_heard(struct memserver *m, const struct anm_peer *from)
{
	m->last_heard = m->now;
	m->peer = *from;
}

/* The session is over, if there was one; say HELLO after @delay_ms. */
void mem_session_restart(struct memserver *m, u32 delay_ms)
{
	m->state = MEM_JOINING;
	m->session = 0;
	m->sign = AMP_OK;
	m->leaving = false;
	mem_channels_reset(m);
	m->hello_open = false;
	m->hello_small = false;
	m->hello_tries = 0;
	m->hello_wait_ms = MEM_HELLO_MIN_MS;
	m->next_hello = m->now + delay_ms * NS_PER_MS;
}

void mem_session_init(struct memserver *m)
{
	anm_random(&m->boot, sizeof(m->boot));
	mem_session_restart(m, 0);
}

static void session_control(struct memserver *m, const struct anm_peer *to, u8 type, u32 seq,
			    u16 code)
{
	struct amp_hdr h = {
		.protocol = AMP_VERSION,
		.type = type,
		.nparts = 1,
		.channel = AMP_CHANNEL_NONE,
		.code = code,
		.seq = seq,
		.session = m->session,
	};

	mem_out_header(m, to, &h);
}

/* ---- HELLO ---- */

/*
 * Three HELLOs at the link's own MTU; if they stay unanswered something on the
 * path may not carry it, and 1500 is tried. From then on each round begins with
 * the large one, so that an engine that was merely down is met at full size.
 */
static void session_hello_plan(struct memserver *m)
{
	bool fallback = m->cfg.mtu > MEM_MTU_FALLBACK && m->hello_tries >= MEM_MTU_TRIES;
	u32 wait_ms = m->hello_wait_ms;

	m->hello_small = fallback && !m->hello_small;
	m->hello_mtu = m->hello_small ? MEM_MTU_FALLBACK : m->cfg.mtu;
	if (fallback && !m->hello_small)
		wait_ms = MEM_HELLO_MIN_MS;
	else
		m->hello_wait_ms = min_t(u32, wait_ms * 2, MEM_HELLO_MAX_MS);
	m->next_hello = m->now + wait_ms * NS_PER_MS;
	m->hello_tries++;
}

static void session_hello(struct memserver *m)
{
	struct amp_hello hello = {
		.boot = m->boot,
		.donation = m->cfg.donation,
		.used = store_chunks(m->store),
		.channels = m->cfg.channels,
		.flags = m->cfg.path_mtu ? AMP_HELLO_SPLIT : 0,
	};
	struct amp_hdr h = {
		.protocol = AMP_VERSION,
		.type = AMP_HELLO,
		.nparts = 1,
		.channel = AMP_CHANNEL_NONE,
		.part_len = AMP_HELLO_LEN,
	};
	struct anm_out *out;

	session_hello_plan(m);
	/* not to be guessed: a WELCOME has to repeat it */
	anm_random(&m->hello_seq, sizeof(m->hello_seq));
	m->hello_open = true;
	h.seq = m->hello_seq;
	hello.mtu = m->hello_mtu;
	memcpy(hello.server_uuid, m->cfg.server_uuid, sizeof(hello.server_uuid));
	memcpy(hello.pool_uuid, m->cfg.pool_uuid, sizeof(hello.pool_uuid));
	memcpy(hello.name, m->cfg.name, sizeof(hello.name));
	memcpy(hello.zone, m->cfg.zone, sizeof(hello.zone));
	/* zeros up to the MTU: that it arrives proves the path */
	out = mem_out_new(m, &m->cfg.engine, m->hello_mtu - AMP_UDP_OVERHEAD, 0);
	if (!out)
		return;
	amp_hello_encode(out->head + AMP_HDR_LEN, &hello);
	amp_hdr_encode(out->head, &h);
	mem_out_queue(m, out);
}

/* ---- answers to HELLO ---- */

static void session_refused(struct memserver *m, u16 code)
{
	m->state = MEM_REFUSED;
	m->refuse_code = code;
	m->session = 0;
	m->hello_open = false;
	m->hello_tries = 0;
	m->hello_small = false;
	m->hello_wait_ms = MEM_HELLO_MAX_MS;
	m->next_hello = m->now + MEM_HELLO_MAX_MS * NS_PER_MS;
}

static bool session_welcome_valid(const struct memserver *m, const struct amp_welcome *w)
{
	return w->session && w->mtu >= AMP_MTU_MIN && w->mtu <= m->hello_mtu && w->channels &&
	       w->channels <= m->cfg.channels && w->heartbeat_ms >= MEM_HEARTBEAT_MIN_MS &&
	       w->heartbeat_ms <= MEM_HEARTBEAT_MAX_MS && w->dead_ms > w->heartbeat_ms &&
	       w->dead_ms <= MEM_DEAD_MAX_MS && !mem_uuid_is_zero(w->engine_uuid);
}

static void session_begin(struct memserver *m, const struct anm_peer *from,
			  const struct amp_welcome *w)
{
	mem_channels_reset(m);
	memcpy(m->engine_uuid, w->engine_uuid, sizeof(m->engine_uuid));
	m->known = true;
	m->epoch = w->epoch;
	m->session = w->session;
	m->mtu = w->mtu;
	m->channels = w->channels;
	m->heartbeat_ns = w->heartbeat_ms * NS_PER_MS;
	m->dead_ns = w->dead_ms * NS_PER_MS;
	m->next_heartbeat = m->now + m->heartbeat_ns;
	anm_random(&m->heartbeat_seq, sizeof(m->heartbeat_seq));
	m->state = MEM_JOINED;
	m->refuse_code = AMP_OK;
	m->hello_open = false;
	m->stats.sessions++;
	mem_session_heard(m, from);
}

static void session_welcome(struct memserver *m, const struct anm_peer *from,
			    const struct amp_hdr *h, const struct anm_rec *rec)
{
	u8 buf[AMP_WELCOME_LEN];
	struct amp_welcome w;

	if (!m->hello_open || h->seq != m->hello_seq) {
		m->stats.late++;
		return;
	}
	if (h->part_len < sizeof(buf) || anm_rec_copy(rec, AMP_HDR_LEN, buf, sizeof(buf)) ||
	    amp_welcome_decode(buf, sizeof(buf), &w) || !session_welcome_valid(m, &w)) {
		m->stats.malformed++;
		return;
	}
	if (!mem_uuid_is_zero(m->cfg.pool_uuid) &&
	    !mem_uuid_equal(m->cfg.pool_uuid, w.engine_uuid)) {
		m->session = w.session;
		session_control(m, from, AMP_GOODBYE, h->seq, AMP_E_POOL);
		session_refused(m, AMP_E_POOL);
		return;
	}
	if (m->known && !mem_uuid_equal(m->engine_uuid, w.engine_uuid) && store_pages(m->store)) {
		/* another engine's pages: drop them, bounded a tick, then ask anew */
		m->purging = true;
		m->hello_open = false;
		return;
	}
	session_begin(m, from, &w);
}

static void session_refuse(struct memserver *m, const struct amp_hdr *h)
{
	if (!h->code) {
		m->stats.malformed++;
		return;
	}
	if (m->hello_open && h->seq == m->hello_seq) {
		session_refused(m, h->code);
	} else if (m->session && h->seq == m->heartbeat_seq && h->code == AMP_E_SESSION) {
		/* the engine restarted, or gave us up */
		mem_session_restart(m, 0);
	} else {
		m->stats.late++;
	}
}

/* ---- in a session ---- */

static void session_heartbeat(struct memserver *m)
{
	struct amp_usage usage = {
		.donation = m->cfg.donation,
		.used = store_chunks(m->store),
		.flags = m->draining ? AMP_USAGE_LEAVING : 0,
	};
	struct amp_hdr h = {
		.protocol = AMP_VERSION,
		.type = AMP_HEARTBEAT,
		.nparts = 1,
		.channel = AMP_CHANNEL_NONE,
		.seq = ++m->heartbeat_seq,
		.session = m->session,
		.part_len = AMP_USAGE_LEN,
	};
	struct anm_out *out = mem_out_new(m, &m->peer, AMP_HDR_LEN + AMP_USAGE_LEN, 0);

	m->next_heartbeat = m->now + m->heartbeat_ns;
	if (!out)
		return;
	amp_usage_encode(out->head + AMP_HDR_LEN, &usage);
	amp_hdr_encode(out->head, &h);
	mem_out_queue(m, out);
}

static void session_end(struct memserver *m)
{
	m->state = MEM_LEFT;
	m->session = 0;
	m->leaving = false;
	m->hello_open = false;
	mem_channels_reset(m);
}

static void session_goodbye(struct memserver *m)
{
	if (m->goodbye_tries++ >= MEM_GOODBYE_TRIES) {
		session_end(m);
		return;
	}
	session_control(m, &m->peer, AMP_GOODBYE, m->goodbye_seq, AMP_OK);
	m->next_goodbye = m->now + MEM_GOODBYE_MS * NS_PER_MS;
}

void mem_leave(struct memserver *m, u64 now)
{
	m->now = now;
	if (m->state == MEM_LEFT || m->leaving)
		return;
	if (!m->session) {
		m->purging = false;
		session_end(m);
		return;
	}
	m->leaving = true;
	m->goodbye_tries = 0;
	anm_random(&m->goodbye_seq, sizeof(m->goodbye_seq));
	session_goodbye(m);
}

void mem_session_in(struct memserver *m, const struct anm_peer *from, const struct amp_hdr *h,
		    const struct anm_rec *rec)
{
	if (m->state == MEM_LEFT) {
		m->stats.unknown++;
		return;
	}
	if (h->type == AMP_WELCOME) {
		session_welcome(m, from, h, rec);
		return;
	}
	if (h->type == AMP_REFUSE) {
		session_refuse(m, h);
		return;
	}
	if (!m->session || h->session != m->session) {
		m->stats.unknown++;
		return;
	}
	mem_session_heard(m, from);
	if (h->type == AMP_GOODBYE) {
		session_control(m, from, AMP_GOODBYE_ACK, h->seq, AMP_OK);
		if (m->leaving)
			session_end(m);
		else
			mem_session_restart(m, MEM_HELLO_MIN_MS);
	} else if (h->type == AMP_HEARTBEAT_ACK && h->seq == m->heartbeat_seq) {
		m->sign = h->code;
	} else if (h->type == AMP_GOODBYE_ACK && m->leaving && h->seq == m->goodbye_seq) {
		session_end(m);
	}
}

void mem_session_tick(struct memserver *m)
{
	if (m->state == MEM_LEFT)
		return;
	if (m->leaving) {
		if (m->now >= m->next_goodbye)
			session_goodbye(m);
		return;
	}
	if (m->session && m->now - m->last_heard >= m->dead_ns)
		mem_session_restart(m, 0);
	if (m->session) {
		if (m->now >= m->next_heartbeat)
			session_heartbeat(m);
	} else if (m->now >= m->next_hello) {
		session_hello(m);
	}
}

u64 mem_session_next(const struct memserver *m)
{
	if (m->state == MEM_LEFT)
		return m->now + MEM_TICK_MAX_MS * NS_PER_MS;
	if (m->leaving)
		return m->next_goodbye;
	if (m->session)
		return min(m->next_heartbeat, m->last_heard + m->dead_ns);
	return m->next_hello;
}
