// SPDX-License-Identifier: GPL-2.0-only
/* Membership: who is let in, who is refused and why, who is taken for dead. */
#include "page_bed.h"

static u16 refused(struct pb *b, u32 node)
{
	struct amp_hdr h = pb_hear(b, node, AMP_REFUSE, NULL);

	assert_int_equal(h.seq, b->node[node].seq);
	return h.code;
}

static void hello_raw(struct pb *b, u32 node, struct amp_hello *m, u8 protocol)
{
	struct amp_hdr h = pb_hdr(b, node, AMP_HELLO);
	u8 buf[AMP_HELLO_LEN];

	if (!m->channels)
		m->channels = 4;
	if (!m->server_uuid[0])
		memset(m->server_uuid, 0xa0 + (int)node, sizeof(m->server_uuid));
	amp_hello_encode(buf, m);
	h.protocol = protocol;
	h.session = 0;
	h.seq = ++b->node[node].seq;
	h.part_len = AMP_HELLO_LEN;
	pb_say(b, node, &h, buf,
	       m->mtu > AMP_UDP_OVERHEAD && m->mtu <= AMP_MTU_MAX ? m->mtu - AMP_UDP_OVERHEAD : 0);
}

static u32 events(struct pb *b, u8 type)
{
	struct eng_event ev;
	u32 n = 0;

	while (eng_event_next(b->e, &ev))
		n += ev.type == type;
	return n;
}

static void heartbeat(struct pb *b, u32 node, u64 donation, u64 used)
{
	struct amp_usage u = {.donation = donation, .used = used};
	struct amp_hdr h = pb_hdr(b, node, AMP_HEARTBEAT);
	u8 buf[AMP_USAGE_LEN];

	amp_usage_encode(buf, &u);
	h.seq = 99;
	h.part_len = AMP_USAGE_LEN;
	pb_say(b, node, &h, buf, 0);
}

static void a_server_joins(void **state)
{
	struct amp_hello m = {.boot = 1, .donation = 500, .used = 3, .mtu = 4000, .channels = 7};
	struct pb *b = pb_new(1);
	struct eng_server_info s;
	struct amp_welcome w;
	struct amp_hdr h;
	u8 page[AMP_MTU_MAX];

	memcpy(m.name, "hal\n\x1b[2J9000\x80", 13);
	hello_raw(b, 0, &m, AMP_VERSION);
	pb_run(b, 1);
	assert_int_equal(b->inbox_len, 2);
	assert_int_equal(b->inbox[0]->len, 4000 - AMP_UDP_OVERHEAD); /* proves the way back */
	assert_int_equal(pb_inbox(b, 0, AMP_INVENTORY), 1);	     /* it said that it has pages */
	h = pb_hear(b, 0, AMP_WELCOME, page);
	assert_int_equal(amp_welcome_decode(page, AMP_WELCOME_LEN, &w), 0);
	assert_int_equal(h.session, w.session);
	assert_true(w.session);
	assert_int_equal(w.mtu, 4000);
	assert_int_equal(w.channels, 7);
	assert_int_equal(w.heartbeat_ms, ENG_HEARTBEAT_MS);
	assert_int_equal(w.dead_ms, ENG_DEAD_MS);
	assert_int_equal(w.engine_uuid[5], 0xee);
	s = pb_info(b, 0);
	assert_string_equal(s.name, "hal??[2J9000?");
	assert_int_equal(s.state, ENG_SERVER_LIVE);
	assert_int_equal(s.donation, 500);
	assert_int_equal(s.used, 3);
	assert_int_equal(s.port, 5000);
	assert_int_equal(eng_pool_donated(b->e), 500);
	assert_int_equal(events(b, ENG_EV_SERVER_JOIN), 1);
	pb_free(b);
}

