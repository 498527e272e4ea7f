// SPDX-License-Identifier: GPL-2.0-only
/*
 * memcached (text protocol) and redis (RESP): a page is a value, its number the key. Both answer in
 * the order of the requests.
 */
#include "load.h"

#define KEY	"p%010llx"
#define KEY_LEN 11
#define CRLF	"\r\n"

static u32 put(u8 *buf, const char *format, u64 page)
{
	return sprintf((char *)buf, format, page);
}

/* Adds the page, and what ends it. Return: bytes. */
static u32 put_page(u8 *buf, u64 page)
{
	load_page_fill(buf, page);
	memcpy(buf + ANM_PAGE_SIZE, CRLF, 2);
	return ANM_PAGE_SIZE + 2;
}

/* Return: @len when @buf begins with @text, 0 when it may yet, -1 when it does not. */
static int begins(const u8 *buf, u32 len, const char *text)
{
	u32 n = strlen(text);

	if (memcmp(buf, text, min(len, n)))
		return -1;
	return len < n ? 0 : (int)n;
}

/* A value: what stands before it, the page, what stands behind it. */
static int value(const u8 *buf, u32 len, const char *before, const char *after,
		 struct load_answer *a)
{
	int head = begins(buf, len, before), tail;

	if (head <= 0)
		return head;
	if (len < head + ANM_PAGE_SIZE)
		return 0;
	tail = begins(buf + head + ANM_PAGE_SIZE, len - head - ANM_PAGE_SIZE, after);
	if (tail <= 0)
		return tail;
	a->data = buf + head;
	return head + ANM_PAGE_SIZE + tail;
}

static u32 memcached_request(struct load *l, u32 tag, u64 page, u8 *buf)
{
	u32 n;

	(void)tag;
	if (!l->fill)
		return put(buf, "get " KEY CRLF, page);
	n = put(buf, "set " KEY " 0 0 4096" CRLF, page);
	return n + put_page(buf + n, page);
}

static int memcached_answer(struct load *l, const u8 *buf, u32 len, struct load_answer *a)
{
	static const char word[] = "VALUE ";
	int rc, key = sizeof(word) - 1 + KEY_LEN;

	if (l->fill)
		return begins(buf, len, "STORED" CRLF);
	rc = begins(buf, len, word);
	if (rc <= 0)
		return rc;
	if (len < (u32)key)
		return 0;
	/* The key is not looked at: the page's bytes say which it is. */
	rc = value(buf + key, len - key, " 0 4096" CRLF, CRLF "END" CRLF, a);
	return rc > 0 ? key + rc : rc;
}

static u32 redis_request(struct load *l, u32 tag, u64 page, u8 *buf)
{
	u32 n;

	(void)tag;
	if (!l->fill)
		return put(buf, "*2" CRLF "$3" CRLF "GET" CRLF "$11" CRLF KEY CRLF, page);
	n = put(buf, "*3" CRLF "$3" CRLF "SET" CRLF "$11" CRLF KEY CRLF "$4096" CRLF, page);
	return n + put_page(buf + n, page);
}

static int redis_answer(struct load *l, const u8 *buf, u32 len, struct load_answer *a)
{
	if (l->fill)
		return begins(buf, len, "+OK" CRLF);
	return value(buf, len, "$4096" CRLF, CRLF, a);
}

const struct load_proto load_memcached = {
	.name = "memcached",
	.stream = true,
	.ordered = true,
	.request = memcached_request,
	.answer = memcached_answer,
};

const struct load_proto load_redis = {
	.name = "redis",
	.stream = true,
	.ordered = true,
	.request = redis_request,
	.answer = redis_answer,
};
