// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linked into the rebuilt nfs.ko so that it can be told from the distribution's own, which has the
 * same name and version: a loaded one shows /sys/module/nfs/parameters/anemone_udp, a file has
 * "anemone_udp" among its modinfo fields.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>

static bool anemone_udp = true;

module_param(anemone_udp, bool, 0444);
MODULE_PARM_DESC(anemone_udp, "NFS over UDP is switched on (read only)");
MODULE_INFO(anemone_udp, "y");
