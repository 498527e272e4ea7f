// SPDX-License-Identifier: GPL-2.0-only
/* Control plane of the engine: attributes to calls and back. */
#include "control.h"

static const struct nla_policy cfg_policy[ANM_ENG_CFG_MAX + 1] = {
	[ANM_ENG_CFG_UUID] = ANM_NLP_BIN(16),
	[ANM_ENG_CFG_SECRET] = ANM_NLP_BIN(16),
	[ANM_ENG_CFG_EPOCH] = ANM_NLP_U64,
	[ANM_ENG_CFG_LISTEN] = ANM_NLP_BIN(16),
	[ANM_ENG_CFG_NFS_PORT] = ANM_NLP_U16,
	[ANM_ENG_CFG_MOUNT_PORT] = ANM_NLP_U16,
	[ANM_ENG_CFG_AMP_PORT] = ANM_NLP_U16,
	[ANM_ENG_CFG_TCP] = ANM_NLP_U8,
	[ANM_ENG_CFG_INSECURE] = ANM_NLP_U8,
	[ANM_ENG_CFG_HEARTBEAT_MS] = ANM_NLP_U32,
	[ANM_ENG_CFG_DEAD_MS] = ANM_NLP_U32,
	[ANM_ENG_CFG_RECOVER_MS] = ANM_NLP_U32,
	[ANM_ENG_CFG_HOLD] = ANM_NLP_U8,
	[ANM_ENG_CFG_FILE] = ANM_NLP_STR(ANM_CTL_FILE_MAX),
	[ANM_ENG_CFG_REPAIR_AFTER_MS] = ANM_NLP_U32,
	[ANM_ENG_CFG_MOVE_RATE] = ANM_NLP_U32,
	[ANM_ENG_CFG_OVERCOMMIT] = ANM_NLP_U32,
	[ANM_ENG_CFG_CACHE_PAGES] = ANM_NLP_U32,
	[ANM_ENG_CFG_DOOR] = ANM_NLP_U8,
	[ANM_ENG_CFG_INTERFACE] = ANM_NLP_STR(ENG_INTERFACE_MAX),
};

/* What a caller may set; the rest of a VAI is only ever told. */
static const struct nla_policy vai_policy[ANM_ENG_VAI_MAX + 1] = {
	[ANM_ENG_VAI_NAME] = ANM_NLP_STR(ANM_CTL_NAME_MAX),
	[ANM_ENG_VAI_UUID] = ANM_NLP_BIN(16),
	[ANM_ENG_VAI_SIZE] = ANM_NLP_U64,
	[ANM_ENG_VAI_CLIENT] = ANM_NLP_BIN(16),
	[ANM_ENG_VAI_CLASS] = ANM_NLP_U8,
	[ANM_ENG_VAI_FLAGS] = ANM_NLP_U32,
	[ANM_ENG_VAI_DISCARDED_BELOW] = ANM_NLP_U64,
	[ANM_ENG_VAI_DISCARD_ON_UNMOUNT] = ANM_NLP_U8,
	[ANM_ENG_VAI_HEDGE] = ANM_NLP_U8,
	[ANM_ENG_VAI_COMPRESS] = ANM_NLP_U8,
	[ANM_ENG_VAI_SAME_FILLED] = ANM_NLP_U8,
	[ANM_ENG_VAI_SPLIT] = ANM_NLP_U8,
	[ANM_ENG_VAI_CACHE] = ANM_NLP_U8,
	[ANM_ENG_VAI_READAHEAD] = ANM_NLP_U8,
	[ANM_ENG_VAI_KEPT] = ANM_NLP_U8,
};

const struct nla_policy eng_ctl_policy[ANM_ENG_A_MAX + 1] = {
	[ANM_ENG_A_CONFIG] = ANM_NLP_NESTED(cfg_policy),
	[ANM_ENG_A_VAI] = ANM_NLP_NESTED(vai_policy),
	[ANM_ENG_A_FORCE] = ANM_NLP_FLAG,
	[ANM_ENG_A_SERVER] = ANM_NLP_NESTED(eng_ctl_server_policy),
	[ANM_ENG_A_CANCEL] = ANM_NLP_FLAG,
	[ANM_ENG_A_PAGES] = ANM_NLP_NESTED(eng_ctl_pages_policy),
};

