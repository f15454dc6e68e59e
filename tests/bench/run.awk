# Medians of the figures of run.sh: pawl's against each other tool's as ratios, the figures
# themselves, and the bars.

{
    note($1 SUBSEP $2 SUBSEP $3)
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

function cell(values, size, scenario, tool) {
    return median(values, size SUBSEP scenario SUBSEP tool)
}

function is_ours(tool) {
    return tool ~ /^pawl/
}

function spelling(tool) {
    return tool == "pawl" ? "stages" : "matrix"
}

function print_ratios(   s, c, t, o, share, line, head) {
    head = sprintf("%7s  %-7s  %-12s", "leaves", "run", "pawl as")
    for (o = 1; o <= total["tool"]; o++) {
        if (!is_ours(tools[o])) head = head sprintf("%12s", "/ " tools[o])
    }
    print head
    for (s = 1; s <= total["size"]; s++) {
        for (c = 1; c <= total["scenario"]; c++) {
            for (t = 1; t <= total["tool"]; t++) {
                if (!is_ours(tools[t])) continue
                line = sprintf("%7s  %-7s  %-12s", sizes[s], scenarios[c], spelling(tools[t]))
                for (o = 1; o <= total["tool"]; o++) {
                    if (is_ours(tools[o])) continue
                    share = ratio(cell(wall_ms, sizes[s], scenarios[c], tools[t]),
                        cell(wall_ms, sizes[s], scenarios[c], tools[o]))
                    line = line (share < 0 ? sprintf("%12s", "-") : sprintf("%12.2f", share))
                }
                print line
            }
        }
    }
}

function print_medians(title, values,   s, c, t, line, x) {
    line = sprintf("%7s  %-7s", "leaves", "run")
    for (t = 1; t <= total["tool"]; t++) line = line sprintf("%12s", tools[t])
    print "\n" title "\n" line
    for (s = 1; s <= total["size"]; s++) {
        for (c = 1; c <= total["scenario"]; c++) {
            line = sprintf("%7s  %-7s", sizes[s], scenarios[c])
            for (t = 1; t <= total["tool"]; t++) {
                x = cell(values, sizes[s], scenarios[c], tools[t])
                line = line (x < 0 ? sprintf("%12s", "-") : sprintf("%12.1f", x))
            }
            print line
        }
    }
}

# --- the bars ------------------------------------------------------------------------------------

# The least of the other tools' medians; below zero where there are none.
function least_of_peers(values, size, scenario,   o, x, least) {
    least = -1
    for (o = 1; o <= total["tool"]; o++) {
        if (is_ours(tools[o])) continue
        x = cell(values, size, scenario, tools[o])
        if (x >= 0 && (least < 0 || x < least)) least = x
    }
    return least
}

# A bar for `tool` in `scenario` at `size`, if that was measured: its median to `other`.
function bar_of(what, values, limit, size, scenario, tool, other) {
    if (count[size, scenario, tool]) {
        bar(sprintf("run: %s of %d, %s, %s", scenario, size, spelling(tool), what), "most", limit,
            ratio(cell(values, size, scenario, tool), other))
    }
}

function bar_of_time(limit, size, scenario, tool) {
    bar_of("to the fastest other tool", wall_ms, limit, size, scenario, tool,
        least_of_peers(wall_ms, size, scenario))
}

function bars_of_memory(scenario, tool) {
    bar_of("memory to the other tool with the least", mib, 1, 100000, scenario, tool,
        least_of_peers(mib, 100000, scenario))
    if (count[10000, scenario, tool]) {
        bar_of("memory to 10 x that of 10000", mib, 1, 100000, scenario, tool,
            10 * cell(mib, 10000, scenario, tool))
    }
}

function bars_of(tool) {
    bar_of("to ninja", wall_ms, 0.8, 10000, "full", tool, cell(wall_ms, 10000, "full", "ninja"))
    bar_of_time(0.5, 10000, "no-op", tool)
    bar_of_time(0.5, 100000, "no-op", tool)
    bar_of_time(0.5, 100000, "change", tool)
    bar_of("to no-op", wall_ms, 1.1, 10000, "check", tool, cell(wall_ms, 10000, "no-op", tool))
    bar_of("to no-op", wall_ms, 1.1, 100000, "check", tool, cell(wall_ms, 100000, "no-op", tool))
    bars_of_memory("no-op", tool)
    bars_of_memory("change", tool)
    bars_of_memory("first", tool)
}

END {
    # Rounds start with another tool each; the columns stay.
    known = split("pawl pawl-matrix ninja samu make", column, " ")
    for (c = 1; c <= known; c++) {
        if (column[c] in tool_seen) tools[++total["tool"]] = column[c]
    }
    print "wall time of pawl as a share of another tool's, medians"
    print_ratios()
    print_medians("wall time, ms", wall_ms)
    print_medians("processor time with children, ms", cpu_ms)
    print_medians("memory of the largest process, MiB", mib)
    bars_of("pawl")
    bars_of("pawl-matrix")
}
