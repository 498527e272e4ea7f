// SPDX-License-Identifier: GPL-2.0-only
/* Identity, secret and epoch, kept in a directory over restarts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "addr_user.h"
#include "file_user.h"
#include "state_user.h"

#define TEXT_MAX 64

static int fail(char *err, size_t errlen, const char *path, int code)
{
	snprintf(err, errlen, "%s: %s", path, strerror(-code));
	return code;
}

/* Return: 0, -ENOENT, other errno. Trailing newline cut. */
static int read_text(const char *path, char buf[TEXT_MAX])
{
	int rc = file_read(path, buf, TEXT_MAX);

	if (rc < 0)
		return rc;
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static void secret_draw(u8 secret[16])
{
	anm_random(secret, 16);
}

static int load_16(const char *dir, const char *name, mode_t mode, void (*draw)(u8 *), u8 out[16],
		   char *err, size_t errlen)
{
	char path[FILE_PATH_LEN + TEXT_MAX], text[TEXT_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	rc = read_text(path, text);
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
	rc = file_replace(path, text, mode);
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
	char path[FILE_PATH_LEN + TEXT_MAX], text[TEXT_MAX];
	unsigned long long last = 0;
	char *end;
	int rc;

	snprintf(path, sizeof(path), "%s/epoch", dir);
	rc = read_text(path, text);
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
	rc = file_replace(path, text, 0644);
	if (rc)
		return fail(err, errlen, path, rc);
	*epoch = last + 1;
	return 0;
}
