// SPDX-License-Identifier: GPL-2.0-only
/* Answers of the engine into JSON objects, by tables of attributes. */
#include <stdio.h>
#include <string.h>
#include <netlink/genl/genl.h>
#include "../../proto/addr_user.h"
#include "engctl.h"

enum kind {
	NUM,
	BOOL,
	STR,
	UUID,
	ADDR,
	CLASS,
	STATE,
	FLAGS,
	EVENT,
	HEX,
	DRAIN,
	COMPRESS,
	SWITCH,
	WRITEBACK,
	DOOR,
};

struct field {
	int attr;
	enum kind kind;
	const char *name;
};

static const struct field config_fields[] = {
	{ANM_ENG_CFG_UUID, UUID, "uuid"},
	{ANM_ENG_CFG_EPOCH, NUM, "epoch"},
	{ANM_ENG_CFG_LISTEN, ADDR, "listen"},
	{ANM_ENG_CFG_NFS_PORT, NUM, "nfs_port"},
	{ANM_ENG_CFG_MOUNT_PORT, NUM, "mount_port"},
	{ANM_ENG_CFG_AMP_PORT, NUM, "amp_port"},
	{ANM_ENG_CFG_TCP, BOOL, "tcp"},
	{ANM_ENG_CFG_INSECURE, BOOL, "insecure"},
	{ANM_ENG_CFG_HEARTBEAT_MS, NUM, "heartbeat_ms"},
	{ANM_ENG_CFG_DEAD_MS, NUM, "dead_ms"},
	{ANM_ENG_CFG_RECOVER_MS, NUM, "recover_ms"},
	{ANM_ENG_CFG_HOLD, BOOL, "hold"},
	{ANM_ENG_CFG_FILE, STR, "file"},
	{ANM_ENG_CFG_REPAIR_AFTER_MS, NUM, "repair_after_ms"},
	{ANM_ENG_CFG_MOVE_RATE, NUM, "move_rate"},
	{ANM_ENG_CFG_OVERCOMMIT, NUM, "overcommit"},
	{ANM_ENG_CFG_CACHE_PAGES, NUM, "cache_pages"},
	{ANM_ENG_CFG_DOOR, DOOR, "door"},
	{ANM_ENG_CFG_INTERFACE, STR, "interface"},
};

static const struct field status_fields[] = {
	{ANM_ENG_ST_UPTIME_NS, NUM, "uptime_ns"},
	{ANM_ENG_ST_VAIS, NUM, "vais"},
	{ANM_ENG_ST_VAIS_BUSY, NUM, "vais_in_use"},
	{ANM_ENG_ST_CLIENTS, NUM, "clients"},
	{ANM_ENG_ST_SERVERS, NUM, "servers"},
	{ANM_ENG_ST_SERVERS_LIVE, NUM, "servers_live"},
	{ANM_ENG_ST_DONATED_PAGES, NUM, "donated_pages"},
	{ANM_ENG_ST_RESERVED_PAGES, NUM, "reserved_pages"},
	{ANM_ENG_ST_STORED_PAGES, NUM, "stored_pages"},
	{ANM_ENG_ST_MAP_ENTRIES, NUM, "map_entries"},
	{ANM_ENG_ST_MAP_BYTES, NUM, "map_bytes"},
	{ANM_ENG_ST_PAGES_IN_FLIGHT, NUM, "pages_in_flight"},
	{ANM_ENG_ST_RECOVERING, BOOL, "recovering"},
	{ANM_ENG_ST_AWAITED, NUM, "awaited_servers"},
	{ANM_ENG_ST_RECOVER_PAGES, NUM, "recover_pages"},
	{ANM_ENG_ST_RECOVER_NS, NUM, "recover_ns"},
	{ANM_ENG_ST_UNKNOWN_VAIS, NUM, "unknown_vais"},
	{ANM_ENG_ST_UNKNOWN_PAGES, NUM, "unknown_pages"},
	{ANM_ENG_ST_EPOCH_NEXT, NUM, "epoch_next"},
	{ANM_ENG_ST_DEGRADED_PAGES, NUM, "degraded_pages"},
	{ANM_ENG_ST_SERVERS_DRAINING, NUM, "servers_draining"},
	{ANM_ENG_ST_MOVES_IN_FLIGHT, NUM, "moves_in_flight"},
	{ANM_ENG_ST_CACHED_PAGES, NUM, "cached_pages"},
	{ANM_ENG_ST_DIRTY_PAGES, NUM, "dirty_pages"},
	{ANM_ENG_ST_FLUSHING, BOOL, "flushing"},
};

