// SPDX-License-Identifier: GPL-2.0-only
/* engctl up and engctl down. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../../proto/module_user.h"
#include "engctl.h"

#define DAEMON	     "anemone-engined"
#define MODULE	     "anemone_engine"
#define MODULE_OPTS  "autostart=0" /* instances are made over netlink */
#define WAIT_STEP_MS 20
#define WAIT_MS	     10000 /* for the daemon to come up or to end */
#define FLUSH_MS     15000 /* for pages to be stored that are not yet */

static void pause_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

/* What was begun and cannot be ended well is undone. */
static int configure(struct ctl *c, const struct conf *conf, bool daemon)
{
	struct nl_msg *msg;
	bool up;

	if (!keep_apply(c, conf, &up))
		return 0;
	if (!up && !daemon)
		return 1;
	msg = ctl_msg(c, ANM_ENG_CMD_DOWN, false);
	if (msg)
		nla_put_flag(msg, ANM_ENG_A_FORCE);
	ctl_call(c, msg, NULL, NULL);
	return 1;
}

static int up_module(struct opts *o, struct conf *conf)
{
	char err[512], file[4096];
	struct ctl c;
	bool loaded;
	int rc;

	/* a '/' is what tells a file from a module's name */
	snprintf(file, sizeof(file), "%s%s", o->module && !strchr(o->module, '/') ? "./" : "",
		 o->module ? o->module : MODULE);
	if (module_load(file, MODULE_OPTS, &loaded, err, sizeof(err)))
		return complain("%s", err);
	rc = connect_to(&c, CTL_MODULE);
	if (!rc)
		rc = keep_start(o, conf);
	if (!rc)
		rc = configure(&c, conf, false);
	ctl_close(&c);
	if (rc && loaded)
		module_unload(MODULE, err, sizeof(err));
	return rc;
}

/* The daemon of the same build lies beside engctl; else the path is searched. */
static void exec_daemon(const char *sock)
{
	const char *const argv[] = {DAEMON, "--wait", "--control", sock, NULL};
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - sizeof(DAEMON) - 1);
	char *slash;
	int fd;

	setsid();
	fd = open("/dev/null", O_RDWR);
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		strcpy(slash + 1, DAEMON);
		execv(self, (char **)argv);
	}
	execvp(DAEMON, (char **)argv);
	complain("cannot start " DAEMON ": %s", strerror(errno));
	_exit(127);
}

/* Return: 0 with @c open at a daemon that has no engine yet; 1 after having said why not. */
static int await_daemon(struct ctl *c, const char *sock, pid_t pid)
{
	int ms, status;

	for (ms = 0; ms < WAIT_MS; ms += WAIT_STEP_MS) {
		if (pid > 0 && waitpid(pid, &status, WNOHANG) == pid)
			return complain("the engine is not up: " DAEMON " ended at once");
		if (!ctl_open(c, sock, ANM_ENG_GENL_NAME, NULL))
			return 0;
		ctl_close(c);
		pause_ms(WAIT_STEP_MS);
	}
	return complain("the engine is not up: no " DAEMON " answers at %s", sock);
}

static bool has_engine(struct ctl *c)
{
	json_t *st = json_object();
	bool yes = !ctl_call(c, ctl_msg(c, ANM_ENG_CMD_STATUS_GET, false), take_status, st);

	json_decref(st);
	return yes;
}

static int up_daemon(struct opts *o, struct conf *conf)
{
	const char *sock = o->control ? o->control : ANM_ENG_SOCK_PATH;
	bool runs, up;
	struct ctl c;
	pid_t pid = 0;
	int rc;

	if (!strcmp(sock, CTL_MODULE))
		return misuse("up --daemon: --control needs the path of a socket");
	runs = !ctl_open(&c, sock, ANM_ENG_GENL_NAME, NULL);
	up = runs && has_engine(&c);
	ctl_close(&c);
	/* One that was just killed may have taken the connection with its last breath. */
	if (runs && !up) {
		runs = !ctl_open(&c, sock, ANM_ENG_GENL_NAME, NULL);
		ctl_close(&c);
	}
	if (up)
		return complain("the engine is up already: a daemon listens at %s", sock);
	if (keep_start(o, conf))
		return 1;
	if (!runs && !(o->seen & O_ATTACH)) {
		fflush(NULL);
		pid = fork();
		if (pid < 0)
			return complain("cannot start " DAEMON ": %s", strerror(errno));
		if (!pid)
			exec_daemon(sock);
	}
	if (await_daemon(&c, sock, pid))
		return 1;
	rc = configure(&c, conf, true);
	ctl_close(&c);
	return rc;
}

static void print_up(const json_t *st, const struct conf *conf)
{
	size_t i;

	printf("engine %s is up: NFS %llu, MOUNT %llu, memory servers %llu\n", str(st, "uuid"),
	       num(st, "nfs_port"), num(st, "mount_port"), num(st, "amp_port"));
	if (conf->nvais)
		printf("%zu VAI%s restored; %zu memory server%s tell what they hold: see 'engctl "
		       "status'\n",
		       conf->nvais, conf->nvais == 1 ? "" : "s", conf->nservers,
		       conf->nservers == 1 ? "" : "s");
	for (i = 0; i < conf->nvais; i++)
		if (conf->vais[i].unflushed)
			printf("VAI %s: pages that were not stored yet went with the last engine; "
			       "all of "
			       "it reads as errors until it is written anew or discarded\n",
			       conf->vais[i].name);
}

