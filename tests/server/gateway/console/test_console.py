"""The console in a real browser, against a real server."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from segue.server.gateway.app import CONSOLE

Page = Any  # as conftest.py makes it
MUSIC = "(await import('/music.js')).music"
PLAYS = "!document.body.classList.contains('idle')"
HUES = """(() => {
  const canvas = document.querySelector("#roll");
  const place = canvas.getContext("2d").getImageData(0, 42, canvas.width * 0.6, canvas.height - 42);
  const counts = {};
  for (let i = 0; i < place.data.length; i += 4) {
    const [r, g, b] = place.data.slice(i, i + 3);
    const high = Math.max(r, g, b), wide = high - Math.min(r, g, b);
    if (wide < 50) continue;
    const turn = high === r ? (g - b) / wide : high === g ? 2 + (b - r) / wide : 4 + (r - g) / wide;
    const hue = Math.round((turn + 6) % 6 * 2);
    counts[hue] = (counts[hue] ?? 0) + 1;
  }
  return Object.values(counts).filter((count) => count > 40).length;
})()"""
"""How many colours the notes left of the playhead have, each in some forty pixels."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def music(page: Page, expression: str) -> Any:
    """A value of what the page knows of the music, by the name `music`."""
    return page.value(f"(async () => {{ const music = {MUSIC}; return {expression}; }})()")


def play(page: Page, output: str = "none") -> None:
    """Open a session as a person does."""
    page.value(f"document.querySelector('#output').value = {json.dumps(output)}")
    page.click("#open")
    page.wait(PLAYS, 60)


def move(page: Page, selector: str, value: float) -> None:
    page.value(
        f"(() => {{ const input = document.querySelector({json.dumps(selector)});"
        f" input.value = {value}; input.dispatchEvent(new Event('input')); }})()"
    )


def until(page: Page, condition: str, seconds: float = 20.0) -> None:
    """Until a condition on `music` holds."""
    page.value(f"(async () => {{ window.music = {MUSIC}; }})()")
    page.wait(condition.replace("music.", "window.music."), seconds)


def test_the_page_loads_without_complaint_and_offers_the_cues(page: Page) -> None:
    page.wait("document.querySelectorAll('#cues button').length >= 4")
    page.wait("document.querySelector('#link').textContent.trim() !== ''")
    assert page.faults == []


def test_notes_of_a_session_appear_on_the_canvas(page: Page) -> None:
    play(page)
    until(page, "music.notes.length > 20")
    page.wait(f"{HUES} >= 3", 30)
    page.wait("/^\\d+:\\d$/.test(document.querySelector('#bar').textContent)")
    assert page.faults == []


def test_a_slider_sets_its_parameter(page: Page) -> None:
    play(page)
    move(page, "#parameter-danger", 0.85)
    until(page, "Math.abs(music.session.position.parameters.danger - 0.85) < 0.01")
    page.wait("document.querySelector('.row .value').textContent === '0.85'")


def test_a_section_button_goes_there(page: Page) -> None:
    play(page)
    page.click("#buttons [data-name=explore]")
    until(page, "music.promises.size > 0 || music.session.position.section === 'explore'")
    page.wait("document.querySelector('#buttons [data-name=explore]').ariaCurrent === 'true'", 40)
    page.wait("document.querySelector('#commands').textContent.includes('go explore')")


def test_a_layer_is_muted_and_comes_back(page: Page) -> None:
    play(page)
    page.click(".layer:nth-child(2) button")
    until(page, "music.session.position.levels.horn === 0")
    page.wait("document.querySelector('.layer:nth-child(2)').classList.contains('muted')")
    page.click(".layer:nth-child(2) button")
    until(page, "music.session.position.levels.horn === 1")


def test_the_music_stands_and_goes_on(page: Page) -> None:
    play(page)
    until(page, "music.bars.length > 0")
    page.click("#play")
    until(page, "music.session.position.paused")
    page.wait("document.querySelector('#play').ariaLabel === 'Resume'")
    frame = music(page, "music.frame()")
    page.value("new Promise((resolve) => requestAnimationFrame(resolve)).then(() => 0)")
    assert music(page, "music.frame()") == frame
    page.click("#play")
    until(page, f"music.session.position.frame > {frame} + 24000")


