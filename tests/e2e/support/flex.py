"""Flex Gateway's documents, and a gateway that reads a folder of them."""

import yaml

V1 = "gateway.mulesoft.com/v1alpha1"


def doc(kind, name, spec, version=V1, **metadata):
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def api(name, address, services=None, policies=None, **metadata):
    spec = {"address": address}
    if services:
        spec["services"] = services
    if policies:
        spec["policies"] = policies
    return doc("ApiInstance", name, spec, **metadata)


def service(address, *routes):
    """`routes`: (rules, destinationPath or None)."""
    out = {"address": address.url if hasattr(address, "url") else address}
    if routes:
        out["routes"] = [{"rules": rules, **({"config": {"destinationPath": path}} if path is not None else {})}
                         for rules, path in routes]
    return out


def binding(name, policy, config, target, kind="ApiInstance", order=None, rules=None, **metadata):
    target = target if isinstance(target, dict) else {"kind": kind, "name": target}
    spec = {"targetRef": target, "policyRef": {"name": policy}, "config": config}
    if order is not None:
        spec["order"] = order
    if rules is not None:
        spec["rules"] = rules
    return doc("PolicyBinding", name, spec, **metadata)


def limits(count, expose=True, key=None):
    return {"rateLimits": [{"maximumRequests": count, "timePeriodInMilliseconds": 600_000}], "exposeHeaders": expose,
            **({"keySelector": key} if key else {})}


class Site:
    """A folder: gateway.yaml for telemetry, and files of Flex documents beside it."""

    def __init__(self, gateway, documents, *, listeners=False, **settings):
        self.gate = gateway([], wait=False, **settings)
        self.gate.process.kill()
        self.gate.process.wait()
        self.folder = self.gate.folder / "conf.d"
        self.folder.mkdir()
        if not listeners:
            del self.gate.spec["listeners"], self.gate.spec["routes"]
        self.gate.config_path = self.folder / "gateway.yaml"
        self.gate.served_path = self.folder
        self.write("apis.yaml", documents)
        self.gate.start()

    def write(self, name, documents):
        fresh = self.folder / f".{name}.new"
        fresh.write_text(yaml.safe_dump_all(documents, sort_keys=False))
        fresh.rename(self.folder / name)
