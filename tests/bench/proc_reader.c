// SPDX-License-Identifier: GPL-2.0
/*
 * The rival of the benchmark: the cheapest program that gets the same counters from user
 * space. It keeps /proc/stat and /proc/meminfo open and reads each with a single system call
 * per sample; a real monitor would also parse and format them.
 */
#include "proc_reader.h"

#include <err.h>
#include <fcntl.h>
#include <unistd.h>

/* /proc/stat of a machine with 255 CPUs takes about 30 kB. */
static char text[256 * 1024];

static int stat_fd;
static int meminfo_fd;

static int open_checked(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		err(1, "cannot open %s", path);
	length = pread(fd, text, sizeof(text), 0);
	if (length <= 0 || pread(fd, text, sizeof(text), length) != 0)
		errx(1, "one pread does not return all of %s", path);
	return fd;
}

void proc_reader_open(void)
{
	stat_fd = open_checked("/proc/stat");
	meminfo_fd = open_checked("/proc/meminfo");
}

void proc_reader_sample(void)
{
	if (pread(stat_fd, text, sizeof(text), 0) <= 0)
		err(1, "cannot read /proc/stat");
	if (pread(meminfo_fd, text, sizeof(text), 0) <= 0)
		err(1, "cannot read /proc/meminfo");
}
