# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A Debian system with systemd and a kernel from backports, made in the folder $system and booted in QEMU.
# Sourced, never run, after scripts/lib.sh, by what tests with such a system.

# Where what is made for this run is kept, and the system in it.
work='' system=''

# begin_system NAME: sets these, in a folder of the cache that one run has at a time and that goes with it.
begin_system() {
	take_lock "$1"
	work=$CACHE/$1
	system=$work/system
	# What a killed run left behind.
	rm -rf --one-file-system "$work"
	mkdir -p "$work"
	trap 'rm -rf --one-file-system "$work"' EXIT
}

# check NAME CMD...: a check passes when CMD does. Its output is shown when it fails.
check() {
	local name=$1 status
	shift
	# Not in a condition, because there bash would ignore -e inside CMD.
	set +e
	(
		set -e
		"$@"
	) >"$work/output" 2>&1 </dev/null
	status=$?
	set -e
	if ((status == 0)); then
		ok "$name"
	else
		not_ok "$name: status $status"
		tail -n 30 "$work/output" | sed 's/^/# /'
	fi
}

# A check without which those that follow make no sense.
check_or_stop() {
	# shellcheck disable=SC2154
	local before=$failed
	check "$@"
	if ((failed > before)); then
		echo '# the rest makes no sense without this'
		tell_sum || exit
	fi
}

# The system's packages, with what a guest needs to be booted.
BASE=(systemd systemd-sysv udev dbus kmod initramfs-tools zstd ca-certificates)

make_system() {
	rm -rf --one-file-system "$system"
	unshare --mount --pid --fork --kill-child --mount-proc \
		mmdebstrap --variant=minbase --dpkgopt=force-unsafe-io --include="$(IFS=,; echo "${BASE[*]}")" \
		"$SUITE" "$system" ${RESOURCE_MONITOR_MIRROR:+"$RESOURCE_MONITOR_MIRROR"}
	# The archives that are right in the root are right here.
	cp "$ROOT/etc/apt/sources.list.d/backports.list" "$system/etc/apt/sources.list.d"
	ln -sf /run/resolv.conf "$system/etc/resolv.conf"
	# An initrd with all drivers takes long to make and to unpack.
	echo MODULES=list >"$system/etc/initramfs-tools/conf.d/guest-test"
	printf '%s\n' virtio_blk ext4 >>"$system/etc/initramfs-tools/modules"
	echo resource-test >"$system/etc/hostname"
	in_system apt-get update
}

# in_system CMD...: runs CMD in the system, which sees the checkout.
in_system() {
	ROOT=$system in_root "$@"
}

install_in_system() {
	in_system apt-get install --yes --no-install-recommends "$@"
}

# newest_kernel SERIES: prints the newest release of the series, as 7.2 or 7.3, that the archive has.
newest_kernel() {
	in_system apt-cache pkgnames "linux-image-$1." |
		sed -nE 's/^linux-image-([0-9.]+\+[^-]*-amd64)$/\1/p' | sort -V | tail -n 1
}

# The version of the packages of a kernel.
version_of() {
	in_system apt-cache show --no-all-versions "linux-image-$1" | sed -n 's/^Version: //p'
}

# install_kernel RELEASE: also its headers and its source.
install_kernel() {
	local version
	version=$(version_of "$1")
	install_in_system "linux-image-$1/$SUITE-backports" "linux-headers-$1/$SUITE-backports" \
		"linux-source=$version" "$(source_of "$1")=$version"
}

# source_of RELEASE: prints the name of the package that has the kernel's source.
source_of() {
	echo "linux-source-$(cut -d. -f1,2 <<<"$1")"
}

# install_dependencies DEB...: installs what packages depend on, and not these.
install_dependencies() {
	local deb depends=()
	for deb; do
		depends+=("$(dpkg-deb --field "$deb" Depends)")
	done
	in_system apt-get satisfy --yes --no-install-recommends "${depends[@]}"
	in_system apt-get clean
}

# make_image IMAGE SIZE IN_GUEST: makes a disk of the system, in which IN_GUEST is run at boot. Empty folders
# to which the checkout and the cache were mounted do not belong to the system.
make_image() {
	local folder
	rm -f "$1"
	for folder in "$TOP" "$CACHE"; do
		[[ ! -d $system$folder ]] || (cd "$system" && rmdir --parents --ignore-fail-on-non-empty "${folder#/}")
	done
	rm -rf "${system:?}"/run/*
	install -D -m 755 "$3" "$system/guest-test/in-guest"
	install -m 644 "$TOP/tests/deb/checks.sh" "$system/guest-test"
	install -m 644 "$TOP/tests/deb/in-guest.service" "$system/etc/systemd/system"
	mkdir -p "$system/etc/systemd/system/multi-user.target.wants"
	ln -sf ../in-guest.service "$system/etc/systemd/system/multi-user.target.wants/in-guest.service"
	truncate --size="$2" "$1"
	in_root mkfs.ext4 -q -d "$system" "$1"
}

# console_of LABEL: prints where the console of a boot goes.
console_of() {
	echo "$CACHE/log/${0##*/}-$(tr -cs 'A-Za-z0-9.\n' - <<<"$1")-console.log"
}

# boot_system LABEL RELEASE IMAGE OPTION...: boots the system with a kernel and reports its checks. The options
# are for scripts/vm.
boot_system() {
	local label=$1 release=$2 vm status=0 line finished='' results console
	console=$(console_of "$label")
	results=$(mktemp -p "$work")
	echo "# Booting the system with $release ($label)"
	"$TOP/scripts/vm" --kernel "$system/boot/vmlinuz-$release" --initrd "$system/boot/initrd.img-$release" \
		--disk "$3" --console "$console" --port "$results" --append 'root=/dev/vda rw quiet' "${@:4}" &
	vm=$!
	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		'ok '*) ok "${line#ok } ($label)" ;;
		'not ok '*) not_ok "${line#not ok } ($label)" ;;
		done) finished=1 ;;
		*) echo "$line" ;;
		esac
	done < <(tail --quiet --sleep-interval=0.2 --pid="$vm" -n +1 -f "$results")
	wait "$vm" || status=$?
	if [[ -n $finished ]] && ((status == 0)); then
		ok "the system shut down ($label)"
	else
		not_ok "the system shut down ($label): QEMU's status $status (124: out of time)"
		tail -n 30 "$console" | tr -d '\r' | sed 's/^/# /'
		echo "# the whole console is $console"
	fi
}
