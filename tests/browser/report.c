/* The report in a headless browser: does it load, filter, open, draw, in light
 * and dark, wide and narrow, without an error or a request to anywhere?
 * usage: report DIR CHECKS.JS   tests DIR/report.html against DIR/verify.jsonl
 *        report DIR --picture PNG   a picture of the verdict table
 * Oracle: the lines that verify wrote beside the page. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/browser/webdriver.h"

/* The whole test; each answer of the browser has its own, shorter limit. */
enum { LIMIT_SECONDS = 300 };

static webdriver browser;
static int passed, failed;

static void on_signal(int number)
{
    static const char text[] = "report: interrupted or out of time\n";
    const ssize_t told = write(STDERR_FILENO, text, sizeof text - 1);
    (void)told;
    if (browser.driver > 0) {
        kill(browser.driver, SIGTERM);
    }
    _exit(128 + number);
}

static void verdict(const char *where, const char *name, const char *complaint)
{
    const bool good = complaint && !*complaint;
    passed += good;
    failed += !good;
    printf("%s %s%s%s%s\n", good ? "ok    " : "FAILED", where, name,
           good ? "" : ": ",
           good        ? ""
           : complaint ? complaint
                       : browser.error);
    fflush(stdout);
}

static char *read_text(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *in = fopen(path, "r");
    if (!in || getdelim(&text, &size, '\0', in) < 0) {
        free(text);
        text = NULL;
    }
    if (in) {
        fclose(in);
    }
    return text;
}

/* The lines of verify.jsonl as an array. */
static json_t *read_lines(const char *path)
{
    json_t *lines = json_array();
    char *text = read_text(path), *rest = text;
    for (char *line; text && (line = strsep(&rest, "\n")) != NULL;) {
        json_t *value = *line ? json_loads(line, 0, NULL) : NULL;
        if (value) {
            json_array_append_new(lines, value);
        }
    }
    free(text);
    return lines;
}

/* Runs the checks whose name begins with `kind`. */
static void run_checks(const char *kind, const char *where, const char *script,
                       const json_t *lines)
{
    char *list = NULL, *call = NULL;
    if (asprintf(&list, "return Object.keys((function () {%s})())", script) <
            0 ||
        asprintf(&call,
                 "return (function () {%s})()[arguments[0]](arguments[1])",
                 script) < 0) {
        return;
    }
    json_t *names = webdriver_run(&browser, list, json_array()), *name;
    size_t i, ran = 0;
    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);
        if (strncmp(text, kind, strlen(kind)) == 0) {
            json_t *answer =
                webdriver_run(&browser, call, json_pack("[O,O]", name, lines));
            verdict(where, text + strlen(kind), json_string_value(answer));
            json_decref(answer);
            ran++;
        }
    }
    if (ran == 0) {
        verdict(where, kind, NULL);
    }
    json_decref(names);
    free(list);
    free(call);
}

/* Nothing on the console but silence. */
static void check_console(const char *where)
{
    json_t *log = webdriver_log(&browser, "browser");
    const char *message =
        json_string_value(json_object_get(json_array_get(log, 0), "message"));
    verdict(where, "the console is silent",
            log ? message ? message : "" : NULL);
    json_decref(log);
}

/* The network log's requests go to this file, to data inside it, or to what
 * the browser itself draws its controls and its first, empty tab with. */
static void check_requests(const char *url)
{
    json_t *log = webdriver_log(&browser, "performance"), *entry;
    char complaint[400] = "";
    size_t i;
    int loads = 0;
    json_array_foreach(log, i, entry)
    {
        json_t *event = json_loads(
            json_string_value(json_object_get(entry, "message")), 0, NULL);
        const char *method = NULL, *to = NULL;
        json_unpack(event, "{s:{s:s, s:{s:{s:s}}}}", "message", "method",
                    &method, "params", "request", "url", &to);
        if (method && to && strcmp(method, "Network.requestWillBeSent") == 0) {
            loads += strcmp(to, url) == 0;
            if (strcmp(to, url) != 0 && strncmp(to, "data:", 5) != 0 &&
                strncmp(to, "chrome:", 7) != 0 &&
                strncmp(to, "chrome-untrusted:", 17) != 0) {
                snprintf(complaint, sizeof complaint, "a request to %.300s",
                         to);
            }
        }
        json_decref(event);
    }
    if (log && loads == 0) {
        snprintf(complaint, sizeof complaint, "the page's own load is missing");
    }
    verdict("", "no request leaves the page", log ? complaint : NULL);
    json_decref(log);
}

