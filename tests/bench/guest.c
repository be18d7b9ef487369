// SPDX-License-Identifier: GPL-2.0
/*
 * /init of the benchmark's guest. It measures the C reader and the module one after the other,
 * both with CPU and memory alone and with everything, and writes one line per measurement to
 * the second serial port.
 *
 * The guest runs with one nanosecond per instruction, so a difference of the monotonic clock
 * is a number of instructions. All emulated CPUs advance the same clock: what another CPU does
 * meanwhile is counted too, and so is a timer tick. Both hit few samples, hence the median. The
 * module gives averages, so what a sample wakes is kept on CPU 0, where one runs after the other.
 *
 * As a check from outside, both are then run at a short interval beside a loop that keeps CPU 0
 * busy, and all threads may run where they like. What the loop falls behind of one that has the
 * machine for itself is all that a sample causes on any CPU: the interrupt, waking a thread,
 * switching to it and back. Where the scheduler has threads run and what the other CPUs have to do
 * besides makes a difference of some thousands, so what is compared is measured several times.
 */
#define _GNU_SOURCE
#include "day.h"
#include "machine.h"
#include "proc_reader.h"
#include "programs.h"
#include "tasks.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Right after boot, work left over by the kernel's start would be counted as well. */
#define SETTLE_S 15
#define SAMPLES 21
#define CHECK_INTERVAL_MS 10
#define CHECK_SAMPLES 200
/* How often the loop is run where others are compared with it: an odd number. */
#define CHECKS 3
/* A day is measured on a machine of so many CPUs. */
#define DAY_CPUS 4
/* And so are processes. */
#define TASKS_CPUS 1
#define MODULE_FILE "/resource_monitor.ko"
#define MODULE_NAME "resource_monitor"
#define MODULE_THREAD "resource_mon"
#define CONSOLE_THREAD "pr/"

static char kernel_log[1 << 20];
static cpu_set_t cpu0, all_cpus;

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void sleep_ms(long ms)
{
	struct timespec span = { ms / 1000, ms % 1000 * 1000000 };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL);
}

static int compare(const void *left, const void *right)
{
	long long l = *(const long long *)left, r = *(const long long *)right;

	return (l > r) - (l < r);
}

static void no_work(void)
{
}

/*
 * Times `work` once a second, as the module is timed, and prints the quantiles. What `prepare`
 * does before each time is not counted.
 */
static void measure_prepared(const char *name, void (*prepare)(void), void (*work)(void))
{
	long long cost[SAMPLES];

	work();
	for (int i = 0; i < SAMPLES; i++) {
		long long start;

		sleep_ms(1000);
		prepare();
		start = now_ns();
		work();
		cost[i] = now_ns() - start;
	}
	qsort(cost, SAMPLES, sizeof(cost[0]), compare);
	printf("%s min=%lld median=%lld max=%lld\n", name, cost[0], cost[SAMPLES / 2],
	       cost[SAMPLES - 1]);
}

static void measure(const char *name, void (*work)(void))
{
	measure_prepared(name, no_work, work);
}

/* Does the same small amount of work each time and returns how long it took. */
static long long spin_once(void)
{
	long long start = now_ns();

	for (int i = 0; i < 5000; i++)
		__asm__ volatile("");
	/*
	 * The emulated CPUs take turns, and this ends the turn. Otherwise it would last until the
	 * next tick, as would whatever another CPU is to do, and nothing would be done in time.
	 */
	__asm__ volatile("pause");
	return now_ns() - start;
}

/* Keeps the CPU busy for the span of the check, and returns how long it had the CPU. */
static long long spin(void)
{
	long long end = now_ns() + CHECK_INTERVAL_MS * CHECK_SAMPLES * 1000000LL;
	long long rounds = 0, undisturbed = spin_once();

	while (now_ns() < end) {
		long long took = spin_once();

		if (took < undisturbed)
			undisturbed = took;
		rounds++;
	}
	return rounds * undisturbed;
}

/*
 * Has every record of the kernel's log in use, as it is on a machine that has been up for long: a
 * new line then costs more, since it takes the place of old ones. Otherwise what a line costs
 * would depend on how much was logged before.
 */
