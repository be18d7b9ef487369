/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DAY_H
#define DAY_H

/*
 * Has the module keep a day of records, and prints what it takes to decode them, to get them
 * through `resmon log --csv`, and until `resmon top` shows its first screen.
 */
void measure_day(void);

#endif
