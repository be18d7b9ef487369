// SPDX-License-Identifier: GPL-2.0
/*
 * zombies NUMBER: has as many children that have ended and that nobody waits for, says so by a
 * line, and waits for them once its standard input ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int left;

int main(int argc, char **argv)
{
	char byte;

	for (left = argc > 1 ? atoi(argv[1]) : 0; left > 0; left--) {
		pid_t pid = vfork();

		if (pid == 0)
			_exit(0);
		if (pid < 0) {
			perror("vfork");
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	while (wait(NULL) > 0)
		;
	return 0;
}
