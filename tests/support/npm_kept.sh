# npm packages that a test needs and no Debian package has: fetched once, kept in $STINT_CACHE, never in the source. Sourced, not run.
# shellcheck shell=bash
# npm_kept FOLDER COPY: COPY becomes FOLDER's programs beside the node_modules of its package.json. Says why it skips, and fails, where npm
# or its registry is not at hand.
npm_kept() {
  local folder=$1 copy=$2 kept
  command -v npm >/dev/null && command -v node >/dev/null || { echo "skip - ${folder##*/}: npm is missing: apt-get install npm"; return 1; }
  kept=${STINT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stint}/npm-${folder##*/}-$(cksum <"$folder/package.json" | cut -d ' ' -f 1)
  mkdir -p "$kept" && exec 7>"$kept/lock" && flock -w 300 7 || { echo "skip - ${folder##*/}: $kept cannot be written"; return 1; }
  if [ ! -e "$kept/done" ]; then
    cp "$folder/package.json" "$kept/"
    (cd "$kept" && timeout 300 npm install --no-audit --no-fund >npm.log 2>&1) && touch "$kept/done" ||
      { echo "skip - ${folder##*/}: npm cannot install its packages (see $kept/npm.log)"; return 1; }
  fi
  exec 7>&-
  mkdir -p "$copy" && cp "$folder"/* "$copy/" && ln -s "$kept/node_modules" "$copy/node_modules"
}
