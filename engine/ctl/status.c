// SPDX-License-Identifier: GPL-2.0-only
/* engctl status, engctl server list and show. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../../proto/door_counters.h"
#include "../daemon/counters.h"
#include "engctl.h"

static void show_name(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%s", *str(s, "name") ? str(s, "name") : str(s, "uuid"));
}

static void show_addr(const json_t *s, char *b, size_t n)
{
	if (!num(s, "port")) {
		snprintf(b, n, "-"); /* known, but not heard of since the start */
		return;
	}
	snprintf(b, n, strchr(str(s, "address"), ':') ? "[%s]:%llu" : "%s:%llu", str(s, "address"),
		 num(s, "port"));
}

static void show_donated(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%s", pages_text(num(s, "donation_pages")));
}

static void show_used(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%s", pages_text(num(s, "used_pages")));
}

static void show_in(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%llu", num(s, "pages_in"));
}

static void show_out(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%llu", num(s, "pages_out"));
}

static void show_rtt(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%s", ns_text(num(s, "srtt_ns")));
}

static void show_rto(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%s", ns_text(num(s, "rto_ns")));
}

/* In flight of how many that may be, and how many wait. */
static void show_window(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%llu/%llu+%llu", num(s, "in_flight"), num(s, "cwnd"), num(s, "queued"));
}

static void show_again(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%llu", num(s, "retransmits"));
}

static void show_spurious(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%llu", num(s, "spurious"));
}

static void show_mtu(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%llu", num(s, "mtu"));
}

static void show_heard(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%s ago", ns_text(num(s, "last_heard_ns")));
}

/* What is left of a drain matters more than that the server lives. */
static void show_state(const json_t *s, char *b, size_t n)
{
	unsigned long long total = num(s, "drain_total_pages"), left = num(s, "mapped_pages");
	bool here = !strcmp(str(s, "state"), "live") || !strcmp(str(s, "state"), "suspect");

	if (here && !strcmp(str(s, "drain"), "done"))
		snprintf(b, n, "drained");
	else if (here && !strcmp(str(s, "drain"), "moving"))
		snprintf(b, n, "draining, %llu of %llu pages left", left,
			 total > left ? total : left);
	else /* known from before a restart, and not heard of since */
		snprintf(b, n, "%s", num(s, "port") ? str(s, "state") : "awaited");
}

static void show_zone(const json_t *s, char *b, size_t n)
{
	snprintf(b, n, "%s", *str(s, "zone") ? str(s, "zone") : "-");
}

void print_servers(const json_t *servers)
{
	static const struct column cols[] = {
		{"SERVER", false, show_name},	   {"ADDRESS", false, show_addr},
		{"DONATED", true, show_donated},   {"USED", true, show_used},
		{"PAGES OUT", true, show_out},	   {"PAGES IN", true, show_in},
		{"RTT", true, show_rtt},	   {"RTO", true, show_rto},
		{"WINDOW", true, show_window},	   {"RESENT", true, show_again},
		{"SPURIOUS", true, show_spurious}, {"MTU", true, show_mtu},
		{"HEARD", true, show_heard},	   {"ZONE", false, show_zone},
		{"STATE", false, show_state},
	};

	BUILD_BUG_ON(ARRAY_SIZE(cols) > TABLE_COLS_MAX);
	table_print(servers, cols, ARRAY_SIZE(cols));
}

int cmd_server_list(struct opts *o)
{
	json_t *list;
	struct ctl c;

	if (connect_to(&c, target(o)))
		return 1;
	list = fetch(&c, ANM_ENG_CMD_SERVER_GET);
	ctl_close(&c);
	if (!list)
		return 1;
	if (o->json)
		return json_out(json_pack("{s:o}", "servers", list));
	if (!json_array_size(list))
		puts("No memory server has joined. On one: memctl up --engine ADDR --donate 4G");
	print_servers(list);
	json_decref(list);
	return 0;
}

