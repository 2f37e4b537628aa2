# Every target sets up what it needs by itself; a second call does no work that is done.
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
CMAKE_FLAGS ?=
export PATH := $(BIN):$(PATH)

CXX_SOURCES = $(shell find csrc cmake examples xpu_dynamo_event/include -name '*.h' -o -name '*.cpp')

.PHONY: help env build build-tests build-bench build-releases check test test-random test-plusxpu test-torchxpu test-triton test-matrix test-configs demo examples parity fuzz soak bench docs lint lock style tidy format sanitize wheel test-wheel clean

help:
	@echo "make demo      copies beside computation, ordered by events: eager, and compiled in three ways"
	@echo "make examples  programs to copy from: prefetcher, offloading, pipeline, FSDP2, ... (docs/examples.md)"
	@echo "make check     lint and the quick tests, in 3 minutes"
	@echo "make test      C++ and Python tests; of the slow ones SHARE=1/3, a third; SHARE=1/1 is all"
	@echo "make test-random  Python tests in REPEAT (default 5) random orders, beside BUSY loops"
	@echo "make test-plusxpu  Python tests as on a torch with XPU: its own event class and guard"
	@echo "make test-torchxpu  a share of them where torch had XPU before this package was imported"
	@echo "make build-releases  the event module against each SYCL that a supported torch pins"
	@echo "make test-triton  kernels of Triton on the device: tests, examples and programs of the fuzzer"
	@echo "make test-matrix  with each supported torch and Python; a share of the tests, FULL=1 all"
	@echo "make test-configs  each boolean switch of torch's compiler, toggled: with events as without"
	@echo "make build     the extension, in place"
	@echo "make lint      ruff, mypy, clang-format, clang-tidy; make format mends what can be mended"
	@echo "make parity    compare with what upstream captures; write the table in README.md"
	@echo "make fuzz      random programs under hostile schedules, for MINUTES (default 10)"
	@echo "make bench     what event ops cost beside raw SYCL calls; writes benchmarks/latest.json and docs"
	@echo "make docs      the site of docs/, in build/site; a warning is an error"
	@echo "make soak      PAIRS events (default a million), STEPS compiled steps: does memory stay flat?"
	@echo "make sanitize  C++ tests and stress under the address, undefined and thread sanitizers"
	@echo "make wheel     the sdist and, from it, a wheel for the torch of .venv, in dist/"
	@echo "make test-wheel  the same; tests (WHEEL_TESTS) in a new environment, without the sources"
	@echo "make lock      the newest versions of everything but torch, into uv.lock and scripts/constraints.txt"
	@echo "make clean     remove what was built; .venv stays"

# Two targets must not install into .venv at once.
.NOTPARALLEL:

# .venv with every tool; `env-demo-test` with what the extras `demo` and `test` need, and so on.
env: env-demo-docs-lint-release-test-triton

env-%:
	@$(PYTHON) scripts/bootstrap.py $(subst -, ,$*)

build/build.ninja: | env-build
	cmake -S . -B build -G Ninja -DPython_EXECUTABLE=$(BIN)/python -DXPU_EVENT_INPLACE=ON $(CMAKE_FLAGS)

build: env-build build/build.ninja
	cmake --build build

build-tests: env-demo-lint-test-triton build/build.ninja
	cmake -DXPU_EVENT_TESTS=ON build
	cmake --build build --target all xpu_event_test_programs _bench

build-bench: env-demo build/build.ninja
	cmake --build build --target all _bench

# One more than the cores that the limits are for: tests wait for latches and for other processes.
WORKERS ?= 3

# What a change is tried with again and again: no clang-tidy, no test that is marked `slow`.
check: style build
	python -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

# The share of the slow tests: 1/3 is the first third of them. CI runs all, 1/1.
SHARE ?= 1/3

test: build-tests
	ctest --test-dir build --output-on-failure
	python -m pytest -n $(WORKERS) --dist worksteal --slow-share $(SHARE)

REPEAT ?= 5
BUSY ?= 0

# A new seed and the next third of the slow tests each time. TESTS="tests/eager -k event" runs
# these only.
test-random: build-tests
	python scripts/repeat.py --times $(REPEAT) --busy $(BUSY) --jobs $(WORKERS) $(TESTS)

# As on a torch with XPU: its guard, and its own class torch.xpu.Event (docs/intel-gpu.md).
test-plusxpu: build-tests
	XPU_DYNAMO_EVENT_AS_UPSTREAM=1 python -m pytest -n $(WORKERS) --dist worksteal

# Where torch has XPU before the package is imported, so the runtime is not active: each branch that
# asks for that. Inductor's kernels would be Triton's there; without it those tests are skipped.
TORCHXPU_TESTS ?= tests/eager tests/compile

test-torchxpu: build-tests
	XPU_EVENT_TORCH_WITH_XPU=1 python -m pytest -n $(WORKERS) --dist worksteal -m "not own_runtime" $(TORCHXPU_TESTS)

# RELEASES="2026.0.0" builds against these only. Fetches them from the package index.
build-releases: env-build
	python -m scripts.sycl_releases --build $(RELEASES)

