"""What tests of ping URLs share."""

from tests.functional.api.client import Answer, Api

RID, OTHER_RID = "9e0ac3f2-3d2b-4d0c-8f83-2f6a1c0b7d01", "9e0ac3f2-3d2b-4d0c-8f83-2f6a1c0b7d02"
CHECK = {"name": "backup", "checkin_by": "ping", "period": "1d", "grace": "1h"}


def ping(api: Api, url: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    return api.as_(None).call(method, url, raw=body, **headers)


def runs(ada: Api) -> list[dict]:
    return list(ada.get("/api/runs").body["runs"])
