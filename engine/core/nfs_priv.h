/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One RPC call on its way through the NFS side: dispatch.c decodes its header, a
 * program's file carries it out, and the reply goes to the output queue.
 *
 * Handlers return 0 when the reply is in call->res or when the call has been dealt
 * with otherwise (call->out is NULL then); -EINVAL to have GARBAGE_ARGS answered;
 * -EAGAIN when a limit was hit and nothing was changed.
 */
#ifndef ANM_ENG_NFS_PRIV_H
#define ANM_ENG_NFS_PRIV_H

#include "../../proto/mount3.h"
#include "../../proto/nfs3.h"
#include "../../proto/rpc.h"
#include "exports.h"

#define ENG_REPLY_CAP	1024 /* every reply without data but MOUNT's lists */
#define ENG_FILEID_DIR	2
#define ENG_FILEID_FILE 3

/**
 * struct eng_call - a call in hand.
 * @from, @rec: as given to eng_rpc_in()
 * @hdr:  decoded header
 * @args: cursor at the arguments; its buffer begins with the record and may end before it
 * @out:  the reply, once eng_call_reply() made it
 * @res:  cursor in @out's head
 */
struct eng_call {
	struct engine *e;
	const struct anm_peer *from;
	const struct anm_rec *rec;
	struct rpc_call hdr;
	struct xdr_in args;
	struct anm_out *out;
	struct xdr_out res;
};

/**
 * struct eng_req - a READ or WRITE in flight.
 * @link:    in the client's queue
 * @from:    where the answer goes
 * @offset, @count: bytes, as carried out
 * @eof:     READ: the last byte of the file is in it
 * @pending: pageios not yet done, and one for the loop that starts them
 * @err:     the first error of any
 * @drc:     WRITE: its entry
 * @out:     the reply, allocated with the request: finishing cannot fail
 * @ios:     pageios in the order of their offsets
 */
struct eng_req {
	struct list_head link;
	struct eng_export *x;
	struct anm_peer from;
	u32 xid;
	bool write;
	bool eof;
	u64 offset;
	u32 count;
	u32 npages;
	u32 pending;
	int err;
	u64 started_ns;
	struct drc_entry *drc;
	struct anm_out *out;
	struct list_head ios;
};

/**
 * struct eng_io - what eng_req_start() shall do.
 * @through:  WRITE: not to be left dirty
 * @data_off: WRITE: where in the record the data begins
 * @sum:      WRITE: the duplicate-request cache's checksum
 */
struct eng_io {
	struct eng_export *x;
	bool write;
	bool through;
	u64 offset;
	u32 count;
	u32 data_off;
	u32 sum;
};

/* dispatch.c */

/** eng_call_reply() - begin an accepted, successful reply. Return: 0 or -EAGAIN (counted). */
int eng_call_reply(struct eng_call *call, u32 cap);

/** eng_call_gather() - have at least the first @n bytes of the record in call->args. */
void eng_call_gather(struct eng_call *call, u32 n);

/** eng_reply_finish() - set the lengths of a reply from its cursor. */
void eng_reply_finish(struct anm_out *out, const struct xdr_out *res);

/** eng_reply_send() - count it and queue it. */
void eng_reply_send(struct engine *e, struct anm_out *out);

/** eng_call_insecure() - from a port that is not privileged, when that is asked for. Counts. */
bool eng_call_insecure(struct eng_call *call);

/* mount.c */
int eng_mount_call(struct eng_call *call);

/* nfs.c */
int eng_nfs_call(struct eng_call *call);

/**
 * nfs_resolve() - whose handle is it, and may the sender use it (promise 5)?
 * @node: set to 0 for the directory, 1 for the file
 *
 * Return: enum nfs3_stat; refusals are counted.
 */
u32 nfs_resolve(struct eng_call *call, const struct nfs3_fh *fh, struct eng_export **x, u32 *node);

/** nfs_fail() - answer with an error in the procedure's own shape, no attributes. */
int nfs_fail(struct eng_call *call, u32 stat);

/** nfs_is_owner() - does the credential carry the rights of root or of the owner? */
bool nfs_is_owner(const struct eng_call *call, const struct eng_node *n);

/** nfs_call_sum() - checksum of procedure and arguments up to byte @end of the record. */
u32 nfs_call_sum(const struct eng_call *call, u32 begin, u32 end);

/* nfs_attr.c */
void nfs_time_of(struct nfs3_time *t, u64 wall_ns);
void nfs_fattr_of(const struct eng_export *x, u32 node, struct nfs3_fattr *a);

/** nfs_wcc_before() - note the attributes before an operation. */
void nfs_wcc_before(const struct eng_export *x, u32 node, struct nfs3_wcc *w);

/** nfs_touch() - move mtime (@mtime) and ctime of the file to now, always forward. */
void nfs_touch(struct engine *e, struct eng_node *n, bool mtime);
int nfs_getattr(struct eng_call *call);
int nfs_setattr(struct eng_call *call);
int nfs_access(struct eng_call *call);

/* nfs_dir.c */
int nfs_lookup(struct eng_call *call);
int nfs_readdir(struct eng_call *call);

/* nfs_io.c */
int nfs_read(struct eng_call *call);
int nfs_write(struct eng_call *call);
int nfs_commit(struct eng_call *call);

/* req.c */

/**
 * eng_req_start() - accept a READ or WRITE and start all its pages, or do nothing.
 * Return: 0; -EAGAIN at a limit or without memory (counted); -EINVAL when the record
 * cannot be read.
 */
int eng_req_start(struct eng_call *call, const struct eng_io *io);

/** eng_req_has_room() - would a request of @npages be taken that came in through @door? */
bool eng_req_has_room(const struct engine *e, const struct eng_client *c, u32 npages, u8 door);

/* split.c */

/**
 * eng_split_payload() - have a memory server answer a READ, once. The head of the reply is made
 * by @put.
 * Return: bytes written to @buf, a struct amp_split; 0 if the engine is to answer.
 */
u16 eng_split_payload(struct engine *e, const struct eng_req *req, u16 mtu, u8 *buf,
		      void (*put)(struct engine *e, const struct eng_req *req,
				  struct xdr_out *res));

/** eng_req_reattach() - send the answer to where the duplicate came from. */
void eng_req_reattach(struct eng_req *req, const struct anm_peer *from);

#endif
