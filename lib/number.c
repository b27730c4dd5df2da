/*
 * number.c - the shortest text of a double. See number.h.
 *
 * The C library prints with a given number of digits, correctly rounded; the first
 * number of digits that is read back as the same double is the shortest. One case
 * needs a second look: below a power of two doubles lie closer together than above, so
 * that the text next above the number may be read back where the nearest one, below, is
 * not.
 */
#include "number.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A double has at most so many digits that matter. */
enum { DIGITS_MAX = 17 };

/* From this exponent on, and below that one, there is an exponent in the text. */
enum { EXPONENT_FROM = 6, EXPONENT_BELOW = -4 };

/* Adds one to the last of the digits in "d.ddde+dd" text; false if all are 9. */
static bool step_up(char *text, const char *end)
{
    for (char *digit = text + (end - text); digit-- > text;)
        if (*digit == '9')
            *digit = '0';
        else if (*digit >= '0' && *digit <= '8')
            return ++*digit;
    return false;
}

/* Whether a text of a number is read back as it; or the text above, which is then put
 * there. */
static bool is_exact(double number, char *text)
{
    int exponent;
    if (strtod(text, NULL) == number)
        return true;
    if (frexp(number, &exponent) != 0.5) /* no power of two */
        return false;
    return step_up(text, strchr(text, 'e')) && strtod(text, NULL) == number;
}

/* The digits of a finite number above 0, without zeros at their end, and the exponent
 * of the first. */
static void find_digits(double number, char *digits, int *exponent)
{
    char text[WAZERO__NUMBER_SIZE];
    int count = 0;
    for (int precision = 0; precision < DIGITS_MAX; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, number);
        if (is_exact(number, text))
            break;
    }
    const char *e = strchr(text, 'e');
    for (const char *c = text; c < e; c++)
        if (*c >= '0' && *c <= '9') /* what is between them depends on the locale */
            digits[count++] = *c;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    digits[count] = '\0';
    *exponent = (int)strtol(e + 1, NULL, 10);
}

/* Zeros are written one by one, for there are few. */
static char *put_zeros(char *at, int count)
{
    for (int i = 0; i < count; i++)
        *at++ = '0';
    return at;
}

static char *put(char *at, const char *text, size_t size)
{
    memcpy(at, text, size);
    return at + size;
}

/* "1.25e+06" */
static void put_with_exponent(char *at, const char *digits, int exponent)
{
    at = put(at, digits, 1);
    if (digits[1]) {
        *at++ = '.';
        at = put(at, digits + 1, strlen(digits + 1));
    }
    unsigned size = (unsigned)abs(exponent) % 1000; /* as the compiler cannot know */
    snprintf(at, sizeof "e+308", "e%c%02u", exponent < 0 ? '-' : '+', size);
}

/* "12.5", "0.00125", "1200" */
static void put_without(char *at, const char *digits, int exponent)
{
    int count = (int)strlen(digits), whole = exponent + 1;
    if (whole <= 0) {
        at = put(at, "0.", 2);
        at = put_zeros(at, -whole);
        at = put(at, digits, (size_t)count);
    } else if (whole >= count) {
        at = put(at, digits, (size_t)count);
        at = put_zeros(at, whole - count);
    } else {
        at = put(at, digits, (size_t)whole);
        *at++ = '.';
        at = put(at, digits + whole, (size_t)(count - whole));
    }
    *at = '\0';
}

void wazero__number_text(double number, char *text)
{
    char digits[DIGITS_MAX + 1];
    int exponent;
    if (isnan(number)) {
        strcpy(text, "NaN");
        return;
    }
    if (isinf(number)) {
        strcpy(text, number > 0 ? "+Inf" : "-Inf");
        return;
    }
    if (signbit(number))
        *text++ = '-';
    if (number == 0) {
        strcpy(text, "0");
        return;
    }
    find_digits(fabs(number), digits, &exponent);
    if (exponent < EXPONENT_BELOW || exponent >= EXPONENT_FROM)
        put_with_exponent(text, digits, exponent);
    else
        put_without(text, digits, exponent);
}
