# Theoremeter.  `make` installs what is missing and builds everything;
# `make verify` runs the catalogue of claims; `make check` passes the tests.
#
# B is the build directory and SAN a list of sanitizers: the same rules build
# the plain and the instrumented tree (make B=build/asan SAN=address,undefined).

CC ?= gcc
B ?= build
SAN ?=
PREFIX ?= /usr/local
OPT ?= -O2

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wdouble-promotion \
       -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
# clang calls NAN and every long double oracle a promotion, and it says which
# `omp simd` loops it does not vectorise: those that call libm.
ifneq ($(findstring clang,$(CC)),)
WARN += -Wno-double-promotion -Wno-pass-failed
endif
# No fast math: a verdict rests on every rounding (see paper-notes/).
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(WARN) $(OPT) -g -ffp-contract=off \
             -fno-math-errno -fopenmp -Isrc -I. -I$(B)/gen -MMD -MP \
             $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all \
             -fno-omit-frame-pointer) $(CFLAGS)
ALL_LDFLAGS = -fopenmp $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)
# FLINT before 3 keeps Arb in a library of its own.
ARB_LIBS = $(if $(wildcard /usr/include/flint/arb.h),,-lflint-arb) -lflint
LIBS = -lgsl -llapacke -lopenblas $(ARB_LIBS) -ljansson -lz -llzma -lnettle -lm

