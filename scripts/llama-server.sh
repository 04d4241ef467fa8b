#!/usr/bin/env bash
# Installs a llama-server (the one inside the wheel xllamacpp, from PyPI) and starts it on loopback with a GGUF
# file, in the background. Prints what to set for the tests that want a real server, and how to stop it.
# usage: [THREADS=N] [SLOTS=4] scripts/llama-server.sh MODEL.gguf [PORT]
set -euo pipefail
model=$(realpath "${1:?usage: scripts/llama-server.sh MODEL.gguf [PORT]}")
port=${2:-18765}
home=${TTS_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/tts-servers}
venv=$home/llama
mkdir -p "$home"
if ! [ -e "$venv/installed" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --only-binary :all: xllamacpp==2026.10.11549
  touch "$venv/installed"
fi
cat > "$home/llama.py" <<'P'
import sys, time, xllamacpp
parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.port, parameters.hostnames = int(sys.argv[2]), ["127.0.0.1"]
parameters.n_parallel, parameters.n_ctx = int(sys.argv[4]), 2048 * int(sys.argv[4])
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = int(sys.argv[3])
parameters.warmup = False
server = xllamacpp.Server(parameters)
while True: time.sleep(3600)
P
threads=${THREADS:-$(nproc)}
nohup "$venv/bin/python" "$home/llama.py" "$model" "$port" "$threads" "${SLOTS:-4}" > "$home/llama.log" 2>&1 &
pid=$!
ready() { python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/health', timeout=2)" 2>/dev/null; }
for _ in $(seq 120); do
  ready && break
  kill -0 $pid 2>/dev/null || { echo "the server died, see $home/llama.log" >&2; exit 1; }
  sleep 1
done
ready || { echo "the server does not answer, see $home/llama.log" >&2; exit 1; }
echo "export TTS_SERVER=http://127.0.0.1:$port TTS_SERVER_MODEL=$model"
echo "# to stop it: kill $pid"
