# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the demonstrations share. Sourced, never run, after scripts/lib.sh and scripts/guest.sh.

# Where what is made for this run is kept, and what the guest printed.
dir='' console=''

# begin_demo GUEST: builds what is missing, and a guest of an untouched Debian kernel whose /init is GUEST, with a disk.
begin_demo() {
	local kernel modules resmon
	need_root
	"$TOP/scripts/setup"
	resolve_kernel
	"$TOP/scripts/build-module" "$RELEASE"
	resmon=$("$TOP/scripts/build-resmon")
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	kernel=$CACHE/kernels/$RELEASE
	mapfile -t modules < <(module_files "$kernel")
	make_disk "$dir/disk" demo
	"$TOP/scripts/initramfs" "$dir/demo.cpio" \
		/bin/busybox="$ROOT/bin/busybox" "${modules[@]}" \
		/init="$1" /init.sh="$TOP/scripts/guest-init.sh" /resmon="$resmon" \
		/resource_monitor.ko="$CACHE/build/$RELEASE/resource_monitor.ko"
}

# show_demo OPTION...: boots it, with these options of scripts/vm besides, and shows what it prints, but for the lines
# that the extended regular expression $hidden has, if there is one.
show_demo() {
	local status=0
	console=$CACHE/log/${0##*/}-console.log
	"$TOP/scripts/vm" --kernel "$CACHE/kernels/$RELEASE/vmlinuz" --initrd "$dir/demo.cpio" \
		--smp 2 --disk "$dir/disk" --append quiet "$@" |
		sed -u 's/\r$//; s/\x1b[^a-zA-Z]*[a-zA-Z]//g' | tee "$console" |
		sed -u -E "${hidden:+/$hidden/d}" || status=$?
	say ''
	((status == 0)) || die "the guest did not power off by itself (status $status); what it printed is in $console"
}

# What was seen, and what was not.
seen=() unseen=()

# expect CONDITION SEEN UNSEEN: names it by SEEN, or by UNSEEN where the arithmetic CONDITION does not hold.
expect() {
	if (($1)); then seen+=("$2"); else unseen+=("$3"); fi
}

# tell_seen LOG PICTURE: says what was seen; fails where something was not, and names the file that tells more.
tell_seen() {
	local list
	printf -v list '%s, ' "${seen[@]}"
	say "Seen: ${list%, }"
	if ((${#unseen[@]})); then
		printf -v list '%s, ' "${unseen[@]}"
		die "not seen: ${list%, }; $1"
	fi
	say "The picture is $2"
}
