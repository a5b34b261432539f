"""One OpenID Connect provider: discovery, the way there, and from the code that comes back to a person who is believed."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from chalicelib.domain import sso
from chalicelib.domain.sso import Person, Provider
from chalicelib.providers.transport import Transport, refuse_plain, unavailable

# Signatures with a public key only: `none` and HMAC, which a public key would serve as the secret of, are not in it.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
METADATA_MAX_AGE_S = 3600
KEYS_MAX_AGE_S = 3600
# Tokens with invented key ids must not make us ask the provider each time.
KEYS_LEAST_AGE_S = 60
_NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


class OidcClient:
    """Talks to one provider; kept while the function is warm, with what it knows of the provider. clock: monotonic seconds."""

    def __init__(self, provider: Provider, transport: Transport, clock: Callable[[], float] = time.monotonic) -> None:
        self.provider = provider
        self._transport = transport
        self._clock = clock
        self._metadata: Mapping[str, Any] = {}
        self._metadata_at = 0.0
        self._keys: tuple[Mapping[str, Any], ...] = ()
        self._keys_at = 0.0

    def authorization_url(self, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Return where the browser is sent. Raise Unavailable if the provider does not say where."""
        query = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.provider.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        } | ({"hd": self.provider.hosted_domain} if self.provider.hosted_domain else {})
        endpoint = self._discovered()["authorization_endpoint"]
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def refuse_mix_up(self, issuer: str | None) -> None:
        """Raise Forbidden if the answer says that it comes from another provider, or should say from where and does not."""
        must_say = self._discovered().get("authorization_response_iss_parameter_supported") is True
        if (issuer is None and must_say) or issuer not in (None, self.provider.issuer):
            raise sso.untrusted("it comes from another provider")

    def person(self, code: str, redirect_uri: str, verifier: str, nonce: str, secret: str, now: datetime) -> Person:
        """Return who logged in. Raise Forbidden if the provider does not take the code, or its answer is not believed."""
        answer = self._exchange(code, redirect_uri, verifier, secret)
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise sso.untrusted("it holds no ID token")
        person = sso.believe(self._verified(id_token), self.provider, nonce, now)
        # OIDC Core, 5.4: what `email` and `profile` ask for may be told by the UserInfo endpoint only.
        return person if person.email else self._told_more(person, answer.get("access_token"))

    def _exchange(self, code: str, redirect_uri: str, verifier: str, secret: str) -> Mapping[str, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        authorization = None
        methods = self._discovered().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if secret and "client_secret_basic" in methods:
            # RFC 6749, 2.3.1: each part is form-encoded before they are joined.
            joined = f"{quote(self.provider.client_id, safe='')}:{quote(secret, safe='')}"
            authorization = "Basic " + base64.b64encode(joined.encode()).decode()
        else:
            form |= {"client_id": self.provider.client_id} | ({"client_secret": secret} if secret else {})
        reply = self._transport.post(self._discovered()["token_endpoint"], form, authorization)
        if reply.status != 200 or not isinstance(reply.body, dict):
            word = reply.body.get("error") if isinstance(reply.body, dict) else None
            raise sso.untrusted(f"it does not take the code ({str(word or reply.status)[:60]})")
        return reply.body

    def _verified(self, id_token: str) -> Mapping[str, Any]:
        """Return the claims of a token whose signature is the provider's."""
        import jwt  # it loads cryptography, which no other request needs

        try:
            header = jwt.get_unverified_header(id_token)
            algorithm = header.get("alg")
            if algorithm not in ALGORITHMS:
                raise sso.untrusted(f"its token is signed by {str(algorithm)[:20]!r}")
            key = jwt.PyJWK.from_dict(dict(self._key(header.get("kid"), algorithm)), algorithm=algorithm)
            # The claims are judged in the domain, by our clock.
            verified = jwt.PyJWS().decode_complete(id_token, key, algorithms=[algorithm])
            claims = json.loads(verified["payload"])
        except jwt.PyJWTError as e:
            raise sso.untrusted(f"its token's signature does not hold ({type(e).__name__})") from e
        except ValueError as e:
            raise sso.untrusted("its token holds no claims") from e
        if not isinstance(claims, dict):
            raise sso.untrusted("its token holds no claims")
        return claims

    def _key(self, kid: object, algorithm: str) -> Mapping[str, Any]:
        found = self._fitting(kid, algorithm)
        if found is None and self._clock() - self._keys_at >= KEYS_LEAST_AGE_S:
            self._read_keys()
            found = self._fitting(kid, algorithm)
        if found is None:
            raise sso.untrusted("its token is signed by a key that the provider does not show")
        return found

    def _fitting(self, kid: object, algorithm: str) -> Mapping[str, Any] | None:
        if not self._keys or self._clock() - self._keys_at > KEYS_MAX_AGE_S:
            self._read_keys()
        public = [key for key in self._keys if key.get("kty") in ("RSA", "EC", "OKP")]
        signing = [key for key in public if key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm]
        if kid is None:
            return signing[0] if len(signing) == 1 else None
        return next((key for key in signing if key.get("kid") == kid), None)

    def _read_keys(self) -> None:
        reply = self._transport.get(self._discovered()["jwks_uri"])
        keys = reply.body.get("keys") if reply.status == 200 and isinstance(reply.body, dict) else None
        if not isinstance(keys, list):
            raise unavailable("it does not show its keys")
        self._keys = tuple(key for key in keys if isinstance(key, dict))
        self._keys_at = self._clock()

    def _told_more(self, person: Person, access_token: object) -> Person:
        endpoint = self._discovered().get("userinfo_endpoint")
        if not isinstance(access_token, str) or not isinstance(endpoint, str):
            return person
        reply = self._transport.get(endpoint, f"Bearer {access_token}")
        if reply.status != 200 or not isinstance(reply.body, dict):
            return person
        # OIDC Core, 5.3.2: another subject's claims must not be used.
        if reply.body.get("sub") != person.subject:
            raise sso.untrusted("it speaks of two people")
        return sso.person_of(reply.body, self.provider)

    def _discovered(self) -> Mapping[str, Any]:
        if not self._metadata or self._clock() - self._metadata_at > METADATA_MAX_AGE_S:
            reply = self._transport.get(self.provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
            self._metadata = self._checked(reply.body if reply.status == 200 else None)
            self._metadata_at = self._clock()
        return self._metadata

    def _checked(self, found: object) -> Mapping[str, Any]:
        if not isinstance(found, dict) or not all(isinstance(found.get(name), str) for name in _NEEDED):
            raise unavailable("its configuration cannot be read")
        # OIDC Discovery, 4.3: else one provider could speak for another.
        if found["issuer"] != self.provider.issuer:
            raise unavailable(f"it calls itself {found['issuer'][:200]!r}, not {self.provider.issuer!r}")
        for name in _NEEDED[1:]:
            refuse_plain(found[name])
        return found
