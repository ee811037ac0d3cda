#!/bin/bash
# embed_page.sh PAGE.html: prints the page as a C array, and a Content-Security-Policy that lets it run its own
# style and script and nothing else (CSP3, 'sha256-…'). The page has one <style> and one <script>.
set -eu

between() { # tag: what is between the line <tag> and the line </tag>, as the browser takes it
    printf '\n'
    awk -v begin="<$1>" -v end="</$1>" '$0 == end { exit } inside; $0 == begin { inside = 1 }' "$page"
}

hash_of() {
    local sum
    sum=$(between "$1" | sha256sum)
    printf '%b' "$(sed 's/../\\x&/g' <<<"${sum%% *}")" | base64
}

page=$1
echo "#define LIVE_POLICY \"default-src 'none'; connect-src 'self'; img-src data:; \\"
echo "style-src 'sha256-$(hash_of style)'; script-src 'sha256-$(hash_of script)'; \\"
echo "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\""
echo "static const unsigned char live_html[] = {"
od -An -v -tx1 "$page" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
echo "};"
