/*
 * pdf_advice - what whoever holds a document can do when it was refused.
 *
 * Runs in: ctl. Pure.
 */
#pragma once

/* By the code's name; never NULL. Static storage. */
const char *pdf_advice(const char *code);
