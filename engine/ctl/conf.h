/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file that keeps an engine's configuration over restarts: identity, secret, epoch,
 * doors, VAIs and the memory servers that it knows. JSON, for people too. Only engctl
 * reads and writes it. Nothing in it is about pages: those are the servers' to tell.
 *
 *   conf.c       between the file's JSON and struct conf; what makes sense
 *   conf_file.c  lines of errors, reading, locking, writing
 *   keep.c       between struct conf and an engine that runs
 */
#ifndef ANM_ENGCTL_CONF_H
#define ANM_ENGCTL_CONF_H

#include <jansson.h>
#include "../core/control.h"

#define CONF_FILE      "/etc/anemone/engine.json"
#define CONF_VERSION   1
#define CONF_EPOCH_MAX 65534	  /* of 16 bits in a page's version */
#define CONF_SIZE_MAX  (8u << 20) /* bytes; 1024 VAIs and servers are far below */
#define CONF_PATH_MAX  64	  /* "vais[1023].discarded_below" */

/**
 * struct conf_server - a memory server that the engine knows.
 * @boot:  0 if not known
 * @stale_below: versions of pages that may be out of date there are below, 0 none is
 * @drain: the operator wants it drained
 * @gone:  see struct eng_server_info
 */
struct conf_server {
	u8 uuid[16];
	char name[ANM_CTL_NAME_MAX + 1];
	u64 boot, stale_below;
	bool drain, gone;
};

/**
 * struct conf - what the file says. Zeroed at first; conf_free() when done.
 * @up: identity and doors; its epoch is that of the last start
 */
struct conf {
	struct eng_ctl_up up;
	struct eng_vai_params *vais;
	size_t nvais;
	struct conf_server *servers;
	size_t nservers;
};

/** struct conf_err - why not: the file, the line if it is one, the reason. */
struct conf_err {
	char msg[512];
};

/** conf_free() - free what @c holds, and zero it (it has the secret). */
void conf_free(struct conf *c);

/**
 * conf_parse() - text into @c, all or nothing.
 * @name: of the file, for @err
 *
 * Return: 0, or -EINVAL with "FILE:LINE: reason" in @err.
 */
int conf_parse(const char *name, const char *text, struct conf *c, struct conf_err *err);

/** conf_text() - @c as text; free() it. NULL without memory. */
char *conf_text(const struct conf *c);

/** conf_line() - line of what @path ("vais[2].size") names in valid JSON, or of what it is in. */
unsigned int conf_line(const char *text, const char *path);

/** conf_read() - conf_parse() a file. -ENOENT if there is none; other errors fill @err. */
int conf_read(const char *path, struct conf *c, struct conf_err *err);

/**
 * conf_write() - write a file, mode 0600: the whole new content or the whole old one is there
 * after a crash. Does nothing when the content is the same. Its directory is made if missing.
 */
int conf_write(const char *path, const struct conf *c, struct conf_err *err);

/**
 * conf_lock() - keep other engctls from changing the file; close() to let go.
 * Return: a descriptor, or a negative errno with @err filled.
 */
int conf_lock(const char *path, struct conf_err *err);

/**
 * conf_saver_begin() - from now on this process keeps the file up to date, until it ends.
 * Return: 0 or a negative errno.
 */
int conf_saver_begin(const char *path);

/** conf_saver_runs() - whether some process does. 1, 0, or a negative errno when nobody knows. */
int conf_saver_runs(const char *path);

/** conf_absolute() - @path from the root, into ANM_CTL_FILE_MAX + 1 bytes. 0 or -ENAMETOOLONG. */
int conf_absolute(const char *path, char abs[ANM_CTL_FILE_MAX + 1], struct conf_err *err);

/** conf_compress(), conf_switch(), conf_door() - the number that the word stands for, -1 for none. */
int conf_compress(const char *s);
int conf_switch(const char *s);
int conf_door(const char *s);

#endif
