# SPDX-License-Identifier: GPL-2.0
#
# The module is built beside its sources, in .build/<kernel release>/, so that
# several kernels can be built for at once and none disturbs another.
# `make help` lists what there is.

KDIR	?= /lib/modules/$(shell uname -r)/build
BUILD	?= $(CURDIR)/.build
PREFIX	?= /usr/local
DESTDIR	?=
V	?= 0

export PREFIX DESTDIR
MAKEFLAGS += --no-print-directory

setup	:= selftests/vm/setup

# The release in vermagic, which differs from kernel.release in Debian. Expanded only by
# the targets that need it.
release	 = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)".*/\1/p' \
	"$(KDIR)/include/generated/utsrelease.h" 2>/dev/null)
objdir	 = $(BUILD)/$(release)

# Without Module.symvers modpost cannot resolve the symbols of the kernel and would fail;
# such a tree is for compiling only.
kbuild	 = flock "$(objdir)/.lock" $(MAKE) -C "$(KDIR)" M="$(objdir)" V=$(V) \
	$(if $(wildcard $(KDIR)/Module.symvers),,KBUILD_MODPOST_WARN=1)

# Directories with sources of the module and of its KUnit tests.
sources	 := ktls ktls/record ktls/helper ktls/socket selftests/kunit

.PHONY: netlink
.PHONY: all modules modules_install modules_uninstall tools selftests install uninstall demo check check-debug check-full
.PHONY: coverage check-installed check-packages deb
.PHONY: bench
.PHONY: compile-7.3 exports sparse checkpatch clean help objdir

all: modules tools selftests

# A directory of links with the layout of the source tree: kbuild puts objects beside
# sources, here beside the links. Links without a source are removed. Correct links are not
# touched, because another build may be using them.
objdir:
	@test -n "$(release)" || { \
		echo "ktls: no configured kernel in KDIR=$(KDIR)" >&2; \
		echo "ktls: install the headers (apt install linux-headers-$$(uname -r))," >&2; \
		echo "ktls: or name another tree: make modules KDIR=\$$($(setup) --print-kdir 6.12)" >&2; \
		exit 1; }
	@link() { test "$$(readlink "$$2")" = "$$1" || ln -sfn "$$1" "$$2"; }; \
	mkdir -p $(addprefix "$(objdir)"/,$(sources)) && \
	link "$(CURDIR)/Kbuild" "$(objdir)/Kbuild" && \
	link "$(CURDIR)/include" "$(objdir)/include" && \
	for d in $(sources); do \
		find -L "$(objdir)/$$d" -maxdepth 1 -type l -delete; \
		for f in "$(CURDIR)/$$d"/*.[ch]; do \
			test ! -e "$$f" || link "$$f" "$(objdir)/$$d/$${f##*/}" || exit; \
		done; \
	done

modules: objdir
	+@$(kbuild) modules
	@echo "ktls: $(objdir)/ktls.ko"

modules_install: modules
	+@$(kbuild) modules_install

tools selftests:
	+@$(MAKE) -C $@

install: tools
	+@$(MAKE) -C tools install

uninstall:
	+@$(MAKE) -C tools uninstall

# modules_install of each kernel puts external modules into another directory.
modules_uninstall:
	@test -n "$(release)" || { echo "ktls: no configured kernel in KDIR=$(KDIR)" >&2; exit 1; }
	find "$(INSTALL_MOD_PATH)/lib/modules/$(release)" -name 'ktls.ko*' -type f -delete
	find "$(INSTALL_MOD_PATH)/lib/modules/$(release)" -name 'ktls_kunit.ko*' -type f -delete
	@for d in updates extra; do \
		d="$(INSTALL_MOD_PATH)/lib/modules/$(release)/$$d"; \
		test ! -d "$$d" || find "$$d" -depth -type d -empty -delete || exit; \
	done
	test -n "$(INSTALL_MOD_PATH)" || depmod -a "$(release)"

