/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engctl: people's and scripts' way to the engine.
 *
 *   main.c     options and commands
 *   attrs.c    answers into JSON objects, from which all output is made
 *   out.c      tables, sizes, times, colours
 *   vai.c, status.c, monitor.c, up.c    the commands
 *   conf.h     the file that keeps the configuration
 *   keep.c     between that file and an engine
 *   vai.c, pool.c, status.c, monitor.c, up.c    the commands
 *   rpcbind.c  tells rpcbind where NFS and MOUNT are
 */
#ifndef ANM_ENGCTL_H
#define ANM_ENGCTL_H

#include <jansson.h>
#include "../../proto/ctlclient_user.h"
#include "../../proto/nljson_user.h"
#include "../core/control.h"
#include "conf.h"

/* Options, as bits, so that each command can tell which it takes. */
enum {
	O_JSON = 1 << 0,
	O_CONTROL = 1 << 1,
	O_FORCE = 1 << 2,
	O_SIZE = 1 << 3,
	O_CLIENT = 1 << 4,
	O_CLASS = 1 << 5,
	O_UUID = 1 << 6,
	O_VERBOSE = 1 << 7,
	O_DAEMON = 1 << 8,
	O_MODULE = 1 << 9,
	O_STATE = 1 << 10,
	O_DOORS =
		1
		<< 11, /* listen, ports, no-tcp, door, insecure, times, rates, overcommit, cache */
	O_NO_RPCBIND = 1 << 12,
	O_CONFIG = 1 << 13,
	O_CHECK = 1 << 14,
	O_SAVE = 1 << 15,
	O_ATTACH = 1 << 16,
	O_HEDGE = 1 << 17,
	O_COMPRESS = 1 << 18,
	O_SAME_FILLED = 1 << 19,
	O_SPLIT = 1 << 20,
	O_CACHE = 1 << 21,
	O_CANCEL = 1 << 22,
	O_WAIT = 1 << 23,
	O_DISCARD = 1 << 24,
	O_READAHEAD = 1 << 25,
};

/* Doors given, as bits: the others are as they are kept. */
enum {
	G_LISTEN = 1 << 0,
	G_NFS = 1 << 1,
	G_MOUNT = 1 << 2,
	G_AMP = 1 << 3,
	G_INSECURE = 1 << 4,
	G_TCP = 1 << 5,
	G_HEARTBEAT = 1 << 6,
	G_DEAD = 1 << 7,
	G_RECOVER = 1 << 8,
	G_REPAIR = 1 << 9,
	G_RATE = 1 << 10,
	G_OVERCOMMIT = 1 << 11,
	G_CACHE = 1 << 12,
	G_DOOR = 1 << 13,
	G_INTERFACE = 1 << 14,
};

/**
 * struct opts - the command line.
 * @seen:    O_ bits given
 * @words:   command and arguments
 * @up:      of "up"
 * @given:   of @up, G_ bits
 */
struct opts {
	unsigned int seen;
	bool json;
	bool force;
	bool verbose;
	bool cancel;
	bool wait;
	bool discard_on_unmount;
	const char *control;
	const char *size;
	const char *client;
	const char *class;
	const char *uuid;
	const char *hedge;
	const char *compress;
	const char *same_filled;
	const char *split;
	const char *cache;
	const char *readahead;
	const char *module;
	const char *state;
	struct eng_ctl_up up;
	unsigned int given;
	const char *config;
	const char *argv_up[40];
	int nargv_up;
	char **words;
	int nwords;
};

/* Commands: 0, or the exit status after having said why. */
int cmd_up(struct opts *o);
int cmd_down(struct opts *o);
int cmd_status(struct opts *o);
int cmd_server_list(struct opts *o);
int cmd_server_show(struct opts *o);
int cmd_vai_create(struct opts *o);
int cmd_vai_set(struct opts *o);
int cmd_vai_list(struct opts *o);
int cmd_vai_show(struct opts *o);
int cmd_vai_delete(struct opts *o);
int cmd_vai_resize(struct opts *o);
int cmd_vai_discard(struct opts *o);
int cmd_server_drain(struct opts *o);
int cmd_server_remove(struct opts *o);
int cmd_monitor(struct opts *o);
int cmd_save(struct opts *o);
int cmd_restore(struct opts *o);
int cmd_forget_unknown(struct opts *o);

