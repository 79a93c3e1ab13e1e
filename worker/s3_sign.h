/*
 * s3_sign - the URL of an object in S3-compatible storage, signed so that it is good for one look within minutes.
 *
 * Runs in: worker. Pure. AWS Signature Version 4 in the query ("presigned URL", UNSIGNED-PAYLOAD), as the Amazon S3 API reference describes
 * it under "Authenticating Requests: Using Query Parameters". Signing here keeps the secret key out of the process that talks to the network.
 */
#pragma once

#include "conf.h"
#include "err.h"

enum { S3_VALID_S = 900 };

struct s3_object {
    const char *bucket, *key; /* key: any UTF-8 */
    const char *version;      /* NULL: the newest */
};

/* now_s: Unix time. The URL, NUL-terminated, into out. SOURCE_REFUSED (no storage configured, bucket not allowed) or BAD_PAYLOAD (does not fit
 * into size) with e. */
int s3_sign_url(const struct conf_pdf *conf, const struct s3_object *object, int64_t now_s, char *out, size_t size, struct err *e);