demo:
	$(setup)
	selftests/demo/run

check:
	$(setup)
	selftests/check

check-debug:
	$(setup) packages
	selftests/check --kernel debug

check-full:
	$(setup)
	selftests/check --full

# Four minutes, and the first time a Debian with systemd is made for it.
check-installed:
	$(setup) packages 6.12
	selftests/installed/run

# On disks with Debian 12 and 13, the first time with the making of them.
check-packages:
	$(setup) packages
	selftests/installed/packages --suite bookworm
	selftests/installed/packages --suite trixie

deb:
	tools/packaging/deb

coverage:
	$(setup)
	selftests/coverage

bench:
	$(setup) --with=gnuplot-nox packages 6.1 6.12
	selftests/bench/all

# Debian 12 cannot install the headers package of 7.3; compile for its prepared source.
compile-7.3:
	$(setup) packages source-7.3
	+@$(MAKE) exports KDIR="$$($(setup) --print-kdir source-7.3)" KTLS_WERROR=y \
		SOURCE="$$($(setup) --source 7.3)"

# uapi header, policies and operations from include/netlink/ktls.yaml.
netlink:
	$(setup) packages source-7.3
	include/netlink/regen

exports: modules
	@selftests/exports "$(SOURCE)" "$(objdir)/ktls.ko"

# In a directory of its own: kbuild removes the object of a file with a finding, so that the
# objects there are those of files without one.
sparse: BUILD := $(BUILD)/sparse
sparse: objdir
	+@$(kbuild) C=1 W=1 CF="-Wsparse-error" KTLS_WERROR=y modules

# With the exceptions that are listed, with their reasons, in selftests/gates.
checkpatch:
	selftests/gates checkpatch

clean:
	rm -rf "$(BUILD)"
	+@for d in tools selftests; do \
		test ! -e $$d/Makefile || $(MAKE) -C $$d clean || exit; \
	done

help:
	@echo 'make                 build the module, the tools and the selftests'
	@echo 'make modules         build the module for KDIR (default: the running kernel)'
	@echo '                     result: .build/<kernel release>/ktls.ko'
	@echo 'make tools           build ktlsd and ktlsctl'
	@echo 'make selftests       build the test programs'
	@echo 'make install         install the tools and headers, to DESTDIR and PREFIX ($(PREFIX))'
	@echo 'make modules_install install the module, to /lib/modules (or INSTALL_MOD_PATH)'
	@echo 'make uninstall, make modules_uninstall'
	@echo '                     remove what the two install; /etc/ktls stays'
	@echo 'make demo            set up this machine, boot a VM, and show ktls working'
	@echo 'make check           set up this machine, boot VMs, and run the tests'
	@echo 'make check-debug     the same on a debug kernel, which is built first'
	@echo 'make check-full      both, including the slow tests'
	@echo 'make check-installed install, use and remove ktls on a Debian with systemd'
	@echo 'make check-packages  the same with packages, on Debian 12 and 13'
	@echo 'make deb             build packages for Debian into .build/deb'
	@echo 'make coverage        show which lines of ktls/ the tests execute'
	@echo 'make bench           count the instructions of sending and receiving'
	@echo 'make compile-7.3     compile for 7.3 with warnings as errors, and check that 7.3'
	@echo '                     exports the symbols that the module uses'
	@echo 'make netlink         generates C from include/netlink/ktls.yaml'
	@echo 'make sparse          check the module with sparse and W=1, for KDIR'
	@echo 'make checkpatch      check the module with checkpatch --strict'
	@echo 'make clean           remove what was built; ~/.cache/ktls stays'
	@echo
	@echo 'KDIR=$$($(setup) --print-kdir 6.1|6.12)  a kernel in ~/.cache/ktls'
	@echo 'KTLS_WERROR=y  warnings are errors    KTLS_DEBUG=y  debugging code'
	@echo 'BUILD=dir      objects elsewhere      V=1           commands in full'
