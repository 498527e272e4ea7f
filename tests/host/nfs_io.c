// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine over TCP as another NFS client sees it (libnfs). Every read is
 * compared with a model of the file in memory.
 *
 *   nfs_io test  HOST NFSPORT MOUNTPORT VAI SIZE    all tests
 *   nfs_io fill  HOST NFSPORT MOUNTPORT VAI SIZE    write a pattern over the whole file
 *   nfs_io swap  HOST NFSPORT MOUNTPORT VAI SIZE    the same, each page FILE_SYNC, as swapping does
 *   nfs_io load  HOST NFSPORT MOUNTPORT VAI SIZE    the same pattern, a mebibyte a call
 *   nfs_io check HOST NFSPORT MOUNTPORT VAI SIZE    read it back: every byte
 *   nfs_io scan  HOST NFSPORT MOUNTPORT VAI SIZE    the same, a mebibyte a call
 *   nfs_io lost  HOST NFSPORT MOUNTPORT VAI SIZE    the same, but pages may be lost, some must be:
 *                                                   then an I/O error, within a second, never
 *                                                   other bytes
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <nfsc/libnfs.h>
#include "report.h"

#define PAGE	   4096u
#define FILE_NAME  "/swapfile"
#define TIMEOUT_MS 20000
#define OPS	   3000
#define IO_MAX	   (1u << 20)
#define LANES	   32
#define LANE_OPS   40

static const char *host, *nfs_port, *mount_port, *vai;
static uint64_t size;
static uint64_t state;
static uint8_t *model;
static uint8_t *buf;
static struct nfs_context *nfs;
static struct nfsfh *fh;
static int open_flags = O_RDWR;

static struct nfs_context *mount_vai(const char *name, const char **why)
{
	struct nfs_context *ctx = nfs_init_context();
	struct nfs_url *url;
	char text[256];

	snprintf(text, sizeof(text),
		 "nfs://%s/%s?version=3&nfsport=%s&mountport=%s&uid=0&gid=0&auto-traverse-mounts=0",
		 host, name, nfs_port, mount_port);
	url = nfs_parse_url_dir(ctx, text);
	nfs_set_timeout(ctx, TIMEOUT_MS);
	nfs_set_autoreconnect(ctx, 0);
	*why = NULL;
	if (!url || nfs_mount(ctx, url->server, url->path))
		*why = FAIL("mount: %s", nfs_get_error(ctx));
	nfs_destroy_url(url);
	if (!*why)
		return ctx;
	nfs_destroy_context(ctx);
	return NULL;
}

static const char *open_all(void)
{
	const char *why;

	nfs = mount_vai(vai, &why);
	if (!nfs)
		return why;
	EXPECT(!nfs_open(nfs, FILE_NAME, open_flags, &fh), "open: %s", nfs_get_error(nfs));
	return NULL;
}

static const char *test_attributes(void)
{
	struct nfs_stat_64 st;

	EXPECT(!nfs_stat64(nfs, FILE_NAME, &st), "stat: %s", nfs_get_error(nfs));
	EXPECT(st.nfs_size == size, "size %llu", (unsigned long long)st.nfs_size);
	EXPECT(st.nfs_used >= size, "used %llu: swapon would see holes",
	       (unsigned long long)st.nfs_used);
	EXPECT((st.nfs_mode & 07777) == 0600 && S_ISREG(st.nfs_mode), "mode %o",
	       (unsigned)st.nfs_mode);
	EXPECT(st.nfs_uid == 0, "uid %u", (unsigned)st.nfs_uid);
	return NULL;
}

static const char *test_swap_header(void)
{
	uint32_t version, last;

	EXPECT(nfs_pread(nfs, fh, 0, PAGE, buf) == PAGE, "read: %s", nfs_get_error(nfs));
	EXPECT(!memcmp(buf + PAGE - 10, "SWAPSPACE2", 10), "no signature");
	memcpy(&version, buf + 1024, 4);
	memcpy(&last, buf + 1028, 4);
	EXPECT(version == 1, "version %u", version);
	EXPECT(last == size / PAGE - 1, "last page %u", last);
	memcpy(model, buf, PAGE);
	return NULL;
}

static const char *test_unwritten_is_zero(void)
{
	uint64_t off;
	size_t i;

	for (off = PAGE; off < size; off += IO_MAX) {
		size_t n = size - off < IO_MAX ? size - off : IO_MAX;

		EXPECT(nfs_pread(nfs, fh, off, n, buf) == (int)n, "read: %s", nfs_get_error(nfs));
		for (i = 0; i < n; i++)
			EXPECT(!buf[i], "byte %llu", (unsigned long long)(off + i));
	}
	return NULL;
}

