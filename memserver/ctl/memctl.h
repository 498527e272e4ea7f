/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memctl: the memory server's command line.
 *
 *   main.c    options and commands
 *   up.c      making and ending a server
 *   status.c  showing one
 *   drain.c   emptying one
 */
#ifndef ANM_MEMCTL_H
#define ANM_MEMCTL_H

#include <jansson.h>
#include "../../proto/ctlclient_user.h"
#include "../../proto/services.h"

#define MEMCTL_MODULE  "anemone_memserver"
#define MEMCTL_OPTIONS "autostart=0" /* servers are made over netlink */
#define EXIT_USAGE     2

/**
 * struct memctl_opts - the command line.
 * @where:  CTL_MODULE, a daemon's socket, or NULL for whichever is there
 * @engine: as given, like the following; NULL when absent
 * @timeout_s: of a drain, if @timeout
 */
struct memctl_opts {
	const char *where;
	const char *engine;
	const char *donate;
	const char *name;
	const char *listen;
	const char *pool;
	const char *mtu;
	const char *zone;
	const char *state_dir;
	bool json;
	bool force;
	bool drain;
	bool cancel;
	bool timeout;
	unsigned int timeout_s;
};

void memctl_error(const char *fmt, ...) __printf(1, 2);

/** memctl_connect() - to the module or daemon that is meant; says why not. 0 or an errno. */
int memctl_connect(struct ctl *c, const struct memctl_opts *o);

/** memctl_stored() - pages stored there; 0 also when there is no answer. */
u64 memctl_stored(struct ctl *c);

/* Commands; they return an exit status. */
int memctl_status(const struct memctl_opts *o);
int memctl_up(const struct memctl_opts *o);
int memctl_down(const struct memctl_opts *o);

/** memctl_drain() - have the pages moved elsewhere; returns when that is done. Exit status. */
int memctl_drain(struct ctl *c, const struct memctl_opts *o);

/** memctl_ask_status() - STATUS_GET. Return: { config, status, counters } or NULL, c->err says why. */
json_t *memctl_ask_status(struct ctl *c);

#endif
