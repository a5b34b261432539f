"""One CloudFormation stack: create it, update it, wait for it, say why it failed."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

_DEADLINE_S = 120
_DEAD = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")


class DeploymentFailed(Exception):
    """The stack could not be brought to what was asked; the message names resources and reasons."""


class Stack:
    """A stack by its name, through a CloudFormation client."""

    def __init__(self, formation: BaseClient, name: str) -> None:
        self._formation = formation
        self._name = name

    def apply(self, template_url: str, parameters: Mapping[str, str], before_creation: Callable[[], None]) -> str:
        """Create or update the stack and return what was done: created, updated or unchanged.

        template_url: of the template in S3; CloudFormation takes 51,200 bytes of one in a request, and ours is longer.
        before_creation: raises if nothing may be created here: creating a table over an existing one empties it.
        Raise DeploymentFailed if the stack does not become complete.
        """
        pairs = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        request = {"StackName": self._name, "TemplateURL": template_url, "Parameters": pairs}
        request["Capabilities"] = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
        status = self._settled()
        if status in _DEAD:
            self._formation.delete_stack(StackName=self._name)
            status = self._settled()
        if status in (None, "DELETE_COMPLETE"):
            before_creation()
            self._call(self._formation.create_stack, request)
            return self._expect("CREATE_COMPLETE", "created")
        return self._update(request)

    def physical_id(self, logical_id: str) -> str:
        """Return what a resource of the template is called in the cloud."""
        resource = self._formation.describe_stack_resource(StackName=self._name, LogicalResourceId=logical_id)
        return str(resource["StackResourceDetail"]["PhysicalResourceId"])

    def _update(self, request: Mapping[str, Any]) -> str:
        try:
            self._call(self._formation.update_stack, request)
        except DeploymentFailed as e:
            if "No updates" in str(e):
                return "unchanged"
            raise
        return self._expect("UPDATE_COMPLETE", "updated")

    def _call(self, operation: Callable[..., object], request: Mapping[str, Any]) -> None:
        try:
            operation(**request)
        except ClientError as e:
            raise DeploymentFailed(f"stack {self._name} was refused: {e}") from e

    def _expect(self, wanted: str, done: str) -> str:
        status = self._settled()
        if status == wanted:
            return done
        events = self._formation.describe_stack_events(StackName=self._name)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
        reasons = [f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in reversed(failed)]
        raise DeploymentFailed("\n".join([f"stack {self._name} ended as {status}, not {wanted}", *reasons]))

    def _settled(self) -> str | None:
        """Wait until nothing is in progress and return the stack's status, None if there is no such stack."""
        deadline = time.monotonic() + _DEADLINE_S
        while (status := self._status()) is not None and status.endswith("_IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise DeploymentFailed(f"stack {self._name} is still {status} after {_DEADLINE_S} s")
            time.sleep(0.1)
        return status

    def _status(self) -> str | None:
        try:
            return str(self._formation.describe_stacks(StackName=self._name)["Stacks"][0]["StackStatus"])
        except ClientError as e:
            if "does not exist" in str(e):
                return None
            raise
