#!/bin/sh
# Install the system packages that a list names and this system lacks.
#
#     sh scripts/install_system_packages.sh [--once NOTE] LIST
#
# LIST is a file such as requirements/apt.txt. A failure here does not end the set-up: what cannot be
# installed is named, with its purpose and the command that a person with the rights can run. With
# --once, the file NOTE remembers what was not available, so that nobody waits for it, or reads
# about it, a second time.
set -eu
note=
if [ "$1" = --once ]; then note=$2; shift 2; fi
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

give_up() { # the end, if something is missing that cannot be had
    if [ -n "$note" ]; then echo "$missing" >"$note"; fi
    exit 0
}

has_apt() {
    command -v dpkg >/dev/null && command -v apt-get >/dev/null
}

missing=
for package in $(sed 's/#.*//' "$list" | tr -s '[:space:]' ' '); do
    has_apt && is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ -f "$note" ] && echo "$missing" | grep -Fqx -f "$note"; then exit 0; fi

if ! has_apt; then
    echo "System packages: no apt here. Install these by other means if you want what they give:"
    explain $missing
    give_up
fi

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "System packages: no right to install these."
    explain $missing
    echo "To install them: sudo apt-get install --no-install-recommends$missing"
    give_up
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
    echo "System packages: these could not be installed."
    explain $failed
    echo "To try again: ${as_root:+sudo }apt-get install --no-install-recommends$failed"
    missing=$failed
    give_up
fi
