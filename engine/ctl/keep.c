// SPDX-License-Identifier: GPL-2.0-only
/*
 * What engctl keeps of an engine over restarts, and how an engine is made from it:
 * engctl save, engctl restore.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "../../proto/addr_user.h"
#include "../../proto/state_user.h"
#include "engctl.h"

#define FLUSH_STEP_MS  50  /* between two looks at VAIs that are being flushed */
#define RESTORE_EPOCHS 256 /* lives that the engine may have had since a copy was made */

int keep_path(const struct opts *o, char path[ANM_CTL_FILE_MAX + 1])
{
	const char *file = o->config ? o->config : CONF_FILE;
	char in_state[4096];
	struct conf_err err;

	if (!o->config && (o->seen & O_STATE)) {
		snprintf(in_state, sizeof(in_state), "%s/engine.json", o->state);
		file = in_state;
	}
	return conf_absolute(file, path, &err) ? complain("%s", err.msg) : 0;
}

/* ---- before a start ---- */

/* An engine's identity was kept in files of the state directory once. */
static int identity_make(const struct opts *o, struct eng_config *cfg)
{
	char path[4096], err[512];

	snprintf(path, sizeof(path), "%s/secret", o->state);
	if (access(path, F_OK)) {
		uuid_draw(cfg->engine_uuid);
		anm_random(cfg->secret, sizeof(cfg->secret));
		cfg->epoch = 0;
	} else if (state_secret(o->state, cfg->secret, err, sizeof(err)) ||
		   state_uuid(o->state, cfg->engine_uuid, err, sizeof(err)) ||
		   state_epoch(o->state, &cfg->epoch, err, sizeof(err))) {
		return complain("cannot take over the engine's identity: %s", err);
	}
	if (o->seen & O_UUID)
		memcpy(cfg->engine_uuid, o->up.cfg.engine_uuid, sizeof(cfg->engine_uuid));
	return 0;
}

static void options_take(const struct opts *o, struct eng_ctl_up *up)
{
	if (o->given & G_LISTEN)
		up->listen = o->up.listen;
	if (o->given & G_NFS)
		up->nfs_port = o->up.nfs_port;
	if (o->given & G_MOUNT)
		up->mount_port = o->up.mount_port;
	if (o->given & G_AMP)
		up->amp_port = o->up.amp_port;
	if (o->given & G_INSECURE)
		up->cfg.insecure = o->up.cfg.insecure;
	if (o->given & G_TCP)
		up->tcp = o->up.tcp;
	if (o->given & G_HEARTBEAT)
		up->cfg.heartbeat_ms = o->up.cfg.heartbeat_ms;
	if (o->given & G_DEAD)
		up->cfg.dead_ms = o->up.cfg.dead_ms;
	if (o->given & G_RECOVER)
		up->cfg.recover_ms = o->up.cfg.recover_ms;
	if (o->given & G_REPAIR)
		up->cfg.repair_after_ms = o->up.cfg.repair_after_ms;
	if (o->given & G_RATE)
		up->cfg.move_rate = o->up.cfg.move_rate;
	if (o->given & G_OVERCOMMIT)
		up->cfg.overcommit = o->up.cfg.overcommit;
	if (o->given & G_CACHE)
		up->cfg.cache_pages = o->up.cfg.cache_pages;
	if (o->given & G_DOOR)
		up->door = o->up.door;
	if (o->given & G_INTERFACE)
		strcpy(up->interface, o->up.interface);
}

/* What is written must be what can be read: options together may make no sense. */
static int write_checked(const char *path, const struct conf *c)
{
	char *text = conf_text(c);
	struct conf_err err;
	struct conf again;
	int rc = text ? conf_parse("options", text, &again, &err) : -ENOMEM;

	if (!rc) {
		conf_free(&again);
		rc = conf_write(path, c, &err);
	} else if (text) {
		/* a line of text that nobody has seen says nothing */
		const char *why = strchr(err.msg, ' ');

		memmove(err.msg, why ? why + 1 : err.msg, strlen(why ? why + 1 : err.msg) + 1);
	}
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	return rc ? complain("the engine is not up: %s", err.msg) : 0;
}

