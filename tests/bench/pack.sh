# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# For scripts that boot a guest of tests/bench, which have sourced scripts/lib.sh and resolved the kernel.

# The drivers of the guest's disk and network card, and what these need.
DRIVERS=(virtio_blk.ko failover.ko net_failover.ko virtio_net.ko)

# pack_guest DIR FILE...: packs DIR/guest as the first program of an initramfs, DIR/initramfs.cpio, with the
# module, the drivers and these files.
pack_guest() {
	local dir=$1 modules=$CACHE/kernels/$RELEASE/modules driver files=("${@:2}")
	# A kernel may have all of them built in.
	printf '%s\n' "${DRIVERS[@]}" | grep -xFf - "$modules/order" >"$dir/order" || true
	while read -r driver; do
		files+=("/modules/$driver=$modules/$driver")
	done <"$dir/order"
	"$TOP/scripts/initramfs" "$dir/initramfs.cpio" "/init=$dir/guest" \
		"/resource_monitor.ko=$CACHE/build/$RELEASE/resource_monitor.ko" \
		"/modules/order=$dir/order" "${files[@]}"
}
