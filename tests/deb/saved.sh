# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What is recorded before a boot dies, and what of it is in /var/lib/resmon later. Sourced, never run.

# What is known of each boot that crashed is kept here, each in a folder of its own.
known=/guest-test/crashes

# As many as do not fit into the ring of plain records, so that there are encoded ones as well.
RECORDED=1000

# record_before NAME: what the module keeps, and some more, of which the last is on no disk.
record_before() {
	mkdir -p "$known/$1" && modprobe resource_monitor interval_ms=50 && udevadm settle &&
		resmon record "$known/$1/before.rec" --history --count "$RECORDED" &&
		resmon record /run/more.rec --count 5 && resmon record "$known/$1/raw" --raw --from "$known/$1/before.rec"
}

# Encoded records are there besides plain ones: more than fit.
has_encoded() {
	local raw_kB plain_kB
	raw_kB=$(($(stat --format %s "$known/$1/raw") / 1024))
	plain_kB=$(dmesg | sed -n 's/.* resource_monitor: loaded .* plain_kB=\([0-9]*\) .*/\1/p')
	echo "$raw_kB kB were recorded, $plain_kB kB are kept as they are"
	((raw_kB > plain_kB * 5 / 4))
}

# The identity of the boot that crashed.
boot_of() {
	resmon log --json --lines 1 --from "$known/$1/before.rec" | sed -n 's/.*"module_boot_id":"\([0-9a-f]*\)".*/\1/p'
}

file_of_boot() {
	ls -l /var/lib/resmon
	[[ $(ls -A /var/lib/resmon) == "boot-$(boot_of "$1").rec" ]]
}

modes_of_saved() {
	local modes
	modes=$(stat --format '%U:%G %a' /var/lib/resmon /var/lib/resmon/*)
	echo "$modes"
	[[ $modes == $'root:resource-monitor 750\nroot:resource-monitor 640' ]]
}

# has_records NAME FILE: FILE has each record that was recorded before, bit for bit, and those since.
has_records() {
	local size
	rm -f /run/raw
	resmon record /run/raw --raw --from "$2" || return
	size=$(stat --format %s "$known/$1/raw")
	cmp "$known/$1/raw" <(head --bytes="$size" /run/raw) && (($(records_in /run/raw) >= RECORDED + 5))
}

records_in() {
	# A sample needs two records.
	echo $(($(resmon log --json --from "$1" | wc -l) + 1))
}

saved_has_records() {
	has_records "$1" /var/lib/resmon/boot-*.rec
}

members_may_read() {
	as_member resmon log --lines 1 --from /var/lib/resmon/boot-*.rec && refused as_nobody cat /var/lib/resmon/boot-*.rec
}

unit_has_nothing_to_do() {
	systemctl status "${unit:?}"
	[[ $(systemctl is-enabled "$unit") == enabled ]] && ! systemctl is-active "$unit" &&
		[[ $(systemctl show --property ConditionTimestampMonotonic --value "$unit") != 0 ]] &&
		[[ $(systemctl show --property ConditionResult --value "$unit") == no ]]
}
