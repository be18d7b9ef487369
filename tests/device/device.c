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
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "resource_monitor.h"

#define PATIENCE_MS 60000

static uint64_t buffer[1 << 17];

static void put(__int128 value)
{
	if (value < 0)
		printf("%lld", (long long)value);
	else
		printf("%llu", (unsigned long long)value);
}

static void fail(int line, const char *found_text, __int128 found, const char *relation,
		 __int128 expected, const char *expected_text)
{
	int error = errno;

	printf("line %d: %s is ", line, found_text);
	put(found);
	printf(", expected %s", relation);
	put(expected);
	printf(" (%s), with errno %d: %s\n", expected_text, error, strerror(error));
	exit(1);
}

/*
 * Each expectation says where it is, what it found and what it expected. In 128 bits there are all
 * numbers of 64 bits, signed or not, so that a comparison is exact.
 */
#define EXPECT(found, found_text, operator, relation, expected, expected_text)                     \
	do {                                                                                       \
		__int128 found_ = (found), expected_ = (expected);                                 \
												   \
		if (!(found_ operator expected_))                                                  \
			fail(__LINE__, found_text, found_, relation, expected_, expected_text);    \
	} while (0)

#define EXPECT_EQ(found, expected) EXPECT(found, #found, ==, "", expected, #expected)
#define EXPECT_NE(found, expected) EXPECT(found, #found, !=, "not ", expected, #expected)
#define EXPECT_GE(found, expected) EXPECT(found, #found, >=, "at least ", expected, #expected)
#define EXPECT_LE(found, expected) EXPECT(found, #found, <=, "at most ", expected, #expected)
#define EXPECT_GT(found, expected) EXPECT(found, #found, >, "more than ", expected, #expected)
#define EXPECT_LT(found, expected) EXPECT(found, #found, <, "less than ", expected, #expected)

