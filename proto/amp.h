/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AMP, the Anemone memory protocol: engine to memory server, UDP, stop-and-wait
 * per channel. The prose is in AMP.md. All integers are big endian.
 */
#ifndef ANM_AMP_H
#define ANM_AMP_H

#include "services.h"

#define AMP_PORT	       20405
#define AMP_MAGIC	       0x414e4d50u /* "ANMP" */
#define AMP_VERSION	       1
#define AMP_HDR_LEN	       80
#define AMP_MTU_MIN	       1280 /* smallest path that parts are cut for */
#define AMP_MTU_MAX	       9216
#define AMP_UDP_OVERHEAD       48  /* IPv6 + UDP; parts of one MTU serve both families */
#define AMP_PARTS_MAX	       4   /* 4096 / (AMP_MTU_MIN - overhead - header), rounded up */
#define AMP_CHANNELS_MAX       256 /* per session: the window */
#define AMP_CHANNELS_DEFAULT   64
#define AMP_CHANNEL_NONE       0xffff /* control messages: HELLO, WELCOME, HEARTBEAT, ... */
#define AMP_NAME_MAX	       64
#define AMP_ZONE_MAX	       32   /* bytes of a zone's name; its text has one less */
#define AMP_LZ4_LEN_MAX	       3072 /* a page that packs into no less goes as it is */
#define AMP_FILL_LEN	       8
#define AMP_DONATION_PAGES_MAX (1ull << 34) /* 64 TiB */
#define AMP_INVENTORY_SHARE    8    /* a server's entries: so many for each page that it donates */
#define AMP_SPLIT_HEAD_MAX     160  /* bytes of a reply in front of the page */
#define AMP_INVENTORY_SCAN     4096 /* entries that a server looks at for one INVENTORY_LIST */

enum amp_type {
	AMP_HELLO = 1,	   /* server -> engine: struct amp_hello */
	AMP_WELCOME,	   /* engine -> server: struct amp_welcome */
	AMP_REFUSE,	   /* engine -> server: code = enum amp_code; answers HELLO or HEARTBEAT */
	AMP_HEARTBEAT,	   /* server -> engine: struct amp_usage */
	AMP_HEARTBEAT_ACK, /* engine -> server */
	AMP_GOODBYE,	   /* either way: the session is over; answered by GOODBYE_ACK */
	AMP_GOODBYE_ACK,
	AMP_PAGE_OUT, /* engine -> server: store a page; 1..AMP_PARTS_MAX parts */
	/*
	 * engine -> server: send a page; answered by PAGE. With a struct amp_split: answer the
	 * client yourself, then ACK; or, where that is not possible, PAGE
	 */
	AMP_PAGE_IN,
	AMP_PAGE,    /* server -> engine: the page; 1..AMP_PARTS_MAX parts */
	AMP_DISCARD, /* engine -> server: forget a page older than hdr.version */
	/*
	 * engine -> server: forget all pages of <client, VAI> older than hdr.version; a bounded
	 * number a message, ack.code tells AMP_OK (all done) or AMP_E_MORE (send again)
	 */
	AMP_DISCARD_VAI,
	AMP_ACK,       /* server -> engine: done */
	AMP_NACK,      /* server -> engine: not done, code says why */
	AMP_INVENTORY, /* engine -> server: what is stored from entry hdr.version on? */
	/*
	 * server -> engine: struct amp_inventory_item, many; code tells AMP_OK (no more) or
	 * AMP_E_MORE, hdr.version then the entry to go on with
	 */
	AMP_INVENTORY_LIST,
	AMP_TYPE_MAX = AMP_INVENTORY_LIST,
};

enum amp_code {
	AMP_OK = 0,
	AMP_E_VERSION,	/* protocol version not spoken; page_version holds the one spoken */
	AMP_E_SESSION,	/* no such session: say HELLO (again) */
	AMP_E_POOL,	/* the engine serves another pool */
	AMP_E_DONATION, /* zero or absurd donation */
	AMP_E_IDENTITY, /* this server UUID is live at another address */
	AMP_E_FULL,	/* engine: server table full; server: donation used up */
	AMP_E_STALE,	/* a newer version of the page is stored; page_version tells it */
	AMP_E_NOENT,	/* page not here (or older than asked for) */
	AMP_E_CRC,	/* page bytes do not match their CRC */
	AMP_E_MORE,	/* partly done, ask again */
	AMP_E_INVAL,	/* malformed */
	AMP_E_NOMEM,	/* a transient shortage, try again */
	AMP_E_DRAINED,	/* HEARTBEAT_ACK: nothing that is needed is left here: may go */
	AMP_CODE_MAX = AMP_E_DRAINED,
};

/**
 * enum amp_form - how a page's bytes are written down, on the wire and at a server.
 * The engine alone makes forms and undoes them; a server keeps what it is given.
 */
