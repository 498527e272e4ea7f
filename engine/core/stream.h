/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads of one VAI that follow on each other, upwards or downwards: what will be asked for next.
 * Knows page numbers only; ahead.c fetches.
 */
#ifndef ANM_ENG_STREAM_H
#define ANM_ENG_STREAM_H

#include "../../proto/services.h"

#define STREAMS		 4  /* followed at a time, a VAI */
#define STREAM_GAP	 32 /* pages that a reader may leave out: it still has them */
#define STREAM_RUN	 3  /* reads in one direction that make a stream */
#define STREAM_AHEAD_MIN 4  /* pages */
#define STREAM_AHEAD_MAX 64
#define STREAM_AHEAD_NEW 16 /* before anything is known of how well it goes */
#define STREAM_GAIN	 4  /* pages of use that make up for one of none */

/**
 * struct stream - one of them.
 * @lo, @hi: the last read, from @lo to before @hi; of the first few: all of them
 * @edge:    upwards: what is before was asked for ahead; downwards: what is not before
 * @used:    struct streams' clock when it was last read from
 * @run:     reads in this direction, up to STREAM_RUN
 * @down:    downwards
 */
struct stream {
	u32 lo, hi;
	u32 edge;
	u32 used;
	u8 run;
	bool down;
};

/**
 * struct streams - a VAI's. Zeroed at first.
 * @clock: counts reads
 * @ahead: pages to be ahead of a stream, less STREAM_AHEAD_NEW: what it learnt
 * @gain:  pages of use since @ahead last grew
 */
struct streams {
	struct stream s[STREAMS];
	u32 clock;
	s8 ahead;
	u8 gain;
};

/** struct stream_range - pages from @first on, @n of them; @s: whose. */
struct stream_range {
	struct stream *s;
	u32 first, n;
};

/** streams_ahead() - pages to be ahead of a stream, now. */
static inline u32 streams_ahead(const struct streams *st)
{
	return (u32)(STREAM_AHEAD_NEW + st->ahead);
}

/**
 * streams_read() - a client reads @n pages from @first on.
 * @npages: of the VAI
 * @max:    pages to be had, at most
 * @r:      the pages to fetch ahead, in the direction of the stream the nearest first is
 *          @first upwards, @first + @n - 1 downwards
 *
 * Return: true if there are any. They count as asked for until stream_back().
 */
bool streams_read(struct streams *st, u32 first, u32 n, u32 npages, u32 max,
		  struct stream_range *r);

/**
 * streams_again() - the same for the stream that was read last, without a read: some time after
 * stream_back() there may be room for more.
 */
bool streams_again(struct streams *st, u32 npages, u32 max, struct stream_range *r);

/** stream_back() - only the nearest @done pages of the range were asked for after all. */
void stream_back(const struct stream_range *r, u32 done);

/** streams_used() - a page that was fetched ahead was asked for. */
void streams_used(struct streams *st);

/** streams_wasted() - a page that was fetched ahead went without. */
void streams_wasted(struct streams *st);

#endif
