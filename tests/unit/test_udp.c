// SPDX-License-Identifier: GPL-2.0-only
/* Datagrams out in batches: what comes out of the other sockets is what went in, one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/time.h>
#include <unistd.h>
#include "../../proto/addr_user.h"
#include "../../proto/udp_user.h"

#define PEERS	2
#define MSGS	70 /* some more than a batch has room for */
#define LEN_MAX 9000
#define SOCKBUF (8 << 20)

static int from, to[PEERS];
static struct anm_peer peers[PEERS];
static struct udp_batch batch;

static int loopback(struct anm_peer *peer)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval tv = {.tv_sec = 20};
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	int buf = SOCKBUF, fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buf, sizeof(buf));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	if (peer)
		addr_from_sockaddr(&ss, &peer->addr, &peer->port);
	return fd;
}

static int set_up(void **state)
{
	int i;

	from = loopback(NULL);
	for (i = 0; i < PEERS; i++)
		to[i] = loopback(&peers[i]);
	batch.seg_max = U16_MAX;
	return 0;
}

static int tear_down(void **state)
{
	int i;

	close(from);
	for (i = 0; i < PEERS; i++)
		close(to[i]);
	return 0;
}

/* Message @n: its number in all of its words, half of it in a page when it is long. */
static struct anm_out *message(int peer, u32 n, u32 len)
{
	struct anm_out *out = anm_out_alloc(LEN_MAX, 1);
	struct anm_page *page = anm_page_alloc();
	u32 in_page = len > 200 ? min_t(u32, len / 2, ANM_PAGE_SIZE) : 0;

	assert_true(out && page);
	out->to = peers[peer];
	out->head_len = len - in_page;
	out->len = out->head_len;
	memset(out->head, (int)n, out->head_len);
	memset(anm_page_data(page), (int)n, ANM_PAGE_SIZE);
	if (in_page)
		anm_out_add_page(out, page, 0, (u16)in_page);
	anm_page_put(page);
	return out;
}

static void comes_in(int peer, u32 n, u32 len)
{
	static u8 buf[LEN_MAX + 1];
	ssize_t got = recv(to[peer], buf, sizeof(buf), 0);
	u32 i;

	assert_int_equal(got, len);
	for (i = 0; i < len; i++)
		assert_int_equal(buf[i], (u8)n);
}

/* Sends @n messages, several batches if need be. Return: how often less than all went together. */
static u32 send_all(struct anm_out **outs, u32 n)
{
	u32 done = 0, refused = 0, i;
	bool again;
	int rc;

	while (done < n) {
		udp_batch_begin(&batch);
		for (i = done; i < n && udp_batch_add(&batch, outs[i], AF_INET, 0, NULL, 0); i++)
			;
		assert_true(i > done);
		rc = udp_batch_send(&batch, from, &again);
		refused += again;
		if (again || rc == -EAGAIN || rc == -ENOBUFS)
			continue;
		assert_true(rc > 0);
		done += rc;
	}
	return refused;
}

static u32 exchange(const u32 *len, const int *peer, u32 n)
{
	struct anm_out *outs[MSGS];
	u32 i, refused;

	for (i = 0; i < n; i++)
		outs[i] = message(peer[i], i, len[i]);
	refused = send_all(outs, n);
	for (i = 0; i < n; i++) {
		comes_in(peer[i], i, len[i]);
		anm_out_free(outs[i]);
	}
	return refused;
}

static void one_length_goes_together(void **state)
{
	u32 len[MSGS], i;
	int peer[MSGS] = {0};

	for (i = 0; i < MSGS; i++)
		len[i] = 1000;
	assert_int_equal(exchange(len, peer, MSGS), 0);
	/* What the last batch held went as fewer messages than it was. */
	assert_true(batch.nmsgs < batch.niovs / 2);
}

static void a_shorter_one_ends_it(void **state)
{
	static const u32 len[] = {1400, 1400, 300, 300, 1400, 8000, 8000, 8000, 8001, 1, 1, 1};
	int peer[ARRAY_SIZE(len)] = {0};

	assert_int_equal(exchange(len, peer, ARRAY_SIZE(len)), 0);
	/* 1400 1400 300 | 300 | 1400 | 8000 8000 8000 | 8001 1 | 1 1 */
	assert_int_equal(batch.nmsgs, 6);
}

static void peers_are_kept_apart(void **state)
{
	u32 len[MSGS], i;
	int peer[MSGS];

	for (i = 0; i < MSGS; i++) {
		len[i] = i % 7 ? 500 : 100 + i;
		peer[i] = i % 3 == 0;
	}
	assert_int_equal(exchange(len, peer, MSGS), 0);
}

/* Where checksums are not made the system does not take several as one: it is told once. */
static void refused_together_they_go_alone(void **state)
{
	u32 len[MSGS], i;
	int peer[MSGS] = {0}, one = 1;

	for (i = 0; i < MSGS; i++)
		len[i] = 700;
	assert_int_equal(setsockopt(from, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)), 0);
	assert_int_equal(exchange(len, peer, MSGS), 1);
	assert_int_equal(batch.seg_max, 699);
	assert_int_equal(exchange(len, peer, MSGS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_length_goes_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_shorter_one_ends_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(peers_are_kept_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refused_together_they_go_alone, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}
