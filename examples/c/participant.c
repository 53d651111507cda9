// SPDX-License-Identifier: LGPL-3.0-or-later
// A participant in C: it owns the table [pump] and refuses a pace above MOST.
//
//     cc -Wall -Wextra -o participant participant.c -lzmq
//     ./participant ipc://RUNDIR/modules NAME MOST
//
// docs/wire.md says what it has to do; the numbers in the comments are those of its rules.  It says
// each step on stdout.  SIGTERM makes it leave.

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifndef FUZZ
#include <sys/random.h>
#include <zmq.h>
#endif

#include "pack.h"

enum { JOIN, VOTE, APPLIED, LEAVE, REPORT, ADMIT, REFUSE, PREPARE, COMMIT, ABORT, SHUTDOWN, INQUIRE };

#define VERSION 3
#define DEEPEST 64
#define NAME_BYTES 512  // 128 characters
#define OUT_BYTES 8192
#define PACE_UNSET 1

struct name {
    char text[NAME_BYTES];
    size_t size;
};

struct settings {  // of one configuration, as much as is needed of it
    struct name digest;
    uint8_t *arguments;
    size_t arguments_size;
    int64_t pace;
};

struct participant {
    const char *own_name;
    int64_t most;
    char incarnation[33];
    struct name session;
    unsigned joins;

    struct name ledger;  // whom it obeys
    uint64_t epoch;

    uint64_t generation;  // what it runs
    struct settings runs;

    bool promised;  // what it said yes to
    struct name txid;
    struct settings candidate;

    bool over, refused;
};

static void say(const char *what, struct text why) {
    printf("%s ", what);
    for (size_t byte = 0; byte < why.size; byte++) {
        unsigned char shown = (unsigned char)why.at[byte];
        putchar(shown < ' ' || shown == 0x7f ? '?' : shown);
    }
    putchar('\n');
    fflush(stdout);
}

static struct text of_name(const struct name *name) {
    return (struct text){name->text, name->size};
}

static bool keep_name(struct name *name, struct text text) {
    if (text.size > sizeof name->text) return false;
    if (text.size) memcpy(name->text, text.at, text.size);
    name->size = text.size;
    return true;
}

static void forget(struct settings *settings) {
    free(settings->arguments);
    memset(settings, 0, sizeof *settings);
}

// What this participant thinks of a configuration

// The pace in the table [pump]; false where there is something else in its place.
static bool find_pace(struct text configuration, int64_t *pace) {
    const uint8_t *bytes = (const uint8_t *)configuration.at;
    struct reader from = {bytes, bytes + configuration.size, false};
    *pace = PACE_UNSET;
    uint32_t tables = take_map(&from);
    for (uint32_t table = 0; table < tables && !from.bad; table++) {
        bool ours = same(take_text(&from), text_of("pump"));
        uint8_t head = peek(&from);
        if (!ours || !((head & 0xf0) == 0x80 || head == 0xde || head == 0xdf)) {
            if (ours) return false;
            skip(&from, DEEPEST);
            continue;
        }
        uint32_t keys = take_map(&from);
        for (uint32_t key = 0; key < keys && !from.bad; key++) {
            if (!same(take_text(&from), text_of("pace"))) {
                skip(&from, DEEPEST);
                continue;
            }
            *pace = take_integer(&from);
            if (from.bad) return false;
        }
    }
    return !from.bad;
}

// The last argument for the pace, if there is one, over what the configuration says.
static bool obey_arguments(struct reader from, int64_t *pace) {
    uint32_t count = take_array(&from);
    for (uint32_t argument = 0; argument < count && !from.bad; argument++) {
        if (take_array(&from) != 3) return false;
        take_text(&from);
        struct text key = take_text(&from), value = take_text(&from);
        if (from.bad || !same(key, text_of("pace"))) continue;
        char digits[24], *end;
        if (value.size == 0 || value.size >= sizeof digits) return false;
        memcpy(digits, value.at, value.size);
        digits[value.size] = 0;
        errno = 0;
        *pace = strtoll(digits, &end, 10);
        if (errno || *end) return false;
    }
    return !from.bad;
}

