// SPDX-License-Identifier: GPL-2.0-only
/* anemone-engined: options, start, the loop, end. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "../../proto/addr_user.h"
#include "../../proto/size_user.h"
#include "../../proto/state_user.h"
#include "daemon.h"

#define END_FLUSH_NS (15 * NS_PER_S) /* for dirty pages to be stored */
#define END_KEPT_NS  (2 * NS_PER_S)  /* for that to be kept */
#define EVENTS_MAX   64
#define DOORS_TRIES  16
#define TICK_SOON_NS NS_PER_MS /* new work may bring new deadlines: tick so soon after it */

struct options {
	const char *control;
	const char *state;
	bool have_uuid;
	bool wait;
};

static const char help[] =
	"Usage: anemone-engined [OPTION]...\n"
	"Serve swap files out of memory servers' RAM over NFSv3, without a kernel module.\n"
	"\n"
	"  -l, --listen ADDR        address to serve on (default: all)\n"
	"  -n, --nfs-port PORT      NFS, UDP and TCP (default 2049; 0: any free one)\n"
	"  -m, --mount-port PORT    MOUNT, UDP and TCP (default 20048)\n"
	"  -a, --amp-port PORT      memory servers, UDP (default 20405)\n"
	"  -c, --control PATH       control socket (default " ANM_ENG_SOCK_PATH ")\n"
	"  -s, --state DIR          where secret, UUID and epoch are kept\n"
	"                           (default " ENG_STATE_DIR ")\n"
	"  -u, --uuid UUID          identity of the engine, in place of the kept one\n"
	"  -i, --insecure           take client ports of 1024 and above\n"
	"      --no-tcp             serve UDP only\n"
	"      --door DOOR          how datagrams come in: socket (default); xdp: by AF_XDP as "
	"well;\n"
	"                           auto: so, if it is to be had\n"
	"      --interface NAME     on which interface, for xdp and auto\n"
	"      --heartbeat-ms MS    how often memory servers report (default 1000)\n"
	"      --dead-ms MS         silence after which one is given up (default 5000)\n"
	"  -w, --wait               make no engine until 'engctl up' says which\n"
	"      --repair-after-ms MS a server away for so long has its copies made anew\n"
	"                           elsewhere (default 10000)\n"
	"      --move-rate PAGES    pages a second that repair and drain may move\n"
	"                           (default 25000)\n"
	"      --overcommit PERCENT reserve so much beyond what is donated (default 0)\n"
	"      --cache-size SIZE    memory for the page cache; 0 for none (default)\n"
	"  -v, --verbose            tell events on standard error\n"
	"  -h, --help               show this help\n"
	"  -V, --version            show the version\n";

enum {
	OPT_NO_TCP = 256,
	OPT_HEARTBEAT,
	OPT_DEAD,
	OPT_REPAIR,
	OPT_RATE,
	OPT_OVERCOMMIT,
	OPT_CACHE_SIZE,
	OPT_DOOR,
	OPT_INTERFACE,
};

static const struct option long_options[] = {
	{"listen", required_argument, NULL, 'l'},
	{"nfs-port", required_argument, NULL, 'n'},
	{"mount-port", required_argument, NULL, 'm'},
	{"amp-port", required_argument, NULL, 'a'},
	{"control", required_argument, NULL, 'c'},
	{"state", required_argument, NULL, 's'},
	{"uuid", required_argument, NULL, 'u'},
	{"insecure", no_argument, NULL, 'i'},
	{"no-tcp", no_argument, NULL, OPT_NO_TCP},
	{"heartbeat-ms", required_argument, NULL, OPT_HEARTBEAT},
	{"dead-ms", required_argument, NULL, OPT_DEAD},
	{"wait", no_argument, NULL, 'w'},
	{"repair-after-ms", required_argument, NULL, OPT_REPAIR},
	{"move-rate", required_argument, NULL, OPT_RATE},
	{"overcommit", required_argument, NULL, OPT_OVERCOMMIT},
	{"cache-size", required_argument, NULL, OPT_CACHE_SIZE},
	{"door", required_argument, NULL, OPT_DOOR},
	{"interface", required_argument, NULL, OPT_INTERFACE},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void tell_wallclock(struct daemon *d)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	eng_set_wallclock(d->e, (s64)(ts.tv_sec * NS_PER_S + ts.tv_nsec) - (s64)now_ns());
}

