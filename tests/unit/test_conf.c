// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file that keeps an engine's configuration: what is written is what is read, what is
 * wrong is named with its line, and a half written file is never seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../engine/ctl/conf.h"
#include "fuzz.h"

/* engctl is not linked to unit tests; these two files need nothing else of it. */
#include "../../engine/ctl/conf.c"
#undef UP
#include "../../engine/ctl/conf_file.c"

static const char good[] =
	"{\n"
	"  \"version\": 1,\n"
	"  \"engine\": {\n"
	"    \"uuid\": \"11111111-2222-3333-4444-555555555555\",\n"
	"    \"secret\": \"66666666-7777-8888-9999-aaaaaaaaaaaa\",\n"
	"    \"epoch\": 7\n"
	"  },\n"
	"  \"vais\": [\n"
	"    {\n"
	"      \"name\": \"a\",\n"
	"      \"uuid\": \"aaaaaaaa-0000-4000-8000-000000000001\",\n"
	"      \"size\": 1048576,\n"
	"      \"client\": \"10.0.0.1\"\n"
	"    },\n"
	"    {\n"
	"      \"name\": \"b\",\n"
	"      \"uuid\": \"bbbbbbbb-0000-4000-8000-000000000001\",\n"
	"      \"size\": 1048576,\n"
	"      \"client\": \"fe80::1\"\n"
	"    }\n"
	"  ],\n"
	"  \"servers\": [\n"
	"    {\"uuid\": \"cccccccc-0000-4000-8000-000000000001\", \"name\": \"m\",\n"
	"     \"boot\": \"ff00000000000001\"}\n"
	"  ]\n"
	"}\n";

static void reads_what_people_write(void **state)
{
	struct conf_err err;
	struct conf c;

	(void)state;
	assert_int_equal(conf_parse("f", good, &c, &err), 0);
	assert_int_equal(c.up.cfg.epoch, 7);
	assert_int_equal(c.up.nfs_port, ENG_NFS_PORT); /* defaults where nothing is said */
	assert_true(c.up.tcp);
	assert_int_equal(c.nvais, 2);
	assert_string_equal(c.vais[1].name, "b");
	assert_int_equal(c.vais[1].client.b[0], 0xfe);
	assert_int_equal(c.vais[0].class, ENG_CLASS_NORMAL);
	assert_int_equal(c.vais[0].compress, ENG_COMPRESS_AUTO);
	assert_int_equal(c.vais[0].same_filled, ENG_SAME_FILLED_ON);
	assert_int_equal(c.nservers, 1);
	assert_true(c.servers[0].boot == 0xff00000000000001ull);
	conf_free(&c);
}

static void writes_what_it_reads(void **state)
{
	struct conf_err err;
	struct conf c, again;
	char *text, *text2;

	(void)state;
	assert_int_equal(conf_parse("f", good, &c, &err), 0);
	c.up.tcp = false;
	c.up.cfg.insecure = true;
	c.up.cfg.heartbeat_ms = 20;
	c.up.cfg.dead_ms = 40;
	c.up.cfg.recover_ms = 5000;
	c.up.cfg.cache_pages = 4096;
	c.up.door = ENG_DOOR_XDP;
	strcpy(c.up.interface, "eth0");
	c.vais[0].class = ENG_CLASS_CRITICAL;
	c.vais[0].holes = true;
	c.vais[0].compress = ENG_COMPRESS_OFF;
	c.vais[0].same_filled = ENG_SAME_FILLED_OFF;
	c.vais[1].compress = ENG_COMPRESS_ON;
	c.vais[1].no_cache = true;
	c.vais[1].writeback = true;
	c.vais[1].unflushed = true;
	c.vais[0].readahead = true;
	c.vais[0].discarded_below = 5ull << 32;
	c.servers[0].drain = true;
	c.servers[0].gone = true;
	c.servers[0].stale_below = 6ull << 32;
	text = conf_text(&c);
	assert_int_equal(conf_parse("f", text, &again, &err), 0);
	assert_memory_equal(&c.up, &again.up, sizeof(c.up));
	assert_memory_equal(c.vais, again.vais, 2 * sizeof(*c.vais));
	assert_memory_equal(c.servers, again.servers, sizeof(*c.servers));
	assert_true(again.servers[0].drain);
	text2 = conf_text(&again);
	assert_string_equal(text, text2);
	free(text);
	free(text2);
	conf_free(&c);
	conf_free(&again);
}

