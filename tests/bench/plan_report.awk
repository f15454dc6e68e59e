# Reads the figures of plan.sh and prints medians, memory for each instance, and the bars.

function median(list, count,   i, j, swap, values) {
    split(list, values, " ")
    for (i = 1; i <= count; i++) {
        for (j = i + 1; j <= count; j++) {
            if (values[j] + 0 < values[i] + 0) {
                swap = values[i]; values[i] = values[j]; values[j] = swap
            }
        }
    }
    return values[int((count + 1) / 2)] + 0
}

function bar(text, value, most) {
    printf "%-52s %8.3f  at most %.3f: %s\n", text, value, most, value <= most ? "holds" : "missed"
}

NR > 1 {
    row = $1 "," $2 "," $3
    if (!(row in count)) {
        rows[++row_count] = row
    }
    count[row]++
    wall[row] = wall[row] " " $4
    cpu[row] = cpu[row] " " ($5 + $6)
    memory[row] = memory[row] " " $7
}

END {
    print "\n| leaves | what | spelling | wall ms | processor ms | MiB | bytes an instance |"
    print "| ---: | --- | --- | ---: | ---: | ---: | ---: |"
    for (i = 1; i <= row_count; i++) {
        split(rows[i], part, ",")
        instances = part[1] + part[1] / 100 + 1
        kib[rows[i]] = median(memory[rows[i]], count[rows[i]])
        ms[rows[i]] = median(wall[rows[i]], count[rows[i]]) / 1e6
        printf "| %d | %s | %s | %.1f | %.1f | %.1f | %.0f |\n", part[1], part[2], part[3],
            ms[rows[i]], median(cpu[rows[i]], count[rows[i]]) / 1e3, kib[rows[i]] / 1024,
            kib[rows[i]] * 1024 / instances
    }
    print ""
    if (("100000,read,stages") in ms) {
        bar("seconds to plan 100,000 from stages", ms["100000,read,stages"] / 1e3, 0.6)
        bar("seconds to plan 100,000 from a matrix", ms["100000,read,matrix"] / 1e3, 0.2)
        for (i = 1; i <= row_count; i++) {
            split(rows[i], part, ",")
            small = "10000," part[2] "," part[3]
            if (part[1] == 100000 && small in kib) {
                bar("memory of 100,000 to 10 x 10,000: " part[2] ", " part[3],
                    kib[rows[i]] / (10 * kib[small]), 1)
            }
        }
        bar("KiB an instance: plan, stages", kib["100000,plan,stages"] / 101001, 1)
        bar("KiB an instance: plan, matrix", kib["100000,plan,matrix"] / 101001, 1)
    }
}
