// SPDX-License-Identifier: GPL-2.0-only
/* engctl vai create, set, list, show, delete, discard, forget-unknown. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../../proto/addr_user.h"
#include "../../proto/size_user.h"
#include "engctl.h"

#define FLUSH_MS 10000 /* for a VAI that is not written back any more */

static const char *vai_state(const json_t *v)
{
	if (json_is_true(json_object_get(v, "deleting")))
		return "deleting";
	if (json_is_true(json_object_get(v, "emptying")))
		return "discarding";
	return json_is_true(json_object_get(v, "mounted")) ? "in use" : "idle";
}

static void show_name(const json_t *v, char *b, size_t n)
{
	snprintf(b, n, "%s", str(v, "name"));
}

static void show_size(const json_t *v, char *b, size_t n)
{
	snprintf(b, n, "%s", size_text(num(v, "size")));
}

static void show_stored(const json_t *v, char *b, size_t n)
{
	snprintf(b, n, "%s", pages_text(num(v, "stored_pages")));
}

static void show_class(const json_t *v, char *b, size_t n)
{
	snprintf(b, n, "%s", str(v, "class"));
}

static void show_client(const json_t *v, char *b, size_t n)
{
	snprintf(b, n, "%s", str(v, "client"));
}

static void show_reads(const json_t *v, char *b, size_t n)
{
	snprintf(b, n, "%llu", num(v, "reads"));
}

static void show_writes(const json_t *v, char *b, size_t n)
{
	snprintf(b, n, "%llu", num(v, "writes"));
}

static void show_errors(const json_t *v, char *b, size_t n)
{
	snprintf(b, n, "%llu", num(v, "errors"));
}

static void show_degraded(const json_t *v, char *b, size_t n)
{
	snprintf(b, n, "%llu", num(v, "degraded_pages"));
}

static void show_state(const json_t *v, char *b, size_t n)
{
	snprintf(b, n, "%s", vai_state(v));
}

void print_vais(const json_t *vais)
{
	static const struct column cols[] = {
		{"VAI", false, show_name},	   {"SIZE", true, show_size},
		{"STORED", true, show_stored},	   {"CLASS", false, show_class},
		{"CLIENT", false, show_client},	   {"READS", true, show_reads},
		{"WRITES", true, show_writes},	   {"ERRORS", true, show_errors},
		{"DEGRADED", true, show_degraded}, {"STATE", false, show_state},
	};

	BUILD_BUG_ON(ARRAY_SIZE(cols) > TABLE_COLS_MAX);
	table_print(vais, cols, ARRAY_SIZE(cols));
}

int check_name(const char *name)
{
	const char *p;

	if (!*name)
		return misuse("the name of a VAI is empty");
	if (strlen(name) > ANM_CTL_NAME_MAX)
		return complain("name refused: %zu bytes long, at most %d are possible",
				strlen(name), ANM_CTL_NAME_MAX);
	for (p = name; *p; p++)
		if (!isascii(*p) || (!isalnum(*p) && !strchr("._-", *p)))
			return complain("name \"%s\" refused: only letters, digits, '.', '_' and "
					"'-' are possible",
					name);
	return 0;
}

int read_size(const char *s, u64 *size)
{
	unsigned long long v;
	int rc = parse_size(s, &v);

	if (rc)
		return complain("size \"%s\" refused: %s; say for example 512M, 4G or 1T", s,
				rc == -ERANGE ? "too large" : "not a size");
	if (v < ENG_VAI_SIZE_MIN)
		return complain("size \"%s\" refused: %s is the least that can be swapped to", s,
				size_text(ENG_VAI_SIZE_MIN));
	if (v > ENG_VAI_SIZE_MAX)
		return complain("size \"%s\" refused: a VAI has %s at most", s,
				size_text(ENG_VAI_SIZE_MAX));
	if (v & ANM_PAGE_MASK)
		return complain("size \"%s\" refused: not a multiple of %u bytes; the next is %llu",
				s, ANM_PAGE_SIZE, (v | ANM_PAGE_MASK) + 1);
	*size = v;
	return 0;
}

