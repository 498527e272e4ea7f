// SPDX-License-Identifier: GPL-2.0-only
/*
 * HELLO, WELCOME, heartbeats, GOODBYE: how a memory server joins, stays and leaves.
 */
#include "mem_bed.h"
#include "../../memserver/core/control.h"

static void hello_is_padded_and_backs_off(void **state)
{
	struct mem_bed *b = mb_new(1500);

	mb_await_hello(b);
	assert_int_equal(b->got_len, 1500 - AMP_UDP_OVERHEAD);
	assert_int_equal(b->got.session, 0);
	assert_int_equal(mb_status(b).state, MEM_JOINING);
	/* 250 + 500 + 1000 + 2000 + 4000 + 4000: the sixth begins at 7750 ms */
	assert_int_equal(mb_pass(b, 7700, AMP_HELLO), 4);
	assert_int_equal(mb_pass(b, 100, AMP_HELLO), 1);
	assert_int_equal(mb_pass(b, 40000, AMP_HELLO), 10);
	mb_free(b);
}

static void hello_falls_back_to_1500(void **state)
{
	static const u16 sizes[] = {9000, 9000, 9000, 1500, 9000, 1500, 9000, 1500};
	struct mem_bed *b = mb_new(9000);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		mb_await_hello(b);
		assert_int_equal(b->got_len, sizes[i] - AMP_UDP_OVERHEAD);
	}
	/* the session is at the size that got through */
	b->mtu = 9000;
	mb_send_welcome(b, &b->engine, b->got.seq, &(struct amp_welcome){.mtu = 9000});
	assert_int_equal(mb_status(b).state, MEM_JOINING);
	b->mtu = 1500;
	mb_await_hello(b);
	mb_await_hello(b);
	assert_int_equal(b->got_len, 1500 - AMP_UDP_OVERHEAD);
	mb_join(b);
	assert_int_equal(mb_status(b).mtu, 1500);
	mb_store_page(b, 1, 1, 1);
	mb_expect_page(b, 1, 1, 1);
	mb_free(b);
}

static void p5_welcome_only_from_the_engine(void **state)
{
	struct mem_bed *b = mb_new(1500);
	struct anm_peer stranger = b->engine;
	struct amp_welcome w;

	mb_await_hello(b);
	w = mb_welcome_of(b);
	stranger.addr.b[15]++;
	mb_send_welcome(b, &stranger, b->got.seq, &w);
	stranger = b->engine;
	stranger.port++;
	mb_send_welcome(b, &stranger, b->got.seq, &w);
	assert_int_equal(mb_status(b).stats.unknown, 2);
	assert_int_equal(mb_status(b).state, MEM_JOINING);
	/* right address, wrong number: late, or guessed */
	mb_send_welcome(b, &b->engine, b->got.seq + 1, &w);
	assert_int_equal(mb_status(b).stats.late, 1);
	assert_int_equal(mb_status(b).state, MEM_JOINING);
	mb_send_welcome(b, &b->engine, b->got.seq, &w);
	assert_int_equal(mb_status(b).state, MEM_JOINED);
	/* and only once */
	w.session++;
	mb_send_welcome(b, &b->engine, b->got.seq, &w);
	assert_int_equal(mb_status(b).session, b->session);
	mb_free(b);
}

static void p6_absurd_welcome_is_refused(void **state)
{
	struct mem_bed *b = mb_new(1500);
	struct amp_welcome good, w;
	u32 i;

	mb_await_hello(b);
	good = mb_welcome_of(b);
	for (i = 0; i < 9; i++) {
		w = good;
		switch (i) {
		case 0:
			w.session = 0;
			break;
		case 1:
			w.mtu = 1501;
			break;
		case 2:
			w.mtu = AMP_MTU_MIN - 1;
			break;
		case 3:
			w.channels = 0;
			break;
		case 4:
			w.channels = CHANNELS + 1;
			break;
		case 5:
			w.heartbeat_ms = 0;
			break;
		case 6:
			w.dead_ms = w.heartbeat_ms;
			break;
		case 7:
			w.dead_ms = U32_MAX;
			break;
		case 8:
			memset(w.engine_uuid, 0, sizeof(w.engine_uuid));
			break;
		}
		mb_send_welcome(b, &b->engine, b->got.seq, &w);
		assert_int_equal(mb_status(b).stats.malformed, i + 1);
		assert_int_equal(mb_status(b).state, MEM_JOINING);
	}
	mb_send_welcome(b, &b->engine, b->got.seq, &good);
	assert_int_equal(mb_status(b).state, MEM_JOINED);
	mb_free(b);
}

