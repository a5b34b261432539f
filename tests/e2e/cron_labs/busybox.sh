# busybox' crond and its crontab, as on Alpine.
cp "$FILES/bin/busybox" "$lab/bin/busybox"
for applet in crond crontab; do ln -s busybox "$lab/bin/$applet"; done
cat > "$lab/start" <<'EOF'
#!/bin/sh
crond -L "${0%/*}/crond.log" -l 0
: > "${0%/*}/up"
exec sleep infinity
EOF
chmod 755 "$lab/start"