// Empty for yes, else why not.
static const char *judge(const struct participant *own, struct text configuration,
                         struct reader arguments, struct settings *into) {
    static char why[96];
    if (!find_pace(configuration, &into->pace)) return "must be an integer";
    if (!obey_arguments(arguments, &into->pace)) return "must be an integer, also as an argument";
    if (into->pace <= own->most) return "";
    snprintf(why, sizeof why, "must be %" PRId64 " or less, not %" PRId64, own->most, into->pace);
    return why;
}

// What it says

static void begin(struct writer *out, uint8_t fields, uint8_t tag) {
    put_array(out, fields + 2);
    put_count(out, VERSION);
    put_count(out, tag);
}

static void put_reasons(struct writer *out, const struct participant *own, const char *why) {
    put_array(out, *why != 0);
    if (!*why) return;
    put_array(out, 5);
    put_text(out, text_of(own->own_name));
    put_text(out, text_of(why));
    put_array(out, 2);
    put_text(out, text_of("pump"));
    put_text(out, text_of("pace"));
    put_nil(out);
    put_text(out, text_of("invalid"));
}

static void join(struct participant *own, struct writer *out) {  // 1
    char session[NAME_BYTES];
    int size = snprintf(session, sizeof session, "%s.%u", own->incarnation, ++own->joins);
    keep_name(&own->session, (struct text){session, (size_t)size});
    begin(out, 11, JOIN);
    put_text(out, of_name(&own->ledger));
    put_count(out, own->epoch);
    put_text(out, text_of(own->incarnation));
    put_text(out, text_of(own->own_name));
    put_count(out, VERSION);
    put_count(out, own->generation);
    put_text(out, of_name(&own->runs.digest));
    if (own->promised) put_text(out, of_name(&own->txid));
    else put_nil(out);
    put_count(out, (uint64_t)getpid());
    put_text(out, of_name(&own->session));
    put_text(out, text_of("{\"tables\": [\"pump\"], \"purpose\": \"A pump, in C.\"}"));
}

static void vote(struct participant *own, struct writer *out, struct text txid, const char *why) {
    begin(out, 6, VOTE);
    put_count(out, own->epoch);
    put_text(out, text_of(own->incarnation));
    put_text(out, txid);
    put_boolean(out, !*why);
    put_reasons(out, own, why);
    put_array(out, 0);
    say(*why ? "no" : "yes", *why ? text_of(why) : txid);
}

static void applied(struct participant *own, struct writer *out, uint64_t generation,
                    const char *why) {
    begin(out, 8, APPLIED);
    put_count(out, own->epoch);
    put_text(out, text_of(own->incarnation));
    put_count(out, generation);
    put_text(out, of_name(&own->runs.digest));
    put_boolean(out, !*why);
    put_reasons(out, own, why);
    put_text(out, text_of("{}"));
    put_array(out, 0);
    if (*why) {
        say("declined", text_of(why));
        return;
    }
    printf("applied %" PRIu64 " pace %" PRId64 "\n", generation, own->runs.pace);
    fflush(stdout);
}

static void leave(struct participant *own, struct writer *out) {
    begin(out, 4, LEAVE);
    put_count(out, own->epoch);
    put_text(out, text_of(own->incarnation));
    put_text(out, text_of(own->own_name));
    put_array(out, 0);
}

// What it hears

static void take_over(struct participant *own, struct settings *next, uint64_t generation) {
    forget(&own->runs);
    own->runs = *next;
    memset(next, 0, sizeof *next);
    own->generation = generation;
}

static void let_go(struct participant *own) {
    own->promised = false;
    forget(&own->candidate);
}

// Passes over an array of arguments; what was passed over can be read again from the result.
static struct reader take_arguments(struct reader *from) {
    struct reader found = *from;
    skip(from, 3);
    found.end = from->at;
    found.bad = from->bad || !((peek(&found) & 0xf0) == 0x90 || peek(&found) == 0xdc ||
                               peek(&found) == 0xdd);
    from->bad = found.bad;
    return found;
}

