# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What is checked in a booted system goes to the second serial port, a line per check. Sourced, never run.

exec >/dev/ttyS1 2>&1

failed=''

note() {
	sed 's/^/# /'
}

# check NAME CMD...: a check passes when CMD does. Its output is shown when it fails.
check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		echo "ok $name"
	else
		failed=1
		echo "not ok $name"
		printf '%s\n' "$output" | tail -n 20 | note
	fi
}

# within SECONDS CMD...: CMD passes, now or until then.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 1
	done
}

# The kernel is tainted because the module is not part of it, nothing else.
kernel_is_content() {
	! dmesg | grep -E 'BUG:|WARNING:|Oops|Call Trace:'
}

# The last check, and the end of the system.
finish() {
	check 'the kernel does not complain' kernel_is_content
	[[ -z $failed ]] || dmesg | grep -v ' resource_monitor: ' | tail -n 20 | note
	echo 'done'
	sync
	systemctl poweroff
}