static int start_locked(struct opts *o, struct conf *c, const char *path)
{
	struct conf_err err;
	int rc = conf_read(path, c, &err);

	if (rc && rc != -ENOENT)
		return complain("the engine is not up: %s", err.msg);
	if (rc) {
		eng_ctl_up_defaults(&c->up);
		if (identity_make(o, &c->up.cfg))
			return 1;
	} else if ((o->seen & O_UUID) && memcmp(o->up.cfg.engine_uuid, c->up.cfg.engine_uuid, 16)) {
		return complain("the engine is not up: %s is of an engine with another UUID; give "
				"this one a file of its own with --config",
				path);
	}
	options_take(o, &c->up);
	if (c->up.cfg.epoch >= CONF_EPOCH_MAX)
		return complain("the engine is not up: %s: epoch: all are used up", path);
	c->up.cfg.epoch++;
	strcpy(c->up.file, path);
	return write_checked(path, c);
}

int keep_start(struct opts *o, struct conf *c)
{
	char path[ANM_CTL_FILE_MAX + 1];
	struct conf_err err;
	int fd, rc;

	memset(c, 0, sizeof(*c));
	if (keep_path(o, path))
		return 1;
	fd = conf_lock(path, &err);
	if (fd < 0)
		return complain("the engine is not up: %s", err.msg);
	rc = start_locked(o, c, path);
	close(fd);
	return rc;
}

/* ---- into an engine ---- */

static struct nl_msg *up_msg(struct ctl *c, const struct eng_ctl_up *up, bool hold)
{
	struct nl_msg *msg = ctl_msg(c, ANM_ENG_CMD_UP, false);
	struct nlattr *nest = msg ? anm_nl_nest(msg, ANM_ENG_A_CONFIG) : NULL;

	if (!nest || nla_put(msg, ANM_ENG_CFG_UUID, 16, up->cfg.engine_uuid) ||
	    nla_put(msg, ANM_ENG_CFG_SECRET, 16, up->cfg.secret) ||
	    nla_put_u64(msg, ANM_ENG_CFG_EPOCH, up->cfg.epoch) ||
	    nla_put(msg, ANM_ENG_CFG_LISTEN, 16, &up->listen) ||
	    nla_put_u16(msg, ANM_ENG_CFG_NFS_PORT, up->nfs_port) ||
	    nla_put_u16(msg, ANM_ENG_CFG_MOUNT_PORT, up->mount_port) ||
	    nla_put_u16(msg, ANM_ENG_CFG_AMP_PORT, up->amp_port) ||
	    nla_put_u8(msg, ANM_ENG_CFG_TCP, up->tcp) ||
	    nla_put_u8(msg, ANM_ENG_CFG_INSECURE, up->cfg.insecure) ||
	    nla_put_u32(msg, ANM_ENG_CFG_HEARTBEAT_MS, up->cfg.heartbeat_ms) ||
	    nla_put_u32(msg, ANM_ENG_CFG_DEAD_MS, up->cfg.dead_ms) ||
	    nla_put_u32(msg, ANM_ENG_CFG_RECOVER_MS, up->cfg.recover_ms) ||
	    nla_put_u32(msg, ANM_ENG_CFG_REPAIR_AFTER_MS, up->cfg.repair_after_ms) ||
	    nla_put_u32(msg, ANM_ENG_CFG_MOVE_RATE, up->cfg.move_rate) ||
	    nla_put_u32(msg, ANM_ENG_CFG_OVERCOMMIT, up->cfg.overcommit) ||
	    nla_put_u32(msg, ANM_ENG_CFG_CACHE_PAGES, up->cfg.cache_pages) ||
	    nla_put_u8(msg, ANM_ENG_CFG_DOOR, up->door) ||
	    nla_put_string(msg, ANM_ENG_CFG_INTERFACE, up->interface) ||
	    nla_put_u8(msg, ANM_ENG_CFG_HOLD, hold) ||
	    nla_put_string(msg, ANM_ENG_CFG_FILE, up->file)) {
		nlmsg_free(msg);
		return NULL;
	}
	nla_nest_end(msg, nest);
	return msg;
}

