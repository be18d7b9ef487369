// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz SEED SECONDS PROCESSES [MODULE]: uses the device at random from several processes of two
 * threads each, every fourth the parameters instead, which with MODULE loads and unloads that as
 * well. The same seed
 * makes the same calls, as far as the kernel's answers allow. Whatever it asks for, the kernel may
 * give one of the errors that are documented, and each record has to be whole. Ends with 0 when
 * that is so, and says what is not otherwise.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "resource_monitor.h"

#define NAME "resource_monitor"
#define PARAMETERS "/sys/module/" NAME "/parameters"
#define FILES 12
#define BUFFER_BYTES (1 << 18)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a thread has for itself. */
struct fuzzer {
	uint64_t random;
	char *buffer;
	unsigned long calls, records;
};

/* Threads of a process share their files, so one may close what another uses. */
static int files[FILES];
static const char *module;
static time_t end;

/* The parameters, by name. */
static struct dirent **names;
static int name_count;

/* Numbers that repeat from run to run (xorshift). */
static uint64_t any(struct fuzzer *fuzzer)
{
	fuzzer->random ^= fuzzer->random << 13;
	fuzzer->random ^= fuzzer->random >> 7;
	fuzzer->random ^= fuzzer->random << 17;
	return fuzzer->random;
}

static uint64_t below(struct fuzzer *fuzzer, uint64_t limit)
{
	return any(fuzzer) % limit;
}

