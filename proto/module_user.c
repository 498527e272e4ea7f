// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading kernel modules. */
#include "module_user.h"

#include <errno.h>
#include <libkmod.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define UNLOAD_TRIES 20
#define UNLOAD_PAUSE 100000000 /* ns between them */

/* A module by its name, and what it needs. */
static int insert_name(struct kmod_ctx *ctx, const char *name, const char *options,
		       unsigned int flags)
{
	struct kmod_list *list = NULL, *item;
	int rc;

	rc = kmod_module_new_from_lookup(ctx, name, &list);
	if (!rc && !list)
		rc = -ENOENT;
	kmod_list_foreach(item, list)
	{
		struct kmod_module *mod = kmod_module_get_module(item);

		if (!rc)
			rc = kmod_module_probe_insert_module(mod, flags, options, NULL, NULL, NULL);
		kmod_module_unref(mod);
	}
	kmod_module_unref_list(list);
	return rc;
}

/* A file is in no index: what it needs it says itself, names with commas between. */
static void insert_needed(struct kmod_ctx *ctx, struct kmod_module *mod)
{
	struct kmod_list *info = NULL, *item;
	char needs[256], *name, *rest = needs;

	if (kmod_module_get_info(mod, &info) < 0)
		return;
	kmod_list_foreach(item, info)
	{
		if (strcmp(kmod_module_info_get_key(item), "depends"))
			continue;
		snprintf(needs, sizeof(needs), "%s", kmod_module_info_get_value(item));
		/* One that cannot be had is told of by the symbols that are missing then. */
		while ((name = strsep(&rest, ",")))
			if (*name)
				insert_name(ctx, name, NULL, 0);
	}
	kmod_module_info_free_list(info);
}

static int insert_file(struct kmod_ctx *ctx, const char *path, const char *options)
{
	struct kmod_module *mod;
	int rc = kmod_module_new_from_path(ctx, path, &mod);

	if (rc)
		return rc;
	insert_needed(ctx, mod);
	rc = kmod_module_insert_module(mod, 0, options);
	kmod_module_unref(mod);
	return rc;
}

static int insert(struct kmod_ctx *ctx, const char *name, const char *options)
{
	if (strchr(name, '/'))
		return insert_file(ctx, name, options);
	return insert_name(ctx, name, options,
			   KMOD_PROBE_APPLY_BLACKLIST | KMOD_PROBE_FAIL_ON_LOADED);
}

static void log_nothing(void *data, int priority, const char *file, int line, const char *fn,
			const char *format, va_list args)
{
	/* what went wrong is said once, by the caller */
}

int module_load(const char *name, const char *options, bool *loaded, char *err, size_t errlen)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	const char *hint = "";
	int rc;

	if (!ctx) {
		snprintf(err, errlen, "out of memory");
		return -ENOMEM;
	}
	kmod_set_log_fn(ctx, log_nothing, NULL);
	kmod_load_resources(ctx);
	rc = insert(ctx, name, options);
	kmod_unref(ctx);
	if (loaded)
		*loaded = !rc;
	if (rc == -EEXIST)
		return 0;
	if (rc == -ENOENT)
		hint = ": it is not installed for this kernel; build and install it (make "
		       "modules, make install-modules), or run the daemon instead";
	else if (rc == -EPERM)
		hint = ": be root; a machine with secure boot takes signed modules only";
	else if (rc == -ENOEXEC)
		hint = ": it was built for another kernel than the running one";
	if (rc)
		snprintf(err, errlen, "cannot load the module %s: %s%s", name,
			 strerror(rc < 0 ? -rc : rc), hint);
	return rc > 0 ? -EPERM : rc;
}

int module_unload(const char *name, char *err, size_t errlen)
{
	struct timespec pause = {.tv_nsec = UNLOAD_PAUSE};
	int tries = UNLOAD_TRIES;
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_module *mod = NULL;
	int rc = ctx ? kmod_module_new_from_name(ctx, name, &mod) : -ENOMEM;

	if (ctx)
		kmod_set_log_fn(ctx, log_nothing, NULL);
	if (!rc) {
		while ((rc = kmod_module_remove_module(mod, 0)) == -EAGAIN || rc == -EBUSY) {
			if (!--tries)
				break;
			nanosleep(&pause, NULL);
		}
	}
	if (rc == -ENOENT)
		rc = 0;
	if (rc)
		snprintf(err, errlen, "cannot unload the module %s: %s", name, strerror(-rc));
	if (mod)
		kmod_module_unref(mod);
	kmod_unref(ctx);
	return rc;
}
