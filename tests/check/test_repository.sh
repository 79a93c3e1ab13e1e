#!/usr/bin/env bash
# Repository rules: what reviewers would otherwise have to say again. Each check first finds a planted violation in a scratch tree
# (a check that cannot fail is no check) and then reports how many things it looked at in the real one; looking at zero fails.
set -u
SOURCE=${STINT_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
BUILD=${STINT_BUILD:-$SOURCE/build/dev}
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
failures=0
PROGRAMS="supervisor worker parser fetch relay console ctl"
LIBRARIES="pdf match wait replay operate" # shared by the programs named in may_include

# Every check prints violations, one a line, and last "looked N". Argument: the root of a tree.
sources() { (cd "$1" && find common $LIBRARIES $PROGRAMS demo -name '*.[ch]' 2>/dev/null | sort); }

check_file_sizes() { # .c at most 600 lines, .h at most 250
  local n=0 f lines most
  for f in $(sources "$1"); do
    n=$((n + 1)); lines=$(wc -l <"$1/$f"); most=600
    case "$f" in *.h) most=250 ;; esac
    case "$f" in parser/layouts/*|*/migrations/*) continue ;; esac
    [ "$lines" -le "$most" ] || echo "$f: $lines lines, at most $most"
  done
  echo "looked $n"
}

check_function_sizes() { # no function above 80 lines
  local f
  for f in $(sources "$1" | grep '\.c$'); do
    awk -v f="$f" '
      /^\{$/ { start = NR; next }
      /^\}$/ && start { if (NR - start + 1 > 81) printf "%s:%d: a function of %d lines, at most 80\n", f, start, NR - start - 1; start = 0; n++ }
      END { print "count " n + 0 }' "$1/$f"
  done | awk '/^count / { n += $2; next } { print } END { print "looked " n + 0 }'
}

check_headers_say_where_they_run() { # every header opens with a comment that says its process and ends with pragma once
  local n=0 f
  for f in $(sources "$1" | grep '\.h$'); do
    n=$((n + 1))
    head -1 "$1/$f" | grep -q '^/\*' || echo "$f: does not open with a comment"
    head -20 "$1/$f" | grep -qE 'Runs in:|^ \* X\(|_table|_defaults' || echo "$f: does not say which process it runs in ('Runs in:')"
    grep -q '^#pragma once' "$1/$f" || echo "$f: no #pragma once"
  done
  echo "looked $n"
}

check_sources_open_with_why() { # every .c opens with a comment
  local n=0 f
  for f in $(sources "$1" | grep '\.c$'); do
    n=$((n + 1)); head -1 "$1/$f" | grep -q '^/\*' || echo "$f: does not open with a comment"
  done
  echo "looked $n"
}

may_include() { # may_include FROM LIBRARY
  case "$1:$2" in worker:pdf|ctl:pdf|worker:match|supervisor:wait|ctl:match|ctl:operate|console:operate|replay:match|replay:wait|ctl:replay) return 0 ;; esac
  return 1
}

check_folders_do_not_mix() { # a folder includes its own headers, common's, and those of a library it is a user of; no program's
  local n=0 f h from owner
  for f in $(sources "$1"); do
    from=${f%%/*}
    for h in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$1/$f"); do
      n=$((n + 1)); h=${h##*/}
      [ -e "$1/$from/$h" ] || [ -e "$1/common/$h" ] && continue
      for owner in $PROGRAMS $LIBRARIES; do
        [ -e "$1/$owner/$h" ] && ! may_include "$from" "$owner" && echo "$f: includes $owner/$h"
      done
    done
  done
  echo "looked $n"
}

check_stems_unique() { # one stem, one module, over the whole repository (main and a header's own .c aside)
  local list
  list=$(sources "$1" | grep '\.c$' | grep -v '/main\.c$')
  echo "$list" | sed 's,.*/,,' | sort | uniq -d | sed 's/$/: the stem is used twice/'
  echo "looked $(echo "$list" | grep -c .)"
}

check_left_overs() { # nothing half-done is committed
  # shellcheck disable=SC2046 # names without spaces, a word each
  (cd "$1" && grep -nEI 'TODO|FIXME|XXX|not implemented' $(sources .) $(find . -path ./build -prune -o -path ./node_modules -prune -o \( -name '*.lua' -o -name '*.sql' \) -print) 2>/dev/null)
  echo "looked $(sources "$1" | grep -c .)"
}

check_no_sleeping_tests() { # tests wait for something, never for time to pass
  local n
  n=$(find "$1/tests" -name '*.[ch]' -o -name '*.sh' | grep -c .)
  # shellcheck disable=SC2046
  (cd "$1" && grep -nE '(^|[^_a-z])(sleep|usleep|nanosleep) *\(' $(find tests -name '*.[ch]') 2>/dev/null | grep -v 'poll interval')
  echo "looked $n"
}

