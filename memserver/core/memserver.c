// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory server: making and ending it, sorting what comes in, the queue of
 * what goes out.
 */
#include "priv.h"

struct memserver *mem_create(const struct mem_config *cfg, u64 now)
{
	struct memserver *m;

	m = anm_big_alloc(sizeof(*m));
	if (!m)
		return NULL;
	m->cfg = *cfg;
	m->cfg.name[AMP_NAME_MAX - 1] = '\0';
	m->cfg.zone[AMP_ZONE_MAX - 1] = '\0';
	m->cfg.mtu = clamp_t(u16, cfg->mtu, AMP_MTU_MIN, AMP_MTU_MAX);
	m->cfg.channels =
		cfg->channels ? min_t(u16, cfg->channels, AMP_CHANNELS_MAX) : AMP_CHANNELS_DEFAULT;
	INIT_LIST_HEAD(&m->outq);
	m->born = now;
	m->now = now;
	if (!cfg->donation || cfg->donation > STORE_PAGES_MAX)
		goto err;
	m->ch = anm_big_alloc(m->cfg.channels * sizeof(*m->ch));
	if (!m->ch)
		goto err;
	/* each lane may hold one page in parts while the whole donation is in use */
	m->store = store_create(cfg->donation, m->cfg.channels);
	if (!m->store)
		goto err;
	mem_session_init(m);
	return m;
err:
	mem_destroy(m);
	return NULL;
}

void mem_destroy(struct memserver *m)
{
	struct anm_out *out;

	if (!m)
		return;
	while ((out = mem_out_next(m)))
		anm_out_free(out);
	if (m->store)
		mem_channels_reset(m);
	store_destroy(m->store);
	anm_big_free(m->ch);
	anm_big_free(m);
}

static bool mem_type_is_session(u8 type)
{
	return type == AMP_WELCOME || type == AMP_REFUSE || type == AMP_HEARTBEAT_ACK ||
	       type == AMP_GOODBYE || type == AMP_GOODBYE_ACK;
}

static bool mem_type_is_channel(u8 type)
{
	return type == AMP_PAGE_OUT || type == AMP_PAGE_IN || type == AMP_DISCARD ||
	       type == AMP_DISCARD_VAI || type == AMP_INVENTORY;
}

void mem_amp_in(struct memserver *m, const struct anm_peer *from, const struct anm_rec *rec,
		u64 now)
{
	struct amp_hdr h;
	int rc;

	m->now = now;
	m->stats.amp_in++;
	if (!mem_session_from_engine(m, from)) {
		m->stats.unknown++;
		return;
	}
	rc = amp_hdr_decode(rec, &h);
	if (rc == -EPROTO) {
		m->stats.version++;
		/* the one thing to be understood from other versions is that they refuse us */
		h.code = AMP_E_VERSION;
		if (h.type == AMP_REFUSE)
			mem_session_in(m, from, &h, rec);
		return;
	}
	if (rc) {
		m->stats.malformed++;
		return;
	}
	if (mem_type_is_session(h.type))
		mem_session_in(m, from, &h, rec);
	else if (!mem_type_is_channel(h.type))
		m->stats.malformed++;
	else if (!m->session || h.session != m->session)
		m->stats.unknown++;
	else
		mem_channel_in(m, from, &h, rec);
}

static void mem_purge(struct memserver *m)
{
	u64 before = store_pages(m->store);

	store_drain(m->store, MEM_PURGE_BATCH);
	m->stats.purged += before - store_pages(m->store);
	if (store_pages(m->store))
		return;
	m->purging = false;
	anm_random(&m->boot, sizeof(m->boot));
	mem_session_restart(m, 0);
}

u64 mem_tick(struct memserver *m, u64 now)
{
	u64 next;

	m->now = now;
	if (m->purging) {
		mem_purge(m);
		if (m->purging)
			return NS_PER_MS;
	}
	mem_session_tick(m);
	next = mem_session_next(m);
	return next > now ? min_t(u64, next - now, MEM_TICK_MAX_MS * NS_PER_MS) : NS_PER_MS;
}

void mem_drain(struct memserver *m, bool on, u64 now)
{
	m->now = now;
	if (m->draining == on)
		return;
	m->draining = on;
	m->sign = AMP_OK;
	m->next_heartbeat = now;
}

