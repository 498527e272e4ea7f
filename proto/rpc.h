/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ONC RPC version 2 (RFC 5531): call headers in, reply headers out, and the
 * record marking of streams (section 11).
 *
 * Context: any. Nothing is allocated.
 */
#ifndef ANM_RPC_H
#define ANM_RPC_H

#include "xdr.h"

#define RPC_VERSION	   2
#define RPC_AUTH_BODY_MAX  400 /* opaque_auth body (8.2) */
#define RPC_AUTH_NAME_MAX  255 /* AUTH_SYS machinename (appendix A) */
#define RPC_AUTH_GIDS_MAX  16
#define RPC_CALL_HEAD_MIN  40 /* with two empty AUTH_NONE */
#define RPC_CALL_HEAD_MAX  (40 + 2 * RPC_AUTH_BODY_MAX)
#define RPC_ACCEPTED_LEN   24 /* accepted reply header, empty verifier */
#define RPC_REPLY_HEAD_MAX 32 /* accepted with PROG_MISMATCH */
#define RPC_MARK_LEN	   4
#define RPC_MARK_LAST	   0x80000000u
#define RPC_FRAG_MAX	   0x7fffffffu

enum rpc_msg_type { RPC_CALL = 0, RPC_REPLY = 1 };

enum rpc_reply_stat { RPC_MSG_ACCEPTED = 0, RPC_MSG_DENIED = 1 };

enum rpc_accept_stat {
	RPC_SUCCESS = 0,
	RPC_PROG_UNAVAIL = 1,
	RPC_PROG_MISMATCH = 2,
	RPC_PROC_UNAVAIL = 3,
	RPC_GARBAGE_ARGS = 4,
	RPC_SYSTEM_ERR = 5,
};

enum rpc_reject_stat { RPC_MISMATCH = 0, RPC_AUTH_ERROR = 1 };

enum rpc_auth_stat {
	RPC_AUTH_OK = 0,
	RPC_AUTH_BADCRED = 1,
	RPC_AUTH_REJECTEDCRED = 2,
	RPC_AUTH_BADVERF = 3,
	RPC_AUTH_REJECTEDVERF = 4,
	RPC_AUTH_TOOWEAK = 5,
	RPC_AUTH_INVALIDRESP = 6,
	RPC_AUTH_FAILED = 7,
};

enum rpc_auth_flavor {
	RPC_AUTH_NONE = 0,
	RPC_AUTH_SYS = 1,
	RPC_AUTH_SHORT = 2,
	RPC_AUTH_DH = 3,
	RPC_AUTH_GSS = 6,
};

/**
 * struct rpc_call - header of a call.
 * @xid:       transaction id; valid unless rpc_call_decode() said -EPROTO
 * @rpcvers, @prog, @vers, @proc: as in the call; zero as far as not decoded
 * @flavor:    RPC_AUTH_NONE or RPC_AUTH_SYS
 * @auth_stat: enum rpc_auth_stat to answer with when decoding said -EACCES
 * @stamp, @uid, @gid, @ngids, @gids: of AUTH_SYS; zero otherwise
 * @name, @name_len: machinename in the buffer, not NUL-terminated, not to be trusted
 */
struct rpc_call {
	u32 xid;
	u32 rpcvers;
	u32 prog;
	u32 vers;
	u32 proc;
	u32 flavor;
	u32 auth_stat;
	u32 stamp;
	u32 uid;
	u32 gid;
	u32 ngids;
	u32 gids[RPC_AUTH_GIDS_MAX];
	const char *name;
	u32 name_len;
};

/**
 * rpc_call_decode() - read a call header; @x stands at the arguments afterwards.
 * @x: cursor at the start of the record
 *
 * Return: 0;
 * -EPROTO: not a call at all (shorter than xid and type, or a reply): drop it,
 *          it must never be answered;
 * -EINVAL: a call of RPC version 2 whose header ends early: drop it;
 * -EPROTONOSUPPORT: another RPC version: answer rpc_put_mismatch();
 * -EACCES: credentials malformed or of a flavor not spoken: answer
 *          rpc_put_auth_error() with @call->auth_stat. prog, vers and proc are valid.
 */
