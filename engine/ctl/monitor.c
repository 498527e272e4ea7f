// SPDX-License-Identifier: GPL-2.0-only
/* engctl monitor: events as they come. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "engctl.h"

#define LOOK_MS 2000 /* whether the engine is still there */

static void print_line(const json_t *ev)
{
	const char *type = str(ev, "event");
	char when[32];
	time_t t = time(NULL);
	struct tm tm;

	strftime(when, sizeof(when), "%F %T", localtime_r(&t, &tm));
	printf("%s  %-15s  %s", when, type, str(ev, "name"));
	if (!strcmp(type, "server-join"))
		printf("  donates %s", pages_text(num(ev, "value")));
	else if (!strcmp(type, "page-lost"))
		printf("  at offset %llu", num(ev, "value"));
	else if (!strcmp(type, "recovered"))
		printf("%llu copies of pages", num(ev, "value"));
	else if (!strcmp(type, "vai-degraded"))
		printf("  %llu pages have too few copies", num(ev, "value"));
	else if (!strcmp(type, "vai-repaired"))
		printf("  every page has its copies");
	else if (!strcmp(type, "server-draining"))
		printf("  %s to be moved", pages_text(num(ev, "value")));
	else if (!strcmp(type, "server-drained"))
		printf("  nothing of use is left on it, it may go");
	putchar('\n');
}

static int take_event(uint8_t cmd, struct nlmsghdr *nlh, void *arg)
{
	const struct opts *o = arg;
	json_t *ev = cmd == ANM_ENG_CMD_EVENT ? event_json(nlh) : NULL;

	if (!ev)
		return 0;
	if (o->json) {
		json_object_set_new(ev, "time", json_integer(time(NULL)));
		json_dumpf(ev, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
		putchar('\n');
	} else {
		print_line(ev);
	}
	json_decref(ev);
	return fflush(stdout) ? -EPIPE : 0;
}

/*
 * That it failed was said; the next event is another chance. @held: others can see that this
 * process saves.
 */
static void save(const struct opts *o, bool *held)
{
	char path[ANM_CTL_FILE_MAX + 1];
	struct ctl c;
	int rc;

	if (connect_to(&c, target(o)))
		return;
	if (!keep_save(&c, path) && *path && !*held) {
		rc = conf_saver_begin(path);
		if (rc)
			complain("%s.saver: %s", path, strerror(-rc));
		*held = !rc;
	}
	ctl_close(&c);
}

/* The epoch of the engine that is there, 0 for none. */
static unsigned long long epoch_now(const struct opts *o)
{
	unsigned long long epoch = 0;
	json_t *st = json_object();
	struct ctl c;

	if (!ctl_open(&c, target(o), ANM_ENG_GENL_NAME, NULL) &&
	    !ctl_call(&c, ctl_msg(&c, ANM_ENG_CMD_STATUS_GET, false), take_status, st))
		epoch = num(st, "epoch");
	ctl_close(&c);
	json_decref(st);
	return epoch;
}

/*
 * Wait for events, or for the end of the engine: a module that is unloaded says nothing, and
 * the next one's events would not come here. Return: 1 events, 0 none so far, or -EPIPE.
 */
static int await_events(const struct opts *o, struct ctl *c, unsigned long long *epoch)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	unsigned long long now;

	if (poll(&p, 1, LOOK_MS) > 0)
		return 1;
	now = epoch_now(o);
	if (*epoch && now != *epoch) {
		snprintf(c->err, sizeof(c->err), "the engine is gone");
		return -EPIPE;
	}
	*epoch = now;
	return 0;
}

int cmd_monitor(struct opts *o)
{
	unsigned long long epoch;
	bool held = false;
	struct ctl c;
	int rc;

	if (connect_to(&c, target(o)))
		return 1;
	/* Events come on a connection of their own: an answer must not get between them. */
	rc = ctl_subscribe(&c, ANM_ENG_CMD_SUBSCRIBE);
	epoch = epoch_now(o);
	if (!rc && (o->seen & O_SAVE))
		save(o, &held);
	while (rc >= 0) {
		rc = await_events(o, &c, &epoch);
		if (rc <= 0)
			continue;
		rc = ctl_events(&c, take_event, o);
		if (rc == -ENOBUFS) {
			complain("events were lost: they came faster than they were read");
			rc = 0;
		}
		if (!rc && (o->seen & O_SAVE))
			save(o, &held);
	}
	complain("%s", c.err);
	ctl_close(&c);
	return 1;
}
