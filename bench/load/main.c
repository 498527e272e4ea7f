// SPDX-License-Identifier: GPL-2.0-only
/* The load generator: options, one run, one line of JSON. */
#include <dirent.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>
#include "load.h"

#define WATCH_MAX   16
#define WARM_PART   8 /* so large a part of the operations comes before, unmeasured */
#define RANDOM_SEED 0x2545f4914f6cdd1dULL

static const char usage[] =
	"Usage: load [OPTION]... PROTOCOL HOST PORT\n"
	"Read pages of 4 KiB at random, so many at a time, and check every one.\n"
	"PROTOCOL is echo, nfs-udp, nfs-tcp, nbd, memcached or redis.\n"
	"\n"
	"  -f, --fill              write every page once instead, what reading wants to find\n"
	"  -n, --ops N             requests that are measured (default 100000)\n"
	"  -d, --depth N           outstanding (default 32)\n"
	"  -p, --pages N           working set (default 16384)\n"
	"      --first N           its first page (default 1: of a VAI, 0 is the swap header)\n"
	"      --path PATH         NFS: /DIRECTORY/FILE; NBD: the export's name\n"
	"      --mount-port PORT   NFS\n"
	"      --cpu N             stay on this processor\n"
	"  -w, --watch PID[,PID]   tell what processor time these and their children took\n";

/* Processes, and their time: negated at the beginning, so that adding it at the end leaves what they took. */
struct watch {
	int pids[WATCH_MAX];
	s64 ns[WATCH_MAX];
	int n;
};

enum { OPT_FIRST = 256, OPT_PATH, OPT_MOUNT, OPT_CPU };

static const struct option long_options[] = {
	{"fill", no_argument, NULL, 'f'},
	{"ops", required_argument, NULL, 'n'},
	{"depth", required_argument, NULL, 'd'},
	{"pages", required_argument, NULL, 'p'},
	{"first", required_argument, NULL, OPT_FIRST},
	{"path", required_argument, NULL, OPT_PATH},
	{"mount-port", required_argument, NULL, OPT_MOUNT},
	{"cpu", required_argument, NULL, OPT_CPU},
	{"watch", required_argument, NULL, 'w'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const struct load_proto *proto_find(const char *name)
{
	static const struct load_proto *const all[] = {
		&load_echo, &load_nfs_udp, &load_nfs_tcp, &load_nbd, &load_memcached, &load_redis,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	fprintf(stderr, "load: no protocol %s\n", name);
	exit(2);
}

static void stay_on(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		perror("load: --cpu");
		exit(2);
	}
}

static void take_watch(struct watch *w, char *list)
{
	char *pid, *rest = NULL;

	for (pid = strtok_r(list, ",", &rest); pid; pid = strtok_r(NULL, ",", &rest)) {
		if (w->n == WATCH_MAX) {
			fprintf(stderr, "load: too many to watch\n");
			exit(2);
		}
		w->pids[w->n++] = wl_parse_number(pid, "--watch");
	}
}

static void take_option(struct load *l, struct watch *w, int c)
{
	switch (c) {
	case 'f':
		l->fill = true;
		break;
	case 'n':
		l->ops = wl_parse_number(optarg, "--ops");
		break;
	case 'd':
		l->depth = wl_parse_number(optarg, "--depth");
		break;
	case 'p':
		l->pages = wl_parse_number(optarg, "--pages");
		break;
	case OPT_FIRST:
		l->first = wl_parse_number(optarg, "--first");
		break;
	case OPT_PATH:
		l->path = optarg;
		break;
	case OPT_MOUNT:
		l->mount_port = wl_parse_number(optarg, "--mount-port");
		break;
	case OPT_CPU:
		stay_on(wl_parse_number(optarg, "--cpu"));
		break;
	case 'w':
		take_watch(w, optarg);
		break;
	default:
		wl_usage(c, usage);
	}
}

/* What the scheduler itself sums up, not counted in ticks; ns. @waited: for a processor; or NULL. */
static u64 schedstat(const char *path, u64 *waited)
{
	u64 ns = 0, wait = 0;
	FILE *f = fopen(path, "r");

	if (!f)
		return 0;
	if (fscanf(f, "%llu %llu", &ns, &wait) != 2)
		ns = 0;
	if (waited)
		*waited = wait;
	fclose(f);
	return ns;
}

static u64 thread_ns(int pid, const char *tid)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, tid);
	return schedstat(path, NULL);
}

