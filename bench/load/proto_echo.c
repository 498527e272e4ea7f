// SPDX-License-Identifier: GPL-2.0-only
/* The floor: datagrams of the sizes of NFS READ, with nothing to decode. See echo.c. */
#include "load.h"

static u32 echo_request(struct load *l, u32 tag, u64 page, u8 *buf)
{
	struct echo_head h = {.tag = tag, .page = page};

	(void)l;
	memset(buf, 0, ECHO_REQUEST);
	memcpy(buf, &h, sizeof(h));
	return ECHO_REQUEST;
}

static int echo_answer(struct load *l, const u8 *buf, u32 len, struct load_answer *a)
{
	struct echo_head h;

	(void)l;
	if (len != ECHO_HEAD + ANM_PAGE_SIZE)
		return -1;
	memcpy(&h, buf, sizeof(h));
	a->tag = h.tag;
	a->data = buf + ECHO_HEAD;
	return len;
}

const struct load_proto load_echo = {
	.name = "echo",
	.request = echo_request,
	.answer = echo_answer,
};
