// SPDX-License-Identifier: GPL-2.0
/*
 * seek ROUNDS: a thread reads the device and waits for records, while another one goes back to
 * the newest record with the same open file, which has to wake the reader. The module must be
 * loaded with a long interval, so that nothing else wakes it. Ends with 0 when each seek led to a
 * read, and says what is not as it should be otherwise.
 *
 * How fast the machine is does not matter: a reader that was woken is not asleep, even if it has
 * not run yet. One that sleeps while there is a record for it was forgotten.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "resource_monitor.h"

/* How often a reader is seen asleep before it is taken for forgotten. */
#define LOOKS 20

/* The seek comes after 0 to this many turns of an empty loop, to meet the reader everywhere. */
#define MAX_DELAY 1024

static int fd;
static uint64_t newest;
/* What the reader has done; it ends when it is told to. */
static unsigned long reads, is_over;
static pid_t reader_id;

static void fail(const char *what, int error)
{
	printf("%s: errno %d: %s\n", what, error, strerror(error));
	exit(1);
}

static unsigned long get(unsigned long *number)
{
	return __atomic_load_n(number, __ATOMIC_ACQUIRE);
}

static void *read_records(void *unused)
{
	static uint64_t buffer[1 << 17];
	const struct resource_monitor_record *record = (const void *)buffer;

	(void)unused;
	__atomic_store_n(&reader_id, gettid(), __ATOMIC_RELEASE);
	while (!get(&is_over)) {
		ssize_t len = read(fd, buffer, sizeof(buffer));

		if (len < 0)
			fail("read", errno);
		if ((uint64_t)len != record->size_bytes || record->seq != newest ||
		    record->lost_records)
			fail("not the newest record alone", 0);
		__atomic_fetch_add(&reads, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Whether the reader sleeps and waits for something to happen. */
static int is_asleep(void)
{
	char path[64], stat[512], *state;
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", reader_id);
	file = fopen(path, "r");
	if (!file)
		fail(path, errno);
	len = fread(stat, 1, sizeof(stat) - 1, file);
	fclose(file);
	stat[len] = '\0';
	state = strrchr(stat, ')');
	if (!state || strlen(state) < 3)
		fail("no state in stat", 0);
	return state[2] == 'S';
}

static void seek(void)
{
	uint64_t seq = newest;

	if (ioctl(fd, RESOURCE_MONITOR_SEEK, &seq))
		fail("SEEK", errno);
	if (seq != newest)
		fail("SEEK went to another record", 0);
}

/* Waits for the read that follows a seek. */
static void wait_for_read(unsigned long before, unsigned long round)
{
	unsigned int turns = 0, looks = 0;

	while (get(&reads) == before) {
		sched_yield();
		if (++turns < 1000)
			continue;
		looks = is_asleep() ? looks + 1 : 0;
		if (looks == LOOKS) {
			printf("after %lu seeks the reader sleeps, with a record for it\n", round);
			exit(1);
		}
		usleep(10000);
	}
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	struct resource_monitor_info info;
	pthread_t reader;
	int error;

	if (!rounds)
		fail("usage: seek ROUNDS", 0);
	fd = open(RESOURCE_MONITOR_DEVICE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(RESOURCE_MONITOR_DEVICE, errno);
	if (ioctl(fd, RESOURCE_MONITOR_INFO, &info))
		fail("INFO", errno);
	if (!info.next_seq)
		fail("there is no record", 0);
	newest = info.next_seq - 1;
	error = pthread_create(&reader, NULL, read_records, NULL);
	if (error)
		fail("pthread_create", error);
	while (!__atomic_load_n(&reader_id, __ATOMIC_ACQUIRE))
		sched_yield();
	for (unsigned long round = 1; round <= rounds; round++) {
		unsigned long before = get(&reads);

		for (volatile unsigned long delay = round % MAX_DELAY; delay; delay--)
			;
		if (round == rounds)
			__atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
		seek();
		wait_for_read(before, round);
	}
	pthread_join(reader, NULL);
	printf("%lu reads\n", reads);
	return reads != rounds;
}
