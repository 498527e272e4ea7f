# SPDX-License-Identifier: GPL-2.0-only
# Anemone. `make help` lists the targets. Everything built lands in build/.

VERSION  := 0.1.0
BUILD    := build
PREFIX   ?= /usr
SBINDIR  ?= $(PREFIX)/sbin
MANDIR   ?= $(PREFIX)/share/man
UNITDIR  ?= /lib/systemd/system
COMPDIR  ?= $(PREFIX)/share/bash-completion/completions
KVER     ?= $(shell uname -r)
KDIR     ?= /lib/modules/$(KVER)/build

CC       ?= gcc
PKGS     := libnl-3.0 libnl-genl-3.0 libkmod libtirpc jansson libsodium liblz4
XDP_PKGS := libxdp libbpf
WARN     := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wno-unused-parameter
CPPFLAGS += -D_GNU_SOURCE -DANM_VERSION='"$(VERSION)"' $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
CFLAGS   ?= -O2 -g
CFLAGS   += -std=gnu11 $(WARN) -fstack-protector-strong -D_FORTIFY_SOURCE=2
LIBS     := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lisal
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

# What is user space's own says so in its name; what is the kernel's does too.
PROTO_SRC   := $(filter-out %_kernel.c,$(wildcard proto/*.c))
ENGINE_SRC  := $(wildcard engine/core/*.c)
MEM_SRC     := $(wildcard memserver/core/*.c)
ENGINED_SRC := $(wildcard engine/daemon/*.c)
ENGCTL_SRC  := $(wildcard engine/ctl/*.c)
MEMD_SRC    := $(wildcard memserver/daemon/*.c)
MEMCTL_SRC  := $(wildcard memserver/ctl/*.c)
UNIT_SRC    := $(wildcard tests/unit/test_*.c)
UNIT_SUP    := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
SIM_SRC     := $(wildcard tests/sim/*.c)
LOAD_SRC    := $(filter-out %/echo.c,$(wildcard bench/load/*.c))
WORK_SRC    := $(filter-out %_util.c,$(wildcard bench/workloads/*.c))

BINS  := $(addprefix $(BUILD)/bin/,anemone-engined engctl anemone-memserverd memctl)
WORKS := $(patsubst bench/workloads/%.c,$(BUILD)/bin/%,$(WORK_SRC))
UNITS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
LOADS := $(addprefix $(BUILD)/bench/,load echo)
HOSTT := $(patsubst tests/host/%.c,$(BUILD)/host/%,$(wildcard tests/host/*.c))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
san = $(patsubst %.c,$(BUILD)/san/%.o,$(1))

.PHONY: all help programs workloads loads modules unit host-tests sim sim-build sim-objects FORCE packages check check-quick demo lab \
	bench bench-quick bench-latency bench-flat bench-pack bench-rebuild bench-native bench-kernel bench-profile uml check-kasan check-lockdep check-cost check-boot \
	style format sparse clean install uninstall install-modules
.DELETE_ON_ERROR:

all: programs workloads

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make                 build the programs (build/bin)
programs: $(BINS)
workloads: $(WORKS)

## make modules KDIR=D  build both kernel modules against the headers in D
modules:
	$(MAKE) -C engine/kmod KDIR=$(KDIR)
	$(MAKE) -C memserver/kmod KDIR=$(KDIR)

## make packages        install what is needed to build and test (tests/packages.txt)
packages:
	@tests/install-packages

## make check           all tests; the last line is "N passed, N failed" (SUITES="check kasan": more)
SUITES ?= check
check:
	@tests/run $(SUITES)

## make check-quick     the tests that need no virtual machine
check-quick:
	@tests/run style unit sim client host bench hostile

## make demo            the main job: three virtual machines, a client swaps to a VAI
demo:
	@tests/demo

## make lab             the same machines, left running, a shell on each
lab:
	@tests/lab/shell

## make bench           Anemone beside the alternatives, the thesis' tables; writes bench/RESULTS.md
bench:
	@bench/run && bench/summary bench/RESULTS.md

## make bench-quick     some of it in some minutes, into bench/out
bench-quick:
	@bench/run --quick && bench/summary bench/out/RESULTS.md

## make bench-latency   random fault latency: the appliance against knfsd on tmpfs
bench-latency:
	@bench/fault-latency

## make bench-pack      pages that a GiB of donation holds of what real programs have in memory
bench-pack:
	@bench/pack

## make bench-rebuild   seconds until a restarted engine knows of a million pages
bench-rebuild:
	@bench/rebuild

## make bench-flat      what a READ takes the engine's core, over 1 to 64 servers, 1e5 to 1e8 pages
bench-flat: $(BUILD)/bench/flat
	@mkdir -p bench/out
	@$< --json bench/out/flat.json

## make bench-native    the daemons natively against nbdkit, nbd-server, nfs-ganesha, memcached, redis
bench-native:
	@bench/native

## make bench-kernel    CPU time an operation at native speed: floors, appliance, knfsd, side by side
bench-kernel:
	@bench/kernel

## make bench-profile   where that time goes
bench-profile:
	@bench/kernel-profile

## make check-cost      instructions of an operation, against those stored in bench/cost.json
check-cost:
	@tests/run cost

## make uml             build User Mode Linux, the native-speed bed (into ~/.cache/anemone)
uml:
	@tests/uml/build

## make check-kasan     the module tests in a kernel that looks for memory errors
## make check-lockdep   and in one that looks for errors of locking
## make check-boot      install on a Debian with systemd, boot it, its units over reboots, uninstall
check-kasan check-lockdep check-boot: check-%:
	@tests/run $*

## make style           format, checkpatch, sparse, shellcheck
style:
	@tests/style

sparse:
	@for f in $(PROTO_SRC) $(ENGINE_SRC) $(MEM_SRC) $(ENGINED_SRC) $(MEMD_SRC); do \
		out=$$(sparse -Wbitwise -Wcontext -Wno-unknown-attribute $(CPPFLAGS) -std=gnu11 $$f 2>&1 | \
			grep -v '/usr/' ); \
		if [ -n "$$out" ]; then echo "$$out"; bad=1; fi; done; test -z "$$bad"

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

## make unit            build the unit tests (build/unit), with sanitizers
unit: $(UNITS)
host-tests: $(HOSTT)
loads: $(LOADS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/san/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -DANM_TEST -std=gnu11 -O1 -g $(WARN) $(SANITIZE) -MMD -MP -c -o $@ $<

$(BUILD)/bin/anemone-engined: $(call obj,$(ENGINED_SRC) $(ENGINE_SRC) $(PROTO_SRC))
$(BUILD)/bin/anemone-engined: LIBS += $(shell pkg-config --libs $(XDP_PKGS) 2>/dev/null)
$(BUILD)/bin/engctl: $(call obj,$(ENGCTL_SRC) $(PROTO_SRC))
$(BUILD)/bin/anemone-memserverd: $(call obj,$(MEMD_SRC) $(MEM_SRC) $(PROTO_SRC))
$(BUILD)/bin/memctl: $(call obj,$(MEMCTL_SRC) $(PROTO_SRC))
$(BINS):
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(WORKS): $(BUILD)/bin/%: $(BUILD)/obj/bench/workloads/%.o \
		$(call obj,$(wildcard bench/workloads/*_util.c))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lm

$(BUILD)/bench/load: $(call obj,$(LOAD_SRC))
$(BUILD)/bench/echo: $(BUILD)/obj/bench/load/echo.o
$(LOADS): $(call obj,$(wildcard bench/workloads/*_util.c) $(PROTO_SRC))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lm

# The engine's cache and what reads ahead, on recorded traces: bench/cache-compare.
$(BUILD)/bench/cache-replay: $(call obj,$(wildcard bench/cache-replay/*.c engine/core/pcache*.c) \
		engine/core/stream.c $(PROTO_SRC))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# The engine's core over many servers and pages: make bench-flat.
$(BUILD)/bench/flat: $(call obj,bench/flat.c $(ENGINE_SRC) $(PROTO_SRC))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# What a donation holds of a program's memory: bench/pack.
$(BUILD)/bin/pack-report: $(call obj,bench/pack_report.c $(ENGINE_SRC) memserver/core/slots.c $(PROTO_SRC))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ $(LIBS) -lzstd

$(UNITS): $(BUILD)/unit/%: $(BUILD)/san/tests/unit/%.o \
		$(call san,$(UNIT_SUP) $(ENGINE_SRC) $(MEM_SRC) $(PROTO_SRC))
	@mkdir -p $(@D)
	$(CC) $(SANITIZE) $(UNIT_LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
# These bring a page side of their own (nfs_bed.h); the first definition, theirs, counts.
$(BUILD)/unit/test_nfs_%: UNIT_LDFLAGS := -Wl,-z,muldefs

$(HOSTT): $(BUILD)/host/%: tests/host/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -o $@ $< -lnfs -ltirpc

# The cores without their netlink side; what user space brings besides is the simulator's own.
SIM_ALL    := $(SIM_SRC) $(filter-out %/control.c %/control_pool.c,$(ENGINE_SRC) $(MEM_SRC)) $(filter-out %_user.c,$(PROTO_SRC))
SIM_COMMIT := $(shell git describe --always --dirty 2>/dev/null || echo $(VERSION))
$(BUILD)/obj/tests/sim/main.o $(BUILD)/san/tests/sim/main.o: CPPFLAGS += -DSIM_COMMIT='"$(SIM_COMMIT)"'
$(BUILD)/obj/tests/sim/main.o $(BUILD)/san/tests/sim/main.o: $(BUILD)/sim/commit
$(BUILD)/sim/commit: FORCE
	@mkdir -p $(@D)
	@echo $(SIM_COMMIT) | cmp -s - $@ || echo $(SIM_COMMIT) >$@
FORCE:

$(BUILD)/sim/sim: $(call obj,$(SIM_ALL))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lisal -lsodium -llz4
$(BUILD)/sim/sim-san: $(call san,$(SIM_ALL))
	@mkdir -p $(@D)
	$(CC) $(SANITIZE) -o $@ $^ -lisal -lsodium -llz4

## make sim SEEDS=N     the simulator; SEED=S is the first, or with SEEDS=1 the one to replay
SEEDS ?= 200
SEED  ?= 1
sim: sim-build
	@$(BUILD)/sim/sim --seeds $(SEEDS) --seed $(SEED)
sim-build: $(BUILD)/sim/sim $(BUILD)/sim/sim-san
sim-objects: # for tests/sim/planted
	@printf '%s\n' $(call obj,$(SIM_ALL))

## make install         programs, modules' sources, units, manual pages (DESTDIR honoured)
install: programs
	@packaging/install "$(DESTDIR)" "$(PREFIX)" "$(BUILD)"

## make install-modules put both modules where modprobe finds them (KDIR as for modules; DESTDIR honoured)
install-modules: modules
	$(MAKE) -C engine/kmod KDIR=$(KDIR) INSTALL_MOD_PATH="$(abspath $(DESTDIR))" install
	$(MAKE) -C memserver/kmod KDIR=$(KDIR) INSTALL_MOD_PATH="$(abspath $(DESTDIR))" install
	depmod -a -b "$(DESTDIR)/" $$(sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)

## make uninstall       take away what make install put there
uninstall:
	@packaging/install --uninstall "$(DESTDIR)" "$(PREFIX)"
	@for dir in $(DESTDIR)/lib/modules/*/updates/anemone; do \
		if [ -d "$$dir" ]; then rm -r "$$dir" && depmod -a -b "$(DESTDIR)/" \
			"$$(basename "$$(dirname "$$(dirname "$$dir")")")"; fi; done

## make clean           remove build/
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
