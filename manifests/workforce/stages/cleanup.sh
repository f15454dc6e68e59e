#!/bin/sh
# cleanup.sh: whatever happened, no half-written registry stays, and the log says how the run went.

set -eu

rm -f registry/.*.new registry/.*.next
echo "run: $PAWL_RUN_STATE${PAWL_CAUSE:+, $PAWL_CAUSE}"
