// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "machine.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define BLOCK 4096
#define BLOCKS 16
/* QEMU answers for this address. */
#define NEIGHBOUR "10.0.2.2"
#define DISCARD_PORT 9

void load_module(const char *file, const char *parameters)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "cannot open %s", file);
	if (syscall(SYS_finit_module, fd, parameters, 0) != 0)
		err(1, "cannot load %s with '%s'", file, parameters);
	close(fd);
}

/* A module says of each parameter what type it has; those that are a yes or no are the switches. */
const char *sources_off(const char *file)
{
	static const char mark[] = "parmtype=", type[] = ":bool";
	static char parameters[1024], module[16 << 20];
	size_t length, used = 0;
	FILE *from = fopen(file, "re");

	if (!from)
		err(1, "cannot open %s", file);
	length = fread(module, 1, sizeof(module), from);
	fclose(from);
	if (length == sizeof(module))
		errx(1, "%s is too large", file);
	for (char *at = module;
	     (at = memmem(at, module + length - at, mark, strlen(mark)));) {
		char *colon;

		at += strlen(mark);
		colon = strchr(at, ':');
		if (!colon || strcmp(colon, type))
			continue;
		used += snprintf(parameters + used, sizeof(parameters) - used, "%s%.*s=0",
				 used ? " " : "", (int)(colon - at), at);
		if (used >= sizeof(parameters))
			errx(1, "%s has too many switches", file);
	}
	if (!used)
		errx(1, "%s has no switch", file);
	/* It has more than two states, so it is no switch. */
	snprintf(parameters + used, sizeof(parameters) - used, " tasks=off");
	return parameters;
}

/* What the kernel has built in is not on the list. */
static void load_drivers(void)
{
	char name[256], path[sizeof(name) + sizeof("/modules/")];
	FILE *order = fopen("/modules/order", "re");

	if (!order)
		err(1, "cannot open /modules/order");
	while (fscanf(order, "%255s", name) == 1) {
		snprintf(path, sizeof(path), "/modules/%s", name);
		load_module(path, "");
	}
	fclose(order);
}

static void use_disk(void)
{
	static char block[BLOCK] __attribute__((aligned(BLOCK)));
	int disk = open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);

	if (disk < 0)
		err(1, "cannot open the disk");
	for (off_t at = 0; at < BLOCKS * BLOCK; at += BLOCK) {
		if (pwrite(disk, block, BLOCK, at) != BLOCK ||
		    pread(disk, block, BLOCK, at) != BLOCK)
			err(1, "cannot use the disk");
	}
	if (fsync(disk))
		err(1, "cannot flush the disk");
	close(disk);
}

static struct sockaddr_in ipv4(const char *address)
{
	struct sockaddr_in result = {
		.sin_family = AF_INET,
		.sin_port = htons(DISCARD_PORT),
	};

	inet_pton(AF_INET, address, &result.sin_addr);
	return result;
}

/* Packets that arrived. */
static long received(const char *interface)
{
	char path[128];
	long packets;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/rx_packets", interface);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%ld", &packets) != 1)
		err(1, "cannot read %s", path);
	fclose(file);
	return packets;
}

/* Brings an interface up, and sends to `to` until something came back. */
static void use_interface(const char *name, const char *own, const char *to)
{
	struct sockaddr_in address = ipv4(own), target = ipv4(to);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {};

	if (fd < 0)
		err(1, "cannot make a socket");
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	memcpy(&request.ifr_addr, &address, sizeof(address));
	if (ioctl(fd, SIOCSIFADDR, &request))
		err(1, "cannot give %s an address", name);
	if (ioctl(fd, SIOCGIFFLAGS, &request))
		err(1, "cannot get the flags of %s", name);
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		err(1, "cannot bring up %s", name);
	/* The link may take a while. Nobody listens, and an error of the last packet says so. */
	for (int i = 0; i < 100 && !received(name); i++) {
		if (sendto(fd, "", 1, 0, (void *)&target, sizeof(target)) < 0 &&
		    errno != ECONNREFUSED)
			err(1, "cannot send through %s", name);
		usleep(100 * 1000);
	}
	if (!received(name))
		errx(1, "nothing came back through %s", name);
	close(fd);
}

void stir_machine(void)
{
	static char block[BLOCK] __attribute__((aligned(BLOCK)));
	static int disk = -1, sender = -1;
	static unsigned int turn;
	struct sockaddr_in target = ipv4("127.0.0.1");
	pid_t child;

	if (disk < 0) {
		disk = open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);
		sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	}
	if (disk < 0 || sender < 0)
		err(1, "cannot open what is to be used");
	turn++;
	for (unsigned int i = 0; i < turn % 5; i++)
		sendto(sender, block, turn % 1000, 0, (void *)&target, sizeof(target));
	for (unsigned int i = 0; i < turn % 3; i++) {
		if (pwrite(disk, block, BLOCK, (off_t)(turn % BLOCKS) * BLOCK) != BLOCK)
			err(1, "cannot use the disk");
	}
	if (turn % 16)
		return;
	child = fork();
	if (child < 0)
		err(1, "cannot start a process");
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
}

/*
 * The guest ends with its first program. The kernel would panic at once then, with what was written
 * last still in the driver of the port, so that it comes out first.
 */
static void end_machine(void)
{
	fflush(NULL);
	tcdrain(STDERR_FILENO);
	tcdrain(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
}

void set_up_machine(void)
{
	if (atexit(end_machine))
		errx(1, "cannot have the machine end with the program");
	if (mount("dev", "/dev", "devtmpfs", 0, NULL) || mount("proc", "/proc", "proc", 0, NULL) ||
	    mount("sys", "/sys", "sysfs", 0, NULL) ||
	    mount("cgroup", "/sys/fs/cgroup", "cgroup2", 0, NULL))
		err(1, "cannot mount");
	if (mkdir("/sys/fs/cgroup/one", 0755))
		err(1, "cannot make a cgroup");
	load_drivers();
	use_disk();
	use_interface("lo", "127.0.0.1", "127.0.0.1");
	use_interface("eth0", "10.0.2.15", NEIGHBOUR);
}
