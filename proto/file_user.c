// SPDX-License-Identifier: GPL-2.0-only
/* Small files that must survive a crash whole. */
#include "file_user.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void file_dir(const char *path, char dir[FILE_PATH_LEN])
{
	char copy[FILE_PATH_LEN];

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(dir, FILE_PATH_LEN, "%s", dirname(copy));
}

int file_make_dir(const char *dir)
{
	char path[FILE_PATH_LEN];
	char *p;

	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
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

int file_read(const char *path, char *buf, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	do {
		got = read(fd, buf + len, n - len);
		if (got < 0)
			rc = -errno;
		else
			len += got;
		if (!rc && len == n)
			rc = -EFBIG;
	} while (!rc && got);
	close(fd);
	if (rc)
		return rc;
	buf[len] = '\0';
	return (int)len;
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

/* Some file systems cannot, and say so: there the name is as safe as they make it. */
static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) && errno != EINVAL)
		rc = -errno;
	close(fd);
	return rc;
}

int file_replace(const char *path, const char *text, mode_t mode)
{
	char tmp[FILE_PATH_LEN + 8], dir[FILE_PATH_LEN];
	int fd, rc;

	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= FILE_PATH_LEN)
		return -ENAMETOOLONG;
	file_dir(path, dir);
	rc = file_make_dir(dir);
	if (rc)
		return rc;
	fd = mkostemp(tmp, O_CLOEXEC); /* nobody else's until it is whole */
	if (fd < 0)
		return -errno;
	rc = write_all(fd, text, strlen(text));
	if (!rc && fchmod(fd, mode))
		rc = -errno;
	close(fd);
	if (!rc && rename(tmp, path))
		rc = -errno;
	if (rc) {
		unlink(tmp);
		return rc;
	}
	return sync_dir(dir);
}
