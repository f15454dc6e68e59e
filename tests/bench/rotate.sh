# For the scripts that measure.

# `rotate N WORD…`: the words from the N-th on, then those before it, so that no tool is always
# first.
rotate() {
    skip=$1
    shift
    skip=$((skip % $#))
    while [ "$skip" -gt 0 ]; do
        first=$1
        shift
        set -- "$@" "$first"
        skip=$((skip - 1))
    done
    printf '%s\n' "$*"
}
