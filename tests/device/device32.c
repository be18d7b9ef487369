// SPDX-License-Identifier: GPL-2.0
/*
 * The same for a 32-bit program on a 64-bit kernel, as far as that matters: each command, and a
 * read. It has no C library, so that none for 32 bits is needed. Ends with 0, or with the number of
 * what is not as it should be.
 */
#include <asm/unistd.h>
#include <linux/fcntl.h>

#include "resource_monitor.h"

#define EBADF 9
#define EFAULT 14
#define EINVAL 22
#define ENOTTY 25

static long call(long number, long first, long second, long third)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(first), "c"(second), "d"(third)
			 : "memory");
	return result;
}

static int number;

#define EXPECT(condition)                                  \
	do {                                               \
		number++;                                  \
		if (!(condition))                          \
			call(__NR_exit_group, number, 0, 0); \
	} while (0)

static long ask(long fd, unsigned long command, void *argument)
{
	return call(__NR_ioctl, fd, (long)command, (long)argument);
}

static __u64 buffer[1 << 17];

void _start(void);

/* The kernel aligns the stack otherwise than a function may expect. */
__attribute__((force_align_arg_pointer)) void _start(void)
{
	const struct resource_monitor_record *record = (void *)buffer;
	struct resource_monitor_info info = { 0 };
	long fd, read_only, len;
	__u64 seq = 0, word;

	EXPECT(sizeof(void *) == 4);
	/* A read that waits comes back with the record. */
	fd = call(__NR_open, (long)RESOURCE_MONITOR_DEVICE, O_RDWR, 0);
	EXPECT(fd >= 0);
	EXPECT(ask(fd, RESOURCE_MONITOR_INFO, &info) == 0);
	EXPECT(info.version == RESOURCE_MONITOR_IOCTL_VERSION);
	EXPECT(info.interval_ms == 3600000);
	EXPECT(info.max_record_bytes <= sizeof(buffer));
	EXPECT(ask(fd, RESOURCE_MONITOR_INFO, (void *)0) == -EFAULT);
	EXPECT(ask(fd, RESOURCE_MONITOR_INFO, (void *)0xfffffff8) == -EFAULT);
	EXPECT(ask(fd, 0xbc63, &word) == -ENOTTY);
	EXPECT(ask(fd, RESOURCE_MONITOR_SAMPLE, &seq) == 0);
	EXPECT(seq == info.next_seq);
	len = call(__NR_read, fd, (long)buffer, sizeof(buffer));
	EXPECT(len > (long)sizeof(*record));
	EXPECT(record->magic == RESOURCE_MONITOR_MAGIC);
	EXPECT(record->size_bytes == (__u64)len);
	EXPECT(record->seq == seq);
	word = 0;
	EXPECT(ask(fd, RESOURCE_MONITOR_SEEK, &word) == 0);
	EXPECT(word == info.oldest_seq);
	word = seq + 2;
	EXPECT(ask(fd, RESOURCE_MONITOR_SEEK, &word) == -EINVAL);
	word = (1ULL << 32) + 5000;
	EXPECT(ask(fd, RESOURCE_MONITOR_SET_INTERVAL, &word) == -EINVAL);
	word = 3600000;
	EXPECT(ask(fd, RESOURCE_MONITOR_SET_INTERVAL, &word) == 0);
	read_only = call(__NR_open, (long)RESOURCE_MONITOR_DEVICE, O_RDONLY, 0);
	EXPECT(read_only >= 0);
	EXPECT(ask(read_only, RESOURCE_MONITOR_SAMPLE, &word) == -EBADF);
	call(__NR_exit_group, 0, 0, 0);
}
