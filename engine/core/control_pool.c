// SPDX-License-Identifier: GPL-2.0-only
/* Control plane: what changes the pool and answers with nothing; lists of pages. */
#include "control.h"

#define PAGES_MAX 64 /* offsets a message */

const struct nla_policy eng_ctl_server_policy[ANM_ENG_SRV_MAX + 1] = {
	[ANM_ENG_SRV_NAME] = ANM_NLP_STR(ANM_CTL_NAME_MAX),
	[ANM_ENG_SRV_UUID] = ANM_NLP_BIN(16),
	[ANM_ENG_SRV_BOOT] = ANM_NLP_U64,
	[ANM_ENG_SRV_STALE_BELOW] = ANM_NLP_U64,
	[ANM_ENG_SRV_DRAIN_ASKED] = ANM_NLP_U8,
	[ANM_ENG_SRV_GONE] = ANM_NLP_U8,
};

const struct nla_policy eng_ctl_pages_policy[ANM_ENG_PG_MAX + 1] = {
	[ANM_ENG_PG_KIND] = ANM_NLP_U8,
	[ANM_ENG_PG_CURSOR] = ANM_NLP_U32,
};

static int refuse(struct eng_err *err, int code, const char *why)
{
	snprintf(err->msg, sizeof(err->msg), "%s", why);
	return code;
}

static int server_expect(struct engine *e, struct nlattr **attrs, struct eng_err *err)
{
	struct nlattr *tb[ANM_ENG_SRV_MAX + 1];
	struct eng_server_info before = {.boot = 0};
	int rc;

	if (!attrs[ANM_ENG_A_SERVER] ||
	    anm_nl_parse(tb, ANM_ENG_SRV_MAX, attrs[ANM_ENG_A_SERVER], eng_ctl_server_policy) ||
	    !tb[ANM_ENG_SRV_UUID])
		return refuse(err, -EINVAL, "no UUID of a memory server given");
	if (tb[ANM_ENG_SRV_NAME])
		anm_nl_str(tb[ANM_ENG_SRV_NAME], before.name, sizeof(before.name));
	memcpy(before.uuid, nla_data(tb[ANM_ENG_SRV_UUID]), sizeof(before.uuid));
	if (tb[ANM_ENG_SRV_BOOT])
		before.boot = nla_get_u64(tb[ANM_ENG_SRV_BOOT]);
	if (tb[ANM_ENG_SRV_STALE_BELOW])
		before.stale_below = nla_get_u64(tb[ANM_ENG_SRV_STALE_BELOW]);
	if (tb[ANM_ENG_SRV_DRAIN_ASKED])
		before.drain_asked = nla_get_u8(tb[ANM_ENG_SRV_DRAIN_ASKED]);
	if (tb[ANM_ENG_SRV_GONE])
		before.gone = nla_get_u8(tb[ANM_ENG_SRV_GONE]);
	rc = eng_recover_expect(e, &before);
	switch (rc) {
	case -EEXIST:
		return refuse(err, rc, "the memory server is known already");
	case -ENFILE:
		return refuse(err, rc, "the table of memory servers is full");
	case -EINVAL:
		return refuse(err, rc, "a UUID of zeros is none");
	default:
		return rc;
	}
}

static int server_change(struct engine *e, u8 cmd, struct nlattr **attrs, struct eng_err *err)
{
	struct nlattr *tb[ANM_ENG_SRV_MAX + 1];
	char name[ANM_CTL_NAME_MAX + 1];

	if (!attrs[ANM_ENG_A_SERVER])
		return refuse(err, -EINVAL, "no memory server given");
	if (anm_nl_parse(tb, ANM_ENG_SRV_MAX, attrs[ANM_ENG_A_SERVER], eng_ctl_server_policy) ||
	    !tb[ANM_ENG_SRV_NAME])
		return refuse(err, -EINVAL, "no name of a memory server, or one over 64 bytes");
	anm_nl_str(tb[ANM_ENG_SRV_NAME], name, sizeof(name));
	if (cmd == ANM_ENG_CMD_SERVER_DRAIN)
		return eng_server_drain(e, name, !attrs[ANM_ENG_A_CANCEL], err);
	return eng_server_remove(e, name, eng_ctl_forced(attrs), err);
}

static int vai_set(struct engine *e, struct nlattr **tb, const struct eng_vai_params *p,
		   struct eng_err *err)
{
	int rc = 0;

	if (!tb[ANM_ENG_VAI_HEDGE] && !tb[ANM_ENG_VAI_COMPRESS] && !tb[ANM_ENG_VAI_SAME_FILLED] &&
	    !tb[ANM_ENG_VAI_SPLIT] && !tb[ANM_ENG_VAI_CACHE] && !tb[ANM_ENG_VAI_READAHEAD] &&
	    !tb[ANM_ENG_VAI_KEPT])
		return refuse(err, -EINVAL, "nothing to set given");
	if (tb[ANM_ENG_VAI_COMPRESS])
		rc = eng_vai_forms(e, p->name, nla_get_u8(tb[ANM_ENG_VAI_COMPRESS]), -1, err);
	if (!rc && tb[ANM_ENG_VAI_SAME_FILLED])
		rc = eng_vai_forms(e, p->name, -1, nla_get_u8(tb[ANM_ENG_VAI_SAME_FILLED]), err);
	if (!rc && tb[ANM_ENG_VAI_HEDGE])
		rc = eng_vai_hedge(e, p->name, nla_get_u8(tb[ANM_ENG_VAI_HEDGE]), err);
	if (!rc && tb[ANM_ENG_VAI_SPLIT])
		rc = eng_vai_split(e, p->name, nla_get_u8(tb[ANM_ENG_VAI_SPLIT]), err);
	if (!rc && tb[ANM_ENG_VAI_CACHE])
		rc = eng_vai_cache(e, p->name, nla_get_u8(tb[ANM_ENG_VAI_CACHE]), err);
	if (!rc && tb[ANM_ENG_VAI_READAHEAD])
		rc = eng_vai_readahead(e, p->name, nla_get_u8(tb[ANM_ENG_VAI_READAHEAD]), err);
	if (!rc && tb[ANM_ENG_VAI_KEPT])
		rc = eng_vai_kept(e, p->name, nla_get_u8(tb[ANM_ENG_VAI_KEPT]), err);
	return rc;
}

