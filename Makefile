# Every target sets up what it needs by itself; a second call does no work that is done.
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
CMAKE_FLAGS ?=
export PATH := $(BIN):$(PATH)

CXX_SOURCES = $(shell find csrc cmake -name '*.h' -o -name '*.cpp')

.PHONY: help env build test demo parity fuzz soak bench lint format sanitize wheel clean

help:
	@echo "make demo      train a network with a prefetcher ordered by events, eager and compiled"
	@echo "make test      C++ and Python tests"
	@echo "make build     the extension, in place"
	@echo "make lint      ruff, mypy, clang-format; make format mends what can be mended"
	@echo "make parity    compare with what upstream captures; write the table in README.md"
	@echo "make fuzz      random programs under hostile schedules, for MINUTES (default 10)"
	@echo "make bench     what event ops cost beside raw SYCL calls; writes benchmarks/latest.json and docs"
	@echo "make soak      PAIRS events (default a million), STEPS compiled steps: does memory stay flat?"
	@echo "make sanitize  C++ tests and stress under the address, undefined and thread sanitizers"
	@echo "make wheel     a wheel for the torch of .venv, in dist/"
	@echo "make clean     remove what was built; .venv stays"

env:
	@$(PYTHON) scripts/bootstrap

build/build.ninja: | env
	cmake -S . -B build -G Ninja -DPython_EXECUTABLE=$(BIN)/python \
	  -DXPU_EVENT_INPLACE=ON -DXPU_EVENT_TESTS=ON -DXPU_EVENT_BENCHMARKS=ON $(CMAKE_FLAGS)

build: env build/build.ninja
	cmake --build build

test: build
	ctest --test-dir build --output-on-failure
	python -m pytest

demo: build
	python examples/digits.py

parity: build
	python -m parity compare
	python -m parity table --write

MINUTES ?= 10
SEED ?= $(shell date +%s)
JOBS ?= 2

fuzz: build
	python -m fuzz --minutes $(MINUTES) --seed $(SEED) --jobs $(JOBS) --summary build/fuzz.json

bench: build
	python -m benchmarks
	python -m benchmarks.document

PAIRS ?= 1000000
STEPS ?= 100000

soak: build
	python -m benchmarks.soak --pairs $(PAIRS) --steps $(STEPS)

lint: env
	ruff check .
	ruff format --check .
	mypy --cache-dir=/dev/null  # a warm cache has hidden an error that a fresh clone shows
	clang-format --dry-run --Werror $(CXX_SOURCES)

format: env
	ruff check --fix .
	ruff format .
	clang-format -i $(CXX_SOURCES)

sanitize: build-sanitize-address,undefined build-sanitize-thread

# A comma in its path would be one too many for the linker.
comma := ,
build-sanitize-%: DIR = build/sanitize-$(subst $(comma),-,$*)
build-sanitize-%: env
	cmake -S . -B $(DIR) -G Ninja -DPython_EXECUTABLE=$(BIN)/python \
	  -DXPU_EVENT_TESTS=ON -DXPU_EVENT_SANITIZE=$*
	cmake --build $(DIR) --target xpu_event_test_programs
	ctest --test-dir $(DIR) --output-on-failure

wheel: env
	python -m pip wheel --no-build-isolation --no-deps --wheel-dir dist .

clean:
	rm -rf build dist xpu_dynamo_event/lib xpu_dynamo_event/*.so
