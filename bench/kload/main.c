// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/anemone-kload. One command a write, in words KEY=VALUE; it acts in the writer's
 * network namespace. Reading gives the outcome of the last command that had one.
 *
 *	echo dev=DEV [local_in=1]                     answer echo requests that come in by DEV
 *	forward near=DEV far=DEV local=IP to=IP mac=MAC   and this is the hop before
 *	end                                           take both away
 *	mount ip=IP path=PATH name=NAME               the file handle, in hexadecimal
 *	run ip=IP op=read|write|echo [fh=HEX] [tcp=1] [n=N] [win=N | rate=N] [pages=N] [seq=1]
 *	    [fill=random|half|same] [shift=N] [req=BYTES] [reply=BYTES] [port=PORT]
 */
#include <linux/etherdevice.h>
#include <linux/inet.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "../../proto/mount3.h"
#include "kload.h"

#define COMMAND_MAX 1024
#define BLANKS	    "\n "
#define STR_MAX	    64

static DEFINE_MUTEX(busy);
static char outcome[KLOAD_RESULT_MAX];

/* A command, taken apart. */
struct words {
	struct kload_cmd run;
	struct kload_hop hop;
	char dev[STR_MAX], near[STR_MAX], far[STR_MAX], path[STR_MAX], name[STR_MAX];
	u32 mount_port, port, tcp, seq, local_in;
	int err;
	struct completion done;
};

static int one_of(const char *value, const char *const *names, u32 n)
{
	return match_string(names, n, value);
}

static int word_ip(const char *value, __be32 *ip)
{
	return in4_pton(value, -1, (u8 *)ip, -1, NULL) ? 0 : -EINVAL;
}

static int word_fh(const char *value, struct nfs3_fh *fh)
{
	size_t n = strlen(value);

	if (n % 2 || n / 2 > NFS3_FH_MAX)
		return -EINVAL;
	fh->len = n / 2;
	return hex2bin(fh->data, value, fh->len);
}

static int word_number(struct words *w, const char *key, const char *value)
{
	const struct {
		const char *key;
		u32 *to;
	} numbers[] = {
		{"n", &w->run.n},
		{"win", &w->run.win},
		{"rate", &w->run.rate},
		{"pages", &w->run.pages},
		{"shift", &w->run.shift},
		{"req", &w->run.req_len},
		{"reply", &w->run.reply_len},
		{"port", &w->port},
		{"mount_port", &w->mount_port},
		{"tcp", &w->tcp},
		{"seq", &w->seq},
		{"local_in", &w->local_in},
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(key, numbers[i].key))
			return kstrtou32(value, 10, numbers[i].to);
	return -EINVAL;
}

static int word_string(struct words *w, const char *key, const char *value)
{
	const struct {
		const char *key;
		char *to;
	} strings[] = {
		{"dev", w->dev},   {"near", w->near}, {"far", w->far},
		{"path", w->path}, {"name", w->name},
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(strings); i++)
		if (!strcmp(key, strings[i].key))
			return strscpy(strings[i].to, value, STR_MAX) < 0 ? -EINVAL : 0;
	return word_number(w, key, value);
}

static int word(struct words *w, const char *key, const char *value)
{
	static const char *const ops[] = {"read", "write", "echo"};
	static const char *const fills[] = {"random", "half", "same"};
	int i;

	if (!strcmp(key, "ip"))
		return word_ip(value, &w->run.ip);
	if (!strcmp(key, "local"))
		return word_ip(value, &w->hop.local);
	if (!strcmp(key, "to"))
		return word_ip(value, &w->hop.to);
	if (!strcmp(key, "mac"))
		return mac_pton(value, w->hop.mac) ? 0 : -EINVAL;
	if (!strcmp(key, "fh"))
		return word_fh(value, &w->run.fh);
	if (!strcmp(key, "op")) {
		i = one_of(value, ops, ARRAY_SIZE(ops));
		w->run.op = i;
		return min(i, 0);
	}
	if (!strcmp(key, "fill")) {
		i = one_of(value, fills, ARRAY_SIZE(fills));
		w->run.fill = i;
		return min(i, 0);
	}
	return word_string(w, key, value);
}

