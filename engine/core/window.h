/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much may be on its way to a server, and how long an answer may take: congestion
 * window, round trip times, retransmission timeout. Knows nothing of messages.
 */
#ifndef ANM_ENG_WINDOW_H
#define ANM_ENG_WINDOW_H

#include "../../proto/services.h"

#define WIN_INIT	 16u	   /* messages that may be in flight at first, and after a pause */
#define WIN_MIN		 4u	   /* and at least, whatever is lost */
#define WIN_QUEUE_NS	 NS_PER_MS /* above twice the least round trip: a queue has formed */
#define WIN_LEAST_NS	 (10 * NS_PER_S) /* how long the least round trip is remembered, at least */
#define WIN_IDLE_NS	 NS_PER_S	 /* a pause after which the network may have changed */
#define WIN_RTO_INIT_NS	 (100 * NS_PER_MS)
#define WIN_RTO_MIN_NS	 (4 * NS_PER_MS)
#define WIN_RTO_MAX_NS	 NS_PER_S
#define WIN_GRAIN_NS	 (NS_PER_MS / 2)   /* clock granularity G of RFC 6298 */
#define WIN_FLOOR_MAX_NS (100 * NS_PER_MS) /* highest that spurious timeouts raise the floor */
#define WIN_CALM_NS	 (5 * NS_PER_S)	   /* without one the floor comes down by a quarter */

/**
 * struct eng_window - of one server's session.
 * @limit:    its channels
 * @cwnd:     messages that may be in flight: between WIN_MIN and @limit
 * @ssthresh: below, @cwnd grows with each answer, above with each @cwnd answers
 * @answers:  of those
 * @srtt_ns, @rttvar_ns: as in RFC 6298; 0 before the first sample
 * @rto_ns:   for the next message
 * @mdev_ns:  smoothed deviation; @peak_ns: the largest since @round_ns, when a round began
 * @least_ns: least round trip of this span of time and the one before, 0 none
 * @least_at: when this span began
 * @floor_ns: of @rto_ns; raised by timeouts that proved spurious
 * @floor_at: when it was last changed; @floor_cut: the @cut that raised it last
 * @cut:      number of the last cut, which was at @cut_ns
 * @unproven: messages that were sent again since, and not for nothing as far as is known
 * @undo_cwnd, @undo_ssthresh: as they were before the cut
 * @sent_ns:  when a message was last sent
 */
struct eng_window {
	u32 limit, cwnd, ssthresh, answers;
	u64 srtt_ns, rttvar_ns, rto_ns;
	u64 mdev_ns, peak_ns, round_ns;
	u64 least_ns[2], least_at;
	u64 floor_ns, floor_at;
	u32 floor_cut;
	u32 cut, unproven, undo_cwnd, undo_ssthresh;
	u64 cut_ns;
	u64 sent_ns;
};

/** eng_window_reset() - a session with @channels begins. */
void eng_window_reset(struct eng_window *w, u32 channels);

/** eng_window_send() - a message is about to be sent while @in_flight others are on their way. */
void eng_window_send(struct eng_window *w, u32 in_flight, u64 now);

/** eng_window_sample() - a message that was sent once was answered after @rtt ns. */
void eng_window_sample(struct eng_window *w, u64 rtt, u64 now);

/** eng_window_answered() - one of @in_flight messages was; the window may grow. */
void eng_window_answered(struct eng_window *w, u32 in_flight);

/**
 * eng_window_lost() - a message is sent again, for the first time.
 * @sent_ns: when it was sent first: those from before a cut are what that cut was for
 *
 * Return: the number of the cut.
 */
u32 eng_window_lost(struct eng_window *w, u64 sent_ns, u64 now);

/** eng_window_backoff() - what is sent before the next sample had better wait as long. */
void eng_window_backoff(struct eng_window *w, u64 rto_ns);

/** eng_window_early() - is an answer so soon after a retransmission that of the one before? */
bool eng_window_early(const struct eng_window *w, u64 since_ns);

/**
 * eng_window_spurious() - a message was sent again for nothing: the answer only took long.
 * @cut: of eng_window_lost()
 * @rtt: how long, ns
 */
void eng_window_spurious(struct eng_window *w, u32 cut, u64 rtt, u64 now);

#endif