def test_who_joins_sees_what_was_played(page: Page, served: Any) -> None:
    play(page)
    until(page, "music.bars.length > 2")
    session = music(page, "music.session.id")
    page.open(f"{served.address}/")
    page.wait(
        f"[...document.querySelector('#sessions').options].some((o) => o.value === '{session}')"
    )
    page.value(
        f"(() => {{ const list = document.querySelector('#sessions'); list.value = '{session}';"
        " list.dispatchEvent(new Event('change')); })()"
    )
    page.wait(PLAYS)
    until(page, "music.bars.length > 2 && music.bars[0].bar === 0 && music.notes.length > 20")
    assert music(page, "music.session.cue.name") == "dungeon"


def test_the_mood_is_asked_for_by_keys_and_handed_back(page: Page) -> None:
    play(page)
    before = music(page, "music.session.position.wanted.arousal")
    page.value(
        "(() => { for (let i = 0; i < 8; i++) document.querySelector('#plane').dispatchEvent("
        "new KeyboardEvent('keydown', { key: 'ArrowUp', bubbles: true })); })()"
    )
    until(page, f"music.session.position.wanted.arousal > {before + 0.3}")
    page.click("#mood-free")
    until(page, f"Math.abs(music.session.position.wanted.arousal - {before}) < 0.05")


def test_the_page_plays_the_sound_of_a_stream(page: Page) -> None:
    play(page, "stream")
    until(page, "music.session.audio")
    page.value(
        f"(async () => {{ window.loudest = 0; {MUSIC}.on('sound', "
        "({ rms }) => { window.loudest = Math.max(window.loudest, rms); }); })()"
    )
    page.wait("window.loudest > 0.003", 30)
    page.wait("document.querySelector('#buffered').textContent.endsWith('ms')")
    assert page.faults == []


def test_a_lost_server_is_shown_and_found_again(page: Page, served: Any) -> None:
    play(page)
    until(page, "music.bars.length > 0")
    session, bar = music(page, "[music.session.id, music.session.position.bar]")
    assert served.gateway.pid is not None
    os.kill(served.gateway.pid, signal.SIGKILL)
    page.wait("document.querySelector('#link').classList.contains('lost')")
    page.wait("document.querySelector('#notice').textContent.includes('cannot be reached')")
    page.wait("document.querySelector('#link').classList.contains('open')", 60)
    assert music(page, "music.session.id") == session
    until(page, f"music.session.position.bar > {bar} && music.bars.at(-1).bar > {bar}")
    page.wait("document.querySelector('#notice').hidden")


def test_it_fits_a_phone_and_a_laptop(page: Page) -> None:
    play(page)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    page.wait(f"{fits} && document.documentElement.scrollHeight <= innerHeight")
    page.resize(390, 844)
    page.wait(f"innerWidth === 390 && {fits}")


def run_function(page: Page, name: str) -> None:
    page.wait(
        f"[...document.querySelectorAll('#function option')].some((o) => o.value === '{name}')"
    )
    page.value(
        f"(() => {{ const list = document.querySelector('#function'); list.value = '{name}';"
        " list.dispatchEvent(new Event('change')); })()"
    )
    page.click("#jobs form .primary")


def test_functions_of_the_models_work_on_the_library(page: Page) -> None:
    run_function(page, "key")
    page.wait("document.querySelector('#jobs pre')?.textContent.includes('D')", 60)
    run_function(page, "transcribe")  # a job
    page.wait("document.querySelector('#jobs a.save')?.download.endsWith('.mid')", 60)
    assert "done in" in page.value("document.querySelector('#jobs').textContent")
    assert page.faults == []


def test_models_have_cards(page: Page) -> None:
    page.wait("document.querySelector('#models').textContent.includes('arranger')")
    page.click("#models .item summary")
    page.wait("document.querySelector('#models details[open] table') !== null")


def test_tabs_are_walked_by_arrow_keys(page: Page) -> None:
    page.value(
        "(() => { const tab = document.querySelector('#tab-decisions'); tab.focus(); tab"
        ".dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true })); })()"
    )
    assert page.value("document.activeElement.id") == "tab-commands"
    assert page.value("document.querySelector('#decisions').hidden")


