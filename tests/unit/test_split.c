// SPDX-License-Identifier: GPL-2.0-only
/*
 * READs that memory servers answer, as the engine sees it: when they are asked to, what an
 * answer does, and that the engine answers whenever they do not. The server is played.
 */
#define NFS_BED_REAL
#include "nfs_bed.h"
#include "page_bed.h"

#define PAGES 16
#define SIZE  (PAGES * ANM_PAGE_SIZE + 0u)

static struct pb *pb;
static struct list_head replies;
static u64 version;
static u8 class;

static void take_reply(struct pb *b, struct anm_out *out)
{
	list_add_tail(&out->link, &replies);
}

static struct anm_out *bed_next_reply(void)
{
	struct anm_out *out = list_first_entry_or_null(&replies, struct anm_out, link);

	if (out)
		list_del(&out->link);
	return out;
}

/* VAI "v" with page 1 on a server that is played, or on two. */
static void begin(bool on, u32 hello_flags, u16 mtu)
{
	struct eng_vai_params p = {.name = "v", .size = SIZE, .split = on, .class = class};
	u32 node, nodes = class == ENG_CLASS_CRITICAL ? 2 : 1;
	struct amp_hdr h;
	struct eng_err err;
	struct xdr_out x;
	u8 page[ANM_PAGE_SIZE];

	memset(&bed, 0, sizeof(bed));
	INIT_LIST_HEAD(&replies);
	pb = pb_new(1);
	pb->reply = take_reply;
	bed.e = pb->e;
	bed.xid = 1000;
	bed.flavor = RPC_AUTH_SYS;
	bed.head_len = 1000;
	bed.from.addr = bed_ip4(192, 0, 2, 7);
	bed.from.local = bed_ip4(192, 0, 2, 1);
	bed.from.port = 700;
	bed.from.local_port = 2049;
	for (node = 0; node < nodes; node++) {
		pb->node[node].hello_flags = hello_flags;
		pb_play(pb, node, 1000, mtu);
	}
	p.client = bed.from.addr;
	assert_int_equal(eng_vai_add(bed.e, &p, &err), 0);
	pb_fill(page, 1);
	bed_call_write(&x, bed.xid++, "v", ANM_PAGE_SIZE, page, sizeof(page));
	bed.now = pb->now;
	assert_int_equal(bed_feed(bed.call, x.pos), 0);
	for (node = 0; node < nodes; node++) {
		h = pb_ack(pb, node, AMP_PAGE_OUT);
		version = h.page_version;
	}
	pb_run(pb, 1);
	assert_true(bed_take());
}

static void end(void)
{
	struct anm_out *out;

	while ((out = bed_next_reply()))
		anm_out_free(out);
	free(bed.call);
	free(bed.reply);
	pb_free(pb);
}

/* A READ; not answered yet. Return: its xid. */
static u32 read_start(u64 off, u32 n)
{
	struct xdr_out x;

	bed_call_read(&x, "v", off, n);
	bed.now = pb->now;
	bed.call_len = x.pos;
	assert_int_equal(bed_feed(bed.call, x.pos), 0);
	pb_run(pb, 1);
	return bed_sent_xid();
}

static void read_again(void)
{
	bed.now = pb->now;
	assert_int_equal(bed_feed(bed.call, bed.call_len), 0);
	pb_run(pb, 1);
}

/* The PAGE_IN that the server hears; whether it is asked to answer itself. */
static bool hear_ask(struct amp_hdr *h, struct amp_split *sp)
{
	struct pb_msg *m = NULL;
	u32 i;

	pb_run(pb, 1);
	for (i = 0; i < pb->inbox_len && !m; i++)
		if (pb->inbox[i]->buf[5] == AMP_PAGE_IN)
			m = pb->inbox[i];
	assert_non_null(m);
	*h = (struct amp_hdr){.part_len = get_unaligned_be16(m->buf + 46)};
	assert_int_equal(m->len, AMP_HDR_LEN + h->part_len);
	if (h->part_len)
		assert_int_equal(amp_split_decode(m->buf + AMP_HDR_LEN, h->part_len, sp), 0);
	*h = pb_hear(pb, 0, AMP_PAGE_IN, NULL);
	return h->part_len;
}

