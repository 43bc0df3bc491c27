#!/bin/sh
# Install missing system packages from a list.
#
#     sh scripts/install_system_packages.sh [--once NOTE] LIST
#
# LIST is a file such as requirements/apt.txt. Failures do not abort the setup: the script lists
# packages that cannot be installed, with their purpose and the command for somebody with permission.
# With --once, the file NOTE remembers these packages, so that later runs neither try nor report them
# again.
set -eu
note=
if [ "$1" = --once ]; then note=$2; shift 2; fi
list=$1

is_installed() { # removed packages with remaining configuration also have a status
    dpkg -s "$1" 2>/dev/null | grep -q '^Status: .* installed$'
}

explain() { # print the comment above each package in the list, which states its purpose
    for package in "$@"; do
        awk -v package="$package" '
            /^#/ { reason = reason substr($0, 2); next }
            $1 == package { print "  " package ":" reason }
            { reason = "" }' "$list"
    done
}

give_up() { # exit if packages are missing that cannot be installed
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
    echo "System packages: apt is not available. Install these by other means if you need them:"
    explain $missing
    give_up
fi

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "System packages: no permission to install these:"
    explain $missing
    echo "To install them: sudo apt-get install --no-install-recommends$missing"
    give_up
fi

run_apt_get() { # apt-get must neither prompt nor read standard input
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get "$@" </dev/null >/dev/null
}

echo "System packages: installing$missing"
run_apt_get -qq update || true # outdated package lists or a broken source may still suffice
failed=
for package in $missing; do # one by one, so that an unknown package does not affect the others
    run_apt_get -qq install -y --no-install-recommends "$package" || failed="$failed $package"
done

if [ -n "$failed" ]; then
    echo "System packages: these could not be installed:"
    explain $failed
    echo "To try again: ${as_root:+sudo }apt-get install --no-install-recommends$failed"
    missing=$failed
    give_up
fi
