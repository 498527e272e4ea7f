// SPDX-License-Identifier: GPL-2.0-only
#include "stream.h"

/* ---- which stream ---- */

static bool follows_up(const struct stream *s, u32 first)
{
	return first >= s->hi && first - s->hi <= STREAM_GAP;
}

static bool follows_down(const struct stream *s, u32 end)
{
	return end <= s->lo && s->lo - end <= STREAM_GAP;
}

/* A little behind the last one: reads overtake each other. */
static bool overtaken(const struct stream *s, u32 first, u32 end)
{
	if (s->run < STREAM_RUN)
		return first >= s->lo && end <= s->hi;
	return s->down ? first >= s->lo && first - s->lo <= STREAM_GAP
		       : end <= s->hi && s->hi - end <= STREAM_GAP;
}

static bool stream_follow(struct stream *s, u32 first, u32 end)
{
	bool up = follows_up(s, first), down = follows_down(s, end);

	if (!s->run || !(up || down))
		return false;
	/* Once it is a stream it keeps its direction; before, the first reads may be out of order. */
	if (s->run == STREAM_RUN && s->down != down)
		return false;
	if (s->down != down)
		s->run = 1;
	if (s->run == 1)
		s->edge = down ? first : end;
	s->down = down;
	s->run = min_t(u8, s->run + 1, STREAM_RUN);
	s->lo = s->run == STREAM_RUN ? first : min(s->lo, first);
	s->hi = s->run == STREAM_RUN ? end : max(s->hi, end);
	return true;
}

static struct stream *stream_oldest(struct streams *st)
{
	struct stream *s = &st->s[0];
	u32 i;

	for (i = 1; i < STREAMS; i++)
		if (!st->s[i].run || (s->run && st->clock - st->s[i].used > st->clock - s->used))
			s = &st->s[i];
	return s;
}

/* Return: the stream that this read takes further, NULL if it takes none. */
static struct stream *streams_find(struct streams *st, u32 first, u32 end)
{
	struct stream *s;
	u32 i;

	for (i = 0; i < STREAMS; i++) {
		s = &st->s[i];
		if (stream_follow(s, first, end)) {
			s->used = st->clock;
			return s;
		}
	}
	for (i = 0; i < STREAMS; i++) {
		s = &st->s[i];
		if (s->run && overtaken(s, first, end)) {
			s->used = st->clock;
			return NULL;
		}
	}
	s = stream_oldest(st);
	*s = (struct stream){.lo = first, .hi = end, .used = st->clock, .run = 1};
	return NULL;
}

/* ---- how far ---- */

static void range_up(struct stream *s, u32 ahead, u32 npages, u32 max, struct stream_range *r)
{
	u32 end = (u32)min_t(u64, (u64)s->hi + ahead, npages);

	s->edge = max(s->edge, s->hi);
	r->first = s->edge;
	/* Half of it at a time, not page by page. */
	r->n = end > s->edge && s->edge - s->hi <= ahead / 2 ? min(end - s->edge, max) : 0;
	s->edge += r->n;
}

/* Page 0 is the swap header, which is read but once. */
static void range_down(struct stream *s, u32 ahead, u32 max, struct stream_range *r)
{
	u32 end = s->lo > ahead + 1 ? s->lo - ahead : 1;

	s->edge = min(s->edge, s->lo);
	r->n = s->edge > end && s->lo - s->edge <= ahead / 2 ? min(s->edge - end, max) : 0;
	s->edge -= r->n;
	r->first = s->edge;
}

static bool stream_range(struct streams *st, struct stream *s, u32 npages, u32 max,
			 struct stream_range *r)
{
	u32 ahead = streams_ahead(st);

	if (s->run < STREAM_RUN)
		return false;
	r->s = s;
	if (s->down)
		range_down(s, ahead, max, r);
	else
		range_up(s, ahead, npages, max, r);
	return r->n;
}

bool streams_read(struct streams *st, u32 first, u32 n, u32 npages, u32 max, struct stream_range *r)
{
	struct stream *s;

	st->clock++;
	s = streams_find(st, first, first + n);
	return s && stream_range(st, s, npages, max, r);
}

bool streams_again(struct streams *st, u32 npages, u32 max, struct stream_range *r)
{
	u32 i;

	for (i = 0; i < STREAMS; i++)
		if (st->s[i].run && st->s[i].used == st->clock)
			return stream_range(st, &st->s[i], npages, max, r);
	return false;
}

void stream_back(const struct stream_range *r, u32 done)
{
	if (r->s->down)
		r->s->edge += r->n - done;
	else
		r->s->edge -= r->n - done;
}

/* ---- what it learns ---- */

void streams_used(struct streams *st)
{
	if (++st->gain < STREAM_GAIN)
		return;
	st->gain = 0;
	if (streams_ahead(st) < STREAM_AHEAD_MAX)
		st->ahead++;
}

void streams_wasted(struct streams *st)
{
	st->gain = 0;
	if (streams_ahead(st) > STREAM_AHEAD_MIN)
		st->ahead--;
}
