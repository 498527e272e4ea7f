// SPDX-License-Identifier: GPL-2.0-only
/* Addresses and UUIDs as people write them, and as sockets want them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include "addr_user.h"

static const u8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool addr_is_v4(const struct anm_addr *a)
{
	return !memcmp(a->b, mapped, sizeof(mapped));
}

bool addr_is_any(const struct anm_addr *a)
{
	static const u8 zero[16];

	return !memcmp(a->b, zero, 16) || (addr_is_v4(a) && !memcmp(a->b + 12, zero, 4));
}

int addr_parse(const char *s, struct anm_addr *a)
{
	if (inet_pton(AF_INET6, s, a->b) == 1)
		return 0;
	if (inet_pton(AF_INET, s, a->b + 12) != 1)
		return -EINVAL;
	memcpy(a->b, mapped, sizeof(mapped));
	return 0;
}

const char *addr_format(const struct anm_addr *a, char *buf, size_t n)
{
	const char *s = addr_is_v4(a) ? inet_ntop(AF_INET, a->b + 12, buf, n)
				      : inet_ntop(AF_INET6, a->b, buf, n);

	return s ? s : "?";
}

socklen_t addr_to_sockaddr(const struct anm_addr *a, u16 port, int family, u32 scope,
			   struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *s6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *s4 = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	if (family == AF_INET) {
		s4->sin_family = AF_INET;
		s4->sin_port = htons(port);
		memcpy(&s4->sin_addr, a->b + 12, 4);
		return sizeof(*s4);
	}
	s6->sin6_family = AF_INET6;
	s6->sin6_port = htons(port);
	memcpy(&s6->sin6_addr, a->b, 16);
	if (IN6_IS_ADDR_LINKLOCAL(&s6->sin6_addr))
		s6->sin6_scope_id = scope;
	return sizeof(*s6);
}

void addr_from_sockaddr(const struct sockaddr_storage *ss, struct anm_addr *a, u16 *port)
{
	const struct sockaddr_in6 *s6 = (const struct sockaddr_in6 *)ss;
	const struct sockaddr_in *s4 = (const struct sockaddr_in *)ss;

	if (ss->ss_family == AF_INET) {
		memcpy(a->b, mapped, sizeof(mapped));
		memcpy(a->b + 12, &s4->sin_addr, 4);
	} else {
		memcpy(a->b, &s6->sin6_addr, 16);
	}
	if (port)
		*port = ntohs(ss->ss_family == AF_INET ? s4->sin_port : s6->sin6_port);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int uuid_parse(const char *s, u8 uuid[16])
{
	u8 out[16];
	int n = 0, v;

	memset(out, 0, sizeof(out));
	for (; *s; s++) {
		if (*s == '-')
			continue;
		v = hex(*s);
		if (v < 0 || n == 32)
			return -EINVAL;
		out[n / 2] |= v << (n % 2 ? 0 : 4);
		n++;
	}
	if (n != 32)
		return -EINVAL;
	memcpy(uuid, out, 16);
	return 0;
}

const char *uuid_format(const u8 uuid[16], char buf[UUID_TEXT_MAX])
{
	char *p = buf;
	int i;

	for (i = 0; i < 16; i++)
		p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			     uuid[i]);
	return buf;
}

void uuid_draw(u8 uuid[16])
{
	anm_random(uuid, 16);
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}