static const struct field vai_fields[] = {
	{ANM_ENG_VAI_NAME, STR, "name"},
	{ANM_ENG_VAI_UUID, UUID, "uuid"},
	{ANM_ENG_VAI_SIZE, NUM, "size"},
	{ANM_ENG_VAI_CLIENT, ADDR, "client"},
	{ANM_ENG_VAI_CLASS, CLASS, "class"},
	{ANM_ENG_VAI_FLAGS, FLAGS, ""},
	{ANM_ENG_VAI_STORED_PAGES, NUM, "stored_pages"},
	{ANM_ENG_VAI_LOST_PAGES, NUM, "lost_pages"},
	{ANM_ENG_VAI_READS, NUM, "reads"},
	{ANM_ENG_VAI_WRITES, NUM, "writes"},
	{ANM_ENG_VAI_READ_BYTES, NUM, "read_bytes"},
	{ANM_ENG_VAI_WRITTEN_BYTES, NUM, "written_bytes"},
	{ANM_ENG_VAI_ZERO_READS, NUM, "zero_page_reads"},
	{ANM_ENG_VAI_ERRORS, NUM, "errors"},
	{ANM_ENG_VAI_DENIED, NUM, "denied"},
	{ANM_ENG_VAI_READ_NS, NUM, "read_ns"},
	{ANM_ENG_VAI_WRITE_NS, NUM, "write_ns"},
	{ANM_ENG_VAI_OUTSTANDING, NUM, "outstanding"},
	{ANM_ENG_VAI_DISCARDED_BELOW, NUM, "discarded_below"},
	{ANM_ENG_VAI_DEGRADED_PAGES, NUM, "degraded_pages"},
	{ANM_ENG_VAI_HEDGE, BOOL, "hedge"},
	{ANM_ENG_VAI_HEDGED, NUM, "hedged"},
	{ANM_ENG_VAI_HEDGES_WON, NUM, "hedges_won"},
	{ANM_ENG_VAI_COMPRESS, COMPRESS, "compress"},
	{ANM_ENG_VAI_SAME_FILLED, SWITCH, "same_filled"},
	{ANM_ENG_VAI_FILLED_PAGES, NUM, "filled_pages"},
	{ANM_ENG_VAI_PACKED_PAGES, NUM, "packed_pages"},
	{ANM_ENG_VAI_PACKED_BYTES, NUM, "packed_bytes"},
	{ANM_ENG_VAI_SKIPPED_PAGES, NUM, "skipped_pages"},
	{ANM_ENG_VAI_SPLIT, BOOL, "split"},
	{ANM_ENG_VAI_SPLIT_READS, NUM, "split_reads"},
	{ANM_ENG_VAI_CACHE, BOOL, "cache"},
	{ANM_ENG_VAI_CACHE, WRITEBACK, "writeback"},
	{ANM_ENG_VAI_CACHE_HITS, NUM, "cache_hits"},
	{ANM_ENG_VAI_CACHE_MISSES, NUM, "cache_misses"},
	{ANM_ENG_VAI_CACHE_EVICTIONS, NUM, "cache_evictions"},
	{ANM_ENG_VAI_READAHEAD, BOOL, "readahead"},
	{ANM_ENG_VAI_AHEAD_ISSUED, NUM, "ahead_issued"},
	{ANM_ENG_VAI_AHEAD_USED, NUM, "ahead_used"},
	{ANM_ENG_VAI_AHEAD_WASTED, NUM, "ahead_wasted"},
	{ANM_ENG_VAI_AHEAD_PAGES, NUM, "ahead_pages"},
	{ANM_ENG_VAI_DIRTY_PAGES, NUM, "dirty_pages"},
	{ANM_ENG_VAI_FLUSHED, NUM, "flushed"},
	{ANM_ENG_VAI_OVERWRITTEN, NUM, "overwritten"},
};