#define EXPECT_ERRNO(call, expected)                                                               \
	do {                                                                                       \
		errno = 0;                                                                         \
		EXPECT(call, #call, ==, "", -1, "with " #expected);                                \
		EXPECT(errno, "errno after " #call, ==, "", expected, #expected);                  \
	} while (0)

static int open_device(int flags)
{
	int fd = open(RESOURCE_MONITOR_DEVICE, flags | O_CLOEXEC);

	EXPECT_GE(fd, 0);
	return fd;
}

static struct resource_monitor_info info(int fd)
{
	struct resource_monitor_info info;

	memset(&info, 0xff, sizeof(info));
	EXPECT_EQ(ioctl(fd, RESOURCE_MONITOR_INFO, &info), 0);
	return info;
}

/* Takes a sample and waits for its record. */
static uint64_t sample(int fd)
{
	struct pollfd wait = { .events = POLLIN };
	uint64_t seq = UINT64_MAX;

	wait.fd = open_device(O_RDONLY);
	EXPECT_EQ(ioctl(fd, RESOURCE_MONITOR_SAMPLE, &seq), 0);
	EXPECT_EQ(poll(&wait, 1, PATIENCE_MS), 1);
	EXPECT_EQ(wait.revents, POLLIN);
	EXPECT_EQ(info(fd).next_seq, seq + 1);
	close(wait.fd);
	return seq;
}

static int is_readable(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN | POLLOUT };
	int ready = poll(&wait, 1, 0);

	if (ready) {
		EXPECT_EQ(ready, 1);
		EXPECT_EQ(wait.revents, POLLIN);
	}
	return ready;
}

/* Looks at the record at `words`, of which there are `bytes`, and gives its size. */
static size_t check(const uint64_t *words, size_t bytes, uint64_t seq, uint64_t lost)
{
	const struct resource_monitor_record *record = (const void *)words;
	const char *at = (const char *)words, *end;
	unsigned int kinds = 0;

	EXPECT_GE(bytes, sizeof(*record));
	EXPECT_EQ(record->magic, RESOURCE_MONITOR_MAGIC);
	EXPECT_EQ(record->version, RESOURCE_MONITOR_VERSION);
	EXPECT_LE(record->size_bytes, bytes);
	EXPECT_EQ(record->header_bytes, sizeof(*record));
	EXPECT_EQ(record->seq, seq);
	EXPECT_EQ(record->lost_records, lost);
	EXPECT_GE(record->taken_mono_ns, record->due_mono_ns);
	EXPECT_GE(record->taken_boot_ns, record->taken_mono_ns);
	EXPECT_NE(record->load_id, 0);
	EXPECT_NE(record->boot_id, 0);
	end = at + record->size_bytes;
	at += record->header_bytes;
	while (at < end) {
		const struct resource_monitor_section *section = (const void *)at;

		EXPECT_GE((size_t)(end - at), sizeof(*section));
		EXPECT_EQ(section->header_bytes, sizeof(*section));
		EXPECT_GE(section->size_bytes, section->header_bytes);
		EXPECT_LE(section->size_bytes, (size_t)(end - at));
		EXPECT_EQ(section->size_bytes % 8, 0);
		EXPECT_GT(section->entry_bytes, 0);
		EXPECT_EQ((section->size_bytes - section->header_bytes) % section->entry_bytes, 0);
		EXPECT_LE(section->first_mono_ns, section->last_mono_ns);
		EXPECT_GE(section->kind, 1);
		/* More would not fit here. */
		EXPECT_LE(section->kind, 31);
		kinds |= 1u << section->kind;
		if (section->kind == RESOURCE_MONITOR_MEMORY) {
			const struct resource_monitor_memory *memory = (const void *)(section + 1);

			EXPECT_EQ(section->entry_bytes, sizeof(*memory));
			EXPECT_EQ(memory->page_bytes, (uint64_t)sysconf(_SC_PAGESIZE));
			EXPECT_GT(memory->free, 0);
			EXPECT_LT(memory->free, memory->total);
		}
		if (section->kind == RESOURCE_MONITOR_CPUS) {
			size_t cpus = (section->size_bytes - section->header_bytes) /
				      section->entry_bytes;

			EXPECT_EQ(section->entry_bytes, sizeof(struct resource_monitor_cpu));
			EXPECT_EQ(cpus, (size_t)sysconf(_SC_NPROCESSORS_ONLN));
			EXPECT_EQ(section->first_mono_ns, record->taken_mono_ns);
			EXPECT_GT(section->last_mono_ns, section->first_mono_ns);
		}
		at += section->size_bytes;
	}
	EXPECT_EQ(end - at, 0);
	EXPECT_NE(kinds & 1u << RESOURCE_MONITOR_MEMORY, 0);
	EXPECT_NE(kinds & 1u << RESOURCE_MONITOR_CPUS, 0);
	return record->size_bytes;
}

static void commands(int fd)
{
	struct resource_monitor_info now = info(fd);
	int read_only = open_device(O_RDONLY);
	uint64_t word, words[32];

	EXPECT_EQ(now.version, RESOURCE_MONITOR_IOCTL_VERSION);
	EXPECT_EQ(now.record_version, RESOURCE_MONITOR_VERSION);
	EXPECT_EQ(now.interval_ms, 3600000);
	EXPECT_GE(now.history_bytes, 2 * now.max_record_bytes);
	EXPECT_LE(now.max_record_bytes, sizeof(buffer));
	EXPECT_LE(now.oldest_seq, now.next_seq);

	/* A program that knows fewer fields gets these, and one that knows more gets zeros. */
	memset(words, 0xff, sizeof(words));
	EXPECT_EQ(ioctl(fd, _IOR(0xbc, 0, __u64[8]), words), 0);
	EXPECT_EQ(words[7], now.interval_ms);
	EXPECT_EQ(words[8], ~0ull);
	EXPECT_EQ(ioctl(fd, _IOR(0xbc, 0, __u64[32]), words), 0);
	EXPECT_EQ(words[8], now.block_bytes);
	EXPECT_EQ(words[31], 0);
	EXPECT_ERRNO(ioctl(fd, _IO(0xbc, 0), &word), ENOTTY);
	EXPECT_ERRNO(ioctl(fd, _IOR(0xbc, 0, __u64), &word), ENOTTY);
	EXPECT_ERRNO(ioctl(fd, _IOR(0xbc, 0, char[65]), words), ENOTTY);
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
	EXPECT_EQ(info(read_only).interval_ms, 3600000);
	EXPECT_EQ(info(read_only).next_seq, now.next_seq);

	for (int i = 0; i < 5; i++) {
		static const uint64_t bad[] = { 0, 9, 3600001, (1ULL << 32) + 5000, UINT64_MAX };

		word = bad[i];
		EXPECT_ERRNO(ioctl(fd, RESOURCE_MONITOR_SET_INTERVAL, &word), EINVAL);
		EXPECT_EQ(info(fd).interval_ms, 3600000);
	}
	word = 3599999;
	EXPECT_EQ(ioctl(fd, RESOURCE_MONITOR_SET_INTERVAL, &word), 0);
	EXPECT_EQ(info(fd).interval_ms, 3599999);
	word = 3600000;
	EXPECT_EQ(ioctl(fd, RESOURCE_MONITOR_SET_INTERVAL, &word), 0);

	/* It is a stream, and for reading. */
	EXPECT_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
	EXPECT_ERRNO(pread(fd, buffer, sizeof(buffer), 0), ESPIPE);
	EXPECT_ERRNO(write(fd, buffer, 8), EINVAL);
	EXPECT_ERRNO((intptr_t)mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), ENODEV);
	close(read_only);
}

