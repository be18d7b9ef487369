# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How the guests of scripts/test are made. Sourced, never run, after scripts/lib.sh.
#
# What a guest has: /bin/busybox; vda with an ext4 file system, vdb with nothing; a
# network card; and in /modules those of the kernel's modules that it may need, to
# be loaded in the order of /modules/order, with the parameters that the kernel's
# command line has for them. In the debug kernel they are built in, so order is empty.

# pick_modules FOLDER NAME...: keeps the kernel's own modules of these names, with those that they need, in a folder
# of the kernel $RELEASE, uncompressed, as an insmod of any kind wants them. The file `order` there has
# the names of the files, each after those that it needs.
pick_modules() {
	local dir=$CACHE/kernels/$RELEASE new=$CACHE/kernels/$RELEASE/$1.new folder=$1 deb name found what file module missing=()
	shift
	rm -rf "$new"
	mkdir -p "$new/unpacked"
	cd "$new" || return
	for deb in "$dir"/modules-debs/*.deb; do
		dpkg-deb -x "$deb" unpacked
	done
	# The tools look in /lib.
	ln -s usr/lib unpacked/lib
	in_root depmod --basedir "$PWD/unpacked" "$RELEASE"
	: >order
	for name; do
		found=$(in_root modprobe --config /dev/null --dirname "$PWD/unpacked" --set-version "$RELEASE" \
			--show-depends "$name") || {
			missing+=("$name")
			continue
		}
		while read -r what file _; do
			if [[ $what == builtin ]]; then
				echo "$file is built in"
				continue
			fi
			module=${file##*/}
			module=${module%%.*}.ko
			! grep -qxF -- "$module" order || continue
			case $file in
			*.ko) cp "$file" "$module" ;;
			*.ko.xz) xz --decompress --stdout "$file" >"$module" ;;
			*)
				echo "$file is neither plain nor compressed with xz"
				return 1
				;;
			esac
			echo "$module" >>order
		done <<<"$found"
	done
	if ((${#missing[@]})); then
		echo "the kernel $RELEASE has these modules neither built in nor as files: ${missing[*]}"
		return 1
	fi
	cat order
	rm -rf unpacked
	echo "$*" >wanted
	rm -rf "${dir:?}/$folder"
	mv "$new" "$dir/$folder"
}

# modules_are_picked FOLDER NAME...: whether pick_modules has done this.
modules_are_picked() {
	local wanted=$CACHE/kernels/$RELEASE/$1/wanted
	[[ -f $wanted && $(<"$wanted") == "${*:2}" ]]
}

# module_files KERNEL [FOLDER]: prints what pick_modules has kept of a kernel, a line each, as scripts/initramfs
# wants it.
module_files() {
	local folder=${2:-modules} file
	for file in order $(<"$1/$folder/order"); do
		echo "/$folder/$file=$1/$folder/$file"
	done
}

build_vmtest() {
	build_static vmtest --manifest-path "$TOP/tests/vm/Cargo.toml"
}

# Programs in C that know the device's header alone. The one for 32 bits needs no C library.
build_device_tests() {
	local options=(-std=gnu11 -Wall -Wextra -Werror -O2 -static "-I$TOP/model") folder=$CACHE/build/device-$ARCH program
	mkdir -p "$folder"
	for program in device blocks fuzz seek fifo leader zombies; do
		in_root "$CC" "${options[@]}" -o "$folder/$program" "$TOP/tests/device/$program.c"
	done
	[[ $ARCH == amd64 ]] || return 0
	in_root gcc "${options[@]}" -m32 -ffreestanding -nostdlib -fno-stack-protector -fno-pie -no-pie \
		-o "$folder/device32" "$TOP/tests/device/device32.c"
}

# build_c_module FILE KERNEL: builds a module in C, which is for tests alone, for the kernel in the folder KERNEL, and
# sets C_MODULE to it.
build_c_module() {
	local file=$1 kernel=$2 name args=()
	name=$(basename "$file" .c)
	C_MODULE=$CACHE/build/${kernel##*/}-$name/$name.ko
	[[ ! -e $kernel/make-args ]] || read -ra args <"$kernel/make-args"
	mkdir -p "${C_MODULE%/*}"
	cp --preserve=timestamps "$file" "${C_MODULE%/*}"
	echo "obj-m := $name.o" >"${C_MODULE%/*}/Kbuild"
	step "Build $name.ko for ${kernel##*/}" in_root make --no-print-directory -C "$kernel/tree" M="${C_MODULE%/*}" "${args[@]}" modules
}

# Firmware that is UEFI, and copy_firmware FOLDER: puts it there as scripts/vm wants it.
fetch_firmware() {
	fetch_packages ovmf ovmf
}

copy_firmware() {
	cp "$CACHE/programs/ovmf/usr/share/OVMF/OVMF_CODE_4M.fd" "$1/code.fd"
	cp "$CACHE/programs/ovmf/usr/share/OVMF/OVMF_VARS_4M.fd" "$1/vars.fd"
}

# What starts a kernel for a crash, and what writes a dump there; and the files, a line each, as scripts/initramfs
# wants them.
fetch_kdump() {
	fetch_packages kdump kexec-tools makedumpfile
}

kdump_files() {
	local kexec=$CACHE/programs/kdump/usr/sbin/kexec makedumpfile=$CACHE/programs/kdump/usr/bin/makedumpfile
	printf '%s\n' "/bin/kexec=$kexec" "/bin/makedumpfile=$makedumpfile"
	libraries_of kdump "$kexec" "$makedumpfile"
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

# busybox_of_arch: prints where that of the guests is.
busybox_of_arch() {
	if [[ $ARCH == amd64 ]]; then
		echo "$ROOT/bin/busybox"
	else
		fetch_packages "busybox-$ARCH" "busybox-static:$ARCH"
		echo "$CACHE/programs/busybox-$ARCH/usr/bin/busybox"
	fi
}

# make_guest KERNEL RESMON DIR: builds the module for the kernel in the folder KERNEL, and puts all that
# its guest has into DIR/vmtest.cpio, the program RESMON too, and its first disk as DIR/disk.
make_guest() {
	local kernel=$1 file files module
	mapfile -t files < <(module_files "$kernel")
	module=$CACHE/build/${kernel##*/}/resource_monitor.ko
	"$TOP/scripts/build-module" "${kernel##*/}"
	if [[ $kernel == *-kcsan ]] && ! in_root llvm-nm --undefined-only "$module" | grep __tsan_read >/dev/null; then
		die "rustc compiled resource_monitor.ko without what KCSAN needs, so it would see nothing of the module"
	fi
	build_c_module "$TOP/tests/poke/poke.c" "$kernel"
	for file in "$CACHE/build/device-$ARCH"/* "$C_MODULE"; do
		files+=("/${file##*/}=$file")
	done
	"$TOP/scripts/initramfs" "$3/vmtest.cpio" /bin/busybox="$(busybox_of_arch)" /resmon="$2" \
		/init="$CACHE/cargo/vmtest/$TARGET/release/vmtest" /resource_monitor.ko="$module" "${files[@]}"
	make_disk "$3/disk" rmtest
}
