# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What guests have in common whose /init is a script, as /init.sh. Sourced first, never run.

/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
cd /
mkdir -p /mnt /cgroup /tmp

# load_drivers: those of disks, file systems and network cards, and none of what is for tests of devices.
load_drivers() {
	local module
	while read -r module; do
		case $module in
		bonding.ko | brd.ko | dummy.ko | fuse.ko | loop.ko | null_blk.ko | overlay.ko | veth.ko) ;;
		*) insmod "/modules/$module" ;;
		esac
	done </modules/order
}

# make_cgroup: without one the module does not find the system's pressure.
make_cgroup() {
	mount -t cgroup2 cgroup /cgroup
	mkdir /cgroup/system
}

# word NAME: what the kernel's command line has of NAME.
word() {
	sed -n "s/.*\\b$1=\\([^ ]*\\).*/\\1/p" /proc/cmdline
}

# send FOLDER DISK: the folder as a tar file, for the host.
send() {
	tar -C "$1" -c . >"$2"
	sync
}

# load_capture KERNEL INITRD WORDS: loads the kernel that is started for a crash, as Debian does. It is this one,
# which a disk has, and so is what it begins with. It gets these words besides.
load_capture() {
	cat "$1" >/tmp/vmlinuz
	cat "$2" >/tmp/initrd
	kexec -s -p /tmp/vmlinuz --initrd=/tmp/initrd \
		--command-line="console=ttyS0 panic=-1 quiet reset_devices nr_cpus=1 irqpoll usbcore.nousb $3"
	rm /tmp/vmlinuz /tmp/initrd
}

# expect_lockup SECONDS: has the kernel panic when a CPU is stuck in it for so long.
expect_lockup() {
	# It is twice that time that a CPU may be stuck.
	echo $(($1 / 2)) >/proc/sys/kernel/watchdog_thresh
	echo 1 >/proc/sys/kernel/softlockup_panic
}

# get_stuck: keeps a CPU from getting away from the kernel.
get_stuck() {
	insmod /test_lockup.ko time_secs=100 state=R disable_preempt=1
}

# type_in COMMAND: shows a command as if typed, and runs it. The kernel's log notes it as well, on a level that the
# console does not show, so that the host can tell what was logged before and after.
type_in() {
	echo "<7>demo: $1" >/dev/kmsg
	echo
	echo "# $1"
	eval "$1"
}
