# The client of Segue for Godot 4 (Godot 3.2 and newer: segue.gd). One node, nothing to install.
#
#     @onready var music = $"/root/Segue"                # an autoload, or any node with this script
#     music.open("dungeon", {"output": "auto"})
#     music.beat.connect(_on_beat)                       # told ahead of the sound
#     music.set_parameters({"danger": 0.8})              # every verb returns at once
#     var reply = await music.go("boss").done            # if one wants to know
#
# Speaks the protocol of docs/protocol.md over a WebSocket. A server that is lost is called again,
# and a session that it does not know any more is opened again, with the parameters last set.
extends Node

signal connected(welcome)
signal lost()
signal opened(session)
signal reopened(session)
signal told(event)  # all events, up to a bar ahead of the sound
signal sounds(event)  # the same, each in the frame in which it sounds
signal beat(event)
signal bar(event)
signal section(event)
signal executed(event)
signal dropped(event)
signal closed(reason)

@export var address = "ws://127.0.0.1:5580/ws"  # with ?token=... where the server wants one
@export var timeout_seconds = 5.0
@export var plays_stream = true  # sound of sessions with output "stream" comes out of this node


# What a request will be answered: wait for "done", or look at it later.
class Reply:
	extends RefCounted
	signal done(reply)
	var id = ""
	var is_done = false
	var ok = false
	var content = {}
	var code = ""  # of the protocol's table, or "lost", "timeout"
	var message = ""
	var deadline = 0.0

	func finish(given, failed = "", why = ""):
		if is_done:
			return
		is_done = true
		ok = failed == ""
		content = given
		code = failed
		message = why
		done.emit(self)


const VERSION = "1.3"
const KEPT_SECONDS = 0.3  # of streamed sound, at most
const REST_SECONDS = 0.1  # that streamed sound is late

var session = ""  # empty: not open
var cue = {}
var server = {}  # what `welcome` told
var is_connected_to_server = false
var player = null  # of streamed sound

var _socket = null
var _greeted = false
var _wanted = {}  # fields of `open`; empty: nothing is to play
var _opening = false
var _known_before = false  # whether the session was open before
var _held = []  # requests that wait for the session
var _failed = []  # replies that fail with the next frame, when somebody can wait for them
var _waiting = {}  # replies by id
var _ahead = []  # events that have not sounded
var _sequence = 0
var _count = 0
var _prefix = ""
var _tries = 0
var _dial_at = 0.0
var _ping_at = 0.0
var _ask_at = 0.0
var _open_at = INF
var _offset = 0.0  # server's clock minus ours, seconds
var _best_trip = INF
var _frame = 0.0
var _frame_seconds = 0.0
var _rate = 48000.0
var _moving = false
var _room = 0  # for frames of sound, when there are none


func _ready():
	process_mode = PROCESS_MODE_ALWAYS  # who pauses the game still wants its music
	_prefix = "%08x" % (randi() & 0x7fffffff)


# ---------------------------------------------------------------------------------------- verbs

# Music, opened as soon as there is a server; options: the fields of `open` in the protocol.
func open(cue_name, options = {}):
	_wanted = options.duplicate(true)
	_wanted["cue"] = cue_name
	_known_before = false
	_open()


func set_parameters(values, options = {}):
	var reply = _command("set", {"parameters": values}, options)
	reply.done.connect(_keep.bind(values))
	return reply


# Axes from -1 to 1; null leaves one as it is.
func mood(valence, arousal, tension = null, options = {}):
	return _command("mood", {"valence": valence, "arousal": arousal, "tension": tension}, options)


func go(section_name, options = {}):
	return _command("go", {"section": section_name}, options)


func stinger(name, options = {}):
	return _command("stinger", {"name": name}, options)


func feedback(value):
	return ask("feedback", {"value": value})


func game(features):
	return ask("game", {"features": features})


func direct(changes, options = {}):
	return _command("direct", {"changes": changes}, options)


func release(names = []):
	return ask("release", {"names": names})


func level(layer, value, options = {}):
	return _command("level", {"layer": layer, "value": value}, options)


func control(name, value, options = {}):
	return _command("control", {"name": name, "value": value}, options)


func duck(depth_db = 9.0, seconds = 1.0):
	return ask("duck", {"depth_db": depth_db, "seconds": seconds})


func switch_director(director):
	return ask("switch", {"director": director})


func tempo(bpm, options = {}):
	return _command("tempo", {"bpm": bpm}, options)


func loop(bars, options = {}):
	return _command("loop", {"bars": bars}, options)


func cancel(reply):
	return ask("cancel", {"command": reply.id})


func pause():
	return ask("pause")


func resume():
	return ask("resume")


func position():
	return ask("position")