/* Return: 1 on, 0 off, -1 neither. */
static int read_switch(const char *s)
{
	return !strcmp(s, "on") ? 1 : !strcmp(s, "off") ? 0 : -1;
}

/* The same, and 2 for writeback. */
static int read_cache(const char *s)
{
	return strcmp(s, "writeback") ? read_switch(s) : ANM_VAI_CACHE_WRITEBACK;
}

static int check_switches(const struct opts *o)
{
	if (o->hedge && read_switch(o->hedge) < 0)
		return complain("hedge \"%s\" refused: on or off", o->hedge);
	if (o->compress && conf_compress(o->compress) < 0)
		return complain("compress \"%s\" refused: auto, on or off", o->compress);
	if (o->same_filled && conf_switch(o->same_filled) < 0)
		return complain("same-filled \"%s\" refused: on or off", o->same_filled);
	if (o->split && read_switch(o->split) < 0)
		return complain("split \"%s\" refused: on or off", o->split);
	if (o->cache && read_cache(o->cache) < 0)
		return complain("cache \"%s\" refused: on or off or writeback", o->cache);
	if (o->readahead && read_switch(o->readahead) < 0)
		return complain("readahead \"%s\" refused: on or off", o->readahead);
	return 0;
}

static int put_switches(struct nl_msg *msg, const struct opts *o)
{
	return (o->hedge && nla_put_u8(msg, ANM_ENG_VAI_HEDGE, read_switch(o->hedge))) ||
	       (o->compress && nla_put_u8(msg, ANM_ENG_VAI_COMPRESS, conf_compress(o->compress))) ||
	       (o->same_filled &&
		nla_put_u8(msg, ANM_ENG_VAI_SAME_FILLED, conf_switch(o->same_filled))) ||
	       (o->split && nla_put_u8(msg, ANM_ENG_VAI_SPLIT, read_switch(o->split))) ||
	       (o->cache && nla_put_u8(msg, ANM_ENG_VAI_CACHE, read_cache(o->cache))) ||
	       (o->readahead && nla_put_u8(msg, ANM_ENG_VAI_READAHEAD, read_switch(o->readahead)));
}

static int read_create(const struct opts *o, struct eng_vai_params *p)
{
	int rc = check_name(o->words[2]);

	if (rc)
		return rc;
	if (!o->size || !o->client)
		return misuse("vai create: %s is missing",
			      o->size ? "--client ADDR" : "--size SIZE");
	rc = read_size(o->size, &p->size);
	if (rc)
		return rc;
	if (addr_parse(o->client, &p->client) || addr_is_any(&p->client))
		return complain(
			"client \"%s\" refused: not the IPv4 or IPv6 address of one machine",
			o->client);
	if (o->uuid && uuid_parse(o->uuid, p->uuid))
		return complain("uuid \"%s\" refused: not a UUID", o->uuid);
	if (!o->class || !strcmp(o->class, "normal"))
		p->class = ANM_VAI_CLASS_NORMAL;
	else if (!strcmp(o->class, "critical"))
		p->class = ANM_VAI_CLASS_CRITICAL;
	else
		return complain("class \"%s\" refused: normal (one copy of each page) or critical "
				"(two, on different servers)",
				o->class);
	return check_switches(o);
}

struct nl_msg *name_msg(struct ctl *c, uint8_t cmd, const char *name)
{
	struct nl_msg *msg = ctl_msg(c, cmd, false);
	struct nlattr *nest = msg ? anm_nl_nest(msg, ANM_ENG_A_VAI) : NULL;

	if (!nest || nla_put_string(msg, ANM_ENG_VAI_NAME, name)) {
		nlmsg_free(msg);
		return NULL;
	}
	nla_nest_end(msg, nest);
	return msg;
}

