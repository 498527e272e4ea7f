/* SPDX-License-Identifier: GPL-2.0-only */
/* User-space side of nl.h: libnl. */
#ifndef ANM_NL_USER_H
#define ANM_NL_USER_H

#include <errno.h>
#include <netlink/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#define anm_nlmsg nl_msg

#define ANM_NLP_STR(max)                                             \
	{                                                            \
		.type = NLA_STRING, .minlen = 1, .maxlen = (max) + 1 \
	}
#define ANM_NLP_BIN(n)                                           \
	{                                                        \
		.type = NLA_UNSPEC, .minlen = (n), .maxlen = (n) \
	}
#define ANM_NLP_NESTED(policy)     \
	{                          \
		.type = NLA_NESTED \
	}

static inline int anm_nl_parse(struct nlattr **tb, int max, struct nlattr *nla,
			       const struct nla_policy *policy)
{
	return nla_parse_nested(tb, max, nla, policy) < 0 ? -EINVAL : 0;
}

static inline int anm_nl_put_u8(struct nl_msg *msg, int type, uint8_t v)
{
	return nla_put_u8(msg, type, v);
}

static inline int anm_nl_put_u16(struct nl_msg *msg, int type, uint16_t v)
{
	return nla_put_u16(msg, type, v);
}

static inline int anm_nl_put_u32(struct nl_msg *msg, int type, uint32_t v)
{
	return nla_put_u32(msg, type, v);
}

static inline int anm_nl_put_u64(struct nl_msg *msg, int type, uint64_t v, int pad)
{
	(void)pad; /* libnl's reader needs no alignment */
	return nla_put_u64(msg, type, v);
}

static inline int anm_nl_put_str(struct nl_msg *msg, int type, const char *s)
{
	return nla_put_string(msg, type, s);
}

static inline int anm_nl_put_bin(struct nl_msg *msg, int type, const void *data, int n)
{
	return nla_put(msg, type, n, data);
}

static inline struct nlattr *anm_nl_nest(struct nl_msg *msg, int type)
{
	return nla_nest_start(msg, type | NLA_F_NESTED);
}

static inline void anm_nl_nest_end(struct nl_msg *msg, struct nlattr *nest)
{
	nla_nest_end(msg, nest);
}

static inline void anm_nl_str(const struct nlattr *nla, char *dst, size_t size)
{
	nla_strlcpy(dst, nla, size);
}

#endif
