#!/bin/sh
# Puts the policies beside this script in their places on this machine, as root: from a Debian
# preseed's late_command, a package's postinst, a start-up script, or by hand. Run again, it does no
# harm; what an earlier roll-out left and this one does not have is taken away.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}

for path in \
    etc/opt/chrome/policies/managed/preau.json \
    etc/opt/chrome/policies/recommended/preau.json \
    etc/chromium/policies/managed/preau.json \
    etc/chromium/policies/recommended/preau.json \
    etc/opt/edge/policies/managed/preau.json \
    etc/opt/edge/policies/recommended/preau.json \
    etc/firefox/policies/policies.json \
    usr/local/share/ca-certificates/preau.crt
do
    if [ -f "$here/$path" ]; then
        mkdir -p "$root/$(dirname "$path")"
        # Beside its place first: a browser that starts meanwhile reads the old one or the new one.
        cp "$here/$path" "$root/$path.new"
        chmod 644 "$root/$path.new"
        mv "$root/$path.new" "$root/$path"
    else
        rm -f "$root/$path"
    fi
done

if [ -z "$root" ] && command -v update-ca-certificates >/dev/null; then
    update-ca-certificates --fresh >/dev/null
fi
