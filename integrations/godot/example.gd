# An example: put it on a Node2D and run the scene, with `segue serve` in a terminal. A shadow hunts
# the light that follows the mouse; the nearer it comes, the more danger the music has. The light
# flares on the beats that are heard; a click begins the fight, another ends it.
extends Node2D

const SIGHT = 400.0  # pixels
const REPORT_SECONDS = 0.2

export var address = "ws://127.0.0.1:5580/ws"
export var output = "stream"  # comes out of this game; "auto": out of the server's machine

var music = preload("segue.gd").new()
var shadow = Vector2.ZERO
var flare = 0.0
var fighting = false
var since = 0.0


func _ready():
	music.address = address
	add_child(music)
	music.connect("sounds", self, "_on_sounds")
	music.connect("section", self, "_on_section")
	music.connect("closed", self, "_on_closed")
	music.open("dungeon", {"output": output})


func _process(delta):
	shadow = shadow.move_toward(get_global_mouse_position(), 90.0 * delta)
	flare = max(0.0, flare - 3.0 * delta)
	since += delta
	if since > REPORT_SECONDS:
		since = 0.0
		music.set_parameters({"danger": danger()}, {"ramp_seconds": 0.3})
	update()


func danger():
	return clamp(1.0 - shadow.distance_to(get_global_mouse_position()) / SIGHT, 0.0, 1.0)


func _unhandled_input(event):
	if event is InputEventMouseButton and event.pressed:
		fighting = not fighting
		music.go("fight" if fighting else "calm")


func _draw():
	draw_circle(get_global_mouse_position(), 12.0 + 20.0 * flare, Color(0.3, 0.8, 0.7))
	draw_circle(shadow, 40.0, Color(0.8, 0.25, 0.35, 0.7))


func _on_sounds(event):
	if event.type == "beat":
		flare = 1.0


func _on_section(event):
	print("section ", event.name)


func _on_closed(reason):
	print("no music: ", reason)
