// SPDX-License-Identifier: GPL-2.0-only
#include "nljson_user.h"

#include <stdio.h>
#include <string.h>
#include "anemone_genl.h"

unsigned long long nl_number(const struct nlattr *a)
{
	switch (nla_len(a)) {
	case 1:
		return nla_get_u8(a);
	case 2:
		return nla_get_u16(a);
	case 4:
		return nla_get_u32(a);
	case 8:
		return nla_get_u64(a);
	default:
		return 0;
	}
}

json_t *nl_text(const struct nlattr *a)
{
	char buf[256];
	json_t *j;

	nla_strlcpy(buf, a, sizeof(buf));
	j = json_string(buf);
	return j ? j : json_string("?");
}

json_t *nl_counters(struct nlattr *nest)
{
	json_t *obj = json_object();
	struct nlattr *a, *name, *val;
	char buf[64];
	int left;

	if (!nest)
		return obj;
	nla_for_each_nested(a, nest, left) {
		name = nla_find(nla_data(a), nla_len(a), ANM_COUNTER_NAME);
		val = nla_find(nla_data(a), nla_len(a), ANM_COUNTER_VALUE);
		if (!name || !val)
			continue;
		nla_strlcpy(buf, name, sizeof(buf));
		json_object_set_new(obj, buf, json_integer((json_int_t)nl_number(val)));
	}
	return obj;
}

unsigned long long num(const json_t *obj, const char *key)
{
	return (unsigned long long)json_integer_value(json_object_get(obj, key));
}

const char *str(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s ? s : "";
}

static const char *help_of(const char *name, const struct counter_help *help, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(name, help[i].name))
			return help[i].help;
	return "";
}

void counters_print(const json_t *counters, const struct counter_help *help, size_t nhelp, bool all)
{
	const json_t *v;
	const char *name;

	/* jansson's iteration keeps the order of insertion, but wants it non-const */
	json_object_foreach((json_t *)counters, name, v) {
		if (all || json_integer_value(v))
			printf("  %-18s %12llu  %s\n", name,
			       (unsigned long long)json_integer_value(v),
			       help_of(name, help, nhelp));
	}
}
