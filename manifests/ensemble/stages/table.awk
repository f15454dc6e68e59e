# The measurements as a table: id, set, species and four features. The JSON has one member a line. A row
# that lacks one of them is left out, and counted in -v figures. Of ten rows -v held_out, spread over
# the file, are kept from training.

BEGIN {
	split("Beak Length (mm)|Beak Depth (mm)|Flipper Length (mm)|Body Mass (g)", feature, "|")
	print "id,set,species,beak_length,beak_depth,flipper_length,body_mass"
}

/^ *\{/ { split("", member); next }

/^ *"/ {
	line = $0
	sub(/^ *"/, "", line)
	at = index(line, "\":")
	if (!at)
		stop("no member: " $0)
	key = substr(line, 1, at - 1)
	value = substr(line, at + 2)
	sub(/^ */, "", value)
	sub(/,? *\r?$/, "", value)
	gsub(/"/, "", value)
	member[key] = value
	next
}

/^ *\}/ { row() }

function row(    i, text) {
	rows++
	if (member["Species"] == "" || member["Species"] == "null") {
		missing++
		return
	}
	for (i = 1; i <= 4; i++) {
		if (member[feature[i]] == "" || member[feature[i]] == "null") {
			missing++
			return
		}
		if (member[feature[i]] !~ /^[0-9]+(\.[0-9]+)?$/)
			stop("'" member[feature[i]] "' is no measurement")
		text = text "," member[feature[i]]
	}
	used++
	test = used * 7 % 10 < held_out
	tests += test
	print used "," (test ? "test" : "train") "," member["Species"] text
}

function stop(reason) {
	print FILENAME ":" FNR ": " reason > "/dev/stderr"
	failed = 1
	exit 1
}

END {
	if (failed)
		exit 1
	if (!tests || tests == used) {
		print "nothing to train or to test with" > "/dev/stderr"
		exit 1
	}
	printf "{ \"rows\": %d, \"missing\": %d, \"used\": %d, \"held_out\": %d }\n", rows, missing, used, tests > figures
	close(figures)
}
