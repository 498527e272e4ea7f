// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's side of the lab: runs commands in guests, speaks QMP, talks to
 * the switch, and ends what a test left behind when it died.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "chan.h"

#define EXIT_GONE	 255 /* the machine went away under the command */
#define EXIT_TIMEOUT	 124
#define CHANNEL_RETRY_MS 50
#define KILL_WAIT_S	 5 /* how long a killed command may take to end */

static const char usage[] =
	"usage: labctl run [-i] [-T] [-t SECONDS] BASE COMMAND\n"
	"         run COMMAND by bash in the guest whose channels are BASE.cmd0, BASE.cmd1 ...\n"
	"         -i pass stdin on, -T on a terminal, -t limit (exit status 124)\n"
	"       labctl qmp SOCKET JSON-COMMAND\n"
	"       labctl switch SOCKET COMMAND\n"
	"       labctl guard OWNER-PID RUN-DIRECTORY\n"
	"         wait until the owner is gone, then end every RUN-DIRECTORY/*.pid\n";

/**
 * struct runner - one command under way
 * @sock: connected to the guest's channel
 * @nonce: of the command
 * @in: received, not yet consumed
 * @in_len: bytes in @in
 * @pass_stdin: stdin still goes to the guest
 * @deadline: monotonic second of the limit, 0 for none
 * @exit_status: reported when the kill that a limit or signal began is over, -1 for none
 */
struct runner {
	int sock;
	uint32_t nonce;
	uint8_t in[4 * CHAN_FRAME_MAX];
	size_t in_len;
	bool pass_stdin;
	time_t deadline;
	int exit_status;
};

static volatile sig_atomic_t got_signal;
static struct termios saved_termios;
static bool termios_saved;

static void on_signal(int sig)
{
	got_signal = sig;
}

static void restore_termios(void)
{
	if (termios_saved)
		tcsetattr(0, TCSANOW, &saved_termios);
}