static void absurd_hellos_are_refused_with_the_reason(void **state)
{
	struct pb *b = pb_new(1);
	struct amp_hello good = {.boot = 1, .donation = 10, .mtu = 1500}, m;
	struct amp_hdr h;

	m = good;
	m.donation = 0;
	hello_raw(b, 0, &m, AMP_VERSION);
	assert_int_equal(refused(b, 0), AMP_E_DONATION);
	m = good;
	m.donation = AMP_DONATION_PAGES_MAX + 1;
	hello_raw(b, 0, &m, AMP_VERSION);
	assert_int_equal(refused(b, 0), AMP_E_DONATION);
	m = good;
	m.mtu = AMP_MTU_MIN - 1;
	hello_raw(b, 0, &m, AMP_VERSION);
	assert_int_equal(refused(b, 0), AMP_E_INVAL);
	m = good;
	m.pool_uuid[3] = 1;
	hello_raw(b, 0, &m, AMP_VERSION);
	assert_int_equal(refused(b, 0), AMP_E_POOL);
	m = good;
	hello_raw(b, 0, &m, AMP_VERSION + 1);
	h = pb_hear(b, 0, AMP_REFUSE, NULL);
	assert_int_equal(h.code, AMP_E_VERSION);
	assert_int_equal(h.page_version, AMP_VERSION);
	assert_int_equal(h.protocol, AMP_VERSION);
	assert_int_equal(b->e->stats.amp_refused, 5);
	assert_int_equal(eng_servers_count(b->e, false), 0);
	/* Not padded: no proof, no answer to amplify. */
	m = good;
	m.mtu = 9000;
	h = pb_hdr(b, 0, AMP_HELLO);
	h.part_len = AMP_HELLO_LEN;
	{
		u8 buf[AMP_HELLO_LEN];

		memset(m.server_uuid, 1, 16);
		m.channels = 1;
		amp_hello_encode(buf, &m);
		pb_say(b, 0, &h, buf, 1452);
	}
	pb_run(b, 1);
	assert_int_equal(b->inbox_len, 0);
	assert_int_equal(b->e->stats.amp_malformed, 1);
	m = good;
	memset(m.pool_uuid, 0xee, 16);
	hello_raw(b, 0, &m, AMP_VERSION);
	pb_hear(b, 0, AMP_WELCOME, NULL);
	pb_free(b);
}

static void p3_a_repeated_hello_gets_the_same_session(void **state)
{
	struct pb *b = pb_new(1);
	u32 session, seq;

	pb_play(b, 0, 100, 1500);
	session = b->node[0].session;
	seq = b->node[0].seq;
	b->node[0].seq = seq - 1;
	pb_say_hello(b, 0, 100, 1500);
	assert_int_equal(pb_hear(b, 0, AMP_WELCOME, NULL).session, session);
	/* A new one gets a new session; then the old one is late. */
	pb_say_hello(b, 0, 100, 1500);
	assert_int_not_equal(pb_hear(b, 0, AMP_WELCOME, NULL).session, session);
	b->node[0].seq = seq - 1;
	pb_say_hello(b, 0, 100, 1500);
	pb_run(b, 1);
	assert_int_equal(pb_inbox(b, 0, AMP_WELCOME), 0);
	assert_int_equal(b->e->stats.amp_late, 1);
	assert_int_equal(eng_servers_count(b->e, false), 1);
	pb_free(b);
}

static void p3_a_hello_of_a_former_life_is_late(void **state)
{
	struct pb *b = pb_new(1);
	struct pb_io *p;

	pb_play(b, 0, 100, 1500);
	b->node[0].boot++;
	pb_say_hello(b, 0, 100, 1500); /* as long as the other one was just heard */
	pb_run(b, 100);
	assert_int_equal(pb_inbox(b, 0, AMP_WELCOME), 0);
	pb_silence(b, 0);
	pb_play(b, 0, 100, 1500);
	p = pb_write(b, 0, 1, 0, ANM_PAGE_SIZE, 1);
	pb_ack(b, 0, AMP_PAGE_OUT);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	b->node[0].boot--;
	pb_say_hello(b, 0, 100, 1500);
	pb_run(b, 100);
	assert_int_equal(pb_inbox(b, 0, AMP_WELCOME), 0);
	assert_int_equal(pb_info(b, 0).mapped, 1);
	pb_say_hello(b, 0, 100, 1500);
	pb_run(b, 100);
	assert_int_equal(pb_info(b, 0).mapped, 1);
	assert_int_equal(b->e->stats.amp_late, 3);
	pb_free(b);
}

