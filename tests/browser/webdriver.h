/* A headless Chromium driven through chromedriver: WebDriver's JSON over HTTP
 * on the loopback interface (W3C WebDriver; Chromium's additions are named
 * goog:*).  Only what the tests of the report need. */
#ifndef WEBDRIVER_H
#define WEBDRIVER_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    pid_t driver;      /* chromedriver, 0 if not running              */
    int port;          /* that it chose                               */
    char session[128]; /* empty before webdriver_open succeeds        */
    char profile[64];  /* the browser's folder, removed at the end    */
    char error[512];   /* what failed last, one line                  */
} webdriver;

/* Starts chromedriver on a free port and a browser with an empty profile.
 * False, error set, if one of them does not come up. */
bool webdriver_open(webdriver *w);

/* Ends both and whatever they started, and removes the profile.  May be called
 * in any state, twice too. */
void webdriver_close(webdriver *w);

/* One command: method and path after /session/ID, body NULL for none; body is
 * consumed.  Returns the value of the answer, owned by the caller, or NULL with
 * error set. */
json_t *webdriver_command(webdriver *w, const char *method, const char *path,
                          json_t *body);

/* Loads a page and waits until it is complete. */
bool webdriver_go(webdriver *w, const char *url);

/* Runs a function's body in the page: arguments[i] are those of args, which is
 * consumed.  Returns its value, or NULL with error set. */
json_t *webdriver_run(webdriver *w, const char *body, json_t *args);

/* prefers-color-scheme as the page sees it: "light" or "dark". */
bool webdriver_scheme(webdriver *w, const char *scheme);

bool webdriver_resize(webdriver *w, int width, int height);

/* Types keys into the first element that a CSS selector finds. */
bool webdriver_type(webdriver *w, const char *selector, const char *keys);

/* What the browser logged since the last call: "browser" (the console) or
 * "performance" (the network); an array, owned by the caller, or NULL. */
json_t *webdriver_log(webdriver *w, const char *type);

/* A PNG of the first element that a CSS selector finds. */
bool webdriver_picture(webdriver *w, const char *selector, const char *path);

#endif
