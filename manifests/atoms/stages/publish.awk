# Appends an atom to the log -v log_file, unless that has it, with the trace of the run.
# -v fault=flaky: of every sixteen atoms one is refused twice before it is taken. -v fault=down: nothing is.

BEGIN {
	while ((getline line < log_file) > 0)
		if (line ~ /^\{"item":"[0-9a-f]*",.*\}$/) {
			sub(/^\{"item":"/, "", line)
			sub(/".*/, "", line)
			published[line] = 1
		}
	close(log_file)
}

fault == "down" { retry("the log does not answer"); next }

fault == "flaky" && $1 ~ /7$/ && refused[$1]++ < 2 { retry("the log is busy"); next }

$1 in published { answer("known"); next }

{
	append("{\"item\":\"" $1 "\",\"trace\":\"" trace "\",\"code\":" quoted($2) ",\"name\":" quoted($3) \
		",\"city\":" quoted($4) ",\"state\":" quoted($5) ",\"country\":" quoted($6) "}")
	published[$1] = 1
	answer("published")
}

function append(text) {
	print text >> log_file
	if (close(log_file) != 0) {
		print "'" log_file "' cannot be written" > "/dev/stderr"
		exit 1
	}
}

function quoted(text,    i, at, out) {
	for (i = 1; i <= length(text); i++) {
		at = substr(text, i, 1)
		out = out (at == "\"" || at == "\\" ? "\\" : "") at
	}
	return "\"" out "\""
}
