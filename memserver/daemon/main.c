// SPDX-License-Identifier: GPL-2.0-only
/* anemone-memserverd: options, start and end, the event loop. */
#include "daemon.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../../proto/addr_user.h"
#include "../../proto/endpoint_user.h"
#include "../../proto/size_user.h"
#include "../../proto/state_user.h"

#define EXIT_USAGE     2
#define LEAVE_FLUSH_MS 200 /* for the answer to whoever asked for the end */

static const char usage_text[] =
	"Usage: anemone-memserverd --engine ADDR[:PORT] --donate SIZE [options]\n"
	"Donate memory of this machine to an Anemone engine.\n"
	"\n"
	"  -e, --engine ADDR[:PORT]  the engine (port 20405)\n"
	"  -d, --donate SIZE         memory to donate: 512M, 4G; taken at once\n"
	"  -n, --name NAME           name shown at the engine (the host's)\n"
	"  -l, --listen [ADDR][:PORT]\n"
	"                            own address and port (any, 20405; port 0: any free one)\n"
	"  -p, --pool UUID           join this pool only\n"
	"  -s, --state DIR           where the server's identity is kept (" MEM_STATE_DIR ")\n"
	"  -m, --mtu N               of the path, 1280 to 9216 (the route's)\n"
	"  -z, --zone NAME           what fails together with this machine, up to 31 bytes;\n"
	"                            copies of a page are never kept in one zone (none)\n"
	"  -c, --control PATH        control socket (" ANM_MEM_SOCK_PATH "); none: no socket\n"
	"  -f, --foreground          stay in the foreground (always so)\n"
	"  -v, --verbose             say more\n"
	"  -h, --help                this text\n"
	"  -V, --version             version\n";

/**
 * struct opts - the command line.
 * @control_given: a control socket that cannot be had is fatal then
 */
struct opts {
	struct mem_ctl_up up;
	const char *state_dir;
	const char *control;
	bool control_given;
	bool verbose;
};

u64 memd_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * NS_PER_S + (u64)ts.tv_nsec;
}

