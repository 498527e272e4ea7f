// SPDX-License-Identifier: GPL-2.0-only
/*
 * MOUNT version 3 (RFC 1813, appendix I). Exports are the VAIs, each for its one client.
 * What is mounted is a flag of the VAI: it has one client, so there is no list to keep.
 */
#include "nfs_priv.h"

#define LIST_ENTRY_MAX 256   /* the longest entry of either list, with the end of the list */
#define LIST_UDP_MAX   60000 /* bytes of a list in one datagram */
#define LIST_PAGES_MAX ((ENG_VAIS_MAX * LIST_ENTRY_MAX) / ANM_PAGE_SIZE + 1)
#define ADDR_STR_MAX   40 /* eight groups of IPv6, with NUL */

/**
 * struct mount_list - a list of any length, written into pages that become the reply.
 * @out:   the reply, with room for the pages
 * @page:  the one being filled, with a reference of our own
 * @used:  bytes of it
 * @limit: bytes of list that the door can send
 * @len:   bytes so far
 */
struct mount_list {
	struct anm_out *out;
	struct anm_page *page;
	u32 used;
	u32 limit;
	u32 len;
};

static void addr_str(char s[ADDR_STR_MAX], const struct anm_addr *a)
{
	static const u8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	const u8 *b = a->b;
	int n = 0;
	int i;

	if (!memcmp(b, mapped, sizeof(mapped))) {
		scnprintf(s, ADDR_STR_MAX, "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
		return;
	}
	for (i = 0; i < 16; i += 2)
		n += scnprintf(s + n, ADDR_STR_MAX - n, "%s%x", i ? ":" : "",
			       get_unaligned_be16(b + i));
}

/* Give what is in the page to the reply, begin another. */
static int list_flush(struct mount_list *l)
{
	if (l->used)
		anm_out_add_page(l->out, l->page, 0, (u16)l->used);
	if (l->page)
		anm_page_put(l->page);
	l->used = 0;
	l->page = NULL;
	if (l->out->nfrags == l->out->max_frags)
		return -EAGAIN;
	l->page = anm_page_alloc();
	return l->page ? 0 : -EAGAIN;
}

static int list_append(struct mount_list *l, const void *p, u32 n)
{
	int rc;

	if (!l->page || l->used + n > ANM_PAGE_SIZE) {
		rc = list_flush(l);
		if (rc)
			return rc;
	}
	memcpy((u8 *)anm_page_data(l->page) + l->used, p, n);
	l->used += n;
	l->len += n;
	return 0;
}

/* One VAI's entry, in the form of DUMP or EXPORT. */
static int list_add_vai(struct mount_list *l, const struct eng_export *x, bool dump)
{
	char path[ENG_NAME_MAX + 2], host[ADDR_STR_MAX];
	const char *groups[1] = {host};
	u8 buf[LIST_ENTRY_MAX];
	struct xdr_out res;
	bool ok;

	addr_str(host, &x->client->addr);
	scnprintf(path, sizeof(path), "/%s", x->vai.name);
	xdr_out_init(&res, buf, sizeof(buf));
	if (dump)
		ok = mount3_put_dump(&res, host, path);
	else
		ok = mount3_put_export(&res, path, groups, 1);
	if (WARN_ON_ONCE(!ok) || l->len + res.pos > l->limit)
		return 0;
	return list_append(l, buf, res.pos);
}

static int list_fill(struct engine *e, struct mount_list *l, bool dump)
{
	struct xdr_out res;
	u8 end[XDR_UNIT];
	int rc = 0;
	u32 i;

	for (i = 0; i < ENG_VAIS_MAX && !rc; i++) {
		const struct eng_export *x = e->exports->slots[i];

		if (!x || x->vai.deleting || (dump && !x->in_use))
			continue;
		rc = list_add_vai(l, x, dump);
	}
	if (rc)
		return rc;
	xdr_out_init(&res, end, sizeof(end));
	mount3_put_list_end(&res);
	rc = list_append(l, end, res.pos);
	if (rc)
		return rc;
	anm_out_add_page(l->out, l->page, 0, (u16)l->used);
	return 0;
}

static int mount_list_call(struct eng_call *call)
{
	struct mount_list l = {.limit = U32_MAX};
	u32 pages = call->e->exports->nvais * LIST_ENTRY_MAX / (ANM_PAGE_SIZE - LIST_ENTRY_MAX) + 2;
	int rc;

	if (call->from->door == ANM_DOOR_UDP)
		l.limit = LIST_UDP_MAX;
	call->out = anm_out_alloc(RPC_REPLY_HEAD_MAX, (u16)min_t(u32, pages, LIST_PAGES_MAX));
	if (!call->out) {
		call->e->stats.no_memory++;
		return -EAGAIN;
	}
	call->out->to = *call->from;
	xdr_out_init(&call->res, call->out->head, call->out->head_cap);
	rpc_put_accepted(&call->res, call->hdr.xid, RPC_SUCCESS);
	l.out = call->out;
	rc = list_fill(call->e, &l, call->hdr.proc == MOUNT3_DUMP);
	if (l.page)
		anm_page_put(l.page);
	if (rc)
		call->e->stats.no_memory++;
	return rc;
}

/* "/NAME", "NAME", "/NAME/": the same VAI. @below: something follows the name. */
static struct eng_export *path_find(const struct engine *e, const char *path, u32 len, bool *below)
{
	struct eng_export *x;
	const char *slash;

	while (len && *path == '/') {
		path++;
		len--;
	}
	while (len && path[len - 1] == '/')
		len--;
	slash = memchr(path, '/', len);
	*below = slash != NULL;
	x = eng_vai_by_name(e, path, slash ? (u32)(slash - path) : len);
	return x && !x->vai.deleting ? x : NULL;
}

static u32 mnt_check(struct eng_call *call, const char *path, u32 len, struct eng_export **res)
{
	struct eng_export *x;
	bool below;

	if (eng_call_insecure(call))
		return MNT3ERR_ACCES;
	x = path_find(call->e, path, len, &below);
	if (!x)
		return MNT3ERR_NOENT;
	if (!eng_addr_eq(&x->client->addr, &call->from->addr)) {
		x->denied++;
		return MNT3ERR_ACCES;
	}
	if (below)
		return MNT3ERR_NOTDIR;
	*res = x;
	return MNT3_OK;
}

static int mount_mnt(struct eng_call *call)
{
	static const u32 flavors[] = {RPC_AUTH_SYS};
	struct eng_export *x = NULL;
	const char *path;
	u32 stat;
	u32 len;

	path = mount3_get_path(&call->args, &len);
	if (!path)
		return -EINVAL;
	if (eng_call_reply(call, ENG_REPLY_CAP))
		return -EAGAIN;
	stat = mnt_check(call, path, len, &x);
	if (stat) {
		call->e->stats.mnt_denied++;
		mount3_put_mnt_fail(&call->res, stat);
		return 0;
	}
	eng_vai_used(call->e, x, true);
	mount3_put_mnt_ok(&call->res, x->fh[0], ENG_FH_LEN, flavors, ARRAY_SIZE(flavors));
	return 0;
}

/*
 * UMNT and UMNTALL have no result; what is not the sender's own is left alone. UMNT may
 * come from any port: it gives nothing away, and what sends it may be a shell script.
 */
static int mount_umnt(struct eng_call *call)
{
	struct eng_export *x;
	const char *path;
	bool below;
	u32 len;

	path = mount3_get_path(&call->args, &len);
	if (!path)
		return -EINVAL;
	if (eng_call_reply(call, RPC_REPLY_HEAD_MAX))
		return -EAGAIN;
	x = path_find(call->e, path, len, &below);
	if (x && !below && eng_addr_eq(&x->client->addr, &call->from->addr)) {
		eng_vai_unused(call->e, x);
		/* Contents are at stake: not for everybody. */
		if (x->discard_on_unmount && !eng_call_insecure(call))
			eng_vai_unmounted(call->e, x, call->hdr.xid);
	}
	return 0;
}

static int mount_umntall(struct eng_call *call)
{
	struct eng_exports *xs = call->e->exports;
	u32 i;

	if (eng_call_reply(call, RPC_REPLY_HEAD_MAX))
		return -EAGAIN;
	if (eng_call_insecure(call))
		return 0;
	for (i = 0; i < ENG_VAIS_MAX; i++) {
		struct eng_export *x = xs->slots[i];

		if (x && eng_addr_eq(&x->client->addr, &call->from->addr)) {
			eng_vai_unused(call->e, x);
			eng_vai_unmounted(call->e, x, call->hdr.xid);
		}
	}
	return 0;
}

int eng_mount_call(struct eng_call *call)
{
	/* A path and both credentials may be longer than any NFS call's arguments. */
	eng_call_gather(call, ENG_SCRATCH_LEN);
	switch (call->hdr.proc) {
	case MOUNT3_NULL:
		return eng_call_reply(call, RPC_REPLY_HEAD_MAX);
	case MOUNT3_MNT:
		return mount_mnt(call);
	case MOUNT3_UMNT:
		return mount_umnt(call);
	case MOUNT3_UMNTALL:
		return mount_umntall(call);
	default:
		return mount_list_call(call);
	}
}
