/*
 * identity - which parser this is: another build or PDF library is another one, whose replies are not to be mixed with this one's.
 *
 * Runs in: parser zygote, before it gives up its rights. Blocks for reads of local files, once.
 */
#pragma once

#include "base.h"

enum { IDENTITY_HEX = 65 };

/* 64 hex digits over this program's own file and the PDF library as it is on this host. "" when the program's file cannot be read. */
void identity_make(char out[static IDENTITY_HEX]);
