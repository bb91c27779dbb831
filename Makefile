# EtrnSvc: the service, its tool and its installer, built with MinGW-w64 on Debian 12.
#
#   make         build/etrnsvc.exe, build/etrnctl.exe, build/etrnsvc-VERSION-x64.msi
#   make demo    the main job, live: a Postfix that holds a message, and one registry value
#   make test    all tests
#   make torture    makes every allocation and system call that can fail, fail once
#   make lint    clang-tidy, cppcheck, gcc -fanalyzer, banned functions, layers, formatting, flake8, shellcheck
#   make coverage    how much of service/core the unit tests cover; at least 95 % of lines and 85 % of branches
#   make mutation    how many mutations of service/core the unit tests detect; MUTATION="--file planner.c" for all of one file
#   make bench   compares speed with fetchmail and msmtp; BENCH=--readme writes the table into tests/README.md
#   make soak    10,000 rounds with random faults, 1,000 starts and stops, 200 kills; SOAK=--quick, SOAK=--readme
#   make readme  updates the tables and sessions of the README files from the programs
#   make clean

VERSION := 0.1.0

B       := build
CROSS   := x86_64-w64-mingw32-
CC_WIN  := $(CROSS)gcc
WINDRES := $(CROSS)windres
WINDMC  := $(CROSS)windmc
PYTHON  := /usr/bin/python3
JOBS    := $(shell nproc)
ifndef SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
endif
export SOURCE_DATE_EPOCH

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
CFLAGS   := -std=c11 -O2 -g $(WARNINGS) -MMD -MP
# C11 printf instead of msvcrt's; UTF-16 API; Windows 8 and Server 2012 or later.
WINFLAGS := -D__USE_MINGW_ANSI_STDIO=1 -DUNICODE -D_UNICODE -D_WIN32_WINNT=0x0602 -DVERSION='"$(VERSION)"' \
            -fstack-protector-strong -fcf-protection=full -D_FORTIFY_SOURCE=2 -I$(B)/gen
LDFLAGS  := -static -fstack-protector-strong -municode -Wl,--no-insert-timestamp -Wl,--dynamicbase,--high-entropy-va,--nxcompat
LIBS     := -lws2_32 -lmswsock -ladvapi32 -lshell32 -lole32 -luuid -lktmw32 -lnormaliz -liphlpapi -lsecur32 -lcrypt32 -lbcrypt -ldnsapi

