"""The environment that the application reads, for tests that run it in process."""

import os

import tests.tables  # noqa: F401 - it says where DynamoDB is, before any model is imported

os.environ |= {
    "STAGE": "test",
    "FORGE_URL": "http://127.0.0.1:1",
    "FORGE_ORGANIZATION": "crontopus",
    "FORGE_BOT": "crontopus-api",
    "PUBLIC_URL": "http://127.0.0.1:9",
    "APP_SECRET": "crontopus/test/app",
    "KMS_KEY": "alias/crontopus",
    "RATE_LIMIT_FACTOR": "100",
    "MAIL_FROM": "no-reply@crontopus.example.org",
    "MAIL_QUEUE": "https://sqs.eu-central-1.amazonaws.com/123456789012/crontopus-mails",
    "EMAIL_VERIFICATION": "optional",
    "TRUSTED_NETWORKS": "127.0.0.0/8",
}
