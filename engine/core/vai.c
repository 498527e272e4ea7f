// SPDX-License-Identifier: GPL-2.0-only
/* VAIs: made, listed, deleted, and who uses them. The reservation is in reserve.c. */
#include "exports.h"
#include "recover.h"
#include "reserve.h"
#include "writeback.h"

#define VAI_UUID_TRIES 32 /* draws until one has a vai_id of its own */

int eng_exports_create(struct engine *e)
{
	struct eng_exports *xs = anm_big_alloc(sizeof(*xs));

	if (!xs)
		return -ENOMEM;
	INIT_LIST_HEAD(&xs->client_list);
	eng_fh_keys(xs, e->cfg.secret);
	e->exports = xs;
	return 0;
}

/* Take it out of every table. Nobody may refer to it any more. */
static void vai_free(struct engine *e, struct eng_export *x)
{
	struct eng_exports *xs = e->exports;

	WARN_ON_ONCE(x->reqs);
	hlist_del(&x->id_node);
	xs->slots[x->vai.slot] = NULL;
	xs->nvais--;
	if (x->vai.deleting)
		xs->deleting--;
	if (x->vai.emptying)
		xs->emptying--;
	eng_reserve_return(xs, x->reserved_pages, x->class);
	eng_client_put(xs, x->client);
	anm_free(x);
}

void eng_exports_destroy(struct engine *e)
{
	struct eng_exports *xs = e->exports;
	u32 i;

	if (!xs)
		return;
	for (i = 0; i < ENG_VAIS_MAX; i++) {
		if (xs->slots[i])
			vai_free(e, xs->slots[i]);
	}
	anm_big_free(xs);
	e->exports = NULL;
}

u64 eng_wall_ns(const struct engine *e)
{
	return e->now + (u64)e->real_minus_mono;
}

struct eng_export *eng_vai_by_name(const struct engine *e, const char *name, u32 len)
{
	struct eng_exports *xs = e->exports;
	u32 i;

	for (i = 0; i < ENG_VAIS_MAX; i++) {
		struct eng_export *x = xs->slots[i];

		if (x && strlen(x->vai.name) == len && !memcmp(x->vai.name, name, len))
			return x;
	}
	return NULL;
}

/* ---- in use or not ---- */

void eng_vai_used(struct engine *e, struct eng_export *x, bool mnt)
{
	x->discard_at = 0; /* it is back */
	if (mnt)
		x->mnt = true;
	else
		x->data_ns = e->now;
	if (x->in_use)
		return;
	x->in_use = true;
	eng_event(e, ENG_EV_VAI_MOUNTED, x->vai.name, 0);
}

void eng_vai_unused(struct engine *e, struct eng_export *x)
{
	x->mnt = false;
	x->data_ns = 0;
	if (!x->in_use)
		return;
	x->in_use = false;
	eng_event(e, ENG_EV_VAI_UNMOUNTED, x->vai.name, 0);
}

u32 eng_busy(struct engine *e)
{
	u32 n = 0;
	u32 i;

	for (i = 0; i < ENG_VAIS_MAX; i++)
		n += e->exports->slots[i] && e->exports->slots[i]->in_use;
	return n;
}

/* ---- making one ---- */