CORE    := $(wildcard service/core/*.c)
WIN     := $(wildcard service/win/*.c)
SERVICE := $(wildcard service/*.c)
TOOL    := $(wildcard regtool/*.c)
objects  = $(patsubst %.c,$(B)/obj/%.o,$(1))
MSI     := $(B)/etrnsvc-$(VERSION)-x64.msi

all: $(B)/etrnsvc.exe $(B)/etrnctl.exe $(MSI)

# ---- what the build needs, from Debian's packages

PACKAGES := gcc make gcc-mingw-w64-x86-64-win32 binutils-mingw-w64-x86-64 wixl msitools
TEST_PACKAGES := $(PACKAGES) libcmocka-dev wine wine64 python3-pytest python3-pytest-xdist python3-croniter libfaketime tzdata postfix sasl2-bin libsasl2-modules fetchmail msmtp \
                 strace openssl python3-cryptography
need = tests/need $(1)

# ---- the programs

$(B)/etrnsvc.exe: $(call objects,$(SERVICE) $(WIN) $(CORE)) $(B)/obj/etrnsvc.res
$(B)/etrnctl.exe: $(call objects,$(TOOL) $(WIN) $(CORE)) $(B)/obj/etrnctl.res
$(B)/%.exe:
	$(CC_WIN) $(LDFLAGS) -o $@.debug $^ $(LIBS)
	$(CROSS)strip -o $@ $@.debug

# messages.h is order-only: the .d files name the objects that depend on its contents.
$(B)/obj/%.o: %.c Makefile | $(B)/gen/messages.h
	@mkdir -p $(@D)
	$(CC_WIN) $(CFLAGS) $(WINFLAGS) -c -o $@ $<

$(B)/gen/messages.h: service/win/messages.mc
	@mkdir -p $(@D)
	$(WINDMC) -h $(@D) -r $(@D) $<

$(B)/obj/%.res: service/win/version.rc service/win/etrn.manifest $(B)/gen/messages.h Makefile
	@mkdir -p $(@D)
	$(WINDRES) -DPROGRAM=$* -DVERSION_TEXT='\"$(VERSION)\"' -DVERSION_NUMBERS=$(subst .,$(comma),$(VERSION)),0 \
	    -I$(B)/gen -Iservice/win -O coff -o $@ $<
comma := ,

# ---- the installer

$(B)/action.dll: $(call objects,$(wildcard installer/*.c) $(CORE))
	$(CC_WIN) $(filter-out -municode,$(LDFLAGS)) -shared -s -o $@ $^ -lmsi -ladvapi32

$(MSI): installer/build-msi installer/etrnsvc.wxs installer/tables.sql LICENSE $(B)/etrnsvc.exe $(B)/etrnctl.exe $(B)/action.dll
	installer/build-msi $(VERSION) $@

# ---- tests

UNIT_FLAGS := -std=c11 -g -O1 $(WARNINGS) -Wno-missing-prototypes -MMD -MP -Iservice/core \
              -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
native = $(patsubst %.c,$(B)/native/%.o,$(1))

$(B)/native/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(UNIT_FLAGS) -c -o $@ $<

# Shared by several tests.
$(B)/unit/shared.a: $(call native,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
	@mkdir -p $(@D)
	rm -f $@
	ar rcs $@ $^

$(UNIT): $(B)/unit/%: $(B)/native/tests/unit/%.o $(B)/unit/shared.a $(call native,$(CORE))
	@mkdir -p $(@D)
	$(CC) $(UNIT_FLAGS) $(UNIT_LINK) -o $@ $^ -lcmocka
$(B)/unit/test_memory: UNIT_LINK := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

# The program that tests/cron queries about schedules.
$(B)/cron_next: $(B)/native/tests/cron/cron_next.o $(call native,$(addprefix service/core/,cron.c cron_next.c calendar.c text.c utf.c))
	$(CC) $(UNIT_FLAGS) -o $@ $^

# The session that tests/faults runs its cases against.
$(B)/faults/run: $(call native,tests/faults/run.c tests/faults/case.c $(CORE))
	@mkdir -p $(@D)
	$(CC) $(UNIT_FLAGS) -o $@ $^

# A test that has passed is run again only if its program has changed. tests/faults reads the output.
$(UNIT:%=%.ok): %.ok: %
	@$< >$<.out 2>&1 || { cat $<.out; exit 1; }
	@echo "$(<F): $$(grep -h PASSED $<.out)"
	@touch $@

$(B)/faults/run.ok: $(B)/faults/run tests/faults/cases.py $(wildcard tests/faults/*.cases)
	@$(PYTHON) tests/faults/cases.py >$(B)/faults/cases
	@$< $(B)/faults/native <$(B)/faults/cases
	@touch $@

unit: $(UNIT:%=%.ok) $(B)/faults/run.ok

# ---- torture: the same programs, with calls that can be made to fail

TORTURE := $(patsubst %,$(B)/torture/%.exe,etrnsvc etrnctl driver)
$(B)/torture/etrnsvc.exe: $(call objects,$(SERVICE) $(WIN) $(CORE)) $(B)/obj/etrnsvc.res
$(B)/torture/etrnctl.exe: $(call objects,$(TOOL) $(WIN) $(CORE)) $(B)/obj/etrnctl.res
$(B)/torture/etrnsvc.exe $(B)/torture/etrnctl.exe: $(call objects,tests/torture/torture.c)
	@mkdir -p $(@D)
	$(CC_WIN) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/torture/driver.exe: tests/torture/driver.c
	@mkdir -p $(@D)
	$(CC_WIN) -O1 -o $@ $<

# ---- programs that tests run under Wine: each links those parts of service/win and core that it does not replace

$(B)/obj/tests/helpers/%.o: CFLAGS += -Wno-missing-prototypes -Wno-unused-parameter
HELPERS := $(patsubst tests/helpers/%.c,$(B)/helpers/%.exe,$(wildcard tests/helpers/*.c))
$(HELPERS): $(B)/helpers/%.exe: $(B)/obj/tests/helpers/%.o $(B)/obj/programs.a
	@mkdir -p $(@D)
	$(CC_WIN) $(LDFLAGS) -o $@ $(filter-out %.a,$^) $(filter %.a,$^) $(LIBS) -lntdll
$(B)/helpers/exit_codes.exe: $(call objects,regtool/exit_code.c)
$(B)/helpers/lists.exe: $(call objects,$(TOOL)) $(B)/obj/etrnctl.res
$(B)/obj/programs.a: $(call objects,$(WIN) $(CORE))
	rm -f $@
	$(CROSS)ar rcs $@ $^
helpers: $(HELPERS)

torture: $(TORTURE)
	TORTURE=all $(PYTHON) -m pytest tests/torture

# The tests under Wine mostly wait, so there is one more worker than processors. Lint uses the rest of the time.
WORKERS := $(shell expr $(JOBS) + 1)
test:
	@$(call need,$(TEST_PACKAGES) $(LINT_PACKAGES))
	@$(MAKE) --no-print-directory -j$(JOBS) --output-sync=target all unit fuzz-replay $(B)/cron_next $(TORTURE) $(HELPERS)
	@$(PYTHON) tests/lab/fetch.py
	@$(PYTHON) -m pytest -n $(WORKERS) --dist loadfile tests \
	    --beside "$(MAKE) -s --no-print-directory -j$(JOBS) --output-sync=target lint-checks"

# ---- lint: a source is checked again only if it or one of its headers has changed

LINT_PACKAGES := $(PACKAGES) clang-tidy clang-format cppcheck python3-flake8 shellcheck
PROGRAMS := $(SERVICE) $(WIN) $(CORE) $(TOOL) $(wildcard installer/*.c)
HEADERS  := $(wildcard service/*.h service/*/*.h regtool/*.h installer/*.h)
C_TESTS  := $(wildcard tests/*/*.[ch])
CHECKED  := $(PROGRAMS:%.c=$(B)/lint/%.ok)
CLANG_WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
# Less than a fifth of the analyzer's default limit of 225000: a fifth of the time on service/core, with the same findings when measured.
# gcc 12 reports a leak if an array of pointers is moved; the sanitizer of the unit tests finds real leaks.
ANALYZER := -Xclang -analyzer-config -Xclang max-nodes=40000
tidy = clang-tidy --quiet $(1) -- -std=c11 $(CLANG_WARNINGS) $(ANALYZER) $(2) 2>$@.said || { cat $@.said >&2; exit 1; }