static int words_parse(struct words *w, char *rest)
{
	char *one;
	int err;

	while ((one = strsep(&rest, BLANKS))) {
		char *value = strchr(one, '=');

		if (!*one)
			continue;
		if (!value)
			return -EINVAL;
		*value++ = 0;
		err = word(w, one, value);
		if (err)
			return err;
	}
	w->run.tcp = w->tcp;
	w->run.seq = w->seq;
	w->run.port = w->port;
	if (!w->run.n || !w->run.pages || !w->run.win || w->run.win > KLOAD_RING)
		return -EINVAL;
	return 0;
}

/*
 * Not in the writer's own task: User Mode Linux pays a call to its host for each switch to a
 * task that has user memory.
 */
static int run_thread(void *arg)
{
	struct words *w = arg;

	w->err = kload_run(&w->run, outcome, sizeof(outcome));
	kthread_complete_and_exit(&w->done, 0);
}

static int run_in_thread(struct words *w)
{
	struct task_struct *task;

	init_completion(&w->done);
	task = kthread_run(run_thread, w, "kload");
	if (IS_ERR(task))
		return PTR_ERR(task);
	wait_for_completion(&w->done);
	return w->err;
}

static int get_handle(struct words *w)
{
	int err = kload_mount(&w->run, w->mount_port, w->path, w->name);

	if (!err)
		scnprintf(outcome, sizeof(outcome), "%*phN\n", w->run.fh.len, w->run.fh.data);
	return err;
}

static int command(struct words *w, char *text)
{
	char *verb = strsep(&text, BLANKS);
	int err;

	err = text ? words_parse(w, text) : 0;
	if (err)
		return err;
	if (!strcmp(verb, "run"))
		return run_in_thread(w);
	if (!strcmp(verb, "mount"))
		return get_handle(w);
	if (!strcmp(verb, "echo"))
		return kload_echo_add(w->run.net, w->dev, w->local_in);
	if (!strcmp(verb, "forward"))
		return kload_forward_add(w->run.net, w->near, w->far, &w->hop);
	if (strcmp(verb, "end"))
		return -EINVAL;
	kload_echo_end();
	return 0;
}

static ssize_t proc_write(struct file *file, const char __user *from, size_t n, loff_t *pos)
{
	struct words *w;
	char *text;
	int err;

	if (n > COMMAND_MAX)
		return -E2BIG;
	text = memdup_user_nul(from, n);
	if (IS_ERR(text))
		return PTR_ERR(text);
	w = kzalloc(sizeof(*w), GFP_KERNEL);
	if (!w) {
		kfree(text);
		return -ENOMEM;
	}
	w->run.net = current->nsproxy->net_ns;
	w->run.n = 1;
	w->run.win = 1;
	w->run.pages = 1;
	w->port = NFS_PORT;
	w->mount_port = MOUNT_PORT;
	mutex_lock(&busy);
	outcome[0] = 0;
	err = command(w, text);
	mutex_unlock(&busy);
	kfree(w);
	kfree(text);
	return err ? err : (ssize_t)n;
}

static ssize_t proc_read(struct file *file, char __user *to, size_t n, loff_t *pos)
{
	ssize_t got;

	mutex_lock(&busy);
	got = simple_read_from_buffer(to, n, pos, outcome, strlen(outcome));
	mutex_unlock(&busy);
	return got;
}

static const struct proc_ops ops = {
	.proc_write = proc_write,
	.proc_read = proc_read,
	.proc_lseek = default_llseek,
};

static int __init kload_init(void)
{
	return proc_create("anemone-kload", 0600, NULL, &ops) ? 0 : -ENOMEM;
}

static void __exit kload_exit(void)
{
	remove_proc_entry("anemone-kload", NULL);
	kload_echo_end();
}

module_init(kload_init);
module_exit(kload_exit);
MODULE_DESCRIPTION("Anemone: load generator");
MODULE_LICENSE("GPL");