/* The two enumerations are the same numbers: one is the interface, one the core's. */
static void check_enums(void)
{
	BUILD_BUG_ON((int)ENG_CLASS_NORMAL != (int)ANM_VAI_CLASS_NORMAL);
	BUILD_BUG_ON((int)ENG_CLASS_CRITICAL != (int)ANM_VAI_CLASS_CRITICAL);
	BUILD_BUG_ON((int)ENG_COMPRESS_OFF != (int)ANM_VAI_COMPRESS_OFF);
	BUILD_BUG_ON((int)ENG_SAME_FILLED_OFF != (int)ANM_VAI_SAME_FILLED_OFF);
	BUILD_BUG_ON((int)ENG_CACHE_WRITEBACK != (int)ANM_VAI_CACHE_WRITEBACK);
	BUILD_BUG_ON((int)ENG_SERVER_LIVE != (int)ANM_SERVER_LIVE);
	BUILD_BUG_ON((int)ENG_SERVER_LEFT != (int)ANM_SERVER_LEFT);
	BUILD_BUG_ON((int)ENG_EV_SERVER_JOIN != (int)ANM_EV_SERVER_JOIN);
	BUILD_BUG_ON((int)ENG_EV_PAGE_LOST != (int)ANM_EV_PAGE_LOST);
	BUILD_BUG_ON((int)ENG_EV_VERSIONS != (int)ANM_EV_VERSIONS);
	BUILD_BUG_ON((int)ENG_EV_VAI_FLUSHED != (int)ANM_EV_VAI_FLUSHED);
	BUILD_BUG_ON((int)ENG_DRAIN_DONE != (int)ANM_DRAIN_DONE);
	BUILD_BUG_ON((int)ENG_PAGES_DEGRADED != (int)ANM_PAGES_DEGRADED);
	BUILD_BUG_ON((int)ENG_DOOR_HOOK != (int)ANM_ENG_DOOR_HOOK);
	BUILD_BUG_ON(ENG_NAME_MAX != ANM_CTL_NAME_MAX);
}

static int refuse(struct eng_err *err, int code, const char *why)
{
	snprintf(err->msg, sizeof(err->msg), "%s", why);
	return code;
}

int eng_ctl_up_check(const struct eng_ctl_up *up, struct eng_err *err)
{
	if (!memchr_inv(up->cfg.engine_uuid, 0, 16))
		return refuse(err, -EINVAL, "the engine needs a UUID");
	if (!memchr_inv(up->cfg.secret, 0, 16))
		return refuse(err, -EINVAL, "the engine needs a secret: 16 random bytes");
	if (up->cfg.heartbeat_ms < ENG_HB_MS_MIN || up->cfg.heartbeat_ms > ENG_HB_MS_MAX)
		return refuse(err, -EINVAL, "heartbeat interval not within 10 to 60000 ms");
	if (up->cfg.dead_ms < 2 * up->cfg.heartbeat_ms || up->cfg.dead_ms > ENG_DEAD_MS_MAX)
		return refuse(
			err, -EINVAL,
			"time to death not within twice the heartbeat interval and 600000 ms");
	if (up->cfg.recover_ms < ENG_RECOVER_MS_MIN || up->cfg.recover_ms > ENG_RECOVER_MS_MAX)
		return refuse(err, -EINVAL, "time to recover not within 1000 and 3600000 ms");
	if (!up->cfg.repair_after_ms || up->cfg.repair_after_ms > ENG_REPAIR_MS_MAX)
		return refuse(err, -EINVAL, "time to repair not within 1 and 86400000 ms");
	if (!up->cfg.move_rate || up->cfg.move_rate > ENG_MOVE_RATE_MAX)
		return refuse(err, -EINVAL, "rate of moves not within 1 and 1000000 pages/s");
	if (up->cfg.overcommit > ENG_OVERCOMMIT_MAX)
		return refuse(err, -EINVAL, "overcommit over 1000 per cent");
	if (up->cfg.cache_pages > ENG_CACHE_MAX)
		return refuse(err, -EINVAL, "page cache over 64 GiB");
	if (up->door > ENG_DOOR_XDP)
		return refuse(err, -EINVAL, "no such door: socket, auto or xdp");
	if (up->door != ENG_DOOR_SOCKET && !up->interface[0])
		return refuse(err, -EINVAL, "AF_XDP needs to know on which interface");
	if (up->amp_port && (up->amp_port == up->nfs_port || up->amp_port == up->mount_port))
		return refuse(err, -EINVAL, "AMP needs a port of its own");
	return 0;
}