static struct nl_msg *vai_msg(struct ctl *c, const struct eng_vai_params *v)
{
	struct nl_msg *msg = ctl_msg(c, ANM_ENG_CMD_VAI_NEW, false);
	struct nlattr *nest = msg ? anm_nl_nest(msg, ANM_ENG_A_VAI) : NULL;
	u32 flags = ANM_VAI_F_RESTORED | (v->holes ? ANM_VAI_F_HOLES : 0) |
		    (v->degraded ? ANM_VAI_F_DEGRADED : 0) |
		    (v->unflushed ? ANM_VAI_F_UNFLUSHED : 0);
	u8 cache = v->writeback	 ? ANM_VAI_CACHE_WRITEBACK
		   : v->no_cache ? ANM_VAI_CACHE_OFF
				 : ANM_VAI_CACHE_ON;

	if (!nest || nla_put_string(msg, ANM_ENG_VAI_NAME, v->name) ||
	    nla_put(msg, ANM_ENG_VAI_UUID, 16, v->uuid) ||
	    nla_put_u64(msg, ANM_ENG_VAI_SIZE, v->size) ||
	    nla_put(msg, ANM_ENG_VAI_CLIENT, 16, &v->client) ||
	    nla_put_u8(msg, ANM_ENG_VAI_CLASS, v->class) ||
	    nla_put_u32(msg, ANM_ENG_VAI_FLAGS, flags) ||
	    nla_put_u8(msg, ANM_ENG_VAI_DISCARD_ON_UNMOUNT, v->discard_on_unmount) ||
	    nla_put_u8(msg, ANM_ENG_VAI_HEDGE, !v->no_hedge) ||
	    nla_put_u8(msg, ANM_ENG_VAI_COMPRESS, v->compress) ||
	    nla_put_u8(msg, ANM_ENG_VAI_SAME_FILLED, v->same_filled) ||
	    nla_put_u8(msg, ANM_ENG_VAI_SPLIT, v->split) ||
	    nla_put_u8(msg, ANM_ENG_VAI_CACHE, cache) ||
	    nla_put_u8(msg, ANM_ENG_VAI_READAHEAD, v->readahead) ||
	    nla_put_u64(msg, ANM_ENG_VAI_DISCARDED_BELOW, v->discarded_below)) {
		nlmsg_free(msg);
		return NULL;
	}
	nla_nest_end(msg, nest);
	return msg;
}

static struct nl_msg *server_msg(struct ctl *c, const struct conf_server *s)
{
	struct nl_msg *msg = ctl_msg(c, ANM_ENG_CMD_SERVER_EXPECT, false);
	struct nlattr *nest = msg ? anm_nl_nest(msg, ANM_ENG_A_SERVER) : NULL;

	if (!nest || nla_put(msg, ANM_ENG_SRV_UUID, 16, s->uuid) ||
	    nla_put_string(msg, ANM_ENG_SRV_NAME, s->name) ||
	    nla_put_u64(msg, ANM_ENG_SRV_BOOT, s->boot) ||
	    nla_put_u64(msg, ANM_ENG_SRV_STALE_BELOW, s->stale_below) ||
	    nla_put_u8(msg, ANM_ENG_SRV_DRAIN_ASKED, s->drain) ||
	    nla_put_u8(msg, ANM_ENG_SRV_GONE, s->gone)) {
		nlmsg_free(msg);
		return NULL;
	}
	nla_nest_end(msg, nest);
	return msg;
}

static int ignore(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	(void)cmd;
	(void)nlh;
	(void)arg;
	return 0;
}

