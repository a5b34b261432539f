"""What a client may ask about the forge itself."""

from infra.local.forge.api import git_data
from infra.local.forge.api.call import Call
from infra.local.forge.shapes import MAX_BLOB_BYTES
from infra.local.forge.web import Response, json_response

VERSION = "15.0.0+crontopus-local"


def version(call: Call) -> Response:
    return json_response(200, {"version": VERSION})


def settings(call: Call) -> Response:
    pages = {"max_response_items": git_data.MAX_PAGE, "default_paging_num": git_data.PAGE}
    sizes = {"default_git_trees_per_page": git_data.TREE_PAGE, "default_max_blob_size": MAX_BLOB_BYTES}
    return json_response(200, {**pages, **sizes})
