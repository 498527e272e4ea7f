/* SPDX-License-Identifier: GPL-2.0-only */
/* One line a test: "ok - host name" or "not ok - host name: why". */
#ifndef HOST_REPORT_H
#define HOST_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* struct test - a test by name; it returns NULL, or why it failed. */
struct test {
	const char *name;
	const char *(*run)(void);
};

static char why_buf[512];

#define FAIL(...) (snprintf(why_buf, sizeof(why_buf), __VA_ARGS__), (const char *)why_buf)

#define EXPECT(cond, ...)                         \
	do {                                      \
		if (!(cond))                      \
			return FAIL(__VA_ARGS__); \
	} while (0)

/* Return: exit status. Names end in $TEST_SUFFIX, for tests that are run in several ways. */
static inline int run_tests(const struct test *tests, size_t n)
{
	const char *suffix = getenv("TEST_SUFFIX") ?: "";
	const char *why;
	size_t i;
	int bad = 0;

	for (i = 0; i < n; i++) {
		why = tests[i].run();
		if (why)
			printf("not ok - host %s%s: %s\n", tests[i].name, suffix, why);
		else
			printf("ok - host %s%s\n", tests[i].name, suffix);
		fflush(stdout);
		bad |= !!why;
	}
	return bad;
}

/* Numbers that come again with the same seed (xorshift64). */
static inline uint64_t rnd(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

static inline uint64_t seed_from_env(void)
{
	const char *s = getenv("SEED");
	uint64_t seed = s ? strtoull(s, NULL, 0) : 1;

	return seed * 0x9e3779b97f4a7c15ull + 1;
}

static inline void fill_random(uint8_t *p, size_t n, uint64_t *state)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = rnd(state) >> 24;
}

#endif
