// SPDX-License-Identifier: GPL-2.0-only
/* engctl: options and commands. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../proto/addr_user.h"
#include "../../proto/size_user.h"
#include "../../proto/state_user.h"
#include "engctl.h"

struct command {
	const char *words[2];
	int nargs; /* after the words */
	unsigned int takes;
	int (*run)(struct opts *o);
	const char *usage;
	const char *help;
};

#define EVERYWHERE (O_JSON | O_CONTROL)

static const struct command commands[] = {
	{{"status"},
	 0,
	 O_VERBOSE,
	 cmd_status,
	 "status [--verbose]",
	 "Show the engine, its memory servers, VAIs and counters. The same as no command.\n"
	 "\n"
	 "  -v, --verbose            counters that are zero, too\n"},
	{{"up"},
	 0,
	 O_DAEMON | O_MODULE | O_STATE | O_UUID | O_DOORS | O_NO_RPCBIND | O_CONFIG | O_ATTACH,
	 cmd_up,
	 "up [--daemon | --module FILE | --attach] [OPTION]...",
	 "Load the kernel module and make an engine in this network namespace, or start the\n"
	 "daemon. Makes the VAIs that were there before, and has the memory servers tell what\n"
	 "they hold; clients wait meanwhile. Options given are kept for the next start.\n"
	 "Registers NFS and MOUNT with rpcbind when that runs.\n"
	 "\n"
	 "  -d, --daemon             start anemone-engined, in place of the module\n"
	 "  -M, --module FILE        load this anemone_engine.ko\n"
	 "  -A, --attach             a daemon runs that was started with --wait: wait for it\n"
	 "  -F, --config FILE        where all this is kept, with the VAIs and memory servers\n"
	 "                           (default " CONF_FILE "; with --state DIR\n"
	 "                           engine.json there)\n"
	 "  -l, --listen ADDR        address to serve on (default: all)\n"
	 "  -n, --nfs-port PORT      NFS, UDP and TCP (default 2049)\n"
	 "  -m, --mount-port PORT    MOUNT, UDP and TCP (default 20048)\n"
	 "  -a, --amp-port PORT      memory servers, UDP (default 20405)\n"
	 "      --no-tcp             serve UDP only\n"
	 "      --door DOOR          of the daemon, how datagrams come in: socket (default); xdp: "
	 "by\n"
	 "                           AF_XDP as well; auto: so, if it is to be had\n"
	 "      --interface NAME     on which interface, for xdp and auto\n"
	 "  -i, --insecure           take client ports of 1024 and above\n"
	 "      --heartbeat-ms MS    how often memory servers report (default 1000)\n"
	 "      --dead-ms MS         silence after which one is given up (default 5000)\n"
	 "      --recover-ms MS      how long memory servers of before are waited for\n"
	 "                           (default 30000)\n"
	 "  -u, --uuid UUID          identity of a new engine; drawn when not given\n"
	 "  -s, --state DIR          for what is registered with rpcbind\n"
	 "      --repair-after-ms MS a server away for so long has its copies made anew\n"
	 "                           elsewhere (default 10000)\n"
	 "      --move-rate PAGES    pages a second that repair and drain may move\n"
	 "                           (default 25000)\n"
	 "      --overcommit PERCENT reserve so much beyond what is donated (default 0). What is\n"
	 "                           written beyond that is refused with no space\n"
	 "      --cache-size SIZE    memory for the page cache; 0 for none (default)\n"
	 "  -u, --uuid UUID          identity of the engine, in place of the kept one\n"
	 "  -s, --state DIR          where secret, UUID and epoch are kept\n"
	 "                           (default " ENG_STATE_DIR ")\n"
	 "      --no-rpcbind         do not register with rpcbind\n"},
	{{"down"},
	 0,
	 O_FORCE | O_STATE,
	 cmd_down,
	 "down [--force]",
	 "End the engine and unload the module, or end the daemon. Refused while a VAI is in\n"
	 "use. The memory servers keep the pages: after the next 'engctl up' all is as before.\n"
	 "\n"
	 "  -f, --force              even so; the clients wait until it is up again\n"
	 "  -s, --state DIR          as given to up\n"},
	{{"vai", "create"},
	 1,
	 O_SIZE | O_CLIENT | O_CLASS | O_UUID | O_DISCARD | O_HEDGE | O_COMPRESS | O_SAME_FILLED |
		 O_SPLIT | O_CACHE | O_READAHEAD,
	 cmd_vai_create,
	 "vai create NAME --size SIZE --client ADDR [--class CLASS] [OPTION]...",
	 "Reserve memory for a swap file and export it as /NAME to one client.\n"
	 "\n"
	 "  -S, --size SIZE          bytes, or with K, M, G, T\n"
	 "  -C, --client ADDR        IPv4 or IPv6 address of the one client\n"
	 "  -k, --class CLASS        normal: one copy of each page (default);\n"
	 "                           critical: two, on different servers\n"
	 "  -u, --uuid UUID          identity; drawn when not given\n"
	 "      --discard-on-unmount give the contents back to the pool some seconds after the\n"
	 "                           client has unmounted it\n"
	 "      --hedge, --compress, --same-filled, --split, --cache, --readahead\n"
	 "                           see vai set\n"},
	{{"vai", "set"},
	 1,
	 O_HEDGE | O_COMPRESS | O_SAME_FILLED | O_SPLIT | O_CACHE | O_READAHEAD,
	 cmd_vai_set,
	 "vai set NAME [--hedge on|off] [--compress MODE] [--same-filled on|off]\n"
	 "       [--split on|off] [--cache MODE] [--readahead on|off]",
	 "Change how a VAI is served; in effect at once, clients go on.\n"
	 "\n"
	 "      --hedge on|off       class critical: ask the other copy's server too when a read\n"
	 "                           takes longer than nearly all did (default on)\n"
	 "      --compress MODE      auto: pages written from now on are compressed while that\n"
	 "                           pays (default); on: always tried; off\n"
	 "      --same-filled on|off keep pages of one repeated word as that word (default on)\n"
	 "      --split on|off       clients over UDP, jumbo frames: memory servers answer reads\n"
	 "                           themselves, from the engine's address (default off)\n"
	 "      --cache MODE         on: keep its pages in the engine's page cache, if it has one\n"
	 "                           (default); off; writeback: answer a WRITE when it is there "
	 "and\n"
	 "                           store it later; a crash of the engine loses the VAI's "
	 "contents\n"
	 "      --readahead on|off   fetch into that cache what a client that reads in order will\n"
	 "                           ask for next (default off)\n"},
	{{"vai", "list"}, 0, 0, cmd_vai_list, "vai list", "List the VAIs.\n"},
	{{"vai", "show"}, 1, 0, cmd_vai_show, "vai show NAME", "Show everything about one VAI.\n"},
	{{"vai", "delete"},
	 1,
	 O_FORCE,
	 cmd_vai_delete,
	 "vai delete NAME [--force]",
	 "Stop exporting a VAI and give its pages back. Refused while it is in use.\n"
	 "\n"
	 "  -f, --force              even so; the client loses its pages\n"},
	{{"server", "list"}, 0, 0, cmd_server_list, "server list", "List the memory servers.\n"},
	{{"server", "show"},
	 1,
	 0,
	 cmd_server_show,
	 "server show NAME",
	 "Show everything about one memory server (name or UUID).\n"},
	{{"vai", "resize"},
	 1,
	 O_SIZE,
	 cmd_vai_resize,
	 "vai resize NAME --size SIZE",
	 "Change the size of a VAI that is not mounted. Growing reserves more memory; shrinking\n"
	 "discards the pages behind the new end. The swap header that a VAI is born with fits\n"
	 "the new size; one that the client wrote itself (mkswap) cannot be adapted: run mkswap\n"
	 "again, or discard the contents.\n"
	 "\n"
	 "  -S, --size SIZE          bytes, or with K, M, G, T\n"},
	{{"vai", "discard"},
	 1,
	 O_FORCE,
	 cmd_vai_discard,
	 "vai discard NAME [--force]",
	 "Forget the contents of a VAI: it reads as never written, its memory is the pool's\n"
	 "again, the reservation stays. Refused while it is in use.\n"
	 "\n"
	 "  -f, --force              even so; the client loses its pages\n"},
	{{"server", "drain"},
	 1,
	 O_CANCEL | O_WAIT,
	 cmd_server_drain,
	 "server drain NAME [--wait] [--cancel]",
	 "Move the pages of a memory server (name or UUID) to the others while clients go on.\n"
	 "Refused when the others cannot hold what is stored and reserved. 'server list' shows\n"
	 "the progress. A drained server stays until it is ended there (memctl down).\n"
	 "\n"
	 "  -w, --wait               show the progress, return when it is done\n"
	 "      --cancel             leave off; the server is used again\n"},
	{{"server", "remove"},
	 1,
	 O_FORCE,
	 cmd_server_remove,
	 "server remove NAME [--force]",
	 "Forget a memory server (name or UUID) that is dead or has left. Refused while it is\n"
	 "alive or pages are mapped to it.\n"
	 "\n"
	 "  -f, --force              even so; pages that only it has are lost\n"},
	{{"monitor"},
	 0,
	 O_SAVE,
	 cmd_monitor,
	 "monitor [--save]",
	 "Show events as they happen: servers that come and go, VAIs that are created, mounted\n"
	 "and deleted, pages that are lost. With --json one object a line.\n"
	 "\n"
	 "      --save               keep the configuration up to date: see 'engctl save'\n"},
	{{"save"},
	 0,
	 0,
	 cmd_save,
	 "save",
	 "Write the VAIs and memory servers that the engine has into the file that 'engctl up'\n"
	 "will read. Commands that change something do this by themselves; what is left are\n"
	 "memory servers that came or started anew since.\n"},
	{{"restore"},
	 1,
	 O_CHECK | O_CONFIG | O_STATE,
	 cmd_restore,
	 "restore FILE [--check]",
	 "Put FILE, a copy of a kept configuration, in its place. The engine must be down.\n"
	 "\n"
	 "      --check              only tell whether it is all right\n"
	 "  -F, --config FILE        the place (default " CONF_FILE ")\n"
	 "  -s, --state DIR          as given to up\n"},
	{{"vai", "forget-unknown"},
	 0,
	 0,
	 cmd_forget_unknown,
	 "vai forget-unknown",
	 "Have the memory servers forget pages of VAIs that the engine does not have.\n"
	 "'engctl status' tells of them. If such a VAI is to be restored, do that first.\n"},
};