void memd_log(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("anemone-memserverd: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

/* ---- options ---- */

static int bad_option(const char *what, const char *value, const char *hint)
{
	memd_log("%s \"%s\" is not understood: %s", what, value, hint);
	return -EINVAL;
}

static int parse_donation(const char *s, struct mem_config *cfg)
{
	unsigned long long bytes;

	if (parse_size(s, &bytes))
		return bad_option("donation", s, "give a size such as 512M or 4G");
	cfg->donation = bytes >> ANM_PAGE_SHIFT;
	return 0;
}

static int parse_mtu(const char *s, struct mem_config *cfg)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (!*s || *end || n < AMP_MTU_MIN || n > AMP_MTU_MAX)
		return bad_option("MTU", s, "give a number from 1280 to 9216");
	cfg->mtu = (u16)n;
	return 0;
}

static int parse_option(int c, const char *arg, struct opts *o)
{
	struct mem_config *cfg = &o->up.cfg;

	switch (c) {
	case 'e':
		if (endpoint_parse(arg, &cfg->engine.addr, &cfg->engine.port))
			return bad_option("engine", arg, "give ADDR or ADDR:PORT");
		return 0;
	case 'd':
		return parse_donation(arg, cfg);
	case 'n':
		if (strscpy(cfg->name, arg, sizeof(cfg->name)) < 0)
			return bad_option("name", arg, "at most 63 bytes");
		return 0;
	case 'l':
		if (endpoint_parse(arg, &o->up.listen, &o->up.port))
			return bad_option("own address", arg, "give ADDR, ADDR:PORT or :PORT");
		return 0;
	case 'p':
		if (uuid_parse(arg, cfg->pool_uuid))
			return bad_option("pool", arg, "give its UUID");
		return 0;
	case 's':
		o->state_dir = arg;
		return 0;
	case 'z':
		if (strscpy(cfg->zone, arg, sizeof(cfg->zone)) < 0)
			return bad_option("zone", arg, "at most 31 bytes");
		return 0;
	case 'm':
		return parse_mtu(arg, cfg);
	case 'c':
		o->control = arg;
		o->control_given = true;
		return 0;
	case 'f':
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Return: -1 to go on, otherwise an exit status. */
static int parse_options(int argc, char **argv, struct opts *o)
{
	static const struct option longs[] = {
		{"engine", required_argument, NULL, 'e'},  {"donate", required_argument, NULL, 'd'},
		{"name", required_argument, NULL, 'n'},	   {"listen", required_argument, NULL, 'l'},
		{"pool", required_argument, NULL, 'p'},	   {"state", required_argument, NULL, 's'},
		{"mtu", required_argument, NULL, 'm'},	   {"zone", required_argument, NULL, 'z'},
		{"control", required_argument, NULL, 'c'}, {"foreground", no_argument, NULL, 'f'},
		{"verbose", no_argument, NULL, 'v'},	   {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},	   {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "e:d:n:l:p:s:m:z:c:fvhV", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage_text, stdout);
			return 0;
		}
		if (c == 'V') {
			puts("anemone-memserverd " ANM_VERSION);
			return 0;
		}
		if (parse_option(c, optarg, o))
			return EXIT_USAGE;
	}
	if (optind == argc && !addr_is_any(&o->up.cfg.engine.addr) && o->up.cfg.donation)
		return -1;
	memd_log("%s", optind < argc ? "arguments without an option"
				     : "--engine and --donate (a page or more) are needed");
	fputs(usage_text, stderr);
	return EXIT_USAGE;
}

/* ---- start ---- */

/*
 * One process an identity: the engine would take a second one at this address for the first
 * one after a reboot, and its pages for lost. The lock ends with the process.
 */
static int lock_identity(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		return 0;
	if (fd >= 0 && errno == EWOULDBLOCK)
		memd_log("a memory server with the identity in %s runs already; give another one "
			 "a --state DIR of its own",
			 dir);
	else
		memd_log("%s: %s", dir, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -EBUSY;
}

static int start_core(struct memd *d)
{
	char size[SIZE_TEXT_MAX];
	u64 bytes = d->up.cfg.donation << ANM_PAGE_SHIFT;

	format_size(bytes, size, sizeof(size));
	memd_log("taking %s", size);
	d->m = mem_create(&d->up.cfg, memd_now());
	if (!d->m) {
		memd_log("cannot take %s: this machine has not that much memory available; "
			 "donate less (see MemAvailable in /proc/meminfo)",
			 size);
		return -ENOMEM;
	}
	if (mlockall(MCL_CURRENT))
		memd_log("the donation is not locked (%s) and may be swapped out: raise "
			 "RLIMIT_MEMLOCK or grant CAP_IPC_LOCK",
			 strerror(errno));
	return 0;
}

static int start(struct memd *d, struct opts *o)
{
	char err[256];
	struct mem_err why = {{0}};

	d->up = o->up;
	d->verbose = o->verbose;
	d->mtu_given = o->up.cfg.mtu != 0;
	if (state_uuid(o->state_dir, d->up.cfg.server_uuid, err, sizeof(err))) {
		memd_log("%s; give --state DIR", err);
		return -EINVAL;
	}
	if (lock_identity(o->state_dir))
		return -EBUSY;
	if (mem_ctl_up_check(&d->up, &why)) {
		memd_log("%s", why.msg);
		return -EINVAL;
	}
	if (!d->mtu_given)
		d->up.cfg.mtu = memd_route_mtu(&d->up.cfg.engine, &d->up.listen);
	if (!d->up.cfg.mtu)
		d->up.cfg.mtu = MEM_MTU_FALLBACK;
	d->net = memd_net_open(&d->up.cfg.engine, &d->up.listen, &d->up.port, err, sizeof(err));
	if (!d->net) {
		memd_log("%s", err);
		return -EINVAL;
	}
	if (strcmp(o->control, "none")) {
		d->ctl = memd_control_open(d, o->control, err, sizeof(err));
		if (!d->ctl)
			memd_log("%s%s", err,
				 o->control_given ? "" : "; going on without a control socket");
		if (!d->ctl && o->control_given)
			return -EINVAL;
	}
	return start_core(d);
}

/* ---- running ---- */

void memd_leave(struct memd *d)
{
	if (d->leaving)
		return;
	memd_log("leaving the engine");
	d->leaving = true;
	mem_leave(d->m, memd_now());
}

static void tell_state(struct memd *d, u64 now)
{
	char addr[ADDR_TEXT_MAX];
	struct mem_status st;

	mem_get_status(d->m, &st, now);
	if (st.state == d->state)
		return;
	d->state = st.state;
	addr_format(&st.cfg.engine.addr, addr, sizeof(addr));
	if (st.state == MEM_JOINED)
		memd_log("joined the engine at %s: MTU %u, %u channels, %llu pages stored", addr,
			 st.mtu, st.channels, st.pages);
	else if (st.state == MEM_REFUSED)
		memd_log("refused by the engine at %s: %s", addr, mem_refuse_words(st.refuse_code));
	else if (st.state == MEM_JOINING)
		memd_log("no session with the engine at %s: asking it (MTU %u)", addr, st.cfg.mtu);
}

/* The route may come, go or change while nobody answers. */
static void follow_mtu(struct memd *d, u64 now)
{
	u16 mtu;

	if (d->mtu_given || d->leaving || d->state == MEM_JOINED ||
	    now - d->mtu_checked < MEMD_MTU_MS * NS_PER_MS)
		return;
	d->mtu_checked = now;
	mtu = memd_route_mtu(&d->up.cfg.engine, &d->up.listen);
	if (mtu)
		mem_set_mtu(d->m, mtu, now);
}

/* A timer that comes too early costs less than setting it anew with every message. */
static void arm(struct memd *d, int timer, u64 at)
{
	struct itimerspec it = {.it_value = {at / NS_PER_S, at % NS_PER_S}};

	if (at >= d->armed)
		return;
	d->armed = at;
	timerfd_settime(timer, TFD_TIMER_ABSTIME, &it, NULL);
}

static void timer_ready(struct memd *d, int timer)
{
	u64 ticks;

	if (read(timer, &ticks, sizeof(ticks)) == sizeof(ticks))
		d->armed = U64_MAX;
}

/* The set of events changes only when the socket becomes full or writable again. */
static void watch(int ep, int fd, u32 events, int op)
{
	struct epoll_event ev = {.events = events, .data.fd = fd};

	if (epoll_ctl(ep, op, fd, &ev))
		memd_log("epoll: %s", strerror(errno));
}

static void take_signal(struct memd *d, int sig)
{
	struct signalfd_siginfo si;

	if (read(sig, &si, sizeof(si)) != sizeof(si))
		return;
	if (d->signalled)
		d->state = MEM_LEFT; /* twice: at once */
	d->signalled = true;
	memd_leave(d);
}

static void loop(struct memd *d, int ep, int timer, int sig)
{
	int udp = memd_net_fd(d->net), n, i;
	struct epoll_event ev[4];
	bool full = false, was_full;
	u64 now;

	d->state = U8_MAX;
	d->armed = U64_MAX;
	while (d->state != MEM_LEFT) {
		now = memd_now();
		follow_mtu(d, now);
		arm(d, timer, now + mem_tick(d->m, now));
		was_full = full;
		full = memd_net_send(d->net, d->m);
		if (full != was_full)
			watch(ep, udp, EPOLLIN | (full ? EPOLLOUT : 0), EPOLL_CTL_MOD);
		tell_state(d, now);
		if (d->state == MEM_LEFT)
			break;
		n = epoll_wait(ep, ev, ARRAY_SIZE(ev), -1);
		for (i = 0; i < n; i++) {
			if (ev[i].data.fd == udp)
				memd_net_recv(d->net, d->m);
			else if (ev[i].data.fd == timer)
				timer_ready(d, timer);
			else if (ev[i].data.fd == sig)
				take_signal(d, sig);
			else
				ctls_run(d->ctl);
		}
	}
}

static int run(struct memd *d)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	sig = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (ep < 0 || timer < 0 || sig < 0) {
		memd_log("cannot set up the event loop: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	watch(ep, memd_net_fd(d->net), EPOLLIN, EPOLL_CTL_ADD);
	watch(ep, timer, EPOLLIN, EPOLL_CTL_ADD);
	watch(ep, sig, EPOLLIN, EPOLL_CTL_ADD);
	if (d->ctl)
		watch(ep, ctls_fd(d->ctl), EPOLLIN, EPOLL_CTL_ADD);
	loop(d, ep, timer, sig);
	if (d->ctl)
		ctls_flush(d->ctl, LEAVE_FLUSH_MS);
	close(sig);
	close(timer);
	close(ep);
	return EXIT_SUCCESS;
}

static void finish(struct memd *d)
{
	if (d->verbose && d->net)
		memd_log("%llu datagrams could not be sent", memd_net_errors(d->net));
	ctls_close(d->ctl);
	memd_net_close(d->net);
	mem_destroy(d->m);
}

int main(int argc, char **argv)
{
	struct opts o = {.state_dir = MEM_STATE_DIR, .control = ANM_MEM_SOCK_PATH};
	struct memd d = {0};
	int rc;

	anm_heap_keep();
	mem_ctl_up_defaults(&o.up);
	if (gethostname(o.up.cfg.name, sizeof(o.up.cfg.name) - 1))
		o.up.cfg.name[0] = '\0';
	rc = parse_options(argc, argv, &o);
	if (rc >= 0)
		return rc;
	rc = start(&d, &o) ? EXIT_FAILURE : run(&d);
	finish(&d);
	return rc;
}
