"""What the embedded API Gateway does not take from a template: its own answers, and the ceilings of single methods."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.client import BaseClient


def tune(gateway: BaseClient, api_id: str, properties: Mapping[str, Any]) -> None:
    """Bring the API's stage to what the template's properties say; doing it again changes nothing."""
    stage = properties["StageName"]
    settings = patches(properties.get("MethodSettings", ()))
    if settings:
        gateway.update_stage(restApiId=api_id, stageName=stage, patchOperations=settings)
    _put_responses(gateway, api_id, stage, properties.get("GatewayResponses", {}))


def patches(method_settings: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return what UpdateStage needs for these settings of a template: both write a path's slashes as ~1."""
    changes = []
    for setting in method_settings:
        path, method = str(setting["ResourcePath"]), str(setting["HttpMethod"])
        place = "/*/*" if (path, method) == ("/*", "*") else f"{path}/{method}"
        for property_name, patch_name in (("ThrottlingRateLimit", "rateLimit"), ("ThrottlingBurstLimit", "burstLimit")):
            value = str(setting[property_name])
            changes.append({"op": "replace", "path": f"{place}/throttling/{patch_name}", "value": value})
    return changes


def _put_responses(gateway: BaseClient, api_id: str, stage: str, responses: Mapping[str, Any]) -> None:
    # They count from the deployment after them on; its description says which ones it was made for.
    marker = hashlib.sha256(json.dumps(responses, sort_keys=True).encode()).hexdigest()
    deployed = gateway.get_stage(restApiId=api_id, stageName=stage)["deploymentId"]
    if gateway.get_deployment(restApiId=api_id, deploymentId=deployed).get("description") == marker:
        return
    for kind, response in responses.items():
        headers = response.get("ResponseParameters", {}).get("Headers", {})
        request: dict[str, Any] = {
            "responseParameters": {f"gatewayresponse.header.{name}": value for name, value in headers.items()},
            "responseTemplates": response["ResponseTemplates"],
        }
        if "StatusCode" in response:
            request["statusCode"] = str(response["StatusCode"])
        gateway.put_gateway_response(restApiId=api_id, responseType=kind, **request)
    gateway.create_deployment(restApiId=api_id, stageName=stage, description=marker)
