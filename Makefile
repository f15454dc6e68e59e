# Builds, checks and tests pawl. GNU make; `./build.sh` installs what this needs.
#
#   make            the binary of the variant V (default: debug): build/$(V)/pawl
#   make check      lint and everything that `make test` does
#   make test       unit, cli, fault, crash and fuzz tests; ends with `N passed, M failed`
#   make unit cli   one kind alone: V=debug for another variant than asan, T=base/str or T=run for
#                   one file
#   make fault      fault tests alone: T=each-call for one file. fault-long: each fault at every call
#                   instead of at some (hours); FAULT_BAD=n goes on behind n - 1 findings
#   make cover      line coverage of each layer
#   make bench      measurements against other tools: BENCH_PARTS="start sleep" for these alone
#   make fuzz       fuzzes with libFuzzer: T=name for one target, TIME=600 for how many seconds each
#   make soak       uses one workspace for MINUTES=10 and looks whether anything grows or is left
#   make sim        simulates runs: SEEDS for how many, SEED=17 for this one alone
#   make docs       writes the pages of docs/ that are made from tables in the source
#   make lint fmt clean
#   make install    PREFIX, DESTDIR
#
# Variants: debug; release (musl, static, stripped, the same bytes from any folder); asan (address
# and undefined behaviour); tsan; fault (with -DPAWL_FAULT); cover (gcov); fuzz (clang).
#
# Each layer is one library, and each unit test links the library of its layer and those below: a
# call upwards does not link. All paths are relative, so that the tree may lie in any folder.

V ?= debug
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
SHELL = /bin/sh
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL = all
.DELETE_ON_ERROR:
.SECONDARY:

VARIANTS = debug release asan tsan fault cover fuzz
ifeq ($(filter $(V),$(VARIANTS)),)
$(error unknown variant V='$(V)'; one of: $(VARIANTS))
endif

# ---- layers: what each may use, in link order

LAYERS = base model policy os store run report cmd
BELOW_base =
BELOW_model = base
BELOW_policy = model base
BELOW_os = base
BELOW_store = os base
BELOW_run = store os policy model base
BELOW_report = os model base
BELOW_cmd = report run store os policy model base

# ---- variants

GCC ?= gcc
MUSL_GCC ?= musl-gcc
CLANG ?= clang
SANITIZE = -fno-sanitize-recover=all -fno-omit-frame-pointer

COMPILER_release = $(MUSL_GCC)
COMPILER_fuzz = $(CLANG)
COMPILER = $(or $(COMPILER_$(V)),$(GCC))

FLAGS_debug = -O1 -g
FLAGS_release = -Os -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-pie
FLAGS_asan = -O1 -g1 -fsanitize=address,undefined $(SANITIZE)
FLAGS_tsan = -O1 -g -fsanitize=thread $(SANITIZE)
FLAGS_fault = -O1 -g1 -DPAWL_FAULT
FLAGS_cover = -O0 -g --coverage -fprofile-update=atomic
FLAGS_fuzz = -O1 -g -fsanitize=fuzzer-no-link,address,undefined $(SANITIZE)

# The release build is small (-Os); what each instance, path or byte passes through is fast.
HOT = base/arena base/bytes base/hex base/json_write base/map base/mem% base/path base/record% \
	base/sha256% base/str base/utf8 \
	model/event model/expr_eval model/key model/plan model/plan_e% model/plan_inputs \
	model/plan_paths model/plan_render model/plan_tree model/plan_writers model/run_state \
	model/template model/toml% \
	os/child os/loop os/ranges os/signature os/spawn% \
	policy/decide policy/schedule \
	store/index_map store/objects store/put% \
	run/attempt run/attempt_start run/engine run/executor run/facts run/reads run/recorder
HOT_release = -O2

LINK_release = -static -s -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noseparate-code
LINK_asan = -fsanitize=address,undefined
LINK_tsan = -fsanitize=thread
LINK_cover = --coverage
LINK_fuzz = -fsanitize=address,undefined

WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wundef -Wformat=2 -Wdate-time -Werror
# clang's -Wconversion means more than gcc's; the fuzz build is there to run, not to judge
WARNINGS_fuzz = -w
# cmocka's macros convert
WARNINGS_TEST = $(filter-out -Wconversion -Wundef,$(WARNINGS))

CPPFLAGS = -D_GNU_SOURCE -Isrc

