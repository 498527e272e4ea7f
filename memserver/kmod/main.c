// SPDX-License-Identifier: GPL-2.0-only
/* anemone_memserver.ko: parameters, namespaces, init and exit. */
#include <linux/module.h>
#include <linux/utsname.h>
#include <net/genetlink.h>

#include "../../proto/extack_kernel.h"
#include "inst.h"

static bool autostart = true;
module_param(autostart, bool, 0444);
MODULE_PARM_DESC(autostart, "with engine=, make a memory server at once (default yes)");

static char *engine;
module_param(engine, charp, 0444);
MODULE_PARM_DESC(engine, "ADDRESS[:PORT] of the engine; with it a memory server is made in the "
			 "initial network namespace at once, unless autostart=0");

static char *donate;
module_param(donate, charp, 0444);
MODULE_PARM_DESC(donate, "memory to donate, with K, M, G or T; taken at once");

static char *name;
module_param(name, charp, 0444);
MODULE_PARM_DESC(name, "name for people, up to 63 bytes (default the host's)");

static char *uuid;
module_param(uuid, charp, 0444);
MODULE_PARM_DESC(uuid, "identity, a UUID, the same over restarts (default random)");

static char *pool;
module_param(pool, charp, 0444);
MODULE_PARM_DESC(pool, "UUID of the engine that may be joined (default any)");

static ushort port = AMP_PORT;
module_param(port, ushort, 0444);
MODULE_PARM_DESC(port, "own UDP port (default 20405; another one where an engine runs in the "
		       "same network namespace)");

static ushort mtu;
module_param(mtu, ushort, 0444);
MODULE_PARM_DESC(mtu, "MTU of the path to the engine (default the route's)");

static char *zone;
module_param(zone, charp, 0444);
MODULE_PARM_DESC(zone,
		 "what fails together with this machine, up to 31 bytes: copies of a page are "
		 "never kept in one zone (default none)");

int memserver_up(struct net *net, const struct mem_ctl_up *up, struct mem_err *err)
{
	int rc = anm_net_claim(net);

	if (!rc)
		return anm_net_settle(net, inst_create(net, up, err));
	snprintf(err->msg, sizeof(err->msg), "%s",
		 rc == -EEXIST ? "there is a memory server in this network namespace already"
			       : "interrupted");
	return rc;
}

/* A namespace that goes has lost its devices already: nobody would hear a GOODBYE. */
static void memserver_end(struct inst *inst)
{
	inst_destroy(inst, check_net(inst->net));
}

static int params_read(struct mem_ctl_up *p, struct mem_err *err)
{
	char *end;

	mem_ctl_up_defaults(p);
	p->port = port;
	p->cfg.mtu = mtu;
	get_random_bytes(p->cfg.server_uuid, sizeof(p->cfg.server_uuid));
	strscpy(p->cfg.name, name ?: init_utsname()->nodename, sizeof(p->cfg.name));
	snprintf(err->msg, sizeof(err->msg), "bad engine address");
	if (anm_parse_addr(engine, &p->cfg.engine.addr, &p->cfg.engine.port))
		return -EINVAL;
	snprintf(err->msg, sizeof(err->msg), "donate= has to say how much, as in donate=4G");
	if (!donate)
		return -EINVAL;
	p->cfg.donation = memparse(donate, &end) >> ANM_PAGE_SHIFT;
	if (*end)
		return -EINVAL;
	snprintf(err->msg, sizeof(err->msg), "bad uuid, pool, zone, name or port");
	if (uuid && anm_parse_hex16(uuid, p->cfg.server_uuid))
		return -EINVAL;
	if (pool && anm_parse_hex16(pool, p->cfg.pool_uuid))
		return -EINVAL;
	if (zone && strscpy(p->cfg.zone, zone, sizeof(p->cfg.zone)) < 0)
		return -EINVAL;
	if (!port || (name && strlen(name) >= sizeof(p->cfg.name)))
		return -EINVAL;
	return mem_ctl_up_check(p, err);
}

/* What plain insmod makes: a memory server in the initial namespace. */
static int params_up(void)
{
	struct mem_err err = {};
	struct mem_ctl_up p;
	int rc;

	rc = params_read(&p, &err);
	if (!rc)
		rc = memserver_up(&init_net, &p, &err);
	if (rc)
		pr_err("anemone_memserver: %s\n", err.msg);
	return rc;
}

static int __init memserver_init(void)
{
	int rc;

	anm_crc32c_init();
	rc = anm_net_register(memserver_end);
	if (rc)
		return rc;
	rc = autostart && engine ? params_up() : 0;
	if (rc)
		goto unregister_net;
	rc = genl_open();
	if (rc)
		goto unregister_net;
	return 0;

unregister_net:
	anm_net_unregister();
	return rc;
}

static void __exit memserver_exit(void)
{
	genl_close();
	anm_net_unregister();
}

module_init(memserver_init);
module_exit(memserver_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Anemone memory server: donates this machine's memory to an engine");
/* No alias of the netlink family: asking for it would load the module, and take a donation. */
