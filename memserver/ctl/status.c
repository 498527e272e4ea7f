// SPDX-License-Identifier: GPL-2.0-only
/* memctl status: for people, or as JSON. */
#include "memctl.h"

#include <netlink/genl/genl.h>

#include "../../proto/addr_user.h"
#include "../../proto/door_counters.h"
#include "../../proto/nljson_user.h"
#include "../../proto/size_user.h"
#include "../core/memserver.h"

/** struct answer - the three parts of STATUS_GET; JSON objects are made on the way. */
struct answer {
	json_t *config;
	json_t *status;
	json_t *counters;
};

static const char *const state_names[] = {
	[ANM_MEM_JOINING] = "joining",
	[ANM_MEM_JOINED] = "joined",
	[ANM_MEM_REFUSED] = "refused",
	[ANM_MEM_LEFT] = "left",
};

static const char *const drain_names[] = {
	[ANM_DRAIN_NONE] = "no",
	[ANM_DRAIN_MOVING] = "moving",
	[ANM_DRAIN_DONE] = "done",
	[ANM_DRAIN_REFUSED] = "refused",
};

/* ---- attributes to JSON ---- */

static void set_int(json_t *o, const char *name, struct nlattr *a)
{
	if (a)
		json_object_set_new(o, name, json_integer((json_int_t)nl_number(a)));
}

static void set_text(json_t *o, const char *name, struct nlattr *a)
{
	if (a)
		json_object_set_new(o, name, nl_text(a));
}

static void set_addr(json_t *o, const char *name, struct nlattr *a)
{
	char text[ADDR_TEXT_MAX];
	struct anm_addr addr;

	if (!a || nla_len(a) != sizeof(addr))
		return;
	memcpy(&addr, nla_data(a), sizeof(addr));
	json_object_set_new(o, name, json_string(addr_format(&addr, text, sizeof(text))));
}

static void set_uuid(json_t *o, const char *name, struct nlattr *a)
{
	static const u8 zero[16];
	char text[UUID_TEXT_MAX];

	if (a && nla_len(a) == 16 && memcmp(nla_data(a), zero, 16))
		json_object_set_new(o, name, json_string(uuid_format(nla_data(a), text)));
}

static json_t *read_config(struct nlattr *nest)
{
	struct nlattr *tb[ANM_MEM_CFG_MAX + 1];
	json_t *o = json_object();

	if (!nest || nla_parse_nested(tb, ANM_MEM_CFG_MAX, nest, NULL))
		return o;
	set_text(o, "name", tb[ANM_MEM_CFG_NAME]);
	set_uuid(o, "uuid", tb[ANM_MEM_CFG_UUID]);
	set_addr(o, "engine", tb[ANM_MEM_CFG_ENGINE]);
	set_int(o, "engine_port", tb[ANM_MEM_CFG_ENGINE_PORT]);
	set_addr(o, "listen", tb[ANM_MEM_CFG_LISTEN]);
	set_int(o, "port", tb[ANM_MEM_CFG_PORT]);
	set_int(o, "donation_bytes", tb[ANM_MEM_CFG_DONATION]);
	set_uuid(o, "pool_uuid", tb[ANM_MEM_CFG_POOL_UUID]);
	set_int(o, "mtu", tb[ANM_MEM_CFG_MTU]);
	set_text(o, "zone", tb[ANM_MEM_CFG_ZONE]);
	return o;
}

static json_t *read_status(struct nlattr *nest)
{
	struct nlattr *tb[ANM_MEM_ST_MAX + 1];
	json_t *o = json_object();
	u64 state, drain;

	if (!nest || nla_parse_nested(tb, ANM_MEM_ST_MAX, nest, NULL))
		return o;
	state = tb[ANM_MEM_ST_STATE] ? nl_number(tb[ANM_MEM_ST_STATE]) : U64_MAX;
	json_object_set_new(o, "state",
			    json_string(state < ARRAY_SIZE(state_names) ? state_names[state]
									: "?"));
	set_int(o, "refuse_code", tb[ANM_MEM_ST_REFUSE_CODE]);
	set_text(o, "refused", tb[ANM_MEM_ST_REFUSED]);
	set_uuid(o, "engine_uuid", tb[ANM_MEM_ST_ENGINE_UUID]);
	set_int(o, "epoch", tb[ANM_MEM_ST_EPOCH]);
	set_int(o, "session", tb[ANM_MEM_ST_SESSION]);
	set_int(o, "mtu", tb[ANM_MEM_ST_MTU]);
	set_int(o, "channels", tb[ANM_MEM_ST_CHANNELS]);
	set_int(o, "used_pages", tb[ANM_MEM_ST_USED_PAGES]);
	set_int(o, "stored_pages", tb[ANM_MEM_ST_STORED_PAGES]);
	set_int(o, "meta_bytes", tb[ANM_MEM_ST_META_BYTES]);
	set_int(o, "uptime_ns", tb[ANM_MEM_ST_UPTIME_NS]);
	set_int(o, "last_heard_ns", tb[ANM_MEM_ST_LAST_HEARD_NS]);
	drain = tb[ANM_MEM_ST_DRAIN] ? nl_number(tb[ANM_MEM_ST_DRAIN]) : ANM_DRAIN_NONE;
	json_object_set_new(o, "drain",
			    json_string(drain < ARRAY_SIZE(drain_names) ? drain_names[drain]
									: "?"));
	json_object_set_new(o, "leaving",
			    json_boolean(tb[ANM_MEM_ST_LEAVING] &&
					 nl_number(tb[ANM_MEM_ST_LEAVING])));
	return o;
}

