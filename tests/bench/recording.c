// SPDX-License-Identifier: GPL-2.0
/*
 * /init of a guest that makes a recording: it writes the records of a machine with two disks, two
 * interfaces, four file systems and a cgroup to the third serial port. Words on the kernel's
 * command line say how many (`records=60`), how far apart (`interval=5000`, in milliseconds), and
 * how many CPUs have work that never rests (`busy=4`); disks, interfaces and file systems are in
 * use if any has.
 */
#define _GNU_SOURCE
#include "machine.h"
#include "resource_monitor.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096
#define DISK_BLOCKS 4096

/* A number that is hard to foresee, the same in each run. */
static uint64_t random_below(uint64_t below)
{
	static uint64_t state;

	if (!state)
		state = 0x9e3779b97f4a7c15ULL * (uint64_t)getpid();
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static void sleep_us(uint64_t us)
{
	struct timespec span = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&span, NULL);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000ULL + now.tv_nsec / 1000;
}

static long number_of(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text ? atol(text) : otherwise;
}

/* Has a process do something for as long as this one is there. */
static void work(void (*what)(int), int which)
{
	pid_t child = fork();

	if (child < 0)
		err(1, "cannot start a process");
	if (child)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		what(which);
}

/* Works for up to 400 ms, in the kernel for a part of it, and rests for up to a tenth of that. */
static void keep_busy(int cpu)
{
	cpu_set_t own;
	uint64_t span = random_below(400000), start = now_us();

	CPU_ZERO(&own);
	CPU_SET(cpu, &own);
	if (sched_setaffinity(0, sizeof(own), &own))
		err(1, "cannot stay on CPU %d", cpu);
	if (random_below(3) == 0 && fork() == 0)
		_exit(0);
	while (wait(NULL) > 0)
		;
	while (now_us() - start < span)
		for (int i = 0; i < 200; i++)
			__asm__ volatile("");
	sleep_us(random_below(span / 10 + 1));
}

static void use_disk(int which)
{
	static char block[BLOCK] __attribute__((aligned(BLOCK)));
	char path[] = "/dev/vda";
	int disk;

	path[7] += which;
	disk = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (disk < 0)
		err(1, "cannot open %s", path);
	for (uint64_t i = random_below(20); i; i--) {
		off_t at = (off_t)random_below(DISK_BLOCKS) * BLOCK;

		if (random_below(2) ? pread(disk, block, BLOCK, at) != BLOCK :
				      pwrite(disk, block, BLOCK, at) != BLOCK)
			err(1, "cannot use %s", path);
	}
	close(disk);
	sleep_us(random_below(500000));
}

static void use_interface(int which)
{
	static const char *const addresses[] = { "127.0.0.1", "10.0.2.2" };
	static char data[1400];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "cannot make a socket");
	inet_pton(AF_INET, addresses[which], &to.sin_addr);
	/* Nobody listens, and an error of the last packet says so. */
	for (uint64_t i = random_below(20); i; i--)
		sendto(fd, data, random_below(sizeof(data)), 0, (void *)&to, sizeof(to));
	close(fd);
	sleep_us(random_below(500000));
}

static void use_file_system(int which)
{
	char path[] = "/fs0/file";
	static char data[BLOCK * 64];
	int file;

	path[3] += which;
	file = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	if (file < 0 || write(file, data, random_below(sizeof(data))) < 0)
		err(1, "cannot use %s", path);
	close(file);
	if (random_below(4) == 0)
		unlink(path);
	sleep_us(random_below(700000));
}

static void mount_file_systems(void)
{
	for (int i = 0; i < 3; i++) {
		char path[] = "/fs0";

		path[3] += i;
		if (mkdir(path, 0755) || mount("tmpfs", path, "tmpfs", 0, NULL))
			err(1, "cannot mount %s", path);
	}
}

/* A port for bytes as they are. */
static int open_port(const char *path)
{
	int port = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios mode;

	if (port < 0 || tcgetattr(port, &mode))
		err(1, "cannot open %s", path);
	cfmakeraw(&mode);
	if (tcsetattr(port, TCSANOW, &mode))
		err(1, "cannot set %s", path);
	return port;
}

static void write_all(int to, const char *bytes, size_t count)
{
	while (count) {
		ssize_t written = write(to, bytes, count);

		if (written <= 0)
			err(1, "cannot write the recording");
		bytes += written;
		count -= written;
	}
}

int main(void)
{
	static char record[1 << 20], parameters[256];
	long records = number_of("records", 60), busy = number_of("busy", 0);
	int device, port;

	set_up_machine();
	if (!freopen("/dev/ttyS1", "w", stdout))
		err(1, "cannot open the second serial port");
	mount_file_systems();
	port = open_port("/dev/ttyS2");
	/* Right after boot, work left over by the kernel's start would be recorded as well. */
	sleep_us(15000000);
	snprintf(parameters, sizeof(parameters),
		 "interval_ms=%ld log_every=0 fs_paths=/,/fs0,/fs1,/fs2",
		 number_of("interval", 5000));
	load_module("/resource_monitor.ko", parameters);
	for (long cpu = 0; cpu < busy; cpu++)
		work(keep_busy, cpu);
	for (int i = 0; busy && i < 2; i++) {
		work(use_disk, i);
		work(use_interface, i);
		work(use_file_system, i);
	}
	device = open(RESOURCE_MONITOR_DEVICE, O_RDONLY | O_CLOEXEC);
	if (device < 0)
		err(1, "cannot open " RESOURCE_MONITOR_DEVICE);
	for (long count = 0; count < records;) {
		ssize_t length = read(device, record, sizeof(record));

		if (length <= 0)
			err(1, "cannot read " RESOURCE_MONITOR_DEVICE);
		write_all(port, record, length);
		for (ssize_t at = 0; at < length; count++)
			at += ((struct resource_monitor_record *)(record + at))->size_bytes;
	}
	tcdrain(port);
	printf("done\n");
	return 0;
}