static bool asked(struct amp_hdr *h)
{
	struct amp_split sp;

	return hear_ask(h, &sp);
}

static void say_ack(const struct amp_hdr *ask, u64 page_version)
{
	struct amp_hdr a = *ask;

	a.type = AMP_ACK;
	a.part_len = 0;
	a.page_version = page_version;
	pb_say(pb, 0, &a, NULL, 0);
	pb_run(pb, 1);
}

static void played_page(u32 node, const struct amp_hdr *ask)
{
	struct amp_hdr h = *ask;
	u8 page[ANM_PAGE_SIZE];

	h.part_len = 0;
	pb_fill(page, 1);
	pb_page(pb, node, h, page, version);
	pb_run(pb, 1);
}

static void say_page(const struct amp_hdr *ask)
{
	played_page(0, ask);
}

/* The engine itself answers the call @xid with page 1. */
static void expect_answer(u32 xid)
{
	u8 want[ANM_PAGE_SIZE];
	const u8 *p;
	bool eof;

	pb_fill(want, 1);
	assert_true(bed_take());
	assert_int_equal(bed.rpc.xid, xid);
	assert_int_equal(xdr_get_u32(&bed.res), NFS3_OK);
	assert_int_equal(bed_get_read(&p, &eof), ANM_PAGE_SIZE);
	assert_memory_equal(p, want, ANM_PAGE_SIZE);
	assert_false(bed_take());
}

/* Time passes, and the server is heard of. */
static void pass(u64 ms)
{
	struct amp_usage u = {.donation = 1000};
	u8 buf[AMP_USAGE_LEN];

	amp_usage_encode(buf, &u);
	for (; ms; ms -= 250) {
		struct amp_hdr h = pb_hdr(pb, 0, AMP_HEARTBEAT);

		h.part_len = sizeof(buf);
		pb_say(pb, 0, &h, buf, 0);
		pb_run(pb, 250);
	}
}

