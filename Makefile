# SPDX-License-Identifier: GPL-2.0
# What a person runs. The kernel's build system reads Kbuild, not this file.

KDIR ?= /lib/modules/$(shell uname -r)/build
export CRASH_ONLY JOBS KERNEL VMTEST_CLOCK VMTEST_ONLY VMTEST_SEED VMTEST_SMP RESOURCE_MONITOR_CACHE RESOURCE_MONITOR_MIRROR RUSTC INSTALL_MOD_PATH

.PHONY: all modules_install clean help kernel-tree resmon demo demo-crash check test test-debug test-kcsan test-panic test-crash test-boot-log test-matrix test-deb test-debian test-dashboards bench bench-sizes deb fmt lint update

all:
	@scripts/kbuild modules "$(KDIR)"

modules_install:
	@scripts/kbuild modules_install "$(KDIR)"

clean:
	rm -rf build resource_monitor.ko

kernel-tree:
	@scripts/kernel-tree

resmon:
	@scripts/build-resmon

demo:
	@scripts/demo

demo-crash:
	@scripts/demo-crash

check:
	@scripts/check

test:
	@scripts/test

test-debug:
	@scripts/test --debug

test-kcsan:
	@scripts/test --kcsan

test-panic:
	@scripts/test-panic

test-crash:
	@scripts/test-crash

test-boot-log:
	@scripts/test --boot-log

test-matrix:
	@scripts/test-matrix

test-deb:
	@scripts/test-deb

test-debian:
	@scripts/test-debian

test-dashboards:
	@scripts/test-dashboards "$(DASHBOARDS)"

bench:
	@tests/bench/run
	@tests/bench/sizes

bench-sizes:
	@tests/bench/sizes --check 300

deb:
	@scripts/deb

fmt:
	@scripts/fmt

lint:
	@scripts/lint

update:
	@scripts/update

help:
	@echo 'On your own machine:'
	@echo '  make                  build resource_monitor.ko for the running kernel, or for KDIR'
	@echo '  make modules_install  install it where modprobe finds it'
	@echo '  make kernel-tree      prepare a kernel tree for Rust modules where the distribution'
	@echo '                        has none (Debian), and print the KDIR to build with'
	@echo '  make clean            remove what make built'
	@echo ''
	@echo 'In QEMU, on Debian or Ubuntu, as root; set-up included:'
	@echo '  make resmon           build the program that shows what the module samples'
	@echo '  make demo             show the module at work on an untouched Debian kernel'
	@echo '  make demo-crash       let a machine die, and show what the next boot says of its last seconds'
	@echo '  make check            what to run between two commits: lint, the tests on the host,'
	@echo '                        and the cases that matter most, in some minutes'
	@echo '  make test             run every test: on the host, and on a stock kernel'
	@echo '  make test-debug       run the tests in the kernel with all its checks on'
	@echo '  make test-kcsan       run the tests in a kernel that looks for data races'
	@echo '  make test-panic       let guests die, and compare what the log, pstore and a dump say of them'
	@echo '  make test-crash       let guests end in each way, and compare what the next boot finds in memory'
	@echo '  make test-boot-log    see how long the boot log stays, with 2 and 64 CPUs'
	@echo '  make test-matrix      run them on each kind of stock kernel that is supported'
	@echo '  make deb              build Debian packages of the module (DKMS) and of resmon'
	@echo '  make test-deb         test the packages on a Debian system, with a kernel upgrade'
	@echo '  make test-debian      see that everyday work on a Debian system is no event, and how long'
	@echo '                        its boot log stays'
	@echo '  make test-dashboards  ask resmon'\''s metrics what dashboards and alerts in DASHBOARDS ask'
	@echo '  make bench            count the instructions and the bytes of a sample'
	@echo '  make bench-sizes      count the bytes of 300 samples, 5 s apart'
	@echo '  make fmt              format the source'
	@echo '  make update           write what follows from the code: C header, sizes, schema'
	@echo '  make lint             check the format, clippy, the scripts and where unsafe is'
	@echo ''
	@echo 'Variables:'
	@echo '  KDIR=FOLDER           kernel to build for [/lib/modules/<running kernel>/build]'
	@echo '  RUSTC=COMMAND         the Rust compiler that the kernel was built with [rustc]'
	@echo '  INSTALL_MOD_PATH=DIR  put before /lib/modules by modules_install'
	@echo '  KERNEL=VERSION        Debian kernel for kernel-tree and QEMU, as 7.2.12 or'
	@echo '                        7.3.4+deb13-rt-amd64 [newest with Rust]'
	@echo '  JOBS=N                guests of the tests that run at a time [2]'
	@echo '  DASHBOARDS=FOLDER     *.json of Grafana and *.yml of Prometheus, for test-dashboards'
	@echo '  RESOURCE_MONITOR_CACHE=DIR   where tools, kernels and logs are kept'
	@echo '                        [~/.cache/resource_monitor]'
	@echo '  RESOURCE_MONITOR_MIRROR=URL  Debian mirror to use [the default one]'
