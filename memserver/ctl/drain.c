// SPDX-License-Identifier: GPL-2.0-only
/* memctl down --drain: the engine moves the pages elsewhere; what can be seen of it. */
#include "memctl.h"

#include <time.h>
#include <unistd.h>

#define POLL_MS 250

static u64 stored_pages(const json_t *st)
{
	return (u64)json_integer_value(
		json_object_get(json_object_get(st, "status"), "stored_pages"));
}

static const char *word(const json_t *st, const char *key)
{
	const char *s = json_string_value(json_object_get(json_object_get(st, "status"), key));

	return s ? s : "";
}

static int drain_ask(struct ctl *c, bool cancel)
{
	struct nl_msg *msg = ctl_msg(c, ANM_MEM_CMD_DRAIN, false);

	if (msg && cancel && nla_put_flag(msg, ANM_MEM_A_CANCEL)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	if (!ctl_call(c, msg, NULL, NULL))
		return 0;
	memctl_error("%s", c->err);
	return EXIT_FAILURE;
}

static void show_left(u64 left, u64 total, bool end)
{
	if (!isatty(STDOUT_FILENO) && !end)
		return;
	printf("%s%llu of %llu pages left%s", isatty(STDOUT_FILENO) ? "\r" : "",
	       (unsigned long long)left, (unsigned long long)total, end ? "\n" : "   ");
	fflush(stdout);
}

/* Return: -1 to go on waiting, otherwise an exit status. */
static int drain_look(struct ctl *c, u64 *total)
{
	json_t *st = memctl_ask_status(c);
	const char *drain;
	int rc = -1;

	if (!st) {
		memctl_error("%s", c->err);
		return EXIT_FAILURE;
	}
	drain = word(st, "drain");
	if (stored_pages(st) > *total)
		*total = stored_pages(st);
	show_left(stored_pages(st), *total, !strcmp(drain, "done"));
	if (strcmp(word(st, "state"), "joined")) {
		memctl_error(
			"the engine is gone, so nothing is moved: memctl down --force ends the "
			"server and loses the pages");
		rc = EXIT_FAILURE;
	} else if (!strcmp(drain, "refused")) {
		memctl_error("the engine refuses: the other servers cannot hold what is stored and "
			     "reserved; add a memory server, or delete VAIs, first");
		drain_ask(c, true);
		rc = EXIT_FAILURE;
	} else if (!strcmp(drain, "done")) {
		rc = EXIT_SUCCESS;
	}
	json_decref(st);
	return rc;
}

static bool late(const struct timespec *begun, const struct memctl_opts *o)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return o->timeout && now.tv_sec - begun->tv_sec >= (time_t)o->timeout_s;
}

int memctl_drain(struct ctl *c, const struct memctl_opts *o)
{
	struct timespec begun, ts = {0, POLL_MS * 1000000l};
	u64 total = 0;
	int rc = drain_ask(c, o->cancel);

	if (rc || o->cancel)
		return rc;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	do {
		nanosleep(&ts, NULL);
		rc = drain_look(c, &total);
		if (rc < 0 && late(&begun, o)) {
			memctl_error("not drained within %u s; it goes on: memctl down --drain "
				     "waits again, memctl down --cancel ends it",
				     o->timeout_s);
			rc = EXIT_FAILURE;
		}
	} while (rc < 0);
	return rc;
}