static int take_answer(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[ANM_MEM_A_MAX + 1];
	struct answer *a = arg;

	(void)cmd;
	if (a->config || genlmsg_parse(nlh, 0, tb, ANM_MEM_A_MAX, NULL))
		return -EBADMSG;
	a->config = read_config(tb[ANM_MEM_A_CONFIG]);
	a->status = read_status(tb[ANM_MEM_A_STATUS]);
	a->counters = nl_counters(tb[ANM_MEM_A_COUNTERS]);
	return 0;
}

static void answer_free(struct answer *a)
{
	json_decref(a->config);
	json_decref(a->status);
	json_decref(a->counters);
}

json_t *memctl_ask_status(struct ctl *c)
{
	struct answer a = {NULL};

	if (ctl_call(c, ctl_msg(c, ANM_MEM_CMD_STATUS_GET, false), take_answer, &a) || !a.config)
		return NULL;
	return json_pack("{s:o, s:o, s:o}", "config", a.config, "status", a.status, "counters",
			 a.counters);
}

/* ---- showing ---- */

static void show_engine(const struct answer *a)
{
	const char *state = str(a->status, "state");

	printf("  engine: %s port %llu\n", str(a->config, "engine"), num(a->config, "engine_port"));
	printf("  state: %s", state);
	if (!strcmp(state, state_names[ANM_MEM_REFUSED]))
		printf(": %s", str(a->status, "refused"));
	putchar('\n');
	if (strcmp(state, state_names[ANM_MEM_JOINED]))
		return;
	printf("  engine uuid: %s, epoch %llu\n", str(a->status, "engine_uuid"),
	       num(a->status, "epoch"));
	printf("  session: MTU %llu, %llu channels, heard %.1f s ago\n", num(a->status, "mtu"),
	       num(a->status, "channels"),
	       (double)num(a->status, "last_heard_ns") / (double)NS_PER_S);
}

static const struct counter_help counter_helps[] = {
#define X(name, help) {#name, help},
	MEM_COUNTERS(X)
#undef X
#define X(name, help) {"door_" #name, help},
		ANM_DOOR_COUNTERS(X)
#undef X
};

static void show(const struct answer *a, const char *where)
{
	char size[SIZE_TEXT_MAX], used[SIZE_TEXT_MAX], meta[SIZE_TEXT_MAX];
	u64 donation = num(a->config, "donation_bytes");
	u64 bytes = num(a->status, "used_pages") << ANM_PAGE_SHIFT;

	printf("memory server: %s (%s)\n", str(a->config, "name"), where);
	printf("  uuid: %s\n", str(a->config, "uuid"));
	show_engine(a);
	printf("  donation: %s, %s used (%llu%%), %s more for keeping it\n",
	       format_size(donation, size, sizeof(size)), format_size(bytes, used, sizeof(used)),
	       donation ? bytes * 100 / donation : 0,
	       format_size(num(a->status, "meta_bytes"), meta, sizeof(meta)));
	printf("  stored: %llu pages\n", num(a->status, "stored_pages"));
	if (*str(a->config, "zone"))
		printf("  zone: %s\n", str(a->config, "zone"));
	if (strcmp(str(a->status, "drain"), drain_names[ANM_DRAIN_NONE]))
		printf("  drain: %s\n", str(a->status, "drain"));
	printf("  up: %llu s\n", num(a->status, "uptime_ns") / NS_PER_S);
	puts("\ncounters:");
	counters_print(a->counters, counter_helps, ARRAY_SIZE(counter_helps), true);
}

static void show_json(const struct answer *a, const char *where)
{
	json_t *o = json_object();

	json_object_set_new(o, "where", json_string(where));
	json_object_set(o, "config", a->config);
	json_object_set(o, "status", a->status);
	json_object_set(o, "counters", a->counters);
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

u64 memctl_stored(struct ctl *c)
{
	struct answer a = {NULL};
	u64 n;

	ctl_call(c, ctl_msg(c, ANM_MEM_CMD_STATUS_GET, false), take_answer, &a);
	n = num(a.status, "stored_pages");
	answer_free(&a);
	return n;
}

int memctl_status(const struct memctl_opts *o)
{
	const char *where;
	struct answer a = {NULL};
	struct ctl c;
	int rc;

	if (memctl_connect(&c, o))
		return EXIT_FAILURE;
	where = c.module ? "module" : "daemon";
	rc = ctl_call(&c, ctl_msg(&c, ANM_MEM_CMD_STATUS_GET, false), take_answer, &a);
	if (rc)
		memctl_error("%s", c.err);
	else if (!a.config)
		memctl_error("no answer");
	else if (o->json)
		show_json(&a, where);
	else
		show(&a, where);
	ctl_close(&c);
	if (!a.config)
		rc = -ENODATA;
	answer_free(&a);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