static bool keep_arguments(struct settings *settings, struct reader arguments) {
    settings->arguments_size = (size_t)(arguments.end - arguments.at);
    settings->arguments = malloc(settings->arguments_size + 1);
    if (!settings->arguments) return false;
    memcpy(settings->arguments, arguments.at, settings->arguments_size);
    return true;
}

static bool are_the_arguments(const struct settings *settings, struct reader arguments) {
    size_t size = (size_t)(arguments.end - arguments.at);
    if (!settings->arguments) return false;
    return size == settings->arguments_size && !memcmp(settings->arguments, arguments.at, size);
}

static void admit(struct participant *own, struct reader *from, struct writer *out) {  // 3
    take_text(from);  // the session has been looked at
    uint64_t generation = take_count(from);
    struct text digest = take_text(from), configuration = take_binary(from);
    struct reader arguments = take_arguments(from);
    if (from->bad || from->at != from->end || digest.size > 64) return;
    if (generation < own->generation) {
        applied(own, out, generation, "it has run a later generation");
        return;
    }
    bool same_digest = same(digest, of_name(&own->runs.digest));
    if (!own->promised && same_digest && are_the_arguments(&own->runs, arguments)) {
        own->generation = generation;
        applied(own, out, generation, "");
        return;
    }
    if (own->promised) let_go(own);
    struct settings next = {0};
    const char *why = judge(own, configuration, arguments, &next);
    if (!*why && (!keep_arguments(&next, arguments) || !keep_name(&next.digest, digest)))
        why = "is out of memory";
    if (*why) forget(&next);
    else take_over(own, &next, generation);
    applied(own, out, generation, why);
}

static void prepare(struct participant *own, struct reader *from, struct writer *out) {  // 4
    struct text txid = take_text(from);
    uint64_t base = take_count(from);
    struct text digest = take_text(from), candidate = take_binary(from);
    skip(from, 0);  // the time allowed: this one answers at once
    bool dry_run = take_boolean(from);
    struct reader arguments = {own->runs.arguments, own->runs.arguments, false};
    static const uint8_t none[] = {0x90};
    if (own->runs.arguments) arguments.end += own->runs.arguments_size;
    else arguments = (struct reader){none, none + 1, false};
    if (peek(from) == 0xc0) skip(from, 0);
    else arguments = take_arguments(from);
    if (from->bad || from->at != from->end || digest.size > 64 || txid.size > NAME_BYTES) return;
    if (own->promised) {
        vote(own, out, txid, "has promised something else already");
        return;
    }
    if (own->generation && own->generation != base) {
        vote(own, out, txid, "runs another generation than that");
        return;
    }
    struct settings next = {0};
    const char *why = judge(own, candidate, arguments, &next);
    if (!*why && (!keep_arguments(&next, arguments) || !keep_name(&next.digest, digest)))
        why = "is out of memory";
    if (*why || dry_run) {
        forget(&next);
    } else {
        own->candidate = next;
        own->promised = keep_name(&own->txid, txid);
    }
    vote(own, out, txid, why);
}

static bool obeys(struct participant *own, struct text ledger, uint64_t epoch, uint64_t tag,
                  struct reader rest) {  // 2
    bool answers = (tag == ADMIT || tag == SHUTDOWN) &&  // the Join of this connection
                   same(take_text(&rest), of_name(&own->session));
    if (tag == ADMIT && !answers) return false;
    if (!same(ledger, of_name(&own->ledger))) {
        if (own->ledger.size && !answers) return false;
        if (!keep_name(&own->ledger, ledger)) return false;
        own->generation = 0;
    } else if (epoch < own->epoch) {
        return false;
    }
    own->epoch = epoch;
    return true;
}

