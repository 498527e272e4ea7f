// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a donation holds of a program's memory: every private page of a process that is
 * resident is given the form that the engine would give it, and put into a donation cut up as a
 * memory server's is. Both are the very code that they run. Other codecs get the same pages,
 * and so many bytes as the engine's: what they would hold, and what their time is.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "../engine/core/form.h"
#include "../memserver/core/slots.h"

#define PRESENT	  (1ull << 63)
#define FRAME_LEN 1368 /* of a form that crosses an MTU of 1500 in one frame */
#define PAGES_MAX (1ull << 18)

/** struct report - what became of the pages. */
struct report {
	uint64_t pages, filled, raw, packed, packed_bytes, one_frame;
};

/**
 * struct codec - one of those compared, and what became of the pages that are not same-filled.
 * @level:   of zstd; 0 is LZ4 as the engine calls it
 * @slots:   the donation that it fills
 * @pack_ns, @unpack_ns: CPU time, of packs that came to something for the latter
 */
struct codec {
	const char *name;
	int level;
	struct slots slots;
	ZSTD_CCtx *cctx;
	uint64_t packed, bytes, one_frame, pack_ns, unpack_ns;
};

static struct codec codecs[] = {
	{.name = "lz4"},
	{.name = "zstd -1", .level = -1},
	{.name = "zstd 1", .level = 1},
	{.name = "zstd 3", .level = 3},
};
static ZSTD_DCtx *dctx;

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint32_t codec_pack(struct codec *c, void *dst, const void *page)
{
	static uint64_t work[(ANM_LZ4_WORK + 7) / 8];
	size_t n;

	if (!c->level)
		return anm_lz4_pack(dst, AMP_LZ4_LEN_MAX, page, work);
	n = ZSTD_compressCCtx(c->cctx, dst, AMP_LZ4_LEN_MAX, page, ANM_PAGE_SIZE, c->level);
	return ZSTD_isError(n) ? 0 : (uint32_t)n;
}

static bool codec_unpack(const struct codec *c, void *page, const void *src, uint32_t len)
{
	if (!c->level)
		return anm_lz4_unpack(page, src, len);
	return ZSTD_decompressDCtx(dctx, page, ANM_PAGE_SIZE, src, len) == ANM_PAGE_SIZE;
}

static bool codec_take(struct codec *c, const void *bytes)
{
	u8 packed[AMP_LZ4_LEN_MAX], again[ANM_PAGE_SIZE];
	void *buf = slots_buffer(&c->slots);
	uint64_t began = cpu_ns();
	uint32_t len = codec_pack(c, packed, bytes);
	bool good;

	c->pack_ns += cpu_ns() - began;
	if (len) {
		began = cpu_ns();
		good = codec_unpack(c, again, packed, len);
		c->unpack_ns += cpu_ns() - began;
		if (!good || memcmp(again, bytes, ANM_PAGE_SIZE))
			return false;
		c->packed++;
		c->bytes += len;
		c->one_frame += len <= FRAME_LEN;
	}
	if (!buf)
		return false;
	memcpy(buf, len ? packed : bytes, len ?: ANM_PAGE_SIZE);
	if (!slots_put(&c->slots, &buf, len ?: ANM_PAGE_SIZE))
		return false;
	if (buf)
		slots_buffer_free(&c->slots, buf);
	return true;
}

static bool codecs_take(const void *bytes)
{
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (!codec_take(&codecs[i], bytes))
			return false;
	return true;
}

static bool codecs_init(void)
{
	dctx = ZSTD_createDCtx();
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		codecs[i].cctx = ZSTD_createCCtx();
		if (!dctx || !codecs[i].cctx || slots_init(&codecs[i].slots, PAGES_MAX, 1))
			return false;
	}
	return true;
}

static void codecs_report(const char *name, const struct report *r)
{
	double tried = (double)(r->pages - r->filled);

	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		const struct codec *c = &codecs[i];
		size_t work = c->level ? ZSTD_sizeof_CCtx(c->cctx) : (size_t)ANM_LZ4_WORK;

		printf("%-10s %-8s packed %5.1f %% to %4.0f bytes  one frame %5.1f %%  pages/GiB "
		       "%8.0f  "
		       "pack %5.0f ns  unpack %5.0f ns  work %4zu KiB\n",
		       name, c->name, 100.0 * (double)c->packed / (double)r->pages,
		       c->packed ? (double)c->bytes / (double)c->packed : 0.0,
		       100.0 * (double)(c->one_frame + r->filled) / (double)r->pages,
		       262144.0 * (double)r->pages / (double)max(c->slots.used, (u64)1),
		       tried ? (double)c->pack_ns / tried : 0.0,
		       c->packed ? (double)c->unpack_ns / (double)c->packed : 0.0, work >> 10);
	}
}