static void refusal_is_kept_and_asked_again_slowly(void **state)
{
	struct mem_bed *b = mb_new(9000);
	struct amp_hdr h;

	mb_await_hello(b);
	h = mb_control(b, AMP_REFUSE, b->got.seq);
	h.code = AMP_E_IDENTITY;
	mb_send_hdr(b, &h);
	assert_int_equal(mb_status(b).state, MEM_REFUSED);
	assert_int_equal(mb_status(b).refuse_code, AMP_E_IDENTITY);
	assert_int_equal(mb_pass(b, MEM_HELLO_MAX_MS - 1, AMP_HELLO), 0);
	mb_join(b);
	assert_int_equal(mb_status(b).refuse_code, AMP_OK);
	mb_free(b);
}

static void p6_other_protocol_version_is_refused(void **state)
{
	struct mem_bed *b = mb_new(1500);
	struct amp_hdr h;

	mb_await_hello(b);
	h = mb_control(b, AMP_WELCOME, b->got.seq);
	h.protocol = AMP_VERSION + 1;
	mb_send_hdr(b, &h);
	assert_int_equal(mb_status(b).stats.version, 1);
	assert_int_equal(mb_status(b).state, MEM_JOINING);
	h.type = AMP_REFUSE;
	h.code = AMP_E_VERSION;
	mb_send_hdr(b, &h);
	assert_int_equal(mb_status(b).state, MEM_REFUSED);
	assert_int_equal(mb_status(b).refuse_code, AMP_E_VERSION);
	mb_free(b);
}

static void heartbeats_tell_what_is_used(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	struct amp_hdr h;
	u32 i;

	mb_store_page(b, 1, 1, 1);
	for (i = 0; i < 20; i++) {
		assert_int_equal(mb_pass(b, HEARTBEAT, AMP_HEARTBEAT), 1);
		h = mb_control(b, AMP_HEARTBEAT_ACK, b->got.seq);
		mb_send_hdr(b, &h);
	}
	assert_int_equal(mb_status(b).state, MEM_JOINED);
	assert_int_equal(mb_status(b).used, 1);
	mb_free(b);
}

static void p9_silence_ends_the_session_and_keeps_the_pages(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	u64 session = b->session;

	mb_store_page(b, 1, 5, 1);
	mb_pass(b, DEAD - 10, AMP_HEARTBEAT);
	assert_int_equal(mb_status(b).state, MEM_JOINED);
	assert_int_equal(mb_pass(b, 200, AMP_HELLO), 1);
	assert_int_equal(mb_status(b).state, MEM_JOINING);
	mb_join(b);
	assert_true(b->session > session);
	mb_expect_page(b, 1, 5, 1);
	mb_free(b);
}

/* The answer to the next heartbeat says how far a drain is. */
static void sign(struct mem_bed *b, u16 code)
{
	struct amp_hdr h;

	assert_int_equal(mb_pass(b, HEARTBEAT, AMP_HEARTBEAT), 1);
	h = mb_control(b, AMP_HEARTBEAT_ACK, b->got.seq);
	h.code = code;
	mb_send_hdr(b, &h);
}

static void may_end(struct mem_bed *b, bool may)
{
	struct mem_err err;

	assert_int_equal(mem_ctl_down_check(b->m, b->now, false, &err), may ? 0 : -EBUSY);
	assert_int_equal(mem_ctl_down_check(b->m, b->now, true, &err), 0);
	assert_int_equal(mem_needed(b->m), !may);
}