/* A unit of systemd brings its saver along; others have to be told. */
static void saver_hint(const struct opts *o, const char *file)
{
	bool here = o->control && strcmp(o->control, CTL_MODULE);

	if (getenv("INVOCATION_ID") || conf_saver_runs(file))
		return;
	fprintf(stderr,
		"engctl: memory servers that come or start anew are not kept in %s unless "
		"'engctl%s%s monitor --save &' runs beside the engine%s\n",
		file, here ? " --control " : "", here ? o->control : "",
		access("/run/systemd/system", F_OK) ? ""
						    : ", or 'systemctl start anemone-engine-save'");
}

int cmd_up(struct opts *o)
{
	bool daemon = o->seen & O_DAEMON;
	struct conf conf = {0};
	struct ctl c;
	json_t *st;
	int rc;

	if (!daemon && o->control && strcmp(o->control, CTL_MODULE))
		return misuse("up: a socket is for --daemon");
	if (daemon && o->module)
		return misuse("up: --daemon and --module exclude each other");
	rc = daemon ? up_daemon(o, &conf) : up_module(o, &conf);
	if (rc ||
	    connect_to(&c, daemon ? (o->control ? o->control : ANM_ENG_SOCK_PATH) : CTL_MODULE)) {
		conf_free(&conf);
		return rc ? rc : 1;
	}
	st = json_object();
	if (ctl_call(&c, ctl_msg(&c, ANM_ENG_CMD_STATUS_GET, false), take_status, st))
		rc = complain("the engine came up, but: %s", c.err);
	ctl_close(&c);
	if (!rc && !(o->seen & O_NO_RPCBIND))
		rpcbind_register(o->state, num(st, "nfs_port"), num(st, "mount_port"),
				 json_is_true(json_object_get(st, "tcp")));
	if (!rc && o->json)
		json_out(json_incref(st));
	else if (!rc)
		print_up(st, &conf);
	if (!rc)
		saver_hint(o, conf.up.file);
	json_decref(st);
	conf_free(&conf);
	return rc;
}

/* Other network namespaces may have engines of their own: then the module stays. */
static int unload(void)
{
	char err[512];
	int rc = module_unload(MODULE, err, sizeof(err));

	if (rc == -EAGAIN || rc == -EBUSY)
		fputs("engctl: the module stays loaded: it is in use elsewhere\n", stderr);
	else if (rc)
		return complain("the engine is down, but: %s", err);
	return 0;
}

static int await_end(const char *sock)
{
	struct ctl c;
	int ms, rc;

	for (ms = 0; ms < WAIT_MS; ms += WAIT_STEP_MS) {
		rc = ctl_open(&c, sock, ANM_ENG_GENL_NAME, NULL);
		ctl_close(&c);
		if (rc == -ENOENT)
			return 0;
		pause_ms(WAIT_STEP_MS);
	}
	return complain("the daemon at %s takes long to end", sock);
}

static int flush(struct ctl *c, bool on)
{
	struct nl_msg *msg = ctl_msg(c, ANM_ENG_CMD_FLUSH, false);

	if (msg && !on)
		nla_put_flag(msg, ANM_ENG_A_CANCEL);
	return ctl_call(c, msg, NULL, NULL);
}

/*
 * What the engine has yet to store it stores, and what came since is kept: servers that joined
 * are in nobody's mind but the engine's.
 *
 * Return: not 0 if it could not be kept.
 */
static int settle(struct ctl *c, bool force)
{
	json_t *st = json_object();
	unsigned long long dirty;
	int rc;

	if (ctl_call(c, ctl_msg(c, ANM_ENG_CMD_STATUS_GET, false), take_status, st)) {
		json_decref(st);
		return 0; /* there is no engine */
	}
	/* Also when it is refused: the machine may be about to end. */
	if (!flush(c, true))
		keep_flushed(c, NULL, FLUSH_MS);
	json_object_clear(st);
	ctl_call(c, ctl_msg(c, ANM_ENG_CMD_STATUS_GET, false), take_status, st);
	dirty = num(st, "dirty_pages");
	if (force && dirty)
		complain("%llu pages could not be stored in %d s: they go with the engine, and the "
			 "VAIs that they are of will read as errors",
			 dirty, FLUSH_MS / 1000);
	rc = keep_save(c, NULL);
	json_decref(st);
	return rc;
}

int cmd_down(struct opts *o)
{
	const char *where = target(o);
	bool module = !strcmp(where, CTL_MODULE);
	struct nl_msg *msg;
	struct ctl c;
	int rc;

	if (connect_to(&c, where))
		return 1;
	if (settle(&c, o->force) && !o->force) {
		flush(&c, false);
		ctl_close(&c);
		return complain("the engine stays up: what it knows would go with it; --force ends "
				"it all the same");
	}
	msg = ctl_msg(&c, ANM_ENG_CMD_DOWN, false);
	if (msg && o->force)
		nla_put_flag(msg, ANM_ENG_A_FORCE);
	rc = ctl_call(&c, msg, NULL, NULL);
	if (rc) {
		char why[sizeof(c.err)];

		memcpy(why, c.err, sizeof(why));
		flush(&c, false);
		memcpy(c.err, why, sizeof(why));
	}
	ctl_close(&c);
	/* A module without an engine is still to be unloaded. */
	if (rc && !(module && rc == -ENODEV))
		return complain("the engine stays up: %s", c.err);
	rpcbind_unregister(o->state);
	rc = module ? unload() : await_end(where);
	if (!rc && o->json)
		json_out(json_pack("{s:b}", "down", 1));
	else if (!rc)
		puts("the engine is down");
	return rc;
}
