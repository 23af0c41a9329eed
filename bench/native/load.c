/* A load generator that hides nothing: exact percentiles, and the least that any connection got.
 *
 *   load PORT CONNECTIONS SECONDS WARMUP_S RATE REQUEST_FILE
 *
 * RATE 0 is a closed loop: each connection sends its next call when the last is answered. A RATE of N
 * calls a second is an open loop over all connections; latency then counts from the instant that a
 * call was due, so that a stall is not hidden by the calls that it delayed. REQUEST_FILE is one raw HTTP
 * request; each connection sends it again and again. Prints one JSON object. Loopback only.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 4096, BUFFER = 1 << 17, MAX_SAMPLES = 20000000 };

struct connection {
    int file;
    char in[BUFFER];
    size_t filled;
    int busy, got_byte;
    uint64_t due_ns, sent_ns, first_ns, done;
    uint64_t longest_ns;
};

static struct connection *connections[MAX_CONNECTIONS];
static uint32_t *latency_us, *first_us;
static size_t samples;
static char *request;
static size_t request_size;
static int port, poll_file, count;
static uint64_t errors, not_200, unfinished, start_ns, end_ns, warm_ns;
static double rate;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void open_connection(struct connection *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->file = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->file, (struct sockaddr *)&to, sizeof to)) { perror("load: connect"); exit(1); }
    fcntl(c->file, F_SETFL, O_NONBLOCK);
    setsockopt(c->file, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poll_file, EPOLL_CTL_ADD, c->file, &event);
    c->filled = 0;
    c->busy = 0;
}

static void send_call(struct connection *c, uint64_t due) {
    c->due_ns = due;
    c->sent_ns = now_ns();
    c->first_ns = 0;
    c->busy = 1;
    c->filled = 0;
    size_t sent = 0;
    while (sent < request_size) {
        ssize_t n = write(c->file, request + sent, request_size - sent);
        if (n < 0 && errno == EAGAIN) { usleep(50); continue; }
        if (n <= 0) { errors++; close(c->file); open_connection(c); return; }
        sent += (size_t)n;
    }
}

static int is_complete(struct connection *c) {
    char *end = memmem(c->in, c->filled, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - c->in) + 4;
    *end = 0;
    char *length = strcasestr(c->in, "\ncontent-length:");
    *end = '\r';
    if (length) return c->filled >= head + strtoul(length + 16, NULL, 10);
    return c->filled >= 5 && !memcmp(c->in + c->filled - 5, "0\r\n\r\n", 5);
}

static void note(struct connection *c) {
    uint64_t now = now_ns(), took = now - c->due_ns;
    c->busy = 0;
    if (memcmp(c->in, "HTTP/1.1 200", 12)) not_200++;
    else if (strcasestr(c->in, "event-stream") && !memmem(c->in, c->filled, "[DONE]", 6)) unfinished++;
    if (c->due_ns < warm_ns || now > end_ns || samples == MAX_SAMPLES) return;
    if (took > c->longest_ns) c->longest_ns = took;
    c->done++;
    latency_us[samples] = (uint32_t)(took / 1000);
    first_us[samples++] = (uint32_t)((c->first_ns - c->due_ns) / 1000);
}

static void receive(struct connection *c) {
    ssize_t n = read(c->file, c->in + c->filled, BUFFER - 1 - c->filled);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) { errors++; close(c->file); open_connection(c); return; }
    if (!c->first_ns) c->first_ns = now_ns();
    c->filled += (size_t)n;
    c->in[c->filled] = 0;
    if (c->busy && is_complete(c)) {
        note(c);
        if (rate == 0 && now_ns() < end_ns) send_call(c, now_ns());
    }
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t at(const uint32_t *sorted, double share) {
    return samples ? sorted[(size_t)(share * (double)(samples - 1))] : 0;
}

static void report(double seconds) {
    uint64_t least = UINT64_MAX, most = 0, longest = 0;
    for (int i = 0; i < count; i++) {
        struct connection *c = connections[i];
        uint64_t waiting = c->busy && c->due_ns > warm_ns && end_ns > c->due_ns ? end_ns - c->due_ns : 0;
        if (c->done < least) least = c->done;
        if (c->done > most) most = c->done;
        if (c->longest_ns > longest) longest = c->longest_ns;
        if (waiting > longest) longest = waiting; /* a stuck connection answers nothing: count its wait */
    }
    qsort(latency_us, samples, sizeof *latency_us, by_size);
    qsort(first_us, samples, sizeof *first_us, by_size);
    printf("{\"calls\": %zu, \"calls_per_s\": %.1f, \"p50_us\": %u, \"p95_us\": %u, \"p99_us\": %u, \"max_us\": %llu, "
           "\"first_byte_p50_us\": %u, \"first_byte_p99_us\": %u, \"least_calls_of_a_connection\": %llu, "
           "\"most_calls_of_a_connection\": %llu, \"errors\": %llu, \"not_200\": %llu, \"unfinished\": %llu}\n",
           samples, (double)samples / seconds, at(latency_us, .5), at(latency_us, .95), at(latency_us, .99),
           (unsigned long long)(longest / 1000), at(first_us, .5), at(first_us, .99), (unsigned long long)least,
           (unsigned long long)most, (unsigned long long)errors, (unsigned long long)not_200,
           (unsigned long long)unfinished);
}

int main(int argc, char **argv) {
    if (argc != 7) { fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS WARMUP_S RATE REQUEST_FILE\n"); return 2; }
    port = atoi(argv[1]);
    count = atoi(argv[2]) > MAX_CONNECTIONS ? MAX_CONNECTIONS : atoi(argv[2]);
    double seconds = atof(argv[3]), warmup = atof(argv[4]);
    rate = atof(argv[5]);
    FILE *file = fopen(argv[6], "rb");
    if (!file) { perror("load"); return 1; }
    request = malloc(4 << 20);
    request_size = fread(request, 1, 4 << 20, file);
    fclose(file);
    latency_us = malloc(MAX_SAMPLES * sizeof *latency_us);
    first_us = malloc(MAX_SAMPLES * sizeof *first_us);
    poll_file = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        connections[i] = calloc(1, sizeof(struct connection));
        open_connection(connections[i]);
    }
    start_ns = now_ns();
    warm_ns = start_ns + (uint64_t)(warmup * 1e9);
    end_ns = warm_ns + (uint64_t)(seconds * 1e9);
    if (rate == 0) for (int i = 0; i < count; i++) send_call(connections[i], now_ns());
    uint64_t sent = 0;
    int turn = 0;
    struct epoll_event ready[256];
    while (now_ns() < end_ns) {
        int wait_ms = 100;
        if (rate > 0) { /* a call that is due while every connection is busy waits, and its wait counts */
            uint64_t due = start_ns + (uint64_t)((double)sent * 1e9 / rate);
            for (int tried = 0; due <= now_ns() && tried < count; tried++) {
                struct connection *c = connections[turn];
                turn = (turn + 1) % count;
                if (c->busy) continue;
                send_call(c, due);
                sent++;
                due = start_ns + (uint64_t)((double)sent * 1e9 / rate);
            }
            wait_ms = due > now_ns() + 1000000 ? 1 : 0;
        }
        int n = epoll_wait(poll_file, ready, 256, wait_ms);
        for (int i = 0; i < n; i++) receive(ready[i].data.ptr);
    }
    report(seconds);
    return 0;
}
