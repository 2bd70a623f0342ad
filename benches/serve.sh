#!/usr/bin/env bash
# Served documents: Courant against nginx, the same bytes, the same cores, in one run.
#
#   benches/serve.sh                  builds nothing: needs a release binary, and nginx, wrk and curl (apt-get install nginx wrk curl)
#
# A newsroom is pulled into a throw-away database and exported as files; nginx serves the files with `gzip_static`
# (two workers, no access log, keep-alive without end), `courant serve` serves the same feed. wrk asks both by turns for the
# gzip form (200) and for what it has already (304, If-None-Match), and the medians are compared.
# Everything lives in one temporary folder and on loopback, and is gone when the script ends.
#
#   COURANT   the binary                              target/release/courant
#   FEEDS     the newsroom's folder                   feeds
#   DATABASE  a filled database to use instead of a fresh pull, e.g. sqlite:/path/courant.db  (must fit FEEDS)
#   DOCUMENT  which document                          the largest .rss that was exported, e.g. world.rss
#   ROUNDS    rounds for each server and answer       7
#   SECONDS_EACH  length of one measurement           4
#   CONNECTIONS, THREADS  of wrk                      64, 2
#   ROLE      of courant serve                        all
#   CPUS      cores for both servers and wrk          0,1
#   OPEN_FILE_CACHE=1     lets nginx keep the files open (its fastest setting; not its default)
#   MIN_200, MIN_304      ratios below which the script ends with 1    0.90, 0.95
set -euo pipefail

courant=${COURANT:-target/release/courant} feeds=${FEEDS:-feeds} rounds=${ROUNDS:-7} seconds=${SECONDS_EACH:-4}
connections=${CONNECTIONS:-64} threads=${THREADS:-2} cpus=${CPUS:-0,1} min200=${MIN_200:-0.90} min304=${MIN_304:-0.95}

PATH=$PATH:/usr/sbin:/sbin
for tool in nginx wrk curl taskset awk; do
  command -v "$tool" >/dev/null || { echo "serve.sh: $tool is not installed (apt-get install nginx wrk curl util-linux)" >&2; exit 2; }
done
[ -x "$courant" ] || { echo "serve.sh: no binary at $courant: build it (cargo build --release) or set COURANT" >&2; exit 2; }
[ -f "$feeds/newsroom.toml" ] || { echo "serve.sh: no newsroom at $feeds: set FEEDS" >&2; exit 2; }
courant=$(realpath "$courant") feeds=$(realpath "$feeds")

lab=$(mktemp -d) courant_pid='' nginx_pid=''
chmod 755 "$lab"
cleanup() {
  for pid in $courant_pid $nginx_pid; do kill "$pid" 2>/dev/null || true; done
  for pid in $courant_pid $nginx_pid; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$lab"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() { echo "serve.sh: $*" >&2; exit 1; }

# A port that nothing listens on.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
  done
}

wait_for() { # URL
  for _ in $(seq 200); do
    if curl -fsS -o /dev/null "$1" 2>/dev/null; then return 0; fi
    sleep 0.05
  done
  return 1
}

# ---- the documents ---------------------------------------------------------
database=${DATABASE:-sqlite:$lab/courant.db}
if [ -z "${DATABASE:-}" ]; then
  "$courant" pull --feeds "$feeds" --database "$database" >"$lab/pull.log" 2>&1 || { cat "$lab/pull.log" >&2; fail "courant pull failed"; }
fi
"$courant" export "$lab/www" --feeds "$feeds" --database "$database" >"$lab/export.log" 2>&1 || { cat "$lab/export.log" >&2; fail "courant export failed"; }
if [ -n "${DOCUMENT:-}" ]; then
  file=$(find "$lab/www" -name "$DOCUMENT" -print -quit)
else
  file=$(find "$lab/www" -name '*.rss' -printf '%s %p\n' | sort -rn | head -n 1 | cut -d' ' -f2-)
fi
[ -n "$file" ] && [ -f "$file.gz" ] || fail "no exported document ${DOCUMENT:-*.rss} with its .gz"
path=/feeds/$(basename "$file")
chmod -R a+rX "$lab/www"

# ---- the servers -----------------------------------------------------------
courant_port=$(free_port)
# `exec` in a subshell keeps the process id ours to end.
(exec taskset -c "$cpus" "$courant" serve --role "${ROLE:-all}" --listen "127.0.0.1:$courant_port" --feeds "$feeds" --database "$database" >"$lab/courant.log" 2>&1) &
courant_pid=$!

nginx_port=$(free_port)
user_line=''
if [ "$(id -u)" = 0 ]; then user_line='user root;'; fi
cache_line=''
if [ -n "${OPEN_FILE_CACHE:-}" ]; then cache_line='open_file_cache max=1000; open_file_cache_valid 60s;'; fi
mkdir -p "$lab/nginx"
cat >"$lab/nginx.conf" <<NGINX
$user_line
worker_processes 2;
daemon off;
pid $lab/nginx/pid;
error_log $lab/nginx/error.log warn;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75s;
  keepalive_requests 1000000000;
  gzip_static on;
  gzip_vary on;
  $cache_line
  client_body_temp_path $lab/nginx/a;
  proxy_temp_path $lab/nginx/b;
  fastcgi_temp_path $lab/nginx/c;
  uwsgi_temp_path $lab/nginx/d;
  scgi_temp_path $lab/nginx/e;
  types { application/rss+xml rss; application/atom+xml atom; application/feed+json json; }
  default_type application/octet-stream;
  server {
    listen 127.0.0.1:$nginx_port backlog=1024;
    location = $path { alias $file; }
  }
}
NGINX
(exec taskset -c "$cpus" nginx -p "$lab/nginx" -e "$lab/nginx/error.log" -c "$lab/nginx.conf" >"$lab/nginx.log" 2>&1) &
nginx_pid=$!

