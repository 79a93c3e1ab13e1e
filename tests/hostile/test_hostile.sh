#!/usr/bin/env bash
# Foreign, bent and made-up PDFs through a real zygote and its cells: every one ends in a result or a named failure within its limits, and
# the host is as it was. STINT_HOSTILE=all tries every document in three modes and bends 20000 (ten minutes and more); else two minutes.
# STINT_SEED bends otherwise; a failure prints the seed and the number, and its input is kept in the build's folder hostile/.
set -u
build=${STINT_BUILD:?} source=${STINT_SOURCE:?}
command -v python3 >/dev/null || { echo "skip - hostile input: no python3"; exit 0; }
export PYTHONDONTWRITEBYTECODE=1 PATH="$build/bin:$PATH"
mkdir -p "$build/hostile"
work=$(mktemp -d -p "$build/hostile") # not below /tmp: see the end
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/generated" "$work/opened" "$work/bombs"
for kind in lecture test exam; do
  for producer in portal browser reportlab; do
    out=generated/$kind-$producer.pdf
    stint-pdfgen --kind $kind --producer $producer --rows 20 --seed 3 --out "$work/$out" || { echo "not ok - $out cannot be made"; exit 1; }
    ! command -v qpdf >/dev/null || qpdf --qdf --stream-data=uncompress "$work/$out" "$work/opened/$kind-$producer.pdf"
  done
done
arguments=("$work/generated" "$work/opened")
if suites=$(python3 "$source/tests/support/pdf/suites.py" fetch 2>"$work/why"); then
  sed 's/^/# /' "$work/why"
  arguments+=("$suites")
else
  echo "skip - foreign test suites: $(tail -1 "$work/why")"
fi
if [ "${STINT_HOSTILE:-}" = all ]; then
  arguments+=(--modes 3 --mutations 25000 --seconds 1800 --seed "${STINT_SEED:-1}")
else
  arguments+=(--mutations 4000 --seconds 60 --seed "${STINT_SEED:-1}")
fi
python3 "$source/tests/hostile/bombs.py" "$work/bombs" >"$work/list" || { echo "not ok - the bombs cannot be made"; exit 1; }
arguments+=(--bombs "$work/list" --good "$work/generated/exam-portal.pdf" --keep "$build/hostile")

export TMPDIR="$work/tmp"
mkdir -p "$TMPDIR" "$work/here"
cd "$work/here" || exit 1
# Where folders for temporary files can be its own, a file that appears there was made by the parser, and fails.
case "$build" in /tmp/*|/var/tmp/*) own= ;; *) own=$(unshare -m --propagation private mount -t tmpfs tmpfs /tmp 2>&1 && echo yes) ;; esac
if [ "$own" = yes ]; then
  unshare -m --propagation private bash -c 'for d in /tmp /var/tmp /dev/shm; do mount -t tmpfs tmpfs $d || exit 2; done; exec "$@"' own \
    "$build/tests/hostile_drive" --private "${arguments[@]}"
else
  echo "# /tmp cannot be made private here: files that appear are looked for in the working folder alone"
  "$build/tests/hostile_drive" "${arguments[@]}"
fi