/* Enter on the first row's button opens it. */
static void check_keyboard(void)
{
    const char *complaint = NULL;
    if (webdriver_type(&browser, "tbody.claim button", "\xee\x80\x87")) {
        json_t *open = webdriver_run(
            &browser,
            "return document.querySelector('tbody.claim .detail').hidden",
            json_array());
        complaint = json_is_false(open) ? "" : "the row stayed closed";
        json_decref(open);
    }
    verdict("", "the keyboard opens a row", complaint);
}

/* The paper's colour differs between the schemes. */
static void check_scheme(char colour[64])
{
    json_t *value = webdriver_run(
        &browser, "return getComputedStyle(document.body).backgroundColor",
        json_array());
    const char *text = json_string_value(value);
    if (*colour) {
        verdict("", "light and dark differ",
                !text                       ? NULL
                : strcmp(text, colour) != 0 ? ""
                                            : text);
    }
    snprintf(colour, 64, "%s", text ? text : "");
    json_decref(value);
}

static void test(const char *url, const char *script, const json_t *lines)
{
    char colour[64] = "";
    if (!webdriver_resize(&browser, 1280, 900) ||
        !webdriver_scheme(&browser, "light") || !webdriver_go(&browser, url)) {
        verdict("", "the page loads", NULL);
        return;
    }
    verdict("", "the page loads", "");
    run_checks("wide: ", "", script, lines);
    check_keyboard();
    run_checks("scheme: ", "light: ", script, lines);
    check_scheme(colour);
    if (!webdriver_scheme(&browser, "dark") || !webdriver_go(&browser, url)) {
        verdict("", "dark", NULL);
    }
    run_checks("scheme: ", "dark: ", script, lines);
    check_scheme(colour);
    if (!webdriver_resize(&browser, 400, 900) || !webdriver_go(&browser, url)) {
        verdict("", "narrow", NULL);
    }
    run_checks("narrow: ", "narrow: ", script, lines);
    check_console("");
    check_requests(url);
}

/* The head of the verdict table, as README shows it. */
static bool take_picture(const char *url, const char *png)
{
    static const char trim[] =
        "const rows = [...document.querySelectorAll('tbody.claim')];"
        "rows.slice(8).forEach((r) => r.remove());"
        "document.querySelector('table').style.background ="
        "    getComputedStyle(document.body).backgroundColor; return 0";
    return webdriver_resize(&browser, 1060, 4000) &&
           webdriver_scheme(&browser, "light") && webdriver_go(&browser, url) &&
           (json_decref(webdriver_run(&browser, trim, json_array())), true) &&
           webdriver_picture(&browser, "table.claims", png);
}

int main(int argc, char **argv)
{
    char folder[PATH_MAX], url[PATH_MAX + 32], list[PATH_MAX + 32];
    const bool picture = argc == 4 && strcmp(argv[2], "--picture") == 0;
    if (!(argc == 3 || picture) || !realpath(argv[1], folder)) {
        fprintf(stderr, "usage: report DIR CHECKS.JS | DIR --picture PNG\n");
        return 2;
    }
    snprintf(url, sizeof url, "file://%s/report.html", folder);
    snprintf(list, sizeof list, "%s/verify.jsonl", folder);
    json_t *lines = read_lines(list);
    char *script = picture ? strdup("") : read_text(argv[2]);
    if (!script || json_array_size(lines) == 0) {
        fprintf(stderr, "report: %s: no claims, or %s cannot be read\n", list,
                argv[2]);
        free(script);
        json_decref(lines);
        return 2;
    }
    signal(SIGALRM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    alarm(LIMIT_SECONDS);
    if (!webdriver_open(&browser)) {
        verdict("", "a browser starts", NULL);
    } else if (picture && !take_picture(url, argv[3])) {
        verdict("", argv[3], NULL);
    } else if (!picture) {
        test(url, script, lines);
    }
    webdriver_close(&browser);
    json_decref(lines);
    free(script);
    if (!picture) {
        printf("%d passed, %d failed\n", passed, failed);
    }
    return failed > 0 || (!picture && passed == 0);
}