static int vai_change(struct engine *e, u8 cmd, struct nlattr **attrs, struct eng_err *err)
{
	struct nlattr *tb[ANM_ENG_VAI_MAX + 1];
	struct eng_vai_params p;
	int rc = eng_ctl_vai_parse(attrs, tb, &p, err);

	if (rc)
		return rc;
	if (cmd == ANM_ENG_CMD_VAI_DEL)
		return eng_vai_del(e, p.name, eng_ctl_forced(attrs), err);
	if (cmd == ANM_ENG_CMD_VAI_SET)
		return vai_set(e, tb, &p, err);
	if (cmd == ANM_ENG_CMD_VAI_DISCARD)
		return eng_vai_discard(e, p.name, eng_ctl_forced(attrs), err);
	if (!tb[ANM_ENG_VAI_SIZE])
		return refuse(err, -EINVAL, "no size given");
	return eng_vai_resize(e, p.name, nla_get_u64(tb[ANM_ENG_VAI_SIZE]), err);
}

int eng_ctl_change(struct engine *e, u8 cmd, struct nlattr **attrs, struct eng_err *err)
{
	int rc;

	switch (cmd) {
	case ANM_ENG_CMD_SERVER_EXPECT:
		return server_expect(e, attrs, err);
	case ANM_ENG_CMD_RECOVER_GO:
		eng_recover_go(e);
		return 0;
	case ANM_ENG_CMD_FLUSH:
		eng_flush(e, !attrs[ANM_ENG_A_CANCEL]);
		return 0;
	case ANM_ENG_CMD_DISCARD_UNKNOWN:
		rc = eng_recover_discard_unknown(e, err);
		return min(rc, 0);
	case ANM_ENG_CMD_SERVER_DRAIN:
	case ANM_ENG_CMD_SERVER_REMOVE:
		return server_change(e, cmd, attrs, err);
	case ANM_ENG_CMD_VAI_DEL:
	case ANM_ENG_CMD_VAI_RESIZE:
	case ANM_ENG_CMD_VAI_DISCARD:
	case ANM_ENG_CMD_VAI_SET:
		return vai_change(e, cmd, attrs, err);
	default:
		return -EOPNOTSUPP;
	}
}

static int pages_put(struct anm_nlmsg *msg, struct engine *e, const char *name, u8 kind, u32 cursor)
{
	struct nlattr *nest = anm_nl_nest(msg, ANM_ENG_A_PAGES);
	u32 pages[PAGES_MAX];
	u64 offsets[PAGES_MAX];
	int i, n = eng_vai_pages(e, name, kind, &cursor, pages, ARRAY_SIZE(pages));

	if (n < 0)
		return n;
	for (i = 0; i < n; i++)
		offsets[i] = (u64)pages[i] << ANM_PAGE_SHIFT;
	if (!nest || anm_nl_put_u8(msg, ANM_ENG_PG_KIND, kind) ||
	    anm_nl_put_u32(msg, ANM_ENG_PG_CURSOR, cursor) ||
	    anm_nl_put_bin(msg, ANM_ENG_PG_OFFSETS, offsets, (int)(n * sizeof(offsets[0]))))
		return -EMSGSIZE;
	anm_nl_nest_end(msg, nest);
	return 0;
}

int eng_ctl_pages(struct anm_nlmsg *msg, struct engine *e, struct nlattr **attrs,
		  struct eng_err *err)
{
	struct nlattr *tb[ANM_ENG_VAI_MAX + 1], *pg[ANM_ENG_PG_MAX + 1];
	struct eng_vai_params p;
	u8 kind;
	int rc = eng_ctl_vai_parse(attrs, tb, &p, err);

	if (rc)
		return rc;
	if (!attrs[ANM_ENG_A_PAGES] ||
	    anm_nl_parse(pg, ANM_ENG_PG_MAX, attrs[ANM_ENG_A_PAGES], eng_ctl_pages_policy))
		return refuse(err, -EINVAL, "no kind of pages given");
	kind = pg[ANM_ENG_PG_KIND] ? nla_get_u8(pg[ANM_ENG_PG_KIND]) : ENG_PAGES_LOST;
	if (kind > ENG_PAGES_DEGRADED)
		return refuse(err, -EINVAL, "no such kind of pages");
	rc = pages_put(msg, e, p.name, kind,
		       pg[ANM_ENG_PG_CURSOR] ? nla_get_u32(pg[ANM_ENG_PG_CURSOR]) : 0);
	if (rc == -ENOENT)
		snprintf(err->msg, sizeof(err->msg), "there is no VAI \"%s\"", p.name);
	return rc;
}