$(filter $(B)/lint/service/core/%,$(CHECKED)): $(B)/lint/%.ok: %.c $(B)/obj/%.o .clang-tidy Makefile
	@mkdir -p $(@D)
	@$(call tidy,$<,)
	$(CC) -std=c11 -O1 $(WARNINGS) -Werror -fanalyzer -Wno-analyzer-malloc-leak -c -o /dev/null $<
	@touch $@

$(filter-out $(B)/lint/service/core/%,$(CHECKED)): $(B)/lint/%.ok: %.c $(B)/obj/%.o .clang-tidy Makefile
	@mkdir -p $(@D)
	@$(call tidy,$<,--target=x86_64-w64-mingw32 $(WINFLAGS))
	$(CC_WIN) $(filter-out -MMD -MP,$(CFLAGS)) $(WINFLAGS) -Werror -c -o /dev/null $<
	@touch $@

# Suppressed cppcheck style checks: clang-tidy knows better which callback parameters may be const; the others are a matter of taste
TASTE := constParameter redundantContinue unusedStructMember variableScope

lint-cppcheck:
	@mkdir -p $(B)/lint/cppcheck
	cppcheck --quiet --error-exitcode=1 --std=c11 --platform=win64 --library=windows \
	    --enable=warning,style,performance,portability $(TASTE:%=--suppress=%) --inline-suppr \
	    --cppcheck-build-dir=$(B)/lint/cppcheck \
	    -DUNICODE -D_WIN32 -DVERSION='""' -Iservice/core $(PROGRAMS)

lint-style:
	$(PYTHON) tests/lint/rules.py $(PROGRAMS) $(HEADERS)
	clang-format --dry-run --Werror $(PROGRAMS) $(HEADERS) $(C_TESTS)
	$(PYTHON) -m flake8 --max-line-length 140 --extend-ignore E203 tests
	shellcheck .ci/run tests/need installer/build-msi

lint-checks: $(CHECKED) lint-cppcheck lint-style

