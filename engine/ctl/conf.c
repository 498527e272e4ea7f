// SPDX-License-Identifier: GPL-2.0-only
/* The kept configuration: JSON to and from struct conf, by tables of keys. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../proto/addr_user.h"
#include "conf.h"

enum type { UINT64, UINT32, UINT16, BOOL, HEX64, UUID, ADDR, CLASS, COMPRESS, SWITCH, DOOR, TEXT };

/**
 * struct key - a key of an object.
 * @off: of its value in the struct
 * @max: of numbers; of text, the bytes without NUL
 */
struct key {
	const char *name;
	enum type type;
	bool required;
	size_t off;
	u64 max;
};

#define UP(m)  offsetof(struct eng_ctl_up, m)
#define VAI(m) offsetof(struct eng_vai_params, m)
#define SRV(m) offsetof(struct conf_server, m)

static const struct key engine_keys[] = {
	{"uuid", UUID, true, UP(cfg.engine_uuid), 0},
	{"secret", UUID, true, UP(cfg.secret), 0},
	{"epoch", UINT64, true, UP(cfg.epoch), CONF_EPOCH_MAX},
	{"listen", ADDR, false, UP(listen), 0},
	{"nfs_port", UINT16, false, UP(nfs_port), 65535},
	{"mount_port", UINT16, false, UP(mount_port), 65535},
	{"amp_port", UINT16, false, UP(amp_port), 65535},
	{"tcp", BOOL, false, UP(tcp), 0},
	{"insecure", BOOL, false, UP(cfg.insecure), 0},
	{"heartbeat_ms", UINT32, false, UP(cfg.heartbeat_ms), ENG_HB_MS_MAX},
	{"dead_ms", UINT32, false, UP(cfg.dead_ms), ENG_DEAD_MS_MAX},
	{"recover_ms", UINT32, false, UP(cfg.recover_ms), ENG_RECOVER_MS_MAX},
	{"repair_after_ms", UINT32, false, UP(cfg.repair_after_ms), ENG_REPAIR_MS_MAX},
	{"move_rate", UINT32, false, UP(cfg.move_rate), ENG_MOVE_RATE_MAX},
	{"overcommit", UINT32, false, UP(cfg.overcommit), ENG_OVERCOMMIT_MAX},
	{"cache_pages", UINT32, false, UP(cfg.cache_pages), ENG_CACHE_MAX},
	{"door", DOOR, false, UP(door), 0},
	{"interface", TEXT, false, UP(interface), ENG_INTERFACE_MAX},
};

static const struct key vai_keys[] = {
	{"name", TEXT, true, VAI(name), ENG_NAME_MAX},
	{"uuid", UUID, true, VAI(uuid), 0},
	{"size", UINT64, true, VAI(size), ENG_VAI_SIZE_MAX},
	{"client", ADDR, true, VAI(client), 0},
	{"class", CLASS, false, VAI(class), 0},
	{"discarded_below", UINT64, false, VAI(discarded_below), (1ull << 48) - 1},
	{"holes", BOOL, false, VAI(holes), 0},
	{"degraded", BOOL, false, VAI(degraded), 0},
	{"discard_on_unmount", BOOL, false, VAI(discard_on_unmount), 0},
	{"no_hedge", BOOL, false, VAI(no_hedge), 0},
	{"compress", COMPRESS, false, VAI(compress), 0},
	{"same_filled", SWITCH, false, VAI(same_filled), 0},
	{"split", BOOL, false, VAI(split), 0},
	{"no_cache", BOOL, false, VAI(no_cache), 0},
	{"writeback", BOOL, false, VAI(writeback), 0},
	{"unflushed", BOOL, false, VAI(unflushed), 0},
	{"readahead", BOOL, false, VAI(readahead), 0},
};

static const struct key server_keys[] = {
	{"uuid", UUID, true, SRV(uuid), 0},
	{"name", TEXT, false, SRV(name), ANM_CTL_NAME_MAX},
	{"boot", HEX64, false, SRV(boot), 0},
	/* what it could not be told */
	{"stale_below", HEX64, false, SRV(stale_below), 0},
	{"drain", BOOL, false, SRV(drain), 0},
	{"gone", BOOL, false, SRV(gone), 0},
};

/* Words for small numbers, and what is said of others. */
struct words {
	const char *word[4];
	const char *else_say;
};

static const struct words words_of[] = {
	[CLASS] = {{"normal", "critical"}, "neither normal nor critical"},
	[COMPRESS] = {{"auto", "on", "off"}, "none of auto, on and off"},
	[SWITCH] = {{"on", "off"}, "neither on nor off"},
	[DOOR] = {{ENG_DOOR_WORDS}, "none of socket, auto and xdp"},
};

