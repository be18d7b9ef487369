/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The interface of /dev/resource_monitor.
 *
 * A read gives whole records, oldest first, as many as fit. A record is a header and sections; a
 * section is a header and entries. All numbers are 64 bits wide and little-endian, and all texts
 * end with a NUL and are filled up with zeros.
 *
 *	| struct resource_monitor_record | section | section | ...
 *	| struct resource_monitor_section | entry | entry | ...
 *
 * Headers and entries may get new fields at their end, and records new kinds of sections, without a
 * new version. So go by the sizes that they give: skip what you do not know, and take fields beyond
 * the size of a header or an entry, which an older module did not have, for missing.
 *
 * Counters only say something when two records of the same boot_id and load_id are compared. They
 * count since boot, but where it says otherwise.
 */
#ifndef RESOURCE_MONITOR_H
#define RESOURCE_MONITOR_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define RESOURCE_MONITOR_DEVICE "/dev/resource_monitor"

/* "RSRCMON" and a NUL, in memory. */
#define RESOURCE_MONITOR_MAGIC 0x004e4f4d43525352ULL
#define RESOURCE_MONITOR_VERSION 2

/* "RSRCBLK" and a NUL, in memory: a block of records that are encoded, each as a frame. */
#define RESOURCE_MONITOR_BLOCK_MAGIC 0x004b4c4243525352ULL
#define RESOURCE_MONITOR_BLOCK_VERSION 1

/* "RMFR", in memory: the lower half of the first word of a frame. */
#define RESOURCE_MONITOR_FRAME_MAGIC 0x52464d52U

/* States of a section. */
#define RESOURCE_MONITOR_TAKEN 0
#define RESOURCE_MONITOR_STALE 1	/* not answered in time */

/*
 * The disk is made of other block devices, which do the same work again and count it. The drivers
 * loop, brd and zram do not tell what theirs are made of.
 */
#define RESOURCE_MONITOR_DISK_HAS_SLAVES 1

#define RESOURCE_MONITOR_NET_LOOPBACK 1		/* that of the machine to itself */
/* It is on top of another one, as a bridge is: that one carries and counts the same again. */
#define RESOURCE_MONITOR_NET_HAS_LOWER 2
#define RESOURCE_MONITOR_NET_HAS_UPPER 4	/* it is below another one, as a port of a bridge */

/* What is found at a path. */
#define RESOURCE_MONITOR_FS_MOUNTED 0
#define RESOURCE_MONITOR_FS_ABSENT 1	/* nothing is mounted there */
#define RESOURCE_MONITOR_FS_FAILED 2	/* it could not be asked */
#define RESOURCE_MONITOR_FS_STALE 3	/* it has not answered in time */

/* The mount, or the whole file system, is read-only. */
#define RESOURCE_MONITOR_FS_READ_ONLY 1

/* What an event does. */
#define RESOURCE_MONITOR_EVENT_BEGIN 1
#define RESOURCE_MONITOR_EVENT_ONGOING 2	/* it began earlier, and is not over */
#define RESOURCE_MONITOR_EVENT_END 3
#define RESOURCE_MONITOR_EVENT_MOMENT 4	/* it is over as soon as it began */

/* What became of a process that was chosen as memory ran out. */
#define RESOURCE_MONITOR_OOM_KILLED 1
#define RESOURCE_MONITOR_OOM_WAS_DYING 2	/* it was given reserves of memory to end sooner */

/* Generated from the structures in model/ by `make update`. */

/* Kinds of sections. There may be several of one kind, and none. */
#define RESOURCE_MONITOR_MEMORY 1	/* struct resource_monitor_memory */
#define RESOURCE_MONITOR_CPUS 2	/* struct resource_monitor_cpu */
#define RESOURCE_MONITOR_LOAD 3	/* struct resource_monitor_load */
#define RESOURCE_MONITOR_ACTIVITY 4	/* struct resource_monitor_activity */
#define RESOURCE_MONITOR_PRESSURE 5	/* struct resource_monitor_pressure */
#define RESOURCE_MONITOR_DISKS 6	/* struct resource_monitor_disk */
#define RESOURCE_MONITOR_NETS 7	/* struct resource_monitor_net */
#define RESOURCE_MONITOR_FILE_SYSTEMS 8	/* struct resource_monitor_fs */
#define RESOURCE_MONITOR_BUFFERS 9	/* struct resource_monitor_buffers */
#define RESOURCE_MONITOR_TCP 10	/* struct resource_monitor_tcp */
#define RESOURCE_MONITOR_RUNNING 11	/* struct resource_monitor_running */
#define RESOURCE_MONITOR_EVENTS 12	/* struct resource_monitor_event */
#define RESOURCE_MONITOR_TASKS 13	/* struct resource_monitor_tasks */
#define RESOURCE_MONITOR_TASK 14	/* struct resource_monitor_task */
#define RESOURCE_MONITOR_OOM_KILLS 15	/* struct resource_monitor_oom_kill */