static void cfg_read(struct nlattr **tb, struct eng_ctl_up *up)
{
	if (tb[ANM_ENG_CFG_UUID])
		memcpy(up->cfg.engine_uuid, nla_data(tb[ANM_ENG_CFG_UUID]), 16);
	if (tb[ANM_ENG_CFG_SECRET])
		memcpy(up->cfg.secret, nla_data(tb[ANM_ENG_CFG_SECRET]), 16);
	if (tb[ANM_ENG_CFG_EPOCH])
		up->cfg.epoch = nla_get_u64(tb[ANM_ENG_CFG_EPOCH]);
	if (tb[ANM_ENG_CFG_LISTEN])
		memcpy(&up->listen, nla_data(tb[ANM_ENG_CFG_LISTEN]), 16);
	if (tb[ANM_ENG_CFG_NFS_PORT])
		up->nfs_port = nla_get_u16(tb[ANM_ENG_CFG_NFS_PORT]);
	if (tb[ANM_ENG_CFG_MOUNT_PORT])
		up->mount_port = nla_get_u16(tb[ANM_ENG_CFG_MOUNT_PORT]);
	if (tb[ANM_ENG_CFG_AMP_PORT])
		up->amp_port = nla_get_u16(tb[ANM_ENG_CFG_AMP_PORT]);
	if (tb[ANM_ENG_CFG_TCP])
		up->tcp = nla_get_u8(tb[ANM_ENG_CFG_TCP]);
	if (tb[ANM_ENG_CFG_INSECURE])
		up->cfg.insecure = nla_get_u8(tb[ANM_ENG_CFG_INSECURE]);
	if (tb[ANM_ENG_CFG_HEARTBEAT_MS])
		up->cfg.heartbeat_ms = nla_get_u32(tb[ANM_ENG_CFG_HEARTBEAT_MS]);
	if (tb[ANM_ENG_CFG_DEAD_MS])
		up->cfg.dead_ms = nla_get_u32(tb[ANM_ENG_CFG_DEAD_MS]);
	if (tb[ANM_ENG_CFG_RECOVER_MS])
		up->cfg.recover_ms = nla_get_u32(tb[ANM_ENG_CFG_RECOVER_MS]);
	if (tb[ANM_ENG_CFG_HOLD])
		up->cfg.hold = nla_get_u8(tb[ANM_ENG_CFG_HOLD]);
	if (tb[ANM_ENG_CFG_FILE])
		anm_nl_str(tb[ANM_ENG_CFG_FILE], up->file, sizeof(up->file));
	if (tb[ANM_ENG_CFG_REPAIR_AFTER_MS])
		up->cfg.repair_after_ms = nla_get_u32(tb[ANM_ENG_CFG_REPAIR_AFTER_MS]);
	if (tb[ANM_ENG_CFG_MOVE_RATE])
		up->cfg.move_rate = nla_get_u32(tb[ANM_ENG_CFG_MOVE_RATE]);
	if (tb[ANM_ENG_CFG_OVERCOMMIT])
		up->cfg.overcommit = nla_get_u32(tb[ANM_ENG_CFG_OVERCOMMIT]);
	if (tb[ANM_ENG_CFG_CACHE_PAGES])
		up->cfg.cache_pages = nla_get_u32(tb[ANM_ENG_CFG_CACHE_PAGES]);
	if (tb[ANM_ENG_CFG_DOOR])
		up->door = nla_get_u8(tb[ANM_ENG_CFG_DOOR]);
	if (tb[ANM_ENG_CFG_INTERFACE])
		anm_nl_str(tb[ANM_ENG_CFG_INTERFACE], up->interface, sizeof(up->interface));
}

int eng_ctl_up_parse(struct nlattr **attrs, struct eng_ctl_up *up, struct eng_err *err)
{
	struct nlattr *tb[ANM_ENG_CFG_MAX + 1];

	check_enums();
	eng_ctl_up_defaults(up);
	if (!attrs[ANM_ENG_A_CONFIG])
		return refuse(err, -EINVAL, "no configuration given");
	if (anm_nl_parse(tb, ANM_ENG_CFG_MAX, attrs[ANM_ENG_A_CONFIG], cfg_policy))
		return refuse(err, -EINVAL, "malformed configuration attribute");
	cfg_read(tb, up);
	return eng_ctl_up_check(up, err);
}

bool eng_ctl_forced(struct nlattr **attrs)
{
	return attrs[ANM_ENG_A_FORCE];
}

int eng_ctl_down_check(struct engine *e, bool force, struct eng_err *err)
{
	u32 busy = eng_busy(e), dirty = eng_dirty_pages(e);

	if ((!busy && !dirty) || force)
		return 0;
	if (!busy) {
		snprintf(
			err->msg, sizeof(err->msg),
			"%u page%s in no memory server yet: wait, see to it that there is room, or "
			"force it and lose their VAIs' contents",
			dirty, dirty == 1 ? " is" : "s are");
		return -EBUSY;
	}
	snprintf(err->msg, sizeof(err->msg),
		 "%u VAI%s in use: detach the clients first, or force it and let them wait", busy,
		 busy == 1 ? " is" : "s are");
	return -EBUSY;
}

