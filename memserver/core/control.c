// SPDX-License-Identifier: GPL-2.0-only
/* Control plane of a memory server: attributes to configuration, status to attributes. */
#include "control.h"

static const struct nla_policy cfg_policy[ANM_MEM_CFG_MAX + 1] = {
	[ANM_MEM_CFG_ENGINE] = ANM_NLP_BIN(16), [ANM_MEM_CFG_ENGINE_PORT] = ANM_NLP_U16,
	[ANM_MEM_CFG_PORT] = ANM_NLP_U16,	[ANM_MEM_CFG_LISTEN] = ANM_NLP_BIN(16),
	[ANM_MEM_CFG_DONATION] = ANM_NLP_U64,	[ANM_MEM_CFG_NAME] = ANM_NLP_STR(AMP_NAME_MAX - 1),
	[ANM_MEM_CFG_UUID] = ANM_NLP_BIN(16),	[ANM_MEM_CFG_POOL_UUID] = ANM_NLP_BIN(16),
	[ANM_MEM_CFG_MTU] = ANM_NLP_U16,	[ANM_MEM_CFG_ZONE] = ANM_NLP_STR(AMP_ZONE_MAX - 1),
};

const struct nla_policy mem_ctl_policy[ANM_MEM_A_MAX + 1] = {
	[ANM_MEM_A_CONFIG] = ANM_NLP_NESTED(cfg_policy),
	[ANM_MEM_A_FORCE] = ANM_NLP_FLAG,
	[ANM_MEM_A_CANCEL] = ANM_NLP_FLAG,
};

static void check_enums(void)
{
	BUILD_BUG_ON((int)MEM_JOINING != (int)ANM_MEM_JOINING);
	BUILD_BUG_ON((int)MEM_LEFT != (int)ANM_MEM_LEFT);
	BUILD_BUG_ON((int)MEM_DRAIN_DONE != (int)ANM_DRAIN_DONE);
	BUILD_BUG_ON((int)MEM_DRAIN_REFUSED != (int)ANM_DRAIN_REFUSED);
}

static int refuse(struct mem_err *err, int code, const char *why)
{
	snprintf(err->msg, sizeof(err->msg), "%s", why);
	return code;
}

void mem_ctl_up_defaults(struct mem_ctl_up *up)
{
	memset(up, 0, sizeof(*up));
	up->cfg.engine.port = AMP_PORT;
	up->port = AMP_PORT;
}

/* No machine's address: HELLO would go to all of them, and answers come from others. */
static bool addr_is_group(const struct anm_addr *a)
{
	static const u8 v4[12] = {[10] = 0xff, [11] = 0xff};

	if (memcmp(a->b, v4, sizeof(v4)))
		return a->b[0] == 0xff;
	return !a->b[12] || a->b[12] >= 224;
}

int mem_ctl_up_check(const struct mem_ctl_up *up, struct mem_err *err)
{
	if (!memchr_inv(&up->cfg.engine.addr, 0, 16))
		return refuse(err, -EINVAL, "no engine address given");
	if (addr_is_group(&up->cfg.engine.addr))
		return refuse(err, -EINVAL,
			      "the engine's address is not that of one machine: give its own");
	if (!up->cfg.engine.port)
		return refuse(err, -EINVAL, "the engine's port is 0");
	if (!memchr_inv(up->cfg.server_uuid, 0, 16))
		return refuse(err, -EINVAL, "the memory server needs a UUID");
	if (!up->cfg.donation)
		return refuse(err, -EINVAL, "the donation is less than a page");
	if (up->cfg.donation > AMP_DONATION_PAGES_MAX)
		return refuse(err, -EINVAL, "the donation is over 64 TiB");
	if (up->cfg.mtu && (up->cfg.mtu < AMP_MTU_MIN || up->cfg.mtu > AMP_MTU_MAX))
		return refuse(err, -EINVAL, "MTU not within 1280 to 9216");
	return 0;
}