courant_url=http://127.0.0.1:$courant_port$path
nginx_url=http://127.0.0.1:$nginx_port$path
wait_for "$courant_url" || { cat "$lab/courant.log" >&2; fail "courant serve does not answer $courant_url"; }
wait_for "$nginx_url" || { cat "$lab/nginx.log" "$lab/nginx/error.log" >&2; fail "nginx does not answer $nginx_url"; }

# ---- is it the same? -------------------------------------------------------
etag() { curl -fsS -o /dev/null -D - -H 'Accept-Encoding: gzip' "$1" | tr -d '\r' | awk 'tolower($1) == "etag:" { sub(/^[^:]*: */, ""); print }'; }
status() { curl -s -o /dev/null -w '%{http_code}' -H 'Accept-Encoding: gzip' "${@:2}" "$1"; }
for url in "$courant_url" "$nginx_url"; do
  curl -fsS -H 'Accept-Encoding: gzip' -o "$lab/body" "$url"
  cmp -s "$lab/body" "$file.gz" || fail "$url does not answer the bytes of $(basename "$file").gz"
done
courant_etag=$(etag "$courant_url") nginx_etag=$(etag "$nginx_url")
[ -n "$courant_etag" ] && [ -n "$nginx_etag" ] || fail "no ETag"
for pair in "$courant_url|$courant_etag" "$nginx_url|$nginx_etag"; do
  code=$(status "${pair%%|*}" -H "If-None-Match: ${pair#*|}")
  [ "$code" = 304 ] || fail "${pair%%|*} answers $code to its own ETag, not 304"
done

# ---- measuring -------------------------------------------------------------
measure() { # URL SECONDS [HEADER] -> requests a second
  local url=$1 length=$2 extra=()
  if [ $# -gt 2 ]; then extra=(-H "$3"); fi
  taskset -c "$cpus" wrk -t "$threads" -c "$connections" -d "${length}s" -H 'Accept-Encoding: gzip' "${extra[@]}" "$url" >"$lab/wrk" 2>&1 || { cat "$lab/wrk" >&2; fail "wrk failed"; }
  if grep -Eq 'Non-2xx|Socket errors' "$lab/wrk"; then grep -E 'Non-2xx|Socket errors' "$lab/wrk" >&2; fail "wrk saw errors at $url"; fi
  awk '/^Requests\/sec:/ { print $2 }' "$lab/wrk"
}
median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

echo "document $path: $(stat -c %s "$file") bytes, gzip $(stat -c %s "$file.gz"); wrk $connections connections, $threads threads, ${seconds} s; cores $cpus; $rounds rounds"
result=0
compare() { # NAME MINIMUM COURANT_HEADER NGINX_HEADER
  local name=$1 minimum=$2 a b ratio
  local courant_args=() nginx_args=()
  if [ -n "$3" ]; then courant_args=("$3"); nginx_args=("$4"); fi
  measure "$courant_url" 1 "${courant_args[@]}" >/dev/null
  measure "$nginx_url" 1 "${nginx_args[@]}" >/dev/null
  : >"$lab/a"; : >"$lab/b"; : >"$lab/r"
  for round in $(seq "$rounds"); do
    if [ $((round % 2)) = 1 ]; then
      a=$(measure "$courant_url" "$seconds" "${courant_args[@]}"); b=$(measure "$nginx_url" "$seconds" "${nginx_args[@]}")
    else
      b=$(measure "$nginx_url" "$seconds" "${nginx_args[@]}"); a=$(measure "$courant_url" "$seconds" "${courant_args[@]}")
    fi
    echo "$a" >>"$lab/a"; echo "$b" >>"$lab/b"
    ratio=$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.3f", a / b }'); echo "$ratio" >>"$lab/r"
    printf '  %-8s round %d  courant %9.0f/s  nginx %9.0f/s  ratio %s\n' "$name" "$round" "$a" "$b" "$ratio"
  done
  a=$(median <"$lab/a") b=$(median <"$lab/b")
  ratio=$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.3f", a / b }')
  local verdict=ok
  if awk -v r="$ratio" -v m="$minimum" 'BEGIN { exit !(r < m) }'; then verdict="BELOW $minimum"; result=1; fi
  printf '%-8s medians  courant %9.0f/s  nginx %9.0f/s  ratio %s (median of the rounds'"'"' ratios %s)  %s\n' "$name" "$a" "$b" "$ratio" "$(median <"$lab/r")" "$verdict"
}
compare gzip-200 "$min200" '' ''
compare 304 "$min304" "If-None-Match: $courant_etag" "If-None-Match: $nginx_etag"
exit "$result"
