#!/bin/bash
# Why: faults that nobody thought of come together. A minute of bench/chaos, always with the same seed, so that a day's
# work is not held up by what another seed finds; STINT_SEED=$RANDOM draws another mix; STINT_CHAOS_JOBS and STINT_CHAOS_SECONDS make it longer.
set -u
exec "$STINT_SOURCE/bench/chaos" --build "$STINT_BUILD" --jobs "${STINT_CHAOS_JOBS:-5000}" --seconds "${STINT_CHAOS_SECONDS:-40}" \
  --seed "${STINT_SEED:-1}"
