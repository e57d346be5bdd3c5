#!/bin/sh
# Installs this checkout as a service: unit, user, command, completions and manual page. Needs `npm run setup` before.
# Usage: sudo packaging/install.sh [--root DIR]; with --root it only writes files, below DIR.
set -eu
umask 022

checkout=$(cd "$(dirname "$0")/.." && pwd)
node=$checkout/node_modules/.bin/node
main=$checkout/dist/src/main.js
root=
if [ "${1:-}" = --root ] && [ $# -eq 2 ]; then
  root=$2
elif [ $# -ne 0 ]; then
  echo 'usage: packaging/install.sh [--root DIR]' >&2
  exit 3
fi
if [ ! -x "$node" ] || [ ! -f "$main" ]; then
  echo "install: $checkout is not built: run \`npm run setup\` in it first" >&2
  exit 1
fi
case $checkout in
  /home/* | /root/* | /tmp/* | /var/tmp/*)
    if [ -z "$root" ]; then
      echo "install: the service cannot see $checkout (ProtectHome, PrivateTmp): move the checkout to /opt/btcfed" >&2
      exit 1
    fi
    ;;
esac

# Writes what it is given to a file below the root.
put() {
  mkdir -p "$(dirname "$root$2")"
  cat > "$root$2"
  chmod "$1" "$root$2"
  echo "$2"
}

put 755 /usr/local/bin/btcfed << END
#!/bin/sh
# Without a home named, that of the service.
: "\${BTCFED_HOME:=/var/lib/btcfed}"
export BTCFED_HOME
exec $node $main "\$@"
END
sed "s#/opt/btcfed#$checkout#g" "$checkout/packaging/btcfed.service" | put 644 /etc/systemd/system/btcfed.service
put 644 /usr/lib/sysusers.d/btcfed.conf < "$checkout/packaging/btcfed.sysusers"
"$node" "$main" completion bash | put 644 /usr/share/bash-completion/completions/btcfed
"$node" "$main" completion zsh | put 644 /usr/share/zsh/vendor-completions/_btcfed
"$node" "$main" completion fish | put 644 /usr/share/fish/vendor_completions.d/btcfed.fish
"$node" "$main" help --man | put 644 /usr/local/share/man/man1/btcfed.1

[ -z "$root" ] || exit 0
systemd-sysusers /usr/lib/sysusers.d/btcfed.conf
systemctl daemon-reload
echo 'installed; start it with: systemctl enable --now btcfed'
