# Runs the example for some seconds, without a window.
extends SceneTree


func _init():
	Engine.target_fps = 60
	var scene = load("res://example.gd").new()
	scene.address = OS.get_cmdline_args()[-1]
	scene.output = "none"
	get_root().add_child(scene)
	scene.music.connect("opened", self, "_on_opened")


func _on_opened(session):
	print("opened ", session)