int eng_ctl_vai_parse(struct nlattr **attrs, struct nlattr **tb, struct eng_vai_params *p,
		      struct eng_err *err)
{
	memset(p, 0, sizeof(*p));
	if (!attrs[ANM_ENG_A_VAI])
		return refuse(err, -EINVAL, "no VAI given");
	if (anm_nl_parse(tb, ANM_ENG_VAI_MAX, attrs[ANM_ENG_A_VAI], vai_policy))
		return refuse(err, -EINVAL, "malformed VAI attribute, or a name over 64 bytes");
	if (!tb[ANM_ENG_VAI_NAME])
		return refuse(err, -EINVAL, "no name of a VAI given");
	anm_nl_str(tb[ANM_ENG_VAI_NAME], p->name, sizeof(p->name));
	return 0;
}

int eng_ctl_vai_new(struct engine *e, struct nlattr **attrs, struct eng_err *err)
{
	struct nlattr *tb[ANM_ENG_VAI_MAX + 1];
	struct eng_vai_params p;
	int rc = eng_ctl_vai_parse(attrs, tb, &p, err);

	if (rc)
		return rc;
	if (!tb[ANM_ENG_VAI_SIZE])
		return refuse(err, -EINVAL, "no size given");
	if (!tb[ANM_ENG_VAI_CLIENT])
		return refuse(err, -EINVAL, "no client address given");
	p.size = nla_get_u64(tb[ANM_ENG_VAI_SIZE]);
	memcpy(&p.client, nla_data(tb[ANM_ENG_VAI_CLIENT]), 16);
	if (tb[ANM_ENG_VAI_UUID])
		memcpy(p.uuid, nla_data(tb[ANM_ENG_VAI_UUID]), 16);
	if (tb[ANM_ENG_VAI_CLASS])
		p.class = nla_get_u8(tb[ANM_ENG_VAI_CLASS]);
	if (tb[ANM_ENG_VAI_FLAGS]) {
		p.restored = nla_get_u32(tb[ANM_ENG_VAI_FLAGS]) & ANM_VAI_F_RESTORED;
		p.holes = nla_get_u32(tb[ANM_ENG_VAI_FLAGS]) & ANM_VAI_F_HOLES;
		p.degraded = nla_get_u32(tb[ANM_ENG_VAI_FLAGS]) & ANM_VAI_F_DEGRADED;
		p.unflushed = nla_get_u32(tb[ANM_ENG_VAI_FLAGS]) & ANM_VAI_F_UNFLUSHED;
	}
	if (tb[ANM_ENG_VAI_DISCARDED_BELOW])
		p.discarded_below = nla_get_u64(tb[ANM_ENG_VAI_DISCARDED_BELOW]);
	if (p.restored && !tb[ANM_ENG_VAI_UUID])
		return refuse(err, -EINVAL, "a VAI can only be restored with its UUID");
	if (tb[ANM_ENG_VAI_DISCARD_ON_UNMOUNT])
		p.discard_on_unmount = nla_get_u8(tb[ANM_ENG_VAI_DISCARD_ON_UNMOUNT]);
	if (tb[ANM_ENG_VAI_HEDGE])
		p.no_hedge = !nla_get_u8(tb[ANM_ENG_VAI_HEDGE]);
	if (tb[ANM_ENG_VAI_COMPRESS])
		p.compress = nla_get_u8(tb[ANM_ENG_VAI_COMPRESS]);
	if (tb[ANM_ENG_VAI_SAME_FILLED])
		p.same_filled = nla_get_u8(tb[ANM_ENG_VAI_SAME_FILLED]);
	if (tb[ANM_ENG_VAI_SPLIT])
		p.split = nla_get_u8(tb[ANM_ENG_VAI_SPLIT]);
	if (tb[ANM_ENG_VAI_CACHE]) {
		p.no_cache = nla_get_u8(tb[ANM_ENG_VAI_CACHE]) == ANM_VAI_CACHE_OFF;
		p.writeback = nla_get_u8(tb[ANM_ENG_VAI_CACHE]) == ANM_VAI_CACHE_WRITEBACK;
	}
	if (tb[ANM_ENG_VAI_READAHEAD])
		p.readahead = nla_get_u8(tb[ANM_ENG_VAI_READAHEAD]);
	if (p.class > ENG_CLASS_CRITICAL)
		return refuse(err, -EINVAL, "no such class: normal or critical");
	return eng_vai_add(e, &p, err);
}

