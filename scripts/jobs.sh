# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Jobs that run beside one another, and what they report, one after the other. Sourced, never run, after
# scripts/lib.sh, and once.

# As many at a time as JOBS says: a guest whose time is counted in instructions takes one CPU.
[[ ${JOBS:=2} =~ ^[1-9][0-9]*$ ]] || die "JOBS is '$JOBS', expected a number from 1 on"
jobs_dir=$(mktemp -d) queued=()
mkfifo "$jobs_dir/turns"
exec {TURNS}<>"$jobs_dir/turns"
for ((i = 0; i < JOBS; i++)); do
	echo >&"$TURNS"
done

# end_jobs: ends those that still run, and removes what was kept of them.
end_jobs() {
	local job
	for job in "${queued[@]}"; do
		kill "${job%% *}" 2>/dev/null || true
	done
	rm -rf "$jobs_dir"
}

trap end_jobs EXIT

# queue CMD...: runs a command that reports tests, once it has its turn.
queue() {
	local out=$jobs_dir/${#queued[@]}.out
	: >"$out"
	{
		read -r -u "$TURNS"
		trap 'echo >&"$TURNS"' EXIT
		"$@"
	} >"$out" 2>&1 &
	queued+=("$! $out $*")
}

# report_queued: reports what each queued command does, as it does, in the order in which they were queued,
# and waits for all.
report_queued() {
	local job pid out what status before
	for job in "${queued[@]}"; do
		read -r pid out what <<<"$job"
		status=0 before=${failed:?}
		report tail --pid="$pid" --lines=+1 --follow "$out"
		wait "$pid" || status=$?
		((status == 0 || failed > before)) || not_ok "$what: it stopped with status $status"
	done
	queued=()
}