static void print_server(const json_t *s)
{
	char addr[CELL_MAX], state[CELL_MAX];

	show_addr(s, addr, sizeof(addr));
	show_state(s, state, sizeof(state));
	printf("memory server %s  %s\n", str(s, "name"), paint(state));
	field_print("uuid", "%s", str(s, "uuid"));
	field_print("address", "%s", addr);
	field_print("zone", "%s", *str(s, "zone") ? str(s, "zone") : "-");
	field_print("heard", "%s ago", ns_text(num(s, "last_heard_ns")));
	field_print("donated", "%s, %s used, %s mapped", pages_text(num(s, "donation_pages")),
		    pages_text(num(s, "used_pages")), pages_text(num(s, "mapped_pages")));
	field_print("pages", "%llu stored, %llu fetched", num(s, "pages_out"), num(s, "pages_in"));
	field_print("path", "MTU %llu, %llu channels", num(s, "mtu"), num(s, "channels"));
	field_print("window", "%llu messages, %llu in flight, %llu wait", num(s, "cwnd"),
		    num(s, "in_flight"), num(s, "queued"));
	field_print("round trip", "%s, sent again after %s", ns_text(num(s, "srtt_ns")),
		    ns_text(num(s, "rto_ns")));
	if (num(s, "read_p95_ns"))
		field_print("reads", "95 of 100 within %s", ns_text(num(s, "read_p95_ns")));
	field_print("sent again", "%llu, of these %llu for nothing, %llu given up",
		    num(s, "retransmits"), num(s, "spurious"), num(s, "timeouts"));
	field_print("errors", "%llu refused, %llu did not match their CRC", num(s, "nacks"),
		    num(s, "crc_errors"));
}

int cmd_server_show(struct opts *o)
{
	const char *name = o->words[2];
	json_t *list, *s = NULL;
	struct ctl c;
	size_t i;
	int rc = 0;

	if (connect_to(&c, target(o)))
		return 1;
	list = fetch(&c, ANM_ENG_CMD_SERVER_GET);
	ctl_close(&c);
	if (!list)
		return 1;
	json_array_foreach(list, i, s)
		if (!strcmp(str(s, "name"), name) || !strcasecmp(str(s, "uuid"), name))
			break;
	if (i == json_array_size(list))
		rc = complain("there is no memory server \"%s\"; see 'engctl server list'", name);
	else if (o->json)
		json_out(json_incref(s));
	else
		print_server(s);
	json_decref(list);
	return rc;
}

static const struct counter_help counter_helps[] = {
#define X(name, help) {#name, help},
	ENG_COUNTERS(X) DOOR_COUNTERS(X)
#undef X
#define X(name, help) {"door_" #name, help},
		ANM_DOOR_COUNTERS(X)
#undef X
};

static void print_recovery(const json_t *st)
{
	unsigned long long servers = num(st, "servers"), in = servers - num(st, "awaited_servers");

	if (json_is_true(json_object_get(st, "hold")))
		field_print("recovering", "waits for its configuration");
	else if (json_is_true(json_object_get(st, "recovering")))
		field_print("recovering", "%llu of %llu servers, %llu pages, %s", in, servers,
			    num(st, "recover_pages"), ns_text(num(st, "recover_ns")));
	else if (num(st, "recover_ns"))
		field_print("recovered", "%llu of %llu servers, %llu pages, in %s", in, servers,
			    num(st, "recover_pages"), ns_text(num(st, "recover_ns")));
	if (num(st, "unknown_pages"))
		field_print("unknown", "%llu pages of %llu VAIs that there are none of",
			    num(st, "unknown_pages"), num(st, "unknown_vais"));
	if (*str(st, "file"))
		field_print("kept in", "%s", str(st, "file"));
	if (json_is_false(json_object_get(st, "saver")))
		field_print("not saved", "%s",
			    "memory servers that come or start anew: no 'engctl monitor "
			    "--save' runs");
}

