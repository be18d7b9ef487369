// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "programs.h"
#include "resource_monitor.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EXPORTER_PORT 9100

static int device;
static __u64 records[1 << 17];
/* The last record that was read: where it is until the next call, its number, and its size. */
static const struct resource_monitor_record *newest_record;
static __u64 newest, newest_bytes;

/* Reads the records that are there, which a device gives as many of as have room. */
void device_read(void)
{
	ssize_t length = read(device, records, sizeof(records));
	__u64 at = 0, size;

	if (length <= 0)
		err(1, "cannot read " RESOURCE_MONITOR_DEVICE);
	while (at < (__u64)length) {
		const struct resource_monitor_record *record = (void *)((char *)records + at);

		size = record->size_bytes;
		if (size < sizeof(*record) || size > (__u64)length - at)
			errx(1, "a record of %llu bytes in the %llu that were read", size,
			     (__u64)length - at);
		newest_record = record;
		newest = record->seq;
		newest_bytes = size;
		at += size;
	}
}

/* Takes a sample and reads records up to it. */
void device_sample(void)
{
	__u64 seq;

	if (ioctl(device, RESOURCE_MONITOR_SAMPLE, &seq))
		err(1, "cannot take a sample");
	do
		device_read();
	while (newest < seq);
}

void device_open(void)
{
	device = open(RESOURCE_MONITOR_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		err(1, "cannot open " RESOURCE_MONITOR_DEVICE);
	/* What was taken at load is not there any more when it is measured. */
	device_sample();
}

size_t device_record_words(void)
{
	return newest_bytes / sizeof(__u64);
}

long long device_census_ns(unsigned long long *processes)
{
	const char *at = (const char *)newest_record + newest_record->header_bytes;
	const char *end = (const char *)newest_record + newest_bytes;

	while (at < end) {
		const struct resource_monitor_section *section = (const void *)at;

		if (section->kind == RESOURCE_MONITOR_TASKS) {
			const struct resource_monitor_tasks *tasks =
				(const void *)(at + section->header_bytes);

			if (section->first_mono_ns < newest_record->taken_mono_ns)
				errx(1, "a sample has no census of its own");
			*processes = tasks->processes;
			return section->last_mono_ns - section->first_mono_ns;
		}
		at += section->size_bytes;
	}
	errx(1, "a record has no processes");
}

int device_encodes(void)
{
	struct resource_monitor_info info;

	if (ioctl(device, RESOURCE_MONITOR_INFO, &info))
		err(1, "cannot ask what is kept");
	return info.block_records != 0;
}

void device_close(void)
{
	close(device);
}

void device_rewind(void)
{
	__u64 seq = newest;

	if (ioctl(device, RESOURCE_MONITOR_SEEK, &seq))
		err(1, "cannot go back");
}

/* Starts a program with its output going nowhere. */
static pid_t start(const char *path, char *const arguments[])
{
	pid_t child = fork();

	if (child < 0)
		err(1, "cannot start %s", path);
	if (child == 0) {
		int nowhere = open("/dev/null", O_RDWR);

		dup2(nowhere, 0);
		dup2(nowhere, 1);
		dup2(nowhere, 2);
		execv(path, arguments);
		_exit(127);
	}
	return child;
}

/* Fetches the metrics and gives their length; -1 when nobody answers. */
static long fetch(void)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
				      "Connection: close\r\n\r\n";
	static char answer[1 << 16];
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(EXPORTER_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	long total = 0;
	ssize_t length;

	if (fd < 0)
		err(1, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	if (write(fd, request, sizeof(request) - 1) != sizeof(request) - 1)
		err(1, "cannot ask node_exporter");
	while ((length = read(fd, answer, sizeof(answer))) > 0)
		total += length;
	close(fd);
	return total;
}

pid_t node_exporter_start(void)
{
	static char *const arguments[] = { "prometheus-node-exporter", NULL };
	pid_t exporter = start("/usr/bin/prometheus-node-exporter", arguments);

	for (int i = 0; i < 600; i++) {
		struct timespec span = { 0, 100000000 };

		if (fetch() > 0)
			return exporter;
		nanosleep(&span, NULL);
	}
	errx(1, "node_exporter does not answer");
}

void node_exporter_scrape(void)
{
	/* What it says of this machine is at least as long. */
	if (fetch() < 20000)
		errx(1, "node_exporter says too little");
}

pid_t sadc_start(void)
{
	static char *const arguments[] = { "sadc", "1", "1000", NULL };

	return start("/usr/libexec/sysstat/sadc", arguments);
}

pid_t pidstat_start(void)
{
	static char *const arguments[] = { "pidstat", "-ru", "1", "1000", NULL };

	return start("/usr/bin/pidstat", arguments);
}

pid_t atop_start(void)
{
	static char *const arguments[] = { "atop", "-w", "/tmp/atop.raw", "1", "1000", NULL };

	return start("/usr/bin/atop", arguments);
}

long long time_on_cpu_ns(pid_t process)
{
	char path[64];
	long long time;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", process);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%lld", &time) != 1)
		err(1, "cannot read %s", path);
	fclose(file);
	return time;
}
