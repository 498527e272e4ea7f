// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tells rpcbind where NFS and MOUNT are, so that mount and showmount need no
 * port numbers. What was registered is noted in the state directory, so that
 * nothing of another server is ever taken away.
 */
#include <errno.h>
#include <netconfig.h>
#include <netinet/in.h>
#include <rpc/rpc.h>
#include <rpc/rpcb_clnt.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "../../proto/file_user.h"
#include "../../proto/mount3.h"
#include "../../proto/nfs3.h"
#include "engctl.h"

#define RPCBIND_SOCK "/run/rpcbind.sock"
#define NOTE	     "rpcbind"

struct service {
	const char *name;
	unsigned int prog;
	unsigned int vers;
};

static const struct service services[] = {
	{"NFS", NFS_PROGRAM, NFS_V3},
	{"MOUNT", MOUNT_PROGRAM, MOUNT_V3},
};
static const char *const netids[] = {"udp", "tcp", "udp6", "tcp6"};

static bool is_tcp(const char *netid)
{
	return !strncmp(netid, "tcp", 3);
}

static bool runs(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX, .sun_path = RPCBIND_SOCK};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && !connect(fd, (struct sockaddr *)&sun, sizeof(sun));

	if (fd >= 0)
		close(fd);
	return yes;
}

static void note_path(const char *state, char *buf, size_t n)
{
	snprintf(buf, n, "%s/" NOTE, state);
}

static bool set_one(const struct service *s, const char *netid, unsigned int port)
{
	struct netconfig *nc = getnetconfigent(netid);
	struct sockaddr_in6 s6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in s4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct netbuf nb = {.buf = &s4, .len = sizeof(s4), .maxlen = sizeof(s4)};
	bool ok;

	if (!nc)
		return false;
	if (strchr(netid, '6'))
		nb = (struct netbuf){.buf = &s6, .len = sizeof(s6), .maxlen = sizeof(s6)};
	ok = rpcb_set(s->prog, s->vers, nc, &nb);
	freenetconfigent(nc);
	return ok;
}

void rpcbind_register(const char *state, unsigned int nfs_port, unsigned int mount_port, bool tcp)
{
	unsigned int ports[] = {nfs_port, mount_port};
	char path[4096];
	size_t i, j;
	FILE *f;

	if (!runs())
		return;
	rpcbind_unregister(state); /* left by an engine that did not end well */
	file_make_dir(state);
	note_path(state, path, sizeof(path));
	f = fopen(path, "w");
	if (!f) {
		complain("not registered with rpcbind: %s: %s", path, strerror(errno));
		return;
	}
	for (i = 0; i < ARRAY_SIZE(services); i++) {
		for (j = 0; j < ARRAY_SIZE(netids); j++) {
			if (is_tcp(netids[j]) && !tcp)
				continue;
			if (set_one(&services[i], netids[j], ports[i]))
				fprintf(f, "%zu %zu\n", i, j);
			else if (!strchr(netids[j], '6'))
				complain("rpcbind refused %s over %s: another NFS server may be "
					 "registered; clients have to name port %u",
					 services[i].name, netids[j], ports[i]);
		}
	}
	fclose(f);
}

void rpcbind_unregister(const char *state)
{
	struct netconfig *nc;
	char path[4096];
	size_t i, j;
	FILE *f;

	note_path(state, path, sizeof(path));
	f = fopen(path, "r");
	if (!f)
		return;
	while (runs() && fscanf(f, "%zu %zu", &i, &j) == 2) {
		if (i >= ARRAY_SIZE(services) || j >= ARRAY_SIZE(netids))
			continue;
		nc = getnetconfigent(netids[j]);
		if (!nc)
			continue;
		rpcb_unset(services[i].prog, services[i].vers, nc);
		freenetconfigent(nc);
	}
	fclose(f);
	unlink(path);
}
