// SPDX-License-Identifier: GPL-2.0-only
/* Connections of the load generator. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "load.h"

#define ANSWER_S 5 /* an answer that takes longer is lost */
#define SOCKBUF	 (4 << 20)

int load_connect(const char *host, u16 port, int type)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval tv = {.tv_sec = ANSWER_S};
	int one = 1, buf = SOCKBUF, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, host, &sin.sin_addr) != 1) {
		fprintf(stderr, "load: %s: not an IPv4 address\n", host);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	else
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buf, sizeof(buf));
	bindresvport(fd, NULL); /* NFS servers want it; without the right to, they will say so */
	if (!connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		return fd;
	fprintf(stderr, "load: %s port %u: %s\n", host, port, strerror(errno));
	close(fd);
	return -1;
}

bool load_send(int fd, const void *p, size_t n)
{
	if (send(fd, p, n, MSG_NOSIGNAL) == (ssize_t)n)
		return true;
	fprintf(stderr, "load: send: %s\n", strerror(errno));
	return false;
}

bool load_recv(int fd, void *p, size_t n)
{
	if (recv(fd, p, n, MSG_WAITALL) == (ssize_t)n)
		return true;
	fprintf(stderr, "load: receive: %s\n", strerror(errno));
	return false;
}
