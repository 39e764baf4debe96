"""A listener in a process of its own: `python analysis_child.py JOB.json ANSWERS.jsonl`.

A job names a function as MODULE:NAME, files and a rate in Hz. What the function returns is called
with the samples of each file at that rate and its path; what that answers is written down as a line
of JSON with the processor seconds that it took. The first file is heard twice and counts once,
warm. This file imports nothing of Segue, so that any interpreter can run it.
"""

import contextlib
import importlib.util
import io
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # one thread each, before numpy is loaded


def main(job_path: Path, out_path: Path) -> None:
    """Hear the files of a job, one line of answers each."""
    import soundfile

    warnings.filterwarnings("ignore")
    job = json.loads(job_path.read_text())
    with out_path.open("w") as out, contextlib.redirect_stdout(io.StringIO()):
        listen = load(job["function"])
        for number, path in enumerate(job["files"]):
            samples, rate = soundfile.read(path, dtype="float32")
            if rate != job["rate"]:
                samples = resampled(samples, rate, job["rate"])
            if number == 0:
                listen(samples, path)
            begun = time.process_time()
            answer = listen(samples, path)
            seconds = time.process_time() - begun
            line = {"path": path, "answer": answer, "processor_seconds": seconds}
            out.write(json.dumps(line | {"sound_seconds": len(samples) / job["rate"]}) + "\n")
            out.flush()


def load(function: str) -> Callable[[Any, str], Any]:
    """A listener made ready by calling MODULE.NAME(); the module is one of this folder, or ours."""
    module, _, name = function.partition(":")
    if module.startswith("segue."):
        loaded = importlib.import_module(module)
    else:
        spec = importlib.util.spec_from_file_location(
            module, Path(__file__).parent / f"{module}.py"
        )
        assert spec is not None and spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
    made: Callable[[Any, str], Any] = getattr(loaded, name)()
    return made


def resampled(samples: Any, rate: int, wanted: int) -> Any:
    """Samples at another rate, float32."""
    import soxr

    return soxr.resample(samples, rate, wanted).astype("float32")


if __name__ == "__main__":
    here = Path(__file__).parent.resolve()  # whose names must not hide packages
    sys.path[:] = [folder for folder in sys.path if Path(folder or ".").resolve() != here]
    main(Path(sys.argv[1]), Path(sys.argv[2]))