# End the music for good.
func close(fade_seconds = 0.0):
	var reply = ask("close", {"fade_seconds": fade_seconds}, 10.0 + fade_seconds)
	_wanted = {}
	return reply


# Any request that concerns the session.
func ask(type, content = {}, seconds = 0.0):
	var reply = _new_reply()
	if session == "" and not _wanted.is_empty() and (is_connected_to_server or not _known_before):
		_held.append([reply, type, content, seconds])
	else:
		_send(reply, type, content, session, seconds)
	return reply


# Any request that concerns no session: list, metrics, prepare, ...
func ask_server(type, content = {}, seconds = 0.0):
	var reply = _new_reply()
	_send(reply, type, content, "", seconds)
	return reply


# How long it is until a frame sounds, in seconds; below zero once it has.
func seconds_until(at_frame):
	return (at_frame - frame_now()) / _rate


# The frame that sounds now, by the server's clock.
func frame_now():
	return _frame + ((_now() + _offset - _frame_seconds) * _rate if _moving else 0.0)


# --------------------------------------------------------------------------------------- inside

func _now():
	return Time.get_ticks_usec() / 1e6


func _process(_delta):
	var now = _now()
	if _socket != null:
		_poll()
	elif now >= _dial_at:
		_dial(now)
	if is_connected_to_server and now >= _ping_at:
		_ping(now)
	if session != "" and now >= _ask_at:  # keeps the session alive, and its clock right
		_ask_at = now + 2.0
		position().done.connect(_take_position)
	if now >= _open_at:
		session = ""
		_open()
	for failed in _failed.duplicate():
		failed[0].finish({}, failed[1], failed[2])
	_failed.clear()
	for reply in _waiting.values():
		if now > reply.deadline:
			_waiting.erase(reply.id)
			reply.finish({}, "timeout", "no answer from " + address)
	while not _ahead.is_empty() and _ahead[0].at_frame <= frame_now():
		sounds.emit(_ahead.pop_front())


func _dial(now):
	_dial_at = now + min(0.25 * pow(2, _tries), 4.0)
	_tries += 1
	_greeted = false
	_socket = WebSocketPeer.new()
	_socket.inbound_buffer_size = 1 << 20
	if _socket.connect_to_url(address) != OK:
		_lose()


func _poll():
	_socket.poll()
	var state = _socket.get_ready_state()
	if state == WebSocketPeer.STATE_OPEN and not _greeted:
		_greeted = true
		_greet()
	while _socket != null and _socket.get_available_packet_count() > 0:
		_read()
	if state == WebSocketPeer.STATE_CLOSED:
		_lose()


func _greet():
	var reply = ask_server("hello", {"protocol": VERSION, "client": "segue.gd"})
	var hello = await reply.done
	if not hello.ok:
		_lose()
		return
	if server.get("started_ns") != hello.content.started_ns:  # another server, whose sessions are others
		session = ""
	server = hello.content
	is_connected_to_server = true
	_tries = 0
	_best_trip = INF
	_ping_at = 0.0
	connected.emit(server)
	_opening = false
	if session != "":
		_subscribe()
	else:
		_open()


# The connection has ended, or is ended because nothing is heard.
func _lose():
	if _socket == null:
		return
	_socket.close()
	_socket = null
	var was = is_connected_to_server
	is_connected_to_server = false
	for reply in _waiting.values():
		_failed.append([reply, "lost", "no server at " + address])
	_waiting.clear()
	if was:
		lost.emit()


func _open():
	if _opening or _wanted.is_empty() or not is_connected_to_server:
		return
	_opening = true
	_open_at = INF
	session = ""
	var reply = await ask_server("open", _wanted, 60.0).done
	_opening = false
	if reply.ok:
		_begin(reply.content)
	elif reply.code != "lost":
		_wanted = {}
		_send_held()  # they are told that there is no session
		closed.emit(reply.message)


func _begin(content):
	session = content.session
	cue = content.cue
	_rate = content.sample_rate
	_sequence = 0
	_ahead.clear()
	if _wanted.is_empty():  # closed while it was being opened
		_send(_new_reply(), "close", {}, session, 0.0)
		session = ""
		return
	_place(content.position)
	_subscribe()
	_send_held()
	(reopened if _known_before else opened).emit(session)
	_known_before = true


func _send_held():
	var held = _held
	_held = []
	for one in held:
		_send(one[0], one[1], one[2], session, one[3])


func _subscribe():
	var audio = plays_stream and _wanted.get("output") == "stream"
	ask("subscribe", {"after": _sequence, "audio": audio}).done.connect(_check)


func _new_reply():
	var reply = Reply.new()
	_count += 1
	reply.id = "%s-%d" % [_prefix, _count]
	return reply


func _command(type, content, options):
	content = content.duplicate()
	for name in options:
		content[name] = options[name]
	return ask(type, content)


