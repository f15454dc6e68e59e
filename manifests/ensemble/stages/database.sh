#!/bin/sh
# database.sh add COMBINE ROWS SESSION FAIL   adds a table's rows, each with this attempt and its trace
# database.sh remove                          removes those of the attempt that is undone
#
# The database is db/results.csv. A change is written beside it and takes its place whole: who reads,
# and who comes after a kill, finds all of it or nothing. SESSION is a file that names who may write.

set -eu

database=db/results.csv

without() { # $1 attempt
	[ ! -e "$database" ] || awk -F , -v attempt="$1" '$1 != attempt' "$database"
}

add() { # $1 combine, $2 rows, $3 session
	read -r session <"$3"
	if [ "$(readlink allocated/session-1)" != "$session" ]; then
		echo "the session is not open" >&2
		exit 1
	fi
	trace=${TRACEPARENT#*-}
	trace=${trace%%-*}
	mkdir -p db
	[ -e "$database" ] || awk 'NR == 1 { print "attempt,trace,combine," $0 }' "$2" >"$database.new"
	without "$PAWL_ATTEMPT_ID" >>"$database.new"
	awk -v begin="$PAWL_ATTEMPT_ID,$trace,$1," 'NR > 1 { print begin $0 }' "$2" >>"$database.new"
	mv -f "$database.new" "$database"
}

remove() {
	[ -e "$database" ] || return 0
	without "$PAWL_EFFECT_ID" >"$database.new"
	if awk 'END { exit NR > 1 }' "$database.new"; then
		rm "$database" "$database.new"
	else
		mv -f "$database.new" "$database"
	fi
}

case $1 in
add)
	rm -f "$database.new"
	add "$2" "$3" "$4"
	if [ "$5" = true ]; then
		echo "told to fail by the parameter 'fail'" >&2
		exit 1
	fi
	;;
remove)
	rm -f "$database.new"
	remove
	;;
esac
