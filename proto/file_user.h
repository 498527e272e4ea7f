/* SPDX-License-Identifier: GPL-2.0-only */
/* Small files that must survive a crash whole. Functions return 0 or a negative errno. */
#ifndef ANM_FILE_USER_H
#define ANM_FILE_USER_H

#include <stddef.h>
#include <sys/types.h>

#define FILE_PATH_LEN 4096

/** file_dir() - the directory that @path is in. */
void file_dir(const char *path, char dir[FILE_PATH_LEN]);

/** file_make_dir() - mkdir -p. */
int file_make_dir(const char *dir);

/**
 * file_read() - a whole file as text, NUL added.
 * @n: room in @buf; -EFBIG when the file has @n bytes or more
 *
 * Return: bytes read, or a negative errno.
 */
int file_read(const char *path, char *buf, size_t n);

/**
 * file_replace() - the whole new text or the whole old one is there after a crash.
 * The directory is made if missing.
 */
int file_replace(const char *path, const char *text, mode_t mode);

#endif