/* A late HELLO that came in a silence made the living memory the former one. */
static void p9_a_server_gets_in_after_a_late_hello_of_its_own(void **state)
{
	struct pb *b = pb_new(1);

	b->node[0].boot = 7;
	pb_play(b, 0, 100, 1500);
	pb_silence(b, 0);
	b->node[0].boot = 3;
	pb_play(b, 0, 100, 1500);
	pb_run(b, 6000); /* nobody has said that HELLO in this life, so nobody speaks */
	assert_int_equal(pb_info(b, 0).state, ENG_SERVER_DEAD);
	b->node[0].boot = 7;
	pb_say_hello(b, 0, 100, 1500);
	pb_run(b, 100);
	assert_int_equal(pb_info(b, 0).state, ENG_SERVER_LIVE);
	pb_free(b);
}

static void one_identity_at_one_address(void **state)
{
	struct amp_hello m = {.boot = 9, .donation = 10, .mtu = 1500};
	struct pb *b = pb_new(1);

	pb_play(b, 0, 100, 1500);
	memset(m.server_uuid, 0xa0, 16);
	hello_raw(b, 1, &m, AMP_VERSION);
	assert_int_equal(refused(b, 1), AMP_E_IDENTITY);
	assert_int_equal(pb_info(b, 0).donation, 100);
	/* Once the first is dead the other may. */
	pb_run(b, 6000);
	hello_raw(b, 1, &m, AMP_VERSION);
	pb_hear(b, 1, AMP_WELCOME, NULL);
	pb_free(b);
}

/* A clone on the same machine is not taken for a reboot, whatever its timing. */
static void one_identity_at_one_port(void **state)
{
	struct amp_hello m = {.boot = 9, .donation = 10, .mtu = 1500};
	struct pb *b = pb_new(1);
	u32 i, n = 0;

	pb_play(b, 0, 100, 1500);
	b->node[1].peer.addr = b->node[0].peer.addr;
	b->node[1].peer.port = b->node[0].peer.port + 1;
	memset(m.server_uuid, 0xa0, 16);
	for (i = 0; i < 20; i++) {
		heartbeat(b, 0, 100, 0);
		if (i == 10) /* messages to it are not answered, but it is there */
			eng_server_suspect(b->e, b->e->servers->slot[0]);
		pb_run(b, 1500);
		hello_raw(b, 1, &m, AMP_VERSION);
		pb_run(b, 10);
		assert_int_equal(pb_inbox(b, 1, AMP_WELCOME), 0);
		assert_int_equal(pb_inbox(b, 1, AMP_REFUSE), i ? 1 : 0);
		if (i)
			n += refused(b, 1) == AMP_E_IDENTITY;
		assert_int_equal(pb_info(b, 0).donation, 100);
	}
	assert_int_equal(n, 19);
	/* One that did start anew is silent at the old port, and is not told that it is a copy. */
	for (i = 0; i < 2; i++) {
		pb_run(b, 1200);
		hello_raw(b, 1, &m, AMP_VERSION);
		pb_run(b, 10);
		assert_int_equal(pb_inbox(b, 1, AMP_REFUSE), 0);
		assert_int_equal(pb_inbox(b, 1, AMP_WELCOME), 0);
	}
	pb_run(b, 300);
	hello_raw(b, 1, &m, AMP_VERSION);
	pb_hear(b, 1, AMP_WELCOME, NULL);
	assert_int_equal(pb_info(b, 0).donation, 10);
	pb_free(b);
}

