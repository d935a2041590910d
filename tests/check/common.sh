# common.sh: what every check needs. Checks run at the root of the tree; they write what is wrong,
# then, as their last line, how much they looked at, and end with 1 if something is wrong.
# shellcheck shell=bash disable=SC2034 # those who read this file use the variables
set -u -o pipefail
export LC_ALL=C.UTF-8

CC=${CC:-gcc}
BUILD=${BUILD:-build}
JOBS=${JOBS:-$(nproc)}

# Files of the tree that match, those not yet known to git included.
files() { # PATTERN...
    git ls-files --cached --others --exclude-standard --deduplicate -- "$@" |
        while IFS= read -r file; do [ -e "$file" ] && printf '%s\n' "$file"; done
}

mapfile -t C_FILES < <(files '*.c')
mapfile -t H_FILES < <(files '*.h')

# The .c files that the slow checks look at: all, or with SINCE=COMMIT those that were changed since
# then, or that include a header that was.
changed() {
    local header
    if [ -z "${SINCE:-}" ]; then
        printf '%s\n' "${C_FILES[@]}"
        return
    fi
    {
        git diff --name-only --diff-filter=d "$SINCE" -- '*.c'
        files '*.c' | grep -vxFf <(git ls-files -- '*.c')
        git diff --name-only --diff-filter=d "$SINCE" -- '*.h' | while IFS= read -r header; do
            grep -lF "\"$header\"" "${C_FILES[@]}"
        done
    } | sort -u
}
mapfile -t CHANGED < <(changed)

read -r -a STANDARD <<<"${STANDARD:--std=gnu11 -D_GNU_SOURCE= -I. -pthread}"
read -r -a WARN <<<"${WARNINGS:--Wall -Wextra}"
FLAGS=("${STANDARD[@]}" '-DBESTER_VERSION="check"')

# Runs a command for each line of its input, several at once; the line comes last.
each() { # COMMAND...
    sed '/^$/d' | tr '\n' '\0' | xargs -0 -r -n 1 -P "$JOBS" "$@"
}
