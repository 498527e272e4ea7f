// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMP: header and payload codecs. The layouts are in amp.h and AMP.md.
 */
#include "amp.h"
#include "frame.h"

/* Offsets in the header. */
#define O_MAGIC	       0
#define O_PROTOCOL     4
#define O_TYPE	       5
#define O_PART	       6
#define O_NPARTS       7
#define O_CHANNEL      8
#define O_CODE	       10
#define O_SEQ	       12
#define O_SESSION      16
#define O_KEY_CLIENT   20
#define O_KEY_VAI      24
#define O_KEY_OFFSET   28
#define O_PAGE_VERSION 36
#define O_PART_OFF     44
#define O_PART_LEN     46
#define O_PAGE_CRC     48
#define O_HDR_CRC      52
#define O_KEY_ID       56
#define O_TAG	       60
#define O_FORM	       76
#define O_FORM_ZERO    77
#define O_FORM_LEN     78

/* Payloads under the header's CRC are short; this bounds the walk over a hostile one. */
#define CRC_PIECE 128

u32 amp_part_size(u16 mtu)
{
	u32 room = clamp_t(u32, mtu, AMP_MTU_MIN, AMP_MTU_MAX) - AMP_UDP_OVERHEAD - AMP_HDR_LEN;

	BUILD_BUG_ON((AMP_MTU_MIN - AMP_UDP_OVERHEAD - AMP_HDR_LEN) / 8 * 8 * AMP_PARTS_MAX <
		     ANM_PAGE_SIZE);
	return min_t(u32, room & ~7u, ANM_PAGE_SIZE);
}

u32 amp_nparts(u16 mtu, u16 len)
{
	return DIV_ROUND_UP(len, amp_part_size(mtu));
}

bool amp_form_valid(u8 form, u16 len)
{
	switch (form) {
	case AMP_FORM_RAW:
		return len == ANM_PAGE_SIZE;
	case AMP_FORM_LZ4:
		return len >= 1 && len <= AMP_LZ4_LEN_MAX;
	case AMP_FORM_FILL:
		return len == AMP_FILL_LEN;
	default:
		return false;
	}
}

void amp_part_cut(struct amp_hdr *h, u16 mtu, u8 part)
{
	u32 size = amp_part_size(mtu);

	h->nparts = (u8)amp_nparts(mtu, h->form_len);
	h->part = part;
	h->part_off = (u16)(part * size);
	h->part_len = (u16)min(size, (u32)h->form_len - h->part_off);
}

bool amp_part_valid(const struct amp_hdr *h, u16 mtu)
{
	struct amp_hdr want = {.form_len = h->form_len};

	if (h->nparts != amp_nparts(mtu, h->form_len) || h->part >= h->nparts)
		return false;
	amp_part_cut(&want, mtu, h->part);
	return h->part_off == want.part_off && h->part_len == want.part_len;
}

static bool carries_page(u8 type)
{
	return type == AMP_PAGE_OUT || type == AMP_PAGE;
}

void amp_hdr_encode(u8 *buf, const struct amp_hdr *h)
{
	u32 crc;

	put_unaligned_be32(AMP_MAGIC, buf + O_MAGIC);
	buf[O_PROTOCOL] = h->protocol;
	buf[O_TYPE] = h->type;
	buf[O_PART] = h->part;
	buf[O_NPARTS] = h->nparts;
	put_unaligned_be16(h->channel, buf + O_CHANNEL);
	put_unaligned_be16(h->code, buf + O_CODE);
	put_unaligned_be32(h->seq, buf + O_SEQ);
	put_unaligned_be32(h->session, buf + O_SESSION);
	put_unaligned_be32(h->key.client, buf + O_KEY_CLIENT);
	put_unaligned_be32(h->key.vai, buf + O_KEY_VAI);
	put_unaligned_be64(h->key.offset, buf + O_KEY_OFFSET);
	put_unaligned_be64(h->page_version, buf + O_PAGE_VERSION);
	put_unaligned_be16(h->part_off, buf + O_PART_OFF);
	put_unaligned_be16(h->part_len, buf + O_PART_LEN);
	put_unaligned_be32(h->page_crc, buf + O_PAGE_CRC);
	memset(buf + O_HDR_CRC, 0, AMP_HDR_LEN - O_HDR_CRC);
	buf[O_FORM] = h->form;
	put_unaligned_be16(h->form_len, buf + O_FORM_LEN);

	crc = anm_crc32c(~0u, buf, AMP_HDR_LEN);
	if (!carries_page(h->type))
		crc = anm_crc32c(crc, buf + AMP_HDR_LEN, h->part_len);
	put_unaligned_be32(~crc, buf + O_HDR_CRC);
}

