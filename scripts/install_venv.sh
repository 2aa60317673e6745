#!/bin/sh
# Debian keeps `venv` out of the python3 package. Installs it where that is allowed, and says what to do
# where it is not. Usage: install_venv.sh PYTHON
set -eu

python=${1:-python3}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
package="python$version-venv"

if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root=sudo
    else
        echo "Python lacks the venv module. Install it and run again:  sudo apt-get install $package" >&2
        exit 1
    fi
    echo "Installing $package, which Debian's python3 needs to create .venv" >&2
    $as_root apt-get update -qq >&2
    # An empty $as_root must vanish, so it is not quoted.
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "$package" >&2
fi

"$python" -c 'import ensurepip, venv' 2>/dev/null || {
    echo "$python has no venv module; install your system's package for it, or set PYTHON=..." >&2
    exit 1
}
