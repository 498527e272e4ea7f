// SPDX-License-Identifier: GPL-2.0-only
/* The client's socket and its two loops. */
#include <linux/ktime.h>
#include <linux/sched.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "kload.h"

#define RCVBUF	       (4 << 20)
#define PRIVILEGED_MIN 700 /* servers take clients from ports below 1024 */
#define PRIVILEGED_END 1024

static int bind_privileged(struct socket *sock)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int port, err = -EADDRINUSE;

	sock->sk->sk_reuse = SK_CAN_REUSE;
	for (port = PRIVILEGED_END - 1; err == -EADDRINUSE && port >= PRIVILEGED_MIN; port--) {
		/* Not always the same one: an old TCP connection may linger on it. */
		u32 span = PRIVILEGED_END - PRIVILEGED_MIN;

		sin.sin_port = htons(PRIVILEGED_MIN + get_random_u32() % span);
		err = kernel_bind(sock, (struct sockaddr *)&sin, sizeof(sin));
	}
	return err;
}

int kload_socket(const struct kload_cmd *c, u16 port, struct socket **sock)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = c->ip};
	int err;

	err = sock_create_kern(c->net, AF_INET, c->tcp ? SOCK_STREAM : SOCK_DGRAM,
			       c->tcp ? IPPROTO_TCP : IPPROTO_UDP, sock);
	if (err)
		return err;
	(*sock)->sk->sk_rcvtimeo = HZ;
	err = bind_privileged(*sock);
	if (!err)
		err = kernel_connect(*sock, (struct sockaddr *)&sin, sizeof(sin), 0);
	if (err) {
		sock_release(*sock);
		return err;
	}
	if (c->tcp)
		tcp_sock_set_nodelay((*sock)->sk);
	else
		sock_set_rcvbuf((*sock)->sk, RCVBUF);
	return 0;
}

static int send_next(struct kload_run *r, u64 at)
{
	u32 data = kload_call_next(r, r->sent, at);
	struct kvec vec[2] = {{r->head, r->head_len}, {r->data, data}};
	struct msghdr msg = {};
	int n;

	n = kernel_sendmsg(r->sock, &msg, vec, data ? 2 : 1, r->head_len + data);
	if (n < 0)
		return n;
	r->sent++;
	return n == r->head_len + data ? 0 : -EIO;
}

/* Whole records out of what has come so far; the rest stays. */
static int records(struct kload_run *r)
{
	u32 pos = 0;

	while (r->have - pos >= RPC_MARK_LEN) {
		u32 len = get_unaligned_be32(r->rx + pos) & ~RPC_MARK_LAST;

		if (len > KLOAD_RECV_MAX - RPC_MARK_LEN)
			return -EMSGSIZE;
		if (r->have - pos - RPC_MARK_LEN < len)
			break;
		kload_reply_check(r, r->rx + pos + RPC_MARK_LEN, len);
		pos += RPC_MARK_LEN + len;
	}
	r->have -= pos;
	memmove(r->rx, r->rx + pos, r->have);
	return 0;
}

static int recv_some(struct kload_run *r, int flags)
{
	struct kvec vec = {r->rx + r->have, KLOAD_RECV_MAX - r->have};
	struct msghdr msg = {};
	int n = kernel_recvmsg(r->sock, &msg, &vec, 1, vec.iov_len, flags);

	if (n < 0)
		return n;
	if (!r->c->tcp) {
		kload_reply_check(r, r->rx, n);
		return 0;
	}
	if (!n)
		return -EPIPE;
	r->have += n;
	return records(r);
}

/* Nothing came for a second: what is outstanding is lost. */
static int give_up(struct kload_run *r)
{
	r->lost = r->sent - r->got;
	memset(r->ring, 0, sizeof(r->ring));
	return r->lost > KLOAD_LOST_MAX || r->c->tcp ? -ETIMEDOUT : 0;
}

static int closed_loop(struct kload_run *r)
{
	int err = 0;

	while (kload_answered(r) < r->c->n) {
		while (r->sent < r->c->n && r->sent - kload_answered(r) < r->c->win &&
		       kload_slot_free(r)) {
			err = send_next(r, kload_cycles());
			if (err)
				return err;
		}
		err = recv_some(r, 0);
		if (err == -EAGAIN)
			err = give_up(r);
		if (err)
			return err;
		if (!(r->got % 1024))
			cond_resched();
	}
	return 0;
}

