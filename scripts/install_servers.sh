#!/bin/sh
# Installs the servers that tests and `make cluster` run on, from Debian's packages, where that is allowed; does nothing
# when all are there. No daemon is started: who needs a server starts one of its own, on other ports and data.
#
#   install_servers.sh              all, for the tests; without them their tests are skipped, so this fails only where
#                                   everything is to be tested (CI=true)
#   install_servers.sh PACKAGE...   these; fails where one can't be installed
set -eu

# Each line: a file that the package brings, and the package.
missing=$(
    while read -r file package; do
        test $# -eq 0 || case " $* " in *" $package "*) ;; *) continue ;; esac
        test -e "$file" || printf '%s ' "$package"
    done <<-END
	/usr/lib/rabbitmq/bin/rabbitmq-server rabbitmq-server
	/usr/bin/pg_ctlcluster postgresql
	/usr/sbin/mariadbd mariadb-server
	/usr/bin/redis-server redis-server
	/usr/sbin/nginx nginx-light
	/usr/bin/chromium chromium
	END
)
missing=${missing% }
test -n "$missing" || exit 0
if [ $# -gt 0 ] || [ "${CI:-}" = true ]; then
    without="Nothing goes on without them." status=1
else
    without="Tests on them are skipped." status=0
fi

give_up() {
    echo "Not installed: $missing ($1). $without To have them:  sudo apt-get install $missing" >&2
    exit "$status"
}

command -v apt-get >/dev/null 2>&1 || give_up "no apt-get here"
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root=sudo
else
    give_up "that needs root"
fi

echo "Installing $missing" >&2
# A package starts its daemon unless policy-rc.d forbids it (invoke-rc.d(8)): exit code 101. What is there stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
    trap '$as_root rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
fi
# An empty $as_root must vanish, and $missing is a list: neither is quoted.
$as_root apt-get update -qq >&2 || give_up "apt-get update failed"
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >&2 || give_up "apt-get install failed"