static void p9_pages_are_needed_until_they_are_elsewhere(void **state)
{
	struct mem_bed *b = mb_joined(1500);

	may_end(b, true);
	mb_store_page(b, 1, 5, 1);
	may_end(b, false);
	mb_pass(b, 2 * DEAD, AMP_HELLO);
	assert_int_equal(mb_status(b).state, MEM_JOINING);
	may_end(b, false); /* the engine will be back */
	mb_join(b);
	sign(b, AMP_E_MORE);
	may_end(b, false);
	sign(b, AMP_E_DRAINED);
	assert_int_equal(mb_status(b).used, 1);
	may_end(b, true);
	mb_store_page(b, 2, 6, 1); /* the drain was cancelled meanwhile */
	may_end(b, false);
	sign(b, AMP_E_DRAINED);
	mb_pass(b, 2 * DEAD, AMP_HELLO);
	may_end(b, false); /* and of that nothing is known any more */
	mem_leave(b->m, b->now);
	may_end(b, true);
	mb_free(b);
}

static void p9_unknown_session_means_hello(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	struct amp_hdr h;

	mb_store_page(b, 1, 5, 1);
	assert_int_equal(mb_pass(b, HEARTBEAT, AMP_HEARTBEAT), 1);
	h = mb_control(b, AMP_REFUSE, b->got.seq - 1);
	h.code = AMP_E_SESSION;
	mb_send_hdr(b, &h);
	assert_int_equal(mb_status(b).state, MEM_JOINED);
	h.seq++;
	h.session = 0;
	mb_send_hdr(b, &h);
	assert_int_equal(mb_status(b).state, MEM_JOINING);
	mb_join(b);
	mb_expect_page(b, 1, 5, 1);
	mb_free(b);
}

static void p3_old_session_is_not_heard(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	struct amp_hdr h;
	u8 page[ANM_PAGE_SIZE];

	mb_store_page(b, 1, 5, 1);
	mb_fill(page, 2);
	h = mb_message(b, AMP_PAGE_OUT, 0, 1, 6);
	h.page_crc = mb_page_crc(page);
	mem_set_mtu(b->m, 9000, b->now);
	b->mtu = 1500;
	mb_send_parts(b, h, page);
	b->mtu = 9000;
	mb_join(b);
	b->mtu = 1500;
	mb_send_parts(b, h, page);
	b->mtu = 9000;
	assert_int_equal(mb_status(b).stats.unknown, 6);
	mb_expect_silence(b);
	mb_expect_page(b, 1, 5, 1);
	mb_free(b);
}

static void another_engine_empties_the_store_first(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	struct amp_welcome w;
	u32 i;

	for (i = 0; i < DONATION; i++)
		mb_store_page(b, i, 5, i);
	mb_pass(b, DEAD + 500, AMP_HELLO);
	memset(b->uuid, 0xe2, sizeof(b->uuid));
	mb_await_hello(b);
	w = mb_welcome_of(b);
	mb_send_welcome(b, &b->engine, b->got.seq, &w);
	assert_int_equal(mb_status(b).state, MEM_JOINING);
	mb_join(b);
	assert_int_equal(mb_status(b).used, 0);
	assert_int_equal(mb_status(b).stats.purged, DONATION);
	mb_expect_absent(b, 1);
	for (i = 0; i < DONATION; i++)
		mb_store_page(b, i, 1, i + 1);
	mb_expect_page(b, 1, 1, 2);
	mb_free(b);
}

static void p9_restarted_engine_finds_the_pages(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	struct amp_welcome w;

	mb_store_page(b, 1, 5, 1);
	mb_pass(b, DEAD + 500, AMP_HELLO);
	mb_await_hello(b);
	w = mb_welcome_of(b);
	w.epoch++;
	mb_send_welcome(b, &b->engine, b->got.seq, &w);
	assert_int_equal(mb_status(b).epoch, 8);
	memset(b->seq, 0, sizeof(b->seq));
	mb_expect_page(b, 1, 5, 1);
	mb_free(b);
}