int daemon_watch(struct daemon *d, int fd, struct sink *sink, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = sink};

	return epoll_ctl(d->ep, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

void daemon_rewatch(struct daemon *d, int fd, struct sink *sink, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = sink};

	epoll_ctl(d->ep, EPOLL_CTL_MOD, fd, &ev);
}

static void usage_error(const char *what, const char *arg)
{
	fprintf(stderr, "anemone-engined: %s: %s\nTry 'anemone-engined --help'.\n", what, arg);
	exit(2);
}

static u32 number(const char *s, u32 max, const char *what)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno || end == s || *end || *s == '-' || v > max)
		usage_error(what, s);
	return v;
}

static u8 door(const char *s)
{
	static const char *const words[] = {ENG_DOOR_WORDS};
	u8 i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(s, words[i]))
			return i;
	usage_error("none of socket, auto and xdp", s);
	return 0;
}

static void take_option(struct daemon *d, struct options *o, int c)
{
	switch (c) {
	case 'l':
		if (addr_parse(optarg, &d->up.listen))
			usage_error("not an address", optarg);
		break;
	case 'n':
		d->up.nfs_port = number(optarg, 65535, "not a port");
		break;
	case 'm':
		d->up.mount_port = number(optarg, 65535, "not a port");
		break;
	case 'a':
		d->up.amp_port = number(optarg, 65535, "not a port");
		break;
	case 'c':
		o->control = optarg;
		break;
	case 's':
		o->state = optarg;
		break;
	case 'u':
		if (uuid_parse(optarg, d->up.cfg.engine_uuid))
			usage_error("not a UUID", optarg);
		o->have_uuid = true;
		break;
	case 'i':
		d->up.cfg.insecure = true;
		break;
	case OPT_NO_TCP:
		d->up.tcp = false;
		break;
	case OPT_HEARTBEAT:
		d->up.cfg.heartbeat_ms = number(optarg, ENG_HB_MS_MAX, "not a time in ms");
		break;
	case OPT_DEAD:
		d->up.cfg.dead_ms = number(optarg, ENG_DEAD_MS_MAX, "not a time in ms");
		break;
	case 'w':
		o->wait = true;
		break;
	case OPT_REPAIR:
		d->up.cfg.repair_after_ms = number(optarg, ENG_REPAIR_MS_MAX, "not a time in ms");
		break;
	case OPT_RATE:
		d->up.cfg.move_rate = number(optarg, ENG_MOVE_RATE_MAX, "not a rate");
		break;
	case OPT_OVERCOMMIT:
		d->up.cfg.overcommit = number(optarg, ENG_OVERCOMMIT_MAX, "not per cent");
		break;
	case OPT_CACHE_SIZE:
		if (parse_pages(optarg, ENG_CACHE_MAX, &d->up.cfg.cache_pages))
			usage_error("not a size of whole pages up to 64G", optarg);
		break;
	case OPT_DOOR:
		d->up.door = door(optarg);
		break;
	case OPT_INTERFACE:
		if (strlen(optarg) > ENG_INTERFACE_MAX)
			usage_error("too long for an interface", optarg);
		strcpy(d->up.interface, optarg);
		break;
	case 'v':
		d->verbose = true;
		break;
	case 'h':
		fputs(help, stdout);
		exit(0);
	case 'V':
		puts("anemone-engined " ANM_VERSION);
		exit(0);
	default:
		fputs("Try 'anemone-engined --help'.\n", stderr);
		exit(2);
	}
}

static int load_state(struct daemon *d, const struct options *o)
{
	struct eng_config *cfg = &d->up.cfg;
	struct eng_err why;
	char err[512];

	if (state_secret(o->state, cfg->secret, err, sizeof(err)) ||
	    (!o->have_uuid && state_uuid(o->state, cfg->engine_uuid, err, sizeof(err))) ||
	    state_epoch(o->state, &cfg->epoch, err, sizeof(err))) {
		fprintf(stderr, "anemone-engined: state: %s; give another place with --state\n",
			err);
		return -EIO;
	}
	if (eng_ctl_up_check(&d->up, &why)) {
		fprintf(stderr, "anemone-engined: %s\n", why.msg);
		return -EINVAL;
	}
	return 0;
}

