// SPDX-License-Identifier: GPL-2.0-only
/* Sizes as people write them. */
#include "size_user.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SIZE_PAGE 4096u

static const char size_units[] = "KMGTP";

#define SIZE_FRACTION_DIGITS 3

/* The power of two that a unit's text stands for, or -EINVAL. */
static int size_unit_shift(const char *s)
{
	const char *u;

	if (!*s || !strcasecmp(s, "b"))
		return 0;
	u = strchr(size_units, toupper((unsigned char)*s));
	if (!u)
		return -EINVAL;
	s++;
	if (*s && strcasecmp(s, "b") && strcasecmp(s, "ib"))
		return -EINVAL;
	return 10 * (int)(u - size_units + 1);
}

/* Digits after the point as thousandths; @s is left behind them. */
static int size_fraction(const char **s, unsigned long long *thousandths)
{
	unsigned long long value = 0;
	int digits = 0;

	while (isdigit((unsigned char)**s)) {
		if (++digits > SIZE_FRACTION_DIGITS)
			return -EINVAL;
		value = value * 10 + (unsigned long long)(*(*s)++ - '0');
	}
	if (!digits)
		return -EINVAL;
	for (; digits < SIZE_FRACTION_DIGITS; digits++)
		value *= 10;
	*thousandths = value;
	return 0;
}

int parse_size(const char *s, unsigned long long *bytes)
{
	unsigned long long whole = 0, fraction = 0, extra;
	int shift, rc;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++) {
		if (__builtin_mul_overflow(whole, 10u, &whole) ||
		    __builtin_add_overflow(whole, (unsigned long long)(*s - '0'), &whole))
			return -ERANGE;
	}
	if (*s == '.') {
		s++;
		rc = size_fraction(&s, &fraction);
		if (rc)
			return rc;
	}
	shift = size_unit_shift(s);
	if (shift < 0)
		return shift;
	if (fraction && !shift)
		return -EINVAL;
	if (whole > ULLONG_MAX >> shift)
		return -ERANGE;
	/* at most 999 << 50: no overflow */
	extra = (fraction << shift) / 1000;
	if (__builtin_add_overflow(whole << shift, extra, &whole))
		return -ERANGE;
	*bytes = whole;
	return 0;
}

int parse_pages(const char *s, unsigned int max, unsigned int *pages)
{
	unsigned long long bytes;
	int rc = parse_size(s, &bytes);

	if (rc)
		return rc;
	if (bytes & (SIZE_PAGE - 1))
		return -EINVAL;
	if (bytes / SIZE_PAGE > max)
		return -ERANGE;
	*pages = (unsigned int)(bytes / SIZE_PAGE);
	return 0;
}

const char *format_size(unsigned long long bytes, char *buf, size_t n)
{
	unsigned long long tenths;
	int unit = -1, shift;

	while (unit + 1 < (int)strlen(size_units) && bytes >> (10 * (unit + 2)))
		unit++;
	if (unit < 0) {
		snprintf(buf, n, "%llu B", bytes);
		return buf;
	}
	shift = 10 * (unit + 1);
	tenths = ((bytes & ((1ull << shift) - 1)) * 10) >> shift;
	if (tenths)
		snprintf(buf, n, "%llu.%llu %ciB", bytes >> shift, tenths, size_units[unit]);
	else
		snprintf(buf, n, "%llu %ciB", bytes >> shift, size_units[unit]);
	return buf;
}
