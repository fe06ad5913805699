"""jwt-validation against tokens made by PyJWT, and key servers that rotate, lie and hang."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from support import behaviours as does
from support.gateway import FIELDS, SLOW, route
from support.origin import ok
from support.wait import until

SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
RSA_KEY = rsa.generate_private_key(65537, 2048)


def pem(private):
    return private.public_key().public_bytes(serialization.Encoding.PEM,
                                             serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def token(key, algorithm, kid=None, **claims):
    return jwt.encode({"exp": int(time.time()) + 600, **claims}, key, algorithm,
                      headers={"kid": kid} if kid else None)


def bearer(text):
    return {"headers": {"Authorization": f"Bearer {text}"}}


def jwks(**keys):
    kinds = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm,
             ed25519.Ed25519PrivateKey: OKPAlgorithm}
    found = []
    for kid, key in keys.items():
        algorithm = next(a for kind, a in kinds.items() if isinstance(key, kind))
        found.append({**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"})
    return json.dumps({"keys": found}).encode()


def guarded(gateway, origin, **settings):
    return gateway([route("all", origin, policies=[{"jwt-validation": settings}])],
                   logging={"fields": FIELDS + ["jwt.sub", "jwt.org_id", "jwt.realm.role"]})


@pytest.mark.parametrize("algorithm,key", [
    ("RS256", RSA_KEY), ("RS384", RSA_KEY), ("RS512", RSA_KEY), ("PS256", RSA_KEY), ("PS384", RSA_KEY), ("PS512", RSA_KEY),
    ("ES256", ec.generate_private_key(ec.SECP256R1())), ("ES384", ec.generate_private_key(ec.SECP384R1())),
    ("ES512", ec.generate_private_key(ec.SECP521R1())), ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
])
def test_every_public_key_algorithm(gateway, origin, algorithm, key):
    gate = guarded(gateway, origin, keys=[{"pem": pem(key)}], algorithms=[algorithm])
    good = token(key, algorithm, sub="u")
    assert gate.ask("/", **bearer(good)).status == 200
    head, payload, signature = good.split(".")
    forged = signature[:-6] + ("AAAAAA" if signature[-6:] != "AAAAAA" else "BBBBBB")
    assert gate.ask("/", **bearer(f"{head}.{payload}.{forged}")).status == 401


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_every_shared_secret_algorithm(gateway, origin, algorithm):
    gate = guarded(gateway, origin, keys=[{"secret": SECRET}], algorithms=[algorithm])
    assert gate.ask("/", **bearer(token(SECRET, algorithm))).status == 200
    assert gate.ask("/", **bearer(token(SECRET + "x", algorithm))).status == 401


def test_claims_reach_the_record_limits_and_the_upstream(gateway, origin):
    gate = gateway([route("all", origin, policies=[
        {"jwt-validation": {"keys": [{"secret": SECRET}], "clientId": "azp", "claimHeaders": {"sub": "X-User"}}},
        {"rate-limit": {"key": "jwt.org_id", "limit": "2/min"}}])],
        logging={"fields": FIELDS + ["jwt.sub", "jwt.org_id", "jwt.realm.role"]})
    good = token(SECRET, "HS256", sub="u1", org_id="acme", azp="app", realm={"role": "admin"})
    answer = gate.ask("/", headers={"Authorization": f"Bearer {good}", "X-User": "root"})
    line = gate.record(answer)
    assert (line["jwt.sub"], line["jwt.org_id"], line["jwt.realm.role"], line["client.id"]) == ("u1", "acme", "admin", "app")
    assert origin.requests[0].headers.get("x-user") == "u1"
    assert gate.ask("/", **bearer(good)).status == 200      # from the cache: counted alike
    assert gate.ask("/", **bearer(good)).status == 429
    other = token(SECRET, "HS256", sub="u1", org_id="globex")
    assert gate.ask("/", headers={"Authorization": f"Bearer {other}"}).status == 200
    text = gate.log_path.read_text()
    assert good not in text and good.split(".")[1] not in text


def test_refusals(gateway, origin):
    public = pem(RSA_KEY)
    gate = guarded(gateway, origin, keys=[{"pem": public}], issuer="me", clockSkewSeconds=0)

    def refusal(text, reason, status=401, body={"error": "Invalid token."}):
        answer = gate.ask("/", **(bearer(text) if text is not None else {}))
        assert (answer.status, json.loads(answer.body)) == (status, body)
        assert answer.headers.get("www-authenticate") == "Bearer"
        line = gate.record(answer)
        assert line["response.ending"] == "auth_failed"
        assert line["policy.outcomes"][0]["reason"] == reason
    refusal(None, "missing_token", 400, {"error": "JWT Token is required."})
    refusal("garbage", "malformed_token")
    refusal(token(RSA_KEY, "RS256"), "wrong_issuer")
    refusal(token(RSA_KEY, "RS256", iss="me", exp=int(time.time()) - 1), "token_expired")
    refusal(token(RSA_KEY, "RS256", iss="me", nbf=int(time.time()) + 60), "token_not_yet_valid")
    refusal(jwt.encode({"iss": "me"}, RSA_KEY, "RS256"), "missing_claim")
    refusal(jwt.encode({"iss": "me"}, None, "none"), "algorithm_refused")
    refusal(jwt.encode({"iss": "me"}, RSA_KEY, "RS256", headers={"crit": ["x"], "x": 1}), "critical_header")
    refusal(token(rsa.generate_private_key(65537, 2048), "RS256", iss="me"), "bad_signature")
    # The classic: the public key taken for the secret of an HMAC.
    head, payload = (jwt.utils.base64url_encode(json.dumps(part).encode()).decode()
                     for part in ({"alg": "HS256"}, {"iss": "me", "exp": int(time.time()) + 60}))
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(f"{head}.{payload}".encode(), public.encode())
    refusal(f"{head}.{payload}.{jwt.utils.base64url_encode(mac).decode()}", "unknown_key")
    assert not origin.requests
    gate.until_metric("flex_auth_failures_total", 10, route="all", method="GET", path="/*")


# ---- keys by URL

OLD, NEW = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()


def by_url(gateway, origin, server, **settings):
    return guarded(gateway, origin, jwksUrl=server.url + "/jwks", **settings)


def test_rotation_is_followed_at_once(gateway, origin, new_origin):
    server = new_origin(default=ok(jwks(old=OLD)))
    gate = by_url(gateway, origin, server)
    assert gate.ask("/", **bearer(token(OLD, "ES256", "old"))).status == 200   # waits for the first fetch
    server.default = ok(jwks(old=OLD, new=NEW))
    fresh = token(NEW, "EdDSA", "new")
    until(lambda: gate.ask("/", **bearer(fresh)).status == 200, "the new key", every=0.2)
    seen = len(server.requests)
    server.default = ok(jwks(new=NEW))    # the old one is taken back
    until(lambda: gate.ask("/", **bearer(token(NEW, "EdDSA", "?"))).status == 401 and len(server.requests) > seen,
          "another fetch", every=0.2)
    until(lambda: gate.ask("/", **bearer(token(OLD, "ES256", "old"))).status == 401, "the old key is gone", every=0.1)
    assert gate.ask("/", **bearer(fresh)).status == 200


def test_unknown_keys_do_not_hammer_the_server(gateway, origin, new_origin):
    server = new_origin(default=ok(jwks(old=OLD)))
    gate = by_url(gateway, origin, server)
    with gate.client() as client:
        for i in range(200):
            assert client.ask("/", headers={"Authorization": "Bearer " + token(NEW, "EdDSA", f"k{i}")}).status == 401
    assert len(server.requests) <= 3


@pytest.mark.parametrize("trouble", ["garbage", "empty", "error", "hang", "gone", "huge"])
def test_no_request_with_a_known_key_fails(gateway, origin, new_origin, trouble):
    server = new_origin(default=ok(jwks(old=OLD)))
    gate = by_url(gateway, origin, server, jwksTimeoutMs=1000, cachedTokens=0)
    assert gate.ask("/", **bearer(token(OLD, "ES256", "old"))).status == 200
    {"garbage": lambda: setattr(server, "default", ok(b"<html>sign in</html>")),
     "empty": lambda: setattr(server, "default", ok(b'{"keys": []}')),
     "error": lambda: setattr(server, "default", ok(b"no", 503)),
     "hang": lambda: setattr(server, "default", does.hang()),
     "gone": server.kill,
     "huge": lambda: setattr(server, "default", ok(b" " * 3_000_000 + jwks(new=NEW)))}[trouble]()
    seen, took, extra = len(server.requests), [], 20
    deadline = time.monotonic() + 7       # the server is asked again after 5 s at the latest
    while time.monotonic() < deadline and extra:
        gate.ask("/", **bearer(token(NEW, "EdDSA", "new")))     # has it ask the server
        for _ in range(5):
            began = time.monotonic()
            assert gate.ask("/", **bearer(token(OLD, "ES256", "old"))).status == 200
            took.append(time.monotonic() - began)
        extra -= len(server.requests) > seen
    assert trouble == "gone" or len(server.requests) > seen
    assert sorted(took)[len(took) // 2] < 0.5 * SLOW


def test_known_keys_survive_a_reload_while_the_server_hangs(gateway, origin, new_origin):
    server = new_origin(default=ok(jwks(old=OLD)))
    gate = by_url(gateway, origin, server)
    assert gate.ask("/", **bearer(token(OLD, "ES256", "old"))).status == 200
    server.default = does.hang()
    gate.spec["routes"].append(route("more", origin, path="/more/*"))
    gate.reload()
    assert gate.ask("/", **bearer(token(OLD, "ES256", "old"))).status == 200


def test_503_only_while_there_was_never_a_key(gateway, origin, new_origin):
    server = new_origin(default=ok(b"garbage"))
    gate = by_url(gateway, origin, server)
    answer = gate.ask("/", **bearer(token(OLD, "ES256", "old")))
    assert answer.status == 503 and answer.headers.get("retry-after")
    line = gate.record(answer)
    assert (line["response.origin"], line["policy.outcomes"][0]["reason"]) == ("gateway", "keys_unavailable")
    assert gate.ask("/").status == 400 and gate.ask("/", **bearer("x")).status == 401   # no key would help these
    server.default = ok(jwks(old=OLD))
    until(lambda: gate.ask("/", **bearer(token(OLD, "ES256", "old"))).status == 200, "keys", every=0.1)


def test_a_gateway_that_stops_does_not_wait_for_keys(gateway, origin, new_origin):
    server = new_origin(default=does.hang())
    gate = by_url(gateway, origin, server, jwksTimeoutMs=60000)
    gate.document["spec"]["drainMs"] = 100
    gate.reload()
    from support.client import request
    with gate.client() as client:
        client.send(request("/", headers={"Authorization": "Bearer " + token(OLD, "ES256", "old")}))
        gate.until_metric("flex_exchanges_active", 1)
        began = time.monotonic()
        gate.stop()
        assert time.monotonic() - began < 4


def test_a_client_that_leaves_while_keys_are_awaited(gateway, origin, new_origin):
    server = new_origin(default=does.hang())
    gate = by_url(gateway, origin, server, jwksTimeoutMs=60000)
    from support.client import request
    client = gate.client()
    client.send(request("/", headers={"Authorization": "Bearer " + token(OLD, "ES256", "old")}))
    gate.until_metric("flex_exchanges_active", 1)
    client.reset()
    gate.until_access(1, response__ending="client_abort")