static time_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static int connect_unix(const char *path, int type)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (strlen(path) >= sizeof(a.sun_path)) {
		close(fd);
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(a.sun_path, path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool write_all(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

static bool send_frame(struct runner *r, enum chan_type type, const void *data, uint32_t len)
{
	uint8_t frame[CHAN_FRAME_MAX];
	struct chan_header h = {{'L', 'A', 'B'}, type, r->nonce, len};

	memcpy(frame, &h, sizeof(h));
	memcpy(frame + sizeof(h), data, len);
	return write_all(r->sock, frame, sizeof(h) + len);
}

/*
 * Take a free channel of the machine: the lock belongs to this process, the
 * kernel frees it with us.  Returns the connected socket or -1 (deadline).
 */
static int channel_take(const char *base, time_t deadline)
{
	char path[PATH_MAX];

	for (;;) {
		for (int i = 0; i < CHAN_PORTS; i++) {
			int lock, sock;

			snprintf(path, sizeof(path), "%s.cmd%d.lock", base, i);
			lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
			if (lock < 0)
				return -1;
			if (flock(lock, LOCK_EX | LOCK_NB)) {
				close(lock);
				continue;
			}
			snprintf(path, sizeof(path), "%s.cmd%d", base, i);
			sock = connect_unix(path, SOCK_STREAM);
			if (sock >= 0 || (errno != EAGAIN && errno != EINTR))
				return sock;
			close(lock);
		}
		if ((deadline && now_s() >= deadline) || got_signal)
			return -1;
		usleep(CHANNEL_RETRY_MS * 1000);
	}
}

/* Consume whole frames; returns true when the command's status is in @status. */
static bool parse(struct runner *r, int *status)
{
	size_t at = 0;
	bool done = false;

	while (!done && r->in_len - at >= sizeof(struct chan_header)) {
		struct chan_header h;
		const uint8_t *payload = r->in + at + sizeof(h);
		int32_t code;

		memcpy(&h, r->in + at, sizeof(h));
		if (memcmp(h.magic, "LAB", 3) || h.len > CHAN_PAYLOAD_MAX || h.nonce != r->nonce) {
			at++;
			continue;
		}
		if (r->in_len - at < sizeof(h) + h.len)
			break;
		if (h.type == CHAN_STATUS && h.len == sizeof(code)) {
			memcpy(&code, payload, sizeof(code));
			*status = code;
			done = true;
		} else if (h.type == CHAN_STDOUT || h.type == CHAN_STDERR) {
			/* A reader of ours that went away ends us by SIGPIPE. */
			write_all(h.type == CHAN_STDOUT ? 1 : 2, payload, h.len);
		}
		at += sizeof(h) + h.len;
	}
	r->in_len -= at;
	memmove(r->in, r->in + at, r->in_len);
	return done;
}

static void pass_stdin(struct runner *r)
{
	uint8_t buf[CHAN_PAYLOAD_MAX];
	ssize_t n = read(0, buf, sizeof(buf));

	if (n > 0) {
		send_frame(r, CHAN_STDIN, buf, n);
	} else if (n == 0 || errno != EINTR) {
		send_frame(r, CHAN_STDIN_EOF, NULL, 0);
		r->pass_stdin = false;
	}
}

/* A limit or a signal of ours ends the command, once; then it gets a little time. */
static bool check_limits(struct runner *r)
{
	bool late = r->deadline && now_s() >= r->deadline;

	if (!late && !got_signal)
		return true;
	if (r->exit_status >= 0)
		return !late;
	r->exit_status = got_signal ? 128 + got_signal : EXIT_TIMEOUT;
	got_signal = 0;
	r->deadline = now_s() + KILL_WAIT_S;
	return send_frame(r, CHAN_KILL, NULL, 0);
}

static int run_loop(struct runner *r)
{
	int status = EXIT_GONE;

	while (check_limits(r)) {
		struct pollfd p[2] = {
			{.fd = r->sock, .events = POLLIN},
			{.fd = r->pass_stdin ? 0 : -1, .events = POLLIN},
		};
		ssize_t n;

		if (poll(p, 2, 500) < 0)
			continue;
		if (p[1].revents)
			pass_stdin(r);
		if (!p[0].revents)
			continue;
		n = read(r->sock, r->in + r->in_len, sizeof(r->in) - r->in_len);
		if (n <= 0)
			break;
		r->in_len += n;
		if (parse(r, &status))
			break;
	}
	return r->exit_status >= 0 ? r->exit_status : status;
}

static void terminal_raw(struct runner *r)
{
	struct winsize ws;
	struct termios t;

	if (tcgetattr(0, &saved_termios) == 0) {
		termios_saved = true;
		atexit(restore_termios);
		t = saved_termios;
		cfmakeraw(&t);
		tcsetattr(0, TCSANOW, &t);
	}
	if (ioctl(0, TIOCGWINSZ, &ws) == 0) {
		uint16_t rc[2] = {ws.ws_row, ws.ws_col};

		send_frame(r, CHAN_WINSIZE, rc, sizeof(rc));
	}
}

static int cmd_run(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_signal};
	static struct runner r = {.exit_status = -1};
	bool tty = false;
	int opt, status;

	while ((opt = getopt(argc, argv, "+iTt:")) != -1) {
		if (opt == 'i')
			r.pass_stdin = true;
		else if (opt == 'T')
			tty = r.pass_stdin = true;
		else if (opt == 't')
			r.deadline = now_s() + atol(optarg);
		else
			return 2;
	}
	if (argc - optind != 2 || strlen(argv[optind + 1]) > CHAN_PAYLOAD_MAX) {
		fputs(usage, stderr);
		return 2;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	r.sock = channel_take(argv[optind], r.deadline);
	if (r.sock < 0) {
		fprintf(stderr, "labctl: %s: no channel: %s\n", argv[optind], strerror(errno));
		return EXIT_GONE;
	}
	if (getrandom(&r.nonce, sizeof(r.nonce), 0) != sizeof(r.nonce))
		r.nonce = getpid();
	send_frame(&r, tty ? CHAN_EXEC_TTY : CHAN_EXEC, argv[optind + 1], strlen(argv[optind + 1]));
	if (!r.pass_stdin)
		send_frame(&r, CHAN_STDIN_EOF, NULL, 0);
	if (tty)
		terminal_raw(&r);
	status = run_loop(&r);
	if (status == EXIT_GONE)
		fprintf(stderr, "labctl: %s: the machine is gone\n", argv[optind]);
	if (status == EXIT_TIMEOUT)
		fprintf(stderr, "labctl: %s: out of time: %s\n", argv[optind], argv[optind + 1]);
	return status;
}

/* Read lines of a QMP socket until one holds a reply; 0 for "return". */
static int qmp_reply(FILE *f, bool print)
{
	char line[65536];

	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "\"event\""))
			continue;
		if (strstr(line, "\"error\"")) {
			fputs(line, stderr);
			return 1;
		}
		if (strstr(line, "\"return\"")) {
			if (print)
				fputs(line, stdout);
			return 0;
		}
	}
	fprintf(stderr, "labctl: QMP hung up\n");
	return 1;
}