static const struct field server_fields[] = {
	{ANM_ENG_SRV_NAME, STR, "name"},
	{ANM_ENG_SRV_UUID, UUID, "uuid"},
	{ANM_ENG_SRV_ADDR, ADDR, "address"},
	{ANM_ENG_SRV_PORT, NUM, "port"},
	{ANM_ENG_SRV_STATE, STATE, "state"},
	{ANM_ENG_SRV_MTU, NUM, "mtu"},
	{ANM_ENG_SRV_CHANNELS, NUM, "channels"},
	{ANM_ENG_SRV_DONATION_PAGES, NUM, "donation_pages"},
	{ANM_ENG_SRV_USED_PAGES, NUM, "used_pages"},
	{ANM_ENG_SRV_MAPPED_PAGES, NUM, "mapped_pages"},
	{ANM_ENG_SRV_PAGES_OUT, NUM, "pages_out"},
	{ANM_ENG_SRV_PAGES_IN, NUM, "pages_in"},
	{ANM_ENG_SRV_RETRANSMITS, NUM, "retransmits"},
	{ANM_ENG_SRV_TIMEOUTS, NUM, "timeouts"},
	{ANM_ENG_SRV_NACKS, NUM, "nacks"},
	{ANM_ENG_SRV_CRC_ERRORS, NUM, "crc_errors"},
	{ANM_ENG_SRV_SRTT_NS, NUM, "srtt_ns"},
	{ANM_ENG_SRV_RTO_NS, NUM, "rto_ns"},
	{ANM_ENG_SRV_IN_FLIGHT, NUM, "in_flight"},
	{ANM_ENG_SRV_QUEUED, NUM, "queued"},
	{ANM_ENG_SRV_LAST_HEARD_NS, NUM, "last_heard_ns"},
	{ANM_ENG_SRV_BOOT, HEX, "boot"},
	{ANM_ENG_SRV_STALE_BELOW, HEX, "stale_below"},
	{ANM_ENG_SRV_AWAITED, BOOL, "awaited"},
	{ANM_ENG_SRV_GONE, BOOL, "gone"},
	{ANM_ENG_SRV_ZONE, STR, "zone"},
	{ANM_ENG_SRV_DRAIN, DRAIN, "drain"},
	{ANM_ENG_SRV_DRAIN_TOTAL, NUM, "drain_total_pages"},
	{ANM_ENG_SRV_DRAIN_ASKED, BOOL, "drain_asked"},
	{ANM_ENG_SRV_CWND, NUM, "cwnd"},
	{ANM_ENG_SRV_SPURIOUS, NUM, "spurious"},
	{ANM_ENG_SRV_READ_P95_NS, NUM, "read_p95_ns"},
};

static const struct field event_fields[] = {
	{ANM_ENG_EV_TYPE, EVENT, "event"},
	{ANM_ENG_EV_NAME, STR, "name"},
	{ANM_ENG_EV_VALUE, NUM, "value"},
};

static const char *const class_names[] = {"normal", "critical"};
static const char *const state_names[] = {"live", "suspect", "dead", "left"};
static const char *const compress_names[] = {"auto", "on", "off"};
static const char *const door_names[] = {ENG_DOOR_WORDS, "hook"};
static const char *const switch_names[] = {"on", "off"};
static const char *const drain_names[] = {"no", "moving", "done"};
static const char *const event_names[] = {
	"?",
	"server-join",
	"server-leave",
	"server-suspect",
	"server-dead",
	"vai-created",
	"vai-deleted",
	"vai-mounted",
	"vai-unmounted",
	"page-lost",
	"recovered",
	"vai-lossy",
	"versions",
	"vai-degraded",
	"vai-repaired",
	"server-drained",
	"server-draining",
	"drain-cancelled",
	"server-swept",
	"server-behind",
	"server-current",
	"vai-unflushed",
	"vai-flushed",
};

static json_t *name_of(const struct nlattr *a, const char *const *names, size_t n)
{
	unsigned long long v = nl_number(a);

	return json_string(v < n ? names[v] : "?");
}

static json_t *hex_of(const struct nlattr *a)
{
	char buf[17];

	snprintf(buf, sizeof(buf), "%016llx", nl_number(a));
	return json_string(buf);
}

static json_t *bytes_of(const struct nlattr *a, enum kind kind)
{
	char buf[ADDR_TEXT_MAX];
	struct anm_addr addr;

	if (nla_len(a) != 16)
		return json_string("?");
	memcpy(&addr, nla_data(a), 16);
	if (kind == UUID)
		return json_string(uuid_format(addr.b, buf));
	return json_string(addr_is_any(&addr) ? "any" : addr_format(&addr, buf, sizeof(buf)));
}

static void put_flags(json_t *obj, unsigned long long flags)
{
	json_object_set_new(obj, "mounted", json_boolean(flags & ANM_VAI_F_MOUNTED));
	json_object_set_new(obj, "deleting", json_boolean(flags & ANM_VAI_F_DELETING));
	json_object_set_new(obj, "degraded", json_boolean(flags & ANM_VAI_F_DEGRADED));
	json_object_set_new(obj, "holes", json_boolean(flags & ANM_VAI_F_HOLES));
	json_object_set_new(obj, "emptying", json_boolean(flags & ANM_VAI_F_EMPTYING));
	json_object_set_new(obj, "discard_on_unmount",
			    json_boolean(flags & ANM_VAI_F_DISCARD_ON_UNMOUNT));
	json_object_set_new(obj, "unflushed", json_boolean(flags & ANM_VAI_F_UNFLUSHED));
	json_object_set_new(obj, "kept", json_boolean(flags & ANM_VAI_F_KEPT));
}