/* Of all threads of a process. */
static u64 process_ns(int pid)
{
	char path[PATH_MAX];
	struct dirent *e;
	u64 ns = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			ns += thread_ns(pid, e->d_name);
	if (d)
		closedir(d);
	return ns;
}

static int parent_of(int pid)
{
	char path[PATH_MAX];
	int parent = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	fclose(f);
	return parent;
}

/* Of a process and its children: some servers fork for a connection. */
static u64 family_ns(int pid)
{
	u64 ns = process_ns(pid);
	struct dirent *e;
	DIR *d;
	int child;

	d = opendir("/proc");
	while (d && (e = readdir(d))) {
		child = atoi(e->d_name);
		if (child && parent_of(child) == pid)
			ns += process_ns(child);
	}
	if (d)
		closedir(d);
	return ns;
}

static u64 own_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* How long others had the client's processor when it wanted it: shows a machine that is not quiet. */
static u64 own_waited(void)
{
	u64 waited = 0;

	schedstat("/proc/self/schedstat", &waited);
	return waited;
}

static void watch_mark(struct watch *w, int sign)
{
	int i;

	for (i = 0; i < w->n; i++)
		w->ns[i] += sign * (s64)family_ns(w->pids[i]);
}

static void print_result(const struct load *l, struct load_result *r, const struct watch *w,
			 u64 own, u64 waited)
{
	struct wl_summary s;
	int i;

	wl_latency_summary(&r->latency, &s);
	printf("{\"depth\":%u,\"ops\":%llu,\"pages_per_s\":%.0f,\"p50_us\":%.2f,\"p99_us\":%.2f,"
	       "\"mean_us\":%.2f,\"max_us\":%.2f,\"client_s_per_mpage\":%.3f,"
	       "\"client_waited\":%.4f,\"server_s_per_mpage\":[",
	       l->depth, r->ops, r->ops * 1e9 / r->ns, s.p50, s.p99, s.mean, s.max,
	       own / 1e3 / r->ops, (double)waited / r->ns);
	for (i = 0; i < w->n; i++)
		printf("%s%.3f", i ? "," : "", w->ns[i] / 1e3 / r->ops);
	printf("]}\n");
}

static int measure(struct load *l, struct watch *w)
{
	struct load_result r = {0};
	u64 own, waited;

	wl_latency_init(&r.latency, l->ops);
	if (load_run(l, l->ops / WARM_PART + l->depth, NULL))
		return 1;
	watch_mark(w, -1);
	waited = own_waited();
	own = own_ns();
	if (load_run(l, l->ops, &r))
		return 1;
	own = own_ns() - own;
	waited = own_waited() - waited;
	watch_mark(w, 1);
	print_result(l, &r, w, own, waited);
	return 0;
}

static void check_options(const struct load *l)
{
	if (l->depth >= 1 && l->depth <= LOAD_DEPTH_MAX && l->ops && l->pages)
		return;
	fprintf(stderr, "load: 1 to %u outstanding, an operation and a page at least\n",
		LOAD_DEPTH_MAX);
	exit(2);
}

int main(int argc, char **argv)
{
	struct load l = {
		.depth = 32, .pages = 16384, .first = 1, .ops = 100000, .random = RANDOM_SEED};
	struct watch w = {.n = 0};
	int c;

	while ((c = getopt_long(argc, argv, "fn:d:p:w:h", long_options, NULL)) != -1)
		take_option(&l, &w, c);
	if (argc - optind != 3)
		wl_usage('?', usage);
	check_options(&l);
	l.proto = proto_find(argv[optind]);
	l.host = argv[optind + 1];
	l.port = wl_parse_number(argv[optind + 2], "PORT");
	if (l.proto->open) {
		if (l.proto->open(&l))
			return 1;
	} else {
		l.fd = load_connect(l.host, l.port, l.proto->stream ? SOCK_STREAM : SOCK_DGRAM);
		if (l.fd < 0)
			return 1;
	}
	if (l.fill)
		return load_run(&l, l.pages, NULL) ? 1 : 0;
	return measure(&l, &w);
}
