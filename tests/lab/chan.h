/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command channel between the host (labctl) and a guest (agent): frames
 * over one virtio-serial port.  One command at a time runs on a channel; a
 * machine has several channels.
 *
 * A frame is a header and up to CHAN_PAYLOAD_MAX bytes.  All frames of one
 * command carry its nonce, so that either side can skip what an earlier
 * command left in the pipe when its runner was killed.
 */
#ifndef ANEMONE_LAB_CHAN_H
#define ANEMONE_LAB_CHAN_H

#include <stdint.h>

#define CHAN_PAYLOAD_MAX 16384	   /* bytes */
#define CHAN_PORTS	 6	   /* channels of a machine: commands at a time */
#define CHAN_PORT_NAME	 "lab.cmd" /* virtio-serial port name, a digit follows */

/** enum chan_type - what a frame carries; the first six go to the guest */
enum chan_type {
	CHAN_EXEC = 'X',      /* shell command, pipes for stdin, stdout and stderr */
	CHAN_EXEC_TTY = 'T',  /* shell command on a terminal of its own */
	CHAN_STDIN = 'I',     /* bytes for stdin */
	CHAN_STDIN_EOF = 'E', /* no more stdin */
	CHAN_WINSIZE = 'W',   /* two uint16: rows, columns */
	CHAN_KILL = 'K',      /* end the command: SIGTERM, SIGKILL after a second */
	CHAN_STDOUT = 'O',
	CHAN_STDERR = 'R',
	CHAN_STATUS = 'S', /* int32 exit status, 128 + signal; the last frame */
};

/**
 * struct chan_header - leads every frame, little endian
 * @magic: "LAB"
 * @type: enum chan_type
 * @nonce: of the command
 * @len: payload bytes that follow
 */
struct chan_header {
	char magic[3];
	uint8_t type;
	uint32_t nonce;
	uint32_t len;
} __attribute__((packed));

#define CHAN_FRAME_MAX (sizeof(struct chan_header) + CHAN_PAYLOAD_MAX)

#endif