/* The same life may be seen at another port: what forgets a mapping is on the way. */
static void a_server_may_change_its_port(void **state)
{
	struct pb *b = pb_new(1);

	b->node[0].boot = 7;
	pb_play(b, 0, 100, 1500);
	b->node[0].peer.port++;
	pb_say_hello(b, 0, 100, 1500);
	pb_run(b, 10);
	pb_hear(b, 0, AMP_WELCOME, NULL);
	assert_int_equal(pb_info(b, 0).port, b->node[0].peer.port);
	pb_free(b);
}

static void silence_is_suspect_then_dead(void **state)
{
	struct pb *b = pb_new(1);

	pb_play(b, 0, 100, 1500);
	pb_run(b, 2400);
	assert_int_equal(pb_info(b, 0).state, ENG_SERVER_LIVE);
	pb_run(b, 200);
	assert_int_equal(pb_info(b, 0).state, ENG_SERVER_SUSPECT);
	heartbeat(b, 0, 100, 0);
	assert_int_equal(pb_info(b, 0).state, ENG_SERVER_LIVE);
	pb_hear(b, 0, AMP_HEARTBEAT_ACK, NULL);
	pb_run(b, 5100);
	assert_int_equal(pb_info(b, 0).state, ENG_SERVER_DEAD);
	assert_int_equal(eng_pool_donated(b->e), 0);
	assert_int_equal(eng_servers_count(b->e, true), 0);
	assert_int_equal(eng_servers_count(b->e, false), 1);
	/* What it says in the dead session is answered with: say HELLO. */
	heartbeat(b, 0, 100, 0);
	assert_int_equal(pb_hear(b, 0, AMP_REFUSE, NULL).code, AMP_E_SESSION);
	pb_play(b, 0, 100, 1500);
	assert_int_equal(pb_info(b, 0).state, ENG_SERVER_LIVE);
	pb_free(b);
}

static void goodbye_is_acknowledged_and_final(void **state)
{
	struct pb *b = pb_new(1);
	struct amp_hdr h;

	pb_play(b, 0, 100, 1500);
	h = pb_hdr(b, 0, AMP_GOODBYE);
	pb_say(b, 0, &h, NULL, 0);
	pb_hear(b, 0, AMP_GOODBYE_ACK, NULL);
	assert_int_equal(pb_info(b, 0).state, ENG_SERVER_LEFT);
	assert_int_equal(events(b, ENG_EV_SERVER_LEAVE), 1);
	pb_say(b, 0, &h, NULL, 0); /* our answer was lost */
	pb_hear(b, 0, AMP_GOODBYE_ACK, NULL);
	assert_int_equal(events(b, ENG_EV_SERVER_LEAVE), 0);
	heartbeat(b, 0, 100, 0);
	assert_int_equal(pb_info(b, 0).state, ENG_SERVER_LEFT);
	pb_free(b);
}

static void p5_only_the_server_itself_is_heard(void **state)
{
	struct pb *b = pb_new(1);
	struct pb_io *p;
	struct amp_hdr h;

	pb_play(b, 0, 100, 1500);
	p = pb_write(b, 0, 1, 0, ANM_PAGE_SIZE, 1);
	h = pb_hear(b, 0, AMP_PAGE_OUT, NULL);
	h = pb_answer_to(h, AMP_ACK);
	pb_say(b, 1, &h, NULL, 0); /* from elsewhere */
	h.session ^= 0x10000;
	pb_say(b, 0, &h, NULL, 0); /* of no session */
	assert_int_equal(b->e->stats.amp_unknown, 2);
	assert_false(p->done);
	h.session ^= 0x10000;
	/* From another port: the server was moved behind its address; heard, and learned. */
	b->node[0].peer.port = 7777;
	pb_say(b, 0, &h, NULL, 0);
	assert_true(p->done);
	assert_int_equal(pb_info(b, 0).port, 7777);
	assert_int_equal(pb_wait(b, p, NULL), 0);
	pb_free(b);
}

