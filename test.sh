#!/usr/bin/env bash
# Sets up everything and runs every test. ./test.sh [--fast] [--all] [RING...]
#   rings: unit check cost integration crash faults hostile e2e   (default: all, then builds by clang and for release without a warning, then unit and
#          integration again under ASan+UBSan, then the programs with threads of their own under ThreadSanitizer)
#   threads: those alone (preset tsan)
#   --all: hostile in full (every foreign document in every mode, 25000 bent ones: half an hour, not two minutes), every cell of the kill matrix,
#          100,000 dead letters, not 20,000
#   --fast: only the rings, and e2e only when it is named (it makes a virtual machine)
# The last line says: N passed, N failed, N skipped.
set -u
cd "$(dirname "$0")" || exit 1
. scripts/packages.sh
. scripts/test-count.sh

fast=no rings="" named=yes
for arg in "$@"; do
  case "$arg" in
    --fast) fast=yes ;;
    --all) export STINT_HOSTILE=all STINT_MATRIX=full STINT_VOLUME=all ;;
    unit|check|cost|integration|crash|faults|hostile|e2e|threads) rings="$rings $arg" ;;
    *) echo "test.sh: unknown argument '$arg'; allowed: --fast --all unit check cost integration crash faults hostile e2e threads" >&2; exit 2 ;;
  esac
done
export TSAN_OPTIONS=halt_on_error=1
started=$SECONDS
[ -n "$rings" ] || { rings="unit check cost integration crash faults hostile"; named=no; [ "$fast" = yes ] || rings="$rings e2e"; }

# shellcheck disable=SC2086
packages_install $PACKAGES_BUILD $PACKAGES_RUN $PACKAGES_TEST || exit 1
# shellcheck disable=SC2086
packages_install $PACKAGES_PRODUCERS || echo "test.sh: without these packages documents of their producers are not tried" >&2
case " $rings " in *" e2e "*)
  packages_install $PACKAGES_E2E || echo "test.sh: without these packages the ring e2e skips" >&2
  command -v dockerd >/dev/null || packages_install $PACKAGES_DOCKER || echo "test.sh: without these packages the Docker tests of the ring e2e skip" >&2
  ;;
esac
[ "$rings" = " threads" ] || { echo "== build (dev)"; build_preset dev || exit 1; }

# Rings that mostly wait run side by side; each of them alone when only some are asked for.
whole=no
[ "$fast" = yes ] || [ "$named" = yes ] || whole=yes
[ "$named" = yes ] || rings="unit,check,cost integration,crash hostile faults$([ $whole = no ] || echo ,e2e)"
for ring in $rings; do
  # From the first ring on that mostly waits, the other builds use what processor time is left over.
  [ "$ring" != integration,crash ] || [ $whole = no ] || build_aside package asan tsan:threads clang strict
  [ "$ring" != faults,e2e ] || await_aside package # its test builds there, too
  if [ "$ring" = threads ]; then
    echo "== build (tsan: ThreadSanitizer)"
    build_preset tsan threads || exit 1
    run_rings tsan threads
  else
    run_rings dev "${ring//,/ }"
  fi
done
if [ $whole = yes ]; then
  echo "== builds (asan: AddressSanitizer and UndefinedBehaviorSanitizer; tsan: ThreadSanitizer)"
  built_aside asan && built_aside tsan || exit 1
  rings_start tsan threads &
  threads=$!
  run_rings asan "unit integration"
  wait "$threads"
  rings_count tsan threads
  for preset in clang strict; do
    echo "== build ($preset): not one warning"
    if built_aside "$preset"; then PASSED=$((PASSED + 1)); else FAILED=$((FAILED + 1)); fi
  done
fi

echo "== $((SECONDS - started)) s"
print_counts
