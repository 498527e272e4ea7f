// SPDX-License-Identifier: GPL-2.0-only
#include "window.h"

void eng_window_reset(struct eng_window *w, u32 channels)
{
	memset(w, 0, sizeof(*w));
	w->limit = channels;
	w->cwnd = min(WIN_INIT, channels);
	w->ssthresh = channels;
	w->rto_ns = WIN_RTO_INIT_NS;
	w->floor_ns = WIN_RTO_MIN_NS;
}

/* What was right before a pause may not be any more; slow start soon finds out. */
void eng_window_send(struct eng_window *w, u32 in_flight, u64 now)
{
	if (!in_flight && now - w->sent_ns > WIN_IDLE_NS && w->cwnd > WIN_INIT) {
		w->ssthresh = max(w->ssthresh, w->cwnd - w->cwnd / 4);
		w->cwnd = WIN_INIT;
		w->answers = 0;
	}
	w->sent_ns = now;
}

/* ---- round trips ---- */

static u64 window_least(const struct eng_window *w)
{
	if (!w->least_ns[0] || !w->least_ns[1])
		return w->least_ns[0] | w->least_ns[1];
	return min(w->least_ns[0], w->least_ns[1]);
}

static void window_least_add(struct eng_window *w, u64 rtt, u64 now)
{
	if (now - w->least_at >= WIN_LEAST_NS) {
		w->least_at = now;
		w->least_ns[1] = w->least_ns[0];
		w->least_ns[0] = 0;
	}
	if (!w->least_ns[0] || rtt < w->least_ns[0])
		w->least_ns[0] = rtt;
}

static void window_floor(struct eng_window *w, u64 floor_ns, u64 now)
{
	w->floor_ns = clamp(floor_ns, (u64)WIN_RTO_MIN_NS, (u64)WIN_FLOOR_MAX_NS);
	w->floor_at = now;
}

static void window_rto(struct eng_window *w)
{
	w->rto_ns = clamp(w->srtt_ns + max((u64)WIN_GRAIN_NS, 4 * w->rttvar_ns), w->floor_ns,
			  (u64)WIN_RTO_MAX_NS);
}

/*
 * RFC 6298, section 2, but there are many samples a round trip, and with its gains all but
 * the last few would be forgotten: the deviation grows at once and shrinks once a round.
 */
static void window_smooth(struct eng_window *w, u64 rtt, u64 now)
{
	u64 diff = rtt > w->srtt_ns ? rtt - w->srtt_ns : w->srtt_ns - rtt;

	w->mdev_ns = (3 * w->mdev_ns + diff) / 4;
	w->srtt_ns = (7 * w->srtt_ns + rtt) / 8;
	w->peak_ns = max(w->peak_ns, w->mdev_ns);
	w->rttvar_ns = max(w->rttvar_ns, w->mdev_ns);
	if (now - w->round_ns < w->srtt_ns)
		return;
	w->rttvar_ns -= (w->rttvar_ns - w->peak_ns) / 4;
	w->peak_ns = 0;
	w->round_ns = now;
}

void eng_window_sample(struct eng_window *w, u64 rtt, u64 now)
{
	rtt = max_t(u64, rtt, 1);
	window_least_add(w, rtt, now);
	if (w->srtt_ns) {
		window_smooth(w, rtt, now);
	} else {
		w->srtt_ns = rtt;
		w->rttvar_ns = rtt / 2;
		w->mdev_ns = rtt / 2;
		w->round_ns = now;
	}
	if (w->floor_ns > WIN_RTO_MIN_NS && now - w->floor_at >= WIN_CALM_NS)
		window_floor(w, w->floor_ns - w->floor_ns / 4, now);
	window_rto(w);
}

void eng_window_backoff(struct eng_window *w, u64 rto_ns)
{
	w->rto_ns = max(w->rto_ns, rto_ns);
}

/* ---- credits ---- */

/* More in flight would only wait longer: at the server, or in a switch. */
static bool window_queues(const struct eng_window *w)
{
	return w->srtt_ns > 2 * window_least(w) + WIN_QUEUE_NS;
}

void eng_window_answered(struct eng_window *w, u32 in_flight)
{
	/* A window that is not used up proves nothing. */
	if (in_flight < w->cwnd || w->cwnd >= w->limit)
		return;
	if (window_queues(w)) {
		w->ssthresh = min(w->ssthresh, w->cwnd);
		return;
	}
	if (w->cwnd >= w->ssthresh && ++w->answers < w->cwnd)
		return;
	w->answers = 0;
	w->cwnd++;
}

u32 eng_window_lost(struct eng_window *w, u64 sent_ns, u64 now)
{
	if (w->cut && sent_ns <= w->cut_ns) {
		w->unproven++;
		return w->cut;
	}
	w->undo_cwnd = w->cwnd;
	w->undo_ssthresh = w->ssthresh;
	w->unproven = 1;
	w->cut++;
	w->cut_ns = now;
	w->cwnd = max(w->cwnd / 2, min(WIN_MIN, w->limit));
	w->ssthresh = w->cwnd;
	w->answers = 0;
	return w->cut;
}

bool eng_window_early(const struct eng_window *w, u64 since_ns)
{
	return since_ns < window_least(w) / 2;
}

/*
 * A server that stands still now and then for longer than its round trips tell of: the
 * timeout learns to outlast that, and forgets it slowly. One stop must not do much: the
 * floor doubles at most, once a cut.
 */
void eng_window_spurious(struct eng_window *w, u32 cut, u64 rtt, u64 now)
{
	if (w->floor_cut != cut) {
		w->floor_cut = cut;
		window_floor(w, max(w->floor_ns, min(rtt + rtt / 4, 2 * w->floor_ns)), now);
	}
	w->rttvar_ns = max(w->rttvar_ns, min(rtt / 2, (u64)WIN_RTO_MAX_NS));
	window_rto(w);
	if (cut != w->cut || !w->unproven || --w->unproven)
		return;
	w->cwnd = max(w->cwnd, w->undo_cwnd);
	w->ssthresh = max(w->ssthresh, w->undo_ssthresh);
}