static void hdr_read(const u8 *buf, struct amp_hdr *h)
{
	h->protocol = buf[O_PROTOCOL];
	h->type = buf[O_TYPE];
	h->part = buf[O_PART];
	h->nparts = buf[O_NPARTS];
	h->channel = get_unaligned_be16(buf + O_CHANNEL);
	h->code = get_unaligned_be16(buf + O_CODE);
	h->seq = get_unaligned_be32(buf + O_SEQ);
	h->session = get_unaligned_be32(buf + O_SESSION);
	h->key.client = get_unaligned_be32(buf + O_KEY_CLIENT);
	h->key.vai = get_unaligned_be32(buf + O_KEY_VAI);
	h->key.offset = get_unaligned_be64(buf + O_KEY_OFFSET);
	h->page_version = get_unaligned_be64(buf + O_PAGE_VERSION);
	h->part_off = get_unaligned_be16(buf + O_PART_OFF);
	h->part_len = get_unaligned_be16(buf + O_PART_LEN);
	h->page_crc = get_unaligned_be32(buf + O_PAGE_CRC);
	h->form = buf[O_FORM];
	h->form_len = get_unaligned_be16(buf + O_FORM_LEN);
}

/* The CRC of header and, where it is covered, payload; part_len is known to be in the record. */
static bool crc_good(const struct anm_rec *rec, u8 *buf, const struct amp_hdr *h)
{
	u32 want = get_unaligned_be32(buf + O_HDR_CRC);
	u32 off, n, crc;
	u8 piece[CRC_PIECE];

	put_unaligned_be32(0, buf + O_HDR_CRC);
	crc = anm_crc32c(~0u, buf, AMP_HDR_LEN);
	put_unaligned_be32(want, buf + O_HDR_CRC);
	for (off = 0; !carries_page(h->type) && off < h->part_len; off += n) {
		n = min_t(u32, h->part_len - off, CRC_PIECE);
		if (anm_rec_copy(rec, AMP_HDR_LEN + off, piece, n))
			return false;
		crc = anm_crc32c(crc, piece, n);
	}
	return ~crc == want;
}

/* Parts of a page tell where their bytes belong; everything else is one part of one. */
static bool parts_good(const struct amp_hdr *h)
{
	if (!carries_page(h->type))
		return h->part == 0 && h->nparts == 1 && !h->part_off && !h->form && !h->form_len;
	return amp_form_valid(h->form, h->form_len) && h->nparts >= 1 &&
	       h->nparts <= AMP_PARTS_MAX && h->part < h->nparts && h->part_len >= 1 &&
	       (u32)h->part_off + h->part_len <= h->form_len;
}

static bool fields_good(const u8 *buf, const struct amp_hdr *h)
{
	if (h->type < AMP_HELLO || h->type > AMP_TYPE_MAX || h->code > AMP_CODE_MAX)
		return false;
	if (h->channel >= AMP_CHANNELS_MAX && h->channel != AMP_CHANNEL_NONE)
		return false;
	if (h->key.offset & ANM_PAGE_MASK || h->page_version >> 48)
		return false;
	/* Authentication is not part of this version: what claims it cannot be checked. */
	if (memchr_inv(buf + O_KEY_ID, 0, O_FORM - O_KEY_ID) || buf[O_FORM_ZERO])
		return false;
	return parts_good(h);
}

int amp_hdr_decode(const struct anm_rec *rec, struct amp_hdr *h)
{
	u8 buf[AMP_HDR_LEN];

	if (rec->len < AMP_HDR_LEN || anm_rec_copy(rec, 0, buf, AMP_HDR_LEN))
		return -EINVAL;
	if (get_unaligned_be32(buf + O_MAGIC) != AMP_MAGIC)
		return -EINVAL;
	hdr_read(buf, h);
	if (rec->len - AMP_HDR_LEN < h->part_len)
		return -EINVAL;
	if (!crc_good(rec, buf, h))
		return -EINVAL;
	/* Behind the CRC: a flipped bit is damage, not another version. */
	if (h->protocol != AMP_VERSION)
		return -EPROTO;
	return fields_good(buf, h) ? 0 : -EINVAL;
}

/* ---- payloads ---- */

