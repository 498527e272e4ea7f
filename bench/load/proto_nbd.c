// SPDX-License-Identifier: GPL-2.0-only
/* NBD, fixed newstyle (the NetworkBlockDevice project's doc/proto.md). The path is the export's name. */
#include <sys/socket.h>
#include "load.h"

#define NBD_MAGIC	  0x4e42444d41474943ULL
#define NBD_IHAVEOPT	  0x49484156454f5054ULL
#define NBD_REQUEST_MAGIC 0x25609513
#define NBD_REPLY_MAGIC	  0x67446698
#define NBD_FIXED	  1
#define NBD_NO_ZEROES	  2
#define NBD_EXPORT_NAME	  1
#define NBD_READ	  0
#define NBD_WRITE	  1
#define NBD_NAME_MAX	  128

struct nbd_hello {
	__be64 magic;
	__be64 ihaveopt;
	__be16 flags;
} __packed;

struct nbd_choice {
	__be32 flags;
	__be64 ihaveopt;
	__be32 option;
	__be32 len;
	char name[NBD_NAME_MAX];
} __packed;

struct nbd_export {
	__be64 size;
	__be16 flags;
} __packed;

struct nbd_request {
	__be32 magic;
	__be16 flags;
	__be16 type;
	u64 handle;
	__be64 offset;
	__be32 len;
} __packed;

struct nbd_reply {
	__be32 magic;
	__be32 error;
	u64 handle;
} __packed;

static int nbd_open(struct load *l)
{
	struct nbd_choice c = {.ihaveopt = cpu_to_be64(NBD_IHAVEOPT),
			       .flags = cpu_to_be32(NBD_FIXED | NBD_NO_ZEROES),
			       .option = cpu_to_be32(NBD_EXPORT_NAME)};
	const char *name = l->path ? l->path : ""; /* the default export */
	u32 len = min(strlen(name), sizeof(c.name));
	struct nbd_hello h;
	struct nbd_export e;

	l->fd = load_connect(l->host, l->port, SOCK_STREAM);
	if (l->fd < 0 || !load_recv(l->fd, &h, sizeof(h)))
		return -1;
	if (be64_to_cpu(h.magic) != NBD_MAGIC || be64_to_cpu(h.ihaveopt) != NBD_IHAVEOPT ||
	    (be16_to_cpu(h.flags) & 3) != (NBD_FIXED | NBD_NO_ZEROES)) {
		fprintf(stderr, "load: no NBD server of the fixed newstyle\n");
		return -1;
	}
	c.len = cpu_to_be32(len);
	memcpy(c.name, name, len);
	if (!load_send(l->fd, &c, offsetof(struct nbd_choice, name) + len) ||
	    !load_recv(l->fd, &e, sizeof(e)))
		return -1;
	if (be64_to_cpu(e.size) >= (l->first + l->pages) << ANM_PAGE_SHIFT)
		return 0;
	fprintf(stderr, "load: the export is too small\n");
	return -1;
}

static u32 nbd_request(struct load *l, u32 tag, u64 page, u8 *buf)
{
	struct nbd_request q = {.magic = cpu_to_be32(NBD_REQUEST_MAGIC),
				.type = cpu_to_be16(l->fill ? NBD_WRITE : NBD_READ),
				.handle = tag,
				.offset = cpu_to_be64(page << ANM_PAGE_SHIFT),
				.len = cpu_to_be32(ANM_PAGE_SIZE)};

	memcpy(buf, &q, sizeof(q));
	if (!l->fill)
		return sizeof(q);
	load_page_fill(buf + sizeof(q), page);
	return sizeof(q) + ANM_PAGE_SIZE;
}

static int nbd_answer(struct load *l, const u8 *buf, u32 len, struct load_answer *a)
{
	u32 need = sizeof(struct nbd_reply) + (l->fill ? 0 : ANM_PAGE_SIZE);
	struct nbd_reply r;

	if (len < sizeof(r))
		return 0;
	memcpy(&r, buf, sizeof(r));
	if (be32_to_cpu(r.magic) != NBD_REPLY_MAGIC || r.error)
		return -1;
	if (len < need)
		return 0;
	a->tag = r.handle;
	a->data = l->fill ? NULL : buf + sizeof(r);
	return need;
}

const struct load_proto load_nbd = {
	.name = "nbd",
	.stream = true,
	.open = nbd_open,
	.request = nbd_request,
	.answer = nbd_answer,
};
