#!/bin/sh
# resources.sh take KIND COUNT FAIL   takes COUNT of KIND for this attempt, prints who has them now
# resources.sh free                   frees what the attempt has that is undone
# resources.sh give FAIL FILE...      gives back what those have that the files name
#
# The folder allocated/ stands for what is scarce and outside: machines, memory, connections. What is
# taken is a link there that leads to the name of its holder, an attempt. It is made whole, and for one
# alone: what somebody else has is status 75, try later. What an earlier attempt in this workspace still
# has, since its run was killed, changes hands. To free what is free is nothing.

set -eu

free() { # $1 holder
	for taken in allocated/* allocated/.*-*; do
		if [ -L "$taken" ] && [ "$(readlink "$taken")" = "$1" ]; then
			rm "$taken"
		fi
	done
}

# Its folder is beside that of this run. An attempt's name begins with that of its run.
is_ours() { # $1 holder
	[ -n "$1" ] && [ -d "$PAWL_RUN_DIR/../${1%%.*}" ]
}

take_one() { # $1 name
	if [ -L "allocated/$1" ] && is_ours "$(readlink "allocated/$1")"; then
		ln -s "$PAWL_ATTEMPT_ID" "allocated/.$1"
		mv -f "allocated/.$1" "allocated/$1"
	else
		ln -s "$PAWL_ATTEMPT_ID" "allocated/$1"
	fi
}

take() { # $1 kind, $2 count
	mkdir -p allocated
	n=1
	while [ "$n" -le "$2" ]; do
		rm -f "allocated/.$1-$n"
		if ! take_one "$1-$n"; then
			echo "$1-$n is taken" >&2
			exit 75
		fi
		n=$((n + 1))
	done
	echo "$PAWL_ATTEMPT_ID"
}

may_fail() {
	if [ "$1" = true ]; then
		echo "told to fail by the parameter 'fail'" >&2
		exit 1
	fi
}

case $1 in
take)
	take "$2" "$3"
	may_fail "$4"
	;;
free)
	free "$PAWL_EFFECT_ID"
	;;
give)
	fail=$2
	shift 2
	for file in "$@"; do
		read -r holder <"$file"
		free "$holder"
		may_fail "$fail"
	done
	;;
esac
