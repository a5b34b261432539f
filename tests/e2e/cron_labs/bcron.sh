# bcron: a scheduler as root, a spooler as its own user behind a socket, which `crontab` talks to.
for program in "$FILES"/usr/bin/* "$FILES"/usr/sbin/*; do
  name=${program##*/}
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$FILES/usr/lib" "$program" > "$lab/bin/$name"
  chmod 755 "$lab/bin/$name"
done
echo 'cron:x:64001:64001::/var/spool/cron:/bin/sh' >> "$root/etc/passwd"
echo 'cron:x:64001:' >> "$root/etc/group"
mkdir -p "$lab/spool/tmp"
chown 64001:64001 "$lab/spool" "$lab/spool/crontabs" "$lab/spool/tmp"
chmod 700 "$lab/spool/crontabs" "$lab/spool/tmp"
cat > "$lab/start" <<'EOF'
#!/bin/sh
lab=${0%/*}
while :; do bcron-start; done &
env UID=64001 GID=64001 unixserver -U /var/run/bcron-spool bcron-spool &
bcron-update /etc/crontab /etc/cron.d &
while [ ! -S /var/run/bcron-spool ]; do sleep 0.05; done
: > "$lab/up"
exec sleep infinity
EOF
chmod 755 "$lab/start"
