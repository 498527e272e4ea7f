// SPDX-License-Identifier: GPL-2.0-only
/* engctl monitor: events as they come. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "engctl.h"

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

/* That it failed was said; the next event is another chance. */
static void save(const struct opts *o)
{
	struct ctl c;

	if (connect_to(&c, target(o)))
		return;
	keep_save(&c, NULL);
	ctl_close(&c);
}

int cmd_monitor(struct opts *o)
{
	struct ctl c;
	int rc;

	if (connect_to(&c, target(o)))
		return 1;
	/* Events come on a connection of their own: an answer must not get between them. */
	rc = ctl_subscribe(&c, ANM_ENG_CMD_SUBSCRIBE);
	if (!rc && (o->seen & O_SAVE))
		save(o);
	while (!rc) {
		rc = ctl_events(&c, take_event, o);
		if (rc == -ENOBUFS) {
			complain("events were lost: they came faster than they were read");
			rc = 0;
		}
		if (!rc && (o->seen & O_SAVE))
			save(o);
	}
	complain("%s", c.err);
	ctl_close(&c);
	return 1;
}
