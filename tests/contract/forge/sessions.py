"""Sessions that count, or lose what a network may lose."""

import requests


class Counting(requests.Session):
    """Keeps what was asked: one `METHOD path` per request."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.calls: list[str] = []

    def send(self, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        self.calls.append(f"{request.method} {request.path_url}")
        return super().send(request, **kwargs)  # type: ignore[arg-type]


class Losing(Counting):
    """Loses the first commits: their answer after the forge made them, or the request before it got there."""

    def __init__(self, *, answers: int = 0, requests_: int = 0) -> None:
        super().__init__()
        self._answers = answers
        self._requests = requests_

    def send(self, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        is_commit = request.method == "POST" and request.path_url.endswith("/contents")
        if is_commit and self._requests:
            self._requests -= 1
            raise requests.ConnectionError("lost before it was sent")
        response = super().send(request, **kwargs)
        if is_commit and self._answers:
            self._answers -= 1
            raise requests.ReadTimeout("lost on its way back")
        return response
