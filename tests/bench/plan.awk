# Medians of the figures of plan.sh, memory for each instance, and the bars.

{
    row = $1 SUBSEP $2 SUBSEP $3
    if (!(row in count)) rows[++row_count] = row
    note(row)
}

function instances(leaves) {
    return leaves + leaves / 100 + 1
}

END {
    print "| leaves | what | spelling | wall ms | processor ms | MiB | bytes an instance |"
    print "| ---: | --- | --- | ---: | ---: | ---: | ---: |"
    for (i = 1; i <= row_count; i++) {
        row = rows[i]
        split(row, part, SUBSEP)
        printf "| %d | %s | %s | %.1f | %.1f | %.1f | %.0f |\n", part[1], part[2], part[3],
            median(wall_ms, row), median(cpu_ms, row), median(mib, row),
            median(mib, row) * 1048576 / instances(part[1])
    }
    for (i = 1; i <= row_count; i++) {
        split(rows[i], part, SUBSEP)
        if (part[1] != 100000) continue
        if (part[2] == "read") {
            bar("plan: seconds to read 100000, " part[3], "most", part[3] == "matrix" ? 0.2 : 0.6,
                median(wall_ms, rows[i]) / 1e3)
        } else {
            bar("plan: KiB an instance of 100000, " part[3], "most", 1,
                median(mib, rows[i]) * 1024 / instances(part[1]))
        }
        if (count[10000, part[2], part[3]]) {
            bar("plan: " part[2] " 100000, " part[3] ", memory to 10 x that of 10000", "most", 1,
                median(mib, rows[i]) / (10 * median(mib, 10000 SUBSEP part[2] SUBSEP part[3])))
        }
    }
}
