# Segue in a shell: `source segue.sh`, then
#
#     music open dungeon               # needs oscsend (Debian: apt install liblo-tools)
#     music set danger 0.8 0.5
#     music go boss bar
#     ask why '{}' s1                  # needs python3 with pyzmq: replies, as JSON
#
# Another server than that of this machine: SEGUE_HOST, SEGUE_OSC_PORT, SEGUE_CONTROL_PORT.

# music VERB ARGUMENT...: one message by OSC, which nobody answers.
music() {
  local verb=$1 types='' word
  shift
  for word in "$@"; do
    if [[ $word =~ ^-?[0-9]*\.?[0-9]+$ ]]; then types+=f; else types+=s; fi
  done
  oscsend "${SEGUE_HOST:-127.0.0.1}" "${SEGUE_OSC_PORT:-5590}" "/segue/$verb" ${types:+"$types"} "$@"
}

# ask TYPE [CONTENT [SESSION]]: any request of the protocol, and its reply; fails if it is refused.
ask() {
  python3 -c '
import json, sys, zmq
kind, content, session = (*sys.argv[2:], *("", "{}", "")[len(sys.argv) - 2:])
socket = zmq.Context().socket(zmq.REQ)
socket.setsockopt(zmq.LINGER, 0)
socket.setsockopt(zmq.RCVTIMEO, 60_000 if kind == "open" else 5_000)
socket.connect(sys.argv[1])
socket.send_json({"header": {"type": kind, "session": session}, "content": json.loads(content)})
try:
    reply = socket.recv_json()
except zmq.Again:
    sys.exit(f"no answer from {sys.argv[1]}; start a server: segue serve")
print(json.dumps(reply["content"]))
sys.exit(reply["header"]["type"] == "error")
' "tcp://${SEGUE_HOST:-127.0.0.1}:${SEGUE_CONTROL_PORT:-5570}" "$@"
}