func _send(reply, type, content, session_id, seconds):
	if not _finite(content):
		_failed.append([reply, "out_of_range", "a number that is not finite"])
	elif _socket == null or not (is_connected_to_server or type == "hello"):
		_failed.append([reply, "lost", "no server at " + address])
	else:
		reply.deadline = _now() + max(seconds, timeout_seconds)
		_waiting[reply.id] = reply
		var header = {"id": reply.id, "type": type, "session": session_id}
		var text = JSON.stringify({"header": header, "content": content})
		_socket.send_text(text)


func _finite(value):
	match typeof(value):
		TYPE_FLOAT:
			return not (is_nan(value) or is_inf(value))
		TYPE_DICTIONARY:
			return _finite(value.values())
		TYPE_ARRAY:
			for one in value:
				if not _finite(one):
					return false
	return true


func _read():
	var packet = _socket.get_packet()
	if not _socket.was_string_packet():
		_play(packet)
		return
	var message = JSON.parse_string(packet.get_string_from_utf8())
	if typeof(message) != TYPE_DICTIONARY:
		return
	if message.has("event"):
		_take(message.event)
		return
	var id = message.parent.get("id", "")
	if not _waiting.has(id):
		return
	var reply = _waiting[id]
	_waiting.erase(id)
	var content = message.content
	if message.header.type != "error":
		reply.finish(content)
	else:
		var way = content.get("remediation", "")
		reply.finish(content, content.code, content.message + ("; " + way if way else ""))


func _take(event):
	if event.session != session or event.sequence <= _sequence:
		return
	_sequence = event.sequence
	var place = _ahead.size()
	while place > 0 and _ahead[place - 1].at_frame > event.at_frame:
		place -= 1
	_ahead.insert(place, event)
	told.emit(event)
	match event.type:
		"beat", "bar", "section", "executed", "dropped":
			emit_signal(event.type, event)
		"paused", "resumed":
			_ask_at = 0.0
		"closed":
			session = ""
			_open_at = INF
			if event.reason == "closed":  # by someone who meant it
				_wanted = {}
			closed.emit(event.reason)
			_open()


func _keep(reply, values):
	if reply.ok and not _wanted.is_empty():
		var kept = _wanted.get("parameters", {}).duplicate()
		for name in values:
			kept[name] = values[name]
		_wanted["parameters"] = kept


func _take_position(reply):
	_check(reply)
	if reply.ok:
		_place(reply.content.position)


# A session that the server does not know is opened again, unless it turns out that someone closed it.
func _check(reply):
	if reply.code == "unknown_session":
		_open_at = min(_open_at, _now() + 1.0)


func _place(position):
	_frame = position.frame
	_frame_seconds = position.ts_ns / 1e9
	_moving = not position.paused and _wanted.get("clock") != "manual"


func _ping(now):
	_ping_at = now + 1.0
	var pong = await ask_server("ping", {"t0_ns": Time.get_ticks_usec() * 1000}).done
	if pong.code == "timeout":
		_lose()
	elif pong.ok:  # the clock is set by the quickest of the last pings
		var sent = pong.content.t0_ns / 1e9
		var come = pong.content.t1_ns / 1e9
		var gone = pong.content.t2_ns / 1e9
		var trip = _now() - sent - (gone - come)
		_best_trip *= 1.1
		if trip <= _best_trip:
			_best_trip = trip
			_offset = (come - sent + gone - _now()) / 2


# "SEGA", frame, channels, then 16-bit samples; what does not fit is late, and left out.
func _play(packet):
	if packet.slice(0, 4).get_string_from_ascii() != "SEGA" or not plays_stream:
		return
	var channels = packet.decode_u32(12)
	if player == null:
		_make_player()
	var sound = PackedVector2Array()
	sound.resize((packet.size() - 16) / (2 * channels))
	for i in sound.size():
		var at = 16 + 2 * channels * i
		var left = packet.decode_s16(at) / 32768.0
		sound[i] = Vector2(left, packet.decode_s16(at + 2) / 32768.0 if channels > 1 else left)
	var playback = player.get_stream_playback()
	if playback.get_frames_available() >= _room:  # it has run empty
		_rest(playback)
	if playback.can_push_buffer(sound.size()):
		playback.push_buffer(sound)


func _make_player():
	player = AudioStreamPlayer.new()
	player.stream = AudioStreamGenerator.new()
	player.stream.mix_rate = _rate
	player.stream.buffer_length = KEPT_SECONDS
	add_child(player)
	player.play()
	_room = player.get_stream_playback().get_frames_available()


# Silence first, so that packets may come a little late.
func _rest(playback):
	var silence = PackedVector2Array()
	silence.resize(int(REST_SECONDS * _rate))
	silence.fill(Vector2.ZERO)
	playback.push_buffer(silence)
