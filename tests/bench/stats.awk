# What the reports share: each is read behind this (`report` in common.sh).

# The figures of measure.c are the last five fields of a row; heads and remarks have others.
$NF !~ /^[0-9]+$/ { next }

# Notes the figures of the current row under `key`.
function note(key,   k) {
    k = ++count[key]
    wall_ms[key, k] = $(NF - 4) / 1e6
    cpu_ms[key, k] = ($(NF - 3) + $(NF - 2)) / 1e3
    mib[key, k] = $(NF - 1) / 1024
    own_ms[key, k] = $NF / 1e3
}

# The median of values[key, 1 … count[key]]; below zero where there are none.
function median(values, key,   n, i, j, x, sorted) {
    n = count[key]
    if (!n) return -1
    for (i = 1; i <= n; i++) {
        x = values[key, i]
        for (j = i - 1; j >= 1 && sorted[j] > x; j--) sorted[j + 1] = sorted[j]
        sorted[j + 1] = x
    }
    return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}

# Below zero where one of both is.
function ratio(one, other) {
    return one < 0 || other <= 0 ? -1 : one / other
}

# `how`: "most" or "least". What is below zero could not be measured.
function bar(name, how, limit, value) {
    printf "%s\t%s\t%s\t%s\n", name, how, limit, value < 0 ? "" : value >>bars
}
