/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control plane of the engine: attributes of anemone_genl.h into calls on the
 * core, and what the core tells into attributes. The module calls it from its
 * generic netlink handlers, the daemon from its Unix socket.
 *
 * All functions that take an engine are called under its lock and do not
 * sleep. @attrs is the parsed top level, ANM_ENG_A_MAX + 1 pointers, checked
 * against eng_ctl_policy. Functions that fill a message return -EMSGSIZE when
 * it is full, with a partly written object at its end that the caller trims
 * (genlmsg_cancel() or a fresh message).
 */
#ifndef ANM_ENG_CONTROL_H
#define ANM_ENG_CONTROL_H

#include "../../proto/nl.h"
#include "engine.h"

#define ENG_NFS_PORT	   2049
#define ENG_MOUNT_PORT	   20048
#define ENG_HB_MS_MIN	   10
#define ENG_HB_MS_MAX	   60000
#define ENG_HB_MS	   1000
#define ENG_DEAD_MS	   5000
#define ENG_DEAD_MS_MAX	   600000
#define ENG_RECOVER_MS_MIN 1000
#define ENG_RECOVER_MS_MAX 3600000
#define ENG_REPAIR_MS_MAX  86400000
#define ENG_MOVE_RATE_MAX  1000000
#define ENG_OVERCOMMIT_MAX 1000

/** enum eng_door - how datagrams come in. The module has no choice, and refuses ENG_DOOR_XDP. */
enum eng_door {
	ENG_DOOR_SOCKET,
	ENG_DOOR_AUTO, /* AF_XDP beside the sockets if it is to be had */
	ENG_DOOR_XDP,  /* not without it */
	ENG_DOOR_HOOK, /* only told: netfilter's hooks */
};

#define ENG_DOOR_WORDS	  "socket", "auto", "xdp" /* those that can be asked for */
#define ENG_INTERFACE_MAX 15

/** eng_ctl_policy - of the top-level attributes, for every command. */
extern const struct nla_policy eng_ctl_policy[ANM_ENG_A_MAX + 1];

/**
 * struct eng_ctl_up - an engine and its doors.
 * @cfg:    of the core
 * @listen: address to serve on, all zero for any
 * @nfs_port, @mount_port, @amp_port: host order; NFS and MOUNT may share one
 * @tcp:    listen for TCP
 * @door:   enum eng_door
 * @interface: of ENG_DOOR_XDP and ENG_DOOR_AUTO
 * @file:   where the configuration is kept, for those who ask
 * @doors, @ndoors: the doors' own counters for eng_ctl_status(), or NULL and 0
 */
struct eng_ctl_up {
	struct eng_config cfg;
	struct anm_addr listen;
	u16 nfs_port;
	u16 mount_port;
	u16 amp_port;
	bool tcp;
	u8 door;
	char interface[ENG_INTERFACE_MAX + 1];
	char file[ANM_CTL_FILE_MAX + 1];
	const struct anm_counter *doors;
	u32 ndoors;
};

/** eng_ctl_up_defaults() - everything at its default; UUID and secret zero. */
static inline void eng_ctl_up_defaults(struct eng_ctl_up *up)
{
	memset(up, 0, sizeof(*up));
	up->cfg.epoch = 1;
	up->cfg.heartbeat_ms = ENG_HB_MS;
	up->cfg.dead_ms = ENG_DEAD_MS;
	up->cfg.recover_ms = ENG_RECOVER_MS;
	up->cfg.repair_after_ms = ENG_REPAIR_MS;
	up->cfg.move_rate = ENG_MOVE_RATE;
	up->nfs_port = ENG_NFS_PORT;
	up->mount_port = ENG_MOUNT_PORT;
	up->amp_port = AMP_PORT;
	up->tcp = true;
}

/**
 * eng_ctl_up_check() - refuse what makes no sense together.
 * Return: 0 or -EINVAL with @err filled.
 */
int eng_ctl_up_check(const struct eng_ctl_up *up, struct eng_err *err);

/**
 * eng_ctl_up_parse() - read and check ANM_ENG_A_CONFIG of UP. No lock needed.
 * Return: 0 or -EINVAL. Ports may be 0, which is for the door to take or refuse.
 */
int eng_ctl_up_parse(struct nlattr **attrs, struct eng_ctl_up *up, struct eng_err *err);

/** eng_ctl_forced() - whether ANM_ENG_A_FORCE is there. */
bool eng_ctl_forced(struct nlattr **attrs);

/**
 * eng_ctl_down_check() - may the engine be ended?
 * Return: 0, or -EBUSY with @err filled when VAIs are in use, or pages not stored, and @force is
 * false.
 */
int eng_ctl_down_check(struct engine *e, bool force, struct eng_err *err);

/** eng_ctl_vai_new() - VAI_NEW; the errors of eng_vai_add(). */
int eng_ctl_vai_new(struct engine *e, struct nlattr **attrs, struct eng_err *err);

/**
 * eng_ctl_vai_parse() - read ANM_ENG_A_VAI; the name is required.
 * @tb: ANM_ENG_VAI_MAX + 1 pointers
 */
int eng_ctl_vai_parse(struct nlattr **attrs, struct nlattr **tb, struct eng_vai_params *p,
		      struct eng_err *err);

/* control_pool.c */
extern const struct nla_policy eng_ctl_server_policy[ANM_ENG_SRV_MAX + 1];
extern const struct nla_policy eng_ctl_pages_policy[ANM_ENG_PG_MAX + 1];

/**
 * eng_ctl_change() - carry out a command that changes something and answers with nothing:
 * SERVER_EXPECT, RECOVER_GO, DISCARD_UNKNOWN, SERVER_DRAIN, SERVER_REMOVE, VAI_DEL, VAI_RESIZE,
 * VAI_DISCARD, VAI_SET and FLUSH.
 * Return: the errors of the calls behind them; -EOPNOTSUPP for another @cmd.
 */
int eng_ctl_change(struct engine *e, u8 cmd, struct nlattr **attrs, struct eng_err *err);

/** eng_ctl_pages() - put a step of a search: answers PAGES_GET. -EINVAL, -ENOENT, -EMSGSIZE. */
int eng_ctl_pages(struct anm_nlmsg *msg, struct engine *e, struct nlattr **attrs,
		  struct eng_err *err);

/**
 * eng_ctl_vai_get() - put the VAI named in @attrs: answers VAI_GET and VAI_NEW.
 * Return: 0, -EINVAL without a name, -ENOENT, -EMSGSIZE.
 */
int eng_ctl_vai_get(struct anm_nlmsg *msg, struct engine *e, struct nlattr **attrs,
		    struct eng_err *err);

/**
 * eng_ctl_vai_next() - put the VAI at or after *@slot: one message of a dump.
 * @slot: cursor, 0 at first; advanced past the VAI only when it was put
 *
 * Return: 1 when put, 0 when there are no more, -EMSGSIZE.
 */
int eng_ctl_vai_next(struct anm_nlmsg *msg, struct engine *e, u32 *slot);

/** eng_ctl_server_next() - the same for memory servers. */
int eng_ctl_server_next(struct anm_nlmsg *msg, struct engine *e, u32 *slot);

/**
 * eng_ctl_status() - put configuration, status and counters: answers STATUS_GET.
 * @up: the doors as they are (with the ports really bound); its cfg is not read
 */
int eng_ctl_status(struct anm_nlmsg *msg, struct engine *e, const struct eng_ctl_up *up, u64 now);

/** eng_ctl_event() - put an event; no lock needed. */
int eng_ctl_event(struct anm_nlmsg *msg, const struct eng_event *ev);

#endif
