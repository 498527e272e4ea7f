// SPDX-License-Identifier: GPL-2.0-only
/*
 * One Ethernet segment for the lab: a learning switch in user space.  QEMU's
 * `-netdev stream` connects to the listening socket; every connection is a
 * port.  Each frame comes behind its length (32 bits, big endian).
 *
 *   switch LISTEN-SOCKET CONTROL-SOCKET
 *
 * A port's output queue is bounded: what does not fit is dropped and counted,
 * as a real switch would; nothing is dropped below that bound.  Faults are
 * made on request only, per million frames, by a seeded generator:
 *
 *   stats                      counters of the segment and its ports
 *   set FROM drop=PPM corrupt=PPM dup=PPM reorder=PPM
 *                              FROM is a source MAC address or "all"
 *   seed N                     restart the generator
 *   capture FILE               the beginning of every frame, with the time when it came from its
 *                              machine: pcap, nanoseconds; until `capture off`
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PORTS_MAX    32
#define MACS_MAX     256
#define RULES_MAX    PORTS_MAX
#define FRAME_MAX    65550 /* bytes */
#define FRAME_MIN    14
#define IN_BYTES     (256 * 1024)
#define QUEUE_BYTES  (16 * 1024 * 1024) /* touched only as far as it fills */
#define SOCKET_BYTES (4 * 1024 * 1024)
#define PPM	     1000000
#define CAPTURE_MAX  160 /* bytes kept of a frame: headers, not pages */

/** struct faults - frames in a million that suffer each */
struct faults {
	unsigned int drop, corrupt, dup, reorder;
};

/**
 * struct port - one connected machine
 * @fd: -1 when free
 * @in: bytes received, not yet forwarded; @in_len of them
 * @queue: bytes to send, from @queue_head to @queue_tail
 * @held: a frame kept back to be sent behind the next (reorder), with its length
 */
struct port {
	int fd;
	uint8_t *in;
	size_t in_len;
	uint8_t *queue;
	size_t queue_head, queue_tail;
	uint8_t *held;
	size_t held_len;
	uint64_t rx_frames, tx_frames, queue_full;
};

struct mac_entry {
	uint8_t mac[6];
	int port;
};

struct rule {
	uint8_t mac[6];
	bool all;
	struct faults faults;
};

static struct port ports[PORTS_MAX];
static struct mac_entry macs[MACS_MAX];
static unsigned int mac_count;
static struct rule rules[RULES_MAX];
static unsigned int rule_count;
static uint64_t rng = 88172645463325252ull;
static uint64_t made_drop, made_corrupt, made_dup, made_reorder;
static FILE *capture;

static unsigned int random_below(unsigned int bound)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng >> 11) % bound;
}

static int listen_unix(const char *path, int type)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(a.sun_path)) {
		fprintf(stderr, "switch: %s: name too long\n", path);
		exit(1);
	}
	strcpy(a.sun_path, path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, PORTS_MAX)) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void port_open(int fd)
{
	int bytes = SOCKET_BYTES;

	for (int i = 0; i < PORTS_MAX; i++) {
		struct port *p = &ports[i];

		if (p->fd >= 0)
			continue;
		memset(p, 0, sizeof(*p));
		p->fd = fd;
		p->in = malloc(IN_BYTES);
		p->queue = malloc(QUEUE_BYTES);
		p->held = malloc(FRAME_MAX);
		if (!p->in || !p->queue || !p->held)
			exit(1);
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
		return;
	}
	close(fd);
}

static void port_close(struct port *p)
{
	unsigned int keep = 0;

	close(p->fd);
	free(p->in);
	free(p->queue);
	free(p->held);
	p->fd = -1;
	for (unsigned int i = 0; i < mac_count; i++)
		if (macs[i].port != p - ports)
			macs[keep++] = macs[i];
	mac_count = keep;
}

static void learn(const uint8_t *mac, int port)
{
	if (mac[0] & 1)
		return;
	for (unsigned int i = 0; i < mac_count; i++)
		if (!memcmp(macs[i].mac, mac, 6)) {
			macs[i].port = port;
			return;
		}
	if (mac_count < MACS_MAX) {
		memcpy(macs[mac_count].mac, mac, 6);
		macs[mac_count++].port = port;
	}
}

static int lookup(const uint8_t *mac)
{
	for (unsigned int i = 0; !(mac[0] & 1) && i < mac_count; i++)
		if (!memcmp(macs[i].mac, mac, 6))
			return macs[i].port;
	return -1;
}

