/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TASKS_H
#define TASKS_H

/* Starts and keeps processes that wait, until there are `count` of them. */
void start_tasks(int count);

/* Ends them. */
void end_tasks(void);

#endif
