/* A provider that costs nothing: answers OpenAI chat calls at once, whole or streamed.
 *
 *   upstream PORT [CHUNKS=20] [GAP_US=1000]
 *
 * A body with "stream":true (or with a blank after the colon) is answered with CHUNKS pieces, GAP_US
 * apart, then a usage chunk and [DONE], each in a write of its own; any other with one JSON answer.
 * One thread, epoll, loopback only. Usage is always 212 input (64 cached) and 87 output tokens.
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

enum { MAX_FILES = 8192, BUFFER = 1 << 17, MAX_CHUNKS = 256 };

struct connection {
    char in[BUFFER];
    size_t filled;
    int next_chunk; /* -1: no stream under way */
    uint64_t due_ns;
};

static struct connection *connections[MAX_FILES];
static int streaming[MAX_FILES], streams;
static char whole[2048], head[256], pieces[MAX_CHUNKS + 3][512];
static size_t whole_size, head_size, piece_size[MAX_CHUNKS + 3];
static int chunks = 20, piece_count;
static uint64_t gap_ns = 1000000;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

#define USAGE "{\"prompt_tokens\":212,\"completion_tokens\":87,\"total_tokens\":299," \
    "\"prompt_tokens_details\":{\"cached_tokens\":64},\"completion_tokens_details\":{\"reasoning_tokens\":0}}"
#define CHUNK "\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1764000000," \
    "\"model\":\"gpt-4o-mini-2024-07-18\","

static void add_piece(const char *event) {
    piece_size[piece_count] = (size_t)sprintf(pieces[piece_count], "%zx\r\n%s\r\n", strlen(event), event);
    piece_count++;
}

static void prepare(void) {
    char body[1536], event[480];
    int size = sprintf(body, "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1764000000,"
        "\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
        "\"content\":\"%0400d\"},\"finish_reason\":\"stop\"}],\"usage\":" USAGE "}", 7);
    whole_size = (size_t)sprintf(whole, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        "x-request-id: bench\r\nContent-Length: %d\r\n\r\n%s", size, body);
    head_size = (size_t)sprintf(head, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < chunks; i++) {
        sprintf(event, "data: {" CHUNK "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word%d\"}}]}\n\n", i);
        add_piece(event);
    }
    add_piece("data: {" CHUNK "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    add_piece("data: {" CHUNK "\"choices\":[],\"usage\":" USAGE "}\n\n");
    strcpy(event, "data: [DONE]\n\n");
    piece_size[piece_count] = (size_t)sprintf(pieces[piece_count], "%zx\r\n%s\r\n0\r\n\r\n", strlen(event), event);
    piece_count++;
}

static void drop(int file) {
    for (int i = 0; i < streams; i++)
        if (streaming[i] == file) { streaming[i] = streaming[--streams]; break; }
    free(connections[file]);
    connections[file] = NULL;
    close(file);
}

static int put(int file, const char *bytes, size_t size) {
    while (size) { /* answers are small: a full socket buffer means a stuck peer */
        ssize_t n = write(file, bytes, size);
        if (n < 0 && errno == EAGAIN) { usleep(100); continue; }
        if (n <= 0) return -1;
        bytes += n; size -= (size_t)n;
    }
    return 0;
}

static void answer(int file, struct connection *c) {
    char *end;
    while (c->next_chunk < 0 && (end = memmem(c->in, c->filled, "\r\n\r\n", 4))) {
        size_t head_bytes = (size_t)(end - c->in) + 4, body = 0;
        *end = 0;
        char *length = strcasestr(c->in, "content-length:");
        if (length) body = strtoul(length + 15, NULL, 10);
        *end = '\r';
        if (c->filled < head_bytes + body) return;
        char *text = c->in + head_bytes;
        int stream = memmem(text, body, "\"stream\":true", 13) || memmem(text, body, "\"stream\": true", 14);
        c->filled -= head_bytes + body;
        memmove(c->in, c->in + head_bytes + body, c->filled);
        if (put(file, stream ? head : whole, stream ? head_size : whole_size)) { drop(file); return; }
        if (stream) { c->next_chunk = 0; c->due_ns = now_ns(); streaming[streams++] = file; }
    }
}

static void receive(int file) {
    struct connection *c = connections[file];
    ssize_t n = read(file, c->in + c->filled, BUFFER - c->filled);
    if (n <= 0) { if (n == 0 || errno != EAGAIN) drop(file); return; }
    c->filled += (size_t)n;
    answer(file, c);
}

static int advance_streams(void) { /* returns ms until the next piece is due, -1 without streams */
    uint64_t now = now_ns(), next = UINT64_MAX;
    for (int i = 0; i < streams; i++) {
        int file = streaming[i];
        struct connection *c = connections[file];
        if (c->due_ns <= now) {
            if (put(file, pieces[c->next_chunk], piece_size[c->next_chunk])) { drop(file); i--; continue; }
            c->due_ns += gap_ns;
            if (++c->next_chunk == piece_count) {
                c->next_chunk = -1;
                streaming[i--] = streaming[--streams];
                answer(file, c);
                continue;
            }
        }
        if (c->due_ns < next) next = c->due_ns;
    }
    return streams == 0 ? -1 : next <= now ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc < 2) { fprintf(stderr, "usage: upstream PORT [CHUNKS] [GAP_US]\n"); return 2; }
    if (argc > 2) chunks = atoi(argv[2]) > MAX_CHUNKS ? MAX_CHUNKS : atoi(argv[2]);
    if (argc > 3) gap_ns = strtoull(argv[3], NULL, 10) * 1000;
    prepare();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, poll = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4096)) { perror("upstream"); return 1; }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_wait(poll, ready, 256, advance_streams());
        for (int i = 0; i < n; i++) {
            if (ready[i].data.fd != listener) { if (connections[ready[i].data.fd]) receive(ready[i].data.fd); continue; }
            int file = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            if (file < 0) continue;
            if (file >= MAX_FILES) { close(file); continue; }
            setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            connections[file] = calloc(1, sizeof(struct connection));
            connections[file]->next_chunk = -1;
            event = (struct epoll_event){.events = EPOLLIN, .data.fd = file};
            epoll_ctl(poll, EPOLL_CTL_ADD, file, &event);
        }
    }
}
