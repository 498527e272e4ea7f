/* SPDX-License-Identifier: GPL-2.0-only */
/* Reservation of donated pages for VAIs (promise 4), and the words of refusals. */
#ifndef ANM_ENG_RESERVE_H
#define ANM_ENG_RESERVE_H

#include "exports.h"

#define ENG_SIZE_STR 32 /* bytes that eng_size_str() writes at most */

/**
 * eng_reserve_check() - may a VAI be made, with all its pages backed?
 * Return: 0, or -ENOSPC with the numbers in @err. Takes nothing.
 */
int eng_reserve_check(struct engine *e, const struct eng_vai_params *p, struct eng_err *err);

/**
 * eng_reserve_without() - would all that is reserved be backed without the server in @slot?
 * Return: 0, or -ENOSPC with what is missing in @err.
 */
int eng_reserve_without(struct engine *e, u16 slot, struct eng_err *err);

/**
 * eng_reserve_more() - may a VAI of @class grow by @pages?
 * Return: as eng_reserve_check().
 */
int eng_reserve_more(struct engine *e, u64 pages, u8 class, struct eng_err *err);

/** eng_reserve_take() - book the pages of a VAI. */
void eng_reserve_take(struct eng_exports *xs, u64 npages, u8 class);

/** eng_reserve_return() - give the pages of a VAI back to the pool. */
void eng_reserve_return(struct eng_exports *xs, u64 npages, u8 class);

/** eng_refuse() - put a refusal in words; @err may be NULL. Return: @rc. */
int eng_refuse(struct eng_err *err, int rc, const char *fmt, ...) __printf(3, 4);

/** eng_size_str() - bytes for people: "512 KiB", "4096 MiB"; rounded down. */
void eng_size_str(char s[ENG_SIZE_STR], u64 bytes);

#endif
