#!/bin/sh
# An upgrade lets the server run until the new version is in place.
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl disable --now hikyaku.service
fi
