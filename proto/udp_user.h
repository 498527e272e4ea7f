/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Datagrams out in batches; user space. Messages of one length to one peer go through the system as
 * one (UDP_SEGMENT) and are cut below it, by the device where it can.
 */
#ifndef ANM_UDP_USER_H
#define ANM_UDP_USER_H

#include <sys/socket.h>
#include "services.h"

#define UDPB_MSGS    64
#define UDPB_IOVS    1024  /* of all messages; no more of one, which is the system's limit */
#define UDPB_SEGS    48	   /* messages that go as one; systems take 64 */
#define UDPB_BYTES   65000 /* of these together */
#define UDPB_CONTROL 64	   /* bytes of control data of a message, and the length of its parts */

/**
 * struct udp_batch - messages on their way into one socket.
 * @seg_max: longest message that may go together with others; learnt when the system refuses.
 *           Set when the socket is opened, the rest is udp_batch_begin()'s. U16_MAX for NFS; 0,
 *           none, for AMP: a kernel module takes a message before the system has cut it from the
 *           others, if there was no real device on the way, and does not know where to cut.
 * @nmsgs, @niovs: in use
 * @outs:    how many struct anm_out a message stands for
 * @bytes:   in it
 * @seg:     length of the first of them, and so of all but the last
 * @last:    the one added last
 */
struct udp_batch {
	u16 seg_max;
	u32 nmsgs;
	u32 niovs;
	const struct anm_out *last;
	u16 outs[UDPB_MSGS];
	u32 bytes[UDPB_MSGS];
	u32 seg[UDPB_MSGS];
	struct mmsghdr msgs[UDPB_MSGS];
	struct sockaddr_storage to[UDPB_MSGS];
	struct iovec iovs[UDPB_IOVS];
	u8 control[UDPB_MSGS][UDPB_CONTROL] __aligned(16);
};

void udp_batch_begin(struct udp_batch *b);

/**
 * udp_batch_add() - one more message, which stays the caller's.
 * @family:  of the socket
 * @ifindex: scope of a link-local address, or 0
 * @control: control data of @len bytes, the same for all messages to one peer
 *
 * Return: false when there is no room: send first.
 */
bool udp_batch_add(struct udp_batch *b, const struct anm_out *out, int family, u32 ifindex,
		   const void *control, size_t len);

/**
 * udp_batch_send() - send what was added, never waiting.
 * Return: how many struct anm_out have left, from the first on; or a negative errno of the first.
 * -EAGAIN also when the system does not take several as one: the same once more, from
 * udp_batch_begin() on, will do (b->seg_max has been lowered), @again is set then.
 */
int udp_batch_send(struct udp_batch *b, int fd, bool *again);

#endif
