// SPDX-License-Identifier: GPL-2.0-only
/* What servers say of themselves: HELLO, HEARTBEAT, GOODBYE; and who may say it. */
#include "recover.h"
#include "server.h"

#define SESSION_SLOT_MASK ((1u << ENG_SESSION_SLOT_BITS) - 1)

/* ---- messages ---- */

struct anm_out *eng_amp_make(struct engine *e, const struct anm_peer *to, const struct amp_hdr *h,
			     const u8 *payload, u16 nfrags)
{
	u32 len = AMP_HDR_LEN + (payload ? h->part_len : 0);
	struct anm_out *out = anm_out_alloc(len, nfrags);

	if (!out) {
		e->stats.no_memory++;
		return NULL;
	}
	if (payload)
		memcpy(out->head + AMP_HDR_LEN, payload, h->part_len);
	amp_hdr_encode(out->head, h);
	out->head_len = len;
	out->len = len;
	out->is_amp = true;
	out->to = *to;
	return out;
}

/* Without payload. @h: what it answers. */
static void server_answer(struct engine *e, const struct anm_peer *to, const struct amp_hdr *h,
			  u8 type, u16 code)
{
	struct amp_hdr a = {
		.protocol = AMP_VERSION,
		.type = type,
		.nparts = 1,
		.channel = AMP_CHANNEL_NONE,
		.code = code,
		.seq = h->seq,
		.session = h->session,
	};
	struct anm_out *out;

	if (code == AMP_E_VERSION)
		a.page_version = AMP_VERSION;
	out = eng_amp_make(e, to, &a, NULL, 0);
	if (out)
		eng_out_queue(e, out);
}

static void server_welcome(struct engine *e, const struct eng_server *sv)
{
	struct amp_welcome w = {
		.epoch = e->cfg.epoch,
		.session = sv->session,
		.heartbeat_ms = e->cfg.heartbeat_ms,
		.dead_ms = e->cfg.dead_ms,
		.mtu = sv->mtu,
		.channels = sv->channels,
	};
	struct amp_hdr h = {
		.protocol = AMP_VERSION,
		.type = AMP_WELCOME,
		.nparts = 1,
		.channel = AMP_CHANNEL_NONE,
		.seq = sv->hello_seq[0],
		.session = sv->session,
		.part_len = AMP_WELCOME_LEN,
	};
	u8 buf[AMP_WELCOME_LEN];
	u32 n, len = sv->mtu - AMP_UDP_OVERHEAD;
	struct anm_out *out;

	memcpy(w.engine_uuid, e->cfg.engine_uuid, sizeof(w.engine_uuid));
	amp_welcome_encode(buf, &w);
	out = eng_amp_make(e, &sv->peer, &h, buf, DIV_ROUND_UP(AMP_MTU_MAX, ANM_PAGE_SIZE));
	if (!out)
		return;
	while (out->len < len) {
		n = min(len - out->len, ANM_PAGE_SIZE);
		anm_out_add_page(out, e->zero_page, 0, (u16)n);
	}
	eng_out_queue(e, out);
}

void eng_server_goodbye(struct engine *e, struct eng_server *sv)
{
	struct amp_hdr h = {.session = sv->session};

	anm_random(&h.seq, sizeof(h.seq));
	server_answer(e, &sv->peer, &h, AMP_GOODBYE, AMP_OK);
}

/* ---- HELLO ---- */

/* For people and logs: what is not a plain printable character is not repeated. */
static void hello_name(char *dst, const struct amp_hello *m)
{
	u32 i;

	for (i = 0; i < AMP_NAME_MAX && m->name[i]; i++)
		dst[i] = m->name[i] > ' ' && m->name[i] <= '~' ? m->name[i] : '?';
	dst[i] = 0;
	if (!i)
		scnprintf(dst, AMP_NAME_MAX, "server-%02x%02x%02x%02x", m->server_uuid[0],
			  m->server_uuid[1], m->server_uuid[2], m->server_uuid[3]);
}

static u16 hello_check(const struct engine *e, const struct amp_hello *m)
{
	if (m->mtu < AMP_MTU_MIN || m->mtu > AMP_MTU_MAX || !m->channels ||
	    !memchr_inv(m->server_uuid, 0, sizeof(m->server_uuid)))
		return AMP_E_INVAL;
	if (!m->donation || m->donation > AMP_DONATION_PAGES_MAX)
		return AMP_E_DONATION;
	if (memchr_inv(m->pool_uuid, 0, sizeof(m->pool_uuid)) &&
	    memcmp(m->pool_uuid, e->cfg.engine_uuid, sizeof(m->pool_uuid)))
		return AMP_E_POOL;
	return AMP_OK;
}

static void hello_zone(char *dst, const struct amp_hello *m)
{
	u32 i;

	memset(dst, 0, AMP_ZONE_MAX);
	for (i = 0; i < AMP_ZONE_MAX - 1 && m->zone[i]; i++)
		dst[i] = m->zone[i] > ' ' && m->zone[i] <= '~' ? m->zone[i] : '?';
}

