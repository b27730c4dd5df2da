/*
 * number.h - numbers as text.
 */
#ifndef WAZERO_LIB_NUMBER_H
#define WAZERO_LIB_NUMBER_H

/* What a number takes as text, with its NUL. */
enum { WAZERO__NUMBER_SIZE = 32 };

/* Writes a number as Go's strconv does with the format 'g' and the precision -1: as few
 * digits as tell it from all others, with an exponent from 1e+06 on and below 0.0001;
 * "NaN", "+Inf", "-Inf". */
void wazero__number_text(double number, char *text);

#endif
