# Sources are found by folder, so a new file needs no line here. `make help` lists the targets.
# V=1 shows the commands; BUILD=dir builds elsewhere.

BUILD := build
CC := gcc
CLANG := clang
ARCH := $(shell uname -m)
BPF_ARCH := $(patsubst aarch64,arm64,$(ARCH:x86_64=x86))
export PATH := $(PATH):/usr/sbin:/sbin

# VARIANT=asan builds with the sanitizers and the fuzzers' coverage, beside the normal objects.
OUT := $(BUILD)$(addprefix /,$(VARIANT))
ifeq ($(VARIANT),asan)
CC := $(CLANG)
SANITIZE := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
endif

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
# No path of this machine is in what is built: another folder makes the same bytes.
PLACELESS := -ffile-prefix-map=$(CURDIR)=.
CPPFLAGS := -D_GNU_SOURCE -Ibpf -Iuser -I$(BUILD)/proto -I$(BUILD)/bpf -I$(BUILD)/pages
CFLAGS := -std=gnu11 -O2 -g $(PLACELESS) -fno-omit-frame-pointer $(SANITIZE)
LDFLAGS := -Wl,--as-needed $(SANITIZE)
LDLIBS := $(addprefix -l,bpf elf z nghttp2 protobuf-c yaml event_extra event_openssl event_core ssl crypto cares jansson cap-ng seccomp)
FUZZ_SECONDS := 60

# ARCH=aarch64 builds for another architecture with Debian's libraries for it, in $(BUILD)/debian.
ifneq ($(ARCH),$(shell uname -m))
CC := $(ARCH)-linux-gnu-gcc
AR := $(ARCH)-linux-gnu-ar
CPPFLAGS += -isystem $(BUILD)/debian/usr/include -isystem $(BUILD)/debian/usr/include/$(ARCH)-linux-gnu
LDFLAGS += -L$(BUILD)/debian/usr/lib/$(ARCH)-linux-gnu
endif

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) --no-print-directory
endif
$(V).SILENT:

