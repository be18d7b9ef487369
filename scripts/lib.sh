# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the commands in this folder share. Sourced, never run.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# Everything that is made and worth keeping lives here, outside the checkout.
CACHE=${RESOURCE_MONITOR_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/resource_monitor}
[[ $CACHE == /* ]] || CACHE=$PWD/$CACHE
ROOT=$CACHE/root

# The Debian release whose toolchain and backported kernels are used.
# shellcheck disable=SC2034
SUITE=trixie

# The kinds of stock kernel that are supported, as scripts/setup takes them; first the one by default.
# arm64 is supported besides, but is emulated all the way.
# shellcheck disable=SC2034
STOCK_KERNELS=(amd64 cloud-amd64 rt-amd64 7.2)

# The make that called a script must not hand its options on to the kernel's.
unset MAKEFLAGS MFLAGS MAKELEVEL

say() {
	printf '%s\n' "$*" >&2
}

die() {
	printf '%s: error: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Prints the comment at the head of the calling script, which is its manual.
usage() {
	sed -n '3,/^$/{s/^# \{0,1\}//;/^$/!p}' "$0"
	exit 0
}

need_root() {
	((EUID == 0)) || die "root is needed for the Debian root in $CACHE; run it with sudo"
	mkdir -p "$CACHE/log" "$CACHE/kernels" "$CACHE/build" "$CACHE/cargo"
	CACHE=$(cd "$CACHE" && pwd -P)
	ROOT=$CACHE/root
}

# What a command that tests has seen so far. It ends with tell_sum, which fails if a test has.
passed=0 failed=0 not_run=0

ok() {
	passed=$((passed + 1))
	echo "ok $1"
}

not_ok() {
	failed=$((failed + 1))
	echo "not ok $1"
}

# Of a test that cannot be made here: why is part of the text.
cannot_run() {
	not_run=$((not_run + 1))
	echo "not run $1"
}

tell_sum() {
	local others=''
	((not_run == 0)) || others=", $not_run not run"
	echo "$passed passed, $failed failed$others"
	((failed == 0))
}

# add_sum FILE: adds the sum that another command ended with, in its output in FILE. Fails when it has none.
add_sum() {
	local sum
	sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ not run)?$' "$1" | tail -n 1)
	[[ $sum =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ not\ run)?$ ]] || return
	passed=$((passed + BASH_REMATCH[1]))
	failed=$((failed + BASH_REMATCH[2]))
	not_run=$((not_run + ${BASH_REMATCH[4]:-0}))
}

# report CMD...: runs a command that reports tests as these do, and counts them. Its own sum is left out.
report() {
	local line status=0 before=$failed
	while IFS= read -r line; do
		case $line in
		'ok '*) ok "${line#ok }" ;;
		'not ok '*) not_ok "${line#not ok }" ;;
		'not run '*) cannot_run "${line#not run }" ;;
		[0-9]*' passed, '[0-9]*' failed'*) ;;
		*) echo "$line" ;;
		esac
	done < <("$@")
	wait "$!" || status=$?
	((status == 0 || failed > before)) || not_ok "${1##*/} ${2:-}: it stopped with status $status"
}

# Steps are numbered across all the commands of one run: they share a nameless
# file with one byte for each step so far.
if [[ -z ${STEPS_FD:-} || ! -e /proc/self/fd/$STEPS_FD ]]; then
	steps_file=$(mktemp)
	exec {STEPS_FD}<>"$steps_file"
	rm -f "$steps_file"
	export STEPS_FD
fi

# step TITLE CMD...: runs CMD as one numbered step and says how long it took.
# Its output goes to a log file, whose end is shown when CMD fails.
step() {
	local title=$1 log status number start=$SECONDS ticker=
	shift
	mkdir -p "$CACHE/log"
	log=$CACHE/log/$(tr -cs 'A-Za-z0-9.\n' - <<<"$title").log
	printf . >>"/proc/self/fd/$STEPS_FD"
	number=$(wc -c <"/proc/self/fd/$STEPS_FD")
	printf '[%2d] %s ...' "$number" "$title" >&2
	if [[ -t 2 ]]; then
		# It ends by itself when this script is killed.
		while sleep 1 && kill -0 $$ 2>/dev/null; do
			printf '\r[%2d] %s ... %d s' "$number" "$title" $((SECONDS - start)) >&2
		done &
		ticker=$!
	fi
	# Not in a condition, because there bash would ignore -e inside CMD.
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1 </dev/null
	status=$?
	set -e
	if [[ -n $ticker ]]; then
		kill "$ticker" 2>/dev/null || true
		wait "$ticker" 2>/dev/null || true
		printf '\r[%2d] %s ...' "$number" "$title" >&2
	fi
	if ((status)); then
		printf ' failed after %d s\n' $((SECONDS - start)) >&2
		tail -n 20 "$log" | sed 's/^/     | /' >&2
		die "'$title' failed with status $status; the whole log is $log"
	fi
	printf ' %d s\n' $((SECONDS - start)) >&2
}

