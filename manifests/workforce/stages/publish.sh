#!/bin/sh
# publish.sh update KIND YEAR FIRST    brings registry/KIND.csv to where YEAR left it
# publish.sh rebuild KIND YEAR FIRST   makes it anew: from the census, and the yearly events since FIRST
#
# The registries in use are what others read: payroll, the pension fund. They are no outputs, so nobody
# keeps them from being damaged. One that is not as some year left it ends `update` with 65, and then
# `rebuild` is called. A change is written beside the file and takes its place whole.

set -eu

what=$1 kind=$2 year=$3 first=$4
in_use=registry/$kind.csv
new=registry/.$kind.new

sum() { # $1 file
	sha256sum <"$1"
}

is_sound() {
	[ -e "$in_use" ] || return 0
	found=$(sum "$in_use")
	for left in out/[0-9]*/"$kind.csv"; do
		[ "$(sum "$left")" != "$found" ] || return 0
	done
	return 1
}

update() {
	if ! is_sound; then
		echo "$in_use is not as any year left it" >&2
		exit 65
	fi
	cp "out/$year/$kind.csv" "$new"
	mv -f "$new" "$in_use"
}

rebuild() {
	cp "out/$((first - 1))/$kind.csv" "$new"
	past=$first
	while [ "$past" -le "$year" ]; do
		awk -v kind="$kind" -v year="$past" -f stages/lib.awk -f stages/registry.awk "$new" "out/$past/events.csv" >"$new.next"
		mv -f "$new.next" "$new"
		past=$((past + 1))
	done
	if [ "$(sum "$new")" != "$(sum "out/$year/$kind.csv")" ]; then
		echo "the yearly events do not lead to out/$year/$kind.csv" >&2
		exit 1
	fi
	mv -f "$new" "$in_use"
	echo "$in_use is rebuilt, from the events of $first to $year"
}

mkdir -p registry
case $what in
update) update ;;
rebuild) rebuild ;;
esac
