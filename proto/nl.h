/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netlink attributes for the control code that runs both in the modules (on
 * struct sk_buff) and in the daemons (on libnl's struct nl_msg). The two
 * platform headers define the same names, and nla_get_*(), nla_data(),
 * nla_len() and nla_for_each_nested() mean the same on both:
 *
 *   anm_nlmsg                        struct sk_buff or struct nl_msg, as "struct anm_nlmsg"
 *   ANM_NLP_U8 .. ANM_NLP_U64        initialisers of struct nla_policy: integers,
 *   ANM_NLP_FLAG                     a flag,
 *   ANM_NLP_STR(max)                 a string of at most max bytes and its NUL,
 *   ANM_NLP_BIN(n)                   exactly n bytes,
 *   ANM_NLP_NESTED(policy)           nested attributes under another policy array
 *   int anm_nl_parse(tb, max, nla, policy)            nested attributes; 0 or -EINVAL
 *   int anm_nl_put_{u8,u16,u32}(msg, type, v)         0 or negative when full
 *   int anm_nl_put_u64(msg, type, v, pad)
 *   int anm_nl_put_str(msg, type, s)
 *   int anm_nl_put_bin(msg, type, data, n)
 *   struct nlattr *anm_nl_nest(msg, type)             NULL when full
 *   void anm_nl_nest_end(msg, nest)
 *   void anm_nl_str(nla, dst, size)                   copies a string, always ends it
 */
#ifndef ANM_NL_H
#define ANM_NL_H

#include "services.h"
#include "anemone_genl.h"

#ifdef __KERNEL__
#include "nl_kernel.h"
#else
#include "nl_user.h"
#endif

#define ANM_NLP_U8             \
	{                      \
		.type = NLA_U8 \
	}
#define ANM_NLP_U16             \
	{                       \
		.type = NLA_U16 \
	}
#define ANM_NLP_U32             \
	{                       \
		.type = NLA_U32 \
	}
#define ANM_NLP_U64             \
	{                       \
		.type = NLA_U64 \
	}
#define ANM_NLP_FLAG             \
	{                        \
		.type = NLA_FLAG \
	}

/**
 * struct anm_counter - one of a driver's own counters, told with the core's.
 * @name: static
 * @value: as it was when the list was made
 */
struct anm_counter {
	const char *name;
	u64 value;
};

/**
 * anm_nl_put_counter() - append one counter to a nested list.
 * @msg: message with the list's nest open
 * @name: the counter's name
 * @value: its value
 *
 * Return: 0, or -EMSGSIZE when the message is full.
 */
static inline int anm_nl_put_counter(struct anm_nlmsg *msg, const char *name, u64 value)
{
	struct nlattr *nest = anm_nl_nest(msg, ANM_COUNTERS_A_COUNTER);

	if (!nest || anm_nl_put_str(msg, ANM_COUNTER_NAME, name) ||
	    anm_nl_put_u64(msg, ANM_COUNTER_VALUE, value, ANM_COUNTER_PAD))
		return -EMSGSIZE;
	anm_nl_nest_end(msg, nest);
	return 0;
}

/**
 * struct anm_counter_def - one u64 member of a struct of counters.
 * @name: static
 * @off:  where it is in the struct
 */
struct anm_counter_def {
	const char *name;
	u32 off;
};

/**
 * anm_nl_put_counters() - put a core's counters and its driver's as one list.
 * @msg:   message
 * @type:  of the list's attribute
 * @defs, @ndefs: what @stats consists of
 * @stats: the core's struct of counters
 * @doors, @ndoors: the driver's own
 *
 * Return: 0, or -EMSGSIZE when the message is full.
 */
static inline int anm_nl_put_counters(struct anm_nlmsg *msg, int type,
				      const struct anm_counter_def *defs, u32 ndefs,
				      const void *stats, const struct anm_counter *doors,
				      u32 ndoors)
{
	struct nlattr *nest = anm_nl_nest(msg, type);
	u32 i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < ndefs; i++)
		if (anm_nl_put_counter(msg, defs[i].name,
				       *(const u64 *)((const u8 *)stats + defs[i].off)))
			return -EMSGSIZE;
	for (i = 0; i < ndoors; i++)
		if (anm_nl_put_counter(msg, doors[i].name, doors[i].value))
			return -EMSGSIZE;
	anm_nl_nest_end(msg, nest);
	return 0;
}

#endif