/* @from is replaced by @to in the good text. */
static void refused(const char *from, const char *to, unsigned int line, const char *why)
{
	char text[4096], want[32];
	const char *at = strstr(good, from);
	struct conf_err err = {""};
	struct conf c;

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	assert_int_equal(conf_parse("file", text, &c, &err), -EINVAL);
	snprintf(want, sizeof(want), "file:%u: ", line);
	if (strncmp(err.msg, want, strlen(want)) || !strstr(err.msg, why))
		fail_msg("\"%s\" -> \"%s\": said: %s", from, to, err.msg);
	assert_null(c.vais);
	assert_int_equal(c.nvais, 0);
}

static void p6_errors_have_a_line_and_a_reason(void **state)
{
	(void)state;
	refused("\"version\": 1,", "\"version\": 1", 3, "expected");
	refused("\"version\": 1", "\"version\": 2", 2, "version");
	refused("\"version\": 1,", "\"version\": 1, \"vias\": [],", 1, "vias");
	refused("\"engine\"", "\"motor\"", 1, "motor");
	refused("\"epoch\": 7", "\"epoch\": -7", 6, "engine.epoch");
	refused("\"epoch\": 7", "\"epoch\": 65535", 6, "too large");
	refused("\"epoch\": 7", "\"epoch\": \"7\"", 6, "not a number");
	refused("\"epoch\": 7", "\"epoch\": 99999999999999999999", 6, "big");
	refused("\"epoch\": 7", "\"epoch\": 7, \"epoch\": 8", 6, "duplicate");
	refused("\"epoch\": 7", "\"epoch\": 7, \"nfs_port\": 65536", 6, "too large");
	refused("\"epoch\": 7", "\"epoch\": 7,\n\"amp_port\": 2049", 7, "port of its own");
	refused("\"epoch\": 7", "\"epoch\": 7, \"tcp\": 1", 6, "neither true nor false");
	refused("\"epoch\": 7", "\"epoch\": 7, \"listen\": \"here\"", 6, "address");
	refused("\"epoch\": 7", "\"epoch\": 7, \"dead_ms\": 1500", 6, "twice");
	refused("\"epoch\": 7", "\"epoch\": 7, \"recover_ms\": 1", 6, "less than");
	refused("\"secret\": \"6666", "\"secret\": \"x666", 5, "32 hex digits");
	refused("\"secret\"", "\"sekret\"", 5, "no such key");
	refused("    \"epoch\": 7\n", "    \"listen\": \"any\"\n", 3, "\"epoch\" is missing");
	refused("\"name\": \"a\"", "\"name\": \"a/b\"", 10, "only letters");
	refused("\"name\": \"a\"", "\"name\": \"\"", 10, "only letters");
	refused("\"name\": \"b\"", "\"name\": \"a\"", 16, "twice");
	refused("bbbbbbbb-0000", "aaaaaaaa-1000", 17, "begins like that of \"a\"");
	refused("bbbbbbbb", "00000000", 17, "zeros");
	refused("\"size\": 1048576,\n      \"client\": \"fe",
		"\"size\": 1048577,\n \"client\": \"fe", 18, "multiple");
	refused("\"size\": 1048576,\n      \"client\": \"fe", "\"size\": 4096,\n \"client\": \"fe",
		18, "from 40960 up");
	refused("\"fe80::1\"", "\"any\"", 19, "one machine");
	refused("\"fe80::1\"", "17", 19, "not a string");
	refused("\"client\": \"10", "\"class\": \"gold\", \"client\": \"10", 13, "critical");
	refused("\"client\": \"10", "\"compress\": \"yes\", \"client\": \"10", 13, "none of auto");
	refused("\"client\": \"10", "\"same_filled\": \"auto\", \"client\": \"10", 13,
		"neither on");
	refused("\"boot\": \"ff", "\"boot\": \"gg", 24, "hex digits");
	refused("{\"uuid\": \"cccc", "7, {\"uuid\": \"cccc", 23, "not an object");
	refused("cccccccc-0000-4000-8000-000000000001", "00000000-0000-0000-0000-000000000000", 23,
		"zeros");
	refused("\"vais\": [", "\"vais\": 7, \"x\": [", 1, "no such key");
}