/* Half of them whole pages, as swap asks; the rest anything. */
static void pick(uint64_t *off, size_t *n)
{
	uint64_t kind = rnd(&state) % 4;
	size_t max = kind == 3 ? IO_MAX : kind == 2 ? 3 * PAGE : 32 * PAGE;

	*n = 1 + rnd(&state) % max;
	*off = rnd(&state) % (size - 1);
	if (kind < 2) {
		*n = (*n + PAGE - 1) / PAGE * PAGE;
		*off = *off / PAGE * PAGE;
	}
	if (*off + *n > size)
		*n = size - *off;
}

static const char *verify_all(void)
{
	uint64_t off;

	for (off = 0; off < size; off += IO_MAX) {
		size_t n = size - off < IO_MAX ? size - off : IO_MAX;

		EXPECT(nfs_pread(nfs, fh, off, n, buf) == (int)n, "read: %s", nfs_get_error(nfs));
		EXPECT(!memcmp(buf, model + off, n), "bytes differ within 1 MiB of %llu",
		       (unsigned long long)off);
	}
	return NULL;
}

static const char *test_random_io(void)
{
	uint64_t off;
	size_t n;
	int i, rc;

	for (i = 0; i < OPS; i++) {
		pick(&off, &n);
		if (rnd(&state) % 2) {
			fill_random(model + off, n, &state);
			rc = nfs_pwrite(nfs, fh, off, n, model + off);
			EXPECT(rc == (int)n, "op %d: write of %zu at %llu: %d %s", i, n,
			       (unsigned long long)off, rc, nfs_get_error(nfs));
		} else {
			rc = nfs_pread(nfs, fh, off, n, buf);
			EXPECT(rc == (int)n, "op %d: read of %zu at %llu: %d %s", i, n,
			       (unsigned long long)off, rc, nfs_get_error(nfs));
			EXPECT(!memcmp(buf, model + off, n), "op %d: read of %zu at %llu differs",
			       i, n, (unsigned long long)off);
		}
	}
	return verify_all();
}

struct lane {
	uint64_t base;
	uint64_t off;
	size_t len;
	size_t n;
	int left;
	bool writing;
	const char *why;
};

static void lane_next(struct lane *l);

static void lane_done(int err, struct nfs_context *ctx, void *data, void *private_data)
{
	struct lane *l = private_data;

	(void)ctx;
	l->left--;
	if (err != (int)l->n)
		l->why = FAIL("%s: %d", l->writing ? "write" : "read", err);
	else if (!l->writing && memcmp(data, model + l->off, l->n))
		l->why = FAIL("read of %zu at %llu differs", l->n, (unsigned long long)l->off);
	else
		lane_next(l);
}

static void lane_next(struct lane *l)
{
	int rc;

	if (!l->left)
		return;
	l->writing = !l->writing;
	if (l->writing) { /* the read that follows is of the same bytes */
		l->n = 1 + rnd(&state) % (l->len / 2);
		l->off = l->base + rnd(&state) % (l->len - l->n);
		fill_random(model + l->off, l->n, &state);
		rc = nfs_pwrite_async(nfs, fh, l->off, l->n, model + l->off, lane_done, l);
	} else {
		rc = nfs_pread_async(nfs, fh, l->off, l->n, lane_done, l);
	}
	if (rc)
		l->why = FAIL("%s", nfs_get_error(nfs));
}

static bool lanes_busy(const struct lane *l, const char **why)
{
	bool busy = false;
	int i;

	for (i = 0; i < LANES; i++) {
		if (l[i].why)
			*why = l[i].why;
		busy |= l[i].left > 0;
	}
	return busy && !*why;
}

/* Many calls in flight on one connection; answers come in any order. */
static const char *test_parallel_io(void)
{
	static struct lane lanes[LANES];
	const char *why = NULL;
	struct pollfd p;
	int i;

	for (i = 0; i < LANES; i++) {
		lanes[i].len = size / LANES;
		lanes[i].base = i * (size / LANES);
		lanes[i].left = LANE_OPS;
		lane_next(&lanes[i]);
	}
	while (lanes_busy(lanes, &why)) {
		p.fd = nfs_get_fd(nfs);
		p.events = nfs_which_events(nfs);
		EXPECT(poll(&p, 1, TIMEOUT_MS) > 0, "no answer for %d ms", TIMEOUT_MS);
		EXPECT(nfs_service(nfs, p.revents) >= 0, "%s", nfs_get_error(nfs));
	}
	return why ? why : verify_all();
}