/* The memory that a restarted engine was told of, after a HELLO of another that nothing followed. */
static bool hello_expected(const struct eng_server *sv, const struct amp_hello *m)
{
	return !sv->heard && sv->known_boot && sv->known_boot == m->boot && sv->boot != m->boot;
}

/* From a life that is over, or a session that is: a packet that was long on its way. */
static bool hello_late(struct engine *e, const struct eng_server *sv, const struct anm_peer *from,
		       const struct amp_hello *m, u32 seq)
{
	const struct eng_servers *ss = e->servers;
	u32 i;

	for (i = 0; i < ss->nslots; i++) {
		const struct eng_server *old = ss->slot[i];

		if (old && old->state == ENG_SERVER_GONE && old->boot == m->boot &&
		    !memcmp(old->uuid, m->server_uuid, sizeof(old->uuid)))
			return true;
	}
	if (!sv || hello_expected(sv, m))
		return false;
	/* When the life that came after it is over, that one was the late HELLO's. */
	if (sv->prev_boot && sv->prev_boot == m->boot && sv->state != ENG_SERVER_DEAD)
		return true;
	/*
	 * Another memory, and the one that we know speaks: an old life's last words, or a
	 * new life that will say it again.
	 */
	if (sv->state == ENG_SERVER_LIVE && sv->boot != m->boot && sv->peer.port == from->port &&
	    e->now - sv->heard_ns < e->cfg.dead_ms * NS_PER_MS / 2)
		return true;
	for (i = eng_server_usable(sv) ? 1 : 0; i < sv->nhellos && sv->boot == m->boot; i++)
		if (sv->hello_seq[i] == seq)
			return true;
	return false;
}

static void hello_session(struct engine *e, struct eng_server *sv, u32 seq)
{
	u32 session;

	do {
		anm_random(&session, sizeof(session));
		session = (session & ~SESSION_SLOT_MASK) | sv->slot;
	} while (!(session & ~SESSION_SLOT_MASK) || session == sv->last_session);
	sv->session = session;
	sv->last_session = session;
	memmove(&sv->hello_seq[1], &sv->hello_seq[0],
		sizeof(sv->hello_seq) - sizeof(sv->hello_seq[0]));
	sv->hello_seq[0] = seq;
	sv->nhellos = min_t(u32, sv->nhellos + 1, ENG_HELLOS_KEPT);
}

/*
 * Another memory at another port of the same address: the server has started anew, or it
 * is a copy of one that lives on. When that one is heard again it is a copy. It has time for
 * two heartbeats to be heard, one of which may be lost.
 *
 * Return: AMP_OK to believe it, AMP_E_IDENTITY for a copy, AMP_E_MORE when it is too early to say.
 */
static u16 hello_rival(struct engine *e, struct eng_server *sv, const struct anm_peer *from,
		       const struct amp_hello *m)
{
	u64 wait_ms =
		min_t(u64, max(e->cfg.dead_ms / 2, e->cfg.heartbeat_ms * 5 / 2), e->cfg.dead_ms);

	if (!eng_server_usable(sv) || sv->boot == m->boot || sv->peer.port == from->port ||
	    hello_expected(sv, m))
		return AMP_OK;
	if (!sv->rival_ns || e->now - sv->rival_ns > ENG_RIVAL_NS) {
		sv->rival_ns = e->now;
	} else if (sv->heard_ns > sv->rival_ns) {
		sv->rival_ns = e->now;
		return AMP_E_IDENTITY;
	}
	return e->now - max(sv->rival_ns, sv->heard_ns) < wait_ms * NS_PER_MS ? AMP_E_MORE : AMP_OK;
}

/* The server is as it says, in a slot that is right for its memory. */
static void hello_accept(struct engine *e, struct eng_server *sv, const struct anm_peer *from,
			 const struct amp_hello *m, u32 seq)
{
	hello_session(e, sv, seq);
	hello_name(sv->name, m);
	hello_zone(sv->zone, m);
	sv->peer = *from;
	sv->mtu = m->mtu;
	sv->channels = min_t(u16, m->channels, AMP_CHANNELS_MAX);
	sv->splits = m->flags & AMP_HELLO_SPLIT;
	sv->donation = m->donation;
	eng_server_usage(sv, m->used);
	sv->heard_ns = e->now;
	server_welcome(e, sv);
	eng_server_joined(e, sv);
	eng_recover_joined(e, sv);
}

