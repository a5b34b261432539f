# Debian's cron, which has to be installed: the package cron of bookworm.
chown root:crontab "$lab/spool/crontabs"
chmod 1730 "$lab/spool/crontabs"
# This cron looks at nothing but the second of the folder's time: a table that comes in the one in which it starts would wait.
touch -d '1 hour ago' "$lab/spool/crontabs"
cat > "$lab/start" <<'EOF'
#!/bin/sh
cron
: > "${0%/*}/up"
exec sleep infinity
EOF
chmod 755 "$lab/start"
