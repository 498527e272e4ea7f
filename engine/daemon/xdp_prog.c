// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program that picks our frames. It is short and depends on ports and MAC address, so it is put
 * together here, instruction by instruction, and needs no compiler of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include "../../proto/frame.h"
#include "xdp.h"

#define INSNS_MAX 96
#define TO_PASS	  0x7fff /* a jump's offset until it is known where the end is */

/* Offsets in a frame: Ethernet, IPv4 without options, UDP. */
#define AT_DST_MAC 0
#define AT_SRC_MAC 6
#define AT_TYPE	   12
#define AT_IP	   FRAME_ETH_LEN
#define AT_FRAG	   (AT_IP + 6)
#define AT_PROTO   (AT_IP + 9)
#define AT_SRC	   (AT_IP + 12)
#define AT_DST	   (AT_IP + 16)
#define AT_UDP	   (AT_IP + FRAME_IPV4_LEN)
#define AT_DPORT   (AT_UDP + 2)
#define AT_DATA	   (AT_UDP + FRAME_UDP_LEN)

#define MAC_MULTICAST  1 /* nobody sends from such an address */
#define IP_VERSION_IHL 0x45
#define IP_FRAGMENT    0x3fff /* more of them, or not the first */
#define NET_LOOPBACK   127    /* first octets of addresses that are no host's on a wire */
#define NET_THIS       0
#define NET_MULTICAST  224 /* and above */
#define KEY_ON_STACK   (-4)
#define REG_CTX	       BPF_REG_6
#define REG_DATA       BPF_REG_7
#define REG_END	       BPF_REG_8

struct code {
	u32 n;
	struct bpf_insn insn[INSNS_MAX];
};

static void emit(struct code *c, u8 op, u8 dst, u8 src, s16 off, s32 imm)
{
	struct bpf_insn insn = {.code = op, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};

	if (!WARN_ON_ONCE(c->n == INSNS_MAX))
		c->insn[c->n++] = insn;
}

/* dst = *(size *)(src + off) */
static void load(struct code *c, u8 size, u8 dst, u8 src, s16 off)
{
	emit(c, BPF_LDX | BPF_MEM | size, dst, src, off, 0);
}

static void copy(struct code *c, u8 dst, u8 src)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void call(struct code *c, s32 helper)
{
	emit(c, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

/* If (32 bits of reg, @test, imm): leave the frame to the system. */
static void pass_if(struct code *c, u8 test, u8 reg, u32 imm)
{
	emit(c, BPF_JMP32 | test | BPF_K, reg, 0, TO_PASS, (s32)imm);
}

/* The same for what is in the frame. */
static void pass_if_at(struct code *c, u8 size, s16 off, u8 test, u32 imm)
{
	load(c, size, BPF_REG_1, REG_DATA, off);
	pass_if(c, test, BPF_REG_1, imm);
}

/* r1 = map; the address takes two instructions. */
static void load_map(struct code *c, int fd)
{
	emit(c, BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, fd);
	emit(c, 0, 0, 0, 0, 0);
}

/* r0 = what the table says of the address there, a pointer or NULL */
static void look_up(struct code *c, int table, s16 off)
{
	load(c, BPF_W, BPF_REG_1, REG_DATA, off);
	emit(c, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_1, KEY_ON_STACK, 0);
	copy(c, BPF_REG_2, BPF_REG_10);
	emit(c, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, KEY_ON_STACK);
	load_map(c, table);
	call(c, BPF_FUNC_map_lookup_elem);
}

static void write_headers(struct code *c, const u8 mac[6])
{
	u32 mac_low;
	u16 mac_high;

	memcpy(&mac_low, mac, 4);
	memcpy(&mac_high, mac + 4, 2);
	copy(c, REG_CTX, BPF_REG_1);
	load(c, BPF_W, REG_DATA, REG_CTX, offsetof(struct xdp_md, data));
	load(c, BPF_W, REG_END, REG_CTX, offsetof(struct xdp_md, data_end));
	copy(c, BPF_REG_1, REG_DATA);
	emit(c, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, AT_DATA);
	emit(c, BPF_JMP | BPF_JGT | BPF_X, BPF_REG_1, REG_END, TO_PASS, 0);
	pass_if_at(c, BPF_W, AT_DST_MAC, BPF_JNE, mac_low);
	pass_if_at(c, BPF_H, AT_DST_MAC + 4, BPF_JNE, mac_high);
	pass_if_at(c, BPF_B, AT_SRC_MAC, BPF_JSET, MAC_MULTICAST);
	pass_if_at(c, BPF_H, AT_TYPE, BPF_JNE, htons(FRAME_TYPE_IPV4));
	pass_if_at(c, BPF_B, AT_IP, BPF_JNE, IP_VERSION_IHL);
	pass_if_at(c, BPF_H, AT_FRAG, BPF_JSET, htons(IP_FRAGMENT));
	pass_if_at(c, BPF_B, AT_PROTO, BPF_JNE, FRAME_PROTO_UDP);
}

static void write_ports(struct code *c, const u16 *ports, u32 n)
{
	u32 i;

	load(c, BPF_H, BPF_REG_1, REG_DATA, AT_DPORT);
	/* Over the tests that follow, and the jump behind them. */
	for (i = 0; i < n; i++)
		emit(c, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_1, 0, n - i, htons(ports[i]));
	emit(c, BPF_JMP | BPF_JA, 0, 0, TO_PASS, 0);
}

/*
 * A client is told by its address alone, and the system, which would know that none of its own and
 * none of these comes from a wire, does not see the frame.
 */
static void write_addresses(struct code *c, int table)
{
	pass_if_at(c, BPF_B, AT_SRC, BPF_JEQ, NET_THIS);
	pass_if(c, BPF_JEQ, BPF_REG_1, NET_LOOPBACK);
	pass_if(c, BPF_JGE, BPF_REG_1, NET_MULTICAST);
	look_up(c, table, AT_SRC);
	emit(c, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, TO_PASS, 0);
	look_up(c, table, AT_DST);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, TO_PASS, 0);
	load(c, BPF_W, BPF_REG_1, BPF_REG_0, 0);
	pass_if(c, BPF_JNE, BPF_REG_1, XDP_ADDR_SERVED);
}

static void write_end(struct code *c, int xsks)
{
	u32 i, pass;

	copy(c, BPF_REG_1, REG_CTX);
	call(c, BPF_FUNC_xdp_get_buff_len);
	emit(c, BPF_JMP | BPF_JGT | BPF_K, BPF_REG_0, 0, TO_PASS, XDP_RX_MAX);
	load(c, BPF_W, BPF_REG_2, REG_CTX, offsetof(struct xdp_md, rx_queue_index));
	load_map(c, xsks);
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, XDP_PASS); /* no socket there */
	call(c, BPF_FUNC_redirect_map);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	pass = c->n;
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (i = 0; i < pass; i++)
		if (c->insn[i].off == TO_PASS)
			c->insn[i].off = pass - i - 1;
}