check_tests_cannot_flake() { # tests/README.md, "How to write a test that cannot flake": what can be seen from outside
  local n
  n=$(find "$1/tests" -name '*.[ch]' -o -name '*.sh' | grep -c .)
  (
    cd "$1" || exit
    tell() { sed "s/\$/  <- $1/"; }
    grep -rnE 'until_true +[0-5]?[0-9] ' tests --include='*.sh' | tell "a deadline below a minute"
    grep -rnE 'until_true +[^ ]+ +(test|\[) .*\$\(' tests --include='*.sh' | tell "expanded once, before the first look: make it a function"
    grep -rnE '(seed|SEED|RANDOM).*(\$\(date|\$\(\(.*\$\$|getrandom)' tests --include='*.sh' --include='*.[ch]' | grep -v check/test_repository.sh | tell "a seed drawn anew"
    grep -rnE '(mono_ms\(\)|now_ms\)\)?) - [a-z_$]+\)? (<|-lt) [0-9]' tests --include='*.sh' --include='*.[ch]' | tell "fails on a slow machine"
  ) 2>/dev/null
  echo "looked $n"
}

check_prototypes_commented() { # a prototype in a header has a comment above it, or shares the one of its neighbours
  local f
  for f in $(sources "$1" | grep '\.h$'); do
    awk -v f="$f" '
      /^[a-z].*\(.*/ && !/^(static|typedef|struct|enum|extern|#)/ || /^(struct|enum|extern) [a-z_]+ \*?[a-z_]+\(/ {
        n++; if (!commented && $0 !~ /\/\*/) printf "%s:%d: a prototype without a comment: %s\n", f, NR, $0 }
      /\*\/ *$/ { commented = 1 }
      /^$/ { commented = 0 }
      END { print "count " n + 0 }' "$1/$f"
  done | awk '/^count / { n += $2; next } { print } END { print "looked " n + 0 }'
}

check_troubles_explained() { # every error reply of Redis that has a remedy is explained where operators look
  local n=0 word table="$1/common/redis_trouble_table.h"
  while read -r word; do
    n=$((n + 1))
    grep -qF -- "${word% }" "$1/docs/operations/faults.md" || echo "common/redis_trouble_table.h: '$word' is not in docs/operations/faults.md"
  done < <(sed -n 's/^ *X("\([^"]*\)",.*/\1/p' "$table")
  echo "looked $n"
}

plant() { # plant CHECK: a scratch tree with one violation
  rm -rf "$SCRATCH/tree"; mkdir -p "$SCRATCH/tree"/{common,supervisor,worker,parser,fetch,ctl,tests}
  cd "$SCRATCH/tree" || exit 1
  case "$1" in
    check_file_sizes) seq 601 >worker/big.c ;;
    check_function_sizes) { echo 'int f(void)'; echo '{'; seq 90; echo '}'; } >worker/long.c ;;
    check_headers_say_where_they_run) printf '/* x */\n#pragma once\n' >worker/mute.h ;;
    check_sources_open_with_why) echo 'int x;' >worker/bare.c ;;
    check_folders_do_not_mix) touch supervisor/slots.h; echo '#include "slots.h"' >worker/nosy.c ;;
    check_stems_unique) touch worker/same.c ctl/same.c ;;
    check_left_overs) echo '/* TODO */' >worker/later.c ;;
    check_no_sleeping_tests) echo '  sleep(1);' >tests/test_lazy.c ;;
    check_tests_cannot_flake) printf 'until_%s 5 true\n' true >tests/test_hasty.sh ;;
    check_troubles_explained)
      mkdir -p docs/operations && : >docs/operations/faults.md
      printf '    X("LOADING", NOT_READY, REDIS_UNAVAILABLE, "wait")\n' >common/redis_trouble_table.h ;;
    check_prototypes_commented) printf '/* x */\n\nint f(void);\n' >worker/dumb.h ;;
  esac
  cd "$SOURCE" || exit 1
}

run_check() {
  local name=$1 out looked
  plant "$name"
  if ! "$name" "$SCRATCH/tree" | grep -qv '^looked '; then
    echo "not ok - $name: does not see a planted violation"; failures=$((failures + 1)); return
  fi
  out=$("$name" "$SOURCE")
  looked=$(echo "$out" | sed -n 's/^looked //p')
  if [ "${looked:-0}" -eq 0 ]; then
    echo "not ok - $name: looked at nothing"; failures=$((failures + 1)); return
  fi
  if echo "$out" | grep -qv '^looked '; then
    echo "$out" | grep -v '^looked ' | head -40 | sed 's/^/# /'
    echo "not ok - $name: violations (looked at $looked)"; failures=$((failures + 1))
  else
    echo "ok - $name: looked at $looked"
  fi
}

for name in $(declare -F | sed -n 's/^declare -f \(check_.*\)/\1/p'); do
  run_check "$name"
done
[ "$failures" -eq 0 ]
