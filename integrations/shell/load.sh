#!/usr/bin/env bash
# The machine's load, to be heard: the busier it is, the more danger the music has.
#
#     ./load.sh           # with `segue serve` in another terminal; Ctrl-C ends
#     ./load.sh 10 none   # for so many seconds, with another output
set -euo pipefail
source "$(dirname "$0")/segue.sh"

music open dungeon agent "${2:-auto}"
trap 'music close' EXIT
cores=$(nproc)
for ((second = 0; second < ${1:-1000000000}; second++)); do
  read -r load _ </proc/loadavg
  music set danger "$(awk "BEGIN { busy = $load / $cores; print busy < 1 ? busy : 1 }")" 1
  sleep 1
done