/* Each request is due at its time, answered or not; it counts from when it was due. */
static int open_loop(struct kload_run *r, u64 second)
{
	u64 cycles_each = div_u64(second, r->c->rate);
	u64 begin = kload_cycles(), quiet = begin;
	int err = 0;

	while (kload_answered(r) < r->c->n) {
		u64 now = kload_cycles();
		u64 due = begin + (u64)r->sent * cycles_each;

		if (r->sent < r->c->n && now >= due && kload_slot_free(r)) {
			err = send_next(r, due);
			if (err)
				return err;
			quiet = now;
		}
		err = recv_some(r, MSG_DONTWAIT);
		if (!err)
			quiet = now;
		if (err == -EAGAIN) {
			/* Time for the server, should it be a thread. */
			cond_resched();
			err = now - quiet > second ? give_up(r) : 0;
		}
		if (err)
			return err;
	}
	return 0;
}

/* Cycles of a second, by the clock. */
static u64 cycles_per_second(void)
{
	u64 ns = ktime_get_ns(), cycles = kload_cycles();

	while (ktime_get_ns() - ns < 20 * NS_PER_MS)
		cpu_relax();
	return div64_u64((kload_cycles() - cycles) * NS_PER_S, ktime_get_ns() - ns);
}

#ifdef CONFIG_UML
/*
 * CPU time of this kernel, ns: what others on the host take does not count. It is a thread of a
 * program, so it may ask.
 */
static u64 cpu_time(void)
{
	struct {
		s64 sec;
		s64 nsec;
	} t;
	long ret = 228; /* clock_gettime */

	asm volatile("syscall"
		     : "+a"(ret)
		     : "D"(3L) /* of the thread */, "S"(&t)
		     : "rcx", "r11", "memory");
	return WARN_ON_ONCE(ret) ? 0 : t.sec * NS_PER_S + t.nsec;
}
#else
static u64 cpu_time(void)
{
	return ktime_get_ns();
}
#endif

static int result(const struct kload_run *r, int err, char *out, size_t n)
{
	u64 cps = max_t(u64, div64_u64(r->cycles * 1000, max_t(u64, r->ns / 1000, 1)), 1);
	u64 ns_of[4], tail;
	u32 i;

	for (i = 0; i < 3; i++) {
		static const u32 permille[] = {500, 900, 990};

		ns_of[i] = div64_u64(kload_hist_at(&r->hist, permille[i]) * 1000000, cps);
	}
	tail = div64_u64(r->hist.max * 1000000, cps);
	return scnprintf(
		out, n,
		"{\"error\":%d,\"ops\":%u,\"ns\":%llu,\"wall_ns\":%llu,\"lost\":%u,\"bad_xid\":%u,"
		"\"bad_rpc\":%u,\"bad_nfs\":%u,\"nfs_stat\":%u,\"bad_len\":%u,"
		"\"bad_data\":%u,\"request_len\":%u,\"reply_min\":%u,\"reply_max\":%u,"
		"\"p50_ns\":%llu,\"p90_ns\":%llu,\"p99_ns\":%llu,\"max_ns\":%llu}\n",
		err, r->got, r->cpu_ns, r->ns, r->lost, r->bad_xid, r->bad_rpc, r->bad_nfs,
		r->nfs_stat, r->bad_len, r->bad_data,
		r->head_len - r->mark + (r->c->op == KLOAD_WRITE ? ANM_PAGE_SIZE : 0),
		r->got ? r->reply_min : 0, r->reply_max, ns_of[0], ns_of[1], ns_of[2], tail);
}

static int run_loop(struct kload_run *r)
{
	u64 second = r->c->rate ? cycles_per_second() : 0;
	u64 ns = ktime_get_ns(), cycles = kload_cycles(), cpu = cpu_time();
	int err;

	err = r->c->rate ? open_loop(r, second) : closed_loop(r);
	r->cycles = kload_cycles() - cycles;
	r->ns = ktime_get_ns() - ns;
	r->cpu_ns = cpu_time() - cpu;
	return err;
}

int kload_run(const struct kload_cmd *c, char *out, size_t n)
{
	struct kload_run *r = kvzalloc(sizeof(*r), GFP_KERNEL);
	int err = -ENOMEM;

	if (!r)
		return err;
	r->c = c;
	r->base = get_random_u32();
	r->reply_min = ~0u;
	r->data = kvzalloc(ANM_PAGE_SIZE + KLOAD_HEAD_MAX, GFP_KERNEL);
	r->rx = kvzalloc(KLOAD_RECV_MAX, GFP_KERNEL);
	if (!r->data || !r->rx)
		goto out;
	err = kload_call_build(r);
	if (err)
		goto out;
	err = kload_socket(c, c->port, &r->sock);
	if (err)
		goto out;
	err = run_loop(r);
	/* A reset, so that the port is free for a later run. */
	if (c->tcp)
		sock_no_linger(r->sock->sk);
	sock_release(r->sock);
	result(r, err, out, n);
	err = 0;
out:
	kvfree(r->rx);
	kvfree(r->data);
	kvfree(r);
	return err;
}
