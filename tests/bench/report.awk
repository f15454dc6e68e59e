# Reads the rows of results.csv and prints medians: first pawl's against each other tool's as
# ratios, then the figures themselves.

BEGIN {
    FS = ","
    # Rounds start with another tool each; the columns stay.
    known = split("pawl pawl-matrix ninja make samu", column, " ")
}

$1 !~ /^[0-9]+$/ { next }

{
    key = $1 SUBSEP $2 SUBSEP $3
    k = ++count[key]
    wall[key, k] = $5 / 1e6
    user_system[key, k] = ($6 + $7) / 1e3
    memory[key, k] = $8 / 1024
    note_order($1, sizes, size_seen, "size")
    note_order($2, scenarios, scenario_seen, "scenario")
    tool_seen[$3] = 1
}

function note_order(name, list, seen, kind) {
    if (!(name in seen)) {
        seen[name] = ++total[kind]
        list[total[kind]] = name
    }
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

function cell(values, size, scenario, tool) {
    return median(values, size SUBSEP scenario SUBSEP tool)
}

function is_ours(tool) {
    return tool ~ /^pawl/
}

function print_ratios(   s, c, t, o, mine, theirs, line, head) {
    head = sprintf("%7s  %-7s  %-12s", "leaves", "run", "pawl as")
    for (o = 1; o <= total["tool"]; o++) {
        if (!is_ours(tools[o])) head = head sprintf("%12s", "/ " tools[o])
    }
    print head
    for (s = 1; s <= total["size"]; s++) {
        for (c = 1; c <= total["scenario"]; c++) {
            for (t = 1; t <= total["tool"]; t++) {
                if (!is_ours(tools[t])) continue
                mine = cell(wall, sizes[s], scenarios[c], tools[t])
                line = sprintf("%7s  %-7s  %-12s", sizes[s], scenarios[c], \
                    tools[t] == "pawl" ? "stages" : "matrix")
                for (o = 1; o <= total["tool"]; o++) {
                    if (is_ours(tools[o])) continue
                    theirs = cell(wall, sizes[s], scenarios[c], tools[o])
                    line = line (mine < 0 || theirs <= 0 ? sprintf("%12s", "-") : \
                        sprintf("%12.2f", mine / theirs))
                }
                print line
            }
        }
    }
}

function print_medians(title, values, form,   s, c, t, line, x) {
    line = sprintf("%7s  %-7s", "leaves", "run")
    for (t = 1; t <= total["tool"]; t++) line = line sprintf("%12s", tools[t])
    print "\n" title "\n" line
    for (s = 1; s <= total["size"]; s++) {
        for (c = 1; c <= total["scenario"]; c++) {
            line = sprintf("%7s  %-7s", sizes[s], scenarios[c])
            for (t = 1; t <= total["tool"]; t++) {
                x = cell(values, sizes[s], scenarios[c], tools[t])
                line = line (x < 0 ? sprintf("%12s", "-") : sprintf(form, x))
            }
            print line
        }
    }
}

END {
    for (c = 1; c <= known; c++) {
        if (column[c] in tool_seen) tools[++total["tool"]] = column[c]
    }
    print "wall time of pawl as a share of another tool's, medians"
    print_ratios()
    print_medians("wall time, ms", wall, "%12.1f")
    print_medians("processor time with children, ms", user_system, "%12.1f")
    print_medians("memory of the largest process, MiB", memory, "%12.1f")
}
