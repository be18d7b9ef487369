# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How the guests of scripts/test are made. Sourced, never run, after scripts/lib.sh.
#
# What a guest has: /bin/busybox; vda with an ext4 file system, vdb with nothing; a
# network card; and in /modules those of the kernel's modules that it may need, to
# be loaded in the order of /modules/order, with the parameters that the kernel's
# command line has for them. In the debug kernel they are built in, so order is empty.

build_vmtest() {
	build_static vmtest --manifest-path "$TOP/tests/vm/Cargo.toml"
}

# Programs in C that know the device's header alone. The one for 32 bits needs no C library.
build_device_tests() {
	local options=(-std=gnu11 -Wall -Wextra -Werror -O2 -static "-I$TOP/model") folder=$CACHE/build/device-$ARCH program
	mkdir -p "$folder"
	for program in device blocks fuzz seek fifo; do
		in_root "$CC" "${options[@]}" -o "$folder/$program" "$TOP/tests/device/$program.c"
	done
	[[ $ARCH == amd64 ]] || return 0
	in_root gcc "${options[@]}" -m32 -ffreestanding -nostdlib -fno-stack-protector -fno-pie -no-pie \
		-o "$folder/device32" "$TOP/tests/device/device32.c"
}

# make_programs_disk DISK SIZE PACKAGE PROGRAM [FILE...]: makes a disk with a program of a package that
# fetch_packages has fetched, what it is linked with, and files, in its top folder. In tmp, proc,
# sys and dev the guest mounts something.
make_programs_disk() {
	local disk=$1 size=$2 program=$CACHE/programs/$3/$4 folder file library
	folder=$(mktemp -d -p "${disk%/*}")
	mkdir "$folder"/{tmp,proc,sys,dev}
	cp "$program" "${@:5}" "$folder"
	while IFS='=' read -r file library; do
		install -D "$library" "$folder$file"
	done < <(libraries_of "$3" "$program")
	rm -f "$disk"
	truncate --size="$size" "$disk"
	# The Debian root sees no more of the folder than what comes through the pipe.
	# shellcheck disable=SC2016
	tar -C "$folder" -c . | in_root bash -c '
		folder=$(mktemp -d) && trap "rm -rf $folder" EXIT && tar -C "$folder" -x &&
			mkfs.ext4 -q -d "$folder" /proc/self/fd/3' 3<>"$disk"
	rm -rf "$folder"
}

# make_guest KERNEL RESMON DIR: builds the module for the kernel in the folder KERNEL, and puts all that
# its guest has into DIR/vmtest.cpio, the program RESMON too, and its first disk as DIR/disk.
make_guest() {
	local kernel=$1 busybox=$ROOT/bin/busybox file files=("/modules/order=$1/modules/order") module
	module=$CACHE/build/${kernel##*/}/resource_monitor.ko
	"$TOP/scripts/build-module" "${kernel##*/}"
	if [[ $kernel == *-kcsan ]] && ! in_root llvm-nm --undefined-only "$module" | grep __tsan_read >/dev/null; then
		die "rustc compiled resource_monitor.ko without what KCSAN needs, so it would see nothing of the module"
	fi
	while read -r file; do
		files+=("/modules/$file=$kernel/modules/$file")
	done <"$kernel/modules/order"
	for file in "$CACHE/build/device-$ARCH"/*; do
		files+=("/${file##*/}=$file")
	done
	if [[ $ARCH != amd64 ]]; then
		fetch_packages "busybox-$ARCH" "busybox-static:$ARCH"
		busybox=$CACHE/programs/busybox-$ARCH/usr/bin/busybox
	fi
	"$TOP/scripts/initramfs" "$3/vmtest.cpio" /bin/busybox="$busybox" /resmon="$2" \
		/init="$CACHE/cargo/vmtest/$TARGET/release/vmtest" /resource_monitor.ko="$module" "${files[@]}"
	make_disk "$3/disk" rmtest
}
