"""The API with a certified OpenID Connect provider and GitHub's OAuth 2 to log in at."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chalicelib.services import doors
from chalicelib.store import tenants as tenant_store
from tests.fixtures import identity_providers as providers
from tests.functional.api import forge as forges
from tests.functional.api.client import Api
from tests.functional.api.sso.world import ADA, CALLBACK, Browser
from tests.tables import aws


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    with providers.oidc_provider(CALLBACK.format("oidc")) as issuer:
        yield issuer


@pytest.fixture(scope="session")
def github_site() -> Iterator[providers.GitHub]:
    with providers.github() as site:
        yield site


@pytest.fixture
def github(github_site) -> providers.GitHub:
    github_site.emails = [{"email": ADA, "primary": True, "verified": True, "visibility": "private"}]
    return github_site


@pytest.fixture
def sso(api, forge, issuer, github, monkeypatch) -> Api:
    """The API with two providers."""
    for name, value in {
        "SSO_OIDC_ISSUER": issuer,
        "SSO_OIDC_CLIENT_ID": providers.CLIENT_ID,
        "SSO_OIDC_LABEL": "Example Inc.",
        "SSO_GITHUB_URL": github.url,
        "SSO_GITHUB_CLIENT_ID": providers.CLIENT_ID,
    }.items():
        monkeypatch.setenv(name, value)
    secret = {
        "jwt_keys": {"test": base64.b64encode(bytes(32)).decode()},
        "forge_token": forge.bot_token,
        "forge_admin": f"{forges.ADMIN}:{forges.ADMIN_PASSWORD}",
        "sso": {"oidc": providers.CLIENT_SECRET, "github": providers.CLIENT_SECRET},
    }
    aws("secretsmanager").put_secret_value(SecretId="crontopus/test/app", SecretString=json.dumps(secret))
    doors.vault().forget()
    doors.identity_providers.cache_clear()
    yield api
    doors.identity_providers.cache_clear()


@pytest.fixture
def browser(sso) -> Browser:
    return Browser(sso)


@pytest.fixture
def known(browser) -> Browser:
    """A browser whose person has an account: ada, made by the provider's login."""
    browser.log_in(ADA)
    assert browser.finish(username="ada").status == 303
    return browser


@pytest.fixture
def with_password(sso, ada) -> Api:
    """Ada, who registered with a password and proved her address."""
    tenant = tenant_store.find("ada")
    assert tenant
    if tenant.email_verified_at is None:
        tenant_store.prove_email(tenant, "active", datetime.now(UTC))
    return ada
