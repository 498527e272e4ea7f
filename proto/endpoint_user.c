// SPDX-License-Identifier: GPL-2.0-only
/* Where the other side is, as people write it. */
#include "endpoint_user.h"

#include <netdb.h>

#include "addr_user.h"

#define HOST_MAX 256

static int host_lookup(const char *host, struct anm_addr *a)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG}, *ai;
	struct sockaddr_storage ss = {0};

	if (!addr_parse(host, a))
		return 0;
	if (getaddrinfo(host, NULL, &hints, &ai))
		return -EINVAL;
	memcpy(&ss, ai->ai_addr, min_t(size_t, ai->ai_addrlen, sizeof(ss)));
	addr_from_sockaddr(&ss, a, NULL);
	freeaddrinfo(ai);
	return 0;
}

static int port_parse(const char *s, u16 *port)
{
	unsigned long n;
	char *end;

	n = strtoul(s, &end, 10);
	if (!isdigit((unsigned char)*s) || *end || n > U16_MAX)
		return -EINVAL;
	*port = (u16)n;
	return 0;
}

int endpoint_parse(const char *s, struct anm_addr *a, u16 *port)
{
	char buf[HOST_MAX], *host = buf, *colon, *end;

	if (!*s || strscpy(buf, s, sizeof(buf)) < 0)
		return -EINVAL;
	colon = strrchr(buf, ':');
	if (*buf == '[') {
		end = strchr(buf, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		colon = end[1] ? end + 1 : NULL;
		*end = '\0';
		host++;
	} else if (colon && strchr(buf, ':') != colon) {
		colon = NULL; /* more than one: an IPv6 address without a port */
	}
	if (colon) {
		*colon = '\0';
		if (port_parse(colon + 1, port))
			return -EINVAL;
	}
	return *host ? host_lookup(host, a) : 0;
}
