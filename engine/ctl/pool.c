// SPDX-License-Identifier: GPL-2.0-only
/* engctl vai resize, server drain and remove; lists of lost pages. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "engctl.h"

#define POLL_MS 250

json_t *fetch_pages(struct ctl *c, const char *name, u8 kind)
{
	struct pages_step step = {.offsets = json_array(), .max = PAGES_SHOWN};

	while (step.cursor != U32_MAX && json_array_size(step.offsets) < step.max) {
		struct nl_msg *msg = name_msg(c, ANM_ENG_CMD_PAGES_GET, name);
		struct nlattr *nest = msg ? anm_nl_nest(msg, ANM_ENG_A_PAGES) : NULL;

		if (!nest || nla_put_u8(msg, ANM_ENG_PG_KIND, kind) ||
		    nla_put_u32(msg, ANM_ENG_PG_CURSOR, step.cursor)) {
			nlmsg_free(msg);
			msg = NULL;
		} else {
			nla_nest_end(msg, nest);
		}
		if (ctl_call(c, msg, take_pages, &step)) {
			complain("%s", c->err);
			json_decref(step.offsets);
			return NULL;
		}
	}
	return step.offsets;
}

int cmd_vai_resize(struct opts *o)
{
	struct nl_msg *msg;
	struct nlattr *nest;
	struct ctl c;
	u64 size;
	int rc = check_name(o->words[2]);

	if (!rc && !o->size)
		rc = misuse("vai resize: --size SIZE is missing");
	if (!rc)
		rc = read_size(o->size, &size);
	if (rc)
		return rc;
	if (connect_to(&c, target(o)))
		return 1;
	msg = ctl_msg(&c, ANM_ENG_CMD_VAI_RESIZE, false);
	nest = msg ? anm_nl_nest(msg, ANM_ENG_A_VAI) : NULL;
	if (!nest || nla_put_string(msg, ANM_ENG_VAI_NAME, o->words[2]) ||
	    nla_put_u64(msg, ANM_ENG_VAI_SIZE, size)) {
		nlmsg_free(msg);
		msg = NULL;
	} else {
		nla_nest_end(msg, nest);
	}
	rc = ctl_call(&c, msg, NULL, NULL);
	if (rc)
		rc = complain("VAI \"%s\" not resized: %s", o->words[2], c.err);
	else if (keep_save(&c, NULL))
		rc = 1;
	else if (o->json)
		json_out(json_pack("{s:s, s:I}", "resized", o->words[2], "size", (json_int_t)size));
	else
		printf("VAI %s has %s now. If its client once ran mkswap on it, it has to again.\n",
		       o->words[2], size_text(size));
	ctl_close(&c);
	return rc;
}

static int server_call(struct ctl *c, uint8_t cmd, const char *name, int flag)
{
	struct nl_msg *msg = ctl_msg(c, cmd, false);
	struct nlattr *nest = msg ? anm_nl_nest(msg, ANM_ENG_A_SERVER) : NULL;

	if (!nest || nla_put_string(msg, ANM_ENG_SRV_NAME, name)) {
		nlmsg_free(msg);
		return ctl_call(c, NULL, NULL, NULL);
	}
	nla_nest_end(msg, nest);
	if (flag)
		nla_put_flag(msg, flag);
	return ctl_call(c, msg, NULL, NULL);
}

/* Return: -1 to go on waiting, otherwise an exit status. */
static int drain_look(struct ctl *c, const char *name, bool quiet)
{
	json_t *list = fetch(c, ANM_ENG_CMD_SERVER_GET), *s = NULL;
	bool tty = isatty(STDOUT_FILENO) && !quiet, done;
	size_t i;
	int rc = -1;

	if (!list)
		return 1;
	for (i = 0; i < json_array_size(list); i++) {
		s = json_array_get(list, i);
		if (!strcmp(str(s, "name"), name) || !strcasecmp(str(s, "uuid"), name))
			break;
	}
	if (i == json_array_size(list))
		rc = complain("%s is gone", name);
	else if (!strcmp(str(s, "drain"), "no") ||
		 (!strcmp(str(s, "drain"), "moving") &&
		  (!strcmp(str(s, "state"), "dead") || !strcmp(str(s, "state"), "left"))))
		rc = complain("%s is not drained: it is %s, or somebody cancelled it", name,
			      str(s, "state"));
	done = rc < 0 && !strcmp(str(s, "drain"), "done");
	if (done)
		rc = 0;
	if (tty && rc <= 0)
		printf("\r%llu of %llu pages left   %s", num(s, "mapped_pages"),
		       num(s, "drain_total_pages"), done ? "\n" : "");
	fflush(stdout);
	json_decref(list);
	return rc;
}

static int drain_await(struct ctl *c, const struct opts *o)
{
	struct timespec ts = {0, POLL_MS * 1000000l};
	int rc;

	for (;;) {
		rc = drain_look(c, o->words[2], o->json);
		if (rc >= 0)
			return rc;
		nanosleep(&ts, NULL);
	}
}

int cmd_server_drain(struct opts *o)
{
	const char *said = o->cancel ? "drain-cancelled" : o->wait ? "drained" : "draining";
	struct ctl c;
	int rc;

	if (o->cancel && o->wait)
		return misuse("server drain: --cancel and --wait exclude each other");
	if (connect_to(&c, target(o)))
		return 1;
	rc = server_call(&c, ANM_ENG_CMD_SERVER_DRAIN, o->words[2],
			 o->cancel ? ANM_ENG_A_CANCEL : 0);
	/* To wait for a drain that is on already is fine. */
	if (rc && !(rc == -EALREADY && o->wait))
		rc = complain("memory server \"%s\": %s", o->words[2], c.err);
	else if (keep_save(&c, NULL))
		rc = 1;
	else
		rc = o->wait ? drain_await(&c, o) : 0;
	ctl_close(&c);
	if (rc)
		return rc;
	if (o->json)
		return json_out(json_pack("{s:s}", said, o->words[2]));
	if (o->cancel)
		printf("memory server %s is used again\n", o->words[2]);
	else if (o->wait)
		printf("memory server %s is drained: it may go (memctl down)\n", o->words[2]);
	else
		printf("memory server %s is being drained: engctl server list\n", o->words[2]);
	return 0;
}

int cmd_server_remove(struct opts *o)
{
	struct ctl c;
	int rc;

	if (connect_to(&c, target(o)))
		return 1;
	rc = server_call(&c, ANM_ENG_CMD_SERVER_REMOVE, o->words[2],
			 o->force ? ANM_ENG_A_FORCE : 0);
	if (rc)
		rc = complain("memory server \"%s\" not removed: %s", o->words[2], c.err);
	else if (keep_save(&c, NULL))
		rc = 1;
	else if (o->json)
		json_out(json_pack("{s:s}", "removed", o->words[2]));
	else
		printf("memory server %s removed\n", o->words[2]);
	ctl_close(&c);
	return rc;
}