static void p4_a_donation_does_not_shrink_under_its_use(void **state)
{
	struct pb *b = pb_new(1);
	struct pb_io *p;
	u32 i;

	pb_play(b, 0, 100, 1500);
	for (i = 0; i < 20; i++) {
		p = pb_write(b, 0, i, 0, ANM_PAGE_SIZE, 1);
		pb_ack(b, 0, AMP_PAGE_OUT);
		assert_int_equal(pb_wait(b, p, NULL), 0);
	}
	pb_say_hello(b, 0, 19, 1500);
	assert_int_equal(refused(b, 0), AMP_E_DONATION);
	assert_int_equal(pb_info(b, 0).donation, 100);
	heartbeat(b, 0, 19, 20);
	assert_int_equal(pb_info(b, 0).donation, 100);
	heartbeat(b, 0, 50, 45);
	assert_int_equal(pb_info(b, 0).donation, 50);
	/* 25 of its pages are not ours: room for 5. */
	for (i = 20; i < 25; i++) {
		p = pb_write(b, 0, i, 0, ANM_PAGE_SIZE, 1);
		pb_ack(b, 0, AMP_PAGE_OUT);
		assert_int_equal(pb_wait(b, p, NULL), 0);
	}
	assert_int_equal(pb_wait(b, pb_write(b, 0, 25, 0, ANM_PAGE_SIZE, 1), NULL), -ENOSPC);
	pb_free(b);
}

/* 1024 strangers and one more; the dead with nothing of ours make room. */
static void p7_the_table_of_servers_is_bounded(void **state)
{
	struct amp_hello m = {.boot = 1, .donation = 10, .mtu = 1280};
	struct pb *b = pb_new(1);
	u32 i;

	for (i = 0; i <= ENG_SERVERS_MAX; i++) {
		memset(m.server_uuid, 0x77, 16);
		memcpy(m.server_uuid, &i, 4);
		m.server_uuid[0] |= 1;
		m.server_uuid[5] = (u8)i;
		hello_raw(b, 0, &m, AMP_VERSION);
		if (i % 500 == 499)
			pb_run(b, 1);
	}
	pb_run(b, 1);
	assert_int_equal(pb_inbox(b, 0, AMP_REFUSE), 1);
	pb_inbox_clear(b);
	assert_int_equal(eng_servers_count(b->e, true), ENG_SERVERS_MAX);
	b->now += PB_MS(6000);
	pb_run(b, 100);
	assert_int_equal(eng_servers_count(b->e, true), 0);
	pb_play(b, 1, 100, 1500);
	assert_int_equal(pb_info(b, 1).state, ENG_SERVER_LIVE);
	pb_free(b);
}

static void what_an_engine_says_is_not_heard_by_one(void **state)
{
	static const u8 types[] = {AMP_WELCOME,	 AMP_REFUSE,  AMP_HEARTBEAT_ACK, AMP_GOODBYE_ACK,
				   AMP_PAGE_OUT, AMP_PAGE_IN, AMP_DISCARD,	 AMP_DISCARD_VAI};
	struct pb *b = pb_new(1);
	u32 i;

	pb_play(b, 0, 100, 1500);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		struct amp_hdr h = pb_hdr(b, 0, types[i]);

		pb_say(b, 0, &h, NULL, 0);
	}
	pb_run(b, 1);
	assert_int_equal(b->inbox_len, 0);
	assert_int_equal(b->e->stats.amp_malformed, ARRAY_SIZE(types));
	pb_free(b);
}

static void mutated_free(struct pb_io *p)
{
	free(p);
}

/* Something for the answers to hit. */
static void mutated_io(struct pb *b, u32 i)
{
	u32 page_no = pb_rand(b, 4);
	struct pb_io *p =
		i & 16 ? pb_read(b, 0, page_no) : pb_write(b, 0, page_no, 0, ANM_PAGE_SIZE, i);

	if (p->done)
		free(p);
	else
		p->then = mutated_free;
}

