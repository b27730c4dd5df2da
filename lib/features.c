/*
 * features.c - the names of WebAssembly's features, as wazero has them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "error.h"
#include "text.h"

/* By the number of the bit. */
static const char *const names[] = {
    "bulk-memory-operations",
    "multi-value",
    "mutable-global",
    "nontrapping-float-to-int-conversion",
    "reference-types",
    "sign-extension-ops",
    "simd",
    "threads",
    "tail-call",
    "extended-const",
    "exception-handling",
    "typed-function-references",
};

enum { COUNT = sizeof names / sizeof *names };

_Static_assert(WAZERO_FEATURES_ALL == ((wazero_features_t)1 << COUNT) - 1,
               "each feature has a name");

const char *wazero_feature_name(wazero_features_t feature)
{
    for (int i = 0; i < COUNT; i++)
        if (feature == (wazero_features_t)1 << i)
            return names[i];
    return "";
}

/* As names are compared: "TAIL_CALL" is "tail-call". */
static char normal(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '_' ? '-' : c;
}

static bool is_name(const char *known, const char *given, size_t size)
{
    if (strlen(known) != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (normal(given[i]) != known[i])
            return false;
    return true;
}

size_t wazero_features_text(wazero_features_t features, char *text, size_t size)
{
    size_t used = 0;
    if (size)
        text[0] = '\0';
    for (int i = 0; i < COUNT; i++) {
        if (!(features & (wazero_features_t)1 << i))
            continue;
        size_t room = used < size ? size - used : 0;
        int length = snprintf(room ? text + used : NULL, room, "%s%s", used ? "|" : "",
                              names[i]);
        used += length > 0 ? (size_t)length : 0;
    }
    return used;
}

wazero_error_t *wazero_features_parse(const char *text, size_t size,
                                      wazero_features_t *features)
{
    wazero_features_t found = 0;
    char known[512], shown[64];
    if (!text)
        return wazero__error(WAZERO_ERROR_INVALID, "the features must not be NULL");
    size = wazero__text_size(text, size);
    for (size_t start = 0, end; start < size; start = end + 1) {
        const char *bar = memchr(text + start, '|', size - start);
        end = bar ? (size_t)(bar - text) : size;
        int bit = 0;
        while (bit < COUNT && !is_name(names[bit], text + start, end - start))
            bit++;
        if (bit == COUNT) {
            wazero_features_text(WAZERO_FEATURES_ALL, known, sizeof known);
            wazero__text_show(text + start, end - start, shown, sizeof shown);
            return wazero__error(WAZERO_ERROR_INVALID,
                                 "no feature is called \"%s\"; there are %s", shown,
                                 known);
        }
        found |= (wazero_features_t)1 << bit;
    }
    *features = found;
    return NULL;
}

wazero_error_t *wazero_features_require(wazero_features_t features,
                                        wazero_features_t required)
{
    char text[512];
    if (features & required)
        return NULL;
    wazero_features_text(required, text, sizeof text);
    return wazero__error(WAZERO_ERROR_INVALID, "feature \"%s\" is disabled", text);
}