# take_lock NAME: one process at a time makes what NAME stands for; others wait.
# Children keep the lock, so what a killed command left running is waited for.
take_lock() {
	exec {LOCK_FD}>>"$CACHE/$1.lock"
	if ! flock --nonblock "$LOCK_FD"; then
		say "Waiting for another run that uses $CACHE ($1) ..."
		flock "$LOCK_FD"
	fi
}

drop_lock() {
	exec {LOCK_FD}>&-
}

# in_root CMD...: runs CMD in the Debian root, in this folder, with the host's name
# servers and certificate authorities (a company's network may have its own).
# Mounts and processes are in namespaces of their own, so nothing outlives CMD.
in_root() {
	mkdir -p "$ROOT$TOP" "$ROOT$CACHE"
	# The first process of a namespace ignores signals, so CMD is not the first.
	# shellcheck disable=SC2016
	unshare --mount --pid --fork --kill-child bash -c '
		set -e
		root=$1 top=$2 cache=$3 dir=$4
		shift 4
		resolver=/etc/resolv.conf authorities=/etc/ssl/certs/ca-certificates.crt
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount --bind "$top" "$root$top"
		mount --bind "$cache" "$root$cache"
		for file in "$resolver" "$authorities"; do
			[[ -e $file ]] || continue
			touch "$root/run/${file##*/}"
			mount --bind "$file" "$root/run/${file##*/}"
		done
		chroot "$root" env -i --chdir="$dir" "$@" || exit
	' in_root "$ROOT" "$TOP" "$CACHE" "$(in_root_dir)" \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM="${TERM:-dumb}" \
		MAKEFLAGS=--jobserver-style=pipe DEBIAN_FRONTEND=noninteractive CARGO_HOME="$CACHE/cargo/home" \
		CARGO_HTTP_CAINFO="$(in_root_authorities)" \
		${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
		${no_proxy:+no_proxy="$no_proxy"} "$@"
}

in_root_authorities() {
	local bundle=/etc/ssl/certs/ca-certificates.crt
	[[ ! -e $bundle ]] || bundle=/run/ca-certificates.crt
	echo "$bundle"
}

