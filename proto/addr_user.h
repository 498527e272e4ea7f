/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses and UUIDs as people write them, and as sockets want them; user space. */
#ifndef ANM_ADDR_USER_H
#define ANM_ADDR_USER_H

#include <sys/socket.h>
#include "services.h"

#define ADDR_TEXT_MAX 48 /* bytes that addr_format() needs, NUL included */
#define UUID_TEXT_MAX 37

/** addr_parse() - read "10.0.0.1" or "fe80::1"; no names. 0 or -EINVAL. */
int addr_parse(const char *s, struct anm_addr *a);

/** addr_format() - write an address, IPv4 in its own form. Return: @buf. */
const char *addr_format(const struct anm_addr *a, char *buf, size_t n);

/** addr_is_any() - all zero, or IPv4's 0.0.0.0. */
bool addr_is_any(const struct anm_addr *a);

/** addr_is_v4() - v4-mapped. */
bool addr_is_v4(const struct anm_addr *a);

/**
 * addr_to_sockaddr() - fill @ss for a socket of @family.
 * @family: AF_INET6 (IPv4 goes v4-mapped) or AF_INET (@a must be IPv4 or any)
 * @scope:  interface number, for link-local addresses
 *
 * Return: its length.
 */
socklen_t addr_to_sockaddr(const struct anm_addr *a, u16 port, int family, u32 scope,
			   struct sockaddr_storage *ss);

/** addr_from_sockaddr() - the other way round; @port may be NULL. */
void addr_from_sockaddr(const struct sockaddr_storage *ss, struct anm_addr *a, u16 *port);

/** uuid_parse() - read 32 hex digits, with or without dashes. 0 or -EINVAL. */
int uuid_parse(const char *s, u8 uuid[16]);

/** uuid_format() - write as 8-4-4-4-12. Return: @buf. */
const char *uuid_format(const u8 uuid[16], char buf[UUID_TEXT_MAX]);

/** uuid_draw() - a random one (RFC 4122 version 4). */
void uuid_draw(u8 uuid[16]);

#endif
