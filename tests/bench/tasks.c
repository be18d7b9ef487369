// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "tasks.h"

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The first of them have memory of their own, the others share that of the first program. */
#define WITH_MEMORY 1000
#define MAX_TASKS 10000
#define STACK_BYTES 8192

static pid_t tasks[MAX_TASKS];
static int started;

static int wait_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return 0;
}

void start_tasks(int count)
{
	static char *stacks;
	int limit = open("/proc/sys/kernel/threads-max", O_WRONLY | O_CLOEXEC);

	/* The kernel's own limit goes by the memory. */
	if (limit < 0 || dprintf(limit, "%d\n", 2 * MAX_TASKS) < 0)
		err(1, "cannot allow more processes");
	close(limit);

	if (count > MAX_TASKS)
		errx(1, "at most %d processes can be started", MAX_TASKS);
	if (!stacks) {
		stacks = mmap(NULL, (size_t)MAX_TASKS * STACK_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (stacks == MAP_FAILED)
			err(1, "cannot get memory for stacks");
		/* So that each of the first ones has as much memory as any other. */
		memset(stacks, 0, (size_t)WITH_MEMORY * STACK_BYTES);
	}
	for (; started < count; started++) {
		char *stack = stacks + (size_t)(started + 1) * STACK_BYTES;
		int flags = SIGCHLD | (started < WITH_MEMORY ? 0 : CLONE_VM);

		tasks[started] = clone(wait_for_ever, stack, flags, NULL);
		if (tasks[started] < 0)
			err(1, "cannot start process %d", started);
	}
}

void end_tasks(void)
{
	while (started > 0) {
		pid_t task = tasks[--started];

		kill(task, SIGKILL);
		waitpid(task, NULL, 0);
	}
}