/* Says what was found and what was expected. */
__attribute__((format(printf, 1, 2))) static void wrong(const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vprintf(format, values);
	va_end(values);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

/* A call without which there is nothing to test. */
static void must(const char *what, int is_done)
{
	if (!is_done)
		wrong("%s fails with errno %d: %s, expected success", what, errno, strerror(errno));
}

/* A call may succeed, or fail with one of these, which end with 0. */
static int allow(const char *what, long result, const int *errors)
{
	char allowed[160] = "";
	int error = errno;

	if (result >= 0)
		return 1;
	for (const int *one = errors; *one; one++) {
		size_t length = strlen(allowed);

		if (error == *one)
			return 0;
		snprintf(allowed + length, sizeof(allowed) - length, " %d", *one);
	}
	wrong("%s gives %ld with errno %d: %s, expected success or one of the errnos%s",
	      what, result, error, strerror(error), allowed);
	return 0;
}

#define ALLOW(what, call, ...) allow(what, call, (const int[]){ __VA_ARGS__, 0 })

static int *slot(struct fuzzer *fuzzer)
{
	return &files[below(fuzzer, FILES)];
}

static void do_open(struct fuzzer *fuzzer)
{
	static const int modes[] = { O_RDONLY, O_RDWR, O_WRONLY };
	static const int others[] = { 0, O_NONBLOCK, O_APPEND, O_DIRECT, O_SYNC, O_PATH };
	int flags = modes[below(fuzzer, 3)] | others[below(fuzzer, COUNT(others))];
	int *place = slot(fuzzer), fd, old;

	fd = open(RESOURCE_MONITOR_DEVICE, flags | O_CLOEXEC);
	/* Without the module there is no device, and while it goes it cannot be used. */
	if (!ALLOW("open", fd, ENOENT, ENODEV, ENXIO, EINVAL, ENOMEM))
		return;
	old = __atomic_exchange_n(place, fd, __ATOMIC_RELAXED);
	if (old >= 0)
		close(old);
}

static void do_close(struct fuzzer *fuzzer)
{
	int old = __atomic_exchange_n(slot(fuzzer), -1, __ATOMIC_RELAXED);

	if (old >= 0)
		close(old);
}

/* A place for data: in the buffer, at its end, across it, or none at all. */
static void *place(struct fuzzer *fuzzer)
{
	switch (below(fuzzer, 8)) {
	case 0:
		return NULL;
	case 1:
		return (void *)any(fuzzer);
	case 2:
		return (void *)-(long)below(fuzzer, 4096);
	case 3:
		return fuzzer->buffer + BUFFER_BYTES - below(fuzzer, 4096);
	case 4:
		return fuzzer->buffer + below(fuzzer, BUFFER_BYTES);
	default:
		return fuzzer->buffer;
	}
}

static size_t size(struct fuzzer *fuzzer)
{
	switch (below(fuzzer, 6)) {
	case 0:
		return below(fuzzer, 64);
	case 1:
		return any(fuzzer) >> below(fuzzer, 64);
	case 2:
		return below(fuzzer, 4096);
	default:
		return BUFFER_BYTES;
	}
}

/* What was read to the start of the buffer has to be whole records. */
static void check(struct fuzzer *fuzzer, size_t bytes)
{
	size_t at = 0;

	while (at < bytes) {
		const struct resource_monitor_record *record = (const void *)(fuzzer->buffer + at);

		if (bytes - at < sizeof(*record))
			wrong("%zu bytes are left after %zu, expected a record of %zu or more",
			      bytes - at, at, sizeof(*record));
		if (record->magic != RESOURCE_MONITOR_MAGIC || record->size_bytes > bytes - at ||
		    record->size_bytes < record->header_bytes)
			wrong("the %zu bytes after %zu have the magic number %#llx, %llu bytes "
			      "in all and %llu in the header, expected a whole record with %#llx",
			      bytes - at, at, (unsigned long long)record->magic,
			      (unsigned long long)record->size_bytes,
			      (unsigned long long)record->header_bytes,
			      (unsigned long long)RESOURCE_MONITOR_MAGIC);
		at += record->size_bytes;
		fuzzer->records++;
	}
}

static void do_read(struct fuzzer *fuzzer)
{
	int fd = *slot(fuzzer);
	void *to = place(fuzzer);
	size_t bytes = size(fuzzer);
	struct iovec parts[] = { { to, bytes }, { place(fuzzer), size(fuzzer) } };
	ssize_t got;

	switch (below(fuzzer, 8)) {
	case 0:
		ALLOW("pread", pread(fd, to, bytes, any(fuzzer)), EBADF, EINVAL, ESPIPE, EFAULT);
		return;
	case 1:
		ALLOW("readv", readv(fd, parts, below(fuzzer, 3)),
		      EBADF, EINVAL, EAGAIN, EINTR, EFAULT);
		return;
	default:
		got = read(fd, to, bytes);
		if (ALLOW("read", got, EBADF, EINVAL, EAGAIN, EINTR, EFAULT) &&
		    to == fuzzer->buffer)
			check(fuzzer, got);
	}
}

static void do_ioctl(struct fuzzer *fuzzer)
{
	static const unsigned int commands[] = {
		RESOURCE_MONITOR_INFO,
		RESOURCE_MONITOR_SEEK,
		RESOURCE_MONITOR_SAMPLE,
		RESOURCE_MONITOR_SET_INTERVAL,
		RESOURCE_MONITOR_LIFE,
		RESOURCE_MONITOR_FORGET,
	};
	unsigned int command = commands[below(fuzzer, COUNT(commands))];
	void *argument = place(fuzzer);

	switch (below(fuzzer, 8)) {
	case 0:
		command ^= 1u << below(fuzzer, 32);
		break;
	case 1:
		command = (unsigned int)any(fuzzer);
		/* These are the kernel's own, for any file: FIOASYNC makes it send signals. */
		if ((command >> 8 & 0xff) == 'T' || (command >> 8 & 0xff) == 'f')
			return;
		break;
	}
	if (argument == fuzzer->buffer)
		*(uint64_t *)fuzzer->buffer = below(fuzzer, 2) ? below(fuzzer, 100) : any(fuzzer);
	ALLOW("ioctl", ioctl(*slot(fuzzer), command, argument),
	      EBADF, ENOTTY, EFAULT, EINVAL, EINTR, ENODEV, ENOENT);
}

static void do_other(struct fuzzer *fuzzer)
{
	struct pollfd wait = { .fd = *slot(fuzzer), .events = any(fuzzer) };
	void *mapped;
	int fd;

	switch (below(fuzzer, 8)) {
	case 0:
	case 1:
		ALLOW("poll", poll(&wait, 1, below(fuzzer, 20)), EINTR);
		return;
	case 2:
		ALLOW("lseek", lseek(wait.fd, any(fuzzer), below(fuzzer, 6)),
		      EBADF, ESPIPE, EINVAL);
		return;
	case 3:
		ALLOW("write", write(wait.fd, place(fuzzer), size(fuzzer)), EBADF, EINVAL, EFAULT);
		return;
	case 4:
		mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, wait.fd, 0);
		if (mapped != MAP_FAILED)
			wrong("mmap gives %p, expected it to fail", mapped);
		ALLOW("mmap", -1, EBADF, ENODEV, EACCES);
		return;
	case 5:
		fd = dup(wait.fd);
		if (ALLOW("dup", fd, EBADF))
			close(fd);
		return;
	case 6:
		fd = fcntl(wait.fd, F_GETFL);
		if (fd >= 0)
			fcntl(wait.fd, F_SETFL, fd ^ O_NONBLOCK);
		return;
	case 7:
		ALLOW("splice",
		      splice(wait.fd, NULL, *slot(fuzzer), NULL, size(fuzzer), SPLICE_F_NONBLOCK),
		      EBADF, EINVAL, ESPIPE, EAGAIN, EINTR);
		return;
	}
}