int rpc_call_decode(struct xdr_in *x, struct rpc_call *call);

/**
 * rpc_call_encode() - write a call header with @call's AUTH_NONE or AUTH_SYS
 * credentials and an empty verifier; for whoever plays the client.
 * RPC version 2 whatever @call->rpcvers says.
 */
void rpc_call_encode(struct xdr_out *x, const struct rpc_call *call);

/** rpc_put_accepted() - accepted reply with an empty verifier; results follow RPC_SUCCESS. */
void rpc_put_accepted(struct xdr_out *x, u32 xid, enum rpc_accept_stat stat);

/** rpc_put_prog_mismatch() - accepted, PROG_MISMATCH, with the versions served. */
void rpc_put_prog_mismatch(struct xdr_out *x, u32 xid, u32 low, u32 high);

/** rpc_put_mismatch() - denied, RPC_MISMATCH 2 to 2. */
void rpc_put_mismatch(struct xdr_out *x, u32 xid);

/** rpc_put_auth_error() - denied, AUTH_ERROR. */
void rpc_put_auth_error(struct xdr_out *x, u32 xid, enum rpc_auth_stat stat);

/**
 * struct rpc_reply - header of a reply, for whoever plays the client.
 * @stat:   enum rpc_reply_stat
 * @detail: enum rpc_accept_stat or enum rpc_reject_stat, by @stat
 * @low, @high: versions with PROG_MISMATCH and RPC_MISMATCH; @low is the
 *          enum rpc_auth_stat with AUTH_ERROR
 */
struct rpc_reply {
	u32 xid;
	u32 stat;
	u32 detail;
	u32 low;
	u32 high;
};

/** rpc_reply_decode() - 0, or -EPROTO when not a well-formed reply. @x stands at the results. */
int rpc_reply_decode(struct xdr_in *x, struct rpc_reply *r);

/* ---- record marking ---- */

/**
 * struct rpc_rm - where in a stream of records we are.
 * @max:       longest record taken
 * @len:       payload bytes of the current record so far
 * @frag_left: payload bytes still to come of the current fragment
 * @mark:      bytes of a mark that has begun
 * @have:      how many
 * @last:      the current fragment is the record's last
 * @dead:      an error was returned; everything after it gets the same
 */
struct rpc_rm {
	u32 max;
	u32 len;
	u32 frag_left;
	u8 mark[RPC_MARK_LEN];
	u8 have;
	bool last;
	int dead;
};

/**
 * struct rpc_rm_step - what one rpc_rm_step() found.
 * @used: bytes of input consumed: marks, then payload
 * @off:  where in the input the payload lies
 * @len:  payload bytes, contiguous; may be 0
 * @done: the record is complete with these bytes; the next step begins another
 */
struct rpc_rm_step {
	u32 used;
	u32 off;
	u32 len;
	bool done;
};

void rpc_rm_init(struct rpc_rm *rm, u32 max);

/**
 * rpc_rm_step() - consume some of the stream, up to the end of a fragment.
 * @p: the next bytes of the stream, cut anywhere
 * @n: how many, at least 1
 *
 * Consumes at least one byte when it returns 0. The caller appends the payload
 * to its record and calls again until its bytes are used up. Because a step
 * ends with a fragment, nothing has to be buffered here.
 *
 * Return: 0; -EMSGSIZE when the record would be longer than @max, told as soon
 * as the mark is known; -EPROTO for an empty record or an empty fragment that
 * is not the last (which could go on for ever). The stream is lost then: close it.
 */
int rpc_rm_step(struct rpc_rm *rm, const u8 *p, u32 n, struct rpc_rm_step *s);

/** rpc_rm_known() - payload bytes of the current record, as far as its marks have told. */
static inline u32 rpc_rm_known(const struct rpc_rm *rm)
{
	return rm->len + rm->frag_left;
}

/** rpc_mark_encode() - the mark of a record of @len bytes in one fragment. */
static inline void rpc_mark_encode(u8 buf[RPC_MARK_LEN], u32 len)
{
	put_unaligned_be32(RPC_MARK_LAST | len, buf);
}

#endif