enum amp_form {
	AMP_FORM_RAW,  /* 4096 bytes as they are */
	AMP_FORM_LZ4,  /* an LZ4 block, 1 to AMP_LZ4_LEN_MAX bytes */
	AMP_FORM_FILL, /* AMP_FILL_LEN bytes, which are repeated to make the page */
	AMP_FORM_MAX = AMP_FORM_FILL,
};

/**
 * struct amp_key - identity of a page: <client, VAI, offset>.
 * @client: the client's id: its IPv4 address, or a hash of its IPv6 address
 * @vai:    the VAI's id: first four bytes of its UUID, unique in an engine
 * @offset: byte offset in the VAI, a multiple of the page size
 */
struct amp_key {
	u32 client;
	u32 vai;
	u64 offset;
};

/**
 * struct amp_hdr - decoded header of every AMP message (80 bytes on the wire).
 *
 * Wire layout, in order: magic be32, protocol u8, type u8, part u8, nparts u8,
 * channel be16, code be16, seq be32, session be32, key.client be32,
 * key.vai be32, key.offset be64, page_version be64, part_off be16, part_len
 * be16, page_crc be32, hdr_crc be32, key_id be32, tag[16], form u8, zero u8,
 * form_len be16.
 * hdr_crc is the CRC32C of the 80 header bytes with hdr_crc itself as zero,
 * inverted; for all types but PAGE_OUT and PAGE it also runs over the payload.
 * key_id and tag are zero until authentication is on.
 *
 * @protocol:     AMP_VERSION
 * @type:         enum amp_type
 * @part, @nparts: which part of how many (0 of 1 where there are no parts)
 * @channel:      lane, or AMP_CHANNEL_NONE
 * @code:         enum amp_code in answers, 0 elsewhere
 * @seq:          per channel, +1 each new message; an answer repeats it
 * @session:      given by WELCOME; 0 in HELLO. HELLO's seq is echoed by its answer
 * @key:          the page; zero where there is none
 * @page_version: version of the page (48 bits used), only ever grows
 * @part_off:     where this part's bytes belong in the form
 * @part_len:     payload bytes that follow the header
 * @page_crc:     CRC32C of the form's @form_len bytes, inverted
 * @form:         enum amp_form of the page; 0 where there is none
 * @form_len:     bytes of the form; 0 where there is no page
 */
struct amp_hdr {
	u8 protocol;
	u8 type;
	u8 part;
	u8 nparts;
	u16 channel;
	u16 code;
	u32 seq;
	u32 session;
	struct amp_key key;
	u64 page_version;
	u16 part_off;
	u16 part_len;
	u32 page_crc;
	u8 form;
	u16 form_len;
};

#define AMP_HELLO_SPLIT 1u /* can answer READs itself */

/**
 * struct amp_hello - payload of HELLO; the datagram is padded with zeros to @mtu
 * so that its arrival proves the path. Wire order as below, 160 bytes.
 * @server_uuid: identity, kept over restarts
 * @pool_uuid:   the pool it wants to join; zero for whichever the engine has
 * @boot:        random, new each start: other than before means an empty memory
 * @donation:    pages offered, already allocated
 * @used:        pages stored now
 * @mtu:         the server's link MTU
 * @channels:    channels it can serve
 * @flags:       AMP_HELLO_ bits; a receiver passes over those that it does not know
 * @name:        for people, NUL padded, not trusted
 * @zone:        what fails together with it (a rack, a power line), NUL padded; empty: unknown.
 *               Copies of one page are never kept in one zone
 */
struct amp_hello {
	u8 server_uuid[16];
	u8 pool_uuid[16];
	u64 boot;
	u64 donation;
	u64 used;
	u16 mtu;
	u16 channels;
	u32 flags;
	char name[AMP_NAME_MAX];
	char zone[AMP_ZONE_MAX];
};
#define AMP_HELLO_LEN 160

/**
 * struct amp_welcome - payload of WELCOME, padded to @mtu like HELLO.
 * @engine_uuid: identity of the engine (pool UUID)
 * @epoch:       grows each time the engine starts
 * @session:     goes into every later header
 * @heartbeat_ms: how often to send HEARTBEAT
 * @dead_ms:     silence after which either side gives the session up
 * @mtu:         agreed: the smaller of both
 * @channels:    agreed: the smaller of both
 */
struct amp_welcome {
	u8 engine_uuid[16];
	u64 epoch;
	u32 session;
	u32 heartbeat_ms;
	u32 dead_ms;
	u16 mtu;
	u16 channels;
};
#define AMP_WELCOME_LEN 40

#define AMP_USAGE_LEAVING 1u /* wants to go: move its pages elsewhere */

/**
 * struct amp_usage - payload of HEARTBEAT. Pages.
 * @flags: AMP_USAGE_ bits; a receiver passes over those that it does not know
 */