static int vai_put_params(struct anm_nlmsg *msg, const struct eng_vai_info *v)
{
	u32 flags = (v->mounted ? ANM_VAI_F_MOUNTED : 0) | (v->deleting ? ANM_VAI_F_DELETING : 0) |
		    (v->p.restored ? ANM_VAI_F_RESTORED : 0) | (v->p.holes ? ANM_VAI_F_HOLES : 0) |
		    (v->p.degraded ? ANM_VAI_F_DEGRADED : 0) |
		    (v->emptying ? ANM_VAI_F_EMPTYING : 0) |
		    (v->p.discard_on_unmount ? ANM_VAI_F_DISCARD_ON_UNMOUNT : 0) |
		    (v->p.unflushed ? ANM_VAI_F_UNFLUSHED : 0) | (v->told ? ANM_VAI_F_KEPT : 0);
	u8 cache = v->p.writeback  ? ANM_VAI_CACHE_WRITEBACK
		   : v->p.no_cache ? ANM_VAI_CACHE_OFF
				   : ANM_VAI_CACHE_ON;

	return anm_nl_put_str(msg, ANM_ENG_VAI_NAME, v->p.name) ||
	       anm_nl_put_bin(msg, ANM_ENG_VAI_UUID, v->p.uuid, 16) ||
	       anm_nl_put_u64(msg, ANM_ENG_VAI_SIZE, v->p.size, ANM_ENG_VAI_PAD) ||
	       anm_nl_put_bin(msg, ANM_ENG_VAI_CLIENT, &v->p.client, 16) ||
	       anm_nl_put_u8(msg, ANM_ENG_VAI_CLASS, v->p.class) ||
	       anm_nl_put_u32(msg, ANM_ENG_VAI_FLAGS, flags) ||
	       anm_nl_put_u8(msg, ANM_ENG_VAI_HEDGE, !v->p.no_hedge) ||
	       anm_nl_put_u8(msg, ANM_ENG_VAI_COMPRESS, v->p.compress) ||
	       anm_nl_put_u8(msg, ANM_ENG_VAI_SAME_FILLED, v->p.same_filled) ||
	       anm_nl_put_u8(msg, ANM_ENG_VAI_SPLIT, v->p.split) ||
	       anm_nl_put_u8(msg, ANM_ENG_VAI_CACHE, cache) ||
	       anm_nl_put_u8(msg, ANM_ENG_VAI_READAHEAD, v->p.readahead) ||
	       anm_nl_put_u32(msg, ANM_ENG_VAI_AHEAD_PAGES, v->ahead_pages) ||
	       anm_nl_put_u32(msg, ANM_ENG_VAI_OUTSTANDING, v->outstanding);
}

static int vai_put(struct anm_nlmsg *msg, const struct eng_vai_info *v)
{
	const struct {
		int type;
		u64 v;
	} nums[] = {
		{ANM_ENG_VAI_STORED_PAGES, v->stored_pages},
		{ANM_ENG_VAI_LOST_PAGES, v->lost_pages},
		{ANM_ENG_VAI_READS, v->reads},
		{ANM_ENG_VAI_WRITES, v->writes},
		{ANM_ENG_VAI_READ_BYTES, v->read_bytes},
		{ANM_ENG_VAI_WRITTEN_BYTES, v->written_bytes},
		{ANM_ENG_VAI_ZERO_READS, v->zero_reads},
		{ANM_ENG_VAI_ERRORS, v->errors},
		{ANM_ENG_VAI_DENIED, v->denied},
		{ANM_ENG_VAI_READ_NS, v->read_ns_ema},
		{ANM_ENG_VAI_WRITE_NS, v->write_ns_ema},
		{ANM_ENG_VAI_DISCARDED_BELOW, v->p.discarded_below},
		{ANM_ENG_VAI_DEGRADED_PAGES, v->degraded_pages},
		{ANM_ENG_VAI_HEDGED, v->hedged},
		{ANM_ENG_VAI_HEDGES_WON, v->hedges_won},
		{ANM_ENG_VAI_FILLED_PAGES, v->filled_pages},
		{ANM_ENG_VAI_PACKED_PAGES, v->packed_pages},
		{ANM_ENG_VAI_PACKED_BYTES, v->packed_bytes},
		{ANM_ENG_VAI_SKIPPED_PAGES, v->skipped_pages},
		{ANM_ENG_VAI_SPLIT_READS, v->split_reads},
		{ANM_ENG_VAI_CACHE_HITS, v->cache_hits},
		{ANM_ENG_VAI_CACHE_MISSES, v->cache_misses},
		{ANM_ENG_VAI_CACHE_EVICTIONS, v->cache_evictions},
		{ANM_ENG_VAI_AHEAD_ISSUED, v->ahead_issued},
		{ANM_ENG_VAI_AHEAD_USED, v->ahead_used},
		{ANM_ENG_VAI_AHEAD_WASTED, v->ahead_wasted},
		{ANM_ENG_VAI_DIRTY_PAGES, v->dirty_pages},
		{ANM_ENG_VAI_FLUSHED, v->flushed},
		{ANM_ENG_VAI_OVERWRITTEN, v->overwritten},
	};
	struct nlattr *nest = anm_nl_nest(msg, ANM_ENG_A_VAI);
	u32 i;

	if (!nest || vai_put_params(msg, v))
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(nums); i++)
		if (anm_nl_put_u64(msg, nums[i].type, nums[i].v, ANM_ENG_VAI_PAD))
			return -EMSGSIZE;
	anm_nl_nest_end(msg, nest);
	return 0;
}

