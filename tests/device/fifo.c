// SPDX-License-Identifier: GPL-2.0
/*
 * fifo THREAD: makes a thread a real-time one, of the lowest priority of
 * SCHED_FIFO, as `chrt --fifo --pid 1 THREAD` does. The busybox of the guest
 * has no chrt.
 */

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	const struct sched_param lowest = { .sched_priority = 1 };

	if (argc != 2) {
		fputs("usage: fifo THREAD\n", stderr);
		return 2;
	}
	if (sched_setscheduler(atoi(argv[1]), SCHED_FIFO, &lowest) != 0) {
		perror("sched_setscheduler");
		return 1;
	}
	return 0;
}