/* What makes an event. */
/* value: processes that the kernel killed as memory ran out */
#define RESOURCE_MONITOR_TRIGGER_OOM_KILL 1
/* value: of the time in which all tasks waited for memory */
#define RESOURCE_MONITOR_TRIGGER_MEM_FULL 2
/* value: of the time in which some tasks waited for memory */
#define RESOURCE_MONITOR_TRIGGER_MEM_SOME 3
/* value: of the memory available */
#define RESOURCE_MONITOR_TRIGGER_MEM_AVAIL 4
/* value: intervals until no memory is available, at the rate of the last three */
#define RESOURCE_MONITOR_TRIGGER_MEM_FALLING 5
/* value: of the time in which all tasks waited for I/O */
#define RESOURCE_MONITOR_TRIGGER_IO_FULL 6
/* value: of the time in which some tasks waited for a CPU */
#define RESOURCE_MONITOR_TRIGGER_CPU_SOME 7
/* value: of the time of all CPUs taken by the hypervisor */
#define RESOURCE_MONITOR_TRIGGER_STEAL 8
/* value: tasks that run or wait for a CPU */
#define RESOURCE_MONITOR_TRIGGER_RUN_QUEUE 9
/* value: of a watched file system used, as df shows it */
#define RESOURCE_MONITOR_TRIGGER_FS_FULL 10
/* value: for which a watched file system has not answered */
#define RESOURCE_MONITOR_TRIGGER_FS_STUCK 11
/* value: for which a disk has had requests and completed none */
#define RESOURCE_MONITOR_TRIGGER_DISK_STUCK 12
/* value: of the samples of a minute late or missed */
#define RESOURCE_MONITOR_TRIGGER_LATE 13
/* value: event that a program asked for */
#define RESOURCE_MONITOR_TRIGGER_TEST 14

/**
 * struct resource_monitor_record - What a record begins with: when and under which number the
 *	sample was taken.
 * @magic: %RESOURCE_MONITOR_MAGIC.
 * @version: %RESOURCE_MONITOR_VERSION.
 * @size_bytes: Bytes of the whole record.
 * @header_bytes: Bytes of this header.
 * @seq: Sequence number; the first sample after loading is 0.
 * @lost_records: How many records right before this one its reader did not get, since they were
 *	not kept long enough. Each reader has its own.
 * @taken_mono_ns: CLOCK_MONOTONIC when the sample was taken, in nanoseconds.
 * @taken_wall_ns: CLOCK_REALTIME when the sample was taken, in nanoseconds since 1970.
 * @due_mono_ns: CLOCK_MONOTONIC when the sample was due, in nanoseconds.
 * @interval_ns: The interval in force, in nanoseconds.
 * @missed_ticks: Ticks since load that were due but never ran, because the one before was so late.
 * @late_samples: Samples since load, before this one, that were taken more than a tenth of the
 *	interval after they were due.
 * @previous_cost_ns: Nanoseconds the timer callback needed for the sample before this one.
 * @taken_boot_ns: CLOCK_BOOTTIME when the sample was taken, in nanoseconds.
 * @load_id: Drawn at random when the module was loaded. Records of two loads are not comparable,
 *	since sequence numbers and what counts since load begin again.
 * @boot_id: The same for all loads of one boot, and another for each boot. Records of two boots
 *	are not comparable.
 */
struct resource_monitor_record {
	__u64 magic;
	__u64 version;
	__u64 size_bytes;
	__u64 header_bytes;
	__u64 seq;
	__u64 lost_records;
	__u64 taken_mono_ns;
	__u64 taken_wall_ns;
	__u64 due_mono_ns;
	__u64 interval_ns;
	__u64 missed_ticks;
	__u64 late_samples;
	__u64 previous_cost_ns;
	__u64 taken_boot_ns;
	__u64 load_id;
	__u64 boot_id;
};

