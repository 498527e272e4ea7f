/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MOUNT version 3 (RFC 1813, appendix I): MNT, DUMP, UMNT, UMNTALL, EXPORT.
 *
 * Context: any. Nothing is allocated. Encoders write what follows the accepted
 * RPC header; look at ->bad of the cursor at the end.
 */
#ifndef ANM_MOUNT3_H
#define ANM_MOUNT3_H

#include "xdr.h"

#define MOUNT_PROGRAM	100005
#define MOUNT_V3	3
#define MOUNT_PORT	20048
#define MOUNT3_PATH_MAX 1024 /* MNTPATHLEN */
#define MOUNT3_NAME_MAX 255  /* MNTNAMLEN */
#define MOUNT3_FH_MAX	64   /* FHSIZE3 */

enum mount3_proc {
	MOUNT3_NULL = 0,
	MOUNT3_MNT = 1,
	MOUNT3_DUMP = 2,
	MOUNT3_UMNT = 3,
	MOUNT3_UMNTALL = 4,
	MOUNT3_EXPORT = 5,
	MOUNT3_PROC_MAX = MOUNT3_EXPORT,
};

enum mount3_stat {
	MNT3_OK = 0,
	MNT3ERR_PERM = 1,
	MNT3ERR_NOENT = 2,
	MNT3ERR_IO = 5,
	MNT3ERR_ACCES = 13,
	MNT3ERR_NOTDIR = 20,
	MNT3ERR_INVAL = 22,
	MNT3ERR_NAMETOOLONG = 63,
	MNT3ERR_NOTSUPP = 10004,
	MNT3ERR_SERVERFAULT = 10006,
};

/**
 * mount3_get_path() - argument of MNT and UMNT.
 * @n: length is stored here, at most MOUNT3_PATH_MAX
 *
 * Return: the path in the buffer, not NUL-terminated and not checked for NULs
 * inside; NULL when malformed (GARBAGE_ARGS).
 */
const char *mount3_get_path(struct xdr_in *x, u32 *n);

/** mount3_put_mnt_ok() - result of MNT: handle and the @n flavors (enum rpc_auth_flavor). */
void mount3_put_mnt_ok(struct xdr_out *x, const u8 *fh, u32 fh_len, const u32 *flavors, u32 n);

/** mount3_put_mnt_fail() - result of MNT that is not MNT3_OK. */
void mount3_put_mnt_fail(struct xdr_out *x, enum mount3_stat stat);

/*
 * Lists. Entries that do not fit are not begun: put functions answer false and
 * leave @x as it was, good and with room for mount3_put_list_end().
 */

/** mount3_put_dump() - one entry of DUMP's list: who has mounted what. */
bool mount3_put_dump(struct xdr_out *x, const char *host, const char *path);

/**
 * mount3_put_export() - one entry of EXPORT's list.
 * @groups: who may mount it, @n NUL-terminated names; none means everybody
 */
bool mount3_put_export(struct xdr_out *x, const char *path, const char *const *groups, u32 n);

/** mount3_put_list_end() - ends either list; the empty list is this alone. */
void mount3_put_list_end(struct xdr_out *x);

#endif