static const char *test_second_connection(void)
{
	struct nfs_context *other;
	struct nfsfh *ofh;
	const char *why;
	int i;

	other = mount_vai(vai, &why);
	if (!other)
		return why;
	EXPECT(!nfs_open(other, FILE_NAME, O_RDWR, &ofh), "open: %s", nfs_get_error(other));
	for (i = 0; i < 200; i++) {
		uint64_t off = rnd(&state) % (size - PAGE);

		fill_random(model + off, PAGE, &state);
		EXPECT(nfs_pwrite(nfs, fh, off, PAGE, model + off) == PAGE, "write");
		EXPECT(nfs_pread(other, ofh, off, PAGE, buf) == PAGE, "read");
		EXPECT(!memcmp(buf, model + off, PAGE), "the other connection reads old bytes");
	}
	nfs_close(other, ofh);
	nfs_destroy_context(other);
	return NULL;
}

static const char *test_ends(void)
{
	int rc = nfs_pread(nfs, fh, size - 100, 4096, buf);

	EXPECT(rc == 100, "read across the end: %d", rc);
	EXPECT(!memcmp(buf, model + size - 100, 100), "bytes before the end differ");
	rc = nfs_pread(nfs, fh, size, 4096, buf);
	EXPECT(rc == 0, "read at the end: %d", rc);
	rc = nfs_pread(nfs, fh, size + (1ull << 40), 4096, buf);
	EXPECT(rc == 0, "read far behind the end: %d", rc);
	rc = nfs_pwrite(nfs, fh, size, 4096, buf);
	EXPECT(rc < 0, "write at the end: %d", rc); /* which error: see rpc_udp.c */
	rc = nfs_pwrite(nfs, fh, size - 1, 2, buf);
	EXPECT(rc < 0, "write across the end: %d", rc);
	return verify_all();
}

static const char *test_sync_and_same_size(void)
{
	EXPECT(!nfs_fsync(nfs, fh), "fsync: %s", nfs_get_error(nfs));
	EXPECT(!nfs_ftruncate(nfs, fh, size), "truncate to the same size: %s", nfs_get_error(nfs));
	EXPECT(nfs_ftruncate(nfs, fh, size / 2) < 0, "truncate to half was accepted");
	EXPECT(!nfs_chmod(nfs, FILE_NAME, 0600), "chmod: %s", nfs_get_error(nfs));
	return verify_all();
}

static const char *test_readonly_directory(void)
{
	struct nfsfh *f;
	int rc;

	rc = nfs_mkdir(nfs, "/d");
	EXPECT(rc == -EROFS || rc == -ENOTSUP, "mkdir: %d", rc);
	rc = nfs_unlink(nfs, FILE_NAME);
	EXPECT(rc == -EROFS || rc == -ENOTSUP, "unlink: %d", rc);
	rc = nfs_rename(nfs, FILE_NAME, "/x");
	EXPECT(rc == -EROFS || rc == -ENOTSUP, "rename: %d", rc);
	rc = nfs_creat(nfs, "/new", 0600, &f);
	EXPECT(rc == -EROFS || rc == -ENOTSUP, "creat: %d", rc);
	return NULL;
}

static const char *test_directory(void)
{
	struct nfsdirent *d;
	struct nfsdir *dir;
	int files = 0;

	EXPECT(!nfs_opendir(nfs, "/", &dir), "opendir: %s", nfs_get_error(nfs));
	while ((d = nfs_readdir(nfs, dir)))
		if (strcmp(d->name, ".") && strcmp(d->name, "..")) {
			files++;
			EXPECT(!strcmp(d->name, FILE_NAME + 1), "there is a file %s", d->name);
		}
	nfs_closedir(nfs, dir);
	EXPECT(files == 1, "%d files", files);
	return NULL;
}

static const char *test_statvfs(void)
{
	struct nfs_statvfs_64 st;

	EXPECT(!nfs_statvfs64(nfs, "/", &st), "statvfs: %s", nfs_get_error(nfs));
	EXPECT(st.f_frsize * st.f_blocks >= size, "%llu bytes",
	       (unsigned long long)(st.f_frsize * st.f_blocks));
	return NULL;
}

