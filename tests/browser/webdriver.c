/* chromedriver as a child process, and its protocol: see webdriver.h. */
#include "tests/browser/webdriver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* Generous: a slow machine starts a browser in tens of seconds. */
enum { ANSWER_SECONDS = 120, START_SECONDS = 60 };

__attribute__((format(printf, 2, 3))) static bool fail(webdriver *w,
                                                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(w->error, sizeof w->error, format, args);
    va_end(args);
    return false;
}

/* ---- processes ------------------------------------------------------------
 */

static int remove_entry(const char *path, const struct stat *s, int type,
                        struct FTW *place)
{
    (void)s;
    (void)type;
    (void)place;
    remove(path);
    return 0;
}

/* A browser outlives a driver that was killed; as their subreaper we inherit
 * every orphan, and end it. */
static void end_children(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    for (int round = 0; round < 100; round++) {
        FILE *children = fopen(path, "r");
        long pid;
        bool any = false;
        while (children && fscanf(children, "%ld", &pid) == 1) {
            any = true;
            kill((pid_t)pid, SIGKILL);
        }
        if (children) {
            fclose(children);
        }
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
        if (!any) {
            return;
        }
        poll(NULL, 0, 20);
    }
}

/* Reads the driver's greeting until it names its port. */
static bool find_port(webdriver *w, int from)
{
    static const char mark[] = "successfully on port ";
    char text[4096];
    size_t size = 0;
    struct pollfd fd = {.fd = from, .events = POLLIN};
    while (size + 1 < sizeof text && poll(&fd, 1, START_SECONDS * 1000) > 0) {
        const ssize_t n = read(from, text + size, sizeof text - 1 - size);
        if (n <= 0) {
            return fail(w, "chromedriver is not installed or ended at once");
        }
        size += (size_t)n;
        text[size] = '\0';
        const char *p = strstr(text, mark);
        if (p && strchr(p, '\n')) {
            w->port = (int)strtol(p + sizeof mark - 1, NULL, 10);
            return w->port > 0 || fail(w, "chromedriver named no port");
        }
    }
    return fail(w, "chromedriver did not start within %d s", START_SECONDS);
}

static bool start_driver(webdriver *w)
{
    int ends[2];
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (pipe(ends) != 0) {
        return fail(w, "pipe: %s", strerror(errno));
    }
    w->driver = fork();
    if (w->driver == 0) {
        close(ends[0]);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execlp("chromedriver", "chromedriver", "--port=0", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    if (w->driver < 0) {
        close(ends[0]);
        return fail(w, "fork: %s", strerror(errno));
    }
    const bool good = find_port(w, ends[0]);
    /* What the driver says later is of no interest, but a closed pipe would
     * end it: the descriptor stays open for as long as this program runs. */
    return good;
}

/* ---- HTTP -----------------------------------------------------------------
 */

static int connect_driver(webdriver *w)
{
    const struct timeval limit = {.tv_sec = ANSWER_SECONDS};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)w->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s >= 0) {
        setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (connect(s, (struct sockaddr *)&to, sizeof to) == 0) {
            return s;
        }
        close(s);
    }
    fail(w, "no connection to chromedriver: %s", strerror(errno));
    return -1;
}

/* The value of a header of an answer, NULL if it is absent. */
static const char *header(const char *answer, const char *name)
{
    const size_t n = strlen(name);
    for (const char *line = answer; line && strncmp(line, "\r\n", 2) != 0;) {
        if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
            return line + n + 1;
        }
        line = strstr(line, "\r\n");
        line = line ? line + 2 : NULL;
    }
    return NULL;
}

/* Reads one answer; its body is of the length that its header names. */
static char *receive(webdriver *w, FILE *in)
{
    char head[8192], *body = NULL;
    size_t n = 0, length;
    while (n + 1 < sizeof head && fgets(head + n, (int)(sizeof head - n), in)) {
        if (strcmp(head + n, "\r\n") == 0) {
            break;
        }
        n += strlen(head + n);
    }
    head[n < sizeof head ? n : sizeof head - 1] = '\0';
    const char *value = header(head, "Content-Length");
    if (!value) {
        fail(w, "no answer from chromedriver");
        return NULL;
    }
    length = strtoul(value, NULL, 10);
    body = malloc(length + 1);
    if (!body || fread(body, 1, length, in) != length) {
        fail(w, "chromedriver's answer was cut");
        free(body);
        return NULL;
    }
    body[length] = '\0';
    return body;
}

static json_t *request(webdriver *w, const char *method, const char *path,
                       const char *body)
{
    char *answer = NULL;
    const int s = connect_driver(w);
    FILE *stream = s >= 0 ? fdopen(s, "r+") : NULL;
    if (!stream) {
        if (s >= 0) {
            close(s);
        }
        return NULL;
    }
    fprintf(stream,
            "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
            "Content-Length: %zu\r\n\r\n%s",
            method, path, w->port, strlen(body), body);
    fflush(stream);
    answer = receive(w, stream);
    fclose(stream);
    json_t *json = answer ? json_loads(answer, 0, NULL) : NULL;
    free(answer);
    if (!json && !*w->error) {
        fail(w, "chromedriver's answer is no JSON");
    }
    return json;
}

