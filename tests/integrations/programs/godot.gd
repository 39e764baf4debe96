# A game of sorts: plays, and prints what happens, one thing a line.
extends SceneTree

var music


func _init():
	Engine.target_fps = 60
	var arguments = OS.get_cmdline_args()
	music = load("res://segue.gd").new()
	music.address = arguments[-2]
	get_root().add_child(music)
	for name in ["connected", "opened", "reopened", "lost", "beat", "section", "executed", "sounds", "closed"]:
		music.connect(name, self, "_on_" + name)
	music.open("dungeon", {"director": "table", "output": arguments[-1], "parameters": {"danger": 0.1}})
	# said before there is a session: done as soon as there is one
	_report(music.set_parameters({"danger": 0.7}), "set")
	_report(music.go("boss"), "go")
	_report(music.set_parameters({"dangr": 1.0}), "misspelt")
	_report(music.set_parameters({"danger": NAN}), "nan")


func _report(reply, what):
	var done = yield(reply, "done")
	var told = done.content.get("eta_seconds", 0.0) if done.ok else done.code + " " + done.message
	print(what, " ", told)


func _on_connected(welcome):
	print("connected ", welcome.server)


func _on_opened(session):
	print("opened ", session, " ", music.cue.title)


func _on_lost():
	print("lost")


func _on_beat(event):
	print("beat ", event.beat, " ", music.seconds_until(event.at_frame))
	if event.beat == 3 and OS.get_cmdline_args()[-1] == "stream":
		_heard()


func _on_section(event):
	print("section ", event.name)


func _on_executed(event):
	print("executed ", event.verb)


func _on_sounds(event):
	print("sounds ", event.type, " ", music.seconds_until(event.at_frame))


func _on_reopened(session):
	var reply = yield(music.position(), "done")
	print("reopened ", session, " ", reply.content.position.parameters.danger)


func _heard():
	while music.player == null:
		yield(self, "idle_frame")
	yield(create_timer(0.5), "timeout")
	var playback = music.player.get_stream_playback()
	print("stream ", music.player.get_playback_position(), " ", playback.get_skips())


func _on_closed(reason):
	print("closed ", reason)
	quit()
