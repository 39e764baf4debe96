"""What can go wrong at the client's end of the wire."""


class ClientError(Exception):
    """Anything that a user of the client can cause or meet."""


class NoAnswerError(ClientError):
    """No server answered in time."""


class RequestError(ClientError):
    """The server could not do what was asked; nothing has changed.

    `code` is one of the table in `docs/protocol.md`.
    """

    def __init__(self, code: str, message: str, path: str = "", remediation: str = "") -> None:
        self.code, self.message, self.path, self.remediation = code, message, path, remediation
        super().__init__(f"{message}; {remediation}" if remediation else message)
