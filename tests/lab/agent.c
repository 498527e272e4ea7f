// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's side of the command channels, and the guest's process 1: starts
 * one worker a virtio-serial port, then reaps.  A worker runs the shell command
 * it is sent, streams the output back and ends with the exit status.
 *
 * The agent must answer while the machine thrashes: its pages are locked and
 * the OOM killer leaves it alone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chan.h"

#define SHELL	     "/bin/bash"
#define IDLE_POLL_MS 1000 /* how often a lost SIGIO is made good */
#define KILL_GRACE_S 1

/**
 * struct worker - one channel
 * @port: the virtio-serial port, non-blocking
 * @sigfd: SIGCHLD and SIGIO as a file
 * @in: bytes read from the port, not yet consumed; @in_len of them
 * @nonce: of the running command
 * @pid: the command's process group, 0 while idle
 * @tty: the command runs on a terminal
 * @to_child: the command's stdin, -1 when closed
 * @out: the command's stdout and stderr, -1 when at end of file
 * @pending: stdin bytes that the command has not taken yet; @pending_len of them
 * @pending_eof: close @to_child once @pending is empty
 * @kill_at: when SIGKILL follows SIGTERM, 0 for never
 */
struct worker {
	int port;
	int sigfd;
	uint8_t in[CHAN_FRAME_MAX];
	size_t in_len;
	uint32_t nonce;
	pid_t pid;
	bool tty;
	int to_child;
	int out[2];
	uint8_t pending[CHAN_PAYLOAD_MAX];
	size_t pending_len;
	bool pending_eof;
	time_t kill_at;
};

static time_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Returns false when the host has hung up. */
static bool port_write(struct worker *w, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		struct pollfd pfd = {.fd = w->port, .events = POLLOUT};
		ssize_t n = write(w->port, p, len);

		if (n > 0) {
			p += n;
			len -= n;
			continue;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		poll(&pfd, 1, IDLE_POLL_MS);
		if (pfd.revents & POLLHUP)
			return false;
	}
	return true;
}

static bool send_frame(struct worker *w, enum chan_type type, const void *data, uint32_t len)
{
	uint8_t frame[CHAN_FRAME_MAX];
	struct chan_header h = {{'L', 'A', 'B'}, type, w->nonce, len};

	memcpy(frame, &h, sizeof(h));
	memcpy(frame + sizeof(h), data, len);
	return port_write(w, frame, sizeof(h) + len);
}

static void child_exec(char *command)
{
	char *const argv[] = {"bash", "-c", command, NULL};
	sigset_t none;
	int fd;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	fd = open("/proc/self/oom_score_adj", O_WRONLY);
	if (fd >= 0) {
		if (write(fd, "0", 1) < 0)
			perror("oom_score_adj");
		close(fd);
	}
	execv(SHELL, argv);
	perror(SHELL);
	_exit(127);
}

static void spawn_tty(struct worker *w, char *command)
{
	int master;
	pid_t pid = forkpty(&master, NULL, NULL, NULL);

	if (pid == 0)
		child_exec(command);
	if (pid < 0)
		return;
	w->pid = pid;
	w->to_child = dup(master);
	w->out[0] = master;
}

static void spawn_pipes(struct worker *w, char *command)
{
	int in[2], out[2], err[2];
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
		perror("pipe");
		exit(1);
	}
	pid = fork();
	if (pid == 0) {
		setsid();
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		child_exec(command);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	w->to_child = in[1];
	w->out[0] = out[0];
	w->out[1] = err[0];
	w->pid = pid > 0 ? pid : 0;
}

static void command_start(struct worker *w, bool tty, char *command)
{
	int32_t failed = 127;

	w->tty = tty;
	w->pending_len = 0;
	w->pending_eof = false;
	w->kill_at = 0;
	if (tty)
		spawn_tty(w, command);
	else
		spawn_pipes(w, command);
	if (!w->pid) {
		send_frame(w, CHAN_STATUS, &failed, sizeof(failed));
		return;
	}
	fcntl(w->to_child, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 2; i++)
		if (w->out[i] >= 0)
			fcntl(w->out[i], F_SETFL, O_NONBLOCK);
}

