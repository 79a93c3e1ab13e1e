#!/bin/bash
# Runs in the container of test_package.sh, as root, once, at boot: the sections of package/ in order. Its lines are the verdicts.
set -u
# shellcheck source=tests/e2e/guest/lib.sh
. /e2e/lib.sh
page_home
for section in /e2e/package/*.sh; do
  echo "# --- ${section##*/} at $SECONDS s"
  # shellcheck source=/dev/null
  . "$section"
done
docs_done
finish
