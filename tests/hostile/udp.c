// SPDX-License-Identifier: GPL-2.0-only
/* RPC over UDP: calls cut, damaged and made up; handles that are forged or somebody else's. */
#include <unistd.h>

#include "hostile.h"

#define NFS_PROCS   22
#define MOUNT_PROCS 6

static struct msg m, whole;

/* A well-formed call, any of all. */
static void any_call(struct msg *c, uint32_t i)
{
	const char *vai = opt.vai ? opt.vai : "none";
	char path[80];
	uint8_t fh[40];

	rnd_bytes(fh, sizeof(fh));
	put32(fh, 0x414e4601);
	i %= NFS_PROCS + MOUNT_PROCS;
	if (i < NFS_PROCS) {
		if (opt.fh_len && rnd_below(2))
			nfs_call(c, rnd(), i, opt.fh, opt.fh_len);
		else
			nfs_call(c, rnd(), i, fh, sizeof(fh));
		return;
	}
	i -= NFS_PROCS;
	rpc_call(c, rnd(), PROG_MOUNT, 3, i);
	snprintf(path, sizeof(path), "/%s", vai);
	if (i == 1 || i == 3)
		rpc_bytes(c, path, strlen(path));
}

static int port_of(const struct msg *c)
{
	return c->len >= 16 && get32(c->b + 12) == PROG_MOUNT;
}

/* Each call cut at every length, then damaged at random, then noise of all sizes. */
void attack_rpc(void)
{
	int fd[2] = {udp_open(opt.nfs, true), udp_open(opt.mount, true)};
	uint32_t i, len;

	for (i = 0; i < NFS_PROCS + MOUNT_PROCS && !time_over(); i++) {
		any_call(&whole, i);
		for (len = 0; len < whole.len; len++)
			udp_send(fd[port_of(&whole)], whole.b, len);
	}
	for (i = 0; i < opt.count && !time_over(); i++) {
		any_call(&m, rnd_below(NFS_PROCS + MOUNT_PROCS));
		mutate(&m);
		udp_send(fd[rnd_below(2)], m.b, m.len);
	}
	rnd_bytes(m.b, MSG_MAX);
	for (i = 0; i < opt.count / 10 && !time_over(); i++)
		udp_send(fd[rnd_below(2)], m.b, rnd_below(65508));
	any_call(&m, 7);
	for (i = 0; i < 20; i++)
		udp_send(fd[0], m.b, 65507);
	close(fd[0]);
	close(fd[1]);
}

/* Programs, versions, procedures, credentials that there are not. */
void attack_rpc_other(void)
{
	static const uint32_t progs[] = {PROG_NFS, PROG_MOUNT, 100000, 100227, 0, 0xffffffff};
	int fd = udp_open(opt.nfs, true);
	uint32_t i;
	int64_t st;

	for (i = 0; i < opt.count / 4 && !time_over(); i++) {
		uint32_t prog = progs[rnd_below(6)];

		rpc_call(&m, rnd(), prog, rnd_below(6), rnd_below(40));
		if (rnd_below(4) == 0)
			put32(m.b + 8, rnd_below(5)); /* RPC version */
		if (rnd_below(4) == 0)
			put32(m.b + 24, rnd_below(8)); /* flavor */
		if (rnd_below(4) == 0)
			put32(m.b + 28, rnd() >> 32); /* length of the credentials */
		if (rnd_below(8) == 0)
			put32(m.b + 4, 1 + rnd_below(3)); /* not a call at all */
		udp_send(fd, m.b, m.len);
	}
	/* A reply is not to be answered: two servers would talk for ever. */
	rpc_call(&m, 0x0badcafe, PROG_NFS, 3, 0);
	put32(m.b + 4, 1);
	udp_send(fd, m.b, m.len);
	st = udp_wait(fd, m.b, MSG_MAX, 200);
	if (st >= 4 && get32(m.b) == 0x0badcafe)
		wrong("a reply was answered");
	close(fd);
}

static uint32_t ask_getattr(int fd, const uint8_t *fh, uint32_t len)
{
	nfs_call(&m, rnd(), 1, fh, len);
	return udp_ask(fd, &m, NULL, NULL);
}

/* The handle of somebody else, as it is: each call is refused. */
static void stolen_handle(int fd)
{
	uint32_t proc;
	int64_t st;

	for (proc = 1; proc < NFS_PROCS && !time_over(); proc++) {
		nfs_call(&m, rnd(), proc, opt.fh, opt.fh_len);
		st = udp_ask(fd, &m, NULL, NULL);
		if (st == 0)
			wrong("p5: procedure %u carried out with another client's handle", proc);
		else if (st == -3)
			wrong("procedure %u with another client's handle is not answered", proc);
	}
}

/* ... with each bit of it turned, and with other lengths. */
static void forged_handles(int fd)
{
	uint8_t fh[FH_MAX] = {0};
	uint32_t bit, len, st;

	for (bit = 0; bit < opt.fh_len * 8 && !time_over(); bit++) {
		memcpy(fh, opt.fh, opt.fh_len);
		fh[bit / 8] ^= 1 << bit % 8;
		st = ask_getattr(fd, fh, opt.fh_len);
		if (st != ST_BADHANDLE && st != ST_STALE)
			wrong("bit %u of a handle turned: status %d", bit, (int)st);
	}
	memcpy(fh, opt.fh, opt.fh_len);
	for (len = 0; len <= FH_MAX && !time_over(); len++) {
		if (len == opt.fh_len)
			continue;
		st = ask_getattr(fd, fh, len);
		if (st == 0)
			wrong("a handle of %u bytes is good", len);
	}
}

void attack_handles(void)
{
	int fd = udp_open(opt.nfs, true), mfd = udp_open(opt.mount, true);
	char path[80];
	int64_t st;

	if (opt.vai) {
		snprintf(path, sizeof(path), "/%s", opt.vai);
		rpc_call(&m, rnd(), PROG_MOUNT, 3, 1);
		rpc_bytes(&m, path, strlen(path));
		st = udp_ask(mfd, &m, NULL, NULL);
		if (st != ST_ACCES)
			wrong("p5: MNT of another client's VAI: status %d", (int)st);
	}
	if (opt.fh_len) {
		stolen_handle(fd);
		forged_handles(fd);
	}
	close(fd);
	close(mfd);
}