static const char *test_unknown_vai(void)
{
	const char *why;
	struct nfs_context *ctx = mount_vai("no-such-vai", &why);

	EXPECT(!ctx, "mounted");
	return NULL;
}

static const struct test tests[] = {
	{"tcp_mount", open_all},
	{"tcp_attributes", test_attributes},
	{"tcp_swap_header", test_swap_header},
	{"tcp_unwritten_reads_as_zeros", test_unwritten_is_zero},
	{"p1_tcp_random_io_matches_model", test_random_io},
	{"p1_tcp_parallel_io_matches_model", test_parallel_io},
	{"p1_tcp_second_connection_reads_new_bytes", test_second_connection},
	{"tcp_reads_and_writes_at_the_end", test_ends},
	{"tcp_fsync_and_truncate_to_same_size", test_sync_and_same_size},
	{"tcp_directory_is_read_only", test_readonly_directory},
	{"tcp_directory_has_one_file", test_directory},
	{"tcp_statvfs", test_statvfs},
	{"tcp_unknown_vai_is_refused", test_unknown_vai},
};

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void pattern_at(uint8_t *p, uint64_t off)
{
	uint64_t s = (off + 1) * 0x9e3779b97f4a7c15ull;

	fill_random(p, PAGE, &s);
}

static void pattern(uint64_t off)
{
	pattern_at(model, off);
}

/* Writes or compares everything by large calls. */
static int bulk(bool write)
{
	uint64_t off, i, n;
	int rc;

	for (off = 0; off < size; off += n) {
		n = size - off < IO_MAX ? size - off : IO_MAX;
		for (i = 0; i < n; i += PAGE)
			pattern_at(model + i, off + i);
		rc = write ? nfs_pwrite(nfs, fh, off, n, model) : nfs_pread(nfs, fh, off, n, buf);
		if (rc != (int)n || (!write && memcmp(buf, model, n))) {
			fprintf(stderr, "within 1 MiB of %llu: %s\n", (unsigned long long)off,
				rc < 0 ? nfs_get_error(nfs) : "other bytes");
			return 1;
		}
	}
	return 0;
}

static int fill(void)
{
	uint64_t off;

	for (off = 0; off < size; off += PAGE) {
		pattern(off);
		if (nfs_pwrite(nfs, fh, off, PAGE, model) != PAGE) {
			fprintf(stderr, "write at %llu: %s\n", (unsigned long long)off,
				nfs_get_error(nfs));
			return 1;
		}
	}
	return 0;
}

static int check(bool may_lose)
{
	unsigned long long lost = 0, bad = 0, slow = 0;
	uint64_t off;
	double t;
	int rc;

	for (off = 0; off < size; off += PAGE) {
		pattern(off);
		t = seconds();
		rc = nfs_pread(nfs, fh, off, PAGE, buf);
		if (rc < 0) { /* libnfs does not tell which; rpc_udp.c does */
			lost++;
			slow += seconds() - t > 1;
		} else {
			bad += rc != PAGE || memcmp(buf, model, PAGE);
		}
	}
	printf("# %llu pages lost, %llu of them told slowly, %llu wrong\n", lost, slow, bad);
	return bad || slow || (may_lose ? !lost : lost);
}

int main(int argc, char **argv)
{
	const char *why;

	if (argc != 7) {
		fprintf(stderr, "usage: nfs_io test|fill|swap|load|check|scan|lost HOST NFSPORT "
				"MOUNTPORT VAI SIZE\n");
		return 2;
	}
	host = argv[2];
	nfs_port = argv[3];
	mount_port = argv[4];
	vai = argv[5];
	size = strtoull(argv[6], NULL, 0);
	state = seed_from_env();
	/* the bulk modes compare piece by piece */
	model = calloc(1, strcmp(argv[1], "test") ? IO_MAX : size);
	buf = malloc(IO_MAX + PAGE);
	if (!model || !buf)
		return 2;
	if (!strcmp(argv[1], "test"))
		return run_tests(tests, sizeof(tests) / sizeof(*tests));
	if (!strcmp(argv[1], "swap"))
		open_flags |= O_SYNC;
	why = open_all();
	if (why) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	if (!strcmp(argv[1], "load") || !strcmp(argv[1], "scan"))
		return bulk(!strcmp(argv[1], "load"));
	if (!strcmp(argv[1], "fill") || !strcmp(argv[1], "swap"))
		return fill();
	return check(!strcmp(argv[1], "lost"));
}