static void cfg_read(struct nlattr **tb, struct mem_ctl_up *up)
{
	struct mem_config *cfg = &up->cfg;

	if (tb[ANM_MEM_CFG_ENGINE])
		memcpy(&cfg->engine.addr, nla_data(tb[ANM_MEM_CFG_ENGINE]), 16);
	if (tb[ANM_MEM_CFG_ENGINE_PORT])
		cfg->engine.port = nla_get_u16(tb[ANM_MEM_CFG_ENGINE_PORT]);
	if (tb[ANM_MEM_CFG_PORT])
		up->port = nla_get_u16(tb[ANM_MEM_CFG_PORT]);
	if (tb[ANM_MEM_CFG_LISTEN])
		memcpy(&up->listen, nla_data(tb[ANM_MEM_CFG_LISTEN]), 16);
	if (tb[ANM_MEM_CFG_DONATION])
		cfg->donation = nla_get_u64(tb[ANM_MEM_CFG_DONATION]) >> ANM_PAGE_SHIFT;
	if (tb[ANM_MEM_CFG_NAME])
		anm_nl_str(tb[ANM_MEM_CFG_NAME], cfg->name, sizeof(cfg->name));
	if (tb[ANM_MEM_CFG_UUID])
		memcpy(cfg->server_uuid, nla_data(tb[ANM_MEM_CFG_UUID]), 16);
	if (tb[ANM_MEM_CFG_POOL_UUID])
		memcpy(cfg->pool_uuid, nla_data(tb[ANM_MEM_CFG_POOL_UUID]), 16);
	if (tb[ANM_MEM_CFG_MTU])
		cfg->mtu = nla_get_u16(tb[ANM_MEM_CFG_MTU]);
	if (tb[ANM_MEM_CFG_ZONE])
		anm_nl_str(tb[ANM_MEM_CFG_ZONE], cfg->zone, sizeof(cfg->zone));
}

int mem_ctl_up_parse(struct nlattr **attrs, struct mem_ctl_up *up, struct mem_err *err)
{
	struct nlattr *tb[ANM_MEM_CFG_MAX + 1];

	check_enums();
	mem_ctl_up_defaults(up);
	if (!attrs[ANM_MEM_A_CONFIG])
		return refuse(err, -EINVAL, "no configuration given");
	if (anm_nl_parse(tb, ANM_MEM_CFG_MAX, attrs[ANM_MEM_A_CONFIG], cfg_policy))
		return refuse(err, -EINVAL, "malformed configuration, or a name over 63 bytes");
	cfg_read(tb, up);
	if (!up->port)
		return refuse(err, -EINVAL, "port 0 is none");
	return mem_ctl_up_check(up, err);
}

bool mem_ctl_forced(struct nlattr **attrs)
{
	return attrs[ANM_MEM_A_FORCE];
}

int mem_ctl_down_check(struct memserver *m, u64 now, bool force, struct mem_err *err)
{
	struct mem_status st;

	if (force || !mem_needed(m))
		return 0;
	mem_get_status(m, &st, now);
	snprintf(err->msg, sizeof(err->msg), "%llu pages are stored here%s",
		 (unsigned long long)st.pages,
		 st.state == MEM_JOINED
			 ? ": have them moved elsewhere first (--drain), or force it and lose them"
			 : " for an engine that is not there: bring it up, or force it and lose "
			   "them");
	return -EBUSY;
}

int mem_ctl_drain(struct memserver *m, u64 now, struct nlattr **attrs, struct mem_err *err)
{
	bool on = !attrs[ANM_MEM_A_CANCEL];
	struct mem_status st;

	mem_get_status(m, &st, now);
	if (on && st.state != MEM_JOINED)
		return refuse(err, -ENOTCONN,
			      "no engine has let this server in, so nothing can be moved");
	mem_drain(m, on, now);
	return 0;
}