static void print_summary(const json_t *st, const char *where)
{
	bool tcp = json_is_true(json_object_get(st, "tcp"));

	printf("engine %s  up %s\n", str(st, "uuid"), ns_text(num(st, "uptime_ns")));
	field_print("runs in", "%s", strcmp(where, CTL_MODULE) ? "the daemon" : "the kernel");
	field_print("epoch", "%llu", num(st, "epoch"));
	field_print("serves", "%s: NFS %llu, MOUNT %llu over UDP%s; memory servers %llu over UDP",
		    strcmp(str(st, "listen"), "any") ? str(st, "listen") : "all addresses",
		    num(st, "nfs_port"), num(st, "mount_port"), tcp ? " and TCP" : "",
		    num(st, "amp_port"));
	if (!strcmp(str(st, "door"), "xdp"))
		field_print("door", "AF_XDP on %s, sockets", str(st, "interface"));
	else if (!strcmp(str(st, "door"), "socket"))
		field_print("door", "sockets");
	if (json_is_true(json_object_get(st, "insecure")))
		field_print("insecure", "client ports of 1024 and above are taken");
	print_recovery(st);
	field_print("memory", "%s donated, %s reserved, %s stored",
		    pages_text(num(st, "donated_pages")), pages_text(num(st, "reserved_pages")),
		    pages_text(num(st, "stored_pages")));
	if (num(st, "overcommit"))
		field_print("overcommit", "%llu %% may be reserved beyond what is donated",
			    num(st, "overcommit"));
	field_print("servers", "%llu, %llu live, %llu being drained or drained", num(st, "servers"),
		    num(st, "servers_live"), num(st, "servers_draining"));
	field_print("times", "heartbeat %llu ms, dead after %llu ms, repair after %llu ms more",
		    num(st, "heartbeat_ms"), num(st, "dead_ms"), num(st, "repair_after_ms"));
	field_print("redundancy",
		    "%llu pages have too few copies, %llu being moved, %llu/s at most",
		    num(st, "degraded_pages"), num(st, "moves_in_flight"), num(st, "move_rate"));
	field_print("VAIs", "%llu, %llu in use", num(st, "vais"), num(st, "vais_in_use"));
	field_print("page map", "%llu entries, %s", num(st, "map_entries"),
		    size_text(num(st, "map_bytes")));
	if (num(st, "cache_pages"))
		field_print("page cache", "%s of %s, %llu pages dirty",
			    pages_text(num(st, "cached_pages")), pages_text(num(st, "cache_pages")),
			    num(st, "dirty_pages"));
	field_print("in flight", "%llu pages", num(st, "pages_in_flight"));
}

static int print_all(struct ctl *c, const struct opts *o, const json_t *st, const char *where)
{
	json_t *vais = fetch(c, ANM_ENG_CMD_VAI_GET);
	json_t *servers = vais ? fetch(c, ANM_ENG_CMD_SERVER_GET) : NULL;

	if (servers) {
		print_summary(st, where);
		if (json_array_size(servers))
			putchar('\n');
		print_servers(servers);
		if (json_array_size(vais))
			putchar('\n');
		print_vais(vais);
		puts("\nCOUNTERS");
		counters_print(json_object_get(st, "counters"), counter_helps,
			       ARRAY_SIZE(counter_helps), o->verbose);
	}
	json_decref(vais);
	json_decref(servers);
	return servers ? 0 : 1;
}

int cmd_status(struct opts *o)
{
	const char *where = target(o);
	int rc, saver;
	json_t *st;
	struct ctl c;

	if (connect_to(&c, where))
		return 1;
	st = json_object();
	json_object_set_new(st, "target", json_string(where));
	rc = ctl_call(&c, ctl_msg(&c, ANM_ENG_CMD_STATUS_GET, false), take_status, st);
	saver = *str(st, "file") ? conf_saver_runs(str(st, "file")) : -ENOENT;
	if (saver >= 0)
		json_object_set_new(st, "saver", json_boolean(saver));
	if (rc)
		rc = complain("%s", c.err);
	else if (o->json)
		json_out(json_incref(st));
	else
		rc = print_all(&c, o, st, where);
	json_decref(st);
	ctl_close(&c);
	return rc;
}