static const char common_help[] =
	"\n"
	"  -j, --json               output for programs\n"
	"  -c, --control WHERE      'module', or the path of a daemon's socket (default: the\n"
	"                           daemon at " ANM_ENG_SOCK_PATH " if one\n"
	"                           listens there, else the module)\n"
	"  -h, --help               show this help, or that of a command\n"
	"  -V, --version            show the version\n";

enum {
	OPT_NO_TCP = 256,
	OPT_HEARTBEAT,
	OPT_DEAD,
	OPT_NO_RPCBIND,
	OPT_RECOVER,
	OPT_CHECK,
	OPT_SAVE,
	OPT_REPAIR,
	OPT_RATE,
	OPT_OVERCOMMIT,
	OPT_CANCEL,
	OPT_DISCARD,
	OPT_HEDGE,
	OPT_COMPRESS,
	OPT_SAME_FILLED,
	OPT_SPLIT,
	OPT_CACHE,
	OPT_CACHE_SIZE,
	OPT_READAHEAD,
	OPT_DOOR,
	OPT_INTERFACE,
};

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"control", required_argument, NULL, 'c'},
	{"force", no_argument, NULL, 'f'},
	{"size", required_argument, NULL, 'S'},
	{"client", required_argument, NULL, 'C'},
	{"class", required_argument, NULL, 'k'},
	{"uuid", required_argument, NULL, 'u'},
	{"verbose", no_argument, NULL, 'v'},
	{"daemon", no_argument, NULL, 'd'},
	{"module", required_argument, NULL, 'M'},
	{"state", required_argument, NULL, 's'},
	{"listen", required_argument, NULL, 'l'},
	{"nfs-port", required_argument, NULL, 'n'},
	{"mount-port", required_argument, NULL, 'm'},
	{"amp-port", required_argument, NULL, 'a'},
	{"insecure", no_argument, NULL, 'i'},
	{"no-tcp", no_argument, NULL, OPT_NO_TCP},
	{"heartbeat-ms", required_argument, NULL, OPT_HEARTBEAT},
	{"dead-ms", required_argument, NULL, OPT_DEAD},
	{"no-rpcbind", no_argument, NULL, OPT_NO_RPCBIND},
	{"recover-ms", required_argument, NULL, OPT_RECOVER},
	{"check", no_argument, NULL, OPT_CHECK},
	{"save", no_argument, NULL, OPT_SAVE},
	{"attach", no_argument, NULL, 'A'},
	{"config", required_argument, NULL, 'F'},
	{"repair-after-ms", required_argument, NULL, OPT_REPAIR},
	{"move-rate", required_argument, NULL, OPT_RATE},
	{"overcommit", required_argument, NULL, OPT_OVERCOMMIT},
	{"cancel", no_argument, NULL, OPT_CANCEL},
	{"wait", no_argument, NULL, 'w'},
	{"discard-on-unmount", no_argument, NULL, OPT_DISCARD},
	{"hedge", required_argument, NULL, OPT_HEDGE},
	{"compress", required_argument, NULL, OPT_COMPRESS},
	{"same-filled", required_argument, NULL, OPT_SAME_FILLED},
	{"split", required_argument, NULL, OPT_SPLIT},
	{"cache", required_argument, NULL, OPT_CACHE},
	{"readahead", required_argument, NULL, OPT_READAHEAD},
	{"cache-size", required_argument, NULL, OPT_CACHE_SIZE},
	{"door", required_argument, NULL, OPT_DOOR},
	{"interface", required_argument, NULL, OPT_INTERFACE},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