static void queue_frame(struct port *p, const uint8_t *frame, uint32_t len)
{
	uint32_t be = htonl(len);

	if (p->queue_tail + len + 4 > QUEUE_BYTES && p->queue_head) {
		memmove(p->queue, p->queue + p->queue_head, p->queue_tail - p->queue_head);
		p->queue_tail -= p->queue_head;
		p->queue_head = 0;
	}
	if (p->queue_tail + len + 4 > QUEUE_BYTES) {
		p->queue_full++;
		return;
	}
	memcpy(p->queue + p->queue_tail, &be, 4);
	memcpy(p->queue + p->queue_tail + 4, frame, len);
	p->queue_tail += len + 4;
	p->tx_frames++;
}

static void deliver(int from, const uint8_t *frame, uint32_t len)
{
	int to = lookup(frame);

	if (to >= 0) {
		if (to != from)
			queue_frame(&ports[to], frame, len);
		return;
	}
	for (int i = 0; i < PORTS_MAX; i++)
		if (i != from && ports[i].fd >= 0)
			queue_frame(&ports[i], frame, len);
}

static const struct faults *faults_of(const uint8_t *mac)
{
	static const struct faults none;
	const struct faults *f = &none;

	for (unsigned int i = 0; i < rule_count; i++) {
		if (!rules[i].all && !memcmp(rules[i].mac, mac, 6))
			return &rules[i].faults;
		if (rules[i].all)
			f = &rules[i].faults;
	}
	return f;
}

static bool happens(unsigned int ppm)
{
	return ppm && random_below(PPM) < ppm;
}

static void capture_frame(const uint8_t *frame, uint32_t len)
{
	uint32_t kept = len < CAPTURE_MAX ? len : CAPTURE_MAX;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	fwrite((uint32_t[]){(uint32_t)now.tv_sec, (uint32_t)now.tv_nsec, kept, len}, 4, 4, capture);
	fwrite(frame, 1, kept, capture);
}

/* Returns false when the file cannot be written, or what was kept is not all there. */
static bool set_capture(char *path)
{
	static const uint32_t header[] = {0xa1b23c4d, 4 << 16 | 2, 0, 0, CAPTURE_MAX, 1};
	bool well = true;

	path[strcspn(path, "\n")] = 0;
	if (capture) {
		well = !ferror(capture);
		well = !fclose(capture) && well;
	}
	capture = strcmp(path, "off") ? fopen(path, "we") : NULL;
	if (capture)
		fwrite(header, sizeof(header), 1, capture);
	return well && (capture || !strcmp(path, "off"));
}

static void forward(int from, uint8_t *frame, uint32_t len)
{
	struct port *p = &ports[from];
	const struct faults *f = faults_of(frame + 6);

	if (capture)
		capture_frame(frame, len);
	learn(frame + 6, from);
	p->rx_frames++;
	if (happens(f->drop)) {
		made_drop++;
		return;
	}
	if (happens(f->corrupt)) { /* one bit behind the Ethernet header */
		frame[FRAME_MIN + random_below(len - FRAME_MIN)] ^= 1 << random_below(8);
		made_corrupt++;
	}
	if (!p->held_len && happens(f->reorder)) {
		memcpy(p->held, frame, len);
		p->held_len = len;
		made_reorder++;
		return;
	}
	deliver(from, frame, len);
	if (happens(f->dup)) {
		deliver(from, frame, len);
		made_dup++;
	}
	if (p->held_len) {
		deliver(from, p->held, p->held_len);
		p->held_len = 0;
	}
}

/* Returns false when the port is to be closed. */
static bool port_read(int i)
{
	struct port *p = &ports[i];
	size_t at = 0;
	ssize_t n = read(p->fd, p->in + p->in_len, IN_BYTES - p->in_len);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	p->in_len += n;
	while (p->in_len - at >= 4) {
		uint32_t len;

		memcpy(&len, p->in + at, 4);
		len = ntohl(len);
		if (len > FRAME_MAX)
			return false;
		if (p->in_len - at < len + 4)
			break;
		if (len > FRAME_MIN)
			forward(i, p->in + at + 4, len);
		at += len + 4;
	}
	p->in_len -= at;
	memmove(p->in, p->in + at, p->in_len);
	return true;
}

