"""The house: what is shipped, what each import loads, and which way the arrows point."""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = SETTINGS["tool"]["setuptools"]
PACKAGES = {  # as folders; "" is the root
    name.partition(".")[2].replace(".", "/") for name in SETUPTOOLS["packages"]
}
GLOBS = [
    f"{name.partition('.')[2].replace('.', '/')}/{glob}".lstrip("/")
    for name, globs in SETUPTOOLS["package-data"].items()
    for glob in globs
]


def git_files(*options: str) -> list[str]:
    """Files of this checkout, relative to its root."""
    done = subprocess.run(
        ["git", "ls-files", *options], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [line for line in done.stdout.splitlines() if (ROOT / line).is_file()]


def matches(path: str, glob: str) -> bool:
    """As setuptools does it: a star stays within a folder."""
    parts, wanted = path.split("/"), glob.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def shipped(files: list[str]) -> set[str]:
    """Those of the files that belong into the wheel: all that lies in a package."""
    return {name for name in files if package_of(name) or is_face(name)}


def package_of(name: str) -> str:
    folder = name.split("/")[0]
    return folder if folder in PACKAGES else ""


def is_face(name: str) -> bool:
    return "/" not in name and (name.endswith(".py") or name == "py.typed")


def test_packages_are_the_folders_that_hold_an_init() -> None:
    files = git_files("--cached", "--others", "--exclude-standard")
    found = {name.rpartition("/")[0] for name in files if name.endswith("__init__.py")}
    assert PACKAGES == found
    apart = ("tests/", "examples/", "integrations/")
    modules = [name for name in files if name.endswith(".py") and not name.startswith(apart)]
    assert {name.rpartition("/")[0] for name in modules} <= PACKAGES
    assert all(name.count("/") <= 1 for name in found), "packages are two levels deep at most"


def test_the_root_holds_the_face_only() -> None:
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("glob", GLOBS)
def test_data_that_is_declared_is_there(glob: str) -> None:
    assert [name for name in git_files() if matches(name, glob)]


def test_data_that_is_there_is_declared() -> None:
    data = {name for name in shipped(git_files()) if not name.endswith(".py")}
    assert len(data) > 10
    assert not {name for name in data if not any(matches(name, glob) for glob in GLOBS)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of this tree, so that nothing is built in place."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in git_files("--cached", "--others", "--exclude-standard"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tree / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    done = subprocess.run([*command, str(tree)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("segue-*.whl"))


def test_the_wheel_holds_every_module_and_data_file_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    held = {name for name in names if ".dist-info/" not in name}
    files = git_files("--cached", "--others", "--exclude-standard")
    assert held == {f"segue/{name}" for name in shipped(files)}
    assert {name.split("/")[0] for name in names - held} == {f"segue-{version()}.dist-info"}


def version() -> str:
    return str(SETTINGS["project"]["version"])


def test_one_version() -> None:
    import segue

    assert segue.__version__ == version()


def loaded_by(statements: str) -> set[str]:
    """Top-level names of the modules that a fresh interpreter has loaded after some statements."""
    code = (
        f"import sys; {statements}; print('LOADED', *{{n.partition('.')[0] for n in sys.modules}})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


HEAVY = {"torch", "stable_baselines3", "pyo", "vizdoom", "matplotlib", "sklearn"}


def test_the_package_itself_loads_the_standard_library_only() -> None:
    added = loaded_by("import segue") - loaded_by("pass")
    assert added <= sys.stdlib_module_names | {"segue"}


def test_the_client_loads_only_pyzmq_and_msgspec() -> None:
    added = loaded_by("import segue.client") - loaded_by("import zmq, msgspec")
    assert added <= sys.stdlib_module_names | {"segue"}


@pytest.mark.parametrize(
    "statements",
    [
        "import segue.cli",
        "import segue.envs",
        "import gymnasium; gymnasium.make('segue.envs:segue/Arrange-v0').reset(seed=0)",
        "from segue.agents.evaluate import evaluate; from segue.agents.study import find_study; "
        "evaluate(find_study('arrange'), ['agent'], episodes=2)",
        "import segue; segue.open('dungeon', director='agent').advance(5.0)",
    ],
)
def test_playing_loads_nothing_that_only_training_and_sound_need(statements: str) -> None:
    loaded = loaded_by(statements)
    assert "segue" in loaded
    assert not loaded & HEAVY


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The modules and the import contract, in a folder of their own."""
    folder = tmp_path_factory.mktemp("copy")
    for name in shipped(git_files("--cached", "--others", "--exclude-standard")):
        if name.endswith(".py"):
            (folder / "segue" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / "segue" / name)
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    return folder


def contract(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_import_contract_is_kept(copy: Path) -> None:
    done = contract(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "arrow"),
    [
        ("music/score.py", "from ..server import session"),
        ("envs/games/game.py", "from ...agents.policy import Policy"),
        ("server/sessions/queue.py", "def late() -> None:\n    from ... import cli"),
        ("analysis/sound/audio.py", "from ...synth import engine"),
        ("synth/mixer.py", "from ..analysis import ear"),
        ("client/wire.py", "from ..music.errors import SegueError"),
    ],
)
def test_an_arrow_that_points_the_wrong_way_breaks_the_contract(
    copy: Path, module: str, arrow: str
) -> None:
    path = copy / "segue" / module
    text = path.read_text()
    path.write_text(f"{text}\n\n{arrow}\n")
    try:
        done = contract(copy)
    finally:
        path.write_text(text)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)  # a fresh environment may have to be downloaded
def test_the_wheel_works_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    bin_folder = home / ("Scripts" if os.name == "nt" else "bin")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}

    def run(program: str, *arguments: str) -> str:
        done = subprocess.run(
            [bin_folder / program, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    constraints = str(ROOT / "constraints.txt")
    run("python", "-m", "pip", "install", "--quiet", "-c", constraints, str(wheel))
    assert not list(home.glob("lib/*/site-packages/torch"))
    assert "render" in run("segue", "--help")
    assert "dungeon" in run("segue", "cue", "list")
    run("segue", "render", "dungeon", "-o", "x.wav", "--seconds", "5", "--director", "table")
    assert soundfile.info(tmp_path / "x.wav").duration >= 5.0
    make = "import gymnasium; gymnasium.make('segue.envs:segue/Arrange-v0').reset(seed=0)"
    run("python", "-W", "error", "-c", make)
