/* SPDX-License-Identifier: GPL-2.0-only */
/* Answers of a module or daemon as JSON, for the command line tools; user space. */
#ifndef ANM_NLJSON_USER_H
#define ANM_NLJSON_USER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <netlink/attr.h>

/** nl_number() - an unsigned integer of whatever width; 0 if it is none. */
unsigned long long nl_number(const struct nlattr *a);

/** nl_text() - a string; "?" if it is no UTF-8, as names told by others need not be. */
json_t *nl_text(const struct nlattr *a);

/** nl_counters() - an object of name and value from a list of counters; empty for NULL. */
json_t *nl_counters(struct nlattr *nest);

/** num() / str() - value of a key; 0 and "" when absent. */
unsigned long long num(const json_t *obj, const char *key);
const char *str(const json_t *obj, const char *key);

/** struct counter_help - a counter's name and what it counts. */
struct counter_help {
	const char *name;
	const char *help;
};

/**
 * counters_print() - a line a counter, in words.
 * @counters: of nl_counters()
 * @help, @nhelp: the words; a counter that is not there stays without
 * @all: those that are 0 too
 */
void counters_print(const json_t *counters, const struct counter_help *help, size_t nhelp,
		    bool all);

#endif
