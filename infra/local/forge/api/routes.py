"""The API's routes: which handler answers, and which scope a token needs for it."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from infra.local.forge.api import accounts, contents, git_data, hooks, repositories, site
from infra.local.forge.api.call import Call
from infra.local.forge.web import Response


@dataclass(frozen=True, slots=True)
class Route:
    """pattern: `{name}` takes one part of the path, `{name*}` the rest. scope: None where no token is asked for one."""

    method: str
    pattern: str
    scope: str | None
    handler: Callable[[Call], Response]

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """Return the named parts of a path, or None."""
        wanted = self.pattern.split("/")
        takes_rest = wanted[-1].endswith("*}")
        if len(parts) < len(wanted) or (len(parts) > len(wanted) and not takes_rest):
            return None
        args = {}
        for position, name in enumerate(wanted):
            if not name.startswith("{"):
                if name != parts[position]:
                    return None
            elif name.endswith("*}"):
                args[name[1:-2]] = "/".join(parts[position:])
            else:
                args[name[1:-1]] = parts[position]
        return args


_REPO = "repos/{owner}/{repo}"
ROUTES = (
    Route("GET", "version", None, site.version),
    Route("GET", "settings/api", None, site.settings),
    Route("POST", "admin/users", "admin", accounts.create_user),
    Route("PATCH", "admin/users/{user}", "admin", accounts.edit_user),
    Route("DELETE", "admin/users/{user}", "admin", accounts.delete_user),
    Route("POST", "admin/users/{user}/repos", "admin", repositories.create_for_user),
    Route("GET", "users/{user}", "user", accounts.get_user),
    Route("GET", "users/{user}/tokens", "user", accounts.list_tokens),
    Route("POST", "users/{user}/tokens", "user", accounts.create_token),
    Route("DELETE", "users/{user}/tokens/{token}", "user", accounts.delete_token),
    Route("POST", "user/repos", "user", repositories.create_for_caller),
    Route("POST", "orgs", "organization", accounts.create_organization),
    Route("GET", "orgs/{org}", "organization", accounts.get_organization),
    Route("DELETE", "orgs/{org}", "organization", accounts.delete_organization),
    Route("POST", "orgs/{org}/repos", "organization", repositories.create_in_organization),
    Route("GET", "repos/search", "repository", repositories.search),
    Route("GET", _REPO, "repository", repositories.get),
    Route("PATCH", _REPO, "repository", repositories.edit),
    Route("DELETE", _REPO, "repository", repositories.delete),
    Route("PUT", _REPO + "/collaborators/{user}", "repository", repositories.put_collaborator),
    Route("POST", _REPO + "/statuses/{sha}", "repository", repositories.post_status),
    Route("GET", _REPO + "/statuses/{sha}", "repository", repositories.list_statuses),
    Route("GET", _REPO + "/hooks", "repository", hooks.list_all),
    Route("POST", _REPO + "/hooks", "repository", hooks.create),
    Route("DELETE", _REPO + "/hooks/{hook}", "repository", hooks.delete),
    Route("GET", _REPO + "/contents", "repository", contents.get),
    Route("POST", _REPO + "/contents", "repository", contents.post_many),
    Route("GET", _REPO + "/contents/{path*}", "repository", contents.get),
    Route("POST", _REPO + "/contents/{path*}", "repository", contents.create),
    Route("PUT", _REPO + "/contents/{path*}", "repository", contents.update),
    Route("DELETE", _REPO + "/contents/{path*}", "repository", contents.delete),
    Route("GET", _REPO + "/raw/{path*}", "repository", contents.raw),
    Route("GET", _REPO + "/branches/{branch*}", "repository", git_data.get_branch),
    Route("GET", _REPO + "/commits", "repository", git_data.list_commits),
    Route("GET", _REPO + "/git/commits/{sha}", "repository", git_data.get_commit),
    Route("GET", _REPO + "/git/trees/{sha}", "repository", git_data.get_tree),
    Route("GET", _REPO + "/git/blobs", "repository", git_data.get_blobs),
    Route("GET", _REPO + "/git/blobs/{sha}", "repository", git_data.get_blob),
    Route("GET", _REPO + "/archive/{archive*}", "repository", git_data.get_archive),
)


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | int:
    """Return the route of a path below /api/v1 and its arguments, or the code to answer: 404, 405."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    matches = [(route, args) for route in ROUTES if (args := route.match(parts)) is not None]
    for route, args in matches:
        if route.method == method:
            return route, args
    return 405 if matches else 404