/**
 * struct resource_monitor_section - What a section begins with. Its entries follow @header_bytes
 *	after its start, each of @entry_bytes.
 * @kind: What the entries are: the number of their kind.
 * @size_bytes: Bytes of the whole section, this header included.
 * @header_bytes: Bytes of this header.
 * @entry_bytes: Bytes of an entry.
 * @state: %RESOURCE_MONITOR_TAKEN or %RESOURCE_MONITOR_STALE.
 * @left_out: Number of entries that are missing, since the module has no room for more.
 * @first_mono_ns: CLOCK_MONOTONIC right before the first entry was read, in nanoseconds.
 * @last_mono_ns: CLOCK_MONOTONIC right after the last entry was read, in nanoseconds. Sections
 *	that are read in no time worth a look at the clock follow one another: they have the time
 *	before the first of them, and here the same.
 */
struct resource_monitor_section {
	__u64 kind;
	__u64 size_bytes;
	__u64 header_bytes;
	__u64 entry_bytes;
	__u64 state;
	__u64 left_out;
	__u64 first_mono_ns;
	__u64 last_mono_ns;
};

/**
 * struct resource_monitor_memory - The global VM counters, in pages; the names are those of the
 *	kernel's enum node_stat_item, enum zone_stat_item and enum vm_event_item.
 * @total: Pages the kernel manages (totalram_pages()).
 * @free: NR_FREE_PAGES.
 * @available: The kernel's own estimate of what new programs can use (si_mem_available()).
 * @file: NR_FILE_PAGES: page cache, swap cache and buffers together.
 * @swap_cache: NR_SWAPCACHE.
 * @shmem: NR_SHMEM.
 * @slab_reclaimable: NR_SLAB_RECLAIMABLE_B.
 * @slab_unreclaimable: NR_SLAB_UNRECLAIMABLE_B.
 * @dirty: NR_FILE_DIRTY.
 * @writeback: NR_WRITEBACK.
 * @anon: NR_ANON_MAPPED.
 * @mapped: NR_FILE_MAPPED.
 * @page_tables: NR_PAGETABLE.
 * @swap_free: Free swap slots (nr_swap_pages).
 * @page_bytes: Bytes of a page.
 */
struct resource_monitor_memory {
	__u64 total;
	__u64 free;
	__u64 available;
	__u64 file;
	__u64 swap_cache;
	__u64 shmem;
	__u64 slab_reclaimable;
	__u64 slab_unreclaimable;
	__u64 dirty;
	__u64 writeback;
	__u64 anon;
	__u64 mapped;
	__u64 page_tables;
	__u64 swap_free;
	__u64 page_bytes;
};

/**
 * struct resource_monitor_times - Time that a CPU has spent in each mode since boot, in
 *	nanoseconds.
 * @user: CPUTIME_USER.
 * @nice: CPUTIME_NICE.
 * @system: CPUTIME_SYSTEM.
 * @softirq: CPUTIME_SOFTIRQ.
 * @irq: CPUTIME_IRQ.
 * @idle: CPUTIME_IDLE.
 * @iowait: CPUTIME_IOWAIT.
 * @steal: CPUTIME_STEAL.
 * @guest: CPUTIME_GUEST.
 * @guest_nice: CPUTIME_GUEST_NICE.
 *
 * As in the kernel, user includes guest and nice includes guest_nice.
 */
struct resource_monitor_times {
	__u64 user;
	__u64 nice;
	__u64 system;
	__u64 softirq;
	__u64 irq;
	__u64 idle;
	__u64 iowait;
	__u64 steal;
	__u64 guest;
	__u64 guest_nice;
};

/**
 * struct resource_monitor_cpu - The counters of one online CPU.
 * @id: The CPU's number.
 * @epoch: Changes when the CPU has gone offline: counters of two epochs are not comparable.
 * @times: Time in each mode.
 */
struct resource_monitor_cpu {
	__u64 id;
	__u64 epoch;
	struct resource_monitor_times times;
};

/**
 * struct resource_monitor_load - The kernel's load averages as it keeps them, in 2048ths
 *	(FIXED_1).
 * @one_minute: Of the last minute.
 * @five_minutes: Of the last five minutes.
 * @fifteen_minutes: Of the last fifteen minutes.
 */
struct resource_monitor_load {
	__u64 one_minute;
	__u64 five_minutes;
	__u64 fifteen_minutes;
};