# Which build it is: a digest of its sources.
BUILD_ID := $(shell cat $(sort $(wildcard src/*.[ch] src/*/*.[ch])) | sha256sum | cut -c 1-16)
CFLAGS = -std=c11 -pthread $(FLAGS_$(V)) -ffile-prefix-map='$(CURDIR)'=.
LDFLAGS = -pthread $(LINK_$(V)) -lm

# No date gets into the binary; this is for tools that might put one there.
export SOURCE_DATE_EPOCH ?= 0

# ---- what there is

B = build/$(V)
OBJECTS = $(patsubst src/%.c,$(B)/%.o,$(wildcard src/$(1)/*.c))
UNITS = $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/*/*.c)))
FUZZERS = $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*.c)))
BATS = $(sort $(wildcard tests/$(1)/*.bats))
LIBRARIES = $(patsubst %,$(B)/lib%.a,$(1) $(BELOW_$(1)))

MBEDTLS_FLAGS = -isystem build/deps/mbedtls/include \
	-DMBEDTLS_CONFIG_FILE='"base/mbedtls_config.h"'
YYJSON_FLAGS = -isystem build/deps/yyjson/src -DYYJSON_DISABLE_WRITER=1 \
	-DYYJSON_DISABLE_FAST_FP_CONV=1 \
	-DYYJSON_DISABLE_UTILS=1
DEPS_OBJECTS = $(addprefix $(B)/deps/,mbedtls/sha256.o mbedtls/platform_util.o yyjson/yyjson.o)

# ---- the binary

.PHONY: all
all: $(foreach layer,$(LAYERS),$(B)/lib$(layer).a) $(if $(wildcard src/main.c),$(B)/pawl \
	$(if $(filter release,$(V)),build/pawl))

$(B)/pawl: $(B)/main.o $(call LIBRARIES,cmd) $(B)/libdeps.a
	@echo "link $@"
	@$(COMPILER) -o $@ $^ $(LDFLAGS)

build/pawl: build/release/pawl
	@cp $< $@.new && mv $@.new $@

# A list changes when a source comes or goes, flags when a variant's flags do.
define LAYER_RULES
$(B)/lib$(1).a: $$(call OBJECTS,$(1)) $(B)/lib$(1).list
	@rm -f $$@ && ar rcD $$@ $$(filter %.o,$$^)

$(B)/lib$(1).list: FORCE
	@$$(call UPDATE,$$@,$$(call OBJECTS,$(1)))

$(B)/unit/$(1)/%: tests/unit/$(1)/%.c $$(call LIBRARIES,$(1)) $(B)/libdeps.a
	@echo "unit $$@"
	@mkdir -p $$(@D)
	@$(COMPILER) $(CPPFLAGS) $(CFLAGS) $(WARNINGS_TEST) -MMD -MP -MF $$@.d -MT $$@ -o $$@ $$< \
		$$(call LIBRARIES,$(1)) $(B)/libdeps.a $(LDFLAGS) -lcmocka
endef
UPDATE = mkdir -p $(dir $(1)) && printf '%s\n' "$(strip $(2))" >$(1).new && \
	if cmp -s $(1).new $(1); then rm $(1).new; else mv $(1).new $(1); fi
$(foreach layer,$(LAYERS),$(eval $(call LAYER_RULES,$(layer))))

$(B)/flags: FORCE
	@$(call UPDATE,$@,$(subst ",,$(COMPILER) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(LDFLAGS) \
		$(HOT) $(HOT_$(V))))

$(B)/%.o: src/%.c $(B)/flags | build/deps/ready
	@echo "cc   $@"
	@mkdir -p $(@D)
	@$(COMPILER) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(WARNINGS_$(V)) -MMD -MP -c -o $@ $<

$(patsubst %,$(B)/%.o,$(HOT)): CFLAGS += $(HOT_$(V))
$(B)/base/sha256.o: CPPFLAGS += $(MBEDTLS_FLAGS)
$(B)/base/json_read.o: CPPFLAGS += $(YYJSON_FLAGS)
$(B)/run/guards.o: CPPFLAGS += -DPAWL_BUILD='"$(BUILD_ID)"'
$(B)/run/guards.o: $(B)/build-id
$(B)/build-id: FORCE
	@$(call UPDATE,$@,$(BUILD_ID))

# ---- mbedTLS and yyjson: fast in every variant, their warnings are not ours

$(B)/libdeps.a: $(DEPS_OBJECTS)
	@rm -f $@ && ar rcD $@ $^

$(B)/deps/mbedtls/%.o: build/deps/mbedtls/library/%.c $(B)/flags src/base/mbedtls_config.h
	@mkdir -p $(@D)
	@$(COMPILER) $(CPPFLAGS) $(MBEDTLS_FLAGS) $(CFLAGS) -O2 -w -c -o $@ $<

$(B)/deps/yyjson/%.o: build/deps/yyjson/src/%.c $(B)/flags
	@mkdir -p $(@D)
	@$(COMPILER) $(YYJSON_FLAGS) $(CFLAGS) $(if $(HOT_$(V)),,-O2) -w -c -o $@ $<

build/deps/mbedtls/library/%.c build/deps/yyjson/src/%.c: | build/deps/ready ;

build/deps/ready:
	@./build.sh deps
	@touch $@

# ---- tests
#
# tools/run-tests takes lines `kind name command`: build (must succeed, not counted), tap (each
# test in its output counts), cmd (one test). PAWL is the binary under test.

# Unit and cli tests run under the sanitizers, unless V is given.
TV = $(if $(filter command environment,$(firstword $(origin V))),$(V),asan)
T ?= %

# A line break, and an empty line that keeps $(file) from joining.
define NL


endef
BUILD_JOB = build build/$(1) make -j$(JOBS) V=$(1) $(2)$(NL)
UNIT_JOBS = $(foreach u,$(filter $(T),$(UNITS)),tap unit/$(1)/$(u) build/$(1)/unit/$(u)$(NL))
# $(1) variant, $(2) folder of tests, $(3) those that are left out
BATS_JOBS = $(foreach f,$(filter-out $(patsubst %,tests/$(2)/%.bats,$(3)),$(filter \
	tests/$(2)/$(T).bats,$(call BATS,$(2)))),tap \
	$(2)/$(1)/$(basename $(notdir $(f))) PAWL="$$PWD/build/$(1)/pawl" bats --tap $(f)$(NL))
FUZZ_JOBS = $(foreach f,$(FUZZERS),tap fuzz/$(f) build/asan/fuzz/$(f) testdata/fuzz/$(f)$(NL))
WHERE_BATS = $(if $(call BATS,$(2)),$(call BUILD_JOB,$(1),all)$(call BATS_JOBS,$(1),$(2)))

# Whole systems: of `test` once, with the binary that is handed out. Each feature that they are made of
# has tests of its own, which run under the sanitizers, too. By hand: make cli V=asan T=atoms.
SYSTEMS = atoms backtest ensemble loops strategy workforce

define LAW_JOBS
cmd law/layers tools/check-layers
cmd law/text tools/check-text

endef
define LINT_JOBS
cmd lint/format tools/lint format
cmd lint/shell tools/lint shell
cmd lint/cppcheck tools/lint cppcheck
cmd lint/tidy tools/lint tidy

endef
define TEST_JOBS
$(call BUILD_JOB,release,all)
$(call BUILD_JOB,asan,all unit-programs fuzz-replayers)
$(LAW_JOBS)
cmd release/size ./build.sh size
cmd release/reproducible tools/check-reproducible
$(call UNIT_JOBS,asan)
$(FUZZ_JOBS)
$(call BATS_JOBS,asan,cli,$(SYSTEMS))
$(call BATS_JOBS,release,cli)
$(call BATS_JOBS,release,tools)
$(call BATS_JOBS,release,crash)
$(call WHERE_BATS,fault,fault)
endef

# Writes the jobs and runs them.
RUN = $(file >build/jobs-$@,$(1))tools/run-tests -j $(JOBS) build/jobs-$@

.PHONY: check test unit cli unit-programs fuzz-replayers
check: build/jobs-check
	@tools/run-tests -j $(JOBS) $<

# All jobs of `check`, for build.sh as well.
build/jobs-check: FORCE | build/deps/ready
	@$(file >$@,$(TEST_JOBS)$(LINT_JOBS)):

test: | build/deps/ready
	@$(call RUN,$(TEST_JOBS))

unit: | build/deps/ready
	@$(call RUN,$(call BUILD_JOB,$(TV),$(patsubst %,build/$(TV)/unit/%,$(filter $(T),$(UNITS))))$(call \
		UNIT_JOBS,$(TV)))

cli: | build/deps/ready
	@$(call RUN,$(call BUILD_JOB,$(TV),all)$(call BATS_JOBS,$(TV),cli))

.PHONY: fault fault-long
fault: | build/deps/ready
	@$(call RUN,$(call BUILD_JOB,fault,all)$(call BATS_JOBS,fault,fault))

fault-long: export FAULT_LONG = 1
fault-long: export TEST_SECONDS = 36000
fault-long: fault

unit-programs: $(patsubst %,$(B)/unit/%,$(UNITS))

# A fuzz target with a main of ours that feeds it files, for every test run.
fuzz-replayers: $(patsubst %,$(B)/fuzz/%,$(FUZZERS))

ifneq ($(V),fuzz)
$(B)/fuzz/%: tests/fuzz/%.c tools/fuzz_replay.c $(call LIBRARIES,cmd) $(B)/libdeps.a
	@mkdir -p $(@D)
	@$(COMPILER) $(CPPFLAGS) $(CFLAGS) $(WARNINGS_TEST) -Wno-missing-prototypes -MMD -MP \
		-MF $@.d -MT $@ -o $@ $< tools/fuzz_replay.c $(call LIBRARIES,cmd) $(B)/libdeps.a $(LDFLAGS)
else
$(B)/fuzz/%: tests/fuzz/%.c $(call LIBRARIES,cmd) $(B)/libdeps.a
	@mkdir -p $(@D)
	@$(COMPILER) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $< \
		$(call LIBRARIES,cmd) $(B)/libdeps.a $(LDFLAGS) -fsanitize=fuzzer
endif

.PHONY: fuzz bench soak cover lint fmt
TIME ?= 60
# New inputs go to build/fuzz; those worth keeping are copied to testdata/fuzz by hand.
fuzz:
	@$(if $(filter $(T),$(FUZZERS)),,echo "there is no fuzz target '$(T)' in tests/fuzz" >&2; exit 1)
	@$(MAKE) --no-print-directory -j$(JOBS) V=fuzz fuzz-replayers
	@set -e; for name in $(filter $(T),$(FUZZERS)); do \
		mkdir -p build/fuzz/corpus/$$name testdata/fuzz/$$name; \
		echo "fuzz $$name"; \
		build/fuzz/fuzz/$$name -max_total_time=$(TIME) -timeout=10 \
			-artifact_prefix=build/fuzz/$$name- build/fuzz/corpus/$$name testdata/fuzz/$$name; \
	done

# Random runs in a simulated world; the unit test does some hundred of them.
.PHONY: sim
SEEDS ?= 2000
sim:
	@$(MAKE) --no-print-directory -j$(JOBS) V=$(TV) build/$(TV)/unit/run/simulation
	@PAWL_SIM_SEEDS='$(SEEDS)' PAWL_SIM_SEED='$(SEED)' build/$(TV)/unit/run/simulation

# BENCH_PARTS="start sleep" makes these parts alone; tests/bench/bench.sh and common.sh say the rest.
bench:
	@$(MAKE) --no-print-directory -j$(JOBS) V=release
	@PAWL="$$PWD/build/pawl" sh tests/bench/bench.sh

soak:
	@$(MAKE) --no-print-directory -j$(JOBS) V=release
	@tests/soak/soak.sh build/pawl

cover: | build/deps/ready
	@mkdir -p build/cover && find build/cover -name '*.gcda' -exec rm -f {} +
	@$(call RUN,$(call BUILD_JOB,cover,all unit-programs)$(call UNIT_JOBS,cover)$(call \
		BATS_JOBS,cover,cli)); status=$$?; \
	tools/coverage build/cover $(LAYERS); exit $$status

# ---- form

lint:
	@$(call RUN,$(LAW_JOBS)$(LINT_JOBS))

fmt:
	@find src tests tools -name '*.[ch]' -exec clang-format -i {} +

# ---- pages of the manual that are made from the tables in the source; tests/cli/dump.bats holds
# them against the binary

.PHONY: docs
docs: $(B)/pawl
	@mkdir -p docs/man
	@for page in $(DOCS_MAN); do $< dump man $$page >docs/man/$$page; done
	@for page in $(DOCS_PAGES); do $< dump docs $$page >docs/$$page.md; done
DOCS_MAN = pawl.1 pawl.toml.5
DOCS_PAGES = commands events exit-status manifest-keys states

# ---- the rest

.PHONY: install clean FORCE
install: build/pawl
	install -D -m 755 build/pawl "$(DESTDIR)$(PREFIX)/bin/pawl"
	$(foreach page,$(wildcard docs/man/*),install -D -m 644 $(page) \
		"$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page))"$(NL))

ifneq ($(V),release)
build/release/pawl: FORCE
	@$(MAKE) --no-print-directory V=release $@
endif

# The fetched sources stay: they cost a network.
clean:
	@for entry in build/*; do \
		case $$entry in build/deps | 'build/*') ;; *) rm -rf "$$entry" ;; esac; \
	done

FORCE:

-include $(wildcard $(B)/*.d $(B)/*/*.d $(B)/*/*/*.d)
