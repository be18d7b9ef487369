// SPDX-License-Identifier: GPL-2.0
/*
 * The rival of the benchmark: the cheapest program that gets the same counters from user
 * space. It keeps the files open and reads each with a single system call per sample; a real
 * monitor would also parse and format them. Where the kernel does not hand out all at once, as
 * a longer /proc/vmstat would be, it makes as many calls as are needed.
 */
#include "proc_reader.h"

#include <err.h>
#include <fcntl.h>
#include <sys/statfs.h>
#include <unistd.h>

struct file {
	const char *path;
	int fd;
	int calls;
};

/* CPU and memory, in the order of the module's lines. */
static struct file basic[] = {
	{ .path = "/proc/stat" },
	{ .path = "/proc/meminfo" },
};

static struct file further[] = {
	{ .path = "/proc/loadavg" },
	{ .path = "/proc/vmstat" },
	{ .path = "/proc/pressure/cpu" },
	{ .path = "/proc/pressure/memory" },
	{ .path = "/proc/pressure/io" },
	{ .path = "/proc/diskstats" },
	{ .path = "/proc/net/dev" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* /proc/stat of a machine with 255 CPUs takes about 30 kB. */
static char text[256 * 1024];

static void open_all(struct file *files, size_t count)
{
	for (struct file *file = files; file < files + count; file++) {
		ssize_t length, at = 0;

		file->fd = open(file->path, O_RDONLY | O_CLOEXEC);
		if (file->fd < 0)
			err(1, "cannot open %s", file->path);
		while ((length = pread(file->fd, text, sizeof(text), at)) > 0) {
			at += length;
			file->calls++;
		}
		if (length < 0 || at == 0)
			err(1, "cannot read %s", file->path);
	}
}

static void read_all(const struct file *files, size_t count)
{
	for (const struct file *file = files; file < files + count; file++) {
		off_t at = 0;

		for (int call = 0; call < file->calls; call++) {
			ssize_t length = pread(file->fd, text, sizeof(text), at);

			if (length <= 0)
				err(1, "cannot read %s", file->path);
			at += length;
		}
	}
}

void proc_reader_open(void)
{
	open_all(basic, COUNT(basic));
	open_all(further, COUNT(further));
}

void proc_reader_sample(void)
{
	read_all(basic, COUNT(basic));
}

void proc_reader_sample_all(void)
{
	struct statfs root;

	read_all(basic, COUNT(basic));
	read_all(further, COUNT(further));
	if (statfs("/", &root))
		err(1, "cannot ask about the file system at /");
}
