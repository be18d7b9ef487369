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

/* What a record begins with. */
struct resource_monitor_record {
	__u64 magic;		/* RESOURCE_MONITOR_MAGIC */
	__u64 version;		/* RESOURCE_MONITOR_VERSION */
	__u64 size_bytes;	/* of the whole record */
	__u64 header_bytes;	/* of this header */
	__u64 seq;		/* sequence number, 0 for the first sample after loading */
	__u64 lost_records;	/* how many before this one were gone before this reader came */
	__u64 taken_mono_ns;	/* CLOCK_MONOTONIC when the sample was taken */
	__u64 taken_wall_ns;	/* CLOCK_REALTIME when the sample was taken */
	__u64 due_mono_ns;	/* CLOCK_MONOTONIC when it was due */
	__u64 interval_ns;	/* the interval in force */
	__u64 missed_ticks;	/* since load, ticks that were due and never ran */
	__u64 late_samples;	/* since load, samples late by more than a tenth of the interval */
	__u64 previous_cost_ns;	/* what the timer callback took for the sample before */
	__u64 taken_boot_ns;	/* CLOCK_BOOTTIME when the sample was taken */
	__u64 load_id;		/* drawn at random when the module was loaded */
	__u64 boot_id;		/* the same for all loads of a boot, another for each boot */
};

/* What a section begins with. */
struct resource_monitor_section {
	__u64 kind;		/* what the entries are, see below */
	__u64 size_bytes;	/* of the whole section, this header included */
	__u64 header_bytes;	/* of this header, after which the entries begin */
	__u64 entry_bytes;	/* of an entry */
	__u64 state;		/* RESOURCE_MONITOR_TAKEN or RESOURCE_MONITOR_STALE */
	__u64 left_out;		/* entries that the module had no room for */
	__u64 first_mono_ns;	/* CLOCK_MONOTONIC right before the first entry was read */
	__u64 last_mono_ns;	/* CLOCK_MONOTONIC right after the last entry was read */
};

/* States of a section. */
#define RESOURCE_MONITOR_TAKEN 0
#define RESOURCE_MONITOR_STALE 1	/* not answered in time */

/* Kinds of sections. There may be several of one kind, and none. */
#define RESOURCE_MONITOR_MEMORY 1	/* struct resource_monitor_memory */
#define RESOURCE_MONITOR_CPUS 2		/* struct resource_monitor_cpu, per online CPU */
#define RESOURCE_MONITOR_LOAD 3		/* struct resource_monitor_load */
#define RESOURCE_MONITOR_ACTIVITY 4	/* struct resource_monitor_activity */
#define RESOURCE_MONITOR_PRESSURE 5	/* struct resource_monitor_pressure */
#define RESOURCE_MONITOR_DISKS 6	/* struct resource_monitor_disk, per disk */
#define RESOURCE_MONITOR_NETS 7		/* struct resource_monitor_net, per interface */
#define RESOURCE_MONITOR_FILE_SYSTEMS 8	/* struct resource_monitor_fs, per path */
#define RESOURCE_MONITOR_BUFFERS 9	/* struct resource_monitor_buffers */

