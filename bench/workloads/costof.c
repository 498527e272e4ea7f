// SPDX-License-Identifier: GPL-2.0-only
/*
 * costof: run a command and say what it took as one JSON line: seconds by the
 * clock, of processor time in user space and in the kernel, faults, the most
 * memory that it had at once, pages that the machine swapped meanwhile. Of the
 * command and of all that it started and waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload_util.h"

static const char usage[] =
	"usage: costof [options] COMMAND [ARGUMENT]...\n"
	"  --output FILE  where the command's own output goes (default: nowhere)\n"
	"Its messages on stderr stay. Prints a JSON line.\n"
	"Exit status: the command's, 125 if it could not run.\n";

static void run(char **argv, const char *output)
{
	int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		perror(output);
	else
		execvp(argv[0], argv);
	perror(argv[0]);
	_exit(125);
}

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *output = "/dev/null";
	struct wl_counters swapped, start;
	struct rusage ru;
	uint64_t began;
	int opt, status;
	pid_t pid;

	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (opt == 'o')
			output = optarg;
		else
			wl_usage(opt, usage);
	}
	if (optind == argc)
		wl_usage('?', usage);
	wl_counters_read(&start);
	began = wl_now_ns();
	pid = fork();
	if (!pid)
		run(argv + optind, output);
	while (pid < 0 || waitpid(pid, &status, 0) < 0) {
		if (pid < 0 || errno != EINTR) {
			perror("costof");
			return 125;
		}
	}
	began = wl_now_ns() - began;
	getrusage(RUSAGE_CHILDREN, &ru);
	wl_counters_since(&swapped, &start);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	printf("{\"wall_s\":%.3f,\"user_s\":%.3f,\"system_s\":%.3f,\"major_faults\":%ld,"
	       "\"minor_faults\":%ld,\"max_rss_mb\":%.1f,\"pswpin\":%lu,\"pswpout\":%lu,"
	       "\"status\":%d}\n",
	       (double)began / 1e9, seconds(&ru.ru_utime), seconds(&ru.ru_stime), ru.ru_majflt,
	       ru.ru_minflt, (double)ru.ru_maxrss / 1024, swapped.pswpin, swapped.pswpout, status);
	return status;
}