static json_t *value(const struct nlattr *a, enum kind kind)
{
	switch (kind) {
	case BOOL:
		return json_boolean(nl_number(a));
	case WRITEBACK:
		return json_boolean(nl_number(a) == ANM_VAI_CACHE_WRITEBACK);
	case STR:
		return nl_text(a);
	case UUID:
	case ADDR:
		return bytes_of(a, kind);
	case CLASS:
		return name_of(a, class_names, ARRAY_SIZE(class_names));
	case STATE:
		return name_of(a, state_names, ARRAY_SIZE(state_names));
	case HEX:
		return hex_of(a);
	case DRAIN:
		return name_of(a, drain_names, ARRAY_SIZE(drain_names));
	case COMPRESS:
		return name_of(a, compress_names, ARRAY_SIZE(compress_names));
	case DOOR:
		return name_of(a, door_names, ARRAY_SIZE(door_names));
	case SWITCH:
		return name_of(a, switch_names, ARRAY_SIZE(switch_names));
	case EVENT:
		return name_of(a, event_names, ARRAY_SIZE(event_names));
	default:
		return json_integer(nl_number(a));
	}
}

/* Attributes that this version does not know are passed over. */
static void fill(json_t *obj, struct nlattr *nest, const struct field *f, size_t n)
{
	struct nlattr *a;
	size_t i;

	for (i = 0; i < n; i++) {
		a = nla_find(nla_data(nest), nla_len(nest), f[i].attr);
		if (!a)
			continue;
		if (f[i].kind == FLAGS)
			put_flags(obj, nl_number(a));
		else
			json_object_set_new(obj, f[i].name, value(a, f[i].kind));
	}
}

int collect(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[ANM_ENG_A_MAX + 1];
	json_t *obj;

	(void)cmd;
	if (genlmsg_parse(nlh, 0, tb, ANM_ENG_A_MAX, NULL) < 0)
		return -EPROTO;
	obj = json_object();
	if (tb[ANM_ENG_A_VAI])
		fill(obj, tb[ANM_ENG_A_VAI], vai_fields, ARRAY_SIZE(vai_fields));
	if (tb[ANM_ENG_A_SERVER])
		fill(obj, tb[ANM_ENG_A_SERVER], server_fields, ARRAY_SIZE(server_fields));
	json_array_append_new(arg, obj);
	return 0;
}

int take_status(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[ANM_ENG_A_MAX + 1];

	(void)cmd;
	if (genlmsg_parse(nlh, 0, tb, ANM_ENG_A_MAX, NULL) < 0)
		return -EPROTO;
	if (tb[ANM_ENG_A_CONFIG])
		fill(arg, tb[ANM_ENG_A_CONFIG], config_fields, ARRAY_SIZE(config_fields));
	if (tb[ANM_ENG_A_STATUS])
		fill(arg, tb[ANM_ENG_A_STATUS], status_fields, ARRAY_SIZE(status_fields));
	json_object_set_new(arg, "counters", nl_counters(tb[ANM_ENG_A_COUNTERS]));
	return 0;
}

int take_pages(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[ANM_ENG_A_MAX + 1], *off, *cursor;
	struct pages_step *step = arg;
	u64 v;
	int i;

	(void)cmd;
	if (genlmsg_parse(nlh, 0, tb, ANM_ENG_A_MAX, NULL) < 0 || !tb[ANM_ENG_A_PAGES])
		return -EPROTO;
	cursor = nla_find(nla_data(tb[ANM_ENG_A_PAGES]), nla_len(tb[ANM_ENG_A_PAGES]),
			  ANM_ENG_PG_CURSOR);
	off = nla_find(nla_data(tb[ANM_ENG_A_PAGES]), nla_len(tb[ANM_ENG_A_PAGES]),
		       ANM_ENG_PG_OFFSETS);
	if (!cursor || !off)
		return -EPROTO;
	step->cursor = nl_number(cursor);
	for (i = 0; i + (int)sizeof(v) <= nla_len(off); i += sizeof(v)) {
		memcpy(&v, (char *)nla_data(off) + i, sizeof(v));
		if (json_array_size(step->offsets) < step->max)
			json_array_append_new(step->offsets, json_integer(v));
	}
	return 0;
}

json_t *event_json(struct nlmsghdr *nlh)
{
	struct nlattr *tb[ANM_ENG_A_MAX + 1];
	json_t *obj;

	if (genlmsg_parse(nlh, 0, tb, ANM_ENG_A_MAX, NULL) < 0 || !tb[ANM_ENG_A_EVENT])
		return NULL;
	obj = json_object();
	fill(obj, tb[ANM_ENG_A_EVENT], event_fields, ARRAY_SIZE(event_fields));
	return obj;
}

json_t *fetch(struct ctl *c, uint8_t cmd)
{
	json_t *list = json_array();

	if (!ctl_call(c, ctl_msg(c, cmd, true), collect, list))
		return list;
	complain("%s", c->err);
	json_decref(list);
	return NULL;
}