int keep_apply(struct ctl *c, const struct conf *conf, bool *up)
{
	bool hold = conf->nvais || conf->nservers;
	size_t i;

	*up = false;
	if (ctl_call(c, up_msg(c, &conf->up, hold), NULL, NULL))
		return complain("the engine is not up: %s", c->err);
	*up = true;
	for (i = 0; i < conf->nservers; i++)
		if (ctl_call(c, server_msg(c, &conf->servers[i]), NULL, NULL))
			return complain("the engine is not up: memory server \"%s\": %s",
					conf->servers[i].name, c->err);
	for (i = 0; i < conf->nvais; i++)
		if (ctl_call(c, vai_msg(c, &conf->vais[i]), ignore, NULL))
			return complain("the engine is not up: VAI \"%s\": %s", conf->vais[i].name,
					c->err);
	if (hold && ctl_call(c, ctl_msg(c, ANM_ENG_CMD_RECOVER_GO, false), NULL, NULL))
		return complain("the engine is not up: %s", c->err);
	return 0;
}

/* ---- out of an engine ---- */

static bool grants;

void keep_grants(void)
{
	grants = true;
}

/*
 * Pages may be left unstored from when it is kept that there may be some, until it is kept that there
 * are none. Who does not stay to do the second does not begin with the first.
 */
static bool keeps_unflushed(const json_t *vai)
{
	return json_is_true(json_object_get(vai, "unflushed")) &&
	       (grants || json_is_true(json_object_get(vai, "kept")));
}

static int vai_take(const json_t *j, struct eng_vai_params *v)
{
	memset(v, 0, sizeof(*v));
	snprintf(v->name, sizeof(v->name), "%s", str(j, "name"));
	v->size = num(j, "size");
	v->class =
		strcmp(str(j, "class"), "critical") ? ANM_VAI_CLASS_NORMAL : ANM_VAI_CLASS_CRITICAL;
	v->discarded_below = num(j, "discarded_below");
	v->holes = json_is_true(json_object_get(j, "holes"));
	v->degraded = json_is_true(json_object_get(j, "degraded"));
	v->discard_on_unmount = json_is_true(json_object_get(j, "discard_on_unmount"));
	v->no_hedge = json_is_false(json_object_get(j, "hedge"));
	v->compress = max(conf_compress(str(j, "compress")), 0);
	v->same_filled = max(conf_switch(str(j, "same_filled")), 0);
	v->split = json_is_true(json_object_get(j, "split"));
	v->no_cache = json_is_false(json_object_get(j, "cache"));
	v->writeback = json_is_true(json_object_get(j, "writeback"));
	v->unflushed = keeps_unflushed(j);
	v->readahead = json_is_true(json_object_get(j, "readahead"));
	return uuid_parse(str(j, "uuid"), v->uuid) || addr_parse(str(j, "client"), &v->client);
}

/* It was emptied and has left: nobody waits for anything of it, were it to come back or not. */
static bool is_done_with(const json_t *server)
{
	return !strcmp(str(server, "state"), "left") && !strcmp(str(server, "drain"), "done");
}

static int lists_take(struct conf *conf, const json_t *vais, const json_t *servers)
{
	const json_t *j;
	size_t i;

	free(conf->vais);
	free(conf->servers);
	conf->nvais = 0;
	conf->nservers = 0;
	conf->vais = calloc(json_array_size(vais) + 1, sizeof(*conf->vais));
	conf->servers = calloc(json_array_size(servers) + 1, sizeof(*conf->servers));
	if (!conf->vais || !conf->servers)
		return -ENOMEM;
	json_array_foreach(vais, i, j) {
		if (json_is_true(json_object_get(j, "deleting")))
			continue;
		if (vai_take(j, &conf->vais[conf->nvais++]))
			return -EPROTO;
	}
	json_array_foreach(servers, i, j) {
		struct conf_server *s = &conf->servers[conf->nservers];

		if (is_done_with(j))
			continue;
		conf->nservers++;
		snprintf(s->name, sizeof(s->name), "%s", str(j, "name"));
		s->boot = strtoull(str(j, "boot"), NULL, 16);
		s->stale_below = strtoull(str(j, "stale_below"), NULL, 16);
		s->drain = json_is_true(json_object_get(j, "drain_asked"));
		s->gone = json_is_true(json_object_get(j, "gone"));
		if (uuid_parse(str(j, "uuid"), s->uuid))
			return -EPROTO;
	}
	return 0;
}

