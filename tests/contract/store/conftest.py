"""The store against DynamoDB: moto in process, or the implementation that DYNAMODB_URL names. One suite for all."""

import tests.tables  # noqa: F401 - it says where DynamoDB is, before any model is imported
