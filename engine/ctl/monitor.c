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
	else if (!strcmp(type, "vai-unflushed"))
		printf("  pages are stored after they were answered");
	else if (!strcmp(type, "vai-flushed"))
		printf("  every page is stored");
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
	keep_grants();
	if (!keep_save(&c, path) && *path && !*held) {
		rc = conf_saver_begin(path);
		if (rc)
			complain("%s.saver: %s", path, strerror(-rc));
		*held = !rc;
	}
	ctl_close(&c);
}

/* The epoch of the engine that is there, 0 for none; @old when nobody can say. */
static unsigned long long epoch_now(const struct opts *o, unsigned long long old)
{
	json_t *st = json_object();
	struct ctl c;
	int rc;

	rc = ctl_open(&c, target(o), ANM_ENG_GENL_NAME, NULL);
	if (!rc)
		rc = ctl_call(&c, ctl_msg(&c, ANM_ENG_CMD_STATUS_GET, false), take_status, st);
	ctl_close(&c);
	if (!rc)
		old = num(st, "epoch");
	else if (rc == -ENOENT || rc == -ENODEV)
		old = 0;
	json_decref(st);
	return old;
}

/* Return: 1 when there are events, 0 when there are none yet. */
static int await_events(struct ctl *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};

	return poll(&p, 1, LOOK_MS) > 0;
}

/*
 * Events until the engine is gone. A module that is unloaded does not say so, and the events of
 * the next one would not come here: from time to time it is looked at.
 */
static int watch(struct opts *o, struct ctl *c)
{
	unsigned long long epoch = epoch_now(o, 0), now;
	bool held = false, news = true;
	int rc = 0;

	while (rc >= 0) {
		if (news && (o->seen & O_SAVE))
			save(o, &held);
		news = await_events(c);
		if (news) {
			rc = ctl_events(c, take_event, o);
			if (rc == -ENOBUFS)
				rc = complain("events were lost: they came faster than they were "
					      "read");
			continue;
		}
		now = epoch_now(o, epoch);
		if (epoch && now != epoch) {
			snprintf(c->err, sizeof(c->err), "the engine is gone");
			return -EPIPE;
		}
		news = now != epoch;
		epoch = now;
	}
	return rc;
}

int cmd_monitor(struct opts *o)
{
	struct ctl c;

	if (connect_to(&c, target(o)))
		return 1;
	/* Events come on a connection of their own: an answer must not get between them. */
	if (!ctl_subscribe(&c, ANM_ENG_CMD_SUBSCRIBE))
		watch(o, &c);
	complain("%s", c.err);
	ctl_close(&c);
	return 1;
}