void amp_hello_encode(u8 *buf, const struct amp_hello *m)
{
	memset(buf, 0, AMP_HELLO_LEN);
	memcpy(buf, m->server_uuid, 16);
	memcpy(buf + 16, m->pool_uuid, 16);
	put_unaligned_be64(m->boot, buf + 32);
	put_unaligned_be64(m->donation, buf + 40);
	put_unaligned_be64(m->used, buf + 48);
	put_unaligned_be16(m->mtu, buf + 56);
	put_unaligned_be16(m->channels, buf + 58);
	put_unaligned_be32(m->flags, buf + 60);
	memcpy(buf + 64, m->name, AMP_NAME_MAX);
	memcpy(buf + 128, m->zone, AMP_ZONE_MAX);
}

int amp_hello_decode(const u8 *buf, u32 len, struct amp_hello *m)
{
	BUILD_BUG_ON(64 + AMP_NAME_MAX + AMP_ZONE_MAX != AMP_HELLO_LEN);
	if (len < AMP_HELLO_LEN)
		return -EINVAL;
	memcpy(m->server_uuid, buf, 16);
	memcpy(m->pool_uuid, buf + 16, 16);
	m->boot = get_unaligned_be64(buf + 32);
	m->donation = get_unaligned_be64(buf + 40);
	m->used = get_unaligned_be64(buf + 48);
	m->mtu = get_unaligned_be16(buf + 56);
	m->channels = get_unaligned_be16(buf + 58);
	m->flags = get_unaligned_be32(buf + 60);
	memcpy(m->name, buf + 64, AMP_NAME_MAX);
	memcpy(m->zone, buf + 128, AMP_ZONE_MAX);
	return 0;
}

void amp_welcome_encode(u8 *buf, const struct amp_welcome *m)
{
	memcpy(buf, m->engine_uuid, 16);
	put_unaligned_be64(m->epoch, buf + 16);
	put_unaligned_be32(m->session, buf + 24);
	put_unaligned_be32(m->heartbeat_ms, buf + 28);
	put_unaligned_be32(m->dead_ms, buf + 32);
	put_unaligned_be16(m->mtu, buf + 36);
	put_unaligned_be16(m->channels, buf + 38);
}

int amp_welcome_decode(const u8 *buf, u32 len, struct amp_welcome *m)
{
	if (len < AMP_WELCOME_LEN)
		return -EINVAL;
	memcpy(m->engine_uuid, buf, 16);
	m->epoch = get_unaligned_be64(buf + 16);
	m->session = get_unaligned_be32(buf + 24);
	m->heartbeat_ms = get_unaligned_be32(buf + 28);
	m->dead_ms = get_unaligned_be32(buf + 32);
	m->mtu = get_unaligned_be16(buf + 36);
	m->channels = get_unaligned_be16(buf + 38);
	return 0;
}

void amp_usage_encode(u8 *buf, const struct amp_usage *m)
{
	put_unaligned_be64(m->donation, buf);
	put_unaligned_be64(m->used, buf + 8);
	put_unaligned_be32(m->flags, buf + 16);
	put_unaligned_be32(m->reserved, buf + 20);
}

int amp_usage_decode(const u8 *buf, u32 len, struct amp_usage *m)
{
	if (len < AMP_USAGE_LEN)
		return -EINVAL;
	m->donation = get_unaligned_be64(buf);
	m->used = get_unaligned_be64(buf + 8);
	m->flags = get_unaligned_be32(buf + 16);
	m->reserved = get_unaligned_be32(buf + 20);
	return 0;
}

/* Of one machine, and not only on one link. */
static bool split_addr_valid(const struct anm_addr *a)
{
	if (anm_addr_is_v4(a))
		return a->b[12] && a->b[12] != 127 && a->b[12] < 224;
	if (a->b[0] == 0xff || (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80))
		return false;
	return memchr_inv(a->b, 0, sizeof(a->b) - 1) || a->b[15] > 1;
}

bool amp_split_valid(const struct amp_split *m)
{
	return anm_addr_is_v4(&m->client) == anm_addr_is_v4(&m->engine) &&
	       split_addr_valid(&m->client) && split_addr_valid(&m->engine) && m->client_port &&
	       m->engine_port && m->head_len && m->head_len <= AMP_SPLIT_HEAD_MAX &&
	       !(m->head_len & 3);
}

u32 amp_split_frame(const struct amp_split *m)
{
	u32 ip = anm_addr_is_v4(&m->client) ? FRAME_IPV4_LEN : FRAME_IPV6_LEN;

	return ip + FRAME_UDP_LEN + m->head_len + ANM_PAGE_SIZE;
}