static void engine_of_another_pool_is_refused(void **state)
{
	struct mem_bed *b = mb_new(1500);
	struct mem_config cfg = mb_config(1500);
	struct amp_welcome w;

	mem_destroy(b->m);
	memset(cfg.pool_uuid, 0x77, sizeof(cfg.pool_uuid));
	b->m = mem_create(&cfg, b->now);
	mb_await_hello(b);
	w = mb_welcome_of(b);
	mb_send_welcome(b, &b->engine, b->got.seq, &w);
	mb_expect(b, AMP_GOODBYE, AMP_E_POOL);
	assert_int_equal(mb_status(b).state, MEM_REFUSED);
	assert_int_equal(mb_status(b).refuse_code, AMP_E_POOL);
	assert_int_equal(mb_status(b).session, 0);
	memset(b->uuid, 0x77, sizeof(b->uuid));
	mb_join(b);
	mb_free(b);
}

static void goodbye_is_acknowledged_or_times_out(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	struct amp_hdr h;

	mem_leave(b->m, b->now);
	mb_expect(b, AMP_GOODBYE, AMP_OK);
	assert_int_equal(mb_status(b).state, MEM_JOINED);
	h = mb_control(b, AMP_GOODBYE_ACK, b->got.seq);
	mb_send_hdr(b, &h);
	assert_int_equal(mb_status(b).state, MEM_LEFT);
	assert_int_equal(mb_pass(b, 20000, AMP_HELLO), 0);
	mb_free(b);

	b = mb_joined(1500);
	mem_leave(b->m, b->now);
	assert_int_equal(mb_pass(b, 2000, AMP_GOODBYE), MEM_GOODBYE_TRIES);
	assert_int_equal(mb_status(b).state, MEM_LEFT);
	mb_free(b);

	b = mb_new(1500);
	mem_leave(b->m, b->now);
	assert_int_equal(mb_status(b).state, MEM_LEFT);
	mb_free(b);
}

static void engine_that_leaves_is_asked_again(void **state)
{
	struct mem_bed *b = mb_joined(1500);
	struct amp_hdr h = mb_control(b, AMP_GOODBYE, 99);

	mb_store_page(b, 1, 5, 1);
	mb_send_hdr(b, &h);
	mb_expect(b, AMP_GOODBYE_ACK, AMP_OK);
	assert_int_equal(b->got.seq, 99);
	assert_int_equal(mb_status(b).state, MEM_JOINING);
	mb_join(b);
	mb_expect_page(b, 1, 5, 1);
	mb_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_is_padded_and_backs_off),
		cmocka_unit_test(hello_falls_back_to_1500),
		cmocka_unit_test(p5_welcome_only_from_the_engine),
		cmocka_unit_test(p6_absurd_welcome_is_refused),
		cmocka_unit_test(refusal_is_kept_and_asked_again_slowly),
		cmocka_unit_test(p6_other_protocol_version_is_refused),
		cmocka_unit_test(heartbeats_tell_what_is_used),
		cmocka_unit_test(p9_silence_ends_the_session_and_keeps_the_pages),
		cmocka_unit_test(p9_pages_are_needed_until_they_are_elsewhere),
		cmocka_unit_test(p9_unknown_session_means_hello),
		cmocka_unit_test(p3_old_session_is_not_heard),
		cmocka_unit_test(another_engine_empties_the_store_first),
		cmocka_unit_test(p9_restarted_engine_finds_the_pages),
		cmocka_unit_test(engine_of_another_pool_is_refused),
		cmocka_unit_test(goodbye_is_acknowledged_or_times_out),
		cmocka_unit_test(engine_that_leaves_is_asked_again),
	};

	return cmocka_run_group_tests_name("memsession", tests, NULL, NULL);
}
