#!/bin/sh
# publish.sh LOG CODE FAULT   a worker that appends atoms to the log, each once
#
# There is one of it at a time, so nobody else appends. It reads what the log has when it starts: an atom
# that was appended before a kill, and not recorded any more, is not appended again. A line is appended
# by one write, before it is answered. A kill or a full disk may leave a part of one at the end: that is
# closed by a line break and stays, as the log only grows, and is no line of an atom.

set -eu

log=$1
mkdir -p "${log%/*}"
[ -e "$log" ] || : >>"$log"
[ -z "$(tail -c 1 "$log")" ] || echo >>"$log"
trace=${TRACEPARENT#*-}
exec sh "${2%/*}/worker.sh" -v log_file="$log" -v trace="${trace%%-*}" -v fault="$3" -f "${2%/*}/answer.awk" -f "$2"
