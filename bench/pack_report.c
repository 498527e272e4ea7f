// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a donation holds of a program's memory: every private page of a process that is
 * resident is given the form that the engine would give it, and put into a donation cut up as a
 * memory server's is. Both are the very code that they run.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "../engine/core/form.h"
#include "../memserver/core/slots.h"

#define PRESENT	  (1ull << 63)
#define FRAME_LEN 1368 /* of a form that crosses an MTU of 1500 in one frame */
#define PAGES_MAX (1ull << 18)

/** struct report - what became of the pages. */
struct report {
	uint64_t pages, filled, raw, packed, packed_bytes, one_frame;
};

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
	if (!e || slots_init(&s, PAGES_MAX, 1)) {
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
	return 0;
}
