# Keeps a directory and the server in it for as long as the test's process lives. That process
# writes commands to this shell's input and reads how each ended. Its end closes the input, however
# it came about, and then nothing of the server is left.

# Only the end of the input ends this shell: not Ctrl-C, and not an answer that nobody reads.
trap '' HUP INT TERM PIPE
cd /
bin=$1
directory=$(mktemp -d "$2/huodong-postgres-XXXXXX") || exit 1
echo "$directory"
exec 2>>"$directory/log"
server=

# start DATA PORT: returns once the server takes connections, or has ended.
start() {
  "$bin/postgres" -D "$1" -p "$2" &
  server=$!
  polls=0
  until grep -q '^ready' "$1/postmaster.pid" 2>/dev/null; do
    kill -0 "$server" 2>/dev/null || { server=; return 1; }
    polls=$((polls + 1))
    [ "$polls" -lt 3000 ] || return 2
    sleep 0.02
  done
}

# stop SIGNAL: returns once the server has ended.
stop() {
  kill -s "$1" "$server" && wait "$server"
  server=
}

while IFS= read -r command; do
  eval "$command" </dev/null >>"$directory/log"
  echo "$?"
done

[ -z "$server" ] || stop QUIT
rm -rf "$directory"