# The current folder where the root has it, otherwise the checkout.
in_root_dir() {
	case $PWD/ in
	"$TOP"/* | "$CACHE"/*) printf '%s' "$PWD" ;;
	*) printf '%s' "$TOP" ;;
	esac
}

# cargo_target NAME: prints the folder of the cache in which cargo builds NAME. Cargo tells the
# checkout's own crates by the times of their files alone, so those of another checkout go.
cargo_target() {
	local target=$CACHE/cargo/$1
	mkdir -p "$target"
	if [[ ! -e $target/checkout || $(<"$target/checkout") != "$TOP" ]]; then
		find "$target" -path '*/.fingerprint/*' -prune \
			\( -name 'model-*' -o -name 'loom-models-*' -o -name 'pin_data-*' -o -name 'resmon-*' -o -name 'vmtest-*' -o -name 'hosttest-*' \) -exec rm -rf {} +
		echo "$TOP" >"$target/checkout"
	fi
	printf '%s' "$target"
}

# root_install PACKAGE...: adds packages to the Debian root. Also finishes what
# a killed call left half-done.
root_install() {
	in_root dpkg --configure -a
	in_root apt-get update
	in_root apt-get install --yes --fix-broken --no-install-recommends "$@"
	in_root apt-get clean
}

# resolve_kernel: sets RELEASE to what scripts/setup chose for $KERNEL.
resolve_kernel() {
	local file=$CACHE/kernels/resolved-${KERNEL:-default}
	[[ -s $file ]] || die "no kernel is set up for '${KERNEL:-default}'; run scripts/setup first"
	# shellcheck disable=SC2034
	RELEASE=$(<"$file")
	set_arch "$RELEASE"
}

# set_arch RELEASE: sets what differs between the architectures that a kernel can be for: ARCH, as
# Debian calls it; TARGET, as Rust does; CC; and KERNEL_ENV, for the kernel's build system.
# shellcheck disable=SC2034
set_arch() {
	case $1 in
	*arm64)
		ARCH=arm64 TARGET=aarch64-unknown-linux-gnu CC=aarch64-linux-gnu-gcc
		KERNEL_ENV=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-)
		;;
	*)
		ARCH=amd64 TARGET=x86_64-unknown-linux-gnu CC=gcc
		KERNEL_ENV=()
		;;
	esac
}

# with_cargo_target NAME CMD...: runs CMD in the Debian root, with the folder of the cache in which
# cargo builds NAME. Two checkouts do so one after the other.
with_cargo_target() {
	local status=0
	take_lock "cargo-$1"
	in_root env CARGO_TARGET_DIR="$(cargo_target "$1")" "${@:2}" || status=$?
	drop_lock
	return "$status"
}

# build_static NAME OPTION...: has cargo build NAME for TARGET, for a machine that has no libraries.
build_static() {
	with_cargo_target "$1" RUSTFLAGS='-C target-feature=+crt-static' \
		CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
		cargo build --locked --release --target "$TARGET" "${@:2}"
}

# build_hosttest: builds the program that judges tests, for this machine, and sets HOSTTEST to it.
build_hosttest() {
	local TARGET=x86_64-unknown-linux-gnu
	step "Build the program that judges the tests" build_static hosttest --manifest-path "$TOP/tests/host/Cargo.toml"
	# shellcheck disable=SC2034
	HOSTTEST=$CACHE/cargo/hosttest/$TARGET/release/hosttest
}

# unpack_source RELEASE DIR: unpacks the kernel source of RELEASE as DIR.
unpack_source() {
	rm -rf "$2"
	mkdir -p "$2"
	dpkg-deb --fsys-tarfile "$CACHE/kernels/$1/linux-source.deb" |
		tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		tar -xJ --strip-components=1 --no-same-owner -C "$2"
}

# make_disk FILE LABEL [SIZE]: makes FILE a disk image, of 64 MB, with an ext4 file system. The
# Debian root need not see the folder of FILE, since it can reach what is open.
make_disk() {
	rm -f "$1"
	truncate --size="${3:-64M}" "$1"
	# With lazy ones, a guest would go on writing by itself after a mount.
	in_root mkfs.ext4 -q -L "$2" -E lazy_itable_init=0,lazy_journal_init=0 /proc/self/fd/0 <>"$1"
}

# fetch_packages NAME PACKAGE...: unpacks Debian packages as programs/NAME in the cache, once, with
# those that they need and the Debian root lacks.
fetch_packages() {
	local dir=$CACHE/programs/$1
	shift
	[[ ! -e $dir ]] || return 0
	step "Fetch $*" unpack_packages "$dir" "$@"
}

unpack_packages() {
	local dir=$1 deb
	shift
	rm -rf "$dir.new"
	mkdir -p "$dir.new"
	cd "$dir.new"
	in_root apt-get update
	# shellcheck disable=SC2046
	in_root apt-get -o APT::Sandbox::User=root download \
		$(in_root apt-get --simulate --no-install-recommends install "$@" | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
	for deb in *.deb; do
		dpkg-deb -x "$deb" .
	done
	rm -f ./*.deb
	mv "$dir.new" "$dir"
}

# libraries_of NAME PROGRAM...: prints the libraries that programs need, which fetch_packages has
# unpacked as NAME, a line each, as scripts/initramfs wants them.
libraries_of() {
	local dir=$CACHE/programs/$1 library
	in_root env LD_LIBRARY_PATH="$dir/usr/lib/x86_64-linux-gnu" ldd "${@:2}" |
		sed -n 's/^\t\(.* => \)\?\(\/[^ ]*\) (.*/\2/p' | sort -u | while read -r library; do
		case $library in
		"$dir"/*) printf '%s=%s\n' "${library#"$dir"}" "$library" ;;
		*) printf '%s=%s\n' "$library" "$ROOT$library" ;;
		esac
	done
}
