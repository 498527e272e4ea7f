/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading and unloading kernel modules, for the command line tools; user space. */
#ifndef ANM_MODULE_USER_H
#define ANM_MODULE_USER_H

#include <stdbool.h>
#include <stddef.h>

/**
 * module_load() - as modprobe does, with what it depends on; fine when it is loaded already.
 * @name:    a module's name, or the path of its file (with a '/'; then nothing
 *           that it depends on is loaded)
 * @options: "name=value ...", stronger than those of modprobe.d; or NULL
 * @loaded:  whether it was this call that loaded it; may be NULL
 * @err:     filled with words on error
 *
 * Return: 0 or a negative errno.
 */
int module_load(const char *name, const char *options, bool *loaded, char *err, size_t errlen);

/**
 * module_unload() - fine when it is not loaded; -EBUSY (or -EAGAIN) while it is
 * in use, after up to two seconds: the last packets hold it for a moment.
 */
int module_unload(const char *name, char *err, size_t errlen);

#endif