/*
 * Pages may be left unstored once it is kept that there may be some. To be told under the file's
 * lock, or another engctl could have written since that there are none.
 */
static void tell_kept(struct ctl *c, const json_t *vais)
{
	const json_t *v;
	size_t i;

	json_array_foreach(vais, i, v) {
		bool unflushed = keeps_unflushed(v);
		struct nl_msg *msg;
		struct nlattr *nest;

		if (!unflushed && !json_is_true(json_object_get(v, "kept")))
			continue;
		msg = ctl_msg(c, ANM_ENG_CMD_VAI_SET, false);
		nest = msg ? anm_nl_nest(msg, ANM_ENG_A_VAI) : NULL;
		if (!nest || nla_put_string(msg, ANM_ENG_VAI_NAME, str(v, "name")) ||
		    nla_put_u8(msg, ANM_ENG_VAI_KEPT, unflushed)) {
			nlmsg_free(msg);
			continue;
		}
		nla_nest_end(msg, nest);
		/* It may be gone by now; else its pages are stored at once until the next save. */
		ctl_call(c, msg, NULL, NULL);
	}
}

/* Whether it is still the engine that @st is of: a new one may just be told what was before. */
static bool is_settled(struct ctl *c, const json_t *st)
{
	json_t *now = json_object();
	bool same = !ctl_call(c, ctl_msg(c, ANM_ENG_CMD_STATUS_GET, false), take_status, now) &&
		    num(now, "epoch") == num(st, "epoch") &&
		    !json_is_true(json_object_get(now, "hold"));

	json_decref(now);
	return same;
}

/* Under the file's lock, so that who asks the engine last writes last. */
static int save_locked(struct ctl *c, const char *path, const json_t *st)
{
	json_t *vais = fetch(c, ANM_ENG_CMD_VAI_GET);
	json_t *servers = vais ? fetch(c, ANM_ENG_CMD_SERVER_GET) : NULL;
	struct conf_err err = {""};
	struct conf conf;
	u8 uuid[16];
	int rc = 1;

	if (!servers)
		goto out;
	if (conf_read(path, &conf, &err)) {
		complain("not saved: %s", err.msg);
		goto out;
	}
	if (uuid_parse(str(st, "uuid"), uuid) || memcmp(uuid, conf.up.cfg.engine_uuid, 16)) {
		complain("not saved: %s is of another engine", path);
	} else if (!is_settled(c, st)) {
		complain("not saved: the engine was restarted meanwhile");
	} else if (lists_take(&conf, vais, servers)) {
		complain("not saved: what the engine says makes no sense, or memory is short");
	} else {
		conf.up.cfg.epoch = max(conf.up.cfg.epoch, (u64)num(st, "epoch_next"));
		rc = conf_write(path, &conf, &err) ? complain("not saved: %s", err.msg) : 0;
		if (!rc)
			tell_kept(c, vais);
	}
	conf_free(&conf);
out:
	json_decref(vais);
	json_decref(servers);
	return rc;
}

/* The VAIs of an engine without a file go with it, so there is nothing to be kept. */
static void save_nowhere(struct ctl *c)
{
	json_t *vais = fetch(c, ANM_ENG_CMD_VAI_GET);

	keep_grants();
	tell_kept(c, vais);
	json_decref(vais);
}