/**
 * struct resource_monitor_activity - Counts since boot, of all CPUs together.
 * @faults: PGFAULT: page faults, major ones included.
 * @major_faults: PGMAJFAULT: page faults that had to read from a disk.
 * @paged_in_sectors: PGPGIN: read by block devices, in sectors of 512 bytes.
 * @paged_out_sectors: PGPGOUT: written by block devices, in sectors of 512 bytes.
 * @swapped_in_pages: PSWPIN: pages read from swap.
 * @swapped_out_pages: PSWPOUT: pages written to swap.
 * @oom_kills: OOM_KILL: processes killed because memory ran out; counted since the module was
 *	loaded.
 * @device_interrupts: Interrupts of devices.
 * @cpu_interrupts: Interrupts of the CPUs themselves, as of timers and of other CPUs. The kernel
 *	counts them in 32 bits; what has wrapped before the module was loaded is not in it.
 * @soft_interrupts: Soft interrupts, which the kernel counts in the same way.
 */
struct resource_monitor_activity {
	__u64 faults;
	__u64 major_faults;
	__u64 paged_in_sectors;
	__u64 paged_out_sectors;
	__u64 swapped_in_pages;
	__u64 swapped_out_pages;
	__u64 oom_kills;
	__u64 device_interrupts;
	__u64 cpu_interrupts;
	__u64 soft_interrupts;
};

/**
 * struct resource_monitor_pressure - Time since boot in which tasks were held up, in nanoseconds:
 *	some of them or, though there was work to do, all of them (full).
 * @cpu_some_ns: Some waited for a CPU.
 * @memory_some_ns: Some waited for memory.
 * @memory_full_ns: All waited for memory.
 * @io_some_ns: Some waited for I/O.
 * @io_full_ns: All waited for I/O.
 */
struct resource_monitor_pressure {
	__u64 cpu_some_ns;
	__u64 memory_some_ns;
	__u64 memory_full_ns;
	__u64 io_some_ns;
	__u64 io_full_ns;
};

/**
 * struct resource_monitor_completed - What a disk has completed of one kind of request since it
 *	came.
 * @ios: Requests.
 * @sectors: Sectors of 512 bytes.
 * @time_ns: Nanoseconds from the start to the end of each, added up.
 */
struct resource_monitor_completed {
	__u64 ios;
	__u64 sectors;
	__u64 time_ns;
};

/**
 * struct resource_monitor_disk - A whole block device; partitions count with theirs.
 * @taken_mono_ns: CLOCK_MONOTONIC when its counters were read, in nanoseconds.
 * @seq: diskseq, which no two disks share, nor two media in one drive.
 * @name: The name, as in /proc/diskstats.
 * @reads: Reads.
 * @writes: Writes.
 * @discards: Discards.
 * @flushes: Flushes; they have no sectors.
 * @busy_ns: Time with requests under way, in nanoseconds.
 * @in_flight: Requests under way.
 * @flags: %RESOURCE_MONITOR_DISK_HAS_SLAVES.
 * @major: Major number, which the kernel gives to a driver. It is constant for the drivers in
 *	include/uapi/linux/major.h.
 * @minor: Minor number.
 */
struct resource_monitor_disk {
	__u64 taken_mono_ns;
	__u64 seq;
	char name[40];
	struct resource_monitor_completed reads;
	struct resource_monitor_completed writes;
	struct resource_monitor_completed discards;
	struct resource_monitor_completed flushes;
	__u64 busy_ns;
	__u64 in_flight;
	__u64 flags;
	__u64 major;
	__u64 minor;
};

/**
 * struct resource_monitor_carried - What went through an interface in one direction since it came.
 * @bytes: Bytes.
 * @packets: Packets.
 * @errors: Packets that were bad.
 * @drops: Packets that were dropped though they were not bad.
 */
struct resource_monitor_carried {
	__u64 bytes;
	__u64 packets;
	__u64 errors;
	__u64 drops;
};

/**
 * struct resource_monitor_net - A network interface.
 * @taken_mono_ns: CLOCK_MONOTONIC when its counters were read, in nanoseconds.
 * @index: ifindex, which the kernel does not give twice unless it is told to, or an interface
 *	brings its own along from another namespace.
 * @name: The name.
 * @rx: Received.
 * @tx: Transmitted.
 * @flags: %RESOURCE_MONITOR_NET_LOOPBACK, %RESOURCE_MONITOR_NET_HAS_LOWER and
 *	%RESOURCE_MONITOR_NET_HAS_UPPER.
 */
struct resource_monitor_net {
	__u64 taken_mono_ns;
	__u64 index;
	char name[16];
	struct resource_monitor_carried rx;
	struct resource_monitor_carried tx;
	__u64 flags;
};