static void command_close(struct worker *w)
{
	close_fd(&w->to_child);
	close_fd(&w->out[0]);
	close_fd(&w->out[1]);
	w->pid = 0;
	w->pending_len = 0;
	w->kill_at = 0;
}

/*
 * The runner is gone: nobody wants the command any more.  Not waited for here:
 * it may sit in an uninterruptible page fault.
 */
static void command_abandon(struct worker *w)
{
	if (w->pid)
		kill(-w->pid, SIGKILL);
	command_close(w);
}

/* Forward what one output pipe holds now; false when it held nothing. */
static bool forward(struct worker *w, int i)
{
	uint8_t buf[CHAN_PAYLOAD_MAX];
	ssize_t n;

	if (w->out[i] < 0)
		return false;
	n = read(w->out[i], buf, sizeof(buf));
	if (n > 0)
		return send_frame(w, i ? CHAN_STDERR : CHAN_STDOUT, buf, n);
	if (n == 0 || errno != EAGAIN)
		close_fd(&w->out[i]);
	return false;
}

/*
 * The command ended.  Processes that it left in the background may hold the
 * pipes open: send what is there, do not wait for end of file.
 */
static void command_ended(struct worker *w, int status)
{
	int32_t code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

	for (int i = 0; i < 2; i++)
		while (forward(w, i))
			;
	send_frame(w, CHAN_STATUS, &code, sizeof(code));
	command_close(w);
}

static void flush_stdin(struct worker *w)
{
	ssize_t n;

	if (w->pending_len && w->to_child >= 0) {
		n = write(w->to_child, w->pending, w->pending_len);
		if (n > 0) {
			w->pending_len -= n;
			memmove(w->pending, w->pending + n, w->pending_len);
		} else if (n < 0 && errno != EAGAIN) {
			close_fd(&w->to_child);
		}
	}
	if (w->to_child < 0)
		w->pending_len = 0;
	if (!w->pending_len && w->pending_eof) {
		if (w->tty && w->to_child >= 0 && write(w->to_child, "\004", 1) < 0)
			perror("tty");
		close_fd(&w->to_child);
		w->pending_eof = false;
	}
}

static void set_winsize(struct worker *w, const uint8_t *p, uint32_t len)
{
	uint16_t rc[2];
	struct winsize ws = {0};

	if (len != sizeof(rc) || !w->tty || w->out[0] < 0)
		return;
	memcpy(rc, p, sizeof(rc));
	ws.ws_row = rc[0];
	ws.ws_col = rc[1];
	ioctl(w->out[0], TIOCSWINSZ, &ws);
}

static void handle_frame(struct worker *w, const struct chan_header *h, uint8_t *payload)
{
	char command[CHAN_PAYLOAD_MAX + 1];

	switch (h->type) {
	case CHAN_EXEC:
	case CHAN_EXEC_TTY:
		command_abandon(w);
		w->nonce = h->nonce;
		memcpy(command, payload, h->len);
		command[h->len] = 0;
		command_start(w, h->type == CHAN_EXEC_TTY, command);
		break;
	case CHAN_STDIN:
		memcpy(w->pending, payload, h->len);
		w->pending_len = h->len;
		break;
	case CHAN_STDIN_EOF:
		w->pending_eof = true;
		break;
	case CHAN_WINSIZE:
		set_winsize(w, payload, h->len);
		break;
	case CHAN_KILL:
		if (w->pid) {
			kill(-w->pid, SIGTERM);
			w->kill_at = now_s() + KILL_GRACE_S;
		}
		break;
	}
}