# With torch's own Triton kernels in place of C++; TRITON_TESTS="tests/compile -k event" are these only.
TRITON_TESTS ?= tests/triton tests/compile tests/eager/test_training.py tests/eager/test_sanitizer.py

test-triton: build-tests
	XPU_DYNAMO_EVENT_INDUCTOR=triton python -m pytest -n $(WORKERS) --dist worksteal $(TRITON_TESTS)
	XPU_DYNAMO_EVENT_INDUCTOR=triton python examples/prefetch.py
	XPU_DYNAMO_EVENT_INDUCTOR=triton python examples/compiled_offload.py
	XPU_DYNAMO_EVENT_INDUCTOR=triton python -m fuzz --minutes $(MINUTES) --seed $(SEED) --jobs $(JOBS)

# ENVIRONMENTS="torch-2.14 python-3.12" runs these only.
test-matrix: env-release build-tests
	python -m nox -s $(if $(ENVIRONMENTS),$(foreach each,$(ENVIRONMENTS),"matrix($(each))"),matrix) \
	  $(if $(FULL),-- full); status=$$?; \
	  python scripts/support.py --write; exit $$status

# ONLY=activation_memory_budget tries these only; all of them take half an hour.
test-configs: env-demo build
	python -m scripts.configs $(if $(ONLY),--only $(ONLY))

demo: env-demo build
	python examples/demo.py
	@echo
	@echo "To go on in a shell of your own: . .venv/bin/activate    (then docs/tour.md)"

EXAMPLES = prefetch stream_weights offload_activations pipeline timing continuous_batching fsdp ddp compiled_offload

examples: env-demo build
	@for example in $(EXAMPLES); do \
	  echo; echo "== $$example"; python examples/$$example.py || exit 1; \
	done

parity: build
	python -m parity compare
	python -m parity table --write

MINUTES ?= 10
SEED ?= $(shell date +%s)
JOBS ?= 2

fuzz: env-demo build
	python -m fuzz --minutes $(MINUTES) --seed $(SEED) --jobs $(JOBS) --summary build/fuzz.json

bench: build-bench
	python -m benchmarks
	python -m benchmarks.document

docs: env-demo-docs build
	python -m sphinx --fail-on-warning --keep-going --quiet --fresh-env \
	  -d build/doctrees docs build/site
	@echo "open build/site/index.html"

PAIRS ?= 1000000
STEPS ?= 100000

soak: build-bench
	python -m benchmarks.soak --pairs $(PAIRS) --steps $(STEPS)

lint: style
	$(MAKE) --no-print-directory tidy

style: env
	ruff check .
	ruff format --check .
	mypy --cache-dir=/dev/null  # a warm cache has hidden an error that a fresh clone shows
	clang-format --dry-run --Werror $(CXX_SOURCES)
	reuse lint --lines

# A file takes seconds, for the headers of torch, and one with <torch/library.h> minutes: in
# `make lint` only the layers that everything rests on, without those files.
# All of it: make tidy TIDY="$$(find csrc -name '*.cpp')".
TIDY ?= $(filter-out csrc/ops/event_ops.cpp, \
  $(wildcard csrc/event/*.cpp csrc/ops/*.cpp csrc/runtime/c10_xpu/*.cpp))
TORCH_INCLUDE = $(shell python -c "import importlib.util as u; print(*u.find_spec('torch').submodule_search_locations)")/include
TIDY_FLAGS = -std=c++20 -Icsrc -Ixpu_dynamo_event/include -isystem cmake/include -isystem $(BIN)/../include \
  -isystem $(TORCH_INCLUDE) -isystem $(TORCH_INCLUDE)/torch/csrc/api/include \
  -isystem $(shell python -c "import sysconfig; print(sysconfig.get_path('include'))") \
  -DCL_TARGET_OPENCL_VERSION=300 -DSYCL_COMPILER_VERSION=20260200 -DAT_PER_OPERATOR_HEADERS

tidy: env-lint
	printf '%s\n' $(TIDY) | xargs -P $(JOBS) -I{} clang-tidy --quiet {} -- $(TIDY_FLAGS)

format: env-lint
	ruff check --fix .
	ruff format .
	clang-format -i $(CXX_SOURCES)

sanitize: build-sanitize-address,undefined build-sanitize-thread

# A comma in its path would be one too many for the linker.
comma := ,
build-sanitize-%: DIR = build/sanitize-$(subst $(comma),-,$*)
build-sanitize-%: env-test
	cmake -S . -B $(DIR) -G Ninja -DPython_EXECUTABLE=$(BIN)/python \
	  -DXPU_EVENT_TESTS=ON -DXPU_EVENT_SANITIZE=$*
	cmake --build $(DIR) --target xpu_event_test_programs
	ctest --test-dir $(DIR) --output-on-failure

wheel: env-release
	python -m nox -s wheel

test-wheel: env-release
	python -m nox -s wheel test_wheel -- $(WHEEL_TESTS)

lock: env-release
	python -m uv lock --upgrade
	(echo '# The versions in uv.lock, for pip. Written by `make lock`.'; \
	  python -m uv export --frozen --no-emit-project --all-extras --no-hashes --no-header --no-annotate) \
	  > scripts/constraints.txt

clean:
	rm -rf build dist xpu_dynamo_event/lib xpu_dynamo_event/*.so
