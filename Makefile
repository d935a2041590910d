# Bester. `make` builds, `make run` shows it, `make test` proves it, `make help` tells the rest.
#
# Everything is built under $(BUILD), nothing beside the sources. `make help` lists the variables.
# The packages are listed in .ci/deps, the checks are the programs of tests/check, the tests are
# run by tests/run: this file compiles, links and names the targets.

SAN     ?=
BUILD   ?= build$(if $(SAN),-san)
PREFIX  ?= /usr/local
DESTDIR ?=
V       ?=
Q       := $(if $(V),,@)
SAY      = $(if $(Q),@printf '  %-5s %s\n')

ifeq ($(origin CC),default)
CC := gcc
endif

VERSION := 0.1.0

# How many jobs to run at once where the user did not say (make -j says it).
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
# A make below this one, with jobs of its own when this one runs them one by one.
SUBMAKE = $(MAKE) --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(JOBS))

.PHONY: all
all:

# ---- what to compile ---------------------------------------------------------------------------

PROGRAMS     := $(patsubst %/main.c,%,$(wildcard besterd/main.c bester-cli/main.c \
                                                 bester-send/main.c harness/main.c))
HANDLERS     := $(patsubst besterd/handlers/%.c,%,$(wildcard besterd/handlers/*.c))
TEMPLATES    := $(patsubst besterd/handlers/%,%,$(wildcard besterd/handlers/*.json))
TEST_SOURCES := $(wildcard tests/*/test_*.c)
TEST_SCRIPTS := $(wildcard tests/*/test_*.sh tests/*/test_*.py)
BENCHES      := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c))
MAN_PAGES    := $(wildcard docs/*.[1-8])
SCENARIOS    := $(wildcard fixtures/scenarios fixtures/conformance)

TESTS  := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TEST_SOURCES))
object  = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

# ---- how ---------------------------------------------------------------------------------------

PKG_CONFIG ?= pkg-config
pkg_cflags  = $(shell $(PKG_CONFIG) --cflags $(1) 2>/dev/null)
pkg_libs    = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
            -Wundef -Wwrite-strings -Werror=implicit-function-declaration
CFLAGS   ?= -O2 -g
HARDEN   := $(if $(SAN),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
PKG_CFLAGS  := $(call pkg_cflags,jansson sqlite3 libsodium openssl)
STANDARD    := -std=gnu11 -D_GNU_SOURCE= -I. -pthread
ALL_CFLAGS  := $(STANDARD) -DBESTER_VERSION='"$(VERSION)"' $(WARNINGS) $(PKG_CFLAGS) $(HARDEN) \
               $(SANFLAGS) $(CFLAGS) $(CPPFLAGS)
ALL_LDFLAGS := $(SANFLAGS) -pthread -Wl,--as-needed $(if $(SAN),,-Wl,-z,relro,-z,now) $(LDFLAGS)

# What each program needs beside libbester; what libbester needs comes last in every link.
LIBS_libbester   :=
LIBS_besterd     := $(call pkg_libs,sqlite3 libsodium hiredis)
LIBS_bester-cli  := $(call pkg_libs,readline)
LIBS_bester-send :=
LIBS_harness     :=
LIB_LIBS         := -lev $(call pkg_libs,jansson openssl) -lm
TEST_LIBS        := $(call pkg_libs,cmocka)

# Whatever was built with other flags is built again: every object and program depends on this
# file, which changes when the flags do.
export FLAGS := $(CC) $(ALL_CFLAGS) | $(ALL_LDFLAGS) | $(LIBS_besterd) $(LIBS_bester-cli) $(LIB_LIBS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D); printf '%s\n' "$$FLAGS" | cmp -s - $@ || printf '%s\n' "$$FLAGS" >$@
.PHONY: FORCE

# One clear sentence about a missing library beats a page of compiler errors.
.PHONY: check-libraries
check-libraries:
	@CC='$(CC)' .ci/deps --check build

$(BUILD)/obj/%.o: %.c $(BUILD)/flags | check-libraries
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# A text that a program carries: what stands between _binary_PATH_start and _end.
TEXTS  := $(wildcard harness/*.css harness/*.js)
texts   = $(patsubst %,$(BUILD)/obj/%.o,$(filter $(1)/%,$(TEXTS)))
$(TEXTS:%=$(BUILD)/obj/%.o): $(BUILD)/obj/%.o: %
	@mkdir -p $(@D)
	$(SAY) LD $<
	$(Q)$(LD) -r -b binary -z noexecstack -o $@ $<

define archive
	@mkdir -p $(@D)
	$(SAY) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
endef

define link
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(1) $(LIB_LIBS)
endef

$(BUILD)/libbester.a: $(call object,$(wildcard libbester/*.c)) $(BUILD)/flags
	$(archive)

# A program is its main.o and an archive of all else, so that its tests link the same code. What
# stands in tests/PROGRAM and is not a test_*.c helps the tests there.
define program
$(BUILD)/obj/$(1).a: $$(call object,$$(filter-out $(1)/main.c,$$(wildcard $(1)/*.c))) \
                     $$(call texts,$(1)) $(BUILD)/flags
	$$(archive)
$(BUILD)/$(1): $(BUILD)/obj/$(1)/main.o $(BUILD)/obj/$(1).a $(BUILD)/libbester.a
	$$(call link,$$(LIBS_$(1)))
$(BUILD)/tests/$(1)/%: $(BUILD)/obj/tests/$(1)/%.o $(BUILD)/obj/tests/$(1).a $(BUILD)/obj/tests/fuzz.a \
                       $(BUILD)/obj/$(1).a $(BUILD)/libbester.a
	$$(call link,$$(LIBS_$(1)) $$(TEST_LIBS))
endef
define test_helpers
$(BUILD)/obj/tests/$(1).a: $$(call object,$$(filter-out $$(TEST_SOURCES),$$(wildcard tests/$(1)/*.c))) \
                         $(BUILD)/flags
	$$(archive)
endef
$(foreach p,besterd bester-cli bester-send harness,$(eval $(call program,$(p))))
$(foreach p,libbester fuzz besterd bester-cli bester-send harness soak,$(eval $(call test_helpers,$(p))))

$(BUILD)/tests/libbester/%: $(BUILD)/obj/tests/libbester/%.o $(BUILD)/obj/tests/libbester.a \
                            $(BUILD)/obj/tests/fuzz.a $(BUILD)/libbester.a
	$(call link,$(TEST_LIBS))

# The tests of a handler include its .c file; they link what a handler links.
$(BUILD)/tests/handlers/%: $(BUILD)/obj/tests/handlers/%.o $(BUILD)/libbester.a
	$(call link,$(TEST_LIBS))

# The soak is a program of the tests, with a handler of its own; it uses what the harness is made of.
SOAKED = $(BUILD)/obj/tests/soak.a $(BUILD)/obj/harness.a $(BUILD)/libbester.a
$(BUILD)/soak/soak: $(BUILD)/obj/tests/soak/main.o $(SOAKED)
	$(call link)
$(BUILD)/soak/echo: $(BUILD)/obj/tests/soak/echo.o $(BUILD)/libbester.a
	$(call link)
$(BUILD)/tests/soak/%: $(BUILD)/obj/tests/soak/%.o $(SOAKED)
	$(call link,$(TEST_LIBS))

$(BUILD)/handlers/%: $(BUILD)/obj/besterd/handlers/%.o $(BUILD)/libbester.a
	$(call link)

$(BUILD)/handlers/%.json: besterd/handlers/%.json
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/libbester.a
	$(call link)

# What makes calls of a program fail, for LD_PRELOAD: never with a sanitizer of its own.
SHIM := $(BUILD)/faults/shim.so
$(SHIM): tests/faults/shim.c $(BUILD)/flags | check-libraries
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(CC) $(STANDARD) $(WARNINGS) -O2 -g -fno-omit-frame-pointer -fPIC -shared -o $@ $<

all: $(addprefix $(BUILD)/,$(PROGRAMS)) $(addprefix $(BUILD)/handlers/,$(HANDLERS) $(TEMPLATES)) \
     $(BUILD)/libbester.a

.PHONY: tests
tests: all $(TESTS) $(BUILD)/soak/soak $(BUILD)/soak/echo $(SHIM)

.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ---- what people type --------------------------------------------------------------------------

# The packages come first and in a make of their own, because this one has already asked
# pkg-config what it knows.
.PHONY: deps deps-build deps-test deps-check
deps: deps-check
deps-build:
	@CC='$(CC)' .ci/deps build
deps-test:
	@CC='$(CC)' .ci/deps build test
deps-check:
	@CC='$(CC)' .ci/deps build test check

.PHONY: run
run: deps-build
	@+$(SUBMAKE) all
	@if [ -t 0 ] && [ -t 1 ]; then \
	    echo 'You are T on S1. G on S2 answers what you write. Ctrl-D ends it all.'; \
	    exec $(BUILD)/harness up fixtures/worlds/demo.json \
	        --run '$(BUILD)/bester-cli -u T --to G@S2 --password-file fixtures/worlds/demo.password $${S1}'; \
	else \
	    exec $(BUILD)/harness run --ladder fixtures/scenarios/chat.json; \
	fi

.PHONY: test
test: deps-test
	@+$(SUBMAKE) tests
	@tests/run --build $(BUILD) --jobs $(JOBS) $(addprefix --plays ,$(SCENARIOS)) \
	    $(TESTS) $(TEST_SCRIPTS)

# The servers of the plays run under valgrind; a leak fails the play. Not those plays in which a
# client's own time runs out: a login under valgrind takes longer.
VALGRIND_PLAYS ?= $(filter-out %/send_exit_codes_trouble.json,$(wildcard fixtures/scenarios/*.json)) \
                  $(wildcard fixtures/conformance)
.PHONY: valgrind
valgrind: deps-check
	@+$(SUBMAKE) all
	@mkdir -p $(BUILD)/valgrind && ln -sfn ../handlers $(BUILD)/valgrind/handlers && \
	    cp tests/valgrind/besterd $(BUILD)/valgrind
	@HARNESS_OPTIONS='--besterd $(BUILD)/valgrind/besterd --deadline 60s' tests/run --build $(BUILD) --jobs $(JOBS) \
	    $(addprefix --plays ,$(VALGRIND_PLAYS))

.PHONY: check lint
check: lint
	@+$(SUBMAKE) test
lint: deps-check
	@+$(SUBMAKE) all
	@CC='$(CC)' BUILD='$(BUILD)' JOBS='$(JOBS)' SINCE='$(SINCE)' WARNINGS='$(WARNINGS)' \
	    STANDARD='$(STANDARD) $(PKG_CFLAGS)' \
	    tests/check/run $(CHECKS)

# Writes again what stands in the docs between "generated" marks; `make check` compares it.
.PHONY: docs
docs: all
	@CC='$(CC)' BUILD='$(BUILD)' tests/check/docs --write

# Looks for inputs that break something, for SECONDS each; a target is a function of tests/fuzz. What
# breaks it is left in build-fuzz/ and belongs into fixtures/ then; what reaches new code is kept in
# build-fuzz/found/ for the next time. `make test` feeds the fixtures to every target.
FUZZ    ?= json frame message template session answer informer link config play
SECONDS ?= 60
FUZZ_BUILD = build-fuzz
FUZZ_JSON  = corpus/json/accept corpus/json/refuse corpus/json/either
FUZZ_SEEDS_json     = $(FUZZ_JSON) messages/valid
FUZZ_SEEDS_frame    = frames/whole frames/partial frames/bad
FUZZ_SEEDS_message  = $(FUZZ_JSON) messages/valid messages/invalid/malformed messages/invalid/tooLarge
FUZZ_SEEDS_template = corpus/template
FUZZ_SEEDS_session  = corpus/session
FUZZ_SEEDS_answer   = corpus/answer
FUZZ_SEEDS_informer = corpus/informer
FUZZ_SEEDS_link     = corpus/link
FUZZ_SEEDS_config   = corpus/config configs/valid configs/invalid
FUZZ_SEEDS_play     = corpus/play scenarios
FUZZ_PROGRAM_session  = besterd
FUZZ_PROGRAM_answer   = besterd
FUZZ_PROGRAM_informer = besterd
FUZZ_PROGRAM_link     = besterd
FUZZ_PROGRAM_config   = besterd
FUZZ_PROGRAM_play     = harness
.PHONY: fuzz
fuzz: $(addprefix fuzz-,$(FUZZ))
.PHONY: fuzz-%
fuzz-%: deps-check
	@+$(SUBMAKE) CC=clang SAN=fuzzer-no-link,address,undefined BUILD=$(FUZZ_BUILD) \
	    FUZZ_TARGET=$* $(FUZZ_BUILD)/fuzz/$*
	@mkdir -p $(FUZZ_BUILD)/found/$*
	@$(FUZZ_BUILD)/fuzz/$* -max_total_time=$(SECONDS) -max_len=4096 -print_final_stats=1 \
	    $(patsubst %,-dict=%,$(wildcard fixtures/corpus/$*.dict)) -artifact_prefix=$(FUZZ_BUILD)/ \
	    $(FUZZ_BUILD)/found/$* $(addprefix fixtures/,$(FUZZ_SEEDS_$*)) \
	    >$(FUZZ_BUILD)/$*.log 2>&1 || { tail -n 60 $(FUZZ_BUILD)/$*.log; exit 1; }
	@sed -n 's/^stat::/    /p' $(FUZZ_BUILD)/$*.log

# The program whose code a target runs, if it is more than libbester.
FUZZ_PROGRAM = $(FUZZ_PROGRAM_$(FUZZ_TARGET))
$(BUILD)/fuzz/%: tests/fuzz/entry.c $(BUILD)/obj/tests/fuzz.a \
                 $(if $(FUZZ_PROGRAM),$(BUILD)/obj/$(FUZZ_PROGRAM).a) $(BUILD)/libbester.a
	@mkdir -p $(@D)
	$(SAY) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -DFUZZ_TARGET=fuzz_$* -o $@ \
	    $(filter %.c %.a,$^) $(LIBS_$(FUZZ_PROGRAM)) $(LIB_LIBS)

# Shows that besterd holds under load, faults and hostile peers: all of SOAK, of their full size
# (PART=100 is a hundredth), what is measured by time for SECONDS. docs/operations.md tells more.
SOAK ?= clients idle slow kills reloads frames
PART ?= 1
SEED ?= 1
.PHONY: soak
soak: all $(BUILD)/soak/soak $(BUILD)/soak/echo
	@$(BUILD)/soak/soak --build $(BUILD) --seconds $(SECONDS) --part $(PART) --seed $(SEED) $(SOAK)

# Each call that besterd makes in the conversations of tests/faults fails once, with each error it may
# have, under AddressSanitizer; CONVERSATIONS="talk tls" picks some. WAYS=1: of all calls that are come
# to by the same way only the first, which takes a tenth of the time.
CONVERSATIONS ?=
WAYS          ?=
.PHONY: faults
faults: deps-check
	@+$(SUBMAKE) SAN=address,undefined BUILD=build-san all build-san/faults/shim.so
	@BESTER_BUILD=build-san tests/faults/faults --jobs $(JOBS) $(if $(WAYS),--ways) $(CONVERSATIONS)

.PHONY: bench
bench: all $(addprefix $(BUILD)/bench/,$(BENCHES))
	@for bench in $(BENCHES); do echo "== $$bench"; $(BUILD)/bench/$$bench || exit; done
	@echo "== harness"; $(BUILD)/harness bench $(SCENARIOS)

# ---- installing --------------------------------------------------------------------------------

bindir       = $(PREFIX)/bin
libdir       = $(PREFIX)/lib
libexecdir   = $(PREFIX)/libexec/bester
datadir      = $(PREFIX)/share/bester
mandir       = $(PREFIX)/share/man
includedir   = $(PREFIX)/include
sharedir     = $(PREFIX)/share
bashdir      = $(sharedir)/bash-completion/completions
zshdir       = $(sharedir)/zsh/site-functions
fishdir      = $(sharedir)/fish/vendor_completions.d
COMPLETED    = besterd bester-cli bester-send
unitdir      = $(libdir)/systemd/system
sysusersdir  = $(libdir)/sysusers.d
INSTALL     ?= install
PLACES       = $(foreach p,bindir libexecdir datadir,-e 's|@$(p)@|$($(p))|g')

# besterd finds its handlers and their templates from where it stands itself: ../libexec/bester
# and ../share/bester. The harness is installed as bester-harness: a plain name is not ours alone.
.PHONY: install
install: all
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(libdir)/pkgconfig \
	    $(DESTDIR)$(libexecdir)/handlers $(DESTDIR)$(datadir)/handlers \
	    $(DESTDIR)$(includedir)/libbester
	$(INSTALL) -m 755 $(BUILD)/besterd $(BUILD)/bester-cli $(BUILD)/bester-send $(DESTDIR)$(bindir)
	$(INSTALL) -m 755 $(BUILD)/harness $(DESTDIR)$(bindir)/bester-harness
	$(INSTALL) -m 755 $(addprefix $(BUILD)/handlers/,$(HANDLERS)) $(DESTDIR)$(libexecdir)/handlers
	$(INSTALL) -m 644 $(addprefix $(BUILD)/handlers/,$(TEMPLATES)) $(DESTDIR)$(datadir)/handlers
	$(INSTALL) -m 644 $(BUILD)/libbester.a $(DESTDIR)$(libdir)
	$(INSTALL) -m 644 $(wildcard libbester/*.h) $(DESTDIR)$(includedir)/libbester
	printf '%s\n' 'prefix=$(PREFIX)' 'Name: libbester' \
	    'Description: frames, messages, streams and handlers of Bester' 'Version: $(VERSION)' \
	    'Requires: jansson' 'Cflags: -I$(includedir)' 'Libs: -L$(libdir) -lbester -lev -lm -pthread' \
	    >$(DESTDIR)$(libdir)/pkgconfig/libbester.pc
	for page in $(MAN_PAGES); do \
	    $(INSTALL) -D -m 644 $$page $(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/} || exit; \
	done
	$(INSTALL) -d $(DESTDIR)$(bashdir) $(DESTDIR)$(zshdir) $(DESTDIR)$(fishdir)
	for program in $(COMPLETED); do \
	    $(BUILD)/$$program --completion bash >$(DESTDIR)$(bashdir)/$$program && \
	    $(BUILD)/$$program --completion zsh >$(DESTDIR)$(zshdir)/_$$program && \
	    $(BUILD)/$$program --completion fish >$(DESTDIR)$(fishdir)/$$program.fish || exit; \
	done

	$(INSTALL) -d $(DESTDIR)$(unitdir) $(DESTDIR)$(sysusersdir)
	sed $(PLACES) besterd/systemd/besterd.service.in >$(DESTDIR)$(unitdir)/besterd.service
	sed $(PLACES) besterd/systemd/besterd.json.in >$(DESTDIR)$(datadir)/besterd.json
	$(INSTALL) -m 644 besterd/systemd/besterd.socket $(DESTDIR)$(unitdir)
	$(INSTALL) -m 644 besterd/systemd/bester.sysusers $(DESTDIR)$(sysusersdir)/bester.conf

.PHONY: uninstall
uninstall:
	rm -f $(addprefix $(DESTDIR)$(bindir)/,besterd bester-cli bester-send bester-harness)
	rm -f $(addprefix $(DESTDIR)$(libexecdir)/handlers/,$(HANDLERS))
	rm -f $(addprefix $(DESTDIR)$(datadir)/handlers/,$(TEMPLATES))
	rm -f $(DESTDIR)$(libdir)/libbester.a $(DESTDIR)$(libdir)/pkgconfig/libbester.pc
	rm -f $(patsubst libbester/%,$(DESTDIR)$(includedir)/libbester/%,$(wildcard libbester/*.h))
	rm -f $(foreach p,$(MAN_PAGES),$(DESTDIR)$(mandir)/man$(subst .,,$(suffix $(p)))/$(notdir $(p)))
	rm -f $(addprefix $(DESTDIR)$(unitdir)/,besterd.service besterd.socket)
	rm -f $(DESTDIR)$(sysusersdir)/bester.conf $(DESTDIR)$(datadir)/besterd.json
	rm -f $(addprefix $(DESTDIR)$(bashdir)/,$(COMPLETED))
	rm -f $(addprefix $(DESTDIR)$(zshdir)/_,$(COMPLETED))
	rm -f $(addsuffix .fish,$(addprefix $(DESTDIR)$(fishdir)/,$(COMPLETED)))
	-rmdir $(DESTDIR)$(libexecdir)/handlers $(DESTDIR)$(libexecdir) $(DESTDIR)$(datadir)/handlers \
	    $(DESTDIR)$(datadir) $(DESTDIR)$(includedir)/libbester 2>/dev/null

.PHONY: dist
dist:
	@mkdir -p $(BUILD)
	git archive --format=tar.gz --prefix=bester-$(VERSION)/ -o $(BUILD)/bester-$(VERSION).tar.gz HEAD

.PHONY: clean
clean:
	rm -rf build build-*

.PHONY: help
help:
	@printf '%s\n' \
	    'make            build all programs into $(BUILD)/' \
	    'make run        install what is missing, build, and talk through two servers' \
	    'make test       unit tests, then plays; ends with "N passed, N failed"' \
	    'make check      format, clang-tidy, cppcheck, layers, docs ...; then the tests' \
	    'make lint       the checks of "make check" without the tests; CHECKS="tidy layers" picks,' \
	    '                SINCE=main has the slow ones look only at what differs from there' \
	    'make docs       write the generated parts of README.md and docs/ again' \
	    'make valgrind   the plays again, every server under valgrind' \
    'make bench      run the benchmarks' \
	    'make soak       10,000 clients, 1,000 kills and reloads ... and what comes of it' \
	    '                (SECONDS=60, PART=1, SOAK="clients idle slow kills reloads frames")' \
	    'make faults     make every call of besterd fail, one after the other (WAYS=1 for fewer)' \
	    'make fuzz       look for inputs that break libbester (SECONDS=60, FUZZ="json frame message template")' \
	    'make deps       install every package that building, testing and checking need' \
	    'make install    install under PREFIX ($(PREFIX)); "make uninstall" takes it away' \
	    'make dist       a source archive of the last commit' \
	    'make clean      remove all that was built' \
	    '' \
	    'CC=clang                 another compiler' \
	    'SAN=address,undefined    with sanitizers, into build-san' \
	    'CFLAGS=, LDFLAGS=        flags of your own; what they change is built again' \
	    'BUILD=DIR                build somewhere else' \
	    'DESTDIR=DIR              install below DIR' \
	    'JOBS=N                   how many jobs at once (default: one for each processor)' \
	    'V=1                      show the commands'
