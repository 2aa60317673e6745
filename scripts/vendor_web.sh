#!/bin/sh
# Fetches the page's libraries from npm, in the versions named here, into src/roost/web: one ES module each, with its
# licence. Browsers load them as they are, so the names they import each other by become relative paths.
set -eu

web=$(cd "$(dirname "$0")/.." && pwd)/src/roost/web
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

take() { # package version file-in-package folder/name-here
    mkdir -p "$work/$4" "$web/${4%/*}"
    (cd "$work/$4" && npm pack --silent "$1@$2" >/dev/null && tar xzf ./*.tgz)
    echo '// @ts-nocheck' >"$web/$4.js"
    sed -e 's#//\# sourceMappingURL=.*##' \
        -e 's#from *"preact/hooks"#from"./hooks.js"#g' \
        -e 's#from *"preact"#from"./preact.js"#g' \
        -e 's#from *"@preact/signals-core"#from"./signals-core.js"#g' \
        "$work/$4/package/$3" >>"$web/$4.js"
    if [ -e "$work/$4/package/LICENSE" ]; then
        cp "$work/$4/package/LICENSE" "$web/$4.LICENSE"
    fi
}

take preact 11.2.0 dist/preact.mjs vendor/preact
take preact 11.2.0 hooks/dist/hooks.mjs vendor/hooks
take htm 3.1.1 dist/htm.mjs vendor/htm
take @preact/signals-core 1.14.5 dist/signals-core.mjs vendor/signals-core
take @preact/signals 2.11.4 dist/signals.mjs vendor/signals
take idb 8.0.4 build/index.js sdk/vendor/idb
