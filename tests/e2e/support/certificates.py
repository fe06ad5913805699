"""Certificates for a test, made by the openssl command."""

import subprocess


def _run(*args, stdin=None):
    done = subprocess.run(["openssl", *map(str, args)], input=stdin, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Authority:
    def __init__(self, folder, name="Test CA"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.pem, self.key = folder / "ca.pem", folder / "ca.key"
        _run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
             "-out", self.pem, "-subj", f"/CN={name}", "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE",
             "-addext", "keyUsage=keyCertSign,cRLSign")

    def issue(self, name, subject, san, *, days=30):
        """(certificate, key) as paths. Negative days: expired."""
        pem, key, request, extensions = (self.folder / f"{name}.{kind}" for kind in ("pem", "key", "csr", "ext"))
        _run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request,
             "-subj", subject)
        extensions.write_text(f"subjectAltName={san}\n")
        _run("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.key, "-CAcreateserial", "-out", pem,
             "-days", days, "-extfile", extensions)
        return pem, key

    def revoke(self, *certificates):
        """A revocation list with these."""
        database, config, crl = (self.folder / name for name in ("index.txt", "ca.cnf", "ca.crl"))
        database.write_text("")
        config.write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={database}\ndefault_md=sha256\ndefault_crl_days=10\n"
                          f"certificate={self.pem}\nprivate_key={self.key}\n")
        for certificate in certificates:
            _run("ca", "-config", config, "-revoke", certificate)
        _run("ca", "-config", config, "-gencrl", "-out", crl)
        return crl