// One frame, whatever is in it; the answer, if there is one, is in `out`.
static void hear(struct participant *own, const uint8_t *bytes, size_t size, struct writer *out) {
    static const uint32_t fields[] = {7, 3, 9, 4, 3, 4, 4};  // of Admit to Inquire
    struct reader from = {bytes, bytes + size, false};
    uint32_t count = take_array(&from);
    uint64_t version = take_count(&from), tag = take_count(&from);
    if (from.bad || version != VERSION || tag < ADMIT || tag > INQUIRE) return;
    if (count != fields[tag - ADMIT] + 2) return;
    struct text ledger = take_text(&from);
    uint64_t epoch = take_count(&from);
    if (from.bad) return;
    if (tag == REFUSE) {  // 9
        struct text why = take_text(&from);
        if (from.bad || from.at != from.end) return;
        say("refused", why);
        own->refused = true;
        return;
    }
    struct reader whole = from;  // nothing is obeyed of a frame that is not what it should be
    for (uint32_t field = 2; field < fields[tag - ADMIT]; field++) skip(&whole, DEEPEST);
    if (whole.bad || whole.at != whole.end || !obeys(own, ledger, epoch, tag, from)) return;
    if (tag == ADMIT) {
        admit(own, &from, out);
    } else if (tag == PREPARE) {
        prepare(own, &from, out);
    } else if (tag == COMMIT) {  // 5
        struct text txid = take_text(&from);
        uint64_t generation = take_count(&from);
        bool ours = own->promised && same(txid, of_name(&own->txid));
        if (from.bad || !ours || generation <= own->generation) return;
        take_over(own, &own->candidate, generation);
        let_go(own);
        applied(own, out, generation, "");
    } else if (tag == ABORT) {  // 6
        struct text txid = take_text(&from);
        if (from.bad || !own->promised || !same(txid, of_name(&own->txid))) return;
        say("aborted", txid);
        let_go(own);
    } else if (tag == SHUTDOWN) {  // 8
        take_text(&from);
        struct text why = take_text(&from);
        if (from.bad) return;
        say("shutdown", why);
        let_go(own);
        leave(own, out);
        own->over = true;
    } else {  // 7
        uint64_t ticket = take_count(&from);
        if (from.bad) return;
        begin(out, 4, REPORT);
        put_count(out, own->epoch);
        put_text(out, text_of(own->incarnation));
        put_count(out, ticket);
        put_text(out, text_of("{\"language\": \"C\"}"));
    }
}

#ifdef FUZZ

// Frames from stdin, each after its length in four bytes, the highest first.
int main(void) {
    static struct participant own = {.own_name = "fuzzed", .most = 100, .incarnation = "5d41"};
    uint8_t head[4], answer[OUT_BYTES];
    struct writer joined = {answer, sizeof answer, 0, false};
    join(&own, &joined);
    while (fread(head, 1, 4, stdin) == 4) {
        size_t size = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        uint8_t *frame = malloc(size ? size : 1);  // its own, so that a read beyond it is seen
        if (!frame || fread(frame, 1, size, stdin) != size) return 1;
        struct writer out = {answer, sizeof answer, 0, false};
        hear(&own, frame, size, &out);
        free(frame);
    }
    let_go(&own);
    forget(&own.runs);
    return 0;
}

#else

static volatile sig_atomic_t told_to_leave;

static void on_signal(int number) {
    (void)number;
    told_to_leave = 1;
}

struct link {
    void *context, *socket, *monitor;
    bool up;
};

static void fail(const char *what) {
    fprintf(stderr, "participant: %s: %s\n", what, zmq_strerror(errno));
    exit(1);
}