static void do_parameter(struct fuzzer *fuzzer)
{
	static const char *const values[] = {
		"10", "25", "100", "0", "1", "-1", "9", "3600001", "18446744073709551616", "Y",
		"N", "on", "off", "/", "/,/proc", "/tmp", "relative", "", "\n",
	};
	const char *name = names[below(fuzzer, name_count)]->d_name;
	static const char some[] = "/,0123456789YN\n";
	char path[512], value[5000], *at = value;
	size_t length;
	int fd;

	snprintf(path, sizeof(path), PARAMETERS "/%s", name);
	if (below(fuzzer, 2)) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (!ALLOW(path, fd, ENOENT, ENODEV))
			return;
		ALLOW(path, read(fd, value, sizeof(value)), ENODEV);
		close(fd);
		return;
	}
	if (below(fuzzer, 4)) {
		strcpy(value, values[below(fuzzer, COUNT(values))]);
		length = strlen(value);
	} else {
		/* Any bytes, with many that mean something. */
		length = below(fuzzer, below(fuzzer, 8) ? 40 : sizeof(value));
		for (size_t i = 0; i < length; i++)
			*at++ = below(fuzzer, 2) ? some[below(fuzzer, 15)] : (char)any(fuzzer);
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (!ALLOW(path, fd, ENOENT, ENODEV, EACCES))
		return;
	/* Longer than a page is E2BIG. */
	ALLOW(path, write(fd, value, length), EINVAL, ENODEV, E2BIG, EFBIG, EACCES, EIO, ERANGE);
	close(fd);
}

static void do_module(struct fuzzer *fuzzer)
{
	int fd;

	if (below(fuzzer, 2)) {
		ALLOW("rmmod", syscall(SYS_delete_module, NAME, O_NONBLOCK),
		      ENOENT, EBUSY, EAGAIN, EINTR);
		return;
	}
	fd = open(module, O_RDONLY | O_CLOEXEC);
	must(module, fd >= 0);
	ALLOW("insmod", syscall(SYS_finit_module, fd, "interval_ms=10 log_every=0", 0),
	      EEXIST, EBUSY, EINTR, ENOMEM);
	close(fd);
}

static void *fuzz_device(void *argument)
{
	struct fuzzer *fuzzer = argument;

	for (; time(NULL) < end; fuzzer->calls++) {
		uint64_t what = below(fuzzer, 100);

		if (what < 15)
			do_open(fuzzer);
		else if (what < 22)
			do_close(fuzzer);
		else if (what < 55)
			do_read(fuzzer);
		else if (what < 80)
			do_ioctl(fuzzer);
		else
			do_other(fuzzer);
	}
	return NULL;
}

static void *fuzz_parameters(void *argument)
{
	struct fuzzer *fuzzer = argument;

	for (; time(NULL) < end; fuzzer->calls++) {
		if (module && !below(fuzzer, 10))
			do_module(fuzzer);
		else
			do_parameter(fuzzer);
	}
	return NULL;
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* One process. Its reads that wait end with a signal soon. */
static int work(uint64_t seed, void *(*fuzz)(void *))
{
	struct itimerval soon = { { 0, 30000 }, { 0, 30000 } };
	struct sigaction action = { .sa_handler = on_alarm };
	struct fuzzer fuzzers[2] = { 0 };
	pthread_t other;

	for (int i = 0; i < FILES; i++)
		files[i] = -1;
	for (int i = 0; i < 2; i++) {
		fuzzers[i].random = (seed * 2 + i + 1) * 0x9e3779b97f4a7c15;
		/* Behind it there is nothing. */
		fuzzers[i].buffer = mmap(NULL, BUFFER_BYTES + 4096, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must("mmap", fuzzers[i].buffer != MAP_FAILED);
		must("munmap", !munmap(fuzzers[i].buffer + BUFFER_BYTES, 4096));
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	errno = pthread_create(&other, NULL, fuzz, &fuzzers[1]);
	must("pthread_create", !errno);
	fuzz(&fuzzers[0]);
	/* It may wait in a read, which the next signal may not end: this thread may get it. */
	while (pthread_tryjoin_np(other, NULL)) {
		pthread_kill(other, SIGALRM);
		usleep(1000);
	}
	printf("%lu calls, %lu records\n", fuzzers[0].calls + fuzzers[1].calls,
	       fuzzers[0].records + fuzzers[1].records);
	fflush(stdout);
	return 0;
}

static int is_parameter(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int count, char **words)
{
	unsigned long processes;
	uint64_t seed;
	int status, failed = 0;

	if (count < 4 || count > 5) {
		fprintf(stderr, "usage: fuzz SEED SECONDS PROCESSES [MODULE]\n");
		return 2;
	}
	seed = strtoull(words[1], NULL, 0);
	end = time(NULL) + strtol(words[2], NULL, 0);
	processes = strtoul(words[3], NULL, 0);
	module = words[4];
	name_count = scandir(PARAMETERS, &names, is_parameter, alphasort);
	must(PARAMETERS, name_count > 0);
	for (unsigned long i = 0; i < processes; i++) {
		pid_t child = fork();

		must("fork", child >= 0);
		if (child == 0)
			_exit(work(seed * processes + i,
				   i % 4 == 3 ? fuzz_parameters : fuzz_device));
	}
	while (wait(&status) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status)) {
			printf("a process ended with the wait status %#x, expected 0\n", status);
			failed = 1;
		}
	return failed;
}
