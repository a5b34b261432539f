"""The queue in which mails wait that were asked for, so that no request waits for a mail server."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable


class MailQueue:
    """client: of the service sqs."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def put(self, text: str) -> None:
        """Put one message in. Raise Unavailable."""
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=text)
        except (BotoCoreError, ClientError) as e:
            raise Unavailable("the queue of mails did not answer; try again", code="mail_unavailable") from e
