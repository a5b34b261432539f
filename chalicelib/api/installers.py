"""The route that gives out installer scripts."""

from chalicelib.api.blueprint import ApiBlueprint, Ask, TextAnswer
from chalicelib.services import installers

bp = ApiBlueprint(__name__)


@bp.api(
    "GET",
    "/api/endpoints/install/script/{platform}",
    auth="enroll",
    scope="write:endpoints",
    media_type="text/x-shellscript",
)
def get_installer(ask: Ask, platform: str) -> TextAnswer:
    """Give out the installer for linux, macos or windows. It holds no secret; a token that opens this is not used up."""
    installer = installers.installer_of(platform)
    headers = {"Content-Disposition": f'attachment; filename="{installer.filename}"'}
    if installer.is_powershell:
        headers["Content-Type"] = "text/plain; charset=utf-8"
    return TextAnswer(installers.script(installer), headers=headers)
