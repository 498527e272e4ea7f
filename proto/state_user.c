// SPDX-License-Identifier: GPL-2.0-only
/* Identity, secret and epoch, kept in a directory over restarts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "addr_user.h"
#include "state_user.h"

#define PATH_LEN 4096
#define TEXT_MAX 64

static int fail(char *err, size_t errlen, const char *path, int code)
{
	snprintf(err, errlen, "%s: %s", path, strerror(-code));
	return code;
}

/* mkdir -p */
static int make_dir(const char *dir, char *err, size_t errlen)
{
	char path[PATH_LEN];
	char *p;

	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		return fail(err, errlen, dir, -ENAMETOOLONG);
	for (p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return fail(err, errlen, path, -errno);
		*p = '/';
	}
	if (mkdir(path, 0755) && errno != EEXIST)
		return fail(err, errlen, path, -errno);
	return 0;
}

/* Return: 0, -ENOENT, other errno. Trailing newline cut. */
static int read_text(const char *path, char *buf, size_t n)
{
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	len = read(fd, buf, n - 1);
	close(fd);
	if (len < 0)
		return -errno;
	buf[len] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* Written beside and renamed: a crash leaves the old content or the new. */
static int write_text(const char *dir, const char *name, const char *text, mode_t mode)
{
	char path[PATH_LEN + TEXT_MAX], tmp[PATH_LEN + TEXT_MAX + 8];
	size_t len = strlen(text);
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len || fsync(fd))
		rc = errno ? -errno : -EIO;
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

static void secret_draw(u8 secret[16])
{
	anm_random(secret, 16);
}

static int load_16(const char *dir, const char *name, mode_t mode, void (*draw)(u8 *), u8 out[16],
		   char *err, size_t errlen)
{
	char path[PATH_LEN + TEXT_MAX], text[TEXT_MAX];
	int rc = make_dir(dir, err, errlen);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	rc = read_text(path, text, sizeof(text));
	if (!rc) {
		if (!uuid_parse(text, out))
			return 0;
		snprintf(err, errlen, "%s: not 32 hex digits; put it right or remove it", path);
		return -EINVAL;
	}
	if (rc != -ENOENT)
		return fail(err, errlen, path, rc);
	draw(out);
	uuid_format(out, text);
	strcat(text, "\n");
	rc = write_text(dir, name, text, mode);
	return rc ? fail(err, errlen, path, rc) : 0;
}

int state_uuid(const char *dir, u8 uuid[16], char *err, size_t errlen)
{
	return load_16(dir, "uuid", 0644, uuid_draw, uuid, err, errlen);
}

int state_secret(const char *dir, u8 secret[16], char *err, size_t errlen)
{
	return load_16(dir, "secret", 0600, secret_draw, secret, err, errlen);
}

int state_epoch(const char *dir, u64 *epoch, char *err, size_t errlen)
{
	char path[PATH_LEN + TEXT_MAX], text[TEXT_MAX];
	unsigned long long last = 0;
	int rc = make_dir(dir, err, errlen);
	char *end;

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/epoch", dir);
	rc = read_text(path, text, sizeof(text));
	if (rc && rc != -ENOENT)
		return fail(err, errlen, path, rc);
	if (!rc) {
		last = strtoull(text, &end, 10);
		if (end == text || *end) {
			snprintf(err, errlen, "%s: not a number; put it right or remove it", path);
			return -EINVAL;
		}
	}
	snprintf(text, sizeof(text), "%llu\n", last + 1);
	rc = write_text(dir, "epoch", text, 0644);
	if (rc)
		return fail(err, errlen, path, rc);
	*epoch = last + 1;
	return 0;
}