/* Take whole frames off the input; stdin waits until the command took the last. */
static void parse(struct worker *w)
{
	size_t at = 0;

	while (w->in_len - at >= sizeof(struct chan_header) && !w->pending_len) {
		struct chan_header h;
		bool start, mine;

		memcpy(&h, w->in + at, sizeof(h));
		start = h.type == CHAN_EXEC || h.type == CHAN_EXEC_TTY;
		mine = h.nonce == w->nonce && w->pid;
		if (memcmp(h.magic, "LAB", 3) || h.len > CHAN_PAYLOAD_MAX || !(start || mine)) {
			at++;
			continue;
		}
		if (w->in_len - at < sizeof(h) + h.len)
			break;
		handle_frame(w, &h, w->in + at + sizeof(h));
		at += sizeof(h) + h.len;
		flush_stdin(w);
	}
	w->in_len -= at;
	memmove(w->in, w->in + at, w->in_len);
}

static void port_read(struct worker *w)
{
	ssize_t n = read(w->port, w->in + w->in_len, sizeof(w->in) - w->in_len);

	if (n == 0) { /* the host has hung up */
		command_abandon(w);
		w->in_len = 0;
	} else if (n > 0) {
		w->in_len += n;
	}
}

static void drain_signals(struct worker *w)
{
	struct signalfd_siginfo si;
	int status;
	pid_t pid;

	while (read(w->sigfd, &si, sizeof(si)) == sizeof(si))
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == w->pid)
			command_ended(w, status);
}

static void serve(struct worker *w)
{
	bool up = true;

	for (;;) {
		/* A hung up port polls ready for ever: SIGIO tells when that changes. */
		struct pollfd p[5] = {
			{.fd = w->sigfd, .events = POLLIN},
			{.fd = up && !w->pending_len ? w->port : -1, .events = POLLIN},
			{.fd = w->out[0], .events = POLLIN},
			{.fd = w->out[1], .events = POLLIN},
			{.fd = w->pending_len ? w->to_child : -1, .events = POLLOUT},
		};
		struct pollfd state = {.fd = w->port, .events = POLLIN};

		poll(p, 5, IDLE_POLL_MS);
		poll(&state, 1, 0);
		up = !(state.revents & POLLHUP);
		if (!up && (w->pid || w->in_len)) {
			command_abandon(w);
			w->in_len = 0;
		}
		if (p[1].revents & POLLIN)
			port_read(w);
		parse(w);
		for (int i = 0; i < 2; i++)
			if (p[2 + i].revents)
				forward(w, i);
		if (p[4].revents)
			flush_stdin(w);
		if (w->pid && w->kill_at && now_s() >= w->kill_at)
			kill(-w->pid, SIGKILL);
		drain_signals(w);
	}
}

static void worker_main(const char *dev)
{
	struct worker *w = calloc(1, sizeof(*w));
	sigset_t set;
	int fd;

	if (!w)
		exit(1);
	w->to_child = w->out[0] = w->out[1] = -1;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->sigfd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	w->port = open(dev, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (w->port < 0 || w->sigfd < 0) {
		perror(dev);
		exit(1);
	}
	fcntl(w->port, F_SETOWN, getpid());
	fcntl(w->port, F_SETFL, O_NONBLOCK | O_ASYNC);
	fd = open("/proc/self/oom_score_adj", O_WRONLY);
	if (fd >= 0) {
		if (write(fd, "-1000", 5) < 0)
			perror("oom_score_adj");
		close(fd);
	}
	mlockall(MCL_CURRENT | MCL_FUTURE);
	serve(w);
}

/* Starts a worker for each port of ours; returns how many. */
static int start_workers(void)
{
	DIR *d = opendir("/sys/class/virtio-ports");
	struct dirent *e;
	int count = 0;

	while (d && (e = readdir(d))) {
		char path[320], name[64] = "", dev[320];
		FILE *f;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", e->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (!fgets(name, sizeof(name), f))
			name[0] = 0;
		fclose(f);
		if (strncmp(name, CHAN_PORT_NAME, strlen(CHAN_PORT_NAME)))
			continue;
		snprintf(dev, sizeof(dev), "/dev/%s", e->d_name);
		count++;
		if (fork() == 0)
			worker_main(dev);
	}
	if (d)
		closedir(d);
	return count;
}

int main(void)
{
	int count = start_workers();

	printf("lab agent: %d channels\n", count);
	fflush(stdout);
	for (;;)
		if (waitpid(-1, NULL, 0) < 0)
			pause();
	return 0;
}
