// SPDX-License-Identifier: GPL-2.0-only
/* The kept configuration as a file: lines for messages, reading, locking, writing, its saver. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "../../proto/file_user.h"
#include "conf.h"

/* ---- lines: a walk over text that is known to be JSON ---- */

static const char *skip_blank(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static const char *skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

static const char *skip_value(const char *p)
{
	unsigned int depth = 0;

	do {
		p = skip_blank(p);
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		else if (!depth)
			return p + strcspn(p, ",}] \t\r\n");
		if (*p)
			p++;
	} while (*p && depth);
	return p;
}

/* The value of a key in the object at @p, or NULL. */
static const char *find_key(const char *p, const char *key, size_t n)
{
	bool same;

	if (*p != '{')
		return NULL;
	p = skip_blank(p + 1);
	while (*p == '"') {
		const char *end = skip_string(p);

		same = (size_t)(end - p) == n + 2 && !memcmp(p + 1, key, n);
		p = skip_blank(end);
		if (*p != ':')
			return NULL;
		p = skip_blank(p + 1);
		if (same)
			return p;
		p = skip_blank(skip_value(p));
		if (*p == ',')
			p = skip_blank(p + 1);
	}
	return NULL;
}

static const char *find_index(const char *p, unsigned long i)
{
	if (*p != '[')
		return NULL;
	for (p = skip_blank(p + 1); i; i--) {
		p = skip_blank(skip_value(p));
		if (*p != ',')
			return NULL;
		p = skip_blank(p + 1);
	}
	return p;
}

unsigned int conf_line(const char *text, const char *path)
{
	const char *p = skip_blank(text), *at;
	unsigned int line = 1;
	char *end;
	size_t n;

	while (*path) {
		if (*path == '[') {
			at = find_index(p, strtoul(path + 1, &end, 10));
			path = *end ? end + 1 : end;
		} else {
			path += *path == '.';
			n = strcspn(path, ".[");
			at = find_key(p, path, n);
			path += n;
		}
		if (!at)
			break;
		p = at;
	}
	for (at = text; at < p; at++)
		line += *at == '\n';
	return line;
}

/* ---- reading ---- */

static int file_error(struct conf_err *err, const char *path, int code)
{
	snprintf(err->msg, sizeof(err->msg), "%.400s: %s", path, strerror(-code));
	return code;
}

int conf_read(const char *path, struct conf *c, struct conf_err *err)
{
	char *text = malloc(CONF_SIZE_MAX);
	int rc = text ? file_read(path, text, CONF_SIZE_MAX) : -ENOMEM;

	memset(c, 0, sizeof(*c));
	if (rc < 0)
		file_error(err, path, rc);
	else if (strlen(text) != (size_t)rc)
		rc = file_error(err, path, -EILSEQ);
	else
		rc = conf_parse(path, text, c, err);
	if (text)
		explicit_bzero(text, CONF_SIZE_MAX);
	free(text);
	return rc;
}

/* ---- writing ---- */

int conf_absolute(const char *path, char abs[ANM_CTL_FILE_MAX + 1], struct conf_err *err)
{
	char cwd[FILE_PATH_LEN];
	int n;

	if (*path == '/')
		n = snprintf(abs, ANM_CTL_FILE_MAX + 1, "%s", path);
	else if (!getcwd(cwd, sizeof(cwd)))
		return file_error(err, path, -errno);
	else
		n = snprintf(abs, ANM_CTL_FILE_MAX + 1, "%s/%s", cwd, path);
	return n <= ANM_CTL_FILE_MAX ? 0 : file_error(err, path, -ENAMETOOLONG);
}

/* The directory's lock: the file itself is replaced, which would take a lock on it along. */
int conf_lock(const char *path, struct conf_err *err)
{
	char dir[FILE_PATH_LEN];
	int fd, rc;

	file_dir(path, dir);
	rc = file_make_dir(dir);
	if (rc)
		return file_error(err, dir, rc);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		rc = file_error(err, dir, -errno);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	return fd;
}

static bool is_same(const char *path, const char *text)
{
	size_t n = strlen(text);
	char *old = malloc(n + 2);
	bool same = old && file_read(path, old, n + 2) == (int)n && !memcmp(old, text, n);

	free(old);
	return same;
}

int conf_write(const char *path, const struct conf *c, struct conf_err *err)
{
	char *text = conf_text(c);
	int rc = text ? 0 : -ENOMEM;

	if (!rc && !is_same(path, text))
		rc = file_replace(path, text, 0600);
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	return rc ? file_error(err, path, rc) : 0;
}

/* ---- who keeps it up to date ---- */

/* A file beside it that is locked: a lock on itself would go with each new version of it. */
static int saver_open(const char *path, int flags)
{
	char lock[FILE_PATH_LEN];
	int fd;

	if (snprintf(lock, sizeof(lock), "%s.saver", path) >= (int)sizeof(lock))
		return -ENAMETOOLONG;
	fd = open(lock, O_RDONLY | O_CLOEXEC | flags, 0644);
	return fd < 0 ? -errno : fd;
}

int conf_saver_begin(const char *path)
{
	struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	int fd = saver_open(path, O_CREAT), rc;

	if (fd < 0)
		return fd;
	rc = fcntl(fd, F_OFD_SETLK, &l) ? -errno : 0;
	if (rc)
		close(fd); /* else it ends with the process */
	return rc;
}

int conf_saver_runs(const char *path)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = saver_open(path, 0), rc;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = fcntl(fd, F_OFD_GETLK, &l) ? -errno : l.l_type != F_UNLCK;
	close(fd);
	return rc;
}
