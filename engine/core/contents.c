// SPDX-License-Identifier: GPL-2.0-only
/*
 * VAIs' contents given back: discarded by the operator or at unmount, cut off by a new
 * size. READ and WRITE are put off meanwhile, so that no page of before is seen after.
 */
#include "exports.h"
#include "reserve.h"
#include "server.h"

/*
 * A client that unmounts may mount again at once, and a UMNT may be a late duplicate:
 * contents go only after so long a time without a sign of the client.
 */
#define DISCARD_DELAY_NS (5 * NS_PER_S)

static void empty_begin(struct engine *e, struct eng_export *x, u32 from)
{
	struct eng_vai *vai = &x->vai;

	vai->emptying = true;
	vai->empty_from = from;
	vai->drop_entry = 0;
	vai->reap_entry = 0;
	vai->reap_server = 0;
	/* Whatever becomes of this engine, no inventory is to bring them back. */
	if (!from)
		vai->discarded_below = e->version_next;
	x->discard_at = 0;
	e->exports->emptying++;
}

static int vai_find(struct engine *e, const char *name, struct eng_export **x, struct eng_err *err)
{
	*x = eng_vai_by_name(e, name, strnlen(name, ENG_NAME_MAX + 1));
	if (!*x || (*x)->vai.deleting)
		return eng_refuse(err, -ENOENT, "no VAI of that name: see the list of VAIs");
	if ((*x)->vai.emptying)
		return eng_refuse(err, -EBUSY, "pages of VAI '%s' are still being given back: %s",
				  name, "try again in a moment");
	return 0;
}

int eng_vai_discard(struct engine *e, const char *name, bool force, struct eng_err *err)
{
	struct eng_export *x;
	int rc = vai_find(e, name, &x, err);

	if (rc)
		return rc;
	if (x->in_use && !force)
		return eng_refuse(err, -EBUSY,
				  "VAI '%s' is in use: %s, or force (its pages are lost)", name,
				  "swapoff and unmount it on its client first");
	empty_begin(e, x, 0);
	return 0;
}

/*
 * Pages behind the end are forgotten one by one, and found by an inventory as long as the
 * end is where it is. Once it moves up nobody would know that they are old.
 */
static bool cut_is_gone(struct engine *e)
{
	u32 i;

	for (i = 0; i < e->servers->nslots; i++) {
		const struct eng_server *sv = e->servers->slot[i];

		if (sv && sv->state != ENG_SERVER_GONE &&
		    (!eng_server_usable(sv) || !sv->inventoried || sv->ndiscards))
			return false;
	}
	return true;
}

static int resize_check(struct engine *e, const struct eng_export *x, u64 size, struct eng_err *err)
{
	char s[ENG_SIZE_STR];

	if (x->in_use)
		return eng_refuse(err, -EBUSY, "VAI '%s' is in use: %s", x->vai.name,
				  "swapoff and unmount it on its client first");
	eng_size_str(s, size);
	if (size & ANM_PAGE_MASK)
		return eng_refuse(err, -EINVAL, "size of %s is not a multiple of %u bytes", s,
				  ANM_PAGE_SIZE);
	if (size < ENG_VAI_SIZE_MIN || size > ENG_VAI_SIZE_MAX)
		return eng_refuse(err, -EINVAL, "size of %s is not within %u KiB and %llu MiB", s,
				  ENG_VAI_SIZE_MIN >> 10, ENG_VAI_SIZE_MAX >> 20);
	if (size <= x->size)
		return 0;
	if (x->vai.cut && !cut_is_gone(e))
		return eng_refuse(err, -EBUSY, "servers may have pages that were cut off '%s': %s",
				  x->vai.name,
				  "wait until all are live, or remove those that are gone");
	return eng_reserve_more(e, (size - x->size) >> ANM_PAGE_SHIFT, x->class, err);
}

int eng_vai_resize(struct engine *e, const char *name, u64 size, struct eng_err *err)
{
	struct eng_export *x;
	int rc = vai_find(e, name, &x, err);
	u64 old;

	if (!rc)
		rc = resize_check(e, x, size, err);
	if (rc)
		return rc;
	old = x->vai.npages;
	x->size = size;
	x->vai.npages = (u32)(size >> ANM_PAGE_SHIFT);
	x->node[1].mtime = eng_wall_ns(e);
	x->node[1].ctime = x->node[1].mtime;
	if (x->vai.npages > old) {
		eng_reserve_take(e->exports, x->vai.npages - old, x->class);
		x->vai.cut = false; /* nothing is behind the end that was */
		x->reserved_pages = x->vai.npages;
	} else if (x->vai.npages < old) {
		x->vai.cut = true;
		empty_begin(e, x, x->vai.npages); /* what it had reserved is free when they are */
	}
	return 0;
}

void eng_vai_unmounted(struct engine *e, struct eng_export *x, u32 xid)
{
	bool again = x->umnt_seen && x->umnt_xid == xid;

	x->umnt_seen = true;
	x->umnt_xid = xid;
	if (x->discard_on_unmount && !again)
		x->discard_at = e->now + DISCARD_DELAY_NS;
}

static void empty_end(struct engine *e, struct eng_export *x)
{
	x->vai.emptying = false;
	x->vai.reap_entry = 0;
	x->vai.reap_server = 0;
	e->exports->emptying--;
	if (!x->vai.empty_from) {
		x->vai.discarded_below = e->version_next;
		/* What of before is lost, or unknown, does not matter any more. */
		x->vai.restored = false;
		x->vai.holes = false;
		x->vai.lossy = false;
		x->vai.thin = false;
	}
	eng_reserve_return(e->exports, x->reserved_pages - x->vai.npages, x->class);
	x->reserved_pages = x->vai.npages;
	/* Repair has passed over the pages that are still there. */
	if (x->vai.stored)
		eng_mover_kick(e, ENG_KICK_PAGE);
}

static void empty_step(struct engine *e, struct eng_export *x)
{
	if (x->reqs || x->vai.in_flight)
		return;
	if (x->vai.empty_from ? eng_vai_trim(e, &x->vai) : eng_vai_reap(e, &x->vai))
		empty_end(e, x);
}

bool eng_contents_tick(struct engine *e)
{
	struct eng_exports *xs = e->exports;
	u32 i;

	for (i = 0; i < ENG_VAIS_MAX; i++) {
		struct eng_export *x = xs->slots[i];

		if (!x || x->vai.deleting)
			continue;
		if (x->discard_at && e->now >= x->discard_at && !x->vai.emptying)
			empty_begin(e, x, 0);
		if (x->vai.emptying)
			empty_step(e, x);
	}
	return xs->emptying;
}