/* Every datagram of a conversation, with bits flipped or cut short: promise 6. */
static void p6_mutated_datagrams_do_no_harm(void **state)
{
	struct pb *b = pb_new(77);
	u8 buf[AMP_HDR_LEN + AMP_HELLO_LEN + 4096];
	u32 i;

	pb_play(b, 0, 100, 1500);
	for (i = 0; i < 50000; i++) {
		struct amp_hdr h = pb_hdr(b, 0, (u8)(1 + pb_rand(b, AMP_TYPE_MAX)));
		struct anm_rec rec = {.head = buf};
		u32 n;

		memset(buf, (int)pb_rand(b, 256), sizeof(buf));
		h.channel = (u16)(pb_rand(b, 2) ? pb_rand(b, 5) : pb_rand(b, 65536));
		h.seq = pb_rand(b, 3);
		h.code = (u16)pb_rand(b, AMP_CODE_MAX + 2);
		h.part = (u8)pb_rand(b, 3);
		h.nparts = (u8)pb_rand(b, 5);
		h.part_off = (u16)pb_rand(b, 4200);
		h.part_len = (u16)pb_rand(b, 3) ? (u16)pb_rand(b, 4200) : AMP_HELLO_LEN;
		h.page_version = pb_rand(b, 100);
		amp_hdr_encode(buf, &h);
		rec.len = pb_rand(b, sizeof(buf) + 1);
		rec.head_len = rec.len;
		n = pb_rand(b, 4);
		while (n--)
			if (rec.len)
				buf[pb_rand(b, rec.len)] ^= (u8)(1u << pb_rand(b, 8));
		eng_amp_in(b->e, &b->node[pb_rand(b, 2)].peer, &rec, b->now);
		if (!(i % 16) && b->vai[0].in_flight < 20)
			mutated_io(b, i);
		if (!(i % 200)) {
			pb_run(b, 1);
			pb_inbox_clear(b);
		}
	}
	pb_inbox_clear(b);
	assert_int_equal(b->e->stats.amp_in, 50001);
	pb_free(b);
}

static void events_are_a_bounded_ring(void **state)
{
	struct pb *b = pb_new(1);
	struct eng_event ev;
	u32 i;

	for (i = 0; i < ENG_EVENTS_MAX + 10; i++)
		eng_event(b->e, ENG_EV_VAI_ADDED, "x", i);
	for (i = 10; i < ENG_EVENTS_MAX + 10; i++) {
		assert_true(eng_event_next(b->e, &ev));
		assert_int_equal(ev.value, i);
	}
	assert_false(eng_event_next(b->e, &ev));
	pb_free(b);
}

static void status_keeps_the_secret(void **state)
{
	static const u8 zero[16];
	struct pb *b = pb_new(1);
	struct eng_status st;

	memset(b->e->cfg.secret, 9, 16);
	pb_play(b, 0, 100, 1500);
	eng_get_status(b->e, &st, b->now);
	assert_memory_equal(st.cfg.secret, zero, 16);
	assert_int_equal(st.servers_live, 1);
	assert_int_equal(st.donated_pages, 100);
	assert_true(st.map_bytes > 0);
	pb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_joins),
		cmocka_unit_test(absurd_hellos_are_refused_with_the_reason),
		cmocka_unit_test(p3_a_repeated_hello_gets_the_same_session),
		cmocka_unit_test(p3_a_hello_of_a_former_life_is_late),
		cmocka_unit_test(p9_a_server_gets_in_after_a_late_hello_of_its_own),
		cmocka_unit_test(one_identity_at_one_address),
		cmocka_unit_test(one_identity_at_one_port),
		cmocka_unit_test(a_server_may_change_its_port),
		cmocka_unit_test(silence_is_suspect_then_dead),
		cmocka_unit_test(goodbye_is_acknowledged_and_final),
		cmocka_unit_test(p5_only_the_server_itself_is_heard),
		cmocka_unit_test(p4_a_donation_does_not_shrink_under_its_use),
		cmocka_unit_test(p7_the_table_of_servers_is_bounded),
		cmocka_unit_test(what_an_engine_says_is_not_heard_by_one),
		cmocka_unit_test(p6_mutated_datagrams_do_no_harm),
		cmocka_unit_test(events_are_a_bounded_ring),
		cmocka_unit_test(status_keeps_the_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