int eng_ctl_vai_get(struct anm_nlmsg *msg, struct engine *e, struct nlattr **attrs,
		    struct eng_err *err)
{
	struct nlattr *tb[ANM_ENG_VAI_MAX + 1];
	struct eng_vai_params p;
	struct eng_vai_info v;
	u32 slot = 0;
	int rc = eng_ctl_vai_parse(attrs, tb, &p, err);

	if (rc)
		return rc;
	while (eng_vai_get(e, &slot, &v))
		if (!v.deleting && !strcmp(v.p.name, p.name))
			return vai_put(msg, &v);
	snprintf(err->msg, sizeof(err->msg), "there is no VAI \"%s\"", p.name);
	return -ENOENT;
}

int eng_ctl_vai_next(struct anm_nlmsg *msg, struct engine *e, u32 *slot)
{
	struct eng_vai_info v;
	u32 s = *slot;

	if (!eng_vai_get(e, &s, &v))
		return 0;
	if (vai_put(msg, &v))
		return -EMSGSIZE;
	*slot = s;
	return 1;
}

static int server_put_id(struct anm_nlmsg *msg, const struct eng_server_info *s)
{
	return anm_nl_put_str(msg, ANM_ENG_SRV_NAME, s->name) ||
	       anm_nl_put_bin(msg, ANM_ENG_SRV_UUID, s->uuid, 16) ||
	       anm_nl_put_bin(msg, ANM_ENG_SRV_ADDR, &s->addr, 16) ||
	       anm_nl_put_u16(msg, ANM_ENG_SRV_PORT, s->port) ||
	       anm_nl_put_u8(msg, ANM_ENG_SRV_STATE, s->state) ||
	       anm_nl_put_u16(msg, ANM_ENG_SRV_MTU, s->mtu) ||
	       anm_nl_put_u16(msg, ANM_ENG_SRV_CHANNELS, s->channels) ||
	       anm_nl_put_u32(msg, ANM_ENG_SRV_IN_FLIGHT, s->in_flight) ||
	       anm_nl_put_u32(msg, ANM_ENG_SRV_QUEUED, s->queued) ||
	       anm_nl_put_u32(msg, ANM_ENG_SRV_CWND, s->cwnd) ||
	       anm_nl_put_u8(msg, ANM_ENG_SRV_AWAITED, s->awaited) ||
	       anm_nl_put_u8(msg, ANM_ENG_SRV_GONE, s->gone) ||
	       anm_nl_put_str(msg, ANM_ENG_SRV_ZONE, s->zone) ||
	       anm_nl_put_u8(msg, ANM_ENG_SRV_DRAIN, s->drain) ||
	       anm_nl_put_u8(msg, ANM_ENG_SRV_DRAIN_ASKED, s->drain_asked);
}

static int server_put(struct anm_nlmsg *msg, const struct eng_server_info *s)
{
	const struct {
		int type;
		u64 v;
	} nums[] = {
		{ANM_ENG_SRV_DONATION_PAGES, s->donation},
		{ANM_ENG_SRV_USED_PAGES, s->used},
		{ANM_ENG_SRV_MAPPED_PAGES, s->mapped},
		{ANM_ENG_SRV_PAGES_OUT, s->pages_out},
		{ANM_ENG_SRV_PAGES_IN, s->pages_in},
		{ANM_ENG_SRV_RETRANSMITS, s->retransmits},
		{ANM_ENG_SRV_TIMEOUTS, s->timeouts},
		{ANM_ENG_SRV_NACKS, s->nacks},
		{ANM_ENG_SRV_CRC_ERRORS, s->crc_errors},
		{ANM_ENG_SRV_SRTT_NS, s->srtt_ns},
		{ANM_ENG_SRV_RTO_NS, s->rto_ns},
		{ANM_ENG_SRV_LAST_HEARD_NS, s->last_heard_ns},
		{ANM_ENG_SRV_BOOT, s->boot},
		{ANM_ENG_SRV_DRAIN_TOTAL, s->drain_total},
		{ANM_ENG_SRV_SPURIOUS, s->spurious},
		{ANM_ENG_SRV_READ_P95_NS, s->read_p95_ns},
		{ANM_ENG_SRV_STALE_BELOW, s->stale_below},
	};
	struct nlattr *nest = anm_nl_nest(msg, ANM_ENG_A_SERVER);
	u32 i;

	if (!nest || server_put_id(msg, s))
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(nums); i++)
		if (anm_nl_put_u64(msg, nums[i].type, nums[i].v, ANM_ENG_SRV_PAD))
			return -EMSGSIZE;
	anm_nl_nest_end(msg, nest);
	return 0;
}

