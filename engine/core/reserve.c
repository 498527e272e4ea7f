// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reservation: what is promised to VAIs never exceeds what live servers donate when the
 * promise is made. A critical page needs two servers, so its pages count twice, and no
 * server can hold more than one copy of each: with P critical pages in all, a server is
 * worth min(donation, P) to them, and these must come to 2 P. Servers of one zone count
 * as one. Overcommit, when the operator asks for it, raises what donations are taken for.
 */
#include "reserve.h"

int eng_refuse(struct eng_err *err, int rc, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return rc;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return rc;
}

void eng_size_str(char s[ENG_SIZE_STR], u64 bytes)
{
	if (bytes >= (16ull << 20) || !(bytes & ((1ull << 20) - 1)))
		scnprintf(s, ENG_SIZE_STR, "%llu MiB", bytes >> 20);
	else if (bytes >= 1024)
		scnprintf(s, ENG_SIZE_STR, "%llu KiB", bytes >> 10);
	else
		scnprintf(s, ENG_SIZE_STR, "%llu bytes", bytes);
}

/* Donations of a failure domain, if @s is the first server of it; 0 otherwise. */
static u64 reserve_domain(struct engine *e, const struct eng_server_info *s, u32 cursor,
			  u16 without)
{
	struct eng_server_info o;
	u64 sum = 0;
	u32 slot = 0;

	if (!s->zone[0])
		return s->donation;
	while (eng_server_get(e, &slot, &o)) {
		if (o.state != ENG_SERVER_LIVE || o.drain || o.slot == without ||
		    strncmp(o.zone, s->zone, sizeof(o.zone)))
			continue;
		if (slot < cursor)
			return 0; /* counted with that one */
		sum += o.donation;
	}
	return sum;
}

/* What the live servers are worth to @pages critical pages. */
static u64 reserve_pairable(struct engine *e, u64 pages, u16 without)
{
	struct eng_server_info s;
	u64 sum = 0;
	u32 slot = 0;

	while (eng_server_get(e, &slot, &s))
		if (s.state == ENG_SERVER_LIVE && !s.drain && s.slot != without)
			sum += min(reserve_domain(e, &s, slot, without), pages);
	return sum;
}

static u64 reserve_capacity(const struct engine *e, u64 donated)
{
	return donated + donated / 100 * e->cfg.overcommit +
	       donated % 100 * e->cfg.overcommit / 100;
}

int eng_reserve_more(struct engine *e, u64 pages, u8 class, struct eng_err *err)
{
	const struct eng_exports *xs = e->exports;
	bool critical = class == ENG_CLASS_CRITICAL;
	u64 need = critical ? 2 * pages : pages;
	u64 donated = eng_pool_donated(e);
	u64 capacity = reserve_capacity(e, donated);
	u64 rest = capacity > xs->reserved ? capacity - xs->reserved : 0;
	u32 live = eng_servers_count(e, true);
	char sneed[ENG_SIZE_STR], srest[ENG_SIZE_STR], sdonated[ENG_SIZE_STR], smiss[ENG_SIZE_STR];
	u64 pairs = xs->reserved_critical + pages;

	if (critical && live < 2)
		return eng_refuse(err, -ENOSPC, "%s needs two live memory servers, there %s %u: %s",
				  "class critical", live == 1 ? "is" : "are", live,
				  "add one or use class normal");
	eng_size_str(sneed, need << ANM_PAGE_SHIFT);
	eng_size_str(srest, rest << ANM_PAGE_SHIFT);
	eng_size_str(sdonated, donated << ANM_PAGE_SHIFT);
	eng_size_str(smiss, (need - min(rest, need)) << ANM_PAGE_SHIFT);
	if (need > rest)
		return eng_refuse(
			err, -ENOSPC,
			"needs %s%s, pool has %s unreserved of %s donated by %u server%s: %s %s",
			sneed, critical ? " (two copies)" : "", srest, sdonated, live,
			live == 1 ? "" : "s", smiss, "missing, add a memory server");
	donated = reserve_pairable(e, pairs, ENG_SLOT_NONE);
	if (critical && reserve_capacity(e, donated) < 2 * pairs) {
		eng_size_str(smiss, (2 * pairs - reserve_capacity(e, donated)) << ANM_PAGE_SHIFT);
		return eng_refuse(err, -ENOSPC,
				  "%s (two copies) cannot be spread over %u servers as pairs: "
				  "%s missing in another server or zone, or use class normal",
				  sneed, live, smiss);
	}
	return 0;
}

int eng_reserve_check(struct engine *e, const struct eng_vai_params *p, struct eng_err *err)
{
	return eng_reserve_more(e, p->size >> ANM_PAGE_SHIFT, p->class, err);
}

int eng_reserve_without(struct engine *e, u16 without, struct eng_err *err)
{
	const struct eng_exports *xs = e->exports;
	u64 donated = 0, capacity, pairs;
	struct eng_server_info s;
	char a[ENG_SIZE_STR], b[ENG_SIZE_STR];
	u32 slot = 0;

	while (eng_server_get(e, &slot, &s))
		if (s.state == ENG_SERVER_LIVE && !s.drain && s.slot != without)
			donated += s.donation;
	capacity = reserve_capacity(e, donated);
	if (xs->reserved > capacity) {
		eng_size_str(a, xs->reserved << ANM_PAGE_SHIFT);
		eng_size_str(b, (xs->reserved - capacity) << ANM_PAGE_SHIFT);
		return eng_refuse(err, -ENOSPC,
				  "the others cannot hold the %s that VAIs have reserved, %s are "
				  "missing: add a memory server first",
				  a, b);
	}
	pairs = reserve_capacity(e, reserve_pairable(e, xs->reserved_critical, without));
	if (pairs < 2 * xs->reserved_critical) {
		eng_size_str(b, (2 * xs->reserved_critical - pairs) << ANM_PAGE_SHIFT);
		return eng_refuse(err, -ENOSPC,
				  "critical VAIs could not be kept on two servers of different "
				  "zones, %s are missing: add a memory server first",
				  b);
	}
	return 0;
}

void eng_reserve_take(struct eng_exports *xs, u64 npages, u8 class)
{
	if (class == ENG_CLASS_CRITICAL) {
		xs->reserved_critical += npages;
		xs->reserved += npages;
	}
	xs->reserved += npages;
}

void eng_reserve_return(struct eng_exports *xs, u64 npages, u8 class)
{
	if (class == ENG_CLASS_CRITICAL) {
		xs->reserved_critical -= npages;
		xs->reserved -= npages;
	}
	xs->reserved -= npages;
}
