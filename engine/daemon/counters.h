/* SPDX-License-Identifier: GPL-2.0-only */
/* What the daemon's doors count; reported with the core's counters. */
#ifndef ANM_ENG_DAEMON_COUNTERS_H
#define ANM_ENG_DAEMON_COUNTERS_H

#define DOOR_COUNTERS(X)                                                               \
	X(door_udp_oversized, "datagrams dropped: longer than any request")            \
	X(door_udp_unsent, "datagrams dropped: not to be sent, or the queue was full") \
	X(door_xdp_in, "frames taken through AF_XDP")                                  \
	X(door_xdp_out, "frames sent through AF_XDP")                                  \
	X(door_xdp_by_socket, "answers to such frames that a socket had to send")      \
	X(door_xdp_malformed, "frames dropped: bad length")                            \
	X(door_xdp_checksum, "frames dropped: bad UDP checksum")                       \
	X(door_xdp_dropped, "frames dropped: the ring was full")                       \
	X(door_tcp_accepted, "TCP connections accepted")                               \
	X(door_tcp_refused, "TCP connections refused: too many")                       \
	X(door_tcp_bad, "TCP connections closed: not RPC, or records too long")        \
	X(door_tcp_waits, "times a TCP connection was made to wait")                   \
	X(door_tcp_gone, "TCP replies dropped: the connection is gone")

#endif