static bool name_ok(const char *name)
{
	size_t n = strnlen(name, ENG_NAME_MAX + 1);
	size_t i;

	if (!n || n > ENG_NAME_MAX || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (i = 0; i < n; i++) {
		char c = name[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '.' || c == '_' || c == '-')
			continue;
		return false;
	}
	return true;
}

/* An address that a packet can come from: not unspecified, multicast or broadcast. */
static bool client_ok(const struct anm_addr *a)
{
	static const u8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (!memcmp(a->b, mapped, sizeof(mapped)))
		return a->b[12] && a->b[12] < 224;
	return memchr_inv(a->b, 0, sizeof(a->b)) && a->b[0] != 0xff;
}

static int writeback_check(const struct engine *e, u8 class, bool restored, struct eng_err *err)
{
	if (class == ENG_CLASS_CRITICAL)
		return eng_refuse(err, -EINVAL, "%s",
				  "a critical VAI is not written back: pages that are in the "
				  "engine alone would go with it; use cache on, or class normal");
	/* An engine that was given none this time has nothing to write back. */
	if (!e->cache && !restored)
		return eng_refuse(err, -EINVAL, "%s",
				  "the engine has no page cache to write back from: see the option "
				  "cache-size of its start");
	return 0;
}

static int params_check(const struct engine *e, const struct eng_vai_params *p, struct eng_err *err)
{
	char size[ENG_SIZE_STR];

	if (!name_ok(p->name))
		return eng_refuse(err, -EINVAL,
				  "bad VAI name: use 1 to %u letters, digits, '.', '_' or '-'",
				  ENG_NAME_MAX);
	eng_size_str(size, p->size);
	if (p->size & ANM_PAGE_MASK)
		return eng_refuse(
			err, -EINVAL,
			"VAI size of %llu bytes is not a multiple of %u: round it to pages",
			p->size, ANM_PAGE_SIZE);
	if (p->size < ENG_VAI_SIZE_MIN)
		return eng_refuse(err, -EINVAL,
				  "VAI size %s is too small for a swap file: use %u KiB or more",
				  size, ENG_VAI_SIZE_MIN >> 10);
	if (p->size > ENG_VAI_SIZE_MAX)
		return eng_refuse(err, -EINVAL,
				  "VAI size %s is too large: at most %llu MiB, make several VAIs",
				  size, ENG_VAI_SIZE_MAX >> 20);
	if (p->class > ENG_CLASS_CRITICAL)
		return eng_refuse(err, -EINVAL, "unknown class %u: use normal or critical",
				  p->class);
	if (p->compress > ENG_COMPRESS_OFF || p->same_filled > ENG_SAME_FILLED_OFF)
		return eng_refuse(err, -EINVAL,
				  "compress is auto, on or off; same-filled on or off");
	if (p->writeback && writeback_check(e, p->class, p->restored, err))
		return -EINVAL;
	if (!client_ok(&p->client))
		return eng_refuse(err, -EINVAL, "%s: give the address that the client mounts from",
				  "client address is unset, broadcast or multicast");
	return 0;
}

static struct eng_export *vai_by_id(struct eng_exports *xs, u32 id)
{
	struct eng_export *x;

	hlist_for_each_entry(x, &xs->by_id[hash_32(id, ENG_HASH_BITS)], id_node) {
		if (x->vai.vai_id == id)
			return x;
	}
	return NULL;
}

struct eng_vai *eng_vai_of(struct engine *e, u32 client_id, u32 vai_id)
{
	struct eng_export *x = vai_by_id(e->exports, vai_id);

	return x && x->vai.client_id == client_id ? &x->vai : NULL;
}

struct eng_vai *eng_vai_at(struct engine *e, u16 slot)
{
	struct eng_export *x = slot < ENG_VAIS_MAX ? e->exports->slots[slot] : NULL;

	return x ? &x->vai : NULL;
}

/* The UUID asked for, or a random one (RFC 4122 version 4), with a vai_id of its own. */
static int uuid_choose(struct eng_exports *xs, const struct eng_vai_params *p, u8 uuid[16],
		       struct eng_err *err)
{
	struct eng_export *twin;
	u32 i;

	if (memchr_inv(p->uuid, 0, sizeof(p->uuid))) {
		memcpy(uuid, p->uuid, sizeof(p->uuid));
		twin = vai_by_id(xs, get_unaligned_be32(uuid));
		if (twin)
			return eng_refuse(
				err, -EEXIST,
				"UUID begins like that of VAI '%s': give another, or none",
				twin->vai.name);
		return 0;
	}
	for (i = 0; i < VAI_UUID_TRIES; i++) {
		u32 id;

		anm_random(uuid, 16);
		uuid[6] = (uuid[6] & 0x0f) | 0x40;
		uuid[8] = (uuid[8] & 0x3f) | 0x80;
		id = get_unaligned_be32(uuid);
		if (id && !vai_by_id(xs, id))
			return 0;
	}
	return eng_refuse(err, -EEXIST, "no unused UUID found: is the random source broken?");
}

static int slot_find(struct eng_exports *xs, struct eng_err *err)
{
	u32 i;

	for (i = 0; i < ENG_VAIS_MAX; i++) {
		if (!xs->slots[i])
			return i;
	}
	return eng_refuse(err, -ENFILE, "%u VAIs exist, the most an engine has: delete one first",
			  ENG_VAIS_MAX);
}

static void vai_fill(struct engine *e, struct eng_export *x, const struct eng_vai_params *p,
		     const u8 uuid[16])
{
	struct eng_vai *v = &x->vai;
	u64 wall = eng_wall_ns(e);
	u32 i;

	BUILD_BUG_ON(offsetof(struct eng_export, vai) != 0);
	memcpy(v->uuid, uuid, sizeof(v->uuid));
	memcpy(v->name, p->name, strlen(p->name) + 1);
	v->copies = p->class == ENG_CLASS_CRITICAL ? 2 : 1;
	v->vai_id = get_unaligned_be32(uuid);
	v->client_id = eng_client_id(&p->client);
	v->npages = p->size >> ANM_PAGE_SHIFT;
	v->restored = p->restored;
	v->cut = p->restored; /* perhaps, in a life before */
	v->holes = p->restored && p->holes;
	v->thin = p->restored && p->degraded;
	v->no_hedge = p->no_hedge;
	/* What servers still have of a VAI that had this UUID before is not this one's. */
	v->discarded_below = p->restored ? p->discarded_below : e->version_next;
	/* What was dirty is gone with the engine; what servers have may be older, and which of it? */
	if (p->restored && p->unflushed) {
		v->discarded_below = e->version_next;
		v->holes = true;
		v->told = true;
	}
	x->size = p->size;
	x->class = p->class;
	x->discard_on_unmount = p->discard_on_unmount;
	v->compress = p->compress;
	v->same_filled = p->same_filled;
	x->split = p->split;
	v->no_cache = p->no_cache;
	v->readahead = p->readahead;
	v->writeback = p->writeback;
	x->fsid = get_unaligned_be64(uuid) ^ get_unaligned_be64(uuid + 8);
	for (i = 0; i < 2; i++) {
		eng_fh_make(e->exports, uuid, ENG_FH_DIR + i, x->fh[i]);
		x->node[i].mode = i ? 0600 : 0755;
		x->node[i].atime = wall;
		x->node[i].mtime = wall;
		x->node[i].ctime = wall;
	}
}

int eng_vai_add(struct engine *e, const struct eng_vai_params *p, struct eng_err *err)
{
	struct eng_exports *xs = e->exports;
	struct eng_export *x;
	u8 uuid[16];
	int slot;
	int rc;

	rc = params_check(e, p, err);
	if (rc)
		return rc;
	x = eng_vai_by_name(e, p->name, strlen(p->name));
	if (x && x->vai.deleting)
		return eng_refuse(err, -EEXIST,
				  "VAI '%s' is still being deleted: wait or use another name",
				  p->name);
	if (x)
		return eng_refuse(err, -EEXIST, "VAI '%s' exists: delete it or use another name",
				  p->name);
	slot = slot_find(xs, err);
	if (slot < 0)
		return slot;
	rc = uuid_choose(xs, p, uuid, err);
	/* What was promised before a restart stays promised: its servers are yet to come. */
	if (!rc && !p->restored)
		rc = eng_reserve_check(e, p, err);
	if (rc)
		return rc;
	x = anm_alloc(sizeof(*x));
	if (!x)
		return eng_refuse(err, -ENOMEM, "no memory for VAI '%s': try again", p->name);
	x->client = eng_client_take(xs, &p->client, &rc);
	if (!x->client) {
		anm_free(x);
		if (rc == -ENFILE)
			return eng_refuse(err, rc, "%u clients have VAIs, the most an engine has",
					  ENG_CLIENTS_MAX);
		return eng_refuse(err, rc, "no memory for VAI '%s': try again", p->name);
	}
	vai_fill(e, x, p, uuid);
	x->vai.slot = slot;
	xs->slots[slot] = x;
	xs->nvais++;
	x->reserved_pages = x->vai.npages;
	eng_reserve_take(xs, x->reserved_pages, x->class);
	hlist_add_head(&x->id_node, &xs->by_id[hash_32(x->vai.vai_id, ENG_HASH_BITS)]);
	eng_event(e, ENG_EV_VAI_ADDED, x->vai.name, x->size);
	if (p->restored && p->unflushed)
		eng_event(e, ENG_EV_VAI_LOSSY, x->vai.name, 0);
	if (p->restored)
		eng_recover_restored(e);
	return 0;
}

int eng_vai_hedge(struct engine *e, const char *name, bool on, struct eng_err *err)
{
	struct eng_export *x = eng_vai_by_name(e, name, strnlen(name, ENG_NAME_MAX + 1));

	if (!x || x->vai.deleting)
		return eng_refuse(err, -ENOENT, "no VAI of that name: see the list of VAIs");
	x->vai.no_hedge = !on;
	return 0;
}

int eng_vai_cache(struct engine *e, const char *name, u8 mode, struct eng_err *err)
{
	struct eng_export *x = eng_vai_by_name(e, name, strnlen(name, ENG_NAME_MAX + 1));

	if (!x || x->vai.deleting)
		return eng_refuse(err, -ENOENT, "no VAI of that name: see the list of VAIs");
	if (mode > ENG_CACHE_WRITEBACK)
		return eng_refuse(err, -EINVAL, "cache is on, off or writeback");
	if (mode == ENG_CACHE_WRITEBACK && writeback_check(e, x->class, false, err))
		return -EINVAL;
	x->vai.no_cache = mode == ENG_CACHE_OFF;
	x->vai.writeback = mode == ENG_CACHE_WRITEBACK;
	return 0;
}

int eng_vai_kept(struct engine *e, const char *name, bool on, struct eng_err *err)
{
	struct eng_export *x = eng_vai_by_name(e, name, strnlen(name, ENG_NAME_MAX + 1));

	if (!x || x->vai.deleting)
		return eng_refuse(err, -ENOENT, "no VAI of that name: see the list of VAIs");
	x->vai.kept = on && x->vai.unflushed;
	x->vai.told = on;
	return 0;
}

int eng_vai_readahead(struct engine *e, const char *name, bool on, struct eng_err *err)
{
	struct eng_export *x = eng_vai_by_name(e, name, strnlen(name, ENG_NAME_MAX + 1));

	if (!x || x->vai.deleting)
		return eng_refuse(err, -ENOENT, "no VAI of that name: see the list of VAIs");
	x->vai.readahead = on;
	return 0;
}

int eng_vai_forms(struct engine *e, const char *name, int compress, int same_filled,
		  struct eng_err *err)
{
	struct eng_export *x = eng_vai_by_name(e, name, strnlen(name, ENG_NAME_MAX + 1));

	if (!x || x->vai.deleting)
		return eng_refuse(err, -ENOENT, "no VAI of that name: see the list of VAIs");
	if (compress > ENG_COMPRESS_OFF || same_filled > ENG_SAME_FILLED_OFF)
		return eng_refuse(err, -EINVAL,
				  "compress is auto, on or off; same-filled on or off");
	if (compress >= 0) {
		x->vai.compress = (u8)compress;
		x->vai.pack_skip = 0;
	}
	if (same_filled >= 0)
		x->vai.same_filled = (u8)same_filled;
	return 0;
}

int eng_vai_split(struct engine *e, const char *name, bool on, struct eng_err *err)
{
	struct eng_export *x = eng_vai_by_name(e, name, strnlen(name, ENG_NAME_MAX + 1));

	if (!x || x->vai.deleting)
		return eng_refuse(err, -ENOENT, "no VAI of that name: see the list of VAIs");
	x->split = on;
	return 0;
}

/* ---- unmaking one ---- */

int eng_vai_del(struct engine *e, const char *name, bool force, struct eng_err *err)
{
	struct eng_export *x = eng_vai_by_name(e, name, strnlen(name, ENG_NAME_MAX + 1));

	if (!x)
		return eng_refuse(err, -ENOENT, "no VAI of that name: see the list of VAIs");
	if (x->vai.deleting)
		return eng_refuse(err, -ENOENT, "VAI '%s' is being deleted already", x->vai.name);
	if (x->in_use && !force)
		return eng_refuse(err, -EBUSY,
				  "VAI '%s' is in use: %s, or force (its pages are lost)",
				  x->vai.name, "swapoff and unmount it on its client first");
	eng_vai_unused(e, x);
	if (x->vai.emptying)
		e->exports->emptying--;
	x->vai.emptying = false;
	x->vai.drop_entry = 0;
	x->vai.reap_entry = 0;
	x->vai.reap_server = 0;
	x->vai.deleting = true;
	e->exports->deleting++;
	eng_event(e, ENG_EV_VAI_DELETED, x->vai.name, x->size);
	return 0;
}

/* One step for each VAI that is going; its struct goes when nobody refers to it. */
static void vais_reap(struct engine *e)
{
	struct eng_exports *xs = e->exports;
	u32 i;

	for (i = 0; i < ENG_VAIS_MAX && xs->deleting; i++) {
		struct eng_export *x = xs->slots[i];

		if (!x || !x->vai.deleting || x->reqs || x->vai.in_flight)
			continue;
		if (eng_vai_reap(e, &x->vai))
			vai_free(e, x);
	}
}

u64 eng_exports_tick(struct engine *e)
{
	struct eng_exports *xs = e->exports;
	struct eng_client *c;
	u32 i;

	list_for_each_entry(c, &xs->client_list, link)
		eng_drc_age(&c->drc, e->now);
	for (i = 0; i < ENG_VAIS_MAX; i++) {
		struct eng_export *x = xs->slots[i];

		if (x && x->in_use && !x->mnt && !x->reqs && e->now - x->data_ns > ENG_IN_USE_NS)
			eng_vai_unused(e, x);
	}
	vais_reap(e);
	if (eng_contents_tick(e))
		return NS_PER_MS;
	return xs->deleting ? NS_PER_MS : NS_PER_S;
}

/* ---- telling about them ---- */

bool eng_vai_get(struct engine *e, u32 *slot, struct eng_vai_info *info)
{
	struct eng_exports *xs = e->exports;
	const struct eng_export *x;

	while (*slot < ENG_VAIS_MAX && !xs->slots[*slot])
		(*slot)++;
	if (*slot >= ENG_VAIS_MAX)
		return false;
	x = xs->slots[(*slot)++];
	memset(info, 0, sizeof(*info));
	memcpy(info->p.name, x->vai.name, sizeof(info->p.name));
	memcpy(info->p.uuid, x->vai.uuid, sizeof(info->p.uuid));
	info->p.size = x->size;
	info->p.client = x->client->addr;
	info->p.class = x->class;
	info->p.restored = x->vai.restored;
	info->p.holes = eng_recover_holes(e, &x->vai);
	info->p.degraded = eng_recover_thin(e, &x->vai);
	info->p.discarded_below = x->vai.discarded_below;
	info->stored_pages = x->vai.stored;
	info->lost_pages = x->vai.lost;
	info->reads = x->reads;
	info->writes = x->writes;
	info->read_bytes = x->read_bytes;
	info->written_bytes = x->written_bytes;
	info->errors = x->errors;
	info->denied = x->denied;
	info->zero_reads = x->zero_reads;
	info->read_ns_ema = x->read_ns_ema;
	info->write_ns_ema = x->write_ns_ema;
	info->mounted = x->in_use;
	info->deleting = x->vai.deleting;
	info->outstanding = x->reqs;
	info->p.discard_on_unmount = x->discard_on_unmount;
	info->p.split = x->split;
	info->split_reads = x->split_reads;
	info->emptying = x->vai.emptying;
	info->degraded_pages = x->vai.degraded;
	info->p.no_hedge = x->vai.no_hedge;
	info->hedged = x->vai.hedged;
	info->hedges_won = x->vai.hedges_won;
	info->p.compress = x->vai.compress;
	info->p.same_filled = x->vai.same_filled;
	info->filled_pages = x->vai.filled;
	info->packed_pages = x->vai.packed;
	info->packed_bytes = x->vai.packed_bytes;
	info->skipped_pages = x->vai.skipped;
	info->p.no_cache = x->vai.no_cache;
	info->cache_hits = x->vai.cache_hits;
	info->cache_misses = x->vai.cache_misses;
	info->cache_evictions = x->vai.cache_evictions;
	info->p.writeback = x->vai.writeback;
	info->p.unflushed = x->vai.unflushed;
	info->told = x->vai.told;
	info->dirty_pages = x->vai.dirty;
	info->flushed = x->vai.flushed;
	info->overwritten = x->vai.overwritten;
	info->p.readahead = x->vai.readahead;
	info->ahead_issued = x->vai.ahead_issued;
	info->ahead_used = x->vai.ahead_used;
	info->ahead_wasted = x->vai.ahead_wasted;
	info->ahead_pages = streams_ahead(&x->vai.streams);
	return true;
}

void eng_exports_status(struct engine *e, struct eng_status *st)
{
	struct eng_exports *xs = e->exports;
	u32 i;

	st->vais = xs->nvais;
	st->clients = xs->nclients;
	st->reserved_pages = xs->reserved;
	st->stored_pages = 0;
	for (i = 0; i < ENG_VAIS_MAX; i++) {
		if (xs->slots[i])
			st->stored_pages += xs->slots[i]->vai.stored;
	}
}
