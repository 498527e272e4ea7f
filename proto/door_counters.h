/* SPDX-License-Identifier: GPL-2.0-only */
/* What the doors of both kernel modules count; told as "door_" and the name. */
#ifndef ANM_DOOR_COUNTERS_H
#define ANM_DOOR_COUNTERS_H

#define ANM_DOOR_COUNTERS(X)                                            \
	X(rx_malformed, "datagrams dropped: bad length")                \
	X(rx_broadcast, "datagrams dropped: sent to everybody")         \
	X(rx_checksum, "datagrams dropped: bad UDP checksum")           \
	X(tx_frames, "frames and routed packets sent")                  \
	X(tx_fragmented, "replies sent as IP fragments")                \
	X(tx_too_big, "messages dropped: longer than the path takes")   \
	X(tx_no_device, "messages dropped: the device is gone or down") \
	X(tx_no_route, "messages dropped: no route")                    \
	X(tx_no_memory, "messages dropped: no memory")                  \
	X(tcp_refused, "TCP connections refused: too many")

#endif