lint:
	@$(call need,$(LINT_PACKAGES))
	@$(MAKE) --no-print-directory -j$(JOBS) --output-sync=target lint-checks

# ---- coverage: of service/core, by the unit tests alone

COVER_FLAGS := -std=c11 -g -O0 --coverage -MMD -MP -Iservice/core
COVERED := $(UNIT:$(B)/unit/%=$(B)/coverage/%)

$(B)/coverage/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(COVER_FLAGS) -c -o $@ $<

$(B)/coverage/shared.a: $(patsubst %.c,$(B)/coverage/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
	rm -f $@
	ar rcs $@ $^

$(COVERED): $(B)/coverage/%: $(B)/coverage/tests/unit/%.o $(B)/coverage/shared.a $(CORE:%.c=$(B)/coverage/%.o)
	$(CC) $(COVER_FLAGS) $(UNIT_LINK) -o $@ $^ -lcmocka
$(B)/coverage/test_memory: UNIT_LINK := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

coverage:
	@$(call need,$(PACKAGES) libcmocka-dev gcovr)
	@$(MAKE) --no-print-directory -j$(JOBS) $(COVERED)
	@find $(B)/coverage -name '*.gcda' -delete
	@set -e; for test in $(COVERED); do $$test >$$test.said 2>&1 || { cat $$test.said; exit 1; }; done
	gcovr --root . --filter service/core/ $(B)/coverage
	gcovr --root . --filter service/core/ --branches --fail-under-line 95 --fail-under-branch 85 $(B)/coverage

# ---- mutation: how many mutations of service/core the unit tests detect

MUTATION ?= --sample 20
mutation:
	@$(call need,$(PACKAGES) libcmocka-dev)
	@$(PYTHON) tests/mutation/mutate.py $(MUTATION)

# ---- fuzzing: each target for FUZZ_SECONDS with libFuzzer; new inputs are kept in build/fuzz/corpus-copy

FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS ?= 60
FUZZ_FLAGS := -std=c11 -g -O1 $(WARNINGS) -Wno-missing-prototypes -Iservice/core \
              -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

$(FUZZ:%=$(B)/fuzz/%): $(B)/fuzz/%: tests/fuzz/fuzz_%.c $(wildcard tests/fuzz/*.h) $(CORE) $(wildcard service/core/*.h) Makefile
	@mkdir -p $(B)/fuzz/corpus-copy/$*
	clang $(FUZZ_FLAGS) -o $@ $(filter %.c,$^)

fuzz: $(FUZZ:%=$(B)/fuzz/%)
	@set -e; for target in $(FUZZ); do \
	    $(B)/fuzz/$$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=8192 -print_final_stats=1 \
	        -artifact_prefix=$(B)/fuzz/$$target- $(B)/fuzz/corpus-copy/$$target tests/fuzz/corpus/$$target; done

# Runs every file of the corpus once, without libFuzzer.
$(FUZZ:%=$(B)/fuzz/replay-%): $(B)/fuzz/replay-%: $(call native,tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(CORE))
	@mkdir -p $(@D)
	$(CC) $(UNIT_FLAGS) -o $@ $^

.SECONDEXPANSION:
$(FUZZ:%=$(B)/fuzz/replay-%.ok): $(B)/fuzz/replay-%.ok: $(B)/fuzz/replay-% $$(wildcard tests/fuzz/corpus/$$*/*)
	@$< tests/fuzz/corpus/$*/*
	@touch $@

fuzz-replay: $(FUZZ:%=$(B)/fuzz/replay-%.ok)

demo:
	@$(call need,$(TEST_PACKAGES))
	@$(MAKE) --no-print-directory all
	@$(PYTHON) tests/demo.py $(MSI)

bench:
	@$(call need,$(TEST_PACKAGES))
	@$(MAKE) --no-print-directory all
	@$(PYTHON) tests/bench/bench.py $(BENCH)

soak:
	@$(call need,$(TEST_PACKAGES))
	@$(MAKE) --no-print-directory all
	@$(PYTHON) tests/soak/soak.py $(SOAK)

readme: all
	@$(PYTHON) tests/readme.py

clean:
	rm -rf $(B)

.PHONY: all unit test torture lint lint-checks lint-cppcheck lint-style coverage mutation fuzz fuzz-replay demo bench soak readme clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(B)/obj $(B)/native $(B)/coverage -name '*.d' 2>/dev/null)
