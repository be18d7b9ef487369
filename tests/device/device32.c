// SPDX-License-Identifier: GPL-2.0
/*
 * The same for a 32-bit program on a 64-bit kernel, as far as that matters: each command, and a
 * read. It has no C library, so that none for 32 bits is needed. Ends with 0, or says what was
 * found and what was expected, and ends with 1.
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

static void put(const char *text)
{
	long length = 0;

	while (text[length])
		length++;
	call(__NR_write, 1, (long)text, length);
}

/* In hexadecimal, as to divide 64 bits would take a library. */
static void put_number(__s64 value)
{
	char digits[1 + 2 + 16 + 1], *at = digits + sizeof(digits);
	__u64 number = value < 0 ? -(__u64)value : (__u64)value;

	*--at = 0;
	do {
		*--at = "0123456789abcdef"[number & 15];
		number >>= 4;
	} while (number);
	*--at = 'x';
	*--at = '0';
	if (value < 0)
		*--at = '-';
	put(at);
}

static void fail(const char *text, __s64 found, const char *relation, __s64 expected)
{
	put(text);
	put(" is ");
	put_number(found);
	put(relation);
	put_number(expected);
	put("\n");
	call(__NR_exit_group, 1, 0, 0);
}

#define EXPECT(type, found, text, operator, relation, expected)                         \
	do {                                                                            \
		type found_ = (found), expected_ = (expected);                          \
											\
		if (!(found_ operator expected_))                                       \
			fail(text, found_, ", expected " relation, expected_);          \
	} while (0)

/* Numbers of 32 bits are compared as those of 64 bits. */
#define EXPECT_EQ(found, expected) EXPECT(__s64, found, #found, ==, "", expected)
#define EXPECT_GE(found, expected) EXPECT(__s64, found, #found, >=, "at least ", expected)
#define EXPECT_GT(found, expected) EXPECT(__s64, found, #found, >, "more than ", expected)
#define EXPECT_LE(found, expected) EXPECT(__u64, found, #found, <=, "at most ", expected)

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

	EXPECT_EQ(sizeof(void *), 4);
	/* A read that waits comes back with the record. */
	fd = call(__NR_open, (long)RESOURCE_MONITOR_DEVICE, O_RDWR, 0);
	EXPECT_GE(fd, 0);
	EXPECT_EQ(ask(fd, RESOURCE_MONITOR_INFO, &info), 0);
	EXPECT_EQ(info.version, RESOURCE_MONITOR_IOCTL_VERSION);
	EXPECT_EQ(info.interval_ms, 3600000);
	EXPECT_LE(info.max_record_bytes, sizeof(buffer));
	EXPECT_EQ(ask(fd, RESOURCE_MONITOR_INFO, (void *)0), -EFAULT);
	EXPECT_EQ(ask(fd, RESOURCE_MONITOR_INFO, (void *)0xfffffff8), -EFAULT);
	EXPECT_EQ(ask(fd, 0xbc63, &word), -ENOTTY);
	EXPECT_EQ(ask(fd, RESOURCE_MONITOR_SAMPLE, &seq), 0);
	EXPECT_EQ(seq, info.next_seq);
	len = call(__NR_read, fd, (long)buffer, sizeof(buffer));
	EXPECT_GT(len, (long)sizeof(*record));
	EXPECT_EQ(record->magic, RESOURCE_MONITOR_MAGIC);
	EXPECT_EQ(record->size_bytes, (__u64)len);
	EXPECT_EQ(record->seq, seq);
	word = 0;
	EXPECT_EQ(ask(fd, RESOURCE_MONITOR_SEEK, &word), 0);
	EXPECT_EQ(word, info.oldest_seq);
	word = seq + 2;
	EXPECT_EQ(ask(fd, RESOURCE_MONITOR_SEEK, &word), -EINVAL);
	word = (1ULL << 32) + 5000;
	EXPECT_EQ(ask(fd, RESOURCE_MONITOR_SET_INTERVAL, &word), -EINVAL);
	word = 3600000;
	EXPECT_EQ(ask(fd, RESOURCE_MONITOR_SET_INTERVAL, &word), 0);
	read_only = call(__NR_open, (long)RESOURCE_MONITOR_DEVICE, O_RDONLY, 0);
	EXPECT_GE(read_only, 0);
	EXPECT_EQ(ask(read_only, RESOURCE_MONITOR_SAMPLE, &word), -EBADF);
	call(__NR_exit_group, 0, 0, 0);
}