/*
 * An engine that is itself swapped out may wait for itself. With a finite
 * limit locking would make later allocations fail, so then it is left alone.
 */
static void lock_memory(void)
{
	struct rlimit rl;

	if (geteuid() != 0 && (getrlimit(RLIMIT_MEMLOCK, &rl) || rl.rlim_cur != RLIM_INFINITY))
		fputs("anemone-engined: memory is not locked: not root, and RLIMIT_MEMLOCK is "
		      "finite\n",
		      stderr);
	else if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fprintf(stderr, "anemone-engined: memory is not locked: %s\n", strerror(errno));
}

static void drain(struct daemon *d)
{
	struct anm_out *out;

	if (!d->e)
		return;
	while ((out = eng_out_next(d->e))) {
		if (out->is_amp || out->to.door == ANM_DOOR_UDP)
			udp_queue(d, out);
		else
			tcp_queue(d, out);
	}
	xdp_flush(d);
	udp_flush(d);
	tcp_flush(d);
}

struct fd_sink {
	struct sink sink;
	struct daemon *d;
	int fd;
};

static void timer_ready(struct sink *sink, uint32_t events)
{
	struct fd_sink *s = container_of(sink, struct fd_sink, sink);
	uint64_t n;

	(void)events;
	if (read(s->fd, &n, sizeof(n)) == sizeof(n))
		s->d->armed = U64_MAX;
}

/* What is not stored yet is to be, and who keeps the configuration to know that it is. */
static void end_begin(struct daemon *d)
{
	if (!d->e || d->ending || (!eng_dirty_pages(d->e) && !eng_unflushed(d->e))) {
		d->stopping = true;
		return;
	}
	eng_flush(d->e, true);
	d->ending = now_ns() + END_FLUSH_NS;
	d->wanted = 0;
}

static void end_look(struct daemon *d)
{
	uint32_t dirty = eng_dirty_pages(d->e);
	uint64_t now = now_ns();

	if (!dirty && !d->flushed) {
		d->flushed = true;
		d->ending = min(d->ending, (uint64_t)(now + END_KEPT_NS));
	}
	if (now < d->ending && (dirty || eng_unflushed(d->e)))
		return;
	if (dirty)
		fprintf(stderr,
			"anemone-engined: %u pages could not be stored: the VAIs that they are of "
			"will read as errors\n",
			dirty);
	d->stopping = true;
}

static void signal_ready(struct sink *sink, uint32_t events)
{
	struct fd_sink *s = container_of(sink, struct fd_sink, sink);
	struct signalfd_siginfo si;

	(void)events;
	if (read(s->fd, &si, sizeof(si)) == sizeof(si))
		end_begin(s->d);
}

static int open_signals(struct daemon *d, struct fd_sink *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	*s = (struct fd_sink){.sink.ready = signal_ready, .d = d};
	s->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return s->fd < 0 ? -errno : daemon_watch(d, s->fd, &s->sink, EPOLLIN);
}

static int open_timer(struct daemon *d, struct fd_sink *s)
{
	*s = (struct fd_sink){.sink.ready = timer_ready, .d = d};
	d->armed = U64_MAX;
	s->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return s->fd < 0 ? -errno : daemon_watch(d, s->fd, &s->sink, EPOLLIN);
}

/* A timer that comes too early costs less than setting it anew whenever there is more time. */
static void set_timer(struct daemon *d, int fd, uint64_t at)
{
	struct itimerspec its = {.it_value = {at / NS_PER_S, at % NS_PER_S}};

	if (!at || at >= d->armed)
		return;
	d->armed = at;
	timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL);
}

/*
 * The core says when it wants its next tick, but what came in since may want
 * one earlier: within TICK_SOON_NS of any event the core is ticked again.
 */
static void tick(struct daemon *d, int timer)
{
	uint64_t now = now_ns();

	if (!d->e)
		return;
	if (now >= d->wanted || now >= d->ticked + TICK_SOON_NS) {
		tell_wallclock(d);
		d->ticked = now;
		d->wanted = now + eng_tick(d->e, now);
	} else {
		d->wanted = min(d->wanted, (uint64_t)(d->ticked + TICK_SOON_NS));
		d->wanted = min(d->wanted, (uint64_t)(now + eng_tick_due(d->e)));
	}
	set_timer(d, timer, d->wanted);
}