def test_pages_that_were_named_may_connect_and_others_may_not(served: Any) -> None:
    address = served.address.replace("http", "ws") + "/ws"
    with connect(address, origin=served.page) as socket:
        socket.send(json.dumps({"header": {"type": "hello"}}))
        assert json.loads(socket.recv(timeout=20))["header"]["type"] == "welcome"
    with pytest.raises(InvalidStatus, match="403"), connect(address, origin="http://evil.example"):
        pass


def test_the_example_plays_in_a_page_of_another_site(browser: Page, served: Any) -> None:
    browser.faults.clear()
    browser.open(f"{served.page}/?server={served.address}")
    browser.value(
        f"(async () => {{ const {{ Session }} = await import('{served.address}/segue.js');"
        " const set = Session.prototype.set; window.sets = 0; Session.prototype.set ="
        " function (...given) { window.session = this;"
        " return set.apply(this, given).then((reply) => { window.sets++; return reply; }); }; })()"
    )
    browser.click("button")
    browser.wait("window.sets > 3 && window.session.audio", 60)
    browser.wait("document.querySelector('p').textContent.includes('lanterns')")
    assert browser.faults == []
    browser.value("window.session.close().then(() => 0)")


IN_NODE = """
import { Segue, SegueError } from "CLIENT";
const segue = await Segue.connect("ADDRESS/ws");
const session = await segue.open("dungeon");
const bar = new Promise((resolve) => session.on("bar", resolve));
const executed = new Promise((resolve) => session.on("executed", resolve));
const promise = await session.set({ danger: 0.6 });
const refusal = await session.set({ dangr: 1 }).catch((error) => error);
const told = { bar: await bar, executed: await executed, promise,
  refused: refusal instanceof SegueError && refusal.code };
told.wait = session.secondsUntil(told.bar.at_frame);
await session.close();
segue.close();
console.log(JSON.stringify(told));
"""


def run_node(script: str, folder: Path) -> Any:
    """What a module prints, as JSON."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here (Debian: apt-get install nodejs)")
    path = folder / "script.mjs"
    path.write_text(script)
    done = subprocess.run([node, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_client_runs_in_node(served: Any, tmp_path: Path) -> None:
    address = served.address.replace("http", "ws")
    client = (CONSOLE / "segue.js").as_uri()
    told = run_node(IN_NODE.replace("CLIENT", client).replace("ADDRESS", address), tmp_path)
    assert told["bar"]["type"] == "bar" and told["refused"] == "unknown_name"
    assert told["executed"]["command"] == told["promise"]["id"]
    assert -10.0 < told["wait"] < 10.0


LOUDSPEAKER = """
let Speaker;
Object.assign(globalThis, { sampleRate: 48000, currentTime: 0,
  AudioWorkletProcessor: class { port = { postMessage() {} }; },
  registerProcessor: (_, kind) => { Speaker = kind; } });
await import("WORKLET");
const speaker = new Speaker({ processorOptions: { bufferSeconds: 0.02 } });
const block = (frame, value) =>
  speaker.take({ frame, channels: 2, samples: new Int16Array(1024).fill(value) });
const play = (quanta) => {
  const heard = new Set();
  for (let i = 0; i < quanta; i++) {
    const output = [new Float32Array(128), new Float32Array(128)];
    speaker.process([], [output]);
    output[1].forEach((sample) => heard.add(Math.round(sample * 32768)));
  }
  return [[...heard], speaker.underruns, speaker.frame];
};
block(0, 1000);
const early = play(1); // 512 frames are less than the 960 that it waits for
block(512, 1000);
block(1280, 2000); // 256 frames were lost
const gap = play(14);
const dry = play(1);
speaker.take({ paused: true });
block(9216, 3000);
block(9728, 3000);
console.log(JSON.stringify({ early, gap, dry, paused: play(9) }));
"""


def test_the_loudspeaker_bridges_gaps_and_counts_underruns(tmp_path: Path) -> None:
    told = run_node(LOUDSPEAKER.replace("WORKLET", (CONSOLE / "worklet.js").as_uri()), tmp_path)
    assert told["early"] == [[0], 0, 0]
    assert told["gap"] == [[1000, 0, 2000], 0, 1792]
    assert told["dry"] == [[0], 1, 1792]
    assert told["paused"] == [[3000, 0], 1, 10240]
