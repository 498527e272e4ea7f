// SPDX-License-Identifier: GPL-2.0-only
/* anemone_engine.ko: parameters, namespaces, init and exit. */
#include <linux/module.h>
#include <net/genetlink.h>

#include "../../proto/extack_kernel.h"
#include "inst.h"

static bool autostart = true;
module_param(autostart, bool, 0444);
MODULE_PARM_DESC(autostart,
		 "make an engine in the initial network namespace at once (default yes)");

static char *uuid;
module_param(uuid, charp, 0444);
MODULE_PARM_DESC(uuid, "identity of the engine and its pool, a UUID (default random)");

static char *secret;
module_param(secret, charp, 0);
MODULE_PARM_DESC(secret, "key of the file handles, 32 hex digits (default random: clients have to "
			 "mount again after a restart)");

static ulong epoch;
module_param(epoch, ulong, 0444);
MODULE_PARM_DESC(epoch, "number that grows at each start (default the time)");

static char *listen;
module_param(listen, charp, 0444);
MODULE_PARM_DESC(listen, "own address to serve on (default any)");

static ushort nfs_port = ENG_NFS_PORT;
module_param(nfs_port, ushort, 0444);
MODULE_PARM_DESC(nfs_port, "UDP and TCP port of NFS (default 2049)");

static ushort mount_port = ENG_MOUNT_PORT;
module_param(mount_port, ushort, 0444);
MODULE_PARM_DESC(mount_port, "UDP and TCP port of MOUNT (default 20048)");

static ushort amp_port = AMP_PORT;
module_param(amp_port, ushort, 0444);
MODULE_PARM_DESC(amp_port, "UDP port of memory servers (default 20405)");

static bool tcp = true;
module_param(tcp, bool, 0444);
MODULE_PARM_DESC(tcp, "serve NFS and MOUNT over TCP too (default yes)");

static bool insecure;
module_param(insecure, bool, 0444);
MODULE_PARM_DESC(insecure, "take requests from client ports of 1024 and above (default no)");

static uint heartbeat_ms = ENG_HB_MS;
module_param(heartbeat_ms, uint, 0444);
MODULE_PARM_DESC(heartbeat_ms, "interval of the memory servers' heartbeats (default 1000)");

static uint dead_ms = ENG_DEAD_MS;
module_param(dead_ms, uint, 0444);
MODULE_PARM_DESC(dead_ms, "silence after which a memory server is dead (default 5000)");

static uint repair_after_ms = ENG_REPAIR_MS;
module_param(repair_after_ms, uint, 0444);
MODULE_PARM_DESC(repair_after_ms, "how long a memory server may be away before its copies are made "
				  "anew elsewhere (default 10000)");

static uint move_rate = ENG_MOVE_RATE;
module_param(move_rate, uint, 0444);
MODULE_PARM_DESC(move_rate, "pages a second that repair and drain may move (default 25000)");

static uint overcommit;
module_param(overcommit, uint, 0444);
MODULE_PARM_DESC(overcommit, "per cent that may be reserved beyond what is donated (default 0)");

static uint cache_pages;
module_param(cache_pages, uint, 0444);
MODULE_PARM_DESC(cache_pages, "budget of the page cache, pages (default 0: none)");

struct workqueue_struct *anm_wq;

int engine_up(struct net *net, const struct eng_ctl_up *up, struct eng_err *err)
{
	int rc = anm_net_claim(net);

	if (!rc)
		return anm_net_settle(net, inst_create(net, up, err));
	snprintf(err->msg, sizeof(err->msg), "%s",
		 rc == -EEXIST ? "there is an engine in this network namespace already"
			       : "interrupted");
	return rc;
}

static int params_read(struct eng_ctl_up *p, struct eng_err *err)
{
	u16 none;

	eng_ctl_up_defaults(p);
	p->nfs_port = nfs_port;
	p->mount_port = mount_port;
	p->amp_port = amp_port;
	p->tcp = tcp;
	p->cfg.insecure = insecure;
	p->cfg.heartbeat_ms = heartbeat_ms;
	p->cfg.dead_ms = dead_ms;
	p->cfg.repair_after_ms = repair_after_ms;
	p->cfg.move_rate = move_rate;
	p->cfg.overcommit = overcommit;
	p->cfg.cache_pages = cache_pages;
	p->cfg.epoch = epoch ?: ktime_get_real_seconds();
	get_random_bytes(p->cfg.engine_uuid, sizeof(p->cfg.engine_uuid));
	get_random_bytes(p->cfg.secret, sizeof(p->cfg.secret));
	snprintf(err->msg, sizeof(err->msg), "bad uuid, secret, listen or port parameter");
	if (uuid && anm_parse_hex16(uuid, p->cfg.engine_uuid))
		return -EINVAL;
	if (secret && anm_parse_hex16(secret, p->cfg.secret))
		return -EINVAL;
	if (listen && anm_parse_addr(listen, &p->listen, &none))
		return -EINVAL;
	if (!nfs_port || !mount_port || !amp_port)
		return -EINVAL;
	return eng_ctl_up_check(p, err);
}

/* What plain insmod makes: an engine in the initial namespace. */
static int params_up(void)
{
	struct eng_err err = {};
	struct eng_ctl_up p;
	int rc;

	rc = params_read(&p, &err);
	if (!rc)
		rc = engine_up(&init_net, &p, &err);
	if (rc)
		pr_err("anemone_engine: %s\n", err.msg);
	memzero_explicit(&p, sizeof(p));
	return rc;
}

static int __init engine_init(void)
{
	int rc;

	anm_crc32c_init();
	anm_wq = alloc_workqueue("anemone_engine", WQ_MEM_RECLAIM | WQ_HIGHPRI, 0);
	if (!anm_wq)
		return -ENOMEM;
	rc = anm_net_register(inst_destroy);
	if (rc)
		goto free_wq;
	rc = autostart ? params_up() : 0;
	if (rc)
		goto unregister_net;
	rc = genl_open();
	if (rc)
		goto unregister_net;
	return 0;

unregister_net:
	anm_net_unregister();
free_wq:
	destroy_workqueue(anm_wq);
	return rc;
}

static void __exit engine_exit(void)
{
	genl_close();
	anm_net_unregister();
	destroy_workqueue(anm_wq);
}

module_init(engine_init);
module_exit(engine_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Anemone engine: remote memory as swap files over NFSv3");
/* No alias of the netlink family: asking for it would load the module, and make an engine. */
