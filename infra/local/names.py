"""Names that the parts of the local stack agree on. Standard library only: the emulator's environment reads it too."""

HOST = "127.0.0.1"
REGION = "us-east-1"
STAGE = "local"
STACK = f"crontopus-{STAGE}"
ORGANIZATION = "crontopus"
# Where the application's mails come from; they stay in the embedded AWS.
MAIL_FROM = "no-reply@crontopus.test"
# Known to the base path mapping alone; the front door finds the application's API by it.
FRONT_DOMAIN = "front.crontopus.test"
