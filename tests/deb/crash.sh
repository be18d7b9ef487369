# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What a crash leaves, with kdump-tools: a boot that crashes, another one that looks at what was saved and
# crashes with a unit that fails, and a last one that looks at the dump of that. Sourced by in-guest, never run.

# shellcheck source=tests/deb/saved.sh
. "$(dirname "${BASH_SOURCE[0]}")/saved.sh"

unit=resmon-save-vmcore.service

crash_kernel_loaded() {
	[[ $(cat /sys/kernel/kexec_crash_loaded) == 1 ]]
}

status_tells_of_unit() {
	resmon status | grep '^kdump .* resmon-save-vmcore saves the history to /var/lib/resmon'
}

# crash NAME: does not come back.
crash() {
	check 'kdump-tools has loaded a crash kernel' within 60 crash_kernel_loaded
	check 'records are recorded' record_before "$1"
	check 'most of them are encoded by now' has_encoded "$1"
	check 'resmon status tells of the unit' status_tells_of_unit
	check 'the kernel does not complain' kernel_is_content
	echo 'done'
	sync
	echo c >/proc/sysrq-trigger
}

# The newest dump of kdump-tools.
newest_dump() {
	find /var/crash -name 'dump.*' | sort | tail -n 1
}

# has_dumps COUNT: kdump-tools has written so many.
has_dumps() {
	find /var/crash -type f -printf '%s %p\n'
	[[ $(find /var/crash -name 'dump.*' -size +1M | wc -l) == "$1" ]] &&
		[[ $(grep -l 'sysrq triggered crash' /var/crash/*/dmesg.* | wc -l) == "$1" ]]
}

dump_names_unit() {
	local said
	said=$(resmon log --from "$(newest_dump)" 2>&1) && return 1
	echo "$said"
	grep -q "/var/lib/resmon has the records where $unit" <<<"$said"
}

# What kdump-tools has makedumpfile write is flattened.
elf_has_records() {
	makedumpfile -R /var/tmp/core <"$(newest_dump)" && has_records "$1" /var/tmp/core
}

# The next crash kernel is also one that starts all services, of which kdump-tools.service is one.
unit_fails_from_now_on() {
	mkdir "/etc/systemd/system/$unit.d" &&
		printf '[Service]\nExecStart=\nExecStart=/bin/false\n' >"/etc/systemd/system/$unit.d/fails.conf" &&
		systemctl daemon-reload &&
		printf '%s\n' 'MAKEDUMP_ARGS="-E -d 31 --message-level 4"' \
			'KDUMP_CMDLINE_APPEND="reset_devices nr_cpus=1 irqpoll"' >>/etc/default/kdump-tools &&
		kdump-config reload && grep 'command-line=.* irqpoll"' /var/crash/kexec_cmd
}

case ${crash:?} in
first)
	check 'the unit is enabled, and has nothing to do' unit_has_nothing_to_do
	check 'it has made no folder' fails test -e /var/lib/resmon
	crash first
	;;
again)
	check 'the file of the boot that crashed' file_of_boot first
	check 'who may read it, by its mode' modes_of_saved
	check 'members of the group may, and nobody else' members_may_read
	check 'it has each record that had been recorded, and the last ones' saved_has_records first
	resmon log --from /var/lib/resmon/boot-*.rec | tail -n 3 | note
	check 'kdump-tools has written its dump as well' has_dumps 1
	check 'that is not read, and the error says what is' dump_names_unit
	check 'the unit has nothing to do' unit_has_nothing_to_do
	within 60 crash_kernel_loaded
	check 'from now on it fails' unit_fails_from_now_on
	crash again
	;;
last)
	check 'kdump-tools has written its dump when the unit failed' has_dumps 2
	check 'an ELF file of makedumpfile has each record, too' elf_has_records again
	check 'the unit has saved nothing' file_of_boot first
	rm -r "/etc/systemd/system/$unit.d" /var/tmp/core /run/raw
	systemctl daemon-reload
	;;
esac