static void fill_kernel_log(void)
{
	/* 10: the size of the buffer, which has a record for each 32 bytes. */
	int size = klogctl(10, NULL, 0), limit, kmsg;

	/* Without this, a process may write few lines at a time. */
	limit = open("/proc/sys/kernel/printk_devkmsg", O_WRONLY | O_CLOEXEC);
	if (limit < 0 || write(limit, "on\n", 3) != 3)
		err(1, "cannot lift the limit of /dev/kmsg");
	close(limit);
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	for (int at = 0; at < size; at += 32) {
		/* 7: for debugging, so it does not go to the console. */
		if (dprintf(kmsg, "<7>benchmark: a line to be overwritten, at %d or so\n", at) < 0)
			err(1, "cannot fill the kernel log");
	}
	close(kmsg);
}

/* How far a sample makes the loop fall behind, which takes `alone` by itself. */
static long long lost(long long alone, long long beside)
{
	return (alone - beside) / CHECK_SAMPLES;
}

/* What several runs came to. */
struct checks {
	long long run[CHECKS];
};

static long long median(struct checks *checks)
{
	qsort(checks->run, CHECKS, sizeof(checks->run[0]), compare);
	return checks->run[CHECKS / 2];
}

/* How far two runs are from one another at most, for each sample. */
static long long spread(struct checks *checks)
{
	median(checks);
	return lost(checks->run[CHECKS - 1], checks->run[0]);
}

static long long larger(long long one, long long other)
{
	return one > other ? one : other;
}

/* Lets all do what they do only once, or put off, so that what comes next does not count it. */
static void come_to_rest(void)
{
	sleep_ms(2000);
}

/* Takes samples for ever, at the interval of the check. What they take is no part of it. */
static _Noreturn void sample_at_interval(void (*sample)(void))
{
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (;;) {
		next.tv_nsec += CHECK_INTERVAL_MS * 1000000L;
		if (next.tv_nsec >= 1000000000L) {
			next.tv_nsec -= 1000000000L;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		sample();
	}
}

/* The loop beside a C reader, which is a process of its own. */
static long long spin_beside_reader(void (*sample)(void))
{
	long long result;
	pid_t reader = fork();

	if (reader < 0)
		err(1, "cannot start the reader");
	if (reader == 0)
		sample_at_interval(sample);
	/* What a new process does once is not counted. */
	come_to_rest();
	result = spin();
	kill(reader, SIGKILL);
	waitpid(reader, NULL, 0);
	come_to_rest();
	return result;
}

/* Unloads the module and returns what it logged since it was loaded, or what is left of that. */
static char *unload_module(void)
{
	char *log = kernel_log, *next;
	int length;

	if (syscall(SYS_delete_module, MODULE_NAME, O_NONBLOCK) != 0)
		err(1, "cannot unload the module");
	/* 3: read all that is in the kernel's log buffer. */
	length = klogctl(3, kernel_log, sizeof(kernel_log) - 1);
	if (length < 0)
		err(1, "cannot read the kernel log");
	kernel_log[length] = '\0';
	for (next = log; (next = strstr(next, MODULE_NAME ": loaded ")); next++)
		log = next;
	return log;
}

/* The lines of a full sample. One that lacks any of them is no match for a full reader. */
static const char *const further_lines[] = {
	"load ", "vm ", "pressure ", "disk=vda ", "net=eth0 ", "net=lo ", "fs=/ type=",
};

static void check_lines(const char *log)
{
	char line[64];

	for (size_t i = 0; i < sizeof(further_lines) / sizeof(further_lines[0]); i++) {
		snprintf(line, sizeof(line), MODULE_NAME ": %s", further_lines[i]);
		if (!strstr(log, line))
			errx(1, "the module logged no line '%s'", further_lines[i]);
	}
	if (strstr(log, " stale\n"))
		errx(1, "a source was late");
}

/* The one line of a sample has what was read of all sources. */
static void check_brief(const char *log)
{
	const char *line = strstr(log, MODULE_NAME ": sum ");

	if (!line)
		errx(1, "the module logged no brief line");
	for (; line; line = strstr(line + 1, MODULE_NAME ": sum ")) {
		const char *end = strchrnul(line, '\n'), *unknown = strstr(line, "=- ");

		if (unknown && unknown < end)
			errx(1, "a source was late");
	}
}

/* Has the threads run on these CPUs alone whose names begin with `name`, if there are any. */
static void keep_threads_on(const cpu_set_t *cpus, const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		err(1, "cannot open /proc");
	while ((entry = readdir(proc))) {
		char path[sizeof(entry->d_name) + sizeof("/proc//comm")], comm[64] = "";
		pid_t thread = atoi(entry->d_name);
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (thread <= 0)
			continue;
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strncmp(comm, name, strlen(name)) &&
		    sched_setaffinity(thread, sizeof(*cpus), cpus))
			err(1, "cannot move %s", comm);
		fclose(file);
	}
	closedir(proc);
}

