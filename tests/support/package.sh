# What the scripts that install the Debian package share: built as docs/operations/install.md says, and that page's commands for the guest.
# Sourced after vm.sh. Needs STINT_SOURCE.
# shellcheck shell=bash
STINT_BUILD_PACKAGE="$STINT_SOURCE/build/package"
PACKAGE_PAGE="$STINT_SOURCE/docs/operations/install.md"

package_require() {
  local tool
  for tool in dpkg-shlibdeps:dpkg-dev xz:xz-utils python3:python3; do
    command -v "${tool%%:*}" >/dev/null || vm_skip "${tool%%:*} is missing: apt-get install ${tool#*:}"
  done
}

# package_words TEXT: the page's block that holds TEXT is run here, in the checkout, word by word.
package_words() {
  local block found
  mkdir -p "$VM_DIR/page"
  [ -n "$(ls -A "$VM_DIR/page")" ] || python3 "$STINT_SOURCE/tests/support/doc_commands.py" "$PACKAGE_PAGE" package --split "$VM_DIR/page" >/dev/null
  found=$(grep -lF -- "$1" "$VM_DIR"/page/*.sh)
  [ "$(grep -c . <<<"$found")" = 1 ] || { echo "not ok - the page has one block with \"$1\": $found"; exit 1; }
  block=$(cat "$found")
  (cd "$STINT_SOURCE" && bash -e -c "$block") >"$VM_DIR/package.log" 2>&1 && return 0
  echo "not ok - $VM_NAME: the page's words fail: $1:"
  tail -n 15 "$VM_DIR/package.log" | sed 's/^/# /'
  exit 1
}

# package_make FOLDER: the package, made anew, in FOLDER.
package_make() {
  rm -f "$STINT_BUILD_PACKAGE"/*.deb "$STINT_BUILD_PACKAGE"/*.ddeb
  package_words "&& cpack)"
  mkdir -p "$1" && mv "$STINT_BUILD_PACKAGE"/stint_*.deb "$1/"
}

# package_source FOLDER: what the page installs without a package, below FOLDER instead of /.
package_source() {
  DESTDIR="$1" package_words "cmake --install build/package"
}

# package_page FOLDER RING…: the page's commands for the guest, but for those that are run here, in FOLDER/doc.
package_page() {
  local folder=$1 ring
  shift
  mkdir -p "$folder/doc"
  for ring; do python3 "$STINT_SOURCE/tests/support/doc_commands.py" "$PACKAGE_PAGE" "$ring" --split "$folder/doc" >/dev/null; done
  grep -lE '^cmake ' "$folder"/doc/*.sh | xargs rm -f
}
