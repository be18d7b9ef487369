// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "day.h"
#include "machine.h"
#include "programs.h"
#include "resource_monitor.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A sample every 5 s. */
#define RECORDS 17280
#define BLOCKS_FILE "/blocks"
#define RESMON "/resmon"
/* What decodes frames, and nothing else. */
#define DECODER "/hosttest"

static char buffer[16 << 20];

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Starts a program with its output going to a file. */
static pid_t start(char *const arguments[], const char *output)
{
	pid_t child = fork();

	if (child < 0)
		err(1, "cannot start %s", arguments[0]);
	if (child == 0) {
		int to = open(output, O_CREAT | O_TRUNC | O_RDWR, 0600);

		if (to < 0 || dup2(to, STDOUT_FILENO) < 0)
			_exit(126);
		execv(arguments[0], arguments);
		_exit(127);
	}
	return child;
}

/* Runs a program to its end, and returns how long that took. */
static long long run(char *const arguments[], const char *output)
{
	long long begin = now_ns();
	int status;
	pid_t child = start(arguments, output);

	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status))
		errx(1, "%s %s failed: %#x", arguments[0], arguments[1], status);
	return now_ns() - begin;
}

/* How many lines a file has. */
static long lines_of(const char *path)
{
	FILE *file = fopen(path, "re");
	long lines = 0;
	int letter;

	if (!file)
		err(1, "cannot open %s", path);
	while ((letter = getc(file)) != EOF)
		lines += letter == '\n';
	fclose(file);
	return lines;
}

static void write_blocks(void)
{
	struct resource_monitor_seek_blocks seek = {
		.order = RESOURCE_MONITOR_OLDEST_FIRST,
		.by = RESOURCE_MONITOR_BY_SEQ,
	};
	int device = open(RESOURCE_MONITOR_DEVICE, O_RDONLY | O_CLOEXEC);
	int file = open(BLOCKS_FILE, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	ssize_t length;

	if (device < 0 || file < 0 || ioctl(device, RESOURCE_MONITOR_SEEK_BLOCKS, &seek))
		err(1, "cannot go to the blocks");
	while ((length = read(device, buffer, sizeof(buffer))) > 0) {
		if (write(file, buffer, length) != length)
			err(1, "cannot write the blocks");
	}
	if (length < 0)
		err(1, "cannot read a block");
	close(file);
	close(device);
}

void measure_day(void)
{
	/* As many samples as the live screen reads before it is drawn. */
	static char *const top[] = { RESMON, "top", "--once", "240x40", NULL };
	static char *const log[] = { RESMON, "log", "--csv", "--since", "all", NULL };
	static char *const decode[] = { DECODER, "decode", BLOCKS_FILE, NULL };
	FILE *decoded;
	long long took;

	load_module("/resource_monitor.ko", "interval_ms=3600000 log_every=0");
	device_open();
	for (int i = 0; i < RECORDS; i++) {
		stir_machine();
		device_sample();
	}
	device_close();
	printf("top first_screen=%lld\n", run(top, "/top"));
	took = run(log, "/log");
	printf("log records=%ld csv=%lld\n", lines_of("/log"), took);
	write_blocks();
	run(decode, "/decoded");
	decoded = fopen("/decoded", "re");
	if (!decoded || !fgets(buffer, sizeof(buffer), decoded))
		err(1, "nothing was decoded");
	fclose(decoded);
	printf("%s", buffer);
}
