# systemd as the first process, with systemd-cron's units and none of the machine's: neither its services nor, above all, what
# cleans folders at a start.
chown root:crontab "$lab/spool/crontabs"
chmod 1730 "$lab/spool/crontabs"
for folder in /lib/systemd/system /lib/systemd/system-generators /etc/systemd; do
  mkdir -p "$lab/files$folder"
done
cp "$FILES"/lib/systemd/system/* "$lab/files/lib/systemd/system"
cp "$FILES/lib/systemd/system-generators/systemd-crontab-generator" "$lab/files/lib/systemd/system-generators"
for unit in shutdown.target basic.target sysinit.target timers.target paths.target sockets.target slices.target; do
  printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$unit" > "$lab/files/lib/systemd/system/$unit"
done
printf '[Unit]\nDefaultDependencies=no\n' > "$lab/files/lib/systemd/system/systemd-user-sessions.service"
printf '[Service]\nExecStart=/bin/true\nType=oneshot\nRemainAfterExit=yes\n' >> "$lab/files/lib/systemd/system/systemd-user-sessions.service"
printf '[Unit]\nDefaultDependencies=no\nWants=cron.target\n' > "$lab/files/lib/systemd/system/lab.target"
# A minute is what timers may be late by; here nobody waits for that.
printf '[Manager]\nDefaultTimerAccuracySec=1us\n' > "$lab/files/etc/systemd/system.conf"
for folder in /lib/systemd/system /lib/systemd/system-generators /etc/systemd; do
  mount --bind "$lab/files$folder" "$root$folder"
done
for unit in /lib/systemd/system /usr/lib/systemd/system /usr/local/lib/systemd/system /run/systemd/system; do
  if [ -e "$root$unit/systemd-tmpfiles-setup.service" ]; then echo "the machine's own units are seen" >&2; exit 1; fi
done
mkdir "$root/run/state"
mount --bind "$root/run/state" "$root/var/lib/systemd"
cp "$FILES/usr/bin/crontab" "$lab/bin/crontab"
: > "$root/dev/kmsg"
echo 3d1219c7c4c5404aaa1f6d2a48adfda4 > "$root/etc/machine-id"
# A control group of its own, below which systemd may do as it likes.
mkdir -p "$root/sys/fs/cgroup"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mkdir "$root/sys/fs/cgroup/$GROUP"
echo $$ > "$root/sys/fs/cgroup/$GROUP/cgroup.procs"
umount "$root/sys/fs/cgroup"
cat > "$lab/start" <<'EOF'
#!/bin/sh
: > "${0%/*}/up"
exec unshare --cgroup sh -c '
mount -t cgroup2 none /sys/fs/cgroup
exec env -i container=crontopus PATH="$PATH" LANG=C.UTF-8 \
  /lib/systemd/systemd --system --unit=lab.target --show-status=0 --log-target=console --log-level=info'
EOF
chmod 755 "$lab/start"
