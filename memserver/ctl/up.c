// SPDX-License-Identifier: GPL-2.0-only
/* memctl up, memctl down. */
#include "memctl.h"

#include <unistd.h>

#include "../../proto/addr_user.h"
#include "../../proto/amp.h"
#include "../../proto/endpoint_user.h"
#include "../../proto/module_user.h"
#include "../../proto/size_user.h"
#include "../../proto/state_user.h"

/** struct up - what the options say; ports stay 0 and @name empty when not given. */
struct up {
	struct anm_addr engine;
	u16 engine_port;
	struct anm_addr listen;
	u16 port;
	unsigned long long donation;
	char name[AMP_NAME_MAX];
	u8 uuid[16];
	u8 pool[16];
	u16 mtu;
	char zone[AMP_ZONE_MAX];
};

static int up_mtu(const char *s, struct up *up)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (!isdigit((unsigned char)*s) || *end || n < AMP_MTU_MIN || n > AMP_MTU_MAX)
		return -EINVAL;
	up->mtu = (u16)n;
	return 0;
}

static int up_refuse(const char *what, const char *value, const char *hint)
{
	memctl_error("%s \"%s\" is not understood: %s", what, value, hint);
	return EXIT_USAGE;
}

/* Return: 0 or an exit status, with the reason told. */
static int up_read(const struct memctl_opts *o, struct up *up)
{
	char err[256];

	if (!o->engine || !o->donate) {
		memctl_error("up needs --engine ADDR and --donate SIZE");
		return EXIT_USAGE;
	}
	if (endpoint_parse(o->engine, &up->engine, &up->engine_port) || addr_is_any(&up->engine))
		return up_refuse("engine", o->engine, "give ADDR or ADDR:PORT");
	if (parse_size(o->donate, &up->donation) || up->donation < ANM_PAGE_SIZE)
		return up_refuse("donation", o->donate, "give a size such as 512M or 4G");
	if (o->listen && endpoint_parse(o->listen, &up->listen, &up->port))
		return up_refuse("own address", o->listen, "give ADDR, ADDR:PORT or :PORT");
	if (o->pool && uuid_parse(o->pool, up->pool))
		return up_refuse("pool", o->pool, "give its UUID");
	if (o->mtu && up_mtu(o->mtu, up))
		return up_refuse("MTU", o->mtu, "give a number from 1280 to 9216");
	if (o->name && strscpy(up->name, o->name, sizeof(up->name)) < 0)
		return up_refuse("name", o->name, "at most 63 bytes");
	if (o->zone && strscpy(up->zone, o->zone, sizeof(up->zone)) < 0)
		return up_refuse("zone", o->zone, "at most 31 bytes");
	if (!o->name && gethostname(up->name, sizeof(up->name) - 1))
		up->name[0] = '\0';
	if (state_uuid(o->state_dir, up->uuid, err, sizeof(err))) {
		memctl_error("%s", err);
		return EXIT_FAILURE;
	}
	return 0;
}

static int up_put(struct nl_msg *msg, const struct up *up)
{
	static const u8 zero[16];
	struct nlattr *nest = nla_nest_start(msg, ANM_MEM_A_CONFIG | NLA_F_NESTED);

	if (!nest || nla_put(msg, ANM_MEM_CFG_ENGINE, 16, &up->engine) ||
	    nla_put_u64(msg, ANM_MEM_CFG_DONATION, up->donation) ||
	    nla_put(msg, ANM_MEM_CFG_UUID, 16, up->uuid) ||
	    (up->engine_port && nla_put_u16(msg, ANM_MEM_CFG_ENGINE_PORT, up->engine_port)) ||
	    (up->port && nla_put_u16(msg, ANM_MEM_CFG_PORT, up->port)) ||
	    (!addr_is_any(&up->listen) && nla_put(msg, ANM_MEM_CFG_LISTEN, 16, &up->listen)) ||
	    (up->name[0] && nla_put_string(msg, ANM_MEM_CFG_NAME, up->name)) ||
	    (memcmp(up->pool, zero, 16) && nla_put(msg, ANM_MEM_CFG_POOL_UUID, 16, up->pool)) ||
	    (up->mtu && nla_put_u16(msg, ANM_MEM_CFG_MTU, up->mtu)) ||
	    (up->zone[0] && nla_put_string(msg, ANM_MEM_CFG_ZONE, up->zone)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int up_call(const struct memctl_opts *o, const struct up *up)
{
	struct nl_msg *msg;
	struct ctl c;
	int rc;

	if (memctl_connect(&c, o))
		return EXIT_FAILURE;
	msg = ctl_msg(&c, ANM_MEM_CMD_UP, false);
	if (msg && up_put(msg, up)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	rc = ctl_call(&c, msg, NULL, NULL);
	if (rc)
		memctl_error("%s", c.err);
	ctl_close(&c);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

int memctl_up(const struct memctl_opts *o)
{
	struct memctl_opts module = *o;
	char err[256], size[SIZE_TEXT_MAX];
	struct up up = {.donation = 0};
	bool loaded = false;
	int rc = up_read(o, &up);

	if (rc)
		return rc;
	/* a daemon is made by starting it: what can be brought up is the module's server */
	if (!module.where)
		module.where = CTL_MODULE;
	if (!strcmp(module.where, CTL_MODULE) &&
	    module_load(MEMCTL_MODULE, MEMCTL_OPTIONS, &loaded, err, sizeof(err))) {
		memctl_error("%s", err);
		return EXIT_FAILURE;
	}
	rc = up_call(&module, &up);
	if (rc && loaded)
		module_unload(MEMCTL_MODULE, err, sizeof(err));
	if (!rc)
		printf("donating %s; memctl shows whether the engine has let it in\n",
		       format_size(up.donation & ~(unsigned long long)ANM_PAGE_MASK, size,
				   sizeof(size)));
	return rc;
}

static int down_misuse(const struct memctl_opts *o)
{
	if (o->cancel && (o->drain || o->force))
		memctl_error("--cancel goes with neither --drain nor --force");
	else if (o->timeout && !o->drain)
		memctl_error("--timeout is of --drain");
	else
		return 0;
	return EXIT_USAGE;
}

static int down_call(struct ctl *c, bool force)
{
	struct nl_msg *msg = ctl_msg(c, ANM_MEM_CMD_DOWN, false);
	int rc;

	if (msg && force && nla_put_flag(msg, ANM_MEM_A_FORCE)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	rc = ctl_call(c, msg, NULL, NULL);
	/* loaded but without a server: unloading is what is left to do */
	return rc == -ENOENT && c->module ? 0 : rc;
}

int memctl_down(const struct memctl_opts *o)
{
	int rc = down_misuse(o);
	u64 stored = 0;
	char err[256];
	struct ctl c;

	if (rc)
		return rc;
	if (memctl_connect(&c, o))
		return EXIT_FAILURE;
	if (o->drain || o->cancel) {
		rc = memctl_drain(&c, o);
		if (o->cancel || (rc && !o->force)) {
			ctl_close(&c);
			return rc;
		}
	}
	if (o->force && (rc || !o->drain))
		stored = memctl_stored(&c);
	rc = down_call(&c, o->force);
	if (rc)
		memctl_error("%s", c.err);
	else if (stored)
		memctl_error("%llu pages were stored here; those without a second copy are lost",
			     (unsigned long long)stored);
	/* other namespaces may have servers of their own: then the module stays */
	if (!rc && c.module && module_unload(MEMCTL_MODULE, err, sizeof(err)))
		memctl_error("the donation is freed, but %s", err);
	ctl_close(&c);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
