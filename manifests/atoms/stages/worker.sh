#!/bin/sh
# worker.sh ARGUMENT...   awk, with these arguments, as a worker: a line is taken as soon as it is there
#
# A worker answers each line at once: so its program calls fflush(), and mawk has to be told not to
# wait for more lines.

set -eu

case $(awk -W version 2>&1 </dev/null || :) in
mawk*) exec awk -W interactive "$@" ;;
*) exec awk "$@" ;;
esac