static void short_buffers(int fd)
{
	int reader = open_device(O_RDONLY | O_NONBLOCK);
	void *volatile nowhere = NULL;
	uint64_t first, second;
	size_t size;
	char *pages;

	EXPECT_EQ(is_readable(reader), 0);
	EXPECT_ERRNO(read(reader, buffer, sizeof(buffer)), EAGAIN);
	first = sample(fd);
	second = sample(fd);
	EXPECT_EQ(second, first + 1);
	EXPECT_EQ(is_readable(reader), 1);
	EXPECT_EQ(read(reader, buffer, 0), 0);
	EXPECT_ERRNO(read(reader, buffer, 8), EINVAL);
	EXPECT_EQ(ioctl(reader, RESOURCE_MONITOR_SEEK, &(uint64_t){ first }), 0);
	EXPECT_GT(read(reader, buffer, sizeof(buffer)), 0);
	size = check(buffer, sizeof(buffer), first, 0);

	EXPECT_EQ(ioctl(reader, RESOURCE_MONITOR_SEEK, &(uint64_t){ first }), 0);
	EXPECT_ERRNO(read(reader, buffer, size - 1), EINVAL);
	/* Nothing was lost by that. A second one does not fit, so it is not begun. */
	memset(buffer, 0xee, sizeof(buffer));
	EXPECT_EQ(read(reader, buffer, size + 100), (ssize_t)size);
	EXPECT_EQ(check(buffer, size, first, 0), size);
	EXPECT_GT(read(reader, buffer, sizeof(buffer)), 0);
	size = check(buffer, sizeof(buffer), second, 0);
	EXPECT_EQ(is_readable(reader), 0);

	/* Both at once. */
	EXPECT_EQ(ioctl(reader, RESOURCE_MONITOR_SEEK, &(uint64_t){ first }), 0);
	EXPECT_GT(read(reader, buffer, sizeof(buffer)), (ssize_t)size);
	size = check(buffer, sizeof(buffer), first, 0);
	check(buffer + size / 8, sizeof(buffer) - size, second, 0);

	/* A buffer that is not there, or ends too early, loses nothing either. */
	EXPECT_EQ(ioctl(reader, RESOURCE_MONITOR_SEEK, &(uint64_t){ first }), 0);
	EXPECT_ERRNO(read(reader, nowhere, sizeof(buffer)), EFAULT);
	EXPECT_ERRNO(read(reader, (void *)-8L, sizeof(buffer)), EFAULT);
	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_NE((intptr_t)pages, (intptr_t)MAP_FAILED);
	EXPECT_EQ(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	EXPECT_ERRNO(read(reader, pages + 4096 - 64, 65536), EFAULT);
	EXPECT_ERRNO(read(reader, pages + 4096 - 512, 65536), EFAULT);
	EXPECT_EQ(munmap(pages, 8192), 0);
	EXPECT_GT(read(reader, buffer, sizeof(buffer)), 0);
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
	EXPECT_GT(len, 0);
	EXPECT_EQ(check(buffer, len, second, 0), (size_t)len);
	EXPECT_GT(read(early, buffer, sizeof(buffer)), 0);
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
	EXPECT_EQ(ioctl(fd, RESOURCE_MONITOR_SEEK, &word), 0);
	EXPECT_EQ(word, now.oldest_seq);
	EXPECT_GT(read(fd, buffer, sizeof(buffer)), 0);
	check(buffer, sizeof(buffer), now.oldest_seq, 0);
	word = last;
	EXPECT_EQ(ioctl(fd, RESOURCE_MONITOR_SEEK, &word), 0);
	EXPECT_EQ(word, last);
	word = now.next_seq;
	EXPECT_EQ(ioctl(fd, RESOURCE_MONITOR_SEEK, &word), 0);
	EXPECT_EQ(word, now.next_seq);
	EXPECT_EQ(is_readable(fd), 0);
	word = now.next_seq + 1;
	EXPECT_ERRNO(ioctl(fd, RESOURCE_MONITOR_SEEK, &word), EINVAL);
	word = UINT64_MAX;
	EXPECT_ERRNO(ioctl(fd, RESOURCE_MONITOR_SEEK, &word), EINVAL);
}

/* Of the last life, which runs; those before it, if there are any, are told apart. */
static struct resource_monitor_life running(int fd)
{
	struct resource_monitor_life life = { .index = 0 }, last = life;

	for (; !ioctl(fd, RESOURCE_MONITOR_LIFE, &life); life.index++) {
		EXPECT_EQ(life.kernel[sizeof(life.kernel) - 1], 0);
		EXPECT_NE(life.load_id, last.load_id);
		last = life;
	}
	EXPECT_EQ(errno, ENOENT);
	EXPECT_GT(life.index, 0);
	EXPECT_EQ(last.index, life.index - 1);
	return last;
}

static void lives(int fd)
{
	const struct resource_monitor_record *record = (const void *)buffer;
	struct resource_monitor_info before = info(fd);
	struct resource_monitor_life life = running(fd);
	int read_only = open_device(O_RDONLY | O_NONBLOCK), status;
	struct utsname name;
	struct timespec now, wall;
	int64_t ahead;
	pid_t child;

	EXPECT_EQ(uname(&name), 0);
	EXPECT_EQ(strcmp(life.kernel, name.release), 0);
	EXPECT_EQ(life.ended, RESOURCE_MONITOR_LIFE_RUNS);
	EXPECT_EQ(life.end_boot_ns, 0);
	EXPECT_EQ(life.records, before.history_records);
	EXPECT_EQ(ioctl(read_only, RESOURCE_MONITOR_SEEK, &(uint64_t){ 0 }), 0);
	EXPECT_GT(read(read_only, buffer, sizeof(buffer)), 0);
	EXPECT_EQ(life.load_id, record->load_id);
	EXPECT_EQ(life.boot_id, record->boot_id);
	EXPECT_LT(life.begin_boot_ns, record->taken_boot_ns);
	EXPECT_EQ(clock_gettime(CLOCK_BOOTTIME, &now), 0);
	EXPECT_EQ(clock_gettime(CLOCK_REALTIME, &wall), 0);
	ahead = (wall.tv_sec - now.tv_sec) * 1000000000 + wall.tv_nsec - now.tv_nsec;
	EXPECT_LT(llabs(ahead - (int64_t)life.wall_ahead_ns), 1000000000);
	life.index = UINT64_MAX;
	EXPECT_ERRNO(ioctl(fd, RESOURCE_MONITOR_LIFE, &life), ENOENT);
	EXPECT_ERRNO(ioctl(fd, RESOURCE_MONITOR_LIFE, NULL), EFAULT);

	/* Who may not forget does not, and this boot is not forgotten. */
	EXPECT_ERRNO(ioctl(read_only, RESOURCE_MONITOR_FORGET), EBADF);
	child = fork();
	EXPECT_GE(child, 0);
	if (child == 0)
		_exit(setuid(1000) || !ioctl(fd, RESOURCE_MONITOR_FORGET) || errno != EPERM);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(info(fd).earlier_records, before.earlier_records);
	EXPECT_EQ(ioctl(fd, RESOURCE_MONITOR_FORGET), 0);
	EXPECT_EQ(info(fd).earlier_records, 0);
	EXPECT_EQ(info(fd).history_records, before.history_records);
	EXPECT_EQ(running(fd).records, before.history_records);
	close(read_only);
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
	EXPECT_EQ(sigaction(SIGALRM, &action, NULL), 0);
	ualarm(200000, 0);
	EXPECT_ERRNO(read(reader, buffer, sizeof(buffer)), EINTR);

	EXPECT_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, reader, &event), 0);
	EXPECT_EQ(epoll_wait(epoll, &event, 1, 0), 0);
	seq = sample(fd);
	EXPECT_EQ(epoll_wait(epoll, &event, 1, PATIENCE_MS), 1);
	EXPECT_EQ(event.events, EPOLLIN);
	FD_ZERO(&set);
	FD_SET(reader, &set);
	EXPECT_EQ(select(reader + 1, &set, NULL, NULL, NULL), 1);
	EXPECT_NE(FD_ISSET(reader, &set), 0);
	EXPECT_GT(read(reader, buffer, sizeof(buffer)), 0);
	check(buffer, sizeof(buffer), seq, 0);
	EXPECT_EQ(epoll_wait(epoll, &event, 1, 0), 0);

	/* A sample wakes a read that waits. */
	child = fork();
	EXPECT_GE(child, 0);
	if (child == 0) {
		usleep(300000);
		_exit(ioctl(fd, RESOURCE_MONITOR_SAMPLE, &seq) ? 1 : 0);
	}
	EXPECT_GT(read(reader, buffer, sizeof(buffer)), 0);
	check(buffer, sizeof(buffer), seq + 1, 0);
	close(epoll);
	close(reader);
}

int main(void)
{
	struct stat file;
	int fd;

	EXPECT_EQ(stat(RESOURCE_MONITOR_DEVICE, &file), 0);
	EXPECT_EQ(file.st_mode & S_IFMT, S_IFCHR);
	EXPECT_EQ(file.st_mode & 07777, 0600);
	EXPECT_EQ(file.st_uid, 0);
	EXPECT_EQ(file.st_gid, 0);
	fd = open_device(O_RDWR | O_NONBLOCK);
	commands(fd);
	short_buffers(fd);
	readers_of_their_own(fd);
	seeking(fd);
	lives(fd);
	waiting(fd);
	return 0;
}
