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

# What vermagic will say. Debian's kernel.release says something else. Expanded
# only by the targets that need it.
release	 = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)".*/\1/p' \
	"$(KDIR)/include/generated/utsrelease.h" 2>/dev/null)
objdir	 = $(BUILD)/$(release)

# Without Module.symvers no symbol of the kernel can be resolved, and modpost
# would take that for an error; compiling is all such a tree is good for.
kbuild	 = flock "$(objdir)/.lock" $(MAKE) -C "$(KDIR)" M="$(objdir)" V=$(V) \
	$(if $(wildcard $(KDIR)/Module.symvers),,KBUILD_MODPOST_WARN=1)

# Directories with sources of the module and of its KUnit tests.
sources	 := ktls ktls/record ktls/helper ktls/socket selftests/kunit

.PHONY: all modules modules_install modules_uninstall tools selftests install uninstall demo check check-debug check-full
.PHONY: coverage
.PHONY: bench
.PHONY: compile-7.3 exports sparse checkpatch clean help objdir

all: modules tools selftests

# A directory of links with the shape of the source tree: kbuild puts objects
# beside sources, and here that is beside the links. Links whose source is gone
# go; right ones stay untouched, because a build may be reading through them.
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
	install -D -m 644 include/uapi/linux/ktls.h "$(DESTDIR)$(PREFIX)/include/linux/ktls.h"

uninstall:
	+@$(MAKE) -C tools uninstall
	rm -f "$(DESTDIR)$(PREFIX)/include/linux/ktls.h"

# Wherever that kernel's modules_install puts what is not its own.
modules_uninstall:
	@test -n "$(release)" || { echo "ktls: no configured kernel in KDIR=$(KDIR)" >&2; exit 1; }
	find "$(INSTALL_MOD_PATH)/lib/modules/$(release)" -name 'ktls.ko*' -type f -delete
	find "$(INSTALL_MOD_PATH)/lib/modules/$(release)" -name 'ktls_kunit.ko*' -type f -delete
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

coverage:
	$(setup)
	selftests/coverage

bench:
	$(setup) packages 6.12
	selftests/bench/run

# Debian 12 cannot boot 7.3's headers package, but compiles for a prepared source.
compile-7.3:
	$(setup) packages 7.3
	+@$(MAKE) exports KDIR="$$($(setup) --print-kdir 7.3)" KTLS_WERROR=y \
		SOURCE="$$($(setup) --source 7.3)"

exports: modules
	@selftests/exports "$(SOURCE)" "$(objdir)/ktls.ko"

# In a directory of its own, where nothing is that did not pass: kbuild removes the
# object of a file with a finding.
sparse: BUILD := $(BUILD)/sparse
sparse: objdir
	+@$(kbuild) C=1 W=1 CF="-Wsparse-error" KTLS_WERROR=y modules

CHECKPATCH ?= $(shell $(setup) --print-kdir 7.3)/scripts/checkpatch.pl

# Files of the work tree, committed or not, but nothing that is ignored.
checkpatch:
	@git ls-files -co --exclude-standard -- 'ktls/*.[ch]' 'include/*.[ch]' \
		'selftests/kunit/*.[ch]' | \
		xargs $(CHECKPATCH) --no-tree --strict --terse --no-summary \
			--max-line-length=100 -f

clean:
	rm -rf "$(BUILD)"
	+@for d in tools selftests; do \
		test ! -e $$d/Makefile || $(MAKE) -C $$d clean || exit; \
	done

help:
	@echo 'make                 the module, the tools, the selftests'
	@echo 'make modules         only the module, for KDIR (default: the running kernel)'
	@echo '                     result: .build/<kernel release>/ktls.ko'
	@echo 'make tools           ktlsd, ktlsctl'
	@echo 'make selftests       the test programs'
	@echo 'make install         the tools and <linux/ktls.h>, to DESTDIR and PREFIX ($(PREFIX))'
	@echo 'make modules_install the module, to /lib/modules (or INSTALL_MOD_PATH)'
	@echo 'make uninstall, make modules_uninstall'
	@echo '                     remove what those two put there; /etc/ktls stays'
	@echo 'make demo            sets the machine up, boots a VM, shows it at work'
	@echo 'make check           sets the machine up, boots VMs, runs the tests'
	@echo 'make check-debug     the same on a kernel that finds mistakes; built first'
	@echo 'make check-full      both, with the long ones'
	@echo 'make coverage        which lines of ktls/ the tests execute'
	@echo 'make bench           counts what sending and receiving cost, in instructions'
	@echo 'make compile-7.3     compiles for 7.3 with warnings as errors; does 7.3 export'
	@echo '                     what the module takes?'
	@echo 'make sparse          sparse and W=1 over the module, for KDIR'
	@echo 'make checkpatch      checkpatch --strict over the module'
	@echo 'make clean           removes all of that but the cache of the setup'
	@echo
	@echo 'KDIR=$$($(setup) --print-kdir 6.1|6.12|7.3)  a kernel of the setup'
	@echo 'KTLS_WERROR=y  warnings are errors    KTLS_DEBUG=y  debugging code'
	@echo 'BUILD=dir      objects elsewhere      V=1           commands in full'
