// SPDX-License-Identifier: GPL-2.0
/*
 * blocks: prints all records that the module keeps encoded, oldest first, decoded, as they were.
 *
 * What it does is all there is to know of blocks and frames; docs/device.md says the same in words.
 */
#include "resource_monitor.h"

#include <err.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Words of the largest record, rounded up to a row of 8. */
static size_t max_words;
/* The record before, and what it had grown by. */
static uint64_t *last, *delta;
/* Words of the records of this group, and its tick. */
static uint64_t record_words, tick_ns;
static uint32_t group;
static unsigned int next_index;

static uint32_t crc32c(uint32_t crc, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;

	for (crc = ~crc; length--; at++) {
		crc ^= *at;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* The bytes of a payload that are left. */
struct bytes {
	const unsigned char *at, *end;
};

static uint64_t take(struct bytes *bytes, unsigned int count)
{
	uint64_t value = 0;

	if ((size_t)(bytes->end - bytes->at) < count)
		errx(1, "a frame ends within a number");
	memcpy(&value, bytes->at, count);
	bytes->at += count;
	return value;
}

/* How many bytes a number has, the number of zero bits of its first one says. */
static uint64_t number(struct bytes *bytes, int *is_long)
{
	unsigned int count;

	if (bytes->at == bytes->end)
		errx(1, "a frame ends before a number");
	*is_long = *bytes->at == 0;
	if (*is_long) {
		bytes->at++;
		return take(bytes, 8);
	}
	count = (unsigned int)__builtin_ctz(*bytes->at) + 1;
	return take(bytes, count) >> count;
}

static uint64_t zigzag(uint64_t value)
{
	return value >> 1 ^ -(value & 1);
}

static uint64_t residual(struct bytes *bytes)
{
	int is_long;
	uint64_t value = number(bytes, &is_long);

	if (is_long)
		return zigzag(value);
	return zigzag(value >> 1) * (value & 1 ? tick_ns : 1);
}

static void decode(const unsigned char *payload, size_t length, int is_key)
{
	struct bytes bytes = { payload, payload + length };
	unsigned int zeros = 0;
	uint64_t same = 0;
	int is_long;

	if (is_key) {
		record_words = number(&bytes, &is_long);
		tick_ns = number(&bytes, &is_long);
		if (record_words > max_words)
			errx(1, "a record has %llu words", (unsigned long long)record_words);
		memset(last, 0, max_words * sizeof(*last));
		memset(delta, 0, max_words * sizeof(*delta));
	}
	for (size_t row = 0; row < record_words; row += 8) {
		unsigned int bits = 0;

		if (zeros) {
			zeros--;
		} else {
			bits = (unsigned int)take(&bytes, 1);
			if (!bits)
				zeros = (unsigned int)take(&bytes, 1);
		}
		for (size_t word = row; word < row + 8; word++, bits >>= 1) {
			if (bits & 1) {
				uint64_t other = residual(&bytes);

				same = other ? other : same;
				delta[word] += same;
			}
			last[word] += delta[word];
		}
	}
	if (is_key)
		memset(delta, 0, max_words * sizeof(*delta));
	fwrite(last, sizeof(*last), record_words, stdout);
}

/* Decodes a frame, and returns its size in bytes. */
static size_t frame(const unsigned char *bytes, size_t left)
{
	uint64_t words[2];
	uint32_t crc;
	size_t size;
	unsigned int index;

	if (left < sizeof(words))
		errx(1, "a block ends within a frame");
	memcpy(words, bytes, sizeof(words));
	size = words[0] >> 32 & 0xffffff;
	index = (unsigned int)(words[0] >> 56);
	if ((uint32_t)words[0] != RESOURCE_MONITOR_FRAME_MAGIC || size < sizeof(words) ||
	    size > left)
		errx(1, "a block has something that is no frame");
	crc = crc32c(0, &words[0], sizeof(words[0]));
	crc = crc32c(crc, &words[1], sizeof(uint32_t));
	crc = crc32c(crc, bytes + sizeof(words), size - sizeof(words));
	if (crc != words[1] >> 32)
		errx(1, "a frame is damaged");
	if (index && (index != next_index || (uint32_t)words[1] != group))
		errx(1, "a frame does not follow the one before");
	group = (uint32_t)words[1];
	next_index = index + 1;
	decode(bytes + sizeof(words), size - sizeof(words), !index);
	return size;
}

static void block(const unsigned char *bytes, size_t length)
{
	struct resource_monitor_block header;

	if (length < sizeof(header))
		errx(1, "a block is too short");
	memcpy(&header, bytes, sizeof(header));
	if (header.magic != RESOURCE_MONITOR_BLOCK_MAGIC ||
	    header.version != RESOURCE_MONITOR_BLOCK_VERSION || header.size_bytes != length ||
	    header.checksum !=
		    crc32c(0, &header, offsetof(struct resource_monitor_block, checksum)))
		errx(1, "what was read is no block");
	if (header.lost_records)
		warnx("%llu records were overwritten", (unsigned long long)header.lost_records);
	for (size_t at = header.header_bytes; at < length;)
		at += frame(bytes + at, length - at);
}

int main(void)
{
	struct resource_monitor_seek_blocks all = { RESOURCE_MONITOR_OLDEST_FIRST,
						    RESOURCE_MONITOR_BY_SEQ, 0 };
	struct resource_monitor_info info;
	int fd = open("/dev/resource_monitor", O_RDONLY | O_CLOEXEC);
	unsigned char *buffer;
	ssize_t length;

	if (fd < 0 || ioctl(fd, RESOURCE_MONITOR_INFO, &info) ||
	    ioctl(fd, RESOURCE_MONITOR_SEEK_BLOCKS, &all))
		err(1, "/dev/resource_monitor");
	max_words = (info.max_record_bytes / 8 + 7) / 8 * 8;
	last = calloc(max_words, sizeof(*last));
	delta = calloc(max_words, sizeof(*delta));
	buffer = malloc(info.block_bytes);
	if (!last || !delta || !buffer)
		err(1, "no memory");
	while ((length = read(fd, buffer, info.block_bytes)) > 0)
		block(buffer, (size_t)length);
	if (length < 0)
		err(1, "cannot read");
	return fflush(stdout) ? 1 : 0;
}
