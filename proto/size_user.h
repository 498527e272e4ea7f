/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sizes as people write them, for the user-space programs. Units are binary:
 * K, M, G, T, P, each also as "KiB" or "KB" (which mean the same here: memory
 * is counted in powers of two).
 */
#ifndef ANM_SIZE_USER_H
#define ANM_SIZE_USER_H

#include <stddef.h>

#define SIZE_TEXT_MAX 24 /* bytes that format_size() needs, NUL included */

/**
 * parse_size() - read "4G", "512M", "1.5GiB", "4096".
 * @s:     text, NUL terminated; blanks around it or between number and unit are refused
 * @bytes: the size; untouched on error
 *
 * Return: 0, -EINVAL when it is not a size, -ERANGE when it does not fit 64 bits.
 */
int parse_size(const char *s, unsigned long long *bytes);

/**
 * parse_pages() - the same, in pages of 4096 bytes.
 * @max: the most that there may be
 *
 * Return: 0; -EINVAL when it is not a size or not whole pages; -ERANGE when there are more.
 */
int parse_pages(const char *s, unsigned int max, unsigned int *pages);

/**
 * format_size() - write a size for people: "512 MiB", "1.5 GiB", "100 B".
 * @bytes: the size; what has no exact form is cut to one decimal
 * @buf:   room for the text; filled and NUL terminated
 * @n:     its size, at least SIZE_TEXT_MAX to hold every value
 *
 * Return: @buf.
 */
const char *format_size(unsigned long long bytes, char *buf, size_t n);

#endif