/**
 * struct resource_monitor_fs_usage - What a file system has, as statfs() tells it.
 * @kind: The name of its type, as in /proc/filesystems.
 * @block_bytes: Bytes of a block.
 * @blocks: Blocks.
 * @free: Free blocks.
 * @available: Free blocks that anybody may use.
 * @inodes: Inodes; 0 when it has no limit.
 * @free_inodes: Free inodes.
 * @flags: %RESOURCE_MONITOR_FS_READ_ONLY.
 */
struct resource_monitor_fs_usage {
	char kind[16];
	__u64 block_bytes;
	__u64 blocks;
	__u64 free;
	__u64 available;
	__u64 inodes;
	__u64 free_inodes;
	__u64 flags;
};

/**
 * struct resource_monitor_fs - What is mounted at a path. What a state does not have is zero.
 * @path: The path.
 * @state: %RESOURCE_MONITOR_FS_MOUNTED, %RESOURCE_MONITOR_FS_ABSENT, %RESOURCE_MONITOR_FS_FAILED
 *	or %RESOURCE_MONITOR_FS_STALE.
 * @error: The errno of %RESOURCE_MONITOR_FS_FAILED.
 * @usage: Of %RESOURCE_MONITOR_FS_MOUNTED.
 */
struct resource_monitor_fs {
	char path[208];
	__u64 state;
	__u64 error;
	struct resource_monitor_fs_usage usage;
};

/**
 * struct resource_monitor_buffers - Memory counters that can be read in process context only.
 * @buffers: Pages of the file cache that are those of block devices.
 */
struct resource_monitor_buffers {
	__u64 buffers;
};

/**
 * struct resource_monitor_tcp - Counts of TCP since boot, over IPv4 and IPv6 together, in the
 *	initial network namespace. The names in brackets are those of /proc/net/snmp and
 *	/proc/net/netstat.
 * @segments_in: Segments received, bad ones included (InSegs).
 * @segments_out: Segments sent, without those that only carry what was sent before (OutSegs).
 * @segments_retransmitted: Segments sent again, SYNs included (RetransSegs).
 * @syns_retransmitted: SYNs sent again, of connections to and from this machine (TCPSynRetrans).
 * @listen_overflows: Connections refused because the queue of a listening socket was full
 *	(ListenOverflows).
 * @listen_drops: Connections refused for any reason, a full queue included (ListenDrops).
 * @established: Connections that are established now, those that the peer has closed included
 *	(CurrEstab).
 */
struct resource_monitor_tcp {
	__u64 segments_in;
	__u64 segments_out;
	__u64 segments_retransmitted;
	__u64 syns_retransmitted;
	__u64 listen_overflows;
	__u64 listen_drops;
	__u64 established;
};

/**
 * struct resource_monitor_running - Tasks of the whole system in some states, at the moment of the
 *	sample.
 * @running: Tasks that run or wait for a CPU (NR_RUNNING). The thread that samples is one of them.
 * @blocked: Tasks that wait for I/O (NR_IOWAIT).
 * @memory_stalled: Tasks that are stalled on memory: they reclaim some, or wait for pages to be
 *	read back (NR_MEMSTALL).
 */
struct resource_monitor_running {
	__u64 running;
	__u64 blocked;
	__u64 memory_stalled;
};

/**
 * struct resource_monitor_event - An event that begins, goes on or ends with this sample. Each
 *	record has all that are not over.
 * @number: The number of the event; the first one after loading is 1.
 * @trigger: What it is: the number of a trigger.
 * @state: %RESOURCE_MONITOR_EVENT_BEGIN, %RESOURCE_MONITOR_EVENT_ONGOING,
 *	%RESOURCE_MONITOR_EVENT_END or %RESOURCE_MONITOR_EVENT_MOMENT.
 * @value: What was found in this sample, in the unit of the trigger: tenths of a percent, a
 *	number, or nanoseconds.
 * @worst: The worst value since it began.
 * @limit: What the value was compared with when it began.
 * @for_ns: How long it had to last before the event began, in nanoseconds.
 * @since_mono_ns: CLOCK_MONOTONIC since when it was so, in nanoseconds.
 * @subject: The name of the disk or the path of the file system, empty where the event is about
 *	the machine.
 */
struct resource_monitor_event {
	__u64 number;
	__u64 trigger;
	__u64 state;
	__u64 value;
	__u64 worst;
	__u64 limit;
	__u64 for_ns;
	__u64 since_mono_ns;
	char subject[208];
};

/**
 * struct resource_monitor_tasks - All processes at the time of a census. Threads of one process
 *	are not told apart.
 * @processes: Processes, zombies and kernel threads included.
 * @threads: Threads of them all, but of those that were left out.
 * @ended_ns: CPU time of processes that have ended since the module was loaded, as far as no entry
 *	and no census ever had it, in nanoseconds: those that came and went between two censuses,
 *	and what the others used after the last one. It is what their parents were told when they
 *	waited.
 */
