#!/bin/sh
# Makes user and data folder. Nothing is enabled or started at the first
# installation; an upgrade restarts a server that runs.
set -e
[ "$1" = configure ] || exit 0
systemd-sysusers hikyaku.conf
systemd-tmpfiles --create hikyaku.conf
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
if [ -n "$2" ]; then
  systemctl try-restart hikyaku.service
fi