PROTOS := $(sort $(shell cd proto && find envoy google loadtap -name '*.proto'))
SHARED_C := $(wildcard user/base/*.c user/grpc/*.c user/message/*.c user/http/*.c)
# Folders of the flow, in its order. A test needs no more than its own: FOLDERS="config upstream".
FOLDERS := config upstream kernel report stream admin privilege doctor command daemon
DAEMON_C := $(wildcard $(FOLDERS:%=user/%/*.c))
COLLECTOR_C := $(wildcard user/collector/*.c)
UNIT_C := $(wildcard tests/unit/test_*.c)
BPF_TESTS_C := $(wildcard tests/bpf/test_*.c)
FIXTURE_C := tests/bpf/fixture.c
FUZZ_C := $(wildcard tests/fuzz/fuzz_*.c)
PROVE_C := $(wildcard tests/fuzz/prove_*.c)
NATIVE_C := $(wildcard tests/native/*.c)
BENCH_C := $(filter-out %.bpf.c,$(wildcard tests/bench/*.c))
TESTS_C := $(UNIT_C) $(BPF_TESTS_C) $(FIXTURE_C) $(FUZZ_C) $(PROVE_C) $(NATIVE_C) $(BENCH_C)
CHECKS := $(wildcard tests/check/*.sh)
E2E := $(wildcard tests/e2e/test_*)
BESIDE_ENVOY := $(wildcard tests/envoy/test_*)
GO_PEERS := $(patsubst %.go,$(BUILD)/%,$(wildcard tests/e2e/*/*.go))
NO_ROLL_BACK := $(BUILD)/tests/e2e/no_roll_back
BENCH_GO := $(patsubst %.go,$(BUILD)/%,$(wildcard tests/bench/*/*.go))

PROTO_C := $(PROTOS:%.proto=$(BUILD)/proto/%.pb-c.c)
SKELETONS := $(patsubst %.bpf.c,$(BUILD)/bpf/%.skel.h,$(notdir $(wildcard bpf/*.bpf.c tests/bpf/*.bpf.c tests/bench/*.bpf.c)))
UNREAD := $(BUILD)/proto/unread_fields.inc
LIVE := $(BUILD)/pages/live_html.inc
GENERATED := $(PROTO_C) $(UNREAD) $(SKELETONS) $(LIVE)

objects = $(patsubst %.c,$(OUT)/%.o,$(patsubst $(BUILD)/%,%,$(1)))
programs = $(patsubst %.c,$(1)/%,$(2))
OBJECTS := $(call objects,$(SHARED_C) $(DAEMON_C) $(COLLECTOR_C) $(TESTS_C) scripts/metrics_table.c)
PROTO_O := $(call objects,$(PROTO_C))
UNIT := $(call programs,$(OUT),$(UNIT_C))
BPF_TESTS := $(call programs,$(OUT),$(BPF_TESTS_C))
FUZZ := $(call programs,$(OUT),$(FUZZ_C))
PROVE := $(call programs,$(OUT),$(PROVE_C))
BENCH := $(call programs,$(OUT),$(BENCH_C))
METRICS_TABLES := $(addprefix $(OUT)/,metrics_table collector_metrics_table)
SANITIZED := $(call programs,$(BUILD)/asan,$(UNIT_C) $(FUZZ_C))

all: $(OUT)/loadtap $(OUT)/loadtap-collector ## build/loadtap and build/loadtap-collector

static: $(BUILD)/static/loadtap $(BUILD)/static/loadtap-collector ## the same, self-contained, in build/static

demo: all $(BUILD)/setup.demo ## nginx, its upstreams, loadtap and a collector, live; KEEP=1 stays
	BUILD=$(BUILD) KEEP=$(KEEP) scripts/demo.sh

# --- tests --------------------------------------------------------------------
RUN := BUILD=$(BUILD) tests/run

test: all static $(METRICS_TABLES) $(UNIT) $(BPF_TESTS) sanitized $(GO_PEERS) $(NO_ROLL_BACK) envoy kubernetes image deb ## everything below except bench
	FUZZ_SECONDS=5 $(RUN) $(CHECKS) $(UNIT) $(BPF_TESTS) $(SANITIZED) $(E2E) $(BESIDE_ENVOY)

test-unit: $(UNIT) ## one program per module; no root
	$(RUN) $^

test-bpf: $(BPF_TESTS) ## the programs in the kernel
	$(RUN) $^

test-e2e: all $(GO_PEERS) $(NO_ROLL_BACK) deb $(BUILD)/setup.test ## the real daemon between real peers
	$(RUN) $(E2E)

test-envoy: all envoy ## beside a real Envoy, before the same management server, on the same traffic
	$(RUN) $(BESIDE_ENVOY)

test-packages: all static kubernetes image deb $(BUILD)/setup.test ## what is installed, and what deploys it
	$(RUN) $(addprefix tests/check/,install.sh kubernetes.sh image.sh deb.sh) tests/e2e/test_deb.py

test-kernels: all $(BPF_TESTS) $(BUILD)/setup.test $(BUILD)/setup.kernels ## the kernel side under other kernels, in virtual machines
	$(RUN) tests/check/clangs.sh
	BUILD=$(BUILD) tests/kernels/run $(KERNELS)
	$(RUN) tests/kernels/test_unit.py

soak: all $(GO_PEERS) $(NO_ROLL_BACK) $(BUILD)/setup.test ## exactness, also over a bad link, RUNS=20 times; a million gRPC calls; the daemon stopped and killed; CUTS=100 of the stream
	BUILD=$(BUILD) RUNS=$(or $(RUNS),20) tests/e2e/test_exactness.py
	BUILD=$(BUILD) RUNS=$(or $(RUNS),20) LOAD=1 tests/e2e/test_lossy_http2.py
	BUILD=$(BUILD) REQUESTS=200000 tests/e2e/test_http2_streams.py
	BUILD=$(BUILD) CALLS=1000000 tests/e2e/test_grpc_calls.py
	BUILD=$(BUILD) STOPPED=60 KILLS=100 tests/e2e/test_daemon_gone.py
	BUILD=$(BUILD) CUTS=$(or $(CUTS),100) ENVOY=$(wildcard $(abspath $(BUILD))/envoy/bin/envoy) tests/e2e/test_cuts.py

asan: ## the unit tests under ASan, UBSan and the leak checker
	$(MAKE) VARIANT=asan test-unit

fuzz: sanitized ## each fuzz target for FUZZ_SECONDS=60
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(RUN) $(filter %/fuzz_%,$(SANITIZED) $(FUZZ))

prove: $(PROVE) ## CONNECTIONS=10000000 made-up HTTP/2 connections, counted as nghttp2 sees them
	$(PROVE) $(or $(CONNECTIONS),10000000) $(or $(SEED),1)

lint: $(GENERATED) $(BUILD)/setup.test ## format, clang-tidy, include directions
	$(RUN) $(addprefix tests/check/,format.sh tidy.sh includes.sh)

docs: all $(METRICS_TABLES) ## what is made from sources, pages and shell completions; a test compares them
	scripts/config_fields.py >configs/fields.md
	scripts/metrics_table.sh $(BUILD) >configs/metrics.md
	scripts/command_line.py $(BUILD) completions configs/completions

format: ## clang-format every source
	clang-format -i $$(find bpf user tests -name '*.[ch]')

sanitized: $(GENERATED) | $(BUILD)/setup.test
	$(MAKE) VARIANT=asan $(SANITIZED)

bench: all $(BENCH) $(BENCH_GO) envoy ## the cost, measured: tests/bench/README.md
	BUILD=$(BUILD) tests/bench/run

# --- what the machine lacks -----------------------------------------------------
$(BUILD)/setup.%: scripts/setup.sh
	mkdir -p $(@D)
	scripts/setup.sh $*
	touch $@
$(BUILD)/setup.test $(BUILD)/setup.demo $(BUILD)/setup.kernels $(BUILD)/setup.arm64 $(BUILD)/setup.packages: | $(BUILD)/setup.build

# What needs it says so where it cannot be had.
envoy kubernetes: | $(BUILD)/setup.test
	scripts/setup_$@.sh $(BUILD)/$@ >$(BUILD)/$@.log 2>&1 || true

# --- generated code ---------------------------------------------------------------
# Both at once: an object that includes the header is made anew in the same run.
$(BUILD)/proto/%.pb-c.c $(BUILD)/proto/%.pb-c.h: proto/%.proto | $(BUILD)/setup.build
	$(info PROTO $@)
	mkdir -p $(BUILD)/proto
	protoc-c --proto_path=proto --c_out=$(BUILD)/proto $*.proto

$(UNREAD): scripts/unread_fields.awk $(PROTOS:%=proto/%)
	mkdir -p $(@D)
	awk -f $^ > $@

$(LIVE): user/http/live.html scripts/embed_page.sh
	mkdir -p $(@D)
	scripts/embed_page.sh $< > $@

vpath %.bpf.c bpf tests/bpf tests/bench
$(BUILD)/bpf/%.bpf.o: %.bpf.c | $(BUILD)/setup.build
	$(info BPF   $@)
	mkdir -p $(@D)
	$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
	  -D__TARGET_ARCH_$(BPF_ARCH) -I/usr/include/$(ARCH)-linux-gnu -I/usr/$(ARCH)-linux-gnu/include $(PLACELESS) -Ibpf -MMD -MP -c -o $@ $<

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	bpftool gen skeleton $< > $@.new
	mv $@.new $@

# --- objects and programs ---------------------------------------------------------
$(call objects,$(wildcard user/kernel/*.c) $(BPF_TESTS_C) $(FIXTURE_C) $(BENCH_C)): | $(SKELETONS)
$(call objects,$(TESTS_C)): | $(BUILD)/setup.test

$(OBJECTS): $(OUT)/%.o: %.c | $(PROTO_C) $(UNREAD) $(LIVE)
	$(info CC    $@)
	mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) -MMD -MP -c -o $@ $<

$(PROTO_O): $(OUT)/%.o: $(BUILD)/%.c | $(PROTO_C)
	mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Archives, so that a test may stand in for a part of the program by defining its functions.
$(OUT)/daemon.a: $(filter-out %/main.o,$(call objects,$(DAEMON_C) $(SHARED_C))) $(PROTO_O)
$(OUT)/native.a: $(call objects,$(NATIVE_C))
$(OUT)/collector.a: $(filter-out %/main.o,$(call objects,$(COLLECTOR_C) $(SHARED_C))) $(PROTO_O)
%.a:
	rm -f $@
	$(AR) rcs $@ $^

$(OUT)/loadtap $(BUILD)/static/loadtap: $(OUT)/user/daemon/main.o $(OUT)/daemon.a
$(OUT)/loadtap-collector $(BUILD)/static/loadtap-collector: $(OUT)/user/collector/main.o $(OUT)/collector.a
$(OUT)/metrics_table: $(OUT)/scripts/metrics_table.o $(OUT)/daemon.a
$(OUT)/collector_metrics_table: $(OUT)/scripts/metrics_table.o $(OUT)/collector.a
COLLECTOR_TESTS := $(foreach test,$(UNIT) $(FUZZ),$(if $(findstring _collector_,$(test)),$(test)))
$(COLLECTOR_TESTS): $(OUT)/%: $(OUT)/%.o $(OUT)/collector.a
$(BPF_TESTS): $(OUT)/%: $(OUT)/%.o $(call objects,$(FIXTURE_C)) $(OUT)/native.a $(OUT)/daemon.a
$(filter-out $(COLLECTOR_TESTS),$(UNIT) $(FUZZ)) $(PROVE) $(BENCH): $(OUT)/%: $(OUT)/%.o $(OUT)/native.a $(OUT)/daemon.a

# The linker warns of glibc functions which libevent, c-ares and OpenSSL name; loadtap does not call them.
$(BUILD)/static/%: LDFLAGS += -static
$(UNIT) $(BPF_TESTS): LDLIBS += -lcmocka
$(FUZZ): LDFLAGS += -fsanitize=fuzzer
$(addprefix $(OUT)/,loadtap loadtap-collector) $(BUILD)/static/loadtap $(BUILD)/static/loadtap-collector $(METRICS_TABLES) $(UNIT) $(BPF_TESTS) $(FUZZ) $(PROVE) $(BENCH):
	$(info LINK  $@)
	mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# A daemon without the lines that send again what was not confirmed, for a test that it has to fail.
$(BUILD)/tests/e2e/no_roll_back.%.c: user/report/%.c
	mkdir -p $(@D)
	sed '/ interval->again = true;$$/d; / note_unconfirmed(reporter);$$/d' $< > $@
	! cmp -s $< $@
$(NO_ROLL_BACK): $(OUT)/user/daemon/main.o $(addprefix $(NO_ROLL_BACK).,window.c reporter.c) $(OUT)/daemon.a
	$(CC) $(CPPFLAGS) -w -o $@ $^ $(LDFLAGS) $(LDLIBS)

# Debian's grpc-go, without the network.
$(GO_PEERS) $(BENCH_GO): $(BUILD)/%: %.go $(wildcard tests/go/src/*/*/*.go) | $(BUILD)/setup.test
	$(info GO    $@)
	mkdir -p $(@D)
	GO111MODULE=off GOPATH=/usr/share/gocode:$(CURDIR)/tests/go go build -o $@ $<

-include $(OBJECTS:.o=.d) $(wildcard $(BUILD)/bpf/*.d)

install: all ## into DESTDIR and PREFIX (/usr/local)
	scripts/install.sh $(BUILD) "$(DESTDIR)" $(or $(PREFIX),/usr/local)

VERSION := $(shell awk '/define VERSION_(MAJOR|MINOR|PATCH)/ { printf "%s%s", n++ ? "." : "", $$3 }' user/base/version.h)
IMAGE := $(BUILD)/loadtap-$(VERSION).oci.tar

image: static arm64 ## build/loadtap-VERSION.oci.tar, an OCI image with nothing else in it, for amd64 and arm64
	scripts/oci_image.py $(IMAGE) $(VERSION) amd64=$(BUILD)/static arm64=$(BUILD)/arm64/static

DEB := $(BUILD)/loadtap_$(VERSION)_$(shell dpkg --print-architecture 2>/dev/null).deb

deb: all $(BUILD)/setup.packages ## build/loadtap_VERSION_ARCHITECTURE.deb, for Debian
	scripts/deb.sh $(BUILD) $(DEB)

arm64: $(BUILD)/setup.arm64
	scripts/setup_arm64.sh $(BUILD)/arm64/debian
	$(MAKE) BUILD=$(BUILD)/arm64 ARCH=aarch64 static

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## this list
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: all static demo test test-unit test-bpf test-e2e test-envoy test-kernels soak asan fuzz prove lint docs format sanitized bench envoy kubernetes test-packages image deb arm64 install clean help
.DELETE_ON_ERROR:
.SECONDARY:
