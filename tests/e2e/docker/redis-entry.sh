#!/bin/sh
# The little of the official image's entry that compose.yaml relies on: other containers may connect.
exec "$@" --bind 0.0.0.0 --protected-mode no
