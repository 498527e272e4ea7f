# SPDX-License-Identifier: GPL-2.0-only
#
# How both modules are built: by plain kbuild, out of tree, in a farm of
# symbolic links under build/kmod/<release>/<module>, so that no object ever
# lies between the sources and the two modules compile what they share apart.
# Included by engine/kmod/Makefile and memserver/kmod/Makefile, which set
# MODULE and SOURCES (paths from the root of the tree).
#
#   make -C engine/kmod [KDIR=/lib/modules/RELEASE/build] [W=1] [modules|install|clean]

KDIR ?= /lib/modules/$(shell uname -r)/build
override TOP := $(abspath $(CURDIR)/../..)
# What modules are matched by; kernel.release of some distributions says something else.
RELEASE := $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)
BUILD ?= $(TOP)/build
FARM := $(BUILD)/kmod/$(RELEASE)/$(patsubst anemone_%,%,$(MODULE))
HEADERS := $(patsubst $(TOP)/%,%,$(wildcard $(foreach d,$(sort $(dir $(SOURCES))),$(TOP)/$(d)*.h)))
LINKS := $(addprefix $(FARM)/,$(SOURCES) $(HEADERS))

# Two builds of one farm at a time would trip over each other. BTF of a module needs the vmlinux that header packages do not have.
modules: farm
	flock $(FARM)/.lock $(MAKE) -C $(KDIR) M=$(FARM) CONFIG_DEBUG_INFO_BTF_MODULES= modules

install: modules
	$(MAKE) -C $(KDIR) M=$(FARM) INSTALL_MOD_DIR=updates/anemone modules_install

clean:
	rm -rf $(FARM)

farm: release $(LINKS) $(FARM)/Kbuild
	@find $(FARM) -xtype l -delete

release:
	@test -n "$(RELEASE)" || { echo "no kernel headers in KDIR=$(KDIR)" >&2; exit 1; }

$(LINKS): $(FARM)/%: $(TOP)/% | release
	@mkdir -p $(@D)
	@ln -sfn $< $@

# Rewritten only when the list of sources has changed.
$(FARM)/Kbuild: FORCE | release
	@mkdir -p $(@D)
	@{ echo "obj-m := $(MODULE).o"; \
	   echo "$(MODULE)-y := $(patsubst %.c,%.o,$(SOURCES))"; } > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

.PHONY: modules install clean farm release FORCE