static struct nl_msg *create_msg(struct ctl *c, const struct opts *o,
				 const struct eng_vai_params *p)
{
	struct nl_msg *msg = ctl_msg(c, ANM_ENG_CMD_VAI_NEW, false);
	struct nlattr *nest = msg ? anm_nl_nest(msg, ANM_ENG_A_VAI) : NULL;

	if (!nest || nla_put_string(msg, ANM_ENG_VAI_NAME, o->words[2]) ||
	    nla_put_u64(msg, ANM_ENG_VAI_SIZE, p->size) ||
	    nla_put(msg, ANM_ENG_VAI_CLIENT, 16, &p->client) ||
	    nla_put_u8(msg, ANM_ENG_VAI_CLASS, p->class) ||
	    nla_put_u8(msg, ANM_ENG_VAI_DISCARD_ON_UNMOUNT, o->discard_on_unmount) ||
	    put_switches(msg, o) || (o->uuid && nla_put(msg, ANM_ENG_VAI_UUID, 16, p->uuid))) {
		nlmsg_free(msg);
		return NULL;
	}
	nla_nest_end(msg, nest);
	return msg;
}

static void print_created(const json_t *v)
{
	printf("VAI %s created: %s, %s, for %s\n", str(v, "name"), size_text(num(v, "size")),
	       str(v, "class"), str(v, "client"));
	printf("On the client: anemone-client attach ENGINE:/%s\n", str(v, "name"));
}

int cmd_vai_create(struct opts *o)
{
	struct eng_vai_params p = {0};
	json_t *list;
	struct ctl c;
	int rc = read_create(o, &p);

	if (rc)
		return rc;
	if (connect_to(&c, target(o)))
		return 1;
	list = json_array();
	rc = ctl_call(&c, create_msg(&c, o, &p), collect, list);
	if (rc)
		rc = complain("VAI \"%s\" not created: %s", o->words[2], c.err);
	else if (keep_save(&c, NULL))
		rc = complain("VAI \"%s\" is created, but gone after a restart", o->words[2]);
	else if (o->json)
		json_out(json_incref(json_array_get(list, 0)));
	else
		print_created(json_array_get(list, 0));
	json_decref(list);
	ctl_close(&c);
	return rc;
}

static struct nl_msg *set_msg(struct ctl *c, const struct opts *o)
{
	struct nl_msg *msg = ctl_msg(c, ANM_ENG_CMD_VAI_SET, false);
	struct nlattr *nest = msg ? anm_nl_nest(msg, ANM_ENG_A_VAI) : NULL;

	if (!nest || nla_put_string(msg, ANM_ENG_VAI_NAME, o->words[2]) || put_switches(msg, o)) {
		nlmsg_free(msg);
		return NULL;
	}
	nla_nest_end(msg, nest);
	return msg;
}

/* It may have pages left that are not stored: until they are it is kept as one that has. */
static int save_set(struct ctl *c, const struct opts *o)
{
	if (keep_save(c, NULL))
		return complain("VAI \"%s\" is changed, but as before after a restart",
				o->words[2]);
	if (!o->cache || read_cache(o->cache) == ANM_VAI_CACHE_WRITEBACK ||
	    keep_flushed(c, o->words[2], 0))
		return 0;
	if (keep_flushed(c, o->words[2], FLUSH_MS))
		return keep_save(c, NULL);
	return complain("VAI \"%s\" is changed, but pages of it are not stored yet: a crash of the "
			"engine would still lose its contents",
			o->words[2]);
}

int cmd_vai_set(struct opts *o)
{
	struct ctl c;
	int rc = check_name(o->words[2]);

	if (!rc && !o->hedge && !o->compress && !o->same_filled && !o->split && !o->cache &&
	    !o->readahead)
		rc = misuse("vai set: what is to be set is missing");
	if (!rc)
		rc = check_switches(o);
	if (rc)
		return rc;
	if (connect_to(&c, target(o)))
		return 1;
	rc = ctl_call(&c, set_msg(&c, o), NULL, NULL);
	if (rc)
		rc = complain("VAI \"%s\" not changed: %s", o->words[2], c.err);
	else
		rc = save_set(&c, o);
	if (!rc && o->json)
		json_out(json_pack("{s:s}", "set", o->words[2]));
	else if (!rc)
		printf("VAI %s changed\n", o->words[2]);
	ctl_close(&c);
	return rc;
}

int cmd_vai_list(struct opts *o)
{
	json_t *list;
	struct ctl c;

	if (connect_to(&c, target(o)))
		return 1;
	list = fetch(&c, ANM_ENG_CMD_VAI_GET);
	ctl_close(&c);
	if (!list)
		return 1;
	if (o->json)
		return json_out(json_pack("{s:o}", "vais", list));
	if (!json_array_size(list))
		puts("There are no VAIs. Make one: engctl vai create NAME --size 4G --client ADDR");
	print_vais(list);
	json_decref(list);
	return 0;
}