static void hello_take(struct engine *e, const struct anm_peer *from, const struct amp_hdr *h,
		       const struct amp_hello *m)
{
	struct eng_server *sv = eng_server_by_uuid(e, m->server_uuid);
	u16 code = hello_check(e, m);

	if (!code && sv && eng_server_usable(sv) &&
	    memcmp(&sv->peer.addr, &from->addr, sizeof(from->addr)))
		code = AMP_E_IDENTITY;
	if (!code && hello_late(e, sv, from, m, h->seq)) {
		e->stats.amp_late++;
		return;
	}
	if (!code && sv)
		code = hello_rival(e, sv, from, m);
	if (code == AMP_E_MORE) {
		e->stats.amp_late++;
		return;
	}
	if (!code && sv)
		eng_recover_boot(e, sv, m->boot);
	if (!code && sv && sv->boot == m->boot) {
		/* Our WELCOME was lost, or the HELLO came twice: the same session again. */
		if (eng_server_usable(sv) && sv->hello_seq[0] == h->seq) {
			server_welcome(e, sv);
			return;
		}
		if (m->donation < min(sv->donation, sv->mapped))
			code = AMP_E_DONATION;
	} else if (!code) {
		sv = eng_server_new(e, m, sv, &code);
	}
	if (code) {
		e->stats.amp_refused++;
		server_answer(e, from, h, AMP_REFUSE, code);
		return;
	}
	hello_accept(e, sv, from, m, h->seq);
}

static void hello_in(struct engine *e, const struct anm_peer *from, const struct amp_hdr *h,
		     const struct anm_rec *rec)
{
	u8 buf[AMP_HELLO_LEN];
	struct amp_hello m;

	/* Padded as it says: else its arrival proves nothing, and our answer would be larger. */
	if (h->part_len < sizeof(buf) || anm_rec_copy(rec, AMP_HDR_LEN, buf, sizeof(buf)) ||
	    amp_hello_decode(buf, sizeof(buf), &m) || rec->len + AMP_UDP_OVERHEAD < m.mtu) {
		e->stats.amp_malformed++;
		return;
	}
	hello_take(e, from, h, &m);
}

/* ---- in a session ---- */

static void heartbeat_in(struct engine *e, struct eng_server *sv, const struct amp_hdr *h,
			 const struct anm_rec *rec)
{
	u8 buf[AMP_USAGE_LEN];
	struct amp_usage u;

	if (h->part_len < sizeof(buf) || anm_rec_copy(rec, AMP_HDR_LEN, buf, sizeof(buf)) ||
	    amp_usage_decode(buf, sizeof(buf), &u)) {
		e->stats.amp_malformed++;
		return;
	}
	/* What is in use cannot be taken back like this. */
	if (u.donation && u.donation <= AMP_DONATION_PAGES_MAX &&
	    u.donation >= min(sv->donation, sv->mapped))
		sv->donation = u.donation;
	eng_server_usage(sv, u.used);
	eng_server_heartbeat(e, sv);
	eng_server_leaving(e, sv, u.flags & AMP_USAGE_LEAVING);
	server_answer(e, &sv->peer, h, AMP_HEARTBEAT_ACK, eng_server_sign(sv));
}

/* The server of a message's session, if it comes from that server's address. */
static struct eng_server *session_find(struct engine *e, const struct anm_peer *from,
				       const struct amp_hdr *h)
{
	struct eng_server *sv = eng_server_at(e, h->session & SESSION_SLOT_MASK);

	if (!sv || !h->session || sv->session != h->session ||
	    memcmp(&sv->peer.addr, &from->addr, sizeof(from->addr)))
		return NULL;
	return sv;
}

static void session_in(struct engine *e, const struct anm_peer *from, const struct amp_hdr *h,
		       const struct anm_rec *rec)
{
	struct eng_server *sv = session_find(e, from, h);

	if (!sv || (sv->state == ENG_SERVER_LEFT && h->type != AMP_GOODBYE)) {
		e->stats.amp_unknown++;
		if (h->type == AMP_HEARTBEAT)
			server_answer(e, from, h, AMP_REFUSE, AMP_E_SESSION);
		return;
	}
	sv->heard_ns = e->now;
	sv->peer = *from;
	eng_recover_heard(e, sv);
	switch (h->type) {
	case AMP_HEARTBEAT:
		heartbeat_in(e, sv, h, rec);
		break;
	case AMP_GOODBYE:
		server_answer(e, from, h, AMP_GOODBYE_ACK, AMP_OK);
		eng_server_left(e, sv);
		break;
	default:
		eng_xfer_answer(e, sv, h, rec);
		break;
	}
}

void eng_amp_in(struct engine *e, const struct anm_peer *from, const struct anm_rec *rec, u64 now)
{
	struct amp_hdr h;
	int rc;

	e->now = max(e->now, now);
	e->stats.amp_in++;
	rc = amp_hdr_decode(rec, &h);
	if (rc == -EPROTO) {
		e->stats.amp_version++;
		if (h.type == AMP_HELLO) {
			e->stats.amp_refused++;
			server_answer(e, from, &h, AMP_REFUSE, AMP_E_VERSION);
		}
		return;
	}
	if (rc) {
		e->stats.amp_malformed++;
		return;
	}
	switch (h.type) {
	case AMP_HELLO:
		hello_in(e, from, &h, rec);
		break;
	case AMP_HEARTBEAT:
	case AMP_GOODBYE:
	case AMP_PAGE:
	case AMP_ACK:
	case AMP_NACK:
	case AMP_INVENTORY_LIST:
		session_in(e, from, &h, rec);
		break;
	default: /* what only an engine says */
		e->stats.amp_malformed++;
		break;
	}
}
