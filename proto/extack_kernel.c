// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>
#include <linux/inet.h>

#include "extack_kernel.h"
#include "link_kernel.h"

#define EXTACK_RING 16
#define EXTACK_MAX  160

int anm_extack(struct netlink_ext_ack *extack, const char *msg, int rc)
{
	static char ring[EXTACK_RING][EXTACK_MAX];
	static atomic_t next;
	char *slot;

	if (!extack || !msg[0])
		return rc;
	slot = ring[(unsigned int)atomic_inc_return(&next) % EXTACK_RING];
	strscpy(slot, msg, EXTACK_MAX);
	extack->_msg = slot;
	return rc;
}

int anm_parse_hex16(const char *s, u8 out[16])
{
	unsigned int n = 0;

	for (; *s; s++) {
		int v = hex_to_bin(*s);

		if (*s == '-')
			continue;
		if (v < 0 || n == 32)
			return -EINVAL;
		out[n / 2] = n & 1 ? out[n / 2] << 4 | v : v;
		n++;
	}
	return n == 32 ? 0 : -EINVAL;
}

int anm_parse_addr(const char *s, struct anm_addr *addr, u16 *port)
{
	bool bracket = *s == '[';
	const char *end;
	__be32 v4;

	if (!bracket && in4_pton(s, -1, (u8 *)&v4, ':', &end)) {
		anm_addr_set_v4(addr, v4);
	} else {
		if (!in6_pton(s + bracket, -1, addr->b, bracket ? ']' : -1, &end))
			return -EINVAL;
		end += bracket;
	}
	if (!*end)
		return 0;
	return *end == ':' && !kstrtou16(end + 1, 10, port) && *port ? 0 : -EINVAL;
}