u16 amp_split_encode(u8 *buf, const struct amp_split *m)
{
	memcpy(buf, m->client.b, 16);
	memcpy(buf + 16, m->engine.b, 16);
	put_unaligned_be16(m->client_port, buf + 32);
	put_unaligned_be16(m->engine_port, buf + 34);
	put_unaligned_be16(m->head_len, buf + 36);
	put_unaligned_be16(0, buf + 38);
	memcpy(buf + AMP_SPLIT_LEN, m->head, m->head_len);
	return AMP_SPLIT_LEN + m->head_len;
}

int amp_split_decode(const u8 *buf, u32 len, struct amp_split *m)
{
	if (len < AMP_SPLIT_LEN)
		return -EINVAL;
	memcpy(m->client.b, buf, 16);
	memcpy(m->engine.b, buf + 16, 16);
	m->client_port = get_unaligned_be16(buf + 32);
	m->engine_port = get_unaligned_be16(buf + 34);
	m->head_len = get_unaligned_be16(buf + 36);
	if (get_unaligned_be16(buf + 38) || !amp_split_valid(m) ||
	    len != AMP_SPLIT_LEN + (u32)m->head_len)
		return -EINVAL;
	memcpy(m->head, buf + AMP_SPLIT_LEN, m->head_len);
	return 0;
}

void amp_inventory_item_encode(u8 *buf, const struct amp_inventory_item *m)
{
	put_unaligned_be32(m->client, buf);
	put_unaligned_be32(m->vai, buf + 4);
	put_unaligned_be32(m->page_no, buf + 8);
	put_unaligned_be64(m->version, buf + 12);
}

int amp_inventory_item_decode(const u8 *buf, u32 len, struct amp_inventory_item *m)
{
	if (len < AMP_INVENTORY_ITEM_LEN)
		return -EINVAL;
	m->client = get_unaligned_be32(buf);
	m->vai = get_unaligned_be32(buf + 4);
	m->page_no = get_unaligned_be32(buf + 8);
	m->version = get_unaligned_be64(buf + 12);
	return 0;
}

u32 amp_inventory_room(u16 mtu)
{
	u32 room = clamp_t(u32, mtu, AMP_MTU_MIN, AMP_MTU_MAX) - AMP_UDP_OVERHEAD - AMP_HDR_LEN;

	return room / AMP_INVENTORY_ITEM_LEN;
}

/* ---- names ---- */

const char *amp_type_name(u8 type)
{
	static const char *const names[] = {
		[AMP_HELLO] = "hello",
		[AMP_WELCOME] = "welcome",
		[AMP_REFUSE] = "refuse",
		[AMP_HEARTBEAT] = "heartbeat",
		[AMP_HEARTBEAT_ACK] = "heartbeat-ack",
		[AMP_GOODBYE] = "goodbye",
		[AMP_GOODBYE_ACK] = "goodbye-ack",
		[AMP_PAGE_OUT] = "page-out",
		[AMP_PAGE_IN] = "page-in",
		[AMP_PAGE] = "page",
		[AMP_DISCARD] = "discard",
		[AMP_DISCARD_VAI] = "discard-vai",
		[AMP_ACK] = "ack",
		[AMP_NACK] = "nack",
		[AMP_INVENTORY] = "inventory",
		[AMP_INVENTORY_LIST] = "inventory-list",
	};

	BUILD_BUG_ON(ARRAY_SIZE(names) != AMP_TYPE_MAX + 1);
	return type < ARRAY_SIZE(names) && names[type] ? names[type] : "?";
}

const char *amp_code_name(u16 code)
{
	static const char *const names[] = {
		[AMP_OK] = "ok",
		[AMP_E_VERSION] = "version",
		[AMP_E_SESSION] = "session",
		[AMP_E_POOL] = "pool",
		[AMP_E_DONATION] = "donation",
		[AMP_E_IDENTITY] = "identity",
		[AMP_E_FULL] = "full",
		[AMP_E_STALE] = "stale",
		[AMP_E_NOENT] = "noent",
		[AMP_E_CRC] = "crc",
		[AMP_E_MORE] = "more",
		[AMP_E_INVAL] = "inval",
		[AMP_E_NOMEM] = "nomem",
		[AMP_E_DRAINED] = "drained",
	};

	BUILD_BUG_ON(ARRAY_SIZE(names) != AMP_CODE_MAX + 1);
	return code < ARRAY_SIZE(names) ? names[code] : "?";
}
