/* SPDX-License-Identifier: GPL-2.0-only */
/* Refusals in words, and reading of module parameters, for both modules. */
#ifndef ANM_EXTACK_KERNEL_H
#define ANM_EXTACK_KERNEL_H

#include <linux/netlink.h>

#include "services.h"

/**
 * anm_extack() - tell a netlink caller why.
 * @msg: copied; extack itself only keeps pointers, so the copy lies in a small
 *       ring that is overwritten many refusals later
 *
 * Return: @rc.
 */
int anm_extack(struct netlink_ext_ack *extack, const char *msg, int rc);

/** anm_parse_hex16() - 32 hex digits, dashes allowed as in a UUID. 0 or -EINVAL. */
int anm_parse_hex16(const char *s, u8 out[16]);

/**
 * anm_parse_addr() - "1.2.3.4[:PORT]", "fe80::1" or "[fe80::1]:PORT".
 * @port: left alone when there is none
 *
 * Return: 0 or -EINVAL.
 */
int anm_parse_addr(const char *s, struct anm_addr *addr, u16 *port);

#endif
