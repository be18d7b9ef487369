// SPDX-License-Identifier: GPL-2.0
/*
 * leader: a process whose first thread ends while another one goes on, for half a second with a CPU
 * and memory.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *work(void *unused)
{
	struct timespec start, now;
	char *memory = malloc(1 << 20);

	(void)unused;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (memory)
			memset(memory, 1, 1 << 20);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 <
		 500);
	exit(0);
}

int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, NULL))
		return 1;
	pthread_exit(NULL);
}
