/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MACHINE_H
#define MACHINE_H

/* Loads a module of the kernel from a file. */
void load_module(const char *file, const char *parameters);

/* The parameters that switch all sources off that a module has a switch for. */
const char *sources_off(const char *file);

/*
 * Gives the guest what a real machine has: a disk that was used, a network interface that
 * sent and received, a loopback that was used, and a cgroup.
 */
void set_up_machine(void);

/* Has the disk, an interface and a process do something. */
void stir_machine(void);

#endif
