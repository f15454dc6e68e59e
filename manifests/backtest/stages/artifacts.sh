#!/bin/sh
# artifacts.sh FOLDER BEST EQUITY PERFORMANCE: what was chosen and what came of it, in one folder.
# awk copies, so that a machine with no cp will do.

set -eu

folder=$1
mkdir -p "$folder"
awk '{ print }' "$2" >"$folder/parameters.csv"
awk '{ print }' "$3" >"$folder/equity.csv"
awk '{ print }' "$4" >"$folder/performance.json"