int keep_save(struct ctl *c, char path[ANM_CTL_FILE_MAX + 1])
{
	json_t *st = json_object();
	struct conf_err err;
	int rc = 0, fd;

	if (path)
		*path = '\0';
	if (ctl_call(c, ctl_msg(c, ANM_ENG_CMD_STATUS_GET, false), take_status, st)) {
		rc = complain("not saved: %s", c->err);
	} else if (!*str(st, "file")) {
		save_nowhere(c);
	} else if (!json_is_true(json_object_get(st, "hold"))) {
		if (path)
			snprintf(path, ANM_CTL_FILE_MAX + 1, "%s", str(st, "file"));
		fd = conf_lock(str(st, "file"), &err);
		rc = fd < 0 ? complain("not saved: %s", err.msg)
			    : save_locked(c, str(st, "file"), st);
		if (fd >= 0)
			close(fd);
	}
	json_decref(st);
	return rc;
}

int cmd_save(struct opts *o)
{
	char path[ANM_CTL_FILE_MAX + 1];
	struct ctl c;
	int rc;

	if (connect_to(&c, target(o)))
		return 1;
	rc = keep_save(&c, path);
	ctl_close(&c);
	if (rc)
		return rc;
	if (!*path)
		return complain("not saved: the engine was not brought up by 'engctl up', or is "
				"just being restored");
	if (o->json)
		return json_out(json_pack("{s:s}", "saved", path));
	printf("saved in %s\n", path);
	return 0;
}

bool keep_flushed(struct ctl *c, const char *name, unsigned int ms)
{
	struct timespec ts = {0, FLUSH_STEP_MS * 1000000};
	const json_t *v;
	json_t *vais;
	bool some;
	size_t i;

	for (;;) {
		vais = fetch(c, ANM_ENG_CMD_VAI_GET);
		some = !vais;
		json_array_foreach(vais, i, v)
			some |= (!name || !strcmp(str(v, "name"), name)) &&
				json_is_true(json_object_get(v, "unflushed"));
		json_decref(vais);
		if (!some || ms < FLUSH_STEP_MS)
			return !some;
		ms -= FLUSH_STEP_MS;
		nanosleep(&ts, NULL);
	}
}

/* ---- from a copy ---- */

/* @newer: the copy is newer than the file that was in place */
static void vai_carry_over(struct eng_vai_params *v, const struct conf *old, bool newer)
{
	bool whole = false;
	size_t i;

	for (i = 0; i < old->nvais; i++) {
		const struct eng_vai_params *was = &old->vais[i];

		if (memcmp(was->uuid, v->uuid, sizeof(v->uuid)))
			continue;
		v->discarded_below = max(v->discarded_below, was->discarded_below);
		v->holes |= was->holes;
		v->degraded |= was->degraded;
		v->unflushed = was->unflushed || (newer && v->unflushed);
		whole = was->size >= v->size;
	}
	/* Its pages may have been discarded since. */
	v->holes |= !whole;
}

static struct conf_server *server_of(struct conf *conf, const u8 uuid[16])
{
	size_t i;

	for (i = 0; i < conf->nservers; i++)
		if (!memcmp(conf->servers[i].uuid, uuid, 16))
			return &conf->servers[i];
	return NULL;
}

/* One that joined after the copy was made may have what no other has. */
static int servers_carry_over(struct conf *conf, const struct conf *old, bool newer)
{
	struct conf_server *all, *s;
	size_t i;

	all = realloc(conf->servers, (conf->nservers + old->nservers + 1) * sizeof(*all));
	if (!all)
		return complain("not restored: no memory");
	conf->servers = all;
	for (i = 0; i < old->nservers; i++) {
		s = server_of(conf, old->servers[i].uuid);
		if (!s) {
			conf->servers[conf->nservers++] = old->servers[i];
			continue;
		}
		if (!newer)
			s->boot = old->servers[i].boot;
		s->stale_below = max(s->stale_below, old->servers[i].stale_below);
		s->gone &= old->servers[i].gone;
	}
	if (conf->nservers > ENG_SERVERS_MAX)
		return complain("not restored: copy and file in place name %zu memory servers, %u "
				"at most",
				conf->nservers, ENG_SERVERS_MAX);
	return 0;
}

