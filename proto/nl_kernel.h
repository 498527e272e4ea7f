/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel side of nl.h: attributes in struct sk_buff. */
#ifndef ANM_NL_KERNEL_H
#define ANM_NL_KERNEL_H

#include <linux/skbuff.h>
#include <net/netlink.h>

#define anm_nlmsg sk_buff

#define ANM_NLP_STR(max)                             \
	{                                            \
		.type = NLA_NUL_STRING, .len = (max) \
	}
#define ANM_NLP_BIN(n)	       NLA_POLICY_EXACT_LEN(n)
#define ANM_NLP_NESTED(policy) NLA_POLICY_NESTED(policy)

static inline int anm_nl_parse(struct nlattr **tb, int max, struct nlattr *nla,
			       const struct nla_policy *policy)
{
	return nla_parse_nested(tb, max, nla, policy, NULL) ? -EINVAL : 0;
}

static inline int anm_nl_put_u8(struct sk_buff *skb, int type, u8 v)
{
	return nla_put_u8(skb, type, v);
}

static inline int anm_nl_put_u16(struct sk_buff *skb, int type, u16 v)
{
	return nla_put_u16(skb, type, v);
}

static inline int anm_nl_put_u32(struct sk_buff *skb, int type, u32 v)
{
	return nla_put_u32(skb, type, v);
}

static inline int anm_nl_put_u64(struct sk_buff *skb, int type, u64 v, int pad)
{
	return nla_put_u64_64bit(skb, type, v, pad);
}

static inline int anm_nl_put_str(struct sk_buff *skb, int type, const char *s)
{
	return nla_put_string(skb, type, s);
}

static inline int anm_nl_put_bin(struct sk_buff *skb, int type, const void *data, int n)
{
	return nla_put(skb, type, n, data);
}

static inline struct nlattr *anm_nl_nest(struct sk_buff *skb, int type)
{
	return nla_nest_start(skb, type);
}

static inline void anm_nl_nest_end(struct sk_buff *skb, struct nlattr *nest)
{
	nla_nest_end(skb, nest);
}

static inline void anm_nl_str(const struct nlattr *nla, char *dst, size_t size)
{
	nla_strscpy(dst, nla, size);
}

#endif
