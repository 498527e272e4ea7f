// SPDX-License-Identifier: GPL-2.0-only
/* memctl: options and commands. */
#include "memctl.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>

#include "../../proto/state_user.h"

static const char usage_text[] =
	"Usage: memctl [status] [--json]\n"
	"       memctl up --engine ADDR[:PORT] --donate SIZE [options]\n"
	"       memctl down | withdraw [--drain [--timeout SECONDS]] [--force] | --cancel\n"
	"Donate memory of this machine to an Anemone engine, through the kernel module;\n"
	"show and end the module's memory server or the daemon's.\n"
	"\n"
	"      --engine ADDR[:PORT]  the engine (port 20405)\n"
	"      --donate SIZE         memory to donate: 512M, 4G; taken at once\n"
	"      --name NAME           name shown at the engine (the host's)\n"
	"      --listen [ADDR][:PORT]  own address and port (any, 20405)\n"
	"      --pool UUID           join this pool only\n"
	"      --mtu N               of the path, 1280 to 9216 (the route's)\n"
	"      --zone NAME           what fails together with this machine: copies of a page are\n"
	"                            never kept in one zone (none)\n"
	"      --state DIR           where the identity is kept (" MEM_STATE_DIR ")\n"
	"      --drain               have the engine move the pages to other servers first; shows\n"
	"                            the progress, and waits\n"
	"      --cancel              end such a drain, the server stays\n"
	"      --timeout SECONDS     do not wait longer than that\n"
	"      --force               end it although pages are stored; with --drain: also when\n"
	"                            they cannot all be moved, or not in time\n"
	"      --json                for programs\n"
	"      --module              talk to the module, even if a daemon runs\n"
	"      --socket PATH         talk to the daemon there (" ANM_MEM_SOCK_PATH ")\n"
	"      --help, --version\n";

void memctl_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("memctl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

int memctl_connect(struct ctl *c, const struct memctl_opts *o)
{
	const char *where = o->where ? o->where : ctl_default(ANM_MEM_SOCK_PATH);
	int rc = ctl_open(c, where, ANM_MEM_GENL_NAME, NULL);

	if (!rc)
		return 0;
	if (rc == -ENOENT && !o->where)
		memctl_error("no memory server runs here: neither the module is loaded nor does a "
			     "daemon listen at %s; start one by memctl up, or name the socket by "
			     "--socket PATH",
			     ANM_MEM_SOCK_PATH);
	else
		memctl_error("%s", c->err);
	ctl_close(c);
	return rc;
}

static int memctl_donate(const struct memctl_opts *o)
{
	(void)o;
	memctl_error("a donation cannot change its size while it is in use: it is taken as a "
		     "whole when the server starts. memctl down, then memctl up --engine ADDR "
		     "--donate SIZE; the engine loses the pages of normal VAIs that are stored "
		     "here");
	return EXIT_FAILURE;
}

enum {
	OPT_ENGINE = 256,
	OPT_DONATE,
	OPT_NAME,
	OPT_LISTEN,
	OPT_POOL,
	OPT_MTU,
	OPT_STATE,
	OPT_FORCE,
	OPT_JSON,
	OPT_MODULE,
	OPT_SOCKET,
	OPT_HELP,
	OPT_VERSION,
	OPT_ZONE,
	OPT_DRAIN,
	OPT_CANCEL,
	OPT_TIMEOUT,
};

static const struct option long_options[] = {
	{"engine", required_argument, NULL, OPT_ENGINE},
	{"donate", required_argument, NULL, OPT_DONATE},
	{"name", required_argument, NULL, OPT_NAME},
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"pool", required_argument, NULL, OPT_POOL},
	{"mtu", required_argument, NULL, OPT_MTU},
	{"state", required_argument, NULL, OPT_STATE},
	{"force", no_argument, NULL, OPT_FORCE},
	{"json", no_argument, NULL, OPT_JSON},
	{"module", no_argument, NULL, OPT_MODULE},
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{"zone", required_argument, NULL, OPT_ZONE},
	{"drain", no_argument, NULL, OPT_DRAIN},
	{"cancel", no_argument, NULL, OPT_CANCEL},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{NULL, 0, NULL, 0},
};

static bool take_timeout(struct memctl_opts *o)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(optarg, &end, 10);
	if (errno || *end || optarg[strspn(optarg, "0123456789")] || !*optarg || v > UINT_MAX) {
		memctl_error("\"%s\" is no number of seconds", optarg);
		return false;
	}
	o->timeout = true;
	o->timeout_s = v;
	return true;
}

static bool take_option(int c, struct memctl_opts *o)
{
	switch (c) {
	case OPT_ENGINE:
		o->engine = optarg;
		return true;
	case OPT_DONATE:
		o->donate = optarg;
		return true;
	case OPT_NAME:
		o->name = optarg;
		return true;
	case OPT_LISTEN:
		o->listen = optarg;
		return true;
	case OPT_POOL:
		o->pool = optarg;
		return true;
	case OPT_MTU:
		o->mtu = optarg;
		return true;
	case OPT_STATE:
		o->state_dir = optarg;
		return true;
	case OPT_FORCE:
		o->force = true;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	case OPT_ZONE:
		o->zone = optarg;
		return true;
	case OPT_DRAIN:
		o->drain = true;
		return true;
	case OPT_CANCEL:
		o->cancel = true;
		return true;
	case OPT_TIMEOUT:
		return take_timeout(o);
	case OPT_MODULE:
		o->where = CTL_MODULE;
		return true;
	case OPT_SOCKET:
		o->where = optarg;
		return true;
	default:
		return false;
	}
}

static int run(const char *command, int nargs, const struct memctl_opts *o)
{
	static const struct {
		const char *name;
		int (*fn)(const struct memctl_opts *o);
		int args;
	} commands[] = {
		{"status", memctl_status, 0}, {"up", memctl_up, 0},
		{"down", memctl_down, 0},     {"withdraw", memctl_down, 0},
		{"donate", memctl_donate, 1},
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, command))
			continue;
		if (nargs <= commands[i].args)
			return commands[i].fn(o);
		memctl_error("too many arguments for %s", command);
		return EXIT_USAGE;
	}
	memctl_error("no command \"%s\"; there are status, up, down and withdraw", command);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct memctl_opts o = {.state_dir = MEM_STATE_DIR};
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == OPT_HELP) {
			fputs(usage_text, stdout);
			return EXIT_SUCCESS;
		}
		if (c == OPT_VERSION) {
			puts("memctl " ANM_VERSION);
			return EXIT_SUCCESS;
		}
		if (!take_option(c, &o)) {
			fputs(usage_text, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return memctl_status(&o);
	return run(argv[optind], argc - optind - 1, &o);
}
