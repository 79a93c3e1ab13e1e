#!/bin/bash
# Why: faults that nobody thought of come together. A minute of bench/chaos, with a new seed each time; the seed is printed and repeats the mix.
# STINT_SEED=n repeats one; STINT_CHAOS_JOBS and STINT_CHAOS_SECONDS make it longer.
set -u
exec "$STINT_SOURCE/bench/chaos" --build "$STINT_BUILD" --jobs "${STINT_CHAOS_JOBS:-5000}" --seconds "${STINT_CHAOS_SECONDS:-40}" \
  --seed "${STINT_SEED:-$(date +%s)}"
