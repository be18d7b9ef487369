// SPDX-License-Identifier: GPL-2.0
/*
 * What a program can expect of /dev/resource_monitor that knows its header alone. The module must
 * be loaded with a long interval, so that samples come when they are asked for. Ends with 0 when
 * all is as it should be, and says what is not otherwise.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

#include "resource_monitor.h"

#define PATIENCE_MS 60000

static int line;
static uint64_t buffer[1 << 17];

static void fail(const char *what)
{
	printf("line %d: %s (errno %d: %s)\n", line, what, errno, strerror(errno));
	exit(1);
}

/* Each expectation says where it is. */
#define EXPECT(condition)                 \
	do {                              \
		line = __LINE__;          \
		if (!(condition))         \
			fail(#condition); \
	} while (0)

#define EXPECT_ERRNO(call, expected)                 \
	do {                                         \
		errno = 0;                           \
		EXPECT((call) == -1);                \
		EXPECT(errno == (expected));         \
	} while (0)

static int open_device(int flags)
{
	int fd = open(RESOURCE_MONITOR_DEVICE, flags | O_CLOEXEC);

	EXPECT(fd >= 0);
	return fd;
}

static struct resource_monitor_info info(int fd)
{
	struct resource_monitor_info info;

	memset(&info, 0xff, sizeof(info));
	EXPECT(ioctl(fd, RESOURCE_MONITOR_INFO, &info) == 0);
	return info;
}

/* Takes a sample and waits for its record. */
static uint64_t sample(int fd)
{
	struct pollfd wait = { .events = POLLIN };
	uint64_t seq = UINT64_MAX;

	wait.fd = open_device(O_RDONLY);
	EXPECT(ioctl(fd, RESOURCE_MONITOR_SAMPLE, &seq) == 0);
	EXPECT(poll(&wait, 1, PATIENCE_MS) == 1);
	EXPECT(wait.revents == POLLIN);
	EXPECT(info(fd).next_seq == seq + 1);
	close(wait.fd);
	return seq;
}

static int is_readable(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN | POLLOUT };
	int ready = poll(&wait, 1, 0);

	EXPECT(ready == 0 || (ready == 1 && wait.revents == POLLIN));
	return ready;
}

/* Looks at the record at `words`, of which there are `bytes`, and gives its size. */
static size_t check(const uint64_t *words, size_t bytes, uint64_t seq, uint64_t lost)
{
	const struct resource_monitor_record *record = (const void *)words;
	const char *at = (const char *)words, *end;
	unsigned int kinds = 0;

	EXPECT(bytes >= sizeof(*record));
	EXPECT(record->magic == RESOURCE_MONITOR_MAGIC);
	EXPECT(record->version == RESOURCE_MONITOR_VERSION);
	EXPECT(record->size_bytes <= bytes);
	EXPECT(record->header_bytes == sizeof(*record));
	EXPECT(record->seq == seq);
	EXPECT(record->lost_records == lost);
	EXPECT(record->taken_mono_ns >= record->due_mono_ns);
	EXPECT(record->taken_boot_ns >= record->taken_mono_ns);
	EXPECT(record->load_id != 0);
	EXPECT(record->boot_id != 0);
	end = at + record->size_bytes;
	at += record->header_bytes;
	while (at < end) {
		const struct resource_monitor_section *section = (const void *)at;

		EXPECT((size_t)(end - at) >= sizeof(*section));
		EXPECT(section->header_bytes == sizeof(*section));
		EXPECT(section->size_bytes >= section->header_bytes);
		EXPECT(section->size_bytes <= (size_t)(end - at));
		EXPECT(section->size_bytes % 8 == 0);
		EXPECT(section->entry_bytes > 0);
		EXPECT((section->size_bytes - section->header_bytes) % section->entry_bytes == 0);
		EXPECT(section->first_mono_ns <= section->last_mono_ns);
		EXPECT(section->kind >= 1 && section->kind <= 9);
		kinds |= 1u << section->kind;
		if (section->kind == RESOURCE_MONITOR_MEMORY) {
			const struct resource_monitor_memory *memory = (const void *)(section + 1);

			EXPECT(section->entry_bytes == sizeof(*memory));
			EXPECT(memory->page_bytes == (uint64_t)sysconf(_SC_PAGESIZE));
			EXPECT(memory->free > 0 && memory->free < memory->total);
		}
		if (section->kind == RESOURCE_MONITOR_CPUS) {
			size_t cpus = (section->size_bytes - section->header_bytes) /
				      section->entry_bytes;

			EXPECT(section->entry_bytes == sizeof(struct resource_monitor_cpu));
			EXPECT(cpus == (size_t)sysconf(_SC_NPROCESSORS_ONLN));
			EXPECT(section->first_mono_ns == record->taken_mono_ns);
			EXPECT(section->last_mono_ns > section->first_mono_ns);
		}
		at += section->size_bytes;
	}
	EXPECT(at == end);
	EXPECT(kinds & 1u << RESOURCE_MONITOR_MEMORY);
	EXPECT(kinds & 1u << RESOURCE_MONITOR_CPUS);
	return record->size_bytes;
}

