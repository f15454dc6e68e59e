# Keeps the atoms with their vectors in the folder -v db, eight files by the first digit of the digest,
# and prints them without the vectors, to be published. Writes what became of all lines, as JSON, to
# -v figures. `kind=WORD` before files says what these are: fed, digested, refused, unique, failed,
# embedded.

BEGIN { FS = "\t" }

{ lines[kind]++ }

kind == "digested" && !($1 in digested) { digested[$1] = 1; different++ }

kind == "unique" && seen[$1]++ { twice++ }

kind == "embedded" {
	if (split($0, field, "\t") != 10)
		stop(FILENAME ":" FNR ": no atom")
	if (kept[$1]++)
		twice++
	models[$9]++
	print > (db "/" substr($1, 1, 1) ".tsv")
	print $1 "\t" $2 "\t" $3 "\t" $4 "\t" $5 "\t" $6
}

function stop(reason) {
	print reason > "/dev/stderr"
	failed = 1
	exit 1
}

function figure(name, value) {
	text = text (text == "" ? "{ " : ", ") "\"" name "\": " value + 0
}

END {
	if (failed)
		exit 1
	figure("fed", lines["fed"])
	figure("refused", lines["refused"])
	figure("dropped", lines["digested"] - lines["unique"])
	figure("different", different)
	figure("unique", lines["unique"])
	figure("failed", lines["failed"])
	figure("atoms", lines["embedded"])
	figure("old", models["old"])
	figure("new", models["new"])
	figure("twice", twice)
	print text " }" > figures
}