struct amp_usage {
	u64 donation;
	u64 used;
	u32 flags;
	u32 reserved;
};
#define AMP_USAGE_LEN 24

/**
 * struct amp_split - payload of a PAGE_IN whose page the server may send to the client by
 * itself, as the engine's reply. Wire order: @client, @engine, @client_port, @engine_port,
 * length of the head be16, zero be16, the head.
 * @client, @client_port: where the reply goes
 * @engine, @engine_port: where it seems to come from: what the client sent its call to
 * @head:     the reply up to the page's bytes, which end it
 * @head_len: a multiple of 4
 */
struct amp_split {
	struct anm_addr client, engine;
	u16 client_port, engine_port;
	u16 head_len;
	u8 head[AMP_SPLIT_HEAD_MAX];
};
#define AMP_SPLIT_LEN	  40 /* and the head */
#define AMP_SPLIT_LEN_MAX (AMP_SPLIT_LEN + AMP_SPLIT_HEAD_MAX)

/** struct amp_inventory_item - a stored page, in the payload of INVENTORY_LIST. 20 bytes each. */
struct amp_inventory_item {
	u32 client;
	u32 vai;
	u32 page_no;
	u64 version;
};
#define AMP_INVENTORY_ITEM_LEN 20

/**
 * amp_part_size() - page bytes that one part carries over a path of @mtu.
 * A multiple of 8, at least a quarter of a page, at most a whole one.
 */
u32 amp_part_size(u16 mtu);

/** amp_nparts() - parts that @len bytes of a form are cut into over a path of @mtu (1..AMP_PARTS_MAX). */
u32 amp_nparts(u16 mtu, u16 len);

/** amp_form_valid() - there is such a form, and it may have this length. */
bool amp_form_valid(u8 form, u16 len);

/** amp_part_cut() - fill in @h's part fields for part @part of its form over a path of @mtu. */
void amp_part_cut(struct amp_hdr *h, u16 mtu, u8 part);

/** amp_part_valid() - are @h's part fields what amp_part_cut() makes? Of a decoded header. */
bool amp_part_valid(const struct amp_hdr *h, u16 mtu);

/**
 * amp_hdr_encode() - write the 80 header bytes, CRC included.
 * @buf: room for AMP_HDR_LEN bytes; payload (unless PAGE or PAGE_OUT) must
 *       already lie at @buf + AMP_HDR_LEN, h->part_len bytes of it
 */
void amp_hdr_encode(u8 *buf, const struct amp_hdr *h);

/**
 * amp_hdr_decode() - check and read a header.
 * @rec: the datagram; bytes after the header must be >= part_len (padding may follow)
 * @h:   filled on success; with -EPROTO, filled too, so that a refusal can be addressed
 *
 * Return: 0; -EINVAL when malformed (short, magic, CRC, type, part fields out
 * of range); -EPROTO when well formed but of another protocol version.
 */
int amp_hdr_decode(const struct anm_rec *rec, struct amp_hdr *h);

/* Payload codecs: buffers of the fixed lengths above; decoders return -EINVAL if @len is short. */
void amp_hello_encode(u8 *buf, const struct amp_hello *m);
int amp_hello_decode(const u8 *buf, u32 len, struct amp_hello *m);
void amp_welcome_encode(u8 *buf, const struct amp_welcome *m);
int amp_welcome_decode(const u8 *buf, u32 len, struct amp_welcome *m);
void amp_usage_encode(u8 *buf, const struct amp_usage *m);
int amp_usage_decode(const u8 *buf, u32 len, struct amp_usage *m);

/**
 * amp_split_valid() - may it be asked for? One family, addresses of single machines that mean
 * the same everywhere, ports, a head of a possible length.
 */
bool amp_split_valid(const struct amp_split *m);

/** amp_split_frame() - length of the IP packet that it makes. */
u32 amp_split_frame(const struct amp_split *m);

/** amp_split_encode() - @buf: AMP_SPLIT_LEN_MAX bytes of room. Return: bytes. */
u16 amp_split_encode(u8 *buf, const struct amp_split *m);

/** amp_split_decode() - @len: all of the payload. Return: 0, or -EINVAL also if it is not valid. */
int amp_split_decode(const u8 *buf, u32 len, struct amp_split *m);

void amp_inventory_item_encode(u8 *buf, const struct amp_inventory_item *m);
int amp_inventory_item_decode(const u8 *buf, u32 len, struct amp_inventory_item *m);

/** amp_inventory_room() - items that one INVENTORY_LIST carries over a path of @mtu. */
u32 amp_inventory_room(u16 mtu);

/** amp_type_name() / amp_code_name() - for people: "page-out", "stale"; "?" if unknown. */
const char *amp_type_name(u8 type);
const char *amp_code_name(u16 code);

#endif