static int cmd_qmp(const char *path, const char *command)
{
	static const char hello[] = "{\"execute\":\"qmp_capabilities\"}\n";
	int fd = connect_unix(path, SOCK_STREAM);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f) {
		fprintf(stderr, "labctl: %s: %s\n", path, strerror(errno));
		return 1;
	}
	if (!write_all(fd, hello, strlen(hello)) || qmp_reply(f, false))
		return 1;
	if (!write_all(fd, command, strlen(command)) || !write_all(fd, "\n", 1))
		return 1;
	return qmp_reply(f, true);
}

static int cmd_switch(const char *path, const char *command)
{
	int fd = connect_unix(path, SOCK_SEQPACKET);
	char reply[4096];
	ssize_t n;

	if (fd < 0 || send(fd, command, strlen(command), MSG_NOSIGNAL) < 0) {
		fprintf(stderr, "labctl: %s: %s\n", path, strerror(errno));
		return 1;
	}
	n = recv(fd, reply, sizeof(reply), 0);
	if (n <= 0)
		return 1;
	if (!write_all(1, reply, n))
		return 1;
	return memmem(reply, n, "error", 5) ? 1 : 0;
}

/* Kill @pid when its command line names @dir: a pid may have been used again. */
static void end_process(pid_t pid, const char *dir)
{
	char path[64], line[16384];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, line, sizeof(line));
	close(fd);
	if (n > 0 && memmem(line, n, dir, strlen(dir)))
		kill(pid, SIGKILL);
}

static int cmd_guard(const char *owner, const char *dir)
{
	int pidfd = syscall(SYS_pidfd_open, (pid_t)atol(owner), 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	char list[PATH_MAX];
	FILE *f;
	int pid;

	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (pidfd < 0 && errno != ESRCH)
		return 1;
	while (pidfd >= 0 && poll(&p, 1, -1) != 1)
		;
	snprintf(list, sizeof(list), "cat '%s'/*.pid 2>/dev/null", dir);
	f = popen(list, "r");
	if (!f)
		return 1;
	while (fscanf(f, "%d", &pid) == 1)
		if (pid != getpid())
			end_process(pid, dir);
	pclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 1 ? argv[1] : "";

	if (!strcmp(cmd, "run"))
		return cmd_run(argc - 1, argv + 1);
	if (argc == 4 && !strcmp(cmd, "qmp"))
		return cmd_qmp(argv[2], argv[3]);
	if (argc == 4 && !strcmp(cmd, "switch"))
		return cmd_switch(argv[2], argv[3]);
	if (argc == 4 && !strcmp(cmd, "guard"))
		return cmd_guard(argv[2], argv[3]);
	fputs(usage, strcmp(cmd, "--help") ? stderr : stdout);
	return strcmp(cmd, "--help") ? 2 : 0;
}
