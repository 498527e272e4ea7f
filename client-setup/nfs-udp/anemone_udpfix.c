// SPDX-License-Identifier: GPL-2.0-only
/*
 * anemone_udpfix: replay the wake-up that the SunRPC client loses on UDP.
 *
 * When a UDP socket's send buffer is full, xs_sock_nospace() checks sock_writeable() under
 * lock_sock() and then sets XPRT_SOCK_NOSPACE, so that the socket's write_space callback wakes the
 * transport later. For UDP that callback comes from sock_wfree(), which runs in softirq context
 * and does not take lock_sock(). If one run of TX completions frees every packet between the check
 * and the set, the callback finds the flag clear and does nothing; no packet is left to free, so
 * nobody ever calls it again. The transport then waits for ever, and with it every page that a
 * swap file on it holds.
 *
 * The cure is to look once more after the flag is set. A return probe on xs_udp_send_request()
 * sees each -EAGAIN; if the flag is still set although the socket has room, the callback was lost
 * and is called again. Calling it once too often is harmless: it tests and clears the flag.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/ptrace.h>
#include <linux/sunrpc/clnt.h>
#include <linux/sunrpc/xprtsock.h>
#include <net/sock.h>

#define UDPFIX_PROBED_FUNCTION "xs_udp_send_request"

/*
 * Sends that may sleep in the probed function at the same time. Each transport sends one request
 * at a time, so this is the number of busy UDP transports that are watched together; a send above
 * it goes unwatched and counts in "missed".
 */
#define UDPFIX_MAX_SENDERS 128

static atomic64_t udpfix_eagain = ATOMIC64_INIT(0);
static atomic64_t udpfix_replayed = ATOMIC64_INIT(0);

/**
 * struct udpfix_call - what the entry probe hands to the return probe
 * @transport: the socket transport that sends; borrowed, the caller of the probed function holds
 *             the transport's write lock (XPRT_LOCKED) until after the return probe has run, which
 *             keeps the transport and its socket in place
 */
struct udpfix_call {
	struct sock_xprt *transport;
};

/*
 * The address makes sunrpc a dependency of this module: modprobe loads it first, and it cannot be
 * unloaded while its function is probed.
 */
static const void *const udpfix_sunrpc_pin __used = xprt_write_space;

/**
 * udpfix_entry() - remember the transport of a send
 * @ri: the probe instance, whose data is a struct udpfix_call
 * @regs: registers at the entry of xs_udp_send_request(struct rpc_rqst *)
 *
 * Context: process context (a workqueue or the task itself), preemption off. Does not sleep.
 * Return: 0, always watch the return.
 */
static int udpfix_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct udpfix_call *call = (struct udpfix_call *)ri->data;
	struct rpc_rqst *req = (struct rpc_rqst *)regs_get_kernel_argument(regs, 0);

	call->transport = container_of(req->rq_xprt, struct sock_xprt, xprt);
	return 0;
}
NOKPROBE_SYMBOL(udpfix_entry);

/**
 * udpfix_return() - look for room that nobody was told about
 * @ri: the probe instance, filled by udpfix_entry()
 * @regs: registers at the return
 *
 * Context: as udpfix_entry(). The callback it may call only sets flags and queues work.
 * Return: 0.
 */
static int udpfix_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct udpfix_call *call = (struct udpfix_call *)ri->data;
	struct sock_xprt *transport = call->transport;
	struct sock *sk;

	if ((int)regs_return_value(regs) != -EAGAIN)
		return 0;
	atomic64_inc(&udpfix_eagain);

	/*
	 * Pairs with the full barrier of test_and_clear_bit() in the callback: either it sees the
	 * flag that was set before, or the room it made is seen here.
	 */
	smp_mb();
	sk = READ_ONCE(transport->inet);
	if (!sk || !test_bit(XPRT_SOCK_NOSPACE, &transport->sock_state) || !sock_writeable(sk))
		return 0;

	atomic64_inc(&udpfix_replayed);
	sk->sk_write_space(sk);
	return 0;
}
NOKPROBE_SYMBOL(udpfix_return);

static struct kretprobe udpfix_probe = {
	.kp.symbol_name = UDPFIX_PROBED_FUNCTION,
	.entry_handler = udpfix_entry,
	.handler = udpfix_return,
	.data_size = sizeof(struct udpfix_call),
	.maxactive = UDPFIX_MAX_SENDERS,
};

/* Counters are read through sysfs: /sys/module/anemone_udpfix/parameters/ */
static int udpfix_get_counter(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%lld\n", (long long)atomic64_read((atomic64_t *)kp->arg));
}

static int udpfix_get_missed(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", READ_ONCE(udpfix_probe.nmissed));
}

static const struct kernel_param_ops udpfix_counter_ops = {.get = udpfix_get_counter};
static const struct kernel_param_ops udpfix_missed_ops = {.get = udpfix_get_missed};

module_param_cb(eagain, &udpfix_counter_ops, &udpfix_eagain, 0444);
MODULE_PARM_DESC(eagain, "sends that found the socket's send buffer full (read only)");
module_param_cb(replayed, &udpfix_counter_ops, &udpfix_replayed, 0444);
MODULE_PARM_DESC(replayed, "lost wake-ups that were replayed (read only)");
module_param_cb(missed, &udpfix_missed_ops, NULL, 0444);
MODULE_PARM_DESC(missed, "sends that could not be watched (read only)");

static int __init udpfix_init(void)
{
	int err = register_kretprobe(&udpfix_probe);

	if (err)
		pr_err("anemone_udpfix: cannot probe %s in sunrpc (error %d)\n",
		       UDPFIX_PROBED_FUNCTION, err);
	return err;
}

static void __exit udpfix_exit(void)
{
	unregister_kretprobe(&udpfix_probe);
}

module_init(udpfix_init);
module_exit(udpfix_exit);

MODULE_DESCRIPTION("Replays lost write-space wake-ups of the SunRPC UDP client transport");
MODULE_VERSION("1");
MODULE_LICENSE("GPL");