static u8 mem_drain_state(const struct memserver *m)
{
	switch (m->sign) {
	case AMP_E_DRAINED:
		return MEM_DRAIN_DONE;
	case AMP_E_FULL:
		return MEM_DRAIN_REFUSED;
	case AMP_E_MORE:
		return MEM_DRAIN_MOVING;
	default:
		return m->draining ? MEM_DRAIN_MOVING : MEM_DRAIN_NONE;
	}
}

bool mem_needed(const struct memserver *m)
{
	return m->state != MEM_LEFT && store_pages(m->store) && m->sign != AMP_E_DRAINED;
}

void mem_set_mtu(struct memserver *m, u16 mtu, u64 now)
{
	mtu = clamp_t(u16, mtu, AMP_MTU_MIN, AMP_MTU_MAX);
	m->now = now;
	if (mtu == m->cfg.mtu)
		return;
	m->cfg.mtu = mtu;
	if (m->state != MEM_LEFT && !m->leaving && !m->purging)
		mem_session_restart(m, 0);
}

struct anm_out *mem_out_new(struct memserver *m, const struct anm_peer *to, u32 head_len,
			    u16 max_frags)
{
	struct anm_out *out;

	if (m->outq_len >= MEM_OUTQ_MAX) {
		m->stats.outq_full++;
		return NULL;
	}
	out = anm_out_alloc(head_len, max_frags);
	if (!out) {
		m->stats.no_memory++;
		return NULL;
	}
	out->to = *to;
	out->is_amp = true;
	out->head_len = head_len;
	out->len = head_len;
	return out;
}

void mem_out_queue(struct memserver *m, struct anm_out *out)
{
	list_add_tail(&out->link, &m->outq);
	m->outq_len++;
	m->stats.amp_out += out->is_amp;
}

void mem_out_header(struct memserver *m, const struct anm_peer *to, const struct amp_hdr *h)
{
	struct anm_out *out = mem_out_new(m, to, AMP_HDR_LEN, 0);

	if (!out)
		return;
	amp_hdr_encode(out->head, h);
	mem_out_queue(m, out);
}

struct anm_out *mem_out_next(struct memserver *m)
{
	struct anm_out *out;

	out = list_first_entry_or_null(&m->outq, struct anm_out, link);
	if (!out)
		return NULL;
	list_del_init(&out->link);
	m->outq_len--;
	return out;
}

const char *mem_refuse_words(u16 code)
{
	switch (code) {
	case AMP_OK:
		return "";
	case AMP_E_VERSION:
		return "the engine speaks another version of the protocol: update the older of "
		       "both";
	case AMP_E_POOL:
		return "the engine serves another pool than the one asked for";
	case AMP_E_DONATION:
		return "the engine does not accept the size of the donation";
	case AMP_E_IDENTITY:
		return "a server with this UUID is live at another address or port: give each "
		       "server a state of its own";
	case AMP_E_FULL:
		return "the engine's table of servers is full";
	case AMP_E_NOMEM:
		return "the engine is short of memory; it is asked again";
	case AMP_E_INVAL:
		return "the engine finds the request malformed";
	default:
		return amp_code_name(code);
	}
}

void mem_get_status(struct memserver *m, struct mem_status *st, u64 now)
{
	memset(st, 0, sizeof(*st));
	st->cfg = m->cfg;
	st->state = m->state;
	st->refuse_code = m->refuse_code;
	memcpy(st->engine_uuid, m->engine_uuid, sizeof(st->engine_uuid));
	st->epoch = m->epoch;
	st->session = m->session;
	st->mtu = m->mtu;
	st->channels = m->channels;
	st->used = store_chunks(m->store);
	st->pages = store_pages(m->store);
	st->meta_bytes = sizeof(*m) + m->cfg.channels * (sizeof(*m->ch) + ANM_PAGE_SIZE) +
			 SLOTS_LENT * ANM_PAGE_SIZE + store_bytes(m->store);
	st->uptime_ns = now - m->born;
	st->last_heard_ns = m->last_heard ? now - m->last_heard : 0;
	st->stats = m->stats;
	st->drain = mem_drain_state(m);
	st->leaving = m->draining;
}
