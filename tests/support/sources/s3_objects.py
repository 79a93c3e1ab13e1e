#!/usr/bin/python3
"""Puts a file into S3-compatible storage under many names, by botocore; prints each as the JSON of a pdf-parse source.

s3_objects.py ENDPOINT BUCKET FILE
"""
import json, sys
import botocore.session
from botocore.config import Config

KEYS = ["exams.pdf", "in/2026/exams.pdf", "a b.pdf", "plus+and=equals&.pdf", "percent%20%2F.pdf", "\u00fcml\u00e4ut \u65e5\u672c.pdf", "quote'\"(x)*!.pdf",
        "at@colon:,;$.pdf", "tilde~-_.pdf", "hash#question?.pdf", "deep/" * 20 + "k.pdf"]


def main():
    endpoint, bucket, path = sys.argv[1:]
    client = botocore.session.get_session().create_client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="S3RVER", aws_secret_access_key="S3RVER",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 1}))
    body = open(path, "rb").read()
    for key in KEYS:
        client.put_object(Bucket=bucket, Key=key, Body=body)
        print(json.dumps({"bucket": bucket, "key": key}))
    client.put_object(Bucket=bucket, Key="notes.txt", Body=b"no document at all " * 100)


main()
