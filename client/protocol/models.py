"""The models socket: functions called at once or as jobs, with their requests and replies."""

from typing import Any

from msgspec import Struct, field

from .basics import Buffer, Error, Plain, Reply, Request

JOB_STATES = ("queued", "running", "done", "failed", "cancelled")


class Source(Struct, kw_only=True):
    """What a function works on: one of these, or nothing where it needs none."""

    library: str = ""  # id of an item of the library
    file: str = ""  # path in one of the server's folders
    buffers: list[Buffer] = field(default_factory=list)  # binary frames after the content


class Function(Struct, kw_only=True):
    """What can be called."""

    name: str
    title: str
    quick: bool  # answered in a second or so; else submit it as a job
    source: list[str]  # what it works on: sound, notes, session, or nothing
    options: Plain  # JSON Schema of its options
    model: str = ""  # whose card tells how good it is


class Job(Struct, kw_only=True):
    """A function at work."""

    id: str
    function: str
    state: str  # one of JOB_STATES
    share: float  # that is done, 0..1
    message: str = ""
    waited_seconds: float = 0.0
    seconds: float = 0.0


class LibraryItem(Struct, kw_only=True):
    """A file of the library."""

    id: str
    title: str
    kind: str  # sound or notes
    seconds: float = 0.0


class GetFunctions(Request, kw_only=True):
    TYPE = "functions"


class GetLibrary(Request, kw_only=True):
    TYPE = "library"
    search: str = ""
    limit: int = 100


class GetCards(Request, kw_only=True):
    TYPE = "cards"
    name: str = ""  # none: all


class Call(Request, kw_only=True):
    TYPE = "call"
    function: str
    source: Source = field(default_factory=Source)
    options: Plain = field(default_factory=dict)


class Submit(Request, kw_only=True):
    TYPE = "submit"
    function: str
    source: Source = field(default_factory=Source)
    options: Plain = field(default_factory=dict)


class GetJob(Request, kw_only=True):
    TYPE = "job"
    job: str


class GetJobs(Request, kw_only=True):
    TYPE = "jobs"


class GetResult(Request, kw_only=True):
    TYPE = "result"
    job: str


class CancelJob(Request, kw_only=True):
    TYPE = "cancel_job"
    job: str


class FunctionList(Reply, kw_only=True):
    TYPE = "functions"
    functions: list[Function]


class Library(Reply, kw_only=True):
    TYPE = "library"
    items: list[LibraryItem]
    total: int


class Cards(Reply, kw_only=True):
    TYPE = "cards"
    cards: dict[str, Plain]


class JobReply(Reply, kw_only=True):
    TYPE = "job"
    job: Job


class JobList(Reply, kw_only=True):
    TYPE = "jobs"
    jobs: list[Job]


class Progress(Reply, kw_only=True):
    """Sent to who submitted a job, any number of times before its `result` or `error`."""

    TYPE = "progress"
    job: str
    share: float
    message: str = ""


class Result(Reply, kw_only=True):
    TYPE = "result"
    function: str
    value: Any
    buffers: list[Buffer] = field(default_factory=list)
    job: str = ""
    seconds: float = 0.0


MODEL_REQUESTS: dict[str, type[Request]] = {
    kind.TYPE: kind
    for kind in (
        GetFunctions,
        GetLibrary,
        GetCards,
        Call,
        Submit,
        GetJob,
        GetJobs,
        GetResult,
        CancelJob,
    )
}
"""Every type of request to the models socket by its name, besides `hello` and `ping`."""

MODEL_REPLIES: dict[str, type[Reply]] = {
    kind.TYPE: kind
    for kind in (FunctionList, Library, Cards, JobReply, JobList, Progress, Result, Error)
}
"""Every type of reply of the models socket by its name on the wire."""