struct resource_monitor_tasks {
	__u64 processes;
	__u64 threads;
	__u64 ended_ns;
};

/**
 * struct resource_monitor_task - A process that is among those with the most CPU time since the
 *	census before, or with the most resident memory. It keeps its place while it is listed; a
 *	place without one is zeros.
 * @pid: Process ID, in the first namespace (tgid); 0 where there is no process.
 * @start_boot_ns: CLOCK_BOOTTIME when it started, in nanoseconds. With pid it tells processes of
 *	one boot apart.
 * @uid: User ID, in the first namespace.
 * @state: State of its first thread, as the letter in /proc/PID/stat: R, S, D, T, t, Z, X, P, or
 *	I.
 * @threads: Number of threads.
 * @cgroup_id: Identity of its cgroup in the default hierarchy: the inode of its folder. 0 where
 *	there is none.
 * @comm: Name (comm). Empty when names are off.
 * @cpu_ns: CPU time of all its threads, those that have ended included, in nanoseconds.
 * @rss_kb: Resident memory in KiB; 0 for a kernel thread.
 * @swap_kb: Memory in swap in KiB.
 * @major_faults: Page faults that needed I/O (major).
 * @read_bytes: Bytes that it had read from disks. As in /proc/PID/io, those of children that it
 *	has waited for are part of this.
 * @written_bytes: Bytes that it had written to disks, or will have; of its children as well.
 * @since_mono_ns: CLOCK_MONOTONIC of the census before it was listed, in nanoseconds.
 * @since_cpu_ns: Its cpu_ns then.
 */
struct resource_monitor_task {
	__u64 pid;
	__u64 start_boot_ns;
	__u64 uid;
	__u64 state;
	__u64 threads;
	__u64 cgroup_id;
	char comm[16];
	__u64 cpu_ns;
	__u64 rss_kb;
	__u64 swap_kb;
	__u64 major_faults;
	__u64 read_bytes;
	__u64 written_bytes;
	__u64 since_mono_ns;
	__u64 since_cpu_ns;
};

/**
 * struct resource_monitor_oom_kill - A process that the kernel has chosen as memory ran out, in
 *	the machine or in a cgroup, as it was at that moment. Each is in one record: that of the
 *	next sample.
 * @mono_ns: CLOCK_MONOTONIC at that moment, in nanoseconds.
 * @outcome: %RESOURCE_MONITOR_OOM_KILLED or %RESOURCE_MONITOR_OOM_WAS_DYING.
 * @pid: Process ID, in the first namespace (tgid).
 * @uid: User ID, in the first namespace.
 * @comm: Name (comm). Empty when names are off.
 * @anon_kb: Resident anonymous memory in KiB.
 * @file_kb: Resident memory of files in KiB.
 * @shmem_kb: Resident shared memory in KiB.
 * @swap_kb: Memory in swap in KiB.
 * @oom_score_adj: oom_score_adj, -1000 to 1000, as a signed number.
 * @cgroup_id: Identity of its cgroup in the default hierarchy: the inode of its folder. 0 where
 *	there is none.
 * @by_pid: Process ID of who asked for memory.
 * @by_comm: The name of that (comm). Empty when names are off.
 */
struct resource_monitor_oom_kill {
	__u64 mono_ns;
	__u64 outcome;
	__u64 pid;
	__u64 uid;
	char comm[16];
	__u64 anon_kb;
	__u64 file_kb;
	__u64 shmem_kb;
	__u64 swap_kb;
	__u64 oom_score_adj;
	__u64 cgroup_id;
	__u64 by_pid;
	char by_comm[16];
};

/**
 * struct resource_monitor_block - What a block begins with: which records it has. They follow
 *	@header_bytes after its start, each as a frame.
 * @magic: %RESOURCE_MONITOR_BLOCK_MAGIC.
 * @version: %RESOURCE_MONITOR_BLOCK_VERSION.
 * @size_bytes: Bytes of the whole block, this header included.
 * @header_bytes: Bytes of this header.
 * @boot_id: The same for all loads of one boot, as in its records.
 * @load_id: Drawn at random when the module was loaded, as in its records.
 * @number: Number of the block, which grows from one to the next: the first one is 0, unless there
 *	are blocks of earlier lives.
 * @first_seq: Sequence number of the first record.
 * @next_seq: Sequence number after that of the last record.
 * @records: Number of records.
 * @first_boot_ns: CLOCK_BOOTTIME when the first sample was taken, in nanoseconds.
 * @last_boot_ns: CLOCK_BOOTTIME when the last sample was taken, in nanoseconds.
 * @lost_records: How many records right before the first one its reader did not get, since they
 *	were not kept long enough. Each reader has its own.
 * @checksum: CRC-32C of the words before this one.
 */
