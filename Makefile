# make            build/loadtap and build/loadtap-collector
# Sources are found by folder, so a new file needs no line here.

BUILD := build
CC := gcc
CLANG := clang
BPFTOOL := $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
ARCH := $(shell uname -m)

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CPPFLAGS := -D_GNU_SOURCE -Ibpf -Iuser -I$(BUILD)/proto -I$(BUILD)/bpf
CFLAGS := -std=gnu11 -O2 -g $(WARNINGS) -fno-omit-frame-pointer

LIBS := bpf elf z nghttp2 protobuf-c yaml event_core event_extra cares jansson
LDLIBS := $(addprefix -l,$(LIBS))

PROTOS := $(shell cd proto && find . -name '*.proto' | sed 's,^\./,,')
PROTO_C := $(PROTOS:%.proto=$(BUILD)/proto/%.pb-c.c)
PROTO_O := $(PROTO_C:.c=.o)

# Folders of the flow, in its order; each program adds its own folder with main.c.
SHARED_C := $(wildcard user/base/*.c user/grpc/*.c)
DAEMON_C := $(wildcard user/config/*.c user/upstream/*.c user/kernel/*.c user/report/*.c \
              user/stream/*.c user/daemon/*.c)
COLLECTOR_C := $(wildcard user/collector/*.c)

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
SHARED_O := $(call objects,$(SHARED_C))
DAEMON_O := $(call objects,$(DAEMON_C))
COLLECTOR_O := $(call objects,$(COLLECTOR_C))

all: $(BUILD)/loadtap $(BUILD)/loadtap-collector

$(BUILD)/loadtap: $(DAEMON_O) $(SHARED_O) $(PROTO_O)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/loadtap-collector: $(COLLECTOR_O) $(SHARED_O) $(PROTO_O)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# --- generated code: protobuf-c ---------------------------------------------
$(BUILD)/proto/%.pb-c.c: proto/%.proto
	@mkdir -p $(BUILD)/proto
	protoc-c --proto_path=proto --c_out=$(BUILD)/proto $(@:$(BUILD)/proto/%.pb-c.c=%.proto)

$(BUILD)/proto/%.o: $(BUILD)/proto/%.c | $(PROTO_C)
	$(CC) $(CPPFLAGS) -std=gnu11 -O2 -g -c -o $@ $<

# --- generated code: BPF objects and their skeleton ---------------------------
$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
	  -D__TARGET_ARCH_$(ARCH:x86_64=x86) -I/usr/include/$(ARCH)-linux-gnu -Ibpf -MMD -MP -c -o $@ $<

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(BPFTOOL) gen skeleton $< > $@.new && mv $@.new $@

# --- objects ------------------------------------------------------------------
$(BUILD)/user/kernel/%.o: $(BUILD)/bpf/loadtap.skel.h

$(BUILD)/%.o: %.c | $(PROTO_C)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD)

.PHONY: all clean
.DELETE_ON_ERROR:
.SECONDARY:
