# Debian packages by purpose, and the one function that installs what is missing. Sourced by run.sh, test.sh and bench/run.

PACKAGES_BUILD="gcc g++ libc6-dev cmake ninja-build pkg-config git ca-certificates
  libuv1-dev libhiredis-dev libpq-dev libjansson-dev libinih-dev libmicrohttpd-dev
  libseccomp-dev libdw-dev libcurl4-openssl-dev libpoppler-private-dev libfontconfig-dev libglib2.0-dev zlib1g-dev"
PACKAGES_RUN="redis-server postgresql tzdata qpdf curl poppler-data"
PACKAGES_TEST="libcmocka-dev libical-dev clang prometheus prometheus-alertmanager jq procps strace valgrind python3 python3-reportlab
  python3-icalendar python3-dateutil khal python3-botocore python3-redis ruby-redis openssl shellcheck"
# What draws the documents that the parser is measured with (bench/pdf-accuracy), and what else reads them. Each may be missing: its part skips.
PACKAGES_PRODUCERS="python3-cairo python3-pdfminer poppler-utils groff fonts-liberation chromium libreoffice-writer-nogui libreoffice-calc-nogui"
# What stint is measured beside (bench/run). Each may be missing: it is skipped by name. BullMQ is npm's.
PACKAGES_BENCH="beanstalkd ruby-sidekiq celery python3-celery python3-rq python3-redis nodejs npm"
PACKAGES_E2E="qemu-system-x86 debootstrap e2fsprogs systemd-container dpkg-dev lintian xz-utils python3-yaml"
PACKAGES_DOCKER="docker.io docker-compose iptables" # installed only where no Docker Engine is: it may be another vendor's

# packages_install NAME...: installs those that are missing; says which; needs root or sudo only then.
packages_install() {
  local missing="" name as_root=""
  for name in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing="$missing $name"
  done
  [ -z "$missing" ] && return 0
  command -v apt-get >/dev/null || { echo "stint: needs Debian packages$missing, and there is no apt-get here" >&2; return 1; }
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "stint: as root, run: apt-get install$missing" >&2; return 1; }
    as_root=sudo
  fi
  echo "== installing Debian packages:$missing"
  # RUNLEVEL=1: where no systemd runs, packages do not start servers of their own (stint starts private ones).
  # shellcheck disable=SC2086
  $as_root apt-get -qq update >/dev/null &&
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install -y --no-install-recommends $missing \
      >"${TMPDIR:-/tmp}/stint-apt.$$.log" 2>&1 ||
    { tail -20 "${TMPDIR:-/tmp}/stint-apt.$$.log" >&2; echo "stint: apt-get failed; its output: ${TMPDIR:-/tmp}/stint-apt.$$.log" >&2; return 1; }
  rm -f "${TMPDIR:-/tmp}/stint-apt.$$.log"
}

# build_aside PRESET[:TARGET]…: builds them one after the other while something else runs, and makes what the ring e2e needs, with processor time that nobody
# else wants; ends with the shell. await_aside PRESET: until it is built, well or not. built_aside PRESET: the same; prints only what went wrong.
BUILD_ASIDE=""
build_aside() {
  local preset wanted target
  mkdir -p build
  for preset in "$@"; do rm -f "build/${preset%:*}.rc"; done
  set -m # a process group of its own, to be ended whole
  (
    set +m
    chrt -i -p 0 "$BASHPID" 2>/dev/null
    renice -n 19 -p "$BASHPID" >/dev/null 2>&1
    STINT_SOURCE=$PWD bash tests/e2e/prepare.sh >build/e2e-prepare.log 2>&1 &
    for wanted in "$@"; do
      preset=${wanted%:*} target=${wanted#"$preset"}
      build_preset "$preset" "${target#:}" 2>"build/$preset.err"
      echo $? >"build/$preset.end"
      mv "build/$preset.end" "build/$preset.rc" # there, and whole
    done
  ) </dev/null &
  BUILD_ASIDE=$!
  set +m
  trap 'kill -- "-$BUILD_ASIDE" 2>/dev/null' EXIT
}
await_aside() {
  while [ -n "$BUILD_ASIDE" ] && [ ! -e "build/$1.rc" ] && kill -0 "$BUILD_ASIDE" 2>/dev/null; do read -r -t 0.5 _ <> <(:) || true; done
}
built_aside() {
  await_aside "$1"
  cat "build/$1.err" >&2
  [ "$(cat "build/$1.rc")" = 0 ]
}

# build_preset PRESET [TARGET]: configures when needed, builds, prints only what went wrong.
build_preset() {
  local log="build/$1.log" target=${2:-all}
  mkdir -p build
  if [ ! -f "build/$1/build.ninja" ]; then
    cmake --preset "$1" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
  fi
  cmake --build --preset "$1" --target "$target" >"$log" 2>&1 || { tail -60 "$log" >&2; return 1; }
}
