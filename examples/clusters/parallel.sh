#!/bin/bash
# GNU parallel: parallel.sh /archive /restored [--sshloginfile HOSTS], four shards at once on each host.
set -euo pipefail
archive=$1 restored=$2
shift 2

parallel --quote --jobs 4 --retries 3 "$@" \
  hifisr upsample "$archive" -o "$restored" --shard {}/16 --jobs 2 --quiet ::: {1..16}
hifisr upsample "$archive" -o "$restored" --report
