# Bester. `make` builds, `make run` shows it, `make test` proves it, `make help` tells the rest.
#
# Everything is built under $(BUILD). Useful variables:
#   CC=clang                 another compiler
#   SAN=address,undefined    sanitizers; builds into build-san, beside the plain build
#   V=1                      show the commands

CC      ?= gcc
SAN     ?=
BUILD   ?= build$(if $(SAN),-san)
PREFIX  ?= /usr/local
DESTDIR ?=
V       ?=
Q       := $(if $(V),,@)

ifeq ($(origin CC),default)
CC := gcc
endif

VERSION := 0.1.0

# ---- what to compile ---------------------------------------------------------------------------

LIB_SOURCES      := $(wildcard libbester/*.c)
BESTERD_SOURCES  := $(wildcard besterd/*.c)
CLI_SOURCES      := $(wildcard bester-cli/*.c)
SEND_SOURCES     := $(wildcard bester-send/*.c)
HARNESS_SOURCES  := $(wildcard harness/*.c)
HANDLER_SOURCES  := $(wildcard besterd/handlers/*.c)
TEST_SOURCES     := $(wildcard tests/*/test_*.c)
BENCH_SOURCES    := $(wildcard tests/bench/*.c)

object = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
PROGRAMS  := besterd bester-cli bester-send harness
HANDLERS  := $(patsubst besterd/handlers/%.c,$(BUILD)/handlers/%,$(HANDLER_SOURCES))
TEMPLATES := $(patsubst besterd/handlers/%,$(BUILD)/handlers/%,$(wildcard besterd/handlers/*.json))
TESTS     := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TEST_SOURCES))
BENCHES   := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(BENCH_SOURCES))

# ---- how ---------------------------------------------------------------------------------------

PKG_CONFIG ?= pkg-config
pkg_cflags = $(shell $(PKG_CONFIG) --cflags $(1) 2>/dev/null)
pkg_libs   = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
            -Wundef -Wwrite-strings -Werror=implicit-function-declaration
OPTIMISE ?= -O2
CFLAGS   ?= $(OPTIMISE) -g
HARDEN   := $(if $(SAN),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CFLAGS = -std=gnu11 -I. -DBESTER_VERSION='"$(VERSION)"' $(WARNINGS) $(CFLAGS) $(HARDEN) \
             $(SANFLAGS) -pthread -MMD -MP $(call pkg_cflags,jansson)
ALL_LDFLAGS = $(SANFLAGS) -pthread $(LDFLAGS)

LIB_LIBS     := -lev $(call pkg_libs,jansson)
BESTERD_LIBS := $(call pkg_libs,sqlite3 libsodium)
CLI_LIBS     := $(call pkg_libs,readline)
SEND_LIBS    :=
HARNESS_LIBS :=
TEST_LIBS    := $(call pkg_libs,cmocka)

.PHONY: all
all: $(addprefix $(BUILD)/,$(PROGRAMS)) $(HANDLERS) $(TEMPLATES) $(BUILD)/libbester.a

$(BUILD)/obj/%.o: %.c Makefile | check-libraries
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC    $<")
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/libbester.a: $(call object,$(LIB_SOURCES))
	$(if $(Q),@echo "  AR    $@")
	$(Q)rm -f $@ && ar rcs $@ $^

# Each program is its main.o and an archive of all else, so that tests link the same code.
define program # name, sources, libraries
$(BUILD)/obj/$(1).a: $(call object,$(filter-out $(1)/main.c,$(2)))
	$(if $(Q),@echo "  AR    $$@")
	$(Q)rm -f $$@ && ar rcs $$@ $$^
$(BUILD)/$(1): $(call object,$(1)/main.c) $(BUILD)/obj/$(1).a $(BUILD)/libbester.a
	$(if $(Q),@echo "  LD    $$@")
	$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $(3) $$(LIB_LIBS)
$(BUILD)/tests/$(1)/%: $(BUILD)/obj/tests/$(1)/%.o $(BUILD)/obj/$(1).a $(BUILD)/libbester.a
	@mkdir -p $$(@D)
	$(if $(Q),@echo "  LD    $$@")
	$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $(3) $$(LIB_LIBS) $$(TEST_LIBS)
endef
$(eval $(call program,besterd,$(BESTERD_SOURCES),$(BESTERD_LIBS)))
$(eval $(call program,bester-cli,$(CLI_SOURCES),$(CLI_LIBS)))
$(eval $(call program,bester-send,$(SEND_SOURCES),$(SEND_LIBS)))
$(eval $(call program,harness,$(HARNESS_SOURCES),$(HARNESS_LIBS)))

$(BUILD)/handlers/%: $(BUILD)/obj/besterd/handlers/%.o $(BUILD)/libbester.a
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD    $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

$(BUILD)/handlers/%.json: besterd/handlers/%.json
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(BUILD)/tests/libbester/%: $(BUILD)/obj/tests/libbester/%.o $(BUILD)/libbester.a
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD    $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS) $(TEST_LIBS)

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/libbester.a
	@mkdir -p $(@D)
	$(if $(Q),@echo "  LD    $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIB_LIBS)

.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ---- the packages ------------------------------------------------------------------------------

# package, what it is for; README.md says more. `make deps` installs what is missing.
RUN_PACKAGES  := gcc make pkg-config libc6-dev libev-dev libjansson-dev libreadline-dev \
                 libsqlite3-dev libsodium-dev uthash-dev
TEST_PACKAGES := libcmocka-dev
CHECK_PACKAGES := clang clang-format clang-tidy cppcheck valgrind tmux python3 git

# A header per library tells whether it is there; one clear sentence beats a page of errors.
.PHONY: check-libraries
check-libraries:
	@for header in ev.h jansson.h readline/readline.h sqlite3.h sodium.h uthash.h; do \
	    printf '#include <stdio.h>\n#include <%s>\n' $$header \
	        | $(CC) -E -x c - >/dev/null 2>&1 || missing="$$missing $$header"; \
	done; \
	if [ -n "$$missing" ]; then \
	    echo "make: these headers are missing:$$missing" >&2; \
	    echo "make: 'make deps' installs the packages that hold them" >&2; exit 1; \
	fi

.PHONY: clean
clean:
	rm -rf build build-san
