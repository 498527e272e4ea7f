/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included before every file of the rebuilt nfs.ko, after the kernel's own configuration: the one
 * option that differs from the distribution's build.
 */
#undef CONFIG_NFS_DISABLE_UDP_SUPPORT