/** complain() - "engctl: ..." on standard error. Return: 1. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** misuse() - the same, with a hint at the help. Return: 2. */
int misuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** target() - CTL_MODULE or the socket that the options or the machine's state choose. */
const char *target(const struct opts *o);

/** connect_to() - open @c; says why not. 0 or 1. */
int connect_to(struct ctl *c, const char *where);

/* attrs.c: ctl_cb functions and their arguments */

/** collect() - ctl_cb: append each VAI or server to the JSON array @arg. */
int collect(uint8_t cmd, struct nlmsghdr *nlh, void *arg);

/** take_status() - ctl_cb: put configuration, status and "counters" into the JSON object @arg. */
int take_status(uint8_t cmd, struct nlmsghdr *nlh, void *arg);

/**
 * take_pages() - ctl_cb: append offsets to the array @arg.offsets, and note the cursor.
 * struct pages_step - a step of a search; @max: more offsets are passed over
 */
struct pages_step {
	json_t *offsets;
	size_t max;
	u32 cursor;
};
int take_pages(uint8_t cmd, struct nlmsghdr *nlh, void *arg);

/** event_json() - an event as an object, NULL if it is none. */
json_t *event_json(struct nlmsghdr *nlh);

/** fetch() - dump VAIs or servers. Return: a JSON array, or NULL after having said why. */
json_t *fetch(struct ctl *c, uint8_t cmd);

/* keep.c; functions say why they fail, and return 0 or 1 */

/** keep_path() - the file that the options choose, from the root. */
int keep_path(const struct opts *o, char path[ANM_CTL_FILE_MAX + 1]);

/**
 * keep_start() - read the file for a start, or begin one; with the options given, and the
 * next epoch. Written before this returns.
 */
int keep_start(struct opts *o, struct conf *c);

/** keep_apply() - make the engine that @conf tells of. *@up: it is there, if only in part. */
int keep_apply(struct ctl *c, const struct conf *conf, bool *up);

/**
 * keep_save() - write what the engine has into the file that it was made from, if there is one.
 * @path: filled with its name, or empty; may be NULL
 */
int keep_save(struct ctl *c, char path[ANM_CTL_FILE_MAX + 1]);

/** keep_grants() - this is a process that saves whatever happens: VAIs may have pages unstored. */
void keep_grants(void);

/**
 * keep_flushed() - wait until all pages of a VAI are stored, and none is to be left otherwise.
 * @name: of it, NULL for all
 * @ms:   how long, at most
 *
 * Return: they are.
 */
bool keep_flushed(struct ctl *c, const char *name, unsigned int ms);

/* out.c */
#define CELL_MAX 80

/**
 * struct column - of a table.
 * @key:   of the JSON object; several columns may show one key
 * @right: align right
 * @show:  makes the text; NULL for strings and plain numbers
 */
struct column {
	const char *title;
	bool right;
	void (*show)(const json_t *obj, char *buf, size_t n);
};

#define TABLE_COLS_MAX 20 /* of any table; who prints one asserts it */

/** table_print() - one line an object, columns as wide as needed; nothing for no objects. */
void table_print(const json_t *rows, const struct column *cols, int ncols);

/** field_print() - "  label  text", for blocks about one thing. */
void field_print(const char *label, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** json_out() - print, and give up the reference. Return: 0. */
int json_out(json_t *j);

/** size_text() / pages_text() / ns_text() / count_text() - for people, in static rings. */
const char *size_text(unsigned long long bytes);
const char *pages_text(unsigned long long pages);
const char *ns_text(unsigned long long ns);

/** paint() - @s in the colour of its meaning ("live", "dead", ...) when on a terminal. */
const char *paint(const char *s);

/* vai.c: shared with pool.c. 0, or the exit status after having said why. */
int check_name(const char *name);
int read_size(const char *s, u64 *size);
struct nl_msg *name_msg(struct ctl *c, uint8_t cmd, const char *name);

/**
 * fetch_pages() - offsets of a VAI's lost or degraded pages, PAGES_SHOWN at most.
 * Return: a JSON array; NULL after having said why.
 */
#define PAGES_SHOWN 64
json_t *fetch_pages(struct ctl *c, const char *name, u8 kind);

/* vai.c and status.c, shared tables */
void print_vais(const json_t *vais);
void print_servers(const json_t *servers);

/* rpcbind.c; quiet when no rpcbind runs. @state: remembers what was registered */
void rpcbind_register(const char *state, unsigned int nfs_port, unsigned int mount_port, bool tcp);
void rpcbind_unregister(const char *state);

#endif