static int word_find(const struct words *w, const char *s)
{
	int i;

	for (i = 0; w->word[i]; i++)
		if (!strcmp(s, w->word[i]))
			return i;
	return -1;
}

int conf_compress(const char *s)
{
	return word_find(&words_of[COMPRESS], s);
}

int conf_switch(const char *s)
{
	return word_find(&words_of[SWITCH], s);
}

int conf_door(const char *s)
{
	return word_find(&words_of[DOOR], s);
}

/* What conf_parse() is at: for messages. */
struct reader {
	const char *name;
	const char *text;
	struct conf_err *err;
};

static int __printf(3, 4) bad(const struct reader *r, const char *path, const char *fmt, ...)
{
	int n = snprintf(r->err->msg, sizeof(r->err->msg), "%s:%u: %s%s", r->name,
			 conf_line(r->text, path), path, *path ? ": " : "");
	va_list ap;

	va_start(ap, fmt);
	if (n > 0 && n < (int)sizeof(r->err->msg))
		vsnprintf(r->err->msg + n, sizeof(r->err->msg) - n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* ---- values ---- */

static const char *number_get(const json_t *j, const struct key *k, void *p)
{
	json_int_t v = json_integer_value(j);

	if (!json_is_integer(j) || v < 0)
		return "not a number from 0 up";
	if ((u64)v > k->max)
		return "too large";
	if (k->type == UINT64)
		*(u64 *)p = v;
	else if (k->type == UINT32)
		*(u32 *)p = v;
	else
		*(u16 *)p = v;
	return NULL;
}

static const char *hex_get(const char *s, u64 *v)
{
	char *end;

	if (strlen(s) != 16 || strspn(s, "0123456789abcdefABCDEF") != 16)
		return "not 16 hex digits";
	*v = strtoull(s, &end, 16);
	return NULL;
}

static const char *text_get(const json_t *j, const struct key *k, void *p)
{
	const char *s = json_string_value(j);
	int i;

	if (!s)
		return "not a string";
	switch (k->type) {
	case UUID:
		return uuid_parse(s, p) ? "not 32 hex digits" : NULL;
	case ADDR:
		if (!strcmp(s, "any")) {
			memset(p, 0, sizeof(struct anm_addr));
			return NULL;
		}
		return addr_parse(s, p) ? "not an IPv4 or IPv6 address" : NULL;
	case HEX64:
		return hex_get(s, p);
	case CLASS:
	case COMPRESS:
	case SWITCH:
	case DOOR:
		i = word_find(&words_of[k->type], s);
		*(u8 *)p = i < 0 ? 0 : i;
		return i < 0 ? words_of[k->type].else_say : NULL;
	default:
		if (strlen(s) > k->max || json_string_length(j) != strlen(s))
			return "too long";
		strcpy(p, s);
		return NULL;
	}
}

static const char *value_get(const json_t *j, const struct key *k, void *p)
{
	switch (k->type) {
	case UINT64:
	case UINT32:
	case UINT16:
		return number_get(j, k, p);
	case BOOL:
		*(bool *)p = json_is_true(j);
		return json_is_boolean(j) ? NULL : "neither true nor false";
	default:
		return text_get(j, k, p);
	}
}

static json_t *value_make(const struct key *k, const void *p)
{
	char buf[ADDR_TEXT_MAX];

	switch (k->type) {
	case UINT64:
		return json_integer(*(const u64 *)p);
	case UINT32:
		return json_integer(*(const u32 *)p);
	case UINT16:
		return json_integer(*(const u16 *)p);
	case BOOL:
		return json_boolean(*(const bool *)p);
	case HEX64:
		snprintf(buf, sizeof(buf), "%016" PRIx64, (uint64_t) * (const u64 *)p);
		return json_string(buf);
	case UUID:
		return json_string(uuid_format(p, buf));
	case ADDR:
		return json_string(addr_is_any(p) ? "any" : addr_format(p, buf, sizeof(buf)));
	case CLASS:
	case COMPRESS:
	case SWITCH:
	case DOOR:
		return json_string(words_of[k->type].word[*(const u8 *)p]);
	default:
		return json_string(p);
	}
}

/* ---- objects ---- */

static const struct key *key_find(const struct key *keys, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static int object_get(const struct reader *r, const char *path, json_t *obj, const struct key *keys,
		      size_t n, void *base)
{
	char at[CONF_PATH_MAX + 64];
	const char *name, *why;
	const struct key *k;
	json_t *v;
	size_t i;

	if (!json_is_object(obj))
		return bad(r, path, "not an object");
	json_object_foreach(obj, name, v) {
		k = key_find(keys, n, name);
		snprintf(at, sizeof(at), "%s.%.60s", path, name);
		if (!k)
			return bad(r, at, "no such key");
		why = value_get(v, k, (char *)base + k->off);
		if (why)
			return bad(r, at, "%s", why);
	}
	for (i = 0; i < n; i++)
		if (keys[i].required && !json_object_get(obj, keys[i].name))
			return bad(r, path, "\"%s\" is missing", keys[i].name);
	return 0;
}

static json_t *object_make(const struct key *keys, size_t n, const void *base)
{
	json_t *obj = json_object();
	size_t i;

	for (i = 0; i < n; i++)
		json_object_set_new(obj, keys[i].name,
				    value_make(&keys[i], (const char *)base + keys[i].off));
	return obj;
}

static int array_get(const struct reader *r, const char *name, json_t *root, const struct key *keys,
		     size_t n, size_t size, size_t max, void **items, size_t *nitems)
{
	json_t *a = json_object_get(root, name), *v;
	char path[CONF_PATH_MAX];
	size_t i;
	int rc = 0;

	if (!a)
		return 0;
	if (!json_is_array(a))
		return bad(r, name, "not a list");
	if (json_array_size(a) > max)
		return bad(r, name, "more than %zu", max);
	*items = calloc(json_array_size(a) + 1, size);
	if (!*items)
		return -ENOMEM;
	json_array_foreach(a, i, v) {
		snprintf(path, sizeof(path), "%s[%zu]", name, i);
		rc = object_get(r, path, v, keys, n, (char *)*items + i * size);
		if (rc)
			break;
	}
	*nitems = json_array_size(a);
	return rc;
}

/* ---- what makes sense ---- */

static bool name_good(const char *s)
{
	if (!*s || !strcmp(s, ".") || !strcmp(s, ".."))
		return false;
	for (; *s; s++)
		if (!isascii(*s) || (!isalnum(*s) && !strchr("._-", *s)))
			return false;
	return true;
}

static int vais_check(const struct reader *r, const struct conf *c)
{
	char path[CONF_PATH_MAX];
	size_t i, j;

	for (i = 0; i < c->nvais; i++) {
		const struct eng_vai_params *v = &c->vais[i];

		snprintf(path, sizeof(path), "vais[%zu].name", i);
		if (!name_good(v->name))
			return bad(r, path, "only letters, digits, '.', '_' and '-' are possible");
		for (j = 0; j < i; j++)
			if (!strcmp(v->name, c->vais[j].name))
				return bad(r, path, "\"%s\" is there twice", v->name);
		snprintf(path, sizeof(path), "vais[%zu].uuid", i);
		if (get_unaligned_be32(v->uuid) == 0)
			return bad(r, path, "begins with zeros");
		for (j = 0; j < i; j++)
			if (!memcmp(v->uuid, c->vais[j].uuid, 4))
				return bad(r, path, "begins like that of \"%s\"", c->vais[j].name);
		snprintf(path, sizeof(path), "vais[%zu].size", i);
		if (v->size < ENG_VAI_SIZE_MIN || v->size & ANM_PAGE_MASK)
			return bad(r, path, "not a multiple of %u bytes from %u up", ANM_PAGE_SIZE,
				   ENG_VAI_SIZE_MIN);
		snprintf(path, sizeof(path), "vais[%zu].client", i);
		if (addr_is_any(&v->client))
			return bad(r, path, "not the address of one machine");
		snprintf(path, sizeof(path), "vais[%zu].writeback", i);
		if (v->writeback && v->class == ENG_CLASS_CRITICAL)
			return bad(r, path, "not of a critical VAI");
	}
	return 0;
}

static int servers_check(const struct reader *r, const struct conf *c)
{
	static const u8 zero[16];
	char path[CONF_PATH_MAX];
	size_t i, j;

	for (i = 0; i < c->nservers; i++) {
		snprintf(path, sizeof(path), "servers[%zu].uuid", i);
		if (!memcmp(c->servers[i].uuid, zero, sizeof(zero)))
			return bad(r, path, "a UUID of zeros is none");
		for (j = 0; j < i; j++)
			if (!memcmp(c->servers[i].uuid, c->servers[j].uuid, 16))
				return bad(r, path, "is there twice");
	}
	return 0;
}

/* As eng_ctl_up_check(), which is the engine's, does again. */
static int engine_check(const struct reader *r, const struct eng_ctl_up *up)
{
	static const u8 zero[16];

	if (!memcmp(up->cfg.engine_uuid, zero, 16))
		return bad(r, "engine.uuid", "a UUID of zeros is none");
	if (!memcmp(up->cfg.secret, zero, 16))
		return bad(r, "engine.secret", "a secret of zeros is none");
	if (up->cfg.heartbeat_ms < ENG_HB_MS_MIN)
		return bad(r, "engine.heartbeat_ms", "less than %u", ENG_HB_MS_MIN);
	if (up->cfg.dead_ms < 2 * up->cfg.heartbeat_ms)
		return bad(r, "engine.dead_ms", "less than twice heartbeat_ms");
	if (up->cfg.recover_ms < ENG_RECOVER_MS_MIN)
		return bad(r, "engine.recover_ms", "less than %u", ENG_RECOVER_MS_MIN);
	if (!up->cfg.repair_after_ms)
		return bad(r, "engine.repair_after_ms", "less than 1");
	if (!up->cfg.move_rate)
		return bad(r, "engine.move_rate", "less than 1");
	if (up->amp_port && (up->amp_port == up->nfs_port || up->amp_port == up->mount_port))
		return bad(r, "engine.amp_port", "AMP needs a port of its own");
	return 0;
}

static int root_check(const struct reader *r, json_t *root)
{
	static const char *const names[] = {"version", "engine", "vais", "servers"};
	json_int_t version = json_integer_value(json_object_get(root, "version"));
	const char *name;
	json_t *v;
	size_t i;

	if (!json_is_object(root))
		return bad(r, "", "not an object");
	json_object_foreach(root, name, v) {
		for (i = 0; i < ARRAY_SIZE(names) && strcmp(name, names[i]); i++)
			;
		if (i == ARRAY_SIZE(names))
			return bad(r, "", "no such key: \"%.60s\"", name);
	}
	if (version != CONF_VERSION)
		return bad(r, "version", "%lld, this program knows %d", (long long)version,
			   CONF_VERSION);
	if (!json_object_get(root, "engine"))
		return bad(r, "", "\"engine\" is missing");
	return 0;
}

static int conf_get(const struct reader *r, json_t *root, struct conf *c)
{
	int rc = root_check(r, root);

	eng_ctl_up_defaults(&c->up);
	if (!rc)
		rc = object_get(r, "engine", json_object_get(root, "engine"), engine_keys,
				ARRAY_SIZE(engine_keys), &c->up);
	if (!rc)
		rc = array_get(r, "vais", root, vai_keys, ARRAY_SIZE(vai_keys), sizeof(*c->vais),
			       ENG_VAIS_MAX, (void **)&c->vais, &c->nvais);
	if (!rc)
		rc = array_get(r, "servers", root, server_keys, ARRAY_SIZE(server_keys),
			       sizeof(*c->servers), ENG_SERVERS_MAX, (void **)&c->servers,
			       &c->nservers);
	if (!rc)
		rc = engine_check(r, &c->up);
	if (!rc)
		rc = vais_check(r, c);
	return rc ? rc : servers_check(r, c);
}

int conf_parse(const char *name, const char *text, struct conf *c, struct conf_err *err)
{
	struct reader r = {.name = name, .text = text, .err = err};
	json_error_t je;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &je);
	int rc;

	memset(c, 0, sizeof(*c));
	if (!root) {
		snprintf(err->msg, sizeof(err->msg), "%s:%d: %s", name, je.line, je.text);
		return -EINVAL;
	}
	rc = conf_get(&r, root, c);
	json_decref(root);
	if (rc)
		conf_free(c);
	return rc;
}

char *conf_text(const struct conf *c)
{
	json_t *vais = json_array(), *servers = json_array(), *root;
	char *body, *text = NULL;
	size_t i;

	for (i = 0; i < c->nvais; i++)
		json_array_append_new(vais,
				      object_make(vai_keys, ARRAY_SIZE(vai_keys), &c->vais[i]));
	for (i = 0; i < c->nservers; i++)
		json_array_append_new(servers, object_make(server_keys, ARRAY_SIZE(server_keys),
							   &c->servers[i]));
	root = json_pack("{s:i, s:o, s:o, s:o}", "version", CONF_VERSION, "engine",
			 object_make(engine_keys, ARRAY_SIZE(engine_keys), &c->up), "vais", vais,
			 "servers", servers);
	body = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	if (body && asprintf(&text, "%s\n", body) < 0)
		text = NULL;
	free(body);
	return text;
}

void conf_free(struct conf *c)
{
	free(c->vais);
	free(c->servers);
	explicit_bzero(c, sizeof(*c));
}