static void commands(int fd)
{
	struct resource_monitor_info now = info(fd);
	int read_only = open_device(O_RDONLY);
	uint64_t word;

	EXPECT(now.version == RESOURCE_MONITOR_IOCTL_VERSION);
	EXPECT(now.record_version == RESOURCE_MONITOR_VERSION);
	EXPECT(now.interval_ms == 3600000);
	EXPECT(now.history_bytes >= 2 * now.max_record_bytes);
	EXPECT(now.max_record_bytes <= sizeof(buffer));
	EXPECT(now.oldest_seq <= now.next_seq);

	EXPECT_ERRNO(ioctl(fd, _IO(0xbc, 0), &word), ENOTTY);
	EXPECT_ERRNO(ioctl(fd, _IOR(0xbc, 0, __u64), &word), ENOTTY);
	EXPECT_ERRNO(ioctl(fd, _IO(0xbc, 99), 0), ENOTTY);
	EXPECT_ERRNO(ioctl(fd, _IOW(0xbc, 1, __u64), &word), ENOTTY);
	EXPECT_ERRNO(ioctl(fd, 0x5401 /* TCGETS */, buffer), ENOTTY);
	EXPECT_ERRNO(ioctl(fd, ~0u, 0), ENOTTY);

	EXPECT_ERRNO(ioctl(fd, RESOURCE_MONITOR_INFO, NULL), EFAULT);
	EXPECT_ERRNO(ioctl(fd, RESOURCE_MONITOR_INFO, (void *)-8L), EFAULT);
	EXPECT_ERRNO(ioctl(fd, RESOURCE_MONITOR_SEEK, NULL), EFAULT);
	EXPECT_ERRNO(ioctl(fd, RESOURCE_MONITOR_SET_INTERVAL, NULL), EFAULT);

	/* Of what is read alone nothing can be changed. */
	EXPECT_ERRNO(ioctl(read_only, RESOURCE_MONITOR_SAMPLE, &word), EBADF);
	word = 1000;
	EXPECT_ERRNO(ioctl(read_only, RESOURCE_MONITOR_SET_INTERVAL, &word), EBADF);
	EXPECT(info(read_only).interval_ms == 3600000);
	EXPECT(info(read_only).next_seq == now.next_seq);

	for (int i = 0; i < 5; i++) {
		static const uint64_t bad[] = { 0, 9, 3600001, (1ULL << 32) + 5000, UINT64_MAX };

		word = bad[i];
		EXPECT_ERRNO(ioctl(fd, RESOURCE_MONITOR_SET_INTERVAL, &word), EINVAL);
		EXPECT(info(fd).interval_ms == 3600000);
	}
	word = 3599999;
	EXPECT(ioctl(fd, RESOURCE_MONITOR_SET_INTERVAL, &word) == 0);
	EXPECT(info(fd).interval_ms == 3599999);
	word = 3600000;
	EXPECT(ioctl(fd, RESOURCE_MONITOR_SET_INTERVAL, &word) == 0);

	/* It is a stream, and for reading. */
	EXPECT_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
	EXPECT_ERRNO(pread(fd, buffer, sizeof(buffer), 0), ESPIPE);
	EXPECT_ERRNO(write(fd, buffer, 8), EINVAL);
	EXPECT(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	EXPECT(errno == ENODEV);
	close(read_only);
}

static void short_buffers(int fd)
{
	int reader = open_device(O_RDONLY | O_NONBLOCK);
	void *volatile nowhere = NULL;
	uint64_t first, second;
	size_t size;
	char *pages;

	EXPECT(!is_readable(reader));
	EXPECT_ERRNO(read(reader, buffer, sizeof(buffer)), EAGAIN);
	first = sample(fd);
	second = sample(fd);
	EXPECT(second == first + 1);
	EXPECT(is_readable(reader));
	EXPECT(read(reader, buffer, 0) == 0);
	EXPECT_ERRNO(read(reader, buffer, 8), EINVAL);
	EXPECT(ioctl(reader, RESOURCE_MONITOR_SEEK, &(uint64_t){ first }) == 0);
	EXPECT(read(reader, buffer, sizeof(buffer)) > 0);
	size = check(buffer, sizeof(buffer), first, 0);

	EXPECT(ioctl(reader, RESOURCE_MONITOR_SEEK, &(uint64_t){ first }) == 0);
	EXPECT_ERRNO(read(reader, buffer, size - 1), EINVAL);
	/* Nothing was lost by that. A second one does not fit, so it is not begun. */
	memset(buffer, 0xee, sizeof(buffer));
	EXPECT(read(reader, buffer, size + 100) == (ssize_t)size);
	EXPECT(check(buffer, size, first, 0) == size);
	EXPECT(read(reader, buffer, sizeof(buffer)) > 0);
	size = check(buffer, sizeof(buffer), second, 0);
	EXPECT(!is_readable(reader));

	/* Both at once. */
	EXPECT(ioctl(reader, RESOURCE_MONITOR_SEEK, &(uint64_t){ first }) == 0);
	EXPECT(read(reader, buffer, sizeof(buffer)) > (ssize_t)size);
	size = check(buffer, sizeof(buffer), first, 0);
	check(buffer + size / 8, sizeof(buffer) - size, second, 0);

	/* A buffer that is not there, or ends too early, loses nothing either. */
	EXPECT(ioctl(reader, RESOURCE_MONITOR_SEEK, &(uint64_t){ first }) == 0);
	EXPECT_ERRNO(read(reader, nowhere, sizeof(buffer)), EFAULT);
	EXPECT_ERRNO(read(reader, (void *)-8L, sizeof(buffer)), EFAULT);
	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(pages != MAP_FAILED);
	EXPECT(mprotect(pages + 4096, 4096, PROT_NONE) == 0);
	EXPECT_ERRNO(read(reader, pages + 4096 - 64, 65536), EFAULT);
	EXPECT_ERRNO(read(reader, pages + 4096 - 512, 65536), EFAULT);
	EXPECT(munmap(pages, 8192) == 0);
	EXPECT(read(reader, buffer, sizeof(buffer)) > 0);
	check(buffer, sizeof(buffer), first, 0);
	close(reader);
}

static void readers_of_their_own(int fd)
{
	int early = open_device(O_RDONLY | O_NONBLOCK);
	uint64_t first = sample(fd), second;
	int late = open_device(O_RDONLY | O_NONBLOCK);
	ssize_t len;

	second = sample(fd);
	len = read(late, buffer, sizeof(buffer));
	EXPECT(len > 0);
	EXPECT(check(buffer, len, second, 0) == (size_t)len);
	EXPECT(read(early, buffer, sizeof(buffer)) > 0);
	check(buffer, sizeof(buffer), first, 0);
	EXPECT_ERRNO(read(late, buffer, sizeof(buffer)), EAGAIN);
	EXPECT_ERRNO(read(early, buffer, sizeof(buffer)), EAGAIN);
	close(early);
	close(late);
}

static void seeking(int fd)
{
	struct resource_monitor_info now;
	uint64_t word = 0, last = sample(fd);

	now = info(fd);
	EXPECT(ioctl(fd, RESOURCE_MONITOR_SEEK, &word) == 0);
	EXPECT(word == now.oldest_seq);
	EXPECT(read(fd, buffer, sizeof(buffer)) > 0);
	check(buffer, sizeof(buffer), now.oldest_seq, 0);
	word = last;
	EXPECT(ioctl(fd, RESOURCE_MONITOR_SEEK, &word) == 0 && word == last);
	word = now.next_seq;
	EXPECT(ioctl(fd, RESOURCE_MONITOR_SEEK, &word) == 0 && word == now.next_seq);
	EXPECT(!is_readable(fd));
	word = now.next_seq + 1;
	EXPECT_ERRNO(ioctl(fd, RESOURCE_MONITOR_SEEK, &word), EINVAL);
	word = UINT64_MAX;
	EXPECT_ERRNO(ioctl(fd, RESOURCE_MONITOR_SEEK, &word), EINVAL);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void waiting(int fd)
{
	int reader = open_device(O_RDONLY), epoll = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN };
	struct sigaction action = { .sa_handler = on_alarm };
	fd_set set;
	uint64_t seq;
	pid_t child;

	/* A signal ends a read that waits, and one that is to be restarted goes on. */
	EXPECT(sigaction(SIGALRM, &action, NULL) == 0);
	ualarm(200000, 0);
	EXPECT_ERRNO(read(reader, buffer, sizeof(buffer)), EINTR);

	EXPECT(epoll_ctl(epoll, EPOLL_CTL_ADD, reader, &event) == 0);
	EXPECT(epoll_wait(epoll, &event, 1, 0) == 0);
	seq = sample(fd);
	EXPECT(epoll_wait(epoll, &event, 1, PATIENCE_MS) == 1 && event.events == EPOLLIN);
	FD_ZERO(&set);
	FD_SET(reader, &set);
	EXPECT(select(reader + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(reader, &set));
	EXPECT(read(reader, buffer, sizeof(buffer)) > 0);
	check(buffer, sizeof(buffer), seq, 0);
	EXPECT(epoll_wait(epoll, &event, 1, 0) == 0);

	/* A sample wakes a read that waits. */
	child = fork();
	EXPECT(child >= 0);
	if (child == 0) {
		usleep(300000);
		_exit(ioctl(fd, RESOURCE_MONITOR_SAMPLE, &seq) ? 1 : 0);
	}
	EXPECT(read(reader, buffer, sizeof(buffer)) > 0);
	check(buffer, sizeof(buffer), seq + 1, 0);
	close(epoll);
	close(reader);
}

int main(void)
{
	struct stat file;
	int fd;

	EXPECT(stat(RESOURCE_MONITOR_DEVICE, &file) == 0);
	EXPECT(S_ISCHR(file.st_mode) && (file.st_mode & 07777) == 0600);
	EXPECT(file.st_uid == 0 && file.st_gid == 0);
	fd = open_device(O_RDWR | O_NONBLOCK);
	commands(fd);
	short_buffers(fd);
	readers_of_their_own(fd);
	seeking(fd);
	waiting(fd);
	return 0;
}