struct resource_monitor_block {
	__u64 magic;
	__u64 version;
	__u64 size_bytes;
	__u64 header_bytes;
	__u64 boot_id;
	__u64 load_id;
	__u64 number;
	__u64 first_seq;
	__u64 next_seq;
	__u64 records;
	__u64 first_boot_ns;
	__u64 last_boot_ns;
	__u64 lost_records;
	__u64 checksum;
};

/**
 * struct resource_monitor_info - What there is.
 * @version: %RESOURCE_MONITOR_IOCTL_VERSION.
 * @record_version: %RESOURCE_MONITOR_VERSION.
 * @max_record_bytes: Bytes of the largest record that there can be.
 * @history_bytes: Bytes of memory for the records that are kept, older ones in blocks included.
 * @history_records: How many records of this life are kept now, those in blocks included.
 * @oldest_seq: Sequence number of the oldest record that %RESOURCE_MONITOR_SEEK can go to;
 *	next_seq when there is none.
 * @next_seq: Sequence number of the next record.
 * @interval_ms: The interval in force, in milliseconds.
 * @block_bytes: Most bytes of a block: what a read needs that is to return one.
 * @block_oldest_seq: Sequence number of the oldest record of this life; oldest_seq when it has no
 *	block.
 * @oldest_boot_ns: CLOCK_BOOTTIME of that record, in nanoseconds; 0 when there is no record.
 * @block_records: How many records of this life the blocks have.
 * @block_used_bytes: How many bytes these take.
 * @block_memory_bytes: Bytes of memory for blocks, whosever records these have.
 * @reserved_bytes: Bytes of reserved memory, which outlives a restart, that the history has; 0
 *	when it lies in ordinary memory and ends with this life.
 * @earlier_records: How many records of other boots are kept.
 */
struct resource_monitor_info {
	__u64 version;
	__u64 record_version;
	__u64 max_record_bytes;
	__u64 history_bytes;
	__u64 history_records;
	__u64 oldest_seq;
	__u64 next_seq;
	__u64 interval_ms;
	__u64 block_bytes;
	__u64 block_oldest_seq;
	__u64 oldest_boot_ns;
	__u64 block_records;
	__u64 block_used_bytes;
	__u64 block_memory_bytes;
	__u64 reserved_bytes;
	__u64 earlier_records;
};

/**
 * struct resource_monitor_seek_blocks - Which blocks are to be read.
 * @order: %RESOURCE_MONITOR_OLDEST_FIRST or %RESOURCE_MONITOR_NEWEST_FIRST.
 * @by: %RESOURCE_MONITOR_BY_SEQ, %RESOURCE_MONITOR_BY_BOOT_NS or %RESOURCE_MONITOR_BY_NUMBER.
 * @from: A sequence number, nanoseconds of CLOCK_BOOTTIME, or the number of a block. The first
 *	block is the oldest one that has a record of this or later or, with the newest first, the
 *	newest one that has a record of this or earlier; by number that block itself, or the next
 *	one in the order.
 */
struct resource_monitor_seek_blocks {
	__u64 order;
	__u64 by;
	__u64 from;
};

/**
 * struct resource_monitor_life - A life: from when the module was loaded to its end. One without a
 *	record that can be read is left out, except that which runs. It is the last one;
 *	%RESOURCE_MONITOR_LIFE is ENOENT for an index beyond it. When the last record of the oldest
 *	is overwritten, all others move up.
 * @index: Which one, set by the program: 0 is the oldest.
 * @boot_id: The same for all lives of one boot, as in its records.
 * @load_id: Drawn at random when the module was loaded, as in its records.
 * @kernel: The release of the kernel, as in uname(); empty when it is not known. It may have any
 *	bytes.
 * @begin_boot_ns: CLOCK_BOOTTIME when the module was loaded, in nanoseconds. When nothing is known
 *	of the life but its records, that of the first one.
 * @wall_ahead_ns: By how many nanoseconds CLOCK_REALTIME was ahead of CLOCK_BOOTTIME, at the
 *	latest time at which this is known; 0 when it never was.
 * @ended: %RESOURCE_MONITOR_LIFE_RUNS, %RESOURCE_MONITOR_LIFE_UNLOADED,
 *	%RESOURCE_MONITOR_LIFE_RESTART, %RESOURCE_MONITOR_LIFE_POWER_OFF,
 *	%RESOURCE_MONITOR_LIFE_PANIC or %RESOURCE_MONITOR_LIFE_UNKNOWN.
 * @end_boot_ns: CLOCK_BOOTTIME of the end, in nanoseconds; with %RESOURCE_MONITOR_LIFE_UNKNOWN
 *	that of the last record, and 0 while it runs.
 * @records: How many records of it can be read, as blocks or, of the one that runs, as they are.
 */