static void p1_the_head_is_what_the_engine_would_send(void **state)
{
	struct amp_split sp;
	struct amp_hdr h;
	u32 xid;

	begin(true, AMP_HELLO_SPLIT, 9000);
	xid = read_start(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
	assert_true(hear_ask(&h, &sp));
	assert_int_equal(h.page_version, version);
	assert_memory_equal(&sp.client, &bed.from.addr, sizeof(sp.client));
	assert_memory_equal(&sp.engine, &bed.from.local, sizeof(sp.engine));
	assert_int_equal(sp.client_port, 700);
	assert_int_equal(sp.engine_port, 2049);
	say_page(&h); /* it could not */
	expect_answer(xid);
	assert_int_equal(bed.reply_len, sp.head_len + ANM_PAGE_SIZE);
	assert_memory_equal(bed.reply, sp.head, sp.head_len);
	assert_int_equal(bed.e->stats.split_asked, 1);
	assert_int_equal(bed.e->stats.split_reads, 0);
	end();
}

static void p1_p2_an_ack_ends_the_read_and_lets_the_next_write_go(void **state)
{
	struct eng_vai_info info;
	u8 page[ANM_PAGE_SIZE];
	struct amp_hdr h, w;
	struct xdr_out x;

	begin(true, AMP_HELLO_SPLIT, 9000);
	read_start(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
	assert_true(asked(&h));
	pb_fill(page, 2);
	bed_call_write(&x, bed.xid++, "v", ANM_PAGE_SIZE, page, sizeof(page));
	assert_int_equal(bed_feed(bed.call, x.pos), 0);
	pb_run(pb, 1);
	assert_int_equal(pb_inbox(pb, 0, AMP_PAGE_OUT), 0); /* waits for the reader */
	say_ack(&h, version);
	assert_false(bed_take());
	bed_info("v", &info);
	assert_int_equal(info.split_reads, 1);
	assert_int_equal(info.read_bytes, ANM_PAGE_SIZE);
	assert_int_equal(info.outstanding, 1);
	assert_int_equal(bed.e->stats.split_reads, 1);
	w = pb_ack(pb, 0, AMP_PAGE_OUT);
	assert_true(w.page_version > version);
	pb_run(pb, 1);
	assert_true(bed_take());
	assert_int_equal(bed.e->pages_in_flight, 0);
	end();
}

static void nobody_is_asked_unless_all_is_right(void **state)
{
	static const struct {
		bool on;
		u32 flags;
		u16 mtu;
		u8 door;
		u32 off, len;
		bool local, asked;
	} cases[] = {
		{true, AMP_HELLO_SPLIT, 9000, ANM_DOOR_UDP, 0, 4096, true, true},
		{false, AMP_HELLO_SPLIT, 9000, ANM_DOOR_UDP, 0, 4096, true, false},
		{true, 0, 9000, ANM_DOOR_UDP, 0, 4096, true, false},
		{true, AMP_HELLO_SPLIT, 4224, ANM_DOOR_UDP, 0, 4096, true, false},
		{true, AMP_HELLO_SPLIT, 9000, ANM_DOOR_TCP, 0, 4096, true, false},
		{true, AMP_HELLO_SPLIT, 9000, ANM_DOOR_UDP, 0, 4095, true, false},
		{true, AMP_HELLO_SPLIT, 9000, ANM_DOOR_UDP, 1, 4095, true, false},
		{true, AMP_HELLO_SPLIT, 9000, ANM_DOOR_UDP, 0, 8192, true, false},
		{true, AMP_HELLO_SPLIT, 9000, ANM_DOOR_UDP, 0, 4096, false, false},
	};
	struct amp_hdr h;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		begin(cases[i].on, cases[i].flags, cases[i].mtu);
		bed.from.door = cases[i].door;
		if (!cases[i].local)
			memset(&bed.from.local, 0, sizeof(bed.from.local));
		read_start(ANM_PAGE_SIZE + cases[i].off, cases[i].len);
		assert_int_equal(asked(&h), cases[i].asked);
		say_page(&h);
		assert_true(bed_take());
		assert_int_equal(xdr_get_u32(&bed.res), NFS3_OK);
		end();
	}
}

static void p10_the_second_transmission_is_a_plain_question(void **state)
{
	struct amp_hdr first, second;
	u32 xid;

	begin(true, AMP_HELLO_SPLIT, 9000);
	xid = read_start(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
	assert_true(asked(&first));
	pb_run(pb, 300); /* the answer is lost */
	assert_false(asked(&second));
	assert_int_equal(second.channel, first.channel);
	assert_true(second.seq != first.seq);
	say_ack(&first, version); /* late */
	assert_int_equal(bed.e->stats.amp_late, 1);
	say_ack(&second, version); /* no answer to this question */
	assert_int_equal(bed.e->stats.amp_malformed, 1);
	assert_false(bed_take());
	say_page(&second);
	expect_answer(xid);
	end();
}

static void p1_an_ack_of_another_version_is_none(void **state)
{
	struct amp_hdr h;
	u32 xid;

	begin(true, AMP_HELLO_SPLIT, 9000);
	xid = read_start(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
	assert_true(asked(&h));
	say_ack(&h, version + 1);
	assert_int_equal(bed.e->stats.amp_malformed, 1);
	assert_int_equal(bed.e->pages_in_flight, 1);
	say_page(&h);
	expect_answer(xid);
	end();
}

static void p8_a_refusal_is_not_asked_for_twice(void **state)
{
	struct amp_hdr h;

	begin(true, AMP_HELLO_SPLIT, 9000);
	read_start(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
	assert_true(asked(&h));
	h.type = AMP_NACK;
	h.code = AMP_E_NOENT;
	h.part_len = 0;
	h.page_version = 0;
	pb_say(pb, 0, &h, NULL, 0);
	pb_run(pb, 1);
	assert_true(bed_take());
	assert_int_equal(xdr_get_u32(&bed.res), NFS3ERR_IO);
	end();
}

/* The second server of a page is asked plainly, and that is no second asking for a reply. */
static void p10_only_the_first_server_is_asked(void **state)
{
	struct amp_hdr h;
	u32 xid, node;

	class = ENG_CLASS_CRITICAL;
	begin(true, AMP_HELLO_SPLIT, 9000);
	class = ENG_CLASS_NORMAL;
	xid = read_start(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
	node = pb_inbox(pb, 0, AMP_PAGE_IN) ? 0 : 1;
	h = pb_hear(pb, node, AMP_PAGE_IN, NULL);
	assert_true(h.part_len);
	h.type = AMP_NACK;
	h.code = AMP_E_NOENT;
	h.part_len = 0;
	h.page_version = 0;
	pb_say(pb, node, &h, NULL, 0);
	h = pb_hear(pb, !node, AMP_PAGE_IN, NULL);
	assert_false(h.part_len);
	assert_int_equal(bed.e->stats.split_again, 0);
	assert_int_equal(bed.e->stats.split_asked, 1);
	h.page_version = version;
	played_page(!node, &h);
	expect_answer(xid);
	end();
}

/* What the server sent does not arrive: the client asks again, and pauses become longer. */
static void p10_a_client_that_servers_do_not_reach_is_answered(void **state)
{
	struct amp_hdr h;
	u64 wait_ms = 1000;
	u32 xid, i;

	begin(true, AMP_HELLO_SPLIT, 9000);
	for (i = 0; i < 5; i++) {
		xid = read_start(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
		assert_true(asked(&h));
		say_ack(&h, version);
		assert_false(bed_take());
		read_again();
		assert_false(asked(&h));
		say_page(&h);
		expect_answer(xid);
		/* nor are others meanwhile */
		pass(wait_ms / 2);
		xid = read_start(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
		assert_false(asked(&h));
		say_page(&h);
		expect_answer(xid);
		pass(wait_ms / 2 + 250);
		wait_ms *= 2;
	}
	assert_int_equal(bed.e->stats.split_again, 5);
	end();
}

static void a_new_session_asks_plainly(void **state)
{
	struct amp_hdr h;
	u32 xid;

	begin(true, AMP_HELLO_SPLIT, 9000);
	xid = read_start(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
	assert_true(asked(&h));
	pb_play(pb, 0, 1000, 9000);
	assert_false(asked(&h));
	say_page(&h);
	expect_answer(xid);
	end();
}

static void the_switch_is_in_effect_at_once(void **state)
{
	struct eng_err err;
	struct amp_hdr h;

	begin(false, AMP_HELLO_SPLIT, 9000);
	read_start(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
	assert_false(asked(&h));
	say_page(&h);
	assert_int_equal(eng_vai_split(bed.e, "v", true, &err), 0);
	read_start(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
	assert_true(asked(&h));
	say_ack(&h, version);
	assert_int_equal(eng_vai_split(bed.e, "v", false, &err), 0);
	read_start(ANM_PAGE_SIZE, ANM_PAGE_SIZE);
	assert_false(asked(&h));
	assert_int_equal(eng_vai_split(bed.e, "w", true, &err), -ENOENT);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_the_head_is_what_the_engine_would_send),
		cmocka_unit_test(p1_p2_an_ack_ends_the_read_and_lets_the_next_write_go),
		cmocka_unit_test(nobody_is_asked_unless_all_is_right),
		cmocka_unit_test(p10_the_second_transmission_is_a_plain_question),
		cmocka_unit_test(p1_an_ack_of_another_version_is_none),
		cmocka_unit_test(p8_a_refusal_is_not_asked_for_twice),
		cmocka_unit_test(p10_only_the_first_server_is_asked),
		cmocka_unit_test(p10_a_client_that_servers_do_not_reach_is_answered),
		cmocka_unit_test(a_new_session_asks_plainly),
		cmocka_unit_test(the_switch_is_in_effect_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
