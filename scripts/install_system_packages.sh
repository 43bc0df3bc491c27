#!/bin/sh
# Install the system packages that a list names and this system lacks.
#
#     sh scripts/install_system_packages.sh apt.txt
#
# The study runs without them, so nothing here ends the set-up: what cannot be installed is
# named, with what it is for and the command that a person with the rights can run.
set -eu
list=$1

is_installed() { # a removed package whose configuration stayed also has a status
    dpkg -s "$1" 2>/dev/null | grep -q '^Status: .* installed$'
}

explain() { # the comment above each package in the list says what it is for
    for package in "$@"; do
        awk -v package="$package" '
            /^#/ { reason = reason substr($0, 2); next }
            $1 == package { print "  " package ":" reason }
            { reason = "" }' "$list"
    done
}

wanted=$(sed 's/#.*//' "$list" | tr -s '[:space:]' ' ')

if ! command -v dpkg >/dev/null || ! command -v apt-get >/dev/null; then
    echo "System packages: no apt here. Install these by other means if you want what they give:"
    explain $wanted
    exit 0
fi

missing=
for package in $wanted; do
    is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "System packages: no right to install these; the study runs without them."
    explain $missing
    echo "To install them: sudo apt-get install --no-install-recommends$missing"
    exit 0
fi

run_apt_get() { # apt-get must neither ask nor read what was meant for somebody else
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get "$@" </dev/null >/dev/null
}

echo "System packages: installing$missing"
run_apt_get -qq update || true # an old list of packages, or one broken source, is often enough
failed=
for package in $missing; do # one by one: a package unknown to this release stops no other
    run_apt_get -qq install -y --no-install-recommends "$package" || failed="$failed $package"
done

if [ -n "$failed" ]; then
    echo "System packages: these could not be installed; the study runs without them."
    explain $failed
    echo "To try again: ${as_root:+sudo }apt-get install --no-install-recommends$failed"
fi
