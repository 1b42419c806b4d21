#!/bin/sh
# The data folder is the record of what was delivered: it stays, purge included.
set -e
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
fi
if [ "$1" = purge ] && [ -d /var/lib/hikyaku ]; then
  echo "hikyaku: /var/lib/hikyaku is kept; remove it by hand when nobody needs it"
fi
