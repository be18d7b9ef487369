/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PROC_READER_H
#define PROC_READER_H

/* Opens the two files, and checks that one pread of each gets all of it. */
void proc_reader_open(void);

/* Takes one sample: one pread of each file, nothing parsed. */
void proc_reader_sample(void);

#endif