static int config_put(struct anm_nlmsg *msg, const struct mem_config *cfg,
		      const struct mem_ctl_up *up)
{
	struct nlattr *nest = anm_nl_nest(msg, ANM_MEM_A_CONFIG);

	if (!nest || anm_nl_put_bin(msg, ANM_MEM_CFG_ENGINE, &cfg->engine.addr, 16) ||
	    anm_nl_put_u16(msg, ANM_MEM_CFG_ENGINE_PORT, cfg->engine.port) ||
	    anm_nl_put_u16(msg, ANM_MEM_CFG_PORT, up->port) ||
	    anm_nl_put_bin(msg, ANM_MEM_CFG_LISTEN, &up->listen, 16) ||
	    anm_nl_put_u64(msg, ANM_MEM_CFG_DONATION, cfg->donation << ANM_PAGE_SHIFT,
			   ANM_MEM_CFG_PAD) ||
	    anm_nl_put_str(msg, ANM_MEM_CFG_NAME, cfg->name) ||
	    anm_nl_put_bin(msg, ANM_MEM_CFG_UUID, cfg->server_uuid, 16) ||
	    anm_nl_put_bin(msg, ANM_MEM_CFG_POOL_UUID, cfg->pool_uuid, 16) ||
	    anm_nl_put_u16(msg, ANM_MEM_CFG_MTU, cfg->mtu) ||
	    anm_nl_put_str(msg, ANM_MEM_CFG_ZONE, cfg->zone))
		return -EMSGSIZE;
	anm_nl_nest_end(msg, nest);
	return 0;
}

static int status_put(struct anm_nlmsg *msg, const struct mem_status *st)
{
	const char *why = st->state == MEM_REFUSED ? mem_refuse_words(st->refuse_code) : "";
	struct nlattr *nest = anm_nl_nest(msg, ANM_MEM_A_STATUS);

	if (!nest || anm_nl_put_u8(msg, ANM_MEM_ST_STATE, st->state) ||
	    anm_nl_put_u16(msg, ANM_MEM_ST_REFUSE_CODE, st->refuse_code) ||
	    anm_nl_put_str(msg, ANM_MEM_ST_REFUSED, why) ||
	    anm_nl_put_bin(msg, ANM_MEM_ST_ENGINE_UUID, st->engine_uuid, 16) ||
	    anm_nl_put_u64(msg, ANM_MEM_ST_EPOCH, st->epoch, ANM_MEM_ST_PAD) ||
	    anm_nl_put_u32(msg, ANM_MEM_ST_SESSION, st->session) ||
	    anm_nl_put_u16(msg, ANM_MEM_ST_MTU, st->mtu) ||
	    anm_nl_put_u16(msg, ANM_MEM_ST_CHANNELS, st->channels) ||
	    anm_nl_put_u64(msg, ANM_MEM_ST_USED_PAGES, st->used, ANM_MEM_ST_PAD) ||
	    anm_nl_put_u64(msg, ANM_MEM_ST_META_BYTES, st->meta_bytes, ANM_MEM_ST_PAD) ||
	    anm_nl_put_u64(msg, ANM_MEM_ST_UPTIME_NS, st->uptime_ns, ANM_MEM_ST_PAD) ||
	    anm_nl_put_u64(msg, ANM_MEM_ST_LAST_HEARD_NS, st->last_heard_ns, ANM_MEM_ST_PAD) ||
	    anm_nl_put_u8(msg, ANM_MEM_ST_DRAIN, st->drain) ||
	    anm_nl_put_u8(msg, ANM_MEM_ST_LEAVING, st->leaving) ||
	    anm_nl_put_u64(msg, ANM_MEM_ST_STORED_PAGES, st->pages, ANM_MEM_ST_PAD))
		return -EMSGSIZE;
	anm_nl_nest_end(msg, nest);
	return 0;
}

static int counters_put(struct anm_nlmsg *msg, const struct mem_stats *stats,
			const struct mem_ctl_up *up)
{
	static const struct anm_counter_def defs[] = {
#define X(name, help) {#name, offsetof(struct mem_stats, name)},
		MEM_COUNTERS(X)
#undef X
	};

	return anm_nl_put_counters(msg, ANM_MEM_A_COUNTERS, defs, ARRAY_SIZE(defs), stats,
				   up->doors, up->ndoors);
}

int mem_ctl_status(struct anm_nlmsg *msg, struct memserver *m, const struct mem_ctl_up *up, u64 now)
{
	struct mem_status st;

	mem_get_status(m, &st, now);
	if (config_put(msg, &st.cfg, up) || status_put(msg, &st) ||
	    counters_put(msg, &st.stats, up))
		return -EMSGSIZE;
	return 0;
}