struct resource_monitor_life {
	__u64 index;
	__u64 boot_id;
	__u64 load_id;
	char kernel[64];
	__u64 begin_boot_ns;
	__u64 wall_ahead_ns;
	__u64 ended;
	__u64 end_boot_ns;
	__u64 records;
};

/* End of what is generated. */

#define RESOURCE_MONITOR_IOCTL_VERSION 3

/*
 * What there is. The size is that of the structure that the program knows: a shorter one gets its
 * fields, a longer one zeros behind what the module knows.
 */
#define RESOURCE_MONITOR_INFO _IOR(0xbc, 0, struct resource_monitor_info)
/*
 * Makes the next read begin with the record of this sequence number, or with the oldest that is
 * kept if that is newer, and gives the number of the record that comes next. 0 is the oldest. A
 * number above next_seq is EINVAL.
 */
#define RESOURCE_MONITOR_SEEK _IOWR(0xbc, 1, __u64)
/*
 * Takes a sample now, and gives its sequence number; the interval begins anew. The device must be
 * open for writing, or it is EBADF.
 */
#define RESOURCE_MONITOR_SAMPLE _IOR(0xbc, 2, __u64)
/*
 * Sets the interval in milliseconds, as the parameter interval_ms does: EINVAL when it is out of
 * range. The device must be open for writing, or it is EBADF, and the caller needs CAP_SYS_ADMIN,
 * or it is EPERM.
 */
#define RESOURCE_MONITOR_SET_INTERVAL _IOW(0xbc, 3, __u64)

#define RESOURCE_MONITOR_OLDEST_FIRST 0
#define RESOURCE_MONITOR_NEWEST_FIRST 1
#define RESOURCE_MONITOR_BY_SEQ 0
#define RESOURCE_MONITOR_BY_BOOT_NS 1
#define RESOURCE_MONITOR_BY_NUMBER 2
/*
 * Makes reads return older records, which are kept encoded: one struct resource_monitor_block with
 * its frames per read, which needs room for block_bytes or is EINVAL, and then 0. The last one with
 * the oldest first, or the first one with the newest first, is the one that records were added to
 * when this was called. %RESOURCE_MONITOR_BY_NUMBER alone gives those of other lives, too, of which
 * those that are damaged are left out. %RESOURCE_MONITOR_SEEK makes reads return records again. An
 * order that is not known is EINVAL.
 */
#define RESOURCE_MONITOR_SEEK_BLOCKS _IOW(0xbc, 4, struct resource_monitor_seek_blocks)

/*
 * Makes an event of the trigger %RESOURCE_MONITOR_TRIGGER_TEST, takes a sample that has it, and
 * puts the number of that into the word. The device must be open for writing, or it is EBADF, and
 * the caller needs CAP_SYS_ADMIN, or it is EPERM.
 */
#define RESOURCE_MONITOR_TEST_EVENT _IOR(0xbc, 5, __u64)

#define RESOURCE_MONITOR_LIFE_RUNS 0
#define RESOURCE_MONITOR_LIFE_UNLOADED 1
#define RESOURCE_MONITOR_LIFE_RESTART 2
#define RESOURCE_MONITOR_LIFE_POWER_OFF 3
#define RESOURCE_MONITOR_LIFE_PANIC 4
#define RESOURCE_MONITOR_LIFE_UNKNOWN 5
/*
 * Tells of the life with this index. The one that runs is the last one, and ENOENT is what is
 * beyond it.
 */
#define RESOURCE_MONITOR_LIFE _IOWR(0xbc, 6, struct resource_monitor_life)
/*
 * Erases the records of other boots, and what is known of their lives, from memory as well. The
 * device must be open for writing, or it is EBADF, and the caller needs CAP_SYS_ADMIN, or it is
 * EPERM.
 */
#define RESOURCE_MONITOR_FORGET _IO(0xbc, 7)

#endif /* RESOURCE_MONITOR_H */
