/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PROC_READER_H
#define PROC_READER_H

/* Opens the files, and finds out how many calls it takes to read each of them. */
void proc_reader_open(void);

/* Takes a sample of CPU and memory: /proc/stat and /proc/meminfo, nothing parsed. */
void proc_reader_sample(void);

/* Takes a sample of all that the module samples, nothing parsed. */
void proc_reader_sample_all(void);

#endif