isa_src   = $(wildcard src/*/*_isa.c)
real_src  = $(wildcard src/*/*_real.c)
real_isa  = $(filter %_isa_real.c,$(real_src))
lib_src   = $(filter-out $(isa_src) $(real_src),$(wildcard src/*/*.c))
prog_src  = $(filter-out programs/start.c programs/instance.c,\
            $(wildcard programs/*.c))
door_src  = $(wildcard programs/theoremeter/*.c)
proof_src = $(filter-out proofs/proof.c proofs/TEMPLATE.c,$(wildcard proofs/*.c))
exp_src   = $(filter-out experiments/experiment.c,$(wildcard experiments/*.c))
test_src  = $(wildcard tests/test_*.c)

lib_obj  = $(lib_src:%.c=$(B)/obj/%.o) \
           $(foreach i,baseline avx2 avx512,$(isa_src:%.c=$(B)/obj/%.$i.o) \
           $(real_isa:%.c=$(B)/obj/%.f32.$i.o)) $(real_src:%.c=$(B)/obj/%.f64.o) \
           $(patsubst %.c,$(B)/obj/%.f32.o,$(filter-out $(real_isa),$(real_src))) \
           $(B)/obj/gen/notes.o $(B)/obj/gen/records.o
lib      = $(B)/libtheoremeter.a
start    = $(B)/obj/programs/start.o
name     = $(subst _,-,$(notdir $(basename $1)))
programs = $(foreach s,$(prog_src) $(proof_src) $(exp_src),\
           $(B)/bin/$(call name,$s)) $(B)/bin/theoremeter
tests    = $(test_src:tests/%.c=$(B)/tests/%)
# Readers of user files, each with a fuzz target and a kept corpus.
fuzzed   = text safetensors idx weights rdata texts
replays  = $(fuzzed:%=$(B)/tests/replay-%)
# What a user copies must work: built for the tests, which run it.
template = $(B)/tests/template

.PHONY: all build deps verify check check-browser pictures lint format bench fuzz \
        mutants install clean
.DELETE_ON_ERROR:
.SECONDARY:

# Every processor, unless -j said otherwise.
jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

all: deps
	@$(MAKE) --no-print-directory $(jobs) build
build: $(programs) $(lib)

deps:
	@build-aux/deps.sh

verify: deps
	@$(MAKE) --no-print-directory $(jobs) build
	@$(B)/bin/theoremeter verify --table

# The long trainings anew, and what they say; the same command goes on where it
# was stopped.
recorded_proofs = h4-runs h8-gradients h10-images f29-induction
.PHONY: reproduce
reproduce: deps data-mnist
	@$(MAKE) --no-print-directory $(jobs) build
	@$(B)/bin/eureka-runs --out out/recorded
	@test -f out/recorded/induction-sinks.tsv || \
	    $(B)/bin/induction-sinks --out out/recorded
	@worst=0; for p in $(recorded_proofs); do \
	    $(B)/bin/$$p --recorded out/recorded --table || worst=1; done; \
	    exit $$worst

# ---- tests --------------------------------------------------------------------

.PHONY: suites
suites: build $(tests) $(template) $(replays)
check:
	@build-aux/deps.sh check
	@$(MAKE) --no-print-directory $(jobs) suites
	@$(MAKE) --no-print-directory $(jobs) B=$(B)/asan \
	    SAN=address,undefined suites
	@build-aux/check.sh $(B) $(notdir $(tests))

# Every source as clang sees it, two at a time: the slow half of lint.
c_files = $(wildcard src/*/*.c programs/*.c programs/*/*.c proofs/*.c \
          experiments/*.c tests/*.c tests/*/*.c)
h_files = $(wildcard src/*/*.h programs/*.h programs/*/*.h proofs/*.h \
          experiments/*.h tests/*.h tests/*/*.h)
lint:
	@build-aux/deps.sh lint
	@build-aux/lint.sh
	@clang-format --dry-run -Werror $(c_files) $(h_files)
	@cppcheck -j2 --quiet --std=c11 --enable=warning,performance,portability \
	    --error-exitcode=1 --library=posix --suppress=readdirCalled \
	    --suppress=strtokCalled --suppress=uninitvar \
	    --suppress=arrayIndexThenCheck --suppress=funcArgOrderDifferent \
	    --suppress=nullPointerArithmeticRedundantCheck \
	    -D_GNU_SOURCE -DTHM_ISA_NAME=baseline -DTHM_REAL=32 \
	    -Isrc -I. $(c_files)
	@printf '%s\n' $(c_files) | xargs -P2 -n4 sh -c 'clang-tidy --quiet "$$@" \
	    -- -std=c11 -D_GNU_SOURCE -DTHM_ISA_NAME=baseline -DTHM_REAL=32 -fopenmp -Isrc -I. \
	    2>/dev/null' tidy
format:
	@clang-format -i $(c_files) $(h_files)

# ---- compile and link -------------------------------------------------------

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -c $< -o $@

# A kernel that is tuned per instruction set: one source, three objects, the
# same operations in the same order in each; fused where the source says so only.
isa_baseline =
isa_avx2     = -mavx2 -mfma
isa_avx512   = -mavx512f -mavx512dq -mavx512vl -mprefer-vector-width=512
define isa_rule
$(B)/obj/%.$1.o: %.c
	@mkdir -p $$(@D)
	@$(CC) $(ALL_CFLAGS) -O3 -Wno-psabi $(isa_$1) -DTHM_ISA_NAME=$1 -c $$< -o $$@
endef
$(foreach i,baseline avx2 avx512,$(eval $(call isa_rule,$i)))

# The transformer: one source, in float for training, where its own loops are
# compiled per instruction set with fused products, and in double for checks.
train = -O3 -DTHM_REAL=32
fused = -ffp-contract=fast $(if $(filter baseline,$1),,-mfma)
define real_isa_rule
$(B)/obj/%_isa_real.f32.$1.o: %_isa_real.c
	@mkdir -p $$(@D)
	@$(CC) $(ALL_CFLAGS) $(train) $(fused) $(isa_$1) -DTHM_ISA_NAME=$1 -c $$< -o $$@
endef
$(foreach i,baseline avx2 avx512,$(eval $(call real_isa_rule,$i)))
$(B)/obj/%_real.f32.o: %_real.c
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) $(train) -c $< -o $@
$(B)/obj/%_real.f64.o: %_real.c
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -DTHM_REAL=64 -DTHM_ISA_NAME=baseline -c $< -o $@