static void p6_garbage_breaks_nothing(void **state)
{
	u64 seed = 1;
	char text[sizeof(good)];
	struct conf_err err;
	struct conf c;
	u32 i, j, n;

	(void)state;
	for (i = 0; i < 20000; i++) {
		memcpy(text, good, sizeof(good));
		n = 1 + fuzz_below(&seed, 4);
		for (j = 0; j < n; j++) {
			u32 at = fuzz_below(&seed, sizeof(good) - 1);

			if (fuzz_below(&seed, 20) == 0)
				text[at] = '\0';
			else
				text[at] = " {}[]\",:0123456789abcx\\\n-"[fuzz_below(&seed, 25)];
		}
		if (!conf_parse("f", text, &c, &err))
			conf_free(&c);
		conf_line(text, "vais[1].size");
		conf_line(text, "engine.epoch");
	}
}

static void limits(void **state)
{
	struct conf_err err;
	struct conf c = {0};
	struct conf back;
	char *text;
	u32 i;

	(void)state;
	eng_ctl_up_defaults(&c.up);
	memset(c.up.cfg.engine_uuid, 1, 16);
	memset(c.up.cfg.secret, 2, 16);
	c.nvais = ENG_VAIS_MAX;
	c.nservers = ENG_SERVERS_MAX;
	c.vais = calloc(c.nvais + 1, sizeof(*c.vais));
	c.servers = calloc(c.nservers, sizeof(*c.servers));
	for (i = 0; i <= ENG_VAIS_MAX; i++) {
		snprintf(c.vais[i].name, sizeof(c.vais[i].name), "%060u", i);
		put_unaligned_be32(i + 1, c.vais[i].uuid);
		c.vais[i].size = ENG_VAI_SIZE_MAX;
		c.vais[i].client.b[0] = 0xfe;
	}
	for (i = 0; i < ENG_SERVERS_MAX; i++) {
		put_unaligned_be32(i + 1, c.servers[i].uuid);
		memset(c.servers[i].name, 'n', ANM_CTL_NAME_MAX);
		c.servers[i].boot = U64_MAX;
		c.servers[i].stale_below = U64_MAX;
	}
	text = conf_text(&c);
	assert_true(strlen(text) < CONF_SIZE_MAX / 4);
	assert_int_equal(conf_parse("f", text, &back, &err), 0);
	assert_int_equal(back.nvais, ENG_VAIS_MAX);
	conf_free(&back);
	free(text);
	c.nvais++;
	text = conf_text(&c);
	assert_int_equal(conf_parse("f", text, &back, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "more than 1024"));
	free(text);
	conf_free(&c);
}

static void a_file_is_whole_and_private(void **state)
{
	char dir[] = "/tmp/anemone-conf.XXXXXX", path[64], sub[80];
	struct conf_err err;
	struct conf c, back;
	struct stat st, st2;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a/b.json", dir);
	assert_int_equal(conf_read(path, &back, &err), -ENOENT);
	assert_int_equal(conf_parse("f", good, &c, &err), 0);
	assert_int_equal(conf_write(path, &c, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(conf_write(path, &c, &err), 0);
	assert_int_equal(stat(path, &st2), 0);
	assert_int_equal(st.st_ino, st2.st_ino); /* the same: not written again */
	c.up.cfg.epoch++;
	assert_int_equal(conf_write(path, &c, &err), 0);
	assert_int_equal(stat(path, &st2), 0);
	assert_int_not_equal(st.st_ino, st2.st_ino);
	assert_int_equal(conf_read(path, &back, &err), 0);
	assert_int_equal(back.up.cfg.epoch, 8);
	conf_free(&back);
	fd = conf_lock(path, &err);
	assert_true(fd >= 0);
	close(fd);
	/* where a directory is, nothing is written, and nothing is left behind */
	snprintf(sub, sizeof(sub), "%s/a", dir);
	assert_true(conf_write(sub, &c, &err) < 0);
	assert_non_null(strstr(err.msg, sub));
	conf_free(&c);
	unlink(path);
	assert_int_equal(rmdir(sub), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_people_write),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(p6_errors_have_a_line_and_a_reason),
		cmocka_unit_test(p6_garbage_breaks_nothing),
		cmocka_unit_test(limits),
		cmocka_unit_test(a_file_is_whole_and_private),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
