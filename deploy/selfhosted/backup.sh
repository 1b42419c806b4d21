#!/bin/sh
# Copies a hikyaku data folder while the server runs (or not):
#   hikyaku-backup DATA TARGET        e.g. hikyaku-backup /var/lib/hikyaku /backup/2026-11-22
# Run it as the user of the server. TARGET must not exist; it is complete once
# the file COMPLETE is in it. The embedded S3's objects (DATA/s3) are not copied.
#
# The order matters: a message leaves queue.db only after ledger.db has it, and
# ledger.db knows an execution only after mover.db may have it. Copied in this
# order, an ID may be in two places but never in none. Notifications sent in
# between are in the ledger, but perhaps not in the copy of their queue.
set -eu
umask 077

data=${1:?usage: hikyaku-backup DATA TARGET}
target=${2:?usage: hikyaku-backup DATA TARGET}
command -v sqlite3 >/dev/null || { echo "hikyaku-backup: sqlite3 is missing" >&2; exit 1; }
[ -f "$data/ledger.db" ] || { echo "hikyaku-backup: $data holds no ledger.db" >&2; exit 4; }
case $target in *\'*) echo "hikyaku-backup: no ' in $target" >&2; exit 2 ;; esac
mkdir "$target"

for name in queue ledger mover; do
  sqlite3 -bail -cmd '.timeout 60000' "$data/$name.db" "VACUUM INTO '$target/$name.db'"
  verdict=$(sqlite3 "$target/$name.db" 'PRAGMA quick_check')
  [ "$verdict" = ok ] || { echo "hikyaku-backup: $name.db: $verdict" >&2; exit 9; }
done
cp -p "$data/keys.json" "$target/keys.json"
sync
: >"$target/COMPLETE"
