/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include <stddef.h>
#include <sys/types.h>

/* Opens the module's device, for one who reads and has samples taken. */
void device_open(void);
void device_close(void);

/* Words of the last record that was read. */
size_t device_record_words(void);

/* How long the census of that took, and how many processes there were. */
long long device_census_ns(unsigned long long *processes);

/*
 * Whether a sample makes an older record be encoded: that begins when the memory for plain ones is
 * full.
 */
int device_encodes(void);

/* Goes back to the newest record, which is then read once more. */
void device_rewind(void);

/* Reads the records that are there, or waits for one. */
void device_read(void);

/* Takes a sample, and reads until its record is there. */
void device_sample(void);

/* Starts node_exporter, and waits until it answers. */
pid_t node_exporter_start(void);

/* Fetches all of its metrics, as Prometheus does. */
void node_exporter_scrape(void);

/* Starts sadc, which takes a record each second and writes it to nowhere. */
pid_t sadc_start(void);

/* Starts pidstat, which shows the CPU time and memory of all processes each second. */
pid_t pidstat_start(void);

/* Starts atop, which writes all processes to a file each second. */
pid_t atop_start(void);

/* The time that a process has had a CPU so far, in nanoseconds. */
long long time_on_cpu_ns(pid_t process);

#endif