static struct engine *engine_make(void)
{
	struct eng_config cfg = {.epoch = 1, .engine_uuid = {1}, .secret = {1}};

	return eng_create(&cfg, 0);
}

/* Chunks are taken as they are needed: a donation of one page for each is enough. */
static bool take(struct engine *e, struct eng_vai *vai, struct slots *s, struct report *r,
		 const void *bytes)
{
	struct eng_pageio *io = eng_pageio_alloc(e);
	struct pg_op *op = io ? op_of(io) : NULL;
	void *buf = op ? slots_buffer(s) : NULL;

	if (!buf)
		return false;
	io->vai = vai;
	io->page = anm_page_alloc();
	if (!io->page)
		return false;
	memcpy(anm_page_data(io->page), bytes, ANM_PAGE_SIZE);
	op_form(e, op);
	r->pages++;
	r->filled += op->form == AMP_FORM_FILL;
	r->raw += op->form == AMP_FORM_RAW;
	r->packed += op->form == AMP_FORM_LZ4;
	r->packed_bytes += op->form == AMP_FORM_LZ4 ? op->form_len : 0;
	r->one_frame += op->form_len <= FRAME_LEN;
	memcpy(buf, anm_page_data(op_form_page(op)), op->form_len);
	if (op->form != AMP_FORM_FILL && !slots_put(s, &buf, op->form_len))
		return false;
	if (buf)
		slots_buffer_free(s, buf);
	if (op->form != AMP_FORM_FILL && !codecs_take(bytes))
		return false;
	if (op->packed)
		anm_page_put(op->packed);
	eng_pageio_free(e, io);
	return true;
}

static bool is_present(int pagemap, uint64_t addr)
{
	uint64_t entry;

	return pread(pagemap, &entry, sizeof(entry), (off_t)(addr / ANM_PAGE_SIZE * 8)) ==
		       sizeof(entry) &&
	       entry & PRESENT;
}

static bool walk(int pid, struct engine *e, struct eng_vai *vai, struct slots *s, struct report *r)
{
	char name[64], line[512], perms[8];
	uint64_t from, to, addr;
	u8 page[ANM_PAGE_SIZE];
	int mem, pagemap;
	FILE *maps;

	snprintf(name, sizeof(name), "/proc/%d/mem", pid);
	mem = open(name, O_RDONLY | O_CLOEXEC);
	snprintf(name, sizeof(name), "/proc/%d/pagemap", pid);
	pagemap = open(name, O_RDONLY | O_CLOEXEC);
	snprintf(name, sizeof(name), "/proc/%d/maps", pid);
	maps = fopen(name, "re");
	if (mem < 0 || pagemap < 0 || !maps)
		return false;
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, perms) != 3 ||
		    perms[1] != 'w' || perms[3] != 'p')
			continue;
		for (addr = from; addr < to && r->pages < PAGES_MAX; addr += ANM_PAGE_SIZE) {
			if (!is_present(pagemap, addr) ||
			    pread(mem, page, sizeof(page), (off_t)addr) != sizeof(page))
				continue;
			if (!take(e, vai, s, r, page))
				return false;
		}
	}
	fclose(maps);
	close(pagemap);
	close(mem);
	return true;
}

int main(int argc, char **argv)
{
	struct eng_vai vai = {.compress = ENG_COMPRESS_ON};
	struct report r = {0};
	struct engine *e = engine_make();
	struct slots s;

	if (argc != 3) {
		fputs("usage: pack-report NAME PID\n", stderr);
		return 2;
	}
	if (!e || slots_init(&s, PAGES_MAX, 1) || !codecs_init()) {
		fputs("pack-report: no memory\n", stderr);
		return 1;
	}
	if (!walk(atoi(argv[2]), e, &vai, &s, &r) || !r.pages) {
		fprintf(stderr, "pack-report: the memory of %s cannot be read\n", argv[2]);
		return 1;
	}
	printf("%-10s %8" PRIu64 " pages  same-filled %5.1f %%  packed %5.1f %% to %4.0f bytes  "
	       "as they are %5.1f %%  one frame %5.1f %%  pages/GiB %8.0f\n",
	       argv[1], r.pages, 100.0 * r.filled / r.pages, 100.0 * r.packed / r.pages,
	       r.packed ? (double)r.packed_bytes / r.packed : 0.0, 100.0 * r.raw / r.pages,
	       100.0 * r.one_frame / r.pages, 262144.0 * r.pages / max(s.used, (u64)1));
	codecs_report(argv[1], &r);
	return 0;
}
