// SPDX-License-Identifier: GPL-2.0-only
/* What people read: tables, sizes, times, colours. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "../../proto/size_user.h"
#include "engctl.h"

#define RING 16

static char *ring(void)
{
	static char bufs[RING][CELL_MAX];
	static int next;

	return bufs[next++ % RING];
}

const char *size_text(unsigned long long bytes)
{
	return format_size(bytes, ring(), CELL_MAX);
}

const char *pages_text(unsigned long long pages)
{
	return size_text(pages * ANM_PAGE_SIZE);
}

const char *ns_text(unsigned long long ns)
{
	unsigned long long s = ns / NS_PER_S;
	char *b = ring();

	if (ns < 1000000)
		snprintf(b, CELL_MAX, "%llu us", ns / 1000);
	else if (ns < NS_PER_S)
		snprintf(b, CELL_MAX, "%.1f ms", ns / 1e6);
	else if (s < 60)
		snprintf(b, CELL_MAX, "%.1f s", ns / 1e9);
	else if (s < 3600)
		snprintf(b, CELL_MAX, "%llum %llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(b, CELL_MAX, "%lluh %llum", s / 3600, s / 60 % 60);
	else
		snprintf(b, CELL_MAX, "%llud %lluh", s / 86400, s / 3600 % 24);
	return b;
}

static bool colours(void)
{
	static int yes = -1;

	if (yes < 0)
		yes = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	return yes;
}

const char *paint(const char *s)
{
	static const struct {
		const char *word;
		const char *code;
	} words[] = {
		{"live", "32"},	    {"in use", "32"},  {"suspect", "33"},
		{"deleting", "33"}, {"dead", "1;31"},  {"left", "2"},
		{"idle", "2"},	    {"drained", "36"}, {"discarding", "33"},
	};
	char *b;
	size_t i;

	for (i = 0; colours() && i < ARRAY_SIZE(words); i++) {
		if (strcmp(s, words[i].word))
			continue;
		b = ring();
		snprintf(b, CELL_MAX, "\033[%sm%s\033[0m", words[i].code, s);
		return b;
	}
	return s;
}

static void cell_print(const char *text, int width, bool right, bool last)
{
	int pad = width - (int)strlen(text);

	if (right)
		printf("%*s", pad, "");
	fputs(paint(text), stdout);
	if (!right && !last)
		printf("%*s", pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

void table_print(const json_t *rows, const struct column *cols, int ncols)
{
	int width[TABLE_COLS_MAX], i, len;
	char cell[CELL_MAX];
	const json_t *row;
	size_t r;

	if (!json_array_size(rows))
		return;
	for (i = 0; i < ncols; i++) {
		width[i] = strlen(cols[i].title);
		json_array_foreach(rows, r, row) {
			cols[i].show(row, cell, sizeof(cell));
			len = strlen(cell);
			width[i] = len > width[i] ? len : width[i];
		}
	}
	for (i = 0; i < ncols; i++)
		cell_print(cols[i].title, width[i], cols[i].right, i == ncols - 1);
	json_array_foreach(rows, r, row) {
		for (i = 0; i < ncols; i++) {
			cols[i].show(row, cell, sizeof(cell));
			cell_print(cell, width[i], cols[i].right, i == ncols - 1);
		}
	}
}

void field_print(const char *label, const char *fmt, ...)
{
	va_list ap;

	printf("  %-12s  ", label);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

int json_out(json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(j);
	return 0;
}