int eng_ctl_server_next(struct anm_nlmsg *msg, struct engine *e, u32 *slot)
{
	struct eng_server_info info;
	u32 s = *slot;

	if (!eng_server_get(e, &s, &info))
		return 0;
	if (server_put(msg, &info))
		return -EMSGSIZE;
	*slot = s;
	return 1;
}

static int config_put(struct anm_nlmsg *msg, const struct eng_config *cfg,
		      const struct eng_ctl_up *up)
{
	struct nlattr *nest = anm_nl_nest(msg, ANM_ENG_A_CONFIG);

	if (!nest || anm_nl_put_bin(msg, ANM_ENG_CFG_UUID, cfg->engine_uuid, 16) ||
	    anm_nl_put_u64(msg, ANM_ENG_CFG_EPOCH, cfg->epoch, ANM_ENG_CFG_PAD) ||
	    anm_nl_put_bin(msg, ANM_ENG_CFG_LISTEN, &up->listen, 16) ||
	    anm_nl_put_u16(msg, ANM_ENG_CFG_NFS_PORT, up->nfs_port) ||
	    anm_nl_put_u16(msg, ANM_ENG_CFG_MOUNT_PORT, up->mount_port) ||
	    anm_nl_put_u16(msg, ANM_ENG_CFG_AMP_PORT, up->amp_port) ||
	    anm_nl_put_u8(msg, ANM_ENG_CFG_TCP, up->tcp) ||
	    anm_nl_put_u8(msg, ANM_ENG_CFG_INSECURE, cfg->insecure) ||
	    anm_nl_put_u32(msg, ANM_ENG_CFG_HEARTBEAT_MS, cfg->heartbeat_ms) ||
	    anm_nl_put_u32(msg, ANM_ENG_CFG_DEAD_MS, cfg->dead_ms) ||
	    anm_nl_put_u32(msg, ANM_ENG_CFG_RECOVER_MS, cfg->recover_ms) ||
	    anm_nl_put_u8(msg, ANM_ENG_CFG_HOLD, cfg->hold) ||
	    anm_nl_put_str(msg, ANM_ENG_CFG_FILE, up->file) ||
	    anm_nl_put_u32(msg, ANM_ENG_CFG_REPAIR_AFTER_MS, cfg->repair_after_ms) ||
	    anm_nl_put_u32(msg, ANM_ENG_CFG_MOVE_RATE, cfg->move_rate) ||
	    anm_nl_put_u32(msg, ANM_ENG_CFG_OVERCOMMIT, cfg->overcommit) ||
	    anm_nl_put_u32(msg, ANM_ENG_CFG_CACHE_PAGES, cfg->cache_pages) ||
	    anm_nl_put_u8(msg, ANM_ENG_CFG_DOOR, up->door) ||
	    anm_nl_put_str(msg, ANM_ENG_CFG_INTERFACE, up->interface))
		return -EMSGSIZE;
	anm_nl_nest_end(msg, nest);
	return 0;
}

static int recover_put(struct anm_nlmsg *msg, const struct eng_status *st)
{
	return anm_nl_put_u8(msg, ANM_ENG_ST_RECOVERING, st->recovering) ||
	       anm_nl_put_u32(msg, ANM_ENG_ST_AWAITED, st->awaited) ||
	       anm_nl_put_u64(msg, ANM_ENG_ST_RECOVER_PAGES, st->recover_pages, ANM_ENG_ST_PAD) ||
	       anm_nl_put_u64(msg, ANM_ENG_ST_RECOVER_NS, st->recover_ns, ANM_ENG_ST_PAD) ||
	       anm_nl_put_u32(msg, ANM_ENG_ST_UNKNOWN_VAIS, st->unknown_vais) ||
	       anm_nl_put_u64(msg, ANM_ENG_ST_UNKNOWN_PAGES, st->unknown_pages, ANM_ENG_ST_PAD) ||
	       anm_nl_put_u64(msg, ANM_ENG_ST_EPOCH_NEXT, st->epoch_next, ANM_ENG_ST_PAD);
}

