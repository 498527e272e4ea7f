// SPDX-License-Identifier: GPL-2.0-only
/*
 * The closed loop: as many requests as answers came in are sent on, in one system call. Every answer
 * must be to a request that is outstanding, once, and a page read must be the page asked for,
 * all of it.
 */
#include <sys/socket.h>
#include <time.h>
#include "load.h"

#define REQUEST_MAX (ANM_PAGE_SIZE + LOAD_REQUEST_HEAD)
#define STREAM_BUF  (1u << 20)
#define SLOT_BITS   8

struct slot {
	bool busy;
	u32 tag;
	u64 page;
	u64 sent;
};

/*
 * @seq:    requests made; a tag is one of these and the slot
 * @oldest: the request whose answer is next, with protocols that keep the order
 * @out:    requests to be sent, @nout of them, and the slots that they are in
 * @in:     of a stream, bytes from @in_at to @in_end are not yet looked at
 */
struct loop {
	struct load *l;
	struct load_result *r;
	struct slot slots[LOAD_DEPTH_MAX];
	u64 seq;
	u64 oldest;
	u64 todo;
	u64 done;
	u32 nout;
	u32 out_bytes;
	u32 out_slot[LOAD_DEPTH_MAX];
	struct mmsghdr out_msg[LOAD_DEPTH_MAX];
	struct iovec out_iov[LOAD_DEPTH_MAX];
	struct mmsghdr in_msg[LOAD_DEPTH_MAX];
	struct iovec in_iov[LOAD_DEPTH_MAX];
	u32 in_at;
	u32 in_end;
	u8 out[LOAD_DEPTH_MAX * REQUEST_MAX];
	u8 in[LOAD_DEPTH_MAX * LOAD_DGRAM_MAX];
};

BUILD_BUG_ON(LOAD_DEPTH_MAX > 1 << SLOT_BITS);
BUILD_BUG_ON(STREAM_BUF > LOAD_DEPTH_MAX * LOAD_DGRAM_MAX);

u64 load_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static u64 pick(struct load *l, u64 seq)
{
	if (l->fill)
		return l->first + seq;
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->first + l->random % l->pages;
}

/* One more request into the slot, which is free. */
static void queue(struct loop *p, u32 i)
{
	struct slot *s = &p->slots[i];
	u8 *buf = p->out + p->out_bytes;
	u32 n;

	s->busy = true;
	s->page = pick(p->l, p->seq);
	s->tag = (u32)(p->seq++ << SLOT_BITS) | i;
	n = p->l->proto->request(p->l, s->tag, s->page, buf);
	p->out_slot[p->nout] = i;
	p->out_iov[p->nout++] = (struct iovec){buf, n};
	p->out_bytes += n;
	p->todo--;
}

static bool flush(struct loop *p)
{
	u64 now = load_now();
	u32 i, n = 0;
	int rc;

	for (i = 0; i < p->nout; i++)
		p->slots[p->out_slot[i]].sent = now;
	if (p->l->proto->stream)
		return load_send(p->l->fd, p->out, p->out_bytes);
	while (n < p->nout) {
		rc = sendmmsg(p->l->fd, p->out_msg + n, p->nout - n, 0);
		if (rc <= 0) {
			fprintf(stderr, "load: send: %s\n", strerror(errno));
			return false;
		}
		n += rc;
	}
	return true;
}

static bool page_is(const u8 *data, u64 page)
{
	u64 w, wrong = 0;
	u32 i;

	for (i = 0; i < LOAD_WORDS; i++) {
		memcpy(&w, data + i * sizeof(w), sizeof(w));
		wrong |= w ^ load_word(page, i);
	}
	return !wrong;
}

static bool check(struct loop *p, const struct load_answer *a, u64 now)
{
	bool ordered = p->l->proto->ordered;
	u32 i = ordered ? p->oldest++ % p->l->depth : a->tag & ((1 << SLOT_BITS) - 1);
	struct slot *s = &p->slots[i];

	if (!s->busy || (!ordered && s->tag != a->tag)) {
		fprintf(stderr, "load: an answer to no request, or the second one\n");
		return false;
	}
	if (p->l->fill != !a->data || (a->data && !page_is(a->data, s->page))) {
		fprintf(stderr, "load: page %llu is not what it should be\n", s->page);
		return false;
	}
	s->busy = false;
	p->done++;
	if (p->r)
		wl_latency_add(&p->r->latency, (now - s->sent) / 1000.0);
	if (p->todo)
		queue(p, i);
	return true;
}

static bool take_dgrams(struct loop *p)
{
	int i, n = recvmmsg(p->l->fd, p->in_msg, p->l->depth, MSG_WAITFORONE, NULL);
	struct load_answer a;
	u64 now = load_now();

	if (n <= 0) {
		fprintf(stderr, "load: receive: %s\n", n ? strerror(errno) : "nothing");
		return false;
	}
	for (i = 0; i < n; i++) {
		a.data = NULL;
		if (p->l->proto->answer(p->l, p->in_iov[i].iov_base, p->in_msg[i].msg_len, &a) <=
		    0) {
			fprintf(stderr, "load: a bad answer of %u bytes\n", p->in_msg[i].msg_len);
			return false;
		}
		if (!check(p, &a, now))
			return false;
	}
	return true;
}

static bool take_stream(struct loop *p)
{
	struct load_answer a;
	ssize_t n;
	int used;
	u64 now;

	memmove(p->in, p->in + p->in_at, p->in_end - p->in_at);
	p->in_end -= p->in_at;
	p->in_at = 0;
	n = recv(p->l->fd, p->in + p->in_end, STREAM_BUF - p->in_end, 0);
	if (n <= 0) {
		fprintf(stderr, "load: receive: %s\n", n ? strerror(errno) : "closed");
		return false;
	}
	now = load_now();
	for (p->in_end += n; p->in_at < p->in_end; p->in_at += used) {
		a.data = NULL;
		used = p->l->proto->answer(p->l, p->in + p->in_at, p->in_end - p->in_at, &a);
		if (!used)
			break;
		if (used < 0) {
			fprintf(stderr, "load: a bad answer\n");
			return false;
		}
		if (!check(p, &a, now))
			return false;
	}
	return true;
}

static struct loop *loop_new(struct load *l, u64 ops, struct load_result *r)
{
	struct loop *p = calloc(1, sizeof(*p));
	u32 i;

	if (!p)
		return NULL;
	p->l = l;
	p->r = r;
	p->todo = ops;
	for (i = 0; i < LOAD_DEPTH_MAX; i++) {
		p->out_msg[i].msg_hdr.msg_iov = &p->out_iov[i];
		p->out_msg[i].msg_hdr.msg_iovlen = 1;
		p->in_iov[i] = (struct iovec){p->in + i * LOAD_DGRAM_MAX, LOAD_DGRAM_MAX};
		p->in_msg[i].msg_hdr.msg_iov = &p->in_iov[i];
		p->in_msg[i].msg_hdr.msg_iovlen = 1;
	}
	return p;
}

int load_run(struct load *l, u64 ops, struct load_result *r)
{
	struct loop *p = loop_new(l, ops, r);
	u64 start = load_now();
	bool good = p;
	u32 i;

	for (i = 0; good && i < l->depth && p->todo; i++)
		queue(p, i);
	while (good && p->done < ops) {
		if (p->nout)
			good = flush(p);
		p->nout = 0;
		p->out_bytes = 0;
		good = good && (l->proto->stream ? take_stream(p) : take_dgrams(p));
	}
	if (good && r) {
		r->ops = ops;
		r->ns = load_now() - start;
	}
	free(p);
	return good ? 0 : -1;
}