# The notes travel inside the binary: `explain` works wherever it is installed.
notes = $(wildcard paper-notes/*.md)
plots = $(wildcard plots/*.gp plots/*.html)
$(B)/gen/notes.c: $(notes)
	@mkdir -p $(@D)
	@build-aux/embed.sh thm_notes $(notes) > $@
# So do the recorded trainings, that claims rest on.
records = $(wildcard paper-notes/recorded/*.tsv)
$(B)/gen/records.c: $(records)
	@mkdir -p $(@D)
	@build-aux/embed.sh thm_records $(records) > $@
$(B)/gen/plots.c: $(plots)
	@mkdir -p $(@D)
	@build-aux/embed.sh thm_plots $(plots) > $@
$(B)/gen/notes.c $(B)/gen/records.c $(B)/gen/plots.c: build-aux/embed.sh
$(B)/obj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	@$(CC) $(ALL_CFLAGS) -Wno-overlength-strings -c $< -o $@

$(lib): $(lib_obj)
	@rm -f $@
	@$(AR) rcs $@ $^

define link
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) $(LIBS) -o $@
endef
define program_rule
$(B)/bin/$(call name,$1): $(B)/obj/$(1:.c=.o) $2 $(start) $(lib)
	$$(link)
endef
# A program of several files keeps the others in a folder of its own name.
parts = $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(1:.c=)/*.c))
$(foreach s,$(prog_src),$(eval $(call program_rule,$s,$(call parts,$s))))
# These take an instance of the single layer, read or drawn.
$(B)/bin/attn-check $(B)/bin/attn-pl $(B)/bin/attn-rank $(B)/bin/landscape: \
    $(B)/obj/programs/instance.o
$(foreach s,$(exp_src),$(eval $(call program_rule,$s,$(B)/obj/experiments/experiment.o)))
$(foreach s,$(proof_src),$(eval $(call program_rule,$s,$(B)/obj/proofs/proof.o)))
# They leave a script that draws what they wrote.
$(B)/bin/landscape $(B)/bin/vit-inspect: $(B)/obj/gen/plots.o
$(B)/bin/theoremeter: $(door_src:%.c=$(B)/obj/%.o) $(B)/obj/gen/plots.o \
                      $(start) $(lib)
	$(link)
$(template): $(B)/obj/proofs/TEMPLATE.o $(B)/obj/proofs/proof.o $(start) $(lib)
	$(link)
$(B)/tests/%: $(B)/obj/tests/%.o $(lib)
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $(filter %.o,$^) $(filter %.a,$^) -lcheck -lsubunit -lrt $(LIBS) -o $@

$(B)/tests/test_start: $(start)
# The suite of the report needs its parts, not the front door around them.
$(B)/tests/test_report: $(patsubst %,$(B)/obj/programs/theoremeter/%.o,\
    report page rows markup figures beside children) $(B)/obj/gen/plots.o \
    $(start)

# ---- the report in a browser --------------------------------------------------

browser = $(B)/tests/browser
$(browser): $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/browser/*.c))
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $^ -ljansson -o $@
# A quick run: its verdicts do not matter here, only that the page shows them.
quick_report = $(B)/bin/theoremeter verify --effort 0.1 --quiet \
               --out $(B)/report >/dev/null || test -f $(B)/report/report.html
check-browser:
	@build-aux/deps.sh browser
	@$(MAKE) --no-print-directory $(jobs) build $(browser)
	@rm -rf $(B)/report
	@$(quick_report)
	@$(browser) $(B)/report tests/browser/checks.js

# What README shows, from a real run at full effort.
pictures:
	@build-aux/deps.sh browser
	@$(MAKE) --no-print-directory build $(browser)
	@mkdir -p docs
	@$(B)/bin/theoremeter verify --quiet --out $(B)/pictures >/dev/null
	@$(browser) $(B)/pictures --picture docs/verdict-table.png
	@cd $(B)/pictures/figures/softmax-spectra && \
	    gnuplot -e "format = 'pngcairo'" plot.gp > $(CURDIR)/docs/softmax-spectra.png

# ---- the transformer in PyTorch ------------------------------------------------

PYTHON ?= /usr/bin/python3
torch  = $(B)/tests/torch-case
$(torch): $(B)/obj/tests/torch/case.o $(lib)
	$(link)
.PHONY: check-torch
check-torch:
	@if ! $(PYTHON) -c 'import torch' >/dev/null 2>&1; then \
	    echo "check-torch: left out: $(PYTHON) has no PyTorch" \
	        "(Debian: python3-torch)"; \
	else \
	    $(MAKE) --no-print-directory $(jobs) deps $(torch) \
	        $(B)/bin/vit-inspect && \
	    $(PYTHON) tests/torch/check.py $(torch) && \
	    $(PYTHON) tests/torch/check_inspect.py $(B)/bin/vit-inspect; \
	fi

# ---- figures of merit ---------------------------------------------------------

mutants: deps
	@build-aux/mutants.sh $(B)/mutants

bench_src = $(wildcard tests/bench_*.c)
benches   = $(bench_src:tests/%.c=$(B)/tests/%)
$(benches): $(start)
bench: deps
	@$(MAKE) --no-print-directory $(benches)
	@for b in $(benches); do $$b || exit $$?; done

# ---- data -------------------------------------------------------------------

# The digits of the two-step task; without them garments stand in.
.PHONY: data-mnist
data-mnist:
	@build-aux/deps.sh data
	@build-aux/data-mnist.sh data/mnist

# Real reviews for the tasks on texts; without them invented ones stand in.
.PHONY: data-reviews
data-reviews:
	@build-aux/data-reviews.sh data/reviews

# ---- fuzzing ----------------------------------------------------------------

# The readers of user files under libFuzzer; `check` replays what is kept in
# tests/fuzz/corpus without one.
FUZZ_SECONDS ?= 30
$(replays): $(B)/tests/replay-%: $(B)/obj/tests/fuzz/%.o \
            $(B)/obj/tests/fuzz/replay.o $(lib)
	$(link)
$(B)/fuzz/%: tests/fuzz/%.c tests/fuzz/target.h $(wildcard src/core/*.[ch] \
             src/io/*.[ch])
	@mkdir -p $(@D)
	@clang -std=c11 -D_GNU_SOURCE -O1 -g -Isrc -I. \
	    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	    $(filter %.c,$^) $(LIBS) -o $@
# the reader of networks reads more than files
$(B)/fuzz/weights: src/vit/weights.c src/vit/weights_shape.c \
                   src/vit/record.c src/vit/config.c
fuzz: $(fuzzed:%=$(B)/fuzz/%)
	@for t in $(fuzzed); do \
	    mkdir -p $(B)/fuzz/corpus/$$t && \
	    $(B)/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	        -verbosity=0 -artifact_prefix=$(B)/fuzz/$$t- \
	        $(B)/fuzz/corpus/$$t tests/fuzz/corpus/$$t || exit 1; done

# ---- install ------------------------------------------------------------------

# `verify` starts the proofs beside it: all programs go to one folder.
version = $(shell sed -n 's/.*THM_VERSION "\(.*\)".*/\1/p' src/core/version.h)
root    = $(DESTDIR)$(PREFIX)
install: all
	@install -d $(root)/bin $(root)/lib/pkgconfig $(root)/include/theoremeter
	@install $(programs) $(root)/bin
	@install -m 644 $(lib) $(root)/lib
	@cd src && for h in */*.h; do \
	    install -D -m 644 $$h $(root)/include/theoremeter/$$h || exit 1; done
	@printf '%s\n' 'prefix=$(PREFIX)' 'Name: theoremeter' \
	    'Description: softmax attention, its spectra, and verdicts' \
	    'Version: $(version)' 'Cflags: -I$${prefix}/include/theoremeter' \
	    'Libs: -L$${prefix}/lib -ltheoremeter $(LIBS) -fopenmp' \
	    >$(root)/lib/pkgconfig/theoremeter.pc
	@install -d $(root)/share/man/man1
	@for p in $(notdir $(programs)); do build-aux/man.sh $(B)/bin/$$p \
	    >$(root)/share/man/man1/$$p.1 || exit 1; done

clean:
	@rm -rf $(B)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