static int status_put(struct anm_nlmsg *msg, const struct eng_status *st, u32 busy)
{
	struct nlattr *nest = anm_nl_nest(msg, ANM_ENG_A_STATUS);

	if (!nest || anm_nl_put_u32(msg, ANM_ENG_ST_VAIS, st->vais) ||
	    anm_nl_put_u32(msg, ANM_ENG_ST_VAIS_BUSY, busy) ||
	    anm_nl_put_u32(msg, ANM_ENG_ST_CLIENTS, st->clients) ||
	    anm_nl_put_u32(msg, ANM_ENG_ST_SERVERS, st->servers) ||
	    anm_nl_put_u32(msg, ANM_ENG_ST_SERVERS_LIVE, st->servers_live) ||
	    anm_nl_put_u64(msg, ANM_ENG_ST_DONATED_PAGES, st->donated_pages, ANM_ENG_ST_PAD) ||
	    anm_nl_put_u64(msg, ANM_ENG_ST_RESERVED_PAGES, st->reserved_pages, ANM_ENG_ST_PAD) ||
	    anm_nl_put_u64(msg, ANM_ENG_ST_STORED_PAGES, st->stored_pages, ANM_ENG_ST_PAD) ||
	    anm_nl_put_u64(msg, ANM_ENG_ST_MAP_ENTRIES, st->map_entries, ANM_ENG_ST_PAD) ||
	    anm_nl_put_u64(msg, ANM_ENG_ST_MAP_BYTES, st->map_bytes, ANM_ENG_ST_PAD) ||
	    anm_nl_put_u32(msg, ANM_ENG_ST_PAGES_IN_FLIGHT, st->pages_in_flight) ||
	    anm_nl_put_u64(msg, ANM_ENG_ST_UPTIME_NS, st->uptime_ns, ANM_ENG_ST_PAD) ||
	    recover_put(msg, st) ||
	    anm_nl_put_u64(msg, ANM_ENG_ST_DEGRADED_PAGES, st->degraded_pages, ANM_ENG_ST_PAD) ||
	    anm_nl_put_u32(msg, ANM_ENG_ST_SERVERS_DRAINING, st->servers_draining) ||
	    anm_nl_put_u32(msg, ANM_ENG_ST_MOVES_IN_FLIGHT, st->moves_in_flight) ||
	    anm_nl_put_u32(msg, ANM_ENG_ST_CACHED_PAGES, st->cached_pages) ||
	    anm_nl_put_u32(msg, ANM_ENG_ST_DIRTY_PAGES, st->dirty_pages) ||
	    anm_nl_put_u8(msg, ANM_ENG_ST_FLUSHING, st->flushing))
		return -EMSGSIZE;
	anm_nl_nest_end(msg, nest);
	return 0;
}

static int counters_put(struct anm_nlmsg *msg, const struct eng_stats *stats,
			const struct eng_ctl_up *up)
{
	static const struct anm_counter_def defs[] = {
#define X(name, help) {#name, offsetof(struct eng_stats, name)},
		ENG_COUNTERS(X)
#undef X
	};

	return anm_nl_put_counters(msg, ANM_ENG_A_COUNTERS, defs, ARRAY_SIZE(defs), stats,
				   up->doors, up->ndoors);
}

int eng_ctl_status(struct anm_nlmsg *msg, struct engine *e, const struct eng_ctl_up *up, u64 now)
{
	struct eng_status st;

	eng_get_status(e, &st, now);
	if (config_put(msg, &st.cfg, up) || status_put(msg, &st, eng_busy(e)) ||
	    counters_put(msg, &st.stats, up))
		return -EMSGSIZE;
	return 0;
}

int eng_ctl_event(struct anm_nlmsg *msg, const struct eng_event *ev)
{
	struct nlattr *nest = anm_nl_nest(msg, ANM_ENG_A_EVENT);

	if (!nest || anm_nl_put_u8(msg, ANM_ENG_EV_TYPE, ev->type) ||
	    anm_nl_put_str(msg, ANM_ENG_EV_NAME, ev->name) ||
	    anm_nl_put_u64(msg, ANM_ENG_EV_VALUE, ev->value, ANM_ENG_EV_PAD))
		return -EMSGSIZE;
	anm_nl_nest_end(msg, nest);
	return 0;
}
