#!/usr/bin/env bash
# Looks at the pages of `tts_core::inspect` in a headless browser: what stands there, keys, search, folding,
# comparison, drill-down, hostile texts, and how long a tree of over 5,000 nodes takes to open.
#
# usage: scripts/look.sh [FOLDER] [--shots]     FOLDER gets the pages; --shots renews docs/images
# Needs Chromium or Chrome (CHROME names one), and passes with a reason where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."
shots=
if [ "${*: -1}" = --shots ]; then shots=1; set -- "${@:1:$#-1}"; fi
folder=${1:-$(mktemp -d)}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
browser=${CHROME:-}
for name in chromium chromium-browser google-chrome chrome; do
  if [ -z "$browser" ]; then browser=$(command -v "$name" || true); fi
done
if [ -z "$browser" ]; then
  echo "not looked at: neither Chromium nor Chrome is here (CHROME can name one)"; exit 0
fi
cargo run --quiet -p tts-search --features plot --example gallery -- "$folder"
chrome() {
  "$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars "$@" 2>/dev/null
}
status=0
for page in gallery large report hostile; do
  { cat "$folder/$page.html"; printf '<script>\n'; cat scripts/look.js; printf '</script>\n'; } >"$folder/$page.look.html"
  seen=$(chrome --window-size=1280,800 --timeout=20000 --dump-dom "file://$folder/$page.look.html" |
    LC_ALL=C sed -n 's/.*<pre id="seen">\([^<]*\)<\/pre>.*/\1/p' | head -1)
  rm "$folder/$page.look.html"
  echo "$page: ${seen:-FAILED: the page left nothing}"
  case $seen in ok*) ;; *) status=1 ;; esac
done
if [ -n "$shots" ]; then
  mkdir -p docs/images
  shot() {
    chrome --window-size="$3" --virtual-time-budget=3000 --screenshot="docs/images/$1.png" "file://$folder/$2" >/dev/null
    echo "docs/images/$1.png"
  }
  shot view 'gallery.html#0.22' 1200,640
  shot view-asides 'gallery.html#4.5' 1200,420
  shot view-side-by-side 'gallery.html#0.0+1.0' 1200,760
  shot view-large 'large.html' 1200,520
  shot report report.html 1200,820
fi
exit $status
