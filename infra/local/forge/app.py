"""Every request comes in here: the API, git, or nothing."""

import re
from urllib.parse import unquote

from infra.local.forge import access, smart_http
from infra.local.forge.access import CHALLENGE, Caller
from infra.local.forge.api import routes
from infra.local.forge.api.call import NOT_FOUND, Call
from infra.local.forge.repositories import Level, Repository, find_repository
from infra.local.forge.state import Forge
from infra.local.forge.web import Refused, Request, Response, json_response

_API = "/api/v1/"
_GIT = re.compile(r"/([^/]+)/([^/]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)")
_NO_CACHE = (("Cache-Control", "no-cache, max-age=0, must-revalidate"),)
_SERVICES = ("git-upload-pack", "git-receive-pack")


class App:
    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    def __call__(self, request: Request) -> Response:
        if request.path.startswith(_API):
            return self._api(request)
        try:
            return self._git(request)
        except Refused as e:
            return Response(e.status, e.message.encode(), (("Content-Type", "text/plain; charset=utf-8"), *e.headers))

    def _api(self, request: Request) -> Response:
        caller = Caller()
        try:
            caller = access.identify(self._forge.db, request)
            return self._routed(request, caller)
        except Refused as e:
            is_admin = caller.account is not None and caller.account.is_admin
            message = e.message if e.status != 500 or is_admin else ""
            shape: dict[str, object] = {"message": message, "url": f"{self._forge.url}/api/swagger"}
            body = json_response(e.status, shape | {"errors": []} if e.status == 404 else shape)
            return Response(e.status, body.body, body.headers + e.headers)

    def _routed(self, request: Request, caller: Caller) -> Response:
        found = routes.find(request.method, request.path.removeprefix(_API))
        if isinstance(found, int):
            raise Refused(found, NOT_FOUND)
        route, args = found
        if caller.account and caller.account.prohibit_login:
            raise Refused(403, "This account is prohibited from signing in, please contact your site administrator.")
        if caller.account and caller.account.must_change_password:
            raise Refused(403, "You must change your password. Change it at: /user/change_password")
        if route.scope:
            access.require_scope(caller, route.scope, write=request.method not in ("GET", "HEAD"))
        return route.handler(Call(self._forge, request, caller, args))

    def _git(self, request: Request) -> Response:
        match = _GIT.fullmatch(request.path)
        if match is None:
            raise Refused(404, "Not found.")
        owner, name, action = (unquote(part) for part in match.groups())
        service = request.query.get("service", "") if action == "info/refs" else action
        if service not in _SERVICES or request.method != ("GET" if action == "info/refs" else "POST"):
            raise Refused(403, "only smart HTTP is served")
        is_push = service == "git-receive-pack"
        caller = access.identify(self._forge.db, request)
        one = self._for_git(caller, find_repository(self._forge.db, owner, name), is_push=is_push)
        kind = "advertisement" if action == "info/refs" else "result"
        headers = (("Content-Type", f"application/x-{service}-{kind}"), *_NO_CACHE)
        return Response(200, self._served(request, caller, one, service, action), headers)

    def _for_git(self, caller: Caller, one: Repository | None, *, is_push: bool) -> Repository:
        """Return the repository. Raise Refused as Forgejo does, only that a forbidden push ends here and not in a hook."""
        if caller.account is None and (one is None or one.is_private or is_push):
            raise Refused(401, "Unauthorized", headers=CHALLENGE)
        if caller.account is not None:
            access.require_scope(caller, "repository", write=is_push)
            if caller.account.prohibit_login or not caller.account.is_active:
                raise Refused(403, "Your account is disabled.")
        if one is None:
            raise Refused(404, "Repository not found")
        if access.is_beyond_token(caller, one):
            raise Refused(403, "Forbidden")
        level = access.level(self._forge.db, caller, one)
        if level < Level.READ:
            raise Refused(404, "Repository not found")
        if is_push and (level < Level.WRITE or one.is_archived):
            raise Refused(403, "This repository is read-only for you.")
        return one

    def _served(self, request: Request, caller: Caller, one: Repository, service: str, action: str) -> bytes:
        lock = self._forge.storage.lock(one)
        if action == "git-upload-pack":
            return smart_http.upload(self._forge.storage.path(one), request.body)
        with self._forge.storage.open(one) as repo:
            if action == "info/refs":
                return smart_http.advertise(repo, service, lock)
            body, moved = smart_http.receive(repo, request.body, lock)
            for old, new, ref in moved:
                self._forge.announce(one, repo, caller.known(), ref.decode(), old.decode(), new.decode())
            return body