/* Versions of pages must not go back, whatever the copy's age. */
static int carry_over(struct conf *conf, const struct conf *old)
{
	bool newer = conf->up.cfg.epoch > old->up.cfg.epoch;
	size_t i;

	conf->up.cfg.epoch = max(conf->up.cfg.epoch, old->up.cfg.epoch);
	for (i = 0; i < conf->nvais; i++)
		vai_carry_over(&conf->vais[i], old, newer);
	return servers_carry_over(conf, old, newer);
}

/* No file in place tells what has become of the pages since: what may be is taken to be so. */
static void suspect_all(struct conf *conf)
{
	size_t i;

	conf->up.cfg.epoch = min(conf->up.cfg.epoch + RESTORE_EPOCHS, (u64)CONF_EPOCH_MAX - 1);
	for (i = 0; i < conf->nvais; i++) {
		conf->vais[i].holes = true;
		conf->vais[i].unflushed |= conf->vais[i].writeback;
	}
	for (i = 0; i < conf->nservers; i++)
		conf->servers[i].gone = false;
}

static int restore_locked(const char *path, struct conf *conf)
{
	struct conf_err err;
	struct conf old;
	int rc = conf_read(path, &old, &err), bad = 0;

	if (rc && rc != -ENOENT && rc != -EINVAL && rc != -EILSEQ && rc != -EFBIG)
		return complain("not restored: %s", err.msg);
	if (rc || memcmp(conf->up.cfg.engine_uuid, old.up.cfg.engine_uuid, 16))
		suspect_all(conf);
	else
		bad = carry_over(conf, &old);
	if (!rc)
		conf_free(&old);
	if (bad)
		return bad;
	return conf_write(path, conf, &err) ? complain("not restored: %s", err.msg) : 0;
}

static int restore(const struct opts *o, struct conf *conf)
{
	char path[ANM_CTL_FILE_MAX + 1];
	const char *where = target(o);
	struct conf_err err;
	struct ctl c;
	int fd, rc;

	if (keep_path(o, path))
		return 1;
	rc = ctl_open(&c, where, ANM_ENG_GENL_NAME, NULL);
	if (!rc)
		rc = ctl_call(&c, ctl_msg(&c, ANM_ENG_CMD_STATUS_GET, false), ignore, NULL);
	ctl_close(&c);
	if (!rc)
		return complain("not restored: the engine is up; bring it down first (its clients "
				"wait, with --force)");
	fd = conf_lock(path, &err);
	if (fd < 0)
		return complain("not restored: %s", err.msg);
	rc = restore_locked(path, conf);
	close(fd);
	if (rc)
		return rc;
	if (o->json)
		return json_out(json_pack("{s:s}", "restored", path));
	printf("restored into %s: %zu VAI%s, %zu memory server%s; bring the engine up\n", path,
	       conf->nvais, conf->nvais == 1 ? "" : "s", conf->nservers,
	       conf->nservers == 1 ? "" : "s");
	return 0;
}

int cmd_restore(struct opts *o)
{
	struct conf_err err;
	struct conf conf;
	int rc;

	if (conf_read(o->words[1], &conf, &err))
		return complain("%s", err.msg);
	if (!(o->seen & O_CHECK))
		rc = restore(o, &conf);
	else if (o->json)
		rc = json_out(json_pack("{s:i, s:i}", "vais", (int)conf.nvais, "servers",
					(int)conf.nservers));
	else
		rc = printf("%s is all right: %zu VAI%s, %zu memory server%s\n", o->words[1],
			    conf.nvais, conf.nvais == 1 ? "" : "s", conf.nservers,
			    conf.nservers == 1 ? "" : "s") < 0;
	conf_free(&conf);
	return rc;
}