static void loop(struct daemon *d, int timer)
{
	struct epoll_event ev[EVENTS_MAX];
	int i, n;

	set_timer(d, timer, d->wanted);
	while (!d->stopping) {
		n = epoll_wait(d->ep, ev, EVENTS_MAX, -1);
		for (i = 0; i < n; i++) {
			struct sink *s = ev[i].data.ptr;

			s->ready(s, ev[i].events);
		}
		tick(d, timer);
		drain(d);
		tcp_resume(d);
		drain(d);
		xdp_check(d);
		control_events(d);
		if (d->ending)
			end_look(d);
	}
}

/*
 * A free port is found by UDP; another program may have the same number in TCP.
 * Where any port will do, another one is tried.
 */
static int open_doors(struct daemon *d)
{
	const struct eng_ctl_up asked = d->up;
	bool any = !asked.nfs_port || !asked.mount_port;
	int tries, rc;

	for (tries = 0; tries < DOORS_TRIES; tries++) {
		d->up = asked;
		rc = udp_open(d);
		if (!rc)
			rc = tcp_open(d);
		if (!rc)
			rc = xdp_open(d);
		if (!rc)
			return 0;
		tcp_close(d);
		udp_close(d);
		if (rc != -EADDRINUSE || !any)
			break;
	}
	if (!d->why[0])
		snprintf(d->why, sizeof(d->why), "%s", strerror(-rc));
	return rc;
}

int daemon_up(struct daemon *d, const struct eng_ctl_up *up)
{
	int rc;

	d->up = *up;
	d->why[0] = '\0';
	d->e = eng_create(&d->up.cfg, now_ns());
	if (!d->e) {
		snprintf(d->why, sizeof(d->why), "not enough memory");
		return -ENOMEM;
	}
	tell_wallclock(d);
	d->wanted = now_ns();
	rc = open_doors(d);
	if (rc) {
		eng_destroy(d->e);
		d->e = NULL;
	}
	return rc;
}

static int start(struct daemon *d, const struct options *o)
{
	struct eng_ctl_up asked;
	int rc;

	if (o->wait)
		return control_open(d, o->control);
	rc = load_state(d, o);
	if (rc)
		return rc;
	asked = d->up;
	rc = daemon_up(d, &asked);
	if (rc)
		fprintf(stderr, "anemone-engined: %s\n", d->why);
	return rc ? rc : control_open(d, o->control);
}

static void name_counters(struct daemon *d)
{
	static const char *const names[] = {
#define X(name, help) #name,
		DOOR_COUNTERS(X)
#undef X
	};
	int i;

	for (i = 0; i < DC_NR; i++)
		d->counters[i].name = names[i];
}

int main(int argc, char **argv)
{
	static struct daemon d;
	struct options o = {.control = ANM_ENG_SOCK_PATH, .state = ENG_STATE_DIR};
	struct fd_sink timer, sig;
	int c, rc;

	anm_heap_keep();
	eng_ctl_up_defaults(&d.up);
	name_counters(&d);
	while ((c = getopt_long(argc, argv, "l:n:m:a:c:s:u:iwvhV", long_options, NULL)) != -1)
		take_option(&d, &o, c);
	if (optind < argc)
		usage_error("unexpected argument", argv[optind]);
	d.ep = epoll_create1(EPOLL_CLOEXEC);
	if (d.ep < 0 || open_signals(&d, &sig) || open_timer(&d, &timer)) {
		perror("anemone-engined");
		return 1;
	}
	lock_memory();
	rc = start(&d, &o);
	if (!rc) {
		if (d.verbose && d.e)
			fprintf(stderr, "anemone-engined: NFS port %u, MOUNT %u, AMP %u\n",
				d.up.nfs_port, d.up.mount_port, d.up.amp_port);
		loop(&d, timer.fd);
	}
	tcp_close(&d);
	if (d.e)
		eng_destroy(d.e);
	xdp_close(&d);
	udp_close(&d);
	/* Last: who sees it gone may begin another engine with the same ports. */
	control_close(&d);
	return rc ? 1 : 0;
}
