/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the other side is, as people write it; user space. */
#ifndef ANM_ENDPOINT_USER_H
#define ANM_ENDPOINT_USER_H

#include "services.h"

/**
 * endpoint_parse() - read "ADDR", "ADDR:PORT", "[V6]:PORT" or ":PORT".
 * @s:    ADDR may be a host name; that is looked up, which may take seconds
 * @a:    the address; left as it is when there is none in @s
 * @port: host order; left as it is when there is none in @s
 *
 * Return: 0, or -EINVAL when malformed or the name is not known.
 */
int endpoint_parse(const char *s, struct anm_addr *a, u16 *port);

#endif
