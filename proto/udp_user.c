// SPDX-License-Identifier: GPL-2.0-only
/* Datagrams out in batches; user space. */
#include <netinet/in.h>
#include <netinet/udp.h>
#include "addr_user.h"
#include "udp_user.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

void udp_batch_begin(struct udp_batch *b)
{
	b->nmsgs = 0;
	b->niovs = 0;
	b->last = NULL;
}

static void add_iovs(struct udp_batch *b, const struct anm_out *out)
{
	struct msghdr *h = &b->msgs[b->nmsgs - 1].msg_hdr;
	u16 i;

	b->iovs[b->niovs++] = (struct iovec){out->head, out->head_len};
	for (i = 0; i < out->nfrags; i++)
		b->iovs[b->niovs++] =
			(struct iovec){(u8 *)anm_page_data(out->frags[i].page) + out->frags[i].off,
				       out->frags[i].len};
	h->msg_iovlen += out->nfrags + 1u;
	b->bytes[b->nmsgs - 1] += out->len;
	b->outs[b->nmsgs - 1]++;
	b->last = out;
}

/* All but the last of those that go as one have the length of the first. */
static bool joins(const struct udp_batch *b, const struct anm_out *out)
{
	u32 i = b->nmsgs - 1;

	return b->last && b->seg[i] <= b->seg_max && out->len <= b->seg[i] &&
	       b->bytes[i] == b->outs[i] * b->seg[i] && b->outs[i] < UDPB_SEGS &&
	       b->bytes[i] + out->len <= UDPB_BYTES &&
	       !memcmp(&b->last->to, &out->to, sizeof(out->to));
}

bool udp_batch_add(struct udp_batch *b, const struct anm_out *out, int family, u32 ifindex,
		   const void *control, size_t len)
{
	struct msghdr *h;
	u32 i;

	if (b->niovs + out->nfrags + 1 > UDPB_IOVS)
		return false;
	if (joins(b, out)) {
		add_iovs(b, out);
		return true;
	}
	if (b->nmsgs == UDPB_MSGS)
		return false;
	i = b->nmsgs++;
	b->outs[i] = 0;
	b->bytes[i] = 0;
	b->seg[i] = out->len;
	if (len)
		memcpy(b->control[i], control, len);
	h = &b->msgs[i].msg_hdr;
	*h = (struct msghdr){.msg_iov = b->iovs + b->niovs,
			     .msg_name = &b->to[i],
			     .msg_control = len ? b->control[i] : NULL,
			     .msg_controllen = len};
	h->msg_namelen = addr_to_sockaddr(&out->to.addr, out->to.port, family, ifindex, &b->to[i]);
	add_iovs(b, out);
	return true;
}

static void tell_segment(struct udp_batch *b, u32 i)
{
	struct msghdr *h = &b->msgs[i].msg_hdr;
	struct cmsghdr *c = (struct cmsghdr *)(b->control[i] + h->msg_controllen);
	u16 seg = b->seg[i];

	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(seg));
	memcpy(CMSG_DATA(c), &seg, sizeof(seg));
	h->msg_control = b->control[i];
	h->msg_controllen += CMSG_SPACE(sizeof(seg));
}

int udp_batch_send(struct udp_batch *b, int fd, bool *again)
{
	int rc, i, sent = 0;

	*again = false;
	for (i = 0; i < (int)b->nmsgs; i++)
		if (b->outs[i] > 1)
			tell_segment(b, i);
	rc = sendmmsg(fd, b->msgs, b->nmsgs, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* Too long for the path, or nobody there who makes the checksums. */
	if (rc < 0 && b->outs[0] > 1 && (errno == EINVAL || errno == EIO || errno == EMSGSIZE)) {
		b->seg_max = b->seg[0] - 1;
		*again = true;
		return -EAGAIN;
	}
	if (rc < 0)
		return -errno;
	for (i = 0; i < rc; i++)
		sent += b->outs[i];
	return sent;
}
