// SPDX-License-Identifier: GPL-2.0-only
/* The kept configuration as a file: lines for messages, reading, locking, writing. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "conf.h"

#define PATH_LEN 4096

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

static int read_all(int fd, char *buf, size_t max)
{
	size_t n = 0;
	ssize_t got;

	while (n < max) {
		got = read(fd, buf + n, max - n);
		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += got;
	}
	buf[n] = '\0';
	return n == max ? -EFBIG : (int)n;
}

int conf_read(const char *path, struct conf *c, struct conf_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	char *text;

	memset(c, 0, sizeof(*c));
	if (fd < 0)
		return file_error(err, path, -errno);
	text = malloc(CONF_SIZE_MAX + 1);
	rc = text ? read_all(fd, text, CONF_SIZE_MAX) : -ENOMEM;
	close(fd);
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
	char cwd[PATH_LEN];
	int n;

	if (*path == '/')
		n = snprintf(abs, ANM_CTL_FILE_MAX + 1, "%s", path);
	else if (!getcwd(cwd, sizeof(cwd)))
		return file_error(err, path, -errno);
	else
		n = snprintf(abs, ANM_CTL_FILE_MAX + 1, "%s/%s", cwd, path);
	return n <= ANM_CTL_FILE_MAX ? 0 : file_error(err, path, -ENAMETOOLONG);
}

static void dir_of(const char *path, char dir[PATH_LEN])
{
	char copy[PATH_LEN];

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(dir, PATH_LEN, "%s", dirname(copy));
}

int conf_make_dir(const char *dir)
{
	char path[PATH_LEN];
	char *p;

	snprintf(path, sizeof(path), "%s", dir);
	for (p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

/* The directory's lock: the file itself is replaced, which would take a lock on it along. */
int conf_lock(const char *path, struct conf_err *err)
{
	char dir[PATH_LEN];
	int fd, rc;

	dir_of(path, dir);
	rc = conf_make_dir(dir);
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
	int fd = old ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	bool same = fd >= 0 && read_all(fd, old, n + 1) == (int)n && !memcmp(old, text, n);

	if (fd >= 0)
		close(fd);
	free(old);
	return same;
}

static int write_all(int fd, const char *p, size_t n)
{
	ssize_t w;

	for (; n; p += w, n -= w) {
		w = write(fd, p, n);
		if (w < 0)
			return -errno;
	}
	return fsync(fd) ? -errno : 0;
}

static int replace(const char *path, const char *text)
{
	char tmp[PATH_LEN + 8], dir[PATH_LEN];
	int fd, rc;

	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	dir_of(path, dir);
	rc = conf_make_dir(dir);
	if (rc)
		return rc;
	fd = mkostemp(tmp, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return -errno;
	rc = write_all(fd, text, strlen(text));
	close(fd);
	if (!rc && rename(tmp, path))
		rc = -errno;
	if (rc) {
		unlink(tmp);
		return rc;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	return 0;
}

int conf_write(const char *path, const struct conf *c, struct conf_err *err)
{
	char *text = conf_text(c);
	int rc = text ? 0 : -ENOMEM;

	if (!rc && !is_same(path, text))
		rc = replace(path, text);
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	return rc ? file_error(err, path, rc) : 0;
}