json_t *webdriver_command(webdriver *w, const char *method, const char *path,
                          json_t *body)
{
    char full[256];
    w->error[0] = '\0';
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    snprintf(full, sizeof full, "/session%s%s%s", *w->session ? "/" : "",
             w->session, path);
    json_t *answer = request(w, method, full, text ? text : "");
    json_t *value = json_incref(json_object_get(answer, "value"));
    free(text);
    json_decref(answer);
    const char *error = json_string_value(json_object_get(value, "error"));
    if (error) {
        const char *why = json_string_value(json_object_get(value, "message"));
        fail(w, "%s: %.400s", error, why ? why : "");
        w->error[strcspn(w->error, "\n")] = '\0';
        json_decref(value);
        return NULL;
    }
    if (!value && !*w->error) {
        fail(w, "chromedriver's answer to %s %s has no value", method, path);
    }
    return value;
}

/* ---- session --------------------------------------------------------------
 */

bool webdriver_open(webdriver *w)
{
    char profile_option[96];
    *w = (webdriver){.profile = "/tmp/theoremeter-browser-XXXXXX"};
    if (!mkdtemp(w->profile)) {
        w->profile[0] = '\0';
        return fail(w, "no folder in /tmp: %s", strerror(errno));
    }
    snprintf(profile_option, sizeof profile_option, "--user-data-dir=%s",
             w->profile);
    if (!start_driver(w)) {
        return false;
    }
    /* The sandbox needs rights that containers do not have; the page is ours.
     */
    json_t *capabilities = json_pack(
        "{s:{s:{s:s, s:{s:[s,s,s,s,s,s,s,s,s]}, s:{s:s, s:s}}}}",
        "capabilities", "alwaysMatch", "browserName", "chrome",
        "goog:chromeOptions", "args", "--headless", "--no-sandbox",
        "--disable-gpu", "--disable-dev-shm-usage",
        "--disable-background-networking", "--no-first-run",
        "--disable-component-update", "--disable-sync", profile_option,
        "goog:loggingPrefs", "browser", "ALL", "performance", "ALL");
    json_t *value = webdriver_command(w, "POST", "", capabilities);
    const char *id = json_string_value(json_object_get(value, "sessionId"));
    snprintf(w->session, sizeof w->session, "%s", id ? id : "");
    json_decref(value);
    return id != NULL;
}

void webdriver_close(webdriver *w)
{
    if (*w->session) {
        json_decref(webdriver_command(w, "DELETE", "", NULL));
        w->session[0] = '\0';
    }
    if (w->driver > 0) {
        kill(w->driver, SIGTERM);
        end_children();
        w->driver = 0;
    }
    if (*w->profile) {
        nftw(w->profile, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        w->profile[0] = '\0';
    }
}

/* A command whose answer carries nothing. */
static bool tell(webdriver *w, const char *path, json_t *body)
{
    json_t *value = webdriver_command(w, "POST", path, body);
    json_decref(value);
    return value != NULL;
}

bool webdriver_go(webdriver *w, const char *url)
{
    return tell(w, "/url", json_pack("{s:s}", "url", url));
}

json_t *webdriver_run(webdriver *w, const char *body, json_t *args)
{
    return webdriver_command(
        w, "POST", "/execute/sync",
        json_pack("{s:s, s:o}", "script", body, "args", args));
}

bool webdriver_scheme(webdriver *w, const char *scheme)
{
    return tell(w, "/goog/cdp/execute",
                json_pack("{s:s, s:{s:[{s:s, s:s}]}}", "cmd",
                          "Emulation.setEmulatedMedia", "params", "features",
                          "name", "prefers-color-scheme", "value", scheme));
}

bool webdriver_resize(webdriver *w, int width, int height)
{
    return tell(w, "/goog/cdp/execute",
                json_pack("{s:s, s:{s:i, s:i, s:i, s:b}}", "cmd",
                          "Emulation.setDeviceMetricsOverride", "params",
                          "width", width, "height", height, "deviceScaleFactor",
                          1, "mobile", 0));
}

/* The path of the first element of a selector, followed by `then`. */
static bool find(webdriver *w, const char *selector, const char *then,
                 char path[256])
{
    const char *id = NULL, *key;
    json_t *item;
    json_t *value = webdriver_command(
        w, "POST", "/element",
        json_pack("{s:s, s:s}", "using", "css selector", "value", selector));
    json_object_foreach(value, key, item)
    {
        id = json_string_value(item);
    }
    snprintf(path, 256, "/element/%s%s", id ? id : "", then);
    json_decref(value);
    return id != NULL;
}

bool webdriver_type(webdriver *w, const char *selector, const char *keys)
{
    char path[256];
    return find(w, selector, "/value", path) &&
           tell(w, path, json_pack("{s:s}", "text", keys));
}

json_t *webdriver_log(webdriver *w, const char *type)
{
    return webdriver_command(w, "POST", "/se/log",
                             json_pack("{s:s}", "type", type));
}

/* ---- pictures -------------------------------------------------------------
 */

static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
                                 "tuvwxyz0123456789+/";
    const char *p = c ? strchr(digits, c) : NULL;
    return p ? (int)(p - digits) : -1;
}

bool webdriver_picture(webdriver *w, const char *selector, const char *path)
{
    char screenshot[256];
    if (!find(w, selector, "/screenshot", screenshot)) {
        return false;
    }
    json_t *value = webdriver_command(w, "GET", screenshot, NULL);
    const char *text = json_string_value(value);
    FILE *out = text ? fopen(path, "wb") : NULL;
    unsigned bits = 0;
    for (int i = 0; out && digit(text[i]) >= 0; i++) {
        bits = bits << 6 | (unsigned)digit(text[i]);
        if (i % 4 > 0) { /* 6 bits a digit: a byte with all but the first */
            fputc((int)(bits >> (6 - 2 * (i % 4)) & 255), out);
        }
    }
    json_decref(value);
    return out && fclose(out) == 0 ? true
                                   : fail(w, "%s: %s", path, strerror(errno));
}
