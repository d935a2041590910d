#!/bin/bash
# The completions that the programs print: they load, and complete what they should. Writes TAP.
set -u
cd "$(dirname "$0")/../.." || exit
build=${BESTER_BUILD:-build}
count=0

check() { # NAME COMMAND...: ok if the command succeeds
    local name=$1
    shift
    count=$((count + 1))
    if "$@"; then echo "ok $count - $name"; else echo "not ok $count - $name"; fi
}

# What TAB offers behind these words, in one line.
offers() { # PROGRAM WORDS...
    local program=$1
    shift
    COMP_WORDS=("$program" "$@") COMP_CWORD=$# COMPREPLY=()
    "_complete_$program" 2>/dev/null
    echo "${COMPREPLY[*]}"
}

expect() { # WANTED PROGRAM WORDS...
    local wanted=$1 got
    shift
    got=$(offers "$@")
    [ "$got" = "$wanted" ] || { echo "# offered: $got"; return 1; }
}

loads() { # PROGRAM
    # shellcheck source=/dev/null
    source <("$build/$1" --completion bash) && complete -p "$1" >/dev/null
}

for program in besterd bester-cli bester-send; do
    check "$program: bash loads it" loads $program
    check "$program: options" expect "--version" $program --vers
done
check "long options" expect "--arg --arg-json --ack" bester-send --a
check "all values of an option" expect "none accepted delivered" bester-send --ack ""
check "the value that is begun" expect "delivered" bester-send -l --ack d
check "a value behind =" expect "accepted" bester-send --ack = a
check "nothing for a free text" expect "" bester-send --type te
check "nothing for a free text, short" expect "" bester-send -t REA
check "a file" expect "README.md" bester-send --template READ
check "a file as an operand" expect "README.md" bester-cli READ
check "hidden options stay hidden" expect "" bester-send --man
refuses_csh() { ! "$build/bester-send" --completion csh 2>/dev/null; }
check "an unknown shell is refused" refuses_csh

zsh_reads() { # PROGRAM
    "$build/$1" --completion zsh >"$work/_$1" && zsh -fn "$work/_$1"
}
fish_completes() {
    "$build/bester-send" --completion fish >"$work/a.fish" &&
        fish --no-config -c "source $work/a.fish; complete -C 'bester-send --acc'; complete -C 'bester-send --ack acc'" |
        cut -f 1 | grep -qx accepted
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for program in besterd bester-cli bester-send; do
    check "$program: zsh reads it" zsh_reads $program
done
check "fish completes with it" fish_completes
echo "1..$count"