static bool port_write(struct port *p)
{
	while (p->queue_head < p->queue_tail) {
		ssize_t n = send(p->fd, p->queue + p->queue_head, p->queue_tail - p->queue_head,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		p->queue_head += n;
	}
	p->queue_head = p->queue_tail = 0;
	return true;
}

static int put_stats(char *out, size_t size)
{
	int n = snprintf(out, size, "made drop=%lu corrupt=%lu dup=%lu reorder=%lu\n", made_drop,
			 made_corrupt, made_dup, made_reorder);

	for (int i = 0; i < PORTS_MAX && (size_t)n < size; i++)
		if (ports[i].fd >= 0)
			n += snprintf(out + n, size - n,
				      "port %d from=%lu to=%lu queue_full=%lu queued=%zu\n", i,
				      ports[i].rx_frames, ports[i].tx_frames, ports[i].queue_full,
				      ports[i].queue_tail - ports[i].queue_head);
	return n;
}

static bool set_rule(char *args)
{
	char *save, *word = strtok_r(args, "\n ", &save);
	struct rule r = {0}, *slot = NULL;

	if (!word)
		return false;
	r.all = !strcmp(word, "all");
	if (!r.all && sscanf(word, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &r.mac[0], &r.mac[1], &r.mac[2],
			     &r.mac[3], &r.mac[4], &r.mac[5]) != 6)
		return false;
	while ((word = strtok_r(NULL, "\n ", &save)))
		if (sscanf(word, "drop=%u", &r.faults.drop) != 1 &&
		    sscanf(word, "corrupt=%u", &r.faults.corrupt) != 1 &&
		    sscanf(word, "dup=%u", &r.faults.dup) != 1 &&
		    sscanf(word, "reorder=%u", &r.faults.reorder) != 1)
			return false;
	for (unsigned int i = 0; i < rule_count; i++)
		if (rules[i].all == r.all && !memcmp(rules[i].mac, r.mac, 6))
			slot = &rules[i];
	if (!slot && rule_count == RULES_MAX)
		return false;
	if (!slot)
		slot = &rules[rule_count++];
	*slot = r;
	return true;
}

static void control(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct timeval limit = {.tv_sec = 1};
	char line[512], reply[4096] = "ok\n";
	ssize_t n;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	n = recv(fd, line, sizeof(line) - 1, 0);
	line[n > 0 ? n : 0] = 0;
	if (!strncmp(line, "stats", 5))
		put_stats(reply, sizeof(reply));
	else if (!strncmp(line, "seed ", 5))
		rng = strtoull(line + 5, NULL, 0) * 2 + 1; /* never zero */
	else if (!strncmp(line, "capture ", 8)) {
		if (!set_capture(line + 8))
			snprintf(reply, sizeof(reply), "error: %s\n", strerror(errno));
	} else if (strncmp(line, "set ", 4) || !set_rule(line + 4))
		strcpy(reply, "error: stats | seed N | capture FILE|off | set MAC|all drop=PPM "
			      "corrupt=PPM dup=PPM reorder=PPM\n");
	send(fd, reply, strlen(reply), MSG_NOSIGNAL);
	close(fd);
}

int main(int argc, char **argv)
{
	struct pollfd p[PORTS_MAX + 2];
	int listener, ctl;

	if (argc != 3) {
		fprintf(stderr, "usage: switch LISTEN-SOCKET CONTROL-SOCKET\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < PORTS_MAX; i++)
		ports[i].fd = -1;
	ctl = listen_unix(argv[2], SOCK_SEQPACKET);
	listener = listen_unix(argv[1], SOCK_STREAM);
	for (;;) {
		for (int i = 0; i < PORTS_MAX; i++) {
			p[i].fd = ports[i].fd;
			p[i].events = POLLIN;
			if (p[i].fd >= 0 && ports[i].queue_tail > ports[i].queue_head)
				p[i].events |= POLLOUT;
		}
		p[PORTS_MAX] = (struct pollfd){.fd = listener, .events = POLLIN};
		p[PORTS_MAX + 1] = (struct pollfd){.fd = ctl, .events = POLLIN};
		if (poll(p, PORTS_MAX + 2, -1) < 0)
			continue;
		for (int i = 0; i < PORTS_MAX; i++)
			if (p[i].fd >= 0 && (p[i].revents & (POLLIN | POLLHUP | POLLERR)) &&
			    !port_read(i))
				port_close(&ports[i]);
		for (int i = 0; i < PORTS_MAX; i++)
			if (ports[i].fd >= 0 && !port_write(&ports[i]))
				port_close(&ports[i]);
		if (p[PORTS_MAX].revents) {
			int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

			if (fd >= 0)
				port_open(fd);
		}
		if (p[PORTS_MAX + 1].revents)
			control(ctl);
	}
}