int complain(const char *fmt, ...)
{
	va_list ap;

	fputs("engctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

int misuse(const char *fmt, ...)
{
	va_list ap;

	fputs("engctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\nTry 'engctl --help'.\n", stderr);
	return 2;
}

const char *target(const struct opts *o)
{
	return o->control ? o->control : ctl_default(ANM_ENG_SOCK_PATH);
}

int connect_to(struct ctl *c, const char *where)
{
	int rc = ctl_open(c, where, ANM_ENG_GENL_NAME, ANM_ENG_MCGRP_EVENTS);

	if (!rc)
		return 0;
	ctl_close(c);
	if (rc == -ENOENT && !strcmp(where, CTL_MODULE))
		return complain("there is no engine: no module is loaded and no daemon runs; bring "
				"one up with 'engctl up' or 'engctl up --daemon'");
	return complain("%s", c->err);
}

static int help(const struct command *cmd)
{
	size_t i;

	if (cmd) {
		printf("Usage: engctl %s\n%s%s", cmd->usage, cmd->help, common_help);
		return 0;
	}
	puts("Usage: engctl [COMMAND] [OPTION]...\n"
	     "Control the Anemone engine, which serves swap files out of other machines' memory.\n"
	     "\n"
	     "Commands; 'engctl COMMAND --help' tells more:");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %s\n", commands[i].usage);
	fputs(common_help, stdout);
	return 0;
}

static bool matches(const struct command *cmd, const struct opts *o)
{
	if (!o->nwords || strcmp(cmd->words[0], o->words[0]))
		return false;
	return !cmd->words[1] || (o->nwords > 1 && !strcmp(cmd->words[1], o->words[1]));
}

static const struct command *find(const struct opts *o)
{
	size_t i;

	if (!o->nwords)
		return &commands[0];
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (matches(&commands[i], o))
			return &commands[i];
	return NULL;
}

static int number(const char *s, u32 max, u32 *v)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(s, &end, 10);
	if (errno || end == s || *end || *s == '-' || n > max)
		return -1;
	*v = n;
	return 0;
}

static int take_door(struct opts *o, int c)
{
	struct eng_ctl_up *up = &o->up;
	u32 v = 0;

	o->seen |= O_DOORS;
	if (strchr("nma", c) && (number(optarg, 65535, &v) || (!v && !strchr("nma", c))))
		return misuse("\"%s\" is not a port", optarg);
	if ((c == OPT_HEARTBEAT || c == OPT_DEAD) && number(optarg, ENG_DEAD_MS_MAX, &v))
		return misuse("\"%s\" is not a time in ms", optarg);
	if (c == OPT_RECOVER && number(optarg, ENG_RECOVER_MS_MAX, &v))
		return misuse("\"%s\" is not a time in ms", optarg);
	if ((c == OPT_REPAIR && number(optarg, ENG_REPAIR_MS_MAX, &v)) ||
	    (c == OPT_RATE && number(optarg, ENG_MOVE_RATE_MAX, &v)) ||
	    (c == OPT_OVERCOMMIT && number(optarg, ENG_OVERCOMMIT_MAX, &v)))
		return misuse("\"%s\" is not a number, or too large", optarg);
	if (c == OPT_CACHE_SIZE && parse_pages(optarg, ENG_CACHE_MAX, &v))
		return misuse("\"%s\" is not a size of whole pages up to 64G", optarg);
	if (c == OPT_DOOR && conf_door(optarg) < 0)
		return misuse("\"%s\" is none of socket, auto and xdp", optarg);
	if (c == OPT_INTERFACE && strlen(optarg) > ENG_INTERFACE_MAX)
		return misuse("\"%s\" is too long for an interface", optarg);
	switch (c) {
	case 'l':
		if (addr_parse(optarg, &up->listen))
			return misuse("\"%s\" is not an address", optarg);
		o->given |= G_LISTEN;
		break;
	case 'n':
		up->nfs_port = v;
		o->given |= G_NFS;
		break;
	case 'm':
		up->mount_port = v;
		o->given |= G_MOUNT;
		break;
	case 'a':
		up->amp_port = v;
		o->given |= G_AMP;
		break;
	case 'i':
		up->cfg.insecure = true;
		o->given |= G_INSECURE;
		break;
	case OPT_NO_TCP:
		up->tcp = false;
		o->given |= G_TCP;
		break;
	case OPT_HEARTBEAT:
		up->cfg.heartbeat_ms = v;
		o->given |= G_HEARTBEAT;
		break;
	case OPT_DEAD:
		up->cfg.dead_ms = v;
		o->given |= G_DEAD;
		break;
	case OPT_RECOVER:
		up->cfg.recover_ms = v;
		o->given |= G_RECOVER;
		break;
	case OPT_REPAIR:
		up->cfg.repair_after_ms = v;
		o->given |= G_REPAIR;
		break;
	case OPT_RATE:
		up->cfg.move_rate = v;
		o->given |= G_RATE;
		break;
	case OPT_OVERCOMMIT:
		up->cfg.overcommit = v;
		o->given |= G_OVERCOMMIT;
		break;
	case OPT_CACHE_SIZE:
		up->cfg.cache_pages = v;
		o->given |= G_CACHE;
		break;
	case OPT_DOOR:
		up->door = conf_door(optarg);
		o->given |= G_DOOR;
		break;
	case OPT_INTERFACE:
		strcpy(up->interface, optarg);
		o->given |= G_INTERFACE;
		break;
	}
	return 0;
}

static int take_option(struct opts *o, int c)
{
	static const struct {
		int c;
		unsigned int bit;
		size_t off;
	} texts[] = {
		{'c', O_CONTROL, offsetof(struct opts, control)},
		{'S', O_SIZE, offsetof(struct opts, size)},
		{'C', O_CLIENT, offsetof(struct opts, client)},
		{'k', O_CLASS, offsetof(struct opts, class)},
		{'u', O_UUID, offsetof(struct opts, uuid)},
		{'M', O_MODULE, offsetof(struct opts, module)},
		{'s', O_STATE, offsetof(struct opts, state)},
		{'F', O_CONFIG, offsetof(struct opts, config)},
		{OPT_HEDGE, O_HEDGE, offsetof(struct opts, hedge)},
		{OPT_COMPRESS, O_COMPRESS, offsetof(struct opts, compress)},
		{OPT_SAME_FILLED, O_SAME_FILLED, offsetof(struct opts, same_filled)},
		{OPT_SPLIT, O_SPLIT, offsetof(struct opts, split)},
		{OPT_CACHE, O_CACHE, offsetof(struct opts, cache)},
		{OPT_READAHEAD, O_READAHEAD, offsetof(struct opts, readahead)},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		if (texts[i].c != c)
			continue;
		o->seen |= texts[i].bit;
		*(const char **)((char *)o + texts[i].off) = optarg;
		return 0;
	}
	switch (c) {
	case 'j':
		o->seen |= O_JSON;
		o->json = true;
		return 0;
	case 'f':
		o->seen |= O_FORCE;
		o->force = true;
		return 0;
	case 'v':
		o->seen |= O_VERBOSE;
		o->verbose = true;
		return 0;
	case 'd':
		o->seen |= O_DAEMON;
		return 0;
	case 'A':
		o->seen |= O_ATTACH | O_DAEMON;
		return 0;
	case OPT_CHECK:
		o->seen |= O_CHECK;
		return 0;
	case OPT_SAVE:
		o->seen |= O_SAVE;
		return 0;
	case 'w':
		o->seen |= O_WAIT;
		o->wait = true;
		return 0;
	case OPT_CANCEL:
		o->seen |= O_CANCEL;
		o->cancel = true;
		return 0;
	case OPT_DISCARD:
		o->seen |= O_DISCARD;
		o->discard_on_unmount = true;
		return 0;
	case OPT_NO_RPCBIND:
		o->seen |= O_NO_RPCBIND;
		return 0;
	case '?':
		fputs("Try 'engctl --help'.\n", stderr);
		return 2;
	default:
		return take_door(o, c);
	}
}

static int run(struct opts *o, bool want_help)
{
	const struct command *cmd = find(o);
	int nwords;

	if (want_help && (!o->nwords || cmd))
		return help(o->nwords ? cmd : NULL);
	if (!cmd && o->nwords > 1)
		return misuse("no such command: %s %s", o->words[0], o->words[1]);
	if (!cmd)
		return misuse("no such command: %s", o->words[0]);
	nwords = o->nwords ? 1 + !!cmd->words[1] : 0;
	if (o->nwords - nwords < cmd->nargs)
		return cmd->words[1]
			       ? misuse("%s %s: the name of a %s is missing", cmd->words[0],
					cmd->words[1],
					strcmp(cmd->words[0], "vai") ? "memory server" : "VAI")
			       : misuse("%s: the name of a file is missing", cmd->words[0]);
	if (o->nwords - nwords > cmd->nargs)
		return misuse("unexpected argument: %s", o->words[nwords + cmd->nargs]);
	if (o->seen & ~(cmd->takes | EVERYWHERE))
		return misuse(
			"%s%s%s does not take one of these options; see 'engctl %s%s%s --help'",
			cmd->words[0], cmd->words[1] ? " " : "", cmd->words[1] ? cmd->words[1] : "",
			cmd->words[0], cmd->words[1] ? " " : "",
			cmd->words[1] ? cmd->words[1] : "");
	if ((cmd->takes & O_DOORS) && o->uuid && uuid_parse(o->uuid, o->up.cfg.engine_uuid))
		return misuse("\"%s\" is not a UUID", o->uuid);
	return cmd->run(o);
}

int main(int argc, char **argv)
{
	static struct opts o;
	bool want_help = false;
	int c, rc;

	o.state = ENG_STATE_DIR;
	eng_ctl_up_defaults(&o.up);
	while ((c = getopt_long(argc, argv, "jc:fS:C:k:u:vdM:s:l:n:m:a:iAF:whV", long_options,
				NULL)) != -1) {
		if (c == 'V') {
			puts("engctl " ANM_VERSION);
			return 0;
		}
		if (c == 'h') {
			want_help = true;
			continue;
		}
		rc = take_option(&o, c);
		if (rc)
			return rc;
	}
	o.words = argv + optind;
	o.nwords = argc - optind;
	rc = run(&o, want_help);
	if (fflush(stdout) || ferror(stdout))
		return complain("output: %s", strerror(errno));
	return rc;
}