static void connect_link(struct link *link, const char *uri) {
    static unsigned made;
    char place[64];
    int none = 0, largest = 17 * 1024 * 1024 + 1, first = 50, longest = 1000;
    snprintf(place, sizeof place, "inproc://monitor-%u", ++made);
    link->socket = zmq_socket(link->context, ZMQ_DEALER);
    link->monitor = zmq_socket(link->context, ZMQ_PAIR);
    if (!link->socket || !link->monitor) fail("zmq_socket");
    int64_t most = largest;
    zmq_setsockopt(link->socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(link->socket, ZMQ_MAXMSGSIZE, &most, sizeof most);
    zmq_setsockopt(link->socket, ZMQ_RECONNECT_IVL, &first, sizeof first);
    zmq_setsockopt(link->socket, ZMQ_RECONNECT_IVL_MAX, &longest, sizeof longest);
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED;
    if (zmq_socket_monitor(link->socket, place, events)) fail("zmq_socket_monitor");
    if (zmq_connect(link->monitor, place) || zmq_connect(link->socket, uri)) fail(uri);
    link->up = false;
}

static void cut_link(struct link *link, int linger) {
    zmq_socket_monitor(link->socket, NULL, 0);
    zmq_close(link->monitor);
    zmq_setsockopt(link->socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close(link->socket);
}

static void send_frame(struct link *link, const struct writer *out) {
    if (out->used && !out->full) zmq_send(link->socket, out->at, out->used, ZMQ_DONTWAIT);
}

// 0 where nothing has changed; the event of zmq_socket_monitor(3) else.
static int next_event(struct link *link) {
    uint8_t first[6], rest[256];
    if (zmq_recv(link->monitor, first, sizeof first, ZMQ_DONTWAIT) != 6) return 0;
    zmq_recv(link->monitor, rest, sizeof rest, ZMQ_DONTWAIT);
    uint16_t event;
    memcpy(&event, first, sizeof event);
    return event;
}

static void turn(struct participant *own, struct link *link, const char *uri, int64_t *pause) {
    uint8_t answer[OUT_BYTES];
    struct writer out = {answer, sizeof answer, 0, false};
    zmq_pollitem_t ready[] = {{link->monitor, 0, ZMQ_POLLIN, 0}, {link->socket, 0, ZMQ_POLLIN, 0}};
    if (zmq_poll(ready, 2, 500) <= 0) return;  // a signal, perhaps one that came just before
    if (ready[1].revents && link->up) {  // what has come before a cut still counts
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, link->socket, ZMQ_DONTWAIT) >= 0)
            hear(own, zmq_msg_data(&frame), zmq_msg_size(&frame), &out);
        zmq_msg_close(&frame);
        send_frame(link, &out);
    } else if (ready[0].revents) {
        int event = next_event(link);
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED && !link->up) {
            link->up = true;
            join(own, &out);
            send_frame(link, &out);
            say("joined", of_name(&own->session));
        } else if (event == ZMQ_EVENT_DISCONNECTED && link->up) {  // 10
            say("cut", text_of(own->promised ? "in doubt" : ""));
            cut_link(link, 0);
            connect_link(link, uri);
        }
    }
    if (own->refused) {
        own->refused = false;
        cut_link(link, 0);
        struct timespec wait = {*pause / 1000, *pause % 1000 * 1000000};
        nanosleep(&wait, NULL);
        *pause = *pause * 2 > 30000 ? 30000 : *pause * 2;
        connect_link(link, uri);
    }
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: participant ipc://RUNDIR/modules NAME MOST\n");
        return 2;
    }
    static struct participant own;
    uint8_t random[16];
    own.own_name = arguments[2];
    own.most = strtoll(arguments[3], NULL, 10);
    if (getrandom(random, sizeof random, 0) != sizeof random) fail("getrandom");
    for (size_t byte = 0; byte < sizeof random; byte++)
        snprintf(own.incarnation + 2 * byte, 3, "%02x", random[byte]);
    struct sigaction leaving = {.sa_handler = on_signal};
    sigaction(SIGTERM, &leaving, NULL);

    struct link link = {.context = zmq_ctx_new()};
    if (!link.context) fail("zmq_ctx_new");
    connect_link(&link, arguments[1]);
    int64_t pause = 500;
    while (!own.over && !told_to_leave) turn(&own, &link, arguments[1], &pause);
    if (!own.over && link.up) {  // 11
        uint8_t answer[OUT_BYTES];
        struct writer out = {answer, sizeof answer, 0, false};
        leave(&own, &out);
        send_frame(&link, &out);
    }
    cut_link(&link, 500);
    zmq_ctx_term(link.context);
    let_go(&own);
    forget(&own.runs);
    return 0;
}

#endif