static void print_pages(const json_t *v, const char *key, const char *label)
{
	const json_t *list = json_object_get(v, key), *off;
	size_t i;

	if (!json_array_size(list))
		return;
	printf("  %s", label);
	json_array_foreach(list, i, off)
		printf(" %llu", (unsigned long long)json_integer_value(off));
	puts(i == PAGES_SHOWN ? " ..." : "");
}

static void print_packed(const json_t *v)
{
	unsigned long long pages = num(v, "packed_pages"), bytes = num(v, "packed_bytes");

	field_print("compressed", "%s, %llu pages to %.0f %%, %llu not tried", str(v, "compress"),
		    pages, pages ? 100.0 * bytes / (pages * ANM_PAGE_SIZE) : 100.0,
		    num(v, "skipped_pages"));
}

/* Nobody has kept that pages may be left dirty, so they are stored at once. */
static bool waits_for_saver(const json_t *v)
{
	return json_is_true(json_object_get(v, "unflushed")) &&
	       !json_is_true(json_object_get(v, "kept"));
}

static void print_cache(const json_t *v)
{
	if (!json_is_true(json_object_get(v, "cache")))
		field_print("cache", "off");
	else if (num(v, "cache_hits") + num(v, "cache_misses"))
		field_print("cache", "%llu pages found, %llu not; %llu left for want of room",
			    num(v, "cache_hits"), num(v, "cache_misses"),
			    num(v, "cache_evictions"));
	if (json_is_true(json_object_get(v, "writeback")) || num(v, "flushed") ||
	    num(v, "dirty_pages"))
		field_print("write-back",
			    "%s, %llu pages dirty; %llu stored later, %llu written again before%s",
			    json_is_true(json_object_get(v, "writeback")) ? "on" : "off",
			    num(v, "dirty_pages"), num(v, "flushed"), num(v, "overwritten"),
			    waits_for_saver(v) ? "; waits for 'engctl monitor --save'" : "");
	if (json_is_true(json_object_get(v, "readahead")) || num(v, "ahead_issued"))
		field_print("readahead",
			    "%s, %llu pages ahead; of %llu fetched %llu used, %llu wasted",
			    json_is_true(json_object_get(v, "readahead")) ? "on" : "off",
			    num(v, "ahead_pages"), num(v, "ahead_issued"), num(v, "ahead_used"),
			    num(v, "ahead_wasted"));
}

static void print_vai(const json_t *v)
{
	unsigned long long size = num(v, "size"), stored = num(v, "stored_pages") * ANM_PAGE_SIZE;

	printf("VAI %s  %s\n", str(v, "name"), paint(vai_state(v)));
	field_print("uuid", "%s", str(v, "uuid"));
	field_print("size", "%s", size_text(size));
	field_print("class", "%s", str(v, "class"));
	field_print("client", "%s", str(v, "client"));
	field_print("stored", "%s, %.1f %%", size_text(stored), size ? 100.0 * stored / size : 0.0);
	if (json_is_true(json_object_get(v, "holes")))
		field_print("holes", "%s",
			    "pages were lost with a server's memory, or dirty ones with the "
			    "engine: after a restart those that no server has read as errors");
	field_print("lost", "%llu pages read in vain so far", num(v, "lost_pages"));
	field_print("degraded", "%llu pages with too few copies", num(v, "degraded_pages"));
	if (json_is_true(json_object_get(v, "discard_on_unmount")))
		field_print("contents", "discarded when it is unmounted");
	field_print("same-filled", "%s, %llu pages written", str(v, "same_filled"),
		    num(v, "filled_pages"));
	print_packed(v);
	field_print("reads", "%llu, %s, %s each", num(v, "reads"), size_text(num(v, "read_bytes")),
		    ns_text(num(v, "read_ns")));
	if (json_is_true(json_object_get(v, "split")) || num(v, "split_reads"))
		field_print("split reads", "%s, %llu answered by memory servers",
			    json_is_true(json_object_get(v, "split")) ? "on" : "off",
			    num(v, "split_reads"));
	field_print("writes", "%llu, %s, %s each", num(v, "writes"),
		    size_text(num(v, "written_bytes")), ns_text(num(v, "write_ns")));
	if (!strcmp(str(v, "class"), "critical"))
		field_print("hedged reads", "%s, %llu, of these %llu answered by the second server",
			    json_is_true(json_object_get(v, "hedge")) ? "on" : "off",
			    num(v, "hedged"), num(v, "hedges_won"));
	print_cache(v);
	field_print("zero pages", "%llu read that were never written", num(v, "zero_page_reads"));
	field_print("in progress", "%llu calls", num(v, "outstanding"));
	field_print("errors", "%llu calls failed, %llu of others refused", num(v, "errors"),
		    num(v, "denied"));
	print_pages(v, "lost_offsets", "lost at");
	print_pages(v, "degraded_offsets", "degraded at");
}

/* The lists are made by a search, so only vai show has them. */
static int add_pages(struct ctl *c, json_t *v)
{
	json_t *lost, *degraded;

	if (!num(v, "degraded_pages") && !num(v, "lost_pages"))
		return 0;
	lost = fetch_pages(c, str(v, "name"), ANM_PAGES_LOST);
	degraded = lost ? fetch_pages(c, str(v, "name"), ANM_PAGES_DEGRADED) : NULL;
	json_object_set_new(v, "lost_offsets", lost);
	json_object_set_new(v, "degraded_offsets", degraded);
	return degraded ? 0 : 1;
}

int cmd_vai_show(struct opts *o)
{
	json_t *list;
	struct ctl c;
	int rc = check_name(o->words[2]);

	if (rc)
		return rc;
	if (connect_to(&c, target(o)))
		return 1;
	list = json_array();
	rc = ctl_call(&c, name_msg(&c, ANM_ENG_CMD_VAI_GET, o->words[2]), collect, list);
	if (rc)
		rc = complain("%s; see 'engctl vai list'", c.err);
	else if (add_pages(&c, json_array_get(list, 0)))
		rc = 1;
	else if (o->json)
		json_out(json_incref(json_array_get(list, 0)));
	else
		print_vai(json_array_get(list, 0));
	json_decref(list);
	ctl_close(&c);
	return rc;
}

/* @what of a VAI is no more afterwards. */
static int give_up(struct opts *o, uint8_t cmd, const char *what, const char *done)
{
	const char *name = o->words[2];
	struct nl_msg *msg;
	struct ctl c;
	int rc = check_name(name);

	if (rc)
		return rc;
	if (connect_to(&c, target(o)))
		return 1;
	msg = name_msg(&c, cmd, name);
	if (msg && o->force)
		nla_put_flag(msg, ANM_ENG_A_FORCE);
	rc = ctl_call(&c, msg, NULL, NULL);
	if (rc)
		rc = complain("%s \"%s\" not %s: %s", what, name, done, c.err);
	else if (keep_save(&c, NULL))
		rc = complain("%s \"%s\" %s, but back after a restart", what, name, done);
	else if (o->json)
		json_out(json_pack("{s:s}", done, name));
	else
		printf("%s %s %s\n", what, name, done);
	ctl_close(&c);
	return rc;
}

int cmd_vai_delete(struct opts *o)
{
	return give_up(o, ANM_ENG_CMD_VAI_DEL, "VAI", "deleted");
}

int cmd_vai_discard(struct opts *o)
{
	return give_up(o, ANM_ENG_CMD_VAI_DISCARD, "contents of VAI", "discarded");
}

int cmd_forget_unknown(struct opts *o)
{
	struct ctl c;
	int rc;

	if (connect_to(&c, target(o)))
		return 1;
	rc = ctl_call(&c, ctl_msg(&c, ANM_ENG_CMD_DISCARD_UNKNOWN, false), NULL, NULL);
	if (rc)
		rc = complain("nothing is forgotten: %s", c.err);
	else if (o->json)
		json_out(json_pack("{s:b}", "forgotten", 1));
	else
		puts("pages of unknown VAIs are being forgotten");
	ctl_close(&c);
	return rc;
}