/* Prints the module's `unloaded` line, which carries its own costs. */
static void measure_module(const char *name, const char *parameters, void (*check)(const char *))
{
	const char *mark = MODULE_NAME ": unloaded ";
	char *log, *unloaded;

	load_module(MODULE_FILE, parameters);
	keep_threads_on(&cpu0, MODULE_THREAD);
	/* Half an interval more, so that the last sample's work is done. */
	sleep_ms(1000 * SAMPLES + 500);
	log = unload_module();
	unloaded = strstr(log, mark);
	if (!unloaded)
		errx(1, "the module logged no 'unloaded' line");
	if (check)
		check(log);
	unloaded += strlen(mark);
	*strchrnul(unloaded, '\n') = '\0';
	printf("%s %s\n", name, unloaded);
}

/*
 * Adds the number of sources that did not make it into their sample to `stale`. The module has been
 * there for long: each sample makes an older record be encoded.
 */
static long long spin_beside_module(const char *parameters, int *stale)
{
	long long result;
	const char *log;

	load_module(MODULE_FILE, parameters);
	device_open();
	while (!device_encodes())
		sleep_ms(1000);
	device_close();
	come_to_rest();
	result = spin();
	log = unload_module();
	if (stale) {
		const char *next;

		for (next = log; (next = strstr(next, " stale\n")); next++)
			++*stale;
		for (next = log; (next = strstr(next, " rkB=- ")); next++)
			++*stale;
	}
	come_to_rest();
	return result;
}

/*
 * What it takes to get a record to a program: of a sample that is there, and of a new one, before
 * older ones are encoded and from then on.
 */
static void measure_device(const char *name, const char *parameters)
{
	char what[64];

	load_module(MODULE_FILE, parameters);
	keep_threads_on(&cpu0, MODULE_THREAD);
	device_open();
	snprintf(what, sizeof(what), "%s_deliver", name);
	measure_prepared(what, device_rewind, device_read);
	snprintf(what, sizeof(what), "%s_not_encoded", name);
	measure(what, device_sample);
	while (!device_encodes())
		device_sample();
	snprintf(what, sizeof(what), "%s_sample_deliver", name);
	measure(what, device_sample);
	printf("%s_record words=%zu\n", name, device_record_words());
	device_close();
	unload_module();
}

#define MEASURE "interval_ms=1000 " NO_TASKS
#define TEXT(macro) TEXT_OF(macro)
#define TEXT_OF(words) #words
#define CHECK "interval_ms=" TEXT(CHECK_INTERVAL_MS) " " NO_TASKS
#define SILENT "log_every=0"
#define FULL "log=full"
#define NO_ALERTS "alerts=off"
/* The C reader does not read what there is of processes either: they are measured by themselves. */
#define NO_TASKS "tasks=off"

/* What a program takes each second, by the time that it has a CPU. */
static void measure_program(const char *name, pid_t (*start)(void))
{
	pid_t program = start();
	long long before, time;

	come_to_rest();
	before = time_on_cpu_ns(program);
	sleep_ms(1000 * SAMPLES);
	time = time_on_cpu_ns(program) - before;
	if (time <= 0)
		errx(1, "%s does nothing", name);
	printf("%s average=%lld\n", name, time / SAMPLES);
	kill(program, SIGKILL);
	waitpid(program, NULL, 0);
}

/* What others take for all that they show, in the same boot. */
static void measure_others(void)
{
	pid_t other = node_exporter_start();

	measure("node_exporter", node_exporter_scrape);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);

	measure_program("sadc", sadc_start);
}

