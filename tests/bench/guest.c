// SPDX-License-Identifier: GPL-2.0
/*
 * /init of the benchmark's guest. It measures the C reader and the module one after the other
 * and writes one line per measurement to the second serial port.
 *
 * The guest runs with one nanosecond per instruction, so a difference of the monotonic clock
 * is a number of instructions. All emulated CPUs advance the same clock: what another CPU does
 * meanwhile is counted too, and so is a timer tick. Both hit few samples, hence the median.
 *
 * As a check from outside, both are then run at a short interval beside a loop that keeps CPU 0
 * busy. What the loop falls behind of one that has the machine for itself is all that a sample
 * causes on any CPU: the interrupt, waking a thread, switching to it and back.
 */
#define _GNU_SOURCE
#include "proc_reader.h"

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Right after boot, work left over by the kernel's start would be counted as well. */
#define SETTLE_S 15
#define SAMPLES 21
#define CHECK_INTERVAL_MS 10
#define CHECK_SAMPLES 200
#define MODULE_FILE "/resource_monitor.ko"
#define MODULE_NAME "resource_monitor"

static char kernel_log[1 << 20];

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void sleep_ms(long ms)
{
	struct timespec span = { ms / 1000, ms % 1000 * 1000000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
}

static int compare(const void *left, const void *right)
{
	long long l = *(const long long *)left, r = *(const long long *)right;

	return (l > r) - (l < r);
}

static void no_work(void)
{
}

/* Times `work` once a second, as the module is timed, and prints the quantiles. */
static void measure(const char *name, void (*work)(void))
{
	long long cost[SAMPLES];

	work();
	for (int i = 0; i < SAMPLES; i++) {
		long long start;

		sleep_ms(1000);
		start = now_ns();
		work();
		cost[i] = now_ns() - start;
	}
	qsort(cost, SAMPLES, sizeof(cost[0]), compare);
	printf("%s min=%lld median=%lld max=%lld\n", name, cost[0], cost[SAMPLES / 2],
	       cost[SAMPLES - 1]);
}

/* Does the same small amount of work each time and returns how long it took. */
static long long spin_once(void)
{
	long long start = now_ns();

	for (int i = 0; i < 5000; i++)
		__asm__ volatile("");
	return now_ns() - start;
}

/* Keeps the CPU busy for the span of the check, and returns how long it had the CPU. */
static long long spin(void)
{
	long long end = now_ns() + CHECK_INTERVAL_MS * CHECK_SAMPLES * 1000000LL;
	long long rounds = 0, undisturbed = spin_once();

	while (now_ns() < end) {
		long long took = spin_once();

		if (took < undisturbed)
			undisturbed = took;
		rounds++;
	}
	return rounds * undisturbed;
}

/* The C reader as a process of its own, at the interval of the check. */
static pid_t start_reader(void)
{
	pid_t reader = fork();

	if (reader < 0)
		err(1, "cannot start the reader");
	while (reader == 0) {
		sleep_ms(CHECK_INTERVAL_MS);
		proc_reader_sample();
	}
	return reader;
}

static void load_module(const char *parameters)
{
	int fd = open(MODULE_FILE, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "cannot open %s", MODULE_FILE);
	if (syscall(SYS_finit_module, fd, parameters, 0) != 0)
		err(1, "cannot load the module with '%s'", parameters);
	close(fd);
}

/* Unloads the module and returns its `unloaded` line, which carries the module's own costs. */
static const char *unload_module(void)
{
	const char *mark = MODULE_NAME ": unloaded ", *line = NULL, *next;
	int length;

	if (syscall(SYS_delete_module, MODULE_NAME, O_NONBLOCK) != 0)
		err(1, "cannot unload the module");
	/* 3: read all that is in the kernel's log buffer. */
	length = klogctl(3, kernel_log, sizeof(kernel_log) - 1);
	if (length < 0)
		err(1, "cannot read the kernel log");
	kernel_log[length] = '\0';
	for (next = kernel_log; (next = strstr(next, mark)); next++)
		line = next + strlen(mark);
	if (!line)
		errx(1, "the module logged no 'unloaded' line");
	*strchrnul(line, '\n') = '\0';
	return line;
}

static void measure_module(const char *name, const char *parameters)
{
	load_module(parameters);
	/* Half an interval more, so that the last sample's work is done. */
	sleep_ms(1000 * SAMPLES + 500);
	printf("%s %s\n", name, unload_module());
}

int main(void)
{
	cpu_set_t cpu0;
	long long before, after, alone, with_reader, with_module, with_silent_module;
	pid_t reader;

	if (mount("dev", "/dev", "devtmpfs", 0, NULL) || mount("proc", "/proc", "proc", 0, NULL) ||
	    mount("sys", "/sys", "sysfs", 0, NULL))
		err(1, "cannot mount");
	if (!freopen("/dev/ttyS1", "w", stdout))
		err(1, "cannot open the second serial port");

	CPU_ZERO(&cpu0);
	CPU_SET(0, &cpu0);
	if (sched_setaffinity(0, sizeof(cpu0), &cpu0))
		err(1, "cannot stay on CPU 0");

	proc_reader_open();
	sleep_ms(1000 * SETTLE_S);
	measure("clock", no_work);
	measure("reader", proc_reader_sample);
	measure_module("module", "interval_ms=1000");
	measure_module("module_silent", "interval_ms=1000 log_every=0");

	/* The first run is not counted: the other CPUs take a while to come to rest. */
	spin();
	before = spin();
	reader = start_reader();
	with_reader = spin();
	kill(reader, SIGKILL);
	waitpid(reader, NULL, 0);
	load_module("interval_ms=10");
	with_module = spin();
	unload_module();
	load_module("interval_ms=10 log_every=0");
	with_silent_module = spin();
	unload_module();
	after = spin();
	alone = (before + after) / 2;
	printf("outside reader=%lld module=%lld module_silent=%lld noise=%lld\n",
	       (alone - with_reader) / CHECK_SAMPLES, (alone - with_module) / CHECK_SAMPLES,
	       (alone - with_silent_module) / CHECK_SAMPLES, llabs(before - after) / CHECK_SAMPLES);
	printf("done\n");
	fclose(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
