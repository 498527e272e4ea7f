/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a part keeps over restarts, in a directory of its own: "uuid" (its
 * identity), "secret" (mode 0600, key of the file handles) and "epoch" (grows at
 * each start). User space.
 */
#ifndef ANM_STATE_USER_H
#define ANM_STATE_USER_H

#include "services.h"

#define ENG_STATE_DIR "/var/lib/anemone/engine"
#define MEM_STATE_DIR "/var/lib/anemone/memserver"

/**
 * state_uuid() - read the UUID; draw and keep one if there is none.
 * @dir: made if missing
 * @err: filled with words on error
 *
 * Return: 0 or a negative errno.
 */
int state_uuid(const char *dir, u8 uuid[16], char *err, size_t errlen);

/** state_secret() - the same for the secret. A malformed one is an error, never replaced. */
int state_secret(const char *dir, u8 secret[16], char *err, size_t errlen);

/** state_epoch() - the next epoch, at least 1; on disk before this returns. */
int state_epoch(const char *dir, u64 *epoch, char *err, size_t errlen);

#endif