/* In pages, but for page_bytes. */
struct resource_monitor_memory {
	__u64 total;
	__u64 free;
	__u64 available;
	__u64 file;			/* file cache, with swap_cache and buffers */
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

/* In pages. */
struct resource_monitor_buffers {
	__u64 buffers;			/* file cache of block devices */
};

/* Nanoseconds in each mode; user has guest in it, and nice has guest_nice. */
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

struct resource_monitor_cpu {
	__u64 id;
	__u64 epoch;			/* changes when it was offline: compare within one only */
	struct resource_monitor_times times;
};

/* In 2048ths. */
struct resource_monitor_load {
	__u64 one_minute;
	__u64 five_minutes;
	__u64 fifteen_minutes;
};

struct resource_monitor_activity {
	__u64 faults;			/* page faults, major ones included */
	__u64 major_faults;
	__u64 paged_in_sectors;		/* of 512 bytes, read by block devices */
	__u64 paged_out_sectors;	/* of 512 bytes, written by block devices */
	__u64 swapped_in_pages;
	__u64 swapped_out_pages;
	__u64 oom_kills;		/* since load */
	__u64 device_interrupts;
	__u64 cpu_interrupts;		/* without what wrapped, at 32 bits, before load */
	__u64 soft_interrupts;		/* as these */
};

/* Nanoseconds in which some tasks, or all that had work to do, were held up. */
struct resource_monitor_pressure {
	__u64 cpu_some_ns;
	__u64 memory_some_ns;
	__u64 memory_full_ns;
	__u64 io_some_ns;
	__u64 io_full_ns;
};

struct resource_monitor_completed {
	__u64 ios;
	__u64 sectors;			/* of 512 bytes */
	__u64 time_ns;			/* from start to end of each, added up */
};

/* A whole block device, since it came. */
struct resource_monitor_disk {
	__u64 taken_mono_ns;		/* CLOCK_MONOTONIC when it was read */
	__u64 seq;			/* no two disks have the same: compare within one only */
	char name[40];
	struct resource_monitor_completed reads;
	struct resource_monitor_completed writes;
	struct resource_monitor_completed discards;
	struct resource_monitor_completed flushes;
	__u64 busy_ns;			/* with requests under way */
	__u64 in_flight;		/* requests under way now */
	__u64 flags;			/* RESOURCE_MONITOR_DISK_... */
	__u64 major;			/* device number */
	__u64 minor;
};

/*
 * The disk is made of other block devices, which do the same work again and count it. The drivers
 * loop, brd and zram do not tell what theirs are made of.
 */
#define RESOURCE_MONITOR_DISK_HAS_SLAVES 1

struct resource_monitor_carried {
	__u64 bytes;
	__u64 packets;
	__u64 errors;
	__u64 drops;
};

/* A network interface, since it came. One whose counters went backwards was made anew. */
struct resource_monitor_net {
	__u64 taken_mono_ns;		/* CLOCK_MONOTONIC when it was read */
	__u64 index;			/* ifindex */
	char name[16];
	struct resource_monitor_carried rx;
	struct resource_monitor_carried tx;
	__u64 flags;			/* RESOURCE_MONITOR_NET_... */
};

#define RESOURCE_MONITOR_NET_LOOPBACK 1		/* that of the machine to itself */
/* It is on top of another one, as a bridge is: that one carries and counts the same again. */
#define RESOURCE_MONITOR_NET_HAS_LOWER 2
#define RESOURCE_MONITOR_NET_HAS_UPPER 4	/* it is below another one, as a port of a bridge */

struct resource_monitor_fs_usage {
	char kind[16];			/* as in /proc/filesystems */
	__u64 block_bytes;
	__u64 blocks;
	__u64 free;			/* blocks */
	__u64 available;		/* blocks that anybody may use */
	__u64 inodes;			/* 0 when there is no limit */
	__u64 free_inodes;
	__u64 flags;			/* RESOURCE_MONITOR_FS_READ_ONLY */
};

/* The mount, or the whole file system, is read-only. */
#define RESOURCE_MONITOR_FS_READ_ONLY 1

/* What is mounted at a path. */
struct resource_monitor_fs {
	char path[208];
	__u64 state;			/* RESOURCE_MONITOR_FS_... */
	__u64 error;			/* the errno of RESOURCE_MONITOR_FS_FAILED */
	struct resource_monitor_fs_usage usage;	/* of RESOURCE_MONITOR_FS_MOUNTED */
};

#define RESOURCE_MONITOR_FS_MOUNTED 0
#define RESOURCE_MONITOR_FS_ABSENT 1	/* nothing is mounted there */
#define RESOURCE_MONITOR_FS_FAILED 2	/* it could not be asked */
#define RESOURCE_MONITOR_FS_STALE 3	/* it has not answered in time */

/* What RESOURCE_MONITOR_INFO fills. */
struct resource_monitor_info {
	__u64 version;			/* of the commands: RESOURCE_MONITOR_IOCTL_VERSION */
	__u64 record_version;		/* RESOURCE_MONITOR_VERSION */
	__u64 max_record_bytes;		/* of the largest record that there can be */
	__u64 history_bytes;		/* memory for the records that are kept */
	__u64 history_records;		/* most records that are kept */
	__u64 oldest_seq;		/* of those that are kept */
	__u64 next_seq;			/* of the next record */
	__u64 interval_ms;
};

#define RESOURCE_MONITOR_IOCTL_VERSION 1

/* What there is. */
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

#endif /* RESOURCE_MONITOR_H */