static int load_program(struct xdp_prog *p, const u8 mac[6], const u16 *ports, u32 n)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_XDP_HAS_FRAGS);
	struct code c = {0};

	write_headers(&c, mac);
	write_ports(&c, ports, n);
	write_addresses(&c, p->table);
	write_end(&c, p->xsks);
	return bpf_prog_load(BPF_PROG_TYPE_XDP, "anemone", "GPL", c.insn, c.n, &opts);
}

int xdp_prog_open(struct xdp_prog *p, const u8 mac[6], const u16 *ports, u32 n)
{
	int rc;

	memset(p, 0, sizeof(*p));
	p->fd = -1;
	p->link = -1;
	p->table = -1;
	p->xsks = bpf_map_create(BPF_MAP_TYPE_XSKMAP, "anemone_xsks", sizeof(u32), sizeof(u32),
				 XDP_QUEUE + 1, NULL);
	if (p->xsks >= 0)
		p->table = bpf_map_create(BPF_MAP_TYPE_HASH, "anemone_addrs", sizeof(__be32),
					  sizeof(u32), XDP_ADDRS_MAX, NULL);
	if (p->table >= 0)
		p->fd = load_program(p, mac, ports, n);
	if (p->fd >= 0)
		return 0;
	rc = -errno;
	xdp_prog_close(p);
	return rc;
}

int xdp_prog_attach(struct xdp_prog *p, int ifindex)
{
	LIBBPF_OPTS(bpf_link_create_opts, generic, .flags = XDP_FLAGS_SKB_MODE);

	p->link = bpf_link_create(p->fd, ifindex, BPF_XDP, NULL);
	/* A driver may refuse what the system can do in its place. */
	if (p->link < 0 && errno != EBUSY && errno != EPERM)
		p->link = bpf_link_create(p->fd, ifindex, BPF_XDP, &generic);
	return p->link < 0 ? -errno : 0;
}

static bool has_addr(const struct xdp_addr *addrs, u32 n, __be32 ip)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (addrs[i].ip == ip)
			return true;
	return false;
}

int xdp_prog_addrs(struct xdp_prog *p, const struct xdp_addr *addrs, u32 n)
{
	u32 i;

	if (n == p->naddrs && !memcmp(addrs, p->addrs, n * sizeof(*addrs)))
		return 0;
	for (i = 0; i < p->naddrs; i++)
		if (!has_addr(addrs, n, p->addrs[i].ip))
			bpf_map_delete_elem(p->table, &p->addrs[i].ip);
	for (i = 0; i < n; i++)
		if (bpf_map_update_elem(p->table, &addrs[i].ip, &addrs[i].kind, BPF_ANY))
			return -errno;
	memcpy(p->addrs, addrs, n * sizeof(*addrs));
	p->naddrs = n;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void xdp_prog_close(struct xdp_prog *p)
{
	close_fd(&p->link);
	close_fd(&p->fd);
	close_fd(&p->table);
	close_fd(&p->xsks);
}