/* What a census of `count` processes and those that there are anyway takes. */
static void measure_census(int count)
{
	unsigned long long processes = 0;
	long long cost[SAMPLES];

	start_tasks(count);
	come_to_rest();
	load_module(MODULE_FILE, "interval_ms=3600000 tasks=always " SILENT);
	keep_threads_on(&cpu0, MODULE_THREAD);
	device_open();
	for (int i = 0; i < SAMPLES; i++) {
		sleep_ms(100);
		device_sample();
		cost[i] = device_census_ns(&processes);
	}
	device_close();
	unload_module();
	qsort(cost, SAMPLES, sizeof(cost[0]), compare);
	printf("census_%d processes=%llu min=%lld median=%lld max=%lld\n", count, processes,
	       cost[0], cost[SAMPLES / 2], cost[SAMPLES - 1]);
}

static void measure_tasks(void)
{
	measure_census(0);
	measure_census(1000);
	measure_program("pidstat", pidstat_start);
	measure_program("atop", atop_start);
	measure_census(10000);
	end_tasks();
}

/* Parameters, and more of them; until the next call. */
static const char *with(const char *parameters, const char *more)
{
	static char all[2048];

	snprintf(all, sizeof(all), "%s %s", parameters, more);
	return all;
}

int main(void)
{
	struct checks alone, reader_all, all, all_silent;
	long long reader, basic, basic_silent, all_full, idle;
	const char *cpu_memory;
	int stale = 0;

	set_up_machine();
	if (!freopen("/dev/ttyS1", "w", stdout))
		err(1, "cannot open the second serial port");

	CPU_SET(0, &cpu0);
	memset(&all_cpus, 0xff, sizeof(all_cpus));
	if (sched_setaffinity(0, sizeof(cpu0), &cpu0))
		err(1, "cannot stay on CPU 0");

	cpu_memory = sources_off(MODULE_FILE);
	proc_reader_open();
	fill_kernel_log();
	sleep_ms(1000 * SETTLE_S);
	measure("clock", no_work);
	measure("reader", proc_reader_sample);
	measure("reader_all", proc_reader_sample_all);
	keep_threads_on(&cpu0, CONSOLE_THREAD);
	measure_module("basic", with(MEASURE, cpu_memory), NULL);
	measure_module("basic_silent", with(MEASURE " " SILENT, cpu_memory), NULL);
	measure_module("all", MEASURE, check_brief);
	measure_module("all_full", MEASURE " " FULL, check_lines);
	measure_module("all_silent", MEASURE " " SILENT, NULL);
	measure_module("all_unwatched", MEASURE " " SILENT " " NO_ALERTS, NULL);
	measure_device("basic", with("interval_ms=3600000 " SILENT, cpu_memory));
	measure_device("all", "interval_ms=3600000 " NO_TASKS " " SILENT);
	if (sysconf(_SC_NPROCESSORS_ONLN) == DAY_CPUS) {
		measure_day();
		unload_module();
	}
	measure_others();
	if (sysconf(_SC_NPROCESSORS_ONLN) == TASKS_CPUS)
		measure_tasks();

	keep_threads_on(&all_cpus, CONSOLE_THREAD);
	/* The first run is not counted: the other CPUs take a while to come to rest. */
	spin();
	reader = spin_beside_reader(proc_reader_sample);
	basic = spin_beside_module(with(CHECK, cpu_memory), NULL);
	basic_silent = spin_beside_module(with(CHECK " " SILENT, cpu_memory), NULL);
	all_full = spin_beside_module(CHECK " " FULL, &stale);
	for (int i = 0; i < CHECKS; i++) {
		alone.run[i] = spin();
		reader_all.run[i] = spin_beside_reader(proc_reader_sample_all);
		all.run[i] = spin_beside_module(CHECK, &stale);
		all_silent.run[i] = spin_beside_module(CHECK " " SILENT, &stale);
	}
	idle = median(&alone);
	printf("outside reader=%lld reader_all=%lld basic=%lld basic_silent=%lld all=%lld "
	       "all_full=%lld all_silent=%lld noise=%lld stale=%d\n",
	       lost(idle, reader), lost(idle, median(&reader_all)), lost(idle, basic),
	       lost(idle, basic_silent), lost(idle, median(&all)), lost(idle, all_full),
	       lost(idle, median(&all_silent)),
	       larger(spread(&alone), larger(spread(&all), spread(&all_silent))), stale);
	printf("done\n");
	return 0;
}
