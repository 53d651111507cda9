// SPDX-License-Identifier: LGPL-3.0-or-later
// As much of MessagePack as docs/wire.md needs, on memory that somebody else owns.
//
// Every read is bounded by the bytes that are there; once something was not what it should be, the
// reader is bad and stays so, and all that is read from it is nothing.

#ifndef PACK_H
#define PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {  // not ended by a NUL
    const char *at;
    size_t size;
};

struct reader {
    const uint8_t *at, *end;
    bool bad;
};

static inline bool same(struct text a, struct text b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

static inline struct text text_of(const char *string) {
    return (struct text){string, strlen(string)};
}

static inline uint8_t peek(const struct reader *from) {
    return from->bad || from->at == from->end ? 0xc1 : *from->at;  // 0xc1 is nothing
}

static inline uint64_t take_number(struct reader *from, size_t bytes) {
    uint64_t number = 0;
    if (from->bad || (size_t)(from->end - from->at) < bytes) {
        from->bad = true;
        return 0;
    }
    for (size_t byte = 0; byte < bytes; byte++) number = number << 8 | *from->at++;
    return number;
}

static inline struct text take_bytes(struct reader *from, uint64_t size) {
    if (from->bad || (uint64_t)(from->end - from->at) < size) {
        from->bad = true;
        return (struct text){"", 0};
    }
    struct text found = {(const char *)from->at, (size_t)size};
    from->at += size;
    return found;
}

// The length that follows one of `count` kinds of heads, of 1, 2 or 4 bytes, beginning with `first`.
static inline uint64_t take_length(struct reader *from, uint8_t head, uint8_t first, int count) {
    static const size_t of_three[] = {1, 2, 4}, of_two[] = {2, 4};
    if (head < first || head >= first + count) {
        from->bad = true;
        return 0;
    }
    return take_number(from, count == 3 ? of_three[head - first] : of_two[head - first]);
}

static inline struct text take_text(struct reader *from) {
    uint8_t head = (uint8_t)take_number(from, 1);
    if (!from->bad && (head & 0xe0) == 0xa0) return take_bytes(from, head & 0x1f);
    uint64_t size = take_length(from, head, 0xd9, 3);
    return take_bytes(from, size);
}

static inline struct text take_binary(struct reader *from) {
    uint8_t head = (uint8_t)take_number(from, 1);
    uint64_t size = take_length(from, head, 0xc4, 3);
    return take_bytes(from, size);
}

static inline uint32_t take_array(struct reader *from) {
    uint8_t head = (uint8_t)take_number(from, 1);
    if (!from->bad && (head & 0xf0) == 0x90) return head & 0x0f;
    return (uint32_t)take_length(from, head, 0xdc, 2);
}

static inline uint32_t take_map(struct reader *from) {
    uint8_t head = (uint8_t)take_number(from, 1);
    if (!from->bad && (head & 0xf0) == 0x80) return head & 0x0f;
    return (uint32_t)take_length(from, head, 0xde, 2);
}

// An integer of 64 signed bits.
static inline int64_t take_integer(struct reader *from) {
    uint8_t head = (uint8_t)take_number(from, 1);
    if (from->bad) return 0;
    if (head < 0x80) return head;
    if (head >= 0xe0) return (int8_t)head;
    switch (head) {
        case 0xcc: return (int64_t)take_number(from, 1);
        case 0xcd: return (int64_t)take_number(from, 2);
        case 0xce: return (int64_t)take_number(from, 4);
        case 0xcf: {
            uint64_t number = take_number(from, 8);
            if (number > INT64_MAX) from->bad = true;
            return from->bad ? 0 : (int64_t)number;
        }
        case 0xd0: return (int8_t)take_number(from, 1);
        case 0xd1: return (int16_t)take_number(from, 2);
        case 0xd2: return (int32_t)take_number(from, 4);
        case 0xd3: return (int64_t)take_number(from, 8);
    }
    from->bad = true;
    return 0;
}

static inline uint64_t take_count(struct reader *from) {
    int64_t number = take_integer(from);
    if (number < 0) from->bad = true;
    return number < 0 ? 0 : (uint64_t)number;
}

static inline bool take_boolean(struct reader *from) {
    uint8_t head = (uint8_t)take_number(from, 1);
    if (head != 0xc2 && head != 0xc3) from->bad = true;
    return head == 0xc3;
}

// Any value, passed over; `depth` is how deep it may still go.
static inline void skip(struct reader *from, int depth) {
    uint8_t head = peek(from);
    if (depth < 0) from->bad = true;
    if (from->bad) return;
    if (head < 0x80 || head >= 0xe0 || (head >= 0xcc && head <= 0xd3)) {
        take_integer(from);
    } else if ((head & 0xf0) == 0x80 || head == 0xde || head == 0xdf) {
        uint32_t count = take_map(from);
        for (uint32_t pair = 0; pair < count && !from->bad; pair++) {
            skip(from, depth - 1);
            skip(from, depth - 1);
        }
    } else if ((head & 0xf0) == 0x90 || head == 0xdc || head == 0xdd) {
        uint32_t count = take_array(from);
        for (uint32_t element = 0; element < count && !from->bad; element++) skip(from, depth - 1);
    } else if ((head & 0xe0) == 0xa0 || (head >= 0xd9 && head <= 0xdb)) {
        take_text(from);
    } else if (head >= 0xc4 && head <= 0xc6) {
        take_binary(from);
    } else if (head == 0xc0 || head == 0xc2 || head == 0xc3) {
        take_number(from, 1);
    } else if (head == 0xca || head == 0xcb) {
        take_number(from, 1);
        take_number(from, head == 0xca ? 4 : 8);
    } else {
        from->bad = true;  // extensions
    }
}

// Writing

struct writer {
    uint8_t *at;
    size_t room, used;
    bool full;  // something did not fit: nothing of it is to be sent
};

static inline void put_bytes(struct writer *into, const void *bytes, size_t size) {
    if (into->full || into->room - into->used < size) {
        into->full = true;
        return;
    }
    if (size) memcpy(into->at + into->used, bytes, size);
    into->used += size;
}

static inline void put_number(struct writer *into, uint8_t head, uint64_t number, int bytes) {
    uint8_t made[9] = {head};
    for (int byte = 0; byte < bytes; byte++) made[bytes - byte] = (uint8_t)(number >> 8 * byte);
    put_bytes(into, made, (size_t)bytes + 1);
}

static inline void put_count(struct writer *into, uint64_t number) {
    if (number < 0x80) put_number(into, (uint8_t)number, 0, 0);
    else put_number(into, 0xcf, number, 8);
}

static inline void put_array(struct writer *into, uint8_t count) {  // at most 15
    put_number(into, 0x90 | count, 0, 0);
}

static inline void put_text(struct writer *into, struct text text) {
    put_number(into, 0xdb, text.size, 4);
    put_bytes(into, text.at, text.size);
}

static inline void put_nil(struct writer *into) { put_number(into, 0xc0, 0, 0); }

static inline void put_boolean(struct writer *into, bool truth) {
    put_number(into, truth ? 0xc3 : 0xc2, 0, 0);
}

#endif
