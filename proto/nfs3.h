/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NFS version 3 (RFC 1813): constants, argument decoders, result encoders.
 *
 * Decoders return 0 or -EINVAL (answer GARBAGE_ARGS); names and handles are
 * taken from the buffer as they come, and checked for sense by the caller.
 * Encoders write what follows the accepted RPC header, status first; look at
 * ->bad of the cursor at the end. Bytes after the arguments are not looked at.
 *
 * Context: any. Nothing is allocated.
 */
#ifndef ANM_NFS3_H
#define ANM_NFS3_H

#include "xdr.h"

#define NFS_PROGRAM	    100003
#define NFS_V3		    3
#define NFS_PORT	    2049
#define NFS3_FH_MAX	    64 /* NFS3_FHSIZE */
#define NFS3_COOKIEVERF_LEN 8
#define NFS3_WRITEVERF_LEN  8
#define NFS3_NAME_MAX	    255 /* ours, told by PATHCONF; the protocol has no limit */

enum nfs3_proc {
	NFS3_NULL = 0,
	NFS3_GETATTR = 1,
	NFS3_SETATTR = 2,
	NFS3_LOOKUP = 3,
	NFS3_ACCESS = 4,
	NFS3_READLINK = 5,
	NFS3_READ = 6,
	NFS3_WRITE = 7,
	NFS3_CREATE = 8,
	NFS3_MKDIR = 9,
	NFS3_SYMLINK = 10,
	NFS3_MKNOD = 11,
	NFS3_REMOVE = 12,
	NFS3_RMDIR = 13,
	NFS3_RENAME = 14,
	NFS3_LINK = 15,
	NFS3_READDIR = 16,
	NFS3_READDIRPLUS = 17,
	NFS3_FSSTAT = 18,
	NFS3_FSINFO = 19,
	NFS3_PATHCONF = 20,
	NFS3_COMMIT = 21,
	NFS3_PROC_MAX = NFS3_COMMIT,
};

enum nfs3_stat {
	NFS3_OK = 0,
	NFS3ERR_PERM = 1,
	NFS3ERR_NOENT = 2,
	NFS3ERR_IO = 5,
	NFS3ERR_NXIO = 6,
	NFS3ERR_ACCES = 13,
	NFS3ERR_EXIST = 17,
	NFS3ERR_XDEV = 18,
	NFS3ERR_NODEV = 19,
	NFS3ERR_NOTDIR = 20,
	NFS3ERR_ISDIR = 21,
	NFS3ERR_INVAL = 22,
	NFS3ERR_FBIG = 27,
	NFS3ERR_NOSPC = 28,
	NFS3ERR_ROFS = 30,
	NFS3ERR_MLINK = 31,
	NFS3ERR_NAMETOOLONG = 63,
	NFS3ERR_NOTEMPTY = 66,
	NFS3ERR_DQUOT = 69,
	NFS3ERR_STALE = 70,
	NFS3ERR_REMOTE = 71,
	NFS3ERR_BADHANDLE = 10001,
	NFS3ERR_NOT_SYNC = 10002,
	NFS3ERR_BAD_COOKIE = 10003,
	NFS3ERR_NOTSUPP = 10004,
	NFS3ERR_TOOSMALL = 10005,
	NFS3ERR_SERVERFAULT = 10006,
	NFS3ERR_BADTYPE = 10007,
	NFS3ERR_JUKEBOX = 10008,
};

enum nfs3_ftype {
	NFS3_REG = 1,
	NFS3_DIR = 2,
	NFS3_BLK = 3,
	NFS3_CHR = 4,
	NFS3_LNK = 5,
	NFS3_SOCK = 6,
	NFS3_FIFO = 7,
};

/* ACCESS (3.3.4) */
#define NFS3_ACCESS_READ    0x0001
#define NFS3_ACCESS_LOOKUP  0x0002
#define NFS3_ACCESS_MODIFY  0x0004
#define NFS3_ACCESS_EXTEND  0x0008
#define NFS3_ACCESS_DELETE  0x0010
#define NFS3_ACCESS_EXECUTE 0x0020
#define NFS3_ACCESS_ALL	    0x003f

/* FSINFO properties (3.3.19) */
#define NFS3_FSF_LINK	     0x0001
#define NFS3_FSF_SYMLINK     0x0002
#define NFS3_FSF_HOMOGENEOUS 0x0008
#define NFS3_FSF_CANSETTIME  0x0010

enum nfs3_stable { NFS3_UNSTABLE = 0, NFS3_DATA_SYNC = 1, NFS3_FILE_SYNC = 2 };

enum nfs3_time_how {
	NFS3_DONT_CHANGE = 0,
	NFS3_SET_TO_SERVER_TIME = 1,
	NFS3_SET_TO_CLIENT_TIME = 2,
};

/** struct nfs3_fh - a file handle, @len of @data (2.3.3). */
struct nfs3_fh {
	u32 len;
	u8 data[NFS3_FH_MAX];
};

/** struct nfs3_name - a name in the request's buffer: @len bytes, not NUL-terminated, unchecked. */
struct nfs3_name {
	const char *s;
	u32 len;
};

struct nfs3_time {
	u32 sec;
	u32 nsec;
};

/** struct nfs3_fattr - attributes (fattr3, 2.3.5). @size, @used in bytes. */
struct nfs3_fattr {
	u32 type;
	u32 mode;
	u32 nlink;
	u32 uid;
	u32 gid;
	u64 size;
	u64 used;
	u32 rdev_major;
	u32 rdev_minor;
	u64 fsid;
	u64 fileid;
	struct nfs3_time atime;
	struct nfs3_time mtime;
	struct nfs3_time ctime;
};
#define NFS3_FATTR_LEN 84

/**
 * struct nfs3_wcc - weak cache consistency data (wcc_data, 2.6).
 * @has_before: the next three are valid
 * @size, @mtime, @ctime: before the operation
 * @after: attributes after it, or NULL
 */
struct nfs3_wcc {
	bool has_before;
	u64 size;
	struct nfs3_time mtime;
	struct nfs3_time ctime;
	const struct nfs3_fattr *after;
};

/**
 * struct nfs3_sattr - attributes to set (sattr3, 2.6); @set_... say which.
 * @atime_how, @mtime_how: enum nfs3_time_how
 */
struct nfs3_sattr {
	bool set_mode, set_uid, set_gid, set_size;
	u32 mode;
	u32 uid;
	u32 gid;
	u64 size;
	u32 atime_how;
	u32 mtime_how;
	struct nfs3_time atime;
	struct nfs3_time mtime;
};

/* ---- arguments ---- */

struct nfs3_setattr_args {
	struct nfs3_fh fh;
	struct nfs3_sattr attr;
	bool guarded; /* obey only if ctime is still @guard_ctime */
	struct nfs3_time guard_ctime;
};

/** struct nfs3_dirop_args - diropargs3: LOOKUP, REMOVE, RMDIR; begins CREATE, MKDIR, ... too. */
struct nfs3_dirop_args {
	struct nfs3_fh dir;
	struct nfs3_name name;
};

struct nfs3_access_args {
	struct nfs3_fh fh;
	u32 access;
};

/** struct nfs3_read_args - READ, and with the same shape COMMIT. */
struct nfs3_read_args {
	struct nfs3_fh fh;
	u64 offset;
	u32 count;
};

/**
 * struct nfs3_write_args - WRITE, all but the data.
 * @count:    bytes to write; the decoder has seen to it that it is the length
 *            of the data
 * @stable:   enum nfs3_stable
 * @data_off: where in the record the data begins
 */
struct nfs3_write_args {
	struct nfs3_fh fh;
	u64 offset;
	u32 count;
	u32 stable;
	u32 data_off;
};

/**
 * struct nfs3_readdir_args - READDIR and READDIRPLUS.
 * @dircount: READDIRPLUS only, else equal to @maxcount
 * @maxcount: limit of the result's bytes
 */
struct nfs3_readdir_args {
	struct nfs3_fh dir;
	u64 cookie;
	u8 cookieverf[NFS3_COOKIEVERF_LEN];
	u32 dircount;
	u32 maxcount;
};

/** nfs3_get_fh() - a handle; all there is of GETATTR, FSSTAT, FSINFO, PATHCONF, READLINK. */
int nfs3_get_fh(struct xdr_in *x, struct nfs3_fh *fh);
int nfs3_get_setattr(struct xdr_in *x, struct nfs3_setattr_args *a);
int nfs3_get_dirop(struct xdr_in *x, struct nfs3_dirop_args *a);
int nfs3_get_access(struct xdr_in *x, struct nfs3_access_args *a);
int nfs3_get_read(struct xdr_in *x, struct nfs3_read_args *a);
int nfs3_get_commit(struct xdr_in *x, struct nfs3_read_args *a);
int nfs3_get_readdir(struct xdr_in *x, bool plus, struct nfs3_readdir_args *a);

/**
 * nfs3_get_write() - WRITE's arguments without touching the data.
 * @x:       cursor whose buffer begins with the record; need not reach into the data
 * @rec_len: length of the whole record
 *
 * -EINVAL also when the data, with its padding, is not all in the record, or
 * when count is not its length.
 */
int nfs3_get_write(struct xdr_in *x, u32 rec_len, struct nfs3_write_args *a);

/* ---- results ---- */

void nfs3_put_fattr(struct xdr_out *x, const struct nfs3_fattr *a);
/** nfs3_put_post_op() - post_op_attr; @a may be NULL: no attributes follow. */
void nfs3_put_post_op(struct xdr_out *x, const struct nfs3_fattr *a);
/** nfs3_put_wcc() - wcc_data; @w may be NULL: neither before nor after. */
void nfs3_put_wcc(struct xdr_out *x, const struct nfs3_wcc *w);

void nfs3_put_getattr_ok(struct xdr_out *x, const struct nfs3_fattr *a);
void nfs3_put_setattr_ok(struct xdr_out *x, const struct nfs3_wcc *w);
void nfs3_put_lookup_ok(struct xdr_out *x, const struct nfs3_fh *fh, const struct nfs3_fattr *obj,
			const struct nfs3_fattr *dir);
void nfs3_put_access_ok(struct xdr_out *x, const struct nfs3_fattr *a, u32 access);

/**
 * nfs3_put_read_ok() - READ's result up to and with the length of the data.
 * The caller adds @count bytes of data and then xdr_padded(@count) - @count zeros.
 */
void nfs3_put_read_ok(struct xdr_out *x, const struct nfs3_fattr *a, u32 count, bool eof);

/** nfs3_put_write_ok() - @committed is an enum nfs3_stable; @verf goes out big endian. */
void nfs3_put_write_ok(struct xdr_out *x, const struct nfs3_wcc *w, u32 count, u32 committed,
		       u64 verf);
void nfs3_put_commit_ok(struct xdr_out *x, const struct nfs3_wcc *w, u64 verf);

/**
 * struct nfs3_dirent - one entry of a directory.
 * @name: NUL-terminated
 * @attr, @fh: READDIRPLUS only, either may be NULL
 */
struct nfs3_dirent {
	u64 fileid;
	const char *name;
	u64 cookie;
	const struct nfs3_fattr *attr;
	const struct nfs3_fh *fh;
};

/** nfs3_put_readdir_ok() - begins READDIR's and READDIRPLUS's results. */
void nfs3_put_readdir_ok(struct xdr_out *x, const struct nfs3_fattr *dir,
			 const u8 verf[NFS3_COOKIEVERF_LEN]);

/**
 * nfs3_put_dirent() - add an entry if it and nfs3_put_readdir_end() fit both below
 * offset @limit of @x (and its capacity).
 * Return: false, with @x as it was and still good, when they do not.
 */
bool nfs3_put_dirent(struct xdr_out *x, const struct nfs3_dirent *e, bool plus, u32 limit);

void nfs3_put_readdir_end(struct xdr_out *x, bool eof);

/** struct nfs3_fsstat - bytes and files (3.3.18). @invarsec: seconds these will hold. */
struct nfs3_fsstat {
	u64 tbytes, fbytes, abytes;
	u64 tfiles, ffiles, afiles;
	u32 invarsec;
};

struct nfs3_fsinfo {
	u32 rtmax, rtpref, rtmult;
	u32 wtmax, wtpref, wtmult;
	u32 dtpref;
	u64 maxfilesize;
	struct nfs3_time time_delta;
	u32 properties;
};

struct nfs3_pathconf {
	u32 linkmax;
	u32 name_max;
	bool no_trunc, chown_restricted, case_insensitive, case_preserving;
};

void nfs3_put_fsstat_ok(struct xdr_out *x, const struct nfs3_fattr *a, const struct nfs3_fsstat *s);
void nfs3_put_fsinfo_ok(struct xdr_out *x, const struct nfs3_fattr *a, const struct nfs3_fsinfo *i);
void nfs3_put_pathconf_ok(struct xdr_out *x, const struct nfs3_fattr *a,
			  const struct nfs3_pathconf *p);

/**
 * nfs3_put_fail() - the whole result of @proc when it failed, in the shape of
 * that procedure's resfail (1..NFS3_PROC_MAX; NULL cannot fail).
 * @attr: for procedures that give post_op_attr; may be NULL
 * @wcc:  for procedures that give wcc_data; may be NULL. RENAME gives it twice.
 */
void nfs3_put_fail(struct xdr_out *x, u32 proc, enum nfs3_stat stat, const struct nfs3_fattr *attr,
		   const struct nfs3_wcc *wcc);

/** nfs3_proc_name() - "READ"; "?" if there is none. */
const char *nfs3_proc_name(u32 proc);

#endif
