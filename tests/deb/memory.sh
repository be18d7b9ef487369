# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What outlives a machine in reserved memory: a boot that panics, the one after it, which finds what the unit has
# saved, and looks at the boot before; and one more, at which nothing is saved again. Sourced by in-guest, never run.

# shellcheck source=tests/deb/saved.sh
. "$(dirname "${BASH_SOURCE[0]}")/saved.sh"

unit=resmon-save-last.service
file=/var/lib/resmon/boot-

unit_did() {
	systemctl status "$unit"
	[[ $(systemctl is-enabled "$unit") == enabled && $(systemctl show --property Result --value "$unit") == success ]] &&
		[[ $(systemctl show --property ExecMainStatus --value "$unit") == 0 ]] && journal_has resmon-save-last "$1"
}

in_reserved_memory() {
	log_has 'history in reserved memory: size_kB=8192 earlier_records='"$1"
}

# row INDEX WORDS: resmon boots has a boot of this index that ended so.
row() {
	resmon boots
	resmon boots | grep -E "^ *$1 .*$2"
}

# The records of the boot before, as resmon reads them from the device.
boot_before_has_records() {
	resmon record /run/before.rec --boot -1 && has_records "$1" /run/before.rec
}

status_tells_of_memory() {
	resmon status | grep -i 'reserved'
}

# The GRUB example is what a user copies.
grub_example() {
	local example=/usr/share/doc/resmon/examples/resmon-grub.cfg
	cat "$example"
	grep -o 'reserve_mem=[^"]*' "$example" | grep -Fxq "$(grep -o 'reserve_mem=[^ ]*' /proc/cmdline)"
}

erases_all_but_this_boot() {
	resmon forget && [[ $(resmon boots --json | wc -l) == 1 ]] && row 0 running
}

# dies CMD...: does not come back.
dies() {
	check 'the kernel does not complain' kernel_is_content
	[[ -z $failed ]] || dmesg | tail -n 20 | note
	sync
	"$@"
}

if [[ ! -e $known/memory ]]; then
	check 'the unit is enabled, and has nothing to do' unit_has_nothing_to_do
	check 'it has made no folder' fails test -e /var/lib/resmon
	check 'the GRUB example is what this machine was booted with' grub_example
	check 'the module is loaded at boot from now on' cp \
		/usr/share/doc/resmon/examples/modules-load.d/resource_monitor.conf /etc/modules-load.d
	check 'records are recorded' record_before memory
	check 'the history is in reserved memory' in_reserved_memory 0
	check 'most of them are encoded by now' has_encoded memory
	check 'resmon status tells of the memory' status_tells_of_memory
	dies eval 'echo c >/proc/sysrq-trigger'
elif [[ ! -e $known/saved ]]; then
	check 'the module found the records of the boot before' in_reserved_memory '[1-9][0-9]{3}'
	check 'the unit has saved them' unit_did 'boot-'
	check 'in the file of the boot that died' file_of_boot memory
	check 'who may read it, by its mode' modes_of_saved
	check 'members of the group may, and nobody else' members_may_read
	check 'it has each record that had been recorded, and the last ones' saved_has_records memory
	check 'resmon boots lists it' row -1 panic
	check 'resmon record --boot -1 has the same' boot_before_has_records memory
	check 'its sandbox is tight' is_sandboxed resmon-save-last
	resmon boots | note
	sha256sum "$file"* >"$known/saved"
	dies systemctl reboot
else
	check 'the file of the boot that died was not written again' sha256sum --check "$known/saved"
	check 'the boot after it has its own' test "$(find /var/lib/resmon -name 'boot-*.rec' | wc -l)" = 2
	check 'resmon boots lists both' row -2 panic
	check 'the one that was restarted is the last one' row -1 restart
	check 'resmon forget erases them' erases_all_but_this_boot
	resmon boots | note
	rm -r /var/lib/resmon /etc/modules-load.d/resource_monitor.conf "$known"
	finish
fi
